#include "base/text.h"
#include "cli/check.h"
#include "event/catalogue.h"
#include "event/event.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, NAMES_MAX = 64 };

static void check_handler(struct check_report *report, const struct script *script);
static void tell_unknown(struct check_report *report, const char *path, struct slice type, bool is_folder);
static const char *nearest_name(struct slice name, bool is_folder);
static int look_into(struct check_report *report, int folder, const char *prefix, unsigned depth,
                     struct error *error);
static void check_name(struct check_report *report, const char *path, const char *name);
static bool is_kept_aside(const char *name);

int check_folder(struct check_report *report, const char *folder, const struct script_set *scripts,
                 struct error *error) {
    for (size_t i = 0; i < scripts->count; i++) {
        if (!slice_starts_with(slice_of(scripts->files[i].path), "lib/")) {
            check_handler(report, &scripts->files[i]);
        }
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_system(error, errno, "cannot open the scripts folder %s", folder)
                  : look_into(report, fd, "", 0, error);
}

static void check_handler(struct check_report *report, const struct script *script) {
    struct slice type = check_type_of(script->path);
    const char *slash = strchr(script->path, '/');
    if (slash == NULL) {
        if (!slice_is(type, "default")) {
            tell_unknown(report, script->path, type, false);
        }
    } else if (!slice_is(type, "local")) {
        tell_unknown(report, script->path, type, true);
    } else if (strchr(slash + 1, '/') != NULL) {
        check_add(report, false, script->path, 0,
                  "no event runs it: what after() raises is handled by the files of local/ itself");
    }
}

/* A name with a dot is another source's full type, unless it is nearly one of the Job Router's. */
static void tell_unknown(struct check_report *report, const char *path, struct slice type, bool is_folder) {
    struct slice name = event_short_name(type);
    if (event_find_type(name) != NULL) {
        return;
    }
    const char *nearest = nearest_name(name, is_folder);
    bool is_full = memchr(type.bytes, '.', type.length) != NULL;
    if (nearest != NULL) {
        const char *prefix = name.length < type.length ? EVENT_TYPE_PREFIX : "";
        check_add(report, false, path, 0, "no event has the name %.*s; did you mean %s%s?", SLICE_ARG(type),
                  prefix, nearest);
    } else if (!is_full) {
        check_add(report, false, path, 0,
                  "no event of the Job Router has the name %.*s (a script for another source's event is named "
                  "after its full type)",
                  SLICE_ARG(type));
    }
}

static const char *nearest_name(struct slice name, bool is_folder) {
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (; event_type_names[count] != NULL && count < NAMES_MAX - 3; count++) {
        names[count] = event_type_names[count];
    }
    if (is_folder) {
        names[count++] = "local";
        names[count++] = "lib";
    } else {
        names[count++] = "default";
    }
    names[count] = NULL;
    return text_nearest(name, names);
}

/* Takes the descriptor over. The scripts themselves were read already: here it is about what was left out. */
static int look_into(struct check_report *report, int folder, const char *prefix, unsigned depth,
                     struct error *error) {
    DIR *entries = fdopendir(folder);
    if (entries == NULL) {
        close(folder);
        return error_system(error, errno, "cannot read the folder %s of the scripts", prefix);
    }
    const struct dirent *entry;
    int result = 0;
    while (result == 0 && (entry = readdir(entries)) != NULL) {
        char path[PATH_SIZE];
        int length = snprintf(path, sizeof path, "%s%s", prefix, entry->d_name);
        if (entry->d_name[0] == '.' || length < 0 || (size_t)length >= sizeof path - 1) {
            continue;
        }
        int inner = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
        if (inner < 0) {
            check_name(report, path, entry->d_name);
        } else if (depth + 1 >= SCRIPTS_DEPTH_MAX) {
            close(inner);
        } else {
            memcpy(path + length, "/", 2);
            result = look_into(report, inner, path, depth + 1, error);
        }
    }
    closedir(entries);
    return result;
}

/* A script by its name, and not by its ending. */
static void check_name(struct check_report *report, const char *path, const char *name) {
    struct slice file = slice_of(name);
    const char *dot = strchr(name, '.');
    size_t stem = dot == NULL ? file.length : (size_t)(dot - name);
    bool looks_so = event_find_type(slice_make(name, stem)) != NULL || strcasestr(name, ".lua") != NULL;
    if (looks_so && !slice_ends_with(file, ".lua") && !is_kept_aside(name)) {
        check_add(report, false, path, 0, "it is never loaded: the name of a script ends in .lua");
    }
}

/* What editors and tools leave beside a file, or somebody switched off. */
static bool is_kept_aside(const char *name) {
    static const char *const endings[] = {"~",    ".bak",      ".orig", ".rej", ".swp",
                                          ".off", ".disabled", ".new",  ".json"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (slice_ends_with(slice_of(name), endings[i])) {
            return true;
        }
    }
    return false;
}
