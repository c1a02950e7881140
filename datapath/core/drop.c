/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/drop.h"

#include <assert.h>

static const char *const names[DROP_N] = {
#define X(id, name, doc) [id] = name,
	DROP_REASONS(X)
#undef X
};

const char *
drop_name(enum drop_reason reason)
{
	assert(reason < DROP_N);
	return names[reason];
}

static const char *const texts[DROP_N] = {
#define X(id, name, doc) [id] = doc,
	DROP_REASONS(X)
#undef X
};

const char *
drop_text(enum drop_reason reason)
{
	assert(reason < DROP_N);
	return texts[reason];
}
