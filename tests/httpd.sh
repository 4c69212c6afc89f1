# httpd.sh - a gitopper-httpd to ask, for tests: . tests/httpd.sh
# It comes after tests/servers.sh. There is one service, web.

one=$(printf %040d 1)
mkdir -p "$GITOPPER_STATE/web/ctl"
cat >"$GITOPPER_STATE/web/conf" <<END
service=web
upstream=https://git.example.org/ops/config
branch=main
END
printf 'hash=%s\napplied=%s\n' "$one" "$one" >"$GITOPPER_STATE/web/status"
# the server is somebody else than the owner of these
chmod 1777 "$GITOPPER_STATE/web/ctl"
freeze=state/freeze/web
running

# serve [OPTION...]: a server on 127.0.0.1 and a unix socket, in place of the
# last one; sets $url and $server
server=
serve() {
	[ -z "$server" ] || stop "$server"
	port=$(free_port)
	started "$port" "$tmp/httpd.log" gitopper-httpd -l "127.0.0.1:$port" \
		-l "unix:$tmp/sock" "$@" || return 1
	url=http://127.0.0.1:$port server=$pid
}

# remote [OPTION...]: a server at http://192.0.2.1:9222, where to `inside curl`
# is no loopback address, on the machine box.example.org; sets $server
remote() {
	[ -z "$server" ] || stop "$server"
	spawn unshare -un sh -c '
		hostname box.example.org
		ip link set lo up
		ip addr add 192.0.2.1/32 dev lo
		exec gitopper-httpd -l 192.0.2.1:9222 "$@"' sh "$@" \
		>>"$tmp/httpd.log" 2>&1
	server=$pid url=http://192.0.2.1:9222
	within 20 inside curl -s "$url/health"
}

inside() {
	nsenter -n -t "$server" "$@"
}

# status ARGUMENT...: the status that curl is answered with; the answer is in
# $tmp/head and $tmp/body. $where may be `inside`.
where=
status() {
	: >"$tmp/body"
	$where curl -s -m 40 -o "$tmp/body" -D "$tmp/head" -w '%{http_code}' \
		"$@" || echo " curl: $?"
}

# says STATUS DESCRIPTION ARGUMENT...: the answer to curl has that status
says() {
	want=$1 desc=$2; shift 2
	got=$(status "$@")
	{
		echo "status $got, not $want"
		cat "$tmp/body"
		tail -n 20 "$tmp/httpd.log"
	} >"$tmp/out"
	[ "$got" = "$want" ]
	result $? "$desc"
}

# why DESCRIPTION PATTERN: so does the text of the last answer
why() {
	like "$1" "$(jq -r .error <"$tmp/body" 2>&1)" "$2"
}

# changed DESCRIPTION: the service was frozen; it is thawed again
changed() {
	ok "$1" test -e "$GITOPPER_STATE/web/ctl/frozen"
	rm -f "$GITOPPER_STATE/web/ctl/frozen"
}

# unchanged DESCRIPTION: nobody asked anything of the service
unchanged() {
	is "$1" "$(ls -A "$GITOPPER_STATE/web/ctl")" ""
}

# over PID...: they have ended
over() {
	for p; do
		! kill -0 "$p" 2>/dev/null || return 1
	done
}
