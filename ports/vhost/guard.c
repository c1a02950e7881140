/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096 /* the smallest mapping, and the finest that SIGBUS is for */

/*
 * One guarded range. Main changes it between two steps of `changes` (odd: being changed), so that
 * a handler never takes half of an old range for a new one. A range that is being changed cannot be
 * the one that was hit: nobody may touch it before guard_add() or after guard_remove().
 */
struct slot {
	atomic_uint changes;
	_Atomic uintptr_t start; /* 0: free */
	_Atomic size_t len;
	_Atomic(atomic_bool *) gone;
};

/* The one exception to "no global state": a signal handler has no argument. */
static struct slot slots[GUARD_RANGES_MAX];
static atomic_uint n_slots; /* no slot from here on has ever been used, or is used */
static unsigned int n_used;
static struct sigaction previous[2]; /* what was there before ours */
static _Atomic(const struct sigaction *) chain; /* one of them, which main leaves alone */
static _Thread_local volatile sig_atomic_t chaining;

/* Is `address` in this slot's range? Then what is needed of it. */
static bool
slot_has(const struct slot *slot, uintptr_t address, uintptr_t *start, size_t *len,
	atomic_bool **gone)
{
	const unsigned int before = atomic_load_explicit(&slot->changes, memory_order_acquire);

	*start = atomic_load_explicit(&slot->start, memory_order_acquire);
	*len = atomic_load_explicit(&slot->len, memory_order_acquire);
	*gone = atomic_load_explicit(&slot->gone, memory_order_acquire);
	return before % 2 == 0 && *start != 0 && address - *start < *len &&
		atomic_load_explicit(&slot->changes, memory_order_relaxed) == before;
}

static bool
put_zeroes(uintptr_t start, size_t len)
{
	return mmap((void *)start, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		       0) != MAP_FAILED;
}

/* Zeroes in place of the range that has this address; false if it is nobody's. */
static bool
replace(uintptr_t address)
{
	const unsigned int n = atomic_load_explicit(&n_slots, memory_order_acquire);

	for (unsigned int i = 0; i < n; i++) {
		uintptr_t start;
		size_t len;
		atomic_bool *gone;

		if (!slot_has(&slots[i], address, &start, &len, &gone)) {
			continue;
		}
		atomic_store_explicit(gone, true, memory_order_release);
		/* Where memory may not be overcommitted, there may be enough for this page only. */
		return put_zeroes(start, len) || put_zeroes(address - address % PAGE, PAGE);
	}
	return false;
}

/* Let it be as if there were no guard: by default the process dies of the signal. */
static void
pass_on(int number, siginfo_t *info, void *context)
{
	const struct sigaction *to = atomic_load_explicit(&chain, memory_order_acquire);

	/* Somebody who has replaced our handler, and was replaced by it, passes on to us. */
	if (to == NULL || chaining != 0 || to->sa_handler == SIG_DFL || to->sa_handler == SIG_IGN) {
		(void)signal(number, SIG_DFL);
		if (info->si_code <= 0) {
			(void)raise(number); /* it was sent: returning does not bring it again */
		}
		return;
	}
	chaining = 1;
	if ((to->sa_flags & SA_SIGINFO) != 0) {
		to->sa_sigaction(number, info, context);
	} else {
		to->sa_handler(number);
	}
	chaining = 0;
}

/* Any thread. The signal is blocked meanwhile; nothing here touches guarded memory. */
static void
on_sigbus(int number, siginfo_t *info, void *context)
{
	const int saved = errno;

	/* Positive: the kernel says so because of an access, and si_addr is the address. */
	if (info->si_code <= 0 || !replace((uintptr_t)info->si_addr)) {
		pass_on(number, info, context);
	}
	errno = saved;
}

int
guard_install(void)
{
	const struct sigaction ours = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct sigaction now;
	struct sigaction *to = atomic_load_explicit(&chain, memory_order_relaxed) == &previous[0]
		? &previous[1]
		: &previous[0];

	if (sigaction(SIGBUS, NULL, &now) != 0) {
		return -errno;
	}
	if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_sigbus) {
		return 0;
	}
	*to = now;
	atomic_store_explicit(&chain, to, memory_order_release);
	return sigaction(SIGBUS, &ours, NULL) == 0 ? 0 : -errno;
}

/* Write a slot so that a handler sees the old range, none, or the new one. */
static void
slot_set(struct slot *slot, uintptr_t start, size_t len, atomic_bool *gone)
{
	const unsigned int before = atomic_load_explicit(&slot->changes, memory_order_relaxed);

	atomic_store_explicit(&slot->changes, before + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&slot->start, start, memory_order_release);
	atomic_store_explicit(&slot->len, len, memory_order_release);
	atomic_store_explicit(&slot->gone, gone, memory_order_release);
	atomic_store_explicit(&slot->changes, before + 2, memory_order_release);
}

static bool
slot_free(unsigned int i)
{
	return atomic_load_explicit(&slots[i].start, memory_order_relaxed) == 0;
}

int
guard_add(void *addr, size_t len, atomic_bool *gone)
{
	const unsigned int n = atomic_load_explicit(&n_slots, memory_order_relaxed);
	const int ret = guard_install();
	unsigned int i = 0;

	if (ret != 0) {
		return ret;
	}
	while (i < n && !slot_free(i)) {
		i++;
	}
	if (i == GUARD_RANGES_MAX) {
		return -ENOSPC;
	}
	slot_set(&slots[i], (uintptr_t)addr, len, gone);
	if (i == n) {
		atomic_store_explicit(&n_slots, n + 1, memory_order_release);
	}
	n_used++;
	return (int)i;
}

void
guard_remove(int slot)
{
	unsigned int n = atomic_load_explicit(&n_slots, memory_order_relaxed);

	slot_set(&slots[slot], 0, 0, NULL);
	while (n > 0 && slot_free(n - 1)) {
		n--;
	}
	atomic_store_explicit(&n_slots, n, memory_order_release);
	n_used--;
}

unsigned int
guard_count(void)
{
	return n_used;
}
