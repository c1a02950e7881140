/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tests of a struct test_device share: a fixture for each case, and what is asked of it.
 *
 * Included by test programs after cmocka's own headers.
 */
#ifndef VSW_PORTS_VHOST_TEST_DEVICE_CHECK_H
#define VSW_PORTS_VHOST_TEST_DEVICE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ports/vhost/test_device.h"

/* For a case's setup and teardown; both take main's role. */
static inline int
test_device_setup(void **state, uint16_t n_rings)
{
	struct test_device *test = malloc(sizeof(*test));

	role_enter(&role_main);
	test_device_start(test, n_rings);
	role_leave(&role_main);
	*state = test;
	return 0;
}

static inline int
test_device_teardown(void **state)
{
	role_enter(&role_main);
	test_device_stop(*state);
	role_leave(&role_main);
	free(*state);
	return 0;
}

static inline bool
runs(const struct test_device *test, uint16_t ring) ON_MAIN
{
	return vu_device_ring_view(&test->device, ring) != NULL;
}

static inline void
violates(struct test_device *test, enum vu_outcome outcome, const char *why)
{
	assert_int_equal(outcome, VU_VIOLATION);
	assert_string_equal(test->err.text, why);
	assert_false(test->reply.wanted);
}

/* The last answer: of the request's own kind, or 0 and 1. */
static inline void
answered(const struct test_device *test, uint64_t value)
{
	assert_true(test->reply.wanted);
	assert_int_equal(test->reply.msg.request, test->msg.request);
	assert_int_equal(test->reply.msg.flags, VU_VERSION | VU_REPLY);
	assert_int_equal(test->reply.msg.size, 8);
	assert_true(test->reply.msg.payload.u64 == value);
	assert_int_equal(test->reply.fd, -1);
}

#endif
