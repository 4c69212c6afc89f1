#!/bin/sh
# guard.t - gitopper-httpd: Host, Origin, and who may change what without users
. tests/lib.sh
. tests/servers.sh
. tests/httpd.sh

name=$(hostname)
printf '%s\t%s\n' one.example.org mine Two.Example.org mine >"$tmp/machines"
printf 'three.example.org\n' >>"$tmp/machines"
cp "$tmp/machines" "$GITOPPER_STATE/.machines"

# piped [LINE...]: the status that a request with those lines on a pipe gets
piped() {
	printf '%s\r\n' "$@" '' |
	timeout 30 gitopper-httpd $more 2>"$tmp/err" >"$tmp/answer"
	sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$tmp/answer"
}
more=

ok "a server" try serve -n gitops.example.net -n Dotted.Example.Net.

# Host
while read -r want host; do
	says "$want" "Host: $host" -H "Host: $host" "$url/list/services"
done <<END
200 127.0.0.1:$port
200 127.0.0.1
200 10.1.2.3:80
200 [::1]
200 [::1]:9222
200 [2001:DB8::1:2]:1
200 localhost
200 LOCALHOST:1
200 localhost.
200 localhost.:9222
200 $name
200 $name:9222
200 $name.
200 one.example.org
200 ONE.example.ORG.:9222
200 two.example.org
200 gitops.example.net
200 GitOps.Example.Net:443
200 dotted.example.net
200 dotted.example.net.
403 three.example.org
403 one
403 example.org
403 evil.example
403 evil.example:9222
403 localhost.evil.example
403 xlocalhost
403 localhos
403 127.0.0.1.evil.example
403 127.1
403 0x7f000001
403 1.2.3
403 1.2.3.4.5
403 256.1.1.1
403 gitops.example.net.evil.example
403 xgitops.example.net
END
says 403 "DNS rebinding" --resolve "evil.example:$port:127.0.0.1" \
	"http://evil.example:$port/list/services"
why "the refusal names the host, and -n" 'evil\.example.*-n'
says 403 "a name in the target counts, not Host" -x "$url" -H "Host: localhost" \
	http://evil.example/list/services
says 200 "HTTP/1.0 needs no Host" -0 -H Host: "$url/list/services"
says 403 "nor does it escape it" -0 -H "Host: evil.example" "$url/list/services"
says 400 "HTTP/1.1 needs one" -H Host: "$url/list/services"
says 200 "curl at a unix socket" --unix-socket "$tmp/sock" \
	http://localhost/list/services
says 403 "an unknown host at a unix socket" --unix-socket "$tmp/sock" \
	http://evil.example/list/services
is "a pipe" "$(piped 'GET /list/services HTTP/1.1' 'Host: localhost')" 200
is "an unknown host on a pipe" \
	"$(piped 'GET /list/services HTTP/1.1' 'Host: evil.example')" 403
says 403 "a request that changes something, of a rebound name" \
	--unix-socket "$tmp/sock" -X POST http://evil.example/state/pull/web
unchanged "nothing was changed"

sed -i 's/^one\./four./' "$tmp/machines"
cp "$tmp/machines" "$GITOPPER_STATE/.machines.new" &&
mv "$GITOPPER_STATE/.machines.new" "$GITOPPER_STATE/.machines"
says 200 "the config gives the machine another name" \
	-H "Host: four.example.org" "$url/list/services"
says 403 "the old one is gone" -H "Host: one.example.org" "$url/list/services"
rm "$GITOPPER_STATE/.machines"
says 403 "there are no names from the config" -H "Host: four.example.org" \
	"$url/list/services"
says 200 "there is still localhost" -H "Host: localhost" "$url/list/services"

# Origin and Sec-Fetch-Site; `-` stands for none
post() {
	says "$1" "POST: Host $2, Origin $3, Sec-Fetch-Site $4" \
		--unix-socket "$tmp/sock" -X POST -H "Host: $2" \
		${3:+-H "Origin:${3#-}"} ${4:+-H "Sec-Fetch-Site:${4#-}"} \
		http://localhost/state/pull/web
}
while read -r want host origin site; do
	post "$want" "$host" "$origin" "$site"
done <<END
200 localhost - -
200 localhost http://localhost -
200 localhost http://localhost same-origin
200 localhost https://localhost same-origin
200 localhost HTTP://LOCALHOST:80 -
200 localhost http://localhost. -
200 localhost:9222 http://localhost:9222 same-origin
200 localhost:443 https://localhost -
200 localhost https://localhost:443 -
200 [::1]:9222 http://[::1]:9222 -
200 [::1] http://[::1] -
200 localhost - same-origin
200 localhost - none
200 localhost - None
403 localhost null -
403 localhost http://evil.example -
403 localhost http://localhost:9222 -
403 localhost:9222 http://localhost -
403 localhost:9222 http://localhost:9223 -
403 localhost https://localhost:80 -
403 localhost http://localhost:443 -
403 localhost http://127.0.0.1 -
403 localhost http://[localhost] -
403 127.0.0.1 http://localhost -
403 localhost http://localhost.evil.example -
403 localhost http://evil.localhost -
403 localhost http://evil.example/localhost -
403 localhost http://evil.example@localhost -
403 localhost http://localhost@evil.example -
403 localhost http://localhost,http://evil.example -
403 localhost localhost -
403 localhost http:// -
403 localhost http://localhost:99999 -
403 localhost http://localhost:80x -
403 localhost chrome-extension://abcdefgh -
403 localhost x://localhost -
403 localhost ftp://localhost -
403 localhost xhttp://localhost -
403 localhost http+x://localhost same-origin
403 localhost x:http://localhost -
403 localhost:80 x://localhost:80 -
403 [::1] http://::1 -
403 localhost - cross-site
403 localhost - same-site
403 localhost - garbage
403 localhost http://localhost cross-site
403 localhost http://evil.example same-origin
END
post 403 localhost 'http://localhost http://evil.example' ''
why "the refusal names Origin" 'Origin'
post 403 localhost '' cross-site
why "the refusal names Sec-Fetch-Site" 'Sec-Fetch-Site: cross-site'
says 403 "Origin, where there is no Host" --unix-socket "$tmp/sock" -0 \
	-X POST -H Host: -H 'Origin: http://localhost' \
	http://localhost/state/pull/web
says 200 "who only looks may come from anywhere" \
	-H 'Origin: http://evil.example' -H 'Sec-Fetch-Site: cross-site' \
	"$url/list/services"
says 403 "any other method may change something" -X DELETE \
	-H 'Origin: http://evil.example' "$url/list/services"
rm -f "$GITOPPER_STATE/web/ctl/poke"

# rights without users
says 200 "a unix socket may change things" --unix-socket "$tmp/sock" \
	-X POST "http://localhost/$freeze"
changed "and it is changed"
is "so may a pipe" "$(piped "POST /$freeze HTTP/1.1" 'Host: localhost')" 200
changed "it is changed"
says 403 "loopback may not" -X POST "$url/$freeze"
why "the refusal tells of unix sockets, -a and -w" 'unix sockets.*-a.*-w'
says 403 "nor by the old names" -X POST "$url/do/freeze/web"
unchanged "nothing is changed"
for path in /metrics /list/service/web; do
	says 200 "loopback may look: $path" "$url$path"
done

ok "-w" try serve -w
says 200 "-w: loopback may change things" -X POST "$url/$freeze"
changed "they are changed"
says 403 "-w: not what a page of another origin wants" -X POST \
	-H 'Origin: http://evil.example' "$url/$freeze"

ok "-r" try serve -r
says 403 "-r: nobody may" -X POST "$url/$freeze"
why "the refusal tells of -r" '-r'
says 403 "-r: nor at a unix socket" --unix-socket "$tmp/sock" \
	-X POST "http://localhost/$freeze"
says 200 "-r: all may look" "$url/list/services"
more=-r
is "-r: nor on a pipe" "$(piped "POST /$freeze HTTP/1.1" \
	'Host: localhost')" 403
unchanged "nothing is changed then"

# the names of a machine, and an address that others could reach
if [ "$(id -u)" -eq 0 ]; then
	ok "-r on a public address" remote -r
	where=inside
	while read -r want host; do
		says "$want" "Host: $host, on box.example.org" \
			-H "Host: $host" "$url/list/services"
	done <<-END
	200 box.example.org
	200 BOX.example.org.:80
	200 box
	403 box.example
	403 $name.example
	END
	says 403 "a stranger may not change things" -X POST "$url/$freeze"
	unchanged "and doesn't"

	# called by the first label alone, with the rest in /etc/hosts
	cat >"$tmp/hosts" <<-END
	127.0.0.1 localhost
	192.0.2.2 shelf.example.org shelf	# box.comment.example
	192.0.2.3 box.other.example
	#127.0.1.1 box.away.example box
	192.0.2.1	shelf-of-box Box.Example.ORG	box evil.example box.second.example
	192.0.2.4 box.third.example box
	END
	chmod 644 "$tmp/hosts"
	mount --bind "$tmp/hosts" /etc/hosts
	# called NAME HOST: the status on a machine of that name
	called() {
		unshare -u sh -c 'hostname "$1"
			printf "GET /list/services HTTP/1.1\r\nHost: %s\r\n\r\n" \
				"$2" | timeout 30 gitopper-httpd 2>/dev/null' \
			sh "$@" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p'
	}
	while read -r want box host; do
		is "Host: $host, on $box" "$(called "$box" "$host")" "$want"
	done <<-END
	200 box box
	200 box box.example.org
	200 box BOX.Example.org.:9222
	403 box box.example
	403 box box.example.org.evil.example
	403 box example.org
	403 box evil.example
	403 box shelf-of-box
	403 box shelf.example.org
	403 box box.comment.example
	403 box box.other.example
	403 box box.away.example
	403 box box.second.example
	403 box box.third.example
	403 bo box.example.org
	403 nobody nobody.example.org
	200 box.example.org box
	403 box.example.net box.example.org
	END
fi

done_testing
