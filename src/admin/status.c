#include "admin/room.h"
#include "base/list.h"
#include "json/out.h"

static void ask(struct admin *admin, struct httpd_request *request,
                void (*answered)(struct host_question *question));
static void on_ready(struct host_question *question);
static void on_status(struct host_question *question);
static void put_pauses(struct json_out *out, const struct host_status *status);
static void put_names(struct json_out *out, const char *member, const char *names);
static void put_reload(struct json_out *out, const struct host_status *status);
static void put_counts(struct json_out *out, const struct host_status *status);
static void put_workers(struct json_out *out, const struct host_status *status);

void admin_ready(struct admin *admin, struct httpd_request *request) {
    ask(admin, request, on_ready);
}

void admin_status(struct admin *admin, struct httpd_request *request) {
    ask(admin, request, on_status);
}

static void ask(struct admin *admin, struct httpd_request *request,
                void (*answered)(struct host_question *question)) {
    struct admin_inquiry *inquiry = admin_inquiry(admin, request);
    if (inquiry != NULL) {
        inquiry->question.answered = answered;
        host_ask(admin->options.host, &inquiry->question);
    }
}

static void on_ready(struct host_question *question) {
    struct admin_inquiry *inquiry = CONTAINER_OF(question, struct admin_inquiry, question);
    bool is_ready = question->status.is_live && !question->status.is_stopping;
    const char *words = is_ready                       ? "ready\n"
                        : question->status.is_stopping ? "stopping\n"
                                                       : "no scripts are live yet: see /api/status\n";
    httpd_answer(
        inquiry->request,
        &(struct httpd_answer){.status = is_ready ? 200 : 503, .type = "text/plain", .body = slice_of(words)});
    admin_free_inquiry(inquiry);
}

static void on_status(struct host_question *question) {
    struct admin_inquiry *inquiry = CONTAINER_OF(question, struct admin_inquiry, question);
    const struct host_status *status = &question->status;
    struct json_out out = json_out(&inquiry->body);
    json_out_begin(&out, '{');
    json_out_name(&out, "version");
    json_out_text(&out, slice_of(SWITCHHOOK_VERSION));
    admin_put_time(&out, "startedAt", inquiry->admin->started_us);
    json_out_name(&out, "ready");
    json_out_bool(&out, status->is_live && !status->is_stopping);
    json_out_name(&out, "stopping");
    json_out_bool(&out, status->is_stopping);
    admin_put_integer(&out, "deliveryPort", atomic_load(&inquiry->admin->delivery_port));
    json_out_name(&out, "generation");
    json_out_text(&out, status->is_live ? slice_of(status->generation) : (struct slice){NULL, 0});
    admin_put_integer(&out, "generations", (int64_t)status->generations);
    admin_put_integer(&out, "files", (int64_t)status->files);
    admin_put_integer(&out, "handlers", (int64_t)status->handlers);
    admin_put_time(&out, "liveSince", status->live_us);
    put_pauses(&out, status);
    put_reload(&out, status);
    put_counts(&out, status);
    put_workers(&out, status);
    json_out_end(&out, '}');
    admin_answer(inquiry->request, NULL, &inquiry->body);
    admin_free_inquiry(inquiry);
}

static void put_pauses(struct json_out *out, const struct host_status *status) {
    json_out_name(out, "paused");
    json_out_bool(out, status->is_paused);
    json_out_name(out, "breakerOpen");
    json_out_bool(out, status->is_breaker_open);
    put_names(out, "openUpstreams", status->open_upstreams);
    put_names(out, "pausedHandlers", status->paused_handlers);
}

/* Names with ", " between. */
static void put_names(struct json_out *out, const char *member, const char *names) {
    json_out_name(out, member);
    json_out_begin(out, '[');
    while (names[0] != '\0') {
        const char *comma = strstr(names, ", ");
        size_t length = comma == NULL ? strlen(names) : (size_t)(comma - names);
        json_out_text(out, slice_make(names, length));
        names += length + (comma == NULL ? 0 : strlen(", "));
    }
    json_out_end(out, ']');
}

static void put_reload(struct json_out *out, const struct host_status *status) {
    json_out_name(out, "reload");
    json_out_begin(out, '{');
    admin_put_time(out, "at", status->reload_us);
    json_out_name(out, "error");
    json_out_text(out, status->reload_error[0] == '\0' ? (struct slice){NULL, 0} : slice_of(status->reload_error));
    admin_put_integer(out, "succeeded", (int64_t)status->reloads);
    admin_put_integer(out, "refused", (int64_t)status->refused_reloads);
    json_out_end(out, '}');
}

static void put_counts(struct json_out *out, const struct host_status *status) {
    json_out_name(out, "events");
    json_out_begin(out, '{');
    admin_put_integer(out, "queued", (int64_t)status->queued);
    admin_put_integer(out, "running", (int64_t)status->running);
    admin_put_integer(out, "waiting", (int64_t)status->waiting);
    admin_put_integer(out, "lanes", (int64_t)status->lanes);
    json_out_name(out, "moreInStore");
    json_out_bool(out, status->has_more);
    json_out_end(out, '}');
    json_out_name(out, "sinceStart");
    json_out_begin(out, '{');
    admin_put_integer(out, "done", (int64_t)status->done);
    admin_put_integer(out, "parked", (int64_t)status->parked);
    admin_put_integer(out, "unhandled", (int64_t)status->unhandled);
    admin_put_integer(out, "retries", (int64_t)status->retries);
    admin_put_integer(out, "steps", (int64_t)status->steps);
    admin_put_integer(out, "workerDeaths", (int64_t)status->kills);
    json_out_end(out, '}');
}

static void put_workers(struct json_out *out, const struct host_status *status) {
    json_out_name(out, "workers");
    json_out_begin(out, '[');
    for (size_t i = 0; i < status->worker_count; i++) {
        json_out_begin(out, '{');
        admin_put_integer(out, "pid", status->workers[i].pid);
        json_out_name(out, "ready");
        json_out_bool(out, status->workers[i].is_ready);
        admin_put_integer(out, "runs", (int64_t)status->workers[i].runs);
        json_out_end(out, '}');
    }
    json_out_end(out, ']');
}
