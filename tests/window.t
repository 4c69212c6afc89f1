#!/bin/sh
# window.t - windows: what they say, when they are open, and who has to wait
. tests/lib.sh

bin=${GITOPPER_BIN:-$top}/tests
umask 022
cd "$tmp" || exit 111
state=$GITOPPER_STATE
t=$(printf '\t')

# epoch DATE [ZONE]: in seconds
epoch() { TZ=${2:-UTC} date -d "$1" +%s; }

#
# What a window may say
#
# opens WINDOW FROM WANTED: from that time, UTC, it is open next; or it is now
opens() {
	got=$("$bin/window-text" "$1" "$(epoch "$2")") ||
		{ is "$1: from $2" "$got" "$3"; return; }
	is "$1: from $2" "${got#* }" "$3"
}

# a Saturday
noon='2026-11-21 12:00'
opens 'Mon-Fri 09:00-17:00' "$noon" 'Mon 2026-11-23 09:00 UTC'
opens 'Mon-Fri 9:00-17:00' '2026-11-23 09:00' open
opens 'Mon-Fri 09:00-17:00' '2026-11-23 08:59:59' 'Mon 2026-11-23 09:00 UTC'
opens 'Mon-Fri 09:00-17:00' '2026-11-23 16:59:59' open
opens 'Mon-Fri 09:00-17:00' '2026-11-23 17:00' 'Tue 2026-11-24 09:00 UTC'
opens 'Mon-Fri 09:00-17:00' '2026-11-27 17:00' 'Mon 2026-11-30 09:00 UTC'
opens Sat "$noon" open
opens Sat '2026-11-20 23:59:59' 'Sat 2026-11-21 00:00 UTC'
opens Sat '2026-11-22 00:00' 'Sat 2026-11-28 00:00 UTC'
opens sAT-sUN '2026-11-22 23:59:59' open
opens 'Fri-Mon' '2026-11-24 00:00' 'Fri 2026-11-27 00:00 UTC'
opens 'Fri-Mon' "$noon" open
opens 'Fri-Fri' "$noon" 'Fri 2026-11-27 00:00 UTC'
opens 'Sun-Sat' "$noon" open
opens '00:00-24:00' "$noon" open
opens '13:00-24:00' '2026-11-21 23:59:59' open
opens '13:00-24:00' '2026-11-22 00:00' 'Sun 2026-11-22 13:00 UTC'
opens '13:00-00:00' '2026-11-21 23:59:59' open
opens '13:00-00:00' '2026-11-22 00:00' 'Sun 2026-11-22 13:00 UTC'
opens 'Fri 22:00-02:00' '2026-11-21 01:59:59' open
opens 'Fri 22:00-02:00' '2026-11-21 02:00' 'Fri 2026-11-27 22:00 UTC'
opens 'Fri 22:00-02:00' '2026-11-20 01:00' 'Fri 2026-11-20 22:00 UTC'
opens 'Sat 22:00-02:00' '2026-11-22 01:00' open
opens '23:59-00:01' "$noon" 'Sat 2026-11-21 23:59 UTC'
opens '  Mon   09:00-10:00 , Wed ' '2026-11-23 10:00' \
	'Wed 2026-11-25 00:00 UTC'
opens 'Mon 09:00-10:00,14:00-15:00' '2026-11-23 11:00' \
	'Mon 2026-11-23 14:00 UTC'
opens 'Mon 09:00-10:00,14:00-15:00' '2026-11-23 16:00' \
	'Mon 2026-11-30 09:00 UTC'
opens '09:00-10:00, Mon 14:00-15:00' "$noon" 'Sun 2026-11-22 09:00 UTC'
opens 'Sat,Sun 10:00-11:00' "$noon" 'Sun 2026-11-22 10:00 UTC'
opens 'Mon-Fri 09:00-17:00, Sat, Sun' "$noon" open
opens 'Mon 09:00-17:00, Sat' '2026-11-22 00:00' 'Mon 2026-11-23 09:00 UTC'
# years
opens '00:00-00:01' '2026-12-31 12:00' 'Fri 2027-01-01 00:00 UTC'
opens 'Thu 23:00-01:00' '2027-01-01 00:30' open
opens 'Tue 12:00-13:00' '2028-02-28 12:00' 'Tue 2028-02-29 12:00 UTC'
opens 'Mon 12:00-13:00' '2100-02-27 12:00' 'Mon 2100-03-01 12:00 UTC'
opens 'Mon 12:00-13:00' '1969-12-30 12:00' 'Mon 1970-01-05 12:00 UTC'
is 'times that no calendar has' \
	"$("$bin/window-text" Mon 9223372036854775807)" never

# refused WINDOW WHY
refused() {
	fails 1 "'$1' is refused" "$bin/window-text" "$1"
	like '  and why' "$(head -n 1 out)" "^(has|lacks) .*$2"
}
refused '' 'such as Mon-Fri 09:00-17:00$'
refused '  ' 'such as Mon-Fri 09:00-17:00$'
refused , 'before a comma$'
refused ',Mon' 'before a comma$'
refused 'Mon,' 'after a comma$'
refused 'Mon,,Tue' 'after a comma$'
refused Monday '"Monday", which is neither days'
refused Mo-Fr neither
refused 'Mon-' neither
refused 9-17 neither
refused UTC '"UTC", which is neither'
refused 'Mon - Fri' '"-" out of place'
refused 'Mon Tue' '"Tue" out of place'
refused '09:00-17:00 Mon' '"Mon" out of place'
refused '09:00-17:00 10:00-11:00' 'out of place'
refused 'Mon UTC, Tue' '"UTC" out of place'
refused 'Mon UTC UTC' 'out of place'
for times in 09:00 09:00- 09:00-9 -09:00 09:00-17:0 09:0-17:00 009:00-17:00 \
	24:00-01:00 09:00-24:01 25:00-26:00 09:60-10:00 09:00-10:00-11:00 \
	:-: +9:00-10:00 99:99-99:99 9999999999:00-10:00; do
	refused "Mon $times" 'no range of times'
done
refused '09:00-09:00' 'ends when it begins; 00:00-24:00 is all day$'
for zone in ../x /etc/localtime ./UTC Europe/../UTC UTC/ a//b -UTC :UTC \
	"$(printf %065d 0 | tr 0 a)"; do
	refused "Mon $zone" '(time zone|no range of times)'
done
refused "$(printf '9:00-9:01,%.0s' $(seq 64))10:00-11:00" 'more than 64'
ok '64 are fine' "$bin/window-text" \
	"$(printf '9:00-9:01,%.0s' $(seq 63))10:00-11:00"

#
# Clocks that are changed
#
berlin='Sun 02:15-02:45 Europe/Berlin'
opens "$berlin" '2026-03-28 12:00' 'Sun 2026-04-05 02:15 CEST'
opens 'Sun 02:30-04:00 Europe/Berlin' '2026-03-29 00:59:59' \
	'Sun 2026-03-29 03:00 CEST'
opens 'Sun 01:00-02:30 Europe/Berlin' '2026-03-29 00:59:59' open
opens 'Sun 01:00-02:30 Europe/Berlin' '2026-03-29 01:00' \
	'Sun 2026-04-05 01:00 CEST'
opens "$berlin" '2026-10-24 12:00' 'Sun 2026-10-25 02:15 CEST'
opens "$berlin" '2026-10-25 00:44' open
opens "$berlin" '2026-10-25 00:45' 'Sun 2026-10-25 02:15 CET'
opens "$berlin" '2026-10-25 01:30' open
opens "$berlin" '2026-10-25 01:45' 'Sun 2026-11-01 02:15 CET'
opens 'Sun 02:00-02:30 Europe/Berlin' '2026-10-25 00:45' \
	'Sun 2026-10-25 02:00 CET'
opens 'Sun 01:00-05:00 Europe/Berlin' '2026-10-25 01:30' open
opens 'Mon 09:00-17:00 Europe/Berlin' '2026-03-28 12:00' \
	'Mon 2026-03-30 09:00 CEST'
opens 'Mon 09:00-17:00 Europe/Berlin' '2026-10-24 12:00' \
	'Mon 2026-10-26 09:00 CET'
york='Sun 02:00-03:00 America/New_York'
opens "$york" '2026-03-07 12:00' 'Sun 2026-03-15 02:00 EDT'
opens "$york" '2026-11-01 06:30' 'Sun 2026-11-01 02:00 EST'
opens 'Sun 01:00-02:00 America/New_York' '2026-11-01 05:30' open
opens 'Sun 01:00-02:00 America/New_York' '2026-11-01 06:30' open
opens 'Sat 22:00-01:30 America/New_York' '2026-11-01 05:45' \
	'Sun 2026-11-01 01:00 EST'
opens 'Mon 09:00-10:00 Asia/Kathmandu' '2026-11-23 03:14:59' \
	'Mon 2026-11-23 09:00 +0545'
opens 'Mon Etc/GMT+5' "$noon" 'Mon 2026-11-23 00:00 -05'
# whole years, minute by minute: clocks that are changed by half an hour, at
# midnight, twice in a few weeks, and a day that was left out
for zone in Europe/Berlin America/New_York Australia/Lord_Howe \
	America/St_Johns Africa/Casablanca America/Asuncion Asia/Kathmandu; do
	ok "each minute of 2024 in $zone" "$bin/window-text" -c \
"Sun 01:45-02:15,02:30-02:45, Sat 23:50-00:20, Tue-Thu 22:30-03:10, Fri $zone" \
		"$(epoch 2024-01-01)" "$(epoch 2025-01-01)"
done
ok 'a day that was left out' "$bin/window-text" -c \
	'Fri, Sat 10:00-11:00 Pacific/Apia' \
	"$(epoch 2011-12-20)" "$(epoch 2012-01-05)"
is 'local time is what TZ says' "$(TZ=America/New_York "$bin/window-text" \
	'Mon 09:00-10:00' "$(epoch "$noon")")" \
	'1795442400 Mon 2026-11-23 09:00 EST'

#
# The filter
#
# A window that is closed, for days: up to the night before $day
day=$(date -d "@$(($(date +%s) + 3 * 86400))" +%Y-%m-%d)
closed=$(date -d "$day" +%a)
until="$(date -d "$day" '+%a %Y-%m-%d') 00:00 UTC"
always=00:00-24:00
A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
B=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
C=cccccccccccccccccccccccccccccccccccccccc

# service NAME [LINE...]: the conf of one
service() {
	name=$1; shift
	mkdir -p "$state/$name/ctl"
	printf '%s\n' machine=here "service=$name" "upstream=$tmp/r" \
		branch=main "dir=app$t${t}dir" "$@" >"$state/$name/conf"
}

# crafted WINDOW [LINE...]: service s, at A, with B staged; and its status
crafted() {
	rm -rf "$state"
	service s "window=$1"
	shift
	printf '%s\n' "hash=$A" "applied=$A" "$@" >"$state/s/status"
	staged $B
}
staged() { printf 'commit %s\n' "$1" >"$state/s/plan"; }

# window [ARGUMENT...]: what it lets through, on one line
window() { gitopper-window "$@" 2>err | tr '\n' ' '; }

# snap: what tells whether a file was written
snap() { find "$state" -printf '%p %i %s %T@ %C@\n' | sort; }

# passes WHY: s does, and it has nothing to wait for
passes() {
	is "$1: it passes" "$(window s)" 's '
	is '  and waits for nothing' "$(value s note)$(value s opens)" ''
}

# waits WHY [COMMIT]: s does
waits() {
	is "$1: it waits" "$(window s)" ''
	is '  and says for what' "$(value s note)" \
		"$(echo "${2:-$B}" | cut -c1-8) waits for the window, until $until"
	is '  and until when' "$(value s opens)" "$(epoch "$day")"
	is '  which is no error' "$(value s error)" ''
}

fails 100 'an unknown option' gitopper-window -x
fails 100 'all of them, and one' gitopper-window -a s
fails 100 'a window that is none' gitopper-window -w Monday s
like '  is said' "$(cat out)" '^gitopper-window: -w: window has "Monday"'
fails 100 'a zone that is not there' gitopper-window -w 'Mon Mars/Base' s
fails 1 'a service that is not there' gitopper-window none
like '  is said' "$(cat out)" '^gitopper-window: none: no such service'

crafted "$closed"
waits 'a closed window'
is '  and publishes nothing' "$(value s passed)" ''
like '  the log has it' "$(cat "$state/s/log")" 'Z window: bbbbbbbb waits for'
snap >before
for how in s -a; do
	is "once more, $how" "$(window $how)" ''
done
is 'by standard input' "$(echo s | window)" ''
snap >after
ok 'that writes no file' diff before after
is 'the next commit' "$(staged $C; window s)" ''
waits 'the next commit' $C
echo "window=$always" >>"$state/s/conf"
sed -i "/^window=$closed/d" "$state/s/conf"
passes 'an open window'
is '  which is noted' "$(value s passed)" $C
snap >before
is 'once more' "$(window s)" 's '
snap >after
ok 'writes no file' diff before after
sed -i /^window/d "$state/s/conf"
passes 'no window'

crafted "$closed"; rm "$state/s/plan"
snap >before
passes 'nothing is staged'
snap >after
cp after out
ok 'that writes nothing but the lock' sh -c 'grep -v lock before >b
	grep -v lock after >a; sed -i "/state.s /d" a b; diff a b'
crafted "$closed"
waits 'and then'
rm "$state/s/plan"
passes 'nothing is staged any more'
crafted "$closed"; sed -i /window/d "$state/s/conf"
snap >before
passes 'no window at all'
snap >after
ok 'that writes nothing, no lock either' diff before after
crafted "$closed" "todo=publish $B"
passes 'a publish that was begun'
crafted "$closed" "redo=$B"
passes 'a redo'
is '  is remembered until it is published' "$(value s redo)" $B
crafted "$closed" "redo=$C"
waits 'a redo of another commit'
is '  is over' "$(value s redo)" ''
crafted "$closed" "passed=$B"
waits 'what passed in an earlier window'
is '  may not any more' "$(value s passed)" ''
crafted "$closed"; echo bbbbbbb >"$state/s/ctl/pin"
passes 'a rollback'
crafted "$closed"; echo aaaaaaa >"$state/s/ctl/pin"
waits 'a rollback to another commit'
crafted "$closed"; staged $A
passes 'the commit that it is at'
crafted "$closed"; printf '%s\n' "hash=$C" "applied=$A" >"$state/s/status"
passes 'another one where the last turned out ill'
crafted "$closed"; printf '%s\n' "hash=$C" >"$state/s/status"
passes 'and where none was ever well'
crafted "$closed"; printf '%s\n' "hash=$C" "applied=$A" todo=act \
	'error=health: exit status 1' >"$state/s/status"
passes 'and where that came out when the tip was another already'
crafted "$closed"; : >"$state/s/status"
waits 'the first deployment'
crafted "$closed"; echo gone=1 >>"$state/s/conf"
passes 'one that left the config'

# there is other work to do: the name goes on, the commit doesn't
crafted "$closed" todo=act
is 'an action that failed is tried again' "$(window s)" 's '
like '  while a commit waits' "$(value s note)" '^bbbbbbbb waits'
is '  for pull to know' "$(value s passed)" ''
crafted "$closed"; echo always=1 >>"$state/s/conf"
is 'so does one that is always to act' "$(window s)" 's '
: >"$state/s/status"
is '  if there is something to act upon' "$(window s)" ''

# -w, -n
crafted "$always"; service u; cp "$state/s/plan" "$state/u"
is '-w goes before what they have' "$(window -w "$closed" s u)" ''
like '  and what they have not' "$(value u note)" "^bbbbbbbb waits.*$until"
is 'it also opens' "$(window -w $always -a)" 's u '
is '  and is noted' "$(value s note)$(value s opens)" ''
echo todo=act >>"$state/u/status"; echo "hash=$A" >>"$state/u/status"
is 'where nothing else would hold it up, the name stays' \
	"$(window -w "$closed" u)" ''
crafted "$closed"; service u; service v window=$always
snap >before
is '-n tells' "$(gitopper-window -n -a)" "s$t$until
u${t}always
v${t}open"
is '  for -w as well' "$(gitopper-window -n -w "$closed" v)" "v$t$until"
snap >after
ok '  and writes nothing' diff before after

# trouble
crafted 'Mon Mars/Base'
fails 1 'a zone that has gone' gitopper-window s
like '  is an error' "$(value s error)" \
	'^window: window has "Mars/Base", a time zone that is not known here$'
ok '  to be tried again' test -n "$(value s retry)"
sed -i "s/^window=.*/window=$always/" "$state/s/conf"
passes 'it is back'
is '  all is well' "$(value s error)" ''
crafted "$closed"
exec 8>"$state/s/lock"
flock 8
is 'a locked one is left alone' "$(window s 8>&-)" ''
is '  and poked' "$(ls "$state/s/ctl")$(value s note)" poke
exec 8>&-

#
# Due when it opens
#
# due OPENS: who is due, at its tip, with that in status
ms() { echo $(($(date +%s%N) / 1000000)); }
due() {
	crafted "$closed" "opens=$1" 'note=bbbbbbbb waits'
	mkdir -p "$(upstream_dir "$tmp/r")"
	printf '%s\n' "url=$tmp/r" "tried=$(date +%s)" "tip=main$t$A" \
		>"$(upstream_dir "$tmp/r")/status"
	gitopper-wait -t "$2"
}
is 'before it opens it is not due' "$(due $(($(date +%s) + 1000)) 0)" ''
is 'after that it is' "$(due $(($(date +%s) - 1)) 0)" s
sed -i 's/^named .*/named 0/' "$state/.claims"
is 'once' "$(gitopper-wait -t 0)" ''
at=$(($(date +%s) + 3))
is 'it wakes up for it' "$(due $at 60)" s
ok '  not before' test "$(ms)" -ge $((at * 1000))
due $(($(date +%s) + 1000)) 0
spawn strace -qq -o trace gitopper-wait -t 1000
waiter=$pid
ok 'the kernel is to wake it when somebody sets the clock' \
	within 20 grep -q 'TFD_TIMER_ABSTIME|TFD_TIMER_CANCEL_ON_SET' trace
kill "$(pgrep -P "$waiter")"

#
# In the pipe, from a repository
#
put() { mkdir -p "$(dirname "$1/$2")" && printf '%s\n' "$3" >"$1/$2"; }
push() { put r app/a "$1"; commit r "$1"; }
pipe() {
	gitopper-pull -f s 2>>err | gitopper-act -k check 2>>err |
	gitopper-window 2>>err | gitopper-pull -p 2>>err |
	gitopper-act 2>>err | gitopper-act -k health 2>>err | tr '\n' ' '
}
# in's: what s has
has() { cat "$state/s/tree/app/a" 2>/dev/null; }
redo() { echo "${1-redo}" >"$state/s/ctl/poke"
	touch -d '1 second ago' "$state/s/ctl/poke"; }
short() { echo "$1" | cut -c1-8; }

# fresh [LINE...]: one commit is out, its window closes, and another comes
fresh() {
	rm -rf r "$state"
	git init -q r
	service s "$@"
	one=$(push one)
	pipe >/dev/null
	echo "window=$closed" >>"$state/s/conf"
	two=$(push two)
}
fresh
is 'a commit comes while it is closed' "$(pipe)" ''
is '  the files stay' "$(has) $(value s hash)" "one $one"
is '  it waits' "$(value s note)" \
	"$(short $two) waits for the window, until $until"
like '  which is OK, says gitopper-ctl' "$(gitopper-ctl list)" \
	"s .* OK +$(short $two) waits for the window, until $until"
like '  and JSON' "$(gitopper-ctl -m list)" \
	"\"stateinfo\":\"$(short $two) waits for the window"
snap | grep -v upstream >before
is 'the next cycle' "$(pipe)" ''
snap | grep -v upstream >after
ok '  writes no file' diff before after
is 'by hand it waits as well' "$(gitopper-pull s)$(has)" one
git -C r reset -q --hard "$one"
is 'the commit is taken back' "$(pipe)" ''
is '  the note goes' "$(value s note)$(value s opens)" ''
two=$(push two)
is 'a commit, and its window is taken away' \
	"$(pipe; sed -i /^window/d "$state/s/conf"; pipe)" 's '
is '  it is out' "$(has) $(value s note)$(value s opens)" 'two '

fresh
pipe >/dev/null
redo config
is 'a redo that the config wants' "$(pipe)" 's '
is '  opens no window' "$(has)" one
ok '  and says so' test -n "$(value s note)"
redo
is 'one that somebody wants' "$(pipe)" 's '
is '  does' "$(has) $(value s applied)" "two $two"
is '  once' "$(value s redo)$(value s passed)$(value s note)" ''
push three >/dev/null
is 'what comes then waits again' "$(pipe)$(has)" two

# killed after the redo was taken
fresh
redo
gitopper-pull -f s >/dev/null 2>&1
is 'a redo is not lost with its poke' \
	"$(ls "$state/s/ctl") $(pipe)$(has)" ' s two'

# another commit comes between the window and the publishing pull
fresh
sed -i "s/^window=.*/window=$always/" "$state/s/conf"
gitopper-pull -f s 2>/dev/null | gitopper-window >name
push three >/dev/null
gitopper-pull -f s >/dev/null 2>&1
is 'what did not come by here is not published' \
	"$(gitopper-pull -p <name)$(has)" one
is '  but in the next cycle' "$(pipe)$(has)" 's three'
fresh
gitopper-pull -f s 2>/dev/null | gitopper-window >name
sed -i "s/^window=.*/window=$always/" "$state/s/conf"
gitopper-pull -f s 2>/dev/null | gitopper-window >name
sed -i "s/^window=.*/window=$closed/" "$state/s/conf"
is 'what came by here is, though it closes' \
	"$(gitopper-pull -p <name)$(has)" stwo

# work on what is there goes on
fresh action=/bin/true
printf 'todo=act\n' >>"$state/s/status"
is 'an action that failed is done' "$(pipe)" 's '
is '  on what is there' "$(has) $(value s todo)" 'one '
is '  and the next commit waits' "$(pipe)$(has)" one

fresh drift=fix
git -C r reset -q --hard "$one"
echo edited >"$state/s/tree/app/a"
redo config
is 'files that are put back do not wait' "$(pipe)$(has)" 's one'
two=$(push two)
pipe >/dev/null
echo "$two" >"$state/s/ctl/pin"
is 'a pin does not wait' "$(pipe)$(has)" 's two'
push three >/dev/null
rm "$state/s/ctl/pin"
is '  but when it goes' "$(pipe)$(has)" two

# ill: it goes back at once, or on to what may be better
fresh
sed -i /^window/d "$state/s/conf"
pipe >/dev/null
echo "window=$closed" >>"$state/s/conf"
sed -i "s/^applied=.*/applied=$one/" "$state/s/status"
printf '%s\n' "bad=$two" 'verdict=health: ill' 'error=health: ill' \
	>>"$state/s/status"
is 'what turned out ill goes back' "$(pipe)$(has)" 's one'
push three >/dev/null
is '  and what comes then waits' "$(pipe)$(has)" one

#
# The runner
#
me=$(hostname)
rm -rf "$state" r
git init -q r
mkdir -p etc
cat >etc/config.toml <<END
[global]
upstream = "$tmp/r"
interval = "1h"
window = "09:00-10:00"
[[services]]
machine = "$me"
service = "s"
action = "$tmp/acted"
dirs = [ { link = "app" } ]
END
printf '#!/bin/sh\ndate +%%s >>"%s/actions"\n' "$tmp" >acted
chmod 755 acted etc
[ "$(id -u)" -ne 0 ] || chown 0:0 "$tmp" acted

# clock SECONDS: a time zone in which it is 9 o'clock in so many seconds; sets
# zone, and nine, which is that moment
clock() {
	now=$(date +%s)
	nine=$((now + $1))
	off=$((9 * 3600 - nine % 86400)) sign=-
	[ $off -ge 0 ] || { off=$((-off)); sign=; }
	zone=$(printf 'XXX%s%02d:%02d:%02d' "$sign" $((off / 3600)) \
		$((off / 60 % 60)) $((off % 60)))
}
start() {
	TZ=$zone spawn gitopper -c etc/config.toml 2>>runner.err
	runner=$pid
}
stop() { kill "$runner"; wait "$runner"; }
note() { value s note | grep -q "^$(short "$1") waits for the window"; }
out() { [ "$(has)" = "$1" ] && [ "$(value s applied)" = "$2" ]; }

clock 20000
one=$(push one)
start
ok 'the runner: the first commit waits' within 60 note "$one"
like '  until nine' "$(value s note)" ', until .* 09:00 XXX$'
is '  by the seconds' "$(value s opens)" $nine
is '  and is not there' "$(has)" ''
gitopper-ctl redo s
ok 'redo publishes it' within 60 out one "$one"
two=$(push two)
gitopper-ctl pull s
ok 'a push' within 60 note "$two"
is '  waits, the files stay' "$(has) $(cat actions | wc -l)" 'one 1'
like '  and people see it' "$(gitopper-ctl list s)" \
	" OK +$(short "$two") waits for the window"
like '  who ask by HTTP' "$(printf 'GET /list/services HTTP/1.0\r\n\r\n' |
	gitopper-httpd)" "\"stateinfo\":\"$(short "$two") waits for"
like '  and Prometheus sees no error' \
	"$(printf 'GET /metrics HTTP/1.0\r\n\r\n' | gitopper-httpd)" \
	'^gitopper_service_ok\{service="s"\} 1$'
gitopper-ctl rollback s "$one"
ok 'a rollback to where it is' within 60 sh -c '! grep -q ^note= "$0"' \
	"$state/s/status"
gitopper-ctl unfreeze s
ok 'unfrozen, it waits again' within 60 note "$two"
stop
clock 8
start
ok 'at nine it goes live' within 90 out two "$two"
ok '  not before' test "$(tail -n 1 actions)" -ge $nine
is '  and nothing waits any more' "$(value s note)$(value s opens)" ''
three=$(push three)
gitopper-ctl pull s
ok 'what comes now does at once' within 60 out three "$three"
stop
printf 'error=%s\n' 'window: window has "Mars/Base", a time zone' \
	>>"$state/s/status"
ok 'the zone went, and so did what waited' gitopper-pull -f s
is '  all is well' "$(value s error)" ''
is 'gitopper-window had nothing to say' \
	"$(grep gitopper-window runner.err)" ''
done_testing
