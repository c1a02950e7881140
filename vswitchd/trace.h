/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The action `trace`: what happens to a frame, and why, told step by step; and what the workers
 * that poll its port remember of such frames.
 *
 *	{bridge, in-port?, frame: hex}
 *	{bridge, in-port?, flow: "in_port=vm1,tcp,..."}   text as of flow_text_parse_match()
 *
 * The port is named once, by in-port or by the flow. A flow becomes a frame by trace_frame.h. The
 * answer:
 *
 *	bridge, in-port, frame (hex), fields (text)
 *	step: [...]     in order; `kind` is one of
 *	  address-check   reason
 *	  access-list     entry (from 1; absent: none matches), match, result: accept, drop
 *	  table           table, fields (behind table 0), and of the rule, if one matches: match,
 *	                  priority, cookie, action: [text]
 *	  action          action
 *	  normal          vlan, source, destination (ports where the FDB has them), result: output
 *	                  (port), flood, drop (reason)
 *	  flood           vlan
 *	  refused         reason
 *	action: [text]  the program, what the flow cache remembers
 *	output: [{port, tagged, vlan?, max-length?, group?, maybe?, lost?: reason}]
 *	drop            why it is sent nowhere; absent: it is sent
 *	uncached: true  such frames are decided one by one: they ask `normal` more than once
 *	limited: true   meters, limits for floods or samples may decide otherwise
 *	key             what of the frame decides: frames that agree in this get the same program
 *	cache: [{worker, state: agrees, differs, stale, not-cached, because?, action?, packets?,
 *	       bytes?, idle-ms?}]
 *	cache-error     why that is not complete
 *
 * Main only.
 */
#ifndef VSW_VSWITCHD_TRACE_H
#define VSW_VSWITCHD_TRACE_H

#include "ctl/methods.h"

/* As struct rpc_action's `start`; the context is the struct world. */
void action_trace(void *ctx, json_t *input, rpc_action_done done, void *arg);

#endif
