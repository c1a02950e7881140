/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/thread.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct seen {
	char name[16];
	bool blocked;
	size_t stack;
	sem_t done;
};

static void *
look(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;
	sigset_t mask;

	(void)pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
	seen->blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
	(void)pthread_getattr_np(pthread_self(), &attr);
	(void)pthread_attr_getstacksize(&attr, &seen->stack);
	(void)pthread_attr_destroy(&attr);
	(void)sem_post(&seen->done);
	return seen;
}

static void
test_start(void **state)
{
	sigset_t mask;
	pthread_t thread;
	void *left;

	(void)state;
	for (int joined = 0; joined < 2; joined++) {
		struct seen seen = {.blocked = false};

		(void)sem_init(&seen.done, 0, 0);
		assert_int_equal(thread_start("some-name", joined == 0 ? 256 << 10 : 0, look, &seen,
					 joined == 0 ? NULL : &thread),
			0);
		while (sem_wait(&seen.done) != 0) {
		}
		if (joined == 1) {
			assert_int_equal(pthread_join(thread, &left), 0);
			assert_ptr_equal(left, &seen);
		} else {
			assert_true(seen.stack <= 512 << 10);
		}
		assert_string_equal(seen.name, "some-name");
		assert_true(seen.blocked);
	}
	/* Who starts one keeps its own. */
	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
