#!/bin/sh
# act.t - gitopper-act: actions, packages and health
. tests/lib.sh
S=$GITOPPER_STATE
mkdir -p "$S" "$tmp/bin"
A=1111111111111111111111111111111111111111
B=2222222222222222222222222222222222222222
url=https://joe:secret@git.example.org/ops/config

# service NAME KEY=VALUE...: a service at commit B, with this conf
service() {
	name=$1; shift
	mkdir -p "$S/$name/ctl" "$S/$name/tree"
	printf '%s\n' "machine=m" "service=$name" "upstream=$url" \
		"branch=main" "$@" >"$S/$name/conf"
	status "$name" "hash=$B" "todo=act"
}

# status NAME KEY=VALUE...: what is
status() {
	name=$1; shift
	: >"$S/$name/status"
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$S/$name/status"
}

# script NAME: an executable with the text of standard input
script() {
	{ echo '#!/bin/sh'; cat; } >"$tmp/bin/$1"
	chmod 755 "$tmp/bin/$1"
}

# tip COMMIT: where the upstream's branch is
tip() {
	mkdir -p "$(upstream_dir "$url")"
	printf 'tip=main\t%s\n' "$1" >"$(upstream_dir "$url")/status"
}

act() { gitopper-act "$@" </dev/null; }
# whoever inherits it may not have waited for it yet
gone() { ! kill -0 "$1" 2>/dev/null || grep -q ') Z ' "/proc/$1/stat"; }
free_lock() { flock -n "$S/$1/lock" true; }

# --- usage
fails 100 'an unknown option is wrong usage' act -q
fails 100 '-k and -x exclude each other' act -k check -x package
fails 100 'so do -a and names' act -a name
fails 1 'an unknown service is a failure' act nobody-knows-it
like 'and named' "$(cat "$tmp/out")" 'nobody-knows-it: no such service'

# --- which command, and what it gets
script dump <<'END'
echo "args: $#: $*"
pwd -P
env | sort
echo "stdin:"
cat
END
service one "action=$tmp/bin/dump a;b \$(id)	'c" env=LEVEL=in=fo \
	env=LANG=C package=pkg 'dir=a	/x	dir' 'dir=b	/y	file' \
	key=/k credentials=/c known_hosts=/h ca=/a
status one hash=$B applied=$A todo=act
printf 'M\tpath\n' >"$S/one/changes"
is 'a name that comes through is printed' "$(act one)" one
log=$(sed 's/^[^ ]* //' "$S/one/log")
has() { printf '%s\n' "$log" | grep -Fqx -- "act: $1"; }
ok 'no shell looks at the command' has "args: 3: a;b \$(id) 'c"
ok 'it runs in the tree' has "$S/one/tree"
ok 'with changes on standard input' has 'M?path'
ok 'the environment: service' has GITOPPER_SERVICE=one
ok 'hash' has GITOPPER_HASH=$B
ok 'old' has GITOPPER_OLD=$A
ok 'tree' has "GITOPPER_TREE=$S/one/tree"
ok 'state' has "GITOPPER_STATE=$S"
ok 'stage' has GITOPPER_STAGE=action
ok 'a key of conf' has GITOPPER_PACKAGE=pkg
ok 'repeated keys are lines' has "GITOPPER_DIR=a?/x?dir"
ok 'the URL comes without its password' \
	has GITOPPER_UPSTREAM=https://git.example.org/ops/config
ok 'variables of env come as they are' has LEVEL=in=fo
ok 'and win over ours' has LANG=C
ok 'TZ is kept' has TZ=UTC
# told URL: what a command hears of it
told() {
	service told "action=$tmp/bin/dump"
	sed -i "s|^upstream=.*|upstream=$1|" "$S/told/conf"
	act told >/dev/null
	sed -n 's/.*GITOPPER_UPSTREAM=//p' "$S/told/log" | tail -n 1
}
for scheme in ssh git+ssh ssh+git; do
	is "$scheme keeps its user" "$(told $scheme://git:secret@host:22/x)" \
		"$scheme://git@host:22/x"
done
is 'as user@host:path does' "$(told git@host:path/x)" git@host:path/x
is 'others have none' "$(told http://git:secret@host/x)" http://host/x
script open <<'END'
[ ! -e /proc/self/fd/7 ]
END
service open "action=$tmp/bin/open"
ok 'no descriptor but 0, 1, 2' act open 7>"$tmp/seven"
is 'secrets and our own variables stay away' "$(printf '%s\n' "$log" |
	grep -cE 'secret|GITOPPER_(KEY|CREDENTIALS|CA|KNOWN_HOSTS|ENV)=|GIT_')" 0
is 'others can not read the log' "$(stat -c %a "$S/one/log")" 640
chmod 644 "$S/one/log"
cp -p "$S/one/log" "$S/one/log.old"
act one >/dev/null
is 'nor those of before' "$(stat -c %a "$S/one/log" "$S/one/log.old" |
	tr '\n' ' ')" '640 640 '
rm "$S/one/log.old"
if [ "$(id -u)" -eq 0 ]; then
	{ grep -v ^gitopper: /etc/group; echo gitopper:x:4242:; } >"$tmp/group"
	mount --bind "$tmp/group" /etc/group
	act one >/dev/null
	is 'the group may, when there is one' \
		"$(stat -c '%a %g' "$S/one/log")" '640 4242'
	umount /etc/group
fi
status one hash=$B applied=$B deploys=1
is 'applied is what the tree is at' "$(value one applied)" $B
is 'nothing is left to do' "$(value one todo)" ''
is 'it was counted' "$(value one deploys)" 1
act one >/dev/null
is 'the same commit is not counted again' "$(value one deploys)" 1

service rel 'action=bin/run x'
mkdir "$S/rel/tree/bin"
printf '#!/bin/sh\necho "$0"\n' >"$S/rel/tree/bin/run"
chmod 755 "$S/rel/tree/bin/run"
ok 'a relative command is in the tree' act rel
like 'and is called by its whole path' "$(cat "$S/rel/log")" \
	"act: $S/rel/tree/bin/run\$"
service out 'action=bin/../../run'
fails 1 'a command may not leave the tree' act out
like 'and that is said' "$(value out error)" '^act: .*leaves the tree'
service odd 'action=no-such-thing now'
fails 1 'an action that is nowhere fails' act odd
is 'and that is said' "$(value odd error)" 'act: no-such-thing: no such action'
is 'it is still to be done' "$(value odd todo)" act
ok 'and tried again' [ "$(value odd retry)" -gt "$(date +%s)" ]
service odd2 "action=$tmp/nothing"
fails 1 'a path that is nowhere fails' act odd2
like 'and that is said' "$(value odd2 error)" \
	"^act: can't run $tmp/nothing: No such file"
service odd3 "action=$tmp/bin/plain"
echo text >"$tmp/bin/plain"
fails 1 'so does a file that is not executable' act odd3
like 'and that is said' "$(value odd3 error)" 'Permission denied'
service none
is 'no action is success' "$(act none)" none
is 'and the commit is applied' "$(value none applied)" $B
service fresh action=/bin/false
status fresh
is 'without a commit there is nothing to act upon' "$(act fresh; echo $?)" 0
service left action=/bin/false gone=1
is 'a service that left the config is passed over' "$(act left; echo $?)" 0
service half action=/bin/true
status half hash=$B "todo=publish $A"
fails 1 'a tree that is half way is not acted upon' act half
is 'and its todo stays' "$(value half todo)" "publish $A"
service made "action=/bin/pwd" "mount=$tmp/srv/trees"
ok 'a tree that is missing is made' act made
like 'and entered' "$(cat "$S/made/log")" "act: $tmp/srv/trees/made\$"

# --- failures and their text
script bad <<'END'
echo first
printf 'last\001 \0 words\n\n  \n'
exit 3
END
service bad "action=$tmp/bin/bad"
fails 1 'a failing action fails' act bad
like 'its last line is in the error' "$(value bad error)" \
	'^act: exit status 3: last\? \? words$'
like 'all lines are in the log' "$(cat "$S/bad/log")" 'Z act: first$'
is 'it was counted' "$(value bad failures)" 1
is 'nothing is applied' "$(value bad applied)" ''
script bad <<'END'
exit 0
END
ok 'it may work the next time' act bad
is 'then the error goes' "$(value bad error)" ''
is 'with its retry' "$(value bad retry)" ''
is 'and the commit is applied' "$(value bad applied)" $B
service dead "action=$tmp/bin/dead"
script dead <<'END'
kill -9 $$
END
fails 1 'a command that is killed fails' act dead
is 'and that is said' "$(value dead error)" 'act: killed by signal 9'
script much <<'END'
head -c 300000 /dev/zero | tr '\0' x
echo
yes | head -n 40000
echo the end
exit 1
END
service much "action=$tmp/bin/much"
fails 1 'much output is no trouble' act much
is 'its last line is known' "$(value much error)" \
	'act: exit status 1: the end'
ok 'but it does not all go to the log' \
	[ "$(cat "$S/much"/log* | wc -c)" -lt 80000 ]
ok 'which says so' grep -q 'left out' "$S/much/log"

# --- timeouts
script slow <<'END'
trap '' TERM
sleep 60 & echo $! >"$GITOPPER_TREE/grandchild"
sleep 60 & echo $! >"$GITOPPER_TREE/../pid"
echo working
wait
wait
END
service slow "action=$tmp/bin/slow" action_timeout=1
start=$(date +%s)
fails 1 'a command that takes too long is ended' act slow
is 'and that is said' "$(value slow error)" \
	'act: timed out after 1 s: working'
ok 'in time' [ $(($(date +%s) - start)) -lt 6 ]
ok 'with its children' within 2 gone "$(cat "$S/slow/tree/grandchild")"
script leftover <<'END'
sleep 60 & echo $! >"$GITOPPER_TREE/grandchild"
END
service leftover "action=$tmp/bin/leftover"
ok 'a command that leaves a child behind works' act leftover
ok 'but the child is ended' within 2 gone \
	"$(cat "$S/leftover/tree/grandchild")"
script daemon <<'END'
exec perl -MPOSIX=setsid -e 'fork and exit; select undef, undef, undef, 0.5;
	setsid; open my $f, ">", "pid.new"; print $f $$; close $f;
	rename "pid.new", "pid"; sleep 60'
END
service daemon "action=$tmp/bin/daemon"
ok 'a command that starts a daemon works' act daemon
ok 'that has a moment for a session of its own' \
	[ -s "$S/daemon/tree/pid" ]
pids="$pids $(cat "$S/daemon/tree/pid")"
ok 'and lives then' kill -0 "$(cat "$S/daemon/tree/pid")"
script group <<'END'
ps -o pid=,pgid= -p $$
END
service group "action=$tmp/bin/group"
act group >/dev/null
like 'a command has its own process group' \
	"$(sed -n 's/.*act: //p' "$S/group/log")" '^ *([0-9]+) +\1$'

# --- a stream: one slow service delays no other
script hang <<'END'
until [ -e "$GITOPPER_STATE/go" ]; do sleep 0.02; done
END
service hang "action=$tmp/bin/hang"
for i in 1 2 3 4 5; do
	service "quick$i" action=/bin/true
done
mkfifo "$tmp/names"
gitopper-act <"$tmp/names" >"$tmp/done" &
act_pid=$!
pids="$pids $act_pid"
exec 7>"$tmp/names"
printf 'hang\nquick1\nquick2\n' >&7
lines() { [ "$(wc -l <"$tmp/done")" -eq "$1" ]; }
ok 'names come through past one that hangs' within 3 lines 2
printf 'quick3\nquick4' >&7
ok 'also those that come later' within 3 lines 3
printf '\nquick5\n' >&7
ok 'and those that come in pieces' within 3 lines 5
ok 'the slow one is locked meanwhile' [ "$(free_lock hang; echo $?)" -eq 1 ]
ok 'another leaves it alone' [ "$(act hang)" = '' ]
ok 'and leaves word that it came' [ -f "$S/hang/ctl/poke" ]
touch "$S/go"
ok 'it comes through in the end' within 3 lines 6
exec 7>&-
ok 'at the end of the names the program ends' wait "$act_pid"
is 'all came through' "$(sort "$tmp/done" | tr '\n' ' ')" \
	'hang quick1 quick2 quick3 quick4 quick5 '
is 'the slow one last' "$(tail -n 1 "$tmp/done")" hang

rm "$S/go"
script count <<'END'
echo x >>"$GITOPPER_STATE/count"
until [ -e "$GITOPPER_STATE/go" ]; do sleep 0.05; done
END
i=0; many=
while [ $((i += 1)) -le 18 ]; do
	service "many$i" "action=$tmp/bin/count"
	many="$many many$i"
done
spawn gitopper-act $many >"$tmp/done"
counted() { [ "$(wc -l <"$S/count")" -eq "$1" ]; }
ok 'sixteen run at once' within 5 counted 16
ok 'and no more' free_lock many17
touch "$S/go"
ok 'the others have their turn' wait "$pid"
is 'and all come through' "$(wc -l <"$tmp/done")" 18

# --- the end
service stop "action=$tmp/bin/stop"
script stop <<'END'
sleep 60 & echo $! >"$GITOPPER_TREE/pid"
wait
END
spawn gitopper-act stop
ok 'an action runs' within 3 [ -s "$S/stop/tree/pid" ]
kill -TERM "$pid"
start=$(date +%s)
fails 111 'SIGTERM ends the program' wait "$pid"
ok 'within a second or so' [ $(($(date +%s) - start)) -le 2 ]
ok 'with what it runs' within 1 gone "$(cat "$S/stop/tree/pid")"
is 'the action is still to be done' "$(value stop todo)" act
ok 'and nothing is locked' free_lock stop

# --- other commands
service other "notify=$tmp/bin/bad" action=/bin/true
is 'a key of conf' "$(act -k notify other)" other
is 'a service without that key comes through' "$(act -k notify none)" none
script bad <<'END'
echo "$GITOPPER_STAGE"; exit 1
END
fails 1 'its command may fail' act -k notify other
is 'and that is said' "$(value other error)" 'act: exit status 1: notify'
is '-x names a command' "$(act -x /bin/true other)" other
is 'which does not hide the error' "$(value other error)" \
	'act: exit status 1: notify'

# --- reload
service systemd action=reload
mkdir "$tmp/run" "$tmp/sysbin"
cat >"$tmp/sysbin/systemctl" <<END
#!/bin/sh
echo "\$*" >>"$tmp/told"
END
chmod 755 "$tmp/sysbin/systemctl"
if [ "$(id -u)" -eq 0 ]; then
	mount -t tmpfs -o size=64k,mode=755 none /run || exit 111
	fails 1 'without systemd, reload fails' act systemd
	like 'and says so' "$(value systemd error)" 'neither systemd,'
	mkdir -p /run/systemd/system
fi
service at@1 action=reload "env=PATH=$tmp/sysbin:/usr/bin:/bin"
# told: what systemctl was called with, but for whether that is the runner's
told() { grep -v MainPID "$tmp/told" | tr '\n' ,; }
if [ -d /run/systemd/system ]; then
	ok 'reload is found in the build tree' act at@1
	is 'and does what systemd needs' "$(told)" \
		"show -p NeedDaemonReload -- at@1,enable --quiet -- at@1,\
is-active --quiet -- at@1,reload -- at@1,"
	# reads PATH: a change of it has systemd read the units again
	reads() {
		: >"$tmp/told"
		sed -i '/^applied=/d' "$S/at@1/status"
		printf 'M\tx/file\nA\t%s\n' "$1" >"$S/at@1/changes"
		act at@1 >/dev/null && grep -qx daemon-reload "$tmp/told"
	}
	for path in x.service a/x.timer x@.socket '"x\303\251.path"' \
		sys/x.service.d/10-a.conf service.d/a.conf; do
		ok "this is a unit: $path" reads "$path"
	done
	for path in service x.service.bak x.d/a.conf x.service.d/README; do
		fails 1 "this is none: $path" reads "$path"
	done
	status at@1 hash=$B todo=act mounted=1
	ok 'what was mounted may have some' reads none
	is 'and that is forgotten then' "$(value at@1 mounted)" ''
	fails 1 'until the next time' reads none
	service elsewhere action=reload env=GITOPPER_INIT=sysvinit
	fails 1 'GITOPPER_INIT names no init system' act elsewhere
	like 'which is said' "$(value elsewhere error)" 'INIT=sysvinit: not'
	service elsewhere action=reload
	fails 1 'it comes from our environment as well' \
		env GITOPPER_INIT=s6 gitopper-act elsewhere
	like 'and is obeyed' "$(value elsewhere error)" 'no s6-svscan'
	service elsewhere 'action=stop -x'
	fails 1 'a service is no option' act elsewhere
	like 'which is said' "$(value elsewhere error)" '-x: not the name'
fi
[ "$(id -u)" -eq 0 ] && umount /run

# --- who runs it
if [ "$(id -u)" -eq 0 ]; then
	script who <<-'END'
	id -un; echo "$HOME $USER $LOGNAME"; echo x >/dev/stderr || exit 1
	END
	home=$(getent passwd games | cut -d: -f6)
	who() { sed -n 's/.*act: \([^/]*\)$/\1/p' "$S/$1/log" | head -n 1; }
	service w1 "action=$tmp/bin/who" user=games
	act w1 >/dev/null
	is 'what only root can change runs as root' "$(who w1)" root
	mkdir "$tmp/loose"
	cp "$tmp/bin/who" "$tmp/loose/who"
	chmod 775 "$tmp/loose"
	service w2 "action=$tmp/loose/who" user=games
	ok 'a group may write to its directory' act w2
	is 'then it runs as the user' "$(who w2)" games
	ok 'with the home of that one' grep -q "act: $home games games" \
		"$S/w2/log"
	chmod 755 "$tmp/loose"
	chown games "$tmp/loose/who"
	service w3 "action=$tmp/loose/who" user=games
	act w3 >/dev/null
	is 'so does a file of another' "$(who w3)" games
	chown games "$tmp/loose"
	ln -s "$tmp/bin/who" "$tmp/loose/link"
	chown -h root "$tmp/loose/link"
	service w4 "action=$tmp/loose/link" user=games
	act w4 >/dev/null
	is 'and a link that another may change' "$(who w4)" games
	ln -s ../loose/link "$tmp/bin/link"
	service w5 "action=$tmp/bin/link" user=games
	act w5 >/dev/null
	is 'and a link to such a link' "$(who w5)" games
	service w6 "action=$tmp/loose/who"
	fails 1 'without a user it is not run' act w6
	like 'and that is said' "$(value w6 error)" \
		'^act: .*/who could be changed by others .* has no user'
	service w7 "action=$tmp/loose/who" user=no-such-user
	fails 1 'a user that is not there is trouble' act w7
	is 'and that is said' "$(value w7 error)" \
		'act: unknown user no-such-user'
fi

# --- health
mkdir -p "$S/.upstream"
script up <<'END'
echo "looking"
[ -e "$GITOPPER_TREE/up" ]
END
service well action=/bin/true "health=$tmp/bin/up" health_timeout=30
is 'a name without todo goes past health' "$(status well hash=$B applied=$B
	echo well | gitopper-act -k health)" well
status well hash=$B applied=$A todo=act
is 'the action is done' "$(act well)" well
is 'but the commit is not applied yet' "$(value well applied)" $A
is 'for something is left to do' "$(value well todo)" act
state() { gitopper-ctl list service "$1" | awk 'NR == 2 { print $4 }'; }
is 'so it is not as it should be' "$(state well)" DIFF
spawn gitopper-act -k health well >"$tmp/done"
ok 'health is looked at' within 3 grep -q looking "$S/well/log"
is 'nor is it while that lasts' "$(state well)" DIFF
ok 'the service is locked while it waits' \
	[ "$(free_lock well; echo $?)" -eq 1 ]
touch "$S/well/tree/up"
ok 'until it is well' wait "$pid"
is 'then the name goes on' "$(cat "$tmp/done")" well
is 'and the commit is applied' "$(value well applied)" $B
is 'with nothing left to do' "$(value well todo)" ''
is 'it is as it should be' "$(state well)" OK

script ill <<'END'
echo "it is ill"; exit ${STATUS-2}
END
service ill "health=$tmp/bin/ill" health_timeout=1
status ill hash=$B applied=$A todo=act
tip $A
fails 1 'what stays ill fails' act -k health ill
is 'elsewhere than at the tip that is trouble' "$(value ill error)" \
	'health: exit status 2: it is ill'
is 'and no verdict' "$(value ill bad)" ''
is 'it is still to be done' "$(value ill todo)" act
ok 'and tried again, later' [ "$(value ill retry)" -gt "$(date +%s)" ]
tip $B
status ill hash=$B applied=$A todo=act
fails 1 'at the tip, it fails as well' act -k health ill
is 'and the commit is bad' "$(value ill bad)" $B
is 'it says what comes next' "$(value ill error)" "health: commit 22222222: \
exit status 2: it is ill; going back to 11111111"
ok 'which comes at once' [ "$(value ill retry)" -le $(($(date +%s) + 1)) ]
is 'and not by way of another action' "$(value ill todo)" ''
is 'the commit from before stays applied' "$(value ill applied)" $A
status ill hash=$A applied=$A todo=act bad=$B \
	"$(grep ^error= "$S/ill/status")" \
	"$(grep ^verdict= "$S/ill/status")"
printf 'health=/bin/true\n' >>"$S/ill/conf"
sed -i '/bin.ill/d' "$S/ill/conf"
ok 'back there it is well' act -k health ill
is 'but the error of the bad commit stays' "$(value ill error)" \
	"health: commit 22222222: exit status 2: it is ill; \
the service runs on 11111111"
is 'with nothing left to do' "$(value ill todo)" ''
service first "health=$tmp/bin/ill" health_timeout=1
fails 1 'a first commit may be ill' act -k health first
is 'that is a verdict too' "$(value first bad)" $B
like 'with no way back' "$(value first error)" \
	'; no earlier commit to go back to$'
is 'it is not tried again' "$(value first retry)$(value first todo)" ''
service weak "health=$tmp/bin/ill" health_timeout=1 env=STATUS=111
fails 1 'health may exit 111' act -k health weak
is 'that is no verdict, at the tip either' "$(value weak bad)" ''
service lost health=/no/health
fails 1 'health may be nowhere' act -k health lost
is 'that is no verdict' "$(value lost bad)" ''
service stuck "health=$tmp/bin/slow" health_timeout=1
status stuck hash=$B applied=$A todo=act
fails 1 'a health check may hang' act -k health stuck
is 'that is a verdict' "$(value stuck bad)" $B
service redone health=/bin/true
status redone hash=$B applied=$A todo=act bad=$B 'error=health: was ill'
ok 'bad content may turn out well' act -k health redone
is 'then it is not bad any more' \
	"$(value redone bad)$(value redone error)" ''

# waiting takes no slot: seventeen that wait, and one that doesn't
rm -f "$tmp/waiting"
script waits <<'END'
echo x >>"$GITOPPER_STATE/waiting"
[ -e "$GITOPPER_STATE/allwell" ]
END
i=0; many=
while [ $((i += 1)) -le 17 ]; do
	service "wait$i" "health=$tmp/bin/waits" health_timeout=30
	many="$many wait$i"
done
service nowait health=/bin/true
spawn gitopper-act -k health $many nowait >"$tmp/done"
ok 'waiting for health takes no slot' within 5 grep -q nowait "$tmp/done"
ok 'for more than sixteen' [ "$(wc -l <"$tmp/done")" -eq 1 ]
touch "$S/allwell"
ok 'all of them come through' wait "$pid"

# --- packages
service plain
is 'no package, nothing to do' "$(act -x package plain)" plain
ok 'and nothing is written' [ ! -e "$S/plain/lock" ]
service has package=hello
status has package=hello
is 'one that was installed is passed' "$(act -x package has)" has
ok 'and nothing is written for it' [ ! -e "$S/has/lock" ]
for name in -y --purge bash- ../x 'a;b' 'coreutils -y'; do
	service evil "package=$name"
	fails 1 "a package is no option or pattern: $name" \
		act -x package evil
	like 'and that is said' "$(value evil error)" \
		'^package: .*not the name of a package$'
done
service there 'package=coreutils dpkg'
status there
rmdir "$S/there/tree"
ok 'packages that are there' act -x package there
is 'are written down' "$(value there package)" 'coreutils dpkg'
service early package=coreutils user=no-such-user
rmdir "$S/early/tree"
ok 'a package may come before the user' act -x package early
for p in apt-cache apt-get; do
	printf '#!/bin/sh\necho half-unpacked\n' >"$tmp/sysbin/$p"
	chmod 755 "$tmp/sysbin/$p"
done
cat >>"$tmp/sysbin/apt-get" <<END
touch "$tmp/unpacking"
until [ -e "$tmp/unpacked" ]; do sleep 0.05; done
END
service unpack package=half-unpacked "env=PATH=$tmp/sysbin:/usr/bin:/bin"
spawn gitopper-act -x package unpack
ok 'a package is unpacked' within 5 [ -e "$tmp/unpacking" ]
kill -TERM "$pid"
ok 'SIGTERM leaves it alone' [ "$(free_lock unpack; echo $?)" -eq 1 ]
touch "$tmp/unpacked"
fails 111 'the program ends when that is done' wait "$pid"
is 'and has written it down' "$(value unpack package)" half-unpacked
if [ "$(id -u)" -eq 0 ] && [ -x /usr/bin/apt-get ] &&
    ! dpkg-query -W hello >/dev/null 2>&1; then
	service real 'package=hello'
	ok 'a real package is installed' act -x package real
	is 'and says hello' "$(/usr/bin/hello -g here 2>&1)" here
	apt-get -qqy purge hello >/dev/null 2>&1
	service real 'package=no-such-package-here'
	fails 1 'one that is nowhere is trouble' act -x package real
	is 'and named' "$(value real error)" \
		'package: exit status 111: no-such-package-here: no such package'
fi
done_testing
