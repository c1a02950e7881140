/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames through both, and what they count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/fake/fake.h"
#include "tests/world/rules_world.h"

#define DROPS_MAX 1024 /* of one port between two comparisons */

/* --- frames ------------------------------------------------------------------------------------
 */

static bool
same_offload(const struct pkt_offload *a, const struct pkt_offload *b)
{
	return a->flags == b->flags &&
		((a->flags & PKT_OL_CSUM) == 0 ||
			(a->csum_start == b->csum_start && a->csum_offset == b->csum_offset));
}

/* The copy that came out is one that the model has sent there, and not yet been seen. */
static bool
take_copy(struct rules_world *world, int port, const uint8_t *bytes, uint32_t len,
	const struct pkt_offload *ol)
{
	for (unsigned int i = 0; i < world->n_waiting; i++) {
		struct pipeline_result *result = &world->results[i];

		for (unsigned int o = 0; o < result->n_outs; o++) {
			struct pipeline_out *out = &result->outs[o];

			if (out->port != port || out->lost != 0 || out->bytes == NULL) {
				continue;
			}
			if (out->len == len && memcmp(out->bytes, bytes, len) == 0 &&
				same_offload(&out->ol, ol)) {
				free(out->bytes);
				out->bytes = NULL;
				world->n_copies++;
				return true;
			}
			if (world->n_waiting == 1) {
				return false; /* of one frame, copies come in order */
			}
		}
	}
	return false;
}

static void
compare_copies(struct rules_world *world, int port) ON_MAIN
{
	struct port *device = dp_port_device(world->ports[port]);
	uint8_t bytes[FAKE_FRAME_MAX];
	struct pkt_offload ol;
	uint32_t len;

	for (uint16_t q = 0; q < device->n_txq; q++) {
		while ((len = fake_collect(device, q, bytes, &ol)) > 0) {
			if (!take_copy(world, port, bytes, len, &ol)) {
				rules_tell(world, "a frame came out that should not", port);
				rules_tell_bytes("came out", bytes, len);
				fprintf(stderr, "# with offload flags %x, at %u + %u\n", ol.flags,
					ol.csum_start, ol.csum_offset);
				fail_msg("another frame came out");
			}
		}
	}
	for (unsigned int i = 0; i < world->n_waiting; i++) {
		for (unsigned int o = 0; o < world->results[i].n_outs; o++) {
			const struct pipeline_out *out = &world->results[i].outs[o];

			if (out->port == port && out->lost == 0 && out->bytes != NULL) {
				rules_tell(world, "a frame is missing", port);
				fprintf(stderr, "# copy %u of frame %u\n", o, i);
				fail_msg("a frame did not come out");
			}
		}
	}
}

/* Which drop was which frame's: a matching of those that the model expects with those counted. */
struct drops {
	unsigned int n;
	uint64_t expected[DROPS_MAX]; /* reasons of which one was counted */
	int counted[DROPS_MAX]; /* the one, or -1 */
	uint64_t left[DROP_N]; /* counted, and nobody's yet */
	uint64_t tried; /* reasons, on this way */
};

/* Find a counted drop for number i; others may have to take another (Kuhn's algorithm). */
static bool
match_drop(struct drops *drops, unsigned int i)
{
	for (int r = 0; r < DROP_N; r++) {
		if ((drops->expected[i] & REASON(r)) == 0 || (drops->tried & REASON(r)) != 0) {
			continue;
		}
		drops->tried |= REASON(r);
		if (drops->left[r] > 0) {
			drops->left[r]--;
			drops->counted[i] = r;
			return true;
		}
		for (unsigned int j = 0; j < drops->n; j++) {
			if (drops->counted[j] == r && match_drop(drops, j)) {
				drops->counted[i] = r;
				return true;
			}
		}
	}
	return false;
}

static void
expect_drop(struct drops *drops, uint64_t reasons)
{
	assert_in_range(drops->n, 0, DROPS_MAX - 1);
	drops->expected[drops->n] = reasons;
	drops->counted[drops->n++] = -1;
}

/* What the model says that the port should have counted. */
static void
expect_drops(struct rules_world *world, int port, struct drops *drops)
{
	for (unsigned int i = 0; i < world->n_waiting; i++) {
		const struct pipeline_result *result = &world->results[i];

		if (world->in[i] == port && result->lost != 0) {
			expect_drop(drops, result->lost);
		}
		for (unsigned int o = 0; o < result->n_outs; o++) {
			const struct pipeline_out *out = &result->outs[o];

			if (out->port == port && out->lost != 0) {
				expect_drop(drops, out->lost);
			}
		}
	}
	world->n_lost += drops->n;
}

static void
compare_drops(struct rules_world *world, int port) ON_MAIN
{
	struct drops drops = {.n = 0};
	struct port_counters now;
	uint64_t left = 0;
	bool ok = true;

	dp_port_get_counters(world->dp, world->ports[port], &now);
	for (int r = 0; r < DROP_N; r++) {
		drops.left[r] = now.drops[r] - world->last[port].drops[r];
	}
	expect_drops(world, port, &drops);
	for (unsigned int i = 0; i < drops.n; i++) {
		drops.tried = 0;
		ok = match_drop(&drops, i) && ok;
	}
	for (int r = 0; r < DROP_N; r++) {
		left += drops.left[r];
	}
	if (!ok || left != 0) {
		rules_tell(world, "other drops", port);
		fail_msg("a port has counted other drops");
	}
	world->last[port] = now;
}

void
rules_world_flush(struct rules_world *world)
{
	for (unsigned int i = 0; i < world->n_waiting; i++) {
		struct port *device = dp_port_device(world->ports[world->in[i]]);
		struct err err = ERR_INIT;
		uint16_t queue = (uint16_t)random_of(&world->random, device->n_rxq);

		if (fake_inject(device, queue, world->frames[i]->bytes, world->frames[i]->len,
			    &world->frames[i]->ol, &err) != 0) {
			fail_msg("%s", err.text);
		}
	}
	rules_world_settle(world);
	for (int p = 0; p < PIPELINE_PORTS; p++) {
		if (world->ports[p] != NULL) {
			compare_copies(world, p);
			compare_drops(world, p);
		}
	}
	for (unsigned int i = 0; i < world->n_waiting; i++) {
		pipeline_result_fini(&world->results[i]);
	}
	world->n_waiting = 0;
	memset(world->n_out, 0, sizeof(world->n_out));
}

/* True: a port has so many copies to take that it had better begin. */
static bool
count_copies(struct rules_world *world, const struct pipeline_result *result)
{
	bool many = false;

	for (unsigned int o = 0; o < result->n_outs; o++) {
		many = ++world->n_out[result->outs[o].port] >= RULES_COPIES || many;
	}
	return many;
}

void
rules_world_send(struct rules_world *world, const struct random_frame *frame, int port)
{
	struct pipeline_result *result = &world->results[world->n_waiting];

	pipeline_receive(&world->model, port, frame->bytes, frame->len, &frame->ol, result);
	if (getenv("DBG") && result->learned)
		fprintf(stderr, "DBG round %u learned on %d %02x\n", world->round, port + 1,
			frame->bytes[11]);
	if (result->learned && world->n_waiting > 0) {
		/* What it teaches must not be heard by those before it. */
		struct pipeline_result own = *result;

		result->n_outs = 0;
		rules_world_flush(world);
		world->results[0] = own;
		result = &world->results[0];
	}
	world->frames[world->n_waiting] = frame;
	world->in[world->n_waiting] = port;
	world->n_waiting++;
	world->n_frames++;
	if (count_copies(world, result) || result->learned || world->n_waiting == RULES_BURST) {
		rules_world_flush(world);
	}
}

/* --- books -------------------------------------------------------------------------------------
 */

struct audit {
	struct rules_world *world;
	int bridge;
	unsigned int n;
};

static bool
audit_rule(void *arg, const struct rule *rule)
{
	struct audit *audit = arg;
	struct rules_world *world = audit->world;
	const struct pipeline_rule *model;
	struct dp_rule_counters counters;

	role_assert(&role_main);
	model = pipeline_find(&world->model, audit->bridge, rule->cookie);
	dp_rule_get_counters(world->dp, rule, &counters);
	if (model == NULL) {
		fail_msg("seed %llu, round %u: rule %llu should have gone",
			(unsigned long long)world->seed, world->round,
			(unsigned long long)rule->cookie);
	}
	if (counters.packets != model->packets || counters.bytes != model->bytes) {
		rules_tell_rule(model);
		fail_msg("seed %llu, round %u: the rule has counted %llu packets and %llu bytes, "
			 "not %llu and %llu",
			(unsigned long long)world->seed, world->round,
			(unsigned long long)counters.packets, (unsigned long long)counters.bytes,
			(unsigned long long)model->packets, (unsigned long long)model->bytes);
	}
	audit->n++;
	return true;
}

/*
 * `sure`: what rules had counted that went long ago. What the others have shows when workers have
 * been through all of their flows.
 */
static void
audit_bridge(struct rules_world *world, int b, uint64_t sure) ON_MAIN
{
	const struct pipeline_bridge *bridge = &world->model.bridges[b];
	struct rules_filter filter = {.all_tables = true};
	struct audit audit = {.world = world, .bridge = b};
	struct dp_rules_stats stats;
	unsigned int n = 0;

	match_init(&filter.match);
	assert_int_equal(dp_rules_walk(world->bridges[b], &filter, audit_rule, &audit), 0);
	for (int i = 0; i < PIPELINE_RULES; i++) {
		n += bridge->rules[i].there;
	}
	assert_int_equal(audit.n, n);
	dp_rules_get_stats(world->dp, world->bridges[b], &stats);
	assert_int_equal(stats.rules, n);
	if (stats.removed_packets < sure || stats.removed_packets > bridge->removed) {
		fail_msg("seed %llu, round %u: rules that have gone have counted %llu packets, not "
			 "%llu to %llu",
			(unsigned long long)world->seed, world->round,
			(unsigned long long)stats.removed_packets, (unsigned long long)sure,
			(unsigned long long)bridge->removed);
	}
}

static void
audit_acl(struct rules_world *world, int i) ON_MAIN
{
	const struct pipeline_acl *acl = &world->model.acls[i];
	uint64_t packets;

	for (unsigned int e = 0; e < acl->n; e++) {
		dp_acl_get_counters(world->dp, world->acls[i], e, &packets);
		if (packets != acl->entries[e].packets) {
			fail_msg("seed %llu, round %u: entry %u of access list %d has counted %llu "
				 "packets, not %llu",
				(unsigned long long)world->seed, world->round, e, i,
				(unsigned long long)packets,
				(unsigned long long)acl->entries[e].packets);
		}
	}
}

void
rules_world_audit(struct rules_world *world)
{
	uint64_t sure[PIPELINE_BRIDGES];

	rules_world_flush(world);
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		sure[b] = world->model.bridges[b].removed;
	}
	rules_world_sleep(world, RULES_SLEEP_S);
	for (int b = 0; b < PIPELINE_BRIDGES; b++) {
		audit_bridge(world, b, sure[b]);
	}
	for (int i = 0; i < PIPELINE_ACLS; i++) {
		if (world->acls[i] != NULL) {
			audit_acl(world, i);
		}
	}
}
