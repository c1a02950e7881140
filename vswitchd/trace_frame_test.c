/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames from descriptions: what the parser finds in them is what was described. */
#include "vswitchd/trace_frame.h"

#include <string.h>

#include "ctl/flow_text_cases.h"
#include "datapath/core/inet_model.h"
#include "datapath/core/match.h"
#include "datapath/core/parse.h"
#include "vswitchd/flow_match.h"
#include "vswitchd/flow_test_world.h"

static const uint64_t not_in_frames = UINT64_C(1) << FLOW_TUNNEL_ID | UINT64_C(0xff) << FLOW_REG0;

static int
make(const char *text, uint8_t *frame, struct flow_rule *rule, struct err *err)
{
	if (flow_text_parse_match(text, strlen(text), rule, err) != 0) {
		fail_msg("%s: %s", text, err->text);
	}
	return trace_frame_make(rule, frame, err);
}

/* The frame of this text, and what the parser finds. */
static uint32_t
made(const char *text, uint8_t *frame, struct parsed *parsed)
{
	struct err err = ERR_INIT;
	struct flow_rule rule;
	int len = make(text, frame, &rule, &err);

	if (len < 0) {
		fail_msg("%s: %s", text, err.text);
	}
	assert_in_range(len, 60, TRACE_FRAME_SIZE);
	parse(frame, (uint32_t)len, (uint32_t)len, PARSE_ALL, parsed);
	return (uint32_t)len;
}

/* All that rules can say of a frame, and each frame is one that its rule means. */
static void
test_cases(void **state)
{
	unsigned int n = 0;

	(void)state;
	role_assert(&role_main);
	for (const struct flow_case *c = flow_match_cases; c->text != NULL; c++) {
		uint8_t frame[TRACE_FRAME_SIZE];
		struct err err = ERR_INIT;
		struct flow_rule rule;
		struct parsed parsed;
		struct match match;
		int len = make(c->text, frame, &rule, &err);

		if ((rule.present & not_in_frames) != 0) {
			assert_true(len < 0);
			continue;
		}
		if (len < 0) {
			fail_msg("%s: %s", c->text, err.text);
		}
		rule.present &= ~(UINT64_C(1) << FLOW_IN_PORT);
		assert_int_equal(flow_match_make(&rule, &flow_test_namer, &match, &err), 0);
		parse(frame, (uint32_t)len, (uint32_t)len, PARSE_ALL, &parsed);
		if (!match_packet(&match, &parsed.fields)) {
			fail_msg("%s: the frame is another", c->text);
		}
		n++;
	}
	assert_true(n > 50);
}

static void
test_defaults(void **state)
{
	const uint8_t zero[12] = {0};
	uint8_t frame[TRACE_FRAME_SIZE];
	struct parsed parsed;

	(void)state;
	assert_int_equal(made("", frame, &parsed), 60);
	assert_memory_equal(frame, zero, sizeof(zero));
	assert_int_equal(rte_be_to_cpu_16(parsed.fields.eth_type), 0x88b5);
	assert_int_equal(parsed.fields.vlan_tci, 0);
	assert_int_equal(made("tcp", frame, &parsed), 60);
	assert_int_equal(parsed.fields.ttl, 64);
	assert_int_equal(parsed.fields.valid, FIELDS_VALID_IPV4 | FIELDS_VALID_L4);
	(void)made("dl_vlan=10,inner_dl_vlan=20,arp", frame, &parsed);
	assert_int_equal(parsed.n_tags, 2);
	assert_int_equal(parsed.fields.valid, FIELDS_VALID_ARP);
	(void)made("icmp6,icmp_type=135,nd_sll=02:00:00:00:00:01", frame, &parsed);
	assert_int_equal(parsed.fields.ttl, 255);
	assert_true((parsed.fields.valid & FIELDS_VALID_ND) != 0);
	(void)made("dl_type=0x05ff", frame, &parsed);
	assert_int_equal(rte_be_to_cpu_16(parsed.fields.eth_type), FIELDS_ETH_TYPE_NONE);
}

/* The sum of what a checksum covers, the checksum among it, is all ones: RFC 1071. */
static void
expect_checksums(const char *text, uint32_t addresses, uint32_t n_addresses, uint32_t l4_len)
{
	uint8_t frame[TRACE_FRAME_SIZE];
	struct parsed parsed;
	uint32_t l4;
	uint64_t pseudo = 0;

	(void)made(text, frame, &parsed);
	l4 = parsed.l4;
	assert_int_not_equal(l4, 0);
	if (n_addresses > 0) {
		pseudo = (uint64_t)parsed.fields.proto + l4_len +
			inet_sum(frame + parsed.l3 + addresses, n_addresses, 0);
	}
	if (inet_sum(frame + l4, l4_len, pseudo) != 0xffff) {
		fail_msg("%s: its checksum is wrong", text);
	}
	if (parsed.fields.eth_type == RTE_BE16(0x0800)) {
		assert_int_equal(inet_sum(frame + parsed.l3, 20, 0), 0xffff);
	}
}

static void
test_checksums(void **state)
{
	(void)state;
	expect_checksums("tcp,nw_src=10.1.2.3,nw_dst=10.4.5.6,tp_src=1000,tp_dst=80,tcp_flags=+syn",
		12, 8, 20);
	expect_checksums("udp,nw_src=10.1.2.3,nw_dst=10.4.5.6,tp_dst=53", 12, 8, 8);
	expect_checksums("tcp6,ipv6_src=fd00::1,ipv6_dst=fd00::2,tp_dst=443", 8, 32, 20);
	expect_checksums("dl_vlan=7,udp6,ipv6_src=fd00::1,tp_dst=53", 8, 32, 8);
	expect_checksums("icmp,nw_src=10.1.2.3,icmp_type=8", 0, 0, 8);
	expect_checksums("icmp6,ipv6_src=fe80::1,icmp_type=128", 8, 32, 8);
	expect_checksums("icmp6,ipv6_src=fe80::1,icmp_type=136,nd_target=fe80::1,"
			 "nd_tll=02:00:00:00:00:01",
		8, 32, 32);
}

/* RFC 9260: CRC32c, bit by bit. */
static void
test_sctp(void **state)
{
	static const uint8_t zero[4] = {0};
	uint8_t frame[TRACE_FRAME_SIZE];
	struct parsed parsed;
	uint8_t said[4];
	uint32_t crc = UINT32_MAX;

	(void)state;
	(void)made("sctp,tp_src=1000,tp_dst=38412", frame, &parsed);
	memcpy(said, frame + parsed.l4 + 8, sizeof(said));
	memcpy(frame + parsed.l4 + 8, zero, sizeof(zero));
	for (unsigned int i = 0; i < 12; i++) {
		crc ^= frame[parsed.l4 + i];
		for (unsigned int bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (0x82f63b78U & -(crc & 1));
		}
	}
	crc = ~crc;
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(said[i], crc >> 8 * i & 0xff);
	}
}

static void
test_refused(void **state)
{
	static const char *const texts[] = {"reg0=1", "tun_id=5", "tcp,reg7=1/1"};
	uint8_t frame[TRACE_FRAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = ERR_INIT;
		struct flow_rule rule;

		assert_true(make(texts[i], frame, &rule, &err) < 0);
		assert_non_null(strstr(err.text, "is not in a frame"));
		assert_string_equal(err.path, "flow");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_sctp),
		cmocka_unit_test(test_refused),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("trace-frame", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
