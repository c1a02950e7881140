/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters of a bridge: an array by rising id, replaced as a whole when one comes or goes. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_priv.h"

/* Where the id is (true) or would have to be. */
static bool
find(const struct dp_bridge *bridge, uint32_t id, uint32_t *at)
{
	*at = meter_place(bridge->meters, bridge->n_meters, id);
	return *at < bridge->n_meters && bridge->meters[*at].id == id;
}

/* A copy with `cut` places less and `grow` more at `at`; the old one is for workers' last look. */
static void
change(struct dp *dp, struct dp_bridge *bridge, uint32_t at, uint32_t cut, uint32_t grow)
{
	struct meter_view *old = bridge->meters;
	uint32_t n = bridge->n_meters;
	struct meter_view *meters = must_calloc(n - cut + grow, sizeof(*meters));

	if (n > 0) {
		memcpy(meters, old, at * sizeof(*meters));
		memcpy(meters + at + grow, old + at + cut, (n - at - cut) * sizeof(*meters));
	}
	bridge->meters = meters;
	bridge->n_meters = n - cut + grow;
	dp_retire(dp, free, old);
	dp_bridge_touch(dp, bridge);
}

int
dp_bridge_set_meter(struct dp *dp, struct dp_bridge *bridge, uint32_t id,
	const struct meter_conf *conf, struct err *err)
{
	struct meter *old = NULL;
	struct meter *meter;
	uint32_t at;

	if (find(bridge, id, &at)) {
		old = bridge->meters[at].meter;
		if (dp_meter_conf_equal(&old->conf, conf)) {
			return 0;
		}
	} else if (bridge->n_meters == DP_METERS_MAX) {
		return err_set(err, ERR_LIMIT, NULL,
			"the bridge has %d meters already, no more are possible", DP_METERS_MAX);
	}
	meter = dp_meter_new(conf);
	if (meter == NULL) {
		return err_set(err, ERR_INVALID, "burst",
			"a meter's rate is 1 to 10^12 a second, and its burst no more than a "
			"minute's worth");
	}
	change(dp, bridge, at, old != NULL, 1);
	bridge->meters[at] = (struct meter_view){.id = id, .meter = meter};
	dp_retire(dp, free, old);
	return 0;
}

void
dp_bridge_del_meter(struct dp *dp, struct dp_bridge *bridge, uint32_t id)
{
	struct meter *old;
	uint32_t at;

	if (!find(bridge, id, &at)) {
		return;
	}
	old = bridge->meters[at].meter;
	change(dp, bridge, at, 1, 0);
	dp_retire(dp, free, old);
}

bool
dp_bridge_get_meter(
	const struct dp_bridge *bridge, uint32_t id, uint64_t *passed, uint64_t *dropped)
{
	uint32_t at;

	if (!find(bridge, id, &at)) {
		return false;
	}
	*passed = __atomic_load_n(&bridge->meters[at].meter->passed, __ATOMIC_RELAXED);
	*dropped = __atomic_load_n(&bridge->meters[at].meter->dropped, __ATOMIC_RELAXED);
	return true;
}

void
dp_bridge_free_meters(struct dp *dp, struct dp_bridge *bridge)
{
	for (uint32_t i = 0; i < bridge->n_meters; i++) {
		dp_retire(dp, free, bridge->meters[i].meter);
	}
	dp_retire(dp, free, bridge->meters);
	bridge->meters = NULL;
	bridge->n_meters = 0;
}
