/* SPDX-License-Identifier: BSD-3-Clause */
/* Staged outputs: all that is staged is sent in order or dropped by name, whatever runs out. */
#include "datapath/pipe/tx_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/inet_model.h"
#include "datapath/core/offload.h"
#include "datapath/pipe/burst.h"
#include "datapath/pipe/test_probe.h"

#define ALL_CAPS (PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6 | PORT_CAP_USO)
#define PROBES 100
#define FRAME 100 /* bytes of a plain frame */

static struct rte_mempool *pool;

/* A worker's stage, ports 1..PROBES, and packets that live in here. */
struct bench {
	struct burst *burst;
	struct probe probes[PROBES + 1];
	struct packet {
		struct pkt pkt;
		uint8_t room[PKT_HEADROOM + 2048];
	} packets[256];
	unsigned int n_packets;
};

static int
group_setup(void **state)
{
	(void)state;
	eal_test_start(128);
	pool = eal_test_pool(2048, 2048);
	return 0;
}

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_int_equal(burst_create(&(struct burst_conf){.worker = 0, .flows = FLOW_CAPACITY_MIN},
				 &bench->burst),
		0);
	for (uint32_t i = 1; i <= PROBES; i++) {
		probe_init(&bench->probes[i], i, ALL_CAPS, 1, true);
	}
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	for (int i = 1; i <= PROBES; i++) {
		probe_fini(&bench->probes[i]);
	}
	burst_destroy(bench->burst);
	free(bench);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static struct bench *
bench_of(void **state) ROLE_ATTR(assert_capability(role_worker))
{
	role_assert(&role_worker);
	return *state;
}

static struct pkt *
packet_of(struct bench *bench, const uint8_t *bytes, uint32_t len)
{
	struct packet *packet = &bench->packets[bench->n_packets++ % 256];

	assert_int_equal(packet->pkt.n_out, 0);
	memcpy(packet->room + PKT_HEADROOM, bytes, len);
	packet->pkt = (struct pkt){.head = packet->room + PKT_HEADROOM,
		.len = len,
		.head_len = (uint16_t)len,
		.headroom = PKT_HEADROOM};
	return &packet->pkt;
}

static void
bytes_numbered(uint8_t *bytes, uint32_t number, uint32_t len)
{
	memset(bytes, 0, len);
	bytes[0] = 2;
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	memcpy(bytes + 14, &number, sizeof(number));
	memset(bytes + 18, (int)number, len - 18);
}

static struct pkt *
packet_numbered(struct bench *bench, uint32_t number)
{
	uint8_t bytes[FRAME];

	bytes_numbered(bytes, number, sizeof(bytes));
	return packet_of(bench, bytes, sizeof(bytes));
}

/* The frame's number, behind whatever tags it has got. */
static uint32_t
number_of(const struct probe_frame *frame)
{
	uint32_t number;

	memcpy(&number, frame->bytes + frame->len - FRAME + 14, sizeof(number));
	return number;
}

static uint64_t
dropped(const struct bench *bench, uint32_t port, enum drop_reason reason)
{
	return bench->burst->ports[port].drops[reason];
}

/* What is lost is in rows too, each of them of an output's reason. */
static uint64_t
rows_of(const struct bench *bench, uint32_t port)
{
	struct loss_row rows[LOSS_ROWS];
	uint64_t sum = 0;

	role_assert(&role_main);
	for (uint32_t i = loss_rows_read(bench->burst->loss.store, port, LOSS_OUTPUT, rows); i > 0;
		i--) {
		assert_true(rows[i - 1].key.reason >= DROP_TX_FIRST);
		sum += rows[i - 1].packets;
	}
	return sum;
}

static void
expect_books(const struct bench *bench, uint32_t port, uint64_t staged)
{
	const struct port_counters *c = &bench->burst->ports[port];
	uint64_t sum = c->tx_packets;

	assert_int_equal(c->tx_packets, bench->probes[port].n_sent);
	for (int r = 0; r < DROP_N; r++) {
		sum += c->drops[r];
	}
	assert_int_equal(sum, staged);
	assert_int_equal(rows_of(bench, port), staged - c->tx_packets);
}

static const struct vlan_edit keep = {.op = VLAN_KEEP};

static struct vlan_edit
push(uint16_t tci)
{
	return (struct vlan_edit){.op = VLAN_PUSH, .tpid = 0x8100, .tci = tci};
}

static void
test_order_is_kept(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;

	for (uint32_t i = 0; i < 100; i++) {
		struct vlan_edit edit = i % 3 == 0 ? push(7) : keep;

		stage_add(stage, &bench->probes[1].view, packet_numbered(bench, i), &edit);
		stage_add(stage, &bench->probes[2].view, packet_numbered(bench, 1000 + i), &keep);
	}
	stage_flush(stage);
	expect_books(bench, 1, 100);
	expect_books(bench, 2, 100);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(number_of(&bench->probes[1].sent[i]), i);
		assert_int_equal(bench->probes[1].sent[i].len, i % 3 == 0 ? FRAME + 4 : FRAME);
		assert_int_equal(number_of(&bench->probes[2].sent[i]), 1000 + i);
	}
	stage_flush(stage);
	assert_int_equal(bench->probes[1].n_sent, 100);
}

/* Whole runs, of all lengths, between single ones: as if each had been added alone. */
static void
test_runs(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	uint32_t number = 0;

	for (uint16_t n = 1; n <= PKT_BURST; n++) {
		struct pkt run[PKT_BURST];

		for (uint16_t i = 0; i < n; i++) {
			run[i] = *packet_numbered(bench, number++);
		}
		stage_add_run(stage, &bench->probes[1].view, run, n);
		if (n % 3 == 0) {
			stage_flush(stage);
		}
		stage_add(stage, &bench->probes[1].view, packet_numbered(bench, number++), &keep);
		stage_flush(stage);
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(run[i].n_out, 0);
		}
	}
	expect_books(bench, 1, number);
	for (uint32_t i = 0; i < number; i++) {
		assert_int_equal(number_of(&bench->probes[1].sent[i]), i);
	}
}

/* Where each packet has a queue of its own, a run is spread like its packets. */
static void
test_runs_spread(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	struct pkt run[2][PKT_BURST];

	for (uint32_t port = 1; port <= 2; port++) {
		bench->probes[port].port.n_txq = 4;
		bench->probes[port].port.caps |= PORT_CAP_TX_HASH;
		bench->probes[port].queue = -2;
		for (uint16_t i = 0; i < PKT_BURST; i++) {
			struct pkt *pkt = packet_numbered(bench, i);

			pkt->head[5] = (uint8_t)i;
			run[port - 1][i] = *pkt;
		}
	}
	stage_add_run(stage, &bench->probes[1].view, run[0], PKT_BURST);
	for (uint16_t i = 0; i < PKT_BURST; i++) {
		stage_add(stage, &bench->probes[2].view, &run[1][i], &keep);
	}
	stage_flush(stage);
	expect_books(bench, 1, PKT_BURST);
	assert_int_equal(bench->probes[2].n_sent, PKT_BURST);
	for (uint16_t i = 0; i < PKT_BURST; i++) {
		assert_int_equal(bench->probes[1].sent[i].queue, bench->probes[2].sent[i].queue);
		assert_int_equal(
			number_of(&bench->probes[1].sent[i]), number_of(&bench->probes[2].sent[i]));
	}
	assert_int_not_equal(
		bench->probes[1].sent[0].queue, bench->probes[1].sent[PKT_BURST - 1].queue);
}

/* A run is dropped as a whole where one packet would be. */
static void
test_runs_to_nowhere(void **state)
{
	struct bench *bench = bench_of(state);
	struct pkt run[3];

	for (unsigned int i = 0; i < 3; i++) {
		run[i] = *packet_numbered(bench, i);
	}
	bench->probes[1].view.enabled = false;
	stage_add_run(&bench->burst->stage, &bench->probes[1].view, run, 3);
	assert_int_equal(dropped(bench, 1, DROP_LINK_DOWN), 3);
	bench->probes[2].port.caps |= PORT_CAP_TX_HASH;
	bench->probes[2].queue = -1;
	stage_add_run(&bench->burst->stage, &bench->probes[2].view, run, 3);
	assert_int_equal(dropped(bench, 2, DROP_NO_GUEST), 3);
	stage_flush(&bench->burst->stage);
	expect_books(bench, 1, 3);
	expect_books(bench, 2, 3);
	assert_int_equal(run[0].n_out, 0);
}

static void
test_nothing_is_sent_before_the_flush(void **state)
{
	struct bench *bench = bench_of(state);
	struct pkt *pkt = packet_numbered(bench, 1);

	stage_add(&bench->burst->stage, &bench->probes[1].view, pkt, &keep);
	assert_int_equal(pkt->n_out, 1);
	assert_int_equal(bench->probes[1].n_calls, 0);
	stage_flush(&bench->burst->stage);
	assert_int_equal(pkt->n_out, 0);
	assert_int_equal(bench->probes[1].n_calls, 1);
}

static void
test_more_outputs_than_buckets(void **state)
{
	struct bench *bench = bench_of(state);

	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 1; i <= PROBES; i++) {
			stage_add(&bench->burst->stage, &bench->probes[i].view,
				packet_numbered(bench, 10 * i + round), &keep);
		}
	}
	stage_flush(&bench->burst->stage);
	for (uint32_t i = 1; i <= PROBES; i++) {
		expect_books(bench, i, 3);
		for (uint32_t round = 0; round < 3; round++) {
			assert_int_equal(number_of(&bench->probes[i].sent[round]), 10 * i + round);
		}
	}
}

/* As flood() does: one packet to many, each with another tag, held until the last. */
static void
test_more_heads_than_clones(void **state)
{
	struct bench *bench = bench_of(state);
	struct pkt *pkt = packet_numbered(bench, 77);
	uint8_t before[FRAME];

	memcpy(before, pkt->head, FRAME);
	pkt->n_out++;
	for (uint32_t i = 1; i <= PROBES; i++) {
		struct vlan_edit edit = i % 10 == 0 ? keep : push((uint16_t)i);

		stage_add(&bench->burst->stage, &bench->probes[i].view, pkt, &edit);
	}
	pkt->n_out--;
	stage_flush(&bench->burst->stage);
	assert_int_equal(pkt->n_out, 0);
	assert_memory_equal(pkt->head, before, FRAME);
	for (uint32_t i = 1; i <= PROBES; i++) {
		const struct probe_frame *frame = &bench->probes[i].sent[0];

		expect_books(bench, i, 1);
		assert_int_equal(number_of(frame), 77);
		assert_int_equal(frame->len, i % 10 == 0 ? FRAME : FRAME + 4);
		assert_int_equal(frame->bytes[15], i % 10 == 0 ? pkt->head[15] : i);
	}
}

/* One packet with many edits to one port: bucket and pool run out together. */
static void
test_many_heads_to_one_port(void **state)
{
	struct bench *bench = bench_of(state);
	struct pkt *pkt = packet_numbered(bench, 5);

	pkt->n_out++;
	for (uint32_t i = 0; i < 300; i++) {
		struct vlan_edit edit = push((uint16_t)i);

		stage_add(&bench->burst->stage, &bench->probes[1 + i % 2].view, pkt, &edit);
	}
	pkt->n_out--;
	stage_flush(&bench->burst->stage);
	for (uint32_t i = 0; i < 300; i++) {
		const struct probe_frame *frame = &bench->probes[1 + i % 2].sent[i / 2];

		assert_int_equal(frame->bytes[14] * 256 + frame->bytes[15], i);
	}
	expect_books(bench, 1, 150);
	expect_books(bench, 2, 150);
	assert_int_equal(pkt->n_out, 0);
}

static void
test_shared_queue_is_busy(void **state)
{
	struct bench *bench = bench_of(state);
	struct txq_lock *locks = aligned_alloc(RTE_CACHE_LINE_SIZE, 2 * sizeof(*locks));
	struct pkt *pkts[3];

	memset(locks, 0, 2 * sizeof(*locks));
	bench->probes[1].view.tx_locks = locks;
	locks[0].held = true;
	for (uint32_t i = 0; i < 3; i++) {
		pkts[i] = packet_numbered(bench, i);
		stage_add(&bench->burst->stage, &bench->probes[1].view, pkts[i], &keep);
		stage_add(&bench->burst->stage, &bench->probes[2].view, pkts[i], &keep);
	}
	stage_flush(&bench->burst->stage);
	assert_int_equal(dropped(bench, 1, DROP_TX_BUSY), 3);
	assert_int_equal(bench->probes[1].n_calls, 0);
	expect_books(bench, 1, 3);
	expect_books(bench, 2, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(pkts[i]->n_out, 0);
	}
	assert_true(locks[0].held); /* it was another's */
	locks[0].held = false;
	stage_add(&bench->burst->stage, &bench->probes[1].view, pkts[0], &keep);
	stage_flush(&bench->burst->stage);
	expect_books(bench, 1, 4);
	assert_false(locks[0].held);
	free(locks);
}

static void
unlock(void *arg)
{
	((struct txq_lock *)arg)->held = false;
}

/* Busy at first, free when all others have been served: that is what the second try is for. */
static void
test_busy_queue_is_tried_again(void **state)
{
	struct bench *bench = bench_of(state);
	struct txq_lock *locks = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*locks));

	locks[0].held = true;
	bench->probes[1].view.tx_locks = locks;
	bench->probes[2].on_tx = unlock;
	bench->probes[2].on_tx_arg = &locks[0];
	stage_add(&bench->burst->stage, &bench->probes[1].view, packet_numbered(bench, 1), &keep);
	stage_add(&bench->burst->stage, &bench->probes[2].view, packet_numbered(bench, 2), &keep);
	stage_flush(&bench->burst->stage);
	assert_int_equal(bench->probes[1].n_sent, 1);
	expect_books(bench, 1, 1);
	assert_false(locks[0].held);
	free(locks);
}

static void
test_queues(void **state)
{
	struct bench *bench = bench_of(state);
	struct probe *own = &bench->probes[1];
	struct probe *hashed = &bench->probes[2];
	struct burst *other;

	own->port.n_txq = 4;
	hashed->port.n_txq = 4;
	hashed->port.caps |= PORT_CAP_TX_HASH;
	assert_int_equal(
		burst_create(&(struct burst_conf){.worker = 6, .flows = FLOW_CAPACITY_MIN}, &other),
		0);
	stage_add(&other->stage, &own->view, packet_numbered(bench, 1), &keep);
	stage_flush(&other->stage);
	assert_int_equal(own->sent[0].queue, 2);
	burst_destroy(other);
	for (int queue = 0; queue < 4; queue++) {
		hashed->queue = queue;
		stage_add(&bench->burst->stage, &hashed->view, packet_numbered(bench, 1), &keep);
	}
	stage_flush(&bench->burst->stage);
	assert_int_equal(hashed->n_sent, 4);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(hashed->sent[i].queue, i);
	}
	hashed->queue = -1;
	stage_add(&bench->burst->stage, &hashed->view, packet_numbered(bench, 1), &keep);
	assert_int_equal(dropped(bench, 2, DROP_NO_GUEST), 1);
	hashed->view.enabled = false;
	stage_add(&bench->burst->stage, &hashed->view, packet_numbered(bench, 1), &keep);
	assert_int_equal(dropped(bench, 2, DROP_LINK_DOWN), 1);
	expect_books(bench, 2, 6);
	own->full = true;
	bench->burst->ports[1] = (struct port_counters){0};
	probe_clear(own);
	stage_add(&bench->burst->stage, &own->view, packet_numbered(bench, 1), &keep);
	stage_flush(&bench->burst->stage);
	assert_int_equal(dropped(bench, 1, DROP_TX_FULL), 1);
	expect_books(bench, 1, 1);
}

static void
test_mtu(void **state)
{
	struct bench *bench = bench_of(state);
	uint8_t bytes[2000];

	bytes_numbered(bytes, 1, sizeof(bytes));
	bench->probes[1].view.mtu = 1000;
	for (unsigned int n_tags = 0; n_tags < 4; n_tags++) {
		unsigned int n_sent = bench->probes[1].n_sent;

		for (unsigned int i = 0; i < n_tags; i++) {
			bytes[12 + 4 * i] = i % 2 == 0 ? 0x81 : 0x88;
			bytes[13 + 4 * i] = i % 2 == 0 ? 0x00 : 0xa8;
		}
		bytes[12 + 4 * n_tags] = 0x88;
		bytes[13 + 4 * n_tags] = 0xb5;
		stage_add(&bench->burst->stage, &bench->probes[1].view,
			packet_of(bench, bytes, 1014 + 4 * n_tags), &keep);
		stage_add(&bench->burst->stage, &bench->probes[1].view,
			packet_of(bench, bytes, 1015 + 4 * n_tags), &keep);
		stage_flush(&bench->burst->stage);
		assert_int_equal(bench->probes[1].n_sent, n_sent + 1);
		assert_int_equal(dropped(bench, 1, DROP_MTU_EXCEEDED), n_tags + 1);
	}
	/* The tag that we add does not count either. */
	stage_add(&bench->burst->stage, &bench->probes[1].view, packet_of(bench, bytes, 1014),
		&(struct vlan_edit){.op = VLAN_PUSH, .tpid = 0x8100, .tci = 5});
	stage_flush(&bench->burst->stage);
	assert_int_equal(bench->probes[1].n_sent, 5);
}

/* --- offloads --------------------------------------------------------------------------------- */

static struct pkt *
packet_large(struct bench *bench, struct rte_mbuf **mbuf, unsigned int version, uint8_t proto,
	uint32_t payload, uint16_t gso_size)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {
		.version = version, .proto = proto, .payload = payload, .partial = true};
	uint32_t len = inet_build(&spec, bytes);
	uint64_t random = 99;
	struct pkt *pkt = packet_of(bench, bytes, 60);

	*mbuf = eal_test_chain(pool, bytes, len, 500, &random);
	pkt_from_mbuf(pkt, *mbuf);
	pkt->ol = (struct pkt_offload){
		.flags = (uint8_t)(PKT_OL_CSUM |
			(gso_size == 0                      ? 0
					: proto == INET_UDP ? PKT_OL_UDP
					: version == 4      ? PKT_OL_TCP4
							    : PKT_OL_TCP6)),
		.gso_size = gso_size,
		.csum_start = version == 4 ? 34 : 54,
		.csum_offset = proto == INET_UDP ? 6 : 16,
	};
	assert_true(offload_check(pkt));
	return pkt;
}

static void
expect_inet(const struct probe_frame *frame, uint32_t payload)
{
	struct inet_view view;
	const char *wrong = inet_look(frame->bytes, frame->len, &view);

	if (wrong != NULL) {
		fail_msg("%s", wrong);
	}
	assert_int_equal(view.payload_len, payload);
	assert_int_equal(frame->ol.flags, 0);
}

/* What an output lacks is done for it, at its place among the others. */
static void
test_soft_segments(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	struct probe *probe = &bench->probes[1];

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int version = i % 2 == 0 ? 4 : 6;
		struct vlan_edit edit = i < 2 ? keep : push(9);
		uint8_t proto = i == 3 ? INET_UDP : INET_TCP;
		struct rte_mbuf *m;
		struct pkt *pkt;

		probe_clear(probe);
		probe->port.caps = PORT_CAP_CSUM;
		probe->port.pool = pool;
		bench->burst->ports[1] = (struct port_counters){0};
		stage_add(stage, &probe->view, packet_numbered(bench, 1), &keep);
		pkt = packet_large(bench, &m, version, proto, 5000, 1200);
		stage_add(stage, &probe->view, pkt, &edit);
		stage_add(stage, &probe->view, packet_numbered(bench, 2), &keep);
		stage_flush(stage);
		assert_int_equal(probe->n_sent, 7);
		assert_int_equal(number_of(&probe->sent[0]), 1);
		for (int s = 1; s <= 5; s++) {
			expect_inet(&probe->sent[s], s < 5 ? 1200 : 200);
			assert_int_equal(probe->sent[s].bytes[12] == 0x81, i >= 2);
		}
		assert_int_equal(number_of(&probe->sent[6]), 2);
		assert_int_equal(bench->burst->ports[1].tx_packets, 7);
		/* Seven of three. */
		assert_int_equal(bench->burst->loss.segments, 4 * (i + 1));
		pkt_free(pkt);
	}
}

/* CWR is the first segment's only: an output that would repeat it does not get to cut. */
static void
test_soft_ecn(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	struct probe *probe = &bench->probes[1];

	for (unsigned int i = 0; i < 4; i++) {
		const unsigned int version = i % 2 == 0 ? 4 : 6;
		const uint32_t flags_at = version == 4 ? 47 : 67;
		struct rte_mbuf *m;
		struct pkt *pkt = packet_large(bench, &m, version, INET_TCP, 5000, 1200);

		*rte_pktmbuf_mtod_offset(m, uint8_t *, flags_at) |= INET_CWR;
		pkt->ol.flags |= PKT_OL_ECN;
		probe_clear(probe);
		probe->port.caps = PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6;
		probe->port.caps |= i < 2 ? 0 : PORT_CAP_ECN;
		probe->port.pool = pool;
		stage_add(stage, &probe->view, pkt, &keep);
		stage_flush(stage);
		assert_int_equal(probe->n_sent, i < 2 ? 5 : 1);
		for (unsigned int s = 0; s < probe->n_sent && i < 2; s++) {
			expect_inet(&probe->sent[s], s < 4 ? 1200 : 200);
			assert_int_equal((probe->sent[s].bytes[flags_at] & INET_CWR) != 0, s == 0);
		}
		assert_int_equal(probe->sent[0].ol.flags & PKT_OL_ECN, i < 2 ? 0 : PKT_OL_ECN);
		pkt_free(pkt);
	}
}

static void
test_soft_checksums(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	struct rte_mbuf *m;
	struct pkt *pkt = packet_large(bench, &m, 4, INET_TCP, 1000, 0);

	bench->probes[1].port.caps = 0;
	bench->probes[1].port.pool = pool;
	/* Two outputs of one packet: one finishes the checksum, the other gets it as it came. */
	pkt->n_out++;
	stage_add(stage, &bench->probes[1].view, pkt, &keep);
	stage_add(stage, &bench->probes[2].view, pkt, &keep);
	pkt->n_out--;
	stage_flush(stage);
	expect_inet(&bench->probes[1].sent[0], 1000);
	assert_int_equal(bench->probes[2].sent[0].ol.flags, PKT_OL_CSUM);
	assert_memory_not_equal(
		bench->probes[1].sent[0].bytes + 50, bench->probes[2].sent[0].bytes + 50, 2);
	pkt_free(pkt);
}

static void
test_soft_without_memory(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	struct rte_mbuf *m;
	struct pkt *pkt = packet_large(bench, &m, 4, INET_TCP, 5000, 1000);

	bench->probes[1].port.caps = 0;
	pkt->n_out++;
	stage_add(stage, &bench->probes[1].view, pkt, &keep); /* no pool for a copy */
	pkt->n_out--;
	stage_add(stage, &bench->probes[2].view, pkt, &keep);
	stage_flush(stage);
	assert_int_equal(bench->probes[1].n_sent, 0);
	expect_books(bench, 1, 1);
	pkt_free(pkt);
	/* More segments than may be. */
	pkt = packet_large(bench, &m, 4, INET_TCP, 5000, 10);
	bench->probes[1].port.pool = pool;
	stage_add(stage, &bench->probes[1].view, pkt, &keep);
	stage_flush(stage);
	assert_int_equal(dropped(bench, 1, DROP_SEGMENT_FAILED), 1);
	expect_books(bench, 1, 2);
	pkt_free(pkt);
}

/* The MTU holds for what is cut from it, not for the large frame. */
static void
test_mtu_of_segments(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;

	for (uint16_t gso_size = 1459; gso_size <= 1461; gso_size++) {
		struct rte_mbuf *m;
		struct pkt *pkt = packet_large(bench, &m, 4, INET_TCP, 5000, gso_size);

		stage_add(stage, &bench->probes[1].view, pkt, &keep);
		stage_flush(stage);
		pkt_free(pkt);
	}
	assert_int_equal(bench->probes[1].n_sent, 2);
	assert_int_equal(dropped(bench, 1, DROP_MTU_EXCEEDED), 1);
	for (uint16_t gso_size = 1472; gso_size <= 1473; gso_size++) {
		struct rte_mbuf *m;
		struct pkt *pkt = packet_large(bench, &m, 4, INET_UDP, 5000, gso_size);

		stage_add(stage, &bench->probes[2].view, pkt, &keep);
		stage_flush(stage);
		pkt_free(pkt);
	}
	assert_int_equal(bench->probes[2].n_sent, 1);
}

/* Outputs that keep mbufs: the last unedited one gets the packet's own, nobody frees it twice. */
static void
test_who_gets_the_mbuf(void **state)
{
	struct bench *bench = bench_of(state);
	struct tx_stage *stage = &bench->burst->stage;
	uint64_t random = random_seed();

	for (int round = 0; round < 500; round++) {
		uint8_t bytes[FRAME];
		struct pkt *pkt;
		unsigned int n = 1 + random_below(&random, 80);

		bytes_numbered(bytes, (uint32_t)round, sizeof(bytes));
		pkt = packet_of(bench, bytes, FRAME);
		pkt_from_mbuf(pkt, eal_test_chain(pool, bytes, FRAME, FRAME, &random));
		pkt->n_out++;
		for (unsigned int i = 1; i <= n; i++) {
			struct vlan_edit edit = random_below(&random, 2) == 0 ? keep : push(3);

			bench->probes[i].takes_mbufs = random_below(&random, 2) == 0;
			bench->probes[i].port.pool = pool;
			stage_add(stage, &bench->probes[i].view, pkt, &edit);
		}
		pkt->n_out--;
		stage_flush(stage);
		assert_int_equal(pkt->n_out, 0);
		pkt_free(pkt);
		for (unsigned int i = 1; i <= n; i++) {
			assert_int_equal(bench->probes[i].n_sent, 1);
			assert_int_equal(number_of(&bench->probes[i].sent[0]), round);
			probe_clear(&bench->probes[i]);
		}
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_order_is_kept),
		CASE(test_runs),
		CASE(test_runs_spread),
		CASE(test_runs_to_nowhere),
		CASE(test_nothing_is_sent_before_the_flush),
		CASE(test_more_outputs_than_buckets),
		CASE(test_more_heads_than_clones),
		CASE(test_many_heads_to_one_port),
		CASE(test_shared_queue_is_busy),
		CASE(test_busy_queue_is_tried_again),
		CASE(test_queues),
		CASE(test_mtu),
		CASE(test_soft_segments),
		CASE(test_soft_ecn),
		CASE(test_soft_checksums),
		CASE(test_soft_without_memory),
		CASE(test_mtu_of_segments),
		CASE(test_who_gets_the_mbuf),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("tx_stage", tests, group_setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
