/* Switchhook's public C interface: operations of your own in C (plugins), and the host inside another program.
 *
 * C11, or C++11 and later; nothing else of Switchhook is needed. SWITCHHOOK_API is the version of this file.
 * Within one version members are only added at the end of a struct, and values at the end of an enum: zero a
 * struct before you fill it in, and ignore values that you do not know.
 */
#ifndef SWITCHHOOK_H
#define SWITCHHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWITCHHOOK_API 1

/* Plugins: a shared object that exports `switchhook_plugin` and is named in `plugins` of switchhook.lua.
 *
 *     #include <switchhook.h>
 *
 *     static void lookup(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
 *         if (length < 3) { // {}
 *             switchhook_answer_error(answer, "BadArguments", "crm.lookup needs a phone number", false);
 *             return;
 *         }
 *         switchhook_answer_json(answer, "{\"name\":\"Anna\"}", 15);
 *     }
 *
 *     int switchhook_plugin(struct switchhook_registry *registry) {
 *         return switchhook_register(registry, "crm.lookup", lookup, NULL, 0);
 *     }
 *
 *     cc -shared -fPIC $(pkg-config --cflags switchhook) -o crm.so crm.c
 *
 * In scripts it is a function of one argument, a table or nothing: `local who = crm.lookup { phone = "+49..." }`.
 * As with every operation the answer is journaled before the script gets it, and not asked for again when the run
 * is done again; an error is raised as a table with code, message and retryable. A plugin links nothing: the host
 * hands it what it calls. It runs inside the host, with the host's rights: what crashes there ends the host, and
 * it must not call exit, nor let a C++ exception out.
 */

/* What a function of yours is given to answer with. Lives until the function returns. */
struct switchhook_answer {
    const struct switchhook_answer_calls *calls; /* the host's; use the functions below */
    /* Names the step ("17-3": the event's number, the step's), the same when it is asked for again after a crash:
     * a key by which the other side can tell a repetition. */
    const char *step;
    bool is_repeated; /* it was perhaps done before, by a host that died before the answer was journaled */
};

struct switchhook_answer_calls {
    int (*json)(struct switchhook_answer *answer, const char *json, size_t length);
    int (*error)(struct switchhook_answer *answer, const char *code, const char *message, bool is_retryable);
};

/* The answer, copied: any JSON value (RFC 8259, UTF-8). What is no JSON, or larger than limits.answer_mib, becomes
 * an error that names the operation. The last call counts; a function that calls none answers nil. 0, or -1
 * without memory or when it is too large. */
static inline int switchhook_answer_json(struct switchhook_answer *answer, const char *json, size_t length) {
    return answer->calls->json(answer, json, length);
}

/* An error, copied: `code` for scripts ("NotFound"), `message` for people. Uncaught, it fails the run: one that is
 * retryable is tried again with back-off, another parks the run. */
static inline int switchhook_answer_error(struct switchhook_answer *answer, const char *code, const char *message,
                                          bool is_retryable) {
    return answer->calls->error(answer, code, message, is_retryable);
}

/* What `switchhook_plugin` is given, during the call. `api` and `add` stay what they are in every version. */
struct switchhook_registry {
    uint32_t api; /* the host's SWITCHHOOK_API */
    int (*add)(struct switchhook_registry *registry, uint32_t api, const char *name,
               void (*function)(void *context, const char *arguments, size_t length,
                                struct switchhook_answer *answer),
               void *context, uint32_t flags);
    int (*refuse)(struct switchhook_registry *registry, const char *message);
    int (*at_unload)(struct switchhook_registry *registry, void (*function)(void *context), void *context);
    bool is_dry; /* only the names are wanted (`switchhook check` and the like): open and connect nothing */
};

/* Functions registered with it are never called twice at the same time, nor two such of one plugin. */
#define SWITCHHOOK_ONE_AT_A_TIME UINT32_C(1)

/* An operation: `name` is MODULE.FUNCTION, letters, digits and _ (copied); one that Lua has, or the host's API, or
 * another plugin, is refused. `function` is called on the host's plugin threads, for several steps at once unless
 * `flags` says otherwise; `arguments` is the JSON of the script's table ("{}" when it gave nothing), `length`
 * bytes and a NUL, there until it returns. It may wait for as long as its run has time (`timeout`,
 * limits.run_seconds); the run then fails and is tried again, and what the function answers late is dropped.
 * `context` is handed on. 0, or -1: the host does not start, and says why; let `switchhook_plugin` return that. */
static inline int switchhook_register(struct switchhook_registry *registry, const char *name,
                                      void (*function)(void *context, const char *arguments, size_t length,
                                                       struct switchhook_answer *answer),
                                      void *context, uint32_t flags) {
    return registry->add(registry, SWITCHHOOK_API, name, function, context, flags);
}

/* The host does not start, and says `message` (copied). Always -1. */
static inline int switchhook_refuse(struct switchhook_registry *registry, const char *message) {
    return registry->refuse(registry, message);
}

/* `function` is called once, when the host has stopped and no function of the plugin is running any more, or when
 * the host does not start after all; not when one of them never returns. One for each plugin: the last counts. */
static inline int switchhook_at_unload(struct switchhook_registry *registry, void (*function)(void *context),
                                       void *context) {
    return registry->at_unload(registry, function, context);
}

/* Yours: called once, before the host listens. 0; anything else keeps the host from starting. */
__attribute__((visibility("default"))) int switchhook_plugin(struct switchhook_registry *registry);

/* Embedding: `switchhook serve` inside another program, which links libswitchhook.
 *
 *     static void on_note(void *context, const struct switchhook_note *note) {
 *         if (note->what == SWITCHHOOK_DONE) {
 *             printf("event %llu is done\n", (unsigned long long)note->seq);
 *         }
 *     }
 *
 *     struct switchhook_error error;
 *     struct switchhook_options options = {0};
 *     options.note = on_note;
 *     struct switchhook *host = switchhook_open("switchhook.lua", &options, &error);
 *     if (host == NULL || switchhook_start(host, &error) < 0) ...
 *     switchhook_deliver(host, body, length, NULL, NULL, &error); // stored when it returns
 *     ...
 *     switchhook_close(host); // stops first
 *
 *     cc embed.c $(pkg-config --cflags --libs switchhook)
 *
 * Scripts run in processes of switchhook-worker, as always. Several hosts in one program are fine, each with a
 * store and addresses of its own. The log goes to stderr. Unless it is asked to, the host touches no signal.
 */
struct switchhook; /* a host */

enum { SWITCHHOOK_MESSAGE_SIZE = 512 };

struct switchhook_error {
    /* Of switchhook_deliver: the HTTP status that a delivery of these bytes gets (400, 413, 415, 503); else 0. */
    int status;
    char message[SWITCHHOOK_MESSAGE_SIZE]; /* one line: what happened, where, and what to do */
};

/* Bytes with a length and no terminator; `bytes` may be NULL. For printf: "%.*s", (int)text.length, text.bytes. */
struct switchhook_text {
    const char *bytes;
    size_t length;
};

enum switchhook_happening {
    SWITCHHOOK_ARRIVED = 1, /* an event was taken up */
    SWITCHHOOK_STEP,      /* an operation was answered: operation, status, is_error (`reason`: the error's JSON) */
    SWITCHHOOK_DONE,      /* a run is over, and this is how: result */
    SWITCHHOOK_WAITING,   /* a run failed and is tried again at due_us: reason */
    SWITCHHOOK_PARKED,    /* a run failed for good: reason */
    SWITCHHOOK_UNHANDLED, /* no script for the event: it is kept */
    SWITCHHOOK_LIVE,      /* a generation of scripts is live; `handler`: its hash */
    SWITCHHOOK_REFUSED,   /* scripts did not load: reason */
    SWITCHHOOK_SAID,      /* a script wrote to the log: reason */
    SWITCHHOOK_KILLED,    /* a worker ended that was to go on: result, reason */
    SWITCHHOOK_READY,     /* the first generation is live: events are handled */
    SWITCHHOOK_STOPPING,  /* a stop was asked for: no more deliveries are taken */
};

/* What happened. The texts live during the call; those that do not belong to it are empty. */
struct switchhook_note {
    enum switchhook_happening what;
    int64_t at_us;                  /* microseconds since 1970 */
    uint64_t seq;                   /* the event's number */
    struct switchhook_text subject; /* the job, else the worker, else the event's subject */
    struct switchhook_text type;    /* short: RouterJobQueued */
    struct switchhook_text handler; /* path in the scripts folder */
    struct switchhook_text operation;
    struct switchhook_text result; /* of a run: "done", "filtered", or how it failed */
    struct switchhook_text reason;
    uint32_t status; /* HTTP status of a step's answer; 0: none */
    uint32_t attempt;
    bool is_error;
    double seconds; /* of the step, or of the run since the event's arrival */
    int64_t due_us;
};

enum switchhook_log {
    SWITCHHOOK_LOG_INFO = 0,
    SWITCHHOOK_LOG_DEBUG,
    SWITCHHOOK_LOG_WARN,
    SWITCHHOOK_LOG_ERROR,
    SWITCHHOOK_LOG_NONE,
};

struct switchhook_options {
    /* Follows what happens; NULL: nobody does. On the host's thread: be short, and call only switchhook_stop and
     * switchhook_reload from there. */
    void (*note)(void *context, const struct switchhook_note *note);
    void *context;
    const char *worker; /* path of switchhook-worker; NULL: beside the library or where it is installed */
    bool is_paused;     /* hands out no runs until it is resumed through the admin address */
    /* SIGTERM and SIGINT stop the host (a second one at once), SIGHUP reads the scripts again. switchhook_open
     * then blocks these in the calling thread: call it before other threads are there. */
    bool takes_signals;
    enum switchhook_log log; /* the least that is written; one for the program: the last switchhook_open counts */
};

/* The version of the library: "0.1.0", and the SWITCHHOOK_API that it was built with. */
const char *switchhook_version(void);
uint32_t switchhook_api(void);

/* Reads the configuration (`file` NULL: switchhook.lua in the current folder if it is there, else the defaults),
 * loads plugins, opens the store and listens. `options` (copied) and `error` may be NULL. NULL on failure, and
 * nothing is left behind. */
struct switchhook *switchhook_open(const char *file, const struct switchhook_options *options,
                                   struct switchhook_error *error);

/* Handles events until the host is stopped and what is under way is finished (limits.drain_seconds at most). Once
 * for each host. 0 after an orderly stop; -1 when the store broke. */
int switchhook_run(struct switchhook *host, struct switchhook_error *error);
/* The same in a thread of its own; -1: it could not be made. switchhook_wait waits for its end and returns what
 * switchhook_run would. */
int switchhook_start(struct switchhook *host, struct switchhook_error *error);
int switchhook_wait(struct switchhook *host, struct switchhook_error *error);

/* Any thread (not a signal handler), at once: asks the host to stop. It may be called again, or before it runs. */
void switchhook_stop(struct switchhook *host);
/* Any thread: reads the scripts again, even if nothing seems changed. */
void switchhook_reload(struct switchhook *host);

/* NULL is fine. Stops a host that was started, waits for it, and frees everything. Not while switchhook_run is
 * running, nor from a note. */
void switchhook_close(struct switchhook *host);

/* Where it listens, with the port that it got. They live as long as the host. */
const char *switchhook_url(const struct switchhook *host);       /* of deliveries: http://127.0.0.1:8080/events */
const char *switchhook_admin_url(const struct switchhook *host); /* http://127.0.0.1:8090 */
uint16_t switchhook_port(const struct switchhook *host);
uint16_t switchhook_admin_port(const struct switchhook *host);

/* What became of a delivery's events. */
struct switchhook_delivery {
    size_t stored, duplicates, quarantined;
};

/* Delivers a body as a POST to switchhook_url does, without the checks of its sender: when it returns 0, all of it
 * is committed. Event Grid schema or CloudEvents; `content_type` NULL: application/json. Any thread, several at
 * once; `delivery` and `error` may be NULL. -1: nothing of it was stored; with error->status 503, try later. */
int switchhook_deliver(struct switchhook *host, const char *body, size_t length, const char *content_type,
                       struct switchhook_delivery *delivery, struct switchhook_error *error);

#ifdef __cplusplus
}
#endif

#endif
