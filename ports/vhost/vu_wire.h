/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user on the wire: numbers and layouts, from QEMU's docs/interop/vhost-user.rst ("the
 * specification"; the section that defines a thing is named beside it) and virtio 1.2.
 *
 * All integers are in the byte order of the machine.
 */
#ifndef VSW_PORTS_VHOST_VU_WIRE_H
#define VSW_PORTS_VHOST_VU_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* "Front-end message types": those that a network back end is sent. */
enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_LOG_FD = 7,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SEND_RARP = 19,
	VU_NET_SET_MTU = 20,
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD = 32,
	VU_RESET_DEVICE = 34,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
	VU_REQUESTS_N
};

/* "Header": flags. */
#define VU_VERSION 0x1U
#define VU_VERSION_MASK 0x3U
#define VU_REPLY 0x4U
#define VU_NEED_REPLY 0x8U

/* "Protocol features". */
#define VU_PROTOCOL_F_MQ (UINT64_C(1) << 0)
#define VU_PROTOCOL_F_LOG_SHMFD (UINT64_C(1) << 1)
#define VU_PROTOCOL_F_RARP (UINT64_C(1) << 2)
#define VU_PROTOCOL_F_REPLY_ACK (UINT64_C(1) << 3)
#define VU_PROTOCOL_F_NET_MTU (UINT64_C(1) << 4)
#define VU_PROTOCOL_F_INFLIGHT_SHMFD (UINT64_C(1) << 12)
#define VU_PROTOCOL_F_RESET_DEVICE (UINT64_C(1) << 13)
#define VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS (UINT64_C(1) << 15)
#define VU_PROTOCOL_F_STATUS (UINT64_C(1) << 16)

/* Feature bits that vhost adds to virtio's ("Feature negotiation", "Migration"). */
#define VU_F_LOG_ALL (UINT64_C(1) << 26)
#define VU_F_PROTOCOL_FEATURES (UINT64_C(1) << 30)

/* virtio 1.2, 5.1.3: features of a network device that we know. */
#define VU_NET_CSUM (UINT64_C(1) << 0)
#define VU_NET_GUEST_CSUM (UINT64_C(1) << 1)
#define VU_NET_MTU (UINT64_C(1) << 3)
#define VU_NET_GUEST_TSO4 (UINT64_C(1) << 7)
#define VU_NET_GUEST_TSO6 (UINT64_C(1) << 8)
#define VU_NET_GUEST_ECN (UINT64_C(1) << 9)
#define VU_NET_HOST_TSO4 (UINT64_C(1) << 11)
#define VU_NET_HOST_TSO6 (UINT64_C(1) << 12)
#define VU_NET_HOST_ECN (UINT64_C(1) << 13)
#define VU_NET_MRG_RXBUF (UINT64_C(1) << 15)
#define VU_NET_STATUS (UINT64_C(1) << 16)
#define VU_NET_CTRL_VQ (UINT64_C(1) << 17)
#define VU_NET_CTRL_RX (UINT64_C(1) << 18)
#define VU_NET_GUEST_ANNOUNCE (UINT64_C(1) << 21)
#define VU_NET_MQ (UINT64_C(1) << 22)
#define VU_NET_GUEST_USO4 (UINT64_C(1) << 54)
#define VU_NET_GUEST_USO6 (UINT64_C(1) << 55)
#define VU_NET_HOST_USO (UINT64_C(1) << 56)
/* virtio 1.2, 6: reserved feature bits. */
#define VU_RING_ANY_LAYOUT (UINT64_C(1) << 27)
#define VU_RING_INDIRECT (UINT64_C(1) << 28)
#define VU_RING_EVENT_IDX (UINT64_C(1) << 29)
#define VU_RING_VERSION_1 (UINT64_C(1) << 32)
#define VU_RING_PACKED (UINT64_C(1) << 34)
#define VU_RING_IN_ORDER (UINT64_C(1) << 35)

/* virtio 1.2, 2.1: device status bits, as SET_STATUS carries them. */
#define VU_STATUS_ACKNOWLEDGE 1U
#define VU_STATUS_DRIVER 2U
#define VU_STATUS_DRIVER_OK 4U
#define VU_STATUS_FEATURES_OK 8U
#define VU_STATUS_FAILED 128U

/* SET_VRING_KICK, CALL, ERR: ring in bits 0-7, bit 8: no descriptor comes along (poll). */
#define VU_VRING_INDEX_MASK 0xffU
#define VU_VRING_NO_FD 0x100U

#define VU_VRING_F_LOG 1U /* SET_VRING_ADDR: log writes to the used ring */

#define VU_FDS_MAX 8 /* SET_MEM_TABLE has one for each region, and at most 8 regions */
#define VU_TABLE_REGIONS 8 /* "Multiple memory regions description" */

struct vu_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t user;
	uint64_t offset;
};

struct vu_vring_state {
	uint32_t index;
	uint32_t num;
};

struct vu_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

struct vu_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};
static_assert(sizeof(struct vu_header) == 12, "Header");
static_assert(sizeof(struct vu_vring_addr) == 40, "A vring address description");

union vu_payload {
	uint64_t u64;
	struct vu_vring_state state;
	struct vu_vring_addr addr;
	struct {
		uint32_t n;
		uint32_t padding;
		struct vu_region regions[VU_TABLE_REGIONS];
	} table;
	struct {
		uint64_t padding;
		struct vu_region region;
	} slot; /* "Single memory region description" */
	struct {
		uint64_t size;
		uint64_t offset;
	} log;
	struct {
		uint64_t mmap_size;
		uint64_t mmap_offset;
		uint16_t num_queues;
		uint16_t queue_size;
		uint32_t padding; /* not on the wire */
	} inflight; /* 20 bytes on the wire */
	uint8_t bytes[8 + VU_TABLE_REGIONS * 32];
};
#define VU_PAYLOAD_MAX sizeof(union vu_payload)

/* A whole message, private memory. */
struct vu_msg {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload, at most VU_PAYLOAD_MAX */
	union vu_payload payload;
	uint32_t n_fds;
	int fds[VU_FDS_MAX]; /* -1 once taken */
};

#endif
