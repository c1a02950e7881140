/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of a datapath: opening, views, and the order in which one is deleted (dp.h). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "datapath/dp/dp_keys.h"
#include "datapath/dp/dp_priv.h"

LOG_MODULE("dp");

#define GRACE_LATE (2 * CLOCK_S) /* when a waiting deletion is reported */
#define FLUSH_CALLS 20 /* slices of FDB_SLICE entries that one step forgets */

/* Ids are handed out in turn, so that one is not used again soon after it became free. */
static uint32_t
port_id_alloc(struct dp *dp)
{
	for (uint32_t i = 1; i < DP_PORTS_MAX; i++) {
		uint32_t id = (dp->last_port_id + i) % DP_PORTS_MAX;

		if (id != 0 && dp->ports[id] == NULL) {
			dp->last_port_id = id;
			return id;
		}
	}
	return 0;
}

static void
counters_sum(const struct dp *dp, uint32_t id, struct port_counters *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct port_counters *c = &dp->workers[w]->burst->ports[id];

		sum->rx_packets += __atomic_load_n(&c->rx_packets, __ATOMIC_RELAXED);
		sum->rx_bytes += __atomic_load_n(&c->rx_bytes, __ATOMIC_RELAXED);
		sum->tx_packets += __atomic_load_n(&c->tx_packets, __ATOMIC_RELAXED);
		sum->tx_bytes += __atomic_load_n(&c->tx_bytes, __ATOMIC_RELAXED);
		for (int r = 0; r < DROP_N; r++) {
			sum->drops[r] += __atomic_load_n(&c->drops[r], __ATOMIC_RELAXED);
		}
	}
}

void
dp_port_get_counters(const struct dp *dp, const struct dp_port *port, struct port_counters *out)
{
	counters_sum(dp, port->id, out);
	out->rx_packets -= port->base.rx_packets;
	out->rx_bytes -= port->base.rx_bytes;
	out->tx_packets -= port->base.tx_packets;
	out->tx_bytes -= port->base.tx_bytes;
	for (int r = 0; r < DROP_N; r++) {
		out->drops[r] -= port->base.drops[r];
	}
}

static void
device_missed(const struct dp_port *port, struct port_missed *missed)
{
	*missed = (struct port_missed){0};
	if (port->device->ops->missed != NULL) {
		port->device->ops->missed(port->device, missed);
	}
}

void
dp_port_get_missed(const struct dp_port *port, struct port_missed *missed)
{
	device_missed(port, missed);
	port_missed_sub(missed, &port->missed_base);
}

void
dp_port_clear_counters(struct dp *dp, struct dp_port *port)
{
	counters_sum(dp, port->id, &port->base);
	device_missed(port, &port->missed_base);
	dp_port_clear_flows(dp, port);
	dp_loss_clear_port(dp, port);
}

/* Each queue goes to the worker that has fewest; it stays there for the life of the port. */
static void
assign_queues(struct dp *dp, struct dp_port *port)
{
	for (uint16_t q = 0; q < port->device->n_rxq; q++) {
		unsigned int best = 0;

		for (unsigned int w = 1; w < dp->options.n_workers; w++) {
			if (dp->n_rxq[w] < dp->n_rxq[best]) {
				best = w;
			}
		}
		port->rxq_worker[q] = (int16_t)best;
		dp->n_rxq[best]++;
	}
}

static void
release_queues(struct dp *dp, const struct dp_port *port)
{
	for (uint16_t q = 0; q < port->device->n_rxq; q++) {
		dp->n_rxq[port->rxq_worker[q]]--;
	}
}

/* TX queues need a lock when two workers may choose the same one. */
static struct txq_lock *
tx_locks_create(const struct dp *dp, const struct port *device)
{
	struct txq_lock *locks = NULL;
	bool own_queue =
		(device->caps & PORT_CAP_TX_HASH) == 0 && device->n_txq >= dp->options.n_workers;

	if (dp->options.n_workers == 1 || own_queue) {
		return NULL;
	}
	if (posix_memalign((void **)&locks, RTE_CACHE_LINE_SIZE, device->n_txq * sizeof(*locks)) !=
		0) {
		abort();
	}
	memset(locks, 0, device->n_txq * sizeof(*locks));
	return locks;
}

int
dp_port_open(struct dp *dp, const struct port_ops *ops, const struct port_conf *conf,
	struct dp_port **out, struct err *err)
{
	uint32_t id = port_id_alloc(dp);
	struct dp_port *port;
	int rc;

	if (id == 0) {
		return err_set(err, ERR_LIMIT, NULL,
			"there are %u ports already, no more are possible", DP_PORTS_MAX - 1);
	}
	rc = ops->check(conf, err);
	if (rc != 0) {
		return rc;
	}
	port = calloc(1, sizeof(*port));
	if (port == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = ops->open(conf, &dp->env, &port->device, err);
	if (rc != 0) {
		free(port);
		return rc;
	}
	assert(port->device->n_rxq <= PORT_QUEUES_MAX && port->device->n_txq > 0);
	port->id = id;
	port->state = DP_PORT_OPEN;
	port->tx_locks = tx_locks_create(dp, port->device);
	counters_sum(dp, id, &port->base);
	dp_port_clear_flows(dp, port);
	dp_loss_open_port(dp, port);
	assign_queues(dp, port);
	dp->ports[id] = port;
	TAILQ_INSERT_TAIL(&dp->live, port, link);
	*out = port;
	return 0;
}

static struct port_view *
port_view_build(const struct dp_port *port, const struct dp_port_fwd *fwd)
{
	struct port_view *view = must_calloc(1, sizeof(*view));

	*view = (struct port_view){.id = port->id,
		.bridge = fwd->bridge == NULL ? 0 : fwd->bridge->id,
		.port = port->device,
		.tx_locks = port->tx_locks,
		.enabled = fwd->enabled,
		.mtu = fwd->mtu,
		.mac_limit = fwd->mac_limit,
		.vlan = fwd->vlan,
		.number = fwd->number};
	dp_port_policy_view(port, view);
	return view;
}

static void
move_to_bridge(struct dp *dp, struct dp_port *port, struct dp_bridge *bridge) ON_MAIN
{
	if (port->bridge != NULL) {
		port->bridge->n_members--;
		dp_bridge_touch(dp, port->bridge);
	}
	port->bridge = bridge;
	if (bridge != NULL) {
		bridge->n_members++;
		dp_bridge_touch(dp, bridge);
	}
}

/* A worker that still holds the old snapshot may learn once more; such an entry ages, and a port id
 * that is in another bridge is flooded to, not sent to. */
static void
flush_learned(struct dp_port *port) ON_MAIN
{
	if (port->bridge != NULL) {
		while (!fdb_flush(port->bridge->fdb, port->id, -1, false)) {
		}
	}
}

void
dp_port_set(struct dp *dp, struct dp_port *port, const struct dp_port_fwd *fwd)
{
	struct port_view *old = port->view;
	bool rebind = port->bridge != fwd->bridge;

	if (old != NULL &&
		(rebind || !fwd->enabled ||
			memcmp(&old->vlan, &fwd->vlan, sizeof(old->vlan)) != 0)) {
		flush_learned(port);
	}
	dp_port_policy_set(dp, port, fwd->policy);
	port->guard.up = dp_port_look(port);
	port->view = port_view_build(port, fwd);
	port->keys_stale = true;
	port->state = DP_PORT_PUBLISHED;
	if (rebind) {
		move_to_bridge(dp, port, fwd->bridge);
	} else {
		dp_bridge_touch(dp, port->bridge);
	}
	dp_port_captures_set(dp, port);
	dp_port_mirrors_set(dp, port);
	dp_retire(dp, free, old);
}

/* The last bursts before the grace period ended were counted too, and what the device missed. */
static void
port_tell_late(const struct dp *dp, const struct dp_port *port) ON_MAIN
{
	struct port_counters late;
	struct port_missed missed;

	if (dp->options.late == NULL || port->state == DP_PORT_OPEN || dp->workers[0] == NULL) {
		return;
	}
	dp_port_get_counters(dp, port, &late);
	late.rx_packets -= port->at_close.rx_packets;
	late.rx_bytes -= port->at_close.rx_bytes;
	late.tx_packets -= port->at_close.tx_packets;
	late.tx_bytes -= port->at_close.tx_bytes;
	for (int r = 0; r < DROP_N; r++) {
		late.drops[r] -= port->at_close.drops[r];
	}
	dp_port_get_missed(port, &missed);
	port_missed_sub(&missed, &port->missed_at_close);
	dp->options.late(dp->options.late_arg, port->device->name, &late, &missed);
}

static void
port_device_close(struct dp_port *port)
{
	port->device->ops->close(port->device, port->why);
	port->device = NULL;
	if (port->done != NULL) {
		port->done(port->done_arg);
	}
}

static void
port_free(struct dp *dp, struct dp_port *port)
{
	dp->ports[port->id] = NULL;
	free(port->tx_locks);
	dp_port_policy_free(port);
	free(port->captures);
	free(port->mirrors);
	free(port->loss.rows);
	free(port->view);
	free(port);
}

void
dp_port_close(struct dp *dp, struct dp_port *port, enum port_close why, void (*done)(void *arg),
	void *arg)
{
	dp_port_get_counters(dp, port, &port->at_close);
	dp_port_get_missed(port, &port->missed_at_close);
	port->why = why;
	port->done = done;
	port->done_arg = arg;
	TAILQ_REMOVE(&dp->live, port, link);
	release_queues(dp, port);
	if (port->state == DP_PORT_OPEN) {
		dp_loss_forget_port(dp, port);
		port_device_close(port);
		port_free(dp, port);
		return;
	}
	port->state = DP_PORT_DRAINING;
	if (port->bridge != NULL) {
		port->bridge->n_members--;
	}
	dp_bridge_touch(dp, port->bridge);
	dp_keys_drop_port(dp, port);
	dp_mirrors_forget_port(dp, port);
	port->token = 0;
	TAILQ_INSERT_TAIL(&dp->leaving, port, link);
}

/* True while workers still have rows of the port. */
static bool
port_sweep_step(struct dp *dp, const struct dp_port *port) ON_MAIN
{
	if (!dp_loss_swept(dp, port->sweep)) {
		return true;
	}
	dp_loss_forget_port(dp, port);
	return false;
}

/* One step on the way out; true while the port has to wait. */
static bool
port_leave_step(struct dp *dp, struct dp_port *port, uint64_t now) ON_MAIN
{
	switch (port->state) {
	case DP_PORT_DRAINING:
		if (port->token == 0 || !grace_passed(&dp->grace, port->token)) {
			if (port->since != 0 && now - port->since > GRACE_LATE) {
				log_warn("port %s: a worker has not passed a grace period for 2 s",
					port->device->name);
				port->since = 0;
			}
			return true;
		}
		port_tell_late(dp, port);
		port_device_close(port);
		port->state = DP_PORT_FLUSHING;
		return true;
	case DP_PORT_FLUSHING:
		for (int i = 0; i < FLUSH_CALLS; i++) {
			if (port->bridge == NULL ||
				fdb_flush(port->bridge->fdb, port->id, -1, true)) {
				port->token = grace_start(&dp->grace);
				port->state = DP_PORT_LEAVING;
				break;
			}
		}
		return true;
	case DP_PORT_LEAVING:
		if (!grace_passed(&dp->grace, port->token)) {
			return true;
		}
		port->sweep = dp_loss_sweep(dp);
		port->state = DP_PORT_SWEEPING;
		return port_sweep_step(dp, port);
	case DP_PORT_SWEEPING:
		return port_sweep_step(dp, port);
	default:
		assert(false);
		return false;
	}
}

bool
dp_ports_step(struct dp *dp, uint64_t now)
{
	struct dp_port *port = TAILQ_FIRST(&dp->leaving);

	while (port != NULL) {
		struct dp_port *next = TAILQ_NEXT(port, link);

		if (!port_leave_step(dp, port, now)) {
			TAILQ_REMOVE(&dp->leaving, port, link);
			port_free(dp, port);
		}
		port = next;
	}
	return !TAILQ_EMPTY(&dp->leaving);
}

void
dp_ports_shutdown(struct dp *dp, enum port_close why)
{
	struct dp_port *port;

	while ((port = TAILQ_FIRST(&dp->leaving)) != NULL) {
		TAILQ_REMOVE(&dp->leaving, port, link);
		if (port->device != NULL) {
			port_device_close(port);
		}
		port_free(dp, port);
	}
	while ((port = TAILQ_FIRST(&dp->live)) != NULL) {
		TAILQ_REMOVE(&dp->live, port, link);
		port->why = why;
		dp_keys_drop_port(dp, port);
		port_device_close(port);
		port_free(dp, port);
	}
}

struct port *
dp_port_device(const struct dp_port *port)
{
	return port->device;
}

uint32_t
dp_port_id(const struct dp_port *port)
{
	return port->id;
}

int
dp_port_rxq_worker(const struct dp_port *port, uint16_t queue)
{
	return port->state == DP_PORT_PUBLISHED && queue < port->device->n_rxq
		? port->rxq_worker[queue]
		: -1;
}

struct dp_port *
dp_port_by_id(const struct dp *dp, uint32_t id)
{
	return id < DP_PORTS_MAX ? dp->ports[id] : NULL;
}
