/* SPDX-License-Identifier: BSD-3-Clause */
/* Two threads set bits of the same bytes: none is lost. Made for TSan. */
#include "ports/vhost/dirty_log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/test_memfd.h"

#define LOG_SIZE 512
#define THREADS 2
#define ROUNDS 500

struct writer {
	const struct dirty_log *log;
	pthread_barrier_t *barrier;
	uint64_t first; /* page; every THREADS-th from there is this one's */
};

static void *
write_pages(void *arg)
{
	const struct writer *writer = arg;

	for (int round = 0; round < ROUNDS; round++) {
		(void)pthread_barrier_wait(writer->barrier);
		for (uint64_t page = writer->first; page < 8 * LOG_SIZE; page += THREADS) {
			dirty_log_wrote(writer->log, page * DIRTY_LOG_PAGE, DIRTY_LOG_PAGE);
		}
		(void)pthread_barrier_wait(writer->barrier);
	}
	return NULL;
}

static void
test_no_bit_is_lost(void **state)
{
	const int fd = test_memfd(LOG_SIZE, 0);
	struct writer writers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	atomic_bool gone = false;
	struct dirty_log *log = NULL;
	struct err err = ERR_INIT;

	(void)state;
	role_assert(&role_main);
	assert_int_equal(dirty_log_create(dup(fd), LOG_SIZE, 0, &gone, &log, &err), 0);
	assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
	for (uint64_t i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){log, &barrier, i};
		assert_int_equal(pthread_create(&threads[i], NULL, write_pages, &writers[i]), 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		(void)pthread_barrier_wait(&barrier);
		(void)pthread_barrier_wait(&barrier);
		for (int i = 0; i < LOG_SIZE; i++) {
			assert_int_equal(
				__atomic_exchange_n(&log->bits[i], 0, __ATOMIC_RELAXED), 0xff);
		}
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
	}
	(void)pthread_barrier_destroy(&barrier);
	dirty_log_free(log);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bit_is_lost),
	};
	int ret;

	role_enter(&role_main);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return ret;
}
