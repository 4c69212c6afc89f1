#!/bin/sh
# again.t - what is done again though no commit came: redo, always, drift; and
# what a freeze stops of that
. tests/lib.sh
. tests/cycles.sh

S=$GITOPPER_STATE
up=$tmp/up
make_cycle
cycle() { "$tmp/cycle" "$S" 2>>"$tmp/err" || { cat "$tmp/err"; return 1; }; }

# what the commands get; each tells it in a file of its own
mkdir "$tmp/bin"
for command in act health package; do
	cat >"$tmp/bin/$command" <<-END
	#!/bin/sh
	{
		echo "\${GITOPPER_OLD-none} \$GITOPPER_HASH"
		cat
	} >>"$tmp/$command.\$GITOPPER_SERVICE"
	[ ! -e "$tmp/fails.\$GITOPPER_SERVICE" ]
	END
	chmod 755 "$tmp/bin/$command"
done
# told COMMAND NAME: what it got since the last time; nothing: it did not run
told() {
	cat "$tmp/$1.$2" 2>/dev/null
	rm -f "$tmp/$1.$2"
}

# service NAME [LINE...]: on the directory app
service() {
	mkdir -p "$S/$1/ctl"
	{
		printf '%s\n' machine=here "service=$1" "upstream=$up" \
			branch=main "action=$tmp/bin/act"
		printf 'dir=app\t\tdir\n'
		shift
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$S/$1/conf"
}
# redo NAME [WORD]: a poke that was there before the contact begins
redo() {
	echo "${2-redo}" >"$S/$1/ctl/poke"
	touch -d '1 second ago' "$S/$1/ctl/poke"
}
# push TEXT: a commit; sets $new, and $old to the one before it
new=none
push() {
	mkdir -p "$up/app"
	echo "$1" >"$up/app/file"
	old=$new
	new=$(commit "$up" "$1")
}
git init -q "$up"
mkdir "$up/app"
echo same >"$up/app/same"
echo other >"$up/app/other"

# --- changes: what differs between applied and hash
push one
service s
service h "health=$tmp/bin/health"
service a always=1 "health=$tmp/bin/health"
ok 'a first commit' cycle
added="$old $new
A	app/file
A	app/other
A	app/same"
is 'its action gets its changes' "$(told act s)" "$added"
is 'so it does with a health check' "$(told act h)" "$added"
is 'which gets them, too' "$(told health h)" "$added"
is 'and one that always acts' "$(told act a)$(told health a)" "$added$added"
for name in s h a; do
	is 'when it is applied nothing differs' "$(value "$name" applied) $(
		cat "$S/$name/changes" 2>&-)" "$new "
done
ok 'with no new commit' cycle
is 'one that always acts does' "$(told act a)" "$new $new"
is 'its health check gets as little' "$(told health a)" "$new $new"
redo s
redo h
ok 'a redo' cycle
is 'acts again' "$(told act s)" "$new $new"
is 'and looks at health' "$(told act h),$(told health h)" "$new $new,$new $new"
push two
: >"$tmp/fails.s"
ok 'an action that fails' cycle
told act a >/dev/null
rm "$tmp/fails.s"
is 'got the changes' "$(told act s)" "$old $new
M	app/file"
# its retry comes later; a redo doesn't wait for that
redo s
ok 'the next time' cycle
is 'it gets them again' "$(told act s)" "$old $new
M	app/file"
printf 'M\tapp/file\n' >"$S/s/changes"
redo s
ok 'what a crash left of changes' cycle
is 'is not believed' "$(told act s)" "$new $new"
is 'and goes' "$(ls "$S/s/changes" 2>&-)" ''
rm -r "$S/a" "$S/h"

# --- redo: files that were edited or removed here
tree=$S/s/tree
edits() {
	rm -f "$tree/app/same"
	echo edit >>"$tree/app/file"
	ln -sf /etc/passwd "$tree/app/other"
	echo mine >"$tree/app/mine"
}
files() { (cd "$tree/app" && grep . ./* | tr '\n' ' '); }
all='./file:two ./mine:mine ./other:other ./same:same '
edits
redo s config
ok 'a config that changed' cycle
like 'leaves edits alone' "$(files)" '^./file:two ./file:edit ./mine:mine ./oth'
told act s >/dev/null
redo s
ok 'a redo' cycle
is 'puts them back, and leaves what is nobody'\''s alone' "$(files)" "$all"
is 'with modes and kinds' "$(stat -c '%A %h' "$tree/app/file" \
	"$tree/app/other" "$tree/app/same" | sort -u)" '-rw-r--r-- 1'
is 'keeps the edits' "$(cat "$S"/s/saved/*/app/file
	readlink "$S"/s/saved/*/app/other)" "two
edit
/etc/passwd"
is 'counts none any more' "$(value s drift)" 0
is 'acts, as nothing else changed' "$(told act s)" "$new $new"
is 'and is done' "$(value s todo)$(value s error)$(ls "$S/s/ctl")" ''
rm -rf "$S/s/saved"
rm -r "$tree/app/same" "$tree/app/file"
mkdir "$tree/app/file"
echo x >"$tree/app/file/x"
redo s
ok 'a redo with a directory in the way' cycle
is 'puts the file back' "$(files)" "$all"
is 'and keeps that' "$(cat "$S"/s/saved/*/app/file/x)" x
rm -rf "$S/s/saved" "${tree:?}"/app/*
redo s
ok 'a redo with all gone' cycle
is 'brings all back' "$(files)" "${all%./mine*}${all#*mine }"
echo "$new" >"$S/s/ctl/pin"
edits
redo s
ok 'a redo where it is pinned' cycle
is 'puts them back as well' "$(files)" "$all"
rm "$S/s/ctl/pin"
push three
edits
redo s
ok 'a redo with a new commit' cycle
is 'does both' "$(files)" "./file:three ${all#* }"
rm -rf "$S/s/saved" "$tree/app/mine"

# --- a freeze: what was begun is finished, and nothing else touches it
all="./file:three ./other:other ./same:same "
service s drift=fix always=1 "health=$tmp/bin/health"
told act s >/dev/null
ok 'before the freeze' cycle
is 'it acts always' "$(told act s)" "$new $new"
rm -f "$tree/app/same" "$tmp/"*.s
: >"$S/s/ctl/frozen"
frozen=$new
push four
before=$(cat "$S/s/status"; find "$tree" -printf '%P %i %C@\n')
ok 'frozen' cycle
is 'it does not act' "$(told act s)$(told health s)" ''
is 'nor is drift fixed, or anything written' \
	"$(cat "$S/s/status"; find "$tree" -printf '%P %i %C@\n')" "$before"
echo package=no-such-thing >>"$S/s/conf"
ok 'with a package' cycle
is 'which is not installed' "$(cat "$S/s/status"
	find "$tree" -printf '%P %i %C@\n')" "$before"
sed -i '/^package=/d' "$S/s/conf"
is 'an action that is not asked for' "$(echo s | gitopper-act 2>"$tmp/err" |
	gitopper-act -k health)$(told act s)" s
sed -i 's/^drift=fix/drift=count/' "$S/s/conf"
redo s
ok 'a redo' cycle
is 'waits' "$(told act s)$(ls "$tree/app")$(ls "$S/s/ctl")" \
	"file
otherfrozen"
like 'which the log says' "$(tail -n 1 "$S/s/log")" 'frozen: the redo waits'
redo s config
printf 'dir=new\t\tdir\n' >>"$S/s/conf"
mkdir "$up/new"
echo new >"$up/new/file"
push five
ok 'another config' cycle
is 'waits as well' "$(told act s)$(ls "$tree"; ls "$S/s/next" 2>&-)" app
is 'it is where it was' "$(value s hash)" "$frozen"
rm "$S/s/ctl/frozen"
ok 'when it is over' cycle
is 'all of that comes' "$(files) $(cat "$tree/new/file")" \
	"./file:five ./other:other ./same:same  new"
like 'and it acts' "$(told act s)" "^$frozen $new"
is 'once' "$(value s later)$(value s todo)" ''

# what is staged, for files that were edited, when the freeze comes
sed -i '/^always/d; /^health/d; /^dir=new/d' "$S/s/conf"
ok 'another config' cycle
redo s
ok 'that is redone' cycle
told act s >/dev/null
rm "$tree/app/same"
redo s
is 'a redo is staged' "$(gitopper-pull -f s 2>&-)" s
: >"$S/s/ctl/frozen"
is 'a freeze comes first' "$(gitopper-pull -p s 2>&-; ls "$tree/app")" "s
file
other"
for how in soon late; do
	[ $how = soon ] || ok 'which is looked at' cycle
	rm -f "$S/s/ctl/frozen" "$tree/app/same"
	ok "when it is over, $how" cycle
	is 'the file is there' "$(cat "$tree/app/same")" same
	[ $how = late ] && break
	rm "$tree/app/same"
	redo s
	gitopper-pull -f s >/dev/null 2>&1
	: >"$S/s/ctl/frozen"
done

# what was begun
push six
echo s | gitopper-pull 2>/dev/null >/dev/null
is 'a publish that is not acted upon yet' "$(value s todo)" act
told act s >/dev/null
: >"$S/s/ctl/frozen"
ok 'a freeze' cycle
like 'does not keep it' "$(told act s)" "^$old $new"
is 'from its end' "$(value s todo)$(value s applied)" "$new"
rm "$S/s/ctl/frozen"
push seven
gitopper-pull -f s >/dev/null 2>&1
echo "todo=publish $new" >>"$S/s/status"
: >"$S/s/ctl/frozen"
ok 'one that was half way' cycle
is 'is finished, and acted upon' "$(value s applied) $(cat "$tree/app/file")" \
	"$new seven"
rm "$S/s/ctl/frozen"
done_testing
