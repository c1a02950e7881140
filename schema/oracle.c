/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema/datastore_priv.h"

#include <stdlib.h>

int
ds_validate_full(struct datastore *ds, struct err *err)
{
	uint32_t quiet = LY_LOSTORE_LAST;
	struct lyd_node *data = NULL;
	size_t len;
	char *text = tree_text(ds->tree, &len);
	int rc = 0;

	ly_temp_log_options(&quiet);
	if (lyd_parse_data_mem(ds->model->ctx, text, LYD_JSON,
		    LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, LYD_VALIDATE_NO_STATE,
		    &data) != LY_SUCCESS) {
		/* Developers read this one: it names a fault of check.c, not of a user. */
		rc = err_set(err, ERR_FAILED, ly_errpath(ds->model->ctx),
			"libyang refuses what was committed: %s", ly_errmsg(ds->model->ctx));
	}
	ly_temp_log_options(NULL);
	lyd_free_all(data);
	free(text);
	return rc;
}
