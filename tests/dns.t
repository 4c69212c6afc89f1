#!/bin/sh
# dns.t - upstreams by names that a name server has to tell
. tests/lib.sh
. tests/servers.sh
[ "$(id -u)" -eq 0 ] || skip "needs root, for a name server of its own"
root=$tmp/root
sh tests/generate.sh "$tmp/r.git" 4 3 2 || exit 111
mkdir "$root" && mv "$tmp/r.git" "$root"
head=$(git -C "$root/r.git" rev-parse main)
ok "a git daemon" try git_daemon "$root"
ok "a web server" web "$root"
ok "an sshd" try ssh_daemon
at=127.$(($$ / 250 % 250)).$(($$ % 250)).53
spawn perl tests/dns.pl "$at"
# in this namespace of ours
echo "nameserver $at" >"$tmp/resolv.conf"
echo "hosts: files dns" >"$tmp/nsswitch.conf"
chmod 644 "$tmp/resolv.conf" "$tmp/nsswitch.conf"
mount --bind "$tmp/resolv.conf" /etc/resolv.conf
[ ! -e /etc/nsswitch.conf ] ||
	mount --bind "$tmp/nsswitch.conf" /etc/nsswitch.conf
ok "a name server" within 10 getent ahostsv4 git.example
sed "s/127.0.0.1/git.example/" "$tmp/known_hosts" >"$tmp/hosts"

# by NAME URL
by() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	printf '%s\n' "upstream=$2" branch=main timeout=20 \
		'dir=s1		dir' "key=$tmp/id" "known_hosts=$tmp/hosts" \
		"ca=$tmp/ca.pem" >"$GITOPPER_STATE/$1/conf"
	ok "$1: by name" gitopper-pull "$1"
	is "$1: there it is" "$(value "$1" hash)" "$head"
}
by git "git://git.example:${git_url##*:}/r.git"
by http "http://git.example:$http/git/r.git"
by ssh "ssh://$(id -un)@git.example:${ssh_url##*:}$root/r.git"
by https "$https_url/git/r.git"
done_testing
