/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/edit_layout.h"

#include <netinet/in.h>

#define ARP_LEN 28 /* RFC 826, with Ethernet and IPv4 addresses */
#define IPV4_TOTAL 2 /* RFC 791: offset of the total length */
#define IPV6_LEN 40 /* RFC 8200, section 3 */
#define IPV6_PAYLOAD 4
#define IPV6_NEXT 6
#define ROUTING_LEFT 3 /* RFC 8200, 4.4: segments left */

static uint16_t
end_at(uint32_t end)
{
	return (uint16_t)(end < UINT16_MAX ? end : UINT16_MAX);
}

/* Is there a routing header with segments left before the transport header? */
static bool
is_routed(const struct parsed *parsed, const uint8_t *head, uint32_t head_len)
{
	const uint32_t end = parsed->l4 != 0 && parsed->l4 < head_len ? parsed->l4 : head_len;
	uint32_t at = parsed->l3 + IPV6_LEN;
	uint8_t next = head[parsed->l3 + IPV6_NEXT];

	for (unsigned int i = 0; i < PARSE_EXT_MAX && at + 8 <= end; i++) {
		const uint8_t type = next;

		if (type == IPPROTO_ROUTING && head[at + ROUTING_LEFT] > 0) {
			return true;
		}
		if (type != IPPROTO_HOPOPTS && type != IPPROTO_ROUTING &&
			type != IPPROTO_FRAGMENT && type != IPPROTO_DSTOPTS && type != IPPROTO_AH) {
			return false;
		}
		next = head[at];
		/* RFC 8200, 4.5 and RFC 4302, 2.2: these two count otherwise. */
		at += type == IPPROTO_FRAGMENT ? 8U
			: type == IPPROTO_AH   ? (head[at + 1] + 2U) * 4
					       : (head[at + 1] + 1U) * 8;
	}
	return false;
}

void
edit_layout_of(const struct parsed *parsed, const uint8_t *head, uint32_t head_len,
	struct edit_layout *layout)
{
	const uint8_t valid = parsed->fields.valid;

	*layout = (struct edit_layout){.end = UINT16_MAX};
	if ((valid & (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6 | FIELDS_VALID_ARP)) == 0) {
		return;
	}
	layout->l3 = parsed->l3;
	if ((valid & FIELDS_VALID_ARP) != 0) {
		layout->l3_kind = EDIT_L3_ARP;
		layout->end = end_at(parsed->l3 + ARP_LEN);
		return;
	}
	layout->l4 = parsed->l4;
	layout->proto = parsed->fields.proto;
	layout->frag = parsed->fields.frag;
	if ((valid & FIELDS_VALID_IPV4) != 0) {
		layout->l3_kind = EDIT_L3_IPV4;
		layout->end = end_at(parsed->l3 + load_be16(head + parsed->l3 + IPV4_TOTAL));
		return;
	}
	layout->l3_kind = EDIT_L3_IPV6;
	layout->end = end_at(parsed->l3 + IPV6_LEN + load_be16(head + parsed->l3 + IPV6_PAYLOAD));
	if ((valid & FIELDS_DEEP) != 0) {
		layout->flags |= EDIT_DEEP;
	}
	if (is_routed(parsed, head, head_len)) {
		layout->flags |= EDIT_ROUTED;
	}
}
