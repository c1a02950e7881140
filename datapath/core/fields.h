/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a rule can look at in a packet, and which bits of it.
 *
 * One layout serves three purposes: the values that the parser finds, the masks of rules, and the
 * keys of the flow cache. It is an array of 64-bit words, so that masks join by OR and packets
 * compare by AND and XOR, word by word. A key holds only the words that a mask asks for, in this
 * order, which is why related fields share a word: a bridge's key is the first three words, an
 * IPv4 flow's the first five.
 *
 * Multi-byte fields that come from the frame stay in network byte order; in_port, mask_id and regs
 * are the host's. A field that the packet does not have is zero and its bit in `valid` is not set.
 * A mask that asks for a field asks for its prerequisites too (fields_mask_complete), so no rule
 * on a port number meets a packet without a valid L4 header.
 *
 * Any thread; plain data.
 */
#ifndef VSW_DATAPATH_CORE_FIELDS_H
#define VSW_DATAPATH_CORE_FIELDS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FIELDS_REGS 8
#define FIELDS_WORDS 21

/*
 * A TCI field holds the tag's 16 bits with this one set: a tag is there. It is the bit of the DEI
 * (IEEE 802.1Q-2018, 9.6), which is therefore not matched on.
 */
#define FIELDS_TAG_PRESENT 0x1000

/* eth_type of a frame whose type field is a length (IEEE 802.3) and that carries no SNAP type. */
#define FIELDS_ETH_TYPE_NONE 0x05ff

/* Which headers were whole and well formed. */
enum fields_valid {
	FIELDS_VALID_IPV4 = 1U << 0,
	FIELDS_VALID_IPV6 = 1U << 1,
	FIELDS_VALID_ARP = 1U << 2, /* Ethernet and IPv4 addresses (RFC 826) */
	FIELDS_VALID_L4 = 1U << 3, /* TCP, UDP, SCTP, ICMP or ICMPv6: its first bytes are there */
	FIELDS_VALID_ND = 1U << 4, /* neighbour solicitation or advertisement (RFC 4861) */
	FIELDS_ND_INVALID = 1U << 5, /* of such a type, but to be discarded; is never VALID_ND */
	FIELDS_DEEP = 1U << 7, /* headers go on beyond what the parser may look at */
};

/* Fragment state, the low two bits as in OVS: any and later. */
enum fields_frag {
	FIELDS_FRAG_NONE = 0,
	FIELDS_FRAG_FIRST = 1,
	FIELDS_FRAG_LATER = 3,
};

struct fields {
	/* Word 0, in every key. */
	uint16_t in_port; /* 1 .. DP_PORTS_MAX - 1 */
	uint16_t mask_id; /* of a key: which mask made it; 0 in rules */
	uint8_t pass; /* 0: as received */
	uint8_t valid; /* enum fields_valid */
	uint16_t spare;
	/* Words 1 and 2: with word 0, all that a bridge looks at. */
	uint8_t eth_dst[6];
	uint16_t vlan_tci; /* of the outer tag, FIELDS_TAG_PRESENT set; 0: untagged */
	uint8_t eth_src[6];
	uint16_t eth_type; /* behind the tags; >= 0x0600, or FIELDS_ETH_TYPE_NONE */
	/* Word 3. */
	uint32_t ip4_src; /* ARP: the sender's protocol address */
	uint32_t ip4_dst; /* ARP: the target's */
	/* Word 4. */
	uint16_t l4_src; /* ICMP: the type, in host order of its byte: 0x00TT in network order */
	uint16_t l4_dst; /* ICMP: the code, likewise */
	uint8_t proto; /* IPv6: behind the extension headers; ARP: low byte of the operation */
	uint8_t tos; /* DSCP and ECN */
	uint8_t ttl; /* or hop limit */
	uint8_t frag; /* enum fields_frag */
	/* Word 5. */
	uint16_t tcp_flags; /* 12 bits */
	uint16_t inner_tci; /* of the second tag, as vlan_tci */
	uint16_t outer_tpid;
	uint16_t inner_tpid;
	/* Words 6 to 9. */
	uint8_t ip6_src[16];
	uint8_t ip6_dst[16];
	/* Words 10 and 11. */
	uint8_t nd_target[16];
	/* Words 12 and 13. */
	uint8_t arp_sha[6]; /* or the source link-layer address option of ND */
	uint16_t spare_sha;
	uint8_t arp_tha[6]; /* or the target link-layer address option of ND */
	uint16_t spare_tha;
	/* Word 14: filled by tunnel ports. */
	uint64_t tunnel_id;
	/* Word 15: what nobody needs yet. */
	uint64_t spare_word;
	/* Words 16 to 19: set by rules, never parsed and never in a key. */
	uint32_t regs[FIELDS_REGS];
	/* Word 20: IPv6 flow label, 20 bits in network order, in the first four bytes. */
	uint32_t ip6_label;
	uint32_t spare_label;
};
static_assert(sizeof(struct fields) == FIELDS_WORDS * sizeof(uint64_t), "whole words");
static_assert(offsetof(struct fields, eth_dst) == 8, "word 1");
static_assert(offsetof(struct fields, eth_src) == 16, "word 2");
static_assert(offsetof(struct fields, ip4_src) == 24, "word 3");
static_assert(offsetof(struct fields, l4_src) == 32, "word 4");
static_assert(offsetof(struct fields, tcp_flags) == 40, "word 5");
static_assert(offsetof(struct fields, ip6_src) == 48, "words 6 to 9");
static_assert(offsetof(struct fields, nd_target) == 80, "words 10 and 11");
static_assert(offsetof(struct fields, arp_sha) == 96, "words 12 and 13");
static_assert(offsetof(struct fields, tunnel_id) == 112, "word 14");
static_assert(offsetof(struct fields, regs) == 128, "words 16 to 19");

/*
 * Widen a mask by what decides whether its fields mean anything:
 *
 *	vlan_tci, outer_tpid               FIELDS_TAG_PRESENT of vlan_tci
 *	inner_tci, inner_tpid              FIELDS_TAG_PRESENT of inner_tci
 *	ip4_src, ip4_dst                   eth_type, VALID_IPV4 and VALID_ARP
 *	ip6_src, ip6_dst, ip6_label        eth_type, VALID_IPV6
 *	tos, ttl, frag                     eth_type, VALID_IPV4 and VALID_IPV6
 *	proto                              eth_type, VALID_IPV4, VALID_IPV6 and VALID_ARP
 *	l4_src, l4_dst, tcp_flags          VALID_L4, proto, frag's "later" bit, and what those ask
 *for nd_target                          VALID_ND, and what l4_src asks for arp_sha, arp_tha
 *eth_type, VALID_ARP and VALID_ND
 *
 * One bit of a field is enough to ask, and eth_type and proto are asked for whole. What is added
 * has one value only in packets that have the field, given their eth_type (and proto, if it is
 * among it), so a rule that names these can fill in the rest of its value. A bit of `valid` asks
 * for nothing. FIELDS_DEEP is never added: it depends on how deep the whole mask makes the parser
 * look; a policy that decides by it asks for it.
 *
 * Masks that are complete, joined by OR, are complete; completing twice changes nothing.
 */
void fields_mask_complete(struct fields *mask);

/* Word i of the layout, 0 <= i < FIELDS_WORDS. */
static inline uint64_t
fields_word(const struct fields *fields, unsigned int i)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)fields + i * sizeof(word), sizeof(word));
	return word;
}

static inline void
fields_set_word(struct fields *fields, unsigned int i, uint64_t word)
{
	memcpy((uint8_t *)fields + i * sizeof(word), &word, sizeof(word));
}

/* All bits of another mask, too. */
static inline void
fields_join(struct fields *mask, const struct fields *more)
{
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		fields_set_word(mask, i, fields_word(mask, i) | fields_word(more, i));
	}
}

/* Whether the packet has the value in all bits of the mask; the value has no bit outside it. */
static inline bool
fields_match(const struct fields *packet, const struct fields *value, const struct fields *mask)
{
	uint64_t differ = 0;

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		differ |= (fields_word(packet, i) & fields_word(mask, i)) ^ fields_word(value, i);
	}
	return differ == 0;
}

#endif
