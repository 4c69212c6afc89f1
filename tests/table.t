#!/bin/sh
# table.t - what gitopper-ctl prints on a terminal: width and colours
. tests/lib.sh

one=1111111111111111111111111111111111111111
for s in broken diff freeze ok rollback; do
	mkdir -p "$GITOPPER_STATE/$s/ctl"
	echo "service=$s" >"$GITOPPER_STATE/$s/conf"
	printf '%s\n' "hash=$one" "applied=$one" >"$GITOPPER_STATE/$s/status"
done
long='act: exit status 1: caf\303\251 \303\251\303\251\303\251\303\251\303\251'
printf "error=$long, and so on, to the end\n" >>"$GITOPPER_STATE/broken/status"
echo error=pull: no >>"$GITOPPER_STATE/diff/status"
: >"$GITOPPER_STATE/freeze/ctl/frozen"
echo 2222222 >"$GITOPPER_STATE/rollback/ctl/pin"
esc=$(printf '\033')

# on COLUMNS COMMAND: what a terminal of that width gets
on() {
	script -qefc "stty cols $1 2>/dev/null; $2" /dev/null </dev/null |
	tr -d '\r'
}
NO_COLOR=1 TERM=xterm
export NO_COLOR TERM
unset COLUMNS

# what is said where no runner runs would stand between the lines
mkfifo "$GITOPPER_STATE/.running"
chmod 644 "$GITOPPER_STATE/.running"
exec 8<>"$GITOPPER_STATE/.running"
plain=$(gitopper-ctl list)
is 'as wide as it gets' "$(on 200 'gitopper-ctl list')" "$plain"
is 'cut to fit' "$(on 60 'gitopper-ctl list' | sed -n 1,3p)" \
"#  SERVICE   HASH      STATE     INFO                  SINCE
0  broken    11111111  BROKEN    act: exit status ...  -
1  diff      11111111  DIFF      pull: no              -"
for columns in 50 60 70 75; do
	is "no line is longer than $columns" "$(on $columns \
		'gitopper-ctl list' | perl -CS -nle \
		"print if length > $columns")" ''
done
like 'characters are not cut in two' "$(on 72 'gitopper-ctl list' |
	sed -n 2p)" "^0  broken .* act: exit status 1: caf$(printf '\303\251')"
is 'but not to nothing' "$(on 20 'gitopper-ctl list' | sed -n 2p)" \
	'0  broken    11111111  BROKEN    act: ...  -'
is 'COLUMNS counts more' "$(COLUMNS=60 on 200 'gitopper-ctl list')" \
	"$(on 60 'gitopper-ctl list')"
is 'but not for a file' "$(COLUMNS=60 gitopper-ctl list)" "$plain"
is 'a terminal that knows no width' "$(on 0 'gitopper-ctl list')" "$plain"
is 'JSON is never cut' "$(on 20 'gitopper-ctl -m list')" \
	"$(gitopper-ctl -m list)"

unset NO_COLOR
coloured=$(on 200 'gitopper-ctl list')
is 'colours' "$(printf '%s\n' "$coloured" |
	sed -n "s/.*$esc\[\([0-9]*\)m\([A-Z]*\)$esc\[m.*/\1 \2/p")" '31 BROKEN
35 DIFF
36 FREEZE
32 OK
33 ROLLBACK'
is 'and nothing else' "$(printf '%s\n' "$coloured" |
	sed "s/$esc\[[0-9]*m//g")" "$plain"
like 'in lines as well' "$(on 80 'gitopper-ctl status ok')" \
	"^state:     $esc\[32mOK$esc\[m$"
for how in NO_COLOR=1 TERM=dumb TERM=; do
	is "none with $how" "$(on 200 "env $how gitopper-ctl list")" "$plain"
done
is 'an empty NO_COLOR says nothing' \
	"$(on 200 'env NO_COLOR= gitopper-ctl list')" "$coloured"
is 'none in a file' "$(gitopper-ctl list)" "$plain"
is 'none in JSON' "$(on 200 'gitopper-ctl -m list')" "$(gitopper-ctl -m list)"
done_testing
