/* SPDX-License-Identifier: BSD-3-Clause */
/* What actions do to fields, against what the parser finds in the edited frame. */
#include "datapath/pipe/action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/edit.h"
#include "datapath/core/parse.h"
#include "datapath/core/parse_test_frames.h"

#define CASES 300000
#define STEPS 5 /* actions on one frame */
#define HEADROOM 64

/* --- frames that are edited ------------------------------------------------------------------ */

struct subject {
	struct pkt pkt;
	uint8_t buffer[HEADROOM + FRAME_SIZE];
};

static void
subject_make(struct subject *s, const struct frame *frame)
{
	memset(&s->pkt, 0, sizeof(s->pkt));
	memcpy(s->buffer + HEADROOM, frame->bytes, frame->len);
	s->pkt.head = s->buffer + HEADROOM;
	s->pkt.len = frame->len;
	s->pkt.head_len = (uint16_t)frame->len;
	s->pkt.headroom = HEADROOM;
}

static struct parsed
subject_parse(const struct subject *s)
{
	struct parsed parsed;

	parse(s->pkt.head, s->pkt.head_len, s->pkt.len, PARSE_ALL, &parsed);
	return parsed;
}

static void
subject_edit(struct subject *s, struct edit *edit)
{
	const struct parsed parsed = subject_parse(s);
	const uint8_t valid = parsed.fields.valid;
	const struct edit_layout layout = {
		.l3 = parsed.l3,
		.l4 = parsed.l4,
		.end = UINT16_MAX,
		.l3_kind = (valid & FIELDS_VALID_IPV4) != 0 ? EDIT_L3_IPV4
			: (valid & FIELDS_VALID_IPV6) != 0  ? EDIT_L3_IPV6
			: (valid & FIELDS_VALID_ARP) != 0   ? EDIT_L3_ARP
							    : EDIT_L3_NONE,
		.proto = parsed.fields.proto,
		.frag = parsed.fields.frag,
		.flags = (valid & FIELDS_DEEP) != 0 ? EDIT_DEEP : 0,
	};

	edit_pkt(edit, &s->pkt, &layout);
}

/* The edit that an ACTION_SET is, of a frame with the field as in `now` (already masked in). */
static enum edit_result
edit_set(struct edit *edit, const struct action *action, const struct fields *now)
{
	const uint16_t tci = rte_be_to_cpu_16(now->vlan_tci);

	if ((action->arg == ACTION_VLAN_VID || action->arg == ACTION_VLAN_PCP) &&
		action->number == 0 && !eth_is_vlan(load_be16(edit->head + 12))) {
		return EDIT_ABSENT;
	}
	switch (action->arg) {
	case ACTION_ETH_SRC:
		return edit_set_eth_src(edit, now->eth_src);
	case ACTION_ETH_DST:
		return edit_set_eth_dst(edit, now->eth_dst);
	case ACTION_VLAN_VID:
		return edit_set_vid(edit, tci & VLAN_ID_MASK);
	case ACTION_VLAN_PCP:
		return edit_set_pcp(edit, (uint8_t)(tci >> 13));
	case ACTION_IP4_SRC:
		return edit_set_ip4_src(edit, now->ip4_src);
	case ACTION_IP4_DST:
		return edit_set_ip4_dst(edit, now->ip4_dst);
	case ACTION_IP6_SRC:
		return edit_set_ip6_src(edit, now->ip6_src);
	case ACTION_IP6_DST:
		return edit_set_ip6_dst(edit, now->ip6_dst);
	case ACTION_IP_DSCP:
		return edit_set_tos(edit, now->tos & EDIT_TOS_DSCP, EDIT_TOS_DSCP);
	case ACTION_IP_ECN:
		return edit_set_tos(edit, now->tos & EDIT_TOS_ECN, EDIT_TOS_ECN);
	case ACTION_IP_TTL:
		return edit_set_ttl(edit, now->ttl);
	case ACTION_L4_SRC:
		return edit_set_l4_src(edit, now->l4_src);
	case ACTION_L4_DST:
		return edit_set_l4_dst(edit, now->l4_dst);
	default:
		return EDIT_DONE; /* registers are in no frame */
	}
}

/* The same value under the same mask, in fields of any packet. */
static void
join(const struct action *action, struct fields *fields)
{
	for (unsigned int i = 0; i < action_field_words(action->arg); i++) {
		const unsigned int at = action_field_word(action->arg) + i;

		fields_set_word(fields, at,
			(fields_word(fields, at) & ~action->words[2 * i + 1]) |
				action->words[2 * i]);
	}
}

/* Cases in which the fields do not tell what the parser would find (action.h). */
static bool
is_unknown(const struct action *action, const struct fields *fields, const struct fields *now)
{
	const bool type_is_tpid = eth_is_vlan(rte_be_to_cpu_16(fields->eth_type));

	switch (action->code) {
	case ACTION_POP_VLAN:
		return fields->inner_tci != 0 && type_is_tpid;
	case ACTION_SET:
		return action->arg == ACTION_IP_TTL && now->ttl == 255 && fields->ttl != 255 &&
			fields->proto == 58;
	default:
		return false;
	}
}

static enum edit_result
edit_do(struct edit *edit, const struct action *action, const struct fields *now)
{
	switch (action->code) {
	case ACTION_PUSH_VLAN:
		return edit_push_vlan(edit, action->arg, 0);
	case ACTION_POP_VLAN:
		return edit_pop_vlan(edit);
	case ACTION_DEC_TTL:
		return edit_dec_ttl(edit);
	default:
		return edit_set(edit, action, now);
	}
}

static void
fields_do(const struct action *action, struct fields *fields)
{
	switch (action->code) {
	case ACTION_PUSH_VLAN:
		action_push_fields(action->arg, fields);
		break;
	case ACTION_POP_VLAN:
		action_pop_fields(fields);
		break;
	case ACTION_DEC_TTL:
		action_dec_ttl_fields(fields);
		break;
	default:
		action_set_fields(action, fields);
		break;
	}
}

static void
same(const struct fields *got, const struct fields *want, const struct action *action)
{
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		if (fields_word(got, i) != fields_word(want, i)) {
			fail_msg("action %u, arg %#x: word %u is %016llx, want %016llx",
				action->code, action->arg, i,
				(unsigned long long)fields_word(got, i),
				(unsigned long long)fields_word(want, i));
		}
	}
}

/* What changed is said by `changes`, or hidden with its bit in `valid`. */
static void
covered(const struct fields *before, const struct fields *after, const struct fields *changes)
{
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		const uint64_t more =
			(fields_word(before, i) ^ fields_word(after, i)) & ~fields_word(changes, i);

		if (more != 0) {
			assert_int_equal(fields_word(after, i) & more, 0);
			assert_int_not_equal(before->valid & changes->valid, 0);
		}
	}
}

/* --- at random ------------------------------------------------------------------------------- */

static void
random_fields(uint64_t *random, struct fields *fields)
{
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		fields_set_word(fields, i,
			(uint64_t)random_below(random, UINT32_MAX) << 32 |
				random_below(random, UINT32_MAX));
	}
}

static void
random_action(uint64_t *random, struct action_builder *builder)
{
	struct fields value;
	struct fields mask;
	const uint16_t tpid = random_below(random, 2) == 0 ? ETH_TPID_CTAG : ETH_TPID_STAG;

	switch (random_below(random, 8)) {
	case 0:
		action_add(builder, ACTION_PUSH_VLAN, tpid, 0, NULL, 0);
		break;
	case 1:
		action_add(builder, ACTION_POP_VLAN, 0, 0, NULL, 0);
		break;
	case 2:
		action_add(builder, ACTION_DEC_TTL, 0, 0, NULL, 0);
		break;
	default:
		random_fields(random, &value);
		memset(&mask, 0xff, sizeof(mask));
		if (random_below(random, 4) == 0) {
			random_fields(random, &mask);
		}
		action_add_set(builder, (enum action_field)random_below(random, ACTION_FIELDS),
			random_below(random, 2) == 0, &value, &mask);
		break;
	}
}

/* False: no more can be said of this frame. */
static bool
step(uint64_t *random, struct subject *s, struct fields *fields)
{
	struct action_builder builder = {.size = 0};
	struct fields before = *fields;
	struct fields now = *fields; /* the field after an ACTION_SET */
	struct fields changes = {.pass = 0};
	struct action_list *list;
	const struct action *action;
	struct parsed parsed;
	struct edit edit;
	enum edit_result result;

	random_action(random, &builder);
	list = action_list_new(&builder);
	action = action_list_first(list);
	if (action->code == ACTION_SET) {
		join(action, &now);
	}
	if (is_unknown(action, fields, &now)) {
		free(list);
		return false;
	}
	subject_edit(s, &edit);
	result = edit_do(&edit, action, &now);
	if (result == EDIT_DONE || result == EDIT_ABSENT) {
		fields_do(action, fields);
		parsed = subject_parse(s);
		memcpy(parsed.fields.regs, now.regs, sizeof(now.regs));
		same(fields, &parsed.fields, action);
		action_list_changes(list, &changes);
		covered(&before, fields, &changes);
	}
	free(list);
	return result == EDIT_DONE || result == EDIT_ABSENT;
}

static void
test_random(void **state)
{
	uint64_t random = random_seed();
	static struct frame frame;
	static struct subject subject;
	unsigned int n_steps = 0;

	(void)state;
	print_message("# VSW_SEED=%llu\n", (unsigned long long)random);
	for (int i = 0; i < CASES; i++) {
		struct fields fields;

		frame_random(&frame, &random);
		/* Near the end of the parser's reach a tag decides what is seen. */
		if (frame.len < RTE_ETHER_HDR_LEN ||
			frame.len > PARSE_HEAD_MAX - STEPS * VLAN_TAG_LEN) {
			continue;
		}
		subject_make(&subject, &frame);
		fields = subject_parse(&subject).fields;
		/* SNAP with a TPID is not told from a tag that is cut off. */
		if (fields.vlan_tci == 0 && eth_is_vlan(rte_be_to_cpu_16(fields.eth_type)) &&
			!eth_is_vlan(load_be16(frame.bytes + 12))) {
			continue;
		}
		for (int n = 0; n < STEPS && step(&random, &subject, &fields); n++) {
			n_steps++;
		}
	}
	assert_true(n_steps > CASES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
