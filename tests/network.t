#!/bin/sh
# network.t - bad networks: cut, reset, corrupted, slow, late; and redirects
. tests/lib.sh
. tests/servers.sh

root=$tmp/root how=$tmp/how
mkdir "$root"
sh tests/generate.sh "$root/r.git" 40 20 4 || exit 111
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/r.git" config uploadpack.$key true
done
git clone -q "$root/r.git" "$tmp/work"
# more than any advertisement or handshake takes
head -c 200000 /dev/urandom >"$tmp/work/s1/large"
head=$(commit "$tmp/work" large)
git -C "$tmp/work" push -q origin HEAD:main
echo "joe:open-sesame" >"$tmp/passwords"
ok "git daemon" try git_daemon "$root"
ok "a web server" web "$root"
ok "sshd" try ssh_daemon

# service NAME URL TIMEOUT [LINE]...: its conf
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	printf 'upstream=%s\nbranch=main\ntimeout=%s\ndir=s1\t\tdir\n' \
		"$2" "$3" >"$GITOPPER_STATE/$1/conf"
	name=$1
	shift 3
	printf '%s\n' "ca=$tmp/ca.pem" "key=$tmp/id" \
		"known_hosts=$tmp/hosts" "$@" >>"$GITOPPER_STATE/$name/conf"
}

# bend PORT: a proxy to there; sets bend_port
bend() {
	rm -f "$tmp/bend.port"
	spawn perl tests/bend.pl "$tmp/bend.port" "127.0.0.1:$1" "$how" \
		2>>"$tmp/bend.log"
	within 10 test -e "$tmp/bend.port" && bend_port=$(cat "$tmp/bend.port")
}

urls=
# whole NAME URL: it is deployed, and its store has all that it should
whole() {
	[ "$(value "$1" hash)" = "$head" ] && [ "$(value "$1" error)" = "" ] &&
	cmp "$tmp/work/s1/large" "$GITOPPER_STATE/$1/tree/s1/large" &&
	git -C "$(upstream_dir "$2")/repo" rev-list --objects --quiet \
		--missing=allow-any main
}

for url in "$git_url" "$http_url/git" "$https_url/git" "$ssh_url$root"; do
	kind=${url%%:*} rest=${url#*://}
	port=${rest%%/*} port=${port##*:}
	echo pass 0 >"$how"
	bend "$port" || exit 111
	url=$(echo "$url" | sed "s/:$port/:$bend_port/")/r.git
	[ "$kind" != ssh ] || printf '[127.0.0.1]:%s %s\n' "$bend_port" \
		"$(cat "$tmp/host_key.pub")" >"$tmp/hosts"
	dir=$(upstream_dir "$url")
	for fault in 'cut 0' 'cut 700' 'cut 4000' 'cut 100000' \
		'reset 90000' 'flip 600' 'flip 100000'; do
		name=$kind-$(echo "$fault" | tr ' ' -)
		service "$name" "$url" 3
		echo "$fault" >"$how"
		rm -rf "$dir/repo" "$dir/status" "$dir/damaged"
		timeout 20 gitopper-pull "$name" >"$tmp/out" 2>&1
		status=$?
		# one byte may have been of no account
		if [ "$status" -eq 0 ]; then
			ok "$name: no harm" whole "$name" "$url"
			continue
		fi
		is "$name: an error" "$status" 1
		like "$name: which says what" "$(value "$name" error)" \
			'^pull: [^ ]'
		is "$name: and not that a child died" \
			"$(value "$name" error | grep 'ended early')" ""
		echo pass 0 >"$how"
		gitopper-pull "$name" >"$tmp/out" 2>&1 ||
			# a store that was damaged is made anew by the next
			gitopper-pull "$name" >"$tmp/out" 2>&1
		ok "$name: and then all is well" whole "$name" "$url"
		like "$name: which the log says, with the time" \
			"$(cat "$GITOPPER_STATE/$name/log")" \
			'^20[0-9-]*T[0-9:]*Z pull: fine again$'
	done
	# what is cut is the answer to the request for single files: another
	# connection, or another POST in the same, which TLS hides
	case $kind in
	http) after='%s 2\n' ;;
	https) after= ;;
	*) after='pass 0\n%s\n' ;;
	esac
	[ -z "$after" ] || for fault in 'cut 100' 'cut 100000' 'reset 90000' 'flip 100000'; do
		[ "$kind" != ssh ] || [ "$fault" != 'cut 100' ] || continue
		name=$kind-files-$(echo "$fault" | tr ' ' -)
		service "$name" "$url" 3
		rm -rf "$dir/repo" "$dir/status" "$dir/damaged"
		printf "$after" "$fault" >"$how"
		timeout 20 gitopper-pull "$name" >"$tmp/out" 2>&1
		status=$?
		if [ "$status" -eq 0 ]; then
			ok "$name: no harm" whole "$name" "$url"
			continue
		fi
		is "$name: an error" "$status" 1
		like "$name: which says what" "$(value "$name" error)" \
			'^pull: [^ ]'
		ok "$name: the history is here" git -C "$dir/repo" cat-file -e \
			"$head"
		echo pass 0 >"$how"
		gitopper-pull "$name" >"$tmp/out" 2>&1 ||
			gitopper-pull "$name" >"$tmp/out" 2>&1
		ok "$name: and then all is well" whole "$name" "$url"
	done
	urls="$urls $url"
done

# a byte a second: all at a time, as each takes its timeout
for n in 400 100000; do
	names=
	for url in $urls; do
		names="$names slow-${url%%:*}"
		service "slow-${url%%:*}" "$url" 3
		dir=$(upstream_dir "$url")
		rm -rf "$dir/repo" "$dir/status" "$dir/damaged"
	done
	echo "slow $n" >"$how"
	fails 1 "a byte a second after $n" timeout 20 gitopper-pull $names
	like "after $n: it says so" "$(for name in $names; do
		value "$name" error; done | sort | uniq -c)" \
		'4 pull: no answer within 3 s'
	echo pass 0 >"$how"
	ok "after $n: when it is over" gitopper-pull $names
	for url in $urls; do
		ok "after $n: all is well" whole "slow-${url%%:*}" "$url"
		rm -rf "$GITOPPER_STATE/slow-${url%%:*}"
	done
done
echo delay 1500 >"$how"
service delayed "$url" 20
ok "a server that takes its time" gitopper-pull delayed

# a redirect to another place gets no password, wherever it came from
redirects=$(free_port) other=$(free_port)
spawn perl tests/redirect.pl "$redirects" "http://127.0.0.1:$other" \
	>"$tmp/redirect.log"
spawn perl tests/redirect.pl "$other" "" >"$tmp/other.log"
within 10 listens "$redirects" && within 10 listens "$other"
echo "http://joe:open-sesame@127.0.0.1:$redirects" >"$tmp/cred"
printf '#!/bin/sh\necho username=joe\necho password=open-sesame\n' \
	>"$tmp/command"
chmod 600 "$tmp/cred"
chmod 755 "$tmp/command"
for from in credentials=$tmp/cred "credential_command=$tmp/command"; do
	# early: before the password was asked for; late: after
	for when in early late; do
		: >"$tmp/other.log"
		service "$when-${from%%=*}" \
			"http://127.0.0.1:$redirects/$when-${from%%=*}" 5 "$from"
		fails 1 "${from%%=*}: redirected $when" \
			gitopper-pull "$when-${from%%=*}"
		like "$when: it came there" "$(cat "$tmp/other.log")" '^GET'
		is "$when: without a password" \
			"$(grep -i authorization "$tmp/other.log")" ""
		like "$when: it says why" "$(value "$when-${from%%=*}" error)" \
			'^pull: .'
	done
done
like "who asked for it got it" "$(cat "$tmp/redirect.log")" \
	'^Authorization: Basic'

# to another place on the same host it does, with a user in the URL or without
host=${http_url#http://}
for from in moved guarded; do
	for user in '' joe@; do
		echo "http://joe:open-sesame@$host" >"$tmp/cred"
		service "same-$from-$user" "http://$user$host/$from/r.git" 5 \
			"credentials=$tmp/cred"
		ok "$from, as ${user:-nobody}" gitopper-pull "same-$from-$user"
		is "it is followed" "$(value "same-$from-$user" hash)" "$head"
	done
done

# by TLS to another port of the host that the password is for
redirects=$(free_port) other=$(free_port)
spawn perl tests/redirect.pl "$redirects" "https://localhost:$other" \
	>"$tmp/redirect.log"
mkfifo "$tmp/silence"
exec 8<>"$tmp/silence"
spawn sh -c 'exec openssl s_server -accept "$0" -cert "$1" -quiet <&8' \
	"127.0.0.1:$other" "$tmp/server.pem" >"$tmp/tls.log" 2>&1
within 10 listens "$redirects" && within 10 listens "$other"
echo "http://joe:open-sesame@localhost:$redirects" >"$tmp/cred"
chmod 600 "$tmp/cred"
for when in early late; do
	: >"$tmp/tls.log"
	service "tls-$when" "http://localhost:$redirects/$when-tls" 3 \
		"credentials=$tmp/cred"
	fails 1 "redirected $when to TLS" gitopper-pull "tls-$when"
	like "$when: it came there" "$(cat "$tmp/tls.log")" '^GET'
	is "$when: without a password" \
		"$(grep -i authorization "$tmp/tls.log")" ""
	like "$when: it says why" "$(value "tls-$when" error)" '^pull: .'
done

# to TLS on the same port, or another, where the password would be right
ln -s . "$root/early"
both=$(free_port) redirects=$(free_port) other=$(free_port)
spawn perl tests/both.pl "$both" "${https_url##*:}" "$redirects"
spawn perl tests/redirect.pl "$redirects" "https://localhost:$both/private" \
	>"$tmp/redirect.log"
spawn perl tests/redirect.pl "$other" "$https_url/private" >"$tmp/other.log"
within 10 listens "$both" && within 10 listens "$redirects" &&
	within 10 listens "$other"
for port in "$both" "$other"; do
	echo "http://joe:open-sesame@localhost:$port" >"$tmp/cred"
	service "right-$port" "http://localhost:$port/early/r.git" 5 \
		"credentials=$tmp/cred"
	fails 1 "redirected to TLS on port $port" gitopper-pull "right-$port"
	like "it came there" "$(tail -1 "$tmp/access.log")" \
		'/private/early/r.git.* 401 '
	like "without a password" "$(value "right-$port" error)" \
		'^pull: .*there is none to give'
done
echo "https://joe:open-sesame@localhost:$both" >"$tmp/cred"
service right "https://localhost:$both/private/early/r.git" 5 \
	"credentials=$tmp/cred"
ok "asked for there it is given" gitopper-pull right

# a name that isn't known yet, as when a machine boots
if [ "$(id -u)" -eq 0 ]; then
	cp /etc/hosts "$tmp/hosts.new"
	chmod 644 "$tmp/hosts.new"
	mount --bind "$tmp/hosts.new" /etc/hosts
	service boot "git://boot.invalid:${git_url##*:}/r.git" 5
	fails 1 "a name that isn't known" gitopper-pull boot
	like "it says so" "$(value boot error)" '^pull: .*(resolve|name)'
	ok "it is to be tried again, soon" \
		test "$(($(value boot retry) - $(date +%s)))" -le 15
	echo 127.0.0.1 boot.invalid >>"$tmp/hosts.new"
	ok "and then it is known" gitopper-pull boot
	is "and followed" "$(value boot hash)$(value boot error)" "$head"
fi

# all services of one upstream are to try again in the same second
nobody=$(free_port) names=
for i in 1 2 3 4 5; do
	service "down$i" "git://127.0.0.1:$nobody/r.git" 5
	names="$names down$i"
done
fails 1 "an upstream that is down" gitopper-pull $names
is "one retry for all" "$(for i in $names; do value "$i" retry
	done | sort -u | wc -l)" 1
fails 1 "it still is" gitopper-pull $names
is "still one retry" "$(for i in $names; do value "$i" retry
	done | sort -u | wc -l)" 1
done_testing
