/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/tls_name.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "base/str.h"

/* Printable ASCII without a blank at an end: the schema's type person. */
static bool
is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~') {
			return false;
		}
	}
	return len > 0 && text[0] != ' ' && text[len - 1] != ' ';
}

/* False if it is no name, or too long for the buffer. */
static bool
name_of(const ASN1_STRING *string, char *buf, size_t size)
{
	unsigned char *text = NULL;
	int len = ASN1_STRING_to_UTF8(&text, string);
	bool good = len > 0 && (size_t)len < size && is_name((const char *)text, (size_t)len);

	if (good) {
		memcpy(buf, text, (size_t)len);
		buf[len] = '\0';
	}
	OPENSSL_free(text);
	return good;
}

/* The entry of this kind behind `after` (-1: the first), or NULL. */
static const ASN1_STRING *
entry_next(const X509_NAME *subject, int kind, int *after)
{
	*after = X509_NAME_get_index_by_NID(subject, kind, *after);
	return *after < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, *after));
}

/* Of a certificate without a common name. */
static bool
alternative_name(const X509 *certificate, struct rpc_who *who)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_EMAIL || name->type == GEN_DNS || name->type == GEN_URI) {
			found = name_of(name->d.ia5, who->user, sizeof(who->user));
		}
	}
	GENERAL_NAMES_free(names);
	return found;
}

int
tls_name(const X509 *certificate, struct rpc_who *who, struct err *err)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	const ASN1_STRING *entry;
	char group[RPC_GROUPS_SIZE];
	int at = -1;

	entry = entry_next(subject, NID_commonName, &at);
	if (entry != NULL && entry_next(subject, NID_commonName, &at) != NULL) {
		return err_set(err, ERR_INVALID, NULL, "the certificate has two common names");
	}
	if (entry == NULL ? !alternative_name(certificate, who)
			  : !name_of(entry, who->user, sizeof(who->user))) {
		who->user[0] = '\0';
		return err_set(err, ERR_INVALID, NULL,
			"the certificate has no common name of 1 to %d printable ASCII characters",
			RPC_USER_SIZE - 1);
	}
	at = -1;
	while ((entry = entry_next(subject, NID_organizationalUnitName, &at)) != NULL) {
		if (name_of(entry, group, sizeof(group))) {
			(void)rpc_who_add_group(who, group);
		}
	}
	return 0;
}
