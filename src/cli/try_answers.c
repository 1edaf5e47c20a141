#include "base/file.h"
#include "base/text.h"
#include "cli/try.h"
#include "router/router.h"
#include "json/json.h"
#include "json/tree.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 512 };

static bool is_operation(struct slice step, const char *const *names);
static struct try_answer *find_answer(struct try *try, const struct host_wanted *wanted);
static void give_file(const struct try_answer *answer, struct slice operation, struct host_given *given);
static void give_error(const struct json *members, struct slice operation, struct host_given *given);
static bool leaves_machine(struct slice operation);
static void give_sample(struct try *try, struct slice operation, struct host_given *given);
static double first_number(struct slice arguments);

int try_add_answer(struct try *try, char *option, struct error *error) {
    char *equals = strchr(option, '=');
    if (equals == NULL || equals == option || equals[1] == '\0') {
        return error_set(error, ERROR_INVALID,
                         "--answer takes STEP=FILE, as in router.jobs.get=job.json, not '%s'", option);
    }
    if (try->answer_count == TRY_ANSWERS) {
        return error_set(error, ERROR_LIMIT, "it takes %d --answer at most", TRY_ANSWERS);
    }
    struct try_answer *answer = &try->answers[try->answer_count++];
    struct json_error where;
    answer->step = slice_make(option, (size_t)(equals - option));
    answer->file = equals + 1;
    buffer_init(&answer->json, TRY_FILE_MAX);
    if (file_read(answer->file, &answer->json, error) < 0) {
        return -1;
    }
    if (json_check(answer->json.bytes == NULL ? "" : answer->json.bytes, answer->json.length, &where) < 0) {
        return error_set(error, ERROR_INVALID, "%s: %s at byte %zu; an answer is JSON", answer->file,
                         where.message, where.offset);
    }
    return 0;
}

int try_check_answers(const struct try *try, struct error *error) {
    static const char *const own[] = {"after",           "cancel",       "http.delete", "http.get",
                                      "http.head",       "http.patch",   "http.post",   "http.put",
                                      "http.request",    "sleep",        "state.get",   "state.compare_and_set",
                                      "state.increment", "state.delete", "state.set",   "step"};
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    for (; count < sizeof own / sizeof *own; count++) {
        names[count] = own[count];
    }
    for (const struct router_operation *at = router_operations; at->name != NULL && count < NAMES_MAX; at++) {
        names[count++] = at->name;
    }
    for (const char *const *at = plugins_names(try->plugins); *at != NULL && count < NAMES_MAX; at++) {
        names[count++] = *at;
    }
    names[count] = NULL;
    for (size_t i = 0; i < try->answer_count && count < NAMES_MAX; i++) {
        struct slice step = try->answers[i].step;
        uint64_t number = 0;
        if ((text_to_uint64(step, &number) == 0 && number > 0) || is_operation(step, names)) {
            continue;
        }
        const char *nearest = text_nearest(step, names);
        return error_set(error, ERROR_INVALID, "--answer %.*s: there is no such operation%s%s%s", SLICE_ARG(step),
                         nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "?");
    }
    return 0;
}

static bool is_operation(struct slice step, const char *const *names) {
    while (*names != NULL && !slice_is(step, *names)) {
        names++;
    }
    return *names != NULL;
}

const char *try_unused_answer(const struct try *try) {
    for (size_t i = 0; i < try->answer_count; i++) {
        if (!try->answers[i].is_used) {
            return try->answers[i].step.bytes;
        }
    }
    return NULL;
}

bool try_answer(void *context, const struct host_wanted *wanted, struct host_given *given) {
    struct try *try = context;
    struct try_answer *answer = find_answer(try, wanted);
    try_print_wanted(try, wanted);
    try->shown = wanted->number;
    try->answered_from = NULL;
    if (answer != NULL) {
        answer->is_used = true;
        try->answered_from = answer->file;
        give_file(answer, wanted->operation, given);
        return true;
    }
    if (slice_is(wanted->operation, "sleep")) {
        try->answered_from = "time is not waited for";
        given->pause_us = (int64_t)(first_number(wanted->arguments) * 1e6);
        return true;
    }
    if (try->is_live || !leaves_machine(wanted->operation)) {
        return false;
    }
    give_sample(try, wanted->operation, given);
    return true;
}

/* A step's number goes before its operation. */
static struct try_answer *find_answer(struct try *try, const struct host_wanted *wanted) {
    char number[16];
    snprintf(number, sizeof number, "%" PRIu32, wanted->number);
    struct try_answer *found = NULL;
    for (size_t i = 0; i < try->answer_count; i++) {
        if (slice_is(try->answers[i].step, number)) {
            return &try->answers[i];
        }
        if (slice_equal(try->answers[i].step, wanted->operation)) {
            found = &try->answers[i];
        }
    }
    return found;
}

static void give_file(const struct try_answer *answer, struct slice operation, struct host_given *given) {
    struct json *json = json_parse(answer->json.bytes, answer->json.length, NULL);
    const struct json *error = json_get(json, "error");
    if (error != NULL && json_kind(error) == JSON_OBJECT && json_count(json) == 1) {
        give_error(error, operation, given);
    } else {
        given->status = 200;
        json_append_compact(&given->value, answer->json.bytes, answer->json.length);
    }
    json_free(json);
}

/* As the Job Router's own: 408, 429 and what is the server's fault may be tried again. */
static void give_error(const struct json *members, struct slice operation, struct host_given *given) {
    double status = json_get_double(members, "status", 0);
    bool is_retryable = status == 0 || status == 408 || status == 429 || status >= 500;
    const char *code = json_get_string(members, "code");
    const char *message = json_get_string(members, "message");
    struct json *error = json_object();
    int failed = json_put(error, "code", json_text(code == NULL ? "Error" : code)) |
                 json_put(error, "message", json_text(message == NULL ? "an error of --answer" : message)) |
                 json_put(error, "operation", json_slice(operation)) |
                 json_put(error, "retryable", json_bool(json_get_bool(members, "retryable", is_retryable))) |
                 json_put(error, "status", json_double(status));
    given->is_error = true;
    given->status = status >= 0 && status < 1000 ? (uint32_t)status : 0;
    if (failed || json_print(error, &given->value) < 0) {
        given->value.is_broken = true;
    }
    json_free(error);
}

/* Everything else is between the script and the host. */
static bool leaves_machine(struct slice operation) {
    return !slice_starts_with(operation, "state.") && !slice_is(operation, "after") &&
           !slice_is(operation, "cancel") && !slice_is(operation, "step");
}

static void give_sample(struct try *try, struct slice operation, struct host_given *given) {
    const struct router_operation *known = router_find(operation);
    if (known != NULL) {
        try->answered_from = known->sample[0] == '\0' ? "the operation answers nothing" : "the operation's sample";
        given->status = known->sample[0] == '\0' ? 204 : 200;
        buffer_append_text(&given->value, known->sample);
        return;
    }
    try->answered_from = "made up; --answer supplies another";
    given->status = 200;
    if (slice_starts_with(operation, "http.")) {
        buffer_append_text(&given->value, "{\"body\":\"\",\"headers\":{},\"status\":200}");
    }
}

static double first_number(struct slice arguments) {
    struct json *list = json_parse(arguments.bytes, arguments.length, NULL);
    double number = json_double_of(json_at(list, 0), 0);
    json_free(list);
    return number;
}
