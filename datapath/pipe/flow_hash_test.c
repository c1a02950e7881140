/* SPDX-License-Identifier: BSD-3-Clause */
/* One flow, one number; many flows, many numbers. */
#include "datapath/pipe/flow_hash.h"

#include <rte_hash_crc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/core/eal_test.h"
#include "datapath/core/inet_model.h"

static uint32_t
hash_of(const uint8_t *bytes, uint32_t len)
{
	uint8_t *exact = malloc(len);
	struct pkt pkt = {.head = exact, .len = len, .head_len = (uint16_t)len};
	uint32_t hash;

	memcpy(exact, bytes, len);
	hash = flow_hash(&pkt);
	assert_int_not_equal(hash, 0);
	assert_int_equal(pkt.hash, hash);
	free(exact);
	return hash;
}

static void
test_what_counts(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct inet_spec spec = {.version = i % 2 == 0 ? 4 : 6,
			.proto = i < 2 ? INET_TCP : INET_UDP,
			.payload = 100};
		uint32_t l3 = 14;
		uint32_t len = inet_build(&spec, bytes);
		uint32_t addresses = l3 + (spec.version == 4 ? 12 : 8);
		uint32_t l4 = l3 + (spec.version == 4 ? 20 : 40);
		uint32_t hash = hash_of(bytes, len);

		/* Addresses and ports do, each byte of them. */
		for (uint32_t at = addresses; at < l4 + 4; at++) {
			bytes[at] ^= 1;
			assert_int_not_equal(hash_of(bytes, len), hash);
			bytes[at] ^= 1;
		}
		/* The rest of the frame does not. */
		bytes[0] ^= 1;
		bytes[l4 + 5] ^= 1;
		bytes[len - 1] ^= 1;
		assert_int_equal(hash_of(bytes, len), hash);
		/* Nor do tags, and what others have found out. */
		spec.n_tags = 2;
		assert_int_equal(hash_of(bytes, inet_build(&spec, bytes)), hash);
	}
}

/* All fragments of a datagram go one way: no ports. */
static void
test_fragments(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {.version = 4, .proto = INET_UDP, .payload = 100};
	uint32_t len = inet_build(&spec, bytes);
	uint32_t hash;

	(void)state;
	bytes[20] = 0x20; /* more follow */
	hash = hash_of(bytes, len);
	bytes[34] ^= 1; /* its port */
	bytes[0] ^= 2;
	assert_int_equal(hash_of(bytes, len), hash);
	bytes[20] = 0;
	bytes[21] = 50; /* a later one */
	assert_int_equal(hash_of(bytes, len), hash);
}

static void
test_not_ip(void **state)
{
	uint64_t random = random_seed();
	uint8_t bytes[64] = {0};
	uint32_t hash;

	(void)state;
	bytes[12] = 0x88;
	bytes[13] = 0xcc;
	hash = hash_of(bytes, sizeof(bytes));
	bytes[20] ^= 1;
	assert_int_equal(hash_of(bytes, sizeof(bytes)), hash);
	for (int i = 0; i < 12; i++) {
		bytes[i] ^= 1;
		assert_int_not_equal(hash_of(bytes, sizeof(bytes)), hash);
		bytes[i] ^= 1;
	}
	/* Any bytes of any length have a number. */
	for (int i = 0; i < 20000; i++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			bytes[b] = (uint8_t)random_below(&random, 256);
		}
		bytes[12] = 0x08;
		bytes[13] = 0;
		bytes[14] = (uint8_t)(0x40 + random_below(&random, 16));
		(void)hash_of(bytes, 14 + random_below(&random, 50));
	}
}

/* 0 says that nobody has hashed yet. The sum of four bytes that equal the sum so far is 0. */
static void
test_never_zero(void **state)
{
	uint8_t bytes[64] __rte_aligned(8) = {0};
	uint32_t sum;

	(void)state;
	bytes[12] = 0x88;
	bytes[13] = 0xcc;
	for (uint32_t seed = 0x5eed - 2; seed < 0x5eed + 2; seed++) {
		sum = rte_hash_crc(bytes, 8, seed);
		memcpy(bytes + 8, &sum, sizeof(sum));
		assert_int_equal(rte_hash_crc_4byte(sum, sum), 0);
		assert_int_not_equal(hash_of(bytes, sizeof(bytes)), 0);
	}
}

static void
test_spread(void **state)
{
	static uint8_t bytes[PKT_LEN_MAX];
	struct inet_spec spec = {.version = 4, .proto = INET_TCP};
	uint32_t len = inet_build(&spec, bytes);
	unsigned int queues[4] = {0};

	(void)state;
	for (unsigned int port = 0; port < 4000; port++) {
		bytes[34] = (uint8_t)(port / 256);
		bytes[35] = (uint8_t)port;
		queues[hash_of(bytes, len) % 4]++;
	}
	for (int q = 0; q < 4; q++) {
		assert_in_range(queues[q], 800, 1200);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_not_ip),
		cmocka_unit_test(test_never_zero),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests_name("flow_hash", tests, NULL, NULL);
}
