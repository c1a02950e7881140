/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/vhost/vu_request_name.h"

#include <stdio.h>

#include "base/str.h"
#include "ports/vhost/vu_wire.h"

#define NAME(x) [VU_##x] = #x
static const char *const names[] = {
	NAME(GET_FEATURES),
	NAME(SET_FEATURES),
	NAME(SET_OWNER),
	NAME(RESET_OWNER),
	NAME(SET_MEM_TABLE),
	NAME(SET_LOG_BASE),
	NAME(SET_LOG_FD),
	NAME(SET_VRING_NUM),
	NAME(SET_VRING_ADDR),
	NAME(SET_VRING_BASE),
	NAME(GET_VRING_BASE),
	NAME(SET_VRING_KICK),
	NAME(SET_VRING_CALL),
	NAME(SET_VRING_ERR),
	NAME(GET_PROTOCOL_FEATURES),
	NAME(SET_PROTOCOL_FEATURES),
	NAME(GET_QUEUE_NUM),
	NAME(SET_VRING_ENABLE),
	NAME(SEND_RARP),
	NAME(NET_SET_MTU),
	NAME(GET_INFLIGHT_FD),
	NAME(SET_INFLIGHT_FD),
	NAME(RESET_DEVICE),
	NAME(GET_MAX_MEM_SLOTS),
	NAME(ADD_MEM_REG),
	NAME(REM_MEM_REG),
	NAME(SET_STATUS),
	NAME(GET_STATUS),
};
#undef NAME

const char *
vu_request_name(uint32_t request, char *text, size_t size)
{
	if (request < ARRAY_LEN(names) && names[request] != NULL) {
		return names[request];
	}
	(void)snprintf(text, size, "message %u", request);
	return text;
}
