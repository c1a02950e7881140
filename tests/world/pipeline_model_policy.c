/* SPDX-License-Identifier: BSD-3-Clause */
/* What a match, an access list, and the addresses of a port's guest say of a frame. */
#include <arpa/inet.h>
#include <string.h>

#include "datapath/core/parse_model.h"
#include "tests/world/pipeline_model.h"

static bool
in_range(struct match_range range, uint16_t port)
{
	return ntohs(port) >= range.low && ntohs(port) <= range.high;
}

bool
pipeline_matches(const struct match *match, const struct fields *fields)
{
	const uint8_t *value = (const uint8_t *)&match->value;
	const uint8_t *mask = (const uint8_t *)&match->mask;
	const uint8_t *bytes = (const uint8_t *)fields;

	for (size_t i = 0; i < sizeof(*fields); i++) {
		if ((bytes[i] & mask[i]) != value[i]) {
			return false;
		}
	}
	return in_range(match->l4_src, fields->l4_src) && in_range(match->l4_dst, fields->l4_dst);
}

bool
pipeline_acl_accepts(struct pipeline_acl *acl, const struct pipeline_frame *frame)
{
	struct parsed parsed;

	parse_model(frame->bytes, frame->head, frame->len, PARSE_ALL, &parsed);
	for (unsigned int i = 0; i < acl->n && (parsed.fields.valid & FIELDS_DEEP) == 0; i++) {
		if (pipeline_matches(&acl->entries[i].match, &parsed.fields)) {
			acl->entries[i].packets++;
			return acl->entries[i].accept;
		}
	}
	acl->rest++;
	return acl->accept_rest;
}

static unsigned int
bit_of(const void *bytes, unsigned int bit)
{
	return ((const uint8_t *)bytes)[bit / 8] >> (7 - bit % 8) & 1U;
}

/* No list: any. */
static bool
has_prefix(const struct spoof_prefix *prefixes, unsigned int n, const void *addr)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int bit = 0;

		while (bit < prefixes[i].len &&
			bit_of(addr, bit) == bit_of(prefixes[i].addr, bit)) {
			bit++;
		}
		if (bit == prefixes[i].len) {
			return true;
		}
	}
	return n == 0;
}

static bool
is_zero(const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (((const uint8_t *)bytes)[i] != 0) {
			return false;
		}
	}
	return true;
}

static bool
may_mac(const struct spoof_view *spoof, const uint8_t *mac)
{
	for (unsigned int i = 0; i < spoof->n_mac; i++) {
		if (memcmp(spoof->mac[i], mac, 6) == 0) {
			return true;
		}
	}
	return spoof->n_mac == 0;
}

static bool
may_ip4(const struct spoof_view *spoof, const void *addr)
{
	return is_zero(addr, 4) || has_prefix(spoof->ip4, spoof->n_ip4, addr);
}

static bool
may_ip6(const struct spoof_view *spoof, const void *addr)
{
	return is_zero(addr, 16) || has_prefix(spoof->ip6, spoof->n_ip6, addr);
}

/* What the lists are there for cannot be read, though it may be there. */
static uint64_t
unreadable(const struct spoof_view *spoof, const struct fields *f)
{
	static const uint8_t extensions[] = {0, 43, 44, 51, 60};
	const bool guarded = spoof->n_mac > 0 ||
		(f->eth_type == htons(0x86dd) ? spoof->n_ip6 : spoof->n_ip4) > 0;

	switch (ntohs(f->eth_type)) {
	case 0x0800:
		return spoof->n_ip4 > 0 && (f->valid & FIELDS_VALID_IPV4) == 0
			? REASON(DROP_SPOOFED_ADDRESS)
			: 0;
	case 0x0806:
		return guarded && (f->valid & FIELDS_VALID_ARP) == 0 ? REASON(DROP_SPOOFED_NEIGHBOR)
								     : 0;
	case 0x86dd:
		if (!guarded) {
			return 0;
		}
		if ((f->valid & FIELDS_VALID_IPV6) == 0) {
			return REASON(DROP_SPOOFED_ADDRESS);
		}
		if ((f->valid & (FIELDS_DEEP | FIELDS_ND_INVALID)) != 0 ||
			(f->frag != FIELDS_FRAG_LATER &&
				(memchr(extensions, f->proto, sizeof(extensions)) != NULL ||
					(f->proto == 58 && (f->valid & FIELDS_VALID_L4) == 0)))) {
			return REASON(DROP_SPOOFED_NEIGHBOR);
		}
		return 0;
	case 0x8100:
	case 0x88a8:
		return spoof->n_ip4 > 0 || spoof->n_ip6 > 0 ? REASON(DROP_SPOOFED_ADDRESS) : 0;
	default:
		return 0;
	}
}

/* Reasons, of which one is counted; 0: it may pass. */
uint64_t
pipeline_spoofed(const struct spoof_view *spoof, const struct pipeline_frame *frame)
{
	struct fields f;
	uint64_t reasons = 0;

	pipeline_fields(frame, 0, &f);
	if (!may_mac(spoof, f.eth_src)) {
		reasons |= REASON(DROP_SPOOFED_MAC);
	}
	if (((f.valid & FIELDS_VALID_IPV4) != 0 && !may_ip4(spoof, &f.ip4_src)) ||
		((f.valid & FIELDS_VALID_IPV6) != 0 && !may_ip6(spoof, f.ip6_src))) {
		reasons |= REASON(DROP_SPOOFED_ADDRESS);
	}
	if ((f.valid & FIELDS_VALID_ARP) != 0 &&
		(!may_mac(spoof, f.arp_sha) || !may_ip4(spoof, &f.ip4_src))) {
		reasons |= REASON(DROP_SPOOFED_NEIGHBOR);
	}
	if ((f.valid & FIELDS_VALID_ND) != 0) {
		/* An advertisement, or who looks for a duplicate: the target is its own. */
		bool tells = f.l4_src == htons(136) || is_zero(f.ip6_src, 16);

		if ((!is_zero(f.arp_sha, 6) && !may_mac(spoof, f.arp_sha)) ||
			(!is_zero(f.arp_tha, 6) && !may_mac(spoof, f.arp_tha)) ||
			(tells && !has_prefix(spoof->ip6, spoof->n_ip6, f.nd_target))) {
			reasons |= REASON(DROP_SPOOFED_NEIGHBOR);
		}
	}
	return reasons | unreadable(spoof, &f);
}
