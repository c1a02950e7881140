/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A buffer of several descriptors: walked, checked and translated.
 *
 * Both formats, indirect tables, pieces that cross from one region of memory into the next. Slow
 * beside a single descriptor, which never comes here.
 *
 * Threads: the worker that has the ring.
 */
#ifndef VSW_PORTS_VHOST_VQ_CHAIN_H
#define VSW_PORTS_VHOST_VQ_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "ports/vhost/vq.h"

#define VQ_PIECES_MAX (VQ_CHAIN_MAX + 64) /* descriptors, and borders of regions within them */

/*
 * Descriptors of such buffers that one burst looks at, not counting the last buffer's: tens of
 * microseconds at worst, as long as it takes to copy a burst of the longest frames. Other ports
 * wait meanwhile.
 */
#define VQ_WORK_MAX 2048

struct vq_chain {
	uint32_t n; /* pieces */
	uint32_t looked; /* descriptors that were looked at, those without bytes too */
	uint64_t len; /* bytes of all */
	uint16_t id; /* packed: buffer id, of the last descriptor */
	uint16_t slots; /* packed: ring descriptors that it takes */
	struct pkt_seg pieces[VQ_PIECES_MAX]; /* none empty */
	uint64_t gpas[VQ_PIECES_MAX]; /* of the pieces, for the log */
};

/* Forget the pieces; several buffers may be walked into one chain after that. */
static inline void
vq_chain_clear(struct vq_chain *chain)
{
	chain->n = 0;
	chain->looked = 0;
	chain->len = 0;
}

/*
 * Append the buffer that begins at descriptor `start` (split: head; packed: slot) and that the
 * device writes, or reads. The fault, or VQ_FAULT_NONE; with a fault the chain is of no use.
 */
enum vq_fault vq_chain_walk(struct vq_chain *chain, struct vq *vq, const struct vq_view *view,
	uint16_t start, bool writes);

/*
 * For the log: the guest-physical address of bytes that the table has at `at`. `last` is where the
 * search begins, the region of the last call or 0: buffers that are fetched at once share one.
 */
uint64_t vq_chain_gpa(const struct gmem *memory, const uint8_t *at, uint32_t *last);

#endif
