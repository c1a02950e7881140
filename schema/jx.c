/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/jx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static json_t *
must(json_t *json)
{
	if (json == NULL) {
		abort();
	}
	return json;
}

json_t *
jx_object(void)
{
	return must(json_object());
}

json_t *
jx_array(void)
{
	return must(json_array());
}

json_t *
jx_string(const char *text)
{
	return must(json_string(text));
}

json_t *
jx_integer(json_int_t value)
{
	return must(json_integer(value));
}

json_t *
jx_copy(const json_t *json)
{
	return must(json_deep_copy(json));
}

void
jx_set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0) {
		abort();
	}
}

void
jx_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0) {
		abort();
	}
}

void
jx_insert(json_t *array, size_t index, json_t *value)
{
	if (json_array_insert_new(array, index, value) != 0) {
		abort();
	}
}

json_t *
jx_copy_top(const json_t *json)
{
	return json == NULL ? NULL : must(json_copy((json_t *)(uintptr_t)json));
}

/* Who has the only reference to what holds it, and this one is the only one to it, has it alone. */
static bool
is_shared(const json_t *json)
{
	return json->refcount > 1;
}

json_t *
jx_own_member(json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);

	if (member != NULL && is_shared(member)) {
		member = jx_copy_top(member);
		jx_set(object, name, member);
	}
	return member;
}

json_t *
jx_own_element(json_t *array, size_t index)
{
	json_t *element = json_array_get(array, index);

	if (element != NULL && is_shared(element)) {
		element = jx_copy_top(element);
		if (json_array_set_new(array, index, element) != 0) {
			abort();
		}
	}
	return element;
}

json_t *
jx_sub_object(json_t *object, const char *name)
{
	json_t *member = jx_own_member(object, name);

	if (member == NULL) {
		member = jx_object();
		jx_set(object, name, member);
	}
	return member;
}

const char *
jx_show(const json_t *value, char *buf, size_t size)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	size_t keep = size - 4;

	if (text == NULL) {
		abort();
	}
	if (strlen(text) < size) {
		(void)str_copy(buf, text, size);
	} else {
		/* Back to the first byte of a character: 10xxxxxx goes on with one. */
		while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
			keep--;
		}
		(void)snprintf(buf, size, "%.*s...", (int)keep, text);
	}
	free(text);
	return buf;
}
