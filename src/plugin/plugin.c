#include "plugin/plugin.h"
#include "base/list.h"
#include "plugin/private.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load(struct plugin *plugin, const char *path, bool is_dry, struct error *error);
static int open_object(struct plugin *plugin, struct error *error);
static int add(struct switchhook_registry *registry, uint32_t api, const char *name,
               void (*function)(void *context, const char *arguments, size_t length,
                                struct switchhook_answer *answer),
               void *context, uint32_t flags);
static int refuse(struct switchhook_registry *registry, const char *message);
static int at_unload(struct switchhook_registry *registry, void (*function)(void *context), void *context);
static struct plugin *plugin_of(struct switchhook_registry *registry);
static bool has_operations(const struct plugin *plugin);
static int check_version(struct plugin *plugin, uint32_t api);
static int grow(struct plugins *plugins);

struct plugins *plugins_load(char *const *paths, bool is_dry, struct error *error) {
    size_t count = 0;
    while (paths != NULL && paths[count] != NULL) {
        count++;
    }
    struct plugins *plugins = calloc(1, sizeof *plugins);
    if (plugins == NULL) {
        error_memory(error);
        return NULL;
    }
    plugins->list = calloc(count + 1, sizeof *plugins->list);
    plugins->names = calloc(1, sizeof *plugins->names);
    if (plugins->list == NULL || plugins->names == NULL) {
        error_memory(error);
        plugins_free(plugins);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        plugins->list[i].all = plugins;
        plugins->count++;
        if (load(&plugins->list[i], paths[i], is_dry, error) < 0) {
            error_prefix(error, "plugin %s", paths[i]);
            plugins_free(plugins);
            return NULL;
        }
    }
    return plugins;
}

/* What one of them allocated may be used by another's last words: all are told before any is closed. */
void plugins_free(struct plugins *plugins) {
    if (plugins == NULL || plugins->is_held) {
        return;
    }
    for (size_t i = plugins->count; i-- > 0;) {
        if (plugins->list[i].unload != NULL) {
            plugins->list[i].unload(plugins->list[i].unload_context);
        }
    }
    for (size_t i = plugins->count; i-- > 0;) {
        if (plugins->list[i].handle != NULL) {
            dlclose(plugins->list[i].handle);
        }
        free(plugins->list[i].path);
    }
    for (size_t i = 0; i < plugins->operation_count; i++) {
        free(plugins->operations[i].name);
    }
    free(plugins->operations);
    free(plugins->names);
    free(plugins->list);
    free(plugins);
}

const char *const *plugins_names(const struct plugins *plugins) {
    static const char *const none[] = {NULL};
    return plugins == NULL ? none : plugins->names;
}

bool plugins_has(const struct plugins *plugins, struct slice operation) {
    return plugins_find(plugins, operation) != NULL;
}

const struct operation *plugins_find(const struct plugins *plugins, struct slice name) {
    for (size_t i = 0; plugins != NULL && i < plugins->operation_count; i++) {
        if (slice_is(name, plugins->operations[i].name)) {
            return &plugins->operations[i];
        }
    }
    return NULL;
}

static int load(struct plugin *plugin, const char *path, bool is_dry, struct error *error) {
    plugin->path = strdup(path);
    if (plugin->path == NULL) {
        return error_memory(error);
    }
    for (const struct plugin *other = plugin->all->list; other != plugin; other++) {
        if (strcmp(other->path, path) == 0) {
            return error_set(error, ERROR_INVALID, "it is named twice in `plugins`: name it once");
        }
    }
    if (open_object(plugin, error) < 0) {
        return -1;
    }
    int (*entry)(struct switchhook_registry * registry);
    void *symbol = dlsym(plugin->handle, "switchhook_plugin");
    if (symbol == NULL) {
        return error_set(error, ERROR_INVALID,
                         "it exports no switchhook_plugin: define that function as include/switchhook.h says (in "
                         "C++ include the header first, so that its name is C's)");
    }
    memcpy(&entry, &symbol, sizeof entry); /* a function's address, which C does not let one cast to */
    plugin->registry = (struct switchhook_registry){
        .api = SWITCHHOOK_API, .add = add, .refuse = refuse, .at_unload = at_unload, .is_dry = is_dry};
    int status = entry(&plugin->registry);
    if (plugin->error.code != ERROR_NONE) {
        return error_set(error, plugin->error.code, "%s", plugin->error.message);
    }
    if (status != 0) {
        return error_set(error, ERROR_INVALID, "its switchhook_plugin returned %d and did not say why", status);
    }
    if (!has_operations(plugin)) {
        return error_set(error, ERROR_INVALID,
                         "it registers no operation: call switchhook_register in switchhook_plugin");
    }
    return 0;
}

/* A path without a slash would be looked for where the system's libraries are. */
static int open_object(struct plugin *plugin, struct error *error) {
    char *here = NULL;
    if (strchr(plugin->path, '/') == NULL && asprintf(&here, "./%s", plugin->path) < 0) {
        return error_memory(error);
    }
    plugin->handle = dlopen(here == NULL ? plugin->path : here, RTLD_NOW | RTLD_LOCAL);
    free(here);
    if (plugin->handle == NULL) {
        const char *words = dlerror();
        return error_set(error, ERROR_INVALID, "it cannot be loaded: %s",
                         words == NULL ? "no reason given" : words);
    }
    return 0;
}

static int add(struct switchhook_registry *registry, uint32_t api, const char *name,
               void (*function)(void *context, const char *arguments, size_t length,
                                struct switchhook_answer *answer),
               void *context, uint32_t flags) {
    struct plugin *plugin = plugin_of(registry);
    struct plugins *plugins = plugin->all;
    if (plugin->error.code != ERROR_NONE || check_version(plugin, api) < 0 ||
        plugin_check_name(name, &plugin->error) < 0) {
        return -1;
    }
    if (function == NULL || (flags & ~SWITCHHOOK_ONE_AT_A_TIME) != 0) {
        return error_set(&plugin->error, ERROR_INVALID, "it registers %s with %s", name,
                         function == NULL ? "no function" : "flags that this host does not know");
    }
    const struct operation *other = plugins_find(plugins, slice_of(name));
    if (other != NULL) {
        return error_set(&plugin->error, ERROR_INVALID,
                         "it registers %s, which %s has registered already: rename one", name,
                         other->plugin == plugin ? "it" : other->plugin->path);
    }
    char *copy = strdup(name);
    if (copy == NULL || grow(plugins) < 0) {
        free(copy);
        return error_memory(&plugin->error);
    }
    plugins->names[plugins->operation_count] = copy;
    plugins->operations[plugins->operation_count++] = (struct operation){
        .name = copy, .plugin = plugin, .function = function, .context = context, .flags = flags};
    return 0;
}

static int refuse(struct switchhook_registry *registry, const char *message) {
    struct plugin *plugin = plugin_of(registry);
    if (plugin->error.code == ERROR_NONE) {
        error_set(&plugin->error, ERROR_INVALID, "it says: %s", message == NULL ? "(nothing)" : message);
    }
    return -1;
}

static int at_unload(struct switchhook_registry *registry, void (*function)(void *context), void *context) {
    struct plugin *plugin = plugin_of(registry);
    plugin->unload = function;
    plugin->unload_context = context;
    return 0;
}

static struct plugin *plugin_of(struct switchhook_registry *registry) {
    return CONTAINER_OF(registry, struct plugin, registry);
}

static bool has_operations(const struct plugin *plugin) {
    const struct plugins *plugins = plugin->all;
    return plugins->operation_count > 0 && plugins->operations[plugins->operation_count - 1].plugin == plugin;
}

/* So far there is one version. */
static int check_version(struct plugin *plugin, uint32_t api) {
    if (api == SWITCHHOOK_API) {
        return 0;
    }
    return error_set(
        &plugin->error, ERROR_INVALID,
        "it was built with version %u of switchhook.h, and this host takes version %u: build it again "
        "with this host's header",
        (unsigned)api, (unsigned)SWITCHHOOK_API);
}

/* Room for one more. */
static int grow(struct plugins *plugins) {
    size_t count = plugins->operation_count + 1;
    struct operation *operations = reallocarray(plugins->operations, count, sizeof *operations);
    if (operations == NULL) {
        return -1;
    }
    plugins->operations = operations;
    const char **names = reallocarray(plugins->names, count + 1, sizeof *names);
    if (names == NULL) {
        return -1;
    }
    names[count] = NULL;
    plugins->names = names;
    return 0;
}
