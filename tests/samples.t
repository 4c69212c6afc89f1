#!/bin/sh
# samples.t - metrics as actions may write them, and as they may not
. tests/lib.sh
bin=${GITOPPER_BIN:-$top}/tests

# takes DESCRIPTION TEXT WANTED: what becomes of a text (both as of printf(1))
takes() {
	is "$1" "$(printf "$2" | "$bin/samples-text" web)" "$(printf "$3")"
}

# refuses DESCRIPTION TEXT WHY: and this is said of it
refuses() {
	printf "$2" >"$tmp/text"
	fails 1 "$1" "$bin/samples-text" web <"$tmp/text"
	like '  and why' "$(head -n 1 "$tmp/out")" "$3"
}

takes 'nothing' '' ''
takes 'comments and empty lines' '# a\n\n \t\n#\n# HELPER x\n' ''
takes 'a sample' 'a 1\n' 'a||\na{service="web"} 1\n'
takes 'all that belongs to one' \
	'# HELP a_total How \\\\ many.\n# TYPE a_total counter\na_total 2 -7\n' \
	'a_total|counter|How \\\\ many.\na_total{service="web"} 2 -7\n'
takes 'labels come in order, blanks go' \
	' a { z = "1" ,\tb="2", }\t+Inf\t5 \n' \
	'a||\na{service="web",b="2",z="1"} +Inf 5\n'
takes 'braces with nothing in them' 'a{} NaN\n' 'a||\na{service="web"} NaN\n'
takes 'escapes, and UTF-8' 'a{b="\\\\ \\" \\n \303\274 # {,} 1"} 1\n' \
	'a||\na{service="web",b="\\\\ \\" \\n \303\274 # {,} 1"} 1\n'
takes 'the service is ours to say' 'a{service="else",b="1"} 1\n' \
	'a||\na{service="web",b="1"} 1\n'
takes 'what was only spoken of is left out' \
	'# TYPE a gauge\n# HELP b c\nd 1\n' 'd||\nd{service="web"} 1\n'
for name in uptime_seconds up_ gitopper processes a:b _ A9; do
	takes "$name may be a name" "$name 1\n" \
		"$name||\n$name{service=\"web\"} 1\n"
done
for value in 0 -1 +1.5 .5 5. 1e9 1E-400 1.7976931348623157e308 nan -inf \
	Infinity; do
	takes "$value is a value" "a $value\n" "a||\na{service=\"web\"} $value\n"
done
takes 'a histogram' '# TYPE h histogram\nh_bucket{le="1"} 1
h_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\nh_max 1\n' \
	'h|histogram|\nh_bucket{service="web",le="1"} 1
h_bucket{service="web",le="+Inf"} 2\nh_sum{service="web"} 3
h_count{service="web"} 2\nh_max||\nh_max{service="web"} 1\n'
takes 'a summary' '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\n' \
	's|summary|\ns{service="web",quantile="0.5"} 1
s_sum{service="web"} 2\ns_count{service="web"} 3\n'

refuses 'a last line that was cut off' 'a 1\nb 2' '^line 2: it has no end$'
refuses 'bytes that are not UTF-8' '\na{b="\377"} 1\n' '^line 2: .*UTF-8$'
refuses 'overlong UTF-8' 'a{b="\300\257"} 1\n' 'UTF-8$'
refuses 'a NUL' '# \000\n' 'UTF-8$'
refuses 'the end of a line as on Windows' 'a 1\r\n' 'no number$'
for name in gitopper_service_ok process_open_fds up; do
	refuses "$name" "$name 1\n" "^line 1: $name is not an action's"
	refuses "$name with labels" "$name{a=\"b\"} 1\n" "not an action's"
	refuses "a type for $name" "# TYPE $name gauge\n" "not an action's"
	refuses "help for $name" "# HELP $name x\n" "not an action's"
done
refuses 'a family whose samples would be ours' \
	'# TYPE process histogram\nprocess_count 1\n' "not an action's"
for value in '' x 1_000 0x10 1e999 -1e999 1,5 1e 1.2.3 . - +nan "1 2 3" "1 1.5"
do
	refuses "no value: $value" "a $value\n" '^line 1: .*(number|end)'
done
refuses 'no name' '{a="b"} 1\n' 'no name$'
refuses 'a name with a digit first' '9a 1\n' 'no name$'
refuses 'a name with a dash' 'a-b 1\n' 'character that no name has'
refuses 'labels that have no end' 'a{b="c" 1\n' 'no comma'
refuses 'a value of a label that has none' 'a{b="c} 1\n' 'without its end'
refuses 'one that ends in a backslash' 'a{b="c\\"} 1\n' 'without its end'
refuses 'a label without quotes' 'a{b=c} 1\n' 'quotes'
refuses 'a label without a value' 'a{b} 1\n' 'without a value'
refuses 'a label with a colon' 'a{b:c="d"} 1\n' 'without a value'
refuses 'two commas' 'a{b="c",,d="e"} 1\n' 'without a name'
refuses 'a reserved label' 'a{__name__="b"} 1\n' 'underscores'
refuses 'an escape that is none' 'a{b="\\t"} 1\n' 'backslash'
refuses 'one in HELP' '# HELP a b\\tc\n' 'backslash'
refuses 'two labels of one name' 'a{b="1",b="2"} 1\n' 'two labels'
refuses 'the same sample twice' 'a 1\na 2\n' '^line 2: a twice$'
refuses 'whatever the order of labels' \
	'a{b="1",c="2"} 1\na{c="2",b="1"} 1\n' '^line 2: .* twice$'
refuses 'whatever it is, in a message it is plain' \
	'a{b="\303\274"} 1\na{b="\303\274"} 1\n' '^line 2: a,b="ü" twice$'
refuses 'an empty label is none' 'a{b=""} 1\na 1\n' '^line 2: a twice$'
refuses 'neither is its own service' \
	'a{service="x"} 1\na{service="y"} 1\n' '^line 2: a twice$'
refuses 'a family in two places' 'a{b="1"} 1\nc 1\na{b="2"} 1\n' \
	'^line 3: a is in another place'
refuses 'one that is part of another' \
	'c_count 1\n# TYPE c summary\nc_count 1\n' '^line 2: c_count is in'
refuses 'a second TYPE' '# TYPE a gauge\n# TYPE a gauge\na 1\n' 'second TYPE'
refuses 'a second HELP' '# HELP a b\n# HELP a c\na 1\n' 'second HELP'
refuses 'TYPE too late' 'a 1\n# TYPE a gauge\n' 'after samples'
refuses 'a TYPE that is none' '# TYPE a Gauge\n' 'TYPE that is none'
refuses 'TYPE of nothing' '# TYPE\n' 'TYPE of no name'
refuses 'HELP of no name' '# HELP a-b c\n' 'HELP of no name'
refuses 'a histogram without a label' '# TYPE h histogram\nh_bucket 1\n' \
	'label le is missing'
refuses 'a histogram as such' '# TYPE h histogram\nh 1\n' 'has only'
refuses 'a summary with an odd label' \
	'# TYPE s summary\ns{quantile="x"} 1\n' 'quantile is missing or no'

# as much as fits; and not for long: 64 KiB of what is hard to tell apart
many() {
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		printf "a{b=\"%d\"} 1\n", i }'
}
many 2000 >"$tmp/text"
ok '2000 samples' sh -c '"$0" s <"$1"' "$bin/samples-text" "$tmp/text"
many 2001 >"$tmp/text"
fails 1 'not one more' sh -c '"$0" s <"$1"' "$bin/samples-text" "$tmp/text"
like '  and why' "$(cat "$tmp/out")" '^line 2001: more than 2000 samples'
awk 'BEGIN { printf "a{"; for (i = 0; i < 9000; i++)
	printf "l%d=\"\",", 9000 - i; print "} 1" }' >"$tmp/text"
ok 'thousands of labels' timeout 20 sh -c '"$0" s <"$1"' \
	"$bin/samples-text" "$tmp/text"
awk 'BEGIN { for (i = 0; i < 6000; i++) print "# HELP a" i " b" }' >"$tmp/text"
ok 'thousands of families' timeout 20 sh -c '"$0" s <"$1"' \
	"$bin/samples-text" "$tmp/text"
done_testing
