/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames as lists of fields, built the slow way, for the test of edits: an edit here sets the field
 * in the list, and the frame is built anew with all checksums from scratch.
 *
 * From RFC 791, 8200, 9293, 768, 3828, 4340, 9260, 792, 4443, 4861 and 826.
 */
#ifndef VSW_DATAPATH_CORE_EDIT_MODEL_H
#define VSW_DATAPATH_CORE_EDIT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/edit.h"

#define MODEL_TAGS 10
#define MODEL_PAYLOAD 1400
#define MODEL_FRAME 2048

enum model_proto {
	MODEL_ICMP = 1,
	MODEL_TCP = 6,
	MODEL_UDP = 17,
	MODEL_DCCP = 33,
	MODEL_ICMP6 = 58,
	MODEL_SCTP = 132,
	MODEL_UDPLITE = 136,
	MODEL_OTHER = 47, /* a protocol without ports and checksum */
};

enum model_routing { MODEL_ROUTING_NONE, MODEL_ROUTING_DONE, MODEL_ROUTING_LEFT };

struct model {
	uint8_t eth_dst[6];
	uint8_t eth_src[6];
	unsigned int n_tags;
	uint16_t tpid[MODEL_TAGS]; /* outermost first */
	uint16_t tci[MODEL_TAGS];
	enum edit_l3 l3;
	uint8_t src[16]; /* IPv4 and ARP: the first four */
	uint8_t dst[16];
	uint8_t tos;
	uint8_t ttl;
	uint32_t label;
	uint16_t id;
	unsigned int options; /* bytes, IPv4 */
	bool hop_options; /* IPv6 */
	bool dst_options;
	enum model_routing routing;
	uint8_t last_hop[16]; /* in the routing header */
	enum fields_frag frag;
	unsigned int cut; /* bytes of the message before it is cut, a multiple of 8 */
	uint8_t proto;
	uint16_t sport;
	uint16_t dport;
	unsigned int tcp_options;
	bool no_sum; /* UDP, SCTP */
	bool partial;
	uint8_t type;
	uint8_t code;
	bool nd; /* the body of ICMPv6 is a target and options */
	uint8_t target[16];
	unsigned int n_opts;
	uint8_t opt_type[3];
	uint8_t opt_mac[3][6];
	uint16_t arp_op;
	uint8_t arp_sha[6];
	uint8_t arp_tha[6];
	unsigned int payload_len;
	uint8_t payload[MODEL_PAYLOAD];
	unsigned int padding; /* behind the IP packet */
	uint8_t damage; /* XORed to the last byte of payload after summing */
	uint8_t ip_damage; /* to IPv4's identification */
	unsigned int headroom; /* what tags may take */
};

#define MODEL_OPS(X) \
	X(ETH_DST)   \
	X(ETH_SRC)   \
	X(PUSH)      \
	X(POP)       \
	X(VID)       \
	X(PCP)       \
	X(IP4_SRC)   \
	X(IP4_DST)   \
	X(IP6_SRC)   \
	X(IP6_DST)   \
	X(DSCP)      \
	X(ECN)       \
	X(TOS)       \
	X(TTL)       \
	X(DEC_TTL)   \
	X(LABEL)     \
	X(L4_SRC)    \
	X(L4_DST)    \
	X(TYPE)      \
	X(CODE) X(ARP_OP) X(ARP_SHA) X(ARP_SPA) X(ARP_THA) X(ARP_TPA) X(TARGET) X(SLL) X(TLL)

enum model_op {
#define X(name) OP_##name,
	MODEL_OPS(X)
#undef X
		OP_N
};

/* What an edit writes: the first bytes of `bytes`, or `number` cut to the field's width. */
struct model_value {
	uint8_t bytes[16];
	uint32_t number;
};

/* What is known of a built frame. */
struct model_built {
	uint32_t len;
	uint32_t headers; /* bytes up to the payload */
	struct edit_layout at;
	struct pkt_offload ol;
	uint16_t l4_sum; /* the message's Internet checksum, 0 not yet turned into 0xffff */
	uint16_t ip_sum;
};

/* Carry the edit out on the fields. */
enum edit_result model_edit(struct model *m, enum model_op op, const struct model_value *value);

/* The same edit on a real frame. */
enum edit_result model_apply(struct edit *edit, enum model_op op, const struct model_value *value);

/* Bytes with many zeros and ones among them, where checksums have their edges. */
void model_fill(uint64_t *random, uint8_t *bytes, uint32_t len);
void model_random(uint64_t *random, struct model *m);
struct model_value model_value_random(uint64_t *random, const struct model *m, enum model_op op);

/* `bytes` holds MODEL_FRAME. */
void model_build(const struct model *m, uint8_t *bytes, struct model_built *built);

/* CRC32c, bit by bit. */
uint32_t model_crc32c(const uint8_t *bytes, uint32_t len);

#endif
