/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/micro/guest.h"

#include <errno.h>
#include <string.h>

#include "perf/micro/frames.h"

#define LINE 64u

/* From one buffer to the next. */
static uint32_t
rx_stride(const struct guest_kind *kind)
{
	return guest_pieces(kind->size) > 1 ? GUEST_STRIDE_LONG : GUEST_STRIDE;
}

static uint32_t
tx_stride(const struct guest_kind *kind)
{
	const uint32_t lines = (GUEST_FRAME_AT + kind->size + LINE - 1) / LINE;

	return lines * LINE <= GUEST_STRIDE ? GUEST_STRIDE : (lines | 1) * LINE;
}

/* Buffers of a lane, each of `len` bytes behind its header; those to be sent with a frame. */
static int
lane_init(struct guest *guest, struct guest_lane *lane, struct frontend_queue *queue,
	uint32_t stride, uint32_t len, bool sends)
{
	struct memory *memory = &guest->frontend.memory;
	uint8_t *bytes = memory_alloc(memory, (size_t)GUEST_RING * stride, GUEST_STRIDE);

	if (bytes == NULL) {
		return -ENOMEM;
	}
	*lane = (struct guest_lane){.queue = queue};
	for (uint16_t i = 0; i < GUEST_RING; i++) {
		uint8_t *frame = bytes + (size_t)i * stride + GUEST_FRAME_AT;

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

	*guest = (struct guest){.open = false};
	const struct frontend_config config = {
		.path = backend != NULL ? backend->path : NULL,
		.n_pairs = 1,
		.ring_size = GUEST_RING,
		.features = VIRTIO_F_VERSION_1 | (kind->mergeable ? NET_F_MRG_RXBUF : 0) |
			(kind->packed ? VIRTIO_F_RING_PACKED : 0),
		.buffer_memory = (size_t)(GUEST_RING + 1) * (rx_stride(kind) + tx_stride(kind)) +
			(size_t)2 * GUEST_STRIDE,
		.pages = huge ? MEMORY_HUGE_IF_FREE : MEMORY_SMALL,
	};
	int rc = backend != NULL ? frontend_open(&guest->frontend, &config, err)
				 : frontend_open_local(&guest->frontend, &config, err);
	if (rc != 0) {
		return rc;
	}
	guest->open = true;
	guest->connected = backend != NULL;
	rc = guest->connected ? backend_wait(backend, err) : 0;
	if (rc != 0) {
		return rc;
	}
	rc = lane_init(guest, &guest->rx, frontend_rx(&guest->frontend, 0), rx_stride(kind),
		rx_stride(kind) - GUEST_FRAME_AT, false);
	if (rc == 0) {
		rc = lane_init(guest, &guest->tx, frontend_tx(&guest->frontend, 0), tx_stride(kind),
			kind->size, true);
	}
	return rc == 0 ? 0 : err_set(err, ERR_LIMIT, NULL, "no memory for the guest's buffers");
}

void
guest_close(struct guest *guest)
{
	if (guest->open) {
		frontend_close(&guest->frontend);
	}
	if (guest->connected) {
		backend_wait_gone();
	}
}
