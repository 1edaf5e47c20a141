#include "embed/private.h"

int switchhook_deliver(struct switchhook *host, const char *body, size_t length, const char *content_type,
                       struct switchhook_delivery *delivery, struct switchhook_error *error) {
    struct ingress_outcome outcome;
    struct error why = {0};
    unsigned status =
        ingress_deliver(host->ingress, slice_make(body, length), slice_of(content_type), &outcome, &why);
    if (status != 200) {
        return embed_fail(error, (int)status, &why);
    }
    if (delivery != NULL) {
        *delivery = (struct switchhook_delivery){
            .stored = outcome.stored, .duplicates = outcome.duplicates, .quarantined = outcome.quarantined};
    }
    return 0;
}
