#include "base/file.h"
#include "cli/sim.h"
#include "event/filter.h"
#include "json/json.h"

enum { FILE_MOST = 1024 * 1024 };

struct seeking {
    const char *name;
    struct slice found;
};

static struct slice member(struct slice object, const char *name);
static int take_member(void *context, struct slice name, struct slice raw);

struct filter *sim_read_filter(const char *path, struct error *error) {
    struct buffer text;
    struct json_error where;
    struct filter *filter = NULL;
    buffer_init(&text, FILE_MOST);
    if (file_read(path, &text, error) < 0) {
        goto out;
    }
    if (json_check(text.bytes, text.length, &where) < 0) {
        error_set(error, ERROR_INVALID, "it is no JSON: %s (at byte %zu)", where.message, where.offset);
        goto out;
    }
    struct slice json = buffer_slice(&text), properties = member(json, "properties");
    struct slice inner = member(slice_is_set(properties) ? properties : json, "filter");
    filter = filter_new(slice_is_set(inner) ? inner : json, error);
out:
    buffer_reset(&text);
    return filter;
}

/* Unset when it is no object, or has none of that name. */
static struct slice member(struct slice object, const char *name) {
    struct seeking seeking = {.name = name, .found = {NULL, 0}};
    (void)json_each_member(object.bytes, object.length, take_member, &seeking, NULL);
    return seeking.found;
}

static int take_member(void *context, struct slice name, struct slice raw) {
    struct seeking *seeking = context;
    if (slice_is(name, seeking->name)) {
        seeking->found = raw;
    }
    return 0;
}
