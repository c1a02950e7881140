/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mask asks for besides what it says. */
#include "datapath/core/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/core/eal_test.h"

#define V4 FIELDS_VALID_IPV4
#define V6 FIELDS_VALID_IPV6
#define ARP FIELDS_VALID_ARP
#define L4 FIELDS_VALID_L4
#define ND FIELDS_VALID_ND

/* What is added for any bit of a field. */
struct row {
	const char *name;
	size_t at; /* of the field */
	size_t size;
	uint8_t valid;
	bool above; /* eth_type, proto and whether it is a later fragment */
	size_t tci; /* whose presence is asked for; 0: none */
};

#define ROW(field, ...)                                                                      \
	{                                                                                    \
#field, offsetof(struct fields, field), sizeof(((struct fields *)0)->field), \
			__VA_ARGS__                                                          \
	}
#define OUTER offsetof(struct fields, vlan_tci)
#define INNER offsetof(struct fields, inner_tci)

static const struct row rows[] = {
	ROW(in_port, 0, false, 0),
	ROW(mask_id, 0, false, 0),
	ROW(pass, 0, false, 0),
	ROW(valid, 0, false, 0),
	ROW(spare, 0, false, 0),
	ROW(eth_dst, 0, false, 0),
	ROW(vlan_tci, 0, false, OUTER),
	ROW(eth_src, 0, false, 0),
	ROW(eth_type, 0, false, 0),
	ROW(ip4_src, V4 | ARP, false, 0),
	ROW(ip4_dst, V4 | ARP, false, 0),
	ROW(l4_src, V4 | V6 | ARP | L4, true, 0),
	ROW(l4_dst, V4 | V6 | ARP | L4, true, 0),
	ROW(proto, V4 | V6 | ARP, false, 0),
	ROW(tos, V4 | V6, false, 0),
	ROW(ttl, V4 | V6, false, 0),
	ROW(frag, V4 | V6, false, 0),
	ROW(tcp_flags, V4 | V6 | ARP | L4, true, 0),
	ROW(inner_tci, 0, false, INNER),
	ROW(outer_tpid, 0, false, OUTER),
	ROW(inner_tpid, 0, false, INNER),
	ROW(ip6_src, V6, false, 0),
	ROW(ip6_dst, V6, false, 0),
	ROW(nd_target, V4 | V6 | ARP | L4 | ND, true, 0),
	ROW(arp_sha, ARP | ND, false, 0),
	ROW(spare_sha, 0, false, 0),
	ROW(arp_tha, ARP | ND, false, 0),
	ROW(spare_tha, 0, false, 0),
	ROW(tunnel_id, 0, false, 0),
	ROW(spare_word, 0, false, 0),
	ROW(regs, 0, false, 0),
	ROW(ip6_label, V6, false, 0),
	ROW(spare_label, 0, false, 0),
};

static void
same(const char *name, const struct fields *got, const struct fields *want)
{
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		if (fields_word(got, i) != fields_word(want, i)) {
			fail_msg("%s: word %u", name, i);
		}
	}
}

static void
test_each_bit(void **state)
{
	size_t bytes = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bytes += rows[i].size;
		for (size_t bit = 0; bit < rows[i].size * 8; bit++) {
			struct fields got = {.pass = 0};
			struct fields want;

			((uint8_t *)&got)[rows[i].at + bit / 8] = (uint8_t)(1U << bit % 8);
			want = got;
			want.valid |= rows[i].valid;
			if (rows[i].valid != 0) {
				want.eth_type = 0xffff;
			}
			if (rows[i].above) {
				want.proto = 0xff;
				want.frag |= 2;
			}
			if (rows[i].tci != 0) {
				((uint8_t *)&want)[rows[i].tci] |= 0x10; /* the TCI's bit 12 */
			}
			fields_mask_complete(&got);
			same(rows[i].name, &got, &want);
		}
	}
	assert_int_equal(bytes, sizeof(struct fields)); /* no field was forgotten */
}

static void
test_nothing(void **state)
{
	struct fields got = {.pass = 0};
	const struct fields want = got;

	(void)state;
	fields_mask_complete(&got);
	same("nothing", &got, &want);
}

static void
random_mask(struct fields *mask, uint64_t *random)
{
	memset(mask, 0, sizeof(*mask));
	for (unsigned int n = random_below(random, 4); n > 0; n--) {
		((uint8_t *)mask)[random_below(random, sizeof(*mask))] |=
			(uint8_t)(1U << random_below(random, 8));
	}
}

/* Completing the union is the union of complete masks, and once is enough. */
static void
test_unions(void **state)
{
	uint64_t random = random_seed();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct fields a;
		struct fields b;
		struct fields both;

		random_mask(&a, &random);
		random_mask(&b, &random);
		both = a;
		fields_join(&both, &b);
		fields_mask_complete(&both);
		fields_mask_complete(&a);
		fields_mask_complete(&b);
		fields_join(&a, &b);
		same("union", &a, &both);
		fields_mask_complete(&a);
		same("twice", &a, &both);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_bit),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_unions),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
