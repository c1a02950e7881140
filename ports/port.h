/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port contract: what a port type is to the rest of the switch.
 *
 * A type is one `static const struct port_ops`, listed in vswitchd/boot.c. The datapath sees ports
 * only through this header.
 *
 * Life of a port, and who does what:
 *
 *	1. check(conf)           main  Is the request sensible? Looks (interface exists, path short
 *	                               enough, driver bound), touches nothing.
 *	2. open(conf, env)       main  Everything that can fail: create or probe the device, set up
 *	                               queues, start it. Frames may queue up inside from now on.
 *	3. (published)                 Workers call rx_burst, tx_burst, rx_release. Main may call
 *	                               change, status and poll meanwhile.
 *	4. (unpublished, grace period passed)  No worker is inside any function of the port, and
 *	                               none will be.
 *	5. close(port, why)      main  Stop the device, give everything back, free. Cannot fail.
 *
 * open() reports a device that cannot be had with a message of its own making, found by looking
 * before probing; never one derived from a library's return code.
 *
 * Types derive by embedding struct port as their first member and casting down with
 * container_of-style helpers of their own. Optional members of the table may be NULL where noted;
 * port_ops_check() asserts the others.
 *
 * Counting: whoever loses a packet counts it, at once, in the struct port_counters it was handed,
 * so that received = staged + dropped and staged = sent + dropped hold to the packet. A frame that
 * a port takes from its device and drops is one that it has received.
 */
#ifndef VSW_PORTS_PORT_H
#define VSW_PORTS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/reactor.h"
#include "base/role.h"
#include "datapath/core/caps.h"
#include "datapath/core/drop.h"
#include "datapath/core/grace.h"
#include "datapath/core/mbuf_pools.h"
#include "datapath/core/pkt.h"
#include "ports/missed.h"
#include "ports/port_event.h"

#define PORT_NAME_SIZE 64 /* schema: at most 63 characters */
#define PORT_QUEUES_MAX 128 /* queues, or queue pairs, of one port */
#define PORT_REASON_SIZE 512
#define PORT_SOCKET_PATH_MAX 107 /* unix(7): sun_path holds 108 bytes with its terminator */
#define PORT_MTU_DEFAULT 1500
#define PORT_PERMISSIONS_DEFAULT 0660
#define PORT_IFNAME_MAX 15 /* netdevice(7): IFNAMSIZ - 1 */

#define PORT_PEER_UIDS_MAX 16

/* What a guest is offered unless the port says otherwise (leaf-list disable-feature). */
#define PORT_FEATURES(X)                                                                   \
	X(PORT_FEATURE_CHECKSUM, "checksum", "partial checksums, both ways")               \
	X(PORT_FEATURE_TSO, "tso", "TCP segmentation, both ways; needs checksum")          \
	X(PORT_FEATURE_ECN, "ecn", "TCP segmentation with ECN; needs tso")                 \
	X(PORT_FEATURE_USO, "uso", "UDP segmentation, both ways; needs checksum")          \
	X(PORT_FEATURE_MERGEABLE, "mergeable", "frames in several receive buffers")        \
	X(PORT_FEATURE_INDIRECT, "indirect", "indirect descriptors")                       \
	X(PORT_FEATURE_EVENT_IDX, "event-index", "notifications by index")                 \
	X(PORT_FEATURE_IN_ORDER, "in-order", "buffers used in the order of their posting") \
	X(PORT_FEATURE_PACKED, "packed", "packed rings")

enum port_feature {
#define X(id, name, doc) id,
	PORT_FEATURES(X)
#undef X
		PORT_FEATURE_N
};

/* What a port asks for; typed leaves of the schema's /port list. Strings are "" when not given. */
struct port_conf {
	char name[PORT_NAME_SIZE];
	char type[16];
	uint16_t mtu; /* bytes of the layer 3 packet, 68..9702 */
	uint16_t queues; /* 1..PORT_QUEUES_MAX */
	bool trusted; /* memif, virtio-user: the peer may see the daemon's packet memory */
	bool client; /* vhost-user: mode=client; memif: role=client */
	bool require_seals; /* vhost-user: refuse memory that its owner can take away */
	char backend[16]; /* vhost-user: "native" or "dpdk" */
	uint32_t features_off; /* vhost-user: bits 1 << enum port_feature */
	uint16_t n_peer_uids; /* vhost-user: who may connect; 0: anybody whom the file lets */
	uint32_t peer_uids[PORT_PEER_UIDS_MAX];
	uint32_t id; /* memif */
	mode_t permissions; /* of the socket file */
	char socket[256];
	char owner[64]; /* user name or uid of the socket file */
	char group[64];
	char path[256];
	char netns[256]; /* name below /run/netns, absolute path, or pid */
	char ifname[64]; /* longer than allowed, so that check() can say so */
	char pci[32];
	char devargs[512];
	char rx_file[256];
	char tx_file[256];
};

/* What the daemon lends to ports; outlives them. */
struct port_env {
	struct reactor *reactor; /* main's loop; NULL where there is none (tests with fake ports) */
	void (*event)(void *arg, const struct port_event *event); /* main; may be NULL */
	void *event_arg;
	struct mbuf_pools *pools; /* NULL where there is no EAL (tests with fake ports) */
	struct grace *grace;
	unsigned int n_workers;
	bool hugepages;
	const char *run_dir; /* folder of the control socket */
};

/*
 * PORT_DOWN is left to the port: it comes up by itself. PORT_FAILED says that the device is of no
 * use any more: whoever sees it closes the port and tries to open it again.
 */
enum port_oper { PORT_UP, PORT_DOWN, PORT_NO_GUEST, PORT_STOPPED, PORT_FAILED };

/* What helps when a guest's memory does not come. */
#define PORT_SHARE_HINT                                        \
	"guest memory is not shared: start QEMU with -object " \
	"memory-backend-memfd,id=mem,size=SIZE,share=on -numa node,memdev=mem"

struct port_status {
	enum port_oper oper;
	char reason[PORT_REASON_SIZE]; /* why it is not up, or not wholly, and what helps */
	uint16_t n_rxq; /* queues that rx_burst may be called for now */
	uint16_t n_txq;
};

/* One writer (the worker), read by main with relaxed loads. */
struct port_counters {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t drops[DROP_N];
};

static inline void
port_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Why a port is closed: a stopping daemon leaves behind what a restarted one can find again. */
enum port_close { PORT_CLOSE_DELETED, PORT_CLOSE_SHUTDOWN };

struct port_ops;

/* Common part, first member of every type's own structure. */
struct port {
	/* read by workers; set in open(), then constant but for those marked atomic */
	const struct port_ops *ops;
	uint32_t caps; /* enum port_cap; atomic: a guest may negotiate after open */
	uint16_t n_rxq; /* rx queue ids are 0..n_rxq-1, polled by one worker each */
	uint16_t n_txq; /* tx queue ids are 0..n_txq-1 */
	struct rte_mempool *pool; /* buffers of this port, for materialised copies too */
	/* main only */
	char name[PORT_NAME_SIZE];
};

struct port_ops {
	const char *type; /* as in the schema */
	const char *backend; /* of the same type, when there are several; else NULL */

	/* --- main ---------------------------------------------------------------------------- */
	int (*check)(const struct port_conf *conf, struct err *err);
	int (*open)(const struct port_conf *conf, const struct port_env *env, struct port **port,
		struct err *err);
	void (*close)(struct port *port, enum port_close why);
	/* Apply the difference to the configuration of before, if all of it can change while
	 * running. -EOPNOTSUPP: close and open again instead. NULL: every change needs that. */
	int (*change)(struct port *port, const struct port_conf *conf, struct err *err);
	void (*status)(const struct port *port, struct port_status *status);
	/* Housekeeping about every 100 ms; may be NULL. */
	void (*poll)(struct port *port, uint64_t now);
	/* What was lost before the port had it, since open; never less than before. NULL: nobody
	 * keeps count of that. */
	void (*missed)(struct port *port, struct port_missed *missed);

	/* --- a worker, inside a burst ----------------------------------------------------------
	 */
	/* Up to `max` (<= PKT_BURST) packets, in_port left to the caller. Counts rx_packets and
	 * rx_bytes for those it returns; those it drops by port_drop_received(). */
	uint16_t (*rx_burst)(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
		struct port_counters *count);
	/* Ends the loan of the packets that the last rx_burst on this queue returned, after the
	 * flush; frees mbufs that nobody took. NULL: pkt_free each. */
	void (*rx_release)(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t n);
	/*
	 * Send. When it returns, each item's bytes are copied or its mbuf is owned by the port.
	 * Never blocks. Counts each item as sent or dropped, and marks the dropped ones
	 * (port_lose()), whose bytes can still be read afterwards (pkt_give_back()); does not touch
	 * n_out. The caller holds the queue if it is shared.
	 */
	void (*tx_burst)(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
		struct port_counters *count);
	/* With PORT_CAP_TX_HASH: the queue for a flow, or -1 if none is enabled (no-guest). */
	int (*tx_queue)(const struct port *port, uint32_t hash);
};

/* All mandatory members are there. At start; aborts otherwise. */
void port_ops_check(const struct port_ops *ops);

/* Do two configurations ask for the same device, but for its mtu? What most types can change. */
bool port_conf_same_but_mtu(const struct port_conf *a, const struct port_conf *b);

/* Name of an oper status in the schema; never NULL. Any thread. */
const char *port_oper_name(enum port_oper oper);

/* Count n packets as lost for one reason. A worker. */
static inline void
port_drop(struct port_counters *count, enum drop_reason reason, uint16_t n)
{
	port_count(&count->drops[reason], n);
}

/* rx_burst: n frames came, and are lost before they are packets. */
static inline void
port_drop_received(struct port_counters *count, enum drop_reason reason, uint16_t n)
{
	port_count(&count->rx_packets, n);
	port_drop(count, reason, n);
}

/* tx_burst: these are not sent; counted elsewhere. */
static inline void
port_mark_lost(struct tx_item *items, uint16_t n, enum drop_reason reason)
{
	for (uint16_t i = 0; i < n; i++) {
		items[i].lost = (uint8_t)(reason + 1);
	}
}

/* tx_burst: these are not sent. */
static inline void
port_lose(struct port_counters *count, struct tx_item *items, uint16_t n, enum drop_reason reason)
{
	port_mark_lost(items, n, reason);
	port_drop(count, reason, n);
}

#endif
