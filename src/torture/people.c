/* A small contact centre: two queues, one with exception rules, five people, two bots (bot-1, bot-2, with the
 * label Bot), customers who call, come back at an agreed time, lose patience, ask for skills that nobody has, or
 * for a department that there is none of. Whatever the scripts do not do, somebody does in the end, so that the
 * day goes on: unanswered workers come back, scheduled jobs are let in. */
#include "base/clock.h"
#include "torture/private.h"
#include "json/tree.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum act_kind {
    ACT_CALL,     /* a customer; and the next one */
    ACT_ACTIVATE, /* job */
    ACT_CANCEL,   /* job */
    ACT_ACCEPT,   /* worker, offer */
    ACT_DECLINE,  /* worker, offer */
    ACT_UNASSIGN, /* job, assignment */
    ACT_COMPLETE, /* job, assignment */
    ACT_CLOSE,    /* job, assignment */
    ACT_RETURN,   /* worker */
};

struct place {
    const char *path, *body;
};

static const int64_t second_us = 1000000;
static const char *const workers[] = {"anna", "ben", "cleo", "dora", "emil", "bot-1", "bot-2"};
static const struct place places[] = {
    {"/routing/distributionPolicies/longest-idle",
     "{\"offerExpiresAfterSeconds\":30,\"mode\":{\"kind\":\"longestIdle\"}}"},
    {"/routing/exceptionPolicies/waiting",
     "{\"exceptionRules\":[{\"id\":\"waited-long\",\"trigger\":{\"kind\":\"waitTime\",\"thresholdSeconds\":60},"
     "\"actions\":[{\"kind\":\"manualReclassify\",\"priority\":50}]},{\"id\":\"queue-full\",\"trigger\":"
     "{\"kind\":\"queueLength\",\"threshold\":4},\"actions\":[{\"kind\":\"manualReclassify\",\"priority\":20}]}]"
     "}"},
    {"/routing/classificationPolicies/by-department", "{\"queueSelectorAttachments\":[{\"kind\":\"passThrough\","
                                                      "\"key\":\"Department\",\"labelOperator\":\"equal\"}]}"},
    {"/routing/queues/support", "{\"distributionPolicyId\":\"longest-idle\",\"exceptionPolicyId\":\"waiting\","
                                "\"labels\":{\"Department\":\"support\"}}"},
    {"/routing/queues/billing",
     "{\"distributionPolicyId\":\"longest-idle\",\"labels\":{\"Department\":\"billing\"}}"},
    {"/routing/queues/supervisors", "{\"distributionPolicyId\":\"longest-idle\"}"},
};

static int furnish(struct torture *torture, const struct place *place, struct error *error);
static void plan(struct torture *torture, int64_t seconds, enum act_kind what, const char *first,
                 const char *second);
static void call_in(struct torture *torture);
static unsigned call(struct torture *torture, const char *method, const char *path, const char *body);
static void see_offer(struct torture *torture, const char *worker, const char *offer);
static bool is_bot(const char *worker);
static void come_back(struct torture *torture, const char *worker);

int people_start(struct torture *torture, struct error *error) {
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (furnish(torture, &places[i], error) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        come_back(torture, workers[i]);
    }
    plan(torture, 5, ACT_CALL, "", "");
    return 0;
}

void people_reset(struct people *people) {
    free(people->acts);
    people->acts = NULL;
    people->count = people->capacity = 0;
}

int64_t people_next(const struct people *people) {
    int64_t next = SIM_NEVER;
    for (size_t i = 0; i < people->count; i++) {
        next = people->acts[i].at_us < next ? people->acts[i].at_us : next;
    }
    return next;
}

void people_act(struct torture *torture) {
    struct people *people = &torture->people;
    size_t first = 0;
    for (size_t i = 1; i < people->count; i++) {
        const struct act *act = &people->acts[i], *best = &people->acts[first];
        if (act->at_us < best->at_us || (act->at_us == best->at_us && act->order < best->order)) {
            first = i;
        }
    }
    if (people->count == 0 || people->acts[first].at_us > torture->now_us) {
        return;
    }
    const struct act act = people->acts[first];
    char path[4 * PEOPLE_ID_SIZE];
    const char *a = act.ids[0], *b = act.ids[1];
    people->acts[first] = people->acts[--people->count];
    switch ((enum act_kind)act.what) {
    case ACT_CALL: call_in(torture); break;
    case ACT_RETURN: come_back(torture, a); break;
    case ACT_ACTIVATE:
        snprintf(path, sizeof path, "/routing/jobs/%s", a);
        call(torture, "PATCH", path, "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
        break;
    case ACT_CANCEL:
        snprintf(path, sizeof path, "/routing/jobs/%s:cancel", a);
        call(torture, "POST", path, "{\"dispositionCode\":\"HungUp\"}");
        break;
    case ACT_ACCEPT:
    case ACT_DECLINE:
        snprintf(path, sizeof path, "/routing/workers/%s/offers/%s:%s", a, b,
                 act.what == ACT_ACCEPT ? "accept" : "decline");
        call(torture, "POST", path, act.what == ACT_ACCEPT ? NULL : "{}");
        break;
    default:
        snprintf(path, sizeof path, "/routing/jobs/%s/assignments/%s:%s", a, b,
                 act.what == ACT_UNASSIGN   ? "unassign"
                 : act.what == ACT_COMPLETE ? "complete"
                                            : "close");
        call(torture, "POST", path, "{}");
        break;
    }
}

void people_see(struct torture *torture, const struct sim_event *event) {
    struct chance *chance = &torture->people.chance;
    struct json *json = json_parse(event->json, event->length, NULL);
    const struct json *data = json_get(json, "data");
    const char *job = json_get_string(data, "jobId"), *worker = json_get_string(data, "workerId");
    const char *assignment = json_get_string(data, "assignmentId");
    struct slice type = slice_of(event->type);
    if (slice_is(type, "RouterWorkerOfferIssued")) {
        see_offer(torture, worker, json_get_string(data, "offerId"));
    } else if (slice_is(type, "RouterWorkerOfferAccepted") && !is_bot(worker)) {
        bool gives_back = chance_is(chance, 100);
        plan(torture, chance_between(chance, 20, 120), gives_back ? ACT_UNASSIGN : ACT_COMPLETE, job, assignment);
    } else if (slice_is(type, "RouterWorkerOfferAccepted")) {
        plan(torture, 120, ACT_COMPLETE, job, assignment); /* unless a script did */
    } else if (slice_is(type, "RouterJobCompleted")) {
        bool is_bots = is_bot(worker);
        plan(torture, is_bots ? 120 : chance_between(chance, 5, 40), ACT_CLOSE, job, assignment);
    } else if (slice_is(type, "RouterJobWaitingForActivation")) {
        plan(torture, 180, ACT_ACTIVATE, job, "");
    } else if (slice_is(type, "RouterJobClassificationFailed")) {
        plan(torture, 180, ACT_CANCEL, job, "");
    } else if (slice_is(type, "RouterWorkerDeregistered")) {
        plan(torture, 45, ACT_RETURN, worker, "");
    } else if (slice_is(type, "RouterJobQueued") && chance_is(chance, 200)) {
        plan(torture, chance_between(chance, 30, 300), ACT_CANCEL, job, "");
    }
    json_free(json);
}

void people_make_queue(struct torture *torture, const char *id) {
    char path[4 * PEOPLE_ID_SIZE];
    size_t length = strlen(id);
    bool is_plain = length < PEOPLE_ID_SIZE;
    for (size_t i = 0; i < length && is_plain; i++) {
        is_plain = isalnum((unsigned char)id[i]) || strchr("-_.", id[i]) != NULL;
    }
    snprintf(path, sizeof path, "/routing/queues/%.*s", PEOPLE_ID_SIZE, id);
    if (is_plain && call(torture, "GET", path, NULL) == 404) {
        call(torture, "PATCH", path, "{\"distributionPolicyId\":\"longest-idle\"}");
    }
}

static int furnish(struct torture *torture, const struct place *place, struct error *error) {
    unsigned status = call(torture, "PATCH", place->path, place->body);
    if (status >= 200 && status < 300) {
        return 0;
    }
    return error_set(error, ERROR_INVALID,
                     "the local Job Router answers %u to PATCH %s: the scenario does not fit it", status,
                     place->path);
}

static void plan(struct torture *torture, int64_t seconds, enum act_kind what, const char *first,
                 const char *second) {
    struct people *people = &torture->people;
    if (first == NULL || second == NULL || strlen(first) >= PEOPLE_ID_SIZE || strlen(second) >= PEOPLE_ID_SIZE) {
        return;
    }
    if (people->count == people->capacity) {
        size_t capacity = people->capacity == 0 ? 64 : people->capacity * 2;
        struct act *acts = realloc(people->acts, capacity * sizeof *acts);
        if (acts == NULL) {
            atomic_store(&torture->is_broken, true);
            return;
        }
        people->acts = acts;
        people->capacity = capacity;
    }
    struct act *act = &people->acts[people->count++];
    *act = (struct act){.at_us = torture->now_us + seconds * second_us, .order = ++people->order, .what = what};
    memcpy(act->ids[0], first, strlen(first) + 1);
    memcpy(act->ids[1], second, strlen(second) + 1);
}

/* One customer now, and the next one in a while. */
static void call_in(struct torture *torture) {
    struct people *people = &torture->people;
    struct chance *chance = &people->chance;
    static const char *const segments[] = {"\"Gold\"", "\"Silver\"", "\"None\""};
    char path[64], body[800], mode[160], due[40], selector[200] = "[]";
    const char *policy = "";
    if (torture->now_us > people->until_us) {
        return;
    }
    snprintf(path, sizeof path, "/routing/jobs/job-%" PRIu64, ++people->jobs);
    snprintf(mode, sizeof mode, "{\"kind\":\"queueAndMatch\"}");
    if (chance_is(chance, 250)) {
        int64_t due_us = torture->now_us + chance_between(chance, 30, 600) * second_us;
        snprintf(mode, sizeof mode, "{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"%s\"}",
                 clock_format(due_us, due));
    }
    if (chance_is(chance, 120)) {
        snprintf(
            selector, sizeof selector,
            "[{\"key\":\"Language\",\"labelOperator\":\"equal\",\"value\":\"fr\",\"expiresAfterSeconds\":%d}]",
            (int)chance_between(chance, 20, 90));
    }
    if (chance_is(chance, 150)) {
        policy = "\"classificationPolicyId\":\"by-department\",";
    }
    snprintf(
        body, sizeof body,
        "{%s\"channelId\":\"%s\",\"queueId\":\"%s\",\"priority\":%d,\"channelReference\":\"%s\","
        "\"labels\":{\"Segment\":%s,\"Phone\":\"4930%04d\",\"Department\":\"%s\"},\"requestedWorkerSelectors\":%s,"
        "\"matchingMode\":%s}",
        policy, chance_is(chance, 600) ? "voice" : "chat", chance_is(chance, 700) ? "support" : "billing",
        (int)chance_between(chance, 1, 10), "reference", segments[chance_between(chance, 0, 2)],
        (int)chance_between(chance, 0, 99),
        chance_is(chance, 700)   ? "support"
        : chance_is(chance, 500) ? "billing"
                                 : "nowhere",
        selector, mode);
    call(torture, "PATCH", path, body);
    plan(torture, chance_between(chance, 15, 75), ACT_CALL, "", "");
}

/* Refusals are part of the day: somebody was quicker. */
static unsigned call(struct torture *torture, const char *method, const char *path, const char *body) {
    struct sim_answer answer;
    bool is_patch = strcmp(method, "PATCH") == 0;
    struct sim_request request = {.method = slice_of(method),
                                  .path = slice_of(path),
                                  .query = slice_of("api-version=2023-11-01"),
                                  .body = slice_of(body)};
    if (body != NULL) {
        request.content_type = slice_of(is_patch ? "application/merge-patch+json" : "application/json");
    }
    sim_answer_init(&answer);
    world_request(torture, &request, &answer);
    unsigned status = answer.status;
    sim_answer_reset(&answer);
    return status;
}

static void see_offer(struct torture *torture, const char *worker, const char *offer) {
    struct chance *chance = &torture->people.chance;
    if (worker == NULL || is_bot(worker)) {
        return; /* theirs are the scripts' */
    }
    if (chance_is(chance, 750)) {
        plan(torture, chance_between(chance, 2, 12), ACT_ACCEPT, worker, offer);
    } else if (chance_is(chance, 500)) {
        plan(torture, chance_between(chance, 2, 12), ACT_DECLINE, worker, offer);
    }
}

static bool is_bot(const char *worker) {
    return worker != NULL && strncmp(worker, "bot-", 4) == 0;
}

static void come_back(struct torture *torture, const char *worker) {
    char path[PEOPLE_ID_SIZE + 32], body[320];
    snprintf(path, sizeof path, "/routing/workers/%s", worker);
    snprintf(body, sizeof body,
             "{\"queues\":[\"support\",\"billing\",\"supervisors\"],\"capacity\":100,"
             "\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":100},"
             "{\"channelId\":\"chat\",\"capacityCostPerJob\":50}],\"labels\":{\"Bot\":%s},"
             "\"availableForOffers\":true}",
             is_bot(worker) ? "true" : "false");
    call(torture, "PATCH", path, body);
}
