/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/delta.h"

#include <stdbool.h>

#include "schema/jx.h"
#include "schema/sorted.h"

/* The entries of a list that are looked at: all but the same ones at both ends. */
struct span {
	const struct lysc_node *list;
	const json_t *before;
	const json_t *after;
	size_t first; /* in both */
	size_t end_before;
	size_t end_after;
	json_t *less_before;
	json_t *less_after;
};

static void
keep(json_t *less, const json_t *array, size_t index)
{
	jx_append(less, json_incref(json_array_get(array, index)));
}

static bool
same(const struct span *span, size_t before, size_t after)
{
	return json_equal(json_array_get(span->before, before),
		       json_array_get(span->after, after)) != 0;
}

static int
compare(const struct span *span, size_t before, size_t after)
{
	return sorted_compare(span->list, json_array_get(span->before, before),
		json_array_get(span->after, after));
}

static void
skip_ends(struct span *span)
{
	while (span->first < span->end_before && span->first < span->end_after &&
		same(span, span->first, span->first)) {
		span->first++;
	}
	while (span->end_before > span->first && span->end_after > span->first &&
		same(span, span->end_before - 1, span->end_after - 1)) {
		span->end_before--;
		span->end_after--;
	}
}

/* Whether entries with the same keys stand side by side in both. */
static bool
is_aligned(const struct span *span)
{
	if (span->end_before != span->end_after) {
		return false;
	}
	for (size_t i = span->first; i < span->end_before; i++) {
		if (compare(span, i, i) != 0) {
			return false;
		}
	}
	return true;
}

/* The order is the user's, and not the same: it is said by what stands there. */
static void
keep_all(struct span *span)
{
	for (size_t i = span->first; i < span->end_before; i++) {
		keep(span->less_before, span->before, i);
	}
	for (size_t i = span->first; i < span->end_after; i++) {
		keep(span->less_after, span->after, i);
	}
}

/* Both are in the same order. */
static void
keep_different(struct span *span)
{
	size_t a = span->first;
	size_t b = span->first;

	while (a < span->end_before || b < span->end_after) {
		int diff = a == span->end_before ? 1
			: b == span->end_after   ? -1
						 : compare(span, a, b);

		if (diff != 0 || !same(span, a, b)) {
			if (diff <= 0) {
				keep(span->less_before, span->before, a);
			}
			if (diff >= 0) {
				keep(span->less_after, span->after, b);
			}
		}
		a += diff <= 0;
		b += diff >= 0;
	}
}

static void
list_delta(const struct lysc_node *list, const json_t *before, const json_t *after,
	json_t **less_before, json_t **less_after)
{
	struct span span = {
		.list = list,
		.before = before,
		.after = after,
		.end_before = json_array_size(before),
		.end_after = json_array_size(after),
		.less_before = jx_array(),
		.less_after = jx_array(),
	};

	skip_ends(&span);
	if (model_is_user_ordered(list) && !is_aligned(&span)) {
		keep_all(&span);
	} else {
		keep_different(&span);
	}
	*less_before = span.less_before;
	*less_after = span.less_after;
}

/* A member that both have, and that differs. */
static void
member_delta(const struct lysc_node *node, const json_t *before, const json_t *after,
	json_t **less_before, json_t **less_after)
{
	if (node->nodetype == LYS_CONTAINER) {
		delta_make(node, before, after, less_before, less_after);
	} else if (node->nodetype == LYS_LIST) {
		list_delta(node, before, after, less_before, less_after);
	} else {
		*less_before = json_incref((json_t *)(uintptr_t)before);
		*less_after = json_incref((json_t *)(uintptr_t)after);
	}
}

void
delta_make(const struct lysc_node *node, const json_t *before, const json_t *after,
	json_t **less_before, json_t **less_after)
{
	json_t *left = jx_object();
	json_t *right = jx_object();

	for (const struct lysc_node *n = model_first(node); n != NULL; n = n->next) {
		json_t *a = json_object_get(before, n->name);
		json_t *b = json_object_get(after, n->name);

		if (a != NULL && b != NULL && !json_equal(a, b)) {
			json_t *less_a;
			json_t *less_b;

			member_delta(n, a, b, &less_a, &less_b);
			jx_set(left, n->name, less_a);
			jx_set(right, n->name, less_b);
		} else if (a != NULL && b == NULL) {
			jx_set(left, n->name, json_incref(a));
		} else if (a == NULL && b != NULL) {
			jx_set(right, n->name, json_incref(b));
		}
	}
	*less_before = left;
	*less_after = right;
}
