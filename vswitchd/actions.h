/* SPDX-License-Identifier: BSD-3-Clause */
/* The schema's rpcs that the datapath carries out: fdb-flush, clear-counters, fake-*. Main only. */
#ifndef VSW_VSWITCHD_ACTIONS_H
#define VSW_VSWITCHD_ACTIONS_H

#include "ctl/methods.h"

/* Ends with a NULL name; the context is the struct world. */
extern const struct rpc_action world_actions[];

#endif
