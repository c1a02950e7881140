/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/kernel/tun_drops.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ports/kernel/netns.h"
#include "ports/rtnl.h"

/* rtnetlink(7), RTM_GETSTATS: a fraction of what RTM_GETLINK tells. */
static int
ask_drops(int netlink, unsigned int ifindex, uint64_t *frames)
{
	struct {
		struct nlmsghdr header;
		struct if_stats_msg body;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETSTATS,
			.nlmsg_flags = NLM_F_REQUEST},
		.body = {.ifindex = ifindex,
			.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)},
	};
	union {
		struct nlmsghdr header;
		uint8_t bytes[1024];
	} reply;
	struct rtnl_link_stats64 stats = {0};
	const struct rtattr *attr;
	int rc = rtnl_ask_on(netlink, &request.header, &reply, sizeof(reply), RTM_NEWSTATS);
	int len;

	if (rc < 0) {
		return rc;
	}
	len = (int)(reply.header.nlmsg_len - NLMSG_LENGTH(sizeof(struct if_stats_msg)));
	attr = (const struct rtattr *)((const uint8_t *)NLMSG_DATA(&reply.header) +
		NLMSG_ALIGN(sizeof(struct if_stats_msg)));
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == IFLA_STATS_LINK_64) {
			/* Other kernels have fewer or more of them behind. */
			memcpy(&stats, RTA_DATA(attr),
				RTA_PAYLOAD(attr) < sizeof(stats) ? RTA_PAYLOAD(attr)
								  : sizeof(stats));
			*frames = stats.tx_dropped;
			return 0;
		}
	}
	return -EPROTO;
}

/* Wherever it is now. */
static int
follow(int device, uint64_t *frames)
{
	struct ifreq ifr = {0};
	struct netns_visit visit;
	int netns = ioctl(device, TUNGETDEVNETNS);
	int rc = -ENODEV;

	if (netns < 0) {
		return -errno;
	}
	if (netns_enter_fd(netns, &visit) == 0) {
		int netlink = rtnl_socket();

		if (netlink >= 0 && ioctl(device, TUNGETIFF, &ifr) == 0) {
			rc = ask_drops(netlink, if_nametoindex(ifr.ifr_name), frames);
		}
		if (netlink >= 0) {
			(void)close(netlink);
		}
		netns_return(&visit);
	}
	(void)close(netns);
	return rc;
}

void
tun_drops_open(struct tun_drops *drops, int device, const char *ifname)
{
	*drops = (struct tun_drops){
		.device = device, .netlink = rtnl_socket(), .ifindex = if_nametoindex(ifname)};
	(void)ask_drops(drops->netlink, drops->ifindex, &drops->before);
}

void
tun_drops_close(struct tun_drops *drops)
{
	if (drops->netlink >= 0) {
		(void)close(drops->netlink);
	}
	drops->netlink = -1;
}

uint64_t
tun_drops_read(struct tun_drops *drops)
{
	uint64_t frames;
	int rc = ask_drops(drops->netlink, drops->ifindex, &frames);

	if (rc != 0) {
		rc = follow(drops->device, &frames);
	}
	if (rc == 0 && frames >= drops->before + drops->frames) {
		drops->frames = frames - drops->before;
	}
	return drops->frames;
}
