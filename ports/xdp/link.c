/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/xdp/link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/rtnl.h"

#define REPLY_SIZE 16384 /* one interface; about 2 KiB with all its attributes */

/* --- rtnetlink ------------------------------------------------------------------------------ */

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct rtgenmsg gen;
	} body;
	uint8_t attrs[64];
};

static void
request_add(struct request *req, uint16_t type, const void *data, uint16_t size)
{
	struct rtattr *attr =
		(struct rtattr *)((uint8_t *)req + NLMSG_ALIGN(req->header.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(size);
	memcpy(RTA_DATA(attr), data, size);
	req->header.nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(req->header.nlmsg_len) + RTA_ALIGN(attr->rta_len));
}

static uint32_t
attr_u32(const struct rtattr *attr)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attr) >= sizeof(value)) {
		memcpy(&value, RTA_DATA(attr), sizeof(value));
	}
	return value;
}

static void
attr_string(const struct rtattr *attr, char *out, size_t size)
{
	size_t len = RTA_PAYLOAD(attr) < size ? RTA_PAYLOAD(attr) : size - 1;

	memcpy(out, RTA_DATA(attr), len);
	out[len] = '\0';
}

/* The attribute inside a nested one, or NULL. */
static const struct rtattr *
attr_inside(const struct rtattr *nest, uint16_t type)
{
	int len = (int)RTA_PAYLOAD(nest);

	for (const struct rtattr *attr = RTA_DATA(nest); RTA_OK(attr, len);
		attr = RTA_NEXT(attr, len)) {
		if ((attr->rta_type & NLA_TYPE_MASK) == type) {
			return attr;
		}
	}
	return NULL;
}

static void
take_attr(const struct rtattr *attr, struct link_info *info)
{
	const struct rtattr *inner;

	switch (attr->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		attr_string(attr, info->name, sizeof(info->name));
		break;
	case IFLA_MTU:
		info->mtu = attr_u32(attr);
		break;
	case IFLA_LINK:
		info->peer = (int)attr_u32(attr);
		break;
	case IFLA_LINK_NETNSID:
		info->peer_nsid = (int)attr_u32(attr);
		break;
	case IFLA_LINKINFO:
		inner = attr_inside(attr, IFLA_INFO_KIND);
		if (inner != NULL) {
			attr_string(inner, info->kind, sizeof(info->kind));
		}
		break;
	case IFLA_XDP:
		inner = attr_inside(attr, IFLA_XDP_ATTACHED);
		info->has_xdp = inner != NULL && RTA_PAYLOAD(inner) >= 1 &&
			*(const uint8_t *)RTA_DATA(inner) != XDP_ATTACHED_NONE;
		break;
	default:
		break;
	}
}

static int
get_link(struct request *req, struct link_info *info)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[REPLY_SIZE];
	} reply;
	const struct ifinfomsg *link = NLMSG_DATA(&reply.header);
	int rc = rtnl_ask(&req->header, &reply, sizeof(reply), RTM_NEWLINK);
	int len;

	if (rc < 0) {
		return rc;
	}
	*info = (struct link_info){
		.ifindex = link->ifi_index, .flags = link->ifi_flags, .peer_nsid = -1};
	len = (int)(reply.header.nlmsg_len - NLMSG_LENGTH(sizeof(*link)));
	for (const struct rtattr *attr = IFLA_RTA(link); RTA_OK(attr, len);
		attr = RTA_NEXT(attr, len)) {
		take_attr(attr, info);
	}
	return 0;
}

static struct request
link_request(void)
{
	return (struct request){.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
					.nlmsg_type = RTM_GETLINK,
					.nlmsg_flags = NLM_F_REQUEST}};
}

int
link_get(const char *ifname, struct link_info *info)
{
	struct request req = link_request();

	if (strlen(ifname) >= IF_NAMESIZE) {
		return -ENODEV;
	}
	request_add(&req, IFLA_IFNAME, ifname, (uint16_t)(strlen(ifname) + 1));
	return get_link(&req, info);
}

int
link_get_number(int ifindex, struct link_info *info)
{
	struct request req = link_request();

	req.body.link.ifi_index = ifindex;
	return get_link(&req, info);
}

/* An interface of a namespace that we know only by its number. */
static int
get_link_in(int nsid, int ifindex, struct link_info *info)
{
	struct request req = link_request();

	req.body.link.ifi_index = ifindex;
	request_add(&req, IFLA_TARGET_NETNSID, &nsid, sizeof(nsid));
	return get_link(&req, info);
}

/* Our number for the namespace behind a descriptor, or a negative number. */
static int
nsid_of(int ns_fd)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[REPLY_SIZE];
	} reply;
	struct request req = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
				      .nlmsg_type = RTM_GETNSID,
				      .nlmsg_flags = NLM_F_REQUEST}};
	const struct rtattr *attr;
	int len;

	request_add(&req, NETNSA_FD, &ns_fd, sizeof(ns_fd));
	if (rtnl_ask(&req.header, &reply, sizeof(reply), RTM_NEWNSID) < 0) {
		return -1;
	}
	len = (int)(reply.header.nlmsg_len - NLMSG_LENGTH(sizeof(struct rtgenmsg)));
	attr = (const struct rtattr *)((const uint8_t *)NLMSG_DATA(&reply.header) +
		NLMSG_ALIGN(sizeof(struct rtgenmsg)));
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == NETNSA_NSID) {
			return (int)attr_u32(attr);
		}
	}
	return -1;
}

/* --- what is set ---------------------------------------------------------------------------- */

int
link_set_flag(const char *ifname, short flag, bool on)
{
	struct ifreq ifr = {.ifr_flags = 0};
	int rc = interface_ioctl(ifname, SIOCGIFFLAGS, &ifr);
	short wanted;

	if (rc != 0) {
		return rc;
	}
	wanted = (short)(on ? ifr.ifr_flags | flag : ifr.ifr_flags & ~flag);
	if (wanted == ifr.ifr_flags) {
		return 0;
	}
	ifr.ifr_flags = wanted;
	return interface_ioctl(ifname, SIOCSIFFLAGS, &ifr);
}

int
link_promiscuous(int ifindex)
{
	struct packet_mreq mreq = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int rc;

	if (fd >= 0 &&
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) == 0) {
		return fd;
	}
	rc = -errno;
	if (fd >= 0) {
		(void)close(fd);
	}
	return rc;
}

int
link_keep_tags(const char *ifname, const struct feature_note *note, struct feature_set *changed)
{
	static const char *const features[] = {"rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"};

	return features_off(ifname, features, ARRAY_LEN(features), note, changed);
}

/* linux/net/ethtool/common.c, netdev_features_strings: all that a veth leaves to its peer. */
static int
make_plain(const char *ifname, const struct feature_note *note, struct feature_set *changed)
{
	static const char *const features[] = {
		"tx-checksum-ipv4",
		"tx-checksum-ip-generic",
		"tx-checksum-ipv6",
		"tx-checksum-sctp",
		"tx-generic-segmentation",
		"tx-tcp-segmentation",
		"tx-tcp-ecn-segmentation",
		"tx-tcp-accecn-segmentation",
		"tx-tcp-mangleid-segmentation",
		"tx-tcp6-segmentation",
		"tx-udp-segmentation",
		"tx-sctp-segmentation",
		"tx-gso-list",
		"tx-gso-partial",
		"tx-gre-segmentation",
		"tx-gre-csum-segmentation",
		"tx-ipxip4-segmentation",
		"tx-ipxip6-segmentation",
		"tx-udp_tnl-segmentation",
		"tx-udp_tnl-csum-segmentation",
		"tx-vlan-hw-insert",
		"tx-vlan-stag-hw-insert",
	};

	return features_off(ifname, features, ARRAY_LEN(features), note, changed);
}

/* As it was before. */
static int
make_able(const char *ifname, const struct feature_note *note, struct feature_set *changed)
{
	(void)note;
	return features_on(ifname, changed);
}

/* --- a veth's other end --------------------------------------------------------------------- */

/* Something to be done to the peer of a veth, wherever that is. */
struct visit {
	const struct link_info *info;
	int (*work)(
		const char *ifname, const struct feature_note *note, struct feature_set *changed);
	const struct feature_note *note;
	struct feature_set *changed;
	char *name; /* IF_NAMESIZE; the peer's, once it has been found */
};

static int
work_here(const struct visit *visit)
{
	return if_indextoname((unsigned int)visit->info->peer, visit->name) == NULL
		? -errno
		: visit->work(visit->name, visit->note, visit->changed);
}

/* If the namespace at this path has that number: do it there, and come back. */
static bool
work_in(const char *path, int home, const struct visit *visit)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may be a FIFO, too */
	bool done = false;

	if (fd < 0) {
		return false;
	}
	if (nsid_of(fd) == visit->info->peer_nsid && setns(fd, CLONE_NEWNET) == 0) {
		done = work_here(visit) == 0;
		if (setns(home, CLONE_NEWNET) != 0) {
			abort(); /* in a foreign namespace nothing could be right any more */
		}
	}
	(void)close(fd);
	return done;
}

/* Look through a folder whose entries, with `suffix`, are namespaces. */
static bool
work_somewhere(const char *folder, const char *suffix, int home, const struct visit *visit)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool done = false;
	ino_t last = 0;

	while (!done && dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[PATH_MAX] = "";
		struct stat st;

		str_appendf(path, sizeof(path), "%s/%s%s", folder, entry->d_name, suffix);
		if (entry->d_name[0] == '.' || stat(path, &st) != 0 || st.st_ino == last) {
			continue;
		}
		last = st.st_ino; /* neighbours in /proc mostly share theirs */
		done = work_in(path, home, visit);
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
	return done;
}

static bool
work_at_peer(const struct visit *visit)
{
	bool done = false;
	int home;

	if (visit->info->peer_nsid < 0) {
		return work_here(visit) == 0;
	}
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home >= 0) {
		done = work_somewhere("/run/netns", "", home, visit) ||
			work_somewhere("/proc", "/ns/net", home, visit);
		(void)close(home);
	}
	return done;
}

static bool
has_peer(const struct link_info *info)
{
	return strcmp(info->kind, "veth") == 0 && info->peer != 0;
}

enum link_peer
link_peer_plain(const struct link_info *info, const struct feature_note *note,
	struct feature_set *changed, char name[IF_NAMESIZE])
{
	const struct visit visit = {info, make_plain, note, changed, name};
	struct link_info peer;

	name[0] = '\0';
	if (!has_peer(info)) {
		return LINK_PEER_NONE;
	}
	if (work_at_peer(&visit)) {
		return LINK_PEER_PLAIN;
	}
	if (info->peer_nsid >= 0 && get_link_in(info->peer_nsid, info->peer, &peer) == 0) {
		memcpy(name, peer.name, IF_NAMESIZE);
	}
	return LINK_PEER_UNREACHED;
}

bool
link_peer_restore(const struct link_info *info, struct feature_set *changed)
{
	char name[IF_NAMESIZE] = "";
	const struct visit visit = {info, make_able, NULL, changed, name};

	return has_peer(info) && work_at_peer(&visit);
}
