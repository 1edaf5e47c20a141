/* From a request to the operation that it means: everything that does not need a resource is refused here. */
#include "base/text.h"
#include "sim/classify.h"
#include "sim/exception.h"
#include <stdlib.h>

struct route {
    const char
        *operation; /* of several with one verb and path (create, update, activate), the one with all members */
    sim_handler *handler;
    const struct sim_kind *kind;
};

static const struct route routes[SIM_ROUTES] = {
    {"router.classification_policies.create", sim_upsert, &sim_classification_kind},
    {"router.classification_policies.delete", sim_delete, &sim_classification_kind},
    {"router.classification_policies.get", sim_get, &sim_classification_kind},
    {"router.classification_policies.list", sim_list, &sim_classification_kind},
    {"router.distribution_policies.create", sim_upsert, &sim_policy_kind},
    {"router.distribution_policies.delete", sim_delete, &sim_policy_kind},
    {"router.distribution_policies.get", sim_get, &sim_policy_kind},
    {"router.distribution_policies.list", sim_list, &sim_policy_kind},
    {"router.exception_policies.create", sim_upsert, &sim_exception_kind},
    {"router.exception_policies.delete", sim_delete, &sim_exception_kind},
    {"router.exception_policies.get", sim_get, &sim_exception_kind},
    {"router.exception_policies.list", sim_list, &sim_exception_kind},
    {"router.jobs.cancel", sim_job_cancel, NULL},
    {"router.jobs.close", sim_job_close, NULL},
    {"router.jobs.complete", sim_job_complete, NULL},
    {"router.jobs.create", sim_upsert, &sim_job_kind},
    {"router.jobs.delete", sim_delete, &sim_job_kind},
    {"router.jobs.get", sim_get, &sim_job_kind},
    {"router.jobs.list", sim_list, &sim_job_kind},
    {"router.jobs.position", sim_job_position, NULL},
    {"router.jobs.reclassify", sim_job_reclassify_now, NULL},
    {"router.jobs.unassign", sim_job_unassign, NULL},
    {"router.offers.accept", sim_offer_accept, NULL},
    {"router.offers.decline", sim_offer_decline, NULL},
    {"router.queues.create", sim_upsert, &sim_queue_kind},
    {"router.queues.delete", sim_delete, &sim_queue_kind},
    {"router.queues.get", sim_get, &sim_queue_kind},
    {"router.queues.list", sim_list, &sim_queue_kind},
    {"router.queues.statistics", sim_queue_statistics, NULL},
    {"router.workers.create", sim_upsert, &sim_worker_kind},
    {"router.workers.delete", sim_delete, &sim_worker_kind},
    {"router.workers.get", sim_get, &sim_worker_kind},
    {"router.workers.list", sim_list, &sim_worker_kind},
};

static const struct route *find_route(const struct sim_core *core, const struct sim_request *request,
                                      struct slice ids[2], const struct router_operation **operation,
                                      bool *is_path_known);
static bool matches_segment(struct slice template, struct slice segment, struct slice *id);
static struct slice take_segment(struct slice *path);
static enum sim_text decode(struct slice raw, bool is_query, char text[SIM_ID_LIMIT + 1]);
static int decode_id(struct sim_core *core, struct slice raw, char id[SIM_ID_LIMIT + 1],
                     struct sim_answer *answer);
static int check_version(struct sim_core *core, struct slice query, struct sim_answer *answer);
static int read_body(struct sim_core *core, const struct sim_request *request, struct sim_call *call);
static struct slice media_type(struct slice content_type);

void sim_route_prepare(struct sim_core *core) {
    for (size_t i = 0; i < SIM_ROUTES; i++) {
        core->operations[i] = router_find(slice_of(routes[i].operation));
    }
}

int sim_route(struct sim_core *core, const struct sim_request *request, struct sim_call *call,
              sim_handler **handler) {
    struct slice ids[2] = {{NULL, 0}, {NULL, 0}};
    bool is_path_known = false;
    const struct route *route = find_route(core, request, ids, &call->operation, &is_path_known);
    if (route == NULL && is_path_known) {
        return sim_fail(call->answer, 405, "MethodNotAllowed", "this path does not take %.*s",
                        SLICE_ARG(request->method));
    }
    if (route == NULL) {
        return sim_fail(call->answer, 404, "NotFound",
                        "the Job Router has no such path; those it has begin with /routing/");
    }
    for (size_t i = 0; i < 2 && slice_is_set(ids[i]); i++) {
        if (decode_id(core, ids[i], call->ids[i], call->answer) < 0) {
            return -1;
        }
    }
    if (check_version(core, request->query, call->answer) < 0) {
        return -1;
    }
    call->origin = request->origin;
    call->query = request->query;
    call->if_match = request->if_match;
    call->if_unmodified_since = request->if_unmodified_since;
    call->kind = route->kind;
    *handler = route->handler;
    return read_body(core, request, call);
}

enum sim_text sim_query(struct slice query, const char *name, char text[SIM_ID_LIMIT + 1]) {
    size_t length = strlen(name);
    while (query.length > 0) {
        const char *end = memchr(query.bytes, '&', query.length);
        struct slice pair = slice_make(query.bytes, end == NULL ? query.length : (size_t)(end - query.bytes));
        if (pair.length > length && memcmp(pair.bytes, name, length) == 0 && pair.bytes[length] == '=') {
            return decode(slice_make(pair.bytes + length + 1, pair.length - length - 1), true, text);
        }
        size_t used = pair.length + (end != NULL);
        query = slice_make(query.bytes + used, query.length - used);
    }
    return SIM_TEXT_ABSENT;
}

bool sim_matches_path(const char *template, struct slice path, struct slice ids[2]) {
    struct slice expected = slice_of(template);
    size_t count = 0;
    while (expected.length > 0 && path.length > 0) {
        struct slice id = {NULL, 0};
        if (!matches_segment(take_segment(&expected), take_segment(&path), &id)) {
            return false;
        }
        if (slice_is_set(id) && ids != NULL && count < 2) {
            ids[count++] = id;
        }
    }
    return expected.length == 0 && path.length == 0;
}

static const struct route *find_route(const struct sim_core *core, const struct sim_request *request,
                                      struct slice ids[2], const struct router_operation **operation,
                                      bool *is_path_known) {
    for (size_t i = 0; i < SIM_ROUTES; i++) {
        const struct router_operation *candidate = core->operations[i];
        ids[0] = ids[1] = (struct slice){NULL, 0};
        if (candidate == NULL || !sim_matches_path(candidate->path, request->path, ids)) {
            continue;
        }
        *is_path_known = true;
        if (slice_is(request->method, candidate->method)) {
            *operation = candidate;
            return &routes[i];
        }
    }
    return NULL;
}

/* "{jobId}:cancel" takes "j1:cancel"; "{jobId}" takes any segment, one with a colon too: no other verb has one
 * there. */
static bool matches_segment(struct slice template, struct slice segment, struct slice *id) {
    if (template.length == 0 || template.bytes[0] != '{') {
        return slice_equal(template, segment);
    }
    const char *close = memchr(template.bytes, '}', template.length);
    size_t tail = template.length - (size_t)(close + 1 - template.bytes);
    if (segment.length <= tail || memcmp(segment.bytes + segment.length - tail, close + 1, tail) != 0) {
        return false;
    }
    *id = slice_make(segment.bytes, segment.length - tail);
    return true;
}

static struct slice take_segment(struct slice *path) {
    if (path->bytes[0] == '/') {
        *path = slice_make(path->bytes + 1, path->length - 1);
    }
    const char *end = path->length == 0 ? NULL : memchr(path->bytes, '/', path->length);
    struct slice segment = slice_make(path->bytes, end == NULL ? path->length : (size_t)(end - path->bytes));
    *path = slice_make(path->bytes + segment.length, path->length - segment.length);
    return segment;
}

/* The percent-encoding taken away; empty is absent. */
static enum sim_text decode(struct slice raw, bool is_query, char text[SIM_ID_LIMIT + 1]) {
    struct buffer out;
    buffer_init(&out, raw.length + 1); /* it never gets longer: broken means no memory */
    int result = text_append_unpercent(&out, raw, is_query);
    bool is_good = result == 0 && out.length <= SIM_ID_LIMIT && text_is_utf8(buffer_slice(&out));
    enum sim_text found = out.is_broken ? SIM_TEXT_NO_MEMORY : is_good ? SIM_TEXT_THERE : SIM_TEXT_BAD;
    if (found == SIM_TEXT_THERE) {
        memcpy(text, out.length == 0 ? "" : out.bytes, out.length + 1);
        found = out.length == 0 ? SIM_TEXT_ABSENT : found;
    }
    buffer_reset(&out);
    return found;
}

static int decode_id(struct sim_core *core, struct slice raw, char id[SIM_ID_LIMIT + 1],
                     struct sim_answer *answer) {
    switch (decode(raw, false, id)) {
    case SIM_TEXT_THERE: return 0;
    case SIM_TEXT_NO_MEMORY: return sim_fail_memory(core, answer);
    case SIM_TEXT_ABSENT:
    case SIM_TEXT_BAD: break;
    }
    return sim_fail(answer, 400, "InvalidId",
                    "an id in the path is too long (over %d bytes), badly encoded or no UTF-8", SIM_ID_LIMIT);
}

static int check_version(struct sim_core *core, struct slice query, struct sim_answer *answer) {
    char version[SIM_ID_LIMIT + 1] = "";
    enum sim_text found = sim_query(query, "api-version", version);
    if (found == SIM_TEXT_NO_MEMORY) {
        return sim_fail_memory(core, answer);
    }
    if (found == SIM_TEXT_ABSENT) {
        return sim_fail(answer, 400, "MissingApiVersionParameter",
                        "the query parameter api-version is required; use api-version=" ROUTER_API_VERSION);
    }
    if (found == SIM_TEXT_BAD || strcmp(version, ROUTER_API_VERSION) != 0) {
        return sim_fail(answer, 400, "UnsupportedApiVersionValue",
                        "this api-version is not supported; use api-version=" ROUTER_API_VERSION);
    }
    return 0;
}

static int read_body(struct sim_core *core, const struct sim_request *request, struct sim_call *call) {
    const struct router_operation *operation = call->operation;
    if (request->body.length == 0) {
        if (operation->content_type != NULL && !operation->is_body_optional) {
            return sim_fail(call->answer, 400, "MissingBody", "this call needs a body, of type %s",
                            operation->content_type);
        }
        return 0;
    }
    if (operation->content_type == NULL) {
        /* Clients send "{}" with every POST: a body that says nothing is no reason to refuse. */
        if (slice_is(request->method, "POST") && slice_is(request->body, "{}")) {
            return 0;
        }
        return sim_fail(call->answer, 400, "UnexpectedBody", "this call takes no body");
    }
    if (!slice_equal_ignoring_case(media_type(request->content_type), slice_of(operation->content_type))) {
        return sim_fail(call->answer, 415, "UnsupportedMediaType", "the Content-Type of this call must be %s",
                        operation->content_type);
    }
    struct error error = {0};
    call->body = json_parse(request->body.bytes, request->body.length, &error);
    if (call->body == NULL && error.code == ERROR_MEMORY) {
        return sim_fail_memory(core, call->answer);
    }
    if (call->body == NULL) {
        return sim_fail(call->answer, 400, "InvalidJson", "the body is no JSON: %s", error.message);
    }
    if (json_kind(call->body) != JSON_OBJECT) {
        return sim_fail(call->answer, 400, "InvalidJson", "the body must be a JSON object");
    }
    return sim_check_body(operation, call->body, call->answer);
}

/* Without its parameters. */
static struct slice media_type(struct slice content_type) {
    size_t length = 0;
    while (length < content_type.length && content_type.bytes[length] != ';') {
        length++;
    }
    while (length > 0 && (content_type.bytes[length - 1] == ' ' || content_type.bytes[length - 1] == '\t')) {
        length--;
    }
    return slice_make(content_type.bytes, length);
}
