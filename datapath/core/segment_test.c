/* SPDX-License-Identifier: BSD-3-Clause */
/* Cutting and summing in software: every piece is right by itself, all together are the whole. */
#include <rte_mbuf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/inet_model.h"
#include "datapath/core/offload.h"

#define BUFFERS 512

static struct rte_mempool *pool;
static struct rte_mempool *small_pool;

static int
setup(void **state)
{
	(void)state;
	eal_test_start(128);
	pool = eal_test_pool(BUFFERS, 2048);
	small_pool = eal_test_pool(64, 512);
	return 0;
}

static void
spec_random(uint64_t *random, struct inet_spec *spec)
{
	*spec = (struct inet_spec){
		.version = random_below(random, 2) == 0 ? 4 : 6,
		.proto = random_below(random, 2) == 0 ? INET_TCP : INET_UDP,
		.n_tags = random_below(random, 4),
		.tcp_options = 4 * random_below(random, 11),
		.tcp_flags = (uint8_t)random_below(random, 256),
		.id = (uint16_t)random_below(random, 65536),
		.seq = random_below(random, UINT32_MAX),
		.payload = 1 + random_below(random, 20000),
		.filling = (uint8_t)random_below(random, 256),
		.partial = true,
	};
	if (spec->version == 4) {
		spec->ip_options = 4 * random_below(random, 11);
	}
}

/* What segment `i` of n must look like. */
static void
segment_check(const struct inet_spec *spec, const uint8_t *big, const struct inet_view *whole,
	const struct rte_mbuf *m, uint32_t i, uint32_t n, uint16_t gso_size)
{
	uint32_t want = i + 1 < n ? gso_size : spec->payload - i * gso_size;
	uint8_t flags = spec->tcp_flags;
	uint8_t bytes[4096];
	struct inet_view view;
	uint32_t len = eal_test_bytes(m, bytes);
	const char *wrong = inet_look(bytes, len, &view);

	if (wrong != NULL) {
		fail_msg("segment %u of %u: %s", i, n, wrong);
	}
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(view.payload, whole->payload);
	assert_int_equal(view.payload_len, want);
	assert_memory_equal(bytes + view.payload, big + whole->payload + i * gso_size, want);
	/* Addresses, tags, the EtherType, and of the headers what does not differ. */
	assert_memory_equal(bytes, big, view.l3);
	assert_memory_equal(bytes + view.l4, big + view.l4, 4);
	if (spec->version == 4) {
		assert_int_equal(view.id, (uint16_t)(spec->id + i));
		assert_memory_equal(bytes + view.l3 + 6, big + view.l3 + 6, 4);
		assert_memory_equal(bytes + view.l3 + 12, big + view.l3 + 12, 8 + spec->ip_options);
	} else {
		assert_memory_equal(bytes + view.l3, big + view.l3, 4);
		assert_memory_equal(bytes + view.l3 + 6, big + view.l3 + 6, 34);
	}
	if (spec->proto != INET_TCP) {
		return;
	}
	if (i + 1 < n) {
		flags &= (uint8_t) ~(INET_FIN | INET_PSH);
	}
	if (i > 0) {
		flags &= (uint8_t)~INET_CWR;
	}
	assert_int_equal(view.tcp_flags, flags);
	assert_int_equal(view.seq, spec->seq + i * gso_size);
	assert_memory_equal(bytes + view.l4 + 8, big + view.l4 + 8, 5); /* acknowledgement, size */
	assert_memory_equal(bytes + view.l4 + 18, big + view.l4 + 18, 2 + spec->tcp_options);
}

static void
segment_and_check(const struct inet_spec *spec, uint16_t gso_size, uint64_t *random)
{
	static uint8_t big[PKT_LEN_MAX];
	struct rte_mbuf *out[OFFLOAD_SEGS_MAX];
	uint32_t len = inet_build(spec, big);
	uint32_t expected = (spec->payload + gso_size - 1) / gso_size;
	struct inet_view view;
	struct pkt_offload ol;
	struct rte_mbuf *m;
	unsigned int n;

	(void)inet_look(big, len, &view);
	view.payload = len - spec->payload;
	ol = inet_offload(spec, &view, gso_size);
	m = eal_test_chain(pool, big, len, view.payload + random_below(random, 100), random);
	n = offload_segment(m, &ol, pool, out);
	if (expected > OFFLOAD_SEGS_MAX) {
		assert_int_equal(n, 0);
		rte_pktmbuf_free(m);
	} else {
		assert_int_equal(n, expected);
	}
	for (unsigned int i = 0; i < n; i++) {
		segment_check(spec, big, &view, out[i], i, n, gso_size);
		rte_pktmbuf_free(out[i]);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
test_segments(void **state)
{
	uint64_t seed = random_seed();
	uint64_t random = seed;

	(void)state;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 3000; i++) {
		uint16_t gso_size;
		struct inet_spec spec;

		spec_random(&random, &spec);
		gso_size = (uint16_t)(1 + random_below(&random, 1500));
		segment_and_check(&spec, gso_size, &random);
	}
}

static void
test_segment_sizes(void **state)
{
	static const struct {
		uint32_t payload;
		uint16_t gso_size;
	} rows[] = {
		{1, 1},
		{2, 1},
		{128, 1},
		{129, 1},
		{1000, 1},
		{1, 1500},
		{1448, 1448},
		{1449, 1448},
		{2896, 1448},
		{128 * 500, 500},
		{128 * 500 + 1, 500},
		{65400, 1448},
	};
	uint64_t random = random_seed();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inet_spec spec = {.version = 4,
			.proto = INET_TCP,
			.payload = rows[i].payload,
			.tcp_flags = 0xff,
			.id = 65530,
			.seq = UINT32_MAX - 1000,
			.partial = true};

		segment_and_check(&spec, rows[i].gso_size, &random);
		spec.version = 6;
		segment_and_check(&spec, rows[i].gso_size, &random);
		spec.proto = INET_UDP;
		segment_and_check(&spec, rows[i].gso_size, &random);
	}
}

static unsigned int
cut(struct rte_mempool *from, uint8_t *bytes, uint32_t len, const struct pkt_offload *ol,
	struct rte_mempool *to)
{
	struct rte_mbuf *out[OFFLOAD_SEGS_MAX];
	uint64_t random = 1;
	struct rte_mbuf *m = eal_test_chain(from, bytes, len, 200, &random);
	unsigned int n = offload_segment(m, ol, to, out);

	rte_pktmbuf_free_bulk(out, n);
	if (n == 0) {
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_mempool_in_use_count(from), 0);
	assert_int_equal(rte_mempool_in_use_count(small_pool), 0);
	return n;
}

static void
test_what_cannot_be_cut(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {
		.version = 4, .proto = INET_TCP, .payload = 40000, .partial = true};
	uint32_t len = inet_build(&spec, bytes);
	struct pkt_offload ol = {.flags = PKT_OL_CSUM | PKT_OL_TCP4,
		.gso_size = 400,
		.csum_start = 34,
		.csum_offset = 16};

	(void)state;
	assert_int_equal(cut(pool, bytes, len, &ol, pool), 100);
	assert_int_equal(cut(pool, bytes, len, &ol, NULL), 0);
	assert_int_equal(cut(pool, bytes, len, &ol, small_pool), 0); /* 64 buffers */
	ol.gso_size = 1400; /* longer than its buffers */
	assert_int_equal(cut(pool, bytes, len, &ol, small_pool), 0);
	ol.gso_size = 0;
	assert_int_equal(cut(pool, bytes, len, &ol, pool), 0);
	ol.gso_size = 1400;
	assert_int_equal(cut(pool, bytes, 54, &ol, pool), 0); /* no payload */
	assert_int_equal(cut(pool, bytes, 53, &ol, pool), 0);
	bytes[23] = 1; /* ICMP */
	assert_int_equal(cut(pool, bytes, len, &ol, pool), 0);
	bytes[23] = INET_TCP;
	bytes[20] = 0x20; /* a fragment */
	assert_int_equal(cut(pool, bytes, len, &ol, pool), 0);
	bytes[20] = 0x40;
	bytes[12] = 0x88;
	assert_int_equal(cut(pool, bytes, len, &ol, pool), 0); /* not IP */
}

static void
test_finish_csum(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	static uint8_t got[PKT_LEN_MAX];
	uint64_t seed = random_seed();
	uint64_t random = seed;

	(void)state;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 5000; i++) {
		struct inet_spec spec;
		struct inet_view view;
		struct pkt_offload ol;
		struct rte_mbuf *m;
		uint32_t len;
		const char *wrong;

		spec_random(&random, &spec);
		spec.payload %= 3000;
		len = inet_build(&spec, bytes);
		(void)inet_look(bytes, len, &view);
		ol = inet_offload(&spec, &view, 0);
		m = eal_test_chain(
			pool, bytes, len, (uint32_t)(ol.csum_start + ol.csum_offset + 2), &random);
		assert_true(offload_finish_csum(m, &ol));
		assert_int_equal(eal_test_bytes(m, got), len);
		wrong = inet_look(got, len, &view);
		if (wrong != NULL) {
			fail_msg("seed %llu, round %d: %s", (unsigned long long)seed, i, wrong);
		}
		/* Nothing but the field has changed. */
		memcpy(got + ol.csum_start + ol.csum_offset, bytes + ol.csum_start + ol.csum_offset,
			2);
		assert_memory_equal(got, bytes, len);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* RFC 768: a sum of zero would say that there is none. */
static void
test_udp_sum_that_is_zero(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {.version = 4, .proto = INET_UDP, .payload = 10, .partial = true};
	struct pkt_offload ol = {.flags = PKT_OL_CSUM, .csum_start = 34, .csum_offset = 6};
	uint32_t len = inet_build(&spec, bytes);
	uint64_t random = 1;
	struct rte_mbuf *m;
	uint16_t sum;

	(void)state;
	memset(bytes + 42, 0, 2);
	sum = inet_sum(bytes + 34, len - 34, 0);
	bytes[42] = (uint8_t)((65535 - sum) >> 8);
	bytes[43] = (uint8_t)(65535 - sum);
	m = eal_test_chain(pool, bytes, len, len, &random);
	assert_true(offload_finish_csum(m, &ol));
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint16_t *, 40), 0xffff);
	rte_pktmbuf_free(m);
}

static void
test_csum_outside(void **state)
{
	static uint8_t bytes[2000];
	struct pkt_offload ol = {.flags = PKT_OL_CSUM, .csum_start = 34, .csum_offset = 16};
	uint64_t random = 1;
	struct rte_mbuf *m = eal_test_chain(pool, bytes, 1000, 100, &random);

	(void)state;
	assert_true(offload_finish_csum(m, &ol));
	ol.csum_start = 82;
	assert_true(offload_finish_csum(m, &ol));
	ol.csum_start = 83; /* half of the field is in the next segment */
	assert_false(offload_finish_csum(m, &ol));
	ol = (struct pkt_offload){.flags = PKT_OL_CSUM, .csum_start = 65535, .csum_offset = 65535};
	assert_false(offload_finish_csum(m, &ol));
	ol.flags = PKT_OL_CSUM_OK;
	assert_true(offload_finish_csum(m, &ol));
	rte_pktmbuf_free(m);
}

/* --- flags of mbufs --------------------------------------------------------------------------- */

static void
test_to_mbuf(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct inet_spec spec;
		struct inet_view view;
		struct pkt_offload ol;
		struct rte_mbuf *m;
		uint64_t l4;
		uint32_t len;

		spec_random(&random, &spec);
		len = inet_build(&spec, bytes);
		(void)inet_look(bytes, len, &view);
		ol = inet_offload(&spec, &view, (uint16_t)random_below(&random, 2) * 1000);
		m = eal_test_chain(pool, bytes, len, 300, &random);
		m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_TX_IP_CKSUM;
		assert_true(offload_to_mbuf(m, &ol));
		l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
		assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
		assert_int_equal(m->l2_len, view.l3);
		assert_int_equal(m->l3_len, view.l4 - view.l3);
		assert_int_equal(m->l4_len, len - spec.payload - view.l4);
		assert_int_equal(l4,
			spec.proto == INET_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
		assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0, spec.version == 4);
		assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0, spec.version == 6);
		assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0,
			(ol.flags & (PKT_OL_TCP4 | PKT_OL_TCP6)) != 0);
		assert_int_equal(
			(m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0, (ol.flags & PKT_OL_UDP) != 0);
		if (ol.gso_size != 0) {
			assert_int_equal(m->tso_segsz, ol.gso_size);
		}
		ol = (struct pkt_offload){.flags = PKT_OL_CSUM_OK};
		assert_true(offload_to_mbuf(m, &ol));
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
		rte_pktmbuf_free(m);
	}
}

/* A device sums where the protocol's field is: another place cannot be said. */
static void
test_to_mbuf_refuses(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {.version = 4, .proto = INET_TCP, .payload = 50, .partial = true};
	struct pkt_offload ol = {.flags = PKT_OL_CSUM, .csum_start = 34, .csum_offset = 16};
	uint32_t len = inet_build(&spec, bytes);
	uint64_t random = 1;
	struct rte_mbuf *m = eal_test_chain(pool, bytes, len, len, &random);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	(void)state;
	assert_true(offload_to_mbuf(m, &ol));
	ol.csum_start = 36;
	assert_false(offload_to_mbuf(m, &ol));
	ol.csum_start = 34;
	ol.csum_offset = 6;
	assert_false(offload_to_mbuf(m, &ol));
	ol.csum_offset = 16;
	data[23] = 132; /* SCTP */
	assert_false(offload_to_mbuf(m, &ol));
	data[23] = INET_TCP;
	data[12] = 0x88;
	assert_false(offload_to_mbuf(m, &ol));
	rte_pktmbuf_free(m);
}

static void
expect_offload(const struct pkt_offload *got, const struct pkt_offload *want)
{
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->gso_size, want->gso_size);
	assert_int_equal(got->csum_start, want->csum_start);
	assert_int_equal(got->csum_offset, want->csum_offset);
}

static void
test_from_mbuf(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct inet_spec spec;
		struct inet_view view;
		struct pkt_offload want;
		struct rte_mbuf *m;
		struct pkt pkt;
		uint32_t len;

		spec_random(&random, &spec);
		len = inet_build(&spec, bytes);
		(void)inet_look(bytes, len, &view);
		m = eal_test_chain(pool, bytes, len, 300, &random);
		pkt_from_mbuf(&pkt, m);
		pkt.ol.flags = 0xff;
		offload_from_mbuf(&pkt);
		assert_int_equal(pkt.ol.flags, 0);
		m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		offload_from_mbuf(&pkt);
		assert_int_equal(pkt.ol.flags, PKT_OL_CSUM_OK);
		m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
		offload_from_mbuf(&pkt);
		want = inet_offload(&spec, &view, 0);
		expect_offload(&pkt.ol, &want);
		m->ol_flags = RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		m->tso_segsz = 1200;
		offload_from_mbuf(&pkt);
		want = inet_offload(&spec, &view, 1200);
		expect_offload(&pkt.ol, &want);
		assert_true(offload_check(&pkt));
		pkt_free(&pkt);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_segment_sizes),
		cmocka_unit_test(test_what_cannot_be_cut),
		cmocka_unit_test(test_finish_csum),
		cmocka_unit_test(test_udp_sum_that_is_zero),
		cmocka_unit_test(test_csum_outside),
		cmocka_unit_test(test_to_mbuf),
		cmocka_unit_test(test_to_mbuf_refuses),
		cmocka_unit_test(test_from_mbuf),
	};

	return cmocka_run_group_tests_name("segment", tests, setup, NULL);
}
