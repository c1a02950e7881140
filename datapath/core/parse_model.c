/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reader takes bytes one after the other. The first that cannot be taken spoils it, and it
 * remembers why; whoever used it looks at that at the end of a header. All depths are parsed, then
 * what is too deep is wiped.
 */
#include "datapath/core/parse_model.h"

#include <string.h>

enum spoiled {
	NOT_SPOILED,
	NOT_IN_PACKET,
	NOT_IN_REACH,
};

struct reader {
	const uint8_t *bytes;
	uint64_t at;
	uint64_t reach; /* bytes that may be looked at */
	uint64_t end; /* bytes that there are */
	enum spoiled spoiled;
};

struct model {
	struct reader reader;
	struct parsed *out;
	int deep_at; /* the depth whose header is out of reach, or -1 */
};

/* Whether the next n bytes are there, or what is the matter: the packet's end counts first. */
static bool
reader_has(struct reader *r, uint64_t n)
{
	if (r->spoiled == NOT_SPOILED && r->at + n > r->end) {
		r->spoiled = NOT_IN_PACKET;
	} else if (r->spoiled == NOT_SPOILED && r->at + n > r->reach) {
		r->spoiled = NOT_IN_REACH;
	}
	return r->spoiled == NOT_SPOILED;
}

static unsigned int
u8(struct reader *r)
{
	return reader_has(r, 1) ? r->bytes[r->at++] : 0;
}

static unsigned int
u16(struct reader *r)
{
	unsigned int high = u8(r);

	return high * 256 + u8(r);
}

static void
take(struct reader *r, void *to, unsigned int n)
{
	uint8_t *bytes = to;

	for (unsigned int i = 0; i < n; i++) {
		bytes[i] = (uint8_t)u8(r);
	}
}

static void
skip(struct reader *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		(void)u8(r);
	}
}

static void
put16(uint16_t *field, unsigned int value)
{
	uint8_t *bytes = (uint8_t *)field;

	bytes[0] = (uint8_t)(value / 256);
	bytes[1] = (uint8_t)(value % 256);
}

/* To be asked when a header is over. */
static bool
good(struct model *m, enum parse_depth depth)
{
	if (m->reader.spoiled == NOT_IN_REACH) {
		m->deep_at = (int)depth;
	}
	return m->reader.spoiled == NOT_SPOILED;
}

static bool
header_has(struct model *m, uint64_t n, enum parse_depth depth)
{
	(void)reader_has(&m->reader, n);
	return good(m, depth);
}

/* --- layer 4 ---------------------------------------------------------------------------------- */

/* False: it must be discarded, or goes on out of reach. */
static bool
model_nd(struct model *m, unsigned int code)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	uint8_t target[16];
	uint8_t links[2][6] = {{0}};
	unsigned int seen[2] = {0};

	if (f->ttl != 255 || f->frag != 0 || code != 0) {
		return false;
	}
	if (!header_has(m, 20, PARSE_ALL)) { /* behind the checksum */
		return false;
	}
	skip(r, 4);
	take(r, target, 16);
	while (r->at < r->end) {
		unsigned int option;
		unsigned int units;

		if (!header_has(m, 2, PARSE_ALL)) {
			return false;
		}
		option = u8(r);
		units = u8(r);
		if (units == 0 || !header_has(m, units * 8 - 2, PARSE_ALL)) {
			return false;
		}
		if (units == 1 && (option == 1 || option == 2)) {
			seen[option - 1]++;
			take(r, links[option - 1], 6);
		} else {
			skip(r, units * 8 - 2);
		}
		if (seen[0] > 1 || seen[1] > 1) {
			return false;
		}
	}
	f->valid |= FIELDS_VALID_ND;
	memcpy(f->nd_target, target, 16);
	memcpy(f->arp_sha, links[0], 6);
	memcpy(f->arp_tha, links[1], 6);
	return true;
}

static void
model_l4(struct model *m)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	const uint64_t start = r->at;
	const bool v4 = (f->valid & FIELDS_VALID_IPV4) != 0;
	unsigned int header = f->proto == 6 ? 20 : f->proto == 17 ? 8 : f->proto == 132 ? 12 : 4;
	unsigned int flags = 0;
	uint16_t ports[2];

	if (f->proto != 6 && f->proto != 17 && f->proto != 132 && !(v4 && f->proto == 1) &&
		!(!v4 && f->proto == 58)) {
		return;
	}
	if (!header_has(m, header, PARSE_L4)) {
		return;
	}
	if (header == 4) {
		unsigned int type = u8(r);
		unsigned int code = u8(r);

		skip(r, 2);
		put16(&f->l4_src, type);
		put16(&f->l4_dst, code);
		f->valid |= FIELDS_VALID_L4;
		m->out->payload = (uint16_t)r->at;
		if (f->proto == 58 && (type == 135 || type == 136) && !model_nd(m, code) &&
			r->spoiled != NOT_IN_REACH) {
			f->valid |= FIELDS_ND_INVALID;
		}
		return;
	}
	take(r, ports, 4);
	if (header == 20) {
		skip(r, 8);
		flags = u16(r);
		header = flags / 4096 * 4;
		if (header < 20 || start + header > r->end) {
			return;
		}
	}
	f->l4_src = ports[0];
	f->l4_dst = ports[1];
	put16(&f->tcp_flags, flags % 4096);
	f->valid |= FIELDS_VALID_L4;
	m->out->payload = (uint16_t)(start + header);
}

/* --- layer 3 ---------------------------------------------------------------------------------- */

static void
model_arp(struct model *m)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	unsigned int hardware;
	unsigned int protocol;
	unsigned int sizes;
	unsigned int op;

	if (!header_has(m, 28, PARSE_L3)) {
		return;
	}
	hardware = u16(r);
	protocol = u16(r);
	sizes = u16(r);
	op = u16(r);
	if (hardware != 1 || protocol != 0x0800 || sizes != 0x0604) {
		return;
	}
	f->proto = op > 255 ? 0 : (uint8_t)op;
	take(r, f->arp_sha, 6);
	take(r, &f->ip4_src, 4);
	take(r, f->arp_tha, 6);
	take(r, &f->ip4_dst, 4);
	f->valid |= FIELDS_VALID_ARP;
}

static void
model_ipv4(struct model *m)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	const uint64_t start = r->at;
	unsigned int first;
	unsigned int tos;
	unsigned int total;
	unsigned int fragment;
	unsigned int ttl;
	unsigned int proto;
	uint32_t addresses[2];

	if (!header_has(m, 20, PARSE_L3)) {
		return;
	}
	first = u8(r);
	tos = u8(r);
	total = u16(r);
	skip(r, 2);
	fragment = u16(r);
	ttl = u8(r);
	proto = u8(r);
	skip(r, 2);
	take(r, addresses, 8);
	if (first / 16 != 4 || first % 16 < 5 || total < first % 16 * 4 || start + total > r->end ||
		!header_has(m, first % 16 * 4 - 20, PARSE_L3)) {
		return;
	}
	f->valid |= FIELDS_VALID_IPV4;
	f->tos = (uint8_t)tos;
	f->ttl = (uint8_t)ttl;
	f->proto = (uint8_t)proto;
	f->ip4_src = addresses[0];
	f->ip4_dst = addresses[1];
	r->end = start + total;
	if (fragment % 8192 != 0) {
		f->frag = FIELDS_FRAG_LATER;
		return;
	}
	if (fragment / 8192 % 2 == 1) {
		f->frag = FIELDS_FRAG_FIRST;
	}
	skip(r, first % 16 * 4 - 20);
	m->out->l4 = (uint16_t)r->at;
	model_l4(m);
}

/* From one extension header to the next, until something else comes. */
static void
model_extensions(struct model *m, unsigned int n)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	unsigned int next;
	unsigned int len;
	unsigned int fragment;

	switch (f->proto) {
	case 0:
	case 43:
	case 44:
	case 51:
	case 60:
		break;
	case 59:
		return;
	default:
		m->out->l4 = (uint16_t)r->at;
		model_l4(m);
		return;
	}
	if ((f->proto == 0 && n != 0) || !header_has(m, 8, PARSE_L3)) {
		return;
	}
	if (n == 8) {
		m->deep_at = PARSE_L3;
		return;
	}
	next = u8(r);
	len = u8(r);
	fragment = u16(r);
	if (f->proto == 44) {
		skip(r, 4);
		f->proto = (uint8_t)next;
		if (fragment / 8 != 0) {
			f->frag = FIELDS_FRAG_LATER;
			return;
		}
		if (fragment % 2 == 1) {
			f->frag = FIELDS_FRAG_FIRST;
		}
	} else {
		len = f->proto == 51 ? (len + 2) * 4 : (len + 1) * 8;
		if (!header_has(m, len - 4, PARSE_L3)) {
			return;
		}
		skip(r, len - 4);
		f->proto = (uint8_t)next;
	}
	model_extensions(m, n + 1);
}

static void
model_ipv6(struct model *m)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	unsigned int first;
	unsigned int label;
	unsigned int len;

	if (!header_has(m, 40, PARSE_L3)) {
		return;
	}
	first = u16(r);
	label = u16(r);
	len = u16(r);
	if (first / 4096 != 6 || r->at + 34 + len > r->end) {
		return;
	}
	f->valid |= FIELDS_VALID_IPV6;
	f->tos = (uint8_t)(first / 16);
	((uint8_t *)&f->ip6_label)[1] = (uint8_t)(first % 16);
	((uint8_t *)&f->ip6_label)[2] = (uint8_t)(label / 256);
	((uint8_t *)&f->ip6_label)[3] = (uint8_t)label;
	f->proto = (uint8_t)u8(r);
	f->ttl = (uint8_t)u8(r);
	take(r, f->ip6_src, 16);
	take(r, f->ip6_dst, 16);
	r->end = r->at + len;
	model_extensions(m, 0);
}

/* --- layer 2 ---------------------------------------------------------------------------------- */

/* What the 16 bits behind the addresses and tags are, if they are a length. */
static unsigned int
model_length(struct model *m, unsigned int len)
{
	struct reader *r = &m->reader;
	uint8_t llc[6];
	unsigned int type;

	if (len < 8 || r->at + len > r->end) {
		return FIELDS_ETH_TYPE_NONE;
	}
	if (!header_has(m, 8, PARSE_L2)) {
		return FIELDS_ETH_TYPE_NONE;
	}
	r->end = r->at + len;
	take(r, llc, 6);
	type = u16(r);
	if (memcmp(llc, "\xaa\xaa\x03\0\0\0", 6) != 0 || type < 0x600) {
		return FIELDS_ETH_TYPE_NONE;
	}
	m->out->l3 = (uint16_t)r->at;
	return type;
}

static void
model_frame(struct model *m)
{
	struct fields *f = &m->out->fields;
	struct reader *r = &m->reader;
	unsigned int type;
	unsigned int tci;

	put16(&f->eth_type, FIELDS_ETH_TYPE_NONE);
	if (!header_has(m, 14, PARSE_L2)) {
		return;
	}
	take(r, f->eth_dst, 6);
	take(r, f->eth_src, 6);
	type = u16(r);
	for (int i = 0; i < 2 && (type == 0x8100 || type == 0x88a8); i++) {
		if (!header_has(m, 4, PARSE_L2)) {
			break;
		}
		tci = u16(r) | 0x1000;
		put16(i == 0 ? &f->vlan_tci : &f->inner_tci, tci);
		put16(i == 0 ? &f->outer_tpid : &f->inner_tpid, type);
		m->out->n_tags++;
		type = u16(r);
	}
	m->out->type_at = (uint16_t)(r->at - 2);
	m->out->l3 = (uint16_t)r->at;
	if (type < 0x600) {
		type = model_length(m, type);
	}
	put16(&f->eth_type, type);
	if (type == 0x0800) {
		model_ipv4(m);
	} else if (type == 0x86dd) {
		model_ipv6(m);
	} else if (type == 0x0806) {
		model_arp(m);
	}
}

static void
wipe(struct parsed *out, enum parse_depth depth)
{
	struct fields *f = &out->fields;
	const struct fields all = *f;

	if (depth < PARSE_ALL && (f->valid & FIELDS_VALID_ND) != 0) {
		f->valid &= (uint8_t)~FIELDS_VALID_ND;
		memset(f->nd_target, 0, sizeof(f->nd_target));
		memset(f->arp_sha, 0, sizeof(f->arp_sha));
		memset(f->arp_tha, 0, sizeof(f->arp_tha));
	}
	if (depth < PARSE_ALL) {
		f->valid &= (uint8_t)~FIELDS_ND_INVALID;
	}
	if (depth < PARSE_L4) {
		f->valid &= (uint8_t)~FIELDS_VALID_L4;
		f->l4_src = 0;
		f->l4_dst = 0;
		f->tcp_flags = 0;
		out->payload = 0;
	}
	if (depth < PARSE_L3) {
		memset(f, 0, sizeof(*f));
		memcpy(f->eth_dst, all.eth_dst, 6);
		memcpy(f->eth_src, all.eth_src, 6);
		f->vlan_tci = all.vlan_tci;
		f->eth_type = all.eth_type;
		f->inner_tci = all.inner_tci;
		f->outer_tpid = all.outer_tpid;
		f->inner_tpid = all.inner_tpid;
		out->l4 = 0;
	}
}

void
parse_model(const uint8_t *head, uint32_t head_len, uint32_t frame_len, enum parse_depth depth,
	struct parsed *out)
{
	struct model m = {
		.reader = {.bytes = head, .reach = head_len, .end = frame_len},
		.out = out,
		.deep_at = -1,
	};

	if (m.reader.reach > 512) {
		m.reader.reach = 512;
	}
	memset(out, 0, sizeof(*out));
	model_frame(&m);
	wipe(out, depth);
	if (m.deep_at >= 0 && m.deep_at <= (int)depth) {
		out->fields.valid |= FIELDS_DEEP;
	}
}
