/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/policy.h"

#include <netinet/in.h>
#include <string.h>

#include "datapath/core/headers.h"
#include "datapath/pipe/key.h"

/* What tells an advertisement from a solicitation, 136 from 135, in l4_src. */
#define ND_TYPE_BIT RTE_BE16(0x0008)

const char acl_accept;
const char acl_drop;

const struct rule *
acl_find(const struct acl_view *acl, const struct fields *fields)
{
	const struct fields *mask = &acl->masks[key_class(fields->eth_type)];

	/* Others may have asked for more headers than the list does. */
	if ((fields->valid & mask->valid & FIELDS_DEEP) != 0) {
		return NULL;
	}
	return rules_lookup(acl->rules, 0, fields, acl->version, NULL);
}

/* --- addresses ------------------------------------------------------------------------------- */

static bool
is_zero(const void *bytes, size_t n)
{
	static const uint8_t zeros[16];

	return memcmp(bytes, zeros, n) == 0;
}

static bool
mac_allowed(const struct spoof_view *spoof, const uint8_t mac[6])
{
	for (unsigned int i = 0; i < spoof->n_mac; i++) {
		if (memcmp(spoof->mac[i], mac, sizeof(spoof->mac[i])) == 0) {
			return true;
		}
	}
	return spoof->n_mac == 0;
}

static bool
in_prefix(const struct spoof_prefix *prefix, const uint8_t *addr)
{
	const unsigned int whole = prefix->len / 8;
	const unsigned int rest = prefix->len % 8;

	return memcmp(prefix->addr, addr, whole) == 0 &&
		(rest == 0 || (prefix->addr[whole] ^ addr[whole]) >> (8 - rest) == 0);
}

static bool
in_list(const struct spoof_prefix *list, unsigned int n, const uint8_t *addr)
{
	for (unsigned int i = 0; i < n; i++) {
		if (in_prefix(&list[i], addr)) {
			return true;
		}
	}
	return n == 0;
}

static bool
ip4_allowed(const struct spoof_view *spoof, uint32_t addr)
{
	return addr == 0 || in_list(spoof->ip4, spoof->n_ip4, (const uint8_t *)&addr);
}

static bool
ip6_allowed(const struct spoof_view *spoof, const uint8_t addr[16])
{
	return in_list(spoof->ip6, spoof->n_ip6, addr);
}

/* --- frames ---------------------------------------------------------------------------------- */

static enum drop_reason
check_ip4(const struct spoof_view *spoof, const struct fields *fields)
{
	if (spoof->n_ip4 == 0) {
		return DROP_N;
	}
	return (fields->valid & FIELDS_VALID_IPV4) != 0 && ip4_allowed(spoof, fields->ip4_src)
		? DROP_N
		: DROP_SPOOFED_ADDRESS;
}

static enum drop_reason
check_arp(const struct spoof_view *spoof, const struct fields *fields)
{
	if (spoof->n_mac == 0 && spoof->n_ip4 == 0) {
		return DROP_N;
	}
	return (fields->valid & FIELDS_VALID_ARP) != 0 && mac_allowed(spoof, fields->arp_sha) &&
			ip4_allowed(spoof, fields->ip4_src)
		? DROP_N
		: DROP_SPOOFED_NEIGHBOR;
}

/*
 * Could there be a neighbor message that we do not see? In later fragments there is none that a
 * receiver takes (RFC 6980).
 */
static bool
hides_nd(const struct fields *fields)
{
	if ((fields->valid & (FIELDS_DEEP | FIELDS_ND_INVALID)) != 0) {
		return true;
	}
	if (fields->frag == FIELDS_FRAG_LATER) {
		return false;
	}
	switch (fields->proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return true; /* the headers do not end in the packet */
	case IPPROTO_ICMPV6:
		return (fields->valid & FIELDS_VALID_L4) == 0; /* nor does this one */
	default:
		return false;
	}
}

/* What a valid neighbor message tells about its sender. */
static bool
nd_allowed(const struct spoof_view *spoof, const struct fields *fields)
{
	const bool advertises = (fields->l4_src & ND_TYPE_BIT) != 0;
	const uint8_t *macs[] = {fields->arp_sha, fields->arp_tha};

	for (unsigned int i = 0; i < 2; i++) {
		if (!is_zero(macs[i], 6) && !mac_allowed(spoof, macs[i])) {
			return false;
		}
	}
	/* A solicitation without a source claims its target (RFC 4862, 5.4.2). */
	return (!advertises && !is_zero(fields->ip6_src, sizeof(fields->ip6_src))) ||
		ip6_allowed(spoof, fields->nd_target);
}

static enum drop_reason
check_ip6(const struct spoof_view *spoof, const struct fields *fields)
{
	if (spoof->n_mac == 0 && spoof->n_ip6 == 0) {
		return DROP_N;
	}
	if ((fields->valid & FIELDS_VALID_IPV6) == 0 ||
		(!is_zero(fields->ip6_src, sizeof(fields->ip6_src)) &&
			!ip6_allowed(spoof, fields->ip6_src))) {
		return DROP_SPOOFED_ADDRESS;
	}
	if (hides_nd(fields) ||
		((fields->valid & FIELDS_VALID_ND) != 0 && !nd_allowed(spoof, fields))) {
		return DROP_SPOOFED_NEIGHBOR;
	}
	return DROP_N;
}

/* A third tag, or one that is cut off: what is behind it is not seen. */
static enum drop_reason
check_other(const struct spoof_view *spoof, const struct fields *fields)
{
	const bool hidden = eth_is_vlan(rte_be_to_cpu_16(fields->eth_type));

	return hidden && (spoof->n_ip4 > 0 || spoof->n_ip6 > 0) ? DROP_SPOOFED_ADDRESS : DROP_N;
}

enum drop_reason
spoof_check(const struct spoof_view *spoof, const struct fields *fields)
{
	if (!mac_allowed(spoof, fields->eth_src)) {
		return DROP_SPOOFED_MAC;
	}
	switch (fields->eth_type) {
	case RTE_BE16(RTE_ETHER_TYPE_IPV4):
		return check_ip4(spoof, fields);
	case RTE_BE16(RTE_ETHER_TYPE_ARP):
		return check_arp(spoof, fields);
	case RTE_BE16(RTE_ETHER_TYPE_IPV6):
		return check_ip6(spoof, fields);
	default:
		return check_other(spoof, fields);
	}
}

/* --- masks -----------------------------------------------------------------------------------
 *
 * Whether a header is valid is asked for with its fields, by fields_mask_complete.
 */

static void
mask_ip4(const struct spoof_view *spoof, struct fields *mask)
{
	if (spoof->n_ip4 > 0) {
		mask->ip4_src = UINT32_MAX;
	}
}

static void
mask_arp(const struct spoof_view *spoof, struct fields *mask)
{
	if (spoof->n_mac > 0) {
		memset(mask->arp_sha, UINT8_MAX, sizeof(mask->arp_sha));
	}
	if (spoof->n_ip4 > 0) {
		mask->ip4_src = UINT32_MAX;
	}
}

static void
mask_ip6(const struct spoof_view *spoof, struct fields *mask)
{
	if (spoof->n_mac == 0 && spoof->n_ip6 == 0) {
		return;
	}
	mask->valid |= FIELDS_VALID_L4 | FIELDS_VALID_ND | FIELDS_ND_INVALID | FIELDS_DEEP;
	mask->proto = UINT8_MAX;
	mask->frag = UINT8_MAX;
	if (spoof->n_mac > 0) {
		memset(mask->arp_sha, UINT8_MAX, sizeof(mask->arp_sha));
		memset(mask->arp_tha, UINT8_MAX, sizeof(mask->arp_tha));
	}
	if (spoof->n_ip6 > 0) {
		memset(mask->ip6_src, UINT8_MAX, sizeof(mask->ip6_src));
		memset(mask->nd_target, UINT8_MAX, sizeof(mask->nd_target));
		/* One bit: a port number is in the same place, and splits flows. */
		mask->l4_src |= ND_TYPE_BIT;
	}
}

void
spoof_mask(const struct spoof_view *spoof, enum rules_class class, struct fields *mask)
{
	if (spoof->n_mac > 0) {
		memset(mask->eth_src, UINT8_MAX, sizeof(mask->eth_src));
	}
	if (class == RULES_IPV4 || class == RULES_ALL) {
		mask_ip4(spoof, mask);
	}
	if (class == RULES_ARP || class == RULES_ALL) {
		mask_arp(spoof, mask);
	}
	if (class == RULES_IPV6 || class == RULES_ALL) {
		mask_ip6(spoof, mask);
	}
	if (spoof->n_ip4 > 0 || spoof->n_ip6 > 0) {
		mask->eth_type = UINT16_MAX;
	}
	fields_mask_complete(mask);
}
