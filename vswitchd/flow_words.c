/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/flow_words.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/flow_text.h"
#include "datapath/core/drop.h"
#include "vswitchd/flow_actions.h"
#include "vswitchd/flow_match.h"

#define ETH_IPV4 RTE_BE16(0x0800)
#define ETH_ARP RTE_BE16(0x0806)
#define ETH_IPV6 RTE_BE16(0x86dd)

/* --- names -------------------------------------------------------------------------------------
 */

static const char *
number_name(void *arg, uint16_t number)
{
	static char unknown[24];
	const struct world *world = arg;
	const char *name;

	role_assert(&role_main);
	name = port_numbers_name(&world->numbers, number);
	if (name == NULL) {
		(void)snprintf(unknown, sizeof(unknown), "port-%u", number);
		name = unknown;
	}
	return name;
}

static uint16_t
no_number(void *arg, const char *name, struct err *err)
{
	(void)arg;
	(void)err_set(err, ERR_MISSING, NULL, "there is no port '%s'", name);
	return 0;
}

static struct port_namer
namer_of(const struct world *world)
{
	return (struct port_namer){
		.number = no_number, .name = number_name, .arg = (void *)(uintptr_t)world};
}

static void
id_name(const struct world *world, uint32_t id, char *name, size_t size) ON_MAIN
{
	const struct dp_port *port = dp_port_by_id(world->dp, id);

	if (port != NULL && dp_port_device(port) != NULL) {
		(void)str_copy(name, dp_port_device(port)->name, size);
	} else {
		(void)snprintf(name, size, "port-%u", id);
	}
}

json_t *
flow_words_port(const struct world *world, uint32_t id)
{
	char name[PORT_NAME_SIZE];

	id_name(world, id, name, sizeof(name));
	return json_string(name);
}

/* --- matches -----------------------------------------------------------------------------------
 */

static json_t *
match_text(const struct world *world, const struct match *match) ON_MAIN
{
	const struct port_namer namer = namer_of(world);
	struct flow_rule rule = {.op = FLOW_DELETE, .any_table = true};
	char text[2048];

	flow_match_tell(match, &namer, &rule);
	(void)flow_text_print(&rule, text, sizeof(text));
	return json_string(text);
}

json_t *
flow_words_match(const struct world *world, const struct rule *rule)
{
	struct match match;

	rules_get_match(rule, &match);
	return match_text(world, &match);
}

json_t *
flow_words_masked(const struct world *world, const struct fields *value, const struct fields *mask)
{
	struct match match;

	match_init(&match);
	match.mask = *mask;
	match.mask.in_port = 0;
	for (unsigned int i = 0; i < FIELDS_WORDS; i++) {
		fields_set_word(
			&match.value, i, fields_word(value, i) & fields_word(&match.mask, i));
	}
	/* What is said of fragments has words for whole values only. */
	if (match.mask.frag == FIELDS_FRAG_LATER && match.value.frag == FIELDS_FRAG_LATER) {
		match.mask.frag = FIELDS_FRAG_LATER & ~FIELDS_FRAG_FIRST;
		match.value.frag = match.mask.frag;
	}
	return match_text(world, &match);
}

static void
fill(void *field, size_t size)
{
	memset(field, UINT8_MAX, size);
}

static void
mask_ip(const struct fields *fields, struct fields *mask)
{
	mask->proto = UINT8_MAX;
	mask->tos = UINT8_MAX;
	mask->ttl = UINT8_MAX;
	mask->frag = FIELDS_FRAG_LATER;
	if ((fields->valid & FIELDS_VALID_IPV6) != 0) {
		fill(mask->ip6_src, sizeof(mask->ip6_src));
		fill(mask->ip6_dst, sizeof(mask->ip6_dst));
		mask->ip6_label = fields->ip6_label != 0 ? RTE_BE32(0xfffff) : 0;
	} else {
		mask->ip4_src = UINT32_MAX;
		mask->ip4_dst = UINT32_MAX;
	}
	if ((fields->valid & FIELDS_VALID_L4) == 0) {
		return;
	}
	mask->l4_src = UINT16_MAX;
	mask->l4_dst = UINT16_MAX;
	mask->tcp_flags = fields->proto == IPPROTO_TCP ? RTE_BE16(0x0fff) : 0;
	if ((fields->valid & FIELDS_VALID_ND) != 0) {
		fill(mask->nd_target, sizeof(mask->nd_target));
	}
}

static bool
all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

json_t *
flow_words_fields(const struct world *world, const struct fields *fields)
{
	struct fields mask = {.vlan_tci = UINT16_MAX, .eth_type = UINT16_MAX};

	fill(mask.eth_dst, sizeof(mask.eth_dst));
	fill(mask.eth_src, sizeof(mask.eth_src));
	mask.inner_tci = fields->inner_tci != 0 ? UINT16_MAX : 0;
	mask.tunnel_id = fields->tunnel_id != 0 ? UINT64_MAX : 0;
	if ((fields->valid & (FIELDS_VALID_IPV4 | FIELDS_VALID_IPV6)) != 0) {
		mask_ip(fields, &mask);
	} else if ((fields->valid & FIELDS_VALID_ARP) != 0) {
		mask.proto = UINT8_MAX;
		mask.ip4_src = UINT32_MAX;
		mask.ip4_dst = UINT32_MAX;
	}
	if ((fields->valid & FIELDS_VALID_ARP) != 0 ||
		!all_zero(fields->arp_sha, sizeof(fields->arp_sha))) {
		fill(mask.arp_sha, sizeof(mask.arp_sha));
	}
	if ((fields->valid & FIELDS_VALID_ARP) != 0 ||
		!all_zero(fields->arp_tha, sizeof(fields->arp_tha))) {
		fill(mask.arp_tha, sizeof(mask.arp_tha));
	}
	return flow_words_masked(world, fields, &mask);
}

/* --- actions -----------------------------------------------------------------------------------
 */

json_t *
flow_words_action(const struct world *world, const struct action *action)
{
	const struct port_namer namer = namer_of(world);
	struct action_builder builder = {.size = 0};
	struct action_list *list;
	struct flow_rule rule = {.op = FLOW_ADD, .priority = FLOW_PRIORITY_DEFAULT};
	char text[512];
	const char *actions;

	action_add(&builder, (enum action_code)action->code, action->arg, action->number,
		action->words, action->n_words);
	list = action_list_new(&builder);
	flow_actions_tell(list, &namer, &rule);
	free(list);
	(void)flow_text_print(&rule, text, sizeof(text));
	actions = strchr(text, '=');
	return json_string(actions == NULL ? text : actions + 1);
}

/* In a program ports are ids, and `normal` and `flood` are what they came to. */
static json_t *
program_action(const struct world *world, const struct action *action) ON_MAIN
{
	char name[PORT_NAME_SIZE];
	char text[PORT_NAME_SIZE + 64];

	id_name(world, action->number, name, sizeof(name));
	switch ((enum action_code)action->code) {
	case ACTION_OUTPUT:
		if (action->arg == 0) {
			(void)snprintf(text, sizeof(text), "output:%s", name);
		} else {
			(void)snprintf(text, sizeof(text), "output(port=%s,max_len=%u)", name,
				action->arg);
		}
		break;
	case ACTION_DELIVER:
		(void)snprintf(text, sizeof(text), "deliver:%s", name);
		break;
	case ACTION_SPREAD:
		(void)snprintf(text, sizeof(text), "flood(vlan=%u)", action->arg);
		break;
	case ACTION_DROP:
		(void)snprintf(
			text, sizeof(text), "drop:%s", drop_name((enum drop_reason)action->arg));
		break;
	default:
		return flow_words_action(world, action);
	}
	return json_string(text);
}

json_t *
flow_words_program(const struct world *world, const struct program *program)
{
	const struct action *action = program_first(program);
	json_t *actions = json_array();

	for (uint16_t i = 0; i < program->n_actions; i++) {
		(void)json_array_append_new(actions, program_action(world, action));
		action = action_next(action);
	}
	return actions;
}
