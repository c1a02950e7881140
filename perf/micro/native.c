/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/native.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int
map_memory(struct native *native, const struct memory *memory, struct err *err) ON_MAIN
{
	const struct gmem_desc desc = {
		.gpa = MEMORY_GPA,
		.size = memory->size,
		.user = (uintptr_t)memory->base,
	};
	const int fd = dup(memory->fd);

	if (fd < 0) {
		return err_set(err, ERR_LIMIT, NULL, "dup: %s", strerror(errno));
	}
	return gmem_create(&desc, &fd, 1, false, &native->gone, &native->gmem, err);
}

/* Where the back end has what lies here in the guest. */
static uint8_t *
there(const struct native *native, const volatile void *at) ON_MAIN
{
	return gmem_user(native->gmem, (uintptr_t)at, 1);
}

static int
open_ring(const struct native *native, struct vq *vq, struct vq_view *view,
	const struct frontend_queue *queue, const struct guest_kind *kind, bool receives) ON_MAIN
{
	uint32_t base = 0;

	*view = (struct vq_view){
		.flags = VQ_RUNS | (kind->mergeable ? VQ_MERGEABLE : 0) |
			(kind->packed ? VQ_PACKED : 0),
		.size = GUEST_RING,
		.hdr_len = VQ_HDR_MAX,
		.call = -1,
		.memory = native->gmem,
		.gone = &native->gone,
		.log_used = UINT64_MAX,
	};
	if (kind->packed) {
		view->desc = there(native, queue->ring.packed.desc);
		view->avail = there(native, queue->ring.packed.driver);
		view->used = there(native, queue->ring.packed.device);
		base = packed_ring_base(&queue->ring.packed);
	} else {
		view->desc = there(native, queue->ring.split.desc);
		view->avail = there(native, queue->ring.split.avail);
		view->used = there(native, queue->ring.split.used);
	}
	const int rc = vq_init(vq, receives);
	if (rc == 0) {
		vq_set_base(vq, view, base);
	}
	return rc;
}

int
native_open(
	struct native *native, struct guest *guest, const struct guest_kind *kind, struct err *err)
{
	memset(native, 0, sizeof(*native));
	native->ops = vq_ops_select();
	int rc = map_memory(native, &guest->frontend.memory, err);
	if (rc != 0) {
		return rc;
	}
	rc = open_ring(native, &native->rx, &native->rx_view, guest->tx.queue, kind, true);
	if (rc == 0) {
		rc = open_ring(native, &native->tx, &native->tx_view, guest->rx.queue, kind, false);
	}
	return rc == 0 ? 0 : err_set(err, ERR_LIMIT, NULL, "no memory for rings");
}

void
native_close(struct native *native)
{
	struct gmem_reaper reaper = {0};

	vq_fini(&native->rx);
	vq_fini(&native->tx);
	gmem_free(native->gmem, &reaper);
	while (gmem_reap(&reaper)) {
	}
}
