/* The values that scripts keep. A change works its answer out from what is there, in the transaction that
 * journals the step: first it only reads and answers, then, with everything else of the change, it writes. */
#include "store/sqlite/internal.h"
#include "json/json.h"

/* A JSON number: an integer that fits 64 bits stays exact. */
struct number {
    bool is_there, is_integer;
    int64_t integer;
    double real;
};

/* What is kept under the key; a value whose time is over is not there. */
struct kept {
    bool is_there, is_over;
    struct slice value; /* lives until the statement is reset */
    int64_t expires_us;
};

static int work_out(const struct store_work *work, const struct kept *kept, struct value_plan *plan);
static int set(const struct store_work *work, struct value_plan *plan);
static int increment(const struct store_work *work, const struct kept *kept, struct value_plan *plan);
static int add(struct buffer *answer, const struct number *a, const struct number *b);
static int swap(const struct store_work *work, const struct kept *kept, struct value_plan *plan);
static bool is_same(struct slice a, struct slice b);
static struct number read_number(struct slice json);
static int take_integer(void *context, int64_t value);
static int take_real(void *context, double value);
static int refuse(const struct store_work *work, const char *code, const char *message);

int value_check(const struct store_work *work, struct error *error) {
    const struct store_value_op *op = work->change.value;
    bool has_answer = op != NULL || work->change.cancel != 0;
    if (has_answer && (work->change.answer == NULL || work->change.is_error == NULL)) {
        return error_set(error, ERROR_INVALID, "store: a change has no place for the answer of its step");
    }
    if (op == NULL) {
        return 0;
    }
    if (op->key.length == 0 || op->key.length > STORE_KEY_MOST) {
        return error_set(error, ERROR_INVALID, "store: a key of %zu bytes: it must have 1 to %d", op->key.length,
                         STORE_KEY_MOST);
    }
    if ((int)op->verb < 0 || op->verb > STORE_VALUE_SWAP || work->change.cancel != 0) {
        return error_set(error, ERROR_INVALID, "store: %d is nothing that a step can do to a value",
                         (int)op->verb);
    }
    return append_check_texts((const struct slice[]){op->value, op->expected}, 2, error);
}

int value_plan(struct store *store, const struct store_work *work, struct value_plan *plan, struct error *error) {
    const struct store_value_op *op = work->change.value;
    if (op == NULL) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[READ_VALUE];
    db_bind_slice(row, 1, op->key);
    int step = db_step(store->db, row, "read a value", error);
    if (step < 0) {
        return -1;
    }
    struct kept kept = {0};
    if (step > 0) {
        kept.expires_us = sqlite3_column_int64(row, 1);
        kept.is_over = kept.expires_us != 0 && kept.expires_us <= op->now_us;
        kept.is_there = !kept.is_over;
        kept.value = db_slice(row, 0);
    }
    *work->change.is_error = false;
    int result = work_out(work, &kept, plan);
    sqlite3_reset(row);
    return result < 0 ? error_memory(error) : 0;
}

int value_write(struct store *store, const struct store_work *work, const struct value_plan *plan,
                struct error *error) {
    if (plan->effect == VALUE_STAYS) {
        return 0;
    }
    sqlite3_stmt *row = store->statements[plan->effect == VALUE_PUT ? WRITE_VALUE : DROP_VALUE];
    db_bind_slice(row, 1, work->change.value->key);
    if (plan->effect == VALUE_PUT) {
        db_bind_slice(row, 2, plan->value);
        sqlite3_bind_int64(row, 3, plan->expires_us);
    }
    return db_run(store->db, row, "keep a value", error);
}

/* -1: without memory for the answer. */
static int work_out(const struct store_work *work, const struct kept *kept, struct value_plan *plan) {
    const struct store_value_op *op = work->change.value;
    plan->effect = kept->is_over ? VALUE_GOES : VALUE_STAYS;
    plan->expires_us = op->expires_us;
    switch (op->verb) {
    case STORE_VALUE_GET: return kept->is_there ? buffer_append_slice(work->change.answer, kept->value) : 0;
    case STORE_VALUE_SET: return set(work, plan);
    case STORE_VALUE_DELETE:
        plan->effect = kept->is_there ? VALUE_GOES : plan->effect;
        return buffer_append_text(work->change.answer, kept->is_there ? "true" : "false");
    case STORE_VALUE_INCREMENT: return increment(work, kept, plan);
    case STORE_VALUE_SWAP: return swap(work, kept, plan);
    }
    return 0;
}

/* 0: it is planned, or the answer says why not. */
static int set(const struct store_work *work, struct value_plan *plan) {
    struct slice value = work->change.value->value;
    if (value.length > STORE_VALUE_MOST) {
        return refuse(work, "ValueTooLarge", "a value has 64 KiB at most");
    }
    plan->effect = slice_is_set(value) ? VALUE_PUT : VALUE_GOES;
    plan->value = value;
    return 0;
}

/* A counter keeps its time unless it is given another. */
static int increment(const struct store_work *work, const struct kept *kept, struct value_plan *plan) {
    const struct store_value_op *op = work->change.value;
    struct buffer *answer = work->change.answer;
    struct number before = read_number(kept->is_there ? kept->value : slice_of("0"));
    struct number by = read_number(slice_is_set(op->value) ? op->value : slice_of("1"));
    if (!before.is_there || !by.is_there) {
        return refuse(work, "NotANumber",
                      before.is_there ? "the increment is no number" : "what is kept under this key is no number");
    }
    if (add(answer, &before, &by) < 0) {
        return -1;
    }
    if (answer->length == 0) {
        return refuse(work, "NumberTooLarge", "the sum is more than a number can hold");
    }
    plan->effect = VALUE_PUT;
    plan->value = buffer_slice(answer);
    if (op->expires_us == 0 && kept->is_there) {
        plan->expires_us = kept->expires_us;
    }
    return 0;
}

/* An integer that overflows is refused, not rounded: a counter is exact or an error. Nothing is appended then. */
static int add(struct buffer *answer, const struct number *a, const struct number *b) {
    int64_t integer = 0;
    if (a->is_integer && b->is_integer) {
        return __builtin_add_overflow(a->integer, b->integer, &integer) ? 0 : json_append_integer(answer, integer);
    }
    double sum = a->real + b->real;
    return __builtin_isfinite(sum) ? json_append_number(answer, sum) : 0;
}

static int swap(const struct store_work *work, const struct kept *kept, struct value_plan *plan) {
    struct slice expected = work->change.value->expected;
    bool is_expected =
        kept->is_there ? slice_is_set(expected) && is_same(kept->value, expected) : !slice_is_set(expected);
    if (is_expected && set(work, plan) < 0) {
        return -1;
    }
    if (*work->change.is_error) {
        return 0;
    }
    return buffer_append_text(work->change.answer, is_expected ? "true" : "false");
}

/* Canonical texts are the same when the values are, but for numbers: 1e15 is written by a float,
 * 1000000000000000 by an integer. A long double holds both exactly. */
static bool is_same(struct slice a, struct slice b) {
    if (slice_equal(a, b)) {
        return true;
    }
    struct number x = read_number(a);
    struct number y = read_number(b);
    long double left = x.is_integer ? (long double)x.integer : (long double)x.real;
    long double right = y.is_integer ? (long double)y.integer : (long double)y.real;
    return x.is_there && y.is_there && left == right;
}

static struct number read_number(struct slice json) {
    static const struct json_listener listener = {.integer = take_integer, .number = take_real};
    struct number number = {0};
    bool may_be = json.length > 0 && (json.bytes[0] == '-' || (json.bytes[0] >= '0' && json.bytes[0] <= '9'));
    if (!may_be || json_read(json.bytes, json.length, NULL, &listener, &number, NULL) < 0) {
        return (struct number){0};
    }
    return number;
}

static int take_integer(void *context, int64_t value) {
    *(struct number *)context =
        (struct number){.is_there = true, .is_integer = true, .integer = value, .real = (double)value};
    return 0;
}

static int take_real(void *context, double value) {
    *(struct number *)context = (struct number){.is_there = true, .real = value};
    return 0;
}

/* The answer becomes an error that the script gets raised; what is kept stays as it is. */
static int refuse(const struct store_work *work, const char *code, const char *message) {
    static const char *const operations[] = {"state.get", "state.set", "state.delete", "state.increment",
                                             "state.compare_and_set"};
    *work->change.is_error = true;
    return buffer_append_format(work->change.answer,
                                "{\"code\":\"%s\",\"message\":\"%s\",\"operation\":\"%s\",\"retryable\":false,"
                                "\"status\":0}",
                                code, message, operations[work->change.value->verb]);
}
