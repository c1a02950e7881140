/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/sorted.h"

#include <stdlib.h>
#include <string.h>

#include "schema/jx.h"

static int
compare_values(const json_t *a, const json_t *b)
{
	if (json_is_string(a) && json_is_string(b)) {
		return strverscmp(json_string_value(a), json_string_value(b));
	}
	if (json_is_integer(a) && json_is_integer(b)) {
		return (json_integer_value(a) > json_integer_value(b)) -
			(json_integer_value(a) < json_integer_value(b));
	}
	return (int)json_typeof(a) - (int)json_typeof(b);
}

int
sorted_compare(const struct lysc_node *node, const json_t *a, const json_t *b)
{
	const struct lysc_node *key;
	int diff = 0;

	if (node->nodetype == LYS_LEAFLIST) {
		return compare_values(a, b);
	}
	for (size_t i = 0; diff == 0 && (key = model_key(node, i)) != NULL; i++) {
		diff = compare_values(json_object_get(a, key->name), json_object_get(b, key->name));
	}
	return diff;
}

static int
compare_for_qsort(const void *a, const void *b, void *node)
{
	return sorted_compare(node, *(json_t *const *)a, *(json_t *const *)b);
}

void
sorted_sort(const struct lysc_node *node, json_t *array)
{
	size_t n = json_array_size(array);
	json_t **entries = calloc(n + 1, sizeof(*entries));

	if (entries == NULL) {
		abort();
	}
	for (size_t i = 0; i < n; i++) {
		entries[i] = json_incref(json_array_get(array, i));
	}
	qsort_r(entries, n, sizeof(*entries), compare_for_qsort, (void *)(uintptr_t)node);
	(void)json_array_clear(array);
	for (size_t i = 0; i < n; i++) {
		jx_append(array, entries[i]);
	}
	free(entries);
}

/* By the only key, a text: what most such lists have. */
static bool
find_named(const char *key, const json_t *array, const char *name, size_t *index)
{
	const size_t n = json_array_size(array);

	for (*index = 0; *index < n; (*index)++) {
		const json_t *its = json_object_get(json_array_get(array, *index), key);

		if (strcmp(json_string_value(its), name) == 0) {
			return true;
		}
	}
	return false;
}

static bool
find_unsorted(const struct lysc_node *node, const json_t *array, const json_t *entry, size_t *index)
{
	const size_t n = json_array_size(array);
	const struct lysc_node *key = node->nodetype == LYS_LIST ? model_key(node, 0) : NULL;
	const json_t *name = key == NULL ? NULL : json_object_get(entry, key->name);

	if (json_is_string(name) && model_key(node, 1) == NULL) {
		return find_named(key->name, array, json_string_value(name), index);
	}

	for (*index = 0; *index < n; (*index)++) {
		if (sorted_compare(node, json_array_get(array, *index), entry) == 0) {
			return true;
		}
	}
	return false;
}

bool
sorted_find(const struct lysc_node *node, const json_t *array, const json_t *entry, size_t *index)
{
	size_t low = 0;
	size_t high = json_array_size(array);

	if (model_is_user_ordered(node)) {
		return find_unsorted(node, array, entry, index);
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int diff = sorted_compare(node, json_array_get(array, middle), entry);

		if (diff == 0) {
			*index = middle;
			return true;
		}
		if (diff < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*index = low;
	return false;
}
