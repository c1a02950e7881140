/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line asks of the generator. */
#ifndef VSW_PERF_LOADGEN_OPTIONS_H
#define VSW_PERF_LOADGEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "perf/loadgen/flows.h"

#define OPTIONS_PORTS 8
#define OPTIONS_AUTO UINT32_MAX
#define OPTIONS_PATH_SIZE 108 /* of sockaddr_un.sun_path */

enum direction {
	DIRECTION_BOTH, /* ports in pairs: 0 and 1, 2 and 3, ... each to the other */
	DIRECTION_A_TO_B, /* 0 to 1, 2 to 3, ... */
	DIRECTION_MESH, /* each to every other in turn */
};

enum payload {
	PAYLOAD_UNTOUCHED, /* frames are sent as built; neither they nor their headers are read */
	PAYLOAD_FIRST_LINE, /* a stamp is written and read */
	PAYLOAD_VERIFY, /* every byte is written and checked */
};

/* What never repeats in frames of the last port. */
enum storm {
	STORM_NONE,
	STORM_MAC, /* the source address */
	STORM_5TUPLE,
	STORM_BOTH,
};

/* How the first port's guest memory changes while frames pass. */
enum memory_change_kind {
	MEMORY_CHANGE_NONE,
	MEMORY_CHANGE_WATCH, /* not at all, but the same times are taken */
	MEMORY_CHANGE_TABLE, /* SET_MEM_TABLE with a region more, or one less */
	MEMORY_CHANGE_SLOTS, /* ADD_MEM_REG, REM_MEM_REG */
};

struct port_options {
	char path[OPTIONS_PATH_SIZE];
	bool server;
	bool packed;
	unsigned int queues;
};

struct options {
	unsigned int n_ports;
	struct port_options ports[OPTIONS_PORTS];
	uint32_t size; /* 0: IMIX */
	uint32_t flows;
	enum flow_fields fields;
	double zipf;
	enum direction direction;
	double rate; /* frames a second and direction; 0: as fast as it goes */
	uint32_t window; /* frames under way per direction and queue; 0: any number */
	double seconds;
	enum payload payload;
	uint16_t ring;
	bool rewrite_header; /* the virtio-net header is written per packet, as Linux does */
	bool mergeable;
	bool tso;
	bool hugepages;
	int cpu; /* -1: not pinned */
	enum storm storm;
	double storm_rate; /* frames a second; 0: as fast as it goes */
	bool ceiling; /* measure the generator, without a switch */
	int ceiling_cpu; /* -1: not pinned */
	bool interrupts; /* asked for where a look found nothing, as Linux does */
	enum memory_change_kind memory_change;
	double memory_change_ms; /* from one change to the next */
	bool progress;
	bool json;
};

/* Ports that take part in the pairs or the mesh: the first ones. */
static inline unsigned int
options_talkers(const struct options *options)
{
	return options->n_ports - (options->storm != STORM_NONE ? 1 : 0);
}

/* Texts of the enums, for reports; as the options spell them. */
const char *options_fields(const struct options *options);
const char *options_direction(const struct options *options);
const char *options_storm(const struct options *options);
const char *options_payload(const struct options *options);
const char *options_memory_change(const struct options *options);

/* 0; 1 when help was printed; or an error. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);

/* The port that frames of `port` go to, and come from, when they have one such port only. */
static inline unsigned int
options_partner(unsigned int port)
{
	return port ^ 1u;
}

/* Whether `src` sends to `dst`. */
static inline bool
options_sends(const struct options *options, unsigned int src, unsigned int dst)
{
	if (src >= options_talkers(options) || dst >= options_talkers(options)) {
		return false;
	}
	if (options->direction == DIRECTION_MESH) {
		return src != dst;
	}
	return dst == options_partner(src) &&
		(options->direction == DIRECTION_BOTH || src % 2 == 0);
}

#endif
