#!/bin/sh
# health.t - health checks and going back, with a real nginx as the service
. tests/lib.sh
S=$GITOPPER_STATE
up=$tmp/up
files=$S/web/tree/web
git init -q "$up"

# --- nginx, which reads the files where they are checked out
cat >"$tmp/nginx.conf" <<END
worker_processes 1;
error_log $tmp/nginx.log;
pid $tmp/nginx.pid;
events { }
http {
	access_log off;
	client_body_temp_path $tmp/body;
	proxy_temp_path $tmp/proxy;
	fastcgi_temp_path $tmp/fastcgi;
	uwsgi_temp_path $tmp/uwsgi;
	scgi_temp_path $tmp/scgi;
	include $files/*.conf;
}
END
nginx_start() {
	rm -f "$tmp/nginx.pid" "$tmp/web.sock"
	spawn nginx -c "$tmp/nginx.conf" -e "$tmp/nginx.log" \
		-g 'daemon off;' >>"$tmp/nginx.log" 2>&1
	nginx=$pid
	within 30 test -s "$tmp/nginx.pid"
}
# push CODE TEXT: the commit has nginx answer so; sets $new
push() {
	mkdir -p "$up/web"
	printf 'server {\n\tlisten unix:%s;\n\treturn %s "%s\\n";\n}\n' \
		"$tmp/web.sock" "$1" "$2" >"$up/web/site.conf"
	new=$(commit "$up" "$1 $2")
}
# answer CODE TEXT: so it does
answer() {
	said=$(curl -sS -m 10 -w '%{http_code}' \
		--unix-socket "$tmp/web.sock" http://web/)
	echo "$said"
	[ "$said" = "$2
$1" ]
}

# --- the action and the health check; each first does what the test says in a
# file of its own
cat >"$tmp/act" <<END
#!/bin/sh
echo x >>"$tmp/acted"
[ ! -e "$tmp/when-acting" ] || . "$tmp/when-acting"
nginx=\$(cat "$tmp/nginx.pid")
workers=\$(pgrep -P "\$nginx")
kill -HUP "\$nginx" || exit
# they go on with what they had until others have taken over
for worker in \$workers; do
	while kill -0 "\$worker"; do sleep 0.05; done
done 2>/dev/null
END
cat >"$tmp/look" <<END
#!/bin/sh
date +%s%N >>"$tmp/looked"
[ ! -e "$tmp/when-looking" ] || . "$tmp/when-looking"
code=\$(curl -sS -m 10 -o "$tmp/page" -w '%{http_code}' \
	--unix-socket "$tmp/web.sock" http://web/)
echo "HTTP \$code"
[ "\$code" = 200 ]
END
chmod 755 "$tmp/act" "$tmp/look"
: >"$tmp/acted"
: >"$tmp/looked"
count() { wc -l <"$tmp/$1"; }

# config TIMEOUT [LINE]...: for health, in seconds
config() {
	cat >"$tmp/config.new" <<-END
	[[services]]
	machine = "m"
	service = "web"
	upstream = "$up"
	interval = "1h"
	action = "$tmp/act"
	health = "$tmp/look"
	health_timeout = $1
	dirs = [ { link = "web" } ]
	END
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$tmp/config.new"
	mv "$tmp/config.new" "$tmp/config.toml"
}
status() { value web "$1"; }
state() { gitopper-ctl -m status web | jq -r '.services[0].state'; }
short() { printf %.8s "$1"; }
matches() { status error; status error | grep -Eq -- "$1"; }
pull() { gitopper-ctl pull web >/dev/null; }

# --- the runner
start() {
	spawn gitopper -c "$tmp/config.toml" -h m 2>>"$tmp/runner.log"
	runner=$pid
}
# until then it may go by what the config was
told() { [ "$(value web health_timeout conf)" = "$1" ]; }
# rests COMMIT: the service is at it, and there is nothing to do
rests() {
	cat "$S/web/status"
	[ "$(status hash) $(status applied)$(status todo)" = "$1 $1" ] &&
		[ ! -e "$S/web/ctl/poke" ] && flock -n "$S/web/lock" true
}
# well CODE TEXT: the last commit came all the way, and this is served
well() {
	ok 'is taken all the way' within 60 rests "$new"
	ok 'and served' answer "$@"
	is 'all is well' "$(state) $(status error)" 'OK '
	good=$new
}
# left: the last commit was found bad, and the service is on the good one
left() { rests "$good" && [ "$(status bad)" = "$new" ]; }
# back TEXT WHY: so it is, for that reason
back() {
	ok 'the service goes back by itself' within 60 left
	ok 'and serves what it had' answer 200 "$1"
	is 'it is broken' "$(state)" BROKEN
	is 'it says which, why, and where the service is' "$(status error)" \
		"health: commit $(short "$new"): $2; \
the service runs on $(short "$good")"
}

ok 'nginx runs' nginx_start
config 60
push 200 one
start
desc='a first commit'
well 200 one
push 200 two
pull
well 200 two
is 'each was looked at once' "$(count looked)" 2

cat >"$tmp/when-looking" <<END
[ \$(wc -l <"$tmp/looked") -ge 5 ] || { echo 'not yet'; exit 3; }
END
push 200 three
pull
well 200 three
is 'what is not well at first is looked at again' "$(count looked)" 5
ok 'every two seconds' perl -e '@t = <>; chomp @t;
	exit !($t[4] - $t[3] >= 2e9 && $t[3] - $t[2] >= 2e9)' "$tmp/looked"
is 'and acted upon once' "$(count acted)" 3
rm "$tmp/when-looking"

# --- back
config 4
within 30 told 4
push 500 oops
pull
back three 'exit status 1: HTTP 500'
is 'nothing is left to do' "$(status retry)$(status todo)" ''
is 'it was counted once' "$(status failures)" 1
is 'there was an action for each' "$(count acted)" 5
like 'the log tells the story' "$(cut -d' ' -f2- "$S/web/log" |
	tr '\n' '!')" "pull: at $(short "$new"): .*!health: HTTP 500!\
health: commit $(short "$new"): .*; going back to $(short "$good")!\
pull: at $(short "$good"): .*!health: HTTP 200!\
health: commit $(short "$new"): .*; the service runs on $(short "$good")!"
n=$(count looked)
oops=$new
echo >"$up/elsewhere"
new=$(commit "$up" 'nothing for web')
pull
ok 'another commit with the same content' within 30 left
is 'is not tried' "$(count looked) $(count acted)" "$n 5"
ok 'the error is still about the first' matches "commit $(short "$oops")"
gitopper-ctl redo web >/dev/null
again() { [ "$(count looked)" -gt "$n" ]; }
ok 'redo tries the bad one' within 30 again
back three 'exit status 1: HTTP 500'
is 'that was another failure' "$(status failures)" 2
push 200 four
pull
well 200 four

# --- what happens while health is waited for
# while_waiting: standard input is done at the first look
while_waiting() {
	{
		echo "rm '$tmp/when-looking'"
		cat
	} >"$tmp/when-looking"
}
while_waiting <<END
mv "$up" "$up.away"
END
push 500 alone
pull
ok 'without the upstream it goes back, too' within 60 left
ok 'and serves what it had' answer 200 four
ok 'though that is an error of its own' matches '^pull: '
mv "$up.away" "$up"
pull
ok 'until it is over' within 30 matches "^health: commit $(short "$new"): \
.*; the service runs on $(short "$good")\$"

while_waiting <<END
: >"$S/web/ctl/frozen"
END
push 500 frost
n=$(count acted)
pull
ok 'a service that was frozen stays' within 60 matches "^health: commit \
$(short "$new"): .*HTTP 500; frozen, the service stays at $(short "$new")\$"
is 'for it is not moved' "$(status hash) $(state)" "$new BROKEN"
is 'nor acted upon again' "$(status todo)$(status retry)" ''
gitopper-ctl pull web >/dev/null
ok 'not even when it is looked at' within 30 eval \
	'[ ! -e "$S/web/ctl/poke" ] && flock -n "$S/web/lock" true'
is 'nothing has run' "$(count acted)" $((n + 1))
ok 'it serves what it has' answer 500 frost
rm "$S/web/ctl/frozen"
back four 'exit status 1: HTTP 500'

while_waiting <<END
echo "\$GITOPPER_HASH" >"$S/web/ctl/pin.new"
mv "$S/web/ctl/pin.new" "$S/web/ctl/pin"
END
push 500 nailed
pull
ok 'nor is one that is pinned' within 60 matches "^health: commit \
$(short "$new"): .*HTTP 500; pinned, the service stays at $(short "$new")\$"
is 'moved' "$(status hash) $(status todo)$(status retry)" "$new "
ok 'it serves what it has' answer 500 nailed
rm "$S/web/ctl/pin"
back four 'exit status 1: HTTP 500'

while_waiting <<END
kill -KILL "\$(cat "$tmp/runner.pid")"
END
echo "$runner" >"$tmp/runner.pid"
n=$(status failures)
push 500 killed
pull
wait "$runner" 2>/dev/null
start
back four 'exit status 1: HTTP 500'
is 'whoever runs the runner, it is one failure' "$(status failures)" \
	$((n + 1))

# --- the machine goes down: nothing of ours is left
# all PID: it and what it started
all() {
	for child in $(pgrep -P "$1"); do
		all "$child"
	done
	echo "$1"
}
down() {
	within 60 test -e "$tmp/reached" || return 1
	# nobody gets to do something about the others
	kill -STOP $(all "$runner") "$nginx"
	kill -KILL $(all "$runner") $(all "$nginx")
	wait "$runner" "$nginx"
	rm "$tmp"/when-* "$tmp/reached"
} 2>/dev/null
booted() {
	config 4
	nginx_start
	gitopper-mount -a -b </dev/null
	start
}
hang=": >'$tmp/reached'; exec sleep 1000"
config 60
within 30 told 60
echo "$hang" >"$tmp/when-acting"
push 500 halfway
pull
ok 'down in the action, before nginx has read the files' down
is 'the files are there' "$(status hash) $(status todo)" "$new act"
booted
back four 'exit status 1: HTTP 500'
config 60
within 30 told 60
echo "$hang" >"$tmp/when-looking"
push 500 unseen
pull
ok 'down after it, before anybody found out' down
is 'the action is not forgotten' "$(status hash) $(status todo)" "$new act"
n=$(count acted)
booted
back four 'exit status 1: HTTP 500'
is 'it is done again, and once to go back' "$(count acted)" $((n + 2))
echo "$hang" >"$tmp/when-looking"
config 60
within 30 told 60
push 200 five
pull
ok 'down after the action of a good one' down
booted
well 200 five
kill -TERM "$runner"
wait "$runner"

# --- cycle by cycle
cycle() { gitopper -1 -c "$tmp/config.toml" -h m; }
# looking: what the health check does from now on
looking() { cat >"$tmp/when-looking"; }
# trouble PATTERN: it was no verdict, and the error says so
trouble() {
	fails 1 "$1" cycle
	is 'that is no verdict' "$(status bad)" ''
	like 'but trouble, and said' "$(status error)" "^health: $2\$"
	is 'so the commit stays, and is not applied' \
		"$(status hash) $(status applied)" "$new $good"
	ok 'but tried again' [ "$(status retry)" -gt "$(date +%s)" ]
	is 'with its action' "$(status todo)" act
	rm -f "$tmp/when-looking"
	chmod 755 "$tmp/look"
	ok 'the next cycle' cycle
	well 200 "$3"
}
config 1
push 200 six
echo 'kill -KILL $$' | looking
trouble 'killed by a signal' 'killed by signal 9' six
push 200 seven
echo 'echo "ask me later"; exit 111' | looking
trouble 'exit status 111' 'exit status 111: ask me later' seven
push 200 eight
chmod 644 "$tmp/look"
trouble 'it can not be run' "can't run $tmp/look: Permission denied" eight
config 3
push 200 nine
looking <<END
[ ! -e "$tmp/twice" ] || exec sleep 1000
: >"$tmp/twice"
echo "ask me later"
exit 111
END
trouble 'then it hangs' 'exit status 111: ask me later' nine
rm "$tmp/twice"

push 200 ten
looking <<END
[ ! -e "$tmp/twice" ] || exec sleep 1000
: >"$tmp/twice"
echo "not yet"
exit 4
END
fails 1 'not well, and then too slow to say so' cycle
rm "$tmp/when-looking"
ok 'the next cycle' cycle
back nine 'exit status 4: not yet'
config 1
gitopper-ctl redo web >/dev/null
echo 'exec sleep 1000' | looking
fails 1 'it hangs from the first' cycle
rm "$tmp/when-looking"
ok 'the next cycle' cycle
back nine 'timed out after 1 s'
gitopper-ctl redo web >/dev/null
ok 'it may be well when tried again' cycle
well 200 ten

echo 'echo "no disk"; exit 1' | looking
gitopper-ctl redo web >/dev/null
trouble 'what was well once is ill' 'exit status 1: no disk' ten
n=$(count looked)
ok 'nothing changed' cycle
is 'so nobody looks' "$(count looked)" "$n"
config 1 'always = true'
ok 'with always' cycle
was=$(stat -c %i "$S/web/status")
ok 'each cycle' cycle
is 'does look' "$(count looked)" $((n + 2))
is 'and writes no status' "$(stat -c %i "$S/web/status")" "$was"
echo 'echo "no disk"; exit 1' | looking
trouble 'it may find it ill' 'exit status 1: no disk' ten

# --- nowhere to go
rm -rf "$S"
rm -f "$tmp/web.sock"
kill -TERM "$nginx"
wait "$nginx"
ok 'nginx runs' nginx_start
config 1
push 500 first
fails 1 'a first commit that is bad' cycle
nowhere="health: commit $(short "$new"): exit status 1: HTTP 500; \
no earlier commit to go back to"
is 'that is said' "$(status error)" "$nowhere"
is 'it is bad, and not applied' "$(status bad) $(status applied)" "$new "
is 'it stays' "$(status hash) $(status todo)$(status retry)" "$new "
n=$(count looked)
ok 'the next cycle' cycle
is 'does not try it again' "$(count looked) $(status error)" "$n $nowhere"
gitopper-ctl redo web >/dev/null
fails 1 'a redo' cycle
is 'does' "$(count looked) $(status error)" "$((n + 1)) $nowhere"
is 'each is a failure' "$(status failures)" 2
push 200 better
ok 'a better one' cycle
well 200 better
done_testing
