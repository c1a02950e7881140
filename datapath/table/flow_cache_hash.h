/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash of the flow cache's keys. Any thread; plain data. */
#ifndef VSW_DATAPATH_TABLE_FLOW_CACHE_HASH_H
#define VSW_DATAPATH_TABLE_FLOW_CACHE_HASH_H

#include <stdint.h>

#include "datapath/table/flow_cache.h"
#include "datapath/table/secret.h"

/* Secret, from the seed. */
struct flow_hash_keys {
	uint64_t words[FLOW_KEY_WORDS_MAX + 1];
	uint64_t finish[2];
};

/*
 * NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999): the sum of the products of pairs of
 * words, each word with a secret one added. Two different keys have sums that differ by any given
 * number with a probability of 2^-64 over the secrets, whoever chose the keys, as long as he does
 * not see hashes; the number of words goes into the upper half, so a key's prefix is another key.
 * One folded multiplication makes 64 bits of that in which each depends on all.
 *
 * Not CRC32C, though that is a cycle a word: it is linear. The difference of two keys alone decides
 * whether they collide, the seed does not matter, and 8 lines of algebra give a guest any number of
 * keys in one bucket with one signature. A multiplication behind the CRC changes nothing: equal
 * CRCs stay equal. Not a chain of folded multiplications either (wyhash): as safe in practice, but
 * each waits for the one before; NH's products are independent.
 */
static inline uint64_t
flow_hash_words(const struct flow_hash_keys *keys, const uint64_t *words, uint64_t n)
{
	secret_u128 sum = (secret_u128)n << 64;
	uint64_t i = 0;

	for (; i + 1 < n; i += 2) {
		sum += (secret_u128)(words[i] + keys->words[i]) *
			(words[i + 1] + keys->words[i + 1]);
	}
	if (i < n) {
		sum += (secret_u128)(words[i] + keys->words[i]) * keys->words[i + 1];
	}
	return secret_fold(
		(uint64_t)sum ^ keys->finish[0], (uint64_t)(sum >> 64) ^ keys->finish[1]);
}

#endif
