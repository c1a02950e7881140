/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/flow_hash.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_hash_crc.h>
#include <string.h>

#include "datapath/core/offload.h"

#define HASH_SEED 0x5eed
#define HASH_BYTES_MAX 32 /* two addresses of IPv6 */

/* rte_hash_crc reads aligned words, headers lie anywhere. */
static uint32_t
hash_bytes(const uint8_t *bytes, uint32_t size, uint32_t hash)
{
	uint64_t words[HASH_BYTES_MAX / sizeof(uint64_t)];

	memcpy(words, bytes, size);
	return rte_hash_crc(words, size, hash);
}

static uint32_t
hash_ip(const struct pkt *pkt, const struct offload_headers *h, uint32_t hash)
{
	const uint8_t *ip = pkt->head + h->l3;
	const uint8_t *addresses = ip + (h->ip_version == 4 ? 12 : 8);
	uint32_t size = h->ip_version == 4 ? 8 : HASH_BYTES_MAX;

	hash = hash_bytes(addresses, size, hash);
	if (h->payload != 0) {
		hash = hash_bytes(pkt->head + h->l4, 4, hash);
	}
	return hash;
}

uint32_t
flow_hash(struct pkt *pkt)
{
	struct offload_headers h;
	uint32_t hash;

	if (pkt->hash != 0) {
		return pkt->hash;
	}
	if (offload_headers(pkt->head, pkt->head_len, &h) && h.ip_version != 0) {
		hash = hash_ip(pkt, &h, HASH_SEED);
	} else {
		hash = hash_bytes(pkt->head, 2 * RTE_ETHER_ADDR_LEN, HASH_SEED);
	}
	pkt->hash = hash == 0 ? 1 : hash;
	return pkt->hash;
}
