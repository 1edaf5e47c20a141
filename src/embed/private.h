/* include/switchhook.h, embedding: the one place where a host is put together from its parts. `switchhook serve`
 * is a client of it like any other. What the files of this room share. */
#ifndef EMBED_PRIVATE_H
#define EMBED_PRIVATE_H

#include "admin/admin.h"
#include "config/config.h"
#include "host/host.h"
#include "ingress/ingress.h"
#include "plugin/plugin.h"
#include "store/store.h"
#include "switchhook.h"
#include "verify/verify.h"
#include <limits.h>
#include <pthread.h>

/* Everything that stands and falls with one host. */
struct switchhook {
    struct switchhook_options options;
    struct config *config;
    struct verify *verify;
    struct plugins *plugins;
    struct store *store;
    struct host *host;
    struct ingress *ingress;
    struct admin *admin;
    char worker[PATH_MAX];
    char *url, *admin_url;
    pthread_t thread; /* of switchhook_start */
    bool is_started;  /* and not waited for */
    int result;       /* of the thread */
    struct error error;
};

/* note.c: the host's callbacks; `context` is the struct switchhook. */
void embed_on_note(void *context, const struct host_note *note);
void embed_on_ready(void *context);
void embed_on_stopping(void *context);

/* NULL stays untouched. Always -1. */
int embed_fail(struct switchhook_error *out, int status, const struct error *error);

#endif
