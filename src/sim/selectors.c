#include "sim/selectors.h"
#include "base/clock.h"
#include "sim/state.h"
#include <stdlib.h>

/* What is longer than this does not end: the times that the events write have four digits for the year. */
#define LONGEST_SECONDS 1e10

static struct sim_selector_life *new_lives(size_t count);
static void begin(struct sim_core *core, struct sim_selectors *selectors);
static int64_t next_end(const struct sim_selectors *selectors);
static void expire(struct sim_core *core, struct sim_timer *timer);
static void expire_due(struct sim_core *core, struct sim_job *job);
static bool turn(struct sim_selectors *selectors, enum sim_selector_state from, enum sim_selector_state to,
                 int64_t until_us);
static bool accepts(const struct sim_selectors *selectors, const struct json *labels);
static bool has_expedite(const struct sim_selectors *selectors);

void sim_selectors_set(struct sim_core *core, struct sim_selectors *selectors, const struct json *list,
                       struct json *owned) {
    sim_selectors_reset(selectors);
    selectors->list = list;
    selectors->owned = owned;
    size_t index = 0;
    for (const struct json *selector = json_first(list); selector != NULL;
         selector = json_next(selector), index++) {
        double seconds = json_get_double(selector, "expiresAfterSeconds", -1);
        if (seconds < 0 || seconds > LONGEST_SECONDS) {
            continue;
        }
        if (selectors->lives == NULL && (selectors->lives = new_lives(json_count(list))) == NULL) {
            core->is_broken = true;
            return;
        }
        selectors->lives[index].seconds = seconds;
    }
}

void sim_selectors_reset(struct sim_selectors *selectors) {
    json_free(selectors->owned);
    free(selectors->lives);
    *selectors = (struct sim_selectors){0};
}

void sim_job_attach(struct sim_core *core, struct sim_job *job, struct json *list) {
    sim_selectors_set(core, &job->attached, list, list);
    sim_job_read_expedite(job);
    if (job->lane != NULL) {
        sim_job_reorder(core, job);
    }
}

bool sim_job_accepts(const struct sim_job *job, const struct json *labels) {
    return accepts(&job->requested, labels) && accepts(&job->attached, labels);
}

void sim_job_read_expedite(struct sim_job *job) {
    job->is_expedited = has_expedite(&job->requested) || has_expedite(&job->attached);
}

void sim_selectors_begin(struct sim_core *core, struct sim_job *job) {
    begin(core, &job->requested);
    begin(core, &job->attached);
}

void sim_selectors_go_on(struct sim_core *core, struct sim_job *job) {
    expire_due(core, job);
}

void sim_selectors_pause(struct sim_core *core, struct sim_job *job) {
    sim_timer_cancel(&core->timers, &job->selector_timer);
}

const struct sim_selector_life *sim_selector_life(const struct sim_selectors *selectors, size_t index) {
    return selectors->lives == NULL || selectors->lives[index].seconds < 0 ? NULL : &selectors->lives[index];
}

struct json *sim_selectors_json(const struct sim_selectors *selectors) {
    struct json *list = selectors->list == NULL ? json_array() : json_copy(selectors->list);
    int failed = 0;
    size_t index = 0;
    for (struct json *selector = json_first(list); selector != NULL; selector = json_next(selector)) {
        const struct sim_selector_life *life = sim_selector_life(selectors, index++);
        bool is_active = life == NULL || life->state == SIM_SELECTOR_ACTIVE;
        failed |= json_put(selector, "status", json_text(is_active ? "active" : "expired"));
        if (life != NULL && life->end_us >= 0) {
            failed |= sim_put_time(selector, "expiresAt", life->end_us);
        }
    }
    if (failed) {
        json_free(list);
        return NULL;
    }
    return list;
}

static struct sim_selector_life *new_lives(size_t count) {
    struct sim_selector_life *lives = calloc(count, sizeof *lives);
    for (size_t i = 0; lives != NULL && i < count; i++) {
        lives[i] = (struct sim_selector_life){.seconds = -1, .end_us = -1};
    }
    return lives;
}

static void begin(struct sim_core *core, struct sim_selectors *selectors) {
    size_t count = selectors->lives == NULL ? 0 : json_count(selectors->list);
    for (size_t i = 0; i < count; i++) {
        struct sim_selector_life *life = &selectors->lives[i];
        if (life->seconds >= 0 && life->end_us < 0) {
            life->end_us = core->now_us + (int64_t)(life->seconds * (double)CLOCK_US_PER_S);
        }
    }
}

static int64_t next_end(const struct sim_selectors *selectors) {
    int64_t next = SIM_NEVER;
    size_t count = selectors->lives == NULL ? 0 : json_count(selectors->list);
    for (size_t i = 0; i < count; i++) {
        const struct sim_selector_life *life = &selectors->lives[i];
        if (life->seconds >= 0 && life->state == SIM_SELECTOR_ACTIVE && life->end_us < next) {
            next = life->end_us;
        }
    }
    return next;
}

static void expire(struct sim_core *core, struct sim_timer *timer) {
    expire_due(core, CONTAINER_OF(timer, struct sim_job, selector_timer));
}

/* Open offers stay: who met the selector too may still take the job. */
static void expire_due(struct sim_core *core, struct sim_job *job) {
    bool is_requested = turn(&job->requested, SIM_SELECTOR_ACTIVE, SIM_SELECTOR_EXPIRING, core->now_us);
    bool is_attached = turn(&job->attached, SIM_SELECTOR_ACTIVE, SIM_SELECTOR_EXPIRING, core->now_us);
    if (is_requested || is_attached) {
        sim_entry_touch(core, &job->entry);
        sim_emit_selectors_expired(core, job);
        sim_say(core, job->entry.id, "worker selectors expired");
        turn(&job->requested, SIM_SELECTOR_EXPIRING, SIM_SELECTOR_EXPIRED, SIM_NEVER);
        turn(&job->attached, SIM_SELECTOR_EXPIRING, SIM_SELECTOR_EXPIRED, SIM_NEVER);
        sim_job_read_expedite(job);
        sim_job_reorder(core, job);
        sim_job_stir(core, job);
    }
    int64_t requested = next_end(&job->requested), attached = next_end(&job->attached);
    int64_t next = requested < attached ? requested : attached;
    sim_timer_cancel(&core->timers, &job->selector_timer);
    if (next != SIM_NEVER) {
        core->is_broken |= sim_timer_set(&core->timers, &job->selector_timer, next, expire) < 0;
    }
}

/* Those that end until then, if there are any. */
static bool turn(struct sim_selectors *selectors, enum sim_selector_state from, enum sim_selector_state to,
                 int64_t until_us) {
    bool is_any = false;
    size_t count = selectors->lives == NULL ? 0 : json_count(selectors->list);
    for (size_t i = 0; i < count; i++) {
        struct sim_selector_life *life = &selectors->lives[i];
        if (life->seconds >= 0 && life->state == from && life->end_us <= until_us) {
            life->state = to;
            is_any = true;
        }
    }
    return is_any;
}

static bool accepts(const struct sim_selectors *selectors, const struct json *labels) {
    size_t index = 0;
    for (const struct json *selector = json_first(selectors->list); selector != NULL;
         selector = json_next(selector)) {
        const struct sim_selector_life *life = sim_selector_life(selectors, index++);
        bool is_active = life == NULL || life->state == SIM_SELECTOR_ACTIVE;
        if (is_active && !sim_selector_holds(selector, labels)) {
            return false;
        }
    }
    return true;
}

static bool has_expedite(const struct sim_selectors *selectors) {
    size_t index = 0;
    for (const struct json *selector = json_first(selectors->list); selector != NULL;
         selector = json_next(selector)) {
        const struct sim_selector_life *life = sim_selector_life(selectors, index++);
        if (json_get_bool(selector, "expedite", false) && (life == NULL || life->state == SIM_SELECTOR_ACTIVE)) {
            return true;
        }
    }
    return false;
}
