/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A datapath on the bench: one bridge, one worker, ports without a device.
 *
 * Sources lend 64-byte frames, made of what the benchmark hands in; the sink counts what it is
 * given. The station of the sink and those of the sources are known to the bridge.
 *
 * Without threads the benchmark steps the worker itself, by the clock. One thread holds both roles
 * then; with threads it is main.
 */
#ifndef VSW_PERF_MICRO_RIG_H
#define VSW_PERF_MICRO_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "datapath/dp/dp.h"
#include "datapath/dp/dp_rules.h"
#include "perf/micro/bench.h"
#include "perf/micro/ruleset.h"

#define RIG_SOURCES 2
#define RIG_FRAME 64U /* bytes */

/* Bytes 22 to 37 of a frame, as they stand there: one store, so that they can be read back soon. */
struct rig_tuple {
	uint8_t ttl;
	uint8_t proto;
	uint16_t checksum; /* nobody asks */
	uint32_t src;
	uint32_t dst;
	uint16_t sport;
	uint16_t dport;
};
static_assert(sizeof(struct rig_tuple) == 16, "one store");

/* Bytes 0 to 15, likewise. */
struct rig_ether {
	uint8_t dst[6];
	uint8_t src[6];
	uint8_t rest[4]; /* EtherType, the first two of IPv4 */
};
static_assert(sizeof(struct rig_ether) == 16, "one store");

/* A port that frames come from. */
struct rig_source {
	struct port port;
	const struct rig_tuple *tuples; /* one for each frame, round and round; NULL: as built */
	const struct rig_ether *ethers; /* likewise, as many */
	uint32_t n;
	uint32_t at;
	uint16_t bulk; /* frames of a burst; atomic, 0: none */
	uint64_t interval; /* cycles of the counter between frames; atomic, 0: as fast as they go */
	uint64_t due;
	uint32_t buffer;
	uint8_t *buffers; /* owned */
};

struct rig {
	const struct bench *bench;
	struct dp *dp;
	struct dp_bridge *bridge;
	struct dp_port *sources[RIG_SOURCES];
	struct dp_port *sink;
	uint64_t began; /* clock and counter */
	uint64_t began_tsc;
};

/* What burst_run() has at hand, for benchmarks of its phases. */
struct rig_stage {
	struct burst *burst;
	struct port *port; /* the first source */
	struct port *sink;
	struct burst_time now;
	struct arrival at; /* at the first source */
	const struct port_keys *keys;
};

/* `flows`: capacity of the flow cache. Polls if `threads`. */
int rig_init(struct rig *rig, const struct bench *bench, uint32_t flows, bool threads,
	struct err *err) ON_MAIN;
void rig_fini(struct rig *rig) ON_MAIN;

struct rig_source *rig_source(const struct rig *rig, unsigned int i) ON_MAIN;

/* Main and the worker, until what was published is in use. Without threads. */
void rig_settle(struct rig *rig) ON_MAIN ON_WORKER;

void rig_stage_init(const struct rig *rig, struct rig_stage *stage) ON_MAIN;
struct flow_cache *rig_cache(const struct rig *rig) ON_MAIN;

/* The clock as the counter says; ns. */
uint64_t rig_now(const struct rig *rig);

/* One rule in a batch of its own; the action is `normal`. */
int rig_add(struct rig *rig, const struct match *match, uint16_t priority, struct err *err) ON_MAIN;

/* All rules of a set in one batch, the first is the most important. */
int rig_add_set(struct rig *rig, const struct ruleset *set, struct err *err) ON_MAIN;

/* A frame's headers for what a rule speaks of. */
struct rig_tuple rig_tuple_of(const struct fields *packet);

/* A whole frame, RIG_FRAME bytes, as the sources make them; NULL: of any addresses. */
void rig_frame(const struct rig_tuple *tuple, uint8_t *frame);

/* From station `src` to station `dst`; 0 is the first source's, 1 the sink's. */
struct rig_ether rig_ether_of(uint64_t src, uint64_t dst);

/* Let the bridge know stations first to first + n - 1 of a port. */
int rig_learn(
	struct rig *rig, struct dp_port *port, uint64_t first, uint32_t n, struct err *err) ON_MAIN;

#endif
