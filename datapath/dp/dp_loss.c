/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_loss.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/dp/dp_priv.h"

/* --- traffic --------------------------------------------------------------------------------- */

/* All that the id has counted since the start; `copies` is left. */
static void
id_add(const struct dp *dp, uint32_t id, struct dp_traffic *sum) ON_MAIN
{
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct port_counters *c = &dp->workers[w]->burst->ports[id];

		sum->received += __atomic_load_n(&c->rx_packets, __ATOMIC_RELAXED);
		sum->sent += __atomic_load_n(&c->tx_packets, __ATOMIC_RELAXED);
		for (unsigned int r = 0; r < DROP_N; r++) {
			sum->dropped += __atomic_load_n(&c->drops[r], __ATOMIC_RELAXED);
		}
	}
}

/* What the port has counted since it was opened. */
static void
port_add(const struct dp *dp, const struct dp_port *port, struct dp_traffic *sum) ON_MAIN
{
	id_add(dp, port->id, sum);
	sum->received -= port->loss.opened.received;
	sum->sent -= port->loss.opened.sent;
	sum->dropped -= port->loss.opened.dropped;
}

void
dp_get_traffic(const struct dp *dp, struct dp_traffic *traffic)
{
	const struct dp_port *port;

	*traffic = dp->loss.gone;
	TAILQ_FOREACH (port, &dp->live, link) {
		port_add(dp, port, traffic);
	}
	TAILQ_FOREACH (port, &dp->leaving, link) {
		port_add(dp, port, traffic);
	}
	traffic->copies = dp_extra_copies(dp);
}

/* --- rows ------------------------------------------------------------------------------------ */

static const struct loss_store *
store_of(const struct dp *dp, unsigned int worker)
{
	return dp->workers[worker]->burst->loss.store;
}

/* Of a worker's row at this place. */
static size_t
base_index(unsigned int worker, enum loss_side side, uint32_t place)
{
	return ((size_t)worker * LOSS_SIDES + side) * LOSS_ROWS + place;
}

/* What the row has counted since its port was cleared. */
static uint64_t
since_cleared(const struct dp_port *port, unsigned int worker, enum loss_side side,
	const struct loss_row *row)
{
	const struct dp_loss_base *base;

	if (port->loss.rows == NULL) {
		return row->packets;
	}
	base = &port->loss.rows[base_index(worker, side, row->place)];
	return base->born == row->born ? row->packets - base->packets : row->packets;
}

static int
by_reason_and_peer(const void *a, const void *b)
{
	const struct dp_loss_row *x = a;
	const struct dp_loss_row *y = b;

	if (x->reason != y->reason) {
		return x->reason < y->reason ? -1 : 1;
	}
	return x->peer < y->peer ? -1 : x->peer > y->peer;
}

/* Of all workers: those of one key together. */
static uint32_t
rows_merge(struct dp_loss_row *rows, uint32_t n)
{
	uint32_t kept = 0;

	qsort(rows, n, sizeof(*rows), by_reason_and_peer);
	for (uint32_t i = 0; i < n; i++) {
		if (kept > 0 && by_reason_and_peer(&rows[kept - 1], &rows[i]) == 0) {
			rows[kept - 1].packets += rows[i].packets;
		} else {
			rows[kept++] = rows[i];
		}
	}
	return kept;
}

struct dp_loss_row *
dp_port_loss_rows(const struct dp *dp, const struct dp_port *port, uint32_t *n)
{
	struct dp_loss_row *out = NULL;
	uint32_t n_out = 0;

	for (unsigned int i = 0; i < dp->options.n_workers * LOSS_SIDES; i++) {
		const unsigned int w = i / LOSS_SIDES;
		const enum loss_side side = i % LOSS_SIDES;
		struct loss_row rows[LOSS_ROWS];
		const uint32_t n_rows = loss_rows_read(store_of(dp, w), port->id, side, rows);

		if (n_rows > 0) {
			out = must_realloc(out, (n_out + n_rows) * sizeof(*out));
		}
		for (uint32_t r = 0; r < n_rows; r++) {
			const uint64_t packets = since_cleared(port, w, side, &rows[r]);

			if (packets > 0 && rows[r].key.peer != 0) {
				out[n_out++] = (struct dp_loss_row){.reason = rows[r].key.reason,
					.peer = rows[r].key.peer,
					.packets = packets};
			}
		}
	}
	*n = n_out > 1 ? rows_merge(out, n_out) : n_out;
	return out;
}

/* --- packets --------------------------------------------------------------------------------- */

static int
newest_first(const void *a, const void *b)
{
	const uint64_t x = ((const struct loss_packet *)a)->at;
	const uint64_t y = ((const struct loss_packet *)b)->at;

	return x > y ? -1 : x < y;
}

/* Of one reason: the newest that were looked at, and up to as many that may not be among them. */
struct newest {
	struct loss_packet *packets; /* owned; room for at most 2 * max */
	uint32_t n;
	uint32_t room;
	uint64_t since; /* older ones are not among them */
};

static void
newest_cut(struct newest *newest, uint32_t max)
{
	if (newest->n > 1) {
		qsort(newest->packets, newest->n, sizeof(newest->packets[0]), newest_first);
	}
	if (newest->n >= max) {
		newest->n = max;
		newest->since = newest->packets[max - 1].at;
	}
}

static void
newest_offer(struct newest *newest, uint32_t max, const struct loss_packet *packet)
{
	if (packet->at < newest->since) {
		return;
	}
	if (newest->n == 2 * max) {
		newest_cut(newest, max);
	}
	if (newest->n == newest->room) {
		newest->room = RTE_MIN(2 * newest->room + LOSS_KEPT, 2 * max);
		newest->packets =
			must_realloc(newest->packets, newest->room * sizeof(*newest->packets));
	}
	newest->packets[newest->n++] = *packet;
}

static bool
is_asked_for(const struct dp_lost_query *query, const struct loss_packet *packet)
{
	return packet->reason < DROP_N &&
		(query->reason == DROP_N || packet->reason == query->reason) &&
		(query->port == 0 || packet->in == query->port || packet->out == query->port);
}

/* Up to `max` of all reasons, of each as many as the others leave it; frees the lists. */
static struct loss_packet *
newest_share(struct newest lists[DROP_N], uint32_t max, uint32_t *n)
{
	struct loss_packet *out = must_calloc(max, sizeof(*out));
	uint32_t share[DROP_N] = {0};
	bool any = true;

	*n = 0;
	while (any && *n < max) {
		any = false;
		for (unsigned int r = 0; r < DROP_N && *n < max; r++) {
			if (share[r] < lists[r].n) {
				out[(*n)++] = lists[r].packets[share[r]++];
				any = true;
			}
		}
	}
	for (unsigned int r = 0; r < DROP_N; r++) {
		free(lists[r].packets);
	}
	qsort(out, *n, sizeof(*out), newest_first);
	return out;
}

struct loss_packet *
dp_lost_packets(const struct dp *dp, const struct dp_lost_query *query, uint32_t *n)
{
	struct newest lists[DROP_N] = {{.n = 0}};
	const struct dp_port *port;

	TAILQ_FOREACH (port, &dp->live, link) {
		for (unsigned int i = 0; i < dp->options.n_workers * LOSS_SIDES; i++) {
			struct loss_packet packets[LOSS_KEPT];
			const uint32_t n_packets = loss_packets_read(
				store_of(dp, i / LOSS_SIDES), port->id, i % LOSS_SIDES, packets);

			for (uint32_t k = 0; k < n_packets; k++) {
				if (is_asked_for(query, &packets[k])) {
					newest_offer(
						&lists[packets[k].reason], query->max, &packets[k]);
				}
			}
		}
	}
	for (unsigned int r = 0; r < DROP_N; r++) {
		newest_cut(&lists[r], query->max);
	}
	return newest_share(lists, query->max, n);
}

/* --- latency --------------------------------------------------------------------------------- */

static void
latency_sum(const struct dp *dp, uint32_t id, struct residence_times *sum) ON_MAIN
{
	*sum = (struct residence_times){.max = 0};
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		residence_add(&dp->workers[w]->burst->residence, id, sum);
	}
}

void
dp_port_get_latency(const struct dp *dp, const struct dp_port *port, struct residence_times *times)
{
	latency_sum(dp, port->id, times);
	for (unsigned int i = 0; i < RESIDENCE_BUCKETS; i++) {
		times->packets[i] -= port->loss.latency.packets[i];
	}
}

static void
latency_clear(const struct dp *dp, struct dp_port *port) ON_MAIN
{
	latency_sum(dp, port->id, &port->loss.latency);
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		residence_clear_max(&dp->workers[w]->burst->residence, port->id);
	}
}

/* --- life of ports --------------------------------------------------------------------------- */

void
dp_loss_open_port(const struct dp *dp, struct dp_port *port)
{
	id_add(dp, port->id, &port->loss.opened);
	latency_clear(dp, port);
}

static bool
any_used(const struct dp *dp) ON_MAIN
{
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		if (loss_store_used(store_of(dp, w))) {
			return true;
		}
	}
	return false;
}

/* Where the port's rows stand now. */
static void
base_take(const struct dp *dp, struct dp_port *port) ON_MAIN
{
	if (port->loss.rows == NULL) {
		port->loss.rows = must_calloc(
			base_index(dp->options.n_workers, 0, 0), sizeof(*port->loss.rows));
	}
	for (unsigned int i = 0; i < dp->options.n_workers * LOSS_SIDES; i++) {
		const unsigned int w = i / LOSS_SIDES;
		const enum loss_side side = i % LOSS_SIDES;
		struct loss_row rows[LOSS_ROWS];
		const uint32_t n = loss_rows_read(store_of(dp, w), port->id, side, rows);

		for (uint32_t r = 0; r < n; r++) {
			port->loss.rows[base_index(w, side, rows[r].place)] = (struct dp_loss_base){
				.born = rows[r].born, .packets = rows[r].packets};
		}
	}
}

void
dp_loss_clear_port(const struct dp *dp, struct dp_port *port)
{
	if (any_used(dp)) {
		base_take(dp, port);
	}
	latency_clear(dp, port);
}

uint32_t
dp_loss_sweep(const struct dp *dp)
{
	const bool any = any_used(dp);
	uint32_t sweep = 0;

	/* All are asked at once, each time: their numbers are the same. */
	for (unsigned int w = 0; any && w < dp->options.n_workers; w++) {
		sweep = loss_sweep(dp->workers[w]->burst->loss.store);
	}
	return sweep;
}

bool
dp_loss_swept(const struct dp *dp, uint32_t sweep)
{
	for (unsigned int w = 0; sweep != 0 && w < dp->options.n_workers; w++) {
		if (!loss_swept(store_of(dp, w), sweep)) {
			return false;
		}
	}
	return true;
}

void
dp_loss_forget_port(struct dp *dp, const struct dp_port *port)
{
	port_add(dp, port, &dp->loss.gone);
}
