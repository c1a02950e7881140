/* SPDX-License-Identifier: BSD-3-Clause */
/* What a wrong command line says, and what a right one means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <getopt.h>

#include "perf/loadgen/options.h"

#define MAX_WORDS 24

/* Parse words that are separated by blanks. */
static int
parse(struct options *options, const char *line, struct err *err)
{
	static char text[512];
	char *words[MAX_WORDS] = {NULL};
	char *rest = NULL;
	int n = 1;

	(void)snprintf(text, sizeof(text), "%s", line);
	words[0] = text;
	(void)strtok_r(text, " ", &rest);
	for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;) {
		assert_true(n + 1 < MAX_WORDS);
		words[n++] = word;
	}
	*err = (struct err)ERR_INIT;
	optind = 0;
	opterr = 0;
	return options_parse(options, n, words, err);
}

#define TWO "loadgen --port a --port b "

/* Each with a message that names the option. */
static void
test_wrong(void **state)
{
	static const struct {
		const char *line;
		const char *says;
	} cases[] = {
		{"loadgen", "--port"},
		{"loadgen --port a", "--port"},
		{"loadgen --port a --port b --port c", "--port"},
		{"loadgen --port a,x --port b", "--port"},
		{"loadgen --port a,queues=0 --port b", "--port queues 0"},
		{"loadgen --port a,queues=17 --port b", "--port queues 17"},
		{"loadgen --port , --port b", "--port"},
		{TWO "--size 63", "--size 63"},
		{TWO "--size 9019", "--size 9019"},
		{TWO "--size x", "--size x"},
		{TWO "--flows 0", "--flows 0"},
		{TWO "--flows 16777217", "--flows 16777217"},
		{TWO "--flows 4095 --fields vlan", "--flows 4095"},
		{TWO "--fields ip", "--fields ip"},
		{TWO "--zipf -1", "--zipf -1"},
		{TWO "--zipf nan", "--zipf nan"},
		{TWO "--direction up", "--direction up"},
		{TWO "--rate 0", "--rate 0"},
		{TWO "--rate 1x", "--rate 1x"},
		{TWO "--window -1", "--window -1"},
		{TWO "--window 65536", "--window 65536"},
		{TWO "--window all", "--window all"},
		{TWO "--seconds 0", "--seconds 0"},
		{TWO "--payload all", "--payload all"},
		{TWO "--ring 100", "--ring 100"},
		{TWO "--ring 32", "--ring 32"},
		{TWO "--vnet-header no", "--vnet-header no"},
		{TWO "--tso --no-mergeable", "--tso"},
		{TWO "--tso --fields 5tuple --flows 2", "--tso"},
		{TWO "--cpu x", "--cpu x"},
		{TWO "--cpu2 1", "--cpu2"},
		{TWO "--storm mac,1000", "--storm"},
		{TWO "--port c --storm mac", "--storm mac"},
		{TWO "--port c --storm none,max", "--storm none"},
		{TWO "--port c --storm mac,0", "--storm 0"},
		{TWO "--port c --storm both,max --tso", "--storm"},
		{TWO "--port c --storm both,max --payload untouched", "--payload untouched"},
		{TWO "--port c --direction mesh --payload untouched", "--payload untouched"},
		{TWO "--memory-change table", "--memory-change table"},
		{TWO "--memory-change none,10", "--memory-change none"},
		{TWO "--memory-change table,0", "--memory-change 0"},
		{"loadgen --ceiling --memory-change slots,10", "--memory-change"},
		{TWO "--nonsense", "--nonsense"},
		{TWO "--size", "--size"},
		{TWO "nonsense", "nonsense"},
	};
	struct options options;
	struct err err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int rc = parse(&options, cases[i].line, &err);
		if (rc >= 0 || strstr(err.text, cases[i].says) == NULL) {
			fail_msg("'%s' gave %d, '%s'", cases[i].line, rc, rc < 0 ? err.text : "");
		}
	}
}

static void
test_right(void **state)
{
	struct options options;
	struct err err;

	(void)state;
	assert_int_equal(parse(&options, TWO, &err), 0);
	assert_int_equal(options.window, OPTIONS_AUTO);
	assert_int_equal(options.storm, STORM_NONE);
	assert_true(options_sends(&options, 0, 1) && options_sends(&options, 1, 0));
	assert_int_equal(parse(&options, TWO "--window 0 --rate 1e6", &err), 0);
	assert_int_equal(options.window, 0);
	assert_true(options.rate == 1e6);
	assert_int_equal(parse(&options, "loadgen --ceiling --cpu2 0", &err), 0);
	assert_int_equal(options.n_ports, 2);
	assert_false(options.interrupts);
	assert_int_equal(options.memory_change, MEMORY_CHANGE_NONE);
	assert_int_equal(parse(&options, TWO "--interrupts --memory-change slots,2.5", &err), 0);
	assert_true(options.interrupts);
	assert_int_equal(options.memory_change, MEMORY_CHANGE_SLOTS);
	assert_true(options.memory_change_ms == 2.5);
	assert_string_equal(options_memory_change(&options), "slots");
}

/* The port of the storm is in no pair. */
static void
test_storm(void **state)
{
	struct options options;
	struct err err;

	(void)state;
	assert_int_equal(parse(&options, TWO "--port c --storm 5tuple,2e6", &err), 0);
	assert_int_equal(options.storm, STORM_5TUPLE);
	assert_true(options.storm_rate == 2e6);
	assert_int_equal(options_talkers(&options), 2);
	assert_false(options_sends(&options, 2, 3) || options_sends(&options, 2, 0));
	assert_int_equal(
		parse(&options, TWO "--port c --port d --direction mesh --storm mac,max", &err), 0);
	assert_true(options_sends(&options, 2, 0));
	assert_false(options_sends(&options, 0, 3) || options_sends(&options, 3, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
