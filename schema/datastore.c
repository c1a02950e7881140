/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/datastore.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/jx.h"
#include "schema/proposal.h"
#include "schema/request.h"

LOG_MODULE("datastore");

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
	enum txn_state state;
	json_t *input; /* params of an edit, or the document to load */
	struct request request;
	struct proposal proposal;
	int rc;
	struct err err;
	ds_edit_done_fn done;
	void *arg;
};

static void run(struct datastore *ds) ON_MAIN;

/* --- start and end -------------------------------------------------------------------------- */

int
ds_create(const struct ds_options *options, struct datastore **out, struct err *err)
{
	struct datastore *ds = calloc(1, sizeof(*ds));
	int rc;

	if (ds == NULL) {
		abort();
	}
	assert(options->ops->validate != NULL && options->ops->prepare != NULL);
	assert(options->ops->apply != NULL && options->ops->abort != NULL);
	ds->ops = options->ops;
	ds->ctx = options->ctx;
	ds->path = options->file == NULL ? NULL : str_dup(options->file);
	rc = model_create(options->schema_dir, &ds->model, err);
	if (rc != 0) {
		ds_destroy(ds);
		return rc;
	}
	tree_create(ds->model, &ds->tree);
	refs_create(ds->tree, &ds->refs);
	*out = ds;
	return 0;
}

void
ds_destroy(struct datastore *ds)
{
	if (ds == NULL) {
		return;
	}
	assert(!ds_busy(ds));
	file_close(ds->file);
	refs_destroy(ds->refs);
	tree_destroy(ds->tree);
	model_destroy(ds->model);
	free(ds->path);
	free(ds);
}

uint64_t
ds_revision(const struct datastore *ds)
{
	return ds->revision;
}

bool
ds_busy(const struct datastore *ds)
{
	return ds->running != NULL || ds->first != NULL;
}

const char *
ds_schema_text(const struct datastore *ds, const char *name)
{
	return name == NULL || strcmp(name, MODEL_NAME) == 0 ? ds->model->text : NULL;
}

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

static void
enqueue(struct datastore *ds, json_t *input, bool loading, ds_edit_done_fn done, void *arg) ON_MAIN;

static void
enqueue(struct datastore *ds, json_t *input, bool loading, ds_edit_done_fn done, void *arg)
{
	struct txn *txn = calloc(1, sizeof(*txn));

	if (txn == NULL) {
		abort();
	}
	txn->pub.loading = loading;
	txn->pub.done = continued;
	txn->ds = ds;
	txn->input = json_incref(input);
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

void
ds_edit(struct datastore *ds, json_t *params, ds_edit_done_fn done, void *arg)
{
	struct err err = ERR_INIT;
	int rc = 0;

	if (ds->n_waiting >= DS_QUEUE_MAX) {
		rc = err_set(&err, ERR_LIMIT, NULL,
			"%d edits are waiting already; try again when some are done", DS_QUEUE_MAX);
	} else if (ds->path != NULL && ds->file == NULL) {
		rc = err_set(&err, ERR_FAILED, NULL, "the configuration is not loaded");
	}
	if (rc != 0) {
		done(arg, rc, NULL, &err);
		return;
	}
	enqueue(ds, params, false, done, arg);
}

void
ds_load(struct datastore *ds, ds_edit_done_fn done, void *arg)
{
	struct err err = ERR_INIT;
	json_t *document = NULL;
	int rc = 0;

	assert(ds->file == NULL && !ds_busy(ds));
	if (ds->path != NULL) {
		rc = file_open(ds->path, &ds->file, &err);
		if (rc == 0) {
			ds->revision = file_revision(ds->file);
			rc = file_read(ds->file, &document, &err);
		}
	}
	if (rc != 0) {
		done(arg, rc, NULL, &err);
		return;
	}
	if (document == NULL) {
		document = jx_object();
	}
	enqueue(ds, document, true, done, arg);
	json_decref(document);
}

/* --- validate ------------------------------------------------------------------------------- */

static int
check_base_revision(const struct txn *txn, struct err *err)
{
	const struct request *request = &txn->request;

	if (!request->has_base || request->base == txn->ds->revision) {
		return 0;
	}
	return err_set(err, ERR_CONFLICT, NULL,
		"the configuration is at revision %" PRIu64 ", not at base-revision %" PRIu64
		"; read it again",
		txn->ds->revision, request->base);
}

static int
apply_request(struct txn *txn, struct edit *edit, struct err *err)
{
	const json_t *operation;
	size_t i;
	int rc = request_parse(txn->input, &txn->request, err);

	if (rc == 0) {
		rc = check_base_revision(txn, err);
	}
	if (rc != 0) {
		return rc;
	}
	json_array_foreach (txn->request.edits, i, operation) {
		rc = edit_apply(edit, operation, i, err);
		if (rc != 0) {
			break;
		}
	}
	return rc;
}

/* Errors of the file's content name the file too. */
static void
name_file(const struct datastore *ds, struct err *err)
{
	char text[ERR_TEXT_SIZE];

	(void)str_copy(text, err->text, sizeof(text));
	(void)snprintf(err->text, sizeof(err->text), "%s: ", ds->path);
	(void)str_append(err->text, text, sizeof(err->text));
}

static int
validate(struct txn *txn, struct err *err)
{
	struct datastore *ds = txn->ds;
	struct edit *edit;
	int rc;

	edit_create(ds->model, ds->tree, &edit);
	rc = txn->pub.loading ? edit_load(edit, txn->input, err) : apply_request(txn, edit, err);
	if (rc != 0) {
		edit_destroy(edit);
	} else {
		rc = proposal_init(&txn->proposal, edit, ds->tree, ds->refs, err);
		txn->pub.n_changes = txn->proposal.n_changes;
		txn->pub.changes = txn->proposal.changes;
	}
	if (rc == 0 && txn->pub.n_changes > 0) {
		rc = ds->ops->validate(ds->ctx, &txn->pub, err);
	}
	if (rc != 0 && txn->pub.loading && ds->path != NULL) {
		name_file(ds, err);
	}
	return rc;
}

int
ds_check(struct datastore *ds, const json_t *document, struct err *err)
{
	struct txn txn = {
		.ds = ds,
		.pub = {.loading = true, .done = continued},
		.input = (json_t *)(uintptr_t)document,
	};
	int rc;

	rc = validate(&txn, err);
	proposal_fini(&txn.proposal);
	return rc;
}

/* --- one transaction ------------------------------------------------------------------------ */

static bool
writes_file(const struct txn *txn)
{
	return txn->ds->file != NULL && !txn->pub.loading;
}

/* Write the file as it will be, beside the one that is. */
static int
prepare_file(struct txn *txn, struct err *err)
{
	struct datastore *ds = txn->ds;
	size_t len;
	char *text;
	int rc;

	if (!writes_file(txn)) {
		return 0;
	}
	proposal_put(&txn->proposal, ds->refs, PROPOSAL_DO);
	text = tree_text(ds->tree, &len);
	proposal_put(&txn->proposal, ds->refs, PROPOSAL_UNDO);
	rc = file_prepare(ds->file, text, len, err);
	free(text);
	return rc;
}

static void
begin(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	txn->rc = validate(txn, &txn->err);
	if (txn->rc == 0 && txn->pub.n_changes > 0 && !txn->request.dry_run) {
		txn->rc = prepare_file(txn, &txn->err);
		if (txn->rc == 0) {
			txn->state = TXN_PREPARING;
			ds->ops->prepare(ds->ctx, &txn->pub);
			return;
		}
	}
	txn->state = TXN_ENDED;
}

/* Prepared, well or not: commit and apply, or abort. */
static void
decide(struct txn *txn)
{
	struct datastore *ds = txn->ds;

	if (writes_file(txn)) {
		if (txn->rc == 0) {
			txn->rc = file_commit(ds->file, ds->revision + 1, &txn->err);
		} else {
			file_abort(ds->file);
		}
	}
	if (txn->rc != 0) {
		txn->state = TXN_ABORTING;
		ds->ops->abort(ds->ctx, &txn->pub);
		return;
	}
	proposal_put(&txn->proposal, ds->refs, PROPOSAL_DO);
	if (!txn->pub.loading) {
		ds->revision++;
		log_info("revision %" PRIu64 ", %zu changes%s%s", ds->revision, txn->pub.n_changes,
			txn->request.comment == NULL ? "" : ": ",
			txn->request.comment == NULL ? "" : txn->request.comment);
	}
	txn->state = TXN_APPLYING;
	ds->ops->apply(ds->ctx, &txn->pub);
}

static json_t *
result_of(const struct txn *txn)
{
	json_t *result = jx_object();

	jx_set(result, "changes", proposal_changes_json(&txn->proposal));
	jx_set(result, "revision", jx_integer((json_int_t)txn->ds->revision));
	if (txn->request.dry_run) {
		jx_set(result, "dry-run", json_true());
	}
	return result;
}

static void
end(struct txn *txn)
{
	json_t *result = txn->rc == 0 ? result_of(txn) : NULL;

	txn->ds->running = NULL;
	txn->done(txn->arg, txn->rc, result, &txn->err);
	json_decref(result);
	proposal_fini(&txn->proposal);
	json_decref(txn->input);
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
