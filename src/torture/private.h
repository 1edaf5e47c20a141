/* What the files of the torture share.
 *
 * Two threads, which never work at the same time: the one that called torture_run drives (drive.c) until it has
 * given the host something to do, and then waits; the host's loop works, and through the hooks (answer.c) the
 * router, the people and the ledger with it, until the host is quiet again or has crashed. The engine's semaphore
 * and the store's commits are what one hands over to the other with. */
#ifndef TORTURE_PRIVATE_H
#define TORTURE_PRIVATE_H

#include "base/buffer.h"
#include "base/map.h"
#include "base/slice.h"
#include "event/event.h"
#include "host/host.h"
#include "sim/core.h"
#include "sim/crowd.h"
#include "torture/torture.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct torture;

/* chance.c: the same seed, the same numbers */
struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
/* From `least` to `most`. */
int64_t chance_between(struct chance *chance, int64_t least, int64_t most);
bool chance_is(struct chance *chance, unsigned of_a_thousand);

/* people.c: those who call and those who work, on the core */
enum { PEOPLE_ID_SIZE = 80 };
struct act {
    int64_t at_us;
    uint64_t order;
    unsigned what;
    char ids[3][PEOPLE_ID_SIZE];
};
struct people {
    struct chance chance;
    struct act *acts; /* in no order */
    size_t count, capacity;
    uint64_t order, jobs;
    int64_t until_us; /* nobody calls any more */
};
int people_start(struct torture *torture, struct error *error);
void people_reset(struct people *people);
int64_t people_next(const struct people *people);
/* Unless it is there. */
void people_make_queue(struct torture *torture, const char *id);
/* The first of what is to be done by now, if anything is. */
void people_act(struct torture *torture);
/* They see every event of the router at once. */
void people_see(struct torture *torture, const struct sim_event *event);

/* mail.c: events on their way to the host */
struct letter {
    struct sim_event *event;
    int64_t due_us;
    bool is_copy;
};
struct mail {
    struct chance chance;
    struct letter *letters; /* in the order of their making */
    size_t count, capacity;
};
int mail_add(struct torture *torture, struct sim_event *event);
/* The next one to be delivered by now; false: none. Its event is the caller's to release. */
bool mail_take(struct torture *torture, struct letter *letter);
int64_t mail_next(const struct mail *mail);
void mail_reset(struct mail *mail);

/* world.c: the core, its time, and a call from anybody */
int world_start(struct torture *torture, struct error *error);
void world_reset(struct torture *torture);
int64_t world_next(const struct torture *torture);
/* Lets happen what happens until then; the wall clock goes along. */
void world_advance(struct torture *torture, int64_t until_us);
/* Never fails: without memory `broken` is set. */
void world_request(struct torture *torture, const struct sim_request *request, struct sim_answer *answer);

/* engine.c: the host, from one crash to the next */
struct engine {
    struct store *store;
    struct store_reader *reader;
    struct host *host;
    pthread_t thread;
    sem_t changed; /* something happened that may have been the last */
    bool is_running;
    atomic_bool is_crashed, has_ended, is_live, is_refused;
    bool has_failed; /* host_run; read after the thread */
    struct error error;
    char refused[600]; /* with is_refused: why the scripts do not load */
};
int engine_start(struct torture *torture, struct error *error);
void engine_stop(struct torture *torture);
/* The event is in the store when it returns. */
int engine_deliver(struct torture *torture, const struct letter *letter, struct error *error);
/* Until the host has done what there is to do now; starts it again after each crash. */
int engine_settle(struct torture *torture, struct error *error);
/* On the loop's thread: the power goes. */
void engine_crash(struct torture *torture);

/* answer.c: the hooks of the host */
bool torture_answer(void *context, const struct host_wanted *wanted, struct host_given *given);
void torture_note(void *context, const struct host_note *note);

/* ledger.c: what was done, by whom, how often */
enum crash { CRASH_NONE, CRASH_BEFORE, CRASH_LOST, CRASH_AFTER };
enum { CRASHES = CRASH_AFTER + 1 };
enum excuse { EXCUSE_NONE, EXCUSE_CRASH, EXCUSE_LOST };

struct deed {
    uint64_t key;
    unsigned count;
    enum excuse excuse; /* its answer did not reach the journal: it has to be done again */
    uint64_t seq;
    char place[200];
};

enum finding_kind {
    FINDING_FORGOTTEN,
    FINDING_TWICE,
    FINDING_PARKED,
    FINDING_HOST,
    FINDING_EVENTS,
    FINDING_KINDS
};
struct finding {
    enum finding_kind kind;
    bool is_harm;
    unsigned count;
    char handler[200], place[200], operation[64];
    char *words; /* of the first one: what it was about, and why */
};
struct spot { /* a place in the scripts; or a handler, by its path */
    char place[200];
    bool is_crashed[CRASHES];
};
struct trouble { /* of the event that is being handled: so that it ends some time */
    uint64_t seq;
    unsigned crashes, failures;
};
struct ledger {
    struct map deeds, alike; /* struct deed: by run and step; by handler, subject and what was asked for */
    struct finding *findings;
    size_t count, capacity;
    struct spot *spots;
    size_t spot_count, spot_capacity;
    struct trouble trouble;
    char last_place[200];
};

/* What was asked for was done: once more? `is_changed`: the world is another one since. */
void ledger_note(struct torture *torture, const struct host_wanted *wanted, bool is_harmless, bool is_changed,
                 enum excuse excuse);
void ledger_park(struct torture *torture, const struct host_note *note);
void ledger_find_host(struct torture *torture, const char *words);
struct spot *ledger_spot(struct torture *torture, const char *place);
void ledger_reset(struct ledger *ledger);
/* By kind, then place. */
void ledger_sort(struct ledger *ledger);

struct totals {
    unsigned deliveries, duplicates, reordered, late, steps, refused, lost;
    unsigned crashes[CRASHES];
    uint64_t runs, parked, waiting, unhandled;
};

struct torture {
    struct torture_options options;
    struct config config;
    struct chance chance; /* of crashes and refusals */
    struct sim_core *core;
    struct crowd *crowd; /* of a scenario; NULL: people */
    int64_t now_us;
    struct people people;
    struct mail mail;
    struct engine engine;
    struct ledger ledger;
    struct totals totals;
    bool is_over; /* no mischief any more */
    bool crashes_when_noted;
    atomic_bool is_broken; /* no memory */
};

struct torture_report {
    struct finding *findings;
    size_t count;
    struct totals totals;
    uint64_t seed;
    int64_t length_us;
    char *scripts;
    char *idle; /* handlers that had no event, with ", " between; NULL: none */
};

/* idle.c: NULL also when the scripts cannot be read any more. */
char *torture_idle(struct torture *torture);

#endif
