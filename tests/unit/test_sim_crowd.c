/* The crowd on a core, in its own time: what workers and customers do, and that it is the same each time. */
#include "sim/crowd.h"
#include "sim_kit.h"

#define S INT64_C(1000000)

/* What the trace and the events said, as "SECONDS ID WORDS". */
struct life {
    struct sim_core *core;
    struct scenario *scenario;
    struct crowd *crowd;
    struct buffer said, events;
    int64_t start_us;
};

static void on_trace(void *context, int64_t now_us, const char *id, const char *what) {
    struct life *life = context;
    buffer_append_format(&life->said, "%.1f %s %s\n", (double)(now_us - life->start_us) / 1e6, id, what);
}

static void on_event(void *context, struct sim_event *event) {
    struct life *life = context;
    buffer_append(&life->events, event->json, event->length);
    buffer_append_char(&life->events, '\n');
    struct json *whole = json_parse(event->json, event->length, NULL);
    assert_true(event_is_known(event->type, json_get(whole, "data")));
    json_free(whole);
}

#define ROUTER                                                                                                    \
    "distribution_policy 'd' { offerExpiresAfterSeconds = 30, mode = { kind = 'longestIdle' } }\n"                \
    "queue 'q' { distributionPolicyId = 'd' }\n"
#define WORKER "workers { names = { 'w' }, queues = { 'q' }, channels = { v = 1 }, "

static void start(struct life *life, const char *text, uint64_t seed) {
    struct error error = {0};
    *life = (struct life){.start_us = KIT_START};
    assert_int_equal(crypto_start(NULL), 0);
    buffer_init(&life->said, 64 << 20);
    buffer_init(&life->events, 64 << 20);
    life->core = sim_core_new(seed, NULL);
    sim_core_set_trace(life->core, on_trace, life);
    life->scenario = scenario_read(text, strlen(text), "s.lua", &error);
    if (life->scenario == NULL) {
        fail_msg("%s", error.message);
    }
    life->crowd = crowd_new(life->core, life->scenario, seed, &error);
    assert_non_null(life->crowd);
    assert_int_equal(crowd_start(life->crowd, KIT_START, &error), 0);
}

static void run_to(struct life *life, double seconds) {
    crowd_run(life->crowd, KIT_START + (int64_t)(seconds * 1e6), on_event, life);
    assert_false(crowd_is_broken(life->crowd));
}

static void stop(struct life *life) {
    crowd_free(life->crowd);
    sim_core_free(life->core);
    scenario_free(life->scenario);
    buffer_reset(&life->said);
    buffer_reset(&life->events);
}

static void says(const struct life *life, const char *words) {
    if (strstr(life->said.bytes, words) == NULL) {
        fail_msg("\"%s\" is not in\n%s", words, life->said.bytes);
    }
}

static void says_not(const struct life *life, const char *words) {
    if (strstr(life->said.bytes, words) != NULL) {
        fail_msg("\"%s\" is in\n%s", words, life->said.bytes);
    }
}

static void reports(const struct life *life, const char *words) {
    struct buffer report;
    buffer_init(&report, 65536);
    assert_int_equal(crowd_report(life->crowd, &report), 0);
    if (strstr(report.bytes, words) == NULL) {
        fail_msg("\"%s\" is not in\n%s", words, report.bytes);
    }
    buffer_reset(&report);
}

static unsigned call(struct life *life, double at, const char *method, const char *path, const char *body) {
    struct sim_answer answer;
    sim_answer_init(&answer);
    run_to(life, at);
    sim_core_request(
        life->core, KIT_START + (int64_t)(at * 1e6),
        &(struct sim_request){.method = slice_of(method),
                              .path = slice_of(path),
                              .query = slice_of("api-version=2023-11-01"),
                              .content_type = slice_of(body == NULL                   ? NULL
                                                       : strcmp(method, "PATCH") == 0 ? KIT_MERGE
                                                                                      : "application/json"),
                              .body = slice_of(body)},
        &answer);
    unsigned status = answer.status;
    sim_answer_reset(&answer);
    run_to(life, at);
    return status;
}

static void job(struct life *life, double at, const char *id) {
    char path[64];
    snprintf(path, sizeof path, "/routing/jobs/%s", id);
    assert_int_equal(call(life, at, "PATCH", path, "{\"queueId\":\"q\",\"channelId\":\"v\"}"), 201);
}

static void a_worker_accepts_talks_and_wraps_up(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "answer_after = 4, talk = 100, wrap_up = 20 }", 1);
    job(&life, 10, "j");
    run_to(&life, 1000);
    says(&life, "0.0 w comes to work\n");
    says(&life, "14.0 w accepts j\n");
    says(&life, "114.0 w has finished with j, and wraps up\n114.0 j completed\n");
    says(&life, "134.0 w has wrapped up j\n134.0 j closed\n");
    says_not(&life, "cannot");
    reports(&life, "jobs      1, 1 closed\nwaits     1, mean 4.0 s, ");
    reports(&life, "offers    1, 1 accepted, 0 declined, 0 expired, 0 revoked\n");
    reports(&life, "workers   1, busy for 12.0 % of their time at work\n"); /* 120 of 1000 s */
    stop(&life);
}

static void a_worker_declines(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "accept = 0, decline = 1, answer_after = 4 }", 1);
    job(&life, 0, "j");
    run_to(&life, 100);
    says(&life, "4.0 w declines j\n");
    says_not(&life, "comes back");
    stop(&life);
}

/* The offer expires, the worker is deregistered, comes back, and so on. */
static void a_worker_does_not_notice_and_comes_back(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "accept = 0, returns_after = 60 }", 1);
    job(&life, 0, "j");
    run_to(&life, 119);
    says(&life, "0.0 w does not notice the offer of j\n");
    says(&life, "90.0 w is back, and takes offers again\n");
    says(&life, "90.0 w does not notice the offer of j\n");
    stop(&life);
}

/* An offer that ends at the moment at which it would be accepted has ended. */
static void the_router_is_first(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "answer_after = 30, returns_after = 600 }", 1);
    job(&life, 0, "j");
    run_to(&life, 500);
    says(&life, "30.0 w deregistered");
    says_not(&life, "w accepts");
    stop(&life);
}

static void workers_have_shifts_breaks_and_an_end(void **state) {
    struct life life;
    (void)state;
    start(&life,
          ROUTER WORKER "shifts = '08:10-09:00', breaks = '08:20-08:30' }\n"
                        "workers { names = { 'x' }, queues = { 'q' }, channels = { v = 1 }, leaves_after = 90 }\n"
                        "length = '2d'",
          1);
    run_to(&life, 100);
    says(&life, "0.0 x comes to work\n");
    says(&life, "90.0 x goes home\n");
    says_not(&life, " w ");
    run_to(&life, 24 * 3600 + 3600);
    says(&life, "600.0 w comes to work\n");
    says(&life, "1200.0 w takes a break\n");
    says(&life, "1800.0 w comes to work\n");
    says(&life, "3600.0 w goes home\n");
    says(&life, "87000.0 w comes to work\n"); /* the next day */
    stop(&life);
}

/* In a break nobody comes back because an offer expired. */
static void who_is_off_duty_stays_away(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "accept = 0, returns_after = '1m', breaks = '08:01-09:00' }", 1);
    job(&life, 0, "j");
    run_to(&life, 600);
    says(&life, "30.0 w deregistered");
    says_not(&life, "is back");
    /* Also who was fetched out of it by others. */
    assert_int_equal(call(&life, 600, "PATCH", "/routing/workers/w", "{\"availableForOffers\":true}"), 200);
    run_to(&life, 1000);
    says(&life, "630.0 w deregistered");
    says_not(&life, "is back");
    stop(&life);
}

static void customers_come_by_the_hour(void **state) {
    struct life life;
    (void)state;
    start(&life,
          ROUTER
          "customers { name = 'c', channel = 'v', queue = 'q', per_hour = { [9] = 600 }, labels = { L = { a = "
          "1, b = 1 } } }",
          1);
    assert_true(crowd_next(life.crowd) > KIT_START + 3600 * S);
    run_to(&life, 8 * 3600);
    struct buffer report;
    buffer_init(&report, 65536);
    assert_int_equal(crowd_report(life.crowd, &report), 0);
    size_t count = 0;
    assert_int_equal(sscanf(strstr(report.bytes, "jobs"), "jobs %zu", &count), 1);
    assert_in_range(count, 500, 700);
    assert_non_null(strstr(life.events.bytes, "\"labels\":{\"L\":\"a\"}"));
    assert_non_null(strstr(life.events.bytes, "\"labels\":{\"L\":\"b\"}"));
    assert_true(crowd_next(life.crowd) > KIT_START + 8 * 3600 * S); /* nobody comes after the end */
    buffer_reset(&report);
    stop(&life);
}

static void nobody_comes_after_the_end(void **state) {
    struct life life;
    (void)state;
    start(&life, "length = 90 " ROUTER "customers { name = 'c', channel = 'v', queue = 'q', per_hour = 3600 }", 1);
    run_to(&life, 90);
    size_t length = life.said.length;
    assert_true(length > 0);
    run_to(&life, 3600);
    assert_int_equal(life.said.length, length);
    stop(&life);
}

static void customers_give_up(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER "customers { name = 'c', channel = 'v', queue = 'q', per_hour = 60, patience = 90 }", 1);
    run_to(&life, 3600);
    says(&life, "c-1 gives up after 1 min 30 s\n");
    says(&life, "c-1 cancelled");
    reports(&life, " gave up)");
    reports(&life, "longest 1 min 30 s");
    stop(&life);
}

/* Somebody moves the job to another queue: the patience goes on. */
static void another_queue_makes_nobody_more_patient(void **state) {
    struct life life;
    (void)state;
    start(&life,
          ROUTER "queue 'p' { distributionPolicyId = 'd' }"
                 "customers { name = 'c', channel = 'v', queue = 'q', per_hour = 3600, patience = 300 }",
          1);
    run_to(&life, 100);
    assert_int_equal(call(&life, 100, "PATCH", "/routing/jobs/c-1", "{\"queueId\":\"p\"}"), 200);
    run_to(&life, 600);
    says(&life, "c-1 queued in p");
    says(&life, "c-1 gives up after 5 min 0 s\n");
    stop(&life);
}

static void who_is_served_does_not_give_up(void **state) {
    struct life life;
    (void)state;
    start(&life,
          ROUTER WORKER "answer_after = 3, talk = 1000 }"
                        "customers { name = 'c', channel = 'v', queue = 'q', per_hour = 60, patience = 90 }",
          1);
    run_to(&life, 1000);
    says(&life, "w accepts c-1\n");
    says_not(&life, "c-1 gives up");
    says(&life, "c-2 gives up");
    stop(&life);
}

static void callbacks_wait_for_their_time_and_for_activation(void **state) {
    struct life life;
    (void)state;
    static const char *const keys[] = {"", ", activated_after = 5"};
    for (size_t i = 0; i < 2; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 ROUTER WORKER
                 "}customers { name = 'c', channel = 'v', queue = 'q', per_hour = 60, callbacks = 1, "
                 "callback_after = 120%s }",
                 keys[i]);
        start(&life, text, 1);
        run_to(&life, 1200);
        says(&life, "c-1 comes, and wants to be called back\n");
        says(&life, "c-1 waiting for activation\n");
        (i == 0 ? says_not : says)(&life, "c-1 activated\n");
        (i == 0 ? says_not : says)(&life, "w accepts c-1\n");
        stop(&life);
    }
}

/* A handler outside accepts, completes and closes first: nobody stumbles. */
static void others_may_be_quicker(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "answer_after = 10, talk = 100, wrap_up = 50 }", 1);
    job(&life, 0, "j");
    const char *offer = strstr(life.events.bytes, "\"offerId\":\"") + 11;
    char path[256];
    snprintf(path, sizeof path, "/routing/workers/w/offers/%.36s:accept", offer);
    assert_int_equal(call(&life, 2, "POST", path, NULL), 200);
    const char *assignment = strstr(life.events.bytes, "\"assignmentId\":\"") + 16;
    snprintf(path, sizeof path, "/routing/jobs/j/assignments/%.36s:complete", assignment);
    assert_int_equal(call(&life, 5, "POST", path, NULL), 200);
    run_to(&life, 500);
    says_not(&life, "w accepts j");
    says_not(&life, "has finished");
    says(&life, "55.0 w has wrapped up j\n55.0 j closed\n");
    says_not(&life, "cannot");
    stop(&life);
}

/* Deleted behind the worker's back, or the worker itself. */
static void what_is_gone_is_let_go(void **state) {
    struct life life;
    (void)state;
    start(&life, ROUTER WORKER "answer_after = 1, talk = 100 }", 1);
    job(&life, 0, "j");
    assert_int_equal(call(&life, 10, "DELETE", "/routing/jobs/j", NULL), 204);
    job(&life, 11, "k");
    run_to(&life, 50);
    says(&life, "12.0 w accepts k\n");
    assert_int_equal(call(&life, 60, "DELETE", "/routing/workers/w", NULL), 204);
    run_to(&life, 1000);
    says_not(&life, "finished with j");
    says(&life, "k completed");
    stop(&life);
}

/* A call that is refused is told, and the rest goes on. */
static void refusals_are_told(void **state) {
    struct life life;
    (void)state;
    start(&life,
          ROUTER
          "customers { name = 'c', channel = 'v', queue = 'q', per_hour = 60, selectors = { { key = 'x' } } }"
          "customers { name = 'd', channel = 'v', queue = 'q', per_hour = 60 }",
          1);
    run_to(&life, 1200);
    says(&life, "c-1 cannot come in: 400 ");
    says(&life, "d-1 queued in q");
    stop(&life);
}

static void a_body_that_the_router_refuses_ends_the_start(void **state) {
    (void)state;
    static const char text[] = "\nqueue 'q' { distributionPolicyId = 'no' }";
    struct error error = {0};
    struct scenario *scenario = scenario_read(text, strlen(text), "s.lua", &error);
    struct sim_core *core = sim_core_new(1, NULL);
    struct crowd *crowd = crowd_new(core, scenario, 1, NULL);
    assert_int_equal(crowd_start(crowd, KIT_START, &error), -1);
    assert_non_null(strstr(error.message, "s.lua:2: the router refuses the queue \"q\": 400 InvalidReference"));
    crowd_free(crowd);
    sim_core_free(core);
    scenario_free(scenario);
}

#define DAY                                                                                                       \
    ROUTER                                                                                                        \
    "workers { name = 'w', count = 8, queues = { 'q' }, channels = { v = 1 }, accept = 0.8, decline = 0.1,"       \
    "  talk = exponential '3m', wrap_up = normal(20, 5), breaks = '10:00-10:20' }\n"                              \
    "customers { name = 'c', channel = 'v', queue = 'q', per_hour = 90, patience = { 30, 300 },"                  \
    "  callbacks = 0.1, activated_after = 5 }\n"

/* The same seed: the same bytes, in one go or in many steps. Another seed: other ones. */
static void the_same_seed_gives_the_same_day(void **state) {
    struct life once, again, other;
    (void)state;
    start(&once, DAY, 7);
    start(&again, DAY, 7);
    start(&other, DAY, 8);
    run_to(&once, 4 * 3600);
    for (int i = 1; i <= 4 * 3600; i += 7) {
        run_to(&again, i);
    }
    run_to(&again, 4 * 3600);
    run_to(&other, 4 * 3600);
    assert_true(once.events.length > 100000);
    assert_string_equal(once.events.bytes, again.events.bytes);
    assert_string_equal(once.said.bytes, again.said.bytes);
    assert_string_not_equal(once.events.bytes, other.events.bytes);
    stop(&once);
    stop(&again);
    stop(&other);
}

/* One more group of workers at the end does not change when customers come. */
static void chance_is_each_ones_own(void **state) {
    struct life one, two;
    (void)state;
    start(&one, DAY, 7);
    start(&two, DAY "workers { name = 'x', queues = { 'q' }, channels = { v = 1 } }", 7);
    run_to(&one, 600);
    run_to(&two, 600);
    const char *at = one.said.bytes;
    while ((at = strstr(at, " comes\n")) != NULL) {
        const char *line = at;
        while (line > one.said.bytes && line[-1] != '\n') {
            line--;
        }
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(at + 7 - line), line);
        says(&two, text);
        at++;
    }
    stop(&one);
    stop(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_accepts_talks_and_wraps_up),
        cmocka_unit_test(a_worker_declines),
        cmocka_unit_test(a_worker_does_not_notice_and_comes_back),
        cmocka_unit_test(the_router_is_first),
        cmocka_unit_test(workers_have_shifts_breaks_and_an_end),
        cmocka_unit_test(who_is_off_duty_stays_away),
        cmocka_unit_test(customers_come_by_the_hour),
        cmocka_unit_test(nobody_comes_after_the_end),
        cmocka_unit_test(customers_give_up),
        cmocka_unit_test(another_queue_makes_nobody_more_patient),
        cmocka_unit_test(who_is_served_does_not_give_up),
        cmocka_unit_test(callbacks_wait_for_their_time_and_for_activation),
        cmocka_unit_test(others_may_be_quicker),
        cmocka_unit_test(what_is_gone_is_let_go),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(a_body_that_the_router_refuses_ends_the_start),
        cmocka_unit_test(the_same_seed_gives_the_same_day),
        cmocka_unit_test(chance_is_each_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
