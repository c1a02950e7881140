/* SPDX-License-Identifier: BSD-3-Clause */
/* Access lists: which packets the entries meet, and what is wrong with others. */
#include "vswitchd/acl_config.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

/* JSON with ' for ". */
static json_t *
json_from(const char *text)
{
	char json[2048];
	json_t *value;

	(void)str_copy(json, text, sizeof(json));
	for (char *at = json; *at != '\0'; at++) {
		*at = *at == '\'' ? '"' : *at;
	}
	value = json_loads(json, 0, NULL);
	if (value == NULL) {
		fail_msg("%s", json);
	}
	return value;
}

static const struct acl_config_base nothing = {.acl = NULL};

static int
make(const char *matches, struct acl_config *config, struct err *err)
{
	json_t *acl = json_pack("{s:[{s:s, s:s, s:o}]}", "ace", "name", "e", "forwarding", "accept",
		"matches", json_from(matches));
	int rc;

	assert_non_null(acl);
	rc = acl_config_make(&nothing, acl, config, err);
	json_decref(acl);
	return rc;
}

/* --- packets ---------------------------------------------------------------------------------- */

#define V4 FIELDS_VALID_IPV4
#define V6 FIELDS_VALID_IPV6
#define L4 FIELDS_VALID_L4

/* Host order, but for addresses, which are text. */
static const struct packet {
	const char *name;
	uint16_t type;
	uint8_t valid;
	uint8_t proto;
	uint8_t frag;
	uint16_t src_port;
	uint16_t dst_port;
	const char *src;
	const char *dst;
	uint16_t tci;
	uint8_t tos;
	uint8_t ttl;
	uint16_t flags;
} packets[] = {
	{.name = "lldp", .type = 0x88cc},
	{.name = "tagged", .type = 0x88b5, .tci = 0x1005},
	{.name = "arp",
		.type = 0x0806,
		.valid = FIELDS_VALID_ARP,
		.proto = 1,
		.src = "10.0.0.1",
		.dst = "10.0.0.9"},
	{.name = "arp2",
		.type = 0x0806,
		.valid = FIELDS_VALID_ARP,
		.proto = 2,
		.src = "10.0.0.9",
		.dst = "10.0.0.1"},
	{.name = "syn",
		.type = 0x0800,
		.valid = V4 | L4,
		.proto = 6,
		.src_port = 40000,
		.dst_port = 80,
		.src = "10.0.0.1",
		.dst = "192.0.2.1",
		.tos = 46 << 2 | 1,
		.ttl = 64,
		.flags = 0x002},
	{.name = "synack",
		.type = 0x0800,
		.valid = V4 | L4,
		.proto = 6,
		.src_port = 80,
		.dst_port = 40000,
		.src = "192.0.2.1",
		.dst = "10.0.0.1",
		.ttl = 1,
		.flags = 0x112},
	{.name = "syn6",
		.type = 0x86dd,
		.valid = V6 | L4,
		.proto = 6,
		.src_port = 40000,
		.dst_port = 81,
		.src = "2001:db8::1",
		.dst = "2001:db8:1::1",
		.tos = 46 << 2,
		.ttl = 64,
		.flags = 0x002},
	{.name = "first",
		.type = 0x0800,
		.valid = V4 | L4,
		.proto = 17,
		.frag = FIELDS_FRAG_FIRST,
		.src_port = 53,
		.dst_port = 53,
		.src = "10.0.0.1",
		.dst = "192.0.2.2"},
	{.name = "later",
		.type = 0x0800,
		.valid = V4,
		.proto = 17,
		.frag = FIELDS_FRAG_LATER,
		.src = "10.0.0.1",
		.dst = "192.0.2.2"},
	{.name = "later6",
		.type = 0x86dd,
		.valid = V6,
		.proto = 17,
		.frag = FIELDS_FRAG_LATER,
		.src = "fe80::1",
		.dst = "ff02::1"},
	{.name = "cut",
		.type = 0x0800,
		.valid = V4,
		.proto = 6,
		.src = "10.0.0.1",
		.dst = "192.0.2.1"},
	{.name = "bad", .type = 0x0800},
	{.name = "ping",
		.type = 0x0800,
		.valid = V4 | L4,
		.proto = 1,
		.src_port = 8,
		.src = "10.1.0.1",
		.dst = "192.0.2.1"},
	{.name = "ping6",
		.type = 0x86dd,
		.valid = V6 | L4,
		.proto = 58,
		.src_port = 128,
		.src = "2001:db8::1",
		.dst = "2001:db8::2"},
	{.name = "icmp6in4",
		.type = 0x0800,
		.valid = V4,
		.proto = 58,
		.src = "10.1.0.1",
		.dst = "192.0.2.1"},
	{.name = "sctp",
		.type = 0x0800,
		.valid = V4 | L4,
		.proto = 132,
		.src_port = 1000,
		.dst_port = 2000,
		.src = "10.0.0.1",
		.dst = "192.0.2.1"},
};

static void
packet_fields(const struct packet *packet, struct fields *fields)
{
	*fields = (struct fields){
		.in_port = 3,
		.valid = packet->valid,
		.eth_dst = {0x52, 0x54, 0, 0, 0, 2},
		.eth_src = {0x52, 0x54, 0, 0, 0, 1},
		.vlan_tci = htons(packet->tci),
		.eth_type = htons(packet->type),
		.l4_src = htons(packet->src_port),
		.l4_dst = htons(packet->dst_port),
		.proto = packet->proto,
		.tos = packet->tos,
		.ttl = packet->ttl,
		.frag = packet->frag,
		.tcp_flags = htons(packet->flags),
	};
	if (packet->type == 0x86dd) {
		assert_int_equal(inet_pton(AF_INET6, packet->src, fields->ip6_src), 1);
		assert_int_equal(inet_pton(AF_INET6, packet->dst, fields->ip6_dst), 1);
	} else if (packet->src != NULL) {
		assert_int_equal(inet_pton(AF_INET, packet->src, &fields->ip4_src), 1);
		assert_int_equal(inet_pton(AF_INET, packet->dst, &fields->ip4_dst), 1);
	}
}

#define IP4_TCP "syn synack cut "
#define IP4 "syn synack first later cut bad ping icmp6in4 sctp "

static const struct {
	const char *matches;
	const char *packets; /* those that are met, each with a blank behind it, in their order */
} cases[] = {
	{"{}",
		"lldp tagged arp arp2 syn synack syn6 first later later6 cut bad ping ping6 "
		"icmp6in4 sctp "},
	{"{'source-mac-address': '52:54:00:00:00:01', 'ethertype': '0x88cc'}", "lldp "},
	{"{'source-mac-address': '52:54:00:00:00:02'}", ""},
	{"{'source-mac-address': '52:54:00:00:00:02', 'ethertype': '0x88cc', "
	 "'source-mac-address-mask': 'ff:ff:ff:00:00:00'}",
		"lldp "},
	{"{'destination-mac-address': '01:00:00:00:00:00', "
	 "'destination-mac-address-mask': '01:00:00:00:00:00'}",
		""},
	{"{'destination-mac-address': '52:54:00:00:00:02', 'ethertype': '0x88CC'}", "lldp "},
	{"{'vlan-id': 5}", "tagged "},
	{"{'vlan-id': 4}", ""},
	{"{'vlan-id': 0, 'ethertype': '0x88b5'}", ""},
	{"{'vlan-id': 0, 'ethertype': '0x88cc'}", "lldp "},
	{"{'ethertype': 'ipv4'}", IP4},
	{"{'ethertype': 'arp'}", "arp arp2 "},
	{"{'ethertype': 'arp', 'arp-operation': 'request'}", "arp "},
	{"{'ethertype': 'arp', 'arp-operation': 'reply'}", "arp2 "},
	{"{'ethertype': 'arp', 'source-network': '10.0.0.1'}", "arp "},
	{"{'ethertype': 'arp', 'destination-network': '10.0.0.0/29'}", "arp2 "},
	{"{'source-network': '10.0.0.0/16'}", "syn first later cut sctp "},
	{"{'source-network': '0.0.0.0/0'}", IP4},
	{"{'destination-network': '192.0.2.2'}", "first later "},
	{"{'source-network': '2001:db8::/32'}", "syn6 ping6 "},
	{"{'destination-network': '2001:db8:1::1/128'}", "syn6 "},
	{"{'protocol': 'tcp'}", "syn synack syn6 cut "},
	{"{'protocol': '6', 'ethertype': 'ipv4'}", IP4_TCP},
	{"{'protocol': 'tcp', 'ethertype': 'ipv6'}", "syn6 "},
	{"{'protocol': 'udp'}", "first later later6 "},
	{"{'protocol': 'sctp'}", "sctp "},
	{"{'protocol': 'icmp'}", "ping "},
	{"{'protocol': 'icmpv6'}", "ping6 "},
	{"{'protocol': '58'}", "ping6 icmp6in4 "},
	{"{'protocol': '58', 'icmp-type': 128}", "ping6 "},
	{"{'protocol': 'icmp', 'icmp-type': 8, 'icmp-code': 0}", "ping "},
	{"{'protocol': 'icmp', 'icmp-code': 1}", ""},
	{"{'protocol': 'icmpv6', 'icmp-type': 8}", ""},
	{"{'protocol': 'tcp', 'destination-port': '80'}", "syn "},
	{"{'protocol': 'tcp', 'destination-port': '80-81'}", "syn syn6 "},
	{"{'protocol': 'tcp', 'destination-port': '0-65535'}", "syn synack syn6 "},
	{"{'protocol': 'tcp', 'source-port': '30001-40000'}", "syn syn6 "},
	{"{'protocol': 'tcp', 'source-port': '30001-39999'}", ""},
	{"{'protocol': 'udp', 'source-port': '0-100'}", "first "},
	{"{'protocol': 'sctp', 'source-port': '1000', 'destination-port': '2000'}", "sctp "},
	{"{'protocol': 'tcp', 'tcp-flags': '+syn-ack'}", "syn syn6 "},
	{"{'protocol': 'tcp', 'tcp-flags': '+syn+ack'}", "synack "},
	{"{'protocol': 'tcp', 'tcp-flags': '+ns'}", "synack "},
	{"{'protocol': 'tcp', 'tcp-flags': '-syn'}", ""},
	{"{'dscp': 46}", "syn syn6 "},
	{"{'ttl': 1}", "synack "},
	{"{'fragment': 'any'}", "first later later6 "},
	{"{'fragment': 'first'}", "first "},
	{"{'fragment': 'later', 'ethertype': 'ipv4'}", "later "},
	{"{'fragment': 'none', 'protocol': 'udp'}", ""},
	{"{'fragment': 'none', 'protocol': 'tcp'}", "syn synack syn6 cut "},
	{"{'fragment': 'any', 'protocol': 'udp', 'source-port': '53'}", "first "},
};

static void
test_which_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct acl_config config;
		struct err err = ERR_INIT;
		char met[256] = "";

		if (make(cases[i].matches, &config, &err) != 0) {
			fail_msg("%s: %s: %s", cases[i].matches, err.path, err.text);
		}
		for (size_t p = 0; p < ARRAY_LEN(packets); p++) {
			struct fields fields;
			bool hit = false;

			packet_fields(&packets[p], &fields);
			for (size_t e = 0; e < config.n; e++) {
				struct fields complete = config.entries[e].match.mask;

				hit = hit || match_packet(&config.entries[e].match, &fields);
				fields_mask_complete(&complete);
				assert_memory_equal(
					&complete, &config.entries[e].match.mask, sizeof(complete));
			}
			if (hit) {
				(void)str_appendf(met, sizeof(met), "%s ", packets[p].name);
			}
		}
		if (strcmp(met, cases[i].packets) != 0) {
			fail_msg("%s: met %s, not %s", cases[i].matches, met, cases[i].packets);
		}
		acl_config_fini(&config);
	}
}

/* --- errors ----------------------------------------------------------------------------------- */

static const struct {
	const char *matches;
	const char *leaf;
	const char *says;
} wrong[] = {
	{"{'ethertype': '0x0000'}", "ethertype", "0x0600 or more"},
	{"{'source-mac-address-mask': 'ff:ff:ff:00:00:00'}", "source-mac-address-mask",
		"needs the leaf source-mac-address"},
	{"{'source-network': '10.0.0.1/8'}", "source-network", "write 10.0.0.0/8"},
	{"{'source-network': '2001:db8::1/32'}", "source-network", "write 2001:db8::/32"},
	{"{'source-network': '10.0.0/8'}", "source-network", "is no address"},
	{"{'source-network': '/8'}", "source-network", "is no address"},
	{"{'source-network': '10.0.0.0/33'}", "source-network", "0..32"},
	{"{'destination-network': '::/129'}", "destination-network", "0..128"},
	{"{'source-network': '10.0.0.0/8', 'destination-network': '::/0'}", "destination-network",
		"'destination-network' speaks of IPv6, but another leaf of the entry of IPv4"},
	{"{'source-network': '10.0.0.0/8', 'ethertype': 'ipv6'}", "source-network", "of IPv6"},
	{"{'source-network': '::/0', 'ethertype': 'arp'}", "source-network", "of ARP"},
	{"{'source-network': '::/0', 'protocol': 'icmp'}", "protocol", "speaks of IPv4"},
	{"{'protocol': 'icmpv6', 'ethertype': 'ipv4'}", "protocol", "speaks of IPv6"},
	{"{'protocol': '256'}", "protocol", "0..255"},
	{"{'protocol': 'tcp', 'ethertype': 'arp'}", "protocol", "needs ethertype ipv4 or ipv6"},
	{"{'dscp': 1, 'ethertype': '0x88cc'}", "dscp", "needs ethertype ipv4 or ipv6"},
	{"{'arp-operation': 'request'}", "arp-operation", "needs ethertype arp"},
	{"{'source-port': '80'}", "source-port", "needs the leaf protocol: tcp, udp or sctp"},
	{"{'destination-port': '80', 'protocol': 'icmp'}", "destination-port", "tcp, udp or sctp"},
	{"{'destination-port': '80-79', 'protocol': 'tcp'}", "destination-port", "write '79-80'"},
	{"{'source-port': '65536', 'protocol': 'tcp'}", "source-port", "0..65535"},
	{"{'source-port': '1-65536', 'protocol': 'tcp'}", "source-port", "0..65535"},
	{"{'tcp-flags': '+syn', 'protocol': 'udp'}", "tcp-flags", "protocol: tcp"},
	{"{'icmp-type': 8}", "icmp-type", "needs the leaf protocol: icmp"},
	{"{'icmp-code': 0, 'protocol': 'tcp'}", "icmp-code", "needs the leaf protocol: icmp"},
	{"{'icmp-type': 8, 'protocol': '1', 'ethertype': 'ipv6'}", "icmp-type", "icmpv6"},
	{"{'fragment': 'later', 'protocol': 'tcp', 'source-port': '1'}", "fragment",
		"have no ports"},
};

static void
test_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct acl_config config;
		struct err err = ERR_INIT;
		char path[128] = "ace[name='e']/matches/";

		(void)str_append(path, wrong[i].leaf, sizeof(path));
		if (make(wrong[i].matches, &config, &err) == 0 || err.kind != ERR_INVALID ||
			strcmp(err.path, path) != 0 || strstr(err.text, wrong[i].says) == NULL) {
			fail_msg("%s: %s: %s", wrong[i].matches, err.path, err.text);
		}
		acl_config_fini(&config);
	}
}

/* --- the list --------------------------------------------------------------------------------- */

static void
test_the_list(void **state)
{
	json_t *acl = json_from("{'default-action': 'accept', 'ace': ["
				"{'name': 'a', 'forwarding': 'drop', 'matches': {'dscp': 1}},"
				"{'name': 'b', 'forwarding': 'accept'}]}");
	struct acl_config config;
	struct err err = ERR_INIT;
	json_t *aces;

	(void)state;
	assert_int_equal(acl_config_make(&nothing, acl, &config, NULL), 0);
	assert_true(config.accept_rest);
	assert_int_equal(config.n_aces, 2);
	assert_int_equal(config.n, 3);
	assert_int_equal(config.first[0], 0);
	assert_int_equal(config.first[1], 2);
	assert_int_equal(config.first[2], 3);
	assert_false(config.entries[1].accept);
	assert_true(config.entries[2].accept);
	acl_config_fini(&config);
	json_decref(acl);
	/* An entry for both versions counts twice. */
	aces = json_array();
	for (int i = 0; i < 32768; i++) {
		(void)json_array_append_new(aces,
			json_from("{'name': 'a', 'forwarding': 'drop', "
				  "'matches': {'dscp': 1}}"));
	}
	acl = json_pack("{s:o}", "ace", aces);
	assert_int_not_equal(acl_config_make(&nothing, acl, &config, &err), 0);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "counts twice"));
	acl_config_fini(&config);
	json_decref(acl);
}

/* --- a changed list --------------------------------------------------------------------------- */

#define ROUNDS 2000
#define ACES 40

static uint32_t
rnd(uint64_t *seed, size_t n)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*seed >> 33) % (uint32_t)n;
}

/* Of one entry in the datapath, or two. */
static json_t *
random_ace(uint64_t *seed)
{
	static const char *const matches[] = {"{'dscp': 1}", "{'vlan-id': 7}", "{}"};
	char name[16];

	(void)snprintf(name, sizeof(name), "e%u", rnd(seed, 1000000));
	return json_pack("{s:s, s:s, s:o}", "name", name, "forwarding",
		rnd(seed, 2) == 0 ? "accept" : "drop", "matches", json_from(matches[rnd(seed, 3)]));
}

/* Entries that came, went, moved or changed; most are the same ones as before, some equal ones. */
static json_t *
random_change(uint64_t *seed, const json_t *old)
{
	json_t *aces = json_copy((json_t *)(uintptr_t)old);
	const size_t n_edits = rnd(seed, 6);

	for (size_t i = 0; i < n_edits; i++) {
		const size_t n = json_array_size(aces);
		const size_t at = rnd(seed, n + 1);
		const size_t to = rnd(seed, n + 1);
		json_t *ace = json_incref(json_array_get(aces, at));

		switch (at == n ? 0 : rnd(seed, 5)) {
		case 0:
			(void)json_array_insert_new(aces, at, random_ace(seed));
			break;
		case 1:
			(void)json_array_remove(aces, at);
			break;
		case 2:
			(void)json_array_set_new(aces, at, json_deep_copy(ace));
			break;
		case 3:
			(void)json_array_remove(aces, at);
			(void)json_array_insert(aces, to < n ? to : 0, ace);
			break;
		default:
			(void)json_array_set_new(aces, at, random_ace(seed));
			break;
		}
		json_decref(ace);
	}
	return aces;
}

/* What the splices make of the entries that there were. */
static size_t
carry_out(const struct acl_config *before, const struct acl_config *change,
	struct dp_acl_entry *entries)
{
	size_t n = 0;
	size_t old = 0;

	for (size_t s = 0; s < change->n_splices; s++) {
		const struct dp_acl_splice *splice = &change->splices[s];

		assert_true(splice->at >= old && splice->at + splice->n_out <= before->n);
		for (; old < splice->at; old++) {
			entries[n++] = before->entries[old];
		}
		for (size_t i = 0; i < splice->n_in; i++) {
			entries[n++] = splice->in[i];
		}
		old += splice->n_out;
	}
	for (; old < before->n; old++) {
		entries[n++] = before->entries[old];
	}
	return n;
}

static void
test_a_changed_list_comes_to_the_same(void **state)
{
	static struct dp_acl_entry entries[16 * ACES];
	json_t *acl = json_pack("{s:[]}", "ace");
	uint64_t seed = 20261122;
	size_t n_made = 0;

	(void)state;
	for (int i = 0; i < ACES; i++) {
		(void)json_array_append_new(json_object_get(acl, "ace"), random_ace(&seed));
	}
	for (int round = 0; round < ROUNDS; round++) {
		json_t *next = json_pack(
			"{s:o}", "ace", random_change(&seed, json_object_get(acl, "ace")));
		struct acl_config before;
		struct acl_config after;
		struct acl_config change;
		struct acl_config_base base = {.acl = acl};

		assert_int_equal(acl_config_make(&nothing, acl, &before, NULL), 0);
		assert_int_equal(acl_config_make(&nothing, next, &after, NULL), 0);
		base.first = before.first;
		assert_int_equal(acl_config_make(&base, next, &change, NULL), 0);
		assert_true(after.n <= ARRAY_LEN(entries) / 2);
		assert_int_equal(carry_out(&before, &change, entries), after.n);
		assert_memory_equal(entries, after.entries, after.n * sizeof(entries[0]));
		assert_memory_equal(change.first, after.first, (after.n_aces + 1) * sizeof(size_t));
		n_made += change.n;
		acl_config_fini(&before);
		acl_config_fini(&after);
		acl_config_fini(&change);
		json_decref(acl);
		acl = next;
		if (json_array_size(json_object_get(acl, "ace")) > 4 * ACES) {
			(void)json_array_clear(json_object_get(acl, "ace"));
		}
	}
	assert_true(n_made < 10 * ROUNDS); /* and not all of them each time */
	json_decref(acl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_packets),
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_the_list),
		cmocka_unit_test(test_a_changed_list_comes_to_the_same),
	};

	return cmocka_run_group_tests_name("acl-config", tests, NULL, NULL);
}
