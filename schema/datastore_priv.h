/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What datastore.c, get.c and oracle.c share. Private to schema/ and its tests.
 *
 * The tree holds what is committed, always: a transaction puts its changes at its commit, and
 * whoever reads while it prepares sees what was before.
 */
#ifndef VSW_SCHEMA_DATASTORE_PRIV_H
#define VSW_SCHEMA_DATASTORE_PRIV_H

#include "schema/datastore.h"
#include "schema/file.h"
#include "schema/model.h"
#include "schema/refs.h"
#include "schema/tree.h"

struct txn;

struct datastore {
	struct model *model;
	struct tree *tree;
	struct refs *refs;
	const struct ds_backend_ops *ops;
	void *ctx;
	char *path; /* of the file; NULL: nothing on disk */
	struct file *file; /* NULL until ds_load, and if there is no path */
	uint64_t revision;
	struct txn *running;
	struct txn *first; /* those that wait */
	struct txn *last;
	size_t n_waiting;
	bool stepping; /* within run(): continuations only leave a note */
};

/* Whole-document validation by libyang of what is committed: the tests' oracle for check.h. */
int ds_validate_full(struct datastore *ds, struct err *err) ON_MAIN;

#endif
