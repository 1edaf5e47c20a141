#include "event/names.h"
#include "event/event.h"

#define NAME(text)                                                                                                \
    { (text), sizeof(text) - 1 }

static const struct event_alias no_aliases[] = {{{NULL, 0}, {NULL, 0}}};

static const struct event_alias classified_aliases[] = {
    {NAME("queueInfo"), NAME("queueDetails")},
    {{NULL, 0}, {NULL, 0}},
};

static const struct event_alias offer_issued_aliases[] = {
    {NAME("offerTimeUtc"), NAME("offeredOn")},
    {NAME("expiryTimeUtc"), NAME("expiresOn")},
    {{NULL, 0}, {NULL, 0}},
};

/* Both tables below are made from this one. */
#define EVENT_TYPES(TYPE)                                                                                         \
    TYPE(RouterJobCancelled, no_aliases)                                                                          \
    TYPE(RouterJobClassificationFailed, no_aliases)                                                               \
    TYPE(RouterJobClassified, classified_aliases)                                                                 \
    TYPE(RouterJobClosed, no_aliases)                                                                             \
    TYPE(RouterJobCompleted, no_aliases)                                                                          \
    TYPE(RouterJobDeleted, no_aliases)                                                                            \
    TYPE(RouterJobExceptionCleared, no_aliases)                                                                   \
    TYPE(RouterJobExceptionTriggered, no_aliases)                                                                 \
    TYPE(RouterJobLabelsUpdated, no_aliases)                                                                      \
    TYPE(RouterJobQueued, no_aliases)                                                                             \
    TYPE(RouterJobReceived, no_aliases)                                                                           \
    TYPE(RouterJobSchedulingFailed, no_aliases)                                                                   \
    TYPE(RouterJobUnassigned, no_aliases)                                                                         \
    TYPE(RouterJobWaitingForActivation, no_aliases)                                                               \
    TYPE(RouterJobWorkerSelectorsExpired, no_aliases)                                                             \
    TYPE(RouterWorkerDeleted, no_aliases)                                                                         \
    TYPE(RouterWorkerDeregistered, no_aliases)                                                                    \
    TYPE(RouterWorkerOfferAccepted, no_aliases)                                                                   \
    TYPE(RouterWorkerOfferDeclined, no_aliases)                                                                   \
    TYPE(RouterWorkerOfferExpired, no_aliases)                                                                    \
    TYPE(RouterWorkerOfferIssued, offer_issued_aliases)                                                           \
    TYPE(RouterWorkerOfferRevoked, no_aliases)                                                                    \
    TYPE(RouterWorkerRegistered, no_aliases)                                                                      \
    TYPE(RouterWorkerUpdated, no_aliases)

#define AS_NAME(name, aliases)  #name,
#define AS_ENTRY(name, aliases) {NAME(#name), aliases},

const char *const event_type_names[] = {EVENT_TYPES(AS_NAME) NULL};

static const struct {
    struct slice name;
    const struct event_alias *aliases;
} types[] = {EVENT_TYPES(AS_ENTRY)};

const struct event_alias *event_aliases(struct slice short_name) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (slice_equal(types[i].name, short_name)) {
            return types[i].aliases;
        }
    }
    return no_aliases;
}

struct slice event_short_name(struct slice type) {
    size_t prefix = sizeof EVENT_TYPE_PREFIX - 1;
    if (type.length <= prefix || memcmp(type.bytes, EVENT_TYPE_PREFIX, prefix) != 0) {
        return type;
    }
    return slice_make(type.bytes + prefix, type.length - prefix);
}
