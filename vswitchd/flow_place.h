/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the fields of a rule as it is written (ctl/flow_rule.h) are in struct fields
 * (datapath/core/fields.h), and in which packets. Numbers are as in struct flow_term: two words,
 * the low one first, whatever the order of bytes in struct fields. Any thread.
 */
#ifndef VSW_VSWITCHD_FLOW_PLACE_H
#define VSW_VSWITCHD_FLOW_PLACE_H

#include <stdint.h>

#include "ctl/flow_rule.h"
#include "datapath/core/fields.h"

/* Some places mean different things in different packets. */
enum flow_layer {
	FLOW_LAYER_ANY = 1U << 0,
	FLOW_LAYER_IP = 1U << 1, /* IPv4 or IPv6 */
	FLOW_LAYER_ARP = 1U << 2,
	FLOW_LAYER_PORTS = 1U << 3, /* IP, and not: */
	FLOW_LAYER_ICMP = 1U << 4, /* or ICMPv6 */
};

/* The packets that have the field. */
enum flow_layer flow_place_layer(enum flow_field field);

/* By OR into the place. */
void flow_place_put(struct fields *fields, enum flow_field field, const uint64_t number[2]);
void flow_place_get(const struct fields *fields, enum flow_field field, uint64_t number[2]);

#endif
