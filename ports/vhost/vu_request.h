/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of a front end: one table of what is legal, and what each does to the device.
 *
 * The table says of each request: the exact size of its payload, how many descriptors come along,
 * what must have been negotiated (virtio or protocol feature), what must have happened before, and
 * whether it is answered. A message that does not fit ends the connection with a sentence that
 * names the request; descriptors are closed on every path.
 *
 * Threads: main.
 */
#ifndef VSW_PORTS_VHOST_VU_REQUEST_H
#define VSW_PORTS_VHOST_VU_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "ports/vhost/vu_device.h"
#include "ports/vhost/vu_wire.h"

/* What the port does for requests that are not about the device alone. */
struct vu_request_ops {
	void (*announce)(void *arg, uint64_t mac); /* SEND_RARP; bytes in order of the frame */
};

enum vu_outcome {
	VU_DONE, /* `reply` says whether there is one to send, now */
	VU_LATER, /* a view was published: once settled, call vu_request_finish() */
	VU_REFUSED, /* the peer asked for something that cannot be had; NACKed if it wanted a reply,
		     * `err` is for the log, the connection goes on */
	VU_VIOLATION, /* `err` says how the protocol was broken: close */
};

struct vu_reply {
	bool wanted;
	struct vu_msg msg;
	int fd; /* the connection's to send and close; -1: none */
};

/* Carry out one message. Takes descriptors out of `msg` that it keeps; the caller closes others. */
enum vu_outcome vu_request_run(struct vu_device *device, const struct vu_request_ops *ops,
	void *arg, struct vu_msg *msg, struct vu_reply *reply, struct err *err) ON_MAIN;

/* The end of a VU_LATER request. `msg` is the one that vu_request_run() was given. */
void vu_request_finish(
	struct vu_device *device, const struct vu_msg *msg, struct vu_reply *reply) ON_MAIN;

#endif
