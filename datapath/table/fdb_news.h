/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has changed in an FDB, on its way to main: for events of MAC addresses.
 *
 * One ring for each table, FDB_NEWS_SLOTS long. Writers are whoever holds the table's lock, so that
 * there is one at a time; the reader is main. A ring that is full loses the news and counts it: a
 * flood of learning costs a writer a few stores, and main what it chooses to take. Nothing is
 * written while main has not asked for it (fdb_tell).
 *
 * A flush is told once for each call of fdb_flush, with how many entries went. Static entries are
 * configuration, and are not told.
 *
 * Pages of the ring are taken when they are first written.
 */
#ifndef VSW_DATAPATH_TABLE_FDB_NEWS_H
#define VSW_DATAPATH_TABLE_FDB_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/table/fdb.h"

#define FDB_NEWS_SLOTS 4096U /* 128 KiB */

enum fdb_change {
	FDB_CHANGE_LEARNED,
	FDB_CHANGE_MOVED,
	FDB_CHANGE_AGED,
	FDB_CHANGE_EVICTED, /* to make room */
	FDB_CHANGE_FLUSHED, /* `count` of them; key is that of no address */
};

struct fdb_news {
	fdb_key_t key; /* FLUSHED: 0 */
	uint32_t port; /* where it is, or was; FDB_NO_PORT: a flush of all ports */
	uint32_t from; /* MOVED: where it was before; else FDB_NO_PORT */
	uint32_t count;
	int16_t vlan; /* FLUSHED: of which; -1: all */
	uint8_t change; /* enum fdb_change */
};

/* Let changes be told from now on, or no more; what was not taken yet is forgotten. */
void fdb_tell(struct fdb *fdb, bool tell) ON_MAIN;

/* The oldest; false: none. */
bool fdb_news_take(struct fdb *fdb, struct fdb_news *news) ON_MAIN;

/* News that found the ring full, since the start. Any thread. */
uint64_t fdb_news_lost(const struct fdb *fdb);

#endif
