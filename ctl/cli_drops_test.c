/* SPDX-License-Identifier: BSD-3-Clause */
/* vswitchctl drops and latency, against answers that are written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cli.h"
#include "ctl/cli_test_world.h"

#define SYSTEM(received, entries)                                                       \
	"{\"vswitch:vswitch\":{\"system\":{\"traffic\":{\"received\":\"" received "\"," \
	"\"copies\":\"2\",\"sent\":\"90\",\"dropped\":\"12\"},\"drop\":[" entries "]}}}"
#define ENTRY(input, output, reason, packets)                                           \
	"{\"input\":\"" input "\",\"output\":\"" output "\",\"reason\":\"" reason "\"," \
	"\"explanation\":\"words\",\"packets\":\"" packets "\"}"
#define DROPS                          \
	ENTRY("vm1", "-", "runt", "3") \
	"," ENTRY("vm2", "vm1", "tx-full", "4") "," ENTRY("*", "vm3", "tx-full", "5")
#define THERE "{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\"}]}}"

static void
test_table(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, SYSTEM("100", DROPS));
	assert_int_equal(cli_do(w, "drops"), CLI_OK);
	assert_string_equal(w->out,
		"received 100 + copies 2 = sent 90 + dropped 12\n"
		"INPUT  OUTPUT  REASON   PACKETS  WHY\n"
		"vm1    -       runt           3  words\n"
		"vm2    vm1     tx-full        4  words\n"
		"*      vm3     tx-full        5  words\n");
	cli_expect_asked(w, 0, "get {\"path\":\"/vswitch:vswitch/system\",\"content\":\"state\"}");
	cli_will_answer(w, SYSTEM("100", ""));
	assert_int_equal(cli_do(w, "drops"), CLI_OK);
	cli_expect_words(w->out, "dropped 12\nno drops\n");
}

/* What never came is told apart, if there is something to tell. */
static void
test_missed(void **state)
{
	static const char answer[] =
		"{\"vswitch:vswitch\":{\"system\":{\"drop\":[],\"missed\":[{\"port\":\"up\","
		"\"reason\":\"socket-full\",\"explanation\":\"words\",\"packets\":\"7\"}]}}}";
	struct cli_world *w = *state;

	cli_will_answer(w, answer);
	assert_int_equal(cli_do(w, "drops"), CLI_OK);
	cli_expect_words(w->out,
		"no drops\n\nlost before the switch had them:\n"
		"PORT  REASON       PACKETS  WHY\n"
		"up    socket-full        7  words\n");
	cli_will_answer(w, answer);
	assert_int_equal(cli_do(w, "drops --reason runt"), CLI_OK);
	assert_null(strstr(w->out, "lost before"));
	cli_will_answer(w, THERE);
	cli_will_answer(w, answer);
	assert_int_equal(cli_do(w, "drops vm1"), CLI_OK);
	assert_null(strstr(w->out, "lost before"));
}

/* What is on its way while main counts is said, not hidden. */
static void
test_packets_in_hand(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, SYSTEM("107", DROPS));
	assert_int_equal(cli_do(w, "drops"), CLI_OK);
	cli_expect_words(w->out, "= sent 90 + dropped 12 + in hand 7\n");
	cli_will_answer(w, SYSTEM("99", DROPS));
	assert_int_equal(cli_do(w, "drops"), CLI_OK);
	cli_expect_words(w->out, "= sent 90 + dropped 12 - moved while counting 1\n");
}

static void
test_of_a_port_or_reason(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, THERE);
	cli_will_answer(w, SYSTEM("100", DROPS));
	assert_int_equal(cli_do(w, "drops vm1"), CLI_OK);
	cli_expect_words(w->out, "vm1    -       runt ");
	cli_expect_words(w->out, "vm2    vm1     tx-full ");
	assert_null(strstr(w->out, "vm3"));
	cli_will_answer(w, SYSTEM("100", DROPS));
	assert_int_equal(cli_do(w, "drops --reason tx-full"), CLI_OK);
	cli_expect_words(w->out, "vm3");
	assert_null(strstr(w->out, "runt"));
	cli_will_answer(w, "{}");
	assert_int_equal(cli_do(w, "drops nobody"), CLI_REFUSED);
	cli_expect_words(w->err, "there is no port 'nobody'");
}

static void
test_rate(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, SYSTEM("100", ENTRY("vm1", "-", "runt", "3")));
	cli_will_answer(w, SYSTEM("100", DROPS));
	assert_int_equal(cli_do(w, "drops --rate 1"), CLI_OK);
	cli_expect_words(w->out, "PER-SECOND");
	cli_expect_words(w->out, "vm1    -       runt           3           0  words\n");
	assert_int_equal(cli_do(w, "drops --rate=0"), CLI_USAGE);
	cli_expect_words(w->err, "--rate takes seconds from 1 to 3600");
	assert_int_equal(cli_do(w, "drops --rate --packets"), CLI_USAGE);
	cli_expect_words(w->err, "do not go together");
}

static void
test_packets(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, THERE);
	cli_will_answer(w,
		"{\"packet\":[{\"reason\":\"tx-full\",\"input\":\"vm2\",\"output\":\"vm1\","
		"\"age\":\"1500\",\"length\":1514,\"frame\":\"ffffffffffff0200000000010806\"},"
		"{\"reason\":\"runt\",\"input\":\"vm1\",\"age\":\"7\",\"length\":3,"
		"\"frame\":\"ffffff\"}]}");
	assert_int_equal(cli_do(w, "drops vm1 --packets --reason tx-full"), CLI_OK);
	cli_expect_words(w->out, "1.5 s  vm2    vm1     tx-full    1514  02:00:00:00:00:01 > ");
	cli_expect_words(w->out, "7 ms  vm1    -       runt          3");
	cli_expect_asked(w, 1,
		"action {\"name\":\"drops\",\"input\":{\"port\":\"vm1\",\"reason\":"
		"\"tx-full\"}}");
	cli_will_answer(w, "{\"packet\":[]}");
	assert_int_equal(cli_do(w, "drops --packets"), CLI_OK);
	assert_string_equal(w->out, "no dropped packets were kept\n");
}

#define LATENCY                                                                         \
	"{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\",\"latency\":{"               \
	"\"packets\":\"101\",\"p50\":\"2048\",\"p99\":\"4096\",\"max\":\"1500000\","    \
	"\"bucket\":[{\"below\":\"2048\",\"packets\":\"100\"},"                         \
	"{\"below\":\"18446744073709551615\",\"packets\":\"1\"}]}},{\"name\":\"vm2\"}," \
	"{\"name\":\"vm3\",\"latency\":{\"packets\":\"0\",\"bucket\":[]}}]}}"

static void
test_latency(void **state)
{
	struct cli_world *w = *state;

	cli_will_answer(w, LATENCY);
	assert_int_equal(cli_do(w, "latency"), CLI_OK);
	assert_string_equal(w->out,
		"PORT  SAMPLED      P50      P99  LONGEST\n"
		"vm1       101  2.05 us  4.10 us  1.50 ms\n"
		"vm2         0        -        -        -\n"
		"vm3         0        -        -        -\n");
	cli_will_answer(w, LATENCY);
	assert_int_equal(cli_do(w, "latency vm1"), CLI_OK);
	cli_expect_words(
		w->out, "2.05 us      100  99.0%  ########################################\n");
	cli_expect_words(w->out, "   more        1   1.0%  #\n");
	cli_expect_words(w->out, "p50 below 2.05 us, p99 below 4.10 us, longest 1.50 ms\n");
	cli_will_answer(w, LATENCY);
	assert_int_equal(cli_do(w, "latency vm3"), CLI_OK);
	assert_string_equal(w->out, "no packet was sampled yet\n");
	cli_will_answer(w, LATENCY);
	assert_int_equal(cli_do(w, "latency vm4"), CLI_REFUSED);
	cli_expect_words(w->err, "there is no port 'vm4'");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, cli_setup, cli_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_table),
		CASE(test_missed),
		CASE(test_packets_in_hand),
		CASE(test_of_a_port_or_reason),
		CASE(test_rate),
		CASE(test_packets),
		CASE(test_latency),
	};

	return cmocka_run_group_tests_name("cli_drops", tests, NULL, NULL);
}
