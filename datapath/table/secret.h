/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tables' keyed hashes are made of. Any thread; plain data. */
#ifndef VSW_DATAPATH_TABLE_SECRET_H
#define VSW_DATAPATH_TABLE_SECRET_H

#include <stdint.h>

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

#endif
