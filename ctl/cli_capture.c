/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/base64.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_packets.h"
#include "ctl/client.h"
#include "ctl/pcapng.h"

#define STREAM_SIZE (1 << 20) /* bytes that wait for us; less where the system allows less */
#define READ_SIZE (256U << 10)
#define FILE_MODE 0600 /* frames are nobody else's business */

enum { OPT_FILTER, OPT_SNAPLEN, OPT_COUNT, OPT_WRITE };

static enum cli_status run_capture(struct cli *cli, const struct cli_args *args);

static const struct cli_option capture_options[] = {
	[OPT_FILTER] = {"filter", CLI_VALUE, "FILTER",
		"-f, only frames that this wants: the language of pcap-filter(7), numbers for "
		"names",
		'f'},
	[OPT_SNAPLEN] = {"snaplen", CLI_VALUE, "BYTES",
		"-s, keep the first so many bytes of each frame (default 262144: all)", 's'},
	[OPT_COUNT] = {"count", CLI_VALUE, "N", "-c, end after N frames", 'c'},
	[OPT_WRITE] = {"write", CLI_VALUE, "FILE",
		"-w, write pcapng to FILE instead of lines; '-' is the standard output", 'w'},
	{NULL},
};

const struct cli_command cli_capture_commands[] = {
	{
		.noun = "capture",
		.usage = "{PORT | BRIDGE} [rx | tx | both | drop | all] [-f FILTER] [-s BYTES] "
			 "[-c N] [-w FILE]",
		.summary = "Show or save the frames that pass a port, or all ports of a bridge",
		.detail = "rx: as they are received; tx: as they are sent; both: the default for "
			  "a port (for a\n"
			  "bridge rx, so that each frame is there once); drop: those that are "
			  "lost, with the\n"
			  "reason; all: all of these. Other ports do not notice.\n"
			  "It ends when it is interrupted, when there are N frames, or when the "
			  "port is deleted,\n"
			  "and then says how many frames there were, and how many were lost since "
			  "they were not\n"
			  "read fast enough.\n",
		.examples = "  vswitchctl capture vm1\n"
			    "  vswitchctl capture vm1 drop -c 10\n"
			    "  vswitchctl capture br0 -f 'arp or icmp' -w br0.pcapng\n"
			    "  vswitchctl capture vm1 rx -w - | tcpdump -nr -\n"
			    "  vswitchctl capture vm1 -w - | wireshark -k -i -\n",
		.options = capture_options,
		.min_args = 1,
		.max_args = 2,
		.words = {CLI_WORD_PLACE, CLI_WORD_DIRECTION},
		.run = run_capture,
	},
	{NULL},
};

/* What is going on. */
struct session {
	struct cli *cli;
	struct cli_packets packets;
	FILE *file; /* of pcapng, or NULL; owned unless it is cli->out */
	int stream; /* socket to read from; -1: events */
	json_int_t id;
	bool stopped; /* we have asked for its end */
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* The first signal ends the capture, a second one us. */
static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	interrupted = 0;
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
}

static void
release_signals(void)
{
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
}

/* --- before --------------------------------------------------------------------------------------
 */

/* Is there such a port, or bridge? */
static bool
exists(struct cli *cli, const char *list, const char *name)
{
	char path[CLI_PATH_SIZE];
	json_t *data = NULL;
	bool found = false;

	if (cli_path(cli, path, list, name, "") == CLI_OK &&
		cli_call_quiet(cli, "get",
			json_pack("{s:s, s:s}", "path", path, "content", "config"),
			&data) == CLI_OK) {
		found = cli_entry(data, list, name) != NULL;
	}
	json_decref(data);
	return found;
}

static enum cli_status
number_option(struct cli *cli, const struct cli_args *args, size_t option, uint64_t min,
	uint64_t max, json_t *input)
{
	const char *text = args->options[option];
	uint64_t value;

	if (text == NULL) {
		return CLI_OK;
	}
	if (str_to_u64(text, min, max, &value) != 0) {
		return cli_usage_error(cli,
			"--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'",
			capture_options[option].name, min, max, text);
	}
	(void)json_object_set_new(
		input, capture_options[option].name, json_integer((json_int_t)value));
	return CLI_OK;
}

/* The input of the action; NULL: *status says that it was said why. */
static json_t *
make_input(struct cli *cli, const struct cli_args *args, enum cli_status *status)
{
	const char *name = args->v[0];
	json_t *input = json_object();

	*status = number_option(cli, args, OPT_SNAPLEN, 16, PCAPNG_SNAPLEN_MAX, input);
	if (*status == CLI_OK) {
		*status = number_option(cli, args, OPT_COUNT, 1, UINT32_MAX, input);
	}
	if (*status == CLI_OK) {
		*status = cli_connect(cli);
	}
	if (*status == CLI_OK) {
		if (exists(cli, "port", name)) {
			(void)json_object_set_new(input, "port", json_string(name));
		} else if (exists(cli, "bridge", name)) {
			(void)json_object_set_new(input, "bridge", json_string(name));
		} else {
			*status = cli_error(cli,
				"there is no port or bridge '%s'; 'vswitchctl show' lists them",
				name);
		}
	}
	if (args->n > 1) {
		(void)json_object_set_new(input, "direction", json_string(args->v[1]));
	}
	if (args->options[OPT_FILTER] != NULL) {
		(void)json_object_set_new(input, "filter", json_string(args->options[OPT_FILTER]));
	}
	if (*status != CLI_OK) {
		json_decref(input);
		return NULL;
	}
	return input;
}

static enum cli_status
open_file(struct session *session, const char *name)
{
	struct cli *cli = session->cli;
	int fd;

	session->packets.show = name == NULL;
	if (name == NULL) {
		return CLI_OK;
	}
	if (strcmp(name, "-") == 0) {
		if (cli->width != 0) {
			return cli_usage_error(cli,
				"pcapng is not for a terminal: pipe it into a program, as in "
				"'| tcpdump -nr -', or leave -w out");
		}
		session->file = cli->out;
		return CLI_OK;
	}
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	session->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (session->file == NULL) {
		return cli_error(cli, "%s cannot be written: %s", name, strerror(errno));
	}
	return CLI_OK;
}

/* Start it, with one end of a socket pair if the connection takes descriptors. */
static enum cli_status
begin(struct session *session, json_t *input)
{
	struct cli *cli = session->cli;
	json_t *output = NULL;
	enum cli_status status;
	const int size = STREAM_SIZE;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		json_decref(input);
		return cli_error(cli, "socketpair: %s", strerror(errno));
	}
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (client_attach(cli->client, ends[1])) {
		session->stream = ends[0];
	} else {
		(void)close(ends[0]);
	}
	status = cli_action(cli, "capture", input, &output);
	(void)close(ends[1]);
	session->id = json_integer_value(json_object_get(output, "id"));
	json_decref(output);
	return status;
}

/* --- while it runs -------------------------------------------------------------------------------
 */

static enum cli_status
take(struct session *session, const uint8_t *bytes, size_t len)
{
	struct cli *cli = session->cli;

	if (!cli_packets_take(&session->packets, cli, bytes, len)) {
		return cli_error(cli, "what the daemon sends is not pcapng");
	}
	if (session->file != NULL && fwrite(bytes, 1, len, session->file) != len) {
		return cli_error(cli, "the capture could not be written: %s", strerror(errno));
	}
	if (fflush(session->file != NULL ? session->file : cli->out) != 0) {
		return cli_error(cli, "the output could not be written: %s", strerror(errno));
	}
	return CLI_OK;
}

static enum cli_status
stop(struct session *session)
{
	json_t *output = NULL;
	json_t *fault = NULL;
	enum cli_status status = cli_call_fault(session->cli, "action",
		json_pack("{s:s, s:{s:I}}", "name", "capture-stop", "input", "id", session->id),
		&output, &fault);

	session->stopped = true;
	json_decref(output);
	json_decref(fault);
	return status == CLI_NO_DAEMON ? status : CLI_OK; /* it may have ended meanwhile */
}

static enum cli_status
read_stream(struct session *session)
{
	uint8_t *bytes = malloc(READ_SIZE);
	enum cli_status status = CLI_OK;
	struct pollfd states[] = {
		{.fd = session->stream, .events = POLLIN},
		{.fd = session->cli->interrupt_fd, .events = POLLIN}, /* poll leaves out -1 */
	};

	while (bytes != NULL && status == CLI_OK) {
		ssize_t n;

		if (interrupted != 0 && !session->stopped) {
			status = stop(session);
			continue;
		}
		if (poll(states, 2, -1) < 0) {
			continue; /* a signal */
		}
		if (states[1].revents != 0) { /* at a prompt Ctrl-C is no signal */
			interrupted = 1;
			/* what stops it is a call, and that is not to be interrupted as well */
			cli_interrupt_forget(session->cli);
			continue;
		}
		n = read(session->stream, bytes, READ_SIZE);
		if (n > 0) {
			status = take(session, bytes, (size_t)n);
		} else if (n == 0 || errno != EINTR) {
			break;
		}
	}
	free(bytes);
	return status;
}

static enum cli_status
read_events(struct session *session)
{
	struct cli *cli = session->cli;
	struct err err = ERR_INIT;
	enum cli_status status = CLI_OK;

	while (status == CLI_OK && !session->packets.ended) {
		json_t *event = NULL;
		const char *data;
		uint8_t *bytes;
		size_t n;

		int rc = client_event(cli->client, &event, &err);

		if (rc == -EINTR) {
			return CLI_INTERRUPTED;
		}
		if (rc != 0) {
			(void)cli_error(cli, "%s: %s", cli->socket, err.text);
			return CLI_NO_DAEMON;
		}
		if (cli_str(event, "text")[0] != '\0') { /* why it ends */
			(void)cli_error(cli, "%s", cli_str(event, "text"));
		}
		data = cli_str(event, "data");
		bytes = malloc(strlen(data) + 1);
		n = bytes == NULL ? 0 : base64_decode(data, strlen(data), bytes);
		if (n == (size_t)-1) {
			status = cli_error(cli, "what the daemon sends is not base64");
		} else {
			status = take(session, bytes, n);
		}
		free(bytes);
		json_decref(event);
	}
	return status;
}

static enum cli_status
run_capture(struct cli *cli, const struct cli_args *args)
{
	struct session session = {.cli = cli, .stream = -1};
	enum cli_status status;
	json_t *input = make_input(cli, args, &status);

	if (input == NULL) {
		return status;
	}
	status = open_file(&session, args->options[OPT_WRITE]);
	if (status != CLI_OK) {
		json_decref(input);
		return status;
	}
	status = begin(&session, input);
	if (status == CLI_OK && session.stream >= 0) {
		catch_signals();
		status = read_stream(&session);
		release_signals();
	} else if (status == CLI_OK) {
		status = read_events(&session);
	}
	if (status == CLI_OK && !session.packets.ended) {
		(void)cli_error(cli, "%s: the daemon has gone, the capture is cut", cli->socket);
		status = CLI_NO_DAEMON;
	} else if (status == CLI_OK) {
		(void)fprintf(cli->err, "%" PRIu64 " frames captured, %" PRIu64 " lost\n",
			session.packets.packets, session.packets.lost);
	}
	if (session.stream >= 0) {
		(void)close(session.stream);
	}
	if (session.file != NULL && session.file != cli->out && fclose(session.file) != 0 &&
		status == CLI_OK) {
		status = cli_error(cli, "the capture could not be written: %s", strerror(errno));
	}
	cli_packets_fini(&session.packets);
	return status;
}
