/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory tables of files that this process owns as a front end would. */
#include "ports/vhost/gmem.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/test_memfd.h"
#include "ports/vhost/guard.h"

#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define USER UINT64_C(0x7f0000000000)

static atomic_bool gone;

static void
drain(struct gmem *gmem) ON_MAIN
{
	struct gmem_reaper reaper = {NULL};

	gmem_free(gmem, &reaper);
	while (gmem_reap(&reaper)) {
	}
}

static unsigned int
mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned int n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		n += strstr(line, "memfd:test") != NULL;
	}
	(void)fclose(maps);
	return n;
}

static void
nothing_left(void) ON_MAIN
{
	assert_int_equal(guard_count(), 0);
	assert_int_equal(mappings(), 0);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* Two regions of one file with a hole between them, given in the other order. */
static struct gmem *
two_regions(int fd) ON_MAIN
{
	const struct gmem_desc descs[] = {
		{.gpa = GIB, .size = 3 * PAGE, .user = USER + MIB, .offset = 2 * PAGE},
		{.gpa = 0, .size = 2 * PAGE, .user = USER, .offset = 0},
	};
	const int fds[] = {dup(fd), dup(fd)};
	struct err err = ERR_INIT;
	struct gmem *gmem = NULL;

	assert_int_equal(gmem_create(descs, fds, 2, false, &gone, &gmem, &err), 0);
	assert_false(is_open(fds[0]));
	assert_false(is_open(fds[1]));
	return gmem;
}

static void
test_translate(void **state)
{
	const int fd = test_memfd(5 * PAGE, 0);
	uint32_t last = 1234;
	uint64_t gpa = 0;
	struct gmem *gmem;
	uint8_t byte = 0;
	uint8_t *at;

	(void)state;
	role_assert(&role_main);
	gmem = two_regions(fd);
	assert_int_equal(gmem->n, 2);
	assert_int_equal(gmem->regions[0].gpa, 0);

	at = gmem_at(gmem, GIB + 5, 1, &last);
	assert_non_null(at);
	assert_int_equal(last, 1);
	*at = 0x5a;
	assert_int_equal(pread(fd, &byte, 1, (off_t)(2 * PAGE + 5)), 1);
	assert_int_equal(byte, 0x5a);
	assert_ptr_equal(gmem_user(gmem, USER + MIB + 5, 1), at);
	assert_true(gmem_user_gpa(gmem, USER + MIB + 5, 1, &gpa));
	assert_int_equal(gpa, GIB + 5);

	/* Whatever the memory of the last call is, all bytes are of one region, or none. */
	for (uint32_t hint = 0; hint < 3; hint++) {
		last = hint;
		assert_non_null(gmem_at(gmem, 0, 2 * PAGE, &last));
		last = hint;
		assert_null(gmem_at(gmem, 1, 2 * PAGE, &last));
		last = hint;
		assert_null(gmem_at(gmem, 2 * PAGE, 1, &last));
		last = hint;
		assert_null(gmem_at(gmem, 0, UINT32_MAX, &last));
		last = hint;
		assert_null(gmem_at(gmem, GIB - 1, 2, &last));
		last = hint;
		assert_null(gmem_at(gmem, UINT64_MAX, 2, &last));
		last = hint;
		assert_non_null(gmem_at(gmem, GIB + 3 * PAGE - 1, 1, &last));
	}
	assert_null(gmem_user(gmem, USER + 2 * PAGE - 1, 2));
	assert_null(gmem_user(gmem, USER - 1, 2));
	assert_null(gmem_user(gmem, USER, UINT64_MAX));
	assert_false(gmem_user_gpa(gmem, USER + MIB, 3 * PAGE + 1, &gpa));
	drain(gmem);
	(void)close(fd);
	nothing_left();
}

static void
test_piece(void **state)
{
	const int fd = test_memfd(5 * PAGE, 0);
	struct gmem *gmem;
	uint32_t len = 100;
	uint32_t last = 0;

	(void)state;
	role_assert(&role_main);
	gmem = two_regions(fd);
	assert_ptr_equal(
		gmem_piece(gmem, 2 * PAGE - 30, &len), gmem_at(gmem, 2 * PAGE - 30, 30, &last));
	assert_int_equal(len, 30);
	len = 29;
	assert_non_null(gmem_piece(gmem, 2 * PAGE - 30, &len));
	assert_int_equal(len, 29);
	assert_null(gmem_piece(gmem, 2 * PAGE, &len));
	assert_null(gmem_piece(gmem, UINT64_MAX, &len));
	drain(gmem);
	(void)close(fd);
}

/* An offset within a page, and neighbours that share the page of the file. */
static void
test_offset(void **state)
{
	const struct gmem_desc desc = {.gpa = PAGE, .size = 50, .user = USER, .offset = PAGE - 8};
	const int fd = test_memfd(3 * PAGE, 0);
	struct gmem *gmem = NULL;
	uint8_t byte = 0;

	(void)state;
	role_assert(&role_main);
	assert_int_equal(gmem_with(NULL, &desc, dup(fd), false, &gone, &gmem, NULL), 0);
	*gmem_user(gmem, USER + 49, 1) = 77;
	assert_int_equal(pread(fd, &byte, 1, (off_t)PAGE + 41), 1);
	assert_int_equal(byte, 77);
	assert_null(gmem_user(gmem, USER + 50, 1));
	drain(gmem);
	(void)close(fd);
	nothing_left();
}

struct refusal {
	struct gmem_desc desc; /* after a first region of two pages at GIB and USER */
	const char *text;
};

static const struct refusal refusals[] = {
	{{0, 0, 0, 0}, "size is 0"},
	{{UINT64_MAX - 10, PAGE, 0, 0}, "beyond the last address"},
	{{0, PAGE, UINT64_MAX - 10, 0}, "beyond the last address"},
	{{0, PAGE, 0, UINT64_MAX - 10}, "more than 64 bits"},
	{{0, PAGE, 0, INT64_MAX}, "more than 64 bits"},
	{{0, UINT64_MAX, 0, 0}, "at most 0x100000000000"},
	{{0, GMEM_REGION_MAX + 1, 0, 0}, "at most 0x100000000000"},
	{{GIB + 2 * PAGE, GMEM_REGION_MAX - PAGE, 0, 0}, "with it the guest has 0x100000001000"},
	{{0, 9 * PAGE, 0, 0}, "ends at 0x9000 of the file, which has 0x8000 bytes"},
	{{0, PAGE, 0, 7 * PAGE + 1}, "ends at 0x8001"},
	{{GIB, 1, 0, 0}, "overlap the region at 0x40000000"},
	{{GIB - 1, 2, 0, 0}, "overlap the region at 0x40000000"},
	{{GIB + 2 * PAGE - 1, 2, 0, 0}, "overlap the region at 0x40000000"},
	{{0, GIB + MIB, 0, 0}, "overlap the region at 0x40000000"},
	{{0, 1, USER + 2 * PAGE - 1, 0}, "front-end address 0x7f0000001fff overlap"},
	{{0, 2 * PAGE, USER - 1, 0}, "front-end address 0x7effffffffff overlap"},
};

static void
test_refused(void **state)
{
	const struct gmem_desc first = {.gpa = GIB, .size = 2 * PAGE, .user = USER};
	const int file = test_memfd(8 * PAGE, 0);
	struct gmem *old = NULL;

	(void)state;
	role_assert(&role_main);
	assert_int_equal(gmem_with(NULL, &first, dup(file), false, &gone, &old, NULL), 0);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct gmem_desc both[] = {first, refusals[i].desc};
		const int fds[] = {dup(file), dup(file), dup(file)};
		struct gmem *gmem = NULL;
		struct err err = ERR_INIT;

		assert_true(gmem_create(both, fds, 2, false, &gone, &gmem, &err) < 0);
		assert_non_null(strstr(err.text, refusals[i].text));
		assert_non_null(strstr(err.text, "region 1"));
		assert_true(gmem_with(old, &both[1], fds[2], false, &gone, &gmem, &err) < 0);
		assert_non_null(strstr(err.text, refusals[i].text));
		assert_null(gmem);
		for (int j = 0; j < 3; j++) {
			assert_false(is_open(fds[j]));
		}
		assert_int_equal(guard_count(), 1);
		assert_int_equal(mappings(), 1);
	}
	drain(old);
	(void)close(file);
	nothing_left();
}

static void
test_too_many(void **state)
{
	static struct gmem_desc descs[GMEM_REGIONS_MAX + 1];
	static int fds[GMEM_REGIONS_MAX + 1];
	const int file = test_memfd(PAGE, 0);
	struct gmem *gmem = NULL;
	struct err err = ERR_INIT;

	(void)state;
	role_assert(&role_main);
	for (uint32_t i = 0; i <= GMEM_REGIONS_MAX; i++) {
		/* Descending, so that each is put before the others. */
		descs[i] = (struct gmem_desc){GIB - i * PAGE, PAGE, USER + i * PAGE, 0};
		fds[i] = dup(file);
	}
	assert_true(gmem_create(descs, fds, GMEM_REGIONS_MAX + 1, false, &gone, &gmem, &err) < 0);
	assert_non_null(strstr(err.text, "257 regions; at most 256"));
	for (uint32_t i = 0; i <= GMEM_REGIONS_MAX; i++) {
		assert_false(is_open(fds[i]));
		fds[i] = dup(file);
	}
	assert_int_equal(gmem_create(descs, fds, GMEM_REGIONS_MAX, false, &gone, &gmem, &err), 0);
	for (uint32_t i = 1; i < gmem->n; i++) {
		assert_true(gmem->regions[i - 1].gpa < gmem->regions[i].gpa);
	}
	err.text[0] = '\0';
	assert_true(gmem_with(gmem, &descs[GMEM_REGIONS_MAX], fds[GMEM_REGIONS_MAX], false, &gone,
			    &gmem, &err) < 0);
	assert_non_null(strstr(err.text, "257 regions"));
	drain(gmem);
	(void)close(file);
	nothing_left();
}

static void
refuse_fd(int fd, bool require_seals, const char *text) ON_MAIN
{
	const struct gmem_desc desc = {.gpa = 0, .size = PAGE, .user = USER};
	struct gmem *gmem = NULL;
	struct err err = ERR_INIT;

	assert_true(gmem_with(NULL, &desc, fd, require_seals, &gone, &gmem, &err) < 0);
	assert_null(gmem);
	assert_non_null(strstr(err.text, text));
	assert_non_null(strstr(err.text, "region 0 at 0x0"));
	assert_false(is_open(fd));
	nothing_left();
}

/* The same file, opened for reading only. */
static int
read_only(int fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void
test_not_memory(void **state)
{
	const int file = test_memfd(PAGE, 0);
	int ends[2];

	(void)state;
	role_assert(&role_main);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	refuse_fd(ends[0], false, "is no file in memory");
	refuse_fd(ends[1], false, "is no file in memory");
	refuse_fd(open("/dev/zero", O_RDWR | O_CLOEXEC), false, "is no file in memory");
	refuse_fd(open("/proc/self/status", O_RDONLY | O_CLOEXEC), false, "is no file in memory");
	refuse_fd(read_only(file), false, "must be open for reading and writing");
	refuse_fd(-1, false, "is no file in memory");
	(void)close(file);
}

static void
test_seals(void **state)
{
	const struct gmem_desc desc = {.gpa = 0, .size = PAGE, .user = USER};
	struct gmem *gmem = NULL;

	(void)state;
	role_assert(&role_main);
	refuse_fd(test_memfd(PAGE, 0), true, "can be shrunk");
	refuse_fd(test_memfd(PAGE, F_SEAL_GROW), true, "can be shrunk");
	assert_int_equal(
		gmem_with(NULL, &desc, test_memfd(PAGE, F_SEAL_SHRINK), true, &gone, &gmem, NULL),
		0);
	drain(gmem);
	nothing_left();
}

static void
test_tables_share_mappings(void **state)
{
	const struct gmem_desc descs[] = {
		{.gpa = 0, .size = PAGE, .user = USER, .offset = 0},
		{.gpa = GIB, .size = PAGE, .user = USER + GIB, .offset = PAGE},
	};
	const struct gmem_desc other = {.gpa = 0, .size = PAGE, .user = USER + 1, .offset = 0};
	const int file = test_memfd(2 * PAGE, 0);
	struct gmem_reaper reaper = {NULL};
	struct gmem *one = NULL;
	struct gmem *both = NULL;
	struct gmem *second = NULL;
	struct err err = ERR_INIT;
	uint8_t *at;

	(void)state;
	role_assert(&role_main);
	assert_int_equal(gmem_with(NULL, &descs[0], dup(file), false, &gone, &one, &err), 0);
	assert_int_equal(gmem_with(one, &descs[1], dup(file), false, &gone, &both, &err), 0);
	assert_ptr_equal(gmem_user(one, USER, 1), gmem_user(both, USER, 1));
	gmem_free(one, &reaper);
	assert_false(gmem_reap(&reaper));
	assert_int_equal(mappings(), 2);

	assert_int_equal(gmem_without(both, &other, &second, &err), -ENOENT);
	assert_non_null(strstr(err.text, "front-end address 0x7f0000000001"));
	assert_int_equal(gmem_without(both, &descs[0], &second, &err), 0);
	assert_int_equal(second->n, 1);
	assert_null(gmem_user(second, USER, 1));
	at = gmem_user(second, USER + GIB, 1);
	assert_ptr_equal(at, gmem_user(both, USER + GIB, 1));
	assert_int_equal(guard_count(), 2);

	gmem_free(both, &reaper);
	assert_int_equal(guard_count(), 1);
	assert_int_equal(mappings(), 2); /* queued */
	assert_false(gmem_reap(&reaper));
	assert_int_equal(mappings(), 1);
	*at = 5;
	assert_int_equal(gmem_without(NULL, &descs[0], &one, &err), -ENOENT);
	assert_int_equal(gmem_without(second, &descs[1], &one, &err), 0);
	assert_int_equal(one->n, 0);
	gmem_free(second, &reaper);
	gmem_free(one, &reaper);
	gmem_free(NULL, &reaper);
	assert_false(gmem_reap(&reaper));
	(void)close(file);
	nothing_left();
}

/* A file far longer than there is memory: nothing is populated, and unmapping takes slices. */
static void
test_large(void **state)
{
	const struct gmem_desc desc = {.gpa = 0, .size = 4096 * GIB, .user = USER};
	const int file = test_memfd(desc.size, 0);
	struct gmem_reaper reaper = {NULL};
	struct gmem *gmem = NULL;
	struct stat st;
	unsigned int slices = 1;

	(void)state;
	role_assert(&role_main);
	assert_int_equal(gmem_with(NULL, &desc, dup(file), false, &gone, &gmem, NULL), 0);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	*gmem_user(gmem, USER + desc.size - 1, 1) = 1;
	gmem_free(gmem, &reaper);
	while (gmem_reap(&reaper)) {
		slices++;
	}
	assert_in_range(slices, 2, 100000);
	(void)close(file);
	nothing_left();
}

/* What takes long is unmapped on another thread; the queue is empty at once. */
static void
test_reaped_aside(void **state)
{
	struct gmem_reaper reaper = {NULL};
	struct gmem *gmem = NULL;

	(void)state;
	role_assert(&role_main);
	for (unsigned int i = 0; i < 2; i++) {
		/* a small one, and one that is not */
		const struct gmem_desc one = {
			.gpa = 0, .size = i == 0 ? PAGE : 256 * GIB, .user = USER};
		const int file = test_memfd(one.size, 0);

		assert_int_equal(gmem_with(NULL, &one, file, false, &gone, &gmem, NULL), 0);
		gmem_free(gmem, &reaper);
		gmem_reap_aside(&reaper);
		assert_null(reaper.first);
		assert_int_equal(reaper.n, 0);
		assert_int_equal(guard_count(), 0);
		while (mappings() > 0) {
			(void)usleep(1000);
		}
	}
	gmem_reap_aside(&reaper);
	nothing_left();
}

static unsigned int
threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		n += entry->d_name[0] != '.';
	}
	assert_int_equal(closedir(dir), 0);
	return n;
}

/* Many at once share one thread. */
static void
test_many_reaped_aside(void **state)
{
	const struct gmem_desc one = {.gpa = 0, .size = 256 * GIB, .user = USER};
	struct gmem_reaper reapers[20] = {{NULL}};
	unsigned int before = threads();

	(void)state;
	role_assert(&role_main);
	for (unsigned int i = 0; i < 20; i++) {
		struct gmem *gmem = NULL;
		const int file = test_memfd(one.size, 0);

		assert_int_equal(gmem_with(NULL, &one, file, false, &gone, &gmem, NULL), 0);
		gmem_free(gmem, &reapers[i]);
	}
	for (unsigned int i = 0; i < 20; i++) {
		gmem_reap_aside(&reapers[i]);
		assert_null(reapers[i].first);
		assert_true(threads() <= before + 1);
	}
	while (mappings() > 0) {
		(void)usleep(1000);
	}
	nothing_left();
}

static void
test_truncated(void **state)
{
	const int file = test_memfd(5 * PAGE, 0);
	struct gmem *gmem;

	(void)state;
	role_assert(&role_main);
	atomic_store(&gone, false);
	gmem = two_regions(file);
	memset(gmem_user(gmem, USER, 2 * PAGE), 1, 2 * PAGE);
	memset(gmem_user(gmem, USER + MIB, 3 * PAGE), 1, 3 * PAGE);
	assert_int_equal(ftruncate(file, 2 * PAGE), 0);
	assert_int_equal(*gmem_user(gmem, USER, 1), 1);
	assert_false(atomic_load(&gone));
	assert_int_equal(*(volatile uint8_t *)gmem_user(gmem, USER + MIB, 1), 0);
	assert_true(atomic_load(&gone));
	assert_int_equal(*gmem_user(gmem, USER, 1), 1);
	atomic_store(&gone, false);
	drain(gmem);
	(void)close(file);
	nothing_left();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_translate),
		cmocka_unit_test(test_piece),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_not_memory),
		cmocka_unit_test(test_seals),
		cmocka_unit_test(test_tables_share_mappings),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_reaped_aside),
		cmocka_unit_test(test_many_reaped_aside),
		cmocka_unit_test(test_truncated),
	};
	int ret;

	role_enter(&role_main);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	role_leave(&role_main);
	return ret;
}
