/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/action.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/core/headers.h"

#define TAG_PRESENT RTE_BE16(FIELDS_TAG_PRESENT)
#define ND_HOP_LIMIT 255 /* RFC 4861, 7.1: of a neighbor discovery message on its way */
#define VALID_IP (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6)
#define TOS_DSCP 0xfc /* RFC 2474, 3 */
#define TOS_ECN 0x03 /* RFC 3168, 5 */

/* Where a field is in struct fields. */
struct place {
	uint8_t word;
	uint8_t n_words;
	uint8_t valid; /* bits of which a packet with this field has one; 0: all packets have it */
};

#define WORD_OF(field) (offsetof(struct fields, field) / sizeof(uint64_t))
#define REG(n) [ACTION_REG0 + (n)] = {WORD_OF(regs[n]), 1, 0}

static const struct place places[ACTION_FIELDS] = {
	[ACTION_ETH_SRC] = {WORD_OF(eth_src), 1, 0},
	[ACTION_ETH_DST] = {WORD_OF(eth_dst), 1, 0},
	[ACTION_VLAN_VID] = {WORD_OF(vlan_tci), 1, 0},
	[ACTION_VLAN_PCP] = {WORD_OF(vlan_tci), 1, 0},
	[ACTION_IP4_SRC] = {WORD_OF(ip4_src), 1, FIELDS_VALID_IPV4},
	[ACTION_IP4_DST] = {WORD_OF(ip4_dst), 1, FIELDS_VALID_IPV4},
	[ACTION_IP6_SRC] = {WORD_OF(ip6_src), 2, FIELDS_VALID_IPV6},
	[ACTION_IP6_DST] = {WORD_OF(ip6_dst), 2, FIELDS_VALID_IPV6},
	[ACTION_IP_DSCP] = {WORD_OF(tos), 1, VALID_IP},
	[ACTION_IP_ECN] = {WORD_OF(tos), 1, VALID_IP},
	[ACTION_IP_TTL] = {WORD_OF(ttl), 1, VALID_IP},
	[ACTION_L4_SRC] = {WORD_OF(l4_src), 1, FIELDS_VALID_L4},
	[ACTION_L4_DST] = {WORD_OF(l4_dst), 1, FIELDS_VALID_L4},
	REG(0),
	REG(1),
	REG(2),
	REG(3),
	REG(4),
	REG(5),
	REG(6),
	REG(7),
};
static_assert(FIELDS_REGS == 8, "a line for each register");

unsigned int
action_field_word(enum action_field field)
{
	assert(field < ACTION_FIELDS);
	return places[field].word;
}

unsigned int
action_field_words(enum action_field field)
{
	assert(field < ACTION_FIELDS);
	return places[field].n_words;
}

void
action_field_mask(enum action_field field, struct fields *mask)
{
	switch (field) {
	case ACTION_ETH_SRC:
		memset(mask->eth_src, 0xff, sizeof(mask->eth_src));
		break;
	case ACTION_ETH_DST:
		memset(mask->eth_dst, 0xff, sizeof(mask->eth_dst));
		break;
	case ACTION_VLAN_VID:
		mask->vlan_tci |= RTE_BE16(VLAN_ID_MASK);
		break;
	case ACTION_VLAN_PCP:
		mask->vlan_tci |= RTE_BE16(VLAN_PCP_MASK);
		break;
	case ACTION_IP4_SRC:
		mask->ip4_src = UINT32_MAX;
		break;
	case ACTION_IP4_DST:
		mask->ip4_dst = UINT32_MAX;
		break;
	case ACTION_IP6_SRC:
		memset(mask->ip6_src, 0xff, sizeof(mask->ip6_src));
		break;
	case ACTION_IP6_DST:
		memset(mask->ip6_dst, 0xff, sizeof(mask->ip6_dst));
		break;
	case ACTION_IP_DSCP:
		mask->tos |= TOS_DSCP;
		break;
	case ACTION_IP_ECN:
		mask->tos |= TOS_ECN;
		break;
	case ACTION_IP_TTL:
		mask->ttl = UINT8_MAX;
		break;
	case ACTION_L4_SRC:
		mask->l4_src = UINT16_MAX;
		break;
	case ACTION_L4_DST:
		mask->l4_dst = UINT16_MAX;
		break;
	default:
		assert(field >= ACTION_REG0 && field < ACTION_FIELDS);
		mask->regs[field - ACTION_REG0] = UINT32_MAX;
		break;
	}
}

/* --- what actions do to fields --------------------------------------------------------------- */

static bool
is_tpid(uint16_t type_be)
{
	return eth_is_vlan(rte_be_to_cpu_16(type_be));
}

/* The frame's EtherType became one behind which the parser looks for nothing. */
static void
hide_layer3(struct fields *fields)
{
	fields->valid = 0;
	for (unsigned int i = WORD_OF(ip4_src); i < WORD_OF(tunnel_id); i++) {
		if (i != WORD_OF(inner_tci)) {
			fields_set_word(fields, i, 0);
		}
	}
	fields->tcp_flags = 0;
	fields->ip6_label = 0;
}

void
action_push_fields(uint16_t tpid, struct fields *fields)
{
	assert(eth_is_vlan(tpid));
	if (fields->inner_tci != 0) {
		fields->eth_type = fields->inner_tpid;
		hide_layer3(fields);
	}
	fields->inner_tci = fields->vlan_tci;
	fields->inner_tpid = fields->outer_tpid;
	fields->vlan_tci = TAG_PRESENT;
	fields->outer_tpid = rte_cpu_to_be_16(tpid);
}

void
action_pop_fields(struct fields *fields)
{
	fields->vlan_tci = fields->inner_tci;
	fields->outer_tpid = fields->inner_tpid;
	fields->inner_tci = 0;
	fields->inner_tpid = 0;
}

/* A neighbor discovery message that was routed is none (RFC 4861, 7.1). */
static void
check_nd(struct fields *fields)
{
	if ((fields->valid & FIELDS_VALID_ND) != 0 && fields->ttl != ND_HOP_LIMIT) {
		fields->valid &= (uint8_t)~FIELDS_VALID_ND;
		fields->valid |= FIELDS_ND_INVALID;
		memset(fields->nd_target, 0, sizeof(fields->nd_target));
		memset(fields->arp_sha, 0, sizeof(fields->arp_sha));
		memset(fields->arp_tha, 0, sizeof(fields->arp_tha));
	}
}

void
action_dec_ttl_fields(struct fields *fields)
{
	if ((fields->valid & VALID_IP) != 0 && fields->ttl > 1) {
		fields->ttl--;
		check_nd(fields);
	}
}

/* May the field be written? An untagged frame that is to get a tag gets it. */
static bool
has_field(const struct action *action, struct fields *fields)
{
	switch (action->arg) {
	case ACTION_VLAN_VID:
	case ACTION_VLAN_PCP:
		/* A TPID without a tag: cut off, and no edit completes it. */
		if (fields->vlan_tci == 0 && action->number != 0 && !is_tpid(fields->eth_type)) {
			action_push_fields(ETH_TPID_CTAG, fields);
		}
		return fields->vlan_tci != 0;
	case ACTION_L4_SRC:
	case ACTION_L4_DST:
		/* ICMP has its type and code there. Later fragments are never VALID_L4. */
		return (fields->valid & FIELDS_VALID_L4) != 0 &&
			(fields->proto == IPPROTO_TCP || fields->proto == IPPROTO_UDP ||
				fields->proto == IPPROTO_SCTP);
	default:
		return places[action->arg].valid == 0 ||
			(fields->valid & places[action->arg].valid) != 0;
	}
}

void
action_set_fields(const struct action *action, struct fields *fields)
{
	const struct place *place = &places[action->arg];

	assert(action->code == ACTION_SET && action->arg < ACTION_FIELDS);
	assert(action->n_words == 2 * place->n_words);
	if (!has_field(action, fields)) {
		return;
	}
	for (unsigned int i = 0; i < place->n_words; i++) {
		const uint64_t value = action->words[2 * i];
		const uint64_t mask = action->words[2 * i + 1];
		const unsigned int at = place->word + i;

		fields_set_word(fields, at, (fields_word(fields, at) & ~mask) | value);
	}
	if (action->arg == ACTION_IP_TTL) {
		check_nd(fields);
	}
}

/* A tag may come or go. */
static void
tag_changes(struct fields *mask)
{
	mask->vlan_tci = UINT16_MAX;
	mask->outer_tpid = UINT16_MAX;
	mask->inner_tci = UINT16_MAX;
	mask->inner_tpid = UINT16_MAX;
	mask->eth_type = UINT16_MAX;
	mask->valid = UINT8_MAX;
}

static void
set_changes(const struct action *action, struct fields *mask)
{
	const struct place *place = &places[action->arg];
	const bool vlan = action->arg == ACTION_VLAN_VID || action->arg == ACTION_VLAN_PCP;

	if (vlan && action->number != 0) {
		tag_changes(mask);
	}
	if (action->arg == ACTION_IP_TTL) {
		mask->valid |= FIELDS_VALID_ND | FIELDS_ND_INVALID;
	}
	for (unsigned int i = 0; i < place->n_words; i++) {
		fields_set_word(mask, place->word + i,
			fields_word(mask, place->word + i) | action->words[2 * i + 1]);
	}
}

void
action_list_changes(const struct action_list *list, struct fields *mask)
{
	const struct action *end = action_list_end(list);

	for (const struct action *a = action_list_first(list); a != end; a = action_next(a)) {
		switch (a->code) {
		case ACTION_SET:
			set_changes(a, mask);
			break;
		case ACTION_PUSH_VLAN:
		case ACTION_POP_VLAN:
			tag_changes(mask);
			break;
		case ACTION_DEC_TTL:
			mask->ttl = UINT8_MAX;
			mask->valid |= FIELDS_VALID_ND | FIELDS_ND_INVALID;
			break;
		default:
			break;
		}
	}
}

/* --- main: putting lists together ------------------------------------------------------------ */

void
action_add(struct action_builder *builder, enum action_code code, uint16_t arg, uint32_t number,
	const uint64_t *words, unsigned int n_words)
{
	const struct action action = {
		.code = (uint8_t)code,
		.n_words = (uint8_t)n_words,
		.arg = arg,
		.number = number,
	};
	const uint32_t words_size = n_words * (uint32_t)sizeof(uint64_t);
	uint8_t *to = builder->bytes + builder->size;

	assert(n_words <= ACTION_WORDS_MAX);
	if (sizeof(action) + words_size > ACTION_LIST_MAX - builder->size) {
		builder->overflow = true;
		return;
	}
	memcpy(to, &action, sizeof(action));
	if (n_words > 0) {
		memcpy(to + sizeof(action), words, words_size);
	}
	builder->size += (uint32_t)sizeof(action) + words_size;
}

void
action_add_set(struct action_builder *builder, enum action_field field, bool push,
	const struct fields *value, const struct fields *mask)
{
	const struct place *place = &places[field];
	struct fields whole = {.pass = 0};
	uint64_t words[ACTION_WORDS_MAX];

	assert(field < ACTION_FIELDS);
	action_field_mask(field, &whole);
	for (unsigned int i = 0; i < place->n_words; i++) {
		const unsigned int at = place->word + i;
		const uint64_t bits = fields_word(mask, at) & fields_word(&whole, at);

		words[2 * i] = fields_word(value, at) & bits;
		words[2 * i + 1] = bits;
	}
	action_add(builder, ACTION_SET, (uint16_t)field, push, words, 2U * place->n_words);
}

struct action_list *
action_list_new(const struct action_builder *builder)
{
	struct action_list *list;

	if (builder->overflow) {
		return NULL;
	}
	list = must_calloc(1, sizeof(*list) + builder->size);
	list->size = builder->size;
	memcpy(list->bytes, builder->bytes, builder->size);
	return list;
}
