/* SPDX-License-Identifier: BSD-3-Clause */
/* The nouns access, remote and http: what they ask, and what they show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define SYSTEM "/vswitch:vswitch/system/"
#define RULE SYSTEM "access/rule[name='ops']"

/* Edits in JSON with ` for ". */
static const struct {
	const char *line;
	const char *edits;
} edits[] = {
	{"access set default-role=read",
		"{`op`:`merge`,`path`:`" SYSTEM "access/default-role`,`value`:`read`}"},
	{"access set default-role=", "{`op`:`remove`,`path`:`" SYSTEM "access/default-role`}"},
	{"access rule add ops group=a,b role=operate",
		"{`op`:`create`,`path`:`" RULE "`,`value`:{`group`:[`a`,`b`],`role`:`operate`}}"},
	{"access rule add ops role=none --first",
		"{`op`:`insert`,`path`:`" RULE "`,`value`:{`role`:`none`},`where`:`first`}"},
	{"access rule add ops role=none --after x",
		"{`op`:`insert`,`path`:`" RULE "`,`value`:{`role`:`none`},`where`:`after`,"
		"`point`:`" SYSTEM "access/rule[name='x']`}"},
	{"access rule set ops --before x",
		"{`op`:`move`,`path`:`" RULE "`,`where`:`before`,`point`:`" SYSTEM
		"access/rule[name='x']`}"},
	{"access rule set ops user=carol group=",
		"{`op`:`remove`,`path`:`" RULE "/group`},{`op`:`merge`,`path`:`" RULE
		"/user`,`value`:[`carol`]}"},
	{"access rule del ops", "{`op`:`delete`,`path`:`" RULE "`}"},
	{"remote set enabled=true address=:: port=1",
		"{`op`:`merge`,`path`:`" SYSTEM "remote/enabled`,`value`:true},"
		"{`op`:`merge`,`path`:`" SYSTEM "remote/address`,`value`:`::`},"
		"{`op`:`merge`,`path`:`" SYSTEM "remote/port`,`value`:1}"},
	{"http set role=none", "{`op`:`merge`,`path`:`" SYSTEM "http/role`,`value`:`none`}"},
};

static void
test_edits(void **state)
{
	struct cli_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		cli_expect_edits(w, edits[i].line, edits[i].edits);
	}
}

static const struct {
	const char *line;
	const char *words;
} wrong[] = {
	{"access set", "an argument is missing"},
	{"access rule add", "an argument is missing"},
	{"access rule drop ops", "'drop' is none of add, set and del"},
	{"access rule set ops", "nothing to set"},
	{"access rule set ops role=read --first", "not both at once"},
	{"access rule del ops role=read", "del takes no keys"},
	{"access rule add o'ps role=read", "cannot be the name of a rule"},
	{"access rule add ops role=read --first --before x", "give one of --first"},
	{"access rule add ops role=read --before x]", "cannot be the name of a rule"},
	{"remote set enabled", "write enabled=BOOL"},
	{"remote show x", "one argument too many"},
	{"http reload", "there is no command"},
};

static void
test_usage(void **state)
{
	struct cli_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		cli_expect_usage(w, wrong[i].line, wrong[i].words);
	}
}

static void
test_show_access(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"system\":{\"access\":{\"default-role\":\"read\","
		"\"rule\":[{\"name\":\"ops\",\"group\":[\"a\",\"b\"],\"role\":\"operate\"},"
		"{\"name\":\"all\",\"from\":\"remote\",\"role\":\"none\"}]}}}}");
	assert_int_equal(cli_do(w, "access show"), CLI_OK);
	assert_string_equal(w->out,
		"RULE  ROLE     FROM    USERS       GROUPS\n"
		"ops   operate  any                 a,b\n"
		"all   none     remote  everybody\n"
		"-     read     local   all others\n"
		"-     none     remote  all others\n");
	cli_expect_asked(w, 0, "get {\"path\":\"" SYSTEM "access\",\"content\":\"config\"}");
	cli_will_answer(w, "{\"vswitch:vswitch\":{}}");
	assert_int_equal(cli_do(w, "access show"), CLI_OK);
	assert_string_equal(w->out,
		"RULE  ROLE   FROM    USERS\n"
		"-     admin  local   all others\n"
		"-     none   remote  all others\n");
}

static void
test_show_remote(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"system\":{\"remote\":{\"enabled\":true,"
		"\"listening\":false,\"reason\":\"no such file\",\"refused\":\"7\"}}}}");
	assert_int_equal(cli_do(w, "remote show"), CLI_OK);
	assert_string_equal(w->out,
		"enabled    true\n"
		"listening  false\n"
		"reason     no such file\n"
		"refused    7\n");
	cli_expect_asked(w, 0, "get {\"path\":\"" SYSTEM "remote\",\"content\":\"all\"}");
	cli_will_answer(w, "{}");
	assert_int_equal(cli_do(w, "remote reload"), CLI_OK);
	cli_expect_asked(w, 1, "action {\"name\":\"reload-certificates\",\"input\":{}}");
	cli_will_answer(w, "{\"code\":1,\"text\":\"no PEM\"}");
	assert_int_equal(cli_do(w, "remote reload"), CLI_REFUSED);
}

static void
test_denied(void **state)
{
	struct cli_world *w = *state;
	char answer[128];

	(void)snprintf(answer, sizeof(answer),
		"{\"code\":%d,\"text\":\"edit needs role admin; rita has role read, see "
		"/system/access\"}",
		ERR_DENIED);
	cli_will_answer(w, answer);
	assert_int_equal(cli_do(w, "bridge add x"), CLI_REFUSED);
	assert_non_null(strstr(w->err, "edit needs role admin"));
	assert_non_null(strstr(w->err, "Who may do what: vswitchctl access show"));
	(void)snprintf(answer, sizeof(answer),
		"{\"code\":%d,\"text\":\"vswitchd needs CAP_NET_RAW\"}", ERR_DENIED);
	cli_will_answer(w, answer);
	assert_int_equal(cli_do(w, "bridge add x"), CLI_REFUSED);
	assert_null(strstr(w->err, "Who may do what"));
}

/* Without a certificate nothing is even tried. */
static void
test_tls_options(void **state)
{
	struct cli_world *w = *state;

	assert_int_equal(cli_do_words(w,
				 (const char *const[]){
					 "vswitchctl", "-s", "tls://localhost:1", "ping", NULL}),
		CLI_USAGE);
	assert_non_null(strstr(w->err, "--cert FILE (or $VSWITCHCTL_CERT)"));
	assert_int_equal(cli_do_words(w,
				 (const char *const[]){"vswitchctl", "-s", "localhost:1", "--cert",
					 "/x", "ping", NULL}),
		CLI_USAGE);
	assert_non_null(strstr(w->err, "--ca FILE (or $VSWITCHCTL_CA)"));
	assert_int_equal(cli_do_words(w,
				 (const char *const[]){"vswitchctl", "-s", "tls://", "--cert", "/x",
					 "--ca", "/x", "ping", NULL}),
		CLI_USAGE);
	assert_non_null(strstr(w->err, "is not tls://HOST:PORT"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edits, cli_setup, cli_teardown),
		cmocka_unit_test_setup_teardown(test_usage, cli_setup, cli_teardown),
		cmocka_unit_test_setup_teardown(test_show_access, cli_setup, cli_teardown),
		cmocka_unit_test_setup_teardown(test_show_remote, cli_setup, cli_teardown),
		cmocka_unit_test_setup_teardown(test_denied, cli_setup, cli_teardown),
		cmocka_unit_test_setup_teardown(test_tls_options, cli_setup, cli_teardown),
	};

	return cmocka_run_group_tests_name("cli_access", tests, NULL, NULL);
}
