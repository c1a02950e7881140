/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/port_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define VLAN_TRUNKABLE_MAX 4095
#define DEFAULT_BACKEND "native" /* of vhost-user */

const char *
config_string(const json_t *entry, const char *leaf)
{
	const char *value = json_string_value(json_object_get(entry, leaf));

	return value == NULL ? "" : value;
}

uint32_t
config_number(const json_t *entry, const char *leaf, uint32_t fallback)
{
	const json_t *value = json_object_get(entry, leaf);

	return json_is_integer(value) ? (uint32_t)json_integer_value(value) : fallback;
}

bool
config_bool(const json_t *entry, const char *leaf, bool fallback)
{
	const json_t *value = json_object_get(entry, leaf);

	return value == NULL ? fallback : json_is_true(value);
}

static bool
type_is(const struct port_conf *conf, const char *type)
{
	return strcmp(conf->type, type) == 0;
}

/* Bits 1 << enum port_feature of the leaf-list disable-feature. */
static uint32_t
config_features(const json_t *list)
{
	static const char *const names[] = {
#define X(id, name, doc) [id] = (name),
		PORT_FEATURES(X)
#undef X
	};
	const json_t *item;
	uint32_t bits = 0;
	size_t i;

	json_array_foreach (list, i, item) {
		for (unsigned int f = 0; f < PORT_FEATURE_N; f++) {
			bits |= strcmp(json_string_value(item), names[f]) == 0 ? 1U << f : 0;
		}
	}
	return bits;
}

/* What a guest may and may not. */
static void
config_guest(const json_t *entry, struct port_conf *conf)
{
	const json_t *uids = json_object_get(entry, "peer-uid");

	conf->features_off = config_features(json_object_get(entry, "disable-feature"));
	conf->require_seals = config_bool(entry, "require-seals", false);
	while (conf->n_peer_uids < json_array_size(uids) &&
		conf->n_peer_uids < PORT_PEER_UIDS_MAX) {
		conf->peer_uids[conf->n_peer_uids] =
			(uint32_t)json_integer_value(json_array_get(uids, conf->n_peer_uids));
		conf->n_peer_uids++;
	}
}

void
port_config_device(const json_t *entry, struct port_conf *conf)
{
	const struct {
		const char *leaf;
		char *to;
		size_t size;
	} strings[] = {
		{"name", conf->name, sizeof(conf->name)},
		{"type", conf->type, sizeof(conf->type)},
		{"backend", conf->backend, sizeof(conf->backend)},
		{"socket", conf->socket, sizeof(conf->socket)},
		{"owner", conf->owner, sizeof(conf->owner)},
		{"group", conf->group, sizeof(conf->group)},
		{"path", conf->path, sizeof(conf->path)},
		{"netns", conf->netns, sizeof(conf->netns)},
		{"ifname", conf->ifname, sizeof(conf->ifname)},
		{"pci", conf->pci, sizeof(conf->pci)},
		{"devargs", conf->devargs, sizeof(conf->devargs)},
		{"rx-file", conf->rx_file, sizeof(conf->rx_file)},
		{"tx-file", conf->tx_file, sizeof(conf->tx_file)},
	};
	const char *permissions = config_string(entry, "permissions");

	/* Compared as bytes later: no padding may differ. */
	memset(conf, 0, sizeof(*conf));
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		str_copy(strings[i].to, config_string(entry, strings[i].leaf), strings[i].size);
	}
	conf->mtu = (uint16_t)config_number(entry, "mtu", PORT_MTU_DEFAULT);
	conf->queues = (uint16_t)config_number(entry, "queues", 1);
	conf->id = config_number(entry, "id", 0);
	conf->trusted = config_bool(entry, "trusted", false);
	config_guest(entry, conf);
	conf->permissions = permissions[0] == '\0' ? PORT_PERMISSIONS_DEFAULT
						   : (mode_t)strtoul(permissions, NULL, 8);
	if (strcmp(conf->type, "memif") == 0) {
		conf->client = strcmp(config_string(entry, "role"), "server") != 0;
	} else {
		conf->client = strcmp(config_string(entry, "mode"), "client") == 0;
	}
	if (type_is(conf, "vhost-user") && conf->backend[0] == '\0') {
		str_copy(conf->backend, DEFAULT_BACKEND, sizeof(conf->backend));
	}
}

void
config_vlan_set(const json_t *list, struct vlan_set *set, bool all)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) == 0) {
		memset(set, all ? 0xff : 0, sizeof(*set));
		return;
	}
	json_array_foreach (list, i, item) {
		char *end;
		unsigned long from = strtoul(json_string_value(item), &end, 10);
		unsigned long to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;

		for (unsigned long vid = from; vid <= to && vid <= VLAN_TRUNKABLE_MAX; vid++) {
			vlan_set_add(set, (uint16_t)vid);
		}
	}
}

static enum vlan_mode
config_vlan_mode(const json_t *entry)
{
	static const struct {
		const char *name;
		enum vlan_mode mode;
	} modes[] = {
		{"access", VLAN_ACCESS},
		{"trunk", VLAN_TRUNK},
		{"native-tagged", VLAN_NATIVE_TAGGED},
		{"native-untagged", VLAN_NATIVE_UNTAGGED},
		{"dot1q-tunnel", VLAN_DOT1Q_TUNNEL},
	};
	const char *name = config_string(entry, "vlan-mode");
	bool vlan = json_object_get(entry, "vlan") != NULL;
	bool trunk = json_array_size(json_object_get(entry, "trunk")) > 0;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(name, modes[i].name) == 0) {
			return modes[i].mode;
		}
	}
	return !vlan ? VLAN_TRUNK : trunk ? VLAN_NATIVE_UNTAGGED : VLAN_ACCESS;
}

static void
config_vlan(const json_t *entry, struct port_vlan *vlan)
{
	const char *tags = config_string(entry, "priority-tags");

	vlan->mode = config_vlan_mode(entry);
	vlan->vlan = (uint16_t)config_number(entry, "vlan", 0);
	vlan->priority_tags = strcmp(tags, "always") == 0 ? VLAN_PT_ALWAYS
		: strcmp(tags, "if-nonzero") == 0         ? VLAN_PT_IF_NONZERO
							  : VLAN_PT_NEVER;
	vlan->tunnel_tpid = strcmp(config_string(entry, "qinq-ethertype"), "802.1q") == 0
		? ETH_TPID_CTAG
		: ETH_TPID_STAG;
	config_vlan_set(json_object_get(entry, "trunk"), &vlan->trunk, true);
	config_vlan_set(json_object_get(entry, "cvlan"), &vlan->cvlan, true);
}

void
port_config_forwarding(const json_t *entry, struct dp_port_fwd *fwd, const char **bridge)
{
	memset(fwd, 0, sizeof(*fwd));
	*bridge = config_string(entry, "bridge");
	fwd->enabled = config_bool(entry, "enabled", true);
	fwd->mtu = (uint16_t)config_number(entry, "mtu", PORT_MTU_DEFAULT);
	fwd->mac_limit = config_number(entry, "mac-limit", 0);
	config_vlan(entry, &fwd->vlan);
}

void
port_config_exclusive(const struct port_conf *conf, const char *run_dir, char *key, size_t size)
{
	key[0] = '\0';
	if (type_is(conf, "vhost-user")) {
		if (conf->socket[0] != '\0') {
			str_appendf(key, size, "socket:%s", conf->socket);
		} else {
			str_appendf(key, size, "socket:%s/vhost/%s.sock", run_dir, conf->name);
		}
	} else if (type_is(conf, "memif")) {
		str_appendf(key, size, "memif:%s#%u#%d", conf->socket, conf->id, conf->client);
	} else if (type_is(conf, "tap")) {
		str_appendf(key, size, "ifname:%s/%s", conf->netns,
			conf->ifname[0] != '\0' ? conf->ifname : conf->name);
	} else if (type_is(conf, "af-xdp")) {
		str_appendf(key, size, "ifname:/%s", conf->ifname);
	} else if (type_is(conf, "af-packet")) {
		str_appendf(key, size, "packet:%s", conf->ifname);
	} else if (type_is(conf, "pci")) {
		str_appendf(key, size, "pci:%s", conf->pci[0] != '\0' ? conf->pci : conf->devargs);
	} else if (type_is(conf, "virtio-user")) {
		/* Each opening of the kernel's vhost-net is a device of its own. */
		if (strncmp(conf->path, "/dev/", 5) != 0) {
			str_appendf(key, size, "path:%s", conf->path);
		}
	} else if (type_is(conf, "pcap") && conf->tx_file[0] != '\0') {
		str_appendf(key, size, "file:%s", conf->tx_file);
	}
}

const char *
port_config_exclusive_leaf(const struct port_conf *conf)
{
	return type_is(conf, "vhost-user") || type_is(conf, "memif") ? "socket"
		: type_is(conf, "pci")                               ? "pci"
		: type_is(conf, "virtio-user")                       ? "path"
		: type_is(conf, "pcap")                              ? "tx-file"
								     : "ifname";
}

void
bridge_config(const json_t *entry, struct dp_bridge_conf *conf)
{
	*conf = (struct dp_bridge_conf){
		.fdb = {.limit = config_number(entry, "fdb-limit", 65536),
			.aging_s = config_number(entry, "aging-time", 300),
			.move_limit = config_number(entry, "mac-move-limit", 1000)},
		.forward_reserved = config_bool(entry, "forward-reserved", false),
		.punt_rate = config_number(entry, "punt-rate", DP_PUNT_RATE_DEFAULT)};
}
