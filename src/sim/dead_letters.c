#include "sim/dead_letters.h"
#include "sim/state.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXTRA = 1024, NAME_SIZE = 80, COPIES_MOST = 10000 };

struct dead_letters {
    int folder;
};

static int write_file(int folder, const char *name, struct slice text);
static int publish(int folder, const char *part, const char *id);

struct dead_letters *dead_letters_open(const char *path, struct error *error) {
    struct dead_letters *dead = calloc(1, sizeof *dead);
    if (dead == NULL) {
        error_memory(error);
        return NULL;
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        error_system(error, errno, "the folder for dead letters, %s, cannot be made", path);
        free(dead);
        return NULL;
    }
    dead->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dead->folder < 0 || faccessat(dead->folder, ".", W_OK | X_OK, AT_EACCESS) < 0) {
        error_system(error, errno, "no dead letters can be written into %s", path);
        dead_letters_close(dead);
        return NULL;
    }
    return dead;
}

void dead_letters_close(struct dead_letters *dead) {
    if (dead == NULL) {
        return;
    }
    if (dead->folder >= 0) {
        close(dead->folder);
    }
    free(dead);
}

int dead_letters_add(struct dead_letters *dead, const struct dead_letter *one, struct error *error) {
    const char *id = one->letter->event->id;
    char part[NAME_SIZE];
    struct buffer text;
    int result = -1;
    buffer_init(&text, one->letter->json.length + EXTRA);
    snprintf(part, sizeof part, ".%s.part", id);
    if (dead_letter_write(one, &text) < 0) {
        error_memory(error);
    } else if (write_file(dead->folder, part, buffer_slice(&text)) < 0 || publish(dead->folder, part, id) < 0) {
        error_system(error, errno, "the dead letter %s.json cannot be written", id);
    } else {
        result = 0;
    }
    if (result < 0) {
        unlinkat(dead->folder, part, 0);
    }
    buffer_reset(&text);
    return result;
}

int dead_letter_write(const struct dead_letter *one, struct buffer *out) {
    static const char *const names[2][5] = {
        {"deadLetterReason", "deliveryAttempts", "lastDeliveryOutcome", "publishTime", "lastDeliveryAttemptTime"},
        {"deadletterreason", "deliveryattempts", "lastdeliveryoutcome", "publishtime", "lastdeliveryattempttime"}};
    const struct letter *letter = one->letter;
    const char *const *name = names[letter->cloud != NULL];
    char published[SIM_TIME_SIZE], last[SIM_TIME_SIZE];
    buffer_append(out, letter->json.bytes, letter->json.length - 1); /* without its '}' */
    buffer_append_format(out, ",\"%s\":\"%s\",\"%s\":%u,\"%s\":\"%s\"", name[0], one->reason, name[1],
                         one->attempts, name[2], one->outcome);
    buffer_append_format(out, ",\"%s\":\"%s\",\"%s\":\"%s\"}\n", name[3],
                         sim_time(letter->event->time_us, published), name[4], sim_time(one->last_us, last));
    return out->is_broken ? -1 : 0;
}

/* A rest of an earlier run is overwritten. */
static int write_file(int folder, const char *name, struct slice text) {
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    size_t done = 0;
    ssize_t written = 0;
    while (done < text.length && (written = write(fd, text.bytes + done, text.length - done)) > 0) {
        done += (size_t)written;
    }
    int failed = written < 0 ? errno : 0;
    if (close(fd) < 0 && failed == 0) {
        failed = errno;
    }
    errno = failed;
    return failed == 0 ? 0 : -1;
}

/* Under the first name that is free. */
static int publish(int folder, const char *part, const char *id) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s.json", id);
    for (int copy = 2; linkat(folder, part, folder, name, 0) < 0; copy++) {
        if (errno != EEXIST || copy > COPIES_MOST) {
            return -1;
        }
        snprintf(name, sizeof name, "%s-%d.json", id, copy);
    }
    return unlinkat(folder, part, 0);
}
