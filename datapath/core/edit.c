/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/edit.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/core/edit_priv.h"
#include "datapath/core/headers.h"

#define TAG_OFFSET 12 /* behind the two addresses */

static const struct pkt_offload *
offload_of(const struct edit *edit)
{
	return edit->pkt != NULL ? &edit->pkt->ol : &edit->item->ol;
}

static uint16_t
head_len(const struct edit *edit)
{
	return edit->pkt != NULL ? edit->pkt->head_len : edit->item->head_len;
}

/* After tags: where everything is now. `by` is how far it moved. */
static void
head_moved(struct edit *edit, int by)
{
	struct edit_layout *at = &edit->at;

	edit->head = edit->pkt != NULL ? edit->pkt->head : edit->item->head;
	at->l3 = (uint16_t)(at->l3 + by);
	if (at->l3_kind == EDIT_L3_NONE || at->l3 < RTE_ETHER_HDR_LEN) {
		/* There was no header that we know, or the tag was taken out of the midst of it. */
		*at = (struct edit_layout){.end = at->end};
		edit->csum_kind = CSUM_NONE;
	}
	if (at->l4 != 0) {
		at->l4 = (uint16_t)(at->l4 + by);
	}
	if (at->end != UINT16_MAX) {
		at->end = (uint16_t)RTE_MIN(at->end + by, UINT16_MAX);
	}
	edit->csum = (uint16_t)(edit->csum + by);
	edit->bound = RTE_MIN(head_len(edit), at->end);
}

/* The checksum field behind the start of the transport header, and what kind it is. */
static enum csum_kind
csum_of(const struct edit_layout *at, uint16_t *field, bool *pseudo)
{
	*pseudo = true;
	switch (at->proto) {
	case IPPROTO_TCP:
		*field = 16; /* RFC 9293, 3.1 */
		return CSUM_WHOLE;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		*field = 6; /* RFC 768, RFC 3828 */
		return CSUM_UDP;
	case IPPROTO_DCCP:
		*field = 6; /* RFC 4340, 5.1 */
		return CSUM_WHOLE;
	case IPPROTO_SCTP:
		*field = 8; /* RFC 9260, 3.1 */
		*pseudo = false;
		return CSUM_CRC;
	case IPPROTO_ICMPV6:
		*field = 2; /* RFC 4443, 2.1 */
		return at->l3_kind == EDIT_L3_IPV6 ? CSUM_WHOLE : CSUM_NONE;
	case IPPROTO_ICMP:
		*field = 2; /* RFC 792 */
		*pseudo = false;
		return at->l3_kind == EDIT_L3_IPV4 ? CSUM_WHOLE : CSUM_NONE;
	default:
		return CSUM_NONE;
	}
}

static void
find_csum(struct edit *edit)
{
	const struct edit_layout *at = &edit->at;
	const struct pkt_offload *ol = offload_of(edit);
	uint16_t field = 0;
	uint32_t size;

	edit->csum_kind = CSUM_NONE;
	if (at->frag == FIELDS_FRAG_LATER ||
		(at->l3_kind != EDIT_L3_IPV4 && at->l3_kind != EDIT_L3_IPV6)) {
		return;
	}
	if ((at->flags & EDIT_DEEP) != 0) {
		edit->csum_kind = CSUM_LOST;
		edit->pseudo = true;
		return;
	}
	edit->csum_kind = csum_of(at, &field, &edit->pseudo);
	if (edit->csum_kind == CSUM_NONE) {
		return;
	}
	edit->csum = (uint16_t)(at->l4 + field);
	size = edit->csum_kind == CSUM_CRC ? 4 : 2;
	if (at->l4 == 0 || at->l4 + field + size > edit->bound) {
		edit->csum_kind = CSUM_LOST;
	} else if ((ol->flags & PKT_OL_CSUM) != 0 && ol->csum_start == at->l4 &&
		ol->csum_offset == field) {
		edit->csum_kind = CSUM_PARTIAL;
	}
}

static void
edit_begin(struct edit *edit, const struct edit_layout *layout)
{
	static const uint8_t l3_len[] = {
		[EDIT_L3_IPV4] = IPV4_LEN, [EDIT_L3_IPV6] = IPV6_LEN, [EDIT_L3_ARP] = ARP_LEN};
	struct edit_layout *at = &edit->at;

	assert(layout->l3_kind <= EDIT_L3_ARP);
	*at = *layout;
	edit->csum = 0;
	edit->pseudo = false;
	edit->bound = RTE_MIN(head_len(edit), at->end);
	if (at->l3_kind == EDIT_L3_NONE || at->l3 < RTE_ETHER_HDR_LEN ||
		(uint32_t)at->l3 + l3_len[at->l3_kind] > edit->bound) {
		*at = (struct edit_layout){.end = layout->end};
	}
	if (at->l4 <= at->l3 || at->frag == FIELDS_FRAG_LATER) {
		at->l4 = 0;
	}
	find_csum(edit);
}

void
edit_pkt(struct edit *edit, struct pkt *pkt, const struct edit_layout *layout)
{
	assert(pkt->n_out == 0);
	edit->head = pkt->head;
	edit->pkt = pkt;
	edit->item = NULL;
	edit_begin(edit, layout);
}

void
edit_item(struct edit *edit, struct tx_item *item, const struct edit_layout *layout)
{
	assert(item->head != item->pkt->head);
	edit->head = item->head;
	edit->pkt = NULL;
	edit->item = item;
	edit_begin(edit, layout);
}

/* --- Ethernet and VLAN --------------------------------------------------------------------- */

static enum edit_result
set_mac(struct edit *edit, unsigned int off, const uint8_t mac[6])
{
	if (head_len(edit) < RTE_ETHER_HDR_LEN) {
		return EDIT_ABSENT;
	}
	memcpy(edit->head + off, mac, RTE_ETHER_ADDR_LEN);
	return EDIT_DONE;
}

enum edit_result
edit_set_eth_dst(struct edit *edit, const uint8_t mac[6])
{
	return set_mac(edit, 0, mac);
}

enum edit_result
edit_set_eth_src(struct edit *edit, const uint8_t mac[6])
{
	return set_mac(edit, RTE_ETHER_ADDR_LEN, mac);
}

static bool
is_tagged(const struct edit *edit)
{
	return head_len(edit) >= RTE_ETHER_HDR_LEN + VLAN_TAG_LEN &&
		eth_is_vlan(load_be16(edit->head + TAG_OFFSET));
}

enum edit_result
edit_push_vlan(struct edit *edit, uint16_t tpid, uint16_t tci)
{
	const struct pkt_offload *ol = offload_of(edit);
	uint32_t len = edit->pkt != NULL ? edit->pkt->len : edit->item->len;
	uint16_t headroom = edit->pkt != NULL ? edit->pkt->headroom : edit->item->headroom;

	assert(eth_is_vlan(tpid));
	if (head_len(edit) < RTE_ETHER_HDR_LEN) {
		return EDIT_ABSENT;
	}
	if (headroom < VLAN_TAG_LEN || len > PKT_LEN_MAX - VLAN_TAG_LEN ||
		head_len(edit) > UINT16_MAX - VLAN_TAG_LEN ||
		((ol->flags & PKT_OL_CSUM) != 0 && ol->csum_start > UINT16_MAX - VLAN_TAG_LEN)) {
		return EDIT_REFUSED;
	}
	if (edit->pkt != NULL) {
		pkt_push_tag(edit->pkt, tpid, tci);
	} else {
		pkt_item_push_tag(edit->item, tpid, tci);
	}
	head_moved(edit, VLAN_TAG_LEN);
	return EDIT_DONE;
}

enum edit_result
edit_pop_vlan(struct edit *edit)
{
	const struct pkt_offload *ol = offload_of(edit);

	if (!is_tagged(edit)) {
		return EDIT_ABSENT;
	}
	if ((ol->flags & PKT_OL_CSUM) != 0 && ol->csum_start < RTE_ETHER_HDR_LEN + VLAN_TAG_LEN) {
		return EDIT_REFUSED;
	}
	if (edit->pkt != NULL) {
		pkt_pop_tag(edit->pkt);
	} else {
		pkt_item_pop_tag(edit->item);
	}
	head_moved(edit, -VLAN_TAG_LEN);
	return EDIT_DONE;
}

static enum edit_result
set_tci(struct edit *edit, uint16_t tci, uint16_t mask)
{
	uint8_t *field = edit->head + TAG_OFFSET + 2;

	if (!is_tagged(edit)) {
		/* A type without its tag is a tag that is cut off: not ours to complete. */
		if (head_len(edit) >= RTE_ETHER_HDR_LEN &&
			eth_is_vlan(load_be16(edit->head + TAG_OFFSET))) {
			return EDIT_ABSENT;
		}
		return edit_push_vlan(edit, ETH_TPID_CTAG, tci);
	}
	store_be16(field, (uint16_t)((load_be16(field) & ~mask) | tci));
	return EDIT_DONE;
}

enum edit_result
edit_set_vid(struct edit *edit, uint16_t vid)
{
	assert(vid <= VLAN_ID_MAX);
	return set_tci(edit, vid, VLAN_ID_MASK);
}

enum edit_result
edit_set_pcp(struct edit *edit, uint8_t pcp)
{
	assert(pcp <= 7);
	return set_tci(edit, (uint16_t)(pcp << 13), VLAN_PCP_MASK);
}

void
edit_truncate(struct tx_item *item, uint32_t n)
{
	assert(n >= RTE_ETHER_HDR_LEN);
	if (item->len <= n) {
		return;
	}
	item->len = n;
	item->head_len = (uint16_t)RTE_MIN(item->head_len, n);
	item->ol = (struct pkt_offload){.flags = 0};
}
