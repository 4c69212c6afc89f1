/* page.c - the page for people, with the services in it */
/* SPDX-License-Identifier: ISC */
#include <sys/utsname.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "json.h"
#include "page.h"
#include "utf8.h"

/* Nothing is run, shown or asked for but what page.html itself brings. */
static const char fields[] =
	"Content-Security-Policy: default-src 'none'; "
	"script-src '" PAGE_SCRIPT "'; style-src '" PAGE_STYLE "'; "
	"img-src data:; connect-src 'self'; form-action 'none'; "
	"frame-ancestors 'none'; base-uri 'none'\r\n"
	"Referrer-Policy: no-referrer\r\n";

/* Writes text as it stands in HTML, between tags or in an attribute. */
static void
put_text(FILE *f, const char *text)
{
	size_t len = strlen(text), n;

	for (; len; text += n, len -= n) {
		n = utf8_length(text, len);
		if (n == 0 || utf8_control(text, n) >= 0) {
			fputs("&#65533;", f);
			n = n ? n : 1;
		} else if (strchr("&<>\"'", *text)) {
			fprintf(f, "&#%d;", *text);
		} else {
			fwrite(text, 1, n, f);
		}
	}
}

/* A cell, with what is said in it in an element of its own. */
static void
put_cell(FILE *f, const char *open, const char *text, const char *end)
{
	fputs("<td>", f);
	if (text && *text) {
		fputs(open, f);
		put_text(f, text);
		fputs(end, f);
	}
}

/* One service, for those who have no script to do better. */
static void
put_row(FILE *f, const struct show *show)
{
	const struct service *s = show->s;
	const char *hash = kv_get(&s->status, "hash");
	char text[TIME_TEXT];
	const char *c;
	int same = show->tip && hash && strcmp(hash, show->tip) == 0;

	fputs("<tr class=\"row\"><th scope=\"row\"><a href=\"log/", f);
	put_text(f, s->name);
	fputs("\">", f);
	put_text(f, s->name);
	fputs("</a><td><span class=\"state ", f);
	for (c = show->state; *c; c++)
		putc(*c | 0x20, f);
	fprintf(f, "\">%s</span>", show->state);
	put_cell(f, "<code>", show->hash, "</code>");
	snprintf(text, sizeof(text), "%.8s", show->tip ? show->tip : "");
	put_cell(f, same ? "<code class=\"same\">" : "<code>", text, "</code>");
	if (show->tip && !same)
		fputs(" <span class=\"tag\">behind</span>", f);
	put_cell(f, "", show->branch, "");
	put_cell(f, "<time>", time_text(show->since, text), "</time>");
	put_cell(f, "", show->info, "");
	putc('\n', f);
}

/* What is to be said before all else; the same in page.html. */
static void
put_here(FILE *f)
{
	char *fault = here_fault();

	if (!here_runs())
		fputs("gitopper isn\xe2\x80\x99t running here: orders wait, "
		    "and what is shown may be old. ", f);
	if (fault) {
		fputs("The config has a fault, and the one before it counts: ",
		    f);
		put_text(f, fault);
	}
	free(fault);
}

/* What stands in page.html in double braces. */
static void
put_part(FILE *f, const char *name, size_t len)
{
	struct utsname machine;
	size_t i;

	if (len == 7 && memcmp(name, "machine", 7) == 0) {
		put_text(f, uname(&machine) == 0 ? machine.nodename : "");
		return;
	}
	if (len == 4 && memcmp(name, "here", 4) == 0) {
		put_here(f);
		return;
	}
	for (i = 0; i < nimages; i++)
		put_row(f, &images[i].show);
	if (nimages == 0)
		fputs("<tr><td colspan=\"7\">No services on this machine.\n",
		    f);
}

static void
put_page(FILE *f)
{
	const char *p, *open, *end;

	for (p = page_html; (open = strstr(p, "{{")); p = end + 2) {
		end = strstr(open, "}}");
		fwrite(p, 1, (size_t)(open - p), f);
		put_part(f, open + 2, (size_t)(end - open - 2));
	}
	fputs(p, f);
}

/* Whether the field If-None-Match (RFC 9110, 13.1.2) names this etag. */
static int
etag_matches(const char *field, const char *etag)
{
	size_t len = strlen(etag);

	if (!field)
		return 0;
	field += strspn(field, " \t");
	if (strcmp(field, "*") == 0)
		return 1;
	for (; *field; field += strspn(field, " \t,")) {
		if (strncmp(field, "W/", 2) == 0)
			field += 2;
		if (strncmp(field, etag, len) == 0)
			return 1;
		/* a comma inside of quotes is no end */
		if (*field == '"')
			field += 1 + strcspn(field + 1, "\"");
		field += strcspn(field, ",");
	}
	return 0;
}

void
page_reply(const struct http *h, struct reply *reply)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int failed = 1;

	if (f) {
		put_page(f);
		failed = ferror(f);
		failed |= fclose(f) == EOF;
	}
	if (failed) {
		free(text);
		reply_error(reply, 503, "no memory for the page");
		return;
	}
	snprintf(reply->etag, sizeof(reply->etag), "\"%016" PRIx64 "\"",
	    text_hash(text));
	reply->extra = fields;
	if (etag_matches(http_field(h, "If-None-Match"), reply->etag)) {
		reply->status = 304;
		free(text);
		return;
	}
	reply_text(reply, "text/html; charset=utf-8", text, len);
}
