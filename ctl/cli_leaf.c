/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/cli_leaf.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define BRIDGE CLI_WORD_BRIDGE_LEAF
#define PORT CLI_WORD_PORT_LEAF
#define ACL CLI_WORD_ACL_LEAF
#define ACE CLI_WORD_ACE_LEAF
#define METER CLI_WORD_METER_LEAF
#define MIRROR CLI_WORD_MIRROR_LEAF
#define GROUP CLI_WORD_GROUP_LEAF
#define BUCKET CLI_WORD_BUCKET_LEAF
#define ACCESS CLI_WORD_ACCESS_LEAF
#define RULE CLI_WORD_ACCESS_RULE_LEAF
#define REMOTE CLI_WORD_REMOTE_LEAF
#define HTTP CLI_WORD_HTTP_LEAF
#define STRING CLI_LEAF_STRING
#define NUMBER CLI_LEAF_NUMBER
#define BOOL CLI_LEAF_BOOL
#define LIST CLI_LEAF_LIST
#define NUMBERS CLI_LEAF_NUMBERS

/* Key leaves ("name" of a bridge or port, "mac" of a static entry) are arguments, not in here. */
const struct cli_leaf cli_leaves[] = {
	{"description", BRIDGE, STRING, "TEXT", NULL, NULL, "free text for people"},
	{"aging-time", BRIDGE, NUMBER, "SECONDS", NULL, NULL,
		"a learned MAC address is forgotten after this silence; 0: never"},
	{"fdb-limit", BRIDGE, NUMBER, "N", NULL, NULL, "most MAC addresses remembered"},
	{"mac-move-limit", BRIDGE, NUMBER, "N", NULL, NULL,
		"most moves of MAC addresses a second; 0: no limit"},
	{"forward-reserved", BRIDGE, BOOL, "BOOL", "true false", NULL,
		"forward frames to 01-80-c2-00-00-0x (STP, LLDP, LACP)"},
	{"punt-rate", BRIDGE, NUMBER, "N", NULL, NULL,
		"most packets a second that rules punt to controllers"},

	{"type", PORT, STRING, "TYPE",
		"vhost-user pci af-xdp af-packet tap virtio-user memif ring pcap null fake", NULL,
		"what the port is made of"},
	{"bridge", PORT, STRING, "BRIDGE", NULL, NULL, "the bridge that it belongs to"},
	{"description", PORT, STRING, "TEXT", NULL, NULL, "free text for people"},
	{"enabled", PORT, BOOL, "BOOL", "true false", NULL, "whether it passes frames"},
	{"mtu", PORT, NUMBER, "BYTES", NULL, NULL, "longest payload without VLAN tags"},
	{"queues", PORT, NUMBER, "N", NULL, NULL, "pairs of queues; for guests, at most"},
	{"vlan", PORT, NUMBER, "ID", NULL, NULL, "its own VLAN; alone: an access port"},
	{"trunk", PORT, LIST, "ID,A-B,...", NULL, NULL, "VLANs that a trunk carries"},
	{"vlan-mode", PORT, STRING, "MODE",
		"access trunk native-tagged native-untagged dot1q-tunnel", NULL,
		"how tags are read and written"},
	{"cvlan", PORT, LIST, "ID,A-B,...", NULL, NULL,
		"customer VLANs that a dot1q-tunnel accepts"},
	{"priority-tags", PORT, STRING, "WHEN", "never if-nonzero always", NULL,
		"tags that hold a priority only"},
	{"qinq-ethertype", PORT, STRING, "TYPE", "802.1ad 802.1q", NULL,
		"tag that a dot1q-tunnel adds"},
	{"mac-limit", PORT, NUMBER, "N", NULL, NULL, "most MAC addresses learned; 0: no limit"},
	{"acl-in", PORT, STRING, "ACL", NULL, NULL, "access list of what comes in from the port"},
	{"acl-out", PORT, STRING, "ACL", NULL, NULL, "access list of what leaves through it"},
	{"allowed-mac", PORT, LIST, "MAC,...", NULL, NULL,
		"source MAC addresses that its frames may have"},
	{"allowed-address", PORT, LIST, "ADDRESS[/LEN],...", NULL, NULL,
		"IP addresses that its frames may come from"},
	{"storm-broadcast", PORT, NUMBER, "N", NULL, NULL,
		"broadcasts accepted a second; 0: no limit"},
	{"storm-multicast", PORT, NUMBER, "N", NULL, NULL,
		"multicasts accepted a second; 0: no limit"},
	{"storm-unknown-unicast", PORT, NUMBER, "N", NULL, NULL,
		"frames to unknown addresses accepted a second; 0: no limit"},
	{"protected", PORT, BOOL, "BOOL", "true false", NULL,
		"no frames to and from other protected ports"},
	{"socket", PORT, STRING, "PATH", NULL, "vhost-user, memif", "UNIX socket"},
	{"mode", PORT, STRING, "MODE", "server client", "vhost-user", "who listens on the socket"},
	{"owner", PORT, STRING, "USER", NULL, "vhost-user", "owner of the socket file"},
	{"group", PORT, STRING, "GROUP", NULL, "vhost-user", "group of the socket file"},
	{"permissions", PORT, STRING, "OCTAL", NULL, "vhost-user", "of the socket file"},
	{"backend", PORT, STRING, "NAME", "native dpdk", "vhost-user",
		"code that serves the guest"},
	{"disable-feature", PORT, LIST, "NAME,...",
		"checksum tso ecn uso mergeable indirect event-index in-order packed", "vhost-user",
		"what the guest is not offered"},
	{"peer-uid", PORT, NUMBERS, "UID,...", NULL, "vhost-user",
		"users whose processes may connect"},
	{"require-seals", PORT, BOOL, "BOOL", "true false", "vhost-user",
		"guest memory must be sealed against shrinking"},
	{"trusted", PORT, BOOL, "BOOL", "true false", "memif, virtio-user",
		"the peer may see packet memory of the daemon"},
	{"path", PORT, STRING, "PATH", NULL, "virtio-user", "socket or device to connect to"},
	{"netns", PORT, STRING, "NAME|PATH|PID", NULL, "tap", "namespace of the interface"},
	{"ifname", PORT, STRING, "NAME", NULL, "tap, af-packet, af-xdp", "interface of the kernel"},
	{"pci", PORT, STRING, "ADDRESS", NULL, "pci", "as in 0000:03:00.0"},
	{"devargs", PORT, STRING, "STRING", NULL, "pci", "DPDK device string in place of pci"},
	{"role", PORT, STRING, "ROLE", "server client", "memif", "who listens on the socket"},
	{"id", PORT, NUMBER, "N", NULL, "memif", "interface on the socket"},
	{"rx-file", PORT, STRING, "FILE", NULL, "pcap", "frames to receive"},
	{"tx-file", PORT, STRING, "FILE", NULL, "pcap", "where sent frames go"},

	{"description", ACL, STRING, "TEXT", NULL, NULL, "free text for people"},
	{"default-action", ACL, STRING, "ACTION", "drop accept", NULL,
		"what happens to frames that no entry matches (default: drop)"},

	{"forwarding", ACE, STRING, "ACTION", "accept drop", NULL,
		"what happens to frames that match; needed"},
	{"source-network", ACE, STRING, "ADDRESS[/LEN]", NULL, NULL, "IPv4 or IPv6; ARP's sender"},
	{"destination-network", ACE, STRING, "ADDRESS[/LEN]", NULL, NULL,
		"IPv4 or IPv6; ARP's target"},
	{"protocol", ACE, STRING, "NAME|N", "tcp udp sctp icmp icmpv6", NULL, "of IPv4 and IPv6"},
	{"source-port", ACE, STRING, "N|A-B", NULL, NULL, "of tcp, udp or sctp"},
	{"destination-port", ACE, STRING, "N|A-B", NULL, NULL, "of tcp, udp or sctp"},
	{"tcp-flags", ACE, STRING, "+F-F...", NULL, NULL, "set and not set, as in +syn-ack"},
	{"icmp-type", ACE, NUMBER, "N", NULL, NULL, "of icmp or icmpv6"},
	{"icmp-code", ACE, NUMBER, "N", NULL, NULL, "of icmp or icmpv6"},
	{"dscp", ACE, NUMBER, "N", NULL, NULL, "DiffServ code point"},
	{"ttl", ACE, NUMBER, "N", NULL, NULL, "time to live or hop limit"},
	{"fragment", ACE, STRING, "WHICH", "none any first later", NULL, "whether it is one"},
	{"ethertype", ACE, STRING, "NAME|0xN", "ipv4 ipv6 arp", NULL, "behind the VLAN tags"},
	{"arp-operation", ACE, STRING, "WHICH", "request reply", NULL, "of ARP"},
	{"vlan-id", ACE, NUMBER, "ID", NULL, NULL, "of the outer tag; 0: no tag"},
	{"source-mac-address", ACE, STRING, "MAC", NULL, NULL, "of the frame"},
	{"source-mac-address-mask", ACE, STRING, "MAC", NULL, NULL, "bits that are looked at"},
	{"destination-mac-address", ACE, STRING, "MAC", NULL, NULL, "of the frame"},
	{"destination-mac-address-mask", ACE, STRING, "MAC", NULL, NULL, "bits that are looked at"},

	{"output-port", MIRROR, STRING, "PORT", NULL, NULL, "where the copies go; needed"},
	{"source-port", MIRROR, LIST, "PORT,...", NULL, NULL, "ports whose frames are copied"},
	{"source-bridge", MIRROR, STRING, "BRIDGE", NULL, NULL, "all ports of this bridge"},
	{"direction", MIRROR, STRING, "WHICH", "rx tx both", NULL,
		"frames that they receive or send (default: rx)"},
	{"source-vlan", MIRROR, LIST, "ID,A-B,...", NULL, NULL, "only frames of these VLANs"},
	{"source-acl", MIRROR, STRING, "ACL", NULL, NULL,
		"only frames that this access list accepts"},
	{"truncate", MIRROR, NUMBER, "BYTES", NULL, NULL, "copy only the first bytes of each"},
	{"enabled", MIRROR, BOOL, "BOOL", "true false", NULL, "whether it copies"},
	{"description", MIRROR, STRING, "TEXT", NULL, NULL, "free text for people"},

	{"packet-rate", METER, NUMBER, "N", NULL, NULL, "packets that pass a second"},
	{"bit-rate", METER, NUMBER, "KBIT", NULL, NULL, "kbit that pass a second"},
	{"burst", METER, NUMBER, "N", NULL, NULL,
		"packets or kbit that may pass at once after a silence"},

	{"type", GROUP, STRING, "TYPE", "all select failover", NULL, "which buckets get a packet"},
	{"actions", BUCKET, STRING, "ACTIONS", NULL, NULL, "as of a flow rule; needed"},
	{"weight", BUCKET, NUMBER, "N", NULL, NULL, "share of flows, of type select"},
	{"watch-port", BUCKET, STRING, "PORT", NULL, NULL, "the bucket lives while this port does"},

	{"default-role", ACCESS, STRING, "ROLE", "none read operate admin", NULL,
		"of users of the control socket whom no rule names"},

	{"role", RULE, STRING, "ROLE", "none read operate admin", NULL, "what they may do; needed"},
	{"user", RULE, LIST, "NAME,...", NULL, NULL,
		"users whom it means: of the host, or names in certificates"},
	{"group", RULE, LIST, "NAME,...", NULL, NULL,
		"groups whom it means: of the host, or units (OU) in certificates"},
	{"from", RULE, STRING, "WHERE", "any local remote", NULL, "how they come"},
	{"path", RULE, LIST, "PATH,...", NULL, NULL,
		"where an admin may edit; everywhere without it"},

	{"enabled", REMOTE, BOOL, "BOOL", "true false", NULL, "whether to listen"},
	{"address", REMOTE, STRING, "ADDRESS", NULL, NULL,
		"IPv4 or IPv6 address to listen on; :: is all"},
	{"port", REMOTE, NUMBER, "N", NULL, NULL, "TCP port (default: 6652)"},
	{"certificate", REMOTE, STRING, "FILE", NULL, NULL, "the daemon's certificate, PEM"},
	{"key", REMOTE, STRING, "FILE", NULL, NULL, "its key, which others cannot read"},
	{"client-ca", REMOTE, STRING, "FILE", NULL, NULL, "the CA of the clients' certificates"},

	{"enabled", HTTP, BOOL, "BOOL", "true false", NULL, "whether to listen"},
	{"address", HTTP, STRING, "ADDRESS", NULL, NULL,
		"IPv4 or IPv6 address to listen on (default: 127.0.0.1)"},
	{"port", HTTP, NUMBER, "N", NULL, NULL, "TCP port (default: 10475)"},
	{"role", HTTP, STRING, "ROLE", "none read operate admin", NULL,
		"what whoever comes may do (default: read)"},

	{"vlan", CLI_WORD_FDB_LEAF, NUMBER, "ID", NULL, NULL, "VLAN of the entry; 0: none"},
	{"port", CLI_WORD_FLUSH_LEAF, STRING, "PORT", NULL, NULL, "only those behind it"},
	{"vlan", CLI_WORD_FLUSH_LEAF, NUMBER, "ID", NULL, NULL, "only those in it; 0: in none"},
	{"count", CLI_WORD_FAKE_LEAF, NUMBER, "N", NULL, NULL, "how many times"},
	{"queue", CLI_WORD_FAKE_LEAF, NUMBER, "N", NULL, NULL, "receive queue"},
	{NULL},
};

bool
cli_leaf_word(enum cli_word word)
{
	return word >= CLI_WORD_BRIDGE_LEAF && word <= CLI_WORD_FAKE_LEAF;
}

const struct cli_leaf *
cli_leaf_find(enum cli_word word, const char *name, size_t len)
{
	for (const struct cli_leaf *leaf = cli_leaves; leaf->name != NULL; leaf++) {
		if (leaf->word == word && strlen(leaf->name) == len &&
			strncmp(leaf->name, name, len) == 0) {
			return leaf;
		}
	}
	return NULL;
}

/* What is no number goes as it is: the daemon names the range. */
static json_t *
number_value(const char *text, size_t len)
{
	bool minus = len > 0 && text[0] == '-';
	char digits[24];
	uint64_t number;

	if (len < sizeof(digits)) {
		memcpy(digits, text, len);
		digits[len] = '\0';
		if (str_to_u64(digits + minus, 0, INT64_MAX, &number) == 0) {
			return json_integer(minus ? -(json_int_t)number : (json_int_t)number);
		}
	}
	return json_stringn(text, len);
}

static json_t *
list_value(const char *text, bool numbers)
{
	json_t *list = json_array();

	while (text != NULL) {
		const char *comma = strchr(text, ',');
		size_t len = comma == NULL ? strlen(text) : (size_t)(comma - text);

		if (len > 0 &&
			json_array_append_new(list,
				numbers ? number_value(text, len) : json_stringn(text, len)) != 0) {
			json_decref(list);
			return NULL;
		}
		text = comma == NULL ? NULL : comma + 1;
	}
	return list;
}

json_t *
cli_leaf_value(const struct cli_leaf *leaf, const char *text)
{
	bool yes = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
		strcasecmp(text, "on") == 0;
	bool no = strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0 ||
		strcasecmp(text, "off") == 0;

	switch (leaf == NULL ? CLI_LEAF_STRING : leaf->kind) {
	case CLI_LEAF_NUMBER:
		return number_value(text, strlen(text));
	case CLI_LEAF_BOOL:
		if (yes || no) {
			return json_boolean(yes);
		}
		break;
	case CLI_LEAF_LIST:
	case CLI_LEAF_NUMBERS:
		return list_value(text, leaf->kind == CLI_LEAF_NUMBERS);
	case CLI_LEAF_STRING:
		break;
	}
	return json_string(text);
}

enum cli_status
cli_leaf_parse(
	struct cli *cli, enum cli_word word, char **args, size_t n, json_t *values, json_t *removed)
{
	for (size_t i = 0; i < n; i++) {
		const char *equals = strchr(args[i], '=');
		char key[128];
		json_t *value;
		size_t len;

		if (equals == NULL || equals == args[i]) {
			const struct cli_leaf *leaf = cli_leaf_find(word, args[i], strlen(args[i]));

			if (leaf != NULL) {
				return cli_usage_error(cli,
					"'%s' is not of the form key=value; write %s=%s", args[i],
					leaf->name, leaf->value);
			}
			return cli_usage_error(cli, "'%s' is not of the form key=value", args[i]);
		}
		len = (size_t)(equals - args[i]);
		if (len >= sizeof(key)) {
			return cli_usage_error(cli, "the key of '%.64s...' is too long", args[i]);
		}
		memcpy(key, args[i], len);
		key[len] = '\0';
		if (json_object_get(values, key) != NULL) {
			return cli_usage_error(cli, "the key %s is given twice", key);
		}
		if (equals[1] == '\0') {
			if (removed == NULL) {
				return cli_usage_error(cli, "the key %s has no value", key);
			}
			(void)json_array_append_new(removed, json_string(key));
			continue;
		}
		value = cli_leaf_value(cli_leaf_find(word, args[i], len), equals + 1);
		if (value == NULL || json_object_set_new(values, key, value) != 0) {
			return cli_usage_error(cli, "'%s' is not valid UTF-8", key);
		}
	}
	return CLI_OK;
}
