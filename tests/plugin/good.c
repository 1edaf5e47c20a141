/* What a plugin may do, for the tests. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <switchhook.h>
#include <time.h>
#include <unistd.h>

static atomic_int together, most_together;

/* The text of a member, without escapes. */
static const char *member(const char *arguments, const char *name, char *out, size_t size) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *begin = strstr(arguments, key);
    out[0] = '\0';
    if (begin != NULL) {
        begin += strlen(key);
        size_t length = strcspn(begin, "\"");
        snprintf(out, size, "%.*s", (int)length, begin);
    }
    return out;
}

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void echo(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    (void)context;
    switchhook_answer_json(answer, arguments, length);
}

/* { file = }: one line more in it for each call; answers its own. */
static void touch(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    char path[512], text[128];
    (void)context;
    (void)length;
    FILE *file = fopen(member(arguments, "file", path, sizeof path), "ae");
    if (file == NULL) {
        switchhook_answer_error(answer, "NoFile", "the file cannot be written", false);
        return;
    }
    snprintf(text, sizeof text, "{\"step\": \"%s\", \"repeated\": %s}", answer->step,
             answer->is_repeated ? "true" : "false");
    fprintf(file, "%s\n", text);
    fclose(file);
    switchhook_answer_json(answer, text, strlen(text));
}

/* { code =, message =, retryable = "true" } */
static void fail(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    char code[512], message[512], retryable[8];
    (void)context;
    (void)length;
    member(arguments, "retryable", retryable, sizeof retryable);
    switchhook_answer_error(answer, member(arguments, "code", code, sizeof code),
                            member(arguments, "message", message, sizeof message), strcmp(retryable, "true") == 0);
}

/* { file = }: a line in FILE.begun, then waits until the file is there. */
static void wait(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    char path[512], begun[600];
    member(arguments, "file", path, sizeof path);
    snprintf(begun, sizeof begun, "%s.begun", path);
    FILE *file = fopen(begun, "ae");
    if (file != NULL) {
        fprintf(file, "%s\n", answer->is_repeated ? "again" : "first");
        fclose(file);
    }
    while (access(path, F_OK) != 0) {
        nap();
    }
    echo(context, arguments, length, answer);
}

/* How many were in it at the same time, at most. */
static void count(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    char text[32];
    (void)context;
    (void)arguments;
    (void)length;
    int here = atomic_fetch_add(&together, 1) + 1;
    for (int most = atomic_load(&most_together);
         here > most && !atomic_compare_exchange_weak(&most_together, &most, here);) {
    }
    nap();
    atomic_fetch_sub(&together, 1);
    snprintf(text, sizeof text, "%d", atomic_load(&most_together));
    switchhook_answer_json(answer, text, strlen(text));
}

static void bad(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    (void)context;
    (void)arguments;
    (void)length;
    switchhook_answer_json(answer, "{\"a\": 1,}", 9);
}

static void large(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    enum { SIZE = 64 << 20 };
    char *text = malloc(SIZE);
    (void)context;
    (void)arguments;
    (void)length;
    memset(text, ' ', SIZE);
    switchhook_answer_json(answer, text, SIZE);
    free(text);
}

static void nothing(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    (void)context;
    (void)arguments;
    (void)length;
    (void)answer;
}

/* The last words, where the environment says. */
static void leave(void *context) {
    const char *path = getenv("TEST_PLUGIN_LEFT");
    FILE *file = path == NULL ? NULL : fopen(path, "ae");
    (void)context;
    if (file != NULL) {
        fputs("left\n", file);
        fclose(file);
    }
}

int switchhook_plugin(struct switchhook_registry *registry) {
    switchhook_at_unload(registry, leave, NULL);
    return switchhook_register(registry, "test.echo", echo, NULL, 0) |
           switchhook_register(registry, "test.touch", touch, NULL, 0) |
           switchhook_register(registry, "test.fail", fail, NULL, 0) |
           switchhook_register(registry, "test.wait", wait, NULL, 0) |
           switchhook_register(registry, "test.count", count, NULL, 0) |
           switchhook_register(registry, "test.alone", count, NULL, SWITCHHOOK_ONE_AT_A_TIME) |
           switchhook_register(registry, "test.bad", bad, NULL, 0) |
           switchhook_register(registry, "test.large", large, NULL, 0) |
           switchhook_register(registry, "test.nothing", nothing, NULL, 0);
}
