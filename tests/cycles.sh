# cycles.sh - states with many services on one upstream, for cycle.t, bench.sh
# Needs lib.sh and servers.sh before it.

# services STATE COUNT URL: a state directory with services s0, s1, ... of one
# upstream, each with one directory, as generate.sh makes them
services() {
	i=0
	while [ "$i" -lt "$2" ]; do
		mkdir -p "$1/s$i/ctl" || return 1
		printf 'machine=here\nservice=s%d\nupstream=%s\nbranch=main\n%s\n' \
			"$i" "$3" "dir=s$i		dir" >"$1/s$i/conf" || return 1
		i=$((i + 1))
	done
}

# make_cycle: $tmp/cycle STATE runs the whole pipe once on all its services
make_cycle() {
	cat >"$tmp/cycle" <<-'EOF'
	#!/bin/sh
	GITOPPER_STATE=$1
	export GITOPPER_STATE
	cd "$1" && printf '%s\n' * |
	gitopper-act -x package | gitopper-pull -f | gitopper-act -k check |
	gitopper-window | gitopper-pull -p | gitopper-mount | gitopper-act |
	gitopper-act -k health >/dev/null
	EOF
	chmod 755 "$tmp/cycle"
}

# written STATE: what tells whether a file of a service was written
written() {
	find "$1"/[!.]* -printf '%p %i %s %T@ %C@\n' | sort
}
