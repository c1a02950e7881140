/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decisions that somebody makes long on purpose: rules with masks of every pair of lengths, nested
 * around one pair of addresses, and packets near it, of which those that took longest are measured
 * again. The pipeline alone, without the flow cache; beside it the same packets without rules.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/core/parse.h"
#include "datapath/dp/dp_priv.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/rig.h"
#include "perf/micro/sequence.h"

#define N_CRAFTED 16384U
#define N_CRAFTED_QUICK 256U
#define N_WORST 64U
#define CRAFTED_TRIES 5 /* of which the quickest counts: no interrupt is a packet's doing */
#define PROTO_TCP 6

struct subject {
	struct bench *bench;
	struct rig rig;
	const char *title;
	struct parsed *crafted; /* owned */
	uint32_t n_crafted;
	uint32_t at;
};

static void
measure(struct subject *subject, const char *what, uint64_t (*run)(void *arg, uint64_t rounds))
{
	char variant[BENCH_VARIANT_SIZE];

	(void)snprintf(variant, sizeof(variant), "%s: %s", subject->title, what);
	bench_measure(subject->bench,
		&(struct bench_case){
			.variant = variant,
			.entries = subject->n_crafted,
			.bulk = 1,
			.ops = 1,
			.run = run,
			.arg = subject,
		});
}

#define CRAFTED_SRC 0x0a010203U
#define CRAFTED_DST 0x0a090807U

static uint32_t
prefix_mask(unsigned int len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

/* Each pair of `step`, 2 `step`, ... 32 bits; each for one port. In no order of length. */
static int
craft_rules(struct rig *rig, unsigned int step, struct err *err) ON_MAIN
{
	struct sequence sequence = {.state = step};
	struct ruleset set = {.rules = must_calloc((size_t)32 * 32, sizeof(*set.rules))};
	int rc;

	for (unsigned int src = step; src <= 32; src += step) {
		for (unsigned int dst = step; dst <= 32; dst += step) {
			const uint16_t port = (uint16_t)(1000 + sequence_below(&sequence, 1000));

			set.rules[set.n++] =
				(struct ruleset_rule){.src = CRAFTED_SRC & prefix_mask(src),
					.dst = CRAFTED_DST & prefix_mask(dst),
					.src_len = (uint8_t)src,
					.dst_len = (uint8_t)dst,
					.proto = PROTO_TCP,
					.sport = MATCH_RANGE_ALL,
					.dport = {.low = port, .high = port}};
		}
	}
	for (size_t i = set.n; i > 1; i--) {
		const size_t j = (size_t)sequence_below(&sequence, i);
		const struct ruleset_rule rule = set.rules[i - 1];

		set.rules[i - 1] = set.rules[j];
		set.rules[j] = rule;
	}
	rc = rig_add_set(rig, &set, err);
	ruleset_fini(&set);
	return rc;
}

/* Addresses that agree with the rules' in some number of bits; ports that may be a rule's. */
static void
craft_packets(struct subject *subject)
{
	struct sequence sequence = {.state = subject->n_crafted};
	uint8_t frame[RIG_FRAME];

	subject->crafted = must_calloc(subject->n_crafted, sizeof(*subject->crafted));
	for (uint32_t i = 0; i < subject->n_crafted; i++) {
		const unsigned int src = (unsigned int)sequence_below(&sequence, 33);
		const unsigned int dst = (unsigned int)sequence_below(&sequence, 33);
		const struct rig_tuple tuple = {.ttl = 64,
			.proto = PROTO_TCP,
			.src = htonl(CRAFTED_SRC ^
				((uint32_t)sequence_next(&sequence) & ~prefix_mask(src))),
			.dst = htonl(CRAFTED_DST ^
				((uint32_t)sequence_next(&sequence) & ~prefix_mask(dst))),
			.sport = htons((uint16_t)sequence_next(&sequence)),
			.dport = htons((uint16_t)(1000 + sequence_below(&sequence, 2000)))};

		rig_frame(&tuple, frame);
		parse(frame, sizeof(frame), sizeof(frame), PARSE_L4, &subject->crafted[i]);
	}
}

static uint64_t
run_pipeline(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	struct rig_stage stage;

	role_assert(&role_main);
	rig_stage_init(&subject->rig, &stage);
	struct decision *decision = &stage.burst->flows.decision;
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		pipeline_decide(&stage.at, &subject->crafted[subject->at].fields, NULL, decision);
		bench_keep(decision);
		subject->at = subject->at + 1 < subject->n_crafted ? subject->at + 1 : 0;
	}
	return bench_elapsed(subject->bench, begin);
}

struct timed {
	uint64_t cycles;
	uint32_t packet;
};

static int
compare_timed(const void *a, const void *b)
{
	const struct timed *x = a;
	const struct timed *y = b;

	return (x->cycles < y->cycles) - (x->cycles > y->cycles);
}

/* Only those that took longest stay. */
static void
keep_worst(struct subject *subject) ON_MAIN
{
	struct timed *times = must_calloc(subject->n_crafted, sizeof(*times));
	struct parsed *worst = must_calloc(N_WORST, sizeof(*worst));
	const uint32_t n = subject->n_crafted;

	for (uint32_t i = 0; i < n; i++) {
		times[i] = (struct timed){.cycles = UINT64_MAX, .packet = i};
		for (unsigned int try = 0; try < CRAFTED_TRIES; try++) {
			subject->at = i;
			const uint64_t cycles = run_pipeline(subject, 1);

			times[i].cycles = RTE_MIN(times[i].cycles, cycles);
		}
	}
	qsort(times, n, sizeof(*times), compare_timed);
	for (uint32_t i = 0; i < N_WORST; i++) {
		worst[i] = subject->crafted[times[i].packet];
	}
	free(times);
	free(subject->crafted);
	subject->crafted = worst;
	subject->n_crafted = N_WORST;
	subject->at = 0;
}

static void
measure_crafted_packets(struct subject *subject) ON_MAIN
{
	measure(subject, "a decision", run_pipeline);
	keep_worst(subject);
	measure(subject, "the longest decisions", run_pipeline);
	free(subject->crafted);
}

int
benchmark_crafted(struct bench *bench, struct err *err)
{
	struct rules_stats stats = {0};
	char title[BENCH_VARIANT_SIZE / 2] = "no rules";
	int rc = 0;

	role_assert(&role_main);
	role_assert(&role_worker);
	for (unsigned int rules = 0; rc == 0 && rules < 2; rules++) {
		struct subject subject = {.bench = bench,
			.title = title,
			.n_crafted = bench->quick ? N_CRAFTED_QUICK : N_CRAFTED};

		rc = rig_init(&subject.rig, bench, FLOW_CAPACITY_MIN, false, err);
		if (rc == 0 && rules > 0) {
			rc = craft_rules(&subject.rig, bench->quick ? 8 : 1, err);
		}
		if (rc == 0 && rules > 0 && dp_rules_get_table(subject.rig.bridge, 0, &stats)) {
			(void)snprintf(title, sizeof(title), "%u masks, %u subtables", stats.masks,
				stats.subtables);
		}
		if (rc == 0) {
			rig_settle(&subject.rig);
			craft_packets(&subject);
			measure_crafted_packets(&subject);
		}
		rig_fini(&subject.rig);
	}
	return rc;
}
