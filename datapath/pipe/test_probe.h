/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port for tests of the pipeline: gives out the packets that it was handed, writes down each
 * frame that it is asked to send, and behaves as badly as a device may.
 */
#ifndef VSW_DATAPATH_PIPE_TEST_PROBE_H
#define VSW_DATAPATH_PIPE_TEST_PROBE_H

#include <stdint.h>

#include "datapath/pipe/snapshot.h"

struct probe_frame {
	uint16_t queue;
	struct pkt_offload ol;
	uint32_t len;
	uint8_t *bytes;
};

struct probe {
	struct port port;
	struct port_view view; /* points to the port; mtu 1500, enabled, a trunk of all VLANs */
	/* what it does */
	bool takes_mbufs; /* keeps an mbuf when it is given one, and frees it later, like a NIC */
	bool full; /* drops all as tx-full */
	unsigned int lose_every; /* drops each so many-th as tx-full; 0: none */
	unsigned int n_seen; /* frames, for that */
	int queue; /* what tx_queue answers; -2: by hash */
	void (*on_tx)(void *arg); /* called once per tx_burst */
	void *on_tx_arg;
	/* what it has received for us; packets are copied out in order */
	struct pkt rx[PKT_BURST];
	uint16_t n_rx;
	unsigned int n_released; /* packets that rx_release has seen */
	/* what it has sent */
	struct probe_frame *sent;
	unsigned int n_sent;
	unsigned int n_calls;
};

/* `rx_release` false: the table has none, packets are freed by the caller. */
void probe_init(struct probe *probe, uint32_t id, uint32_t caps, uint16_t n_txq, bool rx_release);
void probe_fini(struct probe *probe);

/* Forget what was sent. */
void probe_clear(struct probe *probe);

/* What the port drops and sends must be what it wrote down. Frames sent, from index `from` on,
 * carry these bytes; false if the index-th does not. */
bool probe_sent(const struct probe *probe, unsigned int index, const uint8_t *bytes, uint32_t len);

/* Bridge 1 of a snapshot, with an FDB of 1000 and the probes 1 to n as members. Its end leaves the
 * probes and the snapshot alone. */
struct bridge_view *
probe_bridge_create(struct snapshot *snap, struct grace *grace, struct probe *probes, uint32_t n);
void probe_bridge_destroy(struct bridge_view *bridge);

#endif
