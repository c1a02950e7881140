/* SPDX-License-Identifier: BSD-3-Clause */
/* What vswitchctl asks, what it makes of the answers, and how it ends. */
#include "ctl/cli.h"
#include "ctl/cli_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/cli_test_world.h"

#define ROOT "/vswitch:vswitch/"

/* ---- edits ---- */

static void
test_bridge_add(void **state)
{
	cli_expect_edits(*state, "bridge add br0",
		"{\"op\":\"create\",\"path\":\"" ROOT "bridge[name='br0']\",\"value\":{}}");
	cli_expect_edits(*state, "bridge add br0 --may-exist aging-time=60 forward-reserved=yes",
		"{\"op\":\"merge\",\"path\":\"" ROOT
		"bridge[name='br0']\",\"value\":{\"aging-time\":60,\"forward-reserved\":true}}");
}

static void
test_port_add(void **state)
{
	cli_expect_edits(*state, "port add vm1 type=vhost-user bridge=br0 trunk=10,20-30 mtu=9000",
		"{\"op\":\"create\",\"path\":\"" ROOT
		"port[name='vm1']\",\"value\":{\"type\":\"vhost-user\",\"bridge\":\"br0\","
		"\"trunk\":["
		"\"10\",\"20-30\"],\"mtu\":9000}}");
	cli_expect_edits(*state, "port add -- --odd type=fake",
		"{\"op\":\"create\",\"path\":\"" ROOT
		"port[name='--odd']\",\"value\":{\"type\":\"fake\"}}");
}

static void
test_del(void **state)
{
	cli_expect_edits(*state, "port del vm1 vm2",
		"{\"op\":\"delete\",\"path\":\"" ROOT "port[name='vm1']\"},{\"op\":\"delete\","
		"\"path\":\"" ROOT "port[name='vm2']\"}");
	cli_expect_edits(*state, "bridge del --if-exists br0",
		"{\"op\":\"remove\",\"path\":\"" ROOT "bridge[name='br0']\"}");
}

static void
test_set(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\"}]}}");
	cli_expect_edits(*state, "port set vm1 mtu=9000 vlan= trunk=1,2",
		"{\"op\":\"remove\",\"path\":\"" ROOT "port[name='vm1']/vlan\"},"
		"{\"op\":\"remove\",\"path\":\"" ROOT "port[name='vm1']/trunk\"},"
		"{\"op\":\"merge\",\"path\":\"" ROOT
		"port[name='vm1']\",\"value\":{\"mtu\":9000,\"trunk\":[\"1\",\"2\"]}}");
	cli_expect_asked(
		w, 0, "get {\"path\":\"" ROOT "port[name='vm1']\",\"content\":\"config\"}");
}

static void
test_set_does_not_create(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"vswitch:vswitch\":{}}");
	assert_int_equal(cli_do(w, "bridge set br9 aging-time=60"), CLI_REFUSED);
	cli_expect_words(w->err, "there is no bridge 'br9'");
	cli_expect_calls(w, 1);
}

static void
test_fdb_edits(void **state)
{
	cli_expect_edits(*state, "fdb add br0 52:54:00:00:00:01 vm1 vlan=10",
		"{\"op\":\"create\",\"path\":\"" ROOT "bridge[name='br0']/static-mac[mac='"
		"52:54:00:00:00:01'][vlan='10']\",\"value\":{\"port\":\"vm1\"}}");
	cli_expect_edits(*state, "fdb add br0 52:54:00:00:00:01 vm1 --may-exist",
		"{\"op\":\"merge\",\"path\":\"" ROOT "bridge[name='br0']/static-mac[mac='"
		"52:54:00:00:00:01'][vlan='0']\",\"value\":{\"port\":\"vm1\"}}");
	cli_expect_edits(*state, "fdb del br0 52:54:00:00:00:01",
		"{\"op\":\"delete\",\"path\":\"" ROOT "bridge[name='br0']/static-mac[mac='"
		"52:54:00:00:00:01'][vlan='0']\"}");
}

static void
test_json_prints_the_answer(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, CLI_EDITED);
	assert_int_equal(cli_do(w, "bridge add br0 --json"), CLI_OK);
	assert_string_equal(w->out, "{\n  \"changes\": [],\n  \"revision\": 1\n}\n");
}

/* ---- refusals ---- */

static void
test_refused(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"code\":1,\"text\":\"mtu is too big\",\"path\":\"/port/mtu\"}");
	assert_int_equal(cli_do(w, "port add p type=fake mtu=70000"), CLI_REFUSED);
	assert_string_equal(w->out, "");
	assert_string_equal(w->err,
		"vswitchctl: mtu is too big\n  at /port/mtu\nTry: vswitchctl port add --help\n");
	cli_will_answer(w, "{\"code\":1,\"text\":\"no\"}");
	assert_int_equal(cli_do(w, "--json port del p"), CLI_REFUSED);
	assert_string_equal(w->out, "");
	assert_string_equal(w->err, "vswitchctl: no\n");
}

static void
test_refused_with_a_way_out(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"code\":4,\"text\":\"it is there\"}");
	assert_int_equal(cli_do(w, "bridge add br0"), CLI_REFUSED);
	assert_string_equal(
		w->err, "vswitchctl: it is there\n  with --may-exist it is changed instead\n");
	cli_will_answer(w, "{\"code\":3,\"text\":\"it is not there\"}");
	assert_int_equal(cli_do(w, "port del p"), CLI_REFUSED);
	assert_string_equal(
		w->err, "vswitchctl: it is not there\n  with --if-exists that is no error\n");
}

/* Names that are not there: where those stand that are, and how to make one. */
static void
test_refused_names(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"code\":1,\"text\":\"there is no bridge 'b'\"}");
	assert_int_equal(cli_do(w, "port add p type=fake bridge=b"), CLI_REFUSED);
	cli_expect_words(w->err, "Try: vswitchctl bridge show, or vswitchctl bridge add b\n");
	cli_will_answer(w, "{\"code\":3,\"text\":\"there is no port 'p'\"}");
	assert_int_equal(cli_do(w, "stats p"), CLI_REFUSED);
	cli_expect_words(w->err, "Try: vswitchctl port show\n");
	cli_will_answer(w, "{\"code\":3,\"text\":\"there is no port 'p'; did you mean 'q'?\"}");
	assert_int_equal(cli_do(w, "stats p"), CLI_REFUSED);
	assert_null(strstr(w->err, "Try:"));
}

static void
test_usage(void **state)
{
	cli_expect_usage(*state, "prot add x", "there is no command 'prot'; did you mean 'port'?");
	cli_expect_usage(*state, "port ad x", "there is no command 'port ad'; did you mean 'add'?");
	cli_expect_usage(*state, "port", "usage: vswitchctl port VERB");
	cli_expect_usage(*state, "port add", "usage: vswitchctl port add NAME");
	cli_expect_usage(*state, "port ad x", "Try: vswitchctl port --help\n");
	cli_expect_usage(*state, "prot add x", "Try: vswitchctl --help\n");
	cli_expect_usage(*state, "port add", "an argument is missing: NAME\n");
	cli_expect_usage(*state, "fdb add br0", "an argument is missing: MAC\n");
	cli_expect_usage(*state, "port add vm1 --may-exit", "did you mean '--may-exist'?");
	cli_expect_usage(*state, "--jsno show", "no option --jsno here; did you mean '--json'?");
	cli_expect_usage(*state, "port add vm1 --may-exit", "no option --may-exit");
	cli_expect_usage(*state, "port add vm1 mtu", "'mtu' is not of the form key=value");
	cli_expect_usage(*state, "port add vm1 mtu=", "no value");
	cli_expect_usage(*state, "port add vm1 --may-exist=1", "takes no value");
	cli_expect_usage(*state, "port show a b", "'b' is one argument too many");
	cli_expect_usage(*state, "port add a'b\"c type=fake", "cannot be the name of a port");
	cli_expect_usage(*state, "fdb show br0 --limit", "--limit needs a value");
	cli_expect_usage(*state, "fdb show br0 --limit x", "--limit takes a number");
	cli_expect_usage(*state, "fdb add br0 m'c vm1", "is not a MAC address");
	cli_expect_usage(*state, "fdb add br0 mac vm1 vlna=1", "the only key here is vlan");
	cli_expect_usage(*state, "stats --watch=0", "--watch takes seconds");
	cli_expect_usage(*state, "stats --count 0 --watch", "--count takes a number");
	cli_expect_usage(*state, "call get {", "not JSON");
	cli_expect_usage(*state, "-t x show", "--timeout takes seconds");
	cli_expect_usage(*state, "show \xff", "not valid UTF-8");
	cli_expect_usage(*state, "bridge add \xff", "not valid UTF-8");
}

static void
test_no_words(void **state)
{
	static const char *const alone[] = {"vswitchctl", NULL};
	static const char *const version[] = {"vswitchctl", "-V", NULL};
	static const char *const socket[] = {"vswitchctl", "-s", NULL};
	struct cli_world *w = *state;

	assert_int_equal(cli_do_words(w, alone), CLI_USAGE);
	cli_expect_words(w->err, "a command is missing");
	assert_int_equal(cli_do_words(w, version), CLI_OK);
	cli_expect_words(w->out, "vswitchctl " VSW_VERSION);
	assert_int_equal(cli_do_words(w, socket), CLI_USAGE);
	cli_expect_words(w->err, "-s needs a value");
}

static void
test_no_daemon(void **state)
{
	static const char *const words[] = {"vswitchctl", "show", "-s", "/nonexistent/sock", NULL};
	struct cli_world *w = *state;

	assert_int_equal(cli_do_words(w, words), CLI_NO_DAEMON);
	assert_string_equal(w->out, "");
	cli_expect_words(w->err, "/nonexistent/sock");
	cli_expect_words(w->err, "Try: vswitchd --socket /nonexistent/sock\n");
}

static void
test_environment_names_the_socket(void **state)
{
	static const char *const words[] = {"vswitchctl", "ping", NULL};
	struct cli_world *w = *state;

	assert_int_equal(setenv("VSWITCHD_SOCKET", w->world.path, 1), 0);
	cli_will_answer(w, "{\"pong\":true,\"uptime\":1}");
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, "pong    true\nuptime  1\n");
	assert_int_equal(unsetenv("VSWITCHD_SOCKET"), 0);
}

static void
test_help(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} cases[] = {
		{"--help", "port     what they connect"},
		{"help", "Exit status"},
		{"port --help", "port set NAME KEY=VALUE..."},
		{"help port", "port set NAME KEY=VALUE..."},
		{"port add --help", "trunk=ID,A-B,..."},
		{"port add vm1 -h", "vhost-user pci af-xdp"},
		{"help bridge add", "aging-time=SECONDS"},
		{"stats --help", "--watch [SECONDS]"},
		{"help show", "usage: vswitchctl show"},
	};
	struct cli_world *w = *state;
	size_t lines = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(cli_do(w, cases[i].line), CLI_OK);
		assert_string_equal(w->err, "");
		cli_expect_words(w->out, cases[i].words);
	}
	/* the first that a stranger sees: no longer than a screen, nor wider */
	assert_int_equal(cli_do(w, "--help"), CLI_OK);
	for (const char *at = w->out; *at != '\0'; at += strcspn(at, "\n") + 1) {
		assert_true(strcspn(at, "\n") <= 100);
		lines++;
	}
	assert_in_range(lines, 20, 55);
	assert_int_equal(cli_do(w, "help nix"), CLI_USAGE);
	cli_expect_calls(w, 0);
}

/* Every command has the help that the tables promise, and its examples are its own. */
static void
test_tables(void **state)
{
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			assert_non_null(c->usage);
			assert_true(str_given(c->summary));
			assert_true(c->min_args <= c->max_args);
			assert_non_null(c->run);
			assert_ptr_equal(cli_command_find(c->noun, c->verb), c);
			if (c->examples != NULL) {
				cli_expect_words(c->examples, c->noun);
			}
		}
	}
}

/* ---- tables ---- */

#define SWITCH                                                                                     \
	"{\"vswitch:vswitch\":{\"system\":{\"version\":\"9.9\",\"uptime\":3725,\"memory\":{"       \
	"\"kind\":\"memfd\",\"size-mib\":1024,\"used-mib\":100,\"free-mib\":924},\"worker\":[{"    \
	"\"id\":0,\"state\":\"sleeping\"},{\"id\":1,\"cpu\":3,\"state\":\"polling\"}]},"           \
	"\"bridge\":"                                                                              \
	"[{\"name\":\"br0\",\"fdb-entries\":12},{\"name\":\"br1\"}],\"port\":[{\"name\":\"vm1\","  \
	"\"type\":\"vhost-user\",\"bridge\":\"br0\",\"vlan\":10,\"oper-status\":\"up\","           \
	"\"statistics\":{\"rx-packets\":\"18446744073709551615\",\"tx-packets\":\"2\",\"drops\":{" \
	"\"runt\":\"3\",\"tx-full\":\"4\",\"hairpin\":\"0\"}}},{\"name\":\"a\",\"type\":\"tap\","  \
	"\"bridge\":\"br0\",\"trunk\":[\"5\",\"7-9\"],\"vlan\":4,\"oper-status\":\"failed\","      \
	"\"reason\":\"no \\u001b[31m device\"},{\"name\":\"x\",\"type\":\"fake\"}]}}"

static void
test_show(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, SWITCH);
	assert_int_equal(cli_do(w, "show"), CLI_OK);
	assert_string_equal(w->out,
		"vswitchd 9.9, up 1 h 2 min\n"
		"memory   memfd, 100 of 1024 MiB used\n"
		"workers  2: sleeping, polling on CPU 3\n"
		"\n"
		"bridge br0, 12 MACs\n"
		"  PORT  TYPE        STATUS  VLAN                               RX-PACKETS  "
		"TX-PACKETS  DROPS  REASON\n"
		"  vm1   vhost-user  up      access 10                18446744073709551615         "
		"  2"
		"      7\n"
		"  a     tap         failed  native-untagged 4+5,7-9                     0         "
		"  0"
		"      0  no ?[31m device\n"
		"\n"
		"bridge br1, 0 MACs\n"
		"  no ports\n"
		"\n"
		"without a bridge\n"
		"  PORT  TYPE  VLAN   RX-PACKETS  TX-PACKETS  DROPS\n"
		"  x     fake  trunk           0           0      0\n");
}

static void
test_stats(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, SWITCH);
	assert_int_equal(cli_do(w, "stats"), CLI_OK);
	cli_expect_words(w->out, "vm1   up      18446744073709551615");
	cli_will_answer(w, SWITCH);
	assert_int_equal(cli_do(w, "stats vm1"), CLI_OK);
	cli_expect_words(w->out, "rx-packets  18446744073709551615\n");
	cli_expect_words(w->out, "drops\n  runt     3\n  tx-full  4\n");
	assert_null(strstr(w->out, "hairpin"));
	cli_will_answer(w, "{}");
	assert_int_equal(cli_do(w, "stats --clear vm1"), CLI_OK);
	cli_expect_asked(w, 2, "action {\"name\":\"clear-counters\",\"input\":{\"port\":\"vm1\"}}");
}

#define WORKER(busy, idle)                                                                \
	"{\"vswitch:vswitch\":{\"system\":{\"worker\":[{\"id\":0,\"busy-cycles\":\"" busy \
	"\",\"idle-cycles\":\"" idle "\"}]}}}"

static void
test_stats_watch(void **state)
{
	static const char before[] =
		"{\"vswitch:vswitch\":{\"port\":[{\"name\":\"p\",\"oper-status\":\"up\","
		"\"statistics\":{\"rx-packets\":\"1000\"}},{\"name\":\"gone\"}]}}";
	static const char after[] = "{\"vswitch:vswitch\":{\"port\":[{\"name\":\"new\"},{\"name\":"
				    "\"p\",\"oper-status\":"
				    "\"up\",\"statistics\":{\"rx-packets\":\"0\"}}]}}";
	struct cli_world *w = *state;

	cli_will_answer(w, before);
	cli_will_answer(w, WORKER("100", "100"));
	cli_will_answer(w, after);
	cli_will_answer(w, WORKER("130", "110"));
	assert_int_equal(cli_do(w, "stats --watch 0.05 --once"), CLI_OK);
	assert_string_equal(w->out,
		"busy 75%; rx 0 pps, 0 bit/s; tx 0 pps, 0 bit/s; 0 drops/s\n"
		"PORT  STATUS  RX-PPS  RX-BIT/S  TX-PPS  TX-BIT/S  DROPS/S\n"
		"p     up           0         0       0         0        0\n\n");
	cli_will_answer(w, before);
	cli_will_answer(w, after);
	assert_int_equal(cli_do(w, "stats p --json --watch 0.05 --once"), CLI_OK);
	assert_int_equal(strchr(w->out, '\n') - w->out + 1, strlen(w->out));
	cli_expect_words(w->out, "{\"vswitch:vswitch\":{\"port\":[{\"name\":\"new\"}");
	cli_will_answer(w, before);
	cli_will_answer(w, WORKER("1", "1"));
	assert_int_equal(cli_do(w, "stats nix --watch --once"), CLI_REFUSED);
	cli_expect_words(w->err, "there is no port 'nix'");
	cli_expect_calls(w, 8);
}

static void
test_workers(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"system\":{\"worker\":[{\"id\":0,\"cpu\":2,"
		"\"state\":\"polling\",\"packets\":\"10\",\"busy-cycles\":\"900\","
		"\"idle-cycles\":\"100\",\"flow-cache\":{\"entries\":3,\"hits\":\"9\","
		"\"misses\":\"1\"},\"rx-queue\":[{\"port\":\"vm1\",\"queue\":0},{"
		"\"port\":\"vm2\",\"queue\":1}]}]}}}");
	assert_int_equal(cli_do(w, "workers"), CLI_OK);
	assert_string_equal(w->out,
		"WORKER  CPU  STATE    PACKETS   BUSY  CYCLES/PACKET  FLOWS   HITS  QUEUES\n"
		"     0    2  polling       10  90.0%             90      3  90.0%  vm1:0 vm2:1\n");
}

/* ---- fdb show ---- */

#define PAGE_1                                                                                \
	"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\",\"fdb\":[{\"mac\":"              \
	"\"52:54:00:00:00:01\",\"vlan\":10,\"port\":\"vm1\",\"age\":7,\"static\":false}]}]}," \
	"\"next\":\"c1\"}"
#define PAGE_2                                                                   \
	"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\",\"fdb\":[{\"mac\":" \
	"\"52:54:00:00:00:02\",\"vlan\":0,\"port\":\"vm2\",\"static\":true}]}]}}"

static void
test_fdb_pages(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, PAGE_1);
	cli_will_answer(w, PAGE_2);
	assert_int_equal(cli_do(w, "fdb show br0"), CLI_OK);
	assert_string_equal(w->out,
		"MAC                VLAN  PORT  AGE  KIND\n"
		"52:54:00:00:00:01    10  vm1     7  learned\n"
		"52:54:00:00:00:02     0  vm2     -  static\n");
	cli_expect_asked(w, 0, "get {\"path\":\"" ROOT "bridge[name='br0']/fdb\",\"limit\":10000}");
	cli_expect_asked(w, 1,
		"get {\"path\":\"" ROOT
		"bridge[name='br0']/fdb\",\"limit\":10000,\"after\":\"c1\"}");
	cli_expect_calls(w, 2);
}

static void
test_fdb_json(void **state)
{
	struct cli_world *w = *state;
	json_t *whole;
	char *text;

	cli_will_answer(w, PAGE_1);
	cli_will_answer(w, PAGE_2);
	assert_int_equal(cli_do(w, "--json fdb show br0"), CLI_OK);
	whole = json_loads(w->out, 0, NULL);
	text = json_dumps(whole, JSON_COMPACT);
	assert_non_null(text);
	assert_string_equal(text,
		"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\",\"fdb\":[{\"mac\":"
		"\"52:54:00:00:00:01\",\"vlan\":10,\"port\":\"vm1\",\"age\":7,\"static\":false},{"
		"\"mac\":\"52:54:00:00:00:02\",\"vlan\":0,\"port\":\"vm2\",\"static\":true}]}]}}");
	free(text);
	json_decref(whole);
}

static void
test_fdb_limit(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, PAGE_1);
	assert_int_equal(cli_do(w, "fdb show br0 --limit 1"), CLI_OK);
	cli_expect_asked(w, 0, "get {\"path\":\"" ROOT "bridge[name='br0']/fdb\",\"limit\":1}");
	cli_expect_calls(w, 1);
}

static void
test_fdb_empty(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}]}}");
	assert_int_equal(cli_do(w, "fdb show br0"), CLI_OK);
	cli_will_answer(w, "{\"vswitch:vswitch\":{}}");
	assert_int_equal(cli_do(w, "--json fdb show br0"), CLI_OK);
	cli_expect_calls(w, 2);
}

static void
test_actions(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"flushed\":3}");
	assert_int_equal(cli_do(w, "fdb flush br0 port=vm1 vlan=10"), CLI_OK);
	assert_string_equal(w->out, "3 addresses forgotten\n");
	cli_expect_asked(w, 0,
		"action {\"name\":\"fdb-flush\",\"input\":{\"bridge\":\"br0\",\"port\":\"vm1\","
		"\"vlan\":10}}");
	cli_will_answer(w, "{\"accepted\":2}");
	assert_int_equal(cli_do(w, "fake inject p ffff count=2"), CLI_OK);
	assert_string_equal(w->out, "2 accepted\n");
	cli_expect_asked(w, 1,
		"action {\"name\":\"fake-inject\",\"input\":{\"port\":\"p\",\"frame\":\"ffff\","
		"\"count\":2}}");
	cli_will_answer(w, "{\"frames\":[{\"frame\":\"aa\",\"queue\":0},{\"frame\":\"bb\"}]}");
	assert_int_equal(cli_do(w, "fake collect p"), CLI_OK);
	assert_string_equal(w->out, "aa\nbb\n");
}

/* ---- call and completion ---- */

static void
test_call(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "[1,{\"b\":null}]");
	assert_int_equal(cli_do(w, "call get {\"path\":\"/\"}"), CLI_OK);
	assert_string_equal(w->out, "[\n  1,\n  {\n    \"b\": null\n  }\n]\n");
	cli_expect_asked(w, 0, "get {\"path\":\"/\"}");
	cli_will_answer(w, "\"text\"");
	assert_int_equal(cli_do(w, "call version"), CLI_OK);
	assert_string_equal(w->out, "\"text\"\n");
	assert_int_equal(cli_do(w, "call nix"), CLI_REFUSED);
	cli_expect_words(w->err, "there is no method");
	cli_will_answer(w, "{\"name\":\"vswitch\",\"yang\":\"module x {}\\n\"}");
	assert_int_equal(cli_do(w, "schema"), CLI_OK);
	assert_string_equal(w->out, "module x {}\n");
}

/* Completion of the words after the program's name; the last is the one being typed. */
static void
expect_candidates(struct cli_world *w, const char *const *typed, const char *expected)
{
	const char *words[16] = {"vswitchctl", "__complete", "-s", w->world.path};
	size_t n = 4;

	for (; *typed != NULL; typed++) {
		words[n++] = *typed;
	}
	words[n] = NULL;
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, expected);
	assert_string_equal(w->err, "");
}

static void
test_completion(void **state)
{
	static const char ports[] =
		"{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\"},{\"name\":\"vm2\"}]}}";
	static const char bridges[] = "{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}]}}";
	struct cli_world *w = *state;

	assert_int_equal(
		cli_do_words(w, (const char *const[]){"vswitchctl", "__complete", "po", NULL}),
		CLI_OK);
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		char noun[64];

		(void)snprintf(noun, sizeof(noun), "%s\n", cli_tables[t]->noun);
		cli_expect_words(w->out, noun);
	}
	expect_candidates(w, (const char *const[]){"port", "", NULL}, "add\ndel\nset\nshow\n");
	expect_candidates(w, (const char *const[]){"port", "add", "", NULL}, "");
	expect_candidates(w, (const char *const[]){"port", "add", "x", "mode=", NULL},
		"mode=server\nmode=client\n");
	expect_candidates(w, (const char *const[]){"config", "load", "", NULL}, "__files__\n");
	expect_candidates(w, (const char *const[]){"bridge", "add", "x", "a", NULL},
		"description=\naging-time=\nfdb-limit=\nmac-move-limit=\nforward-reserved=\npunt-"
		"rate=\n");
	expect_candidates(w, (const char *const[]){"bridge", "add", "x", "--", NULL},
		"--may-exist\n--dry-run\n--confirm\n--comment\n--base\n--socket\n--cert\n--key\n--"
		"ca\n--timeout\n"
		"--json\n--keep-going\n--help\n--version\n");
	expect_candidates(w, (const char *const[]){"nix", "", NULL}, "");
	expect_candidates(w, (const char *const[]){"port", "show", "x", "", NULL}, "");
	cli_will_answer(w, ports);
	expect_candidates(w, (const char *const[]){"port", "del", "a", "", NULL}, "vm1\nvm2\n");
	cli_will_answer(w, bridges);
	expect_candidates(
		w, (const char *const[]){"port", "set", "x", "bridge=b", NULL}, "bridge=br0\n");
	cli_will_answer(w, ports);
	expect_candidates(
		w, (const char *const[]){"fdb", "add", "br0", "mac", "", NULL}, "vm1\nvm2\n");
	expect_candidates(
		w, (const char *const[]){"fdb", "add", "br0", "mac", "p", "", NULL}, "vlan=\n");
	cli_will_answer(w, "{\"code\":1,\"text\":\"no\"}");
	expect_candidates(w, (const char *const[]){"port", "show", "", NULL}, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_bridge_add),
		CASE(test_port_add),
		CASE(test_del),
		CASE(test_set),
		CASE(test_set_does_not_create),
		CASE(test_fdb_edits),
		CASE(test_json_prints_the_answer),
		CASE(test_refused),
		CASE(test_refused_with_a_way_out),
		CASE(test_refused_names),
		CASE(test_usage),
		CASE(test_no_words),
		CASE(test_no_daemon),
		CASE(test_environment_names_the_socket),
		CASE(test_help),
		CASE(test_tables),
		CASE(test_show),
		CASE(test_stats),
		CASE(test_stats_watch),
		CASE(test_workers),
		CASE(test_fdb_pages),
		CASE(test_fdb_json),
		CASE(test_fdb_limit),
		CASE(test_fdb_empty),
		CASE(test_actions),
		CASE(test_call),
		CASE(test_completion),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
