/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/core/grace.h"

#include <errno.h>
#include <stdlib.h>

int
grace_init(struct grace *grace)
{
	size_t size = rte_rcu_qsbr_get_memsize(GRACE_READERS_MAX);

	grace->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (grace->qsbr == NULL) {
		return -ENOMEM;
	}
	return rte_rcu_qsbr_init(grace->qsbr, GRACE_READERS_MAX) == 0 ? 0 : -ENOMEM;
}

void
grace_fini(struct grace *grace)
{
	free(grace->qsbr);
	grace->qsbr = NULL;
}
