/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/world/key_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "ctl/flow_text.h"
#include "datapath/dp/dp_policy.h"
#include "datapath/dp/dp_priv.h"
#include "datapath/dp/dp_rules.h"
#include "ports/fake/fake.h"
#include "vswitchd/flow_actions.h"
#include "vswitchd/flow_match.h"

#define LINES_MAX 16
#define HEADROOM 16

/* Stations of each bridge are 02:00:00:00:00:01 to :04, each at its port, in VLANs 0 to 3. */
#define STATION_VIDS 4

struct bridge_set {
	const char *rules[LINES_MAX];
	/* Entries of one list, for all of the bridge's ports; "-" in front: what matches is denied.
	 */
	const char *acl[LINES_MAX];
	bool deny_rest;
	bool spoof;
};

static const struct bridge_set sets[] = {
	{.rules = {"vlan,actions=pop_vlan,normal"}},
	{.rules = {"vlan,actions=pop_vlan,pop_vlan,goto_table:1",
		 "table=1,dl_vlan=2,actions=output:b", "table=1,dl_vlan_pcp=3,actions=output:c",
		 "table=1,priority=0,actions=flood"}},
	{.rules = {"actions=push_vlan:0x8100,goto_table:1", "table=1,ip,actions=output:b",
		 "table=1,dl_type=0x8100,actions=output:c",
		 "table=1,vlan,inner_dl_vlan=2,actions=output:d"}},
	{.rules = {"vlan,actions=pop_vlan,mod_vlan_vid:2,goto_table:1",
		 "actions=mod_vlan_vid:3,goto_table:1", "table=1,dl_vlan=2,ip,actions=normal",
		 "table=1,vlan_vid=0,actions=output:d", "table=1,priority=1,actions=output:c"}},
	{.rules = {"ip,actions=dec_ttl,goto_table:1", "ipv6,actions=dec_ttl,goto_table:1",
		 "table=1,ip,nw_ttl=63,actions=output:b",
		 "table=1,ipv6,nw_ttl=254,actions=output:c",
		 "table=1,icmp6,icmp_type=135,nd_target=fe80::1,actions=output:d",
		 "table=1,priority=1,actions=normal"}},
	{.rules = {"tcp,actions=set_field:80->tcp_dst,load:7->reg1,goto_table:1",
		 "udp,actions=mod_nw_dst:10.0.0.9,load:8->reg1,goto_table:2",
		 "ip,actions=mod_nw_tos:16,goto_table:1",
		 "arp,actions=mod_dl_dst:02:00:00:00:00:03,normal",
		 "table=1,reg1=7,tcp,tp_dst=80,actions=goto_table:2",
		 "table=1,priority=5,ip,nw_tos=16,actions=output:c",
		 "table=2,reg1=8,ip,nw_dst=10.0.0.9,actions=output:b",
		 "table=2,tcp,tp_src=1000-2000,actions=output:d",
		 "table=2,priority=0,actions=normal"}},
	{.rules = {"tcp,tp_dst=22,actions=drop", "tcp6,tp_dst=22,actions=drop",
		 "udp,tp_src=1000-3333,actions=output:b", "tcp,tcp_flags=+syn-ack,actions=output:c",
		 "priority=0,actions=normal"},
		.acl = {"-dl_src=02:00:00:00:00:01", "-arp,dl_dst=ff:ff:ff:ff:ff:ff"}},
	{.rules = {"in_port=b,ip,nw_src=10.0.0.0/8,actions=output:c", "priority=1,actions=normal",
		 "priority=2,ip,ip_frag=later,actions=output:d"},
		.acl = {"tcp,tp_dst=80", "-udp,tp_dst=50-60", "-icmp6,icmp_type=134", "arp",
			"ip,nw_src=10.1.0.0/16"},
		.deny_rest = true,
		.spoof = true},
	{.rules = {"in_port=a,dl_vlan=2,actions=set_vlan_pcp:3,pop_vlan,normal",
		 "in_port=b,vlan,inner_dl_vlan=3,actions=pop_vlan,output:c",
		 "priority=3,ipv6,actions=push_vlan:0x88a8,set_vlan_vid:3,normal",
		 "priority=2,vlan_tci=0x1000/0x1000,actions=mod_vlan_vid:1,flood",
		 "priority=1,actions=normal"},
		.spoof = true},
};

struct key_check {
	struct dp *dp;
	struct dp_bridge *bridges[ARRAY_LEN(sets)];
	struct dp_port *ports[ARRAY_LEN(sets)][KEY_CHECK_PORTS];
	struct decision decisions[2];
	uint8_t frames[2][HEADROOM + KEY_CHECK_FRAME_MAX];
};

unsigned int
key_check_bridges(void)
{
	return ARRAY_LEN(sets);
}

static void
give_up(const char *what, const struct err *err)
{
	(void)fprintf(stderr, "%s: %s\n", what, err->text);
	abort();
}

/* --- what is there --------------------------------------------------------------------------- */

static uint16_t
number_at(unsigned int set, unsigned int port)
{
	return (uint16_t)(set * KEY_CHECK_PORTS + port + 1);
}

static uint16_t
number_of(void *arg, const char *name, struct err *err)
{
	const unsigned int *set = arg;

	(void)err;
	return number_at(*set, (unsigned int)(name[0] - 'a'));
}

static const char *
name_of(void *arg, uint16_t number)
{
	(void)arg;
	(void)number;
	return NULL;
}

static void
make_match(unsigned int set, const char *text, struct flow_rule *rule, struct match *match) ON_MAIN
{
	const struct port_namer namer = {.number = number_of, .name = name_of, .arg = &set};
	struct err err = ERR_INIT;

	if (flow_match_make(rule, &namer, match, &err) != 0) {
		give_up(text, &err);
	}
}

static void
add_rule(struct key_check *check, unsigned int set, const char *text) ON_MAIN
{
	const struct port_namer namer = {.number = number_of, .name = name_of, .arg = &set};
	struct dp_rule_spec spec = {.priority = 0};
	struct err err = ERR_INIT;
	static struct flow_rule rule;

	if (flow_text_parse_op(text, strlen(text), &rule, &err) != 0) {
		give_up(text, &err);
	}
	spec.priority = rule.priority;
	spec.table = rule.table;
	make_match(set, text, &rule, &spec.match);
	if (flow_actions_make(&rule, &namer, &spec.actions, &err) != 0 ||
		dp_rules_add(check->dp, check->bridges[set], &spec, &err) != 0) {
		give_up(text, &err);
	}
}

static struct dp_acl *
make_acl(struct key_check *check, unsigned int set) ON_MAIN
{
	struct dp_acl_entry entries[LINES_MAX];
	struct err err = ERR_INIT;
	struct dp_acl *acl = NULL;
	static struct flow_rule rule;
	size_t n = 0;

	for (; n < LINES_MAX && sets[set].acl[n] != NULL; n++) {
		const char *text = sets[set].acl[n];
		const char *match = text[0] == '-' ? text + 1 : text;

		entries[n].accept = text[0] != '-';
		if (flow_text_parse_match(match, strlen(match), &rule, &err) != 0) {
			give_up(text, &err);
		}
		make_match(set, text, &rule, &entries[n].match);
	}
	if (n > 0 && dp_acl_create(check->dp, entries, n, !sets[set].deny_rest, &acl, &err) != 0) {
		give_up("list", &err);
	}
	return acl;
}

static void
make_spoof(unsigned int port, struct spoof_view *spoof)
{
	*spoof = (struct spoof_view){.n_mac = 2, .n_ip4 = 1, .n_ip6 = 1};
	for (uint8_t i = 0; i < 2; i++) {
		spoof->mac[i][0] = 2;
		spoof->mac[i][5] = (uint8_t)(port + 1 + i);
	}
	spoof->ip4[0] = (struct spoof_prefix){.addr = {10, 1}, .len = 16};
	spoof->ip6[0] = (struct spoof_prefix){.addr = {0xfe, 0x80}, .len = 10};
}

static void
make_port(struct key_check *check, unsigned int set, unsigned int p, struct dp_acl *acl) ON_MAIN
{
	struct port_conf conf = {.queues = 1};
	struct spoof_view spoof;
	struct dp_port_policy policy = {.acl_in = acl, .spoof = sets[set].spoof ? &spoof : NULL};
	struct dp_port_fwd fwd = {.bridge = check->bridges[set],
		.enabled = true,
		.mtu = 1500,
		.number = number_at(set, p),
		.policy = &policy};
	struct err err = ERR_INIT;

	make_spoof(p, &spoof);
	if (p == 0 || p == 1) {
		memset(&fwd.vlan.trunk, 0xff, sizeof(fwd.vlan.trunk));
		fwd.vlan.mode = VLAN_TRUNK;
	} else {
		fwd.vlan.mode = VLAN_ACCESS;
		fwd.vlan.vlan = (uint16_t)p;
	}
	(void)snprintf(conf.name, sizeof(conf.name), "p%u", number_at(set, p));
	if (dp_port_open(check->dp, &port_fake_ops, &conf, &check->ports[set][p], &err) != 0) {
		give_up(conf.name, &err);
	}
	dp_port_set(check->dp, check->ports[set][p], &fwd);
	fdb_lock(dp_bridge_fdb(check->bridges[set]));
	for (uint16_t vid = 0; vid < STATION_VIDS; vid++) {
		const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, (uint8_t)(p + 1)}};

		(void)fdb_set_static(dp_bridge_fdb(check->bridges[set]), fdb_key(&mac, vid),
			dp_port_id(check->ports[set][p]));
	}
	fdb_unlock(dp_bridge_fdb(check->bridges[set]));
}

static void
make_bridge(struct key_check *check, unsigned int set) ON_MAIN
{
	const struct dp_bridge_conf conf = {.fdb = {.limit = 100, .aging_s = 300}};
	struct err err = ERR_INIT;
	struct dp_acl *acl;

	if (dp_bridge_create(check->dp, &conf, &check->bridges[set], &err) != 0) {
		give_up("bridge", &err);
	}
	acl = make_acl(check, set);
	for (unsigned int p = 0; p < KEY_CHECK_PORTS; p++) {
		make_port(check, set, p, acl);
	}
	dp_rules_begin(check->dp, check->bridges[set]);
	for (unsigned int i = 0; i < LINES_MAX && sets[set].rules[i] != NULL; i++) {
		add_rule(check, set, sets[set].rules[i]);
	}
	dp_rules_commit(check->dp, check->bridges[set]);
}

struct key_check *
key_check_create(void)
{
	const struct dp_options options = {
		.n_workers = 1, .run_dir = "/nowhere", .seed = 1, .flows = FLOW_CAPACITY_MIN};
	struct key_check *check = must_calloc(1, sizeof(*check));
	struct err err = ERR_INIT;

	if (dp_create(&options, &check->dp, &err) != 0) {
		give_up("datapath", &err);
	}
	(void)dp_step(check->dp, CLOCK_S);
	for (unsigned int set = 0; set < ARRAY_LEN(sets); set++) {
		make_bridge(check, set);
	}
	(void)dp_worker_step(check->dp, 0, CLOCK_S);
	return check;
}

void
key_check_destroy(struct key_check *check)
{
	dp_destroy(check->dp, PORT_CLOSE_SHUTDOWN);
	free(check);
}

/* --- frames ---------------------------------------------------------------------------------- */

static bool
same_decision(const struct decision *a, const struct decision *b)
{
	const struct program *pa = decision_program(a);
	const struct program *pb = decision_program(b);

	return a->normal == b->normal && a->station == b->station && a->once == b->once &&
		a->vid == b->vid && a->src == b->src && a->dst == b->dst && pa->size == pb->size &&
		memcmp(pa, pb, pa->size) == 0;
}

static bool
same_key(const struct flow_key *a, const struct flow_key *b)
{
	return a->n_words == b->n_words &&
		memcmp(a->words, b->words, a->n_words * sizeof(a->words[0])) == 0;
}

/* Parsed as deep as its key asks. */
static void
decide(const struct arrival *at, struct pkt *pkt, struct decision *decision)
{
	const struct port_keys *keys = at->snap->keys[at->in->id];
	struct parsed parsed;
	enum parse_depth depth;

	parse_pkt(pkt, PARSE_L2, &parsed);
	depth = (enum parse_depth)keys->shapes[key_class(parsed.fields.eth_type)].depth;
	parse_pkt(pkt, depth, &parsed);
	pipeline_decide(at, &parsed.fields, NULL, decision);
}

int
key_check_frames(struct key_check *check, unsigned int bridge, unsigned int port, const uint8_t *a,
	uint32_t len_a, const uint8_t *b, uint32_t len_b)
{
	const struct snapshot *snap = check->dp->snapshot;
	struct flows *flows = &check->dp->workers[0]->burst->flows;
	const uint32_t id = dp_port_id(check->ports[bridge][port]);
	const struct burst_time now = {.ns = CLOCK_S};
	const struct arrival at = {.snap = snap,
		.bridge = snap->bridges[snap->ports[id]->bridge],
		.in = snap->ports[id],
		.now = &now,
		.quiet = true};
	const uint8_t *frames[2] = {a, b};
	const uint32_t lens[2] = {len_a, len_b};
	struct pkt pkts[2];
	struct flow_step step = {flows, &at, snap->keys[id], pkts, NULL};

	for (unsigned int i = 0; i < 2; i++) {
		memcpy(check->frames[i] + HEADROOM, frames[i], lens[i]);
		pkts[i] = (struct pkt){.head = check->frames[i] + HEADROOM,
			.headroom = HEADROOM,
			.len = lens[i],
			.head_len = (uint16_t)lens[i],
			.in_port = id};
	}
	flow_rules_keys(&step, 2);
	if (!same_key(&flows->keys[0], &flows->keys[1])) {
		return 0;
	}
	fdb_lock(at.bridge->fdb);
	for (unsigned int i = 0; i < 2; i++) {
		decide(&at, &pkts[i], &check->decisions[i]);
	}
	fdb_unlock(at.bridge->fdb);
	return same_decision(&check->decisions[0], &check->decisions[1]) ? 1 : -1;
}
