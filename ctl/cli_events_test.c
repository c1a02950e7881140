/* SPDX-License-Identifier: BSD-3-Clause */
/* What `vswitchctl events` asks for, and how it shows what comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define EVENT(body) "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{" body "}}"
#define TIME "\"time\":\"2026-11-21T17:42:00.000001Z\""
#define PUNT                                                                             \
	"\"topic\":\"punt\"," TIME ",\"bridge\":\"br0\",\"in-port\":\"vm1\",\"reason\":" \
	"\"action\",\"length\":60,\"frame\":\"ffffffffffff52540000000108060001\""
#define SAMPLE                                                                               \
	"\"topic\":\"sample\"," TIME ",\"bridge\":\"br0\",\"in-port\":\"vm1\",\"reason\":"   \
	"\"sample\",\"length\":9000,\"probability\":65535,\"collector-set-id\":7,\"frame\":" \
	"\"ff\""
#define OVERFLOW "\"topic\":\"overflow\"," TIME ",\"lost\":12"
#define PORT                                                                \
	"\"topic\":\"port\"," TIME                                          \
	",\"bridge\":\"br0\",\"port\":\"vm1\",\"event\":\"queue-stopped\"," \
	"\"queue\":3,\"text\":\"ring 3: an \\u001b entry\""
#define MOVED                                                                        \
	"\"topic\":\"mac\"," TIME ",\"bridge\":\"br0\",\"event\":\"moved\",\"mac\":" \
	"\"52:54:00:00:00:01\",\"vlan\":5,\"port\":\"vm2\",\"from-port\":\"vm1\""
#define FLUSHED                                                                         \
	"\"topic\":\"mac\"," TIME ",\"bridge\":\"br0\",\"event\":\"flushed\",\"port\":" \
	"\"vm2\",\"count\":7"
#define CONFIG                                                                              \
	"\"topic\":\"config\"," TIME ",\"severity\":\"notice\",\"event\":\"commit\","       \
	"\"text\":\"revision 7 by root: create /a (hi)\",\"revision\":7,\"user\":\"root\"," \
	"\"from\":\"unix, pid 1\",\"comment\":\"hi\",\"change\":\"commit\",\"changes\":[]"
#define LIMIT                                                                              \
	"\"topic\":\"limit\"," TIME ",\"bridge\":\"br0\",\"severity\":\"warning\","        \
	"\"event\":\"mac-limit\",\"text\":\"port vm1: it is full\",\"count\":12,\"port\":" \
	"\"vm1\""
#define WORKER                                                                              \
	"\"topic\":\"worker\"," TIME ",\"severity\":\"error\",\"event\":\"stalled\","       \
	"\"text\":\"worker 0 has made no progress for 2.1 s\",\"worker\":0,\"stalled-ms\":" \
	"2100"
#define NEWER "\"topic\":\"news\"," TIME ",\"port\":\"vm\\u001b[31m\",\"oper-status\":\"up\""

static void
test_lines(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"subscriptions\":[]}");
	w->events = EVENT(PUNT) "\n" EVENT(SAMPLE) "\n" EVENT(OVERFLOW) "\n" EVENT(PORT) "\n" EVENT(
		NEWER);
	assert_int_equal(cli_do(w, "events --count 4"), CLI_OK);
	cli_expect_asked(w, 0,
		"subscribe {\"topics\":[\"punt\",\"sample\",\"port\",\"config\",\"limit\","
		"\"worker\"]}");
	assert_string_equal(w->out,
		"2026-11-21T17:42:00.000001Z punt br0 vm1 action 60 bytes: 52:54:00:00:00:01 > "
		"ff:ff:ff:ff:ff:ff arp\n"
		"2026-11-21T17:42:00.000001Z sample br0 vm1 sample 9000 bytes probability=65535 "
		"collector-set-id=7\n"
		"2026-11-21T17:42:00.000001Z overflow lost=12\n"
		"2026-11-21T17:42:00.000001Z port br0 vm1 queue-stopped queue=3: ring 3: an ? "
		"entry\n"
		"2026-11-21T17:42:00.000001Z news vm?[31m oper-status=up\n");
	assert_string_equal(w->err, "");
}

static void
test_more_lines(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"subscriptions\":[]}");
	w->events = EVENT(MOVED) "\n" EVENT(FLUSHED) "\n" EVENT(CONFIG) "\n" EVENT(
		LIMIT) "\n" EVENT(WORKER);
	assert_int_equal(cli_do(w, "events all --port vm1 --count 5"), CLI_OK);
	cli_expect_asked(w, 0, "subscribe {\"topics\":[\"all\"],\"port\":\"vm1\"}");
	assert_string_equal(w->out,
		"2026-11-21T17:42:00.000001Z mac br0 vm2 moved 52:54:00:00:00:01 vlan 5 from vm1\n"
		"2026-11-21T17:42:00.000001Z mac br0 vm2 flushed count=7\n"
		"2026-11-21T17:42:00.000001Z config commit: revision 7 by root: create /a (hi)\n"
		"2026-11-21T17:42:00.000001Z limit br0 vm1 mac-limit count=12: port vm1: it is "
		"full\n"
		"2026-11-21T17:42:00.000001Z worker stalled worker=0 stalled-ms=2100: worker 0 has "
		"made no progress for 2.1 s\n");
}

static void
test_json(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, "{\"subscriptions\":[]}");
	w->events = EVENT(PUNT) "\n" EVENT(PUNT);
	assert_int_equal(cli_do(w, "--json events sample punt --bridge br0 --count 1"), CLI_OK);
	cli_expect_asked(w, 0, "subscribe {\"topics\":[\"sample\",\"punt\"],\"bridge\":\"br0\"}");
	assert_string_equal(w->out, "{" PUNT "}\n");
}

static void
test_refused(void **state)
{
	struct cli_world *w = *state;

	assert_int_equal(cli_do(w, "events --count 0"), CLI_USAGE);
	assert_non_null(strstr(w->err, "--count takes a number from 1 on, not '0'"));
	cli_expect_calls(w, 0);
	cli_will_answer(w, "{\"code\":1,\"text\":\"there is no topic 'x'\"}");
	assert_int_equal(cli_do(w, "events x"), CLI_REFUSED);
	assert_string_equal(w->err, "vswitchctl: there is no topic 'x'\n");
	cli_expect_asked(w, 0, "subscribe {\"topics\":[\"x\"]}");
}

static void
test_completion(void **state)
{
	const char *const words[] = {"vswitchctl", "__complete", "events", "punt", "", NULL};
	struct cli_world *w = *state;

	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, "punt\nsample\nmac\nport\nconfig\nlimit\nworker\nall\n");
}

static void
test_completion_of_options(void **state)
{
	struct cli_world *w = *state;
	const char *const words[] = {"vswitchctl", "__complete", "-s", w->world.path, "events",
		"punt", "--bridge", "", NULL};

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"},"
		"{\"name\":\"br1\"}]}}");
	assert_int_equal(cli_do_words(w, words), CLI_OK);
	assert_string_equal(w->out, "br0\nbr1\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_lines),
		CASE(test_more_lines),
		CASE(test_json),
		CASE(test_refused),
		CASE(test_completion),
		CASE(test_completion_of_options),
	};

	return cmocka_run_group_tests_name("cli_events", tests, NULL, NULL);
}
