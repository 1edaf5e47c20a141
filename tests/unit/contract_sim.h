/* The REST contract's tables, and a local Job Router in which each of its operations has something to do.
 *
 * A stage is how far the world has come: a job "j" is offered to the worker "w", assigned to it, completed,
 * closed. Upserts make "new", deletions take "spare": neither is in use. */
#ifndef CONTRACT_SIM_H
#define CONTRACT_SIM_H

#include "contract.h"
#include "sim_kit.h"

enum { CONTRACT_ROWS = 400 };

struct contract {
    struct contract_row rows[CONTRACT_ROWS]; /* of models.tsv */
    size_t count;
    bool *seen;   /* in an answer, or in a body that was tried */
    bool *wanted; /* its model is reached from a body or an answer */
};

enum stage { FURNISHED, OFFERED, ASSIGNED, COMPLETED, CLOSED, NO_STAGE };

struct world {
    struct kit kit;
    char offer[64], assignment[64];
};

#define ALL_RULES(form)                                                                                           \
    form("{\"kind\":\"static\",\"value\":1}"), form("{\"kind\":\"directMap\"}"),                                  \
        form("{\"kind\":\"expression\",\"expression\":\"1\",\"language\":\"powerFx\"}"),                          \
        form("{\"kind\":\"function\",\"functionUri\":\"https://a.example/f\",\"credential\":"                     \
             "{\"functionKey\":\"k\",\"appKey\":\"a\",\"clientId\":\"c\"}}"),                                     \
        form("{\"kind\":\"webhook\",\"authorizationServerUri\":\"https://a.example/t\",\"clientCredential\":"     \
             "{\"clientId\":\"c\",\"clientSecret\":\"s\"},\"webhookUri\":\"https://a.example/w\"}")
#define SCORED(rule)                                                                                              \
    { "UpsertDistributionPolicy", "{\"mode\":{\"kind\":\"bestWorker\",\"scoringRule\":" rule "}}" }
#define PRIORITISED(rule)                                                                                         \
    { "UpsertClassificationPolicy", "{\"prioritizationRule\":" rule "}" }
#define QUEUE_SELECTOR "{\"key\":\"Id\",\"labelOperator\":\"equal\",\"value\":\"q\"}"
#define WORKER_SELECTOR                                                                                           \
    "{\"key\":\"Level\",\"labelOperator\":\"greaterThan\",\"value\":1,\"expiresAfterSeconds\":60.5,"              \
    "\"expedite\":true}"
#define RULE "{\"kind\":\"expression\",\"expression\":\"true\"}"
/* Of all kinds; `T` is queue or worker, `EACH` a selector, `MORE` what a passThrough has beside. */
#define ATTACHMENTS(T, EACH, MORE)                                                                                \
    "[{\"kind\":\"static\",\"" T "Selector\":" EACH "},{\"kind\":\"conditional\",\"condition\":" RULE ",\"" T     \
    "Selectors\":[" EACH "]},{\"kind\":\"ruleEngine\",\"rule\":{\"kind\":\"directMap\"}},"                        \
    "{\"kind\":\"passThrough\",\"key\":\"Region\",\"labelOperator\":\"equal\"" MORE "},"                          \
    "{\"kind\":\"weightedAllocation\",\"allocations\":[{\"weight\":0.5,\"" T "Selectors\":[" EACH                 \
    "]},{\"weight\":0.5,\"" T "Selectors\":[]}]}]"

#define JOB(more)                                                                                                 \
    "{\"channelReference\":\"r\",\"channelId\":\"voice\",\"queueId\":\"q\",\"priority\":5,\"dispositionCode\":"   \
    "\"d\","                                                                                                      \
    "\"requestedWorkerSelectors\":[" WORKER_SELECTOR "],\"labels\":{\"a\":1},\"tags\":{\"b\":\"x\"},\"notes\":["  \
    "{\"message\":\"m\",\"addedAt\":\"2026-03-02T08:00:00Z\"}]" more
#define MODE(mode) ",\"matchingMode\":" mode

static const struct {
    const char *operation, *body;
} right_bodies[] = {
    {"UpsertDistributionPolicy",
     "{\"name\":\"n\",\"offerExpiresAfterSeconds\":30.5,\"mode\":{\"kind\":\"bestWorker\",\"minConcurrentOffers\":"
     "1,"
     "\"maxConcurrentOffers\":2,\"bypassSelectors\":true,\"scoringRule\":{\"kind\":\"static\",\"value\":1},"
     "\"scoringRuleOptions\":{\"batchSize\":20,\"scoringParameters\":[\"jobLabels\",\"workerSelectors\"],"
     "\"isBatchScoringEnabled\":false,\"descendingOrder\":true}}}"},
    {"UpsertDistributionPolicy", "{\"mode\":{\"kind\":\"longestIdle\"}}"},
    {"UpsertDistributionPolicy", "{\"mode\":{\"kind\":\"roundRobin\"}}"},
    ALL_RULES(SCORED),
    {"UpsertClassificationPolicy",
     "{\"name\":\"n\",\"fallbackQueueId\":\"q\",\"prioritizationRule\":" RULE
     ",\"queueSelectorAttachments\":" ATTACHMENTS(
         "queue", QUEUE_SELECTOR,
         "") ",\"workerSelectorAttachments\":" ATTACHMENTS("worker", WORKER_SELECTOR,
                                                           ",\"expiresAfterSeconds\":5.5") "}"},
    ALL_RULES(PRIORITISED),
    {"UpsertExceptionPolicy",
     "{\"name\":\"n\",\"exceptionRules\":[{\"id\":\"r\",\"trigger\":{\"kind\":\"queueLength\",\"threshold\":3},"
     "\"actions\":[{\"id\":\"a\",\"kind\":\"cancel\",\"note\":\"n\",\"dispositionCode\":\"d\"},"
     "{\"id\":\"b\",\"kind\":\"manualReclassify\",\"queueId\":\"q\",\"priority\":5,\"workerSelectors\":"
     "[" WORKER_SELECTOR "]}"
     ",{\"id\":\"c\",\"kind\":\"reclassify\",\"classificationPolicyId\":\"c\",\"labelsToUpsert\":{\"a\":1}}"
     "]},"
     "{\"id\":\"s\",\"trigger\":{\"kind\":\"waitTime\",\"thresholdSeconds\":10.5},\"actions\":[]}]}"},
    {"UpsertQueue", "{\"name\":\"n\",\"distributionPolicyId\":\"p\",\"labels\":{\"a\":1,\"b\":\"x\",\"c\":true},"
                    "\"exceptionPolicyId\":\"e\"}"},
    {"UpsertWorker",
     "{\"queues\":[\"q\"],\"capacity\":3,\"labels\":{\"a\":1},\"tags\":{\"b\":true},\"channels\":[{\"channelId\":"
     "\"voice\",\"capacityCostPerJob\":1,\"maxNumberOfJobs\":2}],\"availableForOffers\":true}"},
    {"UpsertJob", JOB(",\"classificationPolicyId\":\"c\"") MODE("{\"kind\":\"queueAndMatch\"}") "}"},
    {"UpsertJob", JOB("") MODE("{\"kind\":\"scheduleAndSuspend\",\"scheduleAt\":\"2026-03-03T08:00:00Z\"}") "}"},
    {"UpsertJob", JOB("") MODE("{\"kind\":\"suspend\"}") "}"},
    {"CancelJob", "{\"note\":\"n\",\"dispositionCode\":\"d\"}"},
    {"CompleteJob", "{\"note\":\"n\"}"},
    {"CloseJob", "{\"dispositionCode\":\"d\",\"closeAt\":\"2026-03-02T08:35:00Z\",\"note\":\"n\"}"},
    {"UnassignJob", "{\"suspendMatching\":true}"},
    {"ReclassifyJob", "{}"},
    {"DeclineJobOffer", "{\"retryOfferAt\":\"2026-03-02T09:00:00Z\"}"},
};

/* The i-th body of the operation, or NULL. */
static inline const char *right_body(const char *operation, size_t i) {
    for (size_t at = 0; at < sizeof right_bodies / sizeof *right_bodies; at++) {
        if (strcmp(right_bodies[at].operation, operation) == 0 && i-- == 0) {
            return right_bodies[at].body;
        }
    }
    return NULL;
}

/* --- operations */

#define EACH_ROW(row)                                                                                             \
    struct contract_row row;                                                                                      \
    for (FILE *operations = contract_open("operations.tsv"); contract_next_or_close(operations, &row);)

static inline bool contract_next_or_close(FILE *file, struct contract_row *row) {
    bool is_there = contract_next(file, row);
    if (!is_there) {
        fclose(file);
    }
    return is_there;
}

static inline bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* Where the operation has something to do. */
static inline enum stage stage_of(const char *operation) {
    bool is_about_assigned = strcmp(operation, "CompleteJob") == 0 || strcmp(operation, "UnassignJob") == 0;
    return begins(operation, "Upsert") || begins(operation, "Delete") ? FURNISHED
           : is_about_assigned                                        ? ASSIGNED
           : strcmp(operation, "CloseJob") == 0                       ? COMPLETED
                                                                      : OFFERED;
}

/* What can be read is read at every stage; a position has only who waits. */
static inline enum stage next_stage(const char *operation, enum stage stage) {
    bool is_read = begins(operation, "Get") || begins(operation, "List");
    return !is_read || strcmp(operation, "GetInQueuePosition") == 0 ? NO_STAGE : stage + 1;
}

/* --- the world */

static inline void furnish(struct kit *kit) {
    static const char *const made[][2] = {
        {"/routing/distributionPolicies/p", "{\"name\":\"n\",\"mode\":{\"kind\":\"longestIdle\"}}"},
        {"/routing/distributionPolicies/spare", "{}"},
        {"/routing/classificationPolicies/c",
         "{\"workerSelectorAttachments\":[{\"kind\":\"static\",\"workerSelector\":" WORKER_SELECTOR "}]}"},
        {"/routing/classificationPolicies/spare", "{}"},
        {"/routing/exceptionPolicies/e", "{\"name\":\"n\"}"},
        {"/routing/exceptionPolicies/spare", "{}"},
        {"/routing/queues/q", "{\"name\":\"n\",\"distributionPolicyId\":\"p\",\"exceptionPolicyId\":\"e\"}"},
        {"/routing/queues/spare", "{\"distributionPolicyId\":\"p\"}"},
        {"/routing/workers/w",
         "{\"queues\":[\"q\"],\"capacity\":3,\"labels\":{\"Level\":5},\"channels\":[{\"channelId\":"
         "\"voice\",\"capacityCostPerJob\":1}],\"availableForOffers\":true}"},
        {"/routing/workers/spare", "{}"},
        {"/routing/jobs/spare",
         "{\"queueId\":\"q\",\"channelId\":\"c\",\"matchingMode\":{\"kind\":\"suspend\"}}"}};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        kit_ok(kit, 201, "PATCH", made[i][0], made[i][1]);
    }
}

static inline void world_open(struct world *world, enum stage stage) {
    struct kit *kit = &world->kit;
    kit_open(kit, 1);
    furnish(kit);
    if (stage >= OFFERED) {
        kit_ok(kit, 201, "PATCH", "/routing/jobs/j", right_body("UpsertJob", 0));
        kit_ok(kit, 200, "GET", "/routing/workers/w", NULL);
        const struct json *offer = json_at(json_get(kit->json, "offers"), 0);
        snprintf(world->offer, sizeof world->offer, "%s", json_get_string(offer, "offerId"));
    }
    if (stage >= ASSIGNED) {
        assert_int_equal(kit_answer_offer(kit, "w", world->offer, "accept", NULL), 200);
        snprintf(world->assignment, sizeof world->assignment, "%s", json_get_string(kit->json, "assignmentId"));
    }
    if (stage >= COMPLETED) {
        assert_int_equal(kit_assignment(kit, "j", world->assignment, "complete", NULL), 200);
    }
    if (stage >= CLOSED) {
        assert_int_equal(kit_assignment(kit, "j", world->assignment, "close", NULL), 200);
    }
}

static inline void world_close(struct world *world) {
    kit_close(&world->kit);
}

static inline int count_ids(const char *path) {
    int count = 0;
    for (const char *c = path; *c != '\0'; c++) {
        count += *c == '{';
    }
    return count;
}

/* The operation's path with ids in it; the one with the number `unknown` is nobody's. */
static inline void world_path(const struct world *world, const struct contract_row *row, int unknown,
                              char path[CONTRACT_LINE]) {
    const struct {
        const char *name, *id;
    } ids[] = {{"{classificationPolicyId}", "c"},
               {"{distributionPolicyId}", "p"},
               {"{exceptionPolicyId}", "e"},
               {"{jobId}", "j"},
               {"{queueId}", "q"},
               {"{workerId}", "w"},
               {"{offerId}", world->offer},
               {"{assignmentId}", world->assignment}};
    size_t length = 0;
    int number = 0;
    for (const char *c = row->columns[PATH]; *c != '\0';) {
        if (*c != '{') {
            path[length++] = *c++;
            continue;
        }
        size_t i = 0;
        while (!begins(c, ids[i].name)) {
            i++;
        }
        const char *id = number++ == unknown                    ? "ghost"
                         : begins(row->columns[NAME], "Upsert") ? "new"
                         : begins(row->columns[NAME], "Delete") ? "spare"
                                                                : ids[i].id;
        length += (size_t)snprintf(path + length, 128, "%s", id);
        c += strlen(ids[i].name);
    }
    path[length] = '\0';
}

static inline unsigned world_call(struct world *world, const struct contract_row *row, const char *body) {
    char path[CONTRACT_LINE];
    world_path(world, row, -1, path);
    return kit_call(&world->kit, row->columns[METHOD], path, NULL, body);
}

/* --- models */

/* Whether the row is of the model, or of what it has beside for the object's `kind`. */
static inline bool contract_is_of(const struct contract_row *row, const char *model, const struct json *object) {
    size_t length = strlen(model);
    const char *name = row->columns[MODEL], *kind = json_get_string(object, "kind");
    return begins(name, model) &&
           (name[length] == '\0' || (name[length] == '/' && kind != NULL && strcmp(name + length + 1, kind) == 0));
}

static inline const struct contract_row *contract_parameter(const struct contract *contract, const char *operation,
                                                            const char *name) {
    for (size_t i = 0; i < contract->count; i++) {
        if (strcmp(contract->rows[i].columns[MODEL], operation) == 0 &&
            strcmp(contract->rows[i].columns[MEMBER], name) == 0) {
            return &contract->rows[i];
        }
    }
    return NULL;
}

static inline bool contract_is_kind(const char *kind, const struct json *value) {
    enum json_kind is = json_kind(value);
    double number = json_double_of(value, 0);
    int64_t us;
    const char *text = json_string_of(value);
    return strcmp(kind, "string") == 0    ? is == JSON_STRING
           : strcmp(kind, "time") == 0    ? text != NULL && clock_parse(text, strlen(text), &us) == 0
           : strcmp(kind, "integer") == 0 ? is == JSON_NUMBER && number >= INT32_MIN && number <= INT32_MAX &&
                                                !((double)(int32_t)number < number)
           : strcmp(kind, "number") == 0  ? is == JSON_NUMBER
           : strcmp(kind, "boolean") == 0 ? is == JSON_BOOLEAN
           : strcmp(kind, "list") == 0    ? is == JSON_ARRAY
           : strcmp(kind, "map") == 0     ? is == JSON_OBJECT
                                          : true;
}

static void contract_check(const struct contract *contract, const char *model, const struct json *object,
                           const char *where);

static inline void contract_check_member(const struct contract *contract, const struct contract_row *row,
                                         const struct json *value, const char *where) {
    const char *member = row->columns[MEMBER], *of = row->columns[OF];
    bool is_required = contract_has(row->columns[TRAITS], "required");
    if (json_kind(value) == JSON_NULL) {
        if (is_required) {
            fail_msg("%s: %s.%s is missing", where, row->columns[MODEL], member);
        }
        return;
    }
    if (!contract_is_kind(row->columns[KIND], value)) {
        fail_msg("%s: %s.%s is no %s", where, row->columns[MODEL], member, row->columns[KIND]);
    }
    const char *text = json_string_of(value);
    if (strcmp(row->columns[VALUES], "-") != 0 && text != NULL && !contract_has(row->columns[VALUES], text)) {
        fail_msg("%s: %s.%s cannot be %s", where, row->columns[MODEL], member, text);
    }
    if (strcmp(of, "-") != 0 && *of != '*' && json_kind(value) == JSON_OBJECT) {
        contract_check(contract, of, value, where);
    } else if (strcmp(of, "-") != 0) {
        for (const struct json *each = json_first(value); each != NULL; each = json_next(each)) {
            contract_check(contract, of + (*of == '*'), each, where);
        }
    }
}

static inline void contract_check(const struct contract *contract, const char *model, const struct json *object,
                                  const char *where) {
    size_t known = 0;
    for (size_t i = 0; i < contract->count; i++) {
        const struct contract_row *row = &contract->rows[i];
        if (!contract_is_of(row, model, object)) {
            continue;
        }
        const struct json *value = json_get(object, row->columns[MEMBER]);
        contract->seen[i] = contract->seen[i] || value != NULL || strcmp(row->columns[MEMBER], "-") == 0;
        known += value != NULL;
        contract_check_member(contract, row, value, where);
    }
    if (strcmp(model, "-") != 0 && known != json_count(object)) {
        fail_msg("%s: a %s has %zu members that are not in the contract", where, model,
                 json_count(object) - known);
    }
}

static inline void contract_want(struct contract *contract, const char *model) {
    size_t length = strlen(model);
    for (size_t i = 0; i < contract->count; i++) {
        const char *name = contract->rows[i].columns[MODEL], *of = contract->rows[i].columns[OF];
        if (contract->wanted[i] || !begins(name, model) || (name[length] != '\0' && name[length] != '/')) {
            continue;
        }
        contract->wanted[i] = true;
        if (strcmp(of, "-") != 0) {
            contract_want(contract, of + (*of == '*'));
        }
    }
}

static inline int contract_read(void **state) {
    static bool seen[CONTRACT_ROWS], wanted[CONTRACT_ROWS];
    struct contract *contract = calloc(1, sizeof *contract);
    assert_non_null(contract);
    contract->seen = seen;
    contract->wanted = wanted;
    FILE *file = contract_open("models.tsv");
    while (contract_next(file, &contract->rows[contract->count])) {
        contract->count++;
        assert_true(contract->count < CONTRACT_ROWS);
    }
    fclose(file);
    EACH_ROW(row) {
        contract_want(contract, row.columns[BODY_MODEL]);
        contract_want(contract, row.columns[ANSWER_MODEL]);
    }
    *state = contract;
    return 0;
}

static inline int contract_free(void **state) {
    free(*state);
    return 0;
}

#endif
