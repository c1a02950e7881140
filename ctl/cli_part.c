/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_part.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"

enum cli_status
cli_part_path(struct cli *cli, char path[CLI_PATH_SIZE], const char *list, const char *key,
	const char *value)
{
	if (value[0] == '\0' || strpbrk(value, "'\"[]") != NULL) {
		return cli_usage_error(cli, "'%s' cannot be the %s of a %s", value, key, list);
	}
	if (!str_appendf(path, CLI_PATH_SIZE, "/%s[%s='%s']", list, key, value)) {
		return cli_usage_error(cli, "the %s of the %s is too long", key, list);
	}
	return CLI_OK;
}

enum cli_status
cli_part_add(struct cli *cli, const char *path, enum cli_word leaves, char **args, size_t n)
{
	json_t *values = json_object();
	enum cli_status status = cli_leaf_parse(cli, leaves, args, n, values, NULL);

	if (status != CLI_OK) {
		json_decref(values);
		return status;
	}
	return cli_edit_print(cli, json_pack("[o]", cli_edit_op("create", path, values)));
}

enum cli_status
cli_part_set(struct cli *cli, const char *path, enum cli_word leaves, char **args, size_t n)
{
	char leaf_path[CLI_PATH_SIZE + 128];
	json_t *values = json_object();
	json_t *removed = json_array();
	json_t *edits = json_array();
	const json_t *name;
	const char *key;
	json_t *value;
	size_t i;
	enum cli_status status = cli_leaf_parse(cli, leaves, args, n, values, removed);

	/* Leaf by leaf: a merge of the part would create it. */
	json_array_foreach (removed, i, name) {
		(void)snprintf(
			leaf_path, sizeof(leaf_path), "%s/%s", path, json_string_value(name));
		(void)json_array_append_new(edits, cli_edit_op("remove", leaf_path, NULL));
	}
	json_object_foreach (values, key, value) {
		(void)snprintf(leaf_path, sizeof(leaf_path), "%s/%s", path, key);
		(void)json_array_append_new(
			edits, cli_edit_op("merge", leaf_path, json_incref(value)));
	}
	json_decref(values);
	json_decref(removed);
	if (status != CLI_OK) {
		json_decref(edits);
		return status;
	}
	return cli_edit_print(cli, edits);
}

enum cli_status
cli_part_del(struct cli *cli, const char *path)
{
	return cli_edit_print(cli, json_pack("[o]", cli_edit_op("delete", path, NULL)));
}

enum cli_status
cli_part_show(struct cli *cli, const char *bridge, const char *list,
	void (*print)(struct cli *cli, const json_t *entries))
{
	char path[CLI_PATH_SIZE];
	char below[64];
	json_t *data = NULL;
	enum cli_status status;

	(void)snprintf(below, sizeof(below), "/%s", list);
	status = cli_path(cli, path, "bridge", bridge, below);
	if (status == CLI_OK) {
		status = cli_get(cli, path, "all", &data);
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK) {
		print(cli, json_object_get(cli_entry(data, "bridge", bridge), list));
	}
	json_decref(data);
	return status;
}
