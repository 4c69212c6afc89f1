#!/bin/sh
# deb.sh - builds the Debian package of what is here, and prints its path
# usage: deb.sh [DIR]
# Built is a copy of the files that git would know, in DIR; or else in deb/, once
# for all tests that want it, and again when a file has changed.
cd "$(dirname "$0")/.." || exit 111
tmp=$(mktemp -d) || exit 111
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE MAKEFLAGS MAKELEVEL MAKE \
	CFLAGS CPPFLAGS LDFLAGS

# files: those that .gitignore doesn't name, whether this is a repository or not
files() {
	git init -q --bare "$tmp/git" &&
	git --git-dir="$tmp/git" --work-tree=. -c safe.directory='*' \
		ls-files -z --others --exclude-standard
}

# build DIR: DIR/gitopper_VERSION_ARCH.deb, and DIR/log
build() {
	mkdir -p "$1/gitopper" && (
		cd "$1/gitopper" && tar -xmf "$tmp/files.tar" &&
		DEB_BUILD_OPTIONS="nocheck parallel=$(getconf _NPROCESSORS_ONLN)" \
			dpkg-buildpackage -us -uc
	) >"$1/log" 2>&1 </dev/null || {
		tail -n 20 "$1/log" >&2
		return 1
	}
}

# the same files are the same archive
files | sort -z | tar -cf "$tmp/files.tar" --null -T - --sort=name \
	--owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	--mtime=@0 || exit 111
if [ $# -gt 0 ]; then
	build "$1" && ls "$1"/gitopper_*.deb
	exit
fi
key=$(sha256sum "$tmp/files.tar" | cut -c 1-16)
mkdir -p deb && exec 9>deb/lock && flock 9 || exit 111
if [ ! -e "deb/$key/done" ]; then
	find deb -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
	build "deb/$key" 9>&- && : >"deb/$key/done" || exit 1
fi
ls "$PWD/deb/$key"/gitopper_*.deb
