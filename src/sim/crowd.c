#include "base/text.h"
#include "sim/crowd_parts.h"
#include "sim/state.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int prepare(struct crowd *crowd);
static int furnish(struct crowd *crowd, const struct scenario_call *call, struct error *error);
static void drain(struct crowd *crowd, crowd_take *take, void *context);
static void tell(struct crowd *crowd, const struct sim_event *event);
static void count_type(struct crowd *crowd, const char *type);
static unsigned request(struct crowd *crowd, const char *method, struct slice path, const char *body,
                        struct sim_answer *answer);
static void read_refusal(const struct sim_answer *answer, char words[ERROR_MESSAGE_SIZE]);

struct crowd *crowd_new(struct sim_core *core, const struct scenario *scenario, uint64_t seed,
                        struct error *error) {
    struct crowd *crowd = calloc(1, sizeof *crowd);
    if (crowd == NULL) {
        error_memory(error);
        return NULL;
    }
    crowd->core = core;
    crowd->scenario = scenario;
    crowd->seed = seed;
    sim_collection_init(&crowd->members);
    sim_collection_init(&crowd->jobs);
    if (prepare(crowd) < 0) {
        crowd_free(crowd);
        error_memory(error);
        return NULL;
    }
    return crowd;
}

void crowd_free(struct crowd *crowd) {
    if (crowd == NULL) {
        return;
    }
    crowd_members_free(crowd);
    crowd_jobs_free(crowd);
    free(crowd->streams);
    free(crowd->timers.heap);
    free(crowd);
}

int crowd_start(struct crowd *crowd, int64_t now_us, struct error *error) {
    const struct scenario *scenario = crowd->scenario;
    crowd->now_us = crowd->start_us = now_us;
    crowd->end_us = now_us + scenario->length_us;
    sim_core_advance(crowd->core, now_us);
    for (size_t i = 0; i < scenario->call_count; i++) {
        if (furnish(crowd, &scenario->calls[i], error) < 0) {
            return -1;
        }
    }
    crowd_members_start(crowd);
    for (size_t i = 0; i < scenario->customer_count; i++) {
        crowd_stream_start(&crowd->streams[i]);
    }
    return crowd->is_broken ? error_memory(error) : 0;
}

int64_t crowd_next(const struct crowd *crowd) {
    const struct sim_timer *timer = crowd->is_broken ? NULL : sim_timer_first(&crowd->timers);
    int64_t next = sim_core_next(crowd->core);
    return timer != NULL && timer->at < next ? timer->at : next;
}

/* The core first: an offer that expires at the moment at which it would be accepted has expired. Then one act at a
 * time, so that the next one who acts knows what came of it. */
void crowd_run(struct crowd *crowd, int64_t until_us, crowd_take *take, void *context) {
    int64_t at;
    drain(crowd, take, context);
    while (!crowd->is_broken && (at = crowd_next(crowd)) <= until_us && at != SIM_NEVER) {
        crowd->now_us = at > crowd->now_us ? at : crowd->now_us;
        bool is_core = sim_core_next(crowd->core) <= at;
        sim_core_advance(crowd->core, crowd->now_us);
        if (!is_core) {
            struct sim_timer *timer = sim_timer_first(&crowd->timers);
            sim_timer_cancel(&crowd->timers, timer);
            timer->fire(crowd->core, timer);
        }
        drain(crowd, take, context);
        crowd->is_broken |= crowd->core->is_broken;
    }
    if (until_us != SIM_NEVER && until_us > crowd->now_us) {
        crowd->now_us = until_us;
    }
}

bool crowd_is_broken(const struct crowd *crowd) {
    return crowd->is_broken;
}

unsigned crowd_call(struct crowd *crowd, const char *who, const char *words, const char *method,
                    const struct buffer *path, const char *body) {
    struct sim_answer answer;
    sim_answer_init(&answer);
    unsigned status = 0;
    if (path->is_broken) {
        crowd->is_broken = true;
    } else {
        status = request(crowd, method, buffer_slice(path), body, &answer);
    }
    if (status == 500) {
        crowd->is_broken = true; /* the router's only reason: it has no memory */
    } else if (status >= 400) {
        char refusal[ERROR_MESSAGE_SIZE];
        read_refusal(&answer, refusal);
        sim_say(crowd->core, who, "cannot %s: %s", words, refusal);
    }
    sim_answer_reset(&answer);
    return status;
}

void crowd_path(struct buffer *path, const char *kind, const char *id) {
    buffer_init(path, 8 * SIM_ID_LIMIT);
    buffer_append_format(path, "/routing/%s/", kind);
    text_append_percent(path, slice_of(id));
}

int64_t crowd_draw(struct random *random, const struct scenario_time *time) {
    static const double tau = 6.283185307179586, most_s = 400.0 * SCENARIO_DAY_S;
    double seconds = 0;
    switch (time->spread) {
    case SCENARIO_BETWEEN: seconds = time->a + (time->b - time->a) * random_fraction(random); break;
    case SCENARIO_EXPONENTIAL: seconds = -time->a * log(1 - random_fraction(random)); break;
    case SCENARIO_NORMAL: {
        double radius = sqrt(-2 * log(1 - random_fraction(random)));
        seconds = time->a + time->b * radius * cos(tau * random_fraction(random));
        break;
    }
    }
    seconds = seconds < 0 ? 0 : seconds > most_s ? most_s : seconds;
    return (int64_t)(seconds * 1000) * 1000;
}

bool crowd_chance(struct random *random, double of_one) {
    return random_fraction(random) < of_one;
}

void crowd_set_timer(struct crowd *crowd, struct sim_timer *timer, int64_t at,
                     void (*fire)(struct sim_core *core, struct sim_timer *timer)) {
    crowd->is_broken |= sim_timer_set(&crowd->timers, timer, at, fire) < 0;
}

double crowd_day_s(const struct crowd *crowd, int64_t us) {
    return crowd->scenario->start_s + (double)(us - crowd->start_us) / 1e6;
}

const char *crowd_words(int64_t us, char text[CROWD_WORDS_SIZE]) {
    int64_t seconds = (us + 500000) / 1000000;
    if (us < 10 * 1000000) {
        snprintf(text, CROWD_WORDS_SIZE, "%.1f s", (double)us / 1e6);
    } else if (seconds < 60) {
        snprintf(text, CROWD_WORDS_SIZE, "%" PRId64 " s", seconds);
    } else if (seconds < 3600) {
        snprintf(text, CROWD_WORDS_SIZE, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    } else {
        snprintf(text, CROWD_WORDS_SIZE, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
    }
    return text;
}

static int prepare(struct crowd *crowd) {
    const struct scenario *scenario = crowd->scenario;
    uint32_t part = 0;
    crowd->streams = calloc(scenario->customer_count + 1, sizeof *crowd->streams);
    if (crowd->streams == NULL) {
        return -1;
    }
    for (size_t i = 0; i < scenario->customer_count; i++) {
        crowd->streams[i] = (struct crowd_stream){.crowd = crowd, .customers = &scenario->customers[i]};
        random_seed_part(&crowd->streams[i].random, crowd->seed, part++);
    }
    part = SCENARIO_LIST_MOST; /* a further stream does not change the workers' chance */
    for (size_t i = 0; i < scenario->worker_count; i++) {
        if (crowd_members_add(crowd, &scenario->workers[i], &part) < 0) {
            return -1;
        }
    }
    return 0;
}

static int furnish(struct crowd *crowd, const struct scenario_call *call, struct error *error) {
    struct sim_answer answer;
    sim_answer_init(&answer);
    unsigned status = request(crowd, "PATCH", slice_of(call->path), call->body, &answer);
    int result = 0;
    if (status >= 400) {
        char refusal[ERROR_MESSAGE_SIZE];
        read_refusal(&answer, refusal);
        const char *file = crowd->scenario->file == NULL ? "the scenario" : crowd->scenario->file;
        result = status == 500 ? error_memory(error)
                               : error_set(error, ERROR_INVALID, "%s:%d: the router refuses the %s: %s", file,
                                           call->line, call->what, refusal);
    }
    sim_answer_reset(&answer);
    return result;
}

static void drain(struct crowd *crowd, crowd_take *take, void *context) {
    struct sim_event *event;
    while ((event = sim_core_take_event(crowd->core)) != NULL) {
        tell(crowd, event);
        if (take != NULL) {
            take(context, event);
        }
        sim_event_release(event);
    }
}

static void tell(struct crowd *crowd, const struct sim_event *event) {
    struct json *whole = json_parse(event->json, event->length, NULL);
    const struct json *data = json_get(whole, "data");
    const char *type = event->type;
    if (data == NULL) {
        crowd->is_broken = true;
        json_free(whole);
        return;
    }
    crowd->now_us = event->time_us > crowd->now_us ? event->time_us : crowd->now_us;
    count_type(crowd, type);
    if (json_get_string(data, "workerId") != NULL) {
        crowd_member_tell(crowd, type, data);
    }
    if (json_get_string(data, "jobId") != NULL) {
        crowd_job_tell(crowd, type, event->time_us, data);
    }
    json_free(whole);
}

static void count_type(struct crowd *crowd, const char *type) {
    size_t i = 0;
    while (i < crowd->type_count && strcmp(crowd->types[i].type, type) != 0) {
        i++;
    }
    if (i == crowd->type_count && i < CROWD_TYPES_MOST) {
        crowd->types[crowd->type_count++].type = type;
    }
    if (i < CROWD_TYPES_MOST) {
        crowd->types[i].count++;
    }
}

static unsigned request(struct crowd *crowd, const char *method, struct slice path, const char *body,
                        struct sim_answer *answer) {
    bool is_patch = strcmp(method, "PATCH") == 0;
    sim_core_request(crowd->core, crowd->now_us,
                     &(struct sim_request){
                         .method = slice_of(method),
                         .path = path,
                         .query = slice_of("api-version=2023-11-01"),
                         .content_type = slice_of(body == NULL ? NULL
                                                  : is_patch   ? "application/merge-patch+json"
                                                               : "application/json"),
                         .body = slice_of(body),
                     },
                     answer);
    return answer->status;
}

static void read_refusal(const struct sim_answer *answer, char words[ERROR_MESSAGE_SIZE]) {
    struct json *body = json_parse(answer->body.bytes, answer->body.length, NULL);
    const char *message = json_get_string(json_get(body, "error"), "message");
    snprintf(words, ERROR_MESSAGE_SIZE, "%u %s: %s", answer->status, answer->code, message == NULL ? "" : message);
    json_free(body);
}
