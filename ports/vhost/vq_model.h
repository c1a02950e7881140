/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of a virtqueue, for tests: written from virtio 1.2, sections 2.7 and 2.8, and
 * free to do all that a driver may do.
 *
 * The driver posts chains of pieces, each where it likes, and collects what the device has used,
 * strictly in the order of posting: this device never overtakes, so that what in-order promises
 * holds always.
 *
 * Threads: one, which is driver and device in turns.
 */
#ifndef VSW_PORTS_VHOST_VQ_MODEL_H
#define VSW_PORTS_VHOST_VQ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ports/vhost/vq.h"
#include "ports/vhost/vq_test_memory.h"

#define MODEL_PIECES_MAX 1024

/* virtio 1.2, 2.7.5 and 2.8.13; the two last: packed only */
#define MODEL_F_NEXT 1U
#define MODEL_F_WRITE 2U
#define MODEL_F_INDIRECT 4U
#define MODEL_F_AVAIL 0x80U
#define MODEL_F_USED 0x8000U

/* A chain that was posted. */
struct model_buf {
	uint16_t id; /* split: head; packed: buffer id */
	uint16_t slots; /* descriptors of the ring that it takes */
	uint32_t total; /* bytes */
	uint16_t n_pieces;
	uint16_t *descs; /* split: slots of them, to give back */
	struct model_piece pieces[];
};

struct model_conf {
	bool packed;
	bool receives; /* the guest receives: buffers are written by the device */
	bool mergeable;
	bool indirect; /* negotiated */
	bool event_idx;
	uint16_t size;
	uint8_t hdr_len;
	uint32_t base; /* as vq_set_base has it */
	uint32_t flags; /* more of enum vq_flag */
	uint32_t takes;
};

enum model_how {
	MODEL_DIRECT,
	MODEL_INDIRECT, /* all pieces in a table */
	MODEL_MIXED, /* split: some in the ring, the others in a table behind them (2.7.5.3.2) */
};

struct model_ring {
	struct model_memory *memory;
	struct model_conf conf;
	struct vq_view view; /* for the device */
	uint64_t desc; /* guest-physical */
	uint64_t avail;
	uint64_t used;
	uint16_t next_avail; /* split: free-running; packed: slot */
	uint16_t next_used;
	bool avail_wrap;
	bool used_wrap;
	uint16_t published; /* split: the index that the device may see */
	uint16_t n_free; /* descriptors of the ring */
	uint16_t *free; /* split: n_free descriptors; packed: ids not in use */
	uint16_t n_ids; /* packed: how many of `free` */
	uint32_t first; /* oldest of posted */
	uint32_t n_posted;
	struct model_buf **posted; /* conf.size, used as a circle */
	uint64_t n_used; /* collected so far */
};

/* --- rings ----------------------------------------------------------------------------------- */

/* Takes its parts from the memory's allocator. */
void model_ring_init(
	struct model_ring *ring, struct model_memory *memory, const struct model_conf *conf);
void model_ring_fini(struct model_ring *ring);

/* Descriptors of the ring that are free. */
uint16_t model_room(const struct model_ring *ring);

/* Post a chain. False, and nothing done, if the ring has no room. Split: publish afterwards. */
bool model_post(
	struct model_ring *ring, const struct model_piece *pieces, uint16_t n, enum model_how how);
void model_publish(struct model_ring *ring);

/*
 * The oldest chain, if the device has used it; the caller frees it. *written comes back as the
 * length that the device told, whose bytes are accepted.
 */
struct model_buf *model_collect(struct model_ring *ring, uint32_t *written);
void model_buf_free(struct model_buf *buf);

/* The first `len` bytes of the chain. */
void model_gather(const struct model_memory *memory, const struct model_buf *buf, uint8_t *bytes,
	uint32_t len);

/* What the device wrote to suppress notifications is its own: accept it. */
void model_accept_events(struct model_ring *ring);

/* --- frames ---------------------------------------------------------------------------------- */

enum model_cut {
	MODEL_ONE, /* header and frame in one descriptor */
	MODEL_TWO, /* each its own */
	MODEL_MANY, /* anywhere, the header too */
	MODEL_FINE, /* many of few bytes each, as many as may be */
};
#define MODEL_CUTS 4

/*
 * Pieces for `total` bytes, of which `hdr_len` are a header, at most `max` of them. Takes them from
 * the allocator. Returns how many.
 */
uint16_t model_cut(struct model_memory *memory, uint32_t total, uint32_t hdr_len,
	enum model_cut cut, uint16_t max, struct model_piece *pieces);

#endif
