#!/bin/sh
# route.t - what is to be had of gitopper-httpd, and what it answers
. tests/lib.sh
. tests/servers.sh

one=1111111111111111111111111111111111111111
two=2222222222222222222222222222222222222222
tab=$(printf '\t')
now=$(date +%s)
url=https://anna:s3cret@git.example.org/ops/config
state=$GITOPPER_STATE

# service NAME [LINE]...: makes one as gitopper-conf and gitopper-pull do, with
# those lines in its status
service() {
	dir=$state/$1
	mkdir -p "$dir/ctl" && printf '%s\n' "service=$1" "upstream=$url" \
		branch=main >"$dir/conf"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$dir/status"
	[ "$(id -u)" -ne 0 ] ||
		{ chgrp gitopper "$dir/ctl" && chmod 3775 "$dir/ctl"; }
}

# ask METHOD PATH [OPTION]...: sets status; the answer is in $tmp/body, its head
# in $tmp/head
ask() {
	method=$1 path=$2; shift 2
	case $method in
	HEAD) set -- -I "$@" ;;
	*) set -- -X "$method" "$@" ;;
	esac
	: >"$tmp/body"
	status=$(curl -gsS -m 50 -o "$tmp/body" -D "$tmp/head" \
		-w '%{http_code}' "$@" "$httpd_url$path")
}

# answers STATUS DESCRIPTION METHOD PATH [OPTION]...: that status
answers() {
	want=$1 desc=$2; shift 2
	ask "$@" >"$tmp/out" 2>&1
	echo "$status, not $want" >>"$tmp/out"
	cat "$tmp/body" >>"$tmp/out"
	[ "$status" = "$want" ]
	result $? "$desc"
}

# error PATTERN: the answer is an error, and says that
error() {
	like "and says $1" "$(jq -r .error "$tmp/body")" "$1"
}

# field NAME: of the answer's head
field() {
	sed -n "s/^$1: //p" "$tmp/head" | tr -d '\r'
}

# json FILTER [PATH]: what jq finds in the answer, or in that of GET PATH
json() {
	[ $# -eq 1 ] || ask GET "$2"
	jq -cr "$1" "$tmp/body"
}

ctl() {
	cat "$state/$1/ctl/$2" 2>&1
}

may_steer
mkdir "$state"
running
ok 'gitopper-httpd' try httpd
is 'no services' "$(json . /list/services)" '{"services":[]}'
is 'no machines' "$(json . /list/machines)" '{"machines":[]}'
answers 503 'without services it is not healthy' GET /health
is 'and why' "$(json .status)" 'no services'

service web "hash=$one" "applied=$one" "since=1668762892" deploys=3
service dns
service old
echo gone=1 >>"$state/old/conf"
mkdir "$state/.cache" "$state/empty"
id=$(upstream_dir "$url")
mkdir -p "$id"
printf 'url=%s\ncontact=%s\ntip=main\t%s\n' "$url" "$now" "$two" >"$id/status"

# -- services
is 'services that were made since' \
	"$(json '[.services[].service]' /list/services)" '["dns","web"]'
like 'the JSON that the clients of old know comes first' \
	"$(cat "$tmp/body")" '\{"service":"web","hash":"11111111",'\
'"state":"DIFF","stateinfo":"on its way","change":"Fri, 18 Nov 2022 09:14:52 UTC",'
is 'just what gitopper-ctl says' "$(json .)" \
	"$(gitopper-ctl -m list | jq -c .)"
is 'JSON is its type' "$(field Content-Type)" application/json
is 'all of it' "$(jq -cS '.services[1] | del(.tree)' "$tmp/body")" \
'{"applied":"'$one'","bad":"","branch":"main","change":"Fri, 18 Nov 2022 '\
'09:14:52 UTC","contact":'$now',"deploys":3,"drift":0,"failures":0,'\
'"frozen":false,"frozenby":"","frozenuntil":0,"fullhash":"'$one'","hash":"11111111",'\
'"pin":"","retry":0,"service":"web","since":1668762892,"state":"DIFF",'\
'"stateinfo":"on its way","tip":"'$two'","todo":"",'\
'"upstream":"https://git.example.org/ops/config","wanted":"'$two'"}'
all=$(cat "$tmp/body")
for path in /list/service /list/services/ '/list/services?x=1' \
	/list/%73ervices; do
	ask GET "$path"
	is "the same at $path" "$(cat "$tmp/body")" "$all"
done
for path in /list/service/web /list/services/web /list/service/web/ \
	/list/service/w%65b; do
	is "just web at $path" "$(json '[.services[].service]' $path)" '["web"]'
done
is 'over a unix socket' "$(curl -sS --unix-socket "$tmp/httpd.sock" \
	http://localhost/list/services)" "$all"
is 'on standard input and output' "$(printf \
	'GET /list/services HTTP/1.1\r\nHost: localhost\r\n\r\n' |
	gitopper-httpd 2>/dev/null | sed '1,/^\r$/d')" "$all"

# -- machines
printf 'web1.example.org\tother\nhere.example.org\tmine\n' >"$state/.machines"
is 'machines' "$(json . /list/machines)" \
'{"machines":[{"machine":"web1.example.org","actual":""},'\
'{"machine":"here.example.org","actual":"'"$(uname -n)"'"}]}'
all=$(cat "$tmp/body")
ask GET /list/machine
is 'the same at /list/machine' "$(cat "$tmp/body")" "$all"

# -- methods
for path in / /list/machines /list/services /list/service/web /log/web \
	/changes/web '/watch?since=0' /health /metrics; do
	ask GET "$path" && get=$status
	length=$(field Content-Length)
	answers "$get" "HEAD $path is as GET" HEAD "$path"
	# the time and the counters in there go on
	case $path in
	/metrics | /) ;;
	*) is 'with the same length' "$(field Content-Length)" "$length" ;;
	esac
	for method in POST PUT; do
		answers 405 "$method $path" $method "$path"
		is 'says what it is for' "$(field Allow)" 'GET, HEAD, OPTIONS'
	done
	answers 204 "OPTIONS $path" OPTIONS "$path"
done
for verb in freeze unfreeze rollback redo pull; do
	for root in state do; do
		answers 405 "GET /$root/$verb/web" GET "/$root/$verb/web"
		is 'POST is allowed' "$(field Allow)" 'POST, OPTIONS'
		answers 404 "$root $verb of no service" POST \
			"/$root/$verb/nosuch?to=$one"
		error '^nosuch: no such service$'
	done
done
for method in HEAD PUT DELETE PATCH TRACE; do
	answers 405 "$method where POST is wanted" $method /do/redo/web
done
answers 204 'OPTIONS of the whole server' OPTIONS / --request-target '*'
like 'POST is among them' "$(field Allow)" POST
answers 501 'a method that nobody knows' BREW /list/services
is 'nothing was changed by any of these' "$(ls "$state"/*/ctl/)" "$(
	cd "$state" && for d in */; do
		[ ! -d "$d/ctl" ] || printf '%s\n' "$state/${d}ctl/:" ''; done)"
for path in /nosuch /list /list/ /list/nosuch /list/service/web/more /log \
	/log/ /state/freeze /do/nosuch/web /healthy /metricsx /metrics/x /do/pull/web/x \
	/log/.upstream /list//services; do
	answers 404 "nothing is at $path" GET "$path" --path-as-is
	error 'there is nothing at|no such service'
done
for path in /log/../web /log/web%2f..%2fdns /log/web%2fdns /log/web%00; do
	answers 400 "no path: $path" GET "$path" --path-as-is
done
for path in /list/service/nosuch /list/service/old /list/service/empty \
	/log/nosuch /changes/old; do
	answers 404 "no service at $path" GET "$path"
	error 'no such service'
done

# -- log, changes
answers 200 'no log yet' GET /log/web
is 'is an empty one' "$(cat "$tmp/body")" ''
printf 'one\n' >"$state/web/log.old"
printf 'two\033[2J\tend\ncaf\303\251, cut' >"$state/web/log"
ask GET /log/web
is 'log, the older lines first' "$(cat "$tmp/body")" "one
two?[2J${tab}end
$(printf 'caf\303\251, cut')"
is 'is text' "$(field Content-Type)" 'text/plain; charset=utf-8'
rm "$state/web/log" && mkdir "$state/web/log"
answers 500 'a log that is none' GET /log/web
error '^web: log: '
rmdir "$state/web/log"
is 'no changes yet' "$(json . /changes/web)" '{"service":"web","changes":[]}'
printf 'A\tetc/new\nM\t"a\\tb \\303\\251"\nD\t"\\377"\n' >"$state/web/changes"
is 'changes' "$(json '[.changes[] | [.change, .path]]' /changes/web)" \
	'[["A","etc/new"],["M","a\tb é"],["D","'"$(printf '\357\277\275')"'"]]'

# -- freeze, unfreeze
for root in state do; do
	answers 200 "/$root/freeze" POST "/$root/freeze/web"
	is 'shows what came of it' \
		"$(json '.services[0] | [.service, .state]')" \
		'["web","FREEZE"]'
	is 'frozen is empty' "$(ctl web frozen)" ''
	is 'the next look shows it, too' \
		"$(json '.services[1].state' /list/services)" FREEZE
	answers 200 "/$root/unfreeze" POST "/$root/unfreeze/web"
	is 'shows that' "$(json '.services[0].state')" DIFF
	is 'nothing is left' "$(ls "$state/web/ctl")" ''
done
# frozen_for SECONDS DESCRIPTION
frozen_for() {
	n=$(($(ctl web frozen) - $(date +%s)))
	like "$2 is $1 seconds" "$((n <= $1 && n > $1 - 30))" 1
}
for pair in dur=50s:50 dur=50:50 duration=50:50 dur=1h30m:5400 \
	duration=2d:172800 dur=%35m:300 dur=1.5h:5400 dur=59500ms:60; do
	answers 200 "freeze?${pair%:*}" POST "/do/freeze/web?${pair%:*}"
	frozen_for "${pair#*:}" "${pair%:*}"
done
answers 200 'the same in a form' POST /state/freeze/web -d dur=7m
frozen_for 420 dur=7m
answers 200 'in one with a charset' POST /state/freeze/web -d duration=70 \
	-H 'Content-Type: Application/x-www-form-urlencoded; charset=utf-8'
frozen_for 70 duration=70
answers 200 'behind the name' POST /do/freeze/web/9m
frozen_for 540 /9m
is 'until when' "$(json '.services[0].frozenuntil')" "$(ctl web frozen)"
rm "$state/web/ctl/frozen"
for dur in 5x 0 0s 5m1h -5 1.5 '' %zz 99999999999999999999 36501d 5m%00 \
	$one$one; do
	answers 400 "no duration: '$dur'" POST "/do/freeze/web?dur=$dur"
	error .
done
# as JSON, whatever it is called further
body() {
	want=$1 what=$2; shift 2
	answers "$want" "$what" POST /do/freeze/web "$@"
}
# frozen_by JSON [TYPE]
frozen_by() {
	body 200 "JSON: $1${2:+, $2}" --data-raw "$1" \
		-H "Content-Type: ${2:-application/json}"
}
frozen_by '{"dur":"5m"}'
frozen_for 300 'a string'
frozen_by ' { "why" : "\"\u00e9, } " , "duration" : 70 } ' \
	'Application/JSON; charset=utf-8'
frozen_for 70 'a number, among others'
frozen_by '{}'
is 'without it, for good' "$(ctl web frozen)" ''
rm "$state/web/ctl/frozen"
for json in '{"dur":"x"}' '{"dur":null}' '{"dur":{"dur":"5m"}}' \
	'{"dur":["5m"]}' '["5m"]' '"5m"' '{"dur":"5m"' '{"dur":"5m"}}' \
	'{"dur":"5m",}' '{"dur":"5\u006d"}' '{"d\u0075r":"5m"}' '{dur:"5m"}' \
	'{"dur":"5m' '{"dur"' '{' 'dur=5m'; do
	body 400 "no such JSON: $json" --data-raw "$json" \
		-H 'Content-Type: application/json'
	error .
done
for type in text/plain 'text/plain; application/json' application/jsonx \
	multipart/form-data; do
	body 415 "a body of another type is not passed over: $type" \
		--data-raw '{"dur":"5m"}' -H "Content-Type: $type"
done
answers 415 'nor one without a type' POST /do/freeze/web -d dur=5m \
	-H Content-Type:
is 'nothing was frozen by these' "$(ls "$state/web/ctl")" ''
echo $(($(date +%s) + 2)) >"$state/web/ctl/frozen"
is 'a freeze for a moment' "$(json '.services[1].state' /list/services)" FREEZE
thawed() {
	[ "$(json '.services[1].state' /list/services)" = DIFF ]
}
ok 'ends by itself' within 10 thawed
rm "$state/web/ctl/frozen"

# -- rollback
for path in "/state/rollback/web?to=" /state/rollback/web/ /do/rollback/web/ \
	"/do/rollback/web?to="; do
	answers 200 "${path}ABCDEF01" POST "${path}ABCDEF01"
	is 'the pin, in small letters' "$(ctl web pin)" abcdef01
	is 'on its way' "$(json '.services[0] | [.state, .stateinfo]')" \
		'["ROLLBACK","on its way to abcdef01 by nobody, stays at '\
'11111111 until that is found; unfreeze follows the branch"]'
done
answers 200 'in JSON' POST /state/rollback/web -d '{"to":"ABCDEF02"}' \
	-H 'Content-Type: application/json'
is 'it is taken' "$(ctl web pin)" abcdef02
answers 200 'in a form' POST /state/rollback/web -d "to=$one"
is 'where it is already' "$(json '.services[0] | [.state, .pin]')" \
	'["FREEZE","'$one'"]'
for hash in 123456 g123456 "${one}1" '' HEAD 11111111%20 11111111/1 \
	"$one$one"; do
	answers 400 "no commit: '$hash'" POST "/do/rollback/web?to=$hash"
	error .
done
answers 400 'none at all' POST /do/rollback/web
error '^to which commit'
answers 404 'too much' POST "/do/rollback/web/$one/$one"
is 'the pin is what it was' "$(ctl web pin)" "$one"
echo 2222222 >"$state/web/ctl/pin"
is 'a pin that somebody wrote in place' \
	"$(json '.services[1].stateinfo' /list/services)" \
	'on its way to 2222222 by nobody, stays at 11111111 until that is '\
'found; unfreeze follows the branch'
rm "$state/web/ctl/pin"

# -- pull, redo
for root in state do; do
	answers 200 "/$root/pull" POST "/$root/pull/web"
	is 'is an empty poke' "$(ctl web poke)" ''
	answers 200 "/$root/redo" POST "/$root/redo/web"
	is 'is one that says so' "$(ctl web poke)" redo
	rm "$state/web/ctl/poke"
done

# -- what root did, only root undoes
if [ "$(id -u)" -eq 0 ]; then
	gitopper-ctl freeze web >/dev/null
	for path in unfreeze/web 'freeze/web?dur=5m' rollback/web/2222222; do
		answers 403 "under root's freeze: $path" POST "/do/$path"
		error '^web: frozen by root: can only be lifted by root'
	done
	gitopper-ctl unfreeze web >/dev/null
	is 'lifted' "$(json '.services[1].state' /list/services)" DIFF
	chmod 755 "$state/web/ctl"
	answers 403 'a ctl/ that is not for us' POST /do/pull/web
	error 'only root and the group gitopper may do that'
	chmod 3775 "$state/web/ctl"
fi

# -- health
answers 503 'a service that was never applied' GET /health
is 'is named' "$(json '[.status, .services[0].service, .services[0].why]')" \
	'["unhealthy","dns","not applied yet"]'
service dns "hash=$two" "applied=$two"
answers 200 'all of them were' GET /health
is 'that is all' "$(json .)" '{"status":"ok","services":[]}'
service dns "hash=$two" "applied=$two" 'error=act: exit status 1'
answers 200 'one that is broken now' GET /health
answers 200 'strict=0' GET '/health?strict=0'
answers 503 'is not good enough for strict=1' GET '/health?strict=1'
is 'which says why' "$(json '.services[0] | [.service, .why, .stateinfo]')" \
	'["dns","BROKEN","act: exit status 1"]'
service dns "hash=$two" "applied=$two" 'error=pull: no such host'
answers 503 'nor is DIFF' GET '/health?strict=1'
for value in yes 2 '' 00000000000000; do
	answers 400 "strict=$value" GET "/health?strict=$value"
done
answers 405 'nobody makes it healthy' POST /health
answers 200 'metrics' GET /metrics
answers 200 'the page' GET /

# -- odd services
service a@b:c.d+e-F "hash=$one" 'note=x'
printf 'error=act: \\ "caf\303\251" \377 \355\240\200 \033[2J\n' \
	>"$state/a@b:c.d+e-F/status"
u=$(printf '\357\277\275')
is 'quotes, UTF-8, and bytes that are none' \
	"$(json '.services[0].stateinfo' /list/service/a@b:c.d+e-F)" \
	"$(printf 'act: \\ "caf\303\251" %s %s \033[2J' "$u" "$u$u$u")"
is 'a name escaped as far as it goes' "$(json '.services[0].service' \
	/list/service/a%40b%3Ac%2Ed%2Be%2dF)" 'a@b:c.d+e-F'
answers 200 'an order for it' POST '/do/freeze/a@b:c.d+e-F'
is 'arrives' "$(ls "$state/a@b:c.d+e-F/ctl")" frozen
long=$(printf '%0128d' 0)
service "$long" "hash=$one"
is 'the longest name' "$(json '.services[0].service' "/list/service/$long")" \
	"$long"
answers 404 'one that is longer' GET "/list/service/${long}0"
for path in /list/services /list/service/web /log/web /changes/web / \
	'/watch?since=0' /metrics; do
	ask GET "$path"
	is "no credentials at $path" \
		"$(grep -c 's3cret\|anna' "$tmp/body" "$tmp/head")" \
		"$tmp/body:0
$tmp/head:0"
done
rm -r "$state/$long" "$state/a@b:c.d+e-F"
is 'services that went' "$(json '[.services[].service]' /list/services)" \
	'["dns","web"]'
echo gone=1 >>"$state/dns/conf"
is 'one that left the config' "$(json '[.services[].service]' /list/services)" \
	'["web"]'
answers 404 'is not there for orders' POST /do/pull/dns
service dns
is 'and came back' "$(json '[.services[].service]' /list/services)" \
	'["dns","web"]'
printf 'garbage\000\377\nhash=' >"$state/dns/status"
is 'a status of garbage' "$(json '.services[0] | [.hash, .state]' \
	/list/services)" '["","DIFF"]'
is 'it still runs' "$(kill -0 "$httpd_pid" && echo yes)" yes

# -- read-only
stop "$httpd_pid"
ok 'gitopper-httpd -r' try httpd -r
answers 200 'shows' GET /list/services
for what in freeze/web unfreeze/web rollback/web/2222222 redo/web pull/web; do
	answers 403 "and refuses to $what" POST "/do/$what"
	error gitopper-httpd
	answers 403 'so on the unix socket' POST "/do/$what" \
		--unix-socket "$tmp/httpd.sock"
done
is 'and nothing came of it' "$(ls "$state/web/ctl")" ''
done_testing
