#include "sim/fast.h"
#include "sim/crowd.h"
#include "sim/trace.h"
#include <errno.h>
#include <stdio.h>

struct run {
    const struct sim_fast_options *options;
    FILE *events;
};

static int live(const struct run *run, struct sim_core *core, struct crowd *crowd, struct error *error);
static void take(void *context, struct sim_event *event);
static void on_trace(void *context, int64_t now_us, const char *id, const char *what);

int sim_fast(const struct sim_fast_options *options, struct buffer *report, struct error *error) {
    struct run run = {.options = options};
    struct crowd *crowd = NULL;
    int result = -1;
    struct sim_core *core = sim_core_new(options->seed, error);
    if (core == NULL) {
        return -1;
    }
    if (options->trace_fd >= 0) {
        sim_core_set_trace(core, on_trace, &run);
    }
    if (options->events != NULL && (run.events = fopen(options->events, "we")) == NULL) {
        error_system(error, errno, "cannot write %s", options->events);
        goto out;
    }
    crowd = crowd_new(core, options->scenario, options->seed, error);
    result = crowd == NULL ? -1 : live(&run, core, crowd, error);
    if (result == 0 && crowd_report(crowd, report) < 0) {
        result = error_memory(error);
    }
out:
    if (run.events != NULL && (fflush(run.events) != 0 || ferror(run.events)) && result == 0) {
        result = error_system(error, errno, "cannot write %s", options->events);
    }
    if (run.events != NULL) {
        fclose(run.events);
    }
    crowd_free(crowd);
    sim_core_free(core);
    return result;
}

static int live(const struct run *run, struct sim_core *core, struct crowd *crowd, struct error *error) {
    const struct scenario *scenario = run->options->scenario;
    int64_t start_us = scenario->day_us + (int64_t)scenario->start_s * 1000000;
    sim_core_advance(core, start_us);
    if (crowd_start(crowd, start_us, error) < 0) {
        return -1;
    }
    crowd_run(crowd, start_us + scenario->length_us, take, (void *)(uintptr_t)run);
    return crowd_is_broken(crowd) ? error_memory(error) : 0;
}

static void take(void *context, struct sim_event *event) {
    const struct run *run = context;
    if (run->events != NULL) {
        fwrite(event->json, 1, event->length, run->events);
        fputc('\n', run->events);
    }
}

static void on_trace(void *context, int64_t now_us, const char *id, const char *what) {
    const struct run *run = context;
    sim_trace_line_utc(run->options->trace_fd, now_us, id, what);
}
