#!/bin/sh
# localbig.t - a large repository by file:// takes no more than git does
# CPU is compared, since other work on this machine doesn't add to that.
. tests/lib.sh
. tests/cycles.sh

repo=$tmp/r.git url=file://$tmp/r.git
sh tests/generate.sh "$repo" 50000 5000 100 &&
git -C "$repo" config uploadpack.allowFilter true || exit 111
most=3
if grep -q __asan_init "$(command -v gitopper-pull)"; then
	most=60
fi

# cpu NAME COMMAND...: notes the seconds of CPU that it takes
cpu() {
	name=$1; shift
	perl tests/cpu.pl 1 1 "$@" >"$tmp/cpu.$name"
}

# ratio OURS THEIRS: fits is empty unless ours is more than $most times theirs
ratio() {
	perl -e 'my ($most, $a, $b) = @ARGV;
		print "$a s, git $b s" if $a > $most * $b' "$most" \
		"$(cat "$tmp/cpu.$1")" "$(cat "$tmp/cpu.$2")"
}

cat >"$tmp/partial" <<'END'
#!/bin/sh
git clone -q --filter=blob:none --sparse --no-checkout "$1" "$2" &&
git -C "$2" sparse-checkout set s0 &&
git -C "$2" checkout -q
END
cat >"$tmp/update" <<'END'
#!/bin/sh
git -C "$1" fetch -q && git -C "$1" checkout -q origin/main
END

# same: what is deployed is what git has
same() {
	[ "$(value s0 hash)" = "$(git -C "$repo" rev-parse main)" ] &&
	diff -r "$GITOPPER_STATE/s0/tree/s0" "$tmp/clone/s0"
}

# the default timeout counts
services "$GITOPPER_STATE" 1 "$url"
[ $most -eq 3 ] || echo timeout=600 >>"$GITOPPER_STATE/s0/conf"
ok "git clones it" cpu clone sh "$tmp/partial" "$url" "$tmp/clone"
ok "it is deployed, within the default timeout" cpu first gitopper-pull s0
ok "as it is" same
is "it takes no more than $most times what git does" "$(ratio first clone)" ""
store=$(du -sk "$(upstream_dir "$url")/repo" | cut -f 1)
clone=$(du -sk "$tmp/clone/.git" | cut -f 1)
is "nor twice the disk" "$([ "$store" -le $((clone * 2)) ] ||
	echo "$store KiB, git $clone KiB")" ""

git -C "$repo" fast-import --quiet --done <<'END'
commit refs/heads/main
committer Tester <tester@example.org> 1800000000 +0000
data 1
x
from refs/heads/main^0
M 100644 inline s0/f0
data 4
new

M 100644 inline s0/new
data 4
new

M 100644 inline s1/f1
data 4
new

done
END
ok "git fetches a commit" cpu fetch sh "$tmp/update" "$tmp/clone"
ok "it is deployed" cpu news gitopper-pull s0
ok "as it is" same
is "it takes no more than $most times what git does" "$(ratio news fetch)" ""

# as a server's repository is after a while: the newest versions are whole
git -C "$repo" gc -q
rm -r "$GITOPPER_STATE"
services "$GITOPPER_STATE" 1 "$url"
[ $most -eq 3 ] || echo timeout=600 >>"$GITOPPER_STATE/s0/conf"
ok "after git gc, it is deployed" cpu gc gitopper-pull s0
ok "as it is" same
is "it takes no more than $most times what git does" "$(ratio gc clone)" ""
done_testing
