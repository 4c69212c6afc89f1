#!/bin/sh
# limits.t - what clients may ask of gitopper-httpd, and how many of them
. tests/lib.sh
. tests/servers.sh

# Clients and server have 10,000 connections each
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
# ASan keeps what is freed; that is not what is looked for
ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=1
ASAN_OPTIONS=$ASAN_OPTIONS:allocator_release_to_os_interval_ms=0
export ASAN_OPTIONS

h='HTTP/1.1\r\nHost: localhost\r\n'

# limit NAME: its number in a config.h
limit() {
	sed -n "s/^	$1 *= \([^,]*\),.*/\1/p" "${2-config.def.h}"
}

# client WHAT ARG...: see clients.pl
client() {
	perl "$top/tests/clients.pl" "$http_port" "$@"
}

# httpd DIR: starts DIR/gitopper-httpd; sets http_port and http_pid
httpd() {
	http_port=$(free_port)
	started "$http_port" "$tmp/httpd.log" "$1/gitopper-httpd" \
		-l "127.0.0.1:$http_port" || return 1
	http_pid=$pid
}

# say SECONDS TEXT [PAUSE]: the answer's status, and how the connection ended
say() {
	printf %b "$2" | client say "$1" ${3+"$3"} >"$tmp/answer"
	sed -n -e '1s/^HTTP[^ ]* \(...\).*/\1/p' -e '$s/ .*//p' "$tmp/answer" |
	paste -s -d ' ' -
}

# memory: the most that the server had so far, in KiB
memory() {
	awk '$1 == "VmHWM:" { print $2 }' "/proc/$http_pid/status"
}

# grew KIB: by more than that since $rest, and how much
grew() {
	now=$(memory)
	echo "from $rest to $now KiB"
	[ $((now - rest)) -gt "$1" ]
}

# many N TEXT: it, so many times
many() {
	perl -e 'print $ARGV[1] x $ARGV[0]' "$1" "$2"
}

# is_prompt WHAT: an answer comes in less than 100 ms, whatever else goes on.
# That is the median of many: another program may have both processors for a
# while. Twice, for the sake of those who build something at the same time.
is_prompt() {
	for try in 1 2; do
		client prompt 41 >"$tmp/out" 2>&1
		read -r median most <"$tmp/out"
		[ "${median:-x}" -lt 100000 ] 2>/dev/null && break
	done
	[ "${median:-x}" -lt 100000 ] 2>/dev/null
	result $? "$1: the next one is answered in time ($median, $most us)"
}

for name in a b c d e f g h i j; do
	mkdir -p "$GITOPPER_STATE/$name"
	printf 'upstream=https://example.org/x\nbranch=main\nservice=%s\n' \
		"$name" >"$GITOPPER_STATE/$name/conf"
done

# The same with smaller numbers, for what takes its time, made meanwhile of
# what is there already
httpd=$(dirname "$(command -v gitopper-httpd)")
mkdir "$tmp/small"
cp -p ./*.c ./*.h ./*.html ./*.sh Makefile config.mk "$httpd"/*.o "$tmp/small"
sed -e 's/\(HTTP_REQUEST_TIME *= \)[0-9]*/\12/' \
	-e 's/\(HTTP_IDLE_TIME *= \)[0-9]*/\13/' \
	-e 's/\(HTTP_WATCH_TIME *= \)[0-9]*/\12/' \
	-e 's/\(CONNS_MAX *= \)[0-9]*/\18/' \
	-e 's/\(HTTP_BUFFERS_MAX *= \)[^,]*/\12 << 20/' \
	config.def.h >"$tmp/small/config.h"
set -- CFLAGS=-O1
! grep -q __asan_init "$httpd/gitopper-httpd" ||
	set -- CC=clang CFLAGS='-O1 -fsanitize=address,undefined' \
		LDFLAGS='-fsanitize=address,undefined'
make -C "$tmp/small" "$@" gitopper-httpd >"$tmp/make.log" 2>&1 &
making=$!

ok "gitopper-httpd listens" try httpd "$httpd"
client prompt 9 >/dev/null
rest=$(memory)

# A byte a second from the start: it takes its 10 s while the others go on
{
	printf 'GET /list/services HTTP/1.1\r\nHost: localhost\r\nA: b' |
		client say 40 1 >"$tmp/slow"
} &
slow=$!

### sizes, over the wire; http.t has them to the byte in all other ways
is "a line: 8 KiB" "$(limit HTTP_LINE_MAX)" "8 << 10"
like "8 KiB are heard" "$(say 9 "GET /$(many 8176 a) HTTP/1.0\r\n\r\n")" \
	'^404 closed'
like "a byte more: 414" "$(say 9 "GET /$(many 8177 a) HTTP/1.0\r\n\r\n")" \
	'^414 closed'
is "headers: 16 KiB" "$(limit HTTP_HEADERS_MAX)" "16 << 10"
like "16 KiB are heard" \
	"$(say 9 "GET /health HTTP/1.0\r\nA: $(many 16377 a)\r\n\r\n")" \
	'^[25].. closed'
like "a byte more: 431" \
	"$(say 9 "GET /health HTTP/1.0\r\nA: $(many 16378 a)\r\n\r\n")" \
	'^431 closed'
is "a body: 1 MiB" "$(limit HTTP_BODY_MAX)" "1 << 20"
many 1048576 x >"$tmp/body"
# head SIZE: of a POST with so much behind it
head_of() {
	printf "POST /state/pull/a HTTP/1.0\r\nHost: localhost\r\n"
	printf "Content-Length: %d\r\n\r\n" "$1"
}
{ head_of 1048576; cat "$tmp/body"; } | client say 9 >"$tmp/answer"
# nobody may pull here
like "1 MiB is heard" "$(head -n 1 "$tmp/answer")" '^HTTP/1.1 403 '
{ head_of 1048577; cat "$tmp/body"; echo; } | client say 9 >"$tmp/answer"
like "a byte more: 413" "$(head -n 1 "$tmp/answer")" '^HTTP/1.1 413 '
like "and the client can read that, though it sent it all" \
	"$(tail -n 1 "$tmp/answer")" '^closed'
head_of 1048577 | client say 9 >"$tmp/answer"
like "before any of it came" "$(head -n 1 "$tmp/answer")" '^HTTP/1.1 413 '
{
	printf "POST /state/pull/a ${h}Transfer-Encoding: chunked\r\n\r\n"
	for i in 1 2; do
		printf '80000\r\n'
		head -c 524288 "$tmp/body"
		printf '\r\n'
	done
	printf '1\r\nx\r\n0\r\n\r\n'
} | client say 9 >"$tmp/answer"
like "in chunks as well" "$(head -n 1 "$tmp/answer")" '^HTTP/1.1 413 '

### clients that behave badly, and others
client garbage 300 >"$tmp/out" 2>&1
is "garbage is refused" "$(tail -n 1 "$tmp/out")" "0 wrong"
client leave 500 close >"$tmp/out" 2>&1
is "500 that leave early" "$(cat "$tmp/out")" left
client leave 500 reset >"$tmp/out" 2>&1
is "500 that reset" "$(cat "$tmp/out")" left
is "2000 requests at once are answered one by one" "$(client pipeline 2000)" \
	"2000 answers, 2000 right, closed"
printf "GET /list/services $h\r\n" | client half 9 >"$tmp/answer"
like "who closes one half is answered" "$(head -n 1 "$tmp/answer")" '200 OK'
like "and closed" "$(tail -n 1 "$tmp/answer")" '^closed'
printf "GET /list/services $h" | client half 9 >"$tmp/answer"
like "half a request: 400" "$(head -n 1 "$tmp/answer")" '^HTTP/1.1 400 '
# a turn may end just where the connection does
is "1 to 40 requests at once, and the end" "$(client ends 40)" "0 wrong"
is_prompt "after all that"
fails 1 "the server did not grow for it" grew 8192

spawn perl tests/clients.pl "$http_port" deaf 50 >"$tmp/deaf"
deaf=$pid
ok "50 ask, and never read" within 30 grep -q blocked "$tmp/deaf"
is_prompt "behind those who never read"
fails 1 "they cost bounded memory" grew 16384
stop "$deaf"

is "all buffers: 64 MiB" "$(limit HTTP_BUFFERS_MAX)" "64 << 20"
spawn perl tests/clients.pl "$http_port" bodies 200 1048576 >"$tmp/bodies"
bodies=$pid
ok "200 send 1 MiB but a byte" within 30 grep -q sent "$tmp/bodies"
is_prompt "behind those with much to send"
# a buffer has up to twice the size of what is in it
ok "some had to go" within 20 grep -Eq '^([345][0-9]|6[0-4]) alive' \
	"$tmp/bodies"
# what malloc can't use between them comes on top
fails 1 "the server never took much more than 64 MiB of that" grew 122880
stop "$bodies"

### 10,000 connections, of which 1,000 send a byte a second
first=$http_pid
ok "a new server" try httpd "$httpd"
client prompt 9 >/dev/null
rest=$(memory)
is "connections: 10,000" "$(limit CONNS_MAX)" 10000
# a few places are for the well-behaved, one of which may come before the
# server knows that another one has gone
spawn perl tests/clients.pl "$http_port" crowd 9990 1000 >"$tmp/crowd"
crowd=$pid
ok "9,990 connections" within 60 grep -q '9990 open' "$tmp/crowd"
is_prompt "1,000 of them send a byte a second"
ok "and they live" within 20 grep -q '9990 alive, 0 again' "$tmp/crowd"
fails 1 "they cost less than 20 MB" grew 18000
# slow ones are late by now, and come again
ok "those who come again are heard" \
	within 40 grep -q '9990 alive, [1-9][0-9]* again' "$tmp/crowd"
is_prompt "while they come again"
spawn perl tests/clients.pl "$http_port" crowd 50 0 >"$tmp/more"
more=$pid
ok "50 more, when it is full" within 30 grep -q '50 alive' "$tmp/more"
ok "for which others had to go" \
	within 20 grep -Eq '99[0-8][0-9] alive' "$tmp/crowd"
is_prompt "when it is full"
is "all of the new ones are there" "$(tail -n 1 "$tmp/more")" \
	"50 alive, 0 again"
stop "$more"
stop "$crowd"
ok "when they are gone, it is as before" within 20 sh -c \
	"[ \$(ls /proc/$http_pid/fd | wc -l) -lt 40 ]"
is_prompt "when they are gone"
stop "$http_pid"
wait "$slow"
like "a byte a second: 408" "$(head -n 1 "$tmp/slow")" \
	'^HTTP/1.1 408 Request Timeout'
is "time for a request: 10 s" "$(limit HTTP_REQUEST_TIME)" 10
like "after 10 s" "$(tail -n 1 "$tmp/slow")" '^closed after 1[0-9] s'
stop "$first"

### with smaller numbers
wait "$making"
result $? "a server with smaller numbers is made" <"$tmp/make.log"
ok "and listens" try httpd "$tmp/small"
is "idle: 60 s" "$(limit HTTP_IDLE_TIME)" 60
like "who says nothing is left without a word" "$(say 20 '')" '^closed'
like "after 3 s" "$(tail -n 1 "$tmp/answer")" 'after [3-9] s'
like "who said all is left likewise" "$(say 20 "GET /list/services $h\r\n")" \
	'^200 closed'
like "after 3 s" "$(tail -n 1 "$tmp/answer")" 'after [3-9] s'
is "half a request: 408" "$(say 20 "GET / $h")" "408 closed"
is "half a body: 408" \
	"$(say 20 "POST / ${h}Content-Length: 2\r\n\r\na")" "408 closed"
is "half a request behind a whole one: 408" \
	"$(say 20 "GET /list/services $h\r\nGET / $h" |
	cut -d ' ' -f 1); $(grep -c '408 Request' "$tmp/answer")" "200; 1"
like "an empty line behind a request is the beginning of none" \
	"$(say 20 "GET /list/services $h\r\n\r\n"
	grep '^HTTP/' "$tmp/answer" | sed 1d)" '^200 closed$'
is "/watch: 60 s" "$(limit HTTP_WATCH_TIME)" 60
say 20 "GET /watch?since=0 $h\r\n" >/dev/null
next=$(sed -n 's/.*"next":\([0-9]*\).*/\1/p' "$tmp/answer")
like "/watch has its answer when there is nothing new" \
	"$(say 20 "GET /watch?since=${next:-0} ${h}Connection: close\r\n\r\n")" \
	'^200 closed'
like "after 2 s" "$(tail -n 1 "$tmp/answer")" 'after [2-9] s'
spawn perl tests/clients.pl "$http_port" deaf 3 >"$tmp/deaf"
ok "who never reads is cut off" within 30 grep -q gone "$tmp/deaf"
is "of 8 one asked, one is about to; a 9th comes: the oldest idle one goes" \
	"$(client fill 8)" 3
spawn perl tests/clients.pl "$http_port" crowd 8 8 >"$tmp/crowd"
ok "8 that all send a byte a second" within 20 grep -q '8 alive' "$tmp/crowd"
is_prompt "then"
stop "$pid"
spawn perl tests/clients.pl "$http_port" bodies 4 1048576 >"$tmp/bodies"
ok "of four bodies in buffers for two, one or two are left" \
	within 20 grep -q '^[12] alive' "$tmp/bodies"
stop "$pid"
is_prompt "in the end"
is "there was nothing to complain of" \
	"$(grep -Ev 'listening on|no (user|group) ' "$tmp/httpd.log")" ""
done_testing
