/* SPDX-License-Identifier: BSD-3-Clause */
/* What `trace` and `flow cache` ask, and how they show the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define SENT                                                                                       \
	"{\"bridge\":\"br0\",\"in-port\":\"vm1\",\"frame\":\"00\",\"fields\":\"tcp,tp_dst=80\","   \
	"\"step\":[{\"kind\":\"access-list\",\"entry\":3,\"match\":\"tcp\",\"result\":\"accept\"}" \
	","                                                                                        \
	"{\"kind\":\"table\",\"table\":0,\"match\":\"tcp,tp_dst=80\",\"priority\":90,"             \
	"\"cookie\":\"0x50\",\"action\":[\"dec_ttl\",\"goto_table:1\"]},"                          \
	"{\"kind\":\"action\",\"action\":\"dec_ttl\"},"                                            \
	"{\"kind\":\"action\",\"action\":\"goto_table:1\"},"                                       \
	"{\"kind\":\"table\",\"table\":1,\"fields\":\"tcp,nw_ttl=63\",\"match\":\"\","             \
	"\"priority\":0,\"cookie\":\"0x0\",\"action\":[\"normal\"]},"                              \
	"{\"kind\":\"action\",\"action\":\"normal\"},"                                             \
	"{\"kind\":\"normal\",\"vlan\":10,\"source\":\"vm1\",\"result\":\"flood\"}],"              \
	"\"output\":[{\"port\":\"vm2\",\"tagged\":false},"                                         \
	"{\"port\":\"up\",\"tagged\":true,\"vlan\":10},"                                           \
	"{\"port\":\"vm3\",\"tagged\":false,\"lost\":\"mtu-exceeded\"}],"                          \
	"\"action\":[\"dec_ttl\",\"flood(vlan=10)\"],\"key\":\"tcp,tp_dst=80\",\"limited\":true,"  \
	"\"cache\":[{\"worker\":0,\"state\":\"agrees\",\"packets\":\"7\",\"bytes\":\"700\","       \
	"\"idle-ms\":2500,\"action\":[\"dec_ttl\",\"flood(vlan=10)\"]},"                           \
	"{\"worker\":1,\"state\":\"not-cached\"},"                                                 \
	"{\"worker\":2,\"state\":\"stale\",\"because\":\"rules\",\"packets\":\"1\","               \
	"\"bytes\":\"60\",\"action\":[\"drop:rule-drop\"]}]}"

static void
test_trace(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, SENT);
	assert_int_equal(cli_do(w, "trace br0 in_port=vm1,tcp,tp_dst=80"), CLI_OK);
	cli_expect_asked(w, 0,
		"action {\"name\":\"trace\",\"input\":{\"bridge\":\"br0\","
		"\"flow\":\"in_port=vm1,tcp,tp_dst=80\"}}");
	assert_string_equal(w->out,
		"from vm1: tcp,tp_dst=80\n"
		"  access     entry 3: tcp -> accept\n"
		"  table 0    priority 90, cookie 0x50: tcp,tp_dst=80\n"
		"               dec_ttl\n"
		"               goto_table:1\n"
		"  table 1    the frame is now tcp,nw_ttl=63\n"
		"             priority 0: any frame\n"
		"               normal\n"
		"  normal     VLAN 10, source on vm1, destination unknown -> flood\n"
		"sent to\n"
		"  vm2, untagged\n"
		"  up, VLAN tag 10\n"
		"  vm3, untagged, but lost there: mtu-exceeded\n"
		"  unless a meter, a limit for floods or a sample says otherwise\n"
		"decided by tcp,tp_dst=80\n"
		"comes to   dec_ttl, flood(vlan=10)\n"
		"worker 0   remembers the same; 7 packets, 700 bytes, the last 2.5 s ago\n"
		"worker 1   remembers no such frame\n"
		"worker 2   remembers drop:rule-drop, but rules changed: the next packet is "
		"decided "
		"anew; 1 packet, 60 bytes\n");
	cli_expect_calls(w, 1);
}

static void
test_trace_drop(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"bridge\":\"br0\",\"in-port\":\"vm1\",\"frame\":\"00\",\"fields\":\"arp\","
		"\"step\":[{\"kind\":\"address-check\",\"reason\":\"spoofed-neighbor\"}],"
		"\"output\":[],\"cache\":[],\"drop\":\"spoofed-neighbor\","
		"\"action\":[\"drop:spoofed-neighbor\"],\"cache-error\":\"worker 0 sleeps\"}");
	assert_int_equal(cli_do(w, "trace br0 --hex 00aa --in-port vm1"), CLI_OK);
	cli_expect_asked(w, 0,
		"action {\"name\":\"trace\",\"input\":{\"bridge\":\"br0\",\"frame\":\"00aa\","
		"\"in-port\":\"vm1\"}}");
	cli_expect_words(w->out, "addresses  not allowed: spoofed-neighbor\n");
	cli_expect_words(w->out, "dropped: spoofed-neighbor\n");
	cli_expect_words(w->out, "not known: worker 0 sleeps\n");
	cli_will_answer(w, "{\"drop\":\"runt\"}");
	assert_int_equal(cli_do(w, "trace br0 --hex 00 --in-port vm1 --json"), CLI_OK);
	assert_string_equal(w->out, "{\n  \"drop\": \"runt\"\n}\n");
	cli_expect_calls(w, 2);
}

static void
test_trace_usage(void **state)
{
	struct cli_world *w = *state;

	assert_int_equal(cli_do(w, "trace br0"), CLI_USAGE);
	assert_int_equal(cli_do(w, "trace br0 tcp --hex 00"), CLI_USAGE);
	assert_int_equal(cli_do(w, "trace br0 --hex 00"), CLI_USAGE);
	cli_expect_words(w->err, "--in-port PORT");
	assert_int_equal(cli_do(w, "trace br0 tpc"), CLI_USAGE);
	cli_expect_words(w->err, "did you mean 'tcp'?");
	cli_expect_calls(w, 0);
}

#define FLOW(port, packets)                                                                   \
	"{\"worker\":0,\"port\":\"" port "\",\"match\":\"tcp\",\"action\":[\"deliver:vm2\"]," \
	"\"packets\":\"" packets "\",\"bytes\":\"64\",\"idle-ms\":1500}"

static void
test_cache_show(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}],\"port\":["
		"{\"name\":\"vm1\",\"bridge\":\"br0\"},{\"name\":\"vm9\",\"bridge\":\"br1\"}]}}");
	cli_will_answer(
		w, "{\"flow\":[" FLOW("vm1", "5") "," FLOW("vm9", "6") "],\"next\":\"0/9\"}");
	cli_will_answer(w, "{\"flow\":[" FLOW("vm1", "7") "]}");
	assert_int_equal(cli_do(w, "flow cache show br0"), CLI_OK);
	cli_expect_asked(w, 1, "action {\"name\":\"flow-cache\",\"input\":{\"limit\":1000}}");
	cli_expect_asked(w, 2,
		"action {\"name\":\"flow-cache\",\"input\":{\"limit\":1000,\"after\":\"0/9\"}}");
	cli_expect_words(w->out, "WORKER");
	cli_expect_words(w->out, "deliver:vm2");
	assert_null(strstr(w->out, "vm9"));
	cli_will_answer(w, "{\"vswitch:vswitch\":{\"bridge\":[{\"name\":\"br0\"}]}}");
	cli_will_answer(w, "{\"flow\":[" FLOW("vm1", "5") "],\"next\":\"0/9\"}");
	assert_int_equal(cli_do(w, "flow cache show vm1 --limit 1 --json"), CLI_OK);
	cli_expect_asked(
		w, 4, "action {\"name\":\"flow-cache\",\"input\":{\"limit\":1,\"port\":\"vm1\"}}");
	cli_expect_words(w->out, "\"packets\": \"5\"");
	cli_expect_calls(w, 5);
}

static void
test_cache_stats(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w,
		"{\"vswitch:vswitch\":{\"system\":{\"worker\":[{\"id\":0,\"flow-cache\":{"
		"\"entries\":12,\"capacity\":65536,\"memory\":\"4096\",\"hits\":\"99\","
		"\"misses\":\"1\",\"evicted\":\"3\",\"refused\":\"0\",\"programs\":4,"
		"\"programs-memory\":\"1024\"}}]},\"port\":[{\"name\":\"vm1\",\"flows\":{"
		"\"entries\":12,\"hits\":\"30\",\"misses\":\"10\"}}]}}");
	assert_int_equal(cli_do(w, "flow cache stats"), CLI_OK);
	cli_expect_words(w->out, "99.00");
	cli_expect_words(w->out, "75.00");
	cli_expect_words(w->out, "65536");
	assert_int_equal(cli_do(w, "flow cache stats vm1"), CLI_USAGE);
	assert_int_equal(cli_do(w, "flow cache list"), CLI_USAGE);
	assert_int_equal(cli_do(w, "flow cache show --limit x"), CLI_USAGE);
	cli_expect_calls(w, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_trace),
		CASE(test_trace_drop),
		CASE(test_trace_usage),
		CASE(test_cache_show),
		CASE(test_cache_stats),
	};

	return cmocka_run_group_tests_name("cli-trace", tests, NULL, NULL);
}
