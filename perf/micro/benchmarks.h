/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is to measure. Each is run once per process, with the roles of main and worker. */
#ifndef VSW_PERF_MICRO_BENCHMARKS_H
#define VSW_PERF_MICRO_BENCHMARKS_H

#include "base/err.h"
#include "perf/micro/bench.h"

/* Name, what it measures. The function that runs it is benchmark_NAME. */
#define BENCHMARKS(X)                                                                   \
	X(parse, "headers of a frame: VLAN tag of a trunk, offsets of IP and UDP")      \
	X(key, "key of a frame's addresses for the FDB; hashes")                        \
	X(fdb, "the FDB, and rte_hash beside it")                                       \
	X(flow, "the flow cache, and rte_hash beside it")                               \
	X(burst, "the bridge from end to end, between ports that cost next to nothing") \
	X(pipeline, "cached flows and new ones, with rules and without")                \
	X(crafted, "decisions made long on purpose")                                    \
	X(validity, "established flows beside addresses and rules that change")         \
	X(rings, "virtqueues by librte_vhost and by us, and the driver's side of them") \
	X(crossing, "the same with the driver on another processor")                    \
	X(rules, "rule tables, merged or not, and rte_acl beside them")                 \
	X(rpc, "JSON-RPC requests, edits of the configuration")                         \
	X(events, "an event, from what happened to its subscribers' sockets")

#define X(name, doc) int benchmark_##name(struct bench *bench, struct err *err);
BENCHMARKS(X)
#undef X

struct benchmark {
	const char *name;
	const char *doc;
	int (*run)(struct bench *bench, struct err *err);
};

#define X(name, doc) BENCHMARK_##name,
enum { BENCHMARKS(X) N_BENCHMARKS };
#undef X

extern const struct benchmark benchmarks[N_BENCHMARKS];

#endif
