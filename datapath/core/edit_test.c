/* SPDX-License-Identifier: BSD-3-Clause */
/* Each edit, byte for byte, against frames that are built anew with the field changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "datapath/core/crc32c.h"
#include "datapath/core/eal_test.h"
#include "datapath/core/edit.h"
#include "datapath/core/edit_model.h"
#include "datapath/core/headers.h"
#include "datapath/core/inet.h"
#include "datapath/core/inet_model.h"

#define CASES 300000
#define PAGE 4096U
#define PAGES 2U

static const char *const op_names[] = {
#define X(name) #name,
	MODEL_OPS(X)
#undef X
};

/* Writable bytes between two pages that nobody may touch. */
static uint8_t *guarded;

static int
setup(void **state)
{
	uint8_t *map =
		mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	guarded = map + PAGE;
	assert_int_equal(mprotect(guarded, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
	return 0;
}

/* A packet whose head ends where a page begins that must not be touched. */
struct subject {
	struct pkt pkt;
	struct pkt_seg seg;
	struct tx_item item;
	struct edit edit;
	bool is_item;
};

static struct pkt_clones clones;

static void
subject_make(uint64_t *random, struct subject *s, struct model *m, const uint8_t *bytes,
	const struct model_built *built)
{
	uint32_t least = built->len < PKT_HEAD_MIN ? built->len : PKT_HEAD_MIN;
	uint32_t head_len = random_below(random, 4) == 0
		? built->headers /* not even the least of a head is needed */
		: least + random_below(random, built->len - least + 1);
	uint8_t *head = guarded + PAGES * PAGE - head_len;

	assert_true(built->headers <= PKT_HEAD_MIN);
	memcpy(head, bytes, head_len);
	memset(s, 0, sizeof(*s));
	s->seg = (struct pkt_seg){.addr = bytes + head_len, .len = built->len - head_len};
	s->pkt = (struct pkt){.head = head,
		.len = built->len,
		.head_len = (uint16_t)head_len,
		.headroom = (uint16_t)m->headroom,
		.n_segs = s->seg.len > 0,
		.ol = built->ol,
		.segs = &s->seg};
	s->is_item = random_below(random, 2) == 0;
	if (s->is_item) {
		clones.n = 0;
		m->headroom = PKT_HEADROOM;
		pkt_item(&s->pkt, &s->item);
		s->pkt.n_out = 1;
		assert_true(pkt_clone_head(&s->item, &clones));
		edit_item(&s->edit, &s->item, &built->at);
	} else {
		edit_pkt(&s->edit, &s->pkt, &built->at);
	}
}

/* NULL if the packet is the model's frame, else what differs. */
static const char *
subject_differs(struct subject *s, const struct model *m)
{
	static uint8_t expected[MODEL_FRAME];
	static uint8_t got[MODEL_FRAME];
	struct model_built built;
	const struct edit_layout *at = &s->edit.at;

	model_build(m, expected, &built);
	if (!s->is_item) {
		pkt_item(&s->pkt, &s->item);
	}
	if (s->item.len != built.len) {
		return "length";
	}
	pkt_gather(&s->item, got);
	if (memcmp(got, expected, built.len) != 0) {
		for (uint32_t i = 0; i < built.len; i++) {
			if (got[i] != expected[i]) {
				printf("# byte %u: %02x, not %02x (l3 %u, l4 %u)\n", i, got[i],
					expected[i], built.at.l3, built.at.l4);
			}
		}
		return "bytes";
	}
	if (memcmp(&s->item.ol, &built.ol, sizeof(built.ol)) != 0) {
		return "offload state";
	}
	if (m->l3 != EDIT_L3_NONE &&
		(at->l3 != built.at.l3 || at->l4 != built.at.l4 || at->end != built.at.end)) {
		return "layout";
	}
	return s->item.headroom != m->headroom ? "headroom" : NULL;
}

/* Payload and identification such that the checksums of this model are 0. */
static void
force_zero(struct model *m, struct model *like)
{
	uint8_t bytes[MODEL_FRAME];
	struct model_built built;

	m->id = like->id = 0;
	memset(like->payload, 0, 2);
	model_build(like, bytes, &built);
	m->id = like->id = built.ip_sum;
	if (m->payload_len >= 2) {
		like->payload[0] = m->payload[0] = (uint8_t)(built.l4_sum >> 8);
		like->payload[1] = m->payload[1] = (uint8_t)built.l4_sum;
	}
}

/* A few edits of one frame; before each, sometimes, what makes a checksum 0 before or after it. */
static void
edits_check(uint64_t *random, unsigned int *done)
{
	static uint8_t bytes[MODEL_FRAME];
	struct model m;
	struct model before;
	struct model_built built;
	struct subject s;
	enum model_op op = random_below(random, OP_N);
	struct model_value value;
	unsigned int n = 1 + random_below(random, 3);

	model_random(random, &m);
	value = model_value_random(random, &m, op);
	if (random_below(random, 4) == 0) {
		before = m;
		if (random_below(random, 2) == 0) {
			(void)model_edit(&before, op, &value);
		}
		force_zero(&m, &before);
	}
	model_build(&m, bytes, &built);
	subject_make(random, &s, &m, bytes, &built);
	for (unsigned int i = 0; i < n; i++) {
		enum edit_result expected;
		enum edit_result result;
		const char *differs;

		before = m;
		expected = model_edit(&m, op, &value);
		result = model_apply(&s.edit, op, &value);
		differs = subject_differs(&s, &m);
		if (result != expected || differs != NULL) {
			printf("# %s: result %d, expected %d; %s\n", op_names[op], result, expected,
				differs == NULL ? "frame as expected" : differs);
			printf("# l3 %d, proto %u, frag %d, routing %d, cut %u, partial %d, item "
			       "%d\n",
				before.l3, before.proto, before.frag, before.routing, before.cut,
				before.partial, s.is_item);
			fail();
		}
		done[op] += result == EDIT_DONE;
		op = random_below(random, OP_N);
		value = model_value_random(random, &m, op);
	}
}

static void
test_edits(void **state)
{
	uint64_t seed = random_seed();
	uint64_t random = seed;
	unsigned int done[OP_N] = {0};

	(void)state;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < CASES; i++) {
		edits_check(&random, done);
	}
	for (unsigned int op = 0; op < OP_N; op++) {
		assert_true(done[op] > CASES / 2000);
	}
}

/* Word by word: the same bits as a sum from scratch. */
static void
test_inet(void **state)
{
	static const uint16_t edges[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xff00, 0xfffe, 0xffff};

	(void)state;
	for (uint32_t rest = 0; rest < 65536; rest++) {
		for (unsigned int i = 0; i < 64; i++) {
			uint16_t words[3] = {(uint16_t)rest, edges[i / 8], 1};
			uint16_t csum = (uint16_t)~inet_fold((uint64_t)words[0] + words[1] + 1);
			uint64_t diff = inet_diff16(words[1], edges[i % 8]);
			uint32_t sum = rest + edges[i % 8] + 1U;

			sum = sum / 65536 + sum % 65536;
			sum = sum / 65536 + sum % 65536;
			assert_int_equal(inet_csum_update(csum, diff), 65535 - sum);
			assert_int_equal(inet_sum_update((uint16_t)~csum, diff), sum);
		}
	}
	assert_int_equal(inet_fold(UINT64_MAX), 0xffff);
	assert_int_equal(inet_fold(UINT64_C(0x10000ffffffff)), 1); /* each fold carries */
	assert_int_equal(inet_fold(0), 0);
	assert_int_equal(inet_fold(inet_diff32(5, 5)), 0xffff);
}

static void
test_crc32c(void **state)
{
	static uint8_t bytes[UINT16_MAX];
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 300; i++) {
		uint16_t len = (uint16_t)(4 + random_below(&random, i < 290 ? 600 : 65532));
		uint32_t before;
		uint32_t diff;
		uint32_t after;

		model_fill(&random, bytes, len);
		before = model_crc32c(bytes, len);
		memcpy(&diff, bytes, 4);
		model_fill(&random, bytes, 4);
		memcpy(&after, bytes, 4);
		diff ^= after;
		assert_int_equal(before ^ crc32c_diff(rte_le_to_cpu_32(diff), len),
			model_crc32c(bytes, len));
	}
}

/* IPv4, TCP, 20 bytes of payload; the frame's own bytes. */
static void
simple_make(struct pkt *pkt, uint8_t *bytes, struct edit_layout *at)
{
	struct inet_spec spec = {.version = 4, .proto = INET_TCP, .payload = 20};
	uint32_t len = inet_build(&spec, bytes);

	*at = (struct edit_layout){.l3 = 14,
		.l4 = 34,
		.end = (uint16_t)len,
		.l3_kind = EDIT_L3_IPV4,
		.proto = INET_TCP};
	*pkt = (struct pkt){.head = bytes, .len = len, .head_len = (uint16_t)len, .headroom = 16};
}

static void
test_refused(void **state)
{
	static uint8_t room[MODEL_FRAME];
	static uint8_t before[MODEL_FRAME];
	struct edit_layout at;
	struct inet_view view;
	struct edit edit;
	struct pkt pkt;

	(void)state;
	simple_make(&pkt, room + 16, &at);
	memcpy(before, room, sizeof(room));

	/* The transport header was not found: its checksum cannot follow; the TTL has none. */
	at.flags = EDIT_DEEP;
	edit_pkt(&edit, &pkt, &at);
	assert_int_equal(edit_set_ip4_src(&edit, 1), EDIT_REFUSED);
	at.flags = 0;
	at.l4 = 0;
	edit_pkt(&edit, &pkt, &at);
	assert_int_equal(edit_set_ip4_dst(&edit, 1), EDIT_REFUSED);
	assert_int_equal(edit_set_l4_src(&edit, 1), EDIT_ABSENT);
	/* Bytes of a later fragment are no header, whatever the layout says. */
	at.l4 = 34;
	at.frag = FIELDS_FRAG_LATER;
	edit_pkt(&edit, &pkt, &at);
	assert_int_equal(edit_set_l4_src(&edit, 1), EDIT_ABSENT);
	assert_memory_equal(before, room, sizeof(room));
	assert_int_equal(edit_set_ttl(&edit, 9), EDIT_DONE);

	/* A sum that would start within the tag that goes. */
	assert_int_equal(edit_push_vlan(&edit, ETH_TPID_CTAG, 5), EDIT_DONE);
	pkt.ol = (struct pkt_offload){.flags = PKT_OL_CSUM, .csum_start = 17};
	assert_int_equal(edit_pop_vlan(&edit), EDIT_REFUSED);
	pkt.ol.csum_start = UINT16_MAX - 3;
	assert_int_equal(edit_push_vlan(&edit, ETH_TPID_CTAG, 5), EDIT_REFUSED);
	pkt.ol.flags = 0;
	assert_int_equal(edit_pop_vlan(&edit), EDIT_DONE);

	/* As long as a packet may be. */
	pkt.len = PKT_LEN_MAX - 3;
	assert_int_equal(edit_set_vid(&edit, 5), EDIT_REFUSED);
	pkt.len = PKT_LEN_MAX - 4;
	assert_int_equal(edit_set_vid(&edit, 5), EDIT_DONE);

	/* An unfinished checksum elsewhere, as of an inner header, leaves this one whole. */
	for (uint16_t i = 0; i < 2; i++) {
		simple_make(&pkt, room + 16, &at);
		pkt.ol = (struct pkt_offload){.flags = PKT_OL_CSUM,
			.csum_start = (uint16_t)(34 + 2 * i),
			.csum_offset = (uint16_t)(16 - 2 * (1 - i))};
		edit_pkt(&edit, &pkt, &at);
		assert_int_equal(edit_set_l4_src(&edit, 0x1234), EDIT_DONE);
		assert_int_equal(edit_set_ip4_src(&edit, 0x01020304), EDIT_DONE);
		assert_null(inet_look(pkt.head, pkt.len, &view));
	}
}

/* Options of neighbour discovery that are not ours, and one that has no length. */
static void
test_nd_options(void **state)
{
	static const uint8_t options[] = {1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 1, 0,
		0, 0, 0, 0, 0, 1, 1, 7, 7, 7, 7, 7, 7, 9, 0, 0, 0, 0, 0, 0, 0, 2, 1, 8, 8, 8, 8, 8,
		8};
	static uint8_t bytes[200];
	const uint8_t mac[6] = {1, 2, 3, 4, 5, 6};
	struct edit_layout at = {.l3 = 14,
		.l4 = 54,
		.end = sizeof(bytes),
		.l3_kind = EDIT_L3_IPV6,
		.proto = MODEL_ICMP6};
	struct pkt pkt = {.head = bytes, .len = sizeof(bytes), .head_len = sizeof(bytes)};
	struct edit edit;

	(void)state;
	bytes[54] = 136;
	memcpy(bytes + 78, options, sizeof(options));
	edit_pkt(&edit, &pkt, &at);
	assert_int_equal(edit_set_nd_sll(&edit, mac), EDIT_DONE);
	assert_memory_equal(bytes + 78, options, 26);
	assert_memory_equal(bytes + 78 + 26, mac, 6);
	/* What has no length ends the list. */
	assert_int_equal(edit_set_nd_tll(&edit, mac), EDIT_ABSENT);
	assert_memory_equal(bytes + 78 + 32, options + 32, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nd_options),
		cmocka_unit_test(test_inet),
		cmocka_unit_test(test_crc32c),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
