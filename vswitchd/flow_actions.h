/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The actions of a rule: what a user wrote (ctl/flow_rule.h) and what the datapath carries out
 * (datapath/pipe/action.h).
 *
 * Ports must be there when a rule is made: the namer decides. Meters and groups need not: until
 * there is a group of this id, or when it has gone, a packet for it is dropped (no-bucket); a meter
 * that is not there lets all pass. Main only.
 */
#ifndef VSW_VSWITCHD_FLOW_ACTIONS_H
#define VSW_VSWITCHD_FLOW_ACTIONS_H

#include "ctl/flow_rule.h"
#include "datapath/pipe/action.h"
#include "vswitchd/port_numbers.h"

/*
 * *out: a list of its own, free(3). The error's path is "actions/2/port", counted from 0:
 *
 *	the namer's   a port that the rule may not name
 *	ERR_TOO_BIG   the list is longer than ACTION_LIST_MAX
 *	ERR_INVALID   goto-table does not lead to a later table than the rule's, or than 0 when the
 *	              rule says any_table: then flow_actions_goto() helps to check each rule
 */
int flow_actions_make(const struct flow_rule *rule, const struct port_namer *namer,
	struct action_list **out, struct err *err) ON_MAIN;

/*
 * The actions of a group's bucket, as text ("set_field:...->dl_dst,output:vm1"); fields may be set
 * without a match, packets that lack them stay as they are. Edits, output, in_port, meter, punt and
 * sample; ERR_INVALID for the others. The error's path is "actions".
 */
int flow_actions_bucket(const char *text, const struct port_namer *namer, struct action_list **out,
	struct err *err) ON_MAIN;

/* Sets n_actions and actions, nothing else. The list is one of those above. */
void flow_actions_tell(const struct action_list *list, const struct port_namer *namer,
	struct flow_rule *rule) ON_MAIN;

/* Does the list have an output to this port (by number)? */
bool flow_actions_output(const struct action_list *list, uint16_t number);

/* The table that the list goes to; 0: it does not. */
uint8_t flow_actions_goto(const struct action_list *list);

#endif
