/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of rules, and where in them an error's path is. */
#include "ctl/flow_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void
expect_line(struct flow_lines *lines, size_t number, const char *text)
{
	struct flow_slice line;

	assert_true(flow_lines_next(lines, &line));
	assert_int_equal(lines->number, number);
	assert_int_equal(line.len, strlen(text));
	assert_memory_equal(line.at, text, line.len);
}

static void
expect_end(struct flow_lines *lines)
{
	struct flow_slice line;

	assert_false(flow_lines_next(lines, &line));
	assert_false(flow_lines_next(lines, &line));
}

static void
test_lines(void **state)
{
	static const char text[] = "# a\n\n \t\r\n ip # b # c\r\ntcp\r\n#\nudp";
	struct flow_lines lines = flow_lines_of(text, strlen(text));

	expect_line(&lines, 4, " ip ");
	expect_line(&lines, 5, "tcp\r");
	expect_line(&lines, 7, "udp");
	expect_end(&lines);
}

static void
test_no_lines(void **state)
{
	static const char *const none[] = {"", "\n", "\n\n", "#", "# ip", " \t", "\r\n"};

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct flow_lines lines = flow_lines_of(none[i], strlen(none[i]));

		expect_end(&lines);
	}
}

/* The end of the text counts, not what stands behind it; a NUL is a byte of a line. */
static void
test_bounds(void **state)
{
	struct flow_lines lines = flow_lines_of("ip\n#tcp\nudp", 6);

	expect_line(&lines, 1, "ip");
	expect_end(&lines);
	lines = flow_lines_of("\0\nip", 4);
	assert_true(flow_lines_next(&lines, &(struct flow_slice){.at = NULL}));
	assert_int_equal(lines.number, 1);
	expect_line(&lines, 2, "ip");
}

static void
test_columns(void **state)
{
	static const struct {
		const char *line;
		const char *path;
		size_t column;
	} cases[] = {
		{"in_port=a,actions=drop", "match/in-port", 1},
		{"delete ip, in_port=a", "match/in-port", 12},
		{"table=3,eth_src=02:00:00:00:00:01,actions=drop", "match/eth-source", 9},
		{"ip,dl_vlan=7,actions=drop", "match/vlan-id", 4},
		{"vlan,inner_dl_vlan=7,actions=drop", "match/inner-vlan-id", 6},
		{"dl_vlan=7,tcp,actions=drop", "match/ip-protocol", 11},
		{"ip,nw_tos=4,actions=drop", "match/ip-dscp", 4},
		{"ip,table=3,priority=4,actions=drop", "table", 4},
		{"ip,table=3,priority=4,actions=drop", "priority", 12},
		{"delete cookie=1,out_port=b", "out-port", 17},
		{"ip,actions=vm1", "actions", 4},
		{"ip,actions=vm1", "actions/0/port", 12},
		{"ip action=dec_ttl,output(port=a,max_len=60) vm2", "actions/1/port", 19},
		{"ip action=dec_ttl,output(port=a,max_len=60) vm2", "actions/2", 45},
		{"ip,actions=set_field:02:00:00:00:00:01->dl_dst,vm1", "actions/1/port", 48},
		/* not there, or not understood */
		{"ip,actions=vm1", "actions/1/port", 0},
		{"ip,actions=vm1", "match/in-port", 0},
		{"ip,actions=in_port=a", "match/in-port", 0},
		{"ip,actions=vm1", "nix", 0},
		{"ip,actions=vm1", "", 0},
		{"ip,nix,in_port=a", "match/in-port", 8},
		{"ip,output(,in_port=a", "match/in-port", 0},
		{"", "match/in-port", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flow_slice line = {cases[i].line, strlen(cases[i].line)};

		if (flow_line_column(line, cases[i].path) != cases[i].column) {
			fail_msg("%s in \"%s\": %zu", cases[i].path, cases[i].line,
				flow_line_column(line, cases[i].path));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_no_lines),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests_name("flow_lines", tests, NULL, NULL);
}
