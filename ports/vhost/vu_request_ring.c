/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about one ring. What a ring that runs is made of may not change under the driver: size,
 * addresses and base are refused then, unless they say what is there already.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/foreign_fd.h"
#include "ports/vhost/vu_handler.h"

/* The ring of that number; NULL: *outcome says why not. */
static struct vu_ring *
ring_of(struct vu_call *call, uint32_t index, enum vu_outcome *outcome)
{
	char why[VU_WHY_SIZE];

	if (index < call->device->n_rings) {
		return &call->device->rings[index];
	}
	(void)snprintf(why, sizeof(why),
		"ring %u is beyond the %u that the port has: the guest "
		"may have %u queue pairs",
		index, call->device->n_rings, call->device->n_rings / 2);
	*outcome = vu_cannot(call, why);
	return NULL;
}

static bool
runs(const struct vu_call *call, uint32_t index) ON_MAIN
{
	return vu_device_ring_view(call->device, (uint16_t)index) != NULL;
}

enum vu_outcome
vu_set_vring_num(struct vu_call *call)
{
	const struct vu_vring_state *state = &call->msg->payload.state;
	enum vu_outcome outcome = VU_DONE;
	struct vu_ring *ring = ring_of(call, state->index, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	if (state->num == 0 || state->num > VQ_SIZE_MAX) {
		return vu_violation(call, "ring %u cannot have %u descriptors; 1 to %d are allowed",
			state->index, state->num, VQ_SIZE_MAX);
	}
	if (ring->size == state->num) {
		return VU_DONE;
	}
	if (runs(call, state->index)) {
		return vu_violation(call, "ring %u runs and has %u descriptors, it cannot have %u",
			state->index, ring->size, state->num);
	}
	vu_device_keep_base(call->device, (uint16_t)state->index);
	ring->size = (uint16_t)state->num;
	return vu_changed(call);
}

/* Comes again while a ring runs, with another log: a migration begins or ends. */
enum vu_outcome
vu_set_vring_addr(struct vu_call *call)
{
	const struct vu_vring_addr *addr = &call->msg->payload.addr;
	enum vu_outcome outcome = VU_DONE;
	struct vu_ring *ring = ring_of(call, addr->index, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	if ((addr->flags & ~VU_VRING_F_LOG) != 0) {
		return vu_violation(
			call, "flags 0x%x of ring %u are unknown", addr->flags, addr->index);
	}
	if (runs(call, addr->index) &&
		(addr->desc != ring->desc || addr->avail != ring->avail ||
			addr->used != ring->used)) {
		return vu_violation(call, "ring %u runs, it cannot move", addr->index);
	}
	ring->addr_flags = addr->flags;
	ring->desc = addr->desc;
	ring->avail = addr->avail;
	ring->used = addr->used;
	ring->log = addr->log;
	ring->has_addr = true;
	return vu_changed(call);
}

enum vu_outcome
vu_set_vring_base(struct vu_call *call)
{
	const struct vu_vring_state *state = &call->msg->payload.state;
	enum vu_outcome outcome = VU_DONE;
	struct vu_ring *ring = ring_of(call, state->index, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	if (runs(call, state->index)) {
		return vu_violation(call, "ring %u runs, it cannot begin elsewhere", state->index);
	}
	ring->base = state->num;
	ring->base_due = true;
	ring->has_base = true;
	return vu_changed(call);
}

/* Stops the ring; answered when no worker is in it any more, with the place where it is then. */
enum vu_outcome
vu_get_vring_base(struct vu_call *call)
{
	const uint32_t index = call->msg->payload.state.index;
	enum vu_outcome outcome = VU_DONE;

	if (ring_of(call, index, &outcome) == NULL) {
		return outcome;
	}
	vu_device_ring_stop(call->device, (uint16_t)index);
	outcome = vu_changed(call);
	if (outcome == VU_DONE) {
		vu_request_finish(call->device, call->msg, call->reply);
	}
	return outcome;
}

/* The ring and the descriptor (-1: none) of SET_VRING_KICK, CALL, ERR. */
static struct vu_ring *
ring_and_fd(struct vu_call *call, uint32_t *index, int *fd, enum vu_outcome *outcome)
{
	struct vu_msg *msg = call->msg;
	const uint64_t value = msg->payload.u64;
	const bool none = (value & VU_VRING_NO_FD) != 0;
	struct vu_ring *ring;

	if ((value & ~(uint64_t)(VU_VRING_INDEX_MASK | VU_VRING_NO_FD)) != 0) {
		*outcome = vu_violation(call, "0x%llx is no ring", (unsigned long long)value);
		return NULL;
	}
	if (none != (msg->n_fds == 0)) {
		*outcome = vu_violation(call, "%s",
			none ? "a file descriptor came along with the word that none does"
			     : "no file descriptor came along");
		return NULL;
	}
	/* Writing to a pipe, a socket or a device may block whoever does, or worse. */
	if (!none && !foreign_fd_is_eventfd(msg->fds[0])) {
		*outcome = vu_violation(call, "the file descriptor is no eventfd");
		return NULL;
	}
	*index = (uint32_t)(value & VU_VRING_INDEX_MASK);
	ring = ring_of(call, *index, outcome);
	*fd = -1;
	if (ring != NULL && !none) {
		*fd = msg->fds[0];
		msg->fds[0] = -1;
	}
	return ring;
}

/* Starts the ring, or gives one that is started another descriptor. */
enum vu_outcome
vu_set_vring_kick(struct vu_call *call)
{
	enum vu_outcome outcome = VU_DONE;
	uint32_t index;
	int fd;
	struct vu_ring *ring = ring_and_fd(call, &index, &fd, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	vu_device_retire_fd(call->device, ring->kick);
	ring->kick = fd;
	ring->started = true;
	return vu_changed(call);
}

enum vu_outcome
vu_set_vring_call(struct vu_call *call)
{
	enum vu_outcome outcome = VU_DONE;
	uint32_t index;
	int fd;
	struct vu_ring *ring = ring_and_fd(call, &index, &fd, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	/* For kernels where a call is a write(2) (guest_call.h): one that is full is not waited
	 * for, unless the front end, whose flag it is too, takes that back. */
	if (fd >= 0) {
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	}
	vu_device_retire_fd(call->device, ring->call);
	ring->call = fd;
	return vu_changed(call);
}

enum vu_outcome
vu_set_vring_err(struct vu_call *call)
{
	enum vu_outcome outcome = VU_DONE;
	uint32_t index;
	int fd;
	struct vu_ring *ring = ring_and_fd(call, &index, &fd, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	if (ring->err >= 0) {
		(void)close(ring->err); /* workers never see it */
	}
	ring->err = fd;
	return VU_DONE;
}

/* May come before all else: a front end restores what its guest had. */
enum vu_outcome
vu_set_vring_enable(struct vu_call *call)
{
	const struct vu_vring_state *state = &call->msg->payload.state;
	enum vu_outcome outcome = VU_DONE;
	struct vu_ring *ring = ring_of(call, state->index, &outcome);

	if (ring == NULL) {
		return outcome;
	}
	if (state->num > 1) {
		return vu_violation(
			call, "ring %u: %u is neither 0 nor 1", state->index, state->num);
	}
	ring->enabled = state->num == 1;
	return vu_changed(call);
}
