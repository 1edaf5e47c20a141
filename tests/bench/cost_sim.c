/* What the core of the local Job Router costs: cost_sim [JOBS [SCENE]]. Each job goes through its
 * whole life by the calls of the REST API: created, offered, accepted, completed, closed. Time is the core's
 * own, moved by hand; what is measured is this process's processor time, so that a machine with other work on
 * it tells the same. Prints lines of scene, workers, jobs, and jobs, calls and events a second, with tabs between.
 *
 *   steady   twice as many jobs as workers are under way
 *   rivals   few jobs, each offered to five workers at once: the others' offers are revoked
 *   backlog  all jobs wait, of ten priorities, before the first worker comes
 *   skilled  as backlog, with the best worker by labels, and a selector that a tenth of the workers meets
 *   classed  as steady, with the queue, one of 20, and the priority from a policy with two formulas */
#include "crypto/crypto.h"
#include "sim/core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ID = 64, BODY = 512 };

struct offer {
    char id[ID], worker[ID], job[ID];
};

struct bench {
    struct sim_core *core;
    int64_t now_us;
    struct sim_answer answer;
    struct offer *offers;
    size_t capacity, first, last, created, closed, calls, events;
};

struct scene {
    const char *name, *mode;
    double load; /* jobs under way for each worker; 0: all */
    bool is_skilled, is_classified;
};

static const struct scene scenes[] = {
    {"steady", "{\"kind\":\"longestIdle\"}", 2, false, false},
    {"rivals", "{\"kind\":\"longestIdle\",\"maxConcurrentOffers\":5}", 0.2, false, false},
    {"backlog", "{\"kind\":\"roundRobin\"}", 0, false, false},
    {"skilled", "{\"kind\":\"bestWorker\"}", 0, true, false},
    {"classed", "{\"kind\":\"longestIdle\"}", 2, false, true},
};

static void fail(const char *what, const char *words) {
    fprintf(stderr, "cost_sim: %s: %s\n", what, words);
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void call(struct bench *bench, unsigned wanted, const char *method, const char *path, const char *body) {
    bool is_patch = strcmp(method, "PATCH") == 0;
    struct sim_request request = {
        .method = slice_of(method),
        .path = slice_of(path),
        .query = slice_of("api-version=2023-11-01"),
        .content_type = slice_of(is_patch ? "application/merge-patch+json" : "application/json"),
        .body = slice_of(body),
    };
    sim_answer_reset(&bench->answer);
    sim_answer_init(&bench->answer);
    bench->now_us += 100;
    bench->calls++;
    sim_core_request(bench->core, bench->now_us, &request, &bench->answer);
    if (wanted != 0 && bench->answer.status != wanted) {
        fail(path, bench->answer.body.bytes == NULL ? "no answer" : bench->answer.body.bytes);
    }
}

/* The text of a member, found by its name: these bodies hold no other one of that name before it. */
static void take(const char *json, const char *name, char text[ID]) {
    char quoted[ID];
    snprintf(quoted, sizeof quoted, "\"%s\":\"", name);
    const char *found = strstr(json, quoted);
    if (found == NULL) {
        fail(name, "is missing");
    }
    found += strlen(quoted);
    snprintf(text, ID, "%.*s", (int)strcspn(found, "\""), found);
}

static struct offer *add_offer(struct bench *bench) {
    if (bench->last == bench->capacity) {
        bench->capacity = bench->capacity * 2 + 1024;
        bench->offers = realloc(bench->offers, bench->capacity * sizeof *bench->offers);
    }
    if (bench->offers == NULL) {
        fail("offers", "no memory");
    }
    return &bench->offers[bench->last++];
}

static void take_events(struct bench *bench) {
    struct sim_event *event;
    while ((event = sim_core_take_event(bench->core)) != NULL) {
        bench->events++;
        if (strcmp(event->type, "RouterWorkerOfferIssued") == 0) {
            struct offer *offer = add_offer(bench);
            const char *data = strstr(event->json, "\"data\":");
            take(data, "offerId", offer->id);
            take(data, "workerId", offer->worker);
            take(data, "jobId", offer->job);
        }
        sim_event_release(event);
    }
}

static void create_job(struct bench *bench, const struct scene *scene) {
    char path[ID + 32], body[BODY], more[BODY] = "";
    snprintf(path, sizeof path, "/routing/jobs/job-%zu", bench->created);
    if (scene->is_skilled) {
        snprintf(more, sizeof more,
                 ",\"requestedWorkerSelectors\":[{\"key\":\"skill\",\"labelOperator\":\"equal\",\"value\":%zu}]",
                 bench->created % 10);
    }
    snprintf(body, sizeof body,
             "{\"%s,\"channelId\":\"voice\",\"priority\":%zu,\"channelReference\":\"call-%zu\","
             "\"labels\":{\"language\":\"de\",\"gold\":true}%s}",
             scene->is_classified ? "classificationPolicyId\":\"c\"" : "queueId\":\"q\"", bench->created * 7 % 10,
             bench->created, more);
    bench->created++;
    call(bench, 201, "PATCH", path, body);
}

/* Its queue is the last of 20 that are looked at. */
static void create_classification(struct bench *bench) {
    for (size_t i = 0; i < 19; i++) {
        char path[ID];
        snprintf(path, sizeof path, "/routing/queues/other-%zu", i);
        call(bench, 201, "PATCH", path, "{\"distributionPolicyId\":\"p\",\"labels\":{\"language\":\"fr\"}}");
    }
    call(bench, 201, "PATCH", "/routing/queues/q",
         "{\"distributionPolicyId\":\"p\",\"labels\":{\"language\":\"de\"}}");
    call(bench, 201, "PATCH", "/routing/classificationPolicies/c",
         "{\"queueSelectorAttachments\":[{\"kind\":\"conditional\",\"condition\":{\"kind\":\"expression\","
         "\"expression\":\"job.language in [\\\"de\\\", \\\"at\\\"]\"},\"queueSelectors\":[{\"key\":\"language\","
         "\"labelOperator\":\"equal\",\"value\":\"de\"}]}],\"prioritizationRule\":{\"kind\":\"expression\","
         "\"expression\":\"If(job.gold = true, 10, 1)\"}}");
}

static void create_workers(struct bench *bench, size_t count, bool is_skilled) {
    for (size_t i = 0; i < count; i++) {
        char path[ID + 32], body[BODY], labels[ID] = "";
        snprintf(path, sizeof path, "/routing/workers/worker-%zu", i);
        if (is_skilled) {
            snprintf(labels, sizeof labels, ",\"labels\":{\"skill\":%zu,\"language\":\"de\"}", i % 10);
        }
        snprintf(body, sizeof body,
                 "{\"queues\":[\"q\"],\"capacity\":1,\"availableForOffers\":true,"
                 "\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]%s}",
                 labels);
        call(bench, 201, "PATCH", path, body);
        take_events(bench);
    }
}

/* The oldest offer that is still open. */
static void finish_first(struct bench *bench) {
    char path[3 * ID + 64], assignment[ID];
    struct offer *offer;
    do {
        if (bench->first == bench->last) {
            fail("offers", "no job is offered");
        }
        offer = &bench->offers[bench->first++];
        snprintf(path, sizeof path, "/routing/workers/%s/offers/%s:accept", offer->worker, offer->id);
        call(bench, 0, "POST", path, NULL);
    } while (strcmp(bench->answer.code, "OfferRevoked") == 0);
    take(bench->answer.body.bytes, "assignmentId", assignment);
    static const char *const verbs[] = {"complete", "close"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/routing/jobs/%s/assignments/%s:%s", offer->job, assignment, verbs[i]);
        call(bench, 200, "POST", path, NULL);
    }
    bench->closed++;
}

static void run(const struct scene *scene, size_t jobs, size_t workers) {
    struct bench bench = {.core = sim_core_new(1, NULL), .now_us = INT64_C(1772440504120000)};
    if (bench.core == NULL) {
        fail("start", "no memory");
    }
    bool is_backlog = !(scene->load > 0);
    sim_answer_init(&bench.answer);
    char policy[BODY];
    snprintf(policy, sizeof policy, "{\"offerExpiresAfterSeconds\":86400,\"mode\":%s}", scene->mode);
    call(&bench, 201, "PATCH", "/routing/distributionPolicies/p", policy);
    create_classification(&bench);
    double start = cpu_seconds();
    if (!is_backlog) {
        create_workers(&bench, workers, false);
    }
    size_t under_way = is_backlog ? jobs : (size_t)(scene->load * (double)workers);
    while (bench.created < jobs && bench.created < under_way) {
        create_job(&bench, scene);
        take_events(&bench);
    }
    if (is_backlog) {
        create_workers(&bench, workers, scene->is_skilled);
    }
    while (bench.closed < jobs) {
        finish_first(&bench);
        if (bench.created < jobs) {
            create_job(&bench, scene);
        }
        take_events(&bench);
    }
    double seconds = cpu_seconds() - start;
    printf("%s\t%zu\t%zu\t%.0f\t%.0f\t%.0f\n", scene->name, workers, jobs, (double)jobs / seconds,
           (double)bench.calls / seconds, (double)bench.events / seconds);
    fflush(stdout);
    sim_answer_reset(&bench.answer);
    sim_core_free(bench.core);
    free(bench.offers);
}

int main(int argc, char **argv) {
    size_t jobs = argc < 2 ? 100000 : (size_t)strtoul(argv[1], NULL, 10);
    if (jobs == 0) {
        fail(argv[1], "is no number of jobs");
    }
    struct error error = {0};
    if (crypto_start(&error) < 0) {
        fail("crypto", error.message);
    }
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        if (argc > 2 && strcmp(argv[2], scenes[i].name) != 0) {
            continue;
        }
        run(&scenes[i], jobs, 50);
        run(&scenes[i], jobs, 500);
    }
    return 0;
}
