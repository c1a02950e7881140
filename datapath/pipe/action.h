/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Actions of rules, and programs: what a packet's rules come to.
 *
 * A list of actions is one piece of memory, so that it can be copied, compared and hashed: each
 * action is a word and `n_words` more. Main makes lists (struct action_list) from what users write
 * and hangs them to rules; they are constant from then on.
 *
 * A program is what the pipeline leaves for all packets of a flow: the lists of all rules that were
 * met, one behind the other, `normal` and `flood` replaced by what they came to, and the counters
 * of those rules. Ports in a rule are numbers (struct port_view.number), which stay when a port is
 * opened again; in a program they are ids.
 *
 * Order. Actions run from first to last; an output sends the frame as it is then. A program that
 * sends nothing ends in a drop that says why.
 *
 * What is decided for each packet and not once for the flow: meter, group, sample, dec-ttl, the
 * tag's priority, who hears a flood.
 *
 * Plain data; any thread.
 */
#ifndef VSW_DATAPATH_PIPE_ACTION_H
#define VSW_DATAPATH_PIPE_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/core/fields.h"

#define ACTION_WORDS_MAX 4 /* that follow an action: an IPv6 address and its mask */
#define ACTION_LIST_MAX 1024 /* bytes of a rule's actions */
#define PROGRAM_RULES_MAX 64 /* rules that one packet meets, entries of access lists among them */
#define PROGRAM_SIZE_MAX 2048 /* bytes of a program; more is DROP_TOO_MANY_ACTIONS */

enum action_code {
	/* In rules, programs and buckets of groups. */
	ACTION_OUTPUT, /* number: port; arg: bytes of a cut copy, 0: all */
	ACTION_IN_PORT, /* to where it came from */
	ACTION_PUSH_VLAN, /* arg: TPID; the tag has the id and priority 0 */
	ACTION_POP_VLAN,
	ACTION_SET, /* arg: enum action_field; 2 or 4 words: value and mask, word by word */
	ACTION_DEC_TTL,
	ACTION_METER, /* number: id */
	ACTION_PUNT, /* arg: enum punt_reason; number: bytes, 0: all */
	ACTION_SAMPLE, /* arg: probability of 65535; number: collector set; 1 word: observation
			* domain in the upper half, point in the lower */
	/* In rules and programs. */
	ACTION_GROUP, /* number: id */
	/* In rules. */
	ACTION_NORMAL,
	ACTION_FLOOD, /* to all ports that carry the frame's VLAN */
	ACTION_GOTO, /* arg: a later table; the last of a list */
	/* In programs. */
	ACTION_DELIVER, /* number: port id; the tag as that port's VLANs want it */
	ACTION_SPREAD, /* normal's flood, or flood; arg: VLAN; number: enum storm_kind */
	ACTION_DROP, /* arg: enum drop_reason */
};

/* What ACTION_SET sets; its words have the field where struct fields has it. */
enum action_field {
	ACTION_ETH_SRC,
	ACTION_ETH_DST,
	ACTION_VLAN_VID, /* number: 1, an untagged frame gets a tag (0x8100); 0: only if there */
	ACTION_VLAN_PCP, /* likewise */
	ACTION_IP4_SRC,
	ACTION_IP4_DST,
	ACTION_IP6_SRC,
	ACTION_IP6_DST,
	ACTION_IP_DSCP,
	ACTION_IP_ECN,
	ACTION_IP_TTL,
	ACTION_L4_SRC, /* TCP, UDP, SCTP */
	ACTION_L4_DST,
	ACTION_REG0, /* to ACTION_REG0 + 7 */
	ACTION_FIELDS = ACTION_REG0 + FIELDS_REGS,
};

enum punt_reason { PUNT_ACTION, PUNT_NO_MATCH, PUNT_INVALID_TTL, PUNT_SAMPLE };

struct action {
	uint8_t code; /* enum action_code */
	uint8_t n_words;
	uint16_t arg;
	uint32_t number;
	uint64_t words[];
};
static_assert(sizeof(struct action) == 8, "one word");

struct action_list {
	uint32_t size; /* bytes of `bytes`, a multiple of 8, <= ACTION_LIST_MAX; 0: drop */
	uint32_t spare;
	uint8_t bytes[] __attribute__((aligned(8)));
};

/*
 * As it is hashed and compared: no padding is left undefined. Rules come first, an even number of
 * places; actions follow.
 */
struct program {
	uint16_t size; /* bytes in all, a multiple of 8 */
	uint16_t n_rules;
	uint16_t flags; /* enum program_flag */
	uint16_t n_actions;
	uint32_t slots[]; /* counters of the rules, datapath/pipe/rule_count.h */
};

enum program_flag {
	PROGRAM_EDITS = 1U << 0, /* changes the frame */
	PROGRAM_SIMPLE = 1U << 1, /* its one action is DELIVER, SPREAD or DROP */
};

static inline const struct action *
action_next(const struct action *action)
{
	return (const struct action *)(const void *)&action->words[action->n_words];
}

static inline const struct action *
program_first(const struct program *program)
{
	return (const struct action *)(const void *)&program->slots[(program->n_rules + 1U) & ~1U];
}

static inline const struct action *
action_list_first(const struct action_list *list)
{
	return (const struct action *)(const void *)list->bytes;
}

static inline const struct action *
action_list_end(const struct action_list *list)
{
	return (const struct action *)(const void *)(list->bytes + list->size);
}

/* The word of struct fields that a field begins in. */
unsigned int action_field_word(enum action_field field);

/*
 * What setting this field does to the fields of a packet; does nothing to a packet that has no such
 * field, as the edit of its bytes does nothing.
 */
void action_set_fields(const struct action *action, struct fields *fields);

/* Bits of struct fields that a list's ACTION_SETs may change, tags included; by OR into *mask. */
void action_list_changes(const struct action_list *list, struct fields *mask);

/* --- main: putting lists together ------------------------------------------------------------ */

struct action_builder {
	uint32_t size;
	bool overflow; /* the list would be longer than ACTION_LIST_MAX */
	uint8_t bytes[ACTION_LIST_MAX] __attribute__((aligned(8)));
};

void action_add(struct action_builder *builder, enum action_code code, uint16_t arg,
	uint32_t number, const uint64_t *words, unsigned int n_words);

/* A list of its own (free(3)), or NULL: overflow. Aborts without memory. */
struct action_list *action_list_new(const struct action_builder *builder);

#endif
