/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vq_model.h"

#include <stdlib.h>
#include <string.h>

/* virtio 1.2, 2.7.5: struct virtq_desc */
struct split_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/* virtio 1.2, 2.8.13: struct pvirtq_desc */
struct packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

/* --- rings ----------------------------------------------------------------------------------- */

static void
ring_places(struct model_ring *ring)
{
	struct model_memory *memory = ring->memory;
	const uint32_t size = ring->conf.size;

	ring->desc = model_alloc(memory, 16U * size, 16, true);
	if (ring->conf.packed) {
		ring->avail = model_alloc(memory, 4, 4, true);
		ring->used = model_alloc(memory, 4, 4, true);
	} else {
		ring->avail = model_alloc(memory, 6 + 2 * size, 2, true);
		ring->used = model_alloc(memory, 6 + 8 * size, 4, true);
	}
}

static void
ring_view(struct model_ring *ring)
{
	const struct model_conf *conf = &ring->conf;
	const uint32_t size = conf->size;

	ring->view = (struct vq_view){.desc = model_host(ring->memory, ring->desc, 16 * size),
		.avail = model_host(ring->memory, ring->avail, conf->packed ? 4 : 6 + 2 * size),
		.used = model_host(ring->memory, ring->used, conf->packed ? 4 : 6 + 8 * size),
		.flags = VQ_RUNS | conf->flags | (conf->packed ? VQ_PACKED : 0U) |
			(conf->mergeable ? VQ_MERGEABLE : 0U) |
			(conf->indirect ? VQ_INDIRECT : 0U) | (conf->event_idx ? VQ_EVENT_IDX : 0U),
		.takes = conf->takes,
		.size = conf->size,
		.hdr_len = conf->hdr_len,
		.call = -1,
		.memory = ring->memory->gmem,
		.log_used = UINT64_MAX};
}

void
model_ring_init(struct model_ring *ring, struct model_memory *memory, const struct model_conf *conf)
{
	static const uint8_t zeroes[8 * VQ_SIZE_MAX + 6];
	const uint32_t base = conf->base;

	*ring = (struct model_ring){.memory = memory, .conf = *conf};
	ring_places(ring);
	ring_view(ring);
	ring->n_free = conf->size;
	ring->free = model_calloc(conf->size, sizeof(*ring->free));
	ring->posted = model_calloc(conf->size, sizeof(ring->posted[0]));
	for (uint32_t i = 0; i < conf->size; i++) {
		ring->free[i] = (uint16_t)i;
	}
	ring->n_ids = conf->size;
	if (conf->packed) {
		ring->next_avail = base & 0x7fff;
		ring->avail_wrap = (base >> 15 & 1) != 0;
		ring->next_used = base >> 16 & 0x7fff;
		ring->used_wrap = (base >> 31) != 0;
		for (uint32_t at = 0; at < 16U * conf->size; at += 16) {
			const bool wrap =
				at / 16 < ring->next_avail ? ring->avail_wrap : !ring->avail_wrap;

			/* used, and not available again */
			model_put16(memory, ring->desc + at + 14,
				wrap ? MODEL_F_AVAIL | MODEL_F_USED : 0);
		}
		model_put(memory, ring->avail, zeroes, 4);
		model_put(memory, ring->used, zeroes, 4);
		return;
	}
	ring->next_avail = ring->next_used = ring->published = (uint16_t)base;
	model_put(memory, ring->avail, zeroes, 6U + 2U * conf->size);
	model_put(memory, ring->used, zeroes, 6U + 8U * conf->size);
	model_put16(memory, ring->avail + 2, (uint16_t)base);
	model_put16(memory, ring->used + 2, (uint16_t)base);
}

void
model_buf_free(struct model_buf *buf)
{
	if (buf != NULL) {
		free(buf->descs);
		free(buf);
	}
}

void
model_ring_fini(struct model_ring *ring)
{
	for (uint32_t i = 0; i < ring->n_posted; i++) {
		model_buf_free(ring->posted[(ring->first + i) % ring->conf.size]);
	}
	free(ring->posted);
	free(ring->free);
}

uint16_t
model_room(const struct model_ring *ring)
{
	return ring->n_free;
}

/* Any of those that are free. */
static uint16_t
take_free(struct model_ring *ring, uint16_t *n)
{
	const uint32_t i = model_random(ring->memory, *n);
	const uint16_t taken = ring->free[i];

	ring->free[i] = ring->free[--*n];
	return taken;
}

static struct model_buf *
new_buf(struct model_ring *ring, const struct model_piece *pieces, uint16_t n, uint16_t slots)
{
	struct model_buf *buf = model_calloc(1, sizeof(*buf) + n * sizeof(buf->pieces[0]));

	buf->slots = slots;
	buf->n_pieces = n;
	memcpy(buf->pieces, pieces, n * sizeof(pieces[0]));
	for (uint16_t i = 0; i < n; i++) {
		buf->total += pieces[i].len;
	}
	ring->posted[(ring->first + ring->n_posted++) % ring->conf.size] = buf;
	return buf;
}

/* A table of the pieces; the chain in it jumps about where it may (split). */
static struct model_piece
indirect_table(struct model_ring *ring, const struct model_piece *pieces, uint16_t n)
{
	struct model_memory *memory = ring->memory;
	const uint16_t write = ring->conf.receives ? MODEL_F_WRITE : 0;
	const uint64_t table =
		model_alloc(memory, 16U * n, model_random(memory, 4) == 0 ? 1 : 16, true);
	const bool backwards = !ring->conf.packed && model_random(memory, 2) == 0;

	for (uint16_t i = 0; i < n; i++) {
		/* A split chain starts at entry 0; the others may come in any order. */
		const uint16_t at = backwards && i > 0 ? (uint16_t)(n - i) : i;
		const uint16_t next = backwards ? (uint16_t)(n - i - 1) : (uint16_t)(i + 1);
		struct split_desc desc = {pieces[i].gpa, pieces[i].len,
			(uint16_t)(write | (i + 1 < n ? MODEL_F_NEXT : 0)), next};

		if (ring->conf.packed) { /* 2.8.7: NEXT is reserved, and so is the id */
			struct packed_desc entry = {pieces[i].gpa, pieces[i].len,
				(uint16_t)model_random(memory, 65536), write};

			model_put(memory, table + 16U * at, &entry, sizeof(entry));
		} else {
			model_put(memory, table + 16U * at, &desc, sizeof(desc));
		}
	}
	return (struct model_piece){table, 16U * n};
}

static void
post_split(struct model_ring *ring, struct model_buf *buf, const struct model_piece *pieces,
	bool indirect)
{
	struct model_memory *memory = ring->memory;
	const uint64_t slot = ring->avail + 4 + 2U * (ring->next_avail % ring->conf.size);

	buf->descs = model_calloc(buf->slots, sizeof(buf->descs[0]));
	for (uint16_t i = 0; i < buf->slots; i++) {
		buf->descs[i] = take_free(ring, &ring->n_free);
	}
	for (uint16_t i = 0; i < buf->slots; i++) {
		const bool last = i + 1 == buf->slots;
		struct split_desc desc = {pieces[i].gpa, pieces[i].len,
			(uint16_t)((ring->conf.receives ? MODEL_F_WRITE : 0U) |
				(last ? 0U : MODEL_F_NEXT)),
			last ? (uint16_t)model_random(memory, 65536) : buf->descs[i + 1]};

		if (last && indirect) { /* 2.7.5.3.2: its WRITE means nothing */
			desc.flags = (uint16_t)(MODEL_F_INDIRECT |
				(model_random(memory, 2) == 0 ? 0U : MODEL_F_WRITE));
		}
		model_put(memory, ring->desc + 16U * buf->descs[i], &desc, sizeof(desc));
	}
	buf->id = buf->descs[0];
	model_put16(memory, slot, buf->id);
	ring->next_avail++;
}

static void
post_packed(struct model_ring *ring, struct model_buf *buf, const struct model_piece *pieces,
	bool indirect)
{
	struct model_memory *memory = ring->memory;
	const uint16_t first = ring->next_avail;
	uint16_t first_flags = 0;

	buf->id = take_free(ring, &ring->n_ids);
	ring->n_free = (uint16_t)(ring->n_free - buf->slots);
	for (uint16_t i = 0; i < buf->slots; i++) {
		const bool last = i + 1 == buf->slots;
		struct packed_desc desc = {pieces[i].gpa, pieces[i].len,
			last ? buf->id : (uint16_t)model_random(memory, 65536),
			(uint16_t)((ring->conf.receives ? MODEL_F_WRITE : 0U) |
				(last ? 0U : MODEL_F_NEXT) |
				(ring->avail_wrap ? MODEL_F_AVAIL : MODEL_F_USED))};

		if (indirect) { /* 2.8.7: WRITE is reserved and ignored */
			desc.flags = (uint16_t)((desc.flags & ~MODEL_F_WRITE) | MODEL_F_INDIRECT |
				(model_random(memory, 2) == 0 ? 0U : MODEL_F_WRITE));
		}
		if (i == 0) { /* made available last */
			first_flags = desc.flags;
			desc.flags = model_get16(memory, ring->desc + 16U * first + 14);
		}
		model_put(memory, ring->desc + 16U * ring->next_avail, &desc, sizeof(desc));
		if (++ring->next_avail == ring->conf.size) {
			ring->next_avail = 0;
			ring->avail_wrap = !ring->avail_wrap;
		}
	}
	model_put16(memory, ring->desc + 16U * first + 14, first_flags);
}

bool
model_post(
	struct model_ring *ring, const struct model_piece *pieces, uint16_t n, enum model_how how)
{
	struct model_piece direct[MODEL_PIECES_MAX];
	uint16_t slots = n;
	struct model_buf *buf;

	if (how == MODEL_MIXED && !ring->conf.packed && n > 1) {
		slots = (uint16_t)(1 + model_random(ring->memory, RTE_MIN(n, ring->n_free + 1U)));
		slots = RTE_MIN(slots, n);
	} else if (how != MODEL_DIRECT) {
		slots = 1;
	}
	if (slots > ring->n_free) {
		return false;
	}
	memcpy(direct, pieces, slots * sizeof(pieces[0]));
	if (how != MODEL_DIRECT) {
		direct[slots - 1] =
			indirect_table(ring, pieces + slots - 1, (uint16_t)(n - slots + 1));
	}
	buf = new_buf(ring, pieces, n, slots);
	(ring->conf.packed ? post_packed : post_split)(ring, buf, direct, how != MODEL_DIRECT);
	return true;
}

void
model_publish(struct model_ring *ring)
{
	if (!ring->conf.packed) {
		ring->published = ring->next_avail;
		model_put16(ring->memory, ring->avail + 2, ring->published);
	}
}

void
model_accept_events(struct model_ring *ring)
{
	if (ring->conf.packed) {
		model_accept(ring->memory, ring->used, 4);
	} else {
		model_accept(ring->memory, ring->used, 2);
		model_accept(ring->memory, ring->used + 4 + 8U * ring->conf.size, 2);
	}
}

/* 2.7.8: {id, len} at the used index. */
static bool
collect_split(struct model_ring *ring, const struct model_buf *buf, uint32_t *written)
{
	struct model_memory *memory = ring->memory;
	const uint64_t at = ring->used + 4 + 8U * (ring->next_used % ring->conf.size);
	const uint16_t idx = model_get16(memory, ring->used + 2);
	const uint16_t ahead = (uint16_t)(idx - ring->next_used);

	model_must(memory, ahead <= ring->n_posted, "the used index names posted buffers");
	model_must(memory, ahead <= (uint16_t)(ring->published - ring->next_used),
		"the used index stays behind the available index");
	if (ahead == 0) {
		return false;
	}
	model_accept(memory, ring->used + 2, 2);
	model_accept(memory, at, 8);
	model_must(memory, model_get32(memory, at) == buf->id, "buffers are used in order");
	*written = model_get32(memory, at + 4);
	ring->next_used++;
	for (uint16_t i = 0; i < buf->slots; i++) {
		ring->free[ring->n_free++] = buf->descs[i];
	}
	return true;
}

/* 2.8.6: a used descriptor in the place of the chain's first. */
static bool
collect_packed(struct model_ring *ring, const struct model_buf *buf, uint32_t *written)
{
	struct model_memory *memory = ring->memory;
	const uint64_t at = ring->desc + 16U * ring->next_used;
	const uint16_t flags = model_get16(memory, at + 14);
	const bool avail = (flags & MODEL_F_AVAIL) != 0;
	const bool used = (flags & MODEL_F_USED) != 0;

	if (avail != used || used != ring->used_wrap) {
		return false;
	}
	model_accept(memory, at, 16);
	model_must(memory, model_get16(memory, at + 12) == buf->id, "buffers are used in order");
	*written = model_get32(memory, at + 8);
	if (ring->conf.receives) {
		model_must(memory, *written == 0 || (flags & MODEL_F_WRITE) != 0,
			"a used descriptor says that bytes were written");
	} else {
		model_must(memory, (flags & MODEL_F_WRITE) == 0,
			"a used descriptor says that no byte was written");
		*written = 0; /* 2.8.5: reserved then */
	}
	ring->next_used = (uint16_t)(ring->next_used + buf->slots);
	if (ring->next_used >= ring->conf.size) {
		ring->next_used = (uint16_t)(ring->next_used - ring->conf.size);
		ring->used_wrap = !ring->used_wrap;
	}
	ring->free[ring->n_ids++] = buf->id;
	ring->n_free = (uint16_t)(ring->n_free + buf->slots);
	return true;
}

struct model_buf *
model_collect(struct model_ring *ring, uint32_t *written)
{
	static const struct model_buf none;
	struct model_buf *buf = ring->n_posted == 0 ? NULL : ring->posted[ring->first];
	uint32_t left;
	bool got;

	if (buf == NULL && ring->conf.packed) {
		return NULL; /* what is there has been seen */
	}
	got = ring->conf.packed ? collect_packed(ring, buf, written)
				: collect_split(ring, buf == NULL ? &none : buf, written);
	if (!got) {
		return NULL;
	}
	model_must(ring->memory, *written <= buf->total, "no more is written than the buffer has");
	model_must(ring->memory, ring->conf.receives || *written == 0,
		"nothing is written to what the guest sends");
	ring->first = (ring->first + 1) % ring->conf.size;
	ring->n_posted--;
	ring->n_used++;
	left = *written;
	for (uint16_t i = 0; left > 0; i++) {
		const uint32_t take = RTE_MIN(left, buf->pieces[i].len);

		model_accept(ring->memory, buf->pieces[i].gpa, take);
		left -= take;
	}
	return buf;
}

void
model_gather(const struct model_memory *memory, const struct model_buf *buf, uint8_t *bytes,
	uint32_t len)
{
	for (uint16_t i = 0; len > 0; i++) {
		const uint32_t take = RTE_MIN(len, buf->pieces[i].len);

		model_get(memory, buf->pieces[i].gpa, bytes, take);
		bytes += take;
		len -= take;
	}
}

/* --- frames ---------------------------------------------------------------------------------- */

/* How many of the next bytes one piece takes; `room` more pieces may follow. */
static uint32_t
piece_len(struct model_memory *memory, uint32_t left, uint32_t done, uint32_t hdr_len,
	enum model_cut cut, uint32_t room)
{
	uint32_t most;

	switch (cut) {
	case MODEL_TWO:
		return done < hdr_len && hdr_len < left ? hdr_len : left;
	case MODEL_MANY:
		most = model_random(memory, 3) == 0 ? 16 : left;
		return 1 + model_random(memory, RTE_MIN(most, left));
	case MODEL_FINE:
		most = left / room + 2;
		return RTE_MIN(left, 1 + model_random(memory, most));
	case MODEL_ONE:
	default:
		return left;
	}
}

uint16_t
model_cut(struct model_memory *memory, uint32_t total, uint32_t hdr_len, enum model_cut cut,
	uint16_t max, struct model_piece *pieces)
{
	uint32_t done = 0;
	uint16_t n = 0;

	while (done < total) {
		uint32_t len = total - done;

		if (n + 1 < max) {
			len = piece_len(
				memory, total - done, done, hdr_len, cut, (uint32_t)max - n);
		}
		pieces[n++] = (struct model_piece){model_alloc(memory, len, 1, false), len};
		done += len;
	}
	return n;
}
