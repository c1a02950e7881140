/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_macs.h"

#include "datapath/dp/dp_priv.h"

void
dp_tell_macs(struct dp *dp, bool tell)
{
	struct dp_bridge *bridge;

	dp->telling_macs = tell;
	TAILQ_FOREACH (bridge, &dp->bridge_list, link) {
		fdb_tell(bridge->fdb, tell);
	}
}

uint64_t
dp_bridge_macs_lost(const struct dp_bridge *bridge)
{
	return fdb_news_lost(bridge->fdb);
}

/* A share of a bridge's changes; how many there were. */
static unsigned int
bridge_take(struct dp *dp, struct dp_bridge *bridge, unsigned int max) ON_MAIN
{
	struct fdb_news news;
	unsigned int n = 0;

	while (n < max && fdb_news_take(bridge->fdb, &news)) {
		if (dp->options.mac != NULL) {
			dp->options.mac(dp->options.mac_arg, bridge, &news);
		}
		n++;
	}
	return n;
}

bool
dp_macs_step(struct dp *dp)
{
	unsigned int left = DP_MACS_A_STEP;
	struct dp_bridge *bridge;
	struct dp_bridge *next;

	if (!dp->telling_macs) {
		return false;
	}
	/* Who had something to say goes to the end of the list, so that all have their turn. */
	for (bridge = TAILQ_FIRST(&dp->bridge_list); bridge != NULL && left > 0; bridge = next) {
		struct dp_bridge *last = TAILQ_LAST(&dp->bridge_list, dp_bridge_list);
		unsigned int n = bridge_take(dp, bridge, RTE_MIN(left, DP_MACS_A_STEP / 4));

		next = TAILQ_NEXT(bridge, link);
		left -= n;
		if (n > 0 && bridge != last) {
			TAILQ_REMOVE(&dp->bridge_list, bridge, link);
			TAILQ_INSERT_TAIL(&dp->bridge_list, bridge, link);
		}
		if (bridge == last) {
			break;
		}
	}
	return left < DP_MACS_A_STEP;
}
