/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port tells of itself: one sentence, or all there is. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/vhost/vhost_offers.h"
#include "ports/vhost/vhost_priv.h"

bool
port_is_vhost(const struct port *port)
{
	return port->ops == &port_vhost_ops;
}

static enum vq_fault
ring_fault(const struct vhost_port *vp, uint16_t ring)
{
	return (enum vq_fault)atomic_load_explicit(&vp->vqs[ring].fault, memory_order_relaxed);
}

/* --- status ---------------------------------------------------------------------------------- */

static void
reason_detached(const struct vhost_port *vp, char *reason) ON_MAIN
{
	const char *path = vp->path;

	if (vp->link.memory_refused) {
		str_copy(reason, PORT_SHARE_HINT, PORT_REASON_SIZE);
		return;
	}
	if (vp->link.lost[0] != '\0') {
		str_appendf(reason, PORT_REASON_SIZE, "the front end was disconnected: %s; ",
			vp->link.lost);
	}
	if (!vp->conf.client) {
		str_appendf(reason, PORT_REASON_SIZE, "waiting for a guest to connect to %s", path);
	} else if (access(path, F_OK) != 0) {
		str_appendf(reason, PORT_REASON_SIZE, "client: waiting for %s to appear: %s", path,
			strerror(errno));
	} else {
		str_appendf(reason, PORT_REASON_SIZE,
			"client: waiting for a server to listen on %s", path);
	}
}

/* The guest's driver has begun, and there is no memory: kept to itself, or refused. */
static void
reason_no_memory(const struct vhost_port *vp, char *reason) ON_MAIN
{
	const char *last = vp->link.last_error;

	if (strstr(last, "_MEM_") == NULL) {
		str_copy(reason, PORT_SHARE_HINT, PORT_REASON_SIZE);
		return;
	}
	reason[0] = '\0';
	str_appendf(reason, PORT_REASON_SIZE, "guest memory was refused: %s", last);
}

/* Connected, and no ring runs. */
static void
reason_idle(const struct vhost_port *vp, char *reason) ON_MAIN
{
	const struct vu_device *device = &vp->device;
	bool started = false;
	bool enabled = false;

	if (vp->link.memory_missing) {
		reason_no_memory(vp, reason);
		return;
	}
	for (uint16_t i = 0; i < device->n_rings; i++) {
		const struct vu_ring *ring = &device->rings[i];

		started |= ring->started;
		enabled |= ring->started && ring->enabled;
		if (ring->started && ring->enabled && reason[0] == '\0') {
			str_appendf(reason, PORT_REASON_SIZE, "ring %u does not run: %s", i,
				vu_device_ring_why(device, i));
		}
	}
	if (!started) {
		str_copy(reason,
			vp->link.ran ? "connected; the guest's driver has stopped the device"
				: device->has_features
				? "the guest's driver is starting the device"
				: "connected; the guest's driver has not started the device",
			PORT_REASON_SIZE);
	} else if (!enabled) {
		str_copy(reason, "the guest has disabled all queues", PORT_REASON_SIZE);
	}
}

void
vhost_status(const struct port *port, struct port_status *status)
{
	const struct vhost_port *vp = vhost_port_of(port);
	unsigned int n_sound = 0;
	unsigned int n_run = 0;

	role_assert(&role_main);
	*status = (struct port_status){.oper = PORT_NO_GUEST};
	if (!vp->link.begun) {
		if (vp->link.conn == NULL) {
			reason_detached(vp, status->reason);
		} else {
			str_copy(status->reason,
				"connected; workers are still busy with the last guest",
				PORT_REASON_SIZE);
		}
		return;
	}
	for (uint16_t i = 0; i < vp->device.n_rings; i++) {
		const enum vq_fault fault = ring_fault(vp, i);

		if (vu_device_ring_view(&vp->device, i) == NULL) {
			continue;
		}
		n_run++;
		if (fault == VQ_FAULT_NONE) {
			uint16_t *n = i % 2 == 0 ? &status->n_txq : &status->n_rxq;

			n_sound++;
			*n = (uint16_t)(i / 2 + 1);
		} else if (status->reason[0] == '\0') {
			str_appendf(status->reason, PORT_REASON_SIZE, "ring %u is stopped: %s", i,
				vq_fault_text(fault));
		}
	}
	if (n_sound > 0) {
		status->oper = PORT_UP;
	} else if (n_run > 0) {
		status->oper = PORT_STOPPED;
	} else {
		reason_idle(vp, status->reason);
	}
}

/* --- all there is ---------------------------------------------------------------------------- */

void
vhost_port_info(const struct port *port, struct vhost_info *info)
{
	const struct vhost_port *vp = vhost_port_of(port);
	const struct vu_device *device = &vp->device;
	const struct vhost_link *link = &vp->link;

	*info = (struct vhost_info){
		.offered = link->begun ? device->offers : vhost_offers(&vp->conf),
		.acknowledged = device->features,
		.protocol = device->protocol,
		.guest_mtu = device->mtu,
		.n_rings = device->n_rings,
		.logging = device->log != NULL && (device->features & VU_F_LOG_ALL) != 0,
		.n_connections = link->n_connections,
		.n_refused = link->n_refused,
		.n_history = link->n_history,
	};
	str_copy(info->last_error, link->last_error, sizeof(info->last_error));
	memcpy(info->history, link->history, sizeof(info->history));
	if (link->conn != NULL) {
		info->history[0].messages = vu_conn_messages(link->conn);
	}
	for (uint32_t i = 0; device->memory != NULL && i < device->memory->n; i++) {
		info->n_regions++;
		info->memory += device->memory->regions[i].size;
	}
}

static void
copy_stats(struct vq_stats *to, const struct vq_stats *from)
{
	to->packets = __atomic_load_n(&from->packets, __ATOMIC_RELAXED);
	to->bytes = __atomic_load_n(&from->bytes, __ATOMIC_RELAXED);
	to->bursts = __atomic_load_n(&from->bursts, __ATOMIC_RELAXED);
	to->calls = __atomic_load_n(&from->calls, __ATOMIC_RELAXED);
	to->suppressed = __atomic_load_n(&from->suppressed, __ATOMIC_RELAXED);
	to->full = __atomic_load_n(&from->full, __ATOMIC_RELAXED);
	to->small = __atomic_load_n(&from->small, __ATOMIC_RELAXED);
	to->invalid = __atomic_load_n(&from->invalid, __ATOMIC_RELAXED);
	to->waiting = __atomic_load_n(&from->waiting, __ATOMIC_RELAXED);
}

void
vhost_port_ring(const struct port *port, uint16_t ring, struct vhost_ring_info *info)
{
	const struct vhost_port *vp = vhost_port_of(port);
	const struct vu_ring *told = &vp->device.rings[ring];

	*info = (struct vhost_ring_info){
		.ring = ring,
		.size = told->size,
		.packed = (vp->device.features & VU_RING_PACKED) != 0,
		.enabled = told->enabled,
		.why = vp->link.begun ? vu_device_ring_why(&vp->device, ring)
				      : "no guest is connected",
		.kicks = told->kicks,
	};
	if (info->why == NULL) {
		info->fault = ring_fault(vp, ring);
		info->why = info->fault == VQ_FAULT_NONE ? NULL : vq_fault_text(info->fault);
	}
	info->runs = info->why == NULL;
	copy_stats(&info->stats, &vp->vqs[ring].stats);
}

bool
vhost_port_feature(const struct port *port, unsigned int i, struct vhost_feature_info *info)
{
	const struct vhost_port *vp = vhost_port_of(port);
	const enum port_feature group = (enum port_feature)i;
	uint64_t offered;

	if (i >= PORT_FEATURE_N) {
		return false;
	}
	offered = vp->link.begun ? vp->device.offers : vhost_offers(&vp->conf);
	info->name = vhost_group_name(group);
	if ((vp->device.features & vhost_group_bits(group)) != 0) {
		info->state = VHOST_FEATURE_ACKNOWLEDGED;
		info->why = NULL;
	} else if ((offered & vhost_group_bits(group)) != 0) {
		info->state = VHOST_FEATURE_OFFERED;
		info->why = !vp->link.begun        ? "no guest is connected"
			: !vp->device.has_features ? "the guest's driver has not chosen yet"
						   : "the guest did not take it";
	} else {
		info->state = VHOST_FEATURE_DISABLED;
		info->why = (vp->conf.features_off & (1U << group)) != 0
			? "disable-feature lists it"
			: "it needs one that disable-feature lists";
	}
	return true;
}
