/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/loadgen/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "perf/loadgen/ceiling.h"
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/run_priv.h"

#define CALIBRATION_US 50000u
#define CLOCK_TRIES 16u
#define CLIENT_MS 3000 /* a switch that was just started */
#define SERVER_MS 30000 /* a switch that connects retries every second or more */
#define WARM_UP_S 0.3
#define WARM_UP_TRIES 14 /* of that, until each flow has been there */
#define DRAIN_S 0.3
#define ALIVE_TURNS 65536u /* between looks whether the peers still live */

/* The same moment on both clocks: the closest of a few tries, as any may be interrupted. */
static void
read_clocks(uint64_t *clock, uint64_t *cycles)
{
	uint64_t closest = UINT64_MAX;

	for (unsigned int i = 0; i < CLOCK_TRIES; i++) {
		const uint64_t before = clock_now();
		const uint64_t at = cycles_now();
		const uint64_t apart = clock_now() - before;
		if (apart < closest) {
			closest = apart;
			*clock = before + apart / 2;
			*cycles = at;
		}
	}
}

static double
calibrate(void)
{
	uint64_t clock[2] = {0};
	uint64_t cycles[2] = {0};

	read_clocks(&clock[0], &cycles[0]);
	(void)usleep(CALIBRATION_US);
	read_clocks(&clock[1], &cycles[1]);
	return (double)(cycles[1] - cycles[0]) * CLOCK_S / (double)(clock[1] - clock[0]);
}

static int
traffic_init(struct traffic *traffic, const struct options *options)
{
	*traffic = (struct traffic){
		.options = options,
		.layout = frame_layout(options->fields, options->tso),
		.edit = options->flows > 1 ||
			(options->direction == DIRECTION_MESH && options_talkers(options) > 2),
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
		.timeout_ms = port->server ? SERVER_MS : CLIENT_MS,
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
	if (options->memory_change == MEMORY_CHANGE_SLOTS) {
		config.protocol = VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS;
	}
	struct frontend *fe = &runner->ports[index];
	int rc = options->ceiling ? frontend_open_local(fe, &config, err)
				  : frontend_open(fe, &config, err);
	if (rc != 0) {
		char text[sizeof(err->text)];
		memcpy(text, err->text, sizeof(text));
		(void)err_set(err, err->kind, NULL, "port %u: %s", index, text);
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

unsigned int
run_receive(struct runner *runner, uint64_t now)
{
	unsigned int frames = 0;

	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		lane_look(&runner->lanes[i], now);
	}
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		frames += lane_receive(&runner->lanes[i]);
	}
	return frames;
}

int
run_poll(struct runner *runner, double seconds, bool send, struct err *err)
{
	uint64_t now = cycles_now();
	const uint64_t end = now + (uint64_t)(seconds * runner->hz);

	runner->busy = 0;
	runner->idle = 0;
	runner->frames = 0;
	for (uint32_t turn = 0; now < end; turn++) {
		unsigned int moved = run_receive(runner, now);
		if (runner->changing && memory_change_turn(&runner->change, now, moved, err) != 0) {
			return err_errno(ERR_FAILED);
		}
		for (unsigned int i = 0; send && i < runner->n_lanes; i++) {
			moved += lane_send(&runner->lanes[i], now);
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

/* That this thread has run. */
static double
cpu_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / CLOCK_S;
}

static int
compare_rates(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The measured time, in slices: a moment in which the host moves the CPUs apart spoils the mean of
 * all, not the median slice.
 */
static int
run_slices(
	struct runner *runner, const struct account *before, struct result *result, struct err *err)
{
	const double seconds = runner->options->seconds / RUN_SLICES;
	struct account last = *before;
	double rates[RUN_SLICES];
	uint64_t busy = 0;
	uint64_t idle = 0;
	uint64_t frames = 0;

	for (unsigned int i = 0; i < RUN_SLICES; i++) {
		struct account now;
		const uint64_t clock = clock_now();
		const int rc = run_poll(runner, seconds, true, err);

		if (rc != 0) {
			return rc;
		}
		account_take(runner, &now);
		rates[i] = account_mpps(&last, &now, (double)(clock_now() - clock) / CLOCK_S);
		last = now;
		busy += runner->busy;
		idle += runner->idle;
		frames += runner->frames;
	}
	runner->busy = busy;
	runner->idle = idle;
	runner->frames = frames;
	qsort(rates, RUN_SLICES, sizeof(rates[0]), compare_rates);
	result->slices_mpps[0] = rates[RUN_SLICES / 10];
	result->slices_mpps[1] = (rates[RUN_SLICES / 2 - 1] + rates[RUN_SLICES / 2]) / 2;
	result->slices_mpps[2] = rates[RUN_SLICES - 1 - RUN_SLICES / 10];
	return 0;
}

static bool
all_flows_sent(const struct runner *runner)
{
	struct account now;
	bool all = true;

	account_take(runner, &now);
	for (unsigned int src = 0; src < OPTIONS_PORTS; src++) {
		for (unsigned int dst = 0; dst < OPTIONS_PORTS; dst++) {
			const struct direction_result *direction = &now.directions[src][dst];

			all = all &&
				(!direction->used || direction->sent >= runner->options->flows);
		}
	}
	return all;
}

/* So that the switch has met all flows; one that is too slow for that is measured as it is. */
static int
warm_up(struct runner *runner, struct err *err)
{
	int rc = run_poll(runner, WARM_UP_S, true, err);

	for (unsigned int i = 1; rc == 0 && i < WARM_UP_TRIES && !all_flows_sent(runner); i++) {
		rc = run_poll(runner, WARM_UP_S, true, err);
	}
	return rc;
}

static int
measure(struct runner *runner, struct result *result, struct err *err)
{
	struct account before;
	struct account after;
	int rc = warm_up(runner, err);

	if (rc != 0) {
		return rc;
	}
	if (runner->options->progress) {
		(void)fputs("measuring\n", stderr);
	}
	account_begin(runner);
	account_take(runner, &before);
	const double cpu = cpu_seconds();
	const uint64_t clock = clock_now();
	const uint64_t cycles = cycles_now();
	runner->changing = runner->options->memory_change != MEMORY_CHANGE_NONE;
	memory_change_begin(&runner->change, cycles);
	rc = run_slices(runner, &before, result, err);
	runner->changing = false;
	result->seconds = (double)(clock_now() - clock) / CLOCK_S;
	result->cycles_per_second = (double)(cycles_now() - cycles) / result->seconds;
	result->cpu_share = (cpu_seconds() - cpu) / result->seconds;
	runner->hz = result->cycles_per_second;
	account_take(runner, &after);
	account_end(runner, result);
	if (rc == 0) {
		rc = memory_change_end(&runner->change, err);
	}
	if (rc == 0) {
		rc = run_poll(runner, DRAIN_S, false, err);
	}
	account_finish(runner, &before, &after, result);
	return rc;
}

static void
set_rate(struct runner *runner)
{
	const struct options *options = runner->options;

	/* A port's targets are as many as its neighbour's. */
	const unsigned int targets =
		options->direction == DIRECTION_MESH ? options_talkers(options) - 1 : 1;
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		struct lane *lane = &runner->lanes[i];
		const double rate = lane->storm ? options->storm_rate : options->rate * targets;
		lane->pace.per_cycle = rate / lane->fe->config.n_pairs / runner->hz;
		lane->pace.phase = (double)i / runner->n_lanes;
	}
	runner->traffic.patience = (uint64_t)(WINDOW_PATIENCE_S * runner->hz);
	runner->traffic.pause = options->rate > 0 ? 0 : (uint64_t)(LANE_PAUSE_S * runner->hz);
}

static void
close_all(struct runner *runner)
{
	memory_change_fini(&runner->change);
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		lane_fini(&runner->lanes[i]);
	}
	for (unsigned int i = 0; i < runner->n_ports; i++) {
		if (!runner->options->ceiling) {
			(void)frontend_stop(&runner->ports[i], NULL);
		}
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
	runner->change.extra.fd = -1;
	runner->hz = calibrate();
	int rc = traffic_init(&runner->traffic, options);
	if (rc != 0) {
		(void)err_set(err, ERR_LIMIT, NULL, "no memory for %u flows", options->flows);
	}
	for (unsigned int i = 0; rc == 0 && i < options->n_ports; i++) {
		rc = open_port(runner, i, err);
	}
	set_rate(runner);
	if (rc == 0 && options->memory_change != MEMORY_CHANGE_NONE) {
		rc = memory_change_init(
			&runner->change, &runner->ports[0], options, runner->hz, err);
	}
	struct ceiling *ceiling = NULL;
	if (rc == 0 && options->ceiling) {
		rc = ceiling_start(
			&ceiling, runner->lanes, runner->n_lanes, options->ceiling_cpu, err);
	}
	if (rc == 0) {
		rc = run_teach(runner, err);
	}
	if (rc == 0) {
		rc = measure(runner, result, err);
	}
	ceiling_stop(ceiling);
	close_all(runner);
	free(runner);
	return rc;
}
