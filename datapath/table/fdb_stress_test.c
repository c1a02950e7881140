/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two writers and two readers on one small table for two seconds; made for TSan.
 *
 * Each key has two ports of its own, which no other key has: a reader that gets any other port has
 * read the value of a slot after another key was written there. The table is small and the clock
 * runs fast, so that slots change keys all the time.
 */
#include "datapath/table/fdb_test_world.h"

#include <pthread.h>

#include "base/clock.h"
#include "tests/random.h"

#define N_KEYS 1000U
#define RUN_NS (2 * NS_PER_S)
#define BURST 32

struct stress {
	struct world *world;
	struct fdb *fdb;
	uint32_t clock_s; /* written by main's thread */
	bool stop;
};

struct stress_thread {
	struct stress *stress;
	unsigned int id;
	uint64_t random;
	uint64_t n_found;
	uint64_t n_known;
	uint64_t n_wrong;
	uint64_t n_learned;
	pthread_t thread;
};

static uint32_t
rnd(struct stress_thread *self, uint32_t n)
{
	return random_below(&self->random, n);
}

static uint32_t
port_of(uint32_t number, unsigned int which)
{
	return 1 + number * 2 + which;
}

static bool
running(const struct stress *stress)
{
	return !__atomic_load_n(&stress->stop, __ATOMIC_RELAXED);
}

static uint16_t
now_of(const struct stress *stress)
{
	return (uint16_t)__atomic_load_n(&stress->clock_s, __ATOMIC_RELAXED);
}

static void
read_burst(struct stress_thread *self)
{
	struct stress *stress = self->stress;
	uint32_t numbers[BURST];
	fdb_key_t keys[BURST];
	uint32_t ports[BURST];

	for (unsigned int i = 0; i < BURST; i++) {
		numbers[i] = rnd(self, N_KEYS);
		keys[i] = key_of(numbers[i], 1);
	}
	fdb_lookup_bulk(stress->fdb, keys, BURST, ports);
	for (unsigned int i = 0; i < BURST; i++) {
		if (ports[i] == FDB_NO_PORT) {
			continue;
		}
		self->n_found++;
		self->n_wrong +=
			ports[i] != port_of(numbers[i], 0) && ports[i] != port_of(numbers[i], 1);
		self->n_known += fdb_source_known(
			stress->fdb, keys[i], port_of(numbers[i], 0), now_of(stress));
	}
}

static void *
reader_body(void *arg)
{
	struct stress_thread *self = arg;
	struct grace *grace = &self->stress->world->grace;

	grace_join(grace, self->id);
	while (running(self->stress)) {
		read_burst(self);
		grace_quiescent(grace, self->id);
	}
	grace_leave(grace, self->id);
	return NULL;
}

/* A worker: looks first, and learns only if it gets the lock at once. */
static void *
learner_body(void *arg)
{
	struct stress_thread *self = arg;
	struct stress *stress = self->stress;

	grace_join(&stress->world->grace, self->id);
	while (running(stress)) {
		for (unsigned int i = 0; i < BURST; i++) {
			uint32_t number = rnd(self, N_KEYS);
			uint32_t port = port_of(number, rnd(self, 2));
			fdb_key_t key = key_of(number, 1);

			if (fdb_source_known(stress->fdb, key, port, now_of(stress)) ||
				!fdb_trylock(stress->fdb)) {
				continue;
			}
			self->n_learned +=
				fdb_learn(stress->fdb, key, port, 0, now_of(stress)) == FDB_LEARNED;
			fdb_unlock(stress->fdb);
		}
		grace_quiescent(&stress->world->grace, self->id);
	}
	grace_leave(&stress->world->grace, self->id);
	return NULL;
}

static void
main_step(struct stress_thread *self) ON_MAIN
{
	struct stress *stress = self->stress;
	uint32_t number = rnd(self, N_KEYS);
	struct fdb_entry entry;
	uint32_t cursor = rnd(self, SMALL_SLOTS);

	switch (rnd(self, 8)) {
	case 0:
		(void)fdb_sweep(stress->fdb, now_of(stress));
		break;
	case 1:
		(void)fdb_flush(stress->fdb, port_of(number, 0), -1, true);
		break;
	case 2:
		fdb_lock(stress->fdb);
		(void)fdb_set_static(stress->fdb, key_of(number, 1), port_of(number, 0));
		fdb_unlock(stress->fdb);
		break;
	case 3:
		if (fdb_dump(stress->fdb, &cursor, &entry, 1, now_of(stress)) == 1) {
			number = (entry.port - 1) / 2;
			self->n_wrong += entry.key != key_of(number, 1);
		}
		break;
	default:
		fdb_lock(stress->fdb);
		(void)fdb_del(stress->fdb, key_of(number, 1));
		fdb_unlock(stress->fdb);
		break;
	}
	if (rnd(self, 100) == 0) {
		__atomic_fetch_add(&stress->clock_s, 1, __ATOMIC_RELAXED);
		(void)fdb_count(stress->fdb);
		(void)stats_of(stress->fdb);
	}
}

static void *
main_body(void *arg)
{
	struct stress_thread *self = arg;
	uint64_t end = clock_now() + RUN_NS;

	role_enter(&role_main);
	while (clock_now() < end) {
		main_step(self);
	}
	__atomic_store_n(&self->stress->stop, true, __ATOMIC_RELAXED);
	role_leave(&role_main);
	return NULL;
}

static void
test_readers_see_only_ports_of_their_key(void **state)
{
	struct stress stress = {.world = *state, .fdb = table(state, 64, 30, 0)};
	void *(*bodies[])(void *) = {reader_body, reader_body, learner_body, main_body};
	struct stress_thread threads[RTE_DIM(bodies)];
	uint64_t n_found = 0;
	uint64_t n_known = 0;
	uint64_t n_learned = 0;

	for (unsigned int i = 0; i < RTE_DIM(threads); i++) {
		threads[i] = (struct stress_thread){
			.stress = &stress, .id = i, .random = clock_now() * 2 + 1 + i};
		assert_int_equal(
			pthread_create(&threads[i].thread, NULL, bodies[i], &threads[i]), 0);
	}
	for (unsigned int i = 0; i < RTE_DIM(threads); i++) {
		assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
	}
	for (unsigned int i = 0; i < RTE_DIM(threads); i++) {
		assert_int_equal(threads[i].n_wrong, 0);
		n_found += threads[i].n_found;
		n_known += threads[i].n_known;
		n_learned += threads[i].n_learned;
	}
	print_message("# found %llu, known %llu, learned %llu\n", (unsigned long long)n_found,
		(unsigned long long)n_known, (unsigned long long)n_learned);
	assert_true(n_found > 1000 && n_known > 100 && n_learned > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_readers_see_only_ports_of_their_key),
	};
	int n_failed;

	role_enter(&role_main);
	n_failed = cmocka_run_group_tests_name("fdb_stress", tests, NULL, NULL);
	role_leave(&role_main);
	return n_failed;
}
