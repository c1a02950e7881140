/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The saved configuration as one file that people read and write.
 *
 *	FILE       one RFC 7951 JSON document: the configuration as it was at some revision
 *	FILE.new   the next one, while it is written
 *	FILE.lock  flock: one daemon at a time
 *	FILE.d     folder of the journal (store.h), which has what came after FILE, and of
 *`written`: FILE as the daemon wrote it last, to tell what somebody else has changed
 *
 * FILE only ever changes by rename, after the new text has reached the disk; whoever reads it sees
 * one whole revision or another. A FILE.new that a crash left goes at the next start.
 *
 * The owner's thread only, except file_replace. Calls block for as long as the disk takes.
 */
#ifndef VSW_SCHEMA_FILE_H
#define VSW_SCHEMA_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct file;

/* Create the folders (0750) if they are missing, take the lock. */
int file_open(const char *path, struct file **out, struct err *err);
void file_close(struct file *file); /* gives the lock back; NULL is legal */

/* FILE.d. Valid as long as `file`. */
const char *file_folder(const struct file *file);

/* The document; *out is NULL if there is no file. err names line and column. *hash is
 * journal_hash() of its text, 0 if there is no file. */
int file_read(const struct file *file, json_t **out, uint64_t *hash, struct err *err);

/* The same of FILE.d/written, which may be missing or anything: *out is NULL if it is no document.
 */
void file_read_written(const struct file *file, json_t **out, uint64_t *hash);

/*
 * Make `text` the file, on the disk. On an error the file is what it was, or the new one already.
 * Any thread, one at a time.
 */
int file_replace(const struct file *file, const char *text, size_t len, struct err *err);

#endif
