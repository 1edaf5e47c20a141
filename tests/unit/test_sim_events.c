/* The events: every type of the slice with every field, and the same bytes for the same seed. */
#include "sim_kit.h"

#define ENVELOPE "id,topic,subject,eventType,eventTime,dataVersion,metadataVersion,data"
#define JOB      "jobId,channelReference,channelId,labels,tags,"
#define OFFER    "workerId,jobId,channelReference,channelId,queueId,offerId"
#define MATTER   ",jobPriority,jobLabels,jobTags,workerLabels,workerTags"
#define WORKER   "workerId,totalCapacity,queueAssignments,channelConfigurations,labels,tags"

static void expect_names(const struct json *object, const char *names) {
    char found[1024] = "";
    for (const struct json *member = json_first(object); member != NULL; member = json_next(member)) {
        size_t length = strlen(found);
        snprintf(found + length, sizeof found - length, "%s%s", length == 0 ? "" : ",", json_name(member));
    }
    assert_string_equal(found, names);
}

static bool is_uuid(const char *text) {
    static const char form[] = "hhhhhhhh-hhhh-4hhh-vhhh-hhhhhhhhhhhh";
    for (size_t i = 0; i < sizeof form; i++) {
        bool is_right = form[i] == 'h'   ? strchr("0123456789abcdef", text[i]) != NULL
                        : form[i] == 'v' ? strchr("89ab", text[i]) != NULL
                                         : text[i] == form[i];
        if (!is_right) {
            return false;
        }
    }
    return true;
}

/* The next event: type, subject, the envelope's other members, and the names in its data. */
static const struct json *expect(struct kit *kit, const char *type, const char *subject, const char *names) {
    char full[128];
    const struct json *data = kit_event(kit, type);
    const struct json *event = kit->event;
    snprintf(full, sizeof full, "Microsoft.Communication.%s", type);
    expect_names(event, ENVELOPE);
    assert_string_equal(json_get_string(event, "eventType"), full);
    if (subject != NULL) {
        assert_string_equal(json_get_string(event, "subject"), subject);
    }
    assert_string_equal(json_get_string(event, "topic"), SIM_TOPIC);
    assert_string_equal(json_get_string(event, "dataVersion"), "1.0");
    assert_string_equal(json_get_string(event, "metadataVersion"), "1");
    assert_true(is_uuid(json_get_string(event, "id")));
    const char *time = json_get_string(event, "eventTime");
    assert_int_equal(strlen(time), strlen("2026-03-02T08:35:04.1200000Z"));
    expect_names(data, names);
    return data;
}

static void of_a_job_that_waits(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j1",
            ",\"channelReference\":\"call-7\",\"labels\":{\"Gold\":true,\"n\":1.5},\"tags\":{\"t\":\"x\"},"
            "\"requestedWorkerSelectors\":[{\"key\":\"k\",\"labelOperator\":\"greaterThan\",\"value\":2}],"
            "\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T08:36:00Z\"}");
    const struct json *data =
        expect(&kit, "RouterJobReceived", "job/j1/channel/voice",
               JOB "jobStatus,classificationPolicyId,queueId,priority,requestedWorkerSelectors,"
                   "scheduledOn,unavailableForMatching");
    assert_string_equal(json_get_string(data, "jobStatus"), "PendingSchedule");
    assert_string_equal(json_get_string(data, "channelReference"), "call-7");
    assert_true(json_get_bool(json_get(data, "labels"), "Gold", false));
    assert_string_equal(json_get_string(json_get(data, "tags"), "t"), "x");
    assert_int_equal(json_kind(json_get(data, "classificationPolicyId")), JSON_NULL);
    assert_string_equal(json_get_string(data, "scheduledOn"), "2026-03-02T08:36:00.0000000Z");
    assert_true(json_get_bool(data, "unavailableForMatching", false));
    const struct json *selector = json_at(json_get(data, "requestedWorkerSelectors"), 0);
    expect_names(selector, "key,labelOperator,value,ttlSeconds,state,expirationTime");
    assert_string_equal(json_get_string(selector, "labelOperator"), "greaterThan");

    kit_pass(&kit, 60);
    data = expect(&kit, "RouterJobWaitingForActivation", "job/j1/channel/voice",
                  JOB "queueId,priority,requestedWorkerSelectors,attachedWorkerSelectors,"
                      "expiredRequestedWorkerSelectors,expiredAttachedWorkerSelectors,scheduledOn,"
                      "unavailableForMatching");
    assert_true(json_get_double(data, "priority", 0) == 1);
    assert_int_equal(json_count(json_get(data, "requestedWorkerSelectors")), 1);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1",
           "{\"matchingMode\":{\"kind\":\"queueAndMatch\"},\"priority\":3}");
    expect(&kit, "RouterJobQueued", "job/j1/channel/voice/queue/q",
           JOB "queueId,priority,requestedWorkerSelectors,attachedWorkerSelectors");
    kit_close(&kit);
}

static void of_a_job_in_hands(void **state) {
    (void)state;
    struct kit kit;
    char assignment[64], subject[256];
    kit_open_idle(&kit);
    kit_job(&kit, "j1", "");
    kit_drop_events(&kit);
    kit_worker(&kit, "w1", ",\"labels\":{\"k\":3}");
    expect(&kit, "RouterWorkerRegistered", "worker/w1", WORKER);
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    snprintf(subject, sizeof subject, "job/j1/channel/voice/assignment/%s", assignment);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "unassign", NULL), 200);
    const struct json *data = expect(&kit, "RouterJobUnassigned", subject, JOB "queueId,assignmentId,workerId");
    assert_string_equal(json_get_string(data, "assignmentId"), assignment);
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_event(&kit, "RouterWorkerOfferAccepted");
    snprintf(subject, sizeof subject, "job/j1/channel/voice/assignment/%s", assignment);
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "complete", NULL), 200);
    expect(&kit, "RouterJobCompleted", subject, JOB "queueId,assignmentId,workerId");
    assert_int_equal(kit_assignment(&kit, "j1", assignment, "close", "{\"dispositionCode\":\"Sold\"}"), 200);
    data = expect(&kit, "RouterJobClosed", subject, JOB "queueId,assignmentId,workerId,dispositionCode");
    assert_string_equal(json_get_string(data, "dispositionCode"), "Sold");
    kit_ok(&kit, 204, "DELETE", "/routing/jobs/j1", NULL);
    expect(&kit, "RouterJobDeleted", "job/j1/channel/voice", JOB "queueId");
    kit_close(&kit);
}

static void of_a_job_that_is_cancelled(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_job(&kit, "j2", ",\"matchingMode\":{\"kind\":\"suspend\"}");
    const struct json *data = kit_event(&kit, "RouterJobReceived");
    assert_string_equal(json_get_string(data, "channelReference"), "");
    assert_int_equal(json_kind(json_get(data, "labels")), JSON_OBJECT);
    assert_int_equal(json_kind(json_get(data, "scheduledOn")), JSON_NULL);
    kit_ok(&kit, 200, "POST", "/routing/jobs/j2:cancel", "{\"note\":\"gone\",\"dispositionCode\":\"Hangup\"}");
    data = expect(&kit, "RouterJobCancelled", "job/j2/channel/voice/disposition/Hangup",
                  JOB "note,dispositionCode,queueId");
    assert_string_equal(json_get_string(data, "note"), "gone");
    kit_job(&kit, "j3", ",\"channelReference\":null");
    data = kit_event(&kit, "RouterJobReceived");
    assert_string_equal(json_get_string(data, "jobStatus"), "Queued");
    assert_false(json_get_bool(data, "unavailableForMatching", true));
    kit_close(&kit);
}

static void of_an_offer(void **state) {
    (void)state;
    struct kit kit;
    char offer[64];
    kit_open(&kit, 1);
    kit_furnish(&kit, "{\"kind\":\"longestIdle\",\"maxConcurrentOffers\":3}");
    kit_worker(&kit, "w1", ",\"labels\":{\"lang\":\"de\"},\"tags\":{\"desk\":4}");
    kit_worker(&kit, "w2", "");
    kit_worker(&kit, "w3", "");
    kit_drop_events(&kit);
    kit_job(&kit, "j1", ",\"priority\":9,\"labels\":{\"a\":1},\"tags\":{\"b\":2},\"channelReference\":\"ref\"");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobQueued");
    const struct json *data =
        expect(&kit, "RouterWorkerOfferIssued", "worker/w1/job/j1", OFFER ",offeredOn,expiresOn" MATTER);
    snprintf(offer, sizeof offer, "%s", json_get_string(data, "offerId"));
    assert_true(is_uuid(offer));
    assert_string_equal(json_get_string(data, "offeredOn"), "2026-03-02T08:35:04.1200000Z");
    assert_string_equal(json_get_string(data, "expiresOn"), "2026-03-02T08:35:34.1200000Z");
    assert_string_equal(json_get_string(data, "channelReference"), "ref");
    assert_true(json_get_double(data, "jobPriority", 0) == 9);
    assert_true(json_get_double(json_get(data, "jobLabels"), "a", 0) == 1);
    assert_string_equal(json_get_string(json_get(data, "workerLabels"), "lang"), "de");
    assert_true(json_get_double(json_get(data, "workerTags"), "desk", 0) == 4);
    kit_event(&kit, "RouterWorkerOfferIssued");
    kit_event(&kit, "RouterWorkerOfferIssued");
    assert_int_equal(kit_answer_offer(&kit, "w1", offer, "decline", "{}"), 200);
    data = expect(&kit, "RouterWorkerOfferDeclined", "worker/w1/job/j1", OFFER);
    assert_string_equal(json_get_string(data, "offerId"), offer);
    kit_ok(&kit, 200, "GET", "/routing/workers/w2", NULL);
    const struct json *open = json_at(json_get(kit.json, "offers"), 0);
    expect_names(open, "offerId,jobId,capacityCost,offeredAt,expiresAt");
    snprintf(offer, sizeof offer, "%s", json_get_string(open, "offerId"));
    assert_int_equal(kit_answer_offer(&kit, "w2", offer, "accept", NULL), 200);
    data = expect(&kit, "RouterWorkerOfferAccepted", "worker/w2/job/j1", OFFER ",assignmentId" MATTER);
    assert_string_equal(json_get_string(data, "assignmentId"), json_get_string(kit.json, "assignmentId"));
    expect(&kit, "RouterWorkerOfferRevoked", "worker/w3/job/j1", OFFER);
    kit_job(&kit, "j2", "");
    kit_drop_events(&kit);
    kit_pass(&kit, 30);
    expect(&kit, "RouterWorkerOfferExpired", NULL, OFFER);
    expect(&kit, "RouterWorkerDeregistered", NULL, "workerId");
    kit_close(&kit);
}

static void of_a_worker(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 200, "PATCH", "/routing/queues/q", "{\"labels\":{\"Region\":\"EMEA\"}}");
    kit_ok(&kit, 201, "PATCH", "/routing/workers/w1", "{\"queues\":[\"q\"],\"capacity\":5}");
    assert_string_equal(json_get_string(kit.json, "state"), "inactive");
    kit_quiet(&kit); /* not registered, nobody is told */
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1",
           "{\"channels\":[{\"channelId\":\"voice\",\"capacityCostPerJob\":2,\"maxNumberOfJobs\":1},"
           "{\"channelId\":\"chat\",\"capacityCostPerJob\":1}],\"labels\":{\"a\":1},\"tags\":{\"b\":2},"
           "\"capacity\":6}");
    const struct json *data = expect(&kit, "RouterWorkerUpdated", "worker/w1", WORKER ",updatedWorkerProperties");
    const struct json *names = json_get(data, "updatedWorkerProperties");
    assert_int_equal(json_count(names), 4);
    assert_string_equal(json_string_of(json_at(names, 0)), "TotalCapacity");
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":true}");
    data = expect(&kit, "RouterWorkerRegistered", "worker/w1", WORKER);
    assert_true(json_get_double(data, "totalCapacity", 0) == 6);
    const struct json *queue = json_at(json_get(data, "queueAssignments"), 0);
    expect_names(queue, "id,name,labels");
    assert_string_equal(json_get_string(queue, "name"), "Support");
    assert_string_equal(json_get_string(json_get(queue, "labels"), "Region"), "EMEA");
    const struct json *channels = json_get(data, "channelConfigurations");
    expect_names(json_at(channels, 0), "channelId,capacityCostPerJob,maxNumberOfJobs");
    assert_true(json_get_double(json_at(channels, 0), "maxNumberOfJobs", 0) == 1);
    assert_int_equal(json_kind(json_get(json_at(channels, 1), "maxNumberOfJobs")), JSON_NULL);
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":true,\"labels\":{\"a\":1}}");
    kit_quiet(&kit); /* nothing changed */
    kit_ok(&kit, 200, "PATCH", "/routing/workers/w1", "{\"availableForOffers\":false,\"tags\":null}");
    names = json_get(expect(&kit, "RouterWorkerUpdated", "worker/w1", WORKER ",updatedWorkerProperties"),
                     "updatedWorkerProperties");
    assert_string_equal(json_string_of(json_at(names, 0)), "Tags");
    assert_string_equal(json_string_of(json_at(names, 1)), "AvailableForOffers");
    expect(&kit, "RouterWorkerDeregistered", "worker/w1", "workerId");
    kit_ok(&kit, 204, "DELETE", "/routing/workers/w1", NULL);
    expect(&kit, "RouterWorkerDeleted", "worker/w1", WORKER);
    kit_close(&kit);
}

static void on_trace(void *context, int64_t now_us, const char *id, const char *what) {
    struct buffer *lines = context;
    assert_true(now_us >= KIT_START);
    buffer_append_format(lines, "%s %s\n", id, what);
}

static void what_happens_can_be_followed(void **state) {
    (void)state;
    struct kit kit;
    struct buffer lines;
    char assignment[64];
    kit_open(&kit, 1);
    buffer_init(&lines, 4096);
    kit_furnish(&kit, IDLE);
    sim_core_set_trace(kit.core, on_trace, &lines);
    kit_worker(&kit, "w1", "");
    kit_event(&kit, "RouterWorkerRegistered");
    kit_job(&kit, "j1",
            ",\"matchingMode\":{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-02T08:36:00Z\"}");
    kit_pass(&kit, 60);
    kit_ok(&kit, 200, "PATCH", "/routing/jobs/j1", "{\"matchingMode\":{\"kind\":\"queueAndMatch\"}}");
    kit_event(&kit, "RouterJobReceived");
    kit_event(&kit, "RouterJobWaitingForActivation");
    kit_event(&kit, "RouterJobQueued");
    kit_accept(&kit, "w1", assignment);
    kit_assignment(&kit, "j1", assignment, "complete", NULL);
    kit_assignment(&kit, "j1", assignment, "close", NULL);
    assert_string_equal(lines.bytes, "w1 worker created\nw1 registered\n"
                                     "j1 job created\nj1 scheduled for 2026-03-02T08:36:00.0000000Z\n"
                                     "j1 waiting for activation\nj1 activated\nj1 queued in q, priority 1\n"
                                     "j1 offered to w1\nj1 accepted by w1\nj1 completed\nj1 closed\n");
    buffer_reset(&lines);
    kit_close(&kit);
}

/* A whole life for each job, by way of what the events say, and a digest of every byte that came out. */
static void run_jobs(uint64_t seed, int count, char text[CRYPTO_DIGEST_TEXT_SIZE], int *closed) {
    struct kit kit;
    struct crypto_digest digest;
    uint8_t out[CRYPTO_DIGEST_SIZE];
    kit_open(&kit, seed);
    crypto_digest_begin(&digest);
    kit_furnish(&kit, IDLE);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "w%d", i);
        kit_worker(&kit, id, "");
    }
    int made = 0;
    *closed = 0;
    while (*closed < count) {
        struct sim_event *event = sim_core_take_event(kit.core);
        if (event == NULL && made < count) {
            char id[16];
            snprintf(id, sizeof id, "j%d", made++);
            kit_job(&kit, id, made % 3 == 0 ? ",\"priority\":5" : "");
            kit_pass(&kit, 0.5);
            continue;
        }
        assert_non_null(event);
        crypto_digest_part(&digest, slice_make(event->json, event->length));
        struct json *json = json_parse(event->json, event->length, NULL);
        const struct json *data = json_get(json, "data");
        const char *job = json_get_string(data, "jobId"), *assignment = json_get_string(data, "assignmentId");
        if (strcmp(event->type, "RouterWorkerOfferIssued") == 0) {
            kit_answer_offer(&kit, json_get_string(data, "workerId"), json_get_string(data, "offerId"), "accept",
                             NULL);
        } else if (strcmp(event->type, "RouterWorkerOfferAccepted") == 0) {
            kit_assignment(&kit, job, assignment, "complete", NULL);
        } else if (strcmp(event->type, "RouterJobCompleted") == 0) {
            kit_assignment(&kit, job, assignment, "close", NULL);
        } else if (strcmp(event->type, "RouterJobClosed") == 0) {
            (*closed)++;
        }
        if (kit.answer.body.length > 0) {
            crypto_digest_part(&digest, buffer_slice(&kit.answer.body));
        }
        json_free(json);
        sim_event_release(event);
    }
    crypto_digest_end(&digest, out);
    crypto_digest_text(out, text);
    kit_close(&kit);
}

static void the_same_seed_gives_the_same_bytes(void **state) {
    (void)state;
    char first[CRYPTO_DIGEST_TEXT_SIZE], again[CRYPTO_DIGEST_TEXT_SIZE], other[CRYPTO_DIGEST_TEXT_SIZE];
    int closed = 0;
    run_jobs(7, 300, first, &closed);
    run_jobs(7, 300, again, &closed);
    run_jobs(8, 300, other, &closed);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

static void ten_thousand_jobs_live_quickly(void **state) {
    (void)state;
    char text[CRYPTO_DIGEST_TEXT_SIZE];
    int closed = 0;
    int64_t start = clock_monotonic_ns();
    run_jobs(1, 10000, text, &closed);
    assert_int_equal(closed, 10000);
    print_message("10,000 jobs, 60,000 events: %.2f s\n",
                  (double)(clock_monotonic_ns() - start) / (double)CLOCK_NS_PER_S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_job_that_waits),
        cmocka_unit_test(of_a_job_in_hands),
        cmocka_unit_test(of_a_job_that_is_cancelled),
        cmocka_unit_test(of_an_offer),
        cmocka_unit_test(of_a_worker),
        cmocka_unit_test(what_happens_can_be_followed),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(ten_thousand_jobs_live_quickly),
    };
    return cmocka_run_group_tests_name("sim events", tests, NULL, NULL);
}
