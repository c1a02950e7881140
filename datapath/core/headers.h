/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of frames: loads and stores at any address, byte order, VLAN tags. Any thread.
 */
#ifndef VSW_DATAPATH_CORE_HEADERS_H
#define VSW_DATAPATH_CORE_HEADERS_H

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VLAN_TAG_LEN 4 /* IEEE 802.1Q-2018, 9.3: TPID and TCI */
#define VLAN_ID_MASK 0x0fff /* 9.6: VID */
#define VLAN_PCP_MASK 0xe000 /* 9.6: priority code point */
#define VLAN_ID_MAX 4095
#define ETH_TPID_CTAG 0x8100 /* 9.5, table 9-1: customer tag */
#define ETH_TPID_STAG 0x88a8 /* service tag */

/* As they lie in memory, in whatever order the bytes have. */
static inline uint16_t
load16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t
load32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t
load64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline void
store16(uint8_t *bytes, uint16_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

static inline uint16_t
load_be16(const uint8_t *bytes)
{
	return rte_be_to_cpu_16(load16(bytes));
}

static inline void
store_be16(uint8_t *bytes, uint16_t value)
{
	store16(bytes, rte_cpu_to_be_16(value));
}

static inline bool
eth_is_vlan(uint16_t type)
{
	return type == ETH_TPID_CTAG || type == ETH_TPID_STAG;
}

#endif
