/* The local Job Router over real HTTP: signatures, the handshake, deliveries and their retries, the stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "httpd/httpd.h"
#include "raw.h"
#include "router/router.h"
#include "sim/delivery.h"
#include "sim/sim.h"
#include "json/tree.h"
#include <pthread.h>
#include <sys/eventfd.h>

enum { DEADLINE_SECONDS = 30, DELIVERIES_MOST = 256 };

/* A webhook that does the handshake and answers deliveries as it was told. */
struct receiver {
    struct httpd *httpd;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned refusals; /* of the handshake, still to come */
    unsigned handshakes;
    unsigned answers[8]; /* to the first deliveries; 0: 200 */
    bool is_holding;     /* the handshake gets no good answer yet */
    size_t count;
    struct {
        struct json *body;
        char kind[32], subscription[64], attempt[16], type[64], event_id[64];
    } deliveries[DELIVERIES_MOST];
};

struct stage {
    struct receiver receiver;
    struct sim *sim;
    struct router_access access;
    pthread_t thread;
    char url[128];
    const char *targets[1];
};

static void copy(char *to, size_t size, struct slice from) {
    snprintf(to, size, "%.*s", SLICE_ARG(from));
}

static void shake_hands(struct receiver *receiver, struct httpd_request *request, const struct json *body) {
    const char *code = json_get_string(json_get(json_at(body, 0), "data"), "validationCode");
    struct buffer answer;
    buffer_init(&answer, 1024);
    receiver->handshakes++;
    bool is_refused = receiver->is_holding || receiver->refusals > 0;
    receiver->refusals -= receiver->refusals > 0;
    buffer_append_format(&answer, "{\"validationResponse\":\"%s\"}", is_refused ? "wrong" : code);
    httpd_answer(request, &(struct httpd_answer){.status = 200, .body = buffer_slice(&answer)});
    buffer_reset(&answer);
}

static void on_delivery(struct httpd_request *request, void *context) {
    struct receiver *receiver = context;
    struct slice bytes = httpd_body(request);
    struct json *body = json_parse(bytes.bytes, bytes.length, NULL);
    pthread_mutex_lock(&receiver->mutex);
    if (slice_is(httpd_header(request, "aeg-event-type"), "SubscriptionValidation")) {
        shake_hands(receiver, request, body);
        json_free(body);
    } else {
        size_t i = receiver->count++;
        assert_true(i < DELIVERIES_MOST);
        unsigned status = i < 8 && receiver->answers[i] != 0 ? receiver->answers[i] : 200;
        receiver->deliveries[i].body = body;
        copy(receiver->deliveries[i].kind, 32, httpd_header(request, "aeg-event-type"));
        copy(receiver->deliveries[i].subscription, 64, httpd_header(request, "aeg-subscription-name"));
        copy(receiver->deliveries[i].attempt, 16, httpd_header(request, "aeg-delivery-count"));
        copy(receiver->deliveries[i].type, 64, httpd_header(request, "content-type"));
        copy(receiver->deliveries[i].event_id, 64, httpd_header(request, "aeg-output-event-id"));
        httpd_answer(request, &(struct httpd_answer){.status = status});
    }
    pthread_cond_broadcast(&receiver->changed);
    pthread_mutex_unlock(&receiver->mutex);
}

static void *run_sim(void *context) {
    sim_run(context);
    return NULL;
}

static void open_stage(struct stage *stage, size_t batch) {
    struct error error = {0};
    assert_int_equal(crypto_start(&error), 0);
    pthread_mutex_init(&stage->receiver.mutex, NULL);
    pthread_cond_init(&stage->receiver.changed, NULL);
    stage->receiver.httpd = httpd_start(&(struct httpd_options){.address = "127.0.0.1:0",
                                                                .body_limit = 1 << 20,
                                                                .name = "receiver",
                                                                .on_request = on_delivery,
                                                                .context = &stage->receiver},
                                        &error);
    assert_non_null(stage->receiver.httpd);
    snprintf(stage->url, sizeof stage->url, "http://127.0.0.1:%u/events?code=secret",
             (unsigned)httpd_port(stage->receiver.httpd));
    stage->targets[0] = stage->url;
    stage->sim = sim_start(&(struct sim_options){.listen = "127.0.0.1:0",
                                                 .targets = stage->targets,
                                                 .target_count = 1,
                                                 .batch = batch,
                                                 .retry_scale = 0.002,
                                                 .seed = 1,
                                                 .trace_fd = -1,
                                                 .stop_fd = -1},
                           &error);
    assert_non_null(stage->sim);
    assert_int_equal(router_access_init(&stage->access, sim_connection_string(stage->sim), &error), 0);
    assert_int_equal(pthread_create(&stage->thread, NULL, run_sim, stage->sim), 0);
}

static void close_stage(struct stage *stage) {
    sim_stop(stage->sim);
    sim_stop(stage->sim); /* twice does no harm */
    pthread_join(stage->thread, NULL);
    sim_free(stage->sim);
    httpd_quiesce(stage->receiver.httpd);
    httpd_stop(stage->receiver.httpd);
    for (size_t i = 0; i < stage->receiver.count; i++) {
        json_free(stage->receiver.deliveries[i].body);
    }
    router_access_reset(&stage->access);
    pthread_cond_destroy(&stage->receiver.changed);
    pthread_mutex_destroy(&stage->receiver.mutex);
}

/* Waits until so many deliveries came. */
static void wait_for(struct stage *stage, size_t count) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_SECONDS;
    pthread_mutex_lock(&stage->receiver.mutex);
    int failed = 0;
    while (stage->receiver.count < count && failed == 0) {
        failed = pthread_cond_timedwait(&stage->receiver.changed, &stage->receiver.mutex, &until);
    }
    pthread_mutex_unlock(&stage->receiver.mutex);
    assert_int_equal(failed, 0);
}

static const char *type_of(const struct stage *stage, size_t delivery, size_t event) {
    const struct json *element = json_at(stage->receiver.deliveries[delivery].body, event);
    const char *type = json_get_string(element, "eventType");
    return type == NULL ? "none" : type + strlen("Microsoft.Communication.");
}

struct wrong {
    int64_t late_us;
    const char *host, *other_body;
    bool has_no_signature, has_no_hash;
};

/* One signed request on a connection of its own; what is `wrong` (NULL: nothing) is made wrong after signing. */
static void call(const struct stage *stage, const char *method, const char *path, const char *body,
                 const struct wrong *wrong, struct raw_answer *answer) {
    static const struct wrong nothing = {0};
    struct router_signature signature;
    struct buffer out;
    struct raw raw;
    char target[256];
    wrong = wrong == NULL ? &nothing : wrong;
    snprintf(target, sizeof target, "%s%sapi-version=2023-11-01", path, strchr(path, '?') == NULL ? "?" : "&");
    assert_int_equal(router_sign(&stage->access, method, slice_of(target), slice_of(body),
                                 clock_wall_us() + wrong->late_us, &signature),
                     0);
    body = wrong->other_body != NULL ? wrong->other_body : body;
    buffer_init(&out, 1 << 20);
    buffer_append_format(&out, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", method,
                         target, wrong->host != NULL ? wrong->host : stage->access.host,
                         strcmp(method, "PATCH") == 0 ? "application/merge-patch+json" : "application/json",
                         strlen(body));
    buffer_append_format(&out, "x-ms-date: %s\r\n", signature.date);
    if (!wrong->has_no_hash) {
        buffer_append_format(&out, "x-ms-content-sha256: %s\r\n", signature.content_hash);
    }
    if (!wrong->has_no_signature) {
        buffer_append_format(&out, "Authorization: %s\r\n", signature.authorization);
    }
    buffer_append_format(&out, "\r\n%s", body);
    raw_open(&raw, sim_port(stage->sim));
    assert_int_equal(raw_send_bytes(&raw, out.bytes, out.length), 0);
    raw_read_within(&raw, answer, DEADLINE_SECONDS);
    raw_close(&raw);
    buffer_reset(&out);
}

static void expect(const struct stage *stage, int status, const char *method, const char *path, const char *body) {
    struct raw_answer answer;
    call(stage, method, path, body, NULL, &answer);
    if (answer.status != status) {
        print_error("%s %s: %d %s\n", method, path, answer.status, answer.body);
    }
    assert_int_equal(answer.status, status);
}

static void furnish(const struct stage *stage) {
    expect(stage, 201, "PATCH", "/routing/distributionPolicies/p", "{\"offerExpiresAfterSeconds\":0.05}");
    expect(stage, 201, "PATCH", "/routing/queues/q", "{\"distributionPolicyId\":\"p\"}");
}

static void only_signed_requests_are_taken(void **state) {
    (void)state;
    static const struct {
        struct wrong wrong;
        const char *words;
    } cases[] = {
        {{.has_no_signature = true}, "Authorization header is missing"},
        {{.has_no_hash = true}, "x-ms-content-sha256 header is missing"},
        {{.late_us = 6 * 60 * INT64_C(1000000)}, "date"},
        {{.late_us = -6 * 60 * INT64_C(1000000)}, "date"},
        {{.other_body = "{\"offerExpiresAfterSeconds\":2}"}, "hash of the body"},
        {{.host = "example.com"}, "signature"},
    };
    struct stage stage = {0};
    struct raw_answer answer;
    char code[256];
    open_stage(&stage, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call(&stage, "PATCH", "/routing/distributionPolicies/p", "{\"offerExpiresAfterSeconds\":1}",
             &cases[i].wrong, &answer);
        assert_int_equal(answer.status, 401);
        assert_non_null(strstr(answer.body, cases[i].words));
        assert_non_null(raw_header(&answer, "x-ms-error-code", code));
        assert_string_equal(code, "Unauthorized");
    }
    call(&stage, "GET", "/routing/distributionPolicies/p", "", NULL, &answer);
    assert_int_equal(answer.status, 404); /* none of them did anything */
    assert_non_null(raw_header(&answer, "x-ms-error-code", code));
    call(&stage, "PATCH", "/routing/distributionPolicies/p", "{}", &(struct wrong){.late_us = 4 * 60 * 1000000},
         &answer);
    assert_int_equal(answer.status, 201);
    assert_non_null(raw_header(&answer, "ETag", code));
    assert_non_null(raw_header(&answer, "Last-Modified", code));
    close_stage(&stage);
}

static void what_the_server_refuses_by_itself_has_its_code_in_the_header_too(void **state) {
    (void)state;
    struct stage stage = {0};
    struct raw_answer answer;
    char code[256];
    open_stage(&stage, 1);
    assert_int_equal(raw_ask(sim_port(stage.sim),
                             "PATCH /routing/queues/q HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
                             &answer),
                     413);
    assert_non_null(raw_header(&answer, "x-ms-error-code", code));
    assert_non_null(strstr(answer.body, code));
    close_stage(&stage);
}

static void links_lead_to_where_the_caller_was(void **state) {
    (void)state;
    struct stage stage = {0};
    struct raw_answer answer;
    char wanted[128];
    open_stage(&stage, 1);
    expect(&stage, 201, "PATCH", "/routing/distributionPolicies/a", "{}");
    expect(&stage, 201, "PATCH", "/routing/distributionPolicies/b", "{}");
    call(&stage, "GET", "/routing/distributionPolicies?maxpagesize=1", "", NULL, &answer);
    snprintf(wanted, sizeof wanted, "\"nextLink\":\"http://127.0.0.1:%u/routing/distributionPolicies?",
             (unsigned)sim_port(stage.sim));
    assert_non_null(strstr(answer.body, wanted));
    close_stage(&stage);
}

static void events_come_after_the_handshake_and_in_order(void **state) {
    (void)state;
    static const char *const order[] = {"RouterJobReceived",        "RouterJobQueued",
                                        "RouterWorkerRegistered",   "RouterWorkerOfferIssued",
                                        "RouterWorkerOfferExpired", "RouterWorkerDeregistered"};
    struct stage stage = {0};
    stage.receiver.refusals = 2;
    open_stage(&stage, 1);
    furnish(&stage);
    expect(&stage, 201, "PATCH", "/routing/jobs/j1", "{\"queueId\":\"q\",\"channelId\":\"voice\"}");
    expect(&stage, 201, "PATCH", "/routing/workers/w1",
           "{\"queues\":[\"q\"],\"availableForOffers\":true,"
           "\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":1}]}");
    wait_for(&stage, 6); /* the last two come by themselves: the offer expires */
    assert_int_equal(stage.receiver.handshakes, 3);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(type_of(&stage, i, 0), order[i]);
        assert_int_equal(json_count(stage.receiver.deliveries[i].body), 1);
        assert_string_equal(stage.receiver.deliveries[i].kind, "Notification");
        assert_string_equal(stage.receiver.deliveries[i].subscription, "routerevents");
        assert_string_equal(stage.receiver.deliveries[i].attempt, "0");
        assert_string_equal(stage.receiver.deliveries[i].type, "application/json; charset=utf-8");
        assert_string_equal(stage.receiver.deliveries[i].event_id,
                            json_get_string(json_at(stage.receiver.deliveries[i].body, 0), "id"));
    }
    close_stage(&stage);
}

static void what_fails_is_tried_again_and_what_cannot_succeed_is_dropped(void **state) {
    (void)state;
    struct stage stage = {0};
    stage.receiver.answers[0] = 400;
    stage.receiver.answers[1] = 500;
    open_stage(&stage, 1);
    furnish(&stage);
    expect(&stage, 201, "PATCH", "/routing/jobs/j1", "{\"queueId\":\"q\",\"channelId\":\"voice\"}");
    expect(&stage, 200, "POST", "/routing/jobs/j1:cancel", "{}");
    wait_for(&stage, 4);
    static const char *const order[] = {"RouterJobReceived", "RouterJobQueued", "RouterJobCancelled",
                                        "RouterJobQueued"};
    for (size_t i = 0; i < 4; i++) { /* had the first been tried again, it would have come before the fourth */
        assert_string_equal(type_of(&stage, i, 0), order[i]);
        assert_string_equal(stage.receiver.deliveries[i].attempt, i == 3 ? "1" : "0");
    }
    assert_string_equal(stage.receiver.deliveries[3].event_id, stage.receiver.deliveries[1].event_id);
    close_stage(&stage);
}

static void what_waits_goes_together(void **state) {
    (void)state;
    struct stage stage = {0};
    stage.receiver.is_holding = true;
    open_stage(&stage, 4);
    furnish(&stage);
    for (int i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "/routing/jobs/j%d", i);
        expect(&stage, 201, "PATCH", path, "{\"queueId\":\"q\",\"channelId\":\"voice\"}");
    }
    pthread_mutex_lock(&stage.receiver.mutex);
    stage.receiver.is_holding = false;
    pthread_mutex_unlock(&stage.receiver.mutex);
    wait_for(&stage, 3);
    assert_int_equal(json_count(stage.receiver.deliveries[0].body), 4);
    assert_int_equal(json_count(stage.receiver.deliveries[1].body), 4);
    assert_int_equal(json_count(stage.receiver.deliveries[2].body), 2);
    assert_string_equal(type_of(&stage, 2, 1), "RouterJobQueued");
    close_stage(&stage);
}

/* Connections that the closing listener does not take any more would abort the raw client: they are made
 * before. */
static void a_stop_answers_what_came(void **state) {
    (void)state;
    struct stage stage = {0};
    struct raw raw[8];
    struct raw_answer answer;
    open_stage(&stage, 1);
    for (size_t i = 0; i < 8; i++) {
        struct router_signature signature;
        static const char target[] = "/routing/jobs?api-version=2023-11-01";
        assert_int_equal(
            router_sign(&stage.access, "GET", slice_of(target), slice_of(""), clock_wall_us(), &signature), 0);
        char head[1024];
        snprintf(
            head, sizeof head,
            "GET %s HTTP/1.1\r\nHost: %s\r\nx-ms-date: %s\r\nx-ms-content-sha256: %s\r\nAuthorization: %s\r\n\r\n",
            target, stage.access.host, signature.date, signature.content_hash, signature.authorization);
        raw_open(&raw[i], sim_port(stage.sim));
        assert_int_equal(raw_send(&raw[i], head), 0);
    }
    close_stage(&stage);
    for (size_t i = 0; i < 8; i++) {
        raw_read_within(&raw[i], &answer, DEADLINE_SECONDS);
        assert_true(answer.status == 200 || answer.status == 503 || answer.status == 0);
        raw_close(&raw[i]);
    }
}

static void a_descriptor_can_stop_it(void **state) {
    (void)state;
    struct error error = {0};
    int fd = eventfd(0, EFD_CLOEXEC);
    assert_true(fd >= 0);
    struct sim *sim = sim_start(
        &(struct sim_options){.listen = "127.0.0.1:0", .seed = 1, .trace_fd = -1, .stop_fd = fd}, &error);
    assert_non_null(sim);
    assert_int_equal(eventfd_write(fd, 1), 0);
    sim_run(sim);
    sim_free(sim);
    close(fd);
}

static void what_cannot_be_started_says_why(void **state) {
    (void)state;
    static const struct {
        const char *listen, *key, *words;
    } cases[] = {
        {"0.0.0.0:0", NULL, "this machine only"},
        {"example.com:80", NULL, "this machine only"},
        {"nonsense", NULL, "nonsense"},
        {"127.0.0.1:0", "no base64!", "base64"},
        {"127.0.0.1:0", "", "base64"},
    };
    assert_int_equal(crypto_start(NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        assert_null(sim_start(
            &(struct sim_options){.listen = cases[i].listen, .key = cases[i].key, .trace_fd = -1, .stop_fd = -1},
            &error));
        assert_non_null(strstr(error.message, cases[i].words));
    }
}

static void the_waits_are_event_grids(void **state) {
    (void)state;
    static const struct {
        unsigned attempts, status;
        double seconds;
    } cases[] = {{1, 500, 10},       {2, 500, 30},         {3, 500, 60},     {4, 0, 300},
                 {5, 404, 600},      {6, 500, 1800},       {7, 500, 3600},   {8, 500, 3 * 3600},
                 {9, 500, 6 * 3600}, {10, 500, 12 * 3600}, {29, 500, 43200}, {1, 503, 30},
                 {2, 503, 30},       {1, 408, 120},        {3, 408, 120},    {4, 408, 300}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(delivery_delay(cases[i].attempts, cases[i].status) == cases[i].seconds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_signed_requests_are_taken),
        cmocka_unit_test(what_the_server_refuses_by_itself_has_its_code_in_the_header_too),
        cmocka_unit_test(links_lead_to_where_the_caller_was),
        cmocka_unit_test(events_come_after_the_handshake_and_in_order),
        cmocka_unit_test(what_fails_is_tried_again_and_what_cannot_succeed_is_dropped),
        cmocka_unit_test(what_waits_goes_together),
        cmocka_unit_test(a_stop_answers_what_came),
        cmocka_unit_test(a_descriptor_can_stop_it),
        cmocka_unit_test(what_cannot_be_started_says_why),
        cmocka_unit_test(the_waits_are_event_grids),
    };
    return cmocka_run_group_tests_name("sim shell", tests, NULL, NULL);
}
