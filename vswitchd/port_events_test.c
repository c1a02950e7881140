/* SPDX-License-Identifier: BSD-3-Clause */
/* Events of ports: what is told of them, and that a log has an end. */
#include "vswitchd/port_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

static void
expect_json(const struct world *world, const struct port_event *event, const char *bridge,
	const char *expected) ON_MAIN
{
	struct event_about about;
	json_t *body = port_event_json(world, event, &about);
	char *text = json_dumps(body, JSON_COMPACT);

	assert_string_equal(text, expected);
	assert_true(bridge == NULL ? about.bridge == NULL : strcmp(about.bridge, bridge) == 0);
	assert_string_equal(about.port, event->port);
	free(text);
	json_decref(body);
}

static void
test_members(void **state)
{
	struct world world = {.dp = NULL};
	struct world_port *port = calloc(1, sizeof(*port));
	struct port_event event = {
		.port = "vm1", .what = "guest-connected", .queue = -1, .text = "\"hello\""};

	role_assert(&role_main);
	assert_non_null(port);
	str_copy(port->name, "vm1", sizeof(port->name));
	world_init(&world);
	expect_json(&world, &event, NULL,
		"{\"severity\":\"notice\",\"event\":\"guest-connected\",\"text\":"
		"\"\\\"hello\\\"\",\"port\":\"vm1\"}");
	world_add_port(&world, port);
	expect_json(&world, &event, NULL,
		"{\"severity\":\"notice\",\"event\":\"guest-connected\",\"text\":"
		"\"\\\"hello\\\"\",\"port\":\"vm1\"}");
	str_copy(port->bridge, "br0", sizeof(port->bridge));
	event.queue = 0;
	expect_json(&world, &event, "br0",
		"{\"severity\":\"notice\",\"event\":\"guest-connected\",\"text\":"
		"\"\\\"hello\\\"\",\"port\":\"vm1\",\"queue\":0}");
	event.what = "failed";
	event.queue = -1;
	event.oper = "failed";
	expect_json(&world, &event, "br0",
		"{\"severity\":\"warning\",\"event\":\"failed\",\"text\":\"\\\"hello\\\"\","
		"\"port\":\"vm1\",\"oper-status\":\"failed\"}");
	/* One that has gone says itself where it was. */
	event = (struct port_event){.port = "vm0",
		.what = "deleted",
		.queue = -1,
		.routine = true,
		.text = "gone",
		.bridge = "br7"};
	expect_json(&world, &event, "br7",
		"{\"severity\":\"info\",\"event\":\"deleted\",\"text\":\"gone\","
		"\"port\":\"vm0\"}");
	event.bridge = "";
	expect_json(&world, &event, NULL,
		"{\"severity\":\"info\",\"event\":\"deleted\",\"text\":\"gone\","
		"\"port\":\"vm0\"}");
	world_fini(&world);
}

static void
test_purse(void **state)
{
	struct port_log log = {0};
	uint64_t now = 1000 * CLOCK_S;
	uint32_t quiet = 99;

	role_assert(&role_main);
	for (int i = 0; i < PORT_LOG_BURST; i++) {
		assert_true(port_log_may(&log, now, &quiet));
		assert_int_equal(quiet, 0);
	}
	for (int i = 0; i < 10000; i++) {
		assert_false(port_log_may(&log, now + PORT_LOG_EACH - 1, &quiet));
	}
	now += PORT_LOG_EACH;
	assert_true(port_log_may(&log, now, &quiet));
	assert_int_equal(quiet, 10000);
	assert_false(port_log_may(&log, now, &quiet));
	/* After a silence as many as at first, and not one more. */
	now += 1000 * PORT_LOG_BURST * PORT_LOG_EACH;
	assert_true(port_log_may(&log, now, &quiet));
	assert_int_equal(quiet, 1);
	for (int i = 1; i < PORT_LOG_BURST; i++) {
		assert_true(port_log_may(&log, now, &quiet));
		assert_int_equal(quiet, 0);
	}
	assert_false(port_log_may(&log, now, &quiet));
}

/* Standard error into a file, and back again. */
static FILE *
stderr_take(int *saved)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	(void)fflush(stderr);
	*saved = dup(STDERR_FILENO);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	return file;
}

static void
stderr_give_back(FILE *file, int saved)
{
	(void)fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	rewind(file);
}

static void
test_log(void **state)
{
	struct world world = {.dp = NULL};
	struct world_port *port = calloc(1, sizeof(*port));
	struct port_events ports = {.world = &world};
	struct port_event event = {.port = "vm1", .what = "guest-refused", .queue = -1};
	char line[512];
	int lines = 0;
	FILE *file;
	int saved;

	role_assert(&role_main);
	assert_non_null(port);
	str_copy(port->name, "vm1", sizeof(port->name));
	world_init(&world);
	world_add_port(&world, port);
	event.text = "uid 7 may not connect";
	file = stderr_take(&saved);
	for (int i = 0; i < 10 * PORT_LOG_BURST; i++) {
		port_events_take(&ports, &event);
	}
	stderr_give_back(file, saved);
	while (fgets(line, sizeof(line), file) != NULL) {
		assert_non_null(strstr(line, "vm1: guest-refused: uid 7 may not connect"));
		lines++;
	}
	/* A second may pass meanwhile. */
	assert_in_range(lines, PORT_LOG_BURST, 2 * PORT_LOG_BURST);
	(void)fclose(file);
	world_fini(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_purse),
		cmocka_unit_test(test_log),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("port_events", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
