/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of the vhost-user protocol, from the front end's side of the socket.
 *
 * Numbers and layouts are those of QEMU's docs/interop/vhost-user.rst ("the spec" below); the
 * section that defines each group is named beside it. Nothing here checks what is sent: a test of
 * hostile peers sends whatever bytes, sizes and descriptors it likes with vhost_user_send_raw().
 *
 * A socket is used by one thread. Calls block, at most VHOST_USER_TIMEOUT_MS per reply.
 */
#ifndef VSW_TESTS_FRONTEND_VHOST_USER_H
#define VSW_TESTS_FRONTEND_VHOST_USER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fd_passing.h"

/* Spec, "Front-end message types". */
enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_LOG_FD = 7,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SEND_RARP = 19,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_IOTLB_MSG = 22,
	VHOST_USER_GET_INFLIGHT_FD = 31,
	VHOST_USER_SET_INFLIGHT_FD = 32,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
};

/* Spec, "Header": two bits of version, then the flags. */
#define VHOST_USER_VERSION 0x1u
#define VHOST_USER_REPLY 0x4u
#define VHOST_USER_NEED_REPLY 0x8u

/* Spec, "Protocol features". */
#define VHOST_USER_PROTOCOL_F_MQ (UINT64_C(1) << 0)
#define VHOST_USER_PROTOCOL_F_LOG_SHMFD (UINT64_C(1) << 1)
#define VHOST_USER_PROTOCOL_F_RARP (UINT64_C(1) << 2)
#define VHOST_USER_PROTOCOL_F_REPLY_ACK (UINT64_C(1) << 3)
#define VHOST_USER_PROTOCOL_F_NET_MTU (UINT64_C(1) << 4)
#define VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD (UINT64_C(1) << 12)
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE (UINT64_C(1) << 13)
#define VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS (UINT64_C(1) << 15)
#define VHOST_USER_PROTOCOL_F_STATUS (UINT64_C(1) << 16)

/* Spec, "Migration": bit 26 of the virtio features, set while writes are to be logged. */
#define VHOST_F_LOG_ALL (UINT64_C(1) << 26)
/* One bit for each so many bytes of guest-physical memory. */
#define VHOST_LOG_PAGE 4096u
/* Spec, "Feature negotiation": bit 30 of the virtio features, never shown to a driver. */
#define VHOST_USER_F_PROTOCOL_FEATURES (UINT64_C(1) << 30)

/* Spec, "Memory regions description" and SET_VRING_KICK: the most descriptors one message has. */
#define VHOST_USER_MAX_FDS 8
/* Spec, SET_VRING_KICK: bits 0-7 are the ring, bit 8 says that no descriptor comes along. */
#define VHOST_USER_VRING_NO_FD (UINT64_C(1) << 8)

#define VHOST_USER_TIMEOUT_MS 5000

struct vhost_user_region { /* Spec, "Memory region description" */
	uint64_t gpa;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct vhost_user_state { /* Spec, "A vring state description" */
	uint32_t index;
	uint32_t num;
};

struct vhost_user_addr { /* Spec, "A vring address description" */
	uint32_t index;
	uint32_t flags;
	uint64_t desc; /* the three rings as addresses in the front end's own space */
	uint64_t used; /* packed: the device event area */
	uint64_t avail; /* packed: the driver event area */
	uint64_t log;
};

struct vhost_user_log { /* Spec, "Log description" */
	uint64_t size;
	uint64_t offset;
};

struct vhost_user_inflight { /* Spec, "Inflight description" */
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t n_queues;
	uint16_t queue_size;
} __attribute__((packed));

struct vhost_user_msg {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload */
	union {
		uint64_t u64;
		struct vhost_user_state state;
		struct vhost_user_addr addr;
		struct vhost_user_log log;
		struct vhost_user_inflight inflight;
		struct {
			uint64_t padding;
			struct vhost_user_region region;
		} slot; /* Spec, "Single memory region description" */
		struct {
			uint32_t n_regions;
			uint32_t padding;
			struct vhost_user_region regions[VHOST_USER_MAX_FDS];
		} memory;
		uint8_t bytes[264];
	} payload;
} __attribute__((packed));

#define VHOST_USER_HEADER_SIZE 12
static_assert(offsetof(struct vhost_user_msg, payload) == VHOST_USER_HEADER_SIZE, "spec, Header");
static_assert(sizeof(struct vhost_user_addr) == 40, "spec, vring address description");
static_assert(sizeof(struct vhost_user_inflight) == 20, "spec, Inflight description");

/* Any bytes with any descriptors (at most FD_PASSING_MAX) in one sendmsg(). */
int
vhost_user_send_raw(int socket, const void *bytes, size_t size, const int *fds, unsigned int n_fds);

/* A message as it stands: the version is in its flags already, its payload is msg->size long. */
int
vhost_user_send(int socket, const struct vhost_user_msg *msg, const int *fds, unsigned int n_fds);

/*
 * The next message, with its descriptors (closed by the caller) if fds is not NULL; they are
 * closed here otherwise. *n_fds is the room in, what came out. -ETIMEDOUT, -ECONNRESET when the
 * peer has gone, -EMSGSIZE when the payload is larger than any that the spec knows.
 */
int vhost_user_recv(
	int socket, struct vhost_user_msg *msg, int *fds, unsigned int *n_fds, int timeout_ms);

/* Send a request that always has a reply (GET_...), and wait for it: msg is both. */
int vhost_user_ask(int socket, struct vhost_user_msg *msg, struct err *err);

/* Send a request that has none; `ack` asks for one (REPLY_ACK negotiated) and checks it. */
int vhost_user_tell(int socket, struct vhost_user_msg *msg, const int *fds, unsigned int n_fds,
	bool ack, struct err *err);

/* The request's name as in the spec, or "message N". The text lives until the next call. */
const char *vhost_user_name(uint32_t request);

#endif
