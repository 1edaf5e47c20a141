/* The tables that were distilled from the REST contract, row by row: tests/contract/distill says what they hold.
 *
 *     FILE *file = contract_open("operations.tsv");
 *     struct contract_row row;
 *     while (contract_next(file, &row)) { ... row.columns[METHOD] ... }
 */
#ifndef TESTS_CONTRACT_H
#define TESTS_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "router/router.h"
#include <stdio.h>
#include <string.h>

enum { CONTRACT_COLUMNS = 12, CONTRACT_LINE = 2048 };

/* Of operations.tsv, and of models.tsv. */
enum {
    NAME,
    METHOD,
    PATH,
    CONTENT_TYPE,
    BODY,
    QUERY,
    HEADERS,
    MEMBERS,
    STATUSES,
    ANSWER_HEADERS,
    BODY_MODEL,
    ANSWER_MODEL,
    OPERATION_COLUMNS
};
enum { MODEL, MEMBER, KIND, OF, TRAITS, VALUES, MODEL_COLUMNS };

struct contract_row {
    char text[CONTRACT_LINE];
    char *columns[CONTRACT_COLUMNS];
    size_t count;
};

#define EACH_OPERATION(operation)                                                                                 \
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++)

static inline FILE *contract_open(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/contract/%s", TEST_SOURCE_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    return file;
}

static inline bool contract_next(FILE *file, struct contract_row *row) {
    do {
        if (fgets(row->text, sizeof row->text, file) == NULL) {
            return false;
        }
    } while (row->text[0] == '#');
    row->text[strcspn(row->text, "\n")] = '\0';
    char *rest = row->text;
    for (row->count = 0; rest != NULL; row->count++) {
        assert_true(row->count < CONTRACT_COLUMNS);
        row->columns[row->count] = strsep(&rest, "\t");
    }
    return true;
}

/* Whether the row is the operation's: the short forms have the row of the upsert. */
static inline bool contract_is_row_of(const struct contract_row *row, const struct router_operation *operation) {
    return strcmp(row->columns[METHOD], operation->method) == 0 &&
           strcmp(row->columns[PATH], operation->path) == 0;
}

static inline void contract_find(const struct router_operation *operation, struct contract_row *row) {
    FILE *file = contract_open("operations.tsv");
    bool is_found = false;
    while (!is_found && contract_next(file, row)) {
        is_found = contract_is_row_of(row, operation);
    }
    fclose(file);
    assert_true(is_found);
}

/* Whether `list` ("a,b,c") has the word. */
static inline bool contract_has(const char *list, const char *word) {
    char whole[CONTRACT_LINE], wanted[256];
    snprintf(whole, sizeof whole, ",%s,", list);
    snprintf(wanted, sizeof wanted, ",%s,", word);
    return strstr(whole, wanted) != NULL;
}

static inline size_t contract_length(const char *list) {
    size_t length = strcmp(list, "-") != 0;
    for (const char *c = list; *c != '\0'; c++) {
        length += *c == ',';
    }
    return length;
}

#endif
