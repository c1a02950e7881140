/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of the switch as metrics, in the text formats that Prometheus reads.
 *
 * What is a metric follows from the schema alone: each leaf that is state (config false) and a
 * number, a boolean or an enumeration, so that a leaf with a description is a metric with a help
 * text and nothing has to be written twice.
 *
 *   name    "vswitch" and the path with _ between: /port/statistics/rx-packets becomes
 *           vswitch_port_statistics_rx_packets_total. counter64 is a counter, all else a gauge.
 *   unit    by `units`, in seconds and bytes: MiB and milliseconds are converted
 *   labels  the keys of the lists on the way: of a list with one key the list's name (port="vm1"),
 *           of several keys theirs
 *   enum    a gauge that is 1, with the value as label `state`; only the value that it has is there
 *   boolean a gauge that is 0 or 1
 *
 * The extension vs:metric tells what can not be guessed: "label NAME" on a container makes its
 * leaves one metric, told apart by that label (drops by reason); "info" on a leaf puts it on the
 * info metric of its entry (vswitch_port_info{port="vm1",bridge="br0"}); "histogram FIRST COUNT" on
 * a list makes it the histogram of what it is in: its key is the upper bound of a range, its
 * counter how many were in that range, and the bounds are COUNT powers of two from 2^FIRST on, of
 * which the last is no bound and those that nobody was in may be left out; "none" leaves a node and
 * what is below it out. Lists that are read page by page are left out too.
 *
 * A scrape asks the backend entry by entry, so that its owner may stop whenever it took long
 * enough: 1,000 ports are a few megabytes. What is created or deleted meanwhile may be in it or
 * not; each entry's numbers are of one moment.
 *
 * Main only.
 */
#ifndef VSW_SCHEMA_METRICS_H
#define VSW_SCHEMA_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/role.h"

struct datastore;
struct metrics;
struct metrics_scrape;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_INFO, METRIC_HISTOGRAM };

enum metrics_format {
	METRICS_OPENMETRICS, /* OpenMetrics 1.0.0 */
	METRICS_PROMETHEUS, /* Prometheus' text format 0.0.4 */
};

#define METRIC_NAME_SIZE 192

struct metric_family {
	char name[METRIC_NAME_SIZE]; /* without the suffix _total or _info */
	enum metric_type type;
	char *help; /* one line */
	const char *unit; /* "bytes", "seconds"; NULL: none */
};

/* As long as the datastore. Memory that is exhausted ends the process. */
struct metrics *metrics_create(const struct datastore *ds) ON_MAIN;
void metrics_destroy(struct metrics *metrics); /* NULL is legal */

/* The n-th family, NULL past the last. */
const struct metric_family *metrics_family(const struct metrics *metrics, size_t n);

/* Its samples' name: with _total or _info; of a histogram what _bucket (and _count) follow. Returns
 * buf. */
const char *metric_sample_name(const struct metric_family *family, char *buf, size_t size);

/* What the text is to be sent as. */
const char *metrics_content_type(enum metrics_format format);

/* Nothing is asked yet. End it by metrics_scrape_end, before the datastore goes. */
struct metrics_scrape *metrics_scrape_begin(
	const struct metrics *metrics, struct datastore *ds, enum metrics_format format) ON_MAIN;

/* One entry more. False: that was all. */
bool metrics_scrape_step(struct metrics_scrape *scrape) ON_MAIN;

/* Bytes of text so far. */
size_t metrics_scrape_size(const struct metrics_scrape *scrape);

/* Hand out the text in pieces, which the callee free()s, and forget the scrape. `emit` NULL: it is
 * not wanted any more. */
void metrics_scrape_end(struct metrics_scrape *scrape,
	void (*emit)(void *arg, char *text, size_t len), void *arg) ON_MAIN;

#endif
