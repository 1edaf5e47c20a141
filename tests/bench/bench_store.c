/* What the store costs, from ten thousand to a million kept events: bench_store [EVENTS | --smoke] [FOLDER]. Random
 * names, 1.3 KB each, 64 senders that wait for their commit. */
#include "base/clock.h"
#include "unit/store_kit.h"
#include <inttypes.h>
#include <sys/random.h>
#include <time.h>

enum { SENDERS = 64, RAW = 1300, PURGE_BITE = 100 };

static struct store *store;
static const char *path;

static void fail(const char *what, const char *words) {
    fprintf(stderr, "bench_store: %s: %s\n", what, words);
    exit(1);
}

static double seconds_since(int64_t start) {
    return (double)(clock_monotonic_ns() - start) / 1e9;
}

static void open_store(void) {
    struct error error = {0};
    int64_t start = clock_monotonic_ns();
    store = store_open(path, &error);
    if (store == NULL) {
        fail("store_open", error.message);
    }
    printf("open: %.2f s\n", seconds_since(start));
}

/* Pages in memory of this process, in MiB. */
static double resident_mib(void) {
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2) {
        fail("statm", "cannot be read");
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

struct sender {
    struct kit_work waiting;
    struct store_event event;
    uint8_t identity[STORE_DIGEST_SIZE], content[STORE_DIGEST_SIZE];
    char id[40], raw[RAW];
};

static void append_group(struct sender *senders) {
    for (int i = 0; i < SENDERS; i++) {
        struct sender *sender = &senders[i];
        if (getrandom(sender->identity, sizeof sender->identity, 0) < 0 ||
            getrandom(sender->content, sizeof sender->content, 0) < 0) {
            fail("getrandom", "failed");
        }
        snprintf(sender->id, sizeof sender->id, "%02x%02x%02x%02x-4a4a", sender->identity[0], sender->identity[1],
                 sender->identity[2], sender->identity[3]);
        sender->event = (struct store_event){
            .identity = sender->identity,
            .content = sender->content,
            .raw = slice_make(sender->raw, RAW),
            .id = slice_of(sender->id),
            .type = slice_of("Microsoft.Communication.RouterJobReceived"),
            .source = slice_of("/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/acs"),
            .subject = slice_of("job/4a4a"),
            .time = slice_of("2026-03-01T09:30:00Z"),
            .job = slice_of(sender->id),
            .lane = (uint64_t)i,
        };
        kit_submit(store, &sender->waiting,
                   (struct store_work){.verb = STORE_APPEND, .append = {&sender->event, 1, KIT_NOW_US, NULL}});
    }
    for (int i = 0; i < SENDERS; i++) {
        if (kit_wait(&senders[i].waiting) != ERROR_NONE) {
            fail("append", senders[i].waiting.work.error.message);
        }
    }
}

static void append_all(uint64_t count) {
    static struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        memset(senders[i].raw, 'r', RAW);
    }
    uint64_t last = 0;
    uint64_t next = 10000;
    int64_t start = clock_monotonic_ns();
    int64_t cpu = clock();
    for (uint64_t at = SENDERS; at <= count; at += SENDERS) {
        append_group(senders);
        if (at < next && at + SENDERS <= count) {
            continue;
        }
        double events = (double)(at - last);
        printf("%8" PRIu64 " kept: %.0f a second, %.1f us of processor each, %.0f MiB\n", at,
               events / seconds_since(start), (double)(clock() - cpu) / events, resident_mib());
        last = at;
        next = next < count / 10 ? count / 10 : next + count / 10;
        start = clock_monotonic_ns();
        cpu = clock();
    }
}

static int count_open(void *context, const struct store_open_event *event) {
    (void)event;
    ++*(uint64_t *)context;
    return 0;
}

static void read_open(void) {
    struct error error = {0};
    struct store_reader *reader = store_reader_new(store, &error);
    uint64_t count = 0;
    int64_t start = clock_monotonic_ns();
    if (reader == NULL || store_each_open(reader, 0, count_open, &count, &error) < 0) {
        fail("reading", error.message);
    }
    printf("%" PRIu64 " open events read: %.2f s, %.0f MiB\n", count, seconds_since(start), resident_mib());
    store_reader_free(reader);
}

/* The runs of all events are done, a hundred changes a commit. */
static void finish_all(uint64_t count) {
    static struct kit_work works[PURGE_BITE];
    static struct store_run runs[PURGE_BITE];
    static const uint8_t generation[STORE_DIGEST_SIZE] = {1};
    int64_t start = clock_monotonic_ns();
    for (uint64_t first = 1; first + PURGE_BITE <= count; first += PURGE_BITE) {
        for (uint64_t i = 0; i < PURGE_BITE; i++) {
            runs[i] = (struct store_run){.id = store_run_id(first + i, 0),
                                         .state = STORE_DONE,
                                         .handler = slice_of("RouterJobReceived.lua"),
                                         .generation = generation,
                                         .script = generation};
            kit_submit(store, &works[i],
                       (struct store_work){.verb = STORE_CHANGE,
                                           .change = {.fence = store_fence(store),
                                                      .seq = first + i,
                                                      .event_state = STORE_DONE,
                                                      .runs = &runs[i],
                                                      .run_count = 1}});
        }
        for (uint64_t i = 0; i < PURGE_BITE; i++) {
            if (kit_wait(&works[i]) != ERROR_NONE) {
                fail("change", works[i].work.error.message);
            }
        }
    }
    printf("changes: %.0f a second\n", (double)count / seconds_since(start));
}

static void purge_some(uint64_t events) {
    int64_t later = KIT_NOW_US + 100 * KIT_HOUR_US;
    double longest = 0, sum = 0;
    int bites = 0;
    size_t gone = 0;
    int64_t cpu = clock();
    while (gone < events) {
        struct kit_work waiting;
        int64_t start = clock_monotonic_ns();
        kit_submit(store, &waiting,
                   (struct store_work){
                       .verb = STORE_PURGE,
                       .purge = {.cutoffs = {.done_us = later, .duplicate_us = later}, .most = PURGE_BITE}});
        if (kit_wait(&waiting) != ERROR_NONE) {
            fail("purge", waiting.work.error.message);
        }
        double took = seconds_since(start) * 1e3;
        longest = took > longest ? took : longest;
        sum += took;
        bites++;
        gone += waiting.work.purge.gone;
        if (!waiting.work.purge.has_more) {
            break;
        }
    }
    printf(
        "purge: %zu events in %d bites, %.2f ms each with its sync, %.2f ms the longest, %.2f ms of processor\n",
        gone, bites, sum / bites, longest, (double)(clock() - cpu) / 1e3 / bites);
}

static void back_up(const char *folder) {
    struct error error = {0};
    char copy[256];
    snprintf(copy, sizeof copy, "%s/backup.db", folder);
    int64_t start = clock_monotonic_ns();
    if (store_backup(store, copy, &error) < 0) {
        fail("backup", error.message);
    }
    printf("backup: %.2f s\n", seconds_since(start));
    unlink(copy);
    start = clock_monotonic_ns();
    if (store_check(store, &error) < 0) {
        fail("check", error.message);
    }
    printf("check: %.2f s\n", seconds_since(start));
}

int main(int argc, char **argv) {
    uint64_t count = argc < 2 ? 1000000 : strcmp(argv[1], "--smoke") == 0 ? 2000 : strtoull(argv[1], NULL, 10);
    char folder[128];
    char file[160];
    snprintf(folder, sizeof folder, "%s/switchhook-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (count < 1000) {
        fail("EVENTS", "must be a number, 1000 or more");
    }
    if (mkdtemp(folder) == NULL) {
        fail("mkdtemp", folder);
    }
    snprintf(file, sizeof file, "%s/bench.db", folder);
    path = file;
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_store();
    append_all(count);
    store_close(store);
    printf("at rest: %.0f MiB\n", resident_mib());
    open_store();
    printf("open: %.0f MiB\n", resident_mib());
    read_open();
    back_up(folder);
    finish_all(count);
    purge_some(count / 10);
    store_close(store);
    unlink(file);
    snprintf(file, sizeof file, "%s/bench.db.lock", folder);
    unlink(file);
    rmdir(folder);
    return 0;
}
