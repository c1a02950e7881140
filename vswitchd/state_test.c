/* SPDX-License-Identifier: BSD-3-Clause */
/* State that is asked for in part: no more is looked at than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"
#include "vswitchd/world.h"

static struct world *
make(void) ROLE_ATTR(assert_capability(role_main))
{
	struct dp_options options = {.n_workers = 1, .seed = 1};
	struct world *world = calloc(1, sizeof(*world));
	struct world_port *port = calloc(1, sizeof(*port));

	role_assert(&role_main);
	assert_non_null(world);
	assert_non_null(port);
	world_init(world);
	assert_int_equal(dp_create(&options, &world->dp, NULL), 0);
	(void)str_copy(port->name, "p1", sizeof(port->name));
	world_add_port(world, port);
	return world;
}

static void
end(struct world *world) ON_MAIN
{
	struct dp *dp = world->dp;

	world_fini(world);
	dp_destroy(dp, PORT_CLOSE_SHUTDOWN);
	free(world);
}

static void
test_members(void **state)
{
	static const struct {
		const char *list;
		const char *key;
		const char *asked;
		const char *has;
		const char *lacks;
	} cases[] = {
		{"system", "", NULL, "drop", "-"},
		{"system", "", NULL, "traffic", "-"},
		{"system", "", NULL, "worker", "-"},
		{"system", "", "traffic", "traffic", "-"},
		{"system", "", "missed", "missed", "-"},
		/* what reads the counters of all ports */
		{"system", "", "worker", "worker", "drop"},
		{"system", "", "worker", "worker", "traffic"},
		{"system", "", "uptime", "uptime", "missed"},
		{"port", "p1", NULL, "statistics", "-"},
		{"port", "p1", "statistics", "statistics", "-"},
		{"port", "p1", "oper-status", "oper-status", "statistics"},
	};
	struct world *world = make();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *entry = json_object();

		world_state(world, cases[i].list, cases[i].key, cases[i].asked, entry);
		if (json_object_get(entry, cases[i].has) == NULL ||
			json_object_get(entry, cases[i].lacks) != NULL) {
			fail_msg("case %zu: %s", i, json_dumps(entry, 0));
		}
		json_decref(entry);
	}
	end(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("state", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
