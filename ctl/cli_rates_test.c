/* SPDX-License-Identifier: BSD-3-Clause */
/* The arithmetic of stats --watch. */
#include "ctl/cli_rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"

static json_t *
json_of(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	return json;
}

#define PORT(name, rx, bytes, drops)                                                              \
	"{\"name\":\"" name "\",\"oper-status\":\"up\",\"statistics\":{\"rx-packets\":\"" rx      \
	"\",\"rx-bytes\":\"" bytes "\",\"tx-packets\":\"0\",\"tx-bytes\":\"0\",\"drops\":{" drops \
	"}}}"

static void
test_rates(void **state)
{
	json_t *before =
		json_of("[" PORT("a", "100", "6400", "\"runt\":\"1\",\"full\":\"5\"") "," PORT(
			"b", "0", "0", "") "," PORT("gone", "0", "0", "") "]");
	json_t *after = json_of("[" PORT("new", "9", "9", "") "," PORT(
		"a", "300", "19200", "\"runt\":\"3\",\"full\":\"25\"") "," PORT("b", "2000",
		"128000", "\"runt\":\"0\"") "]");
	struct cli_rate *rates;
	struct cli_rate sum;

	/* what is in one look only has no rate; the busiest comes first */
	assert_int_equal(cli_rates(before, after, 2.0, NULL, &rates), 2);
	assert_string_equal(rates[0].name, "b");
	assert_string_equal(rates[0].status, "up");
	assert_true(rates[0].rx_packets == 1000);
	assert_true(rates[0].rx_bits == 512000);
	assert_string_equal(rates[0].reason, "");
	assert_string_equal(rates[1].name, "a");
	assert_true(rates[1].rx_packets == 100);
	assert_true(rates[1].drops == 11);
	assert_string_equal(rates[1].reason, "full");
	sum = cli_rates_sum(rates, 2);
	assert_true(sum.rx_packets == 1100);
	assert_true(sum.drops == 11);
	assert_true(sum.tx_bits == 0);
	free(rates);
	json_decref(before);
	json_decref(after);
}

static void
test_cleared(void **state)
{
	json_t *before = json_of("[" PORT("a", "18446744073709551615", "0", "") "]");
	json_t *after = json_of("[" PORT("a", "30", "0", "") "]");
	struct cli_rate *rates;

	assert_int_equal(cli_rates(before, after, 1.0, NULL, &rates), 1);
	assert_true(rates[0].rx_packets == 30);
	free(rates);
	json_decref(before);
	json_decref(after);
}

static void
test_only(void **state)
{
	char b[] = "b";
	char *only[] = {b, NULL};
	json_t *look = json_of("[" PORT("a", "1", "1", "") "," PORT("b", "1", "1", "") "]");
	struct cli_rate *rates;

	assert_int_equal(cli_rates(look, look, 1.0, only, &rates), 1);
	assert_string_equal(rates[0].name, "b");
	free(rates);
	assert_int_equal(cli_rates(NULL, NULL, 1.0, NULL, &rates), 0);
	free(rates);
	json_decref(look);
}

static void
test_busy(void **state)
{
	json_t *before = json_of("{\"busy-cycles\":\"100\",\"idle-cycles\":\"1000\"}");
	json_t *after = json_of("{\"busy-cycles\":\"400\",\"idle-cycles\":\"1100\"}");

	assert_true(cli_rate_busy(before, after) == 0.75);
	assert_true(cli_rate_busy(before, before) == -1);
	assert_true(cli_rate_busy(NULL, after) == -1);
	json_decref(before);
	json_decref(after);
}

static void
test_text(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {
		{0, "0"},
		{0.4, "0"},
		{999, "999"},
		{999.6, "1.00k"},
		{1234, "1.23k"},
		{9994, "9.99k"},
		{9996, "10.0k"},
		{99960, "100k"},
		{1234567, "1.23M"},
		{9.87e9, "9.87G"},
		{1e12, "1.00T"},
		{1e16, "10000T"},
	};
	char text[CLI_RATE_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_string_equal(cli_rate_text(cases[i].rate, text), cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("cli_rates", tests, NULL, NULL);
}
