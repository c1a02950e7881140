/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests with mbufs share: the EAL as a plain user has it, pools, and chains cut at random. */
#ifndef VSW_DATAPATH_CORE_EAL_TEST_H
#define VSW_DATAPATH_CORE_EAL_TEST_H

#include <rte_mbuf.h>
#include <stdint.h>

#include "tests/random.h"

/* Once per process, without hugepages and devices; aborts when it fails. `mib` of memory. */
void eal_test_start(unsigned int mib);

/* `n` buffers of `room` bytes and the usual headroom; aborts without memory. */
struct rte_mempool *eal_test_pool(unsigned int n, uint16_t room);

/*
 * A chain with these bytes: the first segment has `first` of them, the others between 1 and what
 * `random` (a xorshift state) says.
 */
struct rte_mbuf *eal_test_chain(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len,
	uint32_t first, uint64_t *random);

/* All bytes of a chain, after a check of its lengths. */
uint32_t eal_test_bytes(const struct rte_mbuf *mbuf, uint8_t *bytes);

#endif
