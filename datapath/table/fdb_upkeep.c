/* SPDX-License-Identifier: BSD-3-Clause */
/* What main does with the whole table, in slices: ageing, flushing, showing. */
#include "datapath/table/fdb.h"

#include "datapath/table/fdb_priv.h"

#define FLUSH_LOOKS 64 /* slices that a flush looks at in one call: 1 MiB, some 100 us */

/* --- ageing --------------------------------------------------------------------------------- */

static void
age_slot(struct fdb *fdb, uint32_t slot, uint16_t now_s)
{
	uint64_t *where = fdb_value_at(fdb, slot);
	uint64_t value = __atomic_load_n(where, __ATOMIC_RELAXED);
	uint16_t age = fdb_elapsed(now_s, fdb_value_seen(value));

	if (!fdb_value_is_live(value) || (value & FDB_STATIC) != 0) {
		return;
	}
	if (fdb->conf.aging_s != 0 && age > fdb->conf.aging_s) {
		fdb_news_tell(fdb, FDB_CHANGE_AGED, *fdb_key_at(fdb, slot), fdb_value_port(value),
			FDB_NO_PORT);
		fdb_kill(fdb, slot);
		fdb_stat_inc(&fdb->stats.aged);
	} else if (age > FDB_AGING_MAX_S) {
		/* Held at that age, or 2^16 seconds would make it young again. */
		(void)__atomic_compare_exchange_n(where, &value,
			fdb_value(fdb_value_port(value), (uint16_t)(now_s - FDB_AGING_MAX_S)),
			false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

/* The limit was lowered: the excess goes, but no more than a slice of it. */
static void
evict_excess(struct fdb *fdb, uint16_t now_s)
{
	for (unsigned int i = 0; i < FDB_SLICE && fdb->n_dynamic > fdb->conf.limit; i++) {
		fdb_evict(fdb, fdb_ports_busiest(&fdb->ports), now_s);
	}
}

bool
fdb_sweep(struct fdb *fdb, uint16_t now_s)
{
	uint32_t end;

	fdb_lock(fdb);
	fdb_moves_refill(fdb, now_s);
	if (fdb->n_dynamic > fdb->conf.limit) {
		evict_excess(fdb, now_s);
		fdb_unlock(fdb);
		fdb_lock(fdb);
	}
	/* Nothing to age: leave the pages of an idle bridge alone. */
	if (fdb->n_dynamic == 0) {
		fdb->sweep_slot = fdb->n_slots;
	}
	end = RTE_MIN(fdb->sweep_slot + FDB_SLICE, fdb->n_slots);
	for (uint32_t slot = fdb->sweep_slot; slot < end; slot++) {
		age_slot(fdb, slot, now_s);
	}
	fdb_unlock(fdb);
	fdb->sweep_slot = end == fdb->n_slots ? 0 : end;
	return fdb->sweep_slot == 0;
}

/* --- flushing ------------------------------------------------------------------------------- */

static uint32_t
port_first_slot(const struct fdb *fdb, uint32_t port, bool with_static)
{
	uint32_t slot = fdb_ports_oldest(&fdb->ports, port);

	return slot == FDB_NO_SLOT && with_static ? fdb_ports_first_static(&fdb->ports, port)
						  : slot;
}

/* One word for all that a call has deleted; the lock is held. */
static void
tell_flush(struct fdb *fdb, uint32_t port, int vlan, unsigned int n)
{
	if (fdb->telling && n > 0) {
		fdb_news_put(fdb,
			&(struct fdb_news){.port = port,
				.count = n,
				.vlan = (int16_t)vlan,
				.change = FDB_CHANGE_FLUSHED});
	}
}

/* All of one port: its lists name the slots. */
static bool
flush_port(struct fdb *fdb, uint32_t port, bool with_static) ON_MAIN
{
	unsigned int n = 0;
	uint32_t slot;

	fdb_lock(fdb);
	slot = port_first_slot(fdb, port, with_static);
	for (; n < FDB_SLICE && slot != FDB_NO_SLOT; n++) {
		fdb_kill(fdb, slot);
		slot = port_first_slot(fdb, port, with_static);
	}
	tell_flush(fdb, port, -1, n);
	if (slot == FDB_NO_SLOT) {
		fdb_ports_forget_limited(&fdb->ports, port);
	}
	fdb_unlock(fdb);
	return slot == FDB_NO_SLOT;
}

static bool
flush_matches(const struct fdb *fdb, uint32_t slot, const struct fdb_flush_pos *flush)
{
	uint64_t key = *fdb_key_at(fdb, slot);
	uint64_t value = fdb_value_load(fdb, slot);

	return key != 0 && (flush->with_static || (value & FDB_STATIC) == 0) &&
		(flush->port == FDB_NO_PORT || flush->port == fdb_value_port(value)) &&
		(flush->vlan < 0 || (unsigned int)flush->vlan == (key & ~FDB_USED) >> 48);
}

/* Look at one slice of slots, delete up to n_max; how many were deleted. */
static unsigned int
flush_slice(struct fdb *fdb, struct fdb_flush_pos *flush, unsigned int n_max) ON_MAIN
{
	uint32_t end = RTE_MIN(flush->slot + FDB_SLICE, fdb->n_slots);
	unsigned int n = 0;

	fdb_lock(fdb);
	for (; flush->slot < end && n < n_max; flush->slot++) {
		if (flush_matches(fdb, flush->slot, flush)) {
			fdb_kill(fdb, flush->slot);
			n++;
		}
	}
	fdb_unlock(fdb);
	return n;
}

bool
fdb_flush(struct fdb *fdb, uint32_t port, int vlan, bool with_static)
{
	struct fdb_flush_pos *flush = &fdb->flush;
	unsigned int n = 0;
	bool done = false;

	assert(port < FDB_PORTS_MAX && vlan < 4096);
	if (port != FDB_NO_PORT && vlan < 0) {
		return flush_port(fdb, port, with_static);
	}
	if (flush->port != port || flush->vlan != vlan || flush->with_static != with_static) {
		*flush = (struct fdb_flush_pos){
			.port = port, .vlan = vlan, .with_static = with_static};
	}
	for (unsigned int i = 0; i < FLUSH_LOOKS && n < FDB_SLICE && !done; i++) {
		n += flush_slice(fdb, flush, FDB_SLICE - n);
		done = flush->slot == fdb->n_slots;
	}
	if (done) {
		flush->slot = 0;
	}
	fdb_lock(fdb);
	tell_flush(fdb, port, vlan, n);
	fdb_unlock(fdb);
	return done;
}

/* --- showing -------------------------------------------------------------------------------- */

/*
 * Read key, value, key: main is no reader whom grace periods wait for, so that the slot may get
 * another key meanwhile. Another and the same again, between two loads, is left to chance: the
 * result is shown, not acted on.
 */
static bool
entry_read(const struct fdb *fdb, uint32_t slot, uint16_t now_s, struct fdb_entry *entry)
{
	uint64_t key = __atomic_load_n(fdb_key_at(fdb, slot), __ATOMIC_ACQUIRE);
	uint64_t value = __atomic_load_n(fdb_value_at(fdb, slot), __ATOMIC_ACQUIRE);

	if (key == 0 || !fdb_value_is_live(value) ||
		__atomic_load_n(fdb_key_at(fdb, slot), __ATOMIC_RELAXED) != key) {
		return false;
	}
	*entry = (struct fdb_entry){
		.key = key & ~FDB_USED,
		.port = fdb_value_port(value),
		.is_static = (value & FDB_STATIC) != 0,
	};
	if (!entry->is_static) {
		entry->age_s = fdb_elapsed(now_s, fdb_value_seen(value));
	}
	return true;
}

unsigned int
fdb_dump(const struct fdb *fdb, uint32_t *cursor, struct fdb_entry *entries, unsigned int n,
	uint16_t now_s)
{
	unsigned int n_found = 0;

	while (n_found < n && *cursor < fdb->n_slots) {
		if (entry_read(fdb, *cursor, now_s, &entries[n_found])) {
			n_found++;
		}
		(*cursor)++;
	}
	return n_found;
}
