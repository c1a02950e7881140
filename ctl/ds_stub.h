/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: a datastore that remembers what it was asked and answers what it was told, in place of
 * the one in schema/. Test code only; one test program holds one, because the real functions know
 * nothing of it but a pointer.
 */
#ifndef VSW_CTL_DS_STUB_H
#define VSW_CTL_DS_STUB_H

#include "schema/datastore.h"
#include "schema/datastore_history.h"

struct datastore {
	/* what ds_get saw and gives */
	struct ds_get_options options; /* strings borrowed: look at copies below */
	char path[256];
	char after[256];
	json_t *data; /* given to each get; owned by the test */
	char next[64]; /* the page's cursor */
	enum err_kind get_error;

	/* what ds_edit, ds_rollback or ds_confirm saw, and how it ends */
	const char *called; /* "edit", "rollback", "confirm" */
	json_t *params; /* of the last edit; NULL of a confirm */
	char user[64]; /* its author */
	char from[64];
	bool edit_later;
	enum err_kind edit_error;
	json_t *edit_result;
	ds_edit_done_fn done; /* of an edit that waits */
	void *done_arg;
	int (*may)(void *arg, struct err *err); /* to be asked when its turn comes */

	/* what ds_history, ds_diff and ds_check saw; they end with edit_error too */
	struct ds_history_options history;
	struct ds_diff_options diff;

	const char *host_leaf; /* what ds_host_resource finds in each operation with a value */
};

/* End the edit that waits. */
void ds_stub_end_edit(struct datastore *ds) ON_MAIN;
void ds_stub_fini(struct datastore *ds);

#endif
