/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tables' keyed hashes are made of. Any thread; plain data. */
#ifndef VSW_DATAPATH_TABLE_SECRET_H
#define VSW_DATAPATH_TABLE_SECRET_H

#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 secret_u128;

/* splitmix64 (Steele, Lea, Flood 2014): independent words from one seed. */
static inline uint64_t
secret_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Both halves of the 128-bit product: each bit of the result depends on all bits of a and b. */
static inline uint64_t
secret_fold(uint64_t a, uint64_t b)
{
	secret_u128 product = (secret_u128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999): the sum of the products of pairs of
 * words, each word with a secret one added; keys: n secret words, and one more if n is odd. Two
 * different strings have sums that differ by any given number with a probability of 2^-64 over the
 * secrets, whoever chose the strings, as long as he does not see hashes. The number of words goes
 * into the upper half, so a string's prefix is another string.
 */
static inline secret_u128
secret_sum(const uint64_t *keys, const void *words, uint64_t n)
{
	const uint8_t *bytes = words;
	secret_u128 sum = (secret_u128)n << 64;
	uint64_t i = 0;
	uint64_t pair[2];

	for (; i + 1 < n; i += 2) {
		memcpy(pair, bytes + i * sizeof(pair[0]), sizeof(pair));
		sum += (secret_u128)(pair[0] + keys[i]) * (pair[1] + keys[i + 1]);
	}
	if (i < n) {
		memcpy(pair, bytes + i * sizeof(pair[0]), sizeof(pair[0]));
		sum += (secret_u128)(pair[0] + keys[i]) * keys[i + 1];
	}
	return sum;
}

/* 64 bits of such a sum, in which each depends on all. */
static inline uint64_t
secret_finish(const uint64_t keys[2], secret_u128 sum)
{
	return secret_fold((uint64_t)sum ^ keys[0], (uint64_t)(sum >> 64) ^ keys[1]);
}

#endif
