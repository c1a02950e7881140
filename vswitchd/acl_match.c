/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/acl_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "vswitchd/ip_prefix.h"

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_ARP 0x0806
#define TYPE_ANY 0 /* no EtherType is asked for */
#define TYPE_MIN 0x0600 /* IEEE 802.3, 3.2.6 */

/* What a `matches` container says, before it is turned into bits. */
struct matches {
	const json_t *json;
	struct err *err;
	uint16_t type; /* EtherType, or TYPE_ANY */
	bool both; /* TYPE_IPV4, and the same of TYPE_IPV6 */
	int proto; /* -1: any */
	bool has_src;
	bool has_dst;
	struct ip_prefix src;
	struct ip_prefix dst;
	bool l4; /* ports, flags or ICMP are asked for */
};

static const char *
text_of(const struct matches *m, const char *leaf)
{
	return json_string_value(json_object_get(m->json, leaf));
}

static bool
given(const struct matches *m, const char *leaf)
{
	return json_object_get(m->json, leaf) != NULL;
}

static uint32_t
number_of(const struct matches *m, const char *leaf)
{
	return (uint32_t)json_integer_value(json_object_get(m->json, leaf));
}

/* --- which frames: EtherType and protocol ------------------------------------------------------
 */

static const char *
type_name(uint16_t type)
{
	return type == TYPE_IPV4    ? "IPv4"
		: type == TYPE_IPV6 ? "IPv6"
		: type == TYPE_ARP  ? "ARP"
				    : "another EtherType";
}

static int
read_type(struct matches *m)
{
	const char *text = text_of(m, "ethertype");

	if (text == NULL) {
		m->type = TYPE_ANY;
	} else if (strncmp(text, "0x", 2) == 0) {
		m->type = (uint16_t)strtoul(text, NULL, 16);
		if (m->type < TYPE_MIN) {
			return err_set(m->err, ERR_INVALID, "ethertype",
				"an EtherType is 0x0600 or more; below, it is a length");
		}
	} else {
		m->type = strcmp(text, "ipv4") == 0 ? TYPE_IPV4
			: strcmp(text, "ipv6") == 0 ? TYPE_IPV6
						    : TYPE_ARP;
	}
	return 0;
}

/* The leaf holds for frames of this type only; the first such leaf decides where none did. */
static int
want_type(struct matches *m, const char *leaf, uint16_t type)
{
	if (m->type == TYPE_ANY) {
		m->type = type;
		return 0;
	}
	if (m->type == type ||
		(type == TYPE_IPV4 && m->type == TYPE_ARP && strstr(leaf, "-network") != NULL)) {
		return 0;
	}
	return err_set(m->err, ERR_INVALID, leaf,
		"'%s' speaks of %s, but another leaf of the entry of %s; write two entries", leaf,
		type_name(type), type_name(m->type));
}

static int
read_network(struct matches *m, const char *leaf, struct ip_prefix *prefix, bool *has)
{
	const char *text = text_of(m, leaf);
	int rc;

	*has = text != NULL;
	if (text == NULL) {
		return 0;
	}
	rc = ip_prefix_parse(text, leaf, prefix, m->err);
	return rc != 0 ? rc : want_type(m, leaf, prefix->v6 ? TYPE_IPV6 : TYPE_IPV4);
}

static int
read_protocol(struct matches *m)
{
	static const struct {
		const char *name;
		int proto;
		uint16_t type;
	} names[] = {
		{"tcp", IPPROTO_TCP, TYPE_ANY},
		{"udp", IPPROTO_UDP, TYPE_ANY},
		{"sctp", IPPROTO_SCTP, TYPE_ANY},
		{"icmp", IPPROTO_ICMP, TYPE_IPV4},
		{"icmpv6", IPPROTO_ICMPV6, TYPE_IPV6},
	};
	const char *text = text_of(m, "protocol");
	uint64_t number;

	m->proto = -1;
	if (text == NULL) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i].name) == 0) {
			m->proto = names[i].proto;
			return names[i].type == TYPE_ANY ? 0
							 : want_type(m, "protocol", names[i].type);
		}
	}
	if (str_to_u64(text, 0, UINT8_MAX, &number) != 0) {
		return err_set(m->err, ERR_INVALID, "protocol",
			"'%s' is no protocol; it is within 0..255", text);
	}
	m->proto = (int)number;
	return 0;
}

/* --- leaves that need others -------------------------------------------------------------------
 */

static const char *const ip_leaves[] = {"protocol", "dscp", "ttl", "fragment", "source-port",
	"destination-port", "tcp-flags", "icmp-type", "icmp-code"};

/* Leaves of IP ask for IPv4, IPv6, or both. */
static int
check_ip(struct matches *m)
{
	for (size_t i = 0; i < ARRAY_LEN(ip_leaves); i++) {
		if (!given(m, ip_leaves[i])) {
			continue;
		}
		if (m->type == TYPE_ANY) {
			m->type = TYPE_IPV4;
			m->both = true;
		}
		if (m->type != TYPE_IPV4 && m->type != TYPE_IPV6) {
			return err_set(m->err, ERR_INVALID, ip_leaves[i],
				"'%s' needs ethertype ipv4 or ipv6, or none", ip_leaves[i]);
		}
	}
	if (given(m, "arp-operation")) {
		return text_of(m, "ethertype") == NULL || m->type != TYPE_ARP
			? err_set(m->err, ERR_INVALID, "arp-operation",
				  "'arp-operation' needs ethertype arp")
			: 0;
	}
	return 0;
}

static int
check_ports(struct matches *m)
{
	static const char *const leaves[] = {"source-port", "destination-port"};

	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (given(m, leaves[i]) && m->proto != IPPROTO_TCP && m->proto != IPPROTO_UDP &&
			m->proto != IPPROTO_SCTP) {
			return err_set(m->err, ERR_INVALID, leaves[i],
				"'%s' needs the leaf protocol: tcp, udp or sctp", leaves[i]);
		}
		m->l4 = m->l4 || given(m, leaves[i]);
	}
	if (given(m, "tcp-flags") && m->proto != IPPROTO_TCP) {
		return err_set(m->err, ERR_INVALID, "tcp-flags",
			"'tcp-flags' needs the leaf protocol: tcp");
	}
	m->l4 = m->l4 || given(m, "tcp-flags");
	return 0;
}

static int
check_icmp(struct matches *m)
{
	const char *leaf = given(m, "icmp-type") ? "icmp-type" : "icmp-code";

	if (!given(m, leaf)) {
		return 0;
	}
	m->l4 = true;
	if (m->both && (m->proto == IPPROTO_ICMP || m->proto == IPPROTO_ICMPV6)) {
		m->both = false;
		m->type = m->proto == IPPROTO_ICMP ? TYPE_IPV4 : TYPE_IPV6;
	}
	if (m->proto != (m->type == TYPE_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		return err_set(m->err, ERR_INVALID, leaf,
			"'%s' needs the leaf protocol: icmp, or for IPv6 icmpv6", leaf);
	}
	return 0;
}

static int
check_others(const struct matches *m)
{
	static const char *const macs[] = {"destination-mac-address", "source-mac-address"};
	const char *fragment = text_of(m, "fragment");

	for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
		char mask[64];

		(void)snprintf(mask, sizeof(mask), "%s-mask", macs[i]);
		if (given(m, mask) && !given(m, macs[i])) {
			return err_set(
				m->err, ERR_INVALID, mask, "'%s' needs the leaf %s", mask, macs[i]);
		}
	}
	if (m->l4 && fragment != NULL && strcmp(fragment, "later") == 0) {
		return err_set(m->err, ERR_INVALID, "fragment",
			"later fragments have no ports, flags or ICMP type; leave out one of them");
	}
	return 0;
}

static int
read_matches(struct matches *m)
{
	int rc;

	rc = read_type(m);
	if (rc == 0) {
		rc = read_network(m, "source-network", &m->src, &m->has_src);
	}
	if (rc == 0) {
		rc = read_network(m, "destination-network", &m->dst, &m->has_dst);
	}
	if (rc == 0) {
		rc = read_protocol(m);
	}
	if (rc == 0) {
		rc = check_ip(m);
	}
	if (rc == 0) {
		rc = check_ports(m);
	}
	if (rc == 0) {
		rc = check_icmp(m);
	}
	return rc == 0 ? check_others(m) : rc;
}

/* --- bits --------------------------------------------------------------------------------------
 */

static void
put_mac(const struct matches *m, const char *leaf, uint8_t *value, uint8_t *mask)
{
	const char *text = text_of(m, leaf);
	char mask_leaf[64];
	struct rte_ether_addr mac;

	if (text == NULL) {
		return;
	}
	(void)rte_ether_unformat_addr(text, &mac);
	memcpy(value, mac.addr_bytes, sizeof(mac.addr_bytes));
	memset(mask, 0xff, sizeof(mac.addr_bytes));
	(void)snprintf(mask_leaf, sizeof(mask_leaf), "%s-mask", leaf);
	if (text_of(m, mask_leaf) != NULL) {
		(void)rte_ether_unformat_addr(text_of(m, mask_leaf), &mac);
		memcpy(mask, mac.addr_bytes, sizeof(mac.addr_bytes));
	}
}

static void
put_l2(const struct matches *m, struct match *match)
{
	put_mac(m, "destination-mac-address", match->value.eth_dst, match->mask.eth_dst);
	put_mac(m, "source-mac-address", match->value.eth_src, match->mask.eth_src);
	if (given(m, "vlan-id")) {
		const uint16_t vid = (uint16_t)number_of(m, "vlan-id");

		match->value.vlan_tci = vid == 0 ? 0 : htons(FIELDS_TAG_PRESENT | vid);
		match->mask.vlan_tci =
			htons(vid == 0 ? FIELDS_TAG_PRESENT : FIELDS_TAG_PRESENT | 0x0fff);
	}
}

static void
put_network(const struct ip_prefix *prefix, uint32_t *ip4, uint32_t *mask4, uint8_t *ip6,
	uint8_t *mask6)
{
	if (prefix->v6) {
		memcpy(ip6, prefix->addr, 16);
		ip_prefix_mask(prefix->len, mask6, 16);
	} else {
		memcpy(ip4, prefix->addr, sizeof(*ip4));
		ip_prefix_mask(prefix->len, (uint8_t *)mask4, sizeof(*mask4));
	}
}

static void
put_fragment(const char *text, struct match *match)
{
	static const struct {
		const char *name;
		uint8_t value;
		uint8_t mask;
	} states[] = {
		{"none", FIELDS_FRAG_NONE, FIELDS_FRAG_LATER},
		{"any", FIELDS_FRAG_FIRST, FIELDS_FRAG_FIRST},
		{"first", FIELDS_FRAG_FIRST, FIELDS_FRAG_LATER},
		{"later", FIELDS_FRAG_LATER, FIELDS_FRAG_LATER},
	};

	for (size_t i = 0; text != NULL && i < ARRAY_LEN(states); i++) {
		if (strcmp(text, states[i].name) == 0) {
			match->value.frag = states[i].value;
			match->mask.frag = states[i].mask;
		}
	}
}

static void
put_ip(const struct matches *m, struct match *match)
{
	struct fields *value = &match->value;
	struct fields *mask = &match->mask;
	const char *operation = text_of(m, "arp-operation");

	if (m->has_src) {
		put_network(
			&m->src, &value->ip4_src, &mask->ip4_src, value->ip6_src, mask->ip6_src);
	}
	if (m->has_dst) {
		put_network(
			&m->dst, &value->ip4_dst, &mask->ip4_dst, value->ip6_dst, mask->ip6_dst);
	}
	if (m->proto >= 0) {
		value->proto = (uint8_t)m->proto;
		mask->proto = UINT8_MAX;
	}
	if (operation != NULL) {
		value->proto = strcmp(operation, "request") == 0 ? 1 : 2; /* RFC 826 */
		mask->proto = UINT8_MAX;
	}
	if (given(m, "dscp")) {
		value->tos = (uint8_t)(number_of(m, "dscp") << 2);
		mask->tos = 0xfc; /* RFC 2474 */
	}
	if (given(m, "ttl")) {
		value->ttl = (uint8_t)number_of(m, "ttl");
		mask->ttl = UINT8_MAX;
	}
	put_fragment(text_of(m, "fragment"), match);
}

/* "+syn-ack" */
static void
put_flags(const char *text, struct match *match)
{
	static const char names[][4] = {
		"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"};

	for (; text != NULL && *text != '\0'; text += strcspn(text, "+-")) {
		const bool set = *text++ == '+';

		for (unsigned int bit = 0; bit < ARRAY_LEN(names); bit++) {
			const size_t len = strlen(names[bit]);

			if (strncmp(text, names[bit], len) != 0) {
				continue;
			}
			match->mask.tcp_flags |= htons((uint16_t)(1U << bit));
			match->value.tcp_flags &= (uint16_t)~htons((uint16_t)(1U << bit));
			match->value.tcp_flags |= set ? htons((uint16_t)(1U << bit)) : 0;
		}
	}
}

/* *ask: the bits of the port, so that its prerequisites are asked for. */
static int
put_range(const struct matches *m, const char *leaf, struct match_range *range, uint16_t *ask)
{
	const char *text = text_of(m, leaf);
	const char *dash;
	unsigned long low;
	unsigned long high;

	if (text == NULL) {
		return 0;
	}
	dash = strchr(text, '-');
	low = strtoul(text, NULL, 10);
	high = dash == NULL ? low : strtoul(dash + 1, NULL, 10);
	if (low > UINT16_MAX || high > UINT16_MAX) {
		return err_set(m->err, ERR_INVALID, leaf, "'%s' is not within 0..65535", text);
	}
	if (low > high) {
		return err_set(m->err, ERR_INVALID, leaf,
			"the range '%s' runs backwards; write '%lu-%lu'", text, high, low);
	}
	*range = (struct match_range){.low = (uint16_t)low, .high = (uint16_t)high};
	*ask = UINT16_MAX;
	return 0;
}

/* Ports are ranges; ICMP's type and code are values in their places. */
static int
put_l4(const struct matches *m, struct match *match)
{
	struct fields ask = match->mask;
	int rc;

	put_flags(text_of(m, "tcp-flags"), match);
	ask.tcp_flags = match->mask.tcp_flags;
	rc = put_range(m, "source-port", &match->l4_src, &ask.l4_src);
	if (rc == 0) {
		rc = put_range(m, "destination-port", &match->l4_dst, &ask.l4_dst);
	}
	if (given(m, "icmp-type")) {
		match->value.l4_src = htons((uint16_t)number_of(m, "icmp-type"));
		match->mask.l4_src = ask.l4_src = UINT16_MAX;
	}
	if (given(m, "icmp-code")) {
		match->value.l4_dst = htons((uint16_t)number_of(m, "icmp-code"));
		match->mask.l4_dst = ask.l4_dst = UINT16_MAX;
	}
	fields_mask_complete(&ask);
	ask.l4_src = match->mask.l4_src;
	ask.l4_dst = match->mask.l4_dst;
	match->mask = ask;
	return rc;
}

/* The entry for frames of `type`. */
static int
make_match(const struct matches *m, uint16_t type, struct match *match)
{
	int rc;

	match_init(match);
	put_l2(m, match);
	put_ip(m, match);
	if (type != TYPE_ANY) {
		match->mask.eth_type = UINT16_MAX;
	}
	rc = put_l4(m, match);
	match->value.eth_type = htons(type);
	match->value.valid = type == TYPE_IPV4 ? FIELDS_VALID_IPV4
		: type == TYPE_IPV6            ? FIELDS_VALID_IPV6
		: type == TYPE_ARP             ? FIELDS_VALID_ARP
					       : 0;
	match->value.valid |= m->l4 ? FIELDS_VALID_L4 : 0;
	return rc != 0 ? rc : match_canonical(match);
}

int
acl_match_make(const json_t *matches, struct match out[2], size_t *n, struct err *err)
{
	struct matches m = {.json = matches, .err = err};
	int rc = read_matches(&m);

	*n = 0;
	if (rc == 0) {
		rc = make_match(&m, m.type, &out[(*n)++]);
	}
	if (rc == 0 && m.both) {
		rc = make_match(&m, TYPE_IPV6, &out[(*n)++]);
	}
	return rc;
}
