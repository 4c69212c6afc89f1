#!/bin/sh
# upstream.t - gitopper-pull and real upstreams
. tests/lib.sh
. tests/servers.sh

work=$tmp/work repo=$tmp/root/team/config.git
git init -q --bare "$repo"
git clone -q "$repo" "$work" 2>/dev/null
mkdir "$work/app"

# publish TEXT: a commit of app/conf with that text
publish() {
	echo "$1" >"$work/app/conf"
	head=$(commit "$work" "$1") && git -C "$work" push -q origin HEAD:main
}

# service NAME URL [LINE...]: a service that follows URL, by hand
service() {
	state=$GITOPPER_STATE/$1
	mkdir -p "$state/ctl"
	printf 'machine=here\nservice=%s\nupstream=%s\nbranch=main\n' "$1" "$2" \
		>"$state/conf"
	printf 'dir=app\t\tdir\ntimeout=20\n' >>"$state/conf"
	shift 2
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$state/conf"
}

# deploy NAME...: a cycle without the stages of gitopper-act
deploy() {
	deployed=0
	printf '%s\n' "$@" | gitopper-pull -f >"$tmp/staged" || deployed=$?
	gitopper-pull -p <"$tmp/staged" >"$tmp/through" || deployed=$?
	return "$deployed"
}

# refused NAME DESCRIPTION PATTERN: it can't be pulled, and says why
refused() {
	fails 1 "$2: refused" deploy "$1"
	like "$2: the error says why" "$(value "$1" error)" "^pull: .*($3)"
	is "$2: nothing is deployed" "$(value "$1" hash)" ""
	# what a child that died left behind
	is "$2: nothing broke" "$(value "$1" error | grep "ended early")" ""
}

secret=open-sesame-4711
echo "joe:$secret" >"$tmp/passwords"
chmod 600 "$tmp/passwords"
ok "git daemon" try git_daemon "$tmp/root"
ok "lighttpd with git http-backend" try web "$tmp/root"
ok "sshd" try ssh_daemon

echo "https://joe:$secret@${https_url#*//}" >"$tmp/credentials"
chmod 600 "$tmp/credentials"
ca=ca=$tmp/ca.pem credentials=credentials=$tmp/credentials
key=key=$tmp/id known_hosts=known_hosts=$tmp/known_hosts

service path "$repo"
service file "file://$repo"
service git "$git_url/team/config.git"
service http "$http_url/git/team/config.git"
service https "$https_url/git/team/config.git" "$ca"
service private "$https_url/private/team/config.git" "$ca" "$credentials"
service ssh "$ssh_url$repo" "$key" "$known_hosts"
transports="path file git http https private ssh"

publish one
ok "a first deployment from all of them" deploy $transports
for t in $transports; do
	is "$t: the file is there" \
		"$(cat "$GITOPPER_STATE/$t/tree/app/conf" 2>&1)" one
	is "$t: hash" "$(value "$t" hash)" "$head"
	is "$t: no error" "$(value "$t" error)" ""
done
is "all came through" "$(sort "$tmp/through" | tr '\n' ' ')" \
	"file git http https path private ssh "
publish two
ok "a second commit" deploy $transports
for t in $transports; do
	is "$t: the file follows" \
		"$(cat "$GITOPPER_STATE/$t/tree/app/conf" 2>&1)" two
	is "$t: hash follows" "$(value "$t" hash)" "$head"
done
ok "a cycle in which nothing is new" deploy $transports
git -C "$work" rm -q -r app && mkdir "$work/app"
publish three
ok "a commit on top of another one" deploy $transports
is "is followed, too" "$(cat "$GITOPPER_STATE"/*/tree/app/conf | uniq)" three

# What services with the same URL say of the way to it is shared. So each of
# these has a URL of its own.
for name in untrusted unknown-host changed-host other-key no-key password \
	no-password; do
	ln -s team "$tmp/root/$name"
done

# certificates
service untrusted "$https_url/git/untrusted/config.git"
refused untrusted "an unknown CA" "certificate|SSL|TLS"
service other-name "https://127.0.0.1:${https_url##*:}/git/team/config.git" \
	"$ca"
refused other-name "a certificate for another name" "certificate|SSL|TLS"

tls=$(free_port)
spawn openssl s_server -accept "127.0.0.1:$tls" -tls1_3 -quiet \
	-key "$tmp/server.key" -cert "$tmp/server.crt" 2>/dev/null
within 10 listens "$tls"
service new-tls "https://localhost:$tls/config.git" "$ca"
# it is no git server, for a libgit2 that can speak to it
refused new-tls "a server that wants TLS 1.3" "TLS 1.3|HTTP|response|EOF"

# host keys
service unknown-host "$ssh_url$tmp/root/unknown-host/config.git" "$key"
refused unknown-host "an unknown host key" "host key|known_hosts"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/other_key"
printf '[127.0.0.1]:%s %s\n' "${ssh_url##*:}" "$(cat "$tmp/other_key.pub")" \
	>"$tmp/other_hosts"
service changed-host "$ssh_url$tmp/root/changed-host/config.git" "$key" \
	"known_hosts=$tmp/other_hosts"
refused changed-host "a changed host key" "host key|known_hosts"
service other-key "$ssh_url$tmp/root/other-key/config.git" \
	"key=$tmp/other_key" "$known_hosts"
refused other-key "an unknown client key" "auth|key"
ssh-keygen -q -t rsa -N '' -C '' -f "$tmp/rsa"
cat "$tmp/rsa.pub" >>"$tmp/id.pub"
service rsa-key "$ssh_url$tmp/root/rsa-key/config.git" "key=$tmp/rsa" \
	"$known_hosts"
# newer ones of libssh2 can
rsa() { deploy rsa-key || value rsa-key error | grep "refused.*RSA"; }
ok "an RSA key works, or the error says what is wrong with it" rsa
service no-key "$ssh_url$tmp/root/no-key/config.git" "key=$tmp/nothing" \
	"$known_hosts"
refused no-key "a key file that is missing" "$tmp/nothing"

# passwords
echo "https://joe:wrong-$secret@${https_url#*//}" >"$tmp/wrong"
chmod 644 "$tmp/wrong"
service password "$https_url/private/password/config.git" "$ca" \
	"credentials=$tmp/wrong"
refused password "a file with passwords that all can read" "chmod"
chmod 600 "$tmp/wrong"
refused password "a wrong password" "auth|credential|password|401"
service no-password "$https_url/private/no-password/config.git" "$ca"
refused no-password "no password" "auth|credential|password|401"
cat "$tmp/credentials" >"$tmp/wrong"
ok "a corrected password works" deploy password
is "and clears the error" "$(value password error)" ""
is "and deploys" "$(value password hash)" "$head"

# secrets
service in-url "https://joe:$secret@${https_url#*//}/private/team/config.git" \
	"$ca"
service in-url-wrong "https://joe:no$secret@${https_url#*//}/private/x.git" \
	"$ca"
deploy in-url in-url-wrong 2>"$tmp/said"
publish four
strace -f -qq -s 10000 -e trace=execve -o "$tmp/execve" \
	gitopper-pull -d private password in-url in-url-wrong \
	>>"$tmp/said" 2>&1
is "a password in the URL works" "$(value in-url hash)" "$head"
is "no secret is said" "$(grep "$secret" "$tmp/said")" ""
is "nor in an argument list" "$(grep "$secret" "$tmp/execve")" ""
is "nor in a log or status that others can read" "$(
	find "$GITOPPER_STATE" -type f ! -name conf -perm /044 \
		-exec grep -l "$secret" {} +)" ""
is "nor in a name" "$(find "$GITOPPER_STATE" -name "*$secret*")" ""

# what isn't there
nobody=$(free_port)
mkdir "$tmp/root/empty"
service down-git "git://127.0.0.1:$nobody/team/config.git"
refused down-git "nobody listens for git" "connect|refused"
service down-http "http://127.0.0.1:$nobody/team/config.git"
refused down-http "nobody listens for http" "connect|refused"
service down-ssh "ssh://root@127.0.0.1:$nobody$repo" "$key" "$known_hosts"
refused down-ssh "nobody listens for ssh" "connect|refused"
service no-path "$tmp/root/nothing"
refused no-path "a path that isn't there" "[a-z]"
service empty-path "$tmp/root/empty"
refused empty-path "a directory that is no repository" "[a-z]"
service no-git "$git_url/nothing.git"
refused no-git "git daemon doesn't know it" "[a-z]"
service no-http "$http_url/git/nothing.git"
refused no-http "the web server doesn't know it" "404|not found|status"
service no-ssh "$ssh_url/nothing.git" "$key" "$known_hosts"
refused no-ssh "it is not on the ssh server" "[a-z]"
service no-host "git://does-not-exist.invalid/x.git"
refused no-host "a host that doesn't exist" "resolve|address|name"
service odd "gopher://127.0.0.1/x.git"
refused odd "a protocol that nobody knows" "[a-z]"

proxy garbage
for t in git http ssh; do
	service "garbage-$t" "$t://root@127.0.0.1:$proxy_port/x.git" "$key" \
		"$known_hosts"
	refused "garbage-$t" "garbage by $t" "[a-z]"
done

# down, and up again
port=$(free_port)
service later "git://127.0.0.1:$port/team/config.git"
refused later "the server is down" "connect|refused"
ok "it comes up" git_daemon "$tmp/root" "$port"
ok "and is followed without further ado" deploy later
is "to its tip" "$(value later hash)" "$head"

# one contact for all services of an upstream
proxy "${git_url#git://}"
for i in 1 2 3 4 5; do
	service "shared$i" "git://127.0.0.1:$proxy_port/team/config.git"
done
shared="shared1 shared2 shared3 shared4 shared5"
ok "five services with one upstream" deploy $shared
is "are all deployed" "$(for i in $shared; do value "$i" hash; done | uniq)" \
	"$head"
before=$(connections "$proxy_log")
ok "a look at it" deploy $shared
is "is one connection" $(($(connections "$proxy_log") - before)) 1
done_testing
