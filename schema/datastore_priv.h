/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What datastore.c, txn.c, txn_fill.c, revision.c, get.c and oracle.c share. Private to schema/ and
 * its tests.
 *
 * The tree holds what is committed, always: a transaction puts its changes at its commit, and
 * whoever reads while it prepares sees what was before.
 */
#ifndef VSW_SCHEMA_DATASTORE_PRIV_H
#define VSW_SCHEMA_DATASTORE_PRIV_H

#include "schema/datastore.h"
#include "schema/history.h"
#include "schema/model.h"
#include "schema/refs.h"
#include "schema/store.h"
#include "schema/tree.h"

struct txn;

/* Edits that wait for their confirm. */
struct provisional {
	bool active;
	uint64_t base; /* the last revision that stays in any case */
	uint64_t confirm_at; /* clock_now() at which they are taken back */
	bool undoing; /* they are being taken back */
	uint64_t tried_at; /* when that was begun */
	uint64_t retry_at; /* when that is tried again */
	uint64_t patience; /* time until the try after that */
};

struct datastore {
	struct model *model;
	struct tree *tree;
	struct refs *refs;
	const struct ds_backend_ops *ops;
	void *ctx;
	void (*revised)(void *ctx, const json_t *record);
	void *revised_ctx;
	char *path; /* of the file; NULL: nothing on disk */
	int wake_fd; /* eventfd of the store's threads; -1: there are none */
	struct store *store; /* NULL until ds_load, and if there is no path */
	struct store_content content; /* what ds_load found, while it runs */
	struct history *history;
	uint64_t revision;
	struct provisional provisional;
	struct txn *running;
	struct txn *first; /* those that wait */
	struct txn *last;
	size_t n_waiting;
	struct txn *tries; /* dry runs that came from within another's answer */
	bool trying;
	bool stepping; /* within txn_run(): continuations only leave a note */
};

/* Whole-document validation by libyang of what is committed: the tests' oracle for check.h. */
int ds_validate_full(struct datastore *ds, struct err *err) ON_MAIN;

#endif
