/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Params of a method as a table: names, kinds, which must be there. What is not in the table is
 * refused by name, so that a misspelt option is never silently ignored. Any thread.
 */
#ifndef VSW_CTL_PARAMS_H
#define VSW_CTL_PARAMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum param_kind { PARAM_STRING, PARAM_UINT, PARAM_BOOL, PARAM_ARRAY, PARAM_OBJECT };

struct param {
	const char *name; /* NULL ends a table */
	enum param_kind kind;
	bool required;
	int64_t max; /* PARAM_UINT: largest value; 0 is no limit */
};

/*
 * Check `params` (an object, or NULL for none) of `method`: 0, or -errno with ERR_MALFORMED and a
 * sentence that names method and param.
 */
int
params_check(const json_t *params, const struct param *table, const char *method, struct err *err);

#endif
