#include "ingress/private.h"
#include <stdlib.h>
#include <string.h>

struct ingress *ingress_start(const struct ingress_options *options, struct error *error) {
    struct ingress *ingress = calloc(1, sizeof *ingress);
    if (ingress == NULL) {
        error_memory(error);
        return NULL;
    }
    ingress->options = *options;
    ingress->path = strdup(options->path);
    if (ingress->path == NULL) {
        error_memory(error);
        free(ingress);
        return NULL;
    }
    ingress->httpd = httpd_start(&(struct httpd_options){.address = options->address,
                                                         .body_limit = options->body_limit,
                                                         .name = "ingress",
                                                         .on_head = ingress_on_head,
                                                         .on_request = ingress_on_request,
                                                         .after_requests = ingress_after_requests,
                                                         .context = ingress},
                                 error);
    /* Both are the caller's memory. */
    ingress->options.address = ingress->options.path = NULL;
    if (ingress->httpd == NULL) {
        free(ingress->path);
        free(ingress);
        return NULL;
    }
    return ingress;
}

uint16_t ingress_port(const struct ingress *ingress) {
    return httpd_port(ingress->httpd);
}

void ingress_quiesce(struct ingress *ingress) {
    atomic_store(&ingress->is_quiesced, true);
    httpd_quiesce(ingress->httpd);
}

void ingress_stop(struct ingress *ingress) {
    if (ingress == NULL) {
        return;
    }
    ingress_quiesce(ingress);
    httpd_stop(ingress->httpd);
    free(ingress->path);
    free(ingress);
}
