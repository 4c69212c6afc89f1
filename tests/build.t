#!/bin/sh
# build.t - compilers, pages, scripts, and make's targets
. tests/lib.sh

# A copy, so that no build disturbs another
copy() {
	mkdir "$1" &&
	cp -rp ./*.c ./*.h ./*.1 ./*.5 Makefile config.mk gitopper \
		gitopper-hdr action completion service debian page.html \
		embed.sh tests LICENSE README.md .gitignore "$1" &&
	rm -f "$1/config.h" &&
	make -C "$1" clean
}

warnings='-O2 -Wall -Wextra -Wshadow -pedantic -Werror'
for cc in gcc clang; do
	ok "a copy for $cc" copy "$tmp/$cc"
	ok "$cc compiles it without a warning" make -j 2 -C "$tmp/$cc" \
		CC="$cc" CFLAGS="$warnings" all \
		tests/toml-json tests/http-text tests/dropped \
		tests/replay-toml tests/replay-http tests/replay-answer \
		tests/replay-pktline tests/replay-stage \
		tests/replay-window tests/window-text
done
ok "a changed header has those made anew that read it" sh -c "
	touch -d '+1 minute' '$tmp/gcc/toml.h' &&
	make -n -C '$tmp/gcc' CC=gcc CFLAGS='$warnings' all >'$tmp/made' &&
	grep -q -- '-o config.o' '$tmp/made' &&
	! grep -q -- '-o run.o' '$tmp/made'"

# lint PAGE: what mandoc says of it. Whether the pages of others are installed
# here is not its business.
lint() {
	mandoc -Tlint "$1" 2>&1 |
	awk '/mandoc\.db/ { next }
		/referenced manual not found/ && !/Xr gitopper/ { next }
		{ print }'
}
for page in *.1 *.5; do
	is "mandoc has no complaint about $page" "$(lint "$page")" ""
done
for script in gitopper gitopper-hdr embed.sh debian/gitopper.p* action/* \
	service/place.sh service/openrc/* service/*/*/run service/*/*/finish \
	service/*/*/log/run .ci/run tests/*.sh tests/*.t; do
	for sh in "dash" "busybox ash"; do
		ok "$sh can read $script" $sh -n "$script"
	done
done

is "no line of C is longer than 80 columns" "$(
	for f in *.c *.h tests/*.c; do
		expand "$f" | awk -v f="$f" 'length > 80 { print f ":" NR }'
	done)" ""
is "no function that can't be used safely" "$(grep -nEw \
	'(strcpy|strcat|sprintf|vsprintf|atoi|system|popen|gets) *\(' \
	./*.c ./*.h tests/*.c)" ""

# install and uninstall
files() {
	(cd "$tmp/root" && find . ! -type d | sort)
}
usr=$tmp/root/usr
mkdir -p "$usr/bin" "$usr/lib/gitopper/action"
: >"$usr/bin/gitopper-other"
: >"$usr/lib/gitopper/action/own"
files >"$tmp/before"
where="DESTDIR=$tmp/root PREFIX=/usr LIBEXECDIR=/usr/lib"
ok "make install" make -C "$tmp/gcc" $where install
tr '\0' '\n' <"$usr/bin/gitopper-act" >"$tmp/strings"
for f in gitopper gitopper-conf gitopper-wait gitopper-pull gitopper-mount \
	gitopper-act gitopper-window gitopper-ctl gitopper-httpd; do
	ok "$f is in BINDIR" test -x "$usr/bin/$f"
	ok "$f has a page" test -s "$usr/share/man/man1/$f.1"
done
ok "the config has a page" test -s "$usr/share/man/man5/gitopper.toml.5"
for f in action/*; do
	ok "$f is installed" test -x "$usr/lib/gitopper/$f"
done
ok "gitopper-act looks where they are, and not where it was built for" \
	grep -q "^/usr/lib/gitopper/action" "$tmp/strings"
ok "bash completes gitopper-ctl" test -s \
	"$usr/share/bash-completion/completions/gitopper-ctl"
ok "all files can be read by all" test -z "$(find "$usr" ! -perm -444)"
ok "make uninstall" make -C "$tmp/gcc" $where uninstall
files >"$tmp/after"
ok "it removes just what install put there" diff "$tmp/before" "$tmp/after"

# the users and the group, in an /etc of our own
own_etc() {
	mkdir "$tmp/etc" && mount -t tmpfs tmpfs "$tmp/etc" &&
	mkdir "$tmp/etc/up" "$tmp/etc/work" && mount -t overlay overlay /etc \
		-o "lowerdir=/etc,upperdir=$tmp/etc/up,workdir=$tmp/etc/work"
}
if [ "$(id -u)" -eq 0 ]; then
	ok "an /etc" own_etc
	# as if they had never been there: userdel minds who runs as them
	sed -i '/^gitopper\(-pull\|-httpd\|\):/d' /etc/passwd /etc/shadow \
		/etc/group /etc/gshadow
	fails 2 "without users" getent passwd gitopper-pull gitopper-httpd
	ok "make users" make -C "$tmp/gcc" users
	ok "a user for what pull starts" getent passwd gitopper-pull
	is "one for httpd, in the group" "$(id -Gn gitopper-httpd)" \
		"gitopper-httpd gitopper"
	is "that nobody logs in as" \
		"$(getent passwd gitopper-httpd | cut -d: -f6,7)" /:/bin/false
	ok "once more" make -C "$tmp/gcc" users
	umount -l /etc && umount -l "$tmp/etc"
fi

# clean and dist, in a repository
repo=$tmp/clang
git -C "$repo" init -q
ok "make clean" make -C "$repo" clean
commit "$repo" all >/dev/null
is "nothing but config.h is left" \
	"$(git -C "$repo" status --porcelain --ignored)" "!! config.h"
ok "make dist" make -C "$repo" VERSION=1.2 dist
is "the archive holds what git knows" \
	"$(tar -tzf "$repo/gitopper-1.2.tar.gz" | grep -v '/$' | sort)" \
	"$(git -C "$repo" ls-files | sed 's|^|gitopper-1.2/|' | sort)"

# what is needed is found, or named
ok "make deps is content" make deps
is "and says nothing" "$(make -s deps 2>&1 | grep -v '^sh ')" ""
cp tests/deps.sh "$tmp/deps.sh"
cat >"$tmp/as-nobody" <<'EOF'
if [ "$(id -u)" -eq 0 ]; then
	exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
fi
exec "$@"
EOF
fails 1 "without root it installs nothing" sh "$tmp/as-nobody" \
	sh "$tmp/deps.sh" build no-such-compiler
like "but says what to install" "$(cat "$tmp/out")" 'as root:.*libgit2'
fails 100 "deps.sh wants to know what for" sh tests/deps.sh
done_testing
