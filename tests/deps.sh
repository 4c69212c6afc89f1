#!/bin/sh
# deps.sh - installs what building needs, or what testing needs, if missing
# usage: deps.sh build|check [CC]
# What is there is found by using it, never by asking the package manager, so
# it doesn't matter who put it there, and a second run is quick.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
CC=${2:-cc}
tmp=$(mktemp -d) || exit 111
policy=
trap 'rm -rf "$tmp" $policy' EXIT
trap 'exit 1' HUP INT TERM

if command -v apt-get; then manager=apt
elif command -v apk; then manager=apk
elif command -v dnf; then manager=dnf
else manager=none
fi >/dev/null
missing=

# need APT APK DNF COMMAND...: the packages to install if the command fails
need() {
	case $manager in
	apk) packages=$2 ;;
	dnf) packages=$3 ;;
	*) packages=$1 ;;
	esac
	shift 3
	"$@" >/dev/null 2>&1 || missing="$missing $packages"
}

# have PROGRAM...: all of them are in PATH
have() {
	for program; do
		command -v "$program" || return 1
	done
}

# builds CC HEADER FLAG...: a program that uses it compiles and links
builds() {
	printf '#include <%s>\nint main(void) { return 0; }\n' "$2" \
		>"$tmp/a.c" || exit 111
	cc=$1; shift 2
	# a CC with flags is split at its blanks, as make does
	$cc "$tmp/a.c" -o "$tmp/a.out" "$@" && "$tmp/a.out"
}

# fuzzes: clang has its runtime for fuzzing, which is a package of its own
fuzzes() {
	printf '%s\n' '#include <stddef.h>' 'int LLVMFuzzerTestOneInput(' \
		'const unsigned char *p, size_t n) { return p && n > 9; }' \
		>"$tmp/f.c" || exit 111
	clang -fsanitize=fuzzer,address,undefined "$tmp/f.c" -o "$tmp/f.out"
}

# serves: lighttpd is there, with TLS
serves() {
	printf 'server.document-root = "/"\nserver.modules = ("mod_openssl")\n' |
	lighttpd -tt -f -
}

# git_serves: git has the helpers that are packages of their own somewhere
git_serves() {
	git daemon -h 2>&1 | grep usage &&
	[ -x "$(git --exec-path)/git-http-backend" ]
}

# makes_deb: the tools that make a Debian package, and what it is built with
makes_deb() {
	have dpkg-buildpackage dh lintian && dpkg-checkbuilddeps debian/control
}

needed_build() {
	case $CC in
	*clang*) compiler=clang ;;
	*) compiler=gcc ;;
	esac
	need "$compiler libc6-dev" "$compiler musl-dev linux-headers" \
		"$compiler" builds "$CC" linux/openat2.h
	need libgit2-dev libgit2-dev libgit2-devel \
		builds "$CC" git2.h -lgit2
	need libssh2-1-dev libssh2-dev libssh2-devel \
		builds "$CC" libssh2.h -lssh2
	need libmd-dev libmd-dev libmd-devel \
		builds "$CC" sha1.h -lmd
	need zlib1g-dev zlib-dev zlib-devel \
		builds "$CC" zlib.h -lz
	need libcurl4-openssl-dev curl-dev libcurl-devel \
		builds "$CC" curl/curl.h -lcurl
	need libjansson-dev jansson-dev jansson-devel \
		builds "$CC" jansson.h -ljansson
	need libcrypt-dev libxcrypt-dev libxcrypt-devel \
		builds "$CC" crypt.h -lcrypt
}

needed_check() {
	need "git" "git git-daemon" "git git-daemon" git_serves
	need tzdata tzdata tzdata test -e /usr/share/zoneinfo/Europe/Berlin
	need perl "perl perl-utils" "perl perl-Test-Harness" have perl prove
	need util-linux util-linux util-linux have unshare setpriv flock
	need acl acl acl have setfacl
	need procps procps procps-ng have ps pgrep
	need iproute2 iproute2 iproute have ip
	[ $manager = apk ] || need systemd-container "" systemd-container \
		have systemd-nspawn
	need strace strace strace have strace
	need mandoc mandoc mandoc have mandoc
	need busybox busybox busybox have busybox
	need openssl openssl openssl have openssl
	need openssh-client openssh-client openssh-clients have ssh ssh-keygen
	need openssh-server openssh-server openssh-server have sshd
	need "lighttpd lighttpd-mod-openssl" "lighttpd lighttpd-mod_auth" \
		lighttpd serves
	need curl curl curl have curl
	need bash bash bash have bash
	need bsdutils util-linux-misc util-linux-script have script
	need jq jq jq have jq
	need nginx-light nginx nginx have nginx
	[ $manager != apt ] || need ucspi-tcp "" "" have tcpserver
	[ $manager != apt ] || need cvm "" "" have cvm-checkpassword cvm-unix
	need pamtester pamtester pamtester have pamtester
	need passwd shadow shadow-utils have useradd usermod groupadd
	[ $manager = dnf ] || need openbsd-inetd busybox-extras "" have inetd
	[ $manager = apk ] || need systemd "" systemd \
		have systemd-socket-activate
	# supervisors that can run beside this machine's init, which stays
	[ $manager = dnf ] || need "runit s6 openrc" "runit s6 openrc" "" \
		have runsvdir sv s6-svscan s6-svc openrc rc-service
	need prometheus prometheus golang-github-prometheus \
		have prometheus promtool
	need sudo sudo sudo have sudo visudo
	need "chromium chromium-driver" "chromium chromium-chromedriver" \
		"chromium chromedriver" have chromium chromedriver
	need wrk wrk wrk have wrk
	need gcc gcc gcc builds gcc stdio.h
	[ $manager != apt ] || need "build-essential debhelper lintian \
		libcrypt-dev libcurl4-openssl-dev libgit2-dev libjansson-dev \
		libmd-dev libssh2-1-dev zlib1g-dev" "" "" makes_deb
	need "clang libclang-rt-dev" "clang compiler-rt" \
		"clang compiler-rt" fuzzes
}

# Debian starts what it installs, and does so again at each boot. The tests
# start their own servers, so neither is wanted. A server that was installed
# before stays as it is.
install_apt() {
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >"$policy" &&
		chmod 755 "$policy" || return 1
	fi
	apt-get -q update || return 1
	# Debian 12 knows clang's runtime under its version's name alone
	version=$(apt-cache depends clang 2>/dev/null |
		sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
	missing=$(printf '%s\n' "$missing" |
		sed "s/libclang-rt-dev/libclang-rt-$version-dev/")
	new=
	command -v sshd >/dev/null || new=ssh
	for server in lighttpd nginx prometheus; do
		command -v $server >/dev/null || new="$new $server"
	done
	command -v inetd >/dev/null || new="$new openbsd-inetd"
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		--no-install-recommends install $missing || return 1
	for service in $new; do
		[ ! -e "/etc/init.d/$service" ] ||
			update-rc.d "$service" disable || return 1
	done
	return 0
}

install_apk() {
	apk add $missing
}

install_dnf() {
	dnf -q -y --setopt=install_weak_deps=False install $missing
}

case ${1-} in
build | check) ;;
*) echo "usage: deps.sh build|check [CC]" >&2; exit 100 ;;
esac
needed_$1
[ -z "$missing" ] && exit 0

if [ "$manager" = none ]; then
	echo "deps: missing, and no apt-get, apk or dnf here:$missing" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	if sudo -n true 2>/dev/null; then
		echo "deps: asking sudo to install:$missing"
		exec sudo -n sh "$0" "$1" "$CC"
	fi
	echo "deps: please install as root:$missing" >&2
	exit 1
fi
echo "deps: installing by $manager:$missing"
install_$manager || {
	echo "deps: $manager could not install:$missing" >&2
	exit 1
}
wanted=$missing missing=
needed_$1
[ -z "$missing" ] || {
	echo "deps: installed$wanted, and these still don't work:$missing" >&2
	exit 1
}
