#include "sim/crowd_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void put_span(const struct crowd *crowd, struct buffer *out);
static void put_jobs(const struct crowd *crowd, struct buffer *out);
static void put_waits(const struct crowd *crowd, struct buffer *out);
static void put_wait_line(struct buffer *out, const char *name, int64_t *waits, size_t count);
static int compare_waits(const void *left, const void *right);
static void put_offers(const struct crowd *crowd, struct buffer *out);
static uint64_t count_of(const struct crowd *crowd, const char *type);
static void put_workers(const struct crowd *crowd, struct buffer *out);
static void put_types(const struct crowd *crowd, struct buffer *out);
static int compare_types(const void *left, const void *right);

int crowd_report(const struct crowd *crowd, struct buffer *out) {
    put_span(crowd, out);
    put_jobs(crowd, out);
    put_waits(crowd, out);
    put_offers(crowd, out);
    put_workers(crowd, out);
    put_types(crowd, out);
    return out->is_broken ? -1 : 0;
}

static void put_span(const struct crowd *crowd, struct buffer *out) {
    int64_t from = crowd->scenario->start_s, to = (int64_t)crowd_day_s(crowd, crowd->now_us);
    char words[CROWD_WORDS_SIZE];
    buffer_append_format(out, "time      %02d:%02d to %02d:%02d (%s), seed %" PRIu64 "\n", (int)(from / 3600),
                         (int)(from / 60 % 60), (int)(to / 3600 % 24), (int)(to / 60 % 60),
                         crowd_words(crowd->now_us - crowd->start_us, words), crowd->seed);
}

static void put_jobs(const struct crowd *crowd, struct buffer *out) {
    static const char *const names[CROWD_JOB_STATES] = {
        [CROWD_JOB_NEW] = "scheduled or new", [CROWD_JOB_WAITING] = "waiting for activation",
        [CROWD_JOB_QUEUED] = "queued",        [CROWD_JOB_ASSIGNED] = "assigned",
        [CROWD_JOB_COMPLETED] = "completed",  [CROWD_JOB_CLOSED] = "closed",
        [CROWD_JOB_CANCELLED] = "cancelled",  [CROWD_JOB_DELETED] = "deleted",
        [CROWD_JOB_FAILED] = "failed",
    };
    static const enum crowd_job_state order[] = {CROWD_JOB_CLOSED,  CROWD_JOB_COMPLETED, CROWD_JOB_ASSIGNED,
                                                 CROWD_JOB_QUEUED,  CROWD_JOB_WAITING,   CROWD_JOB_NEW,
                                                 CROWD_JOB_DELETED, CROWD_JOB_FAILED,    CROWD_JOB_CANCELLED};
    size_t counts[CROWD_JOB_STATES] = {0};
    size_t given_up = 0;
    LIST_EACH (&crowd->jobs.in_order, node) {
        const struct crowd_job *job = CONTAINER_OF(node, struct crowd_job, entry.in_order);
        counts[job->state]++;
        given_up += job->has_given_up;
    }
    buffer_append_format(out, "jobs      %zu", crowd->jobs.count);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (counts[order[i]] > 0) {
            buffer_append_format(out, ", %zu %s", counts[order[i]], names[order[i]]);
        }
    }
    if (given_up > 0) {
        buffer_append_format(out, " (%zu gave up)", given_up);
    }
    buffer_append_char(out, '\n');
}

/* From the first time in a queue until a worker accepted, or the customer gave up. */
static void put_waits(const struct crowd *crowd, struct buffer *out) {
    int64_t *waits = calloc(crowd->jobs.count + 1, sizeof *waits);
    if (waits == NULL) {
        out->is_broken = true;
        return;
    }
    for (int is_giving_up = 0; is_giving_up < 2; is_giving_up++) {
        size_t count = 0;
        LIST_EACH (&crowd->jobs.in_order, node) {
            const struct crowd_job *job = CONTAINER_OF(node, struct crowd_job, entry.in_order);
            bool counts = is_giving_up ? job->has_given_up : job->state != CROWD_JOB_CANCELLED;
            if (job->wait_us >= 0 && counts) {
                waits[count++] = job->wait_us;
            }
        }
        put_wait_line(out, is_giving_up ? "gave up" : "waits", waits, count);
    }
    free(waits);
}

static void put_wait_line(struct buffer *out, const char *name, int64_t *waits, size_t count) {
    char mean[CROWD_WORDS_SIZE], p90[CROWD_WORDS_SIZE], longest[CROWD_WORDS_SIZE];
    int64_t sum = 0;
    if (count == 0) {
        return;
    }
    qsort(waits, count, sizeof *waits, compare_waits);
    for (size_t i = 0; i < count; i++) {
        sum += waits[i];
    }
    buffer_append_format(out, "%-8s  %zu, mean %s, nine of ten within %s, longest %s\n", name, count,
                         crowd_words(sum / (int64_t)count, mean),
                         crowd_words(waits[(count * 9 + 9) / 10 - 1], p90),
                         crowd_words(waits[count - 1], longest));
}

static int compare_waits(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void put_offers(const struct crowd *crowd, struct buffer *out) {
    buffer_append_format(out,
                         "offers    %" PRIu64 ", %" PRIu64 " accepted, %" PRIu64 " declined, %" PRIu64
                         " expired, %" PRIu64 " revoked\n",
                         count_of(crowd, "RouterWorkerOfferIssued"), count_of(crowd, "RouterWorkerOfferAccepted"),
                         count_of(crowd, "RouterWorkerOfferDeclined"), count_of(crowd, "RouterWorkerOfferExpired"),
                         count_of(crowd, "RouterWorkerOfferRevoked"));
}

static uint64_t count_of(const struct crowd *crowd, const char *type) {
    for (size_t i = 0; i < crowd->type_count; i++) {
        if (strcmp(crowd->types[i].type, type) == 0) {
            return crowd->types[i].count;
        }
    }
    return 0;
}

/* Occupancy: of the time at work (available, or still busy), the part with at least one job. */
static void put_workers(const struct crowd *crowd, struct buffer *out) {
    int64_t present_us = 0, busy_us = 0;
    LIST_EACH (&crowd->members.in_order, node) {
        const struct crowd_member *member = CONTAINER_OF(node, struct crowd_member, entry.in_order);
        bool is_present = member->is_available || member->busy > 0;
        present_us += member->present_us + (is_present ? crowd->now_us - member->present_since_us : 0);
        busy_us += member->busy_us + (member->busy > 0 ? crowd->now_us - member->busy_since_us : 0);
    }
    buffer_append_format(out, "workers   %zu, busy for %.1f %% of their time at work\n", crowd->members.count,
                         present_us == 0 ? 0.0 : 100.0 * (double)busy_us / (double)present_us);
}

static void put_types(const struct crowd *crowd, struct buffer *out) {
    struct crowd_count sorted[CROWD_TYPES_MOST];
    uint64_t total = 0;
    memcpy(sorted, crowd->types, sizeof sorted);
    qsort(sorted, crowd->type_count, sizeof sorted[0], compare_types);
    for (size_t i = 0; i < crowd->type_count; i++) {
        total += sorted[i].count;
    }
    buffer_append_format(out, "events    %" PRIu64 "\n", total);
    for (size_t i = 0; i < crowd->type_count; i++) {
        buffer_append_format(out, "  %8" PRIu64 "  %s\n", sorted[i].count, sorted[i].type);
    }
}

static int compare_types(const void *left, const void *right) {
    return strcmp(((const struct crowd_count *)left)->type, ((const struct crowd_count *)right)->type);
}
