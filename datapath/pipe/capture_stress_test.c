/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker captures, main takes: copies are whole and in order, and lost ones are counted. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "datapath/pipe/capture.h"

#define ROUNDS 30000U
#define LEN_MIN 60U
#define LEN_RANGE 3000U

struct shared {
	struct capture_list *list;
	bool done; /* the worker has put its last */
};

static void
fill(uint8_t *bytes, uint32_t number, uint32_t len)
{
	memset(bytes, (int)(number % 251), len);
}

static uint32_t
len_of(uint32_t number)
{
	return LEN_MIN + number % LEN_RANGE;
}

/* Each round: one received, two in a batch of which the first is lost. The port is its number. */
static void *
worker_main(void *arg)
{
	struct shared *shared = arg;
	uint8_t bytes[LEN_MIN + LEN_RANGE];

	role_enter(&role_worker);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		const uint32_t len = len_of(i);
		struct pkt pkt = {.head = bytes, .len = len, .head_len = (uint16_t)len};
		struct capture_batch batch;
		struct tx_item items[2];

		fill(bytes, i, len);
		capture_received(shared->list, 0, i, &pkt, 1);
		pkt_item(&pkt, &items[0]);
		pkt_item(&pkt, &items[1]);
		capture_begin(shared->list, 0, i, 0, items, 2, &batch);
		items[0].lost = 1 + DROP_TX_FULL;
		capture_end(shared->list, 0, &batch);
		if (i % 64 == 0) {
			sched_yield();
		}
	}
	role_leave(&role_worker);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static uint64_t
take_all(struct capture *capture, uint32_t *last) ON_MAIN
{
	uint8_t bytes[LEN_MIN + LEN_RANGE];
	const struct captured *got;
	uint64_t n = 0;

	while ((got = capture_peek(capture, 0)) != NULL) {
		assert_true(got->port >= *last);
		*last = got->port;
		assert_true(got->way == CAPTURE_RX || got->way == CAPTURE_TX);
		assert_int_equal(got->len, len_of(got->port));
		fill(bytes, got->port, got->len);
		assert_memory_equal(got->bytes, bytes, got->len);
		capture_next(capture, 0);
		n++;
	}
	return n;
}

static void
test_whole_and_in_order(void **state)
{
	const struct capture_conf conf = {
		.ways = CAPTURE_RX | CAPTURE_TX, .keep = CAPTURE_KEEP_MAX, .n_workers = 1};
	struct capture *capture = capture_create(&conf);
	struct shared shared = {
		.list = must_calloc(1, sizeof(*shared.list) + sizeof(shared.list->captures[0]))};
	uint32_t last = 0;
	uint64_t n = 0;
	pthread_t thread;
	bool done;

	(void)state;
	role_assert(&role_main);
	assert_non_null(capture);
	shared.list->n = 1;
	shared.list->captures[0] = capture;
	assert_int_equal(pthread_create(&thread, NULL, worker_main, &shared), 0);
	do {
		done = __atomic_load_n(&shared.done, __ATOMIC_ACQUIRE);
		n += take_all(capture, &last);
	} while (!done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n + capture_lost(capture), 2ULL * ROUNDS);
	assert_true(n > 0);
	free(shared.list);
	capture_destroy(capture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_and_in_order),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("capture_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
