/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/cli_ports.h"
#include "ctl/cli_rates.h"
#include "ctl/cli_screen.h"
#include "ctl/cli_table.h"

#define ROWS_OTHER                                                                     \
	5 /* of the screen, that are no ports: two heads, the note of what is left out \
	   */

/* What the daemon said at one time. */
struct look {
	json_t *ports; /* answer of get */
	json_t *system;
	uint64_t at; /* ns */
};

static enum cli_status look_take(struct cli *cli, struct look *look);
static void look_drop(struct look *look);
static enum cli_status ports_exist(struct cli *cli, const struct look *look, char *const *only);
static void print_rates(struct cli *cli, const struct look *before, const struct look *after,
	char *const *only, size_t rows);
static void draw(struct cli *cli, struct cli_screen *screen, const struct look *before,
	const struct look *after, char *const *only, double period);
static bool pause_until(struct cli *cli, struct cli_screen *screen, uint64_t until, bool *redraw);

/* Looks until there were `count` tables; the first is only what the second is compared with. */
static enum cli_status
watch(struct cli *cli, struct cli_screen *screen, char *const *only, double period, uint64_t count)
{
	const uint64_t step = (uint64_t)(period * (double)CLOCK_S);
	struct look before = {.ports = NULL};
	struct look after = {.ports = NULL};
	enum cli_status status = look_take(cli, &after);
	bool on = true;

	if (status == CLI_OK) {
		status = ports_exist(cli, &after, only);
	}
	for (uint64_t n = 0; status == CLI_OK && on && n < count;) {
		bool redraw = false;

		on = pause_until(cli, screen, after.at + step, &redraw);
		if (!on) {
			break;
		}
		if (redraw) { /* what there is, in the new size */
			draw(cli, screen, before.ports == NULL ? &after : &before, &after, only,
				period);
			continue;
		}
		look_drop(&before);
		before = after;
		after = (struct look){.ports = NULL};
		status = look_take(cli, &after);
		if (status != CLI_OK) {
			break;
		}
		n++;
		if (cli->json) {
			(void)json_dumpf(after.ports, cli->out, JSON_COMPACT);
			(void)fputc('\n', cli->out);
		} else if (screen != NULL) {
			draw(cli, screen, &before, &after, only, period);
		} else {
			print_rates(cli, &before, &after, only, SIZE_MAX);
			(void)fputc('\n', cli->out);
		}
		if (fflush(cli->out) != 0) {
			status = cli_error(cli, "the output could not be written");
		}
	}
	look_drop(&before);
	look_drop(&after);
	return status;
}

enum cli_status
cli_watch(struct cli *cli, char *const *only, double period, uint64_t count)
{
	struct cli_screen *screen = NULL;
	FILE *err = cli->err;
	unsigned int width = cli->width;
	char *said = NULL;
	enum cli_status status;
	size_t size;

	if (!cli->json && count != 1) {
		screen = cli_screen_open(cli);
	}
	if (screen == NULL) {
		return watch(cli, NULL, only, period, count);
	}
	/* what is said in the meantime would go with the screen */
	cli->err = open_memstream(&said, &size);
	if (cli->err == NULL) {
		abort();
	}
	status = watch(cli, screen, only, period, count);
	(void)fclose(cli->err);
	cli->err = err;
	cli->width = width;
	cli_screen_close(screen);
	(void)fputs(said, cli->err);
	free(said);
	return status;
}

/* ---- looks ---- */

static enum cli_status
look_take(struct cli *cli, struct look *look)
{
	enum cli_status status = cli_get(cli, "/vswitch:vswitch/port", "state", &look->ports);

	if (status == CLI_OK && !cli->json) {
		status = cli_get(cli, "/vswitch:vswitch/system/worker", "state", &look->system);
	}
	look->at = clock_now();
	return status;
}

static void
look_drop(struct look *look)
{
	json_decref(look->ports);
	json_decref(look->system);
	*look = (struct look){.ports = NULL};
}

static enum cli_status
ports_exist(struct cli *cli, const struct look *look, char *const *only)
{
	for (size_t i = 0; only != NULL && only[i] != NULL; i++) {
		if (cli_entry(look->ports, "port", only[i]) == NULL) {
			return cli_error(
				cli, "there is no port '%s'; see vswitchctl port show", only[i]);
		}
	}
	return CLI_OK;
}

/* ---- time ---- */

/* False if it is to end. *redraw: the screen has another size, and it is not yet time. */
static bool
pause_until(struct cli *cli, struct cli_screen *screen, uint64_t until, bool *redraw)
{
	struct pollfd interrupt = {.fd = cli->interrupt_fd, .events = POLLIN};

	while (screen != NULL) {
		char key = 0;

		switch (cli_screen_wait(screen, until, &key)) {
		case CLI_SCREEN_TIME:
			return true;
		case CLI_SCREEN_SIZE:
			*redraw = true;
			return true;
		case CLI_SCREEN_END:
			return false;
		case CLI_SCREEN_KEY:
			if (key == 'q' || key == 'Q' || key == '\033') {
				return false;
			}
			break;
		}
	}
	for (;;) {
		uint64_t now = clock_now();
		uint64_t left = until > now ? until - now : 0;
		struct timespec wait = {
			.tv_sec = (time_t)(left / CLOCK_S),
			.tv_nsec = (long)(left % CLOCK_S),
		};
		/* a negative descriptor is left out by poll */
		int n = ppoll(&interrupt, 1, &wait, NULL);

		if (n > 0) {
			return false;
		}
		if (n == 0 || errno != EINTR) {
			return true;
		}
	}
}

/* ---- what is shown ---- */

static const json_t *
workers_of(const struct look *look)
{
	return json_object_get(json_object_get(cli_root(look->system), "system"), "worker");
}

/* How busy each worker was, and the sum of the ports; as much of it as a line has room for. */
static void
print_total(struct cli *cli, const struct look *before, const struct look *after,
	const struct cli_rate *sum)
{
	char texts[5][CLI_RATE_TEXT_SIZE];
	const json_t *worker;
	char line[1024];
	size_t i;

	(void)str_copy(line, "busy", sizeof(line));
	json_array_foreach (workers_of(after), i, worker) {
		double busy = cli_rate_busy(json_array_get(workers_of(before), i), worker);

		if (busy < 0) {
			(void)str_append(line, " -", sizeof(line));
		} else {
			(void)str_appendf(line, sizeof(line), " %.0f%%", 100 * busy);
		}
	}
	(void)str_appendf(line, sizeof(line),
		"; rx %s pps, %s bit/s; tx %s pps, %s bit/s; %s drops/s",
		cli_rate_text(sum->rx_packets, texts[0]), cli_rate_text(sum->rx_bits, texts[1]),
		cli_rate_text(sum->tx_packets, texts[2]), cli_rate_text(sum->tx_bits, texts[3]),
		cli_rate_text(sum->drops, texts[4]));
	(void)fprintf(cli->out, "%.*s\n", cli->width > 0 ? (int)cli->width : INT_MAX, line);
}

static void
add_rate(struct cli_table *table, const struct cli_rate *rate)
{
	const double numbers[] = {
		rate->rx_packets, rate->rx_bits, rate->tx_packets, rate->tx_bits, rate->drops};
	char text[CLI_RATE_TEXT_SIZE];

	cli_table_row(table);
	cli_table_cell(table, "%s", rate->name);
	cli_table_cell(table, "%s", rate->status);
	cli_table_colour(table, cli_status_colour(rate->status));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		cli_table_cell(table, "%s", cli_rate_text(numbers[i], text));
	}
	cli_table_colour(table, rate->drops > 0 ? CLI_YELLOW : CLI_PLAIN);
	cli_table_cell(table, "%s", rate->reason);
}

/* A line about all of it, then the busiest ports, `rows` at most. */
static void
print_rates(struct cli *cli, const struct look *before, const struct look *after, char *const *only,
	size_t rows)
{
	static const char *const columns[] = {"PORT", "STATUS", ">RX-PPS", ">RX-BIT/S", ">TX-PPS",
		">TX-BIT/S", ">DROPS/S", "MOST", NULL};
	double seconds = (double)(after->at - before->at) / (double)CLOCK_S;
	struct cli_table *table = cli_table_create(columns);
	struct cli_rate *rates;
	struct cli_rate sum;
	size_t n;

	n = cli_rates(cli_list(before->ports, "port"), cli_list(after->ports, "port"),
		seconds > 0 ? seconds : 1, only, &rates);
	sum = cli_rates_sum(rates, n);
	print_total(cli, before, after, &sum);
	for (size_t i = 0; i < n && i < rows; i++) {
		add_rate(table, &rates[i]);
	}
	if (n == 0) {
		(void)fputs("no ports\n", cli->out);
	} else {
		cli_table_print(table, cli, 0);
	}
	if (n > rows) {
		(void)fprintf(cli->out, "... and %zu ports with less\n", n - rows);
	}
	cli_table_destroy(table);
	free(rates);
}

static void
draw(struct cli *cli, struct cli_screen *screen, const struct look *before,
	const struct look *after, char *const *only, double period)
{
	FILE *out = cli->out;
	unsigned int rows;
	unsigned int columns;
	char *text = NULL;
	char head[128];
	size_t size;

	cli_screen_size(screen, &rows, &columns);
	cli->out = open_memstream(&text, &size);
	if (cli->out == NULL) {
		abort();
	}
	cli->width = columns - 1; /* a full line would wrap on some terminals */
	(void)snprintf(head, sizeof(head), "vswitchctl stats, every %g s; q ends", period);
	(void)fprintf(cli->out, "%.*s\n", (int)cli->width, head);
	print_rates(cli, before, after, only, rows > ROWS_OTHER ? rows - ROWS_OTHER : 1);
	(void)fclose(cli->out);
	cli->out = out;
	cli_screen_draw(screen, text);
	free(text);
}
