/* SPDX-License-Identifier: BSD-3-Clause */
/* What peers say of checksums and segments: believed only if the frame says so too. */
#include "datapath/core/offload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/core/caps.h"
#include "datapath/core/eal_test.h"
#include "datapath/core/headers.h"
#include "datapath/core/inet_model.h"

/* A frame whose head alone is in memory that ends where the head does. */
static void
packet_make(struct pkt *pkt, const uint8_t *bytes, uint32_t len, uint32_t head_len)
{
	uint8_t *head = malloc(head_len == 0 ? 1 : head_len);

	assert_non_null(head);
	memcpy(head, bytes, head_len);
	*pkt = (struct pkt){.head = head, .len = len, .head_len = (uint16_t)head_len};
}

/* --- headers ---------------------------------------------------------------------------------- */

static void
test_headers_of_good_frames(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct inet_spec spec = {
			.version = random_below(&random, 2) == 0 ? 4 : 6,
			.proto = random_below(&random, 2) == 0 ? INET_TCP : INET_UDP,
			.n_tags = random_below(&random, 6),
			.ip_options = 4 * random_below(&random, 11),
			.tcp_options = 4 * random_below(&random, 11),
			.payload = random_below(&random, 100),
		};
		uint32_t len = inet_build(&spec, bytes);
		struct offload_headers h;
		struct inet_view view;
		struct pkt pkt;

		assert_null(inet_look(bytes, len, &view));
		packet_make(&pkt, bytes, len, len);
		assert_true(offload_headers(pkt.head, len, &h));
		assert_int_equal(h.ip_version, spec.version);
		assert_int_equal(h.proto, spec.proto);
		assert_int_equal(h.l3, view.l3);
		assert_int_equal(h.l4, view.l4);
		assert_int_equal(h.payload, view.payload);
		free(pkt.head);
		/* Cut anywhere before the payload it is no such frame any more. */
		len = random_below(&random, view.payload);
		packet_make(&pkt, bytes, len, len);
		assert_false(offload_headers(pkt.head, len, &h));
		free(pkt.head);
	}
}

static void
test_headers_of_odd_frames(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {.version = 4, .proto = INET_TCP, .payload = 20};
	uint32_t len = inet_build(&spec, bytes);
	struct offload_headers h;

	(void)state;
	bytes[14] = 0x44; /* header shorter than 20 bytes */
	assert_false(offload_headers(bytes, len, &h));
	bytes[14] = 0x65; /* another version than the EtherType */
	assert_false(offload_headers(bytes, len, &h));
	bytes[14] = 0x45;
	bytes[46] = 0x40; /* TCP header shorter than 20 bytes */
	assert_false(offload_headers(bytes, len, &h));
	bytes[46] = 0x50;
	assert_true(offload_headers(bytes, len, &h));
	bytes[21] = 1; /* a fragment, not the first */
	assert_true(offload_headers(bytes, len, &h));
	assert_int_equal(h.l4, 0);
	assert_int_equal(h.payload, 0);
	bytes[21] = 0;
	bytes[20] = 0x20; /* the first of several */
	assert_true(offload_headers(bytes, len, &h));
	assert_int_equal(h.payload, 0);
	bytes[20] = 0;
	bytes[23] = 132; /* SCTP: a transport header, but none that we know */
	assert_true(offload_headers(bytes, len, &h));
	assert_int_equal(h.l4, 34);
	assert_int_equal(h.payload, 0);
	bytes[12] = 0x88;
	bytes[13] = 0xcc;
	assert_true(offload_headers(bytes, len, &h));
	assert_int_equal(h.ip_version, 0);
	assert_int_equal(h.l4, 0);
}

static void
test_headers_of_nothing_but_tags(void **state)
{
	static uint8_t bytes[UINT16_MAX + 1];
	struct offload_headers h;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2) {
		bytes[i] = 0x81;
		bytes[i + 1] = 0;
	}
	for (uint32_t len = 0; len < 300; len++) {
		assert_false(offload_headers(bytes, len, &h));
	}
	assert_false(offload_headers(bytes, UINT16_MAX - 2, &h));
	assert_false(offload_headers(bytes, UINT16_MAX, &h));
}

static void
test_headers_of_random_bytes(void **state)
{
	uint64_t seed = random_seed();
	uint64_t random = seed;
	static const uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x88a8};

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t len = random_below(&random, 120);
		uint8_t *bytes = malloc(len + 1);
		uint8_t *exact;
		struct offload_headers h;

		for (uint32_t b = 0; b < len; b++) {
			bytes[b] = (uint8_t)random_below(&random, 256);
		}
		for (uint32_t at = 12; at + 2 <= len && random_below(&random, 3) > 0; at += 4) {
			store_be16(bytes + at, types[random_below(&random, 4)]);
			if (at + 3 < len) {
				bytes[at + 2] = random_below(&random, 2) == 0 ? 0x45 : 0x60;
			}
		}
		exact = malloc(len == 0 ? 1 : len);
		memcpy(exact, bytes, len);
		if (offload_headers(exact, len, &h)) {
			if (h.l4 > len || h.payload > len || h.l3 > len ||
				(h.payload != 0 && h.payload < h.l4 + 8)) {
				fail_msg("seed %llu: offsets outside", (unsigned long long)seed);
			}
		}
		free(exact);
		free(bytes);
	}
}

/* --- hints ------------------------------------------------------------------------------------ */

static bool
check(const uint8_t *bytes, uint32_t len, const struct pkt_offload *ol)
{
	struct pkt pkt;
	bool ok;

	packet_make(&pkt, bytes, len, RTE_MIN(len, (uint32_t)PKT_HEAD_MIN));
	pkt.ol = *ol;
	ok = offload_check(&pkt);
	free(pkt.head);
	return ok;
}

static void
lies(const struct inet_spec *spec, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *good)
{
	static const uint8_t kinds[] = {PKT_OL_TCP4, PKT_OL_TCP6, PKT_OL_UDP};
	struct pkt_offload ol = *good;

	assert_true(check(bytes, len, good));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		ol.flags = PKT_OL_CSUM | kinds[i];
		assert_int_equal(check(bytes, len, &ol), ol.flags == good->flags);
	}
	ol = *good;
	ol.flags &= (uint8_t)~PKT_OL_CSUM;
	assert_false(check(bytes, len, &ol));
	ol.flags |= PKT_OL_CSUM_OK;
	assert_false(check(bytes, len, &ol));
	ol = *good;
	ol.gso_size = 0;
	assert_false(check(bytes, len, &ol));
	for (int by = -4; by <= 4; by++) {
		ol = *good;
		ol.csum_start = (uint16_t)(good->csum_start + by);
		assert_int_equal(check(bytes, len, &ol), by == 0);
		ol = *good;
		ol.csum_offset = (uint16_t)(good->csum_offset + by);
		assert_int_equal(check(bytes, len, &ol), by == 0);
	}
	/* Headers and nothing to cut. */
	assert_false(check(bytes, len - spec->payload, good));
	/* Cut in the middle of the headers. */
	for (uint32_t cut = 0; cut < len - spec->payload; cut++) {
		assert_false(check(bytes, cut, good));
	}
}

static void
test_lies_about_segments(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];

	(void)state;
	for (unsigned int i = 0; i < 2 * 2 * 4; i++) {
		struct inet_spec spec = {
			.version = i % 2 == 0 ? 4 : 6,
			.proto = i / 2 % 2 == 0 ? INET_TCP : INET_UDP,
			.n_tags = i / 4,
			.ip_options = 4 * (i / 4),
			.tcp_options = 8,
			.payload = 3000,
			.partial = true,
		};
		uint32_t len = inet_build(&spec, bytes);
		struct pkt_offload good;
		struct inet_view view;

		(void)inet_look(bytes, len, &view);
		good = inet_offload(&spec, &view, 1000);
		lies(&spec, bytes, len, &good);
	}
}

static void
test_segments_of_what_is_not_tcp(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {.version = 4, .proto = INET_TCP, .payload = 3000, .partial = true};
	uint32_t len = inet_build(&spec, bytes);
	struct pkt_offload ol = {.flags = PKT_OL_CSUM | PKT_OL_TCP4,
		.gso_size = 1000,
		.csum_start = 34,
		.csum_offset = 16};

	(void)state;
	assert_true(check(bytes, len, &ol));
	bytes[20] = 0x20; /* a fragment */
	assert_false(check(bytes, len, &ol));
	bytes[20] = 0x40;
	bytes[14] = 0x46; /* the transport header is elsewhere */
	assert_false(check(bytes, len, &ol));
	bytes[14] = 0x45;
	bytes[46] = 0xf0; /* 60 bytes of TCP header: still a frame */
	assert_true(check(bytes, len, &ol));
	bytes[46] = 0x40;
	assert_false(check(bytes, len, &ol));
	bytes[46] = 0x50;
	bytes[12] = 0x81; /* a tag in between */
	bytes[13] = 0x00;
	assert_false(check(bytes, len, &ol));
	bytes[12] = 0x08;
	bytes[13] = 0x06; /* ARP */
	assert_false(check(bytes, len, &ol));
}

/* A copied head holds PKT_HEAD_MIN bytes, and must hold the headers that say how to cut. */
static void
test_headers_that_no_copy_holds(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];

	(void)state;
	for (unsigned int n_tags = 30; n_tags < 40; n_tags++) {
		struct inet_spec spec = {.version = 4,
			.proto = INET_TCP,
			.n_tags = n_tags,
			.payload = 3000,
			.partial = true};
		uint32_t len = inet_build(&spec, bytes);
		struct inet_view view;
		struct pkt pkt;

		(void)inet_look(bytes, len, &view);
		packet_make(&pkt, bytes, len, 1000);
		pkt.ol = (struct pkt_offload){.flags = PKT_OL_CSUM | PKT_OL_TCP4,
			.gso_size = 1000,
			.csum_start = (uint16_t)view.l4,
			.csum_offset = 16};
		assert_int_equal(offload_check(&pkt), view.l4 + 20 <= PKT_HEAD_MIN);
		free(pkt.head);
	}
}

static void
test_lies_about_checksums(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	static const struct {
		uint16_t start;
		uint16_t offset;
		bool ok;
	} hints[] = {
		{34, 16, true},
		{14, 0, true}, /* any place behind the Ethernet header is one */
		{0, 16, false},
		{13, 0, false},
		{98, 0, true},
		{99, 0, false},
		{100, 0, false},
		{34, 64, true},
		{34, 65, false},
		{34, 65535, false},
		{65535, 0, false},
		{65535, 65535, false},
		{65534, 2, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		struct pkt_offload ol = {.flags = PKT_OL_CSUM,
			.csum_start = hints[i].start,
			.csum_offset = hints[i].offset};

		if (check(bytes, 100, &ol) != hints[i].ok) {
			fail_msg("start %u, offset %u", hints[i].start, hints[i].offset);
		}
		ol.flags = PKT_OL_CSUM_OK;
		assert_true(check(bytes, 100, &ol));
	}
	/* A field that lies in lent memory cannot be written. */
	assert_false(check(bytes, 1000,
		&(struct pkt_offload){.flags = PKT_OL_CSUM, .csum_start = 190, .csum_offset = 2}));
}

/* Whatever a peer says: no byte outside, and what is let through can be cut. */
static void
test_random_hints(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	uint64_t seed = random_seed();
	uint64_t random = seed;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct inet_spec spec = {
			.version = random_below(&random, 2) == 0 ? 4 : 6,
			.proto = random_below(&random, 2) == 0 ? INET_TCP : INET_UDP,
			.n_tags = random_below(&random, 4),
			.ip_options = 4 * random_below(&random, 11),
			.tcp_options = 4 * random_below(&random, 11),
			.payload = random_below(&random, 100),
			.partial = true,
		};
		uint32_t len = inet_build(&spec, bytes);
		struct inet_view view;
		struct pkt_offload ol;

		(void)inet_look(bytes, len, &view);
		ol = inet_offload(&spec, &view, (uint16_t)random_below(&random, 50));
		if (random_below(&random, 2) == 0) {
			bytes[12 + random_below(&random, len - 12)] ^=
				(uint8_t)random_below(&random, 256);
		}
		if (random_below(&random, 2) == 0) {
			ol.flags = (uint8_t)random_below(&random, 64);
		}
		if (random_below(&random, 4) == 0) {
			ol.csum_start = (uint16_t)random_below(&random, len + 10);
		}
		len = random_below(&random, 3) == 0 ? random_below(&random, len + 1) : len;
		if (check(bytes, len, &ol) && (ol.flags & PKT_OL_GSO) != 0 &&
			(ol.gso_size == 0 || (ol.flags & PKT_OL_CSUM) == 0 ||
				ol.csum_start + ol.csum_offset + 2U > len)) {
			fail_msg("seed %llu, round %d", (unsigned long long)seed, i);
		}
	}
}

static void
test_what_outputs_lack(void **state)
{
	static const struct {
		uint8_t flag;
		uint32_t cap;
	} pairs[] = {
		{PKT_OL_CSUM, PORT_CAP_CSUM},
		{PKT_OL_TCP4, PORT_CAP_TSO4},
		{PKT_OL_TCP6, PORT_CAP_TSO6},
		{PKT_OL_UDP, PORT_CAP_USO},
	};

	(void)state;
	for (unsigned int flags = 0; flags < 64; flags++) {
		for (uint32_t caps = 0; caps < 64; caps++) {
			uint8_t missing = 0;

			/* Segments must be cut here if the output would repeat CWR in each. */
			if ((flags & PKT_OL_ECN) != 0 && (caps & PORT_CAP_ECN) == 0) {
				missing = (uint8_t)(flags & (PKT_OL_TCP4 | PKT_OL_TCP6));
			}

			for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
				if ((flags & pairs[i].flag) != 0 && (caps & pairs[i].cap) == 0) {
					missing |= pairs[i].flag;
				}
			}
			assert_int_equal(offload_missing((uint8_t)flags, caps), missing);
		}
	}
}

/* --- virtio-net headers ----------------------------------------------------------------------- */

static void
test_vnet_headers(void **state)
{
	/* Numbers of virtio 1.2, section 5.1.6: NONE 0, TCPV4 1, UDP 3, TCPV6 4, UDP_L4 5, ECN 80.
	 */
	static const struct {
		struct vnet_hdr hdr;
		bool ok;
		struct pkt_offload ol;
	} rows[] = {
		{{0, 0, 0, 0, 0, 0}, true, {0, 0, 0, 0}},
		{{1, 0, 0, 0, 34, 16}, true, {PKT_OL_CSUM, 0, 34, 16}},
		{{2, 0, 0, 0, 34, 16}, true, {PKT_OL_CSUM_OK, 0, 0, 0}},
		{{1, 1, 54, 1448, 34, 16}, true, {PKT_OL_CSUM | PKT_OL_TCP4, 1448, 34, 16}},
		{{1, 4, 74, 1428, 54, 16}, true, {PKT_OL_CSUM | PKT_OL_TCP6, 1428, 54, 16}},
		{{1, 5, 42, 1472, 34, 6}, true, {PKT_OL_CSUM | PKT_OL_UDP, 1472, 34, 6}},
		{{1, 0x81, 54, 1448, 34, 16}, true,
			{PKT_OL_CSUM | PKT_OL_TCP4 | PKT_OL_ECN, 1448, 34, 16}},
		{{1, 3, 42, 1472, 34, 6}, false, {0, 0, 0, 0}}, /* UFO */
		{{1, 2, 54, 1448, 34, 16}, false, {0, 0, 0, 0}},
		{{1, 6, 54, 1448, 34, 16}, false, {0, 0, 0, 0}},
		{{1, 0x7f, 54, 1448, 34, 16}, false, {0, 0, 0, 0}},
		{{1, 1, 54, 0, 34, 16}, false, {0, 0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pkt_offload ol;
		struct vnet_hdr back;

		if (offload_from_vnet(&rows[i].hdr, &ol) != rows[i].ok) {
			fail_msg("row %zu", i);
		}
		if (!rows[i].ok) {
			continue;
		}
		assert_int_equal(ol.flags, rows[i].ol.flags);
		assert_int_equal(ol.csum_start, rows[i].ol.csum_start);
		assert_int_equal(ol.csum_offset, rows[i].ol.csum_offset);
		assert_int_equal(ol.gso_size, rows[i].ol.gso_size);
		offload_to_vnet(&ol, rows[i].hdr.hdr_len, &back);
		assert_int_equal(back.flags, rows[i].hdr.flags);
		assert_int_equal(back.gso_type, rows[i].hdr.gso_type);
		assert_int_equal(back.gso_size, rows[i].hdr.gso_size);
		assert_int_equal(back.hdr_len, rows[i].hdr.hdr_len);
		assert_int_equal(back.csum_start, rows[i].ol.csum_start);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_of_good_frames),
		cmocka_unit_test(test_headers_of_odd_frames),
		cmocka_unit_test(test_headers_of_nothing_but_tags),
		cmocka_unit_test(test_headers_of_random_bytes),
		cmocka_unit_test(test_lies_about_segments),
		cmocka_unit_test(test_segments_of_what_is_not_tcp),
		cmocka_unit_test(test_headers_that_no_copy_holds),
		cmocka_unit_test(test_lies_about_checksums),
		cmocka_unit_test(test_random_hints),
		cmocka_unit_test(test_what_outputs_lack),
		cmocka_unit_test(test_vnet_headers),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
