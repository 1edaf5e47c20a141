/* The events, field by field: Azure/azure-rest-api-specs,
 * eventgrid/data-plane/Microsoft.Communication/stable/2018-01-01, and "Azure Communication Services - Job Router
 * events", learn.microsoft.com. Where those two differ, a field has the form of their samples. A field that may be
 * null is there with null. */
#include "event/catalogue.h"
#include "event/event.h"
#include "sim/classify.h"
#include "json/json.h"

enum { EVENT_LIMIT = 8 * 1024 * 1024, SUBJECT_IDS = 3 };

struct draft {
    struct sim_core *core;
    const char *type;
    char id[SIM_UUID_SIZE];
    struct buffer json;
};

static struct buffer *begin_job(struct draft *draft, struct sim_core *core, const struct sim_job *job,
                                const char *type, const char *last_id);
static struct buffer *begin_worker(struct draft *draft, struct sim_core *core, const struct sim_worker *worker,
                                   const char *type, const struct sim_job *job);
static struct buffer *begin(struct draft *draft, struct sim_core *core, const char *type,
                            const char *const ids[SUBJECT_IDS]);
static void put_subject(struct buffer *out, const char *form, const char *const ids[SUBJECT_IDS]);
static void end(struct draft *draft);
static void put_job(struct buffer *out, const struct sim_job *job);
static void put_worker(struct buffer *out, struct sim_core *core, const struct sim_worker *worker);
static void put_queue(struct buffer *out, const char *id, const struct sim_queue *queue);
static void put_selectors(struct buffer *out, const char *name, const struct sim_selectors *selectors);
static void put_selectors_in(struct buffer *out, const char *name, const struct sim_selectors *selectors,
                             enum sim_selector_state state);
static void put_selector(struct buffer *out, const struct json *selector, const struct sim_selector_life *life);
static void put_name(struct buffer *out, const char *name);
static void put_text(struct buffer *out, const char *name, const char *value);
static void put_integer(struct buffer *out, const char *name, int64_t value);
static void put_time(struct buffer *out, const char *name, int64_t us);
static void put_map(struct buffer *out, const char *name, const struct json *map);
static const char *text_of(const struct sim_job *job, const char *name);
static const char *reference_of(const struct sim_job *job);

void sim_emit_received(struct sim_core *core, const struct sim_job *job) {
    static const char *const statuses[] = {[SIM_JOB_QUEUED] = "Queued",
                                           [SIM_JOB_PENDING_SCHEDULE] = "PendingSchedule",
                                           [SIM_JOB_WAITING] = "WaitingForActivation",
                                           [SIM_JOB_PENDING_CLASSIFICATION] = "PendingClassification"};
    const struct json *body = job->entry.body;
    const char *mode = json_get_string(json_get(body, "matchingMode"), "kind");
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobReceived", NULL);
    put_job(out, job);
    put_text(out, "jobStatus", statuses[job->status]);
    put_text(out, "classificationPolicyId", text_of(job, "classificationPolicyId"));
    put_text(out, "queueId", text_of(job, "queueId"));
    if (json_get(body, "priority") == NULL) {
        put_text(out, "priority", NULL);
    } else {
        put_integer(out, "priority", job->priority);
    }
    put_selectors(out, "requestedWorkerSelectors", &job->requested);
    put_time(out, "scheduledOn", job->scheduled_us);
    put_name(out, "unavailableForMatching");
    buffer_append_text(out, strcmp(mode, "queueAndMatch") == 0 ? "false" : "true");
    end(&draft);
}

void sim_emit_classified(struct sim_core *core, const struct sim_job *job) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobClassified", text_of(job, "queueId"));
    put_job(out, job);
    put_name(out, "queueDetails");
    put_queue(out, job->queue->entry.id, job->queue);
    put_text(out, "classificationPolicyId", text_of(job, "classificationPolicyId"));
    put_text(out, "queueId", text_of(job, "queueId"));
    put_integer(out, "priority", job->priority);
    put_selectors(out, "attachedWorkerSelectors", &job->attached);
    end(&draft);
}

void sim_emit_classification_failed(struct sim_core *core, const struct sim_job *job,
                                    const struct sim_classify_failure *failure) {
    struct draft draft;
    const char *policy = text_of(job, "classificationPolicyId");
    struct buffer *out = begin_job(&draft, core, job, "RouterJobClassificationFailed", policy);
    put_job(out, job);
    put_text(out, "classificationPolicyId", policy);
    put_name(out, "errors");
    buffer_append_text(out, "[{");
    put_text(out, "code", failure->code);
    put_text(out, "message", failure->words);
    put_text(out, "target", failure->target);
    put_text(out, "innerError", NULL);
    put_text(out, "details", NULL);
    buffer_append_text(out, "}]");
    put_text(out, "queueId", text_of(job, "queueId"));
    end(&draft);
}

void sim_emit_queued(struct sim_core *core, const struct sim_job *job) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobQueued", text_of(job, "queueId"));
    put_job(out, job);
    put_text(out, "queueId", text_of(job, "queueId"));
    put_integer(out, "priority", job->priority);
    put_selectors(out, "requestedWorkerSelectors", &job->requested);
    put_selectors(out, "attachedWorkerSelectors", &job->attached);
    end(&draft);
}

void sim_emit_waiting(struct sim_core *core, const struct sim_job *job) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobWaitingForActivation", NULL);
    put_job(out, job);
    put_text(out, "queueId", text_of(job, "queueId"));
    put_integer(out, "priority", job->priority);
    put_selectors(out, "requestedWorkerSelectors", &job->requested);
    put_selectors(out, "attachedWorkerSelectors", &job->attached);
    put_selectors_in(out, "expiredRequestedWorkerSelectors", &job->requested, SIM_SELECTOR_EXPIRED);
    put_selectors_in(out, "expiredAttachedWorkerSelectors", &job->attached, SIM_SELECTOR_EXPIRED);
    put_time(out, "scheduledOn", job->scheduled_us);
    put_name(out, "unavailableForMatching");
    buffer_append_text(out, "true");
    end(&draft);
}

void sim_emit_cancelled(struct sim_core *core, const struct sim_job *job, const char *note) {
    struct draft draft;
    const char *code = text_of(job, "dispositionCode");
    struct buffer *out = begin_job(&draft, core, job, "RouterJobCancelled", code);
    put_job(out, job);
    put_text(out, "note", note);
    put_text(out, "dispositionCode", code);
    put_text(out, "queueId", text_of(job, "queueId"));
    end(&draft);
}

void sim_emit_exception(struct sim_core *core, const struct sim_job *job, const char *rule) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobExceptionTriggered", rule);
    put_job(out, job);
    put_text(out, "ruleKey", rule);
    put_text(out, "exceptionRuleId", rule);
    put_text(out, "queueId", text_of(job, "queueId"));
    end(&draft);
}

void sim_emit_scheduling_failed(struct sim_core *core, const struct sim_job *job, const char *reason) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobSchedulingFailed", NULL);
    put_job(out, job);
    put_text(out, "queueId", text_of(job, "queueId"));
    put_integer(out, "priority", job->priority);
    put_selectors(out, "requestedWorkerSelectors", &job->requested);
    put_selectors(out, "attachedWorkerSelectors", &job->attached);
    put_selectors_in(out, "expiredRequestedWorkerSelectors", &job->requested, SIM_SELECTOR_EXPIRED);
    put_selectors_in(out, "expiredAttachedWorkerSelectors", &job->attached, SIM_SELECTOR_EXPIRED);
    put_time(out, "scheduledOn", job->scheduled_us);
    put_text(out, "failureReason", reason);
    end(&draft);
}

void sim_emit_deleted(struct sim_core *core, const struct sim_job *job) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobDeleted", NULL);
    put_job(out, job);
    put_text(out, "queueId", text_of(job, "queueId"));
    end(&draft);
}

/* Those that are expiring just now. */
void sim_emit_selectors_expired(struct sim_core *core, const struct sim_job *job) {
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, "RouterJobWorkerSelectorsExpired", text_of(job, "queueId"));
    put_job(out, job);
    put_text(out, "queueId", text_of(job, "queueId"));
    put_selectors_in(out, "expiredRequestedWorkerSelectors", &job->requested, SIM_SELECTOR_EXPIRING);
    put_selectors_in(out, "expiredAttachedWorkerSelectors", &job->attached, SIM_SELECTOR_EXPIRING);
    end(&draft);
}

void sim_emit_assignment(struct sim_core *core, const struct sim_assignment *assignment,
                         enum sim_assignment_event event) {
    static const char *const types[] = {[SIM_ASSIGNMENT_COMPLETED] = "RouterJobCompleted",
                                        [SIM_ASSIGNMENT_CLOSED] = "RouterJobClosed",
                                        [SIM_ASSIGNMENT_UNASSIGNED] = "RouterJobUnassigned"};
    const struct sim_job *job = assignment->job;
    struct draft draft;
    struct buffer *out = begin_job(&draft, core, job, types[event], assignment->id);
    put_job(out, job);
    put_text(out, "queueId", text_of(job, "queueId"));
    put_text(out, "assignmentId", assignment->id);
    put_text(out, "workerId", assignment->worker_id);
    if (event == SIM_ASSIGNMENT_CLOSED) {
        put_text(out, "dispositionCode", text_of(job, "dispositionCode"));
    }
    end(&draft);
}

void sim_emit_offer(struct sim_core *core, const struct sim_offer *offer, enum sim_offer_event event,
                    const char *assignment_id) {
    static const char *const types[] = {[SIM_OFFER_WAS_ISSUED] = "RouterWorkerOfferIssued",
                                        [SIM_OFFER_WAS_ACCEPTED] = "RouterWorkerOfferAccepted",
                                        [SIM_OFFER_WAS_DECLINED] = "RouterWorkerOfferDeclined",
                                        [SIM_OFFER_WAS_REVOKED] = "RouterWorkerOfferRevoked",
                                        [SIM_OFFER_WAS_EXPIRED] = "RouterWorkerOfferExpired"};
    const struct sim_job *job = offer->job;
    struct draft draft;
    struct buffer *out = begin_worker(&draft, core, offer->worker, types[event], job);
    put_text(out, "workerId", offer->worker->entry.id);
    put_text(out, "jobId", job->entry.id);
    put_text(out, "channelReference", reference_of(job));
    put_text(out, "channelId", job->channel);
    put_text(out, "queueId", text_of(job, "queueId"));
    put_text(out, "offerId", offer->entry.id);
    if (event == SIM_OFFER_WAS_ISSUED) {
        put_time(out, "offeredOn", offer->offered_us);
        put_time(out, "expiresOn", offer->expires_us);
    }
    if (event == SIM_OFFER_WAS_ACCEPTED) {
        put_text(out, "assignmentId", assignment_id);
    }
    if (event == SIM_OFFER_WAS_ISSUED || event == SIM_OFFER_WAS_ACCEPTED) {
        put_integer(out, "jobPriority", job->priority);
        put_map(out, "jobLabels", json_get(job->entry.body, "labels"));
        put_map(out, "jobTags", json_get(job->entry.body, "tags"));
        put_map(out, "workerLabels", json_get(offer->worker->entry.body, "labels"));
        put_map(out, "workerTags", json_get(offer->worker->entry.body, "tags"));
    }
    end(&draft);
}

void sim_emit_worker(struct sim_core *core, const struct sim_worker *worker, enum sim_worker_event event) {
    static const char *const types[] = {[SIM_WORKER_REGISTERED] = "RouterWorkerRegistered",
                                        [SIM_WORKER_DEREGISTERED] = "RouterWorkerDeregistered",
                                        [SIM_WORKER_DELETED] = "RouterWorkerDeleted"};
    struct draft draft;
    struct buffer *out = begin_worker(&draft, core, worker, types[event], NULL);
    put_text(out, "workerId", worker->entry.id);
    if (event != SIM_WORKER_DEREGISTERED) {
        put_worker(out, core, worker);
    }
    end(&draft);
}

void sim_emit_worker_updated(struct sim_core *core, const struct sim_worker *worker,
                             const struct json *properties) {
    struct draft draft;
    struct buffer *out = begin_worker(&draft, core, worker, "RouterWorkerUpdated", NULL);
    put_text(out, "workerId", worker->entry.id);
    put_worker(out, core, worker);
    put_name(out, "updatedWorkerProperties");
    json_print(properties, out);
    end(&draft);
}

/* `last_id`: of what the subject of such an event ends with; NULL: nothing, or it has none. */
static struct buffer *begin_job(struct draft *draft, struct sim_core *core, const struct sim_job *job,
                                const char *type, const char *last_id) {
    return begin(draft, core, type, (const char *const[SUBJECT_IDS]){job->entry.id, job->channel, last_id});
}

static struct buffer *begin_worker(struct draft *draft, struct sim_core *core, const struct sim_worker *worker,
                                   const char *type, const struct sim_job *job) {
    const char *job_id = job == NULL ? NULL : job->entry.id;
    return begin(draft, core, type, (const char *const[SUBJECT_IDS]){worker->entry.id, job_id, NULL});
}

static struct buffer *begin(struct draft *draft, struct sim_core *core, const char *type,
                            const char *const ids[SUBJECT_IDS]) {
    const struct event_type *known = event_find_type(slice_of(type));
    struct buffer *out = &draft->json;
    draft->core = core;
    draft->type = known->name;
    sim_uuid(core, draft->id);
    buffer_init(out, EVENT_LIMIT);
    buffer_append_char(out, '{');
    put_text(out, "id", draft->id);
    put_text(out, "topic", SIM_TOPIC);
    put_subject(out, known->subject, ids);
    put_name(out, "eventType");
    buffer_append_format(out, "\"" EVENT_TYPE_PREFIX "%s\"", known->name);
    put_time(out, "eventTime", core->now_us);
    put_text(out, "dataVersion", "1.0");
    put_text(out, "metadataVersion", "1");
    put_name(out, "data");
    buffer_append_char(out, '{');
    return out;
}

/* The catalogue's form, its ids filled in one after the other. */
static void put_subject(struct buffer *out, const char *form, const char *const ids[SUBJECT_IDS]) {
    struct buffer subject;
    buffer_init(&subject, EVENT_LIMIT);
    for (size_t i = 0; *form != '\0';) {
        size_t plain = strcspn(form, "{");
        buffer_append(&subject, form, plain);
        form += plain;
        if (*form == '{') {
            const char *id = i < SUBJECT_IDS ? ids[i++] : NULL;
            buffer_append_text(&subject, id == NULL ? "" : id);
            form += strcspn(form, "}") + 1;
        }
    }
    put_name(out, "subject");
    json_append_string(out, buffer_slice(&subject));
    out->is_broken |= subject.is_broken;
    buffer_reset(&subject);
}

static void end(struct draft *draft) {
    buffer_append_text(&draft->json, "}}");
    if (draft->json.is_broken) {
        draft->core->is_broken = true;
        buffer_reset(&draft->json);
        return;
    }
    size_t length = draft->json.length;
    sim_push_event(draft->core, draft->type, draft->id, buffer_take(&draft->json), length);
}

static void put_job(struct buffer *out, const struct sim_job *job) {
    put_text(out, "jobId", job->entry.id);
    put_text(out, "channelReference", reference_of(job));
    put_text(out, "channelId", job->channel);
    put_map(out, "labels", json_get(job->entry.body, "labels"));
    put_map(out, "tags", json_get(job->entry.body, "tags"));
}

static void put_worker(struct buffer *out, struct sim_core *core, const struct sim_worker *worker) {
    const struct json *body = worker->entry.body;
    put_integer(out, "totalCapacity", worker->capacity);
    put_name(out, "queueAssignments");
    buffer_append_char(out, '[');
    const struct json *id = json_first(json_get(body, "queues"));
    for (const struct json *first = id; id != NULL; id = json_next(id)) {
        const struct sim_queue *queue = sim_queue_find(core, json_string_of(id));
        buffer_append_text(out, id == first ? "" : ",");
        put_queue(out, json_string_of(id), queue);
    }
    buffer_append_char(out, ']');
    put_name(out, "channelConfigurations");
    buffer_append_char(out, '[');
    for (size_t i = 0; i < worker->channel_count; i++) {
        const struct sim_channel *channel = &worker->channels[i];
        buffer_append_text(out, i == 0 ? "{" : ",{");
        put_text(out, "channelId", channel->id);
        put_integer(out, "capacityCostPerJob", channel->cost);
        if (channel->most == INT32_MAX) {
            put_text(out, "maxNumberOfJobs", NULL);
        } else {
            put_integer(out, "maxNumberOfJobs", channel->most);
        }
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, ']');
    put_map(out, "labels", json_get(body, "labels"));
    put_map(out, "tags", json_get(body, "tags"));
}

/* NULL: there is none of that id. */
static void put_queue(struct buffer *out, const char *id, const struct sim_queue *queue) {
    const struct json *body = queue == NULL ? NULL : queue->entry.body;
    buffer_append_char(out, '{');
    put_text(out, "id", id);
    put_text(out, "name", json_get_string(body, "name"));
    put_map(out, "labels", json_get(body, "labels"));
    buffer_append_char(out, '}');
}

static void put_selectors(struct buffer *out, const char *name, const struct sim_selectors *selectors) {
    put_name(out, name);
    buffer_append_char(out, '[');
    size_t index = 0;
    for (const struct json *selector = json_first(selectors->list); selector != NULL;
         selector = json_next(selector)) {
        buffer_append_text(out, index == 0 ? "" : ",");
        put_selector(out, selector, sim_selector_life(selectors, index++));
    }
    buffer_append_char(out, ']');
}

/* Only those in that state. */
static void put_selectors_in(struct buffer *out, const char *name, const struct sim_selectors *selectors,
                             enum sim_selector_state state) {
    put_name(out, name);
    buffer_append_char(out, '[');
    size_t index = 0;
    bool is_first = true;
    for (const struct json *selector = json_first(selectors->list); selector != NULL;
         selector = json_next(selector)) {
        const struct sim_selector_life *life = sim_selector_life(selectors, index++);
        if (life != NULL && life->state == state) {
            buffer_append_text(out, is_first ? "" : ",");
            put_selector(out, selector, life);
            is_first = false;
        }
    }
    buffer_append_char(out, ']');
}

static void put_selector(struct buffer *out, const struct json *selector, const struct sim_selector_life *life) {
    const struct json *value = json_get(selector, "value");
    buffer_append_char(out, '{');
    put_text(out, "key", json_get_string(selector, "key"));
    put_text(out, "labelOperator", json_get_string(selector, "labelOperator"));
    put_name(out, "value");
    if (value == NULL) {
        buffer_append_text(out, "null");
    } else {
        json_print(value, out);
    }
    put_name(out, "ttlSeconds");
    if (life == NULL) {
        buffer_append_text(out, "null");
    } else {
        json_print(json_get(selector, "expiresAfterSeconds"), out);
    }
    put_text(out, "state", life == NULL || life->state == SIM_SELECTOR_ACTIVE ? "active" : "expired");
    put_time(out, "expirationTime", life == NULL ? -1 : life->end_us);
    buffer_append_char(out, '}');
}

static void put_name(struct buffer *out, const char *name) {
    bool is_first = out->length > 0 && out->bytes[out->length - 1] == '{';
    buffer_append_text(out, is_first ? "\"" : ",\"");
    buffer_append_text(out, name);
    buffer_append_text(out, "\":");
}

/* NULL: null. */
static void put_text(struct buffer *out, const char *name, const char *value) {
    put_name(out, name);
    if (value == NULL) {
        buffer_append_text(out, "null");
    } else {
        json_append_string(out, slice_of(value));
    }
}

static void put_integer(struct buffer *out, const char *name, int64_t value) {
    put_name(out, name);
    json_append_integer(out, value);
}

/* Negative: null. */
static void put_time(struct buffer *out, const char *name, int64_t us) {
    char text[SIM_TIME_SIZE];
    put_text(out, name, us < 0 ? NULL : sim_time(us, text));
}

static void put_map(struct buffer *out, const char *name, const struct json *map) {
    put_name(out, name);
    if (map == NULL) {
        buffer_append_text(out, "{}");
    } else {
        json_print(map, out);
    }
}

static const char *text_of(const struct sim_job *job, const char *name) {
    return json_get_string(job->entry.body, name);
}

/* Documented as never null. */
static const char *reference_of(const struct sim_job *job) {
    const char *reference = text_of(job, "channelReference");
    return reference == NULL ? "" : reference;
}
