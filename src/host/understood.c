#include "host/understood.h"
#include "host/conductor.h"
#include <stdlib.h>

static const char *why_not(const struct understood *understood, const struct json_error *where, int result);

struct understood *understood_new(const struct store_record *record, struct error *error) {
    struct json_error where = {0};
    struct understood *understood = calloc(1, sizeof *understood);
    if (understood == NULL) {
        error_memory(error);
        return NULL;
    }
    envelope_init(&understood->envelope);
    understood->raw = slice_copy(record->raw);
    int result = understood->raw == NULL
                     ? -1
                     : envelope_read(&understood->envelope, understood->raw, record->raw.length, &where);
    if (understood->raw == NULL || (result < 0 && where.offset == SIZE_MAX)) {
        error_memory(error);
        goto failed;
    }
    const char *words = why_not(understood, &where, result);
    if (words != NULL) {
        error_set(error, ERROR_INVALID, "event %lu is quarantined, and still no event: %s",
                  (unsigned long)record->seq, words);
        goto failed;
    }
    const struct event *event = &understood->envelope.events[0];
    understood->event = intake_event(event, event->lane);
    return understood;

failed:
    understood_free(understood);
    return NULL;
}

void understood_free(struct understood *understood) {
    if (understood == NULL) {
        return;
    }
    envelope_reset(&understood->envelope);
    free(understood->raw);
    free(understood);
}

/* An array within an array is no event, though by itself it would be a delivery. */
static const char *why_not(const struct understood *understood, const struct json_error *where, int result) {
    if (understood->raw[0] != '{') {
        return "it is no object";
    }
    if (result < 0) {
        return where->message;
    }
    return event_is_local(understood->envelope.events[0].type) ? EVENT_LOCAL_WORDS : NULL;
}
