/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/thread.h"
#include "ctl/names_host.h"

#define BUCKETS 256 /* of each kind */

/* A question on its way to the helper and back. */
struct question {
	STAILQ_ENTRY(question) link;
	enum names_kind kind;
	char key[NAMES_SIZE];
	struct names_answer answer;
};

STAILQ_HEAD(question_list, question);

/* What main and the helper share; freed by whoever leaves last. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	struct question_list rules; /* to ask: names of rules, which go first */
	struct question_list accounts;
	struct question_list done;
	size_t n_rules;
	size_t n_accounts;
	enum names_state (*ask)(enum names_kind kind, const char *key, struct names_answer *out);
	bool busy; /* the helper is asking */
	bool closed; /* main has left */
};

struct entry {
	TAILQ_ENTRY(entry) used; /* in the kind's list, last read last */
	LIST_ENTRY(entry) link; /* in its bucket */
	char key[NAMES_SIZE];
	struct names_answer answer;
	bool asking;
	uint64_t asked_at;
	uint64_t again_at; /* when to ask next */
	uint64_t backoff;
	uint64_t round; /* of names, when it was last wanted */
};

struct kind {
	TAILQ_HEAD(, entry) used;
	LIST_HEAD(, entry) buckets[BUCKETS];
	size_t n;
};

struct names {
	struct kind kinds[NAMES_KINDS];
	struct desk *desk;
	bool has_helper;
	pthread_t helper;
	uint64_t generation;
	uint64_t round;
};

/* --- the helper ------------------------------------------------------------------------------- */

static void
questions_free(struct question_list *list)
{
	struct question *question;

	while ((question = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, link);
		free(question);
	}
}

static void
desk_free(struct desk *desk)
{
	questions_free(&desk->rules);
	questions_free(&desk->accounts);
	questions_free(&desk->done);
	(void)pthread_cond_destroy(&desk->asked);
	(void)pthread_mutex_destroy(&desk->lock);
	free(desk);
}

static struct question *
first_of(struct question_list *list, size_t *n)
{
	struct question *question = STAILQ_FIRST(list);

	if (question != NULL) {
		STAILQ_REMOVE_HEAD(list, link);
		--*n;
	}
	return question;
}

/* The next one, when there is one; NULL: main has left. */
static struct question *
desk_take(struct desk *desk)
{
	struct question *question = NULL;

	while (!desk->closed && question == NULL) {
		question = first_of(&desk->rules, &desk->n_rules);
		if (question == NULL) {
			question = first_of(&desk->accounts, &desk->n_accounts);
		}
		if (question == NULL) {
			(void)pthread_cond_wait(&desk->asked, &desk->lock);
		}
	}
	return question;
}

static void *
helper_main(void *arg)
{
	struct desk *desk = arg;
	struct question *question;
	bool left_alone = false;

	(void)pthread_mutex_lock(&desk->lock);
	while ((question = desk_take(desk)) != NULL) {
		desk->busy = true;
		(void)pthread_mutex_unlock(&desk->lock);
		question->answer.state =
			desk->ask(question->kind, question->key, &question->answer);
		(void)pthread_mutex_lock(&desk->lock);
		desk->busy = false;
		STAILQ_INSERT_TAIL(&desk->done, question, link);
		left_alone = desk->closed;
	}
	(void)pthread_mutex_unlock(&desk->lock);
	if (left_alone) {
		desk_free(desk);
	}
	return NULL;
}

/* --- what is known ---------------------------------------------------------------------------- */

struct names *names_create(
	enum names_state (*ask)(enum names_kind kind, const char *key, struct names_answer *out))
{
	struct names *names = must_calloc(1, sizeof(*names));
	struct desk *desk = must_calloc(1, sizeof(*desk));

	(void)pthread_mutex_init(&desk->lock, NULL);
	(void)pthread_cond_init(&desk->asked, NULL);
	STAILQ_INIT(&desk->rules);
	STAILQ_INIT(&desk->accounts);
	STAILQ_INIT(&desk->done);
	desk->ask = ask == NULL ? names_host_ask : ask;
	names->desk = desk;
	for (size_t k = 0; k < NAMES_KINDS; k++) {
		TAILQ_INIT(&names->kinds[k].used);
	}
	return names;
}

static void
forget(struct kind *kind, struct entry *entry)
{
	TAILQ_REMOVE(&kind->used, entry, used);
	LIST_REMOVE(entry, link);
	kind->n--;
	free(entry);
}

void
names_destroy(struct names *names)
{
	struct desk *desk;
	bool busy;

	if (names == NULL) {
		return;
	}
	desk = names->desk;
	(void)pthread_mutex_lock(&desk->lock);
	desk->closed = true;
	busy = desk->busy;
	(void)pthread_cond_signal(&desk->asked);
	(void)pthread_mutex_unlock(&desk->lock);
	if (names->has_helper && busy) {
		(void)pthread_detach(names->helper); /* it frees the desk when it comes back */
	} else {
		if (names->has_helper) {
			(void)pthread_join(names->helper, NULL);
		}
		desk_free(desk);
	}
	for (size_t k = 0; k < NAMES_KINDS; k++) {
		struct entry *entry;

		while ((entry = TAILQ_FIRST(&names->kinds[k].used)) != NULL) {
			forget(&names->kinds[k], entry);
		}
	}
	free(names);
}

static size_t
bucket_of(const char *key)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *key != '\0'; key++) {
		hash = (hash ^ (unsigned char)*key) * 16777619u;
	}
	return hash % BUCKETS;
}

static struct entry *
find(const struct kind *kind, const char *key)
{
	struct entry *entry;

	LIST_FOREACH (entry, &kind->buckets[bucket_of(key)], link) {
		if (strcmp(entry->key, key) == 0) {
			return entry;
		}
	}
	return NULL;
}

static struct entry *
need(struct kind *kind, const char *key)
{
	struct entry *entry = find(kind, key);

	if (entry == NULL) {
		if (kind->n == NAMES_MAX) {
			forget(kind, TAILQ_FIRST(&kind->used));
		}
		entry = must_calloc(1, sizeof(*entry));
		(void)str_copy(entry->key, key, sizeof(entry->key));
		LIST_INSERT_HEAD(&kind->buckets[bucket_of(key)], entry, link);
		kind->n++;
	} else {
		TAILQ_REMOVE(&kind->used, entry, used);
	}
	TAILQ_INSERT_TAIL(&kind->used, entry, used);
	return entry;
}

/* A service that is down says that nobody is there, and a rule that forbids would be no more. */
static bool
stands(const struct entry *entry, enum names_kind kind, const struct names_answer *answer)
{
	return kind != NAMES_ACCOUNT && entry->answer.state == NAMES_KNOWN &&
		answer->state == NAMES_ABSENT;
}

static void
take_answer(struct names *names, enum names_kind kind, struct entry *entry,
	const struct names_answer *answer)
{
	const uint64_t now = clock_now();
	struct names_answer *old = &entry->answer;

	entry->asking = false;
	if (answer->state == NAMES_UNKNOWN) {
		entry->backoff = entry->backoff == 0 ? CLOCK_S : entry->backoff * 2;
		if (entry->backoff > NAMES_BACKOFF_MAX) {
			entry->backoff = NAMES_BACKOFF_MAX;
		}
		entry->again_at = now + entry->backoff;
		return;
	}
	entry->backoff = 0;
	entry->again_at = now + NAMES_FRESH;
	if (stands(entry, kind, answer)) {
		return;
	}
	if (old->state != answer->state || old->id != answer->id ||
		strcmp(old->name, answer->name) != 0) {
		*old = *answer;
		names->generation++;
	}
}

/* Read what the helper has brought. */
static void
take_answers(struct names *names)
{
	struct question_list done = STAILQ_HEAD_INITIALIZER(done);
	struct question *question;

	(void)pthread_mutex_lock(&names->desk->lock);
	STAILQ_CONCAT(&done, &names->desk->done);
	(void)pthread_mutex_unlock(&names->desk->lock);
	STAILQ_FOREACH (question, &done, link) {
		struct entry *entry = find(&names->kinds[question->kind], question->key);

		if (entry != NULL) {
			take_answer(names, question->kind, entry, &question->answer);
		}
	}
	questions_free(&done);
}

static bool
put_last(struct question_list *list, size_t *n, size_t max, struct question *question)
{
	if (*n >= max) {
		return false;
	}
	STAILQ_INSERT_TAIL(list, question, link);
	++*n;
	return true;
}

static bool
desk_put(struct desk *desk, struct question *question)
{
	bool room;

	(void)pthread_mutex_lock(&desk->lock);
	room = question->kind == NAMES_ACCOUNT
		? put_last(&desk->accounts, &desk->n_accounts, NAMES_ACCOUNTS_MAX, question)
		: put_last(&desk->rules, &desk->n_rules, NAMES_MAX, question);
	if (room) {
		(void)pthread_cond_signal(&desk->asked);
	}
	(void)pthread_mutex_unlock(&desk->lock);
	return room;
}

/* What cannot be asked now is asked when it is wanted next. */
static void
ask(struct names *names, enum names_kind kind, struct entry *entry, uint64_t now)
{
	struct question *question;

	if (!names->has_helper) {
		names->has_helper =
			thread_start("names", 0, helper_main, names->desk, &names->helper) == 0;
	}
	if (!names->has_helper) {
		return;
	}
	question = must_calloc(1, sizeof(*question));
	question->kind = kind;
	(void)str_copy(question->key, entry->key, sizeof(question->key));
	if (desk_put(names->desk, question)) {
		entry->asking = true;
		entry->asked_at = now;
	} else {
		free(question);
	}
}

void
names_get(struct names *names, enum names_kind kind, const char *key, struct names_answer *out)
{
	const uint64_t now = clock_now();
	struct entry *entry;

	take_answers(names);
	if (strlen(key) >= NAMES_SIZE) {
		*out = (struct names_answer){.state = NAMES_ABSENT};
		return;
	}
	entry = need(&names->kinds[kind], key);
	entry->round = names->round;
	if (!entry->asking && now >= entry->again_at) {
		ask(names, kind, entry, now);
	}
	*out = entry->answer;
	out->soon = out->state == NAMES_UNKNOWN && entry->asking &&
		now - entry->asked_at < NAMES_PATIENCE;
}

void
names_learn(struct names *names, enum names_kind kind, const char *key)
{
	struct names_answer answer = {.state = NAMES_UNKNOWN};
	struct entry *entry = need(&names->kinds[kind], key);

	answer.state = names->desk->ask(kind, key, &answer);
	take_answer(names, kind, entry, &answer);
}

uint64_t
names_generation(struct names *names)
{
	take_answers(names);
	return names->generation;
}

void
names_rules_begin(struct names *names)
{
	names->round++;
}

void
names_rules_end(struct names *names)
{
	for (size_t k = 0; k < NAMES_ACCOUNT; k++) {
		struct kind *kind = &names->kinds[k];
		struct entry *entry = TAILQ_FIRST(&kind->used);

		while (entry != NULL) {
			struct entry *next = TAILQ_NEXT(entry, used);

			if (entry->round != names->round) {
				forget(kind, entry);
			}
			entry = next;
		}
	}
}
