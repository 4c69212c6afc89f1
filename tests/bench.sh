#!/bin/sh
# bench.sh - what a look at an upstream costs, and what git itself would take
. tests/lib.sh
. tests/servers.sh
. tests/cycles.sh

files=${FILES:-5000} commits=${COMMITS:-500}
mkdir "$tmp/root"
sh tests/generate.sh "$tmp/root/r.git" "$files" "$commits" &&
git -C "$tmp/root/r.git" config uploadpack.allowFilter true &&
git -C "$tmp/root/r.git" config uploadpack.allowAnySHA1InWant true &&
try git_daemon "$tmp/root" &&
proxy "${git_url#git://}" || exit 111
url=git://127.0.0.1:$proxy_port/r.git
make_cycle

# The gitopper in Go has a sparse clone per service, and runs five git
# processes for a look at each.
cat >"$tmp/poll" <<'EOF'
#!/bin/sh
for clone in "$1"/*; do
	cd "$clone" &&
	git rev-parse HEAD &&
	git fetch -q &&
	git diff --stat HEAD origin/main -- "${clone##*/}" &&
	git merge -q origin/main &&
	git rev-parse HEAD || exit 1
done >/dev/null
EOF
chmod 755 "$tmp/poll"

# clones DIR COUNT: the clones that it looks at
clones() {
	i=0
	while [ "$i" -lt "$2" ]; do
		git clone -q --filter=blob:none --no-checkout --sparse \
			"$git_url/r.git" "$1/s$i" &&
		git -C "$1/s$i" sparse-checkout set "s$i" &&
		git -C "$1/s$i" checkout -q || return 1
		i=$((i + 1))
	done
}

# config FILE COUNT: for the runner
config() {
	printf '[global]\nupstream = "%s"\n' "$url" >"$1"
	i=0
	while [ "$i" -lt "$2" ]; do
		printf '[[services]]\nmachine = "bench"\nservice = "s%d"\n' "$i"
		printf 'dirs = [ { link = "s%d" } ]\n' "$i"
		i=$((i + 1))
	done >>"$1"
}

# median COMMAND...: of the CPU seconds, over 7 runs
median() {
	perl "$top/tests/cpu.pl" 7 "$@"
}

ratio() {
	perl -e 'printf "%.2f", $ARGV[0] / $ARGV[1]' "$1" "$2"
}

echo "a cycle in which nothing changed; $files files, $commits commits"
for n in 1 100; do
	services "$tmp/state$n" "$n" "$url"
	config "$tmp/config$n" "$n"
	"$tmp/cycle" "$tmp/state$n" && clones "$tmp/clones$n" "$n" || exit 1
	connections=$(connections "$proxy_log")
	written "$tmp/state$n" >"$tmp/before"
	"$tmp/cycle" "$tmp/state$n"
	connections=$(($(connections "$proxy_log") - connections))
	written "$tmp/state$n" >"$tmp/after"
	changed=$(diff "$tmp/before" "$tmp/after" | grep -c '^>')
	echo "services: $n"
	echo "    connections                  $connections"
	echo "    files of services written    $changed"
	pipe=$(median 10 "$tmp/cycle" "$tmp/state$n")
	echo "    CPU, the pipe                $pipe s"
	runner=$(GITOPPER_STATE=$tmp/runner$n median 5 \
		gitopper -1 -h bench -c "$tmp/config$n")
	echo "    CPU, gitopper -1             $runner s"
	git=$(median $((n > 1 ? 1 : 10)) "$tmp/poll" "$tmp/clones$n")
	echo "    CPU, git for each service    $git s"
	eval "pipe$n=\$pipe runner$n=\$runner git$n=\$git"
done
echo "CPU with 100 services to CPU with 1 service:"
echo "    the pipe                     $(ratio "$pipe100" "$pipe1")"
echo "    gitopper -1                  $(ratio "$runner100" "$runner1")"
echo "    git for each service         $(ratio "$git100" "$git1")"
echo "git for each service to the pipe:"
echo "    with 1 service               $(ratio "$git1" "$pipe1")"
echo "    with 100 services            $(ratio "$git100" "$pipe100")"

# gitopper-conf on many services: a first time, and when nothing has changed
n=5000
config "$tmp/config$n" "$n"
cat >"$tmp/conf" <<'EOF'
#!/bin/sh
GITOPPER_STATE=$(mktemp -d "$2/conf.XXXXXX") || exit 111
export GITOPPER_STATE
exec gitopper-conf -h bench -c "$1" >/dev/null
EOF
cat >"$tmp/copy" <<'EOF'
#!/bin/sh
cp -r "$1" "$(mktemp -d "$2/copy.XXXXXX")"
EOF
chmod 755 "$tmp/conf" "$tmp/copy"
GITOPPER_STATE=$tmp/state$n gitopper-conf -h bench -c "$tmp/config$n" >/dev/null
first=$(median 1 "$tmp/conf" "$tmp/config$n" "$tmp")
copy=$(median 1 "$tmp/copy" "$tmp/state$n" "$tmp")
again=$(GITOPPER_STATE=$tmp/state$n median 1 gitopper-conf -h bench \
	-c "$tmp/config$n")
checksum=$(median 1 sh -c 'exec cksum "$1"/*/conf >/dev/null' sh \
	"$tmp/state$n")
echo "gitopper-conf with $n services, CPU:"
echo "    a first time                 $first s"
echo "    to cp -r of what it wrote    $(ratio "$first" "$copy")"
echo "    nothing has changed          $again s"
echo "    to cksum of each conf        $(ratio "$again" "$checksum")"
sh "$top/tests/bench-pull.sh"
sh "$top/tests/bench-http.sh"
