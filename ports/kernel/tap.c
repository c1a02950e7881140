/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type tap: an interface of the kernel, in the daemon's network namespace or in another one.
 *
 * The interface is persistent: when the daemon stops or dies, the container keeps its interface
 * with its addresses, and the daemon finds it again. Deleting the port deletes the interface,
 * unless it was there before the port and is not ours. Ours are known by their MAC address, which
 * is made from the machine, the daemon's folder and the port's name (and so survives being made
 * anew).
 *
 * The descriptor tells the state, not the name: the interface may be moved to another namespace or
 * be renamed at any time. linux/Documentation/networking/tuntap.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <rte_jhash.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "ports/kernel/netns.h"
#include "ports/kernel/tun_drops.h"
#include "ports/kernel/types.h"
#include "ports/kernel/vnet_io.h"

LOG_MODULE("tap");

#define TAP_MBUFS_PER_QUEUE 256 /* a burst in flight, the spare, and the worker's cache */
#define TAP_QUEUES_MAX 128 /* the kernel's limit is 256, MAX_TAP_QUEUES */

struct tap_queue {
	int fd;
	struct vnet_rx rx;
} __rte_cache_aligned;

struct tap {
	struct port port;
	struct mbuf_pools *pools;
	unsigned int n_mbufs;
	struct netns_id home; /* the namespace that it was opened in */
	bool keep; /* the interface was there before and stays after */
	char ifname[IFNAMSIZ];
	struct tun_drops drops;
	struct port_conf conf;
	struct tap_queue queues[TAP_QUEUES_MAX];
};

static struct tap *
tap_of(struct port *port)
{
	return (struct tap *)port;
}

static const char *
tap_ifname(const struct port_conf *conf)
{
	return conf->ifname[0] != '\0' ? conf->ifname : conf->name;
}

static int
tap_check(const struct port_conf *conf, struct err *err)
{
	const char *ifname = tap_ifname(conf);

	if (strlen(ifname) > PORT_IFNAME_MAX) {
		return err_set(err, ERR_INVALID, "ifname",
			"interface name '%s' is longer than %d characters; give a shorter `ifname`",
			ifname, PORT_IFNAME_MAX);
	}
	/* linux/net/core/dev.c: '%d' is where the kernel puts a number of its own. */
	if (strpbrk(ifname, "/ :%") != NULL || strcmp(ifname, ".") == 0 ||
		strcmp(ifname, "..") == 0) {
		return err_set(err, ERR_INVALID, "ifname",
			"'%s' cannot be the name of an interface; give a plain `ifname`", ifname);
	}
	if (access("/dev/net/tun", F_OK) != 0) {
		return err_set(err, ERR_FAILED, "type",
			"/dev/net/tun is missing; `modprobe tun`, or add the device to the "
			"container");
	}
	return 0;
}

/* A locally administered address that is the same each time this port is made. */
static void
tap_own_mac(const struct port_conf *conf, const char *run_dir, uint8_t mac[6])
{
	char seed[512] = "";
	char machine[64] = "";
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	uint32_t a;
	uint32_t b = 0x76737764;

	if (fd >= 0) {
		ssize_t n = read(fd, machine, sizeof(machine) - 1);

		machine[n > 0 ? n : 0] = '\0';
		(void)close(fd);
	}
	str_appendf(seed, sizeof(seed), "%s|%s|%s", machine, run_dir, conf->name);
	a = 0;
	rte_jhash_2hashes(seed, (uint32_t)strlen(seed), &a, &b);
	mac[0] = 0x02;
	mac[1] = (uint8_t)b;
	memcpy(mac + 2, &a, sizeof(a));
}

static int
tap_open_queue(struct tap *tap, const char *ifname, short flags, struct err *err)
{
	struct ifreq ifr = {.ifr_flags = (short)(flags | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		return err_set(err, errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_FAILED,
			"type", "/dev/net/tun: %s", strerror(errno));
	}
	str_copy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -saved;
	}
	str_copy(tap->ifname, ifr.ifr_name, sizeof(tap->ifname));
	return fd;
}

static int
tap_refused(const char *ifname, int error, struct err *err)
{
	switch (error) {
	case EBUSY:
		return err_set(err, ERR_IN_USE, "ifname",
			"another process or port is attached to interface '%s'; stop it or choose "
			"another `ifname`",
			ifname);
	case EINVAL:
		return err_set(err, ERR_IN_USE, "ifname",
			"an interface '%s' of another kind exists there; choose another `ifname`",
			ifname);
	case EPERM:
		return err_set(err, ERR_DENIED, "type",
			"not permitted to create interface '%s'; vswitchd needs CAP_NET_ADMIN",
			ifname);
	default:
		return err_set(
			err, ERR_FAILED, "ifname", "interface '%s': %s", ifname, strerror(error));
	}
}

static void
tap_close_queues(struct tap *tap)
{
	for (uint16_t q = 0; q < tap->port.n_rxq; q++) {
		(void)close(tap->queues[q].fd);
		vnet_rx_fini(&tap->queues[q].rx);
	}
	tap->port.n_rxq = 0;
}

static int
tap_open_queues(struct tap *tap, const struct port_conf *conf, struct err *err)
{
	const char *ifname = tap_ifname(conf);
	short flags = IFF_MULTI_QUEUE;

	for (uint16_t q = 0; q < conf->queues; q++) {
		unsigned int features = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
		int fd = tap_open_queue(tap, ifname, flags, err);

		if (fd == -EINVAL && conf->queues == 1) {
			/* Made beforehand by `ip tuntap add` without multi_queue. */
			flags = 0;
			fd = tap_open_queue(tap, ifname, flags, err);
		}
		if (fd < 0) {
			int rc = err->kind == ERR_NONE ? tap_refused(ifname, -fd, err) : fd;

			tap_close_queues(tap);
			return rc;
		}
		tap->queues[q].fd = fd;
		tap->port.n_rxq = (uint16_t)(q + 1);
		if (ioctl(fd, TUNSETOFFLOAD, features) != 0 ||
			vnet_rx_init(&tap->queues[q].rx, tap->port.pool) != 0) {
			tap_close_queues(tap);
			return err_set(err, ERR_FAILED, "type", "interface '%s': %s", ifname,
				strerror(errno));
		}
	}
	tap->port.n_txq = tap->port.n_rxq;
	return 0;
}

/* With the interface's namespace entered. */
static int
tap_setup_link(struct tap *tap, uint16_t mtu, const uint8_t *mac, struct err *err)
{
	struct ifreq ifr = {0};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *what = "socket";
	bool ok = sock >= 0;

	str_copy(ifr.ifr_name, tap->ifname, sizeof(ifr.ifr_name));
	if (ok && mac != NULL) {
		what = "address";
		ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
		ok = ioctl(sock, SIOCSIFHWADDR, &ifr) == 0;
	}
	if (ok) {
		what = "mtu";
		ifr.ifr_mtu = mtu;
		ok = ioctl(sock, SIOCSIFMTU, &ifr) == 0;
	}
	if (ok) {
		what = "flags";
		ok = ioctl(sock, SIOCGIFFLAGS, &ifr) == 0;
		ifr.ifr_flags |= IFF_UP;
		ok = ok && ioctl(sock, SIOCSIFFLAGS, &ifr) == 0;
	}
	if (!ok) {
		(void)err_set(err, ERR_FAILED, "ifname", "setting the %s of interface '%s': %s",
			what, tap->ifname, strerror(errno));
	}
	if (sock >= 0) {
		(void)close(sock);
	}
	return ok ? 0 : -EIO;
}

/* An interface that is there already. */
struct tap_found {
	bool exists;
	bool ours; /* it has our address */
	bool taken; /* it is a tap, and somebody is attached to it */
};

/*
 * With the namespace entered. The kernel lets any number of processes attach to a tap of several
 * queues, and hands each of them a part of the frames: so look first. A tap has a carrier while
 * somebody is attached (drivers/net/tun.c), which is told while it is up.
 */
static void
tap_find(const char *ifname, const uint8_t *mac, struct tap_found *found)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq ifr = {0};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	str_copy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
	found->exists = sock >= 0 && ioctl(sock, SIOCGIFHWADDR, &ifr) == 0;
	found->ours = found->exists && memcmp(ifr.ifr_hwaddr.sa_data, mac, 6) == 0;
	ifr.ifr_data = (char *)&driver;
	found->taken = found->exists && ioctl(sock, SIOCETHTOOL, &ifr) == 0 &&
		strcmp(driver.driver, "tun") == 0;
	ifr.ifr_data = (char *)&link;
	found->taken = found->taken && ioctl(sock, SIOCETHTOOL, &ifr) == 0 && link.data != 0;
	if (sock >= 0) {
		(void)close(sock);
	}
}

static int
tap_open_in_netns(
	struct tap *tap, const struct port_conf *conf, const char *run_dir, struct err *err)
{
	struct netns_visit visit;
	struct tap_found found;
	uint8_t mac[6];
	int rc = netns_enter(conf->netns, &visit, err);

	if (rc != 0) {
		return rc;
	}
	(void)netns_identify(conf->netns, &tap->home);
	tap_own_mac(conf, run_dir, mac);
	tap_find(tap_ifname(conf), mac, &found);
	tap->keep = found.exists && !found.ours;
	rc = found.taken ? tap_refused(tap_ifname(conf), EBUSY, err)
			 : tap_open_queues(tap, conf, err);
	if (rc == 0) {
		rc = tap_setup_link(tap, conf->mtu, found.exists ? NULL : mac, err);
		if (rc != 0) {
			tap_close_queues(tap);
		}
	}
	if (rc == 0 && !found.exists && ioctl(tap->queues[0].fd, TUNSETPERSIST, 1) != 0) {
		log_warn("%s: the interface will not survive a restart: %s", conf->name,
			strerror(errno));
	}
	if (rc == 0) {
		tun_drops_open(&tap->drops, tap->queues[0].fd, tap->ifname);
	}
	netns_return(&visit);
	return rc;
}

static int
tap_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err) ON_MAIN
{
	struct err local = ERR_INIT;
	struct tap *tap = NULL;
	int rc;

	if (conf->queues > TAP_QUEUES_MAX) {
		return err_set(
			err, ERR_INVALID, "queues", "a tap has at most %d queues", TAP_QUEUES_MAX);
	}
	if (posix_memalign((void **)&tap, RTE_CACHE_LINE_SIZE, sizeof(*tap)) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	memset(tap, 0, sizeof(*tap));
	tap->port.ops = &port_tap_ops;
	tap->port.caps = PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6 | PORT_CAP_ECN;
	tap->conf = *conf;
	tap->pools = env->pools;
	tap->n_mbufs = TAP_MBUFS_PER_QUEUE * conf->queues;
	str_copy(tap->port.name, conf->name, sizeof(tap->port.name));
	rc = mbuf_pools_get(env->pools, PORT_MTU_DEFAULT, tap->n_mbufs, &tap->port.pool, err);
	if (rc != 0) {
		free(tap);
		return rc;
	}
	rc = tap_open_in_netns(tap, conf, env->run_dir, &local);
	if (rc != 0) {
		if (err != NULL) {
			*err = local;
		}
		mbuf_pools_put(env->pools, tap->port.pool, tap->n_mbufs);
		free(tap);
		return rc;
	}
	*port = &tap->port;
	return 0;
}

static void
tap_close(struct port *port, enum port_close why) ON_MAIN
{
	struct tap *tap = tap_of(port);

	if (why == PORT_CLOSE_DELETED && !tap->keep) {
		(void)ioctl(tap->queues[0].fd, TUNSETPERSIST, 0);
	}
	tun_drops_close(&tap->drops);
	tap_close_queues(tap);
	mbuf_pools_put(tap->pools, port->pool, tap->n_mbufs);
	free(tap);
}

static int
tap_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct tap *tap = tap_of(port);
	struct ifreq ifr = {0};
	struct netns_visit visit;
	int rc;

	if (!port_conf_same_but_mtu(&tap->conf, conf)) {
		return -EOPNOTSUPP;
	}
	/* The descriptor knows the interface's name now, but not where it is. */
	if (ioctl(tap->queues[0].fd, TUNGETIFF, &ifr) == 0) {
		str_copy(tap->ifname, ifr.ifr_name, sizeof(tap->ifname));
	}
	rc = netns_enter(conf->netns, &visit, err);
	if (rc != 0) {
		return rc;
	}
	if (if_nametoindex(tap->ifname) == 0) {
		rc = err_set(err, ERR_FAILED, "mtu",
			"interface '%s' was moved to another network namespace; set its mtu there "
			"with `ip link set %s mtu %u`",
			tap->ifname, tap->ifname, conf->mtu);
	} else {
		rc = tap_setup_link(tap, conf->mtu, NULL, err);
		tap->conf.mtu = rc == 0 ? conf->mtu : tap->conf.mtu;
	}
	netns_return(&visit);
	return rc;
}

static void
tap_status(const struct port *port, struct port_status *status)
{
	const struct tap *tap = (const struct tap *)port;
	struct pollfd pfd = {.fd = tap->queues[0].fd, .events = POLLOUT};
	struct netns_id home;

	status->n_rxq = port->n_rxq;
	status->n_txq = port->n_txq;
	(void)poll(&pfd, 1, 0);
	/*
	 * The descriptor keeps a deleted namespace alive, with the interface in it: nobody can get
	 * there any more. A namespace of the same name is another one.
	 */
	if (!netns_identify(tap->conf.netns, &home) || home.ino != tap->home.ino ||
		home.dev != tap->home.dev) {
		status->oper = PORT_FAILED;
		str_appendf(status->reason, sizeof(status->reason),
			"network namespace '%s' was deleted; the interface is made again in the "
			"next one of that name",
			tap->conf.netns);
		return;
	}
	/* drivers/net/tun.c: POLLERR when the device is gone, POLLOUT only while it is up. */
	if ((pfd.revents & POLLERR) != 0) {
		status->oper = PORT_FAILED;
		str_appendf(status->reason, sizeof(status->reason),
			"interface '%s' was deleted from outside; it is made again at the next "
			"retry",
			tap->ifname);
	} else if ((pfd.revents & POLLOUT) == 0) {
		status->oper = PORT_DOWN;
		str_appendf(status->reason, sizeof(status->reason),
			"interface '%s' is down; `ip link set %s up` there", tap->ifname,
			tap->ifname);
	} else {
		status->oper = PORT_UP;
	}
}

static void
tap_missed(struct port *port, struct port_missed *missed)
{
	*missed = (struct port_missed){
		.frames[MISSED_TAP_FULL] = tun_drops_read(&tap_of(port)->drops)};
}

static uint16_t
tap_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct tap_queue *q = &tap_of(port)->queues[queue];
	uint64_t bytes = 0;
	uint16_t n = 0;

	/* Frames that are dropped here count against the burst too: it has to end. */
	for (uint16_t i = 0; i < max; i++) {
		ssize_t got;

		if (!vnet_rx_prepare(&q->rx)) {
			/* Read it anyway, into the bounce area: a full device is no better. */
			got = read(q->fd, q->rx.bounce, PKT_LEN_MAX);
			if (got > 0) {
				port_drop_received(count, DROP_RX_NO_MEMORY, 1);
				continue;
			}
			break;
		}
		got = readv(q->fd, q->rx.iov, VNET_RX_IOV);
		if (got <= 0) {
			break;
		}
		if (vnet_rx_finish(&q->rx, (size_t)got, &pkts[n], count)) {
			bytes += pkts[n].len;
			n++;
		}
	}
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, bytes);
	return n;
}

static void
tap_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct tap_queue *q = &tap_of(port)->queues[queue];
	uint64_t bytes = 0;
	uint64_t sent = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct iovec iov[VNET_TX_IOV];
		struct vnet_hdr hdr;
		unsigned int n_iov = vnet_tx_iov(&items[i], &hdr, iov);

		if (n_iov == 0) {
			port_lose(count, &items[i], 1, DROP_TX_FAILED);
		} else if (writev(q->fd, iov, (int)n_iov) >= 0) {
			bytes += items[i].len;
			sent++;
		} else if (errno == EAGAIN) {
			port_lose(count, &items[i], 1, DROP_TX_FULL);
		} else if (errno == EIO || errno == EBADFD) {
			port_lose(count, &items[i], 1, DROP_LINK_DOWN);
		} else {
			port_lose(count, &items[i], 1, DROP_TX_FAILED);
		}
	}
	port_count(&count->tx_packets, sent);
	port_count(&count->tx_bytes, bytes);
}

const struct port_ops port_tap_ops = {
	.type = "tap",
	.check = tap_check,
	.open = tap_open,
	.close = tap_close,
	.change = tap_change,
	.status = tap_status,
	.missed = tap_missed,
	.rx_burst = tap_rx_burst,
	.tx_burst = tap_tx_burst,
};
