/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes FILE on a thread of its own, because a disk may take its time and main must not.
 *
 * Between begin and take the thread reads the text and the file's paths. What the journal has to
 * say before that is on the disk by then: its files are the scribe's alone. The owner's thread
 * only.
 */
#ifndef VSW_SCHEMA_CHECKPOINT_H
#define VSW_SCHEMA_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/file.h"

struct checkpoint;

/* `file` is borrowed, `wake_fd` as in helper.h. */
void checkpoint_create(const struct file *file, int wake_fd, struct checkpoint **out);
/* Waits for what runs. NULL is legal. */
void checkpoint_destroy(struct checkpoint *checkpoint);

/* Make `text` (free()d) the file. None may run. */
void checkpoint_begin(struct checkpoint *checkpoint, char *text, size_t len);

/* True from begin until checkpoint_take has returned true. */
bool checkpoint_runs(const struct checkpoint *checkpoint);

/* True once for each begin, when it has ended: *rc and *err say how. */
bool checkpoint_take(struct checkpoint *checkpoint, int *rc, struct err *err);

/* True when it has ended, or does not run; false at `until` of clock_now(). */
bool checkpoint_wait(struct checkpoint *checkpoint, uint64_t until);

#endif
