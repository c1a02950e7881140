/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/test_device.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct device_lives lives;

static int
device_check(const struct port_conf *conf, struct err *err)
{
	return conf->queues > PORT_QUEUES_MAX ? err_set(err, ERR_INVALID, "queues", "too many") : 0;
}

static int
device_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct device *device;

	(void)env;
	if (lives.refuse) {
		return err_set(err, ERR_FAILED, NULL, "it is not there");
	}
	device = calloc(1, sizeof(*device));
	device->port.ops = &device_ops;
	device->port.n_rxq = conf->queues;
	device->port.n_txq = conf->queues;
	device->port.caps = conf->client ? PORT_CAP_TX_HASH : 0;
	device->src = (uint8_t)(1 + lives.n_open);
	str_copy(device->port.name, conf->name, sizeof(device->port.name));
	lives.n_open++;
	*port = &device->port;
	return 0;
}

static void
device_close(struct port *port, enum port_close why)
{
	lives.n_closed++;
	lives.why = why;
	free(port);
}

static void
device_status(const struct port *port, struct port_status *status)
{
	status->oper = ((const struct device *)port)->down ? PORT_NO_GUEST : PORT_UP;
}

static void
device_missed(struct port *port, struct port_missed *missed)
{
	*missed = (struct port_missed){
		.frames[MISSED_DEVICE_FULL] = ((const struct device *)port)->missed};
}

static uint16_t
device_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct device *device = (struct device *)port;
	uint8_t *head = device->head + PKT_HEADROOM;

	(void)queue;
	if (device->n_frames == 0 || max == 0) {
		return 0;
	}
	device->n_frames--;
	memset(head, 0xff, 6);
	memset(head + 6, 0, 58);
	head[6] = 2;
	head[11] = device->src;
	pkts[0] = (struct pkt){.head = head, .len = 64, .head_len = 64, .headroom = PKT_HEADROOM};
	port_count(&count->rx_packets, 1);
	port_count(&count->rx_bytes, 64);
	return 1;
}

static void
device_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	(void)queue;
	(void)items;
	((struct device *)port)->n_sent += n;
	port_count(&count->tx_packets, n);
	port_count(&count->tx_bytes, 64U * n);
}

static int
device_tx_queue(const struct port *port, uint32_t hash)
{
	return (int)(hash % port->n_txq);
}

const struct port_ops device_ops = {
	.type = "device",
	.check = device_check,
	.open = device_open,
	.close = device_close,
	.status = device_status,
	.missed = device_missed,
	.rx_burst = device_rx_burst,
	.tx_burst = device_tx_burst,
	.tx_queue = device_tx_queue,
};
