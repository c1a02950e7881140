/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From two looks at the counters to rates: what `stats --watch` shows. Pure arithmetic on what the
 * daemon sent; a counter that went backwards was cleared in between and counts from zero. Any
 * thread, no state.
 */
#ifndef VSW_CTL_CLI_RATES_H
#define VSW_CTL_CLI_RATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CLI_RATE_TEXT_SIZE 16

/* Of a port, or the sum of several. A second's worth. */
struct cli_rate {
	const char *name; /* borrowed from the later look, as are the other strings; a sum: "" */
	const char *status;
	double rx_packets;
	double rx_bits; /* of frames, without preamble and gap */
	double tx_packets;
	double tx_bits;
	double drops;
	const char *reason; /* that of most drops; "": none */
};

/*
 * Rates of the ports that are in both looks (arrays of entries of the list port), the busiest
 * first; `only` (ending with NULL; or NULL) names those that count. *out is to be freed. Aborts
 * when memory is exhausted.
 */
size_t cli_rates(const json_t *before, const json_t *after, double seconds, char *const *only,
	struct cli_rate **out);

struct cli_rate cli_rates_sum(const struct cli_rate *rates, size_t n);

/* Share of its cycles, 0 to 1, that a worker was busy between two looks at it; -1: not known. */
double cli_rate_busy(const json_t *before, const json_t *after);

/* 1234567 as "1.23M": four characters tell the size, more digits are noise. Returns text. */
const char *cli_rate_text(double rate, char text[CLI_RATE_TEXT_SIZE]);

#endif
