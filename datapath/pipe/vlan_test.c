/* SPDX-License-Identifier: BSD-3-Clause */
/* Every mode against every mode, by every kind of frame: what enters, and the bytes that leave. */
#include "datapath/pipe/vlan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/pipe/vlan_model.h"
#include "tests/random.h"

#define ROUNDS 200000
#define ALL UINT16_MAX /* in a list of ids: all of them */

struct setup {
	const char *name;
	enum vlan_mode mode;
	uint16_t vlan;
	uint16_t tpid;
	uint16_t trunk[4]; /* ids; 0 ends but in the first place */
	uint16_t cvlan[4];
	bool trunk_none;
};

static const struct setup setups[] = {
	{.name = "access 10", .mode = VLAN_ACCESS, .vlan = 10},
	{.name = "access 20", .mode = VLAN_ACCESS, .vlan = 20},
	{.name = "trunk", .mode = VLAN_TRUNK, .trunk = {ALL}},
	{.name = "trunk 10,20", .mode = VLAN_TRUNK, .trunk = {10, 20}},
	{.name = "trunk 0,10", .mode = VLAN_TRUNK, .trunk = {0, 10}},
	{.name = "trunk 30", .mode = VLAN_TRUNK, .trunk = {30}},
	{.name = "native-tagged 10", .mode = VLAN_NATIVE_TAGGED, .vlan = 10, .trunk = {ALL}},
	{.name = "native-tagged 10,20", .mode = VLAN_NATIVE_TAGGED, .vlan = 10, .trunk = {20}},
	{.name = "native-untagged 10", .mode = VLAN_NATIVE_UNTAGGED, .vlan = 10, .trunk = {ALL}},
	{.name = "native-untagged 10,20", .mode = VLAN_NATIVE_UNTAGGED, .vlan = 10, .trunk = {20}},
	{.name = "native-untagged 20",
		.mode = VLAN_NATIVE_UNTAGGED,
		.vlan = 20,
		.trunk_none = true},
	{.name = "tunnel 10",
		.mode = VLAN_DOT1Q_TUNNEL,
		.vlan = 10,
		.tpid = 0x88a8,
		.cvlan = {ALL}},
	{.name = "tunnel 10 by 8100",
		.mode = VLAN_DOT1Q_TUNNEL,
		.vlan = 10,
		.tpid = 0x8100,
		.cvlan = {20, 30}},
	{.name = "tunnel 20 of 0,10",
		.mode = VLAN_DOT1Q_TUNNEL,
		.vlan = 20,
		.tpid = 0x88a8,
		.cvlan = {0, 10}},
};

/* TPID and TCI of each tag, outermost first. */
static const struct {
	const char *name;
	uint16_t tags[6];
} frames[] = {
	{"untagged", {0}},
	{"priority 0", {0x8100, 0x0000}},
	{"priority 5", {0x8100, 0xa000}},
	{"priority 5, drop eligible", {0x8100, 0xb000}},
	{"service priority 5", {0x88a8, 0xa000}},
	{"vlan 10", {0x8100, 10}},
	{"vlan 10, priority 5", {0x8100, 0xa000 | 10}},
	{"vlan 10, priority 7, drop eligible", {0x8100, 0xf000 | 10}},
	{"vlan 20", {0x8100, 20}},
	{"vlan 30, priority 1", {0x8100, 0x2000 | 30}},
	{"vlan 1", {0x8100, 1}},
	{"vlan 4094", {0x8100, 4094}},
	{"service vlan 10", {0x88a8, 10}},
	{"service vlan 20, priority 3", {0x88a8, 0x6000 | 20}},
	{"service 10 over 20", {0x88a8, 10, 0x8100, 20}},
	{"10 over 10", {0x8100, 10, 0x8100, 10}},
	{"20 over service 10", {0x8100, 20, 0x88a8, 10}},
	{"priority 5 over 20", {0x8100, 0xa000, 0x8100, 20}},
	{"service 20 over 30 over 10", {0x88a8, 20, 0x8100, 30, 0x8100, 10}},
};

static void
set_add(struct vlan_set *set, bool *naive, const uint16_t *ids)
{
	for (int i = 0; i < 4 && (i == 0 || ids[i] != 0); i++) {
		for (uint16_t vid = 0; vid < 4096; vid++) {
			if (ids[i] == ALL || ids[i] == vid) {
				vlan_set_add(set, vid);
				naive[vid] = true;
			}
		}
	}
}

/* One description, told to both. */
static void
port_make(const struct setup *setup, enum vlan_priority_tags tags, struct port_vlan *port,
	struct vlan_model_port *naive)
{
	static const enum vlan_model_mode modes[] = {
		[VLAN_ACCESS] = MODEL_ACCESS,
		[VLAN_TRUNK] = MODEL_TRUNK,
		[VLAN_NATIVE_TAGGED] = MODEL_TAGGED,
		[VLAN_NATIVE_UNTAGGED] = MODEL_UNTAGGED,
		[VLAN_DOT1Q_TUNNEL] = MODEL_TUNNEL,
	};

	memset(port, 0, sizeof(*port));
	memset(naive, 0, sizeof(*naive));
	port->mode = setup->mode;
	port->priority_tags = tags;
	port->vlan = setup->vlan;
	port->tunnel_tpid = setup->tpid;
	naive->mode = modes[setup->mode];
	naive->priority_tags = tags == VLAN_PT_ALWAYS ? MODEL_ALWAYS
		: tags == VLAN_PT_IF_NONZERO          ? MODEL_IF_NONZERO
						      : MODEL_NEVER;
	naive->vlan = setup->vlan;
	naive->service_tpid = setup->tpid;
	if (!setup->trunk_none) {
		set_add(&port->trunk, naive->trunk, setup->trunk);
	}
	set_add(&port->cvlan, naive->cvlan, setup->cvlan);
}

static uint32_t
frame_make(const uint16_t *tags, int n, uint8_t *bytes)
{
	uint32_t len = 12;

	for (uint32_t i = 0; i < 12; i++) {
		bytes[i] = (uint8_t)(0x20 + i);
	}
	for (int i = 0; i < n; i++) {
		bytes[len++] = (uint8_t)(tags[i] >> 8);
		bytes[len++] = (uint8_t)tags[i];
	}
	bytes[len++] = 0x08;
	bytes[len++] = 0x06;
	while (len < 60) {
		bytes[len] = (uint8_t)(len * 3);
		len++;
	}
	return len;
}

static void
expect_bytes(const char *what, const uint8_t *got, uint32_t got_len, const uint8_t *want,
	uint32_t want_len)
{
	if (got_len == want_len && memcmp(got, want, want_len) == 0) {
		return;
	}
	fprintf(stderr, "# %s: got %u bytes, want %u\n#", what, got_len, want_len);
	for (uint32_t i = 12; i < 28; i++) {
		fprintf(stderr, " %02x/%02x", got[i], want[i]);
	}
	fprintf(stderr, "\n");
	fail();
}

/* Both ways to carry the edit out: in the packet, and in a copy of its head. */
static void
send_and_compare(const char *what, const uint8_t *bytes, uint32_t len,
	const struct vlan_frame *frame, const struct port_vlan *out,
	const struct vlan_model_frame *want)
{
	struct vlan_edit edit = vlan_egress(out, frame);
	uint8_t room[PKT_HEADROOM + 128];
	uint8_t want_bytes[128 + 32];
	uint8_t got[128 + 32];
	static struct pkt_clones clones;
	struct pkt pkt = {
		.head = room + PKT_HEADROOM,
		.len = len,
		.head_len = (uint16_t)len,
		.headroom = PKT_HEADROOM,
		.ol = {.flags = PKT_OL_CSUM, .csum_start = 30, .csum_offset = 6},
	};
	uint32_t want_len = vlan_model_build(want, want_bytes);
	struct tx_item item;

	memcpy(pkt.head, bytes, len);
	pkt_item(&pkt, &item);
	pkt.n_out = 1;
	if (edit.op != VLAN_KEEP) {
		clones.n = 0;
		assert_true(pkt_clone_head(&item, &clones));
	}
	vlan_edit_item(&item, &edit);
	pkt_gather(&item, got);
	expect_bytes(what, got, item.len, want_bytes, want_len);
	assert_int_equal(item.ol.csum_start - 30, (int)want_len - (int)len);
	assert_memory_equal(pkt.head, bytes, len);

	pkt.n_out = 0;
	vlan_edit_pkt(&pkt, &edit);
	expect_bytes(what, pkt.head, pkt.len, want_bytes, want_len);
	assert_int_equal(pkt.head_len, want_len);
	assert_int_equal(pkt.ol.csum_start - 30, (int)want_len - (int)len);
}

static void
through(const char *what, const struct port_vlan *in, const struct vlan_model_port *naive_in,
	const struct port_vlan *out, const struct vlan_model_port *naive_out, const uint8_t *bytes,
	uint32_t len)
{
	struct vlan_model_frame parsed;
	struct vlan_model_frame want;
	struct vlan_model_inside inside;
	struct vlan_frame frame;
	bool enters;
	bool leaves;

	assert_true(vlan_model_parse(bytes, len, &parsed));
	enters = vlan_model_in(naive_in, &parsed, &inside);
	if (vlan_ingress(in, bytes, len, &frame) != enters) {
		fail_msg("%s: %s", what, enters ? "refused" : "let in");
	}
	if (!enters) {
		return;
	}
	if (frame.vid != inside.tag.vid) {
		fail_msg("%s: in VLAN %u, not %u", what, frame.vid, inside.tag.vid);
	}
	leaves = vlan_model_out(naive_out, &inside, &want);
	if (vlan_carries(out, frame.vid) != leaves) {
		fail_msg("%s: %s", what, leaves ? "not carried" : "carried");
	}
	if (leaves) {
		send_and_compare(what, bytes, len, &frame, out, &want);
	}
}

static void
test_matrix(void **state)
{
	static struct vlan_model_port naive_in;
	static struct vlan_model_port naive_out;
	struct port_vlan in;
	struct port_vlan out;
	unsigned int n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
		port_make(&setups[i], VLAN_PT_NEVER, &in, &naive_in);
		for (size_t o = 0; o < 3 * ARRAY_LEN(setups); o++) {
			port_make(
				&setups[o / 3], (enum vlan_priority_tags)(o % 3), &out, &naive_out);
			for (size_t f = 0; f < ARRAY_LEN(frames); f++) {
				uint8_t bytes[128];
				char what[160];
				int n_words = 0;
				uint32_t len;

				while (n_words < 6 && frames[f].tags[n_words] != 0) {
					n_words += 2;
				}
				len = frame_make(frames[f].tags, n_words, bytes);
				(void)snprintf(what, sizeof(what), "%s, %s to %s, tags %zu",
					frames[f].name, setups[i].name, setups[o / 3].name, o % 3);
				through(what, &in, &naive_in, &out, &naive_out, bytes, len);
				n++;
			}
		}
	}
	assert_int_equal(n, ARRAY_LEN(setups) * 3 * ARRAY_LEN(setups) * ARRAY_LEN(frames));
}

/* The cells that people look up, by their bytes and not by the model. */
static void
test_known_cells(void **state)
{
	static const struct {
		size_t in;
		size_t out;
		enum vlan_priority_tags tags;
		uint16_t from[4];
		int to_words; /* -1: it does not come through */
		uint16_t to[4];
	} cells[] = {
		/* access 10 to trunk: tagged; back: untagged */
		{0, 2, VLAN_PT_NEVER, {0}, 2, {0x8100, 10}},
		{2, 0, VLAN_PT_NEVER, {0x8100, 10}, 0, {0}},
		{0, 1, VLAN_PT_NEVER, {0}, -1, {0}},
		{0, 2, VLAN_PT_NEVER, {0x8100, 10}, -1, {0}},
		/* a priority tag's priority goes along into the VLAN tag, and back */
		{0, 2, VLAN_PT_NEVER, {0x8100, 0xa000}, 2, {0x8100, 0xa000 | 10}},
		{2, 0, VLAN_PT_NEVER, {0x8100, 0xa000 | 10}, 0, {0}},
		{2, 0, VLAN_PT_IF_NONZERO, {0x8100, 0xa000 | 10}, 2, {0x8100, 0xa000}},
		{2, 0, VLAN_PT_IF_NONZERO, {0x8100, 10}, 0, {0}},
		{2, 0, VLAN_PT_ALWAYS, {0x8100, 10}, 2, {0x8100, 0}},
		/* native VLANs */
		{9, 2, VLAN_PT_NEVER, {0}, 2, {0x8100, 10}},
		{2, 9, VLAN_PT_NEVER, {0x8100, 10}, 0, {0}},
		{2, 7, VLAN_PT_NEVER, {0x8100, 10}, 2, {0x8100, 10}},
		{2, 9, VLAN_PT_NEVER, {0x8100, 20}, 2, {0x8100, 20}},
		{2, 9, VLAN_PT_NEVER, {0x8100, 30}, -1, {0}},
		{9, 2, VLAN_PT_NEVER, {0x8100, 10}, 2, {0x8100, 10}},
		/* a trunk keeps VLAN 0 untagged; one with a list carries it only if it is there */
		{2, 4, VLAN_PT_NEVER, {0}, 0, {0}},
		{2, 3, VLAN_PT_NEVER, {0}, -1, {0}},
		{2, 4, VLAN_PT_NEVER, {0x8100, 0xa000}, 0, {0}},
		/* QinQ: the service tag goes on at the tunnel port, and comes off there */
		{11, 2, VLAN_PT_NEVER, {0x8100, 30}, 4, {0x88a8, 10, 0x8100, 30}},
		{11, 2, VLAN_PT_NEVER, {0}, 2, {0x88a8, 10}},
		{12, 2, VLAN_PT_NEVER, {0x8100, 30}, 4, {0x8100, 10, 0x8100, 30}},
		{12, 2, VLAN_PT_NEVER, {0x8100, 10}, -1, {0}},
		{2, 11, VLAN_PT_NEVER, {0x88a8, 10, 0x8100, 30}, 2, {0x8100, 30}},
		{11, 0, VLAN_PT_NEVER, {0x8100, 30}, 2, {0x8100, 30}},
	};
	static struct vlan_model_port naive;
	struct port_vlan in;
	struct port_vlan out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		int words = cells[i].from[0] == 0 ? 0 : cells[i].from[2] == 0 ? 2 : 4;
		struct vlan_model_frame want;
		struct vlan_frame frame;
		uint8_t to[128];
		uint8_t bytes[128];
		uint32_t len = frame_make(cells[i].from, words, bytes);
		bool comes;

		port_make(&setups[cells[i].in], VLAN_PT_NEVER, &in, &naive);
		port_make(&setups[cells[i].out], cells[i].tags, &out, &naive);
		comes = vlan_ingress(&in, bytes, len, &frame) && vlan_carries(&out, frame.vid);
		if (comes != (cells[i].to_words >= 0)) {
			fail_msg("cell %zu: %s", i, comes ? "came through" : "did not come");
		}
		if (comes) {
			/* Same filling: what is behind the tags is taken from what was sent. */
			uint32_t tail = (uint32_t)(12 + 2 * words);
			uint32_t head = frame_make(cells[i].to, cells[i].to_words, to);

			head = (uint32_t)(12 + 2 * cells[i].to_words);
			memcpy(to + head, bytes + tail, len - tail);
			assert_true(vlan_model_parse(to, head + len - tail, &want));
			send_and_compare("cell", bytes, len, &frame, &out, &want);
		}
	}
}

static void
random_setup(uint64_t *random, struct setup *setup)
{
	static const uint16_t tpids[] = {0x8100, 0x88a8};

	memset(setup, 0, sizeof(*setup));
	setup->mode = (enum vlan_mode)(random_below(random, 5));
	setup->vlan = (uint16_t)(1 + random_below(random, 4));
	setup->tpid = tpids[random_below(random, 2)];
	for (int i = 0; i < 4; i++) {
		setup->trunk[i] = (uint16_t)(random_below(random, 6));
		setup->cvlan[i] = (uint16_t)(random_below(random, 6));
	}
	setup->trunk[0] = random_below(random, 4) == 0 ? ALL : setup->trunk[0];
	setup->cvlan[0] = random_below(random, 2) == 0 ? ALL : setup->cvlan[0];
}

static void
test_random(void **state)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(uintptr_t)&state;
	uint64_t random = seed;
	static struct vlan_model_port naive_in;
	static struct vlan_model_port naive_out;

	(void)state;
	for (int i = 0; i < ROUNDS / 20; i++) {
		struct port_vlan in;
		struct port_vlan out;
		struct setup setup;
		char what[64];

		random_setup(&random, &setup);
		port_make(&setup, VLAN_PT_NEVER, &in, &naive_in);
		random_setup(&random, &setup);
		port_make(&setup, (enum vlan_priority_tags)(random_below(&random, 3)), &out,
			&naive_out);
		(void)snprintf(
			what, sizeof(what), "seed %#llx, round %d", (unsigned long long)seed, i);
		for (int j = 0; j < 20; j++) {
			uint16_t tags[8];
			uint8_t bytes[128];
			int words = 2 * (int)(random_below(&random, 5));

			for (int w = 0; w < words; w += 2) {
				tags[w] = random_below(&random, 2) == 0 ? 0x8100 : 0x88a8;
				tags[w + 1] = (uint16_t)(random_below(&random, 6) |
					(random_below(&random, 16)) << 12);
			}
			through(what, &in, &naive_in, &out, &naive_out, bytes,
				frame_make(tags, words, bytes));
		}
	}
}

static void
test_cut_off_tag_is_refused(void **state)
{
	static struct vlan_model_port naive;
	uint8_t bytes[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
		struct vlan_frame frame;
		struct port_vlan port;

		port_make(&setups[i], VLAN_PT_NEVER, &port, &naive);
		(void)frame_make((const uint16_t[]){0x8100, 10}, 2, bytes);
		for (uint32_t len = 14; len < 18; len++) {
			/* On the heap, so that a byte too far is seen. */
			uint8_t *exact = malloc(len);

			memcpy(exact, bytes, len);
			assert_false(vlan_ingress(&port, exact, len, &frame));
			free(exact);
		}
		(void)frame_make(NULL, 0, bytes);
		(void)vlan_ingress(&port, bytes, 14, &frame);
	}
}

static void
test_sets(void **state)
{
	struct vlan_set set = {{0}};

	(void)state;
	for (uint16_t vid = 0; vid < 4096; vid += 3) {
		vlan_set_add(&set, vid);
	}
	for (uint16_t vid = 0; vid < 4096; vid++) {
		assert_int_equal(vlan_set_has(&set, vid), vid % 3 == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_known_cells),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cut_off_tag_is_refused),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests_name("vlan", tests, NULL, NULL);
}
