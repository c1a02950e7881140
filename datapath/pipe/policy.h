/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port lets in and out besides rules: access lists, addresses that its guest may use, limits
 * for floods. Views for workers, immutable; main makes and frees them (dp/dp_acl.h,
 * dp/dp_policy.h).
 *
 * Access lists. Entries in order, the first that matches decides; none: `accept_rest`. Bound to a
 * port's ingress they see the frame as it was received, before the flow tables; to its egress, as
 * it is when it is about to leave, before that port's VLAN tag comes or goes. A frame whose
 * headers are deeper than the parser looks (FIELDS_DEEP) gets the list's rest, if entries for
 * frames of its class look beyond the Ethernet header.
 *
 * Anti-spoofing. A port with a list of addresses may only send frames from these: Ethernet source,
 * IPv4 and IPv6 source, and what ARP and neighbor discovery tell about their sender: both of ARP's
 * sender addresses, both link-layer address options, the target of an advertisement.
 *
 * - Who has no address yet passes: 0.0.0.0 as a source (DHCP, RFC 2131, 4.1) and as ARP's sender
 *   (probes, RFC 5227, 1.1), :: as a source (RFC 4862, 5.4.2). A solicitation from :: claims its
 *   target, which must be listed.
 * - Nothing is derived: a guest of a port with IPv6 addresses needs its link-local one among them,
 *   say fe80::/64. An address of zeros in a link-layer address option counts as none.
 * - What cannot be checked does not pass: IP, ARP and neighbor messages that are not well formed,
 *   IPv6 headers that are too deep or cut off, a third tag. Receivers differ in what they forgive.
 * - Other EtherTypes and what tunnels carry are not looked at; neither are router advertisements
 *   and redirects, for which there are access lists.
 */
#ifndef VSW_DATAPATH_PIPE_POLICY_H
#define VSW_DATAPATH_PIPE_POLICY_H

#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/drop.h"
#include "datapath/core/fields.h"
#include "datapath/pipe/meter.h"
#include "datapath/table/rules.h"

struct acl_view {
	const struct rules *rules; /* table 0; a rule's `actions` is ACL_ACCEPT or ACL_DROP */
	uint64_t version; /* of rules */
	bool accept_rest;
	uint32_t rest_slot; /* counter of what no entry matches; 0: none */
	struct fields masks[4]; /* enum rules_class: what its entries look at, FIELDS_DEEP among
				 * it where that matters */
};

/* A rule's `actions` point to one of these. */
extern const char acl_accept;
extern const char acl_drop;

/* The entry that decides about a frame; NULL: what the list says of the rest. */
const struct rule *acl_find(const struct acl_view *acl, const struct fields *fields);

/* What that comes to. */
static inline bool
acl_verdict(const struct acl_view *acl, const struct rule *rule)
{
	return rule == NULL ? acl->accept_rest : rule->actions == &acl_accept;
}

#define SPOOF_MAX 64 /* addresses of a kind */

struct spoof_prefix {
	uint8_t addr[16]; /* network order; IPv4: the first four bytes */
	uint8_t len; /* bits, 0..32 or 0..128; what is behind them does not count */
};

/* An empty list of a kind: anything goes. */
struct spoof_view {
	uint16_t n_mac;
	uint16_t n_ip4;
	uint16_t n_ip6;
	uint8_t mac[SPOOF_MAX][6];
	struct spoof_prefix ip4[SPOOF_MAX];
	struct spoof_prefix ip6[SPOOF_MAX];
};

enum storm_kind { STORM_BROADCAST, STORM_MULTICAST, STORM_UNKNOWN, STORM_KINDS };

/* What a frame that is flooded is, by its destination. */
static inline enum storm_kind
storm_kind_of(const uint8_t *dst)
{
	const struct rte_ether_addr *mac = (const struct rte_ether_addr *)dst;

	if (!rte_is_multicast_ether_addr(mac)) {
		return STORM_UNKNOWN;
	}
	return rte_is_broadcast_ether_addr(mac) ? STORM_BROADCAST : STORM_MULTICAST;
}

/* May the port's guest send this, parsed as deep as spoof_mask asks for? DROP_N: yes. */
enum drop_reason spoof_check(const struct spoof_view *spoof, const struct fields *fields);

/* The bits that spoof_check looks at in frames of a class, and what they ask for, by OR. */
void spoof_mask(const struct spoof_view *spoof, enum rules_class class, struct fields *mask);

/* --- groups ------------------------------------------------------------------------------------
 *
 * all: a copy of the frame to each bucket that lives. select: one bucket, by the hash of the
 * packet's flow and the buckets' weights; a bucket that dies moves only its own flows. failover:
 * the first that lives. A bucket lives while its watched port does, or always; a port lives while
 * it is enabled and has a guest or link.
 */

enum group_type { GROUP_ALL, GROUP_SELECT, GROUP_FAILOVER };

#define GROUP_BUCKETS_MAX 64

struct action_list;

struct bucket_view {
	uint32_t watch; /* port number, 0: none */
	uint32_t weight; /* 0..65535, of select; 0: never */
	uint64_t salt; /* distinct in the group */
	const struct action_list *actions;
};

struct group_view {
	uint32_t id;
	enum group_type type;
	uint32_t n_buckets;
	struct bucket_view buckets[];
};

#endif
