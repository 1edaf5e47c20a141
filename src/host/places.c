#include "host/places.h"
#include "base/slice.h"
#include "scripts/scripts.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deleted files that somebody still writes to are nobody's scripts any more: hence IN_EXCL_UNLINK. The same folder
 * may be watched for several reasons: hence IN_MASK_ADD. */
static const uint32_t for_all = IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD;
static const uint32_t of_names = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
static const uint32_t of_files = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;
static const uint32_t of_folders = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;

static void add_tree(struct places *places, const char *path, unsigned depth);
static void add_entry(struct places *places, const char *path, unsigned depth);
static void add_way(struct places *places, const char *path, bool is_file, unsigned links);
static void add_target(struct places *places, const char *folder, const char *link, bool is_file, unsigned links);
static bool add(struct places *places, const char *folder, const char *name, bool is_file);
static int append(struct places *places, struct place place);
static bool is_script(const char *name);
static bool may_be_script(const struct inotify_event *event);

int places_open(struct places *places, const char *folder, struct error *error) {
    *places = (struct places){.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (places->inotify < 0) {
        return error_system(error, errno, "cannot watch the scripts");
    }
    add_way(places, folder, false, 0);
    add_tree(places, folder, 0);
    return 0;
}

void places_close(struct places *places) {
    if (places->inotify >= 0) {
        close(places->inotify);
    }
    for (size_t i = 0; i < places->count; i++) {
        free(places->items[i].folder);
        free(places->items[i].name);
    }
    free(places->items);
    *places = (struct places){.inotify = -1};
}

enum places_verdict places_judge(const struct places *places, const struct inotify_event *event) {
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        return PLACES_NAME;
    }
    if ((event->mask & of_folders) != 0) {
        return PLACES_SCRIPT;
    }
    enum places_verdict verdict = PLACES_NOTHING;
    for (size_t i = 0; i < places->count && event->len > 0 && verdict != PLACES_NAME; i++) {
        const struct place *place = &places->items[i];
        if (place->descriptor != event->wd) {
            continue;
        }
        if (place->name == NULL) {
            verdict = may_be_script(event) ? PLACES_SCRIPT : verdict;
        } else if (strcmp(place->name, event->name) == 0 && (place->is_file || (event->mask & of_names) != 0)) {
            verdict = place->is_file ? PLACES_SCRIPT : PLACES_NAME;
        }
    }
    return verdict;
}

int places_path(const struct places *places, const struct inotify_event *event, char path[PATH_MAX]) {
    for (size_t i = 0; i < places->count && event->len > 0; i++) {
        if (places->items[i].descriptor == event->wd) {
            return snprintf(path, PATH_MAX, "%s/%s", places->items[i].folder, event->name) < PATH_MAX ? 0 : -1;
        }
    }
    return -1;
}

static void add_tree(struct places *places, const char *path, unsigned depth) {
    bool is_new = add(places, path, NULL, false);
    DIR *entries = is_new && depth < SCRIPTS_DEPTH_MAX ? opendir(path) : NULL;
    if (entries == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char below[PATH_MAX];
        if (entry->d_name[0] != '.' && snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < PATH_MAX) {
            add_entry(places, below, depth);
        }
    }
    closedir(entries);
}

static void add_entry(struct places *places, const char *path, unsigned depth) {
    struct stat status;
    if (lstat(path, &status) < 0) {
        return;
    }
    if (S_ISLNK(status.st_mode)) {
        add_way(places, path, is_script(strrchr(path, '/') + 1), 0);
        if (stat(path, &status) < 0) {
            return;
        }
    }
    if (S_ISDIR(status.st_mode)) {
        add_tree(places, path, depth + 1);
    }
}

/* The names on the way along a path that can lead elsewhere: symlinks, with what they point to, and the last one.
 * Folders that stand where they are need no watching. */
static void add_way(struct places *places, const char *path, bool is_file, unsigned links) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    for (size_t start = 0, end; start < length; start = end + 1) {
        end = start + strcspn(path + start, "/");
        char prefix[PATH_MAX];
        char folder[PATH_MAX];
        const char *name = prefix + start;
        if (end == start || snprintf(prefix, sizeof prefix, "%.*s", (int)end, path) >= PATH_MAX ||
            strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        snprintf(folder, sizeof folder, "%.*s", (int)start, path);
        const char *in = start == 0 ? "." : folder;
        struct stat status;
        bool is_there = lstat(prefix, &status) == 0;
        bool is_last = end >= length;
        if (!is_there || is_last || S_ISLNK(status.st_mode)) {
            add(places, in, name, is_file && is_last);
        }
        if (!is_there) {
            return;
        }
        if (S_ISLNK(status.st_mode)) {
            add_target(places, in, prefix, is_file && is_last, links);
        }
    }
}

static void add_target(struct places *places, const char *folder, const char *link, bool is_file, unsigned links) {
    char target[PATH_MAX];
    char path[PATH_MAX];
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0 || links >= PLACES_LINKS_MAX) {
        return;
    }
    target[length] = '\0';
    const char *before = target[0] == '/' ? "" : folder;
    if (snprintf(path, sizeof path, "%s%s%s", before, before[0] == '\0' ? "" : "/", target) < PATH_MAX) {
        add_way(places, path, is_file, links + 1);
    }
}

/* Whether it was not there yet. */
static bool add(struct places *places, const char *folder, const char *name, bool is_file) {
    uint32_t mask = name == NULL ? of_names | of_files | of_folders : is_file ? of_names | of_files : of_names;
    int descriptor = inotify_add_watch(places->inotify, folder, mask | for_all);
    if (descriptor < 0) {
        places->is_partial = places->is_partial || (errno != ENOENT && errno != ENOTDIR);
        return false;
    }
    for (size_t i = 0; i < places->count; i++) {
        const struct place *known = &places->items[i];
        if (known->descriptor == descriptor && known->is_file == is_file &&
            (name == NULL ? known->name == NULL : known->name != NULL && strcmp(known->name, name) == 0)) {
            return false;
        }
    }
    struct place place = {descriptor, realpath(folder, NULL), name == NULL ? NULL : strdup(name), is_file};
    if (place.folder == NULL || (name != NULL && place.name == NULL) || append(places, place) < 0) {
        free(place.folder);
        free(place.name);
        places->is_partial = true;
        return false;
    }
    return true;
}

static int append(struct places *places, struct place place) {
    if (places->count == PLACES_MAX) {
        return -1;
    }
    if ((places->count & (places->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = places->count == 0 ? 1 : places->count * 2;
        struct place *items = realloc(places->items, capacity * sizeof *items);
        if (items == NULL) {
            return -1;
        }
        places->items = items;
    }
    places->items[places->count++] = place;
    return 0;
}

static bool is_script(const char *name) {
    struct slice text = slice_of(name);
    return name[0] != '.' && slice_ends_with(text, ".lua") && !slice_ends_with(text, "_spec.lua");
}

/* Folders, and symlinks to folders, can have any name; the swap files and backups of editors are not meant. */
static bool may_be_script(const struct inotify_event *event) {
    if ((event->mask & of_names) == 0) {
        return is_script(event->name);
    }
    return is_script(event->name) ||
           (event->name[0] != '.' && ((event->mask & IN_ISDIR) != 0 || strchr(event->name, '.') == NULL));
}
