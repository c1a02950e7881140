/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts of flow rules with what they mean; for flow_text_test. Each table ends with a NULL text. */
#ifndef VSW_CTL_FLOW_TEXT_CASES_H
#define VSW_CTL_FLOW_TEXT_CASES_H

struct flow_case {
	const char *text;
	const char *json; /* inside of the match, of the actions, or the whole rule */
	const char *canonical; /* NULL: the text itself */
	const char *match; /* of actions: NULL, "udp" or "udp6" */
};

struct flow_error_case {
	const char *input;
	const char *message; /* its beginning */
	unsigned int column; /* of texts */
};

extern const struct flow_case flow_match_cases[];
extern const struct flow_case flow_action_cases[];
extern const struct flow_case flow_rule_cases[];
extern const struct flow_error_case flow_text_errors[];
extern const struct flow_error_case flow_json_errors[];

#endif
