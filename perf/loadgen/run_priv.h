/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of a run share: run.c, teach.c and account.c. One thread. */
#ifndef VSW_PERF_LOADGEN_RUN_PRIV_H
#define VSW_PERF_LOADGEN_RUN_PRIV_H

#include "perf/loadgen/lane.h"
#include "perf/loadgen/memory_change.h"
#include "perf/loadgen/run.h"

struct runner {
	const struct options *options;
	struct traffic traffic;
	double hz; /* cycles a second */
	unsigned int n_ports; /* that are open */
	struct frontend ports[OPTIONS_PORTS];
	unsigned int n_lanes; /* that are initialised */
	struct lane lanes[OPTIONS_PORTS * FRONTEND_MAX_PAIRS];
	struct memory_change change; /* with --memory-change */
	bool changing; /* it is measured now */
	uint64_t busy; /* cycles */
	uint64_t idle;
	uint64_t frames; /* sent and received while measured */
};

/* Counts at one moment; differences of two make rates. */
struct account {
	struct direction_result directions[OPTIONS_PORTS][OPTIONS_PORTS];
	struct storm_result storm;
};

/* Take what came to all lanes; how many frames. */
unsigned int run_receive(struct runner *runner, uint64_t now);

/* Poll all lanes for so long; busy and idle cycles are counted anew. */
int run_poll(struct runner *runner, double seconds, bool send, struct err *err);

/* Make all addresses known to the switch, and see that something arrives at each port. */
int run_teach(struct runner *runner, struct err *err);

/* The measured time begins: forget latencies and who waited for whom. */
void account_begin(struct runner *runner);

/* The measured time is over: the generator's own account of it. */
void account_end(const struct runner *runner, struct result *result);

void account_take(const struct runner *runner, struct account *account);

/* Received between two accounts, mean of the directions in use, in Mpps. */
double account_mpps(const struct account *before, const struct account *after, double seconds);

/* Counts of the whole run and rates between the two accounts. */
void account_finish(const struct runner *runner, const struct account *before,
	const struct account *after, struct result *result);

#endif
