/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_match.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text_cases.h"
#include "ctl/flow_text_model.h"
#include "vswitchd/flow_test_world.h"

#define RANDOM_RULES 20000

static void
make(const struct flow_rule *rule, struct match *match) ON_MAIN
{
	struct err err = ERR_INIT;

	if (flow_match_make(rule, &flow_test_namer, match, &err) != 0) {
		fail_msg("%s: %s", flow_test_text(rule), err.text);
	}
}

/* A rule's match again as a rule, with all else as it was. */
static void
there_and_back(const char *text, struct flow_rule *rule) ON_MAIN
{
	struct match match;
	struct match again;
	struct fields mask;

	flow_test_rule(text, rule);
	make(rule, &match);
	/* Nothing of the rule may survive but what is in the match. */
	memset(rule->terms, 0xa5, sizeof(rule->terms));
	rule->present = UINT64_MAX;
	(void)str_copy(rule->in_port, "rubbish", sizeof(rule->in_port));
	flow_match_tell(&match, &flow_test_namer, rule);
	make(rule, &again);
	if (!match_equal(&match, &again)) {
		fail_msg("%s: another match than of %s", text, flow_test_text(rule));
	}
	mask = match.mask;
	fields_mask_complete(&mask);
	mask.vlan_tci = match.mask.vlan_tci;
	mask.inner_tci = match.mask.inner_tci;
	assert_memory_equal(&mask, &match.mask, sizeof(mask));
}

static void
test_cases(void **state)
{
	role_assert(&role_main);
	for (const struct flow_case *c = flow_match_cases; c->text != NULL; c++) {
		const char *match = c->canonical == NULL ? c->text : c->canonical;
		struct flow_rule rule;
		char text[1024];

		(void)snprintf(text, sizeof(text), "%s actions=drop", c->text);
		there_and_back(text, &rule);
		(void)snprintf(
			text, sizeof(text), "%s%sactions=drop", match, match[0] == '\0' ? "" : ",");
		assert_string_equal(flow_test_text(&rule), text);
	}
}

/* Two ways of writing that are one match. */
static void
test_one_form(void **state)
{
	static const char *const cases[][2] = {
		{"tcp,tp_dst=1024-2047", "tcp,tp_dst=0x400/0xfc00"},
		{"tcp,tp_src=0-1", "tcp,tp_src=0x0/0xfffe"},
		{"tcp,tp_src=1000-2000,tp_dst=32768-65535",
			"tcp,tp_src=1000-2000,tp_dst=0x8000/0x8000"},
		{"tcp,ip_frag=not_later,tp_dst=80", "tcp,tp_dst=80"},
		{"udp,ip_frag=not_later,tp_dst=5-7", "udp,tp_dst=5-7"},
		{"tcp,ip_frag=yes,tp_dst=80", "tcp,ip_frag=first,tp_dst=80"},
		{"tcp,ip_frag=no,tp_dst=80", "tcp,ip_frag=no,tp_dst=80"},
		{"icmp,ip_frag=not_later,icmp_type=8", "icmp,icmp_type=8"},
		{"icmp,ip_frag=not_later", "icmp,ip_frag=not_later"},
	};

	role_assert(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flow_rule rule;
		char text[256];

		(void)snprintf(text, sizeof(text), "%s actions=drop", cases[i][0]);
		there_and_back(text, &rule);
		(void)snprintf(text, sizeof(text), "%s,actions=drop", cases[i][1]);
		assert_string_equal(flow_test_text(&rule), text);
	}
}

static bool
is_mask(const struct flow_rule *rule, enum flow_field field)
{
	const struct flow_term *term = &rule->terms[field];
	uint64_t differ;

	if (!flow_rule_has(rule, field) || !term->range) {
		return false;
	}
	differ = term->value[0] ^ term->value[1];
	return (differ & (differ + 1)) == 0 && (term->value[0] & differ) == 0;
}

static void
test_random(void **state)
{
	role_assert(&role_main);
	for (uint32_t seed = 1; seed <= RANDOM_RULES; seed++) {
		struct flow_model model;
		struct flow_rule before;
		struct flow_rule rule;
		char text[8192];

		flow_model_make(&model, seed);
		json_decref(model.json);
		flow_test_rule(model.text, &before);
		(void)str_copy(text, flow_test_text(&before), sizeof(text));
		there_and_back(model.text, &rule);
		if (!is_mask(&before, FLOW_L4_SRC) && !is_mask(&before, FLOW_L4_DST)) {
			assert_string_equal(flow_test_text(&rule), text);
		}
	}
}

static void
test_unknown_port(void **state)
{
	struct err err = ERR_INIT;
	struct flow_rule rule;
	struct match match;

	role_assert(&role_main);
	flow_test_rule("in_port=no-such,actions=drop", &rule);
	assert_int_equal(flow_match_make(&rule, &flow_test_namer, &match, &err), -EINVAL);
	assert_string_equal(err.path, "match/in-port");
	assert_string_equal(err.text, "there is no port 'no-such'");
	assert_int_equal(flow_match_make(&rule, &flow_test_namer, &match, NULL), -EINVAL);
}

/* --- which packets a rule meets ----------------------------------------------------------------
 */

static const struct {
	const char *text;
	const char *meets; /* letters of flow_test_world.h, in the order of FLOW_TEST_FRAMES */
} packets[] = {
	{"", FLOW_TEST_FRAMES},
	{"tun_id=0x1234", "o"},
	{"tun_id=0x1000/0x1000", "o"},
	{"reg0=5", "u"},
	{"reg0=0x1/0x3", "u"},
	{"reg7=0x80000001", "t"},
	{"reg7=0x80000000/0x80000000", "t"},
	{"dl_src=12:13:14:15:16:17", FLOW_TEST_FRAMES},
	{"dl_dst=02:03:04:05:06:07", FLOW_TEST_FRAMES},
	{"dl_dst=07:06:05:04:03:02", ""},
	{"dl_dst=00:00:00:00:00:03/00:00:00:00:00:03", FLOW_TEST_FRAMES},
	{"dl_type=0x88b5", "opq"},
	{"vlan_tci=0", "otflsucixTUInarR"},
	{"vlan", "vpq"},
	{"dl_vlan=10", "v"},
	{"dl_vlan=0", "p"},
	{"dl_vlan_pcp=3", "v"},
	{"dl_vlan_pcp=0", "pq"},
	{"vlan_tci=0x0000/0x0fff", "optflsucixTUInarR"},
	{"vlan_tci=0x000a/0x0fff", "v"},
	{"vlan,inner_dl_vlan=30", "q"},
	{"vlan,inner_vlan_tci=0", "vp"},
	{"dl_vlan=20,inner_vlan_tci=0x1000/0x1000", "q"},
	{"ip", "vtflsucix"},
	{"ipv6", "TUIna"},
	{"arp", "rR"},
	{"ip,nw_src=10.11.12.13", "vtflsuci"},
	{"ip,nw_src=10.8.0.0/13", "vtflsuci"},
	{"ip,nw_src=0.0.0.0/1", "vtflsuci"},
	{"ip,nw_dst=20.21.22.23", "vtflsuci"},
	{"ip,nw_dst=23.22.21.20", ""},
	{"ip,ip_dscp=46", "vtflsuci"},
	{"ipv6,nw_ecn=1", "TUIna"},
	{"ip,nw_ecn=0", ""},
	{"ip,nw_ttl=64", "vtflsuci"},
	{"ipv6,nw_ttl=255", "TUIna"},
	{"ip,nw_proto=6", "tfls"},
	{"ip,nw_proto=0", ""},
	{"ip,ip_frag=no", "vtsuci"},
	{"ip,ip_frag=yes", "fl"},
	{"ip,ip_frag=first", "f"},
	{"ip,ip_frag=later", "l"},
	{"ip,ip_frag=not_later", "vtfsuci"},
	{"ipv6,ip_frag=no", "TUIna"},
	{"ipv6,ipv6_src=2021:2223:2425:2627:2829:2a2b:2c2d:2e2f", "TUIna"},
	{"ipv6,ipv6_src=2021:2223::/32", "TUIna"},
	{"ipv6,ipv6_src=::2f/::ff", "TUIna"},
	{"ipv6,ipv6_dst=4041::/16", "TUIna"},
	{"ipv6,ipv6_dst=::/1", "TUIna"},
	{"ipv6,ipv6_dst=2021::/16", ""},
	{"ipv6,ipv6_label=0x12345", "TUIna"},
	{"ipv6,ipv6_label=0x54321", ""},
	{"tcp,tp_src=4386", "tf"},
	{"tcp,tp_dst=13124", "tf"},
	{"tcp,tp_dst=13000-13200", "tf"},
	{"tcp,tp_dst=0-60000", "tf"},
	{"tcp,tp_dst=13125-13200", ""},
	{"tcp,tp_src=0x1100/0xff00", "tf"},
	{"tcp,tp_src=0-60000,tp_dst=13124", "tf"},
	{"tcp,tp_src=0x0/0x8000", "tf"},
	{"udp,tp_src=4386", "vu"},
	{"sctp,tp_dst=13124", "c"},
	{"tcp6,tp_src=4386", "T"},
	{"udp6,tp_dst=13124", "U"},
	{"tcp,tcp_flags=0xf12", "tf"},
	{"tcp,tcp_flags=+syn+ack-rst", "tf"},
	{"tcp,tcp_flags=-fin", "tf"},
	{"tcp6,tcp_flags=+rst", ""},
	{"icmp,icmp_type=17", "i"},
	{"icmp,icmp_type=17,icmp_code=34", "i"},
	{"icmp,icmp_code=17", ""},
	{"icmp6,icmp_type=17", "I"},
	{"icmp6,icmp_type=135,icmp_code=0", "n"},
	{"arp,arp_op=1", "r"},
	{"arp,arp_op=2", "R"},
	{"arp,arp_spa=10.11.12.13", "rR"},
	{"arp,arp_tpa=20.21.0.0/16", "rR"},
	{"arp,arp_sha=12:13:14:15:16:17", "rR"},
	{"arp,arp_tha=60:61:62:63:64:65", "rR"},
	{"icmp6,icmp_type=135,nd_target=c0c1:c2c3:c4c5:c6c7:c8c9:cacb:cccd:cecf", "n"},
	{"icmp6,icmp_type=136,nd_target=c0c1::/16", "a"},
	{"icmp6,icmp_type=135,nd_sll=10:11:12:13:14:15", "n"},
	{"icmp6,icmp_type=136,nd_tll=20:21:22:23:24:25", "a"},
	{"icmp6,icmp_type=136,nd_tll=00:00:00:00:00:00/80:00:00:00:00:00", "a"},
};

static void
check_packets(const char *text, const struct match *match, const char *want)
{
	char got[sizeof(FLOW_TEST_FRAMES)] = "";
	struct fields fields;

	for (const char *letter = FLOW_TEST_FRAMES; *letter != '\0'; letter++) {
		flow_test_fields(*letter, &fields);
		if (match_packet(match, &fields)) {
			(void)str_appendf(got, sizeof(got), "%c", *letter);
		}
	}
	if (strcmp(got, want) != 0) {
		fail_msg("%s meets '%s', should '%s'", text, got, want);
	}
}

static void
test_packets(void **state)
{
	struct flow_rule rule;
	struct match match;
	char text[256];

	role_assert(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		(void)snprintf(text, sizeof(text), "%s actions=drop", packets[i].text);
		flow_test_rule(text, &rule);
		make(&rule, &match);
		check_packets(text, &match, packets[i].meets);
	}
	flow_test_rule("in_port=p1,actions=drop", &rule);
	make(&rule, &match);
	assert_int_equal(match.mask.in_port, UINT16_MAX);
	match.value.in_port = 3; /* as if p1 had this number */
	check_packets("in_port", &match, "o");
	/* A prefix of all bits: the rule tables have quicker ways for these. */
	flow_test_rule("icmp,icmp_type=8,icmp_code=0,actions=drop", &rule);
	make(&rule, &match);
	assert_int_equal(match.mask.l4_src, UINT16_MAX);
	assert_int_equal(match.mask.l4_dst, UINT16_MAX);
}

/* Broader rules contain narrower ones, as filters of deletions need it. */
static void
test_within(void **state)
{
	static const char *const cases[][2] = {
		{"ip", "tcp,tp_dst=80"},
		{"tcp", "tcp,ip_frag=no,tp_src=1000-2000"},
		{"tcp,tp_src=900-2000", "tcp,tp_src=1000-1999"},
		{"tcp,tp_src=4", "tcp,tp_src=4,tp_dst=5,nw_src=10.0.0.1"},
		{"ip,nw_src=10.0.0.0/8", "icmp,nw_src=10.1.0.0/16,icmp_type=8"},
		{"arp", "arp,arp_spa=10.0.0.1,arp_op=1"},
		{"icmp6,icmp_type=135", "icmp6,icmp_type=135,nd_sll=02:00:00:00:00:01"},
		{"vlan", "dl_vlan=5,dl_vlan_pcp=2"},
		{"dl_vlan=5", "dl_vlan=5,inner_dl_vlan=3"},
	};
	struct flow_rule rule;
	struct match wide;
	struct match narrow;
	char text[256];

	role_assert(&role_main);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(text, sizeof(text), "%s actions=drop", cases[i][0]);
		flow_test_rule(text, &rule);
		make(&rule, &wide);
		(void)snprintf(text, sizeof(text), "%s actions=drop", cases[i][1]);
		flow_test_rule(text, &rule);
		make(&rule, &narrow);
		assert_true(match_within(&narrow, &wide));
		assert_false(match_within(&wide, &narrow));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_unknown_port),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_within),
	};
	int failed;

	role_enter(&role_main);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return failed;
}
