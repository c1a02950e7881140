/* SPDX-License-Identifier: BSD-3-Clause */
/* Before the measured time: the switch learns where all addresses are. */
#include "base/clock.h"
#include "perf/loadgen/cycles.h"
#include "perf/loadgen/run_priv.h"

#define LEARN_ROUNDS 2u
#define LEARN_TRIES 100u /* of SETTLE_S each until something arrives */
#define PATIENCE_S 5u /* without a frame taken by the switch */
#define SETTLE_S 0.05

/* One frame of each address of the lane's port, at the speed at which the switch takes them. */
static int
teach_lane(struct runner *runner, struct lane *lane, unsigned int round, uint32_t n_flows,
	struct err *err)
{
	uint64_t end = clock_now() + PATIENCE_S * CLOCK_S;
	uint32_t flow = 0;
	uint32_t before = 0;

	while (lane_teach(lane, round, &flow, n_flows)) {
		(void)run_receive(runner, cycles_now());
		if (flow != before) {
			before = flow;
			end = clock_now() + PATIENCE_S * CLOCK_S;
		} else if (clock_now() > end) {
			return err_set(err, ERR_FAILED, NULL,
				"port %u: the switch does not take frames", lane->port);
		}
	}
	return 0;
}

static int
teach_round(struct runner *runner, unsigned int round, uint32_t n_flows, struct err *err)
{
	for (unsigned int i = 0; i < runner->n_lanes; i++) {
		struct lane *lane = &runner->lanes[i];
		if (lane->queue != 0 || lane->storm) {
			continue;
		}
		const int rc = teach_lane(runner, lane, round, n_flows, err);
		if (rc != 0) {
			return rc;
		}
	}
	return run_poll(runner, SETTLE_S, false, err);
}

int
run_teach(struct runner *runner, struct err *err)
{
	const struct options *options = runner->options;
	const uint32_t n_flows = options->fields == FLOW_5TUPLE ? 1 : options->flows;
	const unsigned int n_ports = options_talkers(options);
	unsigned int silent = 0;

	runner->traffic.learning = true;
	for (unsigned int i = 0; i < LEARN_TRIES; i++) {
		const int rc = teach_round(runner, i, n_flows, err);
		if (rc != 0) {
			return rc;
		}
		for (silent = 0; silent < n_ports; silent++) {
			if (runner->traffic.learned[silent] == 0) {
				break;
			}
		}
		if (silent == n_ports && i + 1 >= LEARN_ROUNDS) {
			runner->traffic.learning = false;
			runner->traffic.strays = 0;
			runner->traffic.foreign = 0;
			return run_poll(runner, SETTLE_S, false, err);
		}
	}
	return err_set(err, ERR_FAILED, NULL, "nothing arrives at port %u", silent);
}
