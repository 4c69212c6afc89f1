# hostile-http.pl - an HTTP server of the bad kind, and one that takes notes
# usage: perl hostile-http.pl PORTFILE
# Writes its port to PORTFILE, and each request to standard output: the line,
# then the body, if it has one. What comes back depends on the first component
# of the path. A process for each connection, which ends with it.
use strict;
use warnings;
use IO::Socket::INET;

my ($file) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
	LocalAddr => '127.0.0.1') or die "listen: $!";
my $port = $server->sockport;
open my $out, '>', "$file.new" or die "$file.new: $!";
print $out $port;
close $out or die "$file.new: $!";
rename "$file.new", $file or die "$file: $!";
$| = 1;
$SIG{CHLD} = 'IGNORE';

my %text = (
	array => '[]', object => '{"services":{}}', empty => '',
	numbers => '{"services":[7,"x",null]}', cut => '{"services":[',
	old => '{"services":[{"service":"x","hash":"606eb576","state":"OK",' .
		'"stateinfo":"","change":"Fri, 18 Nov 2022 09:14:52 UTC"}]}',
	deep => '{"services":' . '[' x 100000 . ']' x 100000 . '}',
	c1 => '{"services":[{"service":"a","change":"a\u009b31mb"}]}',
	away => '{"error":"no \u009b31m"}',
	escapes => '{"services":[{"service":"a\u001b[2J b",' .
		'"state":"O\u009bK","stateinfo":"one\ntwo\u007f",' .
		'"hash":"\r1","since":1}]}',
	types => '{"services":[{"service":[],"hash":{},"state":7,' .
		'"stateinfo":false,"since":-9223372036854775808}]}',
	note => '{"services":[]}',
	same => '{"next":0,"events":[{"time":1,"service":"a b",' .
		'"from":"","to":"OK","hash":"","info":""}]}',
	status => '{"error":"no\u001b[2J"}',
);
my %status = (away => '500 Oops', status => '418 Teapot', redirect => '302 Found',
	page => '502 Bad Gateway', unauthorized => '401 Unauthorized');

sub answer {
	my ($client, $kind, $path) = @_;
	my $head = 'HTTP/1.1 ' . ($status{$kind} // '200 OK') . "\r\n";
	my $text = $text{$kind} // "<html>\e[2J</html>";

	if ($kind eq 'garbage') {
		print $client pack('C*', map { ($_ * 37 + 11) % 256 } 1 .. 9999);
		return 0;
	} elsif ($kind eq 'headers') {
		print $client $head or return 0;
		print $client "X-A: b\r\n" or return 0 while 1;
	} elsif ($kind eq 'endless') {
		print $client "$head\r\n{\"services\":[0" or return 0;
		print $client ',0' x 4096 or return 0 while 1;
	} elsif ($kind eq 'slow') {
		print $client "$head\r\n" or return 0;
		sleep 1 while print $client ' ';
		return 0;
	} elsif ($kind eq 'mute') {
		read $client, $text, 1;
		return 0;
	} elsif ($kind eq 'short') {
		print $client "${head}Content-Length: 999\r\n\r\n{}";
		return 0;
	} elsif ($kind eq 'close') {
		return 0;
	}
	$head .= "Location: http://127.0.0.1:$port/note/here\r\n"
		if $kind eq 'redirect';
	$head .= 'Content-Length: ' . length($text) . "\r\n\r\n";
	return print $client $head, $text;
}

sub serve {
	my ($client) = @_;

	$SIG{PIPE} = 'IGNORE';
	$client->autoflush(1);
	while (defined(my $line = <$client>)) {
		my ($length, $body, $who) = (0, '', '');
		while (defined(my $field = <$client>)) {
			last if $field !~ /\S/;
			$length = $1 if $field =~ /^content-length: *(\d+)/i;
			$who = ' as someone' if $field =~ /^authorization:/i;
		}
		read $client, $body, $length if $length;
		$line =~ s/ HTTP.*//s;
		syswrite STDOUT, "$line$who\n" . ($length ? "$body\n" : '');
		my ($kind) = $line =~ m{^\S+ /([^/?]*)};
		last if !answer($client, $kind // '', $line);
	}
}

while (1) {
	my $client = $server->accept or next;
	defined(my $pid = fork) or die "fork: $!";
	if ($pid == 0) {
		serve($client);
		exit 0;
	}
	close $client;
}
