#include "scripts/scripts.h"
#include "base/slice.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_folder(struct script_set *set, int folder, const char *prefix, unsigned depth,
                       struct error *error);
static int read_entry(struct script_set *set, int folder, const char *prefix, const char *name, unsigned depth,
                      struct error *error);
static int read_script(struct script_set *set, int fd, const char *path, struct error *error);
static bool keep_writers_out(int fd);
static struct script *add_script(struct script_set *set, const char *path, struct error *error);
static int compare_paths(const void *a, const void *b);
static void digest_set(struct script_set *set);

struct script_set *scripts_read(const char *folder, struct error *error) {
    struct script_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        error_memory(error);
        return NULL;
    }
    atomic_init(&set->holders, 1);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        error_system(error, errno, "cannot open the scripts folder %s", folder);
        goto failed;
    }
    if (read_folder(set, fd, "", 0, error) < 0) {
        goto failed;
    }
    if (set->count > 0) {
        qsort(set->files, set->count, sizeof *set->files, compare_paths);
    }
    digest_set(set);
    return set;
failed:
    scripts_free(set);
    return NULL;
}

void scripts_keep_handler(struct script_set *set, const char *path) {
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct script *script = &set->files[i];
        if (slice_starts_with(slice_of(script->path), "lib/") || strcmp(script->path, path) == 0) {
            set->files[kept++] = *script;
        } else {
            set->size -= script->length;
            free(script->path);
            free(script->bytes);
        }
    }
    set->count = kept;
    digest_set(set);
}

void scripts_free(struct script_set *set) {
    if (set == NULL || atomic_fetch_sub(&set->holders, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        free(set->files[i].path);
        free(set->files[i].bytes);
    }
    free(set->files);
    free(set->open_file);
    free(set);
}

struct script_set *scripts_share(struct script_set *set) {
    atomic_fetch_add(&set->holders, 1);
    return set;
}

/* Takes the descriptor over. */
static int read_folder(struct script_set *set, int folder, const char *prefix, unsigned depth,
                       struct error *error) {
    DIR *entries = fdopendir(folder);
    if (entries == NULL) {
        close(folder);
        return error_system(error, errno, "cannot read the folder %s of the scripts", prefix);
    }
    int result = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            if (errno != 0) {
                result = error_system(error, errno, "cannot read the folder %s of the scripts", prefix);
            }
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        result = read_entry(set, folder, prefix, entry->d_name, depth, error);
        if (result < 0) {
            break;
        }
    }
    closedir(entries);
    return result;
}

static int read_entry(struct script_set *set, int folder, const char *prefix, const char *name, unsigned depth,
                      struct error *error) {
    char path[1024];
    int length = snprintf(path, sizeof path, "%s%s", prefix, name);
    if (length < 0 || (size_t)length >= sizeof path - 1) {
        return error_set(error, ERROR_LIMIT, "the path %.200s... is too long for a script", name);
    }
    struct slice file = slice_of(path);
    bool is_lua = slice_ends_with(file, ".lua");
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (is_lua ? 0 : O_DIRECTORY));
    if (fd < 0) {
        /* Gone between the listing and now: the change that removed it brings another read. Or no file to read. */
        bool is_none = errno == ENOENT || errno == ENXIO || (errno == ENOTDIR && !is_lua);
        return is_none ? 0 : error_system(error, errno, "cannot open the script %s", path);
    }
    struct stat status;
    if (fstat(fd, &status) < 0) {
        error_system(error, errno, "cannot look at the script %s", path);
        close(fd);
        return -1;
    }
    if (S_ISDIR(status.st_mode)) {
        if (depth + 1 >= SCRIPTS_DEPTH_MAX) {
            close(fd);
            return error_set(error, ERROR_LIMIT, "%s: folders of scripts nest deeper than %d", path,
                             SCRIPTS_DEPTH_MAX);
        }
        path[length] = '/';
        path[length + 1] = '\0';
        return read_folder(set, fd, path, depth + 1, error);
    }
    int result = 0;
    if (S_ISREG(status.st_mode) && is_lua && !slice_ends_with(file, "_spec.lua")) {
        result = read_script(set, fd, path, error);
    }
    close(fd);
    return result;
}

static int read_script(struct script_set *set, int fd, const char *path, struct error *error) {
    struct script *script = add_script(set, path, error);
    if (script == NULL) {
        return -1;
    }
    if (!keep_writers_out(fd) && set->open_file == NULL) {
        set->open_file = strdup(path);
        if (set->open_file == NULL) {
            return error_memory(error);
        }
    }
    /* One byte more than may be there, to see that it is too large. */
    size_t capacity = SCRIPTS_FILE_SIZE_MAX + 1;
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        return error_memory(error);
    }
    size_t length = 0;
    while (length < capacity) {
        ssize_t got = read(fd, bytes + length, capacity - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            error_system(error, errno, "cannot read the script %s", path);
            free(bytes);
            return -1;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    set->size += length;
    if (length == capacity || set->size > SCRIPTS_SIZE_MAX) {
        free(bytes);
        return error_set(error, ERROR_LIMIT, "%s: a script may have 1 MiB, all scripts together 16 MiB", path);
    }
    char *fitting = realloc(bytes, length == 0 ? 1 : length);
    script->bytes = fitting == NULL ? bytes : fitting;
    script->length = length;
    return 0;
}

/* A lease for reading is given only while nobody has the file open for writing, and who wants to open it so waits
 * until it is closed here: otherwise a file that was emptied just now could be read before an event tells of it.
 * Should somebody want to, the signal for that is one that does nothing: by default it would end the host. */
static bool keep_writers_out(int fd) {
    return fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) == 0 || errno != EAGAIN;
}

static struct script *add_script(struct script_set *set, const char *path, struct error *error) {
    if (set->count == SCRIPTS_FILES_MAX) {
        error_set(error, ERROR_LIMIT, "more than %d scripts", SCRIPTS_FILES_MAX);
        return NULL;
    }
    if ((set->count & (set->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = set->count == 0 ? 1 : set->count * 2;
        struct script *files = realloc(set->files, capacity * sizeof *files);
        if (files == NULL) {
            error_memory(error);
            return NULL;
        }
        set->files = files;
    }
    struct script *script = &set->files[set->count];
    *script = (struct script){.path = strdup(path)};
    if (script->path == NULL) {
        error_memory(error);
        return NULL;
    }
    set->count++;
    return script;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(((const struct script *)a)->path, ((const struct script *)b)->path);
}

static void digest_set(struct script_set *set) {
    struct crypto_digest digest;
    crypto_digest_begin(&digest);
    for (size_t i = 0; i < set->count; i++) {
        crypto_digest_part(&digest, slice_of(set->files[i].path));
        crypto_digest_part(&digest, slice_make(set->files[i].bytes, set->files[i].length));
    }
    crypto_digest_end(&digest, set->digest);
}
