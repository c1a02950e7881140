/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/gmem.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "ports/vhost/peer_map.h"

/* Pages that are there cost up to a microsecond each, those that are not nearly nothing. */
#define SLICE_MIN (UINT64_C(2) << 20)
#define SLICE_MAX (UINT64_C(16) << 20)
#define SLICE_NS 200000 /* that one should take */
#define WHAT_SIZE 48

struct gmem_map {
	struct peer_map map;
	uint32_t tables; /* that have it */
	struct gmem_map *next; /* in the reaper's queue */
};

static int
no_memory(struct err *err)
{
	(void)err_set(err, ERR_LIMIT, NULL, "out of memory for the memory table");
	return -ENOMEM;
}

/* An empty table with room for `n` regions. */
static struct gmem *
table_new(uint32_t n)
{
	return calloc(1, sizeof(struct gmem) + n * sizeof(struct gmem_region));
}

/* At its place in the order; room is there. */
static void
table_insert(struct gmem *gmem, const struct gmem_region *region)
{
	uint32_t i = gmem->n++;

	for (; i > 0 && gmem->regions[i - 1].gpa > region->gpa; i--) {
		gmem->regions[i] = gmem->regions[i - 1];
	}
	gmem->regions[i] = *region;
	region->map->tables++;
}

/* A table of which nothing was ever touched: what it alone has is unmapped at once. */
static void
table_drop(struct gmem *gmem) ON_MAIN
{
	struct gmem_reaper reaper = {0};

	gmem_free(gmem, &reaper);
	while (gmem_reap(&reaper)) {
	}
}

/* Neither range of the two may have an address of the other's. Sizes and sums are checked. */
static bool
ranges_meet(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int
check_overlap(
	const struct gmem *gmem, const struct gmem_desc *desc, const char *what, struct err *err)
{
	uint64_t total = desc->size;

	for (uint32_t i = 0; i < gmem->n; i++) {
		const struct gmem_region *other = &gmem->regions[i];

		if (ranges_meet(desc->gpa, desc->size, other->gpa, other->size)) {
			return err_set(err, ERR_INVALID, NULL,
				"%s: its 0x%" PRIx64 " bytes overlap the region at 0x%" PRIx64
				", which has 0x%" PRIx64,
				what, desc->size, other->gpa, other->size);
		}
		if (ranges_meet(desc->user, desc->size, other->user, other->size)) {
			return err_set(err, ERR_INVALID, NULL,
				"%s: its 0x%" PRIx64 " bytes at front-end address 0x%" PRIx64
				" overlap the region at 0x%" PRIx64,
				what, desc->size, desc->user, other->gpa);
		}
		total += other->size;
	}
	if (total > GMEM_REGION_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"%s: with it the guest has 0x%" PRIx64 " bytes; at most 0x%" PRIx64
			" can be mapped",
			what, total, GMEM_REGION_MAX);
	}
	return 0;
}

/* What can be said of a region without its file and its neighbours. */
static int
check_desc(const struct gmem_desc *desc, const char *what, struct err *err)
{
	if (desc->size == 0) {
		return err_set(err, ERR_INVALID, NULL, "%s: its size is 0", what);
	}
	if (desc->size > GMEM_REGION_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"%s: it has 0x%" PRIx64 " bytes; at most 0x%" PRIx64 " can be mapped", what,
			desc->size, GMEM_REGION_MAX);
	}
	if (desc->gpa > UINT64_MAX - desc->size || desc->user > UINT64_MAX - desc->size) {
		return err_set(err, ERR_INVALID, NULL,
			"%s: its 0x%" PRIx64 " bytes, at front-end address 0x%" PRIx64
			", go on beyond the last address",
			what, desc->size, desc->user);
	}
	return 0;
}

/* Check, map and insert one region. Does not take the descriptor. */
static int
table_map(struct gmem *gmem, uint32_t number, const struct gmem_desc *desc, int fd,
	bool require_seals, atomic_bool *gone, struct err *err) ON_MAIN
{
	char what[WHAT_SIZE];
	const struct peer_part part = {
		.what = what,
		.offset = desc->offset,
		.size = desc->size,
		.require_seals = require_seals,
	};
	struct gmem_map *map;
	int ret;

	(void)snprintf(what, sizeof(what), "region %u at 0x%" PRIx64, number, desc->gpa);
	ret = check_desc(desc, what, err);
	if (ret == 0) {
		ret = check_overlap(gmem, desc, what, err);
	}
	if (ret != 0) {
		return ret;
	}
	map = calloc(1, sizeof(*map));
	if (map == NULL) {
		return no_memory(err);
	}
	ret = peer_map_make(&map->map, fd, &part, gone, err);
	if (ret != 0) {
		free(map);
		return ret;
	}
	table_insert(gmem,
		&(struct gmem_region){
			.gpa = desc->gpa,
			.size = desc->size,
			.host = map->map.bytes,
			.user = desc->user,
			.map = map,
		});
	return 0;
}

static int
check_count(uint32_t n, struct err *err)
{
	if (n > GMEM_REGIONS_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"the memory has %u regions; at most %u can be used", n, GMEM_REGIONS_MAX);
	}
	return 0;
}

static int
create(const struct gmem_desc *descs, const int *fds, uint32_t n, bool require_seals,
	atomic_bool *gone, struct gmem **out, struct err *err) ON_MAIN
{
	struct gmem *gmem;
	int ret = check_count(n, err);

	if (ret != 0) {
		return ret;
	}
	gmem = table_new(n);
	if (gmem == NULL) {
		return no_memory(err);
	}
	for (uint32_t i = 0; i < n; i++) {
		ret = table_map(gmem, i, &descs[i], fds[i], require_seals, gone, err);
		if (ret != 0) {
			table_drop(gmem);
			return ret;
		}
	}
	*out = gmem;
	return 0;
}

int
gmem_create(const struct gmem_desc *descs, const int *fds, uint32_t n, bool require_seals,
	atomic_bool *gone, struct gmem **out, struct err *err)
{
	const int ret = create(descs, fds, n, require_seals, gone, out, err);

	for (uint32_t i = 0; i < n; i++) {
		(void)close(fds[i]);
	}
	return ret;
}

/* A table with room for one more, and all regions of `old` but `without` (NULL: all). */
static struct gmem *
table_copy(const struct gmem *old, const struct gmem_region *without)
{
	const uint32_t n = old == NULL ? 0 : old->n;
	struct gmem *gmem = table_new(n + 1);

	for (uint32_t i = 0; gmem != NULL && i < n; i++) {
		if (&old->regions[i] != without) {
			table_insert(gmem, &old->regions[i]);
		}
	}
	return gmem;
}

static int
with(const struct gmem *old, const struct gmem_desc *desc, int fd, bool require_seals,
	atomic_bool *gone, struct gmem **out, struct err *err) ON_MAIN
{
	const uint32_t n = old == NULL ? 0 : old->n;
	struct gmem *gmem;
	int ret = check_count(n + 1, err);

	if (ret != 0) {
		return ret;
	}
	gmem = table_copy(old, NULL);
	if (gmem == NULL) {
		return no_memory(err);
	}
	ret = table_map(gmem, n, desc, fd, require_seals, gone, err);
	if (ret != 0) {
		table_drop(gmem);
		return ret;
	}
	*out = gmem;
	return 0;
}

int
gmem_with(const struct gmem *old, const struct gmem_desc *desc, int fd, bool require_seals,
	atomic_bool *gone, struct gmem **out, struct err *err)
{
	const int ret = with(old, desc, fd, require_seals, gone, out, err);

	(void)close(fd);
	return ret;
}

static const struct gmem_region *
find(const struct gmem *gmem, const struct gmem_desc *desc)
{
	for (uint32_t i = 0; gmem != NULL && i < gmem->n; i++) {
		const struct gmem_region *region = &gmem->regions[i];

		if (region->gpa == desc->gpa && region->user == desc->user &&
			region->size == desc->size) {
			return region;
		}
	}
	return NULL;
}

bool
gmem_has(const struct gmem *gmem, const struct gmem_desc *desc)
{
	return find(gmem, desc) != NULL;
}

int
gmem_without(
	const struct gmem *old, const struct gmem_desc *desc, struct gmem **out, struct err *err)
{
	const struct gmem_region *without = find(old, desc);
	struct gmem *gmem;

	if (without == NULL) {
		return err_set(err, ERR_MISSING, NULL,
			"there is no region of 0x%" PRIx64 " bytes at 0x%" PRIx64
			", front-end address 0x%" PRIx64 ", to remove",
			desc->size, desc->gpa, desc->user);
	}
	gmem = table_copy(old, without);
	if (gmem == NULL) {
		return no_memory(err);
	}
	*out = gmem;
	return 0;
}

void
gmem_free(struct gmem *gmem, struct gmem_reaper *reaper)
{
	if (gmem == NULL) {
		return;
	}
	for (uint32_t i = 0; i < gmem->n; i++) {
		struct gmem_map *map = gmem->regions[i].map;

		if (--map->tables == 0) {
			peer_map_release(&map->map);
			map->next = reaper->first;
			reaper->first = map;
			reaper->n++;
		}
	}
	free(gmem);
}

/* True if more is left. Any thread that has the queue. */
static bool
reap_slice(struct gmem_reaper *reaper)
{
	struct gmem_map *map = reaper->first;
	uint64_t began;

	if (map == NULL) {
		return false;
	}
	if (reaper->slice == 0) {
		reaper->slice = SLICE_MIN;
	}
	began = clock_now();
	if (!peer_map_unmap(&map->map, reaper->slice)) {
		reaper->first = map->next;
		reaper->n--;
		free(map);
	}
	reaper->slice = clock_now() - began > SLICE_NS ? SLICE_MIN : SLICE_MAX;
	return reaper->first != NULL;
}

bool
gmem_reap(struct gmem_reaper *reaper)
{
	const uint64_t end = clock_now() + CLOCK_MS;

	while (reap_slice(reaper)) {
		if (clock_now() >= end) {
			break;
		}
	}
	return reaper->first != NULL;
}

/*
 * What deleted ports left: one thread of the process unmaps it, however many there are, and ends
 * when there is nothing.
 */
struct estate {
	struct gmem_reaper reaper;
	struct estate *next;
};

static struct {
	pthread_mutex_t lock;
	struct estate *first;
	bool runs; /* the thread is there, and will look again */
} aside = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The next one for the thread; NULL: it ends. */
static struct estate *
aside_take(void)
{
	struct estate *estate;

	(void)pthread_mutex_lock(&aside.lock);
	estate = aside.first;
	if (estate == NULL) {
		aside.runs = false;
	} else {
		aside.first = estate->next;
	}
	(void)pthread_mutex_unlock(&aside.lock);
	return estate;
}

static void *
reap_all(void *arg)
{
	struct estate *estate;

	while ((estate = aside_take()) != NULL) {
		while (reap_slice(&estate->reaper)) {
		}
		free(estate);
	}
	return arg;
}

/* False: there is no thread for it. */
static bool
aside_give(struct estate *estate)
{
	bool runs;

	(void)pthread_mutex_lock(&aside.lock);
	if (!aside.runs) {
		aside.runs = thread_start("vhost-unmap", 0, reap_all, NULL, NULL) == 0;
	}
	runs = aside.runs;
	if (runs) {
		estate->next = aside.first;
		aside.first = estate;
	}
	(void)pthread_mutex_unlock(&aside.lock);
	return runs;
}

void
gmem_reap_aside(struct gmem_reaper *reaper)
{
	struct estate *estate;

	if (!gmem_reap(reaper)) {
		return; /* a small one is not worth a thread */
	}
	estate = malloc(sizeof(*estate));
	if (estate != NULL) {
		estate->reaper = *reaper;
		if (aside_give(estate)) {
			*reaper = (struct gmem_reaper){0};
			return;
		}
		free(estate);
	}
	while (gmem_reap(reaper)) {
	}
}

/* The region that has all of [user, user + len). */
static const struct gmem_region *
region_of_user(const struct gmem *gmem, uint64_t user, uint64_t len)
{
	for (uint32_t i = 0; i < gmem->n; i++) {
		const struct gmem_region *region = &gmem->regions[i];
		const uint64_t off = user - region->user;

		if (off < region->size && len <= region->size - off) {
			return region;
		}
	}
	return NULL;
}

uint8_t *
gmem_user(const struct gmem *gmem, uint64_t user, uint64_t len)
{
	const struct gmem_region *region = region_of_user(gmem, user, len);

	return region == NULL ? NULL : region->host + (user - region->user);
}

bool
gmem_user_gpa(const struct gmem *gmem, uint64_t user, uint64_t len, uint64_t *gpa)
{
	const struct gmem_region *region = region_of_user(gmem, user, len);

	if (region == NULL) {
		return false;
	}
	*gpa = region->gpa + (user - region->user);
	return true;
}
