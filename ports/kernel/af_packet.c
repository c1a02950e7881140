/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type af-packet: any interface of the kernel, through packet sockets (packet(7)).
 *
 * Sockets of our own instead of DPDK's driver, for two reasons: PACKET_VNET_HDR, without which
 * frames from local interfaces come with unfinished checksums and oversize; and because that driver
 * polls without limit when the kernel's ring is full.
 *
 * One socket per queue; several form a fanout group that spreads flows. The kernel goes on seeing
 * what it receives on the interface: give it no address there.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "datapath/core/headers.h"
#include "ports/kernel/types.h"
#include "ports/kernel/vnet_io.h"

#define AFP_MBUFS_PER_QUEUE 256
#define AFP_RCVBUF                                                                    \
	(4 << 20) /* bytes; some 2,000 full frames of slack for a worker that is late \
		   */

#define AFP_LOOK_NS 10000000000U /* 2^32 frames take longer than that */

struct afp_queue {
	int fd;
	struct vnet_rx rx;
	uint64_t full; /* main only: frames that found the socket's buffer full, as read so far */
} __rte_cache_aligned;

struct afp {
	struct port port;
	struct mbuf_pools *pools;
	unsigned int n_mbufs;
	unsigned int ifindex;
	int group; /* fanout group of the sockets, as the kernel tells it */
	char ifname[IFNAMSIZ];
	uint64_t look_at; /* when the sockets' counts are to be read next */
	struct port_conf conf;
	struct afp_queue queues[PORT_QUEUES_MAX];
};

/* IFF_ flags; -1: there is no such interface. */
static int
afp_flags(const char *ifname, short *flags)
{
	struct ifreq ifr = {0};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	str_copy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
	rc = sock < 0 ? -1 : ioctl(sock, SIOCGIFFLAGS, &ifr);
	*flags = ifr.ifr_flags;
	if (sock >= 0) {
		(void)close(sock);
	}
	return rc;
}

static int
afp_check(const struct port_conf *conf, struct err *err)
{
	short flags;

	if (strlen(conf->ifname) > PORT_IFNAME_MAX) {
		return err_set(err, ERR_INVALID, "ifname",
			"interface name '%s' is longer than %d characters", conf->ifname,
			PORT_IFNAME_MAX);
	}
	if (afp_flags(conf->ifname, &flags) != 0) {
		return err_set(err, ERR_INVALID, "ifname",
			"there is no interface '%s' in the daemon's network namespace; `ip link` "
			"lists those there are",
			conf->ifname);
	}
	if ((flags & IFF_LOOPBACK) != 0) {
		return err_set(err, ERR_INVALID, "ifname",
			"'%s' is the loopback interface: what is sent to it comes back",
			conf->ifname);
	}
	return 0;
}

/*
 * Flows are spread over the sockets of a group that nobody else has, another daemon's port
 * included: the first socket makes it, the others join. packet(7), PACKET_FANOUT.
 */
static bool
afp_join_group(int fd, struct afp *afp)
{
	bool first = afp->port.n_rxq == 0;
	socklen_t len = sizeof(afp->group);

	if (first) {
		afp->group = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	}
	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &afp->group, sizeof(afp->group)) == 0 &&
		(!first || getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &afp->group, &len) == 0);
}

static bool
afp_socket_options(int fd, struct afp *afp, uint16_t n_queues)
{
	struct packet_mreq promisc = {
		.mr_ifindex = (int)afp->ifindex, .mr_type = PACKET_MR_PROMISC};
	int rcvbuf = AFP_RCVBUF;
	int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf));
	return setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0 &&
		setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) == 0 &&
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) == 0 &&
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) == 0 &&
		(n_queues == 1 || afp_join_group(fd, afp));
}

static int
afp_open_queue(struct afp *afp, uint16_t n_queues, struct err *err)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)afp->ifindex};
	/* Protocol 0: nothing is received before the socket is bound to its interface. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return err_set(err, errno == EPERM ? ERR_DENIED : ERR_FAILED, "type",
			"packet socket: %s; vswitchd needs CAP_NET_RAW", strerror(errno));
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
		!afp_socket_options(fd, afp, n_queues)) {
		int rc = err_set(err, ERR_FAILED, "ifname", "interface '%s': %s", afp->ifname,
			strerror(errno));

		(void)close(fd);
		return rc;
	}
	return fd;
}

static void
afp_close_queues(struct afp *afp)
{
	for (uint16_t q = 0; q < afp->port.n_rxq; q++) {
		(void)close(afp->queues[q].fd);
		vnet_rx_fini(&afp->queues[q].rx);
	}
	afp->port.n_rxq = 0;
}

static int
afp_open_queues(struct afp *afp, uint16_t n, struct err *err)
{
	for (uint16_t q = 0; q < n; q++) {
		int fd = afp_open_queue(afp, n, err);

		if (fd < 0) {
			afp_close_queues(afp);
			return fd;
		}
		afp->queues[q].fd = fd;
		afp->port.n_rxq = (uint16_t)(q + 1);
		if (vnet_rx_init(&afp->queues[q].rx, afp->port.pool) != 0) {
			afp_close_queues(afp);
			return err_set(err, ERR_LIMIT, NULL, "out of memory");
		}
	}
	afp->port.n_txq = n;
	return 0;
}

static int
afp_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err) ON_MAIN
{
	struct afp *afp = NULL;
	int rc = afp_check(conf, err);

	if (rc != 0) {
		return rc;
	}
	if (posix_memalign((void **)&afp, RTE_CACHE_LINE_SIZE, sizeof(*afp)) != 0) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	memset(afp, 0, sizeof(*afp));
	afp->port.ops = &port_af_packet_ops;
	afp->port.caps = PORT_CAP_CSUM | PORT_CAP_TSO4 | PORT_CAP_TSO6 | PORT_CAP_ECN;
	afp->conf = *conf;
	afp->pools = env->pools;
	afp->n_mbufs = AFP_MBUFS_PER_QUEUE * conf->queues;
	afp->ifindex = if_nametoindex(conf->ifname);
	str_copy(afp->ifname, conf->ifname, sizeof(afp->ifname));
	str_copy(afp->port.name, conf->name, sizeof(afp->port.name));
	rc = mbuf_pools_get(env->pools, PORT_MTU_DEFAULT, afp->n_mbufs, &afp->port.pool, err);
	if (rc == 0) {
		rc = afp_open_queues(afp, conf->queues, err);
		if (rc != 0) {
			mbuf_pools_put(env->pools, afp->port.pool, afp->n_mbufs);
		}
	}
	if (rc != 0) {
		free(afp);
		return rc;
	}
	*port = &afp->port;
	return 0;
}

static void
afp_close(struct port *port, enum port_close why) ON_MAIN
{
	struct afp *afp = (struct afp *)port;

	(void)why;
	afp_close_queues(afp);
	mbuf_pools_put(afp->pools, port->pool, afp->n_mbufs);
	free(afp);
}

/* The interface's MTU is its owner's; the port's is only the limit for what is sent there. */
static int
afp_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct afp *afp = (struct afp *)port;

	(void)err;
	if (!port_conf_same_but_mtu(&afp->conf, conf)) {
		return -EOPNOTSUPP;
	}
	afp->conf.mtu = conf->mtu;
	return 0;
}

static void
afp_status(const struct port *port, struct port_status *status)
{
	const struct afp *afp = (const struct afp *)port;
	struct ifreq ifr = {0};

	status->n_rxq = port->n_rxq;
	status->n_txq = port->n_txq;
	str_copy(ifr.ifr_name, afp->ifname, sizeof(ifr.ifr_name));
	if (if_nametoindex(afp->ifname) != afp->ifindex) {
		status->oper = PORT_FAILED;
		str_appendf(status->reason, sizeof(status->reason),
			"interface '%s' has gone; the port comes back with it", afp->ifname);
	} else if (ioctl(afp->queues[0].fd, SIOCGIFFLAGS, &ifr) != 0 ||
		(ifr.ifr_flags & IFF_UP) == 0) {
		status->oper = PORT_DOWN;
		str_appendf(status->reason, sizeof(status->reason),
			"interface '%s' is down; `ip link set %s up`", afp->ifname, afp->ifname);
	} else if ((ifr.ifr_flags & IFF_RUNNING) == 0) {
		status->oper = PORT_DOWN;
		str_appendf(status->reason, sizeof(status->reason),
			"interface '%s' has no carrier: is its peer or cable up?", afp->ifname);
	} else {
		status->oper = PORT_UP;
	}
}

/* The kernel's count starts from zero at each reading, and has 32 bits. */
static void
afp_read_full(struct afp *afp)
{
	for (uint16_t q = 0; q < afp->port.n_rxq; q++) {
		struct tpacket_stats stats = {0};
		socklen_t size = sizeof(stats);

		if (getsockopt(afp->queues[q].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) ==
			0) {
			afp->queues[q].full += stats.tp_drops;
		}
	}
}

static void
afp_missed(struct port *port, struct port_missed *missed)
{
	struct afp *afp = (struct afp *)port;

	afp_read_full(afp);
	*missed = (struct port_missed){0};
	for (uint16_t q = 0; q < port->n_rxq; q++) {
		missed->frames[MISSED_SOCKET_FULL] += afp->queues[q].full;
	}
}

static void
afp_poll(struct port *port, uint64_t now)
{
	struct afp *afp = (struct afp *)port;

	if (now >= afp->look_at) {
		afp->look_at = now + AFP_LOOK_NS;
		afp_read_full(afp);
	}
}

/* The kernel takes the outer tag out of the frame and tells it beside: put it back. */
static bool
afp_restore_tag(struct msghdr *msg, struct pkt *pkt)
{
	const struct tpacket_auxdata *aux = NULL;
	uint16_t tpid;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			aux = (const struct tpacket_auxdata *)CMSG_DATA(c);
		}
	}
	if (aux == NULL || (aux->tp_status & TP_STATUS_VLAN_VALID) == 0) {
		return true;
	}
	if (pkt->headroom < VLAN_TAG_LEN) {
		return false;
	}
	tpid = (aux->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? aux->tp_vlan_tpid
								 : ETH_TPID_CTAG;
	pkt_push_tag(pkt, tpid, aux->tp_vlan_tci);
	return true;
}

static uint16_t
afp_rx_burst(struct port *port, uint16_t queue, struct pkt *pkts, uint16_t max,
	struct port_counters *count)
{
	struct afp_queue *q = &((struct afp *)port)->queues[queue];
	uint64_t bytes = 0;
	uint16_t n = 0;

	for (uint16_t i = 0; i < max; i++) {
		union {
			struct cmsghdr align;
			uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		} control;
		struct msghdr msg = {.msg_iov = q->rx.iov,
			.msg_iovlen = VNET_RX_IOV,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes)};
		ssize_t got;

		if (!vnet_rx_prepare(&q->rx)) {
			if (recv(q->fd, q->rx.bounce, PKT_LEN_MAX, MSG_DONTWAIT) <= 0) {
				break;
			}
			port_drop_received(count, DROP_RX_NO_MEMORY, 1);
			continue;
		}
		got = recvmsg(q->fd, &msg, MSG_DONTWAIT);
		if (got < 0 && errno == EINVAL) {
			/* linux/net/packet/af_packet.c: taken, and then its offloads had no name in
			 * a virtio-net header. */
			port_drop_received(count, DROP_OFFLOAD_INVALID, 1);
			continue;
		}
		if (got < 0) {
			break;
		}
		if (!vnet_rx_finish(&q->rx, (size_t)got, &pkts[n], count)) {
			continue;
		}
		if (!afp_restore_tag(&msg, &pkts[n])) {
			pkt_free(&pkts[n]);
			port_drop_received(count, DROP_RX_OVERSIZE, 1);
			continue;
		}
		bytes += pkts[n].len;
		n++;
	}
	port_count(&count->rx_packets, n);
	port_count(&count->rx_bytes, bytes);
	return n;
}

static enum drop_reason
afp_tx_reason(int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
		return DROP_TX_FULL;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
		return DROP_LINK_DOWN;
	case EMSGSIZE:
		return DROP_MTU_EXCEEDED;
	default:
		return DROP_TX_FAILED;
	}
}

static void
afp_tx_burst(struct port *port, uint16_t queue, struct tx_item *items, uint16_t n,
	struct port_counters *count)
{
	struct afp_queue *q = &((struct afp *)port)->queues[queue];
	struct mmsghdr msgs[PKT_BURST];
	struct iovec iov[PKT_BURST][VNET_TX_IOV];
	struct vnet_hdr hdrs[PKT_BURST];
	uint8_t of[PKT_BURST]; /* the item of each */
	uint16_t from = 0;
	uint16_t n_msgs = 0;
	uint64_t sent = 0;
	uint64_t bytes = 0;

	assert(n <= PKT_BURST);
	for (uint16_t i = 0; i < n; i++) {
		unsigned int n_iov = vnet_tx_iov(&items[i], &hdrs[n_msgs], iov[n_msgs]);

		if (n_iov == 0) {
			port_lose(count, &items[i], 1, DROP_TX_FAILED);
			continue;
		}
		of[n_msgs] = (uint8_t)i;
		msgs[n_msgs] =
			(struct mmsghdr){.msg_hdr = {.msg_iov = iov[n_msgs], .msg_iovlen = n_iov}};
		n_msgs++;
	}
	while (from < n_msgs) {
		int done =
			sendmmsg(q->fd, msgs + from, (unsigned int)(n_msgs - from), MSG_DONTWAIT);

		if (done <= 0) {
			/* The first of them is the one that was refused; go on behind it. */
			port_lose(count, &items[of[from]], 1, afp_tx_reason(errno));
			from++;
			continue;
		}
		for (int i = 0; i < done; i++) {
			bytes += msgs[from + i].msg_len - sizeof(struct vnet_hdr);
		}
		sent += (uint64_t)done;
		from = (uint16_t)(from + done);
	}
	port_count(&count->tx_packets, sent);
	port_count(&count->tx_bytes, bytes);
}

const struct port_ops port_af_packet_ops = {
	.type = "af-packet",
	.check = afp_check,
	.open = afp_open,
	.close = afp_close,
	.change = afp_change,
	.status = afp_status,
	.poll = afp_poll,
	.missed = afp_missed,
	.rx_burst = afp_rx_burst,
	.tx_burst = afp_tx_burst,
};
