#!/bin/sh
# caller.t - programs, however their caller leaves signals and descriptors
. tests/lib.sh
S=$GITOPPER_STATE
git init -q "$tmp/r"
mkdir "$tmp/r/app"
echo one >"$tmp/r/app/a"
head=$(commit "$tmp/r" one)
cp -r "$tmp/r" "$tmp/r2"

# service NAME URL [LINE...]
service() {
	mkdir -p "$S/$1/ctl"
	printf '%s\n' machine=m "service=$1" "upstream=$2" branch=main \
		'dir=app		dir' >"$S/$1/conf"
	name=$1; shift 2
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$S/$name/conf"
}
service app "$tmp/r" "action=/usr/bin/touch $tmp/touched"

# begin: as if nothing had been done
begin() {
	rm -rf "$S/app/status" "$S/app/tree" "$S/app/index" "$S/.upstream" \
		"$tmp/touched"
}

# deployed: it was
deployed() {
	echo "at $(value app hash), applied $(value app applied)"
	[ "$(value app hash)" = "$head" ] && [ "$(cat "$S/app/tree/app/a")" = \
		one ] && [ "$(value app applied)" = "$head" ] &&
		[ -e "$tmp/touched" ]
}

# deaf COMMAND...: with SIGCHLD ignored, as children inherit it
deaf() {
	perl -e '$SIG{CHLD} = "IGNORE"; exec @ARGV or die' "$@"
}
begin
ok 'SIGCHLD ignored: gitopper-pull' deaf gitopper-pull app
ok 'SIGCHLD ignored: gitopper-act' deaf gitopper-act app
ok 'all was done' deployed

# bare COMMAND...: without standard input, output and error
bare() {
	"$@" <&- >&- 2>&-
}
begin
ok 'descriptors closed: gitopper-pull' bare gitopper-pull app
ok 'descriptors closed: gitopper-act' bare gitopper-act app
ok 'all was done' deployed
for fd in 0 1 2; do
	begin
	ok "descriptor $fd closed: gitopper-pull" \
		sh -c "gitopper-pull app $fd<&-"
	ok "descriptor $fd closed: gitopper-act" sh -c "gitopper-act app $fd<&-"
	ok 'all was done' deployed
done
is 'and no file was taken for a descriptor that was missing' \
	"$(grep -rl 'gitopper-[a-z]*: ' "$S" | grep -v '/log$')" ''

# A program that is started for a signature has to be waited for as well
ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/key"
echo "me namespaces=\"git\" $(cat "$tmp/key.pub")" >"$tmp/signers"
git -C "$tmp/r" -c gpg.format=ssh -c "user.signingkey=$tmp/key" \
	commit -q --allow-empty -S -m signed
git -C "$tmp/r" cat-file commit HEAD >"$tmp/commit"
ok 'SIGCHLD ignored: gitopper-verify' \
	sh -c "perl -e '\$SIG{CHLD} = \"IGNORE\"; exec @ARGV' gitopper-verify \
		'$tmp/signers' <'$tmp/commit'"
head=$(git -C "$tmp/r" rev-parse HEAD)

if [ "$(id -u)" -eq 0 ]; then
	# No more processes: for a user of its own, as root has no limit
	begin
	service other "$tmp/r2"
	chown -R 64999:64999 "$S"
	cp "$(command -v gitopper-pull)" "$tmp/pull"
	limited() {
		setpriv --reuid 64999 --regid 64999 --clear-groups \
			prlimit --nproc="$1" timeout 20 "$tmp/pull" app other
	}
	# timeout is one, gitopper-pull another, one worker the third
	for n in 2 3; do
		fails 111 "fork fails with $n processes: the trouble is told" \
			limited $n
		like 'it says which' "$(cat "$tmp/out")" 'no worker: Resource'
		is 'and nothing else of workers' \
			"$(grep worker "$tmp/out" | grep -v 'no worker')" ''
	done
	chown -R 0:0 "$S"
	rm -rf "$S/other"
fi

# Its parent may end before a child has asked to end with it
begin
gitopper-pull app >"$tmp/out"
# children PID: its children's ids
children() {
	cat "/proc/$1/task/$1/children"
}
# forks: gitopper-act, whom strace runs, has a child by now
forks() {
	act=$(children "$tracer") act=${act%% *}
	[ "$(cat "/proc/$act/comm")" = gitopper-act ] &&
	[ -n "$(children "$act")" ]
}
orphan() {
	rm -f "$tmp/touched"
	spawn strace -f -qq -o "$tmp/trace" -e trace=prctl \
		-e inject=prctl:delay_enter=3000000 gitopper-act app
	tracer=$pid
	within 20 forks || return 1
	[ "$1" = stays ] || kill -KILL "$act"
	wait "$tracer"
	grep -q PDEATHSIG "$tmp/trace"
}
ok 'a child of gitopper-act that takes its time' orphan stays
ok 'does what it is for' test -e "$tmp/touched"
begin
gitopper-pull app >"$tmp/out"
ok 'one whose gitopper-act has ended' orphan ends
ok 'does nothing' test ! -e "$tmp/touched"
done_testing
