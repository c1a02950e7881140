/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 16 bits of a VLAN tag as one term, put together from the words that speak of parts of it and
 * taken apart again. Private to ctl/flow_*. Any thread.
 */
#ifndef VSW_CTL_FLOW_TAG_H
#define VSW_CTL_FLOW_TAG_H

#include "ctl/flow_field.h"

/* How a term is said. */
enum flow_tag_form {
	FLOW_TAG_NONE, /* untagged */
	FLOW_TAG_PARTS, /* tagged, with or without exact id and priority */
	FLOW_TAG_BITS, /* anything else: value and mask */
};

/* Add bits to the rule's term of `field` (FLOW_VLAN_TCI or FLOW_INNER_TCI); none twice. */
int flow_tag_merge(struct flow_rule *rule, enum flow_field field, unsigned int value,
	unsigned int mask, const struct flow_where *where, const char *at);

/* An id with its presence bit (as vlan_vid), with or without mask. */
int flow_tag_vid(struct flow_rule *rule, enum flow_field field, unsigned int value,
	unsigned int mask, const struct flow_where *where, const char *at);

enum flow_tag_form flow_tag_form(const struct flow_term *term);

#endif
