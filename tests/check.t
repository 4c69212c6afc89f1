#!/bin/sh
# check.t - gitopper-act -k check: what a commit's check sees, and decides
. tests/lib.sh
S=$GITOPPER_STATE
A=1111111111111111111111111111111111111111
B=2222222222222222222222222222222222222222
url=/srv/ops/config
root=
[ "$(id -u)" -eq 0 ] && root=1
mkdir -p "$S" "$tmp/bin" "$(upstream_dir "$url")"
act() { gitopper-act -k check "$@" </dev/null; }
tip() { printf 'tip=main\t%s\n' "$1" >"$(upstream_dir "$url")/status"; }
script() {
	{ echo '#!/bin/sh'; cat; } >"$tmp/bin/$1"
	chmod 755 "$tmp/bin/$1"
}

# service NAME KEY=VALUE...: at commit A, with B staged
service() {
	name=$1; shift
	mkdir -p "$S/$name/ctl" "$S/$name/tree/etc/sub" "$S/$name/next/etc"
	printf '%s\n' "machine=m" "service=$name" "upstream=$url" \
		"branch=main" "$@" >"$S/$name/conf"
	printf '%s\n' "hash=$A" "applied=$A" >"$S/$name/status"
	echo old >"$S/$name/tree/etc/conf"
	echo same >"$S/$name/tree/etc/sub/same"
	echo mine >"$S/$name/tree/etc/untracked"
	ln -sf sub/same "$S/$name/tree/etc/link"
	echo new >"$S/$name/next/etc/conf"
	echo run >"$S/$name/next/etc/a b"
	{
		printf 'commit %s\ntree %s\n' "$B" "$S/$name/tree"
		printf '100755 %s 4 1 1.000000000\tetc/a b\n' "$A"
		printf '100644 %s 4 1 1.000000000\tetc/conf\n' "$A"
		printf '120000 %s 8 1 1.000000000\tetc/link\n' "$A"
		printf '100644 %s 5 1 1.000000000\tetc/sub/same\n' "$A"
		printf '100644 %s 5 1 1.000000000\t"etc/\\"gone"\n' "$A"
	} >"$S/$name/plan"
	printf 'A\tetc/a b\nM\tetc/conf\n' >"$S/$name/plan.changes"
	echo 'M	old' >"$S/$name/changes"
}
tip $B
fails_to() { ! "$@"; }

# --- nothing to do
service plain
is 'no check is success' "$(act plain)" plain
ok 'and nothing is written' [ ! -e "$S/plain/lock" ]
service idle check=/bin/false
rm "$S/idle/plan"
is 'nothing staged, nothing to check' "$(act idle)" idle
ok 'and nothing is written' [ ! -e "$S/idle/lock" ]
service again check=/bin/false
echo "checked=$B" >>"$S/again/status"
is 'a commit that passed is not checked again' "$(act again)" again
echo checker=/bin/false >>"$S/again/status"
is 'by that check' "$(act again)" again
service another check=/bin/false
printf '%s\n' "checked=$B" checker=/bin/true >>"$S/another/status"
fails 1 'another one has its say, though' \
	gitopper-act -k check another
is 'and has not passed that' "$(value another checked)$(value another bad)" $B
service begun check=/bin/false
echo "todo=publish $B" >>"$S/begun/status"
is 'nor one that is half published' "$(act begun)" begun
service stale
echo 'error=check: killed by signal 9' >>"$S/stale/status"
is 'an error without a check behind it' "$(act stale)" stale
is 'goes' "$(value stale error)" ''

# --- what it sees
script see <<END
cat
echo "hash \$GITOPPER_HASH old \$GITOPPER_OLD"
pwd
cd "\$GITOPPER_NEXT" && find . | LC_ALL=C sort
stat -c '%n %A %h' 'etc/a b' etc/conf etc/sub/same
cat etc/conf etc/sub/same etc/link
cat "$tmp/local/conf" "$tmp/file" 2>&1 ||:
touch "$tmp/seen"
until [ -e "$tmp/go" ]; do sleep 0.02; done
END
service see "check=$tmp/bin/see" "dir=etc	$tmp/local	dir" \
	"dir=etc/conf	$tmp/file	file"
mkdir "$tmp/local"
echo host >"$tmp/local/conf"
spawn gitopper-act -k check see >"$tmp/done"
ok 'the check runs' within 5 [ -e "$tmp/seen" ]
is 'this side sees the old files meanwhile' "$(cat "$tmp/local/conf")" host
ok 'the copy is there' [ -d "$S/see/check" ]
touch "$tmp/go"
ok 'the check passes' wait "$pid"
is 'the name goes on' "$(cat "$tmp/done")" see
is 'the commit is checked' "$(value see checked)" $B
is 'by that' "$(value see checker)" "$tmp/bin/see"
ok 'the copy is removed' [ ! -e "$S/see/check" ]
is 'the tree is as it was' "$(cat "$S/see/tree/etc/conf")" old
{
	printf '%s\n' 'A?etc/a b' 'M?etc/conf' "hash $B old $A" \
		"$S/see/tree" . ./etc './etc/a b' ./etc/conf ./etc/link \
		./etc/sub ./etc/sub/same 'etc/a b -rwxr-xr-x 1' \
		'etc/conf -rw-r--r-- 1' 'etc/sub/same -rw-r--r-- 1' new same \
		same
	# without root, only GITOPPER_NEXT tells
	if [ "$root" ]; then printf '%s\n' new new; else echo host; fi
} >"$tmp/wanted"
sed -n 's/.*Z check: //p' "$S/see/log" | grep -v 'cat: ' >"$tmp/got"
ok 'it saw the new files, each in its place' diff "$tmp/wanted" "$tmp/got"
if [ "$root" ]; then
	is 'a mount point that was missing is left' \
		"$(stat -c '%s %a' "$tmp/file")" '0 644'
	ok 'nothing stays mounted' [ "$(grep -c "$tmp" /proc/mounts)" -eq 0 ]

	service trap "check=$tmp/bin/see" "dir=etc	$tmp/trap	dir"
	ln -s /etc "$tmp/trap"
	fails 1 'a place that is a link is refused' act trap
	like 'and that is said' "$(value trap error)" "^check: $tmp/trap: "
	is 'it is no verdict' "$(value trap bad)" ''

	for local in "${tmp#/}/rel" . /; do
		service odd "check=$tmp/bin/see" "dir=etc	$local	dir"
		fails 1 "$local is no place for new files" act odd
		like 'which is said' "$(value odd error)" \
			"^check: $local: is no absolute path, or is /"
		rm -rf "$S/odd"
	done
	ok 'nothing was made there' [ ! -e "$tmp/rel" ]

	service user 'check=etc/test x' user=games
	cat >"$S/user/next/etc/conf" <<-'END'
	END
	printf '#!/bin/sh\nid -un; stat -c %%U "$0" "$GITOPPER_NEXT"\n' \
		>"$S/user/next/etc/test"
	printf '100755 %s 4 1 1.000000000\tetc/test\n' "$A" >>"$S/user/plan"
	ok "a check may come with the commit" act user
	is "it and the copy are the user's" \
		"$(sed -n 's/.*Z check: //p' "$S/user/log" | tr '\n' ' ')" \
		'games games games '

	# what is root's before the mount, and the user's in it
	mkdir "$tmp/first"
	printf '#!/bin/sh\necho old\n' >"$tmp/first/test"
	chmod 755 "$tmp/first/test"
	service first "check=$tmp/first/test" user=games \
		"dir=etc	$tmp/first	dir"
	cp "$S/user/next/etc/test" "$S/first/next/etc/test"
	printf '100755 %s 4 1 1.000000000\tetc/test\n' "$A" >>"$S/first/plan"
	ok 'a check may be what is mounted' act first
	is 'then it runs as the user' \
		"$(sed -n 's/.*Z check: //p' "$S/first/log" | head -n 1)" games

	# whoever may write to the tree, or bring a commit, may have a link in
	# a file's place; what is read through it would be shown to all
	echo 'root:$y$secret' >"$tmp/shadow"
	chmod 600 "$tmp/shadow"
	games() {
		setpriv --reuid="$(id -u games)" --regid="$(id -g games)" \
			--clear-groups -- "$@"
	}
	ok 'the user can not read it' fails_to games cat "$tmp/shadow"
	script quotes <<-END
	id -un
	cat "\$GITOPPER_NEXT/etc/sub/same" "$tmp/quoted/sub/same" \
		"\$GITOPPER_NEXT/etc/link" 2>&1
	exit 1
	END
	secrets() { grep -rl 'y.secret' "$S/planted" "$S/brought" | tr '\n' ' '; }
	service planted "check=$tmp/bin/quotes" user=games check_user=root \
		"dir=etc	$tmp/quoted	dir"
	chown -R games "$S/planted/tree"
	games ln -sf "$tmp/shadow" "$S/planted/tree/etc/sub/same"
	fails 1 'a link that the user planted in the place of a file' \
		act planted
	is 'is not read by root' "$(secrets)" ''
	is 'it is said' "$(value planted error)" \
		'check: etc/sub/same: is a link here, unlike in the commit'
	is 'as trouble' "$(value planted bad)" ''
	games rm "$S/planted/tree/etc/sub/same" "$S/planted/tree/etc/link"
	games sh -c 'echo same >"$1/sub/same"; echo x >"$1/link"' - \
		"$S/planted/tree/etc"
	fails 1 'nor is a file in the place of a link' act planted
	is 'a link' "$(value planted error)" \
		'check: etc/link: is a file here, unlike in the commit'
	service brought "check=$tmp/bin/quotes" user=games \
		"dir=etc	$tmp/quoted	dir"
	ln -sf "$tmp/shadow" "$S/brought/tree/etc/link"
	chown -R -h games "$S/brought/tree"
	fails 1 'a link that a commit brought' act brought
	is 'is read by a check as the user' \
		"$(sed -n 's/.*Z check: //p' "$S/brought/log" | head -n 1)" games
	is 'who may not' "$(secrets)" ''
	like 'which the check says' "$(cat "$S/brought/log")" \
		"link: Permission denied"
	rm "$S/brought/tree/etc/link"
	ln -s sub/same "$S/brought/tree/etc/link"
	echo check_user=root >>"$S/brought/conf"
	fails 1 'with check_user' act brought
	is 'the check is root' "$(sed -n 's/.*Z check: //p' "$S/brought/log" |
		grep -cx root)" 1

	# a file that the user may move, but not read
	service moved check=/bin/true user=games
	echo secret >"$S/moved/tree/etc/sub/same"
	chmod 600 "$S/moved/tree/etc/sub/same"
	fails 1 'no copy is made of what the user may not read' act moved
	like 'and that is said' "$(value moved error)" \
		'^check: etc/sub/same: Permission denied'

	# whoever gets in while it is made could put a file in a link's place
	script whole <<-END
	until [ -s "$tmp/race" ]; do sleep 0.02; done
	END
	service many "check=$tmp/bin/whole" user=games
	perl -e 'for (10000 .. 13000) {
		open my $f, ">", "$ARGV[0]/many/next/etc/$_" or die;
		print "100644 $ARGV[1] 4 1 1.000000000\tetc/$_\n" }' \
		"$S" "$A" >>"$S/many/plan"
	spawn perl -e '$> = $< = shift; 1 until -e "$ARGV[0]/10000";
		print -e "$ARGV[0]/13000" ? "whole\n" : "half\n"' \
		"$(id -u games)" "$S/many/check/etc" >"$tmp/race"
	ok 'a copy of many files' act many
	is 'nobody gets into it before it is whole' "$(cat "$tmp/race")" whole

	# whoever is in it could fill it as fast as it is emptied
	script fills <<-'END'
	cd "$GITOPPER_NEXT/etc" && [ ! -e "$0.on" ] || exit 0
	for n in 1 2 3 4; do
		setsid perl -e 'alarm 60; for (;;) {
			open my $f, ">", "$$." . $n++ or exit;
			open $f, ">", "$ARGV[0].on" if $n == 1000 }' "$0" \
			</dev/null >/dev/null 2>&1 &
	done
	until [ -e "$0.on" ]; do sleep 0.02; done
	END
	chmod 1777 "$tmp/bin"
	mkdir "$S/filled" && mount -t tmpfs tmpfs "$S/filled"
	service filled "check=$tmp/bin/fills" user=games
	ok 'a check that leaves a program, which fills the copy' act filled
	ok 'the copy is removed' [ ! -e "$S/filled/check" ]
	sed -i '/^checked/d' "$S/filled/status"
	is 'and the next check is made' "$(act filled)" filled
fi

# links out of the tree
service links "check=$tmp/bin/links"
script links <<'END'
cat "$GITOPPER_NEXT/etc/sub/same" && exit 1
[ "$(readlink "$GITOPPER_NEXT/etc/link")" = /etc/passwd ]
END
mkdir "$tmp/secret"
echo secret >"$tmp/secret/same"
rm -r "$S/links/tree/etc/sub"
ln -s "$tmp/secret" "$S/links/tree/etc/sub"
ln -sf /etc/passwd "$S/links/tree/etc/link"
ok 'a directory that became a link is not followed' act links
mkfifo "$S/links/tree/etc/sub2"
rm "$S/links/tree/etc/link"
mkfifo "$S/links/tree/etc/link"
sed -i '/^checked/d' "$S/links/status"
fails 1 'a FIFO in the place of a file does not hold us up' act links

# --- what it decides
script no <<'END'
echo "line 3: wrong"; exit ${STATUS-1}
END
service no "check=$tmp/bin/no"
is 'a failed check stops the name' "$(act no 2>"$tmp/err"; echo $?)" 1
is 'the tip is bad' "$(value no bad)" $B
is 'it says why, and where the service is' "$(value no error)" \
	"check: commit 22222222: exit status 1: line 3: wrong; \
the service runs on 11111111"
is 'it is not tried again' "$(value no retry)" ''
is 'and not checked' "$(value no checked)" ''
ok 'the copy is removed' [ ! -e "$S/no/check" ]
trouble() {
	is "$1: that is trouble" "$(value "$2" bad)" ''
	like 'and is said' "$(value "$2" error)" "$3"
	ok 'and tried again' [ "$(value "$2" retry)" -gt "$(date +%s)" ]
}
tip $A
service notip "check=$tmp/bin/no"
fails 1 'a check fails elsewhere than at the tip' act notip
trouble 'not the tip' notip '^check: exit status 1: line 3: wrong$'
tip $B
service temp "check=$tmp/bin/no" env=STATUS=111
fails 1 'a check exits 111' act temp
trouble '111' temp '^check: exit status 111: line 3: wrong$'
service nowhere check=no-such-check
fails 1 'a check is nowhere' act nowhere
trouble 'nowhere' nowhere '^check: no-such-check: no such action$'
script killed <<'END'
kill -9 $$
END
service killed "check=$tmp/bin/killed"
fails 1 'a check is killed' act killed
trouble 'killed' killed '^check: killed by signal 9$'
service slow 'check=/bin/sleep 60' action_timeout=1
fails 1 'a check takes too long' act slow
trouble 'too long' slow '^check: timed out after 1 s$'
service nolink "check=$tmp/bin/no"
printf 'nonsense' >"$S/nolink/plan"
is 'a plan that is cut off is none' "$(act nolink)" nolink
done_testing
