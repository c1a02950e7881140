/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/mbuf_pools.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/log.h"

LOG_MODULE("mbuf");

#define MBUF_CACHE 256 /* buffers that a worker keeps at hand; divides MBUF_POOL_UNIT */
#define MBUF_OVERHEAD 46 /* Ethernet header, two tags, and what devices round up */

struct pool {
	TAILQ_ENTRY(pool) link;
	struct rte_mempool *mp;
	uint16_t room;
	unsigned int size;
	unsigned int reserved;
	bool keep; /* the first pool stays */
};

struct mbuf_pools {
	TAILQ_HEAD(, pool) list;
	unsigned int next_id;
};

static struct pool *
pool_create(struct mbuf_pools *pools, uint16_t room, unsigned int n, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	char name[32];

	if (pool == NULL) {
		(void)err_set(err, ERR_LIMIT, NULL, "out of memory");
		return NULL;
	}
	snprintf(name, sizeof(name), "mbuf_%u", pools->next_id++);
	pool->size = RTE_MAX(n, (unsigned int)MBUF_POOL_UNIT);
	pool->room = room;
	pool->mp = rte_pktmbuf_pool_create(name, pool->size, MBUF_CACHE, 0,
		(uint16_t)(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
	if (pool->mp == NULL) {
		(void)err_set(err, ERR_LIMIT, NULL,
			"no memory for %u packet buffers of %u bytes (%u MiB): %s; start vswitchd "
			"with a larger --memory",
			pool->size, room,
			(unsigned int)(((uint64_t)pool->size * (room + 384U)) >> 20),
			rte_strerror(rte_errno));
		free(pool);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&pools->list, pool, link);
	log_info("pool %s: %u buffers of %u bytes", name, pool->size, room);
	return pool;
}

static void
pool_destroy(struct mbuf_pools *pools, struct pool *pool)
{
	TAILQ_REMOVE(&pools->list, pool, link);
	rte_mempool_free(pool->mp);
	free(pool);
}

int
mbuf_pools_create(struct mbuf_pools **out, struct err *err)
{
	struct mbuf_pools *pools = calloc(1, sizeof(*pools));
	struct pool *pool;

	if (pools == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	TAILQ_INIT(&pools->list);
	pool = pool_create(pools, MBUF_ROOM_SMALL, MBUF_POOL_UNIT, err);
	if (pool == NULL) {
		free(pools);
		return -ENOMEM;
	}
	pool->keep = true;
	*out = pools;
	return 0;
}

void
mbuf_pools_destroy(struct mbuf_pools *pools)
{
	if (pools == NULL) {
		return;
	}
	while (!TAILQ_EMPTY(&pools->list)) {
		pool_destroy(pools, TAILQ_FIRST(&pools->list));
	}
	free(pools);
}

int
mbuf_pools_get(struct mbuf_pools *pools, uint16_t mtu, unsigned int n, struct rte_mempool **out,
	struct err *err)
{
	uint16_t room = mtu + MBUF_OVERHEAD <= MBUF_ROOM_SMALL ? MBUF_ROOM_SMALL : MBUF_ROOM_LARGE;
	struct pool *pool;

	TAILQ_FOREACH (pool, &pools->list, link) {
		if (pool->room == room && pool->size - pool->reserved >= n) {
			break;
		}
	}
	if (pool == NULL) {
		pool = pool_create(pools, room, n, err);
	}
	if (pool == NULL) {
		return -ENOMEM;
	}
	pool->reserved += n;
	*out = pool->mp;
	return 0;
}

/* A pool that nobody reserves from is freed when its last buffer is back; until then it stays. */
static void
pools_trim(struct mbuf_pools *pools)
{
	struct pool *pool = TAILQ_FIRST(&pools->list);

	while (pool != NULL) {
		struct pool *next = TAILQ_NEXT(pool, link);

		if (pool->reserved == 0 && !pool->keep && rte_mempool_full(pool->mp)) {
			pool_destroy(pools, pool);
		}
		pool = next;
	}
}

void
mbuf_pools_put(struct mbuf_pools *pools, struct rte_mempool *mp, unsigned int n)
{
	struct pool *pool;

	TAILQ_FOREACH (pool, &pools->list, link) {
		if (pool->mp == mp) {
			pool->reserved -= n;
		}
	}
	pools_trim(pools);
}

void
mbuf_pools_usage(struct mbuf_pools *pools, uint64_t *total, uint64_t *used)
{
	struct pool *pool;

	*total = 0;
	*used = 0;
	TAILQ_FOREACH (pool, &pools->list, link) {
		*total += pool->size;
		*used += rte_mempool_in_use_count(pool->mp);
	}
}
