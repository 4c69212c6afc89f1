#!/bin/sh
# kill.t - gitopper-pull killed wherever something changes, and run again
. tests/lib.sh

# A sanitizer makes all of this slower: every third kill is enough then.
stride=1
[ -z "${ASAN_OPTIONS-}" ] || stride=3

# --- two commits, with all that can happen to a file in between
up=$tmp/up
git init -q "$up"
(
	mkdir -p "$up/app/was-dir/deep" "$up/app/gone" && cd "$up/app" || exit
	for f in same changed removed exec was-file was-dir/in \
		was-dir/deep/in gone/all link-to-file edited edited-removed \
		edited-file edited-kept; do
		echo "one $f" >"$f"
	done
	seq 20000 >big
	ln -s one link
	ln -s one was-link
	ln -s one edited-link
)
one=$(commit "$up" one)
(
	cd "$up/app" || exit
	rm -r removed was-file was-dir gone link-to-file was-link \
		edited-removed edited-file link edited-link
	mkdir -p new/deep was-file edited-file way-dir
	for f in changed edited was-file/in was-dir added new/deep/in way \
		was-link edited-file/in way-dir/in way-file; do
		echo "two $f" >"$f"
	done
	seq 20000 -1 1 >big
	chmod 755 exec
	ln -s two link
	ln -s two edited-link
	ln -s two link-to-file
)
two=$(commit "$up" two)
git -C "$up" branch one "$one"
git -C "$up" branch two "$two"

# What people did in the tree at commit one: to files that two changes,
# removes and leaves alone, and where two has new files and directories
mkdir -p "$tmp/mine/app/was-dir" "$tmp/mine/app/gone" \
	"$tmp/mine/app/way-file/deep"
(
	cd "$tmp/mine/app" || exit
	for f in edited edited-removed edited-file edited-kept was-dir/mine \
		gone/mine way untracked way-dir way-file/deep/in; do
		echo "mine $f" >"$f"
	done
	ln -s mine edited-link
)

# follow DIR BRANCH: the service, with a state directory of its own
follow() {
	printf 'machine=m\nservice=a\nupstream=%s\nbranch=%s\ndir=app\t\tdir\n' \
		"$up" "$2" >"$1/a/conf"
}

# deploy DIR [FLAG]: pulls it
deploy() {
	GITOPPER_STATE=$1 gitopper-pull ${2-} a
}

# begin DIR: at commit one, with the edits, and two is to come
begin() {
	[ -d "$1/begin" ] || {
		mkdir -p "$1/a/ctl" && follow "$1" one &&
		deploy "$1" >/dev/null && follow "$1" two &&
		cp -a --remove-destination "$tmp/mine/." "$1/a/tree" &&
		mkdir "$1/begin" && mv "$1/a" "$1/.upstream" "$1/begin" ||
			return 1
	}
	rm -rf "$1/a" "$1/.upstream" &&
	cp -a "$1/begin/a" "$1/begin/.upstream" "$1"
}

# files DIR...: `MODE PATH TARGET` for each file and link there, and `HASH PATH`
# for each file
files() {
	for at; do
		[ ! -d "$at" ] || (
			cd "$at" && find . ! -type d -printf '%m %P %l\n' &&
			find . -type f -exec sha1sum {} + | sed 's|  \./| |'
		)
	done
}

# texts: of what files says, the hashes and the links' targets alone
texts() {
	awk 'length($1) == 40 { print $1 } $1 == 777 { print "->", $3 }' |
	sort -u
}

# end DIR: all that counts after a run that came through
end() {
	files "$1/a/tree" | sort
	echo saved:
	files "$1/a/saved" | sed 's| 20[0-9TZ]*/| |' | sort
	echo rest:
	(cd "$1/a" && ls . ctl)
	grep -Ev '^(since|failures)' "$1/a/status"
	cat "$1/a/changes"
	# all but inodes and times
	sed 's/\([0-9]*\) [0-9]* [0-9.]*\t/\1\t/; /^tree/d' "$1/a/index"
}

# --- a run that nobody kills
ref=$tmp/ref
ok "the first commit, and edits" begin "$ref"
files "$ref/a/tree" | sort >"$tmp/before"
ok "the second one is staged" deploy "$ref" -f
ok "and published" deploy "$ref" -p
files "$ref/a/tree" | sort >"$tmp/after"
end "$ref" >"$tmp/end"
mkdir "$tmp/commit"
git -C "$up" -c tar.umask=022 archive "$two" app | tar xf - -C "$tmp/commit"
is "the files are the commit's, but for an edit where it changes nothing" \
	"$(files "$tmp/commit" | sort | comm -23 - "$tmp/after" | cut -c 42-)" \
	"app/edited-kept"
is "what nobody asked for is left alone" \
	"$(files "$tmp/commit" | sort | comm -13 - "$tmp/after" |
		sed -n 's/^644 //p')" \
	"app/gone/mine 
app/untracked "
is "the edits are in saved/" \
	"$(cd "$ref/a/saved"/*/app && find . ! -type d | sort)" \
	"./edited
./edited-file
./edited-link
./edited-removed
./was-dir/mine
./way
./way-dir
./way-file/deep/in"
like "status" "$(cat "$ref/a/status")" "^hash=$two"

# What may be in the tree at any time: what was there, or what is to come;
# what has to be there: names that both have; what has to be somewhere: edits
sort -u "$tmp/before" "$tmp/after" >"$tmp/allowed"
for list in before after; do
	cut -d' ' -f2 "$tmp/$list" | sort -u >"$tmp/$list.names"
done
comm -12 "$tmp/before.names" "$tmp/after.names" >"$tmp/always"
files "$tmp/mine" | texts >"$tmp/edits"

# look DIR: the moment after a kill
look() {
	files "$1/a/tree" | sort >"$1.now"
	comm -23 "$1.now" "$tmp/allowed" | grep . && echo "torn, or foreign"
	cut -d' ' -f2 "$1.now" | sort -u | comm -13 - "$tmp/always" |
		grep . && echo "missing"
	files "$1/a/saved" "$1/a/next" | cat - "$1.now" | texts |
		comm -13 - "$tmp/edits" | grep . && echo "edits lost"
}

# check DIR: after another run
check() {
	deploy "$1" >"$1.out" 2>&1 || echo "exit status $?"
	end "$1" >"$1.end"
	diff "$tmp/end" "$1.end" || cat "$1.out"
}

# points TRACE START: the calls of a traced run that come after START (a
# regexp), as `NAME N`: that call's Nth time in one process
points() {
	awk -v start="$2" '{
		pid = $1
		sub(/^[0-9]+ +/, "")
		if (!match($0, /^[a-z0-9_]+\(/))
			next
		name = substr($0, 1, RLENGTH - 1)
		n = ++count[pid, name]
		if ($0 ~ start)
			on = 1
		if (on && name !~ /^exit/ && !seen[name, n]++)
			print name, n
	}' "$1"
}

# deploy_killed FLAG NAME N: a run in which some process doesn't live to make
# its Nth call of NAME
deploy_killed() {
	GITOPPER_STATE=$dir strace -f -qq -o /dev/null -e trace="$2" \
		-e signal=none -e inject="$2:signal=KILL:when=$3" \
		gitopper-pull "$1" a >/dev/null 2>&1
}

# killed FLAG NAME N: such a run, and what comes after it. Fails if it was.
killed() {
	begin "$dir" || echo "begin failed"
	[ "$1" = -f ] || deploy "$dir" -f >/dev/null 2>&1
	deploy_killed "$@"
	status=$?
	look "$dir"
	if [ "$1" = -p ] && [ $(($3 % 3)) -eq 0 ]; then
		# and once more, at another moment
		deploy_killed "$1" "$2" $(($3 - $3 / 3))
		look "$dir"
	fi
	check "$dir"
	return "$status"
}

# every FLAG SLOT OF: kills at every OFth moment, beginning with the SLOTth
every() {
	dir=$tmp/slot$2
	mkdir "$dir"
	awk -v slot="$2" -v of="$3" 'NR % of == slot' "$tmp/points$1" |
	while read -r name n; do
		killed "$1" "$name" "$n" >"$dir.said" 2>&1 ||
			echo "$name $n" >>"$dir.killed"
		[ ! -s "$dir.said" ] || {
			echo "--- killed at $name, $n:"
			cat "$dir.said"
		}
	done >"$dir.bad"
	rm -rf "$dir"
}

# each FLAG: kills at every moment, two at a time
each() {
	rm -f "$tmp"/slot*
	every "$1" 1 $((stride * 2)) &
	other=$!
	every "$1" 0 $((stride * 2))
	wait "$other"
	n=$(($(wc -l <"$tmp/points$1") / stride))
	k=$(cat "$tmp"/slot*.killed | wc -l)
	cat "$tmp"/slot*.bad
	echo "killed $k times, at $n moments"
	[ "$n" -gt $((150 / stride)) ] && [ "$k" -gt $((n - n / 10)) ] &&
		! grep . "$tmp"/slot*.bad >/dev/null
}

# Only the calls by which something changes: kills between two of them are all
# the same.
dir=$tmp/trace
begin "$dir"
calls=/open,/mkdir,/rename,/link,/sync,/chmod,/chown,/utime,/truncate
calls=$calls,/fork,/clone,write,flock
GITOPPER_STATE=$dir strace -f -qq -o "$tmp/trace-f" -e trace="$calls" \
	gitopper-pull -f a >/dev/null 2>&1
points "$tmp/trace-f" "\"$dir\"" >"$tmp/points-f"
GITOPPER_STATE=$dir strace -f -qq -o "$tmp/trace-p" -e trace="$calls" \
	gitopper-pull -p a >/dev/null 2>&1
points "$tmp/trace-p" "\"$dir\"" >"$tmp/points-p"
ok "whenever -p is killed, the next run makes it good" each -p
sed -n 's/^killed /# &/p' "$tmp/out"
ok "whenever -f is killed, the next run makes it good" each -f
sed -n 's/^killed /# &/p' "$tmp/out"

# what was written and got no name any more
dir=$tmp/left
begin "$dir"
left() { find "$dir" -name '.[0-9]*.tmp'; }
GITOPPER_STATE=$dir strace -f -qq -o /dev/null -e trace=renameat \
	-e inject=renameat:signal=KILL:when=1 gitopper-pull -f a >/dev/null 2>&1
like "a kill leaves a file of the upstream's behind" "$(left)" "$dir/.upstream/"
GITOPPER_STATE=$dir gitopper -1 -c "$tmp/none" >/dev/null 2>&1
is "which the next runner takes away" "$(left)" ""
done_testing
