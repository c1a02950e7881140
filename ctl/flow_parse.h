/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of the reader of flow_text.h. Private to ctl/flow_text*.c.
 */
#ifndef VSW_CTL_FLOW_PARSE_H
#define VSW_CTL_FLOW_PARSE_H

#include "ctl/flow_lex.h"

struct flow_parse {
	struct flow_lex lex;
	struct flow_where where;
	struct flow_rule *rule;
	uint64_t implied; /* fields that only a short word set: may be said again */
	uint64_t either; /* fields named nw_ or tp_: with arp and icmp they mean others */
	/* of each present field: the word that was used, where, and what it needs besides */
	struct flow_word used[FLOW_FIELDS];
	enum flow_need needs[FLOW_FIELDS];
};

/* The word was read with its value, and is known as one of a match. */
int flow_match_word(
	struct flow_parse *parse, const struct flow_known *known, const struct flow_word *word);

/* All words of the match were read: what they mean together. */
int flow_match_finish(struct flow_parse *parse);

/* The rest of the text is actions. */
int flow_actions_read(struct flow_parse *parse);

/* What set_field:...->TARGET and load:...->TARGET write. */
struct flow_target {
	enum flow_field field;
	bool vid; /* vlan_vid: the value may have the bit 0x1000 */
	bool tos; /* nw_tos: the value is the DSCP times 4 */
	bool part; /* [low..high] was given */
	unsigned int low; /* of the field's own bits */
	unsigned int bits;
};

int flow_target_scan(
	const struct flow_where *where, struct flow_slice slice, struct flow_target *target);

/* VALUE[/MASK] into a target; `load` takes only numbers. */
int flow_target_value(const struct flow_where *where, const struct flow_target *target,
	struct flow_slice value, bool load, struct flow_set *set);

#endif
