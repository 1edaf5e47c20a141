/* What the files of `try` share: one handler, one event, and a world that is answered from files and samples.
 *
 * The handler runs in the host itself, on a store of its own in a folder that is removed afterwards. What would
 * leave the machine is answered here; what the host keeps (state, timers, remembered steps) it does for real, in
 * that store. */
#ifndef CLI_TRY_H
#define CLI_TRY_H

#include "base/buffer.h"
#include "config/config.h"
#include "event/event.h"
#include "host/host.h"
#include <stdbool.h>
#include <stdint.h>

enum { TRY_ANSWERS = 32, TRY_FILE_MAX = 4 * 1024 * 1024 };

struct try_answer {
    struct slice step; /* an operation, or a step's number */
    const char *file;
    struct buffer json;
    bool is_used;
};

struct try {
    const char *script, *event_file, *config_file;
    struct try_answer answers[TRY_ANSWERS];
    size_t answer_count;
    bool is_live, is_full, is_json;
    struct config *config;
    struct plugins *plugins;
    struct host *host;
    char *folder;              /* the scripts' */
    const char *handler;       /* the script's path in it; a part of `path` */
    char *path;                /* the script's, absolute */
    char type[256];            /* of the events that the handler is for; empty: any */
    struct buffer event;       /* its bytes */
    struct envelope envelope;  /* and what is in them */
    uint32_t shown;            /* the step that was shown last */
    const char *answered_from; /* whose answer it gets; NULL: the host's own */
    bool is_over;
    int status; /* the command's */
};

/* try_event.c: which event the script is for, and the event. -1 with the error. */
int try_find_script(struct try *try, struct error *error);
int try_read_event(struct try *try, struct error *error);

/* try_answers.c */
/* STEP=FILE. The text lives as long as `try`. */
int try_add_answer(struct try *try, char *option, struct error *error);
/* Each STEP is a number, or an operation that exists; once the plugins are loaded. -1 with the error. */
int try_check_answers(const struct try *try, struct error *error);
/* The host's `answer`. */
bool try_answer(void *context, const struct host_wanted *wanted, struct host_given *given);
/* The name of one that no step asked for; NULL: none. */
const char *try_unused_answer(const struct try *try);

/* try_json.c: the same, one JSON object a line. */
void try_json_begin(const struct try *try);
void try_json_wanted(const struct host_wanted *wanted);
void try_json_note(const struct try *try, const struct host_note *note);

/* try_print.c */
void try_print_begin(const struct try *try);
void try_print_wanted(const struct try *try, const struct host_wanted *wanted);
void try_print_note(const struct try *try, const struct host_note *note);
void try_print_end(const struct try *try);
/* Whose answer a step got. */
const char *try_source(const struct try *try, const struct host_note *note);

#endif
