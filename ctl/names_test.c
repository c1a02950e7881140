/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the host are asked for by a helper, and main waits for none of them. */
#include "ctl/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

#define TRIES 10000 /* of a millisecond */

/* The host: how often it was asked, and what it says. */
static atomic_uint n_asked;
static atomic_uint alice_was; /* asked for as which one, from 1 */
static atomic_bool hangs;
static atomic_bool fails;
static atomic_uint says; /* the id; 0: there is none */

static enum names_state
ask(enum names_kind kind, const char *key, struct names_answer *out)
{
	const unsigned int turn = atomic_fetch_add(&n_asked, 1) + 1;

	if (strcmp(key, "alice") == 0) {
		atomic_store(&alice_was, turn);
	}
	while (atomic_load(&hangs)) {
		(void)usleep(1000);
	}
	if (atomic_load(&fails)) {
		return NAMES_UNKNOWN;
	}
	out->id = atomic_load(&says);
	(void)snprintf(out->name, sizeof(out->name), "%d-%s", (int)kind, key);
	return out->id == 0 ? NAMES_ABSENT : NAMES_KNOWN;
}

static int setup(void **state) ROLE_ATTR(no_thread_safety_analysis);
static int teardown(void **state) ROLE_ATTR(no_thread_safety_analysis);

static int
setup(void **state)
{
	atomic_store(&n_asked, 0);
	atomic_store(&hangs, false);
	atomic_store(&fails, false);
	atomic_store(&says, 7);
	role_enter(&role_main);
	*state = names_create(ask);
	return 0;
}

static int
teardown(void **state)
{
	names_destroy(*state);
	atomic_store(&hangs, false);
	role_leave(&role_main);
	return 0;
}

/* What is known when the helper has answered. */
static struct names_answer
settle(struct names *names, enum names_kind kind, const char *key) ON_MAIN
{
	struct names_answer answer;

	names_get(names, kind, key, &answer);
	for (int i = 0; answer.soon; i++) {
		assert_true(i < TRIES);
		(void)usleep(1000);
		names_get(names, kind, key, &answer);
	}
	return answer;
}

static void
answers(void **state)
{
	struct names *names = *state;
	struct names_answer answer;
	uint64_t generation;

	role_assert(&role_main);
	names_get(names, NAMES_USER, "alice", &answer);
	assert_int_equal(answer.state, NAMES_UNKNOWN);
	assert_true(answer.soon);
	answer = settle(names, NAMES_USER, "alice");
	assert_int_equal(answer.state, NAMES_KNOWN);
	assert_int_equal(answer.id, 7);
	generation = names_generation(names);
	assert_true(generation > 0);
	/* kinds are apart, and what is known is not asked for again */
	atomic_store(&says, 0);
	assert_int_equal(settle(names, NAMES_GROUP, "alice").state, NAMES_ABSENT);
	assert_int_equal(settle(names, NAMES_USER, "alice").state, NAMES_KNOWN);
	assert_int_equal(atomic_load(&n_asked), 2);
	assert_true(names_generation(names) > generation);
	atomic_store(&says, 1);
	answer = settle(names, NAMES_ACCOUNT, "1000");
	assert_string_equal(answer.name, "2-1000");
	names_learn(names, NAMES_ACCOUNT, "0");
	names_get(names, NAMES_ACCOUNT, "0", &answer);
	assert_string_equal(answer.name, "2-0");
}

/* No answer is not "there is none"; it is asked for again, later. */
static void
fails_and_comes_back(void **state)
{
	struct names *names = *state;
	struct names_answer answer;

	role_assert(&role_main);
	atomic_store(&fails, true);
	answer = settle(names, NAMES_GROUP, "netops");
	assert_int_equal(answer.state, NAMES_UNKNOWN);
	assert_int_equal(atomic_load(&n_asked), 1);
	for (int i = 0; i < 100; i++) {
		names_get(names, NAMES_GROUP, "netops", &answer);
		assert_false(answer.soon); /* not at once */
	}
	assert_int_equal(atomic_load(&n_asked), 1);
	atomic_store(&fails, false);
	for (int i = 0; answer.state != NAMES_KNOWN; i++) {
		assert_true(i < TRIES);
		(void)usleep(1000);
		names_get(names, NAMES_GROUP, "netops", &answer);
	}
	assert_int_equal(answer.id, 7);
}

/* A service that never answers holds up nobody, not even the end. */
static void
hanging(void **state)
{
	struct names *names = *state;
	struct names_answer answer;
	char key[16];

	role_assert(&role_main);
	atomic_store(&hangs, true);
	for (unsigned int i = 0; i < 2 * NAMES_MAX; i++) {
		(void)snprintf(key, sizeof(key), "%u", i);
		names_get(names, NAMES_ACCOUNT, key, &answer);
		assert_int_equal(answer.state, NAMES_UNKNOWN);
	}
	/* the last ones were not even asked: nobody waits for them */
	assert_false(answer.soon);
	assert_true(atomic_load(&n_asked) <= 1);
}

/* A service that is down may say that there is none: the number stands. */
static void
absent_later(void **state)
{
	struct names *names = *state;
	struct names_answer answer;

	role_assert(&role_main);
	names_learn(names, NAMES_GROUP, "banned");
	atomic_store(&says, 0);
	names_learn(names, NAMES_GROUP, "banned");
	names_get(names, NAMES_GROUP, "banned", &answer);
	assert_int_equal(answer.state, NAMES_KNOWN);
	assert_int_equal(answer.id, 7);
	atomic_store(&says, 8);
	names_learn(names, NAMES_GROUP, "banned");
	names_get(names, NAMES_GROUP, "banned", &answer);
	assert_int_equal(answer.id, 8);
	/* other rules, with the name and then without */
	atomic_store(&says, 0);
	names_rules_begin(names);
	names_get(names, NAMES_GROUP, "banned", &answer);
	names_rules_end(names);
	names_learn(names, NAMES_GROUP, "banned");
	names_get(names, NAMES_GROUP, "banned", &answer);
	assert_int_equal(answer.state, NAMES_KNOWN);
	names_rules_begin(names);
	names_rules_end(names);
	assert_int_equal(settle(names, NAMES_GROUP, "banned").state, NAMES_ABSENT);
}

/* Strangers in any number: names of rules go before them, and few of them wait. */
static void
rules_first(void **state)
{
	struct names *names = *state;
	struct names_answer answer;
	char key[16];

	role_assert(&role_main);
	atomic_store(&hangs, true);
	for (unsigned int i = 0; i < 2 * NAMES_ACCOUNTS_MAX; i++) {
		(void)snprintf(key, sizeof(key), "%u", i);
		names_get(names, NAMES_ACCOUNT, key, &answer);
	}
	assert_false(answer.soon);
	while (atomic_load(&n_asked) == 0) {
		(void)usleep(1000);
	}
	names_get(names, NAMES_USER, "alice", &answer);
	assert_true(answer.soon);
	atomic_store(&hangs, false);
	assert_int_equal(settle(names, NAMES_USER, "alice").state, NAMES_KNOWN);
	assert_int_equal(atomic_load(&alice_was), 2); /* behind the one that was being asked */
}

static void
too_long(void **state)
{
	struct names_answer answer;
	char key[NAMES_SIZE + 1];

	role_assert(&role_main);
	memset(key, 'x', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	names_get(*state, NAMES_USER, key, &answer);
	assert_int_equal(answer.state, NAMES_ABSENT);
	assert_int_equal(atomic_load(&n_asked), 0);
}

/* The host's own. */
static void host(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
host(void **state)
{
	struct names *names;

	role_enter(&role_main);
	names = names_create(NULL);
	assert_string_equal(settle(names, NAMES_ACCOUNT, "0").name, "root");
	assert_int_equal(settle(names, NAMES_USER, "root").id, 0);
	assert_int_equal(settle(names, NAMES_USER, "root").state, NAMES_KNOWN);
	assert_int_equal(settle(names, NAMES_GROUP, "root").state, NAMES_KNOWN);
	assert_int_equal(settle(names, NAMES_GROUP, "no-such-group").state, NAMES_ABSENT);
	assert_int_equal(settle(names, NAMES_ACCOUNT, "4000000000").state, NAMES_ABSENT);
	names_destroy(names);
	names_destroy(NULL);
	role_leave(&role_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(fails_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(hanging, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_later, setup, teardown),
		cmocka_unit_test_setup_teardown(rules_first, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long, setup, teardown),
		cmocka_unit_test(host),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
