/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/parse_test_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/parse_model.h"
#include "datapath/core/parse_usual.h"

static uint8_t *readable_end; /* nothing can be read from here on */
uint64_t parse_check_seed;
static unsigned int n_usual;

int
parse_check_start(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	assert_true(page >= FRAME_SIZE);
	readable_end = pages + page;
	parse_check_seed = random_seed();
	return 0;
}

static const uint8_t *
at_the_end(const uint8_t *bytes, uint32_t n)
{
	return memcpy(readable_end - n, bytes, n);
}

void
parse_differ(
	const uint8_t *bytes, uint32_t head_len, uint32_t frame_len, int depth, const char *what)
{
	for (uint32_t i = 0; i < head_len; i++) {
		printf("%s%02x", i == 0 ? "# " : i % 32 == 0 ? "\n# " : " ", bytes[i]);
	}
	fail_msg("%s at depth %d, %u of %u bytes; VSW_SEED=%llu repeats it", what, depth, head_len,
		frame_len, (unsigned long long)parse_check_seed);
}

bool
parse_offsets_equal(const struct parsed *a, const struct parsed *b)
{
	return a->type_at == b->type_at && a->l3 == b->l3 && a->l4 == b->l4 &&
		a->payload == b->payload && a->n_tags == b->n_tags;
}

/* Where there is a short way, it leads to the same. */
static void
check_usual(const uint8_t *head, uint32_t head_len, uint32_t frame_len)
{
	uint64_t words[FIELDS_WORDS] = {0};
	struct parsed want;

	if (!parse_usual(head, head_len, frame_len, words)) {
		return;
	}
	n_usual++;
	parse_model(head, head_len, frame_len, PARSE_L4, &want);
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		if (words[i] != fields_word(&want.fields, i)) {
			parse_differ(head, head_len, frame_len, PARSE_L4, "usual fields");
		}
	}
}

unsigned int
parse_check_usual(void)
{
	return n_usual;
}

struct parsed
parse_check(const uint8_t *bytes, uint32_t head_len, uint32_t frame_len)
{
	const uint8_t *head = at_the_end(bytes, head_len);
	struct parsed got;
	struct parsed want;

	memset(&got, 0x5a, sizeof(got));
	parse_l2(head, head_len, frame_len, &got);
	parse_model(head, head_len, frame_len, PARSE_L2, &want);
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		if ((PARSE_L2_WORDS >> i & 1) != 0 &&
			fields_word(&got.fields, i) != fields_word(&want.fields, i)) {
			parse_differ(bytes, head_len, frame_len, -1, "fields");
		}
	}
	if (!parse_offsets_equal(&got, &want)) {
		parse_differ(bytes, head_len, frame_len, -1, "offsets");
	}
	for (int depth = PARSE_L2; depth <= PARSE_ALL; depth++) {
		memset(&got, 0x5a, sizeof(got));
		parse(head, head_len, frame_len, (enum parse_depth)depth, &got);
		parse_model(head, head_len, frame_len, (enum parse_depth)depth, &want);
		if (memcmp(&got.fields, &want.fields, sizeof(got.fields)) != 0) {
			parse_differ(bytes, head_len, frame_len, depth, "fields");
		}
		if (!parse_offsets_equal(&got, &want)) {
			parse_differ(bytes, head_len, frame_len, depth, "offsets");
		}
	}
	check_usual(head, head_len, frame_len);
	if (got.l3 > head_len || got.l4 > head_len || got.payload > frame_len) {
		parse_differ(bytes, head_len, frame_len, PARSE_ALL, "offsets outside");
	}
	return got;
}

struct parsed
parse_check_all(const struct frame *frame)
{
	for (uint32_t len = 0; len <= frame->len; len++) {
		(void)parse_check(frame->bytes, len, frame->len);
		(void)parse_check(frame->bytes, len, len);
		(void)parse_check(frame->bytes, len, frame->len + 1);
	}
	return parse_check(frame->bytes, frame->len, frame->len);
}
