/* The local Job Router against the REST contract's tables: each operation called rightly and wrongly, each body
 * with each of its members wrong, each answer held against its model. contract_sim.h has the calls and bodies that
 * are right. */
#include "contract_sim.h"

/* --- rightly */

static void check_success(const struct contract *contract, struct world *world, const struct contract_row *row,
                          unsigned status, unsigned wanted) {
    const struct sim_answer *answer = &world->kit.answer;
    bool has_headers = strcmp(row->columns[ANSWER_HEADERS], "ETag,Last-Modified") == 0;
    if (status != wanted) {
        fail_msg("%s: %u instead of %u: %s", row->columns[NAME], status, wanted, answer->body.bytes);
    }
    assert_true(has_headers || strcmp(row->columns[ANSWER_HEADERS], "-") == 0);
    assert_int_equal(answer->etag[0] != '\0', has_headers);
    assert_int_equal(answer->last_modified[0] != '\0', has_headers);
    assert_int_equal(answer->code[0], '\0');
    assert_int_equal(strcmp(row->columns[ANSWER_MODEL], "-") == 0, world->kit.json == NULL);
    contract_check(contract, row->columns[ANSWER_MODEL], world->kit.json, row->columns[NAME]);
}

/* Statuses, headers and answers of the calls that the operation takes. */
static void each_operation_answers_as_the_contract_says(void **state) {
    const struct contract *contract = *state;
    EACH_ROW(row) {
        const char *created = strchr(row.columns[STATUSES], ',');
        unsigned status = (unsigned)strtoul(row.columns[STATUSES], NULL, 10);
        for (enum stage stage = stage_of(row.columns[NAME]); stage != NO_STAGE;
             stage = next_stage(row.columns[NAME], stage)) {
            struct world world;
            world_open(&world, stage);
            const char *body = right_body(row.columns[NAME], 0);
            if (created != NULL) {
                check_success(contract, &world, &row, world_call(&world, &row, body),
                              (unsigned)strtoul(created + 1, NULL, 10));
            }
            check_success(contract, &world, &row, world_call(&world, &row, body), status);
            world_close(&world);
        }
    }
}

static void each_form_of_a_body_is_taken(void **state) {
    const struct contract *contract = *state;
    EACH_ROW(row) {
        const char *body;
        for (size_t i = 0; (body = right_body(row.columns[NAME], i)) != NULL; i++) {
            struct world world;
            world_open(&world, stage_of(row.columns[NAME]));
            unsigned status = world_call(&world, &row, body);
            if (status != 200 && status != 201) {
                fail_msg("%s: %u %s for %s", row.columns[NAME], status, world.kit.answer.body.bytes, body);
            }
            contract_check(contract, row.columns[ANSWER_MODEL], world.kit.json, row.columns[NAME]);
            world_close(&world);
        }
    }
}

static void answers_and_bodies_have_had_every_member_of_the_models(void **state) {
    const struct contract *contract = *state;
    bool is_whole = true;
    for (size_t i = 0; i < contract->count; i++) {
        const struct contract_row *row = &contract->rows[i];
        if (contract->wanted[i] && !contract->seen[i]) {
            print_error("never seen: %s.%s\n", row->columns[MODEL], row->columns[MEMBER]);
            is_whole = false;
        }
    }
    assert_true(is_whole);
}

/* --- wrongly */

static void refused(struct world *world, const struct contract_row *row, unsigned status, const char *about) {
    const struct json *error = json_get(world->kit.json, "error");
    const char *code = json_get_string(error, "code");
    if (world->kit.answer.status != status || code == NULL || json_get_string(error, "message") == NULL ||
        strcmp(code, world->kit.answer.code) != 0) {
        fail_msg("%s, %s: %u instead of %u: %s", row->columns[NAME], about, world->kit.answer.status, status,
                 world->kit.answer.body.bytes);
    }
    assert_true(world->kit.answer.etag[0] == '\0');
}

static void each_operation_needs_the_version_and_ids_that_are_there(void **state) {
    (void)state;
    EACH_ROW(row) {
        struct world world;
        world_open(&world, stage_of(row.columns[NAME]));
        const char *body = right_body(row.columns[NAME], 0);
        char path[CONTRACT_LINE];
        world_path(&world, &row, -1, path);
        kit_call(&world.kit, row.columns[METHOD], path, "?", body);
        refused(&world, &row, 400, "no version");
        assert_string_equal(world.kit.answer.code, "MissingApiVersionParameter");
        kit_call(&world.kit, row.columns[METHOD], path, "?api-version=2020-01-01", body);
        refused(&world, &row, 400, "another version");
        bool is_upsert = strcmp(row.columns[METHOD], "PATCH") == 0;
        for (int i = 0; !is_upsert && i < count_ids(row.columns[PATH]); i++) {
            world_path(&world, &row, i, path);
            kit_call(&world.kit, row.columns[METHOD], path, NULL, body);
            refused(&world, &row, 404, "an unknown id");
        }
        world_close(&world);
    }
}

static void each_operation_with_a_body_checks_its_type_and_form(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "[]", "1", "{", "{\"a\"", "{\"noSuchMember\":1}", "{\"id\":\"x\"}", "{\"etag\":\"x\"}", "\xff"};
    EACH_ROW(row) {
        struct world world;
        world_open(&world, stage_of(row.columns[NAME]));
        bool takes = strcmp(row.columns[BODY], "-") != 0;
        for (size_t i = 0; takes && i < sizeof bodies / sizeof *bodies; i++) {
            world_call(&world, &row, bodies[i]);
            refused(&world, &row, 400, bodies[i]);
        }
        if (strcmp(row.columns[BODY], "required") == 0) {
            world_call(&world, &row, NULL);
            refused(&world, &row, 400, "no body");
        }
        world.kit.type = takes ? "text/plain" : NULL;
        world_call(&world, &row, takes ? "{}" : "{\"a\":1}");
        refused(&world, &row, takes ? 415 : 400, "another type, or a body that it does not take");
        world_close(&world);
    }
}

static void each_query_parameter_is_checked(void **state) {
    const struct contract *contract = *state;
    EACH_ROW(row) {
        char query[CONTRACT_LINE], part[256], path[CONTRACT_LINE];
        snprintf(query, sizeof query, "%s", row.columns[QUERY]);
        char *rest = query, *pair;
        while (strcmp(row.columns[QUERY], "-") != 0 && (pair = strsep(&rest, ",")) != NULL) {
            struct world world;
            world_open(&world, OFFERED);
            world_path(&world, &row, -1, path);
            char *kind = strchr(pair, ':');
            *kind++ = '\0';
            const struct contract_row *words = contract_parameter(contract, row.columns[NAME], pair);
            snprintf(part, sizeof part, "&%s=no%%20such", pair);
            kit_call(&world.kit, "GET", path, part, NULL);
            if (strcmp(kind, "string") != 0 || words != NULL) {
                refused(&world, &row, 400, part);
                assert_string_equal(world.kit.answer.code, "InvalidQuery");
            } else {
                assert_int_equal(world.kit.answer.status, 200);
            }
            char values[CONTRACT_LINE] = "", *left = values, *value;
            snprintf(values, sizeof values, "%s",
                     words != NULL                  ? words->columns[VALUES]
                     : strcmp(kind, "integer") == 0 ? "1,100"
                     : strcmp(kind, "boolean") == 0 ? "true,false"
                     : strcmp(kind, "time") == 0    ? "2026-03-02T08%3A35%3A04Z"
                                                    : "q");
            while ((value = strsep(&left, ",")) != NULL) {
                snprintf(part, sizeof part, "&%s=%s", pair, value);
                assert_int_equal(kit_call(&world.kit, "GET", path, part, NULL), 200);
                contract_check(contract, row.columns[ANSWER_MODEL], world.kit.json, part);
            }
            world_close(&world);
        }
    }
}

static void each_upsert_has_its_conditions(void **state) {
    (void)state;
    EACH_ROW(row) {
        if (strcmp(row.columns[HEADERS], "-") == 0) {
            continue;
        }
        assert_string_equal(row.columns[HEADERS], "If-Match:string,If-Unmodified-Since:time");
        struct world world;
        char etag[SIM_ETAG_SIZE];
        world_open(&world, FURNISHED);
        world.kit.if_match = "*";
        world_call(&world, &row, right_body(row.columns[NAME], 0));
        refused(&world, &row, 412, "If-Match, and it is not there");
        world.kit.if_match = NULL;
        world_call(&world, &row, right_body(row.columns[NAME], 0));
        snprintf(etag, sizeof etag, "%s", world.kit.answer.etag);
        world.kit.if_match = "\"other\"";
        world_call(&world, &row, "{}");
        refused(&world, &row, 412, "another etag");
        world.kit.if_match = NULL;
        world.kit.unmodified_since = "Mon, 02 Mar 2026 08:35:03 GMT";
        world_call(&world, &row, "{}");
        refused(&world, &row, 412, "changed since");
        world.kit.unmodified_since = "today";
        world_call(&world, &row, "{}");
        refused(&world, &row, 400, "no date");
        world.kit.unmodified_since = "Mon, 02 Mar 2026 08:35:04 GMT";
        assert_int_equal(world_call(&world, &row, "{}"), 200);
        world_close(&world);
    }
}

static void each_action_has_its_time(void **state) {
    (void)state;
    static const struct {
        const char *operation;
        enum stage too_late;
    } actions[] = {{"AcceptJobOffer", ASSIGNED},     {"DeclineJobOffer", ASSIGNED}, {"CancelJob", ASSIGNED},
                   {"ReclassifyJob", ASSIGNED},      {"CompleteJob", COMPLETED},    {"UnassignJob", COMPLETED},
                   {"GetInQueuePosition", ASSIGNED}, {"CloseJob", ASSIGNED},        {"CloseJob", CLOSED}};
    EACH_ROW(row) {
        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
            if (strcmp(actions[i].operation, row.columns[NAME]) == 0) {
                struct world world;
                world_open(&world, actions[i].too_late);
                world_call(&world, &row, right_body(row.columns[NAME], 0));
                refused(&world, &row, 409, "in another state");
                world_close(&world);
            }
        }
    }
}

static void what_others_name_is_not_deleted(void **state) {
    (void)state;
    static const char *const paths[] = {"/routing/distributionPolicies/p", "/routing/exceptionPolicies/e",
                                        "/routing/queues/q"};
    struct world world;
    world_open(&world, OFFERED);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        kit_refused(&world.kit, 409, "InUse", "", "DELETE", paths[i], NULL, NULL);
    }
    world_close(&world);
}

/* --- each member wrong */

struct mutation {
    const struct contract *contract;
    const struct contract_row *operation;
    struct world *world;
    struct json *body; /* the whole, of which a part is wrong */
};

static void expect(const struct mutation *mutation, bool is_right, const struct contract_row *row,
                   const char *about) {
    struct buffer text;
    buffer_init(&text, 1 << 20);
    assert_int_equal(json_print(mutation->body, &text), 0);
    unsigned status = world_call(mutation->world, mutation->operation, text.bytes);
    if (is_right ? status != 200 && status != 201 : status != 400) {
        fail_msg("%s.%s, %s: %u %s for %s", row->columns[MODEL], row->columns[MEMBER], about, status,
                 mutation->world->kit.answer.body.bytes, text.bytes);
    }
    if (!is_right) {
        refused(mutation->world, mutation->operation, 400, about);
    } else if (strcmp(mutation->operation->columns[METHOD], "PATCH") == 0) {
        char path[CONTRACT_LINE]; /* gone again: the next one is new, and not merged */
        world_path(mutation->world, mutation->operation, -1, path);
        assert_int_equal(kit_call(&mutation->world->kit, "DELETE", path, NULL, NULL), 204);
    }
    buffer_reset(&text);
}

/* The member as `text` (NULL: taken away), and then as it was. */
static void try_value(const struct mutation *mutation, const struct contract_row *row, struct json *object,
                      const char *text, bool is_right) {
    const char *member = row->columns[MEMBER];
    struct json *old = json_detach(object, member);
    if (text != NULL) {
        json_put(object, member, json_parse(text, strlen(text), NULL));
    }
    expect(mutation, is_right, row, text == NULL ? "without it" : text);
    json_drop(object, member);
    if (old != NULL) {
        json_put(object, member, old);
    }
}

static void try_words(const struct mutation *mutation, const struct contract_row *row, struct json *object) {
    char words[CONTRACT_LINE], text[256], *rest = words, *word;
    bool is_list = strcmp(row->columns[KIND], "list") == 0;
    snprintf(words, sizeof words, "%s,no such word", row->columns[VALUES]);
    while (strcmp(row->columns[VALUES], "-") != 0 && (word = strsep(&rest, ",")) != NULL) {
        bool is_wrong = strcmp(word, "no such word") == 0;
        if (is_wrong || strcmp(row->columns[MEMBER], "kind") != 0) { /* another kind has other members */
            snprintf(text, sizeof text, "%s\"%s\"%s", is_list ? "[" : "", word, is_list ? "]" : "");
            try_value(mutation, row, object, text, !is_wrong);
        }
    }
}

static void mutate(const struct mutation *mutation, const char *model, struct json *object);

static void mutate_member(const struct mutation *mutation, const struct contract_row *row, struct json *object) {
    static const struct {
        const char *kind, *wrong;
    } kinds[] = {{"string", "1"},     {"string", "[]"},  {"integer", "\"x\""}, {"integer", "1.5"},
                 {"number", "\"x\""}, {"boolean", "1"},  {"time", "\"soon\""}, {"time", "5"},
                 {"list", "{}"},      {"list", "\"x\""}, {"map", "[]"},        {"map", "\"x\""},
                 {"any", "{}"},       {"any", "[]"}};
    struct json *value = json_get(object, row->columns[MEMBER]);
    if (contract_has(row->columns[TRAITS], "readonly")) {
        try_value(mutation, row, object, "\"x\"", false);
        return;
    }
    if (value == NULL) {
        return; /* another form of the body has it */
    }
    bool is_free = strcmp(row->columns[MODEL], "RouterRuleCreateOrUpdate/static") == 0 ||
                   strcmp(row->columns[MODEL], "RouterRule/static") == 0;
    for (size_t i = 0; !is_free && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].kind, row->columns[KIND]) == 0) {
            try_value(mutation, row, object, kinds[i].wrong, false);
        }
    }
    if (contract_has(row->columns[TRAITS], "required")) {
        try_value(mutation, row, object, NULL, false);
    }
    try_words(mutation, row, object);
    value = json_get(object, row->columns[MEMBER]);
    if (strcmp(row->columns[OF], "-") != 0 && json_kind(value) == JSON_OBJECT) {
        mutate(mutation, row->columns[OF], value);
    }
    for (size_t i = 0;
         strcmp(row->columns[OF], "-") != 0 && i < json_count(value) && json_kind(value) == JSON_ARRAY; i++) {
        mutate(mutation, row->columns[OF], json_at(value, i));
    }
}

static void mutate(const struct mutation *mutation, const char *model, struct json *object) {
    for (size_t i = 0; i < mutation->contract->count; i++) {
        const struct contract_row *row = &mutation->contract->rows[i];
        if (contract_is_of(row, model, object)) {
            bool is_empty = strcmp(row->columns[MEMBER], "-") == 0;
            mutation->contract->seen[i] |= is_empty || json_get(object, row->columns[MEMBER]) != NULL;
            if (!is_empty) {
                mutate_member(mutation, row, object);
            }
        }
    }
}

static void each_member_of_each_body_is_checked(void **state) {
    const struct contract *contract = *state;
    EACH_ROW(row) {
        const char *text;
        for (size_t i = 0; (text = right_body(row.columns[NAME], i)) != NULL; i++) {
            struct world world;
            world_open(&world, stage_of(row.columns[NAME]));
            struct mutation mutation = {.contract = contract, .operation = &row, .world = &world};
            mutation.body = json_parse(text, strlen(text), NULL);
            assert_non_null(mutation.body);
            mutate(&mutation, row.columns[BODY_MODEL], mutation.body);
            json_free(mutation.body);
            world_close(&world);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_answers_as_the_contract_says),
        cmocka_unit_test(each_form_of_a_body_is_taken),
        cmocka_unit_test(each_operation_needs_the_version_and_ids_that_are_there),
        cmocka_unit_test(each_operation_with_a_body_checks_its_type_and_form),
        cmocka_unit_test(each_query_parameter_is_checked),
        cmocka_unit_test(each_upsert_has_its_conditions),
        cmocka_unit_test(each_action_has_its_time),
        cmocka_unit_test(what_others_name_is_not_deleted),
        cmocka_unit_test(each_member_of_each_body_is_checked),
        cmocka_unit_test(answers_and_bodies_have_had_every_member_of_the_models), /* the last: of all of these */
    };
    return cmocka_run_group_tests_name("sim contract", tests, contract_read, contract_free);
}
