/* SPDX-License-Identifier: BSD-3-Clause */
/* The types of port that are DPDK devices; vswitchd/boot.c lists them. */
#ifndef VSW_PORTS_ETHDEV_TYPES_H
#define VSW_PORTS_ETHDEV_TYPES_H

#include "ports/port.h"

extern const struct port_ops port_pci_ops;
extern const struct port_ops port_virtio_user_ops;
extern const struct port_ops port_memif_ops;
extern const struct port_ops port_ring_ops;
extern const struct port_ops port_pcap_ops;
extern const struct port_ops port_null_ops;

/* check() of type pci with another folder than /sys/bus/pci/devices; for tests. */
int port_pci_check_at(const char *sysfs, const struct port_conf *conf, struct err *err);

#endif
