/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/frontend/shared_area.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int
map(struct shared_area *area)
{
	void *base = mmap(NULL, area->size, PROT_READ | PROT_WRITE, MAP_SHARED, area->fd, 0);

	if (base == MAP_FAILED) {
		const int rc = -errno;
		shared_area_fini(area);
		return rc;
	}
	area->base = base;
	return 0;
}

static int
refused(uint32_t request, int rc, struct err *err)
{
	(void)err_set(err, ERR_FAILED, NULL, "%s: %s", vhost_user_name(request), strerror(-rc));
	return rc;
}

int
shared_area_init(struct shared_area *area, size_t size)
{
	*area = (struct shared_area){.size = size};
	area->fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (area->fd < 0) {
		return -errno;
	}
	if (ftruncate(area->fd, (off_t)size) != 0) {
		const int rc = -errno;
		shared_area_fini(area);
		return rc;
	}
	return map(area);
}

void
shared_area_fini(struct shared_area *area)
{
	if (area->base != NULL) {
		(void)munmap(area->base, area->size);
	}
	if (area->fd >= 0) {
		(void)close(area->fd);
	}
	*area = (struct shared_area){.fd = -1};
}

int
frontend_set_log(struct frontend *fe, const struct shared_area *area, uint64_t size,
	uint64_t offset, struct err *err)
{
	struct vhost_user_msg msg = {
		.request = VHOST_USER_SET_LOG_BASE,
		.flags = VHOST_USER_VERSION,
		.size = sizeof(msg.payload.log),
	};

	msg.payload.log = (struct vhost_user_log){.size = size, .offset = offset};
	int rc = vhost_user_send(fe->socket, &msg, &area->fd, 1);
	if (rc == 0) {
		rc = vhost_user_recv(fe->socket, &msg, NULL, NULL, VHOST_USER_TIMEOUT_MS);
	}
	if (rc == 0 && msg.request != VHOST_USER_SET_LOG_BASE) {
		rc = -EPROTO;
	}
	return rc == 0 ? 0 : refused(VHOST_USER_SET_LOG_BASE, rc, err);
}

int
frontend_set_features(struct frontend *fe, uint64_t features, struct err *err)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_SET_FEATURES, .size = 8};

	msg.payload.u64 = features;
	fe->features = features;
	return vhost_user_tell(fe->socket, &msg, NULL, 0,
		(fe->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK) != 0, err);
}

int
frontend_get_inflight(struct frontend *fe, struct shared_area *area, struct err *err)
{
	struct vhost_user_msg msg = {
		.request = VHOST_USER_GET_INFLIGHT_FD,
		.flags = VHOST_USER_VERSION,
		.size = sizeof(msg.payload.inflight),
	};
	unsigned int n_fds = 1;

	*area = (struct shared_area){.fd = -1};
	msg.payload.inflight = (struct vhost_user_inflight){
		.n_queues = (uint16_t)(2 * fe->config.n_pairs),
		.queue_size = fe->config.ring_size,
	};
	int rc = vhost_user_send(fe->socket, &msg, NULL, 0);
	if (rc == 0) {
		rc = vhost_user_recv(fe->socket, &msg, &area->fd, &n_fds, VHOST_USER_TIMEOUT_MS);
	}
	if (rc == 0 && (n_fds != 1 || msg.payload.inflight.mmap_size == 0)) {
		rc = -EPROTO;
	}
	if (rc == 0) {
		area->inflight = msg.payload.inflight;
		area->size = area->inflight.mmap_size + area->inflight.mmap_offset;
		rc = map(area);
	}
	return rc == 0 ? 0 : refused(VHOST_USER_GET_INFLIGHT_FD, rc, err);
}

int
frontend_set_inflight(struct frontend *fe, const struct shared_area *area, struct err *err)
{
	struct vhost_user_msg msg = {
		.request = VHOST_USER_SET_INFLIGHT_FD,
		.size = sizeof(msg.payload.inflight),
	};

	msg.payload.inflight = area->inflight;
	return vhost_user_tell(fe->socket, &msg, &area->fd, 1,
		(fe->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK) != 0, err);
}

int
frontend_set_status(struct frontend *fe, uint8_t status, struct err *err)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_SET_STATUS, .size = 8};

	msg.payload.u64 = status;
	return vhost_user_tell(fe->socket, &msg, NULL, 0,
		(fe->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK) != 0, err);
}

int
frontend_get_status(struct frontend *fe, uint8_t *status, struct err *err)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_GET_STATUS};
	const int rc = vhost_user_ask(fe->socket, &msg, err);

	*status = (uint8_t)msg.payload.u64;
	return rc;
}
