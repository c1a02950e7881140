/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirrors that copy by access list, beside the parser: whatever memory a frame came in and whatever
 * became of its head, the list sees the frame.
 */
#include "datapath/pipe/mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/parse.h"
#include "datapath/core/parse_test_frames.h"
#include "datapath/pipe/burst.h"
#include "datapath/pipe/test_probe.h"

#define IN 1 /* the port that is mirrored */
#define TO 2
#define ROUNDS 20000

/* A worker with two ports, and a list that accepts UDP and TCP to the frames' port. */
struct bench {
	struct grace grace;
	struct burst *burst;
	struct snapshot *snap;
	struct probe probes[3];
	struct rules *rules;
	struct acl_view acl;
	struct mirror_counters count;
	struct mirror mirror;
	struct mirror_list *list;
	uint8_t head[PKT_HEADROOM + PARSE_HEAD_MAX];
	struct pkt_seg segs[3];
};

static void
add_rule(struct bench *bench, uint32_t id, uint16_t eth_type, uint8_t proto) ON_MAIN
{
	struct rule_spec spec = {
		.id = id, .priority = 1, .actions = (void *)(uintptr_t)&acl_accept};

	match_init(&spec.match);
	spec.match.mask.l4_dst = UINT16_MAX;
	fields_mask_complete(&spec.match.mask);
	spec.match.value.eth_type = eth_type;
	spec.match.value.valid = FIELDS_VALID_L4 |
		(eth_type == RTE_BE16(0x0800) ? FIELDS_VALID_IPV4 : FIELDS_VALID_IPV6);
	spec.match.value.proto = proto;
	spec.match.value.l4_dst = RTE_BE16(0x3344);
	assert_int_equal(rules_add(bench->rules, &spec), 0);
}

static void
make_acl(struct bench *bench) ON_MAIN
{
	const struct rules_conf conf = {.limit = 10};

	assert_int_equal(rules_create(&conf, &bench->grace, 1, &bench->rules), 0);
	rules_begin(bench->rules);
	add_rule(bench, 1, RTE_BE16(0x0800), 6);
	add_rule(bench, 2, RTE_BE16(0x0800), 17);
	add_rule(bench, 3, RTE_BE16(0x86dd), 6);
	add_rule(bench, 4, RTE_BE16(0x86dd), 17);
	bench->acl =
		(struct acl_view){.rules = bench->rules, .version = rules_commit(bench->rules)};
	for (int c = 0; c < RULES_ALL; c++) {
		rules_get_mask(bench->rules, 0, (enum rules_class)c, 0, &bench->acl.masks[c]);
		bench->acl.masks[c].valid |= FIELDS_DEEP;
	}
}

static int
group_setup(void **state)
{
	(void)state;
	eal_test_start(64);
	return 0;
}

static int
setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	role_assert(&role_main);
	assert_int_equal(grace_init(&bench->grace), 0);
	assert_int_equal(burst_create(&(struct burst_conf){.worker = 0, .flows = FLOW_CAPACITY_MIN},
				 &bench->burst),
		0);
	bench->snap = snapshot_create(0);
	for (uint32_t i = IN; i <= TO; i++) {
		probe_init(&bench->probes[i], i, UINT32_MAX & ~PORT_CAP_TX_HASH, 1, true);
		bench->snap->ports[i] = &bench->probes[i].view;
	}
	bench->probes[TO].view.mtu = UINT16_MAX;
	bench->burst->stage.snap = bench->snap;
	make_acl(bench);
	bench->mirror = (struct mirror){
		.ways = (unsigned int)MIRROR_RX | MIRROR_TX, .to = TO, .count = &bench->count};
	bench->list = calloc(1, sizeof(*bench->list) + sizeof(bench->list->uses[0]));
	bench->list->n = 1;
	bench->list->ways = bench->mirror.ways;
	bench->list->uses[0] = (struct mirror_use){.mirror = &bench->mirror, .acl = &bench->acl};
	for (int c = 0; c < RULES_ALL; c++) {
		bench->list->uses[0].depths[c] = (uint8_t)parse_depth_of(&bench->acl.masks[c]);
	}
	bench->list->rx_depth = PARSE_L4;
	bench->probes[IN].view.mirrors = bench->list;
	*state = bench;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *bench = *state;

	role_assert(&role_main);
	for (uint32_t i = IN; i <= TO; i++) {
		probe_fini(&bench->probes[i]);
	}
	rules_destroy(bench->rules);
	free(bench->list);
	snapshot_destroy(bench->snap);
	burst_destroy(bench->burst);
	grace_fini(&bench->grace);
	free(bench);
	return 0;
}

static struct bench *
bench_of(void **state) ROLE_ATTR(assert_capability(role_worker))
{
	role_assert(&role_worker);
	return *state;
}

/* --- packets -----------------------------------------------------------------------------------
 */

/* As from a guest: a head of so many bytes, which can grow if there is room, the rest lent. */
static struct pkt
lent(struct bench *bench, const uint8_t *bytes, uint32_t len, uint16_t head_len, uint16_t room)
{
	const uint16_t head = (uint16_t)RTE_MIN(len, (uint32_t)head_len);
	const uint32_t half = (len - head) / 2;

	memcpy(bench->head + PKT_HEADROOM, bytes, head);
	bench->segs[0] = (struct pkt_seg){.addr = bytes + head, .len = half};
	bench->segs[1] = (struct pkt_seg){.addr = bytes + head + half, .len = len - head - half};
	return (struct pkt){
		.head = bench->head + PKT_HEADROOM,
		.len = len,
		.head_len = head,
		.headroom = PKT_HEADROOM,
		.tailroom = (uint16_t)(room - head),
		.segs = bench->segs,
		.n_segs = 2,
		.in_port = IN,
	};
}

/* What the list says of a frame that lies in one piece. */
static bool
accepted(const struct bench *bench, const uint8_t *bytes, uint32_t len)
{
	struct parsed parsed;

	parse(bytes, len, len, PARSE_L4, &parsed);
	return acl_verdict(&bench->acl, acl_find(&bench->acl, &parsed.fields));
}

/* Was it copied as it is, and is the packet nobody's afterwards? */
static bool
was_copied(struct bench *bench, const struct pkt *pkt, const uint8_t *bytes, uint32_t len)
{
	struct probe *to = &bench->probes[TO];
	const bool is = to->n_sent == 1 && probe_sent(to, 0, bytes, len);

	assert_int_equal(pkt->n_out, 0);
	assert_true(to->n_sent == 0 || is);
	probe_clear(to);
	return is;
}

static bool
received(struct bench *bench, struct pkt *pkt, const uint8_t *bytes, uint32_t len) ON_WORKER
{
	mirror_received(&bench->burst->stage, &bench->probes[IN].view, pkt, 1);
	return was_copied(bench, pkt, bytes, len);
}

/* The packet as it is, or with its head in a place of its own. */
static bool
sent(struct bench *bench, struct pkt *pkt, bool edited, const uint8_t *bytes,
	uint32_t len) ON_WORKER
{
	struct tx_stage *stage = &bench->burst->stage;
	struct tx_item item;

	pkt_item(pkt, &item);
	if (edited) {
		assert_true(pkt_clone_head(&item, &stage->clones));
	}
	pkt->n_out++;
	mirror_sending(stage, &bench->probes[IN].view, &item, 1);
	pkt->n_out--;
	stage->clones.n = 0;
	return was_copied(bench, pkt, bytes, len);
}

/* In all ways that a frame can lie in memory. */
static void
expect(struct bench *bench, const uint8_t *bytes, uint32_t len, bool is) ON_WORKER
{
	const uint64_t seen = bench->count.seen;
	const uint64_t packets = bench->count.packets;
	struct pkt pkt = lent(bench, bytes, len, PKT_HEAD_MIN, PARSE_HEAD_MAX);

	assert_int_equal(accepted(bench, bytes, len), is);
	assert_int_equal(received(bench, &pkt, bytes, len), is);
	assert_int_equal(sent(bench, &pkt, false, bytes, len), is);
	pkt = lent(bench, bytes, len, PKT_HEAD_MIN, PKT_HEAD_MIN); /* it cannot grow */
	assert_int_equal(received(bench, &pkt, bytes, len), is);
	assert_int_equal(sent(bench, &pkt, false, bytes, len), is);
	assert_int_equal(sent(bench, &pkt, true, bytes, len), is);
	pkt = lent(bench, bytes, len, PARSE_HEAD_MAX, PARSE_HEAD_MAX);
	assert_int_equal(received(bench, &pkt, bytes, len), is);
	assert_int_equal(sent(bench, &pkt, true, bytes, len), is);
	assert_int_equal(bench->count.seen, seen + 7);
	assert_int_equal(bench->count.packets, packets + (is ? 7 : 0));
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void
make_deep(struct frame *frame, unsigned int n, uint32_t each)
{
	frame_begin(frame);
	frame_tag(frame, 0x8100, 7);
	frame_tag(frame, 0x88a8, 9);
	frame_ipv6(frame, n > 0 ? 60 : 6);
	for (unsigned int i = 1; i <= n; i++) {
		frame_ext(frame, 60, i < n ? 60 : 6, each);
	}
	frame_l4(frame, 6, 20);
	frame_end(frame);
}

static void
test_headers_beyond_the_head(void **state)
{
	struct bench *bench = bench_of(state);
	struct frame frame;

	make_deep(&frame, 0, 0);
	expect(bench, frame.bytes, frame.len, true);
	make_deep(&frame, 8, 16); /* across the end of the head */
	expect(bench, frame.bytes, frame.len, true);
	make_deep(&frame, 2, 208); /* the last one ends at 478: TCP is within 512 */
	expect(bench, frame.bytes, frame.len, true);
	make_deep(&frame, 2, 216); /* TCP is cut off there */
	expect(bench, frame.bytes, frame.len, false);
	make_deep(&frame, 9, 8); /* too many */
	expect(bench, frame.bytes, frame.len, false);
	make_deep(&frame, 8, 16);
	frame.bytes[frame.len - 18] ^= 1; /* another port */
	expect(bench, frame.bytes, frame.len, false);
}

/* The guest changes its memory once the list has been asked. */
static void
change_port(void *arg)
{
	uint8_t *port = arg;

	port[0] ^= 0xff;
}

/* What is copied, and goes on, is what the list has seen. */
static void
test_memory_changes(void **state)
{
	struct bench *bench = bench_of(state);
	struct frame frame;
	uint8_t *bytes;
	struct pkt pkt;

	make_deep(&frame, 2, 208);
	bytes = malloc(frame.len);
	memcpy(bytes, frame.bytes, frame.len);
	pkt = lent(bench, bytes, frame.len, PKT_HEAD_MIN, PARSE_HEAD_MAX);
	bench->probes[TO].on_tx = change_port;
	bench->probes[TO].on_tx_arg = bytes + frame.len - 18;
	assert_true(received(bench, &pkt, frame.bytes, frame.len));
	assert_int_not_equal(memcmp(bytes, frame.bytes, frame.len), 0);
	assert_memory_equal(pkt.head, frame.bytes, pkt.head_len);
	assert_int_equal(pkt.head_len, frame.len);
	free(bytes);
}

/* As large as frames are: a segment of 64 KiB that the output takes whole. */
static void
test_large(void **state)
{
	struct bench *bench = bench_of(state);
	uint8_t *bytes = calloc(1, PKT_LEN_MAX);
	const uint32_t len = RTE_ETHER_HDR_LEN + UINT16_MAX;
	struct frame frame;

	frame_begin(&frame);
	frame_ipv4(&frame, 6, 10, 0);
	frame_l4(&frame, 6, 60);
	frame_end(&frame);
	memcpy(bytes, frame.bytes, frame.len);
	memset(bytes + 16, 0xff, 2); /* the total length */
	expect(bench, bytes, len, true);
	bytes[RTE_ETHER_HDR_LEN] = 0x4f; /* TCP is elsewhere, its ports are others */
	bytes[14 + 60 - 2] = 0;
	expect(bench, bytes, len, accepted(bench, bytes, len));
	free(bytes);
}

/* Every length of a frame, from nothing that a port would take. */
static void
test_short(void **state)
{
	struct bench *bench = bench_of(state);
	struct frame frame;
	uint8_t *exact;

	make_deep(&frame, 2, 80);
	for (uint32_t len = RTE_ETHER_HDR_LEN; len <= frame.len; len++) {
		exact = malloc(len); /* so that a byte too far is seen */
		memcpy(exact, frame.bytes, len);
		expect(bench, exact, len, len == frame.len);
		free(exact);
	}
}

static void
test_random(void **state)
{
	struct bench *bench = bench_of(state);
	uint64_t random = 88172645463325252;
	unsigned int n_copied = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct frame frame;
		uint8_t *exact;
		bool is;

		frame_random(&frame, &random);
		if (frame.len < RTE_ETHER_HDR_LEN) {
			continue;
		}
		exact = malloc(frame.len);
		memcpy(exact, frame.bytes, frame.len);
		is = accepted(bench, exact, frame.len);
		n_copied += is;
		expect(bench, exact, frame.len, is);
		free(exact);
	}
	assert_in_range(n_copied, ROUNDS / 100, ROUNDS);
}

#define MIRROR_CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MIRROR_CASE(test_headers_beyond_the_head),
		MIRROR_CASE(test_memory_changes),
		MIRROR_CASE(test_large),
		MIRROR_CASE(test_short),
		MIRROR_CASE(test_random),
	};
	int rc;

	role_enter(&role_main);
	role_enter(&role_worker);
	rc = cmocka_run_group_tests_name("mirror", tests, group_setup, NULL);
	role_leave(&role_worker);
	role_leave(&role_main);
	return rc;
}
