#!/bin/sh
# hostile-answer.t - what gitopper-ctl makes of servers that mean it no good
. tests/lib.sh
. tests/servers.sh

spawn perl "$top/tests/hostile-http.pl" "$tmp/port" >>"$tmp/asked" 2>&1
ok 'a hostile server' within 10 test -e "$tmp/port"
url=http://127.0.0.1:$(cat "$tmp/port")

# bad KIND PATTERN: the answer is refused soon, and in these words
bad() {
	begin=$(date +%s)
	fails 1 "$1" sh -c 'ulimit -v "$2"; gitopper-ctl list "@$1"' sh \
		"$url/$1" "$memory"
	like 'and it is said' "$(cat "$tmp/out")" "$2"
	like 'soon' "$(($(date +%s) - begin))" '^.$'
}
# a sanitizer takes all the addresses there are
memory=2000000
case $(nm -D "$(command -v gitopper-ctl)" 2>/dev/null) in
*__asan*) memory=unlimited ;;
esac
bad garbage 'HTTP/0\.9|makes no sense'
bad headers 'too long'
bad endless 'too long|no answer within'
bad slow 'no answer within 5 seconds'
bad mute 'no answer within 5 seconds'
bad short 'closed|outstanding|transfer'
bad close 'Empty reply'
bad array 'makes no sense: there are no services'
bad object 'makes no sense: there are no services'
bad cut 'makes no sense: line 1'
bad empty 'makes no sense'
bad deep 'makes no sense'
bad status ': no\?\[2J$'
bad page 'HTTP status 502$'
bad unauthorized 'HTTP status 401'
bad redirect 'HTTP status 302: it is to be found at another address'
is 'nobody is led elsewhere' "$(grep -c here "$tmp/asked")" 0

is 'values of other types are none' \
	"$(gitopper-ctl list "@$url/types" | sed 1d)" \
	'0  -        -     -      -     -'
is 'nor are other values' "$(gitopper-ctl list "@$url/numbers" | wc -l)" 4
is 'as JSON they are what they are' \
	"$(gitopper-ctl -m list "@$url/numbers")" '{"services":[7,"x",null]}'
is 'a gitopper of old' "$(gitopper-ctl list "@$url/old" | sed 1d)" \
	'0  x        606eb576  OK     -     Fri, 18 Nov 2022 09:14:52 UTC'
is 'no escape gets to a terminal' "$(gitopper-ctl list "@$url/escapes" |
	sed 1d | sed 's/[0-9]* days ago/THEN/')" \
	'0  a?[2J b  ?1    O??K   one?two?  THEN'
is 'nor among lines' "$(gitopper-ctl status x "@$url/escapes" |
	tr -d '\n -~' | wc -c)" 0
is 'as JSON it is escaped' "$(gitopper-ctl -m list "@$url/escapes" |
	grep -c 'a\\u001b\[2J b')" 1
# U+009B is a control that begins an escape sequence, to some terminals
is 'nor one of the upper controls' "$(gitopper-ctl list "@$url/c1" |
	sed 1d)" '0  a        -     -      -     a??31mb'
is 'as JSON they are escaped' "$(gitopper-ctl -m list "@$url/c1" |
	grep -c 'a\\u009b31mb')" 1
spawn gitopper-ctl watch "@$url/away" >"$tmp/away" 2>&1
within 10 grep -q trying "$tmp/away"
stop "$pid"
like 'nor from what watch says' "$(cat "$tmp/away")" ': no \?\?31m; trying'
like 'nor out of HTML' "$(gitopper-ctl log x "@$url/page" 2>&1)" '502$'

# what goes where
: >"$tmp/asked"
printf 'machine 127.0.0.1 login a password b\n' >"$tmp/.netrc"
gitopper-ctl list "@$url/note" "@$url/redirect" >/dev/null 2>&1
is 'a password goes to its machine, and not after a redirection' \
	"$(sort "$tmp/asked")" 'GET /note/list/services as someone
GET /redirect/list/services as someone'
rm "$tmp/.netrc"
: >"$tmp/asked"
http_proxy=$url/ gitopper-ctl list @a.example.org:80 >"$tmp/out" 2>&1
is 'a proxy of the environment is asked' "$(cat "$tmp/asked")" \
	'GET http://a.example.org/list/services'
: >"$tmp/asked"
no_proxy=a.example.org http_proxy=$url/ gitopper-ctl list @a.example.org \
	>"$tmp/out" 2>&1
http_proxy=$url/ gitopper-ctl list "@unix:$tmp/none" >"$tmp/out" 2>&1
is 'unless it is not to be, or a socket is meant' "$(cat "$tmp/asked")" ''

# through a program any machine is localhost, and none of them is
cat >"$tmp/program" <<'END'
#!/usr/bin/perl
while (<STDIN>) {
	print STDERR $_;
	last if !/\S/;
}
print "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"services\":[]}";
END
chmod +x "$tmp/program"
printf 'machine localhost login a password b\n' >"$tmp/.netrc"
gitopper-ctl -e "$tmp/program" list @ssh:evil.example.org >"$tmp/out" 2>&1
like 'a program brings a request' "$(cat "$tmp/out")" 'GET /list/services'
is 'without the password of localhost' "$(grep -c Authorization "$tmp/out")" 0
rm "$tmp/.netrc"

# watch: one that answers at once, over and over, and says nothing new
: >"$tmp/asked"
spawn gitopper-ctl watch "@$url/same" >"$tmp/watch" 2>&1
within 20 sh -c "[ \$(wc -l <'$tmp/asked') -ge 4 ]"
stop "$pid"
like 'is asked once a second' "$(wc -l <"$tmp/asked")" '^[4-9]$'
is 'and tells nothing' "$(cat "$tmp/watch")" ''
done_testing
