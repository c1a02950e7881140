/* SPDX-License-Identifier: BSD-3-Clause */
/* Building and publishing snapshots. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_keys.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/dp_rules_priv.h"

void
dp_retire(struct dp *dp, void (*free_fn)(void *object), void *object)
{
	struct retired *retired;

	if (object == NULL) {
		return;
	}
	retired = must_calloc(1, sizeof(*retired));
	*retired = (struct retired){.free_fn = free_fn, .object = object};
	STAILQ_INSERT_TAIL(&dp->deferred, retired, link);
	dp->dirty = true;
}

/* The snapshot that no longer names them is out: their grace period begins. */
static void
grace_begin(struct dp *dp)
{
	uint64_t token = grace_start(&dp->grace);
	struct retired *retired;
	struct dp_port *port;

	STAILQ_FOREACH (retired, &dp->deferred, link) {
		retired->token = token;
	}
	STAILQ_CONCAT(&dp->retired, &dp->deferred);
	TAILQ_FOREACH (port, &dp->leaving, link) {
		if (port->state == DP_PORT_DRAINING && port->token == 0) {
			port->token = token;
			port->since = dp->now;
		}
	}
}

void
dp_snapshot_free(void *snapshot)
{
	snapshot_destroy(snapshot);
}

static struct bridge_view *
bridge_view_build(const struct dp *dp, const struct dp_bridge *bridge)
{
	struct bridge_view *view =
		must_calloc(1, sizeof(*view) + bridge->n_members * sizeof(view->members[0]));
	struct dp_port *port;

	view->id = bridge->id;
	view->version = dp->version;
	view->fdb = bridge->fdb;
	view->forward_reserved = bridge->conf.forward_reserved;
	view->n_meters = bridge->n_meters;
	view->meters = bridge->meters;
	view->n_groups = bridge->n_groups;
	view->groups = bridge->groups;
	TAILQ_FOREACH (port, &dp->live, link) {
		if (port->bridge == bridge && port->state == DP_PORT_PUBLISHED) {
			view->members[view->n_members++] = port->view;
		}
	}
	return view;
}

/* With other rules or views of its members: VLANs, policy and the version are as they were. */
static struct bridge_view *
bridge_view_copy(const struct dp *dp, const struct bridge_view *view)
{
	const size_t size = sizeof(*view) + view->n_members * sizeof(view->members[0]);
	struct bridge_view *copy = must_calloc(1, size);

	memcpy(copy, view, size);
	for (uint32_t m = 0; m < copy->n_members; m++) {
		copy->members[m] = dp->ports[copy->members[m]->id]->view;
	}
	return copy;
}

static void
workers_build(const struct dp *dp, struct snapshot *snap)
{
	const struct dp_port *port;

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned int w = 0; pass == 1 && w < snap->n_workers; w++) {
			struct worker_view *view = &snap->workers[w];

			view->rxq = must_calloc(view->n_rxq + 1, sizeof(*view->rxq));
			view->n_rxq = 0;
		}
		TAILQ_FOREACH (port, &dp->live, link) {
			if (port->state != DP_PORT_PUBLISHED) {
				continue;
			}
			for (uint16_t q = 0; q < port->device->n_rxq; q++) {
				struct worker_view *view = &snap->workers[port->rxq_worker[q]];

				if (pass == 1) {
					view->rxq[view->n_rxq] =
						(struct rxq_view){.port = port->view, .queue = q};
				}
				view->n_rxq++;
			}
		}
	}
}

void
dp_publish(struct dp *dp)
{
	const struct snapshot *old = dp->snapshot;
	struct dp_bridge *bridge;
	struct dp_port *port;
	struct snapshot *snap;

	if (!dp->dirty) {
		return;
	}
	snap = snapshot_create(dp->options.n_workers);
	snap->version = ++dp->version;
	TAILQ_FOREACH (bridge, &dp->bridge_list, link) {
		const struct rules_view *rules = dp_rules_view(dp, bridge);

		if (bridge->view_stale) {
			dp_retire(dp, free, bridge->view);
			bridge->view = bridge_view_build(dp, bridge);
			bridge->view_stale = false;
		} else if (bridge->view->rules != rules || bridge->members_stale) {
			dp_retire(dp, free, bridge->view);
			bridge->view = bridge_view_copy(dp, bridge->view);
		}
		bridge->members_stale = false;
		if (bridge->view->rules != rules) {
			bridge->view->rules = rules; /* nobody sees the view yet */
		}
		snap->bridges[bridge->id] = bridge->view;
	}
	dp_keys_refresh(dp);
	TAILQ_FOREACH (port, &dp->live, link) {
		if (port->state == DP_PORT_PUBLISHED) {
			snap->ports[port->id] = port->view;
			snap->numbers[port->view->number] = port->view;
			snap->keys[port->id] = dp_keys_of(port);
		}
	}
	snap->numbers[0] = NULL;
	workers_build(dp, snap);
	__atomic_store_n(&dp->snapshot, snap, __ATOMIC_RELEASE);
	dp->n_waiting += old != NULL;
	dp_retire(dp, dp_snapshot_free, (void *)(uintptr_t)old);
	grace_begin(dp);
	dp->dirty = false;
}

void
dp_bridge_touch(struct dp *dp, struct dp_bridge *bridge)
{
	if (bridge != NULL) {
		bridge->view_stale = true;
	}
	dp->dirty = true;
}
