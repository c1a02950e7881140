/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/guest.h"

#include <errno.h>
#include <string.h>

#include "perf/micro/frames.h"

#define LANES 2

/* Buffers of a lane, each of `len` bytes behind its header; those to be sent with a frame. */
static int
lane_init(struct guest *guest, struct guest_lane *lane, struct frontend_queue *queue, uint32_t len,
	bool sends)
{
	struct memory *memory = &guest->frontend.memory;
	uint8_t *bytes = memory_alloc(memory, (size_t)GUEST_RING * GUEST_STRIDE, GUEST_STRIDE);

	if (bytes == NULL) {
		return -ENOMEM;
	}
	*lane = (struct guest_lane){.queue = queue};
	for (uint16_t i = 0; i < GUEST_RING; i++) {
		uint8_t *frame = bytes + (size_t)i * GUEST_STRIDE + GUEST_FRAME_AT;

		lane->buffers[i] = (struct ring_buffer){
			.gpa = memory_gpa(memory, frame - sizeof(struct net_hdr)),
			.len = (uint32_t)sizeof(struct net_hdr) + len,
			.id = i,
		};
		/* The library takes no memory that nobody has touched for what it costs later. */
		memset(frame - sizeof(struct net_hdr), 0, sizeof(struct net_hdr) + len);
		if (sends) {
			(void)frame_write(FRAME_UDP, i, frame);
		}
	}
	return 0;
}

int
guest_open(struct guest *guest, struct backend *backend, const struct bench *bench,
	const struct guest_kind *kind, struct err *err)
{
	const bool huge = bench->machine.heap_huge || bench->machine.table_huge;

	*guest = (struct guest){.connected = false};
	const struct frontend_config config = {
		.path = backend->path,
		.n_pairs = 1,
		.ring_size = GUEST_RING,
		.features = VIRTIO_F_VERSION_1 | (kind->mergeable ? NET_F_MRG_RXBUF : 0) |
			(kind->packed ? VIRTIO_F_RING_PACKED : 0),
		.buffer_memory = (size_t)LANES * (GUEST_RING + 1) * GUEST_STRIDE,
		.pages = huge ? MEMORY_HUGE_IF_FREE : MEMORY_SMALL,
	};
	int rc = frontend_open(&guest->frontend, &config, err);
	if (rc != 0) {
		return rc;
	}
	guest->connected = true;
	rc = backend_wait(backend, err);
	if (rc != 0) {
		return rc;
	}
	rc = lane_init(guest, &guest->rx, frontend_rx(&guest->frontend, 0),
		GUEST_STRIDE - GUEST_FRAME_AT, false);
	if (rc == 0) {
		rc = lane_init(
			guest, &guest->tx, frontend_tx(&guest->frontend, 0), kind->size, true);
	}
	return rc == 0 ? 0 : err_set(err, ERR_LIMIT, NULL, "no memory for the guest's buffers");
}

void
guest_close(struct guest *guest)
{
	if (guest->connected) {
		frontend_close(&guest->frontend);
		backend_wait_gone();
	}
}
