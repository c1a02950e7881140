/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_text_model.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct maker {
	struct flow_model *model;
	unsigned int seed;
	json_t *match;
	json_t *actions;
};

static unsigned int
below(struct maker *maker, unsigned int n)
{
	return (unsigned int)rand_r(&maker->seed) % n;
}

static void
say(struct maker *maker, const char *word, const char *value)
{
	static const char *const separators[] = {",", " ", ", ", "\t", ",,"};

	(void)str_appendf(maker->model->text, sizeof(maker->model->text), "%s%s%s", word, value,
		separators[below(maker, ARRAY_LEN(separators))]);
}

/* An integer member, decimal or hex in the text. */
static void
number(struct maker *maker, json_t *object, const char *word, const char *name, unsigned int n)
{
	char value[32];

	(void)snprintf(value, sizeof(value), below(maker, 2) != 0 ? "=%u" : "=0x%x", n);
	say(maker, word, value);
	(void)json_object_set_new(object, name, json_integer(n));
}

static void
text(struct maker *maker, const char *word, const char *name, const char *given, const char *want)
{
	char value[128];

	(void)snprintf(value, sizeof(value), "=%s", given);
	say(maker, word, value);
	(void)json_object_set_new(maker->match, name, json_string(want));
}

/* 32 bits with or without mask, of hex digits or an address. */
static void
masked(struct maker *maker, const char *word, const char *name)
{
	unsigned int value = below(maker, 1U << 30);
	unsigned int mask = 1 + below(maker, 1U << 20);
	char given[64];
	char want[64];

	if (below(maker, 2) != 0) {
		(void)snprintf(given, sizeof(given), "%u", value);
		(void)snprintf(want, sizeof(want), "0x%x", value);
	} else {
		(void)snprintf(given, sizeof(given), "0x%x/%u", value, mask);
		(void)snprintf(want, sizeof(want), "0x%x/0x%x", value & mask, mask);
	}
	text(maker, word, name, given, want);
}

static void
mac(struct maker *maker, const char *word, const char *name)
{
	char value[32];

	(void)snprintf(value, sizeof(value), "02:00:%02x:00:%02x:%02x", below(maker, 256),
		below(maker, 256), below(maker, 256));
	text(maker, word, name, value, value);
}

static void
ipv4(struct maker *maker, const char *word, const char *name)
{
	unsigned int length = 1 + below(maker, 32);
	unsigned int octet = below(maker, 256);
	char given[64];
	char want[64];

	if (length > 24) {
		(void)snprintf(given, sizeof(given), "10.9.%u.7", octet);
		(void)str_copy(want, given, sizeof(want));
	} else {
		/* the prefix ends before, within or behind the octet that varies */
		unsigned int whole = 10U << 24 | octet << 16 | 3U << 8;
		unsigned int kept = whole & ~(0xffffffffU >> length);

		(void)snprintf(given, sizeof(given), "10.%u.3.77/%u", octet, length);
		(void)snprintf(want, sizeof(want), "%u.%u.%u.0/%u", kept >> 24, kept >> 16 & 255,
			kept >> 8 & 255, length);
	}
	text(maker, word, name, given, want);
}

static void
ports(struct maker *maker, const char *word, const char *name)
{
	unsigned int low = below(maker, 60000);
	unsigned int high = low + 1 + below(maker, 5000);
	char given[64];
	char want[64];

	switch (below(maker, 3)) {
	case 0:
		(void)snprintf(given, sizeof(given), "%u", low);
		(void)snprintf(want, sizeof(want), "%u", low);
		break;
	case 1:
		(void)snprintf(given, sizeof(given), "0x%x-%u", low, high);
		(void)snprintf(want, sizeof(want), "%u-%u", low, high);
		break;
	default:
		(void)snprintf(given, sizeof(given), "%u/0xfff0", low);
		(void)snprintf(want, sizeof(want), "0x%x/0xfff0", low & 0xfff0);
		break;
	}
	text(maker, word, name, given, want);
}

static void
network(struct maker *maker)
{
	static const struct {
		const char *word;
		const char *type;
		int proto;
	} kinds[] = {{"ip", "0x0800", -1}, {"tcp", "0x0800", 6}, {"udp", "0x0800", 17},
		{"sctp", "0x0800", 132}, {"icmp", "0x0800", 1}, {"ipv6", "0x86dd", -1},
		{"tcp6", "0x86dd", 6}, {"udp6", "0x86dd", 17}, {"icmp6", "0x86dd", 58}};
	size_t kind = below(maker, ARRAY_LEN(kinds));
	int proto = kinds[kind].proto;

	say(maker, kinds[kind].word, "");
	(void)json_object_set_new(maker->match, "eth-type", json_string(kinds[kind].type));
	if (proto >= 0) {
		(void)json_object_set_new(maker->match, "ip-protocol", json_integer(proto));
	}
	if (kind < 5 && below(maker, 2) != 0) {
		ipv4(maker, "nw_src", "ipv4-source");
	}
	if (kind < 5 && below(maker, 2) != 0) {
		ipv4(maker, "ip_dst", "ipv4-destination");
	}
	if (kind >= 5 && below(maker, 2) != 0) {
		text(maker, "ipv6_dst", "ipv6-destination", "2001:DB8::99/64", "2001:db8::/64");
	}
	if (below(maker, 3) == 0) {
		number(maker, maker->match, "nw_ttl", "ip-ttl", below(maker, 256));
	}
	if (below(maker, 3) == 0) {
		number(maker, maker->match, "ip_dscp", "ip-dscp", below(maker, 64));
	}
	if (proto == 6 || proto == 17 || proto == 132) {
		ports(maker, "tp_src", "source-port");
		ports(maker, "tp_dst", "destination-port");
	} else if (proto == 1 || proto == 58) {
		number(maker, maker->match, "icmp_type", "icmp-type", below(maker, 256));
	}
}

static void
act(struct maker *maker, json_t *action, const char *word)
{
	say(maker, word, "");
	(void)json_array_append_new(maker->actions, action);
}

static void
one_action(struct maker *maker)
{
	unsigned int n = 1 + below(maker, 100);
	char word[64];

	switch (below(maker, 7)) {
	case 0:
		(void)snprintf(word, sizeof(word), "set_field:%u->reg3", n);
		act(maker,
			json_pack("{s:s,s:s,s:o}", "type", "set-field", "field", "register-3",
				"value", json_sprintf("0x%x", n)),
			word);
		break;
	case 1:
		(void)snprintf(word, sizeof(word), "output:port%u", n);
		act(maker,
			json_pack("{s:s,s:o}", "type", "output", "port", json_sprintf("port%u", n)),
			word);
		break;
	case 2:
		(void)snprintf(word, sizeof(word), "load:0x%x->NXM_NX_REG1[8..15]", n);
		act(maker,
			json_pack("{s:s,s:s,s:o}", "type", "set-field", "field", "register-1",
				"value", json_sprintf("0x%x/0xff00", n << 8)),
			word);
		break;
	case 3:
		(void)snprintf(word, sizeof(word), "meter:%u", n);
		act(maker, json_pack("{s:s,s:i}", "type", "meter", "meter", (int)n), word);
		break;
	case 4:
		(void)snprintf(word, sizeof(word), "controller(max_len=%u)", n);
		act(maker, json_pack("{s:s,s:i}", "type", "punt", "max-length", (int)n), word);
		break;
	case 5:
		act(maker, json_pack("{s:s}", "type", "normal"), "NORMAL");
		break;
	default:
		(void)snprintf(word, sizeof(word), "mod_vlan_vid:%u", n);
		act(maker,
			json_pack("{s:s,s:s,s:i,s:b}", "type", "set-field", "field", "vlan-id",
				"value", (int)n, "push", 1),
			word);
		break;
	}
}

void
flow_model_make(struct flow_model *model, uint32_t seed)
{
	struct maker maker = {.model = model, .seed = seed};

	model->text[0] = '\0';
	model->json = json_object();
	maker.match = json_object();
	maker.actions = json_array();
	if (below(&maker, 2) != 0) {
		number(&maker, model->json, "priority", "priority", below(&maker, 30000));
	}
	if (below(&maker, 2) != 0) {
		number(&maker, model->json, "table", "table", 1 + below(&maker, 250));
	}
	if (below(&maker, 2) != 0) {
		mac(&maker, "dl_src", "eth-source");
	}
	if (below(&maker, 2) != 0) {
		number(&maker, maker.match, "dl_vlan", "vlan-id", below(&maker, 4096));
	}
	if (below(&maker, 2) != 0) {
		masked(&maker, "reg5", "register-5");
	}
	if (below(&maker, 4) != 0) {
		network(&maker);
	}
	if (json_object_size(maker.match) > 0) {
		(void)json_object_set(model->json, "match", maker.match);
	}
	json_decref(maker.match);
	(void)str_append(model->text, "actions=", sizeof(model->text));
	for (unsigned int left = below(&maker, 6); left > 0; left--) {
		one_action(&maker);
	}
	(void)json_object_set_new(model->json, "actions", maker.actions);
}
