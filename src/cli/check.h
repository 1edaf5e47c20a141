/* The parts of `switchhook check`. Private to the room. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "base/error.h"
#include "config/config.h"
#include "host/generation.h"
#include "scripts/scripts.h"
#include <stdbool.h>
#include <stddef.h>

struct check_finding {
    char *path;    /* below the folder; "" for the folder itself */
    unsigned line; /* 0: the file as a whole */
    bool is_error;
    char *words;
};

struct check_report {
    struct check_finding *findings;
    size_t count, capacity;
    bool is_broken; /* a finding was lost: there was no memory */
};

void check_add(struct check_report *report, bool is_error, const char *path, unsigned line, const char *format,
               ...) __attribute__((format(printf, 5, 6)));
void check_report_reset(struct check_report *report);

/* What scripts are offered beyond the sandbox's own: NULL-terminated. */
struct check_offers {
    const char *const *operations; /* of C helpers */
    const char *const *secrets;    /* their names */
};

/* Loads the scripts in a worker with the configuration's limits, again and again without those that failed, until
 * what is left loads. -1 when it cannot be tried at all. */
int check_load(struct check_report *report, const struct script_set *scripts, const struct config *config,
               const struct check_offers *offers, struct error *error);
/* Filters that no event of the handler's type can ever pass, of the handlers that were loaded. */
void check_filters(struct check_report *report, const struct generation *generation);
/* What the scripts say, without running them; and the modules. */
int check_texts(struct check_report *report, const struct script_set *scripts, const struct check_offers *offers,
                struct error *error);
/* Names of files and folders that no event has, and files that are never loaded. */
int check_folder(struct check_report *report, const char *folder, const struct script_set *scripts,
                 struct error *error);

/* The type whose events run the script, as the host tells it from its path: into the path itself. */
struct slice check_type_of(const char *path);

#endif
