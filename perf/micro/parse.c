/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What reading a frame's headers costs: vlan_ingress(), which each frame goes through,
 * offload_headers(), which those with offloads or on their way to many queues do, and parse() to
 * layer 2 (parse_l2) and to layer 4.
 *
 * With bulk > 1 the first line of all frames of a burst is prefetched before the first is parsed,
 * as a phase that knew its burst would do; the pipeline does not today.
 */
#include <rte_prefetch.h>
#include <stdio.h>

#include "base/str.h"
#include "datapath/core/offload.h"
#include "datapath/core/parse.h"
#include "datapath/pipe/vlan.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/frames.h"

#define FRAMES_NEAR 128u /* 8 kB of lines: half of the smallest L1 or less */
#define L2_TIMES 4 /* the far set, in second-level caches */
#define L2_GUESS (UINT64_C(1) << 20)

struct parse {
	const struct bench *bench;
	struct frames frames;
	struct port_vlan vlan;
	unsigned int bulk;
	uint32_t at;
};

static inline void
prefetch(const struct parse *parse, uint8_t *const *frames, unsigned int bulk)
{
	for (unsigned int i = 0; bulk > 1 && i < bulk; i++) {
		rte_prefetch0(frames[i]);
	}
}

static uint64_t
run_vlan(void *arg, uint64_t rounds)
{
	struct parse *parse = arg;
	const unsigned int bulk = parse->bulk;
	struct vlan_frame out[PKT_BURST];
	uint64_t admitted = 0;

	const uint64_t begin = bench_begin();
	for (uint64_t round = 0; round < rounds; round++) {
		uint8_t *const *frames = parse->frames.order + parse->at;

		prefetch(parse, frames, bulk);
		for (unsigned int i = 0; i < bulk; i++) {
			admitted +=
				vlan_ingress(&parse->vlan, frames[i], parse->frames.len, &out[i]);
		}
		bench_keep(out);
		parse->at = (parse->at + bulk) & (parse->frames.n - 1);
	}
	bench_keep_value(admitted);
	return bench_elapsed(parse->bench, begin);
}

static uint64_t
run_headers(void *arg, uint64_t rounds)
{
	struct parse *parse = arg;
	const unsigned int bulk = parse->bulk;
	struct offload_headers out[PKT_BURST];
	uint64_t good = 0;

	const uint64_t begin = bench_begin();
	for (uint64_t round = 0; round < rounds; round++) {
		uint8_t *const *frames = parse->frames.order + parse->at;

		prefetch(parse, frames, bulk);
		for (unsigned int i = 0; i < bulk; i++) {
			good += offload_headers(frames[i], parse->frames.len, &out[i]);
		}
		bench_keep(out);
		parse->at = (parse->at + bulk) & (parse->frames.n - 1);
	}
	bench_keep_value(good);
	return bench_elapsed(parse->bench, begin);
}

static uint64_t
run_parse_l2(void *arg, uint64_t rounds)
{
	struct parse *parse = arg;
	const unsigned int bulk = parse->bulk;
	struct parsed out[PKT_BURST];

	const uint64_t begin = bench_begin();
	for (uint64_t round = 0; round < rounds; round++) {
		uint8_t *const *frames = parse->frames.order + parse->at;

		prefetch(parse, frames, bulk);
		for (unsigned int i = 0; i < bulk; i++) {
			parse_l2(frames[i], parse->frames.len, parse->frames.len, &out[i]);
		}
		bench_keep(out);
		parse->at = (parse->at + bulk) & (parse->frames.n - 1);
	}
	return bench_elapsed(parse->bench, begin);
}

static uint64_t
run_parse_l4(void *arg, uint64_t rounds)
{
	struct parse *state = arg;
	const unsigned int bulk = state->bulk;
	struct parsed out[PKT_BURST];

	const uint64_t begin = bench_begin();
	for (uint64_t round = 0; round < rounds; round++) {
		uint8_t *const *frames = state->frames.order + state->at;

		prefetch(state, frames, bulk);
		for (unsigned int i = 0; i < bulk; i++) {
			parse(frames[i], state->frames.len, state->frames.len, PARSE_L4, &out[i]);
		}
		bench_keep(out);
		state->at = (state->at + bulk) & (state->frames.n - 1);
	}
	return bench_elapsed(state->bench, begin);
}

static void
measure_kind(struct bench *bench, enum frame_kind kind, uint32_t n)
{
	static const unsigned int bulks[] = {1, 8, PKT_BURST};
	static const struct {
		const char *name;
		uint64_t (*run)(void *arg, uint64_t rounds);
	} readers[] = {
		{"vlan", run_vlan},
		{"headers", run_headers},
		{"fields L2", run_parse_l2},
		{"fields L4", run_parse_l4},
	};
	struct parse parse = {.bench = bench, .vlan = {.mode = VLAN_TRUNK}};
	char variant[BENCH_VARIANT_SIZE];

	frames_init(&parse.frames, kind, n);
	vlan_set_add(&parse.vlan.trunk, 0);
	vlan_set_add(&parse.vlan.trunk, FRAMES_VLAN);
	vlan_set_add(&parse.vlan.trunk, FRAMES_VLAN + 1);
	for (unsigned int i = 0; i < ARRAY_LEN(readers) * ARRAY_LEN(bulks); i++) {
		const unsigned int reader = i / ARRAY_LEN(bulks);

		parse.bulk = bulks[i % ARRAY_LEN(bulks)];
		parse.at = 0;
		(void)snprintf(variant, sizeof(variant), "%s: %s", readers[reader].name,
			frame_kind_names[kind]);
		bench_measure(bench,
			&(struct bench_case){
				.variant = variant,
				.entries = n,
				.bytes = frames_footprint(&parse.frames),
				.bulk = parse.bulk,
				.ops = parse.bulk,
				.run = readers[reader].run,
				.arg = &parse,
			});
	}
	frames_fini(&parse.frames);
}

/* Frames whose first lines fill several second-level caches. */
static uint32_t
far_frames(const struct machine *machine)
{
	const uint64_t l2 = machine->caches[1] == 0 ? L2_GUESS : machine->caches[1];

	return rte_align32pow2((uint32_t)(L2_TIMES * l2 / RTE_CACHE_LINE_SIZE));
}

int
benchmark_parse(struct bench *bench, struct err *err)
{
	(void)err;
	for (unsigned int kind = 0; kind < N_FRAME_KINDS; kind++) {
		measure_kind(bench, (enum frame_kind)kind, FRAMES_NEAR);
	}
	for (unsigned int kind = 0; !bench->quick && kind < N_FRAME_KINDS; kind++) {
		measure_kind(bench, (enum frame_kind)kind, far_frames(&bench->machine));
	}
	return 0;
}
