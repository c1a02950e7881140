/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/table/fdb_news.h"

#include "datapath/table/fdb_priv.h"

static_assert(
	(FDB_NEWS_SLOTS & (FDB_NEWS_SLOTS - 1)) == 0, "a power of two divides the counters' range");
static_assert(sizeof(struct fdb_news) == 24, "two and two thirds a line");

void
fdb_news_put(struct fdb *fdb, const struct fdb_news *news)
{
	struct fdb_news_ring *ring = &fdb->news;
	uint32_t taken = __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE);

	assert(fdb_is_locked(fdb));
	if (ring->put - taken == FDB_NEWS_SLOTS) {
		fdb_stat_inc(&ring->lost);
		return;
	}
	ring->slots[ring->put % FDB_NEWS_SLOTS] = *news;
	__atomic_store_n(&ring->put, ring->put + 1, __ATOMIC_RELEASE);
}

bool
fdb_news_take(struct fdb *fdb, struct fdb_news *news)
{
	struct fdb_news_ring *ring = &fdb->news;

	if (__atomic_load_n(&ring->put, __ATOMIC_ACQUIRE) == ring->taken) {
		return false;
	}
	*news = ring->slots[ring->taken % FDB_NEWS_SLOTS];
	__atomic_store_n(&ring->taken, ring->taken + 1, __ATOMIC_RELEASE);
	return true;
}

void
fdb_tell(struct fdb *fdb, bool tell)
{
	fdb_lock(fdb);
	fdb->telling = tell;
	/* Both ends are ours while the lock is. */
	__atomic_store_n(&fdb->news.taken, fdb->news.put, __ATOMIC_RELEASE);
	fdb_unlock(fdb);
}

uint64_t
fdb_news_lost(const struct fdb *fdb)
{
	return __atomic_load_n(&fdb->news.lost, __ATOMIC_RELAXED);
}
