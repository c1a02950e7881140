/* SPDX-License-Identifier: BSD-3-Clause */
/* One thread puts, another takes: copies arrive whole, in order, and lost ones are counted. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/pipe/punt.h"
#include "datapath/pipe/snapshot.h"

#define ROUNDS 100000U
#define LEN_MIN 60U
#define LEN_RANGE 700U

struct shared {
	struct punt_queue *queue;
	bool done; /* the worker has put its last */
	uint64_t n_put; /* the worker's, until done */
};

/* A frame that any cut, mixed or stale copy differs from: all its bytes follow from its number. */
static void
fill(uint8_t *bytes, uint32_t number, uint32_t len)
{
	memset(bytes, (int)(number % 251), len);
}

static void *
worker_main(void *arg)
{
	struct shared *shared = arg;
	uint8_t bytes[LEN_MIN + LEN_RANGE];

	role_enter(&role_worker);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t len = LEN_MIN + i % LEN_RANGE;
		struct pkt pkt = {.head = bytes, .len = len, .head_len = (uint16_t)len};
		const struct action action = {.code = ACTION_PUNT};

		fill(bytes, i, len);
		if (punt_put(shared->queue, &pkt, i % DP_BRIDGES_MAX, i, &action)) {
			shared->n_put++;
		} else if (i % 3 == 0) {
			sched_yield();
		}
	}
	role_leave(&role_worker);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
check_one(const struct punted *got, int64_t *last)
{
	uint8_t bytes[LEN_MIN + LEN_RANGE];
	uint32_t number = got->in_port;

	assert_true((int64_t)number > *last);
	*last = number;
	assert_int_equal(got->bridge, number % DP_BRIDGES_MAX);
	assert_int_equal(got->len, LEN_MIN + number % LEN_RANGE);
	assert_int_equal(got->frame_len, got->len);
	fill(bytes, number, got->len);
	assert_memory_equal(got->bytes, bytes, got->len);
}

static void
test_whole_and_in_order(void **state)
{
	struct shared shared = {.queue = punt_queue_create()};
	static struct punted got;
	int64_t last = -1;
	uint64_t n_taken = 0;
	pthread_t thread;
	uint64_t n_lost = 0;
	bool done;

	(void)state;
	role_assert(&role_main);
	assert_non_null(shared.queue);
	assert_int_equal(pthread_create(&thread, NULL, worker_main, &shared), 0);
	do {
		done = __atomic_load_n(&shared.done, __ATOMIC_ACQUIRE);
		while (punt_take(shared.queue, &got)) {
			check_one(&got, &last);
			n_taken++;
		}
	} while (!done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n_taken, shared.n_put);
	for (uint32_t i = 0; i < DP_BRIDGES_MAX; i++) {
		n_lost += punt_lost(shared.queue, i);
	}
	assert_int_equal(n_taken + n_lost, ROUNDS);
	assert_true(n_taken >= PUNT_SLOTS);
	punt_queue_destroy(shared.queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_and_in_order),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("punt_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
