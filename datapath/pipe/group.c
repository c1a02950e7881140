/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/group.h"

#include <math.h>

#include "datapath/table/secret.h"

const struct group_view *
group_find(const struct bridge_view *bridge, uint32_t id)
{
	const uint32_t at = group_place(bridge->groups, bridge->n_groups, id);

	return at < bridge->n_groups && bridge->groups[at]->id == id ? bridge->groups[at] : NULL;
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

/*
 * The greater the weight, the earlier the first of its events: -ln(u) / weight with u even in (0,
 * 1) is exponentially distributed, and the least of those is each bucket's as often as its weight
 * says (weighted rendezvous).
 */
static double
arrival_of(const struct bucket_view *bucket, uint32_t hash)
{
	uint64_t state = hash ^ bucket->salt;
	const uint64_t random = secret_next(&state);

	return -log(((double)(random >> 11) + 0.5) * 0x1p-53) / bucket->weight;
}

const struct bucket_view *
group_select(const struct arrival *at, const struct group_view *group, uint32_t hash)
{
	const struct bucket_view *first = NULL;
	double least = 0;

	for (uint32_t i = 0; i < group->n_buckets; i++) {
		const struct bucket_view *bucket = &group->buckets[i];
		double arrival;

		if (bucket->weight == 0 || !group_bucket_lives(at, bucket)) {
			continue;
		}
		arrival = arrival_of(bucket, hash);
		if (first == NULL || arrival < least) {
			first = bucket;
			least = arrival;
		}
	}
	return first;
}
