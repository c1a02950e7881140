/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk that fails: the calls of disk.h, wrapped by the linker, which end or fail at a call that a
 * test names.
 *
 * They know what a kernel does that could not write something back: it tells whoever syncs next,
 * once, and then all looks well. And they end the process when somebody syncs what another thread
 * has written, who could be told instead. Tests only.
 */
#ifndef VSW_SCHEMA_CRASH_DISK_H
#define VSW_SCHEMA_CRASH_DISK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define CRASH_FDS 64

enum fault {
	FAULT_NONE,
	FAULT_KILL, /* before the call, or half way through a write */
	FAULT_POWER, /* the same, and what was not synced is lost */
	FAULT_POWER_RENAMED, /* the same, but a rename is not, as a file system may have it */
	FAULT_REFUSE, /* the call fails, and `more` after it */
	FAULT_LOSE, /* if it is a sync it fails, and nothing more of that file gets to the disk,
		     * though all later syncs are well */
	FAULT_HANG, /* syncs wait from this call on, until crash_go_on */
	FAULT_FULL, /* writes fail from this call on */
};

/* What the wrapped calls of this process do. Changed before any thread runs. */
struct crash_disk {
	enum fault fault;
	long at; /* number of the call */
	long more;
	long ends_at; /* FAULT_REFUSE: number of a call that the process ends in; 0: none */
	atomic_long calls;
	ino_t lost; /* the file of FAULT_LOSE; 0: none yet */
	pthread_t writer[CRASH_FDS]; /* who wrote to it last */
	off_t synced[CRASH_FDS]; /* bytes of the file that are on the disk, by descriptor */
	bool known[CRASH_FDS];
	char renamed_to[400]; /* by a rename that is not on the disk; "" if none */
	char renamed_old[420]; /* what was there; a link of the test's own */
	ino_t renamed_in; /* its folder */
};

extern struct crash_disk disk;

/* What was not synced is lost. */
void crash_lose_power(void);

/* Whether somebody hangs; wait until somebody does; end that. */
bool crash_hangs(void);
void crash_await(void);
void crash_go_on(void);

#endif
