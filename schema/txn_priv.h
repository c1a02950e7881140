/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transaction, between txn.c, which runs it, and txn_fill.c, which finds out what it changes.
 *
 * Main only.
 */
#ifndef VSW_SCHEMA_TXN_PRIV_H
#define VSW_SCHEMA_TXN_PRIV_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/datastore.h"
#include "schema/proposal.h"
#include "schema/request.h"
#include "schema/txn.h"

/*
 * Life of a transaction. Backend calls are between a state and the next; the continuation moves it
 * on. WAITING -> PREPARING -> PREPARED -> APPLYING -> ENDED, or PREPARED -> ABORTING -> ENDED when
 * the backend or the disk refuses, or WAITING -> ENDED when nothing is to be done.
 */
enum txn_state {
	TXN_WAITING,
	TXN_PREPARING,
	TXN_PREPARED,
	TXN_APPLYING,
	TXN_ABORTING,
	TXN_ENDED,
};

struct txn {
	struct ds_txn pub;
	struct datastore *ds;
	struct txn *next;
	enum txn_kind kind;
	enum txn_state state;
	json_t *input; /* params, or the document to load */
	char *user;
	char *from;
	int (*may)(void *arg, struct err *err); /* the author's, now; or NULL */
	struct request request;
	struct proposal proposal;
	uint64_t target; /* revision to go back to, of a rollback */
	uint64_t deadline; /* TXN_TIMEOUT: the confirm_at that has passed */
	bool undo; /* takes provisional edits back */
	/* the revision that it makes, from before prepare on */
	json_t *record;
	char *text;
	size_t text_len;
	bool committed;
	int rc;
	struct err err;
	ds_edit_done_fn done;
	void *arg;
};

/*
 * May it, and what would it change? Fills request, target, undo, proposal, and what the backend
 * sees; asks the backend to validate.
 */
int txn_validate(struct txn *txn, struct err *err) ON_MAIN;

#endif
