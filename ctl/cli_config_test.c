/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration as a whole: files, revisions, options of commands that edit, and changes as
 * people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define ROOT "/vswitch:vswitch/"

/* Run a command that the daemon answers like this; expect the call and the output. */
static void
expect(struct cli_world *w, const char *line, const char *answer, const char *asked,
	const char *out)
{
	cli_will_answer(w, answer);
	assert_int_equal(cli_do(w, line), CLI_OK);
	assert_string_equal(w->err, "");
	assert_string_equal(w->out, out);
	cli_expect_asked(w, w->n_asked - 1, asked);
}

static void
write_file(const char *name, const char *content)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* ---- files ---- */

static void
test_files(void **state)
{
	struct cli_world *w = *state;
	char name[160];
	char line[256];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s/saved.json", w->world.folder);
	(void)snprintf(line, sizeof(line), "config save %s", name);
	expect(w, line, "{\"vswitch:vswitch\":{\"bridge\":[]}}",
		"get {\"path\":\"/\",\"content\":\"config\"}", "");
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	expect(w, "config save", "{\"vswitch:vswitch\":{}}",
		"get {\"path\":\"/\",\"content\":\"config\"}", "{\n  \"vswitch:vswitch\": {}\n}\n");
	(void)snprintf(line, sizeof(line), "config load %s", name);
	expect(w, line, CLI_EDITED,
		"edit {\"edits\":[{\"op\":\"replace\",\"path\":\"/vswitch:vswitch\",\"value\":{"
		"\"bridge\":[]}}]}",
		"");
	(void)snprintf(line, sizeof(line), "config load --merge %s --base 4 --comment c", name);
	expect(w, line, CLI_EDITED,
		"edit {\"edits\":[{\"op\":\"merge\",\"path\":\"/vswitch:vswitch\",\"value\":{"
		"\"bridge\":[]}}],\"base-revision\":4,\"comment\":\"c\"}",
		"");
	(void)snprintf(line, sizeof(line), "config check %s", name);
	cli_will_answer(w, "{}");
	assert_int_equal(cli_do(w, line), CLI_OK);
	cli_expect_words(w->out, "is valid");
	cli_expect_asked(
		w, w->n_asked - 1, "check {\"document\":{\"vswitch:vswitch\":{\"bridge\":[]}}}");
	(void)snprintf(line, sizeof(line), "config diff %s", name);
	expect(w, line, CLI_EDITED, "diff {\"document\":{\"vswitch:vswitch\":{\"bridge\":[]}}}",
		"no difference\n");
	assert_int_equal(unlink(name), 0);
	assert_int_equal(cli_do(w, line), CLI_REFUSED);
	cli_expect_words(w->err, "No such file");
}

static void
test_bad_file(void **state)
{
	static const struct {
		const char *content;
		const char *words;
	} cases[] = {
		{"{\"vswitch:vswitch\": {", "line 1"},
		{"[]", "is not a configuration"},
		{"{\"vswitch\": {}}", "is not a configuration"},
		{"{\"vswitch:vswitch\": {}, \"x\": 1}", "is not a configuration"},
		{"{\"vswitch:vswitch\": []}", "is not a configuration"},
	};
	static const char *const commands[] = {"config load", "config check", "config diff"};
	struct cli_world *w = *state;
	char name[160];
	char line[256];

	(void)snprintf(name, sizeof(name), "%s/bad.json", w->world.folder);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_file(name, cases[i].content);
		for (size_t c = 0; c < ARRAY_LEN(commands); c++) {
			(void)snprintf(line, sizeof(line), "%s %s", commands[c], name);
			assert_int_equal(cli_do(w, line), CLI_REFUSED);
			cli_expect_words(w->err, cases[i].words);
		}
	}
	assert_int_equal(unlink(name), 0);
	cli_expect_calls(w, 0);
}

static void
test_edit_file(void **state)
{
	static const char *const bad[] = {"{\"edits\":{}}", "{\"op\":\"merge\"}"};
	struct cli_world *w = *state;
	char name[160];
	char line[256];

	(void)snprintf(name, sizeof(name), "%s/edits.json", w->world.folder);
	(void)snprintf(line, sizeof(line), "config edit %s --comment why", name);
	write_file(name, "[{\"op\":\"delete\",\"path\":\"/a\"}]");
	expect(w, line, CLI_EDITED,
		"edit {\"edits\":[{\"op\":\"delete\",\"path\":\"/a\"}],\"comment\":\"why\"}", "");
	write_file(name, "{\"edits\":[],\"comment\":\"old\",\"base-revision\":3}");
	expect(w, line, CLI_EDITED, "edit {\"edits\":[],\"comment\":\"why\",\"base-revision\":3}",
		"");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		write_file(name, bad[i]);
		assert_int_equal(cli_do(w, line), CLI_REFUSED);
		cli_expect_words(w->err, "an array of edit operations is expected");
	}
	assert_int_equal(unlink(name), 0);
	cli_expect_calls(w, 2);
}

/* ---- options of commands that edit ---- */

static void
test_options(void **state)
{
	struct cli_world *w = *state;

	expect(w, "bridge del br0 --confirm=60 --comment x",
		"{\"changes\":[],\"revision\":7,\"confirm-by\":\"2026-11-22T02:00:00Z\"}",
		"edit {\"edits\":[{\"op\":\"delete\",\"path\":\"" ROOT
		"bridge[name='br0']\"}],\"comment\":\"x\",\"confirm-timeout\":60}",
		"provisional: to keep it, run 'vswitchctl config confirm' before "
		"2026-11-22T02:00:00Z, when it is taken back; 'vswitchctl config rollback' takes "
		"it back now\n");
	/* the next command of the same process starts anew */
	expect(w, "bridge del br0 --dry-run",
		"{\"changes\":[{\"op\":\"delete\",\"path\":\"" ROOT "bridge[name='br0']\"}],"
		"\"revision\":7,\"dry-run\":true}",
		"edit {\"edits\":[{\"op\":\"delete\",\"path\":\"" ROOT
		"bridge[name='br0']\"}],\"dry-run\":true}",
		"- bridge br0\ndry run: nothing was changed\n");
	expect(w, "meter add br0 1 packet-rate=5 --dry-run",
		"{\"changes\":[],\"revision\":7,\"dry-run\":true}",
		"edit {\"edits\":[{\"op\":\"create\",\"path\":\"" ROOT
		"bridge[name='br0']/meter[id='1']\",\"value\":{\"packet-rate\":5}}],"
		"\"dry-run\":true}",
		"dry run: there is nothing to change\n");
	expect(w, "--json port del vm1 --base 0", CLI_EDITED,
		"edit {\"edits\":[{\"op\":\"delete\",\"path\":\"" ROOT
		"port[name='vm1']\"}],\"base-revision\":0}",
		"{\n  \"changes\": [],\n  \"revision\": 1\n}\n");
}

static void
test_bad_options(void **state)
{
	struct cli_world *w = *state;

	cli_expect_usage(w, "bridge del br0 --confirm 0", "seconds from 1 to 86400, not '0'");
	cli_expect_usage(w, "bridge del br0 --confirm 86401", "seconds from 1 to 86400");
	cli_expect_usage(w, "bridge del br0 --confirm", "--confirm needs a value");
	cli_expect_usage(w, "bridge del br0 --comment", "--comment needs a value");
	cli_expect_usage(w, "bridge del br0 --comment \xff", "--comment is not valid UTF-8");
	cli_expect_usage(w, "bridge del br0 --base x", "'config history' shows them");
	cli_expect_usage(w, "bridge del br0 --dry-run=1", "--dry-run=1 takes no value");
	cli_expect_usage(w, "bridge show --dry-run", "there is no option --dry-run here");
	cli_expect_usage(w, "config confirm --confirm 5", "there is no option --confirm here");
	cli_expect_usage(w, "config check f --comment x", "there is no option --comment here");
}

static void
test_conflict(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"code\":8,\"text\":\"it is at revision 9\"}");
	assert_int_equal(cli_do(w, "bridge del br0 --base 7"), CLI_REFUSED);
	assert_string_equal(w->out, "");
	cli_expect_words(w->err, "vswitchctl: it is at revision 9\n");
	cli_expect_words(w->err, "'vswitchctl config diff 7' shows what has changed since");
	cli_will_answer(w, "{\"code\":8,\"text\":\"revision 9 waits for its confirm\"}");
	assert_int_equal(cli_do(w, "bridge del br0"), CLI_REFUSED);
	cli_expect_words(w->err, "'vswitchctl config confirm' keeps it, ");
}

/* ---- changes ---- */

/* Show these changes as config diff does. */
static void
expect_changes(struct cli_world *w, const char *changes, const char *out)
{
	char answer[4096];

	(void)snprintf(answer, sizeof(answer), "{\"from\":1,\"to\":2,\"changes\":[%s]}", changes);
	expect(w, "config diff", answer, "diff {}", out);
}

static void
test_change_entries(void **state)
{
	struct cli_world *w = *state;

	expect_changes(w,
		"{\"op\":\"create\",\"path\":\"" ROOT "port[name='vm3']\",\"after\":{\"name\":"
		"\"vm3\",\"type\":\"fake\",\"trunk\":[\"1\",\"5-7\"],\"description\":\"a b\"}},"
		"{\"op\":\"delete\",\"path\":\"" ROOT "port[name='vm2']\",\"before\":{\"name\":"
		"\"vm2\",\"type\":\"tap\",\"trusted\":false}}",
		"+ port vm3: type fake, trunk 1,5-7, description \"a b\"\n"
		"- port vm2: type tap, trusted false\n");
	expect_changes(w,
		"{\"op\":\"create\",\"path\":\"" ROOT "acl[name='a']\",\"after\":{\"name\":\"a\","
		"\"ace\":[{\"name\":\"x\",\"match\":{\"ip-proto\":6},\"action\":\"drop\"}]}},"
		"{\"op\":\"delete\",\"path\":\"" ROOT "acl[name='b']\",\"before\":{\"name\":\"b\","
		"\"ace\":[{\"name\":\"x\"}]}},"
		"{\"op\":\"create\",\"path\":\"" ROOT "bridge[name='c']\"}",
		"+ acl a\n"
		"+ acl a ace x: action drop\n"
		"+ acl a ace x match: ip-proto 6\n"
		"- acl b\n"
		"+ bridge c\n");
}

static void
test_change_leaves(void **state)
{
	struct cli_world *w = *state;

	expect_changes(w,
		"{\"op\":\"modify\",\"path\":\"" ROOT "port[name='vm1']\",\"apply\":\"live\","
		"\"before\":{\"name\":\"vm1\",\"mtu\":1500,\"vlan\":7,\"type\":\"fake\"},"
		"\"after\":{\"name\":\"vm1\",\"mtu\":9000,\"trunk\":[\"2\"],\"type\":\"fake\"}},"
		"{\"op\":\"modify\",\"path\":\"" ROOT "system\",\"before\":{\"http\":{\"port\":1,"
		"\"x\":2}},\"after\":{\"description\":\"\",\"http\":{\"port\":2,\"x\":2}}},"
		"{\"op\":\"modify\",\"path\":\"" ROOT "port[name='vm4']\",\"apply\":"
		"\"recreate\"},{\"op\":\"modify\",\"path\":\"" ROOT
		"port[name='vm5']\",\"apply\":\"restart-port\",\"leaves\":{\"mtu\":\"live\","
		"\"queues\":\"restart-port\"},\"before\":{\"mtu\":1500},\"after\":{\"mtu\":9000,"
		"\"queues\":2}}",
		"~ port vm1: mtu 1500 -> 9000 (live)\n"
		"~ port vm1: vlan 7 -> (unset) (live)\n"
		"~ port vm1: trunk (unset) -> 2 (live)\n"
		"~ system http: port 1 -> 2\n"
		"~ system: description (unset) -> \"\"\n"
		"~ port vm4 (recreate)\n"
		"~ port vm5: mtu 1500 -> 9000 (live)\n"
		"~ port vm5: queues (unset) -> 2 (restart-port)\n");
}

static void
test_change_inner_lists(void **state)
{
	struct cli_world *w = *state;

	expect_changes(w,
		"{\"op\":\"modify\",\"path\":\"" ROOT "acl[name='a']\",\"before\":{\"ace\":[{"
		"\"name\":\"x\",\"action\":\"drop\"},{\"name\":\"y\"},{\"name\":\"z\"}]},"
		"\"after\":{\"ace\":[{\"name\":\"z\"},{\"name\":\"n\",\"action\":\"drop\"},{"
		"\"name\":\"x\",\"action\":\"accept\"}]}}",
		"- acl a ace y\n"
		"+ acl a ace n: action drop\n"
		"~ acl a ace x: action drop -> accept\n"
		"~ acl a: other order of ace\n");
	expect_changes(w,
		"{\"op\":\"modify\",\"path\":\"" ROOT "bridge[name='b']\",\"before\":{"
		"\"static-mac\":[{\"mac\":\"52:00:00:00:00:01\",\"vlan\":0,\"port\":\"p\"},{"
		"\"mac\":\"52:00:00:00:00:01\",\"vlan\":5,\"port\":\"p\"}]},\"after\":{"
		"\"static-mac\":[{\"mac\":\"52:00:00:00:00:01\",\"vlan\":5,\"port\":\"q\"}]}}",
		"- bridge b static-mac 52:00:00:00:00:01: port p\n"
		"~ bridge b static-mac 52:00:00:00:00:01 vlan 5: port p -> q\n");
}

/* What a peer has written does not reach the terminal as it is. */
static void
test_change_hostile(void **state)
{
	struct cli_world *w = *state;

	expect_changes(w,
		"{\"op\":\"create\",\"path\":\"" ROOT "port[name='\\u001b[31m']\",\"after\":{"
		"\"description\":\"\\u001b]0;x\\u0007\",\"\\u001b\":1}},"
		"{\"op\":\"modify\",\"path\":\"[[[\",\"before\":[1],\"after\":{\"a\":[{}]}},"
		"{\"op\":7},null,{\"op\":\"create\",\"path\":\"/x[y='z\",\"after\":\"\"}",
		"+ port ?[31m: description ?]0;x?, ? 1\n"
		"+ [[[ a\n"
		"~ configuration\n"
		"~ configuration\n"
		"+ x z\n");
}

/* ---- revisions ---- */

static void
test_history(void **state)
{
	struct cli_world *w = *state;

	expect(w, "config history",
		"{\"revisions\":[{\"revision\":12,\"time\":\"2026-11-22T01:00:00Z\",\"user\":"
		"\"root\",\"from\":\"unix\",\"comment\":\"mtu\",\"changes\":2,\"provisional\":true,"
		"\"confirm-by\":\"2026-11-22T01:01:00Z\"},{\"revision\":11,\"time\":"
		"\"2026-11-22T00:00:00Z\",\"user\":\"ann\",\"from\":\"unix\",\"changes\":10,"
		"\"confirmed-by\":\"bob\",\"confirmed-at\":\"2026-11-22T00:00:09Z\"}]}",
		"history {\"limit\":20}",
		"REVISION  TIME                  USER  FROM  CHANGES  PROVISIONAL                 "
		"COMMENT\n"
		"      12  2026-11-22T01:00:00Z  root  unix        2  until 2026-11-22T01:01:00Z  "
		"mtu\n"
		"      11  2026-11-22T00:00:00Z  ann   unix       10  kept by bob\n");
	expect(w, "config history --limit 3", "{\"revisions\":[]}", "history {\"limit\":3}",
		"no revisions yet: the first edit makes one\n");
}

static void
test_history_pages(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"revisions\":[{\"revision\":3},{\"revision\":2}],\"next\":2}");
	cli_will_answer(w, "{\"revisions\":[{\"revision\":1}]}");
	assert_int_equal(cli_do(w, "--json config history --limit 5"), CLI_OK);
	cli_expect_asked(w, 0, "history {\"limit\":5}");
	cli_expect_asked(w, 1, "history {\"limit\":3,\"before\":2}");
	assert_null(strstr(w->out, "next"));
	cli_expect_words(w->out, "\"revision\": 3");
	cli_expect_words(w->out, "\"revision\": 1");
	/* a daemon that never comes to an end is left */
	cli_will_answer(w, "{\"revisions\":[{\"revision\":3}],\"next\":2}");
	cli_will_answer(w, "{\"revisions\":[],\"next\":2}");
	assert_int_equal(cli_do(w, "config history"), CLI_OK);
	cli_will_answer(w, "{\"next\":2}");
	cli_will_answer(w, "[]");
	assert_int_equal(cli_do(w, "config history"), CLI_OK);
	cli_expect_calls(w, 6);
}

static void
test_diff(void **state)
{
	struct cli_world *w = *state;

	expect(w, "config diff 3", "{\"changes\":[]}", "diff {\"from\":3}", "no difference\n");
	expect(w, "config diff 3 5", "{\"changes\":[]}", "diff {\"from\":3,\"to\":5}",
		"no difference\n");
	expect(w, "--json config diff", "{\"changes\":[]}", "diff {}", "{\n  \"changes\": []\n}\n");
	assert_int_equal(cli_do(w, "config diff 3 x"), CLI_USAGE);
	cli_expect_words(w->err, "'x' is not the number of a revision");
	assert_int_equal(cli_do(w, "config diff 99999999999999999999"), CLI_USAGE);
	assert_int_equal(cli_do(w, "config history --limit 0"), CLI_USAGE);
	cli_expect_words(w->err, "--limit takes a number from 1");
}

static void
test_rollback(void **state)
{
	struct cli_world *w = *state;

	expect(w, "config rollback", CLI_EDITED, "rollback {}", "");
	expect(w, "config rollback 12 --confirm 30 --comment oops", CLI_EDITED,
		"rollback {\"revision\":12,\"comment\":\"oops\",\"confirm-timeout\":30}", "");
	expect(w, "config rollback 12 --dry-run",
		"{\"changes\":[{\"op\":\"create\",\"path\":\"" ROOT
		"port[name='a']\"}],\"revision\":13,\"dry-run\":true}",
		"rollback {\"revision\":12,\"dry-run\":true}",
		"+ port a\ndry run: nothing was changed\n");
	assert_int_equal(cli_do(w, "config rollback last"), CLI_USAGE);
	cli_expect_words(w->err, "'config history' shows them");
}

static void
test_confirm(void **state)
{
	struct cli_world *w = *state;

	expect(w, "config confirm", "{\"revision\":12}", "confirm {}", "revision 12 is kept\n");
	cli_will_answer(w, "{\"code\":3,\"text\":\"there is nothing to confirm\"}");
	assert_int_equal(cli_do(w, "config confirm"), CLI_REFUSED);
	assert_string_equal(w->err, "vswitchctl: there is nothing to confirm\n");
}

static void
test_completion(void **state)
{
	static const char answer[] = "{\"revisions\":[{\"revision\":12},{\"revision\":11}]}";
	struct cli_world *w = *state;
	const char *words[] = {
		"vswitchctl", "__complete", "-s", w->world.path, "config", "rollback", "", NULL};

	cli_will_answer(w, answer);
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, "12\n11\n");
	cli_expect_asked(w, 0, "history {\"limit\":20}");
	words[5] = "diff";
	cli_will_answer(w, answer);
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, "12\n11\n");
	words[6] = "sw";
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, "__files__\n");
	words[6] = "--";
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_null(strstr(w->out, "--confirm"));
	words[5] = "rollback";
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	cli_expect_words(w->out, "--confirm\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_files),
		CASE(test_bad_file),
		CASE(test_edit_file),
		CASE(test_options),
		CASE(test_bad_options),
		CASE(test_conflict),
		CASE(test_change_entries),
		CASE(test_change_leaves),
		CASE(test_change_inner_lists),
		CASE(test_change_hostile),
		CASE(test_history),
		CASE(test_history_pages),
		CASE(test_diff),
		CASE(test_rollback),
		CASE(test_confirm),
		CASE(test_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
