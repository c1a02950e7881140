/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_lex.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"

static bool
separates(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
flow_lex_key(struct flow_lex *lex, struct flow_word *word)
{
	while (lex->at < lex->end && separates(*lex->at)) {
		lex->at++;
	}
	word->key.at = lex->at;
	while (lex->at < lex->end && !separates(*lex->at) && *lex->at != '=' && *lex->at != ':' &&
		*lex->at != '(') {
		lex->at++;
	}
	word->key.len = (size_t)(lex->at - word->key.at);
	word->delim = '\0';
	if (lex->at < lex->end && !separates(*lex->at)) {
		word->delim = *lex->at++;
	}
	word->value.at = lex->at;
	word->value.len = 0;
	return word->key.len > 0 || word->delim != '\0';
}

int
flow_lex_value(struct flow_lex *lex, struct flow_word *word, const struct flow_where *where)
{
	unsigned int depth = word->delim == '(' ? 1 : 0;
	const char *open = lex->at - 1;

	word->value.at = lex->at;
	if (word->delim == '\0') {
		word->value.len = 0;
		return 0;
	}
	for (; lex->at < lex->end; lex->at++) {
		char c = *lex->at;

		if (depth == 0 && separates(c)) {
			break;
		}
		if (c == '(' && depth++ == 0) {
			open = lex->at;
		}
		if (depth > FLOW_LEX_DEPTH) {
			return flow_fail(where, lex->at, ERR_TOO_BIG,
				"more than %d parentheses in each other", FLOW_LEX_DEPTH);
		}
		if (c == ')') {
			if (depth == 0) {
				return flow_fail(where, lex->at, ERR_INVALID, "')' without '('");
			}
			if (--depth == 0 && word->delim == '(') {
				break;
			}
		}
	}
	if (depth > 0 && lex->at == lex->end) {
		return flow_fail(where, open, ERR_INVALID, "'(' without ')'");
	}
	word->value.len = (size_t)(lex->at - word->value.at);
	if (word->delim == '(') {
		lex->at++;
		if (lex->at < lex->end && !separates(*lex->at)) {
			return flow_fail(where, lex->at, ERR_INVALID,
				"a comma or a blank is missing after ')'");
		}
	}
	return 0;
}

/* Sorted by strcmp: the test proves it. */
static const struct flow_known words[] = {
	{"action", FLOW_WORD_KEY, FLOW_KEY_ACTIONS},
	{"actions", FLOW_WORD_KEY, FLOW_KEY_ACTIONS},
	{"actset_output", FLOW_WORD_REFUSED},
	{"arp", FLOW_WORD_SHORT, 0x0806U << 16},
	{"arp_op", FLOW_WORD_FIELD, FLOW_ARP_OP},
	{"arp_sha", FLOW_WORD_FIELD, FLOW_ARP_SHA},
	{"arp_spa", FLOW_WORD_FIELD, FLOW_ARP_SPA},
	{"arp_tha", FLOW_WORD_FIELD, FLOW_ARP_THA},
	{"arp_tpa", FLOW_WORD_FIELD, FLOW_ARP_TPA},
	{"check_overlap", FLOW_WORD_REFUSED},
	{"conj_id", FLOW_WORD_REFUSED},
	{"cookie", FLOW_WORD_KEY, FLOW_KEY_COOKIE},
	{"ct_ipv6_dst", FLOW_WORD_REFUSED},
	{"ct_ipv6_src", FLOW_WORD_REFUSED},
	{"ct_label", FLOW_WORD_REFUSED},
	{"ct_mark", FLOW_WORD_REFUSED},
	{"ct_nw_dst", FLOW_WORD_REFUSED},
	{"ct_nw_proto", FLOW_WORD_REFUSED},
	{"ct_nw_src", FLOW_WORD_REFUSED},
	{"ct_state", FLOW_WORD_REFUSED},
	{"ct_tp_dst", FLOW_WORD_REFUSED},
	{"ct_tp_src", FLOW_WORD_REFUSED},
	{"ct_zone", FLOW_WORD_REFUSED},
	{"dl_dst", FLOW_WORD_FIELD, FLOW_ETH_DST},
	{"dl_src", FLOW_WORD_FIELD, FLOW_ETH_SRC},
	{"dl_type", FLOW_WORD_FIELD, FLOW_ETH_TYPE},
	{"dl_vlan", FLOW_WORD_VLAN, FLOW_VLAN_TCI},
	{"dl_vlan_pcp", FLOW_WORD_PCP, FLOW_VLAN_TCI},
	{"dp_hash", FLOW_WORD_REFUSED},
	{"duration", FLOW_WORD_IGNORED},
	{"eth_dst", FLOW_WORD_FIELD, FLOW_ETH_DST},
	{"eth_src", FLOW_WORD_FIELD, FLOW_ETH_SRC},
	{"eth_type", FLOW_WORD_FIELD, FLOW_ETH_TYPE},
	{"hard_age", FLOW_WORD_IGNORED},
	{"hard_timeout", FLOW_WORD_KEY, FLOW_KEY_HARD},
	{"icmp", FLOW_WORD_SHORT, 0x0800U << 16 | 1},
	{"icmp6", FLOW_WORD_SHORT, 0x86ddU << 16 | 58},
	{"icmp_code", FLOW_WORD_FIELD, FLOW_ICMP_CODE},
	{"icmp_type", FLOW_WORD_FIELD, FLOW_ICMP_TYPE},
	{"icmpv6_code", FLOW_WORD_FIELD, FLOW_ICMP_CODE, FLOW_NEED_ICMPV6},
	{"icmpv6_type", FLOW_WORD_FIELD, FLOW_ICMP_TYPE, FLOW_NEED_ICMPV6},
	{"idle_age", FLOW_WORD_IGNORED},
	{"idle_timeout", FLOW_WORD_KEY, FLOW_KEY_IDLE},
	{"importance", FLOW_WORD_REFUSED},
	{"in_port", FLOW_WORD_FIELD, FLOW_IN_PORT},
	{"in_port_oxm", FLOW_WORD_REFUSED},
	{"inner_dl_vlan", FLOW_WORD_VLAN, FLOW_INNER_TCI},
	{"inner_dl_vlan_pcp", FLOW_WORD_PCP, FLOW_INNER_TCI},
	{"inner_vlan_tci", FLOW_WORD_FIELD, FLOW_INNER_TCI},
	{"ip", FLOW_WORD_SHORT, 0x0800U << 16},
	{"ip_dscp", FLOW_WORD_FIELD, FLOW_IP_DSCP},
	{"ip_dst", FLOW_WORD_FIELD, FLOW_IP4_DST, FLOW_NEED_IPV4},
	{"ip_ecn", FLOW_WORD_FIELD, FLOW_IP_ECN},
	{"ip_frag", FLOW_WORD_FIELD, FLOW_IP_FRAG},
	{"ip_proto", FLOW_WORD_FIELD, FLOW_IP_PROTO, FLOW_NEED_IP},
	{"ip_src", FLOW_WORD_FIELD, FLOW_IP4_SRC, FLOW_NEED_IPV4},
	{"ip_ttl", FLOW_WORD_FIELD, FLOW_IP_TTL},
	{"ipv6", FLOW_WORD_SHORT, 0x86ddU << 16},
	{"ipv6_dst", FLOW_WORD_FIELD, FLOW_IP6_DST},
	{"ipv6_label", FLOW_WORD_FIELD, FLOW_IP6_LABEL},
	{"ipv6_src", FLOW_WORD_FIELD, FLOW_IP6_SRC},
	{"metadata", FLOW_WORD_REFUSED},
	{"mpls", FLOW_WORD_REFUSED},
	{"mpls_bos", FLOW_WORD_REFUSED},
	{"mpls_label", FLOW_WORD_REFUSED},
	{"mpls_tc", FLOW_WORD_REFUSED},
	{"mpls_ttl", FLOW_WORD_REFUSED},
	{"mplsm", FLOW_WORD_REFUSED},
	{"n_bytes", FLOW_WORD_IGNORED},
	{"n_misses", FLOW_WORD_IGNORED},
	{"n_packets", FLOW_WORD_IGNORED},
	{"nd_sll", FLOW_WORD_FIELD, FLOW_ND_SLL},
	{"nd_target", FLOW_WORD_FIELD, FLOW_ND_TARGET},
	{"nd_tll", FLOW_WORD_FIELD, FLOW_ND_TLL},
	{"no_byte_counts", FLOW_WORD_REFUSED},
	{"no_packet_counts", FLOW_WORD_REFUSED},
	{"nw_dst", FLOW_WORD_FIELD, FLOW_IP4_DST},
	{"nw_ecn", FLOW_WORD_FIELD, FLOW_IP_ECN},
	{"nw_proto", FLOW_WORD_FIELD, FLOW_IP_PROTO},
	{"nw_src", FLOW_WORD_FIELD, FLOW_IP4_SRC},
	{"nw_tos", FLOW_WORD_TOS, FLOW_IP_DSCP},
	{"nw_ttl", FLOW_WORD_FIELD, FLOW_IP_TTL},
	{"out_group", FLOW_WORD_REFUSED},
	{"out_port", FLOW_WORD_KEY, FLOW_KEY_OUT_PORT},
	{"packet_type", FLOW_WORD_REFUSED},
	{"pkt_mark", FLOW_WORD_REFUSED},
	{"priority", FLOW_WORD_KEY, FLOW_KEY_PRIORITY},
	{"rarp", FLOW_WORD_REFUSED},
	{"recirc_id", FLOW_WORD_REFUSED},
	{"reg0", FLOW_WORD_FIELD, FLOW_REG0},
	{"reg1", FLOW_WORD_FIELD, FLOW_REG1},
	{"reg10", FLOW_WORD_REFUSED},
	{"reg11", FLOW_WORD_REFUSED},
	{"reg12", FLOW_WORD_REFUSED},
	{"reg13", FLOW_WORD_REFUSED},
	{"reg14", FLOW_WORD_REFUSED},
	{"reg15", FLOW_WORD_REFUSED},
	{"reg2", FLOW_WORD_FIELD, FLOW_REG2},
	{"reg3", FLOW_WORD_FIELD, FLOW_REG3},
	{"reg4", FLOW_WORD_FIELD, FLOW_REG4},
	{"reg5", FLOW_WORD_FIELD, FLOW_REG5},
	{"reg6", FLOW_WORD_FIELD, FLOW_REG6},
	{"reg7", FLOW_WORD_FIELD, FLOW_REG7},
	{"reg8", FLOW_WORD_REFUSED},
	{"reg9", FLOW_WORD_REFUSED},
	{"reset_counts", FLOW_WORD_REFUSED},
	{"sctp", FLOW_WORD_SHORT, 0x0800U << 16 | 132},
	{"sctp6", FLOW_WORD_SHORT, 0x86ddU << 16 | 132},
	{"sctp_dst", FLOW_WORD_FIELD, FLOW_L4_DST, FLOW_NEED_SCTP},
	{"sctp_src", FLOW_WORD_FIELD, FLOW_L4_SRC, FLOW_NEED_SCTP},
	{"send_flow_rem", FLOW_WORD_REFUSED},
	{"skb_priority", FLOW_WORD_REFUSED},
	{"table", FLOW_WORD_KEY, FLOW_KEY_TABLE},
	{"tcp", FLOW_WORD_SHORT, 0x0800U << 16 | 6},
	{"tcp6", FLOW_WORD_SHORT, 0x86ddU << 16 | 6},
	{"tcp_dst", FLOW_WORD_FIELD, FLOW_L4_DST, FLOW_NEED_TCP},
	{"tcp_flags", FLOW_WORD_FIELD, FLOW_TCP_FLAGS},
	{"tcp_src", FLOW_WORD_FIELD, FLOW_L4_SRC, FLOW_NEED_TCP},
	{"tp_dst", FLOW_WORD_FIELD, FLOW_L4_DST},
	{"tp_src", FLOW_WORD_FIELD, FLOW_L4_SRC},
	{"tun_dst", FLOW_WORD_REFUSED},
	{"tun_id", FLOW_WORD_FIELD, FLOW_TUNNEL_ID},
	{"tun_ipv6_dst", FLOW_WORD_REFUSED},
	{"tun_ipv6_src", FLOW_WORD_REFUSED},
	{"tun_src", FLOW_WORD_REFUSED},
	{"tunnel_id", FLOW_WORD_FIELD, FLOW_TUNNEL_ID},
	{"udp", FLOW_WORD_SHORT, 0x0800U << 16 | 17},
	{"udp6", FLOW_WORD_SHORT, 0x86ddU << 16 | 17},
	{"udp_dst", FLOW_WORD_FIELD, FLOW_L4_DST, FLOW_NEED_UDP},
	{"udp_src", FLOW_WORD_FIELD, FLOW_L4_SRC, FLOW_NEED_UDP},
	{"vlan", FLOW_WORD_TAG, FLOW_VLAN_TCI},
	{"vlan_pcp", FLOW_WORD_PCP, FLOW_VLAN_TCI},
	{"vlan_tci", FLOW_WORD_FIELD, FLOW_VLAN_TCI},
	{"vlan_vid", FLOW_WORD_VID, FLOW_VLAN_TCI},
};

/* Order of strcmp between a slice and a word. */
static int
compare(struct flow_slice slice, const char *word)
{
	int order = strncmp(slice.at, word, slice.len);

	return order != 0 || word[slice.len] == '\0' ? order : -1;
}

const struct flow_known *
flow_word_find(struct flow_slice key)
{
	size_t low = 0;
	size_t high = ARRAY_LEN(words);

	if (key.len == 0 || memchr(key.at, '\0', key.len) != NULL) {
		return NULL;
	}
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(key, words[middle].word);

		if (order == 0) {
			return &words[middle];
		}
		if (order < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return NULL;
}

void
flow_words_offer(struct suggest *suggest, bool fields_only)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		bool key = words[i].class == FLOW_WORD_KEY || words[i].class == FLOW_WORD_SHORT ||
			words[i].class == FLOW_WORD_TAG;

		/* the longest has 17 letters, and comparing long words takes long */
		if (strlen(suggest->wanted) <= 24 && words[i].class != FLOW_WORD_REFUSED &&
			words[i].class != FLOW_WORD_IGNORED && !(key && fields_only)) {
			suggest_offer(suggest, words[i].word);
		}
	}
}
