/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/jx.h"
#include "schema/revision.h"
#include "schema/txn_priv.h"

LOG_MODULE("datastore");

#define DAEMON_USER "vswitchd"

static void run(struct datastore *ds) ON_MAIN;

/* --- the queue ------------------------------------------------------------------------------ */

/* Runs from the backend, on main. */
static void
continued(struct ds_txn *pub, int rc, const struct err *err)
{
	struct txn *txn = (struct txn *)pub; /* pub is its first member */

	role_assert(&role_main);
	assert(txn == txn->ds->running);
	switch (txn->state) {
	case TXN_PREPARING:
		txn->rc = rc;
		if (rc != 0 && err != NULL) {
			txn->err = *err;
		}
		txn->state = TXN_PREPARED;
		break;
	case TXN_APPLYING:
	case TXN_ABORTING:
		assert(rc == 0);
		txn->state = TXN_ENDED;
		break;
	default:
		assert(!"a continuation is called once for each of prepare, apply and abort");
	}
	if (!txn->ds->stepping) {
		run(txn->ds);
	}
}

/* A name from outside, as JSON can hold it: UTF-8. */
static char *
name_copy(const char *name)
{
	char *copy = str_dup(name);
	json_t *json = json_string(copy);

	for (char *p = copy; json == NULL && *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80) {
			*p = '?';
		}
	}
	json_decref(json);
	return copy;
}

void
txn_start(struct datastore *ds, enum txn_kind kind, json_t *input, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	struct txn *txn = must_calloc(1, sizeof(*txn));

	txn->pub.done = continued;
	txn->ds = ds;
	txn->kind = kind;
	txn->input = json_incref(input);
	txn->user = name_copy(author == NULL ? DAEMON_USER : author->user);
	txn->from = name_copy(author == NULL ? "" : author->from);
	txn->may = author == NULL ? NULL : author->may;
	txn->deadline = ds->provisional.confirm_at;
	txn->done = done;
	txn->arg = arg;
	if (ds->first == NULL) {
		ds->first = txn;
	} else {
		ds->last->next = txn;
	}
	ds->last = txn;
	ds->n_waiting++;
	if (!ds->stepping) {
		run(ds);
	}
}

int
txn_check(struct datastore *ds, const json_t *document, struct err *err)
{
	struct txn txn = {
		.ds = ds,
		.kind = TXN_CHECK,
		.pub = {.done = continued},
		.input = (json_t *)(uintptr_t)document,
	};
	int rc;

	rc = txn_validate(&txn, err);
	proposal_fini(&txn.proposal);
	return rc;
}

/* --- the revision that it makes --------------------------------------------------------------- */

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

static void
make_record(struct txn *txn)
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
	txn->record =
		revision_record(&note, proposal_record_json(&txn->proposal, PROPOSAL_CUT));
	txn->text = revision_text(txn->record,
		proposal_record_json(&txn->proposal, PROPOSAL_PATCH), &txn->text_len);
}

/* Room for the record, in memory and on the disk. */
static int
reserve(struct txn *txn, struct err *err)
{
	const struct datastore *ds = txn->ds;

	/* The saved file is the old one already: nothing has to be saved for them to go. */
	if (txn->undo) {
		return 0;
	}
	if (txn->request.confirm_timeout != 0 && !history_has_room(ds->history, txn->text_len)) {
		return err_set(err, ERR_LIMIT, NULL,
			"at most %d provisional edits, and not too large ones, can wait for one "
			"confirm; confirm them or roll them back",
			HISTORY_PROVISIONAL_MAX);
	}
	return ds->store == NULL ? 0 : store_reserve(ds->store, txn->text_len, err);
}

static int
save_record(struct txn *txn, struct err *err)
{
	struct store *store = txn->ds->store;

	if (store == NULL) {
		return 0;
	}
	if (txn->undo) {
		store_append_late(store, txn->text, txn->text_len);
		return 0;
	}
	return store_append(store, txn->text, txn->text_len, err);
}

static void
set_timer(struct datastore *ds, unsigned int seconds)
{
	json_t *by = revision_time(seconds);

	history_confirm_by(ds->history, by);
	json_decref(by);
	ds->provisional.confirm_at = clock_now() + seconds * CLOCK_S;
	ds->provisional.retry_at = 0;
	ds->provisional.patience = 0;
}

/* The record is on the disk: make its content what is there. */
static void
take_effect(struct txn *txn)
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
		set_timer(ds, txn->request.confirm_timeout);
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

/* A revision that the start makes by itself. */
static void
add_by_itself(struct datastore *ds, const char *change, const char *comment, json_t *changes)
{
	const struct revision_note note = {
		.revision = ds->revision + 1,
		.user = DAEMON_USER,
		.from = "",
		.comment = comment,
		.change = change,
	};
	json_t *record = revision_record(&note, changes);
	size_t len;
	char *text = revision_text(record, NULL, &len);

	store_append_late(ds->store, text, len);
	(void)history_add(ds->history, record, text, len);
	ds->revision++;
	log_notice("revision %" PRIu64 ": %s", ds->revision, comment);
	free(text);
	json_decref(record);
}

/* The file was taken: what it is becomes known, what was never confirmed is gone. */
static void
loaded(struct txn *txn)
{
	struct datastore *ds = txn->ds;
	char comment[128];
	uint64_t base;

	if (ds->store == NULL) {
		return;
	}
	ds->revision = ds->content.last;
	if (ds->content.foreign) {
		add_by_itself(ds, "file", "the file was written while no daemon ran", jx_array());
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

static int
confirm(struct txn *txn, struct err *err)
{
	struct datastore *ds = txn->ds;
	const struct revision_note note = {
		.revision = ds->revision,
		.user = txn->user,
		.from = txn->from,
		.change = "confirm",
	};
	json_t *line;
	size_t len;
	char *text;
	int rc = 0;

	if (!ds->provisional.active) {
		return err_set(err, ERR_MISSING, NULL, "there is nothing to confirm");
	}
	txn->record = revision_record(&note, jx_array());
	line = jx_object();
	jx_set(line, "confirmed", jx_integer((json_int_t)ds->revision));
	jx_set(line, "user", jx_string(txn->user));
	jx_set(line, "from", jx_string(txn->from));
	jx_set(line, "time", revision_time(0));
	text = revision_text(line, NULL, &len);
	if (ds->store != NULL) {
		rc = store_append(ds->store, text, len, err);
	}
	free(text);
	if (rc == 0) {
		history_confirm(ds->history, line);
	}
	json_decref(line);
	if (rc != 0) {
		return rc;
	}
	ds->provisional.active = false;
	txn->committed = true;
	if (ds->store != NULL) {
		store_touch(ds->store, clock_now());
	}
	log_info("revision %" PRIu64 " confirmed by %s", ds->revision, txn->user);
	return 0;
}

/* --- one transaction -------------------------------------------------------------------------- */

/* Ends where there is nothing for the backend to do. */
static void
end_idle(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	if (txn->request.dry_run) {
		return;
	}
	if (txn->kind == TXN_LOAD) {
		loaded(txn);
	} else if (txn->undo) {
		/* They came to nothing by themselves; they end all the same. */
		make_record(txn);
		txn->rc = save_record(txn, &txn->err);
		if (txn->rc == 0) {
			take_effect(txn);
		}
	} else if (ds->provisional.active && txn->request.confirm_timeout != 0) {
		set_timer(ds, txn->request.confirm_timeout);
	}
}

static void begin(struct txn *txn) ON_MAIN;

static void
begin(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	txn->state = TXN_ENDED;
	txn->rc = txn->may == NULL ? 0 : txn->may(txn->arg, &txn->err);
	if (txn->rc != 0) {
		return;
	}
	if (txn->kind == TXN_CONFIRM) {
		txn->rc = confirm(txn, &txn->err);
		return;
	}
	if (txn->kind == TXN_TIMEOUT &&
		(!ds->provisional.active || ds->provisional.confirm_at != txn->deadline)) {
		return;
	}
	txn->rc = txn_validate(txn, &txn->err);
	if (txn->rc != 0) {
		return;
	}
	if (txn->pub.n_changes == 0 || txn->request.dry_run) {
		end_idle(txn);
		return;
	}
	if (txn->kind != TXN_LOAD) {
		make_record(txn);
		txn->rc = reserve(txn, &txn->err);
	}
	if (txn->rc == 0) {
		txn->state = TXN_PREPARING;
		ds->ops->prepare(ds->ctx, &txn->pub);
	}
}

static void decide(struct txn *txn) ON_MAIN;

/* Prepared, well or not: commit and apply, or abort. */
static void
decide(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	if (txn->rc == 0 && txn->kind != TXN_LOAD) {
		txn->rc = save_record(txn, &txn->err);
	}
	if (txn->rc != 0) {
		txn->state = TXN_ABORTING;
		ds->ops->abort(ds->ctx, &txn->pub);
		return;
	}
	if (txn->kind == TXN_LOAD) {
		proposal_put(&txn->proposal, ds->refs, PROPOSAL_DO);
		loaded(txn);
	} else {
		take_effect(txn);
	}
	txn->state = TXN_APPLYING;
	ds->ops->apply(ds->ctx, &txn->pub);
}

static json_t *
result_of(const struct txn *txn)
{
	const struct datastore *ds = txn->ds;
	json_t *result = jx_object();
	const json_t *head = history_head(ds->history, ds->revision);

	if (txn->kind != TXN_CONFIRM) {
		jx_set(result, "changes",
			txn->proposal.edit == NULL
				? jx_array()
				: proposal_changes_json(&txn->proposal, txn->request.dry_run));
	}
	jx_set(result, "revision", jx_integer((json_int_t)ds->revision));
	if (txn->request.dry_run) {
		jx_set(result, "dry-run", json_true());
	} else if (ds->provisional.active && txn->request.confirm_timeout != 0) {
		jx_set(result, "confirm-by", jx_copy(json_object_get(head, "confirm-by")));
	}
	return result;
}

static void end(struct txn *txn) ON_MAIN;

static void
end(struct txn *txn)
{
	json_t *result = txn->rc == 0 ? result_of(txn) : NULL;

	if (txn->committed) {
		revision_tell(txn->ds, txn->record);
	}
	txn->ds->running = NULL;
	txn->done(txn->arg, txn->rc, result, &txn->err);
	json_decref(result);
	proposal_fini(&txn->proposal);
	json_decref(txn->record);
	free(txn->text);
	json_decref(txn->input);
	free(txn->from);
	free(txn->user);
	free(txn);
}

static struct txn *
dequeue(struct datastore *ds)
{
	struct txn *txn = ds->first;

	if (txn != NULL) {
		ds->first = txn->next;
		ds->n_waiting--;
	}
	return txn;
}

/*
 * Drive the running transaction, and those that wait behind it, until one waits for the backend. A
 * loop and not recursion: continuations and clients that call back from within only leave a note,
 * so that a thousand waiting edits need no deeper stack than one.
 */
static void
run(struct datastore *ds)
{
	bool waits = false;

	assert(!ds->stepping);
	ds->stepping = true;
	while (!waits) {
		struct txn *txn = ds->running;

		if (txn == NULL) {
			txn = ds->running = dequeue(ds);
			if (txn == NULL) {
				break;
			}
		}
		switch (txn->state) {
		case TXN_WAITING:
			begin(txn);
			break;
		case TXN_PREPARED:
			decide(txn);
			break;
		case TXN_ENDED:
			end(txn);
			break;
		default:
			waits = true;
			break;
		}
	}
	ds->stepping = false;
}
