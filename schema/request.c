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
read_confirm_timeout(const json_t *value, struct request *out, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, NULL, "\"confirm-timeout\" is not supported yet");
}

static const struct member {
	const char *name;
	int (*read)(const json_t *value, struct request *out, struct err *err);
} members[] = {
	{"edits", read_edits},
	{"base-revision", read_base_revision},
	{"dry-run", read_dry_run},
	{"comment", read_comment},
	{"confirm-timeout", read_confirm_timeout},
};

static int
unknown_member(const char *name, struct err *err)
{
	json_t *text = jx_string(name);
	char shown[JX_SHOW_SIZE];
	struct suggest suggest;
	int rc;

	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		suggest_offer(&suggest, members[i].name);
	}
	rc = err_set(err, ERR_MALFORMED, NULL, "an edit has no parameter %s%s",
		jx_show(text, shown, sizeof(shown)), suggest_text(&suggest));
	json_decref(text);
	return rc;
}

int
request_parse(const json_t *params, struct request *out, struct err *err)
{
	const char *name;
	json_t *value;

	memset(out, 0, sizeof(*out));
	if (!json_is_object(params)) {
		return err_set(err, ERR_MALFORMED, NULL,
			"an edit needs an object of parameters {edits: [...]}");
	}
	json_object_foreach ((json_t *)(uintptr_t)params, name, value) {
		size_t i = 0;
		int rc;

		while (i < ARRAY_LEN(members) && strcmp(members[i].name, name) != 0) {
			i++;
		}
		rc = i < ARRAY_LEN(members) ? members[i].read(value, out, err)
					    : unknown_member(name, err);
		if (rc != 0) {
			return rc;
		}
	}
	return out->edits != NULL ? 0 : read_edits(NULL, out, err);
}
