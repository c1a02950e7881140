/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses a port's guest may use: field by field, and in frames that hide something. */
#include "datapath/pipe/policy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/parse.h"
#include "datapath/core/parse_test_frames.h"
#include "datapath/pipe/key.h"

#define V4 FIELDS_VALID_IPV4
#define V6 (FIELDS_VALID_IPV6 | FIELDS_VALID_L4)
#define ARP FIELDS_VALID_ARP
#define ND (V6 | FIELDS_VALID_ND)
#define MAC                      \
	{                        \
		2, 0, 0, 0, 0, 1 \
	}
#define OTHER_MAC                \
	{                        \
		2, 0, 0, 0, 0, 2 \
	}
#define SOLICITATION RTE_BE16(135)
#define ADVERTISEMENT RTE_BE16(136)

static uint32_t
ip4(const char *text)
{
	struct in_addr addr;

	assert_int_equal(inet_pton(AF_INET, text, &addr), 1);
	return addr.s_addr;
}

static void
ip6(const char *text, uint8_t addr[16])
{
	assert_int_equal(inet_pton(AF_INET6, text, addr), 1);
}

static struct spoof_prefix
prefix(const char *text, uint8_t len)
{
	struct spoof_prefix out = {.len = len};
	const int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, text, out.addr), 1);
	return out;
}

/* One MAC address, 10.1.2.3 and 10.9.0.0/17, 2001:db8::7 and fe80::/10. */
static struct spoof_view
guest(void)
{
	struct spoof_view spoof = {.n_mac = 1, .n_ip4 = 2, .n_ip6 = 2, .mac = {MAC}};

	spoof.ip4[0] = prefix("10.1.2.3", 32);
	spoof.ip4[1] = prefix("10.9.0.0", 17);
	spoof.ip6[0] = prefix("2001:db8::7", 128);
	spoof.ip6[1] = prefix("fe80::", 10);
	return spoof;
}

static enum drop_reason
check(struct fields fields)
{
	const struct spoof_view spoof = guest();

	return spoof_check(&spoof, &fields);
}

static void
test_mac(void **state)
{
	const struct fields mine = {.eth_src = MAC, .eth_type = RTE_BE16(0x88cc)};
	const struct fields other = {.eth_src = OTHER_MAC, .eth_type = RTE_BE16(0x88cc)};
	struct spoof_view spoof = guest();

	(void)state;
	assert_int_equal(check(mine), DROP_N);
	assert_int_equal(check(other), DROP_SPOOFED_MAC);
	spoof.n_mac = 2;
	spoof.mac[1][5] = 9;
	assert_int_equal(spoof_check(&spoof, &mine), DROP_N);
	assert_int_equal(spoof_check(&spoof, &other), DROP_SPOOFED_MAC);
	spoof.n_mac = 0;
	assert_int_equal(spoof_check(&spoof, &other), DROP_N);
}

static struct fields
from_ip4(const char *src, uint8_t valid)
{
	return (struct fields){
		.eth_src = MAC, .eth_type = RTE_BE16(0x0800), .valid = valid, .ip4_src = ip4(src)};
}

static void
test_ip4(void **state)
{
	struct spoof_view spoof = guest();
	struct fields fields;

	(void)state;
	assert_int_equal(check(from_ip4("10.1.2.3", V4)), DROP_N);
	assert_int_equal(check(from_ip4("10.1.2.2", V4)), DROP_SPOOFED_ADDRESS);
	assert_int_equal(check(from_ip4("10.9.127.255", V4)), DROP_N);
	assert_int_equal(check(from_ip4("10.9.128.0", V4)), DROP_SPOOFED_ADDRESS);
	assert_int_equal(check(from_ip4("10.8.0.1", V4)), DROP_SPOOFED_ADDRESS);
	assert_int_equal(check(from_ip4("0.0.0.0", V4)), DROP_N);
	assert_int_equal(check(from_ip4("0.0.0.0", 0)), DROP_SPOOFED_ADDRESS); /* no IP at all */
	spoof.n_ip4 = 0;
	fields = from_ip4("10.8.0.1", V4);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	fields = from_ip4("0.0.0.0", 0);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	spoof = guest();
	spoof.ip4[1].len = 0; /* any */
	fields = from_ip4("192.0.2.1", V4);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
}

static struct fields
arp(const char *sender, uint8_t last_of_mac, uint8_t valid)
{
	struct fields fields = {.eth_src = MAC,
		.eth_type = RTE_BE16(0x0806),
		.valid = valid,
		.ip4_src = ip4(sender),
		.ip4_dst = ip4("198.51.100.1"),
		.arp_sha = MAC,
		.arp_tha = OTHER_MAC};

	fields.arp_sha[5] = last_of_mac;
	return fields;
}

static void
test_arp(void **state)
{
	struct spoof_view spoof = guest();
	struct fields fields;

	(void)state;
	assert_int_equal(check(arp("10.1.2.3", 1, ARP)), DROP_N);
	assert_int_equal(check(arp("0.0.0.0", 1, ARP)), DROP_N); /* a probe */
	assert_int_equal(check(arp("10.1.2.4", 1, ARP)), DROP_SPOOFED_NEIGHBOR);
	assert_int_equal(check(arp("10.1.2.3", 2, ARP)), DROP_SPOOFED_NEIGHBOR);
	assert_int_equal(check(arp("0.0.0.0", 2, ARP)), DROP_SPOOFED_NEIGHBOR);
	assert_int_equal(check(arp("10.1.2.3", 1, 0)), DROP_SPOOFED_NEIGHBOR);
	spoof.n_mac = 0;
	fields = arp("10.1.2.3", 2, ARP);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	fields = arp("10.1.2.4", 2, ARP);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_NEIGHBOR);
	spoof = guest();
	spoof.n_ip4 = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_NEIGHBOR);
	fields = arp("10.1.2.4", 1, ARP);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	spoof.n_mac = 0;
	fields = arp("10.1.2.4", 2, 0);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
}

static struct fields
from_ip6(const char *src, uint8_t valid)
{
	struct fields fields = {
		.eth_src = MAC, .eth_type = RTE_BE16(0x86dd), .valid = valid, .proto = 17};

	ip6(src, fields.ip6_src);
	return fields;
}

static void
test_ip6(void **state)
{
	struct spoof_view spoof = guest();
	struct fields fields;

	(void)state;
	assert_int_equal(check(from_ip6("2001:db8::7", V6)), DROP_N);
	assert_int_equal(check(from_ip6("2001:db8::8", V6)), DROP_SPOOFED_ADDRESS);
	assert_int_equal(check(from_ip6("febf::1", V6)), DROP_N);
	assert_int_equal(check(from_ip6("fec0::1", V6)), DROP_SPOOFED_ADDRESS);
	assert_int_equal(check(from_ip6("::", V6)), DROP_N);
	assert_int_equal(check(from_ip6("::", 0)), DROP_SPOOFED_ADDRESS);
	fields = from_ip6("2001:db8::8", V6);
	spoof.n_ip6 = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	fields.valid = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_ADDRESS);
	spoof.n_mac = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
}

/* A message about `target`; the last bytes of the options' addresses, 0: no option. */
static struct fields
nd(uint16_t type, const char *src, const char *target, uint8_t source_link, uint8_t target_link)
{
	struct fields fields = from_ip6(src, ND);

	fields.proto = 58;
	fields.ttl = 255;
	fields.l4_src = type;
	ip6(target, fields.nd_target);
	memcpy(fields.arp_sha, (const uint8_t[])MAC, source_link != 0 ? 5 : 0);
	fields.arp_sha[5] = source_link;
	memcpy(fields.arp_tha, (const uint8_t[])MAC, target_link != 0 ? 5 : 0);
	fields.arp_tha[5] = target_link;
	return fields;
}

static void
test_nd(void **state)
{
	struct spoof_view spoof = guest();
	struct fields fields;

	(void)state;
	/* It may ask for anybody, but must say who it is. */
	assert_int_equal(check(nd(SOLICITATION, "fe80::1", "2001:db8::1", 1, 0)), DROP_N);
	assert_int_equal(check(nd(SOLICITATION, "fe80::1", "2001:db8::1", 0, 0)), DROP_N);
	assert_int_equal(
		check(nd(SOLICITATION, "fe80::1", "2001:db8::1", 2, 0)), DROP_SPOOFED_NEIGHBOR);
	assert_int_equal(
		check(nd(SOLICITATION, "fe80::1", "2001:db8::1", 0, 2)), DROP_SPOOFED_NEIGHBOR);
	/* Duplicate address detection: for its own only. */
	assert_int_equal(check(nd(SOLICITATION, "::", "2001:db8::7", 0, 0)), DROP_N);
	assert_int_equal(check(nd(SOLICITATION, "::", "2001:db8::1", 0, 0)), DROP_SPOOFED_NEIGHBOR);
	/* It tells only what it has. */
	assert_int_equal(check(nd(ADVERTISEMENT, "fe80::1", "2001:db8::7", 0, 1)), DROP_N);
	assert_int_equal(check(nd(ADVERTISEMENT, "fe80::1", "2001:db8::7", 0, 0)), DROP_N);
	assert_int_equal(
		check(nd(ADVERTISEMENT, "fe80::1", "2001:db8::1", 0, 1)), DROP_SPOOFED_NEIGHBOR);
	assert_int_equal(
		check(nd(ADVERTISEMENT, "fe80::1", "2001:db8::7", 0, 2)), DROP_SPOOFED_NEIGHBOR);
	assert_int_equal(
		check(nd(ADVERTISEMENT, "2001:db8::1", "2001:db8::7", 0, 1)), DROP_SPOOFED_ADDRESS);
	/* Without one of the lists. */
	fields = nd(ADVERTISEMENT, "2001:db8::1", "2001:db8::1", 0, 2);
	spoof.n_ip6 = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_NEIGHBOR);
	spoof.n_mac = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	spoof = guest();
	spoof.n_mac = 0;
	fields = nd(ADVERTISEMENT, "fe80::1", "2001:db8::7", 0, 2);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	fields = nd(ADVERTISEMENT, "fe80::1", "2001:db8::1", 0, 2);
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_NEIGHBOR);
}

/* --- frames that hide something -------------------------------------------------------------- */

static enum drop_reason
check_frame(const struct frame *frame)
{
	struct spoof_view spoof = guest();
	struct parsed parsed;

	parse(frame->bytes, frame->len, frame->len, PARSE_ALL, &parsed);
	memcpy(spoof.mac[0], parsed.fields.eth_src, 6);
	spoof.ip4[0].len = 0;
	spoof.ip6[0].len = 0;
	return spoof_check(&spoof, &parsed.fields);
}

/* An advertisement behind n destination options. */
static void
advertise(struct frame *frame, unsigned int n)
{
	frame_begin(frame);
	frame_ipv6(frame, n == 0 ? 58 : 60);
	for (unsigned int i = 1; i <= n; i++) {
		frame_ext(frame, 60, i == n ? 58 : 60, 8);
	}
	frame_nd(frame, 136);
}

static void
test_hidden(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned int n = 0; n <= PARSE_EXT_MAX + 1; n++) {
		advertise(&frame, n);
		frame_end(&frame);
		assert_int_equal(
			check_frame(&frame), n <= PARSE_EXT_MAX ? DROP_N : DROP_SPOOFED_NEIGHBOR);
	}
	/* Behind what the parser reads. */
	advertise(&frame, 0);
	frame_nd_option(&frame, 3, 32);
	frame_nd_option(&frame, 3, 32);
	frame_nd_option(&frame, 2, 1);
	frame_end(&frame);
	assert_int_equal(check_frame(&frame), DROP_SPOOFED_NEIGHBOR);
	/* An option twice, of which some take the first and some the last. */
	advertise(&frame, 0);
	frame_nd_option(&frame, 2, 1);
	memcpy(frame.bytes + frame.len - 6, frame.bytes + 6, 6);
	frame_end(&frame);
	assert_int_equal(check_frame(&frame), DROP_N);
	frame_nd_option(&frame, 2, 1);
	memcpy(frame.bytes + frame.len - 6, frame.bytes + 6, 6);
	frame_end(&frame);
	assert_int_equal(check_frame(&frame), DROP_SPOOFED_NEIGHBOR);
	/* In fragments: the first, which may end ahead of the message, and the second. */
	frame_begin(&frame);
	frame_ipv6(&frame, 44);
	frame_fragment(&frame, 58, 1);
	frame_nd(&frame, 136);
	frame_end(&frame);
	assert_int_equal(check_frame(&frame), DROP_SPOOFED_NEIGHBOR);
	frame.len -= 24;
	frame_end(&frame);
	assert_int_equal(check_frame(&frame), DROP_SPOOFED_NEIGHBOR);
	frame.bytes[frame.len - 8] = 60; /* options are next, and cut off */
	assert_int_equal(check_frame(&frame), DROP_SPOOFED_NEIGHBOR);
	frame.bytes[frame.len - 5] = 8;
	assert_int_equal(check_frame(&frame), DROP_N);
}

/* What has two tags is seen; of more nobody knows. */
static void
test_tags(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned int n = 0; n <= 3; n++) {
		frame_begin(&frame);
		for (unsigned int i = 0; i < n; i++) {
			frame_tag(&frame, i == 0 ? 0x88a8 : 0x8100, 5);
		}
		frame_ipv4(&frame, 17, 0, 0);
		frame_l4(&frame, 17, 8);
		frame_end(&frame);
		assert_int_equal(check_frame(&frame), n <= 2 ? DROP_N : DROP_SPOOFED_ADDRESS);
	}
}

static void
test_third_tag(void **state)
{
	const struct fields fields = {.eth_src = MAC, .eth_type = RTE_BE16(0x88a8)};
	struct spoof_view spoof = guest();

	(void)state;
	spoof.n_ip4 = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_ADDRESS);
	spoof.n_ip6 = 0;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_N);
	spoof.n_ip4 = 1;
	assert_int_equal(spoof_check(&spoof, &fields), DROP_SPOOFED_ADDRESS);
}

/* --- masks ----------------------------------------------------------------------------------- */

static void
random_fields(uint64_t *random, struct fields *fields)
{
	for (unsigned int i = 0; i < sizeof(*fields); i++) {
		((uint8_t *)fields)[i] = (uint8_t)random_below(random, 256);
	}
}

/* Lists in which the frame's own addresses are, or nearly. */
static void
random_view(uint64_t *random, const struct fields *fields, struct spoof_view *spoof)
{
	const uint8_t *macs[] = {fields->eth_src, fields->arp_sha, fields->arp_tha};

	*spoof = guest();
	spoof->n_mac = (uint16_t)random_below(random, 4);
	spoof->n_ip4 = (uint16_t)random_below(random, 3);
	spoof->n_ip6 = (uint16_t)random_below(random, 3);
	for (unsigned int i = 0; i < 3; i++) {
		memcpy(spoof->mac[i], macs[random_below(random, 2) == 0 ? i : 0], 6);
	}
	spoof->mac[0][5] ^= random_below(random, 8) == 0;
	memcpy(spoof->ip4[0].addr, &fields->ip4_src, 4);
	spoof->ip4[0].len = (uint8_t)random_below(random, 33);
	memcpy(spoof->ip6[0].addr, fields->ip6_src, 16);
	memcpy(spoof->ip6[1].addr, fields->nd_target, 16);
	spoof->ip6[1].len = 128;
	if (random_below(random, 4) == 0) {
		spoof->ip6[0].addr[random_below(random, 16)] ^= 1;
	}
}

/* Frames of a class that agree in the bits of the mask get the same answer, as do those that are
 * parsed as deep as it asks for. */
static void
test_masks(void **state)
{
	static struct frame frame;
	uint64_t random = random_seed();
	unsigned int answers[DROP_N + 1] = {0};

	(void)state;
	print_message("# VSW_SEED=%llu\n", (unsigned long long)random);
	for (unsigned int i = 0; i < 300000; i++) {
		struct spoof_view spoof;
		struct fields mask = {.in_port = UINT16_MAX};
		struct fields complete;
		struct fields other;
		struct parsed parsed;
		enum rules_class class;
		enum drop_reason reason;

		frame_random(&frame, &random);
		parse(frame.bytes, frame.len, frame.len, PARSE_ALL, &parsed);
		class = key_class(parsed.fields.eth_type);
		random_view(&random, &parsed.fields, &spoof);
		spoof_mask(&spoof, class, &mask);
		complete = mask;
		fields_mask_complete(&complete);
		assert_memory_equal(&mask, &complete, sizeof(mask));
		assert_int_equal(mask.in_port, UINT16_MAX);
		random_fields(&random, &other);
		for (unsigned int w = 0; w < FIELDS_WORDS; w++) {
			const uint64_t bits = fields_word(&mask, w);

			fields_set_word(&other, w,
				(fields_word(&parsed.fields, w) & bits) |
					(fields_word(&other, w) & ~bits));
		}
		if (class != RULES_OTHER) {
			other.eth_type = parsed.fields.eth_type;
		} else if (key_class(other.eth_type) != RULES_OTHER) {
			continue;
		}
		reason = spoof_check(&spoof, &parsed.fields);
		parse(frame.bytes, frame.len, frame.len, parse_depth_of(&mask), &parsed);
		assert_int_equal(spoof_check(&spoof, &parsed.fields), reason);
		assert_int_equal(spoof_check(&spoof, &other), reason);
		answers[reason]++;
	}
	assert_true(answers[DROP_N] > 1000 && answers[DROP_SPOOFED_MAC] > 1000);
	assert_true(answers[DROP_SPOOFED_ADDRESS] > 1000);
	assert_true(answers[DROP_SPOOFED_NEIGHBOR] > 1000);
}

/* No more than is needed: a guest's connections stay few flows. */
static void
test_masks_are_small(void **state)
{
	struct spoof_view spoof = guest();
	struct fields all = {.in_port = 0};
	struct fields mask = {.in_port = 0};
	const struct fields none = mask;
	struct key_shape shape;

	(void)state;
	spoof_mask(&spoof, RULES_IPV6, &mask);
	assert_int_equal(mask.l4_src, RTE_BE16(8));
	assert_int_equal(mask.l4_dst | mask.tcp_flags, 0);
	mask = none;
	spoof_mask(&spoof, RULES_IPV4, &mask);
	assert_int_equal(mask.l4_src | mask.arp_sha[0] | mask.ip4_dst, 0);
	/* Each class is in the union, and a key holds it. */
	spoof_mask(&spoof, RULES_ALL, &all);
	for (unsigned int class = RULES_IPV4; class < RULES_ALL; class ++) {
		mask = none;
		spoof_mask(&spoof, (enum rules_class) class, &mask);
		for (unsigned int w = 0; w < FIELDS_WORDS; w++) {
			assert_int_equal(fields_word(&mask, w) & ~fields_word(&all, w), 0);
		}
	}
	assert_int_equal(key_shape_init(&shape, &all, 1), 0);
	spoof = (struct spoof_view){.n_mac = 0};
	mask = none;
	spoof_mask(&spoof, RULES_ALL, &mask);
	assert_memory_equal(&mask, &none, sizeof(mask));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_ip4),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_ip6),
		cmocka_unit_test(test_nd),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_third_tag),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_masks_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
