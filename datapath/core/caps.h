/* SPDX-License-Identifier: BSD-3-Clause */
/* What an output can be given; a property of a port, known here because offloads depend on it. */
#ifndef VSW_DATAPATH_CORE_CAPS_H
#define VSW_DATAPATH_CORE_CAPS_H

enum port_cap {
	PORT_CAP_CSUM = 1U << 0, /* takes PKT_OL_CSUM: finishes or passes on partial checksums */
	PORT_CAP_TSO4 = 1U << 1, /* takes PKT_OL_TCP4 */
	PORT_CAP_TSO6 = 1U << 2, /* takes PKT_OL_TCP6 */
	PORT_CAP_USO = 1U << 3, /* takes PKT_OL_UDP */
	PORT_CAP_TX_HASH = 1U << 4, /* TX queue by flow (tx_queue op), not by worker */
	PORT_CAP_ECN = 1U << 5, /* takes PKT_OL_ECN with TCP segmentation */
};

#endif
