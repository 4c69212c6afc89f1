/* http-value.c - what the parts of requests may be */
/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "http-value.h"
#include "http.h"

int
hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that is written as two hex digits at s, or -1. */
static int
escape_value(const char *s)
{
	int high = hex_value(s[0]), low = high < 0 ? -1 : hex_value(s[1]);

	return low < 0 ? -1 : high << 4 | low;
}

size_t
token_length(const char *s)
{
	static const char tchar[] = "!#$%&'*+-.^_`|~0123456789"
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strspn(s, tchar);
}

const char *
list_next(const char **list, size_t *n)
{
	const char *s = *list + strspn(*list, ", \t");

	*n = strcspn(s, ",");
	*list = s + *n;
	while (*n && (s[*n - 1] == ' ' || s[*n - 1] == '\t'))
		--*n;
	return *n ? s : NULL;
}

int
element_is(const char *s, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(s, name, n) == 0;
}

int
host_valid(const char *s)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t n, port = 0;

	if (*s == '[') {
		n = strcspn(++s, "]");
		if (!s[n] || n >= sizeof(text))
			return 0;
		memcpy(text, s, n);
		text[n++] = '\0';
		if (inet_pton(AF_INET6, text, &address) != 1)
			return 0;
	} else {
		n = strspn(s, name);
	}
	s += n;
	if (*s != ':')
		return !*s;
	while (n && isdigit((unsigned char)*++s) && port <= UINT16_MAX)
		port = port * 10 + (size_t)(*s - '0');
	return !*s && port <= UINT16_MAX;
}

/*
 * No path here has dot segments, slashes or control bytes in a name. A proxy
 * in front may have been told by paths what may pass: those that it could
 * understand in another way are refused, not normalized.
 */
int
path_decode(char *path)
{
	const char *s;
	char *to = path, *name = path;
	int c;

	for (s = path; *s; s++) {
		c = (unsigned char)*s;
		if (c == '%') {
			c = escape_value(s + 1);
			if (c < ' ' || c == 127 || c == '/')
				return -1;
			s += 2;
		}
		*to++ = (char)c;
	}
	*to = '\0';
	do {
		name++;
		if (name[0] == '.' && strchr("./", name[1]) &&
		    (name[1] != '.' || strchr("/", name[2])))
			return -1;
		name = strchr(name, '/');
	} while (name);
	return 0;
}

const char *
http_field(const struct http *h, const char *name)
{
	const char *s = h->fields, *value;
	size_t i;

	for (i = 0; i < h->nfields; i++) {
		value = s + strlen(s) + 1;
		if (strcasecmp(s, name) == 0)
			return value;
		s = value + strlen(value) + 1;
	}
	return NULL;
}

/* The next byte of a name or a value, 0 at its end, or -1. */
static int
form_byte(const char **s, const char *ends)
{
	int c = (unsigned char)**s;

	if (strchr(ends, c))
		return 0;
	++*s;
	if (c == '+')
		return ' ';
	if (c != '%')
		return c;
	c = escape_value(*s);
	if (c <= 0)
		return -1;
	*s += 2;
	return c;
}

int
http_param(const char *text, const char *key, char *buf, size_t size)
{
	const char *k, *s = text;
	size_t n = 0;
	int c;

	for (;;) {
		k = key;
		while ((c = form_byte(&s, "=&")) > 0 && c == (unsigned char)*k)
			k++;
		if (c == 0 && !*k)
			break;
		s += strcspn(s, "&");
		if (!*s++)
			return 0;
	}
	if (*s == '=')
		s++;
	for (; n < size; n++) {
		c = form_byte(&s, "&");
		if (c < 0)
			return -1;
		buf[n] = (char)c;
		if (!c)
			return 1;
	}
	return -1;
}

static const char *
json_blank(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* The end of the string that s is in, where its quote is, or NULL. */
static const char *
json_string_end(const char *s)
{
	for (; *s != '"'; s++)
		if ((unsigned char)*s < ' ' || (*s == '\\' && !*++s))
			return NULL;
	return s;
}

/* Takes a string without escapes, or a number or word as it stands, of n bytes
 * at *value. Returns what follows it, or NULL. */
static const char *
json_scalar(const char *s, const char **value, size_t *n)
{
	const char *end;

	if (*s != '"') {
		*value = s;
		*n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.E");
		return *n ? s + *n : NULL;
	}
	*value = ++s;
	end = json_string_end(s);
	if (!end)
		return NULL;
	*n = (size_t)(end - s);
	return end + 1;
}

/* Takes `"NAME" : VALUE`, with blanks around. Returns what follows, or NULL. */
static const char *
json_pair_take(const char *s, const char **name, size_t *len,
	const char **value, size_t *n)
{
	s = json_blank(s);
	/* an escape in a name could make it look like another one */
	if (*s != '"' || !(s = json_scalar(s, name, len)) ||
	    memchr(*name, '\\', *len))
		return NULL;
	s = json_blank(s);
	if (*s != ':' || !(s = json_scalar(json_blank(s + 1), value, n)))
		return NULL;
	return json_blank(s);
}

int
http_json_param(const char *text, const char *key, char *buf, size_t size)
{
	const char *name, *value, *s = json_blank(text);
	size_t len, n;
	int found = 0;

	if (*s != '{')
		return -1;
	if (*json_blank(s + 1) == '}')
		return *json_blank(json_blank(s + 1) + 1) ? -1 : 0;
	do {
		s = json_pair_take(s + 1, &name, &len, &value, &n);
		if (!s)
			return -1;
		if (found || len != strlen(key) || memcmp(name, key, len) != 0)
			continue;
		/* nothing that makes sense here needs an escape */
		if (n >= size || memchr(value, '\\', n))
			return -1;
		memcpy(buf, value, n);
		buf[n] = '\0';
		found = 1;
	} while (*s == ',');
	return *s != '}' || *json_blank(s + 1) ? -1 : found;
}

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 100, "Continue" },
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 429, "Too Many Requests" },	/* RFC 6585 */
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}
