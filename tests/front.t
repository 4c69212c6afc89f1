#!/bin/sh
# front.t - gitopper-httpd behind the programs that others start it with
. tests/lib.sh
. tests/servers.sh

accounts || exit 111
httpd=$(command -v gitopper-httpd)
mkdir -p "$GITOPPER_STATE/web/ctl"
printf 'service=web\nupstream=https://git.example.org/ops/config\nbranch=main\n' \
	>"$GITOPPER_STATE/web/conf"
printf 'hash=%040d\napplied=%040d\n' 1 1 >"$GITOPPER_STATE/web/status"
if [ "$(id -u)" -eq 0 ]; then
	chgrp gitopper "$GITOPPER_STATE/web/ctl" &&
	chmod 3775 "$GITOPPER_STATE/web/ctl" || exit 111
fi

# status ARGUMENT...: what curl is answered
status() {
	curl -s -m 30 -o "$tmp/body" -w '%{http_code}' "$@" || echo " curl: $?"
}

# statuses: of the answers that standard input holds
statuses() {
	sed -n 's/^HTTP\/1\.1 \([0-9]*\) .*/\1/p' | tr '\n' ' '
}

frozen() {
	[ -e "$GITOPPER_STATE/web/ctl/frozen" ]
}

thaw() {
	rm -f "$GITOPPER_STATE/web/ctl/frozen"
}

# served NAME URL [ARGUMENT...]: it answers, keeps the connection, shows what
# there is, and, over TCP, changes nothing
served() {
	name=$1 url=$2; shift 2
	is "$name: twice, on one connection" "$(curl -s -m 30 "$@" \
		-w '%{http_code} %{num_connects},' -o "$tmp/body" \
		"$url/list/services" -o "$tmp/body2" "$url/list/services")" \
		"200 1,200 0,"
	like "$name: with the service" "$(cat "$tmp/body2")" '"service":"web"'
	is "$name: a change is refused" "$(status "$@" -X POST \
		"$url/state/freeze/web")" 403
	ok "$name: really" test ! -e "$GITOPPER_STATE/web/ctl/frozen"
}

# changes NAME URL [ARGUMENT...]: a change is taken
changes() {
	name=$1 url=$2; shift 2
	is "$name: it may be frozen" "$(status "$@" -X POST \
		"$url/state/freeze/web")" 200
	ok "$name: and it is" frozen
	thaw
}

# -- tcpserver
tcp() {
	port=$(free_port)
	started "$port" "$tmp/tcpserver.log" tcpserver -RHl0 127.0.0.1 "$port" \
		gitopper-httpd "$@"
}
ok "tcpserver" try tcp
served tcpserver "http://127.0.0.1:$port"
stop "$pid"
ok "tcpserver, with -w" try tcp -w
changes tcpserver "http://127.0.0.1:$port"
stop "$pid"
# what stands between, such as what ends TLS, makes pipes of the connection
tcp_cat() {
	port=$(free_port)
	started "$port" "$tmp/tcpserver.log" tcpserver -RHl0 127.0.0.1 "$port" \
		sh -c 'cat | gitopper-httpd | cat'
}
ok "tcpserver, and pipes" try tcp_cat
is "tcpserver, and pipes: a change is refused" "$(status -X POST \
	-H 'Connection: close' "http://127.0.0.1:$port/state/freeze/web")" 403
stop "$pid"

# -- systemd
activate() {
	port=$(free_port)
	rm -f "$tmp/sock"
	started "$port" "$tmp/activate.log" systemd-socket-activate \
		-E "GITOPPER_STATE=$GITOPPER_STATE" \
		-E "ASAN_OPTIONS=${ASAN_OPTIONS-}" \
		-E "UBSAN_OPTIONS=${UBSAN_OPTIONS-}" -l "127.0.0.1:$port" "$@"
}
ok "systemd, sockets handed down" try activate -l "$tmp/sock" "$httpd"
served systemd "http://127.0.0.1:$port"
served_by=$pid
changes "systemd, unix socket" http://localhost --unix-socket "$tmp/sock"
stop "$served_by"
ok "systemd, Accept=yes" try activate -a "$httpd"
served "systemd, Accept=yes" "http://127.0.0.1:$port"
stop "$pid"
ok "systemd, inetd style" try activate -a --inetd "$httpd"
served "systemd, inetd style" "http://127.0.0.1:$port"
stop "$pid"

# -- inetd, which has standard error lead to the client
inetd_conf() {
	port=$(free_port)
	printf '127.0.0.1:%s stream tcp nowait %s /usr/bin/env env %s %s\n' \
		"$port" "$(id -un)" \
		"GITOPPER_STATE=$1 ASAN_OPTIONS=${ASAN_OPTIONS-}" "$httpd -d" \
		>"$tmp/inetd.conf"
	started "$port" "$tmp/inetd.log" inetd -i "$tmp/inetd.conf"
}
ok "inetd" try inetd_conf "$GITOPPER_STATE"
served inetd "http://127.0.0.1:$port"
is "inetd: nothing but the answer comes" "$(printf \
	'GET /list/services HTTP/1.0\r\n\r\n' | perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		PeerPort => shift);
	print $s <STDIN>;
	print <$s>' "$port" | grep -c gitopper-httpd:)" 0
stop "$pid"

# -- ssh, with a command that the key brings along
ok "sshd" try ssh_daemon
stop "$ssh_pid"
{
	printf 'command="GITOPPER_STATE=%s ASAN_OPTIONS=%s %s",restrict ' \
		"$GITOPPER_STATE" "${ASAN_OPTIONS-}" "$httpd"
	cat "$tmp/id.pub"
} >"$tmp/authorized"
forced() {
	port=$(free_port)
	sed -e "s|^Port .*|Port $port|" \
		-e "s|^AuthorizedKeysFile .*|AuthorizedKeysFile $tmp/authorized|" \
		"$tmp/sshd_config" >"$tmp/forced_config"
	started "$port" "$tmp/sshd.log" "$(command -v sshd)" -D -e \
		-f "$tmp/forced_config"
}
ok "sshd with a forced command" try forced
by_ssh() {
	timeout 60 ssh -F /dev/null -i "$tmp/id" -p "$port" -o BatchMode=yes \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile="$tmp/hosts" \
		"$(id -un)@127.0.0.1" "$@" 2>"$tmp/ssh.err"
}
get='GET /list/services HTTP/1.1\r\nHost: localhost\r\n\r\n'
is "ssh: two requests" "$(printf "$get$get" | by_ssh | statuses)" "200 200 "
is "ssh: it is no shell" "$(printf "$get" | by_ssh cat | statuses)" "200 "
is "ssh: it may be frozen" "$(printf \
	'POST /state/freeze/web HTTP/1.1\r\nHost: localhost\r\n\r\n' |
	by_ssh | statuses)" "200 "
ok "ssh: and it is" frozen
thaw
stop "$pid"

# -- nginx with TLS, in front of a unix socket and of a port
ok "a certificate" make_ca
rm -f "$tmp/sock"
spawn gitopper-httpd -n localhost -l "unix:$tmp/sock" -l 127.0.0.1:0 \
	2>"$tmp/httpd.log" </dev/null
ok "a server behind it" within 20 grep -q 'listening on 127' "$tmp/httpd.log"
behind=$(sed -n 's/.*listening on 127\.0\.0\.1://p' "$tmp/httpd.log")
front() {
	port=$(free_port)
	mkdir -p "$tmp/nginx"
	cat >"$tmp/nginx.conf" <<-END
	daemon off;
	pid $tmp/nginx/pid;
	error_log $tmp/nginx/error.log;
	user root;
	events {}
	http {
		access_log off;
		client_body_temp_path $tmp/nginx/body;
		proxy_temp_path $tmp/nginx/proxy;
		fastcgi_temp_path $tmp/nginx/fastcgi;
		uwsgi_temp_path $tmp/nginx/uwsgi;
		scgi_temp_path $tmp/nginx/scgi;
		server {
			listen 127.0.0.1:$port ssl;
			ssl_certificate $tmp/server.crt;
			ssl_certificate_key $tmp/server.key;
			proxy_http_version 1.1;
			proxy_set_header Host \$http_host;
			proxy_set_header Connection "";
			location /machine/ {
				proxy_pass http://127.0.0.1:$behind/;
			}
			location / {
				limit_except GET { deny all; }
				proxy_pass http://unix:$tmp/sock;
			}
		}
	}
	END
	[ "$(id -u)" -eq 0 ] || sed -i '/^user/d' "$tmp/nginx.conf"
	started "$port" "$tmp/nginx.log" nginx -e "$tmp/nginx/error.log" \
		-c "$tmp/nginx.conf"
}
ok "nginx" try front
tls=https://localhost:$port
served "nginx, unix socket" "$tls" --cacert "$tmp/ca.pem"
served "nginx, TCP, below a path" "$tls/machine" --cacert "$tmp/ca.pem"
stop "$pid"
done_testing
