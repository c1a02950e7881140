/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said about a frame, and about one that ends anywhere. */
#include "ctl/cli_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define MACS "ffffffffffff525400000001"
#define SAID "52:54:00:00:00:01 > ff:ff:ff:ff:ff:ff"
#define IP4                        \
	"450000280000000040110000" \
	"0a000001"                 \
	"c0a80102"
#define IP6                                \
	"6000000000003aff"                 \
	"fe800000000000000000000000000001" \
	"ff020000000000000000000000000002"
#define ARP                \
	"0001080006040001" \
	"525400000001"     \
	"0a000001"         \
	"000000000000"     \
	"0a0000fe"

static void
test_frames(void **state)
{
	static const struct {
		const char *hex;
		const char *text;
	} cases[] = {
		{MACS "0800" IP4, SAID " ipv4 10.0.0.1 > 192.168.1.2 udp"},
		{MACS "86dd" IP6, SAID " ipv6 fe80::1 > ff02::2 icmpv6"},
		{MACS "0806" ARP, SAID " arp 10.0.0.1 > 10.0.0.254 request"},
		{MACS "0806"
		      "0001080006040002",
			SAID " arp reply"},
		{MACS "0806"
		      "0001080006040000",
			SAID " arp"},
		{MACS "8100600a"
		      "0800" IP4,
			SAID " vlan 10 ipv4 10.0.0.1 > 192.168.1.2 udp"},
		{MACS "88a80fff"
		      "8100000a"
		      "88cc",
			SAID " vlan 4095 vlan 10 lldp"},
		{MACS "88b5"
		      "00",
			SAID " 0x88b5"},
		{MACS "0026"
		      "424203",
			SAID " llc"},
		{MACS "05DC", SAID " llc"},
		{MACS "0800"
		      "4500002800000000"
		      "40"
		      "fd"
		      "0000"
		      "0a000001"
		      "0a000002",
			SAID " ipv4 10.0.0.1 > 10.0.0.2 protocol 253"},
		{MACS, SAID},
		{MACS "08", SAID},
		{MACS "0800"
		      "45000028000000004011",
			SAID " ipv4 udp"},
		{"ffffffffffff5254000000", ""},
		{"", ""},
		{"zz", ""},
		{MACS "0", SAID},
		{MACS "0800zz", SAID " ipv4"},
		/* A fourth tag is told as what it is. */
		{MACS "810000018100000281000003"
		      "81000004",
			SAID " vlan 1 vlan 2 vlan 3 0x8100"},
	};
	char text[CLI_FRAME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_string_equal(cli_frame_text(cases[i].hex, text), cases[i].text);
	}
}

/* Each prefix of a frame, in memory of exactly its size; the sanitizers look on. */
static void
test_cut_anywhere(void **state)
{
	static const char *const frames[] = {MACS "8100000a"
						  "0800" IP4 "00112233",
		MACS "8100000a"
		     "86dd" IP6,
		MACS "0806" ARP};
	char whole[CLI_FRAME_TEXT_SIZE];
	char text[CLI_FRAME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		(void)cli_frame_text(frames[i], whole);
		for (size_t n = 0; n <= strlen(frames[i]); n++) {
			char *cut = strndup(frames[i], n);

			assert_non_null(cut);
			assert_true(strlen(cli_frame_text(cut, text)) <= strlen(whole));
			free(cut);
		}
		assert_string_equal(text, whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests_name("cli_frame", tests, NULL, NULL);
}
