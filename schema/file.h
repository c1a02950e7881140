/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The saved configuration on disk.
 *
 *	FILE             one RFC 7951 JSON document
 *	FILE.new         the next one, while a transaction prepares
 *	FILE.old         the last one, while a transaction commits
 *	FILE.lock        flock: one daemon at a time
 *	FILE.d/revision  number of the last revision
 *
 * Crash safety. FILE only ever changes by rename, after the new text has reached the disk; whoever
 * reads it sees one whole revision or the other. The revision number is written before the rename:
 * a crash in between skips a number, and none is ever used for two contents. It is 20 digits in one
 * sector, overwritten in place. FILE.new and FILE.old that a crash left go at the next start.
 *
 * The owner's thread only; calls block for as long as the disk takes.
 */
#ifndef VSW_SCHEMA_FILE_H
#define VSW_SCHEMA_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct file;

/* Create the folder (0750) if it is missing, take the lock, read the revision. */
int file_open(const char *path, struct file **out, struct err *err);
void file_close(struct file *file); /* gives the lock back; NULL is legal */

/* The document; *out is NULL if there is no file. err names line and column. */
int file_read(const struct file *file, json_t **out, struct err *err);

/* Number of the last revision, 0 before the first. */
uint64_t file_revision(const struct file *file);

/* Write the next text beside the file, to the disk. */
int file_prepare(struct file *file, const char *text, size_t len, struct err *err);

/* Make the prepared text the file. On error the file is what it was, and nothing is prepared. */
int file_commit(struct file *file, uint64_t revision, struct err *err);

/* Forget the prepared text. */
void file_abort(struct file *file);

#endif
