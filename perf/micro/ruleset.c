/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/ruleset.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

#define IPV4 0x0800
#define TCP 6
#define UDP 17
#define ICMP 1

const char *const ruleset_names[N_RULESET_SHAPES] = {"acl", "firewall", "chains"};

static const uint16_t services[] = {80, 443, 22, 25, 53, 110, 123, 143, 161, 389, 993, 1433, 1521,
	3306, 3389, 5060, 5432, 5900, 6379, 8080, 8443, 9090, 9200, 27017};

/* Chances in a hundred of each shape. */
static const struct weights {
	uint8_t any_src; /* address */
	uint8_t any_dst;
	uint8_t long_src; /* /24 to /32, of those that are not any */
	uint8_t long_dst;
	uint8_t any_proto;
	uint8_t any_dport;
	uint8_t range_dport;
	uint8_t any_sport;
	uint8_t range_sport;
} weights[N_RULESET_SHAPES] = {
	[RULESET_ACL] = {2, 1, 75, 85, 10, 35, 10, 98, 1},
	[RULESET_FIREWALL] = {50, 35, 70, 80, 12, 25, 25, 75, 18},
	[RULESET_CHAINS] = {20, 15, 65, 75, 15, 40, 15, 88, 8},
};

static uint32_t
below(struct sequence *sequence, uint32_t n)
{
	return (uint32_t)sequence_below(sequence, n);
}

static uint32_t
mask_of(unsigned int len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

static uint32_t
address(struct sequence *sequence, size_t n_rules, bool any, bool is_long, uint8_t *len)
{
	const uint32_t n_sites = n_rules < 64 ? 4 : (uint32_t)(n_rules / 16);
	const uint32_t site = below(sequence, n_sites);
	/* A site's /24 in one of 8 /8s and some /16s; scattered, but the same each time. */
	const uint32_t net = (10 + site % 8) << 24 | (site / 8 % 64) << 16 |
		((site * UINT32_C(2654435761) >> 24) & 0xff) << 8;
	static const uint8_t longs[] = {32, 32, 32, 32, 24, 24, 24, 28, 27, 30};
	static const uint8_t shorts[] = {16, 16, 8, 20, 22, 23, 12, 14};

	if (any) {
		*len = 0;
	} else if (is_long) {
		*len = longs[below(sequence, ARRAY_LEN(longs))];
	} else {
		*len = shorts[below(sequence, ARRAY_LEN(shorts))];
	}
	return (net | below(sequence, 256)) & mask_of(*len);
}

static struct match_range
ports(struct sequence *sequence, unsigned int any, unsigned int range)
{
	const uint32_t chance = below(sequence, 100);
	const uint16_t service = services[below(sequence, ARRAY_LEN(services))];
	uint16_t low;

	if (chance < any) {
		return MATCH_RANGE_ALL;
	}
	if (chance >= any + range) {
		return (struct match_range){.low = service, .high = service};
	}
	switch (below(sequence, 4)) {
	case 0:
	case 1:
		return (struct match_range){.low = 1024, .high = UINT16_MAX};
	case 2:
		return (struct match_range){.low = 0, .high = 1023};
	default:
		low = (uint16_t)(1024 + below(sequence, 60000));
		return (struct match_range){
			.low = low, .high = (uint16_t)(low + below(sequence, 4000))};
	}
}

static struct ruleset_rule
random_rule(struct sequence *sequence, const struct weights *weight, size_t n_rules)
{
	struct ruleset_rule rule = {.sport = MATCH_RANGE_ALL, .dport = MATCH_RANGE_ALL};

	rule.src = address(sequence, n_rules, below(sequence, 100) < weight->any_src,
		below(sequence, 100) < weight->long_src, &rule.src_len);
	rule.dst = address(sequence, n_rules, below(sequence, 100) < weight->any_dst,
		below(sequence, 100) < weight->long_dst, &rule.dst_len);
	if (below(sequence, 100) >= weight->any_proto) {
		static const uint8_t protos[] = {TCP, TCP, TCP, TCP, TCP, TCP, UDP, UDP, UDP, ICMP};

		rule.proto = protos[below(sequence, ARRAY_LEN(protos))];
	}
	if (rule.proto == TCP || rule.proto == UDP) {
		rule.sport = ports(sequence, weight->any_sport, weight->range_sport);
		rule.dport = ports(sequence, weight->any_dport, weight->range_dport);
	}
	return rule;
}

static int
compare_rules(const void *a, const void *b)
{
	const struct ruleset_rule *x = a;
	const struct ruleset_rule *y = b;

	const int narrow = (y->src_len + y->dst_len) / 16 - (x->src_len + x->dst_len) / 16;
	const uint32_t p = (x->src ^ x->dst) * UINT32_C(2654435761) + x->dport.low;
	const uint32_t q = (y->src ^ y->dst) * UINT32_C(2654435761) + y->dport.low;

	/* Whoever writes rules puts the narrow ones first; else in no order. */
	return narrow != 0 ? narrow : (p > q) - (p < q);
}

static int
compare_all(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ruleset_rule));
}

void
ruleset_init(struct ruleset *set, enum ruleset_shape shape, size_t n)
{
	struct sequence sequence = {.state = n + shape};

	set->n = 0;
	set->rules = must_calloc(n, sizeof(*set->rules));
	for (size_t i = 0; i < n; i++) {
		set->rules[i] = random_rule(&sequence, &weights[shape], n);
	}
	qsort(set->rules, n, sizeof(*set->rules), compare_all);
	for (size_t i = 0; i < n; i++) {
		if (set->n == 0 || compare_all(&set->rules[i], &set->rules[set->n - 1]) != 0) {
			set->rules[set->n++] = set->rules[i];
		}
	}
	qsort(set->rules, set->n, sizeof(*set->rules), compare_rules);
}

void
ruleset_fini(struct ruleset *set)
{
	free(set->rules);
}

uint16_t
ruleset_priority(const struct ruleset *set, size_t i)
{
	return (uint16_t)(UINT16_MAX - i * UINT16_MAX / set->n);
}

void
ruleset_match(const struct ruleset_rule *rule, struct match *match)
{
	match_init(match);
	match->value.eth_type = htons(IPV4);
	match->mask.eth_type = UINT16_MAX;
	match->value.valid = FIELDS_VALID_IPV4;
	match->mask.valid = FIELDS_VALID_IPV4;
	match->value.ip4_src = htonl(rule->src);
	match->mask.ip4_src = htonl(mask_of(rule->src_len));
	match->value.ip4_dst = htonl(rule->dst);
	match->mask.ip4_dst = htonl(mask_of(rule->dst_len));
	if (rule->proto != 0) {
		match->value.proto = rule->proto;
		match->mask.proto = UINT8_MAX;
	}
	match->l4_src = rule->sport;
	match->l4_dst = rule->dport;
	if (!match_range_is_all(rule->sport) || !match_range_is_all(rule->dport)) {
		match->value.valid |= FIELDS_VALID_L4;
		match->mask.valid |= FIELDS_VALID_L4;
	}
}

static uint16_t
port_in(struct sequence *sequence, struct match_range range)
{
	return (uint16_t)(range.low + below(sequence, (uint32_t)range.high - range.low + 1));
}

void
ruleset_packet(const struct ruleset *set, struct sequence *sequence, struct fields *packet)
{
	const struct ruleset_rule *rule = &set->rules[below(sequence, (uint32_t)set->n)];
	const uint32_t src = (uint32_t)sequence_next(sequence);
	const uint32_t dst = (uint32_t)sequence_next(sequence);

	*packet = (struct fields){.in_port = 1, .eth_type = htons(IPV4)};
	packet->valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4;
	packet->ip4_src = htonl(rule->src | (src & ~mask_of(rule->src_len)));
	packet->ip4_dst = htonl(rule->dst | (dst & ~mask_of(rule->dst_len)));
	packet->proto = rule->proto != 0 ? rule->proto : TCP;
	packet->ttl = 64;
	packet->l4_src = htons(port_in(sequence, rule->sport));
	packet->l4_dst = htons(port_in(sequence, rule->dport));
}
