/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run amounted to. */
#include <string.h>

#include "perf/loadgen/notify.h"
#include "perf/loadgen/run_priv.h"

/* The generator was the limit if it was busy and the switch ran out of work now and then. */
#define LIMIT_BUSY 0.95
#define LIMIT_STARVED 0.10
/* The window was, if the switch had nothing to do most of the time. */
#define LIMIT_WINDOW 0.50

/* What a direction has sent and received so far. */
static void
count(const struct runner *runner, unsigned int src, unsigned int dst, struct direction_result *out)
{
	const struct traffic *traffic = &runner->traffic;
	const struct direction_count *direction = traffic_direction(traffic, src, dst);

	*out = (struct direction_result){
		.used = options_sends(runner->options, src, dst),
		.sent = direction->sent_untouched,
		.received = direction->untouched,
		.corrupt = direction->corrupt,
		.expired = direction->window.expired,
	};
	for (unsigned int queue = 0; queue < traffic->max_queues; queue++) {
		const struct stream *stream =
			traffic_stream(traffic, traffic_stream_index(traffic, src, queue, dst));
		out->sent += stream->sent;
		out->received += stream->received;
		out->reordered += stream->reordered;
		out->duplicated += stream->duplicated;
		out->expired += stream->window.expired;
	}
	out->lost = out->sent > out->received ? out->sent - out->received : 0;
}

void
account_take(const struct runner *runner, struct account *account)
{
	const struct traffic *traffic = &runner->traffic;

	memset(account, 0, sizeof(*account));
	for (unsigned int src = 0; src < runner->n_ports; src++) {
		for (unsigned int dst = 0; dst < runner->n_ports; dst++) {
			count(runner, src, dst, &account->directions[src][dst]);
		}
	}
	account->storm = (struct storm_result){
		.used = runner->options->storm != STORM_NONE,
		.sent = traffic->storm_sent,
		.received = traffic->storm_received,
		.strays = traffic->storm_strays,
	};
}

double
account_mpps(const struct account *before, const struct account *after, double seconds)
{
	uint64_t received = 0;
	unsigned int n = 0;

	for (unsigned int src = 0; src < OPTIONS_PORTS; src++) {
		for (unsigned int dst = 0; dst < OPTIONS_PORTS; dst++) {
			if (after->directions[src][dst].used) {
				received += after->directions[src][dst].received -
					before->directions[src][dst].received;
				n++;
			}
		}
	}
	return n > 0 ? (double)received / n / seconds / 1e6 : 0;
}

void
account_begin(struct runner *runner)
{
	for (unsigned int i = 0; i < OPTIONS_PORTS * OPTIONS_PORTS; i++) {
		memset(&runner->traffic.directions[i].latency, 0, sizeof(struct histogram));
	}
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		struct lane *lane = &runner->lanes[i];
		lane->sampled = lane->starved = 0;
		lane->visits = lane->blocked = lane->held = 0;
		lane->rx_samples = lane->rx_empty = 0;
		lane->kicks = lane->rx->kicks + lane->tx->kicks;
		(void)notify_calls(lane->rx);
		(void)notify_calls(lane->tx);
		pace_restart(&lane->pace);
	}
}

static double
share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

void
account_end(const struct runner *runner, struct result *result)
{
	struct lane sum = {0};

	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		const struct lane *lane = &runner->lanes[i];
		sum.sampled += lane->sampled;
		sum.starved += lane->starved;
		sum.visits += lane->visits;
		sum.blocked += lane->blocked;
		sum.held += lane->held;
		sum.rx_samples += lane->rx_samples / LANE_SAMPLE;
		sum.rx_empty += lane->rx_empty;
		result->kicks += lane->rx->kicks + lane->tx->kicks - lane->kicks;
		result->calls += notify_calls(lane->rx) + notify_calls(lane->tx);
	}
	result->kicks_per_packet = 2 * share(result->kicks, runner->frames);
	result->calls_per_packet = 2 * share(result->calls, runner->frames);
	result->busy_share = share(runner->busy, runner->busy + runner->idle);
	/* A frame is moved twice: sent and received. */
	result->cycles_per_packet = 2 * share(runner->busy, runner->frames);
	result->starved_share = share(sum.starved, sum.sampled);
	result->blocked_share = share(sum.blocked, sum.visits);
	result->held_share = share(sum.held, sum.held + sum.visits);
	result->window = runner->traffic.window;
	result->rx_empty_share = share(sum.rx_empty, sum.rx_samples);
	result->generator_limited = runner->options->rate <= 0 && result->busy_share > LIMIT_BUSY &&
		result->starved_share > LIMIT_STARVED;
	result->window_limited = runner->traffic.window > 0 && !result->generator_limited &&
		result->starved_share > LIMIT_WINDOW;
	unsigned int directions = 0;
	for (unsigned int i = 0; i < OPTIONS_PORTS * OPTIONS_PORTS; i++) {
		directions += options_sends(runner->options, i / OPTIONS_PORTS, i % OPTIONS_PORTS);
	}
	if (result->cycles_per_packet > 0) {
		result->reach_mpps = runner->hz / result->cycles_per_packet / directions / 1e6;
	}
	result->hugepages = true;
	for (unsigned int i = 0; i < runner->n_ports; i++) {
		result->hugepages = result->hugepages && runner->ports[i].memory.huge;
	}
}

static void
finish_direction(const struct runner *runner, struct direction_result *d,
	const struct direction_result *before, const struct direction_result *after,
	const struct histogram *latency, double seconds)
{
	static const double shares[] = {0.5, 0.99, 0.999};

	d->mpps_sent = (double)(after->sent - before->sent) / seconds / 1e6;
	d->mpps_received = (double)(after->received - before->received) / seconds / 1e6;
	for (unsigned int i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		d->latency_us[i] =
			(double)histogram_percentile(latency, shares[i]) / runner->hz * 1e6;
	}
	d->latency_us[3] = (double)latency->max / runner->hz * 1e6;
}

static void
change_times(const struct histogram *histogram, double hz, double *us)
{
	us[0] = (double)histogram_percentile(histogram, 0.5) / hz * 1e6;
	us[1] = (double)histogram_percentile(histogram, 0.99) / hz * 1e6;
	us[2] = (double)histogram->max / hz * 1e6;
}

static void
finish_change(const struct runner *runner, struct change_result *result)
{
	const struct memory_change *change = &runner->change;

	result->used = runner->options->memory_change != MEMORY_CHANGE_NONE;
	result->changes = change->begun;
	change_times(&change->answers, runner->hz, result->times.answer);
	change_times(&change->gaps, runner->hz, result->times.gap);
	change_times(&change->absences, runner->hz, result->times.away);
}

void
account_finish(const struct runner *runner, const struct account *before,
	const struct account *after, struct result *result)
{
	struct account last;

	account_take(runner, &last);
	result->storm = last.storm;
	result->storm.mpps_sent =
		(double)(after->storm.sent - before->storm.sent) / result->seconds / 1e6;
	result->storm.mpps_received =
		(double)(after->storm.received - before->storm.received) / result->seconds / 1e6;
	for (unsigned int src = 0; src < runner->n_ports; src++) {
		for (unsigned int dst = 0; dst < runner->n_ports; dst++) {
			struct direction_result *d = &result->directions[src][dst];
			*d = last.directions[src][dst];
			finish_direction(runner, d, &before->directions[src][dst],
				&after->directions[src][dst],
				&traffic_direction(&runner->traffic, src, dst)->latency,
				result->seconds);
		}
	}
	finish_change(runner, &result->memory_change);
	result->order_known = runner->traffic.max_queues == 1 || runner->options->flows == 1;
	result->strays = runner->traffic.strays;
	result->foreign = runner->traffic.foreign;
}
