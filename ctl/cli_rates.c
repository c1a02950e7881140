/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_rates.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli_data.h"

static double
rate(const json_t *before, const json_t *after, const char *name, double seconds)
{
	uint64_t old = cli_num(before, name);
	uint64_t now = cli_num(after, name);

	return (double)(now >= old ? now - old : now) / seconds;
}

/* All drops of a port, and the reason for most of them. */
static void
drops_rate(const json_t *before, const json_t *after, double seconds, struct cli_rate *out)
{
	double most = 0;
	const char *reason;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)after, reason, value) {
		double one = rate(before, after, reason, seconds);

		out->drops += one;
		if (one > most) {
			most = one;
			out->reason = reason;
		}
	}
}

static void
port_rate(const json_t *before, const json_t *after, double seconds, struct cli_rate *out)
{
	const json_t *old = json_object_get(before, "statistics");
	const json_t *now = json_object_get(after, "statistics");

	*out = (struct cli_rate){
		.name = cli_str(after, "name"),
		.status = cli_str(after, "oper-status"),
		.rx_packets = rate(old, now, "rx-packets", seconds),
		.rx_bits = 8 * rate(old, now, "rx-bytes", seconds),
		.tx_packets = rate(old, now, "tx-packets", seconds),
		.tx_bits = 8 * rate(old, now, "tx-bytes", seconds),
		.reason = "",
	};
	drops_rate(json_object_get(old, "drops"), json_object_get(now, "drops"), seconds, out);
}

/* The busiest first; of equal ones, as lists are: by name. */
static int
busier(const void *a, const void *b)
{
	const struct cli_rate *x = a;
	const struct cli_rate *y = b;
	double load_x = x->rx_packets + x->tx_packets + x->drops;
	double load_y = y->rx_packets + y->tx_packets + y->drops;

	if (load_x != load_y) {
		return load_x > load_y ? -1 : 1;
	}
	return strcmp(x->name, y->name);
}

static const json_t *
entry_named(const json_t *ports, const char *name)
{
	const json_t *port;
	size_t i;

	json_array_foreach (ports, i, port) {
		if (strcmp(cli_str(port, "name"), name) == 0) {
			return port;
		}
	}
	return NULL;
}

static bool
is_wanted(char *const *only, const char *name)
{
	bool wanted = only == NULL;

	for (size_t i = 0; !wanted && only[i] != NULL; i++) {
		wanted = strcmp(only[i], name) == 0;
	}
	return wanted;
}

size_t
cli_rates(const json_t *before, const json_t *after, double seconds, char *const *only,
	struct cli_rate **out)
{
	struct cli_rate *rates = calloc(json_array_size(after) + 1, sizeof(*rates));
	const json_t *port;
	size_t n = 0;
	size_t i;

	if (rates == NULL) {
		abort();
	}
	json_array_foreach (after, i, port) {
		const char *name = cli_str(port, "name");
		const json_t *old = json_array_get(before, i);

		if (!is_wanted(only, name)) {
			continue;
		}
		/* ports come in one order; look further only if the set has changed */
		if (strcmp(cli_str(old, "name"), name) != 0) {
			old = entry_named(before, name);
		}
		if (old != NULL) {
			port_rate(old, port, seconds, &rates[n++]);
		}
	}
	qsort(rates, n, sizeof(*rates), busier);
	*out = rates;
	return n;
}

struct cli_rate
cli_rates_sum(const struct cli_rate *rates, size_t n)
{
	struct cli_rate sum = {.name = "", .status = "", .reason = ""};

	for (size_t i = 0; i < n; i++) {
		sum.rx_packets += rates[i].rx_packets;
		sum.rx_bits += rates[i].rx_bits;
		sum.tx_packets += rates[i].tx_packets;
		sum.tx_bits += rates[i].tx_bits;
		sum.drops += rates[i].drops;
	}
	return sum;
}

double
cli_rate_busy(const json_t *before, const json_t *after)
{
	double busy = rate(before, after, "busy-cycles", 1);
	double idle = rate(before, after, "idle-cycles", 1);

	return before == NULL || busy + idle == 0 ? -1 : busy / (busy + idle);
}

const char *
cli_rate_text(double rate, char text[CLI_RATE_TEXT_SIZE])
{
	static const char units[] = " kMGT";
	size_t unit = 0;

	while (rate >= 999.5 && unit + 2 < sizeof(units)) {
		rate /= 1000;
		unit++;
	}
	if (unit == 0) {
		(void)snprintf(text, CLI_RATE_TEXT_SIZE, "%.0f", rate);
	} else {
		(void)snprintf(text, CLI_RATE_TEXT_SIZE, "%.*f%c",
			rate < 9.995 ? 2 : (rate < 99.95 ? 1 : 0), rate, units[unit]);
	}
	return text;
}
