/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/backend.h"

#include <errno.h>
#include <rte_vhost.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { RING_RX, RING_TX, RINGS }; /* of the guest: it receives from the first */
#define WAIT (5 * CLOCK_S)
#define LOOK_US 100

/* The library calls back on its thread and without a pointer of ours; there is one guest. */
static struct {
	_Atomic int vid; /* of the running guest, or -1 */
	_Atomic bool enabled[RINGS];
} device = {.vid = -1};

static int
new_device(int vid)
{
	atomic_store(&device.vid, vid);
	return 0;
}

static void
destroy_device(int vid)
{
	(void)vid;
	for (unsigned int ring = 0; ring < RINGS; ring++) {
		atomic_store(&device.enabled[ring], false);
	}
	atomic_store(&device.vid, -1);
}

static int
vring_state_changed(int vid, uint16_t ring, int enable)
{
	(void)vid;
	if (ring < RINGS) {
		atomic_store(&device.enabled[ring], enable != 0);
	}
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = new_device,
	.destroy_device = destroy_device,
	.vring_state_changed = vring_state_changed,
};

static bool
is_running(void)
{
	return atomic_load(&device.vid) >= 0 && atomic_load(&device.enabled[0]) &&
		atomic_load(&device.enabled[1]);
}

static bool
is_gone(void)
{
	return atomic_load(&device.vid) < 0;
}

static bool
wait_for(bool (*condition)(void))
{
	const uint64_t end = clock_now() + WAIT;

	while (!condition()) {
		if (clock_now() > end) {
			return false;
		}
		(void)usleep(LOOK_US);
	}
	return true;
}

int
backend_open(struct backend *backend, struct err *err)
{
	const char *base = getenv("TMPDIR");

	*backend = (struct backend){.registered = false};
	(void)snprintf(backend->folder, sizeof(backend->folder), "%s/micro-XXXXXX",
		base == NULL || strlen(base) > 40 ? "/tmp" : base);
	if (mkdtemp(backend->folder) == NULL) {
		const int rc = errno;
		backend->folder[0] = '\0';
		return err_set(err, ERR_FAILED, NULL, "a folder for a socket: %s", strerror(rc));
	}
	(void)snprintf(backend->path, sizeof(backend->path), "%s/vhost", backend->folder);
	/* With the flags that ports/vhost_dpdk asks for. */
	backend->registered = rte_vhost_driver_register(
				      backend->path, RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS) == 0;
	if (!backend->registered ||
		rte_vhost_driver_callback_register(backend->path, &device_ops) != 0 ||
		rte_vhost_driver_start(backend->path) != 0) {
		return err_set(
			err, ERR_FAILED, NULL, "librte_vhost does not listen on %s", backend->path);
	}
	return 0;
}

int
backend_wait(struct backend *backend, struct err *err)
{
	if (!wait_for(is_running)) {
		return err_set(err, ERR_FAILED, NULL, "librte_vhost does not start the guest at %s",
			backend->path);
	}
	for (uint16_t ring = 0; ring < RINGS; ring++) {
		(void)rte_vhost_enable_guest_notification(atomic_load(&device.vid), ring, 0);
	}
	return 0;
}

void
backend_wait_gone(void)
{
	(void)wait_for(is_gone);
}

void
backend_close(struct backend *backend)
{
	if (backend->registered) {
		(void)rte_vhost_driver_unregister(backend->path);
	}
	if (backend->folder[0] != '\0') {
		(void)unlink(backend->path);
		(void)rmdir(backend->folder);
	}
}

uint16_t
backend_enqueue(struct rte_mbuf **mbufs, uint16_t n)
{
	const int vid = atomic_load_explicit(&device.vid, memory_order_relaxed);

	return rte_vhost_enqueue_burst(vid, RING_RX, mbufs, n);
}

uint16_t
backend_dequeue(struct rte_mempool *pool, struct rte_mbuf **mbufs, uint16_t n)
{
	const int vid = atomic_load_explicit(&device.vid, memory_order_relaxed);

	return rte_vhost_dequeue_burst(vid, RING_TX, pool, mbufs, n);
}
