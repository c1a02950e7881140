/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/captures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/foreign_fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "ctl/events.h"
#include "ctl/pcapng.h"
#include "ctl/rpc_server.h"
#include "datapath/dp/dp_capture.h"
#include "vswitchd/action_input.h"
#include "vswitchd/capture_filter.h"
#include "vswitchd/capture_request.h"
#include "vswitchd/capture_sink.h"
#include "vswitchd/world.h"

LOG_MODULE("capture");

#define STEP_BUSY (1 * CLOCK_MS) /* while frames come, or wait for a reader */
#define STEP_IDLE (10 * CLOCK_MS)
#define STEP_FRAMES 4096 /* of one capture, before others' turn */
#define ROOM_END 256 /* bytes that are kept for the end of the stream */
#define PATIENCE (2 * CLOCK_S) /* with the reader of a stream that has ended */

struct running {
	LIST_ENTRY(running) link;
	uint32_t id;
	char name[PORT_NAME_SIZE]; /* of the port or bridge */
	bool of_bridge;
	uint32_t bridge; /* its id */
	const char *direction; /* constant */
	char filter[CAPTURE_FILTER_MAX + 1];
	char user[RPC_USER_SIZE];
	uint32_t snaplen;
	uint64_t count; /* frames after which it ends; 0: never */
	struct dp_capture *dp; /* NULL: it has ended, the rest is on its way */
	struct capture_sink sink;
	const struct rpc_peer *peer; /* that asked; NULL: gone */
	uint64_t packets;
	uint64_t lost;
	uint64_t ended_at;
	uint32_t n_interfaces;
	uint32_t *interfaces; /* owned, by port id: interface + 1 */
};

struct captures {
	struct world *world;
	uint32_t last_id;
	LIST_HEAD(, running) list;
};

static uint64_t
time_of_day(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec;
}

/* --- the stream --------------------------------------------------------------------------------
 */

/* A block was put where there was room, or not (0). */
static bool
wrote(struct running *run, size_t n) ON_MAIN
{
	capture_sink_wrote(&run->sink, n);
	return n > 0;
}

static bool
write_interface(struct running *run, const char *name) ON_MAIN
{
	size_t room;
	uint8_t *to = capture_sink_room(&run->sink, &room);

	return room > ROOM_END &&
		wrote(run, pcapng_interface(to, room - ROOM_END, name, run->snaplen));
}

static bool
write_head(struct running *run) ON_MAIN
{
	size_t room;
	uint8_t *to = capture_sink_room(&run->sink, &room);

	run->n_interfaces = 1;
	return wrote(run, pcapng_section(to, room, "vswitchd " VSW_VERSION)) &&
		write_interface(run, run->name);
}

static void
write_end(struct running *run) ON_MAIN
{
	const struct pcapng_counts counts = {
		.time = time_of_day(), .received = run->packets + run->lost, .lost = run->lost};
	size_t room;
	uint8_t *to = capture_sink_room(&run->sink, &room);

	(void)wrote(run, pcapng_statistics(to, room, &counts));
}

static const char *
port_name(const struct world *world, uint32_t id, char *text, size_t size) ON_MAIN
{
	const struct dp_port *port = id == 0 ? NULL : dp_port_by_id(world->dp, id);

	if (port != NULL && dp_port_device(port) != NULL) {
		return dp_port_device(port)->name;
	}
	(void)snprintf(text, size, "port-id-%" PRIu32, id);
	return text;
}

/* The interface of a frame's port; a bridge's are told when they have their first. */
static bool
interface_of(const struct world *world, struct running *run, uint32_t port, uint32_t *out) ON_MAIN
{
	char text[32];

	*out = 0;
	if (!run->of_bridge) {
		return true;
	}
	if (run->interfaces[port] == 0) {
		if (!write_interface(run, port_name(world, port, text, sizeof(text)))) {
			return false;
		}
		run->interfaces[port] = ++run->n_interfaces;
	}
	*out = run->interfaces[port] - 1;
	return true;
}

/* Was it sent, or to be sent, through the port? */
static bool
is_outbound(const struct captured *frame)
{
	return frame->way == CAPTURE_TX ||
		(frame->way == CAPTURE_DROP && frame->reason >= DROP_TX_FIRST);
}

static void
why_lost(const struct world *world, const struct captured *frame, char *text, size_t size) ON_MAIN
{
	char pieces[64] = "";
	char name[32];

	if (frame->pieces > 1) {
		(void)snprintf(pieces, sizeof(pieces), " (%u of %u segments)", frame->pieces_lost,
			frame->pieces);
	}
	(void)snprintf(text, size, "dropped: %s%s%s%s", drop_name((enum drop_reason)frame->reason),
		pieces,
		frame->peer == 0             ? ""
			: is_outbound(frame) ? ", received from "
					     : ", to be sent to ",
		frame->peer == 0 ? "" : port_name(world, frame->peer, name, sizeof(name)));
}

static bool
write_frame(const struct world *world, struct running *run, const struct captured *frame) ON_MAIN
{
	const bool lost = frame->way == CAPTURE_DROP || frame->pieces_lost > 0;
	struct pcapng_packet packet = {
		.direction = is_outbound(frame) ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
		.time = frame->time,
		.frame_len = frame->frame_len,
		.len = frame->len,
		.bytes = frame->bytes,
	};
	char comment[PCAPNG_TEXT_MAX];
	size_t room;
	uint8_t *to;

	if (!interface_of(world, run, frame->port, &packet.interface)) {
		return false;
	}
	if (lost) {
		why_lost(world, frame, comment, sizeof(comment));
		packet.comment = comment;
	}
	to = capture_sink_room(&run->sink, &room);
	return room > ROOM_END && wrote(run, pcapng_packet(to, room - ROOM_END, &packet));
}

/* --- life --------------------------------------------------------------------------------------
 */

static bool
target_is_there(const struct world *world, const struct running *run) ON_MAIN
{
	const struct world_bridge *bridge;

	if (!run->of_bridge) {
		return world_find_port(world, run->name) != NULL;
	}
	bridge = world_find_bridge(world, run->name);
	return bridge != NULL && dp_bridge_by_id(world->dp, run->bridge) == bridge->dp;
}

static bool
is_full(const struct running *run)
{
	return run->count != 0 && run->packets >= run->count;
}

/* Take what workers have captured; true if there was any. */
static bool
take_frames(const struct world *world, struct running *run) ON_MAIN
{
	const struct captured *frame;
	unsigned int n = 0;

	while (n < STEP_FRAMES && !is_full(run) &&
		(frame = dp_capture_peek(world->dp, run->dp)) != NULL) {
		if (!write_frame(world, run, frame)) {
			if (!capture_sink_flush(&run->sink) || !write_frame(world, run, frame)) {
				break;
			}
		}
		dp_capture_next(run->dp);
		run->packets++;
		n++;
	}
	run->lost = dp_capture_lost(run->dp);
	return n > 0;
}

/* No more frames; what is written is still sent. */
static void
finish(const struct world *world, struct running *run, const char *why) ON_MAIN
{
	if (run->dp == NULL) {
		return;
	}
	(void)take_frames(world, run);
	dp_capture_stop(world->dp, run->dp);
	run->dp = NULL;
	run->ended_at = clock_now();
	write_end(run);
	log_info("capture %" PRIu32 " of %s has ended (%s): %" PRIu64 " frames, %" PRIu64 " lost",
		run->id, run->name, why, run->packets, run->lost);
}

static void
forget(struct running *run) ON_MAIN
{
	LIST_REMOVE(run, link);
	capture_sink_close(&run->sink);
	free(run->interfaces);
	free(run);
}

/* True if it wants to be called again soon; it may be gone. */
static bool
step_one(const struct world *world, struct running *run, uint64_t now) ON_MAIN
{
	bool busy = false;

	if (run->dp != NULL) {
		busy = take_frames(world, run);
		if (!target_is_there(world, run)) {
			finish(world, run, "deleted");
		} else if (is_full(run)) {
			finish(world, run, "count reached");
		}
	}
	if (!capture_sink_flush(&run->sink)) {
		finish(world, run, "nobody reads");
		forget(run);
		return false;
	}
	if (run->dp == NULL &&
		(capture_sink_waiting(&run->sink) == 0 || now > run->ended_at + PATIENCE)) {
		forget(run);
		return false;
	}
	return busy || capture_sink_waiting(&run->sink) > 0;
}

uint64_t
captures_step(struct captures *captures, uint64_t now)
{
	struct running *run = LIST_FIRST(&captures->list);
	bool busy = false;

	while (run != NULL) {
		struct running *next = LIST_NEXT(run, link);

		busy = step_one(captures->world, run, now) || busy;
		run = next;
	}
	return LIST_EMPTY(&captures->list) ? UINT64_MAX : busy ? STEP_BUSY : STEP_IDLE;
}

struct captures *
captures_create(struct world *world)
{
	struct captures *captures = calloc(1, sizeof(*captures));

	if (captures != NULL) {
		captures->world = world;
		LIST_INIT(&captures->list);
	}
	return captures;
}

void
captures_destroy(struct captures *captures)
{
	struct running *run;

	if (captures == NULL) {
		return;
	}
	while ((run = LIST_FIRST(&captures->list)) != NULL) {
		finish(captures->world, run, "the daemon stops");
		if (run->sink.fd >= 0) {
			(void)capture_sink_flush(&run->sink);
		}
		forget(run);
	}
	free(captures);
}

/* What the peer has asked for ends, with what is captured. True if something did. */
static bool
finish_of(struct captures *captures, const struct rpc_peer *peer, const char *why) ON_MAIN
{
	struct running *run;
	bool some = false;

	LIST_FOREACH (run, &captures->list, link) {
		if (run->peer == peer && run->dp != NULL) {
			finish(captures->world, run, why);
			some = true;
		}
	}
	return some;
}

void
captures_peer_gone(struct captures *captures, const struct rpc_peer *peer)
{
	struct running *run = captures == NULL ? NULL : LIST_FIRST(&captures->list);

	if (run != NULL) {
		(void)finish_of(captures, peer, "its connection has closed");
	}
	while (run != NULL) {
		struct running *next = LIST_NEXT(run, link);

		if (run->peer == peer) {
			run->peer = NULL;
			if (run->sink.fd < 0) {
				forget(run);
			}
		}
		run = next;
	}
}

void
captures_not_permitted(struct captures *captures, struct rpc_peer *peer)
{
	if (captures != NULL && finish_of(captures, peer, "not permitted any more")) {
		events_tell_peer(peer, "capture",
			event_body(EVENT_WARNING, "ended",
				"the rules of /system/access have changed: captures are not "
				"permitted any more, and have ended"));
		captures->world->kick(captures->world->kick_arg);
	}
}

/* RFC 7951, 6.1: 64 bits are strings. */
static void
set_counts(const struct running *run, json_t *object) ON_MAIN
{
	const uint64_t lost = run->dp == NULL ? run->lost : dp_capture_lost(run->dp);
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, run->packets);
	(void)json_object_set_new(object, "packets", json_string(text));
	(void)snprintf(text, sizeof(text), "%" PRIu64, lost);
	(void)json_object_set_new(object, "lost", json_string(text));
}

void
captures_state(const struct captures *captures, json_t *system)
{
	const struct running *run;
	json_t *list = json_array();

	LIST_FOREACH (run, &captures->list, link) {
		json_t *entry = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)run->id,
			run->of_bridge ? "bridge" : "port", run->name, "direction", run->direction,
			"user", run->user);

		set_counts(run, entry);
		if (run->filter[0] != '\0') {
			(void)json_object_set_new(entry, "filter", json_string(run->filter));
		}
		(void)json_array_append_new(list, entry);
	}
	(void)json_object_set_new(system, "capture", list);
}

/* --- actions -----------------------------------------------------------------------------------
 */

static int
look(const struct world *world, struct running *run, const struct capture_request *request,
	struct err *err) ON_MAIN
{
	struct bpf_program program = {.bf_len = 0};
	struct dp_capture_conf conf = {
		.port = request->port == NULL ? NULL : request->port->name,
		.bridge = request->bridge == NULL ? NULL : request->bridge->dp,
		.ways = request->ways,
		.keep = RTE_MIN(request->snaplen, CAPTURE_KEEP_MAX),
	};
	int rc = 0;

	if (request->filter[0] != '\0') {
		rc = capture_filter_compile(request->filter, &program, err);
		conf.filter = program.bf_insns;
		conf.n_filter = program.bf_len;
	}
	rc = rc != 0 ? rc : dp_capture_start(world->dp, &conf, &run->dp, err);
	capture_filter_free(&program);
	return rc;
}

/* Takes `fd`. */
static int
start(const struct world *world, const struct capture_request *request, struct rpc_call *call,
	int fd, uint32_t *id, struct err *err) ON_MAIN
{
	struct captures *captures = world->captures;
	struct running *run = must_calloc(1, sizeof(*run));
	int rc;

	run->id = captures->last_id + 1;
	rc = capture_sink_open(&run->sink, fd, rpc_call_peer(call), run->id, err);
	rc = rc != 0 ? rc : look(world, run, request, err);
	if (rc != 0) {
		capture_sink_close(&run->sink);
		free(run);
		return rc;
	}
	run->of_bridge = request->bridge != NULL;
	(void)str_copy(run->name, run->of_bridge ? request->bridge->name : request->port->name,
		sizeof(run->name));
	(void)str_copy(run->filter, request->filter, sizeof(run->filter));
	(void)str_copy(run->user, rpc_call_who(call)->user, sizeof(run->user));
	run->bridge = run->of_bridge ? dp_bridge_id(request->bridge->dp) : 0;
	run->direction = request->direction;
	run->snaplen = request->snaplen;
	run->count = request->count;
	run->peer = rpc_call_peer(call);
	run->interfaces = must_calloc(DP_PORTS_MAX, sizeof(*run->interfaces));
	(void)write_head(run);
	LIST_INSERT_HEAD(&captures->list, run, link);
	captures->last_id = run->id;
	*id = run->id;
	log_notice("capture %" PRIu32 " of %s (%s) for %s, %s", run->id, run->name, run->direction,
		run->user, rpc_call_who(call)->from);
	world->kick(world->kick_arg);
	return 0;
}

void
action_capture(void *ctx, json_t *input, struct rpc_call *call)
{
	const struct world *world = ctx;
	struct capture_request request;
	struct err err = ERR_INIT;
	uint32_t id;
	int fd;

	role_assert(&role_main);
	fd = rpc_call_take_fd(call);
	if (world->captures == NULL || rpc_call_peer(call) == NULL) {
		(void)err_set(&err, ERR_UNSUPPORTED, NULL, "nothing can be captured here");
	} else if (capture_request_read(world, input, &request, &err) == 0) {
		if (start(world, &request, call, fd, &id, &err) == 0) {
			rpc_call_reply(call, json_pack("{s:I}", "id", (json_int_t)id));
			return;
		}
		fd = -1; /* start has taken it */
	}
	foreign_fd_close(rpc_fds_owner(rpc_call_who(call)), &fd, 1);
	rpc_call_refuse(call, &err);
}

static struct running *
find(const struct captures *captures, json_int_t id)
{
	struct running *run;

	LIST_FOREACH (run, &captures->list, link) {
		if (run->id == id) {
			return run;
		}
	}
	return NULL;
}

int
action_capture_stop(void *ctx, json_t *input, json_t **output, struct err *err)
{
	static const char *const members[] = {"id", NULL};
	const struct world *world = ctx;
	struct running *run = NULL;
	json_int_t id = 0;
	int rc;

	role_assert(&role_main);
	*output = NULL;
	rc = input_only(input, members, err);
	rc = rc != 0 ? rc : input_number(input, "id", 1, UINT32_MAX, 0, &id, err);
	if (rc != 0) {
		return rc;
	}
	run = world->captures == NULL ? NULL : find(world->captures, id);
	if (run == NULL) {
		return err_set(err, ERR_MISSING, "id",
			"no capture %" JSON_INTEGER_FORMAT
			" runs; those that do are in /vswitch:vswitch/system/capture",
			id);
	}
	finish(world, run, "stopped");
	*output = json_object();
	set_counts(run, *output);
	world->kick(world->kick_arg);
	return 0;
}
