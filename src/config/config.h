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

enum { CONFIG_SECRETS = 2 };

struct config {
    char *file;     /* where it was read from; NULL: the defaults */
    char *listen;   /* 127.0.0.1:8080 */
    char *path;     /* /events */
    char *admin;    /* 127.0.0.1:8090 */
    char *timezone; /* UTC */
    char *scripts;
    char *store;                    /* sqlite:PATH */
    char *router_connection_string; /* NULL: none; calls to the Job Router then fail with a clear error */
    struct {
        char *secrets[CONFIG_SECRETS]; /* either is accepted; NULL: not set */
        char *header;                  /* x-switchhook-secret */
        char **subscriptions;          /* NULL-terminated; NULL: any */
    } verify;
    struct {
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
    } keep;         /* since the receipt of the event */
    char **not_yet; /* keys that were given and have no effect in this version, NULL-terminated; the host warns */
};

/* `file` NULL: `switchhook.lua` in the current folder if it is there, else the defaults. */
struct config *config_load(const char *file, struct error *error);
void config_free(struct config *config);

bool config_has_verification(const struct config *config);

#endif
