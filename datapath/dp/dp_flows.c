/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_flows.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_priv.h"

struct flow_ask {
	STAILQ_ENTRY(flow_ask) link;
	enum flow_query_kind kind;
	uint32_t port; /* id; 0: any */
	struct dp_flows_place at;
	uint32_t left; /* entries that may be told */
	struct dp_flows_listener listener;
	uint32_t len;
	uint8_t frame[]; /* FRAME */
};

/* A question that a worker has not given back: its memory may not be touched. */
struct flow_lost {
	SLIST_ENTRY(flow_lost) link;
	unsigned int worker;
	struct flow_query *query;
	struct flow_ask *ask; /* the frame is in it */
};

struct dp_flows {
	STAILQ_HEAD(, flow_ask) waiting;
	SLIST_HEAD(, flow_lost) lost;
	uint32_t n_waiting;
	struct flow_query *query; /* of the first that waits, or NULL */
	bool posted;
	uint32_t progress; /* when it was last looked at, and since when it is this: */
	uint64_t progress_at;
};

/* --- asking ---------------------------------------------------------------------------------- */

static int
ask(struct dp *dp, struct flow_ask *ask, struct err *err) ON_MAIN
{
	struct dp_flows *flows = dp->flows;

	if (flows == NULL) {
		flows = must_calloc(1, sizeof(*flows));
		STAILQ_INIT(&flows->waiting);
		dp->flows = flows;
	}
	if (flows->n_waiting == DP_FLOWS_WAITING_MAX) {
		free(ask);
		return err_set(err, ERR_LIMIT, NULL,
			"%u questions to workers wait already: ask again later",
			DP_FLOWS_WAITING_MAX);
	}
	flows->n_waiting++;
	STAILQ_INSERT_TAIL(&flows->waiting, ask, link);
	return 0;
}

int
dp_flows_ask_frame(struct dp *dp, const struct dp_port *port, const uint8_t *frame, uint32_t len,
	const struct dp_flows_listener *listener, struct err *err)
{
	struct flow_ask *a = must_calloc(1, sizeof(*a) + len);

	a->kind = FLOW_QUERY_FRAME;
	a->port = port->id;
	a->listener = *listener;
	a->len = len;
	memcpy(a->frame, frame, len);
	return ask(dp, a, err);
}

int
dp_flows_ask_all(struct dp *dp, const struct dp_port *port, const struct dp_flows_place *from,
	uint32_t limit, const struct dp_flows_listener *listener, struct err *err)
{
	struct flow_ask *a = must_calloc(1, sizeof(*a));

	a->kind = FLOW_QUERY_DUMP;
	a->port = port == NULL ? 0 : port->id;
	a->at = *from;
	a->left = limit;
	a->listener = *listener;
	return ask(dp, a, err);
}

/* --- the answers ----------------------------------------------------------------------------- */

/* The first question has ended; nobody but main holds the query. */
static void
finish(struct dp_flows *flows, const struct dp_flows_place *next, const struct err *err)
{
	struct flow_ask *ask = STAILQ_FIRST(&flows->waiting);
	const struct dp_flows_listener listener = ask->listener;

	STAILQ_REMOVE_HEAD(&flows->waiting, link);
	flows->n_waiting--;
	flows->posted = false;
	free(flows->query);
	flows->query = NULL;
	free(ask);
	listener.done(listener.arg, next, err);
}

/* The worker keeps query and frame; whoever asks it next is told at once. */
static void
give_up(struct dp_flows *flows)
{
	struct flow_ask *ask = STAILQ_FIRST(&flows->waiting);
	struct flow_lost *lost = must_calloc(1, sizeof(*lost));
	struct flow_ask *copy = must_calloc(1, sizeof(*copy));

	__atomic_store_n(&flows->query->cancel, true, __ATOMIC_RELAXED);
	*lost = (struct flow_lost){.worker = ask->at.worker, .query = flows->query, .ask = ask};
	SLIST_INSERT_HEAD(&flows->lost, lost, link);
	flows->query = NULL;
	/* What ends is a copy without the frame. */
	memcpy(copy, ask, sizeof(*copy));
	STAILQ_REMOVE_HEAD(&flows->waiting, link);
	STAILQ_INSERT_HEAD(&flows->waiting, copy, link);
}

static void
lost_free(struct dp_flows *flows, struct flow_lost *lost)
{
	SLIST_REMOVE(&flows->lost, lost, flow_lost, link);
	free(lost->query);
	free(lost->ask);
	free(lost);
}

static bool
polls(const struct dp *dp, unsigned int worker, uint32_t port)
{
	const struct worker_view *view = &dp->snapshot->workers[worker];

	for (uint32_t i = 0; i < view->n_rxq; i++) {
		if (view->rxq[i].port->id == port) {
			return true;
		}
	}
	return false;
}

/* Post the first question to its next worker; false: there is none. */
static bool
post(struct dp *dp, uint64_t now) ON_MAIN
{
	struct dp_flows *flows = dp->flows;
	struct flow_ask *ask = STAILQ_FIRST(&flows->waiting);
	struct flow_query *query = flows->query;

	while (ask->at.worker < dp->options.n_workers && ask->kind == FLOW_QUERY_FRAME &&
		!polls(dp, ask->at.worker, ask->port)) {
		ask->at.worker++;
	}
	if (ask->at.worker >= dp->options.n_workers) {
		return false;
	}
	if (query == NULL) {
		query = must_calloc(1, sizeof(*query));
		/* The pages are main's to take. */
		memset(query->told, 1, sizeof(query->told));
		flows->query = query;
	}
	query->kind = ask->kind;
	query->port = ask->port;
	query->frame = ask->frame;
	query->frame_len = ask->len;
	query->cursor = ask->at.cursor;
	query->max = RTE_MIN(ask->left, FLOW_QUERY_MAX);
	flows->posted = flow_query_post(&dp->workers[ask->at.worker]->burst->flows, query);
	flows->progress = 0;
	flows->progress_at = now;
	return true;
}

/* The worker is done: tell. True: the question has ended, *next is where to go on. */
static bool
take(struct dp_flows *flows, bool *more, struct dp_flows_place *next)
{
	struct flow_ask *ask = STAILQ_FIRST(&flows->waiting);
	const struct flow_query *query = flows->query;

	flows->posted = false;
	for (uint32_t i = 0; i < query->n; i++) {
		ask->listener.tell(ask->listener.arg, ask->at.worker, &query->told[i]);
	}
	*more = false;
	if (ask->kind == FLOW_QUERY_FRAME) {
		if (query->n == 0) {
			ask->listener.tell(ask->listener.arg, ask->at.worker, NULL);
		}
		ask->at.worker++;
		return false;
	}
	ask->left -= query->n;
	ask->at.cursor = query->cursor;
	if (query->end) {
		ask->at = (struct dp_flows_place){.worker = ask->at.worker + 1};
	}
	*next = ask->at;
	*more = ask->left == 0;
	return *more;
}

static void
fail(struct dp_flows *flows)
{
	const unsigned int worker = STAILQ_FIRST(&flows->waiting)->at.worker;
	struct err err = ERR_INIT;

	(void)err_set(&err, ERR_FAILED, NULL,
		"worker %u has not answered for %u s: `vswitchctl workers` shows its state", worker,
		(unsigned int)(DP_FLOWS_PATIENCE / CLOCK_S));
	finish(flows, NULL, &err);
}

static void
free_lost(const struct dp *dp, struct dp_flows *flows)
{
	struct flow_lost *lost = SLIST_FIRST(&flows->lost);

	while (lost != NULL) {
		struct flow_lost *next = SLIST_NEXT(lost, link);

		if (flow_query_done(&dp->workers[lost->worker]->burst->flows)) {
			lost_free(flows, lost);
		}
		lost = next;
	}
}

/* Look after the query that is posted; false: it is the worker's turn. */
static bool
look(struct dp *dp, uint64_t now) ON_MAIN
{
	struct dp_flows *flows = dp->flows;
	const struct flow_ask *ask = STAILQ_FIRST(&flows->waiting);
	struct dp_flows_place next;
	uint32_t progress;
	bool more;

	if (!flows->posted) {
		/* An earlier query is still out: this one was not even asked. */
		fail(flows);
		return true;
	}
	if (flow_query_done(&dp->workers[ask->at.worker]->burst->flows)) {
		if (take(flows, &more, &next)) {
			const bool end = next.worker >= dp->options.n_workers;

			finish(flows, end ? NULL : &next, NULL);
		}
		return true;
	}
	progress = __atomic_load_n(&flows->query->progress, __ATOMIC_RELAXED);
	if (progress != flows->progress) {
		flows->progress = progress;
		flows->progress_at = now;
	}
	if (now - flows->progress_at <= DP_FLOWS_PATIENCE) {
		return false;
	}
	give_up(flows);
	fail(flows);
	return true;
}

bool
dp_flows_step(struct dp *dp, uint64_t now)
{
	struct dp_flows *flows = dp->flows;

	if (flows == NULL) {
		return false;
	}
	free_lost(dp, flows);
	while (!STAILQ_EMPTY(&flows->waiting)) {
		if (!flows->posted && !post(dp, now)) {
			finish(flows, NULL, NULL);
		} else if (!look(dp, now)) {
			return true;
		}
	}
	return false;
}

void
dp_flows_fini(struct dp *dp)
{
	struct dp_flows *flows = dp->flows;
	struct err err = ERR_INIT;

	if (flows == NULL) {
		return;
	}
	(void)err_set(&err, ERR_FAILED, NULL, "the switch stops");
	while (!STAILQ_EMPTY(&flows->waiting)) {
		finish(flows, NULL, &err);
	}
	while (!SLIST_EMPTY(&flows->lost)) {
		lost_free(flows, SLIST_FIRST(&flows->lost));
	}
	free(flows);
	dp->flows = NULL;
}

/* --- counts ---------------------------------------------------------------------------------- */

static void
sum(const struct dp *dp, uint32_t port, struct dp_port_flows *out)
{
	*out = (struct dp_port_flows){.entries = 0};
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct flows *flows = &dp->workers[w]->burst->flows;
		const struct flow_port_counts *counts = &flows->by_port[port];

		out->entries += flow_cache_port_count(flows->cache, port);
		out->hits += __atomic_load_n(&counts->hits, __ATOMIC_RELAXED);
		out->misses += __atomic_load_n(&counts->misses, __ATOMIC_RELAXED);
	}
}

void
dp_port_get_flows(const struct dp *dp, const struct dp_port *port, struct dp_port_flows *flows)
{
	sum(dp, port->id, flows);
	flows->hits -= port->flows_base.hits;
	flows->misses -= port->flows_base.misses;
}

void
dp_port_clear_flows(const struct dp *dp, struct dp_port *port)
{
	sum(dp, port->id, &port->flows_base);
}
