/* The options of each operation, by the REST contract's own names. */
#include "router/table.h"

#define BODY(n, k, w)                                                                                             \
    { .name = (n), .place = ROUTER_BODY, .kind = (k), .words = (w) }
#define QUERY(n, k, w)                                                                                            \
    { .name = (n), .place = ROUTER_QUERY, .kind = (k), .words = (w) }
#define WORD(n, v, w)                                                                                             \
    { .name = (n), .place = ROUTER_QUERY, .kind = ROUTER_STRING, .words = (w), .values = (v) }
#define END                                                                                                       \
    { .name = NULL }

#define CONDITIONS                                                                                                \
    {.name = "ifMatch",                                                                                           \
     .place = ROUTER_HEADER,                                                                                      \
     .kind = ROUTER_STRING,                                                                                       \
     .header = "If-Match",                                                                                        \
     .words = "Only if the resource still has this etag."},                                                       \
    {                                                                                                             \
        .name = "ifUnmodifiedSince", .place = ROUTER_HEADER, .kind = ROUTER_TIME,                                 \
        .header = "If-Unmodified-Since", .words = "Only if the resource was not changed after this time."         \
    }

#define PAGE_SIZE QUERY("maxpagesize", ROUTER_INTEGER, "How many entries a page has at most.")

/* What a job has, apart from its matching mode. */
#define JOB                                                                                                       \
    BODY("channelReference", ROUTER_STRING, "The caller's own reference, such as a call's id."),                  \
        BODY("channelId", ROUTER_STRING, "The channel that the job comes by."),                                   \
        BODY("classificationPolicyId", ROUTER_STRING, "The policy that finds queue, priority and selectors."),    \
        BODY("queueId", ROUTER_STRING, "The queue that the job goes to."),                                        \
        BODY("priority", ROUTER_INTEGER, "Higher goes first."),                                                   \
        BODY("dispositionCode", ROUTER_STRING, "How a cancelled or closed job ended."),                           \
        BODY("requestedWorkerSelectors", ROUTER_LIST, "What a worker's labels must fulfil."),                     \
        BODY("labels", ROUTER_MAP, "Numbers, strings or booleans by name, for rules."),                           \
        BODY("tags", ROUTER_MAP, "Numbers, strings or booleans by name, for the caller's own use."),              \
        BODY("notes", ROUTER_LIST, "Notes, each a message and the time it was added.")

/* What a worker has, apart from whether it takes offers. */
#define WORKER                                                                                                    \
    BODY("queues", ROUTER_LIST, "Ids of the queues that the worker takes jobs from."),                            \
        BODY("capacity", ROUTER_INTEGER, "What the costs of its jobs may add up to."),                            \
        BODY("labels", ROUTER_MAP, "Numbers, strings or booleans by name, met by jobs' selectors."),              \
        BODY("tags", ROUTER_MAP, "Numbers, strings or booleans by name, for the caller's own use."),              \
        BODY("channels", ROUTER_LIST, "The channels it serves and what a job of each costs.")

#define NOTE BODY("note", ROUTER_STRING, "A note that is kept with the job.")
#define NAME BODY("name", ROUTER_STRING, "A name for people.")

static const char *const job_selectors[] = {"all",
                                            "active",
                                            "pendingClassification",
                                            "queued",
                                            "assigned",
                                            "completed",
                                            "closed",
                                            "cancelled",
                                            "classificationFailed",
                                            "created",
                                            "pendingSchedule",
                                            "scheduled",
                                            "scheduleFailed",
                                            "waitingForActivation",
                                            NULL};
static const char *const worker_selectors[] = {"active", "draining", "inactive", "all", NULL};

const struct router_member router_no_members[] = {END};

const struct router_member router_page_members[] = {PAGE_SIZE, END};

const struct router_member router_job_members[] = {
    JOB, BODY("matchingMode", ROUTER_MAP, "How the job is matched: kind, and scheduleAt for a scheduled one."),
    CONDITIONS, END};

const struct router_member router_job_mode_members[] = {JOB, CONDITIONS, END};

const struct router_member router_job_schedule_members[] = {{.name = "scheduleAt",
                                                             .place = ROUTER_HOLE,
                                                             .kind = ROUTER_TIME,
                                                             .is_required = true,
                                                             .words = "When the job is to wait for activation."},
                                                            JOB,
                                                            CONDITIONS,
                                                            END};

const struct router_member router_job_list_members[] = {
    PAGE_SIZE,
    WORD("status", job_selectors, "Only jobs in this state; \"all\", or \"active\" for those that are not over."),
    QUERY("queueId", ROUTER_STRING, "Only jobs of this queue."),
    QUERY("channelId", ROUTER_STRING, "Only jobs of this channel."),
    QUERY("classificationPolicyId", ROUTER_STRING, "Only jobs with this classification policy."),
    QUERY("scheduledBefore", ROUTER_TIME, "Only jobs scheduled at or before this time."),
    QUERY("scheduledAfter", ROUTER_TIME, "Only jobs scheduled at or after this time."),
    END};

const struct router_member router_job_cancel_members[] = {
    NOTE, BODY("dispositionCode", ROUTER_STRING, "How the job ended; \"Cancelled\" when not given."), END};

const struct router_member router_job_complete_members[] = {NOTE, END};

const struct router_member router_job_close_members[] = {
    BODY("dispositionCode", ROUTER_STRING, "How the job ended."),
    BODY("closeAt", ROUTER_TIME, "When the worker's capacity is given back; at once when not given."), NOTE, END};

const struct router_member router_job_unassign_members[] = {
    BODY("suspendMatching", ROUTER_BOOLEAN, "Whether the job waits for activation instead of being queued again."),
    END};

const struct router_member router_worker_members[] = {
    WORKER, BODY("availableForOffers", ROUTER_BOOLEAN, "Whether the worker gets offers."), CONDITIONS, END};

const struct router_member router_worker_registration_members[] = {WORKER, CONDITIONS, END};

const struct router_member router_worker_list_members[] = {
    PAGE_SIZE,
    WORD("state", worker_selectors, "Only workers in this state: active, draining, inactive or all."),
    QUERY("channelId", ROUTER_STRING, "Only workers that serve this channel."),
    QUERY("queueId", ROUTER_STRING, "Only workers of this queue."),
    QUERY("hasCapacity", ROUTER_BOOLEAN, "Only workers that have capacity left."),
    END};

const struct router_member router_offer_decline_members[] = {
    BODY("retryOfferAt", ROUTER_TIME, "When the job may be offered to the worker again; never when not given."),
    END};

const struct router_member router_queue_members[] = {
    NAME,
    BODY("distributionPolicyId", ROUTER_STRING, "The policy by which the queue's jobs are offered."),
    BODY("labels", ROUTER_MAP, "Numbers, strings or booleans by name, for queue selectors."),
    BODY("exceptionPolicyId", ROUTER_STRING, "The policy for jobs that wait too long."),
    CONDITIONS,
    END};

const struct router_member router_classification_policy_members[] = {
    NAME,
    BODY("fallbackQueueId", ROUTER_STRING, "The queue for jobs that no queue selector places."),
    BODY("queueSelectorAttachments", ROUTER_LIST, "How a job's queue is chosen."),
    BODY("prioritizationRule", ROUTER_MAP, "The rule that gives a job its priority."),
    BODY("workerSelectorAttachments", ROUTER_LIST, "Selectors that a job gets."),
    CONDITIONS,
    END};

const struct router_member router_distribution_policy_members[] = {
    NAME, BODY("offerExpiresAfterSeconds", ROUTER_NUMBER, "How long an offer stands."),
    BODY("mode", ROUTER_MAP, "Who is offered a job first: kind bestWorker, longestIdle or roundRobin."),
    CONDITIONS, END};

const struct router_member router_exception_policy_members[] = {
    NAME, BODY("exceptionRules", ROUTER_LIST, "What happens when: each an id, a trigger and its actions."),
    CONDITIONS, END};
