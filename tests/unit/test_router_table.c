/* The table of operations against itself and against the REST contract (tests/contract/operations.tsv). */
#include "contract.h"
#include "router/table.h"
#include "json/json.h"
#include <stdlib.h>

static const char *kind_name(enum router_kind kind) {
    static const char *const names[] = {
        [ROUTER_STRING] = "string",   [ROUTER_INTEGER] = "integer", [ROUTER_NUMBER] = "number",
        [ROUTER_BOOLEAN] = "boolean", [ROUTER_TIME] = "time",       [ROUTER_LIST] = "list",
        [ROUTER_MAP] = "map"};
    return names[kind];
}

/* Whether `list` (a:string,b:map) has the member. */
static bool has_member(const char *list, const char *name, enum router_kind kind) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, "%s:%s", name, kind_name(kind));
    return contract_has(list, wanted);
}

/* Returns how many members went to `place`. */
static size_t check_members(const struct router_operation *operation, enum router_place place, const char *list) {
    size_t count = 0;
    for (const struct router_member *member = operation->members; member->name != NULL; member++) {
        if (member->place == place) {
            const char *name = place == ROUTER_HEADER ? member->header : member->name;
            if (!has_member(list, name, member->kind)) {
                fail_msg("%s: %s is not in \"%s\"", operation->name, name, list);
            }
            count++;
        }
    }
    return count;
}

/* --- against itself */

static void names_are_sorted_and_found(void **state) {
    (void)state;
    size_t count = 0;
    EACH_OPERATION(operation) {
        if (operation != router_operations) {
            assert_true(strcmp(operation[-1].name, operation->name) < 0);
        }
        assert_ptr_equal(router_find(slice_of(operation->name)), operation);
        count++;
    }
    assert_int_equal(count, 44);
    assert_int_equal(count, router_operation_count);
}

static void other_names_are_not_found(void **state) {
    (void)state;
    const char *const others[] = {"",
                                  "router",
                                  "router.jobs",
                                  "router.jobs.activat",
                                  "router.jobs.activate2",
                                  "router.workers.zzz",
                                  "aaa",
                                  "ROUTER.JOBS.GET"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(router_find(slice_of(others[i])));
    }
    assert_null(router_find(slice_make("router.jobs.get\0x", 17)));
}

static void every_function_of_the_handlers_modules_is_there(void **state) {
    (void)state;
    const char *const names[] = {"jobs.get",
                                 "jobs.list",
                                 "jobs.create",
                                 "jobs.update",
                                 "jobs.delete",
                                 "jobs.activate",
                                 "jobs.suspend",
                                 "jobs.schedule",
                                 "jobs.reclassify",
                                 "jobs.cancel",
                                 "jobs.complete",
                                 "jobs.close",
                                 "jobs.unassign",
                                 "jobs.position",
                                 "workers.get",
                                 "workers.list",
                                 "workers.create",
                                 "workers.update",
                                 "workers.delete",
                                 "workers.register",
                                 "workers.deregister",
                                 "offers.accept",
                                 "offers.decline",
                                 "queues.get",
                                 "queues.list",
                                 "queues.create",
                                 "queues.update",
                                 "queues.delete",
                                 "queues.statistics",
                                 "classification_policies.get",
                                 "classification_policies.list",
                                 "classification_policies.create",
                                 "classification_policies.update",
                                 "classification_policies.delete",
                                 "distribution_policies.get",
                                 "distribution_policies.list",
                                 "distribution_policies.create",
                                 "distribution_policies.update",
                                 "distribution_policies.delete",
                                 "exception_policies.get",
                                 "exception_policies.list",
                                 "exception_policies.create",
                                 "exception_policies.update",
                                 "exception_policies.delete"};
    assert_int_equal(sizeof names / sizeof names[0], router_operation_count);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "router.%s", names[i]);
        if (router_find(slice_of(name)) == NULL) {
            fail_msg("%s is missing", name);
        }
    }
}

static void ids_stand_in_the_path(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        size_t count = router_id_count(operation);
        assert_true(count <= ROUTER_MOST_IDS);
        for (size_t i = 0; i < count; i++) {
            struct slice name = router_id_name(operation, i);
            assert_true(slice_ends_with(name, "Id"));
            assert_int_equal(name.bytes[-1], '{');
            assert_int_equal(name.bytes[name.length], '}');
        }
        assert_false(slice_is_set(router_id_name(operation, count)));
    }
    const struct router_operation *close = router_find(slice_of("router.jobs.close"));
    assert_int_equal(router_id_count(close), 2);
    assert_true(slice_is(router_id_name(close, 0), "jobId"));
    assert_true(slice_is(router_id_name(close, 1), "assignmentId"));
}

static void rows_are_whole(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        size_t holes = 0, members = 0;
        assert_non_null(operation->members);
        assert_true(slice_ends_with(slice_of(operation->words), "."));
        for (const struct router_member *member = operation->members; member->name != NULL; member++, members++) {
            assert_non_null(member->words);
            assert_true(slice_ends_with(slice_of(member->words), "."));
            assert_int_equal(member->header != NULL, member->place == ROUTER_HEADER);
            assert_ptr_equal(router_find_member(operation, slice_of(member->name)), member);
            holes += member->place == ROUTER_HOLE;
            assert_true(member->place != ROUTER_HOLE || member->is_required);
        }
        assert_true(members <= ROUTER_MOST_MEMBERS);
        assert_int_equal(holes, operation->fixed != NULL && strchr(operation->fixed, '@') != NULL);
        assert_int_equal(operation->is_list, slice_ends_with(slice_of(operation->name), ".list"));
    }
}

static void samples_are_strict_json(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        struct json_error where = {.offset = 0};
        bool is_empty = strcmp(operation->method, "DELETE") == 0;
        assert_int_equal(operation->sample[0] == '\0', is_empty);
        if (!is_empty && json_check(operation->sample, strlen(operation->sample), &where) < 0) {
            fail_msg("%s: %s at %zu", operation->name, where.message, where.offset);
        }
    }
}

static int is_in_model(void *context, struct slice name, struct slice raw) {
    const char *const *known = context;
    (void)raw;
    for (; *known != NULL; known++) {
        if (slice_is(name, *known)) {
            return 0;
        }
    }
    fail_msg("%.*s is no member of the model", SLICE_ARG(name));
    return -1;
}

static void a_sample_has_the_models_members(void **state) {
    (void)state;
    static const char *const job[] = {"etag",
                                      "id",
                                      "channelReference",
                                      "status",
                                      "enqueuedAt",
                                      "channelId",
                                      "classificationPolicyId",
                                      "queueId",
                                      "priority",
                                      "dispositionCode",
                                      "requestedWorkerSelectors",
                                      "attachedWorkerSelectors",
                                      "labels",
                                      "assignments",
                                      "tags",
                                      "notes",
                                      "scheduledAt",
                                      "matchingMode",
                                      NULL};
    static const char *const worker[] = {
        "etag",     "id",     "state",        "queues",    "capacity",           "labels", "tags",
        "channels", "offers", "assignedJobs", "loadRatio", "availableForOffers", NULL};
    struct json_error where;
    const char *const jobs[] = {"get", "create", "update", "activate", "suspend", "schedule"};
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "router.jobs.%s", jobs[i]);
        struct slice sample = slice_of(router_find(slice_of(name))->sample);
        assert_int_equal(
            json_each_member(sample.bytes, sample.length, is_in_model, (void *)(uintptr_t)job, &where), 0);
    }
    const char *const workers[] = {"router.workers.get", "router.workers.register", "router.workers.deregister"};
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        struct slice sample = slice_of(router_find(slice_of(workers[i]))->sample);
        assert_int_equal(
            json_each_member(sample.bytes, sample.length, is_in_model, (void *)(uintptr_t)worker, &where), 0);
    }
}

/* --- against the REST contract */

static void the_contract_is_covered(void **state) {
    (void)state;
    FILE *file = contract_open("operations.tsv");
    struct contract_row row;
    size_t rows = 0;
    while (contract_next(file, &row)) {
        size_t whole = 0;
        rows++;
        assert_int_equal(row.count, OPERATION_COLUMNS);
        EACH_OPERATION(operation) {
            if (!contract_is_row_of(&row, operation)) {
                continue;
            }
            size_t members = check_members(operation, ROUTER_BODY, row.columns[MEMBERS]);
            size_t headers = check_members(operation, ROUTER_HEADER, row.columns[HEADERS]);
            size_t query = check_members(operation, ROUTER_QUERY, row.columns[QUERY]);
            assert_string_equal(operation->content_type == NULL ? "-" : operation->content_type,
                                row.columns[CONTENT_TYPE]);
            assert_int_equal(operation->is_body_optional, strcmp(row.columns[BODY], "optional") == 0);
            assert_int_equal(operation->is_list, strncmp(row.columns[ANSWER_MODEL], "Paged", 5) == 0);
            assert_int_equal(operation->sample[0] == '\0', strcmp(row.columns[STATUSES], "204") == 0);
            whole += members == contract_length(row.columns[MEMBERS]) &&
                     headers == contract_length(row.columns[HEADERS]) &&
                     query == contract_length(row.columns[QUERY]) && operation->fixed == NULL;
        }
        if (whole == 0) {
            fail_msg("no operation of the table is all of %s", row.columns[NAME]);
        }
    }
    assert_int_equal(rows, 33);
    fclose(file);
}

static void nothing_is_outside_of_the_contract(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        FILE *file = contract_open("operations.tsv");
        struct contract_row row;
        size_t rows = 0;
        while (contract_next(file, &row)) {
            rows += contract_is_row_of(&row, operation);
        }
        fclose(file);
        assert_int_equal(rows, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_found),
        cmocka_unit_test(other_names_are_not_found),
        cmocka_unit_test(every_function_of_the_handlers_modules_is_there),
        cmocka_unit_test(ids_stand_in_the_path),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(samples_are_strict_json),
        cmocka_unit_test(a_sample_has_the_models_members),
        cmocka_unit_test(the_contract_is_covered),
        cmocka_unit_test(nothing_is_outside_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
