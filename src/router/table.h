/* The parts that the table of operations is joined from: lists of options, and sample answers. Private to the
 * room. */
#ifndef ROUTER_TABLE_H
#define ROUTER_TABLE_H

#include "router/router.h"

enum { ROUTER_MOST_IDS = 2, ROUTER_MOST_MEMBERS = 32 }; /* of one operation; a test holds the table to it */

extern const size_t router_operation_count; /* of router_operations, without the end */

/* Target and origin of the request for a list's next page. ERROR_INVALID when the link leads to another path, or
 * asks for another api-version. */
int router_page_target(struct router_request *request, const struct router_operation *operation, struct slice link,
                       struct error *error);

extern const struct router_member router_no_members[];
extern const struct router_member router_page_members[]; /* of lists without filters */

extern const struct router_member router_job_members[];
extern const struct router_member router_job_mode_members[]; /* the mode is fixed: activate, suspend */
extern const struct router_member router_job_schedule_members[];
extern const struct router_member router_job_list_members[];
extern const struct router_member router_job_cancel_members[];
extern const struct router_member router_job_complete_members[];
extern const struct router_member router_job_close_members[];
extern const struct router_member router_job_unassign_members[];

extern const struct router_member router_worker_members[];
extern const struct router_member router_worker_registration_members[]; /* availableForOffers is fixed */
extern const struct router_member router_worker_list_members[];
extern const struct router_member router_offer_decline_members[];

extern const struct router_member router_queue_members[];
extern const struct router_member router_classification_policy_members[];
extern const struct router_member router_distribution_policy_members[];
extern const struct router_member router_exception_policy_members[];

/* Sample answers: shapes of the REST contract, contents our own. */

#define SAMPLE_PAGE(item) "{\"value\":[" item "],\"nextLink\":null}"

#define SAMPLE_JOB(id, status, mode)                                                                              \
    "{\"etag\":\"\\\"5f2c-18a0\\\"\",\"id\":\"" id "\",\"channelReference\":\"call-20931\",\"status\":\"" status  \
    "\",\"enqueuedAt\":\"2026-03-02T08:15:04.120Z\",\"channelId\":\"voice\",\"queueId\":\"support\","             \
    "\"priority\":5,"                                                                                             \
    "\"requestedWorkerSelectors\":[{\"key\":\"Language\",\"labelOperator\":\"equal\",\"value\":\"de\"}],"         \
    "\"attachedWorkerSelectors\":[],\"labels\":{\"Segment\":\"Gold\",\"Callback\":true},\"assignments\":{},"      \
    "\"tags\":{\"campaign\":\"spring\"},\"notes\":[],\"matchingMode\":" mode "}"
#define SAMPLE_JOB_QUEUED    SAMPLE_JOB("job-4711", "queued", "{\"kind\":\"queueAndMatch\"}")
#define SAMPLE_JOB_SUSPENDED SAMPLE_JOB("job-4711", "waitingForActivation", "{\"kind\":\"suspend\"}")
#define SAMPLE_JOB_SCHEDULED                                                                                      \
    "{\"etag\":\"\\\"5f2c-18a1\\\"\",\"id\":\"job-4711\",\"status\":\"pendingSchedule\",\"channelId\":\"voice\"," \
    "\"queueId\":\"support\",\"priority\":5,\"labels\":{\"Segment\":\"Gold\"},\"assignments\":{},\"tags\":{},"    \
    "\"notes\":[],\"scheduledAt\":\"2026-03-02T09:30:00Z\","                                                      \
    "\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T09:30:00Z\"}}"
#define SAMPLE_POSITION                                                                                           \
    "{\"jobId\":\"job-4711\",\"position\":3,\"queueId\":\"support\",\"queueLength\":11,"                          \
    "\"estimatedWaitTimeMinutes\":4.5}"
#define SAMPLE_UNASSIGNED "{\"jobId\":\"job-4711\",\"unassignmentCount\":1}"

#define SAMPLE_WORKER(state, available)                                                                           \
    "{\"etag\":\"\\\"77b1-0c\\\"\",\"id\":\"worker-8\",\"state\":\"" state                                        \
    "\",\"queues\":[\"support\",\"sales\"],"                                                                      \
    "\"capacity\":2,\"labels\":{\"Language\":\"de\",\"Level\":3},\"tags\":{\"site\":\"Leipzig\"},"                \
    "\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":1,\"maxNumberOfJobs\":2}],\"offers\":[],"      \
    "\"assignedJobs\":[],\"loadRatio\":0.0,\"availableForOffers\":" available "}"
#define SAMPLE_WORKER_ACTIVE   SAMPLE_WORKER("active", "true")
#define SAMPLE_WORKER_INACTIVE SAMPLE_WORKER("inactive", "false")
#define SAMPLE_ACCEPTED                                                                                           \
    "{\"assignmentId\":\"assignment-17\",\"jobId\":\"job-4711\","                                                 \
    "\"workerId\":\"worker-8\"}"

#define SAMPLE_QUEUE                                                                                              \
    "{\"etag\":\"\\\"19aa-3\\\"\",\"id\":\"support\",\"name\":\"Support\",\"distributionPolicyId\":\"longest-"    \
    "idle\","                                                                                                     \
    "\"labels\":{\"Region\":\"EMEA\"},\"exceptionPolicyId\":\"overflow\"}"
#define SAMPLE_STATISTICS                                                                                         \
    "{\"queueId\":\"support\",\"length\":11,\"estimatedWaitTimeMinutes\":{\"1\":9.5,\"5\":4.5},"                  \
    "\"longestJobWaitTimeMinutes\":12.25}"

#define SAMPLE_CLASSIFICATION_POLICY                                                                              \
    "{\"etag\":\"\\\"c0de-1\\\"\",\"id\":\"by-segment\",\"name\":\"By segment\",\"fallbackQueueId\":\"support\"," \
    "\"queueSelectorAttachments\":[{\"kind\":\"static\",\"queueSelector\":{\"key\":\"Id\","                       \
    "\"labelOperator\":\"equal\",\"value\":\"support\"}}],"                                                       \
    "\"prioritizationRule\":{\"kind\":\"expression\",\"language\":\"powerFx\","                                   \
    "\"expression\":\"If(job.Segment = \\\"Gold\\\", 10, 1)\"},"                                                  \
    "\"workerSelectorAttachments\":[{\"kind\":\"passThrough\",\"key\":\"Language\",\"labelOperator\":\"equal\"}]" \
    "}"
#define SAMPLE_DISTRIBUTION_POLICY                                                                                \
    "{\"etag\":\"\\\"d15c-1\\\"\",\"id\":\"longest-idle\",\"name\":\"Longest idle first\","                       \
    "\"offerExpiresAfterSeconds\":30.0,"                                                                          \
    "\"mode\":{\"kind\":\"longestIdle\",\"minConcurrentOffers\":1,\"maxConcurrentOffers\":1,"                     \
    "\"bypassSelectors\":false}}"
#define SAMPLE_EXCEPTION_POLICY                                                                                   \
    "{\"etag\":\"\\\"e8c7-1\\\"\",\"id\":\"overflow\",\"name\":\"Overflow\",\"exceptionRules\":["                 \
    "{\"id\":\"too-long\",\"trigger\":{\"kind\":\"waitTime\",\"thresholdSeconds\":300.0},\"actions\":["           \
    "{\"kind\":\"manualReclassify\",\"id\":\"raise\",\"queueId\":\"support\",\"priority\":10}]}]}"

#endif
