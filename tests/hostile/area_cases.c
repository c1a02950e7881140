/* SPDX-License-Identifier: BSD-3-Clause */
/* The migration log and the in-flight area: sizes and places that do not agree. */
#include <string.h>

#include "tests/frontend/shared_area.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define MIB (UINT64_C(1) << 20)

static bool
bad_logs(struct attack *attack, unsigned int flags)
{
	static const struct vhost_user_log rows[] = {{0, 0}, {UINT64_MAX, 0}, {4096, UINT64_MAX},
		{UINT64_MAX - 4095, 4096}, {UINT64_C(1) << 63, UINT64_C(1) << 63}, {8192, 4096},
		{4096, 1 << 20}, {1 << 20, 0}, {UINT64_C(1) << 40, 0}};
	struct shared_area area;
	bool good = shared_area_init(&area, 8192) == 0;

	for (unsigned int i = 0; good && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vhost_user_msg msg = message_u64(VHOST_USER_SET_LOG_BASE, 0);
		msg.size = sizeof(msg.payload.log);
		msg.payload.log = rows[i];
		good = attack_open(attack, flags) && attack_refused(attack, &msg, &area.fd, 1);
		if (!good) {
			(void)attack_fail(attack, "a log of %#llx bytes at %#llx",
				(unsigned long long)rows[i].size,
				(unsigned long long)rows[i].offset);
		}
	}
	shared_area_fini(&area);
	return good;
}

/* A log at the very end of its file: an offset that is added twice is found out. */
static bool
log_offset(struct attack *attack, unsigned int flags)
{
	const uint64_t pages = (MEMORY_GPA + 16 * MIB) / VHOST_LOG_PAGE;
	const uint64_t size = pages / 8;
	const uint64_t offset = 65536;
	struct shared_area area;
	struct err err = ERR_INIT;
	bool good = shared_area_init(&area, size + offset) == 0;

	good = good && attack_open(attack, flags);
	if (good && frontend_set_log(&attack->fe, &area, size, offset, &err) != 0) {
		good = attack_fail(attack, "%s", err.text);
	}
	if (good &&
		frontend_set_features(&attack->fe, attack->fe.features | VHOST_F_LOG_ALL, &err) !=
			0) {
		good = attack_fail(attack, "%s", err.text);
	}
	if (good) {
		attack_pump_for(attack, 200);
		uint64_t dirty = 0;
		uint64_t before = 0;
		for (uint64_t i = 0; i < size + offset; i++) {
			*(i < offset ? &before : &dirty) +=
				(uint64_t)__builtin_popcount(area.base[i]);
		}
		if (before != 0 || dirty < 8) {
			good = attack_fail(attack, "%llu pages are dirty, %llu before the log",
				(unsigned long long)dirty, (unsigned long long)before);
		}
	}
	shared_area_fini(&area);
	return good;
}

/* A log that is too small for the memory: what is beyond it is not logged, and that is all. */
static bool
small_log(struct attack *attack, unsigned int flags)
{
	struct shared_area area;
	bool good = shared_area_init(&area, 4096) == 0;

	good = good && attack_open(attack, flags);
	if (good) {
		(void)frontend_set_log(&attack->fe, &area, 4096, 0, NULL);
		(void)frontend_set_features(
			&attack->fe, attack->fe.features | VHOST_F_LOG_ALL, NULL);
		attack_pump_for(attack, 100);
	}
	shared_area_fini(&area);
	return good;
}

/* Logged used rings, at log addresses that are anywhere. */
static bool
log_address(struct attack *attack, unsigned int flags)
{
	static const uint64_t addresses[] = {
		0, UINT64_MAX, UINT64_MAX - 1000, UINT64_C(1) << 63, UINT64_C(1) << 47};
	const uint64_t size = (MEMORY_GPA + 16 * MIB) / VHOST_LOG_PAGE / 8;
	struct shared_area area;
	bool good = shared_area_init(&area, size) == 0;

	for (unsigned int i = 0; good && i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		good = attack_open(attack, flags);
		(void)frontend_set_log(&attack->fe, &area, size, 0, NULL);
		(void)frontend_set_features(
			&attack->fe, attack->fe.features | VHOST_F_LOG_ALL, NULL);
		for (unsigned int q = 0; good && q < 2; q++) {
			struct vhost_user_msg msg = message_addr(attack, q);
			msg.payload.addr.flags = 1; /* spec: VHOST_VRING_F_LOG */
			msg.payload.addr.log = addresses[i];
			attack_message(attack, &msg, NULL, 0);
		}
		if (good) {
			attack_pump_for(attack, 30);
		}
	}
	shared_area_fini(&area);
	return good;
}

static struct vhost_user_msg
message_inflight(uint32_t request, struct vhost_user_inflight inflight)
{
	struct vhost_user_msg msg = message_u64(request, 0);

	msg.size = sizeof(msg.payload.inflight);
	msg.payload.inflight = inflight;
	return msg;
}

static bool
bad_inflight(struct attack *attack, unsigned int flags)
{
	static const struct vhost_user_inflight rows[] = {{4096, 0, 65535, 256},
		{4096, 0, 2, 32768}, {4096, 0, 2, 65535}, {0, 0, 2, 256},
		{65536, UINT64_MAX, 2, 256}, {65536, UINT64_MAX - 4095, 2, 256},
		{65536, 65536, 2, 256}, {65536, 61440, 2, 256}, {65536, 0, 0, 256},
		{65536, 0, 2, 0}, {64, 0, 2, 256}};
	/* Longer than their file, but not what the rings need of them: such may be taken. */
	static const struct vhost_user_inflight long_rows[] = {{UINT64_MAX, 0, 2, 256},
		{UINT64_MAX - 4095, 4096, 2, 256}, {65536, 4096, 2, 256}, {1 << 30, 0, 2, 256}};
	static const struct vhost_user_inflight asked[] = {{0, 0, 0, 256}, {0, 0, 2, 0},
		{0, 0, 65535, 65535}, {0, 0, 65535, 256}, {0, 0, 2, 32769}};
	struct shared_area area;
	bool good = shared_area_init(&area, 65536) == 0;

	for (unsigned int i = 0; good && i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct vhost_user_msg msg =
			message_inflight(VHOST_USER_SET_INFLIGHT_FD, rows[i]);
		good = attack_connect(attack, flags) && attack_negotiate(attack) &&
			attack_refused(attack, &msg, &area.fd, 1);
		if (!good) {
			(void)attack_fail(attack, "row %u", i);
		}
	}
	for (unsigned int i = 0; good && i < sizeof(long_rows) / sizeof(long_rows[0]); i++) {
		const struct vhost_user_msg msg =
			message_inflight(VHOST_USER_SET_INFLIGHT_FD, long_rows[i]);
		good = attack_connect(attack, flags) && attack_negotiate(attack);
		if (good) {
			attack_message(attack, &msg, &area.fd, 1);
			(void)frontend_start(&attack->fe, NULL);
		}
	}
	for (unsigned int i = 0; good && i < sizeof(asked) / sizeof(asked[0]); i++) {
		const struct vhost_user_msg msg =
			message_inflight(VHOST_USER_GET_INFLIGHT_FD, asked[i]);
		good = attack_connect(attack, flags) && attack_negotiate(attack) &&
			attack_refused(attack, &msg, NULL, 0);
		if (!good) {
			(void)attack_fail(attack, "question %u", i);
		}
	}
	shared_area_fini(&area);
	return good;
}

/* Never negotiated: librte_vhost takes it, and any queue size with it. */
static bool
inflight_unasked(struct attack *attack, unsigned int flags)
{
	struct shared_area area;
	const struct vhost_user_msg msg = message_inflight(
		VHOST_USER_SET_INFLIGHT_FD, (struct vhost_user_inflight){4096, 0, 2, 32768});

	if (shared_area_init(&area, 4096) != 0 || !attack_connect(attack, flags)) {
		return false;
	}
	attack->fe.config.protocol = 0;
	const bool good = attack_negotiate(attack) && attack_refused(attack, &msg, &area.fd, 1);
	shared_area_fini(&area);
	return good;
}

/* The area is made for small rings; then the rings grow, in every order. */
static bool
inflight_sizes(struct attack *attack, unsigned int flags)
{
	struct err err = ERR_INIT;

	for (unsigned int i = 0; i < 3; i++) {
		struct shared_area area = {.fd = -1};
		if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
			return false;
		}
		attack->fe.config.ring_size = 16;
		const int rc = frontend_get_inflight(&attack->fe, &area, &err);
		attack->fe.config.ring_size = ATTACK_RING;
		if (rc != 0) {
			return attack_fail(attack, "%s", err.text);
		}
		if (i < 2) {
			(void)frontend_set_inflight(&attack->fe, &area, NULL);
		}
		bool good = attack_start(attack);
		if (i > 0) {
			(void)frontend_set_inflight(&attack->fe, &area, NULL);
		}
		if (good) {
			attack_pump_for(attack, 30);
		}
		/* Whatever it says about queues: the guest may write anything there. */
		memset(area.base, 0xff, area.size);
		good = good && attack_restart_rings(attack);
		if (good) {
			attack_pump_for(attack, 30);
		}
		shared_area_fini(&area);
	}
	return true;
}

/* Asked for again and again, given and taken: descriptors and mappings must not pile up. */
static bool
inflight_again(struct attack *attack, unsigned int flags)
{
	if (!attack_connect(attack, flags) || !attack_negotiate(attack)) {
		return false;
	}
	for (unsigned int i = 0; i < 200; i++) {
		struct shared_area area;
		struct err err = ERR_INIT;
		if (frontend_get_inflight(&attack->fe, &area, &err) != 0) {
			return attack_fail(attack, "%s", err.text);
		}
		if (i % 2 == 0) {
			(void)frontend_set_inflight(&attack->fe, &area, NULL);
		}
		shared_area_fini(&area);
	}
	return true;
}

const struct hostile_case area_cases[] = {
	{"bad-logs", "logs whose size and offset wrap or exceed the file", bad_logs, 0, "log"},
	{"log-offset", "a log at the end of its file", log_offset, 0, NULL},
	{"log-offset-packed", "the same with packed rings", log_offset, ATTACK_PACKED, NULL},
	{"small-log", "a log that is smaller than the memory", small_log, 0, NULL},
	{"log-address", "used rings logged anywhere", log_address, 0, NULL},
	{"bad-inflight", "in-flight areas whose numbers do not agree", bad_inflight, 0, "INFLIGHT"},
	{"inflight-unasked", "SET_INFLIGHT_FD without its protocol feature", inflight_unasked, 0,
		"SET_INFLIGHT_FD"},
	{"inflight-ring-size", "rings that are larger than their in-flight area", inflight_sizes, 0,
		NULL},
	{"inflight-ring-size-packed", "the same with packed rings", inflight_sizes, ATTACK_PACKED,
		NULL},
	{"inflight-again", "in-flight areas without end", inflight_again, 0, NULL},
	{0},
};
