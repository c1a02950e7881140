/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/host_resource.h"

#include <string.h>

#include "schema/datastore_priv.h"
#include "schema/path.h"

static const char *find(const struct lysc_node *node, const json_t *value);

/* The node of a member, whatever module the name claims. */
static const struct lysc_node *
member_node(const struct lysc_node *parent, const char *name)
{
	const char *colon = strchr(name, ':');

	name = colon == NULL ? name : colon + 1;
	return model_child(parent, name, strlen(name));
}

static const char *
find_in_object(const struct lysc_node *parent, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		const struct lysc_node *node = member_node(parent, name);
		const char *leaf = node == NULL ? NULL : find(node, value);

		if (leaf != NULL) {
			return leaf;
		}
	}
	return NULL;
}

/* No deeper than JSON that was let in. */
static const char *
find(const struct lysc_node *node, const json_t *value)
{
	const char *leaf = NULL;
	json_t *entry;
	size_t i;

	if (model_is_host_resource(node)) {
		return node->name;
	}
	if (model_is_leaf(node)) {
		return NULL;
	}
	if (json_is_object(value)) {
		return find_in_object(node, value);
	}
	json_array_foreach (value, i, entry) {
		leaf = leaf == NULL ? find(node, entry) : leaf;
	}
	return leaf;
}

/* What a document at "/" has, its only member being the root. */
static const char *
find_in_document(const struct model *model, const json_t *document)
{
	const char *leaf = NULL;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)document, name, value) {
		leaf = leaf == NULL ? find(model->root, value) : leaf;
	}
	return leaf;
}

/* What goes with a container and was in it, wherever no list comes between. */
static const char *
find_below(const struct lysc_node *node)
{
	const struct lysc_node *child;
	const char *name = NULL;

	if (node->nodetype != LYS_CONTAINER) {
		return NULL;
	}
	if (model_is_host_resource(node)) {
		return node->name;
	}
	for (child = lysc_node_child(node); child != NULL && name == NULL; child = child->next) {
		name = find_below(child);
	}
	return name;
}

/* A path that leads through it, whatever of it is at the end. */
static const char *
find_above(const struct path *path)
{
	for (size_t i = 0; i < path->n_steps; i++) {
		if (model_is_host_resource(path->steps[i].node)) {
			return path->steps[i].node->name;
		}
	}
	return NULL;
}

const char *
ds_host_resource(const struct datastore *ds, const char *op, const char *path, const json_t *value)
{
	struct err err = ERR_INIT;
	const struct lysc_node *node;
	struct path parsed;
	const char *name;

	if (path_parse(ds->model, path, &parsed, &err) != 0) {
		return NULL;
	}
	node = parsed.n_steps == 0 ? ds->model->root : path_last(&parsed)->node;
	name = find_above(&parsed);
	if (name == NULL) {
		name = parsed.n_steps == 0 ? find_in_document(ds->model, value) : find(node, value);
	}
	if (name == NULL && (op == NULL || strcmp(op, "merge") != 0)) {
		name = find_below(node);
	}
	path_fini(&parsed);
	return name;
}
