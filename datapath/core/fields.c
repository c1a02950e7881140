/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/fields.h"

#define VALID_IP (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6)
#define FRAG_LATER_BIT (FIELDS_FRAG_LATER & ~FIELDS_FRAG_FIRST)
#define TAG_PRESENT_BYTE (FIELDS_TAG_PRESENT >> 8) /* in the first byte of a TCI */

static void
tag_ask(uint16_t *tci, uint16_t tpid)
{
	if (*tci != 0 || tpid != 0) {
		*(uint8_t *)tci |= TAG_PRESENT_BYTE;
	}
}

static bool
any_byte(const uint8_t *bytes, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++) {
		any |= bytes[i];
	}
	return any != 0;
}

/* The bits of `valid` that say whether the fields that are asked for are there. */
static uint8_t
valid_ask(const struct fields *mask)
{
	uint8_t valid = 0;

	if (mask->tos != 0 || mask->ttl != 0 || mask->frag != 0) {
		valid |= VALID_IP;
	}
	if (mask->proto != 0) {
		valid |= VALID_IP | FIELDS_VALID_ARP;
	}
	if (mask->ip4_src != 0 || mask->ip4_dst != 0) {
		valid |= FIELDS_VALID_IPV4 | FIELDS_VALID_ARP;
	}
	if (any_byte(mask->ip6_src, sizeof(mask->ip6_src)) ||
		any_byte(mask->ip6_dst, sizeof(mask->ip6_dst)) || mask->ip6_label != 0) {
		valid |= FIELDS_VALID_IPV6;
	}
	if (any_byte(mask->arp_sha, sizeof(mask->arp_sha)) ||
		any_byte(mask->arp_tha, sizeof(mask->arp_tha))) {
		valid |= FIELDS_VALID_ARP | FIELDS_VALID_ND;
	}
	return valid;
}

void
fields_mask_complete(struct fields *mask)
{
	const bool nd = any_byte(mask->nd_target, sizeof(mask->nd_target));
	uint8_t valid = 0;

	tag_ask(&mask->vlan_tci, mask->outer_tpid);
	tag_ask(&mask->inner_tci, mask->inner_tpid);
	if (nd) {
		valid |= FIELDS_VALID_ND;
	}
	if (nd || mask->l4_src != 0 || mask->l4_dst != 0 || mask->tcp_flags != 0) {
		valid |= FIELDS_VALID_L4;
		mask->proto = UINT8_MAX;
		mask->frag |= FRAG_LATER_BIT;
	}
	valid |= valid_ask(mask);
	if (valid != 0) {
		mask->eth_type = UINT16_MAX;
		mask->valid |= valid;
	}
}
