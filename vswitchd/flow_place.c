/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_place.h"

#include <stdbool.h>
#include <stddef.h>

struct place {
	enum flow_layer layer;
	uint8_t at; /* bytes */
	uint8_t size;
	uint8_t shift; /* of the value, in bits */
	bool host; /* its order of bytes */
};

#define AT(field) offsetof(struct fields, field), sizeof(((struct fields *)NULL)->field)
#define REG(n) [FLOW_REG##n] = {FLOW_LAYER_ANY, AT(regs[n]), 0, .host = true}

static const struct place places[FLOW_FIELDS] = {
	[FLOW_IN_PORT] = {FLOW_LAYER_ANY, AT(in_port), 0, .host = true},
	[FLOW_ETH_SRC] = {FLOW_LAYER_ANY, AT(eth_src), 0},
	[FLOW_ETH_DST] = {FLOW_LAYER_ANY, AT(eth_dst), 0},
	[FLOW_VLAN_TCI] = {FLOW_LAYER_ANY, AT(vlan_tci), 0},
	[FLOW_INNER_TCI] = {FLOW_LAYER_ANY, AT(inner_tci), 0},
	[FLOW_ETH_TYPE] = {FLOW_LAYER_ANY, AT(eth_type), 0},
	[FLOW_IP4_SRC] = {FLOW_LAYER_IP, AT(ip4_src), 0},
	[FLOW_IP4_DST] = {FLOW_LAYER_IP, AT(ip4_dst), 0},
	[FLOW_IP6_SRC] = {FLOW_LAYER_IP, AT(ip6_src), 0},
	[FLOW_IP6_DST] = {FLOW_LAYER_IP, AT(ip6_dst), 0},
	[FLOW_IP6_LABEL] = {FLOW_LAYER_IP, AT(ip6_label), 0},
	[FLOW_IP_PROTO] = {FLOW_LAYER_IP, AT(proto), 0},
	[FLOW_IP_DSCP] = {FLOW_LAYER_IP, AT(tos), 2}, /* RFC 2474, 3 */
	[FLOW_IP_ECN] = {FLOW_LAYER_IP, AT(tos), 0},
	[FLOW_IP_TTL] = {FLOW_LAYER_IP, AT(ttl), 0},
	[FLOW_IP_FRAG] = {FLOW_LAYER_IP, AT(frag), 0},
	[FLOW_L4_SRC] = {FLOW_LAYER_PORTS, AT(l4_src), 0},
	[FLOW_L4_DST] = {FLOW_LAYER_PORTS, AT(l4_dst), 0},
	[FLOW_TCP_FLAGS] = {FLOW_LAYER_PORTS, AT(tcp_flags), 0},
	[FLOW_ICMP_TYPE] = {FLOW_LAYER_ICMP, AT(l4_src), 0},
	[FLOW_ICMP_CODE] = {FLOW_LAYER_ICMP, AT(l4_dst), 0},
	[FLOW_ARP_OP] = {FLOW_LAYER_ARP, AT(proto), 0},
	[FLOW_ARP_SPA] = {FLOW_LAYER_ARP, AT(ip4_src), 0},
	[FLOW_ARP_TPA] = {FLOW_LAYER_ARP, AT(ip4_dst), 0},
	[FLOW_ARP_SHA] = {FLOW_LAYER_ARP, AT(arp_sha), 0},
	[FLOW_ARP_THA] = {FLOW_LAYER_ARP, AT(arp_tha), 0},
	[FLOW_ND_TARGET] = {FLOW_LAYER_ICMP, AT(nd_target), 0},
	[FLOW_ND_SLL] = {FLOW_LAYER_ICMP, AT(arp_sha), 0},
	[FLOW_ND_TLL] = {FLOW_LAYER_ICMP, AT(arp_tha), 0},
	[FLOW_TUNNEL_ID] = {FLOW_LAYER_ANY, AT(tunnel_id), 0},
	REG(0),
	REG(1),
	REG(2),
	REG(3),
	REG(4),
	REG(5),
	REG(6),
	REG(7),
};

#define NAME_BITS 16 /* of a port's number, where the list has 0 */
static const uint8_t bits_of[FLOW_FIELDS] = {
#define X(id, json, word, kind, bits, flags, need) [FLOW_##id] = (bits) == 0 ? NAME_BITS : (bits),
	FLOW_FIELD_LIST(X)
#undef X
};

/* The byte that has bits 8 * i of the number. */
static unsigned int
byte_at(const struct place *place, unsigned int i)
{
	const bool rising = place->host && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	return place->at + (rising ? i : place->size - 1U - i);
}

enum flow_layer
flow_place_layer(enum flow_field field)
{
	return places[field].layer;
}

void
flow_place_put(struct fields *fields, enum flow_field field, const uint64_t number[2])
{
	const struct place *place = &places[field];
	unsigned __int128 left = (unsigned __int128)number[1] << 64 | number[0];
	uint8_t *bytes = (uint8_t *)fields;

	left <<= place->shift;
	for (unsigned int i = 0; i < place->size; i++) {
		bytes[byte_at(place, i)] |= (uint8_t)(left >> 8 * i);
	}
}

void
flow_place_get(const struct fields *fields, enum flow_field field, uint64_t number[2])
{
	const struct place *place = &places[field];
	const uint8_t *bytes = (const uint8_t *)fields;
	unsigned __int128 all = 0;

	for (unsigned int i = 0; i < place->size; i++) {
		all |= (unsigned __int128)bytes[byte_at(place, i)] << 8 * i;
	}
	all >>= place->shift;
	if (bits_of[field] < 128) {
		all &= ((unsigned __int128)1 << bits_of[field]) - 1;
	}
	number[0] = (uint64_t)all;
	number[1] = (uint64_t)(all >> 64);
}
