/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that a front end shares beside its memory: the migration log and the in-flight area.
 *
 * Nothing is checked that the back end has to check. Calls block as those of vhost_user.h do.
 */
#ifndef VSW_TESTS_FRONTEND_SHARED_AREA_H
#define VSW_TESTS_FRONTEND_SHARED_AREA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tests/frontend/frontend.h"

struct shared_area {
	int fd; /* -1 when not initialised; not sealed: it can be truncated */
	uint8_t *base; /* of the whole file */
	size_t size;
	struct vhost_user_inflight inflight; /* of an in-flight area: what the back end said */
};

/* A file of zeroes. -errno. */
int shared_area_init(struct shared_area *area, size_t size);
void shared_area_fini(struct shared_area *area);

/* Spec, SET_LOG_BASE: log into `size` bytes of the file from `offset` on. Has a reply always. */
int frontend_set_log(struct frontend *fe, const struct shared_area *area, uint64_t size,
	uint64_t offset, struct err *err);

/* SET_FEATURES again, such as with VHOST_F_LOG_ALL; fe->features remembers them. */
int frontend_set_features(struct frontend *fe, uint64_t features, struct err *err);

/* Spec, GET_INFLIGHT_FD: an area that the back end makes, for all rings of the front end. */
int frontend_get_inflight(struct frontend *fe, struct shared_area *area, struct err *err);
int frontend_set_inflight(struct frontend *fe, const struct shared_area *area, struct err *err);

/* Spec, SET_STATUS and GET_STATUS: virtio 1.2 section 2.1. */
int frontend_set_status(struct frontend *fe, uint8_t status, struct err *err);
int frontend_get_status(struct frontend *fe, uint8_t *status, struct err *err);

#endif
