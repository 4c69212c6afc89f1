#!/bin/sh
# speed.sh - prints how many times as long as usual things take here and now
# 1 is a machine with nothing else to do: 100 programs in 200 ms. The tests
# multiply their deadlines with that.
began=$(date +%s%N)
i=0
while [ $((i += 1)) -le 50 ]; do
	stat -c '' / >/dev/null
	sed q /dev/null
done
ms=$((($(date +%s%N) - began) / 1000000))
slow=$(((ms + 199) / 200))
[ "$slow" -ge 1 ] || slow=1	# somebody set the clock
[ "$slow" -le 20 ] || slow=20
echo "$slow"
