/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "base/str.h"

/* Where OpenSSL's own words are for those who know its sources. */
static const char *
ssl_reason_text(int reason)
{
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_WRONG_VERSION_NUMBER:
		return "no TLS 1.3";
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return "HTTP instead of TLS";
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "no certificate";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "it wants a certificate";
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "it does not know the CA of our certificate";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "our certificate has expired";
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
		return "our certificate is revoked";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
		return "it does not accept our certificate";
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return "the other side hung up";
	default:
		return NULL;
	}
}

const char *
tls_error_text(unsigned long code, char *buf, size_t size)
{
	const char *text = NULL;

	if (ERR_SYSTEM_ERROR(code)) {
		text = strerror(ERR_GET_REASON(code));
	}
	if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
		text = ssl_reason_text(ERR_GET_REASON(code));
	}
	if (text == NULL && code != 0) {
		text = ERR_reason_error_string(code);
	}
	(void)str_copy(buf, text == NULL ? "no reason given" : text, size);
	return buf;
}

const char *
tls_error_take(char *buf, size_t size)
{
	unsigned long code = ERR_get_error();

	ERR_clear_error();
	return tls_error_text(code, buf, size);
}

const char *
tls_verify_text(long code)
{
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "the certificate has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "the certificate is not valid yet";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "the certificate is of an unknown CA";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "the certificate is for another name";
	case X509_V_ERR_CERT_REVOKED:
		return "the certificate is revoked";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return "there is no revocation list of a CA that leads to the certificate";
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return "the revocation list of a CA that leads to the certificate has expired";
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return "the revocation list of a CA that leads to the certificate is not valid yet";
	case X509_V_ERR_INVALID_PURPOSE:
		return "the certificate is not for this use (extended key usage)";
	default:
		return X509_verify_cert_error_string(code);
	}
}
