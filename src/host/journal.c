#include "base/clock.h"
#include "base/fault.h"
#include "crypto/crypto.h"
#include "host/conductor.h"
#include "host/effects.h"
#include "host/timers.h"
#include "json/json.h"
#include <stdlib.h>
#include <string.h>

/* The two elements of a "step.keep". */
struct kept {
    struct slice name, value;
};

static bool is_failure(const struct step *step);
static bool is_followed(const struct run *run, const struct step *step);
static int take_kept(void *context, size_t index, struct slice raw_value);
static bool is_forgotten(const struct step *step);
static bool is_same(const struct step *step, uint32_t branch, struct slice operation, struct slice arguments,
                    uint64_t hash);
static struct step *new_step(struct run *run, size_t answer_limit);
static void free_step(struct step *step);
static int load_step(void *context, const struct store_step *row);
static void on_saved(struct change *change);

struct step *journal_find(struct run *run, uint32_t branch, struct slice operation, struct slice arguments,
                          uint64_t hash) {
    LIST_EACH (&run->steps, node) {
        struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (!is_forgotten(step) && step->asked_in != run->dispatch &&
            is_same(step, branch, operation, arguments, hash)) {
            return step;
        }
    }
    return NULL;
}

struct step *journal_add(struct run *run, uint32_t branch, struct slice operation, struct slice arguments,
                         uint64_t hash) {
    const struct config *config = run->work->host->config;
    struct step *step = new_step(run, (size_t)config->limits.answer_mib * 1024 * 1024 + 64 * 1024);
    if (step == NULL) {
        return NULL;
    }
    step->branch = branch;
    step->hash = hash;
    step->occurrence = 1;
    step->number = run->step_count + 1;
    step->asked_us = clock_wall_us();
    bool was_sent = false; /* by an earlier attempt, whose error was forgotten */
    LIST_EACH (&run->steps, node) {
        const struct step *other = CONTAINER_OF(node, struct step, in_run);
        if (is_same(other, branch, operation, arguments, hash)) {
            was_sent = was_sent || (is_forgotten(other) && !other->is_unsent);
            step->occurrence += !is_forgotten(other);
        }
    }
    step->is_repeated = was_sent || run->may_repeat;
    buffer_append_slice(&step->operation, operation);
    buffer_append_slice(&step->arguments, arguments);
    if (step->operation.is_broken || step->arguments.is_broken) {
        free_step(step);
        return NULL;
    }
    run->step_count++;
    list_append(&run->steps, &step->in_run);
    return step;
}

struct step *journal_add_kept(struct run *run, uint32_t branch, struct slice arguments) {
    struct kept kept = {{NULL, 0}, {NULL, 0}};
    struct buffer name;
    buffer_init(&name, WIRE_PAYLOAD_MAX);
    struct step *step = NULL;
    if (json_each_element(arguments.bytes, arguments.length, take_kept, &kept, NULL) == 0 &&
        buffer_append_format(&name, "[%.*s]", SLICE_ARG(kept.name)) == 0) {
        struct slice operation = slice_of("step");
        step = journal_add(run, branch, operation, buffer_slice(&name),
                           journal_hash(branch, operation, buffer_slice(&name)));
    }
    if (step != NULL) {
        buffer_append_slice(&step->answer, kept.value);
    }
    buffer_reset(&name);
    return step;
}

uint64_t journal_hash(uint32_t branch, struct slice operation, struct slice arguments) {
    struct crypto_digest digest;
    uint8_t out[CRYPTO_DIGEST_SIZE];
    crypto_digest_begin(&digest);
    crypto_digest_part(&digest, slice_make((const char *)&branch, sizeof branch));
    crypto_digest_part(&digest, operation);
    crypto_digest_part(&digest, arguments);
    crypto_digest_end(&digest, out);
    uint64_t hash;
    memcpy(&hash, out, sizeof hash);
    return hash;
}

int journal_load(struct run *run, struct error *error) {
    return store_each_step(run->work->host->reader, run->id, load_step, run, error);
}

void journal_answer(struct step *step) {
    step->state = STEP_SAVING;
    if (step->answered_us == 0) { /* a sleep knows better */
        step->answered_us = clock_wall_us();
    }
    step->run->work->host->totals.steps++;
    step->save.event = step->run->work;
    step->save.run = step->run;
    step->save.step = step;
    step->save.done = on_saved;
    change_submit(&step->save);
}

bool journal_has_more(const struct run *run) {
    LIST_EACH (&run->steps, node) {
        const struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (step->state == STEP_ANSWERED && step->asked_in != run->dispatch) {
            return true;
        }
    }
    return false;
}

void journal_forget(struct run *run, const struct step *raised) {
    LIST_EACH (&run->steps, node) {
        struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (step->state == STEP_ANSWERED && step->asked_in == run->dispatch && is_failure(step) &&
            (step == raised || !is_followed(run, step))) {
            step->state = STEP_FORGOTTEN;
        }
    }
}

struct step *journal_raised(const struct run *run, struct slice operation, double status) {
    for (struct list_node *node = run->steps.head.previous; node != &run->steps.head; node = node->previous) {
        struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (is_failure(step) && step->state == STEP_ANSWERED && step->asked_in == run->dispatch &&
            (double)step->status == status && slice_equal(buffer_slice(&step->operation), operation)) {
            return step;
        }
    }
    return NULL;
}

void journal_free(struct run *run) {
    for (struct list_node *node; (node = list_take_first(&run->steps)) != NULL;) {
        free_step(CONTAINER_OF(node, struct step, in_run));
    }
}

/* Or will be when it is saved. */
static bool is_forgotten(const struct step *step) {
    return step->state == STEP_FORGOTTEN || step->is_given_up;
}

/* An error, or what an http request was answered with a status that speaks of one. */
static bool is_failure(const struct step *step) {
    return step->is_error || (step->status >= 400 && effect_is_http(step));
}

/* By a step of its branch. The body's steps come before the branches that it starts, and after. */
static bool is_followed(const struct run *run, const struct step *step) {
    for (struct list_node *node = step->in_run.next; node != &run->steps.head; node = node->next) {
        const struct step *other = CONTAINER_OF(node, struct step, in_run);
        bool is_later = other->branch == step->branch || other->branch == 0 || step->branch == 0;
        if (is_later && other->asked_in == run->dispatch) {
            return true;
        }
    }
    return false;
}

static bool is_same(const struct step *step, uint32_t branch, struct slice operation, struct slice arguments,
                    uint64_t hash) {
    return step->hash == hash && step->branch == branch &&
           slice_equal(buffer_slice(&step->operation), operation) &&
           slice_equal(buffer_slice(&step->arguments), arguments);
}

static int take_kept(void *context, size_t index, struct slice raw_value) {
    struct kept *kept = context;
    *(index == 0 ? &kept->name : &kept->value) = raw_value;
    return 0;
}

static struct step *new_step(struct run *run, size_t answer_limit) {
    struct step *step = calloc(1, sizeof *step);
    if (step == NULL) {
        return NULL;
    }
    step->run = run;
    step->retry_after_s = -1;
    buffer_init(&step->operation, WIRE_PAYLOAD_MAX);
    buffer_init(&step->arguments, WIRE_PAYLOAD_MAX);
    buffer_init(&step->answer, answer_limit);
    return step;
}

static void free_step(struct step *step) {
    effect_cancel(step);
    change_drop(&step->save);
    buffer_reset(&step->operation);
    buffer_reset(&step->arguments);
    buffer_reset(&step->answer);
    free(step);
}

static int load_step(void *context, const struct store_step *row) {
    struct run *run = context;
    struct step *step = new_step(run, WIRE_PAYLOAD_MAX);
    if (step == NULL) {
        return -1;
    }
    step->state = row->is_forgotten ? STEP_FORGOTTEN : STEP_ANSWERED;
    step->number = row->number;
    step->branch = row->branch;
    step->occurrence = row->occurrence;
    step->status = row->status;
    step->is_error = row->is_error;
    step->is_repeated = row->is_repeated;
    step->asked_us = row->asked_us;
    step->answered_us = row->answered_us;
    step->hash = journal_hash(row->branch, row->operation, row->arguments);
    buffer_append_slice(&step->operation, row->operation);
    buffer_append_slice(&step->arguments, row->arguments);
    buffer_append_slice(&step->answer, row->answer);
    size_t length = row->etag.length < sizeof step->etag ? row->etag.length : 0;
    if (length > 0) {
        memcpy(step->etag, row->etag.bytes, length);
    }
    if (step->operation.is_broken || step->arguments.is_broken || step->answer.is_broken) {
        free_step(step);
        return -1;
    }
    list_append(&run->steps, &step->in_run);
    if (row->number > run->step_count) {
        run->step_count = row->number;
    }
    return 0;
}

static void on_saved(struct change *change) {
    struct step *step = change->step;
    struct run *run = step->run;
    fault_point("host.journaled");
    step->state = step->is_given_up ? STEP_FORGOTTEN : STEP_ANSWERED;
    if (!step->is_told) { /* the store's answers are known only now; a sleep's end is ahead */
        int64_t now = clock_wall_us();
        int64_t end = step->answered_us > now ? step->answered_us : now;
        effect_note(step, (double)(end - step->asked_us) / 1e6);
    }
    if (step->extra != NULL) {
        timers_note(run->work->host, step->extra);
        effect_free_extra(step);
    }
    run->may_repeat = false; /* what comes after an answer was never sent before */
    run->unsettled--;
    if (!step->is_given_up) {
        run_on_answer(step);
    }
    work_check(run->work);
}
