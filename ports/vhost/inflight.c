/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/inflight.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ports/vhost/vq_format.h"

#define RINGS_MAX 256 /* vhost-user: a ring's number is a byte */
#define SIZE_MAX_RING 32768 /* virtio 1.2, 2.7 */
#define PART_ALIGN 64 /* of each ring's part, as other back ends have it */
#define VERSION 1 /* vhost-user, "Inflight I/O tracking"; 0: nothing is in it */
#define WRAP 0x8000U /* vhost-user: the wrap counter in one half of a packed ring's base */

/* vhost-user: DescStateSplit, which we leave room for. */
#define SPLIT_STATE_SIZE 16
#define SPLIT_HEADER_SIZE 16

/* vhost-user: DescStatePacked. Of a buffer's first slot; what it says of the used descriptor. */
struct state {
	uint8_t inflight;
	uint8_t padding;
	uint16_t next;
	uint16_t last;
	uint16_t num; /* slots */
	uint64_t counter;
	uint16_t id;
	uint16_t flags;
	uint32_t len;
	uint64_t addr;
};

/* The eight bytes that say how far a packed ring has been used, written at once. */
union place {
	struct {
		uint16_t used; /* used_idx: where the batch ends */
		uint16_t old_used; /* old_used_idx: where it begins; the same: there is none */
		uint8_t wrap; /* used_wrap_counter */
		uint8_t old_wrap; /* old_used_wrap_counter */
		uint8_t zero[2];
	};
	uint64_t word;
};

/* vhost-user: QueueRegionPacked. A split ring's begins with the same four. */
struct vq_inflight {
	uint64_t features;
	uint16_t version;
	uint16_t desc_num;
	uint16_t free_head;
	uint16_t old_free_head;
	union place place;
	uint64_t padding;
	struct state states[];
};

static_assert(sizeof(struct state) == 32, "vhost-user: DescStatePacked");
static_assert(sizeof(struct vq_inflight) == 32, "vhost-user: QueueRegionPacked");
static_assert(offsetof(struct vq_inflight, place) == 16, "vhost-user: QueueRegionPacked");
static_assert(sizeof(union place) == sizeof(uint64_t), "written at once");

static uint64_t
stride_of(uint16_t size, bool packed)
{
	const uint64_t bytes = packed ? sizeof(struct vq_inflight) + size * sizeof(struct state)
				      : SPLIT_HEADER_SIZE + (uint64_t)size * SPLIT_STATE_SIZE;

	return (bytes + PART_ALIGN - 1) & ~(uint64_t)(PART_ALIGN - 1);
}

static int
check_desc(const struct inflight_desc *desc, bool packed, struct err *err)
{
	const uint64_t needed = desc->num_queues * stride_of(desc->queue_size, packed);

	if (desc->num_queues == 0 || desc->num_queues > RINGS_MAX) {
		return err_set(err, ERR_INVALID, NULL,
			"the in-flight area is for %u rings; 1 to %u are possible",
			desc->num_queues, RINGS_MAX);
	}
	if (desc->queue_size == 0 || desc->queue_size > SIZE_MAX_RING) {
		return err_set(err, ERR_INVALID, NULL,
			"the in-flight area is for rings of %u descriptors; 1 to %u are possible",
			desc->queue_size, SIZE_MAX_RING);
	}
	if (desc->mmap_size < needed) {
		return err_set(err, ERR_INVALID, NULL,
			"the in-flight area has 0x%" PRIx64
			" bytes; %u rings of %u need 0x%" PRIx64,
			desc->mmap_size, desc->num_queues, desc->queue_size, needed);
	}
	if (desc->mmap_offset % sizeof(uint64_t) != 0) {
		return err_set(err, ERR_INVALID, NULL,
			"the in-flight area begins at 0x%" PRIx64
			" of its file, which is not a multiple of 8",
			desc->mmap_offset);
	}
	return 0;
}

/* Check and map. Does not take the descriptor. */
static int
open_area(int fd, const struct inflight_desc *desc, bool packed, atomic_bool *gone,
	struct inflight **out, struct err *err) ON_MAIN
{
	const uint64_t stride = stride_of(desc->queue_size, packed);
	struct peer_part part = {
		.what = "the in-flight area",
		.offset = desc->mmap_offset,
	};
	struct inflight *inflight;
	int ret = check_desc(desc, packed, err);

	if (ret != 0) {
		return ret;
	}
	part.size = desc->num_queues * stride; /* no more of what was announced is used */
	inflight = calloc(1, sizeof(*inflight));
	if (inflight == NULL) {
		(void)err_set(err, ERR_LIMIT, NULL, "out of memory for the in-flight area");
		return -ENOMEM;
	}
	ret = peer_map_make(&inflight->map, fd, &part, gone, err);
	if (ret != 0) {
		free(inflight);
		return ret;
	}
	inflight->desc = *desc;
	inflight->packed = packed;
	inflight->area = inflight->map.bytes;
	inflight->stride = stride;
	*out = inflight;
	return 0;
}

int
inflight_make(uint16_t n_rings, uint16_t size, bool packed, atomic_bool *gone,
	struct inflight **out, int *fd, struct err *err)
{
	const struct inflight_desc desc = {
		.mmap_size = n_rings * stride_of(size, packed),
		.num_queues = n_rings,
		.queue_size = size,
	};
	int ret = check_desc(&desc, packed, err);

	if (ret != 0) {
		return ret;
	}
	*fd = memfd_create("vhost-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, (off_t)desc.mmap_size) != 0 ||
		fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		ret = err_set(err, ERR_FAILED, NULL,
			"cannot make the in-flight area of 0x%" PRIx64 " bytes: %s",
			(uint64_t)desc.mmap_size, strerror(errno));
	} else {
		ret = open_area(*fd, &desc, packed, gone, out, err);
	}
	if (ret != 0 && *fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	return ret;
}

int
inflight_open(int fd, const struct inflight_desc *desc, bool packed, atomic_bool *gone,
	struct inflight **out, struct err *err)
{
	const int ret = open_area(fd, desc, packed, gone, out, err);

	(void)close(fd);
	return ret;
}

void
inflight_free(struct inflight *inflight)
{
	if (inflight == NULL) {
		return;
	}
	peer_map_release(&inflight->map);
	while (peer_map_unmap(&inflight->map, UINT64_MAX)) {
	}
	free(inflight);
}

struct vq_inflight *
inflight_ring(const struct inflight *inflight, uint16_t ring, uint16_t size)
{
	if (ring >= inflight->desc.num_queues || size > inflight->desc.queue_size) {
		return NULL;
	}
	return (struct vq_inflight *)(inflight->area + ring * inflight->stride);
}

/* --- packed rings ---------------------------------------------------------------------------- */

static void
place_store(struct vq_inflight *part, uint16_t used, bool wrap, uint16_t old_used, bool old_wrap)
{
	const union place place = {
		.used = used,
		.old_used = old_used,
		.wrap = wrap,
		.old_wrap = old_wrap,
	};

	__atomic_store_n(&part->place.word, place.word, __ATOMIC_RELEASE);
}

/* Does the area say something that can be true of such a ring? Then the batch that was begun. */
static bool
read_place(const struct vq_inflight *part, uint16_t size, struct vq_inflight_span *span)
{
	const union place place = {.word = __atomic_load_n(&part->place.word, __ATOMIC_ACQUIRE)};
	const uint32_t end = place.used + (place.wrap != place.old_wrap ? (uint32_t)size : 0);

	if (__atomic_load_n(&part->version, __ATOMIC_RELAXED) != VERSION ||
		__atomic_load_n(&part->desc_num, __ATOMIC_RELAXED) != size || place.used >= size ||
		place.old_used >= size || place.wrap > 1 || place.old_wrap > 1 ||
		end < place.old_used || end - place.old_used > size) {
		return false;
	}
	*span = (struct vq_inflight_span){
		.size = size,
		.slot = place.old_used,
		.wrap = place.old_wrap != 0,
		.n = (uint16_t)(end - place.old_used),
	};
	return true;
}

/* Go on by n <= size slots. */
static void
step(struct vq_inflight_span *span, uint16_t n)
{
	const uint32_t slot = (uint32_t)span->slot + n;

	span->wrap ^= slot >= span->size;
	span->slot = (uint16_t)(slot >= span->size ? slot - span->size : slot);
	span->n = (uint16_t)(span->n - n);
}

/* Slots of the buffer at the span's beginning, as the area has it now: within the span. */
static uint16_t
buffer_slots(const struct vq_inflight *part, const struct vq_inflight_span *span)
{
	const uint16_t num = __atomic_load_n(&part->states[span->slot].num, __ATOMIC_RELAXED);

	return num == 0 || num > span->n ? span->n : num;
}

/* Write the used descriptor of one buffer. */
static void
write_used(const struct vq_inflight *part, uint8_t *desc, const struct vq_inflight_span *span)
{
	const struct state *state = &part->states[span->slot];
	const uint16_t lap = span->wrap ? DESC_AVAIL | DESC_USED : 0;
	const uint16_t flags = __atomic_load_n(&state->flags, __ATOMIC_RELAXED) & DESC_WRITE;
	uint8_t *at = desc + (size_t)span->slot * DESC_SIZE;

	*(volatile loose32 *)(at + 8) = __atomic_load_n(&state->len, __ATOMIC_RELAXED);
	guest_store16(at + 12, __atomic_load_n(&state->id, __ATOMIC_RELAXED));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	guest_store16(at + 14, flags | lap);
}

/* Write the batch that the area has for a span: the first descriptor last, it shows the others. */
static void
write_batch(const struct vq_inflight *part, uint8_t *desc, const struct vq_inflight_span *span)
{
	struct vq_inflight_span rest = *span;

	for (step(&rest, buffer_slots(part, &rest)); rest.n > 0;
		step(&rest, buffer_slots(part, &rest))) {
		write_used(part, desc, &rest);
	}
	write_used(part, desc, span);
}

/* Has the descriptor at the span's beginning been written in this lap? */
static bool
is_written(const uint8_t *desc, const struct vq_inflight_span *span)
{
	const uint16_t flags = guest_load16(desc + (size_t)span->slot * DESC_SIZE + 14);

	/*
	 * Only the used bit: a driver that makes the descriptor available again, in its next lap,
	 * leaves that as it was, and changes the other.
	 */
	return ((flags & DESC_USED) != 0) == span->wrap;
}

/* From now on a ring of `size` is at this place, with no batch begun. */
static void
note(struct vq_inflight *part, uint16_t size, uint16_t slot, bool wrap)
{
	/* The version comes last: until then a successor finds nothing, and takes the base. */
	__atomic_store_n(&part->version, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&part->desc_num, size, __ATOMIC_RELEASE);
	place_store(part, slot, wrap, slot, wrap);
	__atomic_store_n(&part->version, VERSION, __ATOMIC_RELEASE);
}

uint32_t
inflight_resume(struct vq_inflight *part, uint8_t *desc, uint16_t size, uint32_t base)
{
	struct vq_inflight_span span;
	uint32_t half = base >> 16;

	if (read_place(part, size, &span)) {
		if (span.n > 0 && !is_written(desc, &span)) {
			write_batch(part, desc, &span);
		}
		step(&span, span.n);
		half = span.slot | (span.wrap ? WRAP : 0);
		base = half << 16 | half;
	}
	if ((half & ~WRAP) < size) {
		note(part, size, half & ~WRAP, (half & WRAP) != 0);
	}
	return base;
}

void
vq_inflight_put(struct vq_inflight *part, const struct vq_inflight_used *used)
{
	struct state *state = &part->states[used->slot];

	__atomic_store_n(&state->num, used->slots, __ATOMIC_RELAXED);
	__atomic_store_n(&state->id, used->id, __ATOMIC_RELAXED);
	__atomic_store_n(&state->flags, used->flags, __ATOMIC_RELAXED);
	__atomic_store_n(&state->len, used->len, __ATOMIC_RELAXED);
}

void
vq_inflight_commit(struct vq_inflight *part, uint8_t *desc, const struct vq_inflight_span *span)
{
	struct vq_inflight_span end = *span;

	if (span->n == 0 || span->n > span->size) {
		return; /* only a driver that makes one slot available twice gets here */
	}
	step(&end, span->n);
	/* All of the batch is in the area, then where it ends, then the ring changes. */
	place_store(part, end.slot, end.wrap, span->slot, span->wrap);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	write_batch(part, desc, span);
	place_store(part, end.slot, end.wrap, end.slot, end.wrap);
}
