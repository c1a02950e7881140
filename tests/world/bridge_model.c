/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/bridge_model.h"

#include <stdlib.h>
#include <string.h>

void
bridge_model_init(struct bridge_model *model)
{
	memset(model, 0, sizeof(*model));
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		model->entries[i].port = -1;
	}
}

static struct model_entry *
find(struct bridge_model *model, int bridge, uint16_t vid, const uint8_t *mac)
{
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		struct model_entry *entry = &model->entries[i];

		if (entry->port >= 0 && entry->bridge == bridge && entry->vid == vid &&
			memcmp(entry->mac, mac, 6) == 0) {
			return entry;
		}
	}
	return NULL;
}

static struct model_entry *
make(struct bridge_model *model, int bridge, uint16_t vid, const uint8_t *mac)
{
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		struct model_entry *entry = &model->entries[i];

		if (entry->port < 0) {
			entry->bridge = bridge;
			entry->vid = vid;
			entry->fixed = false;
			memcpy(entry->mac, mac, 6);
			return entry;
		}
	}
	abort();
}

static void
learn(struct bridge_model *model, int port, uint16_t vid, const uint8_t *mac)
{
	static const uint8_t nobody[6];
	int bridge = model->ports[port].bridge;
	struct model_entry *entry = find(model, bridge, vid, mac);

	if (mac[0] % 2 == 1 || memcmp(mac, nobody, 6) == 0 || (entry != NULL && entry->fixed)) {
		return;
	}
	if (entry == NULL) {
		entry = make(model, bridge, vid, mac);
	}
	entry->port = port;
	entry->seen = model->now;
}

/* One copy; true if the port carries the VLAN, whatever becomes of the frame there. */
static bool
leave(struct bridge_model *model, int to, const struct vlan_model_inside *inside)
{
	struct model_port *port = &model->ports[to];
	struct vlan_model_frame frame;
	uint32_t len;

	if (!vlan_model_out(&port->vlan, inside, &frame)) {
		return false;
	}
	if (!port->enabled) {
		port->drops[DROP_LINK_DOWN]++;
		return true;
	}
	len = vlan_model_build(&frame, model->out[to]);
	if (frame.rest_len - 2 > port->mtu) { /* behind the EtherType */
		port->drops[DROP_MTU_EXCEEDED]++;
		return true;
	}
	model->out_len[to] = len;
	port->tx++;
	return true;
}

static void
flood(struct bridge_model *model, int from, const struct vlan_model_inside *inside)
{
	bool any = false;

	for (int i = 0; i < MODEL_PORTS; i++) {
		const struct model_port *port = &model->ports[i];

		if (i != from && port->there && port->bridge == model->ports[from].bridge) {
			any = leave(model, i, inside) || any;
		}
	}
	if (!any) {
		model->ports[from].drops[DROP_NO_OUTPUT]++;
	}
}

static bool
is_reserved(const uint8_t *mac)
{
	static const uint8_t prefix[] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return memcmp(mac, prefix, sizeof(prefix)) == 0 && mac[5] < 16;
}

void
bridge_model_frame(struct bridge_model *model, int from, const uint8_t *bytes, uint32_t len)
{
	struct model_port *port = &model->ports[from];
	struct vlan_model_frame frame;
	struct vlan_model_inside inside;
	struct model_entry *entry;

	memset(model->out_len, 0, sizeof(model->out_len));
	port->rx++;
	if (len < 14) {
		port->drops[DROP_RUNT]++;
	} else if (!port->enabled) {
		port->drops[DROP_PORT_DISABLED]++;
	} else if (port->bridge < 0) {
		port->drops[DROP_NO_BRIDGE]++;
	} else if (!vlan_model_parse(bytes, len, &frame) ||
		!vlan_model_in(&port->vlan, &frame, &inside)) {
		port->drops[DROP_VLAN_NOT_ALLOWED]++;
	} else if (is_reserved(bytes) && !model->bridges[port->bridge].forward_reserved) {
		port->drops[DROP_RESERVED_MAC]++;
	} else {
		learn(model, from, inside.tag.vid, bytes + 6);
		entry = find(model, port->bridge, inside.tag.vid, bytes);
		if (bytes[0] % 2 == 1 || entry == NULL) {
			flood(model, from, &inside);
		} else if (entry->port == from) {
			port->drops[DROP_HAIRPIN]++;
		} else if (!leave(model, entry->port, &inside)) {
			port->drops[DROP_NO_OUTPUT]++;
		}
	}
}

void
bridge_model_forget(struct bridge_model *model, int port)
{
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		if (model->entries[i].port == port && !model->entries[i].fixed) {
			model->entries[i].port = -1;
		}
	}
}

void
bridge_model_sleep(struct bridge_model *model, uint64_t seconds)
{
	model->now += seconds;
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		struct model_entry *entry = &model->entries[i];
		uint32_t aging = entry->port < 0 ? 0 : model->bridges[entry->bridge].aging;

		if (aging != 0 && !entry->fixed && model->now - entry->seen > aging) {
			entry->port = -1;
		}
	}
}

void
bridge_model_static(
	struct bridge_model *model, int bridge, const uint8_t *mac, uint16_t vid, int port)
{
	struct model_entry *entry = find(model, bridge, vid, mac);

	if (entry == NULL && port >= 0) {
		entry = make(model, bridge, vid, mac);
	}
	if (entry != NULL) {
		entry->port = port;
		entry->fixed = port >= 0;
	}
}

bool
bridge_model_is_named(const struct bridge_model *model, int port)
{
	for (int i = 0; i < MODEL_ENTRIES; i++) {
		if (model->entries[i].port == port && model->entries[i].fixed) {
			return true;
		}
	}
	return false;
}

unsigned int
bridge_model_count(const struct bridge_model *model, int bridge)
{
	unsigned int n = 0;

	for (int i = 0; i < MODEL_ENTRIES; i++) {
		n += model->entries[i].port >= 0 && model->entries[i].bridge == bridge;
	}
	return n;
}
