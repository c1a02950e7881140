/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_flow.h"
#include "ctl/cli_rules.h"
#include "ctl/flow_text.h"

/* A rule as canonical text: rules are the same if their texts are. */
struct entry {
	char *key; /* table, priority and match, as delete_strict takes them; owned */
	char *text; /* all of it; owned */
	size_t place; /* in its list */
};

struct entries {
	struct entry *v; /* owned */
	size_t n;
	size_t room;
	char text[FLOW_TEXT_MAX + 1]; /* scratch */
};

struct counts {
	uint64_t added;
	uint64_t changed;
	uint64_t deleted;
	uint64_t kept;
};

/* A range of ports that a mask can say: the daemon tells it as that mask. */
static void
range_mask(struct flow_rule *rule, enum flow_field field)
{
	struct flow_term *term = &rule->terms[field];
	uint64_t span = term->value[1] - term->value[0];

	if (flow_rule_has(rule, field) && term->range && (span & (span + 1)) == 0 &&
		(term->value[0] & span) == 0) {
		term->range = false;
		term->mask[0] = UINT16_MAX & ~span;
		term->value[1] = 0;
	}
}

static void
entries_add(struct entries *entries, struct flow_rule *rule)
{
	struct entry *entry;
	struct flow_rule key;

	range_mask(rule, FLOW_L4_SRC);
	range_mask(rule, FLOW_L4_DST);
	key = *rule;

	if (entries->n == entries->room) {
		entries->room = entries->room * 2 + 64;
		entries->v = realloc(entries->v, entries->room * sizeof(entries->v[0]));
		if (entries->v == NULL) {
			abort();
		}
	}
	entry = &entries->v[entries->n];
	(void)flow_text_print(rule, entries->text, sizeof(entries->text));
	entry->text = str_dup(entries->text);
	key.op = FLOW_DELETE;
	key.strict = true;
	key.any_table = false;
	key.cookie_mask = 0;
	key.idle_timeout = 0;
	key.hard_timeout = 0;
	(void)flow_text_print(&key, entries->text, sizeof(entries->text));
	entry->key = str_dup(entries->text);
	entry->place = entries->n++;
}

static void
entries_fini(struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		free(entries->v[i].key);
		free(entries->v[i].text);
	}
	free(entries->v);
}

static int
entry_order(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : x->place < y->place ? -1 : 1;
}

static void
entries_sort(struct entries *entries)
{
	if (entries->n > 1) {
		qsort(entries->v, entries->n, sizeof(entries->v[0]), entry_order);
	}
}

static int
file_rule(void *arg, struct flow_rule *rule, struct err *err)
{
	if (rule->op != FLOW_ADD) {
		return err_set(err, ERR_INVALID, NULL,
			"%s: the file says which rules there are to be, not what is to be done",
			flow_text_op(rule));
	}
	entries_add(arg, rule);
	return 0;
}

static enum cli_status
daemon_page(struct cli *cli, json_t *answer, void *arg)
{
	enum cli_status status = CLI_OK;
	struct flow_rule rule;
	const json_t *flow;
	size_t i;

	json_array_foreach (json_object_get(answer, "flows"), i, flow) {
		status = cli_flow_read(cli, flow, &rule);
		if (status != CLI_OK) {
			break;
		}
		entries_add(arg, &rule);
	}
	return status;
}

/*
 * What leads from the rules of the daemon to those of the file, as lines; both are sorted. All that
 * is deleted comes first: the daemon may tell a match in other words than the file, and must not
 * delete what has just been added.
 */
static void
difference(const struct entries *file, const struct entries *daemon, struct cli_rules *rules,
	struct counts *counts)
{
	FILE *out = open_memstream(&rules->text, &rules->len);
	char *added = NULL;
	size_t added_len = 0;
	FILE *later = open_memstream(&added, &added_len);
	size_t d = 0;

	if (out == NULL || later == NULL) {
		abort();
	}
	for (size_t f = 0; f < file->n || d < daemon->n;) {
		const struct entry *wanted = f < file->n ? &file->v[f] : NULL;
		const struct entry *there = d < daemon->n ? &daemon->v[d] : NULL;
		int order;

		if (wanted != NULL && f + 1 < file->n && strcmp(wanted->key, wanted[1].key) == 0) {
			f++; /* a later line replaces it */
			continue;
		}
		order = wanted == NULL ? 1 : there == NULL ? -1 : strcmp(wanted->key, there->key);
		if (order > 0) {
			(void)fprintf(out, "delete_strict %s\n", there->key);
			counts->deleted++;
		} else if (order < 0) {
			(void)fprintf(later, "add %s\n", wanted->text);
			counts->added++;
		} else if (strcmp(wanted->text, there->text) != 0) {
			(void)fprintf(later, "add %s\n", wanted->text);
			counts->changed++;
		} else {
			counts->kept++;
		}
		f += order <= 0;
		d += order >= 0;
	}
	if (fclose(later) != 0 || fwrite(added, 1, added_len, out) != added_len ||
		fclose(out) != 0) {
		abort();
	}
	free(added);
}

static enum cli_status
replace(struct cli *cli, const struct cli_args *args, struct entries *file, struct entries *daemon)
{
	struct cli_rules rules = {.name = NULL};
	struct counts counts = {0};
	json_t *result = NULL;
	enum cli_status status =
		cli_rules_of_file(cli, args->options[CLI_FLOW_FILE], file_rule, file, &rules);

	cli_rules_fini(&rules);
	if (status == CLI_OK) {
		status = cli_flows(cli, args->v[0], NULL, UINT64_MAX, daemon_page, daemon);
	}
	if (status != CLI_OK) {
		return status;
	}
	entries_sort(file);
	entries_sort(daemon);
	difference(file, daemon, &rules, &counts);
	status = cli_rules_send(
		cli, args->v[0], &rules, args->options[CLI_FLOW_DRY_RUN] != NULL, &result);
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK) {
		(void)fprintf(cli->out,
			"%" PRIu64 " added, %" PRIu64 " changed, %" PRIu64 " deleted, %" PRIu64
			" kept\n",
			counts.added, counts.changed, counts.deleted, counts.kept);
	}
	json_decref(result);
	cli_rules_fini(&rules);
	return status;
}

enum cli_status
cli_flow_replace(struct cli *cli, const struct cli_args *args)
{
	struct entries *file = calloc(1, sizeof(*file));
	struct entries *daemon = calloc(1, sizeof(*daemon));
	enum cli_status status;

	if (file == NULL || daemon == NULL) {
		abort();
	}
	if (args->options[CLI_FLOW_FILE] == NULL) {
		status = cli_usage_error(cli, "the rules come from a file: --file FILE");
	} else {
		status = replace(cli, args, file, daemon);
	}
	entries_fini(file);
	entries_fini(daemon);
	free(file);
	free(daemon);
	return status;
}
