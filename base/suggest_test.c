/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static const char *const names[] = {"bridge", "mtu", "vlan", "vlan-mode", "queues", "trunk"};

static const struct {
	const char *wanted;
	const char *best;
} cases[] = {
	{"mut", "mtu"}, /* neighbours swapped, in a word that allows one edit */
	{"brigde", "bridge"}, /* neighbours swapped */
	{"MTU", "mtu"}, /* case */
	{"mtuu", "mtu"}, /* one too many */
	{"vlan_mode", "vlan-mode"}, /* one replaced */
	{"vlanmode", "vlan-mode"}, /* one missing */
	{"queue", "queues"}, /* one missing at the end */
	{"zzz", ""}, /* nothing near */
	{"", ""}, /* nothing wanted */
	{"a-name-with-more-than-sixty-four-bytes-that-cannot-be-anything-we-know", ""},
};

static void
test_nearest(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct suggest suggest;

		suggest_init(&suggest, cases[i].wanted, strlen(cases[i].wanted));
		for (size_t n = 0; n < ARRAY_LEN(names); n++) {
			suggest_offer(&suggest, names[n]);
		}
		assert_string_equal(suggest.best, cases[i].best);
	}
}

static void
test_text(void **state)
{
	struct suggest suggest;

	suggest_init(&suggest, "mtv and more", 3);
	assert_string_equal(suggest_text(&suggest), "");
	suggest_offer(&suggest, "mtu");
	assert_string_equal(suggest_text(&suggest), "; did you mean 'mtu'?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
