/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handlers of requests, and what they are written with. Private to vu_request*.c.
 *
 * A handler is called with a message whose size, descriptors and needed protocol feature fit the
 * table. It looks at the values, changes the device, and returns vu_changed() if workers may see a
 * difference. Before it fails it has changed nothing.
 *
 * Threads: main.
 */
#ifndef VSW_PORTS_VHOST_VU_HANDLER_H
#define VSW_PORTS_VHOST_VU_HANDLER_H

#include <stdarg.h>
#include <stdio.h>

#include "ports/vhost/vu_request.h"

#define VU_WHY_SIZE 256

/* One message at work. */
struct vu_call {
	struct vu_device *device;
	const struct vu_request_ops *ops;
	void *arg; /* of ops */
	struct vu_msg *msg;
	struct vu_reply *reply;
	struct err *err;
	const char *name; /* of the request */
	bool ack; /* the front end waits for 0 or 1 */
};

/* An answer of the request's own; fill its payload. */
struct vu_msg *vu_reply_begin(struct vu_reply *reply, uint32_t request, uint32_t size);
enum vu_outcome vu_reply_u64(struct vu_call *call, uint64_t value);

/* The protocol is broken. */
enum vu_outcome
vu_violation(struct vu_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* It cannot be had. A front end that waits is told; one that would go on in error is closed. */
enum vu_outcome vu_cannot(struct vu_call *call, const char *why);

/* Publish; VU_LATER if workers have to see it first. */
enum vu_outcome vu_changed(struct vu_call *call) ON_MAIN;

/* vu_request_device.c */
enum vu_outcome vu_get_features(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_features(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_get_protocol_features(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_protocol_features(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_owner(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_reset_owner(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_reset_device(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_get_queue_num(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_send_rarp(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_net_set_mtu(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_status(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_get_status(struct vu_call *call) ON_MAIN;

/* vu_request_memory.c */
enum vu_outcome vu_set_mem_table(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_get_max_mem_slots(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_add_mem_reg(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_rem_mem_reg(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_log_base(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_log_fd(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_get_inflight_fd(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_inflight_fd(struct vu_call *call) ON_MAIN;

/* vu_request_ring.c */
enum vu_outcome vu_set_vring_num(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_vring_addr(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_vring_base(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_get_vring_base(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_vring_kick(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_vring_call(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_vring_err(struct vu_call *call) ON_MAIN;
enum vu_outcome vu_set_vring_enable(struct vu_call *call) ON_MAIN;

#endif
