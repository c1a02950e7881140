/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serves commands in a test guest: guest-agent DEVICE (the second serial port).
 *
 * A request is one line "ID BASE64-OF-SHELL-SCRIPT", its answer "@ID STATUS BASE64-OF-OUTPUT".
 * Requests run side by side, so that a test can start a receiver and a sender in one guest. The
 * answer to request 0 comes at once, and unasked when the agent starts: the guest is up. Written in
 * C because a shell that forks for each step is too slow in an emulated guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define JOBS_MAX 32
#define LINE_SIZE (256 << 10)
#define OUTPUT_SIZE (1 << 20)

struct job {
	unsigned long id; /* 0: free */
	pid_t pid;
	int fd;
	size_t used;
	char *output; /* OUTPUT_SIZE bytes; the rest is cut */
};

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		const ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			return;
		}
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
}

static void
answer(int fd, unsigned long id, int status, const uint8_t *output, size_t size)
{
	char *line = malloc(size / 3 * 4 + 64);
	size_t at;

	if (!line) {
		return;
	}
	at = (size_t)snprintf(line, 48, "@%lu %d ", id, status);
	for (size_t i = 0; i < size; i += 3) {
		const uint32_t b1 = i + 1 < size ? output[i + 1] : 0;
		const uint32_t b2 = i + 2 < size ? output[i + 2] : 0;
		const uint32_t word = ((uint32_t)output[i] << 16) | (b1 << 8) | b2;

		line[at++] = digits[word >> 18];
		line[at++] = digits[(word >> 12) & 63];
		line[at++] = i + 1 < size ? digits[(word >> 6) & 63] : '=';
		line[at++] = i + 2 < size ? digits[word & 63] : '=';
	}
	line[at++] = '\n';
	send_all(fd, line, at);
	free(line);
}

/* In place; ends the text with a NUL. */
static void
decode(char *text)
{
	uint32_t bits = 0;
	int n_bits = 0;
	char *to = text;

	for (const char *p = text; *p && *p != '='; p++) {
		const char *digit = strchr(digits, *p);

		if (!digit) {
			break;
		}
		bits = (bits << 6) | (uint32_t)(digit - digits);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			*to++ = (char)(bits >> n_bits);
		}
	}
	*to = '\0';
}

static void
start_job(struct job *jobs, unsigned long id, const char *script)
{
	struct job *job = jobs;
	int ends[2];

	while (job->id && job < jobs + JOBS_MAX - 1) {
		job++;
	}
	if (job->id || pipe2(ends, O_CLOEXEC)) {
		return;
	}
	job->output = malloc(OUTPUT_SIZE);
	job->pid = job->output ? fork() : -1;
	if (job->pid == 0) {
		const int nothing = open("/dev/null", O_RDONLY);

		setsid();
		dup2(nothing, 0);
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (job->pid < 0) {
		close(ends[0]);
		free(job->output);
		return;
	}
	job->id = id;
	job->fd = ends[0];
	job->used = 0;
}

/* Take what the script wrote; at its end, answer. */
static void
read_job(int serial, struct job *job)
{
	char chunk[4096];
	const ssize_t n = read(job->fd, chunk, sizeof(chunk));
	int status = 0;

	if (n > 0) {
		const size_t room = OUTPUT_SIZE - job->used;
		const size_t take = (size_t)n < room ? (size_t)n : room;

		memcpy(job->output + job->used, chunk, take);
		job->used += take;
		return;
	}
	close(job->fd);
	waitpid(job->pid, &status, 0);
	answer(serial, job->id, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		(const uint8_t *)job->output, job->used);
	free(job->output);
	job->id = 0;
}

static void
take_line(int serial, struct job *jobs, char *line)
{
	char *space;
	const unsigned long id = strtoul(line, &space, 10);

	if (space == line || (*space != ' ' && *space != '\0')) {
		return;
	}
	if (id == 0) {
		answer(serial, 0, 0, NULL, 0);
	} else if (*space == ' ') {
		decode(space + 1);
		start_job(jobs, id, space + 1);
	}
}

/* Read the port; whole lines are requests, noise from before the guest was up is ignored. */
static void
read_serial(int serial, struct job *jobs)
{
	static char line[LINE_SIZE];
	static size_t used;
	char chunk[4096];
	const ssize_t n = read(serial, chunk, sizeof(chunk));

	for (ssize_t i = 0; i < n; i++) {
		if (chunk[i] == '\n') {
			line[used] = '\0';
			take_line(serial, jobs, line);
			used = 0;
		} else if (used < sizeof(line) - 1) {
			line[used++] = chunk[i];
		}
	}
}

int
main(int argc, char **argv)
{
	struct job jobs[JOBS_MAX] = {{0}};
	const int serial = argc == 2 ? open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	struct termios raw;

	if (serial < 0) {
		fprintf(stderr, "usage: guest-agent DEVICE\n");
		return 2;
	}
	if (tcgetattr(serial, &raw) == 0) {
		cfmakeraw(&raw);
		cfsetspeed(&raw, B115200);
		tcsetattr(serial, TCSANOW, &raw);
	}
	answer(serial, 0, 0, NULL, 0);
	for (;;) {
		struct pollfd fds[JOBS_MAX + 1] = {{.fd = serial, .events = POLLIN}};

		for (int i = 0; i < JOBS_MAX; i++) {
			fds[i + 1] = (struct pollfd){
				.fd = jobs[i].id ? jobs[i].fd : -1,
				.events = POLLIN,
			};
		}
		if (poll(fds, JOBS_MAX + 1, -1) < 0) {
			continue;
		}
		for (int i = 0; i < JOBS_MAX; i++) {
			if (fds[i + 1].revents) {
				read_job(serial, &jobs[i]);
			}
		}
		if (fds[0].revents) {
			read_serial(serial, jobs);
		}
	}
}
