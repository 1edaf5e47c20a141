#include "config/path.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_folder(const char *file, struct error *error) {
    const char *slash = file == NULL ? NULL : strrchr(file, '/');
    size_t length = slash == NULL ? 0 : slash == file ? 1 : (size_t)(slash - file);
    char *current = NULL;
    char *part = NULL;
    char *folder = NULL;

    part = slice_copy(slice_make(length == 0 ? "." : file, length == 0 ? 1 : length));
    if (part == NULL) {
        error_memory(error);
        goto out;
    }
    if (part[0] == '/') {
        folder = part;
        part = NULL;
        goto out;
    }
    current = getcwd(NULL, 0);
    if (current == NULL) {
        error_system(error, errno, "cannot tell the current folder");
        goto out;
    }
    folder = path_absolute(current, part);
    if (folder == NULL) {
        error_memory(error);
    }
out:
    free(current);
    free(part);
    return folder;
}

char *path_absolute(const char *folder, const char *path) {
    struct buffer joined;

    buffer_init(&joined, PATH_FILE_LIMIT);
    if (path[0] != '/') {
        while (path[0] == '.' && path[1] == '/') {
            path += strspn(path + 1, "/") + 1;
        }
        buffer_append_text(&joined, folder);
        if (strcmp(path, ".") == 0 || path[0] == '\0') {
            path = "";
        } else if (!slice_ends_with(slice_of(folder), "/")) {
            buffer_append_char(&joined, '/');
        }
    }
    buffer_append_text(&joined, path);
    if (joined.is_broken) {
        buffer_reset(&joined);
    }
    return buffer_take(&joined);
}

char *path_store(const char *folder, const char *path) {
    struct buffer store;
    char *absolute = path_absolute(folder, path);

    if (absolute == NULL) {
        return NULL;
    }
    buffer_init(&store, PATH_FILE_LIMIT);
    buffer_append_text(&store, PATH_STORE_SCHEME);
    buffer_append_text(&store, absolute);
    if (store.is_broken) {
        buffer_reset(&store);
    }
    free(absolute);
    return buffer_take(&store);
}

int path_read(const char *path, struct buffer *out, struct error *error) {
    struct stat status;
    int result = -1;
    buffer_init(out, PATH_FILE_LIMIT);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &status) < 0) {
        error_system(error, errno, "cannot read %s", path);
        goto out;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(error, ERROR_INVALID, "cannot read %s: it is not a regular file", path);
        goto out;
    }
    /* The room is taken at once, so that the bytes are never moved and left behind. */
    result =
        buffer_reserve(out, PATH_FILE_LIMIT) == NULL ? error_memory(error) : file_read_from(fd, path, out, error);
out:
    if (fd >= 0) {
        close(fd);
    }
    if (result < 0) {
        path_wipe(out);
    }
    return result;
}

void path_wipe(struct buffer *buffer) {
    if (buffer->bytes != NULL) {
        explicit_bzero(buffer->bytes, buffer->capacity);
    }
    buffer_reset(buffer);
}
