/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many lines of one kind the log gets: a burst, then one each so often; those left out are
 * counted and told with the next.
 *
 * One thread for each struct.
 */
#ifndef VSW_BASE_LOG_RATE_H
#define VSW_BASE_LOG_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RATE_TEXT 64

struct log_rate {
	uint32_t burst; /* lines at once, >= 1 */
	uint64_t each; /* ns until one more may come */
	uint64_t full_at; /* when the whole burst may come again; 0 at the start */
	uint64_t left_out; /* since the last line */
};

/* Whether a line may come at `now`; if so, `more` is what to append: "" or " (3 more like this were
 * not logged)". */
bool log_rate_may(struct log_rate *rate, uint64_t now, char more[LOG_RATE_TEXT]);

#endif
