#!/bin/sh
# secrets.t - keys and passwords: where from, and where they must not appear
. tests/lib.sh
. tests/servers.sh

root=$tmp/root secret=open-sesame-4711
mkdir "$root"
sh tests/generate.sh "$root/r.git" 40 3 4 || exit 111
tip=$(git -C "$root/r.git" rev-parse main)
echo "joe:$secret" >"$tmp/passwords"
chmod 600 "$tmp/passwords"
ok "a web server" web "$root"
ok "an sshd" try ssh_daemon

# service NAME URL LINE...: its conf
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	printf 'upstream=%s\nbranch=main\ndir=s1\t\tdir\n' "$2" \
		>"$GITOPPER_STATE/$1/conf"
	name=$1
	shift 2
	printf '%s\n' "$@" >>"$GITOPPER_STATE/$name/conf"
}

# follows NAME WHAT: it can be pulled
follows() {
	ok "$2" gitopper-pull "$1"
	is "$2: it is followed" "$(value "$1" hash)" "$tip"
}

# refused NAME PATTERN WHAT: it can't, and says why
refused() {
	fails 1 "$3" gitopper-pull "$1"
	like "$3: it says why" "$(value "$1" error)" "^pull: .*$2"
}

# a key behind a passphrase
ssh-keygen -q -t ed25519 -N "$secret" -C '' -f "$tmp/locked"
cat "$tmp/locked.pub" >>"$tmp/id.pub"
(umask 077; echo "$secret" >"$tmp/phrase"; echo wrong >"$tmp/wrong")
hosts=known_hosts=$tmp/known_hosts
service locked "$ssh_url$root/r.git" "key=$tmp/locked" \
	"passphrase=$tmp/phrase" "$hosts"
follows locked "a key behind a passphrase"
service locked2 "$ssh_url$root/../root/r.git" "key=$tmp/locked" \
	"passphrase=$tmp/wrong" "$hosts"
refused locked2 "" "a wrong passphrase"
echo "$secret" >"$tmp/wrong"
follows locked2 "and, corrected, the right one"
chmod 644 "$tmp/phrase"
service locked3 "$ssh_url$root/./r.git" "key=$tmp/locked" \
	"passphrase=$tmp/phrase" "$hosts"
refused locked3 "chmod 600" "a passphrase that others can read"
if [ "$(id -u)" -eq 0 ]; then
	chmod 600 "$tmp/phrase"
	chown 1 "$tmp/phrase"
	refused locked3 "somebody else" "one that is somebody else's"
	chown 0 "$tmp/phrase"
fi
mkdir "$tmp/.ssh"
cp "$tmp/id" "$tmp/.ssh/id_ed25519"
service default "$ssh_url$root/../root/./r.git" "$hosts"
follows default "a key from the home directory"
chmod 644 "$tmp/.ssh/id_ed25519"
refused default "chmod 600" "one that others can read"
rm -r "$tmp/.ssh"
ssh-keygen -q -t ecdsa -N '' -C '' -f "$tmp/ecdsa"
cat "$tmp/ecdsa.pub" >>"$tmp/id.pub"
service ecdsa "$ssh_url/$root/r.git" "key=$tmp/ecdsa" "$hosts"
follows ecdsa "an ECDSA key"

# what is wrong with a key is said, with its name
user=$(id -un)
ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/bad"
service bad "$ssh_url//$root/r.git" "key=$tmp/bad" "$hosts"
refused bad "refused: user $user, key $tmp/bad\$" "a key that isn't known there"
is "nobody speaks of RSA" "$(value bad error | grep RSA)" ""
ssh-keygen -q -t rsa -N '' -C '' -f "$tmp/rsa"
service bad "$ssh_url//$root/r.git" "key=$tmp/rsa" "$hosts"
refused bad "refused: user $user, key $tmp/rsa .*RSA" "an RSA key"
service bad "$ssh_url//$root/r.git" "key=$tmp/locked" "$hosts"
refused bad "$tmp/locked: it is locked, and no .passphrase. is given" \
	"a locked key without a passphrase"
for type in ed25519 rsa ecdsa; do
	ssh-keygen -q -t $type -m PEM -N "$secret" -C '' -f "$tmp/pem-$type"
	service bad "$ssh_url//$root/r.git" "key=$tmp/pem-$type" "$hosts"
	refused bad "$tmp/pem-$type: it is locked" "one of PEM, $type"
done
(umask 077; echo wrong >"$tmp/wrong2")
service bad "$ssh_url//$root/r.git" "key=$tmp/locked" \
	"passphrase=$tmp/wrong2" "$hosts"
refused bad "key $tmp/locked.*passphrase right" "a wrong passphrase"
printf '%s\n' '-----BEGIN OPENSSH PRIVATE KEY-----' aGVsbG8K \
	'-----END OPENSSH PRIVATE KEY-----' >"$tmp/junk1"
head -c 400 /dev/urandom >"$tmp/junk2"
cat "$tmp/id.pub" >"$tmp/junk3"
sed '4,$d' "$tmp/id" >"$tmp/junk4"
: >"$tmp/junk5"
sed 's/^[b-zB-Z]/A/; 3s/..../AAAA/g' "$tmp/ecdsa" >"$tmp/junk6"
sed -i '2s/^./b/' "$tmp/junk6"
chmod 600 "$tmp"/junk?
for i in 1 2 3 4 5 6; do
	service bad "$ssh_url//$root/r.git" "key=$tmp/junk$i" "$hosts"
	refused bad "$tmp/junk$i(: it is no private key|.*whole)" "junk, $i"
done

# known_hosts as ssh-keyscan has it, with the oldest first
for type in rsa ecdsa key; do
	printf '[127.0.0.1]:%s %s\n' "${ssh_url##*:}" \
		"$(cat "$tmp/host_$type.pub")"
done >"$tmp/keyscan"
{ echo '# a comment'; cat "$tmp/keyscan"; echo; echo odd; } >"$tmp/scanned"
service scanned "$ssh_url///$root/r.git" "key=$tmp/id" \
	"known_hosts=$tmp/scanned"
follows scanned "known_hosts with an RSA key first"
head -n 1 "$tmp/keyscan" >"$tmp/scanned"
service rsa "$ssh_url////$root/r.git" "key=$tmp/id" "known_hosts=$tmp/scanned"
fails 1 "one with nothing else" gitopper-pull rsa
like "says what would help" "$(value rsa error)" 'ed25519'

# what doesn't fit into the socket that it waits in
{ cat "$tmp/ecdsa"; head -c 70000 /dev/zero | tr '\0' x; } >"$tmp/large"
chmod 600 "$tmp/large"
service large "$ssh_url/$root/./r.git" "key=$tmp/large" "$hosts"
refused large "key or credentials: .*too long" "a key that is too large"

# a program that knows
cat >"$tmp/helper" <<END
#!/bin/sh
printf '%s\n' "\$*" >"$tmp/asked"
cat >>"$tmp/asked"
tr '\0' '\n' </proc/self/environ >"$tmp/asked.env"
cat "$tmp/answer"
exit \$(cat "$tmp/status")
END
chmod 755 "$tmp/helper"
echo 0 >"$tmp/status"
printf 'capability[]=authtype\nusername=joe\npassword=%s\nodd=x\n' "$secret" \
	>"$tmp/answer"
service helper "$http_url/private/r.git" \
	"credential_command=$tmp/helper -x some"
follows helper "a credential helper"
is "it is asked as git asks" "$(cat "$tmp/asked")" \
	"-x some get
protocol=http
host=${http_url#http://}"
like "with an environment of its own" "$(cat "$tmp/asked.env")" '^PATH='
is "and nothing of ours" "$(grep GITOPPER "$tmp/asked.env")" ""
service helper2 "http://joe@${http_url#http://}/private/./r.git" \
	"credential_command=$tmp/helper"
follows helper2 "with a user in the URL"
like "who is named" "$(cat "$tmp/asked")" '^username=joe$'
like "and not a part of the host" "$(cat "$tmp/asked")" '^host=127'

service helper3 "$http_url/private/../private/r.git" \
	"credential_command=$tmp/helper" timeout=2
: >"$tmp/answer"
refused helper3 "authentication" "a helper that knows nothing"
echo 3 >"$tmp/status"
refused helper3 "credential_command: exit status 3" "one that fails"
echo 0 >"$tmp/status"
printf 'password=%s\nusername=joe\n' "$secret-x" >"$tmp/answer"
refused helper3 "" "one that is wrong"
mv "$tmp/helper" "$tmp/helper.good"
refused helper3 "credential_command: exit status 127" "one that is gone"
printf '#!/bin/sh\nexec sleep 300\n' >"$tmp/helper"
chmod 755 "$tmp/helper"
start=$(date +%s)
refused helper3 "credential_command: .*timed out" "one that hangs"
ok "in time" test $(($(date +%s) - start)) -lt 20
printf '#!/bin/sh\ncat %s\nexec >&-\nexec sleep 300\n' "$tmp/answer" \
	>"$tmp/helper"
start=$(date +%s)
refused helper3 "credential_command: signal 9" "one that says it and stays"
ok "in time" test $(($(date +%s) - start)) -lt 20
printf '#!/bin/sh\nexec cat /dev/zero\n' >"$tmp/helper"
refused helper3 "credential_command: .*too long" "one without an end"
mv "$tmp/helper.good" "$tmp/helper"
printf 'password=%s\nusername=joe\n' "$secret" >"$tmp/answer"
follows helper3 "one that is right again, without more ado"
# more than a pipe holds, after its answer, and then what a terminal obeys
cat >"$tmp/loud" <<END
#!/bin/sh
"$tmp/helper"
exec >&-
head -c 100000 /dev/zero | tr '\\0' x >&2
printf '\033]0;title\007\n' >&2
END
chmod 755 "$tmp/loud"
service helper4 "$http_url/private/r.git" "credential_command=$tmp/loud"
follows helper4 "one that complains of much"
printf '#!/bin/sh\nprintf "\\033]0;title\\007 no \\342\\200\\256ton\\n" >&2\nexit 1\n' \
	>"$tmp/loud"
service helper5 "$http_url/private/./././r.git" "credential_command=$tmp/loud"
gitopper-pull helper5 2>"$tmp/said"
like "what it complains of is passed on" "$(cat "$tmp/said")" \
	'credential_command: .*title.* no .*ton'
is "without what a terminal obeys" "$(LC_ALL=C tr -d '\n -~' <"$tmp/said" |
	od -An -tx1)" ""

# the way through a proxy; the name is the one that the certificate has
ok "a proxy" proxy "connect:127.0.0.1:${https_url##*:}"
service proxied "https://localhost:1/git/r.git" "ca=$tmp/ca.pem"
ok "https_proxy is used" env "https_proxy=http://127.0.0.1:$proxy_port" \
	gitopper-pull proxied
is "and the upstream followed" "$(value proxied hash)" "$tip"
like "by the proxy" "$(cat "$proxy_log")" '^CONNECT localhost:1 '
service direct "$https_url/git/./r.git" "ca=$tmp/ca.pem"
ok "no_proxy is heeded" env https_proxy=http://127.0.0.1:1 \
	no_proxy=localhost gitopper-pull direct
service indirect "$https_url/git/././r.git" "ca=$tmp/ca.pem"
fails 1 "and else a proxy that is down is an error" \
	env https_proxy=http://127.0.0.1:1 gitopper-pull indirect

is "no secret is in the state directory" \
	"$(grep -rl "$secret" "$GITOPPER_STATE")" ""
done_testing
