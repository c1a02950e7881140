/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vhost_offers.h"

#include "ports/vhost/vu_wire.h"

/* Not a matter of taste: without them there is no port, or no migration. */
#define ALWAYS                                                                                  \
	(VU_RING_VERSION_1 | VU_RING_ANY_LAYOUT | VU_NET_MQ | VU_NET_CTRL_VQ | VU_NET_CTRL_RX | \
		VU_NET_GUEST_ANNOUNCE | VU_NET_STATUS | VU_NET_MTU | VU_F_LOG_ALL |             \
		VU_F_PROTOCOL_FEATURES)

static const struct {
	const char *name;
	enum port_feature needs;
	uint64_t bits;
} groups[PORT_FEATURE_N] = {
	[PORT_FEATURE_CHECKSUM] = {"checksum", PORT_FEATURE_CHECKSUM,
		VU_NET_CSUM | VU_NET_GUEST_CSUM},
	[PORT_FEATURE_TSO] = {"tso", PORT_FEATURE_CHECKSUM,
		VU_NET_HOST_TSO4 | VU_NET_HOST_TSO6 | VU_NET_GUEST_TSO4 | VU_NET_GUEST_TSO6},
	[PORT_FEATURE_ECN] = {"ecn", PORT_FEATURE_TSO, VU_NET_HOST_ECN | VU_NET_GUEST_ECN},
	[PORT_FEATURE_USO] = {"uso", PORT_FEATURE_CHECKSUM,
		VU_NET_HOST_USO | VU_NET_GUEST_USO4 | VU_NET_GUEST_USO6},
	[PORT_FEATURE_MERGEABLE] = {"mergeable", PORT_FEATURE_MERGEABLE, VU_NET_MRG_RXBUF},
	[PORT_FEATURE_INDIRECT] = {"indirect", PORT_FEATURE_INDIRECT, VU_RING_INDIRECT},
	[PORT_FEATURE_EVENT_IDX] = {"event-index", PORT_FEATURE_EVENT_IDX, VU_RING_EVENT_IDX},
	[PORT_FEATURE_IN_ORDER] = {"in-order", PORT_FEATURE_IN_ORDER, VU_RING_IN_ORDER},
	[PORT_FEATURE_PACKED] = {"packed", PORT_FEATURE_PACKED, VU_RING_PACKED},
};

uint64_t
vhost_group_bits(enum port_feature group)
{
	return groups[group].bits;
}

const char *
vhost_group_name(enum port_feature group)
{
	return groups[group].name;
}

enum port_feature
vhost_group_needs(enum port_feature group)
{
	return groups[group].needs;
}

static bool
is_off(const struct port_conf *conf, enum port_feature group)
{
	while ((conf->features_off & (1U << group)) == 0) {
		if (groups[group].needs == group) {
			return false;
		}
		group = groups[group].needs;
	}
	return true;
}

uint64_t
vhost_offers(const struct port_conf *conf)
{
	uint64_t offers = ALWAYS;

	for (enum port_feature group = 0; group < PORT_FEATURE_N; group++) {
		offers |= is_off(conf, group) ? 0 : groups[group].bits;
	}
	return offers;
}

uint64_t
vhost_offers_protocol(void)
{
	return VU_PROTOCOL_F_MQ | VU_PROTOCOL_F_LOG_SHMFD | VU_PROTOCOL_F_RARP |
		VU_PROTOCOL_F_REPLY_ACK | VU_PROTOCOL_F_NET_MTU | VU_PROTOCOL_F_INFLIGHT_SHMFD |
		VU_PROTOCOL_F_RESET_DEVICE | VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS |
		VU_PROTOCOL_F_STATUS;
}
