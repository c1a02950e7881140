/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_rules.h"
#include "ctl/cli_table.h"

enum { OPT_HEX, OPT_IN_PORT };

static enum cli_status run_trace(struct cli *cli, const struct cli_args *args);

static const struct cli_option options[] = {
	[OPT_HEX] = {"hex", CLI_VALUE, "BYTES", "the frame itself, two digits a byte"},
	[OPT_IN_PORT] = {"in-port", CLI_VALUE, "PORT", "where it comes from"},
	{NULL},
};

const struct cli_command cli_trace_commands[] = {
	{
		.noun = "trace",
		.usage = "BRIDGE {FLOW | --hex BYTES} [--in-port PORT]",
		.summary = "Tell what happens to a frame, step by step, and why",
		.detail = "FLOW is a match as for flow show; a frame is made that is like it.\n"
			  "What it does not say is 0, the TTL 64. Its port is in_port=, or "
			  "--in-port.\n"
			  "Nothing is learned, counted or sent.\n",
		.examples = "  vswitchctl trace br0 in_port=vm1,tcp,nw_src=10.0.0.1,tp_dst=80\n"
			    "  vswitchctl trace br0 'in_port=vm1,dl_dst=52:54:00:00:00:02,arp'\n"
			    "  vswitchctl trace br0 --in-port vm1 --hex "
			    "ffffffffffff52540000000108060001\n",
		.options = options,
		.min_args = 1,
		.max_args = 2,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_trace,
	},
	{NULL},
};

/* ---- words ---- */

static bool
has(const json_t *object, const char *name)
{
	return json_object_get(object, name) != NULL;
}

static void
put(struct cli *cli, const char *before, const char *text, const char *after)
{
	(void)fputs(before, cli->out);
	cli_print_text(cli, text);
	(void)fputs(after, cli->out);
}

/* "output:vm1, normal" */
static void
put_list(struct cli *cli, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		put(cli, i == 0 ? "" : ", ", json_string_value(item), "");
	}
}

/* ---- steps ---- */

#define COLUMN "             " /* under what stands behind a step's name */

static void
put_table(struct cli *cli, const json_t *step)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "table %u", (unsigned int)cli_num(step, "table"));
	(void)fprintf(cli->out, "  %-9s  ", name);
	if (has(step, "fields")) {
		put(cli, "the frame is now ", cli_str(step, "fields"), "\n" COLUMN);
	}
	if (!has(step, "match")) {
		(void)fputs("no rule matches\n", cli->out);
		return;
	}
	(void)fprintf(cli->out, "priority %u", (unsigned int)cli_num(step, "priority"));
	if (strcmp(cli_str(step, "cookie"), "0x0") != 0) {
		put(cli, ", cookie ", cli_str(step, "cookie"), "");
	}
	put(cli, ": ", cli_str(step, "match")[0] == '\0' ? "any frame" : cli_str(step, "match"),
		json_array_size(json_object_get(step, "action")) == 0 ? "\n" COLUMN "  drop\n"
								      : "\n");
}

static void
put_acl(struct cli *cli, const json_t *step)
{
	(void)fputs("  access     ", cli->out);
	if (has(step, "entry")) {
		(void)fprintf(cli->out, "entry %" PRIu64, cli_num(step, "entry"));
		put(cli, ": ",
			cli_str(step, "match")[0] == '\0' ? "any frame" : cli_str(step, "match"),
			"");
	} else {
		(void)fputs("no entry matches", cli->out);
	}
	put(cli, " -> ", cli_str(step, "result"), "\n");
}

static void
put_known(struct cli *cli, const json_t *step, const char *name)
{
	(void)fprintf(cli->out, ", %s ", name);
	put(cli, has(step, name) ? "on " : "", has(step, name) ? cli_str(step, name) : "unknown",
		"");
}

static void
put_normal(struct cli *cli, const json_t *step)
{
	const char *result = cli_str(step, "result");

	(void)fputs("  normal     ", cli->out);
	if (has(step, "vlan")) {
		(void)fprintf(cli->out, "VLAN %" PRIu64, cli_num(step, "vlan"));
		put_known(cli, step, "source");
		put_known(cli, step, "destination");
		(void)fputs(" -> ", cli->out);
	}
	put(cli, "", result, "");
	if (strcmp(result, "output") == 0) {
		put(cli, " to ", cli_str(step, "port"), "");
	} else if (strcmp(result, "drop") == 0) {
		put(cli, ": ", cli_str(step, "reason"), "");
	}
	(void)fputc('\n', cli->out);
}

static void
put_step(struct cli *cli, const json_t *step)
{
	const char *kind = cli_str(step, "kind");

	if (strcmp(kind, "table") == 0) {
		put_table(cli, step);
	} else if (strcmp(kind, "access-list") == 0) {
		put_acl(cli, step);
	} else if (strcmp(kind, "normal") == 0) {
		put_normal(cli, step);
	} else if (strcmp(kind, "action") == 0) {
		const json_t *action = json_object_get(step, "action");

		put(cli, COLUMN "  ",
			json_is_array(action) ? json_string_value(json_array_get(action, 0))
					      : json_string_value(action),
			"\n");
	} else if (strcmp(kind, "flood") == 0) {
		(void)fprintf(cli->out, "  flood      VLAN %" PRIu64 "\n", cli_num(step, "vlan"));
	} else if (strcmp(kind, "address-check") == 0) {
		put(cli, "  addresses  not allowed: ", cli_str(step, "reason"), "\n");
	} else {
		put(cli, "  refused    ", cli_str(step, "reason"), "\n");
	}
}

/* ---- outcome ---- */

static void
put_output(struct cli *cli, const json_t *output)
{
	put(cli, "  ", cli_str(output, "port"), "");
	if (json_is_true(json_object_get(output, "tagged"))) {
		(void)fprintf(cli->out, ", VLAN tag %" PRIu64, cli_num(output, "vlan"));
	} else {
		(void)fputs(", untagged", cli->out);
	}
	if (has(output, "max-length")) {
		(void)fprintf(
			cli->out, ", the first %" PRIu64 " bytes", cli_num(output, "max-length"));
	}
	if (has(output, "group")) {
		(void)fprintf(cli->out, ", %sgroup %" PRIu64,
			json_is_true(json_object_get(output, "maybe")) ? "perhaps, by " : "by ",
			cli_num(output, "group"));
	}
	if (has(output, "lost")) {
		put(cli, ", but lost there: ", cli_str(output, "lost"), "");
	}
	(void)fputc('\n', cli->out);
}

static void
put_outcome(struct cli *cli, const json_t *answer)
{
	const json_t *outputs = json_object_get(answer, "output");
	const json_t *output;
	size_t i;

	if (has(answer, "drop")) {
		put(cli, "dropped: ", cli_str(answer, "drop"), "\n");
	} else {
		(void)fputs("sent to\n", cli->out);
	}
	json_array_foreach (outputs, i, output) {
		put_output(cli, output);
	}
	if (json_is_true(json_object_get(answer, "limited"))) {
		(void)fputs("  unless a meter, a limit for floods or a sample says otherwise\n",
			cli->out);
	}
	if (json_is_true(json_object_get(answer, "uncached"))) {
		(void)fputs("not remembered: `normal` is asked more than once\n", cli->out);
	}
	if (has(answer, "key")) {
		put(cli, "decided by ", cli_str(answer, "key"), "\n");
	}
	if (json_array_size(json_object_get(answer, "action")) > 0) {
		(void)fputs("comes to   ", cli->out);
		put_list(cli, json_object_get(answer, "action"));
		(void)fputc('\n', cli->out);
	}
}

/* ---- the flow cache ---- */

static void
put_cache(struct cli *cli, const json_t *cache)
{
	const char *state = cli_str(cache, "state");
	const uint64_t packets = cli_num(cache, "packets");

	(void)fprintf(cli->out, "worker %" PRIu64 "   ", cli_num(cache, "worker"));
	if (strcmp(state, "not-cached") == 0) {
		(void)fputs("remembers no such frame\n", cli->out);
		return;
	}
	if (strcmp(state, "agrees") == 0) {
		(void)fputs("remembers the same", cli->out);
	} else if (strcmp(state, "stale") == 0) {
		(void)fputs("remembers ", cli->out);
		put_list(cli, json_object_get(cache, "action"));
		put(cli, ", but ", cli_str(cache, "because"),
			" changed: the next packet is decided anew");
	} else {
		(void)fputs("remembers something else: ", cli->out);
		put_list(cli, json_object_get(cache, "action"));
	}
	(void)fprintf(cli->out, "; %" PRIu64 " packet%s, %" PRIu64 " bytes", packets,
		packets == 1 ? "" : "s", cli_num(cache, "bytes"));
	if (has(cache, "idle-ms")) {
		(void)fprintf(cli->out, ", the last %.1f s ago",
			(double)cli_num(cache, "idle-ms") / 1000);
	}
	(void)fputc('\n', cli->out);
}

static void
print(struct cli *cli, const json_t *answer)
{
	const json_t *item;
	size_t i;

	put(cli, "from ", cli_str(answer, "in-port"), "");
	put(cli, ": ", cli_str(answer, "fields"), "\n");
	json_array_foreach (json_object_get(answer, "step"), i, item) {
		put_step(cli, item);
	}
	put_outcome(cli, answer);
	json_array_foreach (json_object_get(answer, "cache"), i, item) {
		put_cache(cli, item);
	}
	if (has(answer, "cache-error")) {
		put(cli, "what workers remember is not known: ", cli_str(answer, "cache-error"),
			"\n");
	}
}

static enum cli_status
run_trace(struct cli *cli, const struct cli_args *args)
{
	const char *hex = args->options[OPT_HEX];
	const char *in_port = args->options[OPT_IN_PORT];
	enum cli_status status = CLI_OK;
	json_t *answer = NULL;
	json_t *input;

	if ((hex != NULL) == (args->n == 2)) {
		return cli_usage_error(
			cli, "either a flow is given, or the bytes of a frame (--hex)");
	}
	if (hex == NULL) {
		status = cli_match_check(cli, args->v[1]);
	} else if (in_port == NULL) {
		status = cli_usage_error(cli, "--hex needs --in-port PORT");
	}
	if (status != CLI_OK) {
		return status;
	}
	input = json_pack("{s:s, s:s}", "bridge", args->v[0], hex == NULL ? "flow" : "frame",
		hex == NULL ? args->v[1] : hex);
	if (in_port != NULL) {
		(void)json_object_set_new(input, "in-port", json_string(in_port));
	}
	status = cli_action(cli, "trace", input, &answer);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, answer);
	} else if (status == CLI_OK) {
		print(cli, answer);
	}
	json_decref(answer);
	return status;
}
