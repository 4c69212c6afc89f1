#!/bin/sh
# hang.t - upstreams that hang: a deadline for each, and no process left
. tests/lib.sh
. tests/servers.sh

work=$tmp/work repo=$tmp/root/config.git
git init -q --bare "$repo"
git clone -q "$repo" "$work" 2>/dev/null
mkdir "$work/app"
# more than any advertisement or handshake takes
head -c 1000000 /dev/urandom >"$work/app/conf"
head=$(commit "$work" one)
git -C "$work" push -q origin HEAD:main

# service NAME URL TIMEOUT
service() {
	state=$GITOPPER_STATE/$1
	mkdir -p "$state/ctl"
	printf 'machine=here\nservice=%s\nupstream=%s\nbranch=main\n' "$1" "$2" \
		>"$state/conf"
	printf 'dir=app\t\tdir\ntimeout=%s\nca=%s\nkey=%s\nknown_hosts=%s\n' \
		"$3" "$tmp/ca.pem" "$tmp/id" "$tmp/hosts" >>"$state/conf"
}

# leftovers: gitopper-pull's processes of this test
leftovers() {
	grep -lzsx "GITOPPER_STATE=$GITOPPER_STATE" /proc/[0-9]*/environ |
	while IFS=/ read -r _ _ process _; do
		case $(readlink "/proc/$process/exe") in
		*/gitopper-pull*) echo "$process" ;;
		esac
	done
}
none_left() {
	[ -z "$(leftovers)" ]
}

ok "git daemon" try git_daemon "$tmp/root"
ok "lighttpd with git http-backend" try web "$tmp/root"
ok "sshd" try ssh_daemon
: >"$tmp/hosts"

# Each server behind a proxy that stalls: at once, in its first bytes, then in
# the pack. What a handshake or the refs take lies between.
hangs=
for stage in mute 0 10 700 200000; do
	for server in "$git_url" "$http_url" "$https_url" "$ssh_url"; do
		scheme=${server%%:*} port=${server##*:} host=127.0.0.1 path=
		case $scheme in
		http | https) path=/git ;;
		esac
		case $scheme-$stage in
		https-*) host=localhost ;;
		ssh-*) host=$(id -un)@$host ;;
		esac
		to=127.0.0.1:$port bytes=$stage
		[ "$stage" != mute ] || to=mute bytes=
		proxy "$to" $bytes || exit 111
		case $scheme in
		ssh)
			path=$tmp/root
			printf '[127.0.0.1]:%s %s\n' "$proxy_port" \
				"$(cat "$tmp/host_key.pub")" >>"$tmp/hosts"
			;;
		esac
		name=$scheme-$stage hangs="$hangs $scheme-$stage"
		service "$name" "$scheme://$host:$proxy_port$path/config.git" 2
		eval "log_$scheme=\$proxy_log"
	done
done
# all at a time, 2 s each
began=$(date +%s)
fails 1 "upstreams that hang fail" timeout 60 gitopper-pull $hangs
took=$(($(date +%s) - began))
echo "took $took s" >"$tmp/out"
[ "$took" -le 15 ]
result $? "on time"
for name in $hangs; do
	is "$name has an error" "$(value "$name" error)" \
		"pull: no answer within 2 s"
	is "$name isn't deployed" "$(value "$name" hash)" ""
done
ok "no process is left" within 2 none_left
for scheme in git http https ssh; do
	eval "log=\$log_$scheme"
	like "$scheme-200000 got through to the server" \
		"$(connections "$log")" '^[1-9]'
done

# one that hangs delays no other
proxy mute
service slow "git://127.0.0.1:$proxy_port/config.git" 60
service good "$git_url/config.git" 60
spawn gitopper-pull slow good >"$tmp/pull.out" 2>&1
pull=$pid
ok "the other one is deployed meanwhile" within 10 \
	cmp "$work/app/conf" "$GITOPPER_STATE/good/tree/app/conf"
ok "and its name is printed" within 5 grep -qx good "$tmp/pull.out"
ok "while the first one hangs" kill -0 "$pull"
is "it has no hash" "$(value slow hash 2>/dev/null)" ""
stop "$pull"
ok "SIGTERM leaves no process" within 5 none_left

service odd "http://u:its-password@127.0.0.1:1x/x" 5
fails 1 "a URL that libgit2 can't read" gitopper-pull odd
like "is said without its password" "$(value odd error)" \
	"malformed URL 'http://127.0.0.1:1x/x'"

# what a server could take over: it knows no secret but its own, and nothing
# that it starts can outlive it
if [ "$(id -u)" -eq 0 ]; then
	service secret "http://127.0.0.1:$proxy_port/x" 60
	echo "credentials=$tmp/cred" >>"$GITOPPER_STATE/secret/conf"
	(
		umask 077
		exec >"$tmp/cred"
		printf 'https://u:the-other-secret%s@host%s\n' 1 1 2 2 3 3
		echo "http://u:its-own-secret@127.0.0.1:$proxy_port"
		printf 'https://u:the-other-secret%s@host%s\n' 4 4 5 5 6 6
	)
	# fetcher: the process of a child that has changed its user
	fetcher() {
		for process in $(leftovers); do
			! grep -q '^Uid:[[:blank:]]*0' "/proc/$process/status" &&
			echo "$process"
		done | grep .
	}
	spawn gitopper-pull secret >"$tmp/pull.out" 2>&1
	pull=$pid
	ok "one with credentials hangs" within 10 fetcher
	child=$(fetcher)
	ok "and can't fork" within 5 \
		grep -q '^Max processes  *0  *0 ' "/proc/$child/limits"
	is "it holds no other host's" "$(perl -e 'my %seen;
		open my $maps, "<", "/proc/$ARGV[0]/maps" or die;
		open my $mem, "<:raw", "/proc/$ARGV[0]/mem" or die;
		while (<$maps>) {
			next unless /^(\w+)-(\w+) rw/;
			my ($from, $n) = (hex $1, hex($2) - hex $1);
			next if $n > 1 << 28;
			seek $mem, $from, 0;
			read $mem, my $buf, $n;
			$seen{$1}++ while $buf =~ /((?:own|other)-secret)/g;
		}
		print join " ", sort keys %seen' "$child")" own-secret
	stop "$pull"
fi

# killed, its children end as well
running() {
	[ "$(leftovers | wc -l)" -gt 1 ]
}
spawn gitopper-pull slow >"$tmp/pull.out" 2>&1
pull=$pid
ok "it hangs again, in a child" within 10 running
kill -KILL "$pull"
wait "$pull" 2>/dev/null
ok "SIGKILL leaves no process" within 5 none_left
done_testing
