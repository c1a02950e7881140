/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst from end to end, with packets that lie, ports that go, and tables that know more. */
#include "datapath/pipe/burst.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/pipe/test_probe.h"

#define PORTS 6
#define FRAME 64

static struct rte_mempool *pool;

struct bench {
	struct grace grace;
	struct burst *burst;
	struct probe probes[PORTS + 1];
	struct snapshot *snap;
	struct bridge_view *bridge;
	struct rxq_view rxq;
	uint32_t ms; /* a millisecond for each burst */
	uint8_t room[PKT_BURST][PKT_HEADROOM + FRAME];
};

static int
group_setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(256, 512);
	return 0;
}

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_int_equal(grace_init(&bench->grace), 0);
	assert_int_equal(burst_create(&(struct burst_conf){.worker = 0, .flows = FLOW_CAPACITY_MIN},
				 &bench->burst),
		0);
	bench->snap = snapshot_create(0);
	for (uint32_t i = 1; i <= PORTS; i++) {
		probe_init(&bench->probes[i], i, 0, 1, i != 2);
		bench->probes[i].port.pool = pool;
	}
	bench->bridge = probe_bridge_create(bench->snap, &bench->grace, bench->probes, PORTS);
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	for (uint32_t i = 1; i <= PORTS; i++) {
		probe_fini(&bench->probes[i]);
	}
	probe_bridge_destroy(bench->bridge);
	snapshot_destroy(bench->snap);
	burst_destroy(bench->burst);
	grace_fini(&bench->grace);
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

/* The next packet that the port will receive, from station `src` to `dst` (0: broadcast). */
static struct pkt *
arrives(struct bench *bench, uint32_t port, uint8_t dst, uint8_t src)
{
	struct probe *probe = &bench->probes[port];
	uint8_t *bytes = bench->room[probe->n_rx] + PKT_HEADROOM;
	struct pkt *pkt = &probe->rx[probe->n_rx++];

	memset(bytes, 0, FRAME);
	if (dst == 0) {
		memset(bytes, 0xff, 6);
	} else {
		bytes[0] = 2;
		bytes[5] = dst;
	}
	bytes[6] = 2;
	bytes[11] = src;
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	bytes[14] = (uint8_t)probe->n_rx;
	*pkt = (struct pkt){
		.head = bytes, .len = FRAME, .head_len = FRAME, .headroom = PKT_HEADROOM};
	return pkt;
}

/* The same in an mbuf. */
static void
arrives_mbuf(struct bench *bench, uint32_t port, uint8_t dst, uint8_t src)
{
	struct pkt *pkt = arrives(bench, port, dst, src);
	uint64_t random = 1;

	pkt_from_mbuf(pkt, eal_test_chain(pool, pkt->head, FRAME, FRAME, &random));
}

static uint16_t
run(struct bench *bench, uint32_t port) ON_WORKER
{
	struct rxq_view rxq = {.port = bench->snap->ports[port], .queue = 0};
	struct burst_time now = {.seconds = 5, .ms = ++bench->ms};

	return burst_run(bench->burst, bench->snap, &rxq, &now);
}

static uint64_t
dropped(const struct bench *bench, uint32_t port, enum drop_reason reason)
{
	return bench->burst->ports[port].drops[reason];
}

static void
test_liars_leave_the_others(void **state)
{
	struct bench *bench = bench_of(state);

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < PKT_BURST; i++) {
			struct pkt *pkt;

			if (round == 0) {
				pkt = arrives(bench, 1, 0, 1);
			} else {
				arrives_mbuf(bench, 1, 0, 1);
				pkt = &bench->probes[1].rx[i];
			}
			if (i % 3 == 0) {
				pkt->ol.flags = PKT_OL_TCP4;
			}
		}
		assert_int_equal(run(bench, 1), PKT_BURST);
		assert_int_equal(bench->probes[1].n_released, PKT_BURST * (round + 1));
		assert_int_equal(dropped(bench, 1, DROP_OFFLOAD_INVALID), 11 * (round + 1));
		assert_int_equal(bench->probes[3].n_sent, 21);
		for (int i = 0, n = 0; i < PKT_BURST; i++) {
			if (i % 3 != 0) {
				assert_int_equal(bench->probes[3].sent[n++].bytes[14], i + 1);
			}
		}
		probe_clear(&bench->probes[3]);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
}

static void
test_all_lie(void **state)
{
	struct bench *bench = bench_of(state);

	for (int i = 0; i < PKT_BURST; i++) {
		arrives_mbuf(bench, 2, 0, 1);
		bench->probes[2].rx[i].ol.flags = PKT_OL_UDP | PKT_OL_CSUM;
	}
	assert_int_equal(run(bench, 2), PKT_BURST);
	assert_int_equal(dropped(bench, 2, DROP_OFFLOAD_INVALID), PKT_BURST);
	assert_int_equal(bench->probes[1].n_sent, 0);
	assert_int_equal(run(bench, 2), 0);
}

/* A table without rx_release leaves the freeing to us, whatever became of the packet. */
static void
test_mbufs_come_home(void **state)
{
	struct bench *bench = bench_of(state);

	bench->probes[3].takes_mbufs = true;
	for (int round = 0; round < 4; round++) {
		for (uint8_t i = 0; i < PKT_BURST; i++) {
			arrives_mbuf(bench, 2, round == 0 ? 0 : i % 8, 1);
		}
		arrives(bench, 3, 0, 7);
		(void)run(bench, 3);
		assert_int_equal(run(bench, 2), PKT_BURST);
		bench->probes[2].view.enabled = round < 2;
		bench->bridge->n_members = round < 1 ? PORTS : 1;
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
}

static void
test_port_that_is_off(void **state)
{
	struct bench *bench = bench_of(state);

	bench->probes[1].view.enabled = false;
	arrives(bench, 1, 0, 1);
	arrives(bench, 1, 0, 1);
	assert_int_equal(run(bench, 1), 2);
	assert_int_equal(dropped(bench, 1, DROP_PORT_DISABLED), 2);
	bench->probes[1].view.enabled = true;
	bench->probes[1].view.bridge = 2;
	arrives(bench, 1, 0, 1);
	assert_int_equal(run(bench, 1), 1);
	assert_int_equal(dropped(bench, 1, DROP_NO_BRIDGE), 1);
	assert_int_equal(bench->probes[1].n_released, 3);
	assert_int_equal(fdb_count(bench->bridge->fdb), 0);
}

static void
test_flood_counts(void **state)
{
	struct bench *bench = bench_of(state);

	arrives(bench, 1, 0, 1);
	arrives(bench, 1, 9, 1);
	assert_int_equal(run(bench, 1), 2);
	for (uint32_t i = 2; i <= PORTS; i++) {
		assert_int_equal(bench->probes[i].n_sent, 2);
	}
	assert_int_equal(bench->probes[1].n_sent, 0);
	assert_int_equal(bench->burst->bridges[1].flooded, 2);
	bench->bridge->n_members = 1;
	arrives(bench, 1, 0, 1);
	(void)run(bench, 1);
	assert_int_equal(dropped(bench, 1, DROP_NO_OUTPUT), 1);
	assert_int_equal(bench->burst->bridges[1].flooded, 2);
	assert_int_equal(bench->burst->ports[1].rx_packets, 3);
	assert_int_equal(bench->burst->ports[1].rx_bytes, 3 * FRAME);
}

/*
 * More copies than heads to make them from: the stage is flushed in the middle of a packet's flood,
 * and an output that keeps mbufs must not get it for good then.
 */
static void
test_flush_amid_a_flood(void **state)
{
	struct bench *bench = bench_of(state);

	for (uint32_t i = 3; i <= PORTS; i++) {
		bench->probes[i].view.vlan =
			(struct port_vlan){.mode = VLAN_NATIVE_TAGGED, .vlan = 7};
		memset(&bench->probes[i].view.vlan.trunk, 0xff, sizeof(struct vlan_set));
		bench->probes[i].view.vlan.priority_tags = VLAN_PT_ALWAYS;
	}
	bench->probes[2].takes_mbufs = true;
	for (int i = 0; i < PKT_BURST; i++) {
		arrives_mbuf(bench, 1, 0, 1);
	}
	assert_int_equal(run(bench, 1), PKT_BURST);
	for (uint32_t p = 2; p <= PORTS; p++) {
		uint32_t tag = p == 2 ? 0 : 4;

		assert_int_equal(bench->probes[p].n_sent, PKT_BURST);
		for (unsigned int i = 0; i < PKT_BURST; i++) {
			assert_int_equal(bench->probes[p].sent[i].len, FRAME + tag);
			assert_int_equal(bench->probes[p].sent[i].bytes[14 + tag], i + 1);
			assert_int_equal(
				bench->probes[p].sent[i].bytes[12], tag == 0 ? 0x88 : 0x81);
		}
	}
}

/* Packets in a row to one port are sent together; others, and those whose tag changes, are not. */
static void
test_runs_end_where_they_must(void **state)
{
	struct bench *bench = bench_of(state);

	for (uint32_t port = 2; port <= 4; port++) {
		arrives(bench, port, 0, (uint8_t)port);
		(void)run(bench, port);
	}
	bench->probes[3].view.vlan = (struct port_vlan){.mode = VLAN_TRUNK};
	bench->probes[3].view.vlan.trunk.words[0] = 1;
	bench->probes[3].view.vlan.priority_tags = VLAN_PT_IF_NONZERO;
	bench->bridge->version++;
	for (unsigned int round = 0; round < 3; round++) {
		for (uint32_t port = 2; port <= 4; port++) {
			probe_clear(&bench->probes[port]);
		}
		for (int i = 0; i < 27; i++) {
			struct pkt *pkt = arrives(bench, 1, (uint8_t)(2 + i / 3 % 3), 1);

			/* Priority tags, of 0 and of 7, become none and one. */
			if (i % 2 == 0) {
				store_be16(pkt->head + 12, ETH_TPID_CTAG);
				store_be16(pkt->head + 14, i % 4 == 0 ? 0 : 7 << 13);
				store_be16(pkt->head + 16, 0x0800);
				pkt->head[20] = (uint8_t)(i + 1);
			}
		}
		assert_int_equal(run(bench, 1), 27);
		for (uint32_t port = 2; port <= 4; port++) {
			assert_int_equal(bench->probes[port].n_sent, 9);
		}
		for (int i = 0, n = 0; i < 27; i++) {
			const bool tagged = i % 2 == 0;
			const uint32_t port = 2 + (uint32_t)(i / 3 % 3);
			const struct probe_frame *sent;

			if (port != 3) {
				continue;
			}
			sent = &bench->probes[3].sent[n++];
			assert_int_equal(sent->len, tagged && i % 4 == 0 ? FRAME - 4 : FRAME);
			assert_int_equal(sent->bytes[tagged ? (i % 4 == 0 ? 16 : 20) : 14], i + 1);
		}
	}
}

/* A group address is no station's, whatever a frame says. */
static void
test_groups_send_nothing(void **state)
{
	struct bench *bench = bench_of(state);

	for (int round = 0; round < 2; round++) {
		struct pkt *pkt = arrives(bench, 1, 9, 1);

		pkt->head[6] = 3;
		(void)run(bench, 1);
	}
	assert_int_equal(bench->probes[2].n_sent, 2);
	assert_int_equal(fdb_count(bench->bridge->fdb), 0);
}

/* All that the port has lost for this reason was on its way to this one. */
static void
expect_row(const struct bench *bench, uint32_t in, uint32_t out, enum drop_reason reason,
	uint64_t packets)
{
	struct loss_row rows[LOSS_ROWS];

	role_assert(&role_main);
	assert_int_equal(loss_rows_read(bench->burst->loss.store, in, LOSS_INPUT, rows), 1);
	assert_int_equal(rows[0].key.reason, reason);
	assert_int_equal(rows[0].key.peer, out);
	assert_int_equal(rows[0].packets, packets);
}

/* Both are protected: what is dropped says which output it was. */
static void
test_protected_ports(void **state)
{
	struct bench *bench = bench_of(state);

	arrives(bench, 3, 5, 9);
	(void)run(bench, 3);
	bench->probes[1].view.protected_port = true;
	bench->probes[3].view.protected_port = true;
	for (int i = 0; i < 4; i++) {
		arrives(bench, 1, 9, 5);
		(void)run(bench, 1);
	}
	assert_int_equal(dropped(bench, 1, DROP_PROTECTED), 4);
	expect_row(bench, 1, 3, DROP_PROTECTED, 4);
}

/* Sources before destinations, also within one burst. */
static void
test_burst_knows_its_own_sources(void **state)
{
	struct bench *bench = bench_of(state);

	arrives(bench, 1, 0, 1);
	(void)run(bench, 1);
	probe_clear(&bench->probes[3]);
	/* Station 1 has moved to port 2, and is spoken to from there: behind the input port. */
	arrives(bench, 2, 1, 5);
	arrives(bench, 2, 0, 1);
	(void)run(bench, 2);
	assert_int_equal(dropped(bench, 2, DROP_HAIRPIN), 1);
	/* The last one is remembered. */
	for (int i = 0; i < 3; i++) {
		arrives(bench, 2, 1, 5);
		(void)run(bench, 2);
	}
	assert_int_equal(dropped(bench, 2, DROP_HAIRPIN), 4);
	expect_row(bench, 2, 2, DROP_HAIRPIN, 4);
	probe_clear(&bench->probes[2]);
	arrives(bench, 4, 1, 4);
	(void)run(bench, 4);
	assert_int_equal(bench->probes[2].n_sent, 1);
}

/* The table is newer than the snapshot: what it names may be gone, or elsewhere. */
static void
test_table_is_ahead(void **state)
{
	struct bench *bench = bench_of(state);

	arrives(bench, 4, 0, 9);
	(void)run(bench, 4);
	probe_clear(&bench->probes[2]);
	probe_clear(&bench->probes[3]);
	bench->bridge->n_members = 3;
	bench->snap->ports[4] = NULL;
	bench->bridge->version++;
	arrives(bench, 1, 9, 1);
	(void)run(bench, 1);
	assert_int_equal(bench->probes[2].n_sent, 1);
	assert_int_equal(bench->probes[3].n_sent, 1);
	bench->snap->ports[4] = &bench->probes[4].view;
	bench->probes[4].view.bridge = 2;
	bench->bridge->version++;
	arrives(bench, 1, 9, 1);
	(void)run(bench, 1);
	assert_int_equal(bench->probes[4].n_sent, 0);
	assert_int_equal(bench->probes[2].n_sent, 2);
	assert_int_equal(bench->probes[3].n_sent, 2);
	/* It does not carry the VLAN any more. */
	bench->probes[4].view.bridge = 1;
	memset(&bench->probes[4].view.vlan.trunk, 0, sizeof(bench->probes[4].view.vlan.trunk));
	bench->bridge->version++;
	arrives(bench, 1, 9, 1);
	(void)run(bench, 1);
	assert_int_equal(dropped(bench, 1, DROP_NO_OUTPUT), 1);
	assert_int_equal(bench->probes[4].n_sent, 0);
}

/* Somebody holds the table: forwarding goes on, learning waits for the next frame. */
static void
test_table_is_locked(void **state)
{
	struct bench *bench = bench_of(state);

	assert_true(fdb_trylock(bench->bridge->fdb));
	arrives(bench, 1, 0, 1);
	(void)run(bench, 1);
	assert_int_equal(bench->probes[2].n_sent, 1);
	assert_int_equal(fdb_count(bench->bridge->fdb), 0);
	fdb_unlock(bench->bridge->fdb);
	arrives(bench, 1, 0, 1);
	(void)run(bench, 1);
	assert_int_equal(fdb_count(bench->bridge->fdb), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_liars_leave_the_others),
		CASE(test_all_lie),
		CASE(test_mbufs_come_home),
		CASE(test_port_that_is_off),
		CASE(test_flood_counts),
		CASE(test_flush_amid_a_flood),
		CASE(test_runs_end_where_they_must),
		CASE(test_groups_send_nothing),
		CASE(test_burst_knows_its_own_sources),
		CASE(test_protected_ports),
		CASE(test_table_is_ahead),
		CASE(test_table_is_locked),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("burst", tests, group_setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
