/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/proposal.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "schema/check.h"
#include "schema/delta.h"
#include "schema/diff.h"
#include "schema/jx.h"
#include "schema/model.h"
#include "schema/patch.h"

/* --- the tree ------------------------------------------------------------------------------- */

void
proposal_put(const struct proposal *proposal, struct refs *refs, enum proposal_way way)
{
	for (size_t i = 0; i < edit_count(proposal->edit); i++) {
		const struct edit_entry *entry = edit_at(proposal->edit, i);
		const json_t *from = way == PROPOSAL_DO ? entry->before : entry->after;
		const json_t *to = way == PROPOSAL_DO ? entry->after : entry->before;

		tree_put(entry->list, entry->key, to);
		refs_update(refs, entry->list, entry->key, from, to);
	}
}

static int
check_entries(
	const struct proposal *proposal, const struct refs *refs, bool deleted, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < edit_count(proposal->edit); i++) {
		const struct edit_entry *entry = edit_at(proposal->edit, i);

		if ((entry->after == NULL) == deleted) {
			rc = refs_check(refs, entry->list, entry->key, entry->after, err);
		}
	}
	return rc;
}

static int
check_refs(const struct proposal *proposal, struct refs *refs, struct err *err)
{
	int rc;

	proposal_put(proposal, refs, PROPOSAL_DO);
	/* What names a deleted entry and was touched as well is at fault itself. */
	rc = check_entries(proposal, refs, false, err);
	if (rc == 0) {
		rc = check_entries(proposal, refs, true, err);
	}
	proposal_put(proposal, refs, PROPOSAL_UNDO);
	return rc;
}

/* --- changes -------------------------------------------------------------------------------- */

static enum ds_op
op_of(const struct edit_entry *entry)
{
	if (entry->before == NULL) {
		return DS_CREATE;
	}
	return entry->after == NULL ? DS_DELETE : DS_MODIFY;
}

/*
 * Position in datastore.h's order: deletes before creates before modifies; within deletes what
 * refers to others first (the schema's order backwards), else last.
 */
static int
position(const struct edit_entry *entry)
{
	static const int phase[] = {[DS_DELETE] = 0, [DS_CREATE] = 1, [DS_MODIFY] = 2};
	enum ds_op op = op_of(entry);
	int rank = (int)entry->list->rank;

	return phase[op] * 1000 + (op == DS_DELETE ? 999 - rank : rank);
}

struct slot {
	const struct edit_entry *entry;
	size_t index;
};

static int
compare_slots(const void *a, const void *b)
{
	const struct slot *x = a;
	const struct slot *y = b;
	int diff = position(x->entry) - position(y->entry);

	/* The client's own order otherwise. */
	return diff != 0 ? diff : (x->index > y->index) - (x->index < y->index);
}

static const json_t *
full(const struct edit_entry *entry, const json_t *config)
{
	return config == NULL ? NULL : check_with_defaults(entry->list->node, config);
}

static void
list_changes(struct proposal *proposal)
{
	size_t n = edit_count(proposal->edit);
	struct slot *slots = calloc(n + 1, sizeof(*slots));

	proposal->changes = calloc(n + 1, sizeof(*proposal->changes));
	proposal->entries = calloc(n + 1, sizeof(struct edit_entry *));
	if (slots == NULL || proposal->changes == NULL || proposal->entries == NULL) {
		abort();
	}
	for (size_t i = 0; i < n; i++) {
		slots[i].entry = edit_at(proposal->edit, i);
		slots[i].index = i;
	}
	qsort(slots, n, sizeof(*slots), compare_slots);
	for (size_t i = 0; i < n; i++) {
		const struct edit_entry *entry = slots[i].entry;

		proposal->entries[i] = entry;
		proposal->changes[i] = (struct ds_change){
			.op = op_of(entry),
			.list = tree_list_name(entry->list),
			.key = entry->key,
			.before = full(entry, entry->before),
			.after = full(entry, entry->after),
		};
	}
	proposal->n_changes = n;
	free(slots);
}

int
proposal_init(struct proposal *proposal, struct edit *edit, struct tree *tree, struct refs *refs,
	struct err *err)
{
	int rc;

	memset(proposal, 0, sizeof(*proposal));
	proposal->edit = edit;
	proposal->tree = tree;
	rc = edit_finish(edit, err);
	if (rc == 0) {
		rc = check_refs(proposal, refs, err);
	}
	if (rc == 0) {
		list_changes(proposal);
	}
	return rc;
}

void
proposal_fini(struct proposal *proposal)
{
	for (size_t i = 0; i < proposal->n_changes; i++) {
		json_decref((json_t *)(uintptr_t)proposal->changes[i].before);
		json_decref((json_t *)(uintptr_t)proposal->changes[i].after);
	}
	free(proposal->changes);
	free((void *)proposal->entries);
	edit_destroy(proposal->edit);
	memset(proposal, 0, sizeof(*proposal));
}

/* --- the answer ----------------------------------------------------------------------------- */

static enum model_apply
stricter(enum model_apply a, enum model_apply b)
{
	return a > b ? a : b;
}

/* Strictest vs:apply of the leaves of an entry of a nested list, its keys aside. */
static enum model_apply
list_apply(const struct lysc_node *list)
{
	enum model_apply apply = MODEL_APPLY_LIVE;

	for (const struct lysc_node *n = model_first(list); n != NULL; n = n->next) {
		if (model_is_leaf(n) && model_is_config(n) && !lysc_is_key(n)) {
			apply = stricter(apply, model_apply_class(n));
		} else if (n->nodetype == LYS_LIST && model_is_config(n)) {
			apply = stricter(apply, list_apply(n));
		}
	}
	return apply;
}

static bool
differ(const json_t *a, const json_t *b)
{
	return a != b && (a == NULL || b == NULL || !json_equal(a, b));
}

static enum model_apply
node_apply(const struct lysc_node *node, const json_t *before, const json_t *after);

/* Strictest vs:apply of the leaves that differ. */
static enum model_apply
changed_apply(const struct lysc_node *node, const json_t *before, const json_t *after)
{
	enum model_apply apply = MODEL_APPLY_LIVE;

	for (const struct lysc_node *n = model_first(node); n != NULL; n = n->next) {
		const json_t *a = json_object_get(before, n->name);
		const json_t *b = json_object_get(after, n->name);

		if (differ(a, b)) {
			apply = stricter(apply, node_apply(n, a, b));
		}
	}
	return apply;
}

/* The same of one node that differs. */
static enum model_apply
node_apply(const struct lysc_node *node, const json_t *before, const json_t *after)
{
	if (node->nodetype == LYS_CONTAINER) {
		return changed_apply(node, before, after);
	}
	return model_is_leaf(node) ? model_apply_class(node) : list_apply(node);
}

/* {name: apply} of the entry's members that differ: live, if only the default was written down. */
static json_t *
leaves_json(const struct ds_change *change, const struct edit_entry *entry)
{
	json_t *object = jx_object();

	for (const struct lysc_node *n = model_first(entry->list->node); n != NULL; n = n->next) {
		const json_t *a = json_object_get(change->before, n->name);
		const json_t *b = json_object_get(change->after, n->name);
		enum model_apply apply = differ(a, b) ? node_apply(n, a, b) : MODEL_APPLY_LIVE;

		if (differ(json_object_get(entry->before, n->name),
			    json_object_get(entry->after, n->name))) {
			jx_set(object, n->name, jx_string(model_apply_name(apply)));
		}
	}
	return object;
}

/* What is said of a modified entry. */
static void
add_difference(json_t *object, const struct ds_change *change, const struct edit_entry *entry,
	bool leaves, bool values)
{
	const struct lysc_node *node = entry->list->node;
	json_t *before;
	json_t *after;

	jx_set(object, "apply",
		jx_string(model_apply_name(changed_apply(node, change->before, change->after))));
	if (leaves) {
		jx_set(object, "leaves", leaves_json(change, entry));
	}
	if (!values) {
		jx_set(object, "cut", json_true());
		return;
	}
	delta_make(node, entry->before, entry->after, &before, &after);
	if (json_dumpb(before, NULL, 0, JSON_COMPACT) + json_dumpb(after, NULL, 0, JSON_COMPACT) >
		PROPOSAL_VALUES_MAX) {
		jx_set(object, "cut", json_true());
		json_decref(before);
		json_decref(after);
		return;
	}
	jx_set(object, "before", before);
	jx_set(object, "after", after);
}

json_t *
proposal_changes_json(const struct proposal *proposal, bool leaves)
{
	static const char *const names[] = {
		[DS_CREATE] = "create",
		[DS_MODIFY] = "modify",
		[DS_DELETE] = "delete",
	};
	json_t *array = jx_array();
	size_t size = 0;

	/* An answer that is too long would be an error, for what has been done. */
	for (size_t i = 0; i < proposal->n_changes && size <= PROPOSAL_ANSWER_MAX; i++) {
		const struct ds_change *change = &proposal->changes[i];
		const struct edit_entry *entry = proposal->entries[i];
		json_t *object = jx_object();
		char path[ERR_PATH_SIZE];

		jx_set(object, "op", jx_string(names[change->op]));
		jx_set(object, "path",
			jx_string(tree_path(entry->list, change->key, path, sizeof(path))));
		if (change->op == DS_MODIFY) {
			add_difference(object, change, entry, leaves, size <= PROPOSAL_VALUES_MAX);
		}
		size += json_dumpb(object, NULL, 0, JSON_COMPACT);
		jx_append(array, object);
	}
	return array;
}

static json_t *
record_change(const struct edit_entry *entry, enum proposal_detail detail)
{
	char path[ERR_PATH_SIZE];
	json_t *change;
	json_t *before;
	json_t *after;

	(void)tree_path(entry->list, entry->key, path, sizeof(path));
	if (detail == PROPOSAL_WHOLE || op_of(entry) != DS_MODIFY || !patch_pays(entry->before) ||
		!patch_pays(entry->after)) {
		return diff_change_json(path, entry->before, entry->after);
	}
	if (detail == PROPOSAL_PATCH) {
		return diff_patch_json(path, patch_make(entry->before, entry->after));
	}
	delta_make(entry->list->node, entry->before, entry->after, &before, &after);
	change = diff_change_json(path, before, after);
	json_decref(before);
	json_decref(after);
	return change;
}

json_t *
proposal_record_json(const struct proposal *proposal, enum proposal_detail detail)
{
	json_t *array = jx_array();

	for (size_t i = 0; i < proposal->n_changes; i++) {
		jx_append(array, record_change(proposal->entries[i], detail));
	}
	return array;
}
