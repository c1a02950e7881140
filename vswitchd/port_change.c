/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/port_change.h"

#include <stddef.h>

/* The word for coming from one status to another; NULL: worth none. `first`: `from` is nothing. */
static const char *
change_word(bool first, enum port_oper from, enum port_oper to)
{
	bool recovered = !first && from == PORT_FAILED;

	switch (to) {
	case PORT_UP:
		return recovered                          ? "recovered"
			: !first && from == PORT_NO_GUEST ? "attached"
							  : "up";
	case PORT_NO_GUEST:
		/* A new port waits for its guest: nobody has left. */
		return recovered          ? "recovered"
			: first           ? NULL
			: from == PORT_UP ? "detached"
					  : "down";
	case PORT_DOWN:
		return recovered ? "recovered" : "down";
	case PORT_STOPPED:
		return "stopped";
	case PORT_FAILED:
		return "failed";
	}
	return NULL;
}

void
port_change_tell(struct world *world, struct world_port *port, const struct port_status *status)
{
	bool first = !port->seen;
	enum port_oper from = port->oper;
	enum port_oper oper = status->oper;
	const char *reason = status->reason;
	const char *word;

	if (!first && oper == from) {
		return;
	}
	port->seen = true;
	port->oper = oper;
	word = change_word(first, from, oper);
	if (word != NULL && world->event != NULL) {
		world->event(world->event_arg,
			&(struct port_event){.port = port->name,
				.what = word,
				.queue = -1,
				.oper = port_oper_name(oper),
				.routine = first && oper == PORT_UP,
				.text = reason[0] != '\0' ? reason
					: oper == PORT_UP ? "frames can pass"
							  : "no reason is known"});
	}
}

void
port_change_deleted(struct world *world, const struct world_port *port)
{
	if (world->event != NULL) {
		world->event(world->event_arg,
			&(struct port_event){.port = port->name,
				.what = "deleted",
				.queue = -1,
				.routine = true,
				.text = "the port is no longer there",
				.bridge = port->bridge});
	}
}
