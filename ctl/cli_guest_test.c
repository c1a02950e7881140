/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports with guests: what the command line makes of their leaves, and how it shows their state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define PORT "/vswitch:vswitch/port[name='vm1']"

static void
test_add(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, CLI_EDITED);
	assert_int_equal(cli_do(w,
				 "port add vm1 type=vhost-user disable-feature=tso,packed "
				 "peer-uid=64055,0 require-seals=true"),
		CLI_OK);
	cli_expect_asked(w, 0,
		"edit {\"edits\":[{\"op\":\"create\",\"path\":\"" PORT
		"\",\"value\":{\"type\":\"vhost-user\",\"disable-feature\":[\"tso\",\"packed\"],"
		"\"peer-uid\":[64055,0],\"require-seals\":true}}]}");
}

/* Setting a leaf-list replaces it. */
static void
test_set(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\"}]}}");
	cli_will_answer(w, CLI_EDITED);
	assert_int_equal(cli_do(w, "port set vm1 peer-uid=7 disable-feature="), CLI_OK);
	cli_expect_asked(w, 1,
		"edit {\"edits\":[{\"op\":\"remove\",\"path\":\"" PORT
		"/disable-feature\"},{\"op\":\"remove\",\"path\":\"" PORT
		"/peer-uid\"},{\"op\":\"merge\",\"path\":\"" PORT
		"\",\"value\":{\"peer-uid\":[7]}}]}");
}

static void
expect_candidates(struct cli_world *w, const char *typed, const char *expected)
{
	const char *const words[] = {"vswitchctl", "__complete", "port", "add", "x", typed, NULL};

	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, expected);
}

static void
test_completion(void **state)
{
	struct cli_world *w = *state;

	expect_candidates(w, "backend=", "backend=native\nbackend=dpdk\n");
	expect_candidates(w, "require-seals=t", "require-seals=true\nrequire-seals=false\n");
	expect_candidates(w, "peer-uid=", "");
	expect_candidates(w, "disable-feature=ts",
		"disable-feature=checksum\ndisable-feature=tso\ndisable-feature=ecn\n"
		"disable-feature=uso\ndisable-feature=mergeable\ndisable-feature=indirect\n"
		"disable-feature=event-index\ndisable-feature=in-order\ndisable-feature=packed\n");
	expect_candidates(w, "disable-feature=tso,ecn,u",
		"disable-feature=tso,ecn,checksum\ndisable-feature=tso,ecn,tso\n"
		"disable-feature=tso,ecn,ecn\ndisable-feature=tso,ecn,uso\n"
		"disable-feature=tso,ecn,mergeable\ndisable-feature=tso,ecn,indirect\n"
		"disable-feature=tso,ecn,event-index\ndisable-feature=tso,ecn,in-order\n"
		"disable-feature=tso,ecn,packed\n");
}

static void
test_help(void **state)
{
	struct cli_world *w = *state;

	assert_int_equal(cli_do(w, "port add --help"), CLI_OK);
	assert_non_null(strstr(w->out, "disable-feature=NAME,..."));
	assert_non_null(strstr(w->out, "any of: checksum tso"));
	assert_non_null(strstr(w->out, "one of: native dpdk"));
}

#define FEATURES                                                                        \
	"\"feature\":[{\"name\":\"checksum\",\"state\":\"acknowledged\"},"              \
	"{\"name\":\"tso\",\"state\":\"offered\",\"why\":\"the guest leaves it out\"}," \
	"{\"name\":\"packed\",\"state\":\"disabled\",\"why\":\"by disable-feature\"}]"
#define RINGS                                                                                    \
	"\"queue\":[{\"id\":0,\"worker\":0,\"rx-enabled\":true,\"tx-enabled\":true,\"ring\":["   \
	"{\"id\":0,\"direction\":\"tx\",\"size\":256,\"format\":\"split\",\"enabled\":true,"     \
	"\"running\":true,\"packets\":\"1000\",\"bytes\":\"64000\",\"bursts\":\"100\",\"kicks\"" \
	":\"5\",\"calls\":\"7\",\"suppressed-calls\":\"93\",\"waiting\":250,\"full\":\"3\","     \
	"\"small\":\"0\",\"invalid\":\"0\"},{\"id\":1,\"direction\":\"rx\",\"size\":512,"        \
	"\"format\":\"packed\",\"enabled\":true,\"running\":false,\"fault\":\"head-range\","     \
	"\"why\":\"an \\u001b entry\",\"packets\":\"0\",\"bytes\":\"0\",\"bursts\":\"0\","       \
	"\"kicks\":\"0\",\"calls\":\"0\",\"suppressed-calls\":\"0\",\"waiting\":0,\"full\":"     \
	"\"0\",\"small\":\"0\",\"invalid\":\"0\"}]}]"
#define GONE                                                                              \
	"{\"number\":\"1\",\"since\":\"2026-11-21T17:00:00.000000Z\",\"until\":"          \
	"\"2026-11-21T17:30:00.000000Z\",\"pid\":9,\"uid\":0,\"messages\":\"3\",\"end\":" \
	"\"SET_MEM_TABLE: region 1 is empty\"}"
#define HERE                                                                        \
	"{\"number\":\"2\",\"since\":\"2026-11-21T17:42:00.000000Z\",\"pid\":4711," \
	"\"uid\":64055,\"messages\":\"38\"}"
#define GUEST(connections)                                                                  \
	"\"guest\":{" FEATURES ",\"offered\":\"0x1\",\"acknowledged\":\"0x0\",\"protocol-"  \
	"feature\":[\"mq\",\"rarp\"],\"mtu\":1500,\"memory-regions\":2,\"memory\":"         \
	"\"1073741824\",\"migrating\":true,\"connections\":\"2\",\"refused\":\"1\",\"last-" \
	"error\":\"a message is longer than any\",\"connection\":[" connections "]}"
#define ANSWER(members) "{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\"" members "}]}}"

static void
test_show(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, ANSWER("," RINGS "," GUEST(HERE "," GONE)));
	assert_int_equal(cli_do(w, "port show vm1"), CLI_OK);
	assert_string_equal(w->out,
		"name   vm1\n"
		"queue\n"
		"  id  worker  rx-enabled  tx-enabled\n"
		"  0   0       true        true\n"
		"guest\n"
		"  process       4711 of user 64055, since 2026-11-21T17:42:00.000000Z, 38 "
		"messages\n"
		"  memory        1024 MiB in 2 regions\n"
		"  migrating     what is written to its memory is logged\n"
		"  mtu           1500\n"
		"  protocol      mq,rarp\n"
		"  offered       0x1\n"
		"  acknowledged  0x0\n"
		"  last error    a message is longer than any\n"
		"  connections   2 accepted, 1 refused\n"
		"\n"
		"  FEATURE   STATE         WHY\n"
		"  checksum  acknowledged\n"
		"  tso       offered       the guest leaves it out\n"
		"  packed    disabled      by disable-feature\n"
		"\n"
		"  RING  WAY  STATE    FORMAT  SIZE  WAITING  PACKETS  BYTES  BATCH  KICKS  CALLS  "
		"SUPPRESSED  FULL  WHY\n"
		"     0  tx   runs     split    256      250     1000  64000     10      5      7  "
		"        93     3\n"
		"     1  rx   stopped  packed   512        0        0      0      0      0      0  "
		"         0        head-range: an ? entry\n"
		"\n"
		"  CONNECTION  SINCE                        UNTIL                         PID    "
		"UID  MESSAGES  END\n"
		"           2  2026-11-21T17:42:00.000000Z                               4711  "
		"64055        38\n"
		"           1  2026-11-21T17:00:00.000000Z  2026-11-21T17:30:00.000000Z     9    "
		"  0         3  SET_MEM_TABLE: region 1 is empty\n");
}

static void
test_show_nobody(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, ANSWER("," GUEST(GONE)));
	assert_int_equal(cli_do(w, "port show vm1"), CLI_OK);
	assert_non_null(strstr(w->out, "guest\n  process       none is connected\n"));
	assert_null(strstr(w->out, "RING"));
	cli_will_answer(w, ANSWER(",\"guest\":{\"protocol-feature\":[]}"));
	assert_int_equal(cli_do(w, "port show vm1"), CLI_OK);
	assert_string_equal(w->out,
		"name  vm1\nguest\n  process       none is connected\n  connections   0 accepted, "
		"0 "
		"refused\n");
	cli_will_answer(w, ANSWER(",\"mtu\":1500"));
	assert_int_equal(cli_do(w, "port show vm1"), CLI_OK);
	assert_string_equal(w->out, "name  vm1\nmtu   1500\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_add),
		CASE(test_set),
		CASE(test_completion),
		CASE(test_help),
		CASE(test_show),
		CASE(test_show_nobody),
	};

	return cmocka_run_group_tests_name("cli_guest", tests, NULL, NULL);
}
