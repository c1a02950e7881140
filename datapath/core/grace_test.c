/* SPDX-License-Identifier: BSD-3-Clause */
/* When may what a reader could see be freed: by reader, by order of events, and under threads. */
#include "datapath/core/grace.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int
setup(void **state)
{
	struct grace *grace = malloc(sizeof(*grace));

	assert_int_equal(grace_init(grace), 0);
	*state = grace;
	return 0;
}

static int
teardown(void **state)
{
	struct grace *grace = *state;

	grace_fini(grace);
	assert_null(grace->qsbr);
	free(grace);
	return 0;
}

static void
test_nobody_reads(void **state)
{
	struct grace *grace = *state;

	for (int i = 0; i < 10; i++) {
		uint64_t token = grace_start(grace);

		assert_int_not_equal(token, 0);
		assert_true(grace_passed(grace, token));
	}
}

static void
test_each_reader_counts(void **state)
{
	struct grace *grace = *state;
	uint64_t first;
	uint64_t second;

	grace_join(grace, 0);
	grace_join(grace, GRACE_READERS_MAX - 1);
	first = grace_start(grace);
	assert_false(grace_passed(grace, first));
	grace_quiescent(grace, 0);
	assert_false(grace_passed(grace, first));
	second = grace_start(grace);
	grace_quiescent(grace, GRACE_READERS_MAX - 1);
	assert_true(grace_passed(grace, first));
	assert_false(grace_passed(grace, second));
	grace_quiescent(grace, 0);
	assert_true(grace_passed(grace, second));
	assert_true(grace_passed(grace, first));
	/* What was before a token says nothing about it. */
	first = grace_start(grace);
	assert_false(grace_passed(grace, first));
	grace_leave(grace, 0);
	assert_false(grace_passed(grace, first));
	grace_leave(grace, GRACE_READERS_MAX - 1);
	assert_true(grace_passed(grace, first));
}

static void
test_sleepers_do_not_count(void **state)
{
	struct grace *grace = *state;
	uint64_t token;

	grace_join(grace, 3);
	token = grace_start(grace);
	grace_offline(grace, 3);
	assert_true(grace_passed(grace, token));
	token = grace_start(grace);
	assert_true(grace_passed(grace, token));
	token = grace_start(grace);
	grace_online(grace, 3); /* it has seen nothing older */
	assert_true(grace_passed(grace, token));
	token = grace_start(grace);
	assert_false(grace_passed(grace, token));
	grace_quiescent(grace, 3);
	assert_true(grace_passed(grace, token));
	grace_leave(grace, 3);
}

#define ROUNDS 300

struct shared {
	struct grace *grace;
	int *object; /* read by readers; replaced, and freed after its grace period */
	bool stop;
};

static void *
reader_main(void *arg)
{
	struct shared *shared = arg;
	long sum = 0;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		const int *object = __atomic_load_n(&shared->object, __ATOMIC_ACQUIRE);

		sum += *object; /* freed too early: the address sanitizer says so */
		grace_quiescent(shared->grace, 1);
		if (sum % 7 == 0) {
			grace_offline(shared->grace, 1);
			grace_online(shared->grace, 1);
		}
	}
	grace_leave(shared->grace, 1);
	return NULL;
}

static void
test_blocking_wait(void **state)
{
	struct shared shared = {.grace = *state, .object = malloc(sizeof(int))};
	pthread_t thread;

	*shared.object = 0;
	grace_join(shared.grace, 1);
	assert_int_equal(pthread_create(&thread, NULL, reader_main, &shared), 0);
	for (int i = 1; i < ROUNDS; i++) {
		int *fresh = malloc(sizeof(*fresh));
		int *old;

		*fresh = i;
		old = __atomic_exchange_n(&shared.object, fresh, __ATOMIC_ACQ_REL);
		grace_wait(shared.grace);
		free(old);
	}
	__atomic_store_n(&shared.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	grace_wait(shared.grace);
	free(shared.object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_reader_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleepers_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocking_wait, setup, teardown),
	};

	return cmocka_run_group_tests_name("grace", tests, NULL, NULL);
}
