/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vq_chain.h"

#include "ports/vhost/vq_format.h"

/* What the walks of a buffer share. */
struct walk {
	struct vq_chain *chain;
	struct vq *vq;
	const struct gmem *memory;
	uint32_t descs; /* looked at so far */
	bool writes;
};

static enum vq_fault
add_piece(struct vq_chain *chain, uint8_t *at, uint64_t gpa, uint32_t len)
{
	if (chain->n == VQ_PIECES_MAX) {
		return VQ_FAULT_LONG;
	}
	chain->gpas[chain->n] = gpa;
	chain->pieces[chain->n++] = (struct pkt_seg){at, len};
	chain->len += len;
	return VQ_FAULT_NONE;
}

static enum vq_fault
add_desc(struct walk *walk, const struct desc *desc)
{
	uint64_t gpa = desc->gpa;
	uint32_t left = desc->len;

	if (((desc->flags & DESC_WRITE) != 0) != walk->writes) {
		return VQ_FAULT_DIRECTION;
	}
	while (left > 0) {
		uint32_t len = left;
		uint8_t *at = gmem_at(walk->memory, gpa, len, &walk->vq->region);
		enum vq_fault fault;

		if (at == NULL) {
			at = gmem_piece(walk->memory, gpa, &len);
		}
		if (at == NULL) {
			return VQ_FAULT_ADDRESS;
		}
		fault = add_piece(walk->chain, at, gpa, len);
		if (fault != VQ_FAULT_NONE) {
			return fault;
		}
		gpa += len;
		left -= len;
	}
	return VQ_FAULT_NONE;
}

/* Descriptor `i` of an indirect table; it may lie across two regions only between descriptors. */
static const uint8_t *
table_entry(struct walk *walk, const struct desc *table, uint32_t i)
{
	return gmem_at(
		walk->memory, table->gpa + (uint64_t)i * DESC_SIZE, DESC_SIZE, &walk->vq->region);
}

static enum vq_fault
walk_table(struct walk *walk, const struct vq_view *view, const struct desc *table)
{
	const bool packed = (view->flags & VQ_PACKED) != 0;
	const uint32_t n = table->len / DESC_SIZE;
	uint32_t i = 0;

	if ((view->flags & VQ_INDIRECT) == 0 || (table->flags & DESC_NEXT) != 0 || n == 0 ||
		table->len % DESC_SIZE != 0 || n > VQ_CHAIN_MAX) {
		return VQ_FAULT_INDIRECT;
	}
	for (;;) {
		const uint8_t *at = table_entry(walk, table, i);
		struct desc desc;
		enum vq_fault fault;

		if (at == NULL) {
			return VQ_FAULT_ADDRESS;
		}
		if (++walk->descs > VQ_CHAIN_MAX) {
			return VQ_FAULT_LONG;
		}
		desc = packed ? desc_load_packed(at) : desc_load_split(at);
		if ((desc.flags & DESC_INDIRECT) != 0) {
			return VQ_FAULT_INDIRECT;
		}
		fault = add_desc(walk, &desc);
		if (fault != VQ_FAULT_NONE) {
			return fault;
		}
		if (packed) {
			/* 2.8.7: all of the table, in order; NEXT means nothing there. */
			if (++i == n) {
				return VQ_FAULT_NONE;
			}
		} else if ((desc.flags & DESC_NEXT) == 0) {
			return VQ_FAULT_NONE;
		} else if (desc.next >= n) {
			return VQ_FAULT_NEXT;
		} else {
			i = desc.next;
		}
	}
}

static enum vq_fault
walk_split(struct walk *walk, const struct vq_view *view, uint16_t start)
{
	uint16_t i = start;

	for (;;) {
		const struct desc desc = desc_load_split(view->desc + (size_t)i * DESC_SIZE);
		enum vq_fault fault;

		if (++walk->descs > VQ_CHAIN_MAX || walk->descs > view->size) {
			return VQ_FAULT_LONG;
		}
		if ((desc.flags & DESC_INDIRECT) != 0) {
			return walk_table(walk, view, &desc);
		}
		fault = add_desc(walk, &desc);
		if (fault != VQ_FAULT_NONE || (desc.flags & DESC_NEXT) == 0) {
			return fault;
		}
		if (desc.next >= view->size) {
			return VQ_FAULT_NEXT;
		}
		i = desc.next;
	}
}

/*
 * 2.8.6: a list lies in consecutive slots and its last descriptor has the id. The first one's flags
 * make all of it available, so those of the others say only what they are.
 */
static enum vq_fault
walk_packed(struct walk *walk, const struct vq_view *view, uint16_t start)
{
	uint16_t slot = start;

	for (;;) {
		const struct desc desc = desc_load_packed(view->desc + (size_t)slot * DESC_SIZE);
		enum vq_fault fault;

		if (++walk->descs > VQ_CHAIN_MAX || walk->descs > view->size) {
			return VQ_FAULT_LONG;
		}
		walk->chain->slots++;
		walk->chain->id = desc.next;
		if ((desc.flags & DESC_INDIRECT) != 0) {
			return walk_table(walk, view, &desc);
		}
		fault = add_desc(walk, &desc);
		if (fault != VQ_FAULT_NONE || (desc.flags & DESC_NEXT) == 0) {
			return fault;
		}
		slot = (uint16_t)(slot + 1 == view->size ? 0 : slot + 1);
	}
}

enum vq_fault
vq_chain_walk(struct vq_chain *chain, struct vq *vq, const struct vq_view *view, uint16_t start,
	bool writes)
{
	struct walk walk = {.chain = chain, .vq = vq, .memory = view->memory, .writes = writes};
	enum vq_fault fault;

	chain->slots = 0;
	if ((view->flags & VQ_PACKED) != 0) {
		fault = walk_packed(&walk, view, start);
	} else {
		chain->id = start;
		chain->slots = 1;
		fault = walk_split(&walk, view, start);
	}
	chain->looked += walk.descs;
	return fault;
}

uint64_t
vq_chain_gpa(const struct gmem *memory, const uint8_t *at, uint32_t *last)
{
	for (uint32_t n = memory->n; n > 0; n--) {
		const struct gmem_region *region = &memory->regions[*last];
		const uint64_t off = (uint64_t)((uintptr_t)at - (uintptr_t)region->host);

		if (off < region->size) {
			return region->gpa + off;
		}
		*last = *last + 1 < memory->n ? *last + 1 : 0;
	}
	return UINT64_MAX; /* never: it was translated by this table */
}
