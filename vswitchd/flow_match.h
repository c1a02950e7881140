/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The match of a rule: what a user wrote (ctl/flow_rule.h) and what packets are compared with
 * (datapath/core/match.h).
 *
 * Prerequisites. A field's mask asks for what decides whether the packet has that field, as
 * fields_mask_complete has it, and the value says that it does: an IPv4 address asks for a whole
 * IPv4 header, a port for a whole TCP, UDP or SCTP header and therefore for no later fragment. A
 * bare `tcp` looks at the protocol's number alone, so it meets later fragments too, as in Open
 * vSwitch. Of a VLAN tag nothing is added: a match on bits that are 0 means untagged frames as
 * well, unless it asks for FLOW_TAG.
 *
 * One match, one form. What comes back from a match makes the same match again. It is the rule that
 * was written, with these exceptions, where two ways of writing are one match:
 *
 *	a range of ports that a mask can say        the mask: 1024-2047 is 0x400/0xfc00
 *	ip_frag=not_later beside ports or the like  nothing, ports say so already
 *	ip_frag=yes beside them                     ip_frag=first
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_FLOW_MATCH_H
#define VSW_VSWITCHD_FLOW_MATCH_H

#include "ctl/flow_rule.h"
#include "datapath/core/match.h"
#include "vswitchd/port_numbers.h"

/*
 * Canonical. Only a port can be wrong: the namer's error, path "match/in-port". A namer is needed
 * only for rules with in_port.
 */
int flow_match_make(const struct flow_rule *rule, const struct port_namer *namer,
	struct match *match, struct err *err) ON_MAIN;

/* Sets `present`, terms and in_port, nothing else. The match is one of flow_match_make's. */
void flow_match_tell(
	const struct match *match, const struct port_namer *namer, struct flow_rule *rule) ON_MAIN;

#endif
