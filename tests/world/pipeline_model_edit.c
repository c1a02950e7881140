/* SPDX-License-Identifier: BSD-3-Clause */
/* Edits of frames by their bytes; checksums follow over all words of a header, changed or not. */
#include <string.h>

#include "datapath/core/edit_model.h"
#include "datapath/core/parse_model.h"
#include "tests/world/pipeline_model.h"

/* What the IP header is, and where its transport header lies. */
struct place {
	bool v4;
	bool v6;
	bool deep; /* the transport header is out of reach */
	bool routed; /* the checksum covers another destination than the header's */
	uint32_t l3;
	uint32_t l4; /* 0: there is none */
	uint32_t end; /* of the packet */
	uint32_t reach; /* what may be looked at */
	uint8_t proto;
	uint8_t frag;
};

static unsigned int
be16(const uint8_t *bytes)
{
	return bytes[0] * 256U + bytes[1];
}

static void
put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value / 256);
	bytes[1] = (uint8_t)(value % 256);
}

static void
parse_frame(const struct pipeline_frame *frame, enum parse_depth depth, struct parsed *parsed)
{
	uint8_t bytes[24];
	uint32_t len = 14 + 4 * frame->visible;

	if (!frame->hidden) {
		parse_model(frame->bytes, frame->head, frame->len, depth, parsed);
		return;
	}
	memcpy(bytes, frame->bytes, len);
	put16(bytes + len - 2, frame->hidden_tpid);
	parse_model(bytes, len, len, depth, parsed);
}

void
pipeline_begin(struct pipeline_frame *frame, int in, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol)
{
	struct parsed parsed;
	unsigned int type;

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->bytes, bytes, len);
	frame->len = len;
	frame->head = len < PIPELINE_HEAD ? len : PIPELINE_HEAD;
	frame->headroom = PIPELINE_HEADROOM;
	frame->in = in;
	frame->ol = *ol;
	parse_model(bytes, frame->head, len, PARSE_ALL, &parsed);
	type = be16((const uint8_t *)&parsed.fields.eth_type);
	frame->hidden = type == 0x8100 || type == 0x88a8;
	frame->hidden_tpid = (uint16_t)type;
	frame->visible = parsed.n_tags;
	frame->no_nd = (parsed.fields.valid & FIELDS_VALID_ND) == 0;
	parse_model(bytes, frame->head, len, PARSE_L3, &frame->first);
}

void
pipeline_fields(const struct pipeline_frame *frame, uint16_t number, struct fields *fields)
{
	struct parsed parsed;

	parse_frame(frame, PARSE_ALL, &parsed);
	*fields = parsed.fields;
	fields->in_port = number;
	memcpy(fields->regs, frame->regs, sizeof(fields->regs));
	if (frame->no_nd && (fields->valid & FIELDS_VALID_ND) != 0) {
		fields->valid &= (uint8_t)~FIELDS_VALID_ND;
		memset(fields->nd_target, 0, sizeof(fields->nd_target));
		memset(fields->arp_sha, 0, sizeof(fields->arp_sha));
		memset(fields->arp_tha, 0, sizeof(fields->arp_tha));
	}
}

/* A routing header with segments left, before the transport header (RFC 8200, 4.4). */
static bool
is_routed(const struct pipeline_frame *frame, const struct place *place)
{
	unsigned int next = frame->bytes[place->l3 + 6];
	uint32_t at = place->l3 + 40;

	while (at + 8 <= place->l4) {
		const uint8_t *ext = frame->bytes + at;

		if (next == 43 && ext[3] > 0) {
			return true;
		}
		at += next == 44 ? 8 : next == 51 ? (ext[1] + 2U) * 4 : (ext[1] + 1U) * 8;
		next = ext[0];
	}
	return false;
}

/* Headers that a third tag hides from rules are edited all the same. */
static void
find(const struct pipeline_frame *frame, struct place *place)
{
	const struct parsed *first = &frame->first;

	*place = (struct place){
		.v4 = (first->fields.valid & FIELDS_VALID_IPV4) != 0,
		.v6 = (first->fields.valid & FIELDS_VALID_IPV6) != 0,
		.deep = (first->fields.valid & FIELDS_DEEP) != 0,
		.l3 = (uint32_t)(first->l3 + frame->moved),
		.reach = frame->head,
		.proto = first->fields.proto,
		.frag = first->fields.frag,
	};
	if (place->v4) {
		place->end = place->l3 + be16(frame->bytes + place->l3 + 2);
	} else if (place->v6) {
		place->end = place->l3 + 40 + be16(frame->bytes + place->l3 + 4);
	}
	if ((place->v4 || place->v6) && place->frag != FIELDS_FRAG_LATER && first->l4 != 0) {
		place->l4 = (uint32_t)(first->l4 + frame->moved);
		place->routed = place->v6 && is_routed(frame, place);
	}
}

/* --- checksums ------------------------------------------------------------------------------- */

/* RFC 1624, equation 3, for words of n bytes that were `old` and are `new`. */
static void
follow(uint8_t *field, const uint8_t *old, const uint8_t *new, unsigned int n)
{
	uint64_t sum = 65535 - be16(field);

	for (unsigned int i = 0; i < n; i += 2) {
		sum += 65535 - be16(old + i);
		sum += be16(new + i);
	}
	while (sum > 65535) {
		sum = sum % 65536 + sum / 65536;
	}
	put16(field, (unsigned int)(65535 - sum));
}

/* The sum of a pseudo-header, not complemented. */
static void
follow_sum(uint8_t *field, const uint8_t *old, const uint8_t *new, unsigned int n)
{
	put16(field, 65535 - be16(field));
	follow(field, old, new, n);
	put16(field, 65535 - be16(field));
}

static bool
is_udp(unsigned int proto)
{
	return proto == MODEL_UDP || proto == MODEL_UDPLITE;
}

/* Where the checksum is in the transport header; 0: it has none that covers addresses or ports. */
static unsigned int
sum_at(const struct place *place)
{
	switch (place->proto) {
	case MODEL_TCP:
		return 16;
	case MODEL_UDP:
	case MODEL_UDPLITE:
	case MODEL_DCCP:
		return 6;
	case MODEL_SCTP:
		return 8;
	case MODEL_ICMP6:
		return place->v6 ? 2 : 0;
	default:
		return 0;
	}
}

static bool
sum_is_there(const struct place *place)
{
	uint32_t end = place->l4 + sum_at(place) + (place->proto == MODEL_SCTP ? 4 : 2);

	return !place->deep && place->l4 != 0 && end <= place->end && end <= place->reach;
}

/* The transport checksum is to be made by whoever sends the frame. */
static bool
is_promised(const struct pipeline_frame *frame, const struct place *place)
{
	return (frame->ol.flags & PKT_OL_CSUM) != 0 && frame->ol.csum_start == place->l4 &&
		frame->ol.csum_offset == sum_at(place);
}

static void
transport_follow(struct pipeline_frame *frame, const struct place *place, bool address,
	const uint8_t *old, const uint8_t *new, unsigned int n)
{
	uint8_t *field = frame->bytes + place->l4 + sum_at(place);

	if (is_promised(frame, place)) {
		if (address) {
			follow_sum(field, old, new, n);
		}
		return;
	}
	if (is_udp(place->proto) && be16(field) == 0) {
		return;
	}
	follow(field, old, new, n);
	if (is_udp(place->proto) && be16(field) == 0) {
		put16(field, 0xffff);
	}
}

/* --- IP --------------------------------------------------------------------------------------- */

static void
blend(uint8_t *to, const void *value, const void *mask, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		to[i] = (uint8_t)((to[i] & ~((const uint8_t *)mask)[i]) |
			((const uint8_t *)value)[i]);
	}
}

/* Put new bytes in the IP header, n of them at `at`. */
static void
ip_put(struct pipeline_frame *frame, const struct place *place, unsigned int at,
	const uint8_t *bytes, unsigned int n)
{
	uint8_t *ip = frame->bytes + place->l3;
	uint8_t old[20];
	uint8_t sum[2];

	memcpy(old, ip, 20);
	memcpy(sum, ip + 10, 2);
	memcpy(ip + at, bytes, n);
	if (place->v4) {
		memset(old + 10, 0, 2);
		memset(ip + 10, 0, 2);
		follow(sum, old, ip, 20);
		memcpy(ip + 10, sum, 2);
	}
}

static uint64_t
set_address(struct pipeline_frame *frame, bool v6, bool dst, const void *value, const void *mask)
{
	unsigned int n = v6 ? 16 : 4;
	unsigned int at = v6 ? (dst ? 24 : 8) : (dst ? 16 : 12);
	struct place place;
	bool summed;
	uint8_t addr[16];
	uint8_t old[16];

	find(frame, &place);
	if (v6 ? !place.v6 : !place.v4) {
		return 0;
	}
	memcpy(old, frame->bytes + place.l3 + at, n);
	memcpy(addr, old, n);
	blend(addr, value, mask, n);
	ip_put(frame, &place, at, addr, n);
	summed = place.frag != FIELDS_FRAG_LATER && !(v6 && dst && place.routed) &&
		(place.deep || (sum_at(&place) != 0 && place.proto != MODEL_SCTP));
	if (summed && !sum_is_there(&place)) {
		return REASON(DROP_EDIT_REFUSED);
	}
	if (summed) {
		transport_follow(frame, &place, true, old, addr, n);
	}
	return 0;
}

static void
set_tos(struct pipeline_frame *frame, uint8_t value, uint8_t mask)
{
	struct place place;
	const uint8_t *ip;
	unsigned int tos;
	uint8_t bytes[2];

	find(frame, &place);
	ip = frame->bytes + place.l3;
	if (place.v4) {
		bytes[0] = (uint8_t)((ip[1] & ~mask) | value);
		ip_put(frame, &place, 1, bytes, 1);
	} else if (place.v6) {
		tos = be16(ip) / 16 % 256;
		tos = (tos & ~(unsigned int)mask) | value;
		put16(bytes, 6 * 4096 + tos * 16 + be16(ip) % 16);
		ip_put(frame, &place, 0, bytes, 2);
	}
}

static uint64_t
set_ttl(struct pipeline_frame *frame, bool decrement, uint8_t value, uint8_t mask)
{
	struct place place;
	unsigned int at;
	uint8_t ttl;

	find(frame, &place);
	if (!place.v4 && !place.v6) {
		return 0;
	}
	at = place.v4 ? 8 : 7;
	ttl = frame->bytes[place.l3 + at];
	if (decrement) {
		if (ttl <= 1) {
			return REASON(DROP_TTL_EXPIRED);
		}
		ttl--;
	} else {
		ttl = (uint8_t)((ttl & ~mask) | value);
	}
	frame->no_nd = frame->no_nd || ttl != 255;
	ip_put(frame, &place, at, &ttl, 1);
	return 0;
}

/* --- transport -------------------------------------------------------------------------------- */

static uint32_t
le32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		(uint32_t)bytes[3] << 24;
}

/* The message from l4 on was `old` and is in the frame: its checksum stays as right as it was. */
static void
sctp_follow(struct pipeline_frame *frame, const struct place *place, const uint8_t *old)
{
	uint8_t *l4 = frame->bytes + place->l4;
	uint32_t len = place->end - place->l4;
	uint32_t damage = le32(l4 + 8);
	uint8_t copy[PIPELINE_FRAME];

	memcpy(copy, l4, len);
	memset(copy + 8, 0, 4);
	memcpy(copy, old, 4);
	damage ^= model_crc32c(copy, len);
	memcpy(copy, l4, 4);
	damage ^= model_crc32c(copy, len);
	for (int i = 0; i < 4; i++) {
		l4[8 + i] = (uint8_t)(damage >> 8 * i);
	}
}

static uint64_t
set_port(struct pipeline_frame *frame, bool dst, const uint8_t *value, const uint8_t *mask)
{
	struct place place;
	bool refused;
	uint8_t old[4];
	uint8_t *l4;

	find(frame, &place);
	l4 = frame->bytes + place.l4;
	if (place.l4 == 0 || place.deep || place.l4 + 4 > place.end || place.l4 + 4 > place.reach ||
		(place.proto != MODEL_TCP && place.proto != MODEL_SCTP &&
			place.proto != MODEL_DCCP && !is_udp(place.proto))) {
		return 0;
	}
	refused = !sum_is_there(&place) ||
		(place.proto == MODEL_SCTP && place.frag != FIELDS_FRAG_NONE && le32(l4 + 8) != 0);
	memcpy(old, l4, 4);
	for (int i = 0; i < 2; i++) {
		uint8_t *byte = &l4[(dst ? 2 : 0) + i];

		*byte = (uint8_t)((*byte & ~mask[i]) | value[i]);
	}
	if (refused) {
		return REASON(DROP_EDIT_REFUSED);
	}
	if (place.proto != MODEL_SCTP || is_promised(frame, &place)) {
		transport_follow(frame, &place, false, old, l4, 4);
	} else if (le32(l4 + 8) != 0) {
		sctp_follow(frame, &place, old);
	}
	return 0;
}

/* --- tags ------------------------------------------------------------------------------------- */

static bool
has_tpid(const struct pipeline_frame *frame)
{
	return be16(frame->bytes + 12) == 0x8100 || be16(frame->bytes + 12) == 0x88a8;
}

static uint64_t
push(struct pipeline_frame *frame, unsigned int tpid, unsigned int tci)
{
	bool refused = frame->headroom < 4;
	struct parsed parsed;

	parse_frame(frame, PARSE_L2, &parsed);
	if (parsed.n_tags == 2) {
		frame->hidden = true;
		frame->hidden_tpid = (uint16_t)be16((const uint8_t *)&parsed.fields.inner_tpid);
		frame->visible = 2;
	} else {
		frame->visible = parsed.n_tags + 1U;
	}
	memmove(frame->bytes + 16, frame->bytes + 12, frame->len - 12);
	put16(frame->bytes + 12, tpid);
	put16(frame->bytes + 14, tci);
	frame->len += 4;
	frame->moved += 4;
	frame->ol.csum_start = (uint16_t)(frame->ol.csum_start + 4);
	frame->head += 4;
	frame->headroom -= refused ? 0 : 4;
	return refused ? REASON(DROP_EDIT_REFUSED) : 0;
}

static void
pop(struct pipeline_frame *frame)
{
	if (has_tpid(frame) && frame->len >= 18) {
		memmove(frame->bytes + 12, frame->bytes + 16, frame->len - 16);
		frame->len -= 4;
		frame->moved -= 4;
		frame->ol.csum_start = (uint16_t)(frame->ol.csum_start - 4);
		frame->head -= 4;
		frame->headroom += 4;
		frame->visible -= frame->visible > 0;
	}
}

static uint64_t
set_tci(struct pipeline_frame *frame, bool make, unsigned int value, unsigned int mask)
{
	if (has_tpid(frame)) {
		if (frame->len >= 18) {
			put16(frame->bytes + 14, (be16(frame->bytes + 14) & ~mask) | value);
		}
		return 0;
	}
	if (make) {
		bool cut = frame->hidden && frame->visible == 0; /* to the rules, there is one */
		uint64_t reasons = push(frame, 0x8100, value);

		frame->visible = cut ? 0 : frame->visible;
		return reasons;
	}
	return 0;
}

/* --- actions ---------------------------------------------------------------------------------- */

/* The value and mask of an ACTION_SET, as two struct fields. */
static void
set_unpack(const struct action *action, struct fields *value, struct fields *mask)
{
	static const unsigned int words[] = {
		[ACTION_ETH_SRC] = 2,
		[ACTION_ETH_DST] = 1,
		[ACTION_VLAN_VID] = 1,
		[ACTION_VLAN_PCP] = 1,
		[ACTION_IP4_SRC] = 3,
		[ACTION_IP4_DST] = 3,
		[ACTION_IP6_SRC] = 6,
		[ACTION_IP6_DST] = 8,
		[ACTION_IP_DSCP] = 4,
		[ACTION_IP_ECN] = 4,
		[ACTION_IP_TTL] = 4,
		[ACTION_L4_SRC] = 4,
		[ACTION_L4_DST] = 4,
	};
	unsigned int word = action->arg >= ACTION_REG0 ? 16U + (action->arg - ACTION_REG0) / 2U
						       : words[action->arg];

	memset(value, 0, sizeof(*value));
	memset(mask, 0, sizeof(*mask));
	for (unsigned int i = 0; 2 * i < action->n_words; i++) {
		memcpy((uint8_t *)value + 8 * (word + i), &action->words[2 * i], 8);
		memcpy((uint8_t *)mask + 8 * (word + i), &action->words[2 * i + 1], 8);
	}
}

static uint64_t
set_field(struct pipeline_frame *frame, const struct action *action)
{
	unsigned int reg = action->arg - (unsigned int)ACTION_REG0;
	struct fields value;
	struct fields mask;

	set_unpack(action, &value, &mask);
	switch (action->arg) {
	case ACTION_IP4_SRC:
		return set_address(frame, false, false, &value.ip4_src, &mask.ip4_src);
	case ACTION_IP4_DST:
		return set_address(frame, false, true, &value.ip4_dst, &mask.ip4_dst);
	case ACTION_IP6_SRC:
		return set_address(frame, true, false, value.ip6_src, mask.ip6_src);
	case ACTION_IP6_DST:
		return set_address(frame, true, true, value.ip6_dst, mask.ip6_dst);
	case ACTION_ETH_SRC:
		blend(frame->bytes + 6, value.eth_src, mask.eth_src, 6);
		return 0;
	case ACTION_ETH_DST:
		blend(frame->bytes, value.eth_dst, mask.eth_dst, 6);
		return 0;
	case ACTION_VLAN_VID:
	case ACTION_VLAN_PCP:
		return set_tci(frame, action->number == 1, be16((uint8_t *)&value.vlan_tci),
			be16((uint8_t *)&mask.vlan_tci));
	case ACTION_IP_DSCP:
	case ACTION_IP_ECN:
		set_tos(frame, value.tos, mask.tos);
		return 0;
	case ACTION_IP_TTL:
		return set_ttl(frame, false, value.ttl, mask.ttl);
	case ACTION_L4_SRC:
		return set_port(frame, false, (uint8_t *)&value.l4_src, (uint8_t *)&mask.l4_src);
	case ACTION_L4_DST:
		return set_port(frame, true, (uint8_t *)&value.l4_dst, (uint8_t *)&mask.l4_dst);
	default:
		frame->regs[reg] = (frame->regs[reg] & ~mask.regs[reg]) | value.regs[reg];
		return 0;
	}
}

uint64_t
pipeline_edit(struct pipeline_frame *frame, const struct action *action)
{
	switch (action->code) {
	case ACTION_PUSH_VLAN:
		return push(frame, action->arg, 0);
	case ACTION_POP_VLAN:
		pop(frame);
		return 0;
	case ACTION_SET:
		return set_field(frame, action);
	case ACTION_DEC_TTL:
		return set_ttl(frame, true, 0, 0);
	default:
		return 0;
	}
}
