#!/bin/sh
# verify.t - commits that are taken only if an allowed signer signed them
. tests/lib.sh

# a copy, for the child that checks runs as somebody who may not enter the
# checkout
mkdir "$tmp/bin"
cp "$(command -v gitopper-verify)" "$tmp/bin"
PATH=$tmp/bin:$PATH

repo=$tmp/repo work=$tmp/work
git init -q --bare "$repo"
git clone -q "$repo" "$work" 2>/dev/null
mkdir "$work/app"
for key in good other late; do
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/$key"
done
{
	echo "ops@example.org namespaces=\"git\" $(cat "$tmp/good.pub")"
	echo "late@example.org namespaces=\"git\",valid-before=\"20200101\"" \
		"$(cat "$tmp/late.pub")"
} >"$tmp/signers"
git -C "$work" config gpg.format ssh

# push TEXT [SIGN...]: a commit, signed as git commit is told
push() {
	echo "$1" >"$work/app/conf"
	git -C "$work" add -A
	text=$1
	shift
	git -C "$work" commit -q --allow-empty -m "$text" "$@" &&
	git -C "$work" push -q -f origin HEAD:main &&
	head=$(git -C "$work" rev-parse HEAD)
}
as() {
	git -C "$work" config user.signingkey "$tmp/$1.pub"
}

state=$GITOPPER_STATE/app
mkdir -p "$state/ctl"
printf '%s\n' "upstream=$repo" branch=main user=root "verify=$tmp/signers" \
	'dir=app		dir' >"$state/conf"
pull() {
	echo redo >"$state/ctl/poke"
	gitopper-pull app
}
tree() {
	cat "$state/tree/app/conf"
}

# refused TEXT PATTERN WHAT
refused() {
	fails 1 "$3: refused" pull
	like "$3: the state says why" "$(value app error)" "^pull: .*$2"
	is "$3: the tree stays" "$(tree)" "$1"
}

as good
ok "a signed commit" push one -S
one=$head
ok "is taken" pull
is "and published" "$(tree)" one
ok "an unsigned one" push two
refused one "commit $(echo "$head" | cut -c1-8): not signed by an allowed signer" \
	"unsigned"
like "ctl shows it as DIFF" "$(gitopper-ctl list)" 'DIFF.*not signed'
as other
ok "one of somebody else" push three -S
refused one "not signed by an allowed signer" "somebody else"
as late
ok "one by a key whose time is over" push four -S
refused one "not signed by an allowed signer" "too late"
as good
ok "a good one on top of these" push five -S
ok "is taken" pull
is "and published" "$(tree)" five
is "without an error" "$(value app error)" ""
is "what was checked is there for others" \
	"$(git hash-object -t commit --literally "$state/object")" "$head"
ok "a filter can ask once more" sh -c "gitopper-act -x verify app"
is "and passes the name on" "$(cat "$tmp/out")" app

cp "$state/object" "$tmp/object"
git -C "$repo" cat-file commit "$one" >"$state/object"
fails 1 "but not for another commit" sh -c "gitopper-act -x verify app"
cp "$tmp/object" "$state/object"

# staged before anybody asked for a signature
as other
ok "one of somebody else" push staged -S
sed -i /^verify=/d "$state/conf"
ok "is staged" gitopper-pull -f app
echo "verify=$tmp/signers" >>"$state/conf"
gitopper-pull -p app >"$tmp/out" 2>&1
is "and not published then" "$(tree)" five
refused five "not signed" "staged before"

# published before anybody asked for one
sed -i /^verify=/d "$state/conf"
ok "is published" pull
is "indeed" "$(tree)" staged
echo "verify=$tmp/signers" >>"$state/conf"
fails 1 "without anything new, too, it is found out" gitopper-pull app
is "the state says so" "$(value app error)" "pull: commit $(echo "$head" |
	cut -c1-8): not signed by an allowed signer"
is "the tree stays" "$(tree)" staged
fails 1 "so it is the next time" gitopper-pull app
touch "$state/ctl/frozen"
ok "frozen, it is left alone" gitopper-pull app
rm "$state/ctl/frozen"
as good
ok "a good one again" push five -S
ok "is taken" pull
good=$head
cp "$state/object" "$tmp/object"
rm "$state/object"
ok "where it isn't known, a good one is looked at once more" gitopper-pull app
ok "and known" cmp "$state/object" "$tmp/object"

# as git puts it together
git -C "$repo" cat-file commit "$head" | sed '/^gpgsig /i\
gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\
 AAAA\
 -----END SSH SIGNATURE-----' >"$tmp/both"
ok "a second signature for the other hash is none of it" \
	gitopper-verify "$tmp/signers" <"$tmp/both"
sed 's/^gpgsig-sha256 /gpgsig-sha512 /' "$tmp/both" >"$tmp/neither"
fails 1 "any other header is" \
	gitopper-verify "$tmp/signers" <"$tmp/neither"

# signatures that were for something else
git -C "$repo" cat-file commit "$head" | sed 's/^five$/evil/' >"$tmp/evil"
evil=$(git -C "$repo" hash-object -t commit -w "$tmp/evil")
git -C "$repo" update-ref refs/heads/main "$evil"
refused five "not signed" "a commit that was changed after it was signed"
git -C "$repo" cat-file commit "$head" | awk '
	{ print } /^ -----END/ && !done++ {
		while ((getline line < "'"$tmp/sig"'") > 0) print line }' \
	>"$tmp/twice"
git -C "$repo" cat-file commit "$one" |
	sed -n '/^gpgsig/,/^ -----END/p' >"$tmp/sig"
git -C "$repo" cat-file commit "$head" | awk -v sig="$tmp/sig" '
	/^committer/ { print; while ((getline line < sig) > 0) print line; next }
	{ print }' >"$tmp/twice"
twice=$(git -C "$repo" hash-object --literally -t commit -w "$tmp/twice")
git -C "$repo" update-ref refs/heads/main "$twice"
refused five "not signed" "two signatures"

# pins and rollbacks
git -C "$repo" update-ref refs/heads/main "$head"
ok "back at the good one" pull
echo "$one" >"$state/ctl/pin"
ok "a rollback to a signed commit" pull
is "is done" "$(tree)" one
git -C "$work" rev-parse HEAD~1 >"$state/ctl/pin"
refused one "not signed" "one to an unsigned commit"
rm "$state/ctl/pin"

# the signers' file
ok "forward again" pull
cp "$tmp/signers" "$state/tree/app/signers"
sed -i "s|^verify=.*|verify=$state/tree/app/signers|" "$state/conf"
ok "something new" push six -S
refused five "comes from the repository itself" "signers in the tree"
ln -s "$state/tree/app/signers" "$tmp/link"
sed -i "s|^verify=.*|verify=$tmp/link|" "$state/conf"
refused five "comes from the repository itself" "signers behind a link"
mkdir -p "$GITOPPER_STATE/other/ctl" "$tmp/local"
printf '%s\n' "upstream=$tmp/elsewhere" branch=main "mount=$tmp/mount" \
	"dir=etc	$tmp/local	dir" >"$GITOPPER_STATE/other/conf"
mkdir -p "$tmp/mount/other"
for place in "$GITOPPER_STATE/other/tree" "$tmp/mount/other" "$tmp/local"; do
	mkdir -p "$place"
	cp "$tmp/signers" "$place/signers"
	sed -i "s|^verify=.*|verify=$place/signers|" "$state/conf"
	refused five "comes from the repository itself, or another" \
		"signers in another service's ${place##*/}"
done
rm -rf "$GITOPPER_STATE/other"
sed -i "s|^verify=.*|verify=$tmp/signers|" "$state/conf"
chmod 666 "$tmp/signers"
refused five "can change" "signers that everybody can write"
chmod 600 "$tmp/signers"
mv "$tmp/signers" "$tmp/gone"
refused five "No such file" "signers that are gone"
mv "$tmp/gone" "$tmp/signers"
ok "and right again" pull
is "published" "$(tree)" six

# OpenPGP
GNUPGHOME=$tmp/gpg
export GNUPGHOME
mkdir -m 700 "$GNUPGHOME"
for who in ops other; do
	gpg --batch --quiet --passphrase '' --quick-gen-key \
		"$who@example.org" ed25519 sign never 2>"$tmp/gpg.log"
done
gpg --export ops@example.org >"$tmp/ring"
gpg --export other@example.org >"$tmp/ring2"
sed -i "s|^verify=.*|verify=$tmp/ring|" "$state/conf"
ok "a commit by an ssh key" push ssh -S
refused six "not signed" "an ssh key, for an OpenPGP keyring"
git -C "$work" config gpg.format openpgp
git -C "$work" config user.signingkey ops@example.org
ok "one by OpenPGP" push seven -S
ok "is taken" pull
is "published" "$(tree)" seven
git -C "$work" config user.signingkey other@example.org
ok "one by another key" push eight -S
refused seven "not signed" "another OpenPGP key"
# keys of which gpgv says much
i=0
while [ $i -lt 20 ]; do
	gpg --batch --quiet --quick-add-uid ops@example.org \
		"A name that is quite long, and one of many $i <n$i@example.org>" \
		2>>"$tmp/gpg.log"
	i=$((i + 1))
done
gpg --export ops@example.org >"$tmp/ring"
git -C "$work" config user.signingkey ops@example.org
ok "one by a key of many names" push nine -S
ok "is taken" pull
is "published" "$(tree)" nine
nine=$head
# keys that are not good any more, which gpgv takes all the same
git -C "$work" config user.signingkey other@example.org
ok "one by a key" push ten -S
gpg --batch --quiet --quick-set-expire "$(gpg --list-keys --with-colons \
	other@example.org | awk -F: '/^fpr/ { print $10; exit }')" seconds=1
gpg --export other@example.org ops@example.org >"$tmp/ring"
within 5 sh -c "gpg --list-keys --with-colons other@example.org |
	grep -q ^pub:e:"
refused nine "not signed" "whose time is over by now"
cat "$GNUPGHOME/openpgp-revocs.d/$(gpg --list-keys --with-colons \
	ops@example.org | awk -F: '/^fpr/ { print $10; exit }').rev" |
	sed 's/^:---/---/' | gpg --batch --quiet --import 2>>"$tmp/gpg.log"
git -C "$repo" update-ref refs/heads/main "$nine"
rm -rf "$state/tree"
ok "the one before" pull
gpg --export ops@example.org >"$tmp/ring"
rm -rf "$state/tree"
fails 1 "by a key that was revoked: refused" pull
like "the state says why" "$(value app error)" "not signed"
gpgconf --kill all 2>/dev/null

# A checker that was taken over can't hold anybody up, nor stay behind
git -C "$work" config gpg.format ssh
as good
sed -i "s|^verify=.*|verify=$tmp/signers|" "$state/conf"
ok "a signed commit for one that doesn't end" push held -S
# checker LINE...: what it does
checker() {
	{ echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$tmp/bin/gitopper-verify"
}
# held WHAT: refused in time, and nothing of it goes on
held() {
	fails 1 "$1: refused" timeout -s KILL 50 gitopper-pull app
	like "$1: the state says why" "$(value app error)" \
		'signature could not be checked'
	is "$1: none of its children is left" \
		"$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' |
			grep -ac "[s]leep 777$$")" 0
	for left in $(grep -al "[7]77$$" /proc/[0-9]*/cmdline 2>/dev/null); do
		left=${left#/proc/}
		kill -KILL "${left%/*}" 2>/dev/null
	done
	rm -f "$state/status"
}
rm -f "$state/status"
checker 'while :; do echo x; sleep 1; done'
held "a byte now and then"
checker 'exec >&- 3>&-' "sleep 777$$"
held "the end of what it says, and not its own"
checker "sleep 777$$ >&- 3>&- 2>&- &" "setsid sleep 777$$ >&- 3>&- 2>&- &" \
	"sleep 1" 'exit 111'
held "children of its own"
checker 'printf "\033[2Jred\n" >&2' 'exit 111'
fails 1 "what it says on standard error" gitopper-pull app
like "has the service's name" "$(cat "$tmp/out")" '^gitopper-pull: app: .*red'
is "and no control for a terminal" "$(tr -d '\n\040-\176' <"$tmp/out")" ""
cp "$(PATH=${PATH#*:}; command -v gitopper-verify)" "$tmp/bin"
ok "the real one" pull
is "finds that all is well" "$(tree)" held
ok "the commit that was found good is kept" test -s "$state/object"
echo gone=1 >>"$state/conf"
ok "a service that leaves the config" pull
is "leaves nothing of it" "$(ls "$state" | tr '\n' ' ')" 'lock log '
done_testing
