/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ds_stub.h"

#include <string.h>

#include "base/str.h"
#include "schema/host_resource.h"

static void
edit_end(struct datastore *ds, ds_edit_done_fn done, void *arg)
{
	struct err err = ERR_INIT;

	if (ds->edit_error != ERR_NONE) {
		int rc = err_set(&err, ds->edit_error, "/vswitch:vswitch/port[name='p']/mtu",
			"no such thing");

		done(arg, rc, NULL, &err);
	} else {
		done(arg, 0, ds->edit_result, &err);
	}
}

int
ds_get(struct datastore *ds, struct ds_get_options *options, json_t **out, struct err *err)
{
	ds->options = *options;
	(void)str_copy(
		ds->path, options->path == NULL ? "(null)" : options->path, sizeof(ds->path));
	(void)str_copy(ds->after, options->page.after == NULL ? "(null)" : options->page.after,
		sizeof(ds->after));
	if (ds->get_error != ERR_NONE) {
		return err_set(err, ds->get_error, options->path, "cannot be had");
	}
	(void)str_copy(options->page.next, ds->next, sizeof(options->page.next));
	*out = json_deep_copy(ds->data);
	return 0;
}

static void
change(struct datastore *ds, const char *called, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	ds->called = called;
	json_decref(ds->params);
	ds->params = json_incref(params);
	(void)str_copy(ds->user, author->user, sizeof(ds->user));
	(void)str_copy(ds->from, author->from, sizeof(ds->from));
	if (ds->edit_later) {
		ds->done = done;
		ds->done_arg = arg;
		ds->may = author->may;
	} else {
		edit_end(ds, done, arg);
	}
}

void
ds_edit(struct datastore *ds, json_t *params, const struct ds_author *author, ds_edit_done_fn done,
	void *arg)
{
	change(ds, "edit", params, author, done, arg);
}

void
ds_rollback(struct datastore *ds, json_t *params, const struct ds_author *author,
	ds_edit_done_fn done, void *arg)
{
	change(ds, "rollback", params, author, done, arg);
}

void
ds_confirm(struct datastore *ds, const struct ds_author *author, ds_edit_done_fn done, void *arg)
{
	change(ds, "confirm", NULL, author, done, arg);
}

json_t *
ds_history(const struct datastore *ds, const struct ds_history_options *options)
{
	((struct datastore *)(uintptr_t)ds)->history = *options;
	return json_pack("{s:[]}", "revisions");
}

int
ds_diff(struct datastore *ds, const struct ds_diff_options *options, json_t **out, struct err *err)
{
	ds->diff = *options;
	if (ds->edit_error != ERR_NONE) {
		return err_set(err, ds->edit_error, NULL, "no such thing");
	}
	*out = json_pack("{s:[]}", "changes");
	return 0;
}

int
ds_check(struct datastore *ds, const json_t *document, struct err *err)
{
	ds->diff.document = document;
	return ds->edit_error == ERR_NONE ? 0 : err_set(err, ds->edit_error, NULL, "no such thing");
}

const char *
ds_host_resource(const struct datastore *ds, const char *op, const char *path, const json_t *value)
{
	(void)op;
	(void)path;
	return value == NULL ? NULL : ds->host_leaf;
}

bool
ds_provisional(const struct datastore *ds, uint64_t *confirm_at)
{
	(void)ds;
	(void)confirm_at;
	return false;
}

void
ds_stub_end_edit(struct datastore *ds)
{
	struct err err = ERR_INIT;
	int rc = ds->may == NULL ? 0 : ds->may(ds->done_arg, &err);

	if (rc != 0) {
		ds->done(ds->done_arg, rc, NULL, &err);
	} else {
		edit_end(ds, ds->done, ds->done_arg);
	}
}

void
ds_stub_fini(struct datastore *ds)
{
	json_decref(ds->params);
	json_decref(ds->data);
	json_decref(ds->edit_result);
}

const char *
ds_schema_text(const struct datastore *ds, const char *name)
{
	return name == NULL || strcmp(name, "vswitch") == 0 ? "module vswitch {}" : NULL;
}
