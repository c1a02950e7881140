/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vu_device.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ports/vhost/vu_ring.h"

LOG_MODULE("vhost");

#define TAKES (PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6 | PORT_CAP_USO | PORT_CAP_ECN)

enum retired_kind { OLD_VIEW, OLD_MEMORY, OLD_LOG, OLD_INFLIGHT, OLD_GONE, OLD_FD };

struct vu_retired {
	struct vu_retired *next;
	enum retired_kind kind;
	void *what;
	int fd;
};

static const struct vhost_view *
published(const struct vu_device *device)
{
	return atomic_load_explicit(device->view, memory_order_relaxed); /* main alone writes it */
}

/* --- what waits for a grace period ----------------------------------------------------------- */

static void
retire(struct vu_device *device, enum retired_kind kind, void *what, int fd) ON_MAIN
{
	struct vu_retired *old = malloc(sizeof(*old));

	if (old == NULL) {
		log_error("out of memory: something that a front end shared is never given back");
		device->leaked = true;
		return;
	}
	*old = (struct vu_retired){.kind = kind, .what = what, .fd = fd};
	*device->retired_end = old;
	device->retired_end = &old->next;
}

static void
free_retired(struct vu_device *device) ON_MAIN
{
	while (device->retired != NULL) {
		struct vu_retired *old = device->retired;

		device->retired = old->next;
		switch (old->kind) {
		case OLD_VIEW:
		case OLD_GONE:
			free(old->what);
			break;
		case OLD_MEMORY:
			gmem_free(old->what, &device->reaper);
			break;
		case OLD_LOG:
			dirty_log_free(old->what);
			break;
		case OLD_INFLIGHT:
			inflight_free(old->what);
			break;
		case OLD_FD:
			(void)close(old->fd);
			break;
		}
		free(old);
	}
	device->retired_end = &device->retired;
}

void
vu_device_retire_memory(struct vu_device *device, struct gmem *memory)
{
	if (memory != NULL) {
		retire(device, OLD_MEMORY, memory, -1);
	}
}

void
vu_device_retire_log(struct vu_device *device, struct dirty_log *log)
{
	if (log != NULL) {
		retire(device, OLD_LOG, log, -1);
	}
}

void
vu_device_retire_inflight(struct vu_device *device, struct inflight *inflight)
{
	if (inflight != NULL) {
		retire(device, OLD_INFLIGHT, inflight, -1);
	}
}

void
vu_device_retire_fd(struct vu_device *device, int fd)
{
	if (fd >= 0) {
		retire(device, OLD_FD, NULL, fd);
	}
}

const struct vq_view *
vu_device_ring_view(const struct vu_device *device, uint16_t ring)
{
	const struct vhost_view *view = published(device);

	if (ring >= view->n_rings || (view->rings[ring].flags & VQ_RUNS) == 0) {
		return NULL;
	}
	return &view->rings[ring];
}

const char *
vu_device_ring_why(const struct vu_device *device, uint16_t ring)
{
	struct vq_view view = {0};
	const char *why;

	if (ring >= device->n_rings) {
		return "there is no such ring";
	}
	why = vu_ring_view(device, ring, &view);
	if (why == NULL && vu_device_ring_view(device, ring) == NULL) {
		return device->starved ? "the daemon is out of memory"
				       : "workers are still busy with what it was before";
	}
	return why;
}

void
vu_device_ring_stop(struct vu_device *device, uint16_t ring)
{
	struct vu_ring *stopped = &device->rings[ring];

	stopped->started = false;
	vu_device_retire_fd(device, stopped->kick);
	stopped->kick = -1;
}

void
vu_device_keep_base(struct vu_device *device, uint16_t ring)
{
	struct vu_ring *kept = &device->rings[ring];

	if (kept->has_base && !kept->base_due) {
		kept->base = vq_base(&device->vqs[ring], vu_device_packed(device));
		kept->base_due = true;
	}
}

/* --- the view -------------------------------------------------------------------------------- */

static struct vhost_view *
view_new(const struct vu_device *device)
{
	struct vhost_view *view =
		calloc(1, sizeof(*view) + device->n_rings * sizeof(view->rings[0]));

	if (view != NULL) {
		view->n_rings = device->n_rings;
	}
	return view;
}

static struct vhost_view *
view_make(struct vu_device *device) ON_MAIN
{
	struct vhost_view *view = view_new(device);

	device->again = false;
	device->starved = view == NULL;
	if (view == NULL) {
		return device->idle;
	}
	for (uint16_t i = 0; i < device->n_rings; i++) {
		struct vq_view *ring = &view->rings[i];

		if (vu_ring_view(device, i, ring) != NULL) {
			continue;
		}
		if (device->rings[i].settling && vu_device_ring_view(device, i) == NULL) {
			*ring = (struct vq_view){0};
			device->again = true;
			continue;
		}
		if (i % 2 == 0) {
			view->tx_map[view->n_tx++] = (uint8_t)(i / 2);
		}
	}
	return view;
}

/* Rings that begin with `view`: nobody else knows them. */
static void
begin_rings(struct vu_device *device, const struct vhost_view *view) ON_MAIN
{
	for (uint16_t i = 0; i < view->n_rings; i++) {
		const struct vq_view *run = &view->rings[i];
		struct vu_ring *ring = &device->rings[i];
		uint32_t base = ring->base;

		if ((run->flags & VQ_RUNS) == 0 || !ring->base_due) {
			continue;
		}
		if (vu_device_packed(device)) {
			/* Whoever stops a ring has used all that it took; some front ends tell
			 * the available half only. */
			base = (base & UINT16_MAX) * 0x10001U;
			if (run->inflight != NULL) {
				base = inflight_resume(run->inflight, run->desc, run->size, base);
			}
		}
		vq_set_base(&device->vqs[i], run, base);
		ring->base_due = false;
	}
}

static bool
same_views(const struct vhost_view *a, const struct vhost_view *b)
{
	return a->n_rings == b->n_rings &&
		memcmp(a, b, sizeof(*a) + a->n_rings * sizeof(a->rings[0])) == 0;
}

void
vu_device_publish(struct vu_device *device)
{
	struct vhost_view *old = atomic_load_explicit(device->view, memory_order_relaxed);
	struct vhost_view *view = view_make(device);
	const uint32_t others = __atomic_load_n(device->caps, __ATOMIC_RELAXED) & ~(uint32_t)TAKES;

	begin_rings(device, view);
	__atomic_store_n(device->caps, others | vu_ring_takes(device), __ATOMIC_RELAXED);
	if (same_views(old, view)) {
		if (view != device->idle) {
			free(view);
		}
		if (device->retired != NULL) {
			device->token = grace_start(device->grace);
		}
		return;
	}
	for (uint16_t i = 0; i < old->n_rings; i++) {
		device->rings[i].settling |= (old->rings[i].flags & VQ_RUNS) != 0;
	}
	atomic_store_explicit(device->view, view, memory_order_release);
	if (old != device->idle) {
		retire(device, OLD_VIEW, old, -1);
	}
	device->token = grace_start(device->grace);
}

bool
vu_device_settled(struct vu_device *device)
{
	while (device->token != 0) {
		if (!grace_passed(device->grace, device->token)) {
			return false;
		}
		device->token = 0;
		free_retired(device);
		for (uint16_t i = 0; i < device->n_rings; i++) {
			if (device->rings[i].settling && vu_device_ring_view(device, i) == NULL) {
				vq_call_owed(&device->vqs[i], device->rings[i].call);
			}
			device->rings[i].settling = false;
		}
		if (device->again) {
			vu_device_publish(device);
		}
	}
	return true;
}

/* --- life ------------------------------------------------------------------------------------ */

int
vu_device_init(struct vu_device *device)
{
	assert(device->n_rings <= VU_RINGS_MAX);
	device->retired_end = &device->retired;
	device->idle = view_new(device);
	if (device->idle == NULL) {
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < VU_RINGS_MAX; i++) {
		device->rings[i].kick = device->rings[i].call = device->rings[i].err = -1;
	}
	atomic_store_explicit(device->view, device->idle, memory_order_release);
	return 0;
}

int
vu_device_begin(struct vu_device *device)
{
	assert(device->gone == NULL);
	device->gone = malloc(sizeof(*device->gone));
	if (device->gone == NULL) {
		return -ENOMEM;
	}
	atomic_init(device->gone, false);
	return 0;
}

void
vu_device_reset(struct vu_device *device)
{
	for (uint16_t i = 0; i < device->n_rings; i++) {
		struct vu_ring *ring = &device->rings[i];

		vu_device_ring_stop(device, i);
		*ring = (struct vu_ring){
			.kick = -1,
			.call = ring->call,
			.err = ring->err,
			.kicks = ring->kicks,
			.settling = ring->settling,
		};
	}
	vu_device_retire_inflight(device, device->inflight);
	device->inflight = NULL;
	device->features = 0;
	device->has_features = false;
	device->status = 0;
}

/* All of the connection: what workers may hold is retired. */
static void
forget_connection(struct vu_device *device) ON_MAIN
{
	vu_device_reset(device);
	for (uint16_t i = 0; i < device->n_rings; i++) {
		struct vu_ring *ring = &device->rings[i];

		vu_device_retire_fd(device, ring->call);
		vu_device_retire_fd(device, ring->err);
		ring->call = -1;
		ring->err = -1;
	}
	vu_device_retire_log(device, device->log);
	vu_device_retire_memory(device, device->memory);
	if (device->gone != NULL && !device->leaked) {
		retire(device, OLD_GONE, device->gone, -1); /* after all that may set it */
	}
	device->leaked = false;
	device->log = NULL;
	device->memory = NULL;
	device->gone = NULL;
	device->protocol = 0;
	device->owned = false;
	device->mtu = 0;
}

void
vu_device_end(struct vu_device *device)
{
	forget_connection(device);
	vu_device_publish(device);
}

void
vu_device_fini(struct vu_device *device)
{
	struct vhost_view *view = atomic_load_explicit(device->view, memory_order_relaxed);

	if (device->idle == NULL) {
		return; /* vu_device_init failed */
	}
	forget_connection(device);
	atomic_store_explicit(device->view, NULL, memory_order_relaxed);
	if (view != device->idle) {
		free(view);
	}
	free_retired(device);
	free(device->idle);
	device->idle = NULL;
	device->token = 0;
	gmem_reap_aside(&device->reaper);
}
