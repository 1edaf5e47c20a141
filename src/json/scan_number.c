#include "json/scan.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_NUMBER = 64 };

/* The parts of a number, as its digits are passed. */
struct digits {
    uint64_t mantissa; /* all digits, without the point; meaningless when `is_long` */
    int64_t exponent;  /* the value is mantissa * 10^exponent */
    bool is_long;      /* more digits than 64 bits hold for sure */
    bool is_negative;
    bool is_real; /* a point or an exponent */
};

static const char *scan_digits(const char *from, const char *end, struct digits *digits);
static const char *scan_fraction(const char *from, const char *end, struct digits *digits,
                                 struct json_fault *fault);
static const char *scan_exponent(const char *from, const char *end, struct digits *digits,
                                 struct json_fault *fault);
static bool is_integer64(const struct digits *digits, int64_t *value);
static bool is_exact(const struct digits *digits, double *value);
static int convert(const char *from, const char *end, double *value, struct json_fault *fault);
static const char *refuse(struct json_fault *fault, const char *where, const char *why);

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

const char *json_scan_number(const char *from, const char *end, struct json_number *number,
                             struct json_fault *fault) {
    struct digits digits = {.is_negative = from < end && *from == '-'};
    const char *at = from + (digits.is_negative ? 1 : 0);
    if (at == end || !is_digit(*at)) {
        return refuse(fault, at, "a minus sign without a number");
    }
    if (*at == '0' && at + 1 < end && is_digit(at[1])) {
        return refuse(fault, at, "a number with a leading zero");
    }
    at = scan_digits(at, end, &digits);
    if (at < end && *at == '.') {
        at = scan_fraction(at, end, &digits, fault);
    }
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at = scan_exponent(at, end, &digits, fault);
    }
    if (at == NULL) {
        return NULL;
    }
    number->is_integer = is_integer64(&digits, &number->integer);
    if (!number->is_integer && !is_exact(&digits, &number->real) && convert(from, at, &number->real, fault) < 0) {
        return NULL;
    }
    return at;
}

static const char *scan_digits(const char *from, const char *end, struct digits *digits) {
    while (from < end && is_digit(*from)) {
        uint64_t digit = (uint64_t)(*from - '0');
        if (digits->mantissa > (UINT64_MAX - digit) / 10) {
            digits->is_long = true;
        }
        digits->mantissa = digits->mantissa * 10 + digit;
        from++;
    }
    return from;
}

static const char *scan_fraction(const char *from, const char *end, struct digits *digits,
                                 struct json_fault *fault) {
    const char *first = from + 1;
    const char *at = scan_digits(first, end, digits);
    if (at == first) {
        return refuse(fault, at, "a number without a digit after its point");
    }
    digits->exponent -= at - first;
    digits->is_real = true;
    return at;
}

static const char *scan_exponent(const char *from, const char *end, struct digits *digits,
                                 struct json_fault *fault) {
    const char *at = from + 1;
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return refuse(fault, at, "a number without a digit in its exponent");
    }
    int64_t exponent = 0;
    while (at < end && is_digit(*at)) {
        /* Larger than any fraction in memory can take back: the sum stays far from what is_exact takes. */
        if (exponent < INT64_C(1000000000000000)) {
            exponent = exponent * 10 + (*at - '0');
        }
        at++;
    }
    digits->exponent += is_negative ? -exponent : exponent;
    digits->is_real = true;
    return at;
}

static bool is_integer64(const struct digits *digits, int64_t *value) {
    uint64_t most = (uint64_t)INT64_MAX + (digits->is_negative ? 1 : 0);
    if (digits->is_real || digits->is_long || digits->mantissa > most) {
        return false;
    }
    *value = (int64_t)(digits->is_negative ? 0 - digits->mantissa : digits->mantissa);
    return true;
}

/* With up to 53 bits of digits and a power of ten that a double holds exactly, one multiplication or division
 * rounds once, as the standard's conversion would (Clinger, "How to read floating point numbers accurately"). */
static bool is_exact(const struct digits *digits, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (FLT_EVAL_METHOD != 0 || digits->is_long || digits->mantissa > UINT64_C(1) << 53 ||
        digits->exponent < -22 || digits->exponent > 22) {
        return false;
    }
    double mantissa = (double)digits->mantissa;
    double result =
        digits->exponent < 0 ? mantissa / powers[-digits->exponent] : mantissa * powers[digits->exponent];
    *value = digits->is_negative ? -result : result;
    return true;
}

/* The long way, for what is not exact: a terminated copy and the C library, in the C locale (the program that
 * embeds us may have set another, with another decimal point). */
static int convert(const char *from, const char *end, double *value, struct json_fault *fault) {
    char room[SHORT_NUMBER];
    size_t length = (size_t)(end - from);
    char *text = length < sizeof room ? room : malloc(length + 1);
    /* glibc hands out one static object for this: no memory is taken. */
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    int result = -1;
    if (text == NULL || locale == (locale_t)0) {
        *fault = (struct json_fault){.where = from, .why = "no memory for a long number", .is_memory = true};
        goto out;
    }
    memcpy(text, from, length);
    text[length] = '\0';
    *value = strtod_l(text, NULL, locale);
    if (!isfinite(*value)) {
        (void)refuse(fault, from, "a number too large for a double");
        goto out;
    }
    result = 0;
out:
    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    if (text != room) {
        free(text);
    }
    return result;
}

static const char *refuse(struct json_fault *fault, const char *where, const char *why) {
    *fault = (struct json_fault){.where = where, .why = why};
    return NULL;
}
