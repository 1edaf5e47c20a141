/* The statements of a scenario: what the router is furnished with, workers, customers. */
#include "base/text.h"
#include "lua/json_out.h"
#include "sim/scenario_parts.h"
#include "json/json.h"
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 160 };

/* Queues come first without their exception policies, since these may name queues. */
enum { POLICIES, QUEUES, CLASSIFICATION, EXCEPTIONS };
static const struct kind {
    const char *word, *path;
} kinds[] = {{"distribution_policy", "distributionPolicies"},
             {"queue", "queues"},
             {"classification_policy", "classificationPolicies"},
             {"exception_policy", "exceptionPolicies"}};

static void add_call(struct reading *reading, size_t list, const char *kind, const char *id);
static void make_known(struct reading *reading, const char *kind, const char *id);
static void refer(struct reading *reading, const char *kind, const char *id, const char *path);
static const struct scenario_reference *find_missing(const struct reading *reading);
static void check_workers(struct reading *reading);
static int compare_names(const void *left, const void *right);
static void join_calls(struct reading *reading);
static bool push(struct reading *reading, const char *name);
static double number_of(struct reading *reading, const char *path, double least, double most, double otherwise);
static int whole_of(struct reading *reading, const char *path, double least, double most, int otherwise);
static struct scenario_time time_of(struct reading *reading, const char *path, double a, double b);
static const char *name_in(const char *path);
static void read_names(struct reading *reading, struct scenario_workers *workers);
static void read_answers(struct reading *reading, struct scenario_workers *workers);
static const char *worker_body(struct reading *reading);
static void put_queues(struct reading *reading, struct buffer *body);
static void put_channels(struct reading *reading, struct buffer *body);
static void put_channel(struct reading *reading, struct buffer *body);
static void put_json(struct reading *reading, const char *path, const char *member, bool is_map);
static const char *customer_body(struct reading *reading);
static void put_text(struct reading *reading, const char *path, const char *member, const char *kind);
static const char *finish_body(struct reading *reading);

void scenario_read_body(struct reading *reading, const char *kind, const char *id) {
    size_t list = 0;
    while (strcmp(kinds[list].word, kind) != 0) {
        list++;
    }
    make_known(reading, kind, id);
    if (list == QUEUES && push(reading, "exceptionPolicyId")) {
        lua_pop(reading->lua, 1);
        add_call(reading, EXCEPTIONS, kind, id); /* whole, after the exception policies */
        reading->calls[EXCEPTIONS][reading->call_counts[EXCEPTIONS] - 1].what = "";
        lua_pushnil(reading->lua);
        lua_setfield(reading->lua, -2, "exceptionPolicyId");
    }
    add_call(reading, list, kind, id);
}

void scenario_read_workers(struct reading *reading) {
    static const char *const known[] = {"name",          "count",        "names",  "queues",  "channels",
                                        "capacity",      "labels",       "tags",   "accept",  "decline",
                                        "talk",          "answer_after", "shifts", "wrap_up", "breaks",
                                        "returns_after", "leaves_after", NULL};
    struct scenario *scenario = &reading->file->scenario;
    scenario_check_keys(reading, "workers", known);
    if (scenario->worker_count == SCENARIO_LIST_MOST) {
        scenario_fail(reading, "workers", "are more than %d groups", SCENARIO_LIST_MOST);
    }
    reading->workers = scenario_grow(reading, reading->workers, scenario->worker_count, sizeof *reading->workers);
    struct scenario_workers *workers = &reading->workers[scenario->worker_count];
    workers->line = reading->line;
    read_names(reading, workers);
    read_answers(reading, workers);
    workers->body = worker_body(reading);
    if (push(reading, "shifts")) {
        workers->shifts = scenario_spans(reading, "workers.shifts");
        lua_pop(reading->lua, 1);
    }
    if (push(reading, "breaks")) {
        workers->breaks = scenario_spans(reading, "workers.breaks");
        lua_pop(reading->lua, 1);
    }
    workers->leaves_after_us = -1;
    if (push(reading, "leaves_after")) {
        workers->leaves_after_us = (int64_t)(scenario_seconds(reading, "workers.leaves_after") * 1e6);
        lua_pop(reading->lua, 1);
    }
    scenario->worker_count++;
}

void scenario_read_customers(struct reading *reading) {
    static const char *const known[] = {"name",      "channel",         "queue",     "classification_policy",
                                        "priority",  "labels",          "tags",      "selectors",
                                        "per_hour",  "patience",        "callbacks", "callback_after",
                                        "reference", "activated_after", NULL};
    struct scenario *scenario = &reading->file->scenario;
    scenario_check_keys(reading, "customers", known);
    if (scenario->customer_count == SCENARIO_LIST_MOST) {
        scenario_fail(reading, "customers", "are more than %d streams", SCENARIO_LIST_MOST);
    }
    reading->customers =
        scenario_grow(reading, reading->customers, scenario->customer_count, sizeof *reading->customers);
    struct scenario_customers *customers = &reading->customers[scenario->customer_count];
    customers->line = reading->line;
    if (!push(reading, "name")) {
        scenario_fail(reading, "customers", "need a name: their jobs are NAME-1, NAME-2 and so on");
    }
    customers->name = scenario_text(reading, "customers.name");
    lua_pop(reading->lua, 1);
    make_known(reading, "customers", customers->name);
    customers->body = customer_body(reading);
    if (push(reading, "labels")) {
        customers->labels = scenario_labels(reading, "customers.labels", &customers->label_count);
        lua_pop(reading->lua, 1);
    }
    if (!push(reading, "per_hour")) {
        scenario_fail(reading, "customers", "need per_hour: how many come in an hour");
    }
    scenario_per_hour(reading, "customers.per_hour", customers->per_hour);
    lua_pop(reading->lua, 1);
    customers->has_patience = push(reading, "patience");
    lua_pop(reading->lua, customers->has_patience);
    customers->patience = time_of(reading, "customers.patience", 0, 0);
    customers->callbacks = number_of(reading, "customers.callbacks", 0, 1, 0);
    customers->callback_after = time_of(reading, "customers.callback_after", 300, 1800);
    customers->is_activated = push(reading, "activated_after");
    lua_pop(reading->lua, customers->is_activated);
    customers->activated_after = time_of(reading, "customers.activated_after", 0, 0);
    scenario->customer_count++;
}

void scenario_finish(struct reading *reading) {
    const struct scenario_reference *missing = find_missing(reading);
    if (missing != NULL) {
        const char *names[SCENARIO_LIST_MOST + 1];
        size_t count = 0;
        for (size_t i = 0; i < reading->made_count && count < SCENARIO_LIST_MOST; i++) {
            if (strcmp(reading->made[i].kind, missing->kind) == 0) {
                names[count++] = reading->made[i].id;
            }
        }
        names[count] = NULL;
        const char *near = text_nearest(slice_of(missing->id), names);
        reading->line = missing->line;
        scenario_fail(reading, missing->path, "names the %s \"%s\", which the scenario does not have%s%s%s",
                      missing->kind, missing->id, near == NULL ? "" : "; did you mean \"",
                      near == NULL ? "" : near, near == NULL ? "" : "\"?");
    }
    check_workers(reading);
    join_calls(reading);
    reading->file->scenario.workers = reading->workers;
    reading->file->scenario.customers = reading->customers;
}

/* The table on the top is the body. */
static void add_call(struct reading *reading, size_t list, const char *kind, const char *id) {
    if (reading->call_counts[list] == SCENARIO_LIST_MOST) {
        scenario_fail(reading, kind, "is there more than %d times", SCENARIO_LIST_MOST);
    }
    struct scenario_call *calls = reading->calls[list];
    calls = reading->calls[list] = scenario_grow(reading, calls, reading->call_counts[list], sizeof *calls);
    struct scenario_call *call = &calls[reading->call_counts[list]];
    struct buffer *words = &reading->words;
    buffer_clear(words);
    buffer_append_format(words, "%s \"%s\"", kind, id);
    call->what = scenario_keep(reading, words->bytes, words->length);
    buffer_clear(words);
    buffer_append_format(words, "/routing/%s/", kinds[strcmp(kind, "queue") == 0 ? QUEUES : list].path);
    text_append_percent(words, slice_of(id));
    call->path = scenario_keep(reading, words->bytes, words->length);
    buffer_clear(words);
    scenario_json(reading, kind, words, false);
    call->body = scenario_keep(reading, words->bytes, words->length);
    call->line = reading->line;
    reading->call_counts[list]++;
}

static void make_known(struct reading *reading, const char *kind, const char *id) {
    for (size_t i = 0; i < reading->made_count; i++) {
        if (strcmp(reading->made[i].kind, kind) == 0 && strcmp(reading->made[i].id, id) == 0) {
            scenario_fail(reading, kind, "\"%s\" is there twice", id);
        }
    }
    reading->made = scenario_grow(reading, reading->made, reading->made_count, sizeof *reading->made);
    reading->made[reading->made_count++] = (struct scenario_made){.kind = kind, .id = id};
}

static void refer(struct reading *reading, const char *kind, const char *id, const char *path) {
    reading->references =
        scenario_grow(reading, reading->references, reading->reference_count, sizeof *reading->references);
    reading->references[reading->reference_count++] =
        (struct scenario_reference){.kind = kind, .id = id, .path = path, .line = reading->line};
}

static const struct scenario_reference *find_missing(const struct reading *reading) {
    for (size_t i = 0; i < reading->reference_count; i++) {
        const struct scenario_reference *reference = &reading->references[i];
        size_t k = 0;
        while (k < reading->made_count && (strcmp(reading->made[k].kind, reference->kind) != 0 ||
                                           strcmp(reading->made[k].id, reference->id) != 0)) {
            k++;
        }
        if (k == reading->made_count) {
            return reference;
        }
    }
    return NULL;
}

/* Each id once. */
static void check_workers(struct reading *reading) {
    struct scenario_reference *all = scenario_allocate(reading, (reading->worker_total + 1) * sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < reading->file->scenario.worker_count; i++) {
        const struct scenario_workers *workers = &reading->workers[i];
        for (size_t k = 0; k < workers->count; k++) {
            all[count++] = (struct scenario_reference){.id = workers->names[k], .line = workers->line};
        }
    }
    qsort(all, count, sizeof *all, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(all[i].id, all[i - 1].id) == 0) {
            reading->line = all[i].line;
            scenario_fail(reading, "workers", "\"%s\" is there twice", all[i].id);
        }
    }
}

static int compare_names(const void *left, const void *right) {
    const struct scenario_reference *a = left, *b = right;
    int order = strcmp(a->id, b->id);
    return order != 0 ? order : a->line - b->line;
}

/* The exception policies, and then the queues that name them. */
static void join_calls(struct reading *reading) {
    struct scenario *scenario = &reading->file->scenario;
    size_t count = 0;
    for (size_t list = 0; list < 4; list++) {
        count += reading->call_counts[list];
    }
    struct scenario_call *calls = scenario_allocate(reading, (count + 1) * sizeof *calls);
    for (size_t list = 0; list < 4; list++) {
        for (size_t round = 0; round < 2; round++) {
            for (size_t i = 0; i < reading->call_counts[list]; i++) {
                const struct scenario_call *call = &reading->calls[list][i];
                bool is_second = call->what[0] == '\0';
                if (is_second == (round == 1)) {
                    calls[scenario->call_count] = *call;
                    calls[scenario->call_count++].what = is_second ? "queue" : call->what;
                }
            }
        }
    }
    scenario->calls = calls;
}

/* The member of the table on the top, when it is there. */
static bool push(struct reading *reading, const char *name) {
    lua_pushstring(reading->lua, name);
    if (lua_rawget(reading->lua, -2) == LUA_TNIL) {
        lua_pop(reading->lua, 1);
        return false;
    }
    return true;
}

static double number_of(struct reading *reading, const char *path, double least, double most, double otherwise) {
    if (!push(reading, name_in(path))) {
        return otherwise;
    }
    double value = scenario_number(reading, path, least, most);
    lua_pop(reading->lua, 1);
    return value;
}

static int whole_of(struct reading *reading, const char *path, double least, double most, int otherwise) {
    double value = number_of(reading, path, least, most, otherwise);
    if (value != floor(value)) {
        scenario_fail(reading, path, "must be a whole number");
    }
    return (int)value;
}

static struct scenario_time time_of(struct reading *reading, const char *path, double a, double b) {
    struct scenario_time time = {.spread = SCENARIO_BETWEEN, .a = a, .b = b};
    if (push(reading, name_in(path))) {
        time = scenario_time(reading, path);
        lua_pop(reading->lua, 1);
    }
    return time;
}

static const char *name_in(const char *path) {
    return strchr(path, '.') + 1;
}

static void read_names(struct reading *reading, struct scenario_workers *workers) {
    lua_State *lua = reading->lua;
    const char **names = NULL;
    if (push(reading, "names")) {
        size_t count = lua_type(lua, -1) == LUA_TTABLE ? lua_rawlen(lua, -1) : 0;
        if (count == 0 || count > SCENARIO_WORKERS_MOST) {
            scenario_fail(reading, "workers.names", "must be a list of worker ids");
        }
        names = scenario_allocate(reading, count * sizeof *names);
        for (; workers->count < count; workers->count++) {
            lua_rawgeti(lua, -1, (lua_Integer)workers->count + 1);
            names[workers->count] = scenario_text(reading, "workers.names");
            lua_pop(lua, 1);
        }
        lua_pop(lua, 1);
    } else if (push(reading, "name")) {
        const char *name = scenario_text(reading, "workers.name");
        lua_pop(lua, 1);
        size_t count = (size_t)whole_of(reading, "workers.count", 1, SCENARIO_WORKERS_MOST, 1);
        names = scenario_allocate(reading, count * sizeof *names);
        for (; workers->count < count; workers->count++) {
            buffer_clear(&reading->words);
            buffer_append_format(&reading->words, "%s-%zu", name, workers->count + 1);
            names[workers->count] = scenario_keep(reading, reading->words.bytes, reading->words.length);
        }
    } else {
        scenario_fail(reading, "workers", "need names = { ... }, or name and count");
    }
    workers->names = names;
    reading->worker_total += workers->count;
    if (reading->worker_total > SCENARIO_WORKERS_MOST) {
        scenario_fail(reading, "workers", "are more than %d", SCENARIO_WORKERS_MOST);
    }
}

static void read_answers(struct reading *reading, struct scenario_workers *workers) {
    workers->decline = number_of(reading, "workers.decline", 0, 1, 0);
    workers->accept = number_of(reading, "workers.accept", 0, 1, 1 - workers->decline);
    if (workers->accept + workers->decline > 1 + 1e-9) {
        scenario_fail(reading, "workers.accept", "and decline are more than 1 together");
    }
    workers->answer_after = time_of(reading, "workers.answer_after", 2, 8);
    workers->talk = time_of(reading, "workers.talk", 60, 240);
    workers->wrap_up = time_of(reading, "workers.wrap_up", 10, 30);
    workers->returns_after = time_of(reading, "workers.returns_after", 60, 180);
}

static const char *worker_body(struct reading *reading) {
    struct buffer *body = &reading->words;
    int capacity = whole_of(reading, "workers.capacity", 1, 1e6, 1);
    buffer_clear(body);
    buffer_append_format(body, "{\"capacity\":%d,\"queues\":[", capacity);
    put_queues(reading, body);
    buffer_append_text(body, "],\"channels\":[");
    put_channels(reading, body);
    buffer_append_char(body, ']');
    put_json(reading, "workers.labels", "labels", true);
    put_json(reading, "workers.tags", "tags", true);
    return finish_body(reading);
}

static void put_queues(struct reading *reading, struct buffer *body) {
    lua_State *lua = reading->lua;
    size_t count = push(reading, "queues") && lua_type(lua, -1) == LUA_TTABLE ? lua_rawlen(lua, -1) : 0;
    if (count == 0 || count > SCENARIO_LIST_MOST) {
        scenario_fail(reading, "workers.queues", "must be a list of queues, as in  { \"support\" }");
    }
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(lua, -1, (lua_Integer)i + 1);
        const char *queue = scenario_text(reading, "workers.queues");
        refer(reading, "queue", queue, "workers.queues");
        buffer_append_text(body, i == 0 ? "" : ",");
        json_append_string(body, slice_of(queue));
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

/* A list of names, or names and costs: { voice = 100, chat = { cost = 20, most = 3 } }. In JSON's order. */
static void put_channels(struct reading *reading, struct buffer *body) {
    lua_State *lua = reading->lua;
    enum json_out_shape shape =
        push(reading, "channels") && lua_type(lua, -1) == LUA_TTABLE ? json_out_shape(lua, -1) : JSON_OUT_MIXED;
    const char *names[64];
    size_t count = 0;
    if (shape != JSON_OUT_MAP) {
        scenario_fail(reading, "workers.channels", "must be names and costs, as in  { voice = 1 }");
    }
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        if (count == sizeof names / sizeof names[0]) {
            scenario_fail(reading, "workers.channels", "are more than %zu", count);
        }
        size_t at = count++;
        const char *name = lua_tostring(lua, -2);
        for (; at > 0 && strcmp(names[at - 1], name) > 0; at--) {
            names[at] = names[at - 1];
        }
        names[at] = name;
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(body, i == 0 ? "{\"channelId\":" : ",{\"channelId\":");
        json_append_string(body, slice_of(names[i]));
        push(reading, names[i]);
        put_channel(reading, body);
        buffer_append_char(body, '}');
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static void put_channel(struct reading *reading, struct buffer *body) {
    static const char *const known[] = {"cost", "most", NULL};
    static const char path[] = "workers.channels";
    int cost = 1, most = 0;
    if (lua_type(reading->lua, -1) == LUA_TTABLE) {
        scenario_check_keys(reading, path, known);
        cost = whole_of(reading, "channels.cost", 1, 1e6, 1);
        most = whole_of(reading, "channels.most", 1, 1e6, 0);
    } else {
        cost = (int)scenario_number(reading, path, 1, 1e6);
    }
    buffer_append_format(body, ",\"capacityCostPerJob\":%d", cost);
    if (most > 0) {
        buffer_append_format(body, ",\"maxNumberOfJobs\":%d", most);
    }
}

static void put_json(struct reading *reading, const char *path, const char *member, bool is_map) {
    if (!push(reading, name_in(path))) {
        return;
    }
    buffer_append_format(&reading->words, ",\"%s\":", member);
    scenario_json(reading, path, &reading->words, is_map);
    lua_pop(reading->lua, 1);
}

static const char *customer_body(struct reading *reading) {
    struct buffer *body = &reading->words;
    bool has_queue = push(reading, "queue"), has_policy = false;
    lua_pop(reading->lua, has_queue);
    has_policy = push(reading, "classification_policy");
    lua_pop(reading->lua, has_policy);
    if (!has_queue && !has_policy) {
        scenario_fail(reading, "customers", "need a queue, or a classification_policy that finds one");
    }
    int priority = whole_of(reading, "customers.priority", -2147483648.0, 2147483647.0, 1);
    bool has_priority = push(reading, "priority");
    lua_pop(reading->lua, has_priority);
    buffer_clear(body);
    buffer_append_text(body, "{\"channelId\":");
    if (!push(reading, "channel")) {
        scenario_fail(reading, "customers", "need a channel, as in  channel = \"voice\"");
    }
    json_append_string(body, slice_of(scenario_text(reading, "customers.channel")));
    lua_pop(reading->lua, 1);
    put_text(reading, "customers.queue", "queueId", "queue");
    put_text(reading, "customers.classification_policy", "classificationPolicyId", "classification_policy");
    put_text(reading, "customers.reference", "channelReference", NULL);
    if (has_priority) {
        buffer_append_format(body, ",\"priority\":%d", priority);
    }
    put_json(reading, "customers.tags", "tags", true);
    put_json(reading, "customers.selectors", "requestedWorkerSelectors", false);
    return finish_body(reading);
}

/* `kind`: what the text must name; NULL: anything. */
static void put_text(struct reading *reading, const char *path, const char *member, const char *kind) {
    if (!push(reading, name_in(path))) {
        return;
    }
    const char *text = scenario_text(reading, path);
    lua_pop(reading->lua, 1);
    if (kind != NULL) {
        refer(reading, kind, text, path);
    }
    buffer_append_format(&reading->words, ",\"%s\":", member);
    json_append_string(&reading->words, slice_of(text));
}

static const char *finish_body(struct reading *reading) {
    buffer_append_char(&reading->words, '}');
    if (reading->words.is_broken) {
        luaL_error(reading->lua, "%s:%d: a body is longer than 1 MiB, or there is no memory", reading->name,
                   reading->line);
    }
    return scenario_keep(reading, reading->words.bytes, reading->words.length);
}
