/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/model.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("schema");

extern const char model_vswitch_yang[];

static const char *const apply_names[] = {
	[MODEL_APPLY_LIVE] = "live",
	[MODEL_APPLY_RESTART_PORT] = "restart-port",
	[MODEL_APPLY_RECREATE] = "recreate",
};

static const struct lysc_ext_instance *
find_ext(const struct lysc_node *node, const char *name)
{
	LY_ARRAY_COUNT_TYPE i;

	LY_ARRAY_FOR(node->exts, i)
	{
		if (strcmp(node->exts[i].def->name, name) == 0) {
			return &node->exts[i];
		}
	}
	return NULL;
}

/* --- what check.c implements ---------------------------------------------------------------- */

static const char *
unsupported_type(const struct lysc_type *type)
{
	switch (type->basetype) {
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
	case LY_TYPE_UINT64:
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_INT64:
	case LY_TYPE_BOOL:
	case LY_TYPE_ENUM:
	case LY_TYPE_STRING:
		return NULL;
	default:
		return "this type";
	}
}

/* Name of the first construct of the node that check.c would silently ignore; NULL if none. */
static const char *
unsupported_construct(const struct lysc_node *node)
{
	if (model_is_leaf(node)) {
		if (model_is_config(node) && find_ext(node, "apply") == NULL &&
			(node->flags & LYS_IS_INPUT) == 0) {
			return "a leaf without vs:apply";
		}
		if (lysc_node_musts(node) != NULL || lysc_node_when(node) != NULL) {
			return "must and when";
		}
		return unsupported_type(model_type(node));
	}
	if (node->nodetype == LYS_LIST) {
		const struct lysc_node_list *list = (const struct lysc_node_list *)node;

		if (list->uniques != NULL || list->min != 0 || list->max != UINT32_MAX) {
			return "unique, min-elements and max-elements";
		}
		if (model_is_config(node) && model_is_user_ordered(node) &&
			node->parent->parent == NULL) {
			return "ordered-by user of a list at the top";
		}
		if (model_is_config(node) && (node->flags & LYS_KEYLESS) != 0) {
			return "a list without keys";
		}
	} else if (node->nodetype != LYS_CONTAINER || (node->flags & LYS_PRESENCE) != 0) {
		return "anything but container, list, leaf and leaf-list";
	}
	return lysc_node_musts(node) != NULL || lysc_node_when(node) != NULL ? "must and when"
									     : NULL;
}

static int
check_constructs(const struct lysc_node *parent, struct err *err)
{
	for (const struct lysc_node *n = model_first(parent); n != NULL; n = n->next) {
		const char *what = unsupported_construct(n);
		int rc;

		if (what != NULL) {
			return err_set(err, ERR_UNSUPPORTED, n->name,
				"the schema uses %s at '%s', which this build does not check", what,
				n->name);
		}
		if (n->nodetype == LYS_CONTAINER || n->nodetype == LYS_LIST) {
			rc = check_constructs(n, err);
			if (rc != 0) {
				return rc;
			}
		}
	}
	return 0;
}

/* --- creation ------------------------------------------------------------------------------- */

static int
read_text(const char *schema_dir, char **out, struct err *err)
{
	char path[1024];
	FILE *file;
	size_t len;
	char *text;

	if (schema_dir == NULL) {
		*out = str_dup(model_vswitch_yang);
		return 0;
	}
	(void)snprintf(path, sizeof(path), "%s/" MODEL_NAME ".yang", schema_dir);
	file = fopen(path, "re");
	if (file == NULL) {
		return err_set(err, ERR_FAILED, NULL, "the schema %s cannot be read: %m", path);
	}
	text = calloc(1, (1U << 20) + 1);
	if (text == NULL) {
		abort();
	}
	len = fread(text, 1, 1U << 20, file);
	(void)fclose(file);
	if (len == 0 || strlen(text) != len) {
		free(text);
		return err_set(err, ERR_FAILED, NULL, "the schema %s is not a YANG text", path);
	}
	*out = text;
	return 0;
}

static int
parse(struct model *model, struct err *err)
{
	uint32_t quiet = LY_LOSTORE_LAST;
	struct lys_module *module = NULL;

	ly_temp_log_options(&quiet);
	if (ly_ctx_new(NULL, LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS, &model->ctx) !=
			LY_SUCCESS ||
		lys_parse_mem(model->ctx, model->text, LYS_IN_YANG, &module) != LY_SUCCESS) {
		log_error("schema: %s", model->ctx == NULL ? "no context" : ly_errmsg(model->ctx));
	}
	ly_temp_log_options(NULL);
	if (module == NULL || module->compiled == NULL || module->compiled->data == NULL) {
		return err_set(err, ERR_FAILED, NULL,
			"the schema " MODEL_NAME ".yang does not compile; reinstall vswitchd");
	}
	model->module = module;
	model->root = module->compiled->data;
	return check_constructs(model->root, err);
}

int
model_create(const char *schema_dir, struct model **out, struct err *err)
{
	struct model *model = calloc(1, sizeof(*model));
	int rc;

	if (model == NULL) {
		abort();
	}
	rc = read_text(schema_dir, &model->text, err);
	if (rc == 0) {
		rc = parse(model, err);
	}
	if (rc != 0) {
		model_destroy(model);
		return rc;
	}
	*out = model;
	return 0;
}

void
model_destroy(struct model *model)
{
	if (model == NULL) {
		return;
	}
	ly_ctx_destroy(model->ctx);
	free(model->text);
	free(model);
}

/* --- nodes ---------------------------------------------------------------------------------- */

const struct lysc_node *
model_first(const struct lysc_node *parent)
{
	return lysc_node_child(parent);
}

const struct lysc_node *
model_child(const struct lysc_node *parent, const char *name, size_t len)
{
	for (const struct lysc_node *n = model_first(parent); n != NULL; n = n->next) {
		if (strncmp(n->name, name, len) == 0 && n->name[len] == '\0') {
			return n;
		}
	}
	return NULL;
}

const struct lysc_node *
model_key(const struct lysc_node *list, size_t n)
{
	/* libyang puts the keys first, in the order of the key statement. */
	for (const struct lysc_node *k = model_first(list); k != NULL && lysc_is_key(k);
		k = k->next) {
		if (n-- == 0) {
			return k;
		}
	}
	return NULL;
}

void
model_suggest(const struct lysc_node *parent, bool config_only, struct suggest *suggest)
{
	for (const struct lysc_node *n = model_first(parent); n != NULL; n = n->next) {
		if (!config_only || model_is_config(n)) {
			suggest_offer(suggest, n->name);
		}
	}
}

const struct lysc_node *
model_rpc_input(const struct model *model, const char *name)
{
	const struct lysc_node_action *rpc = model->module->compiled->rpcs;

	for (; rpc != NULL; rpc = rpc->next) {
		if (strcmp(rpc->name, name) == 0) {
			return &rpc->input.node;
		}
	}
	return NULL;
}

bool
model_is_paged(const struct lysc_node *node)
{
	return find_ext(node, "paged") != NULL;
}

bool
model_is_lower_case(const struct lysc_node *node)
{
	return find_ext(node, "lower-case") != NULL;
}

bool
model_is_host_resource(const struct lysc_node *node)
{
	return find_ext(node, "host-resource") != NULL;
}

const char *
model_metric(const struct lysc_node *node)
{
	const struct lysc_ext_instance *ext = find_ext(node, "metric");

	return ext == NULL ? NULL : ext->argument;
}

enum model_apply
model_apply_class(const struct lysc_node *node)
{
	const struct lysc_ext_instance *ext = find_ext(node, "apply");

	for (size_t i = 0; ext != NULL && i < ARRAY_LEN(apply_names); i++) {
		if (strcmp(ext->argument, apply_names[i]) == 0) {
			return (enum model_apply)i;
		}
	}
	return MODEL_APPLY_RECREATE;
}

const char *
model_apply_name(enum model_apply apply)
{
	assert(apply < ARRAY_LEN(apply_names));
	return apply_names[apply];
}

/* --- leaves --------------------------------------------------------------------------------- */

const struct lysc_type *
model_type(const struct lysc_node *node)
{
	const struct lysc_type *type;

	assert(model_is_leaf(node));
	type = node->nodetype == LYS_LEAF ? ((const struct lysc_node_leaf *)node)->type
					  : ((const struct lysc_node_leaflist *)node)->type;
	while (type->basetype == LY_TYPE_LEAFREF) {
		type = ((const struct lysc_type_leafref *)type)->realtype;
	}
	return type;
}

bool
model_is_counter(const struct model *model, const struct lysc_node *node)
{
	const struct lysp_tpdf *types = model->module->parsed->typedefs;
	LY_ARRAY_COUNT_TYPE i;

	LY_ARRAY_FOR(types, i)
	{
		/* A leaf whose type adds nothing to a typedef shares what that was compiled to. */
		if (strcmp(types[i].name, "counter64") == 0) {
			return model_type(node) == types[i].type.compiled;
		}
	}
	return false;
}

const char *
model_units(const struct lysc_node *node)
{
	return node->nodetype == LYS_LEAF ? ((const struct lysc_node_leaf *)node)->units : NULL;
}

const char *
model_default(const struct lysc_node *node)
{
	const struct lysc_node_leaf *leaf = (const struct lysc_node_leaf *)node;

	if (node->nodetype != LYS_LEAF || leaf->dflt == NULL) {
		return NULL;
	}
	return lyd_value_get_canonical(node->module->ctx, leaf->dflt);
}
