/* The arguments of an http step, from what a script gave. Private to the room.
 *
 *     [url]   [url, options]   [options]          options: of http.request also method and url
 *
 * Options are `headers`, `timeout`, and one of `body`, `body_base64` (bytes that are no UTF-8), `json` (any
 * value) and `json_parts`. A text with secrets in it, be it the url, the body or a header's value, is the array
 * of its parts (secret.h), and so is json_parts, JSON with secrets inside of strings: there a script can put no
 * tables. */
#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

#include "base/slice.h"
#include <lua.h>

/* The URL is at index 1 and the options are at 2; `method` NULL: both are options. The slice lies in the sandbox's
 * scratch. Raises what is wrong, with the argument's name. */
struct slice request_write(lua_State *L, const char *operation, const char *method);

#endif
