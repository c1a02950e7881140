/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The JSON-RPC methods that program and read flow tables: `program`, `flows`.
 *
 *   program  {bridge, ops: [rule, ...]}     rules as flow_json.h has them, op "add" if absent
 *            {bridge, text: "rule\nrule\n"} lines as flow_text.h has them, each may begin with its
 *                                           op; blank lines and what follows a # are skipped
 *            -> {results: [{rules: N}, ...]}  rules touched, for each op; all ops happen or none.
 *            dry-run: true checks and changes nothing.
 *   flows    {bridge, match?: text, table?, limit?, after?}
 *            -> {flows: [rule, ...], next?}  by table, falling priority, id. A rule has besides
 *            statistics: {packets, bytes (strings, RFC 7951), age-ms, idle-ms}. A page may end
 *            before `limit`, when its rules are long; `next` is there if there is more.
 *
 * Errors name the op (path "ops/17/match/vlan-id") or the line and, where one can be told, the
 * column ("line 18, column 5: ..."; no path).
 *
 * Time. A batch runs in one piece, so that nobody sees half of it and nothing comes between: main
 * does nothing else meanwhile. From the socket to the backend a rule with five fields and two
 * actions takes 2.4 us as text and 9 us as JSON, of which 7 are jansson's; so large batches are
 * better text. PROGRAM_OPS_MAX bounds them.
 *
 * What a rule does in the switch is the owner's to know; it hands in this backend. Main only.
 */
#ifndef VSW_CTL_PROGRAM_H
#define VSW_CTL_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/role.h"
#include "ctl/flow_rule.h"
#include "ctl/rpc_server.h"

#define PROGRAM_OPS_MAX 262144 /* in a request; a line of 16 MiB holds about as many */
#define PROGRAM_PAGE_DEFAULT 1000 /* rules in an answer of `flows` */
#define PROGRAM_PAGE_MAX 10000
#define PROGRAM_PAGE_WORDS 65536 /* fields and actions in a page, before it ends early */

struct program_counts {
	uint64_t packets;
	uint64_t bytes;
	uint64_t misses; /* of the packets, those that the flow cache had no answer for */
	uint64_t age_ms; /* since the rule was added */
	uint64_t idle_ms; /* since it was last used, or added */
};

struct program_backend {
	/* A batch for this bridge; ERR_MISSING if there is none. One at a time. */
	int (*begin)(void *ctx, const char *bridge, struct err *err);
	/* One op; *n: rules touched. err->path may begin with the leaf ("match/in-port"). */
	int (*op)(void *ctx, const struct flow_rule *rule, uint64_t *n, struct err *err);
	void (*commit)(void *ctx);
	void (*abort)(void *ctx);
	/*
	 * The rules that a filter (a FLOW_DELETE as of flow_text_parse_match) selects, in order of
	 * table, falling priority and id, beginning behind `after` (an opaque text, "" at first),
	 * until `each` returns false. `place` is the text to go on behind this rule. `rule` is
	 * borrowed for the call.
	 */
	int (*list)(void *ctx, const char *bridge, const struct flow_rule *filter,
		const char *after,
		bool (*each)(void *arg, const struct flow_rule *rule,
			const struct program_counts *counts, const char *place),
		void *arg, struct err *err);
	void *ctx;
};

/* The two methods' bodies; `backend` may be NULL: ERR_UNSUPPORTED. */
void
program_run(const struct program_backend *backend, struct rpc_call *call, json_t *params) ON_MAIN;
void
program_list(const struct program_backend *backend, struct rpc_call *call, json_t *params) ON_MAIN;

#endif
