/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_change.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli_data.h"
#include "ctl/cli_table.h"

#define TITLE_SIZE 1024
#define VALUE_SIZE 2048

/* What is said about one entry, whole or in part. */
struct scribe {
	struct cli *cli;
	const char *apply; /* how it is carried out; NULL: is not said */
};

static void print_whole(const struct scribe *scribe, char sign, const char *title,
	const json_t *entry, bool nested);
static void print_difference(
	const struct scribe *scribe, const char *title, const json_t *before, const json_t *after);

/* --- words ----------------------------------------------------------------------------------- */

/* "/vswitch:vswitch/port[name='vm1']/mtu" as "port vm1 mtu". */
static void
title_of(const char *path, char *title, size_t size)
{
	static const char root[] = "/vswitch:vswitch";
	size_t n = 0;

	if (strncmp(path, root, sizeof(root) - 1) == 0) {
		path += sizeof(root) - 1;
	}
	while (*path != '\0' && n + 1 < size) {
		const char *value = *path == '[' ? strpbrk(path, "'\"") : NULL;

		if (value != NULL) {
			const char *end = strchr(value + 1, *value);
			size_t len = end == NULL ? strlen(value + 1) : (size_t)(end - value - 1);

			title[n++] = ' ';
			len = len < size - n - 1 ? len : size - n - 1;
			memcpy(title + n, value + 1, len);
			n += len;
			path = end == NULL ? value + strlen(value) : end + 1;
			path += *path == ']';
		} else {
			if (*path != '/') {
				title[n++] = *path;
			} else if (n > 0) {
				title[n++] = ' ';
			}
			path++;
		}
	}
	title[n] = '\0';
	if (n == 0) {
		(void)str_copy(title, "configuration", size);
	}
}

static bool
is_list(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static bool
is_inner(const json_t *value)
{
	return json_is_object(value) || is_list(value);
}

/* Members that tell an entry from its neighbours; its line is titled with them. */
static bool
is_key(const char *member)
{
	static const char *const keys[] = {"name", "id", "mac"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(member, keys[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* A static address is known by its VLAN too. */
static bool
is_key_of(const json_t *entry, const char *member)
{
	return is_key(member) ||
		(strcmp(member, "vlan") == 0 && json_object_get(entry, "mac") != NULL);
}

/* TITLE LIST KEY... of an entry of a list below `title`. */
static void
inner_title(const char *title, const char *list, const json_t *entry, char *out, size_t size)
{
	const char *name;
	json_t *value;

	out[0] = '\0';
	(void)str_appendf(out, size, "%s %s", title, list);
	json_object_foreach ((json_t *)(uintptr_t)entry, name, value) {
		char text[VALUE_SIZE] = "";

		if (is_key(name)) {
			(void)str_appendf(out, size, " %s", cli_text(value, text, sizeof(text)));
		}
	}
	if (json_object_get(entry, "mac") != NULL && cli_num(entry, "vlan") != 0) {
		(void)str_appendf(out, size, " vlan %d", (int)cli_num(entry, "vlan"));
	}
}

/* Where the entries of a list stand, by their keys as inner_title writes them. */
static json_t *
places_of(const json_t *list)
{
	json_t *places = json_object();
	const json_t *entry;
	char key[TITLE_SIZE];
	size_t i;

	json_array_foreach (list, i, entry) {
		inner_title("", "", entry, key, sizeof(key));
		(void)json_object_set_new(places, key, json_integer((json_int_t)i));
	}
	return places;
}

/* The place of the entry that has the same keys, or -1. */
static json_int_t
place_of(const json_t *places, const json_t *entry)
{
	char key[TITLE_SIZE];
	const json_t *place;

	inner_title("", "", entry, key, sizeof(key));
	place = json_object_get(places, key);
	return place == NULL ? -1 : json_integer_value(place);
}

/* --- lines ----------------------------------------------------------------------------------- */

static void
line_begin(const struct scribe *scribe, char sign, const char *title)
{
	struct cli *cli = scribe->cli;

	if (cli->colour) {
		(void)fputs(sign == '+'       ? "\033[32m"
				: sign == '-' ? "\033[31m"
					      : "\033[33m",
			cli->out);
	}
	(void)fprintf(cli->out, "%c ", sign);
	cli_print_text(cli, title);
}

static void
line_end(const struct scribe *scribe)
{
	struct cli *cli = scribe->cli;

	if (scribe->apply != NULL) {
		(void)fputs(" (", cli->out);
		cli_print_text(cli, scribe->apply);
		(void)fputc(')', cli->out);
	}
	(void)fputs(cli->colour ? "\033[0m\n" : "\n", cli->out);
}

static void
put_value(const struct scribe *scribe, const json_t *value)
{
	char text[VALUE_SIZE] = "";
	bool quoted;

	if (value == NULL) {
		(void)fputs("(unset)", scribe->cli->out);
		return;
	}
	(void)cli_text(value, text, sizeof(text));
	quoted = json_is_string(value) && (text[0] == '\0' || strchr(text, ' ') != NULL);
	(void)fputs(quoted ? "\"" : "", scribe->cli->out);
	cli_print_text(scribe->cli, text);
	(void)fputs(quoted ? "\"" : "", scribe->cli->out);
}

/* An entry that comes or goes: its leaves on one line, then what is below it if `nested`. */
static void
print_whole(
	const struct scribe *scribe, char sign, const char *title, const json_t *entry, bool nested)
{
	const char *name;
	json_t *value;
	bool first = true;

	line_begin(scribe, sign, title);
	json_object_foreach ((json_t *)(uintptr_t)entry, name, value) {
		if (is_key_of(entry, name) || is_inner(value)) {
			continue;
		}
		(void)fputs(first ? ": " : ", ", scribe->cli->out);
		cli_print_text(scribe->cli, name);
		(void)fputc(' ', scribe->cli->out);
		put_value(scribe, value);
		first = false;
	}
	line_end(scribe);
	if (!nested) {
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)entry, name, value) {
		char inner[TITLE_SIZE];
		const json_t *element;
		size_t i;

		if (json_is_object(value)) {
			inner_title(title, name, NULL, inner, sizeof(inner));
			print_whole(scribe, sign, inner, value, true);
			continue;
		}
		for (i = 0; is_list(value) && i < json_array_size(value); i++) {
			element = json_array_get(value, i);
			inner_title(title, name, element, inner, sizeof(inner));
			print_whole(scribe, sign, inner, element, true);
		}
	}
}

static void
print_leaf(const struct scribe *scribe, const char *title, const char *name, const json_t *before,
	const json_t *after)
{
	line_begin(scribe, '~', title);
	(void)fputs(": ", scribe->cli->out);
	cli_print_text(scribe->cli, name);
	(void)fputc(' ', scribe->cli->out);
	put_value(scribe, before);
	(void)fputs(" -> ", scribe->cli->out);
	put_value(scribe, after);
	line_end(scribe);
}

static void
print_list_difference(const struct scribe *scribe, const char *title, const char *name,
	const json_t *before, const json_t *after)
{
	json_t *old_places = places_of(before);
	json_t *new_places = places_of(after);
	char inner[TITLE_SIZE];
	const json_t *entry;
	json_int_t last = -1;
	bool moved = false;
	size_t i;

	json_array_foreach (before, i, entry) {
		if (place_of(new_places, entry) < 0) {
			inner_title(title, name, entry, inner, sizeof(inner));
			print_whole(scribe, '-', inner, entry, false);
		}
	}
	json_array_foreach (after, i, entry) {
		const json_int_t place = place_of(old_places, entry);

		inner_title(title, name, entry, inner, sizeof(inner));
		if (place < 0) {
			print_whole(scribe, '+', inner, entry, true);
			continue;
		}
		print_difference(scribe, inner, json_array_get(before, (size_t)place), entry);
		moved = moved || place < last;
		last = place;
	}
	if (moved) {
		line_begin(scribe, '~', title);
		(void)fputs(": other order of ", scribe->cli->out);
		cli_print_text(scribe->cli, name);
		line_end(scribe);
	}
	json_decref(old_places);
	json_decref(new_places);
}

static void
print_member(const struct scribe *scribe, const char *title, const char *name, const json_t *before,
	const json_t *after)
{
	char inner[TITLE_SIZE];

	if (before != NULL && after != NULL && json_equal(before, after)) {
		return;
	}
	if (is_list(before) || is_list(after)) {
		print_list_difference(scribe, title, name, before, after);
	} else if (json_is_object(before) || json_is_object(after)) {
		inner_title(title, name, NULL, inner, sizeof(inner));
		print_difference(scribe, inner, before, after);
	} else {
		print_leaf(scribe, title, name, before, after);
	}
}

static void
print_difference(
	const struct scribe *scribe, const char *title, const json_t *before, const json_t *after)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)before, name, value) {
		print_member(scribe, title, name, value, json_object_get(after, name));
	}
	json_object_foreach ((json_t *)(uintptr_t)after, name, value) {
		if (json_object_get(before, name) == NULL) {
			print_member(scribe, title, name, NULL, value);
		}
	}
}

/* A modified entry; `leaves` says of its members how each is carried out, NULL if nothing does. */
static void
print_modified(const struct scribe *scribe, const char *title, const json_t *change)
{
	const json_t *leaves = json_object_get(change, "leaves");
	const json_t *sides[] = {
		json_object_get(change, "before"), json_object_get(change, "after")};
	const char *name;
	json_t *value;

	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		json_object_foreach ((json_t *)(uintptr_t)sides[i], name, value) {
			const char *own = json_string_value(json_object_get(leaves, name));
			const struct scribe of_leaf = {
				scribe->cli, own == NULL ? scribe->apply : own};

			if (i == 0 || json_object_get(sides[0], name) == NULL) {
				print_member(&of_leaf, title, name, json_object_get(sides[0], name),
					json_object_get(sides[1], name));
			}
		}
	}
}

void
cli_changes_print(struct cli *cli, const json_t *changes)
{
	const json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		const json_t *apply = json_object_get(change, "apply");
		const json_t *before = json_object_get(change, "before");
		const json_t *after = json_object_get(change, "after");
		const struct scribe scribe = {cli, json_string_value(apply)};
		const char *op = cli_str(change, "op");
		char title[TITLE_SIZE];

		title_of(cli_str(change, "path"), title, sizeof(title));
		if (strcmp(op, "create") == 0) {
			print_whole(&scribe, '+', title, after, true);
		} else if (strcmp(op, "delete") == 0) {
			print_whole(&scribe, '-', title, before, false);
		} else if (json_is_object(before) || json_is_object(after)) {
			print_modified(&scribe, title, change);
		} else if (before != NULL || after != NULL) {
			print_leaf(&scribe, title, "", before, after);
		} else {
			line_begin(&scribe, '~', title);
			line_end(&scribe);
		}
	}
}
