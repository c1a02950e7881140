/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every byte of every frame, over all layouts: formats of the ring, direct, indirect and mixed
 * descriptors, cuts of a buffer, offloads, lengths. The other side is the model's driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ether.h>

#include "base/role.h"
#include "datapath/core/eal_test.h"
#include "ports/vhost/vq.h"
#include "ports/vhost/vq_test_guest.h"

#define LENS_MAX 512
#define CHECK_EVERY 8

static struct rte_mempool *pool;
static struct vm_frame frames[PKT_BURST];
static uint8_t bytes[PKT_LEN_MAX + 64];
static uint8_t want[PKT_LEN_MAX + 64];

/* One way to lay out frames. */
struct layout {
	const struct vq_ops *ops;
	struct model_conf conf;
	enum model_how how;
	enum model_cut cut;
	enum vm_kind kind;
};

/* What has been moved, to compare with the counters. */
struct moved {
	uint64_t packets;
	uint64_t bytes;
};

static const char *const hows[] = {"direct", "indirect", "mixed"};
static const char *const cuts[] = {"one", "two", "many", "fine"};
static const char *const kinds[] = {"plain", "csum", "tso4", "tso6", "uso"};

static int
setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(1024, 2048);
	return 0;
}

/* --- lengths ---------------------------------------------------------------------------------- */

static unsigned int
lengths(uint32_t *lens, uint64_t *random)
{
	static const uint32_t borders[] = {
		1500, 1514, 1518, 2048, 4096, 9000, 16384, 32768, 65535, 65536, 65550, PKT_LEN_MAX};
	unsigned int n = 0;

	for (uint32_t len = RTE_ETHER_HDR_LEN; len <= 300; len++) {
		lens[n++] = len; /* shorter ones are runts: vq_odd_test.c */
	}
	for (unsigned int i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		for (uint32_t len = borders[i] - 2; len <= borders[i] + 2; len++) {
			if (len <= PKT_LEN_MAX) {
				lens[n++] = len;
			}
		}
	}
	for (unsigned int i = 0; i < 40; i++) {
		lens[n++] = 301 + random_below(random, i < 30 ? 3000 : PKT_LEN_MAX - 301);
	}
	for (unsigned int i = n - 1; i > 0; i--) {
		unsigned int k = random_below(random, i + 1);
		uint32_t len = lens[i];

		lens[i] = lens[k];
		lens[k] = len;
	}
	return n;
}

static void
describe(struct vm *vm, const struct layout *layout, const char *what)
{
	model_case(&vm->memory, "%s: %s, %s, size %u, header %u, %s%s, cut %s, %s", what,
		layout->ops->name, layout->conf.packed ? "packed" : "split", layout->conf.size,
		layout->conf.hdr_len, hows[layout->how],
		layout->conf.mergeable ? ", mergeable" : "", cuts[layout->cut],
		kinds[layout->kind]);
}

/* --- from the guest --------------------------------------------------------------------------- */

/* A packet that is lent: a private head, and pieces of the guest's memory. */
static void
check_lent(const struct vm *vm, const struct pkt *pkt)
{
	const struct model_memory *memory = &vm->memory;
	const uint8_t *heads = vm->rx.loans->heads[0];
	const uint8_t *end = heads + sizeof(vm->rx.loans->heads);
	uint32_t sum = pkt->head_len;

	model_must(memory, pkt->head >= heads && pkt->head < end, "a lent head is private");
	model_must(memory, pkt->head - pkt->headroom >= heads, "the room before a head is private");
	model_must(memory, pkt->headroom >= PKT_HEADROOM, "there is room for tags");
	model_must(memory, pkt->head + pkt->head_len + pkt->tailroom <= end,
		"the room behind a head is private");
	model_must(memory, pkt->n_segs <= PKT_SEGS_MAX, "segments are few");
	model_must(memory, pkt->pulled == 0, "nothing has been pulled yet");
	for (uint16_t i = 0; i < pkt->n_segs; i++) {
		model_must(memory, model_has_host(memory, pkt->segs[i].addr, pkt->segs[i].len),
			"segments are in the guest's memory");
		sum += pkt->segs[i].len;
	}
	model_must(memory, sum == pkt->len, "head and segments are the frame");
}

static void
check_received(const struct vm *vm, struct pkt *pkt, const struct vm_frame *frame)
{
	const struct model_memory *memory = &vm->memory;
	const bool reads = (vm->sends.conf.flags & VQ_READ_HDR) != 0;
	struct tx_item item;

	model_must(memory, pkt->len == frame->len, "the length is right");
	model_must(memory, pkt->head_len <= pkt->len, "the head is no longer than the frame");
	model_must(memory, pkt->head_len >= RTE_MIN(pkt->len, (uint32_t)PKT_HEAD_MIN),
		"the head has what parsing needs");
	model_must(memory, pkt->n_out == 0, "nothing refers to the packet yet");
	if (pkt->mbuf == NULL) {
		check_lent(vm, pkt);
	} else {
		model_must(memory, rte_pktmbuf_mtod(pkt->mbuf, uint8_t *) == pkt->head,
			"the head is in the mbuf");
	}
	model_must(memory, pkt->ol.flags == (reads ? frame->ol.flags : 0), "offload flags");
	if (reads && frame->ol.flags != 0) {
		model_must(memory,
			pkt->ol.csum_start == frame->ol.csum_start &&
				pkt->ol.csum_offset == frame->ol.csum_offset,
			"checksum offsets");
		model_must(memory,
			(pkt->ol.flags & PKT_OL_GSO) == 0 || pkt->ol.gso_size == frame->ol.gso_size,
			"segment size");
	}
	pkt_item(pkt, &item);
	pkt_gather(&item, bytes);
	model_must(memory, memcmp(bytes, frame->bytes, frame->len) == 0, "the bytes are right");
}

/* The guest goes on writing in the `n` oldest buffers that it has sent. */
static void
scribble(struct vm *vm, uint16_t n)
{
	static const uint8_t ink[400];

	for (uint32_t i = 0; i < n; i++) {
		const struct model_buf *buf =
			vm->sends.posted[(vm->sends.first + i) % vm->sends.conf.size];

		model_scatter(&vm->memory, buf->pieces, buf->n_pieces, ink,
			RTE_MIN(buf->total, (uint32_t)sizeof(ink)));
	}
}

static uint16_t
post_frames(struct vm *vm, const struct layout *layout, uint16_t n)
{
	static const uint16_t most[] = {2, 5, PKT_SEGS_MAX, PKT_SEGS_MAX + 8, 200, 1000};
	uint16_t posted = 0;

	while (posted < n) {
		const uint16_t max = most[model_random(&vm->memory, 6)];

		if (!vm_send(vm, &frames[posted], layout->cut, layout->how,
			    RTE_MIN(max, layout->conf.size))) {
			break;
		}
		posted++;
	}
	model_publish(&vm->sends);
	return posted;
}

/* Send `n` of the frames through the ring. Returns how many had room. */
static uint16_t
receive_batch(struct vm *vm, const struct layout *layout, uint16_t n, struct moved *moved)
{
	struct pkt pkts[PKT_BURST];
	uint16_t done = 0;

	describe(vm, layout, "receive");
	vm_again(vm);
	n = post_frames(vm, layout, n);
	while (done < n) {
		const uint16_t max = (uint16_t)(1 + model_random(&vm->memory, PKT_BURST));
		const uint16_t k =
			layout->ops->rx(&vm->rx, &vm->sends.view, pkts, max, pool, &vm->count);

		model_must(&vm->memory, k > 0 && k <= max && done + k <= n,
			"what was sent is received");
		for (uint16_t i = 0; i < k; i++) {
			check_received(vm, &pkts[i], &frames[done + i]);
			moved->bytes += frames[done + i].len;
		}
		moved->packets += k;
		scribble(vm, k);
		for (uint16_t i = 0; i < k; i++) {
			const uint16_t len = RTE_MIN(pkts[i].head_len, (uint16_t)PKT_HEAD_MIN);

			model_must(&vm->memory,
				memcmp(pkts[i].head, frames[done + i].bytes, len) == 0,
				"a head is not the guest's to change");
		}
		model_must(&vm->memory, vm_collect_sent(vm) == 0, "what is lent is not given back");
		layout->ops->release(&vm->rx, &vm->sends.view, pkts, k);
		done = (uint16_t)(done + k);
		model_must(&vm->memory, vm_collect_sent(vm) == k, "what was lent is given back");
	}
	model_must(&vm->memory, vm->rx.fault == VQ_FAULT_NONE, "no fault");
	return n;
}

static void
check_rx_counters(const struct vm *vm, const struct moved *moved)
{
	const struct vq_stats *stats = &vm->rx.stats;

	model_must(&vm->memory,
		vm->count.rx_packets == moved->packets && vm->count.rx_bytes == moved->bytes,
		"the port's counters are right");
	model_must(&vm->memory, stats->packets == moved->packets && stats->bytes == moved->bytes,
		"the ring's counters are right");
	model_must(&vm->memory, vm_drops(&vm->count) == 0, "nothing was lost");
}

/* --- to the guest ----------------------------------------------------------------------------- */

/* Where the bytes of a packet to send come from. */
struct source {
	struct pkt pkt;
	struct pkt_seg segs[PKT_SEGS_MAX];
	uint8_t head[PKT_HEADROOM + 2 * PKT_HEAD_MIN];
	uint8_t rest[PKT_LEN_MAX + PKT_SEGS_MAX];
};

static struct source sources[PKT_BURST];

/* As a guest's packet: some segments, apart by a byte. */
static void
source_lent(struct source *source, const struct vm_frame *frame, uint64_t *random)
{
	struct pkt *pkt = &source->pkt;
	uint32_t done = RTE_MIN(
		frame->len, PKT_HEAD_MIN + random_below(random, 2) * (uint32_t)PKT_HEAD_MIN);
	const uint16_t most = (uint16_t)(1 + random_below(random, PKT_SEGS_MAX));
	uint8_t *at = source->rest;

	*pkt = (struct pkt){.head = source->head + PKT_HEADROOM,
		.len = frame->len,
		.head_len = (uint16_t)done,
		.headroom = PKT_HEADROOM,
		.segs = source->segs,
		.ol = frame->ol};
	memcpy(pkt->head, frame->bytes, done);
	while (done < frame->len) {
		uint32_t len = frame->len - done;

		len = pkt->n_segs + 1 == most ? len : 1 + random_below(random, len);
		memcpy(at, frame->bytes + done, len);
		source->segs[pkt->n_segs++] = (struct pkt_seg){at, len};
		at += len + 1;
		done += len;
	}
}

static void
source_mbuf(struct source *source, const struct vm_frame *frame, uint64_t *random)
{
	const uint32_t first = 64 + random_below(random, 1900);

	pkt_from_mbuf(&source->pkt, eal_test_chain(pool, frame->bytes, frame->len, first, random));
	source->pkt.ol = frame->ol;
}

/* Some way to edit or cut the item. */
static void
edit(struct tx_item *item, struct pkt_clones *clones, uint64_t *random)
{
	const uint32_t how = random_below(random, 8);

	pkt_item(item->pkt, item);
	if (how > 0 && how < 5 && pkt_clone_head(item, clones)) {
		item->head[0] ^= 0xff;
		if (how == 2 && item->len < PKT_LEN_MAX - 4 && item->len > 14) {
			pkt_item_push_tag(item, 0x8100, 77);
		} else if (how == 3 && item->len > 60) {
			pkt_item_pop_tag(item);
		}
	}
	if (how >= 4 && how < 6 && item->len > 20) { /* as edit_truncate() has it */
		item->len = 14 + random_below(random, item->len - 14);
		item->head_len = (uint16_t)RTE_MIN((uint32_t)item->head_len, item->len);
		item->ol = (struct pkt_offload){.flags = 0};
	} else if (how == 7) {
		item->ol = (struct pkt_offload){.flags = PKT_OL_CSUM_OK};
	}
}

/* Buffers for the items; returns for how many of these they suffice. */
static uint16_t
offer_buffers(struct vm *vm, const struct layout *layout, const struct tx_item *items, uint16_t n)
{
	const uint32_t hdr_len = layout->conf.hdr_len;
	static const uint32_t sizes[] = {200, 1526, 2048, 4096, 16384, 65562};
	const uint32_t most = sizes[model_random(&vm->memory, 6)];
	/* A frame may lie in about a thousand pieces, not more: vq_odd_test.c. */
	const uint32_t pieces = RTE_MIN(RTE_MIN(40U, most / 150), (uint32_t)layout->conf.size);
	uint16_t done = 0;
	uint32_t got = 0;

	while (done < n) {
		const uint32_t need = hdr_len + items[done].len;
		uint32_t len = need + model_random(&vm->memory, 2) * model_random(&vm->memory, 100);

		if (layout->conf.mergeable) {
			len = most / 2 + 1 + model_random(&vm->memory, most / 2);
		}
		if (!vm_offer(vm, len, layout->cut, layout->how,
			    (uint16_t)(1 + model_random(&vm->memory, pieces)))) {
			break;
		}
		got += len;
		if (got >= need) {
			done++;
			got = 0;
		}
	}
	model_publish(&vm->takes);
	return done;
}

static void
check_taken(struct vm *vm, const struct layout *layout, const struct tx_item *item)
{
	uint8_t hdr[VQ_HDR_MAX];
	uint8_t expected[VQ_HDR_MAX];
	int32_t len = vm_collect_taken(vm, hdr, bytes);
	uint16_t hdr_len;

	model_must(&vm->memory, len >= 0, "a frame that was sent is in the guest's buffers");
	model_must(&vm->memory, (uint32_t)len == item->len, "the length is right");
	pkt_gather(item, want);
	model_must(&vm->memory, memcmp(bytes, want, item->len) == 0, "the bytes are right");
	vm_header(&item->ol, layout->conf.takes, expected);
	/* hdr_len is a hint (5.1.6.4.1): with segmentation not 0, and no more than the frame. */
	memcpy(&hdr_len, hdr + 2, sizeof(hdr_len));
	model_must(&vm->memory, hdr_len <= item->len, "hdr_len is in the frame");
	model_must(&vm->memory, hdr[1] == 0 || hdr_len > 0, "hdr_len is there");
	memcpy(expected + 2, hdr + 2, sizeof(hdr_len));
	model_must(&vm->memory, memcmp(hdr, expected, 10) == 0, "the header is right");
}

/* Send `n` items, whose offloads the guest takes. Returns how many had buffers. */
static uint16_t
transmit_items(struct vm *vm, const struct layout *layout, struct tx_item *items, uint16_t n,
	struct moved *moved)
{
	const struct port_counters before = vm->count;

	n = offer_buffers(vm, layout, items, n);
	layout->ops->tx(&vm->tx, &vm->takes.view, items, n, &vm->count);
	model_must(&vm->memory, vm->tx.fault == VQ_FAULT_NONE, "no fault");
	model_must(&vm->memory, vm->count.tx_packets - before.tx_packets == n,
		"all for which there are buffers are sent");
	for (uint16_t i = 0; i < n; i++) {
		check_taken(vm, layout, &items[i]);
		moved->bytes += items[i].len;
	}
	moved->packets += n;
	return n;
}

/* The ring's buffers that nobody filled. */
static void
use_up(struct vm *vm, const struct layout *layout)
{
	static struct source source;
	uint8_t hdr[VQ_HDR_MAX];
	struct tx_item item;
	uint64_t random = vm->memory.random | 1;

	vm_frame_make(&frames[0], VM_PLAIN, 14, &random);
	source_lent(&source, &frames[0], &random);
	while (vm->takes.n_posted > 0) {
		pkt_item(&source.pkt, &item);
		layout->ops->tx(&vm->tx, &vm->takes.view, &item, 1, &vm->count);
		model_must(&vm->memory, vm_collect_taken(vm, hdr, bytes) == 14,
			"any buffer has room for a short frame");
	}
}

static uint16_t
transmit_batch(struct vm *vm, const struct layout *layout, uint16_t n, struct moved *moved,
	uint64_t *random)
{
	static struct pkt_clones clones;
	struct tx_item items[PKT_BURST];
	uint16_t sent;

	describe(vm, layout, "transmit");
	vm_again(vm);
	clones.n = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (random_below(random, 2) == 0) {
			source_lent(&sources[i], &frames[i], random);
		} else {
			source_mbuf(&sources[i], &frames[i], random);
		}
		sources[i].pkt.n_out = 1;
		items[i].pkt = &sources[i].pkt;
		edit(&items[i], &clones, random);
	}
	sent = transmit_items(vm, layout, items, n, moved);
	for (uint16_t i = 0; i < n; i++) {
		pkt_free(&sources[i].pkt);
	}
	return sent;
}

static void
check_tx_counters(const struct vm *vm, const struct moved *moved)
{
	const struct vq_stats *stats = &vm->tx.stats;

	model_must(&vm->memory,
		vm->count.tx_packets == moved->packets && vm->count.tx_bytes == moved->bytes,
		"the port's counters are right");
	model_must(&vm->memory, stats->packets == moved->packets && stats->bytes == moved->bytes,
		"the ring's counters are right");
	model_must(&vm->memory, vm_drops(&vm->count) == 0, "nothing was lost");
}

/* --- from ring to ring ------------------------------------------------------------------------ */

/* What the guest sends comes back to itself, between two rings of one memory. */
static uint16_t
loop_batch(struct vm *vm, const struct layout *layout, uint16_t n, struct moved *moved)
{
	struct pkt pkts[PKT_BURST];
	struct tx_item items[PKT_BURST];
	uint16_t done = 0;

	describe(vm, layout, "loop");
	vm_again(vm);
	n = post_frames(vm, layout, RTE_MIN(n, 12));
	while (done < n) {
		uint16_t k = layout->ops->rx(
			&vm->rx, &vm->sends.view, pkts, PKT_BURST, pool, &vm->count);

		model_must(&vm->memory, k > 0, "what was sent is received");
		for (uint16_t i = 0; i < k; i++) {
			pkt_item(&pkts[i], &items[i]);
			pkts[i].n_out = 1;
		}
		(void)transmit_items(vm, layout, items, k, moved);
		layout->ops->release(&vm->rx, &vm->sends.view, pkts, k);
		model_must(&vm->memory, vm_collect_sent(vm) == k, "what was lent is given back");
		done = (uint16_t)(done + k);
	}
	return n;
}

/* --- all of them ------------------------------------------------------------------------------ */

enum direction { RECEIVE, TRANSMIT, LOOP };

static void
run_kind(struct vm *vm, const struct layout *layout, enum direction direction, uint64_t *random)
{
	uint32_t lens[LENS_MAX];
	const unsigned int n_lens = lengths(lens, random);
	struct moved moved = {0};
	unsigned int done = 0;
	unsigned int batches = 0;

	memset(&vm->count, 0, sizeof(vm->count));
	vm->rx.stats = vm->tx.stats = (struct vq_stats){0};
	while (done < n_lens) {
		uint16_t n = (uint16_t)(1 + random_below(random, PKT_BURST));

		n = (uint16_t)RTE_MIN(n, n_lens - done);
		for (uint16_t i = 0; i < n; i++) {
			vm_frame_make(&frames[i], layout->kind, lens[done + i], random);
		}
		n = direction == RECEIVE        ? receive_batch(vm, layout, n, &moved)
			: direction == TRANSMIT ? transmit_batch(vm, layout, n, &moved, random)
						: loop_batch(vm, layout, n, &moved);
		done += RTE_MAX(n, 1); /* a ring may be too short for a frame's buffers */
		if (direction == RECEIVE) {
			check_rx_counters(vm, &moved);
		} else if (direction == TRANSMIT) {
			check_tx_counters(vm, &moved);
		}
		model_accept_events(&vm->sends);
		model_accept_events(&vm->takes);
		if (++batches % CHECK_EVERY == 0) {
			model_check(&vm->memory);
		}
		if (direction != RECEIVE && vm->takes.n_posted > 0) {
			const struct port_counters count = vm->count;
			const struct vq_stats stats = vm->tx.stats;

			use_up(vm, layout);
			vm->count = count;
			vm->tx.stats = stats;
		}
	}
	model_check(&vm->memory);
}

static void
run(bool packed, enum direction direction)
{
	static const uint16_t split_sizes[] = {2, 64, 256, 1024, 4096, 32768};
	static const uint16_t packed_sizes[] = {1, 7, 33, 100, 256, 1000, 4096, 32767};
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n_ops = vm_ops(ops);
	const uint64_t seed = random_seed();
	uint64_t random = seed;

	for (unsigned int i = 0; i < n_ops * 2 * 3; i++) {
		struct layout layout = {.ops = ops[i % n_ops],
			.how = (enum model_how)(i / n_ops % 3),
			.conf = {.packed = packed,
				.indirect = true,
				.mergeable = i / n_ops / 3 == 1,
				.flags = random_below(&random, 4) == 0 ? 0 : VQ_READ_HDR,
				.takes = VM_TAKES_ALL}};
		struct vm vm;

		layout.conf.size = packed ? packed_sizes[random_below(&random, 8)]
					  : split_sizes[random_below(&random, 6)];
		layout.conf.hdr_len =
			layout.conf.mergeable || random_below(&random, 3) > 0 ? VQ_HDR_MAX : 10;
		vm_init(&vm, &layout.conf, random);
		for (unsigned int k = 0; k < MODEL_CUTS * VM_KINDS; k++) {
			layout.cut = (enum model_cut)(k % MODEL_CUTS);
			layout.kind = (enum vm_kind)(k / MODEL_CUTS);
			run_kind(&vm, &layout, direction, &random);
		}
		assert_int_equal(rte_mempool_avail_count(pool), 1024);
		vm_fini(&vm);
	}
	(void)seed;
}

static void
test_split_receive(void **state)
{
	(void)state;
	run(false, RECEIVE);
}

static void
test_split_transmit(void **state)
{
	(void)state;
	run(false, TRANSMIT);
}

static void
test_split_loop(void **state)
{
	(void)state;
	run(false, LOOP);
}

static void
test_packed_receive(void **state)
{
	(void)state;
	run(true, RECEIVE);
}

static void
test_packed_transmit(void **state)
{
	(void)state;
	run(true, TRANSMIT);
}

static void
test_packed_loop(void **state)
{
	(void)state;
	run(true, LOOP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_receive),
		cmocka_unit_test(test_split_transmit),
		cmocka_unit_test(test_split_loop),
		cmocka_unit_test(test_packed_receive),
		cmocka_unit_test(test_packed_transmit),
		cmocka_unit_test(test_packed_loop),
	};
	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
