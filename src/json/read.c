#include "json/json.h"
#include "json/scan.h"
#include <stdio.h>
#include <string.h>

struct reader {
    const char *bytes;
    const char *at;
    const char *end;
    const struct json_listener *listener;
    void *context;
    struct json_error *error;
    struct json_limits limits;
    struct json_place place;
    size_t depth;
    size_t values;
    bool is_first;              /* the innermost container has just been opened */
    bool is_object[JSON_DEPTH]; /* the open containers */
    struct buffer scratch;      /* the text of the latest string that had escapes */
};

static int read_text(struct reader *reader);
static int read_next(struct reader *reader);
static int read_member_name(struct reader *reader);
static int read_value(struct reader *reader);
static int read_container(struct reader *reader, bool is_object);
static int close_container(struct reader *reader);
static int read_string(struct reader *reader, int (*tell)(void *context, struct slice text));
static int read_odd_string(struct reader *reader, const char *odd, int (*tell)(void *context, struct slice text));
static int read_number(struct reader *reader);
static int read_word(struct reader *reader);
static const char *pass_blanks(struct reader *reader);
static int stopped(struct reader *reader);
static int refuse(struct reader *reader, const char *where, const char *why);
static int refuse_fault(struct reader *reader, const struct json_fault *fault);

static inline bool is_blank(char c) {
    return (unsigned char)c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

static inline void note_place(struct reader *reader, const char *begin, const char *end) {
    reader->place.begin = (size_t)(begin - reader->bytes);
    reader->place.end = (size_t)(end - reader->bytes);
}

/* What a listener answered. */
static inline int check_told(struct reader *reader, int result) {
    return result == 0 ? 0 : stopped(reader);
}

/* Returns where the reader is then. Most places have no blanks. */
static inline const char *skip_blanks(struct reader *reader) {
    const char *at = reader->at;
    return at < reader->end && is_blank(*at) ? pass_blanks(reader) : at;
}

int json_read(const char *bytes, size_t length, const struct json_limits *limits,
              const struct json_listener *listener, void *context, struct json_error *error) {
    struct json_error unwanted;
    struct reader reader;
    reader.bytes = reader.at = length == 0 ? "" : bytes;
    reader.end = reader.bytes + length;
    reader.listener = listener;
    reader.context = context;
    reader.error = error == NULL ? &unwanted : error;
    reader.error->offset = 0;
    reader.error->message[0] = '\0';
    reader.limits = limits == NULL ? (struct json_limits){JSON_DEPTH, JSON_VALUES} : *limits;
    if (reader.limits.depth > JSON_DEPTH) {
        reader.limits.depth = JSON_DEPTH;
    }
    reader.place = (struct json_place){0};
    reader.depth = 0;
    reader.values = 0;
    reader.is_first = false;
    buffer_init(&reader.scratch, length);
    if (listener->begin != NULL) {
        listener->begin(context, &reader.place);
    }
    int result = read_text(&reader);
    buffer_reset(&reader.scratch);
    return result;
}

int json_check(const char *bytes, size_t length, struct json_error *error) {
    static const struct json_listener nobody = {0};
    return json_read(bytes, length, NULL, &nobody, NULL, error);
}

int json_append_decoded(struct buffer *out, struct slice raw) {
    if (raw.length < 2 || raw.bytes[0] != '"') {
        return -1;
    }
    const char *from = raw.bytes + 1;
    const char *end = raw.bytes + raw.length;
    struct json_fault fault;
    bool has_escapes;
    const char *quote = json_scan_string(from, end, &has_escapes, &fault);
    if (quote == NULL || quote + 1 != end) {
        return -1;
    }
    if (!has_escapes) {
        return buffer_append(out, from, (size_t)(quote - from));
    }
    char *room = buffer_reserve(out, (size_t)(quote - from));
    if (room == NULL) {
        return -1;
    }
    buffer_grew(out, json_decode_string(from, quote, room));
    return 0;
}

static int read_text(struct reader *reader) {
    if (skip_blanks(reader) == reader->end) {
        return refuse(reader, reader->end, "the text is empty");
    }
    if (read_value(reader) < 0) {
        return -1;
    }
    while (reader->depth > 0) {
        if (read_next(reader) < 0) {
            return -1;
        }
    }
    if (skip_blanks(reader) != reader->end) {
        return refuse(reader, reader->at, "something follows the value");
    }
    return 0;
}

/* Inside a container: one more element or member, or its end. */
static int read_next(struct reader *reader) {
    bool is_object = reader->is_object[reader->depth - 1];
    if (skip_blanks(reader) == reader->end) {
        return refuse(reader, reader->end,
                      is_object ? "the text ends inside an object" : "the text ends inside an array");
    }
    if (*reader->at == (is_object ? '}' : ']')) {
        return close_container(reader);
    }
    if (!reader->is_first) {
        if (*reader->at != ',') {
            return refuse(reader, reader->at, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        reader->at++;
        (void)skip_blanks(reader);
    }
    reader->is_first = false;
    if (is_object && read_member_name(reader) < 0) {
        return -1;
    }
    return read_value(reader);
}

static int read_member_name(struct reader *reader) {
    if (reader->at == reader->end) {
        return refuse(reader, reader->end, "the text ends inside an object");
    }
    if (*reader->at != '"') {
        return refuse(reader, reader->at, "expected a member's name in double quotes");
    }
    if (read_string(reader, reader->listener->name) < 0) {
        return -1;
    }
    if (skip_blanks(reader) == reader->end) {
        return refuse(reader, reader->end, "the text ends inside an object");
    }
    if (*reader->at != ':') {
        return refuse(reader, reader->at, "expected ':' after a member's name");
    }
    reader->at++;
    (void)skip_blanks(reader);
    return 0;
}

static int read_value(struct reader *reader) {
    if (reader->at == reader->end) {
        return refuse(reader, reader->end, "the text ends where a value was expected");
    }
    if (++reader->values > reader->limits.values) {
        return refuse(reader, reader->at, "more values than are allowed");
    }
    switch (*reader->at) {
    case '{': return read_container(reader, true);
    case '[': return read_container(reader, false);
    case '"': return read_string(reader, reader->listener->string);
    case 't':
    case 'f':
    case 'n': return read_word(reader);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return read_number(reader);
    default: return refuse(reader, reader->at, "expected a value");
    }
}

static int read_container(struct reader *reader, bool is_object) {
    if (reader->depth >= reader->limits.depth) {
        return refuse(reader, reader->at, "arrays and objects are nested too deep");
    }
    reader->is_object[reader->depth++] = is_object;
    reader->is_first = true;
    reader->at++;
    note_place(reader, reader->at - 1, reader->at);
    int (*begin)(void *) = is_object ? reader->listener->object_begin : reader->listener->array_begin;
    return check_told(reader, begin == NULL ? 0 : begin(reader->context));
}

static int close_container(struct reader *reader) {
    bool is_object = reader->is_object[--reader->depth];
    reader->is_first = false;
    reader->at++;
    note_place(reader, reader->at - 1, reader->at);
    int (*end)(void *) = is_object ? reader->listener->object_end : reader->listener->array_end;
    return check_told(reader, end == NULL ? 0 : end(reader->context));
}

/* A string or a name, from its opening quote. Most are one run of plain characters. */
static int read_string(struct reader *reader, int (*tell)(void *context, struct slice text)) {
    const char *from = reader->at + 1;
    const char *quote = from + json_plain_run(from, reader->end);
    if (quote == reader->end || *quote != '"') {
        return read_odd_string(reader, quote, tell);
    }
    note_place(reader, reader->at, quote + 1);
    reader->at = quote + 1;
    return tell == NULL ? 0 : check_told(reader, tell(reader->context, slice_make(from, (size_t)(quote - from))));
}

/* One whose first character that is not plain is at `odd`. */
static int read_odd_string(struct reader *reader, const char *odd, int (*tell)(void *context, struct slice text)) {
    const char *from = reader->at + 1;
    struct json_fault fault;
    bool has_escapes = false;
    const char *quote = json_scan_string(odd, reader->end, &has_escapes, &fault);
    if (quote == NULL) {
        return refuse_fault(reader, &fault);
    }
    note_place(reader, reader->at, quote + 1);
    reader->at = quote + 1;
    if (tell == NULL) {
        return 0;
    }
    struct slice text = {from, (size_t)(quote - from)};
    if (has_escapes) {
        buffer_clear(&reader->scratch);
        char *room = buffer_reserve(&reader->scratch, text.length);
        if (room == NULL) {
            fault = (struct json_fault){.why = "no memory for a string with escapes", .is_memory = true};
            return refuse_fault(reader, &fault);
        }
        text = (struct slice){room, json_decode_string(from, quote, room)};
    }
    return check_told(reader, tell(reader->context, text));
}

static int read_number(struct reader *reader) {
    struct json_fault fault;
    struct json_number number;
    const char *end = json_scan_number(reader->at, reader->end, &number, &fault);
    if (end == NULL) {
        return refuse_fault(reader, &fault);
    }
    note_place(reader, reader->at, end);
    reader->at = end;
    const struct json_listener *listener = reader->listener;
    int result = 0;
    if (number.is_integer && listener->integer != NULL) {
        result = listener->integer(reader->context, number.integer);
    } else if (!number.is_integer && listener->number != NULL) {
        result = listener->number(reader->context, number.real);
    }
    return check_told(reader, result);
}

static int read_word(struct reader *reader) {
    const char *word = *reader->at == 't' ? "true" : *reader->at == 'f' ? "false" : "null";
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0) {
        return refuse(reader, reader->at, "expected a value");
    }
    note_place(reader, reader->at, reader->at + length);
    reader->at += length;
    const struct json_listener *listener = reader->listener;
    int result = 0;
    if (*word == 'n') {
        result = listener->null == NULL ? 0 : listener->null(reader->context);
    } else if (listener->boolean != NULL) {
        result = listener->boolean(reader->context, *word == 't');
    }
    return check_told(reader, result);
}

static const char *pass_blanks(struct reader *reader) {
    const char *from = reader->at;
    const char *at = from;
    while (at < reader->end && is_blank(*at)) {
        at++;
    }
    reader->place.blanks += (size_t)(at - from);
    reader->at = at;
    return at;
}

/* It said no; its own words, if it left some, stand. */
static int stopped(struct reader *reader) {
    if (reader->error->message[0] == '\0') {
        return refuse(reader, reader->bytes + reader->place.begin, "stopped by the listener");
    }
    return -1;
}

static int refuse(struct reader *reader, const char *where, const char *why) {
    reader->error->offset = (size_t)(where - reader->bytes);
    (void)snprintf(reader->error->message, sizeof reader->error->message, "%s", why);
    return -1;
}

static int refuse_fault(struct reader *reader, const struct json_fault *fault) {
    if (!fault->is_memory) {
        return refuse(reader, fault->where, fault->why);
    }
    reader->error->offset = SIZE_MAX;
    (void)snprintf(reader->error->message, sizeof reader->error->message, "%s", fault->why);
    return -1;
}
