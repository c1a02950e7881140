/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/flow_hash.h"

#include <netinet/in.h>
#include <rte_hash_crc.h>

#include "datapath/core/offload.h"

#define HASH_SEED 0x5eed

static uint32_t
hash_ip(const struct pkt *pkt, const struct offload_headers *h, uint32_t hash)
{
	const uint8_t *ip = pkt->head + h->l3;
	const uint8_t *addresses = ip + (h->ip_version == 4 ? 12 : 8);
	uint32_t size = h->ip_version == 4 ? 8 : 32;

	hash = rte_hash_crc(addresses, size, hash);
	if (h->payload != 0) {
		hash = rte_hash_crc(pkt->head + h->l4, 4, hash);
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
		hash = rte_hash_crc(pkt->head, 12, HASH_SEED);
	}
	pkt->hash = hash == 0 ? 1 : hash;
	return pkt->hash;
}
