#include "admin/room.h"
#include "base/list.h"
#include "base/text.h"
#include "json/tree.h"
#include <stdlib.h>

/* A request that waits for the host to carry something out. */
struct command {
    struct host_order order;
    struct httpd_request *request;
    char *handler;
};

static struct command *make_command(struct httpd_request *request, enum host_order_verb verb);
static int read_wishes(struct command *command);
static void on_carried_out(struct host_order *order);
static void put_outcome(struct json_out *out, const struct host_order *order);
static void free_command(struct command *command);

void admin_pause(struct admin *admin, struct httpd_request *request, enum host_order_verb verb) {
    struct slice handler = httpd_parameter(request, "handler");
    struct command *command = make_command(request, verb);
    if (command == NULL) {
        return;
    }
    if (slice_is_set(httpd_query(request)) && handler.length == 0) {
        httpd_answer_error(request, 400, "BadHandler", "the only parameter is handler, the name of one");
        free_command(command);
        return;
    }
    if (handler.length > 0) {
        command->handler = slice_copy(handler);
        if (command->handler == NULL) {
            httpd_answer_error(request, 503, "OutOfMemory", "no memory for the name");
            free_command(command);
            return;
        }
        command->order.handler = command->handler;
    }
    host_give(admin->options.host, &command->order);
}

void admin_replay(struct admin *admin, struct httpd_request *request, struct slice seq) {
    struct command *command = make_command(request, HOST_REPLAY);
    if (command == NULL) {
        return;
    }
    if (text_to_uint64(seq, &command->order.seq) < 0 || command->order.seq == 0) {
        httpd_answer_error(request, 400, "BadNumber",
                           "an event is named by its number, as in /api/events/17/replay");
        free_command(command);
    } else if (read_wishes(command) < 0) {
        httpd_answer_error(request, 400, "BadBody",
                           "the body is empty, or {\"fromStart\": true or false, \"force\": true or false}");
        free_command(command);
    } else {
        host_give(admin->options.host, &command->order);
    }
}

static struct command *make_command(struct httpd_request *request, enum host_order_verb verb) {
    struct command *command = calloc(1, sizeof *command);
    if (command == NULL) {
        httpd_answer_error(request, 503, "OutOfMemory", "no memory for the order");
        return NULL;
    }
    command->request = request;
    command->order.verb = verb;
    command->order.answered = on_carried_out;
    return command;
}

/* A wish that is not understood is not passed over: it may have been the one that mattered. */
static int read_wishes(struct command *command) {
    struct slice body = httpd_body(command->request);
    if (body.length == 0) {
        return 0;
    }
    struct json *wishes = json_parse(body.bytes, body.length, NULL);
    int result = json_kind(wishes) == JSON_OBJECT ? 0 : -1;
    for (const struct json *wish = result == 0 ? json_first(wishes) : NULL; wish != NULL; wish = json_next(wish)) {
        struct slice name = slice_of(json_name(wish));
        bool *wanted = slice_is(name, "fromStart") ? &command->order.from_start
                       : slice_is(name, "force")   ? &command->order.must
                                                   : NULL;
        if (wanted == NULL || json_kind(wish) != JSON_BOOLEAN) {
            result = -1;
            break;
        }
        *wanted = json_bool_of(wish, false);
    }
    json_free(wishes);
    return result;
}

/* On the host's loop. */
static void on_carried_out(struct host_order *order) {
    struct command *command = CONTAINER_OF(order, struct command, order);
    if (order->error.code != ERROR_NONE) {
        admin_refuse(command->request, &order->error);
    } else {
        struct buffer body;
        buffer_init(&body, ADMIN_ANSWER_MAX);
        struct json_out out = json_out(&body);
        put_outcome(&out, order);
        admin_answer(command->request, NULL, &body);
    }
    free_command(command);
}

static void put_outcome(struct json_out *out, const struct host_order *order) {
    json_out_begin(out, '{');
    if (order->verb == HOST_REPLAY) {
        admin_put_integer(out, "seq", (int64_t)order->seq);
        admin_put_integer(out, "runs", (int64_t)order->run_count);
    } else {
        json_out_name(out, "paused");
        json_out_bool(out, order->verb == HOST_PAUSE);
        admin_put_words(out, "handler", slice_of(order->handler));
    }
    json_out_end(out, '}');
}

static void free_command(struct command *command) {
    free(command->handler);
    free(command);
}
