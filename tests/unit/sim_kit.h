/* A core with its time moved by hand, for the tests of the local Job Router. */
#ifndef SIM_KIT_H
#define SIM_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "event_known.h"
#include "sim/core.h"
#include "json/tree.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIT_START INT64_C(1772440504120000) /* 2026-03-02T08:35:04.120Z */
#define KIT_MERGE "application/merge-patch+json"
#define IDLE      "{\"kind\":\"longestIdle\"}"

struct kit {
    struct sim_core *core;
    int64_t now_us;
    struct sim_answer answer;
    struct json *json; /* of the last answer; NULL when it was empty */
    struct json *event;
    const char *type; /* NULL: as the method wants it */
    const char *if_match;
    const char *unmodified_since;
};

__attribute__((unused)) static void kit_open(struct kit *kit, uint64_t seed) {
    *kit = (struct kit){.now_us = KIT_START};
    assert_int_equal(crypto_start(NULL), 0);
    kit->core = sim_core_new(seed, NULL);
    assert_non_null(kit->core);
    sim_answer_init(&kit->answer);
}

__attribute__((unused)) static void kit_close(struct kit *kit) {
    json_free(kit->json);
    json_free(kit->event);
    sim_answer_reset(&kit->answer);
    sim_core_free(kit->core);
}

/* `query`: after the api-version, with its '&'; or a whole one that begins with '?'; or NULL. */
__attribute__((unused)) static unsigned kit_call(struct kit *kit, const char *method, const char *path,
                                                 const char *query, const char *body) {
    char whole[512];
    snprintf(whole, sizeof whole, "api-version=2023-11-01%s", query == NULL ? "" : query);
    const char *type = kit->type != NULL              ? kit->type
                       : strcmp(method, "PATCH") == 0 ? KIT_MERGE
                                                      : "application/json";
    struct sim_request request = {
        .method = slice_of(method),
        .path = slice_of(path),
        .query = slice_of(query != NULL && query[0] == '?' ? query + 1 : whole),
        .content_type = body == NULL ? slice_of(NULL) : slice_of(type),
        .if_match = slice_of(kit->if_match),
        .if_unmodified_since = slice_of(kit->unmodified_since),
        .body = slice_of(body),
    };
    sim_answer_reset(&kit->answer);
    sim_answer_init(&kit->answer);
    sim_core_request(kit->core, kit->now_us, &request, &kit->answer);
    json_free(kit->json);
    kit->json = NULL;
    if (kit->answer.body.length > 0) {
        struct error error = {0};
        kit->json = json_parse(kit->answer.body.bytes, kit->answer.body.length, &error);
        assert_non_null(kit->json);
    }
    return kit->answer.status;
}

/* One error of the REST contract's shape, with this code, and these words somewhere in its message. */
#define kit_refused(kit, wanted_status, wanted_code, words, method, path, query, body)                            \
    do {                                                                                                          \
        assert_int_equal(kit_call((kit), (method), (path), (query), (body)), (wanted_status));                    \
        const struct json *refusal = json_get((kit)->json, "error");                                              \
        assert_string_equal(json_get_string(refusal, "code"), (wanted_code));                                     \
        assert_string_equal((kit)->answer.code, (wanted_code));                                                   \
        assert_non_null(strstr(json_get_string(refusal, "message"), (words)));                                    \
    } while (0)

#define kit_ok(kit, wanted_status, method, path, body)                                                            \
    assert_int_equal(kit_call((kit), (method), (path), NULL, (body)), (wanted_status))

/* The next event, which must be of this type, and as the catalogue has it; its data. */
#define kit_event(kit, type) kit_event_at((kit), (type), __FILE__, __LINE__)
__attribute__((unused)) static const struct json *kit_event_at(struct kit *kit, const char *type, const char *file,
                                                               int line) {
    struct sim_event *event = sim_core_take_event(kit->core);
    if (event == NULL) {
        print_error("no event where %s should be\n", type);
        _fail(file, line);
        return NULL;
    }
    _assert_string_equal(event->type, type, file, line);
    json_free(kit->event);
    struct error error = {0};
    kit->event = json_parse(event->json, event->length, &error);
    sim_event_release(event);
    const struct json *data = json_get(kit->event, "data");
    if (!event_is_known(type, data)) {
        _fail(file, line);
    }
    return data;
}

#define kit_quiet(kit)                                                                                            \
    do {                                                                                                          \
        struct sim_event *left = sim_core_take_event((kit)->core);                                                \
        if (left != NULL) {                                                                                       \
            print_error("unexpected %s\n", left->type);                                                           \
        }                                                                                                         \
        assert_null(left);                                                                                        \
    } while (0)

__attribute__((unused)) static void kit_drop_events(struct kit *kit) {
    struct sim_event *event;
    while ((event = sim_core_take_event(kit->core)) != NULL) {
        sim_event_release(event);
    }
}

__attribute__((unused)) static void kit_pass(struct kit *kit, double seconds) {
    kit->now_us += (int64_t)(seconds * 1e6);
    sim_core_advance(kit->core, kit->now_us);
}

/* A policy, a queue "q" and a worker "w1" of one voice job at a time; no events are left. */
__attribute__((unused)) static void kit_furnish(struct kit *kit, const char *mode) {
    char body[256];
    snprintf(body, sizeof body, "{\"offerExpiresAfterSeconds\":30,\"mode\":%s}", mode);
    kit_ok(kit, 201, "PATCH", "/routing/distributionPolicies/p", body);
    kit_ok(kit, 201, "PATCH", "/routing/queues/q", "{\"distributionPolicyId\":\"p\",\"name\":\"Support\"}");
    kit_drop_events(kit);
}

__attribute__((unused)) static void kit_worker(struct kit *kit, const char *id, const char *more) {
    char path[128], body[512];
    snprintf(path, sizeof path, "/routing/workers/%s", id);
    snprintf(body, sizeof body,
             "{\"queues\":[\"q\"],\"capacity\":1,\"availableForOffers\":true,"
             "\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]%s}",
             more);
    kit_ok(kit, 201, "PATCH", path, body);
}

__attribute__((unused)) static void kit_job(struct kit *kit, const char *id, const char *more) {
    char path[128], body[512];
    snprintf(path, sizeof path, "/routing/jobs/%s", id);
    snprintf(body, sizeof body, "{\"queueId\":\"q\",\"channelId\":\"voice\"%s}", more);
    kit_ok(kit, 201, "PATCH", path, body);
}

__attribute__((unused)) static void kit_open_idle(struct kit *kit) {
    kit_open(kit, 1);
    kit_furnish(kit, IDLE);
}

/* And the worker w1, to whom the job j1 is offered: that event is the next one. */
__attribute__((unused)) static void kit_open_queued(struct kit *kit) {
    kit_open_idle(kit);
    kit_worker(kit, "w1", "");
    kit_job(kit, "j1", "");
    kit_event(kit, "RouterWorkerRegistered");
    kit_event(kit, "RouterJobReceived");
    kit_event(kit, "RouterJobQueued");
}

__attribute__((unused)) static const char *kit_status(struct kit *kit, const char *job) {
    char path[128];
    snprintf(path, sizeof path, "/routing/jobs/%s", job);
    kit_ok(kit, 200, "GET", path, NULL);
    return json_get_string(kit->json, "status");
}

__attribute__((unused)) static unsigned kit_answer_offer(struct kit *kit, const char *worker, const char *offer,
                                                         const char *verb, const char *body) {
    char path[256];
    snprintf(path, sizeof path, "/routing/workers/%s/offers/%s:%s", worker, offer, verb);
    return kit_call(kit, "POST", path, NULL, body);
}

/* Accepts the offer that is the next event; the assignment's id. Leaves the event of the acceptance. */
__attribute__((unused)) static void kit_accept(struct kit *kit, const char *worker, char assignment[64]) {
    const struct json *data = kit_event(kit, "RouterWorkerOfferIssued");
    assert_string_equal(json_get_string(data, "workerId"), worker);
    assert_int_equal(kit_answer_offer(kit, worker, json_get_string(data, "offerId"), "accept", NULL), 200);
    snprintf(assignment, 64, "%s", json_get_string(kit->json, "assignmentId"));
}

__attribute__((unused)) static unsigned kit_assignment(struct kit *kit, const char *job, const char *assignment,
                                                       const char *verb, const char *body) {
    char path[256];
    snprintf(path, sizeof path, "/routing/jobs/%s/assignments/%s:%s", job, assignment, verb);
    return kit_call(kit, "POST", path, NULL, body);
}

#endif
