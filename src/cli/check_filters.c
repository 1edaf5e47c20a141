#include "cli/check.h"
#include "event/event.h"
#include "event/filter.h"
#include "inspect/inspect.h"
#include "json/json.h"
#include <string.h>

static int find_filter(void *context, struct slice name, struct slice raw);
static unsigned line_of(const struct generation *generation, const char *path);

void check_filters(struct check_report *report, const struct generation *generation) {
    for (size_t i = 0; i < generation->handler_count; i++) {
        const struct handler *handler = &generation->handlers[i];
        const struct event_type *type = event_find_type(event_short_name(slice_of(handler->type)));
        struct slice json = {NULL, 0};
        char words[512];
        (void)json_each_member(handler->options, strlen(handler->options), find_filter, &json, NULL);
        /* The worker has taken it: when it cannot be made here, there is no memory. */
        struct filter *filter = type == NULL || !slice_is_set(json) ? NULL : filter_new(json, NULL);
        if (filter != NULL && filter_never_passes(filter, type, words, sizeof words)) {
            check_add(report, false, handler->path, line_of(generation, handler->path),
                      "no event ever passes its filter: %s", words);
        }
        filter_free(filter);
    }
}

static int find_filter(void *context, struct slice name, struct slice raw) {
    struct slice *filter = context;
    if (slice_is(name, "filter")) {
        *filter = raw;
    }
    return 0;
}

static unsigned line_of(const struct generation *generation, const char *path) {
    for (size_t i = 0; i < generation->scripts->count; i++) {
        const struct script *script = &generation->scripts->files[i];
        if (strcmp(script->path, path) == 0) {
            return inspect_find_name(slice_make(script->bytes, script->length), "filter");
        }
    }
    return 0;
}
