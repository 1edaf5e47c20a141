/* The functions of formulas that want all their arguments; those that do not are in powerfx.c. */
#include "base/buffer.h"
#include "base/text.h"
#include "sim/powerfx_parts.h"
#include <math.h>

typedef struct json *fx_call(struct fx *fx, struct json *const *arguments, size_t count);
static fx_call call_abs, call_blank, call_ends_with, call_int, call_is_blank, call_len, call_lower, call_max,
    call_min, call_mod, call_not, call_round, call_round_down, call_round_up, call_starts_with, call_text,
    call_trim, call_upper, call_value;

static const struct fx_function functions[] = {
    {"Abs", 1, 1, call_abs},
    {"Blank", 0, 0, call_blank},
    {"EndsWith", 2, 2, call_ends_with},
    {"Int", 1, 1, call_int},
    {"IsBlank", 1, 1, call_is_blank},
    {"Len", 1, 1, call_len},
    {"Lower", 1, 1, call_lower},
    {"Max", 1, POWERFX_ARGUMENTS, call_max},
    {"Min", 1, POWERFX_ARGUMENTS, call_min},
    {"Mod", 2, 2, call_mod},
    {"Not", 1, 1, call_not},
    {"Round", 2, 2, call_round},
    {"RoundDown", 2, 2, call_round_down},
    {"RoundUp", 2, 2, call_round_up},
    {"StartsWith", 2, 2, call_starts_with},
    {"Text", 1, 1, call_text},
    {"Trim", 1, 1, call_trim},
    {"Upper", 1, 1, call_upper},
    {"Value", 1, 1, call_value},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0] };

static struct json *largest(struct fx *fx, struct json *const *arguments, size_t count, double sign);
static struct json *round_to(struct fx *fx, struct json *const *arguments, double (*whole)(double));
static struct json *is_end(struct fx *fx, struct json *const *arguments, bool is_start);
static struct json *change_case(struct fx *fx, const struct json *value, char first, char last);

const struct fx_function *fx_find_function(struct slice name) {
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (slice_is(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}

void fx_fail_function(struct fx *fx, struct slice name) {
    const char *names[FUNCTION_COUNT + 6] = {"If", "Switch", "Coalesce", "And", "Or"};
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        names[5 + i] = functions[i].name;
    }
    const char *nearest = text_nearest(name, names);
    fx_fail(fx, "the local Job Router has no function \"%.*s\"%s%s", SLICE_ARG(fx_shown(name)),
            nearest == NULL ? "" : "; is it ", nearest == NULL ? "" : nearest);
}

static struct json *call_abs(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    double number = 0;
    return fx_number(fx, arguments[0], &number) < 0 ? NULL : fx_make_number(fx, fabs(number));
}

static struct json *call_blank(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)arguments, (void)count;
    return fx_keep(fx, json_none());
}

static struct json *call_ends_with(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return is_end(fx, arguments, false);
}

static struct json *call_int(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    double number = 0;
    return fx_number(fx, arguments[0], &number) < 0 ? NULL : fx_make_number(fx, floor(number));
}

static struct json *call_is_blank(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return fx_keep(fx, json_bool(fx_is_blank(arguments[0])));
}

/* Characters, not bytes. */
static struct json *call_len(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    struct buffer text;
    buffer_init(&text, POWERFX_TEXT);
    double length = 0;
    if (fx_text(fx, arguments[0], &text) == 0) {
        for (size_t i = 0; i < text.length; i++) {
            length += ((unsigned char)text.bytes[i] & 0xc0) != 0x80;
        }
    }
    buffer_reset(&text);
    return fx->is_failed ? NULL : fx_make_number(fx, length);
}

static struct json *call_lower(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return change_case(fx, arguments[0], 'A', 'Z');
}

static struct json *call_max(struct fx *fx, struct json *const *arguments, size_t count) {
    return largest(fx, arguments, count, 1);
}

static struct json *call_min(struct fx *fx, struct json *const *arguments, size_t count) {
    return largest(fx, arguments, count, -1);
}

/* The sign is the divisor's. */
static struct json *call_mod(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    double number = 0, divisor = 0;
    if (fx_number(fx, arguments[0], &number) < 0 || fx_number(fx, arguments[1], &divisor) < 0) {
        return NULL;
    }
    return fabs(divisor) > 0 ? fx_make_number(fx, number - divisor * floor(number / divisor))
                             : fx_fail(fx, "a division by zero");
}

static struct json *call_not(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    bool truth = false;
    return fx_truth(fx, arguments[0], &truth) < 0 ? NULL : fx_keep(fx, json_bool(!truth));
}

static struct json *call_round(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return round_to(fx, arguments, round);
}

static struct json *call_round_down(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return round_to(fx, arguments, trunc);
}

static double away_from_zero(double number) {
    return number < 0 ? floor(number) : ceil(number);
}

static struct json *call_round_up(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return round_to(fx, arguments, away_from_zero);
}

static struct json *call_starts_with(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return is_end(fx, arguments, true);
}

static struct json *call_text(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    struct buffer text;
    buffer_init(&text, POWERFX_TEXT);
    fx_text(fx, arguments[0], &text);
    return fx_make_text(fx, &text);
}

/* Blanks at the ends go, and all but one between words. */
static struct json *call_trim(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    struct buffer text;
    buffer_init(&text, POWERFX_TEXT);
    if (fx_text(fx, arguments[0], &text) == 0 && text.length > 0) {
        size_t length = 0;
        for (size_t i = 0; i < text.length; i++) {
            if (text.bytes[i] != ' ' || (length > 0 && text.bytes[length - 1] != ' ')) {
                text.bytes[length++] = text.bytes[i];
            }
        }
        length -= length > 0 && text.bytes[length - 1] == ' ';
        buffer_truncate(&text, length);
    }
    return fx_make_text(fx, &text);
}

static struct json *call_upper(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    return change_case(fx, arguments[0], 'a', 'z');
}

static struct json *call_value(struct fx *fx, struct json *const *arguments, size_t count) {
    (void)count;
    double number = 0;
    if (fx_is_blank(arguments[0])) {
        return fx_keep(fx, json_none());
    }
    return fx_number(fx, arguments[0], &number) < 0 ? NULL : fx_make_number(fx, number);
}

/* Blanks are left out, as Power Fx does. */
static struct json *largest(struct fx *fx, struct json *const *arguments, size_t count, double sign) {
    double best = 0;
    bool is_found = false;
    for (size_t i = 0; i < count; i++) {
        double number = 0;
        if (json_kind(arguments[i]) == JSON_NULL) {
            continue;
        }
        if (fx_number(fx, arguments[i], &number) < 0) {
            return NULL;
        }
        best = !is_found || number * sign > best * sign ? number : best;
        is_found = true;
    }
    return is_found ? fx_make_number(fx, best) : fx_keep(fx, json_none());
}

static struct json *round_to(struct fx *fx, struct json *const *arguments, double (*whole)(double)) {
    double number = 0, digits = 0;
    if (fx_number(fx, arguments[0], &number) < 0 || fx_number(fx, arguments[1], &digits) < 0) {
        return NULL;
    }
    if (fabs(digits) > 15) {
        return fx_fail(fx, "a number is rounded to 15 digits at most");
    }
    double scale = pow(10, trunc(digits));
    return fx_make_number(fx, whole(number * scale) / scale);
}

static struct json *is_end(struct fx *fx, struct json *const *arguments, bool is_start) {
    struct buffer texts[2];
    bool is_true = false;
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&texts[i], POWERFX_TEXT);
    }
    if (fx_text(fx, arguments[0], &texts[0]) == 0 && fx_text(fx, arguments[1], &texts[1]) == 0) {
        size_t length = texts[1].length;
        size_t skipped = is_start || length > texts[0].length ? 0 : texts[0].length - length;
        is_true = length == 0 || (length <= texts[0].length &&
                                  strncasecmp(texts[0].bytes + skipped, texts[1].bytes, length) == 0);
    }
    buffer_reset(&texts[0]);
    buffer_reset(&texts[1]);
    return fx->is_failed ? NULL : fx_keep(fx, json_bool(is_true));
}

/* ASCII letters only. */
static struct json *change_case(struct fx *fx, const struct json *value, char first, char last) {
    struct buffer text;
    buffer_init(&text, POWERFX_TEXT);
    if (fx_text(fx, value, &text) == 0) {
        for (size_t i = 0; i < text.length; i++) {
            if (text.bytes[i] >= first && text.bytes[i] <= last) {
                text.bytes[i] = (char)(text.bytes[i] ^ 0x20);
            }
        }
    }
    return fx_make_text(fx, &text);
}
