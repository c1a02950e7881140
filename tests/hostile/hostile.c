/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile guests: attack a daemon in every way we know, while an innocent pair forwards beside it.
 *
 * For each case: a fresh port for the attacker, the attack, and then a verdict that is the same for
 * all: the daemon lives and answers; the pair lost nothing, in order, every byte right, and never
 * stood still; the port says what was wrong; descriptors, threads, mappings, memory and packet
 * buffers are what they were; a well-behaved front end on the same port works.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/cases.h"

#define SETTLE (3 * CLOCK_S)
#define SILENCE_MAX (2 * CLOCK_S) /* machines that test are busy */
#define PING_MAX CLOCK_S
#define CASE_SLACK_MAPPINGS 12u /* a thread's stack and heap */
/* What an allocator may keep after one case, and two steps by which a flow cache is populated. */
#define CASE_SLACK_KIB 11264u
#define WHOLE_SLACK_KIB 16384u /* and all of them: flows that are remembered, too */
#define WARM_UP 5u
#define RECOVERY_FRAMES 32u

static const struct hostile_case *const tables[] = {message_cases, session_cases, memory_cases,
	area_cases, vanish_cases, ring_cases, table_cases, place_cases, frame_cases, race_cases,
	notify_cases};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

struct runner {
	const char *program;
	const char *backend;
	char *const *only; /* parts of names; none: all */
	int n_only;
	bool keep;
	struct daemon daemon;
	struct bystanders *bystanders;
	struct attack attack;
	unsigned int done;
	uint64_t warm_kib; /* resident memory after WARM_UP cases */
};

static bool
chosen(const struct runner *runner, const struct hostile_case *one)
{
	for (int i = 0; i < runner->n_only; i++) {
		if (strstr(one->name, runner->only[i]) != NULL) {
			return true;
		}
	}
	return runner->n_only == 0;
}

/*
 * Nobody else may have a bystander's address, or repeat its frames: that a bridge learns, and
 * floods to everybody, is not what is tested here.
 */
static int
pin_address(struct runner *runner, const char *port, uint8_t mac, struct err *err)
{
	char path[128];

	(void)snprintf(path, sizeof(path),
		"/vswitch:vswitch/bridge[name='br0']/"
		"static-mac[mac='02:00:00:00:00:%02x'][vlan='0']",
		mac);
	return daemon_edit(&runner->daemon, "create", path, json_pack("{s:s}", "port", port), err);
}

static json_t *
allowed_mac(uint8_t mac)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "02:00:00:00:00:%02x", mac);
	return json_pack("{s:[s]}", "allowed-mac", text);
}

static int
start_bystanders(struct runner *runner, struct err *err)
{
	static const char *const names[] = {"a", "b", "mate", "other"};
	static const uint8_t macs[] = {MAC_PAIR_A, MAC_PAIR_B, MAC_MATE};
	char paths[4][108];
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < 4; i++) {
		json_t *more = i == 3 ? allowed_mac(MAC_OTHER) : NULL;
		rc = daemon_add_port(&runner->daemon, names[i], more, err);
		daemon_port_socket(&runner->daemon, names[i], paths[i], sizeof(paths[i]));
		if (rc == 0 && i < 3) {
			rc = pin_address(runner, names[i], macs[i], err);
		}
	}
	if (rc == 0) {
		(void)memcpy(runner->attack.other, paths[3], sizeof(paths[3]));
		rc = bystanders_start(&runner->bystanders, paths[0], paths[1], paths[2], err);
	}
	return rc;
}

static void
stop_all(struct runner *runner)
{
	attack_close(&runner->attack);
	bystanders_stop(runner->bystanders);
	runner->bystanders = NULL;
	if (runner->daemon.pid > 0) {
		const int status = daemon_stop(&runner->daemon, runner->keep);
		if (status != 0) {
			printf("# the daemon's exit status: %d\n", status);
		}
	}
}

/* A daemon and bystanders that work: new ones, if the last attack has hurt them. */
static int
start_all(struct runner *runner, struct err *err)
{
	if (runner->bystanders != NULL) {
		return 0;
	}
	stop_all(runner);
	runner->warm_kib = 0;
	runner->done = 0;
	int rc = daemon_start(&runner->daemon, runner->program, runner->backend, err);
	if (rc == 0) {
		rc = start_bystanders(runner, err);
	}
	runner->attack.daemon = &runner->daemon;
	runner->attack.bystanders = runner->bystanders;
	return rc;
}

static int
fresh_port(struct runner *runner, const struct hostile_case *one, struct err *err)
{
	struct attack *attack = &runner->attack;
	json_t *more = allowed_mac(MAC_ATTACKER);
	const int rc = daemon_del_port(&runner->daemon, "evil", err);

	attack->listens = (one->flags & ATTACK_LISTENS) != 0;
	if (attack->listens) {
		(void)snprintf(attack->socket, sizeof(attack->socket), "%s/vhost/listens.sock",
			runner->daemon.dir);
		(void)json_object_set_new(more, "mode", json_string("client"));
		(void)json_object_set_new(more, "socket", json_string(attack->socket));
	} else {
		daemon_port_socket(&runner->daemon, "evil", attack->socket, sizeof(attack->socket));
	}
	return rc != 0 ? rc : daemon_add_port(&runner->daemon, "evil", more, err);
}

/* What is held when nothing changes any more. */
static void
settled_usage(struct runner *runner, struct daemon_usage *usage)
{
	const uint64_t end = clock_now() + CLOCK_S;
	struct daemon_usage before;

	daemon_usage(&runner->daemon, usage);
	do {
		before = *usage;
		(void)usleep(15000);
		daemon_usage(&runner->daemon, usage);
	} while (clock_now() < end &&
		(before.descriptors != usage->descriptors || before.mappings != usage->mappings));
}

static bool
same(const struct daemon_usage *before, const struct daemon_usage *after)
{
	/* Buffers on their way are in use for a moment: fewer is no leak. */
	return after->descriptors == before->descriptors && after->threads == before->threads &&
		after->mappings <= before->mappings + CASE_SLACK_MAPPINGS &&
		after->buffers <= before->buffers &&
		after->resident_kib <= before->resident_kib + CASE_SLACK_KIB;
}

static bool
check_usage(struct runner *runner, const struct daemon_usage *before)
{
	struct daemon_usage after;
	const uint64_t end = clock_now() + SETTLE;

	daemon_usage(&runner->daemon, &after);
	while (!same(before, &after) && clock_now() < end) {
		(void)usleep(20000);
		daemon_usage(&runner->daemon, &after);
	}
	if (!same(before, &after)) {
		return attack_fail(&runner->attack,
			"before and after: %u and %u descriptors, %u and %u threads, %llu and "
			"%llu mappings, %llu and %llu KiB, %lld and %lld packet buffers",
			before->descriptors, after.descriptors, before->threads, after.threads,
			(unsigned long long)before->mappings, (unsigned long long)after.mappings,
			(unsigned long long)before->resident_kib,
			(unsigned long long)after.resident_kib, (long long)before->buffers,
			(long long)after.buffers);
	}
	printf("# resident: %llu KiB\n", (unsigned long long)after.resident_kib);
	if (++runner->done == WARM_UP) {
		runner->warm_kib = after.resident_kib;
	}
	return true;
}

static bool
check_daemon(struct runner *runner)
{
	struct err err = ERR_INIT;
	uint64_t ns = 0;

	if (!daemon_alive(&runner->daemon)) {
		return attack_fail(&runner->attack, "THE DAEMON IS DEAD");
	}
	if (daemon_ping(&runner->daemon, &ns, &err) != 0) {
		return attack_fail(&runner->attack, "the daemon does not answer: %s", err.text);
	}
	return ns < PING_MAX ||
		attack_fail(&runner->attack, "the daemon answers after %llu ms",
			(unsigned long long)(ns / CLOCK_MS));
}

static bool
check_recovery(struct runner *runner)
{
	struct attack *attack = &runner->attack;

	if (!attack_open(attack, 0) || !attack_passes(attack, RECOVERY_FRAMES)) {
		return attack_fail(attack, "a good front end does not work afterwards");
	}
	const uint64_t end = clock_now() + 2 * CLOCK_S;
	attack->received = 0;
	while (attack->received == 0) {
		(void)attack_pump(attack, 0);
		if (clock_now() > end) {
			return attack_fail(attack, "a good front end receives nothing afterwards");
		}
		(void)usleep(500);
	}
	attack_close(attack);
	return true;
}

static bool
check_bystanders(struct runner *runner, const struct bystanders_report *before)
{
	struct bystanders_report now;

	bystanders_report(runner->bystanders, &now);
	const uint64_t lost = now.lost - before->lost;
	const uint64_t disordered = now.disordered - before->disordered;
	const uint64_t corrupt = now.corrupt - before->corrupt;
	const uint64_t delivered = now.delivered - before->delivered;

	printf("# pair: %llu frames, %llu broadcasts, longest silence %.1f ms\n",
		(unsigned long long)delivered,
		(unsigned long long)(now.broadcasts - before->broadcasts),
		(double)now.silence / (double)CLOCK_MS);
	if (lost + disordered + corrupt + now.disconnected > 0) {
		return attack_fail(&runner->attack,
			"the innocent pair: %llu frames lost, %llu out of order, %llu wrong, %llu "
			"guests disconnected",
			(unsigned long long)lost, (unsigned long long)disordered,
			(unsigned long long)corrupt, (unsigned long long)now.disconnected);
	}
	if (delivered == 0 || now.silence > SILENCE_MAX) {
		return attack_fail(&runner->attack, "the innocent pair stood still for %llu ms",
			(unsigned long long)(now.silence / CLOCK_MS));
	}
	return true;
}

static bool
run_case(struct runner *runner, const struct hostile_case *one)
{
	struct attack *attack = &runner->attack;
	struct err err = ERR_INIT;
	struct daemon_usage usage;
	struct bystanders_report report;

	attack->text[0] = '\0';
	if (start_all(runner, &err) != 0 || fresh_port(runner, one, &err) != 0) {
		return attack_fail(attack, "no daemon to attack: %s", err.text);
	}
	settled_usage(runner, &usage);
	bystanders_mark(runner->bystanders);
	bystanders_report(runner->bystanders, &report);
	bool good = one->run(attack, one->flags);
	attack_stop_thread(attack);
	if (good && one->reason != NULL) {
		good = attack_reason(attack, one->reason);
	}
	attack_close(attack);
	/* Each of them, whatever the others say: the first failure is told. */
	const bool alive = check_daemon(runner);
	good = alive && check_usage(runner, &usage) && good;
	good = alive && check_recovery(runner) && good;
	good = check_bystanders(runner, &report) && good;
	return good && attack->text[0] == '\0';
}

static bool
report_case(struct runner *runner, const struct hostile_case *one, unsigned int number)
{
	const uint64_t start = clock_now();
	const bool good = run_case(runner, one);

	printf("%s %u - %s: %s\n", good ? "ok" : "not ok", number, one->name, one->what);
	if (!good) {
		printf("# %s\n", runner->attack.text);
		daemon_print_log(&runner->daemon, 12);
		/* Who has been hurt, or not: the next case begins with a new daemon. */
		stop_all(runner);
	}
	printf("# took %.2f s\n", (double)(clock_now() - start) / (double)CLOCK_S);
	(void)fflush(stdout);
	return good;
}

/* Nothing has been lost over all the cases either; a daemon that was restarted starts anew. */
static bool
check_whole(struct runner *runner)
{
	struct daemon_usage usage;

	if (runner->warm_kib == 0 || runner->bystanders == NULL) {
		return true;
	}
	daemon_usage(&runner->daemon, &usage);
	printf("# resident: %llu KiB after %u cases, %llu KiB after %u\n",
		(unsigned long long)runner->warm_kib, WARM_UP,
		(unsigned long long)usage.resident_kib, runner->done);
	return usage.resident_kib <= runner->warm_kib + WHOLE_SLACK_KIB;
}

static unsigned int
count_cases(const struct runner *runner, bool list)
{
	unsigned int n = 0;

	for (unsigned int t = 0; t < N_TABLES; t++) {
		for (const struct hostile_case *one = tables[t]; one->name != NULL; one++) {
			if (chosen(runner, one)) {
				n++;
				if (list) {
					printf("%-28s %s\n", one->name, one->what);
				}
			}
		}
	}
	return n;
}

static int
usage(const char *name)
{
	(void)fprintf(stderr,
		"usage: %s [--list] [--keep] [--backend=dpdk] VSWITCHD [PART-OF-A-NAME...]\n",
		name);
	return 2;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"list", no_argument, NULL, 'l'},
		{"keep", no_argument, NULL, 'k'}, {"backend", required_argument, NULL, 'b'}, {0}};
	struct runner runner = {.backend = "native"};
	bool list = false;
	unsigned int failed = 0;
	unsigned int number = 0;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == '?') {
			return usage(argv[0]);
		}
		list = list || c == 'l';
		runner.keep = runner.keep || c == 'k';
		runner.backend = c == 'b' ? optarg : runner.backend;
	}
	if (!list && optind >= argc) {
		return usage(argv[0]);
	}
	runner.program = argv[optind];
	runner.only = argv + optind + (optind < argc);
	runner.n_only = argc - optind - (optind < argc);
	runner.attack.fe = (struct frontend){.socket = -1, .memory = {.fd = -1}};
	if (list) {
		(void)count_cases(&runner, true);
		return 0;
	}
	printf("TAP version 13\n1..%u\n", count_cases(&runner, false) + 1);
	for (unsigned int t = 0; t < N_TABLES; t++) {
		for (const struct hostile_case *one = tables[t]; one->name != NULL; one++) {
			if (chosen(&runner, one)) {
				failed += !report_case(&runner, one, ++number);
			}
		}
	}
	const bool whole = check_whole(&runner);
	printf("%s %u - memory is flat over all cases\n", whole ? "ok" : "not ok", ++number);
	stop_all(&runner);
	return failed > 0 || !whole;
}
