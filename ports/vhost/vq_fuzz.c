/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two rings in a guest's memory that the input writes as it likes, while the switch receives from
 * one and sends to the other.
 *
 * Input: eight bytes of set-up, then operations of one byte and their arguments (missing ones are
 * 0). Most write something that is nearly right, so that chains, tables and rounds are found soon;
 * others put any bytes anywhere, the rings and their own buffers included.
 *
 * What must hold: the sanitizers' rules (each region is an allocation of its own), packets that are
 * what pkt.h says and lie in the guest's memory, each frame and item counted exactly once, nothing
 * written without its page in the log, and no word after a fault.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/role.h"
#include "ports/vhost/vq.h"

#define REGIONS 3
#define RING_AREA 8192 /* of region 0: the rings' parts are somewhere in it */
#define MEMORY_MAX 0x11000 /* of a region */
#define PAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two neighbours, and one apart. */
static const uint64_t region_gpa[REGIONS] = {0x10000, 0x18000, 0x20000};
static const uint64_t region_size[REGIONS] = {0x8000, 0x1000, MEMORY_MAX};

struct input {
	const uint8_t *at;
	size_t left;
};

struct ring {
	struct vq vq;
	struct vq_view view;
	uint64_t desc; /* guest-physical */
	uint64_t avail;
	uint64_t used;
	uint16_t next; /* split: available index; packed: slot */
	bool wrap;
};

struct run {
	struct input in;
	const struct vq_ops *ops;
	struct gmem *gmem;
	struct dirty_log log;
	uint8_t bits[PAGES / 8];
	bool logs;
	bool packed;
	atomic_bool gone;
	struct ring rx;
	struct ring tx;
	struct port_counters count;
	struct pkt pkts[PKT_BURST];
	uint16_t n_lent;
	bool lent;
	uint8_t before[REGIONS][MEMORY_MAX]; /* the memory, as it was before a call */
};

static uint8_t
in8(struct input *in)
{
	if (in->left == 0) {
		return 0;
	}
	in->left--;
	return *in->at++;
}

static uint16_t
in16(struct input *in)
{
	const uint16_t low = in8(in);

	return (uint16_t)(low | in8(in) << 8);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void
memory_init(struct run *run)
{
	static struct gmem *gmem; /* made once */

	run->log = (struct dirty_log){.bits = run->bits, .size = sizeof(run->bits)};
	run->gmem = gmem;
	for (unsigned int i = 0; gmem != NULL && i < REGIONS; i++) {
		memset(gmem->regions[i].host, 0, region_size[i]);
	}
	if (gmem != NULL) {
		return;
	}
	gmem = calloc(1, sizeof(*gmem) + REGIONS * sizeof(gmem->regions[0]));
	assert(gmem != NULL);
	gmem->n = REGIONS;
	run->gmem = gmem;
	for (unsigned int i = 0; i < REGIONS; i++) {
		uint8_t *host = calloc(1, region_size[i]);

		assert(host != NULL);
		run->gmem->regions[i] = (struct gmem_region){
			.gpa = region_gpa[i], .size = region_size[i], .host = host};
	}
}

static void
put(struct run *run, uint64_t gpa, const void *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint32_t hint = 0;
		uint8_t *to = gmem_at(run->gmem, gpa + i, 1, &hint);

		if (to != NULL) {
			*to = ((const uint8_t *)bytes)[i];
		}
	}
}

static void
put16(struct run *run, uint64_t gpa, uint16_t value)
{
	put(run, gpa, &value, sizeof(value));
}

/* An address: nearly always in memory, often near a border. */
static uint64_t
address(struct run *run)
{
	const uint8_t how = in8(&run->in);
	const uint16_t off = in16(&run->in);

	switch (how % 8) {
	case 0:
		return region_gpa[0] + region_size[0] - off % 64;
	case 1:
		return region_gpa[1] + region_size[1] - off % 64;
	case 2:
		return region_gpa[2] + region_size[2] - off % 512;
	case 3:
		return how == 3 ? UINT64_MAX - off % 64 : region_gpa[0] + off % RING_AREA;
	default:
		return region_gpa[how % 3] + off % region_size[how % 3];
	}
}

static uint32_t
length(struct run *run)
{
	const uint8_t how = in8(&run->in);

	switch (how % 8) {
	case 0:
		return how / 8; /* few bytes, or none */
	case 1:
		return 12 + how / 8;
	case 2:
		return 60 + in8(&run->in);
	case 3:
		return UINT32_MAX - in8(&run->in);
	case 4:
		return 65000 + in16(&run->in) % 1200;
	default:
		return in16(&run->in) % 4096;
	}
}

/* --- what the log and the counters say -------------------------------------------------------- */

static void
log_begin(struct run *run)
{
	if (!run->logs) {
		return;
	}
	memset(run->bits, 0, sizeof(run->bits));
	for (unsigned int i = 0; i < REGIONS; i++) {
		memcpy(run->before[i], run->gmem->regions[i].host, region_size[i]);
	}
}

/* A packed ring's event structure has no address in the log; the protocol gives it none. */
static bool
unlogged(const struct ring *ring, uint64_t gpa)
{
	return (ring->view.flags & VQ_PACKED) != 0 && gpa >= ring->used && gpa < ring->used + 4;
}

static void
log_end(const struct run *run)
{
	for (unsigned int i = 0; run->logs && i < REGIONS; i++) {
		const uint8_t *now = run->gmem->regions[i].host;

		if (memcmp(now, run->before[i], region_size[i]) == 0) {
			continue;
		}
		for (uint64_t at = 0; at < region_size[i]; at++) {
			const uint64_t gpa = region_gpa[i] + at;
			const uint64_t page = gpa / DIRTY_LOG_PAGE;

			assert(now[at] == run->before[i][at] ||
				(run->bits[page / 8] >> (page % 8) & 1) != 0 ||
				unlogged(&run->rx, gpa) || unlogged(&run->tx, gpa));
		}
	}
}

static uint64_t
drops(const struct run *run)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < DROP_N; i++) {
		sum += run->count.drops[i];
	}
	return sum;
}

static bool
in_memory(const struct run *run, const uint8_t *at, uint32_t len)
{
	for (unsigned int i = 0; i < REGIONS; i++) {
		const uint8_t *host = run->gmem->regions[i].host;

		if (at >= host && at < host + region_size[i]) {
			return len <= (size_t)(host + region_size[i] - at);
		}
	}
	return false;
}

static void
check_packet(const struct run *run, const struct pkt *pkt)
{
	const uint8_t *heads = run->rx.vq.loans->heads[0];
	uint32_t sum = pkt->head_len;

	assert(pkt->mbuf == NULL && pkt->n_out == 0 && pkt->pulled == 0);
	assert(pkt->len <= PKT_LEN_MAX && pkt->len > 0 && pkt->head_len <= pkt->len);
	assert(pkt->head_len >= RTE_MIN(pkt->len, (uint32_t)PKT_HEAD_MIN));
	assert(pkt->headroom >= PKT_HEADROOM && pkt->head - pkt->headroom >= heads);
	assert(pkt->head + pkt->head_len + pkt->tailroom <=
		heads + sizeof(run->rx.vq.loans->heads));
	assert(pkt->n_segs <= PKT_SEGS_MAX);
	for (uint16_t i = 0; i < pkt->n_segs; i++) {
		assert(in_memory(run, pkt->segs[i].addr, pkt->segs[i].len));
		sum += pkt->segs[i].len;
	}
	assert(sum == pkt->len);
	assert((pkt->ol.flags & PKT_OL_GSO) == 0 || pkt->ol.gso_size > 0);
	for (uint16_t i = 0; i < pkt->headroom; i++) {
		pkt->head[-1 - i] = 0x55; /* ours to write */
	}
	memset(pkt->head + pkt->head_len, 0x66, pkt->tailroom);
}

/* --- operations ------------------------------------------------------------------------------- */

static void
give_back(struct run *run)
{
	if (run->lent) {
		log_begin(run);
		run->ops->release(&run->rx.vq, &run->rx.view, run->pkts, run->n_lent);
		log_end(run);
	}
	run->lent = false;
	run->n_lent = 0;
}

static void
receive(struct run *run)
{
	struct vq *vq = &run->rx.vq;
	const uint16_t max = (uint16_t)(1 + in8(&run->in) % PKT_BURST);
	const uint64_t packets = run->count.rx_packets;
	const uint64_t invalid = vq->stats.invalid;
	const bool stopped = vq->fault != VQ_FAULT_NONE;
	uint64_t bytes = run->count.rx_bytes;

	give_back(run);
	log_begin(run);
	run->n_lent = run->ops->rx(vq, &run->rx.view, run->pkts, max, NULL, &run->count);
	log_end(run);
	run->lent = true;
	assert(run->n_lent <= max && (!stopped || run->n_lent == 0));
	assert(run->count.rx_packets == packets + run->n_lent + vq->stats.invalid - invalid);
	assert(vq->stats.packets + vq->stats.invalid == run->count.rx_packets);
	for (uint16_t i = 0; i < run->n_lent; i++) {
		check_packet(run, &run->pkts[i]);
		bytes += run->pkts[i].len;
	}
	assert(run->count.rx_bytes == bytes);
}

/* Some of what is lent, or frames of our own. */
static void
transmit(struct run *run)
{
	static uint8_t head[PKT_HEAD_MIN];
	static uint8_t rest[PKT_LEN_MAX];
	const uint8_t how = in8(&run->in);
	const uint16_t n = (uint16_t)(1 + how % PKT_BURST);
	const uint64_t lost = drops(run);
	const uint64_t before = run->count.tx_packets + lost;
	uint64_t marked = 0;
	struct tx_item items[PKT_BURST];
	struct pkt pkts[PKT_BURST];
	struct pkt_seg segs[PKT_BURST];

	for (uint16_t i = 0; i < n; i++) {
		if (how >= 128 && i < run->n_lent) {
			run->pkts[i].n_out = 1;
			pkt_item(&run->pkts[i], &items[i]);
			continue;
		}
		{
			const uint32_t len = RTE_MAX(14U, length(run) % PKT_LEN_MAX);
			const uint16_t head_len = (uint16_t)RTE_MIN(len, sizeof(head));

			segs[i] = (struct pkt_seg){rest, len - head_len};
			pkts[i] = (struct pkt){.head = head,
				.len = len,
				.head_len = head_len,
				.n_segs = len > head_len,
				.segs = &segs[i],
				.ol = {.flags = in8(&run->in) & 0x3f, .gso_size = 1}};
			pkt_item(&pkts[i], &items[i]);
		}
		if (how & 64) {
			items[i].len = RTE_MAX(14U, items[i].len / 2);
			items[i].head_len = (uint16_t)RTE_MIN(items[i].head_len, items[i].len);
		}
	}
	log_begin(run);
	run->ops->tx(&run->tx.vq, &run->tx.view, items, n, &run->count);
	log_end(run);
	assert(run->count.tx_packets + drops(run) == before + n);
	assert(run->tx.vq.stats.packets == run->count.tx_packets);
	for (uint16_t i = 0; i < n; i++) {
		marked += items[i].lost != 0;
	}
	assert(marked == drops(run) - lost);
	for (uint16_t i = 0; i < run->n_lent; i++) {
		run->pkts[i].n_out = 0;
	}
}

static void
write_desc(struct run *run, uint64_t at, bool packed, bool wrap, uint16_t write)
{
	const uint64_t addr = address(run);
	const uint32_t len = length(run);
	const uint8_t kinds = in8(&run->in);
	uint16_t flags = (uint16_t)((kinds & 7) ^ write);
	const uint16_t next = in8(&run->in);

	put(run, at, &addr, sizeof(addr));
	put(run, at + 8, &len, sizeof(len));
	if (packed) {
		flags |= (kinds & 8) != 0 ? 0 : wrap ? 0x80 : 0x8000;
		put16(run, at + 12, next);
		put16(run, at + 14, flags);
	} else {
		put16(run, at + 12, flags);
		put16(run, at + 14, next);
	}
}

/* A descriptor, made available. */
static void
post(struct run *run, struct ring *ring, uint16_t write)
{
	const uint16_t size = ring->view.size;
	uint64_t slot;

	if (run->packed) {
		write_desc(run, ring->desc + 16U * ring->next, true, ring->wrap, write);
		if (++ring->next == size) {
			ring->next = 0;
			ring->wrap = !ring->wrap;
		}
		return;
	}
	slot = in8(&run->in) % size;
	write_desc(run, ring->desc + 16U * slot, false, false, write);
	put16(run, ring->avail + 4 + 2U * (ring->next % size), (uint16_t)slot);
	ring->next++;
	put16(run, ring->avail + 2, ring->next);
}

static void
operate(struct run *run, uint8_t op) ON_MAIN
{
	struct ring *ring = (op & 0x80) != 0 ? &run->tx : &run->rx;
	const uint16_t write = (op & 0x80) != 0 ? 2 : 0;
	uint8_t bytes[32];

	switch (op % 16) {
	case 0:
	case 1:
		receive(run);
		break;
	case 2:
		give_back(run);
		break;
	case 3:
	case 4:
		transmit(run);
		break;
	case 5:
		log_begin(run);
		run->ops->look(&ring->vq, &ring->view);
		log_end(run);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		post(run, ring, write);
		break;
	case 10: /* of a table in the middle of the ring or anywhere */
		write_desc(run, address(run), run->packed, run->rx.wrap, write);
		break;
	case 11: /* behind the last one, not made available (split) */
		write_desc(run, ring->desc + 16U * (in8(&run->in) % ring->view.size), run->packed,
			ring->wrap, write);
		break;
	case 12:
		for (unsigned int i = 0; i < sizeof(bytes); i++) {
			bytes[i] = in8(&run->in);
		}
		put(run, address(run), bytes, sizeof(bytes));
		break;
	case 13: /* the index, and what the driver wants to be told */
		put16(run, ring->avail + (in8(&run->in) % 4 == 0 ? 2 : 0), in16(&run->in));
		put16(run, ring->avail + 4 + 2U * ring->view.size, in16(&run->in));
		break;
	case 14:
		give_back(run);
		if (op & 0x40) {
			const uint32_t base =
				in16(&run->in) % ring->view.size | in16(&run->in) << 15;

			ring->next = run->packed ? base & 0x7fff : (uint16_t)base;
			ring->wrap = (base & 0x8000) != 0;
			vq_set_base(&ring->vq, &ring->view, base);
			assert(ring->vq.fault == VQ_FAULT_NONE);
			assert((vq_base(&ring->vq, run->packed) & 0xffff) == (base & 0xffff));
		}
		break;
	default:
		if (in8(&run->in) == 77) {
			atomic_store(&run->gone, true);
		}
		break;
	}
}

/* --- set-up ----------------------------------------------------------------------------------- */

static uint8_t *
place(struct run *run, uint64_t *gpa, uint32_t align, uint32_t len)
{
	const uint32_t room = RING_AREA - len;
	uint32_t hint = 0;

	*gpa = region_gpa[0] + (in8(&run->in) * 32U % (room + 1)) / align * align;
	return gmem_at(run->gmem, *gpa, len, &hint);
}

static void
ring_init(struct run *run, struct ring *ring, uint8_t flags, uint16_t size, bool receives) ON_MAIN
{
	ring->view = (struct vq_view){.flags = VQ_RUNS | (flags & 0x7eU),
		.size = size,
		.hdr_len = (flags & 0x80) != 0 || (flags & VQ_MERGEABLE) != 0 ? VQ_HDR_MAX : 10,
		.takes = (flags & 0x80) != 0 ? 0x2f : 1,
		.call = -1,
		.memory = run->gmem,
		.gone = &run->gone,
		.log = run->logs ? &run->log : NULL};
	ring->view.desc = place(run, &ring->desc, 16, 16U * size);
	if (run->packed) {
		ring->view.avail = place(run, &ring->avail, 4, 4);
		ring->view.used = place(run, &ring->used, 4, 4);
		ring->view.log_used = ring->desc;
	} else {
		ring->view.avail = place(run, &ring->avail, 2, 6U + 2U * size);
		ring->view.used = place(run, &ring->used, 4, 6U + 8U * size);
		ring->view.log_used = ring->used;
	}
	assert(ring->view.desc != NULL && ring->view.avail != NULL && ring->view.used != NULL);
	ring->wrap = true;
	assert(vq_init(&ring->vq, receives) == 0);
	vq_set_base(&ring->vq, &ring->view, run->packed ? 0x80008000U : 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
	static struct run run;
	uint8_t flags;
	uint8_t how;
	uint16_t n;

	role_enter(&role_main);
	memset(&run, 0, offsetof(struct run, before));
	run.in = (struct input){data, size};
	memory_init(&run);
	flags = in8(&run.in);
	how = in8(&run.in);
	n = in8(&run.in);
	run.ops = vq_ops_find(names[how % 3]);
	if (run.ops == NULL) {
		run.ops = vq_ops_find(names[0]);
	}
	run.logs = (how & 0x40) != 0;
	run.packed = (flags & VQ_PACKED) != 0;
	n = run.packed ? (uint16_t)(1 + n) : (uint16_t)(1 << n % 9);
	ring_init(&run, &run.rx, flags, n, true);
	ring_init(&run, &run.tx, flags, n, false);
	while (run.in.left > 0) {
		operate(&run, in8(&run.in));
	}
	give_back(&run);
	vq_fini(&run.rx.vq);
	vq_fini(&run.tx.vq);
	role_leave(&role_main);
	return 0;
}
