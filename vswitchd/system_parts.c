/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/system_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void
system_parts_add(struct system_parts *parts, const struct system_part *part)
{
	assert(parts->n < SYSTEM_PARTS_MAX);
	parts->part[parts->n++] = *part;
}

/* Put the part's container before what it says is wrong. */
static void
name_container(const struct system_part *part, struct err *err)
{
	char path[ERR_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "/vswitch:vswitch/system/%s", part->container);
	err_prefix_path(err, path);
}

static bool
part_changes(const struct system_part *part, const struct ds_change *change, const json_t **before,
	const json_t **after)
{
	*before = json_object_get(change->before, part->container);
	*after = json_object_get(change->after, part->container);
	if (*before == NULL || *after == NULL) {
		return *before != *after;
	}
	return !json_equal(*before, *after);
}

int
system_parts_check(
	const struct system_parts *parts, const struct ds_change *change, struct err *err)
{
	for (size_t i = 0; i < parts->n; i++) {
		const struct system_part *part = &parts->part[i];
		const json_t *before;
		const json_t *after;
		int rc;

		if (part->check == NULL || !part_changes(part, change, &before, &after)) {
			continue;
		}
		rc = part->check(part->ctx, after, err);
		if (rc != 0) {
			name_container(part, err);
			return rc;
		}
	}
	return 0;
}

int
system_parts_prepare(const struct system_parts *parts, const struct ds_change *change, bool loading,
	struct system_step *step, struct err *err)
{
	*step = (struct system_step){.changed = {false}};
	for (size_t i = 0; i < parts->n; i++) {
		const struct system_part *part = &parts->part[i];
		const json_t *before;
		const json_t *after;
		int rc;

		if (!part_changes(part, change, &before, &after)) {
			continue;
		}
		rc = part->prepare(part->ctx, before, after, loading, &step->prepared[i], err);
		if (rc != 0) {
			name_container(part, err);
			system_parts_abort(parts, step);
			return rc;
		}
		step->changed[i] = true;
	}
	return 0;
}

void
system_parts_apply(const struct system_parts *parts, struct system_step *step)
{
	for (size_t i = 0; i < parts->n; i++) {
		if (step->changed[i]) {
			parts->part[i].apply(parts->part[i].ctx, step->prepared[i]);
			step->changed[i] = false;
		}
	}
}

void
system_parts_abort(const struct system_parts *parts, struct system_step *step)
{
	for (size_t i = parts->n; i-- > 0;) {
		if (step->changed[i]) {
			parts->part[i].abort(parts->part[i].ctx, step->prepared[i]);
			step->changed[i] = false;
		}
	}
}

int
system_parts_reload(const struct system_parts *parts, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < parts->n; i++) {
		const struct system_part *part = &parts->part[i];
		struct err reason = ERR_INIT;

		if (part->reload != NULL && part->reload(part->ctx, &reason) != 0 && rc == 0) {
			name_container(part, &reason);
			rc = err_errno(reason.kind);
			if (err != NULL) {
				*err = reason;
			}
		}
	}
	return rc;
}

void
system_parts_state(const struct system_parts *parts, json_t *entry)
{
	for (size_t i = 0; i < parts->n; i++) {
		const struct system_part *part = &parts->part[i];
		json_t *container = json_object_get(entry, part->container);

		if (part->state == NULL) {
			continue;
		}
		if (container == NULL) {
			container = json_object();
			(void)json_object_set_new(entry, part->container, container);
		}
		part->state(part->ctx, container);
	}
}
