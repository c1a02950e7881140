/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vu_ring.h"

#define PACKED_SLOT 0x7fffU /* of a packed ring's base: its available slot */

/* What is missing that the front end has to tell. */
static const char *
not_told(const struct vu_device *device, const struct vu_ring *ring)
{
	if (!device->has_features) {
		return "no features are negotiated";
	}
	if (device->memory == NULL || device->memory->n == 0) {
		return "no memory is shared";
	}
	if (ring->size == 0) {
		return "its size is not told";
	}
	if (!ring->has_addr) {
		return "its addresses are not told";
	}
	if (!ring->has_base) {
		return "where it begins is not told";
	}
	if (!ring->started) {
		return "it is not started";
	}
	if (!ring->enabled) {
		return "it is disabled";
	}
	return NULL;
}

/* Size and place fit the format. */
static const char *
ill_formed(const struct vu_device *device, const struct vu_ring *ring)
{
	const uint32_t base = ring->base;

	if (!vu_device_packed(device)) {
		if ((ring->size & (ring->size - 1)) != 0) {
			return "its size is no power of two";
		}
		return ring->base_due && base > UINT16_MAX ? "it begins beyond any index" : NULL;
	}
	if (ring->base_due && (base & PACKED_SLOT) >= ring->size) {
		return "it begins beyond its end";
	}
	return NULL;
}

struct part {
	uint64_t user;
	uint64_t len;
	uintptr_t align;
	uint8_t **host;
	const char *outside;
	const char *odd;
};

/* virtio 1.2: sizes and alignments of 2.7 (split) and 2.8.10 (packed). */
static const char *
find_parts(const struct vu_device *device, const struct vu_ring *ring, struct vq_view *view) ON_MAIN
{
	const bool packed = vu_device_packed(device);
	const uint64_t n = ring->size;
	const struct part parts[] = {
		{ring->desc, 16 * n, 16, &view->desc, "its descriptors are not in shared memory",
			"its descriptors are not aligned to 16 bytes"},
		{ring->avail, packed ? 4 : 6 + 2 * n, packed ? 4 : 2, &view->avail,
			"its available ring is not in shared memory",
			"its available ring is not aligned"},
		{ring->used, packed ? 4 : 6 + 8 * n, 4, &view->used,
			"its used ring is not in shared memory", "its used ring is not aligned"},
	};

	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct part *part = &parts[i];

		*part->host = gmem_user(device->memory, part->user, part->len);
		if (*part->host == NULL) {
			return part->outside;
		}
		if (((uintptr_t)*part->host & (part->align - 1)) != 0) {
			return part->odd;
		}
	}
	return NULL;
}

uint32_t
vu_ring_takes(const struct vu_device *device)
{
	const uint64_t features = device->features;
	uint32_t caps = 0;

	if ((features & VU_NET_GUEST_CSUM) == 0) {
		return 0; /* virtio 1.2, 5.1.3.1: all others need it */
	}
	caps |= PORT_CAP_CSUM;
	caps |= (features & VU_NET_GUEST_TSO4) != 0 ? PORT_CAP_TSO4 : 0;
	caps |= (features & VU_NET_GUEST_TSO6) != 0 ? PORT_CAP_TSO6 : 0;
	if ((caps & (PORT_CAP_TSO4 | PORT_CAP_TSO6)) != 0 && (features & VU_NET_GUEST_ECN) != 0) {
		caps |= PORT_CAP_ECN;
	}
	if ((features & VU_NET_GUEST_USO4) != 0 && (features & VU_NET_GUEST_USO6) != 0) {
		caps |= PORT_CAP_USO;
	}
	return caps;
}

static uint32_t
view_flags(const struct vu_device *device)
{
	const uint64_t features = device->features;
	uint32_t flags = VQ_RUNS;

	flags |= (features & VU_RING_PACKED) != 0 ? VQ_PACKED : 0;
	flags |= (features & VU_RING_EVENT_IDX) != 0 ? VQ_EVENT_IDX : 0;
	flags |= (features & VU_RING_INDIRECT) != 0 ? VQ_INDIRECT : 0;
	flags |= (features & VU_NET_MRG_RXBUF) != 0 ? VQ_MERGEABLE : 0;
	flags |= (features &
			 (VU_NET_CSUM | VU_NET_HOST_TSO4 | VU_NET_HOST_TSO6 | VU_NET_HOST_USO)) != 0
		? VQ_READ_HDR
		: 0;
	flags |= device->one_worker ? VQ_LAZY_CALL : 0;
	return flags;
}

/* Where writes to the used side are logged: split: as told; packed: the descriptors themselves. */
static uint64_t
log_address(const struct vu_device *device, const struct vu_ring *ring) ON_MAIN
{
	uint64_t gpa = UINT64_MAX;

	if ((ring->addr_flags & VU_VRING_F_LOG) == 0) {
		return UINT64_MAX;
	}
	if (!vu_device_packed(device)) {
		return ring->log;
	}
	(void)gmem_user_gpa(device->memory, ring->desc, 16 * (uint64_t)ring->size, &gpa);
	return gpa;
}

const char *
vu_ring_view(const struct vu_device *device, uint16_t number, struct vq_view *view)
{
	const struct vu_ring *ring = &device->rings[number];
	const char *why = not_told(device, ring);

	why = why != NULL ? why : ill_formed(device, ring);
	why = why != NULL ? why : find_parts(device, ring, view);
	if (why != NULL) {
		*view = (struct vq_view){0};
		return why;
	}
	view->flags = view_flags(device);
	view->takes = vu_ring_takes(device);
	view->size = ring->size;
	view->hdr_len = (device->features & (VU_RING_VERSION_1 | VU_NET_MRG_RXBUF)) != 0 ? 12 : 10;
	view->call = ring->call;
	view->memory = device->memory;
	view->gone = device->gone;
	if (device->inflight != NULL && device->inflight->packed == vu_device_packed(device)) {
		view->inflight = inflight_ring(device->inflight, number, ring->size);
	}
	view->log = (device->features & VU_F_LOG_ALL) != 0 ? device->log : NULL;
	view->log_used = log_address(device, ring);
	return NULL;
}
