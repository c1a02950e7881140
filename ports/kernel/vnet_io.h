/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames with a virtio-net header in front, as tun devices and packet sockets give and take them.
 *
 * A frame is received into one buffer where it fits and otherwise spills into a 64 KiB bounce area,
 * from which it is chained: one system call per frame, whatever its size, and no large buffers for
 * small ones.
 *
 * Threads: a vnet_rx belongs to the worker that polls its queue; main creates and destroys.
 */
#ifndef VSW_PORTS_KERNEL_VNET_IO_H
#define VSW_PORTS_KERNEL_VNET_IO_H

#include <stddef.h>
#include <sys/uio.h>

#include "datapath/core/offload.h"
#include "datapath/core/pkt.h"
#include "ports/port.h"

#define VNET_RX_IOV 3 /* header, buffer, bounce area */
#define VNET_TX_IOV 48 /* header, head, and what a chained or lent packet is made of */

struct vnet_rx {
	struct rte_mempool *pool;
	struct rte_mbuf *spare; /* taken before the read, kept when there was nothing to read */
	uint8_t *bounce; /* PKT_LEN_MAX bytes */
	struct vnet_hdr hdr;
	struct iovec iov[VNET_RX_IOV];
};

/* -ENOMEM or 0. Main. */
int vnet_rx_init(struct vnet_rx *rx, struct rte_mempool *pool);
void vnet_rx_fini(struct vnet_rx *rx);

/* Point rx->iov at free memory for one frame; false: no buffer (count rx-no-memory). Worker. */
bool vnet_rx_prepare(struct vnet_rx *rx);

/*
 * A read returned `n` bytes into rx->iov: make it a packet. False: it was dropped, and counted.
 * VLAN tags are the caller's business. Worker.
 */
bool vnet_rx_finish(struct vnet_rx *rx, size_t n, struct pkt *pkt, struct port_counters *count);

/* Header and bytes of an item as an iovec: entries, or 0 if it is in too many pieces. Worker. */
unsigned int vnet_tx_iov(const struct tx_item *item, struct vnet_hdr *hdr, struct iovec *iov);

#endif
