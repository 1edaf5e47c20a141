#include "scripts/scripts.h"
#include "torture/private.h"
#include <string.h>

enum { IDLE_MAX = 2000 };

static bool is_handler(struct slice path);
static bool is_met(const struct ledger *ledger, const char *path);

char *torture_idle(struct torture *torture) {
    struct script_set *set = scripts_read(torture->config.scripts, NULL);
    struct buffer names;
    buffer_init(&names, IDLE_MAX);
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        const char *path = set->files[i].path;
        if (is_handler(slice_of(path)) && !is_met(&torture->ledger, path)) {
            buffer_append_format(&names, "%s%s", names.length > 0 ? ", " : "", path);
        }
    }
    char *idle = names.is_broken ? NULL : buffer_take(&names);
    buffer_reset(&names);
    scripts_free(set);
    return idle;
}

static bool is_handler(struct slice path) {
    return slice_ends_with(path, ".lua") && !slice_ends_with(path, "_spec.lua") &&
           !slice_starts_with(path, "lib/");
}

static bool is_met(const struct ledger *ledger, const char *path) {
    for (size_t i = 0; i < ledger->spot_count; i++) {
        if (strcmp(ledger->spots[i].place, path) == 0) {
            return true;
        }
    }
    return false;
}
