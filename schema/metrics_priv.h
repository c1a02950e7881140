/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What metrics.c (which metrics there are) and metrics_scrape.c (their values) share.
 *
 * The schema's nodes that lead to a metric, as a tree of their own: a scrape walks it beside the
 * JSON of an entry and looks at nothing else.
 */
#ifndef VSW_SCHEMA_METRICS_PRIV_H
#define VSW_SCHEMA_METRICS_PRIV_H

#include <stdint.h>

#include "schema/metrics.h"
#include "schema/model.h"

#define METRIC_KEYS_MAX 4
#define METRIC_RANGES_MAX 40

enum metric_kind {
	METRIC_INNER, /* container */
	METRIC_LIST,
	METRIC_NUMBER,
	METRIC_BOOLEAN,
	METRIC_STATE, /* enumeration */
	METRIC_INFO_LEAF, /* a label of the entry's info */
	METRIC_RANGES, /* list of ranges that are a histogram */
};

struct metric_node {
	const struct lysc_node *node; /* its name is the member of the JSON */
	enum metric_kind kind;
	size_t family; /* of leaves */
	char *label; /* METRIC_NUMBER: one more label, NAME="value"; else NULL. Of METRIC_INFO_LEAF
		      * the name of the label */
	uint64_t multiply; /* METRIC_NUMBER: the value by this, */
	unsigned int decimals; /* with the point before this many digits */
	bool has_info; /* top-level: some child is METRIC_INFO_LEAF */
	size_t info; /* the family of it */
	size_t n_keys; /* METRIC_LIST */
	const char *keys[METRIC_KEYS_MAX]; /* members */
	char *key_labels[METRIC_KEYS_MAX];
	unsigned int first; /* METRIC_RANGES: the first bound is 2^first */
	unsigned int n_ranges;
	const char *count; /* and the member with the number in a range */
	size_t n;
	struct metric_node **children;
};

struct metrics {
	size_t n;
	struct metric_family *families;
	struct metric_node *root;
};

#endif
