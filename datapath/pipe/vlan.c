/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/vlan.h"

#define TAG_OFFSET 12 /* behind the two addresses */

const struct vlan_edit vlan_keep = {.op = VLAN_KEEP};

/* The outermost tag in the bytes. False: there is one, but cut off. */
static bool
read_tag(const uint8_t *bytes, uint32_t len, struct vlan_frame *frame)
{
	uint16_t type = load_be16(bytes + TAG_OFFSET);

	*frame = (struct vlan_frame){.tpid = ETH_TPID_CTAG};
	if (!eth_is_vlan(type)) {
		return true;
	}
	if (len < RTE_ETHER_HDR_LEN + VLAN_TAG_LEN) {
		return false;
	}
	frame->in_bytes = true;
	frame->tpid = type;
	frame->tci = load_be16(bytes + TAG_OFFSET + 2);
	frame->vid = frame->tci & VLAN_ID_MASK;
	frame->pcp = frame->tci & VLAN_PCP_MASK;
	return true;
}

bool
vlan_ingress(
	const struct port_vlan *port, const uint8_t *bytes, uint32_t len, struct vlan_frame *frame)
{
	if (!read_tag(bytes, len, frame)) {
		return false;
	}
	switch (port->mode) {
	case VLAN_ACCESS:
		if (frame->vid != 0) {
			return false;
		}
		frame->vid = port->vlan;
		return true;
	case VLAN_NATIVE_TAGGED:
	case VLAN_NATIVE_UNTAGGED:
		if (frame->vid == 0) {
			frame->vid = port->vlan;
		}
		return vlan_carries(port, frame->vid);
	case VLAN_TRUNK:
		return vlan_carries(port, frame->vid);
	case VLAN_DOT1Q_TUNNEL:
		if (!vlan_set_has(&port->cvlan, frame->vid)) {
			return false;
		}
		/* The customer's tag becomes payload behind the service tag. */
		*frame = (struct vlan_frame){.vid = port->vlan, .tpid = port->tunnel_tpid};
		return true;
	}
	return false;
}

bool
vlan_carries(const struct port_vlan *port, uint16_t vid)
{
	switch (port->mode) {
	case VLAN_ACCESS:
	case VLAN_DOT1Q_TUNNEL:
		return vid == port->vlan;
	case VLAN_NATIVE_TAGGED:
	case VLAN_NATIVE_UNTAGGED:
		return vid == port->vlan || vlan_set_has(&port->trunk, vid);
	case VLAN_TRUNK:
		return vlan_set_has(&port->trunk, vid);
	}
	return false;
}

/* Does a frame that leaves with VLAN id 0 get a tag for its priority's sake? */
static bool
wants_priority_tag(const struct port_vlan *port, const struct vlan_frame *frame)
{
	return port->priority_tags == VLAN_PT_ALWAYS ||
		(port->priority_tags == VLAN_PT_IF_NONZERO && frame->pcp != 0);
}

struct vlan_edit
vlan_egress(const struct port_vlan *port, const struct vlan_frame *frame)
{
	struct vlan_edit edit = {.op = VLAN_KEEP};
	uint16_t vid = frame->vid;
	bool tagged;
	uint16_t tci;

	if (port->mode == VLAN_ACCESS ||
		(port->mode == VLAN_NATIVE_UNTAGGED && vid == port->vlan)) {
		vid = 0;
	}
	tagged = port->mode != VLAN_DOT1Q_TUNNEL && (vid != 0 || wants_priority_tag(port, frame));
	if (!tagged) {
		edit.op = frame->in_bytes ? VLAN_POP : VLAN_KEEP;
		return edit;
	}
	/* The drop-eligible bit stays as it came. */
	tci = (uint16_t)(vid | frame->pcp |
		(frame->in_bytes ? frame->tci & ~(VLAN_PCP_MASK | VLAN_ID_MASK) : 0));
	if (frame->in_bytes && frame->tci == tci) {
		return edit;
	}
	edit.op = frame->in_bytes ? VLAN_REWRITE : VLAN_PUSH;
	edit.tpid = frame->tpid;
	edit.tci = tci;
	return edit;
}

void
vlan_edit_pkt(struct pkt *pkt, const struct vlan_edit *edit)
{
	switch (edit->op) {
	case VLAN_KEEP:
		break;
	case VLAN_PUSH:
		pkt_push_tag(pkt, edit->tpid, edit->tci);
		break;
	case VLAN_POP:
		pkt_pop_tag(pkt);
		break;
	case VLAN_REWRITE:
		store_be16(pkt->head + TAG_OFFSET + 2, edit->tci);
		break;
	}
}

void
vlan_edit_item(struct tx_item *item, const struct vlan_edit *edit)
{
	switch (edit->op) {
	case VLAN_KEEP:
		break;
	case VLAN_PUSH:
		pkt_item_push_tag(item, edit->tpid, edit->tci);
		break;
	case VLAN_POP:
		pkt_item_pop_tag(item);
		break;
	case VLAN_REWRITE:
		store_be16(item->head + TAG_OFFSET + 2, edit->tci);
		break;
	}
}
