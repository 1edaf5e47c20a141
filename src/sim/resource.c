/* Create or update, get, list and delete: the same for policies, queues, workers and jobs. */
#include "base/clock.h"
#include "sim/state.h"
#include <stdlib.h>

static struct sim_collection *collection_of(struct sim_core *core, const struct sim_kind *kind);
static struct sim_entry *make(struct sim_core *core, const struct sim_call *call);
static void succeed_entry(struct sim_core *core, const struct sim_call *call, unsigned status,
                          const struct sim_entry *entry);
static int read_filter(struct sim_core *core, const struct sim_call *call, struct sim_filter *filter);
static int read_text(struct sim_core *core, const struct sim_call *call, const char *name,
                     char text[SIM_ID_LIMIT + 1]);
static int read_time(struct sim_core *core, const struct sim_call *call, const char *name, int64_t *us);
static int check_page_size(struct sim_core *core, const struct sim_call *call);

void sim_upsert(struct sim_core *core, struct sim_call *call) {
    const struct sim_kind *kind = call->kind;
    struct sim_entry *entry = sim_find(collection_of(core, kind), call->ids[0]);
    if (sim_check_conditions(call, entry) < 0) {
        return;
    }
    struct json *body = sim_merge(core, entry == NULL ? NULL : entry->body, call->body, call->answer);
    if (body == NULL) {
        return;
    }
    bool is_new = entry == NULL;
    if (kind->prepare(core, call, entry, body) < 0 || (is_new && (entry = make(core, call)) == NULL)) {
        json_free(body);
        return;
    }
    struct json *old = entry->body;
    entry->body = body;
    sim_entry_touch(core, entry);
    kind->apply(core, entry, old);
    json_free(old);
    succeed_entry(core, call, is_new ? 201 : 200, entry);
}

void sim_get(struct sim_core *core, struct sim_call *call) {
    const struct sim_entry *entry = sim_find(collection_of(core, call->kind), call->ids[0]);
    if (entry == NULL) {
        sim_fail_unknown(call->answer, call->kind->what, call->ids[0]);
        return;
    }
    succeed_entry(core, call, 200, entry);
}

void sim_list(struct sim_core *core, struct sim_call *call) {
    struct sim_filter filter;
    if (check_page_size(core, call) < 0 || read_filter(core, call, &filter) < 0) {
        return;
    }
    struct buffer *out = &call->answer->body;
    buffer_append_text(out, "{\"value\":[");
    bool is_first = true;
    LIST_EACH (&collection_of(core, call->kind)->in_order, node) {
        const struct sim_entry *entry = CONTAINER_OF(node, struct sim_entry, in_order);
        if (call->kind->is_listed != NULL && !call->kind->is_listed(entry, &filter)) {
            continue;
        }
        if (!is_first) {
            buffer_append_char(out, ',');
        }
        is_first = false;
        struct json *value = call->kind->to_json(entry);
        json_print(value, out); /* of NULL: breaks the buffer */
        json_free(value);
    }
    buffer_append_text(out, "],\"nextLink\":null}");
    call->answer->status = 200;
    if (out->is_broken) {
        sim_fail_memory(core, call->answer);
    }
}

void sim_delete(struct sim_core *core, struct sim_call *call) {
    const struct sim_kind *kind = call->kind;
    struct sim_entry *entry = sim_find(collection_of(core, kind), call->ids[0]);
    if (entry == NULL) {
        sim_fail_unknown(call->answer, kind->what, call->ids[0]);
        return;
    }
    if (kind->check_delete != NULL && kind->check_delete(entry, call->answer) < 0) {
        return;
    }
    if (kind->leave != NULL) {
        kind->leave(core, entry);
    }
    sim_say(core, entry->id, "%s deleted", kind->what);
    kind->destroy(core, entry);
    call->answer->status = 204;
}

struct json *sim_entry_json(const struct sim_entry *entry) {
    char etag[SIM_ETAG_SIZE];
    struct json *value = json_object();
    int failed = json_put(value, "etag", json_text(sim_etag(entry, etag)));
    failed |= json_put(value, "id", json_text(entry->id));
    if (failed) {
        json_free(value);
        return NULL;
    }
    return value;
}

int sim_put_copies(struct json *object, const struct json *from, const char *const *names) {
    int failed = 0;
    for (; *names != NULL; names++) {
        const struct json *value = json_get(from, *names);
        if (value != NULL) {
            failed |= json_put(object, *names, json_copy(value));
        }
    }
    return failed;
}

int sim_put_time(struct json *object, const char *name, int64_t us) {
    char text[SIM_TIME_SIZE];
    return json_put(object, name, json_text(sim_time(us, text)));
}

bool sim_differs(const struct json *a, const struct json *b, const char *name) {
    return !json_equal(json_get(a, name), json_get(b, name));
}

static struct sim_collection *collection_of(struct sim_core *core, const struct sim_kind *kind) {
    return (struct sim_collection *)(void *)((char *)core + kind->collection);
}

static struct sim_entry *make(struct sim_core *core, const struct sim_call *call) {
    struct sim_entry *entry = calloc(1, call->kind->size);
    if (entry == NULL || sim_entry_add(collection_of(core, call->kind), entry, call->ids[0]) < 0) {
        free(entry);
        sim_fail_memory(core, call->answer);
        return NULL;
    }
    if (call->kind->init != NULL) {
        call->kind->init(entry);
    }
    return entry;
}

static void succeed_entry(struct sim_core *core, const struct sim_call *call, unsigned status,
                          const struct sim_entry *entry) {
    sim_etag(entry, call->answer->etag);
    clock_format_http(entry->modified_us, call->answer->last_modified);
    sim_succeed(core, call->answer, status, call->kind->to_json(entry));
}

static int read_filter(struct sim_core *core, const struct sim_call *call, struct sim_filter *filter) {
    *filter = (struct sim_filter){.before_us = SIM_NEVER, .after_us = INT64_MIN};
    char capacity[SIM_ID_LIMIT + 1] = "";
    if (read_text(core, call, "status", filter->state) < 0 || read_text(core, call, "state", filter->state) < 0 ||
        read_text(core, call, "queueId", filter->queue_id) < 0 ||
        read_text(core, call, "channelId", filter->channel_id) < 0 ||
        read_text(core, call, "classificationPolicyId", filter->policy_id) < 0 ||
        read_text(core, call, "hasCapacity", capacity) < 0 ||
        read_time(core, call, "scheduledBefore", &filter->before_us) < 0 ||
        read_time(core, call, "scheduledAfter", &filter->after_us) < 0) {
        return -1;
    }
    filter->has_capacity = strcmp(capacity, "true") == 0;
    return 0;
}

/* A parameter that the operation does not have is not read: "status" means nothing to a list of workers. */
static int read_text(struct sim_core *core, const struct sim_call *call, const char *name,
                     char text[SIM_ID_LIMIT + 1]) {
    if (router_find_member(call->operation, slice_of(name)) == NULL) {
        return 0;
    }
    switch (sim_query(call->query, name, text)) {
    case SIM_TEXT_NO_MEMORY: return sim_fail_memory(core, call->answer);
    case SIM_TEXT_BAD:
        return sim_fail(call->answer, 400, "InvalidQuery", "the query parameter %s cannot be read", name);
    case SIM_TEXT_ABSENT:
    case SIM_TEXT_THERE: break;
    }
    return 0;
}

static int read_time(struct sim_core *core, const struct sim_call *call, const char *name, int64_t *us) {
    char text[SIM_ID_LIMIT + 1] = "";
    if (read_text(core, call, name, text) < 0) {
        return -1;
    }
    if (text[0] != '\0' && clock_parse(text, strlen(text), us) < 0) {
        return sim_fail(call->answer, 400, "InvalidQuery", "the query parameter %s is no date and time", name);
    }
    return 0;
}

/* Pages are not cut yet, but a size that is none is an error already. */
static int check_page_size(struct sim_core *core, const struct sim_call *call) {
    char text[SIM_ID_LIMIT + 1] = "";
    if (read_text(core, call, "maxpagesize", text) < 0) {
        return -1;
    }
    size_t digits = strspn(text, "0123456789");
    if (text[0] != '\0' && (text[digits] != '\0' || digits > 9 || strtol(text, NULL, 10) == 0)) {
        return sim_fail(call->answer, 400, "InvalidQuery", "maxpagesize must be a whole number of 1 or more");
    }
    return 0;
}
