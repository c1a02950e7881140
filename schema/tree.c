/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/tree.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/jx.h"
#include "schema/path.h"

#define LISTS_MAX 16

struct record {
	char *key;
	json_t *config;
	char *text; /* of the saved file, NULL until asked for */
};

struct tree {
	struct tree_list lists[LISTS_MAX];
	size_t n_lists;
};

/* --- entries: a red-black tree of libc, by name --------------------------------------------- */

static int
compare_entries(const void *a, const void *b)
{
	return strverscmp(((const struct record *)a)->key, ((const struct record *)b)->key);
}

static struct record *
find_entry(const struct tree_list *list, const char *key)
{
	struct record probe = {.key = (char *)(uintptr_t)key};
	void *node = tfind(&probe, &list->root, compare_entries);

	return node == NULL ? NULL : *(struct record **)node;
}

static void
free_entry(void *arg)
{
	struct record *entry = arg;

	json_decref(entry->config);
	free(entry->key);
	free(entry->text);
	free(entry);
}

static void
add_entry(struct tree_list *list, const char *key, json_t *config)
{
	struct record *entry = calloc(1, sizeof(*entry));

	if (entry == NULL) {
		abort();
	}
	entry->key = str_dup(key);
	entry->config = config;
	if (tsearch(entry, &list->root, compare_entries) == NULL) {
		abort();
	}
	list->count++;
}

static void
del_entry(struct tree_list *list, struct record *entry)
{
	(void)tdelete(entry, &list->root, compare_entries);
	list->count--;
	free_entry(entry);
}

const json_t *
tree_get(const struct tree_list *list, const char *key)
{
	struct record *entry = find_entry(list, key);

	return entry == NULL ? NULL : entry->config;
}

void
tree_put(struct tree_list *list, const char *key, const json_t *config)
{
	struct record *entry = find_entry(list, key);
	json_t *ref = json_incref((json_t *)(uintptr_t)config);

	if (config == NULL) {
		assert(list->node->nodetype == LYS_LIST);
		if (entry != NULL) {
			del_entry(list, entry);
		}
	} else if (entry == NULL) {
		add_entry(list, key, ref);
	} else {
		json_decref(entry->config);
		entry->config = ref;
		free(entry->text);
		entry->text = NULL;
	}
}

/* --- walks ---------------------------------------------------------------------------------- */

struct each {
	int (*visit)(void *arg, struct record *entry);
	void *arg;
	int rc;
};

static void
each_node(const void *node, VISIT which, void *closure)
{
	struct each *each = closure;

	if (each->rc == 0 && (which == postorder || which == leaf)) {
		each->rc = each->visit(each->arg, *(struct record *const *)node);
	}
}

static int
each_entry(const struct tree_list *list, int (*visit)(void *arg, struct record *entry), void *arg)
{
	struct each each = {.visit = visit, .arg = arg};

	twalk_r(list->root, each_node, &each);
	return each.rc;
}

struct public_visit {
	tree_visit_fn visit;
	void *arg;
};

static int
visit_public(void *arg, struct record *entry)
{
	struct public_visit *public = arg;

	return public->visit(public->arg, entry->key, entry->config);
}

int
tree_each(const struct tree_list *list, tree_visit_fn visit, void *arg)
{
	struct public_visit public = {.visit = visit, .arg = arg};

	return each_entry(list, visit_public, &public);
}

static int
offer(void *arg, struct record *entry)
{
	suggest_offer(arg, entry->key);
	return 0;
}

void
tree_suggest(const struct tree_list *list, const char *name, struct suggest *suggest)
{
	suggest_init(suggest, name, strlen(name));
	(void)each_entry(list, offer, suggest);
}

/* --- creation ------------------------------------------------------------------------------- */

void
tree_create(const struct model *model, struct tree **out)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (tree == NULL) {
		abort();
	}
	for (const struct lysc_node *n = model_first(model->root); n != NULL; n = n->next) {
		struct tree_list *list = &tree->lists[tree->n_lists];

		assert(tree->n_lists < LISTS_MAX);
		/* A leaf at the top would be no entry, two keys no name; the schema has neither. */
		assert(n->nodetype == LYS_CONTAINER ||
			(model_key(n, 0) != NULL && model_key(n, 1) == NULL));
		list->node = n;
		list->rank = tree->n_lists++;
		if (n->nodetype == LYS_CONTAINER) {
			add_entry(list, "", jx_object());
		}
	}
	*out = tree;
}

void
tree_destroy(struct tree *tree)
{
	if (tree == NULL) {
		return;
	}
	for (size_t i = 0; i < tree->n_lists; i++) {
		tdestroy(tree->lists[i].root, free_entry);
	}
	free(tree);
}

struct tree_list *
tree_find_list(struct tree *tree, const struct lysc_node *node)
{
	for (size_t i = 0; i < tree->n_lists; i++) {
		if (tree->lists[i].node == node) {
			return &tree->lists[i];
		}
	}
	return NULL;
}

struct tree_list *
tree_list_at(struct tree *tree, size_t n)
{
	return n < tree->n_lists ? &tree->lists[n] : NULL;
}

const char *
tree_path(const struct tree_list *list, const char *key, char *buf, size_t size)
{
	(void)snprintf(buf, size, "/" MODEL_ROOT "/%s", list->node->name);
	if (list->node->nodetype == LYS_LIST) {
		path_append_key(buf, size, model_key(list->node, 0)->name, key);
	}
	return buf;
}

/* --- text ----------------------------------------------------------------------------------- */

struct writer {
	FILE *out;
	size_t n_entries; /* of the current list */
	const char *by;
};

/* Where jansson's lines go: each but the first indented further. */
struct indent {
	FILE *out;
	const char *by;
};

static int
indent_chunk(const char *chunk, size_t len, void *arg)
{
	struct indent *indent = arg;

	while (len > 0) {
		const char *newline = memchr(chunk, '\n', len);
		size_t n = newline == NULL ? len : (size_t)(newline - chunk) + 1;

		(void)fwrite(chunk, 1, n, indent->out);
		if (newline != NULL) {
			(void)fputs(indent->by, indent->out);
		}
		chunk += n;
		len -= n;
	}
	return 0;
}

static const char *
entry_text(struct record *entry, const char *by)
{
	size_t size;
	struct indent indent = {.by = by};

	if (entry->text == NULL) {
		indent.out = open_memstream(&entry->text, &size);
		if (indent.out == NULL ||
			json_dump_callback(entry->config, indent_chunk, &indent, JSON_INDENT(2)) !=
				0 ||
			fclose(indent.out) != 0) {
			abort();
		}
	}
	return entry->text;
}

/* How far the lines of an entry are indented. */
static const char *
indent_of(const struct tree_list *list)
{
	return list->node->nodetype == LYS_LIST ? "      " : "    ";
}

struct making {
	const char *by;
	size_t left; /* texts that may still be made */
};

static int
make_text(void *arg, struct record *entry)
{
	struct making *making = arg;

	if (entry->text != NULL) {
		return 0;
	}
	if (making->left == 0) {
		return 1;
	}
	making->left--;
	(void)entry_text(entry, making->by);
	return 0;
}

bool
tree_make_text(struct tree *tree, size_t max)
{
	struct making making = {.left = max};

	for (size_t i = 0; i < tree->n_lists; i++) {
		making.by = indent_of(&tree->lists[i]);
		if (each_entry(&tree->lists[i], make_text, &making) != 0) {
			return false;
		}
	}
	return true;
}

static int
write_entry(void *arg, struct record *entry)
{
	struct writer *writer = arg;

	(void)fputs(writer->n_entries++ == 0 ? "\n      " : ",\n      ", writer->out);
	(void)fputs(entry_text(entry, writer->by), writer->out);
	return 0;
}

/* True if the list is written at all: empty ones are left out. */
static bool
has_text(const struct tree_list *list)
{
	return list->node->nodetype == LYS_LIST ? list->count != 0
						: json_object_size(tree_get(list, "")) != 0;
}

char *
tree_text(struct tree *tree, size_t *len)
{
	const char *sep = "\n";
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL) {
		abort();
	}
	(void)fputs("{\n  \"" MODEL_ROOT "\": {", out);
	for (size_t i = 0; i < tree->n_lists; i++) {
		struct tree_list *list = &tree->lists[i];
		struct writer writer = {.out = out, .by = indent_of(list)};
		bool many = list->node->nodetype == LYS_LIST;

		if (!has_text(list)) {
			continue;
		}
		(void)fprintf(out, "%s    \"%s\": %s", sep, list->node->name, many ? "[" : "");
		if (many) {
			(void)each_entry(list, write_entry, &writer);
			(void)fputs("\n    ]", out);
		} else {
			(void)fputs(entry_text(find_entry(list, ""), writer.by), out);
		}
		sep = ",\n";
	}
	(void)fputs(*sep == ',' ? "\n  }\n}\n" : "}\n}\n", out);
	if (fclose(out) != 0) {
		abort();
	}
	return text;
}

static int
collect_entry(void *arg, const char *key, const json_t *config)
{
	jx_append(arg, json_incref((json_t *)(uintptr_t)config));
	return 0;
}

json_t *
tree_document(struct tree *tree)
{
	json_t *document = jx_object();
	json_t *root = jx_sub_object(document, MODEL_ROOT);

	for (size_t i = 0; i < tree->n_lists; i++) {
		struct tree_list *list = &tree->lists[i];
		json_t *entries;

		if (!has_text(list)) {
			continue;
		}
		if (list->node->nodetype == LYS_CONTAINER) {
			jx_set(root, list->node->name,
				json_incref((json_t *)(uintptr_t)tree_get(list, "")));
			continue;
		}
		entries = jx_array();
		(void)tree_each(list, collect_entry, entries);
		jx_set(root, list->node->name, entries);
	}
	return document;
}
