/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline from rx_burst to rx_release, between ports that have no device: one that lends
 * frames out of a small ring of buffers, one that counts what it is given. Stations send to
 * stations on the other port, all of them known, so that each frame leaves once; with more stations
 * the frames stay as near and the FDB grows.
 *
 * "ports alone" is what is left when nothing stands between the two: take it off the others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/pipe/burst.h"
#include "datapath/table/fdb_priv.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/frames.h"
#include "perf/micro/no_device.h"
#include "perf/micro/sequence.h"
#include "perf/micro/station.h"

#define BUFFERS 256u /* 32 kB: frames that a device has just written are in the L2 */
#define STRIDE 128u
#define N_DRAWS (1U << 16)
#define SEED UINT64_C(0x5eed)
#define IN 1u
#define OUT 2u

struct pair {
	struct rte_ether_addr dst;
	struct rte_ether_addr src;
};

/* The port that frames come from; the other is a plain struct port. */
struct source {
	struct port port;
	const struct pair *pairs; /* N_DRAWS */
	uint8_t *buffers;
	uint32_t draw;
	uint32_t buffer;
	uint16_t bulk;
};

struct pipe {
	const struct bench *bench;
	struct source source;
	struct port sink;
	struct port_view in;
	struct port_view out;
	struct grace grace;
	struct burst *burst;
	struct bridge_view *bridge;
	struct snapshot *snap;
	struct pair *pairs;
	uint8_t *buffers;
	struct tx_item items[PKT_BURST]; /* for the ports alone */
};

/* By halves and not 12 bytes at once: what is read back soon must lie within one store. */
static inline void
write_mac(uint8_t *at, const struct rte_ether_addr *mac)
{
	memcpy(at, mac->addr_bytes, 4);
	__asm__ volatile("" : : : "memory");
	memcpy(at + 4, mac->addr_bytes + 4, 2);
	__asm__ volatile("" : : : "memory");
}

static uint16_t
source_rx(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct source *source = (struct source *)port;
	const uint16_t n = source->bulk < max ? source->bulk : max;

	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		const struct pair *pair = &source->pairs[source->draw++ & (N_DRAWS - 1)];
		uint8_t *frame = source->buffers +
			(size_t)(source->buffer++ & (BUFFERS - 1)) * STRIDE + PKT_HEADROOM;

		write_mac(frame, &pair->dst);
		write_mac(frame + RTE_ETHER_ADDR_LEN, &pair->src);
		pkts[i] = (struct pkt){.head = frame,
			.len = FRAMES_LEN,
			.head_len = FRAMES_LEN,
			.headroom = PKT_HEADROOM};
	}
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, (uint64_t)n * FRAMES_LEN);
	return n;
}

static const struct port_ops pipe_ops = {
	.type = "micro",
	.rx_burst = source_rx,
	.rx_release = no_device_release,
	.tx_burst = no_device_tx,
};

static uint64_t
run_bridge(void *arg, uint64_t rounds)
{
	struct pipe *pipe = arg;
	const struct rxq_view rxq = {.port = &pipe->in};
	const struct burst_time now = {.seconds = 1};
	uint64_t received = 0;

	role_assert(&role_worker);
	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		received += burst_run(pipe->burst, pipe->snap, &rxq, &now);
	}
	bench_keep_value(received);
	return bench_elapsed(pipe->bench, begin);
}

static uint64_t
run_ports(void *arg, uint64_t rounds)
{
	struct pipe *pipe = arg;
	struct burst *burst = pipe->burst;
	struct port *source = &pipe->source.port;

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		const uint16_t n =
			source->ops->rx_burst(source, 0, burst->pkts, PKT_BURST, &burst->ports[IN]);

		pipe->sink.ops->tx_burst(&pipe->sink, 0, pipe->items, n, &burst->ports[OUT]);
		source->ops->rx_release(source, 0, burst->pkts, n);
	}
	return bench_elapsed(pipe->bench, begin);
}

static void
view_init(struct port_view *view, struct port *port, uint32_t id)
{
	port->ops = &pipe_ops;
	port->n_rxq = 1;
	port->n_txq = 1;
	*view = (struct port_view){.id = id,
		.bridge = 1,
		.port = port,
		.enabled = true,
		.mtu = 1500,
		.vlan = {.mode = VLAN_TRUNK}};
	memset(&view->vlan.trunk, 0xff, sizeof(view->vlan.trunk));
}

/* Stations 0 to n - 1 behind the one port, n to 2 n - 1 behind the other. */
static bool
learn_stations(struct fdb *fdb, uint32_t n)
{
	uint64_t learned = 0;

	for (uint32_t i = 0; i < 2 * n && fdb_trylock(fdb); i++) {
		learned += fdb_learn(fdb, station_key(i, 0), i < n ? IN : OUT, 0, 1) == FDB_LEARNED;
		fdb_unlock(fdb);
	}
	return learned == 2 * n;
}

static void
draw_pairs(struct pipe *pipe, uint32_t n)
{
	struct sequence sequence = {.state = n};

	for (uint32_t i = 0; i < N_DRAWS; i++) {
		pipe->pairs[i].src = station_mac(sequence_below(&sequence, n));
		pipe->pairs[i].dst = station_mac(n + sequence_below(&sequence, n));
	}
	for (uint32_t i = 0; i < BUFFERS; i++) {
		(void)frame_write(FRAME_UDP, i, pipe->buffers + (size_t)i * STRIDE + PKT_HEADROOM);
	}
	pipe->source.pairs = pipe->pairs;
	pipe->source.buffers = pipe->buffers;
}

static int
pipe_init(struct pipe *pipe, uint32_t n_stations, struct err *err)
{
	const struct fdb_conf conf = {.limit = n_stations < 128 ? 256 : 2 * n_stations};

	pipe->pairs = must_calloc(N_DRAWS, sizeof(*pipe->pairs));
	pipe->buffers = aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)BUFFERS * STRIDE);
	pipe->snap = snapshot_create(0);
	pipe->bridge = must_calloc(1, sizeof(*pipe->bridge) + 2 * sizeof(void *));
	view_init(&pipe->in, &pipe->source.port, IN);
	view_init(&pipe->out, &pipe->sink, OUT);
	pipe->bridge->id = 1;
	pipe->bridge->n_members = 2;
	pipe->bridge->members[0] = &pipe->in;
	pipe->bridge->members[1] = &pipe->out;
	pipe->snap->ports[IN] = &pipe->in;
	pipe->snap->ports[OUT] = &pipe->out;
	pipe->snap->bridges[1] = pipe->bridge;
	if (pipe->buffers == NULL || grace_init(&pipe->grace) != 0 ||
		burst_create(&(struct burst_conf){.worker = 0, .flows = FLOW_CAPACITY_MIN},
			&pipe->burst) != 0 ||
		fdb_create(&conf, &pipe->grace, SEED, &pipe->bridge->fdb) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no memory for a bridge");
	}
	machine_advise(&pipe->bench->machine, pipe->bridge->fdb->buckets,
		(pipe->bridge->fdb->bucket_mask + 1) * sizeof(struct fdb_bucket));
	if (!learn_stations(pipe->bridge->fdb, n_stations)) {
		return err_set(
			err, ERR_FAILED, NULL, "the FDB did not learn %u stations", 2 * n_stations);
	}
	draw_pairs(pipe, n_stations);
	return 0;
}

static void
pipe_fini(struct pipe *pipe)
{
	fdb_destroy(pipe->bridge->fdb);
	burst_destroy(pipe->burst);
	if (pipe->grace.qsbr != NULL) {
		grace_fini(&pipe->grace);
	}
	free(pipe->bridge);
	snapshot_destroy(pipe->snap);
	free(pipe->buffers);
	free(pipe->pairs);
}

static void
measure(struct bench *bench, struct pipe *pipe, uint32_t n_stations)
{
	static const uint16_t bulks[] = {1, 8, PKT_BURST};
	const uint64_t n_buckets = pipe->bridge->fdb->bucket_mask + 1;

	for (unsigned int i = 0; i < 2 * ARRAY_LEN(bulks); i++) {
		const bool bridge = i < ARRAY_LEN(bulks);
		char variant[BENCH_VARIANT_SIZE] = "ports alone";

		if (bridge) {
			(void)snprintf(
				variant, sizeof(variant), "bridge, %u stations a side", n_stations);
		} else if (n_stations > 1) {
			break;
		}
		pipe->source.bulk = bulks[i % ARRAY_LEN(bulks)];
		bench_measure(bench,
			&(struct bench_case){
				.variant = variant,
				.entries = bridge ? 2 * n_stations : 0,
				.bytes = bridge ? n_buckets * sizeof(struct fdb_bucket) : 0,
				.huge = bench->machine.table_huge,
				.bulk = pipe->source.bulk,
				.ops = pipe->source.bulk,
				.run = bridge ? run_bridge : run_ports,
				.arg = pipe,
			});
	}
}

int
benchmark_burst(struct bench *bench, struct err *err)
{
	static const uint32_t stations[] = {1, 1000, 100000};
	const unsigned int n_sizes = bench->quick ? 2 : ARRAY_LEN(stations);
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < n_sizes; i++) {
		struct pipe pipe = {.bench = bench};

		rc = pipe_init(&pipe, stations[i], err);
		if (rc == 0) {
			measure(bench, &pipe, stations[i]);
		}
		pipe_fini(&pipe);
	}
	return rc;
}
