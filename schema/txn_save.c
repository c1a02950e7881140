/* SPDX-License-Identifier: BSD-3-Clause */
/* What a transaction leaves: its revision, in the journal, the history and the tree. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "schema/datastore_priv.h"
#include "schema/foreign.h"
#include "schema/jx.h"
#include "schema/revision.h"
#include "schema/txn_priv.h"

LOG_MODULE("datastore");

/* --- its record ------------------------------------------------------------------------------ */

static const char *
change_word(const struct txn *txn)
{
	if (txn->kind == TXN_TIMEOUT) {
		return "timeout";
	}
	if (txn->request.confirm_timeout != 0) {
		return "provisional";
	}
	return txn->kind == TXN_ROLLBACK ? "rollback" : "commit";
}

void
txn_make_record(struct txn *txn)
{
	char implied[64];
	struct revision_note note = {
		.revision = txn->ds->revision + 1,
		.user = txn->user,
		.from = txn->from,
		.comment = txn->request.comment,
		.change = change_word(txn),
		.confirm_timeout = txn->request.confirm_timeout,
	};

	if (txn->kind == TXN_ROLLBACK && note.comment == NULL) {
		(void)snprintf(implied, sizeof(implied), "back to revision %" PRIu64, txn->target);
		note.comment = implied;
	} else if (txn->kind == TXN_TIMEOUT) {
		(void)snprintf(implied, sizeof(implied), "not confirmed: back to revision %" PRIu64,
			txn->ds->provisional.base);
		note.comment = implied;
	}
	txn->record = revision_record(&note, proposal_record_json(&txn->proposal, PROPOSAL_CUT));
	txn->text = revision_text(
		txn->record, proposal_record_json(&txn->proposal, PROPOSAL_PATCH), &txn->text_len);
}

void
txn_reserve(struct txn *txn)
{
	const struct datastore *ds = txn->ds;

	txn->state = TXN_RESERVED;
	/* The saved file is the old one already: nothing has to be saved for them to go. */
	if (txn->undo) {
		return;
	}
	if (txn->request.confirm_timeout != 0 && !history_has_room(ds->history, txn->text_len)) {
		txn->rc = err_set(&txn->err, ERR_LIMIT, NULL,
			"at most %d provisional edits, and not too large ones, can wait for one "
			"confirm; confirm them or roll them back",
			HISTORY_PROVISIONAL_MAX);
	} else if (ds->store != NULL) {
		txn->state = TXN_RESERVING;
		store_reserve(ds->store, txn->text_len, txn_disk_done, txn);
	}
}

void
txn_save(struct txn *txn)
{
	struct store *store = txn->ds->store;

	txn->state = TXN_SAVED;
	if (store != NULL && txn->undo) {
		store_append_late(store, txn->text, txn->text_len);
	} else if (store != NULL) {
		txn->state = TXN_SAVING;
		store_append(store, txn->text, txn->text_len, txn_disk_done, txn);
	}
}

void
txn_set_timer(struct datastore *ds, unsigned int seconds)
{
	json_t *by = revision_time(seconds);

	history_confirm_by(ds->history, by);
	json_decref(by);
	ds->provisional.confirm_at = clock_now() + seconds * CLOCK_S;
	ds->provisional.retry_at = 0;
	ds->provisional.patience = 0;
}

void
txn_take_effect(struct txn *txn)
{
	struct datastore *ds = txn->ds;
	struct provisional *provisional = &ds->provisional;
	bool good;

	proposal_put(&txn->proposal, ds->refs, PROPOSAL_DO);
	good = history_add(ds->history, txn->record, txn->text, txn->text_len);
	assert(good);
	(void)good;
	txn->committed = true;
	if (txn->request.confirm_timeout != 0) {
		if (!provisional->active) {
			provisional->base = ds->revision;
		}
		provisional->active = true;
		txn_set_timer(ds, txn->request.confirm_timeout);
	} else {
		provisional->active = false;
	}
	ds->revision++;
	if (ds->store != NULL && !provisional->active) {
		store_touch(ds->store, clock_now());
	}
	log_info("revision %" PRIu64 " by %s, %s, %zu changes%s%s", ds->revision, txn->user,
		change_word(txn), txn->pub.n_changes, txn->request.comment == NULL ? "" : ": ",
		txn->request.comment == NULL ? "" : txn->request.comment);
}

/* A revision that the start makes by itself. Takes `changes`; NULL: they are not known. */
static void
add_by_itself(struct datastore *ds, const char *change, const char *comment, json_t *changes)
{
	const bool known = changes != NULL;
	const struct revision_note note = {
		.revision = ds->revision + 1,
		.user = TXN_DAEMON,
		.from = "",
		.comment = comment,
		.change = change,
		.known = &known,
	};
	json_t *record = revision_record(&note, known ? changes : jx_array());
	size_t len;
	char *text = revision_text(record, NULL, &len);

	store_append_late(ds->store, text, len);
	(void)history_add(ds->history, record, text, len);
	ds->revision++;
	log_notice("revision %" PRIu64 ": %s", ds->revision, comment);
	free(text);
	json_decref(record);
}

/* Somebody wrote the file: a revision, unless it says the same in other words. */
static void load_foreign(struct datastore *ds) ON_MAIN;

static void
load_foreign(struct datastore *ds)
{
	json_t *changes = foreign_changes(ds);
	uint64_t base;

	if (changes != NULL && json_array_size(changes) == 0 &&
		!history_provisional(ds->history, &base)) {
		log_notice("the file was written while no daemon ran; it says the same");
		json_decref(changes);
		return;
	}
	add_by_itself(ds, "file", "the file was written while no daemon ran", changes);
}

void
txn_loaded(struct txn *txn)
{
	struct datastore *ds = txn->ds;
	char comment[128];
	uint64_t base;

	if (ds->store == NULL) {
		return;
	}
	ds->revision = ds->content.last;
	if (ds->content.foreign) {
		load_foreign(ds);
		store_adopt(ds->store, ds->revision);
	} else if (history_provisional(ds->history, &base)) {
		(void)snprintf(comment, sizeof(comment),
			"not confirmed before the daemon ended: back to revision %" PRIu64, base);
		add_by_itself(ds, "rollback", comment, revision_way_back(ds, base, ds->revision));
	} else if (ds->content.last == 0) {
		store_adopt(ds->store, 0);
	}
	if (ds->revision > ds->content.base && !ds->content.foreign) {
		store_touch(ds->store, clock_now());
	}
	history_keep_all(ds->history, false);
}

/* --- confirm ---------------------------------------------------------------------------------- */

void
txn_begin_confirm(struct txn *txn)
{
	const struct datastore *ds = txn->ds;
	const struct revision_note note = {
		.revision = ds->revision,
		.user = txn->user,
		.from = txn->from,
		.change = "confirm",
	};
	json_t *line;

	if (!ds->provisional.active) {
		txn->rc = err_set(&txn->err, ERR_MISSING, NULL, "there is nothing to confirm");
		return;
	}
	txn->record = revision_record(&note, jx_array());
	line = jx_object();
	jx_set(line, "confirmed", jx_integer((json_int_t)ds->revision));
	jx_set(line, "user", jx_string(txn->user));
	jx_set(line, "from", jx_string(txn->from));
	jx_set(line, "time", json_incref(json_object_get(txn->record, "time")));
	txn->text = revision_text(line, NULL, &txn->text_len);
	json_decref(line);
	txn_save(txn);
}

void
txn_end_confirm(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	txn->state = TXN_ENDED;
	if (txn->rc != 0) {
		return;
	}
	history_confirm(ds->history, txn->record);
	ds->provisional.active = false;
	txn->committed = true;
	if (ds->store != NULL) {
		store_touch(ds->store, clock_now());
	}
	log_info("revision %" PRIu64 " confirmed by %s", ds->revision, txn->user);
}
