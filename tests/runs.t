#!/bin/sh
# runs.t - nothing is shown as well where no runner runs, where nothing was
# deployed yet, or where the config has a fault
. tests/lib.sh
. tests/servers.sh

state=$GITOPPER_STATE
repo=$tmp/repo
config=$tmp/config.toml
me=$(hostname)
git init -q "$repo"
mkdir "$repo/a"
echo one >"$repo/a/f"
commit "$repo" one >/dev/null

# config [LINE...]: of one service, with more lines
config() {
	printf '%s\n' '[[services]]' "machine = '$me'" "service = 'a'" \
		"upstream = '$repo'" "interval = '${interval:-1h}'" \
		"dirs = [ { link = 'a' } ]" "$@" >"$config"
}
get() {
	curl -gsS -m 30 "$httpd_url$1"
}
# health [QUERY]: the status, and what it says
health() {
	curl -gsS -m 30 -w ' %{http_code}' "$httpd_url/health$1" |
		tr '\n' ' ' | sed 's/^{"status":"\([^"]*\)".* /\1 /'
}
# metric NAME: its value
metric() {
	get /metrics | sed -n "s/^$1\({service=\"a\"}\)\{0,1\} //p"
}
# said ARGUMENT...: what gitopper-ctl has to say first
said() {
	gitopper-ctl "$@" 2>&1 >"$tmp/table"
}
# watched ARGUMENT...: what watch has to say, from then on; $pid is its id
watched() {
	spawn gitopper-ctl watch "$@" >"$tmp/events" 2>"$tmp/watch"
}
watch_says() { [ "$(sed s/there/here/ "$tmp/watch")" = "$1" ]; }
here="gitopper-ctl: gitopper isn't running here: orders wait, and what is \
shown may be old"
start() {
	spawn gitopper -c "$config" 2>"$tmp/runner.log"
	runner=$pid
}
is_ok() { [ "$(gitopper-ctl list a | awk 'NR == 2 { print $4 }')" = OK ]; }
not_up() { [ "$(metric gitopper_runner_up)" = 0 ]; }

# told WHEN: everything says that no runner runs
told() {
	for args in list 'list a' 'status a' 'pull a' 'redo a' 'freeze a' \
		'unfreeze a' 'rollback a 1234567' 'unfreeze a' 'wipe a'; do
		# shellcheck disable=SC2086
		is "$1: gitopper-ctl $args says so" "$(said $args)" "$here"
	done
	ok "$1: and shows what there is" grep -q ' a  ' "$tmp/table"
	is "$1: so does @machine" "$(said list "@$httpd_url")" \
		"gitopper-ctl: @$httpd_url: gitopper isn't running there: \
orders wait, and what is shown may be old"
	watched
	ok "$1: and watch" within 10 watch_says "$here"
	stop "$pid"
	watched "@$httpd_url"
	ok "$1: and watch @machine" within 10 watch_says "gitopper-ctl: \
@$httpd_url: ${here#*: }"
	stop "$pid"
	is "$1: JSON" "$(get /list/services | jq .runner)" false
	is "$1: of one service" "$(get /list/service/a | jq .runner)" false
	is "$1: /health" "$(health '')" 'no runner 503'
	is "$1: /health, strict" "$(health '?strict=1')" 'no runner 503'
	is "$1: the metric" "$(metric gitopper_runner_up)" 0
	like "$1: the page" "$(get /)" 'role="alert">gitopper isn.*t running'
}

# --- nobody ever ran
config
gitopper-conf -c "$config" >/dev/null
ok 'gitopper-httpd' try httpd
is 'what was never deployed' "$(gitopper-ctl -m list a 2>/dev/null |
	jq -r '.services[0] | .state + ": " + .stateinfo')" \
	'DIFF: not deployed yet'
is 'is not OK' "$(metric gitopper_service_ok) $(metric gitopper_service_state)" \
	'0 4'
told 'nobody ever ran'

# --- once
ok 'a cycle' gitopper -1 -c "$config"
is 'after it, list has nothing to say' "$(said list)" ''
is 'and all is OK' "$(metric gitopper_service_ok)" 1
is 'that is well' "$(health '?strict=1')" 'ok 200'
is 'as the metric says' "$(metric gitopper_runner_up)" 1
is 'and the page' "$(get / | grep -c 'role="alert"></p>')" 1
touch -d '170 minutes ago' "$state/.running"
is 'within three intervals' "$(said list)" ''
touch -d '190 minutes ago' "$state/.running"
told 'more than three intervals ago'

# --- at work
start
ok 'a runner' within 20 runs
within 20 is_ok
is 'list has nothing to say' "$(said list)" ''
is 'nor has an order' "$(said pull a)" ''
is 'that is well, too' "$(health '?strict=1')" 'ok 200'
is 'the runner is up' "$(metric gitopper_runner_up)" 1
is 'the JSON is as it was' "$(get /list/services | jq -c keys)" '["services"]'
if [ "$(id -u)" -eq 0 ]; then
	# shellcheck disable=SC2086
	ok 'anybody can ask' setpriv --reuid=$((1000000 + $$)) \
		--regid=$((1000000 + $$)) --clear-groups gitopper-ctl list
	is 'and hears it' "$(cat "$tmp/out" | grep -c running)" 0
fi

# --- with a config that has a fault
is 'the config is without a fault' "$(metric gitopper_config_ok)" 1
config 'lokal = 1'
fault="$config:7:1: unknown key lokal"
kept() { [ "$(head -c 200 "$state/.config")" = "$fault" ]; }
ok 'a fault is kept' within 10 kept
is 'for all to read' "$(stat -c %a "$state/.config")" 644
is 'list says it' "$(said list)" \
	"gitopper-ctl: the config has a fault, and the one before it counts: $fault"
is 'from elsewhere, too' "$(said list "@$httpd_url")" "gitopper-ctl: \
@$httpd_url: the config has a fault, and the one before it counts: $fault"
is 'the metric' "$(metric gitopper_config_ok)" 0
is '/health tells it' "$(get /health | jq -r '.status + ": " + .config')" \
	"ok: $fault"
is 'strictly, that is not well' "$(health '?strict=1')" 'unhealthy 503'
like 'the page has it' "$(get /)" "role=\"alert\">.*fault.*7:1: unknown key"
echo '[[' >"$config"
broken() { grep -q "^$config:[12]:" "$state/.config" &&
	! grep -q lokal "$state/.config"; }
ok 'so is one of syntax' within 10 broken
echo '[global]' >"$tmp/other.toml"
fails 100 '-n' gitopper-conf -n -c "$tmp/other.toml"
ok 'changes nothing in that' broken
config
gone() { [ ! -e "$state/.config" ]; }
ok 'without a fault it goes' within 10 gone
is 'and list has nothing to say' "$(said list)" ''

# --- killed
kill -KILL "$runner"
wait "$runner" 2>/dev/null
ok 'a runner that was killed is not up' within 10 not_up
told 'it was killed'
config
start
within 20 runs
kill "$runner"
wait "$runner"
told 'it was ended'

# --- while it is on its way, and while the upstream is away
config "action = '$tmp/act'"
cat >"$tmp/act" <<EOF
#!/bin/sh
: >"$tmp/acting"
while [ -e "$tmp/hold" ]; do sleep 0.02; done
EOF
chmod 755 "$tmp/act"
gitopper -1 -c "$config" 2>/dev/null
is 'deployed' "$(said list) $(metric gitopper_service_ok)" ' 1'
: >"$tmp/hold"
rm -f "$tmp/acting"
echo two >"$repo/a/f"
commit "$repo" two >/dev/null
start
within 20 runs
gitopper-ctl pull a >/dev/null
ok 'an action is at work' within 30 test -e "$tmp/acting"
is 'that is not OK yet' "$(metric gitopper_service_ok)" 0
rm "$tmp/hold"
ok 'but when it is done' within 30 is_ok
kill "$runner"
wait "$runner"
mv "$repo" "$repo.away"
fails 1 'an upstream that is away' gitopper-pull a
like 'is said' "$(cat "$tmp/out")" "^gitopper-pull: $repo: "
is 'is no error of a service that is where it should be' "$(value a error)" ''
is 'but is to be tried again soon' \
	"$(($(value a retry) - $(date +%s) <= 20))" 1
up=$(upstream_dir "$repo")
is 'the state stays' "$(metric gitopper_service_state)" 0
like 'the info has it' "$(gitopper-ctl list a 2>/dev/null)" 'upstream: '
# contact SECONDS: it was so long ago
contact() {
	sed "s/^contact=.*/contact=$(($(date +%s) - $1))/" "$up/status" \
		>"$up/.new" && mv "$up/.new" "$up/status"
}
contact 3500
is 'for three intervals, an hour at most' "$(metric gitopper_service_state)" 0
contact 3700
is 'then it is DIFF' "$(metric gitopper_service_state)" 4
mv "$repo.away" "$repo"
ok 'it is back' gitopper-pull a
is 'and all is well' "$(metric gitopper_service_state)$(value a retry)" 0
done_testing
