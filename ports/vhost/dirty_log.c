/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/dirty_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static int
create(int fd, uint64_t size, uint64_t offset, atomic_bool *gone, struct dirty_log **out,
	struct err *err) ON_MAIN
{
	const struct peer_part part = {
		.what = "the migration log",
		.offset = offset,
		.size = size,
	};
	struct dirty_log *log;
	int ret;

	if (size > DIRTY_LOG_MAX) {
		return err_set(err, ERR_INVALID, NULL,
			"the migration log has 0x%" PRIx64 " bytes; at most 0x%" PRIx64
			" can be used",
			size, DIRTY_LOG_MAX);
	}
	log = calloc(1, sizeof(*log));
	if (log == NULL) {
		(void)err_set(err, ERR_LIMIT, NULL, "out of memory for the migration log");
		return -ENOMEM;
	}
	ret = peer_map_make(&log->map, fd, &part, gone, err);
	if (ret != 0) {
		free(log);
		return ret;
	}
	log->bits = log->map.bytes;
	log->size = size;
	*out = log;
	return 0;
}

int
dirty_log_create(int fd, uint64_t size, uint64_t offset, atomic_bool *gone, struct dirty_log **out,
	struct err *err)
{
	const int ret = create(fd, size, offset, gone, out, err);

	(void)close(fd);
	return ret;
}

void
dirty_log_free(struct dirty_log *log)
{
	if (log == NULL) {
		return;
	}
	peer_map_release(&log->map);
	while (peer_map_unmap(&log->map, UINT64_MAX)) {
	}
	free(log);
}
