/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/policy.h"

const char acl_accept;
const char acl_drop;

enum drop_reason
spoof_check(const struct spoof_view *spoof, const struct fields *fields)
{
	return DROP_N;
}

void
spoof_mask(const struct spoof_view *spoof, enum rules_class class, struct fields *mask)
{
}
