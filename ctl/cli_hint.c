/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_hint.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/suggest.h"
#include "ctl/cli_commands.h"
#include "ctl/cli_edit.h"
#include "ctl/cli_leaf.h"
#include "ctl/socket_path.h"

#define GROUP_DEFAULT "vswitch" /* of the control socket, if its folder hides it */

/* ---- the command line ---- */

enum cli_status
cli_unknown_command(struct cli *cli, size_t n, char *const *words)
{
	bool noun_known = cli_noun_exists(words[0]);
	const char *wrong = noun_known && n > 1 ? words[1] : words[0];
	struct suggest suggest;

	if (wrong[0] == '-') {
		return cli_unknown_option(cli, wrong);
	}
	suggest_init(&suggest, wrong, strlen(wrong));
	for (size_t t = 0; cli_tables[t] != NULL; t++) {
		for (const struct cli_command *c = cli_tables[t]; c->noun != NULL; c++) {
			if (!noun_known) {
				suggest_offer(&suggest, c->noun);
			} else if (strcmp(c->noun, words[0]) == 0 && c->verb != NULL) {
				suggest_offer(&suggest, c->verb);
			}
		}
	}
	(void)fprintf(cli->err, "vswitchctl: there is no command '%s%s%s'%s\n", words[0],
		noun_known ? " " : "", noun_known ? wrong : "", suggest_text(&suggest));
	(void)fprintf(cli->err, "Try: vswitchctl %s%s--help\n", noun_known ? words[0] : "",
		noun_known ? " " : "");
	return CLI_USAGE;
}

static void
offer_options(struct suggest *suggest, const struct cli_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		char name[64] = "--";

		(void)str_append(name, options->name, sizeof(name));
		suggest_offer(suggest, name);
	}
}

enum cli_status
cli_unknown_option(struct cli *cli, const char *word)
{
	size_t len = strcspn(word, "=");
	struct suggest suggest;

	suggest_init(&suggest, word, len);
	if (cli->command != NULL) {
		offer_options(&suggest, cli->command->options);
	}
	if (cli->command != NULL && cli->command->edits) {
		offer_options(&suggest, cli_edit_options);
	}
	offer_options(&suggest, cli_global_options);
	return cli_usage_error(
		cli, "there is no option %.*s here%s", (int)len, word, suggest_text(&suggest));
}

/* The n-th word of a usage if it stands for one argument, else NULL. */
static const char *
usage_word(const char *usage, size_t n, char *word, size_t size)
{
	for (; n > 0; n--) {
		usage += strcspn(usage, " ");
		usage += strspn(usage, " ");
	}
	(void)snprintf(word, size, "%.*s", (int)strcspn(usage, " "), usage);
	word[strcspn(word, ".")] = '\0'; /* NAME... */
	return word[0] == '\0' || strchr("[{-|", word[0]) != NULL ? NULL : word;
}

enum cli_status
cli_missing_argument(struct cli *cli, size_t n)
{
	char word[64];

	if (usage_word(cli->command->usage, n, word, sizeof(word)) == NULL) {
		return cli_usage_error(cli, "an argument is missing");
	}
	return cli_usage_error(cli, "an argument is missing: %s", word);
}

/* ---- the connection ---- */

/* Who may use the socket is its group; whoever is in it needs a new session. */
static void
hint_permission(struct cli *cli)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = NULL;
	struct stat st;
	bool seen = stat(cli->socket, &st) == 0;

	if (seen) {
		group = getgrgid(st.st_gid);
	}
	if (seen && (st.st_gid == 0 || (st.st_mode & S_IWGRP) == 0)) {
		(void)fputs("Try: sudo vswitchctl ...\n", cli->err);
		return;
	}
	(void)fprintf(cli->err, "Try: sudo usermod -aG %s %s, then log in again\n",
		group == NULL ? GROUP_DEFAULT : group->gr_name,
		user == NULL ? "$USER" : user->pw_name);
}

void
cli_hint_connect(struct cli *cli, const struct err *err)
{
	bool named = str_given(cli->socket_option) || str_given(getenv(SOCKET_PATH_ENV));

	if (err->kind == ERR_DENIED) {
		hint_permission(cli);
	} else if (err->kind != ERR_MISSING) {
		/* nothing that a command would mend */
	} else if (named) {
		(void)fprintf(cli->err, "Try: vswitchd --socket %s\n", cli->socket);
	} else if (geteuid() == 0) {
		(void)fputs("Try: systemctl start vswitchd\n", cli->err);
	} else if (access(SOCKET_PATH_SYSTEM, F_OK) == 0) {
		(void)fprintf(cli->err, "Try: vswitchctl -s %s ...\n", SOCKET_PATH_SYSTEM);
	} else {
		(void)fputs("Try: sudo systemctl start vswitchd, or vswitchd for one of your own\n",
			cli->err);
	}
}

/* ---- refusals ---- */

/* Some refusals are what an option of the command is for. */
static bool
hint_option(struct cli *cli, const char *option, const char *effect)
{
	const struct cli_option *o = cli->command == NULL ? NULL : cli->command->options;

	for (; o != NULL && o->name != NULL; o++) {
		if (strcmp(o->name, option) == 0) {
			(void)fprintf(cli->err, "  with --%s %s\n", option, effect);
			return true;
		}
	}
	return false;
}

/* "there is no bridge 'br0'": those that there are, and how to make it. */
static bool
hint_names(struct cli *cli, const char *text)
{
	static const char *const nouns[] = {"bridge", "port", "acl"};
	static const char start[] = "there is no ";
	const char *of = cli->command == NULL ? "" : cli->command->noun;

	if (strncmp(text, start, strlen(start)) != 0 || strstr(text, "did you mean") != NULL) {
		return false;
	}
	text += strlen(start);
	for (size_t i = 0; i < ARRAY_LEN(nouns); i++) {
		size_t len = strlen(nouns[i]);
		const char *name = text + len + 2;

		if (strncmp(text, nouns[i], len) != 0 || strncmp(text + len, " '", 2) != 0) {
			continue;
		}
		(void)fprintf(cli->err, "Try: vswitchctl %s show", nouns[i]);
		if (strcmp(nouns[i], "bridge") == 0 && strcmp(of, "port") == 0) {
			(void)fprintf(cli->err, ", or vswitchctl bridge add %.*s",
				(int)strcspn(name, "'"), name);
		}
		(void)fputc('\n', cli->err);
		return true;
	}
	return false;
}

static bool
takes_leaves(const struct cli_command *command)
{
	for (size_t i = 0; command != NULL && i < CLI_WORDS_MAX; i++) {
		if (cli_leaf_word(command->words[i])) {
			return true;
		}
	}
	return false;
}

void
cli_hint_refused(struct cli *cli, const char *tag, const char *text)
{
	const struct cli_command *command = cli->command;

	tag = tag == NULL ? "" : tag;
	if (strcmp(tag, "data-exists") == 0 &&
		hint_option(cli, "may-exist", "it is changed instead")) {
		return;
	}
	if (strcmp(tag, "data-missing") == 0 && hint_option(cli, "if-exists", "that is no error")) {
		return;
	}
	/* The daemon itself may be denied something, too. */
	if (strcmp(tag, "access-denied") == 0 && strstr(text, "/system/access") != NULL &&
		strstr(text, "role none") == NULL) {
		(void)fputs("Who may do what: vswitchctl access show\n", cli->err);
		return;
	}
	if (hint_names(cli, text)) {
		return;
	}
	if ((strcmp(tag, "unknown-element") == 0 || strcmp(tag, "invalid-value") == 0 ||
		    strcmp(tag, "missing-element") == 0) &&
		takes_leaves(command)) {
		(void)fprintf(cli->err, "Try: vswitchctl %s%s%s --help\n", command->noun,
			command->verb == NULL ? "" : " ",
			command->verb == NULL ? "" : command->verb);
	}
}
