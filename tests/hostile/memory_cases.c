/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory tables and slots: regions, numbers and descriptors that do not agree. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define MIB (UINT64_C(1) << 20)
#define ABOVE (UINT64_C(1) << 40) /* an address that no region of the attacker's has */

static struct vhost_user_msg
message_table(const struct vhost_user_region *regions, uint32_t n)
{
	struct vhost_user_msg msg = message_u64(VHOST_USER_SET_MEM_TABLE, n);

	msg.size = 8 + n * (uint32_t)sizeof(struct vhost_user_region);
	memcpy(msg.payload.memory.regions, regions, n * sizeof(regions[0]));
	return msg;
}

static struct vhost_user_msg
message_slot(uint32_t request, const struct vhost_user_region *region)
{
	struct vhost_user_msg msg = message_u64(request, 0);

	msg.size = sizeof(msg.payload.slot);
	msg.payload.slot.region = *region;
	return msg;
}

/* A region whose numbers cannot be, in a table and as a slot; `whole` is what it should be. */
static bool
refuse_region(struct attack *attack, unsigned int flags, const struct vhost_user_region *bad,
	const char *what)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct vhost_user_msg msg =
			i == 0 ? message_table(bad, 1) : message_slot(VHOST_USER_ADD_MEM_REG, bad);
		if (!attack_connect(attack, flags) || !attack_negotiate(attack) ||
			!attack_refused(attack, &msg, &attack->fe.memory.fd, 1)) {
			return attack_fail(attack, "a region with %s", what);
		}
	}
	return true;
}

static bool
bad_regions(struct attack *attack, unsigned int flags)
{
	const struct {
		struct vhost_user_region region;
		const char *what;
	} rows[] = {
		{{MEMORY_GPA, 0, ABOVE, 0}, "no bytes"},
		{{MEMORY_GPA, UINT64_MAX, ABOVE, 0}, "all bytes there are"},
		{{MEMORY_GPA, UINT64_C(1) << 63, ABOVE, 0}, "2^63 bytes"},
		{{MEMORY_GPA, 1024 * MIB, ABOVE, 0}, "more bytes than its file"},
		{{UINT64_MAX - 4095, 2 * MIB, ABOVE, 0}, "guest addresses that wrap"},
		{{MEMORY_GPA, MIB, UINT64_MAX - 4095, 0}, "addresses that wrap"},
		{{MEMORY_GPA, MIB, ABOVE, UINT64_MAX - 4095}, "an offset that wraps"},
		{{MEMORY_GPA, MIB, ABOVE, UINT64_C(1) << 63}, "a negative offset"},
		{{MEMORY_GPA, MIB, ABOVE, 1024 * MIB}, "an offset behind its file"},
		{{MEMORY_GPA, UINT64_MAX - MIB + 1, ABOVE, MIB}, "size and offset that wrap to 0"},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!refuse_region(attack, flags, &rows[i].region, rows[i].what)) {
			return false;
		}
	}
	return true;
}

static bool
overlaps(struct attack *attack, unsigned int flags)
{
	const struct vhost_user_region rows[][2] = {
		{{MEMORY_GPA, MIB, ABOVE, 0}, {MEMORY_GPA + MIB - 4096, MIB, 2 * ABOVE, 0}},
		{{MEMORY_GPA, MIB, ABOVE, 0}, {MEMORY_GPA + MIB, MIB, ABOVE + MIB - 1, 0}},
		{{MEMORY_GPA, MIB, ABOVE, 0}, {MEMORY_GPA, MIB, ABOVE, 0}},
	};

	for (unsigned int i = 0; i < 3; i++) {
		if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
			return false;
		}
		const int fds[] = {attack->fe.memory.fd, attack->fe.memory.fd};
		struct vhost_user_msg msg = message_table(rows[i], 2);
		if (!attack_refused(attack, &msg, fds, 2)) {
			return false;
		}
		if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
			return false;
		}
		msg = message_slot(VHOST_USER_ADD_MEM_REG, &rows[i][0]);
		attack_message(attack, &msg, fds, 1);
		msg = message_slot(VHOST_USER_ADD_MEM_REG, &rows[i][1]);
		if (!attack_refused(attack, &msg, fds, 1)) {
			return false;
		}
	}
	return true;
}

/* Numbers of regions and descriptors that do not agree. */
static bool
table_counts(struct attack *attack, unsigned int flags)
{
	static const struct {
		uint32_t n;
		uint32_t size; /* in regions */
		unsigned int n_fds;
	} rows[] = {{1, 1, 2}, {2, 2, 1}, {8, 1, 8}, {1, 8, 1}, {9, 8, 8}, {UINT32_MAX, 8, 8},
		{0x10000001, 1, 1}, {0, 0, 0}, {0, 0, 1}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fds[8];
		struct vhost_user_msg msg = message_u64(VHOST_USER_SET_MEM_TABLE, rows[i].n);
		if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
			return false;
		}
		msg.size = 8 + rows[i].size * (uint32_t)sizeof(struct vhost_user_region);
		for (unsigned int r = 0; r < 8; r++) {
			msg.payload.memory.regions[r] = (struct vhost_user_region){
				MEMORY_GPA + r * MIB / 8, MIB / 8, ABOVE + r * MIB / 8, 0};
			fds[r] = attack->fe.memory.fd;
		}
		if (rows[i].n == 0 && rows[i].n_fds == 0) {
			attack_message(attack, &msg, NULL, 0); /* an empty table may be legal */
		} else if (!attack_refused(attack, &msg, fds, rows[i].n_fds)) {
			return attack_fail(
				attack, "%u regions with %u descriptors", rows[i].n, rows[i].n_fds);
		}
	}
	return true;
}

/* Descriptors that are no memory. */
static bool
no_memory(struct attack *attack, unsigned int flags)
{
	int pipes[2];
	const int fds[] = {eventfd(0, EFD_CLOEXEC), epoll_create1(EPOLL_CLOEXEC),
		open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		open("/dev/null", O_RDWR | O_CLOEXEC), open("/dev/zero", O_RDWR | O_CLOEXEC),
		open("/proc/self/status", O_RDONLY | O_CLOEXEC), open("/", O_PATH | O_CLOEXEC)};
	const unsigned int n = sizeof(fds) / sizeof(fds[0]);
	const struct vhost_user_region region = {MEMORY_GPA, MIB, ABOVE, 0};
	const struct vhost_user_msg msg = message_table(&region, 1);
	bool good = pipe2(pipes, O_CLOEXEC) == 0;

	for (unsigned int i = 0; good && i < n; i++) {
		good = attack_connect(attack, flags) && attack_negotiate(attack) &&
			attack_refused(attack, &msg, &fds[i], 1);
		if (!good) {
			(void)attack_fail(attack, "descriptor %u of the list", i);
		}
	}
	good = good && attack_connect(attack, flags) && attack_negotiate(attack) &&
		attack_refused(attack, &msg, &pipes[0], 1) && attack_connect(attack, flags) &&
		attack_negotiate(attack) && attack_refused(attack, &msg, &attack->fe.socket, 1);
	for (unsigned int i = 0; i < n; i++) {
		(void)close(fds[i]);
	}
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	return good;
}

/* Memory that may be read only, and memory that is sealed against writing. */
static bool
read_only(struct attack *attack, unsigned int flags)
{
	char path[64];

	if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
		return false;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", attack->fe.memory.fd);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct vhost_user_region region = frontend_region(&attack->fe, 0);
	const struct vhost_user_msg msg = message_table(&region, 1);
	const bool good = attack_refused(attack, &msg, &fd, 1);
	(void)close(fd);
	return good;
}

/* More slots than there are, the same twice, and taking away what is not there. */
static bool
slots(struct attack *attack, unsigned int flags)
{
	struct vhost_user_region region = {MEMORY_GPA, 4096, ABOVE, 0};
	struct vhost_user_msg msg;
	struct err err = ERR_INIT;

	for (unsigned int i = 0; i < 3; i++) {
		if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
			return false;
		}
		msg = message_slot(VHOST_USER_ADD_MEM_REG, &region);
		attack_message(attack, &msg, &attack->fe.memory.fd, 1);
		struct vhost_user_region other = region;
		other.gpa += i == 0 ? 4096 : 0;
		other.user_addr += i == 1 ? 4096 : 0;
		other.size += i == 2 ? 4096 : 0;
		msg = message_slot(VHOST_USER_REM_MEM_REG, &other);
		if (!attack_refused(attack, &msg, NULL, 0)) {
			return false;
		}
	}
	if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
		return false;
	}
	for (unsigned int i = 0; i < 600; i++) {
		region.gpa += 8192;
		region.user_addr += 8192;
		msg = message_slot(VHOST_USER_ADD_MEM_REG, &region);
		if (vhost_user_tell(
			    attack->fe.socket, &msg, &attack->fe.memory.fd, 1, true, &err) != 0) {
			return i >= 32 || attack_fail(attack, "only %u slots", i);
		}
	}
	return attack_fail(attack, "600 slots were taken");
}

/* Another table, and back, while packets are under way; ring addresses that come and go. */
static void
table_body(struct attack *attack)
{
	static _Thread_local unsigned int turn;
	struct vhost_user_region regions[2] = {frontend_region(&attack->fe, 0)};
	const int fds[] = {attack->fe.memory.fd, attack->fe.memory.fd};
	const uint64_t half = regions[0].size / 2 & ~UINT64_C(4095);
	uint32_t n = 1;

	switch (turn++ % 4) {
	case 1: /* split in two */
		regions[1] = regions[0];
		regions[0].size = half;
		regions[1].gpa += half;
		regions[1].user_addr += half;
		regions[1].mmap_offset += half;
		regions[1].size -= half;
		n = 2;
		break;
	case 2: /* elsewhere: neither rings nor buffers are in it */
		regions[0] = (struct vhost_user_region){UINT64_C(1) << 42, MIB, ABOVE, 0};
		break;
	case 3: /* the rings only */
		regions[0].size = 4096;
		break;
	default:
		break;
	}
	struct vhost_user_msg msg = message_table(regions, n);
	(void)vhost_user_tell(attack->fe.socket, &msg, fds, n, true, NULL);
}

static bool
table_storm(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags) || !attack_start_thread(attack, table_body)) {
		return false;
	}
	attack_pump_for(attack, 600);
	attack_stop_thread(attack);
	return true;
}

/* Tables of eight small regions as fast as they are taken: mappings are the whole machine's. */
static void
flood_body(struct attack *attack)
{
	static _Thread_local unsigned int turn;
	struct vhost_user_region regions[VHOST_USER_MAX_FDS];
	int fds[VHOST_USER_MAX_FDS];

	turn++;
	for (unsigned int i = 0; i < VHOST_USER_MAX_FDS; i++) {
		regions[i] = (struct vhost_user_region){
			MEMORY_GPA + (turn % 2 + 2 * i) * MIB, 4096, ABOVE + 2 * i * MIB, 0};
		fds[i] = attack->fe.memory.fd;
	}
	const struct vhost_user_msg msg = message_table(regions, VHOST_USER_MAX_FDS);
	attack_message(attack, &msg, fds, VHOST_USER_MAX_FDS);
}

static bool
mapping_flood(struct attack *attack, unsigned int flags)
{
	struct daemon_usage before;
	struct daemon_usage usage;
	uint64_t most = 0;

	daemon_usage(attack->daemon, &before);
	if (!attack_open(attack, flags) || !attack_start_thread(attack, flood_body)) {
		return false;
	}
	for (unsigned int i = 0; i < 40; i++) {
		(void)usleep(20000);
		daemon_usage(attack->daemon, &usage);
		most = usage.mappings > most ? usage.mappings : most;
	}
	(void)shutdown(attack->fe.socket, SHUT_RDWR);
	attack_stop_thread(attack);
	return most < before.mappings + 1000 ||
		attack_fail(attack, "the daemon had up to %llu mappings more",
			(unsigned long long)(most - before.mappings));
}

static void
slot_body(struct attack *attack)
{
	static _Thread_local unsigned int turn;
	const struct vhost_user_region region = frontend_region(&attack->fe, turn / 2 % 4);
	struct vhost_user_msg msg = message_slot(
		turn % 2 == 0 ? VHOST_USER_REM_MEM_REG : VHOST_USER_ADD_MEM_REG, &region);

	(void)vhost_user_tell(
		attack->fe.socket, &msg, &attack->fe.memory.fd, turn++ % 2, true, NULL);
}

/* Rings and buffers are removed and added again under traffic. */
static bool
slot_storm(struct attack *attack, unsigned int flags)
{
	if (!attack_open(attack, flags) || !attack_start_thread(attack, slot_body)) {
		return false;
	}
	attack_pump_for(attack, 600);
	attack_stop_thread(attack);
	return true;
}

/* The region with the rings goes for good, under traffic. */
static bool
rings_removed(struct attack *attack, unsigned int flags)
{
	struct err err = ERR_INIT;

	if (!attack_open(attack, flags)) {
		return false;
	}
	attack_pump_for(attack, 50);
	for (unsigned int i = 0; i < 4; i++) {
		const struct vhost_user_region region = frontend_region(&attack->fe, i);
		struct vhost_user_msg msg = message_slot(VHOST_USER_REM_MEM_REG, &region);
		if (vhost_user_tell(attack->fe.socket, &msg, NULL, 0, true, &err) != 0) {
			return attack_fail(attack, "%s", err.text);
		}
		(void)attack_pump(attack, 32);
	}
	attack_pump_for(attack, 50);
	return true;
}

const struct hostile_case memory_cases[] = {
	{"bad-regions", "regions whose size, address or offset wraps or exceeds the file",
		bad_regions, 0, "region"},
	{"overlapping-regions", "regions that have addresses in common", overlaps, 0, "overlap"},
	{"table-counts", "numbers of regions and of descriptors that differ", table_counts, 0,
		"SET_MEM_TABLE"},
	{"no-memory", "descriptors of pipes, sockets, folders and devices as memory", no_memory, 0,
		"SET_MEM_TABLE|region"},
	{"read-only-memory", "memory that cannot be written", read_only, 0, "region"},
	{"slots", "more slots than there are, and such that are not there", slots, 0,
		"region|slots"},
	{"table-storm", "other memory tables under traffic", table_storm, 0, NULL},
	{"table-storm-packed", "the same with packed rings", table_storm, ATTACK_PACKED, NULL},
	{"mapping-flood", "memory tables without end", mapping_flood, 0, NULL},
	{"slot-storm", "rings and buffers removed and added under traffic", slot_storm,
		ATTACK_SLOTS, NULL},
	{"rings-removed", "the rings' memory is removed under traffic", rings_removed, ATTACK_SLOTS,
		"memory|mapped|region"},
	{0},
};
