/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's policy, from what the caller lent to what workers see; and which ports live. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_priv.h"

/* --- storm limits ----------------------------------------------------------------------------- */

bool
dp_meter_conf_equal(const struct meter_conf *a, const struct meter_conf *b)
{
	return a->unit == b->unit && a->rate == b->rate && a->burst == b->burst;
}

struct meter *
dp_meter_new(const struct meter_conf *conf)
{
	struct meter *meter = NULL;

	if (posix_memalign((void **)&meter, RTE_CACHE_LINE_SIZE, sizeof(*meter)) != 0) {
		abort();
	}
	if (meter_init(meter, conf) != 0) {
		free(meter);
		return NULL;
	}
	return meter;
}

static void
storm_set(struct dp *dp, struct meter **slot, const struct meter_conf *conf)
{
	struct meter *old = *slot;

	if (old != NULL && dp_meter_conf_equal(&old->conf, conf)) {
		return;
	}
	*slot = NULL;
	if (conf->rate != 0) {
		*slot = dp_meter_new(conf);
		assert(*slot != NULL); /* the caller keeps to meter.h */
	}
	dp_retire(dp, free, old);
}

/* --- addresses -------------------------------------------------------------------------------- */

static void
spoof_set(struct dp *dp, struct spoof_view **slot, const struct spoof_view *spoof)
{
	struct spoof_view *old = *slot;

	if (old != NULL && spoof != NULL && memcmp(old, spoof, sizeof(*old)) == 0) {
		return;
	}
	*slot = NULL;
	if (spoof != NULL) {
		*slot = must_calloc(1, sizeof(**slot));
		**slot = *spoof;
	}
	dp_retire(dp, free, old);
}

/* --- the whole -------------------------------------------------------------------------------- */

void
dp_port_policy_set(struct dp *dp, struct dp_port *port, const struct dp_port_policy *policy)
{
	static const struct dp_port_policy none;
	struct port_guard *guard = &port->guard;

	if (policy == NULL) {
		policy = &none;
	}
	guard->acl_in = policy->acl_in;
	guard->acl_out = policy->acl_out;
	guard->protected_port = policy->protected_port;
	spoof_set(dp, &guard->spoof, policy->spoof);
	for (int kind = 0; kind < STORM_KINDS; kind++) {
		storm_set(dp, &guard->storm[kind], &policy->storm[kind]);
	}
}

void
dp_port_policy_view(const struct dp_port *port, struct port_view *view)
{
	const struct port_guard *guard = &port->guard;

	view->acl_in = dp_acl_view(guard->acl_in);
	view->acl_out = dp_acl_view(guard->acl_out);
	view->protected_port = guard->protected_port;
	view->spoof = guard->spoof;
	for (int kind = 0; kind < STORM_KINDS; kind++) {
		view->storm[kind] = guard->storm[kind];
	}
	view->live = view->enabled && guard->up;
}

void
dp_port_policy_free(struct dp_port *port)
{
	free(port->guard.spoof);
	for (int kind = 0; kind < STORM_KINDS; kind++) {
		free(port->guard.storm[kind]);
	}
}

/* A new view for a published port; its bridge's flows are decided again. */
static void
policy_renew(struct dp *dp, struct dp_port *port) ON_MAIN
{
	dp_port_view_renew(dp, port);
	dp_port_policy_view(port, port->view);
	dp_bridge_touch(dp, port->bridge);
}

void
dp_ports_acl_set(struct dp *dp, const struct dp_acl *acl)
{
	struct dp_port *port;

	TAILQ_FOREACH (port, &dp->live, link) {
		const struct port_guard *guard = &port->guard;

		if (port->state == DP_PORT_PUBLISHED &&
			(guard->acl_in == acl || guard->acl_out == acl)) {
			policy_renew(dp, port);
			port->keys_stale = true;
		}
	}
}

/* --- which ports live ------------------------------------------------------------------------- */

bool
dp_port_look(const struct dp_port *port)
{
	struct port_status status = {.oper = PORT_UP};

	port->device->ops->status(port->device, &status);
	return status.oper == PORT_UP;
}

bool
dp_ports_watch(struct dp *dp, const struct dp_bridge *bridge)
{
	struct dp_port *port;
	bool changed = false;

	TAILQ_FOREACH (port, &dp->live, link) {
		bool up;

		if (port->state != DP_PORT_PUBLISHED || port->bridge == NULL ||
			(bridge != NULL && port->bridge != bridge) ||
			!dp_group_watches(port->bridge, port->view->number)) {
			continue;
		}
		up = dp_port_look(port);
		if (up == port->guard.up) {
			continue;
		}
		port->guard.up = up;
		policy_renew(dp, port);
		changed = true;
	}
	return changed;
}
