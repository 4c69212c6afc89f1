#!/bin/sh
# deb.t - the Debian package: what is in it, and how it comes and goes
. tests/lib.sh

[ "$(id -u)" -eq 0 ] || skip 'packages are for root'
command -v dpkg-buildpackage >/dev/null || skip 'this is not Debian'

ok 'the package is built' sh tests/deb.sh
deb=$(tail -n 1 "$tmp/out")
ok 'and is there' test -s "$deb"
[ "$failed" -eq 0 ] || { done_testing; exit 1; }

# -- what it is
ok 'lintian has no complaint, about its source neither' lintian --allow-root \
	--no-cfg -I --pedantic --fail-on error,warning,info,pedantic \
	"${deb%.deb}.changes"
is 'its version is that of the programs' \
	"$(dpkg-deb -f "$deb" Version)" "$(sed -n 's/^VERSION = //p' config.mk)"
# again: it is built once more elsewhere, from what make dist makes
again() {
	cp -r "${deb%/*}/gitopper" "$tmp/repo" && git init -q "$tmp/repo" &&
	commit "$tmp/repo" all && make -C "$tmp/repo" dist &&
	tar -C "$tmp" -xzf "$tmp/repo"/gitopper-*.tar.gz &&
	cd "$tmp"/gitopper-* && dpkg-buildpackage -b -us -uc
}
# sanitizers are not looking at what is in it: that once is enough
if [ -z "${REPORTS-}" ]; then
	unset MAKEFLAGS MAKELEVEL
	(again) >"$tmp/again" 2>&1 || tail "$tmp/again"
	ok "make dist's archive makes the same package" \
		cmp "$deb" "$tmp/${deb##*/}"
fi

# make_list WHAT: the words that the Makefile has for it
make_list() {
	printf 'include Makefile\nlist:\n\t@echo $(%s)\n' "$1" |
		make -s -f - list
}
{
	printf 'usr/bin/%s\n' $(make_list BIN) $(make_list SCRIPT)
	for page in $(make_list MAN); do
		echo "usr/share/man/man${page##*.}/$page.gz"
	done
	printf 'usr/libexec/gitopper/%s\n' $(make_list ACTION) $(make_list VERB)
	(cd service/systemd && find . -type f) | sed -n \
		-e 's|.*/\(.*\.service\)$|lib/systemd/system/\1|p' \
		-e 's|.*/\(.*\.socket\)$|lib/systemd/system/\1|p'
	echo lib/systemd/system/gitopper-httpd-local@.service
	printf '%s\n' usr/share/gitopper/inetd.conf usr/lib/sysusers.d/gitopper.conf \
		usr/lib/tmpfiles.d/gitopper.conf \
		usr/share/bash-completion/completions/gitopper-ctl
} | sort >"$tmp/expected"
dpkg-deb --fsys-tarfile "$deb" | tar -t | sed 's|^\./||' |
	grep -v -e '/$' -e '^usr/share/doc/' -e '^usr/share/lintian/' -e '^$' |
	sort >"$tmp/contents"
ok 'it holds what make install installs' diff "$tmp/expected" "$tmp/contents"
dpkg-deb --fsys-tarfile "$deb" | tar -t --numeric-owner -v >"$tmp/modes"
is 'all of it is owned by root, and only root writes' "$(grep -Ev \
	'^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) 0/0 ' "$tmp/modes")" ''
like 'the state directory is none of its files' \
	"$(grep -c /var/ "$tmp/modes")" '^0$'
for library in libgit2 libssh2 libcurl libjansson libcrypt libmd; do
	like "it depends on $library" "$(dpkg-deb -f "$deb" Depends)" \
		"(^| )$library[-0-9.]* "
done

# -- a machine to install it on: this one, in an overlay, without what `make
# users` may have made. Its mounts are shared with whoever is in there, as
# those of a booted machine are.
root=$tmp/root
dpkg_rests && mkdir "$root" "$tmp/over" && mount -t tmpfs -o mode=755 tmpfs "$tmp/over" &&
mkdir "$tmp/over/up" "$tmp/over/work" && mount -t overlay overlay "$root" \
	-o "lowerdir=/,upperdir=$tmp/over/up,workdir=$tmp/over/work" &&
mount --make-shared "$root" && mount -t proc proc "$root/proc" &&
mount --bind /dev "$root/dev" && dpkg_ends "$root" &&
cp "$deb" "$root/one.deb" || exit 111
# there COMMAND...: runs it in there
there() {
	env -i HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
		chroot "$root" "$@"
}
# dpkg_there ARGUMENT...: man-db and the like are none of our business
dpkg_there() {
	there dpkg --force-unsafe-io --no-triggers "$@"
}
dpkg_there --purge gitopper >/dev/null 2>&1
for name in gitopper-pull gitopper-httpd; do
	! there getent passwd $name >/dev/null || there userdel $name
done
for name in gitopper gitopper-pull gitopper-httpd; do
	! there getent group $name >/dev/null || there groupdel $name
done
rm -rf "$root/var/lib/gitopper" "$root/etc/gitopper" "$root/usr/local/bin" \
	"$root"/etc/systemd/system/*
state=$root/var/lib/gitopper

ok 'it installs' dpkg_there -i /one.deb
is 'a user for what pull starts' "$(there id -Gn gitopper-pull)" gitopper-pull
is 'one for httpd, in the group' "$(there id -Gn gitopper-httpd)" \
	'gitopper-httpd gitopper'
for name in gitopper-pull gitopper-httpd; do
	like "nobody logs in as $name" \
		"$(there getent passwd $name | cut -d : -f 3,6,7)" \
		'^[1-9][0-9]{0,2}:[^:]*:.*/(nologin|false)$'
done
is 'the state directory' "$(stat -c '%U:%G %a' "$state")" 'root:root 755'
is 'and that of the config' "$(stat -c '%U:%G %a' "$root/etc/gitopper")" \
	'root:root 755'
is 'nothing is enabled' "$(find "$root/etc/systemd/system" -name '*gitopper*')" \
	''

# -- it works: a service that follows a repository of that machine
git init -q "$root/up"
push() {
	mkdir -p "$root/up/web"
	echo "$1" >"$root/up/web/file"
	commit "$root/up" "$1" >/dev/null
}
push one
mkdir "$root/etc/web" "$root/precious"
echo below >"$root/etc/web/file"
echo precious >"$root/precious/file"
cat >"$root/etc/gitopper/config.toml" <<'END'
[[services]]
machine = "m"
service = "web"
upstream = "/up"
action = "none"
dirs = [ { local = "/etc/web", link = "web" } ]
END
deploy() {
	there gitopper -1 -c /etc/gitopper/config.toml -h m
}
ok 'a deployment' deploy
is 'is there' "$(cat "$root/etc/web/file")" one
there gitopper-ctl freeze web >/dev/null
is 'a directory of a service' "$(stat -c '%U:%G %a' "$state/web")" \
	'root:root 755'
is 'where the group may say what it wants' \
	"$(stat -c '%a' "$state/web/ctl") $(there stat -c '%U:%G' \
		/var/lib/gitopper/web/ctl)" '3775 root:gitopper'

# -- a higher version
mkdir "$tmp/two"
ok 'another version' dpkg-deb -R "$deb" "$tmp/two"
sed -i 's/^Version: .*/&+1/' "$tmp/two/DEBIAN/control"
ok 'of the same' dpkg-deb -b --root-owner-group "$tmp/two" "$root/two.deb"
# kept: all that is in the state and config directories, times as well
kept() {
	(cd "$root" && find var/lib/gitopper etc/gitopper etc/web -printf \
		'%p %y %m %u %s %T@ %i\n' | sort && cat etc/web/file)
}
kept >"$tmp/before"
ok 'it is upgraded' dpkg_there -i /two.deb
is 'to that' "$(there dpkg-query -W -f '${Version}' gitopper)" \
	"$(dpkg-deb -f "$deb" Version)+1"
kept >"$tmp/after"
ok 'state, config and mounts are as they were' diff "$tmp/before" "$tmp/after"

# -- it goes
ok 'it is removed' dpkg_there -r gitopper
like 'and says what of it stays' "$(cat "$tmp/out")" \
	'what is mounted stays until the next boot'
ok 'its programs are gone' test ! -e "$root/usr/bin/gitopper"
kept >"$tmp/after"
ok 'but no state, config or mount' diff "$tmp/before" "$tmp/after"
ok 'it is installed again' dpkg_there -i /one.deb
push two
ok 'what was frozen' deploy
is 'is frozen still' "$(cat "$root/etc/web/file")" one
there gitopper-ctl unfreeze web >/dev/null
ok 'and goes on' deploy
is 'where it was' "$(cat "$root/etc/web/file")" two
ok 'it is removed again' dpkg_there -r gitopper

# -- and all of it: but not what is only mounted there. What is mounted in
# /etc/web is not mounted in the tree as well: the mount there is private.
mkdir "$root/etc/web/data"
mount --bind "$root/precious" "$root/etc/web/data"
ok 'a mount in what is mounted is none in the tree' \
	test ! -e "$state/web/tree/web/data/file"
fails 1 'so it is not purged' dpkg_there --purge gitopper
like 'which is said, with the place' "$(cat "$tmp/out")" '^/etc/web/data$'
is 'nothing is deleted' "$(cat "$root/precious/file" "$root/etc/web/file" \
	"$root/etc/web/data/file")" 'precious
two
precious'
umount "$root/etc/web/data"
mkdir "$state/web/other"
mount --bind "$root/precious" "$state/web/other"
fails 1 'nor with one elsewhere in the state directory' \
	dpkg_there --purge gitopper
like 'which is said' "$(cat "$tmp/out")" '^/var/lib/gitopper/web/other$'
is 'nothing is unmounted' "$(cat "$root/etc/web/file")" two
umount "$state/web/other"
mkdir "$state/a b%s" "$root/etc/a b%s"
mount --bind "$state/a b%s" "$root/etc/a b%s"
echo mount=/srv/trees >>"$state/web/conf"
ok 'without, it is' dpkg_there --purge gitopper
like 'trees that are elsewhere are not' "$(cat "$tmp/out")" \
	'^gitopper: /srv/trees is left'
ok 'the state directory is gone' test ! -e "$state"
is 'what it showed elsewhere is unmounted' "$(cat "$root/etc/web/file")" below
ok 'whatever its name' test -z "$(grep -F 'etc/a\040b' /proc/self/mountinfo)"
is 'and nothing else is' "$(cat "$root/precious/file")" precious
ok 'the config stays' test -s "$root/etc/gitopper/config.toml"
is 'dpkg knows no more of it' "$(there dpkg-query -W -f '${Status}' gitopper \
	2>/dev/null)" ''

# -- a state directory of another kind: its own script, by itself
dpkg-deb -e "$deb" "$tmp/control"
cp "$tmp/control/postrm" "$root/postrm"
purge() {
	there env DPKG_MAINTSCRIPT_PACKAGE=gitopper sh /postrm purge
}
ok 'there is none' purge
mkdir -p "$root/srv/elsewhere/x"
ln -s /srv/elsewhere "$state"
ok 'a link' purge
ok 'goes with what it leads to' \
	test ! -e "$root/srv/elsewhere" -a ! -L "$state"
mkdir "$state"
mount -t tmpfs tmpfs "$state"
mkdir -p "$state/web/tree" "$state/.upstream"
mount --bind "$state/web/tree" "$root/etc/web"
ok 'a file system of its own' purge
is 'is empty' "$(ls -A "$state")" ''
is 'and shown nowhere else' "$(cat "$root/etc/web/file")" below
umount "$state"
mkdir "$state/web"
umount "$root/proc"
fails 1 'without /proc' purge
ok 'it deletes nothing' test -d "$state/web"
done_testing
