#!/bin/sh
# hdr.t - gitopper-hdr
. tests/lib.sh

repo=$tmp/repo
git init -q "$repo"
git -C "$repo" remote add origin git@github.com:ops/config.git
mkdir -p "$repo/web/etc"
printf 'listen 80\n' >"$repo/web/etc/site.conf"
commit "$repo" first >/dev/null
cd "$repo" || exit 111

# source ARGUMENT...: where the header says that the file comes from
source_of() {
	gitopper-hdr "$@" | sed -n '2s/^#   //p'
}
# upstream URL: the repository comes from there
upstream() {
	git remote set-url origin "$1"
}

is 'a header for a file' "$(gitopper-hdr web/etc/site.conf)" \
	'# Do not edit: this file is managed by gitopper, and its source is
#   https://github.com/ops/config/blob/main/web/etc/site.conf'
is 'the file stays as it is' "$(cat web/etc/site.conf)" 'listen 80'
is 'with another prefix, in Dutch' \
	"$(gitopper-hdr -p // -l nl web/etc/site.conf | head -n 1)" \
	'// Niet bewerken: dit bestand wordt beheerd door gitopper; de bron is'
is 'and a suffix' "$(gitopper-hdr -p '<!--' -s '-->' web/etc/site.conf)" \
	'<!-- Do not edit: this file is managed by gitopper, and its source is -->
<!--   https://github.com/ops/config/blob/main/web/etc/site.conf -->'
is 'from within a directory' "$(cd web/etc && source_of site.conf)" \
	https://github.com/ops/config/blob/main/web/etc/site.conf
is 'from outside' "$(cd / && source_of "$repo/web/etc/site.conf")" \
	https://github.com/ops/config/blob/main/web/etc/site.conf

# whose web pages are where
while read -r url web; do
	upstream "$url"
	is "$url" "$(source_of web/etc/site.conf)" "${web}web/etc/site.conf"
done <<'END'
https://github.com/ops/config https://github.com/ops/config/blob/main/
https://anna:secret@github.com/ops/config.git/ https://github.com/ops/config/blob/main/
git@gitlab.example.org:cncz/ops/go.git https://gitlab.example.org/cncz/ops/go/-/blob/main/
gitlab.example.org:/cncz/go https://gitlab.example.org/cncz/go/-/blob/main/
ssh://git@git.example.org:2222/ops/config.git https://git.example.org/ops/config/-/blob/main/
ssh://git@[2001:db8::1]:22/ops/config https://[2001:db8::1]/ops/config/-/blob/main/
http://git.example.org:3000/ops/config http://git.example.org:3000/ops/config/-/blob/main/
git://codeberg.org/ops/config.git https://codeberg.org/ops/config/src/branch/main/
git@git.sr.ht:~anna/config https://git.sr.ht/~anna/config/tree/main/item/
git@bitbucket.org:ops/config.git https://bitbucket.org/ops/config/src/main/
END
for url in /srv/git/ops.git file:///srv/git/ops.git ../a:b; do
	upstream "$url"
	is "$url has no page" "$(source_of web/etc/site.conf)" \
		"$url main:web/etc/site.conf"
done
upstream ftp://anna:secret@git.example.org/ops
is 'nor has this one, and no name is told' "$(source_of web/etc/site.conf)" \
	'ftp://git.example.org/ops main:web/etc/site.conf'
upstream https://git.example.org/ops

# branches
is '-b names the branch' "$(source_of -b a/b#c web/etc/site.conf)" \
	https://git.example.org/ops/-/blob/a/b%23c/web/etc/site.conf
git checkout -q -b topic
is 'else it is the one at work' "$(source_of web/etc/site.conf)" \
	https://git.example.org/ops/-/blob/topic/web/etc/site.conf
git update-ref refs/remotes/origin/live HEAD
git remote set-head origin live
is "but for the upstream's own" "$(source_of web/etc/site.conf)" \
	https://git.example.org/ops/-/blob/live/web/etc/site.conf
git remote add fork https://git.example.org/fork
git config branch.topic.remote fork
is "the branch's remote counts" "$(source_of web/etc/site.conf)" \
	https://git.example.org/fork/-/blob/topic/web/etc/site.conf
git config --unset branch.topic.remote
git remote set-head origin -d
git checkout -q --detach main
is 'and without a branch it is main' "$(source_of web/etc/site.conf)" \
	https://git.example.org/ops/-/blob/main/web/etc/site.conf
git checkout -q main

# names
nasty='a b%;$(touch x)
#é'
mkdir -- "$nasty
" -d
printf 'x' >"$nasty
/$nasty"
printf 'x' >-d/-p
is 'a name with all kinds of characters' "$(source_of "$nasty
/$nasty")" "https://git.example.org/ops/-/blob/main/$(
	echo 'a%20b%25%3B%24%28touch%20x%29%0A%23%C3%A9%0A/a%20b%25%3B%24%28touch%20x%29%0A%23%C3%A9')"
is 'a name like an option' "$(source_of -- -d/-p)" \
	https://git.example.org/ops/-/blob/main/-d/-p
is 'in its directory' "$(cd -- -d && source_of -- -p)" \
	https://git.example.org/ops/-/blob/main/-d/-p
ok 'of both' test ! -e x
ln -s web link
is 'a directory that is a link is where it leads' \
	"$(source_of link/etc/site.conf)" \
	https://git.example.org/ops/-/blob/main/web/etc/site.conf

# in place
header='# Do not edit: this file is managed by gitopper, and its source is
#   https://git.example.org/ops/-/blob/main/'
chmod 640 web/etc/site.conf
ok '-i puts it on top of the file' gitopper-hdr -i web/etc/site.conf
is 'before what was there' "$(cat web/etc/site.conf)" \
	"${header}web/etc/site.conf
listen 80"
is 'the mode stays' "$(stat -c %a web/etc/site.conf)" 640
before=$(stat -c %i web/etc/site.conf)
ok 'twice' gitopper-hdr -i web/etc/site.conf
is 'changes nothing' "$(stat -c %i web/etc/site.conf)" "$before"
git mv -f web/etc/site.conf web/moved
ok 'after a move' gitopper-hdr -i web/moved
is 'the header is a new one' "$(cat web/moved)" "${header}web/moved
listen 80"
ok 'in Dutch' gitopper-hdr -i -l nl web/moved
ok 'and back' gitopper-hdr -i web/moved
is 'there is one still' "$(cat web/moved)" "${header}web/moved
listen 80"
cat >web/old <<'END'
# Do not edit this file, it's managed by gitopper. The canonical source can be found at:
#   https://github.com/ops/config/blob/old
#   indented
END
ok 'a header of the gitopper that came before' gitopper-hdr -i web/old
is 'is replaced as well' "$(cat web/old)" "${header}web/old
#   indented"

# files as they are
printf 'one\n\n two  \\n' >web/plain
printf '#!/bin/sh' >web/script
printf '#!/bin/sh\nset -u\n' >web/more
printf 'a\r\nb\r\n' >web/dos
: >web/empty
ok 'several files' gitopper-hdr -i web/plain web/script web/more web/dos \
	web/empty "$nasty
/$nasty"
{ echo "${header}web/plain"; printf 'one\n\n two  \\n'; } >"$tmp/want"
ok 'a last line without its newline' cmp web/plain "$tmp/want"
is '#! stays on top' "$(cat web/script)" "#!/bin/sh
${header}web/script"
is 'of others too' "$(cat web/more)" "#!/bin/sh
${header}web/more
set -u"
ok 'once more' gitopper-hdr -i web/more web/script web/dos web/empty
is 'it is found there' "$(cat web/more)" "#!/bin/sh
${header}web/more
set -u"
echo "${header}web/dos
a
b" | sed "s/\$/$(printf '\r')/" >"$tmp/want"
ok 'ends of lines are as in the file' cmp web/dos "$tmp/want"
is 'a file that was empty' "$(cat web/empty)" "${header}web/empty"
is 'a file whose name is odd' "$(sed -n '3p' "$nasty
/$nasty")" x

# what it leaves alone
printf 'a\0b\n' >web/binary
ln -s moved web/link
cp -a web "$tmp/before"
fails 1 'not a text' gitopper-hdr -i web/binary
like 'it says so' "$(cat "$tmp/out")" 'web/binary: not a text'
fails 1 'not through a link' gitopper-hdr -i web/link
fails 1 'no directory' gitopper-hdr -i web
fails 1 'no file' gitopper-hdr web/none
mkfifo fifo
fails 1 'no pipe' timeout 10 gitopper-hdr fifo
fails 1 'one of two' gitopper-hdr web/none web/moved
like 'the other is done' "$(cat "$tmp/out")" '/web/moved$'
fails 1 'nothing in .git' gitopper-hdr .git/config
printf 'x\n' >"$tmp/alone"
fails 1 'a file in no repository' gitopper-hdr -i "$tmp/alone"
is 'stays' "$(cat "$tmp/alone")" x
git -C "$repo" remote remove origin
fails 1 'a repository without an upstream' gitopper-hdr -i web/moved
ok 'all of them are as they were' diff -r --no-dereference "$tmp/before" web
is 'and nothing is left' "$(find . -name '.gitopper*')" ''

fails 100 'no file given' gitopper-hdr
fails 100 'an option it does not know' gitopper-hdr -x web/moved
fails 100 'a language it does not speak' gitopper-hdr -l fr web/moved
fails 100 'a prefix of two lines' gitopper-hdr -p '#
x' web/moved
mkdir "$tmp/bin"
for program in sh od awk; do
	ln -s "$(command -v $program)" "$tmp/bin"
done
fails 111 'without git' env PATH="$tmp/bin" sh "$top/gitopper-hdr" web/moved
done_testing
