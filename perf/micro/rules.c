/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule tables: near masks merged, a subtable for each mask, and rte_acl beside them, with the
 * same rules and packets; adds, and how long rte_acl takes to build.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <rte_acl.h>
#include <rte_common.h>
#include <rte_memory.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/table/rules.h"
#include "perf/micro/benchmarks.h"
#include "perf/micro/ruleset.h"

#define N_PACKETS 65536U
#define ACL_BULK 32
#define ACL_RULES_MAX 1000 /* it builds for seconds */
#define EXACT_MAX 65536 /* no limit, for comparison */
#define ACL_MEMORY (1U << 30) /* for the tries; it tries smaller ones first */

struct subject {
	const struct bench *bench;
	const char *shape;
	struct ruleset set;
	struct fields *packets; /* N_PACKETS, owned */
	struct grace grace;
	struct rules *rules;
	struct rte_acl_ctx *acl;
	uint8_t (*acl_packets)[16]; /* owned */
	const uint8_t *acl_pointers[N_PACKETS];
	uint32_t at;
	struct rules_conf conf;
	int rc; /* of the last making */
	char variant[BENCH_VARIANT_SIZE + 32];
};

static void
measure(struct subject *subject, struct bench *bench, const char *what, unsigned int bulk,
	uint64_t (*run)(void *arg, uint64_t rounds))
{
	(void)snprintf(subject->variant, sizeof(subject->variant), "%s: %s", subject->shape, what);
	bench_measure(bench,
		&(struct bench_case){
			.variant = subject->variant,
			.entries = subject->set.n,
			.bytes = subject->rules == NULL ? 0 : rules_memory(subject->rules),
			.bulk = bulk,
			.ops = bulk,
			.run = run,
			.arg = subject,
		});
}

/* Making a set as a whole; the figure is for each rule. */
static void
measure_making(struct subject *subject, struct bench *bench, const char *what,
	uint64_t (*run)(void *arg, uint64_t rounds), void (*reset)(void *arg))
{
	(void)snprintf(subject->variant, sizeof(subject->variant), "%s: %s", subject->shape, what);
	bench_measure(bench,
		&(struct bench_case){
			.variant = subject->variant,
			.entries = subject->set.n,
			.bulk = 1,
			.ops = (unsigned int)subject->set.n,
			.rounds_max = 1,
			.run = run,
			.reset = reset,
			.arg = subject,
		});
}

static uint64_t
run_lookup(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	const uint64_t version = rules_version(subject->rules);

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		bench_keep(rules_lookup(
			subject->rules, 0, &subject->packets[subject->at], version, NULL));
		subject->at = (subject->at + 1) & (N_PACKETS - 1);
	}
	return bench_elapsed(subject->bench, begin);
}

static uint64_t
run_acl(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	uint32_t results[ACL_BULK];

	const uint64_t begin = bench_begin();
	for (uint64_t i = 0; i < rounds; i++) {
		(void)rte_acl_classify(
			subject->acl, &subject->acl_pointers[subject->at], results, ACL_BULK, 1);
		bench_keep(results);
		subject->at = (subject->at + ACL_BULK) & (N_PACKETS - 1);
	}
	return bench_elapsed(subject->bench, begin);
}

/* --- ours ------------------------------------------------------------------------------------ */

static uint64_t
run_fill(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;

	role_assert(&role_main);
	(void)rounds;
	const uint64_t begin = bench_begin();
	rules_begin(subject->rules);
	for (size_t i = 0; subject->rc == 0 && i < subject->set.n; i++) {
		struct rule_spec spec = {
			.id = (uint32_t)i + 1, .priority = ruleset_priority(&subject->set, i)};

		ruleset_match(&subject->set.rules[i], &spec.match);
		subject->rc = rules_add(subject->rules, &spec);
	}
	if (subject->rc == 0) {
		(void)rules_commit(subject->rules);
	} else {
		rules_abort(subject->rules);
	}
	return bench_elapsed(subject->bench, begin);
}

static void
reset_rules(void *arg)
{
	struct subject *subject = arg;

	rules_destroy(subject->rules);
	subject->rules = NULL;
	if (rules_create(&subject->conf, &subject->grace, 1, &subject->rules) != 0) {
		abort();
	}
}

static int
measure_ours(struct subject *subject, struct bench *bench, bool exact, struct err *err)
{
	struct rules_stats stats;
	char what[BENCH_VARIANT_SIZE / 2];

	subject->conf = (struct rules_conf){.exact = exact,
		.subtables_max = exact ? EXACT_MAX : 0,
		.chain_max = exact ? EXACT_MAX : 0};
	measure_making(subject, bench, exact ? "add, not merged" : "add", run_fill, reset_rules);
	if (subject->rc != 0) {
		return err_set(err, ERR_LIMIT, NULL, "no room for %zu rules: %d", subject->set.n,
			subject->rc);
	}
	rules_get_stats(subject->rules, 0, &stats);
	(void)snprintf(
		what, sizeof(what), "%s%u subtables", exact ? "not merged, " : "", stats.subtables);
	subject->at = 0;
	measure(subject, bench, what, 1, run_lookup);
	return 0;
}

/* --- rte_acl --------------------------------------------------------------------------------- */

RTE_ACL_RULE_DEF(acl_rule, 5);

/* Protocol first (a single byte), then words; ports share one. */
static const struct rte_acl_field_def acl_fields[] = {
	{RTE_ACL_FIELD_TYPE_BITMASK, sizeof(uint8_t), 0, 0, 0},
	{RTE_ACL_FIELD_TYPE_MASK, sizeof(uint32_t), 1, 1, 4},
	{RTE_ACL_FIELD_TYPE_MASK, sizeof(uint32_t), 2, 2, 8},
	{RTE_ACL_FIELD_TYPE_RANGE, sizeof(uint16_t), 3, 3, 12},
	{RTE_ACL_FIELD_TYPE_RANGE, sizeof(uint16_t), 4, 3, 14},
};

static struct acl_rule
acl_rule_of(const struct ruleset *set, size_t i)
{
	const struct ruleset_rule *rule = &set->rules[i];
	struct acl_rule acl = {
		.data = {.category_mask = 1,
			.priority = (int32_t)(set->n - i),
			.userdata = (uint32_t)i + 1},
	};

	acl.field[0].value.u8 = rule->proto;
	acl.field[0].mask_range.u8 = rule->proto == 0 ? 0 : UINT8_MAX;
	acl.field[1].value.u32 = rule->src;
	acl.field[1].mask_range.u32 = rule->src_len;
	acl.field[2].value.u32 = rule->dst;
	acl.field[2].mask_range.u32 = rule->dst_len;
	acl.field[3].value.u16 = rule->sport.low;
	acl.field[3].mask_range.u16 = rule->sport.high;
	acl.field[4].value.u16 = rule->dport.low;
	acl.field[4].mask_range.u16 = rule->dport.high;
	return acl;
}

static uint64_t
run_build(void *arg, uint64_t rounds)
{
	struct subject *subject = arg;
	const struct rte_acl_param param = {.name = "micro",
		.socket_id = SOCKET_ID_ANY,
		.rule_size = RTE_ACL_RULE_SZ(RTE_DIM(acl_fields)),
		.max_rule_num = (uint32_t)subject->set.n};
	struct rte_acl_config config = {
		.num_categories = 1, .num_fields = RTE_DIM(acl_fields), .max_size = ACL_MEMORY};

	(void)rounds;
	memcpy(config.defs, acl_fields, sizeof(acl_fields));
	const uint64_t begin = bench_begin();
	subject->acl = rte_acl_create(&param);
	subject->rc = subject->acl == NULL ? -1 : 0;
	for (size_t i = 0; subject->rc == 0 && i < subject->set.n; i++) {
		const struct acl_rule rule = acl_rule_of(&subject->set, i);

		subject->rc =
			rte_acl_add_rules(subject->acl, (const struct rte_acl_rule *)&rule, 1);
	}
	if (subject->rc == 0) {
		subject->rc = rte_acl_build(subject->acl, &config);
	}
	return bench_elapsed(subject->bench, begin);
}

static void
reset_acl(void *arg)
{
	struct subject *subject = arg;

	rte_acl_free(subject->acl);
	subject->acl = NULL;
}

static void
acl_packets(struct subject *subject)
{
	subject->acl_packets = must_calloc(N_PACKETS, sizeof(*subject->acl_packets));
	for (uint32_t i = 0; i < N_PACKETS; i++) {
		const struct fields *packet = &subject->packets[i];
		uint8_t *at = subject->acl_packets[i];

		at[0] = packet->proto;
		memcpy(at + 4, &packet->ip4_src, sizeof(packet->ip4_src));
		memcpy(at + 8, &packet->ip4_dst, sizeof(packet->ip4_dst));
		memcpy(at + 12, &packet->l4_src, sizeof(packet->l4_src));
		memcpy(at + 14, &packet->l4_dst, sizeof(packet->l4_dst));
		subject->acl_pointers[i] = at;
	}
}

/* What it takes seconds to build, or has no memory for, is left out. */
static void
measure_acl(struct subject *subject, struct bench *bench)
{
	if (subject->set.n > ACL_RULES_MAX) {
		return;
	}
	measure_making(subject, bench, "rte_acl, build", run_build, reset_acl);
	if (subject->rc == 0) {
		acl_packets(subject);
		subject->at = 0;
		measure(subject, bench, "rte_acl", ACL_BULK, run_acl);
		free(subject->acl_packets);
	}
	reset_acl(subject);
}

static int
measure_set(struct bench *bench, enum ruleset_shape shape, size_t n, struct err *err)
{
	struct subject *subject = must_calloc(1, sizeof(*subject));
	struct sequence sequence = {.state = n};
	int rc;

	subject->bench = bench;
	subject->shape = ruleset_names[shape];
	if (grace_init(&subject->grace) != 0) {
		free(subject);
		return err_set(err, ERR_LIMIT, NULL, "no memory");
	}
	ruleset_init(&subject->set, shape, n);
	subject->packets = must_calloc(N_PACKETS, sizeof(*subject->packets));
	for (uint32_t i = 0; i < N_PACKETS; i++) {
		ruleset_packet(&subject->set, &sequence, &subject->packets[i]);
	}
	rc = measure_ours(subject, bench, false, err);
	if (rc == 0) {
		rc = measure_ours(subject, bench, true, err);
	}
	rules_destroy(subject->rules);
	subject->rules = NULL;
	if (rc == 0) {
		measure_acl(subject, bench);
	}
	free(subject->packets);
	ruleset_fini(&subject->set);
	grace_fini(&subject->grace);
	free(subject);
	return rc;
}

int
benchmark_rules(struct bench *bench, struct err *err)
{
	static const size_t sizes[] = {10, 1000, 10000, 100000};
	const unsigned int n_sizes = bench->quick ? 1 : ARRAY_LEN(sizes);
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < n_sizes; i++) {
		for (unsigned int shape = 0; rc == 0 && shape < N_RULESET_SHAPES; shape++) {
			rc = measure_set(bench, shape, sizes[i], err);
		}
	}
	return rc;
}
