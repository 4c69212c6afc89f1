#!/bin/sh
# scp.t - an upstream as git@host:path, which has no room for a port: sshd
# needs 22, and gets a network of its own for that
if [ "$(id -u)" -eq 0 ] && [ -z "${TEST_NET-}" ]; then
	TEST_NET=1 exec unshare -n -- sh "$0" "$@"
fi
. tests/lib.sh
. tests/servers.sh

[ "$(id -u)" -eq 0 ] || skip 'port 22 is for root'
state=$GITOPPER_STATE
ok 'a network' ip link set lo up
ok 'sshd on port 22' ssh_daemon 22
printf '127.0.0.1 %s\n' "$(cat "$tmp/host_key.pub")" >"$tmp/known_hosts"
git init -q "$tmp/up"
mkdir "$tmp/up/app"
echo one >"$tmp/up/app/f"
hash=$(commit "$tmp/up" one)
mkdir -p "$state/a/ctl"
printf '%s\n' machine=here service=a "upstream=root@127.0.0.1:$tmp/up" \
	branch=main "dir=app		dir" "key=$tmp/id" \
	"known_hosts=$tmp/known_hosts" >"$state/a/conf"
ok 'user@host:path is followed' gitopper-pull a
is 'to its commit' "$(value a hash)" "$hash"
is 'with its files' "$(cat "$state/a/tree/app/f")" one

: >"$tmp/known_hosts"
echo two >"$tmp/up/app/f"
commit "$tmp/up" two >/dev/null
fails 1 'a host that is not known is refused' gitopper-pull a
like 'with the line that is missing' "$(value a error)" \
	'line would be: 127\.0\.0\.1 [a-z0-9-]+ [A-Za-z0-9+/=]+$'
value a error | sed 's/.* be: //' >"$tmp/known_hosts"
ok 'which makes it known' gitopper-pull a
is 'so it is followed' "$(cat "$state/a/tree/app/f")" two

done_testing
