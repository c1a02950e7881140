/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ethtool(8) asks and tells the kernel about an interface of the network namespace that the
 * calling thread is in: its queues, and features turned off and on again.
 *
 * Threads: main. Errors are -errno.
 */
#ifndef VSW_PORTS_XDP_ETHTOOL_H
#define VSW_PORTS_XDP_ETHTOOL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHTOOL_FEATURES_MAX 256 /* bits; Linux 6.18 has about 70 */

/* Features by their numbers, which stay the same for as long as a kernel runs. */
struct feature_set {
	uint32_t words[ETHTOOL_FEATURES_MAX / 32];
};

/* An ioctl of netdevice(7). */
int interface_ioctl(const char *ifname, unsigned long request, struct ifreq *ifr);

/* Receive queues that can have a socket of their own; at least 1. */
uint16_t link_queues(const char *ifname);

/* Told before anything is turned off: what may be, and was before. */
struct feature_note {
	void (*write)(void *arg, const struct feature_set *off);
	void *arg;
};

/*
 * Turn off what the interface has of these features, by their names; those it does not know or
 * holds on stay. Those that were wanted before and are not any more are added to `changed`. `note`
 * may be NULL.
 */
int features_off(const char *ifname, const char *const *list, size_t n,
	const struct feature_note *note, struct feature_set *changed);

/* Have those turned on again that are still off. */
int features_on(const char *ifname, const struct feature_set *set);

bool features_any(const struct feature_set *set);

#endif
