/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys: what the flow cache compares, for frames of a port whose pipeline looks further than a
 * bridge does.
 *
 * For each port and class of EtherTypes main joins the masks of all rules, access lists and address
 * checks that a frame could meet, and of the bridge itself. Frames that agree in those bits get the
 * same program, so one lookup decides, however many rules and masks there are. The key is the words
 * of struct fields in which the mask has bits, cut to it; its word 0 names the input port and the
 * mask.
 *
 * A mask's id stands for the mask's bits alone, for all ports, and is given to another mask only
 * when no flow can hold it any more: an old entry cannot be hit by a new key.
 *
 * Shapes are constant once published. Any thread.
 */
#ifndef VSW_DATAPATH_PIPE_KEY_H
#define VSW_DATAPATH_PIPE_KEY_H

#include <rte_branch_prediction.h>
#include <stdint.h>

#include "datapath/core/parse_usual.h"
#include "datapath/table/flow_cache.h"
#include "datapath/table/rules.h"

/* In `spare` of word 0: there is a TPID, but no tag behind it. */
#define KEY_CUT_TAG 1

/*
 * `pass` of an egress access list's keys. Their in_port is the input, whose share of the flow cache
 * they take; `spare` is the output, by whose list they are made.
 */
#define KEY_EGRESS 0x80
#define KEY_EGRESS_CUT_TAG 0x81 /* KEY_CUT_TAG */

/* Word 0 of a key: that of struct fields. */
struct key_first {
	uint16_t in_port; /* id */
	uint16_t mask_id;
	uint8_t pass;
	uint8_t valid; /* the mask's part of it */
	uint16_t spare;
};
static_assert(sizeof(struct key_first) == sizeof(uint64_t) &&
		offsetof(struct key_first, valid) == offsetof(struct fields, valid) &&
		offsetof(struct key_first, spare) == offsetof(struct fields, spare),
	"as in struct fields");

static inline uint64_t
key_first_word(struct key_first first)
{
	uint64_t word;

	memcpy(&word, &first, sizeof(word));
	return word;
}

static inline struct key_first
key_first_of(uint64_t word)
{
	struct key_first first;

	memcpy(&first, &word, sizeof(first));
	return first;
}

/* Of one class. */
struct key_shape {
	uint16_t mask_id; /* never 0 */
	uint8_t depth; /* enum parse_depth */
	uint8_t n_words; /* 4..FLOW_KEY_WORDS_MAX: 3 are a bridge's own */
	bool usual; /* its words are among the first PARSE_USUAL_WORDS, from 0 on without a gap */
	uint8_t words[FLOW_KEY_WORDS_MAX]; /* rising; [0] is 0 */
	uint64_t masks[FLOW_KEY_WORDS_MAX];
};

struct port_keys {
	struct key_shape shapes[RULES_ALL]; /* by enum rules_class */
	struct key_shape out[RULES_ALL]; /* of the egress access list; mask_id 0: there is none */
};

/* What a bridge looks at: addresses, the tag's VLAN and that there is one. */
void key_bridge_mask(struct fields *mask);

/* -E2BIG: the mask has bits in more words than a key has. */
int key_shape_init(struct key_shape *shape, const struct fields *mask, uint16_t mask_id);

static inline enum rules_class
key_class(uint16_t eth_type_be)
{
	switch (eth_type_be) {
	case RTE_BE16(0x0800):
		return RULES_IPV4;
	case RTE_BE16(0x86dd):
		return RULES_IPV6;
	case RTE_BE16(0x0806):
		return RULES_ARP;
	default:
		return RULES_OTHER;
	}
}

static inline bool
key_tag_is_cut(const struct fields *fields)
{
	return unlikely(fields->vlan_tci == 0 && eth_is_vlan(rte_be_to_cpu_16(fields->eth_type)));
}

static inline void
key_fill(const struct key_shape *shape, struct key_first first, const struct fields *fields,
	struct flow_key *key)
{
	key->n_words = shape->n_words;
	key->words[0] = key_first_word(first) | (fields_word(fields, 0) & shape->masks[0]);
	for (unsigned int i = 1; i < shape->n_words; i++) {
		key->words[i] = fields_word(fields, shape->words[i]) & shape->masks[i];
	}
}

/* fields' in_port, mask_id and pass are not looked at, here and below. */
static inline void
key_make(const struct key_shape *shape, const struct fields *fields, uint32_t port,
	struct flow_key *key)
{
	const struct key_first first = {.in_port = (uint16_t)port,
		.mask_id = shape->mask_id,
		.spare = key_tag_is_cut(fields) ? KEY_CUT_TAG : 0};

	key_fill(shape, first, fields, key);
}

/*
 * The same from the frame, for an IPv4 class whose shape is usual. False: not a usual frame,
 * nothing was done that key_make() does not do again.
 */
static inline bool
key_make_usual(
	const struct key_shape *shape, const struct pkt *pkt, uint32_t port, struct flow_key *key)
{
	const struct key_first first = {.in_port = (uint16_t)port, .mask_id = shape->mask_id};
	uint64_t words[PARSE_USUAL_WORDS];

	if (!shape->usual || !parse_usual(pkt->head, pkt->head_len, pkt->len, words)) {
		return false;
	}
	key->n_words = shape->n_words;
	key->words[0] = key_first_word(first) | (words[0] & shape->masks[0]);
	key->words[1] = words[1] & shape->masks[1];
	key->words[2] = words[2] & shape->masks[2];
	key->words[3] = words[3] & shape->masks[3];
	key->words[4] = words[4] & shape->masks[4];
	key->words[5] = words[5] & shape->masks[5];
	return true;
}

/* The shape is one of the output's `out`. */
static inline void
key_make_egress(const struct key_shape *shape, const struct fields *fields, uint32_t in,
	uint32_t out, struct flow_key *key)
{
	const struct key_first first = {.in_port = (uint16_t)in,
		.mask_id = shape->mask_id,
		.pass = key_tag_is_cut(fields) ? KEY_EGRESS_CUT_TAG : KEY_EGRESS,
		.spare = (uint16_t)out};

	key_fill(shape, first, fields, key);
}

/* --- of a key's word 0 ----------------------------------------------------------------------- */

static inline bool
key_is_egress(struct key_first first)
{
	return first.pass >= KEY_EGRESS;
}

/* The port by whose rules or list the key is made. */
static inline uint32_t
key_maker(struct key_first first)
{
	return key_is_egress(first) ? first.spare : first.in_port;
}

#endif
