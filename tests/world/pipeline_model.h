/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programmable pipeline of a switch, the slow way: rules are tried one by one, frames are
 * parsed anew at each table, checksums are summed over whole headers.
 *
 * Written from the words of datapath/pipe/action.h, policy.h and docs/bridge.md; it knows no masks
 * of ports, no programs and no caches. Rules of a table have distinct priorities. Time is whole
 * seconds; ageing times and timeouts lie between the steps in which a test lets it pass.
 *
 * Where those words leave it open why a frame was lost, any of the reasons that came up will do.
 */
#ifndef VSW_TESTS_WORLD_PIPELINE_MODEL_H
#define VSW_TESTS_WORLD_PIPELINE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/core/match.h"
#include "datapath/core/parse.h"
#include "datapath/pipe/action.h"
#include "datapath/pipe/policy.h"
#include "datapath/pipe/vlan_model.h"

#define PIPELINE_BRIDGES 2
#define PIPELINE_PORTS 8
#define PIPELINE_RULES 512 /* of a bridge */
#define PIPELINE_STATIONS 1000
#define PIPELINE_ENTRIES 24 /* of an access list */
#define PIPELINE_ACLS 4
#define PIPELINE_FRAME 2048
#define PIPELINE_ROOM (PIPELINE_FRAME + 512) /* with tags */
#define PIPELINE_OUTS 256 /* copies of one frame */
#define PIPELINE_GROUPS 4
#define PIPELINE_BUCKETS 4
#define PIPELINE_HEADROOM 16 /* bytes that tags may take: PKT_HEADROOM */
#define PIPELINE_HEAD 192 /* bytes that a port shows of a frame that it lends: PKT_HEAD_MIN */

#define REASON(reason) (UINT64_C(1) << (reason))

struct pipeline_rule {
	bool there;
	uint8_t table;
	uint16_t priority;
	uint16_t idle_s; /* 0: none */
	uint16_t hard_s;
	uint64_t id; /* its cookie, not used twice */
	struct match match;
	struct action_list *actions; /* the model's own */
	uint64_t created; /* s */
	uint64_t used;
	uint64_t packets;
	uint64_t bytes;
};

struct pipeline_entry {
	struct match match;
	bool accept;
	uint64_t packets;
};

struct pipeline_acl {
	unsigned int n;
	struct pipeline_entry entries[PIPELINE_ENTRIES];
	bool accept_rest;
	uint64_t rest;
};

struct pipeline_bucket {
	uint16_t watch; /* port number, 0: always lives */
	struct action_list *actions;
};

struct pipeline_group {
	bool there;
	enum group_type type; /* not GROUP_SELECT */
	uint32_t id;
	unsigned int n;
	struct pipeline_bucket buckets[PIPELINE_BUCKETS];
};

struct pipeline_port {
	bool there;
	uint16_t number;
	int bridge; /* -1: none */
	bool enabled;
	bool protected_port;
	uint32_t mtu;
	int acl_in; /* -1: none */
	int acl_out;
	struct spoof_view spoof;
	struct vlan_model_port vlan;
};

struct pipeline_bridge {
	uint32_t aging; /* s, 0: never */
	bool forward_reserved;
	struct pipeline_rule rules[PIPELINE_RULES];
	struct pipeline_group groups[PIPELINE_GROUPS];
	uint64_t packets; /* of all rules that ever were */
	uint64_t removed; /* of these, of rules that have gone */
};

struct pipeline_station {
	int bridge; /* -1: the entry is free */
	int port;
	uint16_t vid;
	uint8_t mac[6];
	uint64_t seen; /* s */
	/*
	 * When it was learned. A cached flow tells of its source by and by, and not if it is
	 * forgotten before: what is kept by that alone may have gone (`doubt`).
	 */
	uint64_t learned;
	bool doubt;
};

struct pipeline {
	uint64_t now; /* s */
	struct pipeline_bridge bridges[PIPELINE_BRIDGES];
	struct pipeline_port ports[PIPELINE_PORTS];
	struct pipeline_acl acls[PIPELINE_ACLS];
	struct pipeline_station stations[PIPELINE_STATIONS];
};

/* A copy that left, or was lost at the port that should have sent it. */
struct pipeline_out {
	int port;
	uint64_t lost; /* 0: sent; else the reasons of which one was counted */
	uint32_t len;
	struct pkt_offload ol;
	uint8_t *bytes; /* of the result's heap; freed by pipeline_result_fini */
};

struct pipeline_result {
	uint64_t lost; /* at the input port; 0: not at all */
	bool learned; /* a station came or moved */
	unsigned int n_outs;
	struct pipeline_out outs[PIPELINE_OUTS];
	uint64_t why; /* all that kept a copy from being made */
	unsigned int n_met;
	uint64_t met[64]; /* ids of the rules, for messages */
};

/* A frame on its way. */
struct pipeline_frame {
	uint8_t bytes[PIPELINE_ROOM];
	uint32_t len;
	uint32_t head; /* bytes of it that may be looked at */
	unsigned int headroom;
	int in;
	uint32_t regs[FIELDS_REGS];
	struct pkt_offload ol;
	/*
	 * What action.h says of fields that do not tell all: behind the first `visible` tags is
	 * one more, of which only the TPID is known; and what was no neighbor discovery once, is
	 * none any more.
	 */
	bool hidden;
	bool no_nd;
	/*
	 * It was dropped, by its TTL or an edit that was refused, but a program is for all frames
	 * of a flow: the rules that come behind count it, and its source is learned.
	 */
	bool ghost;
	/* What the parser found on receive; tags have moved it since. */
	struct parsed first;
	int moved;
	unsigned int visible;
	uint16_t hidden_tpid;
};

void pipeline_init(struct pipeline *pipeline);
void pipeline_fini(struct pipeline *pipeline);

/* A frame arrives; `ol` may promise a checksum (PKT_OL_CSUM), but no segments. */
void pipeline_receive(struct pipeline *pipeline, int port, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol, struct pipeline_result *result);
void pipeline_result_fini(struct pipeline_result *result);

/* Forget what the port has taught. */
void pipeline_forget(struct pipeline *pipeline, int port);

/* Seconds pass: addresses age, rules time out. The caller clears up what is in doubt. */
void pipeline_sleep(struct pipeline *pipeline, uint64_t seconds);

/* --- rules: `list` is copied ------------------------------------------------------------------ */

/* In place of one with the same table, match and priority. */
struct pipeline_rule *pipeline_add(struct pipeline *pipeline, int bridge,
	const struct pipeline_rule *rule, const struct action_list *list);
void pipeline_modify(struct pipeline_rule *rule, const struct action_list *list);
void pipeline_remove(struct pipeline *pipeline, int bridge, struct pipeline_rule *rule);
struct pipeline_rule *pipeline_find(struct pipeline *pipeline, int bridge, uint64_t id);

struct action_list *pipeline_list_copy(const struct action_list *list);

/* --- policy, pipeline_model_policy.c ------------------------------------------------------------
 */

bool pipeline_matches(const struct match *match, const struct fields *fields);

/* Counts. */
bool pipeline_acl_accepts(struct pipeline_acl *acl, const struct pipeline_frame *frame);

/* Reasons, of which one is counted; 0: it may pass. */
uint64_t pipeline_spoofed(const struct spoof_view *spoof, const struct pipeline_frame *frame);

/* --- edits, pipeline_model_edit.c
 * ------------------------------------------------------------------- */

void pipeline_begin(struct pipeline_frame *frame, int in, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol);

/* What its rules may look at. */
void pipeline_fields(const struct pipeline_frame *frame, uint16_t number, struct fields *fields);

/* Carry the action out. 0, or the reason for which the frame is dropped, as REASON(). */
uint64_t pipeline_edit(struct pipeline_frame *frame, const struct action *action);

#endif
