/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Containers of /system that a part of the daemon carries out: its HTTP listener, its TLS listener.
 *
 * Each part takes a share in transactions as world.h describes them: check says what is wrong with
 * a container by itself, prepare does all that can fail (open the new socket, read the
 * certificate), then comes exactly one of apply and abort. A part is asked only when its container
 * changes. At start, with the file loaded, a part that cannot be had (a port in use) must not
 * refuse: prepare gets `loading` and keeps the reason for its state.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_SYSTEM_PARTS_H
#define VSW_VSWITCHD_SYSTEM_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/role.h"
#include "schema/datastore.h"

#define SYSTEM_PARTS_MAX 8

struct system_part {
	const char *container; /* its name within /system */
	void *ctx; /* handed to all below */
	/* Containers are NULL where there is none. Errors name a leaf by its name. */
	int (*check)(void *ctx, const json_t *after, struct err *err); /* may be NULL */
	/* On 0 *prepared (may stay NULL) goes to apply or abort. */
	int (*prepare)(void *ctx, const json_t *before, const json_t *after, bool loading,
		void **prepared, struct err *err);
	void (*apply)(void *ctx, void *prepared);
	void (*abort)(void *ctx, void *prepared);
	/* Read files again that the configuration names; may be NULL. On an error what was in use
	 * stays in use. */
	int (*reload)(void *ctx, struct err *err);
	/* Add state leaves to the container; may be NULL. */
	void (*state)(void *ctx, json_t *container);
};

struct system_parts {
	size_t n;
	struct system_part part[SYSTEM_PARTS_MAX];
};

/* What the running transaction does with each part. */
struct system_step {
	bool changed[SYSTEM_PARTS_MAX];
	void *prepared[SYSTEM_PARTS_MAX];
};

/* At start, before the configuration is loaded. The part is copied. */
void system_parts_add(struct system_parts *parts, const struct system_part *part) ON_MAIN;

/* `change` is one of list "system". Errors get the path of the leaf below /system. */
int system_parts_check(
	const struct system_parts *parts, const struct ds_change *change, struct err *err) ON_MAIN;

/* On an error nothing is left prepared. */
int system_parts_prepare(const struct system_parts *parts, const struct ds_change *change,
	bool loading, struct system_step *step, struct err *err) ON_MAIN;
void system_parts_apply(const struct system_parts *parts, struct system_step *step) ON_MAIN;
void system_parts_abort(const struct system_parts *parts, struct system_step *step) ON_MAIN;

/* Let each part read its files again; the first error, and all parts are asked. */
int system_parts_reload(const struct system_parts *parts, struct err *err) ON_MAIN;

/* State leaves, into the entry of /system. */
void system_parts_state(const struct system_parts *parts, json_t *entry) ON_MAIN;

#endif
