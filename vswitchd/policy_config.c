/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/policy_config.h"

#include <rte_ether.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "vswitchd/ip_prefix.h"
#include "vswitchd/port_config.h"

static int
too_many(const char *leaf, const char *what, struct err *err)
{
	return err_set(err, ERR_LIMIT, leaf, "a port has at most %d %s", SPOOF_MAX, what);
}

static int
read_macs(const json_t *list, struct spoof_view *spoof, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		struct rte_ether_addr mac;

		if (spoof->n_mac == SPOOF_MAX) {
			return too_many("allowed-mac", "MAC addresses", err);
		}
		(void)rte_ether_unformat_addr(json_string_value(item), &mac);
		memcpy(spoof->mac[spoof->n_mac++], mac.addr_bytes, sizeof(mac.addr_bytes));
	}
	return 0;
}

static int
read_addresses(const json_t *list, struct spoof_view *spoof, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		struct ip_prefix prefix;
		struct spoof_prefix *to;
		uint16_t *n;
		int rc = ip_prefix_parse(json_string_value(item), "allowed-address", &prefix, err);

		if (rc != 0) {
			return rc;
		}
		n = prefix.v6 ? &spoof->n_ip6 : &spoof->n_ip4;
		if (*n == SPOOF_MAX) {
			return too_many("allowed-address",
				prefix.v6 ? "addresses of IPv6" : "addresses of IPv4", err);
		}
		to = prefix.v6 ? &spoof->ip6[*n] : &spoof->ip4[*n];
		memcpy(to->addr, prefix.addr, sizeof(to->addr));
		to->len = prefix.len;
		(*n)++;
	}
	return 0;
}

static int
read_spoof(const json_t *port, struct spoof_view **out, struct err *err)
{
	const json_t *macs = json_object_get(port, "allowed-mac");
	const json_t *addresses = json_object_get(port, "allowed-address");
	int rc;

	if (json_array_size(macs) == 0 && json_array_size(addresses) == 0) {
		return 0;
	}
	/* Compared as bytes later: what is not used stays zero. */
	*out = must_calloc(1, sizeof(**out));
	rc = read_macs(macs, *out, err);
	return rc != 0 ? rc : read_addresses(addresses, *out, err);
}

int
policy_config_make(const json_t *port, struct policy_config *out, struct err *err)
{
	static const char *const storm[STORM_KINDS] = {
		[STORM_BROADCAST] = "storm-broadcast",
		[STORM_MULTICAST] = "storm-multicast",
		[STORM_UNKNOWN] = "storm-unknown-unicast",
	};

	memset(out, 0, sizeof(*out));
	(void)str_copy(out->acl_in, config_string(port, "acl-in"), sizeof(out->acl_in));
	(void)str_copy(out->acl_out, config_string(port, "acl-out"), sizeof(out->acl_out));
	out->protected_port = config_bool(port, "protected", false);
	for (int kind = 0; kind < STORM_KINDS; kind++) {
		out->storm[kind] = (struct meter_conf){
			.unit = METER_PACKETS, .rate = config_number(port, storm[kind], 0)};
	}
	return read_spoof(port, &out->spoof, err);
}

void
policy_config_fini(struct policy_config *config)
{
	free(config->spoof);
	memset(config, 0, sizeof(*config));
}
