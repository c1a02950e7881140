/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet is its bytes, wherever they lie: compared with a plain array after each operation. */
#include "datapath/core/pkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"

#define ROUNDS 4000
#define ITEMS 6
#define CSUM_START 40

static struct rte_mempool *pool;
static struct rte_mempool *tiny; /* two buffers */

static int
setup(void **state)
{
	(void)state;
	eal_test_start(128);
	pool = eal_test_pool(2048, 512);
	tiny = eal_test_pool(2, 512);
	return 0;
}

/* --- the model: bytes, and edits that move all of them ---------------------------------------- */

struct whole {
	uint32_t len;
	uint8_t bytes[PKT_LEN_MAX + 64];
};

static void
whole_push(struct whole *whole, uint16_t tpid, uint16_t tci)
{
	for (uint32_t i = whole->len; i > 12; i--) {
		whole->bytes[i + 3] = whole->bytes[i - 1];
	}
	whole->bytes[12] = (uint8_t)(tpid / 256);
	whole->bytes[13] = (uint8_t)(tpid % 256);
	whole->bytes[14] = (uint8_t)(tci / 256);
	whole->bytes[15] = (uint8_t)(tci % 256);
	whole->len += 4;
}

static void
whole_pop(struct whole *whole)
{
	for (uint32_t i = 12; i + 4 < whole->len; i++) {
		whole->bytes[i] = whole->bytes[i + 4];
	}
	whole->len -= 4;
}

static void
whole_random(struct whole *whole, uint64_t *random)
{
	static const uint32_t spans[] = {60, 300, 3000, 20000};

	whole->len = 14 + random_below(random, spans[random_below(random, 4)]);
	for (uint32_t i = 0; i < whole->len; i++) {
		whole->bytes[i] = (uint8_t)random_below(random, 256);
	}
}

/* --- packets of both kinds -------------------------------------------------------------------- */

struct lent {
	uint8_t head[PKT_HEADROOM + PKT_HEAD_MIN];
	struct pkt_seg segs[PKT_SEGS_MAX];
	uint8_t *memory; /* all segments, apart by a byte of nothing */
};

static void
packet_lent(struct pkt *pkt, struct lent *lent, const struct whole *whole, uint64_t *random)
{
	uint16_t head_len = (uint16_t)RTE_MIN(whole->len, (uint32_t)PKT_HEAD_MIN);
	uint32_t done = head_len;
	uint32_t at = 0;
	uint16_t n = 0;

	lent->memory = malloc(whole->len + PKT_SEGS_MAX);
	memcpy(lent->head + PKT_HEADROOM, whole->bytes, head_len);
	while (done < whole->len) {
		uint32_t left = whole->len - done;
		uint32_t take = n + 1 == PKT_SEGS_MAX
			? left
			: RTE_MIN(left, 1 + random_below(random, 3000));

		memcpy(lent->memory + at, whole->bytes + done, take);
		lent->segs[n++] = (struct pkt_seg){lent->memory + at, take};
		at += take + 1;
		done += take;
	}
	*pkt = (struct pkt){.head = lent->head + PKT_HEADROOM,
		.len = whole->len,
		.head_len = head_len,
		.headroom = PKT_HEADROOM,
		.n_segs = n,
		.segs = lent->segs};
}

static void
packet_random(struct pkt *pkt, struct lent *lent, const struct whole *whole, uint64_t *random)
{
	memset(lent, 0, sizeof(*lent));
	if (random_below(random, 2) == 0) {
		packet_lent(pkt, lent, whole, random);
	} else {
		uint32_t first = PKT_HEAD_MIN + random_below(random, 300);

		pkt_from_mbuf(pkt, eal_test_chain(pool, whole->bytes, whole->len, first, random));
	}
	pkt->ol = (struct pkt_offload){.flags = PKT_OL_CSUM, .csum_start = CSUM_START};
}

/* --- comparing -------------------------------------------------------------------------------- */

static void
expect_bytes(const uint8_t *got, uint32_t len, const struct whole *whole, const char *what)
{
	if (len != whole->len) {
		fail_msg("%s: %u bytes, not %u", what, len, whole->len);
	}
	for (uint32_t i = 0; i < len; i++) {
		if (got[i] != whole->bytes[i]) {
			fail_msg("%s: byte %u of %u is %02x, not %02x", what, i, len, got[i],
				whole->bytes[i]);
		}
	}
}

static void
expect_item(const struct tx_item *item, const struct whole *whole)
{
	static uint8_t flat[PKT_LEN_MAX + 64];
	struct iovec iov[512];
	uint8_t *exact = malloc(item->len);
	uint32_t at = 0;
	unsigned int n;

	pkt_gather(item, exact);
	expect_bytes(exact, item->len, whole, "gather");
	free(exact);
	n = pkt_iov(item, iov, sizeof(iov) / sizeof(iov[0]));
	assert_in_range(n, 1, sizeof(iov) / sizeof(iov[0]));
	for (unsigned int i = 0; i < n; i++) {
		memcpy(flat + at, iov[i].iov_base, iov[i].iov_len);
		at += (uint32_t)iov[i].iov_len;
	}
	expect_bytes(flat, at, whole, "iov");
	assert_in_range(pkt_iov(item, iov, n > 2 ? n : 2), 1, n);
	for (unsigned int max = 0; max < n && max < 5; max++) {
		if (n > 2 || max < 2) {
			assert_int_equal(pkt_iov(item, iov, max), 0);
		}
	}
}

static void
expect_mbuf(const struct rte_mbuf *m, const struct whole *whole)
{
	static uint8_t flat[PKT_LEN_MAX + 64];

	expect_bytes(flat, eal_test_bytes(m, flat), whole, "mbuf");
}

/* --- operations ------------------------------------------------------------------------------- */

static void
edit_packet(struct pkt *pkt, struct whole *whole, uint64_t *random)
{
	uint16_t start = pkt->ol.csum_start;
	uint16_t n;

	switch (random_below(random, 3)) {
	case 0:
		if (pkt->headroom >= 4) {
			uint16_t tci = (uint16_t)random_below(random, 65536);

			pkt_push_tag(pkt, 0x88a8, tci);
			whole_push(whole, 0x88a8, tci);
			assert_int_equal(pkt->ol.csum_start, start + 4);
		}
		break;
	case 1:
		if (pkt->head_len >= 18 && start >= CSUM_START - 20) {
			pkt_pop_tag(pkt);
			whole_pop(whole);
			assert_int_equal(pkt->ol.csum_start, start - 4);
		}
		break;
	default:
		n = (uint16_t)random_below(random, RTE_MIN(pkt->len, 600U) + 1);
		if (pkt_pull(pkt, n)) {
			assert_true(pkt->head_len >= n);
			assert_memory_equal(pkt->head, whole->bytes, n);
		} else {
			assert_true(n > pkt->head_len);
		}
	}
}

/* Some edited, some not; the packet itself stays as it is. */
static unsigned int
stage(struct pkt *pkt, const struct whole *whole, struct pkt_clones *clones, struct tx_item *items,
	struct whole *wholes, uint64_t *random)
{
	unsigned int n = 1 + random_below(random, ITEMS);

	for (unsigned int i = 0; i < n; i++) {
		pkt_item(pkt, &items[i]);
		wholes[i] = *whole;
		pkt->n_out++;
		if (random_below(random, 2) == 0) {
			continue;
		}
		assert_true(pkt_clone_head(&items[i], clones));
		for (unsigned int k = random_below(random, 6); k > 0; k--) {
			if (random_below(random, 2) == 0 && items[i].headroom >= 4) {
				pkt_item_push_tag(&items[i], 0x8100, (uint16_t)k);
				whole_push(&wholes[i], 0x8100, (uint16_t)k);
			} else if (items[i].head_len >= 18) {
				pkt_item_pop_tag(&items[i]);
				whole_pop(&wholes[i]);
			}
		}
		assert_int_equal(items[i].ol.csum_start - pkt->ol.csum_start,
			(int)wholes[i].len - (int)whole->len);
	}
	return n;
}

/* Turn all into mbufs, the last use of an unedited one into the packet's own. */
static void
send(struct pkt *pkt, struct tx_item *items, struct whole *wholes, unsigned int n)
{
	struct rte_mbuf *own = pkt->mbuf;

	for (unsigned int i = 0; i < n; i++) {
		bool edited = items[i].head != pkt->head;
		struct rte_mbuf *peek = pkt_peek_mbuf(&items[i]);
		struct rte_mbuf *m;

		assert_ptr_equal(peek, edited ? NULL : own);
		if (peek != NULL) {
			expect_mbuf(peek, &wholes[i]);
		}
		m = pkt_to_mbuf(&items[i], pool);
		assert_non_null(m);
		expect_mbuf(m, &wholes[i]);
		if (i + 1 == n && !edited && own != NULL) {
			assert_ptr_equal(m, own);
			assert_null(pkt->mbuf);
		} else {
			assert_ptr_not_equal(m, own);
			assert_ptr_equal(pkt->mbuf, own);
		}
		rte_pktmbuf_free(m);
		pkt->n_out--;
	}
}

static void
test_random_operations(void **state)
{
	static struct whole whole;
	static struct whole wholes[ITEMS];
	static struct pkt_clones clones;
	uint64_t seed = random_seed();
	uint64_t random = seed;

	(void)state;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < ROUNDS; i++) {
		struct tx_item items[ITEMS];
		struct tx_item item;
		struct lent lent;
		struct pkt pkt;
		unsigned int n;

		whole_random(&whole, &random);
		packet_random(&pkt, &lent, &whole, &random);
		for (unsigned int k = random_below(&random, 6); k > 0; k--) {
			edit_packet(&pkt, &whole, &random);
			pkt_item(&pkt, &item);
			expect_item(&item, &whole);
		}
		clones.n = 0;
		n = stage(&pkt, &whole, &clones, items, wholes, &random);
		for (unsigned int k = 0; k < n; k++) {
			expect_item(&items[k], &wholes[k]);
		}
		send(&pkt, items, wholes, n);
		pkt_free(&pkt);
		assert_null(pkt.mbuf);
		free(lent.memory);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
	}
}

static void
test_clone_pool_is_bounded(void **state)
{
	static struct pkt_clones clones;
	static struct whole whole;
	uint64_t random = 1;
	struct lent lent;
	struct pkt pkt;
	struct tx_item items[PKT_CLONES + 1];

	(void)state;
	clones.n = 0;
	whole_random(&whole, &random);
	packet_lent(&pkt, &lent, &whole, &random);
	for (int i = 0; i < PKT_CLONES; i++) {
		pkt_item(&pkt, &items[i]);
		assert_true(pkt_clone_head(&items[i], &clones));
		pkt_item_push_tag(&items[i], 0x8100, (uint16_t)i);
	}
	pkt_item(&pkt, &items[PKT_CLONES]);
	assert_false(pkt_clone_head(&items[PKT_CLONES], &clones));
	assert_ptr_equal(items[PKT_CLONES].head, pkt.head);
	for (int i = 0; i < PKT_CLONES; i++) {
		struct whole tagged = whole;

		whole_push(&tagged, 0x8100, (uint16_t)i);
		expect_item(&items[i], &tagged);
	}
	free(lent.memory);
}

/* As many tags as the headroom has room for, and all of them off again. */
static void
test_headroom_is_used_up(void **state)
{
	static struct whole whole;
	static struct pkt_clones clones;
	uint64_t random = 7;
	struct tx_item item;
	struct lent lent;
	struct pkt pkt;

	(void)state;
	clones.n = 0;
	whole.len = 14;
	packet_lent(&pkt, &lent, &whole, &random);
	pkt_item(&pkt, &item);
	assert_true(pkt_clone_head(&item, &clones));
	for (uint16_t i = 0; i < PKT_HEADROOM / 4; i++) {
		pkt_push_tag(&pkt, 0x8100, i);
		pkt_item_push_tag(&item, 0x8100, i);
		whole_push(&whole, 0x8100, i);
	}
	assert_int_equal(pkt.headroom, 0);
	assert_int_equal(item.headroom, 0);
	assert_memory_equal(pkt.head, whole.bytes, whole.len);
	assert_memory_equal(item.head, whole.bytes, whole.len);
	for (uint16_t i = 0; i < PKT_HEADROOM / 4; i++) {
		pkt_pop_tag(&pkt);
		pkt_item_pop_tag(&item);
	}
	assert_int_equal(pkt.len, 14);
	assert_int_equal(item.len, 14);
	free(lent.memory);
}

static void
test_pull_needs_room_and_no_outputs(void **state)
{
	static struct whole whole;
	uint64_t random = 3;
	struct lent lent;
	struct pkt pkt;

	(void)state;
	whole_random(&whole, &random);
	whole.len = 2000;
	pkt_from_mbuf(&pkt, eal_test_chain(pool, whole.bytes, whole.len, 200, &random));
	pkt.n_out = 1;
	assert_true(pkt_pull(&pkt, 200));
	assert_false(pkt_pull(&pkt, 201));
	pkt.n_out = 0;
	assert_true(pkt_pull(&pkt, 201));
	assert_true(pkt_pull(&pkt, 512)); /* to the buffer's end */
	assert_false(pkt_pull(&pkt, 513));
	assert_memory_equal(pkt.head, whole.bytes, 512);
	assert_int_equal(eal_test_bytes(pkt.mbuf, (uint8_t[PKT_LEN_MAX]){0}), 2000);
	pkt_free(&pkt);
	packet_lent(&pkt, &lent, &whole, &random);
	assert_true(pkt_pull(&pkt, PKT_HEAD_MIN));
	assert_false(pkt_pull(&pkt, PKT_HEAD_MIN + 1)); /* lent memory is not parsed */
	free(lent.memory);
}

static void
test_empty_pools(void **state)
{
	static struct whole whole;
	uint64_t random = 5;
	struct tx_item item;
	struct rte_mbuf *m;
	struct lent lent;
	struct pkt pkt;

	(void)state;
	whole_random(&whole, &random);
	whole.len = 2 * 512 + 128; /* the second has no headroom: exactly both */
	packet_lent(&pkt, &lent, &whole, &random);
	pkt_item(&pkt, &item);
	pkt.n_out = 1;
	assert_null(pkt_to_mbuf(&item, NULL));
	m = pkt_to_mbuf(&item, tiny);
	assert_non_null(m);
	expect_mbuf(m, &whole);
	assert_null(pkt_to_mbuf(&item, tiny));
	assert_null(pkt_mbuf_from_bytes(tiny, whole.bytes, 1));
	rte_pktmbuf_free(m);
	free(lent.memory);
	whole.len++;
	packet_lent(&pkt, &lent, &whole, &random);
	pkt_item(&pkt, &item);
	pkt.n_out = 1;
	assert_null(pkt_to_mbuf(&item, tiny)); /* and what it had taken is given back */
	assert_int_equal(rte_mempool_in_use_count(tiny), 0);
	assert_null(pkt_mbuf_from_bytes(tiny, whole.bytes, whole.len));
	assert_int_equal(rte_mempool_in_use_count(tiny), 0);
	assert_null(pkt_mbuf_from_bytes(NULL, whole.bytes, 1));
	free(lent.memory);
}

/* What could not be sent is there again, edits included; copies are gone. */
static void
test_give_back(void **state)
{
	static struct whole whole;
	uint64_t random = 6;
	uint8_t bytes[PKT_LEN_MAX];
	struct tx_item item;
	struct rte_mbuf *m;
	struct lent lent;
	struct pkt pkt;

	(void)state;
	whole_random(&whole, &random);
	whole.len = 1500;
	pkt_from_mbuf(&pkt, eal_test_chain(pool, whole.bytes, whole.len, 200, &random));
	pkt_push_tag(&pkt, 0x8100, 7);
	pkt.n_out = 1;
	pkt_item(&pkt, &item);
	m = pkt_to_mbuf(&item, pool);
	assert_null(pkt.mbuf);
	pkt_give_back(&item, m);
	assert_ptr_equal(pkt.mbuf, m);
	pkt_gather(&item, bytes);
	assert_memory_equal(bytes + 16, whole.bytes + 12, whole.len - 12);
	/* A copy, because somebody else has a reference too. */
	pkt.n_out = 2;
	m = pkt_to_mbuf(&item, pool);
	assert_ptr_not_equal(m, pkt.mbuf);
	pkt_give_back(&item, m);
	assert_int_equal(eal_test_bytes(pkt.mbuf, bytes), whole.len + 4);
	pkt_free(&pkt);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	/* A packet that never had one. */
	packet_lent(&pkt, &lent, &whole, &random);
	pkt_item(&pkt, &item);
	pkt.n_out = 1;
	pkt_give_back(&item, pkt_to_mbuf(&item, pool));
	assert_null(pkt.mbuf);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	free(lent.memory);
}

static void
test_mbuf_from_bytes(void **state)
{
	static struct whole whole;
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct rte_mbuf *m;

		whole_random(&whole, &random);
		m = pkt_mbuf_from_bytes(pool, whole.bytes, whole.len);
		assert_non_null(m);
		expect_mbuf(m, &whole);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
test_whose_mbuf_is_writable(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_mbuf *indirect = rte_pktmbuf_alloc(pool);

	(void)state;
	assert_true(pkt_mbuf_writable(m));
	rte_pktmbuf_refcnt_update(m, 1);
	assert_false(pkt_mbuf_writable(m));
	rte_pktmbuf_refcnt_update(m, -1);
	rte_pktmbuf_attach(indirect, m);
	assert_false(pkt_mbuf_writable(indirect));
	assert_false(pkt_mbuf_writable(m));
	rte_pktmbuf_free(indirect);
	assert_true(pkt_mbuf_writable(m));
	rte_pktmbuf_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_clone_pool_is_bounded),
		cmocka_unit_test(test_headroom_is_used_up),
		cmocka_unit_test(test_pull_needs_room_and_no_outputs),
		cmocka_unit_test(test_empty_pools),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_mbuf_from_bytes),
		cmocka_unit_test(test_whose_mbuf_is_writable),
	};

	return cmocka_run_group_tests_name("pkt", tests, setup, NULL);
}
