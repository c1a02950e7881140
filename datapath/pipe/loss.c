/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/loss.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "datapath/core/edit.h"
#include "datapath/pipe/capture.h"

static_assert(DROP_TX_FIRST <= 64, "a set of an input's reasons");

int
loss_init(struct loss *loss, unsigned int worker, struct port_counters *count)
{
	*loss = (struct loss){.count = count, .worker = worker, .store = loss_store_create()};
	return loss->store == NULL ? -ENOMEM : 0;
}

void
loss_fini(struct loss *loss)
{
	loss_store_destroy(loss->store);
	loss->store = NULL;
}

/*
 * The first bytes, as they are. A frame of less than an Ethernet header is never cut; lent memory
 * may change under us, and nothing is decided by it.
 */
static void
keep(struct loss *loss, const struct loss_key *key, const struct tx_item *lost) ON_WORKER
{
	const bool input = loss_side(key->reason) == LOSS_INPUT;
	struct loss_packet packet = {
		.at = loss->now,
		.in = input ? key->port : key->peer,
		.out = input ? key->peer : key->port,
		.reason = key->reason,
		.len = lost->len,
	};
	struct tx_item item = *lost;

	edit_truncate(&item, LOSS_BYTES);
	pkt_gather(&item, packet.bytes);
	packet.kept = item.len;
	loss_store_keep(loss->store, key, &packet);
}

/* n copies that are lost alike, of which `item` is one. */
static void
tell(struct loss *loss, const struct loss_key *key, const struct tx_item *item,
	uint16_t n) ON_WORKER
{
	if (unlikely(loss_store_add(loss->store, key, n, loss->now))) {
		keep(loss, key, item);
	}
}

void
loss_rx_tell(struct loss *loss, const struct port_view *in, const struct pkt *pkt,
	enum drop_reason reason, uint32_t out)
{
	const struct loss_key key = {.port = in->id, .peer = out, .reason = reason};
	struct tx_item item;

	pkt_item((struct pkt *)(uintptr_t)pkt, &item);
	if (out != 0 || (loss->told >> reason & 1) == 0) {
		loss->told |= UINT64_C(1) << reason;
		tell(loss, &key, &item, 1);
	}
	if (in->captures != NULL) {
		capture_dropped(in->captures, loss->worker, in->id, out, &item, reason);
	}
}

/* Item 0 and those after it that are lost alike; returns how many. */
static uint16_t
tell_run(struct loss *loss, const struct port_view *to, const struct tx_item *items, uint16_t n,
	enum drop_reason reason, bool marked) ON_WORKER
{
	const struct loss_key key = {to->id, items[0].pkt->in_port, reason};
	uint16_t run = 1;

	while (run < n && items[run].pkt->in_port == key.peer &&
		(!marked || items[run].lost == items[0].lost)) {
		run++;
	}
	tell(loss, &key, &items[0], run);
	return run;
}

void
loss_tx(struct loss *loss, const struct port_view *to, const struct tx_item *items, uint16_t n,
	enum drop_reason reason)
{
	port_drop(&loss->count[to->id], reason, n);
	for (uint16_t i = 0; i < n;) {
		i = (uint16_t)(i + tell_run(loss, to, &items[i], (uint16_t)(n - i), reason, false));
	}
	for (uint16_t i = 0; unlikely(to->captures != NULL) && i < n; i++) {
		capture_dropped(to->captures, loss->worker, to->id, items[i].pkt->in_port,
			&items[i], reason);
	}
}

void
loss_tx_pkt(struct loss *loss, const struct port_view *to, struct pkt *pkt, enum drop_reason reason)
{
	struct tx_item item;

	pkt_item(pkt, &item);
	loss_tx(loss, to, &item, 1, reason);
}

void
loss_tx_marked(
	struct loss *loss, const struct port_view *to, const struct tx_item *items, uint16_t n)
{
	for (uint16_t i = 0; i < n;) {
		uint16_t run = 1;

		if (items[i].lost != 0) {
			run = tell_run(loss, to, &items[i], (uint16_t)(n - i),
				(enum drop_reason)(items[i].lost - 1), true);
		}
		i = (uint16_t)(i + run);
	}
}
