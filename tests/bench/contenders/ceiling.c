/* Contender: the ceiling. The HTTP library that Switchhook listens with, bare: takes the body, forgets it, answers
 * 200. It promises nothing: nothing is stored, read or checked. What it costs, all behind this library cost.
 *
 *     ceiling PORT
 */
#include "serve.h"
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECTIONS = 2048 };

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload, size_t *upload_size,
                                 void **request) {
    static char has_begun;

    (void)url, (void)method, (void)version, (void)upload;
    if (*request == NULL) {
        *request = &has_begun;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, context);
}

int main(int count, char **arguments) {
    struct MHD_Response *empty = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    if (count != 2 || empty == NULL) {
        fputs("usage: ceiling PORT\n", stderr);
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(arguments[1], NULL, 10);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, port, NULL, NULL, on_access, empty,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "ceiling: cannot listen on port %u\n", (unsigned)port);
        return 1;
    }
    serve(daemon, -1, NULL);
}
