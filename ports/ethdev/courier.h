/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carries the talk between DPDK's virtio-user driver and a vhost-user back end.
 *
 * The driver waits for each answer of its back end without a bound, on the thread that calls it:
 * main. So it is connected to the courier, a thread of ours that waits for nobody for long. The
 * courier asks the back end first, as often as it takes; once that has answered, the port's device
 * can be made. What the driver asks then is answered at once: its features from what was told
 * before, and so that it asks for nothing else later (no acknowledged requests, no device status).
 * Everything else is handed on, with its descriptors.
 *
 * While a device is made the driver starts rings and ends them again, to go on with other features.
 * Of that the back end sees nothing: what is said about rings is held until courier_go(), and
 * nobody waits for an answer before.
 *
 * Then one question has to reach the back end: GET_VRING_BASE, whose answer says that it no longer
 * touches a ring. All those of one stop together get COURIER_STOP_MS; then it is given up, and the
 * driver told something. Such a back end is connected no more, but may still write to memory that
 * it has mapped; trusted=true says that it may.
 *
 * vhost-user: QEMU, docs/interop/vhost-user.rst. The driver: DPDK 22.11,
 * drivers/net/virtio/virtio_user/vhost_user.c.
 */
#ifndef VSW_PORTS_ETHDEV_COURIER_H
#define VSW_PORTS_ETHDEV_COURIER_H

#include "base/err.h"
#include "base/role.h"

#define COURIER_ANSWER_MS 1500 /* for answers: librte_vhost looks for new peers once a second */
#define COURIER_STOP_MS 300 /* for the end of all rings: main waits as long */

enum courier_state {
	COURIER_ASKS, /* has no answer yet */
	COURIER_SILENT, /* had none in time; asks again each second */
	COURIER_READY, /* the driver may come, or is there */
	COURIER_GONE, /* the back end has closed the connection, or broke the rules */
};

struct courier;

/*
 * Connect to the back end's socket and begin to ask. `run_dir`: a folder for the socket that the
 * driver connects to. Fails if nobody listens there; errors name the leaf `path`.
 */
int courier_create(
	const char *path, const char *run_dir, struct courier **out, struct err *err) ON_MAIN;

/* Rings may begin: once, when the driver has made the device, before they have buffers. */
void courier_go(struct courier *courier) ON_MAIN;

/* Ends the thread, which takes no longer than it takes to run. NULL is legal. */
void courier_destroy(struct courier *courier) ON_MAIN;

enum courier_state courier_state(const struct courier *courier) ON_MAIN;

/* Where the driver connects to. */
const char *courier_path(const struct courier *courier) ON_MAIN;

#endif
