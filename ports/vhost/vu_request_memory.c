/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that share memory: the guest's, the migration log, the in-flight area. */
#include <string.h>

#include "ports/vhost/vu_handler.h"

static struct gmem_desc
desc_of(const struct vu_region *region)
{
	return (struct gmem_desc){
		.gpa = region->gpa,
		.size = region->size,
		.user = region->user,
		.offset = region->offset,
	};
}

static int
take_fd(struct vu_msg *msg, uint32_t i)
{
	const int fd = msg->fds[i];

	msg->fds[i] = -1;
	return fd;
}

/* Whoever holds the old table goes on with it; rings that do not lie in the new one stop. */
static enum vu_outcome
replace_memory(struct vu_call *call, struct gmem *memory) ON_MAIN
{
	struct gmem *old = call->device->memory;

	call->device->memory = memory;
	vu_device_retire_memory(call->device, old);
	return vu_changed(call);
}

enum vu_outcome
vu_set_mem_table(struct vu_call *call)
{
	struct vu_device *device = call->device;
	struct vu_msg *msg = call->msg;
	const uint32_t n = msg->payload.table.n;
	struct gmem_desc descs[VU_TABLE_REGIONS];
	int fds[VU_TABLE_REGIONS];
	struct gmem *memory = NULL;
	struct err err = ERR_INIT;

	if (msg->n_fds != n) {
		return vu_violation(
			call, "%u file descriptors came along, for %u regions", msg->n_fds, n);
	}
	for (uint32_t i = 0; i < n; i++) {
		descs[i] = desc_of(&msg->payload.table.regions[i]);
		fds[i] = take_fd(msg, i);
	}
	if (gmem_create(descs, fds, n, device->require_seals, device->gone, &memory, &err) != 0) {
		return vu_cannot(call, err.text);
	}
	return replace_memory(call, memory);
}

enum vu_outcome
vu_get_max_mem_slots(struct vu_call *call)
{
	return vu_reply_u64(call, GMEM_REGIONS_MAX);
}

/* With several queue pairs QEMU before 8.0 tells of each region once for each pair. */
static bool
told_again(const struct vu_device *device, const struct gmem_desc *desc, bool there) ON_MAIN
{
	return (device->features & VU_NET_MQ) != 0 && gmem_has(device->memory, desc) == there;
}

enum vu_outcome
vu_add_mem_reg(struct vu_call *call)
{
	struct vu_device *device = call->device;
	const struct gmem_desc desc = desc_of(&call->msg->payload.slot.region);
	struct gmem *memory = NULL;
	struct err err = ERR_INIT;

	if (told_again(device, &desc, true)) {
		return VU_DONE;
	}
	if (gmem_with(device->memory, &desc, take_fd(call->msg, 0), device->require_seals,
		    device->gone, &memory, &err) != 0) {
		return vu_cannot(call, err.text);
	}
	return replace_memory(call, memory);
}

enum vu_outcome
vu_rem_mem_reg(struct vu_call *call)
{
	const struct gmem_desc desc = desc_of(&call->msg->payload.slot.region);
	struct gmem *memory = NULL;
	struct err err = ERR_INIT;

	if (told_again(call->device, &desc, false)) {
		return VU_DONE;
	}
	if (gmem_without(call->device->memory, &desc, &memory, &err) != 0) {
		return vu_cannot(call, err.text);
	}
	return replace_memory(call, memory);
}

/* Always answered where LOG_SHMFD is negotiated ("Communication"). */
enum vu_outcome
vu_set_log_base(struct vu_call *call)
{
	struct vu_device *device = call->device;
	const struct vu_msg *msg = call->msg;
	struct dirty_log *log = NULL;
	struct err err = ERR_INIT;
	enum vu_outcome outcome;

	if (dirty_log_create(take_fd(call->msg, 0), msg->payload.log.size, msg->payload.log.offset,
		    device->gone, &log, &err) != 0) {
		return vu_cannot(call, err.text);
	}
	vu_device_retire_log(device, device->log);
	device->log = log;
	outcome = vu_changed(call);
	return outcome == VU_DONE ? vu_reply_u64(call, 0) : outcome;
}

/* An event to tell of a changed log, which no front end looks at. */
enum vu_outcome
vu_set_log_fd(struct vu_call *call)
{
	(void)call;
	return VU_DONE;
}

/* A new area; the front end keeps its file and gives it to whoever comes after us. */
enum vu_outcome
vu_get_inflight_fd(struct vu_call *call)
{
	struct vu_device *device = call->device;
	const uint16_t n_rings = call->msg->payload.inflight.num_queues;
	const uint16_t size = call->msg->payload.inflight.queue_size;
	struct inflight *inflight = NULL;
	struct err err = ERR_INIT;
	struct vu_msg *answer;

	for (uint16_t i = 0; i < device->n_rings; i++) {
		if (vu_device_ring_view(device, i) != NULL) {
			return vu_violation(call, "ring %u runs", i);
		}
	}
	if (inflight_make(n_rings, size, vu_device_packed(device), device->gone, &inflight,
		    &call->reply->fd, &err) != 0) {
		return vu_cannot(call, err.text);
	}
	inflight_free(device->inflight); /* no ring runs: nobody holds it */
	device->inflight = inflight;
	answer = vu_reply_begin(call->reply, call->msg->request, call->msg->size);
	answer->payload.inflight.mmap_size = inflight->desc.mmap_size;
	answer->payload.inflight.mmap_offset = inflight->desc.mmap_offset;
	answer->payload.inflight.num_queues = inflight->desc.num_queues;
	answer->payload.inflight.queue_size = inflight->desc.queue_size;
	return VU_DONE;
}

enum vu_outcome
vu_set_inflight_fd(struct vu_call *call)
{
	struct vu_device *device = call->device;
	struct inflight_desc desc;
	struct inflight *inflight = NULL;
	struct err err = ERR_INIT;

	memcpy(&desc, &call->msg->payload.inflight, sizeof(desc));
	if (inflight_open(take_fd(call->msg, 0), &desc, vu_device_packed(device), device->gone,
		    &inflight, &err) != 0) {
		return vu_cannot(call, err.text);
	}
	vu_device_retire_inflight(device, device->inflight);
	device->inflight = inflight;
	return vu_changed(call);
}
