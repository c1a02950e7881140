/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/group.h"

const struct group_view *
group_find(const struct bridge_view *bridge, uint32_t id)
{
	uint32_t low = 0;
	uint32_t high = bridge->n_groups;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (bridge->groups[middle]->id == id) {
			return bridge->groups[middle];
		}
		if (bridge->groups[middle]->id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

bool
group_bucket_lives(const struct arrival *at, const struct bucket_view *bucket)
{
	const struct port_view *port;

	if (bucket->watch == 0) {
		return true;
	}
	port = at->snap->numbers[bucket->watch];
	return port != NULL && port->bridge == at->bridge->id && port->live;
}

/* splitmix64's finish */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

const struct bucket_view *
group_select(const struct arrival *at, const struct group_view *group, uint32_t hash)
{
	uint64_t out = 0; /* buckets that are out of the draw */

	for (uint32_t draw = 0; draw < group->n_buckets; draw++) {
		uint64_t total = 0;
		uint64_t pick;
		uint32_t i;

		for (i = 0; i < group->n_buckets; i++) {
			total += (out >> i & 1) != 0 ? 0 : group->buckets[i].weight;
		}
		if (total == 0) {
			return NULL;
		}
		pick = mix(hash + (uint64_t)draw * UINT64_C(0x9e3779b97f4a7c15)) % total;
		for (i = 0; i < group->n_buckets; i++) {
			const uint64_t weight = (out >> i & 1) != 0 ? 0 : group->buckets[i].weight;

			if (pick < weight) {
				break;
			}
			pick -= weight;
		}
		if (group_bucket_lives(at, &group->buckets[i])) {
			return &group->buckets[i];
		}
		out |= UINT64_C(1) << i;
	}
	return NULL;
}
