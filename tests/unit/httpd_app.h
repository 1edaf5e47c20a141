/* A caller of httpd for its tests: what a request's path says is what becomes of it.
 *   /now     answered inside on_request, with what came
 *   /later   kept until the test answers it
 *   /race    answered by another thread at once, perhaps before on_request has returned
 *   /refuse  answered in on_head */
#ifndef TESTS_HTTPD_APP_H
#define TESTS_HTTPD_APP_H

#include "httpd/httpd.h"
#include "raw.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { APP_LATER = 1024, APP_BODY_LIMIT = 1000 };

struct app {
    struct httpd *httpd;
    uint16_t port;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct httpd_request *later[APP_LATER];
    size_t later_count;
    atomic_int requests; /* that reached on_request */
    struct httpd_request *_Atomic handed;
    atomic_bool is_over;
    pthread_t racer;
};

static inline void app_answer(struct httpd_request *request, const char *text) {
    httpd_answer(request, &(struct httpd_answer){.status = 200, .type = "text/plain", .body = slice_of(text)});
}

static inline void app_echo(struct httpd_request *request) {
    struct buffer text;
    buffer_init(&text, 64 * 1024);
    buffer_append_slice(&text, httpd_method(request));
    buffer_append_char(&text, ' ');
    buffer_append_slice(&text, httpd_target(request));
    buffer_append_char(&text, ' ');
    buffer_append_slice(&text, httpd_body(request));
    app_answer(request, text.bytes);
    buffer_reset(&text);
}

static inline enum httpd_verdict app_on_head(struct httpd_request *request, void *context) {
    (void)context;
    if (!slice_is(httpd_path(request), "/refuse")) {
        return HTTPD_GO_ON;
    }
    httpd_answer_error(request, 403, "refused", "not \"%s\"", "this");
    return HTTPD_ANSWERED;
}

static inline void app_on_request(struct httpd_request *request, void *context) {
    struct app *app = context;
    atomic_fetch_add(&app->requests, 1);
    if (slice_is(httpd_path(request), "/later")) {
        pthread_mutex_lock(&app->lock);
        app->later[app->later_count++] = request;
        pthread_cond_broadcast(&app->changed);
        pthread_mutex_unlock(&app->lock);
    } else if (slice_is(httpd_path(request), "/race")) {
        struct httpd_request *none = NULL;
        while (!atomic_compare_exchange_weak(&app->handed, &none, request)) {
            none = NULL;
            sched_yield();
        }
    } else {
        app_echo(request);
    }
}

static inline void *app_race(void *context) {
    struct app *app = context;
    while (!atomic_load(&app->is_over)) {
        struct httpd_request *request = atomic_exchange(&app->handed, NULL);
        if (request != NULL) {
            app_echo(request);
        } else {
            sched_yield();
        }
    }
    return NULL;
}

/* Members of `options` that are not set here are the test's own. */
static inline void app_start(struct app *app, struct httpd_options options) {
    memset(app, 0, sizeof *app);
    pthread_mutex_init(&app->lock, NULL);
    pthread_cond_init(&app->changed, NULL);
    struct error error = {0};
    options.address = options.address == NULL ? "127.0.0.1:0" : options.address;
    options.body_limit = APP_BODY_LIMIT;
    options.on_head = app_on_head;
    options.on_request = options.on_request == NULL ? app_on_request : options.on_request;
    options.context = app;
    app->httpd = httpd_start(&options, &error);
    if (app->httpd == NULL) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    app->port = httpd_port(app->httpd);
}

static inline void app_stop(struct app *app) {
    httpd_stop(app->httpd);
    pthread_mutex_destroy(&app->lock);
    pthread_cond_destroy(&app->changed);
}

/* Waits until `count` requests are kept in all. */
static inline void app_wait_for_later(struct app *app, size_t count) {
    pthread_mutex_lock(&app->lock);
    while (app->later_count < count) {
        pthread_cond_wait(&app->changed, &app->lock);
    }
    pthread_mutex_unlock(&app->lock);
}

#endif
