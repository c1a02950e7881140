/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The few calls that read or change the disk, in one place: tests put their own in between
 * (-Wl,--wrap) to end or to fail at any of those that change it.
 *
 * Each of these returns 0, or -1 with errno. Any thread. They block.
 */
#ifndef VSW_SCHEMA_DISK_H
#define VSW_SCHEMA_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The whole file, terminated, of which *len bytes could be read; free() it. NULL with errno. */
char *disk_read(int fd, size_t *len);

/* All of it, at `offset`. */
int disk_write(int fd, const char *text, size_t len, uint64_t offset);
int disk_truncate(int fd, uint64_t size);
int disk_sync(int fd); /* fsync */
int disk_sync_data(int fd); /* fdatasync */
int disk_rename(const char *from, const char *to);
int disk_unlink(const char *path);

/* "PATH cannot be WHAT: REASON" of errno; -errno of the kind. */
int disk_error(struct err *err, const char *path, const char *what);

#endif
