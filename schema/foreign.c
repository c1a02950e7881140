/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/foreign.h"

#include "base/log.h"
#include "schema/edit.h"
#include "schema/proposal.h"
#include "schema/txn_priv.h"

LOG_MODULE("datastore");

/* A state of its own beside the running one. */
struct other {
	struct tree *tree;
	struct refs *refs;
};

/* Make it what `edit` has, which is taken. */
static int
take(struct other *other, struct edit *edit, struct err *err)
{
	struct proposal proposal;
	int rc = proposal_init(&proposal, edit, other->tree, other->refs, err);

	if (rc == 0) {
		proposal_put(&proposal, other->refs, PROPOSAL_DO);
	}
	proposal_fini(&proposal);
	return rc;
}

/* The state of the journal's last revision. */
static int
make_last(const struct datastore *ds, struct other *other, struct err *err)
{
	const struct store_content *content = &ds->content;
	struct edit *edit;
	int rc;

	edit_create(ds->model, other->tree, &edit);
	rc = edit_load(edit, content->written, err);
	if (rc == 0) {
		rc = txn_fill_from_history(
			ds->history, content->written_base, content->last, edit, err);
	}
	if (rc != 0) {
		edit_destroy(edit);
		return rc;
	}
	return take(other, edit, err);
}

/* What leads from there to the running one. */
static int
compare(const struct datastore *ds, struct other *other, json_t **changes, struct err *err)
{
	json_t *document = tree_document(ds->tree);
	struct proposal proposal;
	struct edit *edit;
	int rc;

	edit_create(ds->model, other->tree, &edit);
	rc = edit_load(edit, document, err);
	json_decref(document);
	if (rc != 0) {
		edit_destroy(edit);
		return rc;
	}
	rc = proposal_init(&proposal, edit, other->tree, other->refs, err);
	if (rc == 0) {
		*changes = proposal_record_json(&proposal, PROPOSAL_WHOLE);
	}
	proposal_fini(&proposal);
	return rc;
}

json_t *
foreign_changes(const struct datastore *ds)
{
	struct err err = ERR_INIT;
	json_t *changes = NULL;
	struct other other;
	int rc;

	if (ds->content.written == NULL) {
		return NULL;
	}
	tree_create(ds->model, &other.tree);
	refs_create(other.tree, &other.refs);
	rc = make_last(ds, &other, &err);
	if (rc == 0) {
		rc = compare(ds, &other, &changes, &err);
	}
	if (rc != 0) {
		log_info("what was changed in the file is not known: %s", err.text);
	}
	refs_destroy(other.refs);
	tree_destroy(other.tree);
	return changes;
}
