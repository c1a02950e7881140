/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/value.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/jx.h"

/* --- words ---------------------------------------------------------------------------------- */

static bool
is_signed(LY_DATA_TYPE type)
{
	return type >= LY_TYPE_INT8;
}

/* RFC 7951: integers of 64 bits travel as strings, shorter ones as numbers. */
static bool
is_wide(LY_DATA_TYPE type)
{
	return type == LY_TYPE_UINT64 || type == LY_TYPE_INT64;
}

static void
describe_parts(const struct lysc_range *range, bool negative, char *buf, size_t size)
{
	LY_ARRAY_COUNT_TYPE i;

	LY_ARRAY_FOR(range->parts, i)
	{
		const struct lysc_range_part *part = &range->parts[i];
		const char *sep = i == 0 ? "" : " or ";

		if (part->min_64 == part->max_64) {
			(void)str_appendf(buf, size, negative ? "%s%" PRId64 : "%s%" PRIu64, sep,
				part->min_64);
		} else if (negative) {
			(void)str_appendf(buf, size, "%s%" PRId64 "..%" PRId64, sep, part->min_64,
				part->max_64);
		} else {
			(void)str_appendf(buf, size, "%s%" PRIu64 "..%" PRIu64, sep, part->min_u64,
				part->max_u64);
		}
	}
}

static void
describe_number(const struct lysc_type *type, char *buf, size_t size)
{
	static const char *const full[] = {
		[LY_TYPE_UINT8] = "0..255",
		[LY_TYPE_UINT16] = "0..65535",
		[LY_TYPE_UINT32] = "0..4294967295",
		[LY_TYPE_UINT64] = "0..18446744073709551615",
		[LY_TYPE_INT8] = "-128..127",
		[LY_TYPE_INT16] = "-32768..32767",
		[LY_TYPE_INT32] = "-2147483648..2147483647",
		[LY_TYPE_INT64] = "-9223372036854775808..9223372036854775807",
	};
	const struct lysc_type_num *num = (const struct lysc_type_num *)type;

	(void)str_append(
		buf, is_wide(type->basetype) ? "a number in quotes, " : "a number, ", size);
	if (num->range != NULL) {
		describe_parts(num->range, is_signed(type->basetype), buf, size);
	} else {
		(void)str_append(buf, full[type->basetype], size);
	}
}

static void
describe_enum(const struct lysc_type *type, char *buf, size_t size)
{
	const struct lysc_type_enum *enumeration = (const struct lysc_type_enum *)type;
	LY_ARRAY_COUNT_TYPE i;

	(void)str_append(buf, LY_ARRAY_COUNT(enumeration->enums) == 1 ? "" : "one of ", size);
	LY_ARRAY_FOR(enumeration->enums, i)
	{
		(void)str_appendf(
			buf, size, "%s%s", i == 0 ? "" : ", ", enumeration->enums[i].name);
	}
}

static void
describe_string(const struct lysc_type *type, char *buf, size_t size)
{
	const struct lysc_type_str *string = (const struct lysc_type_str *)type;
	LY_ARRAY_COUNT_TYPE i;

	(void)str_append(buf, "a string", size);
	if (string->length != NULL) {
		(void)str_append(buf, " of ", size);
		describe_parts(string->length, false, buf, size);
		(void)str_append(buf, " characters", size);
	}
	LY_ARRAY_FOR(string->patterns, i)
	{
		const struct lysc_pattern *pattern = string->patterns[i];

		if (pattern->emsg != NULL) {
			(void)str_appendf(buf, size, "; %s", pattern->emsg);
		} else {
			(void)str_appendf(buf, size, "; it matches %s", pattern->expr);
		}
	}
}

const char *
value_describe(const struct lysc_node *leaf, char *buf, size_t size)
{
	const struct lysc_type *type = model_type(leaf);

	buf[0] = '\0';
	switch (type->basetype) {
	case LY_TYPE_BOOL:
		(void)str_copy(buf, "true or false", size);
		break;
	case LY_TYPE_ENUM:
		describe_enum(type, buf, size);
		break;
	case LY_TYPE_STRING:
		describe_string(type, buf, size);
		break;
	default:
		describe_number(type, buf, size);
		break;
	}
	return buf;
}

/* --- JSON to text --------------------------------------------------------------------------- */

/* True if this text would be a value of such a type, were it not in quotes. */
static bool
is_unquoted(LY_DATA_TYPE type, const char *text)
{
	if (type == LY_TYPE_BOOL) {
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	}
	text += text[0] == '-';
	return !is_wide(type) && text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* A value of the wrong JSON type: name what was given and how it should have been written. */
static int
wrong_json_type(const struct lysc_node *leaf, const json_t *in, struct err *err)
{
	char what[512];
	char shown[JX_SHOW_SIZE];
	LY_DATA_TYPE type = model_type(leaf)->basetype;
	const char *hint = "";

	if (json_is_null(in)) {
		hint = "; to remove the leaf use the operation delete or remove";
	} else if (json_is_string(in) && is_unquoted(type, json_string_value(in))) {
		hint = "; write it without quotes";
	} else if (json_is_number(in) && (type == LY_TYPE_STRING || is_wide(type))) {
		hint = "; write it in quotes";
	} else if (json_is_real(in)) {
		hint = "; write it without fraction and exponent";
	}
	return err_set(err, ERR_INVALID, NULL, "'%s' takes %s, not %s%s", leaf->name,
		value_describe(leaf, what, sizeof(what)), jx_show(in, shown, sizeof(shown)), hint);
}

/* The lexical form of a JSON value that has the right type for the leaf, else NULL. */
static const char *
lexical(const struct lysc_node *leaf, const json_t *in, char *buf, size_t size)
{
	LY_DATA_TYPE type = model_type(leaf)->basetype;

	switch (type) {
	case LY_TYPE_BOOL:
		return json_is_boolean(in) ? value_text(in, buf, size) : NULL;
	case LY_TYPE_STRING:
	case LY_TYPE_ENUM:
		return json_string_value(in);
	default:
		if (is_wide(type)) {
			return json_string_value(in);
		}
		return json_is_integer(in) ? value_text(in, buf, size) : NULL;
	}
}

const char *
value_text(const json_t *value, char *buf, size_t size)
{
	if (json_is_string(value)) {
		return json_string_value(value);
	}
	if (json_is_integer(value)) {
		(void)snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else {
		(void)str_copy(buf, json_is_true(value) ? "true" : "false", size);
	}
	return buf;
}

/* --- checks --------------------------------------------------------------------------------- */

/*
 * YANG strings have no control characters but tab, newline and return, and no Unicode
 * non-characters (RFC 7950 section 9.4); libyang checks that only when it parses a document.
 */
static bool
is_yang_text(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
		if (*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r') {
			return false;
		}
		if (p[0] == 0xef && p[1] == 0xb7 && p[2] >= 0x90 && p[2] <= 0xaf) {
			return false; /* U+FDD0 to U+FDEF */
		}
		if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe) {
			return false; /* U+FFFE, U+FFFF */
		}
		/* The last two of each further plane: F0..F4, xF or xx, BF, BE or BF. */
		if (p[0] >= 0xf0 && (p[1] & 0x0f) == 0x0f && p[2] == 0xbf && p[3] >= 0xbe) {
			return false;
		}
	}
	return true;
}

static int
invalid(const struct lysc_node *leaf, const char *text, struct err *err)
{
	const struct lysc_type *type = model_type(leaf);
	json_t *json = json_string(text);
	char what[512];
	char shown[JX_SHOW_SIZE];
	struct suggest suggest;
	int rc;

	suggest_init(&suggest, text, strlen(text));
	if (type->basetype == LY_TYPE_ENUM) {
		const struct lysc_type_enum *enumeration = (const struct lysc_type_enum *)type;
		LY_ARRAY_COUNT_TYPE i;

		LY_ARRAY_FOR(enumeration->enums, i)
		{
			suggest_offer(&suggest, enumeration->enums[i].name);
		}
	}
	jx_show(json, shown, sizeof(shown));
	if (type->basetype != LY_TYPE_STRING && type->basetype != LY_TYPE_ENUM && shown[0] == '"') {
		/* Numbers are shown as they were written. */
		(void)str_copy(shown, shown + 1, sizeof(shown));
		shown[strcspn(shown, "\"")] = '\0';
	}
	rc = err_set(err, ERR_INVALID, NULL, "'%s' cannot be %s; it takes %s%s", leaf->name, shown,
		value_describe(leaf, what, sizeof(what)), suggest_text(&suggest));
	json_decref(json);
	return rc;
}

int
value_check_text(const struct lysc_node *leaf, const char *in, char **out, struct err *err)
{
	const char *canonical = NULL;
	LY_ERR rc;

	if (!is_yang_text(in)) {
		return err_set(
			err, ERR_INVALID, NULL, "'%s' holds a control character", leaf->name);
	}
	rc = lyd_value_validate(NULL, leaf, in, strlen(in), NULL, NULL, &canonical);
	if (rc != LY_SUCCESS && rc != LY_EINCOMPLETE) { /* incomplete: a reference; see refs.h */
		return invalid(leaf, in, err);
	}
	*out = str_dup(canonical == NULL ? in : canonical);
	if (canonical != NULL) {
		lydict_remove(leaf->module->ctx, canonical);
	}
	if (model_is_lower_case(leaf)) {
		for (char *p = *out; *p != '\0'; p++) {
			*p = (char)tolower((unsigned char)*p);
		}
	}
	return 0;
}

int
value_check(const struct lysc_node *leaf, const json_t *in, json_t **out, struct err *err)
{
	char buf[VALUE_TEXT_SIZE];
	const char *text = lexical(leaf, in, buf, sizeof(buf));
	char *canonical;
	int rc;

	if (text == NULL) {
		return wrong_json_type(leaf, in, err);
	}
	rc = value_check_text(leaf, text, &canonical, err);
	if (rc != 0) {
		return rc;
	}
	*out = value_from_canonical(leaf, canonical);
	free(canonical);
	return 0;
}

json_t *
value_from_canonical(const struct lysc_node *leaf, const char *text)
{
	LY_DATA_TYPE type = model_type(leaf)->basetype;

	switch (type) {
	case LY_TYPE_BOOL:
		return json_boolean(text[0] == 't');
	case LY_TYPE_STRING:
	case LY_TYPE_ENUM:
	case LY_TYPE_UINT64:
	case LY_TYPE_INT64:
		return jx_string(text);
	default:
		return jx_integer(strtoll(text, NULL, 10));
	}
}
