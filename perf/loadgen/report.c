/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/report.h"

#include <inttypes.h>

static void
text_direction(FILE *out, const struct options *options, bool order_known, unsigned int src,
	unsigned int dst, const struct direction_result *d)
{
	(void)fprintf(out, "%u -> %u  %8.3f Mpps sent  %8.3f received  lost %" PRIu64, src, dst,
		d->mpps_sent, d->mpps_received, d->lost);
	if (options->payload != PAYLOAD_UNTOUCHED) {
		if (order_known) {
			(void)fprintf(out, "  reordered %" PRIu64, d->reordered);
		}
		(void)fprintf(out,
			"  duplicated %" PRIu64 "  latency p50 %.1f p99 %.1f p99.9 %.1f us",
			d->duplicated, d->latency_us[0], d->latency_us[1], d->latency_us[2]);
	}
	if (options->payload == PAYLOAD_VERIFY) {
		(void)fprintf(out, "  corrupt %" PRIu64, d->corrupt);
	}
	(void)fputc('\n', out);
}

void
report_text(FILE *out, const struct options *options, const struct result *result)
{
	for (unsigned int src = 0; src < options->n_ports; src++) {
		for (unsigned int dst = 0; dst < options->n_ports; dst++) {
			if (result->directions[src][dst].used) {
				text_direction(out, options, result->order_known, src, dst,
					&result->directions[src][dst]);
			}
		}
	}
	if (result->storm.used) {
		(void)fprintf(out,
			"storm   %8.3f Mpps sent  %8.3f received  lost %" PRIu64
			"  flooded %" PRIu64 "\n",
			result->storm.mpps_sent, result->storm.mpps_received,
			result->storm.sent - result->storm.received, result->storm.strays);
	}
	if (result->memory_change.used) {
		const struct change_times *times = &result->memory_change.times;

		(void)fprintf(out,
			"memory  %" PRIu64 " changes  answer p50 %.1f max %.1f  no frame p50 %.1f "
			"max "
			"%.1f  generator away p50 %.1f max %.1f us\n",
			result->memory_change.changes, times->answer[0], times->answer[2],
			times->gap[0], times->gap[2], times->away[0], times->away[2]);
	}
	if (options->interrupts) {
		(void)fprintf(out, "kicks %.4f, interrupts %.4f a frame\n",
			result->kicks_per_packet, result->calls_per_packet);
	}
	(void)fprintf(out,
		"generator: %.1f cycles a frame sent and received, busy %.1f %%; the switch "
		"without "
		"work %.1f %%, ring full %.1f %%, window full %.1f %%, no receive buffer %.1f %% "
		"of "
		"the times looked; pages of %s\n",
		result->cycles_per_packet, result->busy_share * 100, result->starved_share * 100,
		result->blocked_share * 100, result->held_share * 100, result->rx_empty_share * 100,
		result->hugepages ? "2 MiB" : "4 KiB");
	if (result->strays > 0 || result->foreign > 0) {
		(void)fprintf(out,
			"flooded to the wrong port %" PRIu64 ", not from here %" PRIu64 "\n",
			result->strays, result->foreign);
	}
	(void)fprintf(out, "at that cost it reaches %.2f Mpps each way; it had %.1f %% of a CPU\n",
		result->reach_mpps, result->cpu_share * 100);
	if (result->window_limited) {
		(void)fprintf(out, "LIMITED BY THE WINDOW: a larger one keeps the switch busy\n");
	}
	if (result->generator_limited) {
		(void)fprintf(out, "LIMITED BY THE GENERATOR: %s\n",
			options->ceiling ? "this is its ceiling" : "the switch could do more");
	}
}

static const char *
boolean(bool value)
{
	return value ? "true" : "false";
}

static void
json_direction(FILE *out, bool order_known, unsigned int src, unsigned int dst,
	const struct direction_result *d)
{
	char reordered[24] = "null";

	if (order_known) {
		(void)snprintf(reordered, sizeof(reordered), "%" PRIu64, d->reordered);
	}
	(void)fprintf(out,
		"{\"from\":%u,\"to\":%u,\"mpps_sent\":%.6f,\"mpps_received\":%.6f,\"sent\":%" PRIu64
		",\"received\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"reordered\":%s"
		",\"duplicated\":%" PRIu64 ",\"corrupt\":%" PRIu64 ",\"window_expired\":%" PRIu64
		",\"latency_us\":{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}}",
		src, dst, d->mpps_sent, d->mpps_received, d->sent, d->received, d->lost, reordered,
		d->duplicated, d->corrupt, d->expired, d->latency_us[0], d->latency_us[1],
		d->latency_us[2], d->latency_us[3]);
}

static void
json_directions(FILE *out, const struct options *options, const struct result *result)
{
	const char *comma = "";

	for (unsigned int src = 0; src < options->n_ports; src++) {
		for (unsigned int dst = 0; dst < options->n_ports; dst++) {
			if (result->directions[src][dst].used) {
				(void)fputs(comma, out);
				json_direction(out, result->order_known, src, dst,
					&result->directions[src][dst]);
				comma = ",";
			}
		}
	}
}

static void
json_options(FILE *out, const struct options *options, const struct result *result)
{
	(void)fprintf(out,
		"\"options\":{\"ports\":%u,\"queues\":%u,\"packed\":%s,\"size\":", options->n_ports,
		options->ports[0].queues, boolean(options->ports[0].packed));
	if (options->tso) {
		(void)fputs("\"tso\"", out);
	} else if (options->size == 0) {
		(void)fputs("\"imix\"", out);
	} else {
		(void)fprintf(out, "%" PRIu32, options->size);
	}
	(void)fprintf(out,
		",\"tso\":%s,\"flows\":%" PRIu32
		",\"fields\":\"%s\",\"zipf\":%g,\"direction\":\"%s\",\"rate\":%.0f,"
		"\"window\":%" PRIu32 ",\"payload\":\"%s\",\"ring\":%u,\"vnet_header\":\"%s\","
		"\"mergeable\":%s,\"hugepages\":%s,\"storm\":\"%s\",\"storm_rate\":%.0f,"
		"\"seconds\":%g,\"ceiling\":%s}",
		boolean(options->tso), options->flows, options_fields(options), options->zipf,
		options_direction(options), options->rate, result->window, options_payload(options),
		options->ring, options->rewrite_header ? "rewritten" : "clean",
		boolean(options->mergeable), boolean(options->hugepages), options_storm(options),
		options->storm_rate, options->seconds, boolean(options->ceiling));
}

static void
json_storm(FILE *out, const struct storm_result *storm)
{
	if (!storm->used) {
		(void)fputs("\"storm\":null", out);
		return;
	}
	(void)fprintf(out,
		"\"storm\":{\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64
		",\"strays\":%" PRIu64 ",\"mpps_sent\":%.6f,\"mpps_received\":%.6f}",
		storm->sent, storm->received, storm->sent - storm->received, storm->strays,
		storm->mpps_sent, storm->mpps_received);
}

static void
json_times(FILE *out, const char *name, const double *us)
{
	(void)fprintf(out, ",\"%s_us\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, us[0],
		us[1], us[2]);
}

static void
json_change(FILE *out, const struct options *options, const struct change_result *change)
{
	if (!change->used) {
		(void)fputs(",\"memory_change\":null", out);
		return;
	}
	(void)fprintf(out, ",\"memory_change\":{\"kind\":\"%s\",\"changes\":%" PRIu64,
		options_memory_change(options), change->changes);
	json_times(out, "answer", change->times.answer);
	json_times(out, "gap", change->times.gap);
	json_times(out, "away", change->times.away);
	(void)fputc('}', out);
}

void
report_json(FILE *out, const struct options *options, const struct result *result)
{
	(void)fputc('{', out);
	json_options(out, options, result);
	(void)fputs(",\"directions\":[", out);
	json_directions(out, options, result);
	(void)fputs("],", out);
	json_storm(out, &result->storm);
	json_change(out, options, &result->memory_change);
	(void)fprintf(out,
		",\"seconds\":%.6f,\"strays\":%" PRIu64 ",\"foreign\":%" PRIu64
		",\"kicks\":%" PRIu64 ",\"calls\":%" PRIu64
		",\"kicks_per_packet\":%.6f,\"calls_per_packet\":%.6f,\"slices_mpps\":{\"p10\":%."
		"6f,\"p50\":%.6f,\"p90\":%.6f}"
		",\"generator\":{\"cycles_per_packet\":%.2f,\"cycles_per_second\":%.0f,"
		"\"busy_share\":%.4f,\"starved_share\":%.4f,\"blocked_share\":%.4f,"
		"\"held_share\":%.4f,\"rx_empty_share\":%.4f,\"hugepages\":%s,\"reach_mpps\":%.3f,"
		"\"cpu_share\":%.4f,\"window_limited\":%s,\"limited\":%s}}\n",
		result->seconds, result->strays, result->foreign, result->kicks, result->calls,
		result->kicks_per_packet, result->calls_per_packet, result->slices_mpps[0],
		result->slices_mpps[1], result->slices_mpps[2], result->cycles_per_packet,
		result->cycles_per_second, result->busy_share, result->starved_share,
		result->blocked_share, result->held_share, result->rx_empty_share,
		boolean(result->hugepages), result->reach_mpps, result->cpu_share,
		boolean(result->window_limited), boolean(result->generator_limited));
}
