#!/bin/sh
# place.sh - puts what one init system needs where it looks for it, or takes
# just that away
# usage: place.sh install|uninstall systemd|runit|s6|openrc|inetd|none
#
# Places come in the environment: DESTDIR, BINDIR, DATADIR, LOGDIR, UNITDIR,
# SYSUSERSDIR, TMPFILESDIR, SVDIR, S6DIR, INITDIR.
set -eu
here=${0%/*}

# put MODE FILE TO: one file, with the paths of this installation
put() {
	mkdir -p "$DESTDIR${3%/*}"
	sed "s|@BINDIR@|$BINDIR|g; s|@LOGDIR@|$LOGDIR|g" "$here/$2" \
		>"$DESTDIR$3"
	chmod "$1" "$DESTDIR$3"
}

# take MODE FILE TO: that file, and directories of ours that are empty
take() {
	rm -f "$DESTDIR$3"
	dir=${3%/*}
	while :; do
		case ${dir##*/} in
		gitopper | gitopper-httpd | log) ;;
		*) break ;;
		esac
		rmdir "$DESTDIR$dir" 2>/dev/null || break
		dir=${dir%/*}
	done
}

# supervised KIND DIR: the service directories of runit and s6
supervised() {
	for service in gitopper gitopper-httpd; do
		for file in run finish log/run; do
			$do 755 "$1/$service/$file" "$2/$service/$file"
		done
	done
}

case $1 in
install) do=put ;;
uninstall) do=take ;;
*) echo "place.sh: $1: neither install nor uninstall" >&2; exit 100 ;;
esac
case $2 in
systemd)
	for unit in gitopper-mount.service gitopper.service \
		gitopper-httpd.socket gitopper-httpd-local.socket \
		gitopper-httpd@.service gitopper-httpd.service
	do
		$do 644 "systemd/$unit" "$UNITDIR/$unit"
	done
	# a socket's connections are called as it is
	$do 644 systemd/gitopper-httpd@.service \
		"$UNITDIR/gitopper-httpd-local@.service"
	$do 644 systemd/gitopper.sysusers "$SYSUSERSDIR/gitopper.conf"
	$do 644 systemd/gitopper.tmpfiles "$TMPFILESDIR/gitopper.conf"
	;;
runit)
	supervised runit "$SVDIR"
	;;
s6)
	supervised s6 "$S6DIR"
	$do 644 s6/gitopper/notification-fd "$S6DIR/gitopper/notification-fd"
	;;
openrc)
	for script in gitopper-mount gitopper gitopper-httpd; do
		$do 755 "openrc/$script" "$INITDIR/$script"
	done
	;;
inetd)
	$do 644 inetd.conf "$DATADIR/gitopper/inetd.conf"
	;;
none)
	;;
*)
	echo "SERVICE=$2: not systemd, runit, s6, openrc, inetd or none" >&2
	exit 100
	;;
esac
