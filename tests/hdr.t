#!/bin/sh
# hdr.t - gitopper-hdr
. tests/lib.sh

repo=$tmp/repo
git init -q "$repo"
git -C "$repo" remote add origin git@git.example.org:ops/config.git
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
	'# Do not edit: this file is managed by gitopper, from
#   git@git.example.org:ops/config.git main:web/etc/site.conf'
is 'the file stays as it is' "$(cat web/etc/site.conf)" 'listen 80'
is 'with another prefix and a suffix' \
	"$(gitopper-hdr -p '<!--' -s '-->' web/etc/site.conf)" \
	'<!-- Do not edit: this file is managed by gitopper, from -->
<!--   git@git.example.org:ops/config.git main:web/etc/site.conf -->'
is 'from within a directory' "$(cd web/etc && source_of site.conf)" \
	'git@git.example.org:ops/config.git main:web/etc/site.conf'
is 'from outside' "$(cd / && source_of "$repo/web/etc/site.conf")" \
	'git@git.example.org:ops/config.git main:web/etc/site.conf'

# what a URL may hold
while read -r url shown; do
	upstream "$url"
	is "$url" "$(source_of web/etc/site.conf)" \
		"$shown main:web/etc/site.conf"
done <<'END'
https://git.example.org/ops/config https://git.example.org/ops/config
https://anna:secret@git.example.org/ops https://git.example.org/ops
https://token@git.example.org:8443/ops https://git.example.org:8443/ops
ftp://anna:secret@git.example.org/ops ftp://git.example.org/ops
ssh://git@git.example.org:2222/ops.git ssh://git@git.example.org:2222/ops.git
ssh://git:secret@git.example.org/ops ssh://git@git.example.org/ops
/srv/git/ops.git /srv/git/ops.git
file:///srv/git/ops.git file:///srv/git/ops.git
END
upstream https://git.example.org/ops

# branches
# from BRANCH: what is expected of it
from() {
	echo "https://git.example.org/${2-ops} $1:web/etc/site.conf"
}
is '-b names the branch' "$(source_of -b a/b#c web/etc/site.conf)" \
	"$(from 'a/b#c')"
git checkout -q -b topic
is 'else it is the one at work' "$(source_of web/etc/site.conf)" \
	"$(from topic)"
git update-ref refs/remotes/origin/live HEAD
git remote set-head origin live
is "but for the upstream's own" "$(source_of web/etc/site.conf)" \
	"$(from live)"
git remote add fork https://git.example.org/fork
git config branch.topic.remote fork
is "the branch's remote counts" "$(source_of web/etc/site.conf)" \
	"$(from topic fork)"
git config --unset branch.topic.remote
git remote set-head origin -d
git checkout -q --detach main
is 'and without a branch it is main' "$(source_of web/etc/site.conf)" \
	"$(from main)"
git checkout -q main

# names
nasty='a b%;$(touch x)#é'
mkdir -p -- "$nasty" -d
printf 'x' >"$nasty/$nasty"
printf 'x' >-d/-p
is 'a name with all kinds of characters' "$(source_of "$nasty/$nasty")" \
	"https://git.example.org/ops main:$nasty/$nasty"
is 'a name like an option' "$(source_of -- -d/-p)" \
	'https://git.example.org/ops main:-d/-p'
is 'in its directory' "$(cd -- -d && source_of -- -p)" \
	'https://git.example.org/ops main:-d/-p'
ok 'of both' test ! -e x
printf 'x' >'two
lines'
fails 1 'a name that would end the comment' gitopper-hdr 'two
lines'
ln -s web link
is 'a directory that is a link is where it leads' \
	"$(source_of link/etc/site.conf)" "$(from main)"

# what is no file of a repository
ln -s etc/site.conf web/link
fails 1 'not through a link' gitopper-hdr web/link
fails 1 'no directory' gitopper-hdr web
fails 1 'no file' gitopper-hdr web/none
mkfifo fifo
fails 1 'no pipe' timeout 10 gitopper-hdr fifo
fails 1 'one of two' gitopper-hdr web/none web/etc/site.conf
like 'the other is done' "$(cat "$tmp/out")" 'main:web/etc/site.conf$'
fails 1 'nothing in .git' gitopper-hdr .git/config
printf 'x\n' >"$tmp/alone"
fails 1 'a file in no repository' gitopper-hdr "$tmp/alone"
git -C "$repo" remote remove origin
fails 1 'a repository without an upstream' gitopper-hdr web/etc/site.conf

fails 100 'no file given' gitopper-hdr
fails 100 'an option it does not know' gitopper-hdr -x web/etc/site.conf
fails 100 'a prefix of two lines' gitopper-hdr -p '#
x' web/etc/site.conf
mkdir "$tmp/bin"
ln -s "$(command -v sh)" "$tmp/bin"
fails 111 'without git' env PATH="$tmp/bin" sh "$top/gitopper-hdr" \
	web/etc/site.conf
done_testing
