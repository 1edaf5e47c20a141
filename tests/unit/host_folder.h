/* What the tests of scripts and of their watch share: a folder of their own, and the ways of changing what is in
 * it. */
#ifndef UNIT_HOST_FOLDER_H
#define UNIT_HOST_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_PATH_SIZE = 600 };

/* One test's folder, with `scripts` in it. */
static char folder[64];
static char scripts[80];

/* Where a name lies: in a ring, so that some can be used in one call. */
static inline const char *at(const char *name) {
    static char paths[4][FOLDER_PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_true(snprintf(path, FOLDER_PATH_SIZE, "%s/%s", folder, name) < FOLDER_PATH_SIZE);
    return path;
}

static inline void make_folder(const char *name) {
    assert_int_equal(mkdir(at(name), 0700), 0);
}

static inline int open_file(const char *name, int flags) {
    int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    assert_true(fd >= 0);
    return fd;
}

static inline void write_text(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* In place. */
static inline void put(const char *name, const char *text) {
    int fd = open_file(name, O_TRUNC);
    write_text(fd, text);
    assert_int_equal(close(fd), 0);
}

static inline void move(const char *from, const char *to) {
    assert_int_equal(rename(at(from), at(to)), 0);
}

static inline void link_to(const char *target, const char *name) {
    assert_int_equal(symlink(target, at(name)), 0);
}

/* Replaces a symlink at once. */
static inline void swap_link(const char *target, const char *name) {
    char fresh[FOLDER_PATH_SIZE];
    snprintf(fresh, sizeof fresh, "%s_fresh", name);
    link_to(target, fresh);
    move(fresh, name);
}

static inline int folder_open(void) {
    snprintf(folder, sizeof folder, "/tmp/switchhook-host-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(scripts, sizeof scripts, "%s/scripts", folder);
    return mkdir(scripts, 0700);
}

static inline int folder_remove(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- %s", folder);
    return system(command);
}

#endif
