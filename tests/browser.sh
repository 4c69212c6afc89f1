# browser.sh - Chromium, driven by WebDriver (w3.org/TR/webdriver2), for tests:
# . tests/browser.sh, after lib.sh and servers.sh

session=

# driver METHOD PATH [JSON]: asks chromedriver; prints the value it answers
driver() {
	curl -sS --max-time 60 -X "$1" -H 'Content-Type: application/json' \
		${3+--data-raw "$3"} "$driver_url/$2" |
	jq -r 'if (.value | type) == "object" and .value.error
		then "\(.value.error): \(.value.message)\n" | halt_error(1)
		else .value end'
}

# in_session METHOD PATH [JSON]: the same, about the browser
in_session() {
	method=$1 path=$2; shift 2
	driver "$method" "session/$session/$path" "$@"
}

start_driver() {
	port=$(free_port)
	started "$port" "$tmp/driver.log" chromedriver --port="$port" &&
		driver_url=http://127.0.0.1:$port
}

# browser: starts one, without anything of this user's
browser() {
	try start_driver || return 1
	# its own sandbox can't be had by root, nor in every container
	session=$(driver POST session "$(jq -n --arg profile "$tmp/profile" '
		{ capabilities: { alwaysMatch: {
		"goog:loggingPrefs": { browser: "ALL" },
		"goog:chromeOptions": { args: [
			"--headless=new", "--no-sandbox",
			"--disable-gpu", "--disable-dev-shm-usage",
			"--hide-scrollbars", "--no-first-run", "--lang=en-US",
			"--window-size=1280,960", "--user-data-dir=" + $profile
		] } } } }')" | jq -r .sessionId)
	[ -n "$session" ]
}

# browser_end: chromedriver leaves its browser behind otherwise
browser_end() {
	[ -z "$session" ] || driver DELETE "session/$session" >/dev/null 2>&1
	session=
}
trap 'ended=$?; browser_end; (exit $ended); finish' EXIT

visit() {
	in_session POST url "$(jq -n --arg url "$1" '{ $url }')"
}

# script TEXT [ARGUMENT...]: runs it in the page; prints what it returns
script() {
	text=$1; shift
	in_session POST execute/sync "$(jq -n --arg script "$text" \
		'{ $script, args: $ARGS.positional }' --args -- "$@")"
}

# element CSS: prints its name for what follows
element() {
	in_session POST element "$(jq -n --arg value "$1" \
		'{ using: "css selector", $value }')" | jq -r '.[]'
}

# press CSS: a click, where it can be seen and nothing lies above it
press() {
	e=$(element "$1") && [ -n "$e" ] &&
		in_session POST "element/$e/click" '{}'
}

# enter CSS TEXT: types into it
enter() {
	e=$(element "$1") && [ -n "$e" ] &&
		in_session POST "element/$e/value" \
			"$(jq -n --arg text "$2" '{ $text }')"
}

# keys KEY...: strikes them one after another, wherever the focus is
keys() {
	in_session POST actions "$(jq -n '{ actions: [ { type: "key", id: "k",
		actions: [ $ARGS.positional[] | { type: "keyDown", value: . },
		{ type: "keyUp", value: . } ] } ] }' --args -- "$@")"
}

# seen CSS: the text there, as it is shown
seen() {
	e=$(element "$1") && [ -n "$e" ] && in_session GET "element/$e/text"
}

# shows CSS PATTERN: the text there matches the extended regexp
shows() {
	shown=$(seen "$1") || return 1
	echo "$shown"
	printf '%s\n' "$shown" | grep -Eq -- "$2"
}

# devtools COMMAND JSON: asks Chromium's DevTools
devtools() {
	in_session POST goog/cdp/execute \
		"$(jq -n --arg cmd "$1" --argjson params "$2" \
		'{ $cmd, $params }')"
}

# complaints: what the console said since the last call, but for requests that
# were answered with an error, or not at all
complaints() {
	in_session POST se/log '{"type":"browser"}' |
	jq -r '.[] | select(.source != "network") | .message'
}

# photograph FILE: what is seen, as a PNG
photograph() {
	in_session GET screenshot | base64 -d >"$1" && [ -s "$1" ]
}
