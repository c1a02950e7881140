/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/snapshot.h"

#include <stdlib.h>

#include "base/memory.h"

struct snapshot *
snapshot_create(unsigned int n_workers)
{
	struct snapshot *snap =
		must_calloc(1, sizeof(*snap) + n_workers * sizeof(snap->workers[0]));

	snap->n_workers = n_workers;
	snap->ports = must_calloc(DP_PORTS_MAX, sizeof(*snap->ports));
	snap->bridges = must_calloc(DP_BRIDGES_MAX, sizeof(*snap->bridges));
	snap->keys = must_calloc(DP_PORTS_MAX, sizeof(*snap->keys));
	snap->numbers = must_calloc(DP_NUMBERS_MAX, sizeof(*snap->numbers));
	return snap;
}

void
snapshot_destroy(struct snapshot *snap)
{
	if (snap == NULL) {
		return;
	}
	for (unsigned int w = 0; w < snap->n_workers; w++) {
		free(snap->workers[w].rxq);
	}
	free(snap->ports);
	free(snap->bridges);
	free(snap->keys);
	free(snap->numbers);
	free(snap);
}
