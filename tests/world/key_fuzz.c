/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One key, one program (key_check.h). The first byte says which port, the second how many changes
 * follow: triples of place, value and how (0: that byte; 1: a tag with that VLAN is put in front;
 * 2: the outer tag goes; 3: the frame is shorter by so many bytes). The rest is the frame, which is
 * compared with itself after these changes.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/world/key_check.h"

#define CHANGES_MAX 7U
#define FRAME_MIN 14U
#define ADDRESSES_LEN 12U
#define TAG_LEN 4U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	uint8_t at[KEY_CHECK_FRAME_MAX];
	uint32_t len;
};

static void
change(struct bytes *frame, const uint8_t *how)
{
	const uint32_t place = how[0] % frame->len;

	switch (how[2] % 4) {
	case 0:
		frame->at[place] = how[1];
		break;
	case 1:
		if (frame->len + TAG_LEN <= sizeof(frame->at)) {
			const uint8_t tag[TAG_LEN] = {0x81, 0, how[0], how[1]};

			memmove(frame->at + ADDRESSES_LEN + TAG_LEN, frame->at + ADDRESSES_LEN,
				frame->len - ADDRESSES_LEN);
			memcpy(frame->at + ADDRESSES_LEN, tag, TAG_LEN);
			frame->len += TAG_LEN;
		}
		break;
	case 2:
		if (frame->len >= FRAME_MIN + TAG_LEN) {
			frame->len -= TAG_LEN;
			memmove(frame->at + ADDRESSES_LEN, frame->at + ADDRESSES_LEN + TAG_LEN,
				frame->len - ADDRESSES_LEN);
		}
		break;
	default:
		frame->len -= how[1] % (frame->len - FRAME_MIN + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct key_check *check;
	static struct bytes a;
	static struct bytes b;
	unsigned int n_changes;
	const uint8_t *changes = data + 2;

	if (check == NULL) {
		role_enter(&role_main);
		role_enter(&role_worker);
		check = key_check_create();
	}
	role_assert(&role_main);
	role_assert(&role_worker);
	if (size < 2) {
		return 0;
	}
	n_changes = data[1] % (CHANGES_MAX + 1);
	if (size < 2 + 3 * n_changes + FRAME_MIN ||
		size > 2 + 3 * n_changes + KEY_CHECK_FRAME_MAX) {
		return 0;
	}
	a.len = (uint32_t)(size - 2 - 3 * n_changes);
	memcpy(a.at, changes + 3 * n_changes, a.len);
	b = a;
	for (unsigned int i = 0; i < n_changes; i++) {
		change(&b, changes + 3 * i);
	}
	if (key_check_frames(check, data[0] / KEY_CHECK_PORTS % key_check_bridges(),
		    data[0] % KEY_CHECK_PORTS, a.at, a.len, b.at, b.len) < 0) {
		abort();
	}
	return 0;
}
