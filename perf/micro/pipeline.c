/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs a worker, from one port to another, as far as the switch decides it: ports
 * that have no device (rig.h), 64-byte frames, bursts of PKT_BURST, rules whose action is `normal`.
 *
 * Cached flows: a bridge without rules; a thousand or ten thousand rules like an access list's, by
 * number of flows. Phases are added one after the other, so a row less the one above it is what its
 * last phase costs. "ports alone" is not the switch's: take it off the others.
 *
 * New flows: more of them, in turn, than the cache holds (the daemon's default): each packet misses
 * and evicts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/rig.h"
#include "perf/micro/sequence.h"

#define N_NEW (1U << 20)
#define N_NEW_QUICK (1U << 12)
#define NEW_CAPACITY_QUICK FLOW_CAPACITY_MIN
#define N_STATIONS 1024U /* a side, for new flows of a bridge: N_NEW pairs */
#define CLOCK_EVERY 64 /* rounds, as the worker's own loop */
#define PROTO_ICMP 1

struct subject {
	struct bench *bench;
	struct rig rig;
	const char *title;
	uint32_t n_flows;
	struct rig_tuple *tuples; /* owned */
	struct rig_ether *ethers; /* owned */
	struct tx_item items[PKT_BURST]; /* for the ports alone */
};

/* --- phases ---------------------------------------------------------------------------------- */

static uint16_t
receive(struct rig_stage *stage)
{
	struct burst *burst = stage->burst;
	const uint32_t id = stage->at.in->id;
	const uint16_t n = stage->port->ops->rx_burst(
		stage->port, 0, burst->pkts, PKT_BURST, &burst->ports[id]);

	for (uint16_t i = 0; i < n; i++) {
		burst->pkts[i].in_port = id;
	}
	return n;
}

static uint64_t
run_ports(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	struct rig_stage stage;

	role_assert(&role_main);
	rig_stage_init(&subject->rig, &stage);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		const uint16_t n = receive(&stage);

		stage.sink->ops->tx_burst(stage.sink, 0, subject->items, n, &stage.burst->ports[1]);
		stage.port->ops->rx_release(stage.port, 0, stage.burst->pkts, n);
	}
	return bench_elapsed(subject->bench, begin);
}

static inline uint64_t
run_some(struct subject *subject, uint64_t rounds, bool lookup) ON_MAIN ON_WORKER
{
	struct rig_stage stage;
	uint64_t hits = 0;

	rig_stage_init(&subject->rig, &stage);
	struct flows *flows = &stage.burst->flows;
	const struct flow_step step = {
		flows, &stage.at, stage.keys, stage.burst->pkts, stage.burst->verdicts};
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		const uint16_t n = receive(&stage);

		flow_rules_keys(&step, n);
		if (lookup) {
			flow_cache_begin(flows->cache);
			flow_cache_hash(flows->cache, flows->keys, n);
			hits += flow_cache_lookup(flows->cache, flows->keys, n, flows->entries);
		}
		stage.port->ops->rx_release(stage.port, 0, stage.burst->pkts, n);
	}
	bench_keep_value(hits);
	return bench_elapsed(subject->bench, begin);
}

static uint64_t
run_keys(void *arg, uint64_t rounds)
{
	role_assert(&role_main);
	role_assert(&role_worker);
	return run_some(arg, rounds, false);
}

static uint64_t
run_lookup(void *arg, uint64_t rounds)
{
	role_assert(&role_main);
	role_assert(&role_worker);
	return run_some(arg, rounds, true);
}

static uint64_t
run_decided(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	struct rig_stage stage;

	role_assert(&role_main);
	role_assert(&role_worker);
	rig_stage_init(&subject->rig, &stage);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		const uint16_t n = receive(&stage);

		flows_decide(&stage.burst->flows, &stage.at, stage.burst->pkts, n,
			stage.burst->verdicts);
		stage.port->ops->rx_release(stage.port, 0, stage.burst->pkts, n);
	}
	return bench_elapsed(subject->bench, begin);
}

/* The worker's loop, all of it. */
static uint64_t
run_worker(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	struct rig *rig = &subject->rig;
	uint64_t now = rig_now(rig);
	uint64_t received = 0;

	role_assert(&role_main);
	role_assert(&role_worker);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		if (i % CLOCK_EVERY == CLOCK_EVERY - 1) {
			now = rig_now(rig);
		}
		received += dp_worker_step(rig->dp, 0, now);
	}
	bench_keep_value(received);
	return bench_elapsed(subject->bench, begin);
}

/* --- flows ----------------------------------------------------------------------------------- */

/* Packets of the set's rules that differ in their ports, which ICMP has none of. */
static void
draw_tuples(struct subject *subject, const struct ruleset *set, uint32_t n)
{
	struct sequence sequence = {.state = n};

	subject->tuples = must_calloc(n, sizeof(*subject->tuples));
	for (uint32_t i = 0; i < n;) {
		struct fields packet;

		ruleset_packet(set, &sequence, &packet);
		if (packet.proto != PROTO_ICMP) {
			subject->tuples[i++] = rig_tuple_of(&packet);
		}
	}
}

/* Each station of one side with each of the other. */
static void
pair_stations(struct subject *subject, uint32_t n)
{
	subject->ethers = must_calloc(n, sizeof(*subject->ethers));
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t src = i % N_STATIONS;
		const uint32_t dst = i / N_STATIONS + i % N_STATIONS * 7;

		subject->ethers[i] = rig_ether_of(2 + src, 2 + N_STATIONS + dst % N_STATIONS);
	}
}

/*
 * All flows once, in the order in which they are made; after that in another one, or they would
 * lie in memory in the order of the packets.
 */
static void
warm_up(struct subject *subject) ON_MAIN ON_WORKER
{
	struct rig_source *source = rig_source(&subject->rig, 0);
	struct sequence sequence = {.state = subject->n_flows};

	source->tuples = subject->tuples;
	source->ethers = subject->ethers;
	source->n = subject->n_flows;
	source->at = 0;
	source->bulk = PKT_BURST;
	for (uint32_t i = 0; i < subject->n_flows; i += PKT_BURST) {
		(void)dp_worker_step(subject->rig.dp, 0, rig_now(&subject->rig));
		if (i % 4096 == 0) {
			flow_cache_populate(rig_cache(&subject->rig));
		}
	}
	source->at = 0;
	for (uint32_t i = subject->n_flows; i > 1 && subject->tuples != NULL; i--) {
		const uint32_t j = (uint32_t)sequence_below(&sequence, i);
		const struct rig_tuple tuple = subject->tuples[i - 1];

		subject->tuples[i - 1] = subject->tuples[j];
		subject->tuples[j] = tuple;
	}
}

static void
drop_flows(struct subject *subject) ON_MAIN
{
	struct rig_source *source = rig_source(&subject->rig, 0);

	source->tuples = NULL;
	source->ethers = NULL;
	free(subject->tuples);
	free(subject->ethers);
	subject->tuples = NULL;
	subject->ethers = NULL;
}

/* --- measuring ------------------------------------------------------------------------------- */

static void
measure(struct subject *subject, const char *what, unsigned int ops,
	uint64_t (*run)(void *arg, uint64_t rounds)) ON_MAIN
{
	char variant[BENCH_VARIANT_SIZE];

	(void)snprintf(variant, sizeof(variant), "%s: %s", subject->title, what);
	bench_measure(subject->bench,
		&(struct bench_case){
			.variant = variant,
			.entries = subject->n_flows,
			.bytes = flow_cache_memory(rig_cache(&subject->rig)),
			.huge = true,
			.bulk = ops,
			.ops = ops,
			.run = run,
			.arg = subject,
		});
}

/* `n` flows of these rules, or of a bridge without any, that are all cached. */
static int
measure_cached(struct bench *bench, const char *title, const struct ruleset *set, bool rules,
	uint32_t n, bool phases, struct err *err) ON_MAIN ON_WORKER
{
	struct subject subject = {.bench = bench, .title = title, .n_flows = n};
	const uint32_t capacity = n < FLOW_CAPACITY_MIN ? FLOW_CAPACITY_MIN : n + n / 4;
	int rc = rig_init(&subject.rig, bench, capacity, false, err);

	if (rc == 0 && rules) {
		rc = rig_add_set(&subject.rig, set, err);
	}
	if (rc == 0) {
		rig_settle(&subject.rig);
		draw_tuples(&subject, set, n);
		warm_up(&subject);
		if (phases) {
			measure(&subject, "ports alone", PKT_BURST, run_ports);
		}
		if (phases && rules) {
			measure(&subject, "and keys", PKT_BURST, run_keys);
			measure(&subject, "and lookup", PKT_BURST, run_lookup);
		}
		if (phases) {
			measure(&subject, "and verdicts", PKT_BURST, run_decided);
		}
		measure(&subject, "all", PKT_BURST, run_worker);
		drop_flows(&subject);
	}
	rig_fini(&subject.rig);
	return rc;
}

static int
measure_all_cached(struct bench *bench, struct err *err) ON_MAIN ON_WORKER
{
	static const uint32_t flows[] = {1, 1000, 10000, 100000, 1000000};
	static const struct {
		const char *title;
		size_t n;
	} sets[] = {{"1k rules", 1000}, {"10k rules", 10000}};
	const unsigned int n_sizes = bench->quick ? 2 : ARRAY_LEN(flows);
	const unsigned int n_sets = bench->quick ? 1 : ARRAY_LEN(sets);
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < n_sets; i++) {
		struct ruleset set;

		ruleset_init(&set, RULESET_ACL, bench->quick ? 10 : sets[i].n);
		for (unsigned int k = 0; rc == 0 && k < n_sizes && i == 0; k += n_sizes - 1) {
			rc = measure_cached(bench, "bridge", &set, false, flows[k], k == 0, err);
		}
		for (unsigned int k = 0; rc == 0 && k < n_sizes; k++) {
			rc = measure_cached(
				bench, sets[i].title, &set, true, flows[k], i == 0, err);
		}
		ruleset_fini(&set);
	}
	return rc;
}

/* --- new flows ------------------------------------------------------------------------------- */

static int
know_stations(struct rig *rig, struct err *err) ON_MAIN
{
	int rc = rig_learn(rig, rig->sources[0], 2, N_STATIONS, err);

	return rc != 0 ? rc : rig_learn(rig, rig->sink, 2 + N_STATIONS, N_STATIONS, err);
}

/* `n_rules` 0: a bridge, and pairs of stations that it knows. */
static int
measure_new(
	struct bench *bench, const char *title, size_t n_rules, struct err *err) ON_MAIN ON_WORKER
{
	const uint32_t capacity = bench->quick ? NEW_CAPACITY_QUICK : DP_FLOWS_DEFAULT;
	struct subject subject = {
		.bench = bench, .title = title, .n_flows = bench->quick ? N_NEW_QUICK : N_NEW};
	struct ruleset set = {0};
	int rc = rig_init(&subject.rig, bench, capacity, false, err);

	if (n_rules > 0) {
		ruleset_init(&set, RULESET_ACL, n_rules);
	}
	if (rc == 0) {
		rc = n_rules > 0 ? rig_add_set(&subject.rig, &set, err)
				 : know_stations(&subject.rig, err);
	}
	if (rc == 0) {
		rig_settle(&subject.rig);
		if (n_rules > 0) {
			draw_tuples(&subject, &set, subject.n_flows);
		} else {
			pair_stations(&subject, subject.n_flows);
		}
		warm_up(&subject);
		measure(&subject, "all new", PKT_BURST, run_worker);
		drop_flows(&subject);
	}
	ruleset_fini(&set);
	rig_fini(&subject.rig);
	return rc;
}

static int
measure_all_new(struct bench *bench, struct err *err) ON_MAIN ON_WORKER
{
	static const struct {
		const char *title;
		size_t n;
	} sets[] = {{"bridge", 0}, {"10 rules", 10}, {"1k rules", 1000}, {"10k rules", 10000}};
	const unsigned int n_sets = bench->quick ? 2 : ARRAY_LEN(sets);
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < n_sets; i++) {
		rc = measure_new(bench, sets[i].title, sets[i].n, err);
	}
	return rc;
}

int
benchmark_pipeline(struct bench *bench, struct err *err)
{
	int rc;

	role_assert(&role_main);
	role_assert(&role_worker);
	rc = measure_all_cached(bench, err);
	return rc != 0 ? rc : measure_all_new(bench, err);
}
