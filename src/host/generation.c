#include "host/generation.h"
#include "base/clock.h"
#include "base/log.h"
#include "event/event.h"
#include "json/tree.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOAD_SECONDS = 30,
    RESTART_FIRST_MS = 100,
    RESTART_MAX_MS = 10 * 1000,
};

static int start_worker(struct worker_slot *slot, struct error *error);
static void send_scripts(const struct generation *generation, struct process *process);
static void on_frame(struct process *process, const struct wire_frame *frame);
static void on_loaded(struct worker_slot *slot, const struct wire_frame *frame);
static int take_handlers(struct generation *generation, struct wire_reader *reader, uint32_t count);
static int take_handler(struct generation *generation, struct handler *handler, struct slice path,
                        struct slice options);
static void digest_script(const struct generation *generation, struct handler *handler);
static void on_refused(struct worker_slot *slot, const struct wire_frame *frame);
static void on_died(struct process *process, const struct process_death *death);
static void on_relieved(struct process *process);
static void on_restart(struct loop_timer *timer);
static void on_deadline(struct loop_timer *timer);
static void fail(struct generation *generation, const char *words);
static void decide(struct generation *generation, enum generation_state state);
static void on_verdict(struct loop_task *task);
static int compare_handlers(const void *a, const void *b);

struct generation *generation_start(const struct generation_options *options, struct script_set *scripts,
                                    struct error *error) {
    struct generation *generation = calloc(1, sizeof *generation);
    if (generation == NULL) {
        scripts_free(scripts);
        error_memory(error);
        return NULL;
    }
    *generation = (struct generation){.options = *options,
                                      .context = options->context,
                                      .scripts = scripts,
                                      .state = GENERATION_LOADING,
                                      .started_ns = clock_monotonic_ns()};
    crypto_digest_text(scripts->digest, generation->name);
    generation->slots = calloc(options->workers, sizeof *generation->slots);
    if (generation->slots == NULL) {
        error_memory(error);
        goto failed;
    }
    for (unsigned i = 0; i < options->workers; i++) {
        generation->slots[i].generation = generation;
        list_init(&generation->slots[i].runs);
    }
    for (unsigned i = 0; i < options->workers; i++) {
        if (start_worker(&generation->slots[i], error) < 0) {
            goto failed;
        }
    }
    loop_timer_set(options->loop, &generation->deadline, clock_monotonic_ns() + LOAD_SECONDS * CLOCK_NS_PER_S,
                   on_deadline);
    return generation;
failed:
    generation_free(generation);
    return NULL;
}

void generation_free(struct generation *generation) {
    if (generation == NULL) {
        return;
    }
    if (generation->verdict.is_queued) {
        generation->is_abandoned = true;
        return;
    }
    loop_timer_cancel(generation->options.loop, &generation->deadline);
    for (unsigned i = 0; generation->slots != NULL && i < generation->options.workers; i++) {
        loop_timer_cancel(generation->options.loop, &generation->slots[i].restart);
        process_free(generation->slots[i].process);
    }
    for (size_t i = 0; i < generation->handler_count; i++) {
        free(generation->handlers[i].path);
        free(generation->handlers[i].type);
        free(generation->handlers[i].options);
    }
    free(generation->handlers);
    free(generation->slots);
    scripts_free(generation->scripts);
    free(generation);
}

size_t generation_find(const struct generation *generation, struct slice type, const struct handler **found,
                       size_t most) {
    struct slice name = event_short_name(type);
    size_t count = 0;
    for (size_t i = 0; i < generation->handler_count && count < most; i++) {
        if (slice_is(name, generation->handlers[i].type) || slice_is(type, generation->handlers[i].type)) {
            found[count++] = &generation->handlers[i];
        }
    }
    if (count == 0 && most > 0) {
        const struct handler *fallback = generation_handler(generation, slice_of("default.lua"));
        if (fallback != NULL) {
            found[count++] = fallback;
        }
    }
    return count;
}

const struct handler *generation_handler(const struct generation *generation, struct slice path) {
    for (size_t i = 0; i < generation->handler_count; i++) {
        if (slice_is(path, generation->handlers[i].path)) {
            return &generation->handlers[i];
        }
    }
    return NULL;
}

struct worker_slot *generation_pick(struct generation *generation, size_t in_flight) {
    struct worker_slot *best = NULL;
    for (unsigned i = 0; i < generation->options.workers; i++) {
        struct worker_slot *slot = &generation->slots[i];
        if (slot->is_ready && slot->run_count < in_flight && !process_is_congested(slot->process) &&
            (best == NULL || slot->run_count < best->run_count)) {
            best = slot;
        }
    }
    return best;
}

size_t generation_run_count(const struct generation *generation) {
    size_t count = 0;
    for (unsigned i = 0; i < generation->options.workers; i++) {
        count += generation->slots[i].run_count;
    }
    return count;
}

static int start_worker(struct worker_slot *slot, struct error *error) {
    struct process_options options = slot->generation->options.process;
    options.loop = slot->generation->options.loop;
    options.frame = on_frame;
    options.died = on_died;
    options.relieved = on_relieved;
    options.context = slot;
    slot->process = process_start(&options, error);
    if (slot->process == NULL) {
        return -1;
    }
    send_scripts(slot->generation, slot->process);
    return 0;
}

static void send_scripts(const struct generation *generation, struct process *process) {
    const struct script_set *scripts = generation->scripts;
    for (size_t i = 0; i < scripts->count; i++) {
        size_t place = wire_begin(&process->out, WIRE_FILE, 0);
        wire_put_text(&process->out, slice_of(scripts->files[i].path));
        wire_put_text(&process->out, slice_make(scripts->files[i].bytes, scripts->files[i].length));
        process_put(process, place);
    }
    size_t place = wire_begin(&process->out, WIRE_LOAD, 0);
    process_put(process, place);
}

static void on_frame(struct process *process, const struct wire_frame *frame) {
    struct worker_slot *slot = process->context;
    switch (frame->type) {
    case WIRE_HELLO: {
        struct wire_reader reader = wire_read(frame);
        uint32_t version = wire_get_u32(&reader);
        if (reader.is_broken || version != WIRE_VERSION) {
            fail(slot->generation, "switchhook-worker speaks another version: install both programs together");
            process_kill(process);
        }
        break;
    }
    case WIRE_LOADED: on_loaded(slot, frame); break;
    case WIRE_REFUSED: on_refused(slot, frame); break;
    case WIRE_PLACE:
    case WIRE_WANT:
    case WIRE_LOG:
    case WIRE_DONE:
    case WIRE_FAILED: slot->generation->options.frame(slot, frame); break;
    default: process_kill(process); break; /* a worker has no business to send it */
    }
}

static void on_loaded(struct worker_slot *slot, const struct wire_frame *frame) {
    struct generation *generation = slot->generation;
    struct wire_reader reader = wire_read(frame);
    uint32_t count = wire_get_u32(&reader);
    if (generation->handlers == NULL && take_handlers(generation, &reader, count) < 0) {
        fail(generation, "the worker's list of handlers does not hold together, or there is no memory");
        return;
    }
    slot->is_ready = true;
    slot->deaths_in_a_row = 0;
    bool is_whole = true;
    for (unsigned i = 0; i < generation->options.workers; i++) {
        is_whole = is_whole && generation->slots[i].is_ready;
    }
    if (generation->state == GENERATION_LOADING && is_whole) {
        decide(generation, GENERATION_READY);
    } else if (generation->state == GENERATION_READY) {
        generation->options.idle(generation);
    }
}

static int take_handlers(struct generation *generation, struct wire_reader *reader, uint32_t count) {
    if (count > SCRIPTS_FILES_MAX) {
        return -1;
    }
    generation->handlers = calloc(count + 1u, sizeof *generation->handlers);
    if (generation->handlers == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice path = wire_get_text(reader);
        struct slice options = wire_get_text(reader);
        if (reader->is_broken || take_handler(generation, &generation->handlers[i], path, options) < 0) {
            return -1;
        }
        generation->handler_count++;
    }
    qsort(generation->handlers, generation->handler_count, sizeof *generation->handlers, compare_handlers);
    return 0;
}

static int take_handler(struct generation *generation, struct handler *handler, struct slice path,
                        struct slice options) {
    if (path.length <= strlen(".lua") || !slice_ends_with(path, ".lua")) {
        return -1;
    }
    const char *slash = memchr(path.bytes, '/', path.length);
    size_t type_length = slash == NULL ? path.length - strlen(".lua") : (size_t)(slash - path.bytes);
    struct slice type = slice_make(path.bytes, type_length);
    handler->path = slice_copy(path);
    handler->options = slice_copy(options);
    handler->retry = generation->options.retry;
    if (slice_is(type, "local") && slash != NULL) {
        size_t length = path.length - type_length - strlen("/.lua");
        if (asprintf(&handler->type, "Switchhook.Local.%.*s", (int)length, slash + 1) < 0) {
            handler->type = NULL;
        }
    } else {
        handler->type = slice_copy(type);
    }
    if (handler->path == NULL || handler->type == NULL || handler->options == NULL) {
        goto failed;
    }
    digest_script(generation, handler);
    if (options.length > 0) {
        struct json *own = json_parse(options.bytes, options.length, NULL);
        if (own == NULL) {
            goto failed;
        }
        const struct json *retry = json_get(own, "retry");
        handler->timeout_seconds = json_get_double(own, "timeout", 0);
        handler->retry.attempts =
            (unsigned)fmax(1, fmin(json_get_double(retry, "attempts", handler->retry.attempts), UINT_MAX));
        handler->retry.first_seconds = json_get_double(retry, "first_seconds", handler->retry.first_seconds);
        handler->retry.factor = json_get_double(retry, "factor", handler->retry.factor);
        handler->retry.max_seconds = json_get_double(retry, "max_seconds", handler->retry.max_seconds);
        handler->retry.hold = json_get_bool(retry, "hold", handler->retry.hold);
        json_free(own);
    }
    return 0;
failed:
    free(handler->path);
    free(handler->type);
    free(handler->options);
    return -1;
}

static void digest_script(const struct generation *generation, struct handler *handler) {
    const struct script_set *scripts = generation->scripts;
    struct crypto_digest digest;
    crypto_digest_begin(&digest);
    for (size_t i = 0; i < scripts->count; i++) {
        struct slice path = slice_of(scripts->files[i].path);
        if (slice_is(path, handler->path) || slice_starts_with(path, "lib/")) {
            crypto_digest_part(&digest, path);
            crypto_digest_part(&digest, slice_make(scripts->files[i].bytes, scripts->files[i].length));
        }
    }
    crypto_digest_end(&digest, handler->script);
}

static void on_refused(struct worker_slot *slot, const struct wire_frame *frame) {
    struct wire_reader reader = wire_read(frame);
    struct slice message = wire_get_text(&reader);
    char words[ERROR_MESSAGE_SIZE];
    snprintf(words, sizeof words, "%.*s", SLICE_ARG(message));
    fail(slot->generation, words);
    if (slot->generation->state == GENERATION_READY) { /* a replacement: the next one may fare better */
        log_error("worker", "a new worker does not take the scripts that are live", LOG_TEXT("reason", words),
                  LOG_END);
        process_kill(slot->process);
    }
}

static void on_died(struct process *process, const struct process_death *death) {
    struct worker_slot *slot = process->context;
    struct generation *generation = slot->generation;
    bool was_ready = slot->is_ready;
    slot->is_ready = false;
    slot->process = NULL;
    generation->options.died(slot, death);
    process_free(process);
    if (generation->state == GENERATION_LOADING) {
        char words[ERROR_MESSAGE_SIZE];
        snprintf(words, sizeof words, "a worker ended while it loaded the scripts: %.400s", death->words);
        fail(generation, words);
    }
    if (generation->state == GENERATION_READY) {
        slot->deaths_in_a_row = was_ready ? 0 : slot->deaths_in_a_row + 1;
        int64_t pause = slot->deaths_in_a_row == 0 ? 0 : RESTART_FIRST_MS;
        for (unsigned i = 1; i < slot->deaths_in_a_row && pause < RESTART_MAX_MS; i++) {
            pause *= 2;
        }
        loop_timer_set(generation->options.loop, &slot->restart, clock_monotonic_ns() + pause * CLOCK_NS_PER_MS,
                       on_restart);
    }
}

static void on_relieved(struct process *process) {
    const struct worker_slot *slot = process->context;
    if (slot->is_ready) {
        slot->generation->options.idle(slot->generation);
    }
}

static void on_restart(struct loop_timer *timer) {
    struct worker_slot *slot = CONTAINER_OF(timer, struct worker_slot, restart);
    struct error error = {0};
    if (slot->generation->state == GENERATION_READY && start_worker(slot, &error) < 0) {
        log_error("worker", "a worker cannot be replaced; trying again", LOG_TEXT("reason", error.message),
                  LOG_END);
        loop_timer_set(slot->generation->options.loop, timer,
                       clock_monotonic_ns() + RESTART_MAX_MS * CLOCK_NS_PER_MS, on_restart);
    }
}

static void on_deadline(struct loop_timer *timer) {
    fail(CONTAINER_OF(timer, struct generation, deadline), "loading the scripts took longer than 30 s");
}

static void fail(struct generation *generation, const char *words) {
    if (generation->state == GENERATION_LOADING) {
        error_set(&generation->error, ERROR_INVALID, "%s", words);
        decide(generation, GENERATION_FAILED);
    }
}

/* Told from a turn of its own: the one who is told may free the generation. */
static void decide(struct generation *generation, enum generation_state state) {
    generation->state = state;
    loop_timer_cancel(generation->options.loop, &generation->deadline);
    loop_post(generation->options.loop, &generation->verdict, on_verdict);
}

static void on_verdict(struct loop_task *task) {
    struct generation *generation = CONTAINER_OF(task, struct generation, verdict);
    if (generation->is_abandoned) {
        generation_free(generation);
    } else if (generation->state == GENERATION_FAILED) {
        generation->options.failed(generation);
    } else {
        generation->options.ready(generation);
    }
}

static int compare_handlers(const void *a, const void *b) {
    return strcmp(((const struct handler *)a)->path, ((const struct handler *)b)->path);
}
