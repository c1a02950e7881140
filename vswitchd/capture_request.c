/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/capture_request.h"

#include <string.h>

#include "base/str.h"
#include "ctl/pcapng.h"
#include "datapath/pipe/capture.h"
#include "vswitchd/action_input.h"

static const struct {
	const char *name;
	unsigned int ways;
} directions[] = {
	{"rx", CAPTURE_RX},
	{"tx", CAPTURE_TX},
	{"both", CAPTURE_RX | CAPTURE_TX},
	{"drop", CAPTURE_DROP},
	{"all", CAPTURE_RX | CAPTURE_TX | CAPTURE_DROP},
};

/* Each frame once: those of a port come in and go out, those of a bridge all come in. */
static int
read_direction(const json_t *input, struct capture_request *request, struct err *err)
{
	const char *name = NULL;
	int rc = input_string_or(input, "direction", &name, err);

	if (rc != 0) {
		return rc;
	}
	if (name == NULL) {
		name = request->bridge != NULL ? "rx" : "both";
	}
	for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
		if (strcmp(directions[i].name, name) == 0) {
			request->direction = directions[i].name;
			request->ways = directions[i].ways;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "direction",
		"'%.32s' is none of rx, tx, both, drop and all", name);
}

static int
read_target(const struct world *world, const json_t *input, struct capture_request *request,
	struct err *err) ON_MAIN
{
	struct world_bridge *bridge = NULL;
	struct world_port *port = NULL;
	const char *port_name = NULL;
	const char *bridge_name = NULL;
	int rc = input_string_or(input, "port", &port_name, err);

	rc = rc != 0 ? rc : input_string_or(input, "bridge", &bridge_name, err);
	if (rc != 0) {
		return rc;
	}
	if ((port_name == NULL) == (bridge_name == NULL)) {
		return err_set(err, ERR_INVALID, "port",
			"a capture is of a port or of a bridge: give one of 'port' and 'bridge'");
	}
	rc = port_name != NULL ? input_port(world, port_name, &port, err)
			       : input_bridge(world, bridge_name, &bridge, err);
	request->port = port;
	request->bridge = bridge;
	return rc;
}

int
capture_request_read(const struct world *world, const json_t *input,
	struct capture_request *request, struct err *err)
{
	static const char *const members[] = {
		"port", "bridge", "direction", "filter", "snaplen", "count", NULL};
	const char *filter = NULL;
	json_int_t snaplen = 0;
	json_int_t count = 0;
	int rc = input_only(input, members, err);

	*request = (struct capture_request){.port = NULL};
	rc = rc != 0 ? rc : read_target(world, input, request, err);
	rc = rc != 0 ? rc : read_direction(input, request, err);
	rc = rc != 0 ? rc : input_string_or(input, "filter", &filter, err);
	rc = rc != 0 ? rc
		     : input_number(input, "snaplen", CAPTURE_KEEP_MIN, PCAPNG_SNAPLEN_MAX,
			       PCAPNG_SNAPLEN_MAX, &snaplen, err);
	rc = rc != 0 ? rc : input_number(input, "count", 1, UINT32_MAX, 0, &count, err);
	request->filter = filter == NULL ? "" : filter;
	request->snaplen = (uint32_t)snaplen;
	request->count = (uint64_t)count;
	return rc;
}
