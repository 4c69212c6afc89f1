#!/bin/sh
# systemd.t - the actions under a real systemd, in a container over an overlay
# of this machine's root directory, with nginx as one of the services
. tests/lib.sh
. tests/boot.sh

[ "$(id -u)" -eq 0 ] || skip 'mounts and containers are for root'
command -v systemd-nspawn >/dev/null || skip 'no systemd-nspawn'

overlay || exit 111

# a copy, as systemd mounts over /tmp and the like
mkdir "$root/suite" && cp -R action "$root/suite" || exit 111
for program in gitopper gitopper-conf gitopper-wait gitopper-pull \
	gitopper-mount gitopper-act gitopper-window; do
	cp "$(command -v $program)" "$root/suite" || exit 111
done

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
cat >"$root/etc/systemd/system/heeds.service" <<'END'
[Service]
ExecStart=/bin/sh -c 'trap "echo hup >>/hups" HUP; while :; do sleep 0.1; done'
[Install]
WantedBy=multi-user.target
END
cat >"$root/etc/systemd/system/broken.service" <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/test -e /mended
END
for name in probe mute inst@1 nothing heeds broken; do
	service "$name"
done

# nginx, with its unit from the repository as well
up=$root/up
git init -q "$up"
# push TEXT: what nginx says, by its configuration alone, and what its unit is
# called
push() {
	mkdir -p "$up/web"
	cat >"$up/web/web.service" <<-END
	[Unit]
	Description=it says $1
	[Service]
	Type=forking
	PIDFile=/run/web.pid
	ExecStart=/usr/sbin/nginx -c /etc/web/nginx.conf
	ExecReload=/bin/kill -HUP \$MAINPID
	END
	cat >"$up/web/nginx.conf" <<-END
	pid /run/web.pid;
	error_log /web.log;
	events { }
	http {
		access_log off;
		server {
			listen unix:/web.sock;
			return 200 "$1\\n";
		}
	}
	END
	commit "$up" "$1" >/dev/null
	git -C "$up" branch -f "$1"
}
push one
push two
git -C "$up" reset -q --hard one
cat >"$root/config.toml" <<'END'
[[services]]
machine = "m"
service = "web"
upstream = "/up"
action = "reload"
dirs = [
	{ local = "/etc/web", link = "web" },
	{ local = "/etc/systemd/system/web.service", link = "web/web.service", file = true },
]
END

# a package manager that takes its time
mkdir "$root/slow"
cat >"$root/slow/apt-get" <<'END'
#!/bin/sh
touch /unpacking
until [ -e /go ]; do sleep 0.1; done
touch /unpacked
END
printf '#!/bin/sh\necho thing\n' >"$root/slow/apt-cache"
printf '#!/bin/sh\nexit 1\n' >"$root/slow/dpkg-query"
chmod 755 "$root"/slow/*
service pack
printf '%s\n' package=thing env=PATH=/slow:/usr/bin:/bin \
	>>"$root/state/pack/conf"
cat >"$root/etc/systemd/system/pack.service" <<'END'
[Service]
Environment=GITOPPER_STATE=/state ASAN_OPTIONS=detect_leaks=0
ExecStart=/suite/gitopper-act -x package pack
TimeoutStopSec=1
END

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
does() {
	gitopper-act -x "\$2" "\$1" >/dev/null 2>&1
	echo "\$2 \$1: \$? \$(systemctl is-active "\$1")" \
		"\$([ "\$main" = "\$(main "\$1")" ]; echo \$?)"
	main=\$(main "\$1")
}
# waited FILE: until it is there
waited() {
	for i in \$(seq 100); do [ -e "\$1" ] && break; sleep 0.1; done
}
main() { systemctl show -p MainPID "\$1"; }
for verb in start hup restart try-restart reload-or-restart none stop enable; do
	does heeds \$verb
	[ \$verb != hup ] || waited /hups
done
echo "at boot: \$(systemctl is-enabled heeds)"
systemctl stop mute
main=
does mute try-restart; does mute hup
main=\$(main heeds)
ln -s /suite/action/reload /etc/gitopper/action/frobnicate
does heeds frobnicate
main=\$(main broken)
does broken restart
for i in 1 2 3 4 5 6 7; do gitopper-act broken >/dev/null 2>&1; done
touch /mended
gitopper-act broken >/dev/null 2>&1
echo "tired: \$(systemctl is-active broken)"

GITOPPER_STATE=/state2
git config --global safe.directory '*'
deploy() {
	gitopper -1 -c /config.toml -h m >>/deploy.log 2>&1
	echo "deploy \$1: \$?"
	for i in 1 2 3 4 5 6 7 8 9 10; do
		said=\$(curl -s --unix-socket /web.sock http://web/)
		[ "\$said" != "\$1" ] || break
		sleep 0.5
	done
	echo "\$1 is served: \$said, \$(systemctl show -p Description web)"
	echo "\$1: \$(main web) \$(systemctl show -p NeedDaemonReload web)"
}
deploy one
git -C /up reset -q --hard two
deploy two

systemctl start pack
waited /unpacking
systemctl stop pack
touch /go
waited /unpacked
END
mkdir -p "$root/etc/gitopper/action"
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
spawn nspawn systemd.unit=probe-all.service >"$tmp/console" 2>&1
boot_pid=$pid
ok 'systemd boots, and runs it' wait "$boot_pid"

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

# does SERVICE VERB: exit status, state, and 1 where it has another process
does() { said "$2 $1"; }
is 'start' "$(does heeds start)" '0 active 1'
is 'hup leaves the process' "$(does heeds hup)" '0 active 0'
is 'which gets the signal' "$(cat "$root/hups")" hup
for verb in restart try-restart reload-or-restart; do
	is "$verb" "$(does heeds $verb)" '0 active 1'
done
is 'none' "$(does heeds none)" '0 active 0'
is 'stop' "$(does heeds stop)" '0 inactive 1'
is 'try-restart starts nothing' "$(does mute try-restart)" '0 inactive 1'
is 'enable starts it' "$(does heeds enable)" '0 active 1'
is 'and has it start at boot' "$(said 'at boot')" enabled
is 'stop again, and hup' "$(does mute hup)" '0 active 1'
is 'a verb that is none' "$(does heeds frobnicate)" '1 active 0'
like 'is an error' "$(error heeds)" \
	'^act: exit status 1: Unknown command verb frobnicate'
is 'one that fails at once is an error' "$(does broken restart)" '1 failed 0'
is 'also as often as systemd would not start it' \
	"$(said tired)" 'active'

# nginx
line() { sed -n "s/^$1: //p" "$root/said"; }
for what in one two; do
	is "a push is deployed: $what" "$(line "deploy $what")" 0
	is 'nginx serves it, and systemd has read its unit' \
		"$(line "$what is served")" "$what, Description=it says $what"
done
is 'by the same process' "$(line one)" "$(line two)"
like 'with no unit left to be read' "$(line two)" 'NeedDaemonReload=no'
ok 'a package is installed to the end, whoever ends its unit' \
	test -e "$root/unpacked"

[ "$failed" -eq 0 ] || sed 's/^/# /' "$root/deploy.log"
done_testing
