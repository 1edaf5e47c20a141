/* The configuration: `switchhook.lua` into one constant struct. Read once, at start; who holds it only reads it.
 *
 * The file is Lua in an empty environment that has only env(name [, default]), env.optional(name) and file(path)
 * (the file's bytes, relative to the configuration's folder, one last newline cut). Unknown keys are errors that
 * name the nearest known key; every error names the file and, where Lua knows it, the line. Relative paths are
 * taken from the configuration file's folder (without a file: from the current one).
 *
 *     struct config *config = config_load("switchhook.lua", &error);
 *     ...
 *     config_free(config);     // wipes the secrets
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_SECRETS = 2, CONFIG_SECRET_LEAST = 4 };

/* What scripts may send and never see. */
struct config_secret {
    char *name;
    char *value; /* at least CONFIG_SECRET_LEAST bytes, so that it can be told from other text */
    char *
        *hosts; /* "crm.example.com", "127.0.0.1:9000": those that it may be sent to; NULL-terminated, not empty */
};

/* Bearer tokens for the Job Router: by client credentials, or out of a file that others renew. */
struct config_entra {
    char *tenant, *client_id, *client_secret; /* all or none */
    char *token_file;                         /* absolute; NULL: none */
    char *authority;                          /* NULL: the public cloud's */
    char *scope;                              /* NULL: the Job Router's */
};

struct config {
    char *file;     /* where it was read from; NULL: the defaults */
    char *missing;  /* an environment variable that config_load_partly did not find; NULL: none */
    char *listen;   /* 127.0.0.1:8080 */
    char *path;     /* /events */
    char *admin;    /* 127.0.0.1:8090 */
    char *timezone; /* UTC */
    char *scripts;
    char *store;                    /* sqlite:PATH */
    char *router_connection_string; /* NULL, and no endpoint: calls to the Job Router fail with a clear error */
    char *router_endpoint;          /* with `entra`; NULL: none */
    struct config_entra entra;
    struct {
        char *secrets[CONFIG_SECRETS]; /* either is accepted; NULL: not set */
        char *header;                  /* x-switchhook-secret */
        char **subscriptions;          /* NULL-terminated; NULL: any */
        char **origins;                /* likewise */
    } verify;
    struct {
        char **allow;             /* "10.1.0.0/16", "127.0.0.1:9000", NULL-terminated; NULL: none */
        char *ca;                 /* NULL: the system's */
        unsigned timeout_seconds; /* 10 */
    } http;
    struct {
        unsigned run_seconds, slice_ms, run_memory_mib, worker_memory_mib, run_steps, answer_mib, in_flight,
            body_mib, drain_seconds;
        uint64_t backlog;
    } limits;
    unsigned workers;
    struct {
        unsigned attempts;
        double first_seconds, factor, max_seconds;
        bool hold;
    } retry;
    struct {
        double done_days, parked_days, unhandled_days, quarantined_days, duplicate_hours;
    } keep;                        /* since the receipt of the event */
    struct config_secret *secrets; /* by name; one without a name ends them. NULL: none */
    char **plugins;                /* absolute paths, NULL-terminated; NULL: none */
};

/* `file` NULL: `switchhook.lua` in the current folder if it is there, else the defaults. */
struct config *config_load(const char *file, struct error *error);
/* The same for those who send nothing of it, and may have none of its secrets in their environment: a variable
 * that is not set is no error. Keys whose text is made with it keep their defaults, but for `admin` and `scripts`,
 * where that would be a wrong place: those are refused. The names of secrets are all there. */
struct config *config_load_partly(const char *file, struct error *error);
void config_free(struct config *config);

bool config_has_verification(const struct config *config);

#endif
