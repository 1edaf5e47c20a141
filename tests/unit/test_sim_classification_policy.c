/* Classification policies as resources, and what their attachments come to. */
#include "sim_kit.h"

#define POLICY               "/routing/classificationPolicies/c"
#define JOB                  "/routing/jobs/j1"
#define SELECTOR(key, value) "{\"key\":\"" key "\",\"labelOperator\":\"equal\",\"value\":" value "}"

static void policies_are_made_changed_read_listed_and_deleted(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    kit_ok(&kit, 201, "PATCH", POLICY,
           "{\"name\":\"C\",\"fallbackQueueId\":\"q\",\"prioritizationRule\":{\"kind\":\"static\",\"value\":3}}");
    assert_string_equal(json_get_string(kit.json, "id"), "c");
    assert_int_equal(json_kind(json_get(kit.json, "queueSelectorAttachments")), JSON_ARRAY);
    char etag[SIM_ETAG_SIZE];
    snprintf(etag, sizeof etag, "%s", kit.answer.etag);
    assert_string_equal(json_get_string(kit.json, "etag"), etag);
    /* A rule of another kind replaces the old one whole. */
    kit_ok(&kit, 200, "PATCH", POLICY,
           "{\"fallbackQueueId\":null,\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"1\"}}");
    assert_null(json_get(kit.json, "fallbackQueueId"));
    assert_null(json_get(json_get(kit.json, "prioritizationRule"), "value"));
    assert_string_equal(json_get_string(kit.json, "name"), "C");
    kit.if_match = etag;
    kit_refused(&kit, 412, "PreconditionFailed", "etag", "PATCH", POLICY, NULL, "{\"name\":\"D\"}");
    kit.if_match = NULL;
    kit_ok(&kit, 201, "PATCH", "/routing/classificationPolicies/d", "{}");
    kit_ok(&kit, 200, "GET", "/routing/classificationPolicies", NULL);
    assert_int_equal(json_count(json_get(kit.json, "value")), 2);
    kit_ok(&kit, 200, "GET", POLICY, NULL);
    assert_string_equal(json_get_string(kit.json, "name"), "C");
    kit_ok(&kit, 204, "DELETE", POLICY, NULL);
    kit_refused(&kit, 404, "NotFound", "classification policy", "GET", POLICY, NULL, NULL);
    kit_refused(&kit, 404, "NotFound", "classification policy", "DELETE", POLICY, NULL, NULL);
    kit_quiet(&kit);
    kit_close(&kit);
}

static const struct {
    const char *code, *words, *body;
} bodies[] = {
    {"InvalidReference", "\"fallbackQueueId\": there is no queue \"no\"", "{\"fallbackQueueId\":\"no\"}"},
    {"InvalidMember", "prioritizationRule", "{\"prioritizationRule\":5}"},
    {"MissingMember", "prioritizationRule.kind", "{\"prioritizationRule\":{\"value\":5}}"},
    {"InvalidMember", "magic", "{\"prioritizationRule\":{\"kind\":\"magic\"}}"},
    {"MissingMember", "prioritizationRule.expression", "{\"prioritizationRule\":{\"kind\":\"expression\"}}"},
    {"InvalidMember", "language",
     "{\"prioritizationRule\":{\"kind\":\"expression\",\"expression\":\"1\",\"language\":\"c\"}}"},
    {"UnknownMember", "value", "{\"prioritizationRule\":{\"kind\":\"directMap\",\"value\":1}}"},
    {"MissingMember", "queueSelectorAttachments[0].kind", "{\"queueSelectorAttachments\":[{}]}"},
    {"MissingMember", "queueSelector", "{\"queueSelectorAttachments\":[{\"kind\":\"static\"}]}"},
    {"UnknownMember", "workerSelector",
     "{\"queueSelectorAttachments\":[{\"kind\":\"static\",\"queueSelector\":" SELECTOR(
         "a", "1") ",\"workerSelector\":" SELECTOR("a", "1") "}]}"},
    {"UnknownMember", "expedite",
     "{\"queueSelectorAttachments\":[{\"kind\":\"static\",\"queueSelector\":{\"key\":\"a\",\"labelOperator\":"
     "\"equal\",\"value\":1,\"expedite\":true}}]}"},
    {"MissingMember", "condition", "{\"workerSelectorAttachments\":[{\"kind\":\"conditional\"}]}"},
    {"InvalidMember", "like",
     "{\"workerSelectorAttachments\":[{\"kind\":\"passThrough\",\"key\":\"a\",\"labelOperator\":\"like\"}]}"},
    {"MissingMember", "allocations", "{\"workerSelectorAttachments\":[{\"kind\":\"weightedAllocation\"}]}"},
    {"InvalidMember", "weight",
     "{\"workerSelectorAttachments\":[{\"kind\":\"weightedAllocation\",\"allocations\":[{\"weight\":-0.5,"
     "\"workerSelectors\":[]}]}]}"},
};

static void bodies_of_policies_are_checked(void **state) {
    (void)state;
    struct kit kit;
    kit_open_idle(&kit);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        kit_refused(&kit, 400, bodies[i].code, bodies[i].words, "PATCH", POLICY, NULL, bodies[i].body);
    }
    kit_close(&kit);
}

/* A job with these labels under a policy with this attachment, as the only one; its queue, and its attached
 * selectors as text. */
static void attach(struct kit *kit, const char *member, const char *attachment, const char *labels) {
    char body[2048];
    snprintf(body, sizeof body, "{\"fallbackQueueId\":\"q\",\"%s\":[%s]}", member, attachment);
    kit_ok(kit, 201, "PATCH", POLICY, body);
    snprintf(body, sizeof body, "{\"channelId\":\"voice\",\"classificationPolicyId\":\"c\",\"labels\":%s}",
             labels);
    kit_ok(kit, 201, "PATCH", JOB, body);
    kit_ok(kit, 200, "GET", JOB, NULL);
}

#define ALLOCATIONS(one, other)                                                                                   \
    "{\"kind\":\"weightedAllocation\",\"allocations\":[{\"weight\":" one                                          \
    ",\"SELECTORS\":[" SELECTOR("Id", "\"na\"") "]},{\"weight\":" other                                           \
                                                ",\"SELECTORS\":[" SELECTOR("Id", "\"eu\"") "]}]}"
#define RULE(formula) "{\"kind\":\"ruleEngine\",\"rule\":{\"kind\":\"expression\",\"expression\":\"" formula "\"}}"
#define TO_NA         "\"SELECTORS\":[" SELECTOR("Id", "\"na\"") "]"
#define WHEN(rule)    "{\"kind\":\"conditional\",\"condition\":" rule "," TO_NA "}"

static const struct {
    const char *attachment, *labels;
    const char *queue;    /* NULL: classification fails */
    const char *selector; /* the key of the one worker selector; NULL: none */
    const char *value;    /* and its text */
} kinds[] = {
    {"{\"kind\":\"static\",\"SELECTOR\":" SELECTOR("Id", "\"na\"") "}", "{}", "na", "Id", "na"},
    {"{\"kind\":\"static\",\"SELECTOR\":" SELECTOR("Region", "\"EU\"") "}", "{}", "eu", "Region", "EU"},
    {"{\"kind\":\"static\",\"SELECTOR\":" SELECTOR("Region", "\"EU2\"") "}", "{}", "q", "Region", "EU2"},
    {"{\"kind\":\"static\",\"SELECTOR\":{\"key\":\"Id\",\"labelOperator\":\"notEqual\",\"value\":\"q\"}}", "{}",
     "na", "Id", "q"},
    {"{\"kind\":\"passThrough\",\"key\":\"Region\",\"labelOperator\":\"equal\"}", "{\"Region\":\"EU\"}", "eu",
     "Region", "EU"},
    {"{\"kind\":\"passThrough\",\"key\":\"Region\",\"labelOperator\":\"notEqual\"}", "{\"Region\":\"EU\"}", "q",
     "Region", "EU"},
    {"{\"kind\":\"passThrough\",\"key\":\"Region\",\"labelOperator\":\"equal\"}", "{}", "q", NULL, NULL},
    {WHEN("{\"kind\":\"expression\",\"expression\":\"job.VIP\"}"), "{\"VIP\":true}", "na", "Id", "na"},
    {WHEN("{\"kind\":\"expression\",\"expression\":\"job.VIP\"}"), "{\"VIP\":false}", "q", NULL, NULL},
    {WHEN("{\"kind\":\"expression\",\"expression\":\"job.VIP\"}"), "{}", "q", NULL, NULL},
    {WHEN("{\"kind\":\"static\",\"value\":\"True\"}"), "{}", "na", "Id", "na"},
    {WHEN("{\"kind\":\"static\",\"value\":3}"), "{}", NULL, NULL, NULL},
    {WHEN("{\"kind\":\"static\",\"value\":\"yes\"}"), "{}", NULL, NULL, NULL},
    {WHEN("{\"kind\":\"expression\",\"expression\":\"1 / 0\"}"), "{}", NULL, NULL, NULL},
    {"{\"kind\":\"ruleEngine\",\"rule\":{\"kind\":\"directMap\"}}", "{\"Region\":\"EU\"}", "eu", "Region", "EU"},
    {RULE("[{key: \\\"Region\\\", labelOperator: \\\"equal\\\", value: Upper(job.R)}]"), "{\"R\":\"eu\"}", "eu",
     "Region", "EU"},
    {RULE("{key: \\\"Region\\\", labelOperator: \\\"equal\\\", value: job.R}"), "{\"R\":\"NA\"}", "na", "Region",
     "NA"},
    {RULE("[]"), "{}", "q", NULL, NULL},
    {RULE("job.None"), "{}", "q", NULL, NULL},
    {RULE("12"), "{}", NULL, NULL, NULL},
    {RULE("[{key: 1, labelOperator: \\\"equal\\\"}]"), "{}", NULL, NULL, NULL},
    {RULE("[{key: \\\"a\\\", labelOperator: \\\"like\\\"}]"), "{}", NULL, NULL, NULL},
    {RULE("[{key: \\\"a\\\", labelOperator: \\\"equal\\\", value: [1]}]"), "{}", NULL, NULL, NULL},
    {RULE("[1]"), "{}", NULL, NULL, NULL},
    {ALLOCATIONS("1", "0"), "{}", "na", "Id", "na"},
    {ALLOCATIONS("0", "0.1"), "{}", "eu", "Id", "eu"},
    {ALLOCATIONS("0", "0"), "{}", "q", NULL, NULL},
};

/* The table's words SELECTOR and SELECTORS, as queues or workers have them. */
static void fill_in(const char *text, const char *who, char *out, size_t size) {
    const char *word;
    out[0] = '\0';
    while ((word = strstr(text, "SELECTOR")) != NULL) {
        size_t length = strlen(out);
        snprintf(out + length, size - length, "%.*s%sSelector", (int)(word - text), text, who);
        text = word + strlen("SELECTOR");
        if (*text == 'S') {
            length = strlen(out);
            snprintf(out + length, size - length, "s");
            text++;
        }
    }
    size_t length = strlen(out);
    snprintf(out + length, size - length, "%s", text);
}

static void open_regions(struct kit *kit, uint64_t seed) {
    kit_open(kit, seed);
    kit_furnish(kit, IDLE);
    kit_ok(kit, 201, "PATCH", "/routing/queues/na",
           "{\"distributionPolicyId\":\"p\",\"labels\":{\"Region\":\"NA\"}}");
    kit_ok(kit, 201, "PATCH", "/routing/queues/eu",
           "{\"distributionPolicyId\":\"p\",\"labels\":{\"Region\":\"EU\"}}");
}

static void queue_selectors_of_every_kind_choose_the_queue(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct kit kit;
        char attachment[1024];
        open_regions(&kit, 1);
        fill_in(kinds[i].attachment, "queue", attachment, sizeof attachment);
        attach(&kit, "queueSelectorAttachments", attachment, kinds[i].labels);
        if (kinds[i].queue == NULL) {
            assert_string_equal(json_get_string(kit.json, "status"), "classificationFailed");
        } else if (strcmp(json_get_string(kit.json, "queueId"), kinds[i].queue) != 0) {
            fail_msg("%s: %s", attachment, json_get_string(kit.json, "queueId"));
        }
        kit_close(&kit);
    }
}

static void worker_selectors_of_every_kind_are_attached(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct kit kit;
        char attachment[1024];
        open_regions(&kit, 1);
        fill_in(kinds[i].attachment, "worker", attachment, sizeof attachment);
        attach(&kit, "workerSelectorAttachments", attachment, kinds[i].labels);
        const struct json *attached = json_get(kit.json, "attachedWorkerSelectors");
        if (kinds[i].queue == NULL) {
            assert_string_equal(json_get_string(kit.json, "status"), "classificationFailed");
        } else if (json_count(attached) != (kinds[i].selector != NULL)) {
            fail_msg("%s: %zu selectors", attachment, json_count(attached));
        }
        if (kinds[i].selector != NULL) {
            assert_string_equal(json_get_string(json_at(attached, 0), "key"), kinds[i].selector);
            assert_string_equal(json_get_string(json_at(attached, 0), "value"), kinds[i].value);
        }
        kit_close(&kit);
    }
}

static void a_rule_names_a_queue_by_its_id_alone(void **state) {
    (void)state;
    struct kit kit;
    open_regions(&kit, 1);
    attach(&kit, "queueSelectorAttachments", RULE("If(job.VIP, \\\"eu\\\")"), "{\"VIP\":true}");
    assert_string_equal(json_get_string(kit.json, "queueId"), "eu");
    kit_close(&kit);
    open_regions(&kit, 1);
    attach(&kit, "workerSelectorAttachments", RULE("\\\"eu\\\""), "{}"); /* of workers there is no such thing */
    assert_string_equal(json_get_string(kit.json, "status"), "classificationFailed");
    kit_close(&kit);
}

static void all_attached_queue_selectors_have_to_be_met(void **state) {
    (void)state;
    struct kit kit;
    open_regions(&kit, 1);
    attach(&kit, "queueSelectorAttachments",
           "{\"kind\":\"static\",\"queueSelector\":" SELECTOR(
               "Region", "\"EU\"") "},"
                                   "{\"kind\":\"static\",\"queueSelector\":" SELECTOR("Id", "\"na\"") "}",
           "{}");
    assert_string_equal(json_get_string(kit.json, "queueId"), "q");
    kit_close(&kit);
}

static void a_direct_map_as_condition_attaches_the_labels_too(void **state) {
    (void)state;
    struct kit kit;
    open_regions(&kit, 1);
    attach(&kit, "workerSelectorAttachments",
           "{\"kind\":\"conditional\",\"condition\":{\"kind\":\"directMap\"},\"workerSelectors\":[" SELECTOR(
               "b", "2") "]}",
           "{\"a\":1}");
    const struct json *attached = json_get(kit.json, "attachedWorkerSelectors");
    assert_string_equal(json_get_string(json_at(attached, 0), "key"), "a");
    assert_string_equal(json_get_string(json_at(attached, 1), "key"), "b");
    kit_close(&kit);
}

static void attached_selectors_have_their_own_lives(void **state) {
    (void)state;
    struct kit kit;
    open_regions(&kit, 1);
    attach(&kit, "workerSelectorAttachments",
           "{\"kind\":\"passThrough\",\"key\":\"a\",\"labelOperator\":\"equal\",\"expiresAfterSeconds\":60}",
           "{\"a\":1}");
    const struct json *attached = json_get(kit.json, "attachedWorkerSelectors");
    assert_string_equal(json_get_string(json_at(attached, 0), "expiresAt"), "2026-03-02T08:36:04.1200000Z");
    kit_pass(&kit, 30);
    kit_ok(&kit, 200, "POST", JOB ":reclassify", NULL); /* the same ones go on */
    kit_drop_events(&kit);
    kit_pass(&kit, 30);
    const struct json *data = kit_event(&kit, "RouterJobWorkerSelectorsExpired");
    assert_int_equal(json_count(json_get(data, "expiredAttachedWorkerSelectors")), 1);
    kit_quiet(&kit);
    kit_close(&kit);
}

/* How many of the jobs went to "na". */
static int draw(uint64_t seed, char order[201]) {
    struct kit kit;
    int count = 0;
    open_regions(&kit, seed);
    char attachment[1024];
    fill_in(ALLOCATIONS("0.3", "0.7"), "queue", attachment, sizeof attachment);
    attach(&kit, "queueSelectorAttachments", attachment, "{}");
    for (int i = 0; i < 200; i++) {
        kit_ok(&kit, 200, "POST", JOB ":reclassify", NULL);
        kit_ok(&kit, 200, "GET", JOB, NULL);
        bool is_na = strcmp(json_get_string(kit.json, "queueId"), "na") == 0;
        order[i] = is_na ? 'n' : 'e';
        count += is_na;
    }
    order[200] = '\0';
    kit_close(&kit);
    return count;
}

static void weights_are_drawn_from_the_seed(void **state) {
    (void)state;
    char first[201], again[201], other[201];
    int count = draw(1, first);
    assert_in_range(count, 40, 80);
    draw(1, again);
    draw(2, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_are_made_changed_read_listed_and_deleted),
        cmocka_unit_test(bodies_of_policies_are_checked),
        cmocka_unit_test(queue_selectors_of_every_kind_choose_the_queue),
        cmocka_unit_test(worker_selectors_of_every_kind_are_attached),
        cmocka_unit_test(a_rule_names_a_queue_by_its_id_alone),
        cmocka_unit_test(all_attached_queue_selectors_have_to_be_met),
        cmocka_unit_test(a_direct_map_as_condition_attaches_the_labels_too),
        cmocka_unit_test(attached_selectors_have_their_own_lives),
        cmocka_unit_test(weights_are_drawn_from_the_seed),
    };
    return cmocka_run_group_tests_name("sim classification policies", tests, NULL, NULL);
}
