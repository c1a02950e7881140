/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/diff.h"
#include "schema/edit.h"
#include "schema/revision.h"
#include "schema/txn_priv.h"

/* --- who may ---------------------------------------------------------------------------------- */

static int
check_base_revision(const struct txn *txn, struct err *err)
{
	const struct request *request = &txn->request;
	const struct datastore *ds = txn->ds;
	char name[256];

	role_assert(&role_main);
	if (!request->has_base || request->base == ds->revision) {
		return 0;
	}
	return err_set(err, ERR_CONFLICT, NULL,
		"the configuration is at %s, not at base-revision %" PRIu64 "; read it again",
		revision_name(ds, ds->revision, name, sizeof(name)), request->base);
}

static int
conflict_with_provisional(const struct datastore *ds, struct err *err)
{
	const char *by = json_string_value(
		json_object_get(history_head(ds->history, ds->revision), "confirm-by"));
	char name[256];

	role_assert(&role_main);
	return err_set(err, ERR_CONFLICT, NULL,
		"%s waits for its confirm until %s; first confirm it, or take it back with "
		"rollback, or join it with a confirm-timeout",
		revision_name(ds, ds->revision, name, sizeof(name)), by == NULL ? "then" : by);
}

/* Which revision to go back to, and whether that ends provisional edits. */
static int
settle_rollback(struct txn *txn, struct err *err)
{
	const struct datastore *ds = txn->ds;
	const struct provisional *provisional = &ds->provisional;
	const struct request *request = &txn->request;

	txn->target = request->has_revision ? request->revision
		: provisional->active       ? provisional->base
		: ds->revision == 0         ? 0
					    : history_before(ds->history, ds->revision);
	txn->undo = provisional->active && txn->target == provisional->base;
	if (txn->undo && request->confirm_timeout != 0) {
		return err_set(err, ERR_INVALID, NULL,
			"taking provisional edits back leaves nothing to confirm: leave out "
			"confirm-timeout");
	}
	if (!request->has_revision && ds->revision == 0) {
		return err_set(err, ERR_MISSING, NULL, "there is no revision to go back to");
	}
	if (txn->target > ds->revision) {
		return err_set(err, ERR_MISSING, NULL,
			"there is no revision %" PRIu64 "; the newest is %" PRIu64, txn->target,
			ds->revision);
	}
	return 0;
}

static int
admit(struct txn *txn, struct err *err)
{
	const struct datastore *ds = txn->ds;
	bool rollback = txn->kind == TXN_ROLLBACK;
	int rc = request_parse(
		rollback ? REQUEST_ROLLBACK : REQUEST_EDIT, txn->input, &txn->request, err);

	if (rc == 0) {
		rc = check_base_revision(txn, err);
	}
	if (rc == 0 && rollback) {
		rc = settle_rollback(txn, err);
	}
	if (rc == 0 && ds->provisional.active && !txn->undo && txn->request.confirm_timeout == 0) {
		rc = conflict_with_provisional(ds, err);
	}
	return rc;
}

/* --- what it would change --------------------------------------------------------------------- */

static int
fill_from_edits(const struct txn *txn, struct edit *edit, struct err *err)
{
	const json_t *operation;
	size_t i;

	json_array_foreach (txn->request.edits, i, operation) {
		int rc = edit_apply(edit, operation, i, err);

		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

struct filling {
	struct edit *edit;
	struct err *err;
};

static int
put_before(void *arg, const char *path, const json_t *before, const json_t *after)
{
	const struct filling *filling = arg;

	return edit_put(filling->edit, path, before, filling->err);
}

static int
put_after(void *arg, const char *path, const json_t *before, const json_t *after)
{
	const struct filling *filling = arg;

	return edit_put(filling->edit, path, after, filling->err);
}

int
txn_fill_from_history(const struct history *history, uint64_t from, uint64_t to, struct edit *edit,
	struct err *err)
{
	bool back = to < from;
	struct filling filling = {.edit = edit, .err = err};
	struct diff *diff;
	int rc;

	diff_create(&diff);
	rc = history_diff(history, back ? to : from, back ? from : to, diff, err);
	if (rc == 0 &&
		!diff_resolve(diff, back ? DIFF_BACKWARD : DIFF_FORWARD, revision_base, edit)) {
		rc = err_set(err, ERR_FAILED, NULL,
			"the record of a revision up to %" PRIu64 " is damaged", back ? from : to);
	}
	if (rc == 0) {
		rc = diff_each(diff, back ? put_before : put_after, &filling);
	}
	diff_destroy(diff);
	return rc;
}

/* Errors of the file's content name the file too. */
static void
name_file(const char *name, struct err *err)
{
	char text[ERR_TEXT_SIZE];

	(void)str_copy(text, err->text, sizeof(text));
	(void)snprintf(err->text, sizeof(err->text), "%s: ", name);
	(void)str_append(err->text, text, sizeof(err->text));
}

/* FILE, and what was made since. */
static int
fill_from_store(const struct txn *txn, struct edit *edit, struct err *err)
{
	const struct datastore *ds = txn->ds;
	uint64_t to = ds->content.last;
	uint64_t confirmed;
	int rc = edit_load(edit, txn->input, err);

	if (rc != 0 || ds->store == NULL || ds->content.foreign) {
		return rc;
	}
	if (history_provisional(ds->history, &confirmed) && confirmed < to) {
		to = confirmed;
	}
	if (to <= ds->content.base) {
		return 0;
	}
	rc = txn_fill_from_history(ds->history, ds->content.base, to, edit, err);
	if (rc != 0) {
		(void)str_appendf(err->text, sizeof(err->text),
			"; to start from %s alone, revision %" PRIu64 ", move %s away", ds->path,
			ds->content.base, store_folder(ds->store));
	}
	return rc;
}

static int
fill(struct txn *txn, struct edit *edit, struct err *err)
{
	const struct datastore *ds = txn->ds;
	int rc;

	switch (txn->kind) {
	case TXN_LOAD:
		return fill_from_store(txn, edit, err);
	case TXN_CHECK:
		return edit_load(edit, txn->input, err);
	case TXN_TIMEOUT:
		txn->undo = true;
		return txn_fill_from_history(
			ds->history, ds->revision, ds->provisional.base, edit, err);
	default:
		break;
	}
	rc = admit(txn, err);
	if (rc != 0) {
		return rc;
	}
	return txn->kind == TXN_EDIT
		? fill_from_edits(txn, edit, err)
		: txn_fill_from_history(ds->history, ds->revision, txn->target, edit, err);
}

int
txn_validate(struct txn *txn, struct err *err)
{
	struct datastore *ds = txn->ds;
	struct edit *edit;
	int rc;

	edit_create(ds->model, ds->tree, &edit);
	rc = fill(txn, edit, err);
	txn->pub.loading = txn->kind == TXN_LOAD || txn->kind == TXN_CHECK || txn->undo;
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
	if (rc != 0 && txn->kind == TXN_LOAD && ds->path != NULL) {
		name_file(ds->path, err);
	}
	return rc;
}
