/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/flow_field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

const struct flow_field_info flow_fields[FLOW_FIELDS] = {
#define X(id, json, word, kind, bits, flags, need) \
	[FLOW_##id] = {json, word, FLOW_##kind, bits, flags, FLOW_NEED_##need},
	FLOW_FIELD_LIST(X)
#undef X
};

const char *const flow_action_names[FLOW_ACTION_TYPES] = {
#define X(id, json) [FLOW_DO_##id] = (json),
	FLOW_ACTION_LIST(X)
#undef X
};

bool
flow_slice_is(struct flow_slice slice, const char *word)
{
	return strlen(word) == slice.len && memcmp(slice.at, word, slice.len) == 0;
}

bool
flow_slice_is_nocase(struct flow_slice slice, const char *word)
{
	return strlen(word) == slice.len && strncasecmp(slice.at, word, slice.len) == 0;
}

int
flow_fail(const struct flow_where *where, const char *at, enum err_kind kind, const char *fmt, ...)
{
	char text[ERR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* what came from outside ends up on terminals */
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~') {
			*p = '?';
		}
	}
	if (where->text != NULL) {
		return err_set(where->err, kind, NULL, "column %zu: %s",
			(size_t)(at - where->text) + 1, text);
	}
	return err_set(where->err, kind, where->path, "%s: %s", where->path, text);
}

void
flow_rule_init(struct flow_rule *rule, enum flow_op op, bool strict)
{
	rule->op = op;
	rule->strict = strict;
	rule->any_table = op != FLOW_ADD;
	rule->table = 0;
	rule->priority = FLOW_PRIORITY_DEFAULT;
	rule->idle_timeout = 0;
	rule->hard_timeout = 0;
	rule->cookie = 0;
	rule->cookie_mask = op == FLOW_ADD ? UINT64_MAX : 0;
	rule->in_port[0] = '\0';
	rule->out_port[0] = '\0';
	rule->present = 0;
	rule->n_actions = 0;
}

/* The value of an exact term, or -1. */
static int64_t
exact(const struct flow_rule *rule, enum flow_field field)
{
	return flow_rule_has(rule, field) ? (int64_t)rule->terms[field].value[0] : -1;
}

static bool
need_met(const struct flow_rule *rule, enum flow_need need)
{
	int64_t type = exact(rule, FLOW_ETH_TYPE);
	int64_t proto = exact(rule, FLOW_IP_PROTO);
	int64_t icmp = exact(rule, FLOW_ICMP_TYPE);
	bool ip4 = type == 0x0800;
	bool ip6 = type == 0x86dd;

	switch (need) {
	case FLOW_NEED_NOTHING:
		return true;
	case FLOW_NEED_TAG:
		return flow_rule_has(rule, FLOW_VLAN_TCI) &&
			(rule->terms[FLOW_VLAN_TCI].value[0] & FLOW_TAG) != 0;
	case FLOW_NEED_IPV4:
		return ip4;
	case FLOW_NEED_IPV6:
		return ip6;
	case FLOW_NEED_IP:
		return ip4 || ip6;
	case FLOW_NEED_ARP:
		return type == 0x0806;
	case FLOW_NEED_L4:
		return (ip4 || ip6) && (proto == 6 || proto == 17 || proto == 132);
	case FLOW_NEED_TCP:
		return (ip4 || ip6) && proto == 6;
	case FLOW_NEED_UDP:
		return (ip4 || ip6) && proto == 17;
	case FLOW_NEED_SCTP:
		return (ip4 || ip6) && proto == 132;
	case FLOW_NEED_ICMP:
		return (ip4 && proto == 1) || (ip6 && proto == 58);
	case FLOW_NEED_ICMPV6:
		return ip6 && proto == 58;
	case FLOW_NEED_ND:
		return ip6 && proto == 58 && (icmp == 135 || icmp == 136);
	case FLOW_NEED_NS:
		return ip6 && proto == 58 && icmp == 135;
	case FLOW_NEED_NA:
		return ip6 && proto == 58 && icmp == 136;
	}
	return false;
}

int
flow_need_check(const struct flow_rule *rule, enum flow_need need, const struct flow_where *where,
	const char *at)
{
	/* the words of the text, then the members of the JSON */
	static const char *const wants[][2] = {
		[FLOW_NEED_NOTHING] = {"", ""},
		[FLOW_NEED_TAG] = {"vlan or dl_vlan", "a tagged match, such as vlan-id"},
		[FLOW_NEED_IPV4] = {"ip", "eth-type 0x0800"},
		[FLOW_NEED_IPV6] = {"ipv6", "eth-type 0x86dd"},
		[FLOW_NEED_IP] = {"ip or ipv6", "eth-type 0x0800 or 0x86dd"},
		[FLOW_NEED_ARP] = {"arp", "eth-type 0x0806"},
		[FLOW_NEED_L4] = {"tcp, udp or sctp (tcp6, udp6 or sctp6)",
			"eth-type 0x0800 or 0x86dd and ip-protocol 6, 17 or 132"},
		[FLOW_NEED_TCP] = {"tcp or tcp6", "eth-type 0x0800 or 0x86dd and ip-protocol 6"},
		[FLOW_NEED_UDP] = {"udp or udp6", "eth-type 0x0800 or 0x86dd and ip-protocol 17"},
		[FLOW_NEED_SCTP] = {"sctp or sctp6",
			"eth-type 0x0800 or 0x86dd and ip-protocol 132"},
		[FLOW_NEED_ICMP] = {"icmp or icmp6",
			"eth-type 0x0800 and ip-protocol 1, or "
			"eth-type 0x86dd and ip-protocol 58"},
		[FLOW_NEED_ICMPV6] = {"icmp6", "eth-type 0x86dd and ip-protocol 58"},
		[FLOW_NEED_ND] = {"icmp6 and icmp_type=135 or icmp_type=136",
			"eth-type 0x86dd, ip-protocol 58 and icmp-type 135 or 136"},
		[FLOW_NEED_NS] = {"icmp6 and icmp_type=135",
			"eth-type 0x86dd, ip-protocol 58 and icmp-type 135"},
		[FLOW_NEED_NA] = {"icmp6 and icmp_type=136",
			"eth-type 0x86dd, ip-protocol 58 and icmp-type 136"},
	};

	if (need_met(rule, need)) {
		return 0;
	}
	return flow_fail(where, at, ERR_INVALID, "%s needs %s in the match", where->name,
		wants[need][where->text == NULL]);
}

int
flow_action_add(struct flow_rule *rule, const struct flow_action *action,
	const struct flow_where *where, const char *at)
{
	int rc = 0;

	if (rule->n_actions == FLOW_ACTIONS_MAX) {
		return flow_fail(
			where, at, ERR_TOO_BIG, "a rule has up to %d actions", FLOW_ACTIONS_MAX);
	}
	if (rule->n_actions > 0 && rule->actions[rule->n_actions - 1].type == FLOW_DO_GOTO_TABLE) {
		return flow_fail(where, at, ERR_INVALID, "nothing can follow the jump to table %u",
			rule->actions[rule->n_actions - 1].number);
	}
	if (action->type == FLOW_DO_GOTO_TABLE && !rule->any_table &&
		action->number <= rule->table) {
		return flow_fail(where, at, ERR_INVALID,
			"table %u: from table %u only later tables can be reached", action->number,
			rule->table);
	}
	if (action->type == FLOW_DO_SET_FIELD && action->set.field != FLOW_VLAN_TCI &&
		!where->any_packet) {
		rc = flow_need_check(rule, flow_fields[action->set.field].need, where, at);
	}
	if (rc == 0) {
		rule->actions[rule->n_actions++] = *action;
	}
	return rc;
}

bool
flow_port_reserved(struct flow_slice slice)
{
	static const char *const words[] = {"all", "any", "controller", "drop", "flood", "in_port",
		"local", "none", "normal", "table", "unset"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (flow_slice_is_nocase(slice, words[i])) {
			return true;
		}
	}
	return false;
}

int
flow_port_scan(const struct flow_where *where, struct flow_slice slice, char *out)
{
	struct flow_slice whole = slice;
	bool good;

	if (where->text != NULL && slice.len >= 2 && slice.at[0] == '"' &&
		slice.at[slice.len - 1] == '"') {
		slice.at++;
		slice.len -= 2;
	} else if (where->text != NULL && flow_port_reserved(slice)) {
		return flow_fail(where, slice.at, ERR_UNSUPPORTED,
			"%s: '%.*s' is not supported here (a port of that name: \"%.*s\")",
			where->name, (int)slice.len, slice.at, (int)slice.len, slice.at);
	}
	good = slice.len > 0 && slice.len < FLOW_PORT_SIZE && isalnum((unsigned char)slice.at[0]);
	for (size_t i = 0; good && i < slice.len; i++) {
		good = isalnum((unsigned char)slice.at[i]) ||
			(slice.at[i] != '\0' && strchr("_.:-", slice.at[i]) != NULL);
	}
	if (!good) {
		return flow_fail(where, whole.at, ERR_INVALID,
			"%s: '%.*s' is not a port's name (1 to 63 letters, digits and _.:-)",
			where->name, (int)(whole.len < 80 ? whole.len : 80), whole.at);
	}
	memcpy(out, slice.at, slice.len);
	out[slice.len] = '\0';
	return 0;
}
