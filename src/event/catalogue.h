/* The catalogue: every type of event that the Job Router sends, with the members of its data. One table; all
 * that knows types or members reads it: the worker (event.data, event.parsed), the ingress (lanes, deadlines),
 * the local Job Router, the commands catalog, emit, check and new, the editor stubs, docs/events.md. Needs no
 * memory, no library and no start. Any thread.
 *
 * Sources, by which a type or a member is known (enum event_source): the Event Grid data plane's API
 * description and its examples (github.com/Azure/azure-rest-api-specs, eventgrid/data-
 * plane/Microsoft.Communication), the page "Azure Communication Services - Job Router events"
 * (learn.microsoft.com), and the page of the private preview of 2021.
 *
 *     const struct event_type *type = event_find_type(slice_of("RouterJobQueued"));
 *     for (const struct event_field *field = type->fields; field->name != NULL; field++)
 *         ... field->name, field->kind, field->is_nullable ...
 */
#ifndef EVENT_CATALOGUE_H
#define EVENT_CATALOGUE_H

#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum event_source {
    EVENT_FROM_SCHEMA = 1,  /* the API description */
    EVENT_FROM_SAMPLE = 2,  /* its examples */
    EVENT_FROM_PAGE = 4,    /* the page of the present set */
    EVENT_FROM_PREVIEW = 8, /* the page of 2021 */
};

enum event_kind {
    EVENT_TEXT,    /* a string; of `values` when the field has them */
    EVENT_INTEGER, /* 32 bits */
    EVENT_NUMBER,
    EVENT_BOOLEAN,
    EVENT_TIME,      /* RFC 3339, or one of the page's other forms: event_parse_time */
    EVENT_LIFETIME,  /* seconds, as a number or a text, or an ISO 8601 duration: event_parse_lifetime */
    EVENT_PRIMITIVE, /* a string, a number or a boolean */
    EVENT_MAP,       /* of primitives: labels and tags */
    EVENT_TEXTS,     /* a list of strings */
    EVENT_MODEL,     /* an object of `model` */
    EVENT_MODELS,    /* a list of them */
};

struct event_model {
    const char *name; /* WorkerSelector */
    const struct event_field *fields;
    const struct event_alias *aliases; /* never NULL; filled in nowhere, event.parsed reads them */
    bool has_canonical;                /* event.parsed has it: a member comes in several forms or spellings */
    const char *words;
};

struct event_field {
    const char *name; /* as the present set has it; NULL ends the list */
    enum event_kind kind;
    const struct event_model *model;
    const char *const *values; /* the known ones, NULL-terminated; others may come. NULL: any */
    bool is_nullable;          /* null, or absent */
    unsigned sources;          /* enum event_source */
    const char *sample;        /* JSON */
    const char *words;         /* one line for the docs */
    /* The one word for the spellings of a text, NULL for none it knows; of EVENT_TEXTS for each. NULL: no need */
    const char *(*canonical)(struct slice text);
};

/* Another spelling of a member. What was sent under any spelling is in a handler's `event.data` under all names
 * of the present set; those of 2021 are only read. Of two that were sent, each stays as it is; for a name that was
 * not, the field's own counts, then the list's order. */
struct event_alias {
    const char *other; /* NULL ends the list; those of one field follow each other */
    const char *name;  /* of the field */
    bool is_present;   /* the other spelling, too, is one of the present set's sources */
};

enum event_lane { EVENT_LANE_JOB, EVENT_LANE_WORKER };

struct event_type {
    const char *name;     /* RouterJobQueued, without Microsoft.Communication. */
    const char *words;    /* when it is sent */
    const char *subject;  /* job/{jobId}/channel/{channelId}/queue/{queueId} */
    enum event_lane lane; /* whose lane: data.jobId's or data.workerId's */
    const char *deadline; /* the field after which handling it is pointless; NULL: none */
    const struct event_field *fields;
    const struct event_alias *aliases; /* never NULL */
    unsigned sources;
};

/* Sorted by name; a NULL name ends it. */
extern const struct event_type event_types[];
/* The names alone, for text_nearest; NULL ends them. */
extern const char *const event_type_names[];
/* The models, for the docs and the editor stubs; NULL ends them. */
extern const struct event_model *const event_models[];

/* By the short name; NULL: not known. */
const struct event_type *event_find_type(struct slice short_name);
const struct event_field *event_find_field(const struct event_field *fields, struct slice name);
/* The fields' name for `name`, which is that itself or another spelling of the type's; NULL: neither. */
const struct event_field *event_find_spelling(const struct event_type *type, struct slice name);

#endif
