/* SPDX-License-Identifier: BSD-3-Clause */
/* The distinct masks of a table, which keys they make, and who still asks for them. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "datapath/table/rules_priv.h"

#define MASK_BUCKETS 64
#define ETH_TYPE_IPV4 0x0800
#define ETH_TYPE_ARP 0x0806
#define ETH_TYPE_IPV6 0x86dd

void
rule_bits_init(struct rule_bits *bits, const struct fields *mask)
{
	bits->n = 0;
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		const uint64_t word = fields_word(mask, i);

		if (word != 0) {
			bits->word[bits->n] = (uint8_t)i;
			bits->bits[bits->n++] = word;
		}
	}
}

static uint8_t
common_bits(struct match_range range)
{
	uint8_t n = 0;

	while (n < 16 && (range.low >> (15 - n)) == (range.high >> (15 - n))) {
		n++;
	}
	return n;
}

static uint16_t
prefix_be(unsigned int n)
{
	return htons((uint16_t)(0xffff0000 >> n));
}

static bool
mask_is_of(const struct rule_mask *mask, const struct match *match)
{
	return mask->common_src == common_bits(match->l4_src) &&
		mask->common_dst == common_bits(match->l4_dst) &&
		mask->ranged_src == !match_range_is_all(match->l4_src) &&
		mask->ranged_dst == !match_range_is_all(match->l4_dst) &&
		memcmp(&mask->fields, &match->mask, sizeof(mask->fields)) == 0;
}

static uint32_t
mask_hash(const struct match *match)
{
	uint64_t hash = (uint64_t)common_bits(match->l4_src) << 8 | common_bits(match->l4_dst);

	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		hash = (hash ^ fields_word(&match->mask, i)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return (uint32_t)(hash >> 16);
}

static struct rule_mask *
mask_create(const struct match *match, uint32_t hash)
{
	struct rule_mask *mask = calloc(1, sizeof(*mask));
	struct fields keyed;

	if (mask == NULL) {
		return NULL;
	}
	/* What all ports of a range have in common is looked for with the rest of the bits. */
	keyed = match->mask;
	if (!match_range_is_all(match->l4_src)) {
		keyed.l4_src = prefix_be(common_bits(match->l4_src));
	}
	if (!match_range_is_all(match->l4_dst)) {
		keyed.l4_dst = prefix_be(common_bits(match->l4_dst));
	}
	rule_bits_init(&mask->bits, &keyed);
	memset(mask->place, RULE_NO_WORD, sizeof(mask->place));
	for (unsigned int i = 0; i < mask->bits.n; i++) {
		mask->place[mask->bits.word[i]] = (uint8_t)i;
	}
	mask->hash = hash;
	mask->ranged_src = !match_range_is_all(match->l4_src);
	mask->ranged_dst = !match_range_is_all(match->l4_dst);
	mask->common_src = common_bits(match->l4_src);
	mask->common_dst = common_bits(match->l4_dst);
	mask->fields = match->mask;
	mask->seen = match->mask;
	if (mask->ranged_src) {
		mask->seen.l4_src = UINT16_MAX;
	}
	if (mask->ranged_dst) {
		mask->seen.l4_dst = UINT16_MAX;
	}
	return mask;
}

/* More lists when they grow long. */
static void
masks_grow(struct rule_table *table)
{
	const uint32_t n = table->n_mask_buckets == 0 ? MASK_BUCKETS : table->n_mask_buckets * 4;
	struct rule_mask **masks = must_calloc(n, sizeof(struct rule_mask *));

	for (uint32_t i = 0; i < table->n_mask_buckets; i++) {
		while (table->masks[i] != NULL) {
			struct rule_mask *mask = table->masks[i];

			table->masks[i] = mask->next;
			mask->next = masks[mask->hash & (n - 1)];
			masks[mask->hash & (n - 1)] = mask;
		}
	}
	free(table->masks);
	table->masks = masks;
	table->n_mask_buckets = n;
}

struct rule_mask *
rule_mask_get(struct rule_table *table, const struct match *match)
{
	const uint32_t hash = mask_hash(match);
	struct rule_mask *mask;

	if (table->n_masks >= table->n_mask_buckets * 2) {
		masks_grow(table);
	}
	mask = table->masks[hash & (table->n_mask_buckets - 1)];
	while (mask != NULL && (mask->hash != hash || !mask_is_of(mask, match))) {
		mask = mask->next;
	}
	if (mask == NULL) {
		mask = mask_create(match, hash);
		if (mask == NULL) {
			return NULL;
		}
		mask->next = table->masks[hash & (table->n_mask_buckets - 1)];
		table->masks[hash & (table->n_mask_buckets - 1)] = mask;
		table->n_masks++;
	}
	mask->n_rules++;
	return mask;
}

void
rule_mask_put(struct rule_table *table, struct rule_mask *mask)
{
	struct rule_mask **at = &table->masks[mask->hash & (table->n_mask_buckets - 1)];

	if (--mask->n_rules > 0) {
		return;
	}
	while (*at != mask) {
		at = &(*at)->next;
	}
	*at = mask->next;
	table->n_masks--;
	free(mask);
}

/* --- homes ----------------------------------------------------------------------------------- */

/* How far each home rounds down, and from how many bits of addresses it does without the rest. */
static const struct home {
	uint8_t step; /* bits of an IPv4 prefix; twice that of an IPv6 prefix */
	uint8_t step_max; /* no prefix is longer */
	uint8_t enough;
} homes[RULE_HOMES - 1] = {
	{.step = 16, .step_max = 16, .enough = 16},
	{.step = 8, .step_max = 24, .enough = 32},
	{.step = 8, .step_max = 32, .enough = UINT8_MAX},
};

/* Round a mask, if it is a prefix, down to a multiple of `step`; returns its bits. */
static unsigned int
round_prefix(uint8_t *bytes, unsigned int size, unsigned int step, unsigned int max)
{
	unsigned int n = 0;

	while (n < size * 8 && (bytes[n / 8] & (0x80 >> n % 8)) != 0) {
		n++;
	}
	for (unsigned int i = n; i < size * 8; i++) {
		if ((bytes[i / 8] & (0x80 >> i % 8)) != 0) {
			return size * 8; /* not a prefix: as it is */
		}
	}
	n -= n % step;
	n = n < max ? n : max;
	for (unsigned int i = n; i < size * 8; i++) {
		bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	}
	return n;
}

/* The mask of a rule's key in one of its homes: never a bit that the rule does not ask for. */
void
rule_mask_home(const struct rule_mask *mask, unsigned int number, struct fields *key)
{
	const struct home *home;
	unsigned int n;

	*key = mask->fields;
	if (number == RULE_HOME_PLAIN) {
		return;
	}
	if (mask->ranged_src) {
		key->l4_src = prefix_be(mask->common_src);
	}
	if (mask->ranged_dst) {
		key->l4_dst = prefix_be(mask->common_dst);
	}
	if (number + 1 == RULE_HOMES) {
		return;
	}
	home = &homes[number];
	n = round_prefix((uint8_t *)&key->ip4_src, 4, home->step, home->step_max);
	n += round_prefix((uint8_t *)&key->ip4_dst, 4, home->step, home->step_max);
	n += round_prefix(key->ip6_src, 16, home->step * 2U, home->step_max * 2U);
	n += round_prefix(key->ip6_dst, 16, home->step * 2U, home->step_max * 2U);
	(void)round_prefix((uint8_t *)&key->l4_src, 2, 8, 16);
	(void)round_prefix((uint8_t *)&key->l4_dst, 2, 8, 16);
	if (n > 0) {
		/* Whoever has the address has the header. */
		key->valid = 0;
		key->eth_type = 0;
		key->frag = 0;
	}
	if (n >= home->enough) {
		fields_set_word(key, 4, 0);
		key->tcp_flags = 0;
	}
}

/* --- uses ------------------------------------------------------------------------------------ */

static uint64_t
value_of(const struct rule *rule, unsigned int word)
{
	const uint8_t place = rule->mask->place[word];

	return place == RULE_NO_WORD ? 0 : rule->words[place];
}

static enum rules_class
class_of(const struct rule *rule)
{
	struct fields value = {0};

	if (rule->mask->fields.eth_type != UINT16_MAX) {
		return RULES_ALL;
	}
	fields_set_word(&value, 2, value_of(rule, 2));
	switch (ntohs(value.eth_type)) {
	case ETH_TYPE_IPV4:
		return RULES_IPV4;
	case ETH_TYPE_IPV6:
		return RULES_IPV6;
	case ETH_TYPE_ARP:
		return RULES_ARP;
	default:
		return RULES_OTHER;
	}
}

static void
port_grow(struct rule_port *port)
{
	const uint32_t n_room = port->n_room * 2 + 2;
	struct rule_port_use *uses = must_calloc(n_room, sizeof(*uses));

	if (port->n > 0) {
		memcpy(uses, port->uses, port->n * sizeof(*uses));
	}
	free(port->uses);
	port->uses = uses;
	port->n_room = n_room;
}

/* The counter for a rule's mask, class and port, made if need be. */
static uint32_t *
use_of(struct rule_table *table, const struct rule *rule)
{
	const enum rules_class class = class_of(rule);
	struct fields value = {0};
	struct rule_port **page;
	struct rule_port *port;

	if (rule->mask->fields.in_port != UINT16_MAX) {
		return &rule->mask->n_live[class];
	}
	fields_set_word(&value, 0, value_of(rule, 0));
	page = table->ports[value.in_port >> 8];
	if (page == NULL) {
		page = must_calloc(256, sizeof(struct rule_port *));
		table->ports[value.in_port >> 8] = page;
	}
	port = page[value.in_port & 0xff];
	if (port == NULL) {
		port = must_calloc(1, sizeof(*port));
		page[value.in_port & 0xff] = port;
	}
	for (uint32_t i = 0; i < port->n; i++) {
		if (port->uses[i].mask == rule->mask) {
			return &port->uses[i].n[class];
		}
	}
	if (port->n == port->n_room) {
		port_grow(port);
	}
	port->uses[port->n] = (struct rule_port_use){.mask = rule->mask};
	return &port->uses[port->n++].n[class];
}

void
rule_use_add(struct rule_table *table, struct rule *rule)
{
	uint32_t *n = use_of(table, rule);

	table->widened += *n == 0;
	++*n;
}

void
rule_use_put(struct rule_table *table, struct rule *rule)
{
	uint32_t *n = use_of(table, rule);
	struct fields value = {0};
	struct rule_port *port;

	assert(*n > 0);
	--*n;
	table->narrowed += *n == 0;
	if (*n > 0 || rule->mask->fields.in_port != UINT16_MAX) {
		return;
	}
	fields_set_word(&value, 0, value_of(rule, 0));
	port = table->ports[value.in_port >> 8][value.in_port & 0xff];
	for (uint32_t i = 0; i < port->n; i++) {
		struct rule_port_use *use = &port->uses[i];
		uint32_t left = 0;

		for (unsigned int i_class = 0; i_class < RULE_CLASSES; i_class++) {
			left += use->n[i_class];
		}
		if (left == 0) {
			*use = port->uses[--port->n];
			return;
		}
	}
}

void
rule_uses_fini(struct rule_table *table)
{
	for (unsigned int i = 0; i < 256; i++) {
		for (unsigned int j = 0; table->ports[i] != NULL && j < 256; j++) {
			if (table->ports[i][j] != NULL) {
				free(table->ports[i][j]->uses);
				free(table->ports[i][j]);
			}
		}
		free(table->ports[i]);
		table->ports[i] = NULL;
	}
}

static bool
asked(const uint32_t *n, enum rules_class class)
{
	if (class == RULES_ALL) {
		return (n[0] | n[1] | n[2] | n[3] | n[4]) != 0;
	}
	return (n[class] | n[RULES_ALL]) != 0;
}

void
rules_get_mask(const struct rules *rules, uint8_t number, enum rules_class class, uint16_t in_port,
	struct fields *mask)
{
	const struct rule_table *table = rules_table(rules, number);
	const struct rule_port *port;

	*mask = (struct fields){0};
	if (table == NULL) {
		return;
	}
	for (uint32_t i = 0; i < table->n_mask_buckets; i++) {
		for (const struct rule_mask *at = table->masks[i]; at != NULL; at = at->next) {
			if (asked(at->n_live, class)) {
				fields_join(mask, &at->seen);
			}
		}
	}
	if (in_port == 0 || table->ports[in_port >> 8] == NULL) {
		return;
	}
	port = table->ports[in_port >> 8][in_port & 0xff];
	for (uint32_t i = 0; port != NULL && i < port->n; i++) {
		if (asked(port->uses[i].n, class)) {
			fields_join(mask, &port->uses[i].mask->seen);
		}
	}
}

void
rules_get_mask_changes(const struct rules *rules, uint64_t *widened, uint64_t *narrowed)
{
	*widened = 0;
	*narrowed = 0;
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		const struct rule_table *table = rules_table(rules, (uint8_t)i);

		if (table != NULL) {
			*widened += table->widened;
			*narrowed += table->narrowed;
		}
	}
}

bool
rules_ask_for_port(const struct rules *rules, uint16_t in_port)
{
	for (unsigned int i = 0; i < RULES_TABLES; i++) {
		const struct rule_table *table = rules_table(rules, (uint8_t)i);
		const struct rule_port *port;

		if (table == NULL || table->ports[in_port >> 8] == NULL) {
			continue;
		}
		port = table->ports[in_port >> 8][in_port & 0xff];
		if (port != NULL && port->n > 0) {
			return true;
		}
	}
	return false;
}
