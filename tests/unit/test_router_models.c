/* What is inside: samples of answers, bodies with fixed members and words of queries against the REST contract's
 * models (tests/contract/models.tsv). */
#include "contract.h"
#include "json/tree.h"
#include <stdlib.h>

enum { ROWS_MAX = 400 };

struct models {
    struct contract_row rows[ROWS_MAX];
    size_t count;
};

static struct models *models;

static int read_models(void **state) {
    (void)state;
    models = calloc(1, sizeof *models);
    assert_non_null(models);
    FILE *file = contract_open("models.tsv");
    while (contract_next(file, &models->rows[models->count])) {
        assert_int_equal(models->rows[models->count].count, MODEL_COLUMNS);
        models->count++;
        assert_true(models->count < ROWS_MAX);
    }
    fclose(file);
    assert_true(models->count > 200);
    return 0;
}

static int free_models(void **state) {
    (void)state;
    free(models);
    return 0;
}

/* --- an object against its model */

static void check_value(const struct contract_row *row, const struct json *value, const char *where);

/* The model's rows and, when its kind tells more, those of MODEL/kind. */
static bool is_row_for(const struct contract_row *row, const char *model, const struct json *object) {
    size_t length = strlen(model);
    const char *name = row->columns[MODEL];
    if (strncmp(name, model, length) != 0) {
        return false;
    }
    const char *kind = json_get_string(object, "kind");
    return name[length] == '\0' || (name[length] == '/' && kind != NULL && strcmp(name + length + 1, kind) == 0);
}

static void check_object(const char *model, const struct json *object, const char *where) {
    bool is_known = false;
    if (json_kind(object) != JSON_OBJECT) {
        fail_msg("%s: %s must be an object", where, model);
    }
    for (size_t i = 0; i < models->count; i++) {
        const struct contract_row *row = &models->rows[i];
        if (!is_row_for(row, model, object)) {
            continue;
        }
        is_known = true;
        if (contract_has(row->columns[TRAITS], "required") && json_get(object, row->columns[MEMBER]) == NULL) {
            fail_msg("%s: %s has no %s", where, model, row->columns[MEMBER]);
        }
    }
    if (!is_known) {
        fail_msg("%s: there is no model %s", where, model);
    }
    for (const struct json *member = json_first(object); member != NULL; member = json_next(member)) {
        const struct contract_row *found = NULL;
        for (size_t i = 0; i < models->count && found == NULL; i++) {
            const struct contract_row *row = &models->rows[i];
            bool is_it = is_row_for(row, model, object) && strcmp(row->columns[MEMBER], json_name(member)) == 0;
            found = is_it ? row : NULL;
        }
        if (found == NULL) {
            fail_msg("%s: %s has no member %s", where, model, json_name(member));
        } else {
            check_value(found, member, where);
        }
    }
}

static bool has_kind(const char *kind, const struct json *value) {
    static const struct {
        const char *name;
        enum json_kind kind;
    } kinds[] = {{"string", JSON_STRING}, {"time", JSON_STRING}, {"integer", JSON_NUMBER},
                 {"number", JSON_NUMBER}, {"list", JSON_ARRAY},  {"boolean", JSON_BOOLEAN},
                 {"map", JSON_OBJECT}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, kind) == 0) {
            return json_kind(value) == kinds[i].kind;
        }
    }
    return strcmp(kind, "any") == 0;
}

static void check_value(const struct contract_row *row, const struct json *value, const char *where) {
    const char *kind = row->columns[KIND];
    const char *of = row->columns[OF];
    bool is_required = contract_has(row->columns[TRAITS], "required");
    if (json_kind(value) == JSON_NULL && !is_required) {
        return;
    }
    if (!has_kind(kind, value)) {
        fail_msg("%s: %s.%s is no %s", where, row->columns[MODEL], row->columns[MEMBER], kind);
    }
    const char *word = json_string_of(value);
    if (strcmp(row->columns[VALUES], "-") != 0 && word != NULL && !contract_has(row->columns[VALUES], word)) {
        fail_msg("%s: %s.%s is none of %s", where, row->columns[MODEL], row->columns[MEMBER],
                 row->columns[VALUES]);
    }
    if (strcmp(of, "-") == 0) {
        return;
    }
    if (strcmp(kind, "map") == 0 && of[0] != '*') {
        check_object(of, value, where);
        return;
    }
    for (const struct json *inner = json_first(value); inner != NULL; inner = json_next(inner)) {
        check_object(of[0] == '*' ? of + 1 : of, inner, where);
    }
}

static void check_text(const char *model, struct slice text, const char *where) {
    struct error error = {.code = ERROR_NONE};
    struct json *value = json_parse(text.bytes, text.length, &error);
    if (value == NULL) {
        fail_msg("%s: %s", where, error.message);
    }
    check_object(model, value, where);
    json_free(value);
}

/* --- what the table has of it */

static void samples_are_answers_of_the_contract(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        struct contract_row row;
        contract_find(operation, &row);
        assert_int_equal(operation->sample[0] == '\0', strcmp(row.columns[ANSWER_MODEL], "-") == 0);
        if (operation->sample[0] != '\0') {
            check_text(row.columns[ANSWER_MODEL], slice_of(operation->sample), operation->name);
        }
    }
}

/* A body with all that is fixed and all that is required. */
static void fixed_members_are_of_the_contract(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        if (operation->fixed == NULL) {
            continue;
        }
        struct contract_row row;
        struct router_request request;
        struct error error = {.code = ERROR_NONE};
        bool has_hole = strchr(operation->fixed, '@') != NULL;
        contract_find(operation, &row);
        router_request_init(&request);
        if (router_request_build(
                &request, operation,
                slice_of(has_hole ? "[\"a\",{\"scheduleAt\":\"2026-03-01T09:30:00Z\"}]" : "[\"a\"]"),
                &error) < 0) {
            fail_msg("%s", error.message);
        }
        check_text(row.columns[BODY_MODEL], buffer_slice(&request.body), operation->name);
        router_request_reset(&request);
    }
}

static void check_words(const char *list, const struct router_member *member, const char *where) {
    size_t count = 0;
    for (const char *const *word = member->values; *word != NULL; word++, count++) {
        if (!contract_has(list, *word)) {
            fail_msg("%s: %s is no %s", where, *word, member->name);
        }
    }
    assert_int_equal(count, contract_length(list));
}

static void words_of_queries_are_the_contracts(void **state) {
    (void)state;
    size_t checked = 0;
    EACH_OPERATION(operation) {
        struct contract_row operation_row;
        contract_find(operation, &operation_row);
        for (const struct router_member *member = operation->members; member->name != NULL; member++) {
            const char *list = "-";
            const char *model = operation_row.columns[member->place == ROUTER_QUERY ? NAME : BODY_MODEL];
            for (size_t i = 0; i < models->count; i++) {
                char *const *columns = models->rows[i].columns;
                if (strcmp(columns[MODEL], model) == 0 && strcmp(columns[MEMBER], member->name) == 0) {
                    list = columns[VALUES];
                }
            }
            assert_int_equal(member->values == NULL, strcmp(list, "-") == 0);
            if (member->values != NULL) {
                check_words(list, member, operation->name);
                checked++;
            }
        }
    }
    assert_int_equal(checked, 2);
}

/* Conditions go with the operations that answer with an etag and change something, and with no other. */
static void conditions_stand_where_etags_do(void **state) {
    (void)state;
    EACH_OPERATION(operation) {
        struct contract_row row;
        contract_find(operation, &row);
        bool has_etag = contract_has(row.columns[ANSWER_HEADERS], "ETag");
        bool is_upsert = strcmp(operation->method, "PATCH") == 0;
        assert_int_equal(router_find_member(operation, slice_of("ifMatch")) != NULL, has_etag && is_upsert);
        assert_int_equal(router_find_member(operation, slice_of("ifUnmodifiedSince")) != NULL,
                         has_etag && is_upsert);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_answers_of_the_contract),
        cmocka_unit_test(fixed_members_are_of_the_contract),
        cmocka_unit_test(words_of_queries_are_the_contracts),
        cmocka_unit_test(conditions_stand_where_etags_do),
    };
    return cmocka_run_group_tests(tests, read_models, free_models);
}
