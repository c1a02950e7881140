/* SPDX-License-Identifier: BSD-3-Clause */
/* A difference, told so that it can be understood without playing it again. */
#include <stdio.h>

#include "tests/world/rules_world.h"

/* --- how a difference is told ------------------------------------------------------------------
 */

void
rules_tell_bytes(const char *what, const uint8_t *bytes, uint32_t len)
{
	fprintf(stderr, "# %s, %u bytes:", what, len);
	for (uint32_t i = 0; i < len && i < 160; i++) {
		fprintf(stderr, "%s%02x", i % 2 == 0 ? " " : "", bytes[i]);
	}
	fprintf(stderr, "\n");
}

static void
print_reasons(uint64_t reasons)
{
	for (int r = 0; r < DROP_N; r++) {
		if ((reasons >> r & 1) != 0) {
			fprintf(stderr, " %s", drop_name((enum drop_reason)r));
		}
	}
	fprintf(stderr, "\n");
}

static void
print_words(const char *what, const struct fields *fields)
{
	fprintf(stderr, "#     %s", what);
	for (unsigned int i = 0; i < sizeof(*fields); i++) {
		if (i % 8 == 0 && fields_word(fields, i / 8) == 0) {
			i += 7;
			continue;
		}
		fprintf(stderr, "%s%02x", i % 8 == 0 ? " w" : "", ((const uint8_t *)fields)[i]);
		if (i % 8 == 7) {
			fprintf(stderr, "(%u)", i / 8);
		}
	}
	fprintf(stderr, "\n");
}

static void
print_actions(const struct action_list *list)
{
	static const char *const names[] = {"output", "in_port", "push", "pop", "set", "dec_ttl",
		"meter", "punt", "sample", "group", "normal", "flood", "goto"};
	const struct action *action = action_list_first(list);

	fprintf(stderr, "#     actions:");
	for (; action < action_list_end(list); action = action_next(action)) {
		fprintf(stderr, " %s(arg %u, number %u", names[action->code], action->arg,
			action->number);
		for (unsigned int i = 0; i < action->n_words; i++) {
			fprintf(stderr, " %016llx", (unsigned long long)action->words[i]);
		}
		fprintf(stderr, ")");
	}
	fprintf(stderr, "\n");
}

void
rules_tell_rule(const struct pipeline_rule *rule)
{
	fprintf(stderr, "#   rule %llu, table %u, priority %u, ports %u-%u %u-%u\n",
		(unsigned long long)rule->id, rule->table, rule->priority, rule->match.l4_src.low,
		rule->match.l4_src.high, rule->match.l4_dst.low, rule->match.l4_dst.high);
	print_words("value", &rule->match.value);
	print_words("mask ", &rule->match.mask);
	print_actions(rule->actions);
}

static void
print_groups(const struct rules_world *world, const struct action_list *list, int bridge)
{
	const struct action *action = action_list_first(list);

	for (; action < action_list_end(list); action = action_next(action)) {
		for (int i = 0; i < PIPELINE_GROUPS && action->code == ACTION_GROUP; i++) {
			const struct pipeline_group *group =
				&world->model.bridges[bridge].groups[i];

			if (!group->there || group->id != action->number) {
				continue;
			}
			fprintf(stderr, "#   group %u, type %d\n", group->id, group->type);
			for (unsigned int b = 0; b < group->n; b++) {
				fprintf(stderr, "#    watch %u\n", group->buckets[b].watch);
				print_actions(group->buckets[b].actions);
			}
		}
	}
}

static void
print_spoof(const struct spoof_view *spoof)
{
	for (unsigned int i = 0; i < spoof->n_mac; i++) {
		rules_tell_bytes("  may be", spoof->mac[i], 6);
	}
	for (unsigned int i = 0; i < spoof->n_ip4; i++) {
		fprintf(stderr, "#   /%u of\n", spoof->ip4[i].len);
		rules_tell_bytes("  may be", spoof->ip4[i].addr, 4);
	}
	for (unsigned int i = 0; i < spoof->n_ip6; i++) {
		fprintf(stderr, "#   /%u of\n", spoof->ip6[i].len);
		rules_tell_bytes("  may be", spoof->ip6[i].addr, 16);
	}
}

/* What the model thinks of a frame. */
static void
print_result(struct rules_world *world, unsigned int i)
{
	const struct pipeline_result *result = &world->results[i];
	const struct random_frame *frame = world->frames[i];
	const struct pipeline_port *in = &world->model.ports[world->in[i]];

	fprintf(stderr, "# frame %u of %u on port %d (bridge %d, vlan mode %d %u, acl %d)\n", i,
		world->n_waiting, in->number, in->bridge, in->vlan.mode, in->vlan.vlan, in->acl_in);
	rules_tell_bytes("frame", frame->bytes, frame->len);
	print_words("fields", &frame->fields);
	if (frame->ol.flags != 0) {
		fprintf(stderr, "#   offload flags %x, at %u + %u\n", frame->ol.flags,
			frame->ol.csum_start, frame->ol.csum_offset);
	}
	print_spoof(&in->spoof);
	for (unsigned int m = 0; m < result->n_met; m++) {
		struct pipeline_rule *rule =
			pipeline_find(&world->model, in->bridge, result->met[m]);

		if (rule != NULL) {
			rules_tell_rule(rule);
			print_groups(world, rule->actions, in->bridge);
		}
	}
	fprintf(stderr, "#   lost, one of:");
	print_reasons(result->lost);
	fprintf(stderr, "#   why:");
	print_reasons(result->why);
	for (unsigned int o = 0; o < result->n_outs; o++) {
		const struct pipeline_out *out = &result->outs[o];

		fprintf(stderr,
			"#   to port %d, lost there:", world->model.ports[out->port].number);
		print_reasons(out->lost);
		if (out->bytes != NULL) { /* else it came out */
			rules_tell_bytes("  as", out->bytes, out->len);
		}
	}
}

static void
print_counted(struct rules_world *world) ON_MAIN
{
	for (int p = 0; p < PIPELINE_PORTS; p++) {
		struct port_counters now;

		if (world->ports[p] == NULL) {
			continue;
		}
		dp_port_get_counters(world->dp, world->ports[p], &now);
		for (int r = 0; r < DROP_N; r++) {
			uint64_t n = now.drops[r] - world->last[p].drops[r];

			if (n > 0) {
				fprintf(stderr, "# port %d counted %llu %s\n",
					world->model.ports[p].number, (unsigned long long)n,
					drop_name((enum drop_reason)r));
			}
		}
	}
}

/* A copy for this port has not come out, or a drop of it is to be looked for. */
static bool
concerns(const struct rules_world *world, unsigned int i, int port)
{
	const struct pipeline_result *result = &world->results[i];

	for (unsigned int o = 0; o < result->n_outs; o++) {
		const struct pipeline_out *out = &result->outs[o];

		if (out->port == port && (out->bytes != NULL || out->lost != 0)) {
			return true;
		}
	}
	return (world->in[i] == port && result->lost != 0) || world->n_waiting == 1;
}

void
rules_tell(struct rules_world *world, const char *what, int port)
{
	fprintf(stderr, "# seed %llu, round %u: %s, port %d\n", (unsigned long long)world->seed,
		world->round, what, world->model.ports[port].number);
	for (unsigned int i = 0, n = 0; i < world->n_waiting && n < 8; i++) {
		if (concerns(world, i, port)) {
			print_result(world, i);
			n++;
		}
	}
	print_counted(world);
}
