/* SPDX-License-Identifier: BSD-3-Clause */
/* What actions do to fields, case by case; and lists. */
#include "datapath/pipe/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/core/headers.h"

/* --- fields ---------------------------------------------------------------------------------- */

#define ND (FIELDS_VALID_ND | FIELDS_ND_INVALID)

/* Which bytes, and of each which bits. */
static const struct row {
	enum action_field field;
	size_t at;
	size_t size;
	uint8_t bits[2]; /* of the first byte, of the others */
} rows[] = {
	{ACTION_ETH_SRC, offsetof(struct fields, eth_src), 6, {0xff, 0xff}},
	{ACTION_ETH_DST, offsetof(struct fields, eth_dst), 6, {0xff, 0xff}},
	{ACTION_VLAN_VID, offsetof(struct fields, vlan_tci), 2, {0x0f, 0xff}},
	{ACTION_VLAN_PCP, offsetof(struct fields, vlan_tci), 2, {0xe0, 0x00}},
	{ACTION_IP4_SRC, offsetof(struct fields, ip4_src), 4, {0xff, 0xff}},
	{ACTION_IP4_DST, offsetof(struct fields, ip4_dst), 4, {0xff, 0xff}},
	{ACTION_IP6_SRC, offsetof(struct fields, ip6_src), 16, {0xff, 0xff}},
	{ACTION_IP6_DST, offsetof(struct fields, ip6_dst), 16, {0xff, 0xff}},
	{ACTION_IP_DSCP, offsetof(struct fields, tos), 1, {0xfc}},
	{ACTION_IP_ECN, offsetof(struct fields, tos), 1, {0x03}},
	{ACTION_IP_TTL, offsetof(struct fields, ttl), 1, {0xff}},
	{ACTION_L4_SRC, offsetof(struct fields, l4_src), 2, {0xff, 0xff}},
	{ACTION_L4_DST, offsetof(struct fields, l4_dst), 2, {0xff, 0xff}},
	{ACTION_REG0, offsetof(struct fields, regs[0]), 4, {0xff, 0xff}},
	{ACTION_REG0 + 1, offsetof(struct fields, regs[1]), 4, {0xff, 0xff}},
	{ACTION_REG0 + 7, offsetof(struct fields, regs[7]), 4, {0xff, 0xff}},
};

/* The field and no more is what a mask of ones comes to, and what the list says it changes. */
static void
test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct action_builder builder = {.size = 0};
		struct fields ones;
		struct fields want = {.pass = 0};
		struct fields got = {.pass = 0};
		struct fields changes = {.valid = ND};
		struct action_list *list;

		memset(&ones, 0xff, sizeof(ones));
		memset((uint8_t *)&want + rows[i].at, rows[i].bits[1], rows[i].size);
		((uint8_t *)&want)[rows[i].at] = rows[i].bits[0];
		action_field_mask(rows[i].field, &got);
		assert_memory_equal(&got, &want, sizeof(got));
		assert_int_equal(action_field_word(rows[i].field), rows[i].at / 8);
		assert_int_equal(action_field_words(rows[i].field), rows[i].size == 16 ? 2 : 1);

		action_add_set(&builder, rows[i].field, false, &ones, &ones);
		list = action_list_new(&builder);
		action_list_changes(list, &changes);
		want.valid |= ND; /* which a TTL may end */
		assert_memory_equal(&changes, &want, sizeof(changes));
		free(list);
	}
}

static void
set(struct fields *fields, enum action_field field, bool push, const struct fields *value)
{
	struct action_builder builder = {.size = 0};
	struct action_list *list;
	struct fields mask;

	memset(&mask, 0xff, sizeof(mask));
	action_add_set(&builder, field, push, value, &mask);
	list = action_list_new(&builder);
	action_set_fields(action_list_first(list), fields);
	free(list);
}

static void
test_tags(void **state)
{
	struct fields f = {.eth_type = RTE_BE16(0x0800),
		.valid = FIELDS_VALID_IPV4,
		.ip4_src = 7,
		.proto = 6,
		.tcp_flags = 3};
	const struct fields value = {.vlan_tci = RTE_BE16(0xb123)};
	const struct fields untagged = f;

	(void)state;
	set(&f, ACTION_VLAN_VID, false, &value);
	assert_memory_equal(&f, &untagged, sizeof(f));
	set(&f, ACTION_VLAN_VID, true, &value);
	assert_int_equal(f.vlan_tci, RTE_BE16(0x1123));
	assert_int_equal(f.outer_tpid, RTE_BE16(0x8100));
	assert_int_equal(f.inner_tci, 0);
	set(&f, ACTION_VLAN_PCP, false, &value);
	assert_int_equal(f.vlan_tci, RTE_BE16(0xb123));

	action_push_fields(ETH_TPID_STAG, &f);
	assert_int_equal(f.vlan_tci, RTE_BE16(0x1000));
	assert_int_equal(f.outer_tpid, RTE_BE16(0x88a8));
	assert_int_equal(f.inner_tci, RTE_BE16(0xb123));
	assert_int_equal(f.inner_tpid, RTE_BE16(0x8100));
	assert_int_equal(f.eth_type, RTE_BE16(0x0800));
	assert_int_equal(f.ip4_src, 7);

	action_push_fields(ETH_TPID_STAG, &f);
	assert_int_equal(f.inner_tpid, RTE_BE16(0x88a8));
	assert_int_equal(f.eth_type, RTE_BE16(0x8100));
	assert_int_equal(f.valid, 0);
	assert_int_equal(f.ip4_src, 0);
	assert_int_equal(f.tcp_flags, 0);

	/* The third tag's id is not known: it stays hidden. */
	action_pop_fields(&f);
	assert_int_equal(f.outer_tpid, RTE_BE16(0x88a8));
	assert_int_equal(f.vlan_tci, RTE_BE16(0x1000));
	assert_int_equal(f.inner_tci, 0);
	assert_int_equal(f.eth_type, RTE_BE16(0x8100));

	f = untagged;
	action_pop_fields(&f);
	assert_memory_equal(&f, &untagged, sizeof(f));
}

/* A TPID behind which there is no tag gets none: the edit of such a frame does nothing either. */
static void
test_cut_tag(void **state)
{
	struct fields f = {.eth_type = RTE_BE16(0x8100)};
	const struct fields cut = f;
	const struct fields value = {.vlan_tci = RTE_BE16(0x1123)};

	(void)state;
	set(&f, ACTION_VLAN_VID, true, &value);
	assert_memory_equal(&f, &cut, sizeof(f));
}

static void
test_absent(void **state)
{
	static const uint8_t valid[] = {
		[ACTION_IP4_SRC] = FIELDS_VALID_IPV6 | FIELDS_VALID_ARP,
		[ACTION_IP4_DST] = FIELDS_VALID_IPV6 | FIELDS_VALID_ARP,
		[ACTION_IP6_SRC] = FIELDS_VALID_IPV4,
		[ACTION_IP6_DST] = FIELDS_VALID_IPV4,
		[ACTION_IP_DSCP] = FIELDS_VALID_ARP,
		[ACTION_IP_ECN] = FIELDS_VALID_ARP,
		[ACTION_IP_TTL] = FIELDS_VALID_ARP,
		[ACTION_L4_SRC] = FIELDS_VALID_IPV4,
		[ACTION_L4_DST] = FIELDS_VALID_IPV4,
	};
	struct fields value;

	(void)state;
	memset(&value, 0xff, sizeof(value));
	for (unsigned int field = ACTION_IP4_SRC; field <= ACTION_L4_DST; field++) {
		struct fields f = {.valid = valid[field], .proto = 6, .ttl = 9};
		const struct fields before = f;

		set(&f, (enum action_field)field, true, &value);
		assert_memory_equal(&f, &before, sizeof(f));
	}
}

static void
test_icmp_has_no_ports(void **state)
{
	struct fields f = {.valid = FIELDS_VALID_IPV4 | FIELDS_VALID_L4, .proto = 1, .l4_src = 8};
	const struct fields value = {.l4_src = 80};

	(void)state;
	set(&f, ACTION_L4_SRC, false, &value);
	assert_int_equal(f.l4_src, 8);
	f.proto = 132;
	set(&f, ACTION_L4_SRC, false, &value);
	assert_int_equal(f.l4_src, 80);
}

static void
test_ttl(void **state)
{
	struct fields f = {.valid = FIELDS_VALID_IPV4, .ttl = 2};

	(void)state;
	action_dec_ttl_fields(&f);
	assert_int_equal(f.ttl, 1);
	action_dec_ttl_fields(&f);
	assert_int_equal(f.ttl, 1);

	/* Neighbor discovery that went through a router is none. */
	f = (struct fields){.valid = FIELDS_VALID_IPV6 | FIELDS_VALID_L4 | FIELDS_VALID_ND,
		.proto = 58,
		.ttl = 255,
		.arp_sha = {1},
		.nd_target = {2}};
	action_dec_ttl_fields(&f);
	assert_int_equal(f.ttl, 254);
	assert_int_equal(f.valid, FIELDS_VALID_IPV6 | FIELDS_VALID_L4 | FIELDS_ND_INVALID);
	assert_int_equal(f.arp_sha[0] | f.nd_target[0], 0);
}

static void
test_registers(void **state)
{
	struct fields value;

	(void)state;
	memset(&value, 0xee, sizeof(value));
	for (unsigned int i = 0; i < FIELDS_REGS; i++) {
		struct fields f = {.pass = 0};
		struct fields want = {.pass = 0};

		set(&f, (enum action_field)(ACTION_REG0 + i), false, &value);
		want.regs[i] = 0xeeeeeeee;
		assert_memory_equal(&f, &want, sizeof(f));
	}
}

/* --- lists ----------------------------------------------------------------------------------- */

static void
test_list(void **state)
{
	struct action_builder builder = {.size = 0};
	const uint64_t words[] = {3, 4};
	struct action_list *list;
	const struct action *action;

	(void)state;
	list = action_list_new(&builder);
	assert_int_equal(list->size, 0);
	assert_ptr_equal(action_list_first(list), action_list_end(list));
	free(list);

	action_add(&builder, ACTION_OUTPUT, 128, 77, NULL, 0);
	action_add(&builder, ACTION_SET, ACTION_REG0, 0, words, 2);
	action_add(&builder, ACTION_GOTO, 9, 0, NULL, 0);
	list = action_list_new(&builder);
	assert_int_equal(list->size, 8 + 24 + 8);
	action = action_list_first(list);
	assert_int_equal(action->code, ACTION_OUTPUT);
	assert_int_equal(action->arg, 128);
	assert_int_equal(action->number, 77);
	assert_int_equal(action->n_words, 0);
	action = action_next(action);
	assert_int_equal(action->code, ACTION_SET);
	assert_memory_equal(action->words, words, sizeof(words));
	action = action_next(action);
	assert_int_equal(action->code, ACTION_GOTO);
	assert_ptr_equal(action_next(action), action_list_end(list));
	free(list);
}

static void
test_list_is_full(void **state)
{
	struct action_builder builder = {.size = 0};
	struct action_list *list;
	const uint64_t words[4] = {0};

	(void)state;
	for (unsigned int i = 0; i < ACTION_LIST_MAX / 8 - 4; i++) {
		action_add(&builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
	}
	action_add(&builder, ACTION_OUTPUT, 0, 1, words, 3);
	assert_false(builder.overflow);
	assert_int_equal(builder.size, ACTION_LIST_MAX);
	list = action_list_new(&builder);
	assert_non_null(list);
	assert_int_equal(list->size, ACTION_LIST_MAX);
	free(list);
	action_add(&builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
	assert_true(builder.overflow);
	assert_int_equal(builder.size, ACTION_LIST_MAX);
	assert_null(action_list_new(&builder));

	/* What fits behind what did not is not taken either. */
	builder = (struct action_builder){.size = ACTION_LIST_MAX - 8};
	action_add(&builder, ACTION_SET, ACTION_REG0, 0, words, 2);
	action_add(&builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
	assert_null(action_list_new(&builder));
}

static void
test_changes(void **state)
{
	struct action_builder builder = {.size = 0};
	const struct fields value = {.ip4_dst = RTE_BE32(0x0a000000), .ttl = 3};
	const struct fields mask = {.ip4_dst = RTE_BE32(0xff000000), .ttl = 0xff, .tos = 0xff};
	struct fields want = {.in_port = 5, .ip4_dst = RTE_BE32(0xff000000), .tos = 3};
	struct fields got = {.in_port = 5};
	struct action_list *list;

	(void)state;
	action_add(&builder, ACTION_METER, 0, 1, NULL, 0);
	action_add_set(&builder, ACTION_IP4_DST, false, &value, &mask);
	action_add_set(&builder, ACTION_IP_ECN, false, &value, &mask);
	list = action_list_new(&builder);
	action_list_changes(list, &got);
	assert_memory_equal(&got, &want, sizeof(got));
	free(list);

	action_add(&builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
	action_add(&builder, ACTION_POP_VLAN, 0, 0, NULL, 0);
	list = action_list_new(&builder);
	action_list_changes(list, &got);
	want.ttl = want.valid = UINT8_MAX;
	want.vlan_tci = want.inner_tci = want.outer_tpid = want.inner_tpid = UINT16_MAX;
	want.eth_type = UINT16_MAX;
	assert_memory_equal(&got, &want, sizeof(got));
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_cut_tag),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_icmp_has_no_ports),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_is_full),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
