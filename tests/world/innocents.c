/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/innocents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "ports/fake/fake.h"
#include "tests/random.h"

#define IN_FLIGHT 64 /* frames of one innocent on their way */
#define BUDGET 16 /* frames of others meanwhile; with theirs, twice that fit an innocent's ring */
#define PATIENCE (20 * CLOCK_S)

struct dp_port *
stress_port(struct dp *dp, const char *name, uint16_t queues)
{
	struct port_conf conf = {.queues = queues};
	struct err err = ERR_INIT;
	struct dp_port *port;

	str_copy(conf.name, name, sizeof(conf.name));
	if (dp_port_open(dp, &port_fake_ops, &conf, &port, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return port;
}

void
stress_frame(uint8_t *bytes, uint8_t dst, uint8_t src, uint32_t number)
{
	memset(bytes, 0, FRAME_LEN);
	bytes[0] = dst == 0xff ? 0xff : 2;
	bytes[5] = dst;
	bytes[6] = 2;
	bytes[11] = src;
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	memcpy(bytes + 14, &number, sizeof(number));
}

void
innocents_start(struct innocents *both, struct dp *dp, uint32_t n_flows)
{
	both->random = random_seed();
	both->n_flows = n_flows;
	print_message("# VSW_SEED=%llu\n", (unsigned long long)both->random);
	for (uint8_t i = 0; i < 2; i++) {
		both->one[i].station = (uint8_t)(10 + i);
		/* Two TX queues: each worker has its own, so that nobody can be busy. */
		both->one[i].port = stress_port(dp, i == 0 ? "a" : "b", 2);
	}
}

static void
send_to(struct innocents *both, struct innocent *from, const struct innocent *to) ON_MAIN
{
	uint8_t bytes[FRAME_LEN];

	while (from->next_out - to->next_in < IN_FLIGHT) {
		stress_frame(bytes, to->station, from->station, from->next_out);
		bytes[4] = (uint8_t)random_below(&both->random, both->n_flows);
		assert_int_equal(
			fake_inject(dp_port_device(from->port), 0, bytes, FRAME_LEN, NULL, NULL),
			0);
		from->next_out++;
	}
}

void
innocents_talk(struct innocents *both)
{
	struct innocent *a = &both->one[0];
	struct innocent *b = &both->one[1];

	send_to(both, a, b);
	send_to(both, b, a);
	/* What others have sent is through when what the innocents sent after it is. */
	if (a->next_in >= b->mark && b->next_in >= a->mark) {
		a->mark = a->next_out;
		b->mark = b->next_out;
		both->budget = BUDGET;
	}
}

/* Frames of the other innocent in order; those that others flood are none of its business. */
static void
listen_to(struct innocent *to, const struct innocent *from) ON_MAIN
{
	static uint8_t bytes[FAKE_FRAME_MAX];
	uint32_t number;

	for (uint16_t q = 0; q < dp_port_device(to->port)->n_txq; q++) {
		while (fake_collect(dp_port_device(to->port), q, bytes, NULL) > 0) {
			if (bytes[11] != from->station || bytes[5] != to->station) {
				continue;
			}
			memcpy(&number, bytes + 14, sizeof(number));
			if (number != to->next_in) {
				fail_msg("frame %u came instead of %u", number, to->next_in);
			}
			to->next_in++;
		}
	}
}

uint64_t
innocents_step(struct innocents *both, struct dp *dp)
{
	const uint64_t now = clock_now();

	dp_publish(dp);
	(void)dp_step(dp, now);
	listen_to(&both->one[0], &both->one[1]);
	listen_to(&both->one[1], &both->one[0]);
	return now;
}

/* Why a frame did not come. */
static void
print_drops(const struct innocents *both, struct dp *dp) ON_MAIN
{
	for (int i = 0; i < 2; i++) {
		struct port_counters c;

		dp_port_get_counters(dp, both->one[i].port, &c);
		for (int r = 0; r < DROP_N; r++) {
			if (c.drops[r] > 0) {
				print_message("# innocent %d: %llu %s\n", i,
					(unsigned long long)c.drops[r],
					drop_name((enum drop_reason)r));
			}
		}
	}
}

void
innocents_hear_the_rest(struct innocents *both, struct dp *dp)
{
	const struct innocent *a = &both->one[0];
	const struct innocent *b = &both->one[1];
	const uint64_t start = clock_now();

	while (a->next_in != b->next_out || b->next_in != a->next_out) {
		if (innocents_step(both, dp) - start > PATIENCE) {
			print_drops(both, dp);
			fail_msg("of %u and %u frames %u and %u came", a->next_out, b->next_out,
				b->next_in, a->next_in);
		}
	}
}

void
stranger_talk(struct innocents *both, struct dp_port *port)
{
	static uint8_t bytes[FAKE_FRAME_MAX];
	struct port *device = dp_port_device(port);
	uint8_t dst;

	for (uint16_t q = 0; q < device->n_txq; q++) {
		while (fake_collect(device, q, bytes, NULL) > 0) {
		}
	}
	if (both->budget == 0) {
		return;
	}
	both->budget--;
	dst = (uint8_t)(STRANGER + random_below(&both->random, 50));
	if (random_below(&both->random, 3) == 0) {
		dst = 0xff;
	}
	stress_frame(bytes, dst, (uint8_t)(STRANGER + random_below(&both->random, 50)), 0);
	(void)fake_inject(device, (uint16_t)random_below(&both->random, device->n_rxq), bytes,
		FRAME_LEN, NULL, NULL);
}
