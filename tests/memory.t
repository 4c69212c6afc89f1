#!/bin/sh
# memory.t - secrets, in the memory of who used them, and in core files
. tests/lib.sh
. tests/servers.sh
[ "$(id -u)" -eq 0 ] || skip "needs root, to look at others' memory"

root=$tmp/root secret=open-sesame-4711
mkdir "$root"
sh tests/generate.sh "$root/plain.git" 40 3 4 || exit 111
git clone -q "$root/plain.git" "$tmp/work"
head -c 3000000 /dev/urandom >"$tmp/work/s1/large"
commit "$tmp/work" large >"$tmp/out"
git -C "$tmp/work" push -q origin HEAD:main
cp -r "$root/plain.git" "$root/lean.git"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/lean.git" config uploadpack.$key true
done
echo "joe:$secret" >"$tmp/passwords"
ok "a web server" web "$root"
ok "an sshd" try ssh_daemon
(umask 077; echo "$secret" >"$tmp/phrase")
ssh-keygen -q -t ed25519 -N "$secret" -C '' -f "$tmp/locked"
ssh-keygen -q -t ecdsa -N '' -C '' -f "$tmp/ecdsa"
cat "$tmp/locked.pub" "$tmp/ecdsa.pub" >>"$tmp/id.pub"

# private KEY: the number that makes it private, in hex
private() {
	cp "$1" "$tmp/open"
	ssh-keygen -q -p -P "$secret" -N '' -f "$tmp/open" >/dev/null 2>&1
	ssh-keygen -q -p -N '' -m PKCS8 -f "$tmp/open" >/dev/null 2>&1
	case $1 in
	*ecdsa) openssl ec -in "$tmp/open" -noout -text 2>/dev/null |
		sed -n '/^priv:/,/^pub:/p' ;;
	*) sed /-----/d "$tmp/open" | base64 -d | perl -e 'local $/;
		my $b = <STDIN>; print unpack "H*",
		substr $b, 4 + rindex($b, "\0\0\0\x40"), 32' ;;
	esac | grep -v 'p[a-z]*:' | tr -d ' :\n' | sed 's/^00//'
}
known=$(printf 'joe:%s' "$secret" | base64)
for key in id locked ecdsa; do
	number=$(private "$tmp/$key")
	like "$key: its number" "$number" '^[0-9a-f]{60,64}$'
	known="$known $(sed -n 4p "$tmp/$key") hex:$number"
done

# child_of PID: the process that it started
child_of() {
	ps -o pid= --ppid "$1" | tr -d ' '
}

# coming URL: a part of a pack has come, and it isn't all
coming() {
	[ -n "$(find "$(upstream_dir "$1")/repo/objects/pack" -name '*_git2_*' \
		-size +100k)" ]
}

# clean NAME URL LINE...: while a service's files come from there, no secret
# is left with any of the three processes
clean() {
	name=$1 url=$2
	mkdir -p "$GITOPPER_STATE/$name/ctl"
	shift 2
	printf '%s\n' "upstream=$url" branch=main timeout=60 "dir=s1		dir" \
		"ca=$tmp/ca.pem" "known_hosts=$tmp/hosts" "$@" \
		>"$GITOPPER_STATE/$name/conf"
	spawn gitopper-pull "$name" 2>"$tmp/$name.err"
	pull=$pid
	ok "$name: a pack begins to come" within 30 coming "$url"
	worker=$(child_of "$pull") fetch=$(child_of "$(child_of "$pull")")
	for who in "$pull" "$worker" "$fetch"; do
		# AddressSanitizer's memory is too large to be looked at
		[ -z "$sanitized" ] || break
		ok "$name: memory can be read" \
			perl tests/memory.pl "$who" "$secret" $known
		is "$name: no secret is in it" "$(cat "$tmp/out")" ""
	done
	is "$name: nor in an environment" "$(cat "/proc/$pull/environ" \
		"/proc/$worker/environ" "/proc/$fetch/environ" |
		grep -c "$secret")" 0
	is "$name: nor in arguments" "$(cat "/proc/$pull/cmdline" \
		"/proc/$worker/cmdline" "/proc/$fetch/cmdline" |
		grep -c "$secret")" 0
	like "$name: there will be no core file" "$(cat "/proc/$fetch/limits")" \
		'^Max core file size +0 +0 '
	is "$name: whatever may take it" "$(stat -c %u "/proc/$fetch/mem")" 0
	stop "$pull"
}
sanitized=$(grep -c asan "$(command -v gitopper-pull)" || :)
[ "$sanitized" != 0 ] || sanitized=
ulimit -c unlimited

# who has a secret is found out
spawn perl -e 'my $x = "sesame-" . "found-" x 2; sleep 100; print $x'
ok "a secret that is there" within 10 sh -c "perl tests/memory.pl $pid \
	sesame-found-found- | grep '^1 in '"
stop "$pid"

printf '#!/bin/sh\necho username=joe\necho password=%s\n' "$secret" \
	>"$tmp/command"
chmod 755 "$tmp/command"
for kind in plain lean; do
	ok "a proxy that stalls" proxy "127.0.0.1:$http" 1000000
	echo "http://joe:$secret@127.0.0.1:$proxy_port" >"$tmp/cred.$kind"
	chmod 600 "$tmp/cred.$kind"
	clean "$kind-file" "http://127.0.0.1:$proxy_port/private/$kind.git" \
		"credentials=$tmp/cred.$kind"
	clean "$kind-command" \
		"http://127.0.0.1:$proxy_port/private/../private/$kind.git" \
		"credential_command=$tmp/command"
	ok "a proxy that stalls" proxy "127.0.0.1:$https" 1000000
	clean "$kind-tls" "https://localhost:$proxy_port/private/$kind.git" \
		"credential_command=$tmp/command"
	ok "a proxy that stalls" proxy "127.0.0.1:${ssh_url##*:}" 1000000
	printf '[127.0.0.1]:%s %s\n' "$proxy_port" \
		"$(cat "$tmp/host_key.pub")" >"$tmp/hosts"
	way=ssh://$(id -un)@127.0.0.1:$proxy_port$root
	clean "$kind-ssh" "$way/$kind.git" "key=$tmp/id"
	clean "$kind-locked" "$way/../root/$kind.git" "key=$tmp/locked" \
		"passphrase=$tmp/phrase"
	clean "$kind-ecdsa" "$way//$kind.git" "key=$tmp/ecdsa"
done
done_testing
