/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of datapath/dp: main's objects and what it keeps until a grace period has passed. */
#ifndef VSW_DATAPATH_DP_DP_PRIV_H
#define VSW_DATAPATH_DP_DP_PRIV_H

#include <sys/queue.h>

#include "datapath/dp/dp.h"
#include "datapath/dp/dp_flows.h"
#include "datapath/dp/dp_loss.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/worker.h"
#include "datapath/pipe/meter.h"

/* Something a worker may still see; freed when its token has passed. */
struct retired {
	STAILQ_ENTRY(retired) link;
	uint64_t token;
	void (*free_fn)(void *object);
	void *object;
};

enum dp_port_state {
	DP_PORT_OPEN, /* device open, in no snapshot yet */
	DP_PORT_PUBLISHED, /* or will be with the next publication */
	DP_PORT_DRAINING, /* out of the next snapshot; waits for it (token 0), then for its grace */
	DP_PORT_FLUSHING, /* device closed; MAC addresses are being forgotten */
	DP_PORT_LEAVING, /* waits for the second grace period */
	DP_PORT_SWEEPING, /* workers forget what they have lost of it, then the id is free */
};

struct rule_slot_counts;
struct slot_resting;
struct dp_flows;
struct dp_rules;

/* rule_slots.h */
struct rule_slots {
	uint32_t n_begun; /* slots 1..n_begun have been given out once */
	uint32_t n_free;
	uint32_t n_room;
	uint32_t *free; /* owned */
	struct rule_slot_counts *base; /* owned; by slot: where it stood when it was given out */
	STAILQ_HEAD(, slot_resting) resting;
	uint64_t round;
	uint64_t passes[DP_WORKERS_MAX]; /* of each worker when the round began */
};

/* dp_keys.h: a mask and its id. */
struct dp_mask {
	SLIST_ENTRY(dp_mask) bucket;
	STAILQ_ENTRY(dp_mask) link; /* while nobody uses it */
	struct fields mask;
	uint32_t refs;
	uint16_t id;
	bool resting;
	uint64_t round; /* in which its last user went */
};

#define DP_MASK_BUCKETS 1024

struct dp_masks {
	uint32_t n; /* ids given out so far */
	SLIST_HEAD(, dp_mask) buckets[DP_MASK_BUCKETS];
	STAILQ_HEAD(, dp_mask) unused; /* longest unused first */
	struct dp_mask *by_id[UINT16_MAX + 1];
};

/* What a port's policy has come to; its views name what is here. */
struct port_guard {
	const struct dp_acl *acl_in;
	const struct dp_acl *acl_out;
	struct spoof_view *spoof; /* own */
	struct meter *storm[STORM_KINDS]; /* own */
	bool protected_port;
	bool up; /* the device was, when main last looked */
};

struct dp_port {
	TAILQ_ENTRY(dp_port) link;
	uint32_t id;
	enum dp_port_state state;
	struct port *device; /* NULL after close */
	struct port_view *view;
	struct dp_bridge *bridge;
	struct txq_lock *tx_locks;
	struct port_guard guard;
	struct capture_list *captures; /* that look at it; NULL: none */
	struct mirror_list *mirrors; /* that copy from it; NULL: none */
	struct port_counters at_close; /* what dp_port_close's caller could read */
	struct port_missed missed_at_close; /* likewise */
	struct port_counters base; /* sums when the port was opened or cleared */
	struct port_missed missed_base; /* likewise */
	struct dp_port_flows flows_base; /* likewise */
	struct dp_port_loss loss; /* likewise */
	uint32_t sweep;
	struct port_keys *keys; /* its own; NULL: its bridge's */
	bool keys_stale;
	uint64_t keys_round; /* of its bridge's rules, when `keys` were made */
	int16_t rxq_worker[PORT_QUEUES_MAX];
	enum port_close why; /* of the deletion, as what follows */
	uint64_t token;
	uint64_t since;
	void (*done)(void *arg);
	void *done_arg;
};

struct dp_bridge {
	TAILQ_ENTRY(dp_bridge) link;
	uint32_t id;
	uint32_t n_members;
	bool view_stale; /* members or options changed since `view` was built */
	bool members_stale; /* the same members, but some have other views */
	struct bridge_view *view;
	struct fdb *fdb;
	struct dp_rules *rules; /* NULL: there never was one */
	struct dp_bridge_conf conf;
	uint64_t flooded_base;
	struct fdb_stats past; /* of tables that were replaced */
	/* by rising id; arrays are replaced, never changed once published */
	uint32_t n_meters;
	struct meter_view *meters;
	uint32_t n_groups;
	const struct group_view **groups;
	uint64_t *watched; /* bits by port number that buckets watch; NULL: none */
	struct meter *punt_meter;
	struct dp_punt_stats punts; /* `lost` is what the queues had lost when it was zero */
};

TAILQ_HEAD(dp_port_list, dp_port);
TAILQ_HEAD(dp_bridge_list, dp_bridge);
LIST_HEAD(dp_acl_list, dp_acl);

struct dp {
	struct dp_options options;
	struct grace grace;
	struct port_env env;
	/* release-stored by main, acquire-loaded by workers once per loop */
	const struct snapshot *snapshot;
	struct worker **workers;
	bool dirty;
	bool telling_macs;
	uint64_t version;
	uint64_t next_id_seed;
	struct dp_port *ports[DP_PORTS_MAX]; /* by id, from open until the id is free */
	struct dp_bridge *bridges[DP_BRIDGES_MAX]; /* by id */
	uint32_t last_port_id;
	uint32_t last_bridge_id;
	struct rule_slots slots;
	struct dp_masks masks;
	struct dp_loss loss;
	struct dp_flows *flows; /* questions to workers, dp_flows.h; NULL: none yet */
	struct dp_port_list live; /* OPEN and PUBLISHED */
	uint32_t n_rxq[DP_WORKERS_MAX]; /* queues of live ports that each worker polls */
	struct dp_port_list leaving; /* the other states */
	struct dp_bridge_list bridge_list;
	struct dp_acl_list acls;
	LIST_HEAD(, dp_capture) captures;
	LIST_HEAD(, dp_mirror) mirrors;
	STAILQ_HEAD(, retired) deferred; /* in the newest snapshot; retired by the next one */
	STAILQ_HEAD(, retired) retired;
	uint32_t n_waiting; /* snapshots among both */
	uint64_t now; /* of the last dp_step */
	uint64_t swept_at; /* last FDB upkeep */
	uint64_t polled_at; /* last ops->poll round */
	struct punted punted; /* the one in hand, dp_punt.c */
};

/* Free what the newest snapshot still names, a grace period after the next publication. */
void dp_retire(struct dp *dp, void (*free_fn)(void *object), void *object);

/* What retired snapshots are freed by. */
void dp_snapshot_free(void *snapshot);

/* Each table gets a seed of its own, so that one that leaks says nothing about the next. */
uint64_t dp_next_seed(struct dp *dp) ON_MAIN;

/* Continue deletions; true while one waits. dp_port.c */
bool dp_ports_step(struct dp *dp, uint64_t now) ON_MAIN;

/* FDB ageing; dp_bridge.c */
void dp_bridges_step(struct dp *dp, uint64_t now) ON_MAIN;

/* The meter and counters of a new bridge; -ENOMEM or 0. dp_punt.c */
int dp_punt_init(const struct dp *dp, struct dp_bridge *bridge) ON_MAIN;
void dp_punt_fini(struct dp_bridge *bridge) ON_MAIN;

/* The bridge's configuration has changed. */
void dp_punt_set(struct dp_bridge *bridge) ON_MAIN;

/* Count from zero. */
void dp_punt_clear(const struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

/* Take what workers have put; true if there was any. */
bool dp_punts_step(struct dp *dp, uint64_t now) ON_MAIN;

/* The port's view, not published yet, gets the captures that look at it, dp_capture.c, and the
 * mirrors; it may be an output of some, dp_mirror.c. */
void dp_port_captures_set(struct dp *dp, struct dp_port *port) ON_MAIN;
void dp_port_mirrors_set(struct dp *dp, struct dp_port *port) ON_MAIN;
void dp_mirrors_forget_port(struct dp *dp, const struct dp_port *port) ON_MAIN;

/* A new view for a published port whose captures or mirrors have changed. */
void dp_port_view_renew(struct dp *dp, struct dp_port *port) ON_MAIN;

/* Close everything at once, workers have stopped. */
void dp_captures_shutdown(struct dp *dp) ON_MAIN;
void dp_mirrors_shutdown(struct dp *dp) ON_MAIN;
void dp_ports_shutdown(struct dp *dp, enum port_close why) ON_MAIN;
void dp_bridges_shutdown(struct dp *dp) ON_MAIN;

/* --- policy: dp_acl.c, dp_policy.c, dp_meter.c, dp_group.c ----------------------------------- */

void dp_acls_shutdown(struct dp *dp) ON_MAIN; /* workers have stopped */
bool dp_acls_step(struct dp *dp) ON_MAIN; /* frees; true: call again, soon */

/* The ports that hold the list, and mirrors, look into its new view from the next dp_publish on. */
void dp_ports_acl_set(struct dp *dp, const struct dp_acl *acl) ON_MAIN;
void dp_mirrors_acl_set(struct dp *dp, const struct dp_acl *acl) ON_MAIN;

bool dp_meter_conf_equal(const struct meter_conf *a, const struct meter_conf *b);
struct meter *dp_meter_new(const struct meter_conf *conf); /* NULL: -EINVAL of meter.h */

/* Take over a policy, NULL: none; fill it into a view; free it with the port. */
void dp_port_policy_set(struct dp *dp, struct dp_port *port, const struct dp_port_policy *policy);
void dp_port_policy_view(const struct dp_port *port, struct port_view *view);
void dp_port_policy_free(struct dp_port *port);

/* Ask the device whether frames can pass. */
bool dp_port_look(const struct dp_port *port) ON_MAIN;

/*
 * Look at the ports that groups watch, of one bridge or (NULL) of all, and remake the views of
 * those that came up or went down. True: publish.
 */
bool dp_ports_watch(struct dp *dp, const struct dp_bridge *bridge) ON_MAIN;

bool dp_group_watches(const struct dp_bridge *bridge, uint16_t number);

/* With the bridge. */
void dp_bridge_free_meters(struct dp *dp, struct dp_bridge *bridge);
void dp_bridge_free_groups(struct dp *dp, struct dp_bridge *bridge);

/* Rebuild a bridge's member list; snapshot.c */
void dp_bridge_touch(struct dp *dp, struct dp_bridge *bridge);

#endif
