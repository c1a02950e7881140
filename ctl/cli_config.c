/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_config.h"
#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"

#define ROOT "/vswitch:vswitch"
#define ROOT_MEMBER "vswitch:vswitch"
#define FILE_MODE 0640

static enum cli_status run_show(struct cli *cli, const struct cli_args *args);
static enum cli_status run_check(struct cli *cli, const struct cli_args *args);
static enum cli_status run_load(struct cli *cli, const struct cli_args *args);
static enum cli_status run_save(struct cli *cli, const struct cli_args *args);
static enum cli_status run_edit(struct cli *cli, const struct cli_args *args);

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
		.examples = "  vswitchctl config load switch.json --confirm 60\n"
			    "  vswitchctl config load --merge more-ports.json --dry-run\n",
		.options = load_options,
		.edits = true,
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_load,
	},
	{
		.noun = "config",
		.verb = "save",
		.usage = "[FILE]",
		.summary = "Write the running configuration to a file here, or to standard output",
		.detail = "The daemon keeps its configuration by itself; this is a copy, for "
			  "config load.\n",
		.examples = "  vswitchctl config save switch.json\n",
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_save,
	},
	{
		.noun = "config",
		.verb = "edit",
		.usage = "FILE",
		.summary = "Carry out the edit operations of a file, all of them or none",
		.detail = "The file is a JSON array of operations, {\"op\", \"path\", "
			  "\"value\"}, where op is\n"
			  "merge, create, replace, delete or remove, or the object that the method "
			  "edit\n"
			  "takes. FILE - is standard input.\n",
		.examples = "  vswitchctl config edit changes.json --dry-run\n"
			    "  echo '[{\"op\": \"merge\", \"path\": "
			    "\"/vswitch:vswitch/system\",\n"
			    "    \"value\": {\"description\": \"rack 4\"}}]' | "
			    "vswitchctl config edit -\n",
		.edits = true,
		.min_args = 1,
		.max_args = 1,
		.words = {CLI_WORD_FILE},
		.run = run_edit,
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

/* Any JSON of a file; "-" is standard input. */
static enum cli_status
json_read(struct cli *cli, const char *name, json_t **json)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(name, "re");
	json_error_t error;

	*json = NULL;
	if (file == NULL) {
		return cli_error(cli, "%s: %s", name, strerror(errno));
	}
	*json = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (!is_stdin) {
		(void)fclose(file);
	}
	if (*json == NULL) {
		return cli_error(cli, "%s, line %d, column %d: %s", name, error.line, error.column,
			error.text);
	}
	return CLI_OK;
}

enum cli_status
cli_config_read(struct cli *cli, const char *name, json_t **document)
{
	enum cli_status status = json_read(cli, name, document);

	if (status == CLI_OK &&
		(!json_is_object(*document) || json_object_size(*document) != 1 ||
			!json_is_object(json_object_get(*document, ROOT_MEMBER)))) {
		json_decref(*document);
		*document = NULL;
		return cli_error(cli,
			"%s is not a configuration: an object with the one member \"" ROOT_MEMBER
			"\" is expected, as config show prints it",
			name);
	}
	return status;
}

/* Edits that replace everything by a file, or merge it in. */
static enum cli_status
load_edits(struct cli *cli, const char *name, const char *op, json_t **edits)
{
	json_t *document;
	enum cli_status status = cli_config_read(cli, name, &document);

	*edits = NULL;
	if (status == CLI_OK) {
		json_t *content = json_object_get(document, ROOT_MEMBER);

		*edits = json_pack("[o]", cli_edit_op(op, ROOT, json_incref(content)));
		json_decref(document);
	}
	return status;
}

static enum cli_status
run_check(struct cli *cli, const struct cli_args *args)
{
	json_t *result = NULL;
	json_t *document;
	enum cli_status status = cli_config_read(cli, args->v[0], &document);

	if (status == CLI_OK) {
		status = cli_call(cli, "check", json_pack("{s:o}", "document", document), &result);
	}
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
	json_t *edits;
	enum cli_status status =
		load_edits(cli, args->v[0], args->options[0] == NULL ? "replace" : "merge", &edits);

	return status == CLI_OK ? cli_edit_print(cli, edits) : status;
}

static enum cli_status
run_edit(struct cli *cli, const struct cli_args *args)
{
	json_t *json;
	enum cli_status status = json_read(cli, args->v[0], &json);

	if (status != CLI_OK) {
		return status;
	}
	if (json_is_array(json)) {
		return cli_edit_print(cli, json);
	}
	if (!json_is_array(json_object_get(json, "edits"))) {
		json_decref(json);
		return cli_error(cli,
			"%s: an array of edit operations is expected, or an object with the member "
			"\"edits\"",
			args->v[0]);
	}
	return cli_edit_send(cli, "edit", json);
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
	const char *name = args->n == 0 ? "-" : args->v[0];
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
