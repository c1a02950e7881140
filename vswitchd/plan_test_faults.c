/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/plan_test_faults.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "datapath/dp/dp_mirror.h"
#include "datapath/dp/dp_policy.h"
#include "ports/fake/test_wrapped.h"
#include "vswitchd/acl_config.h"
#include "vswitchd/port_numbers.h"

#define DEVICES_MAX 64

/* --- faults ------------------------------------------------------------------------------------
 */

struct fault fault;
struct things things;

static bool
fails(const char *where, struct err *err)
{
	if (!fault.armed || ++fault.n != fault.at) {
		return false;
	}
	fault.where = where;
	(void)err_set(err, ERR_FAILED, NULL, "%s fails in this test", where);
	return true;
}

int __real_dp_bridge_create(struct dp *dp, const struct dp_bridge_conf *conf,
	struct dp_bridge **out, struct err *err) ON_MAIN;
int __wrap_dp_bridge_create(struct dp *dp, const struct dp_bridge_conf *conf,
	struct dp_bridge **out, struct err *err) ON_MAIN;
void __real_dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;
void __wrap_dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge) ON_MAIN;
int __real_dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err) ON_MAIN;
int __wrap_dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err) ON_MAIN;
int __real_dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n,
	bool accept_rest, struct dp_acl **out, struct err *err) ON_MAIN;
int __wrap_dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n,
	bool accept_rest, struct dp_acl **out, struct err *err) ON_MAIN;
int __real_dp_acl_change(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices,
	size_t n, bool accept_rest, struct err *err) ON_MAIN;
int __wrap_dp_acl_change(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices,
	size_t n, bool accept_rest, struct err *err) ON_MAIN;
void __real_dp_acl_destroy(struct dp *dp, struct dp_acl *acl) ON_MAIN;
void __wrap_dp_acl_destroy(struct dp *dp, struct dp_acl *acl) ON_MAIN;
int __real_dp_mirror_create(const struct dp *dp, const struct dp_mirror_conf *conf,
	struct dp_mirror **out, struct err *err) ON_MAIN;
int __wrap_dp_mirror_create(const struct dp *dp, const struct dp_mirror_conf *conf,
	struct dp_mirror **out, struct err *err) ON_MAIN;
void __real_dp_mirror_discard(struct dp_mirror *mirror);
void __wrap_dp_mirror_discard(struct dp_mirror *mirror);
void __real_dp_mirror_stop(struct dp *dp, struct dp_mirror *mirror) ON_MAIN;
void __wrap_dp_mirror_stop(struct dp *dp, struct dp_mirror *mirror) ON_MAIN;
int __real_acl_config_make(const struct acl_config_base *base, const json_t *entry,
	struct acl_config *config, struct err *err);
int __wrap_acl_config_make(const struct acl_config_base *base, const json_t *entry,
	struct acl_config *config, struct err *err);
uint16_t __real_port_numbers_take(struct port_numbers *numbers, const char *name) ON_MAIN;
uint16_t __wrap_port_numbers_take(struct port_numbers *numbers, const char *name) ON_MAIN;
void __real_port_numbers_put(struct port_numbers *numbers, uint16_t number) ON_MAIN;
void __wrap_port_numbers_put(struct port_numbers *numbers, uint16_t number) ON_MAIN;

int
__wrap_dp_bridge_create(
	struct dp *dp, const struct dp_bridge_conf *conf, struct dp_bridge **out, struct err *err)
{
	int rc =
		fails("dp_bridge_create", err) ? -EIO : __real_dp_bridge_create(dp, conf, out, err);

	things.bridges += rc == 0;
	return rc;
}

void
__wrap_dp_bridge_destroy(struct dp *dp, struct dp_bridge *bridge)
{
	things.bridges--;
	__real_dp_bridge_destroy(dp, bridge);
}

int
__wrap_dp_bridge_prepare(struct dp *dp, const struct dp_bridge *bridge,
	const struct dp_bridge_conf *conf, struct fdb **table, struct err *err)
{
	*table = NULL;
	return fails("dp_bridge_prepare", err)
		? -EIO
		: __real_dp_bridge_prepare(dp, bridge, conf, table, err);
}

int
__wrap_dp_acl_create(struct dp *dp, const struct dp_acl_entry *entries, size_t n, bool accept_rest,
	struct dp_acl **out, struct err *err)
{
	int rc = fails("dp_acl_create", err)
		? -EIO
		: __real_dp_acl_create(dp, entries, n, accept_rest, out, err);

	things.acls += rc == 0;
	return rc;
}

int
__wrap_dp_acl_change(struct dp *dp, struct dp_acl *acl, const struct dp_acl_splice *splices,
	size_t n, bool accept_rest, struct err *err)
{
	return fails("dp_acl_change", err)
		? -EIO
		: __real_dp_acl_change(dp, acl, splices, n, accept_rest, err);
}

void
__wrap_dp_acl_destroy(struct dp *dp, struct dp_acl *acl)
{
	things.acls -= acl != NULL;
	__real_dp_acl_destroy(dp, acl);
}

int
__wrap_dp_mirror_create(const struct dp *dp, const struct dp_mirror_conf *conf,
	struct dp_mirror **out, struct err *err)
{
	int rc =
		fails("dp_mirror_create", err) ? -EIO : __real_dp_mirror_create(dp, conf, out, err);

	things.mirrors += rc == 0;
	return rc;
}

void
__wrap_dp_mirror_discard(struct dp_mirror *mirror)
{
	things.mirrors -= mirror != NULL;
	__real_dp_mirror_discard(mirror);
}

void
__wrap_dp_mirror_stop(struct dp *dp, struct dp_mirror *mirror)
{
	things.mirrors--;
	__real_dp_mirror_stop(dp, mirror);
}

int
__wrap_acl_config_make(const struct acl_config_base *base, const json_t *entry,
	struct acl_config *config, struct err *err)
{
	if (fails("acl_config_make", err)) {
		*config = (struct acl_config){.n = 0};
		return -EIO;
	}
	return __real_acl_config_make(base, entry, config, err);
}

uint16_t
__wrap_port_numbers_take(struct port_numbers *numbers, const char *name)
{
	uint16_t number =
		fails("port_numbers_take", NULL) ? 0 : __real_port_numbers_take(numbers, name);

	things.numbers += number != 0;
	return number;
}

void
__wrap_port_numbers_put(struct port_numbers *numbers, uint16_t number)
{
	things.numbers -= number != 0;
	__real_port_numbers_put(numbers, number);
}

/* --- devices -----------------------------------------------------------------------------------
 */

/* Devices are fake ports that remember what they were told. */
static struct device {
	struct port *port; /* NULL: the place is free */
	struct port_conf conf;
} devices[DEVICES_MAX];

const char *fault_gone = "-";

static const struct port_ops fake_type;
static const struct port_ops tap_type;

static struct device *
device_find(const struct port *port)
{
	size_t i = 0;

	while (i < DEVICES_MAX && devices[i].port != port) {
		i++;
	}
	assert_true(i < DEVICES_MAX);
	return &devices[i];
}

static const char *
ifname_of(const struct port_conf *conf)
{
	return conf->ifname[0] == '\0' ? conf->name : conf->ifname;
}

static int
device_open(const struct port_conf *conf, const struct port_env *env, struct port **port,
	struct err *err)
{
	const bool tap = strcmp(conf->type, "tap") == 0;
	struct device *device = device_find(NULL);
	int rc;

	if (fails("open", err)) {
		return -EIO;
	}
	if (strcmp(conf->ifname, fault_gone) == 0) {
		return err_set(err, ERR_FAILED, "ifname", "there is no interface '%s'", fault_gone);
	}
	for (size_t i = 0; tap && i < DEVICES_MAX; i++) {
		if (devices[i].port != NULL && strcmp(devices[i].conf.type, "tap") == 0 &&
			strcmp(ifname_of(&devices[i].conf), ifname_of(conf)) == 0) {
			return err_set(err, ERR_IN_USE, "ifname", "it is open already");
		}
	}
	rc = port_fake_ops.open(conf, env, port, err);
	assert_int_equal(rc, 0);
	(*port)->ops = tap ? &tap_type : &fake_type;
	*device = (struct device){*port, *conf};
	things.devices++;
	return 0;
}

static void
device_close(struct port *port, enum port_close why)
{
	device_find(port)->port = NULL;
	things.devices--;
	port_fake_ops.close(port, why);
}

static int
device_change(struct port *port, const struct port_conf *conf, struct err *err)
{
	struct device *device = device_find(port);

	if (!port_conf_same_but_mtu(&device->conf, conf)) {
		return -EOPNOTSUPP;
	}
	if (fails("change", err)) {
		return -EIO;
	}
	device->conf = *conf;
	return port_fake_ops.change(port, conf, err);
}

static void
device_status(const struct port *port, struct port_status *status)
{
	port_fake_ops.status(port, status);
	if (strcmp(device_find(port)->conf.ifname, fault_gone) == 0) {
		status->oper = PORT_FAILED;
		(void)str_copy(status->reason, "it has gone", sizeof(status->reason));
	}
}

#define DEVICE_TYPE(name)                                                                \
	{                                                                                \
		.type = (name), .check = wrapped_check, .open = device_open,             \
		.close = device_close, .change = device_change, .status = device_status, \
		.rx_burst = wrapped_rx_burst, .rx_release = wrapped_rx_release,          \
		.tx_burst = wrapped_tx_burst,                                            \
	}

static const struct port_ops fake_type = DEVICE_TYPE("fake");
static const struct port_ops tap_type = DEVICE_TYPE("tap");
const struct port_ops *const fault_types[] = {&fake_type, &tap_type, NULL};

/* --- a container of /system, for which its description stands -----------------------------------
 */

char fault_part_text[64];

static int
part_prepare(void *ctx, const json_t *before, const json_t *after, bool loading, void **prepared,
	struct err *err)
{
	(void)ctx;
	(void)before;
	(void)loading;
	if (fails("system part", err)) {
		return -EIO;
	}
	*prepared = str_dup(after == NULL ? "" : json_string_value(after));
	return 0;
}

static void
part_apply(void *ctx, void *prepared)
{
	(void)ctx;
	(void)str_copy(fault_part_text, prepared, sizeof(fault_part_text));
	free(prepared);
}

static void
part_abort(void *ctx, void *prepared)
{
	(void)ctx;
	free(prepared);
}

const struct system_part fault_part = {
	.container = "description",
	.prepare = part_prepare,
	.apply = part_apply,
	.abort = part_abort,
};

const struct port_conf *
fault_device_conf(const struct port *port)
{
	return &device_find(port)->conf;
}
