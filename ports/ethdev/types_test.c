/* SPDX-License-Identifier: BSD-3-Clause */
/* What the types of DPDK devices refuse, and in which words; needs neither EAL nor devices. */
#include <errno.h>
#include <rte_log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ports/ethdev/dpdk_log.h"
#include "ports/ethdev/types.h"

#define ADDRESS "0000:03:00.0"
#define NEIGHBOUR "0000:03:00.1"

static char scratch[] = "/tmp/ethdev_types_XXXXXX";

static void
expect_error(int rc, const struct err *err, enum err_kind kind, const char *leaf, const char *part)
{
	assert_int_equal(rc, err_errno(kind));
	assert_int_equal(err->kind, kind);
	assert_string_equal(err->path, leaf);
	if (strstr(err->text, part) == NULL) {
		fail_msg("'%s' does not say '%s'", err->text, part);
	}
}

static void
in_scratch(char *out, size_t size, const char *name)
{
	out[0] = '\0';
	str_appendf(out, size, "%s/%s", scratch, name);
}

static void
make_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	in_scratch(path, sizeof(path), name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
make_folder(const char *name)
{
	char path[256];

	in_scratch(path, sizeof(path), name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
make_link(const char *name, const char *target)
{
	char path[256];

	in_scratch(path, sizeof(path), name);
	(void)unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void
test_pci_wants_one_of_two(void **ctx)
{
	struct port_conf conf = {0};
	struct err err = ERR_INIT;

	(void)ctx;
	expect_error(port_pci_ops.check(&conf, &err), &err, ERR_MISSING, "pci", "devargs");
	str_copy(conf.pci, ADDRESS, sizeof(conf.pci));
	str_copy(conf.devargs, "net_null0", sizeof(conf.devargs));
	expect_error(port_pci_ops.check(&conf, &err), &err, ERR_INVALID, "devargs", "either");
	conf.pci[0] = '\0';
	assert_int_equal(port_pci_ops.check(&conf, &err), 0);
}

static void
test_pci_address_forms(void **ctx)
{
	static const char *const bad[] = {"eth0", "03:00", "0000:03:00.8", "0000:03:20.0",
		"0000:03:00.0,x=1", "3:0:0:0", "0000:03:00.0 "};
	struct port_conf conf = {0};
	struct err err = ERR_INIT;

	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		str_copy(conf.pci, bad[i], sizeof(conf.pci));
		expect_error(port_pci_check_at(scratch, &conf, &err), &err, ERR_INVALID, "pci",
			"not a PCI address");
	}
	str_copy(conf.pci, "ff:1f.7", sizeof(conf.pci));
	expect_error(
		port_pci_check_at(scratch, &conf, &err), &err, ERR_MISSING, "pci", "0000:ff:1f.7");
}

/* A NIC, step by step from "bound to the kernel" to usable. */
static void
test_pci_device_states(void **ctx)
{
	struct port_conf conf = {.pci = "03:00.0"};
	struct err err = ERR_INIT;

	(void)ctx;
	make_folder(ADDRESS);
	make_file(ADDRESS "/class", "0x010802\n");
	expect_error(port_pci_check_at(scratch, &conf, &err), &err, ERR_INVALID, "pci",
		"not a network device");
	make_file(ADDRESS "/class", "0x020000\n");
	expect_error(
		port_pci_check_at(scratch, &conf, &err), &err, ERR_INVALID, "pci", "has no driver");
	make_link(ADDRESS "/driver", "../../drivers/e1000e");
	expect_error(port_pci_check_at(scratch, &conf, &err), &err, ERR_IN_USE, "pci", "e1000e");
	make_link(ADDRESS "/driver", "../../drivers/mlx5_core");
	assert_int_equal(port_pci_check_at(scratch, &conf, &err), 0);
	make_link(ADDRESS "/driver", "../../drivers/vfio-pci");
	assert_int_equal(port_pci_check_at(scratch, &conf, &err), 0);
}

static void
test_pci_iommu_group(void **ctx)
{
	struct port_conf conf = {.pci = ADDRESS};
	struct err err = ERR_INIT;

	(void)ctx;
	make_folder(NEIGHBOUR);
	make_file(NEIGHBOUR "/class", "0x020000\n");
	make_link(NEIGHBOUR "/driver", "../../drivers/igb");
	make_folder(ADDRESS "/iommu_group");
	make_folder(ADDRESS "/iommu_group/devices");
	make_file(ADDRESS "/iommu_group/devices/" NEIGHBOUR, "");
	expect_error(port_pci_check_at(scratch, &conf, &err), &err, ERR_IN_USE, "pci", NEIGHBOUR);
	make_link(NEIGHBOUR "/driver", "../../drivers/vfio-pci");
	assert_int_equal(port_pci_check_at(scratch, &conf, &err), 0);
	make_link(NEIGHBOUR "/driver", "../../drivers/pcieport");
	make_file(NEIGHBOUR "/class", "0x060400\n");
	assert_int_equal(port_pci_check_at(scratch, &conf, &err), 0);
}

static void
test_devargs_show_no_memory(void **ctx)
{
	static const char *const risky[] = {"net_virtio_user0,path=/tmp/x",
		"vdev:net_virtio_user1,path=/tmp/x", "net_memif0,role=client,zero-copy=yes"};
	struct port_conf conf = {0};
	struct err err = ERR_INIT;

	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(risky); i++) {
		str_copy(conf.devargs, risky[i], sizeof(conf.devargs));
		expect_error(port_pci_ops.check(&conf, &err), &err, ERR_DENIED, "devargs",
			"trusted=true");
	}
	str_copy(conf.devargs, "net_memif0,role=client", sizeof(conf.devargs));
	assert_int_equal(port_pci_ops.check(&conf, &err), 0);
}

static void
test_virtio_user_path(void **ctx)
{
	struct port_conf conf = {0};
	struct err err = ERR_INIT;

	(void)ctx;
	expect_error(port_virtio_user_ops.check(&conf, &err), &err, ERR_MISSING, "path",
		"/dev/vhost-net");
	str_copy(conf.path, "/nowhere/sock", sizeof(conf.path));
	expect_error(port_virtio_user_ops.check(&conf, &err), &err, ERR_DENIED, "trusted",
		"trusted=true");
	conf.trusted = true;
	expect_error(
		port_virtio_user_ops.check(&conf, &err), &err, ERR_MISSING, "path", "No such file");
	str_copy(conf.path, "/etc/passwd", sizeof(conf.path));
	expect_error(port_virtio_user_ops.check(&conf, &err), &err, ERR_INVALID, "path", "neither");
	str_copy(conf.path, "/tmp/a,server=1", sizeof(conf.path));
	expect_error(port_virtio_user_ops.check(&conf, &err), &err, ERR_INVALID, "path", "comma");
	memset(conf.path, 'x', 150);
	conf.path[0] = '/';
	conf.path[150] = '\0';
	expect_error(port_virtio_user_ops.check(&conf, &err), &err, ERR_TOO_BIG, "path", "150");
}

static void
test_memif_socket(void **ctx)
{
	struct port_conf conf = {0};
	struct err err = ERR_INIT;

	(void)ctx;
	expect_error(port_memif_ops.check(&conf, &err), &err, ERR_MISSING, "socket", "both sides");
	str_copy(conf.socket, "memif.sock", sizeof(conf.socket));
	expect_error(port_memif_ops.check(&conf, &err), &err, ERR_INVALID, "socket", "absolute");
	str_copy(conf.socket, "/nowhere/memif.sock", sizeof(conf.socket));
	expect_error(port_memif_ops.check(&conf, &err), &err, ERR_MISSING, "socket", "/nowhere");
	str_copy(conf.socket, "/etc/passwd", sizeof(conf.socket));
	expect_error(port_memif_ops.check(&conf, &err), &err, ERR_IN_USE, "socket", "not a socket");
	in_scratch(conf.socket, sizeof(conf.socket), "memif.sock");
	assert_int_equal(port_memif_ops.check(&conf, &err), 0);
	memset(conf.socket, 'x', 108);
	conf.socket[0] = '/';
	conf.socket[108] = '\0';
	expect_error(port_memif_ops.check(&conf, &err), &err, ERR_TOO_BIG, "socket", "108");
}

static void
test_pcap_files(void **ctx)
{
	struct port_conf conf = {0};
	struct err err = ERR_INIT;

	(void)ctx;
	expect_error(port_pcap_ops.check(&conf, &err), &err, ERR_MISSING, "rx-file", "tx-file");
	str_copy(conf.rx_file, "/nowhere/in.pcap", sizeof(conf.rx_file));
	expect_error(port_pcap_ops.check(&conf, &err), &err, ERR_MISSING, "rx-file", "No such");
	conf.rx_file[0] = '\0';
	str_copy(conf.tx_file, "/nowhere/out.pcap", sizeof(conf.tx_file));
	expect_error(port_pcap_ops.check(&conf, &err), &err, ERR_DENIED, "tx-file", "/nowhere");
	in_scratch(conf.tx_file, sizeof(conf.tx_file), "out.pcap");
	assert_int_equal(port_pcap_ops.check(&conf, &err), 0);
	conf.queues = 2;
	expect_error(port_pcap_ops.check(&conf, &err), &err, ERR_INVALID, "queues", "one");
	conf.queues = 1;
	/* what would have to be waited for */
	assert_int_equal(mkfifo(conf.tx_file, 0600), 0);
	expect_error(port_pcap_ops.check(&conf, &err), &err, ERR_INVALID, "tx-file", "regular");
	str_copy(conf.rx_file, conf.tx_file, sizeof(conf.rx_file));
	conf.tx_file[0] = '\0';
	expect_error(port_pcap_ops.check(&conf, &err), &err, ERR_INVALID, "rx-file", "regular");
	assert_int_equal(unlink(conf.rx_file), 0);
}

static void
test_ring_queues(void **ctx)
{
	struct port_conf conf = {.queues = 16};
	struct err err = ERR_INIT;

	(void)ctx;
	assert_int_equal(port_ring_ops.check(&conf, &err), 0);
	conf.queues = 17;
	expect_error(port_ring_ops.check(&conf, &err), &err, ERR_INVALID, "queues", "16");
}

static void
test_log_levels(void **ctx)
{
	(void)ctx;
	assert_int_equal(dpdk_log_level(RTE_LOG_ERR, "EAL: cannot open"), LOG_ERROR);
	assert_int_equal(dpdk_log_level(RTE_LOG_WARNING, "ETHDEV: odd"), LOG_WARN);
	assert_int_equal(dpdk_log_level(RTE_LOG_INFO, "VHOST_CONFIG: (x) fine"), LOG_DEBUG);
	assert_int_equal(dpdk_log_level(RTE_LOG_WARNING,
				 "EAL: No free 2048 kB hugepages reported on node 0"),
		LOG_DEBUG);
}

static void
test_log_tail(void **ctx)
{
	uint64_t mark;
	char tail[256];

	(void)ctx;
	assert_int_equal(dpdk_log_init(), 0);
	mark = dpdk_log_mark();
	dpdk_log_tail(mark, tail, sizeof(tail));
	assert_string_equal(tail, "");
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "one\n");
	rte_log(RTE_LOG_INFO, RTE_LOGTYPE_EAL, "chatter\n");
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "two");
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, " halves\nthree\n");
	dpdk_log_tail(mark, tail, sizeof(tail));
	assert_string_equal(tail, "one; two halves; three");
	dpdk_log_tail(dpdk_log_mark(), tail, sizeof(tail));
	assert_string_equal(tail, "");
	for (int i = 0; i < 2 * DPDK_LOG_TAIL; i++) {
		rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "line %d\n", i);
	}
	dpdk_log_tail(mark, tail, sizeof(tail));
	assert_string_equal(tail, "line 5; line 6; line 7; line 8; line 9");
}

static int
make_scratch(void **ctx) ROLE_ATTR(no_thread_safety_analysis)
{
	(void)ctx;
	role_enter(&role_main);
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

static int
remove_scratch(void **ctx)
{
	char command[128] = "";

	(void)ctx;
	str_appendf(command, sizeof(command), "rm -rf %s", scratch);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pci_wants_one_of_two),
		cmocka_unit_test(test_pci_address_forms),
		cmocka_unit_test(test_pci_device_states),
		cmocka_unit_test(test_pci_iommu_group),
		cmocka_unit_test(test_devargs_show_no_memory),
		cmocka_unit_test(test_virtio_user_path),
		cmocka_unit_test(test_memif_socket),
		cmocka_unit_test(test_pcap_files),
		cmocka_unit_test(test_ring_queues),
		cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_log_tail),
	};

	return cmocka_run_group_tests_name("ethdev types", tests, make_scratch, remove_scratch);
}
