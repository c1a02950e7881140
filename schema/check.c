/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "schema/jx.h"
#include "schema/path.h"
#include "schema/sorted.h"
#include "schema/value.h"

/* One walk. The path grows and shrinks as the walk goes down and up. */
struct walk {
	char path[ERR_PATH_SIZE];
	enum check_extent extent;
	bool changed; /* canonical values that operations have changed */
	bool qualified; /* some member so far had the module's name in its own */
	struct err *err;
};

static int check_instance(struct walk *w, const struct lysc_node *node, const json_t *known,
	const json_t *in, json_t **out);

/* The member, with or without our module in its name; few clients write it, so it is tried last. */
static const json_t *
member(const struct walk *w, const json_t *object, const char *name)
{
	char qualified[128];
	const json_t *value = json_object_get(object, name);

	if (value == NULL && w->qualified) {
		(void)snprintf(qualified, sizeof(qualified), MODEL_NAME ":%s", name);
		value = json_object_get(object, qualified);
	}
	return value;
}

static int
check_leaf(struct walk *w, const struct lysc_node *leaf, const json_t *in, json_t **out)
{
	int rc;

	if (w->changed) {
		*out = json_incref((json_t *)(uintptr_t)in);
		return 0;
	}
	rc = value_check(leaf, in, out, w->err);
	if (rc != 0 && w->err != NULL) {
		(void)str_copy(w->err->path, w->path, sizeof(w->err->path));
	}
	return rc;
}

/* --- arrays --------------------------------------------------------------------------------- */

/* Longest key that is shown in a path; a longer one is wrong, and cutting could split a character.
 */
#define KEY_SHOWN_MAX 64

/* Extends the path by the entry's keys as they were given, or by its position. */
static void
enter_entry(struct walk *w, const struct lysc_node *node, const json_t *entry, size_t index)
{
	const struct lysc_node *key;
	char text[VALUE_TEXT_SIZE];
	size_t used = strlen(w->path);

	if (node->nodetype == LYS_LEAFLIST) {
		return; /* the leaf-list itself is named, the value is in the message */
	}
	for (size_t i = 0; (key = model_key(node, i)) != NULL; i++) {
		const json_t *value = member(w, entry, key->name);

		if ((!json_is_string(value) && !json_is_integer(value)) ||
			json_string_length(value) > KEY_SHOWN_MAX) {
			w->path[used] = '\0';
			(void)str_appendf(w->path, sizeof(w->path), "[%zu]", index + 1);
			return;
		}
		path_append_key(
			w->path, sizeof(w->path), key->name, value_text(value, text, sizeof(text)));
	}
}

static int
check_unique(struct walk *w, const struct lysc_node *node, const json_t *sorted)
{
	size_t n = json_array_size(sorted);

	for (size_t i = 1; i < n; i++) {
		const json_t *entry = json_array_get(sorted, i);
		char shown[JX_SHOW_SIZE];

		if (sorted_compare(node, json_array_get(sorted, i - 1), entry) != 0) {
			continue;
		}
		enter_entry(w, node, entry, i);
		if (node->nodetype == LYS_LEAFLIST) {
			return err_set(w->err, ERR_INVALID, w->path, "%s is twice in '%s'",
				jx_show(entry, shown, sizeof(shown)), node->name);
		}
		return err_set(w->err, ERR_INVALID, w->path,
			"list '%s' has two entries with these keys", node->name);
	}
	return 0;
}

static int
check_entry_keys(struct walk *w, const struct lysc_node *list, const json_t *in)
{
	const struct lysc_node *key;

	for (size_t i = 0; json_is_object(in) && (key = model_key(list, i)) != NULL; i++) {
		if (member(w, in, key->name) == NULL) {
			return err_set(w->err, ERR_INVALID, w->path,
				"an entry of list '%s' needs its key '%s'", list->name, key->name);
		}
	}
	return 0;
}

/* Is any member written with the module's name? */
static void
note_qualified(struct walk *w, const json_t *entry)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)entry, name, value) {
		w->qualified = w->qualified || strchr(name, ':') != NULL;
	}
}

/* Each entry by itself, with its name in the path. */
static int
check_elements(struct walk *w, const struct lysc_node *node, const json_t *in, json_t *array)
{
	size_t used = strlen(w->path);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_array_size(in); i++) {
		const json_t *entry = json_array_get(in, i);
		json_t *checked = NULL;

		note_qualified(w, entry);
		enter_entry(w, node, entry, i);
		rc = node->nodetype == LYS_LIST ? check_entry_keys(w, node, entry) : 0;
		if (rc == 0) {
			rc = check_instance(w, node, NULL, entry, &checked);
		}
		if (rc == 0) {
			jx_append(array, checked);
		}
		w->path[used] = '\0';
	}
	return rc;
}

#define AHEAD 16

/*
 * The same of entries that operations have changed, come to or taken away: those that are known, in
 * order, pass. Operations keep entries apart and sorted. An entry that is not found among the known
 * ones is checked once more, which does no harm.
 */
static int
check_changed_elements(struct walk *w, const struct lysc_node *node, const json_t *known,
	const json_t *in, json_t *array)
{
	const size_t n_known = json_array_size(known);
	size_t used = strlen(w->path);
	size_t next = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_array_size(in); i++) {
		json_t *entry = json_array_get(in, i);
		json_t *checked = NULL;
		size_t at = next;

		while (at < n_known && at < next + AHEAD && json_array_get(known, at) != entry) {
			at++;
		}
		if (at < n_known && json_array_get(known, at) == entry) {
			next = at + 1;
			jx_append(array, json_incref(entry));
			continue;
		}
		enter_entry(w, node, entry, i);
		rc = check_instance(w, node, NULL, entry, &checked);
		if (rc == 0) {
			jx_append(array, checked);
		}
		w->path[used] = '\0';
	}
	return rc;
}

static int
check_order(struct walk *w, const struct lysc_node *node, const json_t *array)
{
	json_t *sorted = model_is_user_ordered(node) ? jx_copy_top(array)
						     : json_incref((json_t *)(uintptr_t)array);
	size_t used = strlen(w->path);
	int rc;

	sorted_sort(node, sorted);
	rc = check_unique(w, node, sorted);
	json_decref(sorted);
	w->path[used] = '\0';
	return rc;
}

static int
check_array(struct walk *w, const struct lysc_node *node, const json_t *known, const json_t *in,
	json_t **out)
{
	char shown[JX_SHOW_SIZE];
	json_t *array;
	int rc;

	if (!json_is_array(in)) {
		return err_set(w->err, ERR_INVALID, w->path, "'%s' takes an array of %s, not %s",
			node->name, node->nodetype == LYS_LIST ? "objects" : "values",
			jx_show(in, shown, sizeof(shown)));
	}
	array = jx_array();
	if (w->changed) {
		rc = check_changed_elements(w, node, known, in, array);
	} else {
		rc = check_elements(w, node, in, array);
		rc = rc == 0 ? check_order(w, node, array) : rc;
	}
	if (rc != 0) {
		json_decref(array);
		return rc;
	}
	*out = array;
	return 0;
}

/* --- objects -------------------------------------------------------------------------------- */

/* The member's name without our module in front. */
static const char *
local_name(const char *name)
{
	size_t len = strlen(MODEL_NAME);

	return strncmp(name, MODEL_NAME, len) == 0 && name[len] == ':' ? name + len + 1 : name;
}

static int
unknown_member(struct walk *w, const struct lysc_node *parent, const char *name)
{
	struct suggest suggest;
	char shown[JX_SHOW_SIZE];
	json_t *text = jx_string(name);
	int rc;

	suggest_init(&suggest, name, strlen(name));
	model_suggest(parent, true, &suggest);
	rc = err_set(w->err, ERR_UNKNOWN, w->path, "there is no %s in '%s'%s",
		jx_show(text, shown, sizeof(shown)), parent->name, suggest_text(&suggest));
	json_decref(text);
	return rc;
}

/* Each member of `in` is a node that can be configured, and is there once. */
static int
check_names(struct walk *w, const struct lysc_node *parent, const json_t *in)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)in, name, value) {
		const char *local = local_name(name);
		const struct lysc_node *child = model_child(parent, local, strlen(local));

		if (name[0] == '@') {
			return err_set(w->err, ERR_UNSUPPORTED, w->path,
				"metadata (members that start with '@') is not supported");
		}
		if (child == NULL) {
			return unknown_member(w, parent, local);
		}
		if (!model_is_config(child)) {
			return err_set(w->err, ERR_INVALID, w->path,
				"'%s' is state: it can be read, not configured", child->name);
		}
		if (local != name && json_object_get(in, local) != NULL) {
			return err_set(w->err, ERR_INVALID, w->path,
				"'%s' is given twice, with and without module name", child->name);
		}
	}
	return 0;
}

/* Empty containers and lists are nothing in YANG; they are not kept. */
static bool
is_empty(const json_t *value)
{
	return (json_is_array(value) && json_array_size(value) == 0) ||
		(json_is_object(value) && json_object_size(value) == 0);
}

static int
check_child(struct walk *w, const struct lysc_node *child, const json_t *known, const json_t *in,
	json_t *object)
{
	size_t used = strlen(w->path);
	json_t *checked = NULL;
	int rc;

	if (w->changed && in == known) {
		jx_set(object, child->name, json_incref((json_t *)(uintptr_t)in));
		return 0;
	}
	(void)str_append(w->path, "/", sizeof(w->path));
	(void)str_append(w->path, child->name, sizeof(w->path));
	rc = model_is_many(child) ? check_array(w, child, known, in, &checked)
				  : check_instance(w, child, known, in, &checked);
	w->path[used] = '\0';
	if (rc != 0) {
		return rc;
	}
	if (is_empty(checked)) {
		json_decref(checked);
	} else {
		jx_set(object, child->name, checked);
	}
	return 0;
}

static int
missing_leaf(struct walk *w, const struct lysc_node *leaf)
{
	char what[512];

	(void)str_appendf(w->path, sizeof(w->path), "/%s", leaf->name);
	return err_set(w->err, ERR_INVALID, w->path, "'%s' is missing; it takes %s", leaf->name,
		value_describe(leaf, what, sizeof(what)));
}

static int
check_object(struct walk *w, const struct lysc_node *node, const json_t *known, const json_t *in,
	json_t **out)
{
	char shown[JX_SHOW_SIZE];
	json_t *object;
	int rc;

	if (!json_is_object(in)) {
		return err_set(w->err, ERR_INVALID, w->path, "'%s' takes an object, not %s",
			node->name, jx_show(in, shown, sizeof(shown)));
	}
	note_qualified(w, in);
	rc = check_names(w, node, in);
	if (rc != 0) {
		return rc;
	}
	object = jx_object();
	for (const struct lysc_node *child = model_first(node); rc == 0 && child != NULL;
		child = child->next) {
		const json_t *value = member(w, in, child->name);

		if (value != NULL) {
			rc = check_child(
				w, child, json_object_get(known, child->name), value, object);
		} else if (w->extent != CHECK_PART && model_is_config(child) &&
			child->nodetype == LYS_LEAF && (child->flags & LYS_MAND_TRUE) != 0) {
			rc = missing_leaf(w, child);
		}
	}
	if (rc != 0) {
		json_decref(object);
		return rc;
	}
	*out = object;
	return 0;
}

static int
check_instance(struct walk *w, const struct lysc_node *node, const json_t *known, const json_t *in,
	json_t **out)
{
	return model_is_leaf(node) ? check_leaf(w, node, in, out)
				   : check_object(w, node, known, in, out);
}

int
check_changed(const struct lysc_node *node, const char *path, const json_t *known, const json_t *in,
	json_t **out, struct err *err)
{
	struct walk w = {.extent = CHECK_FULL, .changed = true, .err = err};

	(void)str_copy(w.path, path, sizeof(w.path));
	return check_instance(&w, node, known, in, out);
}

int
check_value(const struct lysc_node *node, const char *path, enum check_shape shape,
	enum check_extent extent, const json_t *in, json_t **out, struct err *err)
{
	struct walk w = {.extent = extent, .err = err};

	(void)str_copy(w.path, path, sizeof(w.path));
	if (shape == CHECK_WHOLE && model_is_many(node)) {
		return check_array(&w, node, NULL, in, out);
	}
	return check_instance(&w, node, NULL, in, out);
}

/* --- defaults ------------------------------------------------------------------------------- */

/* Whether there is a leaf with a default below the node. */
static bool
has_defaults(const struct lysc_node *node)
{
	if (model_is_leaf(node) || !model_is_config(node)) {
		return model_is_config(node) && model_default(node) != NULL;
	}
	for (const struct lysc_node *child = model_first(node); child != NULL;
		child = child->next) {
		if (has_defaults(child)) {
			return true;
		}
	}
	return false;
}

static void
fill_defaults(const struct lysc_node *node, json_t *object)
{
	for (const struct lysc_node *child = model_first(node); child != NULL;
		child = child->next) {
		if (!has_defaults(child)) {
			continue;
		}
		if (child->nodetype == LYS_CONTAINER) {
			fill_defaults(child, jx_sub_object(object, child->name));
		} else if (child->nodetype == LYS_LIST) {
			json_t *array = jx_own_member(object, child->name);

			for (size_t i = 0; i < json_array_size(array); i++) {
				fill_defaults(child, jx_own_element(array, i));
			}
		} else if (json_object_get(object, child->name) == NULL) {
			jx_set(object, child->name,
				value_from_canonical(child, model_default(child)));
		}
	}
}

json_t *
check_with_defaults(const struct lysc_node *node, const json_t *config)
{
	json_t *full = jx_copy_top(config);

	fill_defaults(node, full);
	return full;
}
