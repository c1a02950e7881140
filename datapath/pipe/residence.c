/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/residence.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/pipe/snapshot.h"

int
residence_init(struct residence *residence)
{
	/* Large and mostly untouched: zero pages until a port with that id has a sample. */
	*residence = (struct residence){.until = 1};
	residence->ports = calloc(DP_PORTS_MAX, sizeof(*residence->ports));
	return residence->ports == NULL ? -ENOMEM : 0;
}

void
residence_fini(struct residence *residence)
{
	free(residence->ports);
	residence->ports = NULL;
}

unsigned int
residence_bucket(uint64_t ns)
{
	const unsigned int bits = ns == 0 ? 0 : 64 - (unsigned int)__builtin_clzll(ns);

	if (bits <= RESIDENCE_FIRST) {
		return 0;
	}
	return RTE_MIN(bits - RESIDENCE_FIRST, RESIDENCE_BUCKETS - 1);
}

void
residence_end(struct residence *residence, uint32_t port, uint64_t begin, uint16_t n)
{
	struct residence_times *times = &residence->ports[port];
	const uint64_t end = clock_now();
	const uint64_t ns = end > begin ? end - begin : 0;

	port_count(&times->packets[residence_bucket(ns)], n);
	/* Main may put it back to 0 meanwhile: then one of the two happened first. */
	if (ns > __atomic_load_n(&times->max, __ATOMIC_RELAXED)) {
		__atomic_store_n(&times->max, ns, __ATOMIC_RELAXED);
	}
}

void
residence_add(const struct residence *residence, uint32_t port, struct residence_times *sum)
{
	const struct residence_times *times = &residence->ports[port];
	const uint64_t max = __atomic_load_n(&times->max, __ATOMIC_RELAXED);

	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		sum->packets[i] += __atomic_load_n(&times->packets[i], __ATOMIC_RELAXED);
	}
	sum->max = RTE_MAX(sum->max, max);
}

void
residence_clear_max(struct residence *residence, uint32_t port)
{
	__atomic_store_n(&residence->ports[port].max, 0, __ATOMIC_RELAXED);
}

uint64_t
residence_quantile(const struct residence_times *times, unsigned int per_mille)
{
	uint64_t total = 0;
	uint64_t below = 0;

	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		total += times->packets[i];
	}
	for (unsigned int i = 0; total > 0 && i < RESIDENCE_BUCKETS; i++) {
		below += times->packets[i];
		if (below * 1000 >= total * per_mille) {
			const uint64_t end = UINT64_C(1) << (i + RESIDENCE_FIRST);

			return i + 1 == RESIDENCE_BUCKETS ? times->max : RTE_MIN(end, times->max);
		}
	}
	return 0;
}
