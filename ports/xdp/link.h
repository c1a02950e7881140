/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel knows about an interface, and the features of it that hide bytes from XDP.
 *
 * A frame that XDP sees has no metadata: a checksum left to "the hardware", a segment of 64 KiB or
 * a tag kept beside the frame is lost. On a veth it is the peer that leaves such things undone, so
 * it is told not to; on a NIC it is the NIC that takes tags out.
 *
 * Threads: main. Errors are -errno.
 */
#ifndef VSW_PORTS_XDP_LINK_H
#define VSW_PORTS_XDP_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "ports/xdp/ethtool.h"

struct link_info {
	int ifindex;
	unsigned int flags; /* IFF_UP, IFF_RUNNING */
	uint32_t mtu;
	char name[IF_NAMESIZE];
	char kind[16]; /* "veth", "bridge", ... or "" for hardware */
	int peer; /* ifindex of a veth's other end, or 0 */
	int peer_nsid; /* our name for the namespace that it is in, or -1: ours */
	bool has_xdp; /* a program is attached */
};

/* By name, or number; -ENODEV if there is none, other errors say nothing about it. */
int link_get(const char *ifname, struct link_info *info);
int link_get_number(int ifindex, struct link_info *info);

/* Set or clear an IFF_ flag. */
int link_set_flag(const char *ifname, short flag, bool on);

/* Receive frames to any address for as long as this descriptor is open; or -errno. */
int link_promiscuous(int ifindex);

/* Leave VLAN tags in the frames that a NIC hands to XDP. `note`, `changed`: features_off(). */
int
link_keep_tags(const char *ifname, const struct feature_note *note, struct feature_set *changed);

enum link_peer {
	LINK_PEER_NONE, /* not a veth, or it has lost its peer */
	LINK_PEER_PLAIN, /* sends what it means, now */
	LINK_PEER_UNREACHED, /* in a namespace that we cannot enter */
};

/* Make a veth's peer send frames without unfinished business. `name`: the peer's, or "". */
enum link_peer link_peer_plain(const struct link_info *info, const struct feature_note *note,
	struct feature_set *changed, char name[IF_NAMESIZE]);

/* Turn on at the peer what link_peer_plain() has turned off; false: it cannot be reached. */
bool link_peer_restore(const struct link_info *info, struct feature_set *changed);

#endif
