/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log_rate.h"

#include <inttypes.h>
#include <stdio.h>

bool
log_rate_may(struct log_rate *rate, uint64_t now, char more[LOG_RATE_TEXT])
{
	uint64_t full_at = rate->full_at > now ? rate->full_at : now;

	if (full_at - now + rate->each > rate->burst * rate->each) {
		rate->left_out++;
		return false;
	}
	more[0] = '\0';
	if (rate->left_out > 0) {
		(void)snprintf(more, LOG_RATE_TEXT, " (%" PRIu64 " more like this were not logged)",
			rate->left_out);
	}
	rate->full_at = full_at + rate->each;
	rate->left_out = 0;
	return true;
}
