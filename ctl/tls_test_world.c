/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/tls_test_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "ctl/tls_context.h"

#define PATIENCE 2000 /* tries of a millisecond */

static int
adopt(void *ctx, int fd, const struct rpc_who *who, struct err *err)
{
	struct tls_world *w = ctx;

	if (w->refuse_adoption || w->n_adopted == TLS_WORLD_ADOPTED) {
		(void)close(fd);
		return err_set(err, ERR_LIMIT, NULL, "the test does not want it");
	}
	w->who[w->n_adopted] = *who;
	w->adopted[w->n_adopted++] = fd;
	return 0;
}

/* --- certificates ----------------------------------------------------------------------------- */

static void
add_name(X509_NAME *name, int kind, const char *text)
{
	if (text != NULL) {
		assert_int_equal(X509_NAME_add_entry_by_NID(name, kind, MBSTRING_ASC,
					 (const unsigned char *)text, -1, -1, 0),
			1);
	}
}

static void
add_extension(X509 *cert, int kind, const char *text)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, text);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static X509 *
make(const struct tls_world_cert *what, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key)
{
	static long serial;
	X509 *cert = X509_new();

	assert_non_null(cert);
	assert_int_equal(X509_set_version(cert, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), what->not_after == 0 ? 3600 : what->not_after);
	add_name(X509_get_subject_name(cert), NID_organizationalUnitName, what->unit);
	add_name(X509_get_subject_name(cert), NID_commonName, what->common_name);
	add_name(X509_get_subject_name(cert), NID_commonName, what->second_name);
	if (what->alternative != NULL) {
		add_extension(cert, NID_subject_alt_name, what->alternative);
	}
	if (issuer == NULL) {
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
		issuer = cert;
	}
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
	return cert;
}

X509 *
tls_world_sign(const struct tls_world *w, const struct tls_world_cert *cert, EVP_PKEY **key)
{
	*key = EVP_EC_gen("P-256");
	assert_non_null(*key);
	return make(cert, w->ca, w->ca_key, *key);
}

const char *
tls_world_path(const struct tls_world *w, const char *name)
{
	static char paths[16][128];
	static size_t n;
	char *path = paths[n++ % ARRAY_LEN(paths)];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", w->folder, name);
	return path;
}

static void
write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	if (cert != NULL) {
		assert_int_equal(PEM_write_X509(file, cert), 1);
	} else {
		assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	}
	assert_int_equal(fclose(file), 0);
}

void
tls_world_write(struct tls_world *w, const char *name, const struct tls_world_cert *cert)
{
	char file[64];
	EVP_PKEY *key;
	X509 *made = tls_world_sign(w, cert, &key);

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	write_pem(tls_world_path(w, file), made, NULL);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	write_pem(tls_world_path(w, file), NULL, key);
	X509_free(made);
	EVP_PKEY_free(key);
}

/* --- the world -------------------------------------------------------------------------------- */

static void
world_listen(struct tls_world *w) ROLE_ATTR(no_thread_safety_analysis)
{
	const struct tls_listen_options options = {.base = w->base, .adopt = adopt, .ctx = w};
	const struct tls_world_cert server = {
		.common_name = "switch", .alternative = "IP:127.0.0.1"};
	struct sockaddr_in bound;
	socklen_t len = sizeof(bound);
	struct tls_files files;
	time_t not_after;
	int fd;

	tls_world_write(w, "server", &server);
	write_pem(tls_world_path(w, "ca.pem"), w->ca, NULL);
	files = (struct tls_files){.certificate = tls_world_path(w, "server.pem"),
		.key = tls_world_path(w, "server.key"),
		.client_ca = tls_world_path(w, "ca.pem")};
	assert_int_equal(tls_context_create(&files, &w->server, &not_after, NULL), 0);
	assert_int_equal(tls_listen_create(&options, &w->listener, NULL), 0);
	fd = tls_listen_open("127.0.0.1", 0, NULL);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
	w->port = ntohs(bound.sin_port);
	tls_listen_use(w->listener, fd, w->server);
}

int
tls_world_setup(void **state)
{
	const struct tls_world_cert ca = {.common_name = "ca"};
	struct tls_world *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return -1;
	}
	role_enter(&role_main);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)str_copy(w->folder, "/tmp/vsw-tls-test-XXXXXX", sizeof(w->folder));
	assert_non_null(mkdtemp(w->folder));
	w->base = event_base_new();
	w->ca_key = EVP_EC_gen("P-256");
	w->ca = make(&ca, NULL, w->ca_key, w->ca_key);
	world_listen(w);
	*state = w;
	return 0;
}

int
tls_world_teardown(void **state)
{
	static const char *const files[] = {
		"server.pem", "server.key", "ca.pem", "other.pem", "other.key"};
	struct tls_world *w = *state;

	tls_listen_destroy(w->listener);
	SSL_CTX_free(w->server);
	event_base_free(w->base);
	for (size_t i = 0; i < w->n_adopted; i++) {
		(void)close(w->adopted[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)unlink(tls_world_path(w, files[i]));
	}
	(void)rmdir(w->folder);
	X509_free(w->ca);
	EVP_PKEY_free(w->ca_key);
	free(w);
	role_leave(&role_main);
	return 0;
}

void
tls_world_step(struct tls_world *w)
{
	for (int i = 0; i < 5; i++) {
		(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
}

/* --- clients ---------------------------------------------------------------------------------- */

static SSL *
client_new(struct tls_world *w, const struct tls_world_cert *cert)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	assert_non_null(context);
	if (cert != NULL) {
		EVP_PKEY *key;
		X509 *made = tls_world_sign(w, cert, &key);

		assert_int_equal(SSL_CTX_use_certificate(context, made), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
		X509_free(made);
		EVP_PKEY_free(key);
	}
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	assert_non_null(ssl);
	return ssl;
}

SSL *
tls_world_connect(struct tls_world *w, const struct tls_world_cert *cert)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(w->port)};
	SSL *ssl = client_new(w, cert);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = -1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	for (int i = 0; i < PATIENCE && n != 1; i++) {
		int error;

		tls_world_step(w);
		n = SSL_connect(ssl);
		error = SSL_get_error(ssl, n);
		if (n != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
			tls_world_hang_up(ssl);
			return NULL;
		}
		(void)usleep(1000);
	}
	assert_int_equal(n, 1);
	/* the server has the certificate only now */
	for (int i = 0; i < 20; i++) {
		tls_world_step(w);
		(void)usleep(500);
	}
	return ssl;
}

void
tls_world_hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	(void)close(fd);
}
