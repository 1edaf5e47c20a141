#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, MIB = 1024 * 1024 };

static int refuse_large(const char *name, size_t limit, struct error *error);

int file_read(const char *path, struct buffer *out, struct error *error) {
    if (slice_is(slice_of(path), "-")) {
        return file_read_from(STDIN_FILENO, "standard input", out, error);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return error_system(error, errno, "cannot read %s", path);
    }
    int result = file_read_from(fd, path, out, error);
    close(fd);
    return result;
}

int file_read_from(int fd, const char *name, struct buffer *out, struct error *error) {
    size_t start = out->length;
    for (;;) {
        size_t left = out->limit - out->length;
        char spare; /* tells a file that is too large from one that just fits */
        size_t size = left == 0 ? 1 : left < PIECE ? left : PIECE;
        char *room = left == 0 ? &spare : buffer_reserve(out, size);
        if (room == NULL) {
            buffer_truncate(out, start);
            return error_memory(error);
        }
        ssize_t got = read(fd, room, size);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            int reason = errno;
            buffer_truncate(out, start);
            return error_system(error, reason, "cannot read %s", name);
        }
        if (left == 0) {
            buffer_truncate(out, start);
            return refuse_large(name, out->limit - start, error);
        }
        buffer_grew(out, (size_t)got);
    }
}

static int refuse_large(const char *name, size_t limit, struct error *error) {
    if (limit >= MIB && limit % MIB == 0) {
        return error_set(error, ERROR_LIMIT, "cannot read %s: it is larger than %zu MiB", name, limit / MIB);
    }
    return error_set(error, ERROR_LIMIT, "cannot read %s: it is larger than %zu bytes", name, limit);
}
