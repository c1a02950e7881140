/* SPDX-License-Identifier: BSD-3-Clause */
/* Matches and actions. */
#include "tests/world/rules_random.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PICK(random, array) (array)[random_of(random, sizeof(array) / sizeof((array)[0]))]

static const struct random_frame *
some_frame(struct rules_random *random)
{
	return &random->frames[random_of(random, RANDOM_FRAMES)];
}

static bool
luck(struct rules_random *random)
{
	return random_one_in(random, 2);
}

/* --- masks ------------------------------------------------------------------------------------ */

/* The first bits of n bytes. */
static void
prefix(uint8_t *bytes, unsigned int n, unsigned int bits)
{
	for (unsigned int i = 0; i < n * 8 && i < bits; i++) {
		bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
}

/* All of n bytes, or some of their bits. */
static void
some_bits(struct rules_random *random, void *to, unsigned int n)
{
	uint8_t *bytes = to;

	switch (random_of(random, 8)) {
	case 0:
		prefix(bytes, n, random_of(random, n * 8 + 1));
		break;
	case 1:
		bytes[random_of(random, n)] |= (uint8_t)(1U << random_of(random, 8));
		break;
	default:
		memset(bytes, 0xff, n);
	}
}

enum kind {
	KIND_ETH_SRC,
	KIND_ETH_DST,
	KIND_ETH_TYPE,
	KIND_TAG,
	KIND_INNER_TAG,
	KIND_TPID,
	KIND_INNER_TPID,
	KIND_IP_SRC, /* or ARP's */
	KIND_IP_DST,
	KIND_TOS,
	KIND_TTL,
	KIND_FRAG,
	KIND_LABEL,
	KIND_PROTO,
	KIND_L4_SRC,
	KIND_L4_DST,
	KIND_TCP_FLAGS,
	KIND_RANGE,
	KIND_ND_TARGET,
	KIND_SHA,
	KIND_THA,
	KIND_IN_PORT,
	KIND_REG,
	KINDS,
};

static bool
has_kind(const struct fields *fields, enum kind kind)
{
	const uint8_t valid = fields->valid;

	switch (kind) {
	case KIND_IP_SRC:
	case KIND_IP_DST:
	case KIND_PROTO:
		return (valid & (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6 | FIELDS_VALID_ARP)) != 0;
	case KIND_TOS:
	case KIND_TTL:
	case KIND_FRAG:
		return (valid & (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6)) != 0;
	case KIND_LABEL:
		return (valid & FIELDS_VALID_IPV6) != 0;
	case KIND_L4_SRC:
	case KIND_L4_DST:
	case KIND_TCP_FLAGS:
	case KIND_RANGE:
		return (valid & FIELDS_VALID_L4) != 0;
	case KIND_ND_TARGET:
		return (valid & FIELDS_VALID_ND) != 0;
	case KIND_SHA:
	case KIND_THA:
		return (valid & (FIELDS_VALID_ARP | FIELDS_VALID_ND)) != 0;
	default:
		return true;
	}
}

static void
mask_address(
	struct rules_random *random, const struct fields *fields, bool dst, struct fields *mask)
{
	if ((fields->valid & FIELDS_VALID_IPV6) != 0) {
		some_bits(random, dst ? mask->ip6_dst : mask->ip6_src, 16);
	} else {
		some_bits(random, dst ? &mask->ip4_dst : &mask->ip4_src, 4);
	}
}

/* One more field to look at, of those that the frame has. */
static void
mask_kind(struct rules_random *random, const struct fields *fields, enum kind kind,
	struct fields *mask)
{
	static const uint16_t tags[] = {0x1000, 0x0fff, 0xe000, 0xffff, 0x1001};
	static const uint8_t tos[] = {0xff, 0xfc, 0x03, 0x80};

	switch (kind) {
	case KIND_ETH_SRC:
		some_bits(random, mask->eth_src, 6);
		break;
	case KIND_ETH_DST:
		some_bits(random, mask->eth_dst, 6);
		break;
	case KIND_ETH_TYPE:
		mask->eth_type = UINT16_MAX;
		break;
	case KIND_TAG:
		mask->vlan_tci |= htons(PICK(random, tags));
		break;
	case KIND_INNER_TAG:
		mask->inner_tci |= htons(PICK(random, tags));
		break;
	case KIND_TPID:
		mask->outer_tpid = UINT16_MAX;
		break;
	case KIND_INNER_TPID:
		mask->inner_tpid = UINT16_MAX;
		break;
	case KIND_IP_SRC:
	case KIND_IP_DST:
		mask_address(random, fields, kind == KIND_IP_DST, mask);
		break;
	case KIND_TOS:
		mask->tos |= PICK(random, tos);
		break;
	case KIND_TTL:
		mask->ttl = UINT8_MAX;
		break;
	case KIND_FRAG:
		mask->frag |= (uint8_t)(1 + random_of(random, 3));
		break;
	case KIND_LABEL:
		mask->ip6_label = htonl(0xfffff);
		break;
	case KIND_PROTO:
		mask->proto = UINT8_MAX;
		break;
	case KIND_L4_SRC:
		some_bits(random, &mask->l4_src, 2);
		break;
	case KIND_L4_DST:
		some_bits(random, &mask->l4_dst, 2);
		break;
	case KIND_TCP_FLAGS:
		mask->tcp_flags |= htons((uint16_t)(1 + random_of(random, 4095)));
		break;
	case KIND_ND_TARGET:
		some_bits(random, mask->nd_target, 16);
		break;
	case KIND_SHA:
		some_bits(random, mask->arp_sha, 6);
		break;
	case KIND_THA:
		some_bits(random, mask->arp_tha, 6);
		break;
	default:
		break;
	}
}

void
random_kinds(struct rules_random *random)
{
	unsigned int each = 1 + random_of(random, 10);

	random->kinds = 0;
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		if (random_of(random, 10) < each) {
			random->kinds |= 1U << kind;
		}
	}
}

/* --- matches ---------------------------------------------------------------------------------- */

static void
match_ports(struct rules_random *random, const struct fields *fields, struct match *match)
{
	struct match_range *range = luck(random) ? &match->l4_src : &match->l4_dst;
	bool src = range == &match->l4_src;
	uint16_t port = ntohs(src ? fields->l4_src : fields->l4_dst);
	uint16_t low = (uint16_t)random_of(random, port + 1U);

	/* The same prerequisites as of one port. */
	*(src ? &match->mask.l4_src : &match->mask.l4_dst) = UINT16_MAX;
	fields_mask_complete(&match->mask);
	*(src ? &match->mask.l4_src : &match->mask.l4_dst) = 0;
	*range = (struct match_range){low, (uint16_t)(port + random_of(random, 65536U - port))};
}

/* Fields that are not the frame's. */
static void
match_more(struct rules_random *random, enum kind kind, struct fields *value, struct fields *mask)
{
	if (kind == KIND_IN_PORT) {
		mask->in_port = UINT16_MAX;
		value->in_port = (uint16_t)(1 + random_of(random, RANDOM_NUMBERS));
	} else if (kind == KIND_REG) {
		unsigned int reg = random_of(random, FIELDS_REGS);

		some_bits(random, &mask->regs[reg], 4);
		value->regs[reg] = random_of(random, 3);
	}
}

void
random_match(struct rules_random *random, bool acl, struct match *match)
{
	const struct fields *fields = &some_frame(random)->fields;
	unsigned int n = random_one_in(random, 24) ? 0 : 1 + random_of(random, 4);
	struct fields value = *fields;

	match_init(match);
	for (unsigned int i = 0; i < 4 * n && n > 0; i++) {
		enum kind kind = (enum kind)random_of(random, KINDS);

		if ((random->kinds >> kind & 1) == 0 || !has_kind(fields, kind)) {
			continue;
		}
		n--;
		mask_kind(random, fields, kind, &match->mask);
		fields_mask_complete(&match->mask);
		if (kind == KIND_RANGE && match_range_is_all(match->l4_src) &&
			match_range_is_all(match->l4_dst)) {
			match_ports(random, fields, match);
		} else if (!acl) {
			match_more(random, kind, &value, &match->mask);
		}
	}
	for (size_t i = 0; i < sizeof(value); i++) {
		((uint8_t *)&match->value)[i] =
			((const uint8_t *)&value)[i] & ((const uint8_t *)&match->mask)[i];
	}
	if (match_canonical(match) != 0) {
		match_init(match);
	}
}

/* --- actions ---------------------------------------------------------------------------------- */

static void
values_random(struct rules_random *random, struct fields *value)
{
	static const uint8_t tos[] = {0, 1, 2, 3, 4, 0xb8, 0xff};
	static const uint8_t ttls[] = {0, 1, 2, 64, 255};
	static const uint16_t ports[] = {0, 53, 80, 1000, 65535};

	memset(value, 0, sizeof(*value));
	random_station_mac(random_of(random, RANDOM_STATIONS + 1), value->eth_src);
	random_station_mac(random_of(random, RANDOM_STATIONS + 1), value->eth_dst);
	if (random_one_in(random, 10)) {
		memset(value->eth_dst, 0xff, 6);
	}
	value->vlan_tci =
		htons((uint16_t)(random_of(random, 8) * 8192 + random_of(random, RANDOM_VIDS)));
	if (luck(random)) {
		random_ip6(random, value->ip6_src);
		random_ip6(random, value->ip6_dst);
	}
	random_ip4(random, (uint8_t *)&value->ip4_src);
	random_ip4(random, (uint8_t *)&value->ip4_dst);
	value->tos = PICK(random, tos);
	value->ttl = PICK(random, ttls);
	value->l4_src = htons(PICK(random, ports));
	value->l4_dst = htons(PICK(random, ports));
	for (int i = 0; i < FIELDS_REGS; i++) {
		value->regs[i] = random_of(random, 3);
	}
}

static void
add_set(struct rules_random *random, struct action_builder *builder, enum action_field field)
{
	struct fields value;
	struct fields mask = {0};

	values_random(random, &value);
	memset(&mask, 0xff, sizeof(mask));
	if (random_one_in(random, 4)) {
		/* Some bits of each field, never none. */
		for (size_t i = 0; i < sizeof(mask); i++) {
			((uint8_t *)&mask)[i] = (uint8_t)(random_of(random, 256) | 0x21);
		}
	}
	action_add_set(builder, field, luck(random), &value, &mask);
}

static void
add_tag(struct rules_random *random, struct action_builder *builder)
{
	switch (random_of(random, 5)) {
	case 0:
		action_add(builder, ACTION_PUSH_VLAN, luck(random) ? 0x8100 : 0x88a8, 0, NULL, 0);
		break;
	case 1:
	case 2:
		action_add(builder, ACTION_POP_VLAN, 0, 0, NULL, 0);
		break;
	case 3:
		add_set(random, builder, ACTION_VLAN_VID);
		break;
	default:
		add_set(random, builder, ACTION_VLAN_PCP);
	}
}

static void
add_edit(struct rules_random *random, struct action_builder *builder)
{
	if (random_one_in(random, 6)) {
		action_add(builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
		return;
	}
	add_set(random, builder,
		luck(random) ? (enum action_field)random_of(random, 2)
			     : (enum action_field)(ACTION_IP4_SRC +
				       random_of(random, ACTION_REG0 - ACTION_IP4_SRC)));
}

static void
add_output(struct rules_random *random, struct action_builder *builder, bool bucket)
{
	unsigned int kind = random_of(random, 12);
	uint16_t cut = 0;

	if ((random->style & STYLE_CUT) != 0 && random_one_in(random, 6)) {
		cut = (uint16_t)(14 + random_of(random, 100));
	}
	if (kind == 0) {
		action_add(builder, ACTION_IN_PORT, 0, 0, NULL, 0);
	} else if (kind < 5 && !bucket && (random->style & STYLE_BRIDGE) != 0) {
		action_add(builder, kind == 4 ? ACTION_FLOOD : ACTION_NORMAL, 0, 0, NULL, 0);
	} else if (kind == 5 && !bucket && (random->style & STYLE_GROUPS) != 0) {
		action_add(
			builder, ACTION_GROUP, 0, random_of(random, PIPELINE_GROUPS + 1U), NULL, 0);
	} else {
		action_add(builder, ACTION_OUTPUT, cut, 1 + random_of(random, RANDOM_NUMBERS), NULL,
			0);
	}
}

struct action_list *
random_actions(struct rules_random *random, int table)
{
	struct action_builder builder = {.size = 0};
	unsigned int n = random_one_in(random, 12) ? 0 : 1 + random_of(random, 5);
	struct action_list *list;
	int left = RANDOM_TABLES - 1 - table;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int kind = random_of(random, 10);

		if (kind < 3 && (random->style & STYLE_EDITS) != 0) {
			add_edit(random, &builder);
		} else if (kind < 5 && (random->style & STYLE_TAGS) != 0) {
			add_tag(random, &builder);
		} else if (kind < 6) {
			add_set(random, &builder,
				(enum action_field)(ACTION_REG0 + random_of(random, FIELDS_REGS)));
		} else {
			add_output(random, &builder, table < 0);
		}
	}
	if (table >= 0 && left > 0 && n > 0 && luck(random)) {
		action_add(&builder, ACTION_GOTO,
			(uint16_t)(table + 1 + (int)random_of(random, (unsigned int)left)), 0, NULL,
			0);
	}
	list = action_list_new(&builder);
	assert(list != NULL);
	return list;
}
