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
	sum->received -= port->opened.received;
	sum->sent -= port->opened.sent;
	sum->dropped -= port->opened.dropped;
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

static int
compare_rows(const void *a, const void *b)
{
	const uint64_t x = ((const struct loss_row *)a)->key;
	const uint64_t y = ((const struct loss_row *)b)->key;

	return x < y ? -1 : x > y;
}

/* Of all workers, by rising key, each key once; free() them. */
static struct loss_row *
rows_sum(const struct dp *dp, uint32_t *n) ON_MAIN
{
	uint32_t room = LOSS_ROWS;
	struct loss_row *rows = must_calloc(room, sizeof(*rows));
	uint32_t all = 0;
	uint32_t kept = 0;

	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct loss *loss = &dp->workers[w]->burst->loss;

		if (room - all < LOSS_ROWS) {
			room = 2 * room;
			rows = must_realloc(rows, room * sizeof(*rows));
		}
		for (uint32_t i = 0; i < LOSS_ROWS; i++) {
			all += loss_row_read(loss, i, &rows[all]);
		}
	}
	qsort(rows, all, sizeof(*rows), compare_rows);
	for (uint32_t i = 0; i < all; i++) {
		if (kept > 0 && rows[kept - 1].key == rows[i].key) {
			rows[kept - 1].packets += rows[i].packets;
		} else {
			rows[kept++] = rows[i];
		}
	}
	*n = kept;
	return rows;
}

struct dp_loss_row *
dp_loss_rows(const struct dp *dp, uint32_t *n)
{
	uint32_t n_rows;
	struct loss_row *rows = rows_sum(dp, &n_rows);
	struct dp_loss_row *out = must_calloc(n_rows, sizeof(*out));
	const struct loss_row *base = dp->loss.base;
	uint32_t b = 0;

	*n = 0;
	for (uint32_t i = 0; i < n_rows; i++) {
		const uint64_t key = rows[i].key;
		uint64_t before = 0;

		while (b < dp->loss.n_base && base[b].key < key) {
			b++;
		}
		if (b < dp->loss.n_base && base[b].key == key) {
			before = base[b].packets;
		}
		if (rows[i].packets > before) {
			out[(*n)++] = (struct dp_loss_row){.out = loss_key_out(key),
				.in = loss_key_in(key),
				.reason = loss_key_reason(key),
				.packets = rows[i].packets - before};
		}
	}
	free(rows);
	return out;
}

/* --- packets --------------------------------------------------------------------------------- */

static int
newest_first(const void *a, const void *b)
{
	const uint64_t x = ((const struct dp_lost_packet *)a)->packet.at;
	const uint64_t y = ((const struct dp_lost_packet *)b)->packet.at;

	return x > y ? -1 : x < y;
}

struct dp_lost_packet *
dp_lost_packets(const struct dp *dp, enum drop_reason reason, uint32_t *n)
{
	const unsigned int from = reason == DROP_N ? 0 : reason;
	const unsigned int to = reason == DROP_N ? DROP_N : reason + 1U;
	struct dp_lost_packet *packets = must_calloc(
		(size_t)(to - from) * LOSS_KEPT * dp->options.n_workers, sizeof(*packets));

	*n = 0;
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		for (unsigned int r = from; r < to; r++) {
			for (uint32_t i = 0; i < LOSS_KEPT; i++) {
				struct dp_lost_packet *packet = &packets[*n];

				packet->reason = (enum drop_reason)r;
				*n += loss_packet_read(&dp->workers[w]->burst->loss, packet->reason,
					i, &packet->packet);
			}
		}
	}
	qsort(packets, *n, sizeof(*packets), newest_first);
	return packets;
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
		times->packets[i] -= port->latency_base.packets[i];
	}
}

static void
latency_clear(const struct dp *dp, struct dp_port *port) ON_MAIN
{
	latency_sum(dp, port->id, &port->latency_base);
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		residence_clear_max(&dp->workers[w]->burst->residence, port->id);
	}
}

/* --- life of ports --------------------------------------------------------------------------- */

void
dp_loss_open_port(const struct dp *dp, struct dp_port *port)
{
	id_add(dp, port->id, &port->opened);
	latency_clear(dp, port);
}

/* Take the base of what leads to the port away, and if `all` also of what came from it. */
static void
base_drop(struct dp_loss *loss, uint32_t id, bool all)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < loss->n_base; i++) {
		const uint64_t key = loss->base[i].key;

		if (loss_key_out(key) != id && !(all && loss_key_in(key) == id)) {
			loss->base[kept++] = loss->base[i];
		}
	}
	loss->n_base = kept;
}

static bool
any_rows(const struct dp *dp) ON_MAIN
{
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		if (loss_has_rows(&dp->workers[w]->burst->loss)) {
			return true;
		}
	}
	return false;
}

/* Where the rows to the port stand now. */
static void
base_take(struct dp *dp, const struct dp_port *port) ON_MAIN
{
	struct dp_loss *loss = &dp->loss;
	uint32_t n_rows;
	struct loss_row *rows = rows_sum(dp, &n_rows);

	base_drop(loss, port->id, false);
	loss->base = must_realloc(loss->base, (loss->n_base + n_rows) * sizeof(*loss->base));
	for (uint32_t i = 0; i < n_rows; i++) {
		if (loss_key_out(rows[i].key) == port->id) {
			loss->base[loss->n_base++] = rows[i];
		}
	}
	qsort(loss->base, loss->n_base, sizeof(*loss->base), compare_rows);
	free(rows);
}

void
dp_loss_clear_port(struct dp *dp, struct dp_port *port)
{
	if (any_rows(dp)) {
		base_take(dp, port);
	}
	latency_clear(dp, port);
}

uint32_t
dp_loss_sweep(struct dp *dp)
{
	const bool any = any_rows(dp);
	uint32_t sweep = 0;

	/* All are asked at once, each time: their numbers are the same. */
	for (unsigned int w = 0; any && w < dp->options.n_workers; w++) {
		sweep = loss_sweep(&dp->workers[w]->burst->loss);
	}
	return sweep;
}

bool
dp_loss_swept(const struct dp *dp, uint32_t sweep)
{
	for (unsigned int w = 0; sweep != 0 && w < dp->options.n_workers; w++) {
		if (!loss_swept(&dp->workers[w]->burst->loss, sweep)) {
			return false;
		}
	}
	return true;
}

void
dp_loss_forget_port(struct dp *dp, const struct dp_port *port)
{
	base_drop(&dp->loss, port->id, true);
	port_add(dp, port, &dp->loss.gone);
}

void
dp_loss_fini(struct dp *dp)
{
	free(dp->loss.base);
}
