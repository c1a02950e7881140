/* SPDX-License-Identifier: BSD-3-Clause */
/* Staged outputs of a port that is captured: copied out of the lock, told as what became of them.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/inet_model.h"
#include "datapath/core/offload.h"
#include "datapath/pipe/burst.h"
#include "datapath/pipe/capture.h"
#include "datapath/pipe/test_probe.h"

#define PORT 1
#define OTHER 2
#define IN 9
#define HEAD 192
#define PAGE 4096U

static const struct vlan_edit keep = {.op = VLAN_KEEP};
static struct rte_mempool *pool;

struct bench {
	struct burst *burst;
	struct probe port; /* with a queue that others use, too */
	struct probe other;
	struct txq_lock lock;
	struct capture_list *list; /* of the port: a single capture */
	uint8_t head[PKT_HEADROOM + HEAD];
	struct pkt_seg rest;
	struct pkt pkt;
};

static void
roles(void) ROLE_ATTR(assert_capability(role_main, role_worker))
{
	role_assert(&role_main);
	role_assert(&role_worker);
}

static int
group_setup(void **state)
{
	(void)state;
	eal_test_start(128);
	pool = eal_test_pool(2048, 2048);
	return 0;
}

static int
setup(void **state)
{
	const struct burst_conf conf = {.worker = 0, .flows = FLOW_CAPACITY_MIN};
	struct bench *bench = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*bench), (size_t)RTE_CACHE_LINE_SIZE));

	memset(bench, 0, sizeof(*bench));
	assert_int_equal(burst_create(&conf, &bench->burst), 0);
	probe_init(&bench->port, PORT, PORT_CAP_CSUM, 1, true);
	probe_init(&bench->other, OTHER, PORT_CAP_CSUM, 1, true);
	bench->port.port.pool = pool;
	bench->port.view.tx_locks = &bench->lock;
	*state = bench;
	return 0;
}

static void
watch(struct bench *bench, unsigned int ways)
{
	const struct capture_conf conf = {.ways = ways, .keep = CAPTURE_KEEP_MAX, .n_workers = 1};

	if (bench->list != NULL) {
		capture_destroy(bench->list->captures[0]);
		free(bench->list);
		bench->list = NULL;
	}
	if (ways != 0) {
		bench->list = calloc(1, sizeof(*bench->list) + sizeof(bench->list->captures[0]));
		bench->list->ways = ways;
		bench->list->n = 1;
		bench->list->captures[0] = capture_create(&conf);
		assert_non_null(bench->list->captures[0]);
	}
	bench->port.view.captures = bench->list;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	watch(bench, 0);
	probe_fini(&bench->port);
	probe_fini(&bench->other);
	burst_destroy(bench->burst);
	free(bench);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static uint8_t built[PKT_LEN_MAX]; /* what large() has made */

/* The next one that was captured, gone; way 0: there is none. Its bytes are those of `bytes`. */
static struct captured
next_bytes(const struct bench *bench, const uint8_t *bytes) ON_MAIN
{
	const struct captured *record = capture_peek(bench->list->captures[0], 0);
	struct captured copy = {.way = 0};

	if (record != NULL) {
		copy = *record;
		if (bytes != NULL) {
			assert_memory_equal(record->bytes, bytes, record->len);
		}
		capture_next(bench->list->captures[0], 0);
	}
	return copy;
}

static struct captured
next_captured(const struct bench *bench) ON_MAIN
{
	return next_bytes(bench, NULL);
}

static uint64_t
dropped(const struct bench *bench, enum drop_reason reason)
{
	return bench->burst->ports[PORT].drops[reason];
}

/* A packet with n bytes of lent memory behind its head. */
static struct pkt *
lent(struct bench *bench, const uint8_t *bytes, uint32_t n)
{
	bench->rest = (struct pkt_seg){.addr = bytes, .len = n};
	bench->pkt = (struct pkt){.head = bench->head + PKT_HEADROOM,
		.len = HEAD + n,
		.head_len = HEAD,
		.headroom = PKT_HEADROOM,
		.segs = &bench->rest,
		.n_segs = 1,
		.in_port = IN};
	return &bench->pkt;
}

/* TCP that waits to be cut into five; in an mbuf, or lent. */
static struct pkt *
large(struct bench *bench, bool in_mbuf)
{
	const struct inet_spec spec = {
		.version = 4, .proto = INET_TCP, .payload = 5000, .partial = true};
	const uint32_t len = inet_build(&spec, built);
	uint64_t random = 99;
	struct pkt *pkt = &bench->pkt;

	if (in_mbuf) {
		pkt_from_mbuf(pkt, eal_test_chain(pool, built, len, 500, &random));
		pkt->in_port = IN;
	} else {
		memcpy(bench->head + PKT_HEADROOM, built, HEAD);
		(void)lent(bench, built + HEAD, len - HEAD);
	}
	pkt->ol = (struct pkt_offload){.flags = (uint8_t)(PKT_OL_CSUM | PKT_OL_TCP4),
		.gso_size = 1200,
		.csum_start = 34,
		.csum_offset = 16};
	assert_true(offload_check(pkt));
	return pkt;
}

static void
send_one(struct bench *bench, struct pkt *pkt) ON_WORKER
{
	stage_add(&bench->burst->stage, &bench->port.view, pkt, &keep);
	stage_flush(&bench->burst->stage);
	assert_int_equal(pkt->n_out, 0);
	pkt_free(pkt);
}

/* One of five segments is what its pieces are: sent, lost, or some of both. */
static void
test_pieces(void **state)
{
	static const struct {
		unsigned int lose_every;
		uint8_t lost;
	} cases[] = {{0, 0}, {1, 5}, {2, 2}};
	struct bench *bench = *state;

	roles();
	for (unsigned int i = 0; i < 4 * RTE_DIM(cases); i++) {
		const bool sent_too = i % 2 == 0;
		const uint8_t lost = cases[i / 4].lost;
		const uint64_t before = dropped(bench, DROP_TX_FULL);
		struct pkt *pkt = large(bench, i / 2 % 2 == 0);
		const uint32_t len = pkt->len;
		struct captured got;

		watch(bench, CAPTURE_DROP | (sent_too ? CAPTURE_TX : 0U));
		bench->port.lose_every = cases[i / 4].lose_every;
		bench->port.n_seen = 0;
		send_one(bench, pkt);
		assert_int_equal(dropped(bench, DROP_TX_FULL) - before, lost);
		got = next_bytes(bench, built);
		if (lost == 0 && !sent_too) {
			assert_int_equal(got.way, 0);
			continue;
		}
		assert_int_equal(got.way, lost == 0 ? CAPTURE_TX : CAPTURE_DROP);
		assert_int_equal(got.frame_len, len);
		assert_int_equal(got.len, len);
		assert_int_equal(got.pieces, 5);
		assert_int_equal(got.pieces_lost, lost);
		assert_int_equal(got.reason, lost == 0 ? 0 : DROP_TX_FULL);
		assert_int_equal(got.peer, lost == 0 ? 0 : IN);
		assert_int_equal(next_captured(bench).way, 0); /* not one by one */
	}
}

static void
unlock(void *arg)
{
	((struct txq_lock *)arg)->held = false;
}

/* A queue that another worker holds: captured once, as what became of it in the end. */
static void
test_busy_queue(void **state)
{
	struct bench *bench = *state;
	uint8_t bytes[100] = {0};

	roles();
	watch(bench, (unsigned int)CAPTURE_TX | CAPTURE_DROP);
	bench->lock.held = true;
	send_one(bench, lent(bench, bytes, sizeof(bytes)));
	assert_int_equal(dropped(bench, DROP_TX_BUSY), 1);
	assert_int_equal(next_captured(bench).reason, DROP_TX_BUSY);
	assert_int_equal(next_captured(bench).way, 0);
	/* Free when it is tried again. */
	bench->other.on_tx = unlock;
	bench->other.on_tx_arg = &bench->lock;
	(void)lent(bench, bytes, sizeof(bytes));
	stage_add(&bench->burst->stage, &bench->port.view, &bench->pkt, &keep);
	stage_add(&bench->burst->stage, &bench->other.view, &bench->pkt, &keep);
	stage_flush(&bench->burst->stage);
	assert_int_equal(bench->port.n_sent, 1);
	assert_int_equal(next_captured(bench).way, CAPTURE_TX);
	assert_int_equal(next_captured(bench).way, 0);
	assert_int_equal(capture_lost(bench->list->captures[0]), 0);
}

/* A page that says who looks at it first. */
static struct {
	uint8_t *page;
	const bool *held;
	bool was_held;
	unsigned int looks;
} trap;

static void
trap_sprung(int number)
{
	(void)number;
	trap.was_held = trap.was_held || *trap.held;
	trap.looks++;
	(void)mprotect(trap.page, PAGE, PROT_READ);
}

/* Frames are copied while nobody else has to wait for the queue. */
static void
test_copied_without_the_lock(void **state)
{
	static const unsigned int ways[] = {
		CAPTURE_TX, CAPTURE_DROP, (unsigned int)CAPTURE_TX | CAPTURE_DROP};
	const struct sigaction act = {.sa_handler = trap_sprung};
	struct bench *bench = *state;
	struct sigaction old;

	roles();
	trap.page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(trap.page, MAP_FAILED);
	trap.held = &bench->lock.held;
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	bench->port.full = true; /* and so does not look itself */
	for (unsigned int i = 0; i < RTE_DIM(ways); i++) {
		watch(bench, ways[i]);
		trap.looks = 0;
		assert_int_equal(mprotect(trap.page, PAGE, PROT_NONE), 0);
		send_one(bench, lent(bench, trap.page, 1000));
		assert_int_equal(trap.looks, 1);
		assert_false(trap.was_held);
		assert_int_equal(
			next_captured(bench).way, (ways[i] & CAPTURE_DROP) != 0 ? CAPTURE_DROP : 0);
	}
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	assert_int_equal(munmap(trap.page, PAGE), 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_pieces),
		CASE(test_busy_queue),
		CASE(test_copied_without_the_lock),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("tx_captured", tests, group_setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
