#!/bin/sh
# diff.t - gitopper-ctl diff: what was edited in a tree
. tests/lib.sh

umask 022
cd "$tmp" || exit 111
state=$GITOPPER_STATE
tree=$state/s/tree
t=$(printf '\t')

mkdir -p r/app/deep r/app2 r/other "$state/s/ctl"
git init -q r
for f in app/one app/two app/deep/three app/mode app/kind app2/no other/no; do
	echo "$f" >"r/$f"
done
ln -s one r/app/link
odd=$(printf 'app/\303\251\377\tb')
echo odd >"r/$odd"
echo single >r/single
commit r first >/dev/null
printf '%s\n' service=s "upstream=$tmp/r" branch=main "dir=app$t${t}dir" \
	"dir=app/deep$t${t}dir" "dir=single$t${t}file" "dir=later$t${t}dir" \
	>"$state/s/conf"

is 'nothing is published yet' "$(gitopper-ctl diff s 2>&1)" ''
sed -i '/^dir=later/d' "$state/s/conf"
ok 'a tree' gitopper-pull s
is 'nothing was edited' "$(gitopper-ctl diff s 2>&1)" ''
is 'as JSON' "$(gitopper-ctl -m diff s)" \
	'{"services":[{"service":"s","diff":[]}]}'

touch "$tree/app/one"
is 'a time is no edit' "$(gitopper-ctl diff s)" ''
echo edit >"$tree/app/one"
rm "$tree/app/two"
echo new >"$tree/app/new"
mkdir -p "$tree/app/deep/more" "$tree/beside" "$tree/app/empty"
echo new >"$tree/app/deep/more/new"
echo new >"$tree/beside/new"
echo new >"$tree/top"
chmod 755 "$tree/app/mode"
rm "$tree/app/kind"
ln -s / "$tree/app/kind"
ln -sf two "$tree/app/link"
rm "$tree/$odd"
echo edit >>"$tree/single"
wanted="M	app/deep/three
A	app/deep/more/new
M	app/kind
M	app/link
M	app/mode
A	app/new
M	app/one
D	app/two
D	\"app/\\303\\251\\377\\tb\"
M	single"
echo x >>"$tree/app/deep/three"
is 'edited, gone, new, of another mode or kind' "$(gitopper-ctl diff s |
	LC_ALL=C sort)" "$(printf '%s\n' "$wanted" | LC_ALL=C sort)"
is 'sorted by path' "$(gitopper-ctl diff s | cut -f2 | tail -3)" 'app/two
"app/\303\251\377\tb"
single'
is 'as objects' "$(gitopper-ctl -m diff s | jq -c \
	'.services[0].diff[] | select(.path | test("two|odd|b$"))')" \
	'{"change":"D","path":"app/two"}
{"change":"D","path":"app/é�\tb","quoted":"\"app/\\303\\251\\377\\tb\""}'
strace -f -e trace=open,openat,openat2 -o trace gitopper-ctl diff s >out
is 'what has its time is not read' "$(grep -c '"no"\|"link"' trace)" 0
rm -r "$tree"/*
is 'all is gone' "$(gitopper-ctl diff s | cut -f1 | sort -u)" D
rm -r "$tree"
is 'and the tree, too' "$(gitopper-ctl diff s | cut -f1 | sort -u)" D
echo garbage >"$state/s/index"
fails 1 'an index that is none' gitopper-ctl diff s
like 'is said' "$(cat out "$tmp/out")" 's: index: Invalid'
fails 1 'no such service' gitopper-ctl diff nosuch

if [ "$(id -u)" -eq 0 ]; then
	rm "$state/s/index"
	gitopper-pull s >out 2>&1
	echo new >"$tree/app/new"
	mkdir -m 700 "$tree/app/closed"
	mkdir bin && cp "$(command -v gitopper-ctl)" bin/
	fails 1 'a directory that one may not read' setpriv --reuid 4242 \
		--regid 4242 --clear-groups bin/gitopper-ctl diff s
	is 'is named, and the rest is shown' "$(sort "$tmp/out")" \
		"A${t}app/new
exit status 1, not 1
gitopper-ctl: s: app/closed: Permission denied"
	rm -r "$tree/app/closed"

	# who may move a directory above it could lead root elsewhere
	mkdir -p home mine/s/app secret/s/app
	touch mine/s/app/theirs secret/s/app/hidden
	sed "s|^tree .*|tree $tmp/home/m/s|" "$state/s/index" >index
	cp index "$state/s/index"
	chown -R 4242 home mine
	mv mine home/m
	is 'in a home its user may read it' "$(setpriv --reuid 4242 \
		--regid 4242 --clear-groups bin/gitopper-ctl diff s |
		grep '^A')" "A${t}app/theirs"
	mv home/m home/was
	ln -s "$tmp/secret" home/m
	chown -h 4242 home/m
	chmod 700 secret
	fails 1 'by a link of theirs root is not led elsewhere' \
		gitopper-ctl diff s
	is 'and is told so' "$(cat "$tmp/out")" \
		"gitopper-ctl: s: tree: Too many levels of symbolic links
exit status 1, not 1"
fi
done_testing
