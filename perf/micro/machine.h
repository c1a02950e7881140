/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the figures come from: the processor, its caches, and the memory that tables lie in. */
#ifndef VSW_PERF_MICRO_MACHINE_H
#define VSW_PERF_MICRO_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MACHINE_CACHES 3 /* L1 (data), L2, L3 */

enum machine_pages {
	MACHINE_PAGES_AUTO, /* as the daemon: DPDK's memory in 2 MiB pages if they are free */
	MACHINE_PAGES_SMALL, /* 4 KiB everywhere */
	MACHINE_PAGES_HUGE, /* 2 MiB everywhere: reserved ones, else transparent ones */
};

struct machine {
	char model[128]; /* of the processor */
	double tsc_hz; /* of what bench_begin() reads */
	uint64_t caches[MACHINE_CACHES]; /* bytes; 0: unknown */
	int cpu; /* that we stay on, -1: any */
	bool heap_huge; /* DPDK's memory: mbufs, rte_hash */
	bool table_huge; /* what machine_advise() was called for */
};

/* Stay on `cpu` (-1: anywhere), and measure the counter's rate for `ms`. */
int machine_init(struct machine *machine, int cpu, unsigned int ms, struct err *err);

/* Start the EAL, with at least `mib` of memory, no devices and no need of privileges. */
int machine_start_eal(
	struct machine *machine, enum machine_pages pages, unsigned int mib, struct err *err);

/* Untouched memory of one's own: in 2 MiB pages if machine.table_huge. */
void machine_advise(const struct machine *machine, void *memory, uint64_t size);

/* "L1", "L2", "L3" or "DRAM": the nearest that holds so many bytes; "-" if that is unknown. */
const char *machine_level(const struct machine *machine, uint64_t bytes);

/* "2M" or "4k". */
const char *machine_pages_name(bool huge);

#endif
