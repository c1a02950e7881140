/* SPDX-License-Identifier: BSD-3-Clause */
/* From what the parser found to what edits need to know. Any thread; plain data. */
#ifndef VSW_DATAPATH_CORE_EDIT_LAYOUT_H
#define VSW_DATAPATH_CORE_EDIT_LAYOUT_H

#include "datapath/core/edit.h"
#include "datapath/core/parse.h"

/* `parsed` is of this very head, at PARSE_L4 or deeper. */
void edit_layout_of(const struct parsed *parsed, const uint8_t *head, uint32_t head_len,
	struct edit_layout *layout);

#endif
