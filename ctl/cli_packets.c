/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_packets.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ctl/cli_data.h"
#include "ctl/cli_frame.h"
#include "ctl/cli_table.h"
#include "ctl/pcapng.h"

#define NAMES_MAX 65536 /* interfaces of a stream */

static void
take_interface(struct cli_packets *packets, const struct pcapng_block *block)
{
	if (packets->n_names == NAMES_MAX) {
		return;
	}
	packets->names =
		must_realloc(packets->names, (packets->n_names + 1) * sizeof(packets->names[0]));
	if (pcapng_read_interface(
		    block, packets->names[packets->n_names], sizeof(packets->names[0]))) {
		packets->n_names++;
	}
}

static const char *
direction_of(const struct pcapng_packet *packet)
{
	return packet->comment != NULL                 ? "drop"
		: packet->direction == PCAPNG_OUTBOUND ? "tx"
						       : "rx";
}

static const char *
name_of(const struct cli_packets *packets, const struct pcapng_packet *packet)
{
	return packet->interface < packets->n_names ? packets->names[packet->interface] : "?";
}

/* "14:03:05.123456789" of the day here. */
static void
print_time(struct cli *cli, uint64_t time)
{
	const time_t seconds = (time_t)(time / CLOCK_S);
	struct tm local = {.tm_sec = 0};

	(void)localtime_r(&seconds, &local);
	(void)fprintf(cli->out, "%02d:%02d:%02d.%06u", local.tm_hour, local.tm_min, local.tm_sec,
		(unsigned int)(time % CLOCK_S / CLOCK_US));
}

static void
print_line(struct cli *cli, const struct cli_packets *packets, const struct pcapng_packet *packet)
{
	char text[CLI_FRAME_TEXT_SIZE];
	char comment[PCAPNG_TEXT_MAX + 1];

	print_time(cli, packet->time);
	(void)fputc(' ', cli->out);
	cli_print_text(cli, name_of(packets, packet));
	(void)fprintf(cli->out, " %s %" PRIu32 " bytes", direction_of(packet), packet->frame_len);
	if (cli_frame_bytes(packet->bytes, packet->len, text)[0] != '\0') {
		(void)fprintf(cli->out, ": %s", text);
	}
	if (packet->comment != NULL) {
		(void)snprintf(comment, sizeof(comment), "%.*s", (int)packet->comment_len,
			packet->comment);
		(void)fputs(" (", cli->out);
		cli_print_text(cli, comment);
		(void)fputc(')', cli->out);
	}
	(void)fputc('\n', cli->out);
}

static void
print_json(struct cli *cli, const struct cli_packets *packets, const struct pcapng_packet *packet)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = must_calloc(2 * (size_t)packet->len + 1, 1);
	json_t *line;

	for (uint32_t i = 0; i < packet->len; i++) {
		hex[2 * i] = digits[packet->bytes[i] >> 4];
		hex[2 * i + 1] = digits[packet->bytes[i] & 0xf];
	}
	line = json_pack("{s:I, s:s, s:s, s:I, s:s}", "nanoseconds", (json_int_t)packet->time,
		"port", name_of(packets, packet), "direction", direction_of(packet), "length",
		(json_int_t)packet->frame_len, "frame", hex);
	if (packet->comment != NULL) {
		(void)json_object_set_new(
			line, "comment", json_stringn(packet->comment, packet->comment_len));
	}
	(void)json_dumpf(line, cli->out, JSON_COMPACT);
	(void)fputc('\n', cli->out);
	json_decref(line);
	free(hex);
}

static bool
take_block(struct cli_packets *packets, struct cli *cli, const struct pcapng_block *block)
{
	struct pcapng_packet packet;
	struct pcapng_counts counts;

	switch (block->type) {
	case PCAPNG_INTERFACE:
		take_interface(packets, block);
		break;
	case PCAPNG_PACKET:
		if (!pcapng_read_packet(block, &packet)) {
			return false;
		}
		packets->packets++;
		if (packets->show && cli->json) {
			print_json(cli, packets, &packet);
		} else if (packets->show) {
			print_line(cli, packets, &packet);
		}
		break;
	case PCAPNG_STATISTICS:
		if (!pcapng_read_statistics(block, &counts)) {
			return false;
		}
		packets->lost += counts.lost;
		packets->ended = true;
		break;
	default:
		break;
	}
	return true;
}

bool
cli_packets_take(struct cli_packets *packets, struct cli *cli, const uint8_t *bytes, size_t len)
{
	struct pcapng_block block;
	size_t at = 0;
	int n;

	if (packets->size - packets->len < len) {
		packets->size = packets->len + len;
		packets->bytes = must_realloc(packets->bytes, packets->size);
	}
	if (len > 0) {
		memcpy(packets->bytes + packets->len, bytes, len);
		packets->len += len;
	}
	while ((n = pcapng_block(packets->bytes + at, packets->len - at, &block)) > 0) {
		if (!take_block(packets, cli, &block)) {
			return false;
		}
		at += (size_t)n;
	}
	packets->len -= at;
	if (at > 0) {
		memmove(packets->bytes, packets->bytes + at, packets->len);
	}
	return n == 0;
}

void
cli_packets_fini(struct cli_packets *packets)
{
	free(packets->bytes);
	free(packets->names);
}
