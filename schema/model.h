/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema: vswitch.yang as libyang compiled it, and the few questions that are asked about it.
 *
 * Everything else in schema/ walks struct lysc_node trees that it gets from here; nothing above
 * schema/ sees libyang. model_create refuses constructs that check.h does not implement (when,
 * must, choice, ...), so that a schema can not promise what is not checked.
 *
 * A model never changes after model_create. Main, or any thread that has it for itself.
 */
#ifndef VSW_SCHEMA_MODEL_H
#define VSW_SCHEMA_MODEL_H

#include <jansson.h>
#include <libyang/libyang.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/suggest.h"

#define MODEL_NAME "vswitch"
#define MODEL_ROOT "vswitch:vswitch" /* the only member of a configuration document */

/* What a change of a leaf does to a running port, mildest first (extension vs:apply). */
enum model_apply { MODEL_APPLY_LIVE, MODEL_APPLY_RESTART_PORT, MODEL_APPLY_RECREATE };

struct model {
	struct ly_ctx *ctx;
	const struct lys_module *module;
	const struct lysc_node *root; /* container vswitch */
	char *text; /* the YANG text */
};

/* `schema_dir` holds vswitch.yang; NULL: the text compiled into the binary. */
int model_create(const char *schema_dir, struct model **out, struct err *err);
void model_destroy(struct model *model); /* NULL is legal */

/* --- nodes ---------------------------------------------------------------------------------- */

/* Data node children of a node, in schema order; NULL at the end. */
const struct lysc_node *model_first(const struct lysc_node *parent);

/* The child of that name, NULL if there is none. `name` need not be terminated. */
const struct lysc_node *model_child(const struct lysc_node *parent, const char *name, size_t len);

/* Offers the names of the children: all of them, or those that can be configured. */
void model_suggest(const struct lysc_node *parent, bool config_only, struct suggest *suggest);

/* An rpc's input by the rpc's name; NULL if there is no such rpc. */
const struct lysc_node *model_rpc_input(const struct model *model, const char *name);

/* False for state. The input of an rpc counts as configuration: it is what a client may write. */
static inline bool
model_is_config(const struct lysc_node *node)
{
	return (node->flags & LYS_CONFIG_R) == 0;
}

/* True for a list and leaf-list, whose JSON is an array. */
static inline bool
model_is_many(const struct lysc_node *node)
{
	return (node->nodetype & (LYS_LIST | LYS_LEAFLIST)) != 0;
}

/* True for a list or leaf-list whose order is the user's (ordered-by user). */
static inline bool
model_is_user_ordered(const struct lysc_node *node)
{
	return model_is_many(node) && (node->flags & LYS_ORDBY_USER) != 0;
}

/* True for a leaf and leaf-list, which have a type. */
static inline bool
model_is_leaf(const struct lysc_node *node)
{
	return (node->nodetype & (LYS_LEAF | LYS_LEAFLIST)) != 0;
}

/* The n-th key leaf of a list, NULL past the last. */
const struct lysc_node *model_key(const struct lysc_node *list, size_t n);

/* True for a state list that is read page by page (extension vs:paged). */
bool model_is_paged(const struct lysc_node *node);

/* True for a string whose canonical form is lower case (extension vs:lower-case). */
bool model_is_lower_case(const struct lysc_node *node);

/* What a bound admin may not edit (extension vs:host-resource). */
bool model_is_host_resource(const struct lysc_node *node);

/* Extension vs:metric of a node (metrics.h), NULL if it has none. */
const char *model_metric(const struct lysc_node *node);

/* Extension vs:apply of a leaf or leaf-list. */
enum model_apply model_apply_class(const struct lysc_node *node);
const char *model_apply_name(enum model_apply apply);

/* --- leaves --------------------------------------------------------------------------------- */

/* The type of a leaf or leaf-list, references followed to what they refer to. */
const struct lysc_type *model_type(const struct lysc_node *node);

/* True for a leaf whose type is counter64 as it stands. */
bool model_is_counter(const struct model *model, const struct lysc_node *node);

/* What a leaf's numbers count, as the schema says; NULL: it does not. */
const char *model_units(const struct lysc_node *node);

/* The default of a leaf as canonical text, NULL if it has none. */
const char *model_default(const struct lysc_node *node);

#endif
