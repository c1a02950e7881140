/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_entry.h"

#include <string.h>

#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"

static enum cli_status
set_edits(struct cli *cli, const char *path, json_t *values, const json_t *removed, json_t **edits);

enum cli_status
cli_entry_add(struct cli *cli, const struct cli_args *args)
{
	const struct cli_entry_kind *kind = cli->command->entry;
	char path[CLI_PATH_SIZE];
	json_t *values = json_object();
	enum cli_status status = cli_path(cli, path, kind->list, args->v[0], "");

	if (status == CLI_OK) {
		status = cli_leaf_parse(cli, kind->leaves, args->v + 1, args->n - 1, values, NULL);
	}
	if (status == CLI_OK) {
		const char *op = args->options[0] != NULL ? "merge" : "create";

		status = cli_edit_print(
			cli, json_pack("[o]", cli_edit_op(op, path, json_incref(values))));
	}
	json_decref(values);
	return status;
}

enum cli_status
cli_entry_del(struct cli *cli, const struct cli_args *args)
{
	const char *op = args->options[0] != NULL ? "remove" : "delete";
	json_t *edits = json_array();

	for (size_t i = 0; i < args->n; i++) {
		char path[CLI_PATH_SIZE];
		enum cli_status status =
			cli_path(cli, path, cli->command->entry->list, args->v[i], "");

		if (status != CLI_OK) {
			json_decref(edits);
			return status;
		}
		(void)json_array_append_new(edits, cli_edit_op(op, path, NULL));
	}
	return cli_edit_print(cli, edits);
}

enum cli_status
cli_entry_set(struct cli *cli, const struct cli_args *args)
{
	const struct cli_entry_kind *kind = cli->command->entry;
	char path[CLI_PATH_SIZE];
	json_t *values = json_object();
	json_t *removed = json_array();
	json_t *edits = NULL;
	json_t *data = NULL;
	enum cli_status status = cli_path(cli, path, kind->list, args->v[0], "");

	if (status == CLI_OK) {
		status = cli_leaf_parse(
			cli, kind->leaves, args->v + 1, args->n - 1, values, removed);
	}
	/* merge would create what is not there */
	if (status == CLI_OK) {
		status = cli_get(cli, path, "config", &data);
	}
	if (status == CLI_OK && cli_entry(data, kind->list, args->v[0]) == NULL) {
		status = cli_error(cli, "there is no %s '%s'", kind->list, args->v[0]);
	}
	if (status == CLI_OK) {
		status = set_edits(cli, path, values, removed, &edits);
	}
	if (status == CLI_OK) {
		status = cli_edit_print(cli, edits);
	}
	json_decref(data);
	json_decref(values);
	json_decref(removed);
	return status;
}

enum cli_status
cli_entry_show(struct cli *cli, const struct cli_args *args)
{
	const struct cli_entry_kind *kind = cli->command->entry;
	const char *name = args->n == 1 ? args->v[0] : NULL;
	const json_t *entry = NULL;
	char path[CLI_PATH_SIZE];
	json_t *data = NULL;
	enum cli_status status = CLI_OK;

	(void)snprintf(path, sizeof(path), "/vswitch:vswitch/%s", kind->list);
	if (name != NULL) {
		status = cli_path(cli, path, kind->list, name, "");
	}
	if (status == CLI_OK) {
		status = cli_get(cli, path, "all", &data);
	}
	if (status == CLI_OK && name != NULL) {
		entry = cli_entry(data, kind->list, name);
		if (entry == NULL) {
			status = cli_error(cli, "there is no %s '%s'", kind->list, name);
		}
	}
	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, data);
	} else if (status == CLI_OK && entry == NULL) {
		kind->print_all(cli, data);
	} else if (status == CLI_OK && kind->print != NULL) {
		kind->print(cli, entry);
	} else if (status == CLI_OK) {
		cli_print_object(cli, entry, 0);
	}
	json_decref(data);
	return status;
}

/* Merge adds to a leaf-list; who sets one means to replace it. */
static enum cli_status
set_edits(struct cli *cli, const char *path, json_t *values, const json_t *removed, json_t **edits)
{
	char leaf_path[CLI_PATH_SIZE + 128];
	const json_t *name;
	const char *key;
	json_t *value;
	size_t i;

	*edits = json_array();
	json_array_foreach (removed, i, name) {
		(void)snprintf(
			leaf_path, sizeof(leaf_path), "%s/%s", path, json_string_value(name));
		(void)json_array_append_new(*edits, cli_edit_op("remove", leaf_path, NULL));
	}
	json_object_foreach (values, key, value) {
		if (json_is_array(value)) {
			(void)snprintf(leaf_path, sizeof(leaf_path), "%s/%s", path, key);
			(void)json_array_append_new(*edits, cli_edit_op("remove", leaf_path, NULL));
		}
	}
	if (json_object_size(values) > 0) {
		(void)json_array_append_new(
			*edits, cli_edit_op("merge", path, json_incref(values)));
	}
	return CLI_OK;
}
