/* The world, as the host's hooks: what a step asks for is done on the local Job Router, or made up. And on the way
 * things go wrong. */
#include "router/router.h"
#include "torture/private.h"
#include "json/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    CRASHES_PER_EVENT = 2,
    FAILURES_PER_EVENT = 2,
    NEW_SPOT_PER_MILLE = 500, /* a step that no crash has met yet in this way */
    CRASH_PER_MILLE = 25,
    REFUSE_PER_MILLE = 30,
    LOSE_PER_MILLE = 30,
};

struct done {
    bool is_accepted, is_harmless, is_changed;
};

static void meet(struct torture *torture, struct slice handler);
static enum crash choose_crash(struct torture *torture, const struct host_wanted *wanted);
static void count_crash(struct torture *torture, enum crash crash);
static bool may_fail(struct torture *torture, unsigned per_mille);
static bool leaves_machine(struct slice operation);
static void do_it(struct torture *torture, const struct host_wanted *wanted, struct host_given *given,
                  struct done *done);
static void do_router(struct torture *torture, const struct router_operation *operation,
                      const struct host_wanted *wanted, struct host_given *given, struct done *done);
static void make_queue(struct torture *torture, struct slice body);
static void call_router(struct torture *torture, const struct router_operation *operation,
                        const struct router_request *built, struct host_given *given, struct done *done);
static void look(struct torture *torture, struct slice target, struct buffer *out);
static void do_http(const struct host_wanted *wanted, struct host_given *given, struct done *done);
static bool has_key(const struct json *options);
static void fail(const struct host_wanted *wanted, unsigned status, const char *words, struct host_given *given);

bool torture_answer(void *context, const struct host_wanted *wanted, struct host_given *given) {
    struct torture *torture = context;
    struct slice operation = wanted->operation;
    snprintf(torture->ledger.last_place, sizeof torture->ledger.last_place, "%s", wanted->place);
    torture->totals.steps++;
    if (torture->ledger.trouble.seq != wanted->seq) {
        torture->ledger.trouble = (struct trouble){.seq = wanted->seq};
    }
    enum crash crash = choose_crash(torture, wanted);
    if (crash == CRASH_BEFORE) {
        count_crash(torture, CRASH_BEFORE);
        return true;
    }
    torture->crashes_when_noted = crash == CRASH_AFTER;
    if (slice_is(operation, "sleep")) {
        struct json *list = json_parse(wanted->arguments.bytes, wanted->arguments.length, NULL);
        world_advance(torture, torture->now_us + (int64_t)(json_double_of(json_at(list, 0), 0) * 1e6));
        json_free(list);
        return true;
    }
    if (!leaves_machine(operation)) {
        return false;
    }
    if (crash == CRASH_NONE && may_fail(torture, REFUSE_PER_MILLE)) {
        torture->totals.refused++;
        bool is_busy = chance_is(&torture->chance, 500);
        fail(wanted, is_busy ? 429 : 503, is_busy ? "too many requests" : "not now", given);
        return true;
    }
    bool is_lost = crash == CRASH_NONE && may_fail(torture, LOSE_PER_MILLE);
    struct done done = {.is_accepted = false};
    do_it(torture, wanted, given, &done);
    if (done.is_accepted) {
        ledger_note(torture, wanted, done.is_harmless, done.is_changed,
                    crash == CRASH_LOST ? EXCUSE_CRASH
                    : is_lost           ? EXCUSE_LOST
                                        : EXCUSE_NONE);
    }
    if (crash == CRASH_LOST) {
        count_crash(torture, CRASH_LOST);
    } else if (is_lost) {
        torture->totals.lost++;
        buffer_clear(&given->value);
        fail(wanted, 0, "the connection was lost before the answer came", given);
        given->was_sent = true;
    }
    return true;
}

void torture_note(void *context, const struct host_note *note) {
    struct torture *torture = context;
    struct engine *engine = &torture->engine;
    switch (note->what) {
    case HOST_STEP:
        if (torture->crashes_when_noted) {
            torture->crashes_when_noted = false;
            count_crash(torture, CRASH_AFTER);
        }
        return;
    case HOST_SAID: return;
    case HOST_LIVE: atomic_store(&engine->is_live, true); break;
    case HOST_REFUSED:
        snprintf(engine->refused, sizeof engine->refused, "%.*s", SLICE_ARG(note->reason));
        atomic_store(&engine->is_refused, true);
        break;
    case HOST_WAITING: /* the world does not stand still meanwhile */
        torture->totals.waiting++;
        world_advance(torture, note->due_us);
        break;
    case HOST_DONE:
        meet(torture, note->handler);
        torture->totals.runs++;
        break;
    case HOST_PARKED:
        meet(torture, note->handler);
        torture->totals.runs++;
        torture->totals.parked++;
        ledger_park(torture, note);
        break;
    case HOST_UNHANDLED: torture->totals.unhandled++; break;
    default: break;
    }
    sem_post(&engine->changed);
}

/* It had an event. */
static void meet(struct torture *torture, struct slice handler) {
    char path[200];
    snprintf(path, sizeof path, "%.*s", SLICE_ARG(handler));
    (void)ledger_spot(torture, path);
}

/* Most are spent on what no crash has met yet, so that a short run meets each step in each way. */
static enum crash choose_crash(struct torture *torture, const struct host_wanted *wanted) {
    const struct totals *totals = &torture->totals;
    unsigned so_far = totals->crashes[CRASH_BEFORE] + totals->crashes[CRASH_LOST] + totals->crashes[CRASH_AFTER];
    struct trouble *trouble = &torture->ledger.trouble;
    struct spot *spot = ledger_spot(torture, wanted->place);
    if (spot == NULL || torture->is_over || so_far >= torture->options.crashes ||
        trouble->crashes >= CRASHES_PER_EVENT) {
        return CRASH_NONE;
    }
    /* What is between the script and the host is journaled with its effect. */
    static const enum crash all[] = {CRASH_BEFORE, CRASH_LOST, CRASH_LOST, CRASH_AFTER};
    static const enum crash own[] = {CRASH_BEFORE, CRASH_AFTER};
    bool leaves = leaves_machine(wanted->operation);
    size_t count = leaves ? sizeof all / sizeof *all : sizeof own / sizeof *own;
    size_t first = (size_t)chance_between(&torture->chance, 0, (int64_t)count - 1);
    enum crash kind = CRASH_NONE;
    for (size_t i = 0; i < count; i++) {
        kind = (leaves ? all : own)[(first + i) % count];
        if (!spot->is_crashed[kind]) {
            break;
        }
    }
    if (!chance_is(&torture->chance, spot->is_crashed[kind] ? CRASH_PER_MILLE : NEW_SPOT_PER_MILLE)) {
        return CRASH_NONE;
    }
    spot->is_crashed[kind] = true;
    trouble->crashes++;
    return kind;
}

static void count_crash(struct torture *torture, enum crash crash) {
    torture->totals.crashes[crash]++;
    engine_crash(torture);
}

static bool may_fail(struct torture *torture, unsigned per_mille) {
    struct trouble *trouble = &torture->ledger.trouble;
    if (torture->is_over || trouble->failures >= FAILURES_PER_EVENT || !chance_is(&torture->chance, per_mille)) {
        return false;
    }
    trouble->failures++;
    return true;
}

static bool leaves_machine(struct slice operation) {
    return !slice_starts_with(operation, "state.") && !slice_is(operation, "after") &&
           !slice_is(operation, "cancel") && !slice_is(operation, "sleep");
}

static void do_it(struct torture *torture, const struct host_wanted *wanted, struct host_given *given,
                  struct done *done) {
    const struct router_operation *known = router_find(wanted->operation);
    if (known != NULL) {
        do_router(torture, known, wanted, given, done);
    } else if (slice_starts_with(wanted->operation, "http.")) {
        do_http(wanted, given, done);
    } else {
        given->status = 200;
        *done = (struct done){.is_accepted = true, .is_harmless = true, .is_changed = true};
    }
}

static void do_router(struct torture *torture, const struct router_operation *operation,
                      const struct host_wanted *wanted, struct host_given *given, struct done *done) {
    struct router_request built;
    struct error error = {0};
    router_request_init(&built);
    if (router_request_build(&built, operation, wanted->arguments, &error) < 0) {
        fail(wanted, 0, error.message, given);
    } else if (strcmp(operation->method, "GET") == 0) {
        call_router(torture, operation, &built, given, done);
        done->is_accepted = false; /* nobody minds being asked twice */
    } else {
        struct buffer before, after;
        size_t count = torture->mail.count;
        make_queue(torture, buffer_slice(&built.body));
        buffer_init(&before, SIM_ANSWER_LIMIT);
        buffer_init(&after, SIM_ANSWER_LIMIT);
        look(torture, buffer_slice(&built.target), &before);
        call_router(torture, operation, &built, given, done);
        look(torture, buffer_slice(&built.target), &after);
        done->is_changed =
            torture->mail.count != count || !slice_equal(buffer_slice(&before), buffer_slice(&after));
        buffer_reset(&before);
        buffer_reset(&after);
    }
    router_request_reset(&built);
}

/* The contact centre has every queue that a script sends a job to. */
static void make_queue(struct torture *torture, struct slice body) {
    struct json *json = body.length == 0 ? NULL : json_parse(body.bytes, body.length, NULL);
    const char *id = json_get_string(json, "queueId");
    if (id != NULL) {
        people_make_queue(torture, id);
    }
    json_free(json);
}

static void call_router(struct torture *torture, const struct router_operation *operation,
                        const struct router_request *built, struct host_given *given, struct done *done) {
    struct slice target = buffer_slice(&built->target);
    const char *query = target.length == 0 ? NULL : memchr(target.bytes, '?', target.length);
    size_t path = query == NULL ? target.length : (size_t)(query - target.bytes);
    struct sim_request request = {.method = slice_of(operation->method),
                                  .path = slice_make(target.bytes, path),
                                  .content_type = slice_of(built->content_type),
                                  .if_match = buffer_slice(&built->if_match),
                                  .if_unmodified_since = buffer_slice(&built->if_unmodified_since),
                                  .body = buffer_slice(&built->body)};
    if (query != NULL) {
        request.query = slice_make(query + 1, target.length - path - 1);
    }
    struct sim_answer answer;
    struct router_outcome outcome = {.is_error = false};
    sim_answer_init(&answer);
    buffer_init(&outcome.value, given->value.limit);
    world_request(torture, &request, &answer);
    if (router_read_answer(operation, answer.status, buffer_slice(&answer.body), answer.code, NULL, &outcome) <
            0 ||
        buffer_append_slice(&given->value, buffer_slice(&outcome.value)) < 0) {
        given->value.is_broken = true;
    }
    given->status = answer.status;
    given->is_error = outcome.is_error;
    snprintf(given->etag, sizeof given->etag, "%s", answer.etag);
    done->is_accepted = !outcome.is_error;
    buffer_reset(&outcome.value);
    sim_answer_reset(&answer);
}

/* The resource that a call is about, /routing/KIND/ID, without what changes with every call. */
static void look(struct torture *torture, struct slice target, struct buffer *out) {
    size_t end = 0;
    for (int slashes = 0; end < target.length; end++) {
        char c = target.bytes[end];
        slashes += c == '/';
        if (slashes == 4 || c == '?' || c == ':') {
            break;
        }
    }
    struct sim_answer answer;
    struct sim_request request = {.method = slice_of("GET"),
                                  .path = slice_make(target.bytes, end),
                                  .query = slice_of("api-version=" ROUTER_API_VERSION)};
    sim_answer_init(&answer);
    world_request(torture, &request, &answer);
    struct json *json = answer.status != 200 ? NULL : json_parse(answer.body.bytes, answer.body.length, NULL);
    if (json != NULL) {
        json_drop(json, "etag");
        json_print(json, out);
    }
    json_free(json);
    sim_answer_reset(&answer);
}

/* PUT and DELETE may be repeated by their definition (RFC 9110, 9.2.2); what carries a key of its own is known
 * again by whoever gets it. */
static void do_http(const struct host_wanted *wanted, struct host_given *given, struct done *done) {
    struct json *list = json_parse(wanted->arguments.bytes, wanted->arguments.length, NULL);
    bool is_whole = slice_is(wanted->operation, "http.request");
    const struct json *options = json_at(list, is_whole ? 0 : 1);
    const char *method = is_whole ? json_get_string(options, "method") : wanted->operation.bytes + strlen("http.");
    size_t length = is_whole ? (method == NULL ? 0 : strlen(method)) : wanted->operation.length - strlen("http.");
    static const char *const reads[] = {"get", "head", "options"}, *const repeatable[] = {"put", "delete"};
    done->is_accepted = length > 0;
    done->is_changed = true;
    done->is_harmless = has_key(options);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        if (length == strlen(reads[i]) && strncasecmp(method, reads[i], length) == 0) {
            done->is_accepted = false;
        }
    }
    for (size_t i = 0; i < sizeof repeatable / sizeof repeatable[0]; i++) {
        if (length == strlen(repeatable[i]) && strncasecmp(method, repeatable[i], length) == 0) {
            done->is_harmless = true;
        }
    }
    given->status = 200;
    buffer_append_text(&given->value, "{\"body\":\"{}\",\"headers\":{\"content-type\":\"application/json\"},"
                                      "\"status\":200}");
    json_free(list);
}

static bool has_key(const struct json *options) {
    const struct json *headers = json_get(options, "headers");
    for (const struct json *header = json_first(headers); header != NULL; header = json_next(header)) {
        if (strcasecmp(json_name(header), "Idempotency-Key") == 0) {
            return true;
        }
    }
    return false;
}

/* Of http.* a status is an answer, not an error. */
static void fail(const struct host_wanted *wanted, unsigned status, const char *words, struct host_given *given) {
    given->status = status;
    if (status != 0 && slice_starts_with(wanted->operation, "http.")) {
        buffer_append_format(&given->value, "{\"body\":\"\",\"headers\":{},\"status\":%u}", status);
        return;
    }
    given->is_error = true;
    struct json *error = json_object();
    int failed = json_put(error, "code", json_text(status == 0 ? "TransportFailed" : "Torture")) |
                 json_put(error, "message", json_text(words)) |
                 json_put(error, "operation", json_slice(wanted->operation)) |
                 json_put(error, "retryable", json_bool(true)) | json_put(error, "status", json_double(status));
    if (failed || json_print(error, &given->value) < 0) {
        given->value.is_broken = true;
    }
    json_free(error);
}
