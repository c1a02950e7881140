/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Type pci: NICs and SR-IOV virtual functions, by address; or any DPDK device string.
 *
 * What is in the way of a NIC is found in sysfs before DPDK is asked, because DPDK says only that
 * there is no such device: no device there, the kernel's driver on it, a group of the IOMMU that it
 * shares with another device that the kernel drives.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "ports/ethdev/ethdev.h"
#include "ports/ethdev/types.h"

#define SYSFS "/sys/bus/pci/devices"
#define PCI_ADDRESS_SIZE 16 /* 0000:00:00.0 */
#define CLASS_BRIDGE 0x06 /* PCI code and ID assignment specification, base classes */
#define CLASS_NETWORK 0x02

/* Drivers under which DPDK can use a device; the last two share it with the kernel. */
static const char *const usable_drivers[] = {
	"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core", "mlx4_core"};

static bool
driver_usable(const char *driver)
{
	for (size_t i = 0; i < ARRAY_LEN(usable_drivers); i++) {
		if (strcmp(driver, usable_drivers[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* The last component of what a link in the device's folder points to; "" if there is none. */
static void
read_link(const char *sysfs, const char *address, const char *link, char *out, size_t size)
{
	char path[PATH_MAX] = "";
	char target[PATH_MAX];
	const char *slash;
	ssize_t n;

	str_appendf(path, sizeof(path), "%s/%s/%s", sysfs, address, link);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	slash = strrchr(target, '/');
	str_copy(out, slash == NULL ? target : slash + 1, size);
}

/* Base class of the device, or 0. */
static unsigned int
read_class(const char *sysfs, const char *address)
{
	char path[PATH_MAX] = "";
	unsigned int code = 0;
	FILE *file;

	str_appendf(path, sizeof(path), "%s/%s/class", sysfs, address);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fscanf(file, "%x", &code) != 1) {
			code = 0;
		}
		(void)fclose(file);
	}
	return code >> 16;
}

/* vfio gives away whole groups: every other device in it must be off the kernel's hands. */
static int
check_group(const char *sysfs, const char *address, struct err *err)
{
	char path[PATH_MAX] = "";
	char driver[64];
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	str_appendf(path, sizeof(path), "%s/%s/iommu_group/devices", sysfs, address);
	dir = opendir(path);
	if (dir == NULL) {
		return 0; /* no IOMMU: vfio without one is the administrator's decision */
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || read_class(sysfs, entry->d_name) == CLASS_BRIDGE) {
			continue;
		}
		read_link(sysfs, entry->d_name, "driver", driver, sizeof(driver));
		if (driver[0] != '\0' && strcmp(driver, "vfio-pci") != 0) {
			rc = err_set(err, ERR_IN_USE, "pci",
				"%s shares an IOMMU group with %s, which driver '%s' holds: bind "
				"that to vfio-pci as well, or move the card to another slot",
				address, entry->d_name, driver);
		}
	}
	(void)closedir(dir);
	return rc;
}

/* Full form of an address: "03:00.0" lies in domain 0000. */
static int
parse_address(const char *text, char *address, struct err *err)
{
	unsigned int domain;
	unsigned int bus;
	unsigned int slot;
	unsigned int function;
	int end = -1;
	bool ok = sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) == 4 &&
		text[end] == '\0';

	if (!ok) {
		domain = 0;
		end = -1;
		ok = sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function, &end) == 3 &&
			text[end] == '\0';
	}
	if (!ok || slot > 31 || function > 7) {
		return err_set(err, ERR_INVALID, "pci",
			"'%s' is not a PCI address such as 0000:03:00.0 (`lspci -D` lists them)",
			text);
	}
	(void)snprintf(address, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", domain & 0xffffU,
		bus & 0xffU, slot & 0x1fU, function & 7U);
	return 0;
}

static int
check_device(const char *sysfs, const char *text, struct err *err)
{
	char address[PCI_ADDRESS_SIZE];
	char path[PATH_MAX] = "";
	char driver[64];
	int rc = parse_address(text, address, err);

	if (rc != 0) {
		return rc;
	}
	str_appendf(path, sizeof(path), "%s/%s", sysfs, address);
	if (access(path, F_OK) != 0) {
		return err_set(err, ERR_MISSING, "pci",
			"there is no PCI device %s on this host (`lspci -D` lists them)", address);
	}
	if (read_class(sysfs, address) != CLASS_NETWORK) {
		return err_set(err, ERR_INVALID, "pci",
			"%s is not a network device (`lspci -s %s`)", address, address);
	}
	read_link(sysfs, address, "driver", driver, sizeof(driver));
	if (driver[0] == '\0') {
		return err_set(err, ERR_INVALID, "pci",
			"%s has no driver: `modprobe vfio-pci && dpdk-devbind.py -b vfio-pci %s`",
			address, address);
	}
	if (!driver_usable(driver)) {
		return err_set(err, ERR_IN_USE, "pci",
			"%s belongs to the kernel's driver '%s': `modprobe vfio-pci && "
			"dpdk-devbind.py -b vfio-pci %s` (its interface goes away), or use a port "
			"of type af-xdp",
			address, driver, address);
	}
	return strcmp(driver, "vfio-pci") == 0 ? check_group(sysfs, address, err) : 0;
}

static bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Devices that show our memory to a peer have types of their own, which ask for trust. */
static int
check_devargs(const struct port_conf *conf, struct err *err)
{
	const char *name = starts_with(conf->devargs, "vdev:") ? conf->devargs + strlen("vdev:")
							       : conf->devargs;

	if (starts_with(name, "net_virtio_user") || starts_with(name, "virtio_user")) {
		return err_set(err, ERR_DENIED, "devargs",
			"'%s' may show all packet memory of this daemon to its peer: use type "
			"virtio-user, with trusted=true if that may be",
			conf->devargs);
	}
	if (strstr(conf->devargs, "zero-copy=yes") != NULL) {
		return err_set(err, ERR_DENIED, "devargs",
			"zero-copy shows all packet memory of this daemon to the peer: use type "
			"memif, with trusted=true if that may be");
	}
	return 0;
}

int
port_pci_check_at(const char *sysfs, const struct port_conf *conf, struct err *err)
{
	if (str_given(conf->pci) == str_given(conf->devargs)) {
		return err_set(err, str_given(conf->pci) ? ERR_INVALID : ERR_MISSING,
			str_given(conf->pci) ? "devargs" : "pci",
			"give either pci (an address such as 0000:03:00.0) or devargs (any DPDK "
			"device string)");
	}
	return str_given(conf->pci) ? check_device(sysfs, conf->pci, err)
				    : check_devargs(conf, err);
}

static int
pci_check(const struct port_conf *conf, struct err *err)
{
	return port_pci_check_at(SYSFS, conf, err);
}

static int
pci_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	struct ethdev_spec spec = {
		.ops = &port_pci_ops, .leaf = str_given(conf->pci) ? "pci" : "devargs"};
	int rc = 0;

	role_assert(&role_main);
	if (str_given(conf->pci)) {
		rc = parse_address(conf->pci, spec.devargs, err);
	} else {
		str_copy(spec.devargs, conf->devargs, sizeof(spec.devargs));
	}
	return rc != 0 ? rc : ethdev_open(&spec, conf, env, port, err);
}

const struct port_ops port_pci_ops = {
	.type = "pci",
	.check = pci_check,
	.open = pci_open,
	.close = ethdev_close,
	.change = ethdev_change,
	.status = ethdev_status,
	.poll = ethdev_poll,
	.missed = ethdev_missed,
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
};
