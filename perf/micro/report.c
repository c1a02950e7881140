/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_SIZE 24

/* 32768 is "32k", 1500 is "1500". */
static const char *
amount(char *text, uint64_t n)
{
	static const char units[] = {'k', 'M', 'G'};
	unsigned int unit = 0;

	if (n == 0) {
		return "-";
	}
	if (n % 1024 != 0) {
		(void)snprintf(text, TEXT_SIZE, "%" PRIu64, n);
		return text;
	}
	for (n /= 1024; n % 1024 == 0 && unit < sizeof(units) - 1; n /= 1024) {
		unit++;
	}
	(void)snprintf(text, TEXT_SIZE, "%" PRIu64 "%c", n, units[unit]);
	return text;
}

/* Operations a second, three digits. */
static const char *
rate(char *text, double n)
{
	static const char units[] = {' ', 'k', 'M', 'G'};
	unsigned int unit = 0;

	for (; n >= 1000 && unit < sizeof(units) - 1; n /= 1000) {
		unit++;
	}
	(void)snprintf(text, TEXT_SIZE, "%.3g%c", n, units[unit]);
	return text;
}

void
report_head(const struct machine *machine)
{
	char caches[MACHINE_CACHES][TEXT_SIZE];

	(void)printf("%s, counter at %.0f MHz, L1 %s, L2 %s, L3 %s, ", machine->model,
		machine->tsc_hz / 1e6, amount(caches[0], machine->caches[0]),
		amount(caches[1], machine->caches[1]), amount(caches[2], machine->caches[2]));
	if (machine->cpu >= 0) {
		(void)printf("on CPU %d\n", machine->cpu);
	} else {
		(void)printf("on any CPU\n");
	}
	(void)printf("pages of %s for tables of our own, of %s for DPDK's memory\n",
		machine_pages_name(machine->table_huge), machine_pages_name(machine->heap_huge));
	(void)printf("one thread, but for crossing: no cache line moves between processors; cycles "
		     "are the counter's, median of %d\n\n",
		BENCH_REPETITIONS);
	(void)printf("%-5s %-44s %7s %7s %4s %5s %4s %9s %19s %7s\n", "bench", "variant", "entries",
		"bytes", "in", "pages", "bulk", "cycles/op", "min - max", "ops/s");
}

void
report_row(const struct machine *machine, const struct bench_result *result)
{
	char entries[TEXT_SIZE];
	char bytes[TEXT_SIZE];
	char per_second[TEXT_SIZE];
	char spread[2 * TEXT_SIZE];

	(void)snprintf(spread, sizeof(spread), "%.1f - %.1f", result->min, result->max);
	(void)printf("%-5s %-44s %7s %7s %4s %5s %4u %9.1f %19s %7s\n", result->name,
		result->variant, amount(entries, result->entries), amount(bytes, result->bytes),
		machine_level(machine, result->bytes),
		result->bytes == 0 ? "-" : machine_pages_name(result->huge), result->bulk,
		result->median, spread, rate(per_second, machine->tsc_hz / result->median));
	(void)fflush(stdout);
}

static json_t *
machine_json(const struct machine *machine)
{
	return json_pack("{s:s, s:f, s:{s:I, s:I, s:I}, s:i, s:{s:s, s:s}, s:b}", "model",
		machine->model, "tsc_hz", machine->tsc_hz, "caches", "l1d",
		(json_int_t)machine->caches[0], "l2", (json_int_t)machine->caches[1], "l3",
		(json_int_t)machine->caches[2], "cpu", machine->cpu, "pages", "tables",
		machine_pages_name(machine->table_huge), "dpdk",
		machine_pages_name(machine->heap_huge), "single_thread", 1);
}

static json_t *
result_json(const struct machine *machine, const struct bench_result *result)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:i, s:{s:f, s:f, s:f}, s:f, s:i}", "name",
		result->name, "variant", result->variant, "entries", (json_int_t)result->entries,
		"bytes", (json_int_t)result->bytes, "level", machine_level(machine, result->bytes),
		"pages", machine_pages_name(result->huge), "bulk", (int)result->bulk, "cycles",
		"median", result->median, "min", result->min, "max", result->max, "ops_per_second",
		machine->tsc_hz / result->median, "repetitions", BENCH_REPETITIONS);
}

void
report_json(const struct bench *bench)
{
	json_t *results = json_array();
	json_t *document;

	for (size_t i = 0; i < bench->n_results; i++) {
		(void)json_array_append_new(
			results, result_json(&bench->machine, &bench->results[i]));
	}
	document = json_pack("{s:o, s:b, s:o}", "machine", machine_json(&bench->machine), "quick",
		bench->quick, "results", results);
	if (document == NULL) {
		abort();
	}
	(void)json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
	(void)putchar('\n');
	json_decref(document);
}
