/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transaction, between txn.c, which runs it, txn_fill.c, which finds out what it changes, and
 * txn_save.c, which makes that a revision.
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
#include "schema/edit.h"
#include "schema/history.h"
#include "schema/proposal.h"
#include "schema/request.h"
#include "schema/txn.h"

/*
 * Life of a transaction. Backend calls, and what the disk does, are between a state and the next;
 * the continuation moves it on. WAITING -> RESERVING -> RESERVED -> PREPARING -> PREPARED -> SAVING
 * -> SAVED -> APPLYING -> ENDED, or PREPARED or SAVED -> ABORTING -> ENDED when the backend or the
 * disk refuses, or WAITING -> ENDED when nothing is to be done. A confirm goes from WAITING to
 * SAVING and from SAVED to ENDED.
 */
enum txn_state {
	TXN_WAITING,
	TXN_RESERVING, /* the disk makes room */
	TXN_RESERVED,
	TXN_PREPARING,
	TXN_PREPARED,
	TXN_SAVING, /* the disk writes the record: the commit point */
	TXN_SAVED,
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

#define TXN_DAEMON "vswitchd" /* who makes revisions by itself */

/*
 * May it, and what would it change? Fills request, target, undo, proposal, and what the backend
 * sees; asks the backend to validate.
 */
int txn_validate(struct txn *txn, struct err *err) ON_MAIN;

/* Make the state of revision `to` out of that of `from`, which `edit` has. */
int txn_fill_from_history(const struct history *history, uint64_t from, uint64_t to,
	struct edit *edit, struct err *err);

/* The disk has done its part, well or not: RESERVING becomes RESERVED, and SAVING SAVED. */
void txn_disk_done(void *arg, int rc, const struct err *err);

/* --- txn_save.c ------------------------------------------------------------------------------ */

/* Fill record and text. */
void txn_make_record(struct txn *txn) ON_MAIN;

/* Room for the record, in memory and on the disk: RESERVING, or RESERVED at once. */
void txn_reserve(struct txn *txn) ON_MAIN;

/* The text to the disk: SAVING, or SAVED at once. */
void txn_save(struct txn *txn) ON_MAIN;

/* The record is on the disk: make its content what is there. */
void txn_take_effect(struct txn *txn) ON_MAIN;

/* Provisional edits wait so long, from now on. */
void txn_set_timer(struct datastore *ds, unsigned int seconds) ON_MAIN;

/* The file was taken: what it is becomes known, what was never confirmed is gone. */
void txn_loaded(struct txn *txn) ON_MAIN;

/* A confirm to the disk, or ENDED; and its end. */
void txn_begin_confirm(struct txn *txn) ON_MAIN;
void txn_end_confirm(struct txn *txn) ON_MAIN;

#endif
