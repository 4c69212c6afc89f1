#!/bin/sh
# systemd.t - action/reload under a real systemd, in a container over an
# overlay of this machine's root directory
. tests/lib.sh

[ "$(id -u)" -eq 0 ] || skip 'mounts and containers are for root'
command -v systemd-nspawn >/dev/null || skip 'no systemd-nspawn'

root=$tmp/root
mkdir "$root" "$tmp/over"
mount -t tmpfs tmpfs "$tmp/over" && mkdir "$tmp/over/up" "$tmp/over/work" &&
mount -t overlay overlay "$root" \
	-o "lowerdir=/,upperdir=$tmp/over/up,workdir=$tmp/over/work" || exit 111

# a copy, as systemd mounts over /tmp and the like
mkdir -p "$root/suite/action" &&
cp "$(command -v gitopper-act)" "$root/suite" &&
cp action/reload "$root/suite/action" || exit 111

# unit NAME [LINE]: a service that sleeps
unit() {
	cat >"$root/etc/systemd/system/$1.service" <<-END
	[Service]
	ExecStart=/bin/sleep 1000
	${2-}
	[Install]
	WantedBy=multi-user.target
	END
}

# service NAME: one that is to be acted upon
service() {
	mkdir -p "$root/state/$1/ctl" "$root/state/$1/tree"
	printf '%s\n' "service=$1" upstream=/none branch=main action=reload \
		>"$root/state/$1/conf"
	printf 'hash=%040d\ntodo=act\n' 7 >"$root/state/$1/status"
}

unit probe 'ExecReload=/bin/sh -c "echo reloaded >>/reloads"'
unit mute
unit inst@
for name in probe mute inst@1 nothing; do
	service "$name"
done

# what runs in there, when enough of it is up
cat >"$root/probe.sh" <<END
PATH=/suite:/usr/bin:/bin:/usr/sbin:/sbin
GITOPPER_STATE=/state
ASAN_OPTIONS=detect_leaks=0
export PATH GITOPPER_STATE ASAN_OPTIONS
act() {
	gitopper-act "\$1" >/dev/null 2>&1
	echo "\$2: \$? \$(systemctl is-active "\$1")"
}
act probe first
act probe second
act mute third
act mute fourth
act inst@1 fifth
systemctl is-enabled inst@1
act nothing sixth

END
cat >"$root/etc/systemd/system/probe-all.service" <<'END'
[Unit]
DefaultDependencies=no
After=sysinit.target
[Service]
Type=oneshot
StandardOutput=append:/said
ExecStart=/bin/sh /probe.sh
ExecStopPost=/bin/systemctl poweroff --force --force
END
ok 'systemd boots, and runs it' \
	timeout 90 systemd-nspawn -q -b -D "$root" --register=no --keep-unit \
	--private-network systemd.unit=probe-all.service </dev/null

# said WHAT: the line of it; error NAME: what status says
said() { sed -n "s/^$1: //p" "$root/said"; }
error() { sed -n 's/^error=//p' "$root/state/$1/status"; }
is 'a service that is not running is started' "$(said first)" '0 active'
is 'one that runs is reloaded' "$(said second; cat "$root/reloads")" \
	'0 active
reloaded'
is 'one that has no way to reload is started' "$(said third)" '0 active'
is 'but can not be reloaded' "$(said fourth)" '1 active'
like 'which is said' "$(error mute)" '^act: exit status [0-9]+: .*reload'
is 'an instance of a template is started' "$(said fifth)" '0 active'
is 'and enabled' "$(sed -n 's/^enabled$/&/p' "$root/said")" enabled
like 'one that systemd does not know is an error' \
	"$(said sixth; error nothing)" 'not found'

done_testing
