/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/xdp/ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define WORDS_MAX (ETHTOOL_FEATURES_MAX / 32)

int
interface_ioctl(const char *ifname, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0) {
		return -errno;
	}
	str_copy(ifr->ifr_name, ifname, sizeof(ifr->ifr_name));
	rc = ioctl(fd, request, ifr) < 0 ? -errno : 0;
	(void)close(fd);
	return rc;
}

static int
ethtool(const char *ifname, void *command)
{
	struct ifreq ifr = {.ifr_data = command};

	return interface_ioctl(ifname, SIOCETHTOOL, &ifr);
}

uint16_t
link_queues(const char *ifname)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	uint32_t n;

	if (ethtool(ifname, &channels) != 0) {
		return 1;
	}
	n = channels.combined_count > channels.rx_count ? channels.combined_count
							: channels.rx_count;
	return n == 0 ? 1 : n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

static uint32_t
feature_count(const char *ifname)
{
	union {
		struct ethtool_sset_info info;
		uint8_t bytes[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};

	return ethtool(ifname, &set) == 0 && set.info.sset_mask != 0 ? set.info.data[0] : 0;
}

/* Names of the interface's features, in bit order, to free; NULL if they cannot be had. */
static struct ethtool_gstrings *
feature_names(const char *ifname, uint32_t n)
{
	struct ethtool_gstrings *names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);

	if (names == NULL) {
		return NULL;
	}
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	if (ethtool(ifname, names) != 0) {
		free(names);
		return NULL;
	}
	return names;
}

static bool
is_listed(const uint8_t *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp((const char *)name, list[i], ETH_GSTRING_LEN) == 0) {
			return true;
		}
	}
	return false;
}

/* Features that somebody wants to be on, whether they can be or not. */
static int
features_wanted(const char *ifname, uint32_t n, struct feature_set *wanted)
{
	union {
		struct ethtool_gfeatures head;
		uint8_t bytes[sizeof(struct ethtool_gfeatures) +
			WORDS_MAX * sizeof(struct ethtool_get_features_block)];
	} get = {.head = {.cmd = ETHTOOL_GFEATURES, .size = (n + 31) / 32}};
	int rc = ethtool(ifname, &get);

	*wanted = (struct feature_set){0};
	for (uint32_t i = 0; rc == 0 && i < (n + 31) / 32; i++) {
		wanted->words[i] = get.head.features[i].requested;
	}
	return rc;
}

/* Those of the set on or off; what the interface cannot do is left. */
static int
features_set(const char *ifname, uint32_t n, const struct feature_set *set, bool on)
{
	union {
		struct ethtool_sfeatures head;
		uint8_t bytes[sizeof(struct ethtool_sfeatures) +
			WORDS_MAX * sizeof(struct ethtool_set_features_block)];
	} put = {.head = {.cmd = ETHTOOL_SFEATURES, .size = (n + 31) / 32}};
	int rc;

	for (uint32_t i = 0; i < (n + 31) / 32; i++) {
		put.head.features[i].valid = set->words[i];
		put.head.features[i].requested = on ? set->words[i] : 0;
	}
	rc = ethtool(ifname, &put);
	/* Positive: some could not be changed, which means that they were never on. */
	return rc < 0 ? rc : 0;
}

/* The numbers of these names. */
static int
features_find(const char *ifname, uint32_t n, const char *const *list, size_t n_list,
	struct feature_set *set)
{
	struct ethtool_gstrings *names = feature_names(ifname, n);

	if (names == NULL) {
		return -EOPNOTSUPP;
	}
	*set = (struct feature_set){0};
	for (uint32_t bit = 0; bit < n; bit++) {
		if (is_listed(names->data + (size_t)bit * ETH_GSTRING_LEN, list, n_list)) {
			set->words[bit / 32] |= 1U << (bit % 32);
		}
	}
	free(names);
	return 0;
}

int
features_off(const char *ifname, const char *const *list, size_t n, const struct feature_note *note,
	struct feature_set *changed)
{
	const uint32_t n_bits = feature_count(ifname);
	struct feature_set before;
	struct feature_set after;
	struct feature_set may = *changed;
	struct feature_set set;
	int rc;

	if (n_bits == 0 || n_bits > ETHTOOL_FEATURES_MAX) {
		return -EOPNOTSUPP;
	}
	rc = features_find(ifname, n_bits, list, n, &set);
	rc = rc != 0 ? rc : features_wanted(ifname, n_bits, &before);
	for (size_t i = 0; rc == 0 && i < WORDS_MAX; i++) {
		may.words[i] |= set.words[i] & before.words[i];
	}
	if (rc == 0 && note != NULL && features_any(&may)) {
		note->write(note->arg, &may);
	}
	rc = rc != 0 ? rc : features_set(ifname, n_bits, &set, false);
	rc = rc != 0 ? rc : features_wanted(ifname, n_bits, &after);
	for (size_t i = 0; rc == 0 && i < WORDS_MAX; i++) {
		changed->words[i] |= set.words[i] & before.words[i] & ~after.words[i];
	}
	return rc;
}

int
features_on(const char *ifname, const struct feature_set *set)
{
	const uint32_t n_bits = feature_count(ifname);

	return n_bits == 0 || n_bits > ETHTOOL_FEATURES_MAX
		? -EOPNOTSUPP
		: features_set(ifname, n_bits, set, true);
}

bool
features_any(const struct feature_set *set)
{
	for (size_t i = 0; i < WORDS_MAX; i++) {
		if (set->words[i] != 0) {
			return true;
		}
	}
	return false;
}
