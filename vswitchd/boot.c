/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitchd/boot.h"

#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <libgen.h>
#include <rte_version.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "ctl/methods.h"
#include "ctl/rpc_server.h"
#include "ctl/socket_path.h"
#include "ports/ethdev/types.h"
#include "ports/fake/fake.h"
#include "ports/kernel/types.h"
#include "ports/vhost/vhost.h"
#include "ports/vhost_dpdk/vhost_dpdk.h"
#include "ports/xdp/types.h"
#include "vswitchd/access_part.h"
#include "vswitchd/actions.h"
#include "vswitchd/captures.h"
#include "vswitchd/eal.h"
#include "vswitchd/event_sources.h"
#include "vswitchd/http_part.h"
#include "vswitchd/program.h"
#include "vswitchd/reactor_event.h"
#include "vswitchd/remote_part.h"
#include "vswitchd/world.h"

LOG_MODULE("vswitchd");

#define RUN_DIR_MODE 0750
#define SOCKET_MODE 0660
#define CONTROL_GROUP "vswitch" /* may use the control socket, if the group exists */
#define STOP_PATIENCE (500 * CLOCK_MS) /* for a transaction that runs at SIGTERM */

/* Every port type there is. */
static const struct port_ops *const port_types[] = {
	&port_vhost_ops,
	&port_vhost_dpdk_ops,
	&port_pci_ops,
	&port_af_xdp_ops,
	&port_af_packet_ops,
	&port_tap_ops,
	&port_virtio_user_ops,
	&port_memif_ops,
	&port_ring_ops,
	&port_pcap_ops,
	&port_null_ops,
	&port_fake_ops,
	NULL,
};

struct boot {
	const struct options *options;
	char run_dir[256];
	struct eal eal;
	struct mbuf_pools *pools;
	struct dp *dp;
	struct world world;
	struct datastore *ds;
	struct event_base *base;
	struct reactor_libevent reactor;
	struct event *sigterm;
	struct event *sigint;
	struct event *sighup;
	struct event *step; /* timer of dp_step and world_step */
	struct event *disk; /* the datastore's threads have ended something */
	struct rpc_server *rpc;
	struct event_sources sources;
	struct methods methods;
	struct programmer programmer;
	struct access_part access;
	struct remote_part remote;
	struct http_part *http;
	uint64_t stop_at; /* when to end even if a transaction still runs; 0: not stopping */
	/* outcome of loading the configuration */
	bool loaded;
	int load_rc;
	struct err load_err;
};

/* --- main's loop
 * ---------------------------------------------------------------------------------- */

static void
step_arm(struct boot *boot, uint64_t ns)
{
	struct timeval tv = {.tv_sec = (time_t)(ns / CLOCK_S),
		.tv_usec = (suseconds_t)(ns % CLOCK_S / CLOCK_US)};

	(void)event_add(boot->step, &tv);
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	struct boot *boot = arg;
	uint64_t now = clock_now();
	uint64_t store;
	uint64_t next;

	(void)fd;
	(void)what;
	role_assert(&role_main);
	next = dp_step(boot->dp, now);
	store = ds_step(boot->ds, now);
	next = next < store ? next : store;
	if (boot->stop_at != 0) {
		if (!ds_busy(boot->ds) || now >= boot->stop_at) {
			(void)event_base_loopbreak(boot->base);
			return;
		}
		next = DP_STEP_BUSY;
	} else {
		world_step(&boot->world, now);
	}
	next = event_sources_step(&boot->sources, now, next);
	step_arm(boot, sooner(next, captures_step(boot->world.captures, now)));
}

/* The disk has done what a transaction waits for. */
static void
on_disk(evutil_socket_t fd, short what, void *arg)
{
	const struct boot *boot = arg;

	(void)fd;
	(void)what;
	role_assert(&role_main);
	(void)ds_step(boot->ds, clock_now()); /* what it wants later, on_step does */
}

/* Something waits for a grace period: look soon. */
static void
on_kick(void *arg)
{
	step_arm(arg, DP_STEP_BUSY);
}

static void
on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct boot *boot = arg;

	(void)what;
	role_assert(&role_main);
	if (boot->stop_at != 0) {
		return;
	}
	log_notice("%s, stopping", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	(void)sd_notify(0, "STOPPING=1");
	boot->stop_at = clock_now() + STOP_PATIENCE;
	step_arm(boot, 0);
}

/* Certificates may have been renewed. */
static void
on_hangup(evutil_socket_t sig, short what, void *arg)
{
	const struct boot *boot = arg;
	struct err err = ERR_INIT;

	(void)sig;
	(void)what;
	role_assert(&role_main);
	if (system_parts_reload(&boot->world.parts, &err) != 0) {
		log_warn("SIGHUP: %s: %s", err.path, err.text);
	} else {
		log_notice("SIGHUP: certificates are read again");
	}
}

/* --- start, in order
 * ------------------------------------------------------------------------------ */

static int
make_run_dir(struct boot *boot, struct err *err)
{
	const struct group *group = getgrnam(CONTROL_GROUP);
	char copy[256];
	bool made;

	str_copy(copy, boot->options->socket, sizeof(copy));
	str_copy(boot->run_dir, dirname(copy), sizeof(boot->run_dir));
	made = mkdir(boot->run_dir, RUN_DIR_MODE) == 0;
	if (!made && errno != EEXIST) {
		return err_set(err, ERR_FAILED, "--socket", "folder '%s' cannot be made: %s",
			boot->run_dir, strerror(errno));
	}
	if (made) {
		(void)chmod(boot->run_dir, RUN_DIR_MODE); /* whatever the umask */
	}
	/* systemd makes the default folder before us, for root alone. */
	made = made || strcmp(boot->options->socket, SOCKET_PATH_SYSTEM) == 0;
	if (made && geteuid() == 0 && group != NULL) {
		(void)chown(boot->run_dir, 0, group->gr_gid);
	}
	return 0;
}

/* A port is a few descriptors: take as many as we are allowed. */
static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

static int
start_datapath(struct boot *boot, struct err *err) ON_MAIN
{
	const struct options *options = boot->options;
	struct dp_options dp_options = {.n_workers = options->n_workers,
		.cpus = options->cpus,
		.threads = true,
		.poll = options->poll,
		.eal = true,
		.flows = options->flows,
		.late = world_port_late,
		.late_arg = &boot->world,
		.reactor = &boot->reactor.reactor,
		.run_dir = boot->run_dir};
	int rc = eal_start(options, &boot->eal, err);

	event_sources_init(&boot->sources, &boot->world, &dp_options);
	if (rc == 0) {
		rc = mbuf_pools_create(&boot->pools, err);
	}
	if (rc != 0) {
		return rc;
	}
	if (getrandom(&dp_options.seed, sizeof(dp_options.seed), 0) !=
		(ssize_t)sizeof(dp_options.seed)) {
		return err_set(err, ERR_FAILED, NULL, "getrandom: %s", strerror(errno));
	}
	dp_options.pools = boot->pools;
	dp_options.hugepages = boot->eal.hugepages;
	return dp_create(&dp_options, &boot->dp, err);
}

static int
start_loop(struct boot *boot, struct err *err) ON_MAIN
{
	struct event_config *config = event_config_new();

	if (config != NULL) {
		/* Sub-millisecond timers: deleting a port should not take one for nothing. */
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
		boot->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (boot->base == NULL) {
		return err_set(err, ERR_FAILED, NULL, "libevent did not start");
	}
	reactor_event_init(&boot->reactor, boot->base);
	boot->sigterm = evsignal_new(boot->base, SIGTERM, on_stop, boot);
	boot->sigint = evsignal_new(boot->base, SIGINT, on_stop, boot);
	boot->step = evtimer_new(boot->base, on_step, boot);
	(void)event_add(boot->sigterm, NULL);
	boot->sighup = evsignal_new(boot->base, SIGHUP, on_hangup, boot);
	(void)event_add(boot->sigint, NULL);
	(void)event_add(boot->sighup, NULL);
	return 0;
}

static void
on_loaded(void *arg, int rc, const json_t *result, const struct err *err)
{
	struct boot *boot = arg;

	(void)result;
	boot->loaded = true;
	boot->load_rc = rc;
	if (rc != 0) {
		boot->load_err = *err;
	}
}

/* The schema's /system/memory. */
static json_t *
memory_state(void *arg)
{
	struct boot *boot = arg;
	json_t *state = eal_memory_state(&boot->eal);
	uint64_t total;
	uint64_t used;

	role_assert(&role_main);
	mbuf_pools_usage(boot->pools, &total, &used);
	(void)json_object_set_new(state, "buffers", json_integer((json_int_t)total));
	(void)json_object_set_new(state, "buffers-used", json_integer((json_int_t)used));
	return state;
}

static int
start_datastore(struct boot *boot, struct err *err) ON_MAIN
{
	struct ds_options options = {.file = boot->options->config,
		.threads = true,
		.ops = &world_ops,
		.ctx = &boot->world,
		.revised = config_events_take,
		.revised_ctx = &boot->sources.configs};
	int rc;

	world_init(&boot->world);
	boot->world.dp = boot->dp;
	boot->world.types = port_types;
	boot->world.run_dir = boot->run_dir;
	boot->world.kick = on_kick;
	boot->world.kick_arg = boot;
	boot->world.started = clock_now();
	boot->world.memory = memory_state;
	boot->world.memory_arg = boot;
	boot->world.captures = captures_create(&boot->world);
	if (boot->world.captures == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	rc = ds_create(&options, &boot->ds, err);
	if (rc == 0 && ds_wake_fd(boot->ds) >= 0) {
		boot->disk = event_new(
			boot->base, ds_wake_fd(boot->ds), EV_READ | EV_PERSIST, on_disk, boot);
		(void)event_add(boot->disk, NULL);
	}
	return rc;
}

static int
load_config(struct boot *boot, struct err *err) ON_MAIN
{
	ds_load(boot->ds, on_loaded, boot);
	step_arm(boot, 0);
	while (!boot->loaded && event_base_loop(boot->base, EVLOOP_ONCE) == 0) {
	}
	if (boot->load_rc != 0) {
		*err = boot->load_err;
	}
	access_part_loaded(&boot->access);
	return boot->load_rc;
}

static void
on_peer_gone(void *arg, struct rpc_peer *peer)
{
	struct boot *boot = arg;

	role_assert(&role_main);
	events_peer_gone(boot->sources.events, peer);
	captures_peer_gone(boot->world.captures, peer);
}

/* Rules have changed: what a peer has begun and may not any more ends. */
static void
on_recheck(void *arg, struct rpc_peer *peer, enum rpc_role role)
{
	struct boot *boot = arg;

	role_assert(&role_main);
	events_recheck(boot->sources.events, peer, role);
	if (role < RPC_ROLE_OPERATE ||
		access_check_whole(&boot->access.access, rpc_peer_who(peer), "capture", NULL) !=
			0) {
		captures_not_permitted(boot->world.captures, peer);
	}
}

static int
start_rpc(struct boot *boot, struct err *err) ON_MAIN
{
	const struct group *group = getgrnam(CONTROL_GROUP);
	struct rpc_server_options options = {.path = boot->options->socket,
		.mode = SOCKET_MODE,
		.group = geteuid() == 0 && group != NULL ? group->gr_gid : (gid_t)-1,
		.methods = methods_table,
		.ctx = &boot->methods,
		.role = methods_role,
		.settled = methods_settled,
		.ended = methods_ended};
	int rc;

	programmer_init(&boot->programmer, &boot->world);
	boot->methods = (struct methods){.ds = boot->ds,
		.actions = world_actions,
		.actions_ctx = &boot->world,
		.program = &boot->programmer.backend,
		.versions = json_pack("{s:s, s:s, s:i}", "vswitchd", VSW_VERSION, "dpdk",
			rte_version(), "protocol", 1),
		.started = boot->world.started,
		.access = &boot->access.access,
		.names = boot->access.names,
		.audit = AUDIT_INIT};
	rc = event_sources_start(&boot->sources, err);
	boot->methods.events = boot->sources.events;
	rc = rc != 0 ? rc : rpc_server_create(boot->base, &options, &boot->rpc, err);
	if (rc == 0) {
		rpc_server_on_gone(boot->rpc, on_peer_gone, boot);
		rpc_server_on_recheck(boot->rpc, on_recheck, boot);
		event_sources_connect(&boot->sources, boot->rpc);
	}
	return rc;
}

/* Who carries out containers of /system. */
static int
start_parts(struct boot *boot, struct err *err) ON_MAIN
{
	const struct system_part parts[] = {
		access_part_system(&boot->access),
		remote_part_system(&boot->remote),
	};
	const struct http_part_conf http = {
		.base = boot->base, .ds = boot->ds, .rpc = boot->rpc, .world = &boot->world};
	int rc = access_part_serve(&boot->access, boot->base, boot->rpc, err);

	rc = rc != 0 ? rc : remote_part_init(&boot->remote, boot->base, boot->rpc, err);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		system_parts_add(&boot->world.parts, &parts[i]);
	}
	return rc != 0 ? rc : http_part_create(&http, &boot->http, err);
}

static int
start_all(struct boot *boot, struct err *err) ON_MAIN
{
	int rc;

	raise_limits();
	for (const struct port_ops *const *ops = port_types; *ops != NULL; ops++) {
		port_ops_check(*ops);
	}
	rc = make_run_dir(boot, err);
	rc = rc != 0 ? rc : start_loop(boot, err);
	rc = rc != 0 ? rc : start_datapath(boot, err);
	rc = rc != 0 ? rc : start_datastore(boot, err);
	/* Before any device is touched: a second daemon on the same socket ends here. */
	rc = rc != 0 ? rc : start_rpc(boot, err);
	rc = rc != 0 ? rc : start_parts(boot, err);
	rc = rc != 0 ? rc : load_config(boot, err);
	return rc;
}

/* --- stop, in reverse
 * ------------------------------------------------------------------------------ */

static void
stop_all(struct boot *boot) ON_MAIN
{
	http_part_destroy(boot->http);
	remote_part_fini(&boot->remote);
	rpc_server_destroy(boot->rpc);
	captures_destroy(boot->world.captures);
	boot->world.captures = NULL;
	event_sources_stop(&boot->sources);
	json_decref(boot->methods.versions);
	if (boot->disk != NULL) {
		event_free(boot->disk);
	}
	world_abandon(&boot->world);
	dp_destroy(boot->dp, PORT_CLOSE_SHUTDOWN);
	world_fini(&boot->world);
	/* After the devices: the disk may take its time. */
	if (boot->ds != NULL && !ds_busy(boot->ds)) {
		ds_destroy(boot->ds);
	}
	access_part_fini(&boot->access);
	mbuf_pools_destroy(boot->pools);
	eal_stop(&boot->eal);
	if (boot->base != NULL) {
		event_free(boot->sigterm);
		event_free(boot->sigint);
		event_free(boot->sighup);
		event_free(boot->step);
		event_base_free(boot->base);
	}
}

int
boot_run(const struct options *options, struct err *err)
{
	struct boot *boot = calloc(1, sizeof(*boot));
	int rc;

	if (boot == NULL) {
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	boot->options = options;
	world_init(&boot->world);
	access_part_init(&boot->access);
	rc = start_all(boot, err);
	if (rc == 0) {
		log_notice("vswitchd %s ready: %u worker%s, control socket %s, configuration %s",
			VSW_VERSION, options->n_workers, options->n_workers == 1 ? "" : "s",
			options->socket, options->config);
		(void)sd_notify(0, "READY=1");
		(void)event_base_dispatch(boot->base);
		log_notice("stopped");
	}
	stop_all(boot);
	free(boot);
	return rc;
}
