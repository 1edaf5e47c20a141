/* The parts that the catalogue is put together from. Private to the room. */
#ifndef EVENT_CATALOGUE_TABLES_H
#define EVENT_CATALOGUE_TABLES_H

#include "event/catalogue.h"

/* The combinations of sources that occur most. */
enum {
    FROM_SCHEMA = EVENT_FROM_SCHEMA,
    FROM_SAMPLE = EVENT_FROM_SAMPLE,
    FROM_PAGE = EVENT_FROM_PAGE,
    FROM_PREVIEW = EVENT_FROM_PREVIEW,
    FROM_PRESENT = EVENT_FROM_SCHEMA | EVENT_FROM_SAMPLE | EVENT_FROM_PAGE,
    FROM_EVERYWHERE = FROM_PRESENT | EVENT_FROM_PREVIEW,
};

/* A field with what all have; what only some have (model, values, canonical) follows, each with its name. */
#define FIELD(name_, kind_, nullable_, sources_, sample_, ...)                                                    \
    {                                                                                                             \
        .name = (name_), .kind = (kind_), .is_nullable = (nullable_), .sources = (sources_), .sample = (sample_), \
        .words = __VA_ARGS__                                                                                      \
    }
#define LAST_FIELD                                                                                                \
    { .name = NULL }
#define LAST_ALIAS                                                                                                \
    { .other = NULL }

enum { NEVER_NULL = false, NULLABLE = true };

/* Samples of what occurs in many events: they belong together. */
#define SAMPLE_LABELS "{\"Language\":\"de\",\"Segment\":\"Gold\",\"Calls\":2}"
#define SAMPLE_TAGS   "{\"Campaign\":\"spring\",\"Recorded\":false}"
#define SAMPLE_QUEUE  "{\"id\":\"support\",\"name\":\"Support\",\"labels\":{\"Product\":\"Kettle\"}}"
#define SAMPLE_WANTED                                                                                             \
    "[{\"key\":\"Language\",\"labelOperator\":\"Equal\",\"value\":\"de\",\"ttlSeconds\":90,\"state\":\"active\"," \
    "\"expirationTime\":\"2026-03-02T08:16:34.1200000Z\"}]"
#define SAMPLE_ATTACHED                                                                                           \
    "[{\"key\":\"Level\",\"labelOperator\":\"GreaterThanEqual\",\"value\":3,\"ttlSeconds\":null,"                 \
    "\"state\":\"active\",\"expirationTime\":null}]"
#define SAMPLE_WANTED_OVER                                                                                        \
    "[{\"key\":\"Language\",\"labelOperator\":\"Equal\",\"value\":\"de\",\"ttlSeconds\":90,\"state\":"            \
    "\"expired\","                                                                                                \
    "\"expirationTime\":\"2026-03-02T08:15:04.1200000Z\"}]"
#define SAMPLE_ATTACHED_OVER                                                                                      \
    "[{\"key\":\"Level\",\"labelOperator\":\"GreaterThanEqual\",\"value\":3,\"ttlSeconds\":60,"                   \
    "\"state\":\"expired\",\"expirationTime\":\"2026-03-02T08:15:04.1200000Z\"}]"

extern const struct event_model event_queue_details;
extern const struct event_model event_channel_configuration;
extern const struct event_model event_communication_error;
extern const struct event_model event_worker_selector;

extern const char *const event_job_statuses[];

/* The fields of the types, by their names. */
extern const struct event_field event_fields_job_cancelled[];
extern const struct event_field event_fields_job_classification_failed[];
extern const struct event_field event_fields_job_classified[];
extern const struct event_field event_fields_job_closed[];
extern const struct event_field event_fields_job_completed[];
extern const struct event_field event_fields_job_deleted[];
extern const struct event_field event_fields_job_exception_cleared[];
extern const struct event_field event_fields_job_exception_triggered[];
extern const struct event_field event_fields_job_labels_updated[];
extern const struct event_field event_fields_job_queued[];
extern const struct event_field event_fields_job_received[];
extern const struct event_field event_fields_job_scheduling_failed[];
extern const struct event_field event_fields_job_unassigned[];
extern const struct event_field event_fields_job_waiting[];
extern const struct event_field event_fields_job_selectors_expired[];
extern const struct event_field event_fields_worker_deleted[];
extern const struct event_field event_fields_worker_deregistered[];
extern const struct event_field event_fields_worker_registered[];
extern const struct event_field event_fields_worker_updated[];
extern const struct event_field event_fields_offer_accepted[];
extern const struct event_field event_fields_offer_ended[]; /* declined, expired, revoked */
extern const struct event_field event_fields_offer_issued[];

#endif
