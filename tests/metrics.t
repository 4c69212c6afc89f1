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
# measured NAME: what the service's action wrote
measured() { curl -sS --max-time 20 "$web/metrics/$1"; }
# fetched PATH: the status of the answer
fetched() { curl -sS -o "$tmp/body" -w '%{http_code}' "$web$1"; }

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
ours=$(scrape)
is 'a service without metrics of its own' "$(fetched /metrics/a)" 404
like 'is said to have none' "$(cat "$tmp/body")" 'a: it has no metrics'
is 'nor has one that is not there' "$(fetched /metrics/nobody)" 404
text='# HELP x_jobs Jobs.\n# TYPE x_jobs gauge\nx_jobs{q="1"} 4\n'
writes a "$text"
is 'what an action wrote is there' "$(measured a)" "$(printf "$text")"
like 'of a type that Prometheus knows' "$(curl -sI "$web/metrics/a")" \
	'^Content-Type: text/plain; version=0\.0\.4'
printf '\377x{\000gitopper_service_ok 1\n' >"$tmp/odd"
replace "$S/a/metrics" <"$tmp/odd"
measured a >"$tmp/got"
ok 'as it is' cmp "$tmp/odd" "$tmp/got"
is 'it changes nothing of ours' "$(scrape)" "$ours"
rm "$S/a/metrics"
mkfifo "$S/a/metrics"
is 'where it is no file, that is all' "$(fetched /metrics/a)" 500
rm "$S/a/metrics"
ln -s /etc/passwd "$S/a/metrics"
is 'a link leads nowhere' "$(fetched /metrics/a)" 500
rm "$S/a/metrics"
head -c 70000 /dev/zero >"$S/a/metrics"
is 'too much is not served' "$(fetched /metrics/a)" 500
rm "$S/a/metrics"
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
is 'its action tells' "$(measured one | tail -n 1)" 'files_lines 1'
is 'where it is' \
	"$(metric "gitopper_service_hash{service=\"two\",hash=\"$first\"}")" 1
is 'that it was deployed' \
	"$(metric 'gitopper_service_deploys_total{service="one"}')" 1
# for commits and for files
is 'that an upstream was asked' "$(metric gitopper_machine_git_ops_total)" 2
is 'and when' "$(test "$(metric "$last$repo\"}")" -gt \
	$(($(date +%s) - 300)) && echo lately)" lately
echo 2 >>"$repo/one/file"
second=$(commit "$repo" second)
ok 'another cycle' cycle
is 'the action tells something else' "$(measured one | tail -n 1)" \
	'files_lines 2'
is 'what did not change follows as well' \
	"$(metric "gitopper_service_hash{service=\"two\",hash=\"$second\"}")" 1
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
  - job_name: two
    metrics_path: /metrics/two
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
# health JOB [WANTED]: of its target
health() {
	got=$(api targets | jq -r --arg job "$1" '.data.activeTargets[] |
		select(.labels.job == $job) | .health')
	[ "$got" = "${2-up}" ] || { api targets; false; }
}
says() { [ "$(ask "$1")" = "$2" ] || { ask "$1"; false; }; }
ok 'says that the target is up' within 30 health gitopper
ok 'knows the state' within 10 says 'gitopper_service_state{service="two"}' 0
ok 'the commit' says "gitopper_service_hash{service=\"two\",hash=\"$(
	git -C "$repo" rev-parse HEAD)\"}" 1
ok 'how much it scraped' says \
	'scrape_samples_scraped{job="gitopper"} > bool 10' 1
: >"$S/two/ctl/frozen"
ok 'sees a freeze' within 20 says 'gitopper_service_frozen{service="two"}' 1
writes two 'odd{a="\303\274 \\\\ \\""} 42\n'
ok 'sees what an action writes' within 20 says 'odd{job="two"}' 42
writes two 'odd{\n'
ok 'until it is broken' within 20 health two down
ok 'which is that target'"'"'s trouble alone' health gitopper
is 'no alert is on fire yet' "$(api alerts |
	jq '[.data.alerts[] | select(.state == "firing")] | length')" 0
is 'no rule failed' "$(api rules | jq '[.data.groups[].rules[] |
	select(.health == "err")] | length')" 0
done_testing
