#!/bin/sh
# supervise.t - the suite as make install brings it, under those who run it for
# good: runit, s6, OpenRC and inetd, each in process and network namespaces of
# its own; what it tells them; and what systemd thinks of its units, which
# boot.t boots
. tests/lib.sh
. tests/servers.sh
[ "$(id -u)" -eq 0 ] || skip 'needs namespaces'
for program in runsvdir svlogd s6-svscan s6-log openrc inetd tcpserver curl \
	jq ip nsenter systemd-analyze systemd-notify systemd-sysusers \
	systemd-tmpfiles
do
	command -v $program >/dev/null || skip "no $program"
done
unset GITOPPER_INIT SVDIR S6_SCANDIR NOTIFY_SOCKET JOURNAL_STREAM
# own DIR: what is written there is gone when the test is
own() {
	over=$tmp/over/$(basename "$1")
	mkdir "$over" "$over/up" "$over/work" &&
	mount -t overlay overlay "$1" \
		-o "lowerdir=$1,upperdir=$over/up,workdir=$over/work"
}
mount -t tmpfs -o mode=755 none /run && mount -t tmpfs none /var/log &&
mkdir "$tmp/over" && mount -t tmpfs -o mode=755 none "$tmp/over" &&
own /etc && own /usr/local || exit 111
rm -rf /etc/init.d/* /etc/runlevels/*/* /etc/sv /etc/s6 /etc/gitopper \
	/etc/default/gitopper

# --- make install and make uninstall
all='systemd runit s6 openrc inetd'
files() { (cd "$tmp/empty" && find . ! -type d | sort); }
# brings KIND: make install, and make uninstall, with that SERVICE; what files
# of service/ came, and what stayed
brings() {
	mkdir -p "$tmp/empty" &&
	make -s install DESTDIR="$tmp/empty" SERVICE="$1" || return
	files | grep -E '\.(service|socket|conf)$|/etc/'
	make -s uninstall DESTDIR="$tmp/empty" SERVICE="$1" || return
	files
}
is 'make install for systemd' "$(brings systemd)" \
'./usr/local/lib/systemd/system/gitopper-httpd-local.socket
./usr/local/lib/systemd/system/gitopper-httpd-local@.service
./usr/local/lib/systemd/system/gitopper-httpd.service
./usr/local/lib/systemd/system/gitopper-httpd.socket
./usr/local/lib/systemd/system/gitopper-httpd@.service
./usr/local/lib/systemd/system/gitopper-mount.service
./usr/local/lib/systemd/system/gitopper.service
./usr/local/lib/sysusers.d/gitopper.conf
./usr/local/lib/tmpfiles.d/gitopper.conf'
# service_dirs DIR: the files of the service directories there
service_dirs() {
	for service in gitopper gitopper-httpd; do
		for file in finish log/run run; do
			echo "$1/$service/$file"
		done
	done
}
is 'for runit' "$(brings runit)" "$(service_dirs ./etc/sv | sort)"
is 'for s6' "$(brings s6)" "$({
	service_dirs ./etc/s6/sv
	echo ./etc/s6/sv/gitopper/notification-fd
} | sort)"
is 'for OpenRC' "$(brings openrc)" './etc/init.d/gitopper
./etc/init.d/gitopper-httpd
./etc/init.d/gitopper-mount'
is 'for inetd' "$(brings inetd)" ./usr/local/share/gitopper/inetd.conf
is 'for several' "$(brings 'inetd openrc' | wc -l)" 4
is 'for none' "$(brings none)" ''
is 'no directory of ours stays' \
	"$(find "$tmp/empty" -name 'gitopper*' -o -name log)" ''
fails 2 'another one is refused' make -s install DESTDIR="$tmp/empty" \
	SERVICE=sysvinit
like 'and told which there are' "$(cat "$tmp/out")" 'not systemd, runit, s6'

usr=/usr/local
# the programs under test, with users and a group
install_suite() {
	make -s install SERVICE="$all" || return 1
	for program in "$usr"/bin/gitopper*; do
		cp "$(command -v "${program##*/}")" "$program" || return 1
	done
}
ok 'it is installed' install_suite
[ -x "$usr/bin/gitopper" ] || exit 111
is 'with its paths filled in' \
	"$(grep -rl '@[A-Z]*@' "$usr"/lib/sys* "$usr"/share/gitopper \
		/etc/sv /etc/s6 /etc/init.d)" ''

# --- a service whose action ends when it may
state=$GITOPPER_STATE
repo=$tmp/repo
git init -q "$repo"
mkdir "$repo/a"
echo 1 >"$repo/a/f"
first=$(commit "$repo" one)
mkdir -p /etc/gitopper /etc/default /etc/conf.d
cat >"$tmp/act" <<-END
	#!/bin/sh
	env >"$tmp/act.env"
	: >"$tmp/began"
	until [ -e "$tmp/go" ]; do sleep 0.05; done
END
chmod 755 "$tmp/act"
# config [LINE...]: with more at its end
config() {
	cat >/etc/gitopper/new <<-END
	[global]
	interval = "1h"
	timeout = "2s"
	[[services]]
	machine = "m"
	service = "a"
	upstream = "$repo"
	action = "$tmp/act"
	dirs = [ { local = "$tmp/live", link = "a" } ]
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >>/etc/gitopper/new
	mv /etc/gitopper/new /etc/gitopper/config.toml
}
config
printf '%s\n' 'OPTIONS="-h m"' "GITOPPER_STATE=$state" >/etc/default/gitopper
# anew: as on a new machine
anew() {
	umount "$tmp/live" 2>/dev/null
	rm -rf "$state" "$tmp/go" "$tmp/began" "$tmp/act.env"
}
applied() { [ "$(value a applied)" = "$first" ]; }

# --- priorities, where standard error is the journal
# id_of FILE: as systemd tells of it
id_of() { stat -L -c %d:%i "$1"; }
mkdir -p "$state"
JOURNAL_STREAM=$(id_of "$tmp") gitopper-act nix 2>"$tmp/err"
is 'a message has no priority' "$(cat "$tmp/err")" \
	'gitopper-act: nix: no such service'
: >"$tmp/err"
JOURNAL_STREAM=$(id_of "$tmp/err") gitopper-act nix 2>>"$tmp/err"
is 'unless that is the journal' "$(cat "$tmp/err")" \
	'<3>gitopper-act: nix: no such service'
is 'or a pipe to it' "$({
	JOURNAL_STREAM=$(id_of /proc/self/fd/2) gitopper-act nix
} 2>&1 | cat)" '<3>gitopper-act: nix: no such service'
JOURNAL_STREAM=nonsense gitopper-act nix 2>"$tmp/err"
is 'nor if it makes no sense' "$(cat "$tmp/err")" \
	'gitopper-act: nix: no such service'
: >"$tmp/err"
JOURNAL_STREAM=$(id_of "$tmp/err") gitopper-wait -d -t 0 -c "$tmp/none" \
	2>>"$tmp/err"
is 'with -d it is another' "$(cat "$tmp/err")" \
	"<7>gitopper-wait: $tmp/none: changed"
: >"$tmp/err"
JOURNAL_STREAM=$(id_of "$tmp/err")
export JOURNAL_STREAM
spawn gitopper-httpd -l 127.0.0.1:0 2>>"$tmp/err"
ok 'and a third for what is good to know' within 20 grep -q \
	'^<6>gitopper-httpd: listening on 127.0.0.1' "$tmp/err"
stop "$pid"
gitopper -N x 2>>"$tmp/err"
like 'the runner has them too' "$(cat "$tmp/err")" '^<3>gitopper: -N wants'
unset JOURNAL_STREAM
is 'or not' "$(gitopper -N x 2>&1)" 'gitopper: -N wants a descriptor, 3 to 9'

# --- what it tells: sd_notify
# manager ADDRESS: who listens, and writes down what it is told
manager() {
	rm -f "$tmp/told" "$tmp/sock"
	spawn perl -MSocket -MIO::Handle -e '
		my ($to, $told) = @ARGV;
		(my $path = $to) =~ s/^@/\0/;
		socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!;
		bind($s, pack("S a*", AF_UNIX, $path)) or die $!;
		open(my $f, ">>", $told) or die $!;
		$f->autoflush;
		while (defined recv($s, my $text, 4096, 0)) {
			print $f "$text\n";
		}' "$1" "$tmp/told"
	manager_pid=$pid
	within 10 test -e "$tmp/told"
}
told() { grep -qx -- "$1" "$tmp/told"; }
# start [OPTION...]: the runner
start() {
	spawn "$usr/bin/gitopper" -h m "$@" 2>"$tmp/err"
	runner=$pid
}
for socket in "$tmp/sock" "@gitopper-test-$$"; do
	anew
	ok "a service manager at ${socket%%[/-]*}" manager "$socket"
	NOTIFY_SOCKET=$socket start
	ok 'an action of the first cycle' within 30 test -e "$tmp/began"
	ok 'the runner tells what it is at' told 'STATUS=the first cycle'
	fails 1 'and is not ready' told READY=1
	is 'that is no business of the action' \
		"$(grep NOTIFY "$tmp/act.env")" ''
	is 'nor of another program' "$(
		for p in $(pgrep -P "$runner" gitopper-); do
			tr '\0' '\n' <"/proc/$p/environ"
		done | grep NOTIFY)" ''
	: >"$tmp/go"
	ok 'it is ready then' within 30 told READY=1
	ok 'when all is done' applied
	is 'it tells who it is' \
		"$(grep -x 'MAINPID=.*' "$tmp/told" | sort -u)" \
		"MAINPID=$runner"
	stop "$runner"
	ok 'it tells of its end' within 10 told STOPPING=1
	stop "$manager_pid"
done

# at a restart
manager "$tmp/sock"
NOTIFY_SOCKET=$tmp/sock start
ok 'with nothing to do it is ready at once' within 30 told READY=1
stop "$runner"

# an upstream that never answers
ok 'an upstream' proxy mute
anew
: >"$tmp/go"
config '[[services]]' 'machine = "m"' 'service = "b"' \
	"upstream = 'git://127.0.0.1:$proxy_port/x'" \
	'dirs = [ { link = "b" } ]'
: >"$tmp/told"
NOTIFY_SOCKET=$tmp/sock start
ok 'that does not answer' within 60 told READY=1
like 'delays it by its timeout' "$(value b error)" '^pull: '
stop "$runner"
stop "$proxy_pid"
config

# mounts at the start, when the action for them takes its time
rm "$tmp/go" "$tmp/began"
: >"$tmp/told"
umount "$tmp/live"
NOTIFY_SOCKET=$tmp/sock start
ok 'what was not mounted is told of' within 30 test -e "$tmp/began"
slow() { [ "$(pgrep -P "$runner" gitopper-wait)" ]; }
ok 'while others may be due' within 10 slow
fails 1 'it is not ready' told READY=1
: >"$tmp/go"
ok 'it is then' within 30 told READY=1
stop "$runner"
stop "$manager_pid"

# where nobody is there to be told
NOTIFY_SOCKET=$tmp/sock start
ok 'without a manager' within 30 grep -q 'Failed to notify' "$tmp/err"
stop "$runner"

# --- a descriptor
anew
spawn sh -c "exec '$usr/bin/gitopper' -h m -N 5 5>'$tmp/five' 2>'$tmp/err'"
runner=$pid
ok 'an action of the first cycle' within 30 test -e "$tmp/began"
ok 'with -N nothing is written' [ ! -s "$tmp/five" ]
: >"$tmp/go"
ok 'until that is over' within 30 test -s "$tmp/five"
is 'and then a newline' "$(od -An -c "$tmp/five" | tr -d ' ')" '\n'
nobody() {
	[ -z "$(find /proc/[0-9]*/fd -lname "$tmp/five" 2>/dev/null)" ]
}
ok 'nobody has it any more' within 10 nobody
stop "$runner"
for fd in 2 10 x 8; do
	fails 100 "-N $fd" gitopper -N $fd
done

# --- those who run it
cat >"$tmp/init" <<'END'
$SIG{TERM} = sub { exit };
$SIG{CHLD} = "IGNORE";
sleep while 1;
END
there() { nsenter -t "$init_pid" -m -p -n -- "$@"; }
# begin COMMAND...: the first process of a machine of its own, as it were
begin() {
	spawn unshare -m -p -n -f --mount-proc --kill-child -- sh -c '
		ip link set lo up && mount -t tmpfs -o mode=755 none /run &&
		exec "$@"' sh "$@" >>"$tmp/init.log" 2>&1 </dev/null
	unshare_pid=$pid
	within 10 pgrep -P "$unshare_pid" || return 1
	init_pid=$(pgrep -P "$unshare_pid")
	pids="$init_pid $pids"
	within 10 up
}
up() { there ip addr show dev lo | grep -q 127.0.0.1; }
end() {
	kill -KILL "$init_pid"
	wait "$unshare_pid" 2>/dev/null
}
# lists [OPTION...]: gitopper-httpd answers
lists() {
	there curl -sS "$@" http://127.0.0.1:9222/list/services |
	jq -e '.services[0].service == "a"'
}
by_socket() { lists --unix-socket /run/gitopper.sock; }
none() { ! there pgrep -l '^gitopper'; }

# --- runit
anew
: >"$tmp/go"
mkdir "$tmp/service"
ok 'runsvdir runs' begin runsvdir -P "$tmp/service"
ln -s /etc/sv/gitopper "$tmp/service/gitopper"
ok 'it starts the runner, which deploys' within 60 applied
log=/var/log/gitopper/current
# logged TEXT: svlogd has it, with a time before it
logged() { there grep -Eq "^[0-9T:._-]+ $1" "$log"; }
config nonsense
ok 'svlogd has what it says' within 30 \
	logged 'gitopper-conf: /etc/gitopper/config.toml:'
config
sv_pid() {
	there sv status "$tmp/service/gitopper" |
	sed -n 's/^run: [^;]*gitopper: (pid \([0-9]*\)).*/\1/p'
}
again() { new=$(sv_pid) && [ "$new" ] && [ "$new" != "$old" ]; }
old=$(sv_pid)
there kill -KILL "$old"
ok 'after SIGKILL it is started again' within 60 again
ok 'and works' within 30 there pgrep gitopper-wait
ok 'sv down' there sv -w 30 down "$tmp/service/gitopper"
is 'ends it' "$(sv_pid)" ''
ok 'and all of it' within 10 none
ln -s /etc/sv/gitopper-httpd "$tmp/service/gitopper-httpd"
ok 'gitopper-httpd answers' within 60 lists
ok 'on its socket too' by_socket
log=/var/log/gitopper-httpd/current
ok 'and tells where' within 10 logged 'gitopper-httpd: listening on 127'
ok 'sv down' there sv -w 30 down "$tmp/service/gitopper-httpd"
sed -n 's/^# *exec /exec /p' /etc/sv/gitopper-httpd/run >"$tmp/run"
spawn there env "GITOPPER_STATE=$state" HTTPD_OPTIONS=-r sh "$tmp/run"
ok 'tcpserver does it as well' within 30 lists
end

# --- s6
anew
rm -rf /var/log/gitopper*
mkdir "$tmp/scan"
ok 's6-svscan runs' begin s6-svscan "$tmp/scan"
cp -R /etc/s6/sv/gitopper "$tmp/scan"
ok 'and looks' within 10 there s6-svscanctl -a "$tmp/scan"
ok 'it starts the runner' within 60 test -e "$tmp/began"
dir=$tmp/scan/gitopper
is 'which is not ready' "$(there s6-svstat -o up,ready "$dir")" 'true false'
: >"$tmp/go"
ok 'it is then' there s6-svwait -U -t 60000 "$dir"
ok 'when all is done' applied
config nonsense
ok 's6-log has what it says' within 30 there grep -Eq \
	'^[0-9: .-]+ gitopper-conf: /etc/gitopper/config' \
	/var/log/gitopper/current
config
old=$(there s6-svstat -o pid "$dir")
there kill -KILL "$old"
restarted() {
	[ "$(there s6-svstat -o up,ready "$dir")" = 'true true' ] &&
	[ "$(there s6-svstat -o pid "$dir")" != "$old" ]
}
ok 'after SIGKILL it is started again, and ready' within 60 restarted
ok 's6-svc -d' there s6-svc -wD -T 30000 -d "$dir"
ok 'ends it all' within 10 none
cp -R /etc/s6/sv/gitopper-httpd "$tmp/scan"
there s6-svscanctl -a "$tmp/scan"
ok 'gitopper-httpd answers' within 60 lists
end

# --- OpenRC
anew
for script in gitopper-mount gitopper gitopper-httpd; do
	printf '%s\n' 'OPTIONS="-h m"' "export GITOPPER_STATE=$state" \
		"export ASAN_OPTIONS=${ASAN_OPTIONS-}" \
		"export UBSAN_OPTIONS=${UBSAN_OPTIONS-}" >/etc/conf.d/$script
done
: >"$tmp/go"
ok 'a first process' begin perl "$tmp/init"
for level in boot:gitopper-mount default:gitopper default:gitopper-httpd; do
	ok "rc-update add ${level#*:}" there rc-update add "${level#*:}" \
		"${level%:*}"
done
ok 'OpenRC boots' there openrc boot
ok 'gitopper-mount has done its work' there rc-service gitopper-mount status
ok 'the runlevel default' there openrc default
ok 'has the runner deploy' within 60 applied
ok 'OpenRC knows that it runs' there rc-service gitopper status
ok 'gitopper-httpd answers' within 30 lists
echo service=a >"$state/a/conf"
ok 'reload' there rc-service gitopper reload
ok 'reads the config' within 30 grep -q '^upstream=' "$state/a/conf"
config nonsense
ok 'a file has what it says' within 30 \
	there grep -q '^gitopper-conf: ' /var/log/gitopper.log
config
old=$(there pgrep -x gitopper | head -n 1)
there kill -KILL "$old"
other() {
	! there pgrep -x gitopper | grep -qx "$old" && there pgrep -x gitopper
}
ok 'after SIGKILL it is started again' within 60 other
ok 'stop' there rc-service gitopper stop
ok 'ends it' within 20 sh -c \
	"! nsenter -t $init_pid -p -m -- pgrep gitopper-wait"
end
# what is mounted in one machine is not in the next: as after a boot
rm "$tmp/began"
ok 'a reboot' begin perl "$tmp/init"
ok 'as OpenRC boots' there openrc boot
ok 'files are in place' there grep -q 1 "$tmp/live/f"
ok 'and nobody is told' [ ! -e "$tmp/began" ]
is 'nor is to be' "$(value a todo)" ''
end

# --- inetd
ok 'a first process' begin perl "$tmp/init"
spawn there env "GITOPPER_STATE=$state" inetd -i \
	"$usr/share/gitopper/inetd.conf" >>"$tmp/init.log" 2>&1
ok 'inetd with our line answers' within 30 lists
end

# --- systemd
units=$usr/lib/systemd/system
for unit in "$units"/gitopper*; do
	is "systemd takes ${unit##*/}" "$(SYSTEMD_UNIT_PATH=$units: \
		systemd-analyze verify --man=no "$unit" 2>&1)" ''
done
is 'nothing hides the mounts of the runner' "$(
	grep -E '^(Private(Tmp|Devices|Mounts|Users)|Protect|Root|Mount|Bind|'\
'Read(Only|Write)|NoExec|Inaccessible|ExecPaths|Temporary|DynamicUser)' \
		"$units"/gitopper.service "$units"/gitopper-mount.service)" ''
mkdir -p "$tmp/new/etc"
ok 'systemd-sysusers' systemd-sysusers --root="$tmp/new" \
	- <"$usr/lib/sysusers.d/gitopper.conf"
is 'makes the users' "$(cut -d: -f1,6 "$tmp/new/etc/passwd" |
	grep gitopper | sort)" 'gitopper-httpd:/
gitopper-pull:/'
like 'and the group' "$(cat "$tmp/new/etc/group")" \
	'^gitopper:x:[0-9]*:gitopper-httpd$'
ok 'systemd-tmpfiles' systemd-tmpfiles --root="$tmp/new" --create \
	- <"$usr/lib/tmpfiles.d/gitopper.conf"
is 'makes the state directory' \
	"$(stat -c '%a %u' "$tmp/new/var/lib/gitopper")" '755 0'

# --- what is gone
# but for what others made beside it
rm -rf /etc/sv/*/supervise /etc/sv/*/log/supervise
ok 'make uninstall' make -s uninstall SERVICE="$all"
is 'leaves no file' \
	"$(find "$usr" /etc/init.d /etc/sv /etc/s6 -path '*gitopper*' \
		! -type d)" ''

[ "$failed" -eq 0 ] || sed 's/^/# /' "$tmp/init.log"
done_testing
