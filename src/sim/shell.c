#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "http/http.h"
#include "httpd/httpd.h"
#include "sim/access.h"
#include "sim/crowd.h"
#include "sim/delivery.h"
#include "sim/faults.h"
#include "sim/replies.h"
#include "sim/sim.h"
#include "sim/state.h"
#include "sim/trace.h"
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum {
    BODY_LIMIT = 1024 * 1024,
    LIVE_MOST_MS = 50,           /* of one turn, for the people */
    LIVE_PIECE_US = 1000 * 1000, /* of their time, between two looks at the clock */
    ENDPOINT_SIZE = TEXT_HOST_SIZE + 32,
    CONNECTION_SIZE = ACCESS_KEY_LIMIT + ENDPOINT_SIZE
};

struct sim {
    struct loop *loop;
    struct http_client *client;
    struct httpd *httpd;
    struct sim_core *core;
    struct crowd *crowd; /* of the scenario; NULL: only those outside act */
    struct delivery *delivery;
    struct sim_clock clock;  /* the core's time */
    struct loop_timer timer; /* the core's or the crowd's next moment */
    struct loop_watch stop_watch;
    struct loop_task stop_task;
    struct access access;
    struct faults faults;
    struct replies replies;
    int trace_fd;
    bool has_run;
    char endpoint[ENDPOINT_SIZE];
    char connection[CONNECTION_SIZE];
    pthread_mutex_t mutex; /* the three below: the listener's thread and the loop's */
    bool is_stopping;
    bool is_stop_posted;
    size_t under_way; /* requests that were handed to the loop and are not answered yet */
};

/* A request on its way from a listener's thread to the loop. */
struct handover {
    struct loop_task task;
    struct sim *sim;
    struct httpd_request *request;
};

static int start(struct sim *sim, const struct sim_options *options, struct error *error);
static double retry_scale(const struct sim_options *options);
static int start_crowd(struct sim *sim, const struct sim_options *options, struct error *error);
static int start_listening(struct sim *sim, const struct sim_options *options, struct error *error);
static int watch_stop(struct sim *sim, int fd, struct error *error);
static void on_request(struct httpd_request *request, void *context);
static bool may_enter(struct sim *sim);
static void on_handover(struct loop_task *task);
static void judge(struct sim *sim, const struct httpd_request *request, struct fault_verdict *verdict);
static void answer(struct sim *sim, const struct httpd_request *request, struct sim_answer *result);
static struct slice find_origin(const struct sim *sim, const struct httpd_request *request,
                                char text[ENDPOINT_SIZE]);
static int64_t sim_now(const struct sim *sim);
static void leave(void *context);
static void live(struct sim *sim);
static void live_with_people(struct sim *sim);
static void on_event(void *context, struct sim_event *event);
static void after_change(struct sim *sim);
static void on_time(struct loop_timer *timer);
static void on_trace(void *context, int64_t now_us, const char *id, const char *what);
static void on_stop_ready(struct loop_watch *watch, uint32_t events);
static void on_stop(struct loop_task *task);
static void stop(struct sim *sim);

struct sim *sim_start(const struct sim_options *options, struct error *error) {
    struct sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL) {
        error_memory(error);
        return NULL;
    }
    pthread_mutex_init(&sim->mutex, NULL);
    sim->stop_watch.fd = -1;
    sim->trace_fd = options->trace_fd;
    if (start(sim, options, error) < 0) {
        sim_free(sim);
        return NULL;
    }
    return sim;
}

uint16_t sim_port(const struct sim *sim) {
    return httpd_port(sim->httpd);
}

const char *sim_endpoint(const struct sim *sim) {
    return sim->endpoint;
}

const char *sim_connection_string(const struct sim *sim) {
    return sim->connection;
}

void sim_run(struct sim *sim) {
    sim->has_run = true;
    if (sim->trace_fd >= 0) {
        sim_core_set_trace(sim->core, on_trace, sim);
    }
    after_change(sim); /* the people come */
    loop_run(sim->loop);
}

void sim_stop(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    bool is_first = !sim->is_stop_posted;
    sim->is_stop_posted = true;
    pthread_mutex_unlock(&sim->mutex);
    if (is_first) {
        loop_post(sim->loop, &sim->stop_task, on_stop);
    }
}

int sim_report(const struct sim *sim, struct buffer *out) {
    return sim->crowd == NULL ? 0 : crowd_report(sim->crowd, out);
}

void sim_free(struct sim *sim) {
    if (sim == NULL) {
        return;
    }
    if (sim->httpd != NULL) {
        if (!sim->has_run) {
            sim_stop(sim); /* requests may be waiting for the loop */
            sim_run(sim);
        }
        httpd_stop(sim->httpd);
    }
    crowd_free(sim->crowd);
    delivery_free(sim->delivery);
    if (sim->client != NULL) {
        http_client_free(sim->client);
    }
    sim_core_free(sim->core);
    if (sim->loop != NULL) {
        loop_unwatch(sim->loop, &sim->stop_watch);
        loop_free(sim->loop);
    }
    access_reset(&sim->access);
    pthread_mutex_destroy(&sim->mutex);
    free(sim);
}

static int start(struct sim *sim, const struct sim_options *options, struct error *error) {
    const char *key = options->key == NULL ? SIM_DEVELOPMENT_KEY : options->key;
    if (access_init(&sim->access, key, options->token, options->client, error) < 0) {
        return -1;
    }
    faults_init(&sim->faults, &options->faults, options->seed);
    sim_clock_start(&sim->clock, options->speed > 0 ? options->speed : 1, clock_wall_us());
    sim->loop = loop_new(error);
    replies_init(&sim->replies, sim->loop, leave, sim);
    sim->core = sim->loop == NULL ? NULL : sim_core_new(options->seed, error);
    sim->client = sim->core == NULL ? NULL : http_client_new(sim->loop, &(struct http_options){0}, error);
    if (sim->client == NULL) {
        return -1;
    }
    sim->delivery = delivery_new(
        &(struct delivery_options){
            .loop = sim->loop,
            .client = sim->client,
            .targets = options->targets,
            .target_count = options->target_count,
            .subscription = options->subscription == NULL ? SIM_SUBSCRIPTION : options->subscription,
            .batch = options->batch == 0 ? SIM_BATCH : options->batch,
            .retry_scale = retry_scale(options),
            .clock = sim->clock,
            .is_cloud = options->is_cloud,
            .filter = options->filter,
            .dead_letters = options->dead_letters,
            .attempts = options->attempts,
            .live_seconds = options->live_seconds,
            .seed = options->seed,
            .chances = options->chances,
        },
        error);
    if (sim->delivery == NULL || start_crowd(sim, options, error) < 0 ||
        watch_stop(sim, options->stop_fd, error) < 0 || start_listening(sim, options, error) < 0) {
        return -1;
    }
    snprintf(sim->connection, sizeof sim->connection, "endpoint=%s/;accesskey=%s", sim->endpoint, key);
    return 0;
}

/* With a fast clock the usual tenth would be more than Event Grid's own waits. */
static double retry_scale(const struct sim_options *options) {
    if (options->retry_scale > 0) {
        return options->retry_scale;
    }
    return options->speed * SIM_RETRY_SCALE > 1 ? 1 / options->speed : SIM_RETRY_SCALE;
}

static int start_crowd(struct sim *sim, const struct sim_options *options, struct error *error) {
    if (options->scenario == NULL) {
        return 0;
    }
    sim->crowd = crowd_new(sim->core, options->scenario, options->scenario->seed, error);
    return sim->crowd == NULL ? -1 : crowd_start(sim->crowd, sim_now(sim), error);
}

static int start_listening(struct sim *sim, const struct sim_options *options, struct error *error) {
    const char *address = options->listen == NULL ? SIM_ADDRESS : options->listen;
    char host[TEXT_HOST_SIZE];
    uint16_t port = 0;
    if (text_parse_address(address, host, &port, error) < 0) {
        return -1;
    }
    if (!text_is_loopback(host)) {
        return error_set(
            error, ERROR_INVALID,
            "the local Job Router listens on this machine only (127.0.0.1:PORT), not on %s: anybody has "
            "its key",
            address);
    }
    sim->httpd = httpd_start(&(struct httpd_options){.address = address,
                                                     .body_limit = BODY_LIMIT,
                                                     .name = "sim",
                                                     .error_header = "x-ms-error-code",
                                                     .on_request = on_request,
                                                     .context = sim},
                             error);
    if (sim->httpd == NULL) {
        return -1;
    }
    bool is_v6 = strchr(host, ':') != NULL;
    snprintf(sim->endpoint, sizeof sim->endpoint, is_v6 ? "http://[%s]:%u" : "http://%s:%u", host,
             (unsigned)httpd_port(sim->httpd));
    return 0;
}

static int watch_stop(struct sim *sim, int fd, struct error *error) {
    return fd < 0 ? 0 : loop_watch(sim->loop, &sim->stop_watch, fd, EPOLLIN, on_stop_ready, error);
}

/* A listener's thread. */
static void on_request(struct httpd_request *request, void *context) {
    struct sim *sim = context;
    if (access_give_token(&sim->access, request)) {
        return;
    }
    const char *wrong = access_check(&sim->access, request);
    if (wrong != NULL) {
        struct sim_answer refusal;
        sim_answer_init(&refusal);
        sim_fail(&refusal, 401, "Unauthorized", "%s", wrong);
        reply_now(request, &refusal, 0);
        sim_answer_reset(&refusal);
        return;
    }
    struct handover *handover = may_enter(sim) ? calloc(1, sizeof *handover) : NULL;
    if (handover == NULL) {
        httpd_answer_error(request, 503, "Unavailable", "the local Job Router is stopping, or has no memory");
        return;
    }
    handover->sim = sim;
    handover->request = request;
    loop_post(sim->loop, &handover->task, on_handover);
}

/* Once a stop has begun nothing is handed over any more, so that the loop can end when it has answered the
 * rest. */
static bool may_enter(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    bool may = !sim->is_stopping;
    sim->under_way += may;
    pthread_mutex_unlock(&sim->mutex);
    return may;
}

static void on_handover(struct loop_task *task) {
    struct handover *handover = CONTAINER_OF(task, struct handover, task);
    struct sim *sim = handover->sim;
    struct fault_verdict verdict;
    struct sim_answer result;
    sim_answer_init(&result);
    judge(sim, handover->request, &verdict);
    if (verdict.status == 0) {
        answer(sim, handover->request, &result);
    } else {
        sim_fail(&result, verdict.status, verdict.code, "%s", verdict.message);
    }
    if (verdict.is_lost) {
        sim_answer_reset(&result);
        sim_answer_init(&result);
        sim_fail(&result, FAULT_LOST_STATUS, FAULT_LOST_CODE, FAULT_LOST_MESSAGE);
    }
    replies_put(&sim->replies, handover->request, &result, verdict.retry_after, verdict.delay_ns);
    free(handover);
    after_change(sim);
}

static void judge(struct sim *sim, const struct httpd_request *request, struct fault_verdict *verdict) {
    const struct fault_call call = {.method = httpd_method(request),
                                    .path = httpd_path(request),
                                    .now_ns = clock_monotonic_ns(),
                                    .passed_us = sim_now(sim) - sim->clock.start_us};
    faults_judge(&sim->faults, &call, verdict);
}

static void answer(struct sim *sim, const struct httpd_request *request, struct sim_answer *result) {
    char origin[ENDPOINT_SIZE];
    live(sim); /* what people did before this moment */
    sim_core_request(sim->core, sim_now(sim),
                     &(struct sim_request){.method = httpd_method(request),
                                           .path = httpd_path(request),
                                           .query = httpd_query(request),
                                           .origin = find_origin(sim, request, origin),
                                           .content_type = httpd_header(request, "content-type"),
                                           .if_match = httpd_header(request, "if-match"),
                                           .if_unmodified_since = httpd_header(request, "if-unmodified-since"),
                                           .body = httpd_body(request)},
                     result);
}

/* As the caller called us, which may be another name of the same address: clients follow links to there only. */
static struct slice find_origin(const struct sim *sim, const struct httpd_request *request,
                                char text[ENDPOINT_SIZE]) {
    struct slice host = httpd_header(request, "host");
    size_t i = 0;
    while (i < host.length && (isalnum((unsigned char)host.bytes[i]) || strchr(".-:[]", host.bytes[i]) != NULL)) {
        i++;
    }
    if (host.length == 0 || i < host.length || host.length > TEXT_HOST_SIZE) {
        return slice_of(sim->endpoint);
    }
    snprintf(text, ENDPOINT_SIZE, "http://%.*s", SLICE_ARG(host));
    return slice_of(text);
}

static int64_t sim_now(const struct sim *sim) {
    return sim_clock_at(&sim->clock, clock_wall_us());
}

static void leave(void *context) {
    struct sim *sim = context;
    pthread_mutex_lock(&sim->mutex);
    sim->under_way--;
    bool is_last = sim->is_stopping && sim->under_way == 0;
    pthread_mutex_unlock(&sim->mutex);
    if (is_last) {
        loop_stop(sim->loop);
    }
}

/* What is due happens, and events go out. */
static void live(struct sim *sim) {
    struct sim_event *event;
    if (sim->crowd != NULL) {
        live_with_people(sim);
    } else {
        sim_core_advance(sim->core, sim_now(sim));
    }
    if (sim->crowd != NULL && crowd_is_broken(sim->crowd)) {
        log_error("sim", "out of memory: the scenario's people do nothing more", LOG_END);
        crowd_free(sim->crowd);
        sim->crowd = NULL;
    }
    while (sim->crowd == NULL && (event = sim_core_take_event(sim->core)) != NULL) {
        on_event(sim, event);
        sim_event_release(event);
    }
}

/* A piece at a time, and not for long: people who have more to do than the clock's speed leaves them time for must
 * not keep the router from its callers, nor from stopping. It then falls behind. */
static void live_with_people(struct sim *sim) {
    int64_t give_way_ns = clock_monotonic_ns() + LIVE_MOST_MS * CLOCK_NS_PER_MS;
    int64_t until_us;
    do {
        int64_t now_us = sim_now(sim);
        int64_t next_us = crowd_next(sim->crowd);
        until_us = next_us < now_us - LIVE_PIECE_US ? next_us + LIVE_PIECE_US : now_us;
        crowd_run(sim->crowd, until_us, on_event, sim);
    } while (until_us < sim_now(sim) - LIVE_PIECE_US && clock_monotonic_ns() < give_way_ns &&
             !crowd_is_broken(sim->crowd));
}

static void on_event(void *context, struct sim_event *event) {
    const struct sim *sim = context;
    delivery_push(sim->delivery, event);
}

/* And the timer to the next moment. */
static void after_change(struct sim *sim) {
    live(sim);
    int64_t next_us = sim->crowd == NULL ? sim_core_next(sim->core) : crowd_next(sim->crowd);
    if (next_us == SIM_NEVER) {
        loop_timer_cancel(sim->loop, &sim->timer);
        return;
    }
    int64_t wait_us = sim_clock_wait_us(&sim->clock, clock_wall_us(), next_us);
    if (loop_timer_set(sim->loop, &sim->timer, clock_monotonic_ns() + wait_us * 1000, on_time) < 0) {
        log_error("sim", "no memory for a timer: what is due happens with the next request", LOG_END);
    }
}

static void on_time(struct loop_timer *timer) {
    struct sim *sim = CONTAINER_OF(timer, struct sim, timer);
    after_change(sim);
}

static void on_trace(void *context, int64_t now_us, const char *id, const char *what) {
    const struct sim *sim = context;
    sim_trace_line(sim->trace_fd, now_us, id, what);
}

static void on_stop_ready(struct loop_watch *watch, uint32_t events) {
    struct sim *sim = CONTAINER_OF(watch, struct sim, stop_watch);
    (void)events;
    loop_unwatch(sim->loop, watch);
    stop(sim);
}

static void on_stop(struct loop_task *task) {
    stop(CONTAINER_OF(task, struct sim, stop_task));
}

static void stop(struct sim *sim) {
    httpd_quiesce(sim->httpd);
    pthread_mutex_lock(&sim->mutex);
    sim->is_stopping = true;
    bool is_idle = sim->under_way == 0;
    pthread_mutex_unlock(&sim->mutex);
    if (is_idle) {
        loop_stop(sim->loop);
    }
    replies_hurry(&sim->replies);
}
