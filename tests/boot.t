#!/bin/sh
# boot.t - the suite as it is installed on a machine with systemd: nginx that
# follows a repository, a reboot without a network, and for the package its
# upgrade and its end. With sanitizers it is installed by make.
. tests/lib.sh
. tests/boot.sh
[ "$(id -u)" -eq 0 ] || skip 'mounts and containers are for root'
for program in systemd-nspawn nginx curl dpkg-buildpackage; do
	command -v $program >/dev/null || skip "no $program"
done
overlay || exit 111
GITOPPER_STATE=$root/var/lib/gitopper

# --- what is there before: nginx, with no configuration but what comes out of
# the repository, and somebody who serves that
rm -rf "$root/etc/nginx" "$root/etc/gitopper" "$GITOPPER_STATE"
mkdir -p "$root/etc/nginx" "$root/etc/gitopper"
git_unit
cat >"$root/usr/local/bin/web-is-up" <<'END'
#!/bin/sh
# for a moment nginx goes on with what it had, now and then
said=$(curl -fsS http://localhost/ 2>&1) || { echo "$said"; exit 1; }
grep -q "\"$said" /etc/nginx/nginx.conf || { echo "still $said"; exit 1; }
END
chmod 755 "$root/usr/local/bin/web-is-up"
cat >"$root/etc/gitopper/config.toml" <<'END'
[[services]]
machine = "m"
service = "nginx"
upstream = "git://localhost/config"
interval = "1s"
action = "reload"
check = "/usr/sbin/nginx -t"
health = "/usr/local/bin/web-is-up"
health_timeout = 10
dirs = [ { local = "/etc/nginx", link = "nginx" } ]

[[services]]
machine = "m"
service = "app"
upstream = "git://localhost/config"
interval = "1s"
action = "enable"
dirs = [
	{ local = "/etc/systemd/system/app.service", link = "app", file = true },
]

[[services]]
machine = "m"
service = "late"
upstream = "git://localhost/config"
interval = "1s"
action = "start"
dirs = [ { link = "app" } ]
END
# it waits for the runner, which waits for its action
cat >"$root/etc/systemd/system/late.service" <<'END'
[Unit]
After=gitopper.service
[Service]
ExecStart=sleep 100000
END

work=$tmp/work
bare config && git init -q "$work"
mkdir "$work/nginx"
cat >"$work/app" <<'END'
[Service]
ExecStart=sleep 100000
[Install]
WantedBy=multi-user.target
END
# push TEXT [STATUS]: what nginx is to say; sets hash
push() {
	cat >"$work/nginx/nginx.conf" <<-END
	pid /run/nginx.pid;
	worker_processes 1;
	events { }
	http {
		access_log off;
		server {
			listen 80;
			return ${2:-200} "$1\\n";
		}
	}
	END
	hash=$(commit "$work" "$1") &&
	git -C "$work" push -q "$root/srv/git/config" HEAD:main
}

says() { there curl -sS http://localhost/; }
says_now() { [ "$(says)" = "$1" ]; }
# serves TEXT: it does so in time
serves() { within 60 says_now "$1"; }
error() { value "${1:-nginx}" error; }
has_now() { [ "$(value nginx "$1")" = "$2" ]; }
# has KEY VALUE: status says so in time
has() { within 60 has_now "$@"; }
# reloads: how often nginx was told to reload since the boot
reloads() { journal nginx -b | grep -c '^Reloaded'; }
reloads_now() { [ "$(reloads)" -eq "$1" ]; }
# reloaded TIMES: that often, and the journal knows it in time
reloaded() { within 60 reloads_now "$1"; }
# mounted: the line of /etc/nginx in the mount table
mounted() { there grep ' /etc/nginx ' /proc/self/mountinfo; }

# --- it is installed
install_package() {
	cp "$1" "$root/gitopper.deb" &&
	there env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y install /gitopper.deb
}
push one
ok 'systemd boots' boot
there systemctl start git
there systemctl -q enable nginx 2>/dev/null
if [ -z "${GITOPPER_BIN-}" ]; then
	ok 'the package is built' sh tests/deb.sh
	deb=$(tail -n 1 "$tmp/out")
	ok 'and installed' install_package "$deb"
else
	ok 'it is installed' install_suite
fi
is 'nothing is started unasked' "$(property gitopper ActiveState)" inactive
is 'nor at boot' "$(property gitopper UnitFileState)" disabled

# --- it follows
ok 'it is enabled and started' there systemctl -q enable --now gitopper
is 'the first cycle is over then' "$(value nginx applied)" "$hash"
is 'and nginx serves' "$(says)" one
late() { there systemctl -q is-active late; }
ok 'a service that comes after the runner is started' within 60 late
is 'by an action that waited for nobody' "$(value late applied) $(error late)" \
	"$hash "
[ "$failed" -eq 0 ] || { done_testing; exit; }
push two
ok 'a push is deployed' has applied "$hash"
ok 'and served' serves two
ok 'by a reload' reloaded 1

good=$hash
push 'broken;' '200 "'
ok 'a commit that fails its check' has bad "$hash"
like 'is told of' "$(error)" \
	'^check: commit .*: exit status 1: .*nginx.* failed'
is 'and nothing else' "$(value nginx hash) $(reloads)" "$good 1"
push bad 500
why="commit $(echo "$hash" | cut -c-8): .* 500; (going back to|.* runs on)"
ok 'a commit that fails its health check' has bad "$hash"
ok 'is taken back by itself' has hash "$good"
ok 'and the old one is served' serves two
ok 'by one reload each' reloaded 3
like 'which is told of' "$(error)" "^health: $why $(echo "$good" | cut -c-8)"
push three
ok 'a better commit' has applied "$hash"
ok 'is served' serves three

like 'the journal knows what is an error' "$(journal gitopper -p err)" \
	"^gitopper-act: nginx: health: $why"
is 'and what is not' "$(journal gitopper -p err |
	grep -Evc '^gitopper-(act|pull): (nginx|app): ')" 0
like 'as a priority' "$(there journalctl -q -u gitopper -o json |
	jq -r '[.PRIORITY, .MESSAGE] | @tsv' | tail -n +2)" \
	'^3.gitopper-act: nginx: check: '

# --- a reboot, while nobody serves the repository
deploys() { echo "$(value nginx deploys) $(value app deploys)"; }
deploys=$(deploys)
ok 'it shuts down' shut_down
ok 'it boots' boot
is 'nginx serves what it did, at once' "$(says)" three
is 'nothing has failed' "$(there systemctl --failed --no-legend)" ''
ok 'everything was mounted before it started' \
	[ "$(property gitopper-mount ExecMainExitTimestampMonotonic)" -lt \
	"$(property nginx InactiveExitTimestampMonotonic)" ]
is 'a unit of the repository is started too' \
	"$(property app ActiveState)" active
is 'the runner runs' "$(property gitopper ActiveState)" active
tried() { grep -q '^error=' "$GITOPPER_STATE"/.upstream/*/status; }
ok 'and has missed the repository' within 60 tried
is 'nobody was acted upon' "$(reloads) $(deploys)" "0 $deploys"
there systemctl start git
push four
ok 'with a network, it follows again' has applied "$hash"
ok 'and serves that' serves four
ok 'after one reload' reloaded 1

# --- and one with a push in between
there systemctl -q enable git
ok 'it shuts down' shut_down
push five
ok 'it boots' boot
ok 'what was pushed meanwhile is deployed' has applied "$hash"
ok 'and served' serves five
ok 'after one reload' reloaded 1

# --- it is looked at, and steered by members of the group
get() { there curl -sS "http://localhost:9222/$1"; }
# as GROUP COMMAND...: what somebody in it can do
as() {
	groups=$1; shift
	there setpriv --reuid=nobody --regid=nogroup "--groups=$groups" "$@"
}
frozen() { test -e "$GITOPPER_STATE/nginx/ctl/frozen"; }
there systemctl -q enable --now gitopper-httpd.socket
like 'a request starts gitopper-httpd' "$(get list/services)" '"nginx"'
like 'for each client' "$(get metrics)" '^gitopper_'
ok 'a member of the group freezes' \
	as gitopper gitopper-ctl freeze nginx @unix:/run/gitopper.sock
ok 'a service' frozen
fails 1 'another one does not' \
	as nogroup gitopper-ctl unfreeze nginx @unix:/run/gitopper.sock
ok 'have a way' frozen
is 'nothing of it runs on' "$(there systemctl list-units --no-legend \
	--state=failed 'gitopper-httpd@*' 'gitopper-httpd-local@*')" ''
there systemctl start gitopper-httpd.service
is 'it listens by itself, too' "$(property gitopper-httpd.socket ActiveState) \
$(property gitopper-httpd-local.socket ActiveState) \
$(property gitopper-httpd.service ActiveState)" 'inactive inactive active'
listens() { get list/services | grep '"nginx"'; }
ok 'and answers' within 60 listens
ok 'a member unfreezes' \
	as gitopper gitopper-ctl unfreeze nginx @unix:/run/gitopper.sock
fails 1 'the service' frozen
there systemctl start gitopper-httpd.socket
like 'the socket takes over again' "$(get list/services)" '"nginx"'
like 'and so does the other' "$(as gitopper gitopper-ctl list \
	@unix:/run/gitopper.sock)" ' nginx '

if [ -n "${GITOPPER_BIN-}" ]; then
	done_testing
	exit
fi

# --- the package is upgraded
# what: all that is not to change
what() { echo "$(mounted) $(reloads) $(property nginx MainPID)"; }
before=$(what) runner=$(property gitopper MainPID)
dpkg-deb -R "$deb" "$tmp/deb"
sed -i 's/^Version: .*/&+1/' "$tmp/deb/DEBIAN/control"
dpkg-deb -b --root-owner-group "$tmp/deb" "$tmp/new.deb" >/dev/null
ok 'an upgrade' install_package "$tmp/new.deb"
like 'is one' "$(there dpkg-query -W -f '${Version}' gitopper)" '\+1$'
renewed() {
	[ "$(property gitopper ActiveState)" = active ] &&
	[ "$(property gitopper MainPID)" != "$runner" ]
}
ok 'the new runner runs' within 60 renewed
is 'and nothing else has changed' "$(what)" "$before"
push six
there gitopper-ctl pull nginx
ok 'it follows' has applied "$hash"
ok 'and serves that' serves six
like 'so does gitopper-httpd' "$(get list/services)" '"nginx"'

# --- and goes
before=$(what)
ok 'the package is removed' there apt-get -q -y remove gitopper
is 'the runner ends' "$(property gitopper ActiveState)" inactive
is 'nothing else has changed' "$(what)" "$before"
is 'nginx serves' "$(says)" six
is 'the state is kept' "$(value nginx applied)" "$hash"
ok 'nginx can still be reloaded' there systemctl reload nginx
ok 'it is installed again' install_package "$tmp/new.deb"
there systemctl start gitopper
push seven
there gitopper-ctl pull nginx
ok 'and takes up where it was' has applied "$hash"
ok 'with nginx' serves seven
ok 'it is purged' there apt-get -q -y purge gitopper
ok 'the state is gone' [ ! -e "$GITOPPER_STATE" ]
is 'so are the mounts' "$(mounted)" ''
is 'nginx runs' "$(says)" seven
done_testing
