#!/bin/sh
# metrics.t - what gitopper-httpd tells Prometheus, and what actions add
. tests/lib.sh
. tests/servers.sh
S=$GITOPPER_STATE
A=1111111111111111111111111111111111111111
B=2222222222222222222222222222222222222222
url=https://joe:secret@git.example.org/ops/config
mkdir -p "$S"
chmod 755 "$S"

# replace FILE: by standard input, as the programs do
replace() {
	cat >"$1.tmp" && mv "$1.tmp" "$1"
}

# service NAME [KEY=VALUE...]: one that is well, at commit A
service() {
	name=$1; shift
	mkdir -p "$S/$name/ctl"
	printf '%s\n' machine=here "service=$name" "upstream=$url" \
		branch=main "$@" | replace "$S/$name/conf"
	status "$name"
}

# status NAME [KEY=VALUE...]: what is
status() {
	name=$1; shift
	printf '%s\n' "hash=$A" "applied=$A" since=1700000000 "$@" |
	replace "$S/$name/status"
}

# upstream URL KEY=VALUE...: status of an upstream
upstream() {
	dir=$(upstream_dir "$1"); shift
	mkdir -p "$dir"
	printf '%s\n' "$@" | replace "$dir/status"
}

# start [OPTION...]: gitopper-httpd, at $web
start() {
	port=$(free_port)
	started "$port" "$tmp/httpd.log" gitopper-httpd \
		-l "127.0.0.1:$port" "$@"
	web=http://127.0.0.1:$port
}

scrape() { curl -sS --max-time 20 "$web/metrics"; }
# metric SERIES: its value
metric() {
	scrape | key=$1 awk 'index($0, ENVIRON["key"] " ") == 1 {
		print substr($0, length(ENVIRON["key"]) + 2) }'
}
# of NAME: a number of service a
of() { metric "gitopper_service_$1{service=\"a\"}"; }
series() { scrape | grep -c "^$1"; }
accepted() { scrape >"$tmp/scraped" && promtool check metrics <"$tmp/scraped"; }
# ours: without what scrapes and time change
ours() { scrape | grep -Ev '^(process_|gitopper_http_requests_total)'; }

# --- nothing to tell of
ok 'gitopper-httpd' try start
ok 'without a service there are metrics' accepted
is 'of this machine' "$(metric 'gitopper_machine_info{machine="'"$(
	hostname)"'"}')" 1
like 'of a type that Prometheus knows' "$(curl -sI "$web/metrics")" \
	'^Content-Type: text/plain; version=0\.0\.4'

# --- values follow what is
service a
service b
ok 'with services they are accepted' accepted
is 'the config names the machine' \
	"$(metric 'gitopper_machine_info{machine="here"}')" 1
is 'and nothing else does' "$(series gitopper_machine_info)" 1
is 'the commit is a label' \
	"$(metric "gitopper_service_hash{service=\"a\",hash=\"$A\"}")" 1
is 'so is the one that was applied' \
	"$(metric "gitopper_service_applied{service=\"a\",hash=\"$A\"}")" 1
is 'what it follows' "$(metric 'gitopper_service_info{service="a",'\
'branch="main",upstream="https://git.example.org/ops/config"}')" 1
is 'no password anywhere' "$(scrape | grep -c secret)" 0
is 'it is fine' "$(of ok) $(of state) $(of frozen)" '1 0 0'
is 'since when' "$(of change_time_seconds)" 1700000000
is 'nothing failed' "$(of failure_count) $(of deploys_total)" '0 0'
is 'and it is up to date' "$(of behind) $(of drift_files)" '0 0'
: >"$S/a/ctl/frozen"
is 'frozen' "$(of ok) $(of state) $(of frozen)" '0 1 1'
echo "$B" >"$S/a/ctl/pin"
is 'on its way to another commit' "$(of ok) $(of state) $(of frozen)" '0 2 1'
status a 'error=act: exit status 1' failures=3 deploys=7
is 'broken' "$(of ok) $(of state)" '0 3'
is 'and counted' "$(of failure_count) $(of deploys_total)" '3 7'
status a 'error=pull: no route'
is 'pinned, and not there' "$(of ok) $(of state)" '0 2'
rm "$S/a/ctl/frozen" "$S/a/ctl/pin"
is 'not as it should be' "$(of ok) $(of state)" '0 4'
status a drift=5
is 'fine again' "$(of ok) $(of state) $(of frozen)" '1 0 0'
is 'with local edits' "$(of drift_files)" 5
echo $(($(date +%s) + 3)) >"$S/a/ctl/frozen"
is 'frozen for a while' "$(of frozen)" 1
thawed() { [ "$(of frozen)" = 0 ]; }
ok 'it thaws by itself' within 20 thawed
rm "$S/a/ctl/frozen"
upstream "$url" ops=10 errors=2 contact=1700000123 "tip=main	$B"
is 'behind its branch' "$(of behind)" 1
is 'contacts' "$(metric gitopper_machine_git_ops_total)" 10
is 'and those that failed' "$(metric gitopper_machine_git_errors_total)" 2
last='gitopper_upstream_last_contact_seconds{upstream="'
is 'the last that did not' \
	"$(metric "${last}https://git.example.org/ops/config\"}")" 1700000123
is 'one upstream, however many follow it' "$(series "$last")" 1
upstream "$url" ops=11 "tip=main	$A"
is 'not behind any more' "$(of behind)" 0
other=https://sue@git.example.org/ops/config
service c "upstream=$other"
grep -v '^upstream=.*joe' "$S/c/conf" | replace "$S/c/conf"
upstream "$other" ops=5 errors=1 contact=1700000200
is 'another upstream counts as well' \
	"$(metric gitopper_machine_git_ops_total)" 16
is 'but has no name of its own' "$(series "$last")" 1
is 'so the later contact counts' \
	"$(metric "${last}https://git.example.org/ops/config\"}")" 1700000200
ok 'they are accepted' accepted
rm -r "$S/c"
is 'a service that is gone is in no metric' "$(scrape | grep -c '"c"')" 0

# --- of itself
spent() { metric process_cpu_seconds_total; }
is 'its memory' "$(test "$(metric process_resident_memory_bytes)" -gt 500000 &&
	echo some)" some
# the connection that it is asked on is open only then
same_fds() {
	[ "$(metric process_open_fds)" -eq \
		$(($(ls "/proc/$pid/fd" | wc -l) + 1)) ]
}
ok 'its descriptors' within 20 same_fds
is 'its limit' "$(metric process_max_fds)" "$(awk '/^Max open/ { print $4 }' \
	"/proc/$pid/limits")"
is 'its start' "$(awk -v t="$(metric process_start_time_seconds)" \
	-v now="$(date +%s)" 'BEGIN { print (t > now - 300 && t < now + 5) }')" 1
like 'its CPU time' "$(spent)" '^[0-9.]+$'
before=$(metric 'gitopper_http_requests_total{code="404"}')
for i in 1 2 3; do
	curl -s -o "$tmp/none" "$web/nothing"
done
counted() {
	[ "$(metric 'gitopper_http_requests_total{code="404"}')" -eq \
		$((before + 3)) ]
}
ok 'what it answered' within 10 counted

# --- names that would break it
service odd 'upstream=https://x/a"b\c' "branch=q\"\\n$(printf '\377\303\274')"
grep -v -e '^upstream=.*joe' -e ^branch=main "$S/odd/conf" |
replace "$S/odd/conf"
ok 'odd names are accepted' accepted
like 'and escaped' "$(scrape)" 'branch="q\\"\\\\n.*ü",upstream="https://x/a\\"b'
ok 'all of it is UTF-8' sh -c 'curl -s "$1" | iconv -f utf-8 -t utf-8' - \
	"$web/metrics"
rm -r "$S/odd"

# --- what actions wrote
# writes NAME TEXT: the file that gitopper-act would leave
writes() {
	printf "$2" | replace "$S/$1/metrics"
}
plain=$(ours)
writes a '# HELP x_jobs Jobs.\n# TYPE x_jobs gauge\nx_jobs{q="1"} 4\n'
writes b 'y 1\n# TYPE x_jobs gauge\nx_jobs 5\n'
is 'an action'"'"'s metrics' "$(metric 'x_jobs{service="a",q="1"}')" 4
is 'and another'"'"'s' "$(metric 'x_jobs{service="b"}')" 5
is 'stand together' "$(scrape | grep -A 3 'HELP x_jobs')" '# HELP x_jobs Jobs.
# TYPE x_jobs gauge
x_jobs{service="a",q="1"} 4
x_jobs{service="b"} 5'
writes b '# HELP y_total Y.\n# TYPE y_total counter\ny_total 1\n'
ok 'all are accepted' accepted
writes b '# TYPE x_jobs counter\nx_jobs 5\n'
is 'of two types the first counts' \
	"$(metric 'x_jobs{service="a",q="1"}')$(metric 'x_jobs{service="b"}')" 4
like 'and that is said' "$(scrape)" \
	'^# left out: x_jobs of service b: it is of another type'
writes a '# HELP s_size S.\n# TYPE s_size summary\ns_size_sum 1\ns_size_count 1\n'
writes b '# HELP s_size_count S.\n# TYPE s_size_count untyped\ns_size_count 2\n'
is 'a name that is part of another' "$(series 's_size_count{service="b"}')" 0
like 'is left out' "$(scrape)" 's_size_count of service b: it is part of a fam'
ok 'what is left is accepted' accepted
writes a 'x 1\ngitopper_service_ok{service="b"} 0\n'
is 'a broken file is left out' "$(metric 'x{service="a"}')" ''
like 'and said' "$(scrape)" '^# left out: all of service a: line 2: gitopper_'
is 'it changes nothing of ours' "$(metric 'gitopper_service_ok{service="b"}')" 1
for text in '\377' 'x' 'x{a="\303"} 1\n' 'x 1\nx 1\n' '\000\n' '# TYPE\n'; do
	writes a "$text"
	ok "it may have anything in it: $(printf %s "$text" | tr '\\' %)" \
		accepted
done
long=$(printf '%0100d' 0 | sed 's/00/ü/g')
writes a "x{a=\"$long\"} 1\nx{a=\"$long\"} 1\n"
ok 'or much of it' accepted
ok 'and all stays UTF-8' sh -c 'iconv -f utf-8 -t utf-8 <"$1"' - "$tmp/scraped"
rm "$S/a/metrics"
mkfifo "$S/a/metrics"
ok 'be no file' accepted
rm "$S/a/metrics"
head -c 70000 /dev/zero >"$S/a/metrics"
ok 'or be too long' accepted
rm "$S/a/metrics" "$S/b/metrics"
is 'without them all is as before' "$(ours)" "$plain"
ok 'nobody died of that' kill -0 "$pid"

# --- the whole way: a config, a commit, an action
rm -r "$S/a" "$S/b"
repo=$tmp/repo
mkdir -p "$repo/one" "$repo/two"
git init -q "$repo"
echo 1 >"$repo/one/file"
echo 1 >"$repo/two/file"
first=$(commit "$repo" first)
cat >"$tmp/action" <<'END'
#!/bin/sh
cat >"$GITOPPER_METRICS" <<EOF
# HELP files_lines Lines of the file.
# TYPE files_lines gauge
files_lines $(wc -l <"$1/file")
EOF
END
chmod 755 "$tmp/action"
cat >"$tmp/config" <<END
[global]
upstream = "$repo"

[[services]]
machine = "m"
service = "one"
action = "$tmp/action one"
dirs = [ { link = "one" } ]
[[services]]
machine = "m"
service = "two"
dirs = [ { link = "two" } ]
END
cycle() { gitopper -1 -h m -c "$tmp/config"; }
ok 'a cycle' cycle
is 'its action tells' "$(metric 'files_lines{service="one"}')" 1
is 'where it is' \
	"$(metric "gitopper_service_hash{service=\"two\",hash=\"$first\"}")" 1
is 'that it was deployed' \
	"$(metric 'gitopper_service_deploys_total{service="one"}')" 1
is 'that an upstream was asked' "$(metric gitopper_machine_git_ops_total)" 1
is 'and when' "$(test "$(metric "$last$repo\"}")" -gt \
	$(($(date +%s) - 300)) && echo lately)" lately
echo 2 >>"$repo/one/file"
second=$(commit "$repo" second)
ok 'another cycle' cycle
is 'the action tells something else' \
	"$(metric 'files_lines{service="one"}')" 2
is 'what did not change follows as well' \
	"$(metric "gitopper_service_hash{service=\"two\",hash=\"$second\"}")" 1
sed 's/^files_lines/up/' "$tmp/action" >"$tmp/action.new"
cat "$tmp/action.new" >"$tmp/action"
echo 3 >>"$repo/one/file"
commit "$repo" third >/dev/null
ok 'an action with faulty metrics' cycle
is 'has the ones of before' "$(metric 'files_lines{service="one"}')" 2
like 'which the log says' "$(cat "$S/one/log")" 'metrics: line 3: up is not'
ok 'all of this is accepted' accepted
sed -i '4,8d' "$tmp/config"
ok 'a service that leaves the config' cycle
is 'takes its metrics along' "$(scrape | grep -c 'service="one"')" 0
ok 'from the disk, too' test ! -e "$S/one/metrics"

# --- Prometheus itself
# the rules of the man page
awk '/^\.Bd/ { n = 0; on = 1; next }
	/^\.Ed/ {
		for (i = 1; on && text[1] ~ /^groups:/ && i <= n; i++)
			print text[i]
		on = 0
	}
	on { gsub(/\\&/, ""); gsub(/\\e/, "\\"); text[++n] = $0 }' \
	gitopper-httpd.1 >"$tmp/rules.yml"
ok 'the page has rules' grep -q alert: "$tmp/rules.yml"
ok 'and Prometheus accepts them' promtool check rules "$tmp/rules.yml"
cat >"$tmp/prometheus.yml" <<END
global:
  scrape_interval: 500ms
  evaluation_interval: 500ms
rule_files: [rules.yml]
scrape_configs:
  - job_name: gitopper
    static_configs:
      - targets: ["${web#http://}"]
END
prometheus_up() {
	prom=$(free_port)
	started "$prom" "$tmp/prometheus.log" prometheus \
		--config.file="$tmp/prometheus.yml" --log.level=warn \
		--storage.tsdb.path="$tmp/tsdb" \
		--web.listen-address="127.0.0.1:$prom"
}
ok 'Prometheus' try prometheus_up
api() { curl -sS --max-time 20 "http://127.0.0.1:$prom/api/v1/$1"; }
# ask QUERY: the value of the first result
ask() {
	curl -sS --max-time 20 -G --data-urlencode "query=$1" \
		"http://127.0.0.1:$prom/api/v1/query" |
	jq -r '.data.result[0].value[1] // "none"'
}
health() { api targets | jq -r '.data.activeTargets[0].health'; }
target_up() { [ "$(health)" = up ] || { api targets; false; }; }
says() { [ "$(ask "$1")" = "$2" ] || { ask "$1"; false; }; }
ok 'says that the target is up' within 30 target_up
ok 'knows the state' within 10 says 'gitopper_service_state{service="two"}' 0
ok 'the commit' says "gitopper_service_hash{service=\"two\",hash=\"$(
	git -C "$repo" rev-parse HEAD)\"}" 1
ok 'how much it scraped' says 'scrape_samples_scraped > bool 30' 1
: >"$S/two/ctl/frozen"
ok 'sees a freeze' within 20 says 'gitopper_service_frozen{service="two"}' 1
writes two 'odd{a="\303\274 \\\\ \\"",service="x"} 42\n'
ok 'sees what an action writes' within 20 says 'odd{service="two"}' 42
writes two 'odd{\n'
ok 'until it is broken' within 20 says 'odd{service="two"}' none
ok 'which is no trouble' target_up
ok 'counts its own requests' within 10 says \
	'gitopper_http_requests_total{code="200"} > bool 3' 1
is 'no alert is on fire yet' "$(api alerts |
	jq '[.data.alerts[] | select(.state == "firing")] | length')" 0
is 'no rule failed' "$(api rules | jq '[.data.groups[].rules[] |
	select(.health == "err")] | length')" 0
done_testing
