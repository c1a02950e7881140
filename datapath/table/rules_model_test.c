/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random batches on crowded rule tables and on a naive twin: a list that is searched from end to
 * end, copied before each batch. VSW_SEED repeats a run.
 *
 * The twin knows ports as intervals only and fields as bytes.
 */
#include "datapath/table/rules_test_world.h"
#include "tests/random.h"

#define N_TABLES 3
#define RULES_MAX 260
#define N_BATCHES 800
#define N_LOOKUPS 400 /* after each batch, and in the middle of it */
#define IDS 4096
#define SECOND_NS UINT64_C(1000000000)

struct twin_match {
	struct fields value;
	struct fields mask; /* without L4 ports */
	uint16_t low[2];
	uint16_t high[2];
};

struct twin_rule {
	uint32_t id;
	uint8_t table;
	uint16_t priority;
	uint64_t cookie;
	uintptr_t actions;
	uint64_t created;
	uint16_t idle_s;
	uint16_t hard_s;
	struct twin_match match;
};

struct twin {
	uint32_t n;
	struct twin_rule rules[RULES_MAX];
};

struct model {
	struct rules_world *world;
	struct rules *rules;
	struct twin before; /* what the previous version holds */
	struct twin now;
	struct twin next; /* in a batch */
	uint32_t next_id;
	uintptr_t next_actions;
	uintptr_t born; /* actions that the table has been given */
	uintptr_t released;
	uint64_t random;
	uint64_t time;
	uint64_t n_hits;
	uint64_t n_lookups;
	uint64_t n_expired;
	uint32_t n_refused;
	bool few_subtables; /* adds may find no room */
};

static struct model model;

static uint32_t
rnd(uint32_t n)
{
	return random_below(&model.random, n);
}

/* --- what there is to match ------------------------------------------------------------------- */

static struct fields
random_packet(void)
{
	static const uint16_t types[] = {0x0800, 0x0800, 0x0800, 0x86dd, 0x0806, 0x88cc};
	struct fields packet = {0};

	packet.in_port = (uint16_t)(1 + rnd(3));
	packet.eth_type = htons(types[rnd(6)]);
	packet.eth_dst[5] = (uint8_t)rnd(3);
	packet.vlan_tci = htons((uint16_t)(FIELDS_TAG_PRESENT | rnd(2)));
	packet.ip4_src = htonl(rnd(3) << 24 | rnd(3) << 19 | rnd(3) << 11 | rnd(5));
	packet.ip4_dst = htonl(rnd(3) << 24 | rnd(3) << 19 | rnd(3) << 11 | rnd(5));
	packet.ip6_dst[0] = (uint8_t)rnd(2);
	packet.ip6_dst[15] = (uint8_t)rnd(3);
	packet.proto = rnd(2) == 0 ? 6 : 17;
	packet.l4_src = htons((uint16_t)rnd(40));
	packet.l4_dst = htons((uint16_t)(1000 + rnd(100)));
	packet.tcp_flags = htons((uint16_t)rnd(2));
	return packet;
}

static uint32_t
random_prefix(void)
{
	static const uint8_t lengths[] = {0, 0, 8, 13, 14, 16, 21, 24, 29, 32};
	const uint8_t length = lengths[rnd(10)];

	return length == 0 ? 0 : htonl(UINT32_MAX << (32 - length));
}

static void
random_ports(struct twin_match *match, unsigned int which, uint16_t port)
{
	match->low[which] = 0;
	match->high[which] = UINT16_MAX;
	switch (rnd(5)) {
	case 0:
		match->low[which] = port;
		match->high[which] = port;
		break;
	case 1:
		match->low[which] = port & 0xfff0;
		match->high[which] = port | 0x000f;
		break;
	case 2:
		match->low[which] = (uint16_t)(port - RTE_MIN(port, rnd(30)));
		match->high[which] = (uint16_t)(port + rnd(30));
		break;
	default:
		break;
	}
}

static struct twin_match
random_match(void)
{
	struct twin_match match = {.value = random_packet()};

	match.mask.in_port = rnd(3) == 0 ? UINT16_MAX : 0;
	match.mask.eth_type = rnd(4) != 0 ? UINT16_MAX : 0;
	memset(match.mask.eth_dst, rnd(4) == 0 ? UINT8_MAX : 0, 6);
	match.mask.vlan_tci = rnd(6) == 0 ? UINT16_MAX : 0;
	match.mask.ip4_src = random_prefix();
	match.mask.ip4_dst = random_prefix();
	memset(match.mask.ip6_dst, rnd(5) == 0 ? UINT8_MAX : 0, rnd(17));
	match.mask.proto = rnd(2) == 0 ? UINT8_MAX : 0;
	match.mask.tcp_flags = rnd(9) == 0 ? UINT16_MAX : 0;
	random_ports(&match, 0, ntohs(match.value.l4_src));
	random_ports(&match, 1, ntohs(match.value.l4_dst));
	for (unsigned int i = 0; i < sizeof(match.value); i++) {
		((uint8_t *)&match.value)[i] &= ((uint8_t *)&match.mask)[i];
	}
	return match;
}

/* In the form of the tables; a prefix of ports may be said in two ways. */
static struct match
table_match(const struct twin_match *twin)
{
	struct match match = {.value = twin->value, .mask = twin->mask};

	match.l4_src = (struct match_range){twin->low[0], twin->high[0]};
	match.l4_dst = (struct match_range){twin->low[1], twin->high[1]};
	if (twin->low[0] == twin->high[0] && rnd(2) == 0) {
		match.value.l4_src = htons(twin->low[0]);
		match.mask.l4_src = UINT16_MAX;
		match.l4_src = MATCH_RANGE_ALL;
	}
	return match;
}

/* --- the twin --------------------------------------------------------------------------------- */

static bool
twin_has(const struct twin_match *match, const struct fields *packet)
{
	const uint64_t *value = (const uint64_t *)&match->value;
	const uint64_t *mask = (const uint64_t *)&match->mask;
	const uint64_t *words = (const uint64_t *)packet;
	const uint16_t ports[] = {ntohs(packet->l4_src), ntohs(packet->l4_dst)};

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		if ((words[i] & mask[i]) != value[i]) {
			return false;
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (ports[i] < match->low[i] || ports[i] > match->high[i]) {
			return false;
		}
	}
	return true;
}

static const struct twin_rule *
twin_lookup(const struct twin *twin, uint8_t table, const struct fields *packet)
{
	const struct twin_rule *best = NULL;

	for (uint32_t i = 0; i < twin->n; i++) {
		const struct twin_rule *rule = &twin->rules[i];

		if (rule->table == table &&
			(best == NULL || rule->priority > best->priority ||
				(rule->priority == best->priority && rule->id < best->id)) &&
			twin_has(&rule->match, packet)) {
			best = rule;
		}
	}
	return best;
}

static bool
twin_within(const struct twin_match *match, const struct twin_match *wide)
{
	for (unsigned int i = 0; i < sizeof(match->value); i++) {
		const uint8_t wide_mask = ((const uint8_t *)&wide->mask)[i];

		if ((((const uint8_t *)&match->mask)[i] & wide_mask) != wide_mask ||
			((((const uint8_t *)&match->value)[i] ^
				 ((const uint8_t *)&wide->value)[i]) &
				wide_mask) != 0) {
			return false;
		}
	}
	return match->low[0] >= wide->low[0] && match->high[0] <= wide->high[0] &&
		match->low[1] >= wide->low[1] && match->high[1] <= wide->high[1];
}

static bool
twin_overlaps(const struct twin_match *a, const struct twin_match *b)
{
	for (unsigned int i = 0; i < sizeof(a->value); i++) {
		if (((((const uint8_t *)&a->value)[i] ^ ((const uint8_t *)&b->value)[i]) &
			    ((const uint8_t *)&a->mask)[i] & ((const uint8_t *)&b->mask)[i]) != 0) {
			return false;
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (a->low[i] > b->high[i] || b->low[i] > a->high[i]) {
			return false;
		}
	}
	return true;
}

static bool
twin_selects(const struct rules_filter *filter, const struct twin_match *match,
	const struct twin_rule *rule)
{
	if ((!filter->all_tables && rule->table != filter->table) ||
		((rule->cookie ^ filter->cookie) & filter->cookie_mask) != 0) {
		return false;
	}
	if (filter->strict) {
		return rule->priority == filter->priority &&
			memcmp(&rule->match, match, sizeof(*match)) == 0;
	}
	return twin_within(&rule->match, match);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void
compare_lookup(const struct twin *twin, uint64_t version)
{
	struct fields packet = random_packet();
	struct fields seen = {0};
	const uint8_t table = (uint8_t)rnd(N_TABLES);
	const struct twin_rule *expected = twin_lookup(twin, table, &packet);
	const struct rule *found =
		rules_lookup(model.rules, table, &packet, version, rnd(2) == 0 ? &seen : NULL);

	assert_int_equal(id_of(found), expected == NULL ? 0 : expected->id);
	model.n_lookups++;
	if (found != NULL) {
		assert_int_equal((uintptr_t)found->actions, expected->actions);
		model.n_hits++;
	}
	if (rnd(8) == 0) {
		const struct fields other = random_packet();

		seen = (struct fields){0};
		(void)rules_lookup(model.rules, table, &packet, version, &seen);
		for (unsigned int i = 0; i < sizeof(packet); i++) {
			uint8_t *byte = (uint8_t *)&packet + i;
			const uint8_t mask = ((const uint8_t *)&seen)[i];

			*byte = (uint8_t)((*byte & mask) | (((const uint8_t *)&other)[i] & ~mask));
		}
		assert_ptr_equal(rules_lookup(model.rules, table, &packet, version, NULL), found);
	}
}

static int
class_of(const struct twin_rule *rule)
{
	if (rule->match.mask.eth_type == 0) {
		return -1;
	}
	switch (ntohs(rule->match.value.eth_type)) {
	case 0x0800:
		return RULES_IPV4;
	case 0x86dd:
		return RULES_IPV6;
	case 0x0806:
		return RULES_ARP;
	default:
		return RULES_OTHER;
	}
}

/* Bits of ports that an interval looks at: a prefix of them, or all. */
static uint16_t
port_bits(uint16_t low, uint16_t high)
{
	for (unsigned int n = 0; n <= 16; n++) {
		const uint32_t size = 1U << n;

		if (low % size == 0 && (uint32_t)high + 1 - low == size) {
			return htons((uint16_t)(0x10000 - size));
		}
	}
	return UINT16_MAX;
}

static void
compare_mask(const struct twin *twin)
{
	const uint8_t table = (uint8_t)rnd(N_TABLES);
	const enum rules_class class = rnd(5);
	const uint16_t port = (uint16_t)rnd(5);
	struct fields expected = {0};
	struct fields mask;

	for (uint32_t i = 0; i < twin->n; i++) {
		const struct twin_rule *rule = &twin->rules[i];

		if (rule->table != table ||
			(class != RULES_ALL && class_of(rule) >= 0 &&
				class_of(rule) != (int)class) ||
			(rule->match.mask.in_port != 0 && rule->match.value.in_port != port)) {
			continue;
		}
		for (unsigned int j = 0; j < sizeof(mask); j++) {
			((uint8_t *)&expected)[j] |= ((const uint8_t *)&rule->match.mask)[j];
		}
		expected.l4_src |= port_bits(rule->match.low[0], rule->match.high[0]);
		expected.l4_dst |= port_bits(rule->match.low[1], rule->match.high[1]);
	}
	rules_get_mask(model.rules, table, class, port, &mask);
	assert_memory_equal(&mask, &expected, sizeof(mask));
}

/* --- operations ------------------------------------------------------------------------------- */

static void
forget(struct twin *twin, uint32_t i)
{
	twin->rules[i] = twin->rules[--twin->n];
}

static int
op_add(void) ON_MAIN
{
	struct twin *twin = &model.next;
	struct twin_rule rule = {
		.table = (uint8_t)rnd(N_TABLES),
		.priority = (uint16_t)rnd(6),
		.cookie = rnd(8),
		.created = model.time,
		.idle_s = rnd(6) == 0 ? (uint16_t)(1 + rnd(20)) : 0,
		.hard_s = rnd(6) == 0 ? (uint16_t)(1 + rnd(20)) : 0,
	};
	struct rule_spec spec;
	bool overlap = false;
	int rc;

	rule.match = random_match();
	if (twin->n > 0 && rnd(4) == 0) {
		const struct twin_rule *other = &twin->rules[rnd(twin->n)];

		rule.match = other->match;
		rule.table = other->table;
		rule.priority = other->priority;
	}
	do {
		rule.id = 1 + model.next_id++ % IDS;
	} while (rules_find(model.rules, rule.id) != NULL);
	rule.actions = ++model.next_actions;
	spec = (struct rule_spec){.id = rule.id,
		.table = rule.table,
		.priority = rule.priority,
		.cookie = rule.cookie,
		.created = rule.created,
		.idle_s = rule.idle_s,
		.hard_s = rule.hard_s,
		.match = table_match(&rule.match),
		.actions = (void *)rule.actions,
		.check_overlap = rnd(20) == 0};
	for (uint32_t i = 0; i < twin->n; i++) {
		overlap |= twin->rules[i].table == rule.table &&
			twin->rules[i].priority == rule.priority &&
			twin_overlaps(&twin->rules[i].match, &rule.match);
	}
	rc = rules_add(model.rules, &spec);
	if (rc == -ENOSPC && model.few_subtables) {
		return rc;
	}
	assert_int_equal(rc, spec.check_overlap && overlap ? -EEXIST : 0);
	if (rc != 0) {
		model.n_refused++;
		return rc;
	}
	model.born++;
	for (uint32_t i = twin->n; i-- > 0;) {
		if (twin->rules[i].table == rule.table &&
			twin->rules[i].priority == rule.priority &&
			memcmp(&twin->rules[i].match, &rule.match, sizeof(rule.match)) == 0) {
			forget(twin, i);
		}
	}
	assert_true(twin->n < RULES_MAX);
	twin->rules[twin->n++] = rule;
	return 0;
}

static struct rules_filter
random_filter(struct twin_match *match)
{
	struct rules_filter filter = {
		.cookie = rnd(8),
		.cookie_mask = rnd(3) == 0 ? rnd(8) : 7,
		.priority = (uint16_t)rnd(6),
		.table = (uint8_t)rnd(N_TABLES),
		.all_tables = rnd(3) == 0,
	};

	*match = random_match();
	if (model.next.n > 0 && rnd(2) == 0) {
		const struct twin_rule *rule = &model.next.rules[rnd(model.next.n)];

		filter.strict = true;
		filter.table = rule->table;
		filter.priority = rule->priority;
		filter.cookie_mask = 0;
		*match = rule->match;
	}
	filter.match = table_match(match);
	return filter;
}

static void
op_delete(void) ON_MAIN
{
	struct twin_match match;
	const struct rules_filter filter = random_filter(&match);
	size_t expected = 0;
	size_t n;

	for (uint32_t i = model.next.n; i-- > 0;) {
		if (twin_selects(&filter, &match, &model.next.rules[i])) {
			forget(&model.next, i);
			expected++;
		}
	}
	assert_int_equal(rules_delete(model.rules, &filter, &n), 0);
	assert_int_equal(n, expected);
}

static int
change(void *arg, const struct rule *rule, void **actions)
{
	*actions = (void *)((uintptr_t)rule->actions + *(uintptr_t *)arg);
	model.born++;
	return 0;
}

static void
op_modify(void) ON_MAIN
{
	struct twin_match match;
	const struct rules_filter filter = random_filter(&match);
	uintptr_t step = (uintptr_t)(1 + rnd(5)) << 32;
	size_t expected = 0;
	size_t n;

	for (uint32_t i = 0; i < model.next.n; i++) {
		if (twin_selects(&filter, &match, &model.next.rules[i])) {
			model.next.rules[i].actions += step;
			expected++;
		}
	}
	assert_int_equal(rules_modify(model.rules, &filter, change, &step, &n), 0);
	assert_int_equal(n, expected);
}

/* Rules with an odd cookie were used at odd times. */
static uint64_t
last_used(void *arg, const struct rule *rule)
{
	return rule->created + (rule->cookie % 4) * 3 * SECOND_NS;
}

static void
op_expire(void) ON_MAIN
{
	size_t expected = 0;
	size_t n;

	for (uint32_t i = model.next.n; i-- > 0;) {
		const struct twin_rule *rule = &model.next.rules[i];
		const uint64_t used = rule->created + (rule->cookie % 4) * 3 * SECOND_NS;

		if ((rule->hard_s != 0 && rule->created + rule->hard_s * SECOND_NS <= model.time) ||
			(rule->idle_s != 0 && used + rule->idle_s * SECOND_NS <= model.time)) {
			forget(&model.next, i);
			expected++;
		}
	}
	assert_int_equal(rules_expire(model.rules, model.time, SIZE_MAX, last_used, NULL, &n), 0);
	assert_int_equal(n, expected);
	model.n_expired += n;
}

static void
compare_all(uint64_t version)
{
	for (unsigned int i = 0; i < N_LOOKUPS; i++) {
		compare_lookup(&model.now, version);
	}
	compare_mask(&model.now);
}

static void
run_batch(void) ON_MAIN
{
	const uint64_t version = rules_version(model.rules);
	bool fails = rnd(5) == 0;

	model.next = model.now;
	rules_begin(model.rules);
	for (uint32_t n = rnd(20); n > 0; n--) {
		const uint32_t room = RULES_MAX - model.next.n;
		const uint32_t op = rnd(20);

		if (op == 0) {
			op_expire();
		} else if (op < 3) {
			op_modify();
		} else if (op < (room < 60 ? 18 : 6)) {
			op_delete();
		} else if (room > 0 && op_add() != 0) {
			fails = true;
			break;
		}
		if (rnd(8) == 0) {
			compare_lookup(&model.now, version);
		}
	}
	compare_lookup(&model.now, version);
	if (fails) {
		rules_abort(model.rules);
	} else {
		model.before = model.now;
		model.now = model.next;
		assert_int_equal(rules_commit(model.rules), version + 1);
		for (unsigned int i = 0; i < N_LOOKUPS / 4; i++) {
			compare_lookup(&model.before, version);
		}
	}
}

static void
model_released(void *arg, const struct rule *rule, bool last)
{
	model.released++;
}

static void
run_model(void **state, struct rules_conf conf) ROLE_ATTR(assert_capability(role_main))
{
	struct rules_world *world = *state;
	struct rules_stats stats;

	role_assert(&role_main);
	model = (struct model){.world = world, .few_subtables = conf.subtables_max != 0};
	model.random = random_seed();
	print_message("# VSW_SEED=%llu\n", (unsigned long long)model.random);
	conf.released = model_released;
	assert_int_equal(rules_create(&conf, &world->grace, model.random, &world->rules), 0);
	model.rules = world->rules;
	for (unsigned int i = 0; i < N_BATCHES; i++) {
		model.time += rnd(3) * SECOND_NS;
		run_batch();
		compare_all(rules_version(model.rules));
		for (uint32_t n = rnd(4); n > 0; n--) {
			(void)rules_step(model.rules);
		}
		compare_all(rules_version(model.rules));
	}
	rules_get_stats(model.rules, 0, &stats);
	print_message("# lookups %llu, hits %llu, expired %llu, refused %u, subtables %u of %u "
		      "masks, chain %u\n",
		(unsigned long long)model.n_lookups, (unsigned long long)model.n_hits,
		(unsigned long long)model.n_expired, model.n_refused, stats.subtables, stats.masks,
		stats.longest_chain);
	assert_true(model.n_hits > model.n_lookups / 100 && model.n_expired > 10);
	for (uint32_t i = 0; i < model.now.n; i++) {
		assert_non_null(rules_find(model.rules, model.now.rules[i].id));
	}
	rules_destroy(world->rules);
	world->rules = NULL;
	assert_int_equal(model.released, model.born);
}

static void
test_model_of_merged_subtables(void **state)
{
	run_model(state, (struct rules_conf){.chain_limit = 3});
}

static void
test_model_of_few_subtables(void **state)
{
	run_model(state, (struct rules_conf){.chain_limit = 1, .subtables_max = 40});
}

static void
test_model_of_exact_subtables(void **state)
{
	run_model(state, (struct rules_conf){.exact = true});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_model_of_merged_subtables),
		CASE(test_model_of_few_subtables),
		CASE(test_model_of_exact_subtables),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("rules_model", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
