/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The in-flight area: what a back end that comes after a crash must know (vhost-user, "Inflight I/O
 * tracking").
 *
 * The switch gives buffers back in the order in which it took them, and none across a burst, so all
 * that has to survive is how far it has used the ring. A split ring tells that itself (its used
 * index). For a packed one the area keeps used slot and wrap counter: vq_inflight_begin() notes
 * where a batch will end before it is written, vq_inflight_end() that it is; whoever comes after
 * finds out from the ring which of the two holds.
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
 * `desc` is the descriptor ring of `size` slots. Notes the place in the area, so this is called
 * once for each start of a ring, before workers use it.
 */
uint32_t inflight_resume(
	struct vq_inflight *part, const uint8_t *desc, uint16_t size, uint32_t base) ON_MAIN;

/* --- a worker, packed rings: around writing used descriptors up to (slot, wrap) --------------- */

void vq_inflight_begin(struct vq_inflight *part, uint16_t slot, bool wrap);
void vq_inflight_end(struct vq_inflight *part);

#endif
