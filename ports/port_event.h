/* SPDX-License-Identifier: BSD-3-Clause */
/* Something that happened to a port, for the log and for events. Main only. */
#ifndef VSW_PORTS_PORT_EVENT_H
#define VSW_PORTS_PORT_EVENT_H

#include <stdbool.h>

struct port_event {
	const char *port;
	const char *what; /* a stable word: "guest-connected", "queue-stopped", "up", ... */
	int queue; /* of the guest's numbering; -1: the whole port */
	const char *oper; /* the status that it has now, as in the schema; NULL: not about that */
	bool routine; /* as it should be: worth no line in the log */
	const char *text; /* a sentence for people */
	const char *bridge; /* main's, of a port that is not there any more; else NULL */
};

#endif
