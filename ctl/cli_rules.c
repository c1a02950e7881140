/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/flow_json.h"
#include "ctl/flow_lines.h"
#include "ctl/flow_text.h"
#include "ctl/jsonrpc.h"

#define SHOWN_MAX 100 /* columns of a line above a caret */
#define SHOWN_BEFORE 60 /* of them before the caret, if the line is longer */
#define SENT_SPARE 4096 /* bytes of a request beside its text */
#define PAGE 10000 /* the daemon's largest */

void
cli_rules_fini(struct cli_rules *rules)
{
	free(rules->text);
	*rules = (struct cli_rules){.text = NULL};
}

/* ---- what is wrong, and where ---- */

/* Where a message says that it belongs. */
struct place {
	size_t line; /* 0: nowhere */
	size_t column; /* 0: unknown */
	const char *rest; /* of the message */
};

/* A word and a number behind it: go past them. */
static bool
number_take(const char **at, const char *word, size_t *n)
{
	size_t len = strlen(word);
	char *end;

	if (strncmp(*at, word, len) != 0 || (*at)[len] < '0' || (*at)[len] > '9') {
		return false;
	}
	*n = strtoul(*at + len, &end, 10);
	*at = end;
	return true;
}

/* A message that begins with "line N, column M: ", "line N: " or neither. */
static struct place
place_of(const char *message)
{
	struct place place = {.rest = message};
	const char *at = message;

	if (number_take(&at, "line ", &place.line)) {
		(void)number_take(&at, ", column ", &place.column);
		if (strncmp(at, ": ", 2) == 0) {
			place.rest = at + 2;
			return place;
		}
	}
	return (struct place){.rest = message};
}

/* The line itself, and a caret below the column. */
static void
line_show(struct cli *cli, struct flow_slice line, size_t column)
{
	size_t from = column > SHOWN_MAX - 20 ? column - SHOWN_BEFORE : 0;

	(void)fprintf(cli->err, "  %s", from > 0 ? "..." : "");
	for (size_t i = from; i < line.len && i < from + SHOWN_MAX; i++) {
		char c = line.at[i];

		(void)fputc(c == '\t' ? ' ' : c < ' ' || c > '~' ? '?' : c, cli->err);
	}
	(void)fprintf(cli->err, "%s\n", line.len > from + SHOWN_MAX ? "..." : "");
	if (column > 0) {
		(void)fprintf(
			cli->err, "  %*s^\n", (int)(column - 1 - from + (from > 0 ? 3 : 0)), "");
	}
}

/* Line number n of the rules, what nobody typed left out. */
static bool
line_find(const struct cli_rules *rules, size_t n, struct flow_slice *line)
{
	struct flow_lines lines = flow_lines_of(rules->text, rules->len);

	while (flow_lines_next(&lines, line)) {
		if (lines.number == n && line->len >= rules->skip) {
			line->at += rules->skip;
			line->len -= rules->skip;
			return true;
		}
	}
	return false;
}

/* Show a message as place_of() takes it. */
static void
rules_blame(struct cli *cli, const struct cli_rules *rules, const char *message)
{
	struct place place = place_of(message);
	struct flow_slice line;

	if (place.line == 0 || !line_find(rules, place.line, &line)) {
		(void)cli_error(cli, "%s%s%s", rules->name == NULL ? "" : rules->name,
			rules->name == NULL ? "" : ": ", message);
		return;
	}
	place.column = place.column > rules->skip ? place.column - rules->skip : 0;
	if (rules->name == NULL) {
		(void)cli_error(cli, "%s", place.rest);
	} else if (place.column > 0) {
		(void)cli_error(cli, "%s, line %zu, column %zu: %s", rules->name, place.line,
			place.column, place.rest);
	} else {
		(void)cli_error(cli, "%s, line %zu: %s", rules->name, place.line, place.rest);
	}
	line_show(cli, line, place.column);
}

/* An error of reading line number n, "column 5: ..." or none of that. */
static void
read_blame(struct cli *cli, const struct cli_rules *rules, size_t n, const struct err *err)
{
	char message[ERR_TEXT_SIZE + 64];

	(void)snprintf(message, sizeof(message), "line %zu%s%s", n,
		strncmp(err->text, "column ", 7) == 0 ? ", " : ": ", err->text);
	rules_blame(cli, rules, message);
}

/* ---- from where they come ---- */

enum cli_status
cli_rules_of_args(
	struct cli *cli, const char *op, char *const *args, size_t n, struct cli_rules *rules)
{
	struct err err = ERR_INIT;
	struct flow_rule rule;
	FILE *out;

	*rules = (struct cli_rules){.skip = strlen(op) + 1};
	out = open_memstream(&rules->text, &rules->len);
	if (out == NULL) {
		abort();
	}
	for (size_t i = 0; i < n; i++) {
		(void)fprintf(out, "%s ", op);
		for (const char *c = args[i]; *c != '\0'; c++) {
			(void)fputc(*c == '\n' ? ' ' : *c, out);
		}
		(void)fputc('\n', out);
	}
	if (fclose(out) != 0) {
		abort();
	}
	for (size_t i = 0, at = 0; i < n; i++) {
		size_t len = strcspn(rules->text + at, "\n");

		if (flow_text_parse_op(rules->text + at, len, &rule, &err) != 0) {
			read_blame(cli, rules, i + 1, &err);
			return CLI_USAGE;
		}
		at += len + 1;
	}
	return CLI_OK;
}

/* All of a file, or stdin; free() it. */
static enum cli_status
file_read(struct cli *cli, const char *name, char **text, size_t *len)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(name, "re");
	FILE *out = open_memstream(text, len);
	char part[16384];
	int error;
	size_t n;

	if (out == NULL) {
		abort();
	}
	while (in != NULL && (n = fread(part, 1, sizeof(part), in)) > 0) {
		(void)fwrite(part, 1, n, out);
	}
	error = in == NULL || ferror(in) != 0 ? errno : 0;
	if (in != NULL && !is_stdin) {
		(void)fclose(in);
	}
	if (fclose(out) != 0) {
		abort();
	}
	return error == 0 ? CLI_OK : cli_error(cli, "%s: %s", name, strerror(error));
}

/* Read each line of `all`, and write the rules without what stands around them. */
static enum cli_status
lines_read(struct cli *cli, const struct cli_rules *all,
	int (*each)(void *arg, struct flow_rule *rule, struct err *err), void *arg, FILE *out)
{
	struct flow_lines lines = flow_lines_of(all->text, all->len);
	struct err err = ERR_INIT;
	struct flow_rule rule;
	struct flow_slice line;

	for (size_t written = 1; flow_lines_next(&lines, &line); written++) {
		int rc = flow_text_parse_op(line.at, line.len, &rule, &err);

		if (rc == 0 && each != NULL) {
			rc = each(arg, &rule, &err);
		}
		if (rc != 0) {
			read_blame(cli, all, lines.number, &err);
			return CLI_REFUSED;
		}
		for (; written < lines.number; written++) {
			(void)fputc('\n', out);
		}
		(void)fwrite(line.at, 1, line.len, out);
		(void)fputc('\n', out);
	}
	return CLI_OK;
}

enum cli_status
cli_rules_of_file(struct cli *cli, const char *name,
	int (*each)(void *arg, struct flow_rule *rule, struct err *err), void *arg,
	struct cli_rules *rules)
{
	struct cli_rules all = {.name = strcmp(name, "-") == 0 ? "standard input" : name};
	enum cli_status status = file_read(cli, name, &all.text, &all.len);
	FILE *out;

	*rules = (struct cli_rules){.name = all.name};
	out = open_memstream(&rules->text, &rules->len);
	if (out == NULL) {
		abort();
	}
	if (status == CLI_OK) {
		status = lines_read(cli, &all, each, arg, out);
	}
	if (fclose(out) != 0) {
		abort();
	}
	cli_rules_fini(&all);
	return status;
}

/* ---- to the daemon ---- */

/* True if the text fits into a request; newlines, quotes and tabs are two bytes there. */
static bool
sendable(const struct cli_rules *rules)
{
	size_t len = rules->len + SENT_SPARE;

	for (size_t i = 0; i < rules->len; i++) {
		len += strchr("\n\r\t\"", rules->text[i]) != NULL;
	}
	return len <= RPC_LINE_MAX;
}

enum cli_status
cli_rules_send(struct cli *cli, const char *bridge, const struct cli_rules *rules, bool dry_run,
	json_t **result)
{
	json_t *params;
	json_t *fault = NULL;
	enum cli_status status;
	const char *message;

	*result = NULL;
	if (!sendable(rules)) {
		return cli_error(cli,
			"%s%s%zu bytes of rules do not fit into one request of %u MiB; "
			"split them, each part is its own batch then",
			rules->name == NULL ? "" : rules->name, rules->name == NULL ? "" : ": ",
			rules->len, RPC_LINE_MAX >> 20);
	}
	params = json_pack("{s:s, s:s%}", "bridge", bridge, "text", rules->text, rules->len);
	if (dry_run) {
		(void)json_object_set_new(params, "dry-run", json_true());
	}
	status = cli_call_fault(cli, "program", params, result, &fault);
	message = cli_str(fault, "message");
	if (fault != NULL && place_of(message).line > 0) {
		rules_blame(cli, rules, message);
	} else if (fault != NULL) {
		cli_fault_print(cli, fault);
	}
	json_decref(fault);
	return status;
}

uint64_t
cli_rules_touched(const json_t *result)
{
	const json_t *op;
	uint64_t n = 0;
	size_t i;

	json_array_foreach (json_object_get(result, "results"), i, op) {
		n += cli_num(op, "rules");
	}
	return n;
}

enum cli_status
cli_match_check(struct cli *cli, const char *text)
{
	struct cli_rules typed = {.text = (char *)(uintptr_t)text, .len = strlen(text)};
	struct err err = ERR_INIT;
	struct flow_rule rule;

	if (flow_text_parse_match(text, typed.len, &rule, &err) != 0) {
		read_blame(cli, &typed, 1, &err);
		return CLI_USAGE;
	}
	return CLI_OK;
}

enum cli_status
cli_flows(struct cli *cli, const char *bridge, const char *match, uint64_t limit,
	enum cli_status (*page)(struct cli *cli, json_t *answer, void *arg), void *arg)
{
	enum cli_status status = CLI_OK;
	json_t *answer = NULL;
	json_t *after = NULL;

	while (status == CLI_OK && limit > 0) {
		uint64_t wanted = limit < PAGE ? limit : PAGE;
		json_t *params =
			json_pack("{s:s, s:I}", "bridge", bridge, "limit", (json_int_t)wanted);
		size_t n = 0;

		if (match != NULL) {
			(void)json_object_set_new(params, "match", json_string(match));
		}
		if (after != NULL) {
			(void)json_object_set_new(params, "after", after);
			after = NULL;
		}
		status = cli_call(cli, "flows", params, &answer);
		if (status == CLI_OK) {
			n = json_array_size(json_object_get(answer, "flows"));
			after = json_incref(json_object_get(answer, "next"));
			status = page(cli, answer, arg);
		}
		json_decref(answer);
		limit -= n < limit ? n : limit;
		if (after == NULL || n == 0) {
			break;
		}
	}
	json_decref(after);
	return status;
}

enum cli_status
cli_flow_read(struct cli *cli, const json_t *flow, struct flow_rule *rule)
{
	struct err err = ERR_INIT;

	if (flow_json_read(flow, rule, &err) == 0) {
		return CLI_OK;
	}
	return cli_error(cli, "the daemon's rule cannot be read here: %s; see --json", err.text);
}
