#include "config/config.h"
#include "base/text.h"
#include "config/check.h"
#include "config/evaluate.h"
#include "config/path.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "switchhook.lua"

static struct config *load(const char *file, bool is_partly, struct error *error);
static int set_defaults(struct config *config, const char *folder, struct error *error);
static int read_file(struct config *config, const char *file, const char *folder, bool is_partly,
                     struct error *error);
static int visit(lua_State *lua, void *context, struct error *error);
static int check_together(struct reading *reading);
static bool is_loopback(const char *address);
static void wipe(char *text);
static void free_list(char **list);
static void free_secrets(struct config_secret *secrets);
static void free_entra(struct config_entra *entra);

struct config *config_load(const char *file, struct error *error) {
    return load(file, false, error);
}

struct config *config_load_partly(const char *file, struct error *error) {
    return load(file, true, error);
}

void config_free(struct config *config) {
    if (config == NULL) {
        return;
    }
    free(config->file);
    free(config->missing);
    free(config->listen);
    free(config->path);
    free(config->admin);
    free(config->timezone);
    free(config->scripts);
    free(config->store);
    wipe(config->router_connection_string);
    free(config->router_endpoint);
    free_entra(&config->entra);
    for (size_t i = 0; i < CONFIG_SECRETS; i++) {
        wipe(config->verify.secrets[i]);
    }
    free(config->verify.header);
    free_list(config->verify.subscriptions);
    free_list(config->verify.origins);
    free(config->http.ca);
    free_list(config->http.allow);
    free_secrets(config->secrets);
    free_list(config->plugins);
    free(config);
}

bool config_has_verification(const struct config *config) {
    return config->verify.secrets[0] != NULL;
}

static struct config *load(const char *file, bool is_partly, struct error *error) {
    char *folder = NULL;
    struct config *config = calloc(1, sizeof *config);

    if (config == NULL) {
        error_memory(error);
        return NULL;
    }
    if (file == NULL && access(FILE_NAME, F_OK) == 0) {
        file = FILE_NAME;
    }
    folder = path_folder(file, error);
    if (folder == NULL || set_defaults(config, folder, error) < 0 ||
        (file != NULL && read_file(config, file, folder, is_partly, error) < 0)) {
        config_free(config);
        config = NULL;
    }
    free(folder);
    return config;
}

static int set_defaults(struct config *config, const char *folder, struct error *error) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    config->listen = slice_copy(slice_of("127.0.0.1:8080"));
    config->path = slice_copy(slice_of("/events"));
    config->admin = slice_copy(slice_of("127.0.0.1:8090"));
    config->timezone = slice_copy(slice_of("UTC"));
    config->scripts = path_absolute(folder, "scripts");
    config->verify.header = slice_copy(slice_of("x-switchhook-secret"));
    config->store = path_store(folder, "switchhook.db");

    config->http.timeout_seconds = 10;
    config->limits.run_seconds = 30;
    config->limits.slice_ms = 1000;
    config->limits.run_memory_mib = 64;
    config->limits.worker_memory_mib = 512;
    config->limits.run_steps = 1000;
    config->limits.answer_mib = 4;
    config->limits.in_flight = 256;
    config->limits.body_mib = 4;
    config->limits.drain_seconds = 60;
    config->limits.backlog = 1000000;
    config->workers = processors < 1 ? 1 : processors > 256 ? 256 : (unsigned)processors;
    config->retry.attempts = 20;
    config->retry.first_seconds = 1;
    config->retry.factor = 2;
    config->retry.max_seconds = 600;
    config->retry.hold = true;
    config->keep.done_days = 7;
    config->keep.parked_days = 90;
    config->keep.unhandled_days = 7;
    config->keep.quarantined_days = 30;
    config->keep.duplicate_hours = 48;
    return config->listen != NULL && config->path != NULL && config->admin != NULL && config->timezone != NULL &&
                   config->scripts != NULL && config->store != NULL && config->verify.header != NULL
               ? 0
               : error_memory(error);
}

static int read_file(struct config *config, const char *file, const char *folder, bool is_partly,
                     struct error *error) {
    struct reading reading = {.config = config, .file = file, .folder = folder};
    struct buffer text;
    const char *slash = strrchr(file, '/');

    config->file = path_absolute(folder, slash == NULL ? file : slash + 1);
    if (config->file == NULL) {
        return error_memory(error);
    }
    if (path_read(file, &text, error) < 0) {
        return error_prefix(error, "the configuration");
    }
    reading.text = buffer_slice(&text);
    struct evaluation evaluation = {.file = file,
                                    .folder = folder,
                                    .text = reading.text,
                                    .visit = visit,
                                    .context = &reading,
                                    .missing = is_partly ? &config->missing : NULL};
    int result = evaluate(&evaluation, error);
    path_wipe(&text);
    return result;
}

static int visit(lua_State *lua, void *context, struct error *error) {
    struct reading *reading = context;

    int result = check_all(lua, reading, error);
    return result < 0 || reading->config->missing != NULL ? result : check_together(reading);
}

/* What no key can say alone. */
static int check_together(struct reading *reading) {
    const struct config *config = reading->config;

    if (!is_loopback(config->admin)) {
        return check_fail(reading, "admin",
                          "can be reached from other machines and asks for no password: it must be a loopback "
                          "address, as in \"127.0.0.1:8090\"");
    }
    if (!is_loopback(config->listen) && !config_has_verification(config)) {
        return check_fail(reading, "listen",
                          "can be reached from other machines while nothing verifies deliveries: set "
                          "verify.secret, or listen on 127.0.0.1");
    }
    if (config->router_connection_string != NULL && config->router_endpoint != NULL) {
        return check_fail(
            reading, "router.endpoint",
            "is for `entra`; router.connection_string has an endpoint of its own: keep one of the two");
    }
    bool has_entra = config->entra.token_file != NULL || config->entra.client_id != NULL;
    if (has_entra != (config->router_endpoint != NULL)) {
        return check_fail(reading, has_entra ? "router.entra" : "router.endpoint",
                          has_entra ? "needs router.endpoint: the Job Router's address"
                                    : "needs router.entra: how to get tokens for it");
    }
    if (config->limits.run_memory_mib > config->limits.worker_memory_mib) {
        return check_fail(reading, "limits.run_memory_mib",
                          "must not be larger than limits.worker_memory_mib (%u)",
                          config->limits.worker_memory_mib);
    }
    if (config->retry.first_seconds > config->retry.max_seconds) {
        return check_fail(reading, "retry.first_seconds", "must not be larger than retry.max_seconds (%g)",
                          config->retry.max_seconds);
    }
    return 0;
}

static bool is_loopback(const char *address) {
    char host[TEXT_HOST_SIZE];
    uint16_t port = 0;

    return text_parse_address(address, host, &port, NULL) == 0 && text_is_loopback(host);
}

static void wipe(char *text) {
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static void free_list(char **list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free(list[i]);
    }
    free(list);
}

static void free_secrets(struct config_secret *secrets) {
    for (struct config_secret *secret = secrets; secret != NULL && secret->name != NULL; secret++) {
        free(secret->name);
        wipe(secret->value);
        free_list(secret->hosts);
    }
    free(secrets);
}

static void free_entra(struct config_entra *entra) {
    free(entra->tenant);
    free(entra->client_id);
    wipe(entra->client_secret);
    free(entra->token_file);
    free(entra->authority);
    free(entra->scope);
}
