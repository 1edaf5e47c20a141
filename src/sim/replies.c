#include "sim/replies.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>

struct held {
    struct list_node node;
    struct loop_timer timer;
    struct replies *replies;
    struct httpd_request *request;
    struct sim_answer answer;
    unsigned retry_after;
};

static void on_time(struct loop_timer *timer);
static void let_go(struct held *held);

void replies_init(struct replies *replies, struct loop *loop, void (*left)(void *context), void *context) {
    *replies = (struct replies){.loop = loop, .left = left, .context = context};
    list_init(&replies->waiting);
}

void replies_put(struct replies *replies, struct httpd_request *request, struct sim_answer *answer,
                 unsigned retry_after, int64_t delay_ns) {
    struct held *held = delay_ns <= 0 ? NULL : calloc(1, sizeof *held);
    if (held != NULL &&
        loop_timer_set(replies->loop, &held->timer, clock_monotonic_ns() + delay_ns, on_time) < 0) {
        free(held);
        held = NULL;
    }
    if (held == NULL) { /* also without memory: too early is better than never */
        reply_now(request, answer, retry_after);
        sim_answer_reset(answer);
        replies->left(replies->context);
        return;
    }
    held->replies = replies;
    held->request = request;
    held->answer = *answer;
    held->retry_after = retry_after;
    list_append(&replies->waiting, &held->node);
}

void replies_hurry(struct replies *replies) {
    struct list_node *node;
    while ((node = list_first(&replies->waiting)) != NULL) {
        let_go(CONTAINER_OF(node, struct held, node));
    }
}

void reply_now(struct httpd_request *request, const struct sim_answer *answer, unsigned retry_after) {
    struct httpd_header headers[4];
    char seconds[16];
    size_t count = 0;
    if (answer->etag[0] != '\0') {
        headers[count++] = (struct httpd_header){"ETag", answer->etag};
        headers[count++] = (struct httpd_header){"Last-Modified", answer->last_modified};
    }
    if (answer->code[0] != '\0') {
        headers[count++] = (struct httpd_header){"x-ms-error-code", answer->code};
    }
    if (retry_after > 0) {
        snprintf(seconds, sizeof seconds, "%u", retry_after);
        headers[count++] = (struct httpd_header){"Retry-After", seconds};
    }
    httpd_answer(request, &(struct httpd_answer){.status = answer->status,
                                                 .body = buffer_slice(&answer->body),
                                                 .headers = headers,
                                                 .header_count = count});
}

static void on_time(struct loop_timer *timer) {
    let_go(CONTAINER_OF(timer, struct held, timer));
}

static void let_go(struct held *held) {
    struct replies *replies = held->replies;
    loop_timer_cancel(replies->loop, &held->timer);
    list_remove(&held->node);
    reply_now(held->request, &held->answer, held->retry_after);
    sim_answer_reset(&held->answer);
    free(held);
    replies->left(replies->context);
}
