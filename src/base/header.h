/* What HTTP says of the fields of a request (RFC 9110): names, values, and those that nobody but the client
 * sets. */
#ifndef BASE_HEADER_H
#define BASE_HEADER_H

#include "base/slice.h"
#include <stdbool.h>

/* A token (5.6.2): for names of headers and for methods. */
bool header_is_token(struct slice text);
/* No line end, no NUL, no other control character but the tab. */
bool header_is_value(struct slice text);
/* Those that frame the message, or say whose connection and which host it is. */
bool header_is_framing(struct slice name);

#endif
