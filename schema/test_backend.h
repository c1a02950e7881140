/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of schema/ share: a backend that records and, when told, refuses or takes its
 * time, and short ways to edit and to read. Tests only.
 */
#ifndef VSW_SCHEMA_TEST_BACKEND_H
#define VSW_SCHEMA_TEST_BACKEND_H

#include <jansson.h>
#include <stdbool.h>

#include "schema/datastore.h"
#include "schema/datastore_priv.h"

struct backend {
	struct datastore *ds;
	json_t *log; /* "validate", "prepare", "create port vm1", "apply", "abort", ... */
	bool refuse_validate;
	bool refuse_prepare;
	unsigned int validate_us; /* that validate takes */
	bool slow; /* continuations wait for backend_continue */
	struct ds_txn *held; /* the txn that waits */
	int held_rc;
	size_t n_state; /* calls of ops->state */
	char member[64]; /* that was asked for last; "": all */
	size_t fdb_size; /* entries that ops->page makes up */
	bool threads; /* ds_options.threads of the next start */
	json_t *revised; /* record of the last revision that was told, or NULL */
	size_t n_revised;
};

extern const struct ds_backend_ops backend_ops;

/* Who edits in tests: user "alice" from "test". */
extern const struct ds_author backend_author;

/* Outcome of an edit. */
struct outcome {
	int calls;
	int rc;
	json_t *result;
	struct err err;
};

/* `file` NULL: nothing on disk. Calls ds_load, which has to succeed. */
void backend_start(struct backend *backend, const char *file) ON_MAIN;
void backend_stop(struct backend *backend) ON_MAIN;

/* Wait until the file is what the configuration is; time flies meanwhile. */
void backend_settle(struct backend *backend) ON_MAIN;

/* With threads: go on until the outcome is there. */
void backend_wait(struct backend *backend, const struct outcome *outcome) ON_MAIN;

/* Let a held transaction go on. */
void backend_continue(struct backend *backend) ON_MAIN;

/* What the backend saw since the last call, joined by "; ". free() it. */
char *backend_log(struct backend *backend);

void outcome_done(void *arg, int rc, const json_t *result, const struct err *err);
void outcome_clear(struct outcome *outcome);

/* Edit with params in JSON with ' for ". Takes printf arguments. */
void edit_f(struct backend *backend, struct outcome *outcome, const char *fmt, ...) ON_MAIN
	__attribute__((format(printf, 3, 4)));

/* One operation that has to succeed; `value` may be NULL. */
void do_op(struct backend *backend, const char *op, const char *path, const char *value) ON_MAIN;

/* One operation that has to be refused with that kind, path (NULL: any) and text within. */
void no_op(struct backend *backend, const char *op, const char *path, const char *value,
	enum err_kind kind, const char *err_path, const char *text) ON_MAIN;

/* ds_rollback and ds_confirm in the same manner. */
void rollback_f(struct backend *backend, struct outcome *outcome, const char *params) ON_MAIN;
void confirm_f(struct backend *backend, struct outcome *outcome) ON_MAIN;

/* The outcome has to be a refusal of that kind with that text within; it is cleared. */
void expect_refusal(struct outcome *outcome, enum err_kind kind, const char *text);

/* The outcome has to be good and lead to that revision; it is cleared. */
void expect_revision(struct outcome *outcome, unsigned int revision);

/* JSON with ' for ". New reference. */
json_t *json_of(const char *text);

/* Get must give this JSON (with ' for "). */
void expect_get(struct backend *backend, struct ds_get_options options, const char *json) ON_MAIN;

/* A new empty folder under $TMPDIR, and its removal with all that is in it. */
void make_folder(char *buf, size_t size);
void remove_folder(const char *path);

#endif
