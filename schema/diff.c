/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/diff.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/jx.h"
#include "schema/patch.h"

struct diff_entry {
	char *path;
	json_t *before; /* NULL: nothing */
	json_t *after;
	json_t *patches; /* an array: these lie between, and neither is known; NULL: both are */
};

struct diff {
	void *root; /* of struct diff_entry, by path */
	size_t n_open; /* entries with patches */
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
	json_decref(entry->patches);
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

static struct diff_entry *
find(const struct diff *diff, const char *path)
{
	struct diff_entry probe = {.path = (char *)(uintptr_t)path};
	void *node = tfind(&probe, &diff->root, compare_paths);

	return node == NULL ? NULL : *(struct diff_entry **)node;
}

static struct diff_entry *
add_entry(struct diff *diff, const char *path)
{
	struct diff_entry *entry = must_calloc(1, sizeof(*entry));

	entry->path = str_dup(path);
	if (tsearch(entry, &diff->root, compare_paths) == NULL) {
		abort();
	}
	return entry;
}

/* Both sides of an entry with patches, from what is known of one. */
static bool
settle(struct diff *diff, struct diff_entry *entry, enum diff_way way, const json_t *whole)
{
	const size_t n = json_array_size(entry->patches);
	json_t *at = json_incref((json_t *)(uintptr_t)whole);

	for (size_t i = 0; i < n && at != NULL; i++) {
		const json_t *patch =
			json_array_get(entry->patches, way == DIFF_FORWARD ? i : n - 1 - i);
		json_t *next = patch_apply(
			at, patch, way == DIFF_FORWARD ? PATCH_FORWARD : PATCH_BACKWARD);

		json_decref(at);
		at = next;
	}
	if (at == NULL) {
		return false;
	}
	entry->before = way == DIFF_FORWARD ? json_incref((json_t *)(uintptr_t)whole) : at;
	entry->after = way == DIFF_FORWARD ? at : json_incref((json_t *)(uintptr_t)whole);
	json_decref(entry->patches);
	entry->patches = NULL;
	diff->n_open--;
	return true;
}

/* False: it does not fit to what came before. */
static bool
add_change(struct diff *diff, const char *path, json_t *before, json_t *after)
{
	struct diff_entry *entry = find(diff, path);

	if (entry != NULL && entry->patches != NULL &&
		!settle(diff, entry, DIFF_BACKWARD, before)) {
		return false;
	}
	if (entry == NULL) {
		entry = add_entry(diff, path);
		entry->before = json_incref(before);
	}
	json_decref(entry->after);
	entry->after = json_incref(after);
	return true;
}

static bool
add_patch(struct diff *diff, const char *path, json_t *patch)
{
	struct diff_entry *entry = find(diff, path);
	json_t *after;

	if (entry != NULL && entry->patches == NULL) {
		after = patch_apply(entry->after, patch, PATCH_FORWARD);
		json_decref(entry->after);
		entry->after = after;
		return after != NULL;
	}
	if (entry == NULL) {
		entry = add_entry(diff, path);
		entry->patches = jx_array();
		diff->n_open++;
	}
	jx_append(entry->patches, json_incref(patch));
	return true;
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
		json_t *patch = json_object_get(change, "patch");
		json_t *before = json_object_get(change, "before");
		json_t *after = json_object_get(change, "after");

		if (path == NULL || !is_content(before) || !is_content(after) ||
			!is_content(patch) ||
			!(patch == NULL ? add_change(diff, path, before, after)
					: add_patch(diff, path, patch))) {
			return false;
		}
	}
	return json_is_array(changes);
}

bool
diff_is_open(const struct diff *diff)
{
	return diff->n_open > 0;
}

struct resolve {
	struct diff *diff;
	enum diff_way way;
	diff_base_fn base;
	void *arg;
	bool good;
};

static void
resolve_node(const void *node, VISIT which, void *closure)
{
	struct diff_entry *entry = *(struct diff_entry *const *)node;
	struct resolve *resolve = closure;

	if ((which == postorder || which == leaf) && entry->patches != NULL) {
		resolve->good = settle(resolve->diff, entry, resolve->way,
					resolve->base(resolve->arg, entry->path)) &&
			resolve->good;
	}
}

bool
diff_resolve(struct diff *diff, enum diff_way way, diff_base_fn base, void *arg)
{
	struct resolve resolve = {.diff = diff, .way = way, .base = base, .arg = arg, .good = true};

	if (diff->n_open > 0) {
		twalk_r(diff->root, resolve_node, &resolve);
	}
	return resolve.good;
}

const json_t *
diff_get(const struct diff *diff, const char *path, enum diff_way way, bool *known)
{
	const struct diff_entry *entry = find(diff, path);

	*known = entry != NULL && entry->patches == NULL;
	if (!*known) {
		return NULL;
	}
	return way == DIFF_FORWARD ? entry->before : entry->after;
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

json_t *
diff_patch_json(const char *path, json_t *patch)
{
	json_t *change = jx_object();

	jx_set(change, "op", jx_string("modify"));
	jx_set(change, "path", jx_string(path));
	jx_set(change, "patch", patch);
	return change;
}
