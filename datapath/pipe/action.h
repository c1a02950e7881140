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
	ACTION_SET, /* arg: enum action_field; 2 or 4 words: value, mask, value, mask; no bit of
		     * a value outside of its mask, nor of a mask outside of the field */
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
	ACTION_DROP, /* arg: enum drop_reason; number: the output of drop_names_output(), else 0 */
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

/* --- fields ---------------------------------------------------------------------------------- */

/* The words of struct fields that a field is in: the first, and how many (1 or 2). */
unsigned int action_field_word(enum action_field field);
unsigned int action_field_words(enum action_field field);

/* The field's bits, by OR into *mask. */
void action_field_mask(enum action_field field, struct fields *mask);

/*
 * What an action does to the fields of a packet, so that they are what the parser would find in the
 * edited frame; nothing in a packet that has no such field, as the edit of its bytes does nothing.
 * Where fields do not tell what the parser would find:
 *
 * - A tag that comes to light when one above two others is popped: it is taken for one that is cut
 *   off, so its TPID stays the EtherType. A third tag has no TCI in the fields.
 * - An ICMPv6 message that becomes one of neighbor discovery by a hop limit of 255: it does not.
 * - SNAP with a TPID as its type looks like a tag that is cut off, which gets no tag by ACTION_SET.
 * - Headers that come into, or out of, the parser's reach (PARSE_HEAD_MAX) by a tag: they do not.
 */

/* ACTION_SET. */
void action_set_fields(const struct action *action, struct fields *fields);

/*
 * ACTION_PUSH_VLAN and ACTION_POP_VLAN. The tag that was outer becomes inner. Above two tags, a
 * push makes the lower one's TPID the EtherType, and what is behind it is not seen any more.
 */
void action_push_fields(uint16_t tpid, struct fields *fields);
void action_pop_fields(struct fields *fields);

/* ACTION_DEC_TTL. Nothing at 1 and 0, where the packet is dropped or punted (EDIT_EXPIRED). */
void action_dec_ttl_fields(struct fields *fields);

/*
 * Bits of struct fields that a list may change, by OR into *mask. When tags come and go these are
 * the tags, eth_type and all of `valid`, but not what a third tag hides: who asks for that asks for
 * its bit in `valid` too.
 */
void action_list_changes(const struct action_list *list, struct fields *mask);

/* --- main: putting lists together ------------------------------------------------------------ */

struct action_builder {
	uint32_t size;
	bool overflow; /* the list would be longer than ACTION_LIST_MAX */
	uint8_t bytes[ACTION_LIST_MAX] __attribute__((aligned(8)));
};

/* Copies the words; nothing, but `overflow`, when there is no room. Zero a builder to begin. */
void action_add(struct action_builder *builder, enum action_code code, uint16_t arg,
	uint32_t number, const uint64_t *words, unsigned int n_words);

/* An ACTION_SET; of value and mask only the field's bits count. `push`: its `number`. */
void action_add_set(struct action_builder *builder, enum action_field field, bool push,
	const struct fields *value, const struct fields *mask);

/* A list of its own (free(3)), or NULL: overflow. Aborts without memory. */
struct action_list *action_list_new(const struct action_builder *builder);

#endif
