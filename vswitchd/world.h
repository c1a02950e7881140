/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configured bridges and ports by name, and the datapath objects that stand for them.
 *
 * The datastore knows what was asked for; the datapath knows devices and ids. The world binds the
 * two: it is the datastore's backend (world_ops), and what keeps trying when a configured device
 * cannot be had. A port of the world always exists while it is configured; its dp_port may not.
 *
 * A transaction becomes a plan (plan.c): what must be stopped first, what is opened, what is only
 * changed. Stopping takes a grace period, so prepare and apply may end later, through the txn's
 * continuation.
 *
 * Threads: main only.
 */
#ifndef VSW_VSWITCHD_WORLD_H
#define VSW_VSWITCHD_WORLD_H

#include <jansson.h>
#include <sys/queue.h>

#include "datapath/dp/dp.h"
#include "schema/datastore.h"
#include "vswitchd/name_map.h"
#include "vswitchd/policy_config.h"
#include "vswitchd/port_numbers.h"
#include "vswitchd/system_parts.h"

#define WORLD_RETRY (1 * CLOCK_S) /* between attempts to open a failed port */

struct world;
struct world_acl;
struct world_mirror;
struct captures;
struct world_group;
struct plan;

/* How much of a bridge's MAC table was told of, see mac_events.h. */
struct mac_gate {
	uint64_t second; /* that `n` is of */
	uint32_t n;
	uint64_t lost; /* not told, since somebody was told of that */
	uint64_t told; /* the second of that */
	uint64_t queue_lost; /* counted of the table's queue so far */
};

struct world_bridge {
	TAILQ_ENTRY(world_bridge) link;
	char name[PORT_NAME_SIZE];
	struct dp_bridge *dp;
	json_t *config; /* the entry as configured, for its static addresses; owned */
	bool statics_wait; /* some found no room yet: tried again each second */
	SLIST_HEAD(, world_group) groups; /* bridge_policy.h */
	struct mac_gate macs;
};

/* Lines of the log about one port, see port_events.h. */
struct port_log {
	uint64_t full_at; /* when as many as may come at once may come again */
	uint32_t quiet; /* that were left out since the last one */
};

struct world_port {
	TAILQ_ENTRY(world_port) link;
	char name[PORT_NAME_SIZE];
	struct port_conf conf;
	struct dp_port_fwd fwd; /* fwd.bridge, number and policy are set when it is used */
	struct policy_config policy;
	char bridge[PORT_NAME_SIZE];
	struct dp_port *dp; /* NULL: failed, see reason */
	char reason[PORT_REASON_SIZE];
	uint64_t retry_at;
	struct port_counters past; /* of earlier devices of this port */
	struct port_missed past_missed; /* likewise */
	struct port_log log;
	bool seen; /* its status has been told */
	enum port_oper oper; /* as it was told last */
	uint16_t number; /* that rules know its name by, while it is configured; 0: none left */
};

TAILQ_HEAD(world_bridge_list, world_bridge);
TAILQ_HEAD(world_port_list, world_port);
TAILQ_HEAD(world_acl_list, world_acl);
TAILQ_HEAD(world_mirror_list, world_mirror);

struct world {
	struct dp *dp;
	const struct port_ops *const *types; /* ends with NULL */
	const char *run_dir;
	struct world_bridge_list bridges;
	struct world_port_list ports;
	struct world_acl_list acls; /* world_acl.h */
	struct world_mirror_list mirrors; /* world_mirror.h */
	struct name_map bridge_names;
	struct name_map port_names;
	struct name_map acl_names;
	struct name_map exclusive; /* resource (port_config_exclusive) to struct world_port */
	struct port_numbers numbers; /* of names of ports */
	struct system_parts parts; /* who carries out containers of /system */
	struct captures *captures; /* captures.h; NULL: nothing can be captured */
	struct plan *plan; /* of the running transaction */
	void (*kick)(void *arg); /* main has something to step soon */
	void *kick_arg;
	uint64_t statics_at; /* when waiting static addresses were last tried */
	uint64_t started; /* time of start, for uptime */
	/* A port has another status; NULL: nobody wants to know. */
	void (*event)(void *arg, const struct port_event *event);
	void *event_arg;
	json_t *(*memory)(void *arg); /* the state container /system/memory; NULL: none */
	void *memory_arg;
};

extern const struct ds_backend_ops world_ops; /* ctx: struct world */

/* For dp_options.late: counts that a closed device of the port still made. `arg` is the world. */
void world_port_late(void *arg, const char *name, const struct port_counters *counters,
	const struct port_missed *missed);

/* The caller sets dp, types, run_dir and kick; the lists are emptied. */
void world_init(struct world *world) ON_MAIN;
/* Frees names and configuration; the datapath's objects end with the dp. */
void world_fini(struct world *world) ON_MAIN;

/* The loop has ended: a transaction that still runs is not carried on. */
void world_abandon(struct world *world) ON_MAIN;

/* Put in and take out of the lists and maps. */
void world_add_bridge(struct world *world, struct world_bridge *bridge) ON_MAIN;
void world_del_bridge(struct world *world, struct world_bridge *bridge) ON_MAIN; /* frees */
void world_add_port(struct world *world, struct world_port *port) ON_MAIN;
void world_del_port(struct world *world, struct world_port *port) ON_MAIN; /* does not free */

/* A port that is in no list and has no device. NULL is legal. */
void world_port_free(struct world_port *port);

/* Retry ports that have no device, give up those whose device has gone. From main's timer. */
void world_step(struct world *world, uint64_t now) ON_MAIN;

struct world_bridge *world_find_bridge(const struct world *world, const char *name) ON_MAIN;
struct world_port *world_find_port(const struct world *world, const char *name) ON_MAIN;

static inline void
port_counters_add(struct port_counters *sum, const struct port_counters *more)
{
	sum->rx_packets += more->rx_packets;
	sum->rx_bytes += more->rx_bytes;
	sum->tx_packets += more->tx_packets;
	sum->tx_bytes += more->tx_bytes;
	for (int r = 0; r < DROP_N; r++) {
		sum->drops[r] += more->drops[r];
	}
}

/* Counters of the port over all its devices. */
void world_port_counters(const struct world *world, const struct world_port *port,
	struct port_counters *counters) ON_MAIN;
void world_port_missed(const struct world_port *port, struct port_missed *missed) ON_MAIN;

/* --- between world.c, plan.c and state.c ----------------------------------------------------- */

/* Who serves this type, and for types with several back ends this one; NULL: nobody. */
const struct port_ops *world_type(const struct world *world, const struct port_conf *conf);

/* Open the device; on failure reason and retry time are set, and err filled. */
int world_port_open(struct world *world, struct world_port *port, struct err *err) ON_MAIN;

/* Publish how the port forwards, and the static addresses that name it. */
void world_port_forward(struct world *world, struct world_port *port) ON_MAIN;

/* What the port's oper-status and reason are: its device's, or why there is none. */
void world_port_status(const struct world_port *port, struct port_status *status) ON_MAIN;

/* Count what a device of the port has counted as past: it is about to be closed. */
void world_port_keep(
	const struct world *world, struct world_port *port, const struct dp_port *dp) ON_MAIN;

/* Close the device; its counters are kept. */
void world_port_close(struct world *world, struct world_port *port, enum port_close why,
	void (*done)(void *arg), void *arg) ON_MAIN;

/*
 * Set the static addresses of a bridge whose port is there, and take away those of `old` (the
 * configuration before, or NULL) that are gone.
 */
void world_statics(struct world *world, struct world_bridge *bridge, const json_t *old) ON_MAIN;

/* The backend's check of a transaction; validate.c */
int world_validate(void *ctx, const struct ds_txn *txn, struct err *err);

/* State leaves; state.c */
void world_state(
	void *ctx, const char *list, const char *key, const char *member, json_t *entry) ON_MAIN;
int world_page(void *ctx, const char *list, const char *key, const char *child,
	struct ds_page *page, json_t **entries, struct err *err) ON_MAIN;

#endif
