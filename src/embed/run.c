#include "embed/private.h"
#include <signal.h>
#include <string.h>
#include <time.h>

static void *run_thread(void *context);
static int run(struct switchhook *host, struct error *error);

int switchhook_run(struct switchhook *host, struct switchhook_error *error) {
    struct error why = {0};
    return run(host, &why) < 0 ? embed_fail(error, 0, &why) : 0;
}

int switchhook_start(struct switchhook *host, struct switchhook_error *error) {
    struct error why = {0};
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int failed = pthread_create(&host->thread, NULL, run_thread, host);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        error_system(&why, failed, "cannot start the host's thread");
        return embed_fail(error, 0, &why);
    }
    host->is_started = true;
    return 0;
}

int switchhook_wait(struct switchhook *host, struct switchhook_error *error) {
    if (host->is_started) {
        pthread_join(host->thread, NULL);
        host->is_started = false;
    }
    return host->result < 0 ? embed_fail(error, 0, &host->error) : 0;
}

void switchhook_stop(struct switchhook *host) {
    host_stop(host->host);
}

void switchhook_reload(struct switchhook *host) {
    host_reload(host->host);
}

static void *run_thread(void *context) {
    struct switchhook *host = context;
    host->result = run(host, &host->error);
    return NULL;
}

/* A connection that the other side closed is an error of a write, not a signal for the program. */
static int run(struct switchhook *host, struct error *error) {
    sigset_t pipe_only, before;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    int result = host_run(host->host, error);
    if (!sigismember(&before, SIGPIPE)) {
        while (sigtimedwait(&pipe_only, NULL, &(struct timespec){0}) > 0) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}
