/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vu_request.h"

#include <inttypes.h>

#include "ports/vhost/vu_handler.h"
#include "ports/vhost/vu_request_name.h"

/* What is legal of one request, and who carries it out. */
struct rule {
	enum vu_outcome (*run)(struct vu_call *call); /* NULL: there is no such request */
	uint64_t protocol; /* feature that must be negotiated */
	uint16_t size; /* of the payload, exactly; 0 with `check`: it says */
	uint8_t min_fds;
	uint8_t max_fds;
	bool answers; /* has a reply of its own, NEED_REPLY or not */
	bool (*check)(const struct vu_msg *msg); /* the size, where it is not one number */
};

static bool
check_table(const struct vu_msg *msg)
{
	return msg->size >= 8 && msg->payload.table.n <= VU_TABLE_REGIONS &&
		msg->size == 8 + msg->payload.table.n * sizeof(struct vu_region);
}

/* 20 bytes by the specification; QEMU sends its structure, padded. */
static bool
check_inflight(const struct vu_msg *msg)
{
	return msg->size == 20 || msg->size == 24;
}

#define U64 sizeof(uint64_t)
#define STATE sizeof(struct vu_vring_state)
#define ADDR sizeof(struct vu_vring_addr)
#define LOG 16
#define SLOT (8 + sizeof(struct vu_region))
#define SLOTS VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS
#define INFLIGHT VU_PROTOCOL_F_INFLIGHT_SHMFD
#define STATUS VU_PROTOCOL_F_STATUS

/* clang-format off */
static const struct rule rules[VU_REQUESTS_N] = {
	[VU_GET_FEATURES] = {vu_get_features, 0, 0, 0, 0, true},
	[VU_SET_FEATURES] = {vu_set_features, 0, U64},
	[VU_SET_OWNER] = {vu_set_owner, 0, 0},
	[VU_RESET_OWNER] = {vu_reset_owner, 0, 0},
	[VU_SET_MEM_TABLE] = {vu_set_mem_table, 0, 0, 0, VU_TABLE_REGIONS, false, check_table},
	[VU_SET_LOG_BASE] = {vu_set_log_base, VU_PROTOCOL_F_LOG_SHMFD, LOG, 1, 1, true},
	[VU_SET_LOG_FD] = {vu_set_log_fd, 0, 0, 0, 1},
	[VU_SET_VRING_NUM] = {vu_set_vring_num, 0, STATE},
	[VU_SET_VRING_ADDR] = {vu_set_vring_addr, 0, ADDR},
	[VU_SET_VRING_BASE] = {vu_set_vring_base, 0, STATE},
	[VU_GET_VRING_BASE] = {vu_get_vring_base, 0, STATE, 0, 0, true},
	[VU_SET_VRING_KICK] = {vu_set_vring_kick, 0, U64, 0, 1},
	[VU_SET_VRING_CALL] = {vu_set_vring_call, 0, U64, 0, 1},
	[VU_SET_VRING_ERR] = {vu_set_vring_err, 0, U64, 0, 1},
	[VU_GET_PROTOCOL_FEATURES] = {vu_get_protocol_features, 0, 0, 0, 0, true},
	[VU_SET_PROTOCOL_FEATURES] = {vu_set_protocol_features, 0, U64},
	[VU_GET_QUEUE_NUM] = {vu_get_queue_num, 0, 0, 0, 0, true},
	[VU_SET_VRING_ENABLE] = {vu_set_vring_enable, 0, STATE},
	[VU_SEND_RARP] = {vu_send_rarp, VU_PROTOCOL_F_RARP, U64},
	[VU_NET_SET_MTU] = {vu_net_set_mtu, VU_PROTOCOL_F_NET_MTU, U64},
	[VU_GET_INFLIGHT_FD] = {vu_get_inflight_fd, INFLIGHT, 0, 0, 0, true, check_inflight},
	[VU_SET_INFLIGHT_FD] = {vu_set_inflight_fd, INFLIGHT, 0, 1, 1, false, check_inflight},
	[VU_RESET_DEVICE] = {vu_reset_device, VU_PROTOCOL_F_RESET_DEVICE, 0},
	[VU_GET_MAX_MEM_SLOTS] = {vu_get_max_mem_slots, SLOTS, 0, 0, 0, true},
	[VU_ADD_MEM_REG] = {vu_add_mem_reg, SLOTS, SLOT, 1, 1},
	[VU_REM_MEM_REG] = {vu_rem_mem_reg, SLOTS, SLOT, 0, 1},
	[VU_SET_STATUS] = {vu_set_status, STATUS, U64},
	[VU_GET_STATUS] = {vu_get_status, STATUS, 0, 0, 0, true},
};
/* clang-format on */

static bool
wants_ack(const struct vu_device *device, const struct vu_msg *msg)
{
	return (msg->flags & VU_NEED_REPLY) != 0 &&
		(device->protocol & VU_PROTOCOL_F_REPLY_ACK) != 0;
}

struct vu_msg *
vu_reply_begin(struct vu_reply *reply, uint32_t request, uint32_t size)
{
	reply->wanted = true;
	reply->msg.request = request;
	reply->msg.flags = VU_VERSION | VU_REPLY;
	reply->msg.size = size;
	return &reply->msg;
}

enum vu_outcome
vu_reply_u64(struct vu_call *call, uint64_t value)
{
	vu_reply_begin(call->reply, call->msg->request, sizeof(value))->payload.u64 = value;
	return VU_DONE;
}

enum vu_outcome
vu_violation(struct vu_call *call, const char *fmt, ...)
{
	char why[VU_WHY_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	(void)err_set(call->err, ERR_MALFORMED, NULL, "%s: %s", call->name, why);
	return VU_VIOLATION;
}

enum vu_outcome
vu_cannot(struct vu_call *call, const char *why)
{
	(void)err_set(call->err, ERR_FAILED, NULL, "%s: %s", call->name, why);
	return call->ack ? VU_REFUSED : VU_VIOLATION;
}

enum vu_outcome
vu_changed(struct vu_call *call)
{
	vu_device_publish(call->device);
	return call->device->token != 0 ? VU_LATER : VU_DONE;
}

/* Is it a message that may be carried out? */
static enum vu_outcome
check(struct vu_call *call, const struct rule *rule)
{
	const struct vu_msg *msg = call->msg;
	const uint32_t request = msg->request;

	if (request >= VU_REQUESTS_N || rules[request].run == NULL) {
		return vu_cannot(call, "the switch does not know this request");
	}
	if ((rule->protocol & ~call->device->protocol) != 0) {
		const char *why = "the protocol feature that it needs was not negotiated";

		/* Whoever waits for an answer of the request's own cannot read another one. */
		return rule->answers ? vu_violation(call, "%s", why) : vu_cannot(call, why);
	}
	if (rule->check != NULL ? !rule->check(msg) : msg->size != rule->size) {
		return vu_violation(call, "a payload of %u bytes does not fit", msg->size);
	}
	if (msg->n_fds < rule->min_fds || msg->n_fds > rule->max_fds) {
		return vu_violation(call, "%u file descriptors came along, %s%u are allowed",
			msg->n_fds, rule->min_fds == rule->max_fds ? "" : "up to ", rule->max_fds);
	}
	return VU_DONE;
}

enum vu_outcome
vu_request_run(struct vu_device *device, const struct vu_request_ops *ops, void *arg,
	struct vu_msg *msg, struct vu_reply *reply, struct err *err)
{
	static const struct rule none;
	const struct rule *rule = msg->request < VU_REQUESTS_N ? &rules[msg->request] : &none;
	char text[32];
	struct vu_call call = {
		.device = device,
		.ops = ops,
		.arg = arg,
		.msg = msg,
		.reply = reply,
		.err = err,
		.name = vu_request_name(msg->request, text, sizeof(text)),
		.ack = wants_ack(device, msg) && !rule->answers,
	};
	enum vu_outcome outcome;

	*reply = (struct vu_reply){.fd = -1};
	outcome = check(&call, rule);
	if (outcome == VU_DONE) {
		outcome = rule->run(&call);
	}
	if (call.ack && (outcome == VU_DONE || outcome == VU_REFUSED)) {
		(void)vu_reply_u64(&call, outcome == VU_REFUSED ? 1 : 0);
	}
	return outcome;
}

void
vu_request_finish(struct vu_device *device, const struct vu_msg *msg, struct vu_reply *reply)
{
	*reply = (struct vu_reply){.fd = -1};
	if (msg->request == VU_GET_VRING_BASE) {
		const uint32_t ring = msg->payload.state.index;
		struct vu_msg *answer =
			vu_reply_begin(reply, msg->request, sizeof(answer->payload.state));

		vu_device_keep_base(device, (uint16_t)ring);
		answer->payload.state.index = ring;
		answer->payload.state.num = device->rings[ring].base;
	} else if (msg->request == VU_SET_LOG_BASE || wants_ack(device, msg)) {
		vu_reply_begin(reply, msg->request, sizeof(uint64_t))->payload.u64 = 0;
	}
}
