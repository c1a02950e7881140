/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/inet_model.h"

#include <string.h>

static void
put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value / 256);
	to[1] = (uint8_t)(value % 256);
}

static uint32_t
get16(const uint8_t *from)
{
	return from[0] * 256U + from[1];
}

static uint32_t
get32(const uint8_t *from)
{
	return get16(from) * 65536U + get16(from + 2);
}

uint16_t
inet_sum(const uint8_t *bytes, uint32_t len, uint64_t start)
{
	uint64_t sum = start;

	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? bytes[i] * 256U : bytes[i];
	}
	while (sum > 65535) {
		sum = sum / 65536 + sum % 65536;
	}
	return (uint16_t)sum;
}

/* Addresses, length and protocol, as RFC 9293 section 3.1 and RFC 8200 section 8.1 want. */
static uint64_t
pseudo_sum(const uint8_t *ip, unsigned int version, uint8_t proto, uint32_t l4_len)
{
	uint32_t addresses = version == 4 ? 12 : 8;
	uint32_t size = version == 4 ? 8 : 32;

	return (uint64_t)inet_sum(ip + addresses, size, 0) + proto + l4_len / 65536 +
		l4_len % 65536;
}

static uint32_t
build_ip(const struct inet_spec *spec, uint32_t l4_len, uint8_t *ip)
{
	uint32_t len = 20 + spec->ip_options;

	if (spec->version == 6) {
		memset(ip, 0, 40);
		ip[0] = 0x60;
		put16(ip + 4, l4_len);
		ip[6] = spec->proto;
		ip[7] = 64;
		for (int i = 8; i < 40; i++) {
			ip[i] = (uint8_t)(0xf0 - 3 * i);
		}
		return 40;
	}
	memset(ip, 1, len); /* options: no operation */
	ip[0] = (uint8_t)(0x40 + len / 4);
	ip[1] = 0;
	put16(ip + 2, len + l4_len);
	put16(ip + 4, spec->id);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = spec->proto;
	put16(ip + 10, 0);
	for (int i = 12; i < 20; i++) {
		ip[i] = (uint8_t)(10 * i);
	}
	put16(ip + 10, 65535U - inet_sum(ip, len, 0));
	return len;
}

static uint32_t
build_l4(const struct inet_spec *spec, uint8_t *l4)
{
	uint32_t len = 20 + spec->tcp_options;

	put16(l4, 1234);
	put16(l4 + 2, 80);
	if (spec->proto == INET_UDP) {
		put16(l4 + 4, 8 + spec->payload);
		put16(l4 + 6, 0);
		return 8;
	}
	memset(l4 + 4, 1, len - 4);
	put16(l4 + 4, spec->seq / 65536);
	put16(l4 + 6, spec->seq % 65536);
	l4[12] = (uint8_t)(len / 4 * 16);
	l4[13] = spec->tcp_flags;
	put16(l4 + 16, 0);
	put16(l4 + 18, 0);
	return len;
}

uint32_t
inet_build(const struct inet_spec *spec, uint8_t *bytes)
{
	uint32_t l4_len = (spec->proto == INET_UDP ? 8 : 20 + spec->tcp_options) + spec->payload;
	uint32_t at = 12;
	uint8_t *ip;
	uint8_t *l4;
	uint8_t *field;
	uint64_t pseudo;

	for (uint32_t i = 0; i < 12; i++) {
		bytes[i] = (uint8_t)(2 * i);
	}
	for (unsigned int i = 0; i < spec->n_tags; i++) {
		put16(bytes + at, i % 2 == 0 ? 0x8100 : 0x88a8);
		put16(bytes + at + 2, 0x2000 + i);
		at += 4;
	}
	put16(bytes + at, spec->version == 4 ? 0x0800 : 0x86dd);
	ip = bytes + at + 2;
	l4 = ip + build_ip(spec, l4_len, ip);
	at = (uint32_t)(l4 - bytes) + build_l4(spec, l4);
	for (uint32_t i = 0; i < spec->payload; i++) {
		bytes[at + i] = (uint8_t)(spec->filling + i * i + i / 251);
	}
	field = l4 + (spec->proto == INET_UDP ? 6 : 16);
	pseudo = pseudo_sum(ip, spec->version, spec->proto, l4_len);
	if (spec->partial) {
		put16(field, inet_sum(NULL, 0, pseudo));
	} else {
		uint32_t sum = 65535U - inet_sum(l4, l4_len, pseudo);

		put16(field, sum == 0 && spec->proto == INET_UDP ? 65535U : sum);
	}
	return at + spec->payload;
}

static const char *
look_l4(const uint8_t *bytes, uint32_t l4_len, struct inet_view *view)
{
	const uint8_t *l4 = bytes + view->l4;
	uint32_t header = view->proto == INET_UDP ? 8 : l4[12] / 16U * 4;
	uint64_t pseudo = pseudo_sum(bytes + view->l3, view->version, view->proto, l4_len);

	if (header > l4_len) {
		return "the transport header is cut off";
	}
	if (view->proto == INET_UDP) {
		if (get16(l4 + 4) != l4_len) {
			return "UDP length";
		}
		if (get16(l4 + 6) == 0) {
			return "no UDP checksum";
		}
	} else {
		view->seq = get32(l4 + 4);
		view->tcp_flags = l4[13];
	}
	if (inet_sum(l4, l4_len, pseudo) != 65535) {
		return "transport checksum";
	}
	view->payload = view->l4 + header;
	view->payload_len = l4_len - header;
	return NULL;
}

const char *
inet_look(const uint8_t *bytes, uint32_t len, struct inet_view *view)
{
	uint32_t at = 12;
	const uint8_t *ip;

	memset(view, 0, sizeof(*view));
	while (get16(bytes + at) == 0x8100 || get16(bytes + at) == 0x88a8) {
		at += 4;
	}
	view->l3 = at + 2;
	ip = bytes + view->l3;
	if (get16(bytes + at) == 0x0800) {
		uint32_t header = ip[0] % 16U * 4;

		view->version = 4;
		view->proto = ip[9];
		view->id = (uint16_t)get16(ip + 4);
		view->l4 = view->l3 + header;
		if (get16(ip + 2) != len - view->l3) {
			return "IPv4 total length";
		}
		if (inet_sum(ip, header, 0) != 65535) {
			return "IPv4 header checksum";
		}
	} else if (get16(bytes + at) == 0x86dd) {
		view->version = 6;
		view->proto = ip[6];
		view->l4 = view->l3 + 40;
		if (get16(ip + 4) != len - view->l4) {
			return "IPv6 payload length";
		}
	} else {
		return "no IP";
	}
	return look_l4(bytes, len - view->l4, view);
}

struct pkt_offload
inet_offload(const struct inet_spec *spec, const struct inet_view *view, uint16_t gso_size)
{
	uint8_t kind = spec->proto == INET_UDP ? PKT_OL_UDP
		: spec->version == 4           ? PKT_OL_TCP4
					       : PKT_OL_TCP6;

	return (struct pkt_offload){
		.flags = (uint8_t)(PKT_OL_CSUM | (gso_size > 0 ? kind : 0)),
		.gso_size = gso_size,
		.csum_start = (uint16_t)view->l4,
		.csum_offset = spec->proto == INET_UDP ? 6 : 16,
	};
}
