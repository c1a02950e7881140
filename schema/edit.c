/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/edit.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "schema/check.h"
#include "schema/edit_node.h"
#include "schema/jx.h"
#include "schema/path.h"
#include "schema/rules.h"

#define ROOT_STEPS 1 /* steps of /vswitch:vswitch */
#define ENTRY_STEPS 2 /* steps of /vswitch:vswitch/port[name='vm1'] */

struct edit {
	const struct model *model;
	struct tree *tree;
	struct edit_entry **entries; /* in the order in which they were touched */
	size_t n_entries;
	size_t size;
	void *by_key; /* the same, by list and key */
};

/* --- touched entries ------------------------------------------------------------------------ */

static int
compare_touched(const void *a, const void *b)
{
	const struct edit_entry *x = a;
	const struct edit_entry *y = b;

	if (x->list != y->list) {
		return x->list->rank < y->list->rank ? -1 : 1;
	}
	return strcmp(x->key, y->key);
}

static void
free_touched(struct edit_entry *entry)
{
	json_decref(entry->before);
	json_decref(entry->after);
	free(entry->key);
	free(entry);
}

static struct edit_entry *
touch(struct edit *edit, struct tree_list *list, const char *key)
{
	struct edit_entry probe = {.list = list, .key = (char *)(uintptr_t)key};
	void *node = tfind(&probe, &edit->by_key, compare_touched);
	struct edit_entry *entry;

	if (node != NULL) {
		return *(struct edit_entry **)node;
	}
	entry = calloc(1, sizeof(*entry));
	if (edit->n_entries == edit->size) {
		edit->size = edit->size == 0 ? 16 : 2 * edit->size;
		edit->entries = reallocarray(edit->entries, edit->size, sizeof(*edit->entries));
	}
	if (entry == NULL || edit->entries == NULL) {
		abort();
	}
	entry->list = list;
	entry->key = str_dup(key);
	entry->before = json_incref((json_t *)(uintptr_t)tree_get(list, key));
	entry->after = json_incref(entry->before);
	edit->entries[edit->n_entries++] = entry;
	if (tsearch(entry, &edit->by_key, compare_touched) == NULL) {
		abort();
	}
	return entry;
}

/* Take `after` as the entry's end state. */
static void
set_after(struct edit_entry *entry, json_t *after)
{
	json_decref(entry->after);
	entry->after = after;
	entry->own = true;
}

static json_t *
writable(struct edit_entry *entry)
{
	if (!entry->own) {
		set_after(entry, jx_copy_top(entry->after));
	}
	return entry->after;
}

void
edit_create(const struct model *model, struct tree *tree, struct edit **out)
{
	struct edit *edit = calloc(1, sizeof(*edit));

	if (edit == NULL) {
		abort();
	}
	edit->model = model;
	edit->tree = tree;
	*out = edit;
}

static void
keep_node(void *node)
{
}

void
edit_destroy(struct edit *edit)
{
	if (edit == NULL) {
		return;
	}
	tdestroy(edit->by_key, keep_node);
	for (size_t i = 0; i < edit->n_entries; i++) {
		free_touched(edit->entries[i]);
	}
	free(edit->entries);
	free(edit);
}

size_t
edit_count(const struct edit *edit)
{
	return edit->n_entries;
}

const struct edit_entry *
edit_at(const struct edit *edit, size_t index)
{
	assert(index < edit->n_entries);
	return edit->entries[index];
}

/* --- operations on an entry ----------------------------------------------------------------- */

/* A container has no existence of its own (RFC 7950 section 7.5.1): it exists when it has content.
 */
static bool
exists(const struct edit_entry *entry)
{
	return entry->list->node->nodetype == LYS_LIST ? entry->after != NULL
						       : json_object_size(entry->after) != 0;
}

static int
missing_entry(const struct edit_entry *entry, const char *remedy, struct err *err)
{
	char path[ERR_PATH_SIZE];
	struct suggest suggest;

	tree_suggest(entry->list, entry->key, &suggest);
	return err_set(err, ERR_MISSING, tree_path(entry->list, entry->key, path, sizeof(path)),
		"there is no %s '%s'%s%s", tree_list_name(entry->list), entry->key, remedy,
		suggest_text(&suggest));
}

static int
apply_to_entry(struct edit_entry *entry, enum edit_op op, const json_t *value, struct err *err)
{
	char path[ERR_PATH_SIZE];

	switch (op) {
	case EDIT_CREATE:
		if (exists(entry)) {
			return err_set(err, ERR_EXISTS,
				tree_path(entry->list, entry->key, path, sizeof(path)),
				"%s '%s' exists already; use merge or replace to change it",
				tree_list_name(entry->list), entry->key);
		}
		set_after(entry, jx_copy(value));
		return 0;
	case EDIT_MERGE:
		if (exists(entry)) {
			edit_node_merge(entry->list->node, writable(entry), value);
			return 0;
		}
		set_after(entry, jx_copy(value));
		return 0;
	case EDIT_REPLACE:
		set_after(entry, jx_copy(value));
		return 0;
	case EDIT_DELETE:
		if (!exists(entry)) {
			return missing_entry(entry, " to delete", err);
		}
		break;
	case EDIT_REMOVE:
		break;
	default:
		assert(!"operation_parse keeps insert and move from lists at the top");
	}
	set_after(entry, entry->list->node->nodetype == LYS_LIST ? NULL : jx_object());
	return 0;
}

/* --- operations on the root ----------------------------------------------------------------- */

struct remove_all {
	struct edit *edit;
	struct tree_list *list;
	bool found;
};

static int
remove_visited(void *arg, const char *key, const json_t *config)
{
	struct remove_all *all = arg;
	struct edit_entry *entry = touch(all->edit, all->list, key);

	all->found = all->found || exists(entry);
	return apply_to_entry(entry, EDIT_REMOVE, NULL, NULL);
}

/* Everything goes; false if nothing was there. */
static bool
clear(struct edit *edit)
{
	struct remove_all all = {.edit = edit};

	/* Entries that this edit created are not in the tree. */
	for (size_t i = 0; i < edit->n_entries; i++) {
		all.list = edit->entries[i]->list;
		(void)remove_visited(&all, edit->entries[i]->key, NULL);
	}
	for (size_t i = 0; (all.list = tree_list_at(edit->tree, i)) != NULL; i++) {
		(void)tree_each(all.list, remove_visited, &all);
	}
	return all.found;
}

static int
apply_values(struct edit *edit, enum edit_op op, struct tree_list *list, const json_t *value,
	struct err *err)
{
	const char *key_name;
	json_t *entry;
	size_t i;
	int rc = 0;

	if (list->node->nodetype == LYS_CONTAINER) {
		return apply_to_entry(touch(edit, list, ""), op, value, err);
	}
	key_name = model_key(list->node, 0)->name;
	json_array_foreach (value, i, entry) {
		const char *key = json_string_value(json_object_get(entry, key_name));

		rc = apply_to_entry(touch(edit, list, key), op, entry, err);
		if (rc != 0) {
			break;
		}
	}
	return rc;
}

static int
apply_to_root(struct edit *edit, enum edit_op op, const json_t *value, struct err *err)
{
	const char *name;
	json_t *member;
	int rc = 0;

	if (op == EDIT_REPLACE || op == EDIT_DELETE || op == EDIT_REMOVE) {
		bool found = clear(edit);

		if (op != EDIT_REPLACE) {
			return found || op == EDIT_REMOVE
				? 0
				: err_set(err, ERR_MISSING, "/" MODEL_ROOT,
					  "there is no configuration to delete");
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
		const struct lysc_node *node = model_child(edit->model->root, name, strlen(name));

		rc = apply_values(edit, op, tree_find_list(edit->tree, node), member, err);
		if (rc != 0) {
			break;
		}
	}
	return rc;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int
apply_parsed(struct edit *edit, const struct operation *operation, struct err *err)
{
	const struct path *path = &operation->path;
	const struct path_step *step = &path->steps[ENTRY_STEPS - 1];
	struct edit_entry *entry;

	if (path->n_steps <= ROOT_STEPS) {
		return apply_to_root(edit, operation->op, operation->value, err);
	}
	entry = touch(edit, tree_find_list(edit->tree, step->node),
		step->node->nodetype == LYS_LIST ? step->keys[0] : "");
	if (path->n_steps == ENTRY_STEPS) {
		return apply_to_entry(entry, operation->op, operation->value, err);
	}
	if (entry->after == NULL) {
		return operation->op == EDIT_REMOVE
			? 0
			: missing_entry(entry, "; create it first", err);
	}
	return edit_node_apply(writable(entry), operation, ENTRY_STEPS - 1, err);
}

int
edit_apply(struct edit *edit, const json_t *json, size_t index, struct err *err)
{
	struct operation operation;
	int rc = operation_parse(edit->model, json, index, &operation, err);

	if (rc == 0) {
		rc = apply_parsed(edit, &operation, err);
	}
	operation_fini(&operation);
	return rc;
}

int
edit_load(struct edit *edit, const json_t *document, struct err *err)
{
	json_t *nothing = jx_object();
	const json_t *root = NULL;
	json_t *value = NULL;
	int rc = operation_unwrap(document, &root, err);

	if (rc == 0) {
		rc = check_value(edit->model->root, "/" MODEL_ROOT, CHECK_ENTRY, CHECK_PART,
			root == NULL ? nothing : root, &value, err);
	}
	if (rc == 0) {
		rc = apply_to_root(edit, EDIT_REPLACE, value, err);
	}
	json_decref(value);
	json_decref(nothing);
	return rc;
}

/* The entry that a path is of; *key may be part of the path. False: it is of none. */
static bool
entry_of(
	const struct edit *edit, const struct path *path, struct tree_list **list, const char **key)
{
	const struct path_step *step = path_last(path);

	if (path->n_steps != ENTRY_STEPS) {
		return false;
	}
	*list = tree_find_list(edit->tree, step->node);
	*key = step->node->nodetype == LYS_LIST && step->keyed ? step->keys[0] : "";
	return *list != NULL && (step->node->nodetype != LYS_LIST || step->keyed);
}

const json_t *
edit_get(const struct edit *edit, const char *text)
{
	const json_t *config = NULL;
	struct tree_list *list;
	const char *key;
	struct path path;

	if (path_parse(edit->model, text, &path, NULL) != 0) {
		return NULL;
	}
	if (entry_of(edit, &path, &list, &key)) {
		struct edit_entry probe = {.list = list, .key = (char *)(uintptr_t)key};
		void *node = tfind(&probe, &edit->by_key, compare_touched);

		config = node == NULL ? tree_get(list, key) : (*(struct edit_entry **)node)->after;
	}
	path_fini(&path);
	return config;
}

int
edit_put(struct edit *edit, const char *text, const json_t *config, struct err *err)
{
	struct tree_list *list = NULL;
	const char *key = NULL;
	json_t *value = NULL;
	struct path path;
	int rc = path_parse(edit->model, text, &path, err);

	if (rc != 0) {
		return rc;
	}
	if (!entry_of(edit, &path, &list, &key)) {
		rc = err_set(err, ERR_INVALID, text, "that is not an entry of the configuration");
	} else if (config != NULL) {
		rc = check_value(list->node, text, CHECK_ENTRY, CHECK_PART, config, &value, err);
	} else if (list->node->nodetype != LYS_LIST) {
		value = jx_object();
	}
	if (rc == 0) {
		set_after(touch(edit, list, key), value);
	}
	path_fini(&path);
	return rc;
}

static int
finish_entry(struct edit_entry *entry, struct err *err)
{
	char path[ERR_PATH_SIZE];
	json_t *canonical;
	int rc;

	if (entry->after == NULL || !entry->own) {
		return 0;
	}
	(void)tree_path(entry->list, entry->key, path, sizeof(path));
	rc = check_changed(entry->list->node, path, entry->before, entry->after, &canonical, err);
	if (rc != 0) {
		return rc;
	}
	set_after(entry, canonical);
	return rules_check(tree_list_name(entry->list), path, canonical, err);
}

static bool
is_unchanged(const struct edit_entry *entry)
{
	if (entry->before == NULL || entry->after == NULL) {
		return entry->before == entry->after;
	}
	return json_equal(entry->before, entry->after) != 0;
}

int
edit_finish(struct edit *edit, struct err *err)
{
	size_t kept = 0;

	/* The index by key would name dropped entries. */
	tdestroy(edit->by_key, keep_node);
	edit->by_key = NULL;
	for (size_t i = 0; i < edit->n_entries; i++) {
		int rc = finish_entry(edit->entries[i], err);

		if (rc != 0) {
			return rc;
		}
	}
	for (size_t i = 0; i < edit->n_entries; i++) {
		struct edit_entry *entry = edit->entries[i];

		if (is_unchanged(entry)) {
			free_touched(entry);
		} else {
			edit->entries[kept++] = entry;
		}
	}
	edit->n_entries = kept;
	return 0;
}
