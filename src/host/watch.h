/* Watches the scripts folder and says when it is time to read it again.
 *
 * Every way of saving counts: a rename over the file, a write in place (waited for until the writer closes it),
 * delete and create, a git checkout, a swapped symlink (of the folder itself, on the way to it, or inside it, as a
 * ConfigMap does). After the last change it waits for WATCH_QUIET_MS, WATCH_LONGEST_MS at most; a file that is
 * still open for writing is waited for as long as that takes, and `waiting_for` names it. Where the kernel gives
 * no events (network file systems, no inotify left) it asks for a read every WATCH_SCAN_S. After a lost event
 * (queue overflow) everything is read again.
 *
 * Use: watch_begin_read before reading the folder, watch_end_read after it: false means that something changed
 * meanwhile, what was read may be a mixture, and `changed` comes again. All of it on the loop's thread.
 *
 *     watch_init(&watch, loop, "scripts", on_changed);
 *     watch_begin_read(&watch);
 *     set = scripts_read("scripts", &error);
 *     if (!watch_end_read(&watch)) drop the set: on_changed will be called
 *     else if (set->open_file != NULL) drop it too, and watch_wait_for(&watch, set->open_file)
 */
#ifndef HOST_WATCH_H
#define HOST_WATCH_H

#include "base/loop.h"
#include "host/places.h"
#include <stdbool.h>

enum { WATCH_QUIET_MS = 50, WATCH_LONGEST_MS = 1000, WATCH_SCAN_S = 10, WATCH_WRITERS_MAX = 64 };

struct watch {
    struct loop *loop;
    const char *folder;
    void (*changed)(struct watch *watch);
    struct loop_watch inotify; /* that of `places`; -1: none */
    struct places places;
    struct loop_timer timer;
    char *writers[WATCH_WRITERS_MAX]; /* files written to and not closed yet */
    size_t writer_count;
    char *open_file;      /* see watch_wait_for */
    int64_t said_ns;      /* when it last said that it waits */
    int64_t first_change; /* monotonic ns of the oldest change that is not reported; 0: none */
    bool must_scan;       /* not everything that happens is told */
    bool is_reading, was_disturbed;
};

void watch_init(struct watch *watch, struct loop *loop, const char *folder, void (*changed)(struct watch *watch));
void watch_reset(struct watch *watch);

void watch_begin_read(struct watch *watch);
bool watch_end_read(struct watch *watch);
/* The reader met a file that somebody has open for writing: `changed` comes when it is closed. */
void watch_wait_for(struct watch *watch, const char *path);

/* The file that a reload waits for because somebody has it open for writing, or NULL. */
const char *watch_waiting_for(const struct watch *watch);

#endif
