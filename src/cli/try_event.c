#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/sample_now.h"
#include "cli/try.h"
#include "crypto/crypto.h"
#include "event/catalogue.h"
#include "event/sample.h"
#include "json/json.h"
#include "json/tree.h"
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

static const char local_prefix[] = "Switchhook.Local.";

static const char *handler_in(const char *path);
static bool is_type_folder(struct slice name);
static int name_type(struct try *try, struct error *error);
static int make_event(struct try *try, struct error *error);
static int make_sample(struct try *try, struct event_sample *sample);
static int make_local(struct try *try, const char *id, const char *time);
static int check_event(const struct try *try, struct error *error);

/* The scripts folder is the configured one when the script is in it; otherwise it is told by the script's place:
 * scripts stand at its top, in a folder named after a type, or in local/. */
int try_find_script(struct try *try, struct error *error) {
    char *configured = realpath(try->config->scripts, NULL);
    int result = -1;
    try->path = realpath(try->script, NULL);
    if (try->path == NULL) {
        error_system(error, errno, "cannot read %s", try->script);
        goto out;
    }
    if (!slice_ends_with(slice_of(try->path), ".lua")) {
        error_set(error, ERROR_INVALID, "%s is no script: its name does not end in .lua", try->script);
        goto out;
    }
    size_t length = configured == NULL ? 0 : strlen(configured);
    bool is_inside = length > 0 && strncmp(try->path, configured, length) == 0 && try->path[length] == '/';
    try->handler = is_inside ? try->path + length + 1 : handler_in(try->path);
    try->folder = slice_copy(slice_make(try->path, (size_t)(try->handler - try->path) - 1));
    if (try->folder == NULL) {
        error_memory(error);
        goto out;
    }
    result = name_type(try, error);
out:
    free(configured);
    return result;
}

int try_read_event(struct try *try, struct error *error) {
    struct json_error where;
    int result = try->event_file == NULL ? make_event(try, error) : file_read(try->event_file, &try->event, error);
    if (result < 0) {
        return -1;
    }
    const char *name = try->event_file == NULL ? "the sample" : try->event_file;
    if (envelope_read(&try->envelope, try->event.bytes == NULL ? "" : try->event.bytes, try->event.length,
                      &where) < 0) {
        return error_set(error, ERROR_INVALID, "%s: %s at byte %zu", name, where.message, where.offset);
    }
    if (try->envelope.count != 1 || try->envelope.events[0].malformed != NULL) {
        return error_set(error, ERROR_INVALID, "%s: %s", name,
                         try->envelope.count == 1 ? try->envelope.events[0].malformed : "it must hold one event");
    }
    return check_event(try, error);
}

/* Where the path inside of the scripts folder begins. */
static const char *handler_in(const char *path) {
    const char *name = strrchr(path, '/') + 1;
    const char *folder = name - 1;
    while (folder > path && folder[-1] != '/') {
        folder--;
    }
    bool is_deeper = folder > path && is_type_folder(slice_make(folder, (size_t)(name - 1 - folder)));
    return is_deeper ? folder : name;
}

static bool is_type_folder(struct slice name) {
    return slice_is(name, "local") || event_find_type(event_short_name(name)) != NULL;
}

static int name_type(struct try *try, struct error *error) {
    struct slice path = slice_of(try->handler);
    const char *slash = strchr(try->handler, '/');
    struct slice name = slice_make(path.bytes, path.length - strlen(".lua"));
    if (slice_starts_with(path, "lib/")) {
        return error_set(error, ERROR_INVALID, "%s is a module, not a handler: try a script that requires it",
                         try->script);
    }
    if (slice_ends_with(path, "_spec.lua")) {
        return error_set(error, ERROR_INVALID, "%s is a spec: `switchhook test` runs it", try->script);
    }
    if (slice_is(name, "default")) {
        return 0;
    }
    const char *prefix = "";
    if (slice_starts_with(path, "local/")) {
        prefix = local_prefix;
        name = slice_make(slash + 1, name.length - strlen("local/"));
    } else if (slash != NULL) {
        name = slice_make(path.bytes, (size_t)(slash - path.bytes));
    } else if (event_find_type(event_short_name(name)) != NULL && event_short_name(name).length == name.length) {
        prefix = EVENT_TYPE_PREFIX;
    }
    snprintf(try->type, sizeof try->type, "%s%.*s", prefix, SLICE_ARG(name));
    return 0;
}

static int make_event(struct try *try, struct error *error) {
    char id[CRYPTO_UUID_SIZE], now[CLOCK_TEXT_SIZE];
    struct slice short_name = event_short_name(slice_of(try->type));
    struct event_sample sample = {
        .type = event_find_type(short_name), .id = crypto_uuid(id), .time = clock_format(clock_wall_us(), now)};
    if (slice_starts_with(slice_of(try->type), local_prefix)) {
        return make_local(try, sample.id, sample.time) < 0 ? error_memory(error) : 0;
    }
    if (sample.type != NULL) {
        return make_sample(try, &sample) < 0 ? error_memory(error) : 0;
    }
    const char *near = text_nearest(short_name, event_type_names);
    if (try->type[0] == '\0') {
        return error_set(error, ERROR_INVALID, "%s is for events of any type: give it one, as a file",
                         try->script);
    }
    return error_set(error, ERROR_INVALID, "there is no sample of %.*s: give it an event, as a file%s%s%s",
                     SLICE_ARG(short_name), near == NULL ? "" : " (or is it to be ", near == NULL ? "" : near,
                     near == NULL ? "" : "?)");
}

static int make_sample(struct try *try, struct event_sample *sample) {
    struct buffer text;
    struct json *data = NULL;
    int result = -1;
    buffer_init(&text, TRY_FILE_MAX);
    if (event_sample_data(&text, sample->type) == 0) {
        data = json_parse(text.bytes, text.length, NULL);
    }
    buffer_clear(&text);
    if (data != NULL && cli_sample_now(data, sample->type, clock_wall_us()) == 0 && json_print(data, &text) == 0) {
        sample->data = buffer_slice(&text);
        result = event_sample_append(&try->event, sample);
    }
    json_free(data);
    buffer_reset(&text);
    return result;
}

/* As `after` raises it, without data. */
static int make_local(struct try *try, const char *id, const char *time) {
    return buffer_append_format(&try->event,
                                "{\"id\":\"%s\",\"topic\":\"switchhook\",\"subject\":\"job/job-4711\","
                                "\"eventType\":\"%s\",\"eventTime\":\"%s\",\"data\":{},\"dataVersion\":\"1.0\"}",
                                id, try->type, time);
}

static int check_event(const struct try *try, struct error *error) {
    const struct slice type = try->envelope.events[0].type;
    bool is_for_it = try->type[0] == '\0' || slice_is(type, try->type) ||
                     slice_equal(event_short_name(type), event_short_name(slice_of(try->type)));
    if (is_for_it) {
        return 0;
    }
    return error_set(error, ERROR_INVALID, "%s handles %s, and the event is a %.*s", try->script, try->type,
                     SLICE_ARG(event_short_name(type)));
}
