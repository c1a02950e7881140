/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule tables: what a flow cache's miss is decided by.
 *
 * What. RULES_TABLES numbered tables of rules; a rule is a match (match.h), a priority and actions.
 * A lookup gives the rule of the highest priority that the packet matches; among equals, which
 * OpenFlow leaves open, that of the lowest id. Flow rules have priorities of 16 bits, an access
 * list uses all 32.
 *
 * Why this shape. A list costs a step for each rule. A tuple space, one hash table (a "subtable")
 * for each distinct mask, costs a probe for each mask; real rule sets have hundreds and an attacker
 * makes thousands. A trie as rte_acl's is rebuilt on each change. So: a tuple space in which near
 * masks share a subtable, the idea of TupleMerge (Daly et al., ToN 2019). A mask has up to four
 * homes, coarse to fine: address prefixes rounded down far and nothing else, rounded down less, as
 * much and with ports, the mask itself. A rule goes to the coarsest home where the chain of rules
 * with its key is shorter than `chain_limit`; what a chain's key does not say is compared rule by
 * rule. Ranges of ports are not expanded: the bits that all ports of a range have in common take
 * part in the key, the rest is compared. Subtables are visited by their highest priority, and no
 * longer than the best rule found can be beaten.
 *
 * Measured (perf/micro, benchmark `rules`; cycles of a lookup, access lists - firewalls): 1,000
 * rules 122 - 214 merged, 3,400 - 5,300 with a subtable for each mask, rte_acl 56 (in bursts of
 * 32); 10,000 rules 151 - 504, 12,500 - 32,600, rte_acl 151 - 272; 100,000 rules 860 - 2,750. But
 * rte_acl takes 0.1 to 17 s to build, after each change. Chains of up to 4, 8, 16 or 32 come out
 * alike; 8 it is. Half a million to a million and a half adds a second.
 *
 * Bounds. A lookup probes at most `subtables_max` subtables of its table and compares at most
 * `chain_max` rules in each; an add that could not keep that is refused (-ENOSPC). How near it
 * comes shows in rules_get_stats. A hash is seeded and universal (multilinear), so nobody aims for
 * a collision. A typical IPv4 5-tuple rule takes 220 to 290 bytes with its share of the indexes.
 * Dead rules count in chains until rules_step has unlinked them.
 *
 * Versions. A rule is seen by lookups of version v if born <= v < died. A batch prepares all of its
 * changes for version + 1; rules_commit makes that the current version, which the caller then
 * publishes to workers in a snapshot: a worker sees all of a batch or nothing. Changed actions are
 * a new struct rule with the same id and counter slot.
 *
 * Ownership. From a rules_add (or a change) that returned 0 until the callback `released`, the
 * actions are the table's to point to; `released` is called for each struct rule, when no worker
 * can see it, also after rules_abort. What rules_lookup returns is valid until the worker's next
 * quiescent state. `created` and times are ns of the caller's monotonic clock; timeouts are s.
 */
#ifndef VSW_DATAPATH_TABLE_RULES_H
#define VSW_DATAPATH_TABLE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/role.h"
#include "datapath/core/fields.h"
#include "datapath/core/grace.h"
#include "datapath/core/match.h"

#define RULES_TABLES 255U /* numbers 0 to 254 */
#define RULES_VERSION_MAX UINT64_MAX /* `died` of what lives */
#define RULES_SLICE 4096 /* rules that rules_step unlinks or frees */
#define RULES_WARN_SUBTABLES 64 /* in a table: lookups are slow */
#define RULES_WARN_CHAIN 32

struct rules;
struct rule_mask;
struct rule_subtable;

enum rule_end {
	RULE_LIVES,
	RULE_DELETED,
	RULE_IDLE, /* idle timeout */
	RULE_HARD, /* hard timeout */
	RULE_REPLACED, /* by an add with the same match and priority */
	RULE_MODIFIED, /* has a successor of the same id and slot */
	RULE_ABORTED, /* its batch was */
};

struct rule {
	/* Main's. */
	struct rule *next_dead;
	struct rule_subtable *subtable;
	uint64_t cookie;
	uint64_t created; /* ns */
	uint32_t hash; /* of table, match and priority */
	uint32_t key_hash; /* of its key in the subtable */
	uint32_t timer; /* place among the timers, from 1; 0: none */
	uint32_t slot; /* of counters; the caller's */
	uint16_t idle_s; /* 0: none */
	uint16_t hard_s;
	uint8_t end; /* enum rule_end */
	bool successor; /* of a modified rule */
	uint8_t table;
	uint8_t spare;
	uint64_t spare_word;
	/* Written by main before a worker can see it, but for `next` and `died` (atomic). */
	struct rule *next; /* of the chain: falling priority, rising id */
	struct rule_mask *mask;
	uint64_t born;
	uint64_t died;
	void *actions; /* the caller's */
	uint32_t id;
	uint32_t priority;
	struct match_range l4_src;
	struct match_range l4_dst;
	uint64_t words[]; /* values of the words that the mask has bits in */
};

/* What becomes of the actions, and (`last`) of id and slot: nobody sees this rule any more. */
typedef void (*rules_released_fn)(void *arg, const struct rule *rule, bool last);

struct rules_conf {
	uint32_t limit; /* rules; 0: 1 M */
	uint32_t subtables_max; /* of one table; 0: 512 */
	uint32_t chain_max; /* 0: 1024 */
	uint32_t chain_limit; /* 0: as measured best */
	bool exact; /* a subtable for each mask: for comparison */
	rules_released_fn released; /* may be NULL */
	void *arg;
};

struct rule_spec {
	uint32_t id;
	uint32_t slot;
	uint64_t cookie;
	uint64_t created; /* ns */
	struct match match; /* any form; the table keeps the canonical one */
	void *actions;
	uint32_t priority;
	uint16_t idle_s;
	uint16_t hard_s;
	uint8_t table;
	bool check_overlap; /* refuse if a rule of this priority could meet the same packet */
};

/* Which rules; zeroed and match_init: all of table 0. */
struct rules_filter {
	struct match match;
	uint64_t cookie; /* compared under cookie_mask */
	uint64_t cookie_mask;
	bool (*accept)(void *arg, const struct rule *rule); /* NULL: all; e.g. by output port */
	void *arg;
	uint32_t priority; /* strict only */
	uint8_t table;
	bool all_tables;
	bool strict; /* this match and priority, else all within the match */
};

/* Classes of frames; a rule that asks for no one EtherType counts in each. */
enum rules_class {
	RULES_IPV4,
	RULES_IPV6,
	RULES_ARP,
	RULES_OTHER,
	RULES_ALL, /* the union of all four */
};

struct rules_stats {
	uint32_t rules;
	uint32_t masks; /* distinct ones */
	uint32_t subtables;
	uint32_t longest_chain; /* high-water mark of the subtables that are */
	bool warn; /* RULES_WARN_SUBTABLES or RULES_WARN_CHAIN is reached */
};

/* --- main, nobody else uses the tables -------------------------------------------------------- */

/* -ENOMEM or 0. `seed` comes from getrandom(2). `grace` outlives the tables. */
int
rules_create(const struct rules_conf *conf, struct grace *grace, uint64_t seed, struct rules **out);
/* Calls `released` for all. NULL is legal. */
void rules_destroy(struct rules *rules);

/* --- any worker, inside a burst; main -------------------------------------------------------- */

/*
 * NULL: none. `seen`, if not NULL, gets (by OR) the bits that were looked at: a packet that has the
 * same in those bits gets the same answer from the same rules.
 */
const struct rule *rules_lookup(const struct rules *rules, uint8_t table,
	const struct fields *packet, uint64_t version, struct fields *seen);

/* --- main: a batch ----------------------------------------------------------------------------
 *
 * After an error of any of these but rules_begin, the batch can only be aborted.
 */

void rules_begin(struct rules *rules) ON_MAIN;

/*
 * Replaces the rule with the same match and priority. -EINVAL: match without a canonical form, or
 * id of another live rule, or no such table; -EEXIST: check_overlap (which looks at all rules of
 * the table); -ENOSPC: rules_conf; -ENOMEM.
 */
int rules_add(struct rules *rules, const struct rule_spec *spec) ON_MAIN;

/* New actions for each rule of the filter: `change` gives them, or an error to stop with. *n counts
 * the rules. -EINVAL: the filter's match; -ENOSPC, -ENOMEM. */
int rules_modify(struct rules *rules, const struct rules_filter *filter,
	int (*change)(void *arg, const struct rule *rule, void **actions), void *arg,
	size_t *n) ON_MAIN;

int rules_delete(struct rules *rules, const struct rules_filter *filter, size_t *n) ON_MAIN;

/*
 * Delete up to n_max rules whose time has come; *n: how many. last_used (ns) is asked of rules with
 * an idle timeout that is due, so seldom.
 */
int rules_expire(struct rules *rules, uint64_t now, size_t n_max,
	uint64_t (*last_used)(void *arg, const struct rule *rule), void *arg, size_t *n) ON_MAIN;

/* The rules that the batch has made or ended so far, until `each` returns false. */
void rules_walk_batch(const struct rules *rules, bool (*each)(void *arg, const struct rule *rule),
	void *arg) ON_MAIN;

/* The version to publish. */
uint64_t rules_commit(struct rules *rules) ON_MAIN;
void rules_abort(struct rules *rules) ON_MAIN;

/* --- main ------------------------------------------------------------------------------------ */

/*
 * Free, in slices, what no worker sees any more. Only when the last committed version has been
 * published. True: call again, soon.
 */
bool rules_step(struct rules *rules) ON_MAIN;

/* When rules_expire has something to look at (ns); UINT64_MAX: never. */
uint64_t rules_next_expiry(const struct rules *rules);
uint64_t rules_version(const struct rules *rules); /* the committed one */
const struct rule *rules_find(const struct rules *rules, uint32_t id); /* live, or NULL */
void rules_get_match(const struct rule *rule, struct match *match);

/* Call `each` for the rules of a filter, in no order, until it returns false. -EINVAL or 0. */
int rules_walk(const struct rules *rules, const struct rules_filter *filter,
	bool (*each)(void *arg, const struct rule *rule), void *arg);

/*
 * The bits that live rules ask for in frames of a class from a port; port 0: rules that ask for no
 * one port. A deleted rule counts until its batch is committed.
 */
void rules_get_mask(const struct rules *rules, uint8_t table, enum rules_class class, uint16_t port,
	struct fields *mask);
/* Counts that change when that may be more, or less. */
void rules_get_mask_changes(const struct rules *rules, uint64_t *widened, uint64_t *narrowed);
/* Is there a live rule that asks for just this port? */
bool rules_ask_for_port(const struct rules *rules, uint16_t in_port);

void rules_get_stats(const struct rules *rules, uint8_t table, struct rules_stats *stats);
bool rules_has_table(const struct rules *rules, uint8_t table); /* it had a rule once */
uint32_t rules_total(const struct rules *rules); /* live rules of all tables */
size_t rules_memory(const struct rules *rules); /* bytes, without the heap's own */

#endif
