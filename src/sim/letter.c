#include "sim/letter.h"
#include "json/json.h"
#include <stdlib.h>

static char *write_cloud(const struct sim_event *event, size_t *length);
static int take_member(void *context, struct slice name, struct slice raw);

struct letter *letter_new(struct sim_event *event, bool is_cloud) {
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL) {
        return NULL;
    }
    letter->json = slice_make(event->json, event->length);
    if (is_cloud) {
        letter->cloud = write_cloud(event, &letter->json.length);
        letter->json.bytes = letter->cloud;
    }
    if (is_cloud && letter->cloud == NULL) {
        free(letter);
        return NULL;
    }
    letter->event = sim_event_hold(event);
    letter->holders = 1;
    return letter;
}

struct letter *letter_hold(struct letter *letter) {
    letter->holders++;
    return letter;
}

void letter_release(struct letter *letter) {
    if (--letter->holders == 0) {
        sim_event_release(letter->event);
        free(letter->cloud);
        free(letter);
    }
}

static char *write_cloud(const struct sim_event *event, size_t *length) {
    struct buffer out;
    buffer_init(&out, event->length + 256);
    buffer_append_text(&out, "{\"specversion\":\"1.0\"");
    (void)json_each_member(event->json, event->length, take_member, &out, NULL); /* it is the core's: strict */
    buffer_append_char(&out, '}');
    *length = out.length;
    if (out.is_broken) {
        buffer_reset(&out);
    }
    return buffer_take(&out);
}

static int take_member(void *context, struct slice name, struct slice raw) {
    static const char *const names[][2] = {{"id", "id"},          {"topic", "source"},   {"subject", "subject"},
                                           {"eventType", "type"}, {"eventTime", "time"}, {"data", "data"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_is(name, names[i][0])) {
            buffer_append_format(context, ",\"%s\":", names[i][1]);
            buffer_append_slice(context, raw);
        }
    }
    return 0;
}
