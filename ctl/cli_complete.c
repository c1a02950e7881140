/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Candidates for the shell: vswitchctl __complete WORD... prints one per line for the last word,
 * from the same tables that parse. Candidates need not match the word; the shell filters. Names of
 * bridges and ports are asked from the daemon, with patience of a second; without one there are
 * none.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_data.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_events.h"
#include "ctl/cli_leaf.h"
#include "ctl/client.h"

#define COMPLETE_TIMEOUT_MS 1000
#define COMPLETE_REVISIONS 20

static void
put(struct cli *cli, const char *prefix, const char *text)
{
	(void)fprintf(cli->out, "%s%s\n", prefix, text);
}

/* Nouns (`noun` NULL) or the verbs of a noun, each once. */
static void
put_commands(struct cli *cli, const char *noun)
{
	const char *last = "";

	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			const char *word = noun == NULL ? c->noun : c->verb;

			if (noun != NULL && strcmp(c->noun, noun) != 0) {
				continue;
			}
			if (word != NULL && strcmp(word, last) != 0) {
				put(cli, "", word);
				last = word;
			}
		}
	}
}

static void
put_options(struct cli *cli, const struct cli_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		put(cli, "--", options->name);
	}
}

/* What the word before wants, if it is an option of the command that takes such a value. */
static enum cli_word
option_word(const struct cli_command *command, const char *before)
{
	static const struct {
		const char *value;
		enum cli_word word;
	} values[] = {
		{"FILE", CLI_WORD_FILE}, {"BRIDGE", CLI_WORD_BRIDGE}, {"PORT", CLI_WORD_PORT}};
	const struct cli_option *o = command == NULL ? NULL : command->options;

	for (; o != NULL && o->name != NULL; o++) {
		for (size_t i = 0; i < ARRAY_LEN(values); i++) {
			if (o->kind == CLI_VALUE && strcmp(o->value, values[i].value) == 0 &&
				strncmp(before, "--", 2) == 0 && strcmp(before + 2, o->name) == 0) {
				return values[i].word;
			}
		}
	}
	return CLI_WORD_NONE;
}

/* Names of the entries of a list; the depth keeps the answer to the names. */
static void
put_names(struct cli *cli, const char *list, const char *prefix)
{
	char path[128];
	json_t *data = NULL;
	const json_t *entry;
	size_t i;

	(void)snprintf(path, sizeof(path), "/vswitch:vswitch/%s", list);
	if (cli_call_quiet(cli, "get", json_pack("{s:s, s:s}", "path", path, "content", "config"),
		    &data) != CLI_OK) {
		return;
	}
	json_array_foreach (cli_list(data, list), i, entry) {
		put(cli, prefix, cli_str(entry, "name"));
	}
	json_decref(data);
}

/* The last revisions, newest first. */
static void
put_revisions(struct cli *cli)
{
	json_t *result = NULL;
	const json_t *revision;
	size_t i;

	if (cli_call_quiet(cli, "history", json_pack("{s:i}", "limit", COMPLETE_REVISIONS),
		    &result) != CLI_OK) {
		return;
	}
	json_array_foreach (json_object_get(result, "revisions"), i, revision) {
		(void)fprintf(cli->out, "%" PRIu64 "\n", cli_num(revision, "revision"));
	}
	json_decref(result);
}

/* The schema's list whose entries the leaf's values name, or NULL. */
static const char *
list_named_by(const struct cli_leaf *leaf)
{
	static const struct {
		const char *value; /* what help calls one */
		const char *list;
	} kinds[] = {{"ACL", "acl"}, {"BRIDGE", "bridge"}, {"PORT", "port"}};
	const size_t len = strcspn(leaf->value, ",");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strlen(kinds[i].value) == len &&
			strncmp(kinds[i].value, leaf->value, len) == 0) {
			return kinds[i].list;
		}
	}
	return NULL;
}

/* `typed` is "key=value" as far as it goes; of a list all but the last value are done. */
static void
put_values(struct cli *cli, const struct cli_leaf *leaf, const char *typed)
{
	const char *comma = leaf->kind == CLI_LEAF_LIST ? strrchr(typed, ',') : NULL;
	size_t done = comma == NULL ? strlen(leaf->name) + 1 : (size_t)(comma - typed) + 1;
	char prefix[256];
	const char *list = list_named_by(leaf);
	const char *at = leaf->values;

	(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)done, typed);
	if (list != NULL) {
		put_names(cli, list, prefix);
	}
	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, " ");

		(void)fprintf(cli->out, "%s%.*s\n", prefix, (int)len, at);
		at += len + (at[len] == ' ');
	}
}

static void
put_leaves(struct cli *cli, enum cli_word word, const char *typed)
{
	const char *equals = strchr(typed, '=');

	if (equals != NULL) {
		const struct cli_leaf *leaf = cli_leaf_find(word, typed, (size_t)(equals - typed));

		if (leaf != NULL) {
			put_values(cli, leaf, typed);
		}
		return;
	}
	for (const struct cli_leaf *leaf = cli_leaves; leaf->name != NULL; leaf++) {
		if (leaf->word == word) {
			(void)fprintf(cli->out, "%s=\n", leaf->name);
		}
	}
}

static void
put_argument(struct cli *cli, enum cli_word word, const char *typed)
{
	static const char *const methods[] = {"get", "edit", "schema", "version", "ping", "action",
		"program", "flows", "subscribe", "unsubscribe", "confirm", "rollback", "history",
		"diff", "check"};
	static const char *const directions[] = {"rx", "tx", "both", "drop", "all"};

	switch (word) {
	case CLI_WORD_BRIDGE:
		put_names(cli, "bridge", "");
		break;
	case CLI_WORD_PORT:
		put_names(cli, "port", "");
		break;
	case CLI_WORD_ACL:
		put_names(cli, "acl", "");
		break;
	case CLI_WORD_PART:
		put(cli, "", "add");
		put(cli, "", "set");
		put(cli, "", "del");
		break;
	case CLI_WORD_PLACE:
		put_names(cli, "bridge", "");
		put_names(cli, "port", "");
		break;
	case CLI_WORD_CACHE:
		put(cli, "", "show");
		put(cli, "", "stats");
		break;
	case CLI_WORD_FILE:
		put(cli, "", "__files__"); /* the shell knows files better */
		break;
	case CLI_WORD_REVISION:
		put_revisions(cli);
		break;
	case CLI_WORD_REVISION_OR_FILE:
		if (typed[0] == '\0' || str_to_u64(typed, 0, UINT64_MAX, &(uint64_t){0}) == 0) {
			put_revisions(cli);
		} else {
			put(cli, "", "__files__");
		}
		break;
	case CLI_WORD_METHOD:
		for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
			put(cli, "", methods[i]);
		}
		break;
	case CLI_WORD_TOPIC:
		for (size_t i = 0; cli_topics[i] != NULL; i++) {
			put(cli, "", cli_topics[i]);
		}
		put(cli, "", "all");
		break;
	case CLI_WORD_MIRROR:
		put_names(cli, "mirror", "");
		break;
	case CLI_WORD_DIRECTION:
		for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
			put(cli, "", directions[i]);
		}
		break;
	case CLI_WORD_NONE:
	case CLI_WORD_ANY:
	case CLI_WORD_NEW:
		break;
	default:
		put_leaves(cli, word, typed);
		break;
	}
}

/* The kind of argument `n`: the last one given holds for all that follow, keys come to the end. */
static enum cli_word
word_at(const struct cli_command *command, size_t n)
{
	enum cli_word word = CLI_WORD_NONE;

	if (n >= command->max_args) {
		return CLI_WORD_NONE;
	}
	for (size_t i = 0; i <= n && i < CLI_WORDS_MAX; i++) {
		if (command->words[i] != CLI_WORD_NONE) {
			word = command->words[i];
		}
	}
	return word;
}

enum cli_status
cli_complete(struct cli *cli, size_t n, char **words)
{
	const char *plain[8] = {NULL}; /* noun, verb, ... ; more do not change the answer */
	const char *typed = n == 0 ? "" : words[n - 1];
	const struct cli_command *command = NULL;
	enum cli_word value = CLI_WORD_NONE;
	size_t n_plain = 0;
	size_t first = 0;

	cli->timeout_ms = COMPLETE_TIMEOUT_MS;
	for (size_t i = 0; i + 1 < n; i++) {
		if (strcmp(words[i], "-s") == 0 || strcmp(words[i], "--socket") == 0) {
			cli->socket_option = i + 2 < n ? words[i + 1] : NULL;
			i++;
		} else if (strcmp(words[i], "-t") == 0 || strcmp(words[i], "--timeout") == 0) {
			i++;
		} else if (words[i][0] != '-') {
			if (n_plain < ARRAY_LEN(plain)) {
				plain[n_plain] = words[i];
			}
			n_plain++;
		}
	}
	if (n_plain > 0) {
		command = cli_command_find(plain[0], plain[1]);
		first = command == NULL || command->verb == NULL ? 1 : 2;
	}
	if (n > 1) {
		value = option_word(command, words[n - 2]);
	}
	if (value != CLI_WORD_NONE) {
		put_argument(cli, value, typed);
	} else if (typed[0] == '-') {
		put_options(cli, command == NULL ? NULL : command->options);
		put_options(cli, command != NULL && command->edits ? cli_edit_options : NULL);
		put_options(cli, cli_global_options);
	} else if (n_plain == 0) {
		put_commands(cli, NULL);
	} else if (command != NULL) {
		put_argument(cli, word_at(command, n_plain - first), typed);
	} else if (n_plain == 1) {
		put_commands(cli, plain[0]);
	}
	return CLI_OK;
}
