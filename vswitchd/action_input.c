/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/action_input.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

int
input_only(const json_t *input, const char *const *names, struct err *err)
{
	const char *key;
	const json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)input, key, value) {
		bool known = false;

		for (size_t i = 0; names[i] != NULL; i++) {
			known = known || strcmp(names[i], key) == 0;
		}
		if (!known) {
			return err_set(err, ERR_UNKNOWN, key, "the input has no member '%s'", key);
		}
	}
	return 0;
}

int
input_string(const json_t *input, const char *name, const char **out, struct err *err)
{
	const json_t *value = json_object_get(input, name);

	if (!json_is_string(value)) {
		return err_set(err, ERR_INVALID, name, "the input needs '%s', a string", name);
	}
	*out = json_string_value(value);
	return 0;
}

int
input_number(const json_t *input, const char *name, json_int_t min, json_int_t max,
	json_int_t fallback, json_int_t *out, struct err *err)
{
	const json_t *value = json_object_get(input, name);

	*out = fallback;
	if (value == NULL) {
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < min ||
		json_integer_value(value) > max) {
		return err_set(err, ERR_INVALID, name,
			"'%s' must be a number from %" JSON_INTEGER_FORMAT
			" to %" JSON_INTEGER_FORMAT,
			name, min, max);
	}
	*out = json_integer_value(value);
	return 0;
}

int
input_port(const struct world *world, const char *name, struct world_port **out, struct err *err)
{
	*out = world_find_port(world, name);
	if (*out == NULL) {
		return err_set(err, ERR_MISSING, "port", "there is no port '%s'", name);
	}
	return 0;
}

int
input_string_or(const json_t *input, const char *name, const char **out, struct err *err)
{
	*out = NULL;
	return json_object_get(input, name) == NULL ? 0 : input_string(input, name, out, err);
}

int
input_bridge(
	const struct world *world, const char *name, struct world_bridge **out, struct err *err)
{
	*out = world_find_bridge(world, name);
	if (*out == NULL) {
		return err_set(err, ERR_MISSING, "bridge", "there is no bridge '%s'", name);
	}
	return 0;
}

static int
hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int
input_hex(const char *text, uint8_t *bytes, size_t size, uint32_t *len, struct err *err)
{
	size_t digits = strlen(text);

	if (digits % 2 != 0 || text[strspn(text, "0123456789abcdefABCDEF")] != '\0') {
		return err_set(err, ERR_INVALID, "frame",
			"the frame is written as pairs of hexadecimal digits");
	}
	if (digits / 2 > size) {
		return err_set(err, ERR_TOO_BIG, "frame", "a frame has at most %zu bytes", size);
	}
	for (size_t i = 0; i < digits / 2; i++) {
		bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	}
	*len = (uint32_t)(digits / 2);
	return 0;
}

char *
output_hex(const uint8_t *bytes, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *text = must_calloc(2 * (size_t)len + 1, 1);

	for (uint32_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return text;
}
