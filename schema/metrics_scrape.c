/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The values: one entry's JSON at a time, written into one text for each family, since all samples
 * of a family stand together.
 */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/datastore_priv.h"
#include "schema/jx.h"
#include "schema/metrics_priv.h"

#define TEXT_START ((size_t)4096)
#define NUMBER_SIZE 48

struct text {
	char *bytes;
	size_t len;
	size_t size;
};

struct metrics_scrape {
	const struct metrics *metrics;
	struct datastore *ds;
	enum metrics_format format;
	struct text *texts; /* one for each family */
	struct text labels; /* of the entry that the walk is in: a="1",b="2" */
	size_t n_bytes;
	size_t top; /* child of metrics->root that is walked */
	char **keys; /* of its entries, as they were when its turn came */
	size_t n_keys;
	size_t at;
};

/* --- texts ----------------------------------------------------------------------------------- */

static char *
text_room(struct text *text, size_t len)
{
	if (text->size - text->len < len) {
		text->size = text->size * 2 + len + TEXT_START;
		text->bytes = must_realloc(text->bytes, text->size);
	}
	return text->bytes + text->len;
}

static void
text_add(struct text *text, const char *bytes, size_t len)
{
	memcpy(text_room(text, len), bytes, len);
	text->len += len;
}

static void
text_str(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

/* With backslash before what would end the text: newline, backslash, and quotes if asked. */
static void
text_escaped(struct text *text, const char *string, bool quotes)
{
	for (; *string != '\0'; string++) {
		if (*string == '\n') {
			text_add(text, "\\n", 2);
		} else if (*string == '\\' || (*string == '"' && quotes)) {
			text_add(text, "\\", 1);
			text_add(text, string, 1);
		} else {
			text_add(text, string, 1);
		}
	}
}

/* --- samples --------------------------------------------------------------------------------- */

/* What stands before a family's first sample. */
static void
family_head(
	const struct metrics_scrape *scrape, const struct metric_family *family, struct text *text)
{
	static const char *const openmetrics[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_INFO] = "info",
		[METRIC_HISTOGRAM] = "histogram",
	};
	bool open = scrape->format == METRICS_OPENMETRICS;
	char sample[METRIC_NAME_SIZE];
	const char *type = openmetrics[family->type];
	const char *name = family->name;

	if (!open) {
		/* the older format has no info, and names a counter as its samples */
		type = family->type == METRIC_INFO ? "gauge" : type;
		name = metric_sample_name(family, sample, sizeof(sample));
	}
	text_str(text, "# TYPE ");
	text_str(text, name);
	text_str(text, " ");
	text_str(text, type);
	if (open && family->unit != NULL) {
		text_str(text, "\n# UNIT ");
		text_str(text, name);
		text_str(text, " ");
		text_str(text, family->unit);
	}
	text_str(text, "\n# HELP ");
	text_str(text, name);
	text_str(text, " ");
	text_escaped(text, family->help, open);
	text_str(text, "\n");
}

/* NAME SUFFIX{labels,EXTRA} VALUE; either of the labels may be empty. */
static void
sample_of(struct metrics_scrape *scrape, size_t index, const char *suffix, const char *extra,
	const char *value)
{
	const struct metric_family *family = &scrape->metrics->families[index];
	struct text *text = &scrape->texts[index];
	size_t before = text->len;
	char name[METRIC_NAME_SIZE];

	if (before == 0) {
		family_head(scrape, family, text);
	}
	text_str(text, metric_sample_name(family, name, sizeof(name)));
	text_str(text, suffix);
	if (scrape->labels.len > 0 || extra != NULL) {
		text_add(text, "{", 1);
		if (scrape->labels.len > 0) {
			text_add(text, scrape->labels.bytes, scrape->labels.len);
		}
		if (extra != NULL) {
			if (scrape->labels.len > 0) {
				text_add(text, ",", 1);
			}
			text_str(text, extra);
		}
		text_add(text, "}", 1);
	}
	text_add(text, " ", 1);
	text_str(text, value);
	text_add(text, "\n", 1);
	scrape->n_bytes += text->len - before;
}

static void
sample(struct metrics_scrape *scrape, size_t index, const char *extra, const char *value)
{
	sample_of(scrape, index, "", extra, value);
}

static bool
is_digits(const char *text)
{
	text += *text == '-';
	if (*text == '\0') {
		return false;
	}
	while (isdigit((unsigned char)*text)) {
		text++;
	}
	return *text == '\0';
}

/* A number of the schema in the metric's unit. Returns buf. */
static const char *
scaled_text(const struct metric_node *metric, uint64_t number, char *buf, size_t size)
{
	static const uint64_t tens[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
	uint64_t ten;

	assert(metric->decimals < ARRAY_LEN(tens));
	ten = tens[metric->decimals];
	number *= metric->multiply;
	if (ten == 1) {
		(void)snprintf(buf, size, "%" PRIu64, number);
	} else {
		(void)snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64, number / ten,
			(int)metric->decimals, number % ten);
	}
	return buf;
}

/* The same from JSON; NULL: it is no number. */
static const char *
number_text(const struct metric_node *metric, const json_t *value, char *buf, size_t size)
{
	const char *text = json_string_value(value);

	if (text == NULL) {
		if (!json_is_integer(value)) {
			return NULL;
		}
		(void)snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = buf;
	}
	if (!is_digits(text) || strlen(text) >= NUMBER_SIZE) {
		return NULL;
	}
	if (metric->multiply == 1 && metric->decimals == 0) {
		return text;
	}
	return scaled_text(metric, strtoull(text, NULL, 10), buf, size);
}

/* A 64-bit number is a string (RFC 7951, section 6.1). */
static uint64_t
number_value(const json_t *value)
{
	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10)
				     : (uint64_t)json_integer_value(value);
}

/* Each bound with how many were below it, those that the list leaves out too. */
static void
histogram_sample(
	struct metrics_scrape *scrape, const struct metric_node *metric, const json_t *ranges)
{
	uint64_t counts[METRIC_RANGES_MAX] = {0};
	uint64_t sum = 0;
	char count[NUMBER_SIZE] = "0";
	char bound[NUMBER_SIZE];
	char extra[NUMBER_SIZE + sizeof("le=\"\"")];
	json_t *range;
	size_t at;

	json_array_foreach (ranges, at, range) {
		uint64_t below = number_value(json_object_get(range, metric->keys[0]));

		for (unsigned int i = 0; i < metric->n_ranges; i++) {
			if (below == UINT64_C(1) << (metric->first + i)) {
				counts[i] += number_value(json_object_get(range, metric->count));
			}
		}
	}
	for (unsigned int i = 0; i < metric->n_ranges; i++) {
		const char *le = "+Inf";

		if (i + 1 < metric->n_ranges) {
			le = scaled_text(
				metric, UINT64_C(1) << (metric->first + i), bound, sizeof(bound));
		}
		sum += counts[i];
		(void)snprintf(extra, sizeof(extra), "le=\"%s\"", le);
		(void)snprintf(count, sizeof(count), "%" PRIu64, sum);
		sample_of(scrape, metric->family, "_bucket", extra, count);
	}
	/* OpenMetrics wants none without a sum, which is not known; there the last bucket says it
	 */
	if (scrape->format == METRICS_PROMETHEUS) {
		sample_of(scrape, metric->family, "_count", NULL, count);
	}
}

static void
state_sample(struct metrics_scrape *scrape, const struct metric_node *metric, const char *state)
{
	struct text extra = {0};

	text_str(&extra, "state=\"");
	text_escaped(&extra, state, true);
	text_add(&extra, "\"", 2);
	sample(scrape, metric->family, extra.bytes, "1");
	free(extra.bytes);
}

static void
leaf_sample(struct metrics_scrape *scrape, const struct metric_node *metric, const json_t *value)
{
	char buf[NUMBER_SIZE];
	const char *text;

	switch (metric->kind) {
	case METRIC_NUMBER:
		text = number_text(metric, value, buf, sizeof(buf));
		if (text != NULL) {
			sample(scrape, metric->family, metric->label, text);
		}
		break;
	case METRIC_BOOLEAN:
		sample(scrape, metric->family, NULL, json_is_true(value) ? "1" : "0");
		break;
	case METRIC_STATE:
		if (json_is_string(value)) {
			state_sample(scrape, metric, json_string_value(value));
		}
		break;
	default:
		break;
	}
}

/* --- the walk -------------------------------------------------------------------------------- */

static void
add_label(struct metrics_scrape *scrape, const char *name, const json_t *value)
{
	struct text *labels = &scrape->labels;
	char number[NUMBER_SIZE];
	const char *text = json_string_value(value);

	if (text == NULL) {
		(void)snprintf(
			number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = number;
	}
	if (labels->len > 0) {
		text_add(labels, ",", 1);
	}
	text_str(labels, name);
	text_add(labels, "=\"", 2);
	text_escaped(labels, text, true);
	text_add(labels, "\"", 1);
}

static void
info_sample(struct metrics_scrape *scrape, const struct metric_node *metric, const json_t *in)
{
	size_t before = scrape->labels.len;

	for (size_t i = 0; i < metric->n; i++) {
		const struct metric_node *child = metric->children[i];
		const json_t *value = json_object_get(in, child->node->name);

		if (child->kind == METRIC_INFO_LEAF && value != NULL) {
			add_label(scrape, child->label, value);
		}
	}
	sample(scrape, metric->info, NULL, "1");
	scrape->labels.len = before;
}

static void
walk_entry(struct metrics_scrape *scrape, const struct metric_node *list, const json_t *entry);

/* What is below an object. */
static void
walk(struct metrics_scrape *scrape, const struct metric_node *metric, const json_t *in)
{
	if (metric->has_info) {
		info_sample(scrape, metric, in);
	}
	for (size_t i = 0; i < metric->n; i++) {
		const struct metric_node *child = metric->children[i];
		const json_t *value = json_object_get(in, child->node->name);
		json_t *entry;
		size_t at;

		if (value == NULL) {
			continue;
		}
		if (child->kind == METRIC_LIST) {
			json_array_foreach (value, at, entry) {
				walk_entry(scrape, child, entry);
			}
		} else if (child->kind == METRIC_RANGES) {
			if (json_array_size(value) > 0) {
				histogram_sample(scrape, child, value);
			}
		} else if (child->kind == METRIC_INNER) {
			walk(scrape, child, value);
		} else {
			leaf_sample(scrape, child, value);
		}
	}
}

static void
walk_entry(struct metrics_scrape *scrape, const struct metric_node *list, const json_t *entry)
{
	size_t before = scrape->labels.len;

	for (size_t i = 0; i < list->n_keys; i++) {
		add_label(scrape, list->key_labels[i], json_object_get(entry, list->keys[i]));
	}
	walk(scrape, list, entry);
	scrape->labels.len = before;
}

/* --- entries --------------------------------------------------------------------------------- */

static int
note_key(void *arg, const char *key, const json_t *config)
{
	struct metrics_scrape *scrape = arg;

	scrape->keys[scrape->n_keys++] = str_dup(key);
	return 0;
}

static void
forget_keys(struct metrics_scrape *scrape)
{
	for (size_t i = 0; i < scrape->n_keys; i++) {
		free(scrape->keys[i]);
	}
	free(scrape->keys);
	scrape->keys = NULL;
	scrape->n_keys = 0;
	scrape->at = 0;
}

struct metrics_scrape *
metrics_scrape_begin(
	const struct metrics *metrics, struct datastore *ds, enum metrics_format format)
{
	struct metrics_scrape *scrape = must_calloc(1, sizeof(*scrape));

	scrape->metrics = metrics;
	scrape->ds = ds;
	scrape->format = format;
	scrape->texts = must_calloc(metrics->n, sizeof(*scrape->texts));
	return scrape;
}

static void
scrape_entry(struct metrics_scrape *scrape, const struct metric_node *top, const char *key)
{
	struct datastore *ds = scrape->ds;
	const json_t *config = tree_get(tree_find_list(ds->tree, top->node), key);
	json_t *entry;

	if (config == NULL) {
		return; /* deleted since */
	}
	entry = jx_copy(config);
	if (ds->ops->state != NULL) {
		ds->ops->state(ds->ctx, top->node->name, key, NULL, entry);
	}
	if (top->kind == METRIC_LIST) {
		walk_entry(scrape, top, entry);
	} else {
		walk(scrape, top, entry);
	}
	json_decref(entry);
}

bool
metrics_scrape_step(struct metrics_scrape *scrape)
{
	const struct metric_node *root = scrape->metrics->root;
	const struct tree_list *list;

	while (scrape->top < root->n) {
		const struct metric_node *top = root->children[scrape->top];

		if (scrape->keys == NULL) {
			list = tree_find_list(scrape->ds->tree, top->node);
			scrape->keys = must_calloc(list->count, sizeof(char *));
			(void)tree_each(list, note_key, scrape);
		}
		if (scrape->at < scrape->n_keys) {
			scrape_entry(scrape, top, scrape->keys[scrape->at++]);
			return true;
		}
		forget_keys(scrape);
		scrape->top++;
	}
	return false;
}

size_t
metrics_scrape_size(const struct metrics_scrape *scrape)
{
	return scrape->n_bytes;
}

void
metrics_scrape_end(
	struct metrics_scrape *scrape, void (*emit)(void *arg, char *text, size_t len), void *arg)
{
	static const char end[] = "# EOF\n";

	for (size_t i = 0; i < scrape->metrics->n; i++) {
		if (emit != NULL && scrape->texts[i].len > 0) {
			emit(arg, scrape->texts[i].bytes, scrape->texts[i].len);
		} else {
			free(scrape->texts[i].bytes);
		}
	}
	if (emit != NULL && scrape->format == METRICS_OPENMETRICS) {
		emit(arg, str_dup(end), sizeof(end) - 1);
	}
	forget_keys(scrape);
	free(scrape->labels.bytes);
	free(scrape->texts);
	free(scrape);
}
