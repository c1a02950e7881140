/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "ctl/tls_error.h"

#define SECURITY_LEVEL 2 /* OpenSSL's: keys of at least 112 bits of strength (RSA 2048) */
#define NAME_SIZE 160 /* of a CA, in an error */
#define CHAIN_DEPTH 4 /* CAs between a client and one that we know */

/* The mode bits that no key may have: it is for its owner, and a group may read it. */
#define KEY_MODE (S_IWGRP | S_IRWXO)

/* Open a file of PEM as memory, so that nothing of it changes or blocks later. */
static int
file_open(const char *path, const char *leaf, bool secret, BIO **out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat info;
	ssize_t n = -1;
	char *bytes;

	if (fd < 0 || fstat(fd, &info) != 0) {
		int rc = err_set(err, ERR_INVALID, leaf, "file '%s' cannot be opened: %s", path,
			strerror(errno));

		if (fd >= 0) {
			(void)close(fd);
		}
		return rc;
	}
	if (!S_ISREG(info.st_mode) || info.st_size == 0 || info.st_size > TLS_FILE_MAX) {
		(void)close(fd);
		return err_set(err, ERR_INVALID, leaf, "'%s' is no file of 1 to %u bytes", path,
			TLS_FILE_MAX);
	}
	if (secret && (info.st_mode & KEY_MODE) != 0) {
		(void)close(fd);
		return err_set(err, ERR_INVALID, leaf,
			"key '%s' is open to others (mode %04o): chmod 600 it", path,
			info.st_mode & 07777);
	}
	bytes = malloc((size_t)info.st_size);
	if (bytes != NULL) {
		n = read(fd, bytes, (size_t)info.st_size);
	}
	(void)close(fd);
	*out = n <= 0 ? NULL : BIO_new(BIO_s_secmem());
	if (*out == NULL || BIO_write(*out, bytes, (int)n) != n) {
		(void)err_set(err, ERR_FAILED, leaf, "file '%s' cannot be read", path);
		BIO_free(*out);
		*out = NULL;
	}
	if (bytes != NULL) {
		OPENSSL_cleanse(bytes, (size_t)info.st_size);
	}
	free(bytes);
	return *out == NULL ? -EIO : 0;
}

/* What is wrong with a file, as OpenSSL sees it. */
static int
file_wrong(const char *path, const char *leaf, const char *what, struct err *err)
{
	char reason[TLS_ERROR_SIZE];

	return err_set(err, ERR_INVALID, leaf, "'%s' holds no %s: %s", path, what,
		tls_error_take(reason, sizeof(reason)));
}

static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* A good certificate that a client would refuse is no good. */
static int
times_check(const X509 *certificate, const char *path, time_t *not_after, struct err *err)
{
	char text[DATE_SIZE];

	*not_after = tls_not_after(certificate);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
		return err_set(err, ERR_INVALID, "certificate", "'%s' has expired at %s", path,
			date_text(*not_after, text));
	}
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
		return err_set(err, ERR_INVALID, "certificate", "'%s' is not valid yet", path);
	}
	return 0;
}

/* Our own, and those that lead to its CA. */
static int
certificate_use(SSL_CTX *context, const char *path, time_t *not_after, struct err *err)
{
	X509 *certificate;
	BIO *bio = NULL;
	int rc = file_open(path, "certificate", false, &bio, err);

	if (rc != 0) {
		return rc;
	}
	certificate = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
	if (certificate == NULL || SSL_CTX_use_certificate(context, certificate) != 1) {
		rc = file_wrong(path, "certificate", "certificate that can be used (PEM)", err);
	} else {
		rc = times_check(certificate, path, not_after, err);
	}
	X509_free(certificate);
	while (rc == 0 && (certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
			X509_free(certificate);
			rc = file_wrong(path, "certificate", "chain that can be used", err);
		}
	}
	ERR_clear_error(); /* the end of the file is one */
	BIO_free(bio);
	return rc;
}

static int
key_use(SSL_CTX *context, const char *path, struct err *err)
{
	EVP_PKEY *key;
	BIO *bio = NULL;
	int rc = file_open(path, "key", true, &bio, err);

	if (rc != 0) {
		return rc;
	}
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (key == NULL) {
		return file_wrong(path, "key", "key without a password (PEM)", err);
	}
	if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1) {
		ERR_clear_error();
		rc = err_set(
			err, ERR_INVALID, "key", "'%s' is not the key of the certificate", path);
	}
	EVP_PKEY_free(key);
	return rc;
}

/* Certificates become trusted, revocation lists are heeded; an info may hold one of each. */
static bool
authority_add(SSL_CTX *context, const X509_INFO *info, size_t *n)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);

	if (info->x509 != NULL) {
		*n += 1;
		if (X509_STORE_add_cert(store, info->x509) != 1 ||
			SSL_CTX_add_client_CA(context, info->x509) != 1) {
			return false;
		}
	}
	return info->crl == NULL ||
		(X509_STORE_add_crl(store, info->crl) == 1 &&
			X509_STORE_set_flags(
				store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1);
}

static bool
has_list(const STACK_OF(X509_INFO) * infos, const X509_NAME *issuer)
{
	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		const X509_CRL *crl = sk_X509_INFO_value(infos, i)->crl;

		if (crl != NULL &&
			(issuer == NULL || X509_NAME_cmp(X509_CRL_get_issuer(crl), issuer) == 0)) {
			return true;
		}
	}
	return false;
}

/* Where there are lists, a CA without one would have no clients. */
static int
lists_check(const STACK_OF(X509_INFO) * infos, const char *path, struct err *err)
{
	char name[NAME_SIZE];

	for (int i = 0; has_list(infos, NULL) && i < sk_X509_INFO_num(infos); i++) {
		const X509 *ca = sk_X509_INFO_value(infos, i)->x509;

		if (ca != NULL && !has_list(infos, X509_get_subject_name(ca))) {
			(void)X509_NAME_oneline(X509_get_subject_name(ca), name, sizeof(name));
			return err_set(err, ERR_INVALID, "client-ca",
				"'%s' has revocation lists, but none of the CA %s: add one, even "
				"if it is empty",
				path, name);
		}
	}
	return 0;
}

static int
authorities_use(SSL_CTX *context, const char *path, struct err *err)
{
	STACK_OF(X509_INFO) * infos;
	BIO *bio = NULL;
	size_t n = 0;
	int rc = file_open(path, "client-ca", false, &bio, err);

	if (rc != 0) {
		return rc;
	}
	infos = PEM_X509_INFO_read_bio(bio, NULL, no_password, NULL);
	BIO_free(bio);
	for (int i = 0; infos != NULL && i < sk_X509_INFO_num(infos) && rc == 0; i++) {
		if (!authority_add(context, sk_X509_INFO_value(infos, i), &n)) {
			rc = file_wrong(path, "client-ca", "CAs that can be used", err);
		}
	}
	rc = rc != 0 ? rc : lists_check(infos, path, err);
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	if (rc == 0 && n == 0) {
		rc = file_wrong(path, "client-ca", "certificate of a CA (PEM)", err);
	}
	return rc;
}

static void
context_restrict(SSL_CTX *context)
{
	(void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	(void)SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(context, CHAIN_DEPTH);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(context, 0);
	(void)SSL_CTX_set_max_early_data(context, 0);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

int
tls_context_create(const struct tls_files *files, SSL_CTX **out, time_t *not_after, struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int rc;

	*out = NULL;
	if (context == NULL) {
		ERR_clear_error();
		return err_set(err, ERR_LIMIT, NULL, "out of memory");
	}
	context_restrict(context);
	rc = certificate_use(context, files->certificate, not_after, err);
	rc = rc != 0 ? rc : key_use(context, files->key, err);
	rc = rc != 0 ? rc : authorities_use(context, files->client_ca, err);
	if (rc != 0) {
		SSL_CTX_free(context);
		return rc;
	}
	*out = context;
	return 0;
}

long
tls_context_verify(SSL_CTX *context, X509 *certificate, STACK_OF(X509) * chain)
{
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	long result = X509_V_ERR_OUT_OF_MEM;

	if (check != NULL &&
		X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context), certificate, chain) ==
			1 &&
		X509_STORE_CTX_set_default(check, "ssl_client") == 1) {
		X509_STORE_CTX_set_depth(check, CHAIN_DEPTH);
		result = X509_verify_cert(check) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(check);
	}
	X509_STORE_CTX_free(check);
	ERR_clear_error();
	return result;
}

time_t
tls_not_after(const X509 *certificate)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1) {
		return 0;
	}
	return timegm(&tm);
}
