/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) kept right while words of what it covers change (RFC 1624).
 *
 * A change is a difference: the sum of ~old + new over the words that change, in one's complement
 * arithmetic, not folded. Differences add up, so that one is computed once and applied to each
 * checksum that covers the words. What is not changed is never looked at: a packet whose checksum
 * was wrong keeps one that is wrong by as much.
 *
 * Words are taken as they lie in memory: the sum does not mind the byte order (RFC 1071, 1.B), only
 * that a word starts at an even distance from where the sum starts. A difference may add up 2^31
 * words before it overflows.
 *
 * Zero has two forms. A sum of words that are not all zero never folds to 0, and a checksum that
 * was made that way is never 0xffff; inet_csum_update keeps it so, because ~csum is then not 0
 * either (RFC 1624, section 3, equation 3). So the result is the very bits of a sum from scratch.
 *
 * Any thread; plain arithmetic.
 */
#ifndef VSW_DATAPATH_CORE_INET_H
#define VSW_DATAPATH_CORE_INET_H

#include <stdint.h>

static inline uint64_t
inet_diff16(uint16_t old, uint16_t new)
{
	return (uint64_t)(uint16_t)~old + new;
}

static inline uint64_t
inet_diff32(uint32_t old, uint32_t new)
{
	return (uint64_t)(uint32_t)~old + new;
}

/* The one's complement sum in 16 bits; 0 only for 0. */
static inline uint16_t
inet_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + sum);
}

/* A complemented sum, as a header carries it, after a change. */
static inline uint16_t
inet_csum_update(uint16_t csum, uint64_t diff)
{
	return (uint16_t)~inet_fold((uint16_t)~csum + diff);
}

/* A sum that is not complemented, such as the pseudo-header's in an unfinished checksum. */
static inline uint16_t
inet_sum_update(uint16_t sum, uint64_t diff)
{
	return inet_fold(sum + diff);
}

#endif
