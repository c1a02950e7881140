/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLANs at the edge of a bridge, said the slow way: for tests to compare with.
 *
 * Written from IEEE 802.1Q-2018 (6.9, 9.6) and the words of the schema, which are Open vSwitch's
 * (vlan_mode, trunks, cvlans and priority-tags of ovs-vswitchd.conf.db(5)). A frame is taken apart
 * into its addresses, its tags and the rest, and put together again; nothing is edited in place.
 */
#ifndef VSW_DATAPATH_PIPE_VLAN_MODEL_H
#define VSW_DATAPATH_PIPE_VLAN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define VLAN_MODEL_TAGS 8

enum vlan_model_mode { MODEL_ACCESS, MODEL_TRUNK, MODEL_TAGGED, MODEL_UNTAGGED, MODEL_TUNNEL };
enum vlan_model_prio { MODEL_NEVER, MODEL_IF_NONZERO, MODEL_ALWAYS };

struct vlan_model_port {
	enum vlan_model_mode mode;
	enum vlan_model_prio priority_tags;
	uint16_t vlan;
	uint16_t service_tpid;
	bool trunk[4096];
	bool cvlan[4096];
};

struct vlan_model_tag {
	uint16_t tpid;
	uint8_t pcp;
	bool dei;
	uint16_t vid;
};

struct vlan_model_frame {
	uint8_t addresses[12];
	unsigned int n_tags; /* outermost first */
	struct vlan_model_tag tags[VLAN_MODEL_TAGS];
	const uint8_t *rest; /* from the EtherType that is no tag's on; borrowed */
	uint32_t rest_len;
};

/* In the bridge: the frame without the tag that says its VLAN, and what that tag said. */
struct vlan_model_inside {
	struct vlan_model_frame frame;
	struct vlan_model_tag tag; /* its VLAN, and with what it would be tagged */
};

/* False: the outermost tag is cut off, or there are too many. At least 14 bytes. */
bool vlan_model_parse(const uint8_t *bytes, uint32_t len, struct vlan_model_frame *frame);

/* Returns the length. */
uint32_t vlan_model_build(const struct vlan_model_frame *frame, uint8_t *bytes);

/* False: the port does not let it in. */
bool vlan_model_in(const struct vlan_model_port *port, const struct vlan_model_frame *frame,
	struct vlan_model_inside *inside);

/* False: the port does not carry its VLAN. */
bool vlan_model_out(const struct vlan_model_port *port, const struct vlan_model_inside *inside,
	struct vlan_model_frame *frame);

#endif
