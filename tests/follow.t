#!/bin/sh
# follow.t - gitopper-ctl watch: here, elsewhere, and what pipes make of it
. tests/lib.sh
. tests/servers.sh
unset CURL_CA_BUNDLE

one=1111111111111111111111111111111111111111
two=2222222222222222222222222222222222222222
here=$(uname -n)
# service NAME HASH [LINE]: makes it so, all in one moment
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	printf 'hash=%s\napplied=%s\n%s\n' "$2" "$2" "${3-}" \
		>"$tmp/status" && mv "$tmp/status" "$GITOPPER_STATE/$1/status"
	[ -e "$GITOPPER_STATE/$1/conf" ] || {
		printf 'service=%s\nbranch=main\n' "$1" >"$tmp/conf" &&
		mv "$tmp/conf" "$GITOPPER_STATE/$1/conf"
	}
}
service web "$one"
service dns "$one"
cd "$tmp" || exit 111

# watch OPTION...: starts one, to $out, and waits until it watches
watches=0
watch() {
	watches=$((watches + 1))
	out=$tmp/watch.$watches err=$tmp/watch.$watches.err
	spawn gitopper-ctl -d watch "$@" >"$out" 2>"$err"
	watch=$pid
	within 20 sh -c "[ \$(grep -c watching '$err') -ge ${want:-1} ]"
}
# lines: what it said, without the times
lines() {
	sed 's/^[0-9-]*T[0-9:]*Z //' "$out"
}
# tells DESCRIPTION LINE: it comes, and is the last one
tells() {
	within 10 sh -c "tail -1 '$out' | grep -q ." >/dev/null
	within 10 sh -c 'sed "s/^[0-9-]*T[0-9:]*Z //" "$1" | tail -1 |
		grep -qxF -- "$2"' sh "$out" "$2" >/dev/null
	is "$1" "$(lines | tail -1)" "$2"
}

# -- here
ok 'watch' watch
: >"$GITOPPER_STATE/web/ctl/frozen"
tells 'a freeze' "$here web OK FREEZE $one frozen by $(id -un)"
like 'with its time' "$(cat "$out")" \
	'^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z [^ ]+ web '
rm "$GITOPPER_STATE/web/ctl/frozen"
tells 'its end' "$here web FREEZE OK $one"
service dns "$one" 'error=act: exit status 1'
tells 'a failure, and why' "$here dns OK BROKEN $one act: exit status 1"
service dns "$two"
tells 'another commit, and well again' "$here dns BROKEN OK $two"
echo $(($(date +%s) + 2)) >"$tmp/thaw"
mv "$tmp/thaw" "$GITOPPER_STATE/web/ctl/frozen"
within 10 grep -q FREEZE.*until "$out"
tells 'a thaw, by time alone' "$here web FREEZE OK $one"
service new "$one"
tells 'a service that is new' "$here new - OK $one"
is 'and nothing else' "$(lines | wc -l)" 7
stop "$watch"
ok 'watch, as JSON' watch -m
service web "$one" 'error=health: "no" \'
within 10 test -s "$out"
is 'an object a line' "$(jq -c '[.machine, .service, .from, .to, .hash, .info,
	(.time > 1700000000)]' "$out")" \
	"[\"$here\",\"web\",\"OK\",\"BROKEN\",\"$one\",\
\"health: \\\"no\\\" \\\\\",true]"
stop "$watch"
service web "$one"
rm -r "$GITOPPER_STATE/new"

# -- elsewhere
ok 'a server' try httpd
tcp=127.0.0.1:$port
ok 'watch of a machine' watch "@$tcp"
service dns "$one"
tells 'a change there' "$tcp dns OK OK $one"
: >"$GITOPPER_STATE/web/ctl/frozen"
tells 'and another' "$tcp web OK FREEZE $one frozen by $(id -un)"
stop "$watch"
rm "$GITOPPER_STATE/web/ctl/frozen"
printf '#!/bin/sh\nexec gitopper-httpd\n' >"$tmp/near"
chmod 755 "$tmp/near"
want=3
ok 'watch of three at once' watch -e "$tmp/near" "@$tcp" "@unix:$tmp/httpd.sock" \
	@ssh:box
service web "$two"
within 10 sh -c "[ \$(wc -l <'$out') -eq 3 ]"
is 'tells of each' "$(lines | sort)" "$tcp web OK OK $two
ssh:box web OK OK $two
unix:$tmp/httpd.sock web OK OK $two"
stop "$watch"
want=1

# -- a machine that goes away
ok 'watch, once more' watch "@$tcp"
stop "$httpd_pid"
ok 'that it is away is said' within 20 grep -q 'trying again' "$err"
service web "$one" 'error=act: lost'
# somebody who hangs up on each try, and counts
spawn tcpserver -v 127.0.0.1 "${tcp##*:}" true 2>"$tmp/tries" </dev/null
ok 'it is tried again and again' within 40 \
	sh -c '[ "$(grep -c ": ok" "$1")" -ge 3 ]' sh "$tmp/tries"
stop "$pid"
is 'and said once' "$(grep -c 'trying again' "$err")" 1
spawn gitopper-httpd -l "$tcp" 2>>"$tmp/httpd.log"
httpd_pid=$pid
ok 'that it is back, too' within 30 grep -q 'answers again' "$err"
tells 'and what happened meanwhile' "$tcp web OK BROKEN $one act: lost"
is 'and nothing that did not' "$(lines | wc -l)" 1
stop "$watch"
ok 'one that is not there yet' sh -c 'gitopper-ctl watch "@$1" 2>"$2" & pid=$!
	i=0; until grep -q "trying again" "$2" || [ $i -gt 200 ]; do
		i=$((i + 1)); sleep 0.05; done; kill $pid && grep trying "$2"' \
	sh "127.0.0.1:$(free_port)" "$tmp/absent"
fails 1 'a server of another kind ends it' timeout 20 \
	gitopper-ctl watch "@http://$tcp/elsewhere"
like 'in words' "$(cat "$tmp/out")" "^gitopper-ctl: @http://$tcp/elsewhere: "
fails 100 'watch takes no names' gitopper-ctl watch web
stop "$httpd_pid"
service web "$one"

# -- the page's pipes, as they stand there
# example WORD: the example of the page with that word in it
example() {
	awk -v word="$1" '/^\.Bd/ { text = ""; next }
		/^\.Ed/ { if (index(text, word)) printf "%s", text; next }
		{ text = text $0 "\n" }' "$top/gitopper-ctl.1" |
	sed 's/\\e/\\/g'
}
printf '%s\tmine\n' "$here" >"$GITOPPER_STATE/.machines"
spawn perl "$top/tests/hostile-http.pl" "$tmp/port" >>"$tmp/asked" 2>&1
within 10 test -e "$tmp/port"
url=http://127.0.0.1:$(cat "$tmp/port")
mkdir "$tmp/bin"
printf '#!/bin/sh\n{ echo "to: $*"; cat; } >>"%s"\n' "$tmp/mails" \
	>"$tmp/bin/sendmail"
chmod 755 "$tmp/bin/sendmail"
PATH=$tmp/bin:$PATH
# pipe WORD: runs it until stop "$watch"; each waits for its first event
pipe() {
	example "$1" | sed "s|https://api.github.com|$url/note|
		s|gitopper-ctl \(.*\)watch|gitopper-ctl -d \1watch|" \
		>"$tmp/pipe.$1"
	spawn setsid sh "$tmp/pipe.$1" 2>"$tmp/pipe.$1.err"
	pipe=$pid
	within 20 grep -q watching "$tmp/pipe.$1.err"
}
end() {
	kill -TERM "-$pipe"
	wait "$pipe" 2>/dev/null
}

ok 'mail' pipe sendmail
service web "$one" 'error=act: exit status 1'
ok 'is sent' within 10 grep -q '^Commit' "$tmp/mails"
: >"$GITOPPER_STATE/dns/ctl/frozen"
service web "$one"
ok 'and once more when all is well' within 10 \
	grep -q "^Subject: web on $here: OK" "$tmp/mails"
end
is 'as the page says' "$(sed 's/^20[0-9TZ:-]*:/TIME:/' "$tmp/mails")" \
"to: ops@example.org
Subject: web on $here: BROKEN

TIME: web on $here went from OK to BROKEN.
Commit $one. act: exit status 1
to: ops@example.org
Subject: web on $here: OK

TIME: web on $here went from BROKEN to OK.
Commit $one. "
rm "$GITOPPER_STATE/dns/ctl/frozen"

printf 'url = "%s/note/hooks/SECRET"\n' "$url" >"$tmp/hook"
ok 'a chat room' pipe hook
service web "$two" 'error=act: it said "no"'
ok 'is told' within 10 grep -q BROKEN "$tmp/asked"
end
is 'what happened' "$(cat "$tmp/asked")" "POST /note/hooks/SECRET
{\"text\":\"web on $here: OK to BROKEN act: it said \\\"no\\\"\"}"

printf 'header = "Authorization: Bearer SECRET"\n' >"$tmp/token"
: >"$tmp/asked"
ok 'a commit status' pipe token
service web "$two"
ok 'is set' within 10 grep -q success "$tmp/asked"
end
is 'at its commit' "$(sed -n 1p "$tmp/asked")" \
	"POST /note/repos/example/config/statuses/$two as someone"
is 'for machine and service' "$(sed -n 2p "$tmp/asked" | jq -Sc .)" \
	"{\"context\":\"gitopper/$here/web\",\"description\":\"\",\
\"state\":\"success\"}"
done_testing
