/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow rules on their way to the daemon: taken from the command line or a file, read here first, so
 * that a bad word is shown under a caret before anything is asked; and what the daemon says of them
 * shown the same way. One thread.
 */
#ifndef VSW_CTL_CLI_RULES_H
#define VSW_CTL_CLI_RULES_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "ctl/cli.h"
#include "ctl/flow_rule.h"

/* Lines as they are sent, a rule in each or nothing. */
struct cli_rules {
	char *text; /* owned */
	size_t len;
	const char *name; /* the file's, for messages; NULL: typed on the command line */
	size_t skip; /* bytes before each line that nobody typed: "modify " */
};

void cli_rules_fini(struct cli_rules *rules);

/*
 * Of arguments, each a rule, with the op before it ("add", "delete_strict", ...). A word that is
 * wrong is CLI_USAGE.
 */
enum cli_status cli_rules_of_args(
	struct cli *cli, const char *op, char *const *args, size_t n, struct cli_rules *rules);

/*
 * Of a file (or stdin: "-"), lines as ovs-ofctl has them, each may begin with its op. `each` sees
 * every rule, to do with as it likes (NULL: nobody does); an error of its own names the rule as a
 * bad word would. What is wrong is CLI_REFUSED. Line numbers stay.
 */
enum cli_status cli_rules_of_file(struct cli *cli, const char *name,
	int (*each)(void *arg, struct flow_rule *rule, struct err *err), void *arg,
	struct cli_rules *rules);

/* Send all in one batch; *result is a new reference if CLI_OK. */
enum cli_status cli_rules_send(struct cli *cli, const char *bridge, const struct cli_rules *rules,
	bool dry_run, json_t **result);

/* Rules touched, of an answer of `program`. */
uint64_t cli_rules_touched(const json_t *result);

/* A match as `flow show` takes it, read for its errors: CLI_OK or CLI_USAGE. */
enum cli_status cli_match_check(struct cli *cli, const char *text);

/*
 * The pages of `flows` up to `limit` rules; each page is shown to `page`, which does not keep it.
 * `match` NULL: all.
 */
enum cli_status cli_flows(struct cli *cli, const char *bridge, const char *match, uint64_t limit,
	enum cli_status (*page)(struct cli *cli, json_t *answer, void *arg), void *arg);

/* The rule of a member of `flows`; says what is wrong: CLI_OK or CLI_REFUSED. */
enum cli_status cli_flow_read(struct cli *cli, const json_t *flow, struct flow_rule *rule);

#endif
