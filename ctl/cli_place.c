/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_place.h"

#include "base/str.h"
#include "ctl/cli_part.h"

enum place { FIRST, BEFORE, AFTER };

const struct cli_option cli_place_options[] = {
	[FIRST] = {"first", CLI_FLAG, NULL, "add it, or move it, before all others"},
	[BEFORE] = {"before", CLI_VALUE, "ENTRY", "add it, or move it, before another one"},
	[AFTER] = {"after", CLI_VALUE, "ENTRY", "add it, or move it, behind another one"},
	{NULL},
};

bool
cli_place_given(const struct cli_args *args)
{
	return args->options[FIRST] != NULL || args->options[BEFORE] != NULL ||
		args->options[AFTER] != NULL;
}

enum cli_status
cli_place(struct cli *cli, const struct cli_args *args, const char *path, const char *list,
	json_t *op)
{
	const char *const *options = args->options;
	const char *beside = options[BEFORE] != NULL ? options[BEFORE] : options[AFTER];
	char point[CLI_PATH_SIZE];
	enum cli_status status;

	if ((options[FIRST] != NULL) + (options[BEFORE] != NULL) + (options[AFTER] != NULL) > 1) {
		return cli_usage_error(cli, "give one of --first, --before and --after");
	}
	(void)json_object_set_new(op, "where",
		json_string(options[FIRST] != NULL        ? "first"
				: options[BEFORE] != NULL ? "before"
							  : "after"));
	if (beside == NULL) {
		return CLI_OK;
	}
	(void)str_copy(point, path, sizeof(point));
	status = cli_part_path(cli, point, list, "name", beside);
	if (status == CLI_OK) {
		(void)json_object_set_new(op, "point", json_string(point));
	}
	return status;
}
