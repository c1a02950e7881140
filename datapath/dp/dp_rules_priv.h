/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of datapath/dp: the flow tables of a bridge. Main. */
#ifndef VSW_DATAPATH_DP_DP_RULES_PRIV_H
#define VSW_DATAPATH_DP_DP_RULES_PRIV_H

#include "datapath/dp/dp_priv.h"
#include "datapath/dp/dp_rules.h"

struct dp_rules {
	struct dp *dp;
	struct rules *rules;
	struct rules_view *view; /* of the newest snapshot; NULL: no rules */
	bool stale; /* a batch was committed since `view` was made */
	struct rule_log log; /* of the next view */
	bool tags_move; /* a rule pushes or pops tags, or did since there were rules */
	uint64_t widened; /* rules_get_mask_changes, when keys were made */
	uint64_t narrowed;
	bool keys_stale;
	uint64_t keys_round; /* counts remakings of keys */
	uint64_t narrow_at; /* 0: not waiting */
	struct port_keys *keys; /* of ports that no rule asks for by name; NULL: no rules */
	uint64_t removed_packets;
	bool warned; /* that tables are slow */
	bool stepping; /* rules_step wants to be called again */
};

/* What the next snapshot has; makes what is stale. From dp_publish. */
const struct rules_view *dp_rules_view(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;

/* From dp_step: timeouts and freeing. True: call again, soon. */
bool dp_rules_step(struct dp *dp, uint64_t now) ON_MAIN;

/* Nobody sees the bridge's rules any more; NULL is legal. */
void dp_rules_free(void *rules);

#endif
