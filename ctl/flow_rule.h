/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule as a user wrote it, taken apart and checked: what stands between its text (flow_text.h),
 * its JSON (flow_json.h) and whoever programs the datapath.
 *
 * A match is a set of terms, one for each field: value and mask as numbers, most significant byte
 * of the wire first (02:00:00:00:00:01 is 0x020000000001), a value without bits outside the mask.
 * A field that is not present is not looked at; a term whose mask is 0 is never present. All VLAN
 * words (id, priority, tagged) are one term of the tag's 16 bits, in which FLOW_TAG says that there
 * is a tag. Plain data: any thread; nothing in it points anywhere.
 */
#ifndef VSW_CTL_FLOW_RULE_H
#define VSW_CTL_FLOW_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define FLOW_ACTIONS_MAX 256
#define FLOW_PORT_SIZE 64 /* a port's name is up to 63 characters */
#define FLOW_TABLE_MAX 254
#define FLOW_PRIORITY_DEFAULT 32768
#define FLOW_METER_MAX 0xffff0000U /* as in OpenFlow 1.3 */
#define FLOW_GROUP_MAX 0xffffff00U
#define FLOW_OUTPUT_MIN 14 /* a copy keeps the Ethernet header */

#define FLOW_TAG 0x1000
#define FLOW_VLAN_ID 0x0fff
#define FLOW_VLAN_PRIORITY 0xe000

/* How a value is written. */
enum flow_kind {
	FLOW_NAME, /* a port's name; only in_port, kept in struct flow_rule */
	FLOW_MAC,
	FLOW_IPV4,
	FLOW_IPV6,
	FLOW_DECIMAL, /* exact; a JSON integer */
	FLOW_HEX,
	FLOW_HEX16, /* exact, four digits */
	FLOW_TCI,
	FLOW_PORT_NUMBER, /* value, value/mask or low-high */
	FLOW_FRAGMENT,
	FLOW_FLAGS,
};

#define FLOW_MASK 1 /* takes a mask */
#define FLOW_SET 2 /* set-field may write it */

/* What a rule must match on for a field to have a meaning. */
enum flow_need {
	FLOW_NEED_NOTHING,
	FLOW_NEED_TAG,
	FLOW_NEED_IPV4,
	FLOW_NEED_IPV6,
	FLOW_NEED_IP, /* IPv4 or IPv6 */
	FLOW_NEED_ARP,
	FLOW_NEED_L4, /* TCP, UDP or SCTP */
	FLOW_NEED_TCP,
	FLOW_NEED_UDP,
	FLOW_NEED_SCTP,
	FLOW_NEED_ICMP, /* ICMP or ICMPv6 */
	FLOW_NEED_ICMPV6,
	FLOW_NEED_ND, /* ICMPv6 of type 135 or 136 */
	FLOW_NEED_NS, /* 135 */
	FLOW_NEED_NA, /* 136 */
};

/* id, JSON name, word that is printed, kind, bits, flags, need. The order is that of printing. */
#define FLOW_FIELD_LIST(X)                                                                 \
	X(IN_PORT, "in-port", "in_port", NAME, 0, 0, NOTHING)                              \
	X(ETH_SRC, "eth-source", "dl_src", MAC, 48, FLOW_MASK | FLOW_SET, NOTHING)         \
	X(ETH_DST, "eth-destination", "dl_dst", MAC, 48, FLOW_MASK | FLOW_SET, NOTHING)    \
	X(VLAN_TCI, "vlan-tci", "vlan_tci", TCI, 16, FLOW_MASK | FLOW_SET, NOTHING)        \
	X(INNER_TCI, "inner-vlan-tci", "inner_vlan_tci", TCI, 16, FLOW_MASK, TAG)          \
	X(ETH_TYPE, "eth-type", "dl_type", HEX16, 16, 0, NOTHING)                          \
	X(IP4_SRC, "ipv4-source", "nw_src", IPV4, 32, FLOW_MASK | FLOW_SET, IPV4)          \
	X(IP4_DST, "ipv4-destination", "nw_dst", IPV4, 32, FLOW_MASK | FLOW_SET, IPV4)     \
	X(IP6_SRC, "ipv6-source", "ipv6_src", IPV6, 128, FLOW_MASK | FLOW_SET, IPV6)       \
	X(IP6_DST, "ipv6-destination", "ipv6_dst", IPV6, 128, FLOW_MASK | FLOW_SET, IPV6)  \
	X(IP6_LABEL, "ipv6-label", "ipv6_label", HEX, 20, FLOW_MASK, IPV6)                 \
	X(IP_PROTO, "ip-protocol", "nw_proto", DECIMAL, 8, 0, IP)                          \
	X(IP_DSCP, "ip-dscp", "ip_dscp", DECIMAL, 6, FLOW_SET, IP)                         \
	X(IP_ECN, "ip-ecn", "nw_ecn", DECIMAL, 2, FLOW_SET, IP)                            \
	X(IP_TTL, "ip-ttl", "nw_ttl", DECIMAL, 8, FLOW_SET, IP)                            \
	X(IP_FRAG, "ip-fragment", "ip_frag", FRAGMENT, 2, 0, IP)                           \
	X(L4_SRC, "source-port", "tp_src", PORT_NUMBER, 16, FLOW_MASK | FLOW_SET, L4)      \
	X(L4_DST, "destination-port", "tp_dst", PORT_NUMBER, 16, FLOW_MASK | FLOW_SET, L4) \
	X(TCP_FLAGS, "tcp-flags", "tcp_flags", FLAGS, 12, FLOW_MASK, TCP)                  \
	X(ICMP_TYPE, "icmp-type", "icmp_type", DECIMAL, 8, 0, ICMP)                        \
	X(ICMP_CODE, "icmp-code", "icmp_code", DECIMAL, 8, 0, ICMP)                        \
	X(ARP_OP, "arp-operation", "arp_op", DECIMAL, 8, 0, ARP)                           \
	X(ARP_SPA, "arp-sender-ipv4", "arp_spa", IPV4, 32, FLOW_MASK, ARP)                 \
	X(ARP_TPA, "arp-target-ipv4", "arp_tpa", IPV4, 32, FLOW_MASK, ARP)                 \
	X(ARP_SHA, "arp-sender-mac", "arp_sha", MAC, 48, FLOW_MASK, ARP)                   \
	X(ARP_THA, "arp-target-mac", "arp_tha", MAC, 48, FLOW_MASK, ARP)                   \
	X(ND_TARGET, "nd-target", "nd_target", IPV6, 128, FLOW_MASK, ND)                   \
	X(ND_SLL, "nd-source-mac", "nd_sll", MAC, 48, FLOW_MASK, NS)                       \
	X(ND_TLL, "nd-target-mac", "nd_tll", MAC, 48, FLOW_MASK, NA)                       \
	X(TUNNEL_ID, "tunnel-id", "tun_id", HEX, 64, FLOW_MASK, NOTHING)                   \
	X(REG0, "register-0", "reg0", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG1, "register-1", "reg1", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG2, "register-2", "reg2", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG3, "register-3", "reg3", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG4, "register-4", "reg4", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG5, "register-5", "reg5", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG6, "register-6", "reg6", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)              \
	X(REG7, "register-7", "reg7", HEX, 32, FLOW_MASK | FLOW_SET, NOTHING)

enum flow_field {
#define X(id, json, word, kind, bits, flags, need) FLOW_##id,
	FLOW_FIELD_LIST(X)
#undef X
		FLOW_FIELDS
};

struct flow_term {
	uint64_t value[2]; /* [1] is the high half of an IPv6 address */
	uint64_t mask[2];
	bool range; /* of ports: value[0] is the lowest, value[1] the highest; masks are 0 */
};

#define FLOW_ACTION_LIST(X)         \
	X(OUTPUT, "output")         \
	X(BACK, "in-port")          \
	X(NORMAL, "normal")         \
	X(FLOOD, "flood")           \
	X(PUSH_VLAN, "push-vlan")   \
	X(POP_VLAN, "pop-vlan")     \
	X(SET_FIELD, "set-field")   \
	X(DEC_TTL, "dec-ttl")       \
	X(METER, "meter")           \
	X(GROUP, "group")           \
	X(GOTO_TABLE, "goto-table") \
	X(PUNT, "punt")             \
	X(SAMPLE, "sample")

enum flow_action_type {
#define X(id, json) FLOW_DO_##id,
	FLOW_ACTION_LIST(X)
#undef X
		FLOW_ACTION_TYPES
};

enum flow_punt_reason { FLOW_PUNT_ACTION, FLOW_PUNT_NO_MATCH, FLOW_PUNT_INVALID_TTL };

struct flow_set {
	enum flow_field field; /* FLOW_VLAN_TCI: the mask is FLOW_VLAN_ID or FLOW_VLAN_PRIORITY */
	bool push; /* of VLANs: an untagged frame gets a tag (0x8100) first */
	struct flow_term term;
};

struct flow_sample {
	uint32_t probability; /* 1..65535 of 65535 */
	uint32_t collector_set;
	uint32_t domain;
	uint32_t point;
};

struct flow_action {
	enum flow_action_type type;
	enum flow_punt_reason reason; /* PUNT */
	uint32_t number; /* meter, group, table or EtherType; OUTPUT and PUNT: bytes, 0: all */
	union {
		char port[FLOW_PORT_SIZE]; /* OUTPUT */
		struct flow_set set;
		struct flow_sample sample;
	};
};

enum flow_op { FLOW_ADD, FLOW_MODIFY, FLOW_DELETE };

struct flow_rule {
	enum flow_op op;
	bool strict; /* MODIFY, DELETE: only the rule with this very match and priority */
	bool any_table; /* MODIFY, DELETE: in all tables */
	uint8_t table;
	uint16_t priority; /* without meaning in a MODIFY or DELETE that is not strict */
	uint16_t idle_timeout; /* seconds, 0: none; ADD */
	uint16_t hard_timeout;
	uint64_t cookie;
	uint64_t cookie_mask; /* MODIFY, DELETE: 0 is any cookie; ADD: all ones */
	char in_port[FLOW_PORT_SIZE];
	char out_port[FLOW_PORT_SIZE]; /* DELETE: only rules that output to it; or "" */
	uint64_t present; /* bit of each enum flow_field that is matched on */
	struct flow_term terms[FLOW_FIELDS]; /* undefined where not present */
	uint32_t n_actions; /* 0: drop; none in DELETE */
	struct flow_action actions[FLOW_ACTIONS_MAX];
};

static inline bool
flow_rule_has(const struct flow_rule *rule, enum flow_field field)
{
	return (rule->present >> field & 1) != 0;
}

#endif
