/* SPDX-License-Identifier: BSD-3-Clause */
/* Files are truncated under mappings of this process, which lives on; and what is not guarded. */
#include "ports/vhost/guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/test_memfd.h"

#define PAGE 4096
#define SIZE (8 * PAGE)

struct shared {
	int fd;
	uint8_t *bytes; /* SIZE of them */
	atomic_bool gone;
	int slot;
};

static uint8_t *
map(int fd)
{
	void *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(bytes, MAP_FAILED);
	return bytes;
}

static void
open_shared(struct shared *shared) ON_MAIN
{
	shared->fd = test_memfd(SIZE, 0);
	shared->bytes = map(shared->fd);
	memset(shared->bytes, 0xa5, SIZE);
	atomic_store(&shared->gone, false);
	shared->slot = guard_add(shared->bytes, SIZE, &shared->gone);
	assert_true(shared->slot >= 0);
}

static void
close_shared(struct shared *shared) ON_MAIN
{
	guard_remove(shared->slot);
	assert_int_equal(munmap(shared->bytes, SIZE), 0);
	assert_int_equal(close(shared->fd), 0);
}

static uint8_t
load(const uint8_t *byte)
{
	return __atomic_load_n(byte, __ATOMIC_RELAXED);
}

static void
store(uint8_t *byte, uint8_t value)
{
	__atomic_store_n(byte, value, __ATOMIC_RELAXED);
}

static void
test_truncated(void **state)
{
	struct shared shared;

	(void)state;
	role_assert(&role_main);
	for (int round = 0; round < 1000; round++) {
		const int page = round % 8;

		open_shared(&shared);
		assert_int_equal(load(&shared.bytes[SIZE - 1]), 0xa5);
		assert_int_equal(ftruncate(shared.fd, (off_t)page * PAGE), 0);
		assert_false(atomic_load(&shared.gone));
		if (round % 2 == 0) {
			assert_int_equal(load(&shared.bytes[page * PAGE + round]), 0);
		} else {
			store(&shared.bytes[page * PAGE + round], 1);
			assert_int_equal(load(&shared.bytes[page * PAGE + round]), 1);
		}
		assert_true(atomic_load(&shared.gone));
		/* All of it is ours now, what the file still has included. */
		assert_int_equal(load(&shared.bytes[page == 0 ? SIZE - 1 : 0]), 0);
		store(&shared.bytes[0], 7);
		close_shared(&shared);
	}
	assert_int_equal(guard_count(), 0);
}

static void
test_only_one_of_many(void **state)
{
	struct shared shared[3];

	(void)state;
	role_assert(&role_main);
	for (int i = 0; i < 3; i++) {
		open_shared(&shared[i]);
	}
	assert_int_equal(guard_count(), 3);
	assert_int_equal(ftruncate(shared[1].fd, 0), 0);
	assert_int_equal(load(shared[1].bytes), 0);
	assert_true(atomic_load(&shared[1].gone));
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(load(shared[i].bytes), 0xa5);
		assert_int_equal(load(&shared[i].bytes[SIZE - 1]), 0xa5);
		assert_false(atomic_load(&shared[i].gone));
	}
	/* A slot in the middle is used again, and the others stay guarded. */
	close_shared(&shared[1]);
	open_shared(&shared[1]);
	for (int i = 2; i >= 0; i--) {
		assert_int_equal(ftruncate(shared[i].fd, PAGE), 0);
		store(&shared[i].bytes[SIZE - 1], 3);
		assert_true(atomic_load(&shared[i].gone));
		close_shared(&shared[i]);
	}
	assert_int_equal(guard_count(), 0);
}

static void *
read_last(void *arg)
{
	const struct shared *shared = arg;

	return (void *)(uintptr_t)load(&shared->bytes[SIZE - 1]);
}

static void
test_other_thread(void **state)
{
	struct shared shared;
	pthread_t thread;
	void *read;

	(void)state;
	role_assert(&role_main);
	open_shared(&shared);
	assert_int_equal(ftruncate(shared.fd, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_last, &shared), 0);
	assert_int_equal(pthread_join(thread, &read), 0);
	assert_int_equal((uintptr_t)read, 0);
	assert_true(atomic_load(&shared.gone));
	close_shared(&shared);
}

/* What a child dies of that runs `body` with nothing but the guard; 0 if it does not. */
static int
signal_of(void (*body)(void)) ON_MAIN
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(10);
		(void)signal(SIGBUS, SIG_DFL); /* the test's library has its own */
		(void)guard_install();
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
touch_foreign(void)
{
	const int fd = test_memfd(SIZE, 0);
	uint8_t *bytes = map(fd);

	if (ftruncate(fd, 0) == 0) {
		store(bytes, 1);
	}
}

static void
touch_removed(void)
{
	struct shared shared;

	role_assert(&role_main);
	open_shared(&shared);
	guard_remove(shared.slot);
	if (ftruncate(shared.fd, 0) == 0) {
		store(shared.bytes, 1);
	}
}

static void
send_signal(void)
{
	(void)kill(getpid(), SIGBUS);
}

static void
ignored(void)
{
	role_assert(&role_main);
	(void)signal(SIGBUS, SIG_IGN);
	(void)guard_install();
	touch_foreign();
}

static struct sigaction replaced;

/* Like a library that handles what is its own, and passes the rest to whoever was there before. */
static void
passes_back(int number, siginfo_t *info, void *context)
{
	replaced.sa_sigaction(number, info, context);
}

static void
replace_handler(void (*handler)(int, siginfo_t *, void *))
{
	const struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGBUS, &action, &replaced), 0);
}

static void
each_passes_to_the_other(void)
{
	role_assert(&role_main);
	replace_handler(passes_back);
	(void)guard_install();
	touch_foreign();
}

static void
test_foreign_kills(void **state)
{
	struct shared shared;

	(void)state;
	role_assert(&role_main);
	open_shared(&shared);
	assert_int_equal(signal_of(touch_foreign), SIGBUS);
	assert_int_equal(signal_of(touch_removed), SIGBUS);
	assert_int_equal(signal_of(send_signal), SIGBUS);
	assert_int_equal(signal_of(ignored), SIGBUS);
	assert_int_equal(signal_of(each_passes_to_the_other), SIGBUS);
	close_shared(&shared);
}

static sigjmp_buf back;
static const void *seen;

static void
remember(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	seen = info->si_addr;
	siglongjmp(back, 1);
}

/* In a child, because a handler that jumps out leaves ours in the middle. */
static void
chain_to_another(void)
{
	struct shared shared;
	const int fd = test_memfd(SIZE, 0);
	uint8_t *const bytes = map(fd);

	role_assert(&role_main);
	replace_handler(remember);
	/* The replaced handler is found out about when the next range comes. */
	open_shared(&shared);
	if (ftruncate(fd, 0) != 0 || ftruncate(shared.fd, 0) != 0) {
		abort();
	}
	if (sigsetjmp(back, 1) == 0) {
		store(&bytes[PAGE], 1);
		abort();
	}
	if (seen != &bytes[PAGE] || load(shared.bytes) != 0 || !atomic_load(&shared.gone)) {
		abort();
	}
}

static void
test_replaced(void **state)
{
	(void)state;
	role_assert(&role_main);
	assert_int_equal(signal_of(chain_to_another), 0);
}

static void
test_full(void **state)
{
	static int slots[GUARD_RANGES_MAX];
	static uint8_t pages[GUARD_RANGES_MAX]; /* addresses to guard; never replaced */
	atomic_bool gone = false;

	(void)state;
	role_assert(&role_main);
	for (int i = 0; i < GUARD_RANGES_MAX; i++) {
		slots[i] = guard_add(&pages[i], 1, &gone);
		assert_true(slots[i] >= 0);
	}
	assert_int_equal(guard_count(), GUARD_RANGES_MAX);
	assert_int_equal(guard_add(&pages[0], 1, &gone), -ENOSPC);
	guard_remove(slots[77]);
	slots[77] = guard_add(&pages[77], 1, &gone);
	assert_true(slots[77] >= 0);
	for (int i = 0; i < GUARD_RANGES_MAX; i++) {
		guard_remove(slots[i]);
	}
	assert_int_equal(guard_count(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_only_one_of_many),
		cmocka_unit_test(test_other_thread),
		cmocka_unit_test(test_foreign_kills),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_full),
	};
	int ret;

	role_enter(&role_main);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return ret;
}
