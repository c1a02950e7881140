/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/str.h"
#include "datapath/dp/dp_priv.h"
#include "perf/micro/frames.h"
#include "perf/micro/no_device.h"
#include "perf/micro/station.h"

#define BUFFERS 256u /* 32 kB: frames that a device has just written are in the L2 */
#define STRIDE 128u
#define TUPLE_AT 22
#define TCP_OFFSET_AT 46 /* of its header's length; in a UDP frame it is payload */
#define STATIONS_MAX (1U << 20)
#define AGING_S 3000

/* --- ports ----------------------------------------------------------------------------------- */

static int
rig_check(const struct port_conf *conf, struct err *err)
{
	(void)conf;
	(void)err;
	return 0;
}

static void
rig_close(struct port *port, enum port_close why)
{
	struct rig_source *source = (struct rig_source *)port;

	(void)why;
	free(source->buffers);
	free(source);
}

static void
rig_status(const struct port *port, struct port_status *status)
{
	(void)port;
	status->oper = PORT_UP;
}

/* Frames that are due by now. */
static uint16_t
due(struct rig_source *source, uint16_t n)
{
	const uint64_t interval = __atomic_load_n(&source->interval, __ATOMIC_RELAXED);
	const uint64_t now = cycles_now();
	uint16_t n_due = 0;

	if (interval == 0) {
		return n;
	}
	if (source->due == 0 || now > source->due + n * interval) {
		source->due = now;
	}
	for (; n_due < n && source->due <= now; n_due++) {
		source->due += interval;
	}
	return n_due;
}

static uint16_t
rig_rx(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct rig_source *source = (struct rig_source *)port;
	uint16_t n = __atomic_load_n(&source->bulk, __ATOMIC_ACQUIRE);

	(void)queue;
	if (n == 0) {
		return 0;
	}
	n = due(source, n < max ? n : max);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *frame = source->buffers +
			(size_t)(source->buffer++ & (BUFFERS - 1)) * STRIDE + PKT_HEADROOM;

		if (source->ethers != NULL) {
			memcpy(frame, &source->ethers[source->at], sizeof(*source->ethers));
		}
		if (source->tuples != NULL) {
			memcpy(frame + TUPLE_AT, &source->tuples[source->at],
				sizeof(*source->tuples));
		}
		source->at = source->at + 1 < source->n ? source->at + 1 : 0;
		pkts[i] = (struct pkt){.head = frame,
			.len = RIG_FRAME,
			.head_len = RIG_FRAME,
			.headroom = PKT_HEADROOM};
	}
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, (uint64_t)n * RIG_FRAME);
	return n;
}

static const struct port_ops rig_ops;

static int
rig_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct rig_source *source = must_calloc(1, sizeof(*source));

	(void)env;
	source->buffers = aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)BUFFERS * STRIDE);
	if (source->buffers == NULL) {
		free(source);
		return err_set(err, ERR_LIMIT, NULL, "no memory for frames");
	}
	for (uint32_t i = 0; i < BUFFERS; i++) {
		rig_frame(NULL, source->buffers + (size_t)i * STRIDE + PKT_HEADROOM);
	}
	source->port.ops = &rig_ops;
	str_copy(source->port.name, conf->name, sizeof(source->port.name));
	source->port.n_rxq = 1;
	source->port.n_txq = 1;
	*port = &source->port;
	return 0;
}

static const struct port_ops rig_ops = {
	.type = "micro",
	.check = rig_check,
	.open = rig_open,
	.close = rig_close,
	.status = rig_status,
	.rx_burst = rig_rx,
	.rx_release = no_device_release,
	.tx_burst = no_device_tx,
};

/* --- the datapath ---------------------------------------------------------------------------- */

static struct dp_port *
add_port(struct rig *rig, uint16_t number, struct err *err) ON_MAIN
{
	struct port_conf conf = {.queues = 1};
	struct dp_port_fwd fwd = {.bridge = rig->bridge,
		.enabled = true,
		.mtu = 1500,
		.vlan = {.mode = VLAN_TRUNK},
		.number = number};
	struct dp_port *port;

	(void)snprintf(conf.name, sizeof(conf.name), "p%u", number);
	memset(&fwd.vlan.trunk, UINT8_MAX, sizeof(fwd.vlan.trunk));
	if (dp_port_open(rig->dp, &rig_ops, &conf, &port, err) != 0) {
		return NULL;
	}
	dp_port_set(rig->dp, port, &fwd);
	return port;
}

static int
add_ports(struct rig *rig, struct err *err) ON_MAIN
{
	rig->sink = add_port(rig, 1 + RIG_SOURCES, err);
	for (unsigned int i = 0; i < RIG_SOURCES && rig->sink != NULL; i++) {
		rig->sources[i] = add_port(rig, (uint16_t)(1 + i), err);
		if (rig->sources[i] == NULL) {
			rig->sink = NULL;
		}
	}
	if (rig->sink == NULL) {
		return err_errno(err->kind);
	}
	dp_publish(rig->dp);
	return 0;
}

/* Not main's, which threads that it starts would stay on as well. */
static int
worker_cpu(const struct bench *bench)
{
	if (bench->machine.cpu < 0 || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		return -1;
	}
	return bench->machine.cpu == 0 ? 1 : 0;
}

int
rig_init(struct rig *rig, const struct bench *bench, uint32_t flows, bool threads, struct err *err)
{
	const int cpu = worker_cpu(bench);
	const struct dp_options options = {.n_workers = 1,
		.cpus = &cpu,
		.threads = threads,
		.poll = true,
		.flows = flows,
		.seed = UINT64_C(0x5eed)};
	const struct dp_bridge_conf conf = {.fdb = {.limit = STATIONS_MAX, .aging_s = AGING_S}};
	int rc;

	*rig = (struct rig){.bench = bench, .began = clock_now(), .began_tsc = cycles_now()};
	rc = dp_create(&options, &rig->dp, err);
	if (rc != 0) {
		rig->dp = NULL;
		return rc;
	}
	(void)dp_step(rig->dp, rig->began);
	rc = dp_bridge_create(rig->dp, &conf, &rig->bridge, err);
	if (rc == 0) {
		rc = add_ports(rig, err);
	}
	if (rc == 0) {
		rc = rig_learn(rig, rig->sources[0], 0, 1, err);
	}
	if (rc == 0) {
		rc = rig_learn(rig, rig->sink, 1, 1, err);
	}
	return rc;
}

void
rig_fini(struct rig *rig)
{
	if (rig->dp != NULL) {
		dp_destroy(rig->dp, PORT_CLOSE_SHUTDOWN);
	}
}

struct rig_source *
rig_source(const struct rig *rig, unsigned int i)
{
	return (struct rig_source *)dp_port_device(rig->sources[i]);
}

uint64_t
rig_now(const struct rig *rig)
{
	const double passed = (double)(cycles_now() - rig->began_tsc);

	return rig->began + (uint64_t)(passed * CLOCK_S / rig->bench->machine.tsc_hz);
}

void
rig_stage_init(const struct rig *rig, struct rig_stage *stage)
{
	const struct snapshot *snap = rig->dp->snapshot;
	const uint32_t in = dp_port_id(rig->sources[0]);
	const uint64_t now = rig_now(rig);

	*stage = (struct rig_stage){.burst = rig->dp->workers[0]->burst,
		.port = dp_port_device(rig->sources[0]),
		.sink = dp_port_device(rig->sink),
		.now = {.seconds = (uint16_t)(now / CLOCK_S),
			.ms = (uint32_t)(now / CLOCK_MS),
			.ns = now},
		.keys = snap->keys[in]};
	stage->at = (struct arrival){.snap = snap,
		.bridge = snap->bridges[rig->bridge->id],
		.in = snap->ports[in],
		.now = &stage->now};
}

struct flow_cache *
rig_cache(const struct rig *rig)
{
	return rig->dp->workers[0]->burst->flows.cache;
}

void
rig_settle(struct rig *rig)
{
	for (unsigned int i = 0; i < 4; i++) {
		(void)dp_worker_step(rig->dp, 0, rig_now(rig));
		(void)dp_step(rig->dp, rig_now(rig));
	}
}

/* --- what it is to forward by ---------------------------------------------------------------- */

static int
add_rule(struct rig *rig, const struct match *match, uint16_t priority, struct err *err) ON_MAIN
{
	struct action_builder builder = {0};
	struct dp_rule_spec spec = {.match = *match, .priority = priority};

	action_add(&builder, ACTION_NORMAL, 0, 0, NULL, 0);
	spec.actions = action_list_new(&builder);
	return dp_rules_add(rig->dp, rig->bridge, &spec, err);
}

static int
end_batch(struct rig *rig, int rc) ON_MAIN
{
	if (rc == 0) {
		dp_rules_commit(rig->dp, rig->bridge);
	} else {
		dp_rules_abort(rig->dp, rig->bridge);
	}
	return rc;
}

int
rig_add(struct rig *rig, const struct match *match, uint16_t priority, struct err *err)
{
	dp_rules_begin(rig->dp, rig->bridge);
	return end_batch(rig, add_rule(rig, match, priority, err));
}

int
rig_add_set(struct rig *rig, const struct ruleset *set, struct err *err)
{
	int rc = 0;

	dp_rules_begin(rig->dp, rig->bridge);
	for (size_t i = 0; rc == 0 && i < set->n; i++) {
		struct match match;

		ruleset_match(&set->rules[i], &match);
		rc = add_rule(rig, &match, ruleset_priority(set, i), err);
	}
	return end_batch(rig, rc);
}

int
rig_learn(struct rig *rig, struct dp_port *port, uint64_t first, uint32_t n, struct err *err)
{
	const uint16_t now = (uint16_t)(dp_now(rig->dp) / CLOCK_S);
	struct fdb *fdb = dp_bridge_fdb(rig->bridge);
	uint32_t learned = 0;

	for (uint32_t i = 0; i < n && fdb_trylock(fdb); i++) {
		learned += fdb_learn(fdb, station_key(first + i, 0), dp_port_id(port), 0, now) ==
			FDB_LEARNED;
		fdb_unlock(fdb);
	}
	return learned == n
		? 0
		: err_set(err, ERR_FAILED, NULL, "the FDB learned %u of %u stations", learned, n);
}

/* --- frames ---------------------------------------------------------------------------------- */

struct rig_tuple
rig_tuple_of(const struct fields *packet)
{
	return (struct rig_tuple){.ttl = 64,
		.proto = packet->proto,
		.src = packet->ip4_src,
		.dst = packet->ip4_dst,
		.sport = packet->l4_src,
		.dport = packet->l4_dst};
}

void
rig_frame(const struct rig_tuple *tuple, uint8_t *frame)
{
	const struct rig_ether ether = rig_ether_of(0, 1);
	uint8_t bytes[FRAMES_LEN_MAX];

	static_assert(RIG_FRAME == FRAMES_LEN, "as frames.c writes them");
	(void)frame_write(FRAME_UDP, 0, bytes);
	memcpy(bytes, &ether, sizeof(ether));
	bytes[TCP_OFFSET_AT] = 0x50;
	if (tuple != NULL) {
		memcpy(bytes + TUPLE_AT, tuple, sizeof(*tuple));
	}
	memcpy(frame, bytes, RIG_FRAME);
}

struct rig_ether
rig_ether_of(uint64_t src, uint64_t dst)
{
	const struct rte_ether_addr from = station_mac(src);
	const struct rte_ether_addr to = station_mac(dst);
	struct rig_ether ether = {.rest = {0x08, 0x00, 0x45, 0x00}};

	memcpy(ether.dst, &to, sizeof(ether.dst));
	memcpy(ether.src, &from, sizeof(ether.src));
	return ether;
}
