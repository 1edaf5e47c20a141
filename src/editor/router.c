#include "router/router.h"
#include "editor/editor.h"
#include <ctype.h>
#include <string.h>

static void put_tables(struct buffer *out);
static void put_operation(struct buffer *out, const struct router_operation *operation);
static bool has_options(const struct router_operation *operation);
static void put_options(struct buffer *out, const struct router_operation *operation);
static void put_class_name(struct buffer *out, const struct router_operation *operation);
static void put_kind(struct buffer *out, const struct router_member *member);

void editor_router(struct buffer *out) {
    buffer_append_text(out, "---@meta\n-- The Job Router's operations, for editors: made from the table of "
                            "operations. docs/api.md says more.\n\n");
    put_tables(out);
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        put_operation(out, operation);
    }
}

/* router.jobs, once, before the first of its operations: they are sorted. */
static void put_tables(struct buffer *out) {
    struct slice last = {NULL, 0};
    buffer_append_text(out, "---The Job Router. Each call is a step: its answer is journaled.\nrouter = {}\n");
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        const char *dot = strrchr(operation->name, '.');
        struct slice table = slice_make(operation->name, (size_t)(dot - operation->name));
        if (!slice_equal(table, last)) {
            buffer_append_format(out, "%.*s = {}\n", SLICE_ARG(table));
            last = table;
        }
    }
    buffer_append_char(out, '\n');
}

static void put_operation(struct buffer *out, const struct router_operation *operation) {
    if (has_options(operation)) {
        put_options(out, operation);
    }
    buffer_append_format(out, "---%s\n---\n---%s %s\n", operation->words, operation->method, operation->path);
    size_t ids = router_id_count(operation);
    for (size_t i = 0; i < ids; i++) {
        buffer_append_format(out, "---@param %.*s string\n", SLICE_ARG(router_id_name(operation, i)));
    }
    if (has_options(operation)) {
        buffer_append_text(out, "---@param options? ");
        put_class_name(out, operation);
        buffer_append_char(out, '\n');
    }
    buffer_append_text(out, operation->is_list ? "---@return fun(): table? # the next one, or nil\n"
                                               : "---@return table # what the service answered\n"
                                                 "---@return StepAbout\n");
    buffer_append_format(out, "function %s(", operation->name);
    for (size_t i = 0; i < ids; i++) {
        buffer_append_format(out, "%s%.*s", i == 0 ? "" : ", ", SLICE_ARG(router_id_name(operation, i)));
    }
    if (has_options(operation)) {
        buffer_append_text(out, ids == 0 ? "options" : ", options");
    }
    buffer_append_text(out, ") end\n\n");
}

static bool has_options(const struct router_operation *operation) {
    return operation->members[0].name != NULL;
}

static void put_options(struct buffer *out, const struct router_operation *operation) {
    buffer_append_text(out, "---@class ");
    put_class_name(out, operation);
    buffer_append_char(out, '\n');
    for (const struct router_member *member = operation->members; member->name != NULL; member++) {
        buffer_append_format(out, "---@field %s%s ", member->name, member->is_required ? "" : "?");
        put_kind(out, member);
        buffer_append_format(out, " %s\n", member->words);
    }
    buffer_append_char(out, '\n');
}

/* RouterJobsActivateOptions, for router.jobs.activate. */
static void put_class_name(struct buffer *out, const struct router_operation *operation) {
    bool is_first = true;
    for (const char *c = operation->name; *c != '\0'; c++) {
        if (*c == '.' || *c == '_') {
            is_first = true;
            continue;
        }
        buffer_append_char(out, is_first ? (char)toupper((unsigned char)*c) : *c);
        is_first = false;
    }
    buffer_append_text(out, "Options");
}

static void put_kind(struct buffer *out, const struct router_member *member) {
    if (member->values != NULL) {
        for (size_t i = 0; member->values[i] != NULL; i++) {
            buffer_append_format(out, "%s\"%s\"", i == 0 ? "" : "|", member->values[i]);
        }
        return;
    }
    static const char *const kinds[] = {
        [ROUTER_STRING] = "string",   [ROUTER_INTEGER] = "integer",    [ROUTER_NUMBER] = "number",
        [ROUTER_BOOLEAN] = "boolean", [ROUTER_TIME] = "string|number", [ROUTER_LIST] = "table[]",
        [ROUTER_MAP] = "table",
    };
    buffer_append_text(out, kinds[member->kind]);
}
