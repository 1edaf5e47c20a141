#include "event/catalogue_tables.h"
#include "event/parsed.h"

static const struct event_alias no_aliases[] = {LAST_ALIAS};

static const struct event_field queue_details_fields[] = {
    FIELD("id", EVENT_TEXT, NEVER_NULL, FROM_EVERYWHERE, "\"support\"", "the queue's id"),
    FIELD("name", EVENT_TEXT, NULLABLE, FROM_EVERYWHERE, "\"Support\"", "the queue's name, when it was given one"),
    FIELD("labels", EVENT_MAP, NULLABLE, FROM_EVERYWHERE, "{\"Product\":\"Kettle\"}", "the queue's labels"),
    LAST_FIELD,
};

static const struct event_field channel_configuration_fields[] = {
    FIELD("channelId", EVENT_TEXT, NEVER_NULL, FROM_EVERYWHERE, "\"voice\"", "the channel"),
    FIELD("capacityCostPerJob", EVENT_INTEGER, NEVER_NULL, FROM_EVERYWHERE, "100",
          "how much of the worker's capacity a job of the channel takes"),
    FIELD("maxNumberOfJobs", EVENT_INTEGER, NULLABLE, FROM_PRESENT, "1",
          "how many jobs of the channel the worker takes at once"),
    LAST_FIELD,
};

static const struct event_field communication_error_fields[] = {
    FIELD("code", EVENT_TEXT, NULLABLE, FROM_EVERYWHERE, "\"BadExpression\"", "a short name of the error"),
    FIELD("message", EVENT_TEXT, NEVER_NULL, FROM_EVERYWHERE, "\"the rule has no such label\"", "what went wrong"),
    FIELD("target", EVENT_TEXT, NULLABLE, FROM_EVERYWHERE, "\"prioritizationRule\"", "what it is about"),
    FIELD("innerError", EVENT_MODEL, NULLABLE, FROM_EVERYWHERE, "null", "the error behind this one",
          .model = &event_communication_error),
    FIELD("details", EVENT_MODELS, NULLABLE, FROM_EVERYWHERE, "[]", "the errors that it is made of",
          .model = &event_communication_error),
    LAST_FIELD,
};

static const struct event_alias communication_error_aliases[] = {{"innererror", "innerError", true}, LAST_ALIAS};

static const char *const label_operators[] = {
    "Equal",
    "NotEqual",
    "Greater",
    "Less",
    "GreaterThan",
    "LessThan",
    "GreaterThanEqual",
    "LessThanEqual",
    "GreaterThanOrEqual",
    "LessThanOrEqual",
    "equal",
    "notEqual",
    "greaterThan",
    "lessThan",
    "greaterThanOrEqual",
    "lessThanOrEqual",
    NULL,
};

static const char *const selector_states[] = {"active", "expired", "Active", "Expired", NULL};

static const struct event_field worker_selector_fields[] = {
    FIELD("key", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"Language\"", "the worker's label that is looked at"),
    FIELD("labelOperator", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"Equal\"", "how it is compared",
          .values = label_operators, .canonical = event_parse_operator),
    FIELD("value", EVENT_PRIMITIVE, NULLABLE, FROM_PRESENT, "\"de\"", "what it is compared with"),
    FIELD("ttlSeconds", EVENT_LIFETIME, NULLABLE, FROM_PRESENT, "90", "how long the selector holds"),
    FIELD("state", EVENT_TEXT, NULLABLE, FROM_PRESENT, "\"active\"",
          "whether it still holds; may also come as 0 or 1", .values = selector_states,
          .canonical = event_parse_state),
    FIELD("expirationTime", EVENT_TIME, NULLABLE, FROM_PRESENT, "\"2026-03-02T08:16:34.1200000Z\"",
          "until when it holds"),
    LAST_FIELD,
};

static const struct event_alias worker_selector_aliases[] = {
    {"ttl", "ttlSeconds", true},
    {"TTLSeconds", "ttlSeconds", true},
    {"ExpireTime", "expirationTime", true},
    LAST_ALIAS,
};

const struct event_model event_queue_details = {
    "QueueDetails", queue_details_fields, no_aliases, false, "a queue",
};
const struct event_model event_channel_configuration = {
    "ChannelConfiguration", channel_configuration_fields, no_aliases, false, "what a worker takes of a channel",
};
const struct event_model event_communication_error = {
    "CommunicationError",
    communication_error_fields,
    communication_error_aliases,
    true,
    "an error, with those behind it",
};
const struct event_model event_worker_selector = {
    "WorkerSelector",
    worker_selector_fields,
    worker_selector_aliases,
    true,
    "what a job asks of a worker's labels",
};

const struct event_model *const event_models[] = {
    &event_channel_configuration, &event_communication_error, &event_queue_details, &event_worker_selector, NULL,
};

const char *const event_job_statuses[] = {
    "PendingClassification",
    "Queued",
    "Assigned",
    "Completed",
    "Closed",
    "Cancelled",
    "ClassificationFailed",
    "Created",
    "PendingSchedule",
    "Scheduled",
    "ScheduleFailed",
    "WaitingForActivation",
    NULL,
};
