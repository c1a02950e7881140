/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cli.h"
#include "ctl/cli_hint.h"
#include "ctl/client.h"
#include "ctl/client_tls.h"
#include "ctl/socket_path.h"

static enum cli_status client_need(struct cli *cli, bool quiet);
static enum cli_status call(struct cli *cli, const char *method, json_t *params, json_t **result,
	json_t **fault, bool quiet);

enum cli_status
cli_connect(struct cli *cli)
{
	return client_need(cli, false);
}

enum cli_status
cli_call(struct cli *cli, const char *method, json_t *params, json_t **result)
{
	json_t *fault = NULL;
	enum cli_status status = call(cli, method, params, result, &fault, false);

	if (fault != NULL) {
		cli_fault_print(cli, fault);
	}
	json_decref(fault);
	return status;
}

enum cli_status
cli_call_fault(struct cli *cli, const char *method, json_t *params, json_t **result, json_t **fault)
{
	return call(cli, method, params, result, fault, false);
}

enum cli_status
cli_call_quiet(struct cli *cli, const char *method, json_t *params, json_t **result)
{
	json_t *fault = NULL;
	enum cli_status status = call(cli, method, params, result, &fault, true);

	json_decref(fault);
	return status;
}

enum cli_status
cli_get(struct cli *cli, const char *path, const char *content, json_t **data)
{
	return cli_call(
		cli, "get", json_pack("{s:s, s:s}", "path", path, "content", content), data);
}

enum cli_status
cli_action(struct cli *cli, const char *name, json_t *input, json_t **output)
{
	return cli_call(
		cli, "action", json_pack("{s:s, s:o}", "name", name, "input", input), output);
}

void
cli_print_json(struct cli *cli, const json_t *json)
{
	(void)json_dumpf(json, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)fputc('\n', cli->out);
}

enum cli_status
cli_error(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("vswitchctl: ", cli->err);
	va_start(ap, fmt);
	(void)vfprintf(cli->err, fmt, ap);
	va_end(ap);
	(void)fputc('\n', cli->err);
	return CLI_REFUSED;
}

/* *fault is a new reference if the daemon refused. */
static enum cli_status
call(struct cli *cli, const char *method, json_t *params, json_t **result, json_t **fault,
	bool quiet)
{
	struct err err = ERR_INIT;
	enum cli_status status;
	int rc;

	*result = NULL;
	*fault = NULL;
	status = client_need(cli, quiet);
	if (status != CLI_OK) {
		json_decref(params);
		return status;
	}
	rc = client_call(cli->client, method, params, result, fault, &err);
	if (rc == 0) {
		return CLI_OK;
	}
	if (rc == -EREMOTE) {
		return CLI_REFUSED;
	}
	client_close(cli->client);
	cli->client = NULL;
	if (rc == -EINTR) {
		return CLI_INTERRUPTED;
	}
	if (!quiet) {
		(void)cli_error(cli, "%s: %s", cli->socket, err.text);
	}
	return CLI_NO_DAEMON;
}

/* The option's, the environment's, or nothing. */
static const char *
given(const char *option, const char *variable)
{
	const char *value = str_given(option) ? option : getenv(variable);

	return str_given(value) ? value : NULL;
}

/* To a daemon elsewhere. */
static int
client_connect_tls(struct cli *cli, struct client_tls_conf *conf, struct err *err)
{
	conf->certificate = given(cli->cert, "VSWITCHCTL_CERT");
	conf->key = given(cli->key, "VSWITCHCTL_KEY");
	conf->key = conf->key == NULL ? conf->certificate : conf->key;
	conf->ca = given(cli->ca, "VSWITCHCTL_CA");
	if (conf->certificate == NULL || conf->ca == NULL) {
		return err_set(err, ERR_INVALID, NULL,
			"%s is reached by TLS, which needs --%s FILE (or $VSWITCHCTL_%s)",
			cli->socket, conf->certificate == NULL ? "cert" : "ca",
			conf->certificate == NULL ? "CERT" : "CA");
	}
	return client_open_tls(conf, cli->timeout_ms, &cli->client, err);
}

/* To what cli->socket names. */
static int
client_connect(struct cli *cli, struct err *err)
{
	struct client_tls_conf conf = {.certificate = NULL};

	switch (client_target_parse(cli->socket, &conf.target)) {
	case CLIENT_TARGET_HOST:
		return client_connect_tls(cli, &conf, err);
	case CLIENT_TARGET_WRONG:
		return err_set(err, ERR_INVALID, NULL,
			"'%s' is not tls://HOST:PORT with a port from 1 to 65535", cli->socket);
	default:
		return client_open(cli->socket, cli->timeout_ms, &cli->client, err);
	}
}

/* Connect unless connected. */
static enum cli_status
client_need(struct cli *cli, bool quiet)
{
	struct err err = ERR_INIT;
	int rc;

	if (cli->client != NULL) {
		client_timeout(cli->client, cli->timeout_ms);
		return CLI_OK;
	}
	rc = socket_path_find(cli->socket_option, cli->socket, sizeof(cli->socket), &err);
	if (rc == 0) {
		rc = client_connect(cli, &err);
	}
	if (rc == 0) {
		client_interrupt(cli->client, cli->interrupt_fd);
		return CLI_OK;
	}
	if (quiet) {
		return CLI_NO_DAEMON;
	}
	(void)cli_error(cli, "%s", err.text);
	if (client_target_parse(cli->socket, &(struct client_target){.host = ""}) ==
		CLIENT_TARGET_PATH) {
		cli_hint_connect(cli, &err);
	}
	return err.kind == ERR_INVALID ? CLI_USAGE : CLI_NO_DAEMON;
}

void
cli_fault_print(struct cli *cli, const json_t *fault)
{
	const json_t *data = json_object_get(fault, "data");
	const char *message = json_string_value(json_object_get(fault, "message"));
	const char *text = json_string_value(json_object_get(data, "error-message"));
	const char *path = json_string_value(json_object_get(data, "error-path"));
	const char *tag = json_string_value(json_object_get(data, "error-tag"));

	if (!str_given(text)) {
		text = str_given(message) ? message : "the daemon refused and did not say why";
	}
	(void)cli_error(cli, "%s", text);
	if (str_given(path)) {
		(void)fprintf(cli->err, "  at %s\n", path);
	}
	cli_hint_refused(cli, tag, text);
}
