#include "event/catalogue_tables.h"
#include "event/parsed.h"

#define JOB_ID(sources)                                                                                           \
    FIELD("jobId", EVENT_TEXT, NEVER_NULL, (sources), "\"job-4711\"",                                             \
          "the job; its id is whatever its creator chose")
#define CHANNEL_REFERENCE(nullable, sources)                                                                      \
    FIELD("channelReference", EVENT_TEXT, (nullable), (sources), "\"call-20931\"",                                \
          "what the job's creator calls the call, the chat, ...")
#define CHANNEL_ID(nullable, sources)                                                                             \
    FIELD("channelId", EVENT_TEXT, (nullable), (sources), "\"voice\"", "the job's channel")
#define LABELS(sources) FIELD("labels", EVENT_MAP, NULLABLE, (sources), SAMPLE_LABELS, "the job's labels")
#define TAGS            FIELD("tags", EVENT_MAP, NULLABLE, FROM_PRESENT, SAMPLE_TAGS, "the job's tags")
#define JOB(sources)                                                                                              \
    JOB_ID(sources), CHANNEL_REFERENCE(NEVER_NULL, sources), CHANNEL_ID(NEVER_NULL, sources), LABELS(sources)
#define QUEUE_ID(nullable, sources)                                                                               \
    FIELD("queueId", EVENT_TEXT, (nullable), (sources), "\"support\"", "the job's queue; may be an empty text")
#define ASSIGNMENT_ID                                                                                             \
    FIELD("assignmentId", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"assignment-17\"", "which assignment it was")
#define WORKER_ID FIELD("workerId", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"worker-8\"", "the worker that had it")
#define POLICY_ID(nullable, sources)                                                                              \
    FIELD("classificationPolicyId", EVENT_TEXT, (nullable), (sources), "\"by-language\"",                         \
          "the classification policy")
#define PRIORITY(nullable, sources)                                                                               \
    FIELD("priority", EVENT_INTEGER, (nullable), (sources), "10", "the job's priority; higher goes first")
#define SCHEDULED_ON                                                                                              \
    FIELD("scheduledOn", EVENT_TIME, NULLABLE, FROM_PRESENT, "\"2026-03-02T08:15:00.0000000Z\"",                  \
          "when the job was to become ready")
#define UNAVAILABLE                                                                                               \
    FIELD("unavailableForMatching", EVENT_BOOLEAN, NULLABLE, FROM_PRESENT, "true",                                \
          "whether the job waits to be activated")
#define JOB_STATUS(sources, sample)                                                                               \
    FIELD("jobStatus", EVENT_TEXT, NEVER_NULL, (sources), sample, "the job's status",                             \
          .values = event_job_statuses, .canonical = event_parse_job_status)
#define SELECTORS(name, sources, sample, words)                                                                   \
    FIELD(name, EVENT_MODELS, NULLABLE, (sources), sample, words, .model = &event_worker_selector)
#define REQUESTED                                                                                                 \
    SELECTORS("requestedWorkerSelectors", FROM_PRESENT, SAMPLE_WANTED, "what the job's creator asks of a worker")
#define ATTACHED                                                                                                  \
    SELECTORS("attachedWorkerSelectors", FROM_PRESENT, SAMPLE_ATTACHED,                                           \
              "what the classification policy asks of a worker")
#define RULE_KEY                                                                                                  \
    FIELD("ruleKey", EVENT_TEXT, NEVER_NULL, FROM_EVERYWHERE, "\"waited-long\"", "the exception rule's key")

const struct event_field event_fields_job_cancelled[] = {
    JOB(FROM_EVERYWHERE),
    TAGS,
    FIELD("note", EVENT_TEXT, NULLABLE, FROM_PRESENT, "\"the caller hung up\"",
          "why, in the words of whoever did it"),
    FIELD("dispositionCode", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"HungUp\"", "why, as a code"),
    QUEUE_ID(NULLABLE, FROM_PRESENT),
    LAST_FIELD,
};

const struct event_field event_fields_job_classification_failed[] = {
    JOB(FROM_EVERYWHERE),
    TAGS,
    POLICY_ID(NEVER_NULL, FROM_PRESENT),
    FIELD("errors", EVENT_MODELS, NEVER_NULL, FROM_PRESENT,
          "[{\"code\":\"BadExpression\",\"message\":\"the rule has no such label\",\"target\":null,"
          "\"innerError\":null,\"details\":null}]",
          "why", .model = &event_communication_error),
    QUEUE_ID(NULLABLE, FROM_SCHEMA),
    LAST_FIELD,
};

const struct event_field event_fields_job_classified[] = {
    JOB(FROM_EVERYWHERE),
    TAGS,
    FIELD("queueDetails", EVENT_MODEL, NEVER_NULL, FROM_PRESENT, SAMPLE_QUEUE, "the queue that was chosen",
          .model = &event_queue_details),
    POLICY_ID(NEVER_NULL, FROM_PRESENT),
    QUEUE_ID(NULLABLE, FROM_PRESENT),
    PRIORITY(NULLABLE, FROM_PRESENT),
    ATTACHED,
    LAST_FIELD,
};

const struct event_field event_fields_job_completed[] = {
    JOB(FROM_EVERYWHERE), TAGS, QUEUE_ID(NEVER_NULL, FROM_PRESENT), ASSIGNMENT_ID, WORKER_ID, LAST_FIELD,
};

const struct event_field event_fields_job_closed[] = {
    JOB(FROM_EVERYWHERE),
    TAGS,
    QUEUE_ID(NEVER_NULL, FROM_PRESENT),
    ASSIGNMENT_ID,
    WORKER_ID,
    FIELD("dispositionCode", EVENT_TEXT, NULLABLE, FROM_PRESENT, "\"Solved\"",
          "how it ended, as a code; may be an empty text"),
    LAST_FIELD,
};

/* The page's table has the id alone, its sample the common fields. */
const struct event_field event_fields_job_deleted[] = {
    JOB_ID(FROM_PRESENT),
    CHANNEL_REFERENCE(NULLABLE, FROM_PRESENT),
    CHANNEL_ID(NULLABLE, FROM_PRESENT),
    LABELS(FROM_PRESENT),
    TAGS,
    QUEUE_ID(NULLABLE, FROM_PRESENT),
    LAST_FIELD,
};

const struct event_field event_fields_job_exception_cleared[] = {
    JOB(FROM_PREVIEW),
    FIELD("ruleKey", EVENT_TEXT, NEVER_NULL, FROM_PREVIEW, "\"waited-long\"", "the exception rule's key"),
    LAST_FIELD,
};

const struct event_field event_fields_job_exception_triggered[] = {
    JOB(FROM_EVERYWHERE),
    TAGS,
    RULE_KEY,
    FIELD("exceptionRuleId", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"rule-3\"", "the exception rule"),
    QUEUE_ID(NULLABLE, FROM_SCHEMA),
    LAST_FIELD,
};

const struct event_field event_fields_job_labels_updated[] = {
    JOB(FROM_PREVIEW),
    JOB_STATUS(FROM_PREVIEW, "\"Queued\""),
    POLICY_ID(NULLABLE, FROM_PREVIEW),
    QUEUE_ID(NULLABLE, FROM_PREVIEW),
    PRIORITY(NEVER_NULL, FROM_PREVIEW),
    FIELD("labelsAddedOrChanged", EVENT_MAP, NULLABLE, FROM_PREVIEW, "{\"Segment\":\"Gold\"}",
          "the labels that are new or other than before"),
    LAST_FIELD,
};

const struct event_field event_fields_job_queued[] = {
    JOB_ID(FROM_PRESENT),
    CHANNEL_REFERENCE(NULLABLE, FROM_PRESENT),
    CHANNEL_ID(NEVER_NULL, FROM_PRESENT),
    LABELS(FROM_PRESENT),
    TAGS,
    QUEUE_ID(NEVER_NULL, FROM_PRESENT),
    PRIORITY(NEVER_NULL, FROM_PRESENT),
    REQUESTED,
    ATTACHED,
    LAST_FIELD,
};

const struct event_field event_fields_job_received[] = {
    JOB(FROM_EVERYWHERE),
    TAGS,
    JOB_STATUS(FROM_PRESENT, "\"PendingSchedule\""),
    POLICY_ID(NULLABLE, FROM_PRESENT),
    QUEUE_ID(NULLABLE, FROM_PRESENT),
    PRIORITY(NULLABLE, FROM_PRESENT),
    REQUESTED,
    SCHEDULED_ON,
    UNAVAILABLE,
    LAST_FIELD,
};

/* Of both types below the samples have these names, the schema and the page's table one other each. */
#define SAMPLED (FROM_SAMPLE | FROM_PAGE)

const struct event_field event_fields_job_scheduling_failed[] = {
    JOB(FROM_PRESENT),
    TAGS,
    QUEUE_ID(NULLABLE, FROM_PRESENT),
    PRIORITY(NEVER_NULL, FROM_PRESENT),
    SELECTORS("requestedWorkerSelectors", SAMPLED, SAMPLE_WANTED, "what the job's creator asks of a worker"),
    SELECTORS("attachedWorkerSelectors", SAMPLED, SAMPLE_ATTACHED,
              "what the classification policy asks of a worker"),
    SCHEDULED_ON,
    FIELD("failureReason", EVENT_TEXT, NULLABLE, FROM_PRESENT, "\"there is no such queue\"", "why"),
    LAST_FIELD,
};

const struct event_field event_fields_job_waiting[] = {
    JOB(FROM_PRESENT),
    TAGS,
    QUEUE_ID(NULLABLE, FROM_PRESENT),
    PRIORITY(NEVER_NULL, FROM_PRESENT),
    SELECTORS("requestedWorkerSelectors", SAMPLED, SAMPLE_WANTED, "what the job's creator asks of a worker"),
    SELECTORS("attachedWorkerSelectors", SAMPLED, SAMPLE_ATTACHED,
              "what the classification policy asks of a worker"),
    SCHEDULED_ON,
    UNAVAILABLE,
    LAST_FIELD,
};

const struct event_field event_fields_job_unassigned[] = {
    JOB(FROM_PRESENT), TAGS, ASSIGNMENT_ID, WORKER_ID, QUEUE_ID(NULLABLE, FROM_PRESENT), LAST_FIELD,
};

const struct event_field event_fields_job_selectors_expired[] = {
    JOB_ID(FROM_PRESENT),
    CHANNEL_REFERENCE(NULLABLE, FROM_PRESENT),
    CHANNEL_ID(NEVER_NULL, FROM_PRESENT),
    LABELS(FROM_PRESENT),
    TAGS,
    QUEUE_ID(NEVER_NULL, FROM_PRESENT),
    SELECTORS("expiredRequestedWorkerSelectors", FROM_SCHEMA, SAMPLE_WANTED_OVER,
              "what the job's creator no longer asks of a worker"),
    SELECTORS("expiredAttachedWorkerSelectors", FROM_SCHEMA, SAMPLE_ATTACHED_OVER,
              "what the classification policy no longer asks of a worker"),
    LAST_FIELD,
};
