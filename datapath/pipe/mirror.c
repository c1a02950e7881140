/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/mirror.h"

#include "datapath/core/edit.h"

static bool
is_meant(const struct mirror *mirror, const struct port_view *port, const struct tx_item *item)
{
	struct vlan_frame frame;

	return !mirror->by_vlan ||
		(vlan_ingress(&port->vlan, item->head, item->head_len, &frame) &&
			vlan_set_has(&mirror->vlans, frame.vid));
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
mirror_one(struct tx_stage *stage, struct mirror *mirror, const struct port_view *port,
	const struct tx_item *items, uint16_t n) ON_WORKER
{
	const uint32_t id = __atomic_load_n(&mirror->to, __ATOMIC_RELAXED);
	const struct port_view *to = stage->snap->ports[id];
	struct tx_item copies[PKT_BURST];
	uint16_t n_copies = 0;

	if (to == NULL || to == port) {
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (is_meant(mirror, port, &items[i])) {
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
		if ((list->mirrors[m]->ways & MIRROR_TX) != 0) {
			mirror_one(stage, list->mirrors[m], out, items, n);
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
	for (uint16_t i = 0; i < n; i++) {
		pkt_item(&pkts[i], &items[i]);
		pkts[i].n_out++; /* held: the copies do not take the packet */
	}
	for (uint32_t m = 0; m < list->n; m++) {
		if ((list->mirrors[m]->ways & MIRROR_RX) != 0) {
			mirror_one(stage, list->mirrors[m], in, items, n);
		}
	}
	for (uint16_t i = 0; i < n; i++) {
		pkts[i].n_out--;
	}
}
