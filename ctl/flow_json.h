/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules as JSON: an op of the method `program`, and what the daemon tells of a rule.
 *
 * {"op":"add", "table":1, "priority":100, "cookie":"0x1", "idle-timeout":10, "hard-timeout":60,
 *  "match":{"in-port":"vm1", "vlan-id":10, "eth-type":"0x0800", "ipv4-source":"10.0.0.0/8",
 *           "ip-protocol":6, "destination-port":"80"},
 *  "actions":[{"type":"set-field","field":"eth-destination","value":"02:00:00:00:00:01"},
 *             {"type":"dec-ttl"}, {"type":"output","port":"vm2"}]}
 *
 * Members:
 *   op            "add", "modify", "delete"; if absent: add
 *   strict        true; modify and delete: only the rule with this very match and priority
 *   table         0..254; add: 0 if absent; modify, delete: all tables if absent
 *   priority      0..65535, 32768 if absent; add and strict
 *   cookie        add: "0x1"; modify, delete: "0x1" or "0x1/0xff" selects
 *   idle-timeout, hard-timeout   0..65535 s; add; 0 if absent: none
 *   out-port      delete: only rules that output to this port
 *   match         an object; {} if absent
 *   actions       an array, in order; add and modify; [] drops
 *   statistics    ignored: what the daemon tells beside a rule
 *
 * Members of match: those of FLOW_FIELD_LIST, and for each tag vlan-id (0..4095), vlan-priority
 * (0..7), vlan-tagged (true, false), vlan-tci ("0x1000/0x1000", only for what the three cannot
 * say), and the same with inner-. Kind DECIMAL is an integer, all others are strings:
 *   addresses     "02:00:00:00:00:01", "10.0.0.1", "fe80::1"; "A/MASK"; IP: "A/LENGTH" if it is one
 *   ports         "80", "1000-2000", "0x50/0xfff0"
 *   tcp-flags     "0x012", "0x002/0x012"
 *   ip-fragment   "no", "yes", "first", "later", "not-later"
 *   eth-type      "0x0800"; the rest "0x1" or "0x1/0xff"
 * Actions, by "type":
 *   output        port, max-length (14..65535, a cut copy; all of the frame if absent)
 *   in-port, normal, flood, pop-vlan, dec-ttl
 *   push-vlan     ethertype ("0x8100", "0x88a8")
 *   set-field     field (a settable one of the match, or vlan-id, vlan-priority), value as in a
 *                 match but no range; push: true (VLAN: add a tag if there is none)
 *   meter, group  meter: 1.., group: 0..
 *   goto-table    table: a later one; the last action
 *   punt          max-length (1..65534; all if absent), reason ("no-match", "invalid-ttl"; absent:
 *                 the action itself)
 *   sample        probability (1..65535, of 65535), collector-set-id, observation-domain-id,
 *                 observation-point-id (0 if absent)
 *
 * What is written is canonical: members in this order, none that equals its default, numbers and
 * addresses in one spelling, values without bits outside of their mask, one port or all ports not
 * as a range. Reading accepts what the text form accepts as values; errors carry the path
 * ("match/vlan-id", "actions/2/port"). A set of ports that is both a range and a mask stays as it
 * was given. Any thread; nothing is kept.
 */
#ifndef VSW_CTL_FLOW_JSON_H
#define VSW_CTL_FLOW_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "ctl/flow_rule.h"

/* A new object, owned by the caller; NULL only without memory. "op" is left out for FLOW_ADD. */
json_t *flow_json_new(const struct flow_rule *rule);

/* The same checks as for text. -errno with *err filled; then *rule is undefined. */
int flow_json_read(const json_t *json, struct flow_rule *rule, struct err *err);

/* Text (which may begin with its op) to a new object: flow_text_parse_op and flow_json_new. */
int flow_json_from_text(const char *text, size_t len, json_t **out, struct err *err);

/* The canonical text of a rule's object, without op; free() it. */
int flow_json_to_text(const json_t *json, char **out, struct err *err);

#endif
