/* Bytes that are no UTF-8, for JSON: base64 (RFC 4648, with padding). Private to the room, which links no library
 * that could do it. */
#ifndef WORKER_BYTES_H
#define WORKER_BYTES_H

#include "base/buffer.h"
#include "base/slice.h"

int bytes_append_base64(struct buffer *out, struct slice bytes);
/* -1 for what is no base64, with `out` as it was, or when it cannot take it. */
int bytes_append_unbase64(struct buffer *out, struct slice text);

#endif
