/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests about the device as a whole. */
#include <inttypes.h>

#include "ports/vhost/vu_handler.h"

/* virtio 1.2, 5.1.4.1: the least a driver has to accept; the greatest fits its field. */
#define MTU_MIN 68
#define MTU_MAX 65535
#define STATUS_MAX 0xff
#define MAC_MASK UINT64_C(0xffffffffffff)

static bool
any_ring_runs(const struct vu_device *device) ON_MAIN
{
	for (uint16_t i = 0; i < device->n_rings; i++) {
		if (vu_device_ring_view(device, i) != NULL) {
			return true;
		}
	}
	return false;
}

enum vu_outcome
vu_get_features(struct vu_call *call)
{
	return vu_reply_u64(call, call->device->offers);
}

/*
 * May come again while rings run, to begin and end the log of a migration. Where protocol features
 * are not acknowledged, rings start enabled (vhost-user, "Ring states").
 */
enum vu_outcome
vu_set_features(struct vu_call *call)
{
	struct vu_device *device = call->device;
	const uint64_t features = call->msg->payload.u64;
	const uint64_t others = (features ^ device->features) & ~VU_F_LOG_ALL;

	if ((features & ~device->offers) != 0) {
		return vu_violation(call, "features 0x%" PRIx64 " were not offered",
			features & ~device->offers);
	}
	if (others != 0 && any_ring_runs(device)) {
		return vu_violation(
			call, "features 0x%" PRIx64 " change while a ring runs", others);
	}
	for (uint16_t i = 0; i < device->n_rings; i++) {
		if (others != 0) {
			vu_device_keep_base(device, i);
		}
		if ((features & VU_F_PROTOCOL_FEATURES) == 0) {
			device->rings[i].enabled = true;
		}
	}
	device->features = features;
	device->has_features = true;
	return vu_changed(call);
}

enum vu_outcome
vu_get_protocol_features(struct vu_call *call)
{
	return vu_reply_u64(call, call->device->offers_protocol);
}

enum vu_outcome
vu_set_protocol_features(struct vu_call *call)
{
	const uint64_t protocol = call->msg->payload.u64;
	const uint64_t offers = call->device->offers_protocol;

	if ((protocol & ~offers) != 0) {
		return vu_violation(call, "protocol features 0x%" PRIx64 " were not offered",
			protocol & ~offers);
	}
	call->device->protocol = protocol;
	return VU_DONE;
}

enum vu_outcome
vu_set_owner(struct vu_call *call)
{
	call->device->owned = true;
	return VU_DONE;
}

/* Deprecated; the specification recommends to ignore it. */
enum vu_outcome
vu_reset_owner(struct vu_call *call)
{
	(void)call;
	return VU_DONE;
}

enum vu_outcome
vu_reset_device(struct vu_call *call)
{
	vu_device_reset(call->device);
	return vu_changed(call);
}

enum vu_outcome
vu_get_queue_num(struct vu_call *call)
{
	return vu_reply_u64(call, call->device->n_rings / 2);
}

enum vu_outcome
vu_send_rarp(struct vu_call *call)
{
	if (call->ops->announce != NULL) {
		call->ops->announce(call->arg, call->msg->payload.u64 & MAC_MASK);
	}
	return VU_DONE;
}

enum vu_outcome
vu_net_set_mtu(struct vu_call *call)
{
	const uint64_t mtu = call->msg->payload.u64;

	if (mtu < MTU_MIN || mtu > MTU_MAX) {
		(void)err_set(call->err, ERR_INVALID, NULL, "%s: %" PRIu64 " is not from %d to %d",
			call->name, mtu, MTU_MIN, MTU_MAX);
		return VU_REFUSED;
	}
	call->device->mtu = (uint16_t)mtu;
	return VU_DONE;
}

/*
 * 0 is a reset (virtio 1.2, 2.1), so no ring runs from now on. But QEMU 7.2 says 0 whenever it
 * stops a device, and asks only then where the rings are: what is known of them stays, and comes
 * again anyway before they run. FEATURES_OK stays unset while there are none to agree to.
 */
enum vu_outcome
vu_set_status(struct vu_call *call)
{
	struct vu_device *device = call->device;
	const uint64_t status = call->msg->payload.u64;

	if (status > STATUS_MAX) {
		return vu_violation(call, "0x%" PRIx64 " is no device status", status);
	}
	device->status = (uint8_t)status;
	if (status == 0) {
		for (uint16_t i = 0; i < device->n_rings; i++) {
			vu_device_ring_stop(device, i);
		}
		return vu_changed(call);
	}
	if (!device->has_features) {
		device->status &= (uint8_t)~VU_STATUS_FEATURES_OK;
	}
	return VU_DONE;
}

enum vu_outcome
vu_get_status(struct vu_call *call)
{
	return vu_reply_u64(call, call->device->status);
}
