#!/bin/sh
# quickstart.t - every command of docs/quickstart.md, on a machine of its own
. tests/lib.sh
. tests/boot.sh

[ "$(id -u)" -eq 0 ] || skip "systemd-nspawn needs root"

# Each `sh` block becomes a file N.sh; a `text` block below it is N.want, what
# it is to print. Whatever else stands between takes it for itself.
mkdir "$tmp/page" || exit 111
awk -v dir="$tmp/page" '
/^```sh$/ { n++; out = sprintf("%s/%03d.sh", dir, n); next }
/^```text$/ { out = sprintf("%s/%03d.want", dir, n); next }
/^```$/ { close(out); out = ""; next }
/^```/ { print FILENAME ":" NR ": what is this block?"; exit 1 }
out { print >out }
' docs/quickstart.md || exit 111
steps=$(cd "$tmp/page" && ls ./*.sh)
ok "there are blocks with commands, and some with what they print" \
	test "$(echo "$steps" | wc -l)" -gt 20 -a -e "$tmp/page/001.sh" \
	-a "$(find "$tmp/page" -name '*.want' | wc -l)" -gt 10

# fits GOT WANT: the same lines; `...` in WANT stands for anything, and what
# a table's columns are apart is of no account
fits() {
	perl -e '
		open my $got, "<", shift or die;
		open my $want, "<", shift or die;
		my @got = <$got>;
		my @want = <$want>;
		exit 1 if @got != @want;
		for my $i (0 .. $#want) {
			my $p = join ".*", map quotemeta,
				split /\.\.\./, $want[$i] =~ s/\s*$//r, -1;
			$p =~ s/(\\ )+/ +/g;
			exit 1 if $got[$i] !~ /^$p\s*$/;
		}' "$1" "$2"
}
printf 'a b\nc  12 d\n' >"$tmp/a"
printf 'a b\nc  ... d\n' >"$tmp/b"
printf 'a b\nc  ... e\n' >"$tmp/c"
ok "an expectation that fits" fits "$tmp/a" "$tmp/b"
fails 1 "one that doesn't" fits "$tmp/a" "$tmp/c"

ok "a machine" overlay
# a checkout, and what make has made in it
mkdir "$root/root/gitopper" &&
	tar -cf - --exclude=./.git --exclude=./san --exclude=./fuzz \
		--exclude='./tap*' --exclude='./tests/corpus' . |
	tar -xf - -C "$root/root/gitopper" || exit 111
[ -z "${GITOPPER_BIN-}" ] || for program in "$GITOPPER_BIN"/gitopper-*; do
	[ ! -x "$program" ] || cp "$program" "$root/root/gitopper" || exit 111
done
rm -rf "$root/etc/gitopper" "$root/var/lib/gitopper" "$root/srv/www"
ok "it is booted" boot
cat >"$root/root/step" <<'END'
cd "$(cat /root/where)" || exit 111
set -e
. "$1"
pwd >/root/where
END
echo /root/gitopper >"$root/root/where"
cp -R "$tmp/page" "$root/root/page"

run() { there sh /root/step "/root/page/$step"; }
as_told() {
	run >"$tmp/got" 2>&1
	cat "$tmp/got"
	fits "$tmp/got" "$tmp/page/${step%.sh}.want"
}
for step in $steps; do
	step=${step#./}
	first=$(sed -n 1p "$tmp/page/$step")
	if [ -e "$tmp/page/${step%.sh}.want" ]; then
		ok "$step prints what is said: $first" within 60 as_told
	else
		ok "$step: $first" run
	fi
	[ "$failed" -eq 0 ] || break
done
[ "$failed" -eq 0 ] || there journalctl -n 60 --no-pager >&2
ok "it is shut down" shut_down
done_testing
