/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/state_vhost.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/str.h"
#include "ports/vhost/vhost.h"
#include "ports/vhost/vu_wire.h"

static void
set_counter(json_t *object, const char *leaf, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	(void)json_object_set_new(object, leaf, json_string(text));
}

static void
set_number(json_t *object, const char *leaf, json_int_t value)
{
	(void)json_object_set_new(object, leaf, json_integer(value));
}

/* Left out if there is nothing to say. */
static void
set_text(json_t *object, const char *leaf, const char *text)
{
	if (str_given(text)) {
		(void)json_object_set_new(object, leaf, json_string(text));
	}
}

static void
set_bits(json_t *object, const char *leaf, uint64_t bits)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, bits);
	(void)json_object_set_new(object, leaf, json_string(text));
}

/* RFC 3339, with microseconds. */
static void
set_time(json_t *object, const char *leaf, uint64_t ns)
{
	char text[DATE_SIZE];

	(void)json_object_set_new(object, leaf, json_string(date_text_us(ns, text)));
}

/* --- the guest ------------------------------------------------------------------------------- */

static json_t *
features_json(const struct port *port) ON_MAIN
{
	static const char *const states[] = {
		[VHOST_FEATURE_ACKNOWLEDGED] = "acknowledged",
		[VHOST_FEATURE_OFFERED] = "offered",
		[VHOST_FEATURE_DISABLED] = "disabled",
	};
	struct vhost_feature_info info;
	json_t *list = json_array();

	for (unsigned int i = 0; vhost_port_feature(port, i, &info); i++) {
		json_t *feature =
			json_pack("{s:s, s:s}", "name", info.name, "state", states[info.state]);

		set_text(feature, "why", info.why);
		(void)json_array_append_new(list, feature);
	}
	return list;
}

/* Names of the specification's "Protocol features", without their prefix. */
static json_t *
protocol_json(uint64_t protocol)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} names[] = {
		{VU_PROTOCOL_F_MQ, "mq"},
		{VU_PROTOCOL_F_LOG_SHMFD, "log-shmfd"},
		{VU_PROTOCOL_F_RARP, "rarp"},
		{VU_PROTOCOL_F_REPLY_ACK, "reply-ack"},
		{VU_PROTOCOL_F_NET_MTU, "mtu"},
		{VU_PROTOCOL_F_INFLIGHT_SHMFD, "inflight-shmfd"},
		{VU_PROTOCOL_F_RESET_DEVICE, "reset-device"},
		{VU_PROTOCOL_F_CONFIGURE_MEM_SLOTS, "configure-mem-slots"},
		{VU_PROTOCOL_F_STATUS, "status"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if ((protocol & names[i].bit) != 0) {
			(void)json_array_append_new(list, json_string(names[i].name));
		}
	}
	return list;
}

static json_t *
connection_json(const struct vhost_connection_info *info, uint64_t number)
{
	json_t *connection = json_object();

	set_counter(connection, "number", number);
	set_time(connection, "since", info->since);
	if (info->until != 0) {
		set_time(connection, "until", info->until);
	}
	set_number(connection, "pid", info->pid);
	set_number(connection, "uid", info->uid);
	set_counter(connection, "messages", info->messages);
	set_text(connection, "end", info->end);
	return connection;
}

static json_t *
guest_json(const struct port *port, const struct vhost_info *info) ON_MAIN
{
	json_t *connections = json_array();
	json_t *guest = json_object();

	(void)json_object_set_new(guest, "feature", features_json(port));
	set_bits(guest, "offered", info->offered);
	set_bits(guest, "acknowledged", info->acknowledged);
	(void)json_object_set_new(guest, "protocol-feature", protocol_json(info->protocol));
	if (info->guest_mtu != 0) {
		set_number(guest, "mtu", info->guest_mtu);
	}
	set_number(guest, "memory-regions", info->n_regions);
	set_counter(guest, "memory", info->memory);
	(void)json_object_set_new(guest, "migrating", json_boolean(info->logging));
	set_counter(guest, "connections", info->n_connections);
	set_counter(guest, "refused", info->n_refused);
	set_text(guest, "last-error", info->last_error);
	for (unsigned int i = 0; i < info->n_history; i++) {
		(void)json_array_append_new(
			connections, connection_json(&info->history[i], info->n_connections - i));
	}
	(void)json_object_set_new(guest, "connection", connections);
	return guest;
}

/* --- rings ----------------------------------------------------------------------------------- */

static json_t *
ring_json(const struct vhost_ring_info *info)
{
	const struct vq_stats *stats = &info->stats;
	json_t *ring = json_object();

	set_number(ring, "id", info->ring);
	set_text(ring, "direction", info->ring % 2 == 0 ? "tx" : "rx");
	if (info->size != 0) {
		set_number(ring, "size", info->size);
		set_text(ring, "format", info->packed ? "packed" : "split");
	}
	(void)json_object_set_new(ring, "enabled", json_boolean(info->enabled));
	(void)json_object_set_new(ring, "running", json_boolean(info->runs));
	set_text(ring, "why", info->why);
	if (info->fault != VQ_FAULT_NONE) {
		set_text(ring, "fault", vq_fault_name(info->fault));
	}
	set_counter(ring, "packets", stats->packets);
	set_counter(ring, "bytes", stats->bytes);
	set_counter(ring, "bursts", stats->bursts);
	set_counter(ring, "kicks", info->kicks);
	set_counter(ring, "calls", stats->calls);
	set_counter(ring, "suppressed-calls", stats->suppressed);
	set_number(ring, "waiting", (json_int_t)stats->waiting);
	set_counter(ring, "full", stats->full);
	set_counter(ring, "small", stats->small);
	set_counter(ring, "invalid", stats->invalid);
	return ring;
}

/* Has the guest told of it, now or earlier? */
static bool
ring_is_known(const struct vhost_ring_info *info)
{
	return info->size != 0 || info->fault != VQ_FAULT_NONE || info->stats.packets != 0;
}

/* The queue's entry in the list, made if it is not there. Borrowed. */
static json_t *
queue_need(json_t *queues, uint16_t id)
{
	while (json_array_size(queues) <= id) {
		json_t *queue = json_object();

		set_number(queue, "id", (json_int_t)json_array_size(queues));
		(void)json_object_set_new(queue, "rx-enabled", json_false());
		(void)json_object_set_new(queue, "tx-enabled", json_false());
		(void)json_array_append_new(queues, queue);
	}
	return json_array_get(queues, id);
}

static void
add_rings(const struct port *port, uint16_t n_rings, json_t *queues) ON_MAIN
{
	struct vhost_ring_info info;

	for (uint16_t r = 0; r < n_rings; r++) {
		json_t *queue;

		vhost_port_ring(port, r, &info);
		if (!ring_is_known(&info)) {
			continue;
		}
		queue = queue_need(queues, r / 2);
		if (json_object_get(queue, "ring") == NULL) {
			(void)json_object_set_new(queue, "ring", json_array());
		}
		(void)json_array_append_new(json_object_get(queue, "ring"), ring_json(&info));
	}
}

void
state_vhost(const struct port *port, json_t *entry)
{
	struct vhost_info info;
	json_t *queues;

	if (!port_is_vhost(port)) {
		return;
	}
	vhost_port_info(port, &info);
	(void)json_object_set_new(entry, "guest", guest_json(port, &info));
	queues = json_object_get(entry, "queue");
	if (queues == NULL) {
		queues = json_array();
		(void)json_object_set_new(entry, "queue", queues);
	}
	add_rings(port, info.n_rings, queues);
}
