/* SPDX-License-Identifier: BSD-3-Clause */
/* Which metrics there are: from the schema, once. */
#include "schema/metrics.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/metrics_priv.h"

/* How units are told: in those that metrics are to have (OpenMetrics, "Units and Base Units"). */
static const struct {
	const char *schema;
	const char *unit;
	const char *in_name; /* last word of a leaf's name that says the schema's unit; or NULL */
	uint64_t multiply;
	unsigned int decimals;
} units[] = {
	{"bytes", "bytes", "bytes", 1, 0},
	{"MiB", "bytes", "mib", 1 << 20, 0},
	{"seconds", "seconds", "seconds", 1, 0},
	{"milliseconds", "seconds", "ms", 1, 3},
	{"microseconds", "seconds", "us", 1, 6},
	{"nanoseconds", "seconds", "ns", 1, 9},
};

/* Where the walk is. */
struct build {
	struct metrics *metrics;
	const struct model *model;
	char name[METRIC_NAME_SIZE]; /* of the node that it is at */
};

/* --- names ----------------------------------------------------------------------------------- */

static void
underscores(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '-') {
			*text = '_';
		}
	}
}

static char *
label_name(const char *name)
{
	char *label = str_dup(name);

	underscores(label);
	return label;
}

/* Append one word of the path; returns how long the name was before. */
static size_t
name_push(struct build *build, const char *word)
{
	size_t len = strlen(build->name);
	bool fits = str_append(build->name, "_", sizeof(build->name)) &&
		str_append(build->name, word, sizeof(build->name));

	assert(fits); /* names in the schema are shorter; its test walks all of them */
	(void)fits;
	underscores(build->name + len);
	return len;
}

static void
name_pop(struct build *build, size_t len)
{
	build->name[len] = '\0';
}

/* The description as one line. */
static char *
help_of(const struct lysc_node *node)
{
	const char *from = node->dsc == NULL ? node->name : node->dsc;
	char *help = must_calloc(1, strlen(from) + 1);
	char *to = help;

	for (; *from != '\0'; from++) {
		if (!isspace((unsigned char)*from)) {
			*to++ = *from;
		} else if (to > help && to[-1] != ' ') {
			*to++ = ' ';
		}
	}
	return help;
}

/* --- families -------------------------------------------------------------------------------- */

/* The name is that of the walk's place. */
static struct metric_family *
family_add(struct build *build, enum metric_type type, const struct lysc_node *node)
{
	struct metrics *metrics = build->metrics;
	struct metric_family *family;

	metrics->families =
		must_realloc(metrics->families, (metrics->n + 1) * sizeof(*metrics->families));
	family = &metrics->families[metrics->n++];
	*family = (struct metric_family){.type = type, .help = help_of(node)};
	(void)str_copy(family->name, build->name, sizeof(family->name));
	return family;
}

/* True if `name` ends in _WORD. */
static bool
ends_in(const char *name, const char *word)
{
	size_t len = strlen(name);
	size_t tail = strlen(word);

	return len > tail + 1 && name[len - tail - 1] == '_' &&
		strcmp(name + len - tail, word) == 0;
}

/* Name and scale by the unit: by `units`, or if the name says that it counts bytes. */
static void
family_unit(struct metric_family *family, struct metric_node *metric)
{
	const char *schema = model_units(metric->node);

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (schema == NULL ? !ends_in(family->name, units[i].unit)
				   : strcmp(schema, units[i].schema) != 0) {
			continue;
		}
		metric->multiply = units[i].multiply;
		metric->decimals = units[i].decimals;
		family->unit = units[i].unit;
		if (ends_in(family->name, units[i].in_name)) {
			family->name[strlen(family->name) - strlen(units[i].in_name) - 1] = '\0';
		}
		(void)str_appendf(family->name, sizeof(family->name), "_%s", units[i].unit);
		return;
	}
}

/* --- nodes ----------------------------------------------------------------------------------- */

static struct metric_node *
metric_new(const struct lysc_node *node, enum metric_kind kind)
{
	struct metric_node *metric = must_calloc(1, sizeof(*metric));

	metric->node = node;
	metric->kind = kind;
	metric->multiply = 1;
	return metric;
}

static void
metric_free(struct metric_node *metric)
{
	if (metric == NULL) {
		return;
	}
	for (size_t i = 0; i < metric->n; i++) {
		metric_free(metric->children[i]);
	}
	for (size_t i = 0; i < metric->n_keys; i++) {
		free(metric->key_labels[i]);
	}
	free(metric->children);
	free(metric->label);
	free(metric);
}

static void
metric_add(struct metric_node *parent, struct metric_node *child)
{
	parent->children =
		must_realloc(parent->children, (parent->n + 1) * sizeof(struct metric_node *));
	parent->children[parent->n++] = child;
}

static bool
is_number(const struct lysc_node *leaf)
{
	switch (model_type(leaf)->basetype) {
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
	case LY_TYPE_UINT64:
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_INT64:
		return true;
	default:
		return false;
	}
}

/* A leaf with a family of its own; NULL: none. */
static struct metric_node *
build_leaf(struct build *build, const struct lysc_node *node)
{
	enum metric_type type = METRIC_GAUGE;
	struct metric_family *family;
	struct metric_node *metric;
	size_t len;

	if (node->nodetype != LYS_LEAF || model_is_config(node) || lysc_is_key(node)) {
		return NULL;
	}
	if (is_number(node)) {
		metric = metric_new(node, METRIC_NUMBER);
		type = model_is_counter(build->model, node) ? METRIC_COUNTER : METRIC_GAUGE;
	} else if (model_type(node)->basetype == LY_TYPE_BOOL) {
		metric = metric_new(node, METRIC_BOOLEAN);
	} else if (model_type(node)->basetype == LY_TYPE_ENUM) {
		metric = metric_new(node, METRIC_STATE);
	} else {
		return NULL;
	}
	len = name_push(build, node->name);
	family = family_add(build, type, node);
	family_unit(family, metric);
	name_pop(build, len);
	metric->family = build->metrics->n - 1;
	return metric;
}

/* A container whose numbers are one family, told apart by a label. */
static struct metric_node *
build_labelled(struct build *build, const struct lysc_node *node, const char *label)
{
	struct metric_node *metric = metric_new(node, METRIC_INNER);
	enum metric_type type = METRIC_COUNTER;

	for (const struct lysc_node *n = model_first(node); n != NULL; n = n->next) {
		struct metric_node *child;
		char text[METRIC_NAME_SIZE];

		if (n->nodetype != LYS_LEAF || !is_number(n)) {
			continue;
		}
		if (!model_is_counter(build->model, n)) {
			type = METRIC_GAUGE;
		}
		child = metric_new(n, METRIC_NUMBER);
		(void)snprintf(text, sizeof(text), "%s=\"%s\"", label, n->name);
		child->label = str_dup(text);
		child->family = build->metrics->n;
		metric_add(metric, child);
	}
	(void)family_add(build, type, node);
	return metric;
}

/* A list of ranges, as the histogram of its parent, whose name the walk is at. */
static struct metric_node *
build_ranges(struct build *build, const struct lysc_node *node, const char *bounds)
{
	struct metric_node *metric = metric_new(node, METRIC_RANGES);
	const struct lysc_node *key = model_key(node, 0);
	struct metric_family *family;
	int n = sscanf(bounds, "%u %u", &metric->first, &metric->n_ranges);

	assert(n == 2 && metric->n_ranges <= METRIC_RANGES_MAX && key != NULL && key->next != NULL);
	(void)n;
	metric->n_keys = 1;
	metric->keys[0] = key->name;
	metric->count = key->next->name;
	metric->node = key; /* whose unit it has */
	family = family_add(build, METRIC_HISTOGRAM, node->parent);
	family_unit(family, metric);
	metric->node = node;
	metric->family = build->metrics->n - 1;
	return metric;
}

static void
list_keys(struct metric_node *metric)
{
	const struct lysc_node *key;
	bool one = model_key(metric->node, 1) == NULL;

	while ((key = model_key(metric->node, metric->n_keys)) != NULL) {
		assert(metric->n_keys < METRIC_KEYS_MAX);
		metric->keys[metric->n_keys] = key->name;
		metric->key_labels[metric->n_keys++] =
			label_name(one ? metric->node->name : key->name);
	}
}

static struct metric_node *build_inner(struct build *build, const struct lysc_node *node);

/* A node and what is below it; NULL: no metric. */
static struct metric_node *
build_node(struct build *build, const struct lysc_node *node)
{
	static const char label[] = "label ";
	static const char histogram[] = "histogram ";
	const char *wish = model_metric(node);
	struct metric_node *metric;
	size_t len;

	if (model_is_paged(node) || (wish != NULL && strcmp(wish, "none") == 0)) {
		return NULL;
	}
	if (model_is_leaf(node)) {
		if (wish == NULL || strcmp(wish, "info") != 0) {
			return build_leaf(build, node);
		}
		metric = metric_new(node, METRIC_INFO_LEAF);
		metric->label = label_name(node->name);
		return metric;
	}
	if (wish != NULL && strncmp(wish, histogram, sizeof(histogram) - 1) == 0) {
		return build_ranges(build, node, wish + sizeof(histogram) - 1);
	}
	len = name_push(build, node->name);
	metric = wish != NULL && strncmp(wish, label, sizeof(label) - 1) == 0
		? build_labelled(build, node, wish + sizeof(label) - 1)
		: build_inner(build, node);
	name_pop(build, len);
	return metric;
}

static struct metric_node *
build_inner(struct build *build, const struct lysc_node *node)
{
	struct metric_node *metric =
		metric_new(node, node->nodetype == LYS_LIST ? METRIC_LIST : METRIC_INNER);

	for (const struct lysc_node *n = model_first(node); n != NULL; n = n->next) {
		struct metric_node *child = build_node(build, n);

		if (child != NULL) {
			metric_add(metric, child);
			metric->has_info = metric->has_info || child->kind == METRIC_INFO_LEAF;
		}
	}
	if (metric->n == 0) {
		metric_free(metric);
		return NULL;
	}
	if (node->nodetype == LYS_LIST) {
		list_keys(metric);
	}
	if (metric->has_info) {
		(void)family_add(build, METRIC_INFO, node);
		metric->info = build->metrics->n - 1;
	}
	return metric;
}

/* --- public ---------------------------------------------------------------------------------- */

struct metrics *
metrics_create(const struct datastore *ds)
{
	struct metrics *metrics = must_calloc(1, sizeof(*metrics));
	struct build build = {.metrics = metrics, .model = ds->model};

	(void)str_copy(build.name, ds->model->root->name, sizeof(build.name));
	metrics->root = build_inner(&build, ds->model->root);
	return metrics;
}

void
metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL) {
		return;
	}
	for (size_t i = 0; i < metrics->n; i++) {
		free(metrics->families[i].help);
	}
	free(metrics->families);
	metric_free(metrics->root);
	free(metrics);
}

const struct metric_family *
metrics_family(const struct metrics *metrics, size_t n)
{
	return n < metrics->n ? &metrics->families[n] : NULL;
}

const char *
metric_sample_name(const struct metric_family *family, char *buf, size_t size)
{
	static const char *const suffixes[] = {
		[METRIC_COUNTER] = "_total",
		[METRIC_GAUGE] = "",
		[METRIC_INFO] = "_info",
		[METRIC_HISTOGRAM] = "",
	};

	(void)snprintf(buf, size, "%s%s", family->name, suffixes[family->type]);
	return buf;
}

const char *
metrics_content_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS
		? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		: "text/plain; version=0.0.4; charset=utf-8";
}
