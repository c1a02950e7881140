/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/lane.h"

#define CALIBRATION_US 20000u
#define LEARN_ROUNDS 2u
#define LEARN_TRIES 100u /* of SETTLE_S each until something arrives */
#define SETTLE_S 0.05
#define WARM_UP_S 0.3
#define DRAIN_S 0.3
#define DRAIN_FRAMES 256u /* QEMU's default ring */
#define ALIVE_TURNS 65536u /* between looks whether the peers still live */
/* The generator was the limit if it was busy and the switch ran out of work now and then. */
#define LIMIT_BUSY 0.95
#define LIMIT_STARVED 0.10

struct runner {
	const struct options *options;
	struct traffic traffic;
	double hz;
	unsigned int n_ports; /* that are open */
	struct frontend ports[OPTIONS_PORTS];
	unsigned int n_lanes; /* that are initialised */
	struct lane lanes[OPTIONS_PORTS * FRONTEND_MAX_PAIRS];
	uint64_t busy; /* cycles */
	uint64_t idle;
	uint64_t frames; /* sent and received while measured */
};

static double
calibrate(void)
{
	const uint64_t clock = clock_now();
	const uint64_t cycles = cycles_now();

	(void)usleep(CALIBRATION_US);
	return (double)(cycles_now() - cycles) * CLOCK_S / (double)(clock_now() - clock);
}

static int
traffic_init(struct traffic *traffic, const struct options *options)
{
	*traffic = (struct traffic){
		.options = options,
		.layout = frame_layout(options->fields, options->tso),
		.edit = options->flows > 1 ||
			(options->direction == DIRECTION_MESH && options->n_ports > 2),
	};
	for (unsigned int i = 0; i < options->n_ports; i++) {
		if (options->ports[i].queues > traffic->max_queues) {
			traffic->max_queues = options->ports[i].queues;
		}
	}
	traffic->streams = calloc((size_t)OPTIONS_PORTS * OPTIONS_PORTS * traffic->max_queues,
		sizeof(*traffic->streams));
	traffic->directions =
		calloc((size_t)OPTIONS_PORTS * OPTIONS_PORTS, sizeof(*traffic->directions));
	const uint32_t window = options->window != OPTIONS_AUTO ? options->window
		: options->rate > 0                             ? 0
								: lane_window(options);
	const uint32_t step = window / 4 < LANE_BURST ? window / 4 : LANE_BURST;
	traffic->window = window;
	traffic->window_step = step > 0 && options->rate <= 0 ? step : 1;
	traffic->may_merge = options->mergeable &&
		(options->payload != PAYLOAD_UNTOUCHED || lane_frame_buffers(options) > 1);
	if (traffic->streams == NULL || traffic->directions == NULL) {
		return -ENOMEM;
	}
	return flows_init(&traffic->flows, options->fields, options->flows, options->zipf);
}

static int
open_port(struct runner *runner, unsigned int index, struct err *err)
{
	const struct options *options = runner->options;
	const struct port_options *port = &options->ports[index];
	struct frontend_config config = {
		.path = port->path,
		.server = port->server,
		.n_pairs = port->queues,
		.ring_size = options->ring,
		.features = VIRTIO_F_VERSION_1,
		.buffer_memory = lane_memory(options) * port->queues,
		.pages = options->hugepages ? MEMORY_HUGE_IF_FREE : MEMORY_SMALL,
		.timeout_ms = 30000, /* a switch that connects retries every second or two */
	};

	if (options->mergeable) {
		config.features |= NET_F_MRG_RXBUF;
	}
	if (port->packed) {
		config.features |= VIRTIO_F_RING_PACKED;
	}
	if (options->tso) {
		config.features |=
			NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_HOST_TSO4 | NET_F_GUEST_TSO4;
	}
	struct frontend *fe = &runner->ports[index];
	int rc = frontend_open(fe, &config, err);
	if (rc != 0) {
		return rc;
	}
	runner->n_ports = index + 1;
	for (unsigned int queue = 0; rc == 0 && queue < port->queues; queue++) {
		rc = lane_init(&runner->lanes[runner->n_lanes], &runner->traffic, fe, index, queue);
		if (rc != 0) {
			return err_set(err, ERR_LIMIT, NULL, "no memory for port %u", index);
		}
		runner->n_lanes++;
	}
	return 0;
}

static int
check_alive(const struct runner *runner, struct err *err)
{
	for (unsigned int i = 0; i < runner->n_ports; i++) {
		if (!frontend_alive(&runner->ports[i])) {
			return err_set(err, ERR_FAILED, NULL,
				"port %u: the switch has closed the connection", i);
		}
	}
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		if (runner->lanes[i].broken) {
			return err_set(err, ERR_FAILED, NULL,
				"port %u: the switch returned a buffer that is not there",
				runner->lanes[i].port);
		}
	}
	return 0;
}

/* What has piled up, within reason: a switch that sends large bursts must not find a full ring. */
static unsigned int
drain(struct lane *lane, uint64_t now)
{
	unsigned int total = 0;
	unsigned int n;

	do {
		n = lane_receive(lane, now);
		total += n;
	} while (n == LANE_BURST && total < DRAIN_FRAMES);
	return total;
}

/* Poll all lanes for so long; busy and idle cycles are counted anew. */
static int
poll_lanes(struct runner *runner, double seconds, bool send, struct err *err)
{
	uint64_t now = cycles_now();
	const uint64_t end = now + (uint64_t)(seconds * runner->hz);

	runner->busy = 0;
	runner->idle = 0;
	runner->frames = 0;
	for (uint32_t turn = 0; now < end; turn++) {
		unsigned int moved = 0;
		for (unsigned int i = 0; i < runner->n_lanes; i++) {
			moved += drain(&runner->lanes[i], now);
			if (send) {
				moved += lane_send(&runner->lanes[i], now);
			}
		}
		if (moved == 0) {
			cycles_pause();
		}
		const uint64_t then = now;
		now = cycles_now();
		*(moved > 0 ? &runner->busy : &runner->idle) += now - then;
		runner->frames += moved;
		if (turn % ALIVE_TURNS == 0 && check_alive(runner, err) != 0) {
			return err_errno(ERR_FAILED);
		}
	}
	return 0;
}

/* One frame of each address of each port, at the speed at which the switch takes them. */
static int
teach_round(struct runner *runner, uint32_t n_flows, struct err *err)
{
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		struct lane *lane = &runner->lanes[i];
		uint32_t flow = 0;
		const uint64_t end = clock_now() + 10 * CLOCK_S;
		while (lane->queue == 0 && lane_teach(lane, &flow, n_flows)) {
			for (unsigned int j = 0; j < runner->n_lanes; j++) {
				(void)lane_receive(&runner->lanes[j], cycles_now());
			}
			if (clock_now() > end) {
				return err_set(err, ERR_FAILED, NULL,
					"port %u: the switch does not take frames", lane->port);
			}
		}
	}
	return poll_lanes(runner, SETTLE_S, false, err);
}

static int
teach(struct runner *runner, struct err *err)
{
	const struct options *options = runner->options;
	const uint32_t n_flows = options->fields == FLOW_5TUPLE ? 1 : options->flows;
	unsigned int silent = 0;

	runner->traffic.learning = true;
	for (unsigned int i = 0; i < LEARN_TRIES; i++) {
		const int rc = teach_round(runner, n_flows, err);
		if (rc != 0) {
			return rc;
		}
		for (silent = 0; silent < options->n_ports; silent++) {
			if (runner->traffic.learned[silent] == 0) {
				break;
			}
		}
		if (silent == options->n_ports && i + 1 >= LEARN_ROUNDS) {
			runner->traffic.learning = false;
			runner->traffic.strays = 0;
			runner->traffic.foreign = 0;
			return poll_lanes(runner, SETTLE_S, false, err);
		}
	}
	return err_set(err, ERR_FAILED, NULL, "nothing arrives at port %u", silent);
}

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

static void
count_all(const struct runner *runner, struct direction_result counts[OPTIONS_PORTS][OPTIONS_PORTS])
{
	for (unsigned int src = 0; src < runner->n_ports; src++) {
		for (unsigned int dst = 0; dst < runner->n_ports; dst++) {
			count(runner, src, dst, &counts[src][dst]);
		}
	}
}

/* The measured time begins: forget latencies and who waited for whom. */
static void
begin(struct runner *runner)
{
	for (unsigned int i = 0; i < OPTIONS_PORTS * OPTIONS_PORTS; i++) {
		memset(&runner->traffic.directions[i].latency, 0, sizeof(struct histogram));
	}
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		struct lane *lane = &runner->lanes[i];
		lane->sampled = lane->starved = 0;
		lane->visits = lane->blocked = lane->held = 0;
		lane->rx_samples = lane->rx_empty = 0;
	}
}

static double
share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

/* The measured time is over: the generator's own account of it. */
static void
end(const struct runner *runner, struct result *result)
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
		result->kicks += lane->rx->kicks + lane->tx->kicks;
	}
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
		d->latency_ns[i] =
			(double)histogram_percentile(latency, shares[i]) / runner->hz * CLOCK_S;
	}
	d->latency_ns[3] = (double)latency->max / runner->hz * CLOCK_S;
}

static int
measure(struct runner *runner, struct result *result, struct err *err)
{
	struct direction_result before[OPTIONS_PORTS][OPTIONS_PORTS];
	struct direction_result after[OPTIONS_PORTS][OPTIONS_PORTS];
	int rc = poll_lanes(runner, WARM_UP_S, true, err);

	if (rc != 0) {
		return rc;
	}
	begin(runner);
	count_all(runner, before);
	const uint64_t clock = clock_now();
	const uint64_t cycles = cycles_now();
	rc = poll_lanes(runner, runner->options->seconds, true, err);
	result->seconds = (double)(clock_now() - clock) / CLOCK_S;
	result->cycles_per_second = (double)(cycles_now() - cycles) / result->seconds;
	runner->hz = result->cycles_per_second;
	count_all(runner, after);
	end(runner, result);
	if (rc == 0) {
		rc = poll_lanes(runner, DRAIN_S, false, err);
	}
	count_all(runner, result->directions);
	for (unsigned int src = 0; src < runner->n_ports; src++) {
		for (unsigned int dst = 0; dst < runner->n_ports; dst++) {
			finish_direction(runner, &result->directions[src][dst], &before[src][dst],
				&after[src][dst],
				&traffic_direction(&runner->traffic, src, dst)->latency,
				result->seconds);
		}
	}
	result->order_known = runner->traffic.max_queues == 1 || runner->options->flows == 1;
	result->strays = runner->traffic.strays;
	result->foreign = runner->traffic.foreign;
	return rc;
}

static void
set_rate(struct runner *runner)
{
	const struct options *options = runner->options;

	/* Every lane the same: a port's targets are as many as its neighbour's. */
	const unsigned int targets =
		options->direction == DIRECTION_MESH ? options->n_ports - 1 : 1;
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		struct lane *lane = &runner->lanes[i];
		lane->pace.per_cycle =
			options->rate * targets / runner->traffic.max_queues / runner->hz;
		lane->pace.phase = (double)i / runner->n_lanes;
	}
	runner->traffic.patience = (uint64_t)(WINDOW_PATIENCE_S * runner->hz);
	runner->traffic.pause = options->rate > 0 ? 0 : (uint64_t)(LANE_PAUSE_S * runner->hz);
}

static void
close_all(struct runner *runner)
{
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		lane_fini(&runner->lanes[i]);
	}
	for (unsigned int i = 0; i < runner->n_ports; i++) {
		(void)frontend_stop(&runner->ports[i], NULL);
		frontend_close(&runner->ports[i]);
	}
	flows_fini(&runner->traffic.flows);
	free(runner->traffic.streams);
	free(runner->traffic.directions);
}

int
run(const struct options *options, struct result *result, struct err *err)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	*result = (struct result){0};
	if (runner == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "no memory");
	}
	runner->options = options;
	runner->hz = calibrate();
	int rc = traffic_init(&runner->traffic, options);
	if (rc != 0) {
		(void)err_set(err, ERR_LIMIT, NULL, "no memory for %u flows", options->flows);
	}
	for (unsigned int i = 0; rc == 0 && i < options->n_ports; i++) {
		rc = open_port(runner, i, err);
	}
	set_rate(runner);
	if (rc == 0) {
		rc = teach(runner, err);
	}
	if (rc == 0) {
		rc = measure(runner, result, err);
	}
	close_all(runner);
	free(runner);
	return rc;
}
