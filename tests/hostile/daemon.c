/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/hostile/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/client.h"

#define START_TIMEOUT (20 * CLOCK_S)
#define STOP_TIMEOUT (10 * CLOCK_S)
#define CALL_TIMEOUT_MS 5000
#define PATH_ROOM 160

static const char *const files[] = {"ctl.sock", "config.json", "config.json.lock", "log"};

static void
file_path(const struct daemon *daemon, const char *file, char *path)
{
	(void)snprintf(path, PATH_ROOM, "%s/%s", daemon->dir, file);
}

static void
run(const struct daemon *daemon, const char *program)
{
	char socket[PATH_ROOM];
	char config[PATH_ROOM];
	char log[PATH_ROOM];

	file_path(daemon, "ctl.sock", socket);
	file_path(daemon, "config.json", config);
	file_path(daemon, "log", log);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
		_exit(127);
	}
	(void)execl(program, program, "--socket", socket, "--config", config, "--hugepages",
		"never", "--memory", "192", (char *)NULL);
	_exit(127);
}

static int
attach(struct daemon *daemon, struct err *err)
{
	char socket[PATH_ROOM];
	const uint64_t end = clock_now() + START_TIMEOUT;

	file_path(daemon, "ctl.sock", socket);
	while (daemon_alive(daemon)) {
		if (client_open(socket, CALL_TIMEOUT_MS, &daemon->client, err) == 0) {
			uint64_t ns;
			return daemon_ping(daemon, &ns, err);
		}
		if (clock_now() > end) {
			return err_set(err, ERR_FAILED, NULL, "the daemon does not answer");
		}
		(void)usleep(10000);
	}
	return err_set(err, ERR_FAILED, NULL, "the daemon ended at its start");
}

int
daemon_start(struct daemon *daemon, const char *program, const char *backend, struct err *err)
{
	*daemon = (struct daemon){.dir = "/tmp/vsw-hostile-XXXXXX", .backend = backend};
	if (mkdtemp(daemon->dir) == NULL) {
		return err_set(err, ERR_FAILED, NULL, "mkdtemp: %s", strerror(errno));
	}
	daemon->pid = fork();
	if (daemon->pid < 0) {
		return err_set(err, ERR_FAILED, NULL, "fork: %s", strerror(errno));
	}
	if (daemon->pid == 0) {
		run(daemon, program);
	}
	const int rc = attach(daemon, err);
	if (rc == 0) {
		return daemon_edit(daemon, "create", "/vswitch:vswitch/bridge[name='br0']",
			json_object(), err);
	}
	return rc;
}

/* Files of one folder; there are no others in it. */
static void
remove_folder(const char *path)
{
	DIR *dir = opendir(path);

	if (dir == NULL) {
		return;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] != '.') {
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	(void)closedir(dir);
	(void)rmdir(path);
}

int
daemon_stop(struct daemon *daemon, bool keep)
{
	char path[PATH_ROOM];
	int status = 0;

	client_close(daemon->client);
	daemon->client = NULL;
	if (daemon->pid > 0) {
		const uint64_t end = clock_now() + STOP_TIMEOUT;
		(void)kill(daemon->pid, SIGTERM);
		while (waitpid(daemon->pid, &status, WNOHANG) == 0) {
			if (clock_now() > end) {
				(void)kill(daemon->pid, SIGKILL);
			}
			(void)usleep(5000);
		}
		daemon->pid = 0;
	}
	if (!keep) {
		static const char *const folders[] = {"vhost", "config.json.d"};
		for (unsigned int i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
			file_path(daemon, folders[i], path);
			remove_folder(path);
		}
		for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			file_path(daemon, files[i], path);
			(void)unlink(path);
		}
		remove_folder(daemon->dir);
	}
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

bool
daemon_alive(struct daemon *daemon)
{
	siginfo_t info = {0};

	/* Left to be waited for: daemon_stop() tells how it ended. */
	return daemon->pid > 0 &&
		waitid(P_PID, (id_t)daemon->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == 0;
}

static int
call(struct daemon *daemon, const char *method, json_t *params, json_t **result, struct err *err)
{
	json_t *fault = NULL;
	const int rc = client_call(daemon->client, method, params, result, &fault, err);

	if (rc == -EREMOTE) {
		char *text = json_dumps(fault, JSON_COMPACT);
		(void)err_set(err, ERR_FAILED, NULL, "%s: %s", method, text);
		free(text);
		json_decref(fault);
	}
	return rc;
}

int
daemon_ping(struct daemon *daemon, uint64_t *ns, struct err *err)
{
	json_t *result = NULL;
	const uint64_t start = clock_now();
	const int rc = call(daemon, "ping", NULL, &result, err);

	*ns = clock_now() - start;
	json_decref(result);
	return rc;
}

int
daemon_edit(struct daemon *daemon, const char *op, const char *path, json_t *value, struct err *err)
{
	json_t *result = NULL;
	json_t *edit = json_pack("{s:s, s:s}", "op", op, "path", path);

	if (value != NULL) {
		(void)json_object_set_new(edit, "value", value);
	}
	const int rc = call(daemon, "edit", json_pack("{s:[o]}", "edits", edit), &result, err);
	json_decref(result);
	return rc;
}

json_t *
daemon_get(struct daemon *daemon, const char *path, struct err *err)
{
	json_t *result = NULL;

	return call(daemon, "get", json_pack("{s:s}", "path", path), &result, err) == 0 ? result
											: NULL;
}

static void
port_path(const char *name, char *path)
{
	(void)snprintf(path, PATH_ROOM, "/vswitch:vswitch/port[name='%s']", name);
}

int
daemon_add_port(struct daemon *daemon, const char *name, json_t *more, struct err *err)
{
	char path[PATH_ROOM];
	json_t *value = json_pack("{s:s, s:s, s:s}", "type", "vhost-user", "bridge", "br0",
		"backend", daemon->backend);

	port_path(name, path);
	(void)json_object_update(value, more);
	json_decref(more);
	return daemon_edit(daemon, "create", path, value, err);
}

int
daemon_del_port(struct daemon *daemon, const char *name, struct err *err)
{
	char path[PATH_ROOM];

	port_path(name, path);
	return daemon_edit(daemon, "remove", path, NULL, err);
}

json_t *
daemon_port(struct daemon *daemon, const char *name, struct err *err)
{
	char path[PATH_ROOM];

	port_path(name, path);
	return daemon_get(daemon, path, err);
}

void
daemon_port_socket(const struct daemon *daemon, const char *port, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/vhost/%s.sock", daemon->dir, port);
}

static unsigned int
count_entries(const char *path)
{
	unsigned int n = 0;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		return 0;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		n += entry->d_name[0] != '.';
	}
	(void)closedir(dir);
	return n;
}

/* A number of /proc/PID/status; 0 when there is none. */
static uint64_t
status_number(const struct daemon *daemon, const char *field)
{
	char path[64];
	char line[256];
	uint64_t value = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return 0;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		const size_t len = strlen(field);
		if (strncmp(line, field, len) == 0 && line[len] == ':') {
			value = strtoull(line + len + 1, NULL, 10);
			break;
		}
	}
	(void)fclose(file);
	return value;
}

static uint64_t
count_mappings(const struct daemon *daemon)
{
	char path[64];
	uint64_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)daemon->pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return 0;
	}
	for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
		n += c == '\n';
	}
	(void)fclose(file);
	return n;
}

static int64_t
buffers_used(struct daemon *daemon)
{
	json_t *tree = daemon_get(daemon, "/vswitch:vswitch/system/memory", NULL);
	int used = -1;

	(void)json_unpack(tree, "{s:{s:{s:{s:i}}}}", "vswitch:vswitch", "system", "memory",
		"buffers-used", &used);
	json_decref(tree);
	return used;
}

void
daemon_usage(struct daemon *daemon, struct daemon_usage *usage)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
	*usage = (struct daemon_usage){
		.descriptors = count_entries(path),
		.threads = (unsigned int)status_number(daemon, "Threads"),
		.resident_kib = status_number(daemon, "RssAnon"),
		.mappings = count_mappings(daemon),
		.buffers = buffers_used(daemon),
	};
}

uint64_t
daemon_main_cpu_ms(const struct daemon *daemon)
{
	char path[80];
	unsigned long long ns = 0;

	/* proc(5): the first number of schedstat is the time on a CPU. */
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)daemon->pid,
		(int)daemon->pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return 0;
	}
	if (fscanf(file, "%llu", &ns) != 1) {
		ns = 0;
	}
	(void)fclose(file);
	return ns / CLOCK_MS;
}

void
daemon_print_log(const struct daemon *daemon, unsigned int lines)
{
	char path[PATH_ROOM];
	char text[8192];

	file_path(daemon, "log", path);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return;
	}
	if (fseek(file, -(long)sizeof(text) + 1, SEEK_END) != 0) {
		rewind(file);
	}
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	char *at = text + strlen(text);
	for (unsigned int n = 0; at > text && n <= lines; at--) {
		n += at[-1] == '\n';
	}
	for (char *line = strtok(at, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		printf("# log: %s\n", line);
	}
}
