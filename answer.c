/* answer.c - reading what another machine says (RFC 8259) */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "json.h"

int
answer_read(struct answer *answer, const char *text, size_t len,
	const char *key, char why[ANSWER_WHY])
{
	json_error_t err;

	answer->list = NULL;
	answer->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	if (!answer->root) {
		snprintf(why, ANSWER_WHY, "its answer makes no sense: "
		    "line %d: %s", err.line, err.text);
		return -1;
	}
	answer->list = key ? json_object_get(answer->root, key) : NULL;
	if (!json_is_object(answer->root) ||
	    (key && !json_is_array(answer->list))) {
		snprintf(why, ANSWER_WHY, "its answer makes no sense: "
		    "there are no %s in it", key ? key : "values");
		answer_end(answer);
		return -1;
	}
	return 0;
}

void
answer_end(struct answer *answer)
{
	json_decref(answer->root);
	answer->root = answer->list = NULL;
}

const char *
answer_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

int64_t
answer_number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n < 0 ? 0 : n;
}

int
answer_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

int
answer_false(const json_t *object, const char *key)
{
	return json_is_false(json_object_get(object, key));
}

static void value_write(FILE *f, const json_t *v);

static void
object_write(FILE *f, const json_t *object, const char *key,
	const char *value)
{
	/* jansson's iterators want an object that could be changed */
	json_t *o = (json_t *)object, *v;
	const char *k;
	int n = 0;

	putc('{', f);
	if (key) {
		json_text(f, key);
		putc(':', f);
		json_text(f, value);
		n++;
	}
	json_object_foreach(o, k, v) {
		if (n++)
			putc(',', f);
		json_text(f, k);
		putc(':', f);
		value_write(f, v);
	}
	putc('}', f);
}

/* As deep as jansson reads, which is bounded (JSON_PARSER_MAX_DEPTH). */
static void
value_write(FILE *f, const json_t *v)
{
	size_t i;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		object_write(f, v, NULL, NULL);
		break;
	case JSON_ARRAY:
		putc('[', f);
		for (i = 0; i < json_array_size(v); i++) {
			if (i)
				putc(',', f);
			value_write(f, json_array_get(v, i));
		}
		putc(']', f);
		break;
	case JSON_STRING:
		json_bytes(f, json_string_value(v), json_string_length(v));
		break;
	default:	/* numbers, true, false, null: nothing to escape */
		json_dumpf(v, f, JSON_ENCODE_ANY);
		break;
	}
}

void
answer_write(FILE *f, const json_t *object, const char *key,
	const char *value)
{
	if (json_is_object(object))
		object_write(f, object, key, value);
	else
		value_write(f, object);
}
