/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/key.h"

#include <errno.h>

#define BRIDGE_WORDS 3 /* in_port and masks' ids; destination and tag; source and EtherType */
#define REGS_WORD (offsetof(struct fields, regs) / sizeof(uint64_t))
#define REGS_END (REGS_WORD + FIELDS_REGS * sizeof(uint32_t) / sizeof(uint64_t))

void
key_bridge_mask(struct fields *mask)
{
	*mask = (struct fields){.vlan_tci = RTE_BE16(VLAN_ID_MASK | FIELDS_TAG_PRESENT)};
	memset(mask->eth_dst, UINT8_MAX, sizeof(mask->eth_dst));
	memset(mask->eth_src, UINT8_MAX, sizeof(mask->eth_src));
}

static void
add_word(struct key_shape *shape, unsigned int word, uint64_t mask)
{
	shape->words[shape->n_words] = (uint8_t)word;
	shape->masks[shape->n_words++] = mask;
}

int
key_shape_init(struct key_shape *shape, const struct fields *mask, uint16_t mask_id)
{
	const struct fields valid = {.valid = mask->valid};

	*shape = (struct key_shape){.mask_id = mask_id, .depth = (uint8_t)parse_depth_of(mask)};
	add_word(shape, 0, fields_word(&valid, 0));
	for (unsigned int i = 1; i < FIELDS_WORDS; i++) {
		const uint64_t bits = fields_word(mask, i);

		if (i >= REGS_WORD && i < REGS_END) {
			continue;
		}
		if (bits != 0 || i < BRIDGE_WORDS) {
			if (shape->n_words == FLOW_KEY_WORDS_MAX) {
				return -E2BIG;
			}
			add_word(shape, i, bits);
		}
	}
	if (shape->n_words == BRIDGE_WORDS) {
		add_word(shape, BRIDGE_WORDS, 0);
	}
	shape->usual = shape->words[shape->n_words - 1] == shape->n_words - 1 &&
		shape->n_words <= PARSE_USUAL_WORDS;
	return 0;
}
