/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_match.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "vswitchd/flow_place.h"

#define ETH_IPV4 0x0800
#define ETH_ARP 0x0806
#define ETH_IPV6 0x86dd
#define FRAG_LATER_BIT (FIELDS_FRAG_LATER & ~FIELDS_FRAG_FIRST)

/* --- what was written, into a match ------------------------------------------------------------
 */

static void
put_term(struct match *match, enum flow_field field, const struct flow_term *term)
{
	/* Its byte is a port to the datapath, the upper half 0. */
	const bool icmp = field == FLOW_ICMP_TYPE || field == FLOW_ICMP_CODE;
	const uint64_t whole[2] = {UINT16_MAX, 0};

	if (term->range) {
		struct match_range *range = field == FLOW_L4_SRC ? &match->l4_src : &match->l4_dst;

		range->low = (uint16_t)term->value[0];
		range->high = (uint16_t)term->value[1];
		return;
	}
	flow_place_put(&match->value, field, term->value);
	flow_place_put(&match->mask, field, icmp ? whole : term->mask);
}

/* Ask for what the fields need, and say what a packet that has them must have. */
static void
complete(struct match *match)
{
	struct fields wide = match->mask;
	uint8_t valid = 0;

	if (!match_range_is_all(match->l4_src) || !match_range_is_all(match->l4_dst)) {
		wide.l4_src = UINT16_MAX;
	}
	fields_mask_complete(&wide);
	switch (ntohs(match->value.eth_type)) {
	case ETH_IPV4:
		valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4;
		break;
	case ETH_IPV6:
		valid = FIELDS_VALID_IPV6 | FIELDS_VALID_L4 | FIELDS_VALID_ND;
		break;
	case ETH_ARP:
		valid = FIELDS_VALID_ARP;
		break;
	default:
		assert(wide.valid == 0);
		break;
	}
	/* The reader of rules has seen to it that these are there. */
	assert(wide.eth_type == match->mask.eth_type && wide.proto == match->mask.proto);
	match->mask.valid = wide.valid;
	match->value.valid = wide.valid & valid;
	match->mask.frag = wide.frag; /* the bit that is new is 0 in the value */
}

int
flow_match_make(const struct flow_rule *rule, const struct port_namer *namer, struct match *match,
	struct err *err)
{
	int rc = 0;

	match_init(match);
	for (uint64_t left = rule->present; left != 0; left &= left - 1) {
		const enum flow_field field = (enum flow_field)__builtin_ctzll(left);

		if (field != FLOW_IN_PORT) {
			put_term(match, field, &rule->terms[field]);
			continue;
		}
		match->mask.in_port = UINT16_MAX;
		rc = port_namer_get(
			namer, rule->in_port, "match/in-port", &match->value.in_port, err);
		if (rc != 0) {
			return rc;
		}
	}
	complete(match);
	rc = match_canonical(match);
	assert(rc == 0); /* a term is a range or a mask */
	return rc;
}

/* --- and back ----------------------------------------------------------------------------------
 */

static unsigned int
layers_of(const struct match *match)
{
	const uint8_t proto = match->mask.proto == 0 ? 0 : match->value.proto;

	switch (ntohs(match->value.eth_type)) {
	case ETH_IPV4:
		return FLOW_LAYER_ANY | FLOW_LAYER_IP |
			(proto == IPPROTO_ICMP ? FLOW_LAYER_ICMP : FLOW_LAYER_PORTS);
	case ETH_IPV6:
		return FLOW_LAYER_ANY | FLOW_LAYER_IP |
			(proto == IPPROTO_ICMPV6 ? FLOW_LAYER_ICMP : FLOW_LAYER_PORTS);
	case ETH_ARP:
		return FLOW_LAYER_ANY | FLOW_LAYER_ARP;
	default:
		return FLOW_LAYER_ANY;
	}
}

static bool
get_range(const struct match *match, enum flow_field field, struct flow_term *term)
{
	struct match_range range = MATCH_RANGE_ALL;

	if (field == FLOW_L4_SRC) {
		range = match->l4_src;
	} else if (field == FLOW_L4_DST) {
		range = match->l4_dst;
	}
	if (match_range_is_all(range)) {
		return false;
	}
	*term = (struct flow_term){.value = {range.low, range.high}, .range = true};
	return true;
}

/* False: the match does not look at the field. */
static bool
get_term(const struct match *match, enum flow_field field, struct flow_term *term)
{
	if (get_range(match, field, term)) {
		return true;
	}
	term->range = false;
	flow_place_get(&match->mask, field, term->mask);
	if ((term->mask[0] | term->mask[1]) == 0) {
		return false;
	}
	flow_place_get(&match->value, field, term->value);
	/* Only for the layer above? */
	return field != FLOW_IP_FRAG || (match->mask.valid & FIELDS_VALID_L4) == 0 ||
		term->mask[0] != FRAG_LATER_BIT || term->value[0] != 0;
}

void
flow_match_tell(const struct match *match, const struct port_namer *namer, struct flow_rule *rule)
{
	const unsigned int layers = layers_of(match);

	rule->present = 0;
	rule->in_port[0] = '\0';
	for (unsigned int i = 0; i < FLOW_FIELDS; i++) {
		const enum flow_field field = (enum flow_field)i;

		if ((flow_place_layer(field) & layers) != 0 &&
			get_term(match, field, &rule->terms[field])) {
			rule->present |= UINT64_C(1) << field;
		}
	}
	if (flow_rule_has(rule, FLOW_IN_PORT)) {
		const char *name = namer->name(namer->arg, match->value.in_port);

		assert(name != NULL);
		(void)str_copy(rule->in_port, name, sizeof(rule->in_port));
	}
}
