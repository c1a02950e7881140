/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/port_numbers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/pipe/snapshot.h"

struct port_number {
	TAILQ_ENTRY(port_number) idle; /* while holds is 0 */
	uint32_t holds;
	uint16_t number;
	char name[PORT_NAME_SIZE];
};

void
port_numbers_init(struct port_numbers *numbers)
{
	memset(numbers, 0, sizeof(*numbers));
	TAILQ_INIT(&numbers->idle);
}

void
port_numbers_fini(struct port_numbers *numbers)
{
	for (uint32_t i = 1; i <= numbers->n; i++) {
		free(numbers->entries[i]);
	}
	free(numbers->entries);
	name_map_clear(&numbers->names);
	port_numbers_init(numbers);
}

static struct port_number *
entry_of(const struct port_numbers *numbers, uint16_t number)
{
	return number >= 1 && number <= numbers->n ? numbers->entries[number] : NULL;
}

/* The one that has been idle longest and that no rule refers to. */
static struct port_number *
reclaim(struct port_numbers *numbers) ON_MAIN
{
	struct port_number *last = TAILQ_LAST(&numbers->idle, port_number_list);
	struct port_number *entry = NULL;

	while (entry != last) {
		entry = TAILQ_FIRST(&numbers->idle);
		TAILQ_REMOVE(&numbers->idle, entry, idle);
		if (numbers->used == NULL || !numbers->used(numbers->arg, entry->number)) {
			name_map_del(&numbers->names, entry->name);
			return entry;
		}
		/* The others are asked first the next time. */
		TAILQ_INSERT_TAIL(&numbers->idle, entry, idle);
	}
	return NULL;
}

/* A number for a name that has none; NULL: there is no room. */
static struct port_number *
give(struct port_numbers *numbers, const char *name) ON_MAIN
{
	struct port_number *entry;

	if (numbers->entries == NULL) {
		numbers->entries = must_calloc(DP_NUMBERS_MAX, sizeof(struct port_number *));
	}
	if (numbers->n < DP_NUMBERS_MAX - 1) {
		entry = must_calloc(1, sizeof(*entry));
		entry->number = (uint16_t)++numbers->n;
		numbers->entries[entry->number] = entry;
	} else {
		entry = reclaim(numbers);
		if (entry == NULL) {
			return NULL;
		}
	}
	(void)str_copy(entry->name, name, sizeof(entry->name));
	(void)name_map_put(&numbers->names, entry->name, entry);
	return entry;
}

uint16_t
port_numbers_take(struct port_numbers *numbers, const char *name)
{
	struct port_number *entry = name_map_get(&numbers->names, name);

	assert(strlen(name) < PORT_NAME_SIZE);
	if (entry == NULL) {
		entry = give(numbers, name);
	} else if (entry->holds == 0) {
		TAILQ_REMOVE(&numbers->idle, entry, idle);
	}
	if (entry == NULL) {
		return 0;
	}
	entry->holds++;
	return entry->number;
}

void
port_numbers_hold(struct port_numbers *numbers, uint16_t number)
{
	struct port_number *entry = entry_of(numbers, number);

	assert(entry != NULL);
	if (entry->holds++ == 0) {
		TAILQ_REMOVE(&numbers->idle, entry, idle);
	}
}

void
port_numbers_put(struct port_numbers *numbers, uint16_t number)
{
	struct port_number *entry = entry_of(numbers, number);

	if (number == 0) {
		return;
	}
	assert(entry != NULL && entry->holds > 0);
	if (--entry->holds == 0) {
		TAILQ_INSERT_TAIL(&numbers->idle, entry, idle);
	}
}

uint16_t
port_numbers_find(const struct port_numbers *numbers, const char *name)
{
	const struct port_number *entry = name_map_get(&numbers->names, name);

	return entry == NULL ? 0 : entry->number;
}

const char *
port_numbers_name(const struct port_numbers *numbers, uint16_t number)
{
	const struct port_number *entry = entry_of(numbers, number);

	return entry == NULL ? NULL : entry->name;
}

int
port_namer_get(const struct port_namer *namer, const char *name, const char *path, uint16_t *number,
	struct err *err)
{
	struct err local = ERR_INIT;

	*number = namer->number(namer->arg, name, &local);
	return *number != 0 ? 0 : err_set(err, local.kind, path, "%s", local.text);
}
