/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/name_map.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct name_node {
	void *value;
	const char *key; /* `text` of a node, or a caller's string in a look-up */
	char text[];
};

static int
name_compare(const void *a, const void *b)
{
	return strcmp(((const struct name_node *)a)->key, ((const struct name_node *)b)->key);
}

void *
name_map_put(struct name_map *map, const char *key, void *value)
{
	size_t size = strlen(key) + 1;
	struct name_node *node = malloc(sizeof(*node) + size);
	struct name_node **found;

	if (node == NULL) {
		abort();
	}
	memcpy(node->text, key, size);
	node->key = node->text;
	node->value = value;
	found = tsearch(node, &map->root, name_compare);
	if (found == NULL) {
		abort();
	}
	if (*found != node) {
		free(node);
	}
	return (*found)->value;
}

void *
name_map_get(const struct name_map *map, const char *key)
{
	struct name_node wanted = {.key = key};
	struct name_node **found = tfind(&wanted, &map->root, name_compare);

	return found == NULL ? NULL : (*found)->value;
}

void
name_map_del(struct name_map *map, const char *key)
{
	struct name_node wanted = {.key = key};
	struct name_node **found = tfind(&wanted, &map->root, name_compare);

	if (found != NULL) {
		struct name_node *node = *found;

		(void)tdelete(node, &map->root, name_compare);
		free(node);
	}
}

void
name_map_clear(struct name_map *map)
{
	tdestroy(map->root, free);
	map->root = NULL;
}
