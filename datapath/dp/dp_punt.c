/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_punt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "datapath/dp/dp_priv.h"

static uint64_t
lost_sum(const struct dp *dp, uint32_t id)
{
	uint64_t sum = 0;

	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		sum += punt_lost(dp->workers[w]->burst->punts, id);
	}
	return sum;
}

static uint32_t
punt_rate(const struct dp_bridge *bridge)
{
	return bridge->conf.punt_rate != 0 ? bridge->conf.punt_rate : DP_PUNT_RATE_DEFAULT;
}

static void
meter_start(struct dp_bridge *bridge)
{
	uint32_t rate = punt_rate(bridge);
	int rc = meter_init(bridge->punt_meter,
		&(struct meter_conf){.unit = METER_PACKETS, .rate = rate, .burst = rate});

	assert(rc == 0); /* any 32-bit rate and a second of it are within a meter's range */
	(void)rc;
}

int
dp_punt_init(const struct dp *dp, struct dp_bridge *bridge)
{
	if (posix_memalign((void **)&bridge->punt_meter, RTE_CACHE_LINE_SIZE,
		    sizeof(*bridge->punt_meter)) != 0) {
		return -ENOMEM;
	}
	meter_start(bridge);
	dp_punt_clear(dp, bridge);
	return 0;
}

void
dp_punt_fini(struct dp_bridge *bridge)
{
	free(bridge->punt_meter);
}

void
dp_punt_set(struct dp_bridge *bridge)
{
	if (bridge->punt_meter->conf.rate != punt_rate(bridge)) {
		meter_start(bridge);
	}
}

void
dp_punt_clear(const struct dp *dp, struct dp_bridge *bridge)
{
	bridge->punts = (struct dp_punt_stats){.lost = lost_sum(dp, bridge->id)};
}

static void
punt_pass(struct dp *dp, const struct punted *punted, uint64_t now) ON_MAIN
{
	struct dp_bridge *bridge = dp_bridge_by_id(dp, punted->bridge);

	if (bridge == NULL) {
		return; /* it was deleted since, its counters with it */
	}
	if (!meter_pass(bridge->punt_meter, punted->frame_len, now)) {
		bridge->punts.limited++;
		return;
	}
	bridge->punts.punted++;
	if (dp->options.punt != NULL) {
		dp->options.punt(dp->options.punt_arg, punted);
	}
}

bool
dp_punts_step(struct dp *dp, uint64_t now)
{
	bool any = false;

	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		struct punt_queue *queue = dp->workers[w]->burst->punts;

		/* Not more than it can hold: a worker that puts all the time does not keep us. */
		for (unsigned int i = 0; i < PUNT_SLOTS && punt_take(queue, &dp->punted); i++) {
			punt_pass(dp, &dp->punted, now);
			any = true;
		}
	}
	return any;
}

void
dp_bridge_get_punts(
	const struct dp *dp, const struct dp_bridge *bridge, struct dp_punt_stats *stats)
{
	*stats = bridge->punts;
	stats->lost = lost_sum(dp, bridge->id) - bridge->punts.lost;
}
