/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/dp/dp_mirror.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "datapath/core/parse.h"
#include "datapath/dp/dp_priv.h"

struct dp_mirror {
	LIST_ENTRY(dp_mirror) link;
	struct mirror *mirror;
	char to[PORT_NAME_SIZE];
	uint32_t bridge; /* id, 0: none */
	const struct dp_acl *acl; /* NULL: all frames */
	size_t n_ports;
	char (*ports)[PORT_NAME_SIZE]; /* owned */
};

static bool
copies_from(const struct dp_mirror *mirror, const struct dp_port *port)
{
	const char *name = port->device->name;

	if (strcmp(name, mirror->to) == 0) {
		return false;
	}
	if (mirror->bridge != 0 && port->bridge != NULL && port->bridge->id == mirror->bridge) {
		return true;
	}
	for (size_t i = 0; i < mirror->n_ports; i++) {
		if (strcmp(name, mirror->ports[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void
add_use(struct mirror_list *list, const struct dp_mirror *mirror)
{
	struct mirror_use *use = &list->uses[list->n++];

	use->mirror = mirror->mirror;
	use->acl = dp_acl_view(mirror->acl);
	for (int c = 0; c < RULES_ALL && use->acl != NULL; c++) {
		use->depths[c] = (uint8_t)parse_depth_of(&use->acl->masks[c]);
		if ((use->mirror->ways & MIRROR_RX) != 0) {
			list->rx_depth = RTE_MAX(list->rx_depth, use->depths[c]);
		}
	}
	list->ways |= use->mirror->ways;
}

/* The mirrors of a port; NULL: none. */
static struct mirror_list *
list_build(const struct dp *dp, const struct dp_port *port)
{
	struct mirror_list *list = NULL;
	struct dp_mirror *mirror;

	LIST_FOREACH (mirror, &dp->mirrors, link) {
		if (!copies_from(mirror, port)) {
			continue;
		}
		if (list == NULL) {
			list = must_calloc(1, sizeof(*list) + MIRRORS_MAX * sizeof(list->uses[0]));
		}
		assert(list->n < MIRRORS_MAX);
		add_use(list, mirror);
	}
	return list;
}

static bool
list_equal(const struct mirror_list *a, const struct mirror_list *b)
{
	if (a == NULL || b == NULL) {
		return a == b;
	}
	return a->n == b->n && memcmp(a->uses, b->uses, a->n * sizeof(a->uses[0])) == 0;
}

/* True: it has another list than before, and the old one is retired. */
static bool
list_renew(struct dp *dp, struct dp_port *port)
{
	struct mirror_list *list = list_build(dp, port);

	if (list_equal(list, port->mirrors)) {
		free(list);
		return false;
	}
	dp_retire(dp, free, port->mirrors);
	port->mirrors = list;
	return true;
}

void
dp_port_mirrors_set(struct dp *dp, struct dp_port *port)
{
	struct dp_mirror *mirror;

	LIST_FOREACH (mirror, &dp->mirrors, link) {
		if (strcmp(port->device->name, mirror->to) == 0) {
			__atomic_store_n(&mirror->mirror->to, port->id, __ATOMIC_RELAXED);
		}
	}
	(void)list_renew(dp, port);
	port->view->mirrors = port->mirrors;
}

/* Give new views to the ports that the mirrors concern. */
static void
mirrors_changed(struct dp *dp) ON_MAIN
{
	struct dp_port *port;

	TAILQ_FOREACH (port, &dp->live, link) {
		if (port->state == DP_PORT_PUBLISHED && list_renew(dp, port)) {
			dp_port_view_renew(dp, port);
		}
	}
}

static void
mirror_free(void *arg)
{
	struct mirror *mirror = arg;

	if (mirror != NULL) {
		free(mirror->count);
		free(mirror);
	}
}

int
dp_mirror_create(const struct dp *dp, const struct dp_mirror_conf *conf, struct dp_mirror **out,
	struct err *err)
{
	struct dp_mirror *mirror = calloc(1, sizeof(*mirror));

	if (mirror != NULL) {
		mirror->ports = calloc(conf->n_ports + 1, sizeof(*mirror->ports));
		mirror->mirror = calloc(1, sizeof(*mirror->mirror));
	}
	if (mirror != NULL && mirror->mirror != NULL) {
		mirror->mirror->count =
			calloc_lines(dp->options.n_workers, sizeof(*mirror->mirror->count));
	}
	if (mirror == NULL || mirror->ports == NULL || mirror->mirror == NULL ||
		mirror->mirror->count == NULL) {
		dp_mirror_discard(mirror);
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	for (size_t i = 0; i < conf->n_ports; i++) {
		(void)str_copy(mirror->ports[i], conf->ports[i], sizeof(mirror->ports[i]));
	}
	mirror->n_ports = conf->n_ports;
	(void)str_copy(mirror->to, conf->to, sizeof(mirror->to));
	mirror->mirror->ways = conf->ways;
	mirror->mirror->truncate = conf->truncate;
	mirror->mirror->by_vlan = conf->by_vlan;
	mirror->mirror->vlans = conf->vlans;
	*out = mirror;
	return 0;
}

void
dp_mirror_discard(struct dp_mirror *mirror)
{
	if (mirror != NULL) {
		mirror_free(mirror->mirror);
		free(mirror->ports);
		free(mirror);
	}
}

void
dp_mirror_start(struct dp *dp, struct dp_mirror *mirror, uint32_t bridge, const struct dp_acl *acl)
{
	struct dp_port *port;

	mirror->bridge = bridge;
	mirror->acl = acl;
	TAILQ_FOREACH (port, &dp->live, link) {
		if (strcmp(port->device->name, mirror->to) == 0) {
			mirror->mirror->to = port->id;
		}
	}
	LIST_INSERT_HEAD(&dp->mirrors, mirror, link);
	mirrors_changed(dp);
}

void
dp_mirrors_acl_set(struct dp *dp, const struct dp_acl *acl)
{
	const struct dp_mirror *mirror;

	LIST_FOREACH (mirror, &dp->mirrors, link) {
		if (mirror->acl == acl) {
			mirrors_changed(dp);
			return;
		}
	}
}

void
dp_mirror_stop(struct dp *dp, struct dp_mirror *mirror)
{
	LIST_REMOVE(mirror, link);
	mirrors_changed(dp);
	dp_retire(dp, mirror_free, mirror->mirror);
	mirror->mirror = NULL;
	dp_mirror_discard(mirror);
}

void
dp_mirrors_forget_port(struct dp *dp, const struct dp_port *port)
{
	struct dp_mirror *mirror;

	LIST_FOREACH (mirror, &dp->mirrors, link) {
		if (mirror->mirror->to == port->id) {
			__atomic_store_n(&mirror->mirror->to, 0, __ATOMIC_RELAXED);
		}
	}
}

void
dp_mirrors_shutdown(struct dp *dp)
{
	struct dp_mirror *mirror;

	while ((mirror = LIST_FIRST(&dp->mirrors)) != NULL) {
		LIST_REMOVE(mirror, link);
		dp_mirror_discard(mirror);
	}
}

void
dp_mirror_get_stats(
	const struct dp *dp, const struct dp_mirror *mirror, struct dp_mirror_stats *stats)
{
	*stats = (struct dp_mirror_stats){.packets = 0};
	for (unsigned int w = 0; w < dp->options.n_workers; w++) {
		const struct mirror_counters *count = &mirror->mirror->count[w];

		stats->seen += __atomic_load_n(&count->seen, __ATOMIC_RELAXED);
		stats->packets += __atomic_load_n(&count->packets, __ATOMIC_RELAXED);
		stats->bytes += __atomic_load_n(&count->bytes, __ATOMIC_RELAXED);
		stats->drops += __atomic_load_n(&count->drops, __ATOMIC_RELAXED);
	}
}
