/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "perf/loadgen/frame.h"
#include "tests/frontend/frontend.h"

static const char usage[] =
	"loadgen --port PATH[,server][,queues=N][,packed] --port PATH ... [options]\n"
	"\n"
	"Send numbered frames through a switch between vhost-user ports, and account for them.\n"
	"\n"
	"  --size BYTES|IMIX        of a frame without its checksum (64)\n"
	"  --flows N                (1)\n"
	"  --fields mac|5tuple|vlan what makes a flow (mac)\n"
	"  --zipf S                 shares of flows follow 1 / i^S (uniform)\n"
	"  --direction both|a-to-b|mesh\n"
	"  --rate PPS|max           of each direction (max)\n"
	"  --window N|auto          frames under way at most, of each queue in each direction; 0: "
	"an\n"
	"                           open loop (auto: three quarters of what a receive ring holds,\n"
	"                           shared by its senders; 0 with --rate). Nothing is lost for "
	"want\n"
	"                           of buffers while all windows of a ring's senders fit it. "
	"Frames\n"
	"                           of which nothing came for 50 ms are given up\n"
	"  --seconds N              (5)\n"
	"  --payload untouched|first-line|verify\n"
	"  --ring N                 descriptors of a ring (256)\n"
	"  --vnet-header clean|rewritten\n"
	"  --no-mergeable           do not ask for mergeable receive buffers\n"
	"  --tso                    TCP segments of 64 KB\n"
	"  --hugepages              guest memory in 2 MiB pages\n"
	"  --storm FIELDS,PPS|max   the last port is in no pair: it sends frames of flows that "
	"never\n"
	"                           repeat (FIELDS mac, 5tuple or both) to the first port's "
	"address\n"
	"  --interrupts             ask for interrupts on receive rings that were found empty, as "
	"Linux\n"
	"                           does; without it never\n"
	"  --memory-change KIND,MS  every so many ms the first port's guest gets a region of "
	"memory more,\n"
	"                           or one less; KIND: table (SET_MEM_TABLE), slots (ADD_MEM_REG, "
	"\n"
	"                           REM_MEM_REG), or watch: nothing changes, the times are taken\n"
	"  --ceiling                no switch: a thread of this program moves the frames; what "
	"this\n"
	"                           generator can reach at most (sockets of --port are not "
	"opened;\n"
	"                           two ports if there are none)\n"
	"  --cpu N                  stay on this CPU\n"
	"  --cpu2 N                 the thread of --ceiling stays on this CPU\n"
	"  --progress               print a line when the measured time begins\n"
	"  --json                   print one line of JSON\n";

enum option_id {
	OPT_PORT = 256,
	OPT_SIZE,
	OPT_FLOWS,
	OPT_FIELDS,
	OPT_ZIPF,
	OPT_DIRECTION,
	OPT_RATE,
	OPT_WINDOW,
	OPT_SECONDS,
	OPT_PAYLOAD,
	OPT_RING,
	OPT_HEADER,
	OPT_NO_MERGEABLE,
	OPT_TSO,
	OPT_HUGEPAGES,
	OPT_STORM,
	OPT_INTERRUPTS,
	OPT_MEMORY_CHANGE,
	OPT_CEILING,
	OPT_CPU,
	OPT_CPU2,
	OPT_JSON,
	OPT_PROGRESS,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"size", required_argument, NULL, OPT_SIZE},
	{"flows", required_argument, NULL, OPT_FLOWS},
	{"fields", required_argument, NULL, OPT_FIELDS},
	{"zipf", required_argument, NULL, OPT_ZIPF},
	{"direction", required_argument, NULL, OPT_DIRECTION},
	{"rate", required_argument, NULL, OPT_RATE},
	{"window", required_argument, NULL, OPT_WINDOW},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"payload", required_argument, NULL, OPT_PAYLOAD},
	{"ring", required_argument, NULL, OPT_RING},
	{"vnet-header", required_argument, NULL, OPT_HEADER},
	{"no-mergeable", no_argument, NULL, OPT_NO_MERGEABLE},
	{"tso", no_argument, NULL, OPT_TSO},
	{"hugepages", no_argument, NULL, OPT_HUGEPAGES},
	{"storm", required_argument, NULL, OPT_STORM},
	{"interrupts", no_argument, NULL, OPT_INTERRUPTS},
	{"memory-change", required_argument, NULL, OPT_MEMORY_CHANGE},
	{"ceiling", no_argument, NULL, OPT_CEILING},
	{"cpu2", required_argument, NULL, OPT_CPU2},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"json", no_argument, NULL, OPT_JSON},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static const char *const field_words[] = {
	[FLOW_MAC] = "mac", [FLOW_5TUPLE] = "5tuple", [FLOW_VLAN] = "vlan"};
static const char *const direction_words[] = {
	[DIRECTION_BOTH] = "both", [DIRECTION_A_TO_B] = "a-to-b", [DIRECTION_MESH] = "mesh"};
static const char *const payload_words[] = {[PAYLOAD_UNTOUCHED] = "untouched",
	[PAYLOAD_FIRST_LINE] = "first-line",
	[PAYLOAD_VERIFY] = "verify"};
static const char *const storm_words[] = {[STORM_NONE] = "none",
	[STORM_MAC] = "mac",
	[STORM_5TUPLE] = "5tuple",
	[STORM_BOTH] = "both"};
static const char *const memory_change_words[] = {[MEMORY_CHANGE_NONE] = "none",
	[MEMORY_CHANGE_WATCH] = "watch",
	[MEMORY_CHANGE_TABLE] = "table",
	[MEMORY_CHANGE_SLOTS] = "slots"};
static const char *const header_words[] = {"clean", "rewritten"};

static int
parse_word(const char *option, const char *text, const char *const *words, unsigned int n_words,
	unsigned int *out, struct err *err)
{
	for (unsigned int i = 0; i < n_words; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	char known[128] = "";
	for (unsigned int i = 0; i < n_words; i++) {
		(void)str_appendf(known, sizeof(known), "%s%s", i > 0 ? ", " : "", words[i]);
	}
	return err_set(err, ERR_INVALID, NULL, "--%s %s: it is one of %s", option, text, known);
}

static int
parse_u64(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out,
	struct err *err)
{
	if (str_to_u64(text, min, max, out) == 0) {
		return 0;
	}
	return err_set(err, ERR_INVALID, NULL, "--%s %s: it is a number from %llu to %llu", option,
		text, (unsigned long long)min, (unsigned long long)max);
}

static int
parse_real(
	const char *option, const char *text, double min, double max, double *out, struct err *err)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '\0' && isfinite(*out) && *out >= min && *out <= max) {
		return 0;
	}
	return err_set(err, ERR_INVALID, NULL, "--%s %s: it is a number from %g to %g", option,
		text, min, max);
}

static int
parse_port(struct options *options, char *text, struct err *err)
{
	char *rest = NULL;

	if (options->n_ports == OPTIONS_PORTS) {
		return err_set(err, ERR_LIMIT, NULL, "there are at most %d ports", OPTIONS_PORTS);
	}
	struct port_options *port = &options->ports[options->n_ports++];
	*port = (struct port_options){.queues = 1};
	const char *path = strtok_r(text, ",", &rest);
	if (path == NULL || !str_copy(port->path, path, sizeof(port->path))) {
		return err_set(err, ERR_INVALID, NULL, "--port: the path is missing or too long");
	}
	for (const char *word; (word = strtok_r(NULL, ",", &rest)) != NULL;) {
		uint64_t queues = 1;
		if (strcmp(word, "server") == 0) {
			port->server = true;
		} else if (strcmp(word, "packed") == 0) {
			port->packed = true;
		} else if (strncmp(word, "queues=", 7) == 0) {
			const int rc = parse_u64(
				"port queues", word + 7, 1, FRONTEND_MAX_PAIRS, &queues, err);
			if (rc != 0) {
				return rc;
			}
			port->queues = (unsigned int)queues;
		} else {
			return err_set(err, ERR_INVALID, NULL,
				"--port: '%s' is not server, packed or queues=N", word);
		}
	}
	return 0;
}

static int
parse_rate(const char *option, const char *text, double *out, struct err *err)
{
	if (strcmp(text, "max") == 0) {
		*out = 0;
		return 0;
	}
	return parse_real(option, text, 1, 1e9, out, err);
}

static int
parse_storm(struct options *options, char *text, struct err *err)
{
	unsigned int word = 0;
	char *rate = strchr(text, ',');

	if (rate == NULL) {
		return err_set(
			err, ERR_INVALID, NULL, "--storm %s: it is FIELDS,PPS or FIELDS,max", text);
	}
	*rate++ = '\0';
	const int rc =
		parse_word("storm", text, storm_words + 1, ARRAY_LEN(storm_words) - 1, &word, err);
	options->storm = (enum storm)(word + 1);
	return rc != 0 ? rc : parse_rate("storm", rate, &options->storm_rate, err);
}

static int
parse_memory_change(struct options *options, char *text, struct err *err)
{
	unsigned int word = 0;
	char *ms = strchr(text, ',');

	if (ms == NULL) {
		return err_set(err, ERR_INVALID, NULL, "--memory-change %s: it is KIND,MS", text);
	}
	*ms++ = '\0';
	const int rc = parse_word("memory-change", text, memory_change_words + 1,
		ARRAY_LEN(memory_change_words) - 1, &word, err);
	options->memory_change = (enum memory_change_kind)(word + 1);
	return rc != 0 ? rc
		       : parse_real("memory-change", ms, 0.1, 1e6, &options->memory_change_ms, err);
}

static int
parse_numeric(struct options *options, int id, const char *text, struct err *err)
{
	uint64_t value = 0;
	int rc = 0;

	switch (id) {
	case OPT_SIZE:
		if (strcasecmp(text, "imix") != 0) {
			rc = parse_u64("size", text, FRAME_MIN, FRAME_MAX, &value, err);
		}
		options->size = (uint32_t)value;
		break;
	case OPT_FLOWS:
		rc = parse_u64("flows", text, 1, FLOWS_MAX, &value, err);
		options->flows = (uint32_t)value;
		break;
	case OPT_ZIPF:
		rc = parse_real("zipf", text, 0, 10, &options->zipf, err);
		break;
	case OPT_RATE:
		rc = parse_rate("rate", text, &options->rate, err);
		break;
	case OPT_WINDOW:
		options->window = OPTIONS_AUTO;
		if (strcmp(text, "auto") != 0) {
			rc = parse_u64("window", text, 0, UINT16_MAX, &value, err);
			options->window = (uint32_t)value;
		}
		break;
	case OPT_SECONDS:
		rc = parse_real("seconds", text, 0.1, 86400, &options->seconds, err);
		break;
	case OPT_RING:
		rc = parse_u64("ring", text, 64, 32768, &value, err);
		if (rc == 0 && (value & (value - 1)) != 0) {
			rc = err_set(
				err, ERR_INVALID, NULL, "--ring %s: it is a power of two", text);
		}
		options->ring = (uint16_t)value;
		break;
	case OPT_CPU:
		rc = parse_u64("cpu", text, 0, 1023, &value, err);
		options->cpu = (int)value;
		break;
	case OPT_CPU2:
		rc = parse_u64("cpu2", text, 0, 1023, &value, err);
		options->ceiling_cpu = (int)value;
		break;
	default:
		break;
	}
	return rc;
}

static int
parse_other(struct options *options, int id, char *text, struct err *err)
{
	unsigned int word = 0;
	int rc = 0;

	switch (id) {
	case OPT_PORT:
		return parse_port(options, text, err);
	case OPT_STORM:
		return parse_storm(options, text, err);
	case OPT_MEMORY_CHANGE:
		return parse_memory_change(options, text, err);
	case OPT_INTERRUPTS:
		options->interrupts = true;
		break;
	case OPT_CEILING:
		options->ceiling = true;
		break;
	case OPT_FIELDS:
		rc = parse_word("fields", text, field_words, ARRAY_LEN(field_words), &word, err);
		options->fields = (enum flow_fields)word;
		break;
	case OPT_DIRECTION:
		rc = parse_word(
			"direction", text, direction_words, ARRAY_LEN(direction_words), &word, err);
		options->direction = (enum direction)word;
		break;
	case OPT_PAYLOAD:
		rc = parse_word(
			"payload", text, payload_words, ARRAY_LEN(payload_words), &word, err);
		options->payload = (enum payload)word;
		break;
	case OPT_HEADER:
		rc = parse_word(
			"vnet-header", text, header_words, ARRAY_LEN(header_words), &word, err);
		options->rewrite_header = word == 1;
		break;
	case OPT_NO_MERGEABLE:
		options->mergeable = false;
		break;
	case OPT_TSO:
		options->tso = true;
		break;
	case OPT_HUGEPAGES:
		options->hugepages = true;
		break;
	case OPT_JSON:
		options->json = true;
		break;
	case OPT_PROGRESS:
		options->progress = true;
		break;
	default:
		return parse_numeric(options, id, text, err);
	}
	return rc;
}

/* What only shows when all options are known. */
static int
check(const struct options *options, struct err *err)
{
	const unsigned int talkers = options_talkers(options);

	if (talkers < 2) {
		return err_set(err, ERR_INVALID, NULL, "--port: two are needed at least%s",
			options->storm != STORM_NONE ? ", and one for --storm" : "");
	}
	if (options->direction != DIRECTION_MESH && talkers % 2 != 0) {
		return err_set(err, ERR_INVALID, NULL,
			"--port: they go in pairs unless --direction is mesh; there are %u%s",
			talkers, options->storm != STORM_NONE ? " without that of --storm" : "");
	}
	if (options->direction == DIRECTION_MESH && talkers > 2 &&
		options->payload == PAYLOAD_UNTOUCHED) {
		return err_set(err, ERR_INVALID, NULL,
			"--payload untouched: a mesh needs stamps to know directions");
	}
	if (options->storm != STORM_NONE &&
		(options->payload == PAYLOAD_UNTOUCHED || options->tso)) {
		return err_set(err, ERR_INVALID, NULL,
			"--storm: its frames are told apart by stamps and are not segments; not "
			"with %s",
			options->tso ? "--tso" : "--payload untouched");
	}
	if (options->ceiling_cpu >= 0 && !options->ceiling) {
		return err_set(err, ERR_INVALID, NULL, "--cpu2 is for --ceiling");
	}
	if (options->ceiling && options->memory_change > MEMORY_CHANGE_WATCH) {
		return err_set(err, ERR_INVALID, NULL,
			"--memory-change: with --ceiling there is nobody to be told");
	}
	if (options->fields == FLOW_VLAN && options->flows > FLOWS_VLANS) {
		return err_set(err, ERR_INVALID, NULL, "--flows %u: there are %u VLANs",
			options->flows, FLOWS_VLANS);
	}
	if (options->tso && options->fields == FLOW_5TUPLE && options->flows > 1) {
		return err_set(err, ERR_INVALID, NULL,
			"--tso: a partial checksum covers the addresses; use --fields mac or vlan");
	}
	if (options->tso && !options->mergeable) {
		return err_set(err, ERR_INVALID, NULL, "--tso needs mergeable buffers");
	}
	return 0;
}

int
options_parse(struct options *options, int argc, char **argv, struct err *err)
{
	*options = (struct options){
		.size = FRAME_MIN,
		.flows = 1,
		.window = OPTIONS_AUTO,
		.seconds = 5,
		.payload = PAYLOAD_FIRST_LINE,
		.ring = 256,
		.mergeable = true,
		.cpu = -1,
		.ceiling_cpu = -1,
	};
	opterr = 0;
	for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		if (id == OPT_HELP) {
			(void)fputs(usage, stdout);
			return 1;
		}
		const int rc = id == '?'
			? err_set(err, ERR_INVALID, NULL,
				  "%s: unknown, or its value is missing; see loadgen --help",
				  argv[optind - 1])
			: parse_other(options, id, optarg, err);
		if (rc != 0) {
			return rc;
		}
	}
	if (optind < argc) {
		return err_set(err, ERR_INVALID, NULL, "'%s' is no option", argv[optind]);
	}
	for (; options->ceiling && options->n_ports < 2; options->n_ports++) {
		options->ports[options->n_ports].queues = 1;
	}
	return check(options, err);
}

const char *
options_storm(const struct options *options)
{
	return storm_words[options->storm];
}

const char *
options_fields(const struct options *options)
{
	return field_words[options->fields];
}

const char *
options_direction(const struct options *options)
{
	return direction_words[options->direction];
}

const char *
options_payload(const struct options *options)
{
	return payload_words[options->payload];
}

const char *
options_memory_change(const struct options *options)
{
	return memory_change_words[options->memory_change];
}
