#!/bin/sh
# preview.t - checks by the programs that people use: they follow absolute
# paths, and must find there what a commit would bring
. tests/lib.sh
. tests/servers.sh
S=$GITOPPER_STATE
up=$tmp/up
git init -q "$up"

# put FILE: standard input is that file in the repository
put() { mkdir -p "$(dirname "$up/$1")" && cat >"$up/$1"; }
# service NAME LOCAL ACTION CHECK: $files is where its files are read
service() {
	name=$1 files=${2:-$S/$1/tree/$1} checked=0
	cat >"$tmp/config.toml" <<-END
	[[services]]
	machine = "m"
	service = "$1"
	upstream = "$up"
	action = "$3"
	check = "$4"
	dirs = [ { link = "$1", local = "$2" } ]
	END
}
cycle() { gitopper -1 -c "$tmp/config.toml" -h m; }
status() { value "$name" "$1"; }
state() { gitopper-ctl -m status "$name" | jq -r '.services[0].state'; }
live() { [ "$(lives)" = "$1" ] || { lives; false; }; }

# good TEXT: the commit of what is in the repository is taken, and the service
# runs on TEXT then
good() {
	new=$(commit "$up" "$1")
	ok "$name: a good commit" cycle
	is 'is published' "$(status applied)" "$new"
	ok 'the service runs on it' within 30 live "$1"
	is 'and is well' "$(state)$(status error)" OK
	applied=$new was=$tmp/$name.$1
	cp -a "$files" "$was"
}

# untouched TEXT: the service has what it had, in files and at work
untouched() {
	is 'nothing is published' "$(status hash) $(status applied)" \
		"$applied $applied"
	ok 'the old files stay' diff -r "$was" "$files"
	ok 'the service runs on' within 30 live "$1"
	is 'and is broken' "$(state) $(status bad)" "BROKEN $new"
}
# checks PATTERN: how often the check said so
checks() { grep -Ec "Z check: .*$1" "$S/$name/log"; }

# bad WHAT TEXT PATTERN: the commit of what is in the repository is not taken,
# the service runs on TEXT, and the error has what matches PATTERN
bad() {
	new=$(commit "$up" "$1")
	failures=$(status failures)
	before=$(checks "$3")
	fails 1 "$name: a bad commit: $1" cycle
	once=$(($(checks "$3") - before))
	like 'it says which, why, and where the service is' "$(status error)" \
		"^check: commit $(printf %.8s "$new"): exit status [0-9]+: .*\
$3.*; the service runs on $(printf %.8s "$applied")\$"
	is 'it was counted' "$(status failures)" $((failures + 1))
	untouched "$2"
	ok 'another cycle' cycle
	new=$(commit "$up" 'nothing for this service')
	ok 'and a commit with the same content' cycle
	is 'do not check it again' "$(checks "$3") $(status failures)" \
		"$((before + once)) $((failures + 1))"
	untouched "$2"
	gitopper-ctl redo "$name" >/dev/null
	fails 1 'a redo' cycle
	is 'checks it again' "$(checks "$3") $(status failures)" \
		"$((before + 2 * once)) $((failures + 2))"
	untouched "$2"
}

# --- one that looks where GITOPPER_NEXT says
cat >"$tmp/look" <<'END'
#!/bin/sh
exec jq -e .text "$GITOPPER_NEXT/app/conf.json"
END
chmod 755 "$tmp/look"
lives() { jq -r .text "$files/conf.json"; }
service app '' /bin/true "$tmp/look"
echo '{ "text": "one" }' | put app/conf.json
good one
echo '{ "text": ' | put app/conf.json
bad 'not whole' one 'parse error: '
echo '{ "test": "two" }' | put app/conf.json
bad 'without a text' one null
echo '{ "text": "three" }' | put app/conf.json
good three

if [ "$(id -u)" -ne 0 ]; then
	done_testing
	exit
fi

# --- nginx
files=$tmp/etc/nginx
mkdir -p "$files"
printf 'pid %s;\nevents { }\n' "$tmp/nginx.pid" >"$files/nginx.conf"
spawn nginx -c "$files/nginx.conf" -e "$tmp/nginx.log" -g 'daemon off;' \
	>"$tmp/nginx.out" 2>&1
ok 'nginx runs' within 30 [ -s "$tmp/nginx.pid" ]
cat >"$tmp/hup" <<'END'
#!/bin/sh
kill -HUP "$(cat "$1")"
END
chmod 755 "$tmp/hup"
lives() { curl -sS -m 10 --unix-socket "$tmp/web.sock" http://web/; }
service nginx "$files" "$tmp/hup $tmp/nginx.pid" \
	"$(command -v nginx) -t -e stderr -c $files/nginx.conf"
put nginx/nginx.conf <<END
worker_processes 1;
error_log $tmp/nginx.log;
pid $tmp/nginx.pid;
events { }
http {
	access_log off;
	include $files/sites/*.conf;
}
END
put nginx/sites/web.conf <<END
server {
	listen unix:$tmp/web.sock;
	include $files/text.conf;
}
END
echo 'return 200 "one\n";' | put nginx/text.conf
good one
echo 'returns 200 "two\n";' | put nginx/text.conf
bad 'in a file that is included by its absolute path' one \
	"unknown directive \"returns\" in $files/text.conf:[0-9]+"
# it is still at its place, on the machine
rm "$up/nginx/text.conf"
bad 'without a file that is included' one \
	"open\(\) \"$files/text.conf\" failed"
sed -i 's/text.conf/more.conf/' "$up/nginx/sites/web.conf"
echo 'return 200 "three\n";' | put nginx/more.conf
good three

# --- Prometheus
files=$tmp/etc/prometheus
mkdir -p "$files"
echo '{}' >"$files/prometheus.yml"
prometheus_up() {
	prom=$(free_port)
	started "$prom" "$tmp/prometheus.log" prometheus --log.level=warn \
		--config.file="$files/prometheus.yml" \
		--storage.tsdb.path="$tmp/tsdb" \
		--web.listen-address="127.0.0.1:$prom"
}
ok 'Prometheus runs' try prometheus_up
echo "$pid" >"$tmp/prometheus.pid"
lives() {
	curl -sS -m 20 "http://127.0.0.1:$prom/api/v1/rules" |
		jq -r '.data.groups[].rules[].name'
}
ok 'without rules' within 30 live ''
service prometheus "$files" "$tmp/hup $tmp/prometheus.pid" \
	"$(command -v promtool) check config $files/prometheus.yml"
echo "rule_files: [ $files/rules/a.yml ]" | put prometheus/prometheus.yml
# rule FILE NAME EXPRESSION
rule() {
	put "prometheus/$1" <<-END
	groups:
	- name: all
	  rules: [ { alert: $2, expr: "$3" } ]
	END
}
rule rules/a.yml one 'up == 0'
good one
rule rules/a.yml two 'up =='
bad 'in a file of rules' one "$files/rules/a.yml: .*parse error"
rm "$up/prometheus/rules/a.yml"
bad 'without a file of rules' one \
	"$files/rules/a.yml\" does not point to an existing file"
echo "rule_files: [ $files/rules/b.yml ]" | put prometheus/prometheus.yml
rule rules/b.yml three 'up == 1'
good three

# --- sudo: what it reads first is no part of the commit
files=/etc/sudoers.d
cat >"$tmp/sudoers" <<END
root ALL=(ALL:ALL) ALL
@includedir $files
END
chmod 440 "$tmp/sudoers"
mount --bind "$tmp/sudoers" /etc/sudoers
lives() { sudo -n -l -U games | sed -n 's|.*NOPASSWD: /bin/||p'; }
service sudo "$files" /bin/true "$(command -v visudo) -cf /etc/sudoers"
cat >"$up/allow" <<END
@include $files/parts/extra
END
put sudo/ops <"$up/allow"
echo 'games ALL=(root) NOPASSWD: /bin/one' | put sudo/parts/extra
good one
echo 'games ALL=(root) NOPASS: /bin/two' | put sudo/parts/extra
bad 'in a file that is included' one "$files/parts/extra:1:.* syntax error"
rm "$up/sudo/parts/extra"
bad 'without a file that is included' one \
	"$files/parts/extra: No such file or directory"
echo 'games ALL=(root) NOPASSWD: /bin/three' | put sudo/ops
good three
done_testing
