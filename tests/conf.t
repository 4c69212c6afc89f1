#!/bin/sh
# conf.t - gitopper-conf: from the config file to the conf files
. tests/lib.sh

cd "$tmp" || exit 111
host=$(uname -n)
c=$tmp/config.toml

conf() { gitopper-conf -c "$c" "$@"; }

# config: standard input becomes the config file
config() { cat >"$c"; }

# snap: all that can be seen of the state directory from outside, but for what
# is kept of a fault
snap() {
	find "$GITOPPER_STATE" -mindepth 1 ! -name .config \
		-printf '%p %i %m %s %T@ %C@\n' | sort
}

# poke NAME: what its poke says, "none" where it is missing; takes it away
poke() {
	f=$GITOPPER_STATE/$1/ctl/poke
	[ -e "$f" ] || { echo none; return; }
	cat "$f" && rm "$f"
}

# faulty PLACE MESSAGE: the config is refused just so, and nothing is changed
faulty() {
	snap >before
	conf -h web >got 2>err
	status=$?
	snap >after
	{
		echo "$status"; cat got err; diff before after
	} >result
	printf '100\ngitopper-conf: %s:%s\n' "$c" "$1: $2" >wanted
	diff wanted result >out
	result $? "$1: $2"
}

# service LINES...: a config with one service, which the lines are part of
service() {
	printf '%s\n' '[[services]]' 'machine = "web"' 'service = "x"' \
		'upstream = "/srv/repo"' "$@"
}

#
# The config that is everywhere printed, word by word
#
config <<'END'
[global]
upstream = "https://example.org/ops/origin"  # where to download from
mount = "/srv"                               # mount + service is the path

[[services]]
machine = "grafana.example.net" # so that each knows what to do
service = "grafana-server" # as systemd calls it
package = "grafana"  # as used by package mgmt, may be empty
user = "grafana"     # do the checkout with this user
action = "reload"    # what to do when files are changed, maybe empty.
mount = "/srv/grafana1"
dirs = [
    { local = "/etc/grafana", link = "grafana/etc", single = false },
    { local = "/var/lib/grafana/dashboards", link = "grafana/dashboards", single = false }
]
END
t='	'
cat >wanted <<END
machine=grafana.example.net
service=grafana-server
upstream=https://example.org/ops/origin
branch=main
user=grafana
package=grafana
action=reload
mount=/srv/grafana1
dir=grafana/etc$t/etc/grafana${t}dir
dir=grafana/dashboards$t/var/lib/grafana/dashboards${t}dir
END
is '-n prints what it understood' "$(conf -n -h grafana.example.net)" \
	"grafana-server
$(sed "s/^/$t/" wanted)"
ok '-n makes no state directory' test ! -e "$GITOPPER_STATE"
fails 0 '-n is content with a config for others' conf -n
is 'the name is printed' "$(conf -h GRAFANA.Example.net)" grafana-server
ok 'conf is what it should be' \
	diff wanted "$GITOPPER_STATE/grafana-server/conf"
is 'a new service is poked' "$(poke grafana-server)" ''
is '.machines' "$(cat "$GITOPPER_STATE/.machines")" \
	"grafana.example.net${t}mine"
snap >before
is 'the same again prints nothing' "$(conf -h grafana.example.net)" ''
snap >after
ok 'and touches no file' diff before after

#
# Nothing is taken down by a wrong name or an empty config
#
snap >before
fails 100 'a wrong host name' conf -h grafana
like 'says which names it tried' "$(cat out)" \
	"config.toml: names no service for this machine \\(grafana, $host\\)"
fails 100 'a wrong host name, looked at' conf -n
: >"$c"
fails 100 'an empty config' conf -h grafana.example.net
rm "$c"
fails 100 'a missing config' conf -h grafana.example.net
is 'one line' "$(cat out)" "gitopper-conf: $c: No such file or directory
exit status 100, not 100"
mkdir "$c"
fails 100 'a directory' conf
rmdir "$c"
mkfifo "$c"
fails 100 'a pipe that nobody writes to' conf
rm "$c"
snap >after
ok 'none of these changed anything' diff before after
rm -r "$GITOPPER_STATE"
: >"$c"
fails 0 'an empty config on an empty machine' conf -h web
like 'is warned about' "$(cat out)" "names no service for this machine \\(web, "
ok 'and .machines is written' test -f "$GITOPPER_STATE/.machines"

#
# All keys; global ones, and where they are not wanted
#
mkdir keys
config <<'END'
[[services]]
machine = ["db", "web", "WEB"]
service = "all"
branch = "v1.0"
[[services]]
machine = "web"
service = "own@1:a.b+c-d"
upstream = "git@h:ops.git"
user = ""
package = ""
action = ""
check = " "
check_user = ""
health = ""
health_timeout = ""
mount = ""
interval = 60
timeout = "1h30m"
always = false
drift = "count"
key = ""
known_hosts = ""
credentials = ""
ca = ""
dirs = []
env = { LEVEL = "debug", EMPTY = "", N = -3, B = true }
[[services]]
machine = "other"
service = "all"
[global]
upstream = "ssh://git@example.org:2222/ops/config"
branch = "stable"
mount = "//srv/./trees/"
interval = "2d"
timeout = "90s"
user = "www"
package = "httpd"
action = "reload"
check = "/usr/bin/check -q"
check_user = "root"
health = "bin/up"
health_timeout = "300"
env = { LEVEL = "info", PATHS = "/a b:/c=d" }
always = true
drift = "fix"
key = "keys/id"
known_hosts = "/etc/hosts.known"
credentials = "store"
ca = "../ca.pem"
keys = [ { path = "keys/a.pub" }, { path = "/b.pub", ro = true } ]
END
is 'names in the order of the config' "$(conf -h web)" 'all
own@1:a.b+c-d'
cat >wanted <<END
machine=web
service=all
upstream=ssh://git@example.org:2222/ops/config
branch=v1.0
user=www
package=httpd
action=reload
check=/usr/bin/check -q
check_user=root
health=bin/up
health_timeout=300
mount=/srv/trees
interval=172800
timeout=90
always=1
drift=fix
key=$tmp/keys/id
known_hosts=/etc/hosts.known
credentials=$tmp/store
ca=$tmp/../ca.pem
dir=$t${t}dir
env=LEVEL=info
env=PATHS=/a b:/c=d
END
ok 'global keys' diff wanted "$GITOPPER_STATE/all/conf"
cat >wanted <<END
machine=web
service=own@1:a.b+c-d
upstream=git@h:ops.git
branch=stable
interval=60
timeout=5400
dir=$t${t}dir
env=PATHS=/a b:/c=d
env=LEVEL=debug
env=EMPTY=
env=N=-3
env=B=true
END
ok 'empty ones go without' diff wanted "$GITOPPER_STATE/own@1:a.b+c-d/conf"
is '.machines knows all, once, in order' "$(cat "$GITOPPER_STATE/.machines")" \
	"db
web${t}mine
other"
rm -r "$GITOPPER_STATE"
(cd / && gitopper-conf -c "${c#/}" -h db -h x,,other -h ,) >out 2>err
is 'a service of two hosts that this one is' \
	"$(sed "s|^gitopper-conf: ${c#/}:| |" err)" \
	' 27:3: service all is already defined at 1:3 for this host'
(cd / && gitopper-conf -c "${c#/}" -h x,other -h ,y) >out 2>err
is '-h takes lists' "$(cat out err)" all
is 'a relative path in the config of a relative path' "$(value all key conf)" \
	"$tmp/keys/id"
mkdir elsewhere && mv "$c" elsewhere/real && ln -s elsewhere/real "$c"
fails 0 'the config may be a symbolic link' conf -h other
is 'and paths are relative to that' "$(value all key conf)" "$tmp/keys/id"
rm "$c"
service | sed "s/web/$host/" | config
is 'the own host name always counts' "$(conf -h x,y)" 'x
all'

#
# The manual's examples
#
# literal HEADING: the first block below it
literal() {
	awk -v h="$1" '$0 == h { s = 1 } /^\.Ed/ && f { exit } f
		s && /-literal/ { f = 1 }' "$top/gitopper.toml.5"
}
literal '.Ss Windows' | while read -r window; do
	service "window = $window" | config
	conf -n -h web 2>&1 | grep "^${t}window=" || echo "no $window"
done >got
is 'the windows are right' "$(grep -c "^$t" got) $(grep -v "^$t" got)" '6 '
literal '.Sh EXAMPLES' | config
sed 's|local = "/etc/caddy"|local = "etc/caddy"|;12,$d' "$c" >wrong
is 'it is right' "$(conf -n -h www2.example.org,STATS.example.org 2>&1 |
	sed -n "/^$t/!p;/env=/p")" "caddy
grafana-server
${t}env=LEVEL=info"
gitopper-conf -n -c wrong 2>err
is 'and its fault is that' "$(cat err)" \
	"$(sed -n 's/config.toml:11:23:/wrong:11:23:/p' "$top/gitopper.toml.5")"

#
# Links and locals in their plain form
#
service 'dirs = [' '{ link = "." }, { link = "./" }, { link = "a//b/" },' \
	'{ link = "f", local = "/a/./b//f/", single = true },' \
	'{ link = "g h", local = "/a/bf", file = true, single = false },' \
	'{ link = "g", local = "" } ]' | config
conf -h web >/dev/null
is 'dirs' "$(value x dir conf)" "$t${t}dir
$t${t}dir
a/b$t${t}dir
f$t/a/b/f${t}file
g h$t/a/bf${t}file
g$t${t}dir"

#
# Upstreams, branches and times that are right
#
for u in https://h/p http://u:pw@h:8080/p ssh://h/~u/p git://[::1]:9418/p \
    file:///srv/r git@h:p me@h:/srv/r.git '/srv/a b' https://h; do
	service "branch = 'feature/x'" | sed "s|/srv/repo|$u|" | config
	conf -h web >/dev/null 2>err
	is "upstream $u" "$(value x upstream conf)$(cat err)" "$u"
done
for b in v1.2 refs/tags/x a@b release-1.x \
    0123456789012345678901234567890123456789; do
	service "branch = '$b'" | config
	conf -h web >/dev/null 2>err
	is "branch $b" "$(value x branch conf)$(cat err)" "$b"
done
for i in '1 1' '"300" 300' '"5m" 300' '"90s" 90' '"2d" 172800' \
    '"1d2h3m4s" 93784' '3660_00 366000'; do
	service "interval = ${i% *}" | config
	conf -h web >/dev/null 2>err
	is "interval ${i% *}" "$(value x interval conf)$(cat err)" "${i#* }"
done

#
# -t
#
service | config
conf -h web -t 1h >/dev/null
is '-t counts where the config says nothing' "$(value x interval conf)" 3600
service 'interval = "7m"' | config
conf -h web -t 1h >/dev/null
is 'and not where it does' "$(value x interval conf)" 420
service 'interval = "1.5h"' 'timeout = "2500ms"' | config
conf -h web >/dev/null
is 'decimals and milliseconds, up to the next second' \
	"$(value x interval conf) $(value x timeout conf)" '5400 3'
for i in 0 x 5x 1h30 -1 m '' 1.5 1.h .5h 0ms 99999999999999999999; do
	fails 100 "-t '$i'" conf -h web -t "$i"
done

#
# What is poked, and how
#
changed() {
	service "$2" | config
	got=$(conf -h web)
	is "$2: is printed" "$got" x
	is "$2: poke" "$(poke x)" "$1"
}
service | config
conf -h web >/dev/null; poke x >/dev/null
changed config 'dirs = [{ link = "a" }]'
changed config 'dirs = [{ link = "a", file = true }]'
changed config 'dirs = [{ link = "a", local = "/l" }]'
changed config 'mount = "/m"'
changed config 'user = "u"'
changed config 'branch = "b"'
changed config 'action = "a"'
changed config 'env = { A = "1" }'
changed config 'env = { A = "1", B = "2" }'
changed config ''
changed '' 'interval = 7'
changed '' 'timeout = 7'
changed '' 'check = "c"'
changed '' 'health = "h"'
changed '' 'drift = "fix"'
changed '' 'package = "p"'
service | sed s/repo/other/ | config
is 'another upstream' "$(conf -h web)" x
is 'is redone' "$(poke x)" config
service 'action = "z"' | config
conf -h web >/dev/null
service 'action = "z"' 'interval = 9' | config
conf -h web >/dev/null
is 'a plain poke takes nothing away' "$(poke x)" config
echo redo >"$GITOPPER_STATE/x/ctl/poke"
service 'action = "y"' | config
conf -h web >/dev/null
is 'nor does this from what a person asked for' "$(poke x)" redo

#
# Gone, and back again
#
{ service; service | sed 's/"x"/"y"/'; } | config
is 'one more' "$(conf -h web)" 'x
y'
poke y >/dev/null
cp "$GITOPPER_STATE/y/conf" wanted
service | config
is 'one less' "$(conf -h web)" y
is 'it is marked, and the rest stays' "$(cat "$GITOPPER_STATE/y/conf")" \
	"$(cat wanted; echo gone=1)"
is 'and poked' "$(poke y)" ''
snap >before
is 'once' "$(conf -h web)" ''
snap >after
ok 'and no file of it is touched again' diff before after
service | sed 's/"web"/"db"/' | config
fails 100 'a config without the last one' conf -h web
{ service; service | sed 's/"x"/"y"/'; } | config
is 'back again' "$(conf -h web)" y
ok 'its conf is as before' diff wanted "$GITOPPER_STATE/y/conf"
is 'and it is poked' "$(poke y)" ''
service | sed 's/"x"/"y"/' | config
conf -h web >/dev/null
service | sed 's/"x"/"z"/' | config
is 'all others at once' "$(conf -h web)" 'z
y'
service | sed 's/"x"/"z"/;s/"web"/"db"/' | config
sed -i '$a gone=1' "$GITOPPER_STATE/z/conf"
fails 0 'where all are gone, none is missing' conf -h web

#
# Faults
#
service | config
rm -r "$GITOPPER_STATE"
conf -h web >/dev/null
config <<'END'
[global]
= 3
END
faulty 2:1 'expected a key'
config <<'END'
globl = 3
END
faulty 1:1 'unknown key globl'
config <<'END'
global = []
END
faulty 1:10 'global is an array, not a table'
config <<'END'
[services]
END
faulty 1:2 'services is a table, not an array'
config <<'END'
[global]
machine = "web"
END
faulty 2:1 'unknown key machine'
service 'brnch = "x"' | config
faulty 5:1 'unknown key brnch'
service '"mount\u0000x" = "/"' | config
faulty 5:1 'unknown key mount'
service 'dirs = [' '  { link = "a" },' '  { link = "b", lokal = "/x" } ]' | config
faulty 7:17 'unknown key lokal'
service | sed /machine/d | config
faulty 1:3 'a service without a machine'
service | sed 's/"web"/""/' | config
faulty 2:11 'machine is empty'
service | sed 's/"web"/[]/' | config
faulty 2:11 'machine is empty'
service | sed 's/"web"/["web", 3]/' | config
faulty 2:19 'machine is an integer, not a string'
service | sed 's/"web"/"a b"/' | config
faulty 2:11 'machine has a blank or comma in it'
service | sed /service.=/d | config
faulty 1:3 'a service without a name'
service | sed 's/"x"/""/' | config
faulty 3:11 "\"\" can't be the name of a service"
service | sed 's/"x"/".x"/' | config
faulty 3:11 "\".x\" can't be the name of a service"
service | sed 's/"x"/"a\/b"/' | config
faulty 3:11 "\"a/b\" can't be the name of a service"
service | sed /upstream/d | config
faulty 1:3 'a service without an upstream'
service | sed 's/"\/srv.*/""/' | config
faulty 1:3 'a service without an upstream'
service 'action = 3' | config
faulty 5:10 'action is an integer, not a string'
service 'action = "a\tb"' | config
faulty 5:10 'action has a control character in it'
service 'check = """' 'a' 'b"""' | config
faulty 5:9 'check has a control character in it'
service 'user = "a\u0000b"' | config
faulty 5:8 'user has a control character in it'
service 'user = "-u"' | config
faulty 5:8 'user looks like an option'
service 'package = "a --force"' | config
faulty 5:11 'package looks like an option'
for names in 'a;b' '../a' 'a=1' 'a*' 'a ,b' 'a-' 'a- b' '.a' 'a é'; do
	service "package = \"$names\"" | config
	faulty 5:11 'package is neither the name of a package nor several'
done
service 'package = "libstdc++-12-dev  Net_Tool:amd64 x.y"' | config
ok 'several packages' conf -n -h web
service 'interval = 0' | config
faulty 5:12 'interval is no time such as 300, "90s" or "1h30m"'
service 'timeout = "1h30"' | config
faulty 5:11 'timeout is no time such as 300, "90s" or "1h30m"'
service 'health_timeout = -1' | config
faulty 5:18 'health_timeout is no time such as 300, "90s" or "1h30m"'
service 'interval = 1.5' | config
faulty 5:12 'interval is a float, not a string'
service 'interval = "9999999999d"' | config
faulty 5:12 'interval is no time such as 300, "90s" or "1h30m"'
service 'always = "yes"' | config
faulty 5:10 'always is a string, not a boolean'
service 'check_user = "www"' | config
faulty 5:14 'check_user can only be "root"'
service 'drift = "undo"' | config
faulty 5:9 'drift is neither "fix" nor "count"'
service 'window = 9' | config
faulty 5:10 'window is an integer, not a string'
service 'window = "Monday"' | config
faulty 5:10 'window has "Monday", which is neither days such as Mon-Fri nor '\
'times such as 09:00-17:00'
for zone in Europe/Nowhere Europe leapseconds; do
	service "window = \"Mon $zone\"" | config
	faulty 5:10 "window has \"$zone\", a time zone that is not known here"
done
for zone in /etc/localtime ../zoneinfo/UTC Europe/../UTC ./UTC zone.tab UTC/ \
	Europe//Berlin; do
	service "window = \"Mon $zone\"" | config
	faulty 5:10 "window has \"$zone\", which can't be a time zone"
done
{ echo '[global]'; echo 'window = "Mon,"'; service; } | config
faulty 2:10 'window lacks days or times after a comma'
{ echo '[global]'; echo 'window = "Mon Europe/Berlin"'; service; } | config
like 'a window of all' "$(conf -n -h web)" '	window=Mon Europe/Berlin$'
{ echo '[global]'; echo 'window = "Mon"'; service 'window = ""'; } | config
is 'a service may go without' "$(conf -n -h web | grep window)" ''
service 'env = "A=1"' | config
faulty 5:7 'env is a string, not a table'
service 'env = { A = "1", "B C" = "2" }' | config
faulty 5:18 "B C can't be the name of a variable"
service 'env.1A = "1"' | config
faulty 5:5 "1A can't be the name of a variable"
service 'env = { A = "1\n2" }' | config
faulty 5:13 'A has a control character in it'
service 'env = { A = [] }' | config
faulty 5:13 'A is an array, not a string'
service 'mount = "srv"' | config
faulty 5:9 'mount is not an absolute path'
service 'mount = "/"' | config
faulty 5:9 'mount is the root directory'
service 'dirs = 3' | config
faulty 5:8 'dirs is an integer, not an array'
service 'dirs = ["a"]' | config
faulty 5:9 'a dir is a string, not a table'
service 'dirs = [{ local = "/a" }]' | config
faulty 5:9 'a dir without a link'
service 'dirs = [{ link = "/a" }]' | config
faulty 5:18 'link is not relative to the repository'
service 'dirs = [{ link = "a/../b" }]' | config
faulty 5:18 'link has .. in it'
service 'dirs = [{ link = "./a" }]' | config
faulty 5:18 'link has . in it'
service 'dirs = [{ link = "a/.Git/b" }]' | config
faulty 5:18 'link has .git in it'
service 'dirs = [{ link = "a\u007f" }]' | config
faulty 5:18 'link has a control character in it'
service 'dirs = [{ link = "", local = "/f", file = true }]' | config
faulty 5:9 'the whole repository is no file'
service 'dirs = [{ link = "a", file = 1 }]' | config
faulty 5:30 'file is an integer, not a boolean'
service 'dirs = [{ link = "a", local = "etc" }]' | config
faulty 5:31 'local is not an absolute path'
service 'dirs = [{ link = "a", local = "/etc/../b" }]' | config
faulty 5:31 'local has .. in it'
service 'dirs = [{ link = "a", local = "//./" }]' | config
faulty 5:31 'local is the root directory'
service "dirs = [{ link = 'a', local = '/$(printf %300s | tr ' ' a)' }]" | config
faulty 5:31 'local has too long a name in it'
for b in a..b -a a/ /a .a a. a.lock a/.b a//b '@' 'a@{b' 'a b' 'a~1' 'a^' \
    'a:b' 'a?' 'a*' 'a[b' 'a\b'; do
	service "branch = '$b'" | config
	faulty 5:10 'branch is no name of a branch, tag or commit'
done
service 'branch = ""' | config
faulty 5:10 'branch is empty'
for u in ftp://h/p HTTPS://h/p ext::sh repo ./repo -u h:p '--x@h:p' git@h: \
    git@h:-p git@-h:p http:/h; do
	service | sed "s|/srv/repo|$u|" | config
	faulty 4:12 'upstream is neither a URL of a known kind, nor user@host:path, nor an absolute path'
done
for u in ssh://-oProxyCommand=x/p ssh://u@-x/p https:///p 'https://a b/p'; do
	service | sed "s|/srv/repo|$u|" | config
	faulty 4:12 'upstream has no host'
done
service | sed "s|/srv/repo|file://h/p|" | config
faulty 4:12 'upstream has no absolute path'
config <<'END'
[global]
keys = "a"
END
faulty 2:8 'keys is a string, not an array'
config <<'END'
[global]
keys = [{ ro = true }]
END
faulty 2:9 'a key without a path'
config <<'END'
[global]
keys = [{ path = "x", ro = "x" }]
END
faulty 2:28 'ro is a string, not a boolean'
config <<'END'
[[global.keys]]
path = "a"
b = 1
END
faulty 3:1 'unknown key b'

# What takes one contact can have one way in
for key in key passphrase known_hosts credentials credential_command ca; do
	{
		service "$key = \"/bin/cat\""
		service "$key = \"/bin/ls\"" | sed 's/"x"/"y"/'
	} | config
	faulty 6:3 "service y has another $key than x, for the same upstream"
	{
		service "$key = \"/bin/cat\""
		service | sed 's/"x"/"y"/'
		service "$key = \"/bin/cat\"" | sed 's/"x"/"z"/'
		service "$key = \"/bin/ls\"" | sed 's/"x"/"a"/; s/repo/r2/'
		service "$key = \"/bin/ls\"" | sed 's/web/db/'
	} | config
	ok "$key: the same, or none, or for another upstream or machine" \
		conf -n -h web
done

# What overlaps
{ service; service; } | config
faulty 5:3 'service x is already defined at 1:3 for this host'
service 'dirs = [' '{ link = "a", local = "/a" },' \
	'{ link = "a", local = "/a/" }]' | config
faulty 7:23 'local /a is also /a, a local of x'
service 'dirs = [' '{ link = "a", local = "/a/b" },' \
	'{ link = "a", local = "/a" }]' | sed s/web/db/ | config
faulty 7:23 'local /a holds /a/b, a local of x'
{
	service 'dirs = [{ link = "a", local = "/a" }]'
	service 'dirs = [{ link = "a", local = "/a/b/c" }]' | sed 's/"x"/"y"/'
} | config
faulty 10:31 'local /a/b/c lies in /a, a local of x'
service 'mount = "/m"' 'dirs = [{ link = "a", local = "/m/x/a" }]' | config
faulty 6:31 'local /m/x/a lies in /m/x, the tree of x'
service 'mount = "/m"' 'dirs = [{ link = "a", local = "/m/.gitopper/a" }]' | config
faulty 6:31 'local /m/.gitopper/a lies in /m/.gitopper, which is ours'
{
	service 'dirs = [{ link = "a", local = "/m/y/a" }]'
	service 'mount = "/m"' | sed 's/"x"/"y"/'
} | config
faulty 6:3 'the tree /m/y holds /m/y/a, a local of x'
{
	service 'mount = "/m"'
	service 'mount = "/m/x/m"' | sed 's/"x"/"y"/'
} | config
faulty 6:3 'the tree /m/x/m/y lies in /m/x, the tree of x'
service "dirs = [{ link = 'a', local = '$GITOPPER_STATE/x/a' }]" | config
faulty 5:31 "local $GITOPPER_STATE/x/a lies in $GITOPPER_STATE, the state directory"
service "dirs = [{ link = 'a', local = '$tmp' }]" | config
faulty 5:31 "local $tmp holds $GITOPPER_STATE, the state directory"
ln -s "$GITOPPER_STATE" link
GITOPPER_STATE=$tmp/link
service "dirs = [{ link = 'a', local = '$tmp/state/a' }]" | config
faulty 5:31 "local $tmp/state/a lies in $tmp/state, the state directory"
GITOPPER_STATE=$tmp/state
service "mount = '$GITOPPER_STATE'" | config
faulty 1:3 "the tree $GITOPPER_STATE/x lies in $GITOPPER_STATE, the state directory"
{
	service 'dirs = [{ link = "a", local = "/a" }]'
	service 'dirs = [{ link = "a", local = "/a/b" }]' | sed s/web/db/
} | config
fails 0 'a service elsewhere may have the same place' conf -h web

# Others
{ service; service 'mount = 3' | sed 's/web/db/'; } | config
faulty 9:9 'mount is an integer, not a string'
{ service 'action = 1' 'mount = "m"' 'x = 3'; } | config
fails 100 'several faults' conf -h web
is 'are all told' "$(grep -c "^gitopper-conf: $c:[567]:" out)" 3
seq -f 'x%.0f = 1' 50 | config
fails 100 'very many faults' conf -h web
is 'are told in part' "$(grep -c . out) $(grep more out)" \
	"22 gitopper-conf: $c: and 30 more faults"
service "env = { A = '$(head -c 1100000 /dev/zero | tr '\0' a)' }" | config
faulty 1:3 'service x has too much in it'
rm -r "$GITOPPER_STATE"
service 'x = 1' | config
fails 100 'a fault on an empty machine' conf -h web
ok 'makes no state directory' test ! -e "$GITOPPER_STATE"

#
# -U
#
boot() { conf -U https://example.org/ops/config "$@"; }
rm -f "$c"
for i in '-B x' '-D x' '-M /x' 'x' '-x' '-c'; do
	# shellcheck disable=SC2086
	fails 100 "usage: $i" gitopper-conf $i
done
fails 100 'a bad -U' conf -U ftp://example.org/x
is 'is said' "$(head -1 out)" 'gitopper-conf: -U is neither a URL of a known kind, nor user@host:path, nor an absolute path'
fails 100 'all other bad ones' boot -B a..b -D /x -M x
is 'are said' "$(head -3 out)" 'gitopper-conf: -B is no name of a branch, tag or commit
gitopper-conf: -M is not an absolute path
gitopper-conf: -D is not relative to the repository'
fails 100 'a line end in one' boot -D 'a
b'
ok 'no state directory yet' test ! -e "$GITOPPER_STATE"
is '-U without the file' "$(boot 2>&1)" gitopper
is 'conf' "$(cat "$GITOPPER_STATE/gitopper/conf")" "machine=$host
service=gitopper
upstream=https://example.org/ops/config
branch=main
dir=gitopper$t${t}dir"
is 'with all options' "$(boot -B stable -D ops//x/ -M /srv/ -t 1m)" gitopper
is 'conf' "$(cat "$GITOPPER_STATE/gitopper/conf")" "machine=$host
service=gitopper
upstream=https://example.org/ops/config
branch=stable
mount=/srv
interval=60
dir=ops/x$t${t}dir"
is 'the whole repository' "$(boot -D .)" gitopper
is 'conf' "$(value gitopper dir conf)" "$t${t}dir"
service | config
is 'with the file' "$(boot -h web)" 'gitopper
x'
is '.machines' "$(cat "$GITOPPER_STATE/.machines")" "$host${t}mine
web${t}mine"
mv "$c" c2
snap >before
is 'the file is gone: nothing else is' "$(boot -h web)" ''
snap >after
ok 'and nothing changed' diff before after
mv c2 "$c"
fails 100 'a wrong host name' boot
rm -r "$GITOPPER_STATE/x"
fails 0 'a config without a service for this machine, when there was none' boot
is 'without -U' "$(conf -h web)" 'x
gitopper'
is 'it is gone' "$(value gitopper gone conf)" 1
service | sed 's/"x"/"gitopper"/' | config
fails 100 'a config that has the service gitopper' boot -h web
is 'says so' "$(head -1 out)" \
	"gitopper-conf: $c:1:3: service gitopper is what -U brings"
{ service; service | sed 's/"x"/"gitopper"/;s/web/db/'; } | config
fails 0 'for another machine it may' boot -n -h web
service 'dirs = [{ link = "a", local = "/srv" }]' | config
fails 100 'a local over its tree' boot -M /srv -h web

#
# A state directory full of garbage
#
rm -r "$GITOPPER_STATE"
mkdir -p "$GITOPPER_STATE/x" "$GITOPPER_STATE/d/conf" "$GITOPPER_STATE/e"
echo garbage >"$GITOPPER_STATE/f"
ln -s /nowhere "$GITOPPER_STATE/l"
: >"$GITOPPER_STATE/e/conf"
echo precious >"$tmp/precious"
ln -s "$tmp/precious" "$GITOPPER_STATE/x/conf"
mkfifo "$GITOPPER_STATE/.machines"
service | config
is 'is passed over' "$(conf -h web 2>&1)" x
ok 'a link in the place of conf is replaced' \
	test ! -L "$GITOPPER_STATE/x/conf"
is 'and not followed' "$(cat "$tmp/precious")" precious
printf 'service=x\nupstr' >"$GITOPPER_STATE/x/conf"
is 'a conf that was cut off' "$(conf -h web 2>&1)" x
service | sed 's/"x"/"f"/' >>"$c"
mkdir "$GITOPPER_STATE/g"
service | sed 's/"x"/"g"/' >>"$c"
fails 111 'a file in the place of a service' conf -h web
is 'is said, and the next comes through' "$(cat out)" \
	'gitopper-conf: f: Not a directory
g
exit status 111, not 111'
service | config
fails 111 'nobody takes the names' sh -c \
	"gitopper-conf -n -c '$c' -h web >/dev/full"

#
# Several at a time, and one that dies anywhere
#
rm -r "$GITOPPER_STATE"
for i in 1 2 3 4 5 6 7 8; do
	service "interval = $i" | sed "s/\"x\"/\"x$i\"/"
done | config
conf -n -h web >wanted
ids=
for i in 1 2 3 4 5 6; do
	conf -h web >"got$i" 2>&1 &
	ids="$ids $!"
done
status=0
for i in $ids; do
	wait "$i" || status=1
done
is 'six at a time' "$status $(cat got? | sort -u | tr '\n' ' ')" \
	'0 x1 x2 x3 x4 x5 x6 x7 x8 '
for i in "$GITOPPER_STATE"/x?; do
	echo "${i##*/}"
	sed "s/^/$t/" "$i/conf"
done >got
ok 'wrote what one writes' diff wanted got

# An action that changed must be run, wherever the one that says so died.
# (strace counts the calls of each kind by themselves.)
total=0
bad=
rm -r "$GITOPPER_STATE"
# what is traced can't be searched for leaks
asan=${ASAN_OPTIONS-}
for call in openat close write fchmod fsync renameat unlinkat; do
	n=0
	status=137
	while [ "$status" -ne 0 ] && [ "$n" -lt 200 ]; do
		n=$((n + 1))
		service | config
		conf -h web >/dev/null
		poke x >/dev/null
		service 'action = "a"' | config
		ASAN_OPTIONS=$asan:detect_leaks=0 strace -qq -o trace \
			-e "trace=$call" \
			-e "inject=$call:signal=KILL:when=$n" \
			gitopper-conf -c "$c" -h web >/dev/null 2>&1
		status=$?
		conf -h web >/dev/null 2>err
		[ "$(value x action conf) $(poke x) $(cat err)" = 'a config ' ] ||
			bad="$bad $call:$n"
		[ ! -e "$GITOPPER_STATE/x/.changed" ] || bad="$bad $call:$n"
	done
	[ "$n" -gt 1 ] && [ "$n" -lt 200 ] || bad="$bad $call"
	total=$((total + n - 1))
done
is "killed at each of $total system calls, the next run made up for it" \
	"$bad" ''

#
# Many services
#
# many COUNT [LINE]: a config of that many, each with a place of its own
many() {
	perl -e 'my ($n, $line) = @ARGV;
		print "[[services]]\nmachine = \"web\"\nservice = \"s$_\"\n" .
			"upstream = \"/srv/repo\"\nmount = \"/m\"\n$line\n" .
			"dirs = [{ link = \"a\", local = \"/l/s$_/a\" }]\n"
			for 1 .. $n' "$1" "${2-}"
}
# cpu COUNT TIMES [LINE]: seconds of CPU that one reading takes
cpu() {
	many "$1" "${3-}" | config
	perl "$top/tests/cpu.pl" 5 "$2" \
		sh -c 'exec gitopper-conf -n -h web -c "$1" >/dev/null' sh "$c"
}
rm -r "$GITOPPER_STATE" && mkdir "$GITOPPER_STATE"
# AddressSanitizer's memory gets slower as it gets more
most=20
! grep -q __asan_init "$(command -v gitopper-conf)" || most=80
for line in '' 'key = "/k"'; do
	few=$(cpu 500 10 "$line") all=$(cpu 5000 1 "$line")
	is "ten times the services${line:+ with a secret} take ten times as long" \
		"$(perl -e '
		my ($most, $few, $all) = @ARGV;
		print "$few s for 500, $all s for 5,000" if $all > $most * $few
	' "$most" "$few" "$all")" ''
done
{
	many 30 'key = "/k"'
	service 'key = "/other"'
} | config
faulty 211:3 'service x has another key than s1, for the same upstream'
{
	many 3000
	service 'dirs = [{ link = "a", local = "/l/s17" }]'
} | config
faulty 21005:31 'local /l/s17 holds /l/s17/a, a local of s17'
{
	many 3000
	service 'dirs = [{ link = "a", local = "/l/s1700/a/b" }]'
} | config
faulty 21005:31 'local /l/s1700/a/b lies in /l/s1700/a, a local of s1700'
{
	many 3000
	service 'dirs = [{ link = "a", local = "/m/s2999/a" }]'
} | config
faulty 21005:31 'local /m/s2999/a lies in /m/s2999, the tree of s2999'
{ many 3000; service | sed 's/"x"/"s1"/'; } | config
faulty 21001:3 'service s1 is already defined at 1:3 for this host'
many 3000 | config
is 'all of them are written' "$(conf -h web | wc -l)" 3000
is 'each with its conf' "$(sed -n 's/^service=//p' \
	"$GITOPPER_STATE"/s*/conf | sort -u | wc -l)" 3000
is 'a second time none' "$(conf -h web)" ''
rm -r "$GITOPPER_STATE"
many 100 | config
ASAN_OPTIONS=$asan:detect_leaks=0 strace -qq -o trace \
	-e trace=fsync,syncfs gitopper-conf -c "$c" -h web >/dev/null
is 'where they are many, all are synced at once' \
	"$(grep -c ^syncfs trace) $(($(grep -c ^fsync trace) < 80))" '1 1'

# where one that writes many dies, the next one makes up for it
bad=
for at in syncfs:1 unlinkat:1 unlinkat:15 unlinkat:30 renameat:1 renameat:30 \
	renameat:35 renameat:50 openat:200; do
	many 30 | config
	conf -h web >/dev/null
	rm -f "$GITOPPER_STATE"/s*/ctl/poke
	many 30 'action = "a"' | config
	ASAN_OPTIONS=$asan:detect_leaks=0 strace -qq -o trace \
		-e "trace=${at%:*}" \
		-e "inject=${at%:*}:signal=KILL:when=${at#*:}" \
		gitopper-conf -c "$c" -h web >/dev/null 2>&1
	[ $? -eq 137 ] || bad="$bad $at:not-killed"
	conf -h web >/dev/null 2>err
	[ "$(grep -l config "$GITOPPER_STATE"/s*/ctl/poke | wc -l)" -eq 30 ] &&
	[ "$(grep -l action=a "$GITOPPER_STATE"/s*/conf | wc -l)" -eq 30 ] &&
	[ -z "$(cat err; ls "$GITOPPER_STATE"/s*/.changed 2>/dev/null)" ] ||
		bad="$bad $at"
done
is 'nor is a poke lost where it died among many' "$bad" ''

#
# The group may be younger than the services
#
if [ "$(id -u)" -eq 0 ]; then
	rm -r "$GITOPPER_STATE"
	service | config
	conf -h web >/dev/null
	chown 0:0 "$GITOPPER_STATE/x/ctl" && chmod 755 "$GITOPPER_STATE/x/ctl"
	{ grep -v '^gitopper:' /etc/group; echo gitopper:x:64222:; } >group
	is 'a service that is known' "$(unshare -m sh -c '
		mount --bind "$1" /etc/group || exit 1
		gitopper-conf -c "$2" -h web' sh "$PWD/group" "$c" 2>&1)" ''
	is 'is opened to the group' \
		"$(stat -c '%u %g %a' "$GITOPPER_STATE/x/ctl")" '0 64222 3775'
fi

#
# Without root
#
unprivileged() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}
rm -r "$GITOPPER_STATE"
GITOPPER_STATE=$tmp/own/deep/state
mkdir own
[ "$(id -u)" -ne 0 ] || chown 65534:65534 own
service | config
is 'without root' "$(unprivileged gitopper-conf -c "$c" -h web 2>&1)" x
ok 'conf is there' test -f "$GITOPPER_STATE/x/conf"
is 'for all to read' "$(stat -c %a "$GITOPPER_STATE/x/conf")" 644
chmod 0 "$c"
fails 111 'a config that it may not read' \
	unprivileged gitopper-conf -c "$c" -h web
is 'one line' "$(head -1 out)" "gitopper-conf: $c: Permission denied"
chmod 644 "$c"
service 'user = "u"' | config
chmod 555 "$GITOPPER_STATE/x"
fails 111 'a state directory that it may not write to' \
	unprivileged gitopper-conf -c "$c" -h web
is 'one line' "$(head -1 out)" \
	'gitopper-conf: x: .changed: Permission denied'
chmod 755 "$GITOPPER_STATE/x"
is 'later it may' "$(unprivileged gitopper-conf -c "$c" -h web 2>&1)" x
is 'and it is redone' "$(poke x)" config
done_testing
