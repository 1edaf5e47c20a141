#include "torture/torture.h"
#include "torture/private.h"
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 30 * 60 /* after the last customer's call */ };
static const int64_t second_us = 1000000;

static void setup(struct torture *torture, const struct torture_options *options);
static int drive(struct torture *torture, struct error *error);
static int deliver_all(struct torture *torture, struct error *error);
static int next_moment(struct torture *torture, int64_t *at_us, struct error *error);
static struct torture_report *report(struct torture *torture, struct error *error);

struct torture_report *torture_run(const struct torture_options *options, struct error *error) {
    struct torture torture = {.now_us = 0};
    struct torture_report *result = NULL;
    setup(&torture, options);
    if (world_start(&torture, error) == 0) {
        torture.people.until_us = torture.now_us + options->length_us;
        if (engine_start(&torture, error) == 0 && drive(&torture, error) == 0) {
            result = report(&torture, error);
        }
    }
    engine_stop(&torture);
    world_reset(&torture);
    ledger_reset(&torture.ledger);
    return result;
}

void torture_free(struct torture_report *report) {
    if (report != NULL) {
        for (size_t i = 0; i < report->count; i++) {
            free(report->findings[i].words);
        }
        free(report->findings);
        free(report->scripts);
        free(report->idle);
        free(report);
    }
}

bool torture_has_harm(const struct torture_report *report) {
    for (size_t i = 0; i < report->count; i++) {
        if (report->findings[i].is_harm) {
            return true;
        }
    }
    return false;
}

/* Each part has a chance of its own, so that one more crash does not change what the people do. */
static void setup(struct torture *torture, const struct torture_options *options) {
    struct chance chance = {.state = options->seed};
    torture->options = *options;
    torture->config = *options->config;
    torture->config.workers = 1;
    torture->config.limits.in_flight = 1;
    torture->config.limits.drain_seconds = 5;
    torture->chance.state = chance_next(&chance);
    torture->people.chance.state = chance_next(&chance);
    torture->mail.chance.state = chance_next(&chance);
    torture->people.until_us = INT64_MAX;
    map_init(&torture->ledger.deeds);
    map_init(&torture->ledger.alike);
}

/* One event at a time, and the time goes on only while the host has nothing to do. */
static int drive(struct torture *torture, struct error *error) {
    int64_t end_us = torture->people.until_us + PATIENCE_S * second_us;
    if (engine_settle(torture, error) < 0) {
        return -1;
    }
    for (int64_t next_us;;) {
        if (deliver_all(torture, error) < 0 || next_moment(torture, &next_us, error) < 0) {
            return -1;
        }
        if (next_us > end_us) {
            return 0;
        }
        world_advance(torture, next_us);
        if (engine_settle(torture, error) < 0) {
            return -1;
        }
    }
}

static int deliver_all(struct torture *torture, struct error *error) {
    struct letter letter;
    while (mail_take(torture, &letter)) {
        int failed = engine_deliver(torture, &letter, error);
        sim_event_release(letter.event);
        if (failed < 0 || engine_settle(torture, error) < 0) {
            return -1;
        }
        if (atomic_load(&torture->is_broken)) {
            return error_memory(error);
        }
    }
    return 0;
}

/* Of the router, the people, the mail, or what the scripts raise later. */
static int next_moment(struct torture *torture, int64_t *at_us, struct error *error) {
    int64_t timer_us = 0;
    int64_t world_us = world_next(torture);
    int64_t mail_us = mail_next(&torture->mail);
    if (store_next_timer(torture->engine.reader, &timer_us, error) < 0) {
        return -1;
    }
    *at_us = world_us < mail_us ? world_us : mail_us;
    if (timer_us != 0 && timer_us < *at_us) {
        *at_us = timer_us;
    }
    return 0;
}

static struct torture_report *report(struct torture *torture, struct error *error) {
    struct ledger *ledger = &torture->ledger;
    struct torture_report *report = calloc(1, sizeof *report);
    char *scripts = strdup(torture->config.scripts);
    if (report == NULL || scripts == NULL) {
        free(report);
        free(scripts);
        error_memory(error);
        return NULL;
    }
    ledger_sort(ledger);
    *report = (struct torture_report){.findings = ledger->findings,
                                      .count = ledger->count,
                                      .totals = torture->totals,
                                      .seed = torture->options.seed,
                                      .length_us = torture->options.length_us,
                                      .scripts = scripts,
                                      .idle = torture_idle(torture)};
    ledger->findings = NULL;
    ledger->count = 0;
    return report;
}
