/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/operation.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "schema/check.h"
#include "schema/edit_node.h"
#include "schema/jx.h"
#include "schema/value.h"

static const char *const op_names[] = {
	[EDIT_MERGE] = "merge",
	[EDIT_CREATE] = "create",
	[EDIT_REPLACE] = "replace",
	[EDIT_DELETE] = "delete",
	[EDIT_REMOVE] = "remove",
	[EDIT_INSERT] = "insert",
	[EDIT_MOVE] = "move",
};

static const char *const where_names[] = {
	[EDIT_LAST] = "last",
	[EDIT_FIRST] = "first",
	[EDIT_BEFORE] = "before",
	[EDIT_AFTER] = "after",
};

static int
parse_op_name(const json_t *json, size_t index, enum edit_op *out, struct err *err)
{
	const char *name = json_string_value(json);
	struct suggest suggest;

	if (name == NULL) {
		return err_set(err, ERR_MALFORMED, NULL,
			"edits[%zu] needs a string \"op\": merge, create, replace, delete, "
			"remove, insert or move",
			index);
	}
	suggest_init(&suggest, name, strlen(name));
	for (size_t i = 0; i < ARRAY_LEN(op_names); i++) {
		if (strcmp(name, op_names[i]) == 0) {
			*out = (enum edit_op)i;
			return 0;
		}
		suggest_offer(&suggest, op_names[i]);
	}
	return err_set(err, ERR_MALFORMED, NULL,
		"edits[%zu] has an unknown \"op\"; there are merge, create, replace, delete, "
		"remove, insert and move%s",
		index, suggest_text(&suggest));
}

static int
check_operation_members(const json_t *operation, size_t index, struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(operation)) {
		return err_set(err, ERR_MALFORMED, NULL,
			"edits[%zu] has to be an object {\"op\", \"path\", \"value\"}", index);
	}
	json_object_foreach ((json_t *)(uintptr_t)operation, name, value) {
		char shown[JX_SHOW_SIZE];
		json_t *text;
		int rc;

		if (strcmp(name, "op") == 0 || strcmp(name, "path") == 0 ||
			strcmp(name, "value") == 0 || strcmp(name, "where") == 0 ||
			strcmp(name, "point") == 0) {
			continue;
		}
		text = jx_string(name);
		rc = err_set(err, ERR_MALFORMED, NULL,
			"edits[%zu] has the unknown member %s; there are op, path, value, where "
			"and point",
			index, jx_show(text, shown, sizeof(shown)));
		json_decref(text);
		return rc;
	}
	return 0;
}

/* Can this node be the target of this operation at all? */
static int
check_target(const struct operation *operation, const char *text, struct err *err)
{
	const struct path_step *last = path_last(&operation->path);

	for (size_t i = 0; i < operation->path.n_steps; i++) {
		if (!model_is_config(operation->path.steps[i].node)) {
			return err_set(err, ERR_INVALID, text,
				"'%s' is state: it can be read, not configured",
				operation->path.steps[i].node->name);
		}
	}
	if (last == NULL) {
		return 0;
	}
	if (last->node->nodetype == LYS_LIST && !last->keyed) {
		return err_set(err, ERR_INVALID, text,
			"an operation acts on one entry of list '%s'; write %s[%s='...']",
			last->node->name, last->node->name, model_key(last->node, 0)->name);
	}
	if (lysc_is_key(last->node)) {
		return err_set(err, ERR_INVALID, text,
			"'%s' is the key of its entry and cannot change; create another entry and "
			"delete this one",
			last->node->name);
	}
	return 0;
}

/* Key leaves of the value agree with those of the path, and are filled in where missing. */
static int
settle_keys(const struct path_step *step, const char *text, json_t *value, struct err *err)
{
	for (size_t i = 0; i < step->n_keys; i++) {
		const struct lysc_node *key = model_key(step->node, i);
		const json_t *given = json_object_get(value, key->name);
		char buf[VALUE_TEXT_SIZE];

		if (given != NULL &&
			strcmp(value_text(given, buf, sizeof(buf)), step->keys[i]) != 0) {
			return err_set(err, ERR_INVALID, text,
				"the value's key '%s' is not that of the path, '%s'", key->name,
				step->keys[i]);
		}
	}
	edit_node_set_keys(step, value);
	return 0;
}

/* The value of a keyed leaf-list step, which may be left out, is that of the path. */
static int
settle_leaf_list(const struct path_step *step, const char *text, json_t *value, struct err *err)
{
	char buf[VALUE_TEXT_SIZE];

	if (strcmp(value_text(value, buf, sizeof(buf)), step->value) == 0) {
		return 0;
	}
	return err_set(
		err, ERR_INVALID, text, "the value is not that of the path, '%s'", step->value);
}

int
operation_unwrap(const json_t *document, const json_t **root, struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(document)) {
		return err_set(err, ERR_INVALID, "/",
			"a configuration is an object {\"" MODEL_ROOT "\": {...}}");
	}
	*root = json_object_get(document, MODEL_ROOT);
	json_object_foreach ((json_t *)(uintptr_t)document, name, value) {
		if (strcmp(name, MODEL_ROOT) != 0) {
			json_t *text = jx_string(name);
			char shown[JX_SHOW_SIZE];
			int rc = err_set(err, ERR_UNKNOWN, "/",
				"there is no %s at the top, only \"" MODEL_ROOT "\"",
				jx_show(text, shown, sizeof(shown)));

			json_decref(text);
			return rc;
		}
	}
	return 0;
}

static int
missing_value(const struct lysc_node *node, const char *text, struct err *err)
{
	char what[512] = "an object";

	if (model_is_leaf(node)) {
		(void)value_describe(node, what, sizeof(what));
	}
	return err_set(err, ERR_MALFORMED, text, "\"value\" is missing; '%s' takes %s%s",
		node->name, node->nodetype == LYS_LEAFLIST ? "an array of: " : "", what);
}

static int
parse_value(const struct model *model, struct operation *operation, const char *text,
	const json_t *value, struct err *err)
{
	const struct path_step *last = path_last(&operation->path);
	const struct lysc_node *node = last == NULL ? model->root : last->node;
	bool keyed = last != NULL && last->keyed;
	json_t *implied = NULL;
	char where[ERR_PATH_SIZE];
	int rc = 0;

	if (last == NULL && value != NULL) {
		rc = operation_unwrap(value, &value, err);
	}
	if (value == NULL && keyed && node->nodetype == LYS_LEAFLIST) {
		value = implied = value_from_canonical(node, last->value);
	} else if (value == NULL && keyed) {
		value = implied = jx_object();
	}
	if (rc == 0 && value == NULL) {
		rc = missing_value(node, text, err);
	}
	if (rc == 0) {
		path_print(&operation->path, operation->path.n_steps, where, sizeof(where));
		rc = check_value(node, last == NULL ? "/" MODEL_ROOT : where,
			keyed ? CHECK_ENTRY : CHECK_WHOLE, CHECK_PART, value, &operation->value,
			err);
	}
	if (rc == 0 && keyed) {
		rc = node->nodetype == LYS_LIST
			? settle_keys(last, text, operation->value, err)
			: settle_leaf_list(last, text, operation->value, err);
	}
	json_decref(implied);
	return rc;
}

/* --- insert and move ------------------------------------------------------------------------- */

static int
parse_where(const json_t *json, const char *text, enum edit_where *out, struct err *err)
{
	const char *name = json_string_value(json);

	if (json == NULL) {
		*out = EDIT_LAST;
		return 0;
	}
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(where_names); i++) {
		if (strcmp(name, where_names[i]) == 0) {
			*out = (enum edit_where)i;
			return 0;
		}
	}
	return err_set(
		err, ERR_MALFORMED, text, "\"where\" has to be first, last, before or after");
}

/* Both paths lead to the same list. */
static bool
same_list(const struct path *a, const struct path *b)
{
	char a_text[ERR_PATH_SIZE];
	char b_text[ERR_PATH_SIZE];

	return a->n_steps == b->n_steps && path_last(a)->node == path_last(b)->node &&
		path_last(b)->keyed &&
		strcmp(path_print(a, a->n_steps - 1, a_text, sizeof(a_text)),
			path_print(b, b->n_steps - 1, b_text, sizeof(b_text))) == 0;
}

static int
parse_point(const struct model *model, const char *point, const char *text,
	struct operation *operation, struct err *err)
{
	char where[ERR_PATH_SIZE];
	char self[ERR_PATH_SIZE];
	int rc;

	if (operation->where != EDIT_BEFORE && operation->where != EDIT_AFTER) {
		return point == NULL ? 0
				     : err_set(err, ERR_MALFORMED, text,
					       "\"point\" goes with \"where\" before or after");
	}
	if (point == NULL) {
		return err_set(err, ERR_MALFORMED, text,
			"\"where\" %s needs a \"point\": the path of the entry to be %s",
			where_names[operation->where], where_names[operation->where]);
	}
	rc = path_parse(model, point, &operation->point, err);
	if (rc != 0) {
		return rc;
	}
	if (operation->point.n_steps == 0 || !same_list(&operation->path, &operation->point)) {
		return err_set(err, ERR_INVALID, text,
			"\"point\" has to be another entry of the same list");
	}
	(void)path_print(&operation->path, operation->path.n_steps, self, sizeof(self));
	(void)path_print(&operation->point, operation->point.n_steps, where, sizeof(where));
	if (strcmp(self, where) == 0) {
		return err_set(err, ERR_INVALID, text,
			"\"point\" has to be another entry than the one that is placed");
	}
	return 0;
}

static int
parse_place(const struct model *model, const json_t *json, const char *text,
	struct operation *operation, struct err *err)
{
	const struct path_step *last = path_last(&operation->path);
	const json_t *point = json_object_get(json, "point");
	const json_t *where = json_object_get(json, "where");
	int rc;

	if (operation->op != EDIT_INSERT && operation->op != EDIT_MOVE) {
		return where == NULL && point == NULL
			? 0
			: err_set(err, ERR_MALFORMED, text,
				  "\"where\" and \"point\" go with insert and move");
	}
	if (last == NULL || !last->keyed || !model_is_user_ordered(last->node)) {
		return err_set(err, ERR_INVALID, text,
			"%s acts on an entry of a list whose order is the user's, such as ace of "
			"an acl",
			op_names[operation->op]);
	}
	if (point != NULL && !json_is_string(point)) {
		return err_set(err, ERR_MALFORMED, text, "\"point\" has to be a path");
	}
	rc = parse_where(where, text, &operation->where, err);
	return rc != 0 ? rc : parse_point(model, json_string_value(point), text, operation, err);
}

int
operation_parse(const struct model *model, const json_t *json, size_t index, struct operation *out,
	struct err *err)
{
	const char *text = json_string_value(json_object_get(json, "path"));
	const json_t *value = json_object_get(json, "value");
	int rc = check_operation_members(json, index, err);

	memset(out, 0, sizeof(*out));
	if (rc == 0) {
		rc = parse_op_name(json_object_get(json, "op"), index, &out->op, err);
	}
	if (rc == 0 && text == NULL) {
		rc = err_set(err, ERR_MALFORMED, NULL, "edits[%zu] needs a string \"path\"", index);
	}
	if (rc == 0) {
		rc = path_parse(model, text, &out->path, err);
	}
	if (rc == 0) {
		rc = check_target(out, text, err);
	}
	if (rc == 0) {
		rc = parse_place(model, json, text, out, err);
	}
	if (rc != 0) {
		return rc;
	}
	if (out->op != EDIT_DELETE && out->op != EDIT_REMOVE && out->op != EDIT_MOVE) {
		return parse_value(model, out, text, value, err);
	}
	if (value != NULL) {
		return err_set(
			err, ERR_MALFORMED, text, "%s takes no \"value\"", op_names[out->op]);
	}
	return 0;
}

void
operation_fini(struct operation *operation)
{
	path_fini(&operation->path);
	path_fini(&operation->point);
	json_decref(operation->value);
	operation->value = NULL;
}
