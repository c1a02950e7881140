/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("audit");

#define QUOTE_MAX 200 /* bytes of what a caller wrote */

/* Append the text in quotes, cut, with what could break the line or the quotes as '?'. */
static void
append_quoted(char *buf, const char *text)
{
	char copy[QUOTE_MAX + 1];
	bool whole = str_copy(copy, text, sizeof(copy));

	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '"') {
			*c = '?';
		}
	}
	(void)str_appendf(buf, AUDIT_TEXT, "\"%s%s\"", copy, whole ? "" : "...");
}

/* "edit", "action fdb-flush", "program br0" */
static void
append_what(char *buf, const struct audit_end *end)
{
	const json_t *params = json_object_get(end->request, "params");
	const char *method = json_string_value(json_object_get(end->request, "method"));
	const char *name = json_string_value(json_object_get(params, "name"));
	const char *bridge = json_string_value(json_object_get(params, "bridge"));

	(void)str_append(buf, method == NULL ? "call" : method, AUDIT_TEXT);
	if (method != NULL && strcmp(method, "action") == 0 && name != NULL) {
		(void)str_append(buf, " ", AUDIT_TEXT);
		append_quoted(buf, name);
	} else if (method != NULL && strcmp(method, "program") == 0 && bridge != NULL) {
		(void)str_append(buf, " ", AUDIT_TEXT);
		append_quoted(buf, bridge);
	}
}

/* "3 changes, first create "/vswitch:vswitch/port[name='vm1']"": the first edit as it was asked
 * for, else the first change that was made */
static void
append_changes(char *buf, const json_t *params, const json_t *changes)
{
	const json_t *edits = json_object_get(params, "edits");
	const json_t *first = json_array_get(json_array_size(edits) > 0 ? edits : changes, 0);
	const char *op = json_string_value(json_object_get(first, "op"));
	const char *path = json_string_value(json_object_get(first, "path"));
	size_t n = json_array_size(changes);

	(void)str_appendf(buf, AUDIT_TEXT, ", %zu change%s", n, n == 1 ? "" : "s");
	if (op != NULL && path != NULL) {
		(void)str_appendf(buf, AUDIT_TEXT, "%s%s ", n == 1 ? ": " : ", first ", op);
		append_quoted(buf, path);
	}
}

static void
append_result(char *buf, const struct audit_end *end)
{
	const json_t *params = json_object_get(end->request, "params");
	const json_t *revision = json_object_get(end->result, "revision");
	const json_t *changes = json_object_get(end->result, "changes");
	const json_t *results = json_object_get(end->result, "results");
	const json_t *input = json_object_get(params, "input");
	const char *comment = json_string_value(json_object_get(params, "comment"));
	const char *until = json_string_value(json_object_get(end->result, "confirm-by"));
	char *text = json_object_size(input) == 0 ? NULL : json_dumps(input, JSON_COMPACT);

	if (revision != NULL) {
		(void)str_appendf(buf, AUDIT_TEXT, ", revision %" JSON_INTEGER_FORMAT,
			json_integer_value(revision));
	}
	if (json_is_array(changes)) {
		append_changes(buf, params, changes);
	}
	if (json_is_array(results)) {
		(void)str_appendf(buf, AUDIT_TEXT, ", %zu operations", json_array_size(results));
	}
	if (until != NULL) {
		(void)str_appendf(buf, AUDIT_TEXT, ", to be confirmed by %s", until);
	}
	if (text != NULL) {
		(void)str_appendf(buf, AUDIT_TEXT, ", input %.*s", QUOTE_MAX, text);
		free(text);
	}
	if (comment != NULL) {
		(void)str_append(buf, ", comment ", AUDIT_TEXT);
		append_quoted(buf, comment);
	}
}

const char *
audit_text(const struct audit_end *end, char buf[AUDIT_TEXT])
{
	const struct rpc_who *who = end->who;
	char user[RPC_USER_SIZE + 2];

	(void)snprintf(buf, AUDIT_TEXT, "%s (%s, role %s): ", rpc_who_user(who, user), who->from,
		rpc_role_name(who->role));
	append_what(buf, end);
	if (end->refusal != NULL) {
		(void)str_append(buf, " refused: ", AUDIT_TEXT);
		append_quoted(buf, end->refusal);
	} else {
		append_result(buf, end);
	}
	return buf;
}

void
audit_end(struct audit *audit, enum audit_kind kind, const struct audit_end *end)
{
	char more[LOG_RATE_TEXT];
	char text[AUDIT_TEXT];

	if (end->refusal != NULL) {
		if ((kind != AUDIT_LOOK || end->not_permitted) &&
			log_rate_may(&audit->refusals, clock_now(), more)) {
			log_warn("%s%s", audit_text(end, text), more);
		}
	} else if (kind == AUDIT_CONFIG) {
		log_notice("%s", audit_text(end, text));
	} else if (kind == AUDIT_OPERATE) {
		log_info("%s", audit_text(end, text));
	}
}
