#!/bin/sh
# page.t - the page of gitopper-httpd, in a real browser
. tests/lib.sh
. tests/servers.sh
. tests/browser.sh

state=$GITOPPER_STATE
repo=$tmp/repo
config=$tmp/config.toml
me=$(hostname)
nasty='<img/src=x/onerror="document.title=1">'

# The group that may steer, in this namespace of ours, if the machine has none
if [ "$(id -u)" -eq 0 ] && ! getent group gitopper >/dev/null; then
	{ cat /etc/group; echo gitopper:x:64222:; } >"$tmp/group"
	chmod 644 "$tmp/group"
	mount --bind "$tmp/group" /etc/group
fi

# put TEXT: a commit that changes web and motd; prints it
put() {
	mkdir -p "$repo/web" "$repo/motd" &&
	echo "$1" | tee "$repo/web/f" >"$repo/motd/f" && commit "$repo" "$1"
}

# service NAME LINE...: into the config
service() {
	printf '[[services]]\nmachine = "%s"\nservice = "%s"\n' "$me" "$1"
	shift
	printf '%s\n' "$@"
}

# at NAME COMMIT: it was taken all the way there
at() {
	[ "$(value "$1" applied)" = "$2" ] && [ "$(value "$1" hash)" = "$2" ]
}

# httpd PORT OPTION...: serves there
httpd() {
	listen=$1; shift
	started "$listen" "$tmp/httpd.log" gitopper-httpd "$@" \
		-l "127.0.0.1:$listen"
}

serve() {
	httpd_port=$(free_port)
	httpd "$httpd_port" -w && httpd_pid=$pid \
		url=http://127.0.0.1:$httpd_port
}

# cell NAME N PATTERN: what is in a service's row, soon
cell() {
	within 30 shows "[data-name='$1'] > :nth-child($2)" "$3"
}

# choose SELECT VALUE
choose() {
	press "[name=$1] option[value='$2']"
}

# none COMMAND...: it has nothing to say
none() {
	out=$("$@" 2>&1) && [ -z "$out" ] || {
		echo "$out"
		return 1
	}
}

# -- what it is about
git init -q "$repo"
first=$(put one)
cat >"$tmp/act" <<END
#!/bin/sh
echo acted >>"$tmp/acted"
echo '$nasty'
END
chmod 755 "$tmp/act"
: >"$tmp/acted"
{
	printf '[global]\nupstream = "%s"\ninterval = "1h"\n' "$repo"
	service web "action = '$tmp/act'" 'dirs = [ { link = "web" } ]'
	service motd 'dirs = [ { link = "motd" } ]'
	service nasty "branch = '$nasty'" 'dirs = [ { link = "web" } ]'
} >"$config"
spawn gitopper -c "$config" 2>"$tmp/runner.log"
ok 'a service is deployed' within 30 at web "$first"
ok 'another one is in trouble' within 30 grep -q '^error=' "$state/nasty/status"
ok 'gitopper-httpd' try serve

# -- the page itself, as any client gets it
# fetch [OPTION...]: the head of the answer
fetch() {
	rm -f "$tmp/body"
	curl -sS -o "$tmp/body" -D - "$@" "$url/" | tr -d '\r'
}

head=$(fetch)
like 'it is HTML' "$head" '^Content-Type: text/html; charset=utf-8$'
like 'whose type is not guessed' "$head" '^X-Content-Type-Options: nosniff$'
like 'nobody is told where it is' "$head" '^Referrer-Policy: no-referrer$'
policy=$(printf '%s\n' "$head" | sed -n 's/^Content-Security-Policy: //p')
like 'only what is named is let in' "$policy" "^default-src 'none'; "
like 'nor can it be framed' "$policy" "frame-ancestors 'none'"
is 'nothing is unsafe' "$(echo "$policy" | grep -E 'unsafe|\*|https?:')" ''
for tag in script style; do
	digest=$(perl -0ne "print \$1 if m,<$tag>(.*)</$tag>,s" "$tmp/body" |
		openssl dgst -sha256 -binary | base64)
	like "its $tag is named by its hash" "$policy" \
		"$tag-src 'sha256-$(printf %s "$digest" | sed 's/[+]/[+]/g')'"
done
is 'it takes nothing from elsewhere' \
	"$(grep -Ei '(src|href|action)="?(https?:)?//' "$tmp/body")" ''
like 'without its script it is asked for again' "$(cat "$tmp/body")" \
	'<noscript><meta http-equiv="refresh"'
is 'what is in it was filled in' "$(grep '[{}][{}]' "$tmp/body")" ''
like 'it has the services' "$(cat "$tmp/body")" '<a href="log/web">web</a>'
like 'with their commits' "$(cat "$tmp/body")" \
	"<code>$(printf %.8s "$first")</code>"
is 'what is said of them is no HTML' "$(grep -c '<img' "$tmp/body")" 0
like 'but text' "$(cat "$tmp/body")" '&#60;img/src=x/onerror=&#34;document'
etag=$(printf '%s\n' "$head" | sed -n 's/^ETag: //p')
like 'it has an ETag' "$etag" '^"[0-9a-f]{16}"$'
for known in "$etag" "W/$etag" "\"a, b\", $etag" "\"x\",W/$etag , \"y\"" '*'
do
	like "who has $known is told so" \
		"$(fetch -H "If-None-Match: $known")" '^HTTP/1.1 304 '
	ok 'and no more' test ! -s "$tmp/body"
done
for known in '"0000"' "\"a, $etag\"" "${etag%?}" W/ ,; do
	like "who has $known gets all of it" \
		"$(fetch -H "If-None-Match: $known")" '^HTTP/1.1 200 '
done
length=$(printf '%s\n' "$head" | grep Content-Length)
like 'HEAD says the same' "$(curl -sSI "$url/" | tr -d '\r')" "$length"

# -- in a browser
ok 'Chromium' browser
ok 'opens the page' visit "$url/"
ok 'it shows a service' cell web 1 '^web$'
ok 'its state' cell web 2 '^OK$'
ok 'its commit' cell web 3 "^$(printf %.8s "$first")$"
ok 'the tip' cell web 4 "^$(printf %.8s "$first")$"
ok 'the branch' cell web 5 '^main$'
ok 'since when' cell web 6 '(second|minute)s? ago$|^now$'
ok 'nothing more' cell web 7 '^$'
ok 'how many are how' shows '#count' '^1 DIFF .+ 2 OK$'
ok 'one in trouble' cell nasty 2 '^DIFF$'
ok 'and why: text, not HTML' cell nasty 7 "upstream has no $nasty"
ok 'and when it is tried again' cell nasty 7 'next try in '
like 'the whole time, where the mouse rests' "$(script \
	"return document.querySelector('[data-name=web] .when').title")" \
	'20[0-9][0-9].* UTC$'

ok 'a press on its name' press '[data-name=web] button'
ok 'opens more' shows '#panel dl' "$first"
ok 'with its log' within 30 shows '#log' 'act: commit .* is applied'
ok 'in which HTML is text' shows '#log' "$nasty"
like 'all of the log is a link away' \
	"$(script 'return document.querySelector("#panel a").href')" \
	"^$url/log/web\$"

# -- steering
second=$(put two)
ok 'pull' press '[name=pull]'
ok 'has it look for commits' within 30 at web "$second"
ok 'which is shown by itself' cell web 3 "^$(printf %.8s "$second")$"
ok 'and said' shows '#say' 'looks for commits'

ok 'for an hour' choose dur 1h
ok 'freeze' press '[name=freeze] button'
ok 'is done' within 30 test -s "$state/web/ctl/frozen"
thaw=$(($(cat "$state/web/ctl/frozen") - $(date +%s)))
ok 'for that long' test "$thaw" -gt 3500 -a "$thaw" -le 3600
ok 'and shown' cell web 2 '^FREEZE$'
ok 'how long' cell web 7 'thaws in (60|59) minutes$'
ok 'and said' shows '#say' '^Frozen for 1 hour\.$'
like 'to those who listen as well' "$(script "return \
	document.querySelector('#say').getAttribute('role')")" '^status$'
ok 'until unfrozen' choose dur ''
ok 'freeze' press '[name=freeze] button'
ok 'leaves the time out' within 30 sh -c '! test -s "$1"' sh \
	"$state/web/ctl/frozen"
third=$(put three)
gitopper-ctl pull motd >/dev/null 2>&1
ok 'another one moves on' within 30 at motd "$third"
ok 'which is shown' cell motd 3 "^$(printf %.8s "$third")$"
ok 'this one stays behind' cell web 4 \
	"^$(printf %.8s "$third") behind$"
ok 'at its commit' at web "$second"
ok 'unfreeze' press '[name=unfreeze]'
ok 'lets it go on' within 30 at web "$third"
ok 'which is shown' cell web 2 '^OK$'

# offered PATTERN: the commits to roll back to, in one line
offered() {
	seen '[name=seen]' | tr '\n' ' ' >"$tmp/offered"
	cat "$tmp/offered"
	grep -Eq "$1" "$tmp/offered"
}
ok 'the commits of its log are offered' within 30 offered "^to $(
	printf %.8s "$second"), applied 20.* to $(
	printf %.8s "$first"), applied 20.* to another commit *\$"
ok 'the first' choose seen "$(printf %.8s "$first")"
ok 'roll back' press '[name=rollback] button'
ok 'goes there' within 30 at web "$first"
ok 'and says so' cell web 2 '^(FREEZE|ROLLBACK)$'
ok 'until it is there' cell web 7 \
	"^pinned to $(printf %.8s "$first") by "
ok 'any other' choose seen ''
ok 'a commit that is none' enter '[name=to]' 'not hex'
ok 'roll back' press '[name=rollback] button'
ok 'says what is wrong' within 30 shows '#say.bad' \
	'did not work: .*not a commit'
is 'and changes nothing' "$(cat "$state/web/ctl/pin")" \
	"$(printf %.8s "$first")"
ok 'the field is emptied' in_session POST \
	"element/$(element '[name=to]')/clear" '{}'
ok 'a commit by hand' enter '[name=to]' "$second"
ok 'roll back' press '[name=rollback] button'
ok 'takes that as well' within 30 at web "$second"
ok 'unfreeze' press '[name=unfreeze]'
ok 'brings it back to the tip' within 30 at web "$third"

before=$(wc -l <"$tmp/acted")
# acted_again: the action ran
acted_again() {
	[ "$(wc -l <"$tmp/acted")" -gt "$before" ]
}
ok 'redo' within 30 press '[name=redo]'
ok 'runs the action again' within 30 acted_again

ok 'what is frozen on the machine' gitopper-ctl freeze web
ok 'is shown' cell web 2 '^FREEZE$'
if [ "$(id -u)" -eq 0 ]; then
	ok 'unfreeze' press '[name=unfreeze]'
	ok 'is not for root'"'s" within 30 shows '#say.bad' \
		'did not work: web: frozen by root'
	ok 'which stays' test -e "$state/web/ctl/frozen"
fi
ok 'and thawed there' gitopper-ctl unfreeze web
ok 'is shown as well' cell web 2 '^OK$'

is 'there is one script, and no picture' "$(script "return \
	document.querySelectorAll('script, img, iframe, object').length")" 1
is 'nobody took the page over' "$(script 'return document.title')" \
	"$(uname -n) - gitopper"
ok 'the console has no complaint' none complaints

# -- by keyboard
tab=$(printf '\356\200\204') enter=$(printf '\356\200\207')
escape=$(printf '\356\200\214')
# focus: what has it, and whether that is seen
focus() {
	script "const e = document.activeElement, c = getComputedStyle(e);
		return e.localName + ' ' + e.innerText + ' ' + c.outlineStyle"
}
ok 'the page, anew' visit "$url/?"
ok 'has it all' cell web 2 '^OK$'
ok 'Tab' keys "$tab"
is 'leads to the first service' "$(focus)" 'button motd solid'
ok 'Enter' keys "$enter"
is 'opens it' "$(script 'return document.querySelector(
	"[data-name=motd] button").ariaExpanded')" true
ok 'Tab' keys "$tab"
is 'leads on to what can be done' "$(focus)" 'button Freeze solid'
ok 'Enter' keys "$enter"
ok 'does it' cell motd 2 '^FREEZE$'
ok 'Tab, and the first letter' keys "$tab" f
ok 'Escape' keys "$escape"
is 'closes it' "$(focus)" 'button motd solid'
gitopper-ctl unfreeze motd >/dev/null
ok 'what changes' cell motd 2 '^OK$'
is 'takes the focus from nobody' "$(focus)" 'button motd solid'
ok 'the address leads to a service' visit "$url/?x#motd"
ok 'which is open' within 30 shows '#panel #log' 'pull: at'

# -- on a phone, and in the dark
ok 'a phone' devtools Emulation.setDeviceMetricsOverride '{"width": 360,
	"height": 740, "deviceScaleFactor": 2, "mobile": true}'
is 'has all of its width, and no more' "$(script \
	'return document.documentElement.scrollWidth')" 360
ok 'shows what there is' cell web 2 '^OK$'
ok 'and lets one press' press '[data-name=nasty] button'
is 'the longest text breaks' "$(script \
	'return document.documentElement.scrollWidth')" 360
ok 'a picture of it' photograph "$tmp/phone.png"
ok 'a screen' devtools Emulation.clearDeviceMetricsOverride '{}'
ok 'a picture of that' photograph "$tmp/light.png"
ok 'at night' devtools Emulation.setEmulatedMedia '{"features": [
	{"name": "prefers-color-scheme", "value": "dark"}]}'
like 'is dark' "$(script 'return getComputedStyle(
	document.body).backgroundColor')" '^rgb\(([0-4]?[0-9](, |\))){3}$'
ok 'a picture of that' photograph "$tmp/dark.png"
[ -z "${SHOTS-}" ] || cp "$tmp"/*.png "$SHOTS"

# -- without an answer
ok 'the console has no complaint' none complaints
stop "$httpd_pid"
ok 'when the server is gone' within 30 shows '#lost' \
	'now there is no answer from this machine'
ok 'what was there is still there' cell web 2 '^OK$'
ok 'when it is back' httpd "$httpd_port" -w
httpd_pid=$pid
ok 'it goes on' within 30 none seen '#lost'
gitopper-ctl freeze motd >/dev/null
ok 'by itself' cell motd 2 '^FREEZE$'

# -- whom nothing is allowed
stop "$httpd_pid"
ok 'a server that takes no changes' try httpd "$(free_port)"
ok 'is no worse to look at' visit "http://127.0.0.1:$listen/#motd"
ok 'and has the same buttons' within 30 press '[name=unfreeze]'
ok 'which say why nothing happens' within 30 shows '#say.bad' \
	'there are no users here'
ok 'with a password in the address' visit "http://a:b@127.0.0.1:$listen/"
ok 'it works as well' within 30 shows '#count' '1 DIFF'

# -- below a path of another server
proxy_port=$(free_port)
cat >"$tmp/nginx.conf" <<END
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/nginx.log;
events { }
http {
	access_log off;
	client_body_temp_path $tmp/nginx-body;
	proxy_temp_path $tmp/nginx-proxy;
	fastcgi_temp_path $tmp/nginx-fastcgi;
	uwsgi_temp_path $tmp/nginx-uwsgi;
	scgi_temp_path $tmp/nginx-scgi;
	server {
		listen 127.0.0.1:$proxy_port;
		location /gitopper/ {
			proxy_pass http://127.0.0.1:$listen/;
			proxy_set_header Host \$http_host;
		}
	}
}
END
ok 'nginx' started "$proxy_port" "$tmp/nginx.log" nginx -c "$tmp/nginx.conf"
ok 'the page at a path' visit "http://127.0.0.1:$proxy_port/gitopper/#motd"
ok 'finds what it needs below it' cell motd 2 '^FREEZE$'
ok 'the log, too' within 30 shows '#log' 'pull: at'

# -- without JavaScript
ok 'no script' devtools Emulation.setScriptExecutionDisabled '{"value": true}'
ok 'the page' visit "http://127.0.0.1:$listen/"
ok 'has the services' shows main '^motd *FREEZE'
ok 'says when' shows main ' 20[0-9][0-9] [0-9:]{8} UTC'
ok 'why' shows main "upstream has no $nasty"
ok 'and what else there is' shows body 'done anew every 30'
is 'their logs are a link away' "$(in_session GET \
	"element/$(element '[href^=log]')/property/href")" \
	"http://127.0.0.1:$listen/log/motd"
ok 'a picture of it' photograph "$tmp/plain.png"
[ -z "${SHOTS-}" ] || cp "$tmp/plain.png" "$SHOTS"
done_testing
