#include "base/text.h"
#include "cli/check.h"
#include "event/event.h"
#include "inspect/inspect.h"
#include "worker/offered.h"
#include "worker/worker.h"
#include <stdlib.h>
#include <string.h>

/* What is known of all scripts while one of them is read. */
struct reading {
    struct check_report *report;
    const struct script_set *scripts;
    const char **names;            /* of what scripts are offered */
    struct inspect_writes *writes; /* of the modules */
    struct inspect_writes *all;    /* and of the handlers */
    const char **modules;          /* their names, by the place of their file; NULL: not one */
    bool *is_required;             /* the same */
    const char **locals;           /* what after() can raise: the scripts of local/, by name; NULL ends it */
    bool may_require_any, has_default;
    size_t current;
};

static int prepare(struct reading *reading, const struct check_offers *offers, struct error *error);
static int list_locals(struct reading *reading);
static void read_script(struct reading *reading, size_t place);
static void on_finding(void *context, const struct inspect_finding *finding);
static void note_required(struct reading *reading, const struct inspect_finding *finding);
static void note_raised(struct reading *reading, const struct inspect_finding *finding);
static bool has_error(const struct reading *reading, unsigned line);
static const char *nearest_module(const struct reading *reading, const char *name);
static void tell_unused(struct reading *reading);
static void reset(struct reading *reading);

int check_texts(struct check_report *report, const struct script_set *scripts, const struct check_offers *offers,
                struct error *error) {
    struct reading reading = {.report = report, .scripts = scripts};
    int result = prepare(&reading, offers, error);
    for (size_t i = 0; i < scripts->count && result == 0; i++) {
        read_script(&reading, i);
    }
    if (result == 0) {
        tell_unused(&reading);
    }
    reset(&reading);
    return result;
}

struct slice check_type_of(const char *path) {
    const char *slash = strchr(path, '/');
    size_t length = slash == NULL ? strlen(path) - strlen(".lua") : (size_t)(slash - path);
    return slice_make(path, length);
}

static int prepare(struct reading *reading, const struct check_offers *offers, struct error *error) {
    const struct script_set *scripts = reading->scripts;
    reading->names = worker_offered(offers->operations, error);
    if (reading->names == NULL) {
        return -1;
    }
    reading->writes = inspect_writes_new();
    reading->all = inspect_writes_new();
    reading->modules = calloc(scripts->count + 1, sizeof *reading->modules);
    reading->is_required = calloc(scripts->count + 1, sizeof *reading->is_required);
    if (reading->writes == NULL || reading->all == NULL || reading->modules == NULL ||
        reading->is_required == NULL || list_locals(reading) < 0) {
        return error_memory(error);
    }
    for (size_t i = 0; i < scripts->count; i++) {
        const struct script *script = &scripts->files[i];
        struct slice text = slice_make(script->bytes, script->length);
        (void)inspect_collect(reading->all, text);
        if (slice_starts_with(slice_of(script->path), "lib/")) {
            (void)inspect_collect(reading->writes, text);
            reading->modules[i] = worker_module_name(script->path);
            if (reading->modules[i] == NULL) {
                return error_memory(error);
            }
        }
    }
    return 0;
}

static int list_locals(struct reading *reading) {
    const struct script_set *scripts = reading->scripts;
    size_t count = 0;
    reading->locals = calloc(scripts->count + 1, sizeof *reading->locals);
    for (size_t i = 0; reading->locals != NULL && i < scripts->count; i++) {
        struct slice path = slice_of(scripts->files[i].path);
        reading->has_default |= slice_is(path, "default.lua");
        if (slice_starts_with(path, "local/")) {
            size_t around = strlen("local/") + strlen(".lua");
            reading->locals[count] = slice_copy(slice_make(path.bytes + strlen("local/"), path.length - around));
            if (reading->locals[count++] == NULL) {
                return -1;
            }
        }
    }
    return reading->locals == NULL ? -1 : 0;
}

static void read_script(struct reading *reading, size_t place) {
    const struct script *script = &reading->scripts->files[place];
    bool is_module = reading->modules[place] != NULL;
    bool has_type = !is_module && !slice_starts_with(slice_of(script->path), "local/");
    struct inspect_options options = {
        .type = has_type ? event_find_type(event_short_name(check_type_of(script->path))) : NULL,
        .is_handler = !is_module,
        .names = reading->names,
        .modules = is_module ? reading->all : reading->writes,
        .found = on_finding,
        .context = reading,
    };
    reading->current = place;
    if (inspect_script(slice_make(script->bytes, script->length), &options) < 0) {
        reading->may_require_any = true; /* who knows what it requires */
    }
}

static void on_finding(void *context, const struct inspect_finding *finding) {
    struct reading *reading = context;
    switch (finding->kind) {
    case INSPECT_WARNING:
        check_add(reading->report, false, reading->scripts->files[reading->current].path, finding->line, "%s",
                  finding->words);
        break;
    case INSPECT_REQUIRES: note_required(reading, finding); break;
    case INSPECT_RAISES: note_raised(reading, finding); break;
    case INSPECT_REQUIRES_ANY: reading->may_require_any = true; break;
    }
}

static void note_required(struct reading *reading, const struct inspect_finding *finding) {
    for (size_t i = 0; i < reading->scripts->count; i++) {
        if (reading->modules[i] != NULL && strcmp(reading->modules[i], finding->words) == 0) {
            reading->is_required[i] = true;
            return;
        }
    }
    if (has_error(reading, finding->line)) { /* loading it has told */
        return;
    }
    const char *nearest = nearest_module(reading, finding->words);
    check_add(reading->report, false, reading->scripts->files[reading->current].path, finding->line,
              "require '%s': there is no such module in lib%s%s%s", finding->words,
              nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
              nearest == NULL ? "" : "'?");
}

/* default.lua stands in for any of them. */
static void note_raised(struct reading *reading, const struct inspect_finding *finding) {
    bool is_handled = reading->has_default;
    for (size_t i = 0; reading->locals[i] != NULL && !is_handled; i++) {
        is_handled = strcmp(reading->locals[i], finding->words) == 0;
    }
    if (is_handled) {
        return;
    }
    const char *nearest = text_nearest(slice_of(finding->words), reading->locals);
    check_add(reading->report, false, reading->scripts->files[reading->current].path, finding->line,
              "after: nothing handles '%s': there is no local/%s.lua%s%s%s", finding->words, finding->words,
              nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
              nearest == NULL ? "" : "'?");
}

static bool has_error(const struct reading *reading, unsigned line) {
    const char *path = reading->scripts->files[reading->current].path;
    for (size_t i = 0; i < reading->report->count; i++) {
        const struct check_finding *finding = &reading->report->findings[i];
        if (finding->is_error && finding->line == line && strcmp(finding->path, path) == 0) {
            return true;
        }
    }
    return false;
}

static const char *nearest_module(const struct reading *reading, const char *name) {
    const char **modules = calloc(reading->scripts->count + 1, sizeof *modules);
    size_t count = 0;
    for (size_t i = 0; modules != NULL && i < reading->scripts->count; i++) {
        if (reading->modules[i] != NULL) {
            modules[count++] = reading->modules[i];
        }
    }
    const char *nearest = modules == NULL ? NULL : text_nearest(slice_of(name), modules);
    free(modules);
    return nearest;
}

static void tell_unused(struct reading *reading) {
    for (size_t i = 0; i < reading->scripts->count; i++) {
        if (reading->modules[i] != NULL && !reading->is_required[i] && !reading->may_require_any) {
            check_add(reading->report, false, reading->scripts->files[i].path, 0,
                      "no script requires this module");
        }
    }
}

static void reset(struct reading *reading) {
    for (size_t i = 0; reading->modules != NULL && i < reading->scripts->count; i++) {
        free((char *)reading->modules[i]);
    }
    for (size_t i = 0; reading->locals != NULL && reading->locals[i] != NULL; i++) {
        free((char *)reading->locals[i]);
    }
    free(reading->modules);
    free(reading->locals);
    free(reading->is_required);
    free(reading->names);
    inspect_writes_free(reading->writes);
    inspect_writes_free(reading->all);
}
