/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits from a stranger against the real schema. The bytes are either JSON as it came, or choices:
 * which nodes of the schema, which operations, which values, right ones and wrong ones. After each
 * edit that was taken libyang must accept the whole tree; after each that was refused the tree must
 * be what it was, and the refusal must say something.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "schema/jx.h"
#include "schema/test_backend.h"

LOG_MODULE("fuzz");

#define EDITS_MAX 6 /* of one input, each of 1 to 4 operations */
#define DEPTH_MAX 5
#define TEXT_SIZE 1024

/* The role of main is taken once, by the first input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) ROLE_ATTR(no_thread_safety_analysis);

struct choices {
	const uint8_t *at;
	size_t left;
};

static json_t *value_any(struct choices *c, const struct lysc_node *node, unsigned int depth);

/* A number below n; 0 when the bytes are at their end, so that everything ends. */
static unsigned int
choose(struct choices *c, unsigned int n)
{
	if (c->left == 0) {
		return 0;
	}
	c->left--;
	return *c->at++ % n;
}

/* ---- values ---- */

static json_t *
string_any(struct choices *c)
{
	static const char *const texts[] = {"", "a", "b", "br0", "vm1", "10", "20-30", "0", "-1",
		"52:54:00:00:00:01", "10.0.0.1/24", "fe80::1", "tcp", "/run/x.sock", "true",
		"18446744073709551616", "a/b", "it's", "\xc3\xa4"};
	unsigned int which = choose(c, ARRAY_LEN(texts) + 2);
	char text[300];

	if (which < ARRAY_LEN(texts)) {
		return json_string(texts[which]);
	}
	if (which == ARRAY_LEN(texts)) { /* bytes of the input, if they are UTF-8 */
		size_t len = choose(c, 16);
		json_t *string;

		len = len < c->left ? len : c->left;
		string = json_stringn((const char *)c->at, len);
		c->at += len;
		c->left -= len;
		return string == NULL ? json_string("?") : string;
	}
	memset(text, 'x', sizeof(text));
	text[16 * choose(c, 18)] = '\0';
	text[sizeof(text) - 1] = '\0';
	return json_string(text);
}

static json_t *
number_any(struct choices *c)
{
	static const json_int_t numbers[] = {0, 1, 2, 10, 63, 68, 255, 1500, 4094, 4095, 65535,
		65536, 1000000, INT32_MAX, INT64_MAX, -1, INT64_MIN};
	unsigned int which = choose(c, ARRAY_LEN(numbers) + 1);

	return which == ARRAY_LEN(numbers) ? json_real(1.5) : json_integer(numbers[which]);
}

/* Of whatever JSON type. */
static json_t *
wild(struct choices *c, unsigned int depth)
{
	unsigned int n;
	json_t *json;

	switch (choose(c, 8)) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_false();
	case 3:
		return number_any(c);
	case 4:
		json = json_array();
		for (n = depth < DEPTH_MAX ? choose(c, 4) : 0; n > 0; n--) {
			jx_append(json, wild(c, depth + 1));
		}
		return json;
	case 5:
		json = json_object();
		for (n = depth < DEPTH_MAX ? choose(c, 4) : 0; n > 0; n--) {
			json_t *key = string_any(c);

			jx_set(json, json_string_value(key), wild(c, depth + 1));
			json_decref(key);
		}
		return json;
	default:
		return string_any(c);
	}
}

static json_t *
value_of_type(struct choices *c, const struct lysc_type *type)
{
	const struct lysc_type_enum *enums = (const struct lysc_type_enum *)type;
	const struct lysc_type_union *either = (const struct lysc_type_union *)type;

	switch (type->basetype) {
	case LY_TYPE_ENUM:
		return json_string(
			enums->enums[choose(c, (unsigned int)LY_ARRAY_COUNT(enums->enums))].name);
	case LY_TYPE_UNION:
		return value_of_type(
			c, either->types[choose(c, (unsigned int)LY_ARRAY_COUNT(either->types))]);
	case LY_TYPE_BOOL:
		return json_boolean(choose(c, 2) != 0);
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
		return number_any(c);
	default:
		return string_any(c);
	}
}

/* The n-th child, counted round and round. */
static const struct lysc_node *
child_any(struct choices *c, const struct lysc_node *parent)
{
	const struct lysc_node *child = model_first(parent);
	unsigned int n = 0;

	for (; child != NULL; child = child->next) {
		n++;
	}
	if (n == 0) {
		return NULL;
	}
	n = choose(c, n);
	for (child = model_first(parent); n > 0; n--) {
		child = child->next;
	}
	return child;
}

static json_t *
object_any(struct choices *c, const struct lysc_node *node, unsigned int depth)
{
	json_t *object = json_object();

	for (unsigned int n = depth < DEPTH_MAX ? choose(c, 6) : 0; n > 0; n--) {
		const struct lysc_node *child = child_any(c, node);
		json_t *value;

		if (child == NULL) {
			break;
		}
		value = value_any(c, child, depth + 1);
		if (model_is_many(child) && choose(c, 8) != 0) {
			json_t *array = json_array();

			jx_append(array, value);
			value = array;
		}
		jx_set(object, child->name, value);
	}
	return object;
}

/* What could be a node's content, mostly. */
static json_t *
value_any(struct choices *c, const struct lysc_node *node, unsigned int depth)
{
	if (node == NULL || choose(c, 8) == 7) {
		return wild(c, depth);
	}
	return model_is_leaf(node) ? value_of_type(c, model_type(node))
				   : object_any(c, node, depth);
}

/* ---- operations ---- */

static void
key_append(struct choices *c, const char *name, char path[TEXT_SIZE])
{
	json_t *value = string_any(c);

	(void)str_appendf(path, TEXT_SIZE, "[%s='%s']", name, json_string_value(value));
	json_decref(value);
}

/* A path to some node, now and then without its keys. */
static const struct lysc_node *
path_any(struct choices *c, const struct model *model, char path[TEXT_SIZE])
{
	const struct lysc_node *node = model->root;

	(void)str_copy(path, "/vswitch:vswitch", TEXT_SIZE);
	for (unsigned int n = choose(c, 5); n > 0 && !model_is_leaf(node); n--) {
		const struct lysc_node *child = child_any(c, node);

		if (child == NULL) {
			break;
		}
		node = child;
		(void)str_appendf(path, TEXT_SIZE, "/%s", node->name);
		if (node->nodetype == LYS_LIST && choose(c, 8) != 7) {
			for (size_t k = 0; model_key(node, k) != NULL; k++) {
				key_append(c, model_key(node, k)->name, path);
			}
		} else if (node->nodetype == LYS_LEAFLIST && choose(c, 2) != 0) {
			key_append(c, ".", path);
		}
	}
	return node;
}

static json_t *
operation_any(struct choices *c, const struct model *model)
{
	static const char *const ops[] = {
		"merge", "create", "replace", "delete", "remove", "insert", "move", "nix"};
	static const char *const places[] = {"first", "last", "before", "after"};
	json_t *operation = json_object();
	const struct lysc_node *node;
	unsigned int op = choose(c, ARRAY_LEN(ops));
	char path[TEXT_SIZE];

	jx_set(operation, "op", json_string(ops[op]));
	node = path_any(c, model, path);
	jx_set(operation, "path", jx_string(path));
	if (op != 3 && op != 4 && op != 6 && choose(c, 8) != 7) {
		jx_set(operation, "value", value_any(c, node, 0));
	}
	if (op == 5 || op == 6) {
		jx_set(operation, "where", json_string(places[choose(c, 4)]));
		if (choose(c, 2) != 0) {
			(void)path_any(c, model, path);
			jx_set(operation, "point", jx_string(path));
		}
	}
	return operation;
}

static json_t *
params_any(struct choices *c, const struct model *model)
{
	json_t *params = json_object();
	json_t *edits = json_array();

	for (unsigned int n = 1 + choose(c, 4); n > 0; n--) {
		jx_append(edits, choose(c, 16) == 15 ? wild(c, 0) : operation_any(c, model));
	}
	jx_set(params, "edits", edits);
	if (choose(c, 8) == 7) {
		jx_set(params, "dry-run", wild(c, 0));
	}
	if (choose(c, 8) == 7) {
		jx_set(params, "base-revision", wild(c, 0));
	}
	if (choose(c, 8) == 7) {
		jx_set(params, "comment", wild(c, 0));
	}
	return params;
}

/* ---- one input ---- */

static json_t *tree_of(struct backend *backend) ON_MAIN;
static void edit_try(struct backend *backend, json_t *params) ON_MAIN;
static void reset(struct backend *backend) ON_MAIN;
static void input_run(struct backend *backend, const uint8_t *data, size_t size) ON_MAIN;

static json_t *
tree_of(struct backend *backend)
{
	struct ds_get_options options = {.content = DS_CONTENT_CONFIG};
	json_t *tree = NULL;
	int rc = ds_get(backend->ds, &options, &tree, NULL);

	assert(rc == 0);
	return tree;
}

static void
edit_try(struct backend *backend, json_t *params)
{
	json_t *before = tree_of(backend);
	struct outcome outcome = {0};
	struct err err = ERR_INIT;
	json_t *after;

	ds_edit(backend->ds, params, NULL, outcome_done, &outcome);
	assert(outcome.calls == 1);
	after = tree_of(backend);
	if (outcome.rc != 0) {
		assert(outcome.err.text[0] != '\0');
		assert(json_equal(before, after));
	} else if (ds_validate_full(backend->ds, &err) != 0) {
		log_error("libyang refuses what was taken: %s: %s in %s", err.path, err.text,
			json_dumps(after, JSON_COMPACT));
		abort();
	}
	outcome_clear(&outcome);
	json_decref(before);
	json_decref(after);
}

static void
reset(struct backend *backend)
{
	json_t *params =
		json_of("{'edits':[{'op':'replace','path':'/vswitch:vswitch','value':{}}]}");
	struct outcome outcome = {0};

	ds_edit(backend->ds, params, NULL, outcome_done, &outcome);
	assert(outcome.calls == 1 && outcome.rc == 0);
	outcome_clear(&outcome);
	json_decref(params);
	(void)json_array_clear(backend->log);
}

static void
input_run(struct backend *backend, const uint8_t *data, size_t size)
{
	struct choices c = {.at = data + 1, .left = size - 1};
	json_t *params;

	if (data[0] % 4 == 0) {
		params = json_loadb((const char *)data + 1, size - 1,
			JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		if (json_is_object(params)) {
			edit_try(backend, params);
		} else if (params != NULL) {
			params = json_pack("{s:[o]}", "edits", params);
			edit_try(backend, params);
		}
		json_decref(params);
		return;
	}
	for (int n = 0; n < EDITS_MAX && c.left > 0; n++) {
		params = params_any(&c, backend->ds->model);
		edit_try(backend, params);
		json_decref(params);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct backend backend; /* the schema takes longer than an input */

	if (size == 0) {
		return 0;
	}
	if (backend.ds == NULL) {
		role_enter(&role_main);
		backend_start(&backend, NULL);
	}
	input_run(&backend, data, size);
	reset(&backend);
	return 0;
}
