/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * State of vhost-user ports with the back end native, in the schema's JSON: the container guest,
 * and the list ring of each queue. Other ports have neither.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_STATE_VHOST_H
#define VSW_VSWITCHD_STATE_VHOST_H

#include <jansson.h>

#include "ports/port.h"

/*
 * Add to the entry of `port` in the list /port: the container guest, and to its list `queue` (one
 * entry for each queue pair from 0 on, more are appended if rings are told of beyond) the rings.
 * Nothing for a port of another kind.
 */
void state_vhost(const struct port *port, json_t *entry) ON_MAIN;

#endif
