/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports that are DPDK devices: one implementation for all types.
 *
 * A type (type_*.c) adds what it checks in its leaves and how the device string is made from them;
 * the rest is here: probe, queues, offloads, bursts, teardown. Sizes come from the device: the
 * configured number of RX queues or a refusal that says how many there are; a TX queue for each
 * worker where the device has so many, else as many as it has, shared.
 *
 * Offloads are enabled only where the device has them, and port.caps says no more than what was
 * enabled. An mbuf that the device handed us is ours to edit only with one owner and a buffer of
 * its own; others are copied on receive.
 *
 * Limit: RTE_MAX_ETHPORTS devices per process, for all types together.
 */
#ifndef VSW_PORTS_ETHDEV_ETHDEV_H
#define VSW_PORTS_ETHDEV_ETHDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "ports/port.h"

#define ETHDEV_ARGS_SIZE 1024

/* What a type has made of its leaves. */
struct ethdev_spec {
	const struct port_ops *ops;
	const char *leaf; /* whom an error about the device blames */
	char devargs[ETHDEV_ARGS_SIZE]; /* DPDK device string: bus address or driver name, options
					 */
	char down[PORT_REASON_SIZE]; /* reason while the link is down; "" for a plain one */
	uint16_t queues_min; /* configure at least as many, although fewer are used */
	bool paired; /* TX queue n feeds RX queue n: no more TX than RX queues */
	bool soft_mtu; /* software that takes any length, whatever it says about itself */
	bool lro; /* the peer's large segments may stay whole */
	bool bufferless; /* copies or frees at once: its queues hold no buffers */
	bool reopen; /* a peer that went away is only found again by opening anew: then it failed */
	bool reconnect; /* stop and start it while the peer is away: it cannot do that itself */
	bool interrupts; /* its driver works on EAL's interrupt thread: stop and remove it there */
	bool drain; /* packets left in the queues are ours to free at the end */
};

/* Start the device string with an unused name of this driver: "net_ring" becomes "net_ring_0". */
void ethdev_name(struct ethdev_spec *spec, const char *driver) ON_MAIN;

int ethdev_open(const struct ethdev_spec *spec, const struct port_conf *conf,
	const struct port_env *env, struct port **port, struct err *err) ON_MAIN;

/*
 * A port whose device comes later, when it can be had without waiting: it has its queues and its
 * memory, and is down. Its device may have no other queues than are asked for.
 */
int ethdev_promise(const struct ethdev_spec *spec, const struct port_conf *conf,
	const struct port_env *env, struct port **port, struct err *err) ON_MAIN;

/* Here it is: by the device string that its spec has now. After an error the port has failed. */
struct ethdev_port;
int ethdev_attach(struct ethdev_port *ep, struct err *err) ON_MAIN;

/* The error for one device too many. Any thread. */
int ethdev_limit(struct err *err);

/* May this text be a value in a device string? Else an error naming the leaf. Any thread. */
int ethdev_check_value(const char *value, const char *leaf, struct err *err);

/* --- members of the types' ops -------------------------------------------------------------- */

void ethdev_close(struct port *port, enum port_close why);
int ethdev_change(struct port *port, const struct port_conf *conf, struct err *err);
void ethdev_status(const struct port *port, struct port_status *status);
void ethdev_poll(struct port *port, uint64_t now);
void ethdev_missed(struct port *port, struct port_missed *missed);
uint16_t ethdev_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count);
void ethdev_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count);

#endif
