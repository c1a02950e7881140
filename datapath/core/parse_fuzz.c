/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any frame, cut anywhere: the first two bytes say how much of the frame is missing from the head
 * and from the frame, the others are its bytes.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/core/parse.h"
#include "datapath/core/parse_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a depth covers is the same at all depths above it, unless a header is out of reach. */
static void
check_prefix(const struct parsed *less, const struct parsed *more)
{
	for (unsigned int i = 1; i < FIELDS_WORDS; i++) {
		const uint64_t word = fields_word(&less->fields, i);

		/* a field is there whole, or not yet */
		assert((word & ~fields_word(&more->fields, i)) == 0);
	}
	assert((less->fields.valid & ~more->fields.valid) == 0);
	assert(less->type_at == more->type_at && less->l3 == more->l3);
	assert(less->n_tags == more->n_tags);
	assert(less->l4 == 0 || less->l4 == more->l4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parsed got[PARSE_ALL + 1];
	struct parsed want;
	uint32_t frame_len;
	uint32_t head_len;
	uint8_t *head;

	if (size < 2) {
		return 0;
	}
	head_len = (uint32_t)size - 2;
	head_len -= data[0] < head_len ? data[0] : head_len;
	frame_len = head_len + data[1];
	head = malloc(head_len); /* of that size, so that what is read behind it is seen */
	assert(head != NULL || head_len == 0);
	if (head_len > 0) {
		memcpy(head, data + 2, head_len);
	}
	for (int depth = PARSE_L2; depth <= PARSE_ALL; depth++) {
		parse(head, head_len, frame_len, (enum parse_depth)depth, &got[depth]);
		parse_model(head, head_len, frame_len, (enum parse_depth)depth, &want);
		assert(memcmp(&got[depth].fields, &want.fields, sizeof(want.fields)) == 0);
		assert(got[depth].l3 <= head_len && got[depth].l4 <= head_len);
		assert(got[depth].payload <= frame_len);
		if (depth > PARSE_L2) {
			check_prefix(&got[depth - 1], &got[depth]);
		}
	}
	free(head);
	return 0;
}
