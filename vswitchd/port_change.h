/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another status of a port, of whatever type, as a struct port_event: up, down, attached, detached,
 * stopped, failed, recovered.
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_PORT_CHANGE_H
#define VSW_VSWITCHD_PORT_CHANGE_H

#include "vswitchd/world.h"

/* Tell that a deleted port is gone, its device closed: nothing comes after that. */
void port_change_deleted(struct world *world, const struct world_port *port) ON_MAIN;

/* Tell world->event if the status is another than the one that was told last. */
void port_change_tell(
	struct world *world, struct world_port *port, const struct port_status *status) ON_MAIN;

#endif
