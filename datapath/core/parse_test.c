/* SPDX-License-Identifier: BSD-3-Clause */
/* Each header, and each way in which it can be wrong. All frames are cut at every byte, too. */
#include "datapath/core/parse.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/core/eal_test.h"
#include "datapath/core/parse_model.h"
#include "datapath/core/parse_test_check.h"
#include "datapath/core/parse_test_frames.h"

#define V4 FIELDS_VALID_IPV4
#define V6 FIELDS_VALID_IPV6
#define L4 FIELDS_VALID_L4
#define ND FIELDS_VALID_ND
#define BAD_ND FIELDS_ND_INVALID
#define DEEP FIELDS_DEEP

struct want {
	unsigned int valid;
	unsigned int proto;
	unsigned int frag;
	uint32_t l4;
	uint32_t payload;
};

static struct parsed
expect_at(int line, const struct frame *frame, struct want want)
{
	struct parsed got = parse_check_all(frame);

	if (got.fields.valid != want.valid || got.fields.proto != want.proto ||
		got.fields.frag != want.frag || got.l4 != want.l4 || got.payload != want.payload) {
		fail_msg("line %d: valid %#x proto %u frag %u l4 %u payload %u", line,
			got.fields.valid, got.fields.proto, got.fields.frag, got.l4, got.payload);
	}
	return got;
}
#define expect(frame, ...) expect_at(__LINE__, frame, (struct want){__VA_ARGS__})

static void
bytes_are(const void *bytes, unsigned int first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(((const uint8_t *)bytes)[i], (uint8_t)(first + i));
	}
}

static void
test_tags(void **state)
{
	struct frame frame;
	struct parsed got;

	(void)state;
	frame_begin(&frame);
	frame_u16(&frame, 0x88cc);
	frame_fill(&frame, 0, 46);
	got = expect(&frame, 0, 0, 0, 0, 0);
	bytes_are(got.fields.eth_dst, 2, 6);
	bytes_are(got.fields.eth_src, 0x12, 6);
	assert_int_equal(got.fields.eth_type, htobe16(0x88cc));
	assert_int_equal(got.fields.vlan_tci, 0);
	assert_int_equal(got.type_at, 12);
	assert_int_equal(got.l3, 14);

	frame_begin(&frame);
	frame_tag(&frame, 0x88a8, 0xe007);
	frame_tag(&frame, 0x8100, 0x0123);
	frame_tag(&frame, 0x8100, 0x0800);
	frame_u16(&frame, 0x0806);
	got = expect(&frame, 0, 0, 0, 0, 0);
	assert_int_equal(got.fields.vlan_tci, htobe16(0xf007));
	assert_int_equal(got.fields.outer_tpid, htobe16(0x88a8));
	assert_int_equal(got.fields.inner_tci, htobe16(0x1123));
	assert_int_equal(got.fields.inner_tpid, htobe16(0x8100));
	assert_int_equal(got.fields.eth_type, htobe16(0x8100)); /* no third tag */
	assert_int_equal(got.n_tags, 2);
	assert_int_equal(got.type_at, 20);

	frame.len = 17; /* a tag without the type behind it */
	got = expect(&frame, 0, 0, 0, 0, 0);
	assert_int_equal(got.fields.vlan_tci, 0);
	assert_int_equal(got.fields.eth_type, htobe16(0x88a8));
	frame.len = 13;
	got = expect(&frame, 0, 0, 0, 0, 0);
	assert_int_equal(got.fields.eth_type, htobe16(FIELDS_ETH_TYPE_NONE));
	assert_int_equal(got.type_at, 0);
	frame.len = 18;
	got = parse_check(frame.bytes, 17, 18);
	assert_int_equal(got.fields.valid, DEEP);
}

static void
test_lengths_and_snap(void **state)
{
	static const struct {
		unsigned int len;
		unsigned int type;
		int change; /* a byte of the SNAP header that is made wrong, or -1 */
		unsigned int want;
	} rows[] = {
		{36, 0x0800, -1, 0x0800},
		{36, 0x0800, 0, FIELDS_ETH_TYPE_NONE},
		{36, 0x0800, 2, FIELDS_ETH_TYPE_NONE},
		{36, 0x0800, 5, FIELDS_ETH_TYPE_NONE},
		{36, 0x05ff, -1, FIELDS_ETH_TYPE_NONE},
		{36, 0x0600, -1, 0x0600},
		{36, 0x8100, -1, 0x8100}, /* no tags in there */
		{7, 0x0800, -1, FIELDS_ETH_TYPE_NONE},
		{37, 0x0800, -1, FIELDS_ETH_TYPE_NONE}, /* longer than the frame */
		{35, 0x0800, -1, 0x0800},
	};
	struct frame frame;
	struct parsed got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		frame_begin(&frame);
		frame_snap(&frame, rows[i].len, rows[i].type);
		frame.ip = frame.len;
		frame_ipv4(&frame, 17, 0, 0);
		memmove(frame.bytes + 22, frame.bytes + 24, 20); /* the type is in SNAP already */
		frame.len = 42;
		frame_l4(&frame, 17, 8);
		frame.ip = 22;
		frame_end(&frame);
		if (rows[i].change >= 0) {
			frame.bytes[14 + rows[i].change] ^= 1;
		}
		got = parse_check_all(&frame);
		if (be16toh(got.fields.eth_type) != rows[i].want) {
			fail_msg("row %zu: %x", i, be16toh(got.fields.eth_type));
		}
		/* the packet ends where the length says */
		assert_int_equal(got.fields.valid,
			rows[i].want != 0x0800      ? 0
				: rows[i].len == 36 ? V4 | L4
						    : 0);
		assert_int_equal(got.l3, rows[i].want == FIELDS_ETH_TYPE_NONE ? 14 : 22);
	}
	got = parse_check(frame.bytes, 21, frame.len);
	assert_int_equal(got.fields.valid, DEEP);
}

static void
test_arp(void **state)
{
	struct frame frame;
	struct parsed got;

	(void)state;
	frame_begin(&frame);
	frame_arp(&frame, 2);
	got = expect(&frame, FIELDS_VALID_ARP, 2, 0, 0, 0);
	bytes_are(&got.fields.ip4_src, 10, 4);
	bytes_are(&got.fields.ip4_dst, 20, 4);
	bytes_are(got.fields.arp_sha, 0x12, 6);
	bytes_are(got.fields.arp_tha, 0x60, 6);
	for (uint32_t i = 14; i < 20; i++) { /* another link, protocol or length */
		frame.bytes[i] ^= 2;
		expect(&frame, 0, 0, 0, 0, 0);
		frame.bytes[i] ^= 2;
	}
	frame.bytes[20] = 1;
	expect(&frame, FIELDS_VALID_ARP, 0, 0, 0, 0);
	frame.bytes[20] = 0;
	frame.bytes[21] = 255;
	expect(&frame, FIELDS_VALID_ARP, 255, 0, 0, 0);
	frame.len--;
	expect(&frame, 0, 0, 0, 0, 0);
}

static void
test_ipv4(void **state)
{
	struct frame frame;
	struct parsed got;

	(void)state;
	frame_begin(&frame);
	frame_ipv4(&frame, 17, 0, 0x4000);
	frame_l4(&frame, 17, 12);
	frame_end(&frame);
	got = expect(&frame, V4 | L4, 17, 0, 34, 42);
	bytes_are(&got.fields.ip4_src, 10, 4);
	bytes_are(&got.fields.ip4_dst, 20, 4);
	assert_int_equal(got.fields.tos, 0xb9);
	assert_int_equal(got.fields.ttl, 64);
	assert_int_equal(got.fields.l4_src, htobe16(0x1122));
	assert_int_equal(got.fields.l4_dst, htobe16(0x3344));
	frame_fill(&frame, 0, 9); /* padding */
	expect(&frame, V4 | L4, 17, 0, 34, 42);
	frame.bytes[17] = 27; /* the UDP header ends in the padding */
	expect(&frame, V4, 17, 0, 34, 0);
	frame.bytes[17] = 20;
	expect(&frame, V4, 17, 0, 34, 0);
	frame.bytes[17] = 19;
	expect(&frame, 0, 0, 0, 0, 0);
	frame.bytes[17] = (uint8_t)(frame.len - 14);
	expect(&frame, V4 | L4, 17, 0, 34, 42);
	frame.bytes[17]++;
	expect(&frame, 0, 0, 0, 0, 0);
	frame.bytes[17] = 28;
	frame.bytes[14] = 0x44;
	expect(&frame, 0, 0, 0, 0, 0);
	frame.bytes[14] = 0x65;
	expect(&frame, 0, 0, 0, 0, 0);
	frame.bytes[14] = 0x48; /* options beyond the total length */
	expect(&frame, 0, 0, 0, 0, 0);

	frame_begin(&frame);
	frame_tag(&frame, 0x8100, 5);
	frame_ipv4(&frame, 6, 10, 0);
	frame_l4(&frame, 6, 40);
	frame_end(&frame);
	got = expect(&frame, V4 | L4, 6, 0, 78, 118);
	assert_int_equal(got.fields.tcp_flags, htobe16(0x0f12));
	got = parse_check(frame.bytes, 77, frame.len);
	assert_int_equal(got.fields.valid, DEEP);
	got = parse_check(frame.bytes, 97, frame.len);
	assert_int_equal(got.fields.valid, V4 | DEEP);
	got = parse_check(frame.bytes, 98, frame.len);
	assert_int_equal(got.payload, 118); /* may be beyond the head */
}

static void
test_transport(void **state)
{
	static const struct {
		unsigned int version;
		unsigned int proto;
		uint32_t least; /* bytes of the header, 0: never */
	} rows[] = {
		{4, 6, 20},
		{4, 17, 8},
		{4, 132, 12},
		{4, 1, 4},
		{4, 58, 0},
		{4, 51, 0},
		{4, 47, 0},
		{6, 6, 20},
		{6, 17, 8},
		{6, 132, 12},
		{6, 58, 4},
		{6, 1, 0},
		{6, 50, 0},
		{6, 135, 0},
	};
	struct frame frame;
	struct parsed got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (uint32_t len = 4; len < 24; len++) {
			bool whole = rows[i].least != 0 && len >= rows[i].least;
			bool icmp = rows[i].least == 4;
			uint32_t l4 = rows[i].version == 4 ? 34 : 54;

			frame_begin(&frame);
			if (rows[i].version == 4) {
				frame_ipv4(&frame, rows[i].proto, 0, 0);
			} else {
				frame_ipv6(&frame, rows[i].proto);
			}
			frame_l4(&frame, rows[i].proto, rows[i].proto == 6 ? 20 : len);
			frame.len = l4 + len;
			frame_end(&frame);
			got = expect(&frame, (rows[i].version == 4 ? V4 : V6) | (whole ? L4 : 0),
				rows[i].proto, 0, l4, whole ? l4 + rows[i].least : 0);
			assert_int_equal(be16toh(got.fields.l4_src),
				!whole         ? 0
					: icmp ? 0x11
					       : 0x1122);
			assert_int_equal(be16toh(got.fields.l4_dst),
				!whole         ? 0
					: icmp ? 0x22
					       : 0x3344);
		}
	}
	frame_begin(&frame);
	frame_ipv4(&frame, 6, 0, 0);
	frame_l4(&frame, 6, 24);
	frame_end(&frame);
	expect(&frame, V4 | L4, 6, 0, 34, 58);
	frame.bytes[46] = 0x4f; /* TCP's data offset: too small, and behind the packet */
	expect(&frame, V4, 6, 0, 34, 0);
	frame.bytes[46] = 0x7f;
	frame_fill(&frame, 0, 4);
	expect(&frame, V4, 6, 0, 34, 0);
}

static void
test_fragments(void **state)
{
	static const struct {
		bool v6;
		unsigned int fragment;
		unsigned int frag;
	} rows[] = {
		{false, 0x4000, FIELDS_FRAG_NONE},
		{false, 0x8000, FIELDS_FRAG_NONE},
		{false, 0x2000, FIELDS_FRAG_FIRST},
		{false, 0x2001, FIELDS_FRAG_LATER},
		{false, 0x0001, FIELDS_FRAG_LATER},
		{false, 0x1000, FIELDS_FRAG_LATER},
		{true, 0x0000, FIELDS_FRAG_NONE}, /* atomic */
		{true, 0x0006, FIELDS_FRAG_NONE},
		{true, 0x0001, FIELDS_FRAG_FIRST},
		{true, 0x0009, FIELDS_FRAG_LATER},
		{true, 0x0008, FIELDS_FRAG_LATER},
		{true, 0x8000, FIELDS_FRAG_LATER},
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool later = rows[i].frag == FIELDS_FRAG_LATER;
		uint32_t l4 = rows[i].v6 ? 62 : 34;

		frame_begin(&frame);
		if (rows[i].v6) {
			frame_ipv6(&frame, 44);
			frame_fragment(&frame, 17, rows[i].fragment);
		} else {
			frame_ipv4(&frame, 17, 0, rows[i].fragment);
		}
		frame_l4(&frame, 17, 16);
		frame_end(&frame);
		expect(&frame, (rows[i].v6 ? V6 : V4) | (later ? 0 : L4), 17, rows[i].frag,
			later ? 0 : l4, later ? 0 : l4 + 8);
	}
}

static void
test_ipv6(void **state)
{
	struct frame frame;
	struct parsed got;

	(void)state;
	frame_begin(&frame);
	frame_ipv6(&frame, 17);
	frame_l4(&frame, 17, 8);
	frame_end(&frame);
	got = expect(&frame, V6 | L4, 17, 0, 54, 62);
	bytes_are(got.fields.ip6_src, 0x20, 16);
	bytes_are(got.fields.ip6_dst, 0x40, 16);
	assert_int_equal(got.fields.ip6_label, htobe32(0x12345));
	assert_int_equal(got.fields.tos, 0xb9);
	assert_int_equal(got.fields.ttl, 255);
	frame_fill(&frame, 0, 3);
	expect(&frame, V6 | L4, 17, 0, 54, 62);
	frame.bytes[19] = 7; /* the header ends in the padding */
	expect(&frame, V6, 17, 0, 54, 0);
	frame.bytes[19] = 12;
	expect(&frame, 0, 0, 0, 0, 0);
	frame.bytes[19] = 8;
	frame.bytes[14] = 0x4b;
	expect(&frame, 0, 0, 0, 0, 0);
	frame.bytes[14] = 0x6b;
	frame.bytes[20] = 59;
	expect(&frame, V6, 59, 0, 0, 0);
	frame.bytes[20] = 0; /* a jumbogram */
	frame.bytes[19] = 0;
	expect(&frame, V6, 0, 0, 0, 0);
}

static void
test_extensions(void **state)
{
	static const unsigned int all[] = {0, 60, 43, 51, 44, 60};
	struct frame frame;
	struct parsed got;
	uint32_t l4;

	(void)state;
	frame_begin(&frame);
	frame_ipv6(&frame, all[0]);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		unsigned int next = i + 1 < ARRAY_LEN(all) ? all[i + 1] : 6;

		if (all[i] == 44) {
			frame_fragment(&frame, next, 0);
		} else {
			frame_ext(&frame, all[i], next, all[i] == 51 ? 20 : 16);
		}
	}
	l4 = frame.len;
	assert_int_equal(l4, 54 + 16 * 4 + 20 + 8);
	frame_l4(&frame, 6, 20);
	frame_end(&frame);
	expect(&frame, V6 | L4, 6, 0, l4, l4 + 20);
	frame.bytes[54] = 0; /* hop-by-hop options where they may not be */
	expect(&frame, V6, 0, 0, 0, 0);
	frame.bytes[54] = 60;
	frame.bytes[71] = 255; /* longer than the packet */
	expect(&frame, V6, 60, 0, 0, 0);
	frame.bytes[71] = 1;
	frame.bytes[70] = 50; /* what ESP hides is not looked at */
	expect(&frame, V6, 50, 0, 86, 0);
	frame.bytes[70] = 59;
	expect(&frame, V6, 59, 0, 0, 0);
	frame.bytes[70] = 43;
	got = parse_check(frame.bytes, 85, frame.len);
	assert_int_equal(got.fields.valid, V6 | DEEP);
	assert_int_equal(got.fields.proto, 60);

	for (unsigned int n = PARSE_EXT_MAX; n <= PARSE_EXT_MAX + 1; n++) {
		frame_begin(&frame);
		frame_ipv6(&frame, 60);
		for (unsigned int i = 1; i <= n; i++) {
			frame_ext(&frame, 60, i < n ? 60 : 17, 8);
		}
		frame_l4(&frame, 17, 8);
		frame_end(&frame);
		if (n == PARSE_EXT_MAX) {
			expect(&frame, V6 | L4, 17, 0, 118, 126);
		} else {
			expect(&frame, V6 | DEEP, 60, 0, 0, 0);
		}
	}
}

/* The same frame with and without a tag: the UDP header lies within what is looked at, or not. */
static void
test_the_end_of_reach(void **state)
{
	struct frame frame;

	(void)state;
	for (uint32_t tags = 0; tags < 2; tags++) {
		frame_begin(&frame);
		if (tags > 0) {
			frame_tag(&frame, 0x8100, 0);
		}
		frame_ipv6(&frame, 60);
		frame_ext(&frame, 60, 60, 440);
		frame_ext(&frame, 60, 17, 8);
		frame_l4(&frame, 17, 30);
		frame_end(&frame);
		if (tags == 0) {
			assert_int_equal(frame.len, PARSE_HEAD_MAX - 10 + 30);
			expect(&frame, V6 | L4, 17, 0, 502, 510);
		} else {
			expect(&frame, V6 | DEEP, 17, 0, 506, 0);
		}
	}
}

static void
nd_begin(struct frame *frame, unsigned int type)
{
	frame_begin(frame);
	frame_ipv6(frame, 58);
	frame_nd(frame, type);
}

static void
test_neighbours(void **state)
{
	struct frame frame;
	struct parsed got;

	(void)state;
	nd_begin(&frame, 135);
	frame_end(&frame);
	got = expect(&frame, V6 | L4 | ND, 58, 0, 54, 58);
	bytes_are(got.fields.nd_target, 0xc0, 16);
	assert_int_equal(be16toh(got.fields.l4_src), 135);
	frame.bytes[20] = 17; /* UDP from a port that looks like it */
	expect(&frame, V6 | L4, 17, 0, 54, 62);

	nd_begin(&frame, 136);
	frame_nd_option(&frame, 1, 2); /* not an Ethernet address */
	frame_nd_option(&frame, 2, 1);
	frame_nd_option(&frame, 3, 4);
	frame_nd_option(&frame, 1, 1);
	frame_end(&frame);
	got = expect(&frame, V6 | L4 | ND, 58, 0, 54, 58);
	bytes_are(got.fields.arp_sha, 0x10, 6);
	bytes_are(got.fields.arp_tha, 0x20, 6);
	got = parse_check(frame.bytes, frame.len - 1, frame.len);
	assert_int_equal(got.fields.valid, V6 | L4 | DEEP);
	frame.bytes[21] = 254; /* hop limit */
	expect(&frame, V6 | L4 | BAD_ND, 58, 0, 54, 58);
	frame.bytes[21] = 255;
	frame.bytes[55] = 1; /* code */
	expect(&frame, V6 | L4 | BAD_ND, 58, 0, 54, 58);
	frame.bytes[55] = 0;
	frame.bytes[54] = 137; /* redirect */
	expect(&frame, V6 | L4, 58, 0, 54, 58);
	frame.bytes[54] = 134;
	expect(&frame, V6 | L4, 58, 0, 54, 58);
	frame.bytes[54] = 135;
	frame.bytes[frame.len - 7] = 0; /* an option without length */
	expect(&frame, V6 | L4 | BAD_ND, 58, 0, 54, 58);
	frame.bytes[frame.len - 7] = 2; /* one that is cut off */
	expect(&frame, V6 | L4 | BAD_ND, 58, 0, 54, 58);
	frame.bytes[frame.len - 7] = 1;
	frame.bytes[frame.len - 8] = 2; /* one that is there twice */
	expect(&frame, V6 | L4 | BAD_ND, 58, 0, 54, 58);

	frame_begin(&frame); /* in a fragment */
	frame_ipv6(&frame, 44);
	frame_fragment(&frame, 58, 1);
	frame_nd(&frame, 135);
	frame_end(&frame);
	expect(&frame, V6 | L4 | BAD_ND, 58, FIELDS_FRAG_FIRST, 62, 66);
}

/* A head that is too short is made longer, once and as far as that helps. */
static void
test_pulling(void **state)
{
	struct rte_mempool *pool;
	struct frame frame;
	struct parsed got;
	struct parsed want;
	uint64_t random = 1;
	struct pkt pkt;

	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(64, 1024);
	for (unsigned int n = 8; n <= 64; n += 8) {
		frame_begin(&frame);
		frame_ipv6(&frame, 60);
		frame_ext(&frame, 60, 60, 184);
		frame_ext(&frame, 60, 17, n * 8);
		frame_l4(&frame, 17, 300);
		frame_end(&frame);
		pkt_from_mbuf(&pkt, eal_test_chain(pool, frame.bytes, frame.len, 200, &random));
		pkt.head_len = (uint16_t)RTE_MIN(pkt.head_len, 200);
		parse_pkt(&pkt, PARSE_ALL, &got);
		parse_model(frame.bytes, frame.len, frame.len, PARSE_ALL, &want);
		assert_memory_equal(&got.fields, &want.fields, sizeof(want.fields));
		assert_true(parse_offsets_equal(&got, &want));
		assert_int_equal(got.fields.valid, n <= 32 ? V6 | L4 : V6 | DEEP);
		pkt_free(&pkt);
	}
	rte_mempool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_lengths_and_snap),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_the_end_of_reach),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_pulling),
	};

	return cmocka_run_group_tests_name("parse", tests, parse_check_start, NULL);
}
