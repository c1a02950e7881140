/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports/xdp/offloads.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

LOG_MODULE("xdp");

#define BOOT_ID "/proc/sys/kernel/random/boot_id" /* random(4): 36 characters and a newline */
#define NOTE_SIZE 256
#define WORDS ARRAY_LEN(((struct feature_set *)NULL)->words)

static bool
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0) {
		return false;
	}
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)close(fd);
	return n > 0;
}

/* What a note of these two interfaces begins with; numbers of interfaces hold for one boot. */
static bool
note_head(const struct link_info *info, char *head, size_t size)
{
	char boot[64];

	head[0] = '\0';
	return read_text(BOOT_ID, boot, sizeof(boot)) &&
		str_appendf(head, size, "%s%d %d ", boot, info->ifindex, info->peer);
}

/* What an earlier daemon turned off and did not live to turn on. */
static void
note_read(struct offloads *offloads, const struct link_info *info)
{
	char text[NOTE_SIZE];
	char head[NOTE_SIZE];
	uint32_t words[WORDS];
	const char *at = text;

	if (!note_head(info, head, sizeof(head)) ||
		!read_text(offloads->note, text, sizeof(text)) ||
		strncmp(text, head, strlen(head)) != 0) {
		return;
	}
	at += strlen(head);
	for (size_t i = 0; i < WORDS; i++) {
		int used = 0;

		if (sscanf(at, " %8" SCNx32 "%n", &words[i], &used) != 1) {
			return;
		}
		at += used;
	}
	for (size_t i = 0; i < WORDS; i++) {
		offloads->off.words[i] |= words[i];
	}
}

/* A file that is all there or not there. */
static bool
write_text(const char *path, const char *text)
{
	const size_t len = strlen(text);
	char temporary[OFFLOADS_PATH_SIZE + 4] = "";
	bool ok;
	int fd;

	str_appendf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return false;
	}
	ok = write(fd, text, len) == (ssize_t)len;
	(void)close(fd);
	if (!ok || rename(temporary, path) != 0) {
		(void)unlink(temporary);
		return false;
	}
	return true;
}

/* What is being turned off, and where. */
struct turning {
	const struct offloads *offloads;
	const struct link_info *info;
};

static void
note_write(void *arg, const struct feature_set *off)
{
	const struct turning *turning = arg;
	const char *path = turning->offloads->note;
	char text[NOTE_SIZE];
	bool ok = note_head(turning->info, text, sizeof(text));

	for (size_t i = 0; i < WORDS; i++) {
		ok = ok && str_appendf(text, sizeof(text), " %08" PRIx32, off->words[i]);
	}
	if (!ok || path[0] == '\0' || !write_text(path, text)) {
		log_warn("no note '%s' can be written (%s): if this daemon is killed, offloads of "
			 "'%s' or its peer stay off",
			path, strerror(errno), turning->info->name);
	}
}

static void
turn_off(struct offloads *offloads, const struct link_info *info)
{
	struct turning turning = {offloads, info};
	const struct feature_note note = {note_write, &turning};

	offloads->state = link_peer_plain(info, &note, &offloads->off, offloads->peer);
	if (offloads->state == LINK_PEER_NONE) {
		(void)link_keep_tags(info->name, &note, &offloads->off);
	}
}

void
offloads_take(struct offloads *offloads, const struct link_info *info, const char *run_dir)
{
	*offloads = (struct offloads){.state = LINK_PEER_NONE};
	if (!str_appendf(offloads->note, sizeof(offloads->note), "%s/af-xdp-%d.offloads", run_dir,
		    info->ifindex)) {
		offloads->note[0] = '\0';
	}
	note_read(offloads, info);
	turn_off(offloads, info);
}

void
offloads_retry(struct offloads *offloads, const struct link_info *info)
{
	turn_off(offloads, info);
}

void
offloads_give_back(struct offloads *offloads, int rc, const struct link_info *info)
{
	bool done = rc == -ENODEV || !features_any(&offloads->off);

	if (!done && rc == 0) {
		done = offloads->state == LINK_PEER_NONE
			? features_on(info->name, &offloads->off) == 0
			: link_peer_restore(info, &offloads->off);
	}
	if (done) {
		(void)unlink(offloads->note);
	} else {
		log_warn("offloads of '%s' stay off, it cannot be reached%s%s; '%s' says which",
			offloads->peer[0] != '\0' ? offloads->peer : "an interface",
			rc == 0 ? "" : ": ", rc == 0 ? "" : strerror(-rc), offloads->note);
	}
}
