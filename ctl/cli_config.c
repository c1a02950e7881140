/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_data.h"

#define ROOT "/vswitch:vswitch"
#define ROOT_MEMBER "vswitch:vswitch"
#define FILE_MODE 0640

static enum cli_status run_show(struct cli *cli, const struct cli_args *args);
static enum cli_status run_check(struct cli *cli, const struct cli_args *args);
static enum cli_status run_load(struct cli *cli, const struct cli_args *args);
static enum cli_status run_save(struct cli *cli, const struct cli_args *args);
static enum cli_status run_diff(struct cli *cli, const struct cli_args *args);

static const struct cli_option load_options[] = {
	{"merge", CLI_FLAG, NULL, "add to the configuration instead of replacing it"},
	{NULL},
};

const struct cli_command cli_config_commands[] = {
	{
		.noun = "config",
		.verb = "show",
		.usage = "",
		.summary = "Print the running configuration as JSON",
		.examples = "  vswitchctl config show\n",
		.run = run_show,
	},
	{
		.noun = "config",
		.verb = "check",
		.usage = "FILE",
		.summary = "Check whether the daemon would accept a configuration; changes nothing",
		.examples = "  vswitchctl config check switch.json\n",
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_check,
	},
	{
		.noun = "config",
		.verb = "load",
		.usage = "FILE [--merge]",
		.summary = "Replace the whole configuration by that of a file, in one step or not "
			   "at all",
		.detail = "Ports that are the same in both keep running untouched. FILE - is "
			  "standard input.\n",
		.examples = "  vswitchctl config load switch.json\n"
			    "  vswitchctl config load --merge more-ports.json\n",
		.options = load_options,
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_load,
	},
	{
		.noun = "config",
		.verb = "save",
		.usage = "FILE",
		.summary = "Write the running configuration to a file here",
		.detail = "The daemon keeps its configuration by itself; this is a copy, for "
			  "config load.\n",
		.examples = "  vswitchctl config save switch.json\n",
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_save,
	},
	{
		.noun = "config",
		.verb = "diff",
		.usage = "FILE",
		.summary = "Show what config load of this file would change",
		.examples = "  vswitchctl config diff switch.json\n",
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_diff,
	},
	{NULL},
};

static enum cli_status
run_show(struct cli *cli, const struct cli_args *args)
{
	json_t *data = NULL;
	enum cli_status status = cli_get(cli, "/", "config", &data);

	if (status == CLI_OK) {
		cli_print_json(cli, data);
	}
	json_decref(data);
	return status;
}

/* The content of the switch's root container in a file. */
static enum cli_status
file_read(struct cli *cli, const char *name, json_t **content)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(name, "re");
	json_error_t error;
	json_t *document;

	*content = NULL;
	if (file == NULL) {
		return cli_error(cli, "%s: %s", name, strerror(errno));
	}
	document = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (!is_stdin) {
		(void)fclose(file);
	}
	if (document == NULL) {
		return cli_error(cli, "%s, line %d, column %d: %s", name, error.line, error.column,
			error.text);
	}
	if (!json_is_object(document) || json_object_size(document) != 1 ||
		!json_is_object(json_object_get(document, ROOT_MEMBER))) {
		json_decref(document);
		return cli_error(cli,
			"%s is not a configuration: an object with the one member \"" ROOT_MEMBER
			"\" is expected, as config show prints it",
			name);
	}
	*content = json_incref(json_object_get(document, ROOT_MEMBER));
	json_decref(document);
	return CLI_OK;
}

/* Replace (or merge) everything by a file. */
static enum cli_status
file_apply(struct cli *cli, const char *name, const char *op, bool dry_run, json_t **result)
{
	json_t *content;
	enum cli_status status = file_read(cli, name, &content);

	*result = NULL;
	if (status != CLI_OK) {
		return status;
	}
	return cli_edit(cli, json_pack("[o]", cli_edit_op(op, ROOT, content)), dry_run, result);
}

static enum cli_status
run_check(struct cli *cli, const struct cli_args *args)
{
	json_t *result = NULL;
	enum cli_status status = file_apply(cli, args->v[0], "replace", true, &result);

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	} else if (status == CLI_OK) {
		(void)fprintf(cli->out, "%s is valid\n", args->v[0]);
	}
	json_decref(result);
	return status;
}

static enum cli_status
run_load(struct cli *cli, const struct cli_args *args)
{
	const char *op = args->options[0] == NULL ? "replace" : "merge";
	json_t *result = NULL;
	enum cli_status status = file_apply(cli, args->v[0], op, false, &result);

	if (status == CLI_OK && cli->json) {
		cli_print_json(cli, result);
	}
	json_decref(result);
	return status;
}

static enum cli_status
run_diff(struct cli *cli, const struct cli_args *args)
{
	json_t *result = NULL;
	enum cli_status status = file_apply(cli, args->v[0], "replace", true, &result);
	const json_t *changes = json_object_get(result, "changes");

	if (status == CLI_OK && !cli->json && json_array_size(changes) == 0) {
		(void)fputs("no difference\n", cli->out);
	} else if (status == CLI_OK) {
		cli_print_json(cli, cli->json ? result : changes);
	}
	json_decref(result);
	return status;
}

/* Write beside the file, sync, rename: a crash leaves the old file or the new one. */
static int
file_replace(const char *name, const char *text)
{
	char temporary[4096];
	size_t len = strlen(text);
	int rc = 0;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", name, (long)getpid()) >=
		(int)sizeof(temporary)) {
		return -ENAMETOOLONG;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0) {
		return -errno;
	}
	while (len > 0 && rc == 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0) {
			rc = errno == EINTR ? 0 : -errno;
			continue;
		}
		text += n;
		len -= (size_t)n;
	}
	if (rc == 0 && fsync(fd) != 0 && errno != EINVAL) {
		rc = -errno;
	}
	if (close(fd) != 0 && rc == 0) {
		rc = -errno;
	}
	if (rc == 0 && rename(temporary, name) != 0) {
		rc = -errno;
	}
	if (rc != 0) {
		(void)unlink(temporary);
	}
	return rc;
}

static enum cli_status
run_save(struct cli *cli, const struct cli_args *args)
{
	const char *name = args->v[0];
	json_t *data = NULL;
	enum cli_status status = cli_get(cli, "/", "config", &data);
	char *text = NULL;
	int rc;

	if (status != CLI_OK) {
		return status;
	}
	if (strcmp(name, "-") == 0) {
		cli_print_json(cli, data);
	} else {
		text = json_dumps(data, JSON_INDENT(2));
		rc = text == NULL ? -ENOMEM : file_replace(name, text);
		if (rc != 0) {
			status = cli_error(cli, "%s: %s", name, strerror(-rc));
		}
	}
	free(text);
	json_decref(data);
	return status;
}
