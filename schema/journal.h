/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A journal: lines of text that only ever grow in number, on disk, in a folder of their own.
 *
 *	FOLDER/journal.00000000000000000001    lines, oldest file first
 *	FOLDER/journal.00000000000000000042    the one that grows
 *
 * A line is a checksum (64 bits FNV-1a as 16 hex digits), a space, and the text. What a crash left
 * of an append that was not finished has no good checksum or no newline; it is cut off when the
 * journal is opened, so that an append is there as a whole or not at all.
 *
 * Old lines go by whole files: journal_rotate begins the next, journal_drop deletes those before.
 *
 * Full disks. A failed append leaves the file as it was; should even that fail, the journal refuses
 * appends until it has managed to.
 *
 * Broken disks. A sync that has failed is not tried again: the kernel has let go of what it could
 * not write, and the next sync would say that all is well. The file's good lines are written to
 * another, which takes its place; until that is done the journal refuses appends. So it does while
 * a file that journal_rotate could not finish may still be there.
 *
 * One thread at a time (scribe.h). Calls block for as long as the disk takes.
 */
#ifndef VSW_SCHEMA_JOURNAL_H
#define VSW_SCHEMA_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JOURNAL_SIZE_MAX (256U << 20) /* bytes of all its files; past them ERR_LIMIT */

struct journal;

/* One line without its newline; terminated. */
typedef void (*journal_visit_fn)(void *arg, const char *text, size_t len);

/*
 * Read all lines, oldest first, and be ready to append. `folder` has to exist. A file is begun when
 * there is none. Lines with a wrong checksum before good ones are left out: *n_damaged.
 */
int journal_open(const char *folder, journal_visit_fn visit, void *arg, size_t *n_damaged,
	struct journal **out, struct err *err);
void journal_close(struct journal *journal); /* NULL is legal */

/*
 * See whether `len` more bytes would fit on the disk, and keep that room, and some more, where the
 * file system can. So a full disk is found before anything else was done for an edit.
 */
int journal_reserve(struct journal *journal, size_t len, struct err *err);

/* Bytes that are kept for what comes: journal_reserve of as many would do nothing. */
size_t journal_room(const struct journal *journal);

/* Add lines, each of which ends with a newline, to the disk. All of them or none: none stays on an
 * error. */
int journal_append(struct journal *journal, const char *lines, size_t len, struct err *err);

/* Bytes of the file that grows, and of all. */
uint64_t journal_growing(const struct journal *journal);
uint64_t journal_size(const struct journal *journal);

/*
 * Begin the next file with `lines`, durable. `number` is in its name; has to be larger than that of
 * the last. On an error the old one goes on.
 */
int journal_rotate(
	struct journal *journal, uint64_t number, const char *lines, size_t len, struct err *err);

/* Delete the files that come before one whose number is <= `number`. */
void journal_drop(struct journal *journal, uint64_t number);

/* Append the line for `text` to the stream-like buffer that the caller owns: checksum, text,
 * newline. *buf is realloc'ed; *len grows. */
void journal_line(char **buf, size_t *len, const char *text, size_t text_len);

/* The checksum of the lines: FNV-1a, 64 bits (draft-eastlake-fnv-17, section 2 and 5). */
uint64_t journal_hash(const char *text, size_t len);

#endif
