/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_events.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_frame.h"
#include "ctl/cli_table.h"
#include "ctl/client.h"

enum { OPT_COUNT, OPT_BRIDGE, OPT_PORT };

static enum cli_status run_events(struct cli *cli, const struct cli_args *args);

static const struct cli_option events_options[] = {
	[OPT_COUNT] = {"count", CLI_VALUE, "N", "end after N events"},
	[OPT_BRIDGE] = {"bridge", CLI_VALUE, "BRIDGE", "only what is about this bridge"},
	[OPT_PORT] = {"port", CLI_VALUE, "PORT", "only what is about this port"},
	{NULL},
};

#define ON_REQUEST "mac" /* only when it is named */

const char *const cli_topics[] = {
	"punt", "sample", ON_REQUEST, "port", "config", "limit", "worker", NULL};

const struct cli_command cli_events_commands[] = {
	{
		.noun = "events",
		.usage = "[TOPIC]... [--bridge BRIDGE] [--port PORT] [--count N]",
		.summary = "Show what happens in the switch, as it happens",
		.detail =
			"Topics:\n"
			"  punt    packets that rules send to controllers\n"
			"  sample  packets that rules sample\n"
			"  mac     addresses that are learned, move, age out; only when it is "
			"named\n"
			"  port    ports that go up and down, guests that come and go, queues that "
			"are stopped\n"
			"  config  each new revision of the configuration, by whom, and what "
			"changed\n"
			"  limit   something is full, or more comes than is let through\n"
			"  worker  a worker has stalled, or runs again\n"
			"Without one, all but mac; `all` is all.\n"
			"One line for each event: time (UTC), topic, bridge, port, what happened, "
			"members of the\n"
			"topic, and a sentence or what the frame is. With --json each line is the "
			"event as it was\n"
			"sent. Whoever reads too slowly is told how many events were lost (topic "
			"overflow).\n"
			"It ends when it is interrupted, or, with exit status 3, when the daemon "
			"goes.\n",
		.examples = "  vswitchctl events\n"
			    "  vswitchctl events port worker\n"
			    "  vswitchctl events mac --port vm1\n"
			    "  vswitchctl events punt --count 1\n"
			    "  vswitchctl events sample --bridge br0 --json | jq -r .frame\n",
		.options = events_options,
		.max_args = CLI_ARGS_ANY,
		.words = {CLI_WORD_TOPIC},
		.run = run_events,
	},
	{NULL},
};

/* Members that have a place in a line, or that its sentence tells better. */
static bool
is_placed(const char *name)
{
	static const char *const placed[] = {"topic", "time", "bridge", "in-port", "reason",
		"length", "frame", "port", "event", "text", "severity", "mac", "vlan", "from-port",
		"user", "from", "revision", "change", "changes", "more", "comment"};

	for (size_t i = 0; i < ARRAY_LEN(placed); i++) {
		if (strcmp(name, placed[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void
print_word(struct cli *cli, const json_t *event, const char *name)
{
	const char *word = cli_str(event, name);

	if (word[0] != '\0') {
		(void)fputc(' ', cli->out);
		cli_print_text(cli, word);
	}
}

static void
print_address(struct cli *cli, const json_t *event)
{
	print_word(cli, event, "mac");
	if (json_object_get(event, "vlan") != NULL) {
		(void)fprintf(cli->out, " vlan %" PRIu64, cli_num(event, "vlan"));
	}
	if (json_object_get(event, "from-port") != NULL) {
		(void)fputs(" from", cli->out);
		print_word(cli, event, "from-port");
	}
}

/* Topics of a newer daemon are shown as well: what has no place of its own follows as name=value.
 */
static void
print_event(struct cli *cli, json_t *event)
{
	char text[CLI_FRAME_TEXT_SIZE];
	char buf[256];
	const char *name;
	json_t *value;

	cli_print_text(cli, cli_str(event, "time"));
	print_word(cli, event, "topic");
	print_word(cli, event, "bridge");
	print_word(cli, event, "in-port");
	print_word(cli, event, "port");
	print_word(cli, event, "event");
	print_word(cli, event, "reason");
	print_address(cli, event);
	if (json_object_get(event, "length") != NULL) {
		(void)fprintf(cli->out, " %" PRIu64 " bytes", cli_num(event, "length"));
	}
	json_object_foreach (event, name, value) {
		if (!is_placed(name)) {
			(void)fputc(' ', cli->out);
			cli_print_text(cli, name);
			(void)fputc('=', cli->out);
			cli_print_text(cli, cli_text(value, buf, sizeof(buf)));
		}
	}
	if (cli_frame_text(cli_str(event, "frame"), text)[0] != '\0') {
		(void)fprintf(cli->out, ": %s", text);
	}
	if (cli_str(event, "text")[0] != '\0') {
		(void)fputs(": ", cli->out);
		cli_print_text(cli, cli_str(event, "text"));
	}
	(void)fputc('\n', cli->out);
}

static bool
is_overflow(const json_t *event)
{
	return strcmp(cli_str(event, "topic"), "overflow") == 0;
}

/* Show `count` events; the note that some were lost is none. */
static enum cli_status
show(struct cli *cli, uint64_t count)
{
	struct err err = ERR_INIT;
	json_t *event;

	while (count > 0) {
		int rc = client_event(cli->client, &event, &err);

		if (rc == -EINTR) {
			return CLI_INTERRUPTED;
		}
		if (rc != 0) {
			(void)cli_error(
				cli, "%s: %s; no more events will come", cli->socket, err.text);
			return CLI_NO_DAEMON;
		}
		if (cli->json) {
			(void)json_dumpf(event, cli->out, JSON_COMPACT);
			(void)fputc('\n', cli->out);
		} else {
			print_event(cli, event);
		}
		count -= is_overflow(event) ? 0 : 1;
		json_decref(event);
		if (fflush(cli->out) != 0) {
			return cli_error(cli, "the output could not be written");
		}
	}
	return CLI_OK;
}

/* What to subscribe to; new. */
static json_t *
params_of(const struct cli_args *args)
{
	json_t *topics = json_array();
	json_t *params = json_pack("{s:o}", "topics", topics);

	for (size_t i = 0; i < args->n; i++) {
		(void)json_array_append_new(topics, json_string(args->v[i]));
	}
	for (size_t i = 0; args->n == 0 && cli_topics[i] != NULL; i++) {
		if (strcmp(cli_topics[i], ON_REQUEST) != 0) {
			(void)json_array_append_new(topics, json_string(cli_topics[i]));
		}
	}
	if (args->options[OPT_BRIDGE] != NULL) {
		(void)json_object_set_new(params, "bridge", json_string(args->options[OPT_BRIDGE]));
	}
	if (args->options[OPT_PORT] != NULL) {
		(void)json_object_set_new(params, "port", json_string(args->options[OPT_PORT]));
	}
	return params;
}

static enum cli_status
run_events(struct cli *cli, const struct cli_args *args)
{
	const char *count_text = args->options[OPT_COUNT];
	uint64_t count = UINT64_MAX;
	json_t *result = NULL;
	enum cli_status status;

	if (count_text != NULL && str_to_u64(count_text, 1, UINT64_MAX, &count) != 0) {
		return cli_usage_error(
			cli, "--count takes a number from 1 on, not '%s'", count_text);
	}
	status = cli_call(cli, "subscribe", params_of(args), &result);
	json_decref(result);
	return status == CLI_OK ? show(cli, count) : status;
}
