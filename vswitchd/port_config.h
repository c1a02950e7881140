/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's or bridge's configuration: from the schema's JSON to what the datapath understands. The
 * schema has checked types, ranges and which leaves belong to a type; here only defaults that
 * depend on other leaves are filled in. Main only.
 */
#ifndef VSW_VSWITCHD_PORT_CONFIG_H
#define VSW_VSWITCHD_PORT_CONFIG_H

#include <jansson.h>

#include "datapath/dp/dp.h"
#include "ports/port.h"

/* The device: leaves that port_ops see. */
void port_config_device(const json_t *entry, struct port_conf *conf);

/* Forwarding, without the bridge pointer; *bridge is the name, "" for none, borrowed from entry. */
void port_config_forwarding(const json_t *entry, struct dp_port_fwd *fwd, const char **bridge);

#define PORT_EXCLUSIVE_SIZE 600

/*
 * What only one port can have at a time, as text: "socket:/run/...", "ifname:ns/eth0", "pci:...".
 * "" if the type has nothing of the kind.
 */
void
port_config_exclusive(const struct port_conf *conf, const char *run_dir, char *key, size_t size);

/* The leaf that the exclusive resource comes from. */
const char *port_config_exclusive_leaf(const struct port_conf *conf);

void bridge_config(const json_t *entry, struct dp_bridge_conf *conf);

/* String member, "" if absent; number and boolean member, `fallback` if absent. */
const char *config_string(const json_t *entry, const char *leaf);

/* A leaf-list of ids and 'a-b' ranges, into a set of zeros; `all` when it is not there. */
void config_vlan_set(const json_t *list, struct vlan_set *set, bool all);

uint32_t config_number(const json_t *entry, const char *leaf, uint32_t fallback);
bool config_bool(const json_t *entry, const char *leaf, bool fallback);

#endif
