/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/str.h"
#include "base/suggest.h"
#include "ctl/flow_parse.h"
#include "ctl/flow_value.h"

/* Names of the extensions (Nicira, OpenFlow 1.2) for what can be set. */
static const struct {
	const char *name;
	const char *word;
} extended[] = {
	{"NXM_OF_ETH_SRC", "dl_src"},
	{"NXM_OF_ETH_DST", "dl_dst"},
	{"NXM_OF_VLAN_TCI", "vlan_tci"},
	{"NXM_OF_IP_SRC", "nw_src"},
	{"NXM_OF_IP_DST", "nw_dst"},
	{"NXM_OF_IP_TOS", "nw_tos"},
	{"NXM_OF_TCP_SRC", "tcp_src"},
	{"NXM_OF_TCP_DST", "tcp_dst"},
	{"NXM_OF_UDP_SRC", "udp_src"},
	{"NXM_OF_UDP_DST", "udp_dst"},
	{"NXM_NX_IP_ECN", "nw_ecn"},
	{"NXM_NX_IP_TTL", "nw_ttl"},
	{"NXM_NX_IPV6_SRC", "ipv6_src"},
	{"NXM_NX_IPV6_DST", "ipv6_dst"},
	{"NXM_NX_REG0", "reg0"},
	{"NXM_NX_REG1", "reg1"},
	{"NXM_NX_REG2", "reg2"},
	{"NXM_NX_REG3", "reg3"},
	{"NXM_NX_REG4", "reg4"},
	{"NXM_NX_REG5", "reg5"},
	{"NXM_NX_REG6", "reg6"},
	{"NXM_NX_REG7", "reg7"},
	{"OXM_OF_ETH_SRC", "dl_src"},
	{"OXM_OF_ETH_DST", "dl_dst"},
	{"OXM_OF_VLAN_VID", "vlan_vid"},
	{"OXM_OF_VLAN_PCP", "vlan_pcp"},
	{"OXM_OF_IP_DSCP", "ip_dscp"},
	{"OXM_OF_IP_ECN", "nw_ecn"},
	{"OXM_OF_IPV4_SRC", "nw_src"},
	{"OXM_OF_IPV4_DST", "nw_dst"},
	{"OXM_OF_IPV6_SRC", "ipv6_src"},
	{"OXM_OF_IPV6_DST", "ipv6_dst"},
	{"OXM_OF_TCP_SRC", "tcp_src"},
	{"OXM_OF_TCP_DST", "tcp_dst"},
	{"OXM_OF_UDP_SRC", "udp_src"},
	{"OXM_OF_UDP_DST", "udp_dst"},
	{"OXM_OF_SCTP_SRC", "sctp_src"},
	{"OXM_OF_SCTP_DST", "sctp_dst"},
};

static int
find_target(const struct flow_where *where, struct flow_slice name, struct flow_target *target)
{
	struct flow_slice word = name;
	const struct flow_known *known;
	struct suggest suggest;

	for (size_t i = 0; i < ARRAY_LEN(extended); i++) {
		if (flow_slice_is(name, extended[i].name)) {
			word = (struct flow_slice){extended[i].word, strlen(extended[i].word)};
		}
	}
	known = flow_word_find(word);
	if (known == NULL || known->class == FLOW_WORD_KEY || known->class == FLOW_WORD_SHORT ||
		known->class == FLOW_WORD_IGNORED || known->class == FLOW_WORD_TAG) {
		suggest_init(&suggest, name.at, name.len);
		flow_words_offer(&suggest, true);
		for (size_t i = 0; i < ARRAY_LEN(extended); i++) {
			suggest_offer(&suggest, extended[i].name);
		}
		return flow_fail(where, name.at, ERR_UNKNOWN, "unknown field '%.*s'%s",
			(int)(name.len < 64 ? name.len : 64), name.at, suggest_text(&suggest));
	}
	if (known->class == FLOW_WORD_REFUSED ||
		(flow_fields[known->value].flags & FLOW_SET) == 0) {
		return flow_fail(where, name.at, ERR_UNSUPPORTED, "%.*s cannot be set",
			(int)name.len, name.at);
	}
	*target = (struct flow_target){.field = (enum flow_field)known->value,
		.vid = known->class == FLOW_WORD_VID,
		.tos = known->class == FLOW_WORD_TOS,
		.bits = flow_fields[known->value].bits};
	if (known->class == FLOW_WORD_PCP) {
		target->low = 13;
		target->bits = 3;
	} else if (known->class == FLOW_WORD_VLAN || target->vid) {
		target->bits = 12;
	}
	return 0;
}

/* "", "3" or "0..7" between the brackets. */
static int
scan_bits(const struct flow_where *where, struct flow_slice inside, struct flow_target *target)
{
	const char *dots = inside.len < 2 ? NULL : memmem(inside.at, inside.len, "..", 2);
	unsigned int offset = target->tos ? 2 : 0;
	struct flow_slice first = inside;
	struct flow_slice last = inside;
	uint64_t low;
	uint64_t high;
	int rc;

	if (inside.len == 0) {
		return 0;
	}
	if (dots != NULL) {
		first.len = (size_t)(dots - inside.at);
		last.at = dots + 2;
		last.len = inside.len - first.len - 2;
	}
	rc = flow_number_in(where, first, offset, offset + target->bits - 1, &low);
	rc = rc != 0 ? rc : flow_number_in(where, last, low, offset + target->bits - 1, &high);
	if (rc == 0) {
		target->low += (unsigned int)low - offset;
		target->bits = (unsigned int)(high - low) + 1;
		target->part = true;
		target->tos = false;
	}
	return rc;
}

int
flow_target_scan(
	const struct flow_where *where, struct flow_slice slice, struct flow_target *target)
{
	const char *open = slice.len == 0 ? NULL : memchr(slice.at, '[', slice.len);
	struct flow_slice name = slice;
	int rc;

	if (open != NULL) {
		name.len = (size_t)(open - slice.at);
		if (slice.at[slice.len - 1] != ']') {
			return flow_fail(where, open, ERR_INVALID, "'[' without ']'");
		}
	}
	rc = find_target(where, name, target);
	if (rc == 0 && open != NULL) {
		rc = scan_bits(where,
			(struct flow_slice){open + 1, (size_t)(slice.at + slice.len - open) - 2},
			target);
	}
	if (rc == 0 && target->field == FLOW_VLAN_TCI &&
		!(target->low == 0 && target->bits == 12) &&
		!(target->low == 13 && target->bits == 3)) {
		return flow_fail(where, slice.at, ERR_UNSUPPORTED,
			"of a VLAN tag the id (bits 0..11) and the priority (13..15) can be set");
	}
	if (rc == 0 && target->part && flow_fields[target->field].kind == FLOW_DECIMAL &&
		target->bits != flow_fields[target->field].bits) {
		return flow_fail(where, slice.at, ERR_UNSUPPORTED,
			"%.*s can be set only as a whole", (int)name.len, name.at);
	}
	return rc;
}

/* A number into bits of the field. */
static int
number_value(const struct flow_where *where, const struct flow_target *target,
	struct flow_slice value, struct flow_set *set)
{
	unsigned int bits = target->bits;
	unsigned __int128 ones =
		bits >= 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << bits) - 1;
	unsigned __int128 mask = ones << target->low;
	unsigned __int128 shifted;
	uint64_t number;
	int rc = flow_number_in(where, value, 0, bits > 64 ? UINT64_MAX : (uint64_t)ones, &number);

	if (rc != 0) {
		return rc;
	}
	shifted = (unsigned __int128)number << target->low;
	set->term = (struct flow_term){
		.value = {(uint64_t)shifted, (uint64_t)(shifted >> 64)},
		.mask = {(uint64_t)mask, (uint64_t)(mask >> 64)},
	};
	return 0;
}

int
flow_target_value(const struct flow_where *where, const struct flow_target *target,
	struct flow_slice value, bool load, struct flow_set *set)
{
	const struct flow_where here = *where;
	uint64_t number = 0;
	int rc;

	set->field = target->field;
	set->push = false;
	if (target->tos) {
		rc = flow_number_in(&here, value, 0, 255, &number);
		if (rc == 0 && (number & 3) != 0) {
			return flow_fail(&here, value.at, ERR_INVALID,
				"nw_tos %u: a multiple of 4, the low bits are nw_ecn",
				(unsigned int)number);
		}
		return rc != 0
			? rc
			: flow_value_from(&here, target->field, value.at, number >> 2, &set->term);
	}
	if (target->vid && !load && flow_number_scan(value, &number) && number >= FLOW_TAG &&
		number <= (FLOW_TAG | FLOW_VLAN_ID)) {
		set->term = (struct flow_term){
			.value = {number & FLOW_VLAN_ID, 0}, .mask = {FLOW_VLAN_ID, 0}};
		return 0;
	}
	if (load || target->part || target->field == FLOW_VLAN_TCI) {
		return number_value(&here, target, value, set);
	}
	rc = flow_value_scan(&here, target->field, value, &set->term);
	if (rc == 0 && set->term.range) {
		return flow_fail(
			&here, value.at, ERR_INVALID, "%s: a range cannot be set", here.name);
	}
	if (rc == 0 && (set->term.mask[0] | set->term.mask[1]) == 0) {
		return flow_fail(
			&here, value.at, ERR_INVALID, "%s: a mask of 0 sets nothing", here.name);
	}
	return rc;
}
