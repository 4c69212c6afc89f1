# boot.sh - a machine of its own, with systemd booted for real: . tests/boot.sh
# It has this machine's files, in an overlay, the host name m, and no network
# but a loopback interface. It ends with the test, even when that is killed.

root=$tmp/root
machine=gitopper-$$
boot_pid='' leader=''

# Where a sanitizer's reports go, in there
asan=detect_leaks=0 ubsan='' reports=
if [ "${REPORTS-}" ]; then
	reports=--bind=$REPORTS:/reports
	asan=$(printf %s "$ASAN_OPTIONS" | sed "s|$REPORTS|/reports|")
	ubsan=$(printf %s "$UBSAN_OPTIONS" | sed "s|$REPORTS|/reports|")
fi

# overlay: makes $root, where nothing is enabled but what systemd brings
overlay() {
	mkdir "$root" "$tmp/over" && dpkg_rests &&
	mount -t tmpfs -o mode=755 tmpfs "$tmp/over" &&
	mkdir "$tmp/over/up" "$tmp/over/work" &&
	mount -t overlay overlay "$root" -o "lowerdir=/,\
upperdir=$tmp/over/up,workdir=$tmp/over/work" && dpkg_ends "$root" &&
	# systemd-nspawn writes there
	mount -t tmpfs -o mode=755 tmpfs /run || return 1
	rm -rf "$root"/etc/systemd/system/* "$root"/etc/rc?.d/S* \
		"$root/var/log/journal" "$root/usr/sbin/policy-rc.d" \
		"$root/var/lib/man-db/auto-update"
	# a journal that is there after a reboot
	mkdir -p "$root/var/log/journal" "$root/etc/systemd/system.conf.d"
	echo m >"$root/etc/hostname"
	printf '127.0.0.1 localhost m\n' >"$root/etc/hosts"
	printf '[Manager]\nDefaultEnvironment=ASAN_OPTIONS=%s %s\n' \
		"$asan" "UBSAN_OPTIONS=$ubsan" \
		>"$root/etc/systemd/system.conf.d/test.conf"
}

# control_groups: the directories of the control groups that systemd looks at
control_groups() {
	while IFS=: read -r _ name path; do
		dir=/sys/fs/cgroup
		case $name in
		name=systemd) dir=$dir/systemd ;;
		'') [ ! -d $dir/unified ] || dir=$dir/unified ;;
		*) continue ;;
		esac
		echo "$dir${path%/}/$machine"
	done </proc/self/cgroup
}

# nspawn ARG...: becomes the machine. systemd-nspawn takes the control group
# that it is in for its own. It has a session of its own, as who kills all of
# this test's would leave the machine running without it.
nspawn() {
	for dir in $(control_groups); do
		mkdir -p "$dir" && echo 0 >"$dir/cgroup.procs" || exit 111
	done
	exec setsid setpriv --pdeathsig TERM systemd-nspawn -q -b -D "$root" \
		-M "$machine" --hostname=m --register=no --keep-unit \
		--private-network --console=pipe --kill-signal=SIGKILL \
		$reports "$@" </dev/null
}

# there COMMAND...: runs it in the machine
there() {
	nsenter -t "$leader" -a -- env -i HOME=/root LC_ALL=C TZ=UTC \
		PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin \
		ASAN_OPTIONS="$asan" UBSAN_OPTIONS="$ubsan" "$@"
}

# booted: its systemd has started all that it is to start
booted() {
	leader=$(pgrep -n -P "$boot_pid" -x systemd) || return 1
	case $(there systemctl is-system-running) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

# boot [ARG...]: starts the machine, and waits until it is up
boot() {
	spawn nspawn "$@" systemd.unit=multi-user.target >>"$tmp/console" 2>&1
	boot_pid=$pid
	within 120 booted || {
		cat "$tmp/console"
		return 1
	}
}

# install_suite: by make, with the programs under test; there it is for systemd
# to find
install_suite() {
	make -s install DESTDIR="$root" SERVICE=systemd || return 1
	for program in "$root"/usr/local/bin/gitopper*; do
		cp "$(command -v "${program##*/}")" "$program" || return 1
	done
	there systemd-sysusers && there systemd-tmpfiles --create &&
	there systemctl daemon-reload
}

# property UNIT NAME: what systemd knows of it
property() { there systemctl show -p "$2" --value "$1"; }

# journal UNIT [OPTION...]: what it said
journal() { there journalctl -q -o cat -u "$@"; }

# git_unit: a server of what is in /srv/git in there
git_unit() {
	mkdir -p "$root/srv/git"
	cat >"$root/etc/systemd/system/git.service" <<-'END'
	[Service]
	ExecStart=/usr/bin/git daemon --reuseaddr --export-all \
		--base-path=/srv/git --listen=127.0.0.1
	[Install]
	WantedBy=multi-user.target
	END
}

# bare NAME: a repository for it
bare() {
	git init -q --bare "$root/srv/git/$1" &&
	git -C "$root/srv/git/$1" config uploadpack.allowFilter true &&
	git -C "$root/srv/git/$1" config uploadpack.allowAnySHA1InWant true
}

gone() { [ ! -d "/proc/$leader" ]; }

# shut_down: shuts the machine down, in order
shut_down() {
	# it may be gone before it can say so
	there systemctl --no-block poweroff 2>/dev/null
	within 120 gone
	status=$?
	[ $status -eq 0 ] || kill -TERM "$boot_pid"
	wait "$boot_pid" || status=$?
	boot_pid=''
	leave
	return $status
}

# leave: takes the control groups away
leave() {
	for dir in $(control_groups); do
		find "$dir" -depth -type d -exec rmdir {} +
	done 2>/dev/null
}

boot_finish() {
	boot_status=$?
	trap '' INT TERM
	[ -z "$boot_pid" ] ||
		{ kill -TERM "$boot_pid" && wait "$boot_pid"; } 2>/dev/null
	leave
	(exit $boot_status)
	finish
}
trap boot_finish EXIT
