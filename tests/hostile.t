#!/bin/sh
# hostile.t - repositories, and users of a tree, that mean harm
. tests/lib.sh
S=$GITOPPER_STATE
up=$tmp/up.git
git init -q --bare "$up"
git="git -C $up"

# blob LINE, target TEXT, tree [MODE NAME ID]..., history TREE: each writes an
# object, and prints its id
blob() {
	echo "$1" | $git hash-object -w --stdin
}
target() {
	printf %s "$1" | $git hash-object -w --stdin
}
tree() {
	perl -e 'while (my ($mode, $name, $id) = splice @ARGV, 0, 3) {
		print "$mode $name\0", pack("H*", $id) }' -- "$@" |
	$git hash-object -t tree --literally -w --stdin
}
history() {
	$git commit-tree -p "$first" -m x "$1"
}

# service NAME URL [BRANCH]
service() {
	mkdir -p "$S/$1/ctl"
	printf 'machine=m\nservice=%s\nupstream=%s\nbranch=%s\n' "$1" "$2" \
		"${3:-$1}" >"$S/$1/conf"
	# libgit2 1.5 reads some damaged objects for ever
	printf 'timeout=5\ndir=app\t\tdir\n' >>"$S/$1/conf"
}

# around: all that must not change, whatever a repository says
around() {
	(
		cd "$tmp" &&
		find . \( -path './state/.upstream' -o -path './*.git' -o \
			-path './state/good*' -o -name status -o -name log -o \
			-name lock -o -path ./out -o -path ./err -o -path ./printed -o \
			-path ./around \) -prune \
			-o -printf '%p %y %m %u %n %l\n' -type f -exec sha1sum {} \;
	) | sort
}

file=$(blob evil)
inner=$(tree 100644 file "$file")
first=$($git commit-tree -m one "$(tree 40000 app "$inner")")
second=$(history "$(tree 40000 app "$(tree 100644 file "$(blob good)")")")
mkdir "$tmp/outside"
echo precious >"$tmp/outside/file"

# --- trees: a branch and a service each, all on one upstream
names=
# evil NAME PATTERN [MODE NAME ID]...: what app is to hold, and the error
evil() {
	name=$1 pattern=$2; shift 2
	names="$names $name"
	$git update-ref "refs/heads/$name" "$first"
	service "$name" "$up"
	history "$(tree 40000 app "$(tree "$@")")" >"$tmp/$name.next"
	printf '%s\n' "$pattern" >"$tmp/$name.pattern"
}
leaves='leaves its place is refused' keeps='git keeps for itself is refused'
evil dotdot "$leaves" 40000 .. "$inner"
evil dotdot-file "$leaves" 100644 .. "$file"
evil dot "$leaves" 40000 . "$inner"
evil git "$keeps" 40000 .git "$inner"
evil GIT "$keeps" 40000 .GIT "$inner"
evil git-file "$keeps" 100644 .GiT "$file"
evil slash 'refused' 100644 a/../../b "$file"
evil absolute 'refused' 100644 /etc/evil "$file"
evil dash 'starts with - is refused' 100644 -rf "$file"
evil link-tree 'beneath a file' 120000 a "$(target "$tmp/outside")" 40000 a \
	"$inner"
evil tree-link 'beneath a file' 40000 a "$inner" 120000 a \
	"$(target "$tmp/outside")"
evil file-tree 'beneath a file' 100644 a "$file" 40000 a "$inner"
evil twice 'twice' 100644 a "$file" 100644 a "$(blob other)"
evil twice-same 'twice' 100644 a "$file" 100644 a "$file"
evil link-long 'too long a name, is refused' 120000 a \
	"$(head -c 102400 /dev/zero | tr '\0' x | $git hash-object -w --stdin)"
evil link-empty 'a link to nothing' 120000 a "$(target '')"
evil link-nul 'Invalid argument' 120000 a \
	"$(printf 'a\0b' | $git hash-object -w --stdin)"
evil name-long 'too long' 100644 "$(printf '%0300d' 0)" "$file"
deep=$inner
for i in $(seq 130); do
	deep=$(tree 40000 d "$deep")
done
evil deep 'directories deep' 40000 d "$deep"
long=$inner
for i in $(seq 20); do
	long=$(tree 40000 "$(printf '%0250d' 0)" "$long")
done
evil path-long 'refused' 40000 d "$long"
# these mean no harm
$git update-ref refs/heads/good "$first"
service good "$up"
$git update-ref refs/heads/good-modes "$first"
service good-modes "$up"

ok "at first, all is well" gitopper-pull -a
$git update-ref refs/heads/good "$second"
$git update-ref refs/heads/good-modes "$(history "$(tree 40000 app "$(tree \
	100600 a "$file" 100664 b "$file" 100777 c "$file" 160000 d \
	"$first")")")"
for name in $names; do
	$git update-ref "refs/heads/$name" "$(cat "$tmp/$name.next")"
done
around >"$tmp/around"
gitopper-pull -a >"$tmp/printed" 2>"$tmp/err"
is "such commits fail" "$?" 1
for name in $names; do
	like "$name: the error" "$(value "$name" error)" \
		"^pull: .*$(cat "$tmp/$name.pattern")"
	is "$name: a line on stderr" \
		"$(grep -c "^gitopper-pull: $name: pull: " "$tmp/err")" 1
	is "$name: the commit stays" "$(value "$name" hash)" "$first"
done
around | diff "$tmp/around" - >"$tmp/out"
result $? "nothing else happened anywhere"
is "the other services went on" "$(value good hash)" "$second"
is "with the new file" "$(cat "$S/good/tree/app/file")" good
is "odd modes are git's" "$(cd "$S/good-modes/tree/app" && stat -c '%n %a' *)" \
	"a 644
b 644
c 755"
like "a submodule is left out" "$(cat "$S/good-modes/log")" 'app/d is a submod'
$git update-ref refs/heads/good-modes "$(history "$(tree 40000 app "$(tree \
	$(printf "160000 %d $first " $(seq 100 150)))")")"
gitopper-pull good-modes >"$tmp/printed" 2>"$tmp/err"
is "many submodules don't fill the log" \
	"$(grep -c 'app/1.. is a submodule' "$S/good-modes/log")" 20
for name in $names; do
	$git update-ref "refs/heads/$name" "$second"
done
ok "mended commits" gitopper-pull -a
is "are followed" "$(cat "$S"/*/tree/app/file | sort -u)" good
is "no error stays" "$(grep -l ^error "$S"/*/status)" ""

# --- branches that are no branches
for branch in '*' '--upload-pack=true' '..' '../../../../x' 'a b' \
	'main:refs/heads/x' 'refs/heads/good' 'HEAD' '+good'; do
	service odd "$up" "$branch"
	rm -f "$S/odd/status"
	fails 1 "branch $branch" gitopper-pull odd
	is "$branch: the error" "$(value odd error)" \
		"pull: the upstream has no $branch"
done
rm -r "$S/odd"

# --- object stores that are damaged
# damaged NAME: a small upstream of its own, deployed; its path is in $up
damaged() {
	up=$tmp/$1.git git="git -C $tmp/$1.git"
	git init -q --bare "$up"
	first=$($git commit-tree -m one "$(tree 40000 app \
		"$(tree 100644 file "$(blob one)")")")
	$git update-ref refs/heads/main "$first"
	service "$1" "$up" main
	gitopper-pull "$1" >"$tmp/out" 2>&1 || cat "$tmp/out"
	blob=$(blob "$(seq 5000)")
	inner=$(tree 100644 file "$blob")
	root=$(tree 40000 app "$inner")
	second=$(history "$root")
}
object() {
	printf '%s/objects/%.2s/%s' "$up" "$1" "${1#??}"
}
# is_refused NAME: it fails, and the tree stays
is_refused() {
	fails 1 "$1: an error" timeout 60 gitopper-pull "$1" good
	like "$1: in status" "$(value "$1" error)" '^pull: '
	is "$1: the commit stays" "$(value "$1" hash)" "$first"
	is "$1: and the tree" "$(cat "$S/$1/tree/app/file")" one
}
damaged no-tree
$git update-ref refs/heads/main "$second"
rm -f "$(object "$root")"
is_refused no-tree
damaged no-blob
$git update-ref refs/heads/main "$second"
rm -f "$(object "$blob")"
is_refused no-blob
damaged cut-blob
$git update-ref refs/heads/main "$second"
chmod 644 "$(object "$blob")"
truncate -s 100 "$(object "$blob")"
is_refused cut-blob
damaged other-blob
$git update-ref refs/heads/main "$second"
cp -f "$(object "$(blob something else)")" "$(object "$blob")"
is_refused other-blob
damaged tree-is-blob
$git update-ref refs/heads/main "$(history "$(tree 40000 app "$blob")")"
is_refused tree-is-blob
damaged blob-is-tree
$git update-ref refs/heads/main "$(history "$(tree 40000 app "$(tree \
	100644 file "$inner")")")"
is_refused blob-is-tree
damaged name-empty
$git update-ref refs/heads/main "$(history "$(tree 40000 app "$(tree \
	100644 "" "$blob")")")"
is_refused name-empty
damaged garbage-commit
garbage=$(echo garbage | $git hash-object -t commit --literally -w --stdin)
echo "$garbage" >"$up/refs/heads/main"
is_refused garbage-commit
damaged commit-is-blob
echo "$blob" >"$up/refs/heads/main"
is_refused commit-is-blob
damaged cut-pack
$git update-ref refs/heads/main "$second"
$git repack -q -a -d
chmod 644 "$up"/objects/pack/*.pack
truncate -s -30 "$up"/objects/pack/*.pack
is_refused cut-pack

# deeper than anything that counts on its stack can take
damaged deepest
perl -MCompress::Zlib -MDigest::SHA=sha1_hex -e '
	my ($dir, $id) = @ARGV;
	for (1 .. 10000) {
		my $tree = "40000 d\0" . pack("H*", $id);
		$tree = "tree " . length($tree) . "\0$tree";
		$id = sha1_hex($tree);
		my $sub = "$dir/objects/" . substr($id, 0, 2);
		mkdir $sub;
		open my $out, ">:raw", "$sub/" . substr($id, 2) or die;
		print $out compress($tree) or die;
		close $out or die;
	}
	print "$id\n"' "$up" "$inner" >"$tmp/deepest"
$git update-ref refs/heads/main "$(history "$(tree 40000 app \
	"$(cat "$tmp/deepest")")")"
is_refused deepest

# our own store
damaged own
$git update-ref refs/heads/main "$second"
ok "a fetch" gitopper-pull -f own
rm -r "$S/own/plan" "$S/own/next"
for pack in "$(upstream_dir "$up")"/repo/objects/pack/*.pack; do
	chmod 644 "$pack"
	perl -e 'open my $f, "+<:raw", shift or die; seek $f, 12, 0;
		print $f "x" x ((-s $f) - 32)' "$pack"
done
is_refused own

# --- the service's user, in the tree
up=$tmp/user.git git="git -C $tmp/user.git"
git init -q --bare "$up"
all() {
	tree 40000 app "$(tree 40000 dir "$(tree 100644 in "$(blob "$1")" \
		100644 "other" "$(blob "$1 other")")" 100644 fifo \
		"$(blob "$1")" 100644 file "$(blob "$1")" 100644 hard \
		"$(blob "$1")")"
}
first=$($git commit-tree -m one "$(all one)")
second=$(history "$(all two)")
third=$(history "$(tree 40000 app "$(tree 100644 file "$(blob three)")")")
# attack NAME: the tree at commit one, and then what is read on stdin happens
attack() {
	$git update-ref refs/heads/main "$first"
	rm -rf "$S/user" && service user "$up" main && gitopper-pull user >/dev/null
	rm -rf "$tmp/outside"
	mkdir -p "$tmp/outside/dir"
	echo precious >"$tmp/outside/dir/in"
	echo precious >"$tmp/outside/file"
	(cd "$S/user/tree/app" && . /dev/stdin)
	outside >"$tmp/outside.list"
}
outside() {
	(cd "$tmp/outside" && find . -printf '%p %y %m %u %l %s %T@\n' \
		-type f -exec cat {} \;)
}
saved() {
	(cd "$S/user/saved" && find . ! -type d -printf '%P %y %l\n') |
	sed 's|^[^/]*/||' | sort
}
# becomes COMMIT FILE TEXT
becomes() {
	$git update-ref refs/heads/main "$1"
	ok "$attack: the pull" timeout 20 gitopper-pull user
	is "$attack: the commit" "$(value user hash)" "$1"
	is "$attack: the file" "$(cat "$S/user/tree/app/$2")" "$3"
	is "$attack: outside" "$(outside)" "$(cat "$tmp/outside.list")"
}
attack='a directory is a link' 
attack <<END
rm -r dir && ln -s $tmp/outside/dir dir
END
becomes "$second" dir/in two
is "$attack: saved" "$(saved)" "app/dir l $tmp/outside/dir"
attack <<END
rm -r dir && ln -s $tmp/outside/dir dir
END
becomes "$third" file three
is "$attack: removed: it stays" "$(readlink "$S/user/tree/app/dir")" \
	"$tmp/outside/dir"
attack='the link is a link'
attack <<END
cd .. && rm -r app && ln -s $tmp/outside app
END
becomes "$second" file two
is "$attack: saved" "$(saved)" "app l $tmp/outside"
attack='a file is a link'
attack <<END
ln -sf $tmp/outside/file file
END
becomes "$second" file two
is "$attack: saved" "$(saved)" "app/file l $tmp/outside/file"
attack='a file is a hard link'
attack <<END
ln -f $tmp/outside/file hard
END
becomes "$second" hard two
is "$attack: saved" "$(saved)" "app/hard f "
attack='a file is a fifo'
attack <<END
rm fifo && mkfifo fifo
END
becomes "$second" fifo two
is "$attack: saved" "$(saved)" "app/fifo p "
attack='a file is a directory'
attack <<END
rm file && mkdir -p file/sub && ln -s $tmp/outside/dir file/sub/link
END
becomes "$second" file two
is "$attack: saved" "$(saved)" "app/file/sub/link l $tmp/outside/dir"
if [ "$(id -u)" -eq 0 ]; then
	attack='a file is a device'
	attack <<-END
	rm file && mknod file c 1 3
	END
	becomes "$second" file two
fi
attack='next/ and saved/ of the tree'
attack <<END
rm -r dir && ln -s ../../next dir
END
becomes "$second" dir/in two
done_testing
