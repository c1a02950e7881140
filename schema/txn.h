/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions of the datastore, and the queue that they wait in. Private to schema/.
 *
 * Main only.
 */
#ifndef VSW_SCHEMA_TXN_H
#define VSW_SCHEMA_TXN_H

#include <jansson.h>

#include "schema/datastore.h"

enum txn_kind {
	TXN_LOAD, /* the input is the document that was read */
	TXN_CHECK, /* the input is a document; goes no further than validate */
	TXN_EDIT,
	TXN_ROLLBACK,
	TXN_TIMEOUT, /* nobody has confirmed */
	TXN_CONFIRM,
};

/* Queue one, and run what can run. `input` may be NULL; a reference is taken. */
void txn_start(struct datastore *ds, enum txn_kind kind, json_t *input,
	const struct ds_author *author, ds_edit_done_fn done, void *arg) ON_MAIN;

/* The same of a dry run: at once, against what is committed, whatever runs or waits. */
void txn_try(struct datastore *ds, enum txn_kind kind, json_t *input,
	const struct ds_author *author, ds_edit_done_fn done, void *arg) ON_MAIN;

/* Go on with those that wait, some of them. True: more could run now. */
bool txn_go_on(struct datastore *ds) ON_MAIN;

/* Validate without running. */
int txn_check(struct datastore *ds, const json_t *document, struct err *err) ON_MAIN;

#endif
