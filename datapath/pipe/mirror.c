/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/mirror.h"

#include "datapath/core/edit.h"
#include "datapath/core/parse.h"

static bool
vlan_is_meant(const struct mirror *mirror, const struct port_view *port, const struct tx_item *item)
{
	struct vlan_frame frame;

	return vlan_ingress(&port->vlan, item->head, item->head_len, &frame) &&
		vlan_set_has(&mirror->vlans, frame.vid);
}

/* Parse what lies beyond the head, too: a head that others refer to cannot be made longer. */
static void
parse_beyond(const struct tx_item *item, enum parse_depth depth, struct parsed *parsed)
{
	struct tx_item front = *item;
	uint8_t bytes[PARSE_HEAD_MAX];

	edit_truncate(&front, sizeof(bytes));
	pkt_gather(&front, bytes);
	parse(bytes, front.len, item->len, depth, parsed);
}

static bool
acl_accepts(const struct mirror_use *use, const struct tx_item *item)
{
	struct parsed parsed = {.l3 = 0};
	enum parse_depth depth;

	parse_l2(item->head, item->head_len, item->len, &parsed);
	depth = (enum parse_depth)use->depths[key_class(parsed.fields.eth_type)];
	if (depth > PARSE_L2) {
		parse(item->head, item->head_len, item->len, depth, &parsed);
	}
	if (unlikely((parsed.fields.valid & FIELDS_DEEP) != 0 && item->head_len < PARSE_HEAD_MAX)) {
		parse_beyond(item, depth, &parsed);
	}
	return acl_verdict(use->acl, acl_find(use->acl, &parsed.fields));
}

static bool
is_meant(const struct mirror_use *use, const struct port_view *port, const struct tx_item *item)
{
	return (!use->mirror->by_vlan || vlan_is_meant(use->mirror, port, item)) &&
		(use->acl == NULL || acl_accepts(use, item));
}

static void
send_copies(struct tx_stage *stage, struct mirror *mirror, const struct port_view *to,
	struct tx_item *copies, uint16_t n) ON_WORKER
{
	struct mirror_counters *count = &mirror->count[stage->worker];
	uint64_t bytes = 0;
	uint16_t lost = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (mirror->truncate != 0) {
			edit_truncate(&copies[i], mirror->truncate);
		}
		bytes += copies[i].len;
	}
	stage_send_now(stage, to, copies, n);
	for (uint16_t i = 0; i < n; i++) {
		lost = (uint16_t)(lost + (copies[i].lost != 0));
	}
	port_count(&stage->mirrored, n);
	port_count(&count->packets, n);
	port_count(&count->bytes, bytes);
	port_count(&count->drops, lost);
}

static void
mirror_one(struct tx_stage *stage, const struct mirror_use *use, const struct port_view *port,
	const struct tx_item *items, uint16_t n) ON_WORKER
{
	struct mirror *mirror = use->mirror;
	const uint32_t id = __atomic_load_n(&mirror->to, __ATOMIC_RELAXED);
	const struct port_view *to = stage->snap->ports[id];
	struct tx_item copies[PKT_BURST];
	uint16_t n_copies = 0;

	if (to == NULL || to == port) {
		return;
	}
	port_count(&mirror->count[stage->worker].seen, n);
	for (uint16_t i = 0; i < n; i++) {
		if (is_meant(use, port, &items[i])) {
			copies[n_copies++] = items[i];
		}
	}
	if (n_copies > 0) {
		send_copies(stage, mirror, to, copies, n_copies);
	}
}

void
mirror_sending(struct tx_stage *stage, const struct port_view *out, const struct tx_item *items,
	uint16_t n)
{
	const struct mirror_list *list = out->mirrors;

	for (uint32_t m = 0; m < list->n; m++) {
		if ((list->uses[m].mirror->ways & MIRROR_TX) != 0) {
			mirror_one(stage, &list->uses[m], out, items, n);
		}
	}
}

/*
 * Headers that lists look at come into the head while it may still change: what lists see is then
 * what is copied and forwarded, though a guest may write to the rest meanwhile.
 */
static void
pull_headers(struct pkt *pkts, uint16_t n, enum parse_depth depth)
{
	for (uint16_t i = 0; i < n; i++) {
		struct parsed parsed;

		if (pkts[i].head_len < RTE_MIN(pkts[i].len, (uint32_t)PARSE_HEAD_MAX)) {
			parse_pkt(&pkts[i], depth, &parsed);
		}
	}
}

void
mirror_received(struct tx_stage *stage, const struct port_view *in, struct pkt *pkts, uint16_t n)
{
	const struct mirror_list *list = in->mirrors;
	struct tx_item items[PKT_BURST];

	if ((list->ways & MIRROR_RX) == 0) {
		return;
	}
	if (list->rx_depth > PARSE_L2) {
		pull_headers(pkts, n, (enum parse_depth)list->rx_depth);
	}
	for (uint16_t i = 0; i < n; i++) {
		pkt_item(&pkts[i], &items[i]);
		pkts[i].n_out++; /* held: the copies do not take the packet */
	}
	for (uint32_t m = 0; m < list->n; m++) {
		if ((list->uses[m].mirror->ways & MIRROR_RX) != 0) {
			mirror_one(stage, &list->uses[m], in, items, n);
		}
	}
	for (uint16_t i = 0; i < n; i++) {
		pkts[i].n_out--;
	}
}
