#include "admin/put.h"
#include "base/clock.h"
#include "base/text.h"

void admin_put_text(struct json_out *out, const char *name, struct slice text) {
    json_out_name(out, name);
    json_out_text(out, text);
}

void admin_put_words(struct json_out *out, const char *name, struct slice text) {
    if (text_is_utf8(text)) {
        admin_put_text(out, name, text);
        return;
    }
    struct buffer visible;
    buffer_init(&visible, 4 * text.length);
    text_append_visible(&visible, text);
    admin_put_text(out, name, buffer_slice(&visible));
    buffer_reset(&visible);
}

void admin_put_integer(struct json_out *out, const char *name, int64_t value) {
    json_out_name(out, name);
    json_out_integer(out, value);
}

void admin_put_time(struct json_out *out, const char *name, int64_t wall_us) {
    char text[CLOCK_TEXT_SIZE];
    admin_put_text(out, name, wall_us == 0 ? (struct slice){NULL, 0} : slice_of(clock_format(wall_us, text)));
}
