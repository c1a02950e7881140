/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/jx.h"
#include "schema/revision.h"
#include "schema/txn_priv.h"

#define SLICE (20 * CLOCK_MS) /* of main's time, for edits that wait */

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

void
txn_disk_done(void *arg, int rc, const struct err *err)
{
	struct txn *txn = arg;

	role_assert(&role_main);
	assert(txn == txn->ds->running);
	assert(txn->state == TXN_RESERVING || txn->state == TXN_SAVING);
	txn->rc = rc;
	if (rc != 0) {
		txn->err = *err;
	}
	txn->state = txn->state == TXN_RESERVING ? TXN_RESERVED : TXN_SAVED;
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

static struct txn *create(struct datastore *ds, enum txn_kind kind, json_t *input,
	const struct ds_author *author, ds_edit_done_fn done, void *arg) ON_MAIN;

static struct txn *
create(struct datastore *ds, enum txn_kind kind, json_t *input, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	struct txn *txn = must_calloc(1, sizeof(*txn));

	txn->pub.done = continued;
	txn->ds = ds;
	txn->kind = kind;
	txn->input = json_incref(input);
	txn->user = name_copy(author == NULL ? TXN_DAEMON : author->user);
	txn->from = name_copy(author == NULL ? "" : author->from);
	txn->may = author == NULL ? NULL : author->may;
	txn->deadline = ds->provisional.confirm_at;
	txn->done = done;
	txn->arg = arg;
	return txn;
}

void
txn_start(struct datastore *ds, enum txn_kind kind, json_t *input, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	struct txn *txn = create(ds, kind, input, author, done, arg);

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

/* --- one transaction -------------------------------------------------------------------------- */

static void end_idle(struct txn *txn) ON_MAIN;

/* Ends where there is nothing for the backend to do. */
static void
end_idle(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	if (txn->request.dry_run) {
		return;
	}
	if (txn->kind == TXN_LOAD) {
		txn_loaded(txn);
	} else if (txn->undo) {
		/* They came to nothing by themselves; they end all the same. */
		txn_make_record(txn);
		txn_save(txn);
		txn_take_effect(txn);
		txn->state = TXN_ENDED;
	} else if (ds->provisional.active && txn->request.confirm_timeout != 0) {
		txn_set_timer(ds, txn->request.confirm_timeout);
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
		txn_begin_confirm(txn);
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
	txn->state = TXN_RESERVED;
	if (txn->kind != TXN_LOAD) {
		txn_make_record(txn);
		txn_reserve(txn);
	}
}

static void prepare(struct txn *txn) ON_MAIN;

/* There is room for it, or not. */
static void
prepare(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	txn->state = txn->rc == 0 ? TXN_PREPARING : TXN_ENDED;
	if (txn->rc == 0) {
		ds->ops->prepare(ds->ctx, &txn->pub);
	}
}

static void give_up(struct txn *txn) ON_MAIN;

static void
give_up(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	txn->state = TXN_ABORTING;
	ds->ops->abort(ds->ctx, &txn->pub);
}

static void apply(struct txn *txn) ON_MAIN;

static void
apply(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	txn->state = TXN_APPLYING;
	ds->ops->apply(ds->ctx, &txn->pub);
}

static void decide(struct txn *txn) ON_MAIN;

/* Prepared, well or not: commit, or abort. */
static void
decide(struct txn *txn)
{
	if (txn->rc != 0) {
		give_up(txn);
	} else if (txn->kind == TXN_LOAD) {
		proposal_put(&txn->proposal, txn->ds->refs, PROPOSAL_DO);
		txn_loaded(txn);
		apply(txn);
	} else {
		txn_save(txn);
	}
}

static void saved(struct txn *txn) ON_MAIN;

/* On the disk, or not: apply, or abort. */
static void
saved(struct txn *txn)
{
	if (txn->kind == TXN_CONFIRM) {
		txn_end_confirm(txn);
	} else if (txn->rc != 0) {
		give_up(txn);
	} else {
		txn_take_effect(txn);
		apply(txn);
	}
}

static json_t *
result_of(const struct txn *txn)
{
	const struct datastore *ds = txn->ds;
	json_t *result = jx_object();
	const json_t *head = history_head(ds->history, ds->revision);

	if (txn->kind != TXN_CONFIRM) {
		json_t *changes = txn->proposal.edit == NULL
			? jx_array()
			: proposal_changes_json(&txn->proposal, txn->request.dry_run);
		size_t n = json_array_size(changes);

		jx_set(result, "changes", changes);
		if (n < txn->proposal.n_changes) {
			jx_set(result, "more",
				jx_integer((json_int_t)(txn->proposal.n_changes - n)));
		}
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
	if (txn == txn->ds->running) {
		txn->ds->running = NULL;
		if (txn->ds->store != NULL) {
			store_release(txn->ds->store);
		}
	}
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

void
txn_try(struct datastore *ds, enum txn_kind kind, json_t *input, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	struct txn **last = &ds->tries;
	struct txn *txn;

	while (*last != NULL) {
		last = &(*last)->next;
	}
	*last = create(ds, kind, input, author, done, arg);
	if (ds->trying) {
		return; /* one from within the answer to another */
	}
	ds->trying = true;
	while ((txn = ds->tries) != NULL) {
		ds->tries = txn->next;
		begin(txn);
		assert(txn->state == TXN_ENDED);
		end(txn);
	}
	ds->trying = false;
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
 * Drive the running transaction, and those that wait behind it, until one waits for the backend or
 * the disk. A loop and not recursion: continuations and clients that call back from within only
 * leave a note, so that a thousand waiting edits need no deeper stack than one. After SLICE the
 * rest waits until the loop has had its turn.
 */
static void
run(struct datastore *ds)
{
	const uint64_t until = clock_now() + SLICE;
	bool waits = false;

	assert(!ds->stepping);
	ds->stepping = true;
	while (!waits) {
		struct txn *txn = ds->running;

		if (txn == NULL) {
			if (ds->first != NULL && clock_now() > until) {
				break;
			}
			txn = ds->running = dequeue(ds);
			if (txn == NULL) {
				break;
			}
		}
		switch (txn->state) {
		case TXN_WAITING:
			begin(txn);
			break;
		case TXN_RESERVED:
			prepare(txn);
			break;
		case TXN_PREPARED:
			decide(txn);
			break;
		case TXN_SAVED:
			saved(txn);
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
	if (ds->running == NULL && ds->first != NULL && ds->wake_fd >= 0) {
		(void)eventfd_write(ds->wake_fd, 1);
	}
}

bool
txn_go_on(struct datastore *ds)
{
	if (ds->running == NULL && ds->first != NULL && !ds->stepping) {
		run(ds);
	}
	return ds->running == NULL && ds->first != NULL;
}
