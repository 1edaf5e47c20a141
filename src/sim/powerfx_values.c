/* The values of a formula: what they count as, and the operators between them. */
#include "base/buffer.h"
#include "sim/powerfx_parts.h"
#include <math.h>
#include <stdlib.h>

static struct json *compare(struct fx *fx, int sign, const struct json *left, const struct json *right);
static struct json *calculate(struct fx *fx, int sign, const struct json *left, const struct json *right);
static struct json *join(struct fx *fx, const struct json *left, const struct json *right);
static struct json *contains(struct fx *fx, const struct json *part, const struct json *whole, bool is_exact);
static bool is_element(const struct json *value, const struct json *table, bool is_exact);
static const char *kind_name(const struct json *value);

int fx_truth(struct fx *fx, const struct json *value, bool *truth) {
    const char *text = json_string_of(value);
    switch (json_kind(value)) {
    case JSON_NULL: *truth = false; return 0;
    case JSON_BOOLEAN: *truth = json_bool_of(value, false); return 0;
    case JSON_NUMBER: *truth = fabs(json_double_of(value, 0)) > 0; return 0;
    case JSON_STRING:
        *truth = strcasecmp(text, "true") == 0;
        if (*truth || text[0] == '\0' || strcasecmp(text, "false") == 0) {
            return 0;
        }
        break;
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    fx_fail(fx, "%s is neither true nor false", kind_name(value));
    return -1;
}

int fx_number(struct fx *fx, const struct json *value, double *number) {
    const char *text = json_string_of(value);
    char *end = NULL;
    switch (json_kind(value)) {
    case JSON_NULL: *number = 0; return 0;
    case JSON_BOOLEAN: *number = json_bool_of(value, false) ? 1 : 0; return 0;
    case JSON_NUMBER: *number = json_double_of(value, 0); return 0;
    case JSON_STRING:
        text += strspn(text, " \t");
        *number = 0;
        if (*text == '\0') {
            return 0;
        }
        /* Not what strtod takes beyond that: "0x10", "inf", "nan". */
        if (strspn(text, "+-.0123456789eE \t") == strlen(text)) {
            *number = strtod(text, &end);
            if (end != text && end[strspn(end, " \t")] == '\0' && isfinite(*number)) {
                return 0;
            }
        }
        break;
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    fx_fail(fx, "%s is no number", kind_name(value));
    return -1;
}

int fx_text(struct fx *fx, const struct json *value, struct buffer *out) {
    size_t length = 32; /* more than a number takes */
    switch (json_kind(value)) {
    case JSON_NULL: return 0;
    case JSON_STRING:
        length = strlen(json_string_of(value));
        buffer_append_text(out, json_string_of(value));
        break;
    case JSON_BOOLEAN:
    case JSON_NUMBER: json_print(value, out); break;
    case JSON_ARRAY:
    case JSON_OBJECT: fx_fail(fx, "%s is no text", kind_name(value)); return -1;
    }
    if (out->is_broken && out->length + length > POWERFX_TEXT) {
        fx_fail(fx, "a text gets longer than %d bytes", POWERFX_TEXT);
    } else if (out->is_broken) {
        fx_keep(fx, NULL);
    }
    return out->is_broken ? -1 : 0;
}

struct json *fx_make_number(struct fx *fx, double number) {
    if (!isfinite(number)) {
        return fx_fail(fx, "the result is no number that can be kept");
    }
    return fx_keep(fx, json_double(number));
}

struct json *fx_make_text(struct fx *fx, struct buffer *text) {
    struct json *value = fx->is_failed ? NULL : fx_keep(fx, json_text(text->length == 0 ? "" : text->bytes));
    buffer_reset(text);
    return value;
}

bool fx_is_equal(const struct json *a, const struct json *b) {
    return json_kind(a) == json_kind(b) && (json_kind(a) == JSON_NULL || json_equal(a, b));
}

bool fx_is_blank(const struct json *value) {
    const char *text = json_string_of(value);
    return json_kind(value) == JSON_NULL || (text != NULL && text[0] == '\0');
}

struct json *fx_apply(struct fx *fx, int sign, const struct json *left, const struct json *right) {
    switch (sign) {
    case '=': return fx_keep(fx, json_bool(fx_is_equal(left, right)));
    case FX_NOT_EQUAL: return fx_keep(fx, json_bool(!fx_is_equal(left, right)));
    case '<':
    case '>':
    case FX_LESS_EQUAL:
    case FX_GREATER_EQUAL: return compare(fx, sign, left, right);
    case '&': return join(fx, left, right);
    case FX_IN: return contains(fx, left, right, false);
    case FX_EXACT_IN: return contains(fx, left, right, true);
    default: return calculate(fx, sign, left, right);
    }
}

static struct json *compare(struct fx *fx, int sign, const struct json *left, const struct json *right) {
    double a = 0, b = 0;
    if (fx_number(fx, left, &a) < 0 || fx_number(fx, right, &b) < 0) {
        return NULL;
    }
    bool is_true = sign == '<' ? a < b : sign == '>' ? a > b : sign == FX_LESS_EQUAL ? a <= b : a >= b;
    return fx_keep(fx, json_bool(is_true));
}

static struct json *calculate(struct fx *fx, int sign, const struct json *left, const struct json *right) {
    double a = 0, b = 0;
    if (fx_number(fx, left, &a) < 0 || fx_number(fx, right, &b) < 0) {
        return NULL;
    }
    switch (sign) {
    case '+': return fx_make_number(fx, a + b);
    case '-': return fx_make_number(fx, a - b);
    case '*': return fx_make_number(fx, a * b);
    case '^': return fx_make_number(fx, pow(a, b));
    default: break;
    }
    return fabs(b) > 0 ? fx_make_number(fx, a / b) : fx_fail(fx, "a division by zero");
}

static struct json *join(struct fx *fx, const struct json *left, const struct json *right) {
    struct buffer text;
    buffer_init(&text, POWERFX_TEXT);
    if (fx_text(fx, left, &text) == 0) {
        fx_text(fx, right, &text);
    }
    return fx_make_text(fx, &text);
}

/* Of a table: an element; else: a part of the text. */
static struct json *contains(struct fx *fx, const struct json *part, const struct json *whole, bool is_exact) {
    if (json_kind(whole) == JSON_ARRAY) {
        return fx_keep(fx, json_bool(is_element(part, whole, is_exact)));
    }
    struct buffer texts[2];
    buffer_init(&texts[0], POWERFX_TEXT);
    buffer_init(&texts[1], POWERFX_TEXT);
    struct json *value = NULL;
    if (fx_text(fx, part, &texts[0]) == 0 && fx_text(fx, whole, &texts[1]) == 0) {
        const char *needle = texts[0].length == 0 ? "" : texts[0].bytes;
        const char *text = texts[1].length == 0 ? "" : texts[1].bytes;
        value = fx_keep(fx, json_bool((is_exact ? strstr(text, needle) : strcasestr(text, needle)) != NULL));
    }
    buffer_reset(&texts[0]);
    buffer_reset(&texts[1]);
    return value;
}

static bool is_element(const struct json *value, const struct json *table, bool is_exact) {
    const char *text = json_string_of(value);
    for (const struct json *element = json_first(table); element != NULL; element = json_next(element)) {
        const char *other = json_string_of(element);
        if (fx_is_equal(value, element) ||
            (!is_exact && text != NULL && other != NULL && strcasecmp(text, other) == 0)) {
            return true;
        }
    }
    return false;
}

static const char *kind_name(const struct json *value) {
    switch (json_kind(value)) {
    case JSON_NULL: return "a blank";
    case JSON_BOOLEAN: return "a boolean";
    case JSON_NUMBER: return "a number";
    case JSON_STRING: return "the text";
    case JSON_ARRAY: return "a table";
    case JSON_OBJECT: break;
    }
    return "a record";
}
