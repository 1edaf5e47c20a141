#include "json/tree.h"
#include "json/json.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

/* A tree being built by the strict reader. cJSON's own parser is left out: it takes what is no JSON, and refuses
 * numbers of more than 63 characters. */
struct planting {
    cJSON *root;
    cJSON *open[JSON_DEPTH];
    size_t depth;
    char *name; /* of the member whose value comes next */
    const struct json_place *place;
    struct json_error where;
};

static int plant(struct planting *planting, cJSON *item);
static char *copy_text(struct slice text);
static int refuse_text(struct planting *planting, struct slice text);
static cJSON *new_string(struct slice text);
static int replace(cJSON *object, cJSON *old, cJSON *value);
static bool has_equal_members(const cJSON *a, const cJSON *b);
static int print(const cJSON *item, size_t depth, struct buffer *out);
static int print_children(const cJSON *item, size_t depth, struct buffer *out);

static inline cJSON *inner(const struct json *value) {
    return (cJSON *)(void *)(uintptr_t)value;
}

static inline struct json *outer(cJSON *item) {
    return (struct json *)(void *)item;
}

static void take_place(void *context, const struct json_place *place) {
    struct planting *planting = context;
    planting->place = place;
}

static int on_container(void *context, cJSON *item) {
    struct planting *planting = context;
    if (plant(planting, item) < 0) {
        return -1;
    }
    planting->open[planting->depth++] = item;
    return 0;
}

static int on_object_begin(void *context) {
    return on_container(context, cJSON_CreateObject());
}

static int on_array_begin(void *context) {
    return on_container(context, cJSON_CreateArray());
}

static int on_end(void *context) {
    struct planting *planting = context;
    planting->depth--;
    return 0;
}

static int on_name(void *context, struct slice name) {
    struct planting *planting = context;
    planting->name = copy_text(name);
    return planting->name == NULL ? refuse_text(planting, name) : 0;
}

static int on_string(void *context, struct slice value) {
    cJSON *item = new_string(value);
    return item == NULL ? refuse_text(context, value) : plant(context, item);
}

static int on_integer(void *context, int64_t value) {
    return plant(context, cJSON_CreateNumber((double)value));
}

static int on_number(void *context, double value) {
    return plant(context, cJSON_CreateNumber(value));
}

static int on_boolean(void *context, bool value) {
    return plant(context, cJSON_CreateBool(value));
}

static int on_null(void *context) {
    return plant(context, cJSON_CreateNull());
}

struct json *json_parse(const char *bytes, size_t length, struct error *error) {
    static const struct json_listener listener = {
        .object_begin = on_object_begin,
        .object_end = on_end,
        .array_begin = on_array_begin,
        .array_end = on_end,
        .name = on_name,
        .string = on_string,
        .integer = on_integer,
        .number = on_number,
        .boolean = on_boolean,
        .null = on_null,
        .begin = take_place,
    };
    struct planting planting = {0};
    int result = json_read(bytes, length, NULL, &listener, &planting, &planting.where);
    cJSON_free(planting.name);
    if (result == 0) {
        return outer(planting.root);
    }
    cJSON_Delete(planting.root);
    if (planting.where.offset == SIZE_MAX) {
        (void)error_memory(error);
    } else {
        (void)error_set(error, ERROR_INVALID, "not JSON that can be used: %s (at byte %zu)",
                        planting.where.message, planting.where.offset);
    }
    return NULL;
}

void json_free(struct json *value) {
    cJSON_Delete(inner(value));
}

struct json *json_copy(const struct json *value) {
    return outer(cJSON_Duplicate(inner(value), true));
}

/* cJSON_Compare is not used: its time doubles with each level of objects, and it rounds numbers. */
bool json_equal(const struct json *a, const struct json *b) {
    if (a == NULL || b == NULL || json_kind(a) != json_kind(b)) {
        return a == b;
    }
    switch (json_kind(a)) {
    case JSON_NULL: return true;
    case JSON_BOOLEAN: return json_bool_of(a, false) == json_bool_of(b, false);
    case JSON_NUMBER:
        return !(json_double_of(a, 0) < json_double_of(b, 0) || json_double_of(a, 0) > json_double_of(b, 0));
    case JSON_STRING: return strcmp(json_string_of(a), json_string_of(b)) == 0;
    case JSON_OBJECT: return has_equal_members(inner(a), inner(b));
    case JSON_ARRAY: break;
    }
    const struct json *left = json_first(a);
    const struct json *right = json_first(b);
    while (left != NULL && right != NULL && json_equal(left, right)) {
        left = json_next(left);
        right = json_next(right);
    }
    return left == NULL && right == NULL;
}

struct json *json_object(void) {
    return outer(cJSON_CreateObject());
}

struct json *json_array(void) {
    return outer(cJSON_CreateArray());
}

struct json *json_text(const char *text) {
    return text == NULL ? NULL : outer(cJSON_CreateString(text));
}

struct json *json_slice(struct slice text) {
    return outer(new_string(text));
}

struct json *json_double(double value) {
    return isfinite(value) ? outer(cJSON_CreateNumber(value)) : NULL;
}

struct json *json_bool(bool value) {
    return outer(cJSON_CreateBool(value));
}

struct json *json_none(void) {
    return outer(cJSON_CreateNull());
}

int json_put(struct json *object, const char *name, struct json *value) {
    if (value == NULL || json_kind(object) != JSON_OBJECT) {
        json_free(value);
        return -1;
    }
    cJSON *old = cJSON_GetObjectItemCaseSensitive(inner(object), name);
    if (old != NULL) {
        return replace(inner(object), old, inner(value));
    }
    if (!cJSON_AddItemToObject(inner(object), name, inner(value))) {
        json_free(value);
        return -1;
    }
    return 0;
}

int json_push(struct json *array, struct json *value) {
    if (value == NULL || json_kind(array) != JSON_ARRAY || !cJSON_AddItemToArray(inner(array), inner(value))) {
        json_free(value);
        return -1;
    }
    return 0;
}

void json_drop(struct json *object, const char *name) {
    json_free(json_detach(object, name));
}

struct json *json_detach(struct json *object, const char *name) {
    return outer(cJSON_DetachItemViaPointer(inner(object), inner(json_get(object, name))));
}

void json_drop_at(struct json *array, size_t index) {
    json_free(outer(cJSON_DetachItemViaPointer(inner(array), inner(json_at(array, index)))));
}

enum json_kind json_kind(const struct json *value) {
    const cJSON *item = inner(value);
    if (cJSON_IsObject(item)) {
        return JSON_OBJECT;
    }
    if (cJSON_IsArray(item)) {
        return JSON_ARRAY;
    }
    if (cJSON_IsString(item)) {
        return JSON_STRING;
    }
    if (cJSON_IsNumber(item)) {
        return JSON_NUMBER;
    }
    return cJSON_IsBool(item) ? JSON_BOOLEAN : JSON_NULL;
}

struct json *json_get(const struct json *object, const char *name) {
    return json_kind(object) == JSON_OBJECT ? outer(cJSON_GetObjectItemCaseSensitive(inner(object), name)) : NULL;
}

struct json *json_at(const struct json *array, size_t index) {
    if (json_kind(array) != JSON_ARRAY) {
        return NULL;
    }
    struct json *element = json_first(array);
    while (element != NULL && index-- > 0) {
        element = json_next(element);
    }
    return element;
}

size_t json_count(const struct json *value) {
    size_t count = 0;
    for (const struct json *child = json_first(value); child != NULL; child = json_next(child)) {
        count++;
    }
    return count;
}

const char *json_name(const struct json *member) {
    return member == NULL ? NULL : inner(member)->string;
}

struct json *json_first(const struct json *value) {
    return value == NULL ? NULL : outer(inner(value)->child);
}

struct json *json_next(const struct json *value) {
    return value == NULL ? NULL : outer(inner(value)->next);
}

const char *json_string_of(const struct json *value) {
    return cJSON_GetStringValue(inner(value));
}

double json_double_of(const struct json *value, double fallback) {
    return json_kind(value) == JSON_NUMBER ? inner(value)->valuedouble : fallback;
}

bool json_bool_of(const struct json *value, bool fallback) {
    return json_kind(value) == JSON_BOOLEAN ? cJSON_IsTrue(inner(value)) : fallback;
}

const char *json_get_string(const struct json *object, const char *name) {
    return json_string_of(json_get(object, name));
}

double json_get_double(const struct json *object, const char *name, double fallback) {
    return json_double_of(json_get(object, name), fallback);
}

bool json_get_bool(const struct json *object, const char *name, bool fallback) {
    return json_bool_of(json_get(object, name), fallback);
}

int json_print(const struct json *value, struct buffer *out) {
    size_t before = out->length;
    if (value == NULL || print(inner(value), 0, out) < 0) {
        buffer_truncate(out, before);
        out->is_broken = true;
        return -1;
    }
    return 0;
}

/* Puts the value where it belongs and takes it over; NULL stands for no memory. */
static int plant(struct planting *planting, cJSON *item) {
    cJSON *parent = planting->depth == 0 ? NULL : planting->open[planting->depth - 1];
    if (item == NULL) {
        planting->where.offset = SIZE_MAX;
        memcpy(planting->where.message, "no memory", sizeof "no memory");
        return -1;
    }
    if (parent == NULL) {
        planting->root = item;
        return 0;
    }
    /* The name is on the heap already: handing it over spares cJSON's copy. */
    item->string = planting->name;
    planting->name = NULL;
    (void)cJSON_AddItemToArray(parent, item);
    return 0;
}

/* cJSON's texts end at the first NUL: a text that holds one is not copied. */
static char *copy_text(struct slice text) {
    if (text.length > 0 && memchr(text.bytes, '\0', text.length) != NULL) {
        return NULL;
    }
    char *copy = cJSON_malloc(text.length + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (text.length > 0) {
        memcpy(copy, text.bytes, text.length);
    }
    copy[text.length] = '\0';
    return copy;
}

/* Says why copy_text gave nothing. */
static int refuse_text(struct planting *planting, struct slice text) {
    if (text.length == 0 || memchr(text.bytes, '\0', text.length) == NULL) {
        return plant(planting, NULL);
    }
    static const char why[] = "a text with \\u0000 in it, which is not supported here";
    planting->where.offset = planting->place->begin;
    memcpy(planting->where.message, why, sizeof why);
    return -1;
}

static cJSON *new_string(struct slice text) {
    char *copy = copy_text(text);
    cJSON *item = copy == NULL ? NULL : cJSON_CreateNull();
    if (item == NULL) {
        cJSON_free(copy);
        return NULL;
    }
    item->type = cJSON_String;
    item->valuestring = copy;
    return item;
}

/* Cannot fail: the new value takes the old one's name as well as its place. */
static int replace(cJSON *object, cJSON *old, cJSON *value) {
    cJSON_free(value->string);
    value->string = old->string;
    old->string = NULL;
    (void)cJSON_ReplaceItemViaPointer(object, old, value);
    return 0;
}

/* In any order. Members of one name twice are compared at their places, so that every object equals its copy. */
static bool has_equal_members(const cJSON *a, const cJSON *b) {
    const cJSON *across = b->child;
    const cJSON *member;
    cJSON_ArrayForEach(member, a) {
        if (across == NULL) {
            return false;
        }
        const cJSON *other = across;
        if (strcmp(across->string, member->string) != 0) {
            other = cJSON_GetObjectItemCaseSensitive(b, member->string);
        }
        if (other == NULL || !json_equal((const struct json *)member, (const struct json *)other)) {
            return false;
        }
        across = across->next;
    }
    for (member = b->child; member != NULL; member = member->next) {
        if (cJSON_GetObjectItemCaseSensitive(a, member->string) == NULL) {
            return false;
        }
    }
    return across == NULL;
}

/* Not cJSON's printer, which lets bad UTF-8 through and follows the locale. A tree that is too deep for the reader
 * on the other side is refused. */
static int print(const cJSON *item, size_t depth, struct buffer *out) {
    switch (json_kind((const struct json *)item)) {
    case JSON_NULL: return buffer_append_text(out, "null");
    case JSON_BOOLEAN: return buffer_append_text(out, cJSON_IsTrue(item) ? "true" : "false");
    case JSON_NUMBER: return json_append_number(out, item->valuedouble);
    case JSON_STRING: return json_append_string(out, slice_of(item->valuestring));
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return depth == JSON_DEPTH ? -1 : print_children(item, depth + 1, out);
}

static int print_children(const cJSON *item, size_t depth, struct buffer *out) {
    bool is_object = cJSON_IsObject(item);
    if (buffer_append_char(out, is_object ? '{' : '[') < 0) {
        return -1;
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (child != item->child && buffer_append_char(out, ',') < 0) {
            return -1;
        }
        if (is_object &&
            (json_append_string(out, slice_of(child->string)) < 0 || buffer_append_char(out, ':') < 0)) {
            return -1;
        }
        if (print(child, depth, out) < 0) {
            return -1;
        }
    }
    return buffer_append_char(out, is_object ? '}' : ']');
}
