#!/bin/sh
# remote.t - gitopper-ctl and other machines: ways to them, tables, trouble
. tests/lib.sh
. tests/servers.sh
unset CURL_CA_BUNDLE

one=1111111111111111111111111111111111111111
tab=$(printf '\t')
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	# the server is somebody else than the owner of these
	chmod 1777 "$GITOPPER_STATE/$1/ctl"
	printf 'service=%s\nupstream=%s\nbranch=main\n' "$1" \
		https://git.example.org/ops/config >"$GITOPPER_STATE/$1/conf"
	printf 'hash=%s\napplied=%s\nsince=%s\n' "$one" "$one" \
		$(($(date +%s) - 250000)) >"$GITOPPER_STATE/$1/status"
}
service web
service dns
printf 'one\ntwo\033[2J\tend\n' >"$GITOPPER_STATE/web/log"
printf 'A\tetc/new\nM\t"a\\tb \\303\\251"\nD\t"\\377"\n' \
	>"$GITOPPER_STATE/web/changes"
printf 'a.example.org\n%s\tmine\n' "$(uname -n)" >"$GITOPPER_STATE/.machines"
running
local_list=$(gitopper-ctl list)

ctl() {
	# as it is where no service runs
	GITOPPER_STATE=$tmp/nothing gitopper-ctl "$@"
}
# said ARGUMENT...: what comes on standard error
said() {
	ctl "$@" 2>&1 >/dev/null
}
# quick SECONDS COMMAND...: it ends that soon, and this one is quiet about how
quick() {
	begin=$(date +%s) most=$1; shift
	"$@"
	took=$(($(date +%s) - begin))
	echo "it took $took seconds"
	[ "$took" -le "$most" ]
}
# typed FILE COMMAND TEXT...: runs a command on a terminal, whose output goes
# to FILE, and types each text when the next prompt is there
typed() {
	file=$1 command=$2; shift 2
	rm -f "$tmp/keys" && mkfifo "$tmp/keys" && : >"$file"
	script -qefc "$command" /dev/null >"$file" <"$tmp/keys" &
	typist=$! prompts=0
	exec 9>"$tmp/keys"
	for text; do
		prompts=$((prompts + 1))
		within 20 sh -c "[ \$(grep -o ': ' '$file' | wc -l) -ge \
			$prompts ]" || break
		printf '%s\n' "$text" >&9
	done
	wait "$typist"
	status=$?
	exec 9>&-
	return "$status"
}

ok 'a server' try httpd
tcp=127.0.0.1:$port unix=$tmp/httpd.sock

# -- ways to a machine
for to in "$tcp" "http://$tcp" "http://$tcp/" "unix:$unix" "localhost:$port"; do
	is "the same table from @$to" "$(ctl list "@$to" 2>&1)" "$local_list"
done
for args in "ls @$tcp" "@$tcp l" "l services @$tcp" "list @$tcp services" \
	"do list @$tcp" "@$tcp d ls service" "ls @$tcp dns web" \
	"list service @$tcp dns web" "list services dns @$tcp web"; do
	is "$args" "$(ctl $args 2>&1)" "$local_list"
done
ok 'the machine needs no state directory here' test ! -e "$tmp/nothing"
is 'machines' "$(ctl list machines "@$tcp")" "$(gitopper-ctl list machines)"
is 'machine, too' "$(ctl l machine "@$tcp")" "$(gitopper-ctl list machines)"
for args in 'status web' 'status web dns' 'log web' 'changes web' \
	'-m list' '-m status web' '-m log web dns' '-m changes web' \
	'-m list machines'; do
	is "the same here and there: $args" "$(ctl $args "@unix:$unix" 2>&1)" \
		"$(gitopper-ctl $args)"
done
ok 'IPv6' sh -c 'GITOPPER_STATE=$1 gitopper-httpd -l "[::1]:$2" 2>"$3" &
	pid=$!; trap "kill $pid" EXIT; i=0
	until gitopper-ctl list "@[::1]:$2" >"$4" 2>/dev/null; do
		i=$((i + 1)); [ $i -lt 300 ] || exit 1; sleep 0.05
	done; gitopper-ctl list "@http://[::1]:$2"' sh "$GITOPPER_STATE" \
	"$(free_port)" "$tmp/v6.log" "$tmp/v6"
like 'no port is the default one' "$(said -d list @127.0.0.1)" \
	'http://127\.0\.0\.1:9222/list/services'
like 'a bare address' "$(said -d list @::1)" 'http://\[::1\]:9222/list/serv'
for to in '' 'a b' 'a/b' a:0 a:65536 a:x :80 unix: "unix:$(printf %0200d 1)" \
	ssh: ssh:-oProxyCommand=x ssh:a@-b ssh://-b http:// 'http://a?b' \
	https://a:b@c anna@c "$(printf 'a\tb')"; do
	fails 100 "no machine: '$to'" ctl list "@$to"
done
is 'no password in a URL' "$(said list @https://anna:pw@host)" \
	'gitopper-ctl: @https://anna:pw@host: who asks is said by -u, not in'\
' the URL'

# -- orders; they are taken from loopback, and from the unix socket
for to in "$tcp" "unix:$unix"; do
	is "freeze by @$to" "$(ctl freeze "@$to" web | awk 'NR > 1 { print $4 }'
		ls "$GITOPPER_STATE/web/ctl")" "FREEZE
frozen"
	is 'unfreeze' "$(ctl unfreeze web "@$to" | awk 'NR > 1 { print $4 }'
		ls "$GITOPPER_STATE/web/ctl")" OK
done
ok 'freeze for a time' ctl freeze web 5m "@$tcp"
like 'it thaws then' \
	"$(($(cat "$GITOPPER_STATE/web/ctl/frozen") - $(date +%s)))" \
	'^(2[0-9][0-9]|300)$'
ok 'the older form' ctl freeze "@$tcp" web dns 1h
like 'for both' \
	"$(($(cat "$GITOPPER_STATE/dns/ctl/frozen") - $(date +%s)))" '^3[0-9]{3}$'
fails 100 'no duration' ctl freeze "@$tcp" web 5x
ok 'unfreeze both' ctl do unfreeze dns web "@$tcp"
is 'rollback' "$(ctl rollback web ABCDEF01 "@$tcp" | sed 1d)" \
	'0  web      11111111  ROLLBACK  on its way to abcdef01 by nobody, '\
'stays at 11111111 until that is found; unfreeze follows the branch  2 days ago'
is 'the other order' "$(ctl rollback "@$tcp" web abcdef02 | sed 1d)" \
	'0  web      11111111  ROLLBACK  on its way to abcdef02 by nobody, '\
'stays at 11111111 until that is found; unfreeze follows the branch  2 days ago'
is 'the pin' "$(cat "$GITOPPER_STATE/web/ctl/pin")" abcdef02
for order in pull redo; do
	ok "$order" ctl "$order" web dns "@$tcp"
done
is 'a redo' "$(cat "$GITOPPER_STATE/web/ctl/poke")" redo
rm "$GITOPPER_STATE"/*/ctl/*

# -- what goes wrong
fails 1 'no such service' ctl status web nosuch "@$tcp"
is 'whose, and which' "$(said status web nosuch "@$tcp")" \
	"gitopper-ctl: @$tcp: nosuch: no such service"
is 'the other is shown' "$(ctl status nosuch web "@$tcp" 2>/dev/null | head -1)" \
	'service:   web'
fails 1 'what is no name' ctl status ../web "@$tcp"
is 'is not sent' "$(said status ../web "@$tcp")" \
	'gitopper-ctl: ../web: no such service'
fails 1 'nobody listens' ctl list "@127.0.0.1:$(free_port)"
like 'is said' "$(cat "$tmp/out")" '^gitopper-ctl: @127\.0\.0\.1:[0-9]+: Fail'
fails 1 'no such socket' ctl list "@unix:$tmp/nosuch"
like 'says so' "$(head -1 "$tmp/out")" ': No such file or directory$'
fails 100 'diff works here alone' ctl diff web "@$tcp"
like 'is said as well' "$(cat "$tmp/out")" "@$tcp: diff reads the files"
stop "$httpd_pid"
ok 'a server that lets nothing be changed' try httpd -r
tcp=127.0.0.1:$port
fails 1 'is obeyed' ctl freeze web "@$tcp"
like 'and says so' "$(cat "$tmp/out")" "@$tcp: web: .*-r"
stop "$httpd_pid"

# -- users
echo secret >"$tmp/anna"
printf 'geheim\r\nmore\n' >"$tmp/otto"
ctl passwd anna <"$tmp/anna" >"$tmp/users"
ctl passwd otto ro <"$tmp/otto" >>"$tmp/users"
like 'passwd makes lines' "$(cat "$tmp/users")" '^anna:\$[^:]+:rw$'
like 'of rights' "$(cat "$tmp/users")" '^otto:\$[^:]+:ro$'
for args in '' 'a:b' 'anna no' 'anna rw x' "$(printf 'a\tb')"; do
	fails 100 "passwd: '$args'" sh -c "gitopper-ctl passwd $args" </dev/null
done
fails 1 'an empty password' ctl passwd anna </dev/null
fails 111 'one that is too long' sh -c \
	'head -c 600 /dev/zero | tr "\0" x | gitopper-ctl passwd anna'
chmod 600 "$tmp/users"
ok 'a server with users' try httpd -a "$tmp/users"
tcp=127.0.0.1:$port
fails 1 'wants to know who asks' ctl list "@$tcp"
like 'and so is told' "$(cat "$tmp/out")" "@$tcp: .*; -u USER says who asks"
ok 'a password out of a file' ctl -u anna -p "$tmp/anna" freeze web "@$tcp"
ok 'the first line of it' ctl -u otto -p "$tmp/otto" list "@$tcp"
fails 1 'otto may only look' ctl -u otto -p "$tmp/otto" unfreeze web "@$tcp"
fails 1 'a wrong password' ctl -u anna -p "$tmp/otto" list "@$tcp"
like 'is wrong' "$(cat "$tmp/out")" 'is the password right'
fails 111 'no such file' ctl -u anna -p "$tmp/nosuch" list "@$tcp"
fails 100 'a password of nobody' ctl -p "$tmp/anna" list "@$tcp"
fails 111 'no terminal to ask on' setsid -w gitopper-ctl -u anna list "@$tcp"
like 'says what there is instead' "$(cat "$tmp/out")" '-p FILE'
printf 'machine 127.0.0.1 login anna password secret\n' >"$tmp/.netrc"
ok 'netrc' ctl unfreeze web "@$tcp"
printf 'default login anna password secret\n' >"$tmp/.netrc"
ok 'for any host that is this one' ctl unfreeze web "@http://localhost:$port"
ok 'and for a unix socket' ctl unfreeze web "@unix:$tmp/httpd.sock"
rm "$tmp/.netrc"
ok 'a prompt' typed "$tmp/typed" "gitopper-ctl -u anna list @$tcp" secret
like 'which says whose' "$(cat "$tmp/typed")" '^Password of anna: '
like 'and what is asked for comes' "$(cat "$tmp/typed")" ' web .*2 days ago'
is 'without an echo' "$(grep -c secret "$tmp/typed")" 0
fails 1 'a wrong one' typed "$tmp/typed" "gitopper-ctl -u anna list @$tcp" x
ok 'passwd asks twice' typed "$tmp/typed" 'gitopper-ctl passwd eve' new new
like 'on a terminal' "$(tr -d '\r' <"$tmp/typed")" '^eve:\$[^:]+:rw$'
fails 1 'two passwords' typed "$tmp/typed" 'gitopper-ctl passwd eve' a b
ok 'no argument and no environment has a password' sh -c '
	GITOPPER_STATE= strace -f -v -s 4096 -e trace=execve -o "$1" \
		gitopper-ctl -u anna -p "$2" -e "$3" list "@ssh:x" 2>/dev/null
	grep -q execve "$1" && ! grep secret "$1"' sh "$tmp/execs" "$tmp/anna" \
	/bin/true
stop "$httpd_pid"

# -- TLS, behind a reverse proxy, which has the machine at a path
ok 'a server to stand behind' try httpd -r
front() {
	port=$(free_port)
	cat >"$tmp/nginx.conf" <<-END
	daemon off;
	pid $tmp/nginx.pid;
	error_log $tmp/nginx.log;
	$([ "$(id -u)" -ne 0 ] || echo 'user root;')
	events { }
	http {
		access_log off;
		client_body_temp_path $tmp/nginx.body;
		proxy_temp_path $tmp/nginx.proxy;
		fastcgi_temp_path $tmp/nginx.fastcgi;
		uwsgi_temp_path $tmp/nginx.uwsgi;
		scgi_temp_path $tmp/nginx.scgi;
		server {
			listen 127.0.0.1:$port ssl;
			ssl_certificate $tmp/server.pem;
			ssl_certificate_key $tmp/server.pem;
			location /ops/box/ {
				proxy_pass http://unix:$tmp/httpd.sock:/;
				proxy_set_header Host localhost;
			}
		}
	}
	END
	started "$port" "$tmp/front.log" nginx -c "$tmp/nginx.conf"
}
ok 'a CA' make_ca
ok 'nginx' try front
https=https://localhost:$port/ops/box
fails 1 'an unknown CA' ctl list "@$https"
like 'is not trusted' "$(cat "$tmp/out")" 'certificate'
for var in CURL_CA_BUNDLE SSL_CERT_FILE; do
	is "the CA of $var is" "$(env "$var=$tmp/ca.pem" gitopper-ctl list \
		"@$https/")" "$local_list"
done
fails 1 "for the server's name alone" env CURL_CA_BUNDLE="$tmp/ca.pem" \
	gitopper-ctl list "@https://127.0.0.1:$port/ops/box"
is 'the path is part of the machine' "$(CURL_CA_BUNDLE=$tmp/ca.pem \
	gitopper-ctl -m status web "@$https")" "$(gitopper-ctl -m status web)"
fails 1 'at another one there is none' env CURL_CA_BUNDLE="$tmp/ca.pem" \
	gitopper-ctl list "@https://localhost:$port"
like 'which is said' "$(cat "$tmp/out")" 'HTTP status 404: is this a gito'
stop "$httpd_pid"
ok 'users behind it' try httpd -a "$tmp/users"
printf 'machine localhost login anna password secret\n' >"$tmp/.netrc"
ok 'netrc counts by TLS' env CURL_CA_BUNDLE="$tmp/ca.pem" \
	GITOPPER_STATE="$tmp/nothing" gitopper-ctl list "@$https"
rm "$tmp/.netrc"

# -- a password of netrc isn't said where others can hear it
# In a network of our own 192.0.2.1 is as far away as any; who listens there
# writes down what comes.
cat >"$tmp/distant.sh" <<'END'
ip link set lo up
ip addr add 192.0.2.1/32 dev lo
printf '192.0.2.1 %s\n' far.example 127.0.0.1.far.example \
	localhost.far.example >"$tmp/distant.hosts"
chmod 644 "$tmp/distant.hosts"
mount --bind "$tmp/distant.hosts" /etc/hosts
perl tests/redirect.pl 8000 '' 192.0.2.1 >>"$tmp/distant" 2>&1 & far=$!
perl tests/redirect.pl 8001 http://192.0.2.1:8000 >"$tmp/redirected" 2>&1 &
near=$!
trap 'kill $far $near' EXIT
for try in $(seq 200); do
	[ "$(ss -Hltn | grep -c ':800[01] ')" -lt 2 ] || break
	sleep 0.1
done
# told ARGUMENT...: how it ends, how many came there, how many with a password
told() {
	: >"$tmp/distant"
	gitopper-ctl "$@" >>"$tmp/distant.out" 2>&1
	echo "$*: $? $(grep -c ^GET "$tmp/distant")" \
		"$(grep -ci ^authorization "$tmp/distant")"
}
for at in 192.0.2.1:8000 http://192.0.2.1:8000 far.example:8000 \
	127.0.0.1.far.example:8000 localhost.far.example:8000 \
	http://192.0.2.1:8000/127.0.0.1; do
	told list "@$at"
done
told -n list @192.0.2.1:8000
told -u anna -p "$tmp/anna" list @192.0.2.1:8000
told list @127.0.0.1:8001
http_proxy=http://192.0.2.1:8000 told list @127.0.0.1:8001
http_proxy=http://192.0.2.1:8000 told list @localhost:8001
echo "near: $(grep -ci ^authorization "$tmp/redirected")"
END
if [ "$(id -u)" -eq 0 ]; then
	printf 'default login anna password secret\n' >"$tmp/.netrc"
	export tmp
	: >"$tmp/distant.out"
	is 'netrc goes to loopback addresses, and elsewhere with -n alone' \
		"$(GITOPPER_STATE=$tmp/nothing unshare -nm \
		--propagation private sh "$tmp/distant.sh" 2>&1)" \
	"list @192.0.2.1:8000: 1 1 0
list @http://192.0.2.1:8000: 1 1 0
list @far.example:8000: 1 1 0
list @127.0.0.1.far.example:8000: 1 1 0
list @localhost.far.example:8000: 1 1 0
list @http://192.0.2.1:8000/127.0.0.1: 1 1 0
-n list @192.0.2.1:8000: 1 1 1
-u anna -p $tmp/anna list @192.0.2.1:8000: 1 1 1
list @127.0.0.1:8001: 1 0 0
list @127.0.0.1:8001: 1 0 0
list @localhost:8001: 1 0 0
near: 3"
	like 'who is asked for a password is told of -n' \
		"$(head -n 1 "$tmp/distant.out")" '-u USER.*-n.*netrc.*clear'
	like 'a redirection is told of, and not followed' \
		"$(cat "$tmp/distant.out")" 'at another address'
	rm "$tmp/.netrc"
fi

# -- ssh, and programs like it
ok 'sshd' try ssh_daemon
host_port=$port
{
	# what the machine would have without our help
	printf 'command="PATH=%s GITOPPER_STATE=%s; export PATH GITOPPER_STATE' \
		"$PATH" "$GITOPPER_STATE"
	printf '; eval \\"$SSH_ORIGINAL_COMMAND\\"" '
	cat "$tmp/id.pub"
} >"$tmp/keys.pub"
mv "$tmp/keys.pub" "$tmp/id.pub"
cat >"$tmp/ssh_config" <<END
Host box other
	HostName 127.0.0.1
	Port $host_port
	UserKnownHostsFile $tmp/known_hosts
	HostKeyAlias [127.0.0.1]:$host_port
	BatchMode yes
END
mkdir "$tmp/bin"
printf '#!/bin/sh\nexec %s -F "%s" "$@"\n' "$(command -v ssh)" \
	"$tmp/ssh_config" >"$tmp/bin/ssh"
chmod 755 "$tmp/bin/ssh"
user=$(id -un)
PATH=$tmp/bin:$PATH
for to in "-i $tmp/id @ssh:box" "-i $tmp/id @box" "-i $tmp/id @ssh:$user@box" \
	"-i $tmp/id @ssh://$user@box" "-i $tmp/id @$user@box"; do
	is "through ssh: $to" "$(ctl $to list 2>"$tmp/err")" "$local_list"
done
ok 'an order' ctl -i "$tmp/id" freeze web dns @ssh:box
is 'is taken from it' "$(gitopper-ctl list | grep -c FREEZE)" 2
logins=$(grep -c 'Accepted publickey' "$tmp/sshd.log")
ok 'many orders' ctl -e "ssh -i $tmp/id" unfreeze web dns web dns @ssh:box
is 'are one login' \
	"$(grep -c 'Accepted publickey' "$tmp/sshd.log")" "$((logins + 1))"
fails 1 'no key' ctl list @ssh:box
like 'ssh says why, and we that it failed' "$(cat "$tmp/out")" \
	'@ssh:box: no answer, and ssh ended with status 255$'
cat >"$tmp/bin/near" <<'END'
#!/bin/sh
echo "$@" >>"$NEAR"
shift $(($# - 1))
GITOPPER_STATE=$STATE exec "$@"
END
chmod 755 "$tmp/bin/near"
near() {
	NEAR=$tmp/near STATE=$GITOPPER_STATE ctl "$@"
}
is 'another program' "$(near -e near list @ssh:box 2>"$tmp/err")" "$local_list"
near -i key -e 'near -a  b' log web @ssh:box >/dev/null 2>&1
is 'and its arguments' "$(cat "$tmp/near")" 'box gitopper-httpd
-a b -i key box gitopper-httpd'
is 'no shell looks at it' "$(near -e 'near ;id $(id) *' list \
	'@ssh:a;id' >/dev/null 2>&1; tail -1 "$tmp/near")" \
	';id $(id) * a;id gitopper-httpd'
fails 1 'a program that is missing' ctl -e "$tmp/nosuch" list @ssh:x
like 'is named' "$(cat "$tmp/out")" "$tmp/nosuch: No such file"
fails 1 'one that only fails' ctl -e false list @ssh:x
fails 1 'one that says something else' ctl -e echo list @ssh:x
fails 100 'no program' ctl -e ' ' list @ssh:x
ok 'what never answers is ended' sh -c 'echo "#!/bin/sh
	trap : TERM; echo \$\$ >$1/mute.pid; while :; do sleep 1; done" \
	>"$1/bin/mute"; chmod 755 "$1/bin/mute"
	gitopper-ctl -e mute list @ssh:a @ssh:b 2>"$1/err"; [ $? -eq 1 ] &&
	grep "@ssh:a: no answer within 5 seconds" "$1/err" &&
	! kill -0 "$(cat "$1/mute.pid")"' sh "$tmp"
stop "$httpd_pid"

# -- several machines
ok 'a server of several' try httpd -w
tcp=127.0.0.1:$port
is 'a table with machines' "$(ctl list "@$tcp" "@unix:$unix" web |
	awk '{ print $1, $2, $3, $5 }')" \
"# MACHINE SERVICE STATE
0 $tcp web OK
1 unix:$unix web OK"
is 'machines of machines' "$(ctl list machines "@$tcp" "@unix:$unix" |
	awk 'NR < 3 { print $1, $2, $3, $4 }')" \
"# FROM MACHINE ACTUAL
0 $tcp a.example.org -"
is 'lines of machines' "$(ctl status web "@$tcp" "@unix:$unix" |
	grep -n '^machine\|^service')" \
"1:machine:   $tcp
2:service:   web
$(ctl status web "@$tcp" | wc -l | awk '{ print $1 + 3 }'):machine:   unix:$unix
$(ctl status web "@$tcp" | wc -l | awk '{ print $1 + 4 }'):service:   web"
is 'logs of machines' "$(ctl log web "@$tcp" "@unix:$unix" | sed -n 3p)" \
	"unix:$unix${tab}one"
is 'JSON of machines' "$(ctl -m list web dns "@$tcp" "@unix:$unix" |
	jq -c '[.services[] | [.machine, .service]]')" \
	"[[\"$tcp\",\"web\"],[\"$tcp\",\"dns\"],[\"unix:$unix\",\"web\"],\
[\"unix:$unix\",\"dns\"]]"
is 'logs as JSON' "$(ctl -m log web "@$tcp" "@unix:$unix" |
	jq -c '.services[1] | [.machine, .service, .log[0]]')" \
	"[\"unix:$unix\",\"web\",\"one\"]"
# the machine that never answers comes first
ok 'a machine that never answers' proxy mute
dead=127.0.0.1:$proxy_port
quick 12 ctl list web "@$dead" "@$tcp" "@$dead" >"$tmp/list" 2>"$tmp/err"
result $? 'holds up nobody for longer than 5 seconds'
is 'the others are shown' "$(awk 'NR == 2 { print $2, $3 }' "$tmp/list")" \
	"$tcp web"
is 'it is said, once for each' "$(sort -u "$tmp/err")" \
	"gitopper-ctl: @$dead: no answer within 5 seconds"
fails 1 'is a failure' ctl -m status web dns "@$dead" "@$tcp"
is 'JSON with errors is whole' "$(sed '/^gitopper-ctl/d; /^exit/d' \
	"$tmp/out" | jq -c '[.services[].machine] + [.errors[] | .machine,
	.error]')" \
	"[\"$tcp\",\"$tcp\",\"$dead\",\"no answer within 5 seconds\"]"
fails 1 'an order for a service that one has not' \
	ctl freeze nosuch "@$tcp" "@$dead"
# 40 of them, at most 32 at a time
set -- 
while [ $# -lt 40 ]; do
	set -- "$@" "@$tcp"
done
is 'many machines' "$(ctl list web "$@" | grep -c ' web ')" 40

# -- all
fails 100 'no machines are known' ctl list @all
cat >"$GITOPPER_STATE/.machines" <<END
$tcp
here.example.org${tab}mine
END
is 'all machines' "$(gitopper-ctl list @all web | awk '{ print $2, $3, $5 }')" \
	"MACHINE SERVICE STATE
$tcp web OK
here.example.org web OK"
is 'and another' "$(gitopper-ctl list @all web "@$tcp" | wc -l)" 4
done_testing
