/* Prints what scripts are offered, as a Lua table: every operation of the Job Router's table with its options, and
 * the name of every function of the sandbox. docs/reference/generate makes the reference page from it. */
#include "router/router.h"
#include "worker/task.h"
#include <stdio.h>

static const char *const places[] = {
    [ROUTER_BODY] = "body", [ROUTER_QUERY] = "query", [ROUTER_HEADER] = "header", [ROUTER_HOLE] = "body"};
static const char *const kinds[] = {
    [ROUTER_STRING] = "string",   [ROUTER_INTEGER] = "integer", [ROUTER_NUMBER] = "number",
    [ROUTER_BOOLEAN] = "boolean", [ROUTER_TIME] = "time",       [ROUTER_LIST] = "list",
    [ROUTER_MAP] = "map"};

/* None of these texts has a level of brackets in it. */
static void print_text(const char *name, const char *text) {
    if (text != NULL) {
        printf("%s=[==[%s]==],", name, text);
    }
}

static void print_member(const struct router_member *member) {
    printf("{");
    print_text("name", member->name);
    print_text("place", places[member->place]);
    print_text("kind", kinds[member->kind]);
    print_text("header", member->header);
    print_text("words", member->words);
    printf("required=%s,values={", member->is_required ? "true" : "false");
    for (const char *const *value = member->values; value != NULL && *value != NULL; value++) {
        printf("[==[%s]==],", *value);
    }
    printf("}},");
}

static void print_operation(const struct router_operation *operation) {
    printf("{");
    print_text("name", operation->name);
    print_text("method", operation->method);
    print_text("path", operation->path);
    print_text("content_type", operation->content_type);
    print_text("fixed", operation->fixed);
    print_text("sample", operation->sample);
    print_text("words", operation->words);
    printf("list=%s,ids={", operation->is_list ? "true" : "false");
    for (size_t i = 0; i < router_id_count(operation); i++) {
        printf("[==[%.*s]==],", SLICE_ARG(router_id_name(operation, i)));
    }
    printf("},members={");
    for (const struct router_member *member = operation->members; member->name != NULL; member++) {
        print_member(member);
    }
    printf("}},\n");
}

static void print_name(void *context, const char *name) {
    (void)context;
    printf("[==[%s]==],\n", name);
}

int main(void) {
    const struct worker_options options = {.run_memory = 1 << 24, .all_memory = 1 << 26, .answer = 1 << 20};
    const struct worker_port port = {.context = NULL};
    struct error error = {.code = ERROR_NONE};
    struct worker *worker = worker_new(&options, &port, NULL, &error);
    if (worker == NULL) {
        fprintf(stderr, "api_table: %s\n", error.message);
        return 1;
    }
    printf("return {version=[==[%s]==],operations={\n", ROUTER_API_VERSION);
    for (const struct router_operation *operation = router_operations; operation->name != NULL; operation++) {
        print_operation(operation);
    }
    printf("},functions={\n");
    sandbox_each_function(worker->sandbox, print_name, NULL);
    printf("}}\n");
    worker_free(worker);
    return 0;
}
