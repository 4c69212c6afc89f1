#!/bin/sh
# checker.t - gitopper-httpd: a program that knows the users (-c)
. tests/lib.sh
. tests/servers.sh
. tests/httpd.sh

# checker NAME: standard input is a program that has $name and $password
checker() {
	{
		cat <<-END
		#!/bin/sh
		exec 4>>"$tmp/calls"
		tr '\\0' '\\n' <&3 >"$tmp/given.\$\$"
		{ read -r name; read -r password; read -r stamp; } <"$tmp/given.\$\$"
		echo "\$name" >&4
		END
		cat
	} >"$tmp/$1"
	chmod 755 "$tmp/$1"
}

checker check <<END
tr '\0' '\n' </proc/\$\$/cmdline >>"$tmp/seen"
tr '\0' '\n' </proc/\$\$/environ >>"$tmp/seen"
cp "$tmp/given.\$\$" "$tmp/given"
case \$name:\$password in
uta:S3cret-seven) shift 2; exec "\$@" ;;
uta:*) exit 1 ;;
ulf:*) exit 111 ;;
urs:*) exit 2 ;;
udo:*) kill -KILL \$\$ ;;
ute:*)	echo \$\$ >"$tmp/hanging"
	sleep 1000 & echo \$! >>"$tmp/hanging"
	wait ;;
ugo:*)	head -c 3000000 /dev/zero | tr '\0' x
	head -c 3000000 /dev/zero | tr '\0' x >&2
	shift 2; exec "\$@" ;;
umi:*)	while [ ! -e "$tmp/go" ]; do sleep 0.1; done
	shift \$((\$# - 1)); exec "\$@" ;;
uwe:*)	while [ ! -e "$tmp/go" ]; do sleep 0.1; done
	exit 1 ;;
*)	exit 1 ;;
esac
END

fails 100 "-c wants an absolute path" timeout 20 gitopper-httpd -c check \
	-l "unix:$tmp/sock2"
fails 100 "-c wants a program" timeout 20 gitopper-httpd \
	-c "$tmp/missing -x" -l "unix:$tmp/sock2"
fails 100 "-g wants a group" timeout 20 gitopper-httpd -c "$tmp/check" \
	-g no-such-group -l "unix:$tmp/sock2"
ok "a server with a program" try serve -c "$tmp/check -x  y"
says 401 "a program, no password" "$url/list/services"
says 200 "the right password" -u uta:S3cret-seven "$url/list/services"
is "the program got name and password, and an empty timestamp" \
	"$(tr '\n' , <"$tmp/given")" uta,S3cret-seven,,
like "it got its arguments, and what to run" "$(cat "$tmp/seen")" '^/.*/true$'
is "its environment is clean" "$(grep = "$tmp/seen" | sort)" \
	"LANG=C.UTF-8
$(grep ^PATH= "$tmp/seen")"
says 403 "who is in no group may not change things" -u uta:S3cret-seven \
	-X POST "$url/$freeze"
like "the refusal names the group" "$(cat "$tmp/body")" 'group gitopper'
is "it was asked once" "$(grep -c uta "$tmp/calls")" 1
says 401 "a wrong password, after a right one" -u uta:S3cret-eight \
	"$url/list/services"
says 401 "and again" -u uta:S3cret-eight "$url/list/services"
is "what was wrong is not remembered" "$(grep -c uta "$tmp/calls")" 3
says 503 "exit status 111 is trouble" -u ulf:x "$url/list/services"
like "and said" "$(cat "$tmp/httpd.log")" 'check.*exit status 111'
says 503 "so is any other" -u urs:x "$url/list/services"
says 503 "so is a signal" -u udo:x "$url/list/services"
says 200 "a program that says a lot" -u ugo:x "$url/list/services"
ok "little of that is passed on" test \
	"$(wc -c <"$tmp/httpd.log")" -lt 100000
rm -f "$tmp/hanging"
status -u ute:x "$url/list/services" >"$tmp/ute" &
late=$!
within 10 test -s "$tmp/hanging"
says 200 "meanwhile others are served" -u ugo:x "$url/list/services"
wait "$late"
is "one that hangs is trouble" "$(cat "$tmp/ute")" 503
ok "it is killed, with what it started" within 10 over $(cat "$tmp/hanging")

# the same password at once
for i in 1 2 3 4 5 6 7 8; do
	curl -s -m 60 -o "$tmp/same.body.$i" -w '%{http_code}\n' -u umi:x \
		"$url/list/services" >"$tmp/same.$i" &
	echo $! >>"$tmp/same.pids"
done
ok "the program is asked" within 10 grep -q umi "$tmp/calls"
: >"$tmp/go"
wait $(cat "$tmp/same.pids")
is "all who ask the same get its answer" \
	"$(cat "$tmp"/same.[0-9] | sort | uniq -c | tr -s ' ')" " 8 200"
is "it was asked once for all" "$(grep -c umi "$tmp/calls")" 1
rm "$tmp/go"

# many at once: 4 are with the program, 64 wait
for i in $(seq 90); do
	curl -s -m 200 -o "$tmp/many.body.$i" -w '%{http_code}\n' -u "uwe:$i" \
		"$url/list/services" >"$tmp/many.$i" &
	echo $! >>"$tmp/many.pids"
done
refused() {
	[ "$(cat "$tmp"/many.[0-9]* | grep -c 503)" -ge 22 ]
}
ok "too many are refused at once" within 30 refused
says 200 "the others hold nobody up" -m 2 "$url/health"
says 200 "nor those who are remembered" -m 2 -u uta:S3cret-seven \
	"$url/list/services"
ok "4 programs run, and no more" test \
	"$(pgrep -fc "^/bin/sh $tmp/check")" -le 4
: >"$tmp/go"
wait $(cat "$tmp/many.pids")
is "each was answered" "$(cat "$tmp"/many.[0-9]* | sort | uniq -c |
	awk '{ printf "%s ", $2; n += $1 } END { print n }')" "401 503 90"
says 200 "then all is as it was" -u ugo:x "$url/list/services"

# the server is killed
rm -f "$tmp/hanging" "$tmp/go"
status -u ute:x "$url/list/services" >"$tmp/ute" &
late=$!
within 10 test -s "$tmp/hanging"
helper=$(pgrep -P "$server")
kill -KILL "$server"
wait "$server" 2>/dev/null
ok "where the server is killed the helper ends, and what it runs" \
	within 10 over "$helper" $(cat "$tmp/hanging")
wait "$late"

# a file, too
umask 077
printf 'S3cret-one\n' | gitopper-ctl passwd carl rw >"$tmp/users"
umask 022
server=
ok "a file and a program" try serve -a "$tmp/users" -c "$tmp/check -x  y"
: >"$tmp/calls"
says 200 "a name of the file" -u carl:S3cret-one -X POST "$url/$freeze"
changed "may do what the file says"
says 401 "a wrong password of the file" -u carl:S3cret-two "$url/list/services"
is "the program wasn't asked for it" "$(cat "$tmp/calls")" ""
says 200 "a name of the program" -u uta:S3cret-seven "$url/list/services"
says 403 "may do what the group says" -u uta:S3cret-seven -X POST "$url/$freeze"
why "the refusal names both" 'marked rw.*group gitopper'
is "the program was asked once" "$(cat "$tmp/calls")" uta
touch "$tmp/users"
again() {
	status -u uta:S3cret-seven "$url/list/services"
	[ "$(grep -c uta "$tmp/calls")" -ge 2 ]
}
ok "when the file changes, nobody is remembered" within 10 again

ok "no password is in the log, an argument or a variable" \
	sh -c '! grep -l S3cret "$@"' sh "$tmp/httpd.log" "$tmp/seen"

# the accounts of the system: a copy of them, seen in this test alone
if [ "$(id -u)" -eq 0 ]; then
	cp -a /etc "$tmp/etc" && mount --bind "$tmp/etc" /etc || exit 1
	for user in gero gesa; do
		useradd -M -d / -p "$(perl -e 'print crypt("S3cret-" . shift,
			q($6$rounds=1000$saltsalt))' $user)" $user
	done
	groupadd -f keepers && usermod -a -G keepers gero
	useradd -M -d / -g keepers -p "$(perl -e 'print crypt("S3cret-gabi",
		q($6$rounds=1000$saltsalt))')" gabi
	cat >/etc/pam.d/gitopper-test <<-END
	auth required pam_unix.so
	account required pam_unix.so
	END
	# the caller's name must not be taken for an option
	cat >"$tmp/pam" <<-'END'
	#!/bin/sh
	tr '\0' '\n' <&3 | {
		read -r name
		IFS= read -r password
		case $name in -*) exit 1 ;; esac
		printf '%s\n' "$password" |
		pamtester gitopper-test "$name" authenticate acct_mgmt 2>&1
	} || exit 1
	exec "$@"
	END
	chmod 755 "$tmp/pam"
	# only Debian has it
	cvm=$(command -v cvm-checkpassword) && cvm="$cvm $(command -v cvm-unix)"
	for program in "$tmp/pam" ${cvm:+"$cvm"}; do
		what=${program##*/}
		ok "$what" try serve -c "$program" -g keepers
		says 200 "$what: a member of the group may change things" \
			-u gero:S3cret-gero -X POST "$url/$freeze"
		changed "$what: they are changed"
		says 200 "$what: as one whose first group it is" \
			-u gabi:S3cret-gabi -X POST "$url/$freeze"
		changed "$what: they are changed, too"
		says 403 "$what: others may not" -u gesa:S3cret-gesa -X POST \
			"$url/$freeze"
		says 200 "$what: but look" -u gesa:S3cret-gesa \
			"$url/list/services"
		says 401 "$what: a wrong password" -u gesa:S3cret-gero \
			"$url/list/services"
		says 401 "$what: no such user" -u nosuch:S3cret-gero \
			"$url/list/services"
		unchanged "$what: nothing else was changed"
	done
	usermod -L gero
	try serve -c "$tmp/pam" -g keepers
	says 401 "PAM: a locked account" -u gero:S3cret-gero \
		"$url/list/services"
	ok "no password of theirs is in the log" \
		sh -c '! grep S3cret "$1"' sh "$tmp/httpd.log"
fi
done_testing
