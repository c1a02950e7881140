/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames: right ones from a list of fields, then cut, bent and mislabeled. */
#include <string.h>

#include "datapath/core/edit_model.h"
#include "datapath/core/parse_model.h"
#include "tests/random.h"
#include "tests/world/rules_random.h"

unsigned int
random_of(struct rules_random *random, unsigned int n)
{
	return random_below(&random->state, n);
}

bool
random_one_in(struct rules_random *random, unsigned int n)
{
	return random_of(random, n) == 0;
}

#define PICK(random, array) (array)[random_of(random, sizeof(array) / sizeof((array)[0]))]

void
random_station_mac(unsigned int station, uint8_t *mac)
{
	const uint8_t bytes[] = {2, 0, 0, 0, 0, (uint8_t)(station + 1)};

	memcpy(mac, bytes, 6);
}

void
random_ip4(struct rules_random *random, uint8_t *addr)
{
	static const uint8_t all[][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 1, 1}, {10, 1, 0, 1},
		{192, 168, 0, 1}, {0, 0, 0, 0}, {255, 255, 255, 255}};

	memcpy(addr, PICK(random, all), 4);
}

void
random_ip6(struct rules_random *random, uint8_t *addr)
{
	static const uint8_t all[][16] = {{0xfe, 0x80, [15] = 1}, {0xfe, 0x80, [15] = 2},
		{0x20, 1, 0x0d, 0xb8, [15] = 1}, {0x20, 1, 0x0d, 0xb8, [7] = 1, [15] = 1},
		{0xff, 2, [15] = 1}, {0}};

	memcpy(addr, PICK(random, all), 16);
}

static void
random_ethernet(struct rules_random *random, struct model *m, unsigned int *station)
{
	static const uint8_t groups[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{1, 0, 0x5e, [5] = 1}, {0x33, 0x33, [5] = 1}, {1, 0x80, 0xc2, 0, 0, 0x0e}, {0}};
	static const uint16_t bits[] = {0, 0, 0x2000, 0xe000, 0x1000, 0xf000};

	random_station_mac(random_of(random, RANDOM_STATIONS + 1), m->eth_dst);
	if (random_one_in(random, 4)) {
		memcpy(m->eth_dst, PICK(random, groups), 6);
	}
	*station = random_of(random, RANDOM_STATIONS);
	random_station_mac(*station, m->eth_src);
	if (random_one_in(random, 30)) {
		*station = RANDOM_STATIONS;
		memcpy(m->eth_src, PICK(random, groups), 6);
	}
	m->n_tags = random_of(random, 2) + random_one_in(random, 5) + random_one_in(random, 8);
	for (unsigned int i = 0; i < m->n_tags; i++) {
		m->tpid[i] = random_one_in(random, 4) ? 0x88a8 : 0x8100;
		m->tci[i] = (uint16_t)(random_of(random, RANDOM_VIDS) | PICK(random, bits));
	}
}

static void
random_transport(struct rules_random *random, struct model *m)
{
	static const uint8_t protos[] = {MODEL_TCP, MODEL_TCP, MODEL_UDP, MODEL_UDP, MODEL_SCTP,
		MODEL_ICMP, MODEL_ICMP6, MODEL_ICMP6, MODEL_OTHER};
	static const uint16_t ports[] = {0, 53, 80, 81, 1000, 1024, 2047, 65535};
	static const uint8_t types[] = {0, 3, 8, 128, 133};

	m->proto = PICK(random, protos);
	if (m->proto == MODEL_ICMP || m->proto == MODEL_ICMP6) {
		m->proto = m->l3 == EDIT_L3_IPV6 ? MODEL_ICMP6 : MODEL_ICMP;
	}
	m->sport = PICK(random, ports);
	m->dport = PICK(random, ports);
	m->tcp_options = random_one_in(random, 4) ? 4 * random_of(random, 11) : 0;
	m->type = PICK(random, types);
	m->code = (uint8_t)random_of(random, 2);
	if (m->proto == MODEL_ICMP6 && random_one_in(random, 2)) {
		m->nd = true;
		m->type = (uint8_t)(135 + random_of(random, 2));
		m->code = 0;
		m->ttl = random_one_in(random, 8) ? 64 : 255;
		random_ip6(random, m->target);
		m->n_opts = random_of(random, 3);
		for (unsigned int i = 0; i < m->n_opts; i++) {
			m->opt_type[i] = (uint8_t)(1 + random_of(random, 3));
			random_station_mac(random_of(random, RANDOM_STATIONS), m->opt_mac[i]);
		}
	}
	m->no_sum = random_one_in(random, 4) && (m->proto == MODEL_UDP || m->proto == MODEL_SCTP);
	m->payload_len = random_of(random, random_one_in(random, 20) ? 900 : 40);
	memset(m->payload, (int)random_of(random, 256), m->payload_len);
}

static void
random_ip(struct rules_random *random, struct model *m)
{
	static const uint8_t tos[] = {0, 0, 3, 4, 0xb8, 0xff};
	static const uint8_t ttls[] = {64, 64, 255, 2, 1, 0};
	static const uint32_t labels[] = {0, 0, 1, 0xfffff};
	struct model_built built;
	uint8_t bytes[MODEL_FRAME];
	uint32_t len;

	m->tos = PICK(random, tos);
	m->ttl = PICK(random, ttls);
	m->label = PICK(random, labels);
	m->id = (uint16_t)random_of(random, 65536);
	if (m->l3 == EDIT_L3_IPV4) {
		random_ip4(random, m->src);
		random_ip4(random, m->dst);
		m->options = random_one_in(random, 6) ? 4 * random_of(random, 11) : 0;
	} else {
		random_ip6(random, m->src);
		random_ip6(random, m->dst);
		m->hop_options = random_one_in(random, 6);
		m->dst_options = random_one_in(random, 6);
		m->routing = (enum model_routing)(
			random_one_in(random, 5) ? 1 + random_of(random, 2) : 0);
		random_ip6(random, m->last_hop);
	}
	random_transport(random, m);
	model_build(m, bytes, &built);
	len = built.len - built.at.l4;
	if (random_one_in(random, 6) && len > 8) {
		m->cut = 8 + 8 * random_of(random, (len - 1) / 8);
		m->frag = random_one_in(random, 2) ? FIELDS_FRAG_FIRST : FIELDS_FRAG_LATER;
		m->dst_options = false;
	}
	m->damage = random_one_in(random, 20) ? (uint8_t)random_of(random, 256) : 0;
	m->ip_damage = random_one_in(random, 20) ? (uint8_t)random_of(random, 256) : 0;
}

static uint32_t
random_whole(
	struct rules_random *random, uint8_t *bytes, unsigned int *station, struct pkt_offload *ol)
{
	static struct model m;
	struct model_built built;
	unsigned int kind = random_of(random, 20);

	memset(&m, 0, sizeof(m));
	random_ethernet(random, &m, station);
	m.l3 = kind < 8     ? EDIT_L3_IPV4
		: kind < 15 ? EDIT_L3_IPV6
		: kind < 18 ? EDIT_L3_ARP
			    : EDIT_L3_NONE;
	if (m.l3 == EDIT_L3_ARP) {
		static const uint16_t ops[] = {1, 2, 1, 2, 0, 256};

		random_ip4(random, m.src);
		random_ip4(random, m.dst);
		random_station_mac(random_one_in(random, 6) ? 3 : *station, m.arp_sha);
		random_station_mac(random_of(random, RANDOM_STATIONS), m.arp_tha);
		m.arp_op = PICK(random, ops);
	} else if (m.l3 != EDIT_L3_NONE) {
		random_ip(random, &m);
	}
	m.partial = (random->style & STYLE_OFFLOADS) != 0 && m.frag == FIELDS_FRAG_NONE &&
		!m.no_sum && (m.proto == MODEL_TCP || m.proto == MODEL_UDP) && m.damage == 0 &&
		random_one_in(random, 3);
	m.padding = random_one_in(random, 4) ? random_of(random, 20) : 0;
	model_build(&m, bytes, &built);
	*ol = built.ol;
	if ((random->style & STYLE_OFFLOADS) != 0 && random_one_in(random, 12)) {
		*ol = random_one_in(random, 2)
			? (struct pkt_offload){.flags = PKT_OL_CSUM_OK}
			: (struct pkt_offload){.flags = PKT_OL_CSUM,
				  .csum_start = (uint16_t)(34 + random_of(random, 80)),
				  .csum_offset = (uint16_t)(2 * random_of(random, 12))};
	}
	return built.len;
}

/* --- what else comes over a wire -------------------------------------------------------------- */

static void
put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value / 256);
	bytes[1] = (uint8_t)(value % 256);
}

/* IPv6 with headers that go on and on; far: beyond what a parser looks at. */
static uint32_t
random_long(struct rules_random *random, uint8_t *bytes)
{
	uint32_t ip = 14;
	uint32_t len = ip + 40;
	unsigned int n = 1 + random_of(random, 10);
	unsigned int size = 8 * (1 + random_of(random, random_one_in(random, 4) ? 8 : 2));

	put16(bytes + 12, 0x86dd);
	memset(bytes + ip, 0, 40);
	bytes[ip] = 0x60;
	bytes[ip + 6] = 60;
	bytes[ip + 7] = 64;
	random_ip6(random, bytes + ip + 8);
	random_ip6(random, bytes + ip + 24);
	for (unsigned int i = 0; i < n; i++, len += size) {
		memset(bytes + len, 0, size);
		bytes[len] = i + 1 == n ? 17 : 60;
		bytes[len + 1] = (uint8_t)(size / 8 - 1);
	}
	put16(bytes + len, random_one_in(random, 2) ? 53 : 1000);
	put16(bytes + len + 2, 53);
	put16(bytes + len + 4, 16);
	put16(bytes + len + 6, 0);
	memset(bytes + len + 8, 0x5a, 8);
	len += 16;
	put16(bytes + ip + 4, len - ip - 40);
	return len;
}

/* A frame of IEEE 802.3, perhaps with SNAP, from one of Ethernet. */
static uint32_t
to_llc(struct rules_random *random, uint8_t *bytes, uint32_t len)
{
	uint8_t copy[PIPELINE_FRAME];
	uint32_t at = 12;

	while (at + 6 <= len && (bytes[at] == 0x81 || bytes[at] == 0x88) &&
		(bytes[at + 1] == 0 || bytes[at + 1] == 0xa8)) {
		at += 4;
	}
	if (at + 2 > len || len + 8 > PIPELINE_FRAME) {
		return len;
	}
	memcpy(copy, bytes + at, len - at);
	put16(bytes + at, len - at + 6);
	memcpy(bytes + at + 2, "\xaa\xaa\x03\0\0\0", 6);
	memcpy(bytes + at + 8, copy, len - at);
	if (random_one_in(random, 4)) {
		bytes[at + 2 + random_of(random, 6)] ^= 1;
	}
	return len + 8;
}

/*
 * A frame like its neighbor but for a bit, often of a tag; sums are not made right again. Both are
 * sent at about the same time.
 */
static void
random_twin(struct rules_random *random, struct random_frame *frame)
{
	uint32_t at;

	*frame = *(frame == random->frames ? frame + RANDOM_FRAMES - 1 : frame - 1);
	if (frame->len < 15) {
		return;
	}
	at = 12 + random_of(random, frame->len < 82 ? frame->len - 12 : 70);
	if (random_one_in(random, 2)) {
		at = 14 + 4 * random_of(random, 3); /* where a TCI may be, if not something else */
		at += random_one_in(random, 2);
	}
	if (at < frame->len) {
		frame->bytes[at] ^= (uint8_t)(1U << random_of(random, 8));
	}
}

static void
random_new(struct rules_random *random, struct random_frame *frame)
{
	uint8_t *bytes = frame->bytes;
	uint32_t len = random_whole(random, bytes, &frame->station, &frame->ol);

	switch (random_of(random, 24)) {
	case 0:
	case 1:
		len = random_of(random, len + 1); /* cut anywhere */
		break;
	case 2:
		len = random_of(random, 20);
		break;
	case 3:
		len = to_llc(random, bytes, len);
		break;
	case 4:
	case 5:
		len = random_long(random, bytes);
		break;
	case 6:
		if (len > 12) {
			bytes[12 + random_of(random, len < 72 ? len - 12 : 60)] ^=
				(uint8_t)(1 + random_of(random, 255));
		}
		break;
	default:
		break;
	}
	frame->len = len;
}

void
random_frame(struct rules_random *random, struct random_frame *frame)
{
	struct parsed parsed;

	if (random_one_in(random, 3)) {
		random_twin(random, frame);
	} else {
		random_new(random, frame);
	}
	parse_model(frame->bytes, frame->len < PIPELINE_HEAD ? frame->len : PIPELINE_HEAD,
		frame->len, PARSE_ALL, &parsed);
	frame->fields = parsed.fields;
}

void
random_frames(struct rules_random *random)
{
	for (int i = 0; i < RANDOM_FRAMES; i++) {
		random_frame(random, &random->frames[i]);
	}
}
