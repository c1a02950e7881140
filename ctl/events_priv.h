/* SPDX-License-Identifier: BSD-3-Clause */
/* What events.c (who has asked for what) and events_tell.c (telling them) share. Main only. */
#ifndef VSW_CTL_EVENTS_PRIV_H
#define VSW_CTL_EVENTS_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ctl/events.h"

#define EVENTS_NAME_SIZE 64 /* of the schema's type "name", terminated */

struct subscription {
	enum event_topic topic;
	char bridge[EVENTS_NAME_SIZE]; /* "": all, and what is about none */
	char port[EVENTS_NAME_SIZE]; /* likewise */
};

/* A peer with at least one subscription. */
struct subscriber {
	TAILQ_ENTRY(subscriber) link;
	struct rpc_peer *peer;
	uint64_t lost; /* events since it was told last; > 0: it does not read */
	bool choked[2]; /* of topics that are not bulky, and that are: none before half is read */
	bool cut; /* we have ended the connection */
	uint64_t lost_ever;
	bool behind; /* has lost events since it was last found reading */
	uint64_t sent; /* bytes, at the last look */
	uint64_t read_at; /* the last look at which it had read; 0: nobody has looked yet */
	size_t n;
	struct subscription subscriptions[EVENTS_SUBSCRIPTIONS_MAX];
};

struct events {
	struct events_conf conf;
	TAILQ_HEAD(, subscriber) subscribers;
	size_t n_wanted[EVENT_TOPICS]; /* subscriptions of all peers */
	struct events_stats stats;
	uint64_t lost_told; /* of stats.lost */
	uint64_t looked_at;
};

#endif
