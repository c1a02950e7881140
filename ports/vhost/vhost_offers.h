/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest is offered: virtio features, in the groups that the leaf-list disable-feature knows.
 *
 * Any thread.
 */
#ifndef VSW_PORTS_VHOST_VHOST_OFFERS_H
#define VSW_PORTS_VHOST_VHOST_OFFERS_H

#include <stdint.h>

#include "ports/port.h"

/* Virtio features, and extensions of the protocol, for a port of this configuration. */
uint64_t vhost_offers(const struct port_conf *conf);
uint64_t vhost_offers_protocol(void);

/* A group's own bits; the groups are disjoint. */
uint64_t vhost_group_bits(enum port_feature group);

/* As in the schema. */
const char *vhost_group_name(enum port_feature group);

/* The group without which this one is not offered either, or the group itself. */
enum port_feature vhost_group_needs(enum port_feature group);

#endif
