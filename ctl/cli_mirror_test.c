/* SPDX-License-Identifier: BSD-3-Clause */
/* The noun mirror: what it asks, what it shows, and the names that it completes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

static void
test_edits(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, CLI_EDITED);
	assert_int_equal(cli_do(w,
				 "mirror add m3 source-port=vm1,vm2 source-acl=web "
				 "output-port=probe truncate=128"),
		CLI_OK);
	cli_expect_asked(w, 0,
		"edit "
		"{\"edits\":[{\"op\":\"create\",\"path\":\"/vswitch:vswitch/mirror[name='m3']\","
		"\"value\":{\"source-port\":[\"vm1\",\"vm2\"],\"source-acl\":\"web\","
		"\"output-port\":\"probe\",\"truncate\":128}}]}");
	cli_will_answer(w, "{\"vswitch:vswitch\":{\"mirror\":[{\"name\":\"m3\"}]}}");
	cli_will_answer(w, CLI_EDITED);
	assert_int_equal(cli_do(w, "mirror set m3 source-acl="), CLI_OK);
	cli_expect_asked(w, 2,
		"edit {\"edits\":[{\"op\":\"remove\",\"path\":"
		"\"/vswitch:vswitch/mirror[name='m3']/source-acl\"}]}");
}

static void
test_show(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"mirror\":["
		"{\"name\":\"m2\",\"source-bridge\":\"br0\",\"source-vlan\":[\"10\",\"20-30\"],"
		"\"output-port\":\"probe\",\"seen-packets\":\"12\",\"packets\":\"7\",\"drops\":"
		"\"1\",\"enabled\":false},"
		"{\"name\":\"m3\",\"source-port\":[\"vm1\",\"vm2\"],\"source-acl\":\"web\","
		"\"direction\":\"both\",\"output-port\":\"probe\",\"seen-packets\":\"12345\","
		"\"packets\":\"1234\",\"drops\":\"0\"}]}}");
	assert_int_equal(cli_do(w, "mirror show"), CLI_OK);
	assert_string_equal(w->out,
		"MIRROR  FROM               WHICH  TO      SEEN  PACKETS  DROPS  STATE\n"
		"m2      br0 vlan 10,20-30  rx     probe     12        7      1  disabled\n"
		"m3      vm1,vm2 acl web    both   probe  12345     1234      0  enabled\n");
	cli_will_answer(w, "{\"vswitch:vswitch\":{}}");
	assert_int_equal(cli_do(w, "mirror show"), CLI_OK);
	assert_string_equal(w->out, "no mirrors\n");
}

/* What comes of `typed` behind `mirror add m3`, when the daemon has this entry. */
static void
expect_names(struct cli_world *w, const char *list, const char *typed, const char *expected)
{
	const char *words[] = {"vswitchctl", "__complete", "-s", w->world.path, "mirror", "add",
		"m3", typed, NULL};
	char answer[128];

	(void)snprintf(answer, sizeof(answer),
		"{\"vswitch:vswitch\":{\"%s\":[{\"name\":\"x1\"},{\"name\":\"x2\"}]}}", list);
	cli_will_answer(w, answer);
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, expected);
}

static void
test_completion(void **state)
{
	struct cli_world *w = *state;

	expect_names(w, "acl", "source-acl=", "source-acl=x1\nsource-acl=x2\n");
	expect_names(w, "port", "output-port=x", "output-port=x1\noutput-port=x2\n");
	expect_names(w, "port", "source-port=a,", "source-port=a,x1\nsource-port=a,x2\n");
	expect_names(w, "bridge", "source-bridge=", "source-bridge=x1\nsource-bridge=x2\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_edits),
		CASE(test_show),
		CASE(test_completion),
	};

	return cmocka_run_group_tests_name("cli_mirror", tests, NULL, NULL);
}
