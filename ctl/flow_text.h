/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules as people write them: the syntax of ovs-ofctl(8), for what this switch does.
 *
 *   table=1,priority=100,cookie=0x1,in_port=vm1,dl_vlan=10,tcp,nw_src=10.0.0.0/8,tp_dst=80,
 *       actions=set_field:02:00:00:00:00:01->eth_dst,dec_ttl,output:vm2
 *
 * Grammar. Words stand between commas and blanks, in any order, `actions=` last; numbers are
 * decimal or 0x, a leading zero is refused. Field and key names are as spelt here; actions in any
 * case. Nothing may be given twice, except that a short word may agree with what it implies.
 *
 *   rule     := [op] {key | short | field} ["actions=" {action | "drop"}]
 *   op       := add | modify | modify_strict | delete | delete_strict   (flow_text_parse_op only)
 *   key      := table=0..254 | priority=0..65535 (add, *_strict; default 32768)
 *             | cookie=V (add, delete) | cookie=V/M (modify, delete; M may be -1)
 *             | idle_timeout=0..65535 | hard_timeout=0..65535 (add) | out_port=PORT (delete)
 *   ignored  := duration= n_packets= n_bytes= n_misses= idle_age= hard_age=   (what is shown)
 *   short    := ip icmp tcp udp sctp arp ipv6 icmp6 tcp6 udp6 sctp6 | vlan (any tag)
 *   field    := in_port=PORT
 *             | dl_src dl_dst eth_src eth_dst =MAC[/MAC] | dl_type eth_type =N
 *             | dl_vlan=0..4095 | dl_vlan=0xffff (untagged) | dl_vlan_pcp vlan_pcp =0..7
 *             | vlan_vid=0x1000+ID[/M] | vlan_tci=V[/M], in both 0x1000 is "there is a tag"
 *             | inner_dl_vlan inner_dl_vlan_pcp inner_vlan_tci: likewise, of the second tag
 *             | nw_src nw_dst ip_src ip_dst =A[/LENGTH|/MASK] | ipv6_src ipv6_dst likewise
 *             | ipv6_label=V[/M] | nw_proto ip_proto =0..255 | nw_tos=DSCP*4 | ip_dscp=0..63
 *             | nw_ecn ip_ecn =0..3 | nw_ttl ip_ttl =0..255
 *             | ip_frag=no|yes|first|later|not_later
 *             | {tp,tcp,udp,sctp}_{src,dst}=V | V/M | LOW-HIGH
 *             | tcp_flags=V[/M] | {+|-}{fin|syn|rst|psh|ack|urg|ece|cwr|ns}...
 *             | icmp_type icmp_code icmpv6_type icmpv6_code =0..255
 *             | arp_op=0..255 | arp_spa arp_tpa =A[/M] | arp_sha arp_tha =MAC[/MAC]
 *             | nd_target=A[/M] | nd_sll nd_tll =MAC[/MAC]
 *             | tun_id tunnel_id =V[/M] | reg0..reg7 =V[/M]
 *   action   := PORT | output:PORT | output(port=PORT,max_len=14..65535) (a cut copy)
 *             | [output:]normal | [output:]flood | [output:]in_port
 *             | push_vlan:0x8100|0x88a8 | pop_vlan | strip_vlan
 *             | mod_vlan_vid:ID mod_vlan_pcp:P (adds a tag if there is none)
 *             | set_vlan_vid:ID set_vlan_pcp:P (only if there is one)
 *             | mod_dl_src mod_dl_dst mod_nw_src mod_nw_dst mod_nw_tos mod_nw_ecn mod_nw_ttl
 *               mod_tp_src mod_tp_dst :VALUE
 *             | set_field:VALUE[/MASK]->FIELD | load:N->FIELD, FIELD a name above or its NXM or
 *               OXM name, with [] or [LOW..HIGH]
 *             | dec_ttl | meter:1.. | group:ID | goto_table:N | resubmit(,N): later tables, last
 *             | controller[:MAX] | controller(max_len=N,reason=action|no_match|invalid_ttl) | punt
 *             | sample(probability=1..65535[,collector_set_id=,obs_domain_id=,obs_point_id=])
 *   PORT     := a port's name, quoted where it is a word with a meaning ("normal")
 *
 * With arp, nw_src is arp_spa, nw_dst arp_tpa, nw_proto arp_op; with icmp and icmp6, tp_src is
 * icmp_type and tp_dst icmp_code. What Open vSwitch has beyond this is refused by its name.
 *
 * Errors begin with "column N: ", N counting bytes from 1. Any thread; no allocation, no recursion.
 */
#ifndef VSW_CTL_FLOW_TEXT_H
#define VSW_CTL_FLOW_TEXT_H

#include <stddef.h>

#include "base/err.h"
#include "ctl/flow_rule.h"

/* Bytes of a rule's text; a rule with the most and longest actions prints in less. */
#define FLOW_TEXT_MAX 65535

/* `text` need not be terminated. -errno with *err filled; then *rule is undefined. */
int flow_text_parse(const char *text, size_t len, enum flow_op op, bool strict,
	struct flow_rule *rule, struct err *err);

/* The text may begin with its op, as in ovs-ofctl's bundles; else it is an add. */
int flow_text_parse_op(const char *text, size_t len, struct flow_rule *rule, struct err *err);

/*
 * Only a match, as `flow del` and `trace` take it: no op, no keys but table, no actions. The rule
 * is a FLOW_DELETE.
 */
int flow_text_parse_match(const char *text, size_t len, struct flow_rule *rule, struct err *err);

/*
 * Only actions, without the word, as buckets of groups have them. Any field that can be set may be,
 * for there is no match. The rule is a FLOW_ADD that matches all.
 */
int flow_text_parse_actions(const char *text, size_t len, struct flow_rule *rule, struct err *err);

/*
 * The canonical text, terminated, without the op; parsing it gives the same rule. Returns its
 * length; what does not fit in `size` is cut (FLOW_TEXT_MAX + 1 always fits).
 */
size_t flow_text_print(const struct flow_rule *rule, char *out, size_t size);

/* "add", "modify_strict", ... */
const char *flow_text_op(const struct flow_rule *rule);

#endif
