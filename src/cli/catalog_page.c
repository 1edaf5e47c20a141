#include "cli/catalog.h"
#include "event/event.h"
#include <string.h>

static void put_list(struct buffer *out);
static void put_type(struct buffer *out, const struct event_type *type);
static void put_fields(struct buffer *out, const struct event_field *fields, const struct event_alias *aliases);
static bool has_aliases_of(const struct event_alias *aliases, const char *name);

static const char beginning[] =
    "# The events\n\n"
    "Made by `switchhook catalog --markdown`; a test compares the two. `switchhook catalog TYPE` shows the same "
    "for\n"
    "one type, with a sample.\n\n"
    "Every type that the Job Router is known to send, with the members of its `data`. A script handles a type by "
    "its\n"
    "name: `scripts/RouterJobQueued.lua` gets the events of the type "
    "`Microsoft.Communication.RouterJobQueued`.\n\n"
    "The sources do not always agree. *Known from* says where a type or a member is found: `schema`, the API\n"
    "description of Event Grid's data plane; `sample`, its examples; `page`, \"Azure Communication Services - "
    "Job\n"
    "Router events\" on learn.microsoft.com; `preview`, that page as it was in the private preview of 2021. A "
    "type\n"
    "that is found in the schema alone, or in the preview alone, may never be sent; a script for it does no "
    "harm.\n";

static const char spellings[] = "\n## Names\n\n"
                                "In `event.data` everything is as it was sent. Where a member is known under "
                                "several names, what was sent under\n"
                                "one of them is there under all that the present sources use; the names of 2021 "
                                "are only read. If an event has two\n"
                                "of the names, each keeps what was sent for it. Inside the models nothing is "
                                "added: there `event.parsed` has one\n"
                                "name for each member.\n\n"
                                "A member that is JSON's null is absent. Values that are not known may come; an "
                                "id may be an empty text; labels\n"
                                "and tags are their users' own, and hold texts, numbers and booleans.\n";

static const char forms[] =
    "\n## Canonical forms\n\n"
    "Some things are written in several ways, so that a script would have to know them all. `event.parsed` has "
    "them in\n"
    "one, under the names of the present set:\n\n"
    "| what | in `event.data` | in `event.parsed` |\n"
    "|---|---|---|\n"
    "| times | `\"2026-03-02T08:15:04.1200000Z\"`, with an offset, with 0 to 9 digits of a fraction; "
    "`\"3/28/2007 7:13:50 PM +00:00\"` | seconds since 1970, with the fraction, to the microsecond |\n"
    "| lifetimes | `50`, `\"36\"`, `\"P3Y6M4DT12H30M5S\"` | seconds; a year counts as 365 days, a month as 30 |\n"
    "| label operators | `Equal`, `equal`, `Greater`, `GreaterThanEqual`, ... | the REST API's: `equal`, "
    "`notEqual`, "
    "`lessThan`, `lessThanOrEqual`, `greaterThan`, `greaterThanOrEqual` |\n"
    "| a selector's state | `active`, `Active`, `0`, `expired`, `Expired`, `1` | `active`, `expired` |\n"
    "| `jobStatus` | `WaitingForActivation` | the REST API's: `waitingForActivation` |\n"
    "| `updatedWorkerProperties` | `TotalCapacity`, `totalCapacity` | `totalCapacity` |\n"
    "| selectors and errors | see the models | whole, each member under its first name |\n\n"
    "`event.parsed.time` is the event's own time. What an event does not have, or what cannot be read, is absent "
    "in\n"
    "`event.parsed`; that is never an error. The table is made when a script first asks for it, out of what\n"
    "`event.data` holds then. It is no member of `event` itself: `pairs(event)` and `json.encode(event)` leave it "
    "out.\n\n"
    "```lua\n"
    "for _, selector in ipairs(event.parsed.requestedWorkerSelectors or {}) do\n"
    "  if selector.labelOperator == \"equal\" and selector.ttlSeconds then\n"
    "    log.info(selector.key .. \" is asked for during \" .. selector.ttlSeconds .. \" seconds\")\n"
    "  end\n"
    "end\n"
    "```\n";

void catalog_put_page(struct buffer *out) {
    buffer_append_text(out, beginning);
    put_list(out);
    buffer_append_text(out, spellings);
    buffer_append_text(out, forms);
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        put_type(out, type);
    }
    buffer_append_text(out, "\n## Models\n");
    for (size_t i = 0; event_models[i] != NULL; i++) {
        buffer_append_format(out, "\n### %s\n\n%s.\n\n", event_models[i]->name, event_models[i]->words);
        put_fields(out, event_models[i]->fields, event_models[i]->aliases);
    }
}

static void put_list(struct buffer *out) {
    buffer_append_text(out, "\n| type | sent when | known from |\n|---|---|---|\n");
    for (const struct event_type *type = event_types; type->name != NULL; type++) {
        buffer_append_format(out, "| `%s` | %s | ", type->name, type->words);
        catalog_put_sources(out, type->sources);
        buffer_append_text(out, " |\n");
    }
}

static void put_type(struct buffer *out, const struct event_type *type) {
    buffer_append_format(out, "\n## %s\n\nSent when %s. Subject: `%s`. Lane: %s.", type->name, type->words,
                         type->subject, catalog_lane(type));
    if (type->deadline != NULL) {
        buffer_append_format(out, " Deadline: `data.%s`; a run that failed is not tried again later than that.",
                             type->deadline);
    }
    buffer_append_text(out, "\n\n");
    put_fields(out, type->fields, type->aliases);
}

static void put_fields(struct buffer *out, const struct event_field *fields, const struct event_alias *aliases) {
    buffer_append_text(out, "| member | type | null | known from | |\n|---|---|---|---|---|\n");
    for (const struct event_field *field = fields; field->name != NULL; field++) {
        char kind[64];
        buffer_append_format(out, "| `%s` | %s | %s | ", field->name, catalog_kind(field, kind, sizeof kind),
                             field->is_nullable ? "yes" : "no");
        catalog_put_sources(out, field->sources);
        buffer_append_format(out, " | %s", field->words);
        if (field->values != NULL) {
            buffer_append_text(out, "; known values: ");
            catalog_put_values(out, field->values);
        }
        if (has_aliases_of(aliases, field->name)) {
            buffer_append_text(out, "; also sent as: ");
            catalog_put_spellings(out, aliases, field->name);
        }
        buffer_append_text(out, " |\n");
    }
}

static bool has_aliases_of(const struct event_alias *aliases, const char *name) {
    for (const struct event_alias *alias = aliases; alias->other != NULL; alias++) {
        if (strcmp(alias->name, name) == 0) {
            return true;
        }
    }
    return false;
}
