#!/bin/sh
# package.t - action/package: apt-get with real packages, in an overlay of
# this machine's root directory; the other package managers by what they are
# called with
. tests/lib.sh

# --- the others: stand-ins that write down what they are asked
mkdir "$tmp/tools" "$tmp/tree"
for tool in sh date grep cat rm sleep flock sed; do
	ln -s "$(command -v $tool)" "$tmp/tools/$tool"
done
mkdir -p "$GITOPPER_STATE"

# stand_in NAME LINE...: a program of that name; `has` and `knows` are files
# with the names of packages
stand_in() {
	name=$1; shift
	{
		printf '%s\n' '#!/bin/sh' "cd $tmp" \
			'echo "${0##*/} $*" >>calls' 'for last; do :; done'
		printf '%s\n' "$@"
	} >"$tmp/bin/$name"
	chmod 755 "$tmp/bin/$name"
}
# manager NAME: there is no other, and nothing is installed but `old`
manager() {
	rm -rf "$tmp/bin" "$tmp/calls"
	mkdir "$tmp/bin"
	echo old >"$tmp/has"
	printf '%s\n' old new more >"$tmp/knows"
}
# installs PACKAGE...: the action, with just the stand-ins in PATH
installs() {
	: >"$tmp/calls"
	PATH=$tmp/bin:$tmp/tools GITOPPER_PACKAGE=$* GITOPPER_SERVICE=x \
		"$top/action/package"
}
calls() { grep -Ev '^(rpm|apk info|apk search)' "$tmp/calls"; }
calls_all() { cat "$tmp/calls"; }

# the same for each; then what is particular
# same NAME INSTALL: INSTALL is the call that installs `new more`
same() {
	ok "$1: what is there" installs old
	is 'is left alone' "$(calls | grep -Ec 'add|install|-S ')" 0
	ok "$1: what is not there" installs old new more
	is 'is installed, and the rest is not upgraded' \
		"$(calls | tail -n 1)" "$2"
	for name in -y --root=/ 'a;b' ../x 'x[y]' '*' 'x=1' 'x@y' '>=1'; do
		fails 111 "$1: not a name: $name" installs "$name"
		is 'and nothing is called' "$(calls_all)" ''
	done
	: >"$tmp/fail"
	fails 7 "$1: its failure" installs new
	like 'is ours, with its last words' "$(tail -n 2 "$tmp/out" |
		head -n 1)" '^it can not be$'
	rm "$tmp/fail"
}
fail='[ ! -e fail ] || { echo it can not be; exit 7; }'

manager dnf
stand_in rpm 'grep -Fqx -- "$last" has'
stand_in dnf "$fail"
same dnf 'dnf -q -y --setopt=install_weak_deps=False install new more'

manager zypper
stand_in rpm 'grep -Fqx -- "$last" has'
stand_in zypper "$fail" 'echo $ZYPP_LOCK_TIMEOUT >timeout' \
	'[ ! -e exit ] || exit $(cat exit)'
same zypper "zypper -q --non-interactive install --no-recommends \
--auto-agree-with-licenses new more"
is 'it waits for the lock' "$(cat "$tmp/timeout")" 600
for status in 100 101 102 103 106; do
	echo $status >"$tmp/exit"
	ok "zypper: $status is no failure" installs new
done
for status in 1 4 104 105 107; do
	echo $status >"$tmp/exit"
	fails $status "zypper: $status is one" installs new
done

manager apk
stand_in apk "$fail" 'case $1 in' \
	'info) grep -Fqx -- "$last" has ;;' \
	'search) grep -Fx -- "$last" knows ;;' \
	'update) echo late >>knows ;;' 'esac'
same apk 'apk add -q --no-progress --wait 600 new more'
ok 'apk: one that is not known yet' installs late
like 'has the lists fetched' "$(calls | tr '\n' ,)" '^apk update -q,apk add'
fails 111 'apk: one that is nowhere' installs never
like 'is said' "$(cat "$tmp/out")" 'never: no such package'

manager pacman
stand_in pacman 'case $1 in' '-Qq) grep -Fqx -- "$last" has ;;' \
	'-Si) grep -Fqx -- "$last" knows ;;' '-Sy) echo late >>knows ;;' \
	"-S) $fail" '[ ! -e lock ] || { rm lock' \
	'echo "error: failed to init transaction (unable to lock database)"' \
	'exit 1; } ;;' 'esac'
calls() { grep -Ev '^pacman -(Qq|Si)' "$tmp/calls"; }
same pacman 'pacman -S --noconfirm --noprogressbar --needed new more'
ok 'pacman: one that is not known yet' installs late
like 'has the lists fetched' "$(calls | tr '\n' ,)" \
	'^pacman -Sy --noconfirm --noprogressbar,pacman -S --noconfirm'
: >"$tmp/lock"
ok 'pacman: while somebody has its lock' installs new
is 'it is tried again' "$(calls | wc -l)" 2

manager xbps
stand_in xbps-query 'case $1 in' '-R) grep -Fqx -- "$last" knows ;;' \
	'*) grep -Fqx -- "$last" has ;;' 'esac'
stand_in xbps-install 'case $1 in' '-S) echo late >>knows ;;' \
	"*) $fail ;;" 'esac'
calls() { grep -v ^xbps-query "$tmp/calls"; }
same xbps-install 'xbps-install -y new more'
ok 'xbps-install: one that is not known yet' installs late
like 'has the lists fetched' "$(calls | tr '\n' ,)" \
	'^xbps-install -S.*,xbps-install -y late'

manager none
fails 111 'no package manager' installs new
like 'is said' "$(cat "$tmp/out")" 'no package manager is known here'

# --- apt-get
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	done_testing
	exit
fi
root=$tmp/root
mkdir "$root" "$tmp/over"
dpkg_rests && mount -t tmpfs tmpfs "$tmp/over" && mkdir "$tmp/over/up" "$tmp/over/work" &&
mount -t overlay overlay "$root" \
	-o "lowerdir=/,upperdir=$tmp/over/up,workdir=$tmp/over/work" &&
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
mount -t tmpfs none "$root/run" && dpkg_ends "$root" || exit 111
chmod 755 "$tmp/over/up"
mkdir -p "$root/suite" "$root/repo" "$root/up"
for program in gitopper gitopper-conf gitopper-wait gitopper-pull \
	gitopper-mount gitopper-act gitopper-window; do
	cp "$(command -v $program)" "$root/suite" || exit 111
done
cp -R action "$root/suite/action"
rm -f "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*_*
echo 'deb [trusted=yes] file:/repo ./' >"$root/etc/apt/sources.list"

# deb NAME VERSION [FIELD...]: a package with /usr/share/NAME; its preinst is
# standard input
deb() {
	deb=$tmp/deb; rm -rf "$deb"
	mkdir -p "$deb/DEBIAN" "$deb/usr/share/$1"
	{
		printf '%s\n' "Package: $1" "Version: $2" Architecture:\ all \
			'Maintainer: T <t@example.org>' "Description: $1"
		file=$1_$2.deb; name=$1; shift 2
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$deb/DEBIAN/control"
	{ echo '#!/bin/sh'; cat; } >"$deb/DEBIAN/preinst"
	chmod 755 "$deb" "$deb/DEBIAN" "$deb/DEBIAN/preinst"
	echo "$file" >"$deb/usr/share/$name/version"
	dpkg-deb -b "$deb" "$root/repo/$file" >/dev/null &&
	{
		dpkg-deb -f "$root/repo/$file"
		echo "Filename: ./$file"
		echo "Size: $(wc -c <"$root/repo/$file")"
		echo "SHA256: $(sha256sum <"$root/repo/$file" | cut -c-64)"
		echo
	} >>"$root/repo/Packages"
}
git init -q "$root/up"
mkdir "$root/up/etc"
echo one >"$root/up/etc/conf"
commit "$root/up" one >/dev/null

# service NAME PACKAGE [LINE...]: one more in the config
service() {
	cat >>"$root/config.toml" <<-END
	[[services]]
	machine = "m"
	service = "$1"
	upstream = "/up"
	package = "$2"
	dirs = [ { local = "/etc/$1", link = "etc" } ]
	END
	shift 2
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$root/config.toml"
}
GITOPPER_STATE=$root/state
there() {
	chroot "$root" /usr/bin/env PATH=/suite:/usr/sbin:/usr/bin:/sbin:/bin \
		GITOPPER_STATE=/state HOME=/ "$@"
}
deploy() { there gitopper -1 -c /config.toml -h m </dev/null; }
version() { cat "$root/usr/share/$1/version"; }
error() { value "$1" error; }

deb tiny 1 'Recommends: fat' <<'END'
read answer && exit 1
useradd -r -M -d / tinyd
END
deb fat 1 </dev/null
service tiny tiny 'user = "tinyd"'
service other no-such-package-here
fails 1 'a package that is nowhere fails' deploy
like 'and is named' "$(error other)" \
	'^package: .*no-such-package-here: no such package'
ok 'it is tried again' [ "$(value other retry)" -gt 0 ]
is 'its service has no files' "$(value other hash)" ''
is 'one that is there is installed' "$(version tiny)" tiny_1.deb
is 'which is written down' "$(value tiny package)" tiny
is 'without its recommends' "$(version fat 2>&1 | grep -c 'No such')" 1
is 'the user that it brings has the files' \
	"$(there stat -c %U /state/tiny/tree/etc/conf)" tinyd
is 'and the service is well' "$(error tiny)" ''

# without a network nobody knows what there is
sources=$root/etc/apt/sources.list
echo 'deb [trusted=yes] http://127.0.0.1:1/ ./' >>"$sources"
fails 1 'a package that is nowhere, without a network' deploy
like 'may be one that is not known yet' "$(error other)" \
	'^package: .*no-such-package-here: it is not known here, .*network'
sed -i '$d' "$sources"

: >"$root/config.toml"
deb tiny 2 </dev/null
deb more 1 'Depends: tiny' </dev/null
service several 'tiny  more'
there apt-get update >/dev/null 2>&1
ok 'several packages' deploy
is 'what is missing is installed' "$(version more)" more_1.deb
is 'what is there is not upgraded' "$(version tiny)" tiny_1.deb
is 'with all of them written down' "$(value several package)" 'tiny  more'

# the lock
: >"$root/config.toml"
deb locked 1 </dev/null
service locked locked
cat >"$tmp/lock.pl" <<'END'
use Fcntl; open my $f, '+<', $ARGV[0] or die;
my $all = pack('s s l! l! i', F_WRLCK, 0, 0, 0, 0);
fcntl($f, F_SETLK, $all) or die $!; open my $t, '>', $ARGV[1]; sleep 1 while -e $ARGV[1];
END
# held LOCK: while somebody has it, the package waits
held() {
	spawn perl "$tmp/lock.pl" "$root/$1" "$tmp/held"
	ok "somebody has $1" within 5 test -e "$tmp/held"
	spawn deploy >"$tmp/log" 2>&1
	deploy_pid=$pid
	ok 'it is waited for' within 20 pgrep -f 'apt-get .* [l]ocked'
	ok 'and nothing installed' [ ! -e "$root/usr/share/locked" ]
	rm "$tmp/held"
	ok 'until it is free' wait "$deploy_pid"
	is 'then it is' "$(version locked)" locked_1.deb
}
held var/lib/dpkg/lock-frontend

# the end of the runner
: >"$root/config.toml"
deb slow 1 <<'END'
touch /unpacking
until [ -e /go ]; do sleep 0.1; done
seq 100000
END
service slow slow
spawn chroot "$root" /usr/bin/env PATH=/suite:/usr/sbin:/usr/bin:/sbin:/bin \
	GITOPPER_STATE=/state setsid gitopper -c /config.toml -h m \
	>"$tmp/log" 2>&1
ok 'a package is unpacked' within 30 test -e "$root/unpacking"
kill -TERM "$pid"
start=$(date +%s)
wait "$pid"
ok 'the runner ends at once' [ $(($(date +%s) - start)) -le 3 ]
# nor need gitopper-act live, for what the package prints
for proc in /proc/[0-9]*; do
	[ "$(readlink "$proc/root")" != "$root" ] ||
	! grep -qx gitopper-act "$proc/comm" ||
		kill -KILL "${proc#/proc/}"
done 2>/dev/null
is 'before the package is installed' "$(version slow 2>/dev/null)" ''
touch "$root/go"
installed() { there dpkg-query -W -f '${Status}' "$1" | grep -q ok.installed; }
ok 'which goes on' within 30 installed slow
ok 'the next run' deploy
is 'finds it' "$(value slow package)" slow

# what fails half way
: >"$root/config.toml"
deb weak 1 <<'END'
[ -e /strong ] || { echo too weak; exit 1; }
END
service weak weak
fails 1 'a package may fail' deploy
like 'which is said' "$(error weak)" '^package: exit status 100: E: '
touch "$root/strong"
ok 'it may do the next time' deploy
is 'then all is well' "$(error weak)$(value weak package)" weak
done_testing
