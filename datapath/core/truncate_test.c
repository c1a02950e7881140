/* SPDX-License-Identifier: BSD-3-Clause */
/* A cut item is the first bytes of its packet, wherever they lie, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/edit.h"

#define BYTES 2000
#define GSO (PKT_OL_CSUM | PKT_OL_TCP4)

static struct rte_mempool *pool;
static struct pkt_clones clones;
static uint8_t bytes[BYTES];

static int
setup(void **state)
{
	(void)state;
	eal_test_start(64);
	pool = eal_test_pool(256, 512);
	for (unsigned int i = 0; i < BYTES; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	}
	return 0;
}

/* The item's bytes by all ways out. */
static void
item_check(const struct tx_item *item, uint32_t n)
{
	static uint8_t got[BYTES + 1];
	struct iovec iov[80];
	struct rte_mbuf *m;
	unsigned int n_iov;
	uint32_t at = 0;

	assert_int_equal(item->len, n);
	assert_true(item->head_len <= n);
	memset(got, 0xdd, sizeof(got));
	pkt_gather(item, got);
	assert_memory_equal(got, bytes, n);
	assert_int_equal(got[n], 0xdd);
	n_iov = pkt_iov(item, iov, 80);
	for (unsigned int i = 0; i < n_iov; i++) {
		assert_memory_equal(iov[i].iov_base, bytes + at, iov[i].iov_len);
		at += (uint32_t)iov[i].iov_len;
	}
	assert_int_equal(at, n);
	m = pkt_to_mbuf(item, pool);
	assert_non_null(m);
	assert_int_equal(eal_test_bytes(m, got), n);
	assert_memory_equal(got, bytes, n);
	rte_pktmbuf_free(m);
}

static void
packet_cut(uint64_t *random, struct pkt *pkt)
{
	uint32_t len = pkt->len;
	uint32_t n = 14 + random_below(random, len);
	struct tx_item item;

	pkt->n_out = 1;
	pkt->ol = (struct pkt_offload){.flags = GSO, .gso_size = 100, .csum_start = 34};
	pkt_item(pkt, &item);
	clones.n = 0;
	if (random_below(random, 2) == 0) {
		assert_true(pkt_clone_head(&item, &clones));
	}
	edit_truncate(&item, n);
	assert_int_equal(item.ol.flags, n < len ? 0 : GSO);
	assert_int_equal(item.ol.gso_size, n < len ? 0 : 100);
	assert_int_equal(pkt->ol.flags, GSO);
	assert_int_equal(pkt->len, len);
	if (n < len) {
		assert_null(pkt_peek_mbuf(&item));
	}
	item_check(&item, RTE_MIN(n, len));
	pkt_free(pkt);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
test_lent(void **state)
{
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t len = 100 + random_below(&random, BYTES - 100);
		uint32_t head_len = 60 + random_below(&random, len - 59);
		uint32_t half = (len - head_len) / 2;
		struct pkt_seg segs[2] = {
			{bytes + head_len, half}, {bytes + head_len + half, len - head_len - half}};
		struct pkt pkt = {.head = bytes,
			.len = len,
			.head_len = (uint16_t)head_len,
			.n_segs = 2,
			.segs = segs};

		packet_cut(&random, &pkt);
	}
}

static void
test_mbuf(void **state)
{
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint32_t len = 60 + random_below(&random, BYTES - 60);
		uint32_t first = RTE_MIN(len, 60 + random_below(&random, 300));
		struct rte_mbuf *m = eal_test_chain(pool, bytes, len, first, &random);
		struct pkt pkt;

		while (m->nb_segs > 70) {
			rte_pktmbuf_free(m);
			m = eal_test_chain(pool, bytes, len, first, &random);
		}
		pkt_from_mbuf(&pkt, m);
		packet_cut(&random, &pkt);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lent),
		cmocka_unit_test(test_mbuf),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
