/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/diff.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/jx.h"

struct diff_entry {
	char *path;
	json_t *before; /* NULL: nothing */
	json_t *after;
};

struct diff {
	void *root; /* of struct diff_entry, by path */
};

static int
compare_paths(const void *a, const void *b)
{
	/* vm2 before vm10 */
	return strverscmp(
		((const struct diff_entry *)a)->path, ((const struct diff_entry *)b)->path);
}

static void
free_entry(void *arg)
{
	struct diff_entry *entry = arg;

	json_decref(entry->before);
	json_decref(entry->after);
	free(entry->path);
	free(entry);
}

void
diff_create(struct diff **out)
{
	*out = must_calloc(1, sizeof(**out));
}

void
diff_destroy(struct diff *diff)
{
	if (diff != NULL) {
		tdestroy(diff->root, free_entry);
		free(diff);
	}
}

static void
add_change(struct diff *diff, const char *path, json_t *before, json_t *after)
{
	struct diff_entry probe = {.path = (char *)(uintptr_t)path};
	void *node = tfind(&probe, &diff->root, compare_paths);
	struct diff_entry *entry;

	if (node != NULL) {
		entry = *(struct diff_entry **)node;
		json_decref(entry->after);
		entry->after = json_incref(after);
		return;
	}
	entry = must_calloc(1, sizeof(*entry));
	entry->path = str_dup(path);
	entry->before = json_incref(before);
	entry->after = json_incref(after);
	if (tsearch(entry, &diff->root, compare_paths) == NULL) {
		abort();
	}
}

static bool
is_content(const json_t *json)
{
	return json == NULL || json_is_object(json);
}

bool
diff_add(struct diff *diff, const json_t *changes)
{
	json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		const char *path = json_string_value(json_object_get(change, "path"));
		json_t *before = json_object_get(change, "before");
		json_t *after = json_object_get(change, "after");

		if (path == NULL || !is_content(before) || !is_content(after)) {
			return false;
		}
		add_change(diff, path, before, after);
	}
	return json_is_array(changes);
}

struct each {
	diff_visit_fn visit;
	void *arg;
	int rc;
};

static void
each_node(const void *node, VISIT which, void *closure)
{
	const struct diff_entry *entry = *(struct diff_entry *const *)node;
	struct each *each = closure;

	if (each->rc != 0 || (which != postorder && which != leaf)) {
		return;
	}
	if (entry->before == NULL || entry->after == NULL
			? entry->before != entry->after
			: !json_equal(entry->before, entry->after)) {
		each->rc = each->visit(each->arg, entry->path, entry->before, entry->after);
	}
}

int
diff_each(const struct diff *diff, diff_visit_fn visit, void *arg)
{
	struct each each = {.visit = visit, .arg = arg};

	twalk_r(diff->root, each_node, &each);
	return each.rc;
}

json_t *
diff_change_json(const char *path, const json_t *before, const json_t *after)
{
	json_t *change = jx_object();

	jx_set(change, "op",
		jx_string(before == NULL        ? "create"
				: after == NULL ? "delete"
						: "modify"));
	jx_set(change, "path", jx_string(path));
	if (before != NULL) {
		jx_set(change, "before", json_incref((json_t *)(uintptr_t)before));
	}
	if (after != NULL) {
		jx_set(change, "after", json_incref((json_t *)(uintptr_t)after));
	}
	return change;
}

static int
collect_forward(void *arg, const char *path, const json_t *before, const json_t *after)
{
	jx_append(arg, diff_change_json(path, before, after));
	return 0;
}

static int
collect_backward(void *arg, const char *path, const json_t *before, const json_t *after)
{
	jx_append(arg, diff_change_json(path, after, before));
	return 0;
}

json_t *
diff_json(const struct diff *diff, enum diff_way way)
{
	json_t *changes = jx_array();

	(void)diff_each(diff, way == DIFF_FORWARD ? collect_forward : collect_backward, changes);
	return changes;
}
