/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who writes to the journal: one job after the other, on a thread of its own.
 *
 * Only there are its files written and synced, through one description. The kernel tells an error
 * of writing back once for each description, to whoever syncs next: with two who sync, one could
 * be told of what the other has lost.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_SCRIBE_H
#define VSW_SCHEMA_SCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/journal.h"

struct scribe;

/* Takes the journal; `wake_fd` as in helper.h. */
void scribe_create(struct journal *journal, int wake_fd, struct scribe **out);
/* Waits for what runs. NULL is legal. */
void scribe_destroy(struct scribe *scribe);

/* --- jobs; none may run ----------------------------------------------------------------------- */

/* journal_append. Takes `lines`. */
void scribe_append(struct scribe *scribe, char *lines, size_t len);

/* journal_reserve. */
void scribe_reserve(struct scribe *scribe, size_t len);

/* journal_rotate with lines (taken) under `number`, and journal_drop of what comes before `keep` if
 * that went well. */
void scribe_rotate(struct scribe *scribe, uint64_t number, char *lines, size_t len, uint64_t keep);

/* True from the job's begin until scribe_take has returned true. */
bool scribe_busy(const struct scribe *scribe);

/* True once for each job, when it has ended: *rc and *err say how. */
bool scribe_take(struct scribe *scribe, int *rc, struct err *err);

/* True when it has ended, or does nothing; false at `until` of clock_now(). */
bool scribe_wait(struct scribe *scribe, uint64_t until);

/* --- the journal, as the last job that was taken has left it ---------------------------------- */

size_t scribe_room(const struct scribe *scribe); /* bytes that are kept for what comes */
uint64_t scribe_growing(const struct scribe *scribe); /* bytes of the last file */

#endif
