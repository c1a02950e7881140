/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of vhost-user's requests, for logs and errors of both ends. Needs nothing of DPDK. */
#ifndef VSW_PORTS_VHOST_VU_REQUEST_NAME_H
#define VSW_PORTS_VHOST_VU_REQUEST_NAME_H

#include <stddef.h>
#include <stdint.h>

/* As the specification writes it, "SET_MEM_TABLE", or "message N" in `text`. Any thread. */
const char *vu_request_name(uint32_t request, char *text, size_t size);

#endif
