/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/datastore.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/jx.h"
#include "schema/txn.h"

LOG_MODULE("datastore");

#define NEVER UINT64_MAX
#define TEXTS 1000 /* entries whose text is made in one step */
#define TEXTS_NS (5 * CLOCK_MS) /* from step to step */
#define PATIENCE (1 * CLOCK_S) /* after a failed attempt to take provisional edits back */
#define PATIENCE_MAX (60 * CLOCK_S)

/* --- start and end -------------------------------------------------------------------------- */

int
ds_create(const struct ds_options *options, struct datastore **out, struct err *err)
{
	struct datastore *ds = must_calloc(1, sizeof(*ds));
	int rc;

	assert(options->ops->validate != NULL && options->ops->prepare != NULL);
	assert(options->ops->apply != NULL && options->ops->abort != NULL);
	ds->ops = options->ops;
	ds->ctx = options->ctx;
	ds->revised = options->revised;
	ds->revised_ctx = options->revised_ctx;
	ds->path = options->file == NULL ? NULL : str_dup(options->file);
	/* Without one it goes on without threads. */
	ds->wake_fd = options->threads ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
	history_create(&ds->history);
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

/* Write the file as the configuration is now. */
static void
save(struct datastore *ds, bool wait)
{
	size_t len;
	char *text = tree_text(ds->tree, &len);

	store_save(ds->store, text, len, ds->revision, wait);
}

void
ds_destroy(struct datastore *ds)
{
	bool settled;

	if (ds == NULL) {
		return;
	}
	assert(!ds_busy(ds));
	if (ds->store != NULL && store_dirty(ds->store) && !ds->provisional.active) {
		save(ds, true);
	}
	settled = store_close(ds->store);
	json_decref(ds->content.document);
	json_decref(ds->content.written);
	history_destroy(ds->history);
	refs_destroy(ds->refs);
	tree_destroy(ds->tree);
	model_destroy(ds->model);
	if (ds->wake_fd >= 0 && settled) {
		(void)close(ds->wake_fd);
	}
	free(ds->path);
	free(ds);
}

uint64_t
ds_revision(const struct datastore *ds)
{
	return ds->revision;
}

bool
ds_provisional(const struct datastore *ds, uint64_t *confirm_at)
{
	*confirm_at = ds->provisional.confirm_at;
	return ds->provisional.active;
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

/* --- as time goes by ------------------------------------------------------------------------ */

static void
taken_back(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct datastore *ds = arg;
	struct provisional *provisional = &ds->provisional;

	role_assert(&role_main);
	provisional->undoing = false;
	if (rc == 0) {
		return;
	}
	if (provisional->patience == 0) {
		provisional->patience = PATIENCE;
	}
	log_error("provisional edits cannot be taken back: %s; it is tried again", err->text);
	provisional->retry_at = provisional->tried_at + provisional->patience;
	provisional->patience =
		provisional->patience * 2 > PATIENCE_MAX ? PATIENCE_MAX : provisional->patience * 2;
}

static uint64_t step_provisional(struct datastore *ds, uint64_t now) ON_MAIN;

static uint64_t
step_provisional(struct datastore *ds, uint64_t now)
{
	struct provisional *provisional = &ds->provisional;
	uint64_t at = provisional->confirm_at;

	if (!provisional->active || provisional->undoing) {
		return NEVER;
	}
	if (at < provisional->retry_at) {
		at = provisional->retry_at;
	}
	if (now < at) {
		return at - now;
	}
	provisional->undoing = true;
	provisional->tried_at = now;
	txn_start(ds, TXN_TIMEOUT, NULL, NULL, taken_back, ds);
	return NEVER;
}

int
ds_wake_fd(const struct datastore *ds)
{
	return ds->wake_fd;
}

uint64_t
ds_step(struct datastore *ds, uint64_t now)
{
	uint64_t next = step_provisional(ds, now);
	uint64_t soon = NEVER;
	eventfd_t wakes;

	if (ds->wake_fd >= 0) {
		(void)eventfd_read(ds->wake_fd, &wakes);
	}
	if (txn_go_on(ds)) {
		next = 0;
	}
	if (ds->store == NULL) {
		return next;
	}
	if (store_step(ds->store, now, &soon)) {
		/* What is provisional is never in the file; its end makes it due anew. */
		soon = NEVER;
		if (!ds->provisional.active) {
			if (tree_make_text(ds->tree, TEXTS)) {
				save(ds, false);
			}
			soon = TEXTS_NS;
		}
	}
	return next < soon ? next : soon;
}

/* --- changes -------------------------------------------------------------------------------- */

void
ds_load(struct datastore *ds, ds_edit_done_fn done, void *arg)
{
	struct err err = ERR_INIT;
	json_t *document;
	int rc = 0;

	assert(ds->store == NULL && !ds_busy(ds));
	if (ds->path != NULL) {
		rc = store_open(ds->path, ds->wake_fd, ds->history, &ds->content, &ds->store, &err);
	}
	if (rc != 0) {
		done(arg, rc, NULL, &err);
		return;
	}
	document = ds->content.document;
	ds->content.document = NULL;
	if (document == NULL) {
		document = jx_object();
	}
	txn_start(ds, TXN_LOAD, document, NULL, done, arg);
	json_decref(document);
}

/* It changes nothing, so it need not wait for its turn. */
static bool
is_dry_run(const json_t *params)
{
	return json_is_true(json_object_get(params, "dry-run"));
}

static int
admit(const struct datastore *ds, const json_t *params, struct err *err)
{
	if (ds->n_waiting >= DS_QUEUE_MAX && !is_dry_run(params)) {
		return err_set(err, ERR_LIMIT, NULL,
			"%d edits are waiting already; try again when some are done", DS_QUEUE_MAX);
	}
	if (ds->path != NULL && ds->store == NULL) {
		return err_set(err, ERR_FAILED, NULL, "the configuration is not loaded");
	}
	return 0;
}

static void start(struct datastore *ds, enum txn_kind kind, json_t *params,
	const struct ds_author *author, ds_edit_done_fn done, void *arg) ON_MAIN;

static void
start(struct datastore *ds, enum txn_kind kind, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	struct err err = ERR_INIT;
	int rc = admit(ds, params, &err);

	if (rc != 0) {
		done(arg, rc, NULL, &err);
		return;
	}
	if (is_dry_run(params)) {
		txn_try(ds, kind, params, author, done, arg);
	} else {
		txn_start(ds, kind, params, author, done, arg);
	}
}

void
ds_edit(struct datastore *ds, json_t *params, const struct ds_author *author, ds_edit_done_fn done,
	void *arg)
{
	start(ds, TXN_EDIT, params, author, done, arg);
}

void
ds_rollback(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	start(ds, TXN_ROLLBACK, params, author, done, arg);
}

void
ds_confirm(struct datastore *ds, const struct ds_author *author, ds_edit_done_fn done, void *arg)
{
	start(ds, TXN_CONFIRM, NULL, author, done, arg);
}

int
ds_check(struct datastore *ds, const json_t *document, struct err *err)
{
	return txn_check(ds, document, err);
}
