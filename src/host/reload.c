#include "base/clock.h"
#include "base/log.h"
#include "host/conductor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATIONS_MAX = 3, GRACE_SECONDS = 60 };

struct saved_generation {
    struct store_work work;
    struct store_file *files;
    struct script_set *scripts; /* shared: the generation may be gone before it is stored */
};

static void on_changed(struct watch *watch);
static void start(struct host *host, struct script_set *scripts);
static void on_ready(struct generation *generation);
static void on_failed(struct generation *generation);
static void on_idle(struct generation *generation);
static void refuse(struct host *host, const char *words);
static void retire(struct host *host, struct generation *generation);
static void on_grace_over(struct loop_timer *timer);
static void hand_back(struct generation *generation);
static void bury_idle(struct loop_task *task);
static void keep_scripts(struct host *host, const struct generation *generation);
static void on_kept(struct store_work *work);

void reload_start(struct host *host) {
    watch_init(&host->watch, host->loop, host->config->scripts, on_changed);
    reload_now(host);
}

void reload_stop(struct host *host) {
    watch_reset(&host->watch);
    generation_free(host->loading);
    host->loading = NULL;
    generation_free(host->live);
    host->live = NULL;
    for (struct list_node *node; (node = list_take_first(&host->retiring)) != NULL;) {
        generation_free(CONTAINER_OF(node, struct generation, in_host));
    }
}

void reload_now(struct host *host) {
    struct error error = {0};
    watch_begin_read(&host->watch);
    struct script_set *scripts = scripts_read(host->config->scripts, &error);
    if (!watch_end_read(&host->watch)) {
        scripts_free(scripts); /* it changed under our eyes: another read follows */
        return;
    }
    if (scripts == NULL) {
        refuse(host, error.message);
        return;
    }
    if (host->options.handler != NULL) {
        scripts_keep_handler(scripts, host->options.handler);
    }
    if (scripts->open_file != NULL) {
        watch_wait_for(&host->watch, scripts->open_file);
        scripts_free(scripts);
        return;
    }
    const struct generation *newest = host->loading != NULL ? host->loading : host->live;
    bool is_same = newest != NULL && memcmp(newest->scripts->digest, scripts->digest, sizeof scripts->digest) == 0;
    if (is_same && !host->must_reload) {
        if (newest == host->live && host->totals.reload_error[0] != '\0') {
            log_info("reload", "the scripts are again those that are live", LOG_TEXT("generation", newest->name),
                     LOG_END);
            host->totals.reload_error[0] = '\0';
        }
        scripts_free(scripts);
        return;
    }
    host->must_reload = false;
    start(host, scripts);
}

static void on_changed(struct watch *watch) {
    reload_now(CONTAINER_OF(watch, struct host, watch));
}

static void start(struct host *host, struct script_set *scripts) {
    const struct config *config = host->config;
    struct error error = {0};
    generation_free(host->loading); /* what it was to become is out of date */
    struct generation_options options = {
        .loop = host->loop,
        .process = {.program = host->options.worker,
                    .timezone = config->timezone,
                    .slice_ms = config->limits.slice_ms,
                    .run_memory = (uint64_t)config->limits.run_memory_mib << 20,
                    .all_memory = (uint64_t)config->limits.worker_memory_mib << 20,
                    .answer_size = (uint64_t)config->limits.answer_mib << 20,
                    .operations = plugins_names(host->options.plugins),
                    .secrets = host->secret_names,
                    .has_places = host->options.answer != NULL},
        .workers = config->workers,
        .retry = host->retry,
        .ready = on_ready,
        .failed = on_failed,
        .frame = run_on_frame,
        .died = run_on_death,
        .idle = on_idle,
        .context = host,
    };
    host->totals.reload_us = clock_wall_us();
    host->loading = generation_start(&options, scripts, &error);
    if (host->loading == NULL) {
        refuse(host, error.message);
    }
}

static void on_ready(struct generation *generation) {
    struct host *host = generation->context;
    struct generation *old = host->live;
    host->loading = NULL;
    host->live = generation;
    generation->live_us = clock_wall_us();
    host->totals.reloads++;
    host->totals.reload_error[0] = '\0';
    log_info("reload", "scripts are live", LOG_TEXT("generation", generation->name),
             LOG_NUMBER("files", generation->scripts->count), LOG_NUMBER("handlers", generation->handler_count),
             LOG_MS("ms", (double)(clock_monotonic_ns() - generation->started_ns) / 1e6), LOG_END);
    host_note(host, &(struct host_note){.what = HOST_LIVE,
                                        .at_us = generation->live_us,
                                        .handler = slice_of(generation->name),
                                        .seconds = (double)(clock_monotonic_ns() - generation->started_ns) / 1e9});
    keep_scripts(host, generation);
    mend_start(host);
    if (old != NULL) {
        retire(host, old);
    }
    if (!host->was_ready) {
        host->was_ready = true;
        if (host->options.ready != NULL) {
            host->options.ready(host->options.context);
        }
    }
    host_pump(host);
}

static void on_failed(struct generation *generation) {
    struct host *host = generation->context;
    refuse(host, generation->error.message);
    host->loading = NULL;
    generation_free(generation);
}

/* The old scripts stay live, and everybody is told why. */
static void refuse(struct host *host, const char *words) {
    host->totals.refused_reloads++;
    host->totals.reload_us = clock_wall_us();
    snprintf(host->totals.reload_error, sizeof host->totals.reload_error, "%s", words);
    log_error("reload",
              host->live == NULL ? "the scripts do not load; waiting for them to be mended"
                                 : "the scripts do not load; the ones before stay live",
              LOG_TEXT("reason", words), LOG_END);
    host_note(host, &(struct host_note){
                        .what = HOST_REFUSED, .at_us = host->totals.reload_us, .reason = slice_of(words)});
}

static void on_idle(struct generation *generation) {
    host_pump(generation->context);
}

/* It finishes what it holds. With too many generations about, the oldest hands its runs back at once. */
static void retire(struct host *host, struct generation *generation) {
    generation->state = GENERATION_RETIRING;
    list_append(&host->retiring, &generation->in_host);
    size_t count = 1;
    LIST_EACH (&host->retiring, node) {
        count += generation_run_count(CONTAINER_OF(node, struct generation, in_host)) > 0;
    }
    LIST_EACH (&host->retiring, node) {
        struct generation *old = CONTAINER_OF(node, struct generation, in_host);
        if (count > GENERATIONS_MAX && generation_run_count(old) > 0) {
            hand_back(old);
            count--;
        }
    }
    loop_timer_set(host->loop, &generation->deadline, clock_monotonic_ns() + GRACE_SECONDS * CLOCK_NS_PER_S,
                   on_grace_over);
    reload_check_retired(host);
}

static void on_grace_over(struct loop_timer *timer) {
    struct generation *generation = CONTAINER_OF(timer, struct generation, deadline);
    struct host *host = generation->context;
    hand_back(generation);
    reload_check_retired(host);
}

static void hand_back(struct generation *generation) {
    for (unsigned i = 0; i < generation->options.workers; i++) {
        struct worker_slot *slot = &generation->slots[i];
        for (struct list_node *node; (node = list_first(&slot->runs)) != NULL;) {
            run_hand_back(CONTAINER_OF(node, struct run, in_slot));
        }
    }
}

void reload_check_retired(struct host *host) {
    if (!list_is_empty(&host->retiring)) {
        loop_defer(host->loop, &host->buried, bury_idle);
    }
}

static void bury_idle(struct loop_task *task) {
    struct host *host = CONTAINER_OF(task, struct host, buried);
    LIST_EACH (&host->retiring, node) {
        struct generation *generation = CONTAINER_OF(node, struct generation, in_host);
        if (generation_run_count(generation) == 0) {
            list_remove(node);
            log_debug("reload", "old scripts are gone", LOG_TEXT("generation", generation->name), LOG_END);
            generation_free(generation);
        }
    }
    host_pump(host);
}

/* What ran can be looked at later: the bytes are kept in the store, by their digest. */
static void keep_scripts(struct host *host, const struct generation *generation) {
    struct saved_generation *saved = calloc(1, sizeof *saved);
    if (saved == NULL) {
        return;
    }
    saved->scripts = scripts_share(generation->scripts);
    saved->files = calloc(saved->scripts->count + 1, sizeof *saved->files);
    if (saved->files == NULL) {
        on_kept(&saved->work);
        return;
    }
    for (size_t i = 0; i < saved->scripts->count; i++) {
        const struct script *script = &saved->scripts->files[i];
        saved->files[i] = (struct store_file){slice_of(script->path), slice_make(script->bytes, script->length)};
    }
    saved->work = (struct store_work){.verb = STORE_GENERATION, .done = on_kept};
    saved->work.generation.digest = saved->scripts->digest;
    saved->work.generation.files = saved->files;
    saved->work.generation.file_count = saved->scripts->count;
    store_submit(host->store, &saved->work);
}

static void on_kept(struct store_work *work) {
    struct saved_generation *saved = CONTAINER_OF(work, struct saved_generation, work);
    if (work->error.code != ERROR_NONE) {
        log_warn("reload", "the scripts could not be kept in the store", LOG_TEXT("reason", work->error.message),
                 LOG_END);
    }
    scripts_free(saved->scripts);
    free(saved->files);
    free(saved);
}
