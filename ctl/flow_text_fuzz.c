/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule from a stranger: whatever is accepted prints as a text that gives the same rule again, by
 * way of the text and by way of JSON. What is refused says where.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/flow_json.h"
#include "ctl/flow_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
json_check(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	json_t *json = json_loadb((const char *)data, size, 0, NULL);
	struct flow_rule rule;

	if (json != NULL && flow_json_read(json, &rule, &err) == 0) {
		json_t *canonical = flow_json_new(&rule);
		json_t *again;

		assert(flow_json_read(canonical, &rule, &err) == 0);
		again = flow_json_new(&rule);
		assert(json_equal(canonical, again));
		json_decref(canonical);
		json_decref(again);
	}
	json_decref(json);
}

static void
text_check(const struct flow_rule *rule, const json_t *json)
{
	static char text[FLOW_TEXT_MAX + 1];
	static char again[FLOW_TEXT_MAX + 1];
	struct flow_rule copy;
	struct err err = ERR_INIT;
	size_t len = flow_text_print(rule, text, sizeof(text));
	json_t *json_again;

	assert(len < FLOW_TEXT_MAX);
	assert(flow_text_parse(text, len, rule->op, rule->strict, &copy, &err) == 0);
	json_again = flow_json_new(&copy);
	assert(json_equal(json, json_again));
	assert(flow_text_print(&copy, again, sizeof(again)) == len);
	assert(memcmp(text, again, len + 1) == 0);
	json_decref(json_again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_rule rule;
	struct flow_rule copy;
	struct err err = ERR_INIT;
	json_t *json;

	if (size > 0 && data[0] == '{') {
		json_check(data, size);
		return 0;
	}
	if (flow_text_parse_op((const char *)data, size, &rule, &err) != 0) {
		assert(err.kind != ERR_NONE && strncmp(err.text, "column ", 7) == 0);
		return 0;
	}
	json = flow_json_new(&rule);
	assert(json != NULL);
	text_check(&rule, json);
	assert(flow_json_read(json, &copy, &err) == 0);
	text_check(&copy, json);
	json_decref(json);
	return 0;
}
