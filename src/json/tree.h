/* JSON as a tree, for where comfort counts and speed does not: admin, the local Job Router, the command line.
 * cJSON behind a small face; text is read by the strict reader, because cJSON accepts what is no JSON. Numbers are
 * doubles here (integers are exact up to 2^53): what must be exact does not go through a tree. Texts end at their
 * first NUL: json_parse refuses a text with \u0000 in it and says so. Any thread, one at a time for one tree.
 *
 * A value belongs to who made it, or to the object or array that it was put into; json_free frees it with all
 * below. The putting functions take the value over, also when they fail (it is freed then, and it is the caller's
 * to not print the root): they accept NULL values and return -1, so that calls can be chained and checked once.
 *
 *     struct json *body = json_object();
 *     int failed = json_put(body, "id", json_text("j1")) | json_put(body, "priority", json_double(5));
 *     if (failed || json_print(body, &out) < 0) ...
 *     json_free(body);
 */
#ifndef JSON_TREE_H
#define JSON_TREE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json; /* opaque */

enum json_kind { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json *json_parse(const char *bytes, size_t length, struct error *error);
void json_free(struct json *value);
struct json *json_copy(const struct json *value);
bool json_equal(const struct json *a, const struct json *b);

struct json *json_object(void);
struct json *json_array(void);
struct json *json_text(const char *text);   /* copies */
struct json *json_slice(struct slice text); /* NULL also for a text with a NUL in it */
struct json *json_double(double value);     /* NULL also for NaN and infinities */
struct json *json_bool(bool value);
struct json *json_none(void); /* null */

int json_put(struct json *object, const char *name, struct json *value); /* adds or replaces */
int json_push(struct json *array, struct json *value);
void json_drop(struct json *object, const char *name);           /* removes and frees */
struct json *json_detach(struct json *object, const char *name); /* removes and hands over; NULL when absent */
void json_drop_at(struct json *array, size_t index);

enum json_kind json_kind(const struct json *value); /* of NULL: JSON_NULL */
/* Names are compared with their case. NULL when absent, or `object` is none. */
struct json *json_get(const struct json *object, const char *name);
struct json *json_at(const struct json *array, size_t index);
size_t json_count(const struct json *value); /* members or elements */
const char *json_name(const struct json *member);
/* for (m = json_first(v); m != NULL; m = json_next(m)): members or elements, in order */
struct json *json_first(const struct json *value);
struct json *json_next(const struct json *value);

/* NULL / the fallback when it is of another kind. The text lives as long as the value. */
const char *json_string_of(const struct json *value);
double json_double_of(const struct json *value, double fallback);
bool json_bool_of(const struct json *value, bool fallback);
/* Shorthands for members. */
const char *json_get_string(const struct json *object, const char *name);
double json_get_double(const struct json *object, const char *name, double fallback);
bool json_get_bool(const struct json *object, const char *name, bool fallback);

/* Compact. -1, with nothing appended and the buffer broken, also for a NULL value, a text that is no UTF-8, or a
 * tree deeper than JSON_DEPTH. */
int json_print(const struct json *value, struct buffer *out);

#endif
