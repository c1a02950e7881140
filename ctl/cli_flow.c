/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_flow.h"
#include "ctl/cli_rules.h"
#include "ctl/flow_text.h"

static enum cli_status run_add(struct cli *cli, const struct cli_args *args);
static enum cli_status run_mod(struct cli *cli, const struct cli_args *args);
static enum cli_status run_del(struct cli *cli, const struct cli_args *args);
static enum cli_status run_show(struct cli *cli, const struct cli_args *args);

static const struct cli_option add_options[] = {
	[CLI_FLOW_FILE] = {"file", CLI_VALUE, "FILE", "take the rules from a file, one in a line"},
	[CLI_FLOW_DRY_RUN] = {"dry-run", CLI_FLAG, NULL, "check only, change nothing"},
	{NULL},
};

static const struct cli_option strict_options[] = {
	{"strict", CLI_FLAG, NULL, "only the rule with this very match and priority"},
	{NULL},
};

static const struct cli_option replace_options[] = {
	[CLI_FLOW_FILE] = {"file", CLI_VALUE, "FILE", "the rules, one in a line"},
	[CLI_FLOW_DRY_RUN] = {"dry-run", CLI_FLAG, NULL, "check and count only, change nothing"},
	{NULL},
};

enum show_option { SHOW_NO_STATS, SHOW_LIMIT };

static const struct cli_option show_options[] = {
	[SHOW_NO_STATS] = {"no-stats", CLI_FLAG, NULL, "print rules as they would be added"},
	[SHOW_LIMIT] = {"limit", CLI_VALUE, "N", "show the first N rules only"},
	{NULL},
};

static const struct cli_option cache_options[] = {
	{"limit", CLI_VALUE, "N", "show the first N flows only"},
	{NULL},
};

const struct cli_command cli_flow_commands[] = {
	{
		.noun = "flow",
		.verb = "add",
		.usage = "BRIDGE {RULE... | --file FILE} [--dry-run]",
		.summary = "Add flow rules, all of them or none",
		.detail = "A RULE is one argument, as for ovs-ofctl add-flow; docs/flows.md has "
			  "all words.\n"
			  "A rule with the same table, priority and match is replaced.\n"
			  "Lines of a file may begin with add, modify, modify_strict, delete or\n"
			  "delete_strict; what follows a # is skipped. FILE - is the standard "
			  "input.\n",
		.examples = "  vswitchctl flow add br0 priority=10,tcp,tp_dst=22,actions=drop\n"
			    "  vswitchctl flow add br0 'in_port=vm1 actions=push_vlan:0x8100,"
			    "set_vlan_vid:7,output:up'\n"
			    "  vswitchctl flow add br0 --file rules.txt\n",
		.options = add_options,
		.min_args = 1,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_add,
	},
	{
		.noun = "flow",
		.verb = "mod",
		.usage = "BRIDGE RULE [--strict]",
		.summary = "Give the rules of a match other actions; their counters go on",
		.detail = "Without --strict: all rules whose match is the same or narrower.\n",
		.examples = "  vswitchctl flow mod br0 tcp,actions=normal\n"
			    "  vswitchctl flow mod br0 --strict "
			    "priority=10,tcp,tp_dst=22,actions=vm2\n",
		.options = strict_options,
		.min_args = 2,
		.max_args = 2,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_mod,
	},
	{
		.noun = "flow",
		.verb = "del",
		.usage = "BRIDGE [MATCH] [--strict]",
		.summary = "Delete the rules of a match, or all",
		.detail = "Without --strict: all rules whose match is the same or narrower.\n"
			  "table=, cookie=VALUE/MASK and out_port= narrow it down.\n",
		.examples = "  vswitchctl flow del br0\n"
			    "  vswitchctl flow del br0 tcp,tp_dst=22\n"
			    "  vswitchctl flow del br0 cookie=0x1/-1\n"
			    "  vswitchctl flow del br0 --strict priority=10,tcp,tp_dst=22\n",
		.options = strict_options,
		.min_args = 1,
		.max_args = 2,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_del,
	},
	{
		.noun = "flow",
		.verb = "replace",
		.usage = "BRIDGE --file FILE [--dry-run]",
		.summary = "Make a file's rules the only ones, in one step",
		.detail = "Rules that are there already stay untouched, and so do their counters. "
			  "FILE - is the\nstandard input.\n",
		.examples = "  vswitchctl flow show br0 --no-stats > rules.txt\n"
			    "  vswitchctl flow replace br0 --file rules.txt\n",
		.options = replace_options,
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_BRIDGE},
		.run = cli_flow_replace,
	},
	{
		.noun = "flow",
		.verb = "show",
		.usage = "BRIDGE [MATCH] [--no-stats] [--limit N]",
		.summary = "Show flow rules, by table and falling priority",
		.detail = "With MATCH: all rules whose match is the same or narrower; table= "
			  "narrows it down.\n",
		.examples = "  vswitchctl flow show br0\n"
			    "  vswitchctl flow show br0 table=1,tcp\n",
		.options = show_options,
		.min_args = 1,
		.max_args = 2,
		.words = {CLI_WORD_BRIDGE, CLI_WORD_ANY},
		.run = run_show,
	},
	{
		.noun = "flow",
		.verb = "cache",
		.usage = "{show [BRIDGE | PORT] [--limit N] | stats}",
		.summary = "Show the flows that workers remember, or how well they do",
		.detail = "MATCH is what the packets of a flow agree in, IDLE are seconds. STALE "
			  "says what has\nchanged since: the next packet of the flow is decided "
			  "anew.\n",
		.examples = "  vswitchctl flow cache show vm1 --limit 20\n"
			    "  vswitchctl flow cache show br0\n"
			    "  vswitchctl flow cache stats\n",
		.options = cache_options,
		.min_args = 1,
		.max_args = 2,
		.words = {CLI_WORD_CACHE, CLI_WORD_PLACE},
		.run = cli_flow_cache,
	},
	{NULL},
};

/* ---- add, mod, del ---- */

static enum cli_status
run_add(struct cli *cli, const struct cli_args *args)
{
	const char *file = args->options[CLI_FLOW_FILE];
	struct cli_rules rules;
	json_t *result = NULL;
	enum cli_status status;

	if ((file == NULL) == (args->n == 1)) {
		return cli_usage_error(cli, "either rules are given, or a file of them");
	}
	status = file == NULL ? cli_rules_of_args(cli, "add", args->v + 1, args->n - 1, &rules)
			      : cli_rules_of_file(cli, file, NULL, NULL, &rules);
	if (status == CLI_OK) {
		status = cli_rules_send(
			cli, args->v[0], &rules, args->options[CLI_FLOW_DRY_RUN] != NULL, &result);
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	}
	json_decref(result);
	cli_rules_fini(&rules);
	return status;
}

/* One op; `done` is what happened to the rules. */
static enum cli_status
run_op(struct cli *cli, const struct cli_args *args, const char *op, const char *done)
{
	static char nothing[] = "";
	char *match = args->n > 1 ? args->v[1] : nothing;
	struct cli_rules rules;
	json_t *result = NULL;
	enum cli_status status = cli_rules_of_args(cli, op, &match, 1, &rules);

	if (status == CLI_OK) {
		status = cli_rules_send(cli, args->v[0], &rules, false, &result);
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK) {
		uint64_t n = cli_rules_touched(result);

		(void)fprintf(cli->out, "%" PRIu64 " rule%s %s\n", n, n == 1 ? "" : "s", done);
	}
	json_decref(result);
	cli_rules_fini(&rules);
	return status;
}

static enum cli_status
run_mod(struct cli *cli, const struct cli_args *args)
{
	return run_op(cli, args, args->options[0] == NULL ? "modify" : "modify_strict", "modified");
}

static enum cli_status
run_del(struct cli *cli, const struct cli_args *args)
{
	return run_op(cli, args, args->options[0] == NULL ? "delete" : "delete_strict", "deleted");
}

/* ---- show ---- */

/* As ovs-ofctl dump-flows prints it: "key=value, ... priority,match actions=...". */
static void
print_rule(struct cli *cli, struct flow_rule *rule, const json_t *statistics)
{
	char text[FLOW_TEXT_MAX + 1];
	uint64_t age_ms = cli_num(statistics, "age-ms");
	char *actions;

	(void)fprintf(cli->out,
		"cookie=0x%" PRIx64 ", duration=%" PRIu64 ".%03us, table=%u, n_packets=%" PRIu64
		", n_bytes=%" PRIu64 ", n_misses=%" PRIu64 ", ",
		rule->cookie, age_ms / 1000, (unsigned int)(age_ms % 1000), rule->table,
		cli_num(statistics, "packets"), cli_num(statistics, "bytes"),
		cli_num(statistics, "misses"));
	if (rule->idle_timeout != 0) {
		(void)fprintf(cli->out, "idle_timeout=%u, ", rule->idle_timeout);
	}
	if (rule->hard_timeout != 0) {
		(void)fprintf(cli->out, "hard_timeout=%u, ", rule->hard_timeout);
	}
	(void)fprintf(cli->out, "idle_age=%" PRIu64 ", ", cli_num(statistics, "idle-ms") / 1000);
	/* the rest is the canonical text without what was said */
	rule->cookie = 0;
	rule->table = 0;
	rule->idle_timeout = 0;
	rule->hard_timeout = 0;
	(void)flow_text_print(rule, text, sizeof(text));
	actions = strstr(text, ",actions=");
	if (actions != NULL) {
		*actions = ' ';
	}
	(void)fprintf(cli->out, "%s\n", text);
}

/* What the pages of a show come to. */
struct show {
	bool no_stats;
	json_t *whole; /* --json: the first page, with the others' rules */
};

static enum cli_status
show_page(struct cli *cli, json_t *answer, void *arg)
{
	const json_t *flows = json_object_get(answer, "flows");
	struct show *show = arg;
	enum cli_status status = CLI_OK;
	struct flow_rule rule;
	const json_t *flow;
	size_t i;

	if (cli->json && show->whole == NULL) {
		show->whole = json_incref(answer);
	} else if (cli->json) {
		(void)json_array_extend(
			json_object_get(show->whole, "flows"), (json_t *)(uintptr_t)flows);
		(void)json_object_del(show->whole, "next");
		if (json_object_get(answer, "next") != NULL) {
			(void)json_object_set(show->whole, "next", json_object_get(answer, "next"));
		}
	}
	if (cli->json) {
		return CLI_OK;
	}
	json_array_foreach (flows, i, flow) {
		status = cli_flow_read(cli, flow, &rule);
		if (status != CLI_OK) {
			break;
		}
		if (show->no_stats) {
			char text[FLOW_TEXT_MAX + 1];

			(void)flow_text_print(&rule, text, sizeof(text));
			(void)fprintf(cli->out, "%s\n", text);
		} else {
			print_rule(cli, &rule, json_object_get(flow, "statistics"));
		}
	}
	return status;
}

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	struct show show = {.no_stats = args->options[SHOW_NO_STATS] != NULL};
	const char *match = args->n > 1 ? args->v[1] : NULL;
	uint64_t limit = UINT64_MAX;
	enum cli_status status = CLI_OK;

	if (args->options[SHOW_LIMIT] != NULL &&
		str_to_u64(args->options[SHOW_LIMIT], 1, UINT64_MAX, &limit) != 0) {
		return cli_usage_error(
			cli, "--limit takes a number from 1, not '%s'", args->options[SHOW_LIMIT]);
	}
	if (match != NULL) {
		status = cli_match_check(cli, match);
	}
	if (status == CLI_OK) {
		status = cli_flows(cli, args->v[0], match, limit, show_page, &show);
	}
	if (status == CLI_OK && show.whole != NULL) {
		cli_print_json(cli, show.whole);
	}
	json_decref(show.whole);
	return status;
}
