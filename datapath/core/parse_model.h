/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser once more, written from the RFCs a byte at a time and without a thought for speed:
 * for tests to compare with. What is decided where the RFCs leave it open is in parse.h.
 */
#ifndef VSW_DATAPATH_CORE_PARSE_MODEL_H
#define VSW_DATAPATH_CORE_PARSE_MODEL_H

#include <stdint.h>

#include "datapath/core/parse.h"

void parse_model(const uint8_t *head, uint32_t head_len, uint32_t frame_len, enum parse_depth depth,
	struct parsed *out);

#endif
