/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirrors of a datapath (datapath/pipe/mirror.h): which ports they copy from, and where to.
 *
 * Ports are named, so a mirror goes on when a device is opened again; while its output is not there
 * it copies nothing. Setting and deleting one disturbs nobody: no flow is decided again.
 *
 * Main only.
 */
#ifndef VSW_DATAPATH_DP_DP_MIRROR_H
#define VSW_DATAPATH_DP_DP_MIRROR_H

#include "datapath/dp/dp.h"
#include "datapath/pipe/mirror.h"

struct dp_acl;
struct dp_mirror;

struct dp_mirror_conf {
	const char *const *ports; /* copied; n_ports of them */
	size_t n_ports;
	uint32_t bridge; /* id; all its ports, those that join it too; 0: none */
	const char *to; /* copied; never mirrored itself */
	unsigned int ways; /* set of enum mirror_way */
	uint32_t truncate; /* 0, or at least MIRROR_BYTES_MIN */
	bool by_vlan;
	struct vlan_set vlans;
};

/* Not of one instant while workers copy. */
struct dp_mirror_stats {
	uint64_t seen; /* frames that it could have copied */
	uint64_t packets;
	uint64_t bytes;
	uint64_t drops;
};

/* Made, but not at work. ERR_LIMIT: no memory. */
int dp_mirror_create(const struct dp *dp, const struct dp_mirror_conf *conf, struct dp_mirror **out,
	struct err *err) ON_MAIN;

/* One that was never started. NULL is legal. */
void dp_mirror_discard(struct dp_mirror *mirror);

/*
 * From the next dp_publish on; bridge: its id by now. It copies only what the list accepts,
 * whatever becomes of its entries (dp_acl.h); NULL: all. No more than MIRRORS_MAX.
 */
void dp_mirror_start(
	struct dp *dp, struct dp_mirror *mirror, uint32_t bridge, const struct dp_acl *acl) ON_MAIN;

/* Until the next dp_publish; it is gone for the caller at once. */
void dp_mirror_stop(struct dp *dp, struct dp_mirror *mirror) ON_MAIN;

/* Since it was started. */
void dp_mirror_get_stats(
	const struct dp *dp, const struct dp_mirror *mirror, struct dp_mirror_stats *stats) ON_MAIN;

#endif
