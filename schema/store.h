/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the configuration is kept: FILE (file.h), and in FILE.d a journal (journal.h) of the
 * revisions that were made since, and of older ones for the history.
 *
 * A commit is one line of the journal on the disk. FILE follows in its own time: a while after the
 * last edit, and at the end. Lines of the journal:
 *
 *	{"revision": N, ..., "changes": [...]}                   a revision (history.h)
 *	{"confirmed": N, user, from, time}                       provisional ones up to N stay
 *	{"file": HASH, "revision": N, "written": true|false}     FILE with that hash is revision N
 *
 * Start. FILE's hash tells which revision it is; those after it are replayed. The line stands in
 * the journal, on the disk, before FILE gets that content (written: false), so a crash at any point
 * leaves a FILE that is known; `written` makes those before it void, so that nobody's old copy is
 * taken for one. A FILE with another hash was written by somebody while no daemon ran: it wins, as
 * a revision of its own. Provisional revisions that were never confirmed are undone by one.
 *
 * Nothing here waits for the disk: one thread writes the journal (scribe.h), another FILE
 * (checkpoint.h), so that an edit never waits for that. store_step sees to what has ended. Only
 * store_open and store_close wait, and store_save if told to. The owner's thread only.
 */
#ifndef VSW_SCHEMA_STORE_H
#define VSW_SCHEMA_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/history.h"

#define STORE_QUIET_NS UINT64_C(1000000000) /* FILE is written this long after the last edit */
#define STORE_LAG_NS UINT64_C(30000000000) /* and this long after the first, whatever comes */
#define STORE_PATIENCE_NS UINT64_C(3000000000) /* for a disk that hangs when all is to end */

struct store;

/* What a start finds. */
struct store_content {
	json_t *document; /* FILE; NULL if there is none. The caller's reference */
	uint64_t base; /* its revision */
	uint64_t last; /* the last revision of all, >= base */
	bool foreign; /* somebody wrote FILE: its revision has yet to be made */
	/* of a foreign one: what FILE was before, as revision `written_base`. NULL: that is not
	 * known. The caller's reference */
	json_t *written;
	uint64_t written_base;
};

/*
 * Take the lock, read FILE and the journal; revisions go to `history` (empty, borrowed until
 * store_close), all of them: history_keep_all ends that. ERR_IN_USE if another daemon has it.
 * `wake_fd` is an eventfd, borrowed, that becomes readable when store_step has something to do; -1:
 * no threads, all is done in the call that wants it.
 */
int store_open(const char *path, int wake_fd, struct history *history,
	struct store_content *content, struct store **out, struct err *err);
/*
 * Writes what waits. False: the disk hangs. Then threads are left that use `wake_fd`, which has to
 * stay open, and what could not be written comes from the journal at the next start. NULL is legal.
 */
bool store_close(struct store *store);

/* FILE.d, for messages. */
const char *store_folder(const struct store *store);

/* FILE as it was read is revision N; said once the content was accepted. */
void store_adopt(struct store *store, uint64_t revision);

/* How it ended; maybe before the call returns that asked for it. */
typedef void (*store_done_fn)(void *arg, int rc, const struct err *err);

/* Is there room on the disk for a record of `len` bytes? */
void store_reserve(struct store *store, size_t len, store_done_fn done, void *arg);

/* The room is not needed any more, if there was any. Until this or store_append it stays. */
void store_release(struct store *store);

/* The commit point: one more line, on the disk. On an error it is not there. One of this and
 * store_reserve at a time. */
void store_append(struct store *store, const char *text, size_t len, store_done_fn done, void *arg);

/* The same for what happens whether it can be written or not: if it cannot, it goes before the next
 * line that can. */
void store_append_late(struct store *store, const char *text, size_t len);

/* FILE is older than the configuration now. */
void store_touch(struct store *store, uint64_t now);

/*
 * Goes on where the disk has done its part. True if FILE should be written now, by store_save; else
 * *next is when to call again, in nanoseconds from now, if nothing comes before.
 */
bool store_step(struct store *store, uint64_t now, uint64_t *next);

/* FILE is not what the last revision is. */
bool store_dirty(const struct store *store);

/* Write FILE: `text` (free()d) is revision N. `wait`: it is done, well or not, on return. */
void store_save(struct store *store, char *text, size_t len, uint64_t revision, bool wait);

#endif
