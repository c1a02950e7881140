/* SPDX-License-Identifier: BSD-3-Clause */
/* Random valid rules as a text and as the JSON that it must become, each made by its own means. */
#ifndef VSW_CTL_FLOW_TEXT_MODEL_H
#define VSW_CTL_FLOW_TEXT_MODEL_H

#include <jansson.h>
#include <stdint.h>

struct flow_model {
	char text[8192];
	json_t *json; /* the caller's reference */
};

/* The same seed makes the same rule. */
void flow_model_make(struct flow_model *model, uint32_t seed);

#endif
