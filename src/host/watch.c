#include "host/watch.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/slice.h"
#include "host/scripts.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    CHANGES = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF |
              IN_MOVE_SELF,
};

static void add_tree(struct watch *watch, int inotify, const char *path, unsigned depth);
static int add_folder(struct watch *watch, int inotify, const char *path, bool is_parent);
static void add_target(struct watch *watch, int inotify, const char *link);
static void add_parent(struct watch *watch, int inotify);
static bool has_no_events(const char *path);
static void forget_folders(struct watch *watch);
static void on_events(struct loop_watch *loop_watch, uint32_t events);
static void drain(struct watch *watch);
static void take_event(struct watch *watch, const struct inotify_event *event);
static void note_writer(struct watch *watch, const struct inotify_event *event);
static bool is_of_interest(const struct watch *watch, const struct inotify_event *event);
static void schedule(struct watch *watch);
static void on_timer(struct loop_timer *timer);

void watch_init(struct watch *watch, struct loop *loop, const char *folder, void (*changed)(struct watch *watch)) {
    *watch = (struct watch){.loop = loop, .folder = folder, .changed = changed, .inotify.fd = -1};
}

void watch_reset(struct watch *watch) {
    loop_timer_cancel(watch->loop, &watch->timer);
    if (watch->inotify.fd >= 0) {
        int fd = watch->inotify.fd;
        loop_unwatch(watch->loop, &watch->inotify);
        close(fd);
    }
    forget_folders(watch);
    for (size_t i = 0; i < watch->writer_count; i++) {
        free(watch->writers[i]);
    }
    watch->writer_count = 0;
}

/* A new instance for each read: the tree may be another one by now, and nothing has to be kept in step. The old one
 * is drained after the new one stands, so that no change falls between them. */
void watch_begin_read(struct watch *watch) {
    watch->is_reading = true;
    watch->must_scan = has_no_events(watch->folder);
    loop_timer_cancel(watch->loop, &watch->timer);
    int fresh = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    drain(watch);
    watch->was_disturbed = false;
    watch->first_change = 0;
    if (watch->inotify.fd >= 0) {
        int old = watch->inotify.fd;
        loop_unwatch(watch->loop, &watch->inotify);
        close(old);
    }
    forget_folders(watch);
    struct error error = {0};
    if (fresh < 0 || loop_watch(watch->loop, &watch->inotify, fresh, EPOLLIN, on_events, &error) < 0) {
        log_warn("reload", "changes of scripts are looked for every 10 s: the system gives no events",
                 LOG_TEXT("reason", fresh < 0 ? strerror(errno) : error.message), LOG_END);
        if (fresh >= 0) {
            close(fresh);
        }
        watch->must_scan = true;
        return;
    }
    add_parent(watch, fresh);
    add_tree(watch, fresh, watch->folder, 0);
}

bool watch_end_read(struct watch *watch) {
    drain(watch);
    watch->is_reading = false;
    if (watch->must_scan) {
        loop_timer_set(watch->loop, &watch->timer, clock_monotonic_ns() + WATCH_SCAN_S * CLOCK_NS_PER_S, on_timer);
        return true;
    }
    if (watch->was_disturbed || watch->writer_count > 0) {
        schedule(watch);
        return false;
    }
    return true;
}

const char *watch_waiting_for(const struct watch *watch) {
    return watch->writer_count == 0 ? NULL : watch->writers[0];
}

static void add_tree(struct watch *watch, int inotify, const char *path, unsigned depth) {
    if (add_folder(watch, inotify, path, false) < 0 || depth + 1 >= SCRIPTS_DEPTH_MAX) {
        return;
    }
    DIR *entries = opendir(path);
    if (entries == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char below[PATH_MAX];
        struct stat status;
        if (entry->d_name[0] == '.' ||
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= (int)sizeof below) {
            continue;
        }
        if (stat(below, &status) == 0 && S_ISDIR(status.st_mode)) {
            add_tree(watch, inotify, below, depth + 1);
        } else if (entry->d_type == DT_LNK) {
            add_target(watch, inotify, below);
        }
    }
    closedir(entries);
}

/* A script that is a symlink: its target may be written to in a folder of its own. */
static void add_target(struct watch *watch, int inotify, const char *link) {
    char *target = realpath(link, NULL);
    char *slash = target == NULL ? NULL : strrchr(target, '/');
    if (slash != NULL && slash != target) {
        *slash = '\0';
        add_folder(watch, inotify, target, false);
    }
    free(target);
}

static int add_folder(struct watch *watch, int inotify, const char *path, bool is_parent) {
    int descriptor = inotify_add_watch(inotify, path, CHANGES | IN_ONLYDIR);
    if (descriptor < 0) {
        if (errno == ENOSPC) {
            watch->must_scan = true;
        }
        return -1;
    }
    struct watch_folder *folders = realloc(watch->folders, (watch->folder_count + 1) * sizeof *folders);
    char *copy = strdup(path);
    if (folders != NULL) {
        watch->folders = folders;
    }
    if (folders == NULL || copy == NULL) {
        free(copy);
        watch->must_scan = true; /* no memory to tell events apart: look every 10 s instead */
        return -1;
    }
    folders[watch->folder_count++] = (struct watch_folder){descriptor, copy, is_parent};
    return 0;
}

/* The folder itself may be replaced: by a rename, or as a symlink that is swapped. */
static void add_parent(struct watch *watch, int inotify) {
    const char *slash = strrchr(watch->folder, '/');
    if (slash == NULL) {
        add_folder(watch, inotify, ".", true);
        return;
    }
    char *parent = slash == watch->folder ? strdup("/") : strndup(watch->folder, (size_t)(slash - watch->folder));
    if (parent != NULL) {
        add_folder(watch, inotify, parent, true);
    }
    free(parent);
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

static void forget_folders(struct watch *watch) {
    for (size_t i = 0; i < watch->folder_count; i++) {
        free(watch->folders[i].path);
    }
    free(watch->folders);
    watch->folders = NULL;
    watch->folder_count = 0;
}

static void on_events(struct loop_watch *loop_watch, uint32_t events) {
    (void)events;
    drain(CONTAINER_OF(loop_watch, struct watch, inotify));
}

static void drain(struct watch *watch) {
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    while (watch->inotify.fd >= 0) {
        ssize_t got = read(watch->inotify.fd, bytes, sizeof bytes);
        if (got <= 0) {
            break;
        }
        for (char *at = bytes; at < bytes + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            take_event(watch, event);
            at += sizeof *event + event->len;
        }
    }
}

static void take_event(struct watch *watch, const struct inotify_event *event) {
    if (!is_of_interest(watch, event)) {
        return;
    }
    note_writer(watch, event);
    watch->was_disturbed = true;
    if (watch->first_change == 0) {
        watch->first_change = clock_monotonic_ns();
    }
    if (!watch->is_reading) {
        schedule(watch);
    }
}

static const struct watch_folder *folder_of(const struct watch *watch, int descriptor) {
    for (size_t i = 0; i < watch->folder_count; i++) {
        if (watch->folders[i].descriptor == descriptor) {
            return &watch->folders[i];
        }
    }
    return NULL;
}

/* In the parent only the folder's own name counts; inside, scripts, folders and symlinks of any name do (a
 * ConfigMap swaps "..data"), but not the swap files and backups of editors. */
static bool is_of_interest(const struct watch *watch, const struct inotify_event *event) {
    if ((event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        return true;
    }
    const struct watch_folder *folder = folder_of(watch, event->wd);
    if (folder == NULL || event->len == 0) {
        return false;
    }
    if (folder->is_parent) {
        const char *slash = strrchr(watch->folder, '/');
        return strcmp(event->name, slash == NULL ? watch->folder : slash + 1) == 0;
    }
    struct slice name = slice_of(event->name);
    if (slice_ends_with(name, "_spec.lua")) {
        return false;
    }
    if ((event->mask & (IN_MODIFY | IN_CLOSE_WRITE)) != 0) {
        return slice_ends_with(name, ".lua") && name.bytes[0] != '.';
    }
    return slice_ends_with(name, ".lua") || (event->mask & IN_ISDIR) != 0 || strcmp(event->name, "..data") == 0 ||
           memchr(name.bytes, '.', name.length) == NULL;
}

/* A file written in place is read when its writer has closed it (or it was replaced or removed). */
static void note_writer(struct watch *watch, const struct inotify_event *event) {
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        while (watch->writer_count > 0) { /* what is open is not known any more */
            free(watch->writers[--watch->writer_count]);
        }
        return;
    }
    const struct watch_folder *folder = folder_of(watch, event->wd);
    char path[PATH_MAX];
    if (folder == NULL || event->len == 0 ||
        snprintf(path, sizeof path, "%s/%s", folder->path, event->name) >= (int)sizeof path) {
        return;
    }
    size_t i = 0;
    while (i < watch->writer_count && strcmp(watch->writers[i], path) != 0) {
        i++;
    }
    bool is_writing = (event->mask & IN_MODIFY) != 0;
    if (is_writing && i == watch->writer_count && i < WATCH_WRITERS_MAX) {
        char *copy = strdup(path);
        if (copy != NULL) {
            watch->writers[watch->writer_count++] = copy;
        }
    } else if (!is_writing && i < watch->writer_count) {
        free(watch->writers[i]);
        watch->writers[i] = watch->writers[--watch->writer_count];
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

static void on_timer(struct loop_timer *timer) {
    struct watch *watch = CONTAINER_OF(timer, struct watch, timer);
    const char *waiting = watch_waiting_for(watch);
    if (waiting != NULL && !watch->must_scan) {
        /* Its closing brings an event and a new schedule. */
        log_debug("reload", "waiting for the writer to close the script", LOG_TEXT("file", waiting), LOG_END);
        return;
    }
    watch->changed(watch);
}
