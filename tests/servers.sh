# servers.sh - real servers of git repositories, for tests: . tests/servers.sh
# Each serves what lies below a directory, on loopback, until the test ends.

# free_port: prints a port that nobody listens on
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
		LocalAddr => "127.0.0.1")->sockport'
}

# listens PORT: somebody does
listens() {
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(
		PeerAddr => "127.0.0.1", PeerPort => shift)' "$1"
}

# stop PID: ends what spawn started, and waits for it
stop() {
	kill -TERM "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

# started PORT LOG COMMAND...: spawns a server. Another one may have taken the
# port since free_port: then it fails.
started() {
	port=$1 log=$2; shift 2
	spawn "$@" >>"$log" 2>&1 </dev/null
	within 10 listens "$port" && kill -0 "$pid"
}

# try FUNCTION ARG...: up to three times, for the sake of the ports
try() {
	"$@" || "$@" || "$@" || {
		cat "$tmp"/*.log
		return 1
	}
}

# git_daemon ROOT [PORT]: sets git_url and git_pid
git_daemon() {
	port=${2:-$(free_port)}
	started "$port" "$tmp/daemon.log" "$(git --exec-path)/git-daemon" \
		--reuseaddr --verbose --export-all --max-connections=0 \
		--listen=127.0.0.1 --port="$port" --base-path="$1" "$1" ||
		return 1
	git_pid=$pid git_url=git://127.0.0.1:$port
}

# make_ca: $tmp/ca.pem, and in $tmp/server.pem what it signed for localhost.
# The name is a DNS name, since mbedTLS 2 doesn't match IP addresses.
make_ca() {
	[ ! -e "$tmp/server.pem" ] || return 0
	printf 'subjectAltName=DNS:localhost\n' >"$tmp/san.conf"
	(
		cd "$tmp" &&
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
			-subj '/CN=gitopper test CA' -keyout ca.key -out ca.pem &&
		openssl req -newkey rsa:2048 -nodes -subj /CN=localhost \
			-keyout server.key -out server.csr &&
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key \
			-CAcreateserial -days 2 -extfile san.conf \
			-out server.crt &&
		cat server.key server.crt >server.pem
	) >"$tmp/ca.log" 2>&1
}

# web ROOT: lighttpd with git http-backend; sets http_url and https_url, and
# web_pid. ROOT is at /git/, and at /private/ for those in $tmp/passwords
# (NAME:PASSWORD, read anew for each request), to which /moved/ leads, and
# /guarded/ for those alone. $tmp/access.log has the requests.
web() {
	make_ca || return 1
	http=$(free_port) https=$(free_port)
	backend=$(git --exec-path)/git-http-backend
	[ -e "$tmp/passwords" ] || : >"$tmp/passwords"
	cat >"$tmp/lighttpd.conf" <<-EOF
	server.modules = ("mod_setenv", "mod_alias", "mod_auth",
		"mod_authn_file", "mod_redirect", "mod_cgi", "mod_openssl",
		"mod_accesslog")
	server.document-root = "$1"
	server.bind = "127.0.0.1"
	server.port = $http
	server.upload-dirs = ("$tmp")
	server.errorlog = "$tmp/lighttpd.log"
	accesslog.filename = "$tmp/access.log"
	\$SERVER["socket"] == "127.0.0.1:$https" {
		ssl.engine = "enable"
		ssl.pemfile = "$tmp/server.pem"
	}
	alias.url = ("/git/" => "$backend/", "/private/" => "$backend/")
	cgi.assign = ("" => "")
	setenv.set-environment = ("GIT_PROJECT_ROOT" => "$1",
		"GIT_HTTP_EXPORT_ALL" => "1", "HOME" => "$tmp",
		"GIT_CONFIG_GLOBAL" => "$tmp/gitconfig",
		"GIT_CONFIG_NOSYSTEM" => "1")
	auth.backend = "plain"
	auth.backend.plain.userfile = "$tmp/passwords"
	auth.require = ("/private/" => ("method" => "basic",
		"realm" => "git", "require" => "valid-user"),
		"/guarded/" => ("method" => "basic",
		"realm" => "git", "require" => "valid-user"))
	url.redirect = ("^/(moved|guarded)/(.*)" =>
		"http://127.0.0.1:$http/private/\$2")
	EOF
	started "$http" "$tmp/web.log" lighttpd -D -f "$tmp/lighttpd.conf" &&
	within 10 listens "$https" || return 1
	web_pid=$pid
	http_url=http://127.0.0.1:$http https_url=https://localhost:$https
}

# ssh_daemon [PORT]: sshd for the user who runs the test; sets ssh_url, to be
# followed by an absolute path, and ssh_pid. The client's key is $tmp/id, the
# host's key is $tmp/host_key, and it is in $tmp/known_hosts.
ssh_daemon() {
	port=${1:-$(free_port)}
	for key in host_key id; do
		[ -e "$tmp/$key" ] ||
			ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/$key" ||
			return 1
	done
	# as every sshd has them, though known_hosts may know one of them only
	for type in ecdsa rsa; do
		[ -e "$tmp/host_$type" ] ||
			ssh-keygen -q -t $type -N '' -C '' -f "$tmp/host_$type" ||
			return 1
	done
	# sshd running as root insists on it
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	cat >"$tmp/sshd_config" <<-EOF
	ListenAddress 127.0.0.1
	Port $port
	HostKey $tmp/host_rsa
	HostKey $tmp/host_ecdsa
	HostKey $tmp/host_key
	AuthorizedKeysFile $tmp/id.pub
	PidFile none
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	StrictModes no
	UsePAM no
	MaxStartups 100
	PerSourceMaxStartups none
	SetEnv GIT_CONFIG_GLOBAL=$tmp/gitconfig
	EOF
	started "$port" "$tmp/sshd.log" "$(command -v sshd)" -D -e \
		-f "$tmp/sshd_config" || return 1
	printf '[127.0.0.1]:%s %s\n' "$port" "$(cat "$tmp/host_key.pub")" \
		>"$tmp/known_hosts"
	ssh_pid=$pid ssh_url=ssh://$(id -un)@127.0.0.1:$port
}

# proxy TO [BYTES]: a proxy that stalls, where BYTES is given, after so many of
# the server's bytes. TO is host:port, `mute` (accepts and never answers) or
# `garbage`. Sets proxy_port, proxy_pid, and proxy_log, with a line
# `Connection from` for each connection.
proxies=0
# connections LOG: how many of them there were
connections() {
	grep -c 'Connection from' "$1" || :
}

proxy() {
	proxies=$((proxies + 1))
	proxy_log=$tmp/proxy.$proxies.log
	rm -f "$tmp/proxy.port"
	spawn perl "$top/tests/proxy.pl" "$tmp/proxy.port" "$@" \
		>"$proxy_log" 2>&1 </dev/null
	within 10 test -e "$tmp/proxy.port" || return 1
	proxy_pid=$pid proxy_port=$(cat "$tmp/proxy.port")
}

# may_steer: the group that may give orders is there, if not on this machine
# then in this namespace of ours
may_steer() {
	[ "$(id -u)" -eq 0 ] && ! getent group gitopper >/dev/null || return 0
	{ cat /etc/group; echo gitopper:x:64222:; } >"$tmp/group" &&
	chmod 644 "$tmp/group" &&
	mount --bind "$tmp/group" /etc/group
}

# httpd [OPTION]...: gitopper-httpd, with -w unless there are other options, on
# $tmp/httpd.sock and at $httpd_url; sets httpd_pid
httpd() {
	[ $# -gt 0 ] || set -- -w
	port=$(free_port)
	started "$port" "$tmp/httpd.log" gitopper-httpd \
		-l "127.0.0.1:$port" -l "unix:$tmp/httpd.sock" "$@" || return 1
	httpd_pid=$pid httpd_url=http://127.0.0.1:$port
}

# small NAME=VALUE...: builds gitopper-httpd with other limits, in $tmp/small
small() {
	mkdir -p "$tmp/small" &&
	cp "$top"/*.c "$top"/*.h "$top"/page.html "$top"/*.sh "$top/Makefile" \
		"$top/config.mk" "$tmp/small" || return 1
	for pair; do
		sed -i "s/^\(\t${pair%=*} *\)= [^,]*,/\1= ${pair#*=},/" \
			"$tmp/small/config.h" || return 1
		grep -q "^	${pair%=*} *= ${pair#*=}," \
			"$tmp/small/config.h" || return 1
	done
	make -s -C "$tmp/small" CFLAGS=-O0 gitopper-httpd
}

# accounts: gitopper-httpd and the group gitopper, in this namespace of ours,
# where the machine has none
accounts() {
	[ "$(id -u)" -eq 0 ] || return 0
	getent group gitopper >/dev/null || {
		{ cat /etc/group; echo gitopper:x:64222:; } >"$tmp/group" &&
		chmod 644 "$tmp/group" &&
		mount --bind "$tmp/group" /etc/group
	} &&
	getent passwd gitopper-httpd >/dev/null || {
		{
			cat /etc/passwd
			echo gitopper-httpd:x:64223:64223::/:/bin/false
		} >"$tmp/passwd" &&
		chmod 644 "$tmp/passwd" &&
		mount --bind "$tmp/passwd" /etc/passwd
	}
}
