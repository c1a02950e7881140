/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/bridge.h"

#include <assert.h>

static const struct rte_ether_addr *
dst_of(const struct pkt *pkt)
{
	return (const struct rte_ether_addr *)pkt->head;
}

static const struct rte_ether_addr *
src_of(const struct pkt *pkt)
{
	return (const struct rte_ether_addr *)(pkt->head + RTE_ETHER_ADDR_LEN);
}

static void
verdict_drop(struct verdict *verdict, enum drop_reason reason, const struct port_view *to)
{
	verdict->kind = VERDICT_DROP;
	verdict->reason = reason;
	verdict->to = to;
}

/* Is the frame let in, and in which VLAN? */
static bool
admit(const struct arrival *at, const struct pkt *pkt, struct verdict *verdict)
{
	assert(pkt->head_len >= RTE_ETHER_HDR_LEN);
	verdict->station = false;
	verdict->relearn = false;
	if (!vlan_ingress(&at->in->vlan, pkt->head, pkt->head_len, &verdict->vlan)) {
		verdict_drop(verdict, DROP_VLAN_NOT_ALLOWED, NULL);
		return false;
	}
	if (mac_is_reserved(pkt->head) && !at->bridge->forward_reserved) {
		verdict_drop(verdict, DROP_RESERVED_MAC, NULL);
		return false;
	}
	/* Group and all-zero addresses are no station's. */
	verdict->station = rte_is_valid_assigned_ether_addr(src_of(pkt));
	return true;
}

/* A lock that is held is left alone: a later frame of this source tries again. */
static void
learn(const struct arrival *at, fdb_key_t key, struct verdict *verdict)
{
	struct fdb *fdb = at->bridge->fdb;
	const uint16_t now = at->now->seconds;
	enum fdb_result result;

	if (fdb_source_known(fdb, key, at->in->id, now)) {
		return;
	}
	if (!fdb_trylock(fdb)) {
		verdict->relearn = true;
		return;
	}
	result = fdb_learn(fdb, key, at->in->id, at->in->mac_limit, now);
	fdb_unlock(fdb);
	verdict->relearn = result == FDB_MOVE_LIMITED || result == FDB_REFUSED;
}

static void
decide_known(const struct arrival *at, uint32_t port, struct verdict *verdict)
{
	const struct port_view *to = at->snap->ports[port];

	if (port == at->in->id) {
		verdict_drop(verdict, DROP_HAIRPIN, at->in);
		return;
	}
	/* The FDB may be newer than the snapshot: a port that has just gone, or left the bridge. */
	if (to == NULL || to->bridge != at->bridge->id) {
		verdict->kind = VERDICT_FLOOD;
		return;
	}
	if (!vlan_carries(&to->vlan, verdict->vlan.vid)) {
		verdict_drop(verdict, DROP_NO_OUTPUT, NULL);
		return;
	}
	if (port_views_apart(at->in, to)) {
		verdict_drop(verdict, DROP_PROTECTED, to);
		return;
	}
	verdict->kind = VERDICT_OUTPUT;
	verdict->to = to;
	verdict->edit = vlan_egress(&to->vlan, &verdict->vlan);
}

void
bridge_decide(const struct arrival *at, const struct pkt *pkts, const uint16_t *indices, uint16_t n,
	struct verdict *verdicts)
{
	fdb_key_t keys[PKT_BURST];
	uint32_t ports[PKT_BURST];
	uint16_t index[PKT_BURST];
	uint16_t n_keys = 0;

	assert(n <= PKT_BURST);
	for (uint16_t k = 0; k < n; k++) {
		const uint16_t i = indices[k];

		if (admit(at, &pkts[i], &verdicts[i])) {
			keys[n_keys] = fdb_key(dst_of(&pkts[i]), verdicts[i].vlan.vid);
			index[n_keys++] = i;
		}
	}
	/* Sources first: a frame to the station that this same burst moved finds it. */
	for (uint16_t k = 0; k < n_keys && !at->quiet; k++) {
		struct verdict *verdict = &verdicts[index[k]];

		if (verdict->station) {
			learn(at, fdb_key(src_of(&pkts[index[k]]), verdict->vlan.vid), verdict);
		}
	}
	if (n_keys == 0) {
		return;
	}
	fdb_lookup_bulk(at->bridge->fdb, keys, n_keys, ports);
	for (uint16_t k = 0; k < n_keys; k++) {
		struct verdict *verdict = &verdicts[index[k]];

		if (rte_is_multicast_ether_addr(dst_of(&pkts[index[k]])) ||
			ports[k] == FDB_NO_PORT) {
			verdict->kind = VERDICT_FLOOD;
		} else {
			decide_known(at, ports[k], verdict);
		}
	}
}
