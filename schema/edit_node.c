/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/edit_node.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "schema/jx.h"
#include "schema/sorted.h"
#include "schema/value.h"

/* Where an operation acts: a member of `parent`, or an element of that member. */
struct spot {
	const struct operation *operation;
	const struct path *path;
	const struct path_step *step;
	json_t *parent;
	struct err *err;
};

static int
refuse(const struct spot *spot, enum err_kind kind, const char *what)
{
	char text[ERR_PATH_SIZE];
	char where[ERR_PATH_SIZE];

	(void)path_print(spot->path, spot->path->n_steps, text, sizeof(text));
	(void)path_print(
		spot->path, (size_t)(spot->step - spot->path->steps) + 1, where, sizeof(where));
	return err_set(spot->err, kind, text, "%s %s", where, what);
}

void
edit_node_set_keys(const struct path_step *step, json_t *object)
{
	for (size_t i = 0; i < step->n_keys; i++) {
		const struct lysc_node *key = model_key(step->node, i);

		jx_set(object, key->name, value_from_canonical(key, step->keys[i]));
	}
}

/* What an element of a list or leaf-list compares equal to. New reference. */
static json_t *
probe(const struct path_step *step)
{
	json_t *object;

	if (step->node->nodetype == LYS_LEAFLIST) {
		return value_from_canonical(step->node, step->value);
	}
	object = jx_object();
	edit_node_set_keys(step, object);
	return object;
}

static bool
find_element(const struct path_step *step, const json_t *array, size_t *index)
{
	json_t *wanted = probe(step);
	bool found = sorted_find(step->node, array, wanted, index);

	json_decref(wanted);
	return found;
}

/* The only key of a list's entry, or the value of a leaf-list's. */
static const char *
key_text(const struct lysc_node *node, const json_t *entry, char *buf, size_t size)
{
	const json_t *key = node->nodetype == LYS_LEAFLIST
		? entry
		: json_object_get(entry, model_key(node, 0)->name);

	return value_text(key, buf, size);
}

/* --- merge ---------------------------------------------------------------------------------- */

/* Places of a user-ordered list's entries by key, for a merge that looks for many. */
static json_t *
places_of(const struct lysc_node *node, const json_t *array)
{
	json_t *places = jx_object();
	json_t *entry;
	size_t i;

	json_array_foreach (array, i, entry) {
		char text[VALUE_TEXT_SIZE];

		jx_set(places, key_text(node, entry, text, sizeof(text)),
			jx_integer((json_int_t)i));
	}
	return places;
}

static void
merge_user_ordered(const struct lysc_node *node, json_t *into, const json_t *from)
{
	json_t *places = places_of(node, into);
	json_t *entry;
	size_t i;

	json_array_foreach (from, i, entry) {
		char text[VALUE_TEXT_SIZE];
		const json_t *at =
			json_object_get(places, key_text(node, entry, text, sizeof(text)));

		if (at == NULL) {
			jx_append(into, jx_copy(entry));
		} else if (node->nodetype == LYS_LIST) {
			edit_node_merge(
				node, jx_own_element(into, (size_t)json_integer_value(at)), entry);
		}
	}
	json_decref(places);
}

static void
merge_array(const struct lysc_node *node, json_t *into, const json_t *from)
{
	json_t *entry;
	size_t i;

	if (model_is_user_ordered(node) && model_key(node, 1) == NULL) {
		merge_user_ordered(node, into, from);
		return;
	}
	json_array_foreach (from, i, entry) {
		size_t at;

		if (!sorted_find(node, into, entry, &at)) {
			jx_insert(into, at, jx_copy(entry));
		} else if (node->nodetype == LYS_LIST) {
			edit_node_merge(node, jx_own_element(into, at), entry);
		}
	}
}

void
edit_node_merge(const struct lysc_node *node, json_t *into, const json_t *from)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)from, name, value) {
		const struct lysc_node *child = model_child(node, name, strlen(name));
		json_t *there = child->nodetype == LYS_LEAF ? NULL : jx_own_member(into, name);

		if (there == NULL || child->nodetype == LYS_LEAF) {
			jx_set(into, name, jx_copy(value));
		} else if (child->nodetype == LYS_CONTAINER) {
			edit_node_merge(child, there, value);
		} else {
			merge_array(child, there, value);
		}
	}
}

/* What a leaf-list or container without content leaves behind counts as nothing. */
static bool
is_set(const json_t *there)
{
	return there != NULL && !(json_is_array(there) && json_array_size(there) == 0) &&
		!(json_is_object(there) && json_object_size(there) == 0);
}

/* --- operations ----------------------------------------------------------------------------- */

/* Leaf, container, or a leaf-list as a whole: a member of its parent. */
static int
apply_member(const struct spot *spot, enum edit_op op, const json_t *value)
{
	const struct lysc_node *node = spot->step->node;
	json_t *there = json_object_get(spot->parent, node->name);

	switch (op) {
	case EDIT_CREATE:
		if (is_set(there)) {
			return refuse(spot, ERR_EXISTS, "is there already; use merge or replace");
		}
		break;
	case EDIT_DELETE:
		if (!is_set(there)) {
			return refuse(spot, ERR_MISSING, "is not set, so it cannot be deleted");
		}
		(void)json_object_del(spot->parent, node->name);
		return 0;
	case EDIT_REMOVE:
		(void)json_object_del(spot->parent, node->name);
		return 0;
	case EDIT_MERGE:
		if (there != NULL && node->nodetype == LYS_CONTAINER) {
			edit_node_merge(node, jx_own_member(spot->parent, node->name), value);
			return 0;
		}
		if (there != NULL && node->nodetype == LYS_LEAFLIST) {
			merge_array(node, jx_own_member(spot->parent, node->name), value);
			return 0;
		}
		break;
	case EDIT_REPLACE:
		break;
	default:
		assert(!"insert and move act on entries");
	}
	jx_set(spot->parent, node->name, jx_copy(value));
	return 0;
}

/* Where a user-ordered entry goes; `array` does not hold it now. */
static int
find_place(const struct spot *spot, const json_t *array, size_t *at)
{
	const struct operation *operation = spot->operation;

	*at = operation->where == EDIT_FIRST ? 0 : json_array_size(array);
	if (operation->where == EDIT_FIRST || operation->where == EDIT_LAST) {
		return 0;
	}
	if (!find_element(path_last(&operation->point), array, at)) {
		return refuse(spot, ERR_MISSING,
			"cannot go beside an entry that does not exist; see \"point\"");
	}
	*at += operation->where == EDIT_AFTER;
	return 0;
}

static int
apply_place(const struct spot *spot, const json_t *value)
{
	const struct lysc_node *node = spot->step->node;
	json_t *array = jx_own_member(spot->parent, node->name);
	bool move = spot->operation->op == EDIT_MOVE;
	json_t *entry;
	size_t at = 0;
	bool found = array != NULL && find_element(spot->step, array, &at);
	int rc;

	if (found != move) {
		return move ? refuse(spot, ERR_MISSING, "does not exist, so it cannot be moved")
			    : refuse(spot, ERR_EXISTS, "exists already; use move to move it");
	}
	if (array == NULL) {
		array = jx_array();
		jx_set(spot->parent, node->name, array);
	}
	entry = move ? json_incref(json_array_get(array, at)) : jx_copy(value);
	if (move) {
		(void)json_array_remove(array, at);
	}
	rc = find_place(spot, array, &at);
	if (rc != 0) {
		json_decref(entry);
		return rc;
	}
	jx_insert(array, at, entry);
	return 0;
}

/* An entry of a list or leaf-list: an element of its parent's array. */
static int
apply_element(const struct spot *spot, enum edit_op op, const json_t *value)
{
	const struct lysc_node *node = spot->step->node;
	json_t *array = jx_own_member(spot->parent, node->name);
	size_t at = 0;
	bool found = array != NULL && find_element(spot->step, array, &at);

	if (op == EDIT_DELETE || op == EDIT_REMOVE) {
		if (found) {
			(void)json_array_remove(array, at);
			return 0;
		}
		return op == EDIT_REMOVE
			? 0
			: refuse(spot, ERR_MISSING, "does not exist, so it cannot be deleted");
	}
	if (found && op == EDIT_CREATE) {
		return refuse(spot, ERR_EXISTS, "exists already; use merge or replace");
	}
	if (found && op == EDIT_MERGE && node->nodetype == LYS_LIST) {
		edit_node_merge(node, jx_own_element(array, at), value);
		return 0;
	}
	if (found) {
		(void)json_array_remove(array, at);
	}
	if (array == NULL) {
		array = jx_array();
		jx_set(spot->parent, node->name, array);
	}
	jx_insert(array, at, jx_copy(value));
	return 0;
}

/* Go down one step above the target; 0 with *parent NULL when a remove finds nothing there. */
static int
descend(struct spot *spot, enum edit_op op)
{
	json_t *array;
	size_t at;

	if (spot->step->node->nodetype == LYS_CONTAINER) {
		spot->parent = jx_sub_object(spot->parent, spot->step->node->name);
		return 0;
	}
	array = jx_own_member(spot->parent, spot->step->node->name);
	if (array == NULL || !find_element(spot->step, array, &at)) {
		spot->parent = NULL;
		return op == EDIT_REMOVE
			? 0
			: refuse(spot, ERR_MISSING, "does not exist; create it first");
	}
	spot->parent = jx_own_element(array, at);
	return 0;
}

int
edit_node_apply(json_t *entry, const struct operation *operation, size_t base, struct err *err)
{
	const struct path *path = &operation->path;
	const enum edit_op op = operation->op;
	struct spot spot = {
		.operation = operation,
		.path = path,
		.parent = entry,
		.err = err,
	};
	size_t i;

	assert(path->n_steps > base + 1);
	for (i = base + 1; i + 1 < path->n_steps; i++) {
		int rc;

		spot.step = &path->steps[i];
		rc = descend(&spot, op);
		if (rc != 0 || spot.parent == NULL) {
			return rc;
		}
	}
	spot.step = &path->steps[i];
	if (op == EDIT_INSERT || op == EDIT_MOVE) {
		return apply_place(&spot, operation->value);
	}
	return spot.step->keyed ? apply_element(&spot, op, operation->value)
				: apply_member(&spot, op, operation->value);
}
