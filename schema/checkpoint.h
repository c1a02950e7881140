/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes FILE on a thread of its own, because a disk may take its time and main must not.
 *
 * Between begin and result the thread reads the text, the file's paths and the journal's
 * descriptor; the owner appends to the journal meanwhile, but must not rotate it. Without a thread
 * to be had it is done in checkpoint_begin. The owner's thread only.
 */
#ifndef VSW_SCHEMA_CHECKPOINT_H
#define VSW_SCHEMA_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/file.h"
#include "schema/journal.h"

struct checkpoint;

/* Both are borrowed. */
void checkpoint_create(const struct file *file, struct journal *journal, struct checkpoint **out);
/* Waits for what runs. NULL is legal. */
void checkpoint_destroy(struct checkpoint *checkpoint);

/* Bring the journal to the disk, then make `text` (free()d) the file. None may run. */
void checkpoint_begin(struct checkpoint *checkpoint, char *text, size_t len);

/* True from begin to result. */
bool checkpoint_runs(const struct checkpoint *checkpoint);

/* True when the result can be had without waiting. */
bool checkpoint_ended(const struct checkpoint *checkpoint);
void checkpoint_wait(struct checkpoint *checkpoint);

/* How it ended; once for each begin, when it has ended. */
int checkpoint_result(struct checkpoint *checkpoint, struct err *err);

#endif
