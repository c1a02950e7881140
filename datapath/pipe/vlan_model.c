/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/vlan_model.h"

#include <string.h>

static uint16_t
be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] * 256 + bytes[1]);
}

bool
vlan_model_parse(const uint8_t *bytes, uint32_t len, struct vlan_model_frame *frame)
{
	uint32_t at = 12;

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->addresses, bytes, 12);
	while (at + 2 <= len && (be16(bytes + at) == 0x8100 || be16(bytes + at) == 0x88a8)) {
		struct vlan_model_tag *tag = &frame->tags[frame->n_tags];
		uint16_t tci;

		if (at + 6 > len && frame->n_tags > 0) {
			break; /* what is behind the outermost is payload */
		}
		if (at + 6 > len || frame->n_tags == VLAN_MODEL_TAGS) {
			return false;
		}
		tci = be16(bytes + at + 2);
		tag->tpid = be16(bytes + at);
		tag->pcp = (uint8_t)(tci / 8192);
		tag->dei = tci / 4096 % 2 == 1;
		tag->vid = tci % 4096;
		frame->n_tags++;
		at += 4;
	}
	frame->rest = bytes + at;
	frame->rest_len = len - at;
	return true;
}

uint32_t
vlan_model_build(const struct vlan_model_frame *frame, uint8_t *bytes)
{
	uint32_t at = 12;

	memcpy(bytes, frame->addresses, 12);
	for (unsigned int i = 0; i < frame->n_tags; i++) {
		const struct vlan_model_tag *tag = &frame->tags[i];
		unsigned int tci = tag->pcp * 8192U + (tag->dei ? 4096U : 0) + tag->vid;

		bytes[at++] = (uint8_t)(tag->tpid / 256);
		bytes[at++] = (uint8_t)(tag->tpid % 256);
		bytes[at++] = (uint8_t)(tci / 256);
		bytes[at++] = (uint8_t)(tci % 256);
	}
	memcpy(bytes + at, frame->rest, frame->rest_len);
	return at + frame->rest_len;
}

static void
remove_tag(struct vlan_model_frame *frame)
{
	for (unsigned int i = 1; i < frame->n_tags; i++) {
		frame->tags[i - 1] = frame->tags[i];
	}
	frame->n_tags--;
}

static void
add_tag(struct vlan_model_frame *frame, const struct vlan_model_tag *tag)
{
	for (unsigned int i = frame->n_tags; i > 0; i--) {
		frame->tags[i] = frame->tags[i - 1];
	}
	frame->tags[0] = *tag;
	frame->n_tags++;
}

static bool
carries(const struct vlan_model_port *port, uint16_t vid)
{
	switch (port->mode) {
	case MODEL_ACCESS:
	case MODEL_TUNNEL:
		return port->vlan == vid;
	case MODEL_TRUNK:
		return port->trunk[vid];
	default:
		return port->vlan == vid || port->trunk[vid];
	}
}

bool
vlan_model_in(const struct vlan_model_port *port, const struct vlan_model_frame *frame,
	struct vlan_model_inside *inside)
{
	uint16_t outer = frame->n_tags == 0 ? 0 : frame->tags[0].vid;

	inside->frame = *frame;
	inside->tag = (struct vlan_model_tag){.tpid = 0x8100};
	if (port->mode == MODEL_TUNNEL) {
		/* The customer's tags are payload. */
		inside->tag.tpid = port->service_tpid;
		inside->tag.vid = port->vlan;
		return port->cvlan[outer];
	}
	if (frame->n_tags > 0) {
		inside->tag = frame->tags[0];
		remove_tag(&inside->frame);
	}
	if (port->mode == MODEL_ACCESS) {
		inside->tag.vid = port->vlan;
		return outer == 0;
	}
	if (port->mode != MODEL_TRUNK && outer == 0) {
		inside->tag.vid = port->vlan;
	}
	return carries(port, inside->tag.vid);
}

bool
vlan_model_out(const struct vlan_model_port *port, const struct vlan_model_inside *inside,
	struct vlan_model_frame *frame)
{
	struct vlan_model_tag tag = inside->tag;

	*frame = inside->frame;
	if (!carries(port, tag.vid)) {
		return false;
	}
	if (port->mode == MODEL_TUNNEL) {
		return true;
	}
	if (port->mode == MODEL_ACCESS || (port->mode == MODEL_UNTAGGED && tag.vid == port->vlan)) {
		tag.vid = 0;
	}
	if (tag.vid != 0 || port->priority_tags == MODEL_ALWAYS ||
		(port->priority_tags == MODEL_IF_NONZERO && tag.pcp != 0)) {
		add_tag(frame, &tag);
	}
	return true;
}
