#include "event/catalogue_tables.h"
#include "event/parsed.h"

#define WORKER_ID FIELD("workerId", EVENT_TEXT, NEVER_NULL, FROM_EVERYWHERE, "\"worker-8\"", "the worker")
#define JOB(nullable, sources)                                                                                    \
    FIELD("jobId", EVENT_TEXT, (nullable), (sources), "\"job-4711\"",                                             \
          "the job; its id is whatever its creator chose"),                                                       \
        FIELD("channelReference", EVENT_TEXT, (nullable), (sources), "\"call-20931\"",                            \
              "what the job's creator calls the call, the chat, ..."),                                            \
        FIELD("channelId", EVENT_TEXT, (nullable), (sources), "\"voice\"", "the job's channel")
#define OFFER                                                                                                     \
    WORKER_ID, JOB(NEVER_NULL, FROM_EVERYWHERE),                                                                  \
        FIELD("queueId", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"support\"", "the job's queue"),                 \
        FIELD("offerId", EVENT_TEXT, NEVER_NULL, FROM_EVERYWHERE, "\"offer-23\"", "the offer")
#define OFFERED                                                                                                   \
    FIELD("jobPriority", EVENT_INTEGER, NEVER_NULL, FROM_PRESENT, "10", "the job's priority; higher goes first"), \
        FIELD("jobLabels", EVENT_MAP, NULLABLE, FROM_PRESENT, SAMPLE_LABELS, "the job's labels"),                 \
        FIELD("jobTags", EVENT_MAP, NULLABLE, FROM_PRESENT, SAMPLE_TAGS, "the job's tags"),                       \
        FIELD("workerLabels", EVENT_MAP, NULLABLE, FROM_SCHEMA, SAMPLE_WORKER_LABELS, "the worker's labels"),     \
        FIELD("workerTags", EVENT_MAP, NULLABLE, FROM_SCHEMA, SAMPLE_WORKER_TAGS, "the worker's tags")
#define STATE(nullable, sources)                                                                                  \
    FIELD("totalCapacity", EVENT_INTEGER, (nullable), (sources), "200", "how much the worker can take at once"),  \
        FIELD("queueAssignments", EVENT_MODELS, (nullable), (sources), "[" SAMPLE_QUEUE "]",                      \
              "the queues that the worker serves", .model = &event_queue_details),                                \
        FIELD("channelConfigurations", EVENT_MODELS, (nullable), (sources),                                       \
              "[{\"channelId\":\"voice\",\"capacityCostPerJob\":100,\"maxNumberOfJobs\":1}]",                     \
              "the channels that the worker serves", .model = &event_channel_configuration),                      \
        FIELD("labels", EVENT_MAP, NULLABLE, (sources), SAMPLE_WORKER_LABELS, "the worker's labels"),             \
        FIELD("tags", EVENT_MAP, NULLABLE, (sources), SAMPLE_WORKER_TAGS, "the worker's tags")

#define SAMPLE_WORKER_LABELS "{\"Language\":\"de\",\"Level\":4}"
#define SAMPLE_WORKER_TAGS   "{\"Team\":\"harbour\"}"

static const char *const worker_properties[] = {
    "AvailableForOffers", "TotalCapacity", "QueueAssignments", "Labels", "Tags", "ChannelConfigurations", NULL,
};

const struct event_field event_fields_offer_issued[] = {
    OFFER,
    FIELD("offeredOn", EVENT_TIME, NEVER_NULL, FROM_PRESENT, "\"2026-03-02T08:15:04.1200000Z\"",
          "when the offer was made"),
    FIELD("expiresOn", EVENT_TIME, NEVER_NULL, FROM_PRESENT, "\"2026-03-02T08:15:34.1200000Z\"",
          "until when it can be accepted"),
    OFFERED,
    LAST_FIELD,
};

const struct event_field event_fields_offer_accepted[] = {
    OFFER,
    FIELD("assignmentId", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"assignment-17\"",
          "the assignment that came of it"),
    OFFERED,
    LAST_FIELD,
};

const struct event_field event_fields_offer_ended[] = {OFFER, LAST_FIELD};

const struct event_field event_fields_worker_registered[] = {
    WORKER_ID,
    STATE(NEVER_NULL, FROM_PRESENT),
    LAST_FIELD,
};

const struct event_field event_fields_worker_deregistered[] = {WORKER_ID, LAST_FIELD};

/* It comes in two shapes: as a registration, on the page; and with the common fields of a job, in the schema. */
const struct event_field event_fields_worker_deleted[] = {
    FIELD("workerId", EVENT_TEXT, NEVER_NULL, FROM_PRESENT, "\"worker-8\"", "the worker"),
    STATE(NULLABLE, FROM_PAGE),
    JOB(NULLABLE, FROM_SCHEMA),
    LAST_FIELD,
};

const struct event_field event_fields_worker_updated[] = {
    FIELD("workerId", EVENT_TEXT, NEVER_NULL, FROM_SCHEMA | FROM_SAMPLE, "\"worker-8\"", "the worker"),
    STATE(NEVER_NULL, FROM_SCHEMA | FROM_SAMPLE),
    FIELD("updatedWorkerProperties", EVENT_TEXTS, NULLABLE, FROM_SCHEMA, "[\"TotalCapacity\",\"Labels\"]",
          "what is other than before", .values = worker_properties, .canonical = event_parse_property),
    LAST_FIELD,
};
