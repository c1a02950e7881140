/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a front end has told so far, and the view of it that workers see.
 *
 * A struct vu_device is main's: features, memory table, rings, log, in-flight area; requests change
 * it (vu_request.h). Workers see none of it but a struct vhost_view: an immutable picture with all
 * addresses translated and checked together, published through one atomic pointer.
 *
 * Every change that workers can notice goes: change the device, vu_device_publish() a new view, and
 * when the grace period of the old one has passed (vu_device_settled), free what only the old one
 * had and answer the front end. So nothing is ever changed or unmapped under a worker, traffic does
 * not stop for it, and an acknowledged request has taken effect. A ring that a new view does not
 * run is the device's own once settled: its place can be read and set.
 *
 * A ring runs when features and memory are there, its size, addresses and base are set, it was
 * kicked off (SET_VRING_KICK), it is enabled, and all of it lies in one region each. What is
 * missing is told by vu_device_ring_why().
 *
 * Threads: main; the view by workers.
 */
#ifndef VSW_PORTS_VHOST_VU_DEVICE_H
#define VSW_PORTS_VHOST_VU_DEVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "datapath/core/grace.h"
#include "ports/port.h"
#include "ports/vhost/dirty_log.h"
#include "ports/vhost/gmem.h"
#include "ports/vhost/inflight.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vu_wire.h"

#define VU_RINGS_MAX (2 * PORT_QUEUES_MAX)

/* Immutable; what one load gives a worker. */
struct vhost_view {
	uint16_t n_tx; /* rings that the guest receives from now */
	uint8_t tx_map[PORT_QUEUES_MAX]; /* their queue numbers */
	uint16_t n_rings;
	struct vq_view rings[]; /* n_rings */
};

struct vu_ring {
	uint16_t size; /* 0: not told */
	bool has_addr;
	bool has_base;
	bool base_due; /* `base` was told; else it is old, and the ring's struct vq has the place */
	bool settling; /* a view that may still be held runs the ring */
	bool started; /* SET_VRING_KICK came; ends with GET_VRING_BASE */
	bool enabled;
	uint32_t base;
	uint32_t addr_flags;
	uint64_t desc; /* addresses of the front end */
	uint64_t avail;
	uint64_t used;
	uint64_t log; /* guest-physical address for the log */
	int kick; /* -1: none */
	int call;
	int err;
	uint64_t kicks; /* that main has read from `kick` */
};

/* What goes when the old view is out of use. */
struct vu_retired;

struct vu_device {
	/* of the port, for its life */
	struct grace *grace;
	uint64_t offers; /* virtio features */
	uint64_t offers_protocol;
	uint16_t n_rings; /* that the port has: 2 for each queue pair */
	bool one_worker; /* VQ_LAZY_CALL */
	bool require_seals;
	struct vq *vqs; /* n_rings */
	_Atomic(struct vhost_view *) *view; /* the port's; workers load it, acquire */
	uint32_t *caps; /* the port's capabilities, atomic */
	struct vhost_view *idle; /* in which no ring runs; vu_device_init makes it */
	struct gmem_reaper reaper; /* the port's poll calls gmem_reap; vu_device_fini drains it */

	/* of the connection */
	uint64_t features; /* acknowledged, SET_FEATURES; 0 until then */
	bool has_features;
	uint64_t protocol; /* acknowledged */
	bool owned;
	uint8_t status; /* SET_STATUS */
	uint16_t mtu; /* NET_SET_MTU; 0: not told */
	struct gmem *memory;
	struct dirty_log *log;
	struct inflight *inflight;
	atomic_bool *gone; /* set by the guard; one for each connection, freed with the last view */
	struct vu_ring rings[VU_RINGS_MAX];

	/* between publish and settled */
	uint64_t token; /* of the last publication, 0: settled */
	struct vu_retired *retired; /* oldest first */
	struct vu_retired **retired_end;
	bool again; /* a ring waits for that to begin */
	bool starved; /* no memory for a view: none runs */
	bool leaked; /* no memory to remember what to free */
};

/* `device` is zeroed but for the port's part. Publishes a view. -ENOMEM, or 0. */
int vu_device_init(struct vu_device *device) ON_MAIN;

/* A front end has connected: nothing is negotiated. */
int vu_device_begin(struct vu_device *device) ON_MAIN;

/* It has gone: no ring runs from now on. Publishes. */
void vu_device_end(struct vu_device *device) ON_MAIN;

/* No worker can be inside the port: free all at once. */
void vu_device_fini(struct vu_device *device) ON_MAIN;

/*
 * Make and publish the view of what the device is now. Rings that begin take their base. If
 * workers see no difference and nothing waits to be freed, nothing happens.
 */
void vu_device_publish(struct vu_device *device) ON_MAIN;

/*
 * Has the grace period of the last publication passed? Frees what waited for it. A ring that was
 * to begin while an older view that runs it could be held begins here, which takes another one.
 */
bool vu_device_settled(struct vu_device *device) ON_MAIN;

/* Stop a ring: publish then. Its `base` is where to go on once settled: vu_device_keep_base(). */
void vu_device_ring_stop(struct vu_device *device, uint16_t ring) ON_MAIN;

/* A ring that no worker can hold: its place becomes its `base`, to be taken when it begins. */
void vu_device_keep_base(struct vu_device *device, uint16_t ring) ON_MAIN;

/* Back to before the negotiation; memory, log, and descriptors to call stay: publish then. */
void vu_device_reset(struct vu_device *device) ON_MAIN;

/* Hand over what the next settled publication frees; NULL and -1 are legal. */
void vu_device_retire_memory(struct vu_device *device, struct gmem *memory) ON_MAIN;
void vu_device_retire_log(struct vu_device *device, struct dirty_log *log) ON_MAIN;
void vu_device_retire_inflight(struct vu_device *device, struct inflight *inflight) ON_MAIN;
void vu_device_retire_fd(struct vu_device *device, int fd) ON_MAIN;

/* The format of its rings, as negotiated. */
static inline bool
vu_device_packed(const struct vu_device *device)
{
	return (device->features & VU_RING_PACKED) != 0;
}

/* Why a ring does not run, as a phrase; NULL if it does. */
const char *vu_device_ring_why(const struct vu_device *device, uint16_t ring) ON_MAIN;

/* A published ring that runs, as workers see it now; NULL: it does not, or there is none. */
const struct vq_view *vu_device_ring_view(const struct vu_device *device, uint16_t ring) ON_MAIN;

#endif
