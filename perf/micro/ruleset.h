/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of rules as firewalls have them, and packets that meet them; after the shapes of ClassBench
 * (Taylor and Turner, ToN 2007), from distributions written here rather than its seed files.
 *
 * Rules are an ordered list: the first is the most important. Prefixes come from a tree of nets
 * (few /8, more /16, many /24), so that rules lie within each other; ports only with TCP or UDP.
 * One thread.
 */
#ifndef VSW_PERF_MICRO_RULESET_H
#define VSW_PERF_MICRO_RULESET_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/core/fields.h"
#include "datapath/core/match.h"
#include "perf/micro/sequence.h"

enum ruleset_shape {
	RULESET_ACL, /* both addresses, most of them long; ports of servers */
	RULESET_FIREWALL, /* one address or none, ranges of either port */
	RULESET_CHAINS, /* as ipchains: some of each */
	N_RULESET_SHAPES,
};

extern const char *const ruleset_names[N_RULESET_SHAPES];

/* All in host order. */
struct ruleset_rule {
	uint32_t src;
	uint32_t dst;
	uint8_t src_len;
	uint8_t dst_len;
	uint8_t proto; /* 0: any */
	uint8_t spare;
	struct match_range sport;
	struct match_range dport;
};

struct ruleset {
	struct ruleset_rule *rules; /* owned */
	size_t n;
};

/* Somewhat fewer than n: what is there twice is left out. */
void ruleset_init(struct ruleset *set, enum ruleset_shape shape, size_t n);
void ruleset_fini(struct ruleset *set);

/* Of the i-th rule: the first has the highest priority. */
uint16_t ruleset_priority(const struct ruleset *set, size_t i);

/* A rule as the switch's tables take it. */
void ruleset_match(const struct ruleset_rule *rule, struct match *match);

/* A packet that some rule of the set speaks of, though maybe an earlier one takes it. */
void ruleset_packet(const struct ruleset *set, struct sequence *sequence, struct fields *packet);

#endif
