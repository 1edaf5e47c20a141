/* JSON written from beginning to end, with the commas in the right places. Errors stay in the buffer (is_broken)
 * and are looked at once, at the end.
 *
 *     struct json_out out = json_out(&buffer);
 *     json_out_begin(&out, '{');
 *     json_out_name(&out, "seq");
 *     json_out_integer(&out, 17);
 *     json_out_end(&out, '}');            // {"seq":17}
 */
#ifndef JSON_OUT_H
#define JSON_OUT_H

#include "base/buffer.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct json_out {
    struct buffer *buffer;
    bool needs_comma;
};

static inline struct json_out json_out(struct buffer *buffer) {
    return (struct json_out){buffer, false};
}

void json_out_begin(struct json_out *out, char bracket); /* '{' or '[' */
void json_out_end(struct json_out *out, char bracket);   /* '}' or ']' */
void json_out_name(struct json_out *out, const char *name);
void json_out_text(struct json_out *out,
                   struct slice text); /* an unset slice: null; what is no UTF-8 breaks the buffer */
void json_out_integer(struct json_out *out, int64_t value);
void json_out_number(struct json_out *out, double value);
void json_out_bool(struct json_out *out, bool value);
void json_out_null(struct json_out *out);
/* A value that is JSON already; an empty one: null. */
void json_out_raw(struct json_out *out, struct slice json);

#endif
