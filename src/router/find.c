/* Looking things up in the table. Pure functions on constant data: the worker links this and no library. */
#include "router/table.h"

static struct slice nth_id(const char *path, size_t n);
static int compare(const char *name, struct slice wanted);

const struct router_operation *router_find(struct slice name) {
    size_t low = 0, high = router_operation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(router_operations[middle].name, name);
        if (order == 0) {
            return &router_operations[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

size_t router_id_count(const struct router_operation *operation) {
    size_t count = 0;
    for (const char *c = operation->path; *c != '\0'; c++) {
        count += *c == '{';
    }
    return count;
}

struct slice router_id_name(const struct router_operation *operation, size_t i) {
    return nth_id(operation->path, i);
}

const struct router_member *router_find_member(const struct router_operation *operation, struct slice name) {
    for (const struct router_member *member = operation->members; member->name != NULL; member++) {
        if (slice_is(name, member->name)) {
            return member;
        }
    }
    return NULL;
}

static struct slice nth_id(const char *path, size_t n) {
    const char *open = strchr(path, '{');
    for (; open != NULL && n > 0; n--) {
        open = strchr(open + 1, '{');
    }
    if (open == NULL) {
        return (struct slice){NULL, 0};
    }
    return slice_make(open + 1, strcspn(open + 1, "}"));
}

static int compare(const char *name, struct slice wanted) {
    size_t length = strlen(name);
    size_t common = length < wanted.length ? length : wanted.length;
    int order = common == 0 ? 0 : memcmp(name, wanted.bytes, common);
    if (order != 0) {
        return order;
    }
    return (length > wanted.length) - (length < wanted.length);
}
