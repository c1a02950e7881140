/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/params.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"

static int
unknown_param(const struct param *table, const char *method, const char *key, struct err *err);
static int
check_value(const struct param *param, const char *method, const json_t *value, struct err *err);

int
params_check(const json_t *params, const struct param *table, const char *method, struct err *err)
{
	const char *key;
	json_t *value;

	/* jansson's iteration wants a mutable object and changes nothing */
	json_object_foreach ((json_t *)(uintptr_t)params, key, value) {
		const struct param *param = table;
		int rc;

		while (param->name != NULL && strcmp(param->name, key) != 0) {
			param++;
		}
		if (param->name == NULL) {
			return unknown_param(table, method, key, err);
		}
		rc = check_value(param, method, value, err);
		if (rc != 0) {
			return rc;
		}
	}
	for (const struct param *param = table; param->name != NULL; param++) {
		if (param->required && json_object_get(params, param->name) == NULL) {
			return err_set(err, ERR_MALFORMED, NULL, "%s needs the param '%s'", method,
				param->name);
		}
	}
	return 0;
}

static int
unknown_param(const struct param *table, const char *method, const char *key, struct err *err)
{
	struct suggest suggest;
	char known[256] = "";

	suggest_init(&suggest, key, strlen(key));
	for (const struct param *param = table; param->name != NULL; param++) {
		suggest_offer(&suggest, param->name);
		(void)str_appendf(
			known, sizeof(known), "%s%s", known[0] == '\0' ? "" : ", ", param->name);
	}
	if (known[0] == '\0') {
		return err_set(err, ERR_MALFORMED, NULL, "%s takes no params, '%.64s' was given",
			method, key);
	}
	return err_set(err, ERR_MALFORMED, NULL, "%s has no param '%.64s' (it takes %s)%s", method,
		key, known, suggest_text(&suggest));
}

static int
check_value(const struct param *param, const char *method, const json_t *value, struct err *err)
{
	static const char *const kinds[] = {
		[PARAM_STRING] = "a string",
		[PARAM_UINT] = "a whole number that is not negative",
		[PARAM_BOOL] = "true or false",
		[PARAM_ARRAY] = "an array",
		[PARAM_OBJECT] = "an object",
	};
	bool fits = false;

	switch (param->kind) {
	case PARAM_STRING:
		fits = json_is_string(value);
		break;
	case PARAM_UINT:
		fits = json_is_integer(value) && json_integer_value(value) >= 0;
		break;
	case PARAM_BOOL:
		fits = json_is_boolean(value);
		break;
	case PARAM_ARRAY:
		fits = json_is_array(value);
		break;
	case PARAM_OBJECT:
		fits = json_is_object(value);
		break;
	}
	if (!fits) {
		return err_set(err, ERR_MALFORMED, NULL, "%s: the param '%s' must be %s", method,
			param->name, kinds[param->kind]);
	}
	if (param->kind == PARAM_UINT && param->max > 0 && json_integer_value(value) > param->max) {
		return err_set(err, ERR_MALFORMED, NULL, "%s: the param '%s' is at most %lld",
			method, param->name, (long long)param->max);
	}
	return 0;
}
