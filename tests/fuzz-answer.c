/* fuzz-answer - throws bytes at answer.c */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../answer.h"
#include "../json.h"
#include "../utf8.h"
#include "fuzz.h"

/* What is shown of a value has nothing in it that moves a cursor. */
static void
text_check(const char *text, int tab)
{
	size_t len = strlen(text), n;
	char *s = strdup(text), *p = s;

	CHECK(s);
	CHECK(text_plain(s, len, tab ? "\t" : "") == s && strlen(s) == len);
	for (; *p; p += n) {
		n = utf8_length(p, strlen(p));
		CHECK(n > 0);
		CHECK(utf8_control(p, n) < 0 || (tab && *p == '\t'));
	}
	free(s);
}

/* It can be asked for anything, whatever it is. */
static void
value_check(const json_t *v)
{
	static const char *const keys[] = {
		"service", "state", "since", "frozen", "path", ""
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		text_check(answer_text(v, keys[i]), 0);
		CHECK(answer_number(v, keys[i]) >= 0);
		CHECK(!answer_true(v, keys[i]) || json_is_object(v));
	}
}

/* What is written says the same as what was read. */
static void
write_check(const json_t *v)
{
	struct answer again;
	char why[ANSWER_WHY], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CHECK(f);
	fputs("{\"v\":[", f);
	answer_write(f, v, NULL, NULL);
	fputs("]}", f);
	CHECK(fclose(f) == 0);
	CHECK(answer_read(&again, text, len, "v", why) == 0);
	CHECK(json_array_size(again.list) == 1);
	CHECK(json_equal(json_array_get(again.list, 0), (json_t *)v));
	answer_end(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const unsigned char *buf, size_t len)
{
	struct answer answer;
	char why[ANSWER_WHY] = "", *text;
	size_t i;

	if (answer_read(&answer, (const char *)buf, len, "services",
	    why) == 0) {
		CHECK(json_is_object(answer.root));
		for (i = 0; i < json_array_size(answer.list); i++) {
			value_check(json_array_get(answer.list, i));
			write_check(json_array_get(answer.list, i));
		}
		answer_end(&answer);
	} else {
		CHECK(*why);
	}
	/* as a log */
	text = malloc(len + 1);
	CHECK(text);
	memcpy(text, buf, len);
	text[len] = '\0';
	text_check(text, 1);
	free(text);
	return 0;
}
