/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The datastore: the running configuration, the only way to change it, its file and its revisions.
 *
 * What it is. One tree, modelled by vswitch.yang, RFC 7951 JSON at its edges (struct json_t of
 * jansson; libyang stays inside). Everything an operator configures is in it; state (counters,
 * FDB, link) is never stored, but asked from the backend when somebody gets it.
 *
 * A change is a transaction. An edit is a list of RFC 8072 style operations. The datastore applies
 * them in order to copies of the entries they touch, validates these, and hands the backend the net
 * difference, entry by entry: {op, list, key, before, after}, where before and after are the whole
 * configuration of that entry, defaults filled in; an entry that ends as it began is not in it.
 * Entries are those of the top-level lists ("bridge", "port"); the container "system" counts as one
 * entry with the key "", always there, so only ever modified.
 *
 *	parse -> validate (schema, backend) -> prepare (backend: all that can fail) -> commit (one
 *	line in the journal, on the disk; store.h) -> apply (backend; cannot fail) -> done
 *
 * After prepare comes exactly one of apply and abort: abort if prepare itself reported a failure
 * (abort undoes whatever prepare had done by then), or if the disk refused. Nobody sees a change
 * before its commit: ds_get shows what is committed. Nothing to change, or a dry run, ends after
 * validate.
 *
 * Each commit is a revision, numbered without gaps, with author and time; the last ones are kept
 * (history.h). ds_rollback makes a new revision that is like an old one.
 *
 * Provisional edits have a confirm-timeout. They run like any other but are not saved: whatever
 * ends the daemon, the next start has what was before them. ds_confirm makes them stay; ds_rollback
 * takes them back, and so does the datastore by itself when the time is over. Until then edits that
 * are not provisional are refused, and each that is joins them and sets the time anew. Taking back
 * runs with `loading` set: a device that has gone meanwhile must not prevent it.
 *
 * Prepare, apply and abort may take their time (a grace period, a device): they end by calling the
 * txn's continuation, on main, in the same call or later. So may the disk: threads wait for it
 * while main goes on, and only the transaction, and those behind it, wait too. One transaction runs
 * at a time; further edits wait in a queue and are parsed when their turn comes, so base-revision
 * checks see what was committed before them. Dry runs are tried at once against what is committed.
 *
 * Ownership and threads. Main only, all of it. The backend's calls come from main. A txn and its
 * JSON live until its last continuation has returned.
 *
 * Limits. DS_EDITS_MAX operations an edit, DS_QUEUE_MAX waiting edits; past them ERR_LIMIT.
 */
#ifndef VSW_SCHEMA_DATASTORE_H
#define VSW_SCHEMA_DATASTORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

#define DS_EDITS_MAX 100000
#define DS_QUEUE_MAX 1024
#define DS_CONFIRM_MAX 86400 /* seconds of a confirm-timeout */
#define DS_REVISED_MAX 100 /* changes that `revised` is told */

struct datastore;
struct ds_txn;

enum ds_op { DS_CREATE, DS_MODIFY, DS_DELETE };

/* The net change of one entry. Borrowed from the txn. */
struct ds_change {
	enum ds_op op;
	/* "bridge", "port", ..., or "system" */
	const char *list;
	/* the entry's name; "" for a container */
	const char *key;
	/* NULL for DS_CREATE */
	const json_t *before;
	/* NULL for DS_DELETE */
	const json_t *after;
};

/* Who makes a change; strings are copied. NULL in its place: the daemon itself. */
struct ds_author {
	const char *user; /* "alice" */
	const char *from; /* "unix, pid 4711", "192.0.2.1:50000" */
	/* Asked with the edit's `arg` when its turn has come: 0, or why not. May be NULL. */
	int (*may)(void *arg, struct err *err);
};

/* Ends prepare, apply or abort. rc is 0, or -errno with *err filled (prepare only). */
typedef void (*ds_done_fn)(struct ds_txn *txn, int rc, const struct err *err);

/* What the transaction's backend sees of it. */
struct ds_txn {
	size_t n_changes;
	/* deletes first, then creates, then modifies; bridges are created before ports and deleted
	 * after them */
	const struct ds_change *changes;
	/* the configuration file at start, or provisional edits taken back: a port whose device
	 * cannot be opened shows as failed; prepare must not refuse for it */
	bool loading;
	/* the backend's own: set in prepare, used in apply or abort */
	void *prepared;
	ds_done_fn done;
};

/* A page of a long state list that lives in the backend (the FDB of a bridge). */
struct ds_page {
	/* at most this many entries, >= 1 */
	size_t limit;
	/* opaque cursor that an earlier page returned, or NULL for the first */
	const char *after;
	/* out: cursor of the next page, "" if this was the last */
	char next[128];
};

struct ds_backend_ops {
	/* Checks across entries that YANG does not express (two ports, one socket). Mandatory. */
	int (*validate)(void *ctx, const struct ds_txn *txn, struct err *err);
	/* Everything that can fail. Calls txn->done exactly once. Mandatory. */
	void (*prepare)(void *ctx, struct ds_txn *txn);
	/* Make it so; cannot fail (rc must be 0). Mandatory. */
	void (*apply)(void *ctx, struct ds_txn *txn);
	/* Undo prepare, successful or not. Mandatory. */
	void (*abort)(void *ctx, struct ds_txn *txn);
	/* Add the state leaves of one entry to `entry` (an object; config leaves may be in it):
	 * all, or, as nothing else is looked at, only what is in its member of that name. */
	void (*state)(
		void *ctx, const char *list, const char *key, const char *member, json_t *entry);
	/*
	 * Fill *entries (new array) with a page of the state list at LIST[key]/child, e.g.
	 * bridge, "br0", "fdb". ERR_UNKNOWN if there is no such paged list.
	 */
	int (*page)(void *ctx, const char *list, const char *key, const char *child,
		struct ds_page *page, json_t **entries, struct err *err);
};

struct ds_options {
	/* folder of vswitch.yang; NULL: the text compiled into the binary */
	const char *schema_dir;
	/* the saved configuration; NULL: keep nothing on disk */
	const char *file;
	/* threads wait for the disk, and the owner watches ds_wake_fd; else each call waits */
	bool threads;
	const struct ds_backend_ops *ops;
	/* handed to ops */
	void *ctx;
	/*
	 * The configuration has changed, or is confirmed; on main, when it is applied and before
	 * the edit is answered. Must not edit. `record` (borrowed) is {revision, user, from,
	 * comment?, change: commit|provisional|confirm|rollback|timeout, changes: [{op, path,
	 * before?, after?}], more?}: of the changes at most DS_REVISED_MAX, `more` counts the rest;
	 * of entries with long lists what differs (delta.h). NULL: nobody wants to know.
	 */
	void (*revised)(void *ctx, const json_t *record);
	void *revised_ctx; /* handed to revised */
};

/*
 * Outcome of an edit: rc 0 and `result` (borrowed: {"changes": [{op, path, apply?, before?, after?,
 * cut?}], "more"?: N, "revision": N, "dry-run"?: true, "confirm-by"?: time}), or -errno and err. Of
 * a modified entry `apply` is the strictest of its leaves, `before` and `after` are what differs; a
 * dry run has `leaves` too, {name: apply} of that. Of very many changes some are `cut`, and the
 * last are only counted: `more` (proposal.h).
 */
typedef void (*ds_edit_done_fn)(void *arg, int rc, const json_t *result, const struct err *err);

/* What the datastore keeps for `get`. */
enum ds_content { DS_CONTENT_ALL, DS_CONTENT_CONFIG, DS_CONTENT_STATE };

struct ds_get_options {
	/* instance identifier; NULL or "/" is the whole tree */
	const char *path;
	enum ds_content content;
	/* levels below the target that are returned; 0 is all */
	unsigned int depth;
	/* for a path that ends in a paged list; limit 0: DS_PAGE_DEFAULT */
	struct ds_page page;
	/* leaves at their default are shown too (RFC 6243 report-all); without it those that were
	 * set, and a leaf that the path names */
	bool with_defaults;
};

#define DS_PAGE_DEFAULT 10000

/* --- main, at start and end --------------------------------------------------------------- */

/* Parses the schema; fails only for a broken installation. The tree is empty until ds_load. */
int ds_create(const struct ds_options *options, struct datastore **out, struct err *err) ON_MAIN;
/* Writes the file if it is behind; a disk that hangs is waited for some seconds, then the journal
 * has it. No txn may be running, and no callback of this datastore on the stack; NULL is legal. */
void ds_destroy(struct datastore *ds) ON_MAIN;

/*
 * Load the file, and what the journal has since, through a transaction with `loading` set, and call
 * done. A file that does not exist is the empty configuration. One that is not valid ends with
 * -EINVAL, err naming line or leaf, and stays untouched. Takes an flock on the file's folder entry
 * (FILE.lock): ERR_IN_USE if another daemon has it.
 */
void ds_load(struct datastore *ds, ds_edit_done_fn done, void *arg) ON_MAIN;

/* --- main, any time ----------------------------------------------------------------------- */

/*
 * What has to be done as time goes by: take back what was not confirmed, write the file, go on with
 * a transaction that the disk has done its part of. `now` is
 * clock_now(). Returns after how many nanoseconds it wants to be called again at the latest;
 * UINT64_MAX: not by itself.
 */
uint64_t ds_step(struct datastore *ds, uint64_t now) ON_MAIN;

/* A descriptor that becomes readable when ds_step should be called at once; -1 without threads. */
int ds_wake_fd(const struct datastore *ds) ON_MAIN;

/*
 * Queue an edit. `params` is the params object of the RPC: {edits, base-revision?, dry-run?,
 * comment?, confirm-timeout?}. It is referenced (json_incref) as long as needed. `done` comes
 * exactly once, maybe before ds_edit returns.
 */
void ds_edit(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg) ON_MAIN;

/*
 * Queue a way back: {revision?, base-revision?, dry-run?, comment?, confirm-timeout?}, the same
 * otherwise; `params` may be NULL. Without `revision`, or with the one before them: provisional
 * edits, else the last revision.
 */
void ds_rollback(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg) ON_MAIN;

/* Queue a confirm: provisional edits stay. The result is {"revision": N}. */
void ds_confirm(struct datastore *ds, const struct ds_author *author, ds_edit_done_fn done,
	void *arg) ON_MAIN;

/* RFC 7951 data of a subtree as a new reference. The next cursor is in options->page.next. */
int
ds_get(struct datastore *ds, struct ds_get_options *options, json_t **out, struct err *err) ON_MAIN;

/* Check a whole configuration document (config check): schema and backend's validate. */
int ds_check(struct datastore *ds, const json_t *document, struct err *err) ON_MAIN;

/* Number of the last committed revision, provisional or not; 0 before the first. */
uint64_t ds_revision(const struct datastore *ds) ON_MAIN;

/* YANG text of the module `name` (NULL: vswitch), or NULL. Valid as long as ds. */
const char *ds_schema_text(const struct datastore *ds, const char *name) ON_MAIN;

/* Whether edits wait for their confirm, and *confirm_at: clock_now() at which they are undone. */
bool ds_provisional(const struct datastore *ds, uint64_t *confirm_at) ON_MAIN;

/* True while a transaction runs or waits. */
bool ds_busy(const struct datastore *ds) ON_MAIN;

#endif
