/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A proposal: an edit, checked against everything else, as the list of net changes that the backend
 * gets. It leaves the tree as it is; proposal_put makes it so, and undoes it.
 *
 * The owner's thread only.
 */
#ifndef VSW_SCHEMA_PROPOSAL_H
#define VSW_SCHEMA_PROPOSAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "schema/datastore.h"
#include "schema/edit.h"
#include "schema/refs.h"
#include "schema/tree.h"

struct proposal {
	struct edit *edit; /* owned */
	struct tree *tree; /* borrowed */
	size_t n_changes;
	struct ds_change *changes; /* in the order of datastore.h; owned with what they point to */
	const struct edit_entry **entries; /* of `edit`, in the same order */
};

enum proposal_way { PROPOSAL_DO, PROPOSAL_UNDO };

/*
 * Finish the edit, check references in the end state and list the changes. Takes `edit`, also on
 * error; proposal_fini in any case.
 */
int proposal_init(struct proposal *proposal, struct edit *edit, struct tree *tree,
	struct refs *refs, struct err *err);
void proposal_fini(struct proposal *proposal);

/* Put the end state, or the state before, into the tree. */
void proposal_put(const struct proposal *proposal, struct refs *refs, enum proposal_way way);

#define PROPOSAL_VALUES_MAX \
	(1U << 20) /* bytes of an answer's changes, past which values are left out */
#define PROPOSAL_ANSWER_MAX (16U << 20) /* the same, past which changes are */

/* [{"op", "path"}, ...] for the answer to an edit, of modified entries with "apply" and with
 * "before" and "after", cut down to what differs (delta.h). `leaves`: {name: apply} of their
 * members that differ too, if it is wanted. Past PROPOSAL_VALUES_MAX "cut": true stands for
 * "before" and "after"; past PROPOSAL_ANSWER_MAX nothing comes any more. New reference. */
json_t *proposal_changes_json(const struct proposal *proposal, bool leaves);

enum proposal_detail {
	PROPOSAL_WHOLE, /* before and after */
	PROPOSAL_CUT, /* of entries with long lists what differs (delta.h): for people */
	PROPOSAL_PATCH, /* of these a patch (patch.h): for the journal */
};

/* The changes as a list of diff.h. New reference. */
json_t *proposal_record_json(const struct proposal *proposal, enum proposal_detail detail);

#endif
