/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ds_get: a subtree as a document from the root on, configuration from the tree and state from the
 * backend. Whatever the target, it is found at the same place as in the whole document, and each
 * list entry on the way has its keys.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "schema/check.h"
#include "schema/datastore.h"
#include "schema/datastore_priv.h"
#include "schema/jx.h"
#include "schema/path.h"
#include "schema/value.h"

LOG_MODULE("get");

#define ROOT_STEPS 1
#define LIST_STEPS 2

struct get {
	struct datastore *ds;
	struct ds_get_options *options;
	struct path path;
	struct err *err;
};

/* --- what is shown -------------------------------------------------------------------------- */

static bool
is_shown(const struct get *get, const struct lysc_node *leaf)
{
	switch (get->options->content) {
	case DS_CONTENT_CONFIG:
		return model_is_config(leaf);
	case DS_CONTENT_STATE:
		return !model_is_config(leaf);
	default:
		return true;
	}
}

static void
warn_unknown(const struct lysc_node *node, const json_t *in)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)in, name, value) {
		if (model_child(node, name, strlen(name)) == NULL) {
			log_warn("state of '%s' has a member '%s' that the schema has not",
				node->name, name);
		}
	}
}

static json_t *shown_object(
	const struct get *get, const struct lysc_node *node, const json_t *in, unsigned int depth);

/* Only the keys: an entry below the depth that was asked for. */
static json_t *
shown_keys(const struct lysc_node *list, const json_t *in)
{
	json_t *out = jx_object();
	const struct lysc_node *key;

	for (size_t i = 0; (key = model_key(list, i)) != NULL; i++) {
		jx_set(out, key->name, json_incref(json_object_get(in, key->name)));
	}
	return out;
}

static json_t *
shown_array(
	const struct get *get, const struct lysc_node *list, const json_t *in, unsigned int depth)
{
	json_t *out = jx_array();
	json_t *entry;
	size_t i;

	json_array_foreach (in, i, entry) {
		jx_append(out, shown_object(get, list, entry, depth));
	}
	return out;
}

/* A container or list with `depth` levels below it left to show, of which it is the first. */
static json_t *
shown_inner(
	const struct get *get, const struct lysc_node *node, const json_t *in, unsigned int depth)
{
	json_t *out;
	json_t *entry;
	size_t i;

	if (depth != 1) {
		depth -= depth > 1;
		return node->nodetype == LYS_LIST ? shown_array(get, node, in, depth)
						  : shown_object(get, node, in, depth);
	}
	if (node->nodetype == LYS_CONTAINER) {
		return jx_object();
	}
	out = jx_array();
	json_array_foreach (in, i, entry) {
		jx_append(out, shown_keys(node, entry));
	}
	return out;
}

/* The children of `in` down to `depth` levels, 0 for all, in the schema's order. */
static json_t *
shown_object(
	const struct get *get, const struct lysc_node *node, const json_t *in, unsigned int depth)
{
	json_t *out = jx_object();

	warn_unknown(node, in);
	for (const struct lysc_node *child = model_first(node); child != NULL;
		child = child->next) {
		json_t *value = json_object_get(in, child->name);
		json_t *shown;

		if (value == NULL || model_is_paged(child) ||
			(model_is_leaf(child) && !lysc_is_key(child) && !is_shown(get, child))) {
			continue;
		}
		if (model_is_leaf(child)) {
			jx_set(out, child->name, json_incref(value));
			continue;
		}
		if (!model_is_config(child) && get->options->content == DS_CONTENT_CONFIG) {
			continue;
		}
		shown = shown_inner(get, child, value, depth);
		if (depth != 1 && (json_array_size(shown) | json_object_size(shown)) == 0) {
			json_decref(shown);
		} else {
			jx_set(out, child->name, shown);
		}
	}
	return out;
}

/* --- entries -------------------------------------------------------------------------------- */

/* With defaults, to be written to. */
static json_t *
full_copy(const struct lysc_node *node, const json_t *config)
{
	json_t *full = check_with_defaults(node, config);
	json_t *copy = jx_copy(full);

	json_decref(full);
	return copy;
}

/* All that is known of an entry. New reference. */
static json_t *
whole_entry(const struct get *get, const struct tree_list *list, const char *key,
	const json_t *config, bool with_state)
{
	const struct ds_backend_ops *ops = get->ds->ops;
	json_t *entry =
		get->options->with_defaults ? full_copy(list->node, config) : jx_copy(config);

	if (with_state && get->options->content != DS_CONTENT_CONFIG && ops->state != NULL) {
		ops->state(get->ds->ctx, tree_list_name(list), key,
			get->path.n_steps > LIST_STEPS ? get->path.steps[LIST_STEPS].node->name
						       : NULL,
			entry);
	}
	return entry;
}

struct show_all {
	const struct get *get;
	const struct tree_list *list;
	json_t *out;
	bool keys_only;
	unsigned int depth;
};

static int
show_entry(void *arg, const char *key, const json_t *config)
{
	const struct show_all *all = arg;
	const struct lysc_node *node = all->list->node;
	json_t *entry;

	if (all->keys_only) {
		jx_append(all->out, shown_keys(node, config));
		return 0;
	}
	entry = whole_entry(all->get, all->list, key, config, true);
	jx_append(all->out, shown_object(all->get, node, entry, all->depth));
	json_decref(entry);
	return 0;
}

static json_t *
show_list(const struct get *get, const struct tree_list *list, bool keys_only, unsigned int depth)
{
	struct show_all all = {
		.get = get,
		.list = list,
		.out = jx_array(),
		.keys_only = keys_only,
		.depth = depth,
	};

	(void)tree_each(list, show_entry, &all);
	return all.out;
}

static json_t *
show_root(const struct get *get)
{
	unsigned int depth = get->options->depth;
	json_t *root = jx_object();
	struct tree_list *list;

	for (size_t i = 0; (list = tree_list_at(get->ds->tree, i)) != NULL; i++) {
		bool many = list->node->nodetype == LYS_LIST;
		unsigned int below = depth > 1 ? depth - 1 : 0;
		json_t *entry;
		json_t *shown;

		if (many) {
			shown = show_list(get, list, depth == 1, below);
		} else {
			entry = whole_entry(get, list, "", tree_get(list, ""), depth != 1);
			shown = depth == 1 ? jx_object()
					   : shown_object(get, list->node, entry, below);
			json_decref(entry);
		}
		if (depth != 1 && (json_array_size(shown) | json_object_size(shown)) == 0) {
			json_decref(shown);
		} else {
			jx_set(root, tree_list_name(list), shown);
		}
	}
	return root;
}

/* --- targets within an entry ---------------------------------------------------------------- */

static int
not_there(const struct get *get, const char *what)
{
	const struct path *path = &get->path;
	char text[ERR_PATH_SIZE];

	(void)path_print(path, path->n_steps, text, sizeof(text));
	return err_set(get->err, ERR_MISSING, text, "%s %s", text, what);
}

static bool
has_keys(const struct path_step *step, const json_t *entry)
{
	char buf[VALUE_TEXT_SIZE];

	if (step->node->nodetype == LYS_LEAFLIST) {
		return strcmp(value_text(entry, buf, sizeof(buf)), step->value) == 0;
	}
	for (size_t i = 0; i < step->n_keys; i++) {
		const json_t *key = json_object_get(entry, model_key(step->node, i)->name);

		if (key == NULL || strcmp(value_text(key, buf, sizeof(buf)), step->keys[i]) != 0) {
			return false;
		}
	}
	return true;
}

/* The element that a keyed step selects; state lists need not be sorted. Borrowed. */
static json_t *
select_element(const struct path_step *step, const json_t *array)
{
	json_t *entry;
	size_t i;

	json_array_foreach (array, i, entry) {
		if (has_keys(step, entry)) {
			return entry;
		}
	}
	return NULL;
}

static int project(const struct get *get, size_t at, const json_t *in, json_t **out);

/* RFC 8040 section 3.5.4: a leaf that is asked for by name shows its default when it is not set. */
static int
project_leaf(const struct get *get, const struct lysc_node *leaf, json_t *value, json_t *object)
{
	const char *text = model_default(leaf);

	if (!is_shown(get, leaf) && !lysc_is_key(leaf)) {
		return not_there(get,
			model_is_config(leaf) ? "is configuration; content=state leaves it out"
					      : "is state; content=config leaves it out");
	}
	if (value == NULL && text == NULL) {
		return not_there(get, "is not set");
	}
	jx_set(object, leaf->name,
		value == NULL ? value_from_canonical(leaf, text) : json_incref(value));
	return 0;
}

static int
project_many(const struct get *get, size_t at, json_t *value, json_t *object)
{
	const struct path_step *step = &get->path.steps[at];
	json_t *array = jx_array();
	json_t *element;
	json_t *shown;
	int rc;

	jx_set(object, step->node->name, array);
	if (!step->keyed) {
		shown = step->node->nodetype == LYS_LIST
			? shown_array(get, step->node, value, get->options->depth)
			: json_incref(value);
		if (shown != NULL) {
			jx_set(object, step->node->name, shown);
		}
		return 0;
	}
	element = select_element(step, value);
	if (element == NULL) {
		return not_there(get, "does not exist");
	}
	if (step->node->nodetype == LYS_LEAFLIST) {
		jx_append(array, json_incref(element));
		return 0;
	}
	rc = project(get, at, element, &shown);
	if (rc == 0) {
		jx_append(array, shown);
	}
	return rc;
}

/* The part of `in`, which is the node of step `at`, that the steps after it ask for. */
static int
project(const struct get *get, size_t at, const json_t *in, json_t **out)
{
	const struct lysc_node *node = get->path.steps[at].node;
	const struct lysc_node *next;
	json_t *object;
	json_t *value;
	json_t *shown;
	int rc;

	if (at + 1 == get->path.n_steps) {
		*out = shown_object(get, node, in, get->options->depth);
		return 0;
	}
	next = get->path.steps[at + 1].node;
	value = json_object_get(in, next->name);
	object = node->nodetype == LYS_LIST ? shown_keys(node, in) : jx_object();
	if (model_is_many(next)) {
		rc = project_many(get, at + 1, value, object);
	} else if (next->nodetype == LYS_LEAF) {
		rc = project_leaf(get, next, value, object);
	} else {
		rc = project(get, at + 1, value, &shown);
		if (rc == 0) {
			jx_set(object, next->name, shown);
		}
	}
	if (rc != 0) {
		json_decref(object);
		return rc;
	}
	*out = object;
	return 0;
}

/* --- paged lists ---------------------------------------------------------------------------- */

static int
show_page(const struct get *get, const struct tree_list *list, const char *key, json_t **out)
{
	const struct path_step *last = path_last(&get->path);
	const struct ds_backend_ops *ops = get->ds->ops;
	struct ds_page *page = &get->options->page;
	json_t *entries = NULL;
	int rc;

	if (get->path.n_steps != LIST_STEPS + 1 || last->keyed) {
		return not_there(get,
			"is in a list that is read as a whole, page by page; leave "
			"the keys out");
	}
	if (ops->page == NULL) {
		return err_set(get->err, ERR_UNSUPPORTED, NULL, "list '%s' cannot be read",
			last->node->name);
	}
	if (page->limit == 0) {
		page->limit = DS_PAGE_DEFAULT;
	}
	rc = ops->page(get->ds->ctx, tree_list_name(list), key, last->node->name, page, &entries,
		get->err);
	if (rc != 0) {
		return rc;
	}
	*out = shown_keys(list->node, tree_get(list, key));
	jx_set(*out, last->node->name, shown_array(get, last->node, entries, get->options->depth));
	json_decref(entries);
	return 0;
}

static bool
is_in_paged_list(const struct path *path)
{
	for (size_t i = 0; i < path->n_steps; i++) {
		if (model_is_paged(path->steps[i].node)) {
			return true;
		}
	}
	return false;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int
show_one(const struct get *get, const struct tree_list *list, const char *key, json_t **out)
{
	const struct path_step *last = path_last(&get->path);
	const json_t *config = tree_get(list, key);
	struct suggest suggest;
	char path[ERR_PATH_SIZE];
	json_t *entry;
	int rc;

	if (config == NULL) {
		tree_suggest(list, key, &suggest);
		return err_set(get->err, ERR_MISSING, tree_path(list, key, path, sizeof(path)),
			"there is no %s '%s'%s", tree_list_name(list), key, suggest_text(&suggest));
	}
	if (is_in_paged_list(&get->path)) {
		return show_page(get, list, key, out);
	}
	entry = whole_entry(
		get, list, key, config, !model_is_leaf(last->node) || !model_is_config(last->node));
	rc = project(get, LIST_STEPS - 1, entry, out);
	json_decref(entry);
	return rc;
}

static int
show_path(const struct get *get, json_t *root)
{
	const struct path_step *step = &get->path.steps[LIST_STEPS - 1];
	const struct tree_list *list = tree_find_list(get->ds->tree, step->node);
	bool many = step->node->nodetype == LYS_LIST;
	json_t *shown;
	json_t *array;
	int rc;

	if (many && !step->keyed) {
		jx_set(root, step->node->name, show_list(get, list, false, get->options->depth));
		return 0;
	}
	rc = show_one(get, list, many ? step->keys[0] : "", &shown);
	if (rc != 0) {
		return rc;
	}
	if (many) {
		array = jx_array();
		jx_append(array, shown);
		shown = array;
	}
	jx_set(root, step->node->name, shown);
	return 0;
}

int
ds_get(struct datastore *ds, struct ds_get_options *options, json_t **out, struct err *err)
{
	struct get get = {.ds = ds, .options = options, .err = err};
	json_t *document;
	int rc = 0;

	options->page.next[0] = '\0';
	if (options->path != NULL) {
		rc = path_parse(ds->model, options->path, &get.path, err);
	}
	if (rc != 0) {
		return rc;
	}
	document = jx_object();
	if (get.path.n_steps <= ROOT_STEPS) {
		jx_set(document, MODEL_ROOT, show_root(&get));
	} else {
		rc = show_path(&get, jx_sub_object(document, MODEL_ROOT));
	}
	path_fini(&get.path);
	if (rc != 0) {
		json_decref(document);
		return rc;
	}
	*out = document;
	return 0;
}
