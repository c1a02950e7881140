/* SPDX-License-Identifier: BSD-3-Clause */
/* A remembered verdict is the verdict that a fresh decision would give, whatever happened since. */
#include "datapath/pipe/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/pipe/test_probe.h"

#define PORTS 5
#define FRAME 64
#define STATIONS 6
#define ROUNDS 40000

struct bench {
	struct grace grace;
	struct flows flows;
	struct probe probes[PORTS + 1];
	struct snapshot *snap;
	struct bridge_view *bridge;
	struct burst_time now;
	uint64_t random;
	unsigned int n;
	struct pkt pkts[PKT_BURST];
	uint8_t bytes[PKT_BURST][FRAME];
	struct verdict verdicts[PKT_BURST];
};

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_int_equal(grace_init(&bench->grace), 0);
	assert_int_equal(flows_init(&bench->flows, FLOW_CAPACITY_MIN, 7), 0);
	bench->snap = snapshot_create(0);
	for (uint32_t i = 1; i <= PORTS; i++) {
		probe_init(&bench->probes[i], i, 0, 1, true);
	}
	bench->bridge = probe_bridge_create(bench->snap, &bench->grace, bench->probes, PORTS);
	bench->random = 0x5eed;
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
	flows_fini(&bench->flows);
	snapshot_destroy(bench->snap);
	grace_fini(&bench->grace);
	free(bench);
	return 0;
}

static struct bench *
bench_of(void **state) ROLE_ATTR(assert_capability(role_worker))
{
	role_assert(&role_worker);
	return *state;
}

static uint32_t
draw(struct bench *bench, uint32_t n)
{
	bench->random = bench->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(bench->random >> 33) % n;
}

/* Add a frame to the burst; tci < 0: untagged. */
static void
frame(struct bench *bench, uint8_t dst, uint8_t src, int tci, uint8_t fill)
{
	uint8_t *bytes = bench->bytes[bench->n];

	memset(bytes, fill, FRAME);
	memset(bytes, 0, 12);
	bytes[0] = dst == 0 ? 0xff : 2;
	bytes[5] = dst;
	bytes[6] = src == 0 ? 0 : 2;
	bytes[11] = src;
	store_be16(bytes + 12, tci < 0 ? 0x0800 : (tci & 1) != 0 ? ETH_TPID_STAG : ETH_TPID_CTAG);
	if (tci >= 0) {
		store_be16(bytes + 14, (uint16_t)tci);
		store_be16(bytes + 16, 0x0800);
	}
	bench->pkts[bench->n++] = (struct pkt){.head = bytes, .len = FRAME, .head_len = FRAME};
}

/* Decide the burst, and check it against what a fresh decision says. */
static void
decide(struct bench *bench, uint32_t port) ON_WORKER
{
	const struct arrival at = {.snap = bench->snap,
		.bridge = bench->bridge,
		.in = bench->snap->ports[port],
		.now = &bench->now};
	struct verdict fresh[PKT_BURST];
	uint16_t all[PKT_BURST];

	flows_decide(&bench->flows, &at, bench->pkts, (uint16_t)bench->n, bench->verdicts);
	for (uint16_t i = 0; i < bench->n; i++) {
		all[i] = i;
	}
	bridge_decide(&at, bench->pkts, all, (uint16_t)bench->n, fresh);
	for (unsigned int i = 0; i < bench->n; i++) {
		const struct verdict *verdict = &bench->verdicts[i];

		assert_int_equal(verdict->kind, fresh[i].kind);
		if (fresh[i].kind == VERDICT_DROP) {
			assert_int_equal(verdict->reason, fresh[i].reason);
			continue;
		}
		if (fresh[i].kind == VERDICT_OUTPUT) {
			assert_ptr_equal(verdict->to, fresh[i].to);
			assert_true(vlan_edit_equal(&verdict->edit, &fresh[i].edit));
		} else {
			/* Not what is behind the last field. */
			assert_memory_equal(&verdict->vlan, &fresh[i].vlan,
				offsetof(struct vlan_frame, in_bytes) + sizeof(bool));
		}
	}
	bench->n = 0;
}

static struct flow_cache_stats
stats_of(const struct bench *bench)
{
	struct flow_cache_stats stats;

	flow_cache_get_stats(bench->flows.cache, &stats);
	return stats;
}

/* One slice of main's ageing. */
static bool
sweep(struct bench *bench)
{
	role_assert(&role_main);
	return fdb_sweep(bench->bridge->fdb, bench->now.seconds);
}

/* --- one promise a case --------------------------------------------------------------------- */

/* A bridge does not look behind the addresses and the tag. */
static void
test_one_flow_for_all_connections(void **state)
{
	struct bench *bench = bench_of(state);

	for (unsigned int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < PKT_BURST; i++) {
			frame(bench, 2, 1, -1, (uint8_t)(round * PKT_BURST + i));
		}
		decide(bench, 1);
	}
	assert_int_equal(flow_cache_count(bench->flows.cache), 1);
	/* The first burst missed; the second found that its own source had just been learned. */
	assert_int_equal(stats_of(bench).misses, PKT_BURST);
	assert_int_equal(stats_of(bench).hits, 9 * PKT_BURST);
}

/* The priority is not in the key, yet the tag that leaves has it. */
static void
test_priorities_share_a_flow(void **state)
{
	struct bench *bench = bench_of(state);

	bench->probes[2].view.vlan = (struct port_vlan){.mode = VLAN_NATIVE_UNTAGGED, .vlan = 9};
	memset(&bench->probes[2].view.vlan.trunk, 0xff, sizeof(struct vlan_set));
	bench->probes[2].view.vlan.priority_tags = VLAN_PT_IF_NONZERO;
	frame(bench, 0, 2, 8, 0);
	decide(bench, 2);
	for (int pcp = 0; pcp < 8; pcp++) {
		frame(bench, 2, 1, pcp << 13 | 8, 0);
	}
	decide(bench, 1);
	for (int pcp = 0; pcp < 8; pcp++) {
		frame(bench, 2, 1, pcp << 13 | 8, 0);
	}
	decide(bench, 1);
	assert_int_equal(flow_cache_count(bench->flows.cache), 2);
}

/* What changes in the FDB makes the flows stale that depend on it, and no other. */
static void
test_only_what_depends_is_decided_again(void **state)
{
	struct bench *bench = bench_of(state);
	struct fdb *fdb = bench->bridge->fdb;
	const struct rte_ether_addr two = {{2, 0, 0, 0, 0, 2}};
	uint64_t generation;

	for (unsigned int round = 0; round < 3; round++) {
		frame(bench, 2, 1, -1, 0);
		frame(bench, 3, 1, -1, 0);
		decide(bench, 1);
	}
	assert_int_equal(bench->verdicts[0].kind, VERDICT_FLOOD);
	generation = bench->flows.entries[1]->generation;
	assert_true(fdb_trylock(fdb));
	(void)fdb_learn(fdb, fdb_key(&two, 0), 2, 0, 0);
	fdb_unlock(fdb);
	frame(bench, 2, 1, -1, 0);
	decide(bench, 1);
	assert_int_equal(bench->verdicts[0].kind, VERDICT_OUTPUT);
	assert_int_equal(bench->verdicts[0].to->id, 2);
	frame(bench, 3, 1, -1, 0);
	decide(bench, 1);
	assert_int_equal(bench->verdicts[0].kind, VERDICT_FLOOD);
	/* Confirmed, not decided again. */
	assert_int_equal(bench->flows.entries[0]->generation, generation + 1);
}

/* A source that moves away and comes back is learned again by a flow that was remembered. */
static void
test_sources_move_with_their_flows(void **state)
{
	struct bench *bench = bench_of(state);

	for (unsigned int round = 0; round < 20; round++) {
		const uint32_t port = 1 + round % 2;

		frame(bench, 9, 1, -1, 0);
		decide(bench, port);
		frame(bench, 1, 4, -1, 0);
		decide(bench, 4);
		assert_int_equal(bench->verdicts[0].kind, VERDICT_OUTPUT);
		assert_int_equal(bench->verdicts[0].to->id, port);
	}
}

/* The burst, without a fresh decision beside it, which would learn and refresh. */
static void
decide_only(struct bench *bench, uint32_t port) ON_WORKER
{
	const struct arrival at = {.snap = bench->snap,
		.bridge = bench->bridge,
		.in = bench->snap->ports[port],
		.now = &bench->now};

	flows_decide(&bench->flows, &at, bench->pkts, (uint16_t)bench->n, bench->verdicts);
	bench->n = 0;
}

static uint32_t
port_of(const struct bench *bench, uint8_t station)
{
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, station}};
	const fdb_key_t key = fdb_key(&mac, 0);
	uint32_t port;

	fdb_lookup_bulk(bench->bridge->fdb, &key, 1, &port);
	return port;
}

/* A frame too short for the tag that its type promises is another flow than an untagged one. */
static void
test_cut_tags(void **state)
{
	struct bench *bench = bench_of(state);

	for (unsigned int round = 0; round < 3; round++) {
		frame(bench, 2, 1, -1, 0);
		frame(bench, 2, 1, 0, 0);
		bench->pkts[1].len = bench->pkts[1].head_len = RTE_ETHER_HDR_LEN + 2;
		decide(bench, 1);
		assert_int_equal(bench->verdicts[0].kind, VERDICT_FLOOD);
		assert_int_equal(bench->verdicts[1].kind, VERDICT_DROP);
		assert_int_equal(bench->verdicts[1].reason, DROP_VLAN_NOT_ALLOWED);
	}
}

/* A frame that is not let in keeps no source young. */
static void
test_refused_frames_refresh_nothing(void **state)
{
	struct bench *bench = bench_of(state);

	frame(bench, 2, 1, -1, 0);
	decide_only(bench, 1);
	assert_int_equal(port_of(bench, 1), 1);
	for (unsigned int second = 0; second < 400; second++) {
		static const uint8_t group[] = {0x01, 0x80, 0xc2, 0, 0, 0};

		frame(bench, 2, 1, -1, 0);
		memcpy(bench->bytes[0], group, sizeof(group));
		decide_only(bench, 1);
		assert_int_equal(bench->verdicts[0].reason, DROP_RESERVED_MAC);
		bench->now.seconds++;
		bench->now.ms += 1000;
		flows_step(&bench->flows, bench->snap, &bench->now);
	}
	while (!sweep(bench)) {
	}
	assert_int_equal(port_of(bench, 1), FDB_NO_PORT);
}

/* A move that was not allowed is asked for again by the flow that knows of it. */
static void
test_limited_moves_are_tried_again(void **state)
{
	struct bench *bench = bench_of(state);
	const struct fdb_conf conf = {.limit = 1000, .aging_s = 300, .move_limit = 1};

	role_assert(&role_main);
	assert_int_equal(fdb_set_conf(bench->bridge->fdb, &conf), 0);
	for (uint8_t station = 1; station <= 2; station++) {
		frame(bench, 9, station, -1, 0);
		decide_only(bench, 1);
	}
	for (uint8_t station = 1; station <= 2; station++) {
		frame(bench, 9, station, -1, 0);
	}
	bench->now.ms += 10;
	decide_only(bench, 2);
	assert_int_equal(port_of(bench, 1), 2);
	assert_int_equal(port_of(bench, 2), 1);
	bench->now.seconds++;
	bench->now.ms += 1000;
	frame(bench, 9, 2, -1, 0);
	decide_only(bench, 2);
	assert_int_equal(port_of(bench, 2), 2);
}

/* The walk keeps the source of a busy flow young, and forgets idle flows of an old snapshot. */
static void
test_walk(void **state)
{
	struct bench *bench = bench_of(state);

	for (unsigned int second = 0; second < 1000; second++) {
		bench->now.seconds++;
		for (unsigned int i = 0; i < 4; i++) {
			frame(bench, 2, 1, -1, 0);
			decide_only(bench, 1);
			bench->now.ms += 250;
			flows_step(&bench->flows, bench->snap, &bench->now);
		}
	}
	while (!sweep(bench)) {
	}
	assert_int_equal(port_of(bench, 1), 1);
	bench->bridge->version++;
	for (unsigned int i = 0; i < 10; i++) {
		bench->now.ms += FLOWS_PASS_MS;
		flows_step(&bench->flows, bench->snap, &bench->now);
	}
	assert_int_equal(flow_cache_count(bench->flows.cache), 0);
}

/* --- at random ------------------------------------------------------------------------------ */

static void
change_something(struct bench *bench) ON_WORKER
{
	struct fdb *fdb = bench->bridge->fdb;
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, (uint8_t)draw(bench, STATIONS)}};
	struct port_view *view = &bench->probes[1 + draw(bench, PORTS)].view;
	const fdb_key_t key = fdb_key(&mac, (uint16_t)draw(bench, 3));

	switch (draw(bench, 8)) {
	case 0:
		assert_true(fdb_trylock(fdb));
		(void)fdb_set_static(fdb, key, 1 + draw(bench, PORTS));
		fdb_unlock(fdb);
		break;
	case 1:
	case 2:
		assert_true(fdb_trylock(fdb));
		(void)fdb_del(fdb, key);
		fdb_unlock(fdb);
		break;
	case 3:
		assert_true(fdb_trylock(fdb));
		(void)fdb_learn(fdb, key, 1 + draw(bench, PORTS), 0, bench->now.seconds);
		fdb_unlock(fdb);
		break;
	case 4:
		bench->now.seconds = (uint16_t)(bench->now.seconds + draw(bench, 400));
		(void)sweep(bench);
		break;
	case 5:
		view->vlan.mode = (enum vlan_mode)draw(bench, VLAN_DOT1Q_TUNNEL + 1);
		view->vlan.vlan = (uint16_t)(1 + draw(bench, 2));
		view->vlan.tunnel_tpid = ETH_TPID_STAG;
		view->vlan.priority_tags = (enum vlan_priority_tags)draw(bench, 3);
		view->vlan.trunk.words[0] = draw(bench, 8);
		view->vlan.cvlan.words[0] = draw(bench, 8);
		bench->bridge->version++;
		break;
	case 6:
		view->bridge = draw(bench, 4) == 0 ? 2 : 1;
		bench->bridge->version++;
		break;
	default:
		bench->now.ms += draw(bench, 300);
		flows_step(&bench->flows, bench->snap, &bench->now);
		break;
	}
}

static void
test_random_bursts(void **state)
{
	struct bench *bench = bench_of(state);
	const char *seed = getenv("VSW_SEED");

	bench->random = seed != NULL ? strtoull(seed, NULL, 0) : bench->random;
	printf("# seed %#llx\n", (unsigned long long)bench->random);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		const unsigned int n = 1 + draw(bench, PKT_BURST);

		if (draw(bench, 3) == 0) {
			change_something(bench);
		}
		for (unsigned int i = 0; i < n; i++) {
			const int tci = (int)(draw(bench, 3) << 13 | draw(bench, 4));

			frame(bench, (uint8_t)draw(bench, STATIONS), (uint8_t)draw(bench, STATIONS),
				draw(bench, 2) == 0 ? -1 : tci, (uint8_t)i);
		}
		decide(bench, 1 + draw(bench, PORTS));
	}
	assert_true(stats_of(bench).hits > stats_of(bench).misses);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_flow_for_all_connections),
		CASE(test_priorities_share_a_flow),
		CASE(test_only_what_depends_is_decided_again),
		CASE(test_sources_move_with_their_flows),
		CASE(test_cut_tags),
		CASE(test_refused_frames_refresh_nothing),
		CASE(test_limited_moves_are_tried_again),
		CASE(test_walk),
		CASE(test_random_bursts),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("flow", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
