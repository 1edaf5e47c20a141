#include "worker/frames.h"
#include "worker/names.h"
#include <string.h>

/* Output is handed on when this much has come together, also in the middle of a run: a script that logs without
 * end must not fill the memory with it. The limit is for frames that come on top. */
enum { PLACE_MAX = 1024 };
enum { OUT_FLUSH = 1024 * 1024, OUT_LIMIT = OUT_FLUSH + 2 * (WIRE_HEAD_SIZE + WIRE_PAYLOAD_MAX) };

static int take_hello(struct frames *frames, struct wire_reader *reader);
static int take_file(struct frames *frames, struct wire_reader *reader);
static int take_load(struct frames *frames, struct wire_reader *reader);
static int take_run(struct frames *frames, uint64_t run, struct wire_reader *reader);
static int take_answer(struct frames *frames, uint64_t run, struct wire_reader *reader);
static void end_frame(struct frames *frames, size_t place);

void frames_init(struct frames *frames) {
    *frames = (struct frames){.worker = NULL};
    buffer_init(&frames->out, OUT_LIMIT);
}

void frames_reset(struct frames *frames) {
    worker_free(frames->worker);
    frames->worker = NULL;
    buffer_reset(&frames->out);
}

int frames_take(struct frames *frames, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    if ((frame->type == WIRE_HELLO) != (frames->worker == NULL)) {
        return -1;
    }
    switch (frame->type) {
    case WIRE_HELLO: return take_hello(frames, &reader);
    case WIRE_FILE: return take_file(frames, &reader);
    case WIRE_LOAD: return take_load(frames, &reader);
    case WIRE_RUN: return take_run(frames, frame->run, &reader);
    case WIRE_ANSWER: return take_answer(frames, frame->run, &reader);
    case WIRE_CANCEL:
        if (!wire_is_whole(&reader)) {
            return -1;
        }
        worker_cancel(frames->worker, frame->run);
        return 0;
    default: return -1;
    }
}

static void put_place(struct frames *frames, uint64_t run) {
    struct buffer where;
    buffer_init(&where, PLACE_MAX);
    worker_append_place(frames->worker, &where);
    size_t place = wire_begin(&frames->out, WIRE_PLACE, run);
    wire_put_text(&frames->out, buffer_slice(&where));
    end_frame(frames, place);
    buffer_reset(&where);
}

static void put_want(void *context, uint64_t run, uint32_t wait, uint32_t branch, struct slice operation,
                     struct slice arguments) {
    struct frames *frames = context;
    if (frames->tells_places) {
        put_place(frames, run);
    }
    size_t place = wire_begin(&frames->out, WIRE_WANT, run);
    wire_put_u32(&frames->out, wait);
    wire_put_u32(&frames->out, branch);
    wire_put_text(&frames->out, operation);
    wire_put_text(&frames->out, arguments);
    end_frame(frames, place);
}

static void put_log(void *context, uint64_t run, enum log_level level, struct slice message, struct slice fields) {
    struct frames *frames = context;
    size_t place = wire_begin(&frames->out, WIRE_LOG, run);
    wire_put_u32(&frames->out, (uint32_t)level);
    wire_put_text(&frames->out, message);
    wire_put_text(&frames->out, fields);
    end_frame(frames, place);
}

static void put_done(void *context, uint64_t run, enum wire_result result, struct slice value) {
    struct frames *frames = context;
    size_t place = wire_begin(&frames->out, WIRE_DONE, run);
    wire_put_u32(&frames->out, (uint32_t)result);
    wire_put_text(&frames->out, value);
    end_frame(frames, place);
}

static void put_failed(void *context, uint64_t run, const struct worker_failure *failure) {
    struct frames *frames = context;
    size_t place = wire_begin(&frames->out, WIRE_FAILED, run);
    wire_put_u32(&frames->out, (uint32_t)failure->kind);
    wire_put_text(&frames->out, failure->message);
    wire_put_text(&frames->out, failure->traceback);
    wire_put_text(&frames->out, failure->error);
    end_frame(frames, place);
}

static void put_loaded(void *context, const struct worker_handler *handlers, size_t count) {
    struct frames *frames = context;
    size_t place = wire_begin(&frames->out, WIRE_LOADED, 0);
    wire_put_u32(&frames->out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wire_put_text(&frames->out, slice_of(handlers[i].path));
        wire_put_text(&frames->out, handlers[i].options);
    }
    end_frame(frames, place);
}

static void put_refused(void *context, struct slice message, struct slice traceback) {
    struct frames *frames = context;
    size_t place = wire_begin(&frames->out, WIRE_REFUSED, 0);
    wire_put_text(&frames->out, message);
    wire_put_text(&frames->out, traceback);
    end_frame(frames, place);
}

static int take_hello(struct frames *frames, struct wire_reader *reader) {
    uint32_t version = wire_get_u32(reader);
    struct worker_options options = {0};
    options.run_memory = wire_get_u64(reader);
    options.all_memory = wire_get_u64(reader);
    options.answer = wire_get_u64(reader);
    struct slice zone = wire_get_text(reader);
    struct slice known = wire_get_text(reader);
    if (!wire_is_whole(reader) || version != WIRE_VERSION || options.answer > WIRE_PAYLOAD_MAX) {
        return -1;
    }
    char **tells = names_read(known, "tells");
    char **operations = names_read(known, "operations");
    char **secrets = names_read(known, "secrets");
    options.operations = (const char *const *)operations;
    options.secrets = (const char *const *)secrets;
    frames->tells_places = tells != NULL && tells[0] != NULL && strcmp(tells[0], "places") == 0;
    if (operations != NULL && secrets != NULL && frames->greeted(frames->context, &options, zone) == 0) {
        const struct worker_port port = {put_want, put_log, put_done, put_failed, put_loaded, put_refused, frames};
        frames->worker = worker_new(&options, &port, frames->page(frames->context), NULL);
    }
    names_free(tells);
    names_free(operations);
    names_free(secrets);
    if (frames->worker == NULL) {
        return -1;
    }
    size_t place = wire_begin(&frames->out, WIRE_HELLO, 0);
    wire_put_u32(&frames->out, WIRE_VERSION);
    end_frame(frames, place);
    return 0;
}

static int take_file(struct frames *frames, struct wire_reader *reader) {
    struct slice path = wire_get_text(reader);
    struct slice text = wire_get_text(reader);
    if (!wire_is_whole(reader) || frames->is_loaded) {
        return -1;
    }
    return worker_add_file(frames->worker, path, text, NULL);
}

static int take_load(struct frames *frames, struct wire_reader *reader) {
    if (!wire_is_whole(reader) || frames->is_loaded) {
        return -1;
    }
    frames->is_loaded = true;
    return worker_load(frames->worker, NULL);
}

static int take_run(struct frames *frames, uint64_t run, struct wire_reader *reader) {
    struct worker_request request = {.run = run};
    request.handler = wire_get_text(reader);
    request.seq = wire_get_u64(reader);
    request.attempt = wire_get_u32(reader);
    request.received_us = wire_get_i64(reader);
    request.now_us = wire_get_i64(reader);
    request.seed = wire_get_u64(reader);
    request.event = wire_get_text(reader);
    if (!wire_is_whole(reader) || !frames->is_loaded || run == 0 || run == WIRE_RUN_LOADING) {
        return -1;
    }
    return worker_run(frames->worker, &request);
}

static int take_answer(struct frames *frames, uint64_t run, struct wire_reader *reader) {
    struct worker_answer answer;
    answer.wait = wire_get_u32(reader);
    uint32_t outcome = wire_get_u32(reader);
    answer.status = wire_get_u32(reader);
    answer.is_repeated = wire_get_u32(reader) != 0;
    answer.now_us = wire_get_i64(reader);
    answer.etag = wire_get_text(reader);
    answer.value = wire_get_text(reader);
    if (!wire_is_whole(reader) || outcome > WIRE_OUTCOME_NOT_YET) {
        return -1;
    }
    answer.outcome = (enum wire_outcome)outcome;
    worker_answer(frames->worker, run, &answer);
    return 0;
}

/* A frame that cannot be written leaves the host waiting for it: the connection's owner sees is_broken and
 * ends. */
static void end_frame(struct frames *frames, size_t place) {
    if (wire_end(&frames->out, place) < 0) {
        frames->out.is_broken = true;
    } else if (frames->out.length > OUT_FLUSH) {
        frames->flush(frames->context);
    }
}
