/* Operations of C helpers (src/plugin): run off this thread, journaled like any other.
 *
 * A function may take as long as its run has time. When the run's time is over, the step ends with an error that
 * is forgotten at once, so that the next attempt asks again and is told that it may be a repetition; what the
 * function answers after that is dropped. */
#include "base/clock.h"
#include "base/fault.h"
#include "host/conductor.h"
#include "host/effects.h"
#include "json/json.h"

static void on_answered(void *context, const struct plugin_result *result);
static void on_overtime(struct loop_timer *timer);
static void answer_timeout(struct step *step);

void effect_call_plugin(struct step *step) {
    struct host *host = step->run->work->host;
    struct error error = {0};
    struct slice argument;
    char id[EFFECT_ID_SIZE];
    if (effect_split(step, &argument, 1) != 1) {
        effect_refuse(step, "BadArguments", "the arguments are not those of the operation");
        return;
    }
    effect_id(step, id);
    step->helper = plugin_pool_call(host->plugin_pool,
                                    &(struct plugin_request){.operation = buffer_slice(&step->operation),
                                                             .arguments = argument,
                                                             .step = id,
                                                             .is_repeated = step->is_repeated,
                                                             .answered = on_answered,
                                                             .context = step},
                                    &error);
    if (step->helper == NULL) {
        step->is_unsent = true;
        effect_refuse_for_now(step, error.code == ERROR_BUSY ? "Busy" : "OutOfMemory", error.message);
        return;
    }
    /* The run's own timer goes first; this one is for a run that left its worker meanwhile. */
    loop_timer_set(host->loop, &step->overtime, step->run->timer.at + CLOCK_NS_PER_S, on_overtime);
    fault_point("host.sent");
}

void effect_drop_plugin(struct step *step) {
    loop_timer_cancel(step->run->work->host->loop, &step->overtime);
    if (step->helper != NULL) {
        plugin_call_drop(step->helper);
        step->helper = NULL;
    }
}

void effect_give_up(struct run *run) {
    LIST_EACH (&run->steps, node) {
        struct step *step = CONTAINER_OF(node, struct step, in_run);
        if (step->helper != NULL) {
            step->is_given_up = true;
            answer_timeout(step);
        }
    }
}

static void on_answered(void *context, const struct plugin_result *result) {
    struct step *step = context;
    step->helper = NULL;
    effect_drop_plugin(step);
    fault_point("host.answered");
    step->is_error = result->is_error;
    buffer_clear(&step->answer);
    if (result->answer.length > 0 && buffer_append_slice(&step->answer, result->answer) < 0) {
        effect_refuse_for_now(step, "OutOfMemory", "the host has no memory for the answer");
        return;
    }
    effect_note(step, result->seconds);
    journal_answer(step);
}

static void on_overtime(struct loop_timer *timer) {
    struct step *step = CONTAINER_OF(timer, struct step, overtime);
    step->is_given_up = step->wait == 0;
    answer_timeout(step);
}

static void answer_timeout(struct step *step) {
    effect_drop_plugin(step);
    effect_refuse_for_now(step, "Timeout", "it did not answer within the time of its run");
}
