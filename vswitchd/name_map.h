/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map from strings to pointers, over tsearch(3). Keys are copied. Main only; a map is a value
 * that starts as {NULL}.
 */
#ifndef VSW_VSWITCHD_NAME_MAP_H
#define VSW_VSWITCHD_NAME_MAP_H

struct name_map {
	void *root;
};

/* Put unless the key is there; returns what the key then stands for. */
void *name_map_put(struct name_map *map, const char *key, void *value);
void *name_map_get(const struct name_map *map, const char *key); /* NULL: not there */
void name_map_del(struct name_map *map, const char *key); /* not there: nothing happens */
void name_map_clear(struct name_map *map);

#endif
