/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of functions that are built once for each kind of CPU.
 *
 * Meson builds vq_rx.c and vq_tx.c with VQ_ISA set to v2, v3 or v4 and the compiler options for
 * x86-64-v2, -v3, -v4; VQ_NAME(vq_rx) is then vq_rx_v4. vq.c puts them into tables.
 */
#ifndef VSW_PORTS_VHOST_VQ_ISA_H
#define VSW_PORTS_VHOST_VQ_ISA_H

#include "ports/vhost/vq.h"

#define VQ_PASTE2(a, b) a##_##b
#define VQ_PASTE(a, b) VQ_PASTE2(a, b)
#define VQ_NAME(name) VQ_PASTE(name, VQ_ISA)

#define VQ_DECLARE(isa)                                                                    \
	uint16_t vq_rx_##isa(struct vq *vq, const struct vq_view *view, struct pkt *pkts,  \
		uint16_t max, struct rte_mempool *pool, struct port_counters *count);      \
	void vq_release_##isa(                                                             \
		struct vq *vq, const struct vq_view *view, struct pkt *pkts, uint16_t n);  \
	void vq_tx_##isa(struct vq *vq, const struct vq_view *view, struct tx_item *items, \
		uint16_t n, struct port_counters *count);                                  \
	void vq_look_##isa(struct vq *vq, const struct vq_view *view)

VQ_DECLARE(v2);
VQ_DECLARE(v3);
VQ_DECLARE(v4);

#endif
