/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_tag.h"

int
flow_tag_merge(struct flow_rule *rule, enum flow_field field, unsigned int value, unsigned int mask,
	const struct flow_where *where, const char *at)
{
	struct flow_term *term = &rule->terms[field];
	unsigned int known = 0;

	if (mask == 0) {
		return 0;
	}
	if (flow_rule_has(rule, field)) {
		known = (unsigned int)term->mask[0];
	} else {
		*term = (struct flow_term){.range = false};
	}
	if (((known & FLOW_TAG & mask) & (term->value[0] ^ value)) != 0) {
		return flow_fail(where, at, ERR_INVALID,
			"%s contradicts what was said of the tag before", where->name);
	}
	if ((known & mask & ~FLOW_TAG) != 0 || (known != 0 && mask == FLOW_TAG)) {
		return flow_fail(where, at, ERR_INVALID, "%s was given before", where->name);
	}
	term->value[0] |= value;
	term->mask[0] |= mask;
	if ((term->mask[0] & FLOW_TAG) != 0 && (term->value[0] & FLOW_TAG) == 0) {
		if (term->value[0] != 0) {
			return flow_fail(where, at, ERR_INVALID,
				"%s never matches: without the bit 0x1000 the frame is untagged",
				where->name);
		}
		term->mask[0] = 0xffff; /* an untagged frame has no other bits to look at */
	}
	rule->present |= UINT64_C(1) << field;
	return 0;
}

int
flow_tag_vid(struct flow_rule *rule, enum flow_field field, unsigned int value, unsigned int mask,
	const struct flow_where *where, const char *at)
{
	if ((mask & FLOW_TAG) != 0 && (value & FLOW_TAG) == 0 && (value & FLOW_VLAN_ID) != 0) {
		return flow_fail(where, at, ERR_INVALID,
			"%s %u never matches: without the bit 0x1000 the frame is untagged "
			"(dl_vlan=%u or %s=0x%04x)",
			where->name, value, value, where->name, value | FLOW_TAG);
	}
	return flow_tag_merge(rule, field, value, mask, where, at);
}

enum flow_tag_form
flow_tag_form(const struct flow_term *term)
{
	unsigned int mask = (unsigned int)term->mask[0];
	unsigned int id = mask & FLOW_VLAN_ID;
	unsigned int priority = mask & FLOW_VLAN_PRIORITY;

	if ((mask & FLOW_TAG) != 0 && (term->value[0] & FLOW_TAG) == 0) {
		return FLOW_TAG_NONE;
	}
	if ((mask & FLOW_TAG) == 0 || (id != 0 && id != FLOW_VLAN_ID) ||
		(priority != 0 && priority != FLOW_VLAN_PRIORITY)) {
		return FLOW_TAG_BITS;
	}
	return FLOW_TAG_PARTS;
}
