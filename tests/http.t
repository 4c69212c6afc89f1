#!/bin/sh
# http.t - requests: what they mean, which are refused, and when that is known
#
# In the input of `req` and its kin printf's %b is understood, and \n is CRLF;
# in that of `raw` it is LF. What is expected is what http-text prints (it tries
# each input whole, byte by byte, and in pieces), of a refusal just the status.
. tests/lib.sh
text=${GITOPPER_BIN:-$top}/tests/http-text

# parsed FLAGS: what it says of $tmp/in; of a status nothing but that
parsed() {
	out=$("$text" "$@" <"$tmp/in" 2>&1) || out="$out
exit $?"
	printf '%s\n' "${out%% after*}"
}

# raw DESCRIPTION INPUT WANTED [FLAG...]
raw() {
	desc=$1 want=$3
	printf %b "$2" >"$tmp/in"
	shift 3
	is "$desc" "$(parsed "$@")" "$(printf %b "$want")"
}

req() {
	desc=$1 in=$2 want=$3; shift 3
	raw "$desc" "$in" "$want" -c "$@"
}

# line DESCRIPTION LINE WANTED: the first line of a good request
line() {
	req "$1" "$2\nHost: h\n\n" "$3"
}

# path DESCRIPTION TARGET WANTED: of GET
path() {
	case $3 in
	/*) line "$1" "GET $2 HTTP/1.1" "GET $3 1.1 h keep" ;;
	*) line "$1" "GET $2 HTTP/1.1" "$3" ;;
	esac
}

# host DESCRIPTION VALUE WANTED: of Host, `ok` being that it is taken
host() {
	want=$3
	[ "$want" != ok ] || want="GET / 1.1 $2 keep"
	req "$1" "GET / HTTP/1.1\nHost: $2\n\n" "$want"
}

# field DESCRIPTION FIELDS WANTED: besides Host
field() {
	req "$1" "POST / HTTP/1.1\nHost: h\n$2\n\n" "$3"
}

# body DESCRIPTION FIELDS BODY WANTED
body() {
	req "$1" "POST / HTTP/1.1\nHost: h\n$2\n\n$3" "$4"
}

# chunks DESCRIPTION CHUNKS WANTED [FLAG...]: WANTED is a body, or a status
chunks() {
	desc=$1 in=$2 want=$3; shift 3
	case $want in
	=*) want="POST / 1.1 h keep${want#=}" ;;
	esac
	req "$desc" "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n$in" \
		"$want" "$@"
}

# known DESCRIPTION INPUT WANTED [FLAG...]: with the bytes that it took
known() {
	desc=$1 want=$3
	printf %b "$2" >"$tmp/in"
	shift 3
	is "$desc" "$("$text" -c "$@" <"$tmp/in" 2>&1 | cut -d ' ' -f -3)" \
		"$want"
}

# many N TEXT: it, so many times
many() {
	perl -e 'print $ARGV[1] x $ARGV[0]' "$1" "$2"
}

### the request line (RFC 9112, 3)
line 'GET' 'GET / HTTP/1.1' 'GET / 1.1 h keep'
for m in HEAD POST PUT DELETE OPTIONS PATCH TRACE; do
	line "$m" "$m /x HTTP/1.1" "$m /x 1.1 h keep"
done
line 'a method that nobody knows: 501 (RFC 9110, 9.1)' 'BREW / HTTP/1.1' 501
line 'methods have their case (RFC 9110, 9.1)' 'get / HTTP/1.1' 501
line 'the start of a known method' 'GE / HTTP/1.1' 501
line 'more than a known method' 'GETS / HTTP/1.1' 501
line 'a method that is no token' 'G(T / HTTP/1.1' 400
line 'no method' ' / HTTP/1.1' 400
line 'CONNECT: there is no proxy here' 'CONNECT h:1 HTTP/1.1' 501
line 'two spaces before the target' 'GET  / HTTP/1.1' 400
line 'two spaces before the version' 'GET /  HTTP/1.1' 400
line 'a space behind the version' 'GET / HTTP/1.1 ' 400
line 'a space before the method' ' GET / HTTP/1.1' 400
line 'a tab for a space' 'GET\t/ HTTP/1.1' 400
line 'a tab for the other space' 'GET /\tHTTP/1.1' 400
line 'a space in the target' 'GET /a b HTTP/1.1' 400
line 'no target' 'GET HTTP/1.1' 400
line 'an empty target' 'GET  HTTP/1.1' 400
line 'nothing but a method' 'GET' 400
raw 'a NUL' 'GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n' 400
raw 'DEL' 'GET /\0177 HTTP/1.1\r\nHost: h\r\n\r\n' 400
raw 'an escape sequence' 'GET /\033[m HTTP/1.1\r\nHost: h\r\n\r\n' 400
raw 'bytes that are not ASCII' 'GET /\0303\0244 HTTP/1.1\r\nHost: h\r\n\r\n' 400

### versions (RFC 9110, 2.5)
req 'HTTP/1.0 ends the connection, and needs no Host' \
	'GET / HTTP/1.0\n\n' 'GET / 1.0 - close'
line 'HTTP/1.2 is read as 1.1' 'GET / HTTP/1.2' 'GET / 1.1 h keep'
line 'HTTP/1.9 as well' 'GET / HTTP/1.9' 'GET / 1.1 h keep'
line 'HTTP/2.0' 'GET / HTTP/2.0' 505
line 'HTTP/3.0' 'GET / HTTP/3.0' 505
line 'HTTP/0.9' 'GET / HTTP/0.9' 505
line 'HTTP/9.9' 'GET / HTTP/9.9' 505
req "HTTP/2's preface (RFC 9113, 3.4)" 'PRI * HTTP/2.0\n\nSM\n\n' 505
line 'a simple request of HTTP/0.9' 'GET /' 400
line 'HTTP/1' 'GET / HTTP/1' 400
line 'HTTP/2' 'GET / HTTP/2' 400
line 'HTTP/1.' 'GET / HTTP/1.' 400
line 'HTTP/1.10' 'GET / HTTP/1.10' 400
line 'HTTP/01.1' 'GET / HTTP/01.1' 400
line 'HTTP/1,1' 'GET / HTTP/1,1' 400
line 'http/1.1 (RFC 9112, 2.3: it has its case)' 'GET / http/1.1' 400
line 'HTTP/-1.1' 'GET / HTTP/-1.1' 400
line 'another protocol' 'GET / ICAP/1.0' 400

### targets (RFC 9112, 3.2)
path 'origin form' /list/services /list/services
path 'with a query' '/watch?since=0' '/watch ?since=0'
path 'an empty query' '/a?' /a
path 'a question mark in the query' '/a?b?c' '/a ?b?c'
path 'a query stays encoded' '/a?b=%2f%zz+' '/a ?b=%2f%zz+'
path 'two slashes' //a//b //a//b
path 'no slash' a 400
path 'a fragment' '/a#b' 400
path 'a fragment behind the query' '/a?b#c' 400
req 'absolute form, whose host counts (RFC 9112, 3.2.2)' \
	'GET http://x:1/a?b HTTP/1.1\nHost: h\n\n' 'GET /a ?b 1.1 x:1 keep'
req 'absolute form with https, in any case' \
	'GET hTTpS://x/a HTTP/1.1\nHost: h\n\n' 'GET /a 1.1 x keep'
req 'absolute form without a path' \
	'GET http://x HTTP/1.1\nHost: h\n\n' 'GET / 1.1 x keep'
req 'absolute form, a query without a path' \
	'GET http://x?a=b HTTP/1.1\nHost: h\n\n' 'GET / ?a=b 1.1 x keep'
req 'absolute form, IPv6' \
	'GET http://[::1]:80/ HTTP/1.1\nHost: h\n\n' 'GET / 1.1 [::1]:80 keep'
req 'absolute form, and no Host' 'GET http://x/ HTTP/1.1\n\n' 400
req 'absolute form in HTTP/1.0' 'GET http://x/ HTTP/1.0\n\n' 'GET / 1.0 x close'
path 'absolute form with a user (RFC 9110, 4.2.4)' 'http://u@x/' 400
path 'absolute form with an empty host (RFC 9110, 4.2.1)' 'http:///' 400
path 'absolute form with a port alone' 'http://:80/' 400
path 'another scheme' 'ftp://x/' 400
path 'a scheme, one slash' 'http:/x/' 400
path 'a scheme alone' 'http:' 400
path 'authority form' 'x:80' 400
line 'asterisk form' 'OPTIONS * HTTP/1.1' 'OPTIONS * 1.1 h keep'
line 'asterisk form for anything else' 'GET * HTTP/1.1' 400
line 'an asterisk and more' 'OPTIONS *?a HTTP/1.1' 400

### paths (RFC 3986, 2.1)
path 'escapes are decoded' /%61%2Bb+c /a+b+c
path 'in either case' /%c3%A4 '/\\xc3\\xa4'
path 'an escaped question mark' '/a%3fb?c' '/a?b ?c'
path 'an escaped percent sign is decoded once' /%2541 /%41
path 'an escaped NUL' /%00 400
path 'an escaped line feed' /a%0ab 400
path 'an escaped DEL' /%7f 400
path 'an escaped slash' /a%2Fb 400
path 'half an escape' /%4 400
path 'a percent sign' /% 400
path 'half an escape before the query' '/%4?1' 400
path 'no hexadecimal digits' /%4g 400
path 'a sign in an escape' /%+1 400
path 'a dot segment' /./a 400
path 'two dots' /a/../b 400
path 'two dots at the end' /a/.. 400
path 'a dot at the end' /a/. 400
path 'two dots, escaped' /a/%2e%2E/b 400
path 'a dot, escaped' /%2e 400
path 'three dots are a name' /.../..a/a../.a '/.../..a/a../.a'

### line ends (RFC 9112, 2.2)
raw 'LF ends a line of the head' 'GET / HTTP/1.1\nHost: h\nA: b\n\n' \
	'GET / 1.1 h keep\nHost: h\nA: b' -f
raw 'LF and CRLF mixed' 'GET / HTTP/1.1\nHost: h\r\n\n' 'GET / 1.1 h keep'
raw 'CR in the first line' 'GET / HTTP/1.1\rHost: h\r\n\r\n' 400
raw 'CR in a value' 'GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n' 400
raw 'CR CR LF' 'GET / HTTP/1.1\r\r\nHost: h\r\n\r\n' 400
raw 'CR behind the fields' 'GET / HTTP/1.1\r\nHost: h\r\n\r\r\n' 400
raw 'CR LF CR, and another byte' 'GET / HTTP/1.1\r\nHost: h\r\n\rX' 400
req 'an empty line before a request' '\nGET / HTTP/1.0\n\n' 'GET / 1.0 - close'
raw 'empty lines, one of LF' '\r\n\nGET / HTTP/1.0\n\n' 'GET / 1.0 - close'
req 'eight of them' "$(many 8 '\n')GET / HTTP/1.0\n\n" 'GET / 1.0 - close'
req 'nine of them' "$(many 9 '\n')GET / HTTP/1.0\n\n" 400
req 'empty lines alone are no request' '\n\n' more
req 'a blank line that is not empty' ' \nGET / HTTP/1.0\n\n' 400
raw 'CR before a request' '\rGET / HTTP/1.0\r\n\r\n' 400
req 'nothing at all' '' ''

### fields (RFC 9112, 5; RFC 9110, 5.5)
req 'names keep their case, values lose their blanks' \
	'GET / HTTP/1.0\nA-b:c\nD: \te f\t \nG:\nH: \t\n\n' \
	'GET / 1.0 - close\nA-b: c\nD: e f\nG: \nH: ' -f
req 'all that a token may have' "GET / HTTP/1.0\n!#\$%&'*+-.^_\`|~09azAZ: x\n\n" \
	"GET / 1.0 - close\n!#\$%&'*+-.^_\`|~09azAZ: x" -f
raw 'bytes that are not ASCII, in a value' \
	'GET / HTTP/1.0\nA: \0377\n\n' 'GET / 1.0 - close\nA: \\xff' -f
field 'a folded line (RFC 9112, 5.2)' 'A: b\n c' 400
field 'one folded by a tab' 'A: b\n\tc' 400
req 'a folded line at the start (RFC 9112, 2.2)' \
	'GET / HTTP/1.1\n Host: h\n\n' 400
field 'a folded line of blanks' 'A: b\n ' 400
field 'a space before the colon (RFC 9112, 5.1)' 'A : b' 400
field 'a tab before the colon' 'A\t: b' 400
field 'a space in a name' 'A b: c' 400
field 'no name' ': b' 400
field 'no colon' 'A' 400
field 'a name that is no token' 'A(b): c' 400
field 'a quote in a name' 'A"b": c' 400
raw 'a name that is not ASCII' 'GET / HTTP/1.0\n\0303\0244: x\n\n' 400
raw 'a NUL in a value' 'GET / HTTP/1.0\nA: b\0c\n\n' 400
raw 'a NUL in a name' 'GET / HTTP/1.0\nA\0: b\n\n' 400
raw 'a vertical tab in a value' 'GET / HTTP/1.0\nA: b\0013c\n\n' 400
raw 'DEL in a value' 'GET / HTTP/1.0\nA: \0177\n\n' 400

### Host (RFC 9112, 3.2; RFC 9110, 7.2)
host 'a name' www.example.org ok
host 'a name with a port' h:9222 ok
host 'an address' 127.0.0.1:80 ok
host 'IPv6' '[2001:db8::1]' ok
host 'IPv6 with a port' '[::ffff:1.2.3.4]:65535' ok
host 'an underscore, a dot at the end' my_host. ok
host 'an empty port' h: ok
req 'an empty one is said to be possible' \
	'GET / HTTP/1.1\nHost:\n\n' 'GET / 1.1  keep'
req 'none in HTTP/1.1' 'GET / HTTP/1.1\nA: b\n\n' 400
req 'no field at all in HTTP/1.1' 'GET / HTTP/1.1\n\n' 400
field 'two' 'Host: x' 400
field 'two of the same, in another case' 'hOST: h' 400
req 'two in HTTP/1.0' 'GET / HTTP/1.0\nHost: a\nHost: a\n\n' 400
req 'a bad one in HTTP/1.0' 'GET / HTTP/1.0\nHost: a b\n\n' 400
host 'two in one' 'a, b' 400
host 'a path' h/x 400
host 'a scheme' http://h 400
host 'a user' u@h 400
host 'a port that is none' h:x 400
host 'a port and more' h:80x 400
host 'two ports' h:80:81 400
host 'a port past 65535' h:65536 400
host 'a port far past it' h:18446744073709551696 400
host 'a negative port' h:-1 400
host 'a port alone' :80 400
host 'IPv6 without brackets' ::1 400
host 'IPv6, left open' '[::1' 400
host 'IPv6 that is none' '[1:2]' 400
host 'IPv6 in one bracket too many' '[[::1]]' 400
host 'IPv6 and more' '[::1]x' 400
host 'nothing in brackets' '[]' 400
host 'too much in brackets' "[$(many 50 ::1)]" 400
host 'a quote' "h'" 400
host 'an escape' h%41 400
raw 'a name that is not ASCII' 'GET / HTTP/1.1\nHost: \0344\n\n' 400

### Connection (RFC 9112, 9.3)
field 'close' 'Connection: close' 'POST / 1.1 h close'
field 'CLOSE, in a list' 'Connection: x,, CLOSE , y' 'POST / 1.1 h close'
field 'keep-alive' 'Connection: keep-alive' 'POST / 1.1 h keep'
field 'close wins' 'Connection: keep-alive, close' 'POST / 1.1 h close'
field 'in two fields' 'Connection: close\nConnection: keep-alive' \
	'POST / 1.1 h close'
field 'what only begins like it' 'Connection: closed, not close' \
	'POST / 1.1 h keep'
req 'keep-alive in HTTP/1.0' 'GET / HTTP/1.0\nConnection: Keep-Alive\n\n' \
	'GET / 1.0 - keep'
req 'close and keep-alive in HTTP/1.0' \
	'GET / HTTP/1.0\nConnection: close, keep-alive\n\n' 'GET / 1.0 - close'

### Content-Length (RFC 9110, 8.6)
body 'a body' 'Content-Length: 3' 'a=b' 'POST / 1.1 h keep =a=b'
body 'an empty one' 'Content-Length: 0' '' 'POST / 1.1 h keep'
body 'without Content-Length none (RFC 9112, 6.3)' 'A: b' '' 'POST / 1.1 h keep'
body 'a body is bytes' 'Content-Length: 4' '\0\0377\r;' \
	'POST / 1.1 h keep =\\x00\\xff\\x0d;'
body 'zeros in front' 'Content-Length: 0003' abc 'POST / 1.1 h keep =abc'
body 'twice the same' 'Content-Length: 3\ncontent-length: 3' abc \
	'POST / 1.1 h keep =abc'
body 'a byte is missing' 'Content-Length: 3' ab more
for bad in '' +3 -3 3a a 0x3 3.0 '3 3' '3,3' '"3"' 1e1 '3;' 0b1 ' + 3'; do
	body "'$bad'" "Content-Length: $bad" abc 400
done
body 'two that differ (RFC 9112, 6.3)' \
	'Content-Length: 3\nContent-Length: 4' abcd 400
body 'one and none' 'Content-Length: 3\nContent-Length:' abc 400
body '2^64' 'Content-Length: 18446744073709551616' abc 413
body '2^64 + 3' 'Content-Length: 18446744073709551619' abc 413
body '2^63' 'Content-Length: 9223372036854775808' abc 413
body 'a hundred digits' "Content-Length: $(many 100 9)" abc 413
req 'of GET as well' 'GET / HTTP/1.1\nHost: h\nContent-Length: 1\n\nx' \
	'GET / 1.1 h keep =x'
req 'in HTTP/1.0' 'POST / HTTP/1.0\nContent-Length: 1\n\nx' \
	'POST / 1.0 - close =x'

### Transfer-Encoding (RFC 9112, 6.1 and 6.3)
te='Transfer-Encoding:'
body 'chunked' "$te chunked" '3\nabc\n0\n\n' 'POST / 1.1 h keep =abc'
body 'in any case, with an empty element (RFC 9110, 5.6.1)' "$te , CHUNKED" \
	'0\n\n' 'POST / 1.1 h keep'
body 'another coding before it: 501' "$te gzip, chunked" '0\n\n' 501
body 'in two fields' "$te gzip\n$te chunked" '0\n\n' 501
body 'identity is gone since RFC 7230' "$te identity, chunked" '0\n\n' 501
body 'another coding at the end: 400' "$te gzip" '' 400
body 'chunked is not the last' "$te chunked, gzip" '0\n\n' 400
body 'chunked twice' "$te chunked, chunked" '0\n\n' 400
body 'chunked twice, in two fields' "$te chunked\n$te chunked" '0\n\n' 400
body 'none at all' "$te" '' 400
body 'chunked with a parameter' "$te chunked;a=b" '0\n\n' 400
body 'almost chunked' "$te xchunked" '0\n\n' 400
body 'in quotes' "$te \"chunked\"" '0\n\n' 400
body 'chunked in quotes of another' "$te gzip;a=\", chunked, \"" '0\n\n' 400
raw 'a vertical tab before chunked' \
	"POST / HTTP/1.1\nHost: h\n$te \0013chunked\n\n" 400
req 'in HTTP/1.0' "POST / HTTP/1.0\n$te chunked\n\n0\n\n" 400

### smuggling: the same bytes, read in two ways (RFC 9112, 11.2)
g='GET /x HTTP/1.1\nHost: h\n\n'
body 'Content-Length and chunked' "Content-Length: 5\n$te chunked" '0\n\n' 400
body 'chunked and Content-Length' "$te chunked\nContent-Length: 5" '0\n\n' 400
body 'an empty one and chunked' "Content-Length: 0\n$te chunked" '0\n\n' 400
body 'Content-Length and another coding' "Content-Length: 5\n$te x" 'abcde' 400
body 'the colon a byte too late' "Content-Length: 5\n$te"' chunked\n'"$te : x" \
	'0\n\n' 400
body 'Transfer-Encoding, with a space' 'Transfer-Encoding : chunked' \
	"0\n\n$g" 400
body 'Content-Length, folded' 'Content-Length:\n 5' '0\n\n' 400
body 'a field hidden by CR' 'A: b\rContent-Length: 5' "$g" 400
body 'a field hidden by NUL' 'A: b\0Content-Length: 5' "$g" 400
body 'what follows the body is the next request' 'Content-Length: 2' "ab$g" \
	'POST / 1.1 h keep =ab\nGET /x 1.1 h keep'
body 'what follows the chunks is the next request' "$te chunked" \
	"1\na\n0\n\n$g" 'POST / 1.1 h keep =a\nGET /x 1.1 h keep'
body 'a body that looks like a request is none' 'Content-Length: 28' "$g" \
	"POST / 1.1 h keep =$(printf %s "$g" | sed 's/\\n/\\\\x0d\\\\x0a/g')"
req 'GET with a body: the next request is behind it' \
	"GET / HTTP/1.1\nHost: h\nContent-Length: 28\n\n$g$g" \
	"GET / 1.1 h keep =$(printf %s "$g" | sed 's/\\n/\\\\x0d\\\\x0a/g')
GET /x 1.1 h keep"

### chunks (RFC 9112, 7.1)
chunks 'several' '1\na\n2\nbc\n0\n\n' '= =abc'
chunks 'none' '0\n\n' =
chunks 'hexadecimal, in either case' 'a\n0123456789\nA\nabcdefghij\n0\n\n' \
	'= =0123456789abcdefghij'
chunks 'zeros in front' '0001\na\n000\n\n' '= =a'
chunks 'CRLF in a chunk' '5\n\na\n\n0\n\n' '= =\\x0d\\x0aa\\x0d\\x0a'
chunks 'extensions are skipped' '1;a\na\n1 ; b="c"\nb\n0;d=e\n\n' '= =ab'
chunks 'trailers are skipped (RFC 9112, 7.1.2)' '1\na\n0\nA: b\nC: d\n\n' '= =a'
chunks 'Content-Length in a trailer means nothing' \
	'1\na\n0\nContent-Length: 9\n\n' '= =a'
chunks 'nothing yet' '' more
chunks 'the last one is missing' '1\na\n' more
chunks 'the empty line is missing' '0\n' more
chunks 'no size' '\n' 400
chunks 'no digits' 'x\n' 400
chunks 'a sign' '+1\na\n0\n\n' 400
chunks 'a minus' '-1\na\n0\n\n' 400
chunks '0x' '0x1\na\n0\n\n' 400
chunks 'a space before' ' 1\na\n0\n\n' 400
chunks 'a space behind' '1 \na\n0\n\n' 400
chunks 'two sizes' '1 2\na\n0\n\n' 400
chunks 'an underscore' '1_0\na\n' 400
chunks 'longer than it says' '1\nab\n0\n\n' 400
chunks 'shorter than it says' '2\na\n0\n\n' 400
chunks '2^64' '10000000000000000\na\n' 413
chunks '2^64 + 1' '10000000000000001\na\n0\n\n' 413
chunks '2^63' '8000000000000000\n' 413
chunks 'a trailer that is no field' '0\nA\n\n' 400
chunks 'a folded trailer' '0\nA: b\n c\n\n' 400
chunks 'a control byte in an extension' '1;\001\na\n0\n\n' 400
# CR LF are dear here: whoever guesses reads other chunks than his neighbour
p='POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'
raw 'LF behind a size' "${p}1\na\r\n0\r\n\r\n" 400
raw 'LF behind an extension' "${p}1;a\na\r\n0\r\n\r\n" 400
raw 'CR behind a size' "${p}1\ra\r\n0\r\n\r\n" 400
raw 'CR in an extension' "${p}1;a\rb\r\na\r\n0\r\n\r\n" 400
raw 'LF behind a chunk' "${p}1\r\na\n0\r\n\r\n" 400
raw 'CR behind a chunk' "${p}1\r\na\r0\r\n\r\n" 400
raw 'CR and not LF behind a chunk' "${p}1\r\na\rx0\r\n\r\n" 400
raw 'LF behind a trailer' "${p}0\r\nA: b\n\r\n" 400
raw 'LF behind the trailers' "${p}0\r\n\n" 400

### Expect (RFC 9110, 10.1.1)
body '100-continue' 'Expect: 100-Continue\nContent-Length: 1' x \
	'POST / 1.1 h keep expect =x'
body 'told as soon as the head is there' \
	'Expect: 100-continue\nContent-Length: 1' '' 'more expect'
body 'before chunks as well' "Expect: 100-continue\n$te chunked" '' 'more expect'
body 'nothing to wait for without a body' 'Expect: 100-continue' '' \
	'POST / 1.1 h keep'
body 'anything else: 417' 'Expect: tea' '' 417
body 'anything else besides' 'Expect: 100-continue, tea' '' 417
req 'without meaning in HTTP/1.0' \
	'POST / HTTP/1.0\nExpect: tea\nContent-Length: 1\n\nx' \
	'POST / 1.0 - close =x'
body 'too much is refused before it is sent' \
	'Expect: 100-continue\nContent-Length: 1048577' '' 413

### one behind the other (RFC 9112, 9.3.2)
req 'three requests' "$g${g}GET /y HTTP/1.0\n\n" \
	'GET /x 1.1 h keep\nGET /x 1.1 h keep\nGET /y 1.0 - close'
req 'with bodies' "POST /a HTTP/1.1\nHost: h\nContent-Length: 1\n\nx$g" \
	'POST /a 1.1 h keep =x\nGET /x 1.1 h keep'
req 'and an empty line between them' "$g\n$g" \
	'GET /x 1.1 h keep\nGET /x 1.1 h keep'
req 'the second one is bad' "${g}GET\n\n$g" 'GET /x 1.1 h keep\n400'
req 'the second one is not complete' "${g}GET /" 'GET /x 1.1 h keep\nmore'

### limits: at them, one past them, and as soon as that is known
# 14 bytes and CRLF around a path without its slash
req 'a line of 8 KiB' "GET /$(many 8176 a) HTTP/1.0\n\n" \
	"GET /$(many 8176 a) 1.0 - close"
req 'and a byte: 414' "GET /$(many 8177 a) HTTP/1.0\n\n" 414
known 'known when the line end is not within it' "GET /$(many 9000 a)" \
	'414 after 8192'
known 'empty lines before it are not counted' \
	"\nGET /$(many 6 a) HTTP/1.0\n\n" "GET /$(many 6 a) 1.0" -l 22
req 'headers of 16 KiB' "GET / HTTP/1.0\nA: $(many 16377 a)\n\n" \
	'GET / 1.0 - close'
req 'and a byte: 431' "GET / HTTP/1.0\nA: $(many 16378 a)\n\n" 431
known 'known as soon as there can be no end' \
	"GET / HTTP/1.0\nA: $(many 17000 a)" '431 after 16400'
req 'many small fields' "GET / HTTP/1.0\n$(many 4095 'a:\n')\n" \
	'GET / 1.0 - close' -h 16382
req 'and a byte' "GET / HTTP/1.0\n$(many 4095 'a:\n')\n" 431 -h 16381
many 1048576 x >"$tmp/body"
{
	printf 'POST / HTTP/1.0\r\nContent-Length: 1048576\r\n\r\n'
	cat "$tmp/body"
} >"$tmp/in"
is 'a body of 1 MiB' "$(parsed)" 'POST / 1.0 - close =1048576'
known 'and a byte: 413, before any of it' \
	'POST / HTTP/1.0\nContent-Length: 1048577\n\nx' '413 after 44'
{
	printf "${p}fffff\r\n"
	head -c 1048575 "$tmp/body"
	printf '\r\n1\r\nx\r\n0\r\n\r\n'
} >"$tmp/in"
is 'chunks of 1 MiB' "$(parsed)" 'POST / 1.1 h keep =1048576'
p='POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n'
known 'a chunk of more than that: 413, before any of it' "${p}100001\nx" \
	'413 after 64'
known 'chunks of more than that: before the last' \
	"${p}2\nab\n3\nabc\n0\n\n" '413 after 66' -b 4
chunks 'just as much' '2\nab\n2\ncd\n0\n\n' '= =abcd' -b 4
chunks 'chunks of a byte may take as much again as headers' \
	"$(many 16 '1\na\n')0\n\n" "= =$(many 16 a)" -b 18 -h 82
chunks 'and no more' "$(many 16 '1\na\n')0\n\n" 413 -b 18 -h 81
known 'an extension past the headers' "${p}1;$(many 99 a)" \
	'431 after 136' -h 80
chunks 'trailers as long as headers' "0\nA: $(many 73 a)\n\n" = -h 80
known 'trailers past them' "${p}0\nA: $(many 74 a)\n\n" '431 after 139' -h 80
chunks 'no room for a body' '1\na\n0\n\n' 413 -b 0
known 'a byte that can be in no request is not waited for' '\026\003\001' \
	'400 after 1'
known 'nor one in a field' 'GET / HTTP/1.0\nA: \001' '400 after 20'
known 'a bad line is refused at its end' 'GET\nA: b' '400 after 5'
known 'a version likewise' 'GET / HTTP/2.0\n' '505 after 16'
known 'a bad field likewise' 'GET / HTTP/1.0\nA\nB' '400 after 19'

### parameters
param() {
	is "$1" "$("$text" -p "$2" "$3" "${5-64}")" "$4"
}
param 'one' 'a=b' a '1 b'
param 'the second' 'a=b&c=d' c '1 d'
param 'the first one wins' 'a=b&a=c' a '1 b'
param 'none' '' a 0
param 'not there' 'aa=b&b=a&A=c' a 0
param 'the start of another name' 'ab=c' a 0
param 'a longer name' 'a=b' ab 0
param 'an empty value' 'a=&b=c' a '1 '
param 'no value' 'b&a' a '1 '
param 'no value, in front' 'a&b=c' a '1 '
param 'an equals sign in a value' 'a=b=c' a '1 b=c'
param 'a plus sign is a space' 'a=b+c' a '1 b c'
param 'escapes' 'a=%62%2b%26%3D%c3' a '1 b+&=\xc3'
param 'escapes in names' '%61=b' a '1 b'
param 'an escaped equals sign in a name' 'a%3Db=c' a 0
param 'an escape of another name that is none' '%zz=1&a=b' a '1 b'
param 'an escape of another value that is none' 'b=%zz&a=b' a '1 b'
param 'an escape that is none' 'a=%zz' a -1
param 'half an escape' 'a=b%4' a -1
param 'half an escape, and another one' 'a=%4&b=c' a -1
param 'an escaped NUL' 'a=b%00' a -1
param 'as long as there is room' 'a=123' a '1 123' 4
param 'one byte more' 'a=1234' a -1 4
param 'empty pairs' '&&a=b&&' a '1 b'

### parameters in JSON (RFC 8259)
object() {
	is "JSON: $(printf %s "$1" | tr -d '\\\n')" \
		"$("$text" -j "$1" "$2" "${4-64}")" "$3"
}
object '{"a":"b"}' a '1 b'
object '{"a":"b","c":"d"}' c '1 d'
object '{"a":"b","a":"c"}' a '1 b'
object '{"a":-1.5e+3}' a '1 -1.5e+3'
object '{"a":true}' a '1 true'
object '{"a":""}' a '1 '
object '{"aa":"b","A":"c","":"d"}' a 0
object '{}' a 0
object ' { } ' a 0
object '{"b":"{\"a\":\"c\"}"}' a 0
object '{"b":"\\","a":"c"}' a '1 c'
object ' {	"a" : "b" , "c" : 1 } ' c '1 1'
object '{"a":"b"' a -1
object '{"a":"b"}x' a -1
object '{"a":"b",}' a -1
object '{,"a":"b"}' a -1
object '{"a":"b" "c":"d"}' a -1
object '{"a"}' a -1
object '{"a":}' a -1
object '{"a":"b}' a -1
object '{"a":"b\' a -1
object '{"a":"b\n"}' a -1
object '{"c":"\n","a":"b"}' a '1 b'
object "$(printf '{"a":"b\nc"}')" a -1
object '{"a":["b"]}' a -1
object '{"c":{"d":"e"},"a":"b"}' a -1
object '{"\u0061":"b"}' a -1
object '["a","b"]' a -1
object '' a -1
object '{' a -1
object '{"a":"123"}' a '1 123' 4
object '{"a":"1234"}' a -1 4
param 'no room' 'a=' a -1 0

### statuses
for pair in '200 OK' '304 Not Modified' '404 Not Found' \
	'413 Content Too Large' '431 Request Header Fields Too Large' \
	'505 HTTP Version Not Supported' '299 '; do
	is "what $pair is called" "$("$text" -r "${pair%% *}")" "${pair#* }"
done
done_testing
