/* SPDX-License-Identifier: BSD-3-Clause */
/* The nouns acl, meter and group: what they ask, and what they show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define ROOT "/vswitch:vswitch/"
#define ACE ROOT "acl[name='web']/ace[name='http']"
#define METER ROOT "bridge[name='br0']/meter[id='1']"
#define GROUP ROOT "bridge[name='br0']/group[id='1']"

/* Edits in JSON with ` for ". */
static const struct edit_case {
	const char *line; /* NULL ends a table */
	const char *edits;
} acl_edits[] = {
	{"acl add web", "{`op`:`create`,`path`:`" ROOT "acl[name='web']`,`value`:{}}"},
	{"acl add web default-action=accept --may-exist",
		"{`op`:`merge`,`path`:`" ROOT
		"acl[name='web']`,`value`:{`default-action`:`accept`}}"},
	{"acl del web lab",
		"{`op`:`delete`,`path`:`" ROOT "acl[name='web']`},{`op`:`delete`,`path`:`" ROOT
		"acl[name='lab']`}"},
	{"acl del web --if-exists", "{`op`:`remove`,`path`:`" ROOT "acl[name='web']`}"},
	{"acl rule add web http protocol=tcp destination-port=80 dscp=46 forwarding=accept",
		"{`op`:`create`,`path`:`" ACE "`,`value`:{`forwarding`:`accept`,`matches`:{"
		"`protocol`:`tcp`,`destination-port`:`80`,`dscp`:46}}}"},
	{"acl rule add web http forwarding=drop",
		"{`op`:`create`,`path`:`" ACE "`,`value`:{`forwarding`:`drop`}}"},
	{"acl rule add web http forwarding=drop --first",
		"{`op`:`insert`,`path`:`" ACE "`,`value`:{`forwarding`:`drop`},`where`:`first`}"},
	{"acl rule add web http forwarding=drop --before bad",
		"{`op`:`insert`,`path`:`" ACE
		"`,`value`:{`forwarding`:`drop`},`where`:`before`,`point`:`" ROOT
		"acl[name='web']/ace[name='bad']`}"},
	{"acl rule set web http --after=bad",
		"{`op`:`move`,`path`:`" ACE "`,`where`:`after`,`point`:`" ROOT
		"acl[name='web']/ace[name='bad']`}"},
	{"acl rule set web http forwarding=drop ttl=1 protocol=",
		"{`op`:`remove`,`path`:`" ACE "/matches/protocol`},{`op`:`merge`,`path`:`" ACE
		"/forwarding`,`value`:`drop`},{`op`:`merge`,`path`:`" ACE
		"/matches/ttl`,`value`:1}"},
	{"acl rule del web http", "{`op`:`delete`,`path`:`" ACE "`}"},
	{NULL},
};

static const struct edit_case part_edits[] = {
	{"meter add br0 1 packet-rate=100 burst=10",
		"{`op`:`create`,`path`:`" METER "`,`value`:{`packet-rate`:100,`burst`:10}}"},
	{"meter set br0 1 packet-rate=200 burst=",
		"{`op`:`remove`,`path`:`" METER "/burst`},{`op`:`merge`,`path`:`" METER
		"/packet-rate`,`value`:200}"},
	{"meter del br0 1", "{`op`:`delete`,`path`:`" METER "`}"},
	{"group add br0 1 type=select",
		"{`op`:`create`,`path`:`" GROUP "`,`value`:{`type`:`select`}}"},
	{"group set br0 1 type=all", "{`op`:`merge`,`path`:`" GROUP "/type`,`value`:`all`}"},
	{"group del br0 1", "{`op`:`delete`,`path`:`" GROUP "`}"},
	{"group bucket add br0 1 7 actions=output:p1 weight=3 watch-port=p1",
		"{`op`:`create`,`path`:`" GROUP
		"/bucket[id='7']`,`value`:{`actions`:`output:p1`,`weight`:3,"
		"`watch-port`:`p1`}}"},
	{"group bucket set br0 1 7 watch-port=",
		"{`op`:`remove`,`path`:`" GROUP "/bucket[id='7']/watch-port`}"},
	{"group bucket del br0 1 7", "{`op`:`delete`,`path`:`" GROUP "/bucket[id='7']`}"},
	{NULL},
};

static void
expect_edits(struct cli_world *w, const struct edit_case *at)
{
	for (; at->line != NULL; at++) {
		cli_expect_edits(w, at->line, at->edits);
	}
}

static void
test_acl_edits(void **state)
{
	expect_edits(*state, acl_edits);
}

static void
test_part_edits(void **state)
{
	expect_edits(*state, part_edits);
}

static const struct {
	const char *line;
	const char *words;
} wrong[] = {
	{"acl rule add web", "an argument is missing"},
	{"acl rule drop web http", "'drop' is none of add, set and del"},
	{"acl rule set web http", "nothing to set"},
	{"acl rule del web http forwarding=drop", "del takes no keys"},
	{"acl rule del web http --first", "del takes no keys"},
	{"acl rule add web ht'tp forwarding=drop", "cannot be the name of a ace"},
	{"acl rule add web http forwarding=drop --first --after x", "give one of --first"},
	{"acl rule add web http forwarding", "not of the form key=value"},
	{"meter add br0 1", "an argument is missing"},
	{"meter add br0 [1] packet-rate=1", "cannot be the id of a meter"},
	{"group bucket set br0 1 7", "nothing to set"},
	{"group bucket del br0 1 7 weight=1", "del takes no keys"},
	{"group bucket list br0 1 7", "none of add, set and del"},
};

static void
test_usage(void **state)
{
	struct cli_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		cli_expect_usage(w, wrong[i].line, wrong[i].words);
	}
}

#define ACL                                                                                    \
	"{\"vswitch:vswitch\":{\"acl\":[{\"name\":\"web\",\"default-packets\":\"3\",\"ace\":[" \
	"{\"name\":\"http\",\"forwarding\":\"accept\",\"matched-packets\":\"12\","             \
	"\"matches\":{\"protocol\":\"tcp\",\"destination-port\":\"80\"}},"                     \
	"{\"name\":\"rest\",\"forwarding\":\"drop\",\"matched-packets\":\"0\"}]}]}}"

static void
test_show_acl(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, ACL);
	assert_int_equal(cli_do(w, "acl show"), CLI_OK);
	assert_string_equal(w->out,
		"ACL  ENTRIES  DEFAULT  PACKETS\n"
		"web        2  drop           3\n");
	cli_will_answer(w, ACL);
	assert_int_equal(cli_do(w, "acl show web"), CLI_OK);
	assert_string_equal(w->out,
		"PACKETS  ENTRY  ACTION  MATCHES\n"
		"     12  http   accept  protocol=tcp destination-port=80\n"
		"      0  rest   drop    all frames\n"
		"      3  -      drop    all others\n");
	cli_expect_asked(w, 1, "get {\"path\":\"" ROOT "acl[name='web']\",\"content\":\"all\"}");
	cli_will_answer(w, "{\"vswitch:vswitch\":{}}");
	assert_int_equal(cli_do(w, "acl show"), CLI_OK);
	assert_string_equal(w->out, "no access lists\n");
	cli_will_answer(w, "{\"vswitch:vswitch\":{}}");
	assert_int_equal(cli_do(w, "acl show web"), CLI_REFUSED);
}

static void
test_show_meters(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\",\"meter\":[{\"id\":1,"
		"\"packet-rate\":10,\"passed-packets\":\"5\",\"dropped-packets\":\"6\"},"
		"{\"id\":20,\"bit-rate\":8,\"burst\":9}]}]}}");
	assert_int_equal(cli_do(w, "meter show br0"), CLI_OK);
	assert_string_equal(w->out,
		"METER  PACKETS/S  KBIT/S  BURST  PASSED  DROPPED\n"
		"    1         10       -      -       5        6\n"
		"   20          -       8      9       0        0\n");
	cli_will_answer(w, "{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}]}}");
	assert_int_equal(cli_do(w, "meter show br0"), CLI_OK);
	assert_string_equal(w->out, "no meters\n");
}

static void
test_show_groups(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\",\"group\":[{\"id\":1,"
		"\"type\":\"failover\",\"bucket\":[{\"id\":1,\"actions\":\"output:p1\","
		"\"watch-port\":\"p1\"},{\"id\":2,\"actions\":\"output:p2\",\"weight\":0}]},"
		"{\"id\":2,\"type\":\"all\"}]}]}}");
	assert_int_equal(cli_do(w, "group show br0"), CLI_OK);
	assert_string_equal(w->out,
		"GROUP  TYPE      BUCKET  WEIGHT  WATCH  ACTIONS\n"
		"    1  failover       1       1  p1     output:p1\n"
		"    1  failover       2       0         output:p2\n"
		"    2  all\n");
	cli_will_answer(w, "{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}]}}");
	assert_int_equal(cli_do(w, "group show br0"), CLI_OK);
	assert_string_equal(w->out, "no groups\n");
}

static void
test_completion(void **state)
{
	static const char *const part[] = {"vswitchctl", "__complete", "acl", "rule", "", NULL};
	static const char *const leaf[] = {
		"vswitchctl", "__complete", "acl", "rule", "add", "web", "x", "p", NULL};
	struct cli_world *w = *state;

	assert_int_equal(cli_do_words(w, part), CLI_OK);
	assert_string_equal(w->out, "add\nset\ndel\n");
	assert_int_equal(cli_do_words(w, leaf), CLI_OK);
	assert_non_null(strstr(w->out, "destination-port=\n"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_acl_edits),
		CASE(test_part_edits),
		CASE(test_usage),
		CASE(test_show_acl),
		CASE(test_show_meters),
		CASE(test_show_groups),
		CASE(test_completion),
	};

	return cmocka_run_group_tests_name("cli_policy", tests, NULL, NULL);
}
