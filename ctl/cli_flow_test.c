/* SPDX-License-Identifier: BSD-3-Clause */
/* What the noun `flow` asks, what it makes of the answers, and how it shows what is wrong. */
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
#include "ctl/cli.h"
#include "ctl/cli_test_world.h"
#include "ctl/flow_text.h"

#define ONE "{\"results\":[{\"rules\":1}]}"

/* A file with this content, to be unlinked; name has room for 160. */
static void
file_write(const struct cli_world *w, const char *content, char *name)
{
	FILE *file;

	(void)snprintf(name, 160, "%s/rules.txt", w->world.folder);
	file = fopen(name, "we");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Run a command that has the name of a file with this content at its end. */
static int
do_with_file(struct cli_world *w, const char *line, const char *content)
{
	char name[160];
	char whole[256];
	int status;

	file_write(w, content, name);
	(void)snprintf(whole, sizeof(whole), "%s %s", line, name);
	status = cli_do(w, whole);
	assert_int_equal(unlink(name), 0);
	return status;
}

/* ---- add, mod, del ---- */

static void
test_add(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, ONE);
	assert_int_equal(cli_do(w, "flow add br0 priority=5,ip,actions=drop"), CLI_OK);
	assert_string_equal(w->out, "");
	assert_string_equal(w->err, "");
	cli_expect_asked(w, 0,
		"program {\"bridge\":\"br0\",\"text\":\"add priority=5,ip,actions=drop\\n\"}");
	cli_will_answer(w, ONE);
	assert_int_equal(
		cli_do(w, "flow add br0 --dry-run ip,actions=a arp,actions=b\n --json"), CLI_OK);
	cli_expect_words(w->out, "\"rules\": 1");
	cli_expect_asked(w, 1,
		"program {\"bridge\":\"br0\",\"text\":\"add ip,actions=a\\nadd arp,actions=b "
		"\\n\",\"dry-run\":true}");
	cli_expect_calls(w, 2);
}

static void
test_add_file(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, ONE);
	assert_int_equal(do_with_file(w, "flow add br0 --file",
				 "# \xff rules\n\n  delete tcp # go\nactions=normal\r\n\n#\n"),
		CLI_OK);
	assert_string_equal(w->out, "");
	assert_string_equal(w->err, "");
	cli_expect_asked(w, 0,
		"program {\"bridge\":\"br0\",\"text\":\"\\n\\n  delete tcp "
		"\\nactions=normal\\r\\n\"}");
	cli_will_answer(w, "{\"results\":[]}");
	assert_int_equal(do_with_file(w, "flow add br0 --file", ""), CLI_OK);
	cli_expect_asked(w, 1, "program {\"bridge\":\"br0\",\"text\":\"\"}");
	cli_expect_calls(w, 2);
}

static void
test_mod_and_del(void **state)
{
	static const struct {
		const char *line;
		const char *text;
		const char *out;
	} cases[] = {
		{"flow mod br0 tcp,actions=normal", "modify tcp,actions=normal",
			"3 rules modified\n"},
		{"flow mod br0 --strict priority=7,actions=drop",
			"modify_strict priority=7,actions=drop", "3 rules modified\n"},
		{"flow del br0", "delete ", "3 rules deleted\n"},
		{"flow del br0 tcp,out_port=p1,table=2,cookie=1/1",
			"delete tcp,out_port=p1,table=2,cookie=1/1", "3 rules deleted\n"},
		{"flow del br0 ip,priority=7 --strict", "delete_strict ip,priority=7",
			"3 rules deleted\n"},
	};
	struct cli_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char asked[256];

		cli_will_answer(w, "{\"results\":[{\"rules\":3}]}");
		assert_int_equal(cli_do(w, cases[i].line), CLI_OK);
		assert_string_equal(w->out, cases[i].out);
		(void)snprintf(asked, sizeof(asked),
			"program {\"bridge\":\"br0\",\"text\":\"%s\\n\"}", cases[i].text);
		cli_expect_asked(w, i, asked);
	}
	cli_will_answer(w, ONE);
	assert_int_equal(cli_do(w, "flow del br0 ip"), CLI_OK);
	assert_string_equal(w->out, "1 rule deleted\n");
	cli_will_answer(w, ONE);
	assert_int_equal(cli_do(w, "flow del br0 ip --json"), CLI_OK);
	cli_expect_words(w->out, "\"rules\": 1");
}

/* ---- what is wrong ---- */

static void
test_bad_words(void **state)
{
	static const struct {
		const char *line;
		const char *err;
	} cases[] = {
		{"flow add br0 ip,actions=drop priority=5,in_prt=vm1,actions=drop",
			"vswitchctl: unknown field 'in_prt'; did you mean 'in_port'?\n"
			"  priority=5,in_prt=vm1,actions=drop\n"
			"             ^\n"},
		{"flow add br0 ip",
			"vswitchctl: actions= is missing (actions=drop drops)\n  ip\n    ^\n"},
		{"flow add br0 delete,ip",
			"vswitchctl: unknown field 'delete'\n  delete,ip\n  ^\n"},
		{"flow mod br0 idle_timeout=5,actions=drop",
			"vswitchctl: idle_timeout can be given only when a rule is added\n"
			"  idle_timeout=5,actions=drop\n  ^\n"},
		{"flow del br0 ip\t,tp_dst=80",
			"vswitchctl: tp_dst needs tcp, udp or sctp (tcp6, udp6 or sctp6) in the "
			"match\n  ip ,tp_dst=80\n      ^\n"},
		{"flow show br0 ip,priority=5",
			"vswitchctl: priority is no part of a match\n  ip,priority=5\n     ^\n"},
	};
	struct cli_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(cli_do(w, cases[i].line), CLI_USAGE);
		assert_string_equal(w->out, "");
		assert_string_equal(w->err, cases[i].err);
	}
	cli_expect_calls(w, 0);
}

static void
test_long_line(void **state)
{
	struct cli_world *w = *state;
	char line[1024] = "flow add br0 ";

	for (int i = 0; i < 30; i++) {
		(void)str_append(line, "n_packets=1,", sizeof(line));
	}
	(void)str_append(line, "nix", sizeof(line));
	for (int i = 0; i < 30; i++) {
		(void)str_append(line, ",n_packets=1", sizeof(line));
	}
	assert_int_equal(cli_do(w, line), CLI_USAGE);
	assert_string_equal(w->err,
		"vswitchctl: unknown field 'nix'\n"
		"  ..._packets=1,n_packets=1,n_packets=1,n_packets=1,n_packets=1,nix,"
		"n_packets=1,n_packets=1,n_packets=1,n...\n"
		"                                                                ^\n");
}

static void
test_bad_files(void **state)
{
	struct cli_world *w = *state;

	assert_int_equal(do_with_file(w, "flow add br0 --file",
				 "actions=drop\n# x\n ip, tp=5 actions=drop\n"),
		CLI_REFUSED);
	cli_expect_words(w->err, "/rules.txt, line 3, column 6: unknown field 'tp'");
	cli_expect_words(w->err, "\n   ip, tp=5 actions=drop\n       ^\n");
	assert_int_equal(
		do_with_file(w, "flow add br0 --file", "actions=drop,\xff\x1b\n"), CLI_REFUSED);
	cli_expect_words(w->err, "\n  actions=drop,??\n");
	assert_int_equal(cli_do(w, "flow add br0 --file /nonexistent/rules"), CLI_REFUSED);
	cli_expect_words(w->err, "/nonexistent/rules: No such file");
	assert_int_equal(cli_do(w, "flow add br0 --file /"), CLI_REFUSED);
	cli_expect_words(w->err, "/: Is a directory");
	assert_int_equal(do_with_file(w, "flow replace br0 --file", "actions=drop\ndelete ip\n"),
		CLI_REFUSED);
	cli_expect_words(w->err, "line 2: delete: the file says which rules there are to be");
	cli_expect_calls(w, 0);
}

static void
test_too_long(void **state)
{
	static const char rule[] = "actions=drop\n";
	size_t n = (16U << 20) / (sizeof(rule) - 1);
	struct cli_world *w = *state;
	char *text = malloc(n * sizeof(rule) + 1);
	char *at = text;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++) {
		at = stpcpy(at, rule);
	}
	assert_int_equal(do_with_file(w, "flow add br0 --file", text), CLI_REFUSED);
	cli_expect_words(w->err, "do not fit into one request of 16 MiB; split them");
	cli_expect_calls(w, 0);
	free(text);
}

static void
test_usage(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} cases[] = {
		{"flow add br0", "either rules are given, or a file of them"},
		{"flow add br0 ip,actions=drop --file x", "either rules are given"},
		{"flow add", "an argument is missing"},
		{"flow mod br0", "an argument is missing"},
		{"flow del br0 ip tcp", "'tcp' is one argument too many"},
		{"flow replace br0", "--file FILE"},
		{"flow replace br0 --file", "--file needs a value"},
		{"flow show br0 --limit 0", "--limit takes a number from 1, not '0'"},
		{"flow dump br0", "there is no command 'flow dump'"},
	};
	struct cli_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(cli_do(w, cases[i].line), CLI_USAGE);
		cli_expect_words(w->err, cases[i].words);
	}
	cli_expect_calls(w, 0);
}

/* What only the daemon knows is shown in the rule as well. */
static void
test_refused(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"code\":3,\"text\":\"line 2, column 8: there is no port 'nix'\"}");
	assert_int_equal(
		cli_do(w, "flow add br0 ip,actions=drop ip,in_port=nix,actions=drop"), CLI_REFUSED);
	assert_string_equal(w->err,
		"vswitchctl: there is no port 'nix'\n  ip,in_port=nix,actions=drop\n     ^\n");
	cli_will_answer(w, "{\"code\":6,\"text\":\"line 1: table 3 is full\"}");
	assert_int_equal(cli_do(w, "flow add br0 table=3,actions=drop"), CLI_REFUSED);
	assert_string_equal(w->err, "vswitchctl: table 3 is full\n  table=3,actions=drop\n");
	cli_will_answer(w, "{\"code\":3,\"text\":\"line 3, column 1: there is no port 'nix'\"}");
	assert_int_equal(do_with_file(w, "flow add br0 --file", "#\n\nin_port=nix,actions=drop"),
		CLI_REFUSED);
	cli_expect_words(w->err,
		"/rules.txt, line 3, column 1: there is no port 'nix'\n"
		"  in_port=nix,actions=drop\n  ^\n");
	cli_will_answer(
		w, "{\"code\":3,\"text\":\"there is no bridge 'br9'\",\"path\":\"bridge\"}");
	assert_int_equal(cli_do(w, "flow del br9"), CLI_REFUSED);
	assert_string_equal(w->err,
		"vswitchctl: there is no bridge 'br9'\n  at bridge\n"
		"Try: vswitchctl bridge show\n");
	cli_will_answer(w, "{\"code\":3,\"text\":\"line 99, column 7: of another time\"}");
	assert_int_equal(cli_do(w, "flow del br0"), CLI_REFUSED);
	assert_string_equal(w->err, "vswitchctl: line 99, column 7: of another time\n");
}

/* ---- show ---- */

#define FLOW_A                                                                         \
	"{\"table\":1,\"priority\":100,\"cookie\":\"0x1f\",\"idle-timeout\":10,"       \
	"\"hard-timeout\":60,\"match\":{\"in-port\":\"vm1\",\"eth-type\":\"0x0800\","  \
	"\"ip-protocol\":6},\"actions\":[{\"type\":\"dec-ttl\"},{\"type\":\"output\"," \
	"\"port\":\"normal\"}],\"statistics\":{\"packets\":\"18446744073709551615\","  \
	"\"bytes\":\"64\",\"misses\":\"9\",\"age-ms\":61005,\"idle-ms\":2999}}"
#define FLOW_B                                                                     \
	"{\"actions\":[],\"statistics\":{\"packets\":\"0\",\"bytes\":\"0\",\"age-" \
	"ms\":7,\"idle-ms\":7}}"
#define TEXT_A                                                                     \
	"cookie=0x1f, duration=61.005s, table=1, n_packets=18446744073709551615, " \
	"n_bytes=64, n_misses=9, idle_timeout=10, hard_timeout=60, idle_age=2, "   \
	"priority=100,in_port=vm1,tcp actions=dec_ttl,output:\"normal\"\n"
#define TEXT_B                                                                                   \
	"cookie=0x0, duration=0.007s, table=0, n_packets=0, n_bytes=0, n_misses=0, idle_age=0, " \
	"actions=drop\n"

static void
test_show(void **state)
{
	struct cli_world *w = *state;
	struct err err = ERR_INIT;
	struct flow_rule rule;
	char text[256];

	cli_will_answer(w, "{\"flows\":[" FLOW_A "],\"next\":\"n1\"}");
	cli_will_answer(w, "{\"flows\":[" FLOW_B "]}");
	assert_int_equal(cli_do(w, "flow show br0"), CLI_OK);
	assert_string_equal(w->out, TEXT_A TEXT_B);
	cli_expect_asked(w, 0, "flows {\"bridge\":\"br0\",\"limit\":10000}");
	cli_expect_asked(w, 1, "flows {\"bridge\":\"br0\",\"limit\":10000,\"after\":\"n1\"}");
	/* what is shown can be added */
	assert_int_equal(flow_text_parse_op(TEXT_A, strlen(TEXT_A), &rule, &err), 0);
	(void)flow_text_print(&rule, text, sizeof(text));
	cli_will_answer(w, "{\"flows\":[" FLOW_A "," FLOW_B "]}");
	assert_int_equal(cli_do(w, "flow show br0 --no-stats table=1,tcp"), CLI_OK);
	cli_expect_words(w->out, text);
	assert_string_equal(w->out,
		"table=1,priority=100,cookie=0x1f,idle_timeout=10,hard_timeout=60,in_port=vm1,tcp,"
		"actions=dec_ttl,output:\"normal\"\nactions=drop\n");
	cli_expect_asked(
		w, 2, "flows {\"bridge\":\"br0\",\"limit\":10000,\"match\":\"table=1,tcp\"}");
	cli_will_answer(w, "{\"flows\":[]}");
	assert_int_equal(cli_do(w, "flow show br0"), CLI_OK);
	assert_string_equal(w->out, "");
	cli_expect_calls(w, 4);
}

static void
test_show_limit(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"flows\":[" FLOW_A "],\"next\":\"n1\"}");
	cli_will_answer(w, "{\"flows\":[" FLOW_B "],\"next\":\"n2\"}");
	assert_int_equal(cli_do(w, "flow show br0 --limit 2"), CLI_OK);
	assert_string_equal(w->out, TEXT_A TEXT_B);
	cli_expect_asked(w, 0, "flows {\"bridge\":\"br0\",\"limit\":2}");
	cli_expect_asked(w, 1, "flows {\"bridge\":\"br0\",\"limit\":1,\"after\":\"n1\"}");
	cli_expect_calls(w, 2);
}

/* Expect that all pages were put together; `next` may be NULL. */
static void
expect_flows(const struct cli_world *w, size_t n, const char *next)
{
	json_t *whole = json_loads(w->out, 0, NULL);

	assert_non_null(whole);
	assert_int_equal(json_array_size(json_object_get(whole, "flows")), n);
	if (next == NULL) {
		assert_null(json_object_get(whole, "next"));
	} else {
		assert_string_equal(json_string_value(json_object_get(whole, "next")), next);
	}
	json_decref(whole);
}

static void
test_show_json(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"flows\":[" FLOW_A "," FLOW_B "],\"next\":\"n1\"}");
	cli_will_answer(w, "{\"flows\":[" FLOW_B "]}");
	assert_int_equal(cli_do(w, "--json flow show br0"), CLI_OK);
	expect_flows(w, 3, NULL);
	cli_will_answer(w, "{\"flows\":[" FLOW_A "],\"next\":\"n1\"}");
	cli_will_answer(w, "{\"flows\":[" FLOW_B "],\"next\":\"n2\"}");
	assert_int_equal(cli_do(w, "--json flow show br0 --limit 2"), CLI_OK);
	expect_flows(w, 2, "n2");
	cli_expect_calls(w, 4);
}

static void
test_show_errors(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"flows\":[{\"actions\":[{\"type\":\"fly\"}]}]}");
	assert_int_equal(cli_do(w, "flow show br0"), CLI_REFUSED);
	cli_expect_words(w->err, "the daemon's rule cannot be read here: actions/0/type: ");
	cli_will_answer(w, "{\"flows\":[" FLOW_A "],\"next\":\"n1\"}");
	cli_will_answer(w, "{\"code\":1,\"text\":\"no\"}");
	assert_int_equal(cli_do(w, "--json flow show br0"), CLI_REFUSED);
	assert_string_equal(w->out, "");
	assert_string_equal(w->err, "vswitchctl: no\n");
}

/* ---- replace ---- */

static void
test_replace(void **state)
{
	static const char content[] =
		"ip,actions=drop\n" /* overruled by the last line */
		"priority=7 ip actions=p1\n" /* changed: another action */
		"idle_timeout=10, table=1, hard_timeout=60, cookie=31, priority=100, tcp,"
		"in_port=vm1 actions=dec_ttl,output:\"normal\"\n" /* kept: FLOW_A */
		"arp,actions=p1\n" /* new; sorts before what is deleted of table 9 */
		"priority=32768,ip,actions=p2\n"; /* kept */
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"flows\":[" FLOW_B ",{\"priority\":7,\"match\":{\"eth-type\":\"0x0800\"},"
		"\"actions\":[{\"type\":\"output\",\"port\":\"p2\"}]}],\"next\":\"n\"}");
	cli_will_answer(w,
		"{\"flows\":[{\"match\":{\"eth-type\":\"0x0800\"},\"actions\":[{\"type\":"
		"\"output\",\"port\":\"p2\"}]},{\"table\":9,\"actions\":[]}," FLOW_A "]}");
	cli_will_answer(w, "{\"results\":[]}");
	assert_int_equal(do_with_file(w, "flow replace br0 --file", content), CLI_OK);
	assert_string_equal(w->out, "1 added, 1 changed, 2 deleted, 2 kept\n");
	assert_string_equal(w->err, "");
	cli_expect_asked(w, 2,
		"program {\"bridge\":\"br0\",\"text\":\"delete_strict table=0\\n"
		"delete_strict table=9\\n"
		"add arp,actions=output:p1\\n"
		"add priority=7,ip,actions=output:p1\\n\"}");
	cli_expect_calls(w, 3);
}

/* The daemon tells a range of ports as a mask, where there is one. */
static void
test_replace_ranges(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"flows\":[{\"match\":{\"eth-type\":\"0x0800\",\"ip-protocol\":17,"
		"\"source-port\":\"0x6/0xfffe\",\"destination-port\":\"0x400/0xfc00\"},"
		"\"actions\":[]},{\"match\":{\"eth-type\":\"0x0800\",\"ip-protocol\":17,"
		"\"source-port\":\"1-2\",\"destination-port\":\"1024-2046\"},\"actions\":[]}]}");
	cli_will_answer(w, "{\"results\":[]}");
	assert_int_equal(do_with_file(w, "flow replace br0 --file",
				 "udp,tp_src=6-7,tp_dst=1024-2047,actions=drop\n"
				 "udp,tp_src=1-2,tp_dst=1024-2046,actions=drop\n"),
		CLI_OK);
	assert_string_equal(w->out, "0 added, 0 changed, 0 deleted, 2 kept\n");
}

static void
test_replace_all(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"flows\":[]}");
	cli_will_answer(w, ONE);
	assert_int_equal(
		do_with_file(w, "flow replace br0 --dry-run --file", "actions=p1"), CLI_OK);
	assert_string_equal(w->out, "1 added, 0 changed, 0 deleted, 0 kept\n");
	cli_expect_asked(w, 1,
		"program {\"bridge\":\"br0\",\"text\":\"add actions=output:p1\\n\","
		"\"dry-run\":true}");
	cli_will_answer(w, "{\"flows\":[" FLOW_A "]}");
	cli_will_answer(w, ONE);
	assert_int_equal(do_with_file(w, "--json flow replace br0 --file", ""), CLI_OK);
	cli_expect_words(w->out, "\"results\"");
	cli_expect_asked(w, 3,
		"program {\"bridge\":\"br0\",\"text\":\"delete_strict table=1,priority=100,"
		"in_port=vm1,tcp\\n\"}");
	cli_will_answer(w, "{\"flows\":[]}");
	cli_will_answer(w, "{\"code\":3,\"text\":\"line 1, column 5: there is no port 'p1'\"}");
	assert_int_equal(do_with_file(w, "flow replace br0 --file", "actions=p1"), CLI_REFUSED);
	assert_string_equal(w->out, "");
	assert_string_equal(
		w->err, "vswitchctl: there is no port 'p1'\n  add actions=output:p1\n      ^\n");
	cli_expect_calls(w, 6);
}

static void
test_completion(void **state)
{
	static const struct {
		const char *typed[5];
		const char *expected;
	} cases[] = {
		{{"flow", ""}, "add\nmod\ndel\nreplace\nshow\ncache\n"},
		{{"flow", "cache", ""}, "show\nstats\n"},
		{{"flow", "add", "br0", "--file", ""}, "__files__\n"},
		{{"flow", "add", "br0", "--f"}, "--file\n--dry-run\n"},
		{{"flow", "show", "br0", "--limit", ""}, ""},
		{{"flow", "del", ""}, "br0\n"},
	};
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}]}}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *words[16] = {"vswitchctl", "__complete", "-s", w->world.path};

		for (size_t k = 0; k < 5; k++) {
			words[4 + k] = cases[i].typed[k];
		}
		assert_int_equal(cli_do_words(w, words), CLI_OK);
		if (strncmp(cases[i].expected, "--", 2) == 0) {
			/* behind the command's own stand those of all commands */
			assert_true(strlen(w->out) > strlen(cases[i].expected));
			w->out[strlen(cases[i].expected)] = '\0';
		}
		assert_string_equal(w->out, cases[i].expected);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_add),
		CASE(test_add_file),
		CASE(test_mod_and_del),
		CASE(test_bad_words),
		CASE(test_long_line),
		CASE(test_bad_files),
		CASE(test_too_long),
		CASE(test_usage),
		CASE(test_refused),
		CASE(test_show),
		CASE(test_show_limit),
		CASE(test_show_json),
		CASE(test_show_errors),
		CASE(test_replace),
		CASE(test_replace_ranges),
		CASE(test_replace_all),
		CASE(test_completion),
	};

	return cmocka_run_group_tests_name("cli_flow", tests, NULL, NULL);
}
