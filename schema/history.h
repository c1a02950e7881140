/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The revisions that are kept: who changed what when, and how to get from one to another.
 *
 * A revision's record is a JSON object, here as in the journal on disk:
 *
 *	{"revision": N, "time": RFC 3339, "user": "...", "from": "...", "comment"?: "...",
 *	 "change": "commit|provisional|rollback|timeout|file", "confirm-by"?: time,
 *	 "known"?: true|false, "changes": [{op, path, before?, after?, patch?}]}  (diff.h)
 *
 * Numbers have no gaps: the state of N is that of N - 1 with the changes of N. Of a "file", which
 * somebody wrote while no daemon ran, they may not be known: there are none then, `known` is not
 * true, and nothing leads over it.
 *
 * Records are kept as text, parsed when asked for: at most HISTORY_MAX of them, and of
 * HISTORY_SIZE_MAX bytes unless the last one alone is longer.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_HISTORY_H
#define VSW_SCHEMA_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "schema/diff.h"

#define HISTORY_MAX 100
#define HISTORY_SIZE_MAX (64U << 20)
#define HISTORY_PROVISIONAL_MAX 64

struct history;

void history_create(struct history **out);
void history_destroy(struct history *history); /* NULL is legal */

/*
 * Add the record with its text, `len` bytes. One whose number does not follow the last begins a new
 * history. False: it is not a record.
 */
bool history_add(struct history *history, const json_t *record, const char *text, size_t len);

/*
 * Let go of nothing, or of what is too much again: a start needs all revisions since that of the
 * file, however many they are.
 */
void history_keep_all(struct history *history, bool all);

/* Provisional revisions up to the newest are confirmed; `line` says by whom and when: {user, from,
 * time?}. Their heads say it from now on, as confirmed-by, confirmed-from and confirmed-at. */
void history_confirm(struct history *history, const json_t *line);

/* The time until which provisional revisions wait for their confirm, RFC 3339. */
void history_confirm_by(struct history *history, const json_t *by);

/* Number of the newest, and of the oldest that is kept; 0: none. */
uint64_t history_last(const struct history *history);
uint64_t history_first(const struct history *history);

/* The revision that provisional ones began after; false if the newest is none. */
bool history_provisional(const struct history *history, uint64_t *base);

/*
 * The revision before this one as a person sees it: provisional ones that were taken back do not
 * count, nor does what took them back.
 */
uint64_t history_before(const struct history *history, uint64_t number);

/* Whether a provisional record of `len` bytes can join those that there are, so that all of them
 * are kept until they are confirmed: HISTORY_PROVISIONAL_MAX, and half of HISTORY_SIZE_MAX. */
bool history_has_room(const struct history *history, size_t len);

/* A record without its changes, but their number; NULL if it is not kept. Borrowed. */
const json_t *history_head(const struct history *history, uint64_t number);

/* Add the changes of revisions from + 1 .. to; from <= to. */
int history_diff(const struct history *history, uint64_t from, uint64_t to, struct diff *diff,
	struct err *err);

/* The list for clients: newest first, at most `limit`, those before `before` (0: all);
 * {"revisions": [...], "next"?: number}. New reference. */
json_t *history_list(const struct history *history, size_t limit, uint64_t before);

#endif
