/* SPDX-License-Identifier: BSD-3-Clause */
/* Random frames and their neighbors: one key, one program (key_check.h). */
#include "tests/world/key_check.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/random.h"
#include "tests/world/rules_random.h"

#define FRAMES 60000
#define NEIGHBORS 12 /* of each frame */
#define TAG_LEN 4
#define ADDRESSES_LEN 12

struct bytes {
	uint8_t at[KEY_CHECK_FRAME_MAX];
	uint32_t len;
};

static void
push_tag(struct rules_random *random, struct bytes *frame)
{
	if (frame->len + TAG_LEN > sizeof(frame->at)) {
		return;
	}
	memmove(frame->at + ADDRESSES_LEN + TAG_LEN, frame->at + ADDRESSES_LEN,
		frame->len - ADDRESSES_LEN);
	frame->at[ADDRESSES_LEN] = random_one_in(random, 3) ? 0x88 : 0x81;
	frame->at[ADDRESSES_LEN + 1] = frame->at[ADDRESSES_LEN] == 0x88 ? 0xa8 : 0;
	frame->at[ADDRESSES_LEN + 2] = (uint8_t)(random_of(random, 8) << 5);
	frame->at[ADDRESSES_LEN + 3] = (uint8_t)random_of(random, 4);
	frame->len += TAG_LEN;
}

static void
pop_tag(struct bytes *frame)
{
	if (frame->len >= ADDRESSES_LEN + TAG_LEN + 2) {
		memmove(frame->at + ADDRESSES_LEN, frame->at + ADDRESSES_LEN + TAG_LEN,
			frame->len - ADDRESSES_LEN - TAG_LEN);
		frame->len -= TAG_LEN;
	}
}

/* Extension headers of IPv6: more than the parser goes through, or a last one that is cut off. */
static void
extend(struct rules_random *random, struct bytes *frame)
{
	const uint32_t n = 8 * (1 + random_of(random, 10));
	uint32_t ip = ADDRESSES_LEN + 2;
	uint8_t *at;

	while (ip + TAG_LEN < frame->len && frame->at[ip - 2] == 0x81) {
		ip += TAG_LEN;
	}
	at = frame->at + ip + 40;
	if (frame->len < ip + 40 || frame->at[ip - 2] != 0x86 || frame->at[ip - 1] != 0xdd ||
		frame->len + n > sizeof(frame->at)) {
		return;
	}
	memmove(at + n, at, frame->len - ip - 40);
	memset(at, 0, n);
	for (uint32_t i = 0; i < n; i += 8) {
		at[i] = i + 8 < n ? IPPROTO_DSTOPTS : frame->at[ip + 6];
	}
	if (random_one_in(random, 2)) {
		at[n - 7] = UINT8_MAX;
	}
	frame->at[ip + 6] = IPPROTO_DSTOPTS;
	frame->at[ip + 5] = (uint8_t)(frame->at[ip + 5] + n);
	frame->len += n;
}

/* Something that a key may leave out. */
static void
change(struct rules_random *random, struct bytes *frame)
{
	static const uint8_t values[] = {0, 1, 2, 3, 6, 17, 22, 58, 80, 135, 254, 255};
	const uint32_t at = random_of(random, frame->len < 100 ? frame->len : 100);

	switch (random_of(random, 7)) {
	case 0:
		push_tag(random, frame);
		break;
	case 1:
		pop_tag(frame);
		break;
	case 2:
		/* The second tag's, if it has two. */
		if (frame->len > ADDRESSES_LEN + 2 * TAG_LEN) {
			frame->at[ADDRESSES_LEN + TAG_LEN + 3] = (uint8_t)random_of(random, 4);
		}
		break;
	case 3:
		frame->at[at] ^= (uint8_t)(1U << random_of(random, 8));
		break;
	case 4:
		frame->at[at] = values[random_of(random, sizeof(values))];
		break;
	case 5:
		extend(random, frame);
		break;
	default:
		frame->len -= random_of(random, frame->len - 14 + 1);
	}
}

static void
take(const struct random_frame *from, struct bytes *frame)
{
	frame->len = from->len < sizeof(frame->at) ? from->len : sizeof(frame->at);
	memcpy(frame->at, from->bytes, frame->len);
}

static void
print(const char *name, const struct bytes *frame)
{
	printf("# %s:", name);
	for (uint32_t i = 0; i < frame->len && i < 100; i++) {
		printf(" %02x", frame->at[i]);
	}
	printf(" (%u bytes)\n", frame->len);
}

static void
test_one_key_one_program(void **state)
{
	struct key_check *check;
	struct rules_random *random = calloc(1, sizeof(*random));
	struct random_frame *frame;
	struct bytes a;
	struct bytes b;
	uint64_t n_same = 0;
	unsigned int n_wrong = 0;

	(void)state;
	role_assert(&role_main);
	role_assert(&role_worker);
	check = key_check_create();
	random->state = random_seed();
	printf("# VSW_SEED=%llu\n", (unsigned long long)random->state);
	random_frames(random);
	for (unsigned int i = 0; i < FRAMES; i++) {
		const unsigned int bridge = random_of(random, key_check_bridges());
		const unsigned int port = random_of(random, KEY_CHECK_PORTS);

		frame = &random->frames[random_of(random, RANDOM_FRAMES)];
		random_frame(random, frame);
		if (frame->len < 14) {
			continue;
		}
		take(frame, &a);
		if (random_one_in(random, 3)) {
			extend(random, &a);
		}
		for (unsigned int n = 0; n < NEIGHBORS && n_wrong < 5; n++) {
			int rc;

			b = a;
			do {
				change(random, &b);
			} while (random_one_in(random, 2));
			rc = key_check_frames(check, bridge, port, a.at, a.len, b.at, b.len);
			n_same += rc != 0;
			if (rc < 0) {
				printf("# bridge %u, port %u\n", bridge, port);
				print("one", &a);
				print("other", &b);
				n_wrong++;
			}
		}
	}
	printf("# %llu pairs with the same key\n", (unsigned long long)n_same);
	assert_int_equal(n_wrong, 0);
	assert_in_range(n_same, FRAMES, UINT64_MAX);
	free(random);
	key_check_destroy(check);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_key_one_program),
	};
	int n_failed;

	role_enter(&role_main);
	role_enter(&role_worker);
	n_failed = cmocka_run_group_tests_name("key_check", tests, NULL, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return n_failed;
}
