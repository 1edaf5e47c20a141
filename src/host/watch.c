#include "host/watch.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

static int look_anew(struct watch *watch, struct error *error);
static void close_places(struct watch *watch);
static bool has_no_events(const char *path);
static void on_events(struct loop_watch *loop_watch, uint32_t events);
static void drain(struct watch *watch);
static void take_event(struct watch *watch, const struct inotify_event *event);
static void note_writer(struct watch *watch, const char *path, uint32_t mask);
static void forget_writers(struct watch *watch);
static void schedule(struct watch *watch);
static void hurry(struct watch *watch, int64_t ms);
static void on_timer(struct loop_timer *timer);
static void say_waiting(struct watch *watch, const char *path);

void watch_init(struct watch *watch, struct loop *loop, const char *folder, void (*changed)(struct watch *watch)) {
    *watch = (struct watch){.loop = loop, .folder = folder, .changed = changed, .inotify.fd = -1};
}

void watch_reset(struct watch *watch) {
    loop_timer_cancel(watch->loop, &watch->timer);
    close_places(watch);
    forget_writers(watch);
    free(watch->open_file);
    watch->open_file = NULL;
}

void watch_begin_read(struct watch *watch) {
    struct error error = {0};
    bool was_scanning = watch->must_scan;
    loop_timer_cancel(watch->loop, &watch->timer);
    watch->is_reading = true;
    if (look_anew(watch, &error) == 0 && watch->places.is_partial) {
        error_set(&error, ERROR_LIMIT, "not all folders can be watched; see fs.inotify.max_user_watches");
    } else if (has_no_events(watch->folder)) {
        error_set(&error, ERROR_SYSTEM, "a file system without events");
    }
    watch->must_scan = error.code != ERROR_NONE;
    if (watch->must_scan && !was_scanning) {
        log_warn("reload", "the system does not tell of all changes: scripts are looked at every 10 s",
                 LOG_TEXT("reason", error.message), LOG_END);
    }
    free(watch->open_file);
    watch->open_file = NULL;
}

bool watch_end_read(struct watch *watch) {
    drain(watch);
    watch->is_reading = false;
    if (watch->was_disturbed || watch->writer_count > 0) {
        hurry(watch, WATCH_QUIET_MS);
        schedule(watch);
        return false;
    }
    watch->first_change = 0;
    if (watch->must_scan) {
        loop_timer_set(watch->loop, &watch->timer, clock_monotonic_ns() + WATCH_SCAN_S * CLOCK_NS_PER_S, on_timer);
    }
    return true;
}

/* Its closing brings an event; but it may have been opened by another name, elsewhere, so it is looked at again
 * anyway. */
void watch_wait_for(struct watch *watch, const char *path) {
    free(watch->open_file);
    watch->open_file = strdup(path);
    say_waiting(watch, path);
    hurry(watch, 0);
    loop_timer_set(watch->loop, &watch->timer, clock_monotonic_ns() + WATCH_LONGEST_MS * CLOCK_NS_PER_MS,
                   on_timer);
}

const char *watch_waiting_for(const struct watch *watch) {
    return watch->writer_count > 0 ? watch->writers[0] : watch->open_file;
}

/* New places for each read: the tree may be another one by now. The old ones are drained after the new ones stand,
 * so that no change, and no closing of a file, falls between them. */
static int look_anew(struct watch *watch, struct error *error) {
    struct places fresh;
    int result = places_open(&fresh, watch->folder, error);
    drain(watch);
    close_places(watch);
    watch->was_disturbed = false;
    if (result == 0) {
        result = loop_watch(watch->loop, &watch->inotify, fresh.inotify, EPOLLIN, on_events, error);
    }
    if (result < 0) {
        places_close(&fresh);
        forget_writers(watch); /* nobody would tell of their closing */
        return -1;
    }
    watch->places = fresh;
    return 0;
}

static void close_places(struct watch *watch) {
    if (watch->inotify.fd >= 0) {
        loop_unwatch(watch->loop, &watch->inotify);
        places_close(&watch->places);
    }
}

static bool has_no_events(const char *path) {
    static const unsigned long without[] = {0x6969 /* NFS */, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
                                            0x517b /* SMB */, 0x01021997 /* 9P */,   0x65735546 /* FUSE */,
                                            0x786f4256 /* VirtualBox */};
    struct statfs status;
    if (statfs(path, &status) < 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        if (((unsigned long)status.f_type & 0xffffffffUL) == without[i]) {
            return true;
        }
    }
    return false;
}

static void on_events(struct loop_watch *loop_watch, uint32_t events) {
    (void)events;
    drain(CONTAINER_OF(loop_watch, struct watch, inotify));
}

/* What is there now, and not what keeps coming: a busy writer must not hold the loop. */
static void drain(struct watch *watch) {
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    int left = 0;
    if (watch->inotify.fd < 0 || ioctl(watch->inotify.fd, FIONREAD, &left) < 0) {
        return;
    }
    while (left > 0) {
        ssize_t got = read(watch->inotify.fd, bytes, sizeof bytes);
        if (got <= 0) {
            break;
        }
        left -= (int)got;
        for (char *at = bytes; at < bytes + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            take_event(watch, event);
            at += sizeof *event + event->len;
        }
    }
}

static void take_event(struct watch *watch, const struct inotify_event *event) {
    char path[PATH_MAX];
    enum places_verdict verdict = places_judge(&watch->places, event);
    if (verdict == PLACES_NOTHING) {
        return;
    }
    bool is_folder_gone = (event->mask & IN_ISDIR) != 0 && (event->mask & IN_CREATE) == 0;
    if (verdict == PLACES_NAME || is_folder_gone) {
        forget_writers(watch); /* of files that are not the scripts any more, or not known (a lost event) */
    } else if (places_path(&watch->places, event, path) == 0) {
        note_writer(watch, path, event->mask);
    }
    watch->was_disturbed = true;
    if (!watch->is_reading) {
        schedule(watch);
    }
}

/* A file written in place is read when its writer has closed it (or it was replaced or removed). */
static void note_writer(struct watch *watch, const char *path, uint32_t mask) {
    size_t i = 0;
    while (i < watch->writer_count && strcmp(watch->writers[i], path) != 0) {
        i++;
    }
    bool is_known = i < watch->writer_count;
    if ((mask & IN_MODIFY) != 0) {
        char *copy = is_known || i == WATCH_WRITERS_MAX ? NULL : strdup(path);
        if (copy != NULL) {
            watch->writers[watch->writer_count++] = copy;
        }
    } else if (is_known && (mask & IN_ATTRIB) == 0) {
        free(watch->writers[i]);
        watch->writers[i] = watch->writers[--watch->writer_count];
    }
}

static void forget_writers(struct watch *watch) {
    while (watch->writer_count > 0) {
        free(watch->writers[--watch->writer_count]);
    }
}

static void schedule(struct watch *watch) {
    int64_t now = clock_monotonic_ns();
    if (watch->first_change == 0) {
        watch->first_change = now;
    }
    int64_t at = now + WATCH_QUIET_MS * CLOCK_NS_PER_MS;
    int64_t latest = watch->first_change + WATCH_LONGEST_MS * CLOCK_NS_PER_MS;
    loop_timer_set(watch->loop, &watch->timer, at < latest ? at : latest, on_timer);
}

/* Somebody who saves all the time gives few chances to read: the next one is taken, `ms` from now at the
 * earliest. */
static void hurry(struct watch *watch, int64_t ms) {
    watch->first_change = clock_monotonic_ns() - (WATCH_LONGEST_MS - ms) * CLOCK_NS_PER_MS;
}

static void on_timer(struct loop_timer *timer) {
    struct watch *watch = CONTAINER_OF(timer, struct watch, timer);
    if (watch->writer_count > 0 && !watch->must_scan) {
        /* Its closing brings an event and a new schedule. */
        say_waiting(watch, watch->writers[0]);
        return;
    }
    forget_writers(watch); /* of those that are left, the closing may not be told */
    watch->changed(watch);
}

/* Not each time: a file may be open for a day. */
static void say_waiting(struct watch *watch, const char *path) {
    int64_t now = clock_monotonic_ns();
    if (watch->said_ns == 0 || now - watch->said_ns > WATCH_SCAN_S * CLOCK_NS_PER_S) {
        watch->said_ns = now;
        log_info("reload", "waiting for the writer to close the script", LOG_TEXT("file", path), LOG_END);
    }
}
