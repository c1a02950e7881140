/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_data.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_table.h"

#define INDENT 2
#define LIST_COLUMNS_MAX 15

static void print_list(struct cli *cli, const char *name, const json_t *list, unsigned int indent);

enum cli_status
cli_path(struct cli *cli, char *path, const char *list, const char *key, const char *tail)
{
	char quote = strchr(key, '\'') == NULL ? '\'' : '"';
	int n;

	if (key[0] == '\0' || (quote == '"' && strchr(key, '"') != NULL)) {
		return cli_usage_error(cli, "'%s' cannot be the name of a %s", key, list);
	}
	n = snprintf(path, CLI_PATH_SIZE, "/vswitch:vswitch/%s[name=%c%s%c]%s", list, quote, key,
		quote, tail);
	if (n < 0 || n >= CLI_PATH_SIZE) {
		return cli_usage_error(cli, "the name of the %s is too long", list);
	}
	return CLI_OK;
}

const json_t *
cli_root(const json_t *data)
{
	const json_t *root = json_object_get(data, "vswitch:vswitch");

	return root == NULL ? data : root;
}

const json_t *
cli_list(const json_t *data, const char *name)
{
	return json_object_get(cli_root(data), name);
}

const json_t *
cli_entry(const json_t *data, const char *list, const char *key)
{
	const json_t *entries = cli_list(data, list);
	const json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		if (strcmp(cli_str(entry, "name"), key) == 0) {
			return entry;
		}
	}
	return NULL;
}

const char *
cli_str(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

static uint64_t
number(const json_t *value)
{
	if (json_is_string(value)) {
		return strtoull(json_string_value(value), NULL, 10);
	}
	return json_integer_value(value) < 0 ? 0 : (uint64_t)json_integer_value(value);
}

uint64_t
cli_num(const json_t *object, const char *name)
{
	return number(json_object_get(object, name));
}

uint64_t
cli_sum(const json_t *object)
{
	const char *name;
	json_t *value;
	uint64_t sum = 0;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		sum += number(value);
	}
	return sum;
}

const char *
cli_text(const json_t *value, char *buf, size_t size)
{
	const json_t *element;
	size_t i;

	buf[0] = '\0';
	switch (json_typeof(value)) {
	case JSON_STRING:
		(void)str_copy(buf, json_string_value(value), size);
		break;
	case JSON_INTEGER:
		(void)str_appendf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		(void)str_appendf(buf, size, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		(void)str_copy(buf, json_is_true(value) ? "true" : "false", size);
		break;
	case JSON_NULL:
		break;
	case JSON_ARRAY:
		json_array_foreach (value, i, element) {
			char one[128];

			(void)str_appendf(buf, size, "%s%s", i == 0 ? "" : ",",
				cli_text(element, one, sizeof(one)));
		}
		break;
	case JSON_OBJECT:
		(void)str_copy(buf, "{...}", size);
		break;
	}
	return buf;
}

static bool
is_entry_list(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static bool
is_reasons(const char *container)
{
	return container != NULL &&
		(strcmp(container, "drops") == 0 || strcmp(container, "missed") == 0);
}

/* Of the many reasons for a loss, a person wants to see those that occurred, if any did. */
static bool
is_quiet(const char *container, const char *name, const json_t *value)
{
	return json_is_object(value) ? is_reasons(name) && cli_sum(value) == 0
				     : is_reasons(container) && number(value) == 0;
}

/* Print the members of an object that is the member `container` of another (NULL: of none). */
static void
print_members(struct cli *cli, const char *container, const json_t *object, unsigned int indent)
{
	const char *name;
	json_t *value;
	int width = 0;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		if (!json_is_object(value) && !is_quiet(container, name, value) &&
			(int)strlen(name) > width) {
			width = (int)strlen(name);
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		char text[2048];

		if (is_quiet(container, name, value)) {
			continue;
		}
		(void)fprintf(cli->out, "%*s", (int)indent, "");
		if (json_is_object(value)) {
			cli_print_text(cli, name);
			(void)fputc('\n', cli->out);
			print_members(cli, name, value, indent + INDENT);
		} else if (is_entry_list(value)) {
			print_list(cli, name, value, indent);
		} else {
			(void)fprintf(cli->out, "%-*s", width + INDENT, name);
			cli_print_text(cli, cli_text(value, text, sizeof(text)));
			(void)fputc('\n', cli->out);
		}
	}
}

void
cli_print_object(struct cli *cli, const json_t *object, unsigned int indent)
{
	print_members(cli, NULL, object, indent);
}

/* A list of entries as a table whose columns are the members of its first entries. */
static void
print_list(struct cli *cli, const char *name, const json_t *list, unsigned int indent)
{
	const char *columns[LIST_COLUMNS_MAX + 1] = {NULL};
	struct cli_table *table;
	const json_t *entry;
	const char *key;
	json_t *value;
	size_t n = 0;
	size_t i;

	json_array_foreach (list, i, entry) {
		json_object_foreach ((json_t *)(uintptr_t)entry, key, value) {
			size_t c = 0;

			while (c < n && strcmp(columns[c], key) != 0) {
				c++;
			}
			if (c == n && n < LIST_COLUMNS_MAX) {
				columns[n++] = key;
			}
		}
	}
	cli_print_text(cli, name);
	(void)fputc('\n', cli->out);
	table = cli_table_create(columns);
	json_array_foreach (list, i, entry) {
		cli_table_row(table);
		for (size_t c = 0; c < n; c++) {
			char text[512] = "";

			value = json_object_get(entry, columns[c]);
			cli_table_cell(table, "%s",
				value == NULL ? "" : cli_text(value, text, sizeof(text)));
		}
	}
	cli_table_print(table, cli, indent + INDENT);
	cli_table_destroy(table);
}
