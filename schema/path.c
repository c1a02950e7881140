/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/path.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/value.h"

struct cursor {
	const struct model *model;
	const char *text;
	const char *at;
	struct err *err;
};

struct word {
	const char *start;
	size_t len;
};

/* --- words ---------------------------------------------------------------------------------- */

static bool
is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static struct word
take_name(struct cursor *c)
{
	struct word word = {.start = c->at};

	if (isalpha((unsigned char)*c->at) || *c->at == '_') {
		while (is_name_char(*c->at)) {
			c->at++;
		}
	}
	word.len = (size_t)(c->at - word.start);
	return word;
}

static void
skip_space(struct cursor *c)
{
	while (*c->at == ' ' || *c->at == '\t') {
		c->at++;
	}
}

static int
syntax_error(struct cursor *c, const char *expected)
{
	int len = 0;

	if (*c->at == '\0') {
		return err_set(c->err, ERR_MALFORMED, c->text, "%s expected at the end of the path",
			expected);
	}
	while (len < 20 && c->at[len] >= ' ' && c->at[len] <= '~') {
		len++;
	}
	return err_set(c->err, ERR_MALFORMED, c->text, "%s expected at character %zu, '%.*s'",
		expected, (size_t)(c->at - c->text) + 1, len, c->at);
}

/* A name that may carry a module in front; *name is the part behind it. */
static int
take_qualified(struct cursor *c, struct word *name)
{
	*name = take_name(c);
	if (name->len == 0) {
		return syntax_error(c, "a node's name");
	}
	if (*c->at != ':') {
		return 0;
	}
	if (name->len != strlen(MODEL_NAME) || memcmp(name->start, MODEL_NAME, name->len) != 0) {
		return err_set(c->err, ERR_UNKNOWN, c->text,
			"there is no module '%.*s'; write '" MODEL_NAME ":' or leave it out",
			(int)name->len, name->start);
	}
	c->at++;
	*name = take_name(c);
	return name->len == 0 ? syntax_error(c, "a node's name") : 0;
}

static int
take_quoted(struct cursor *c, struct word *value)
{
	char quote = *c->at;
	const char *end;

	if (quote != '\'' && quote != '"') {
		return syntax_error(c, "a value in quotes");
	}
	end = strchr(c->at + 1, quote);
	if (end == NULL) {
		return err_set(c->err, ERR_MALFORMED, c->text,
			"the quote at character %zu is not closed", (size_t)(c->at - c->text) + 1);
	}
	value->start = c->at + 1;
	value->len = (size_t)(end - value->start);
	c->at = end + 1;
	return 0;
}

/* --- predicates ----------------------------------------------------------------------------- */

static int
set_value(struct cursor *c, const struct lysc_node *leaf, const struct word *value, char **slot)
{
	char *text = strndup(value->start, value->len);
	int rc;

	if (text == NULL) {
		abort();
	}
	if (*slot != NULL) {
		rc = err_set(c->err, ERR_MALFORMED, c->text, "'%s' is given twice", leaf->name);
	} else {
		rc = value_check_text(leaf, text, slot, c->err);
		if (rc != 0 && c->err != NULL) {
			(void)str_copy(c->err->path, c->text, sizeof(c->err->path));
		}
	}
	free(text);
	return rc;
}

static int
unknown_key(struct cursor *c, const struct lysc_node *list, const struct word *name)
{
	struct suggest suggest;

	suggest_init(&suggest, name->start, name->len);
	for (size_t i = 0; model_key(list, i) != NULL; i++) {
		suggest_offer(&suggest, model_key(list, i)->name);
	}
	return err_set(c->err, ERR_UNKNOWN, c->text, "'%.*s' is not a key of list '%s'%s",
		(int)name->len, name->start, list->name, suggest_text(&suggest));
}

static int
take_key(
	struct cursor *c, struct path_step *step, const struct word *name, const struct word *value)
{
	if (step->node->nodetype != LYS_LIST) {
		return err_set(c->err, ERR_MALFORMED, c->text, "'%s' is not a list, it has no keys",
			step->node->name);
	}
	for (size_t i = 0; i < PATH_KEYS_MAX && model_key(step->node, i) != NULL; i++) {
		const struct lysc_node *key = model_key(step->node, i);

		if (strncmp(key->name, name->start, name->len) == 0 &&
			key->name[name->len] == '\0') {
			return set_value(c, key, value, &step->keys[i]);
		}
	}
	return unknown_key(c, step->node, name);
}

static int
take_predicate(struct cursor *c, struct path_step *step)
{
	struct word name = {.start = c->at};
	struct word value = {.start = c->at};
	bool self = false;
	int rc;

	c->at++; /* '[' */
	skip_space(c);
	if (*c->at == '.') {
		self = true;
		c->at++;
	} else {
		rc = take_qualified(c, &name);
		if (rc != 0) {
			return rc;
		}
	}
	skip_space(c);
	if (*c->at != '=') {
		return syntax_error(c, "'='");
	}
	c->at++;
	skip_space(c);
	rc = take_quoted(c, &value);
	if (rc != 0) {
		return rc;
	}
	skip_space(c);
	if (*c->at != ']') {
		return syntax_error(c, "']'");
	}
	c->at++;
	step->keyed = true;
	if (!self) {
		return take_key(c, step, &name, &value);
	}
	if (step->node->nodetype != LYS_LEAFLIST) {
		return err_set(c->err, ERR_MALFORMED, c->text,
			"[.='...'] selects from a leaf-list; '%s' is none", step->node->name);
	}
	return set_value(c, step->node, &value, &step->value);
}

/* All keys of a keyed list step are there. */
static int
check_keys(struct cursor *c, struct path_step *step)
{
	const struct lysc_node *key;

	if (!step->keyed || step->node->nodetype != LYS_LIST) {
		return 0;
	}
	while ((key = model_key(step->node, step->n_keys)) != NULL) {
		assert(step->n_keys < PATH_KEYS_MAX);
		if (step->keys[step->n_keys] == NULL) {
			return err_set(c->err, ERR_MALFORMED, c->text,
				"an entry of list '%s' needs its key '%s', as in [%s='...']",
				step->node->name, key->name, key->name);
		}
		step->n_keys++;
	}
	return 0;
}

/* --- steps ---------------------------------------------------------------------------------- */

static int
unknown_root(struct cursor *c, const struct word *name)
{
	const struct lysc_node *root = c->model->root;
	struct suggest suggest;

	if (model_child(root, name->start, name->len) != NULL) {
		return err_set(c->err, ERR_UNKNOWN, c->text,
			"'%.*s' is not at the top; did you mean '/" MODEL_ROOT "/%.*s'?",
			(int)name->len, name->start, (int)name->len, name->start);
	}
	suggest_init(&suggest, name->start, name->len);
	suggest_offer(&suggest, root->name);
	return err_set(c->err, ERR_UNKNOWN, c->text,
		"there is no '%.*s' at the top, only '" MODEL_ROOT "'%s", (int)name->len,
		name->start, suggest_text(&suggest));
}

static int
find_node(struct cursor *c, const struct path *path, const struct word *name,
	const struct lysc_node **out)
{
	const struct path_step *parent = path_last(path);
	struct suggest suggest;

	if (parent == NULL) {
		*out = c->model->root;
		if (strncmp((*out)->name, name->start, name->len) != 0 ||
			(*out)->name[name->len] != '\0') {
			return unknown_root(c, name);
		}
		return 0;
	}
	if (model_is_leaf(parent->node)) {
		return err_set(c->err, ERR_UNKNOWN, c->text,
			"'%s' is a leaf; there is nothing below it", parent->node->name);
	}
	*out = model_child(parent->node, name->start, name->len);
	if (*out == NULL) {
		suggest_init(&suggest, name->start, name->len);
		model_suggest(parent->node, false, &suggest);
		return err_set(c->err, ERR_UNKNOWN, c->text, "there is no '%.*s' in '%s'%s",
			(int)name->len, name->start, parent->node->name, suggest_text(&suggest));
	}
	if (parent->node->nodetype == LYS_LIST && !parent->keyed) {
		return err_set(c->err, ERR_MALFORMED, c->text,
			"which entry of list '%s'? write %s[%s='...']", parent->node->name,
			parent->node->name, model_key(parent->node, 0)->name);
	}
	return 0;
}

static int
take_step(struct cursor *c, struct path *path)
{
	struct path_step *step;
	const struct lysc_node *node = NULL;
	struct word name;
	int rc;

	c->at++; /* '/' */
	rc = take_qualified(c, &name);
	if (rc == 0) {
		rc = find_node(c, path, &name, &node);
	}
	if (rc != 0) {
		return rc;
	}
	if (path->n_steps == PATH_STEPS_MAX) {
		return err_set(c->err, ERR_TOO_BIG, c->text, "the path is too deep");
	}
	step = &path->steps[path->n_steps++];
	step->node = node;
	while (rc == 0 && *c->at == '[') {
		rc = take_predicate(c, step);
	}
	return rc == 0 ? check_keys(c, step) : rc;
}

int
path_parse(const struct model *model, const char *text, struct path *out, struct err *err)
{
	struct cursor c = {.model = model, .text = text, .at = text, .err = err};
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (strlen(text) > PATH_TEXT_MAX) {
		return err_set(
			err, ERR_TOO_BIG, NULL, "a path has at most %d bytes", PATH_TEXT_MAX);
	}
	if (*c.at != '/') {
		return err_set(err, ERR_MALFORMED, text,
			"a path starts with '/', as in /" MODEL_ROOT "/port[name='vm1']");
	}
	if (strcmp(text, "/") == 0) {
		return 0;
	}
	while (rc == 0 && *c.at == '/') {
		rc = take_step(&c, out);
	}
	if (rc == 0 && *c.at != '\0') {
		rc = syntax_error(&c, "'/', '[' or the end");
	}
	if (rc != 0) {
		path_fini(out);
	}
	return rc;
}

void
path_fini(struct path *path)
{
	for (size_t i = 0; i < path->n_steps; i++) {
		for (size_t k = 0; k < PATH_KEYS_MAX; k++) {
			free(path->steps[i].keys[k]);
		}
		free(path->steps[i].value);
	}
	memset(path, 0, sizeof(*path));
}

/* --- printing ------------------------------------------------------------------------------- */

void
path_append_key(char *buf, size_t size, const char *name, const char *value)
{
	const char *quote = strchr(value, '\'') == NULL ? "'" : "\"";

	/* Not str_appendf: a load comes here for each entry of the file. */
	(void)str_append(buf, "[", size);
	(void)str_append(buf, name, size);
	(void)str_append(buf, "=", size);
	(void)str_append(buf, quote, size);
	(void)str_append(buf, value, size);
	(void)str_append(buf, quote, size);
	(void)str_append(buf, "]", size);
}

const char *
path_print(const struct path *path, size_t n, char *buf, size_t size)
{
	assert(n <= path->n_steps);
	(void)str_copy(buf, n == 0 ? "/" : "", size);
	for (size_t i = 0; i < n; i++) {
		const struct path_step *step = &path->steps[i];

		(void)str_appendf(
			buf, size, "/%s%s", i == 0 ? MODEL_NAME ":" : "", step->node->name);
		for (size_t k = 0; k < step->n_keys; k++) {
			path_append_key(buf, size, model_key(step->node, k)->name, step->keys[k]);
		}
		if (step->value != NULL) {
			path_append_key(buf, size, ".", step->value);
		}
	}
	return buf;
}
