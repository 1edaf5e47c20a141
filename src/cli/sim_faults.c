#include "base/text.h"
#include "cli/sim.h"
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 64, OPERATIONS_MOST = 128, STATUS_LEAST = 400, STATUS_MOST = 599 };

static int find_operation(struct slice name, const struct router_operation **operation, struct error *error);

int sim_read_fault(const char *text, struct fault_rule *rule, struct error *error) {
    const char *equals = strchr(text, '='), *rest = equals == NULL ? text : equals + 1;
    const char *colon = strchr(rest, ':');
    uint64_t status = 0;
    *rule = (struct fault_rule){.share = 1};
    if (equals != NULL && find_operation(slice_make(text, (size_t)(equals - text)), &rule->operation, error) < 0) {
        return -1;
    }
    size_t length = colon == NULL ? strlen(rest) : (size_t)(colon - rest);
    if (text_to_uint64(slice_make(rest, length), &status) < 0 || status < STATUS_LEAST || status > STATUS_MOST) {
        return error_set(error, ERROR_INVALID, "'%.*s' is no status from %d to %d; 503:10%% is an example",
                         (int)length, rest, STATUS_LEAST, STATUS_MOST);
    }
    if (colon != NULL && sim_read_share(colon + 1, &rule->share) < 0) {
        return error_set(error, ERROR_INVALID, "'%s' is no share from 0%% to 100%%; 503:10%% is an example",
                         colon + 1);
    }
    rule->status = (unsigned)status;
    return 0;
}

/* With "router." before it or without. */
static int find_operation(struct slice name, const struct router_operation **operation, struct error *error) {
    char whole[NAME_SIZE];
    snprintf(whole, sizeof whole, "%s%.*s", slice_starts_with(name, "router.") ? "" : "router.", SLICE_ARG(name));
    *operation = router_find(slice_of(whole));
    if (*operation != NULL) {
        return 0;
    }
    const char *names[OPERATIONS_MOST] = {NULL};
    for (size_t i = 0; i + 1 < OPERATIONS_MOST && router_operations[i].name != NULL; i++) {
        names[i] = router_operations[i].name;
    }
    const char *near = text_nearest(slice_of(whole), names);
    return error_set(error, ERROR_INVALID, "there is no operation %.*s%s%s%s", SLICE_ARG(name),
                     near == NULL ? "" : " (did you mean ", near == NULL ? "" : near, near == NULL ? "" : "?)");
}
