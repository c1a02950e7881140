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
 * A keyed sum (secret.h): a guest cannot aim at a bucket.
 *
 * Not CRC32C, though that is a cycle a word: it is linear. The difference of two keys alone decides
 * whether they collide, the seed does not matter, and 8 lines of algebra give a guest any number of
 * keys in one bucket with one signature. A multiplication behind the CRC changes nothing: equal
 * CRCs stay equal. Not a chain of folded multiplications either (wyhash): as safe in practice, but
 * each waits for the one before; the sum's products are independent.
 */
static inline uint64_t
flow_hash_words(const struct flow_hash_keys *keys, const uint64_t *words, uint64_t n)
{
	return secret_finish(keys->finish, secret_sum(keys->words, words, n));
}

#endif
