#!/bin/sh
# init.t - the actions under runit, s6 and OpenRC, each in a process namespace
# of its own, with nginx as the service; systemd.t has the same for systemd
. tests/lib.sh
. tests/servers.sh
[ "$(id -u)" -eq 0 ] || skip 'needs namespaces'
for program in runsvdir s6-svscan openrc nginx curl nsenter; do
	command -v $program >/dev/null || skip "no $program"
done
# as many environments as there are, and none of this machine's own
unset GITOPPER_INIT SVDIR S6_SCANDIR
mount -t tmpfs -o mode=755 none /run || exit 111
mkdir "$tmp/etc" && mount -t tmpfs none "$tmp/etc" &&
mkdir "$tmp/etc/up" "$tmp/etc/work" && mount -t overlay overlay /etc \
	-o "lowerdir=/etc,upperdir=$tmp/etc/up,workdir=$tmp/etc/work" ||
	exit 111
rm -f /etc/init.d/* /etc/runlevels/*/*
mkdir -p /etc/gitopper/action /etc/sv
ln -s "$top/action/reload" /etc/gitopper/action/frobnicate

up=$tmp/up
git init -q "$up"
# push TEXT: what nginx is to say, by its configuration alone
push() {
	mkdir -p "$up/web"
	cat >"$up/web/nginx.conf" <<-END
	worker_processes 1;
	error_log $tmp/nginx.log;
	pid $tmp/nginx.pid;
	events { }
	http {
		access_log off;
		server {
			listen unix:$tmp/web.sock;
			return 200 "$1\\n";
		}
	}
	END
	commit "$up" "$1" >/dev/null
}
says() { curl -sS --unix-socket "$tmp/web.sock" http://web/; }
says_now() { [ "$(says)" = "$1" ]; }
cat >"$tmp/healthy" <<END
#!/bin/sh
# nginx goes on with what it had for a moment
for i in 1 2 3 4 5 6 7 8 9 10; do
	said=\$(curl -sS --unix-socket $tmp/web.sock http://web/)
	! grep -q "return 200 \"\$said" web/nginx.conf || break
	sleep 0.1
done
echo "\${said:-nothing}"
[ "\$said" ] && [ "\$said" != bad ]
END
cat >"$tmp/run" <<END
#!/bin/sh
exec nginx -c $tmp/conf/nginx.conf -g 'daemon off;'
END
chmod 755 "$tmp/healthy" "$tmp/run"

# config: web, and how it is looked after; nobody hurries
config() {
	cat >"$tmp/config.toml" <<-END
	[[services]]
	machine = "m"
	service = "web"
	upstream = "$up"
	action = "reload"
	health = "$tmp/healthy"
	health_timeout = 40
	dirs = [ { local = "$tmp/conf", link = "web" } ]
	END
}

# there COMMAND...: where the init system runs
there() { nsenter -t "$init_pid" -m -p -- "$@"; }
# begin COMMAND...: the first process of a namespace; sets init_pid
begin() {
	rm -rf "$GITOPPER_STATE" "$tmp/conf" "$tmp/web.sock"
	config
	push one
	spawn unshare -m -p -f --mount-proc --kill-child -- "$@" \
		>>"$tmp/init.log" 2>&1 </dev/null
	unshare_pid=$pid
	within 10 pgrep -P "$unshare_pid" || return 1
	init_pid=$(pgrep -P "$unshare_pid")
	# it can be ended, and unshare can not
	pids="$init_pid $pids"
}
end() {
	kill -KILL "$init_pid"
	wait "$unshare_pid"
	rm -f "$tmp/web.sock"
}
deploy() { there gitopper -1 -c "$tmp/config.toml" -h m; }
# act VERB: has the service do so; its words go to $tmp/said
act() {
	there gitopper-act -x "$1" web >"$tmp/said" 2>&1
	status=$?
	cat "$tmp/said"
	return $status
}
main_pid() { there cat "$tmp/nginx.pid"; }
# stop: act stop, until nothing of nginx is left
stop() {
	old=$(main_pid)
	act stop && within 20 gone "$old"
}
gone() {
	[ ! -e "$tmp/nginx.pid" ] && [ ! -e "$tmp/web.sock" ] &&
		{ [ ! "$1" ] || ! there kill -0 "$1"; }
}
error() { value web error; }

# deploys INIT: what gitopper does with a service of it
deploys() {
	ok "$1: the first deployment" deploy
	ok "starts the service" within 10 says_now one
	one=$(main_pid)
	push two
	ok "a push is deployed" deploy
	ok "and served" within 10 says_now two
	is "by the same process" "$(main_pid)" "$one"
	push bad
	sed -i 's/^health_timeout.*/health_timeout = 4/' "$tmp/config.toml"
	fails 1 "a commit may turn out bad" deploy
	like "which is said" "$(error)" 'exit status 1: bad; going back to'
	config
	ok "the next cycle" deploy
	ok "goes back" within 10 says_now two
	push two
	ok "a better commit" deploy
}

# acts INIT: the verbs
acts() {
	one=$(main_pid)
	ok "reload" act reload
	ok "hup" act hup
	ok "reload-or-restart" act reload-or-restart
	ok "start" act start
	ok "none" act none
	is "nothing of it ends the process" "$(main_pid)" "$one"
	ok "restart" act restart
	ok "has it serve" within 10 says_now two
	two=$(main_pid)
	ok "by another process" [ "$one" != "$two" ]
	ok "so has try-restart" act try-restart
	ok "in the same way" within 10 says_now two
	ok "once more" [ "$two" != "$(main_pid)" ]
	ok "stop" stop
	fails 7 "stops it" says
	ok "try-restart" act try-restart
	fails 7 "does not start it" says
	for verb in reload reload-or-restart hup start restart; do
		ok "stop before $verb" stop
		ok "$verb" act $verb
		ok "starts it" within 10 says_now two
	done
	fails 1 "what $1 doesn't know" act frobnicate
	like "is an error" "$(error)" "^act: exit status.*: $2"
}

# --- runit
mkdir -p "$tmp/service/web" /etc/sv/later
cp "$tmp/run" "$tmp/service/web/run"
touch "$tmp/service/web/down"
ok 'runsvdir runs' begin runsvdir -P "$tmp/service"
deploys runit
acts runit 'runit does not know how to frobnicate'
printf '#!/bin/sh\nexec sleep 1000\n' >/etc/sv/later/run
chmod 755 /etc/sv/later/run
sed -i 's/"reload"/"enable later"/' "$tmp/config.toml"
ok 'enable, of another service' deploy
like 'links it, and waits for it' "$(there sv status "$tmp/service/later")" \
	'^run:'
sed -i 's/"enable later"/"reload never"/' "$tmp/config.toml"
fails 1 'one that is nowhere' deploy
like 'is an error' "$(error)" '^act: exit status.*never: unable'
mkdir -p "$tmp/other/mine"
cp /etc/sv/later/run "$tmp/other/mine"
there runsvdir -P "$tmp/other" >/dev/null 2>&1 &
sed -i 's/"reload never"/"reload mine"/' "$tmp/config.toml"
ok 'the directory is found that has the service' deploy
mkdir "$tmp/third"
sed -i "s|^action.*|&\\nenv = { SVDIR = '$tmp/third' }|" "$tmp/config.toml"
fails 1 'unless SVDIR says which' deploy
end

# --- s6
mkdir -p "$tmp/scan" "$tmp/s6/web"
cp "$tmp/run" "$tmp/s6/web/run"
ok 's6-svscan runs' begin s6-svscan "$tmp/scan"
ln -s "$tmp/s6/web" "$tmp/scan/web"
touch "$tmp/s6/web/down"
deploys s6
acts s6 's6 does not know how to frobnicate'
printf '#!/bin/sh\nsleep 0.3; echo >&3; exec sleep 1000\n' >"$tmp/run3"
mkdir "$tmp/scan/told"
echo 3 >"$tmp/scan/told/notification-fd"
install -m 755 "$tmp/run3" "$tmp/scan/told/run"
sed -i 's/"reload"/"restart told"/' "$tmp/config.toml"
ok 'one that tells when it is ready' deploy
is 'is waited for' "$(there s6-svstat -o ready "$tmp/scan/told")" true
sed -i 's/"restart told"/"restart never"/' "$tmp/config.toml"
fails 1 'one that is nowhere' deploy
like 'is an error' "$(error)" '^act: exit status.*scan/never'
end

# --- OpenRC
# as any first process does, it waits for those whose parent has gone
first='$SIG{TERM} = sub { exit }; $SIG{CHLD} = "IGNORE"; sleep while 1'
cat >/etc/init.d/web <<END
#!/sbin/openrc-run
command=/usr/sbin/nginx
command_args="-c $tmp/conf/nginx.conf"
pidfile="$tmp/nginx.pid"
retry=TERM/20
extra_started_commands=reload
reload() {
	kill -HUP "\$(cat "\$pidfile")"
}
END
sed 's/reload()/other()/; /extra/d' /etc/init.d/web >/etc/init.d/plain
chmod 755 /etc/init.d/*
ok 'a first process' begin perl -e "$first"
ok 'OpenRC runs' there openrc default
deploys OpenRC
acts OpenRC ".*unknown function .frobnicate"
ok 'enable' act enable
ok 'has it start at boot' [ -L /etc/runlevels/default/web ]
ok 'stop' stop
sed -i 's/"reload"/"reload plain"/' "$tmp/config.toml"
ok 'one that can not be reloaded is started' deploy
fails 1 'but not reloaded' there gitopper-act web
like 'which is said' "$(error)" 'unknown function .reload'
cat >/etc/init.d/odd <<END
#!/sbin/openrc-run
pidfile="$tmp/odd.pid"
start() { :; }
status() { :; }
END
chmod 755 /etc/init.d/odd
sed -i 's/"reload plain"/"hup odd"/' "$tmp/config.toml"
echo 1 -1 >"$tmp/odd.pid"
fails 1 'a pid file that names all processes' deploy
like 'is refused' "$(error)" '^act: exit status 1: odd: 1: not the id of a'
echo -1 >"$tmp/odd.pid"
fails 1 'however' there gitopper-act web
like 'it does' "$(error)" '^act: exit status 1: odd: -1: not the id of a'
end

# --- none of them
ok 'a first process' begin perl -e "$first"
rm -rf /run/openrc
fails 1 'where no init system runs' deploy
is 'that is said' "$(error)" "act: exit status 1: \
neither systemd, runit, s6 nor OpenRC runs here"
end

done_testing
