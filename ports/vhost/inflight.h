/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The in-flight area: what a back end that comes after a crash must know (vhost-user, "Inflight I/O
 * tracking").
 *
 * The switch gives buffers back in the order in which it took them, and none across a burst, so all
 * that has to survive is how far it has used the ring. A split ring tells that itself: a batch is
 * there when its used index is. A packed one has no index, and a used descriptor lies over the
 * available one: a device that dies within a batch leaves a ring that nobody can go on with. So the
 * batch is written to the area first (vq_inflight_put), and from there to the ring
 * (vq_inflight_commit), its first descriptor last: until that is there, the driver sees nothing of
 * the batch, and whoever comes after writes it again.
 *
 * The area is memory of a file that this daemon has made (GET_INFLIGHT_FD) and the front end keeps
 * and may write or truncate: it is guarded, and what is read from it is checked against the ring.
 */
#ifndef VSW_PORTS_VHOST_INFLIGHT_H
#define VSW_PORTS_VHOST_INFLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "ports/vhost/peer_map.h"

struct vq_inflight; /* header of one ring's part of the area, as the specification lays it out */

/* vhost-user, "Inflight description". */
struct inflight_desc {
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t num_queues; /* rings */
	uint16_t queue_size;
} __attribute__((packed));

struct inflight {
	struct inflight_desc desc;
	bool packed;
	uint8_t *area; /* of ring 0 */
	uint64_t stride; /* bytes of one ring's part */
	struct peer_map map;
};

/* A new area for so many rings: its file is *fd, the caller's to send and close. */
int inflight_make(uint16_t n_rings, uint16_t size, bool packed, atomic_bool *gone,
	struct inflight **out, int *fd, struct err *err) ON_MAIN;

/* One that the front end has kept. Takes the descriptor in any case. */
int inflight_open(int fd, const struct inflight_desc *desc, bool packed, atomic_bool *gone,
	struct inflight **out, struct err *err) ON_MAIN;
void inflight_free(struct inflight *inflight) ON_MAIN; /* NULL is legal; after a grace period */

/* The part of a ring with `size` descriptors; NULL if the area is not made for such a ring. */
struct vq_inflight *
inflight_ring(const struct inflight *inflight, uint16_t ring, uint16_t size) ON_MAIN;

/*
 * Where a packed ring goes on, in the form of SET_VRING_BASE: `base` unless the area knows better.
 * `desc` is the descriptor ring of `size` slots; a batch that was being written is finished there.
 * Notes the place in the area, so this is called once for each start of a ring, before workers use
 * it.
 */
uint32_t
inflight_resume(struct vq_inflight *part, uint8_t *desc, uint16_t size, uint32_t base) ON_MAIN;

/* --- a worker, packed rings ------------------------------------------------------------------ */

/* What a used descriptor says (virtio 1.2, 2.8.6), and where. */
struct vq_inflight_used {
	uint16_t slot; /* below the ring's size */
	uint16_t slots; /* that the buffer takes, > 0 */
	uint16_t id;
	uint16_t flags; /* DESC_WRITE or 0; the lap's are put in */
	uint32_t len;
};

/* Slots [slot, slot + n) of a ring of `size`, beginning in the lap that `wrap` says. */
struct vq_inflight_span {
	uint16_t size;
	uint16_t slot;
	bool wrap;
	uint16_t n; /* 1 to size */
};

/* One buffer of the batch; the ring is not touched. */
void vq_inflight_put(struct vq_inflight *part, const struct vq_inflight_used *used);

/* Write the batch, what was put for all of the span, to the ring: the guest sees it. */
void
vq_inflight_commit(struct vq_inflight *part, uint8_t *desc, const struct vq_inflight_span *span);

#endif
