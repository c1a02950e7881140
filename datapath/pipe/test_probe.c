/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/test_probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int
probe_check(const struct port_conf *conf, struct err *err)
{
	(void)conf;
	(void)err;
	return 0;
}

static int
probe_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	(void)conf;
	(void)env;
	(void)port;
	return err_set(err, ERR_UNSUPPORTED, NULL, "a test makes it");
}

static void
probe_close(struct port *port, enum port_close why)
{
	(void)port;
	(void)why;
}

static void
probe_status(const struct port *port, struct port_status *status)
{
	(void)port;
	status->oper = PORT_UP;
}

static uint16_t
probe_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct probe *probe = (struct probe *)port;
	uint16_t n = probe->n_rx < max ? probe->n_rx : max;

	(void)queue;
	memcpy(pkts, probe->rx, n * sizeof(*pkts));
	memset(probe->rx, 0, sizeof(probe->rx));
	probe->n_rx = 0;
	for (uint16_t i = 0; i < n; i++) {
		port_count(&count->rx_packets, 1);
		port_count(&count->rx_bytes, pkts[i].len);
	}
	return n;
}

static void
probe_rx_release(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n)
{
	(void)queue;
	((struct probe *)port)->n_released += n;
	for (uint16_t i = 0; i < n; i++) {
		pkt_free(&pkts[i]);
	}
}

static void
write_down(struct probe *probe, uint16_t queue, const struct tx_item *item)
{
	struct probe_frame *frame;

	probe->sent = realloc(probe->sent, (probe->n_sent + 1) * sizeof(*probe->sent));
	frame = &probe->sent[probe->n_sent++];
	*frame = (struct probe_frame){
		.queue = queue, .ol = item->ol, .len = item->len, .bytes = malloc(item->len + 1)};
	pkt_gather(item, frame->bytes);
}

static void
probe_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct probe *probe = (struct probe *)port;

	probe->n_calls++;
	if (probe->on_tx != NULL) {
		probe->on_tx(probe->on_tx_arg);
	}
	if (probe->full) {
		port_lose(count, items, n, DROP_TX_FULL);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (probe->lose_every != 0 && ++probe->n_seen % probe->lose_every == 0) {
			port_lose(count, &items[i], 1, DROP_TX_FULL);
			continue;
		}
		write_down(probe, queue, &items[i]);
		port_count(&count->tx_packets, 1);
		port_count(&count->tx_bytes, items[i].len);
	}
	for (uint16_t i = 0; probe->takes_mbufs && i < n; i++) {
		rte_pktmbuf_free(pkt_to_mbuf(&items[i], port->pool));
	}
}

static int
probe_tx_queue(const struct port *port, uint32_t hash)
{
	const struct probe *probe = (const struct probe *)port;

	return probe->queue == -2 ? (int)(hash % port->n_txq) : probe->queue;
}

#define PROBE_OPS                                                                        \
	.type = "probe", .check = probe_check, .open = probe_open, .close = probe_close, \
	.status = probe_status, .rx_burst = probe_rx_burst, .tx_burst = probe_tx_burst,  \
	.tx_queue = probe_tx_queue

static const struct port_ops probe_ops = {PROBE_OPS, .rx_release = probe_rx_release};
static const struct port_ops probe_ops_no_release = {PROBE_OPS};

void
probe_init(struct probe *probe, uint32_t id, uint32_t caps, uint16_t n_txq, bool rx_release)
{
	memset(probe, 0, sizeof(*probe));
	probe->port.ops = rx_release ? &probe_ops : &probe_ops_no_release;
	probe->port.caps = caps;
	probe->port.n_rxq = 1;
	probe->port.n_txq = n_txq;
	probe->queue = -2;
	probe->view = (struct port_view){.id = id,
		.bridge = 1,
		.port = &probe->port,
		.enabled = true,
		.mtu = 1500,
		.vlan = {.mode = VLAN_TRUNK}};
	memset(&probe->view.vlan.trunk, 0xff, sizeof(probe->view.vlan.trunk));
}

void
probe_clear(struct probe *probe)
{
	for (unsigned int i = 0; i < probe->n_sent; i++) {
		free(probe->sent[i].bytes);
	}
	free(probe->sent);
	probe->sent = NULL;
	probe->n_sent = 0;
	probe->n_calls = 0;
}

void
probe_fini(struct probe *probe)
{
	probe_clear(probe);
}

bool
probe_sent(const struct probe *probe, unsigned int index, const uint8_t *bytes, uint32_t len)
{
	return index < probe->n_sent && probe->sent[index].len == len &&
		memcmp(probe->sent[index].bytes, bytes, len) == 0;
}

struct bridge_view *
probe_bridge_create(struct snapshot *snap, struct grace *grace, struct probe *probes, uint32_t n)
{
	const struct fdb_conf conf = {.limit = 1000, .aging_s = 300};
	struct bridge_view *bridge = must_calloc(1, sizeof(*bridge) + n * sizeof(void *));

	bridge->id = 1;
	if (fdb_create(&conf, grace, 1, &bridge->fdb) != 0) {
		abort();
	}
	snap->bridges[1] = bridge;
	for (uint32_t i = 1; i <= n; i++) {
		snap->ports[i] = &probes[i].view;
		bridge->members[bridge->n_members++] = &probes[i].view;
	}
	return bridge;
}

void
probe_bridge_destroy(struct bridge_view *bridge)
{
	fdb_destroy(bridge->fdb);
	free(bridge);
}
