/* A configuration file in a folder of its own. */
#ifndef UNIT_CONFIG_KIT_H
#define UNIT_CONFIG_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    char folder[64];
    char file[128];
};

static inline void write_bytes(const char *folder, const char *name, const char *bytes, size_t length) {
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline int set_up(void **state) {
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    snprintf(world->folder, sizeof world->folder, "/tmp/switchhook-config-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->file, sizeof world->file, "%s/switchhook.lua", world->folder);
    setenv("CONFIG_TEST_SET", "value of the variable", 1);
    setenv("CONFIG_TEST_EMPTY", "", 1);
    unsetenv("CONFIG_TEST_MISSING");
    *state = world;
    return 0;
}

static inline int tear_down(void **state) {
    struct world *world = *state;
    char path[256];
    static const char *const names[] = {"switchhook.lua", "secret.txt", "large.txt"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", world->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
    return 0;
}

static inline struct config *load_bytes(struct world *world, const char *bytes, size_t length,
                                        struct error *error) {
    *error = (struct error){0};
    write_bytes(world->folder, "switchhook.lua", bytes, length);
    return config_load(world->file, error);
}

static inline struct config *load(struct world *world, const char *text) {
    struct error error;
    struct config *config = load_bytes(world, text, strlen(text), &error);

    if (config == NULL) {
        fail_msg("%s\n%s", text, error.message);
    }
    return config;
}

static inline void assert_in_folder(const struct world *world, const char *prefix, const char *path,
                                    const char *name) {
    char expected[256];

    snprintf(expected, sizeof expected, "%s%s/%s", prefix, world->folder, name);
    assert_string_equal(path, expected);
}

/* What a mistake must be answered with: words that all have to be in the message. */
struct mistake {
    const char *text, *words[3];
};

static inline void assert_mistake(struct world *world, const struct mistake *mistake) {
    struct error error;
    struct config *config = load_bytes(world, mistake->text, strlen(mistake->text), &error);

    if (config != NULL) {
        fail_msg("accepted: %s", mistake->text);
    }
    for (size_t word = 0; word < 3 && mistake->words[word] != NULL; word++) {
        if (strstr(error.message, mistake->words[word]) == NULL) {
            fail_msg("%s\nsays: %s\nwithout: %s", mistake->text, error.message, mistake->words[word]);
        }
    }
    if (strstr(error.message, "switchhook.lua") == NULL) {
        fail_msg("%s\nsays: %s\nwithout the file's name", mistake->text, error.message);
    }
}

#endif
