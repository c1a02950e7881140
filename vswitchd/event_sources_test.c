/* SPDX-License-Identifier: BSD-3-Clause */
/* What events of workers, of the configuration, of limits and of a port's status say. */
#include "vswitchd/event_sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "vswitchd/port_change.h"

/* Takes `body`. */
static void
expect_json(json_t *body, const char *expected)
{
	char *text = json_dumps(body, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(body);
}

static void
test_worker(void **state)
{
	struct dp_worker_event event = {.worker = 3,
		.stalled = true,
		.ns = 2150 * CLOCK_MS,
		.port = "vm1",
		.queue = 2,
		.tid = gettid(),
		.snapshots = 4,
		.ports = 1};

	role_assert(&role_main);
	/* Who asks is running. */
	expect_json(worker_event(&event),
		"{\"severity\":\"error\",\"event\":\"stalled\",\"text\":\"worker 3 has made no "
		"progress for 2.1 s: its thread runs, or waits for a CPU, it has queue 2 of port "
		"vm1 in hand, 1 deleted port waits for it\",\"worker\":3,\"stalled-ms\":2150,"
		"\"port\":\"vm1\",\"queue\":2,\"thread-state\":\"R\",\"snapshots\":4,"
		"\"deleted-ports\":1}");
	event.tid = 0;
	event.port = NULL;
	event.ports = 0;
	expect_json(worker_event(&event),
		"{\"severity\":\"error\",\"event\":\"stalled\",\"text\":\"worker 3 has made no "
		"progress for 2.1 s: its thread is in an unknown state\",\"worker\":3,"
		"\"stalled-ms\":2150,\"snapshots\":4,\"deleted-ports\":0}");
	event.stalled = false;
	event.ns = 61 * CLOCK_S;
	expect_json(worker_event(&event),
		"{\"severity\":\"notice\",\"event\":\"running\",\"text\":\"worker 3 runs again, "
		"after 61.0 s\",\"worker\":3,\"stalled-ms\":61000}");
}

static json_t *
record_of(const char *text)
{
	json_t *record = json_loads(text, 0, NULL);

	assert_non_null(record);
	return record;
}

static void
test_config(void **state)
{
	json_t *record =
		record_of("{\"revision\":7,\"user\":\"root\",\"from\":\"unix\","
			  "\"comment\":\"more\",\"change\":\"commit\",\"changes\":[{\"op\":"
			  "\"create\",\"path\":\"/a\"},{\"op\":\"delete\",\"path\":\"/b\"}],"
			  "\"more\":3}");

	role_assert(&role_main);
	expect_json(config_event(record),
		"{\"severity\":\"notice\",\"event\":\"commit\",\"text\":\"revision 7 by root: "
		"create /a and 4 more (more)\",\"revision\":7,\"user\":\"root\",\"from\":\"unix\","
		"\"comment\":\"more\",\"change\":\"commit\",\"changes\":[{\"op\":\"create\","
		"\"path\":"
		"\"/a\"},{\"op\":\"delete\",\"path\":\"/b\"}],\"more\":3}");
	json_decref(record);
	record = record_of("{\"revision\":8,\"user\":\"vswitchd\",\"from\":\"\",\"change\":"
			   "\"timeout\",\"changes\":[]}");
	expect_json(config_event(record),
		"{\"severity\":\"warning\",\"event\":\"timeout\",\"text\":\"revision 8 by "
		"vswitchd, because nobody confirmed the edits before it: nothing changed\","
		"\"revision\":8,\"user\":\"vswitchd\",\"from\":\"\",\"change\":\"timeout\","
		"\"changes\":[]}");
	json_decref(record);
}

/* What is very long is told without how it was and is. */
static void
test_long_config(void **state)
{
	json_t *record = record_of("{\"revision\":9,\"user\":\"u\",\"change\":\"commit\","
				   "\"changes\":[{\"op\":\"modify\",\"path\":\"/a\"}]}");
	json_t *change = json_array_get(json_object_get(record, "changes"), 0);
	char *value = calloc(1, CONFIG_EVENT_MAX + 1);
	json_t *body;

	role_assert(&role_main);
	assert_non_null(value);
	memset(value, 'x', CONFIG_EVENT_MAX);
	(void)json_object_set_new(change, "after", json_string(value));
	body = config_event(record);
	assert_true(json_is_true(json_object_get(body, "shortened")));
	expect_json(json_incref(json_object_get(body, "changes")),
		"[{\"op\":\"modify\",\"path\":\"/a\"}]");
	/* The datastore's record is as it was. */
	assert_non_null(json_object_get(change, "after"));
	json_decref(body);
	json_decref(record);
	free(value);
}

static void
test_gauge(void **state)
{
	struct limit_gauge gauge = {0};
	uint64_t now = 1000 * CLOCK_S;
	uint64_t count;

	assert_int_equal(limit_gauge_look(&gauge, 0), 0);
	assert_int_equal(limit_gauge_look(&gauge, 5), 5);
	assert_int_equal(limit_gauge_look(&gauge, 5), 0);
	assert_int_equal(limit_gauge_look(&gauge, 12), 7);
	/* Cleared meanwhile. */
	assert_int_equal(limit_gauge_look(&gauge, 2), 2);
	count = 7;
	assert_true(limit_gauge_log(&gauge, now, &count));
	assert_int_equal(count, 7);
	for (int i = 1; i < 60; i++) {
		count = 1;
		assert_false(limit_gauge_log(&gauge, now + (uint64_t)i * CLOCK_S, &count));
	}
	count = 2;
	assert_true(limit_gauge_log(&gauge, now + LIMIT_LOG_EACH, &count));
	assert_int_equal(count, 61);
}

/* --- a port's status ---------------------------------------------------------------------------
 */

struct told {
	char words[256]; /* "word/oper " of each */
	bool routine; /* of the last one */
};

static void
note(void *arg, const struct port_event *event)
{
	struct told *told = arg;

	(void)str_appendf(told->words, sizeof(told->words), "%s/%s ", event->what, event->oper);
	told->routine = event->routine;
	assert_int_equal(event->queue, -1);
	assert_true(event->text[0] != '\0');
}

static void
test_port_changes(void **state)
{
	static const struct {
		const char *opers; /* first letters: Up, Down, No-guest, Stopped, Failed */
		const char *words;
	} cases[] = {
		{"UU", "up/up "},
		{"UDU", "up/up down/down up/up "},
		{"NUN", "attached/up detached/no-guest "},
		{"NNUUNN", "attached/up detached/no-guest "},
		{"FFUFN", "failed/failed recovered/up failed/failed recovered/no-guest "},
		{"DF", "down/down failed/failed "},
		{"FD", "failed/failed recovered/down "},
		{"USU", "up/up stopped/stopped up/up "},
		{"NSN", "stopped/stopped down/no-guest "},
	};

	role_assert(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told told = {.words = ""};
		struct world world = {.event = note, .event_arg = &told};
		struct world_port port = {.name = "p1"};

		for (const char *c = cases[i].opers; *c != '\0'; c++) {
			struct port_status status = {.oper = *c == 'U' ? PORT_UP
					: *c == 'D'                    ? PORT_DOWN
					: *c == 'N'                    ? PORT_NO_GUEST
					: *c == 'S'                    ? PORT_STOPPED
								       : PORT_FAILED};

			port_change_tell(&world, &port, &status);
			assert_true(
				c != cases[i].opers || *c == 'N' || told.routine == (*c == 'U'));
		}
		assert_string_equal(told.words, cases[i].words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_long_config),
		cmocka_unit_test(test_gauge),
		cmocka_unit_test(test_port_changes),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("event_sources", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
