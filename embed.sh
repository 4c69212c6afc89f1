#!/bin/sh
# embed.sh - turns page.html into C: its bytes, and the hashes of what is inline
# SPDX-License-Identifier: ISC
# usage: embed.sh page.html >page.h
# A browser runs the one script and uses the one style of the page because
# Content-Security-Policy names their hashes. <script> and <style>, and their
# ends, each stand alone on a line.
set -eu

# inside TAG: the text between <TAG> and </TAG>, byte for byte
inside() {
	awk -v tag="$1" '
		$0 == "</" tag ">" { on = 0 }
		on
		$0 == "<" tag ">" { on = 1; print "" }' "$html"
}

# hash: of standard input, as CSP has it
hash() {
	for byte in $(sha256sum | cut -c 1-64 | sed 's/../0x& /g'); do
		# shellcheck disable=SC2059
		printf "\\$(printf %03o "$byte")"
	done | base64
}

html=${1:?usage: embed.sh page.html}
for tag in style script; do
	[ "$(grep -c "<$tag" "$html")" -eq 1 ] && [ -n "$(inside $tag)" ] || {
		echo "embed.sh: $html: one <$tag>, on a line of its own" >&2
		exit 1
	}
done
printf '/* page.h - made from %s by embed.sh */\n' "$html"
printf '#define PAGE_STYLE "sha256-%s"\n' "$(inside style | hash)"
printf '#define PAGE_SCRIPT "sha256-%s"\n' "$(inside script | hash)"
printf 'static const char page_html[] = {\n'
# in C99 a plain char may be signed, so bytes over 127 don't fit in one
[ -z "$(LC_ALL=C tr -d '\0-\177' <"$html")" ] || {
	echo "embed.sh: $html: not ASCII" >&2
	exit 1
}
od -An -v -tu1 "$html" | sed 's/  */,/g; s/^,/	/; s/$/,/'
printf '\t0\n};\n'
