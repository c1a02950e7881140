/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doing something inside another network namespace, on the calling thread. Main only.
 */
#ifndef VSW_PORTS_KERNEL_NETNS_H
#define VSW_PORTS_KERNEL_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Which namespace a name meant: an inode of nsfs. */
struct netns_id {
	dev_t dev;
	ino_t ino;
};

/* What the leaf means now; false: nothing of that name is there. "" is our own namespace. */
bool netns_identify(const char *netns, struct netns_id *id);

struct netns_visit {
	int home; /* descriptor of our own namespace, or -1 when no switch was needed */
};

/*
 * Enter the namespace that the leaf `netns` names: "" (stay), a name below /run/netns, an absolute
 * path, or a pid. Errors name the leaf. On 0 the caller must call netns_return.
 */
int netns_enter(const char *netns, struct netns_visit *visit, struct err *err);

/* The same by a descriptor of the namespace, which stays the caller's. 0 or -errno. */
int netns_enter_fd(int fd, struct netns_visit *visit);

/* Back home; aborts if the kernel refuses, because nothing could be right afterwards. */
void netns_return(struct netns_visit *visit);

#endif
