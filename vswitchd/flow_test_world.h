/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of rules share: ports by name, rules from text, and a frame of each kind. */
#ifndef VSW_VSWITCHD_FLOW_TEST_WORLD_H
#define VSW_VSWITCHD_FLOW_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/role.h"
#include "ctl/flow_text.h"
#include "datapath/core/fields.h"
#include "vswitchd/port_numbers.h"

/* Every name is a port, the first one number 1, but those that begin with "no-". */
extern const struct port_namer flow_test_namer;

/* The rule of a text; fails if it is none. */
void flow_test_rule(const char *text, struct flow_rule *rule);

/* Its canonical text, in a buffer that the next call overwrites. */
const char *flow_test_text(const struct flow_rule *rule);

/*
 * Frames by letter. Addresses are those of parse_test_frames.h: MAC 12:13.. to 02:03.., IPv4
 * 10.11.12.13 to 20.21.22.23, IPv6 2021:.. to 4041:.., TOS 0xb9, TTL 64, ports 4386 and 13124.
 *
 *	o  other EtherType 0x88b5; in_port 3, tunnel 0x1234
 *	v  VLAN 10, priority 3; UDP          p  VLAN 0         q  0x88a8 VLAN 20, VLAN 30
 *	t  TCP, reg7 0x80000001              f  first fragment of TCP
 *	l  later one                         s  TCP that is cut off
 *	u  UDP, reg0 5                       c  SCTP           i  ICMP 17, code 34
 *	x  EtherType of IPv4, header broken
 *	T  TCP over IPv6, label 0x12345      U  UDP            I  ICMPv6 17, code 34
 *	n  neighbor solicitation             a  advertisement
 *	r  ARP request                       R  reply
 */
#define FLOW_TEST_FRAMES "ovpqtflsucixTUInarR"

/* Their fields; fails for a letter that is none. */
void flow_test_fields(char letter, struct fields *fields);

#endif
