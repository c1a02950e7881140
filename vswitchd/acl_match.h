/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an entry of an access list asks of a frame: from the schema's container `matches` to matches
 * of the datapath.
 *
 * What is not said of IPv4 or IPv6 alone holds for both, so there may be two matches, one for each.
 * They ask for what their leaves need (fields.h): an address for a whole IP header of its version,
 * a port for a whole header of the protocol and therefore for no later fragment. Protocol alone
 * meets later fragments too. Any thread.
 */
#ifndef VSW_VSWITCHD_ACL_MATCH_H
#define VSW_VSWITCHD_ACL_MATCH_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "datapath/core/match.h"

/*
 * `matches` may be NULL: every frame. The schema has checked each leaf for itself; ERR_INVALID, the
 * leaf as path: leaves that do not go together or lack another one.
 */
int acl_match_make(const json_t *matches, struct match out[2], size_t *n, struct err *err);

#endif
