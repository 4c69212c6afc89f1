#!/bin/sh
# complete.t - what bash completes after gitopper-ctl
. tests/lib.sh

for s in web dns web@2 a:b; do
	mkdir -p "$GITOPPER_STATE/$s"
	: >"$GITOPPER_STATE/$s/conf"
done
mkdir "$GITOPPER_STATE/empty" "$GITOPPER_STATE/.upstream"
printf 'web1.example.org\nweb2.example.org\tmine\n' >"$GITOPPER_STATE/.machines"

# completes LINE WORDS: these are offered at the end of the line
completes() {
	is "gitopper-ctl $1" "$(bash --norc -c '. "$1"
		COMP_LINE="gitopper-ctl $2" COMP_POINT=${#COMP_LINE}
		_gitopper_ctl; printf "%s\n" "${COMPREPLY[@]}" | sort |
		tr "\n" " "' bash "$top/completion/gitopper-ctl.bash" "$1" |
		sed 's/ *$//')" "$2"
}
completes 'un' unfreeze
completes '' 'accept changes diff freeze list log passwd pull redo rollback status unfreeze watch wipe'
completes 'do fr' freeze
completes '-m -u anna @web1 fr' freeze
completes 'status ' 'a:b dns web web@2'
completes 'status w' 'web web@2'
completes 'freeze dns web' 'web web@2'
completes 'list ' 'a:b dns machines service services web web@2'
completes 'list service d' dns
completes 'list machines ' ''
completes 'rollback web ' ''
completes 'watch ' ''
completes 'passwd anna r' 'ro rw'
completes 'list @w' '@web1.example.org @web2.example.org'
completes 'list @a' @all
completes '@ssh:x status d' dns
completes '-' '-d -e -i -m -n -p -u'
completes 'log a:' b
completes 'list @ht' '@http:// @https://'
completes 'list @https:' //

# bash itself, at a terminal: a tab, then the line is made an argument of echo
mkfifo "$tmp/keys"
printf 'PS1="> "; PS2=; . %s\n' "$top/completion/gitopper-ctl.bash" \
	>"$tmp/bashrc"
TERM=dumb timeout 60 script -qefc \
	"bash --noprofile --rcfile $tmp/bashrc -i" /dev/null \
	<"$tmp/keys" >"$tmp/typed" 2>&1 &
shell=$!
exec 9>"$tmp/keys"
ok 'bash, at a terminal' within 20 grep -q '> ' "$tmp/typed"
for line in 'list @web1' 'log a' '@all stat'; do
	printf 'gitopper-ctl %s\t\001echo is: \n' "$line" >&9
done
printf 'exit\n' >&9
wait "$shell"
exec 9>&-
for line in 'list @web1.example.org' 'log a:b' '@all status'; do
	like "a tab: $line" "$(tr -d '\r' <"$tmp/typed")" \
		"^is: gitopper-ctl $line\$"
done
done_testing
