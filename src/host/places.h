/* Where something can happen that changes the scripts, watched by one inotify instance: every folder of scripts;
 * and for each symlink on the way to the scripts folder, or from a script to its file, the folder in which that
 * name stands.
 *
 * A struct places is made anew for each look at the tree, so nothing has to be kept in step with it. What vanishes
 * meanwhile is left out: it was seen to go by whoever watched before, or the reading fails. One thread.
 *
 *     struct places places;
 *     places_open(&places, "scripts", &error);
 *     read(places.inotify, ...); if (places_judge(&places, event) != PLACES_NOTHING) ...
 *     places_close(&places);
 */
#ifndef HOST_PLACES_H
#define HOST_PLACES_H

#include "base/error.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/inotify.h>

enum { PLACES_MAX = 8192, PLACES_LINKS_MAX = 16 };

struct place {
    int descriptor; /* inotify's */
    char *folder;   /* without symlinks in it */
    char *name;     /* only what happens to this name counts; NULL: whatever can be a script or a folder of them */
    bool is_file;   /* the name is a script's: writing to it counts too */
};

struct places {
    int inotify;
    struct place *items;
    size_t count;
    bool is_partial; /* not everything could be watched */
};

enum places_verdict {
    PLACES_NOTHING, /* of no concern */
    PLACES_SCRIPT,  /* a script or a folder changed: places_path says which */
    PLACES_NAME,    /* a name leads elsewhere now: the same paths may be other files */
};

/* 0, or -1 when the system gives no inotify instance. */
int places_open(struct places *places, const char *folder, struct error *error);
void places_close(struct places *places);

enum places_verdict places_judge(const struct places *places, const struct inotify_event *event);
/* The path of what the event is about, the same in every instance; -1: it has none. */
int places_path(const struct places *places, const struct inotify_event *event, char path[PATH_MAX]);

#endif
