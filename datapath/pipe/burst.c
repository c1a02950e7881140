/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/burst.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "datapath/core/offload.h"
#include "datapath/pipe/act.h"
#include "datapath/pipe/capture.h"
#include "datapath/pipe/flow_query.h"
#include "datapath/pipe/mirror.h"

int
burst_create(const struct burst_conf *conf, struct burst **out)
{
	struct burst *burst = calloc_lines(1, sizeof(*burst));
	int rc;

	if (burst == NULL) {
		return -ENOMEM;
	}
	/* Large and mostly untouched: zero pages until a port with that id counts something. */
	burst->ports = calloc(DP_PORTS_MAX, sizeof(*burst->ports));
	burst->bridges = calloc(DP_BRIDGES_MAX, sizeof(*burst->bridges));
	burst->punts = punt_queue_create();
	if (burst->ports == NULL || burst->bridges == NULL || burst->punts == NULL ||
		residence_init(&burst->residence) != 0 ||
		loss_init(&burst->loss, conf->worker, burst->ports) != 0) {
		burst_destroy(burst);
		return -ENOMEM;
	}
	rc = flows_init(&burst->flows, conf->flows, conf->seed);
	if (rc != 0) {
		burst_destroy(burst);
		return rc;
	}
	burst->random = conf->seed | 1;
	burst->flows.budget = conf->miss_budget;
	burst->stage.worker = conf->worker;
	burst->stage.count = burst->ports;
	burst->stage.loss = &burst->loss;
	*out = burst;
	return 0;
}

void
burst_destroy(struct burst *burst)
{
	if (burst != NULL) {
		flows_fini(&burst->flows);
		punt_queue_destroy(burst->punts);
		loss_fini(&burst->loss);
		residence_fini(&burst->residence);
		free(burst->ports);
		free(burst->bridges);
		free(burst);
	}
}

static uint16_t
receive(struct burst *burst, const struct rxq_view *rxq)
{
	struct port *port = rxq->port->port;
	uint16_t n = port->ops->rx_burst(
		port, rxq->queue, burst->pkts, PKT_BURST, &burst->ports[rxq->port->id]);

	for (uint16_t i = 0; i < n; i++) {
		burst->pkts[i].in_port = rxq->port->id;
	}
	return n;
}

/* Is this a frame: an Ethernet header and its first tag in the head, and offload hints that fit? */
static bool
check_one(struct pkt *pkt, enum drop_reason *reason)
{
	uint16_t need = (uint16_t)RTE_MIN(pkt->len, RTE_ETHER_HDR_LEN + (uint32_t)VLAN_TAG_LEN);

	if (likely(pkt->head_len >= RTE_ETHER_HDR_LEN + VLAN_TAG_LEN && pkt->ol.flags == 0)) {
		return true;
	}
	if (pkt->len < RTE_ETHER_HDR_LEN || !pkt_pull(pkt, need)) {
		*reason = DROP_RUNT;
		return false;
	}
	*reason = DROP_OFFLOAD_INVALID;
	return pkt->ol.flags == 0 || offload_check(pkt);
}

/*
 * Drop what is no frame; the others close ranks. Returns how many are left. Lent memory goes back
 * with the burst, an mbuf at once.
 */
static uint16_t
check_received(struct burst *burst, const struct port_view *in, uint16_t n) ON_WORKER
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct pkt *pkt = &burst->pkts[i];
		enum drop_reason reason;

		if (!check_one(pkt, &reason)) {
			loss_rx(&burst->loss, in, pkt, reason);
			pkt_free(pkt);
			continue;
		}
		if (kept != i) {
			burst->pkts[kept] = *pkt;
			pkt->mbuf = NULL;
		}
		kept++;
	}
	return kept;
}

static void
release(struct burst *burst, const struct rxq_view *rxq, uint16_t n)
{
	struct port *port = rxq->port->port;
	struct rte_mbuf *mbufs[PKT_BURST];
	unsigned int n_mbufs = 0;

	if (port->ops->rx_release != NULL) {
		port->ops->rx_release(port, rxq->queue, burst->pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (burst->pkts[i].mbuf != NULL) {
			mbufs[n_mbufs++] = burst->pkts[i].mbuf;
			burst->pkts[i].mbuf = NULL;
		}
	}
	rte_pktmbuf_free_bulk(mbufs, n_mbufs);
}

void
burst_upkeep(struct burst *burst, const struct snapshot *snap, const struct burst_time *now)
{
	flows_step(&burst->flows, snap, now);
	flow_query_serve(&burst->flows, snap, now);
	loss_upkeep(&burst->loss, snap);
}

uint16_t
burst_run(struct burst *burst, const struct snapshot *snap, const struct rxq_view *rxq,
	const struct burst_time *now)
{
	const struct port_view *in = rxq->port;
	const struct bridge_view *bridge = snap->bridges[in->bridge];
	uint16_t n_received = receive(burst, rxq);
	uint64_t sampled;
	uint16_t n;

	if (n_received == 0) {
		return 0;
	}
	sampled = residence_begin(&burst->residence, now->ms);
	loss_begin(&burst->loss, now->ns);
	n = check_received(burst, in, n_received);
	if (unlikely(in->captures != NULL)) {
		capture_received(in->captures, burst->stage.worker, in->id, burst->pkts, n);
	}
	if (!in->enabled) {
		loss_rx_run(&burst->loss, in, burst->pkts, n, DROP_PORT_DISABLED);
	} else if (bridge == NULL) {
		loss_rx_run(&burst->loss, in, burst->pkts, n, DROP_NO_BRIDGE);
	} else {
		const struct arrival at = {.snap = snap, .bridge = bridge, .in = in, .now = now};

		burst->stage.snap = snap;
		if (unlikely(in->mirrors != NULL)) {
			mirror_received(&burst->stage, in, burst->pkts, n);
		}
		flows_decide(&burst->flows, &at, burst->pkts, n, burst->verdicts);
		act_burst(burst, &at, n);
		stage_flush(&burst->stage);
	}
	release(burst, rxq, n_received);
	if (unlikely(sampled != 0)) {
		residence_end(&burst->residence, in->id, sampled, n_received);
	}
	return n_received;
}
