/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtqueues in memory: layouts (virtio 1.2, sections 2.7 and 2.8) and single loads of them.
 *
 * Everything here lies in memory that the guest writes at any time. Each function loads or stores
 * once, whatever the compiler thinks; what is loaded is the caller's private copy. Integers are
 * little-endian (2.2.1), as is the machine.
 */
#ifndef VSW_PORTS_VHOST_VQ_FORMAT_H
#define VSW_PORTS_VHOST_VQ_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "virtio 1.2, 2.2.1");

/* 2.7.5, 2.8.13: descriptor flags. */
#define DESC_NEXT 1U
#define DESC_WRITE 2U
#define DESC_INDIRECT 4U
#define DESC_KINDS (DESC_NEXT | DESC_WRITE | DESC_INDIRECT)
/* 2.8.1 */
#define DESC_AVAIL (1U << 7)
#define DESC_USED (1U << 15)

#define DESC_SIZE 16 /* of both formats */

#define SPLIT_NO_INTERRUPT 1U /* 2.7.6: available ring's flags */
#define SPLIT_NO_NOTIFY 1U /* 2.7.8: used ring's flags */

/* 2.8.14: event suppression */
#define PACKED_EVENT_ENABLE 0U
#define PACKED_EVENT_DISABLE 1U
#define PACKED_EVENT_DESC 2U
#define PACKED_EVENT_WRAP (1U << 15)

/* Indirect tables may lie at any address (2.7.5.3.1 asks for no alignment). */
typedef uint64_t loose64 __attribute__((aligned(1), may_alias));
typedef uint32_t loose32 __attribute__((aligned(1), may_alias));
typedef uint16_t loose16 __attribute__((aligned(1), may_alias));

/* A private copy of a descriptor of either format. */
struct desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
	uint16_t next; /* split: the chain's next descriptor; packed: buffer id */
};

static inline struct desc
desc_load_split(const uint8_t *at)
{
	const uint64_t gpa = *(const volatile loose64 *)at;
	const uint64_t rest = *(const volatile loose64 *)(at + 8);

	return (struct desc){.gpa = gpa,
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 32),
		.next = (uint16_t)(rest >> 48)};
}

/* The second half first: it has the flags that make the first half valid (2.8.21.1). */
static inline struct desc
desc_load_packed(const uint8_t *at)
{
	const uint64_t rest = *(const volatile loose64 *)(at + 8);
	uint64_t gpa;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	gpa = *(const volatile loose64 *)at;
	return (struct desc){.gpa = gpa,
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 48),
		.next = (uint16_t)(rest >> 32)};
}

static inline uint16_t
guest_load16(const uint8_t *at)
{
	return *(const volatile loose16 *)at;
}

static inline void
guest_store16(uint8_t *at, uint16_t value)
{
	*(volatile loose16 *)at = value;
}

/* --- split: offsets (2.7.6, 2.7.8) ----------------------------------------------------------- */

static inline uint16_t
split_avail_idx(const uint8_t *avail)
{
	const uint16_t idx = guest_load16(avail + 2);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return idx;
}

static inline uint8_t *
split_avail_ring(uint8_t *avail, uint16_t i)
{
	return avail + 4 + 2U * i;
}

static inline uint8_t *
split_used_event(uint8_t *avail, uint16_t size)
{
	return avail + 4 + 2U * size;
}

static inline uint8_t *
split_used_ring(uint8_t *used, uint16_t i)
{
	return used + 4 + 8U * i;
}

static inline uint8_t *
split_avail_event(uint8_t *used, uint16_t size)
{
	return used + 4 + 8U * size;
}

static inline uint64_t
split_avail_bytes(uint16_t size)
{
	return 6 + 2 * (uint64_t)size;
}

static inline uint64_t
split_used_bytes(uint16_t size)
{
	return 6 + 8 * (uint64_t)size;
}

/* --- packed ---------------------------------------------------------------------------------- */

#define PACKED_EVENT_BYTES 4 /* 2.8.14: off_wrap and flags */

static inline bool
packed_is_avail(uint16_t flags, bool wrap)
{
	return ((flags & DESC_AVAIL) != 0) == wrap && ((flags & DESC_USED) != 0) != wrap;
}

static inline uint16_t
packed_used_flags(bool wrap)
{
	return wrap ? DESC_AVAIL | DESC_USED : 0;
}

/* Does an event at `event` lie among those from `old` to before `now`? 2.7.7.2 */
static inline bool
vq_event_reached(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

#endif
