/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/patch.h"

#include <stdint.h>

#include "schema/jx.h"

#define AHEAD 64 /* elements that are looked at for one that has come or gone */

bool
patch_pays(const json_t *object)
{
	const char *name;
	json_t *member;

	json_object_foreach ((json_t *)(uintptr_t)object, name, member) {
		if (json_array_size(member) >= PATCH_LIST_MIN) {
			return true;
		}
	}
	return false;
}

/* --- making ---------------------------------------------------------------------------------- */

static bool
same(const json_t *a, size_t i, const json_t *b, size_t j)
{
	return json_equal(json_array_get(a, i), json_array_get(b, j)) != 0;
}

static json_t *
slice(const json_t *array, size_t from, size_t end)
{
	json_t *part = jx_array();

	for (size_t i = from; i < end; i++) {
		jx_append(part, json_incref(json_array_get(array, i)));
	}
	return part;
}

/*
 * How much has gone from a[i] on and come from b[j] on, until both are the same again: an element
 * that has changed, some that have come or some that have gone; all that is left if that is far.
 */
static void
hunk_size(const json_t *a, size_t i, size_t a_end, const json_t *b, size_t j, size_t b_end,
	size_t *gone, size_t *come)
{
	for (size_t n = 1; n <= AHEAD; n++) {
		if (i + n < a_end && j + n < b_end && same(a, i + n, b, j + n)) {
			*gone = n;
			*come = n;
			return;
		}
		if (j + n < b_end && same(a, i, b, j + n)) {
			*gone = 0;
			*come = n;
			return;
		}
		if (i + n < a_end && same(a, i + n, b, j)) {
			*gone = n;
			*come = 0;
			return;
		}
	}
	*gone = a_end - i;
	*come = b_end - j;
}

static json_t *
array_patch(const json_t *a, const json_t *b)
{
	json_t *hunks = jx_array();
	json_t *patch = jx_object();
	size_t a_end = json_array_size(a);
	size_t b_end = json_array_size(b);
	size_t i = 0;
	size_t j = 0;

	while (a_end > 0 && b_end > 0 && same(a, a_end - 1, b, b_end - 1)) {
		a_end--;
		b_end--;
	}
	while (i < a_end || j < b_end) {
		size_t gone = a_end - i;
		size_t come = b_end - j;
		json_t *hunk;

		if (gone > 0 && come > 0 && same(a, i, b, j)) {
			i++;
			j++;
			continue;
		}
		if (gone > 0 && come > 0) {
			hunk_size(a, i, a_end, b, j, b_end, &gone, &come);
		}
		hunk = jx_array();
		jx_append(hunk, jx_integer((json_int_t)i));
		jx_append(hunk, slice(a, i, i + gone));
		jx_append(hunk, slice(b, j, j + come));
		jx_append(hunks, hunk);
		i += gone;
		j += come;
	}
	jx_set(patch, "at", hunks);
	return patch;
}

static json_t *
member_patch(json_t *a, json_t *b)
{
	json_t *patch;

	if (json_is_array(a) && json_is_array(b)) {
		return array_patch(a, b);
	}
	if (json_is_object(a) && json_is_object(b)) {
		patch = jx_object();
		jx_set(patch, "of", patch_make(a, b));
		return patch;
	}
	patch = jx_array();
	jx_append(patch, a == NULL ? json_null() : json_incref(a));
	jx_append(patch, b == NULL ? json_null() : json_incref(b));
	return patch;
}

json_t *
patch_make(const json_t *before, const json_t *after)
{
	json_t *patch = jx_object();
	const char *name;
	json_t *member;

	json_object_foreach ((json_t *)(uintptr_t)before, name, member) {
		json_t *other = json_object_get(after, name);

		if (other == NULL || !json_equal(member, other)) {
			jx_set(patch, name, member_patch(member, other));
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)after, name, member) {
		if (json_object_get(before, name) == NULL) {
			jx_set(patch, name, member_patch(NULL, member));
		}
	}
	return patch;
}

/* --- applying -------------------------------------------------------------------------------- */

/* Copy elements up to `end`, from *at on. */
static bool
copy_to(json_t *out, const json_t *array, size_t *at, size_t end)
{
	if (end < *at || end > json_array_size(array)) {
		return false;
	}
	for (; *at < end; ++*at) {
		jx_append(out, json_incref(json_array_get(array, *at)));
	}
	return true;
}

/* These are what stands at *at; go past them. */
static bool
match(const json_t *array, size_t *at, const json_t *elements)
{
	const size_t n = json_array_size(elements);

	for (size_t i = 0; i < n; i++) {
		if (!json_equal(json_array_get(array, *at + i), json_array_get(elements, i))) {
			return false;
		}
	}
	*at += n;
	return json_is_array(elements);
}

static json_t *
array_apply(const json_t *array, const json_t *hunks, enum patch_way way)
{
	const size_t from = way == PATCH_FORWARD ? 1 : 2;
	json_t *out = jx_array();
	const json_t *hunk;
	size_t at = 0;
	size_t i;
	json_int_t moved = 0; /* how much further behind places are in `array` than before */

	json_array_foreach (hunks, i, hunk) {
		const json_int_t index = json_integer_value(json_array_get(hunk, 0));
		const json_t *gone = json_array_get(hunk, from);
		const json_t *come = json_array_get(hunk, 3 - from);
		const size_t n = json_array_size(come);
		size_t taken = 0;

		if (index + moved < 0 || !copy_to(out, array, &at, (size_t)(index + moved)) ||
			!match(array, &at, gone) || !json_is_array(come) ||
			!copy_to(out, come, &taken, n)) {
			json_decref(out);
			return NULL;
		}
		if (way == PATCH_BACKWARD) {
			moved += (json_int_t)json_array_size(gone) - (json_int_t)n;
		}
	}
	(void)copy_to(out, array, &at, json_array_size(array));
	return out;
}

static bool
same_member(const json_t *member, const json_t *value)
{
	return json_is_null(value) ? member == NULL
				   : member != NULL && json_equal(member, value) != 0;
}

/* One member; false: that is not what was there. */
static bool
member_apply(json_t *object, const char *name, const json_t *patch, enum patch_way way)
{
	const size_t from = way == PATCH_FORWARD ? 0 : 1;
	const json_t *member = json_object_get(object, name);
	json_t *value;

	if (json_array_size(patch) == 2) {
		value = json_array_get(patch, 1 - from);
		if (!same_member(member, json_array_get(patch, from))) {
			return false;
		}
		if (json_is_null(value)) {
			(void)json_object_del(object, name);
		} else {
			jx_set(object, name, json_incref(value));
		}
		return true;
	}
	if (json_is_object(member) && json_is_object(json_object_get(patch, "of"))) {
		value = patch_apply(member, json_object_get(patch, "of"), way);
	} else if (json_is_array(member) && json_is_array(json_object_get(patch, "at"))) {
		value = array_apply(member, json_object_get(patch, "at"), way);
	} else {
		return false;
	}
	if (value != NULL) {
		jx_set(object, name, value);
	}
	return value != NULL;
}

json_t *
patch_apply(const json_t *object, const json_t *patch, enum patch_way way)
{
	json_t *out;
	const char *name;
	json_t *member;

	if (!json_is_object(object) || !json_is_object(patch)) {
		return NULL;
	}
	out = jx_copy_top(object);
	json_object_foreach ((json_t *)(uintptr_t)patch, name, member) {
		if (!member_apply(out, name, member, way)) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}
