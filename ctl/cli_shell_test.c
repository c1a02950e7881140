/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands from a file, and what a prompt offers; the prompt itself: tests/system/test_shell.py. */
#include "ctl/cli_shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/cli_table.h"
#include "ctl/cli_test_world.h"
#include "ctl/cli_typing.h"
#include "ctl/client.h"

#define PONG "{\"pong\":true}"

struct run {
	struct cli cli;
	char *out; /* owned */
	char *err;
	size_t out_size;
	size_t err_size;
};

static void
run_begin(struct cli_world *w, struct run *run)
{
	*run = (struct run){
		.cli = {.socket_option = w->world.path, .timeout_ms = 5000, .interrupt_fd = -1}};
	run->cli.out = open_memstream(&run->out, &run->out_size);
	run->cli.err = open_memstream(&run->err, &run->err_size);
	assert_non_null(run->cli.out);
	assert_non_null(run->cli.err);
}

static void
run_look(struct run *run)
{
	assert_int_equal(fflush(run->cli.out), 0);
	assert_int_equal(fflush(run->cli.err), 0);
}

static void
run_end(struct run *run)
{
	client_close(run->cli.client);
	(void)fclose(run->cli.out);
	(void)fclose(run->cli.err);
	free(run->out);
	free(run->err);
}

static enum cli_status
lines(struct run *run, const char *text)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	enum cli_status status;

	assert_non_null(in);
	status = cli_lines(&run->cli, in);
	(void)fclose(in);
	run_look(run);
	return status;
}

static void
test_lines(void **state)
{
	struct cli_world *w = *state;
	struct client *client;
	struct run run;

	run_begin(w, &run);
	cli_will_answer(w, PONG);
	assert_int_equal(lines(&run, "ping"), CLI_OK);
	client = run.cli.client;
	assert_non_null(client);
	cli_will_answer(w, CLI_EDITED);
	cli_will_answer(w, CLI_EDITED);
	cli_will_answer(w, PONG);
	assert_int_equal(lines(&run,
				 "# two bridges\n\nbridge add br0 description='a b'\n"
				 "vswitchctl bridge add br1 \\\n  'description=c\nd' # the other\n"
				 "ping --json\nexit\nnix\n"),
		CLI_OK);
	assert_string_equal(run.err, "");
	cli_expect_words(w->asked[1], "\"description\":\"a b\"");
	cli_expect_words(w->asked[2], "\"description\":\"c\\nd\"");
	cli_expect_words(run.out, "{\n  \"pong\": true\n}\n");
	/* an option is its line's alone, and one connection serves all */
	assert_false(run.cli.json);
	assert_ptr_equal(run.cli.client, client);
	cli_expect_calls(w, 4);
	run_end(&run);
}

static void
test_first_error_ends(void **state)
{
	struct cli_world *w = *state;
	struct run run;

	run_begin(w, &run);
	cli_will_answer(w, "{\"code\":1,\"text\":\"no\"}");
	assert_int_equal(lines(&run, "\nport del \\\n  p1\nping\n"), CLI_REFUSED);
	cli_expect_words(run.err, "vswitchctl: no\n");
	cli_expect_words(run.err, "that was line 2; what follows it was not done");
	assert_int_equal(lines(&run, "prot show\nping\n"), CLI_USAGE);
	assert_int_equal(lines(&run, "show 'x\nping\n"), CLI_USAGE);
	cli_expect_words(run.err, "a quote (') is not closed");
	cli_expect_calls(w, 1);
	run_end(&run);
}

static void
test_keep_going(void **state)
{
	struct cli_world *w = *state;
	struct run run;

	run_begin(w, &run);
	run.cli.keep_going = true;
	cli_will_answer(w, "{\"code\":1,\"text\":\"no\"}");
	cli_will_answer(w, PONG);
	assert_int_equal(lines(&run, "port del p1\nnix\nping\n"), CLI_REFUSED);
	cli_expect_words(run.err, "that was line 1\n");
	cli_expect_words(run.err, "that was line 2\n");
	cli_expect_words(run.out, "pong");
	cli_expect_calls(w, 2);
	run_end(&run);
}

static void
test_nothing(void **state)
{
	struct run run;

	run_begin(*state, &run);
	assert_int_equal(lines(&run, "# nothing\n\n"), CLI_USAGE);
	cli_expect_words(run.err, "a command is missing");
	run_end(&run);
}

/* A daemon that has gone is asked anew; another socket is for its line alone. */
static void
test_connection(void **state)
{
	struct cli_world *w = *state;
	struct client *client;
	struct run run;

	run_begin(w, &run);
	cli_will_answer(w, PONG);
	assert_int_equal(lines(&run, "ping"), CLI_OK);
	client = run.cli.client;
	assert_int_equal(lines(&run, "-s /nonexistent/sock ping"), CLI_NO_DAEMON);
	assert_ptr_equal(run.cli.client, client);
	assert_string_equal(run.cli.socket_option, w->world.path);
	/* an event that nobody waits for: the connection is not as a new one */
	w->events = "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n";
	cli_will_answer(w, "{\"subscriptions\":[]}");
	assert_int_equal(lines(&run, "call subscribe"), CLI_OK);
	cli_will_answer(w, PONG);
	assert_int_equal(lines(&run, "ping"), CLI_OK);
	assert_true(client_idle(run.cli.client));
	run_end(&run);
}

static void
expect_candidates(struct run *run, const char *line, const char *expected)
{
	char text[1024] = "";
	size_t n;
	char **list = cli_candidates(&run->cli, line, strlen(line), &n);

	for (size_t i = 0; i < n; i++) {
		(void)str_appendf(text, sizeof(text), "%s%s", i == 0 ? "" : " ", list[i]);
	}
	assert_null(list[n]);
	assert_string_equal(text, expected);
	cli_candidates_free(list);
}

static void
test_candidates(void **state)
{
	static const char ports[] =
		"{\"vswitch:vswitch\":{\"port\":[{\"name\":\"vm1\"},{\"name\":\"vm2\"}]}}";
	struct cli_world *w = *state;
	struct run run;

	run_begin(w, &run);
	expect_candidates(&run, "bri", "bridge");
	expect_candidates(&run, "port ", "add del set show");
	expect_candidates(&run, "vswitchctl port a", "add");
	expect_candidates(&run, "help port a", "add");
	expect_candidates(&run, "port add x 'mode=c", "mode=client");
	expect_candidates(&run, "config check /etc/hostnam", "/etc/hostname");
	expect_candidates(&run, "config check /et", "/etc/");
	expect_candidates(&run, "config check /etc/[h", "");
	cli_will_answer(w, ports);
	expect_candidates(&run, "port del v", "vm1 vm2");
	cli_will_answer(w, ports);
	expect_candidates(&run, "port del vm1 ", "vm1 vm2");
	run_look(&run);
	assert_string_equal(run.out, "");
	assert_string_equal(run.err, "");
	run_end(&run);
}

/* ---- tables on a terminal ---- */

static void
expect_table(unsigned int width, bool utf8, const char *expected)
{
	static const char *const columns[] = {"NAME", ">COUNT", "REASON", NULL};
	struct cli_table *table = cli_table_create(columns);
	struct cli cli = {.width = width, .utf8 = utf8};
	char *out = NULL;
	size_t size;

	cli.out = open_memstream(&out, &size);
	assert_non_null(cli.out);
	cli_table_row(table);
	cli_table_cell(table, "a-long-name-of-a-port");
	cli_table_cell(table, "%d", 1234567);
	cli_table_cell(table, "it was \xc3\xa4ltered by a guest");
	cli_table_print(table, &cli, 2);
	(void)fclose(cli.out);
	assert_string_equal(out, expected);
	free(out);
	cli_table_destroy(table);
}

static void
test_tables_fit(void **state)
{
	/* no terminal: nothing is cut */
	expect_table(0, false,
		"  NAME                     COUNT  REASON\n"
		"  a-long-name-of-a-port  1234567  it was \xc3\xa4ltered by a guest\n");
	expect_table(60, false,
		"  NAME                     COUNT  REASON\n"
		"  a-long-name-of-a-port  1234567  it was \xc3\xa4ltered by a guest\n");
	/* the widest columns give way, numbers do not */
	expect_table(50, false,
		"  NAME                   COUNT  REASON\n"
		"  a-long-name-of-a...  1234567  it was \xc3\xa4ltered ...\n");
	expect_table(40, true,
		"  NAME              COUNT  REASON\n"
		"  a-long-name-o\xe2\x80\xa6  1234567  it was \xc3\xa4lter\xe2\x80\xa6\n");
	/* too narrow even so: lines are cut, not wrapped */
	expect_table(12, true,
		"  NAME     \xe2\x80\xa6\n"
		"  a-lon\xe2\x80\xa6   \xe2\x80\xa6\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cli_setup, cli_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_lines),
		CASE(test_first_error_ends),
		CASE(test_keep_going),
		CASE(test_nothing),
		CASE(test_connection),
		CASE(test_candidates),
		cmocka_unit_test(test_tables_fit),
	};

	return cmocka_run_group_tests_name("cli_shell", tests, NULL, NULL);
}
