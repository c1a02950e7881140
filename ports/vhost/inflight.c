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

#define RINGS_MAX 256 /* vhost-user: a ring's number is a byte */
#define SIZE_MAX_RING 32768 /* virtio 1.2, 2.7 */
#define PART_ALIGN 64 /* of each ring's part, as other back ends have it */
#define VERSION 1 /* vhost-user, "Inflight I/O tracking"; 0: nothing is in it */
#define WRAP 0x8000 /* vhost-user: the wrap counter in one half of a packed ring's base */

/* virtio 1.2, 2.8: a descriptor of a packed ring. */
#define DESC_SIZE 16
#define DESC_FLAGS 14
#define DESC_F_USED (1U << 15)

/* vhost-user: DescStateSplit and DescStatePacked, which we do not use but leave room for. */
#define SPLIT_STATE_SIZE 16
#define PACKED_STATE_SIZE 32
#define SPLIT_HEADER_SIZE 16
#define PACKED_HEADER_SIZE 32

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

/* vhost-user: QueueRegionPacked, without its states. The first four are a split ring's, too. */
struct vq_inflight {
	uint64_t features;
	uint16_t version;
	uint16_t desc_num;
	uint16_t free_head;
	uint16_t old_free_head;
	union place place;
	uint8_t padding[PACKED_HEADER_SIZE - 24];
};

static_assert(sizeof(struct vq_inflight) == PACKED_HEADER_SIZE, "vhost-user: QueueRegionPacked");
static_assert(offsetof(struct vq_inflight, place) == 16, "vhost-user: QueueRegionPacked");
static_assert(sizeof(union place) == sizeof(uint64_t), "written at once");

static uint64_t
stride_of(uint16_t size, bool packed)
{
	const uint64_t bytes = packed ? PACKED_HEADER_SIZE + (uint64_t)size * PACKED_STATE_SIZE
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

static union place
place_load(const struct vq_inflight *part)
{
	return (union place){.word = __atomic_load_n(&part->place.word, __ATOMIC_RELAXED)};
}

/* Has the descriptor at a slot been given back in the lap that has this wrap counter? */
static bool
is_used(const uint8_t *desc, uint16_t slot, bool wrap)
{
	const uint16_t *flags = (const uint16_t *)(desc + (size_t)slot * DESC_SIZE + DESC_FLAGS);

	/*
	 * Only the used bit: a driver that makes the descriptor available again, in its next lap,
	 * leaves that as it was, and changes the other.
	 */
	return ((__atomic_load_n(flags, __ATOMIC_ACQUIRE) & DESC_F_USED) != 0) == wrap;
}

/* Does the area say something that can be true of such a ring? */
static bool
makes_sense(const struct vq_inflight *part, const union place *place, uint16_t size)
{
	return __atomic_load_n(&part->version, __ATOMIC_RELAXED) == VERSION &&
		__atomic_load_n(&part->desc_num, __ATOMIC_RELAXED) == size && place->used < size &&
		place->old_used < size && place->wrap <= 1 && place->old_wrap <= 1;
}

/* From now on a ring of `size` is at this place, with no batch begun. */
static void
note(struct vq_inflight *part, uint16_t size, uint16_t slot, bool wrap)
{
	const union place place = {
		.used = slot,
		.old_used = slot,
		.wrap = wrap,
		.old_wrap = wrap,
	};

	/* The version comes last: until then a successor finds nothing, and takes the base. */
	__atomic_store_n(&part->version, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&part->desc_num, size, __ATOMIC_RELEASE);
	__atomic_store_n(&part->place.word, place.word, __ATOMIC_RELEASE);
	__atomic_store_n(&part->version, VERSION, __ATOMIC_RELEASE);
}

uint32_t
inflight_resume(struct vq_inflight *part, const uint8_t *desc, uint16_t size, uint32_t base)
{
	const union place place = place_load(part);
	uint16_t slot = (base >> 16) & (WRAP - 1);
	bool wrap = (base >> 16 & WRAP) != 0;

	if (makes_sense(part, &place, size)) {
		/* The first descriptor of a batch is written last, so it stands for all. */
		const bool written = is_used(desc, place.old_used, place.old_wrap != 0);

		slot = written ? place.used : place.old_used;
		wrap = (written ? place.wrap : place.old_wrap) != 0;
		base = slot | (wrap ? WRAP : 0);
		base |= base << 16;
	}
	if (slot < size) {
		note(part, size, slot, wrap);
	}
	return base;
}

void
vq_inflight_begin(struct vq_inflight *part, uint16_t slot, bool wrap)
{
	union place place = place_load(part);

	place.used = slot;
	place.wrap = wrap;
	__atomic_store_n(&part->place.word, place.word, __ATOMIC_RELAXED);
	/* Known before the first descriptor of the batch changes. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void
vq_inflight_end(struct vq_inflight *part)
{
	union place place = place_load(part);

	place.old_used = place.used;
	place.old_wrap = place.wrap;
	/* After the whole batch is written. */
	__atomic_store_n(&part->place.word, place.word, __ATOMIC_RELEASE);
}
