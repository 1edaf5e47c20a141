/* What a run costs in the worker, without the host and the socket: cost_worker [RUNS]. Prints lines
 * of name, microseconds of processor time for a run, and KiB in use, with tabs between.
 *
 *     empty       a handler that does nothing: coroutine, environment, script run afresh, event, end
 *     module      the same with a required module
 *     step        the same with one call to the Job Router and its answer
 *     walk        a handler that walks a table of 50 names
 */
#include "worker/worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char event[] =
    "{\"id\":\"7f7d6f2e-6d7c-4a0b-9d65-6d5f5b1f3c55\",\"topic\":\"/subscriptions/0/resourceGroups/g/providers/"
    "Microsoft.Communication/communicationServices/contoso\",\"subject\":\"job/job-17/channel/voice\",\"data\":{"
    "\"jobId\":\"job-17\",\"channelReference\":\"call-20931\",\"channelId\":\"voice\",\"queueId\":\"support\","
    "\"priority\":5,"
    "\"scheduledOn\":\"2026-03-01T09:30:00.0000000Z\",\"unavailableForMatching\":true,\"labels\":{\"Locale\":\"en-"
    "us\","
    "\"Segment\":\"Gold\",\"Token\":\"FooToken\"},\"tags\":{\"campaign\":\"spring\"},\"requestedWorkerSelectors\":"
    "[{\"key\":"
    "\"Language\",\"labelOperator\":\"equal\",\"value\":\"de\",\"ttlSeconds\":36,\"state\":\"active\"}]},"
    "\"eventType\":"
    "\"Microsoft.Communication.RouterJobWaitingForActivation\",\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\","
    "\"eventTime\":\"2026-03-01T09:30:00.1736293Z\"}";

static const struct {
    const char *path;
    const char *text;
} scripts[] = {
    {"empty.lua", "return function(event) end"},
    {"module.lua", "local lib = require 'lib' return function(event) return lib.double(2) end"},
    {"step.lua", "return function(event) router.jobs.activate(event.data.jobId, { priority = 10 }) end"},
    {"walk.lua", "local t = {} for i = 1, 50 do t['name' .. i] = i end\n"
                 "return function(event) local n = 0 for _, v in pairs(t) do n = n + v end return n end"},
};

struct counts {
    uint64_t wants;
    uint64_t done;
    uint64_t failed;
    uint32_t wait;
};

static void on_want(void *context, uint64_t run, uint32_t wait, uint32_t branch, struct slice operation,
                    struct slice arguments) {
    (void)run, (void)branch, (void)operation, (void)arguments;
    struct counts *counts = context;
    counts->wants++;
    counts->wait = wait;
}

static void on_log(void *context, uint64_t run, enum log_level level, struct slice message, struct slice fields) {
    (void)context, (void)run, (void)level, (void)message, (void)fields;
}

static void on_done(void *context, uint64_t run, enum wire_result result, struct slice value) {
    (void)run, (void)result, (void)value;
    ((struct counts *)context)->done++;
}

static void on_failed(void *context, uint64_t run, const struct worker_failure *failure) {
    (void)run;
    fprintf(stderr, "%.*s\n", SLICE_ARG(failure->message));
    ((struct counts *)context)->failed++;
}

static void on_loaded(void *context, const struct worker_handler *handlers, size_t count) {
    (void)context, (void)handlers, (void)count;
}

static void on_refused(void *context, struct slice message, struct slice traceback) {
    (void)traceback;
    fprintf(stderr, "%.*s\n", SLICE_ARG(message));
    ((struct counts *)context)->failed++;
}

/* Processor time: the machine may have others to serve. */
static double cpu_us(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static void measure(struct worker *worker, struct counts *counts, const char *path, uint64_t runs) {
    static const char answer_text[] =
        "{\"id\":\"job-17\",\"status\":\"queued\",\"labels\":{\"Segment\":\"Gold\"}}";
    struct worker_request request = {.handler = slice_of(path), .seq = 1, .attempt = 1, .event = slice_of(event)};
    struct worker_answer answer = {.status = 200, .value = slice_of(answer_text)};
    double start = cpu_us();
    for (uint64_t run = 1; run <= runs; run++) {
        uint64_t wants = counts->wants;
        request.run = run;
        request.seed = run;
        if (worker_run(worker, &request) < 0) {
            counts->failed++;
            return;
        }
        while (counts->wants > wants) {
            wants = counts->wants;
            answer.wait = counts->wait;
            worker_answer(worker, run, &answer);
        }
    }
    double us = (cpu_us() - start) / (double)runs;
    int name = (int)(strlen(path) - strlen(".lua"));
    printf("%.*s\t%.2f\t%zu\n", name, path, us, worker_count(worker).memory >> 10);
}

int main(int count, char **arguments) {
    uint64_t runs = count < 2 ? 200000 : strtoull(arguments[1], NULL, 10);
    struct counts counts = {0};
    const struct worker_options options = {64 << 20, 512 << 20, 4 << 20, NULL, NULL, 0};
    const struct worker_port port = {on_want, on_log, on_done, on_failed, on_loaded, on_refused, &counts};
    struct error error = {0};
    struct worker *worker = worker_new(&options, &port, NULL, &error);
    if (worker == NULL || runs == 0) {
        fprintf(stderr, "cost_worker: %s\n", worker == NULL ? error.message : "RUNS must be a number over 0");
        worker_free(worker);
        return EXIT_FAILURE;
    }
    int failed = worker_add_file(worker, slice_of("lib/lib.lua"),
                                 slice_of("local M = {} function M.double(n) return 2 * n end return M"), &error);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        failed |= worker_add_file(worker, slice_of(scripts[i].path), slice_of(scripts[i].text), &error);
    }
    failed |= worker_load(worker, &error);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0] && failed == 0 && counts.failed == 0; i++) {
        measure(worker, &counts, scripts[i].path, runs);
    }
    worker_free(worker);
    return failed != 0 || counts.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
