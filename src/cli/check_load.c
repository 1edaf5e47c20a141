#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/text.h"
#include "cli/check.h"
#include "host/generation.h"
#include "host/program.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS_MAX = 200,  /* one for each file that fails in a way that ends the worker, or many a round */
    SECONDS_MAX = 120, /* for all of them */
};

/* One set of scripts on its way into a worker. */
struct attempt {
    struct check_report *report;
    const struct config *config;
    const struct check_offers *offers;
    struct loop *loop;
    struct generation *generation;
    bool is_loaded;
    struct error error; /* else */
};

enum state { STATE_IN, STATE_OUT };

static int load_once(struct attempt *attempt, const struct script_set *scripts, const enum state *states,
                     struct error *error);
static struct script_set *copy(const struct script_set *scripts, const enum state *states);
static int copy_script(struct script_set *set, const char *path, const char *bytes, size_t length);
static void on_ready(struct generation *generation);
static void on_failed(struct generation *generation);
static void on_frame(struct worker_slot *slot, const struct wire_frame *frame);
static void on_died(struct worker_slot *slot, const struct process_death *death);
static void on_idle(struct generation *generation);
static size_t take_errors(struct check_report *report, const struct script_set *scripts, enum state *states,
                          const char *message);
static size_t take_lines(struct check_report *report, const struct script_set *scripts, enum state *states,
                         const char *message, bool of_modules);
static bool take_line(struct check_report *report, const struct script_set *scripts, enum state *states,
                      const char *line, bool of_modules);
static bool find_place(const struct script_set *scripts, const char *line, size_t *script, unsigned *number,
                       const char **words);
static void add_error(struct check_report *report, const char *path, unsigned line, const char *words);
static bool is_module(const struct script *script);
static int try_each(struct check_report *report, const struct script_set *scripts, enum state *states,
                    const struct config *config, const struct check_offers *offers, int64_t until,
                    struct error *error);

int check_load(struct check_report *report, const struct script_set *scripts, const struct config *config,
               const struct check_offers *offers, struct error *error) {
    int64_t until = clock_monotonic_ns() + SECONDS_MAX * CLOCK_NS_PER_S;
    enum state *states = calloc(scripts->count + 1, sizeof *states);
    int result = states == NULL ? error_memory(error) : 0;
    for (unsigned round = 0; result == 0; round++) {
        struct attempt attempt = {.report = report, .config = config, .offers = offers};
        result = load_once(&attempt, scripts, states, error);
        if (result < 0 || attempt.is_loaded) {
            break;
        }
        if (round == ROUNDS_MAX || clock_monotonic_ns() > until) {
            check_add(report, true, "", 0, "too many scripts fail to load: mend these, and check again");
            break;
        }
        if (take_errors(report, scripts, states, attempt.error.message) == 0) { /* it does not say which one */
            result = try_each(report, scripts, states, config, offers, until, error);
            break;
        }
    }
    free(states);
    return result;
}

static int load_once(struct attempt *attempt, const struct script_set *scripts, const enum state *states,
                     struct error *error) {
    const struct config *config = attempt->config;
    char program[PATH_MAX];
    int result = -1;
    struct script_set *set = copy(scripts, states);
    if (set == NULL) {
        return error_memory(error);
    }
    attempt->loop = loop_new(error);
    if (attempt->loop == NULL || program_find_worker(program, error) < 0) {
        scripts_free(set);
        goto out;
    }
    struct generation_options options = {
        .loop = attempt->loop,
        .process = {.program = program,
                    .timezone = config->timezone,
                    .slice_ms = config->limits.slice_ms,
                    .run_memory = (uint64_t)config->limits.run_memory_mib << 20,
                    .all_memory = (uint64_t)config->limits.worker_memory_mib << 20,
                    .answer_size = (uint64_t)config->limits.answer_mib << 20,
                    .operations = attempt->offers->operations,
                    .secrets = attempt->offers->secrets},
        .workers = 1,
        .ready = on_ready,
        .failed = on_failed,
        .frame = on_frame,
        .died = on_died,
        .idle = on_idle,
        .context = attempt,
    };
    attempt->generation = generation_start(&options, set, error);
    if (attempt->generation != NULL) {
        loop_run(attempt->loop);
        result = 0;
    }
out:
    generation_free(attempt->generation);
    loop_free(attempt->loop);
    return result;
}

/* Of a module that is out something is left, for those that require it. */
static struct script_set *copy(const struct script_set *scripts, const enum state *states) {
    static const char stub[] = "local anything anything = setmetatable({}, { __index = function() return anything "
                               "end, __call = function() return anything end }) return anything";
    struct script_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return NULL;
    }
    atomic_init(&set->holders, 1);
    set->files = calloc(scripts->count + 1, sizeof *set->files);
    int failed = set->files == NULL ? -1 : 0;
    for (size_t i = 0; i < scripts->count && failed == 0; i++) {
        const struct script *script = &scripts->files[i];
        if (states[i] == STATE_IN) {
            failed = copy_script(set, script->path, script->bytes, script->length);
        } else if (is_module(script)) {
            failed = copy_script(set, script->path, stub, sizeof stub - 1);
        }
    }
    if (failed < 0) {
        scripts_free(set);
        return NULL;
    }
    return set;
}

static int copy_script(struct script_set *set, const char *path, const char *bytes, size_t length) {
    struct script *script = &set->files[set->count];
    script->path = strdup(path);
    script->bytes = slice_copy(slice_make(bytes, length));
    script->length = length;
    set->size += length;
    set->count++;
    return script->path == NULL || script->bytes == NULL ? -1 : 0;
}

static void on_ready(struct generation *generation) {
    struct attempt *attempt = generation->context;
    attempt->is_loaded = true;
    check_filters(attempt->report, generation);
    loop_stop(attempt->loop);
}

static void on_failed(struct generation *generation) {
    struct attempt *attempt = generation->context;
    attempt->error = generation->error;
    loop_stop(attempt->loop);
}

/* Nothing is run; what scripts log while they are loaded is not looked at. */
static void on_frame(struct worker_slot *slot, const struct wire_frame *frame) {
    (void)slot;
    (void)frame;
}

/* The generation tells of it. */
static void on_died(struct worker_slot *slot, const struct process_death *death) {
    (void)slot;
    (void)death;
}

static void on_idle(struct generation *generation) {
    (void)generation;
}

/* A message has a line for each script that failed, and may be cut at its end. How many scripts it names that were
 * in; they are out now. Those that require a module that fails say so, too: they are heard when it is out. */
static size_t take_errors(struct check_report *report, const struct script_set *scripts, enum state *states,
                          const char *message) {
    size_t taken = take_lines(report, scripts, states, message, true);
    return taken > 0 ? taken : take_lines(report, scripts, states, message, false);
}

static size_t take_lines(struct check_report *report, const struct script_set *scripts, enum state *states,
                         const char *message, bool of_modules) {
    struct slice rest = slice_of(message);
    size_t taken = 0;
    bool is_cut = rest.length == ERROR_MESSAGE_SIZE - 1;
    while (rest.length > 0) {
        const char *newline = memchr(rest.bytes, '\n', rest.length);
        size_t length = newline == NULL ? rest.length : (size_t)(newline - rest.bytes);
        char *line = slice_copy(slice_make(rest.bytes, length));
        size_t skipped = newline == NULL ? length : length + 1;
        bool is_whole = newline != NULL || !is_cut || taken == 0;
        report->is_broken |= line == NULL;
        if (line != NULL && is_whole) {
            taken += take_line(report, scripts, states, line, of_modules);
        }
        free(line);
        rest = slice_make(rest.bytes + skipped, rest.length - skipped);
    }
    return taken;
}

static bool take_line(struct check_report *report, const struct script_set *scripts, enum state *states,
                      const char *line, bool of_modules) {
    size_t script;
    unsigned number;
    const char *words;
    if (!find_place(scripts, line, &script, &number, &words) || is_module(&scripts->files[script]) != of_modules) {
        return false;
    }
    add_error(report, scripts->files[script].path, number, words);
    bool was_in = states[script] == STATE_IN;
    states[script] = STATE_OUT;
    return was_in;
}

/* "PATH:LINE: words", or words that end in ", at PATH:LINE". */
static bool find_place(const struct script_set *scripts, const char *line, size_t *script, unsigned *number,
                       const char **words) {
    const char *at = strstr(line, ", at ");
    for (size_t i = 0; i < scripts->count; i++) {
        const char *path = scripts->files[i].path;
        size_t length = strlen(path);
        bool is_first = strncmp(line, path, length) == 0 && line[length] == ':';
        bool is_last = at != NULL && strncmp(at + 5, path, length) == 0 && at[5 + length] == ':';
        if (is_first || is_last) {
            char *end;
            *script = i;
            *number = (unsigned)strtoul((is_first ? line : at + 5) + length + 1, &end, 10);
            *words = is_first && strncmp(end, ": ", 2) == 0 ? end + 2 : line;
            return true;
        }
    }
    return false;
}

/* Of a worker that was killed: without what the line begins with, and without the place. */
static void add_error(struct check_report *report, const char *path, unsigned line, const char *words) {
    static const char ended[] = "a worker ended while it loaded the scripts: ";
    size_t length = strlen(words);
    if (slice_starts_with(slice_of(words), ended)) {
        const char *at = strstr(words, ", at ");
        length = at == NULL ? length : (size_t)(at - words);
        check_add(report, true, path, line, "%.*s, while it was loaded", (int)(length - strlen(ended)),
                  words + strlen(ended));
    } else {
        check_add(report, true, path, line, "%s", words);
    }
}

static bool is_module(const struct script *script) {
    return slice_starts_with(slice_of(script->path), "lib/");
}

/* Each handler alone, with all modules: for what ends the worker and does not say where. */
static int try_each(struct check_report *report, const struct script_set *scripts, enum state *states,
                    const struct config *config, const struct check_offers *offers, int64_t until,
                    struct error *error) {
    int result = 0;
    enum state *alone = calloc(scripts->count + 1, sizeof *alone);
    if (alone == NULL) {
        return error_memory(error);
    }
    for (size_t i = 0; i < scripts->count && result == 0; i++) {
        if (states[i] == STATE_OUT || is_module(&scripts->files[i])) {
            continue;
        }
        if (clock_monotonic_ns() > until) {
            check_add(report, true, "", 0, "loading the scripts takes too long: mend these, and check again");
            break;
        }
        for (size_t k = 0; k < scripts->count; k++) {
            alone[k] = k == i || is_module(&scripts->files[k]) ? states[k] : STATE_OUT;
        }
        struct attempt attempt = {.report = report, .config = config, .offers = offers};
        result = load_once(&attempt, scripts, alone, error);
        if (result == 0 && !attempt.is_loaded && take_errors(report, scripts, alone, attempt.error.message) == 0) {
            add_error(report, scripts->files[i].path, 0, attempt.error.message);
        }
    }
    free(alone);
    return result;
}
