/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest may do, and hardly any does; and what it does wrong only for itself. Nothing of it
 * stops a ring, and what is lost is counted under its name.
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

#define HDR VQ_HDR_MAX

static struct rte_mempool *pool;
static struct rte_mempool *empty_pool;
static struct vm_frame frame;
static uint8_t bytes[PKT_LEN_MAX + 64];

/* One guest, and the functions to serve it with. */
struct odd {
	const struct vq_ops *ops;
	bool packed;
	struct vm vm;
	uint64_t random;
};

static void
begin(struct odd *odd, const char *what, uint16_t size, bool mergeable)
{
	const struct model_conf conf = {.packed = odd->packed,
		.indirect = true,
		.mergeable = mergeable,
		.size = size,
		.hdr_len = HDR,
		.flags = VQ_READ_HDR,
		.takes = VM_TAKES_ALL};

	odd->random = random_seed();
	vm_init(&odd->vm, &conf, odd->random);
	model_case(&odd->vm.memory, "%s: %s, %s%s, seed %llu", what, odd->ops->name,
		odd->packed ? "packed" : "split", mergeable ? ", mergeable" : "",
		(unsigned long long)odd->random);
}

/* Nothing was written that may not be, and no ring has stopped. */
static void
end(struct odd *odd)
{
	model_accept_events(&odd->vm.sends);
	model_accept_events(&odd->vm.takes);
	model_check(&odd->vm.memory);
	model_must(&odd->vm.memory, odd->vm.rx.fault == VQ_FAULT_NONE, "no fault");
	model_must(&odd->vm.memory, odd->vm.tx.fault == VQ_FAULT_NONE, "no fault");
	vm_fini(&odd->vm);
}

#define must(odd, cond, rule) model_must(&(odd)->vm.memory, cond, rule)

/* --- from the guest --------------------------------------------------------------------------- */

/* Post these pieces. */
static void
post(struct odd *odd, const struct model_piece *pieces, uint16_t n)
{
	must(odd, model_post(&odd->vm.sends, pieces, n, MODEL_DIRECT), "the ring has room");
	model_publish(&odd->vm.sends);
}

static uint16_t
take_burst(struct odd *odd, struct rte_mempool *from)
{
	struct pkt pkts[PKT_BURST];
	struct vm *vm = &odd->vm;
	const uint16_t n =
		odd->ops->rx(&vm->rx, &vm->sends.view, pkts, PKT_BURST, from, &vm->count);

	for (uint16_t i = 0; i < n; i++) {
		struct tx_item item;

		must(odd, pkts[i].len == frame.len, "the length is right");
		pkt_item(&pkts[i], &item);
		pkt_gather(&item, bytes);
		must(odd, memcmp(bytes, frame.bytes, frame.len) == 0, "the bytes are right");
	}
	odd->ops->release(&vm->rx, &vm->sends.view, pkts, n);
	return n;
}

/* Take all that is there: so many buffers, which are given back. Returns how many were lent. */
static uint16_t
take(struct odd *odd, struct rte_mempool *from, uint32_t buffers)
{
	uint16_t lent = 0;
	uint32_t back = 0;

	for (uint32_t tries = 0; back < buffers; tries++) {
		must(odd, tries <= buffers, "each call moves something");
		lent = (uint16_t)(lent + take_burst(odd, from));
		back += vm_collect_sent(&odd->vm);
	}
	must(odd, back == buffers, "all buffers are given back");
	return lent;
}

/* The ring still works. */
static void
one_good(struct odd *odd)
{
	vm_frame_make(&frame, VM_PLAIN, 333, &odd->random);
	must(odd, vm_send(&odd->vm, &frame, MODEL_TWO, MODEL_DIRECT, 2), "the ring has room");
	model_publish(&odd->vm.sends);
	must(odd, take(odd, pool, 1) == 1, "the ring goes on");
}

static void
runts(struct odd *odd)
{
	uint32_t lost = 0;

	begin(odd, "runts", 64, false);
	for (uint32_t len = 0; len < HDR + RTE_ETHER_HDR_LEN; len++) {
		for (uint16_t n = 1; n <= 4; n++) { /* descriptors */
			struct model_piece pieces[4];
			uint32_t left = len;

			for (uint16_t i = 0; i < n; i++) {
				pieces[i].len = i + 1 == n ? left : left / 2;
				pieces[i].gpa =
					model_alloc(&odd->vm.memory, pieces[i].len, 1, false);
				left -= pieces[i].len;
			}
			post(odd, pieces, n);
			must(odd, take(odd, pool, 1) == 0, "a runt is no packet");
			lost++;
			must(odd, odd->vm.count.drops[DROP_RUNT] == lost, "a runt has its name");
			must(odd, odd->vm.rx.stats.invalid == lost, "the ring counts it");
		}
	}
	must(odd, vm_drops(&odd->vm.count) == lost, "nothing else was lost");
	one_good(odd);
	end(odd);
}

static void
oversize(struct odd *odd)
{
	static const uint32_t lens[] = {PKT_LEN_MAX + 1, PKT_LEN_MAX + 100, 1U << 20, 3U << 20};
	struct model_piece pieces[1024];

	begin(odd, "oversize", 1024, false);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		pieces[0] = (struct model_piece){odd->vm.arena, HDR};
		pieces[1] = (struct model_piece){odd->vm.arena, lens[i]};
		post(odd, pieces, 2);
		must(odd, take(odd, pool, 1) == 0, "the frame is too long");
		pieces[0].len = HDR + lens[i];
		post(odd, pieces, 1);
		must(odd, take(odd, pool, 1) == 0, "the frame is too long");
		must(odd, odd->vm.count.drops[DROP_RX_OVERSIZE] == 2 * i + 2, "it has its name");
	}
	/* 2^32 bytes: 1024 times the same 4 MiB. */
	for (unsigned int i = 0; i < 1024; i++) {
		pieces[i] = (struct model_piece){odd->vm.memory.gmem->regions[2].gpa, 4U << 20};
	}
	post(odd, pieces, 1024);
	must(odd, take(odd, pool, 1) == 0, "the frame is too long");
	must(odd, odd->vm.count.drops[DROP_RX_OVERSIZE] == 9, "it has its name");
	must(odd, vm_drops(&odd->vm.count) == 9, "nothing else was lost");
	vm_frame_make(&frame, VM_PLAIN, PKT_LEN_MAX, &odd->random);
	must(odd, vm_send(&odd->vm, &frame, MODEL_ONE, MODEL_DIRECT, 1), "the ring has room");
	model_publish(&odd->vm.sends);
	must(odd, take(odd, pool, 1) == 1, "the longest frame is none too long");
	one_good(odd);
	end(odd);
}

/* 2.7.5: nothing forbids a descriptor of no bytes in what the device reads. */
static void
zeroes_between(struct odd *odd)
{
	struct model_piece cut[8];
	struct model_piece pieces[24];

	begin(odd, "descriptors of no bytes", 64, false);
	for (unsigned int round = 0; round < 50; round++) {
		static uint8_t all[HDR + 400];
		uint16_t n = 0;
		uint16_t k;

		vm_again(&odd->vm);
		vm_frame_make(&frame, VM_PLAIN, 14 + random_below(&odd->random, 380), &odd->random);
		memset(all, 0, HDR);
		memcpy(all + HDR, frame.bytes, frame.len);
		k = model_cut(&odd->vm.memory, HDR + frame.len, HDR, MODEL_MANY, 8, cut);
		for (uint16_t i = 0; i < k; i++) {
			for (uint32_t zeroes = random_below(&odd->random, 3); zeroes > 0;
				zeroes--) {
				pieces[n++] = (struct model_piece){cut[i].gpa, 0};
			}
			pieces[n++] = cut[i];
		}
		model_scatter(&odd->vm.memory, pieces, n, all, HDR + frame.len);
		post(odd, pieces, n);
		must(odd, take(odd, pool, 1) == 1, "empty descriptors do not matter");
	}
	end(odd);
}

static void
many_pieces(struct odd *odd)
{
	begin(odd, "many pieces", 256, false);
	for (unsigned int round = 0; round < 3; round++) {
		struct rte_mempool *from = round == 0 ? NULL : round == 1 ? empty_pool : pool;

		vm_frame_make(&frame, VM_PLAIN, 9000, &odd->random);
		for (unsigned int i = 0; i < 2; i++) {
			struct model_piece pieces[200];
			static uint8_t all[HDR + 9000];

			for (uint16_t k = 0; k < 101; k++) {
				pieces[k].len = k == 0 ? 12 : 90;
				pieces[k].gpa = model_alloc(&odd->vm.memory, 100, 1, false);
			}
			memcpy(all + HDR, frame.bytes, frame.len);
			model_scatter(&odd->vm.memory, pieces, 101, all, sizeof(all));
			post(odd, pieces, 101);
		}
		must(odd, take(odd, from, 2) == (round == 2 ? 2 : 0), "a copy needs memory");
		must(odd, odd->vm.count.drops[DROP_RX_NO_MEMORY] == (round == 0 ? 2 : 4),
			"what has no memory is counted");
	}
	must(odd, vm_drops(&odd->vm.count) == 4, "nothing else was lost");
	must(odd, rte_mempool_avail_count(pool) == 256, "no memory is kept");
	one_good(odd);
	end(odd);
}

/* Headers that contradict themselves. */
static void
bad_headers(struct odd *odd)
{
	static const uint8_t headers[][HDR] = {
		{0, 1}, /* TCP over IPv4 in segments of no bytes */
		{1, 4, 0, 0, 0, 0, 34, 0, 16, 0},
		{0, 77, 0, 0, 100, 0}, /* no such kind */
		{0, 2, 0, 0, 100, 0},
		{0, 0x80 | 77, 0, 0, 1, 0},
	};
	const unsigned int n = sizeof(headers) / sizeof(headers[0]);

	begin(odd, "bad headers", 64, false);
	for (unsigned int i = 0; i < n; i++) {
		vm_frame_make(&frame, VM_PLAIN, 500, &odd->random);
		memcpy(frame.hdr, headers[i], HDR);
		must(odd, vm_send(&odd->vm, &frame, MODEL_ONE, MODEL_DIRECT, 1), "there is room");
		must(odd, vm_send(&odd->vm, &frame, MODEL_TWO, MODEL_DIRECT, 2), "there is room");
		model_publish(&odd->vm.sends);
		must(odd, take(odd, pool, 2) == 0, "the header is refused");
		must(odd, odd->vm.count.drops[DROP_OFFLOAD_INVALID] == 2 * i + 2, "by its name");
	}
	/* A device that has no offload negotiated does not look. */
	odd->vm.sends.view.flags &= ~(uint32_t)VQ_READ_HDR;
	must(odd, vm_send(&odd->vm, &frame, MODEL_ONE, MODEL_DIRECT, 1), "there is room");
	must(odd, vm_send(&odd->vm, &frame, MODEL_TWO, MODEL_DIRECT, 2), "there is room");
	model_publish(&odd->vm.sends);
	must(odd, take(odd, pool, 2) == 2, "the header is not looked at");
	must(odd, vm_drops(&odd->vm.count) == 2 * n, "nothing else was lost");
	end(odd);
}

/* Good ones among others, in one burst; and the place survives a restart. */
static void
mixture(struct odd *odd)
{
	uint64_t lost = 0;

	role_assert(&role_main);
	begin(odd, "mixture", 128, false);
	vm_frame_make(&frame, VM_PLAIN, 700, &odd->random);
	for (unsigned int round = 0; round < 60; round++) {
		struct model_piece pieces[1] = {{odd->vm.arena, 20}};
		uint16_t good = 0;
		uint16_t bad = 0;

		vm_again(&odd->vm);
		for (uint32_t i = random_below(&odd->random, PKT_BURST); i > 0; i--) {
			if (random_below(&odd->random, 3) == 0) {
				post(odd, pieces, 1);
				bad++;
			} else if (vm_send(&odd->vm, &frame, MODEL_MANY, MODEL_INDIRECT, 10)) {
				good++;
			}
		}
		model_publish(&odd->vm.sends);
		must(odd, take(odd, pool, (uint32_t)good + bad) == good, "good ones are lent");
		lost += bad;
		must(odd, odd->vm.count.drops[DROP_RUNT] == lost, "the others are counted");
		vq_set_base(&odd->vm.rx, &odd->vm.sends.view, vq_base(&odd->vm.rx, odd->packed));
	}
	must(odd, odd->vm.count.rx_packets == odd->vm.rx.stats.packets + lost, "counters agree");
	must(odd, odd->vm.rx.stats.invalid == lost, "counters agree");
	end(odd);
}

/* --- to the guest ----------------------------------------------------------------------------- */

/* Send one frame of `len` bytes. */
static void
send_one(struct odd *odd, uint32_t len, struct pkt_offload ol)
{
	static struct pkt_seg seg;
	struct port_counters lost;
	struct pkt pkt;
	struct tx_item item;

	vm_frame_make(&frame, VM_PLAIN, len, &odd->random);
	pkt = (struct pkt){.head = frame.bytes,
		.len = len,
		.head_len = (uint16_t)RTE_MIN(len, (uint32_t)PKT_HEAD_MIN),
		.n_out = 1,
		.segs = &seg,
		.n_segs = len > PKT_HEAD_MIN,
		.ol = ol};
	seg = (struct pkt_seg){frame.bytes + pkt.head_len, len - pkt.head_len};
	pkt_item(&pkt, &item);
	lost = odd->vm.count;
	odd->ops->tx(&odd->vm.tx, &odd->vm.takes.view, &item, 1, &odd->vm.count);
	must(odd, vm_marked(&item, 1, DROP_N) == vm_drops(&odd->vm.count) - vm_drops(&lost),
		"what is lost is marked");
	if (item.lost != 0) {
		const unsigned int reason = item.lost - 1U;

		must(odd, odd->vm.count.drops[reason] == lost.drops[reason] + 1, "by its name");
	}
}

static void
expect_frame(struct odd *odd, const uint8_t *header)
{
	uint8_t hdr[HDR];

	must(odd, vm_collect_taken(&odd->vm, hdr, bytes) == (int32_t)frame.len, "it was sent");
	must(odd, memcmp(bytes, frame.bytes, frame.len) == 0, "the bytes are right");
	if (header != NULL) {
		must(odd, memcmp(hdr, header, 2) == 0, "the header says what the guest takes");
	}
}

static void
expect_nothing(struct odd *odd)
{
	uint8_t hdr[HDR];

	must(odd, vm_collect_taken(&odd->vm, hdr, bytes) == -1, "nothing was sent");
}

static const struct pkt_offload plain;

/* Buffers that do not even hold the header: legal for nobody, and dangerous to nobody. */
static void
tiny_buffers(struct odd *odd)
{
	for (uint32_t first = 1; first < HDR; first++) {
		uint64_t before;

		begin(odd, "tiny buffers", 1024, true);
		for (unsigned int i = 0; i < 80; i++) {
			const uint32_t len = i == 0 ? first : 1 + random_below(&odd->random, 11);

			must(odd, vm_offer(&odd->vm, len, MODEL_ONE, MODEL_DIRECT, 1), "room");
		}
		model_publish(&odd->vm.takes);
		send_one(odd, 60, plain);
		expect_frame(odd, NULL);
		do { /* what is left, in frames of few bytes */
			before = odd->vm.count.tx_packets;
			send_one(odd, 14, plain);
			if (odd->vm.count.tx_packets > before) {
				expect_frame(odd, NULL);
			}
		} while (odd->vm.count.tx_packets > before);
		must(odd, odd->vm.count.drops[DROP_TX_FULL] == 1, "they are used up");
		end(odd);
	}
}

static void
ring_too_short(struct odd *odd)
{
	begin(odd, "ring too short", 64, true);
	for (unsigned int i = 0; i < 3; i++) {
		must(odd, vm_offer(&odd->vm, 100, MODEL_TWO, MODEL_DIRECT, 2), "there is room");
	}
	model_publish(&odd->vm.takes);
	send_one(odd, 1000, plain);
	expect_nothing(odd);
	must(odd, odd->vm.count.drops[DROP_TX_FULL] == 1, "the ring is full");
	must(odd, odd->vm.tx.stats.full == 1, "the ring counts it");
	for (unsigned int i = 0; i < 8; i++) {
		must(odd, vm_offer(&odd->vm, 100, MODEL_TWO, MODEL_DIRECT, 2), "there is room");
	}
	model_publish(&odd->vm.takes);
	send_one(odd, 1000, plain);
	expect_frame(odd, NULL);
	send_one(odd, 60, plain);
	expect_nothing(odd);
	must(odd, odd->vm.count.drops[DROP_TX_FULL] == 2, "the ring is empty");
	must(odd, odd->vm.count.tx_packets == 1 && vm_drops(&odd->vm.count) == 2,
		"each item is counted once");
	end(odd);
}

static void
buffers_too_small(struct odd *odd)
{
	begin(odd, "buffers too small", 64, false);
	for (unsigned int i = 0; i < 4; i++) {
		must(odd, vm_offer(&odd->vm, 100, MODEL_TWO, MODEL_DIRECT, 2), "there is room");
	}
	must(odd, vm_offer(&odd->vm, 2000, MODEL_TWO, MODEL_DIRECT, 2), "there is room");
	model_publish(&odd->vm.takes);
	for (uint32_t len = 89; len < 91; len++) {
		send_one(odd, len, plain);
		expect_nothing(odd);
	}
	must(odd, odd->vm.count.drops[DROP_GUEST_BUFFERS] == 2, "the buffers are too small");
	must(odd, odd->vm.tx.stats.small == 2, "the ring counts it");
	for (unsigned int i = 0; i < 4; i++) {
		send_one(odd, 88, plain);
		expect_frame(odd, NULL);
	}
	send_one(odd, 1988, plain);
	expect_frame(odd, NULL);
	must(odd, odd->vm.count.tx_packets == 5 && vm_drops(&odd->vm.count) == 2,
		"each item is counted once");
	end(odd);
}

/* One burst whose first frame is too long for the first buffer only. */
static void
first_too_small(struct odd *odd)
{
	static uint8_t frames[3][1000];
	static const uint32_t lens[] = {1000, 60, 999};
	struct pkt pkts[3];
	struct tx_item items[3];
	uint8_t hdr[HDR];

	begin(odd, "first buffer too small", 64, false);
	(void)vm_offer(&odd->vm, 100, MODEL_ONE, MODEL_DIRECT, 1);
	(void)vm_offer(&odd->vm, 2000, MODEL_ONE, MODEL_DIRECT, 1);
	model_publish(&odd->vm.takes);
	for (unsigned int i = 0; i < 3; i++) {
		vm_noise(frames[i], 1000, &odd->random);
		pkts[i] = (struct pkt){.head = frames[i],
			.len = lens[i],
			.head_len = (uint16_t)lens[i],
			.n_out = 1};
		pkt_item(&pkts[i], &items[i]);
	}
	odd->ops->tx(&odd->vm.tx, &odd->vm.takes.view, items, 3, &odd->vm.count);
	must(odd, vm_collect_taken(&odd->vm, hdr, bytes) == 60, "the short one fits");
	must(odd, vm_collect_taken(&odd->vm, hdr, bytes) == 999, "so does the last");
	must(odd, memcmp(bytes, frames[2], 999) == 0, "the bytes are right");
	must(odd, odd->vm.count.drops[DROP_GUEST_BUFFERS] == 1, "the first one is lost");
	must(odd, items[0].lost == DROP_GUEST_BUFFERS + 1, "and marked");
	must(odd, vm_marked(items, 3, DROP_N) == 1, "no other is");
	end(odd);
}

/* Many small buffers for one large frame: it is sent or lost, and the ring goes on. */
static void
many_small_buffers(struct odd *odd)
{
	static const uint32_t sizes[] = {12, 13, 50, 64, 100};

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin(odd, "many small buffers", 16384, true);
		odd->vm.memory.at = odd->vm.arena;
		for (unsigned int n = 0; n <= 65600 / sizes[i]; n++) {
			must(odd, vm_offer(&odd->vm, sizes[i], MODEL_MANY, MODEL_DIRECT, 2),
				"room");
		}
		model_publish(&odd->vm.takes);
		send_one(odd, 65550, plain);
		must(odd, odd->vm.tx.fault == VQ_FAULT_NONE, "a legal ring does not stop");
		if (odd->vm.count.tx_packets == 1) {
			expect_frame(odd, NULL);
		} else {
			expect_nothing(odd);
			must(odd, odd->vm.count.drops[DROP_GUEST_BUFFERS] == 1, "lost by name");
		}
		send_one(odd, 1514, plain);
		expect_frame(odd, NULL);
		end(odd);
	}
}

/* What a guest does not take is not in a header. */
static void
not_taken(struct odd *odd)
{
	static const struct {
		uint32_t takes;
		struct pkt_offload ol;
		bool sent;
		uint8_t header[2];
	} cases[] = {
		{0, {.flags = PKT_OL_CSUM_OK}, true, {0, 0}},
		{PORT_CAP_CSUM, {.flags = PKT_OL_CSUM_OK}, true, {2, 0}},
		{0, {PKT_OL_CSUM, 0, 34, 16}, false, {0}},
		{PORT_CAP_CSUM, {PKT_OL_CSUM, 0, 34, 16}, true, {1, 0}},
		{PORT_CAP_CSUM, {PKT_OL_CSUM | PKT_OL_TCP4, 900, 34, 16}, false, {0}},
		{PORT_CAP_CSUM | PORT_CAP_TSO6, {PKT_OL_CSUM | PKT_OL_TCP4, 900, 34, 16}, false,
			{0}},
		{PORT_CAP_CSUM | PORT_CAP_TSO4, {PKT_OL_CSUM | PKT_OL_TCP4, 900, 34, 16}, true,
			{1, 1}},
		{PORT_CAP_CSUM | PORT_CAP_TSO4, {PKT_OL_CSUM | PKT_OL_TCP6, 900, 54, 16}, false,
			{0}},
		{PORT_CAP_CSUM | PORT_CAP_TSO6, {PKT_OL_CSUM | PKT_OL_TCP6, 900, 54, 16}, true,
			{1, 4}},
		{PORT_CAP_CSUM | PORT_CAP_TSO4, {PKT_OL_CSUM | PKT_OL_UDP, 900, 34, 6}, false, {0}},
		{PORT_CAP_CSUM | PORT_CAP_USO, {PKT_OL_CSUM | PKT_OL_UDP, 900, 34, 6}, true,
			{1, 5}},
		{VM_TAKES_ALL, {PKT_OL_CSUM | PKT_OL_TCP4 | PKT_OL_ECN, 900, 34, 16}, true,
			{1, 0x81}},
	};

	uint64_t sent;

	begin(odd, "offloads", 64, false);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t lost = vm_drops(&odd->vm.count);

		must(odd, vm_offer(&odd->vm, 2500, MODEL_ONE, MODEL_DIRECT, 1), "there is room");
		model_publish(&odd->vm.takes);
		odd->vm.takes.view.takes = cases[i].takes;
		send_one(odd, 2000, cases[i].ol);
		if (cases[i].sent) {
			expect_frame(odd, cases[i].header);
			must(odd, vm_drops(&odd->vm.count) == lost, "each item is counted once");
			continue;
		}
		expect_nothing(odd);
		must(odd, vm_drops(&odd->vm.count) == lost + 1, "each item is counted once");
		send_one(odd, 2000, plain);
		expect_frame(odd, NULL);
	}
	/* ECN for who does not take it: lost, or without that bit (5.1.6.4.1). */
	must(odd, vm_offer(&odd->vm, 2500, MODEL_ONE, MODEL_DIRECT, 1), "there is room");
	model_publish(&odd->vm.takes);
	odd->vm.takes.view.takes = PORT_CAP_CSUM | PORT_CAP_TSO4;
	sent = odd->vm.count.tx_packets;
	send_one(odd, 2000, cases[11].ol);
	if (odd->vm.count.tx_packets > sent) {
		uint8_t hdr[HDR];

		(void)vm_collect_taken(&odd->vm, hdr, bytes);
		must(odd, (hdr[1] & 0x80) == 0, "no ECN for who does not take it");
	}
	end(odd);
}

/* An mbuf chain of more pieces than anybody makes. */
static void
long_mbuf(struct odd *odd)
{
	struct rte_mbuf *first = NULL;
	struct rte_mbuf *last = NULL;
	struct pkt pkt;
	struct tx_item item;

	begin(odd, "long mbuf", 64, false);
	(void)vm_offer(&odd->vm, 4000, MODEL_ONE, MODEL_DIRECT, 1);
	model_publish(&odd->vm.takes);
	for (unsigned int i = 0; i < 200; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		must(odd, m != NULL, "there are mbufs");
		memset(rte_pktmbuf_append(m, 14), (int)i, 14);
		if (first == NULL) {
			first = m;
		} else {
			last->next = m;
			first->nb_segs++;
			first->pkt_len += 14;
		}
		last = m;
	}
	pkt_from_mbuf(&pkt, first);
	pkt.n_out = 1;
	pkt_item(&pkt, &item);
	odd->ops->tx(&odd->vm.tx, &odd->vm.takes.view, &item, 1, &odd->vm.count);
	must(odd, odd->vm.count.tx_packets + vm_drops(&odd->vm.count) == 1, "it is counted once");
	if (odd->vm.count.tx_packets == 0) { /* its header may be there */
		model_accept(&odd->vm.memory, odd->vm.takes.posted[0]->pieces[0].gpa, HDR);
	} else {
		uint8_t hdr[HDR];

		must(odd, vm_collect_taken(&odd->vm, hdr, bytes) == 2800, "it was sent");
	}
	pkt_free(&pkt);
	end(odd);
}

/* A guest that lets its receive buffers be what it sends. */
static void
overlap(struct odd *odd)
{
	struct vm *vm = &odd->vm;

	begin(odd, "overlap", 256, false);
	for (unsigned int round = 0; round < 200; round++) {
		const uint32_t len = 14 + random_below(&odd->random, 3000);
		struct model_piece from = {vm->arena + 5000, HDR + len};
		struct model_piece to = {vm->arena + random_below(&odd->random, 10000), 3500};
		struct pkt pkts[PKT_BURST];
		struct tx_item item;
		uint8_t hdr[HDR];
		static const uint8_t zeroes[HDR];

		model_put(&vm->memory, from.gpa, zeroes, HDR);
		post(odd, &from, 1);
		must(odd, model_post(&vm->takes, &to, 1, MODEL_DIRECT), "there is room");
		model_publish(&vm->takes);
		must(odd,
			odd->ops->rx(&vm->rx, &vm->sends.view, pkts, PKT_BURST, pool, &vm->count) ==
				1,
			"the frame is received");
		pkts[0].n_out = 1;
		pkt_item(&pkts[0], &item);
		odd->ops->tx(&vm->tx, &vm->takes.view, &item, 1, &vm->count);
		odd->ops->release(&vm->rx, &vm->sends.view, pkts, 1);
		must(odd, vm_collect_sent(vm) == 1, "it is given back");
		must(odd, vm_collect_taken(vm, hdr, bytes) == (int32_t)len, "something was sent");
	}
	end(odd);
}

static void
each(void (*test)(struct odd *odd))
{
	const struct vq_ops *ops[VM_OPS_MAX];
	const unsigned int n = vm_ops(ops);
	static struct odd odd;

	for (unsigned int i = 0; i < 2 * n; i++) {
		memset(&odd, 0, sizeof(odd));
		odd.ops = ops[i / 2];
		odd.packed = i % 2 == 1;
		test(&odd);
	}
}

#define ODD_TESTS(X)          \
	X(runts)              \
	X(oversize)           \
	X(zeroes_between)     \
	X(many_pieces)        \
	X(bad_headers)        \
	X(mixture)            \
	X(tiny_buffers)       \
	X(ring_too_short)     \
	X(buffers_too_small)  \
	X(first_too_small)    \
	X(many_small_buffers) \
	X(not_taken)          \
	X(long_mbuf)          \
	X(overlap)

#define X(name)                               \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		each(name);                   \
	}
ODD_TESTS(X)
#undef X

static int
setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(256, 2048);
	empty_pool = eal_test_pool(1, 2048);
	return rte_pktmbuf_alloc(empty_pool) == NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define X(name) cmocka_unit_test(test_##name),
		ODD_TESTS(X)
#undef X
	};
	int failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return failed;
}
