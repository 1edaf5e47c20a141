/* A request that a script makes with http.*, read from the step's arguments (worker/request.h), with the values of
 * secrets in it. On the loop's thread.
 *
 *     struct request *request = request_new();
 *     if (request_read(request, operation, arguments, config->secrets, &error) < 0) ...
 *     ... request->method, url, headers, body ...
 *     request_free(request);       // overwrites what it held
 */
#ifndef HOST_REQUEST_H
#define HOST_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "host/secrets.h"
#include "http/http.h"
#include <stdbool.h>

enum { REQUEST_METHOD_SIZE = 40, REQUEST_HEADERS_MAX = 128, REQUEST_TIMEOUT_MAX = 3600 };

struct request {
    char method[REQUEST_METHOD_SIZE];
    struct buffer url, body;
    bool has_body;
    double timeout; /* seconds; 0: as configured */
    struct http_header headers[REQUEST_HEADERS_MAX];
    size_t header_count;
    struct http_target target;
    struct secrets_use secrets;
    struct buffer texts[REQUEST_HEADERS_MAX]; /* the headers': name NUL value */
};

/* NULL without memory. */
struct request *request_new(void);
void request_free(struct request *request);

/* -1 with ERROR_INVALID or ERROR_NOT_FOUND (it can never be sent so; the words hold no value), or ERROR_MEMORY. */
int request_read(struct request *request, struct slice operation, struct slice arguments,
                 const struct config_secret *secrets, struct error *error);

/* Where a step of http.* leads, from its arguments alone; false: it is none, or its URL cannot be read. */
bool request_origin(struct slice operation, struct slice arguments, char origin[HTTP_ORIGIN_SIZE]);

#endif
