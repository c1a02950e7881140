/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Established flows while the world changes: ten thousand of them, each between two other stations,
 * under a thousand rules, on a worker that has never nothing to do. Beside them a port whose
 * frames are each from an address that nobody has seen, ten thousand a second, and main, which
 * changes a thousand rules a second. The figure is the worker's busy cycles for each packet that it
 * received; the rows say how many of a thousand packets were decided again although their flow was
 * known.
 *
 * "rule change" is main's: an add or a delete, published, and what it frees afterwards.
 *
 * The linker puts __wrap_pipeline_decide() between the flow cache and the pipeline, so that
 * decisions can be counted.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/pipe/pipeline.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/rig.h"

#define N_FLOWS 10000U
#define N_FLOWS_QUICK 100U
#define N_RULES 1000U
#define N_RULES_QUICK 10U
#define CAPACITY (1U << 17)
#define N_LEARNERS (1U << 19) /* then the first come again */
#define N_LEARNERS_QUICK (1U << 10)
#define N_STATIONS 100U /* a side, that the established flows are between */
#define FIRST_STATION 2U
#define FIRST_LEARNER 4096U
#define LEARNS_HZ 10000
#define CHANGES_HZ 1000
#define NAP_NS 100000 /* of main, between looks at the clock */
#define SHARE_S 0.5 /* how long decisions are counted for a row's text */
#define PROTO_ICMP 1
#define PRIORITY UINT16_MAX

static uint64_t n_decided; /* atomic; written by the worker */

/* The names are the linker's. */
void __real_pipeline_decide(const struct arrival *at, const struct fields *fields,
	const struct pipeline_trace *trace, struct decision *decision);
void __wrap_pipeline_decide(const struct arrival *at, const struct fields *fields,
	const struct pipeline_trace *trace, struct decision *decision);

void
__wrap_pipeline_decide(const struct arrival *at, const struct fields *fields,
	const struct pipeline_trace *trace, struct decision *decision)
{
	__atomic_store_n(&n_decided, n_decided + 1, __ATOMIC_RELAXED);
	__real_pipeline_decide(at, fields, trace, decision);
}

enum change { CHANGE_NONE, CHANGE_FAR, CHANGE_NEAR };

struct world {
	struct bench *bench;
	struct rig rig;
	struct ruleset set;
	struct fields *packets; /* N_FLOWS; owned */
	struct rig_tuple *tuples; /* owned */
	struct rig_ether *ethers; /* likewise */
	struct rig_ether *learners; /* owned */
	uint32_t n_flows;
	uint32_t n_learners;
	enum change change;
	bool learns;
	bool there; /* the rule that comes and goes */
	uint32_t n_changes;
	struct match match;
	uint64_t change_due; /* by the counter */
	uint64_t step_due; /* by the clock */
	struct err *err;
	int rc;
};

/* --- what main does -------------------------------------------------------------------------- */

/* A rule for the addresses and ports of one flow, or of none. */
static void
pick_match(struct world *world)
{
	struct fields packet = world->packets[world->n_changes % world->n_flows];
	struct ruleset_rule rule = {.src_len = 32, .dst_len = 32, .proto = packet.proto};

	if (world->change != CHANGE_NEAR) {
		packet.ip4_src = htonl(0xc6120000U + world->n_changes % 65536); /* RFC 2544 */
	}
	rule.src = ntohl(packet.ip4_src);
	rule.dst = ntohl(packet.ip4_dst);
	rule.sport = MATCH_RANGE_ALL;
	rule.dport = (struct match_range){ntohs(packet.l4_dst), ntohs(packet.l4_dst)};
	ruleset_match(&rule, &world->match);
}

/* One change: a rule comes, or goes again. */
static void
change_rule(struct world *world) ON_MAIN
{
	struct rig *rig = &world->rig;
	size_t n;

	if (world->there) {
		const struct rules_filter filter = {
			.match = world->match, .strict = true, .priority = PRIORITY};

		dp_rules_begin(rig->dp, rig->bridge);
		world->rc = dp_rules_delete(rig->dp, rig->bridge, &filter, &n, world->err);
		if (world->rc != 0) {
			dp_rules_abort(rig->dp, rig->bridge);
			return;
		}
		dp_rules_commit(rig->dp, rig->bridge);
	} else {
		pick_match(world);
		world->rc = rig_add(rig, &world->match, PRIORITY, world->err);
	}
	world->there = !world->there;
	world->n_changes++;
}

/* What is due, and a nap. */
static void
attend(struct world *world) ON_MAIN
{
	const uint64_t interval = (uint64_t)(world->bench->machine.tsc_hz / CHANGES_HZ);
	const struct timespec nap = {.tv_nsec = NAP_NS};
	const uint64_t tsc = cycles_now();
	const uint64_t now = clock_now();

	if (world->change != CHANGE_NONE && tsc >= world->change_due && world->rc == 0) {
		world->change_due = tsc - world->change_due > interval * CHANGES_HZ
			? tsc + interval
			: world->change_due + interval;
		change_rule(world);
	}
	if (now >= world->step_due) {
		world->step_due = now + dp_step(world->rig.dp, now);
	}
	(void)nanosleep(&nap, NULL);
}

/* --- the worker's account -------------------------------------------------------------------- */

static uint64_t
run_established(void *arg, uint64_t rounds)
{
	struct world *world = arg;
	struct dp_worker_stats begin;
	struct dp_worker_stats end;
	double cycles;

	role_assert(&role_main);
	dp_worker_get_stats(world->rig.dp, 0, &begin);
	do {
		attend(world);
		dp_worker_get_stats(world->rig.dp, 0, &end);
	} while (end.packets < begin.packets + rounds);
	cycles = (double)(end.busy_cycles - begin.busy_cycles) /
		(double)(end.packets - begin.packets) * (double)rounds;
	return cycles < 1 ? 1 : (uint64_t)cycles;
}

/* Packets of a thousand that were decided again: decisions but those of new flows. */
static double
decided_again(struct world *world) ON_MAIN
{
	const double seconds = world->bench->quick ? world->bench->seconds : SHARE_S;
	const uint64_t end = clock_now() + (uint64_t)(seconds * CLOCK_S);
	struct dp_worker_stats before;
	struct dp_worker_stats after;
	uint64_t decided = __atomic_load_n(&n_decided, __ATOMIC_RELAXED);
	uint64_t missed;

	dp_worker_get_stats(world->rig.dp, 0, &before);
	do {
		attend(world);
		dp_worker_get_stats(world->rig.dp, 0, &after);
	} while (clock_now() < end || after.packets == before.packets);
	decided = __atomic_load_n(&n_decided, __ATOMIC_RELAXED) - decided;
	missed = after.flow_cache.misses - before.flow_cache.misses;
	return decided < missed
		? 0
		: 1e3 * (double)(decided - missed) / (double)(after.packets - before.packets);
}

static void
measure_established(struct world *world, const char *what) ON_MAIN
{
	char variant[BENCH_VARIANT_SIZE];
	struct rig_source *learner = rig_source(&world->rig, 1);

	__atomic_store_n(&learner->bulk, world->learns ? PKT_BURST : 0, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 100; i++) {
		attend(world);
	}
	(void)snprintf(variant, sizeof(variant), "%s: %.3f of 1000 decided again", what,
		decided_again(world));
	bench_measure(world->bench,
		&(struct bench_case){
			.variant = variant,
			.entries = world->n_flows,
			.bulk = PKT_BURST,
			.ops = 1,
			.run = run_established,
			.arg = world,
		});
	world->change = CHANGE_NONE;
	if (world->there) {
		change_rule(world);
	}
}

/* --- the cost of a change -------------------------------------------------------------------- */

static uint64_t
run_changes(void *arg, uint64_t rounds)
{
	struct world *world = arg;

	role_assert(&role_main);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds && world->rc == 0; i++) {
		change_rule(world);
		(void)dp_step(world->rig.dp, clock_now());
	}
	return bench_elapsed(world->bench, begin);
}

static void
measure_change(struct world *world, const char *what) ON_MAIN
{
	world->change = CHANGE_FAR;
	bench_measure(world->bench,
		&(struct bench_case){
			.variant = what,
			.entries = world->set.n,
			.bulk = 1,
			.ops = 1,
			.run = run_changes,
			.arg = world,
		});
	world->change = CHANGE_NONE;
	if (world->there) {
		change_rule(world);
	}
}

/* --- the whole ------------------------------------------------------------------------------- */

static void
draw(struct world *world)
{
	struct sequence sequence = {.state = N_FLOWS};

	world->packets = must_calloc(world->n_flows, sizeof(*world->packets));
	world->tuples = must_calloc(world->n_flows, sizeof(*world->tuples));
	world->ethers = must_calloc(world->n_flows, sizeof(*world->ethers));
	world->learners = must_calloc(world->n_learners, sizeof(*world->learners));
	for (uint32_t i = 0; i < world->n_flows;) {
		ruleset_packet(&world->set, &sequence, &world->packets[i]);
		if (world->packets[i].proto != PROTO_ICMP) {
			world->tuples[i] = rig_tuple_of(&world->packets[i]);
			world->ethers[i] = rig_ether_of(FIRST_STATION + i % N_STATIONS,
				FIRST_STATION + N_STATIONS + i / N_STATIONS % N_STATIONS);
			i++;
		}
	}
	for (uint32_t i = 0; i < world->n_learners; i++) {
		world->learners[i] = rig_ether_of(FIRST_LEARNER + i, 1);
	}
}

/* Before the worker sees them: `bulk` is what lets it begin. */
static void
connect_sources(struct world *world) ON_MAIN
{
	struct rig_source *source = rig_source(&world->rig, 0);
	struct rig_source *learner = rig_source(&world->rig, 1);

	source->tuples = world->tuples;
	source->ethers = world->ethers;
	source->n = world->n_flows;
	learner->ethers = world->learners;
	learner->n = world->n_learners;
	learner->interval = (uint64_t)(world->bench->machine.tsc_hz / LEARNS_HZ);
	__atomic_store_n(&source->bulk, PKT_BURST, __ATOMIC_RELEASE);
}

static int
know_stations(struct world *world) ON_MAIN
{
	struct rig *rig = &world->rig;
	const int rc = rig_learn(rig, rig->sources[0], FIRST_STATION, N_STATIONS, world->err);

	return rc != 0
		? rc
		: rig_learn(rig, rig->sink, FIRST_STATION + N_STATIONS, N_STATIONS, world->err);
}

static void
measure_all(struct world *world) ON_MAIN
{
	static const struct {
		const char *what;
		bool learns;
		enum change change;
	} rows[] = {{"alone", false, CHANGE_NONE}, {"learns", true, CHANGE_NONE},
		{"other rules", false, CHANGE_FAR}, {"own rules", false, CHANGE_NEAR},
		{"learns, own rules", true, CHANGE_NEAR}};

	for (unsigned int i = 0; world->rc == 0 && i < ARRAY_LEN(rows); i++) {
		world->learns = rows[i].learns;
		world->change = rows[i].change;
		measure_established(world, rows[i].what);
	}
	if (world->rc == 0) {
		measure_change(world, "rule change, beside traffic");
	}
}

int
benchmark_validity(struct bench *bench, struct err *err)
{
	struct world world = {.bench = bench,
		.n_flows = bench->quick ? N_FLOWS_QUICK : N_FLOWS,
		.n_learners = bench->quick ? N_LEARNERS_QUICK : N_LEARNERS,
		.err = err};

	role_assert(&role_main);
	ruleset_init(&world.set, RULESET_ACL, bench->quick ? N_RULES_QUICK : N_RULES);
	draw(&world);
	world.rc = rig_init(&world.rig, bench, CAPACITY, true, err);
	if (world.rc == 0) {
		world.rc = rig_add_set(&world.rig, &world.set, err);
	}
	if (world.rc == 0) {
		world.rc = know_stations(&world);
	}
	if (world.rc == 0) {
		connect_sources(&world);
		measure_all(&world);
	}
	rig_fini(&world.rig);
	ruleset_fini(&world.set);
	free(world.learners);
	free(world.ethers);
	free(world.tuples);
	free(world.packets);
	return world.rc;
}
