#include "base/log.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "embed/private.h"
#include "host/program.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_all(struct switchhook *all, const char *file, struct error *error);
static void set_log(enum switchhook_log lowest);
static void warn_of(const struct config *config);
static int set_worker(struct switchhook *all, struct error *error);
static int open_parts(struct switchhook *all, struct error *error);
static int listen_all(struct switchhook *all, struct error *error);
static char *url_of(const char *address, uint16_t port, const char *path);
static bool may_accept(void *context);
static void on_outcome(const struct ingress_outcome *outcome, void *context);
static void on_handshake(const struct ingress_handshake *handshake, void *context);

struct switchhook *switchhook_open(const char *file, const struct switchhook_options *options,
                                   struct switchhook_error *error) {
    struct error why = {0};
    struct switchhook *all = calloc(1, sizeof *all);
    if (all == NULL) {
        error_memory(&why);
        embed_fail(error, 0, &why);
        return NULL;
    }
    if (options != NULL) {
        all->options = *options;
    }
    /* The threads that start here take no signal away from the program. */
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int result = open_all(all, file, &why);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result < 0) {
        switchhook_close(all);
        embed_fail(error, 0, &why);
        return NULL;
    }
    if (all->options.takes_signals) {
        program_block_signals();
    }
    return all;
}

/* Against the stream: no deliveries, no questions, then the store, and the host when nothing can call it any
 * more. */
void switchhook_close(struct switchhook *host) {
    if (host == NULL) {
        return;
    }
    if (host->is_started) {
        switchhook_stop(host);
        switchhook_wait(host, NULL);
    }
    if (host->ingress != NULL) {
        ingress_quiesce(host->ingress);
    }
    ingress_stop(host->ingress);
    if (host->host != NULL) {
        host_close(host->host);
    }
    admin_stop(host->admin);
    store_close(host->store);
    host_free(host->host);
    plugins_free(host->plugins);
    verify_free(host->verify);
    config_free(host->config);
    free(host->url);
    free(host->admin_url);
    free(host);
}

const char *switchhook_version(void) {
    return SWITCHHOOK_VERSION;
}

uint32_t switchhook_api(void) {
    return SWITCHHOOK_API;
}

const char *switchhook_url(const struct switchhook *host) {
    return host->url;
}

const char *switchhook_admin_url(const struct switchhook *host) {
    return host->admin_url;
}

uint16_t switchhook_port(const struct switchhook *host) {
    return ingress_port(host->ingress);
}

uint16_t switchhook_admin_port(const struct switchhook *host) {
    return admin_port(host->admin);
}

int embed_fail(struct switchhook_error *out, int status, const struct error *error) {
    if (out != NULL) {
        *out = (struct switchhook_error){.status = status};
        snprintf(out->message, sizeof out->message, "%s", error->message);
    }
    return -1;
}

static int open_all(struct switchhook *all, const char *file, struct error *error) {
    set_log(all->options.log);
    if (crypto_start(error) < 0) {
        return -1;
    }
    all->config = config_load(file, error);
    if (all->config == NULL) {
        return -1;
    }
    warn_of(all->config);
    return open_parts(all, error);
}

static void set_log(enum switchhook_log lowest) {
    enum log_level level = LOG_INFO;
    switch (lowest) {
    case SWITCHHOOK_LOG_INFO: break;
    case SWITCHHOOK_LOG_DEBUG: level = LOG_DEBUG; break;
    case SWITCHHOOK_LOG_WARN: level = LOG_WARN; break;
    case SWITCHHOOK_LOG_ERROR: level = LOG_ERROR; break;
    case SWITCHHOOK_LOG_NONE: level = (enum log_level)(LOG_ERROR + 1); break;
    }
    log_setup(level, STDERR_FILENO, isatty(STDERR_FILENO));
}

static void warn_of(const struct config *config) {
    if (config->router_connection_string == NULL && config->router_endpoint == NULL) {
        log_warn("config", "no Job Router is configured: scripts that call it will fail",
                 LOG_TEXT("set", "router.connection_string"), LOG_END);
    }
}

/* The store first: what listens must have where to put it. The ports last: who connects finds everything there. */
static int open_parts(struct switchhook *all, struct error *error) {
    const struct config *config = all->config;
    all->verify =
        verify_new(&(struct verify_options){.secrets = {config->verify.secrets[0], config->verify.secrets[1]},
                                            .header = config->verify.header,
                                            .subscriptions = config->verify.subscriptions,
                                            .origins = config->verify.origins},
                   error);
    if (all->verify == NULL || verify_allows_address(all->verify, config->listen, error) < 0 ||
        set_worker(all, error) < 0) {
        return -1;
    }
    all->plugins = plugins_load(config->plugins, false, error);
    if (all->plugins == NULL) {
        return -1;
    }
    all->store = store_open_for(config->store, (int64_t)(config->keep.duplicate_hours * 3600 * 1e6), error);
    if (all->store == NULL) {
        return -1;
    }
    all->host = host_new(&(struct host_options){.config = config,
                                                .store = all->store,
                                                .worker = all->worker,
                                                .plugins = all->plugins,
                                                .is_paused = all->options.is_paused,
                                                .leaves_signals = !all->options.takes_signals,
                                                .note = embed_on_note,
                                                .ready = embed_on_ready,
                                                .stopping = embed_on_stopping,
                                                .context = all},
                         error);
    return all->host == NULL ? -1 : listen_all(all, error);
}

static int set_worker(struct switchhook *all, struct error *error) {
    const char *given = all->options.worker;
    all->options.worker = NULL; /* the caller's memory */
    if (given == NULL) {
        return program_find_worker(all->worker, error);
    }
    if (snprintf(all->worker, sizeof all->worker, "%s", given) >= (int)sizeof all->worker ||
        access(all->worker, X_OK) < 0) {
        return error_set(error, ERROR_NOT_FOUND, "the worker %s is not there, or no program", given);
    }
    return 0;
}

static int listen_all(struct switchhook *all, struct error *error) {
    const struct config *config = all->config;
    all->admin = admin_start(
        &(struct admin_options){.address = config->admin, .host = all->host, .store = all->store}, error);
    if (all->admin == NULL) {
        return -1;
    }
    all->ingress = ingress_start(&(struct ingress_options){.address = config->listen,
                                                           .path = config->path,
                                                           .body_limit = (size_t)config->limits.body_mib << 20,
                                                           .verify = all->verify,
                                                           .store = all->store,
                                                           .may_accept = may_accept,
                                                           .on_outcome = on_outcome,
                                                           .on_handshake = on_handshake,
                                                           .context = all},
                                 error);
    if (all->ingress == NULL) {
        return -1;
    }
    admin_set_delivery_port(all->admin, ingress_port(all->ingress));
    all->url = url_of(config->listen, ingress_port(all->ingress), config->path);
    all->admin_url = url_of(config->admin, admin_port(all->admin), "");
    return all->url == NULL || all->admin_url == NULL ? error_memory(error) : 0;
}

static char *url_of(const char *address, uint16_t port, const char *path) {
    char host[TEXT_HOST_SIZE];
    char *url = NULL;
    text_parse_address(address, host, &(uint16_t){0}, NULL);
    bool is_v6 = strchr(host, ':') != NULL;
    if (asprintf(&url, "http://%s%s%s:%u%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", (unsigned)port, path) < 0) {
        return NULL;
    }
    return url;
}

static bool may_accept(void *context) {
    const struct switchhook *all = context;
    return host_may_accept(all->host);
}

static void on_outcome(const struct ingress_outcome *outcome, void *context) {
    const struct switchhook *all = context;
    admin_delivery(all->admin, &(struct admin_delivery){.status = outcome->status,
                                                        .seconds = outcome->seconds,
                                                        .events = outcome->events,
                                                        .count = outcome->count});
}

static void on_handshake(const struct ingress_handshake *handshake, void *context) {
    static const enum admin_handshake_kind kinds[] = {
        [INGRESS_SHOOK] = ADMIN_SHOOK, [INGRESS_REFUSED] = ADMIN_REFUSED, [INGRESS_DELETED] = ADMIN_UNSUBSCRIBED};
    const struct switchhook *all = context;
    admin_handshake(all->admin, &(struct admin_handshake){.what = kinds[handshake->what],
                                                          .is_cloud = handshake->is_cloud,
                                                          .subscription = handshake->subscription,
                                                          .origin = handshake->origin,
                                                          .url = handshake->url,
                                                          .reason = handshake->reason});
}
