/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that lose their memory while main adds and removes other ranges: each finds its own, and
 * nobody else's memory is touched. Made for TSan.
 */
#include "ports/vhost/guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/test_memfd.h"

#define PAGE 4096
#define WORKERS 2
#define OTHERS 64 /* ranges around the workers' */
#define ROUNDS 300

struct range {
	int fd;
	uint8_t *bytes;
	atomic_bool gone;
	int slot;
};

struct worker {
	struct range range;
	pthread_barrier_t *barrier;
	unsigned int losses;
};

static void
range_open(struct range *range) ON_MAIN
{
	range->fd = test_memfd(PAGE, 0);
	range->bytes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, range->fd, 0);
	assert_ptr_not_equal(range->bytes, MAP_FAILED);
	atomic_store(&range->gone, false);
	range->slot = guard_add(range->bytes, PAGE, &range->gone);
	assert_true(range->slot >= 0);
}

static void
range_close(struct range *range) ON_MAIN
{
	guard_remove(range->slot);
	(void)munmap(range->bytes, PAGE);
	(void)close(range->fd);
}

static void *
lose_memory(void *arg)
{
	struct worker *worker = arg;

	for (int round = 0; round < ROUNDS; round++) {
		(void)pthread_barrier_wait(worker->barrier); /* main has made a range */
		__atomic_store_n(worker->range.bytes, 1, __ATOMIC_RELAXED);
		if (ftruncate(worker->range.fd, 0) != 0) {
			abort();
		}
		__atomic_store_n(worker->range.bytes, 2, __ATOMIC_RELAXED);
		if (atomic_load(&worker->range.gone)) {
			worker->losses++;
		}
		(void)pthread_barrier_wait(worker->barrier);
	}
	return NULL;
}

static void
test_others_come_and_go(void **state)
{
	static struct worker workers[WORKERS];
	static struct range others[OTHERS];
	pthread_t threads[WORKERS];
	pthread_barrier_t barrier;

	(void)state;
	role_assert(&role_main);
	assert_int_equal(pthread_barrier_init(&barrier, NULL, WORKERS + 1), 0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i].barrier = &barrier;
		assert_int_equal(pthread_create(&threads[i], NULL, lose_memory, &workers[i]), 0);
	}
	for (int i = 0; i < OTHERS; i++) {
		range_open(&others[i]);
	}
	for (int round = 0; round < ROUNDS; round++) {
		/* Each time in other slots: those that were free. */
		for (int i = 0; i < WORKERS; i++) {
			range_open(&workers[i].range);
		}
		(void)pthread_barrier_wait(&barrier);
		for (int i = 0; i < 8; i++) {
			range_close(&others[(round + i) % OTHERS]);
		}
		for (int i = 7; i >= 0; i--) {
			range_open(&others[(round + i) % OTHERS]);
		}
		(void)pthread_barrier_wait(&barrier);
		for (int i = 0; i < WORKERS; i++) {
			range_close(&workers[i].range);
		}
	}
	for (int i = 0; i < OTHERS; i++) {
		assert_false(atomic_load(&others[i].gone));
		range_close(&others[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		(void)pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].losses, ROUNDS);
	}
	(void)pthread_barrier_destroy(&barrier);
	assert_int_equal(guard_count(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_come_and_go),
	};
	int ret;

	role_enter(&role_main);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return ret;
}
