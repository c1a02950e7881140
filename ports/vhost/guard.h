/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SIGBUS guard: memory that a peer can take away must not be able to kill the daemon.
 *
 * A front end owns the files behind guest memory, the migration log and the in-flight area. If it
 * truncates one (or a hugepage is not there), the next access raises SIGBUS in whoever made it. The
 * handler finds the address in a lock-free table, puts anonymous zeroes in place of the whole
 * guarded range, sets the owner's `gone` flag and returns: the access reads zeroes. A foreign
 * address goes to the handler that was there before.
 *
 * The table is process-wide, because a signal handler has no argument. Main edits it; the handler
 * runs on whatever thread was hit and is async-signal-safe.
 */
#ifndef VSW_PORTS_VHOST_GUARD_H
#define VSW_PORTS_VHOST_GUARD_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/role.h"

#define GUARD_RANGES_MAX 16384

/*
 * Install the handler (again, if somebody has replaced it: EAL's hot-plug handler does).
 * Idempotent; 0 or -errno. guard_add does it too.
 */
int guard_install(void) ON_MAIN;

/*
 * Guard [addr, addr + len), a whole mapping, page-aligned. `gone` is set when a part of it was
 * missing; it outlives the range. Returns a slot for guard_remove, or -ENOSPC, or what
 * guard_install returns.
 */
int guard_add(void *addr, size_t len, atomic_bool *gone) ON_MAIN;

/* Before the mapping is unmapped, and when no worker can touch it any more. */
void guard_remove(int slot) ON_MAIN;

/* Ranges in use. */
unsigned int guard_count(void) ON_MAIN;

#endif
