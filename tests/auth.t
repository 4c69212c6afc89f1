#!/bin/sh
# auth.t - gitopper-httpd: users, their passwords and their rights
. tests/lib.sh
. tests/servers.sh
. tests/httpd.sh

# hash PASSWORD SETTING: as crypt(3) makes it
hash() {
	perl -e 'print crypt($ARGV[0], $ARGV[1])' "$@"
}

bcrypt='$2b$04$abcdefghijklmnopqrstuu'
users() {
	cat <<-END
	# who may do what
	anna:$(hash 'S3cret one' '$y$j75$saltsaltsalt'):rw

	bert:$(hash S3cret-two '$6$rounds=1000$saltsalt'):ro
	carl:$(hash 'S3cret:three' "$bcrypt"):rw
	dora:$(hash S3cret-four "$bcrypt"):ro
	jörg:$(hash 'S3crét' "$bcrypt"):rw
	empty::rw
	locked:!$(hash S3cret-five "$bcrypt"):rw
	starred:*:rw
	odd:nothing:rw
	what:$(hash S3cret-six "$bcrypt"):rx
	norights:$(hash S3cret-six "$bcrypt")
	END
}
umask 077
users >"$tmp/users"
umask 022

# basic STATUS DESCRIPTION FIELD: Authorization with just those bytes
basic() {
	says "$1" "$2" -H "Authorization: $3" "$url/list/services"
}

b64() {
	printf "$1" | base64 -w 0
}

ok "a server with a users' file" try serve -a "$tmp/users"

says 401 "nobody may look without a password" "$url/list/services"
like "the answer asks for one" "$(cat "$tmp/head")" \
	'^WWW-Authenticate: Basic realm="gitopper", charset="UTF-8"'
says 401 "not even at a unix socket" --unix-socket "$tmp/sock" \
	http://localhost/list/services
for path in / /list/machines /list/service/web /log/web /changes/web \
	'/watch?since=0' /nothing; do
	says 401 "nor at $path" "$url$path"
done
says 200 "but for the metrics" "$url/metrics"
says 200 "and whether all is well" "$url/health"
says 401 "but nothing that begins with that" "$url/metricsx"
for user in 'anna:S3cret one' 'carl:S3cret:three' 'jörg:S3crét'; do
	says 200 "${user%%:*} may look" -u "$user" "$url/list/services"
	says 200 "${user%%:*} may change things" -u "$user" -X POST \
		"$url/$freeze"
	changed "they are changed"
done
for user in bert:S3cret-two dora:S3cret-four; do
	says 200 "${user%%:*} may look" -u "$user" "$url/list/services"
	for verb in state do; do
		for what in freeze/web 'freeze/web?dur=5s' unfreeze/web \
			"rollback/web?to=$one" redo/web pull/web; do
			says 403 "${user%%:*} may not $verb/$what" \
				-u "$user" -X POST "$url/$verb/$what"
		done
	done
	like "the refusal tells who may" "$(cat "$tmp/body")" 'marked rw'
done
unchanged "nothing was changed"

while IFS='	' read -r desc user; do
	says 401 "$desc" -u "$user" "$url/list/services"
	says 401 "$desc, POST" -u "$user" -X POST "$url/$freeze"
done <<END
a wrong password	anna:S3cret onf
the beginning of one	anna:S3cret on
more than one	anna:S3cret one 
another one's	anna:S3cret-two
an empty one	anna:
an unknown user	nobody:S3cret one
the beginning of a user	ann:S3cret one
a user in capitals	ANNA:S3cret one
no user	:S3cret one
the hash for a password	dora:$(hash S3cret-four "$bcrypt")
an empty hash	empty:
an empty hash and some password	empty:x
a locked user	locked:S3cret-five
a user with *	starred:*
a hash that is none	odd:nothing
rights that are none	what:S3cret-six
no rights	norights:S3cret-six
a comment for a user	# who may do what:
END
unchanged "nothing was changed by those"

good=$(b64 'anna:S3cret one') odd=$(b64 'carl:S3cret:three')
basic 200 "Basic, with padding" "Basic $odd"
basic 200 "Basic" "Basic $good"
basic 200 "in any case, after any blanks" "bASIC   $good"
while IFS='	' read -r desc field; do
	basic 401 "$desc" "$field"
done <<END
no scheme	$good
another scheme	Bearer $good
no credentials	Basic
no colon	Basic $(b64 'anna')
a NUL before the colon	Basic $(b64 'anna\000:S3cret one')
a NUL at the end	Basic $(b64 'anna:S3cret one\000')
a NUL and more	Basic $(b64 'anna:S3cret one\000x')
a newline	Basic $(b64 'anna:S3cret one\n')
a byte too few	Basic ${good%?}
no padding	Basic $(b64 'anna:S3cret o' | tr -d =)
something behind it	Basic $good x
two of them	Basic $good, Basic $good
padding in the middle	Basic YW5uYTpT=M2NyZXQgb25l
three signs of padding	Basic YW5uYTpTM2NyZXQgb25lA===
padding alone	Basic ====
bits that are none of a byte	Basic ${odd%U=}V=
base64url	Basic YW5uYTpTM2NyZXQgb25-_-==
no base64	Basic %%%%
END
basic 401 "a name that is too long" \
	"Basic $(perl -e 'print "a" x 510 . ":x"' | base64 -w 0)"
basic 401 "a password that is too long" \
	"Basic $(perl -e 'print "anna:" . "x" x 5000' | base64 -w 0)"
basic 401 "one that just fits" \
	"Basic $(perl -e 'print "anna:" . "x" x 504' | base64 -w 0)"

# what is on a connection before is of no use to who comes next
is "each request of a connection stands alone" "$(curl -s -o "$tmp/body" \
	-w '%{http_code}' -u 'anna:S3cret one' "$url/list/services" --next -s \
	-o "$tmp/body" -w ' %{http_code}' "$url/list/services")" "200 401"

# the file changes
sed -i '/^anna:/d; s/^bert:\(.*\):ro$/bert:\1:rw/' "$tmp/users"
gone() {
	[ "$(status -u "$1" "$url/list/services")" = 401 ]
}
ok "who was taken out of the file is out, though remembered" \
	within 10 gone 'anna:S3cret one'
says 200 "who was made rw is" -u bert:S3cret-two -X POST "$url/$freeze"
changed "so it is"
for mode in 640 604 620 602; do
	chmod $mode "$tmp/users"
	# the change of mode is seen by the helper, and said to the server
	trouble() {
		[ "$(status -u bert:S3cret-two "$url/list/services")" = 503 ]
	}
	ok "mode $mode: nobody is let in" within 10 trouble
	fails 111 "mode $mode: no start" timeout 20 gitopper-httpd \
		-a "$tmp/users" -l "unix:$tmp/sock2"
	like "and why" "$(cat "$tmp/out")" 'chmod 600'
done
like "the log tells why" "$(cat "$tmp/httpd.log")" 'chmod 600'
says 200 "the metrics are there nonetheless" "$url/metrics"
mv "$tmp/users" "$tmp/users.away"
says 503 "no file" -u bert:S3cret-two "$url/list/services"
fails 111 "no file, no start" timeout 20 gitopper-httpd -a "$tmp/users" \
	-l "unix:$tmp/sock2"
ln -s users.away "$tmp/users"
fails 111 "a link, no start" timeout 20 gitopper-httpd -a "$tmp/users" \
	-l "unix:$tmp/sock2"
rm "$tmp/users"
umask 077
users >"$tmp/users"
umask 022
says 200 "a file again" -u 'anna:S3cret one' "$url/list/services"
like "lines that are none are told of" "$(cat "$tmp/httpd.log")" \
	'users:12: not name:hash:ro'
if [ "$(id -u)" -eq 0 ]; then
	chown nobody "$tmp/users"
	fails 111 "another user's file, no start" timeout 20 gitopper-httpd \
		-a "$tmp/users" -l "unix:$tmp/sock2"
	chown root "$tmp/users"
fi

# the helper
helper=$(pgrep -P "$server")
ok "there is a helper, and one only" test "$(printf '%s\n' $helper | wc -l)" = 1
if [ "$(id -u)" -eq 0 ]; then
	# another one is standard error's, perhaps
	is "it has no socket of the server's" "$(find "/proc/$helper/fd" \
		-name '[3-9]*' -lname 'socket:*' | wc -l)" 1
	is "without a program it can gain no rights" \
		"$(sed -n 's/^NoNewPrivs:.//p' "/proc/$helper/status")" 1
fi
for sig in INT TERM HUP QUIT USR1 USR2; do
	kill -$sig "$helper"
done
says 200 "signals don't end it" -u carl:S3cret:three "$url/list/services"
says 401 "it is at work" -u carl:S3cret:thref "$url/list/services"
if [ "$(id -u)" -eq 0 ]; then
	is "the server forgets passwords, right or wrong" \
		"$(perl tests/memory.pl "$server" S3cret:thre \
			"$(b64 carl:S3cret:thr)")" ""
	is "so does the helper" \
		"$(perl tests/memory.pl "$helper" S3cret:thre)" ""
fi
stop "$server"
ok "it ends with the server" within 10 over "$helper"

ok "-A" try serve -A -a "$tmp/users"
says 401 "-A: not even the metrics" "$url/metrics"
says 401 "-A: nor whether all is well" "$url/health"
says 200 "-A: users have them" -u bert:S3cret-two "$url/metrics"

ok "-w" try serve -w -a "$tmp/users"
says 200 "-w: loopback needs no password" -X POST "$url/$freeze"
says 401 "-w: a unix socket does" --unix-socket "$tmp/sock" \
	-X POST "http://localhost/$freeze"

ok "-r" try serve -r -a "$tmp/users"
says 200 "-r: users may look" -u 'anna:S3cret one' "$url/list/services"
says 403 "-r: rw or not, none may change things" -u 'anna:S3cret one' -X POST \
	"$url/$freeze"
says 403 "-r: nor when remembered" -u 'anna:S3cret one' -X POST "$url/$freeze"
like "the refusal tells of -r" "$(cat "$tmp/body")" 'httpd -r'
stop "$server"

# one connection on a pipe
piped() {
	printf '%s\r\n' "GET /list/services HTTP/1.1" "Host: localhost" \
		"Connection: close" "$@" '' |
	timeout 30 gitopper-httpd -a "$tmp/users" 2>"$tmp/httpd.log" |
	sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p'
}
is "a pipe, no password" "$(piped)" 401
is "a pipe, a password" "$(piped "Authorization: Basic $good")" 200

# gitopper-ctl makes the lines
umask 077
printf 'S3cret nine\n' | gitopper-ctl passwd ida rw >>"$tmp/users"
printf 'S3cret ten\n' | gitopper-ctl passwd ivo ro >>"$tmp/users"
umask 022
ok "a file by gitopper-ctl passwd" try serve -a "$tmp/users"
says 200 "gitopper-ctl passwd: rw" -u 'ida:S3cret nine' -X POST "$url/$freeze"
changed "gitopper-ctl passwd: it is changed"
says 403 "gitopper-ctl passwd: ro" -u 'ivo:S3cret ten' -X POST "$url/$freeze"
says 401 "gitopper-ctl passwd: wrong" -u 'ivo:S3cret nine' "$url/list/services"

for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	status -u "$(printf 'guess%s\303\204:x' "$i")" "$url/list/services"
done >/dev/null
like "a wrong password is told of" "$(cat "$tmp/httpd.log")" \
	'wrong password for guess1'
ok "not each of many" test "$(grep -c guess "$tmp/httpd.log")" -le 10


# who is no user takes as long as who is one, whatever the hashes are
slow='$6$rounds=150000$saltsalt'
umask 077
cat >"$tmp/mixed" <<END
quick:$(hash S3cret "$bcrypt"):ro
slow:$(hash S3cret "$slow"):ro
yes:$(hash S3cret '$y$j75$saltsaltsalt'):ro
locked:!$(hash S3cret "$slow"):ro
END
{ sed -n 2p "$tmp/mixed"; sed 2d "$tmp/mixed"; } >"$tmp/turned"
umask 022
# medians NAME...: of the milliseconds of a wrong password of each, in turns
medians() {
	for i in 1 2 3 4 5 6 7 8 9 10 11; do
		for name; do
			printf '%s ' "$name"
			curl -s -o "$tmp/body" -w '%{http_code} %{time_total}\n' \
				-u "$name:$i" "$url/list/services"
		done
	done | sort -k 1,1 -k 3,3n | awk '
		$2 != 401 { print "status", $2 }
		++n[$1] == 6 { printf "%s %d\n", $1, $3 * 1000 }'
}
for file in mixed turned; do
	ok "hashes of several kinds" try serve -a "$tmp/$file"
	medians quick slow yes locked nobody >"$tmp/medians"
	tr '\n' ' ' <"$tmp/medians" | sed 's/^/# /; s/$/\n/'
	ok "whether there is a user can't be told from the time ($file)" \
		awk '{ print } NF != 2 || $1 == "status" { exit 1 }
		NR == 1 || $2 < min { min = $2 }
		$2 > max { max = $2 }
		END { exit NR != 5 || min < 20 || max > 3 * min }' \
		"$tmp/medians"
	says 200 "a right one is right nonetheless ($file)" -u quick:S3cret \
		"$url/list/services"
	says 401 "and one of a locked user is not" -u locked:S3cret \
		"$url/list/services"
done

# who tries passwords on many connections keeps nobody else from logging in
cat >"$tmp/flood.pl" <<'END'
# perl flood.pl TO FROM: a hundred connections with wrong passwords, until
# standard input ends. Prints `full` when one is turned away; at the end, the
# median of the milliseconds that an answer took.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use MIME::Base64;
use Time::HiRes qw(time sleep);

my ($to, $from) = @ARGV;
my $select = IO::Select->new(\*STDIN);
my (%began, %later, @took);
my ($n, $full) = (0, 0);
$| = 1;
sub ask {
	my $s = shift;
	delete $later{$s};
	$began{$s} = time;
	syswrite $s, "GET /list/services HTTP/1.1\r\nHost: localhost\r\n" .
		"Authorization: Basic " . encode_base64("none:" . ++$n, '') .
		"\r\n\r\n";
}
for (1 .. 100) {
	my $s = $to =~ m{/} ? IO::Socket::UNIX->new(Peer => $to) :
		IO::Socket::INET->new(PeerAddr => $to, LocalAddr => $from);
	die "$to: $!" unless $s;
	$select->add($s);
	ask $s;
}
OVER: while (1) {
	for my $s ($select->can_read(0.05)) {
		last OVER if $s == \*STDIN;
		sysread($s, my $text, 4096) or die "closed";
		if ($text =~ m{^HTTP/1.1 503}) {
			print "full\n" unless $full++;
			$later{$s} = [ time + 0.2, $s ];
		} else {
			push @took, time - $began{$s};
			ask $s;
		}
	}
	ask $_->[1] for grep { $_->[0] < time } values %later;
}
printf "median %d\n", 1000 * (sort { $a <=> $b } @took)[@took / 2] if @took;
END
# flooded DESCRIPTION TO FROM COMMAND...: that curl is let in meanwhile
flooded() {
	case=$1 to=$2 from=$3; shift 3
	rm -f "$tmp/stdin"
	mkfifo "$tmp/stdin"
	$as perl "$tmp/flood.pl" "$to" "$from" <"$tmp/stdin" \
		>"$tmp/flood" 2>&1 &
	flood=$!
	exec 7>"$tmp/stdin"
	ok "$case: more than there is room for" within 60 \
		grep -q full "$tmp/flood"
	for i in 1 2 3 4 5; do
		curl -s -m 60 -o "$tmp/body" -w '%{http_code} %{time_total}\n' \
			-u "slow:wrong$i" "$@"
	done >"$tmp/answers"
	is "$case: a wrong password is wrong" "$(cut -d ' ' -f 1 \
		<"$tmp/answers" | tr '\n' ' ')" '401 401 401 401 401 '
	says 200 "$case: and a right one is right" -u slow:S3cret "$@"
	exec 7>&-
	wait "$flood"
	took=$(sort -k 2n "$tmp/answers" |
		awk 'NR == 3 { print int($2 * 1000) }')
	theirs=$(sed -n 's/^median //p' "$tmp/flood")
	echo "# $took ms, theirs $theirs ms"
	ok "$case: nor does it wait behind them" \
		test "$((took * 2))" -lt "${theirs:-0}"
}
as=
ok "a server that is slow" try serve -a "$tmp/turned"
flooded "another address" "127.0.0.1:$port" 127.0.0.2 "$url/list/services"
if [ "$(id -u)" -eq 0 ]; then
	as='setpriv --reuid=64333 --regid=64333 --clear-groups'
	ok "a server that is slow, for all users" try serve -a "$tmp/turned"
	chmod 666 "$tmp/sock"
	flooded "another user" "$tmp/sock" '' --unix-socket "$tmp/sock" \
		http://localhost/list/services
	as=
fi

# a server that was taken over: the socket to its helper is in other hands
if [ "$(id -u)" -eq 0 ]; then
	ok "a server that is taken over" try serve -a "$tmp/users"
	helper=$(pgrep -P "$server")
	ok "its helper is sent what it never would be" timeout 60 \
		perl "$top/tests/helper.pl" "$server"
	says 200 "it still answers the next one" -u 'ida:S3cret nine' \
		"$url/list/services"
	is "it is the same one" "$(pgrep -P "$server")" "$helper"

	where=
	ok "users, and a public address" remote -a "$tmp/users"
	where=inside
	says 401 "a stranger" "$url/list/services"
	says 200 "is a user" -u 'ida:S3cret nine' -X POST "$url/$freeze"
	changed "that may change things"
	says 403 "or may look alone" -u 'ivo:S3cret ten' -X POST "$url/$freeze"
fi

ok "no password is in the log" sh -c '! grep S3cret "$1"' sh "$tmp/httpd.log"
done_testing
