#include "event/catalogue.h"
#include "event/catalogue_tables.h"
#include "event/event.h"

/* FROM_PRESENT without the page's: what only the schema and its examples have. */
#define SCHEMA_ALONE (FROM_SCHEMA | FROM_SAMPLE)

#define JOB_SUBJECT   "job/{jobId}/channel/{channelId}"
#define OFFER_SUBJECT "worker/{workerId}/job/{jobId}"

static const struct event_alias no_aliases[] = {LAST_ALIAS};

static const struct event_alias classified_aliases[] = {{"queueInfo", "queueDetails", false}, LAST_ALIAS};

static const struct event_alias issued_aliases[] = {
    {"offerTimeUtc", "offeredOn", false},
    {"expiryTimeUtc", "expiresOn", false},
    LAST_ALIAS,
};

static const struct event_alias expired_aliases[] = {
    {"requestedWorkerSelectorsExpired", "expiredRequestedWorkerSelectors", true},
    {"attachedWorkerSelectorsExpired", "expiredAttachedWorkerSelectors", true},
    LAST_ALIAS,
};

static const struct event_alias scheduled_aliases[] = {
    {"expiredRequestedWorkerSelectors", "requestedWorkerSelectors", true},
    {"requestedWorkerSelectorsExpired", "requestedWorkerSelectors", true},
    {"expiredAttachedWorkerSelectors", "attachedWorkerSelectors", true},
    {"attachedWorkerSelectorsExpired", "attachedWorkerSelectors", true},
    LAST_ALIAS,
};

static const struct event_alias updated_aliases[] = {
    {"propertiesUpdated", "updatedWorkerProperties", true},
    LAST_ALIAS,
};

/* Both tables below are made from this one: name, words, subject, lane, deadline, fields, aliases, sources. */
#define EVENT_TYPES(TYPE)                                                                                         \
    TYPE(RouterJobCancelled, "a job was cancelled", JOB_SUBJECT "/disposition/{dispositionCode}", JOB, NULL,      \
         job_cancelled, no_aliases, FROM_EVERYWHERE)                                                              \
    TYPE(RouterJobClassificationFailed, "the classification policy could not be applied to a job",                \
         JOB_SUBJECT "/classificationpolicy/{classificationPolicyId}", JOB, NULL, job_classification_failed,      \
         no_aliases, FROM_EVERYWHERE)                                                                             \
    TYPE(RouterJobClassified, "the classification policy was applied to a job", JOB_SUBJECT "/queue/{queueId}",   \
         JOB, NULL, job_classified, classified_aliases, FROM_EVERYWHERE)                                          \
    TYPE(RouterJobClosed, "a job was closed: its wrap-up is over", JOB_SUBJECT "/assignment/{assignmentId}", JOB, \
         NULL, job_closed, no_aliases, FROM_EVERYWHERE)                                                           \
    TYPE(RouterJobCompleted, "a job was completed: its wrap-up begins", JOB_SUBJECT "/assignment/{assignmentId}", \
         JOB, NULL, job_completed, no_aliases, FROM_EVERYWHERE)                                                   \
    TYPE(RouterJobDeleted, "a job was deleted", JOB_SUBJECT, JOB, NULL, job_deleted, no_aliases, FROM_PRESENT)    \
    TYPE(RouterJobExceptionCleared, "an exception rule no longer holds for a job",                                \
         JOB_SUBJECT "/exceptionrule/{ruleKey}", JOB, NULL, job_exception_cleared, no_aliases, FROM_PREVIEW)      \
    TYPE(RouterJobExceptionTriggered, "an exception rule fired for a job",                                        \
         JOB_SUBJECT "/exceptionrule/{ruleKey}", JOB, NULL, job_exception_triggered, no_aliases, FROM_EVERYWHERE) \
    TYPE(RouterJobLabelsUpdated, "a job's labels were changed", JOB_SUBJECT, JOB, NULL, job_labels_updated,       \
         no_aliases, FROM_PREVIEW)                                                                                \
    TYPE(RouterJobQueued, "a job was put into a queue", JOB_SUBJECT "/queue/{queueId}", JOB, NULL, job_queued,    \
         no_aliases, FROM_PRESENT)                                                                                \
    TYPE(RouterJobReceived, "a job was created", JOB_SUBJECT, JOB, NULL, job_received, no_aliases,                \
         FROM_EVERYWHERE)                                                                                         \
    TYPE(RouterJobSchedulingFailed, "a job could not be scheduled", JOB_SUBJECT, JOB, NULL,                       \
         job_scheduling_failed, scheduled_aliases, FROM_PRESENT)                                                  \
    TYPE(RouterJobUnassigned, "a job was taken from its worker", JOB_SUBJECT "/assignment/{assignmentId}", JOB,   \
         NULL, job_unassigned, no_aliases, FROM_PRESENT)                                                          \
    TYPE(RouterJobWaitingForActivation, "a scheduled job's time has come: it waits to be activated", JOB_SUBJECT, \
         JOB, NULL, job_waiting, scheduled_aliases, FROM_PRESENT)                                                 \
    TYPE(RouterJobWorkerSelectorsExpired, "the time of some of a job's worker selectors is over",                 \
         JOB_SUBJECT "/queue/{queueId}", JOB, NULL, job_selectors_expired, expired_aliases, FROM_PRESENT)         \
    TYPE(RouterWorkerDeleted, "a worker was deleted", "worker/{workerId}", WORKER, NULL, worker_deleted,          \
         no_aliases, FROM_PRESENT)                                                                                \
    TYPE(RouterWorkerDeregistered, "a worker went from active to inactive or draining", "worker/{workerId}",      \
         WORKER, NULL, worker_deregistered, no_aliases, FROM_EVERYWHERE)                                          \
    TYPE(RouterWorkerOfferAccepted, "a worker accepted an offer", OFFER_SUBJECT, JOB, NULL, offer_accepted,       \
         no_aliases, FROM_EVERYWHERE)                                                                             \
    TYPE(RouterWorkerOfferDeclined, "a worker declined an offer", OFFER_SUBJECT, JOB, NULL, offer_ended,          \
         no_aliases, FROM_EVERYWHERE)                                                                             \
    TYPE(RouterWorkerOfferExpired, "an offer's time is over", OFFER_SUBJECT, JOB, NULL, offer_ended, no_aliases,  \
         FROM_EVERYWHERE)                                                                                         \
    TYPE(RouterWorkerOfferIssued, "a job was offered to a worker", OFFER_SUBJECT, JOB, "expiresOn", offer_issued, \
         issued_aliases, FROM_EVERYWHERE)                                                                         \
    TYPE(RouterWorkerOfferRevoked, "an offer was taken back", OFFER_SUBJECT, JOB, NULL, offer_ended, no_aliases,  \
         FROM_EVERYWHERE)                                                                                         \
    TYPE(RouterWorkerRegistered, "a worker went from inactive or draining to active", "worker/{workerId}",        \
         WORKER, NULL, worker_registered, no_aliases, FROM_EVERYWHERE)                                            \
    TYPE(RouterWorkerUpdated, "a worker was changed", "worker/{workerId}", WORKER, NULL, worker_updated,          \
         updated_aliases, SCHEMA_ALONE)

#define AS_NAME(name_, ...) #name_,
#define AS_TYPE(name_, words_, subject_, lane_, deadline_, fields_, aliases_, sources_)                           \
    {.name = #name_,                                                                                              \
     .words = (words_),                                                                                           \
     .subject = subject_,                                                                                         \
     .lane = EVENT_LANE_##lane_,                                                                                  \
     .deadline = (deadline_),                                                                                     \
     .fields = event_fields_##fields_,                                                                            \
     .aliases = (aliases_),                                                                                       \
     .sources = (sources_)},

const struct event_type event_types[] = {EVENT_TYPES(AS_TYPE){.name = NULL}};
const char *const event_type_names[] = {EVENT_TYPES(AS_NAME) NULL};

enum { TYPE_COUNT = sizeof event_types / sizeof event_types[0] - 1 };

const struct event_type *event_find_type(struct slice short_name) {
    size_t first = 0;
    size_t end = TYPE_COUNT;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        struct slice name = slice_of(event_types[middle].name);
        size_t shorter = name.length < short_name.length ? name.length : short_name.length;
        int order = shorter == 0 ? 0 : memcmp(short_name.bytes, name.bytes, shorter);
        if (order == 0 && short_name.length == name.length) {
            return &event_types[middle];
        }
        if (order < 0 || (order == 0 && short_name.length < name.length)) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return NULL;
}

const struct event_field *event_find_field(const struct event_field *fields, struct slice name) {
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        if (slice_is(name, field->name)) {
            return field;
        }
    }
    return NULL;
}

const struct event_field *event_find_spelling(const struct event_type *type, struct slice name) {
    for (const struct event_alias *alias = type->aliases; alias->other != NULL; alias++) {
        if (slice_is(name, alias->other)) {
            return event_find_field(type->fields, slice_of(alias->name));
        }
    }
    return event_find_field(type->fields, name);
}

struct slice event_short_name(struct slice type) {
    size_t prefix = sizeof EVENT_TYPE_PREFIX - 1;
    if (type.length <= prefix || memcmp(type.bytes, EVENT_TYPE_PREFIX, prefix) != 0) {
        return type;
    }
    return slice_make(type.bytes + prefix, type.length - prefix);
}
