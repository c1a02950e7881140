/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses for tables: station number n, below 2^40, has one of its own that looks random. */
#ifndef VSW_PERF_MICRO_STATION_H
#define VSW_PERF_MICRO_STATION_H

#include <stdint.h>

#include "datapath/table/fdb.h"

#define STATION_MASK ((UINT64_C(1) << 40) - 1)

/* Each step is one to one on 40 bits. */
static inline struct rte_ether_addr
station_mac(uint64_t number)
{
	uint64_t bits = number * UINT64_C(0x9e3779b97f4a7c15) & STATION_MASK;
	struct rte_ether_addr mac = {{0x02}};

	bits ^= bits >> 20;
	bits = bits * UINT64_C(0xbf58476d1ce4e5b9) & STATION_MASK;
	bits ^= bits >> 20;
	__builtin_memcpy(mac.addr_bytes + 1, &bits, sizeof(mac) - 1);
	return mac;
}

static inline fdb_key_t
station_key(uint64_t number, uint16_t vlan)
{
	const struct rte_ether_addr mac = station_mac(number);

	return fdb_key(&mac, vlan);
}

#endif
