/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/revision.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/log.h"
#include "base/str.h"
#include "schema/datastore_history.h"
#include "schema/datastore_priv.h"
#include "schema/diff.h"
#include "schema/edit.h"
#include "schema/jx.h"
#include "schema/proposal.h"

LOG_MODULE("datastore");

json_t *
revision_time(unsigned int seconds)
{
	char text[DATE_SIZE];

	return jx_string(date_text(time(NULL) + (time_t)seconds, text));
}

json_t *
revision_record(const struct revision_note *note, json_t *changes)
{
	json_t *record = jx_object();

	jx_set(record, "revision", jx_integer((json_int_t)note->revision));
	jx_set(record, "time", revision_time(0));
	jx_set(record, "user", jx_string(note->user));
	jx_set(record, "from", jx_string(note->from));
	if (note->comment != NULL) {
		jx_set(record, "comment", jx_string(note->comment));
	}
	jx_set(record, "change", jx_string(note->change));
	if (note->confirm_timeout != 0) {
		jx_set(record, "confirm-by", revision_time(note->confirm_timeout));
	}
	if (note->known != NULL) {
		jx_set(record, "known", *note->known ? json_true() : json_false());
	}
	jx_set(record, "changes", changes);
	return record;
}

char *
revision_text(const json_t *record, json_t *changes, size_t *len)
{
	json_t *whole = jx_copy_top(record);
	char *text;

	if (changes != NULL) {
		jx_set(whole, "changes", changes);
	}
	text = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	if (text == NULL) {
		abort();
	}
	*len = strlen(text);
	return text;
}

const json_t *
revision_base(void *arg, const char *path)
{
	return edit_get(arg, path);
}

json_t *
revision_way_back(const struct datastore *ds, uint64_t base, uint64_t last)
{
	struct err err = ERR_INIT;
	json_t *changes = NULL;
	struct edit *edit;
	struct diff *diff;
	bool good;

	edit_create(ds->model, ds->tree, &edit);
	diff_create(&diff);
	good = history_diff(ds->history, base, last, diff, &err) == 0 &&
		diff_resolve(diff, DIFF_FORWARD, revision_base, edit);
	if (good) {
		changes = diff_json(diff, DIFF_BACKWARD);
	} else {
		log_warn("what led from revision %" PRIu64 " to %" PRIu64 " is not known%s%s", base,
			last, err.text[0] == '\0' ? "" : ": ", err.text);
	}
	diff_destroy(diff);
	edit_destroy(edit);
	return changes;
}

void
revision_tell(const struct datastore *ds, const json_t *record)
{
	const json_t *changes = json_object_get(record, "changes");
	size_t n = json_array_size(changes);
	json_t *told;
	json_t *some;

	if (ds->revised == NULL) {
		return;
	}
	told = json_copy((json_t *)(uintptr_t)record);
	if (told == NULL) {
		abort();
	}
	if (n > DS_REVISED_MAX) {
		some = jx_array();
		for (size_t i = 0; i < DS_REVISED_MAX; i++) {
			jx_append(some, json_incref(json_array_get(changes, i)));
		}
		jx_set(told, "changes", some);
		jx_set(told, "more", jx_integer((json_int_t)(n - DS_REVISED_MAX)));
	}
	ds->revised(ds->revised_ctx, told);
	json_decref(told);
}

const char *
revision_name(const struct datastore *ds, uint64_t revision, char *buf, size_t size)
{
	const json_t *head = history_head(ds->history, revision);
	const char *from = json_string_value(json_object_get(head, "from"));

	(void)snprintf(buf, size, "revision %" PRIu64, revision);
	if (head != NULL) {
		(void)str_appendf(buf, size, " by %s%s%s%s, %s",
			json_string_value(json_object_get(head, "user")),
			str_given(from) ? " (" : "", from, str_given(from) ? ")" : "",
			json_string_value(json_object_get(head, "time")));
	}
	return buf;
}

/* --- what clients ask ----------------------------------------------------------------------- */

json_t *
ds_history(const struct datastore *ds, const struct ds_history_options *options)
{
	size_t limit = options->limit == 0 ? DS_HISTORY_DEFAULT : options->limit;

	return history_list(
		ds->history, limit < DS_HISTORY_MAX ? limit : DS_HISTORY_MAX, options->before);
}

/* What loading the document would change. */
static int
diff_document(struct datastore *ds, const json_t *document, json_t **changes, struct err *err)
{
	struct proposal proposal;
	struct edit *edit;
	int rc;

	edit_create(ds->model, ds->tree, &edit);
	rc = edit_load(edit, document, err);
	if (rc != 0) {
		edit_destroy(edit);
		return rc;
	}
	rc = proposal_init(&proposal, edit, ds->tree, ds->refs, err);
	if (rc == 0) {
		*changes = proposal_record_json(&proposal, PROPOSAL_WHOLE);
	}
	proposal_fini(&proposal);
	return rc;
}

/* An entry at a revision before the newest: by the changes since, or as it is now. */
struct past {
	const struct diff *since;
	struct edit *now; /* touches nothing */
};

static const json_t *
past_base(void *arg, const char *path)
{
	const struct past *past = arg;
	bool known;
	const json_t *config = diff_get(past->since, path, DIFF_FORWARD, &known);

	return known ? config : edit_get(past->now, path);
}

/* What only patches are known of, from what is there now. */
static int
resolve_past(const struct datastore *ds, uint64_t newest, struct diff *diff, struct err *err)
{
	struct diff *since;
	struct past past;
	int rc;

	if (!diff_is_open(diff)) {
		return 0;
	}
	diff_create(&since);
	edit_create(ds->model, ds->tree, &past.now);
	past.since = since;
	rc = history_diff(ds->history, newest, ds->revision, since, err);
	if (rc == 0 &&
		(!diff_resolve(since, DIFF_BACKWARD, revision_base, past.now) ||
			!diff_resolve(diff, DIFF_BACKWARD, past_base, &past))) {
		rc = err_set(err, ERR_FAILED, NULL,
			"the record of a revision up to %" PRIu64 " is damaged", newest);
	}
	edit_destroy(past.now);
	diff_destroy(since);
	return rc;
}

static int
diff_revisions(
	const struct datastore *ds, uint64_t from, uint64_t to, json_t **changes, struct err *err)
{
	uint64_t newest = from > to ? from : to;
	struct diff *diff;
	int rc;

	if (newest > ds->revision) {
		return err_set(err, ERR_MISSING, NULL,
			"there is no revision %" PRIu64 "; the newest is %" PRIu64, newest,
			ds->revision);
	}
	diff_create(&diff);
	rc = history_diff(ds->history, from < to ? from : to, newest, diff, err);
	if (rc == 0) {
		rc = resolve_past(ds, newest, diff, err);
	}
	if (rc == 0) {
		*changes = diff_json(diff, from < to ? DIFF_FORWARD : DIFF_BACKWARD);
	}
	diff_destroy(diff);
	return rc;
}

int
ds_diff(struct datastore *ds, const struct ds_diff_options *options, json_t **out, struct err *err)
{
	uint64_t to = options->has_to ? options->to : ds->revision;
	uint64_t from = options->has_from ? options->from : to == 0 ? 0 : to - 1;
	json_t *changes = NULL;
	int rc = options->document != NULL ? diff_document(ds, options->document, &changes, err)
					   : diff_revisions(ds, from, to, &changes, err);

	if (rc != 0) {
		return rc;
	}
	*out = jx_object();
	if (options->document == NULL) {
		jx_set(*out, "from", jx_integer((json_int_t)from));
		jx_set(*out, "to", jx_integer((json_int_t)to));
	}
	jx_set(*out, "changes", changes);
	return 0;
}
