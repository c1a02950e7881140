/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hash of a packet's flow, for spreading over queues: addresses and ports where it has them. Not a
 * defence: who can choose the fields can choose the queue. Any worker.
 */
#ifndef VSW_DATAPATH_PIPE_FLOW_HASH_H
#define VSW_DATAPATH_PIPE_FLOW_HASH_H

#include <stdint.h>

#include "datapath/core/pkt.h"

/* Never 0; remembered in pkt->hash. */
uint32_t flow_hash(struct pkt *pkt);

#endif
