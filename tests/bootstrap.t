#!/bin/sh
# bootstrap.t - the service gitopper itself, followed under systemd: its config
# comes out of the repository, and its action is about the runner; and a real
# package, with a unit and a user
. tests/lib.sh
. tests/boot.sh
[ "$(id -u)" -eq 0 ] || skip 'mounts and containers are for root'
for program in systemd-nspawn dpkg-deb; do
	command -v $program >/dev/null || skip "no $program"
done
overlay || exit 111
GITOPPER_STATE=$root/var/lib/gitopper
rm -rf "$root/etc/gitopper" "$GITOPPER_STATE"
mkdir -p "$root/etc/gitopper"
git_unit
bare config
work=$tmp/work
git init -q "$work"
mkdir -p "$work/gitopper" "$work/app"

# config ACTION: a new one, with the service gitopper
config() {
	cat >"$work/gitopper/config.toml" <<-END
	[global]
	upstream = "git://localhost/config"
	interval = "1s"
	[[services]]
	machine = "m"
	service = "gitopper"
	action = "$1"
	dirs = [ { local = "/etc/gitopper", link = "gitopper" } ]
	END
}
# service NAME [LINE...]: one more in it
service() {
	cat >>"$work/gitopper/config.toml" <<-END
	[[services]]
	machine = "m"
	service = "$1"
	dirs = [ { local = "/etc/$1", link = "app" } ]
	END
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$work/gitopper/config.toml"
}
# push TEXT: it is what is in app/; sets hash
push() {
	echo "$1" >"$work/app/text"
	hash=$(commit "$work" "$1") &&
	git -C "$work" push -q "$root/srv/git/config" HEAD:main
}
# all_at HASH SERVICE...: that is what they have taken, with nothing left to do
all_at() {
	want=$1; shift
	for name; do
		[ "$(value "$name" applied)$(value "$name" todo)" = "$want" ] ||
			return 1
	done
}
# starts: how often systemd has started the runner
starts() { journal gitopper | grep -c '^Starting'; }
starts_now() { [ "$(starts)" -eq "$1" ]; }
# started TIMES: that often, and the journal knows it in time
started() { within 60 starts_now "$1"; }
runner() { property gitopper MainPID; }
text() { cat "$root/$1/text"; }

# --- its action restarts it
config restart
cp "$work/gitopper/config.toml" "$root/etc/gitopper"
push one
ok 'systemd boots' boot
ok 'the suite is installed' install_suite
there systemctl start git
there systemctl start gitopper
ok 'the first deployment' within 90 all_at "$hash" gitopper
[ "$failed" -eq 0 ] || { done_testing; exit; }
ok 'restarts the runner once' started 2
ok 'and mounts its config' there grep -q ' /etc/gitopper ' /proc/self/mountinfo

service app 'action = "/usr/local/bin/slow"'
cat >"$root/usr/local/bin/slow" <<'END'
#!/bin/sh
# the first one does not come to its end
[ ! -e /slow ] || exit 0
touch /slow
sleep 10
END
chmod 755 "$root/usr/local/bin/slow"
push two
ok 'a push that changes it' within 90 all_at "$hash" gitopper app
ok 'restarts it once more' started 3
is 'what it names then is there' "$(there cat /etc/app/text)" two
push three
ok 'a push of something else' within 90 all_at "$hash" gitopper app
ok 'does not restart it' started 3

# both at once: the restart comes while the other one acts, or before
rm "$root/slow"
echo '# more' >>"$work/gitopper/config.toml"
push four
ok 'one of both is done to its end' within 90 all_at "$hash" gitopper app
ok 'with one restart' started 4
there gitopper-ctl redo gitopper >/dev/null
redone() { [ "$(starts)" = 5 ] && all_at "$hash" gitopper app; }
ok 'so does a redo' within 90 redone

# --- its action has it read the config
config reload
push five
ok 'another action' within 90 all_at "$hash" gitopper
starts=$(starts) pid=$(runner)
service app
push six
ok 'which reloads' within 90 all_at "$hash" gitopper app
is 'leaves it the process' "$(runner)" "$pid"
echo '[[' >>"$work/gitopper/config.toml"
push seven
ok 'a config with a fault' within 90 all_at "$hash" gitopper app
told() { journal gitopper -p err | grep -q 'config.toml:[0-9]*:[0-9]*: '; }
ok 'is told of' within 60 told
is 'and the services go on' "$(there cat /etc/app/text)" seven
is 'with no restart in all that' "$(starts) $(runner)" "$starts $pid"

# --- a package, with a unit and a user, by apt-get
deb=$tmp/deb
mkdir -p "$deb/DEBIAN" "$deb/lib/systemd/system" "$root/repo"
cat >"$deb/DEBIAN/control" <<'END'
Package: tiny
Version: 1
Architecture: all
Maintainer: T <t@example.org>
Description: a daemon that is tiny
END
cat >"$deb/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
useradd -r -M -d / -s /bin/false tinyd
systemctl daemon-reload
systemctl start tiny
END
cat >"$deb/lib/systemd/system/tiny.service" <<'END'
[Service]
User=tinyd
ExecStart=sleep 100000
ExecReload=touch /run/tiny/reloaded
RuntimeDirectory=tiny
END
chmod 755 "$deb" "$deb/DEBIAN/postinst"
dpkg-deb -b --root-owner-group "$deb" "$root/repo/tiny.deb" >/dev/null
{
	cat "$deb/DEBIAN/control"
	echo Filename: ./tiny.deb
	echo "Size: $(wc -c <"$root/repo/tiny.deb")"
	echo "SHA256: $(sha256sum <"$root/repo/tiny.deb" | cut -c-64)"
} >"$root/repo/Packages"
rm -f "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*_*
echo 'deb [trusted=yes] file:/repo ./' >"$root/etc/apt/sources.list"
config reload
service tiny 'package = "tiny"' 'user = "tinyd"' 'action = "reload"'
push eight
ok 'a package' within 120 all_at "$hash" gitopper tiny
is 'is installed' "$(there dpkg-query -W -f '${Status}' tiny)" \
	'install ok installed'
is 'before its user gets the files' \
	"$(there stat -c %U /etc/tiny/text) $(there cat /etc/tiny/text)" \
	'tinyd eight'
ok 'and its service is reloaded' there test -e /run/tiny/reloaded
is 'which runs' "$(property tiny ActiveState)" active
is 'nothing has failed' "$(there systemctl --failed --no-legend)" ''
done_testing
