/* SPDX-License-Identifier: BSD-3-Clause */
/* Listener and peers: what gets through, what does not, and what is left behind. */
#include "ctl/tls_listen.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/tls_context.h"
#include "ctl/tls_peer.h"
#include "ctl/tls_test_world.h"

#define PATIENCE 2000 /* tries of a millisecond */

static const struct tls_world_cert alice = {.common_name = "alice", .unit = "ops"};

static struct tls_stats
stats(const struct tls_world *w) ROLE_ATTR(no_thread_safety_analysis)
{
	struct tls_stats now;

	tls_listen_stats(w->listener, &now);
	return now;
}

/* All of it to the server's end, read there. */
static void
expect_arrives(struct tls_world *w, int fd, const char *bytes, size_t len)
{
	char *got = malloc(len);
	size_t have = 0;

	assert_non_null(got);
	for (int i = 0; i < PATIENCE && have < len; i++) {
		ssize_t n;

		tls_world_step(w);
		n = recv(fd, got + have, len - have, MSG_DONTWAIT);
		have += n > 0 ? (size_t)n : 0;
		(void)usleep(n > 0 ? 0 : 1000);
	}
	assert_int_equal(have, len);
	assert_memory_equal(got, bytes, len);
	free(got);
}

/* What the client hears next, up to `size` bytes: their number, 0 at the end, -1 for an error. */
static int
hear(struct tls_world *w, SSL *ssl, char *buf, size_t size)
{
	for (int i = 0; i < PATIENCE; i++) {
		int n;
		int error;

		tls_world_step(w);
		n = SSL_read(ssl, buf, (int)size);
		error = SSL_get_error(ssl, n);
		if (n > 0 || error == SSL_ERROR_ZERO_RETURN) {
			return n > 0 ? n : 0;
		}
		if (error != SSL_ERROR_WANT_READ) {
			return -1;
		}
		(void)usleep(1000);
	}
	return -1;
}

static void
both_ways(void **state)
{
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, &alice);
	char heard[64];

	assert_non_null(ssl);
	assert_int_equal(w->n_adopted, 1);
	assert_string_equal(w->who[0].user, "alice");
	assert_string_equal(w->who[0].groups, "ops,");
	assert_int_equal(w->who[0].role, RPC_ROLE_NONE);
	assert_int_equal(w->who[0].uid, (uid_t)-1);
	assert_int_equal(strncmp(w->who[0].from, "127.0.0.1:", 10), 0);
	assert_int_equal(SSL_write(ssl, "hello", 5), 5);
	expect_arrives(w, w->adopted[0], "hello", 5);
	assert_int_equal(send(w->adopted[0], "you too", 7, 0), 7);
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), 7);
	assert_memory_equal(heard, "you too", 7);
	assert_int_equal(stats(w).connections, 1);
	tls_world_hang_up(ssl); /* without a word: the server sees it gone */
	for (int i = 0; i < PATIENCE && stats(w).connections > 0; i++) {
		tls_world_step(w);
		(void)usleep(1000);
	}
	assert_int_equal(stats(w).connections, 0);
	assert_int_equal(recv(w->adopted[0], heard, sizeof(heard), MSG_DONTWAIT), 0);
}

/* The client ends its sending, the server answers and ends. */
static void
ends(void **state)
{
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, &alice);
	char heard[64];

	assert_non_null(ssl);
	assert_int_equal(SSL_write(ssl, "last words", 10), 10);
	(void)SSL_shutdown(ssl);
	expect_arrives(w, w->adopted[0], "last words", 10);
	for (int i = 0; i < 50; i++) {
		tls_world_step(w);
		(void)usleep(500);
	}
	assert_int_equal(recv(w->adopted[0], heard, sizeof(heard), MSG_DONTWAIT), 0);
	assert_int_equal(send(w->adopted[0], "answer", 6, 0), 6);
	assert_int_equal(shutdown(w->adopted[0], SHUT_WR), 0);
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), 6);
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), 0);
	assert_int_equal(stats(w).connections, 0);
	tls_world_hang_up(ssl);
}

/* The server ends while the client still sends: its last words arrive. */
static void
server_ends(void **state)
{
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, &alice);
	static char bulk[16384];
	char heard[64];

	assert_non_null(ssl);
	assert_int_equal(send(w->adopted[0], "too long", 8, 0), 8);
	assert_int_equal(close(w->adopted[0]), 0);
	w->adopted[0] = -1;
	for (int i = 0; i < 100; i++) {
		(void)SSL_write(ssl, bulk, sizeof(bulk));
		tls_world_step(w);
	}
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), 8);
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), 0);
	tls_world_hang_up(ssl);
	for (int i = 0; i < PATIENCE && stats(w).connections > 0; i++) {
		tls_world_step(w);
		(void)usleep(1000);
	}
	assert_int_equal(stats(w).connections, 0);
}

/* Neither side reads: what waits in between is bounded, and arrives in the end. */
static void
waiting_is_bounded(void **state)
{
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, &alice);
	static char bulk[16384];
	char *all;
	size_t sent = 0;
	size_t limit = (size_t)64 << 20;

	assert_non_null(ssl);
	memset(bulk, 'x', sizeof(bulk));
	for (int i = 0, quiet = 0; quiet < 50 && sent < limit; i++) {
		int n = SSL_write(ssl, bulk, sizeof(bulk));

		sent += n > 0 ? (size_t)n : 0;
		quiet = n > 0 ? 0 : quiet + 1;
		tls_world_step(w);
		(void)usleep(n > 0 ? 0 : 1000);
	}
	/* TCP's and the pair's buffers (a few MiB) and ours, far from all that could be sent */
	assert_in_range(sent, TLS_WAITING_HIGH, (size_t)24 << 20);
	all = malloc(sent);
	assert_non_null(all);
	memset(all, 'x', sent);
	expect_arrives(w, w->adopted[0], all, sent);
	free(all);
	tls_world_hang_up(ssl);
}

static void
names(void **state)
{
	static const struct {
		struct tls_world_cert cert;
		const char *user; /* NULL: refused */
	} cases[] = {
		{{.alternative = "email:a@b.example"}, "a@b.example"},
		{{.alternative = "IP:10.0.0.1,DNS:host7,email:a@b"}, "host7"},
		{{.alternative = "URI:spiffe://x/y"}, "spiffe://x/y"},
		{{.common_name = "with blanks in it"}, "with blanks in it"},
		{{.common_name = "a", .alternative = "DNS:b"}, "a"},
		{{.common_name = "a", .second_name = "b"}, NULL},
		{{.common_name = " a"}, NULL},
		{{.common_name = "a\nb"}, NULL},
		{{.common_name = "\xe4"}, NULL},
		{{.unit = "ops"}, NULL},
	};
	struct tls_world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t refused = stats(w).refused;
		SSL *ssl = tls_world_connect(w, &cases[i].cert);

		assert_non_null(ssl);
		if (cases[i].user == NULL) {
			assert_int_equal(stats(w).refused, refused + 1);
			assert_int_equal(w->n_adopted, 0);
		} else {
			assert_int_equal(w->n_adopted, 1);
			assert_string_equal(w->who[0].user, cases[i].user);
			(void)close(w->adopted[0]);
			w->n_adopted = 0;
		}
		tls_world_hang_up(ssl);
		tls_world_step(w);
	}
}

static void
refused(void **state)
{
	const struct tls_world_cert expired = {.common_name = "alice", .not_after = -60};
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, NULL);
	char heard[8];

	/* of TLS 1.3 the client's half is done before the server has looked */
	assert_non_null(ssl);
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), -1);
	assert_non_null(strstr(stats(w).last_refusal, "no certificate"));
	tls_world_hang_up(ssl);
	ssl = tls_world_connect(w, &expired);
	assert_non_null(ssl);
	assert_int_equal(hear(w, ssl, heard, sizeof(heard)), -1);
	assert_non_null(strstr(stats(w).last_refusal, "expired"));
	tls_world_hang_up(ssl);
	w->refuse_adoption = true;
	ssl = tls_world_connect(w, &alice);
	assert_non_null(ssl);
	assert_non_null(strstr(stats(w).last_refusal, "the test does not want it"));
	tls_world_hang_up(ssl);
	assert_int_equal(w->n_adopted, 0);
	assert_int_equal(stats(w).refused, 3);
	assert_int_equal(stats(w).accepted, 0);
	assert_int_equal(stats(w).connections, 0);
}

/* A connection ends with its certificate. */
static void
certificate_ends(void **state)
{
	const struct tls_world_cert brief = {.common_name = "alice", .not_after = 2};
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, &brief);
	char heard[8];
	int n = -1;

	assert_non_null(ssl);
	assert_int_equal(stats(w).connections, 1);
	for (int i = 0; i < 5 * PATIENCE && stats(w).connections > 0; i++) {
		tls_world_step(w);
		(void)usleep(1000);
	}
	n = SSL_read(ssl, heard, sizeof(heard));
	assert_true(n <= 0);
	assert_int_equal(stats(w).connections, 0);
	tls_world_hang_up(ssl);
}

/* Stopping closes all, and destroying with all kinds of connections open leaks nothing. */
static void stops(void **state) ROLE_ATTR(no_thread_safety_analysis);

static void
stops(void **state)
{
	struct tls_world *w = *state;
	SSL *open = tls_world_connect(w, &alice);
	SSL *none = tls_world_connect(w, NULL);
	char heard[8];

	assert_non_null(open);
	tls_listen_stop(w->listener);
	assert_int_equal(tls_listen_fd(w->listener), -1);
	assert_true(hear(w, open, heard, sizeof(heard)) <= 0);
	assert_int_equal(recv(w->adopted[0], heard, sizeof(heard), MSG_DONTWAIT), 0);
	assert_int_equal(stats(w).connections, 0);
	tls_world_hang_up(open);
	if (none != NULL) {
		tls_world_hang_up(none);
	}
}

static void
destroyed_while_open(void **state)
{
	struct tls_world *w = *state;
	SSL *ssl = tls_world_connect(w, &alice);

	assert_non_null(ssl);
	assert_int_equal(SSL_write(ssl, "x", 1), 1);
	tls_world_hang_up(ssl); /* the rest is the teardown's, and the sanitizer's */
}

/* Files that are wrong, each in its way. */
static void
wrong_files(void **state)
{
	struct tls_world *w = *state;
	struct tls_files good = {.certificate = tls_world_path(w, "server.pem"),
		.key = tls_world_path(w, "server.key"),
		.client_ca = tls_world_path(w, "ca.pem")};
	struct tls_files files = good;
	struct err err = ERR_INIT;
	SSL_CTX *context = NULL;
	time_t not_after;

	tls_world_write(w, "other", &alice);
	files.key = tls_world_path(w, "other.key");
	assert_int_equal(tls_context_create(&files, &context, &not_after, &err), -EINVAL);
	assert_string_equal(err.path, "key");
	assert_null(context);
	files = good;
	files.client_ca = files.key;
	assert_int_equal(tls_context_create(&files, &context, &not_after, &err), -EINVAL);
	assert_string_equal(err.path, "client-ca");
	files = good;
	files.certificate = "/dev/null";
	assert_int_equal(tls_context_create(&files, &context, &not_after, &err), -EINVAL);
	assert_string_equal(err.path, "certificate");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_ways, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(ends, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(server_ends, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(
			waiting_is_bounded, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(names, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(refused, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(
			certificate_ends, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(stops, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(
			destroyed_while_open, tls_world_setup, tls_world_teardown),
		cmocka_unit_test_setup_teardown(wrong_files, tls_world_setup, tls_world_teardown),
	};

	return cmocka_run_group_tests_name("tls_listen", tests, NULL, NULL);
}
