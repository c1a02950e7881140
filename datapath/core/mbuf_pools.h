/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet buffers: pools that grow as ports ask.
 *
 * The daemon starts with one pool of MBUF_POOL_UNIT buffers. A port reserves in open() what its
 * queues can hold at once; when the pools of its buffer size have less than that unreserved,
 * another pool is made. Exhausted memory refuses the port with an error that names --memory. A pool
 * whose reservations have all been given back is freed once its buffers have come home.
 *
 * Two buffer sizes: MBUF_ROOM_SMALL for ports up to an MTU of 2002, MBUF_ROOM_LARGE up to 9702, so
 * that a frame with two tags fits one buffer.
 *
 * Threads: main only; the pools themselves are used by workers.
 */
#ifndef VSW_DATAPATH_CORE_MBUF_POOLS_H
#define VSW_DATAPATH_CORE_MBUF_POOLS_H

#include <rte_mempool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"

#define MBUF_POOL_UNIT 8192 /* buffers of the first pool and at least of each later one */
#define MBUF_ROOM_SMALL 2048 /* data bytes, headroom not included */
#define MBUF_ROOM_LARGE 9728

struct mbuf_pools;

/* Needs the EAL. Makes the first pool; -ENOMEM with `err` naming --memory if that fails. */
int mbuf_pools_create(struct mbuf_pools **out, struct err *err) ON_MAIN;
void mbuf_pools_destroy(struct mbuf_pools *pools) ON_MAIN;

/* Reserve n buffers that hold a frame of `mtu`; *pool stays valid until mbuf_pools_put. */
int mbuf_pools_get(struct mbuf_pools *pools, uint16_t mtu, unsigned int n,
	struct rte_mempool **pool, struct err *err) ON_MAIN;

/* Give a reservation back; the port must not hold buffers of its own any more. */
void mbuf_pools_put(struct mbuf_pools *pools, struct rte_mempool *pool, unsigned int n) ON_MAIN;

/* Buffers in all pools, and those in use now. */
void mbuf_pools_usage(struct mbuf_pools *pools, uint64_t *total, uint64_t *used) ON_MAIN;

#endif
