/* Create or update, get and delete: the same for all kinds of resources. */
#include "base/clock.h"
#include "sim/state.h"
#include <stdlib.h>

static struct sim_entry *make(struct sim_core *core, const struct sim_call *call);
static void succeed_entry(struct sim_core *core, const struct sim_call *call, unsigned status,
                          const struct sim_entry *entry);

void sim_upsert(struct sim_core *core, struct sim_call *call) {
    const struct sim_kind *kind = call->kind;
    struct sim_entry *entry = sim_find(sim_collection_of(core, kind), call->ids[0]);
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
    const struct sim_entry *entry = sim_find(sim_collection_of(core, call->kind), call->ids[0]);
    if (entry == NULL) {
        sim_fail_unknown(call->answer, call->kind->what, call->ids[0]);
        return;
    }
    succeed_entry(core, call, 200, entry);
}

void sim_delete(struct sim_core *core, struct sim_call *call) {
    const struct sim_kind *kind = call->kind;
    struct sim_entry *entry = sim_find(sim_collection_of(core, kind), call->ids[0]);
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

struct sim_collection *sim_collection_of(struct sim_core *core, const struct sim_kind *kind) {
    return (struct sim_collection *)(void *)((char *)core + kind->collection);
}

static struct sim_entry *make(struct sim_core *core, const struct sim_call *call) {
    struct sim_entry *entry = calloc(1, call->kind->size);
    if (entry == NULL || sim_entry_add(sim_collection_of(core, call->kind), entry, call->ids[0]) < 0) {
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
