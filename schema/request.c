/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/request.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "schema/datastore.h"
#include "schema/jx.h"

static int
read_edits(const json_t *value, struct request *out, struct err *err)
{
	if (!json_is_array(value)) {
		return err_set(err, ERR_MALFORMED, NULL,
			"\"edits\" has to be an array of operations {op, path, value}");
	}
	if (json_array_size(value) > DS_EDITS_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"an edit has at most %d operations, this one has %zu", DS_EDITS_MAX,
			json_array_size(value));
	}
	out->edits = value;
	return 0;
}

static int
read_base_revision(const json_t *value, struct request *out, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		return err_set(err, ERR_MALFORMED, NULL,
			"\"base-revision\" has to be the number of a revision");
	}
	out->has_base = true;
	out->base = (uint64_t)json_integer_value(value);
	return 0;
}

static int
read_dry_run(const json_t *value, struct request *out, struct err *err)
{
	if (!json_is_boolean(value)) {
		return err_set(err, ERR_MALFORMED, NULL, "\"dry-run\" has to be true or false");
	}
	out->dry_run = json_is_true(value);
	return 0;
}

static int
read_comment(const json_t *value, struct request *out, struct err *err)
{
	if (!json_is_string(value) || json_string_length(value) > REQUEST_COMMENT_MAX) {
		return err_set(err, ERR_MALFORMED, NULL,
			"\"comment\" has to be a string of at most %d bytes", REQUEST_COMMENT_MAX);
	}
	out->comment = json_string_value(value);
	return 0;
}

static int
read_revision(const json_t *value, struct request *out, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		return err_set(err, ERR_MALFORMED, NULL,
			"\"revision\" has to be the number of a revision");
	}
	out->has_revision = true;
	out->revision = (uint64_t)json_integer_value(value);
	return 0;
}

static int
read_confirm_timeout(const json_t *value, struct request *out, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 1 ||
		json_integer_value(value) > DS_CONFIRM_MAX) {
		return err_set(err, ERR_MALFORMED, NULL,
			"\"confirm-timeout\" has to be a number of seconds from 1 to %d",
			DS_CONFIRM_MAX);
	}
	out->confirm_timeout = (unsigned int)json_integer_value(value);
	return 0;
}

#define OF_EDIT (1U << REQUEST_EDIT)
#define OF_ROLLBACK (1U << REQUEST_ROLLBACK)

static const struct member {
	const char *name;
	unsigned int of;
	int (*read)(const json_t *value, struct request *out, struct err *err);
} members[] = {
	{"edits", OF_EDIT, read_edits},
	{"revision", OF_ROLLBACK, read_revision},
	{"base-revision", OF_EDIT | OF_ROLLBACK, read_base_revision},
	{"dry-run", OF_EDIT | OF_ROLLBACK, read_dry_run},
	{"comment", OF_EDIT | OF_ROLLBACK, read_comment},
	{"confirm-timeout", OF_EDIT | OF_ROLLBACK, read_confirm_timeout},
};

static const char *const kind_names[] = {
	[REQUEST_EDIT] = "an edit",
	[REQUEST_ROLLBACK] = "a rollback",
};

static int
unknown_member(enum request_kind kind, const char *name, struct err *err)
{
	json_t *text = jx_string(name);
	char shown[JX_SHOW_SIZE];
	struct suggest suggest;
	int rc;

	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if ((members[i].of & 1U << kind) != 0) {
			suggest_offer(&suggest, members[i].name);
		}
	}
	rc = err_set(err, ERR_MALFORMED, NULL, "%s has no parameter %s%s", kind_names[kind],
		jx_show(text, shown, sizeof(shown)), suggest_text(&suggest));
	json_decref(text);
	return rc;
}

static const struct member *
find_member(enum request_kind kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if ((members[i].of & 1U << kind) != 0 && strcmp(members[i].name, name) == 0) {
			return &members[i];
		}
	}
	return NULL;
}

int
request_parse(enum request_kind kind, const json_t *params, struct request *out, struct err *err)
{
	const char *name;
	json_t *value;

	memset(out, 0, sizeof(*out));
	if (kind == REQUEST_ROLLBACK && params == NULL) {
		return 0;
	}
	if (!json_is_object(params)) {
		return err_set(err, ERR_MALFORMED, NULL, "%s needs an object of parameters%s",
			kind_names[kind], kind == REQUEST_EDIT ? " {edits: [...]}" : "");
	}
	json_object_foreach ((json_t *)(uintptr_t)params, name, value) {
		const struct member *member = find_member(kind, name);
		int rc = member != NULL ? member->read(value, out, err)
					: unknown_member(kind, name, err);

		if (rc != 0) {
			return rc;
		}
	}
	return kind == REQUEST_EDIT && out->edits == NULL ? read_edits(NULL, out, err) : 0;
}
