/* What the store costs as it fills, and whether what it keeps slows it down:
 * cost_store FILL... [-r ROUND] [-d FOLDER].
 *
 * For each FILL (rising), when so many events are kept, all of them done, prints lines of
 *
 *     FILL <tab> what <tab> microseconds of the store's processor time for an event
 *
 * for accept (append), claim (read what a run needs), finish (its run is done) and duplicate (an old one once
 * more).
 * Then ROUND events go into the full store and into an empty one, by turns:
 *
 *     ratio <tab> acknowledged a second in the full one, in parts of the empty one's
 *     file <tab> what <tab> seconds     (of the full one: open, read what is open, backup, check, and the
 *                                        processor time of a bite of the purge)
 *
 * Names are random, events have 1.3 KB, and 64 senders wait for their commit. */
#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOUR_US (INT64_C(3600) * CLOCK_US_PER_S)
#define NOW_US  (INT64_C(1700000000) * CLOCK_US_PER_S)

enum { SENDERS = 64, RAW = 1300, PROBE = 5000, TURNS = 8, FILLS_MOST = 8, PATH_SIZE = 192, PURGE_BITE = 100 };

/* Works that are waited for together. */
struct crowd {
    pthread_mutex_t mutex;
    pthread_cond_t empty;
    size_t left;
};

struct sender {
    struct store_work work;
    struct crowd *crowd;
    struct store_event event;
    struct store_run run;
    uint8_t identity[STORE_DIGEST_SIZE], content[STORE_DIGEST_SIZE];
    char id[40], job[40];
};

/* A store and how many events were appended to it: their numbers are 1 to `count`. */
struct filled {
    struct store *store;
    struct store_reader *reader;
    uint64_t count;
    uint64_t salt; /* of the names of its events */
    char path[PATH_SIZE];
};

struct cost {
    double wall_s, cpu_s; /* cpu: of all threads but the caller's, which is the store's */
};

static char raw[RAW];
static struct crowd crowd = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
static struct sender senders[SENDERS];

static void fail(const char *what, const char *words) {
    fprintf(stderr, "cost_store: %s: %s\n", what, words);
    exit(EXIT_FAILURE);
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct cost cost_now(void) {
    return (struct cost){seconds_of(CLOCK_MONOTONIC),
                         seconds_of(CLOCK_PROCESS_CPUTIME_ID) - seconds_of(CLOCK_THREAD_CPUTIME_ID)};
}

static struct cost cost_since(struct cost begin) {
    struct cost now = cost_now();
    return (struct cost){now.wall_s - begin.wall_s, now.cpu_s - begin.cpu_s};
}

static void open_store(struct filled *filled) {
    struct error error = {0};
    filled->store = store_open(filled->path, &error);
    filled->reader = filled->store == NULL ? NULL : store_reader_new(filled->store, &error);
    if (filled->reader == NULL) {
        fail("open", error.message);
    }
}

static void close_store(struct filled *filled) {
    store_reader_free(filled->reader);
    store_close(filled->store);
    filled->store = NULL;
}

static void remove_store(const struct filled *filled) {
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[PATH_SIZE + 8];
        snprintf(path, sizeof path, "%s%s", filled->path, endings[i]);
        unlink(path);
    }
}

static void on_done(struct store_work *work) {
    struct crowd *all = ((struct sender *)(void *)work)->crowd;
    pthread_mutex_lock(&all->mutex);
    if (--all->left == 0) {
        pthread_cond_signal(&all->empty);
    }
    pthread_mutex_unlock(&all->mutex);
}

/* Submits the works of the first `count` senders, and waits for all of them. */
static void do_works(struct store *store, size_t count, const char *what) {
    crowd.left = count;
    for (size_t i = 0; i < count; i++) {
        senders[i].crowd = &crowd;
        senders[i].work.done = on_done;
        store_submit(store, &senders[i].work);
    }
    pthread_mutex_lock(&crowd.mutex);
    while (crowd.left > 0) {
        pthread_cond_wait(&crowd.empty, &crowd.mutex);
    }
    pthread_mutex_unlock(&crowd.mutex);
    for (size_t i = 0; i < count; i++) {
        if (senders[i].work.error.code != ERROR_NONE) {
            fail(what, senders[i].work.error.message);
        }
    }
}

/* Random to look at, and the same again for the same number (SplitMix64). */
static uint64_t mix(uint64_t number) {
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

/* The event that has, or gets, the number `seq`. */
static void prepare_append(const struct filled *filled, struct sender *sender, uint64_t seq) {
    uint64_t words[4];
    for (size_t i = 0; i < 4; i++) {
        words[i] = mix(filled->salt + seq * 4 + i);
    }
    memcpy(sender->identity, words, sizeof sender->identity);
    memcpy(sender->content, words + 2, sizeof sender->content);
    snprintf(sender->id, sizeof sender->id, "%016" PRIx64 "-4a4a", words[0]);
    snprintf(sender->job, sizeof sender->job, "%016" PRIx64 "-job", words[1]);
    sender->event = (struct store_event){
        .identity = sender->identity,
        .content = sender->content,
        .raw = slice_make(raw, RAW),
        .id = slice_of(sender->id),
        .type = slice_of("Microsoft.Communication.RouterJobReceived"),
        .source = slice_of("/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/acs"),
        .subject = slice_of(sender->job),
        .time = slice_of("2026-03-01T09:30:00Z"),
        .job = slice_of(sender->job),
        .lane = words[1],
    };
    sender->work = (struct store_work){.verb = STORE_APPEND, .append = {&sender->event, 1, NOW_US, NULL}};
}

static struct cost append(struct filled *filled, uint64_t count) {
    struct cost begin = cost_now();
    for (uint64_t end = filled->count + count; filled->count < end;) {
        size_t group = end - filled->count < SENDERS ? (size_t)(end - filled->count) : SENDERS;
        for (size_t i = 0; i < group; i++) {
            prepare_append(filled, &senders[i], filled->count + 1 + i);
        }
        do_works(filled->store, group, "append");
        for (size_t i = 0; i < group; i++) {
            if (senders[i].event.seq != ++filled->count) {
                fail("append", "an event did not get the next number");
            }
        }
    }
    return cost_since(begin);
}

static struct cost repeat(const struct filled *filled, uint64_t count) {
    struct cost begin = cost_now();
    for (uint64_t at = 0; at < count; at += SENDERS) {
        for (size_t i = 0; i < SENDERS; i++) {
            prepare_append(filled, &senders[i], 1 + mix(at + i) % filled->count);
        }
        do_works(filled->store, SENDERS, "append a duplicate");
        for (size_t i = 0; i < SENDERS; i++) {
            if (!senders[i].event.is_duplicate) {
                fail("append a duplicate", "it was taken for a new one");
            }
        }
    }
    return cost_since(begin);
}

static int no_run(void *context, const struct store_run *run) {
    (void)context, (void)run;
    return -1;
}

/* As the host does when a lane comes to an event. It reads on the caller's thread. */
static double claim(const struct filled *filled, uint64_t first, uint64_t count) {
    double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t seq = first; seq < first + count; seq++) {
        struct error error = {0};
        struct store_record record;
        if (store_read_event(filled->reader, seq, &record, &error) < 0 ||
            store_each_run(filled->reader, seq, no_run, NULL, &error) < 0) {
            fail("claim", error.message);
        }
        if (record.raw.length != RAW || record.state != STORE_QUEUED) {
            fail("claim", "the event is another one");
        }
    }
    return seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static struct cost finish(const struct filled *filled, uint64_t first, uint64_t count) {
    static const uint8_t generation[STORE_DIGEST_SIZE] = {1};
    struct cost begin = cost_now();
    for (uint64_t at = 0; at < count; at += SENDERS) {
        size_t group = count - at < SENDERS ? (size_t)(count - at) : SENDERS;
        for (size_t i = 0; i < group; i++) {
            struct sender *sender = &senders[i];
            sender->run = (struct store_run){.id = store_run_id(first + at + i, 0),
                                             .state = STORE_DONE,
                                             .handler = slice_of("RouterJobReceived.lua"),
                                             .generation = generation,
                                             .attempt = 1,
                                             .started_us = NOW_US,
                                             .finished_us = NOW_US,
                                             .result = slice_of("done")};
            sender->work = (struct store_work){.verb = STORE_CHANGE,
                                               .change = {.fence = store_fence(filled->store),
                                                          .seq = first + at + i,
                                                          .event_state = STORE_DONE,
                                                          .runs = &sender->run,
                                                          .run_count = 1}};
        }
        do_works(filled->store, group, "finish");
    }
    return cost_since(begin);
}

/* The oldest `count` go, in bites. */
static void purge(const struct filled *filled, size_t count) {
    const struct store_cutoffs all = {.done_us = NOW_US + HOUR_US, .duplicate_us = NOW_US + HOUR_US};
    struct cost begin = cost_now();
    size_t gone = 0;
    size_t bites = 0;
    for (bool has_more = true; has_more && gone < count; bites++) {
        senders[0].work = (struct store_work){.verb = STORE_PURGE, .purge = {.cutoffs = all, .most = PURGE_BITE}};
        do_works(filled->store, 1, "purge");
        gone += senders[0].work.purge.gone;
        has_more = senders[0].work.purge.has_more;
    }
    if (gone < count) {
        fail("purge", "too few are gone");
    }
    printf("file\tpurge %d events\t%.4f\n", PURGE_BITE, cost_since(begin).cpu_s / (double)bites);
}

static void print_cost(uint64_t fill, const char *what, double cpu_s, uint64_t events) {
    printf("%" PRIu64 "\t%s\t%.2f\n", fill, what, cpu_s * 1e6 / (double)events);
}

static void measure_at(struct filled *filled, uint64_t fill, uint64_t probe) {
    while (filled->count < fill) {
        uint64_t stretch = fill - filled->count < PROBE ? fill - filled->count : PROBE;
        append(filled, stretch);
        finish(filled, filled->count - stretch + 1, stretch);
    }
    uint64_t first = filled->count + 1;
    print_cost(fill, "accept", append(filled, probe).cpu_s, probe);
    print_cost(fill, "claim", claim(filled, first, probe), probe);
    print_cost(fill, "finish", finish(filled, first, probe).cpu_s, probe);
    print_cost(fill, "duplicate", repeat(filled, probe).cpu_s, probe);
    fflush(stdout);
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Medians over the turns of what the full store needs, in parts of what an empty one needs just before. */
static void measure_ratio(struct filled *full, const char *folder, uint64_t round) {
    double rates[TURNS];
    for (size_t turn = 0; turn < TURNS; turn++) {
        struct filled empty = {.salt = mix(turn)};
        snprintf(empty.path, sizeof empty.path, "%s/empty.db", folder);
        open_store(&empty);
        struct cost alone = append(&empty, round);
        struct cost beside = append(full, round);
        close_store(&empty);
        remove_store(&empty);
        rates[turn] = alone.wall_s / beside.wall_s;
    }
    qsort(rates, TURNS, sizeof *rates, compare);
    printf("ratio\t%.3f\n", (rates[TURNS / 2 - 1] + rates[TURNS / 2]) / 2);
}

static int count_open(void *context, const struct store_open_event *event) {
    (void)event;
    ++*(uint64_t *)context;
    return 0;
}

static void measure_file(struct filled *full, const char *folder) {
    struct error error = {0};
    char copy[PATH_SIZE];
    uint64_t count = 0;
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    close_store(full);
    double begin = seconds_of(CLOCK_MONOTONIC);
    open_store(full);
    printf("file\topen\t%.2f\n", seconds_of(CLOCK_MONOTONIC) - begin);
    begin = seconds_of(CLOCK_MONOTONIC);
    if (store_each_open(full->reader, 0, count_open, &count, &error) < 0) {
        fail("read", error.message);
    }
    printf("file\tread %" PRIu64 " open events\t%.2f\n", count, seconds_of(CLOCK_MONOTONIC) - begin);
    begin = seconds_of(CLOCK_MONOTONIC);
    if (store_backup(full->store, copy, &error) < 0) {
        fail("backup", error.message);
    }
    printf("file\tbackup\t%.2f\n", seconds_of(CLOCK_MONOTONIC) - begin);
    unlink(copy);
    begin = seconds_of(CLOCK_MONOTONIC);
    if (store_check(full->store, &error) < 0) {
        fail("check", error.message);
    }
    printf("file\tcheck\t%.2f\n", seconds_of(CLOCK_MONOTONIC) - begin);
}

static uint64_t number_of(const char *text) {
    uint64_t number = 0;
    if (text_to_uint64(slice_of(text), &number) < 0 || number == 0) {
        fail(text, "is no number over 0");
    }
    return number;
}

int main(int argc, char **argv) {
    const char *base = "/tmp";
    uint64_t round = 10000;
    for (int option; (option = getopt(argc, argv, "r:d:")) != -1;) {
        if (option == '?') {
            return EXIT_FAILURE;
        }
        base = option == 'd' ? optarg : base;
        round = option == 'r' ? number_of(optarg) : round;
    }
    char folder[PATH_SIZE / 2];
    snprintf(folder, sizeof folder, "%s/switchhook-cost-XXXXXX", base);
    if (optind == argc || mkdtemp(folder) == NULL) {
        fail("usage", "cost_store FILL... [-r ROUND] [-d FOLDER]");
    }
    memset(raw, 'r', sizeof raw);
    struct filled full = {.salt = 1};
    snprintf(full.path, sizeof full.path, "%s/full.db", folder);
    open_store(&full);
    uint64_t fill = 0;
    for (int i = optind; i < argc; i++) {
        fill = number_of(argv[i]);
        measure_at(&full, fill, fill < PROBE ? fill : PROBE);
    }
    measure_ratio(&full, folder, round);
    measure_file(&full, folder);
    purge(&full, fill < PROBE ? fill / 2 : PROBE);
    close_store(&full);
    remove_store(&full);
    rmdir(folder);
    return EXIT_SUCCESS;
}
