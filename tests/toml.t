#!/bin/sh
# toml.t - TOML: values and places, errors and places, limits, and toml-test
#
# Cases are `valid DESCRIPTION TOML LINES` and `invalid DESCRIPTION TOML ERROR`
# with printf's %b escapes in TOML and LINES. The latter are what toml-json -l
# prints: line:column of key:column of value, type, path, value.
. tests/lib.sh
toml=${GITOPPER_BIN:-$top}/tests/toml-json
[ -x "$toml" ] || toml=$top/tests/toml-json
replay=${toml%toml-json}replay-toml

parse() {
	"$toml" "$@" <"$tmp/in" 2>&1 || echo "exit $?"
}

valid() {
	printf %b "$2" >"$tmp/in"
	is "$1" "$(parse -l)" "$(printf %b "$3")"
}

invalid() {
	printf %b "$2" >"$tmp/in"
	is "$1" "$(parse)" "$3
exit 1"
}

# tagged DESCRIPTION TOML JSON
tagged() {
	printf %b "$2" >"$tmp/in"
	is "$1" "$(parse)" "$3"
}

### the document
tagged 'nothing' '' '{}'
tagged 'a blank line and a comment without end of line' '\n\t # x' '{}'
valid 'a byte order mark takes no column' '\0357\0273\0277a = 1' \
	'1:1:5 integer a "1"'
valid 'CRLF ends lines' 'a = 1\r\nb = 2 # x\r\n' \
	'1:1:5 integer a "1"\n2:1:5 integer b "2"'
invalid 'a second byte order mark' '\0357\0273\0277\0357\0273\0277a = 1' \
	'1:1: expected a key'
invalid 'bare CR' 'a = 1\rb = 2' '1:6: carriage return without line feed'
invalid 'CR at the end' '# x\r' '1:4: carriage return without line feed'
invalid 'NUL' 'a = 1\n# \0' '2:3: control character 0x00'
invalid 'DEL' "a = '\0177'" '1:6: control character 0x7f'
invalid 'form feed' 'a = 1\n\f' '2:1: control character 0x0c'
invalid 'Latin-1' '# \0344' '1:3: this is not UTF-8'
invalid 'UTF-8, cut short' 'a = "\0342\0202' '1:6: this is not UTF-8'
invalid 'UTF-8, too long a form' '# \0300\0200' '1:3: this is not UTF-8'
invalid 'UTF-8, a surrogate' '# \0355\0240\0200' '1:3: this is not UTF-8'
invalid 'UTF-8, past U+10FFFF' '# \0364\0220\0200\0200' \
	'1:3: this is not UTF-8'
invalid 'two pairs in a line' 'a = 1 b = 2' \
	'1:7: expected the end of the line'
invalid 'something after a header' '[a] b = 1' \
	'1:5: expected the end of the line'

### keys
valid 'bare keys' 'a-b_C = 1\n34 = 2' \
	'1:1:9 integer a-b_C "1"\n2:1:6 integer 34 "2"'
valid 'quoted keys' "\"a b\" = 1\n'c\"d' = 2\n\"\" = 3" \
	'1:1:9 integer a b "1"\n2:1:9 integer c"d "2"\n3:1:6 integer  "3"'
valid 'dotted keys, with blanks' ' a . "b" .c = 1\na.d = 2' \
	'1:2:2 table a
1:6:6 table a.b
1:11:15 integer a.b.c "1"
2:3:7 integer a.d "2"'
valid 'columns are bytes' '"\0303\0244" = 1' '1:1:8 integer \0303\0244 "1"'
tagged 'a key with a NUL is another key' '"a\\u0000b" = 1\na = 2' \
'{"a\u0000b":{"type":"integer","value":"1"},"a":{"type":"integer","value":"2"}}'
invalid 'a key twice' 'x = 0\na = 1\n  a = 2' \
	'3:3: a is already defined at 2:1'
invalid 'a key twice, in other quotes' "a = 1\n'a' = 2" \
	'2:1: a is already defined at 1:1'
invalid 'a key twice, once escaped' 'a = 1\n"\\u0061" = 2' \
	'2:1: a is already defined at 1:1'
invalid 'what could move a cursor is not shown' '"\\u001b" = 1\n"\\u001b" = 2' \
	'2:1: ? is already defined at 1:1'
invalid 'no key' ' = 1' '1:2: expected a key'
invalid 'no key behind a dot' 'a. = 1' '1:4: expected a key'
invalid 'no =' 'a\n= 1' '1:2: expected = after the key'
invalid 'a bare key in UTF-8' '\0303\0244 = 1' '1:1: expected a key'
invalid 'a multi-line key' '"""a""" = 1' '1:3: expected = after the key'
invalid 'a key that is not closed' '"a = 1' '1:1: this string is not closed'

### strings
valid 'escapes' 'a = "\\b\\t\\n\\f\\r\\"\\\\ \\u00e4 \\U0001F600"' \
	'1:1:5 string a "\\u0008\\u0009\\u000a\\u000c\\u000d\\"\\\\'\
' \0303\0244 \0360\0237\0230\0200"'
valid 'a literal string' "a = 'C:\\\\x'" '1:1:5 string a "C:\\\\x"'
valid 'empty strings' "a = \"\"\nb = ''\nc = \"\"\"\"\"\"\nd = ''''''" \
	'1:1:5 string a ""\n2:1:5 string b ""
3:1:5 string c ""\n4:1:5 string d ""'
valid 'a multi-line string, and the line after it' \
	'a = """\nx\r\n\ty"""\nb = 1' \
	'1:1:5 string a "x\\u000a\\u0009y"\n4:1:5 integer b "1"'
valid 'a multi-line literal string' "a = '''x\\\\\ny'''" \
	'1:1:5 string a "x\\\\\\u000ay"'
valid 'a backslash at the end of a line' \
	'a = """x \\  \n\n \t y\\\r\n"""\nb = 1' \
	'1:1:5 string a "x y"\n5:1:5 integer b "1"'
valid 'quotes beside the closing quotes' "a = '''''x'''''\nb = '''a''b'''" \
	"1:1:5 string a \"''x''\"\n2:1:5 string b \"a''b\""
invalid 'six closing quotes' 'a = """x""""""' \
	'1:14: expected the end of the line'
invalid 'a string to the end of the line' 'a = "x\nb = 1' \
	'1:5: this string is not closed'
invalid 'a multi-line string is reported where it begins' 'a = """\n\nx""' \
	'1:5: this string is not closed'
invalid 'an unknown escape' 'a = "xy\\z"' '1:8: bad escape in a string'
invalid 'an escaped line end in one line' 'a = "x\\\n"' \
	'1:7: bad escape in a string'
invalid 'an escaped blank' 'a = """\nx\\ y"""' '2:2: bad escape in a string'
invalid 'an escape at the end' 'a = "\\' '1:6: bad escape in a string'
invalid 'too few digits' 'a = "\\u12 "' '1:6: \u needs 4 hex digits'
invalid 'too few digits, at the end' 'a = "\\U1234567' \
	'1:6: \U needs 8 hex digits'
invalid 'an escaped surrogate' 'a = "\\ud800"' \
	'1:6: no character has the number d800'
invalid 'an escape past U+10FFFF' 'a = "\\U00110000"' \
	'1:6: no character has the number 00110000'

### numbers and booleans
valid 'integers' 'a = +0\nb = -1_000\nc = 0xDead_beef\nd = 0o755\ne = 0b1_0' \
	'1:1:5 integer a "0"\n2:1:5 integer b "-1000"
3:1:5 integer c "3735928559"\n4:1:5 integer d "493"\n5:1:5 integer e "2"'
valid 'the largest and the smallest integer' \
	'a = 9223372036854775807\nb = -9223372036854775808' \
	'1:1:5 integer a "9223372036854775807"
2:1:5 integer b "-9223372036854775808"'
invalid 'one more' 'a = 9223372036854775808' \
	'1:5: 9223372036854775808 is past 64 bits'
invalid 'one less' 'a = -9223372036854775809' \
	'1:5: -9223372036854775809 is past 64 bits'
invalid 'one more in hex' 'a = 0x8000000000000000' \
	'1:5: 0x8000000000000000 is past 64 bits'
valid 'floats' 'a = 1.5\nb = -2e3\nc = 6.25E-0_2\nd = 1e400\ne = -0.0' \
	'1:1:5 float a "1.5"\n2:1:5 float b "-2000"\n3:1:5 float c "0.0625"
4:1:5 float d "inf"\n5:1:5 float e "-0"'
valid 'inf and nan' 'a = [inf, +inf, -inf, nan, -nan]' \
	'1:1:5 array a
1:0:6 float a[0] "inf"\n1:0:11 float a[1] "inf"\n1:0:17 float a[2] "-inf"
1:0:23 float a[3] "nan"\n1:0:28 float a[4] "nan"'
valid 'booleans' 'a = true\nb = false' \
	'1:1:5 boolean a "true"\n2:1:5 boolean b "false"'
for word in 01 +01 0_0 1_ _1 1__2 0x 0x_1 0xfg 0o8 0b2 +0x1 0X1 . 1. .1 1.e2 \
    1e 1e+ 1_.2 1._2 1_e2 1e2.3 00.1 +-1 - inF -na True truee yes 1:32:00
do
	invalid "$word" "a = $word" "1:5: $word is not a value"
done
invalid 'no value' 'a =  ' '1:6: expected a value'
invalid 'a value on the next line' 'a =\n1' '1:4: expected a value'
invalid 'a long word is cut' "a = $(printf %060d 7)x" \
	"1:5: $(printf %040d 0) is not a value"

### dates and times
tagged 'an offset date-time' 'a = 1979-05-27t07:32:00.50z' \
	'{"a":{"type":"datetime","value":"1979-05-27T07:32:00.50Z"}}'
tagged 'a local date-time' 'a = 1979-05-27 07:32:00 # x' \
	'{"a":{"type":"datetime-local","value":"1979-05-27T07:32:00"}}'
tagged 'a local date' 'a = 1979-05-27 # 0' \
	'{"a":{"type":"date-local","value":"1979-05-27"}}'
tagged 'a local time' 'a = 00:32:00.999999' \
	'{"a":{"type":"time-local","value":"00:32:00.999999"}}'
valid 'a leap day, a leap second, an offset' \
	"a = 2000-02-29\nb = 2016-12-31T23:59:60Z\n"\
'c = 0000-01-01 00:00:00-23:59' \
	'1:1:5 local date a "2000-02-29"
2:1:5 date-time b "2016-12-31T23:59:60Z"
3:1:5 date-time c "0000-01-01T00:00:00-23:59"'
for word in 1900-02-29 2001-00-01 2001-13-01 2001-04-31 2001-1-01 2001-01-1 \
    2001-01-00 2001-01-01T 2001-01-01T24:00:00 2001-01-0100:00:00 \
    2001-01-01T00:00Z 2001-01-01T00:00:00+24:00 2001-01-01T00:00:00+01:60 \
    2001-01-01T00:00:00+1 2001-01-01Z 01:60:00 01:00:61 01:00 01:00:00. \
    01:00:00Z '2001-01-01 1'
do
	invalid "$word" "a = $word" "1:5: $word is no date or time"
done

### arrays and inline tables
valid 'arrays' 'a = [\n 1, # x\n\n  "b",\n [ ], ]\nb = 1' \
	'1:1:5 array a\n2:0:2 integer a[0] "1"\n4:0:3 string a[1] "b"
5:0:2 array a[2]\n6:1:5 integer b "1"'
invalid 'an array with commas alone' 'a = [,]' '1:6: expected a value'
invalid 'two commas' 'a = [1,,]' '1:8: expected a value'
invalid 'no comma' 'a = [1\n 2]' '2:2: expected a comma or ]'
invalid 'an array is reported where it begins' 'a = [[1],\n[2\n#]' \
	'2:1: this array is not closed'
valid 'inline tables' 'a = { b.c = 1, "d" = {}, e = [ { f = 2 } ] }' \
	'1:1:5 table a\n1:7:7 table a.b\n1:9:13 integer a.b.c "1"
1:16:22 table a.d\n1:26:30 array a.e
1:0:32 table a.e[0]\n1:34:38 integer a.e[0].f "2"'
valid 'lines in the values of an inline table' 'a = { b = [\n1], c = 2 }' \
	'1:1:5 table a\n1:7:11 array a.b\n2:0:1 integer a.b[0] "1"
2:5:9 integer a.c "2"'
invalid 'a comma before }' 'a = { b = 1, }' '1:14: expected a key'
invalid 'a line end in an inline table' 'a = { b = 1\n}' \
	'1:12: expected a comma or } in this line'
invalid 'an inline table that is not closed' 'a = {' '1:6: expected a key'
invalid 'a key twice in an inline table' 'a = { b = 1, b = 2 }' \
	'1:14: b is already defined at 1:7'

### tables
valid 'tables' '[a]\nb = 1\n[ c . "d" ]\n[c]' \
	'1:2:2 table a\n2:1:5 integer a.b "1"\n4:2:2 table c\n3:7:7 table c.d'
valid 'arrays of tables' '[[a]]\nb = 1\n[a.c]\n[[a]]\n[[a.d]]' \
	'1:3:3 array a\n1:0:3 table a[0]\n2:1:5 integer a[0].b "1"
3:4:4 table a[0].c\n4:0:3 table a[1]\n5:5:5 array a[1].d
5:0:5 table a[1].d[0]'
valid 'a table below one of dotted keys' 'a.b.c = 1\n[a.b.d]' \
	'1:1:1 table a\n1:3:3 table a.b\n1:5:9 integer a.b.c "1"
2:6:6 table a.b.d'
valid 'dotted keys into a table that a header implied' \
	'[a.b.c]\n[a]\nb.d = 1' \
	'2:2:2 table a\n1:4:4 table a.b\n1:6:6 table a.b.c
3:3:7 integer a.b.d "1"'
invalid 'a table twice' '[a]\n[b]\n[a]' '3:2: a is already defined at 1:2'
invalid 'an implied table twice' '[a.b]\n[a]\n[a]' \
	'3:2: a is already defined at 2:2'
invalid 'a table over a value' 'a = 1\n[a]' '2:2: a is already defined at 1:1'
invalid 'a table below a value' 'a = 1\n[a.b]' \
	'2:2: a at 1:1 can'\''t be extended'
invalid 'a table below an inline table' 'a = {}\n[a.b]' \
	'2:2: a at 1:1 can'\''t be extended'
invalid 'a table below a table in an inline table' 'a = { b.c = 1 }\n[a.b]' \
	'2:2: a at 1:1 can'\''t be extended'
invalid 'a table over one of dotted keys' 'a.b = 1\n[a]' \
	'2:2: a is already defined at 1:1'
invalid 'dotted keys over one of a header' '[a.b]\n[a]\nb.c = 1' \
	'3:1: b is already defined at 1:4'
invalid 'a header over one of dotted keys, once implied' \
	'[a.b.c]\n[a]\nb.d = 1\n[a.b]' '4:4: b is already defined at 1:4'
invalid 'dotted keys into an inline table' 'a = { b = 1 }\na.c = 2' \
	'2:1: a is already defined at 1:1'
invalid 'dotted keys into an array of tables' '[[a.b]]\n[a]\nb.c = 1' \
	'3:1: b is already defined at 1:5'
invalid 'one more table for an array value' 'a = []\n[[a]]' \
	'2:3: a is already defined at 1:1'
invalid 'a table below an array value' 'a = [{}]\n[a.b]' \
	'2:2: a at 1:1 can'\''t be extended'
invalid 'an array of tables over a table' '[a]\n[[a]]' \
	'2:3: a is already defined at 1:2'
invalid 'a table over an array of tables' '[[a]]\n[a]' \
	'2:2: a is already defined at 1:3'
invalid 'an array of tables over an implied table' '[[a.b]]\n[[a]]' \
	'2:3: a is already defined at 1:3'
invalid 'an empty header' '[]' '1:2: expected a key'
invalid 'an empty part' '[a..b]' '1:4: expected a key'
invalid 'a header that is not closed' '[a\n]' '1:3: expected ]'
invalid 'a header of an array, half closed' '[[a]\n' '1:4: expected ]]'
invalid 'blanks between brackets' '[[a] ]' '1:4: expected ]]'

### limits
# repeat N TEXT: N times the text
repeat() {
	awk -v n="$1" -v s="$2" 'BEGIN { while (n-- > 0) printf "%s", s }'
}
ok '64 levels' sh -c "echo 'a = $(repeat 63 [)1$(repeat 63 ])' | '$toml'"
invalid '65 levels of arrays' "a = $(repeat 64 [)1$(repeat 64 ])" \
	'1:69: more than 64 levels deep'
invalid '100000 open brackets' "a = $(repeat 100000 [)" \
	'1:69: more than 64 levels deep'
invalid '65 levels of inline tables' "a = $(repeat 65 '{a=')" \
	'1:195: more than 64 levels deep'
invalid '65 levels of dotted keys' "$(repeat 65 a.)a = 1" \
	'1:129: more than 64 levels deep'
invalid '65 levels in a header' "[$(repeat 65 a.)a]" \
	'1:130: more than 64 levels deep'

# big DESCRIPTION AWK: it parses well before a quadratic parser could
big() {
	awk "BEGIN { for (i = 0; i < 200000; i++) $2 }" >"$tmp/in"
	ok "$1" sh -c "timeout 20 '$toml' <'$tmp/in' >/dev/null"
}
big '200000 keys in a table' 'print "key" i " = \"value\""'
big '200000 tables' 'print "[a." i "]\nb = 1"'
big '200000 tables in an array' 'print "[[a]]\nb = 1\n[a.c]"'
big '200000 dotted keys' 'print "a.b." i " = 1"'
big '200000 values in a line' 'printf "%s", i ? "{}," : "a = ["; print "]"'

### the corpus of the fuzzer
ok 'the corpus' "$replay" tests/corpus/toml/*

### toml-test, where it is
suite=${TOML_TEST:-../shared/toml-test}
if [ ! -d "$suite" ]; then
	echo "# no toml-test in $suite"
	done_testing
	exit
fi
perl - "$toml" "$suite" "$tests" >"$tmp/suite" <<'END'
use strict;
use warnings;
use File::Find;
use JSON::PP;

my ($toml, $suite, $n) = @ARGV;
my @files;

# two tagged values are the same: floats by number, times without final zeros
sub leaf {
	my ($type, $v) = @{$_[0]}{qw(type value)};
	return "$type nan" if $type eq 'float' && $v =~ /nan/;
	return $type . ' ' . ($v + 0) if $type eq 'float';
	$v =~ s/(\.\d*?)0+(?!\d)/$1/, $v =~ s/\.(?!\d)// if $type =~ /time/;
	return "$type $v";
}

sub same {
	my ($x, $y) = @_;
	return 0 if ref $x ne ref $y;
	if (ref $x eq 'ARRAY') {
		return @$x == @$y &&
			!grep { !same($x->[$_], $y->[$_]) } 0 .. $#$x;
	}
	return 0 if join("\0", sort keys %$x) ne join("\0", sort keys %$y);
	return leaf($x) eq leaf($y) if exists $x->{type} && !ref $x->{type};
	return !grep { !same($x->{$_}, $y->{$_}) } keys %$x;
}

sub slurp {
	open my $f, '<', $_[0] or die "$_[0]: $!";
	local $/;
	return scalar <$f>;
}

my $wanted = sub { push @files, $_ if /\.toml$/ };
find({ no_chdir => 1, wanted => $wanted }, $suite);
for my $file (sort @files) {
	my $got = `exec '$toml' <'$file' 2>&1`;
	my $ok;
	if ($file =~ m{/invalid/}) {
		$ok = $? == 1 << 8 && $got =~ /^\d+:\d+: .+\n\z/;
	} else {
		(my $json = $file) =~ s/toml$/json/;
		$ok = $? == 0 &&
			same(decode_json($got), decode_json(slurp($json)));
	}
	(my $name = $file) =~ s{^\Q$suite\E/}{};
	print $ok ? 'ok ' : 'not ok ', ++$n, " - $name\n";
	print "#   status $?, $_\n" for $ok ? () : split /\n/, $got;
}
END
status=$?
cat "$tmp/suite"
tests=$((tests + $(grep -Ec '^(not )?ok ' "$tmp/suite")))
failed=$((failed + $(grep -c '^not ok ' "$tmp/suite")))
echo "perl ended with $status" >"$tmp/out"
[ "$status" -eq 0 ] && grep -q '^ok .*/' "$tmp/suite"
result $? "all of toml-test"
done_testing
