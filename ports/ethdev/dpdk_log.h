/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's log as lines of ours, under the module "dpdk".
 *
 * DPDK reports most failures of a device only in its log. Whoever probes one takes a mark before
 * and the tail after: what the same thread had DPDK say at warning level or worse in between, so
 * that the error of the port can carry it. Lines that are known to be harmless are lowered by a
 * listed table.
 *
 * Threads: any; DPDK logs from its own threads, too. A mutex keeps the lines whole, so the packet
 * path must not cause DPDK to log.
 */
#ifndef VSW_PORTS_ETHDEV_DPDK_LOG_H
#define VSW_PORTS_ETHDEV_DPDK_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

#define DPDK_LOG_TAIL 5 /* lines kept */

/* Take over the log; before rte_eal_init, once. -errno if that fails: DPDK then writes itself. */
int dpdk_log_init(void);

/* A point in the log, for dpdk_log_tail. */
uint64_t dpdk_log_mark(void);

/* The lines of this thread since `mark`, joined with "; "; "" if there were none. */
void dpdk_log_tail(uint64_t mark, char *out, size_t size);

/* What becomes of a line: its level here. `dpdk_level` is RTE_LOG_*; for tests. */
enum log_level dpdk_log_level(uint32_t dpdk_level, const char *line);

#endif
