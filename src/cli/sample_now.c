#include "cli/sample_now.h"
#include "base/clock.h"
#include "event/parsed.h"
#include "event/sample.h"

static int move_object(struct json *object, const struct event_field *fields, int64_t by_us);
static int move_member(struct json *object, const struct event_field *field, int64_t by_us);

int cli_sample_now(struct json *data, const struct event_type *type, int64_t now_us) {
    int64_t sent_us = now_us;
    (void)event_parse_time(slice_of(EVENT_SAMPLE_TIME), &sent_us);
    return move_object(data, type->fields, now_us - sent_us);
}

static int move_object(struct json *object, const struct event_field *fields, int64_t by_us) {
    int failed = 0;
    for (const struct event_field *field = fields; field->name != NULL && failed == 0; field++) {
        failed = move_member(object, field, by_us);
    }
    return failed;
}

/* Errors hold errors: their samples end, and so does this. */
static int move_member(struct json *object, const struct event_field *field, int64_t by_us) {
    struct json *value = json_get(object, field->name);
    char text[CLOCK_TEXT_SIZE];
    int64_t us;
    if (field->kind == EVENT_TIME && json_kind(value) == JSON_STRING &&
        event_parse_time(slice_of(json_string_of(value)), &us) == 0) {
        return json_put(object, field->name, json_text(clock_format(us + by_us, text)));
    }
    if (field->kind == EVENT_MODEL && json_kind(value) == JSON_OBJECT) {
        return move_object(value, field->model->fields, by_us);
    }
    int failed = 0;
    for (struct json *element = json_first(value); field->kind == EVENT_MODELS && element != NULL && failed == 0;
         element = json_next(element)) {
        failed = move_object(element, field->model->fields, by_us);
    }
    return failed;
}
