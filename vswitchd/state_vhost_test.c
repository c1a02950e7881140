/* SPDX-License-Identifier: BSD-3-Clause */
/* State of guests, from a back end that answers what the test has put down. */
#include "vswitchd/state_vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "ports/vhost/vhost.h"
#include "ports/vhost/vu_wire.h"

#define RINGS 6

struct fake_vhost {
	struct port port;
	bool is_vhost;
	struct vhost_info info;
	struct vhost_ring_info rings[RINGS];
	const struct vhost_feature_info *features; /* ends with a NULL name */
};

/* --- the back end ---------------------------------------------------------------------------- */

static const struct fake_vhost *
fake_of(const struct port *port)
{
	return (const struct fake_vhost *)(const void *)port;
}

bool
port_is_vhost(const struct port *port)
{
	return fake_of(port)->is_vhost;
}

void
vhost_port_info(const struct port *port, struct vhost_info *info)
{
	*info = fake_of(port)->info;
}

void
vhost_port_ring(const struct port *port, uint16_t ring, struct vhost_ring_info *info)
{
	assert_true(ring < fake_of(port)->info.n_rings);
	*info = fake_of(port)->rings[ring];
}

bool
vhost_port_feature(const struct port *port, unsigned int i, struct vhost_feature_info *info)
{
	*info = fake_of(port)->features[i];
	return info->name != NULL;
}

const char *
vq_fault_name(enum vq_fault fault)
{
	static const char *const names[] = {[VQ_FAULT_NONE] = "none",
#define X(id, name, text) [id] = (name),
		VQ_FAULTS(X)
#undef X
	};

	return names[fault];
}

/* --- tests ----------------------------------------------------------------------------------- */

static const struct vhost_feature_info no_features[] = {{.name = NULL}};

static struct fake_vhost *
fake_create(uint16_t n_rings)
{
	struct fake_vhost *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->is_vhost = true;
	fake->features = no_features;
	fake->info.n_rings = n_rings;
	for (uint16_t r = 0; r < RINGS; r++) {
		fake->rings[r].ring = r;
	}
	return fake;
}

/* What is added to the entry `before`. */
static void
expect_state(const struct fake_vhost *fake, const char *before, const char *expected) ON_MAIN
{
	json_t *entry = json_loads(before, 0, NULL);
	char *text;

	assert_non_null(entry);
	state_vhost(&fake->port, entry);
	text = json_dumps(entry, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(entry);
}

static void
test_other_ports_have_none(void **state)
{
	struct fake_vhost *fake = fake_create(2);

	role_assert(&role_main);
	fake->is_vhost = false;
	expect_state(fake, "{\"queue\":[]}", "{\"queue\":[]}");
	free(fake);
}

static void
test_nobody(void **state)
{
	struct fake_vhost *fake = fake_create(2);

	role_assert(&role_main);
	expect_state(fake, "{}",
		"{\"guest\":{\"feature\":[],\"offered\":\"0x0\",\"acknowledged\":\"0x0\","
		"\"protocol-feature\":[],\"memory-regions\":0,\"memory\":\"0\",\"migrating\":false,"
		"\"connections\":\"0\",\"refused\":\"0\",\"connection\":[]},\"queue\":[]}");
	free(fake);
}

static void
test_guest(void **state)
{
	static const struct vhost_feature_info features[] = {
		{"checksum", VHOST_FEATURE_ACKNOWLEDGED, NULL},
		{"tso", VHOST_FEATURE_OFFERED, "the guest leaves it out"},
		{"packed", VHOST_FEATURE_DISABLED, "by disable-feature"},
		{.name = NULL},
	};
	struct fake_vhost *fake = fake_create(0);
	struct vhost_info *info = &fake->info;

	role_assert(&role_main);
	fake->features = features;
	info->offered = VU_RING_VERSION_1 | VU_NET_CSUM;
	info->acknowledged = UINT64_MAX;
	info->protocol =
		VU_PROTOCOL_F_MQ | VU_PROTOCOL_F_RARP | VU_PROTOCOL_F_STATUS | (UINT64_C(1) << 63);
	info->guest_mtu = 9000;
	info->n_regions = 3;
	info->memory = UINT64_C(1) << 40;
	info->logging = true;
	info->n_connections = 12;
	info->n_refused = 4;
	str_copy(info->last_error, "it went wrong", sizeof(info->last_error));
	info->n_history = 2;
	info->history[0] = (struct vhost_connection_info){.since = 1795282920 * CLOCK_S + 1999,
		.pid = 4711,
		.uid = UINT32_MAX,
		.messages = 38};
	info->history[1] = (struct vhost_connection_info){
		.since = 1 * CLOCK_S, .until = 2 * CLOCK_S - 1, .pid = 1, .messages = 1};
	str_copy(info->history[1].end, "it has closed", sizeof(info->history[1].end));
	expect_state(fake, "{\"queue\":[]}",
		"{\"queue\":[],\"guest\":{\"feature\":[{\"name\":\"checksum\",\"state\":"
		"\"acknowledged\"},{\"name\":\"tso\",\"state\":\"offered\",\"why\":\"the guest "
		"leaves it out\"},{\"name\":\"packed\",\"state\":\"disabled\",\"why\":\"by "
		"disable-feature\"}],\"offered\":\"0x100000001\",\"acknowledged\":"
		"\"0xffffffffffffffff\",\"protocol-feature\":[\"mq\",\"rarp\",\"status\"],\"mtu\":"
		"9000,\"memory-regions\":3,\"memory\":\"1099511627776\",\"migrating\":true,"
		"\"connections\":\"12\",\"refused\":\"4\",\"last-error\":\"it went wrong\","
		"\"connection\":[{\"number\":\"12\",\"since\":\"2026-11-21T17:42:00.000001Z\","
		"\"pid\":4711,\"uid\":4294967295,\"messages\":\"38\"},{\"number\":\"11\",\"since\":"
		"\"1970-01-01T00:00:01.000000Z\",\"until\":\"1970-01-01T00:00:01.999999Z\",\"pid\":"
		"1,\"uid\":0,\"messages\":\"1\",\"end\":\"it has closed\"}]}}");
	free(fake);
}

#define QUIET                                                                                \
	"\"kicks\":\"0\",\"calls\":\"0\",\"suppressed-calls\":\"0\",\"waiting\":0,\"full\":" \
	"\"0\",\"small\":\"0\",\"invalid\":\"0\""
#define NO_GUEST                                                                             \
	"\"guest\":{\"feature\":[],\"offered\":\"0x0\",\"acknowledged\":\"0x0\",\"protocol-" \
	"feature\":[],\"memory-regions\":0,\"memory\":\"0\",\"migrating\":false,"            \
	"\"connections\":\"0\",\"refused\":\"0\",\"connection\":[]}"

/* Rings stand below their queue; what nobody has told of is left out. */
static void
test_rings(void **state)
{
	struct fake_vhost *fake = fake_create(RINGS);
	struct vhost_ring_info *rings = fake->rings;

	role_assert(&role_main);
	rings[0].size = 32768;
	rings[0].enabled = true;
	rings[0].runs = true;
	rings[0].kicks = 1;
	rings[0].stats = (struct vq_stats){.packets = UINT64_MAX,
		.bytes = 3,
		.bursts = 4,
		.calls = 5,
		.suppressed = 6,
		.full = 7,
		.small = 8,
		.invalid = 9,
		.waiting = 10};
	rings[1].size = 100;
	rings[1].packed = true;
	rings[1].fault = VQ_FAULT_HEAD;
	rings[1].why = "an entry is wrong";
	/* It has gone, what it did has not. */
	rings[5].stats.packets = 1;
	rings[5].why = "no guest";
	expect_state(fake, "{\"queue\":[{\"id\":0,\"worker\":0}]}",
		"{\"queue\":[{\"id\":0,\"worker\":0,\"ring\":[{\"id\":0,\"direction\":\"tx\","
		"\"size\":32768,\"format\":\"split\",\"enabled\":true,\"running\":true,\"packets\":"
		"\"18446744073709551615\",\"bytes\":\"3\",\"bursts\":\"4\",\"kicks\":\"1\","
		"\"calls\":"
		"\"5\",\"suppressed-calls\":\"6\",\"waiting\":10,\"full\":\"7\",\"small\":\"8\","
		"\"invalid\":\"9\"},{\"id\":1,\"direction\":\"rx\",\"size\":100,\"format\":"
		"\"packed\",\"enabled\":false,\"running\":false,\"why\":\"an entry is wrong\","
		"\"fault\":\"head-range\",\"packets\":\"0\",\"bytes\":\"0\",\"bursts\":\"0\"," QUIET
		"}]},{\"id\":1,\"rx-enabled\":false,\"tx-enabled\":false},{\"id\":2,\"rx-enabled\":"
		"false,\"tx-enabled\":false,\"ring\":[{\"id\":5,\"direction\":\"rx\","
		"\"enabled\":false,\"running\":false,\"why\":\"no guest\","
		"\"packets\":\"1\",\"bytes\":\"0\",\"bursts\":\"0\"," QUIET "}]}]," NO_GUEST "}");
	free(fake);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_ports_have_none),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_guest),
		cmocka_unit_test(test_rings),
	};
	int rc;

	role_enter(&role_main);
	rc = cmocka_run_group_tests_name("state_vhost", tests, NULL, NULL);
	role_leave(&role_main);
	return rc;
}
